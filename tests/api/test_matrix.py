"""A script whose result depends on the version of a small package: found and grouped by it."""

import json

import pytest

import whydiff

TRAIN = """
import keras
import numpy as np
import six

version = tuple(int(part) for part in six.__version__.split("."))
keras.utils.set_random_seed(1)
x = np.random.default_rng(7).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.layers.Dense(1)])
rate = 0.05 if version >= (1, 14) else 0.01
model.compile(optimizer=keras.optimizers.SGD(learning_rate=rate), loss="mse")
model.fit(x, x.sum(axis=1), epochs=1, batch_size=32, verbose=0)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.mark.long
def test_the_release_of_a_dependency_that_changed_the_result_is_found(here):
    found = whydiff.bisect("train.py", "six==1.13.0", "six==1.15.0")
    assert (found.point(found.before).name, found.point(found.first).name) == (
        "six==1.13.0", "six==1.14.0",
    )  # fmt: skip
    assert found.runs <= 3
    (cause,) = found.explanation.causes
    assert (cause.source, cause.status) == ("optimizer", "confirmed")
    assert "learning_rate: 0.01 vs. 0.05" in cause.detail


@pytest.mark.long
def test_sets_are_grouped_and_not_run_again(here):
    asked = {"sets": ["six==1.13.0", "six==0.0.99"], "file": here / "m.json"}
    found = whydiff.matrix("train.py", **asked)
    _, old, none = found.cells
    assert [cell.level for cell in found.cells] == ["equal", "different", "failed"]
    assert list(found.groups("initial").values()) == ["A", "A", "-"]
    assert list(found.groups("final").values()) == ["A", "B", "-"]
    assert "six 1.13.0" in old.moved and "six==0.0.99" in none.why
    assert found.runs == 3
    (here / "m.json").write_text(json.dumps(found.to_dict()))
    again = whydiff.matrix("train.py", **{**asked, "sets": asked["sets"][:1]})
    assert (again.runs, again.cells) == (0, found.cells[:2])
