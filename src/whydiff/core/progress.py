"""Progress of long work, as the code that does it sees it."""

from __future__ import annotations

from typing import Protocol


class EachEpoch(Protocol):
    """Takes how many epochs of a training are over, and of how many.

    Where a script runs again its steps take their place: ``unit`` is then "step".
    """

    def __call__(self, done: int, total: int, unit: str = "epoch") -> None: ...


class Progress(Protocol):
    """Where work says what it is doing."""

    def step(self, text: str, total: int | None = None, trainings: int = 1) -> None:
        """A step begins; ``total`` is the number of advances it will take, if known.

        For each of them so many ``trainings`` report their epochs, one after the other.
        """
        ...

    def advance(self, n: int = 1) -> None:
        """``n`` parts of the current step are done."""
        ...

    def epochs(self, done: int, total: int, unit: str = "epoch") -> None:
        """Of the training that is the next part, ``done`` of ``total`` epochs are over."""
        ...

    def note(self, text: str) -> None:
        """Something worth keeping on the screen."""
        ...


class Silent:
    """A progress that says nothing."""

    def step(self, text: str, total: int | None = None, trainings: int = 1) -> None:
        """A step begins."""

    def advance(self, n: int = 1) -> None:
        """Parts of it are done."""

    def epochs(self, done: int, total: int, unit: str = "epoch") -> None:
        """Epochs of the next one are over."""

    def note(self, text: str) -> None:
        """Something worth keeping on the screen."""
