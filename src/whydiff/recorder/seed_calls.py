"""Calls of the functions that seed a generator, noted from before the script's first line.

Nothing but ``sys`` and a module that imports as little is imported here: the script's own imports
happen as if nobody had imported anything before. What the calls mean is decided later, in
:mod:`whydiff.recorder.seedings`.
"""

from __future__ import annotations

import sys

from whydiff.core.interrupting import pass_on, quietly

MYPY = False
if MYPY:  # for those who check types: `typing` is not imported
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

#: package -> its functions that seed something, as "module.function" below the package. Classes
#: (RandomState, Random) are left alone: whoever asks for a type must get it.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "random": ("seed",),
    "numpy": ("random.seed", "random.default_rng"),
    "tensorflow": ("random.set_seed",),
    "torch": ("manual_seed",),
    "jax": ("random.key", "random.PRNGKey"),
}
#: While nobody listens, so many calls are kept of each line that calls.
MOST_OF_A_LINE = 100
_MOST_FRAMES = 500


class SeedCall:
    """One call: the public name, the seed (None where it is no whole number) and the stack.

    ``frames`` are (file, line, function, module), innermost first.
    """

    __slots__ = ("explicit", "frames", "name", "seed")

    def __init__(
        self,
        name: str,
        seed: int | None,
        explicit: bool,
        frames: tuple[tuple[str, int, str, str], ...],
    ) -> None:
        self.name, self.seed, self.explicit, self.frames = name, seed, explicit, frames


class _Calls:
    """What was called in this process, and who wants to know of more."""

    def __init__(self) -> None:
        self.waiting: list[SeedCall] = []
        self.listener: Callable[[SeedCall], None] | None = None
        self._counts: dict[tuple[str, int], int] = {}

    def add(self, call: SeedCall) -> None:
        if self.listener is not None:
            self.listener(call)
            return
        place = call.frames[0][:2]
        self._counts[place] = self._counts.get(place, 0) + 1
        if self._counts[place] <= MOST_OF_A_LINE:
            self.waiting.append(call)


CALLS = _Calls()


class StandIn:
    """Stands in a module for a function that is watched. Whoever looks at it sees that function.

    ``before(args, kwargs, frame)`` is told of every call, ``after(frame)`` when it returned, each
    with the frame of the caller; what they raise is ignored. Its type, name, signature, text and
    documentation are the function's, and so is what is pickled; an error's traceback passes from
    the caller to the function without us.
    """

    __slots__ = ("__weakref__", "after", "before", "function")

    def __init__(
        self,
        function: Any,
        before: Callable[[tuple[Any, ...], dict[str, Any], FrameType], None] | None = None,
        after: Callable[[FrameType], None] | None = None,
    ) -> None:
        for name, value in (("function", function), ("before", before), ("after", after)):
            object.__setattr__(self, name, value)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        before = object.__getattribute__(self, "before")
        if before is not None:
            _try(before, args, kwargs)
        try:
            result = object.__getattribute__(self, "function")(*args, **kwargs)
        except BaseException as error:
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            raise  # alone it adds no line of ours to the traceback
        after = object.__getattribute__(self, "after")
        if after is not None:
            _try(after)
        return result

    def __getattribute__(self, name: str) -> Any:
        function = object.__getattribute__(self, "function")
        if name in ("__reduce_ex__", "__reduce__"):
            return lambda *protocol: _pickled(self, function)
        return getattr(function, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "function"), name, value)

    def __dir__(self) -> list[str]:
        return dir(object.__getattribute__(self, "function"))

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "function"))

    def __eq__(self, other: object) -> bool:
        if type(other) is StandIn:
            other = object.__getattribute__(other, "function")
        return bool(object.__getattribute__(self, "function") == other)

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "function"))


def watch(package: str) -> None:
    """Note the calls of a package's functions that seed; it was imported just now."""
    for name in FUNCTIONS[package]:
        *path, function = name.split(".")
        owner: Any = sys.modules[package]
        for part in path:
            owner = getattr(owner, part, None)
        original = getattr(owner, function, None)
        if original is None or type(original) is StandIn or isinstance(original, type):
            continue
        setattr(owner, function, StandIn(original, _noting(f"{package}.{name}")))


def _noting(name: str) -> Callable[[tuple[Any, ...], dict[str, Any], FrameType], None]:
    return lambda args, kwargs, caller: _note(name, args, kwargs, caller)


def _try(told: Callable[..., None], *what: Any) -> None:
    """Called by a stand-in, whose caller is two frames from here; at exit there may be none."""
    with quietly():  # what we see of a script must never stop it
        told(*what, sys._getframe(2))


def _note(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType | None
) -> None:
    given = [*args, *kwargs.values()]
    frames: list[tuple[str, int, str, str]] = []
    while caller is not None and len(frames) < _MOST_FRAMES:
        code, module = caller.f_code, str(caller.f_globals.get("__name__", ""))
        frames.append((code.co_filename, caller.f_lineno, code.co_name, module))
        caller = caller.f_back
    explicit = bool(given) and given[0] is not None
    CALLS.add(SeedCall(name, _whole(given[0]) if explicit else None, explicit, tuple(frames)))


def _whole(seed: Any) -> int | None:
    try:
        return None if isinstance(seed, bool) else int(seed.__index__())
    except Exception as error:  # text, bytes, a value that is only known when a program runs
        pass_on(error)
        return None


def _pickled(noted: StandIn, function: Any) -> Any:
    """What pickle is to write: the name under which there is one of us, or else the function."""
    import copy

    found: Any = sys.modules.get(function.__module__ or "")
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return function.__qualname__ if found is noted else (copy.copy, (function,))
