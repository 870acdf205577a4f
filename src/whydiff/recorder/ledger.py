"""The seed ledger: every seed that an initializer or a seed generator was given or drew."""

from __future__ import annotations

import linecache
import sys
import weakref
from dataclasses import replace
from typing import Any

from whydiff.core.live import SeedHolder
from whydiff.core.recording import SEEDING, Draw, Frame
from whydiff.core.stack import cell_of, in_library, runs_cell
from whydiff.keras_backend.internals import own_variables
from whydiff.recorder import seedings

#: Modules whose functions do not seed Python's generator, from which Keras draws the seeds that
#: nobody gave. A library's own function (``keras.utils.set_random_seed``) is trusted to do so.
_SEED_OTHERS = ("numpy.random", "tensorflow.random", "torch", "jax.random")
#: Of the user's frames so many are kept, the innermost.
_MOST_FRAMES = 12


def user_stack() -> tuple[Frame, ...]:
    """The user's frames of the current call, outermost first; libraries and ourselves left out."""
    frames: list[Frame] = []
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if not in_library(name):
            frames.append(_frame(name, frame.f_lineno, code.co_name))
        elif runs_cell(name, code.co_name):
            break
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(reversed(frames[:_MOST_FRAMES]))


def _frame(file: str, line: int, function: str) -> Frame:
    return Frame(file, line, function, linecache.getline(file, line).strip(), cell_of(file))


def user_place() -> tuple[str, int]:
    """File and line of the user's code that is running, the innermost; ("", 0) where there is
    none."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not in_library(name):
            return name, frame.f_lineno
        if runs_cell(name, frame.f_code.co_name):
            break
        frame = frame.f_back  # type: ignore[assignment]
    return "", 0


def user_line() -> int | None:
    """The line of the user's code that is running, the innermost; None where there is none."""
    return user_place()[1] or None


class Ledger:
    """Seedings and draws in their order.

    An object that holds a seed is found again when its model is fit.
    """

    def __init__(self) -> None:
        self.draws: list[Draw] = []
        self._holders: dict[int, tuple[int, Any]] = {}  # id -> (number, the object, kept alive)
        self._initializers: dict[int, tuple[weakref.ref[Any], Any]] = {}
        seedings.listen(self.seeded)

    def seeded(self, seeding: seedings.Seeding) -> None:
        """Enter that a generator was seeded, among the draws in their order."""
        stack = tuple(_frame(*place) for place in seeding.frames)
        number = len(self.draws) + 1
        self.draws.append(
            Draw(number, SEEDING, seeding.function, seeding.seed, seeding.explicit, stack)
        )

    def drew(self, holder: Any, kind: str, given: Any, seed: Any) -> None:
        """Enter the seed of ``holder``; ``given`` is the argument, ``seed`` what it holds now."""
        if id(holder) in self._holders:
            return
        number = len(self.draws) + 1
        self._holders[id(holder)] = (number, holder)
        self.draws.append(
            Draw(
                number=number,
                kind=kind,
                owner=type(holder).__name__,
                seed=int(seed) if isinstance(seed, int) else None,
                explicit=given is not None,
                stack=user_stack(),
            )
        )

    def generators(self) -> dict[str, Any]:
        """Seed generators that no layer is known to hold, by a name that their order gives."""
        free = [
            holder
            for number, holder in self._holders.values()
            if self.draws[number - 1].kind == "seed generator" and not self.draws[number - 1].layer
        ]
        return {f"seed generator {n}": holder for n, holder in enumerate(free, 1)}

    def made(self, variable: Any, initializer: Any) -> None:
        """Remember which initializer a variable's first value comes from."""
        if len(self._initializers) % 4096 == 4095:
            kept = self._initializers.items()
            self._initializers = {k: v for k, v in kept if v[0]() is not None}
        self._initializers[id(variable)] = (weakref.ref(variable), initializer)

    def initializer(self, variable: Any) -> Any:
        """The initializer (or plain value) that ``variable`` was made with; None if not seen."""
        known, initializer = self._initializers.get(id(variable), (lambda: None, None))
        return initializer if known() is variable else None

    def seeding_before(self, number: int) -> Draw | None:
        """The latest seeding before a draw of the generator that draws seeds nobody gave."""
        for draw in reversed(self.draws[: number - 1]):
            if draw.kind == SEEDING and draw.owner.rpartition(".")[0] not in _SEED_OTHERS:
                return draw
        return None

    def seedings_of_others(self, number: int) -> list[Draw]:
        """Before a draw, the latest seeding of each generator that draws no seeds for Keras."""
        latest = {
            draw.owner: draw
            for draw in self.draws[: number - 1]
            if draw.kind == SEEDING
            and draw.owner.rpartition(".")[0] in _SEED_OTHERS
            and draw.owner.rpartition(".")[2] in ("seed", "set_seed", "manual_seed")
        }
        return list(latest.values())

    def draw_of(self, holder: Any) -> Draw | None:
        """The draw of an object that holds a seed; None for any other object."""
        number, known = self._holders.get(id(holder), (0, None))
        return self.draws[number - 1] if number and known is holder else None

    def holders(self) -> tuple[SeedHolder, ...]:
        """Everything that holds a seed so far, in the order of the draws."""
        return tuple(
            SeedHolder(holder, draw.kind, draw.seed, draw.explicit)
            for number, holder in self._holders.values()
            for draw in (self.draws[number - 1],)
        )

    def locate(self, layers: dict[str, Any], fit: int) -> None:
        """Write into the draws which layer holds them, the first time a fit shows it."""
        for path, layer in layers.items():
            for attribute, value in list(vars(layer).items()):
                for item in value if isinstance(value, (list, tuple)) else (value,):
                    self._locate(
                        item, f"{path}/{attribute.lstrip('_')}" if path else attribute, fit
                    )
            # A layer may name an initializer in `add_weight` and hold it nowhere.
            for variable in own_variables(layer):
                name = str(variable.name)
                self._locate(self.initializer(variable), f"{path}/{name}" if path else name, fit)

    def _locate(self, holder: Any, where: str, fit: int) -> None:
        entry = self._holders.get(id(holder))
        if entry and self.draws[entry[0] - 1].fit is None:
            self.draws[entry[0] - 1] = replace(self.draws[entry[0] - 1], layer=where, fit=fit)
