"""The traceback of a script's error leads through none of our wrappers."""

import os
import subprocess
import sys
import traceback

import pytest

from whydiff.recorder import unseen
from whydiff.recorder.unseen import UNSEEN

#: Every kind of wrapped method fails once; where the traceback leads through is printed.
SCRIPT = """
import sys, traceback
import keras
import numpy as np

class Fails(keras.layers.Layer):
    def call(self, x):
        raise ValueError("the layer's own")

class Stops(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyError("the callback's own")

x, wide, y = np.ones((8, 4), "float32"), np.ones((3, 7), "float32"), np.ones((8, 2))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
for wrong in (
    lambda: model.fit(x, np.ones((8, 5)), verbose=0),
    lambda: model.fit(x, y, callbacks=[Stops()], verbose=0),
    lambda: model.evaluate(x, np.ones((7, 2)), verbose=0),
    lambda: model.predict(wide, verbose=0),
    lambda: model(wide),
    lambda: keras.Sequential([Fails()])(x),
    lambda: model.set_weights([1]),
    lambda: model.weights[0].assign(x),
    lambda: model.load_weights("none.weights.h5"),
    lambda: keras.models.load_model("none.keras"),
    lambda: keras.models.clone_model(3),
    lambda: model.compile(optimizer="none"),
    lambda: model.save("model.txt"),
    lambda: keras.layers.Normalization().adapt(None),
    lambda: keras.metrics.Accuracy().update_state(),
    lambda: keras.losses.MeanSquaredError()(x, wide),
    lambda: print("text", file=3),
    lambda: np.random.seed("text"),
    lambda: keras.layers.Dense(2, kernel_initializer=3)(x),
):
    try:
        wrong()
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        print(type(error).__name__, [(place.filename, place.name) for place in places])
    else:
        print("no error")
"""


@pytest.fixture
def wrapper():
    """A function of a file of ours that calls another."""
    text = "def wrapper(function):\n    with UNSEEN:\n        return function()\n"
    names = {"UNSEEN": UNSEEN}
    exec(compile(text, unseen.__file__, "exec"), names)
    return names["wrapper"]


def through(function, *arguments):
    with pytest.raises(ValueError) as failed:
        function(*arguments)
    return [place.name for place in traceback.extract_tb(failed.tb)][1:]


def fails():
    raise ValueError("the script's")


def test_frames_of_ours_are_left_out_and_no_others(wrapper):
    assert through(wrapper, fails) == ["fails"]
    assert through(wrapper, lambda: wrapper(fails)) == ["<lambda>", "fails"]


def test_an_error_of_ours_keeps_its_place(wrapper):
    text = "def ours():\n    raise ValueError('ours')\n"
    names = {}
    exec(compile(text, unseen.__file__, "exec"), names)
    assert through(wrapper, names["ours"]) == ["wrapper", "ours"]


def test_what_is_wrapped_returns_what_it_did(wrapper):
    assert wrapper(lambda: 3) == 3


@pytest.mark.long
def test_errors_of_a_recorded_script_lead_where_they_did(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    record = "from whydiff.cli import main; main(['record', 'script.py', '-o', 'o.whydiff'])"
    plain, recorded = (
        subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, text=True,
            capture_output=True,
        )
        for command in (["script.py"], ["-c", record])
    )  # fmt: skip
    assert plain.returncode == recorded.returncode == 0, recorded.stderr
    assert plain.stdout.count("Error") >= 18
    assert recorded.stdout.splitlines() == plain.stdout.splitlines()
