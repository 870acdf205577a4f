"""Experiment trackers: where runs are written to, and read from, by an adapter each.

An adapter is a file of this package with :class:`Adapter`'s function ``opened``; its library is
imported when it is used. ``testing.trackers`` is what each goes through. No adapter touches a run
that the person has open: all of them write runs of their own.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

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

    def attach(self, run: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """Add tags and files to a run that is over."""
        ...


@runtime_checkable
class ReadableStore(Store, Protocol):
    """A store whose runs can be read back, whoever wrote them."""

    def read(self, run: str) -> TrackedRun:
        """A run by its id, without its files. KeyError if there is none."""
        ...

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file of a run; None if it has none of that name."""
        ...


class Adapter(Protocol):
    """A module of this package."""

    def opened(self, place: str) -> Store:
        """The store at ``place``, which is what stood behind the colon."""
        ...


@dataclass(frozen=True)
class Tracker:
    """A store by its address. What goes wrong in its library is told as a WhydiffError."""

    address: str
    store: Store

    def write(self, run: TrackedRun) -> str:
        """Keep a whole run; its id."""
        return self._asked(lambda: self.store.write(run))

    def attach(self, run: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """Add tags and files to a run that is over."""
        self._asked(lambda: self.store.attach(run, tags, files))

    def read(self, run: str) -> TrackedRun:
        """A run by its id. WhydiffError where there is none."""
        store = self._readable()
        try:
            return self._asked(lambda: store.read(run))
        except KeyError:
            raise WhydiffError(
                f"{self.address} has no run {run}", "Name a run by the id that its page shows."
            ) from None

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file of a run; None if it has none of that name."""
        store = self._readable()
        return self._asked(lambda: store.fetch(run, name))

    def _readable(self) -> ReadableStore:
        if isinstance(self.store, ReadableStore):
            return self.store
        raise WhydiffError(
            f"runs of {self.address.partition(':')[0]} cannot be read back",
            "Name runs of MLflow or Trackio, or two recordings.",
        )

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
    adapter: Adapter = importlib.import_module(f"{__name__}.{name}")
    try:
        return Tracker(address, adapter.opened(place))
    except WhydiffError:
        raise
    except Exception as error:
        raise _trouble(address, error) from error


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
