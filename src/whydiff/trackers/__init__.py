"""Experiment trackers: where runs are written to, and read from, by an adapter each.

An adapter is a file of this package with :class:`Adapter`'s function ``opened``; its library is
imported when it is used. ``testing.trackers`` is what each goes through. No adapter touches a run
that the person has open: all of them write runs of their own.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from whydiff.core.errors import WhydiffError
from whydiff.core.tracked import TrackedRun

T = TypeVar("T")
#: Name before the colon -> the library that its adapter needs.
ADAPTERS = {
    "mlflow": "mlflow",
    "wandb": "wandb",
    "tensorboard": "tensorboardX",
    "trackio": "trackio",
}
#: Name -> how its address is written.
FORMS = {
    "mlflow": "mlflow:sqlite:///runs.db",
    "wandb": "wandb:PROJECT",
    "tensorboard": "tensorboard:FOLDER",
    "trackio": "trackio:PROJECT",
}


class Store(Protocol):
    """A tracker's store that takes runs."""

    def write(self, run: TrackedRun) -> str:
        """Keep a whole run; its id."""
        ...

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add tags, files and numbers to a run that is over."""
        ...

    def read(self, run: str) -> TrackedRun:
        """A run by its id, without its files, whoever wrote it; its metrics are the last ones.

        KeyError if there is none.
        """
        ...

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file of a run; None if it has none of that name."""
        ...


class Adapter(Protocol):
    """A module of this package."""

    def opened(self, place: str) -> Store:
        """The store at ``place``, which is what stood behind the colon."""
        ...

    def active_run(self, callbacks: Sequence[Any]) -> tuple[str, str] | None:
        """Address and id of the run that the person has open in this process; None without one.

        ``callbacks`` are those of a fit: Keras's own write to TensorBoard.
        """
        ...


@dataclass(frozen=True)
class Tracker:
    """A store by its address. What goes wrong in its library is told as a WhydiffError."""

    address: str
    store: Store

    def write(self, run: TrackedRun) -> str:
        """Keep a whole run; its id."""
        return self._asked(lambda: self.store.write(run))

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add tags, files and numbers to a run that is over."""
        self._asked(lambda: self.store.attach(run, tags, files, metrics))

    def read(self, run: str) -> TrackedRun:
        """A run by its id. WhydiffError where there is none."""
        try:
            return self._asked(lambda: self.store.read(run))
        except KeyError:
            raise WhydiffError(
                f"{self.address} has no run {run}",
                "Name a run by the id that its page shows; of TensorBoard by its folder.",
            ) from None

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file of a run; None if it has none of that name."""
        return self._asked(lambda: self.store.fetch(run, name))

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (WhydiffError, KeyError):
            raise
        except Exception as error:
            raise _trouble(self.address, error) from error


def tracker_of(address: str) -> Tracker:
    """``mlflow:URI``, ``wandb:PROJECT``, ``tensorboard:FOLDER``, ``trackio:PROJECT``.

    WhydiffError for an address that is none, whose library is missing, or that cannot be opened.
    """
    name, _, place = address.partition(":")
    if name not in ADAPTERS:
        raise WhydiffError(
            f"there is no tracker {address!r}", f"Trackers: {', '.join(FORMS.values())}."
        )
    library = ADAPTERS[name]
    if importlib.util.find_spec(library) is None:
        raise WhydiffError(
            f"{address} needs {library}, which is not installed", f"pip install 'whydiff[{name}]'"
        )
    try:
        return Tracker(address, _adapter(name).opened(place))
    except WhydiffError:
        raise
    except Exception as error:
        raise _trouble(address, error) from error


def active_runs(callbacks: Sequence[Any]) -> list[tuple[str, str]]:
    """Address and id of every run that the person has open in this process as a fit begins."""
    asked = (_adapter(name).active_run(callbacks) for name in ADAPTERS)
    return [run for run in asked if run is not None]


def _adapter(name: str) -> Adapter:
    adapter: Adapter = importlib.import_module(f"{__name__}.{name}")
    return adapter


def needed(place: str, address: str) -> str:
    """The place; WhydiffError where none was named."""
    if not place:
        raise WhydiffError(f"{address}: names no place", f"Write {FORMS[address]}.")
    return place


def _trouble(address: str, error: Exception) -> WhydiffError:
    said = next(iter(str(error).strip().splitlines()), "")
    return WhydiffError(
        f"{address}: {said or type(error).__name__}", "Check the address and the tracker's store."
    )
