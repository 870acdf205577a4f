"""Where tasks run beyond this process: any ``concurrent.futures.Executor``, named or given.

An adapter is a file of this package with :class:`Adapter`'s function ``opened``; its library is
imported when it is used. ``testing.executors`` is what each goes through.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from whydiff.core.errors import WhydiffError

#: Name before the colon -> the library that its adapter needs, "" for none of its own.
ADAPTERS = {"processes": "", "loky": "loky", "dask": "distributed", "ray": "ray",
            "slurm": "executorlib"}  # fmt: skip
#: Name -> the extra that brings the library.
_EXTRAS = {"dask": "whydiff[dask]", "ray": "whydiff[ray]", "slurm": "whydiff[slurm]"}


@dataclass(frozen=True)
class Opened:
    """An executor that takes tasks, and how many it runs at a time."""

    executor: Executor
    count: int


class Adapter(Protocol):
    """A module of this package."""

    def opened(self, address: str, count: int | None) -> AbstractContextManager[Opened]:
        """An executor, closed at the end; after an error its running tasks are stopped.

        ``address`` is what stood behind the colon, ``count`` the number of tasks at a time that
        was asked for, None if none was.
        """
        ...


@dataclass(frozen=True)
class Workers:
    """Where tasks run. ``open`` gives an executor, another one after a worker was lost.

    ``renewed`` says whether another one can be had: not of an executor that was given to us.
    """

    name: str
    open: Callable[[], AbstractContextManager[Opened]]
    local: bool = False  # whether its processes share this machine's cores
    renewed: bool = True
    size: int | None = None  # tasks at a time, where that is known beforehand

    def count(self) -> int:
        """How many tasks run at a time."""
        if self.size is not None:
            return self.size
        with self.open() as opened:
            return opened.count


def workers_of(named: str | Executor, count: int | None = None) -> Workers:
    """``processes:4``, ``loky:4``, ``dask://HOST:PORT``, ``ray``, ``ray://HOST:PORT``, ``slurm:8``.

    An executor is used as it is; ``count`` tells how many tasks it runs at a time (default 4).
    WhydiffError for a name that is none, or whose library is not installed.
    """
    if isinstance(named, Executor):
        return Workers(
            type(named).__name__, lambda: _given(named, count or 4), False, False, count or 4
        )
    name, _, address = named.partition(":")
    if name not in ADAPTERS:
        raise WhydiffError(
            f"there is no executor {named!r}",
            "Executors: processes:4, loky:4, dask://HOST:PORT, ray, ray://HOST:PORT, slurm:8.",
        )
    library = ADAPTERS[name]
    if library and importlib.util.find_spec(library) is None:
        extra = _EXTRAS.get(name, library)
        raise WhydiffError(
            f"--executor {name} needs {library}, which is not installed",
            f"pip install '{extra}'",
        )
    numbered = address.isdecimal()
    if (address and not (numbered or address.startswith("//"))) or address == "0":
        raise WhydiffError(
            f"{named!r} is no executor",
            f"Write {name}:4 for four at a time, or {name}://HOST:PORT.",
        )
    adapter: Adapter = importlib.import_module(f"{__name__}.{name}")
    place, tasks = ("", int(address)) if numbered else (address.removeprefix("//"), count)
    local = name in ("processes", "loky")
    return Workers(named, lambda: adapter.opened(place, tasks), local, True, tasks)


@contextlib.contextmanager
def _given(executor: Executor, count: int) -> Iterator[Opened]:
    yield Opened(executor, count)
