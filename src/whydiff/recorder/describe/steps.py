"""Facts about a step function of the script's own, as far as they can be seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whydiff.keras_backend.code import code_digest, is_users
from whydiff.keras_backend.internals import package_of, reduction_of
from whydiff.recorder.describe.values import config, flat


def step_facts(function: Any) -> dict[str, Any]:
    """Its code, with the plain values and the functions of the script's that it uses."""
    if function is None:
        return {}
    inner = _unwrapped(function)
    if not hasattr(inner, "__code__") and not hasattr(inner, "__func__"):
        return {"code:train_step": type(function).__name__}
    return {"code:train_step": code_digest(inner)}


def step_losses(function: Any) -> dict[str, Any]:
    """Settings of the loss objects that the step names; {} where it computes its loss itself."""
    facts: dict[str, Any] = {}
    for name, value in _named(_unwrapped(function), depth=0):
        if isinstance(value, package_of(value).losses.Loss):
            facts[f"loss.{name}"] = type(value).__name__
            for key, part in (config(value) | {"reduction": reduction_of(value)}).items():
                if key not in ("name", "fn", "dtype"):
                    flat(f"loss.{name}.{key}", part, facts)
    return facts


def _unwrapped(function: Any) -> Any:
    """The Python function behind ``jax.jit``, ``tf.function`` or ``torch.compile``."""
    for attribute in ("python_function", "_torchdynamo_orig_callable", "__wrapped__"):
        function = getattr(function, attribute, function)
    return function


def _named(function: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Objects that a function reaches by name: globals and what it closes over, and through
    functions of the script's that it calls."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None or depth > 3:
        return
    known = {name: function.__globals__[name] for name in code.co_names
             if name in function.__globals__}  # fmt: skip
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            known[name] = cell.cell_contents
        except ValueError:  # an empty cell
            continue
    for name, value in known.items():
        yield name, value
        inner = _unwrapped(value)
        if inner is not function and hasattr(inner, "__code__") and is_users(inner):
            yield from _named(inner, depth + 1)
