"""A watched script imports TensorFlow only if it uses it, and then finds it as it would have."""

import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.runner.child.imports import AroundImport

TRAIN = """
import sys
import keras
import numpy as np

keras.utils.set_random_seed(1)
keras.utils.set_random_seed(3)
x = np.random.rand(32, 4).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
model.compile("sgd", "mse")
fed = {"x": x, "y": x[:, :2]}
"""
FIT = "print(model.fit(**fed, verbose=0).history)\nmodel.save('m.keras')\n"
NOT_THERE = FIT + "print('imported', 'tensorflow' in sys.modules)\n"
USES = {
    "draws and serializes": (
        "from keras.src.saving.serialization_lib import serialize_keras_object as save\n"
        "print(save(keras.layers.Dense(3)))\n"
        "import tensorflow as tf\nprint(tf.random.uniform((3,)), np.random.rand())\n"
        "keras.utils.set_random_seed(5)\nprint(tf.random.uniform((3,)))\n"
        "print(save(tf.TensorShape([3, None])), save(tf.TensorSpec((2,), tf.float16)))\n"
    ),
    "pipeline": (
        "import tensorflow as tf\ndata = tf.data.Dataset.from_tensor_slices((x, x[:, :2]))\n"
        "fed = {'x': data.shuffle(32).batch(8)}\n"
    ),
}


def plain(path):
    return _printed(path, sys.executable, path)


def watched(path):
    whydiff = Path(sys.executable).with_name("whydiff")
    return _printed(path, whydiff, "record", "-o", "r.whydiff", path)


def _printed(path, *command):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = [*map(str, command)]
    return subprocess.run(
        run, cwd=path.parent, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


@pytest.mark.long
@pytest.mark.parametrize("use", USES)
def test_what_uses_tensorflow_on_another_backend_draws_what_it_drew_before(tmp_path, use):
    path = tmp_path / "train.py"
    path.write_text(TRAIN + USES[use] + FIT)
    assert watched(path) == plain(path)


@pytest.mark.long
def test_a_script_without_tensorflow_does_not_wait_for_it(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(TRAIN + NOT_THERE)
    history, imported = watched(path).splitlines()
    assert imported == "imported False"
    assert history == plain(path).splitlines()[0]


def test_a_finder_of_the_script_is_asked_once(tmp_path, monkeypatch):
    (tmp_path / "a_library.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    asked, called = [], []

    class Finder:
        def find_spec(self, name, path=None, target=None):
            asked.append(name)

    ours = [AroundImport("a_library", lambda k=k: called.append(k)) for k in range(2)]
    monkeypatch.setattr(sys, "meta_path", [Finder(), *ours, *sys.meta_path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    importlib.import_module("a_library")
    assert asked == ["a_library"] and sorted(called) == [0, 1]


def test_a_finder_of_an_older_kind_behind_ours_is_no_error(tmp_path, monkeypatch):
    """Such as ``six`` put on the path until 1.15."""
    (tmp_path / "another_library.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    asked, called = [], []

    class Finder:
        def find_module(self, name, path=None):
            asked.append(name)

    ours = AroundImport("another_library", lambda: called.append(True))
    monkeypatch.setattr(sys, "meta_path", [ours, Finder(), *sys.meta_path])
    importlib.import_module("another_library")
    assert called == [True] and asked == (["another_library"] if sys.version_info < (3, 12) else [])


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_cycles_are_not_looked_for_while_a_library_is_imported(
    tmp_path, monkeypatch, collects, fails
):
    """Before and after that the collector is as the script has it."""
    (tmp_path / "outer_library.py").write_text("import inner_library\n" + "1 / 0\n" * fails)
    (tmp_path / "inner_library.py").write_text("import gc\nCOLLECTED = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    called = []
    names = ("outer_library", "inner_library")
    finders = [AroundImport(name, lambda: called.append(gc.isenabled())) for name in names]
    monkeypatch.setattr(sys, "meta_path", [*finders, *sys.meta_path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    before = gc.isenabled()
    try:
        gc.enable() if collects else gc.disable()
        if fails:
            with pytest.raises(ZeroDivisionError):
                importlib.import_module("outer_library")
        else:
            importlib.import_module("outer_library")
        assert gc.isenabled() is collects
        assert sys.modules["inner_library"].COLLECTED is False
        assert called == [False, *([collects] * (not fails))]
    finally:
        gc.enable() if before else gc.disable()
