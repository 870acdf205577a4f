"""What decides an output and is no variable of the model.

Tensors and arrays that layers hold as attributes, vocabularies, recurrent states, and what
Lambda functions and ``call`` methods of the user's read by name: globals, closures, attributes.
"""

from __future__ import annotations

import copy
import random
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from whydiff.core.digests import tensor_digest
from whydiff.core.interrupting import pass_on
from whydiff.keras_backend.code import closed_over, is_users, methods_used
from whydiff.keras_backend.internals import is_tensor, is_variable, leaves_of
from whydiff.keras_backend.naming import Names
from whydiff.recorder.describe.values import PLAIN

_BIG = 16  # values of more elements are told by their digest alone
_DEEP = 3  # functions that functions call are looked into so far


@dataclass(frozen=True, eq=False)
class Held:
    """One such value; ``told`` says that the architecture's facts hold it, too."""

    name: str
    kind: str
    layer: str
    digest: str
    value: Any  # plain, or None
    raw: Any
    told: bool = False


def held_values(names: Names, to_numpy: Any) -> list[Held]:
    """All of them, in the order of the layers. One that cannot be read is left out."""
    found: dict[str, Held] = {}
    for path, layer in names.layers.items():
        for held in _of_layer(path or "model", layer, to_numpy):
            found.setdefault(held.name, held)
    return list(found.values())


#: Attributes of Keras's own layers by which nothing is computed.
_NO_SETTINGS = frozenset({"name", "built", "trainable", "autocast", "supports_masking"})


def settings_of(names: Names) -> dict[str, Held]:
    """What Keras's own layers were told to compute with, functions included, by name.

    A compiled function keeps what it was traced with, whatever a script sets later.
    """
    found = {}
    for path, layer in names.layers.items():
        if not path or is_users(type(layer)):
            continue
        for key, value in list(vars(layer).items()):
            if key.startswith("_") or key in _NO_SETTINGS:
                continue
            for held in _setting(f"{path}/{key}", path, value):
                found[held.name] = held
    return found


def _setting(name: str, layer: str, value: Any) -> Iterator[Held]:
    if isinstance(value, types.FunctionType):
        text = f"{value.__module__}.{value.__qualname__} {value.__code__.co_firstlineno}"
        yield Held(name, "attribute", layer, _text_digest(text), value.__name__, value, told=True)
    elif isinstance(value, PLAIN) or (isinstance(value, tuple) and _all_plain(value)):
        digest, plain = _digest(value, None)
        yield Held(name, "attribute", layer, digest, plain, value, told=True)


def _of_layer(path: str, layer: Any, to_numpy: Any) -> Iterator[Held]:
    users = is_users(type(layer))
    for key, value in list(vars(layer).items()):
        if not key.startswith("_") and _is_tensor(value):
            told = users and isinstance(value, np.ndarray)
            yield from _held(f"{path}/{key}", "attribute", path, value, to_numpy, told)
    yield from _states(path, layer, to_numpy)
    yield from _vocabulary(path, layer)
    for name, kind, value in _read_by(layer, users):
        told = kind == "attribute"
        yield from _held(f"{path}: {kind} {name}", kind, path, value, to_numpy, told)


_tensor_types: dict[type, bool] = {}


def _is_tensor(value: Any) -> bool:
    cls = type(value)
    known = _tensor_types.get(cls)
    if known is None:
        known = _tensor_types[cls] = _holds_tensors(value)
    return known and not (cls is np.ndarray and value.dtype.hasobject)


def _holds_tensors(value: Any) -> bool:
    """Whether values of this type are arrays or tensors, and no variables."""
    if not hasattr(value, "dtype") or is_variable(value) or isinstance(value, type):
        return False
    if type(value).__name__ == "Parameter" or hasattr(value, "assign"):  # another's variables
        return False
    if isinstance(value, np.ndarray):
        return True
    try:
        return is_tensor(value)
    except Exception as error:
        pass_on(error)
        return False


#: Classes of values that the script may change in place before they are put back.
_CHANGING = (dict, list, np.ndarray)


def _held(
    name: str, kind: str, layer: str, value: Any, to_numpy: Any, told: bool = False
) -> Iterator[Held]:
    try:
        digest, plain = _digest(value, to_numpy)
    except Exception as error:  # a tracer of the user's that leaked, an object of another library
        pass_on(error)
        return
    if digest:
        if type(value) in _CHANGING:
            value = copy.copy(value)
        yield Held(name, kind, layer, digest, plain, value, told)


def _digest(value: Any, to_numpy: Any) -> tuple[str, Any]:
    """("", None) for what is no value: a module, a class, an object nobody knows."""
    if isinstance(value, PLAIN):
        return _text_digest(repr(value)), value
    if is_variable(value) or _is_tensor(value):
        array = to_numpy(value)
        plain = array.tolist() if array.size <= _BIG and array.dtype.kind in "biuf" else None
        return tensor_digest(array), plain
    if isinstance(value, np.generic):
        return _text_digest(repr(value.item())), value.item()
    if isinstance(value, (list, tuple)) and _all_plain(value):
        return _text_digest(repr(list(value))), list(value) if len(value) <= _BIG else None
    if isinstance(value, Mapping) and _all_plain(value.values()):
        items = sorted((str(k), v) for k, v in value.items())
        return _text_digest(repr(items)), dict(items) if len(items) <= _BIG else None
    if isinstance(value, np.random.Generator):
        return _text_digest(repr(value.bit_generator.state)), None
    if isinstance(value, np.random.RandomState):
        return _text_digest(repr(value.get_state(legacy=False))), None
    if isinstance(value, random.Random):
        return _text_digest(repr(value.getstate())), None
    return "", None


def _all_plain(values: Any) -> bool:
    return all(isinstance(v, PLAIN) for v in values)


def _text_digest(text: str) -> str:
    return str(xxhash.xxh3_128_hexdigest(text.encode("utf-8", "backslashreplace")))


def _states(path: str, layer: Any, to_numpy: Any) -> Iterator[Held]:
    states = getattr(layer, "states", None)
    if not getattr(layer, "stateful", False) or states is None:
        return
    for number, state in enumerate(leaves_of(states)):
        name = f"{path}: recurrent state {number}"
        yield from _held(name, "recurrent state", path, np.array(to_numpy(state)), to_numpy)


def _vocabulary(path: str, layer: Any) -> Iterator[Held]:
    read = getattr(layer, "get_vocabulary", None)
    if read is None or is_users(type(layer)):
        return
    try:
        vocabulary = list(read())
    except Exception as error:  # not adapted so far
        pass_on(error)
        return
    words = [str(word) for word in vocabulary]
    value = words if len(words) <= _BIG else None
    name = f"{path}: vocabulary"
    yield Held(name, "vocabulary", path, _text_digest("\0".join(words)), value, vocabulary)


def _read_by(layer: Any, users: bool) -> Iterator[tuple[str, str, Any]]:
    """(name, kind, value) of what the user's code in a layer reads by name."""
    functions: list[Any] = []
    if type(layer).__name__ == "Lambda" and not users:
        functions = [getattr(layer, "function", None)]
    elif users:
        cls = type(layer)
        functions = [getattr(cls, name, None) for name in methods_used(cls, ("call",))]
    seen: set[int] = set()
    for function in functions:
        function = getattr(function, "__wrapped__", function)
        function = getattr(function, "__func__", function)
        yield from _names_read(function, seen, 0)
        code = getattr(function, "__code__", None)
        named = _all_names(code) if users and code is not None else ()
        held = [(name, vars(layer)[name]) for name in named if name in vars(layer)]
        yield from ((name, "attribute", value) for name, value in held if not _is_tensor(value))


_MISSING = object()


def _names_read(function: Any, seen: set[int], depth: int) -> Iterator[tuple[str, str, Any]]:
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen or depth > _DEEP:
        return
    seen.add(id(code))
    known = function.__globals__
    for name in _all_names(code):
        if name not in known:
            continue
        value = known[name]
        if isinstance(value, types.FunctionType):
            if is_users(value):
                yield from _names_read(value, seen, depth + 1)
        elif not isinstance(value, (types.ModuleType, type)):
            yield name, "global", value
    for name, value in closed_over(function).items():
        if isinstance(value, types.FunctionType):
            yield from _names_read(value, seen, depth + 1)
        elif not isinstance(value, (types.ModuleType, type)):
            yield name, "closure", value


def _all_names(code: types.CodeType) -> list[str]:
    """Names that a function reads, those of functions inside it included."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names += _all_names(constant)
    return list(dict.fromkeys(names))
