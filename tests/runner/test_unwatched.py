"""A Keras that is not known, or not as expected inside, is left as it is; the script goes on."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from whydiff.runner.client import not_recorded

#: What whydiff replaces, as it stands in the classes' own namespaces.
CODE = """
import sys
import keras
from keras.src.backend import Variable
from keras.src.backend.common import variables
from whydiff.keras_backend import internals, patches
from whydiff.runner.child.main import Watching
from whydiff.runner.job import Job

classes = {cls for one in (keras.Model, Variable, internals.epoch_iterator("jax"),
                           internals.seed_generator(), *internals.random_initializers())
           for cls in one.__mro__} - {object}

def spaces():
    return {cls: dict(vars(cls)) for cls in classes}

untouched = spaces()
"""

OLD = """
internals.OLDEST = (99, 0)
"""

STRANGE = """
held = patches.owner_of(Variable, "_deferred_initialize")
deferred = held._deferred_initialize
del held._deferred_initialize
untouched = spaces()
"""

END = """
watching = Watching(Job.read(sys.argv[1]))
watching.keras_is_here()
assert spaces() == untouched
assert watching.session is None
"""

WATCHED = """
watching = Watching(Job.read(sys.argv[1]))
watching.keras_is_here()
assert spaces() != untouched
"""


def run(code, tmp_path):
    output = tmp_path / "run.whydiff"
    job = json.dumps({"script": "train.py", "arguments": [], "output": str(output)})
    done = subprocess.run(
        [sys.executable, "-c", code, job],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("whydiff: ")]
    return said, output.exists()


@pytest.mark.long
def test_a_script_that_is_not_watched_ends_with_its_own_code(tmp_path):
    package = tmp_path / "keras"
    package.mkdir()
    (package / "__init__.py").write_text('__version__ = "1.2"\n')
    script = tmp_path / "train.py"
    script.write_text("import keras, sys\nprint(keras.__version__)\nsys.exit(3)\n")
    file = tmp_path / "a.whydiff"
    command = [sys.executable, "-m", "whydiff", "record", str(script), "-o", str(file)]
    done = subprocess.run(command, text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (3, "1.2\n"), done.stderr
    (line,) = done.stderr.splitlines()
    assert "Keras 1.2 is not known to whydiff" in line and line.endswith("the script goes on")
    assert not list(tmp_path.glob("a.whydiff*"))


TRAINING = """
import keras, numpy as np, sys
keras.utils.set_random_seed(1)
x = np.random.normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x[:, 0], epochs=2, verbose=0, validation_split=0.25)
print(keras.__version__, [w.tobytes().hex() for w in model.get_weights()])
print(model.evaluate(x, x[:, 0], verbose=0))
sys.exit(3)
"""


def keras_that_calls_itself(version, folder):
    """A folder with the Keras that is installed, but for the number that it gives itself."""
    installed = Path(importlib.util.find_spec("keras").origin).parent
    for inside in ("", "src"):
        place = folder / "keras" / inside
        place.mkdir(parents=True)
        for one in (installed / inside).iterdir():
            if one.name not in ("src", "version.py", "__pycache__"):
                (place / one.name).symlink_to(one)
    text = (installed / "src/version.py").read_text().splitlines()
    text = [f'__version__ = "{version}"' if t.startswith("__version__") else t for t in text]
    (folder / "keras/src/version.py").write_text("\n".join(text) + "\n")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.2.9", pytest.param("4.7.0", marks=pytest.mark.thorough)])
def test_a_training_under_an_unknown_keras_ends_as_it_does_alone(version, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    path = os.pathsep.join([str(keras_that_calls_itself(version, tmp_path / "other")), *sys.path])
    variables = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path}
    recording = ["-m", "whydiff", "record", str(script), "-o", str(tmp_path / "a.whydiff")]
    alone, recorded = (
        subprocess.run([sys.executable, *words], env=variables, text=True, capture_output=True)
        for words in ([str(script)], recording)
    )
    assert recorded.stdout.startswith(version), recorded.stderr
    assert (recorded.returncode, recorded.stdout) == (alone.returncode, alone.stdout)
    said = [line for line in recorded.stderr.splitlines() if "tested with Keras 3.3 to" in line]
    assert len(said) == 1 and version in said[0]


def test_an_unknown_version_is_told_in_one_line(tmp_path):
    (line,), recorded = run(CODE + OLD + END, tmp_path)
    assert "is not known to whydiff" in line and "tested with Keras 99.0 to 3.15" in line
    assert line.endswith("the script goes on") and not recorded


@pytest.mark.long
def test_nothing_is_changed_where_one_change_fails(tmp_path):
    (line,), recorded = run(CODE + STRANGE + END, tmp_path)
    assert (
        "Variable has no _deferred_initialize" in line and "tested with Keras 3.3 to 3.15" in line
    )
    assert line.endswith("the script goes on") and not recorded


@pytest.mark.long
def test_the_keras_that_is_installed_is_watched_in_silence(tmp_path):
    said, recorded = run(CODE + WATCHED, tmp_path)
    assert said == [] and recorded


def test_whoever_asked_reads_why_nothing_was_recorded(tmp_path):
    log = tmp_path / "a.log"
    recording = tmp_path / "a.whydiff"
    child = SimpleNamespace(log=log, recording=recording, run=SimpleNamespace(text="train.py"))
    log.write_text("Epoch 1\n")
    never = not_recorded(child, "that can be locked")
    assert "never imported Keras" in str(never)
    assert "tested with Keras 3.3 to " in never.way_out and "Keras 2" in never.way_out
    line = "whydiff: nothing is recorded: Keras 2.15.0 is not known; the script goes on"
    log.write_text(f"Epoch 1\n{line}\nEpoch 2\n")
    why = str(not_recorded(child, "that can be locked"))
    assert line in why and "never imported Keras" not in why
