"""SavedModels as TensorFlow loads them: their functions, and the variables that these read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

#: The function of :func:`loading_module` that every load of a SavedModel comes to.
LOADS = "load_partial"
#: The function of :func:`saving_module` that every save of a SavedModel comes to.
SAVES = "save_and_return_nodes"


def loading_module() -> Any:
    """Where TensorFlow loads SavedModels."""
    from tensorflow.python.saved_model import load

    return load


def saving_module() -> Any:
    """Where TensorFlow saves SavedModels."""
    from tensorflow.python.saved_model import save

    return save


def as_tensor(value: Any) -> Any:
    """A value as a function of a SavedModel takes it."""
    import tensorflow as tf

    return tf.constant(value)


def function_classes() -> tuple[type, ...]:
    """The classes whose instances run a function of a loaded SavedModel; only these."""
    from tensorflow.python.saved_model.function_deserialization import RestoredFunction
    from tensorflow.python.saved_model.load import _WrapperFunction

    return RestoredFunction, _WrapperFunction


def functions_of(loaded: Any) -> Iterator[tuple[str, Any]]:
    """The functions of what ``tf.saved_model.load`` gave, by the names of their endpoints."""
    classes = function_classes()
    for name, value in vars(loaded).items():
        if isinstance(value, classes):
            yield name, value
    for name, function in dict(getattr(loaded, "signatures", None) or {}).items():
        yield f"signatures[{name!r}]", function


def fitting(paths: Sequence[str], shapes: Sequence[tuple[int, ...]], loaded: Any) -> list[Any]:
    """The values that a loaded SavedModel has for variables of a Keras model; [] where it does not
    have one for each.

    They are called by their paths in both, or (exported by JAX) by the last part of them, in the
    order of the model.
    """
    variables = list(getattr(loaded, "variables", ()) or ()) or _read_by_signatures(loaded)
    for part in (0, -1):
        known: dict[tuple[str, tuple[int, ...]], list[Any]] = {}
        for one in variables:
            name = str(one.name).partition(":")[0]
            known.setdefault((name, tuple(one.shape)), []).append(one)
        wanted = [path if not part else path.rpartition("/")[2] for path in paths]
        keys = list(zip(wanted, shapes, strict=True))
        if all(len(known.get(key, ())) >= keys.count(key) for key in keys):
            return [known[key].pop(0) for key in keys]
    return []


def _read_by_signatures(loaded: Any) -> list[Any]:
    """The variables that the signatures read: a model that ``tf.saved_model.save`` saved lists none
    itself."""
    functions = dict(getattr(loaded, "signatures", None) or {}).values()
    return list({id(v): v for function in functions for v in function.variables}.values())
