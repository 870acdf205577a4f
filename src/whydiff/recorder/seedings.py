"""Where a script seeds its generators: Python's, NumPy's, and those of the backends.

Watched from before the script's first line, so only the standard library is imported here. What
was seen before Keras was imported waits in a list; a ledger takes it over and listens from then on.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from whydiff.core.stack import in_library

#: package -> its functions that seed something, as "module.function" below the package
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "random": ("seed",),
    "numpy": ("random.seed", "random.default_rng", "random.RandomState"),
    "tensorflow": ("random.set_seed",),
    "torch": ("manual_seed",),
    "jax": ("random.key", "random.PRNGKey"),
}
#: Each line of a script is entered so often at most: a loop over a million draws is one finding.
MOST_OF_A_LINE = 100


@dataclass(frozen=True)
class Seeding:
    """One call that seeds a generator, made by the script or by a library for it.

    ``function`` is the public name that the script called, ``random.seed`` or
    ``keras.utils.set_random_seed``. ``seed`` is None where none was given, or where it is no
    number. ``frames`` are (file, line, function) of the user's code, outermost first.
    """

    function: str
    seed: int | None
    explicit: bool
    frames: tuple[tuple[str, int, str], ...]


class _Seen:
    """What was seeded in this process, and who wants to know of more."""

    def __init__(self) -> None:
        self.seedings: list[Seeding] = []
        self.listener: Callable[[Seeding], None] | None = None
        self._counts: dict[tuple[str, int], int] = {}

    def add(self, seeding: Seeding) -> None:
        last = self.seedings[-1] if self.seedings else None
        # One call of set_random_seed seeds several generators in turn.
        if last is not None and seeding.function.startswith("keras.") and last == seeding:
            return
        place = seeding.frames[-1][:2]
        self._counts[place] = self._counts.get(place, 0) + 1
        if self._counts[place] <= MOST_OF_A_LINE:
            self.seedings.append(seeding)
            if self.listener is not None:
                self.listener(seeding)


_SEEN = _Seen()


def watch(after_import: Callable[[str, Callable[[], None]], None]) -> None:
    """Watch the functions that seed; ``after_import(package, then)`` calls once it is there."""
    for package in FUNCTIONS:
        if package in sys.modules or package == "random":
            __import__(package)
            _wrap_all(package)
        else:
            after_import(package, functools.partial(_wrap_all, package))


def imported(package: str) -> None:
    """Watch the functions of a package that was imported just now."""
    _wrap_all(package)


def listen(listener: Callable[[Seeding], None]) -> None:
    """Tell of everything that was seeded until now, then of whatever is seeded."""
    for seeding in _SEEN.seedings:
        listener(seeding)
    _SEEN.listener = listener


def _wrap_all(package: str) -> None:
    for name in FUNCTIONS[package]:
        *path, function = name.split(".")
        owner: Any = sys.modules[package]
        for part in path:
            owner = getattr(owner, part, None)
        original = getattr(owner, function, None)
        if original is not None and not isinstance(original, type):
            setattr(owner, function, _watched(original, f"{package}.{name}"))


def _watched(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def seeding(*args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(Exception):  # what we see of a script must never stop it
            _note(name, args, kwargs, sys._getframe(1))
        return original(*args, **kwargs)

    return seeding


def _note(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType) -> None:
    frames: list[tuple[str, int, str]] = []
    library: FrameType | None = None  # the outermost frame of a library above the script's
    frame: FrameType | None = caller
    while frame is not None:
        file = frame.f_code.co_filename
        if in_library(file):
            library = library if frames else frame
        else:
            frames.append((file, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    if not frames:
        return
    given = [*args, *kwargs.values()]
    seed = given[0] if given else None
    if library is not None:
        function = library.f_code.co_name
        if function != "set_random_seed" and "seed" not in function:
            return  # a library that draws for its own purposes
        name = f"{_package(library)}.{function}"
    number = int(seed) if seed is not None and _whole(seed) else None
    _SEEN.add(Seeding(name, number, seed is not None, tuple(reversed(frames[:12]))))


def _package(frame: FrameType) -> str:
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return "keras.utils" if package == "keras" else package


def _whole(seed: Any) -> bool:
    return not isinstance(seed, bool) and hasattr(seed, "__index__")
