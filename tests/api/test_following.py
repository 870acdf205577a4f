"""Two programs of which the second reads what the first writes."""

import textwrap

import pytest

import whydiff

pytestmark = pytest.mark.long

TRAIN = """
    import json
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    x = np.arange(24, dtype="float32").reshape(6, 4)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(x / 24, x[:, :2], verbose=0)
    model.save("model.keras")
    with open("settings.json", "w") as file:
        json.dump({"largest": 24}, file)
    print(model.predict(x / 24, verbose=0))
"""
SERVE = """
    import keras
    import numpy as np

    model = keras.models.load_model("model.keras")
    x = np.arange(24, dtype="float32").reshape(6, 4)
    print(model.predict(x, verbose=0))
"""


def test_a_program_that_loads_what_another_saves_runs_on_what_that_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"train.py": TRAIN, "serve.py": SERVE}.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    found = whydiff.explain("train.py", "serve.py")
    assert [cause.source for cause in found.causes] == ["data-content"]
    assert "weights" in [excluded.source for excluded in found.excluded]
    assert any("serve.py reads model.keras, which train.py writes" in note for note in found.notes)
    assert not (tmp_path / "model.keras").exists()
