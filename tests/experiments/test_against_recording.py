"""A recorded training explained beside the script of today."""

import numpy as np
import pytest

from whydiff import explain, record
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.findings import CONFIRMED, SUSPECTED
from whydiff.core.recipe import Content
from whydiff.runner.child.recorded import NO_PROGRAM, _among

SCRIPT = """
import sys
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
keras.utils.set_random_seed(int(sys.argv[1]))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.2)])
model.compile(keras.optimizers.SGD(float(sys.argv[2])), "mse")
model.fit(x, y[:, None] + np.zeros(3), epochs=2, batch_size=16, verbose=0)
"""


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    record("train.py", output="then.whydiff", arguments=["1", "0.1"])
    return "then.whydiff"


@pytest.mark.long
def test_hybrids_start_from_what_was_recorded(recorded):
    answer = explain(recorded, "train.py", arguments=["2", "0.1"])
    assert answer.reproduced and answer.unexplained == 0.0
    assert {c.source for c in answer.causes} == {"initialization", "data-order", "noise"}
    assert {c.status for c in answer.causes} == {CONFIRMED}
    assert answer.chosen.startswith("fit 1 of then.whydiff and fit 1 of train.py")

    answer = explain(
        recorded, "train.py", arguments=["1", "0.2"]
    )  # no program of that rate is here
    (cause,) = answer.causes
    assert (cause.source, cause.status) == ("optimizer", SUSPECTED)
    assert NO_PROGRAM in cause.evidence
    assert "whydiff explain train.py then.whydiff" in answer.remedy.how
    with pytest.raises(WhydiffError, match=r"a_env cannot be used with a recording"):
        explain(recorded, "train.py", a_env={"A": "1"})


LOOP = """
for epoch in range(2):
    for i in np.random.permutation(4):
        here = slice(16 * i, 16 * i + 16)
        model.train_on_batch(x[here], (y[:, None] + np.zeros(3))[here])
"""


@pytest.mark.long
def test_a_recorded_loop_starts_from_what_was_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = SCRIPT.partition("model.fit(")[0] + LOOP
    (tmp_path / "train.py").write_text(script)
    record("train.py", output="then.whydiff", arguments=["1", "0.1"])
    answer = explain("then.whydiff", "train.py", arguments=["2", "0.1"], fix=False)
    assert answer.reproduced and answer.unexplained == 0.0
    assert {c.source for c in answer.causes} == {"initialization", "data-order", "noise"}
    assert {c.status for c in answer.causes} == {CONFIRMED}
    again = "by running the script again: initial values and batches put in place."
    assert f"8 hybrids were trained {again}" in answer.notes

    answer = explain("then.whydiff", "train.py", arguments=["1", "0.2"], fix=False)
    (cause,) = answer.causes
    assert (cause.source, cause.status) == ("optimizer", SUSPECTED)
    assert NO_PROGRAM in cause.evidence
    assert not any(again in note for note in answer.notes)  # not even A could be


#: Steps of two models in turns, the second on what the first is fed.
TURNS = """
other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
other.compile("sgd", "mse")
for i in range(4):
    here = slice(16 * i, 16 * i + 16)
    model.train_on_batch(x[here], (y[:, None] + np.zeros(3))[here])
    other.train_on_batch(x[here], model(x[here]))
"""


@pytest.mark.long
def test_recorded_loops_whose_steps_come_in_turns_start_from_what_was_recorded(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    script = SCRIPT.partition("model.fit(")[0].replace(", keras.layers.Dropout(0.2)", "")
    turns = TURNS.replace("model(x[here])", "np.zeros((16, 3))")
    (tmp_path / "train.py").write_text(script + turns)
    record("train.py", output="then.whydiff", arguments=["1", "0.1"])
    answer = explain("then.whydiff", "train.py", arguments=["2", "0.1"], fix=False)
    assert [(c.source, c.status) for c in answer.causes] == [("initialization", CONFIRMED)]
    assert answer.reproduced and answer.unexplained == 0.0

    # What a model makes for another is in no recording: it is not found among what is fed here.
    (tmp_path / "train.py").write_text(script + TURNS)
    record("train.py", output="then.whydiff", arguments=["1", "0.1"], force=True)
    answer = explain("then.whydiff", "train.py", arguments=["2", "0.1"], fix=False)
    assert {c.status for c in answer.causes} == {SUSPECTED}


def content(*numbers, unit="sample"):
    rows = np.array([[n, n] for n in numbers], np.uint64).reshape(-1, 2)
    return Content(rows, unit)


def test_samples_are_found_by_their_digests():
    assert _among(content(3, 1, 3), content(1, 2, 3)).tolist() == [2, 0, 2]
    with pytest.raises(TransferError, match="2 of its 3 samples are not among those here"):
        _among(content(3, 8, 9), content(1, 2, 3))
    with pytest.raises(TransferError, match="another form"):
        _among(content(1), content(1, unit="batch"))
