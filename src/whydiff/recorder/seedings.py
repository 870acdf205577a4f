"""Where a script seeds its generators: Python's, NumPy's, and those of the backends.

Calls are noted from before the script's first line, see :mod:`whydiff.recorder.seed_calls`. What
was seen before Keras was imported waits there; a ledger takes it over and listens from then on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

from whydiff.core.interrupting import quietly
from whydiff.core.stack import in_library, runs_cell
from whydiff.recorder import seed_calls
from whydiff.recorder.seed_calls import CALLS, FUNCTIONS, MOST_OF_A_LINE, SeedCall


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

    def add(self, call: SeedCall) -> None:
        """Keep a call that seeds; each line of a script so often at most: a loop over a million
        draws is one finding."""
        with quietly():  # what we see of a script must never stop it
            seeding = _read(call)
            if seeding is not None:
                self._enter(seeding)

    def _enter(self, seeding: Seeding) -> None:
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
            seed_calls.watch(package)
        else:
            after_import(package, functools.partial(seed_calls.watch, package))


def listen(listener: Callable[[Seeding], None]) -> None:
    """Tell of everything that was seeded until now, then of whatever is seeded."""
    if CALLS.listener is None:
        CALLS.listener = _SEEN.add
        for call in CALLS.waiting:
            _SEEN.add(call)
        CALLS.waiting.clear()
    for seeding in _SEEN.seedings:
        listener(seeding)
    _SEEN.listener = listener


def _read(call: SeedCall) -> Seeding | None:
    """What a call means: None where a library drew for its own purposes."""
    frames: list[tuple[str, int, str]] = []
    outermost: tuple[str, str] | None = None  # function, module of the library below the script's
    for file, line, function, module in call.frames:
        if not in_library(file):
            frames.append((file, line, function))
        elif runs_cell(file, function):
            break
        elif not frames:
            outermost = function, module
    if not frames:
        return None
    name = call.name
    if outermost is not None:
        function, module = outermost
        if function != "set_random_seed" and "seed" not in function:
            return None
        name = f"{_package(module)}.{function}"
    return Seeding(name, call.seed, call.explicit, tuple(reversed(frames[:12])))


def _package(module: str) -> str:
    package = module.partition(".")[0]
    return "keras.utils" if package == "keras" else package
