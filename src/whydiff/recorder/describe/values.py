"""Keras configs as plain, flat JSON values."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.interrupting import pass_on
from whydiff.core.unwarned import unwarned
from whydiff.keras_backend.code import code_digest, is_users, stored_by, stored_by_libraries
from whydiff.keras_backend.internals import told_without_warning

PLAIN = (bool, int, float, str, type(None))
#: Attributes that Keras itself sets on a model, whatever its class.
_BOOKKEEPING = {"built", "autocast", "stop_training", "run_eagerly", "supports_jit", "training",
                "supports_masking", "compiled", "steps_per_execution", "stop_predicting",
                "stop_evaluating", "jit_compile", "auto_scale_loss", "rng",
                "input_names", "output_names"}  # fmt: skip


def config(thing: Any) -> dict[str, Any]:
    """``get_config()``, or {} where a class of the user's has none that works."""
    try:
        with unwarned():
            found = told_without_warning(thing).get_config()
    except Exception as error:
        pass_on(error)
        return {}
    return dict(found) if isinstance(found, dict) else {}


def defaults(thing: Any) -> dict[str, Any]:
    """Plain defaults of a library's class, by the name of the setting in its config.

    Another version of the library may not have them all; then they say what that version does.
    """
    found: dict[str, Any] = {}
    for cls in reversed(type(thing).__mro__):
        if "__init__" in vars(cls) and not is_users(cls):
            found |= plain_defaults(vars(cls)["__init__"])
    known = config(thing)
    return {name: value for name, value in found.items() if name in known}


def plain_defaults(function: Any) -> dict[str, Any]:
    """The defaults of a function's arguments, as far as they are plain values."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p.default for p in parameters if isinstance(p.default, PLAIN)}


def plain(value: Any, depth: int = 0) -> Any:
    """A JSON value for anything that a Keras config may hold."""
    if isinstance(value, PLAIN):
        return value
    if depth > 8:
        return type(value).__qualname__
    if isinstance(value, (list, tuple)):
        return [plain(v, depth + 1) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(value[k], depth + 1) for k in sorted(value, key=str)}
    if inspect.isroutine(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return f"{name}:{code_digest(value)}" if is_users(value) else name
    if isinstance(value, np.ndarray) and value.size > 16:
        return f"{value.dtype.name}{list(value.shape)}:{tensor_digest(value)}"
    if isinstance(value, type):
        return value.__qualname__
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array(value)
    settings = config(value)
    settings.pop("name", None)
    return {"class": type(value).__name__, **plain(settings, depth + 1)}


def _array(value: Any) -> Any:
    try:
        array = _on_host(value)
    except Exception as error:  # a symbolic tensor has no value to show
        pass_on(error)
        return f"{type(value).__name__}{tuple(value.shape)}"
    return array.item() if array.ndim == 0 else [array.dtype.name, array.tolist()]


def _on_host(value: Any) -> np.ndarray:
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    import keras

    array: np.ndarray = keras.ops.convert_to_numpy(value)
    return array


def flat(prefix: str, value: Any, into: dict[str, Any]) -> None:
    """Write nested settings into ``into`` under dotted keys."""
    value = plain(value)
    if not isinstance(value, dict) or not value:
        into[prefix] = value
        return
    if {"class_name", "config"} <= set(value):  # Keras's own serialised form
        into[f"{prefix}.class"] = value["class_name"]
        value = value["config"] if isinstance(value["config"], dict) else {"of": value["config"]}
    for key, part in value.items():
        flat(f"{prefix}.{key}" if prefix else key, part, into)


def own_settings(layer: Any, without: Collection[str] = ()) -> dict[str, Any]:
    """The plain attributes of a layer or model whose class is the user's.

    One that the class holds, and that each new layer changes, is named with it: ``Block.count``.
    So are lists and the like that are defaults of arguments, which all layers share.
    """
    found: dict[str, Any] = {}
    for key, value in _shared_defaults(type(layer)):
        flat(key, value, found)
    for key, value in own_attributes(layer):
        if key not in without and _is_setting(value):
            flat(f"{_counting_class(layer, key)}{key}", value, found)
    return found


def _shared_defaults(cls: type) -> Iterator[tuple[str, Any]]:
    """Lists, dictionaries and sets that are defaults of ``__init__`` and no longer empty."""
    if not is_users(cls):
        return
    makers = (vars(base).get("__init__") for base in cls.__mro__ if is_users(base))
    for function in (f for f in makers if inspect.isfunction(f)):
        for parameter in inspect.signature(function).parameters.values():
            default = parameter.default
            if isinstance(default, list | dict | set) and default:
                shown = sorted(default, key=str) if isinstance(default, set) else plain(default)
                yield f"{cls.__name__}.__init__'s default of {parameter.name}", plain(shown)


def _counting_class(layer: Any, key: str) -> str:
    """``Block.`` where making a layer sets an attribute that its class holds for all, else ""."""
    if key in vars(layer) or key not in stored_by(type(layer), ("__init__", "build")):
        return ""
    return next(f"{c.__name__}." for c in type(layer).__mro__ if key in vars(c))


def own_attributes(layer: Any, private: Collection[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Public attributes that the user's own class of a layer or model sets, on it or for all; of
    those that begin with an underscore only these ``private`` ones."""
    if not is_users(type(layer)):
        return
    cls: Any = type(layer)  # mypy: a class of unknown kind might have no hash
    elsewhere = stored_by_libraries(cls) | _BOOKKEEPING
    of_class = {
        key: value
        for base in reversed(cls.__mro__)
        if is_users(base) and base is not object
        for key, value in vars(base).items()
        if isinstance(value, PLAIN)
    }
    for key, value in {**of_class, **vars(layer)}.items():
        method = callable(getattr(type(layer), key, None))  # Keras puts wrapped ones in its place
        public = not key.startswith("_") or key in private
        if public and key not in elsewhere and not method:
            yield key, value


def _is_setting(value: Any) -> bool:
    """Whether an attribute says how a layer computes: a plain value, a function, an array."""
    if isinstance(value, dict):
        return all(isinstance(v, PLAIN) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(isinstance(v, PLAIN) for v in value)
    return isinstance(value, (*PLAIN, np.ndarray)) or inspect.isroutine(value)
