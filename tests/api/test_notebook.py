"""Recording and explaining inside one interpreter, on every backend, without disturbing it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

SESSION = """
import sys
import keras
import numpy as np
import whydiff

x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
y = x[:, :1]

def make(seed, rate=0.001):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"),
                              keras.layers.Dropout(0.1), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model

def ends(*models):
    return [w.tobytes() for m in models for w in m.get_weights()]
"""


def run(backend, code):
    done = subprocess.run(
        [sys.executable, "-c", SESSION + code],
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


EXPLAINED = """
from whydiff.core.progress import Silent

class Epochs(Silent):
    said = []
    def epochs(self, done, total, unit="epoch"):
        self.said.append((done, total))

def cell(explained):
    old = make(9)
    old.fit(x, y, epochs=1, verbose=0)  # before anything is watched
    if explained:
        with whydiff.recording() as cell:
            one, two = make(1), make(1, 0.05)
            one.fit(x, y, epochs=2, shuffle=False, verbose=0)
            keras.utils.set_random_seed(1)
            two.fit(x, y, epochs=2, shuffle=False, verbose=0)
            old.fit(x, y, epochs=1, verbose=0)
        assert len(cell) == 3
        answer = whydiff.explain(cell[1], cell[2], progress=Epochs())
        assert Epochs.said[:2] == [(1, 2), (2, 2)] and set(Epochs.said) == {(1, 2), (2, 2)}
        assert not answer.identical and answer.unexplained == 0.0
        causes = {c.source: c.status for c in answer.causes}
        assert causes == {"optimizer": "confirmed"}, causes
        old_against_new = whydiff.explain(cell[1], cell[3])
        assert "initialization" in {c.source for c in old_against_new.causes}
    else:
        one, two = make(1), make(1, 0.05)
        one.fit(x, y, epochs=2, shuffle=False, verbose=0)
        keras.utils.set_random_seed(1)
        two.fit(x, y, epochs=2, shuffle=False, verbose=0)
        old.fit(x, y, epochs=1, verbose=0)
    for model in (one, two, old):
        model.fit(x, y, epochs=1, verbose=0)
    return ends(one, two, old)

print(cell(True) == cell(False))
"""


@pytest.mark.parametrize(
    "backend",
    ["jax", pytest.param("tensorflow", marks=pytest.mark.thorough),
     pytest.param("torch", marks=pytest.mark.thorough)],
)  # fmt: skip
def test_explain_proves_the_cause_and_leaves_the_models_as_they_were(backend):
    assert run(backend, EXPLAINED).strip() == "True"


def test_a_recorder_among_the_callbacks_records_that_fit_only_and_changes_no_bit(tmp_path):
    code = f"""
from whydiff import Recorder
path = {str(tmp_path / "a.whydiff")!r}
a, b = make(3), make(3)
for model, callbacks in ((a, [Recorder(path)]), (b, [])):
    keras.utils.set_random_seed(4)
    model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks)
(fit,) = whydiff.load(path).fits
print(len(fit.epochs), fit.finished, ends(a) == ends(b))
"""
    assert run("jax", code).strip() == "2 True True"


def test_a_recorder_records_the_one_evaluate_or_predict_that_it_is_passed_to(tmp_path):
    code = f"""
import pathlib
from whydiff import Recorder
folder = pathlib.Path({str(tmp_path)!r})
model = make(3)
for name, call in (("evaluate", lambda **k: model.evaluate(x, y, verbose=0, **k)),
                   ("predict", lambda **k: model.predict(x, verbose=0, **k))):
    plain = call()
    watched = call(callbacks=[Recorder(folder / name)])
    call()
    execution = whydiff.load(folder / name)
    (one,) = execution.calls
    print(one.kind, np.array_equal(plain, watched), one.finished, execution.exit_code)
    if name == "evaluate":
        print(dict(one.values) == {{"loss": plain}}, "loss" in one.recipe.objective)
try:
    model.predict(x, batch_size="no", verbose=0, callbacks=[Recorder(folder / "failed")])
except Exception:
    print(whydiff.load(folder / "failed").exit_code)
model.fit(x, y, epochs=1, verbose=0, validation_data=(x, y), callbacks=[Recorder(folder / "f")])
execution = whydiff.load(folder / "f")
(fit,) = execution.fits
print(fit.finished, "val_loss" in fit.epochs[0].logs)
"""
    assert run("jax", code).splitlines() == [
        "evaluate True True 0", "True True", "predict True True 0", "1", "True True",
    ]  # fmt: skip


def test_wrong_use_is_refused_in_words():
    code = """
with whydiff.recording() as cell:
    for wrong in (lambda: cell[1], lambda: whydiff.recording().__enter__()):
        try:
            wrong()
        except whydiff.WhydiffError as error:
            print(error)
for wrong in (lambda: cell[1], lambda: whydiff.explain("a.py", cell)):
    try:
        wrong()
    except whydiff.WhydiffError as error:
        print(error)
"""
    lines = run("jax", code).splitlines()
    assert [line.partition(";")[0] for line in lines] == [
        "the recording is still under way",
        "this session is being recorded already",
        "there is no fit 1",
        "a script and a fit cannot be compared here",
    ]


TWO_CELLS = """
model = make(1)
with whydiff.recording(name="cell [1]") as before:
    model.predict(x, verbose=0)
weights = ends(model)
with whydiff.recording(name="cell [2]") as after:
    model.predict(x * 2, verbose=0)
    model(x, training=True)
found = whydiff.explain(before.call(1), after.call(1))
assert [(c.source, c.status) for c in found.causes] == [("data-content", "confirmed")], found.causes
assert "one and the same array" not in found.causes[0].detail, "it was another one"
sides = [(side["script"], side["number"]) for side in (found.a, found.b)]
assert sides == [("cell [1]", 1), ("cell [2]", 1)], sides
assert " of cell [1] and predict at line " in found.chosen and "--" not in found.chosen
found = whydiff.explain(before.call(1), after.call(2))
assert found.causes[0].source == "mode" and found.reproduced, found.causes
inside = whydiff.explain(after.call(1), after.call(2))
assert {c.source for c in inside.causes} >= {"data-content", "mode"}, inside.causes
assert ends(model) == weights
try:
    before.call(7)
except whydiff.WhydiffError as error:
    print(error)
"""


def test_predictions_of_two_cells_are_explained(tmp_path):
    cells = tmp_path / "cells.py"  # a model called by code of no file is not known to be a user's
    cells.write_text(SESSION + TWO_CELLS)
    run_as_it_is = f"import runpy; runpy.run_path({str(cells)!r}, run_name='__main__')"
    assert "no prediction or evaluation 7" in run("jax", run_as_it_is)
