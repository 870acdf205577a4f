"""Known truths about versions: what acts through draws is told apart from what a version computes.

Environments are made in the user's cache folder, once. All run on JAX, whose packages are small.
"""

from pathlib import Path

import pytest

import whydiff
from whydiff.core.findings import CONFIRMED

TRAINING = """\
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 8)).astype("float32")
y = (x[:, 0] > 0).astype(int)
{model}
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, batch_size=32, verbose=0)
"""
DENSE = """\
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2, "softmax")]
)"""
OLD = ["keras==3.5.0", "jax==0.4.38"]


@pytest.fixture
def script(tmp_path, monkeypatch):
    def written(model):
        path = tmp_path / "train.py"
        path.write_text(TRAINING.format(model=model))
        return path

    monkeypatch.chdir(tmp_path)
    return written


def causes(found):
    assert found.reproduced
    return {c.source: c for c in found.causes}


@pytest.mark.long
def test_attention_starts_wider_since_keras_3_15_and_nothing_else_differs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    script = Path(__file__).parent.parent.parent / "examples/upgraded.py"
    found = whydiff.explain(script, a_packages=["keras==3.12.1"], fix=False)
    ((source, cause),) = causes(found).items()
    assert (source, cause.status, cause.mechanism) == (
        "initialization", CONFIRMED, "keras-fans-3-15",
    )  # fmt: skip
    assert (cause.share, cause.remaining, found.unexplained) == (1.0, 0.0, 0.0)
    version = next(e for e in found.excluded if e.source == "version")
    assert "keras: 3.12.1 vs. " in version.evidence and "changes no bit" in version.evidence


@pytest.mark.thorough
def test_jax_0_5_draws_other_initial_weights_and_one_setting_makes_them_equal(script):
    found = whydiff.explain(script(DENSE), a_packages=OLD)
    cause = causes(found)["initialization"]
    assert (cause.status, cause.mechanism) == (CONFIRMED, "jax-threefry-partitionable")
    assert cause.share > 0.97
    assert set(causes(found)) <= {"initialization", "version"}
    note = next(note for note in found.notes if note.startswith("Of the packages"))
    keras, jax = note.split("; ")
    assert (
        "keras 3.5.0 in place of" in keras and "do not go together" in keras
    )  # for lack of a name
    assert "jax 0.4.38 in place of" in jax and "gives what A has" in jax
    assert found.remedy.verified and "JAX_THREEFRY_PARTITIONABLE=1" in found.remedy.patch


@pytest.mark.thorough
def test_a_version_that_rounds_otherwise_is_said_to_be_harmless(script, monkeypatch):
    monkeypatch.setenv("JAX_THREEFRY_PARTITIONABLE", "1")
    found = whydiff.explain(script(DENSE), a_packages=OLD)
    ((source, cause),) = causes(found).items()
    assert (source, cause.mechanism) == ("version", "rounds-otherwise")
    assert found.first_divergence.max_ulp == 1
    assert found.gap["predictions_differ"] == 0.0
    assert any("harmless" in note for note in found.notes)
    assert "Nothing needs to be repaired" in found.remedy.how


@pytest.mark.thorough
def test_keras_3_10_trains_a_dense_net_bit_for_bit_alike(script):
    found = whydiff.explain(script(DENSE), b_packages=["keras==3.10.0"])
    assert found.identical


@pytest.mark.thorough
def test_a_lock_holds_up_to_rounding_under_other_versions(script, monkeypatch):
    monkeypatch.setenv("JAX_THREEFRY_PARTITIONABLE", "1")
    path = script(DENSE)
    whydiff.lock(path)
    found = whydiff.verify(path, require="rounding", packages=OLD)
    assert (found.level, found.exit_code) == ("rounding", 0)
    assert any(fact.startswith("version: keras: ") for fact in found.changed)


@pytest.mark.thorough
def test_replicas_are_fused_under_an_older_keras_as_they_train_alone(script):
    """There a step on JAX asks for what only ``fit`` notes of its devices."""
    path = script(DENSE)
    fused, solo = (
        whydiff.study(path, blocks=2, engine=engine, packages=["keras==3.10.0"])
        for engine in ("fused", "solo")
    )
    assert fused.engine == "fused" and not any("one by one" in note for note in fused.notes)
    metrics = [[row["accuracy"] for row in one.table] for one in (fused, solo)]
    assert metrics[0] == pytest.approx(metrics[1], abs=0.01)


@pytest.mark.thorough
def test_a_pin_is_tried_and_written_where_the_project_names_its_packages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    script = tmp_path / "train.py"
    example = Path(__file__).parent.parent.parent / "examples/upgraded.py"
    script.write_text(example.read_text())
    (tmp_path / "requirements.txt").write_text("keras>=3.3\n")
    found = whydiff.explain(script, a_packages=["keras==3.12.1"])
    assert found.remedy.verified and "agree bit for bit" in found.remedy.how
    assert found.remedy.patch.splitlines()[-2:] == ["-keras>=3.3", "+keras==3.12.1"]
    assert (tmp_path / "requirements.txt").read_text() == "keras>=3.3\n"
    another = found.remedy.how.partition("Another way: ")[2]
    assert 'kernel_initializer="truncated_normal"' in another and "agree bit for bit" in another
