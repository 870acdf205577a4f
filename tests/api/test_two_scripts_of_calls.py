"""Two scripts that use one model each: what lies beside its weights, and how it is run."""

import pytest

from whydiff import explain
from whydiff.core.findings import CONFIRMED

BACKENDS = ("jax", "tensorflow", "torch")
HEAD = """import keras
import numpy as np

keras.utils.set_random_seed(8)
x = np.random.default_rng(1).normal(3, 2, size=(40, 5)).astype("float32")
norm = keras.layers.Normalization()
norm.adapt({adapted})
model = keras.Sequential([keras.Input((5,)), norm, keras.layers.Dense(2)])
"""
FIT = 'model.compile("sgd", "mse")\nmodel.fit(x, x[:, :2], epochs=1, verbose=0)\n'
AT_ONCE = "print(model.predict(x, verbose=0).mean())\n"
BY_HAND = """parts = [model(x[i : i + 16] * 1.5) for i in range(0, 40, 16)]
print(np.concatenate([keras.ops.convert_to_numpy(part) for part in parts]).mean())
"""


@pytest.fixture
def explained(tmp_path, monkeypatch):
    """``explain`` of two scripts on a backend."""
    monkeypatch.chdir(tmp_path)

    def run(backend, a, b):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        for name, text in (("a.py", a), ("b.py", b)):
            (tmp_path / name).write_text(text)
        return explain("a.py", "b.py", fix=False)

    return run


@pytest.mark.long
@pytest.mark.parametrize(
    ("backend", "use", "source"),
    [("torch", AT_ONCE, "state"), ("jax", FIT, "data-content")],
    ids=["prediction", "fit"],
)
def test_a_layer_that_was_adapted_to_other_data(explained, backend, use, source):
    adapted(explained, backend, use, source)


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("use", "source"), [(AT_ONCE, "state"), (FIT, "data-content")])
def test_that_on_every_backend(explained, backend, use, source):
    adapted(explained, backend, use, source)


def adapted(explained, backend, use, source):
    """The mean that Normalization derives is a tensor beside the weights, and goes along."""
    scripts = (HEAD.format(adapted=part) + use for part in ("x[:20]", "x"))
    found = explained(backend, *scripts)
    causes = [(c.source, c.status, round(c.share or 0, 2)) for c in found.causes]
    assert causes == [(source, CONFIRMED, 1.0)], found.notes
    assert abs(found.unexplained or 0.0) < 0.01


@pytest.mark.long
def test_a_loop_over_batches_against_one_prediction(explained):
    head = HEAD.format(adapted="x")
    found = explained("tensorflow", head + AT_ONCE, head + BY_HAND)
    assert [(c.source, c.status) for c in found.causes] == [("data-content", CONFIRMED)]
    assert "B is 1.5 times A" in found.causes[0].detail
    assert "the 3 calls of the model called" in found.chosen
    assert "Watched in A: 1 prediction; in B: 3 direct calls." in found.notes
