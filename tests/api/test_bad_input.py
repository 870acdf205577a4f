"""Scripts that cannot be explained: the script's own exit code and output, and a way out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from whydiff.storage import load
from whydiff.testing import HANGS

pytestmark = pytest.mark.long

FIT = """
import keras, numpy as np
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).random((64, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
"""

OTHER = """
x = np.ones((32, 8, 8, 1), "float32")
other = keras.Sequential(
    [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()]
)
other.compile("sgd", "mse")
other.fit(x, np.ones((32, 4), "float32"), verbose=0)
"""

TROUBLE = {
    "fails": (
        "import keras\nprint('starting')\nraise ValueError('no such column: price')",
        ("exited with 1", "starting", "no such column: price", "Fix the script first"),
    ),
    "stops early": (
        "import keras, sys\nprint('usage: train.py DATA', file=sys.stderr)\nsys.exit(3)",
        ("exited with 3", "usage: train.py DATA"),
    ),
    "killed": (
        "import keras, os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        ("was ended by signal 9",),
    ),
    "uses no model": ("import keras\nx = 1", ("used no Keras model that was observed",)),
    "no keras": ("print('hello')", ("never imported Keras",)),
    "nothing in common": (
        FIT + "model.fit(x, x[:, :1], verbose=0)" + OTHER,
        ("have nothing in common", "x: float32 (3,)", "x: float32 (8, 8, 1)", "--fits"),
    ),
    "no such fit": (FIT + "model.fit(x, x[:, :1], verbose=0)", ("names fit 2", "has 1 fit")),
    "no such metric": (
        FIT + "for _ in range(2):\n    model.fit(x, x[:, :1], verbose=0)",
        ("'f1' was not logged by both fits", "loss"),
    ),
}
MORE = {
    "nothing in common": ["--fits", "1,2"],
    "no such fit": ["--fits", "1,2"],
    "no such metric": ["--metric", "f1"],
}


def whydiff(folder, *arguments):
    return subprocess.run(
        [Path(sys.executable).with_name("whydiff"), *arguments],
        cwd=folder,
        env=os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", TROUBLE)
def test_says_what_is_wrong_and_what_to_do(name, tmp_path):
    text, said = TROUBLE[name]
    (tmp_path / "train.py").write_text(text)
    done = whydiff(tmp_path, "explain", "train.py", *MORE.get(name, []))
    assert done.returncode == 2
    assert done.stdout == ""
    assert all(part in done.stderr for part in said), done.stderr
    # The script's own traceback may be there; nothing of ours is.
    assert "whydiff/" not in done.stderr, done.stderr


def test_a_script_that_fails_halfway_keeps_its_exit_code_output_and_recording(tmp_path):
    (tmp_path / "train.py").write_text(
        FIT + "model.fit(x, x[:, :1], verbose=0)\nprint('once')\nraise SystemExit(5)\n"
    )
    done = whydiff(tmp_path, "record", "train.py", "-o", "a.whydiff")
    assert done.returncode == 5
    assert "once" in done.stdout
    execution = load(tmp_path / "a.whydiff")
    assert execution.exit_code == 5
    assert [fit.finished for fit in execution.fits] == [True]


def test_a_model_that_cannot_be_serialised_is_explained_all_the_same(tmp_path):
    (tmp_path / "train.py").write_text(
        FIT
        + """
class Unsaveable(keras.Model):
    def __init__(self, handle):
        super().__init__()
        self.dense, self.handle = keras.layers.Dense(1, activation=lambda t: t * handle[0]), handle

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        raise TypeError("not for saving")


def train(rate):
    keras.utils.set_random_seed(3)
    model = Unsaveable([0.5, open(__file__)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    model.fit(x, x[:, :1], verbose=0)


train(0.1)
train(0.2)
"""
    )
    done = whydiff(tmp_path, "explain", "train.py", "--no-fix")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The two trainings differ because of the optimizer.")


def test_ctrl_c_keeps_what_was_recorded(tmp_path):
    (tmp_path / "train.py").write_text(
        FIT
        + "import time\nmodel.fit(x, x[:, :1], verbose=0)\nopen('trained', 'w').close()\n"
        + "time.sleep(10**7)\n"
    )
    process = subprocess.Popen(
        # in place: on a scratch copy the file that it waits for is not to be seen
        [Path(sys.executable).with_name("whydiff"), "explain", "train.py", "--in-place"],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell in the background has its children ignore Ctrl-C; a terminal has not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "trained").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone in front
    _, said = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert "kept train.a.whydiff" in said
    assert "Traceback" not in said.replace("KeyboardInterrupt", "")
    assert len(load(tmp_path / "train.a.whydiff").fits) == 1
