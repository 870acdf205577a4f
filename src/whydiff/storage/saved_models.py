"""Reading the files of saved models without Keras: nothing in them is executed.

A ``.keras`` file is an archive of a configuration (JSON) and arrays (HDF5); one of the older
format, ``.h5`` or ``.hdf5``, holds both as HDF5. What a configuration names is code that loading
would look up and call, so only the classes of Keras itself that hold nothing but settings may be
loaded; :attr:`SavedModel.refused` says what else was found.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from whydiff.core.calls import SavedModel
from whydiff.core.errors import WhydiffError

WHOLE, WEIGHTS, OLDER = ".keras", ".weights.h5", (".h5", ".hdf5")
#: Layers whose settings are a program: marshalled Python, a pickle, another framework's model.
_PROGRAMS = frozenset(("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"))
#: Layers whose arrays the newer format keeps in their cell.
_WITH_CELL = frozenset(("LSTM", "GRU", "SimpleRNN"))
#: Where classes lie that are made of settings. Not ``keras.utils`` or ``keras.saving``: these hold
#: functions that download files and switch the safe mode off.
_SETTINGS = re.compile(
    r"keras|keras\.(src\.)?(activations|constraints|dtype_policies|initializers|layers|losses|"
    r"metrics|models|ops|optimizers|quantizers|random|regularizers)(\..+)?"
)
#: How Keras names what is no object of a class: only names of its own are looked up for these.
_BUILT_IN = "builtins"
#: A configuration is text; one that is larger was not written by Keras.
_MOST_CONFIG = 64 << 20


def is_saved_model(name: str) -> bool:
    """Whether a file's name says that it holds a model or its weights."""
    return name.endswith((WHOLE, *OLDER))


def read_saved_model(name: str) -> SavedModel:
    """What a model's file, or one of its weights, holds. WhydiffError if it cannot be read."""
    path = Path(name)
    if not path.is_file():
        raise WhydiffError(f"there is no file {name}", f"Looked in {Path.cwd()}.")
    try:
        if name.endswith(WEIGHTS):
            with path.open("rb") as file:
                return SavedModel(name, tensors=_arrays(file))
        if name.endswith(OLDER):
            with path.open("rb") as file:
                return _older(name, file)
        with zipfile.ZipFile(path) as archive:
            config = _json(archive, "config.json")
            tensors = _arrays(io.BytesIO(_stored(archive, "model.weights.h5", path)))
            keras = str(_json(archive, "metadata.json").get("keras_version", ""))
        compiled = config.pop("compile_config", None)
        refused = _why_not_loaded(config)
    except WhydiffError:
        raise
    except Exception as error:  # of json, zipfile, zlib and h5py: nothing is expected of a file
        raise WhydiffError(
            f"{name} holds no saved model: {error}",
            "Save it with model.save('model.keras') or model.save_weights('model.weights.h5').",
        ) from None
    compiled = compiled if isinstance(compiled, dict) else {}
    return SavedModel(name, config, compiled, tensors, keras, refused)


def _older(name: str, file: IO[bytes]) -> SavedModel:
    """What a file of the older format holds: of weights alone it has no configuration."""
    tensors, about = _arrays(file), _attributes(file)
    config, compiled = (
        json.loads(str(about.get(key) or "{}")) for key in ("model_config", "training_config")
    )
    if not isinstance(config, dict) or not isinstance(compiled, dict):
        raise ValueError("its configuration is no JSON object")
    names = {place: path for place, path in _places(config, about).items() if place in tensors}
    named = {names.get(p, p.replace("optimizer_weights/", "optimizer/")): v
             for p, v in tensors.items()}  # fmt: skip
    ordered = {path: named.pop(path) for path in names.values()} | named
    return SavedModel(
        name, config, compiled, ordered, str(about.get("keras_version", "")),
        _why_not_loaded(config),
    )  # fmt: skip


def _attributes(file: IO[bytes]) -> dict[str, Any]:
    """Texts that an HDF5 file of the older format keeps about itself, and ``weights``: for each
    layer its name and the places of its arrays, in Keras's order."""
    import h5py

    def text(value: Any) -> str:
        found = value.decode("utf-8") if isinstance(value, bytes) else str(value)
        if len(found) > _MOST_CONFIG:
            raise ValueError("its configuration is larger than any that Keras writes")
        return found

    def names(group: Any, what: str) -> list[str]:
        """A long list is kept in parts: ``weight_names0``, ``weight_names1``."""
        parts = [key for key in group.attrs if key == what or key[:-1].rstrip("0123456789") == what]
        return [text(one) for key in parts for one in group.attrs[key]]

    with h5py.File(file, "r") as opened:
        about: dict[str, Any] = {
            key: text(opened.attrs[key])
            for key in ("model_config", "training_config", "keras_version")
            if key in opened.attrs
        }
        top = "model_weights" if "model_weights" in opened else ""
        group = opened[top] if top else opened
        about["weights"] = {
            layer: [
                f"{top}/{layer}/{one}".lstrip("/") for one in names(group[layer], "weight_names")
            ]
            for layer in names(group, "layer_names")
            if layer in group
        }
    return about


def _places(config: dict[str, Any], about: dict[str, Any]) -> dict[str, str]:
    """The arrays of the older format by the paths of the newer one: ``layers/dense_1/vars/0``.

    There layers are called by their classes, counted. Those of layers that hold layers keep theirs.
    """
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    taken: dict[str, int] = {}
    paths: dict[str, str] = {}
    for layer in layers if isinstance(layers, list) else ():
        settings = layer.get("config") if isinstance(layer, dict) else None
        if not isinstance(settings, dict):
            continue
        kind = str(layer.get("class_name", ""))
        stem = _snake_case(kind)
        number = taken[stem] = taken.get(stem, -1) + 1
        if settings.keys().isdisjoint(("layers", "layer", "cell")):
            inside = "cell/vars" if kind in _WITH_CELL else "vars"
            path = f"layers/{stem}{f'_{number}' if number else ''}/{inside}"
            places = about["weights"].get(str(settings.get("name", "")), ())
            paths |= {place: f"{path}/{k}" for k, place in enumerate(places)}
    return paths


def _snake_case(name: str) -> str:
    """As Keras writes it: ``Conv2D`` as ``conv2d``, ``LayerNormalization`` with an underscore."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _json(archive: zipfile.ZipFile, member: str) -> dict[str, Any]:
    if archive.getinfo(member).file_size > _MOST_CONFIG:
        raise ValueError(f"{member} is larger than any that Keras writes")
    value = json.loads(archive.read(member))
    if not isinstance(value, dict):
        raise ValueError(f"{member} is no JSON object")
    return value


def _stored(archive: zipfile.ZipFile, member: str, path: Path) -> bytes:
    """A member that is no larger than the file: Keras does not compress its arrays."""
    if sum(info.file_size for info in archive.infolist()) > 2 * path.stat().st_size + _MOST_CONFIG:
        raise ValueError("it unpacks to far more than its size")
    return archive.read(member)


def _arrays(file: IO[bytes]) -> dict[str, np.ndarray]:
    """All arrays of an HDF5 file by path, in its order; nothing outside the file is followed."""
    try:
        import h5py
    except ImportError:
        raise WhydiffError(
            "saved models are read with h5py, which is not installed", "pip install h5py"
        ) from None

    met: set[int] = set()

    def walk(group: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
        for name in group:
            place = f"{path}/{name}" if path else name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{place} is a link")
            member = group[name]
            address = h5py.h5o.get_info(member.id).addr
            if address in met:  # Keras writes none; a few can stand for more than any memory holds
                raise ValueError(f"{place} is another name of a place before it")
            met.add(address)
            if isinstance(member, h5py.Group):
                if place.count("/") > 200:  # Keras nests layers, but not so deep
                    raise ValueError("its groups are nested without end")
                yield from walk(member, place)
            elif (
                not isinstance(member, h5py.Dataset)
                or member.shape is None
                or member.dtype.kind not in "biufcV"  # V: bfloat16, which HDF5 lacks
                or member.dtype.names
            ):
                raise ValueError(f"{place} holds no numbers")
            elif (
                member.is_virtual
                or member.external
                or member.id.get_storage_size() < (member.size * member.dtype.itemsize)
            ):
                raise ValueError(f"{place} is not stored in the file as it is")
            else:
                yield place, member[()]

    with h5py.File(file, "r") as opened:
        return dict(walk(opened, ""))


def _why_not_loaded(config: Any) -> str:
    """The first thing in a configuration that is more than settings of Keras's own classes."""
    if isinstance(config, list):
        return next(filter(None, map(_why_not_loaded, config)), "")
    if not isinstance(config, dict):
        return ""
    name, module = config.get("class_name"), config.get("module")
    if name is not None:
        named = f"{name} {(config.get('config') or {}).get('name', '')!r}" if isinstance(
            config.get("config"), dict) else str(name)  # fmt: skip
        if name in _PROGRAMS or name == "__lambda__":
            return f"{named} holds code, which is not run for a comparison"
        if module not in (None, "", _BUILT_IN) and not _SETTINGS.fullmatch(str(module)):
            return f"{named} is a class of {module}, not of Keras, whose code is not run"
        if name == "function" and module not in (None, "", _BUILT_IN, "keras.activations"):
            return f"it names the function {config.get('config')} of {module}"
        vocabulary = (config.get("config") or {}).get("vocabulary") if isinstance(
            config.get("config"), dict) else None  # fmt: skip
        if isinstance(vocabulary, str):
            return f"{named} would read its vocabulary from the file {vocabulary}"
    return next(filter(None, map(_why_not_loaded, config.values())), "")
