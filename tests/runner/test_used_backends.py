"""Which backends a script uses, so that versions of the others do not stand in the way."""

import json

import pytest

from whydiff.runner.used_backends import BACKENDS, used_backends

CHOSEN = 'import os\nos.environ["KERAS_BACKEND"] = "jax"\nimport keras\n'


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def written(text, **modules):
        for name, own in modules.items():
            (tmp_path / f"{name}.py").write_text(own)
        (tmp_path / "train.py").write_text(text)
        return tmp_path / "train.py"

    return written


@pytest.mark.parametrize(
    ("text", "environment", "wanted"),
    [
        ("import keras", {}, {"tensorflow"}),
        ("import keras", {"KERAS_BACKEND": "torch"}, {"torch"}),
        (CHOSEN, {}, {"jax"}),
        ('os.environ.setdefault("KERAS_BACKEND", "jax")', {}, {"jax"}),
        (CHOSEN, {"KERAS_BACKEND": "torch"}, {"jax", "torch"}),
        ('os.environ["KERAS_BACKEND"] = options.backend', {}, set(BACKENDS)),
        (CHOSEN + "import tensorflow as tf", {}, {"jax", "tensorflow"}),
        ("import tf_keras", {"KERAS_BACKEND": "jax"}, {"jax", "tensorflow"}),
        (CHOSEN + "keras.utils.image_dataset_from_directory('x')", {}, {"jax", "tensorflow"}),
        (CHOSEN + "from torch.utils.data import DataLoader", {}, {"jax", "torch"}),
        ("print 'Python 2'\nimport torch", {"KERAS_BACKEND": "jax"}, {"jax", "torch"}),
    ],
)  # fmt: skip
def test_of_one_file(script, text, environment, wanted):
    assert used_backends(script(text), environment) == wanted


def test_of_the_modules_that_it_imports(script):
    modules = {"data": "from more import x", "more": "import torch", "unused": "import tensorflow"}
    assert used_backends(script(CHOSEN + "import data", **modules), {}) == {"jax", "torch"}


def test_of_a_configuration(script, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "keras.json").write_text(json.dumps({"backend": "torch"}))
    assert used_backends(script("import keras"), {"KERAS_HOME": str(home)}) == {"torch"}
