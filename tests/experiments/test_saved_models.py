"""Two files of saved models explained; loading them executes nothing that they hold."""

import json
import pickle
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from whydiff import explain
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import CONFIRMED, SUSPECTED
from whydiff.report.documents import document_of
from whydiff.report.markdown import markdown
from whydiff.storage.saved_models import read_saved_model

SAVE = """
import keras
for name, seed, activation in (("a", 1, "relu"), ("b", 2, "tanh")):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(8, activation=activation),
        keras.layers.Dropout(0.3), keras.layers.Dense(3),
    ])
    model.compile("adam" if name == "a" else "sgd", "mse")
    model.save(f"{name}.keras")
    model.save_weights(f"{name}.weights.h5")
    model.save(f"{name}.h5")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    subprocess.run([sys.executable, "-c", SAVE], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.long
def test_settings_and_weights_share_the_difference_of_predictions(folder, monkeypatch):
    monkeypatch.chdir(folder)
    inputs = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    np.save("x.npy", inputs)
    answer = explain("a.keras", "b.keras", inputs="x.npy")
    assert {(c.source, c.status) for c in answer.causes} == {
        ("architecture", CONFIRMED),
        ("weights", CONFIRMED),
    }
    assert sum(c.share for c in answer.causes) == pytest.approx(1)
    assert answer.reproduced and "20 rows of x.npy" in answer.chosen
    settings = {r["setting"].partition(": ")[2]: r for r in answer.evidence["saved settings"]}
    assert (settings["activation"]["a"], settings["activation"]["b"]) == ("relu", "tanh")
    assert "optimizer" in {r["setting"] for r in answer.evidence["saved compile settings"]}
    text = markdown(document_of(answer))
    assert "the model in a.keras and the model in b.keras differ because of" in text.lower()
    assert not list(folder.glob("*.whydiff"))


@pytest.mark.long
def test_a_model_and_itself_predict_alike(folder, monkeypatch):
    monkeypatch.chdir(folder)
    answer = explain("a.keras", "a.keras")
    assert answer.identical and "bit for bit" in answer.chosen


@pytest.mark.long
def test_files_of_the_older_format_are_models_like_any(folder, monkeypatch):
    monkeypatch.chdir(folder)
    answer = explain("a.h5", "b.h5")
    assert {(c.source, c.status) for c in answer.causes} == {
        ("architecture", CONFIRMED),
        ("weights", CONFIRMED),
    }
    older, newer = read_saved_model("a.h5"), read_saved_model("a.keras")
    tensors = {p: v for p, v in newer.tensors.items() if not p.startswith("optimizer/")}
    assert {p for p in older.tensors if not p.startswith("optimizer/")} == set(tensors)
    assert all((older.tensors[path] == value).all() for path, value in tensors.items())
    assert explain("a.h5", "a.keras").identical


def test_a_file_of_the_older_format_runs_no_code(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"layers": [layer("Lambda", module="")]}}
        file.attrs["model_config"] = json.dumps(config)
    assert "Lambda 'x' holds code" in read_saved_model(str(path)).refused


@pytest.mark.long
def test_files_of_weights_are_compared_layer_by_layer(folder, monkeypatch):
    monkeypatch.chdir(folder)
    answer = explain("a.weights.h5", "b.weights.h5")
    assert [(c.source, c.status) for c in answer.causes] == [("weights", SUSPECTED)]
    differ = [r["weight"] for r in answer.evidence["saved weights"] if r["relative"]]
    assert differ == ["layers/dense/vars/0", "layers/dense_1/vars/0"]
    with pytest.raises(WhydiffError, match="saved models"):
        explain("a.weights.h5", "b.weights.h5", runs=True)


def saved(path, layer, change=lambda file: None):
    """A file of one layer, written without Keras."""
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["layers/x/vars/0"] = np.ones(3, np.float32)
        change(file)
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.9.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(path.with_suffix(".h5"), "model.weights.h5")
    return str(path)


def layer(name, module="keras.layers", **config):
    return {"class_name": name, "module": module, "config": {"name": "x", **config}}


@pytest.mark.parametrize(
    ("held", "named"),
    [
        (layer("Lambda"), "Lambda 'x' holds code"),
        (layer("TimeDistributed", layer=layer("Lambda")), "Lambda 'x' holds code"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {}}), "holds code"),
        (layer("TorchModuleWrapper"), "holds code"),
        (layer("Thing", "their_package"), "Thing 'x' is a class of their_package, not of Keras"),
        (layer("Dense", "keras_os"), "is a class of keras_os"),
        (layer("get_file", "keras.utils"), "is a class of keras.utils"),
        (
            layer("Dense", activation={"class_name": "function", "module": "keras.saving",
                                       "config": "load_model"}),
            "is a class of keras.saving",
        ),
        (layer("StringLookup", vocabulary="/etc/passwd"), "read its vocabulary from the file"),
    ],
)  # fmt: skip
def test_what_is_more_than_settings_of_keras_is_not_loaded(held, named, tmp_path):
    assert named in read_saved_model(saved(tmp_path / "a.keras", held)).refused


def test_a_model_with_code_is_compared_without_being_loaded(tmp_path):
    a = saved(tmp_path / "a.keras", layer("Lambda"))
    b = saved(tmp_path / "b.keras", layer("Dense", units=3))
    answer = explain(a, b)
    assert {(c.source, c.status) for c in answer.causes} == {("architecture", SUSPECTED)}
    assert "a.keras was not loaded: Lambda 'x' holds code" in answer.notes[0]


def external(file):
    file["layers/x/vars/1"] = h5py.ExternalLink("/etc/hostname", "/")


def unstored(file):
    file.create_dataset("layers/x/vars/1", (1 << 40,), np.float32)


def outside(file):
    file.create_dataset("layers/x/vars/1", (1,), np.float32, external=[("/etc/hostname", 0, 4)])


def multiplied(file):
    """Forty groups, each twice the parent of the next: 2**40 places of one array."""
    group = file
    for _ in range(40):
        inner = group.create_group("a")
        group["b"] = inner
        group = inner
    group["x"] = np.ones(3, np.float32)


def repeated(file):
    for k in range(1000):
        file[f"again{k}"] = file["layers/x/vars/0"]


def cyclic(file):
    file["whole"] = file["/"]


def text(file):
    file["layers/x/vars/1"] = "text"


def kinds(file):
    file["layers/x/vars/1"] = np.zeros(3, [("a", "f4"), ("b", "i8")])


def nothing(file):
    file["layers/x/vars/1"] = h5py.Empty("f4")


def a_type(file):
    file["layers/x/vars/1"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (external, "is a link"),
        (unstored, "not stored in the file"),
        (outside, "not stored"),
        (multiplied, "another name"),
        (repeated, "another name"),
        (cyclic, "another name"),
        *((change, "holds no numbers") for change in (text, kinds, nothing, a_type)),
    ],
)
def test_arrays_that_are_not_in_the_file_are_refused(change, named, tmp_path):
    with pytest.raises(WhydiffError, match=named):
        read_saved_model(saved(tmp_path / "a.keras", layer("Dense"), change))


@pytest.mark.parametrize("content", [b"", b"PK\3\4", pickle.dumps({"a": 1}), b"\x89HDF\r\n\x1a\n"])
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_a_file_of_another_kind_is_named(content, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(WhydiffError, match="holds no saved model"):
        read_saved_model(str(path))
