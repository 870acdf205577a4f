"""Telling one function of the user's from another by what it does, not by where it lies."""

from __future__ import annotations

import types
from typing import Any

import xxhash

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def is_users(thing: Any) -> bool:
    """Whether a class or function comes from the user's code rather than from a library."""
    module = getattr(thing, "__module__", "") or ""
    return module.split(".")[0] not in {
        "keras", "tensorflow", "jax", "torch", "numpy", "builtins", "functools", "tf_keras",
    }  # fmt: skip


def code_digest(function: Any) -> str:
    """Digest of a function's bytecode, constants, defaults and the plain values it closes over."""
    state = xxhash.xxh3_64()
    _feed(function, state, depth=0)
    return str(state.hexdigest())


def methods_used(cls: type, start: tuple[str, ...]) -> tuple[str, ...]:
    """``start`` and the methods of the user's that these call, directly or through others."""
    own = {
        name: getattr(member, "__wrapped__", member)
        for base in reversed(cls.__mro__)
        if is_users(base) and base is not object
        for name, member in vars(base).items()
    }
    found: list[str] = []
    waiting = [name for name in start if name in own]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.append(name)
        function = getattr(own[name], "__func__", own[name])
        code = getattr(function, "__code__", None)
        waiting += [used for used in _names_in(code) if used in own] if code else []
    return tuple(found)


def only_used_by(cls: type, method: str) -> set[str]:
    """Names that a user's class uses in ``method`` and in no other, its ``__init__`` apart."""
    used: dict[str, set[str]] = {}
    for base in cls.__mro__:
        for name, member in vars(base).items() if is_users(base) else ():
            code = getattr(getattr(member, "__func__", member), "__code__", None)
            if code is not None and name not in used:
                used[name] = _names_in(code)
    others = (names for name, names in used.items() if name not in (method, "__init__"))
    return used.get(method, set()) - set().union(*others)


def _names_in(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*(_names_in(c) for c in inner))


def class_digest(cls: type, methods: tuple[str, ...] | None = None) -> str:
    """Digest of the methods that a user's class defines itself (all, or those named)."""
    state = xxhash.xxh3_64()
    for base in cls.__mro__:
        if not is_users(base) or base is object:
            continue
        for name, member in sorted(vars(base).items()):
            if methods is not None and name not in methods:
                continue
            function = getattr(member, "__wrapped__", member)
            if isinstance(function, (types.FunctionType, staticmethod, classmethod)):
                state.update(name.encode())
                _feed(getattr(function, "__func__", function), state, depth=0)
    return str(state.hexdigest())


def _feed(function: Any, state: Any, depth: int) -> None:
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        state.update(type(function).__qualname__.encode())
        return
    _feed_code(code, state)
    for value in (function.__defaults__ or ()) + tuple((function.__kwdefaults__ or {}).values()):
        _feed_value(value, state, depth)
    for cell in function.__closure__ or ():
        try:
            _feed_value(cell.cell_contents, state, depth)
        except ValueError:  # an empty cell
            continue
    for name in code.co_names:
        if name in function.__globals__:
            _feed_value(function.__globals__[name], state, depth)


def _feed_code(code: types.CodeType, state: Any) -> None:
    state.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _feed_code(constant, state)
        else:
            state.update(repr(constant).encode())
    state.update(repr(code.co_names).encode())


def _feed_value(value: Any, state: Any, depth: int) -> None:
    if isinstance(value, _PLAIN) or (
        isinstance(value, (list, tuple)) and all(isinstance(v, _PLAIN) for v in value)
    ):
        state.update(repr(value).encode())
    elif isinstance(value, types.FunctionType) and depth < 3 and is_users(value):
        _feed(value, state, depth + 1)
