"""Telling one function of the user's from another by what it does, not by where it lies."""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from whydiff.core.stack import in_library
from whydiff.script_text.orders import DRAWS

#: Entries of a dict that a function reads as a whole.
_MOST_SETTINGS = 100
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LOADS_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")


def is_users(thing: Any) -> bool:
    """Whether a class or function comes from the user's code rather than from a library."""
    module = getattr(thing, "__module__", "") or ""
    return module.split(".")[0] not in {
        "keras", "tensorflow", "jax", "torch", "numpy", "builtins", "functools", "tf_keras",
    }  # fmt: skip


def is_scripts(cls: type) -> bool:
    """Whether a class was written by the user: no library that is installed holds it."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return cls.__module__ == "__main__" or not in_library(file or "<built-in>")


def code_digest(function: Any, values: bool = True) -> str:
    """Digest of a function's bytecode, constants and defaults, and with ``values`` of the plain
    ones that it reads from globals and closes over, see :func:`read_outside`."""
    state = xxhash.xxh3_64()
    _feed(function, state, values)
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


@functools.cache
def stored_by_libraries(cls: type) -> frozenset[str]:
    """Attributes that library classes among ``cls``'s bases set on an object and the user's do
    not: bookkeeping such as ``predict_function``."""
    stored: dict[bool, set[str]] = {True: set(), False: set()}
    for base in cls.__mro__:
        for member in vars(base).values():
            function = inspect.unwrap(getattr(member, "fset", None) or member)
            code = getattr(getattr(function, "__func__", function), "__code__", None)
            if code is not None:
                stored[is_users(base)] |= _stored_in(code)
    return frozenset(stored[False] - stored[True])


def stored_by(cls: type, methods: tuple[str, ...]) -> frozenset[str]:
    """Attributes that these methods of a user's class set, or those that they call."""
    functions = (getattr(cls, name, None) for name in methods_used(cls, methods))
    codes = (getattr(inspect.unwrap(f), "__code__", None) for f in functions if callable(f))
    return frozenset().union(*(_stored_in(code) for code in codes if code is not None))


def rates_set_at(cls: type, methods: tuple[str, ...]) -> tuple[str, int] | None:
    """The file and line where these methods of a user's class, or those that they call, set a
    learning rate; None where they set none."""
    codes = _codes_used(cls, methods)
    rates, used = {"learning_rate", "lr"}, set().union(*map(_names_in, codes))
    assigns = {"assign", "set_value"} if used & (rates | {"optimizer"}) else set()
    for code in (inner for outer in codes for inner in _with_inner(outer)):
        for instruction, line in _with_lines(code):
            stores = instruction.opname == "STORE_ATTR" and instruction.argval in rates
            if stores or instruction.argval in assigns:
                return code.co_filename, line
    return None


def draws_at(cls: type, method: str) -> tuple[str, int] | None:
    """The file and line where this method of a user's class, or one that it calls, draws random
    numbers, by the name of what is called; None where it draws none."""
    for code in (inner for outer in _codes_used(cls, (method,)) for inner in _with_inner(outer)):
        for instruction, line in _with_lines(code):
            called = instruction.opname in ("LOAD_METHOD", *_LOADS_GLOBAL) or (
                instruction.opname == "LOAD_ATTR" and "NULL" in instruction.argrepr
            )
            if called and instruction.argval in DRAWS:
                return code.co_filename, line
    return None


def _codes_used(cls: type, methods: tuple[str, ...]) -> list[types.CodeType]:
    """The code of these methods of a user's class and of those that they call."""
    functions = [getattr(cls, name) for name in methods_used(cls, methods)]
    found = (getattr(inspect.unwrap(f), "__code__", None) for f in functions if callable(f))
    return [code for code in found if code is not None]


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def _with_lines(code: types.CodeType) -> Iterator[tuple[dis.Instruction, int]]:
    """The instructions of code, each with its line."""
    starts = {offset: line for offset, line in dis.findlinestarts(code) if line is not None}
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = starts.get(instruction.offset, line)
        yield instruction, line


def _stored_in(code: types.CodeType) -> set[str]:
    return {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR"}


#: stands for the layer in what a loss reads from outside
LOSS = "the loss"


@dataclass(frozen=True)
class Outside:
    """A value that a step reads although it is no variable: from a global, a closure, an
    attribute of a layer. ``get`` and ``put`` reach it.

    ``value`` is what the step computes with. Where it was compiled before the value was set anew,
    ``now`` is what the script has set since; otherwise both are the same. A ``constant`` is a
    tensor that a layer computes with and no setting of it.
    """

    name: str
    value: Any
    get: Callable[[], Any]
    put: Callable[[Any], None]
    owner: str = ""  # canonical path of the layer
    now: Any = None
    constant: bool = False
    stored: bool = False  # a training itself sets it: what one step or fit leaves to the next
    holder: Any = None  # the object, dict or cell that holds it

    @property
    def place(self) -> tuple[int, str]:
        """Where the value lies, the same for every layer that reads it."""
        return id(self.holder), self.name.rpartition(".")[2]

    @property
    def key(self) -> str:
        """The fact in which a recipe tells it."""
        name = self.name.removeprefix("self.")
        outside = "" if name != self.name and "." not in name else " (read from outside)"
        return f"layer:{self.owner or 'model'}:{name}{outside}"


def anew(value: Any) -> Any:
    """A value that a step cannot change any more: of a list, an array or a tensor of torch a
    copy."""
    if isinstance(value, list | np.ndarray):
        return value.copy()
    return value.detach().clone() if hasattr(value, "detach") else value


def read_outside(function: Any) -> Iterator[Outside]:
    """Plain values and arrays that a user's function, and those it calls by name, read from
    outside themselves: from globals, closures, and the settings that these hold."""
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        return
    for one in _functions_named(function):
        place = one.__globals__
        for name in sorted(_globals_in(one.__code__) & place.keys()):
            if _is_readable(place[name]):
                get, put = (functools.partial(f, name) for f in (place.get, place.__setitem__))
                yield Outside(name, place[name], get, put, holder=place)
            else:
                yield from read_settings(name, place[name], one.__code__)
        for name, cell in filled_cells(one).items():
            value = cell.cell_contents
            if _is_readable(value):
                get = functools.partial(getattr, cell, "cell_contents")
                put = functools.partial(setattr, cell, "cell_contents")
                yield Outside(name, value, get, put, holder=cell)
            elif isinstance(value, types.FunctionType) and is_users(value) and value is not one:
                yield from read_outside(value)
            else:
                yield from read_settings(name, value, one.__code__)


def filled_cells(function: Any) -> dict[str, types.CellType]:
    """The cells of what a function closes over, by name, without those that hold nothing yet."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        with contextlib.suppress(ValueError):
            _ = cell.cell_contents
            found[name] = cell
    return found


def closed_over(function: Any) -> dict[str, Any]:
    """What a function closes over, by name."""
    return {name: cell.cell_contents for name, cell in filled_cells(function).items()}


def generators_read(
    function: Any, is_generator: Callable[[Any], bool]
) -> Iterator[tuple[str, Any]]:
    """(name, generator) that a user's function, or one that it calls by name, reads from a global
    or a closure."""
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__") or not is_users(function):
        return
    for one in _functions_named(function):
        places = {name: one.__globals__.get(name) for name in _globals_in(one.__code__)}
        places |= closed_over(one)
        yield from ((name, places[name]) for name in sorted(places) if is_generator(places[name]))


def calls_of_modules(function: Any, wanted: Mapping[str, Collection[str]]) -> Iterator[str]:
    """``time.time`` where a user's function, or one that it calls by name, uses that function of a
    module, or of that module by its own name."""
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__") or not is_users(function):
        return
    for one in _functions_named(function):
        place = one.__globals__
        loaded = _globals_in(one.__code__) & place.keys()
        own = {n for n in loaded if not isinstance(place[n], types.ModuleType)}
        used = _names_in(one.__code__) - own
        for name in sorted(loaded):
            value = place[name]
            if isinstance(value, types.ModuleType):
                called = used & set(wanted.get(value.__name__, ()))
                yield from (f"{name}.{function}" for function in sorted(called))
            elif getattr(value, "__name__", "") in wanted.get(getattr(value, "__module__", ""), ()):
                yield name


def read_settings(name: str, holder: Any, code: types.CodeType) -> Iterator[Outside]:
    """The plain values that ``code`` may read from a dict, a namespace, a dataclass, a class or a
    module of the user's: ``CONFIG['rate']``, ``args.rate``."""
    if isinstance(holder, dict):
        wanted = _strings_in(code) & holder.keys() or holder.keys()
        for key in wanted if len(wanted) <= _MOST_SETTINGS else ():
            if _is_readable(holder[key]):
                get, put = (functools.partial(f, key) for f in (holder.get, holder.__setitem__))
                yield Outside(f"{name}[{key!r}]", holder[key], get, put, holder=holder)
    elif _holds_settings(holder):
        for key in sorted(_names_in(code)):
            value = _attribute(holder, key)
            if value is not holder and _is_readable(value):
                get = functools.partial(getattr, holder, key)
                write = type.__setattr__ if isinstance(holder, type) else object.__setattr__
                put = functools.partial(write, holder, key)
                yield Outside(f"{name}.{key}", value, get, put, holder=holder)


def _holds_settings(thing: Any) -> bool:
    """Whether an object only holds values: what it is was not made by a library that computes."""
    if isinstance(thing, types.ModuleType):
        return not in_library(getattr(thing, "__file__", None) or "<built-in>")
    cls = thing if isinstance(thing, type) else type(thing)
    plain = cls is not object and not callable(getattr(thing, "get_config", None))
    known = all(is_users(base) for base in cls.__mro__ if base is not object)
    return plain and known and not isinstance(thing, types.FunctionType)


def _attribute(holder: Any, key: str) -> Any:
    """The value of an attribute that an object, or its class, simply stores; else ``holder``."""
    for place in (holder, *(holder.__mro__ if isinstance(holder, type) else type(holder).__mro__)):
        stored = getattr(place, "__dict__", {})
        if key in stored:
            return stored[key]
    return holder


def _strings_in(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return {c for c in code.co_consts if isinstance(c, str)}.union(*map(_strings_in, inner))


def _is_readable(value: Any) -> bool:
    """A plain value, a list of them, or an array; nothing that holds a training itself."""
    if isinstance(value, (list, tuple)):
        return all(isinstance(v, _PLAIN) for v in value)
    array = hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "__array__")
    return isinstance(value, _PLAIN) or (array and not callable(value))


def accumulates_gradients(cls: type, methods: Collection[str]) -> bool:
    """Whether these methods of a user's class call torch's ``backward`` and never zero what it
    adds to."""
    used: set[str] = set()
    for name in methods:
        member = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        function = inspect.unwrap(member) if callable(member) else member
        function = getattr(function, "__func__", function)
        called = _functions_named(function) if hasattr(function, "__code__") else ()
        for code in (f.__code__ for f in called):
            used |= _names_in(code) | {f"set {attribute}" for attribute in _stored_in(code)}
    return "backward" in used and not used & {"zero_grad", "zero_", "set grad"}


def _functions_named(function: Any, depth: int = 0) -> list[types.FunctionType]:
    """A function and those of the user's own that it reaches by a global name."""
    named = [function.__globals__.get(name) for name in _globals_in(function.__code__)]
    own = [f for f in named if isinstance(f, types.FunctionType) and is_users(f)]
    return [function, *(g for f in own if depth < 3 for g in _functions_named(f, depth + 1))]


def defines(cls: type, methods: Collection[str]) -> bool:
    """Whether the user's part of a class defines one of these methods."""
    return any(name in vars(base) for base in cls.__mro__ if is_users(base) for name in methods)


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


@functools.lru_cache(4096)
def _globals_in(code: types.CodeType) -> frozenset[str]:
    """The names that code reads as globals: ``rate``, and not that of ``self.rate``."""
    loaded = {i.argval for i in dis.get_instructions(code) if i.opname in _LOADS_GLOBAL}
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return frozenset(loaded).union(*map(_globals_in, inner))


def class_digest(cls: type, methods: tuple[str, ...] | None = None, values: bool = True) -> str:
    """Digest of the methods that a user's class defines itself (all, or those named); ``values``
    as in :func:`code_digest`."""
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
                _feed(getattr(function, "__func__", function), state, values)
    return str(state.hexdigest())


def _feed(function: Any, state: Any, values: bool, depth: int = 0) -> None:
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        state.update(type(function).__qualname__.encode())
        return
    _feed_code(code, state)
    for value in (function.__defaults__ or ()) + tuple((function.__kwdefaults__ or {}).values()):
        _feed_value(value, state, True, depth)
    for cell in function.__closure__ or ():
        try:
            _feed_value(cell.cell_contents, state, values, depth)
        except ValueError:  # an empty cell
            continue
    loaded = _globals_in(code)
    for name in code.co_names:
        if name in loaded and name in function.__globals__:
            _feed_value(function.__globals__[name], state, values, depth)


def _feed_code(code: types.CodeType, state: Any) -> None:
    state.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _feed_code(constant, state)
        else:
            state.update(repr(constant).encode())
    state.update(repr(code.co_names).encode())


def _feed_value(value: Any, state: Any, values: bool, depth: int) -> None:
    if isinstance(value, _PLAIN) or (
        isinstance(value, (list, tuple)) and all(isinstance(v, _PLAIN) for v in value)
    ):
        state.update(repr(value).encode() if values else b"")
    elif isinstance(value, types.FunctionType) and depth < 3 and is_users(value):
        _feed(value, state, values, depth + 1)
