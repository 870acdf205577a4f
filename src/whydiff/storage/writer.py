"""Writing a recording while a training runs: never in its way, never lost but the last second."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import sqlite3
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from os import getpid  # as it is: a script may put its own in that place
from pathlib import Path
from time import monotonic
from typing import Any, Concatenate, ParamSpec

import numpy as np

from whydiff import __version__
from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.digests import ALGORITHM
from whydiff.core.errors import WhydiffError
from whydiff.core.keeping import Keep
from whydiff.core.recipe import Recipe, Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Epoch, Frame
from whydiff.storage import calls, codec, rows, schema
from whydiff.storage.blobs import ArrayFolder
from whydiff.storage.opening import (
    begin_file,
    begin_journal,
    drop_older,
    in_words,
    lay_out,
    make_room,
    put_back,
    settle,
    written,
)

_PACK = struct.Struct(f">{len(STEP_GROUPS)}Q").pack
_COMMIT_EVERY = 0.5  # seconds; with the time that a commit takes, no step waits for a whole one
_P = ParamSpec("_P")


@dataclass(frozen=True)
class Extent:
    """How much of a run is kept: which weights, after every how many steps what these left is
    digested, and where large arrays lie if not in the recording."""

    keep: Keep = "all"
    every: int = 1
    beside: ArrayFolder | None = None


WHOLE = Extent()


class Writer:
    """One execution's recording, written as it happens. Thread-safe.

    The constructor raises :class:`WhydiffError` where no file can be written. No method raises
    afterwards: a full disk or anything else that stops the recording is told once on stderr,
    kept in :attr:`trouble`, and the writer does nothing from then on. What was committed stays
    readable. In a process forked off the recorded one all methods do nothing.
    """

    trouble: str  #: why recording stopped, or ""
    every: int  #: what a step leaves is to be digested after every so many of them

    def __init__(
        self,
        path: Path,
        script: str,
        arguments: Sequence[str],
        force: bool = False,
        extent: Extent = WHOLE,
    ) -> None:
        self._extent, self.every = extent, extent.every
        self.path = path = Path(path).absolute()
        make_room(path, force=force)  # an older recording is gone when the first fit begins
        self.trouble = ""
        self._lock = threading.Lock()  # of the file
        self._pid = getpid()
        self._open = True
        self._pending = threading.Lock()  # of the steps, so that none waits for the disk
        self._steps: list[tuple[int, int, int, bytes]] = []  # seen and not yet written
        self._counts: dict[int, int] = {}  # fit -> steps seen
        self._begun: dict[int, float] = {}  # fit -> monotonic() at its begin
        self._flushing = False
        self._closing = threading.Event()
        self._known = calls.Known()
        try:
            with out_of_reach():
                self._lock_on_file = begin_file(path)
                self._db = _create(path, script, arguments)
                self._files = Descriptors(path)
        except FileExistsError:
            raise WhydiffError(
                f"will not replace {path}: another process has begun to write it",
                "wait until that ends, or name another file",
            ) from None
        except (sqlite3.Error, OSError) as error:
            put_back(path)
            raise WhydiffError(
                f"cannot record into {path}: {in_words(error, path)}",
                "check the free space and the permissions, or name another place",
            ) from None

    def environment(self, facts: Mapping[str, Any]) -> None:
        """Add facts about the execution's surroundings; a later value replaces an earlier."""
        self._commit("environment", rows.put_environment, facts)

    def begin_fit(
        self,
        index: int,
        model: str,
        stack: tuple[Frame, ...],
        recipe: Recipe,
        notes: Mapping[str, Any],
    ) -> None:
        """Start fit ``index`` (from 1) with what its recipe holds before the first step."""
        if self._commit("begin_fit", rows.put_fit, index, model, stack, recipe, notes):
            drop_older(self.path)
            self._counts[index] = 0
            self._begun[index] = monotonic()

    def step(self, fit: int, epoch: int, digests: Sequence[int]) -> None:
        """Add one step: a 64-bit digest for each of ``STEP_GROUPS``; written within a second."""
        if not self._active():
            return
        try:
            packed = _PACK(*digests)
            with self._pending:
                n = self._counts[fit]
                self._steps.append((fit, n, epoch, packed))
                self._counts[fit] = n + 1
        except Exception as error:
            if isinstance(error, KeyError):
                error = LookupError(f"fit {fit} was not begun")
            with self._lock:
                self._stop("step", error)
        if not self._flushing:
            self._begin_flushing()

    def _begin_flushing(self) -> None:
        """From now on steps are written on time, however long the next step takes."""

        def flush() -> None:
            while self._active() and not self._closing.wait(_COMMIT_EVERY):
                if self._steps:
                    self._commit("step", _nothing_else)

        with self._pending:
            if not self._flushing:
                self._flushing = True
                # Not one of the `threading` module: a script may wait for all of those, or trace
                # them.
                _thread.start_new_thread(flush, ())

    def end_epoch(self, fit: int, epoch: Epoch, order: np.ndarray, batches: np.ndarray) -> None:
        """Add a finished epoch with its order (sample indices) and batch sizes, both 1-d."""
        now = monotonic()
        seconds = now - self._begun.get(fit, now)
        self._commit("end_epoch", rows.put_epoch, fit, epoch, order, batches, seconds)

    def end_fit(
        self,
        fit: int,
        recipe: Recipe,
        final: tuple[Tensor, ...],
        seconds: float,
        notes: Mapping[str, Any],
    ) -> None:
        """Finish a fit: its complete recipe replaces the earlier one, ``notes`` are added."""
        self._commit("end_fit", rows.put_end, fit, recipe, final, seconds, notes)

    def tensors(self, fit: int, moment: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays ("weights:dense/kernel", ...) of one moment: "initial" or "final".

        Those that the recording is to hold; see :mod:`whydiff.core.keeping`.
        """
        if self._extent.keep != "all":
            wanted = "weights:" if self._extent.keep == "weights" else None
            arrays = {k: v for k, v in arrays.items() if wanted and k.startswith(wanted)}
        if not arrays:
            return
        self._commit("tensors", rows.put_arrays, fit, moment, arrays, self._extent.beside)

    def fit_call(self, number: int, fit: int, models: Sequence[int] = ()) -> None:
        """Say which number a fit has among all calls, and which models it trains."""
        call = calls.FitCall(number, tuple(models))
        self._commit("fit_call", calls.put_fit_call, call, fit)

    def call(self, call: MeasuringCall) -> None:
        """Add a measuring call; one of a known number replaces it."""
        if self._commit("call", calls.put_call, self._known, call) and not self._counts:
            drop_older(self.path)

    def event(self, event: Event) -> None:
        """Add an event; one of a known number replaces it."""
        self._commit("event", calls.put_event, event)

    def ledger(self, draws: Sequence[Draw]) -> None:
        """Add draws; one of a known number replaces it."""
        self._commit("ledger", rows.put_draws, draws)

    def close(self, exit_code: int | None) -> None:
        """Write the exit code and leave one file with no companions. Later calls do nothing."""
        if not self._open or getpid() != self._pid:
            return
        if not self._commit("close", rows.put_meta, {"exit_code": exit_code}):
            self._note(exit_code=exit_code)
        self._closing.set()
        with self._lock:
            self._open = False
            if self._files.lost():
                return
            # On a full disk, or while a reader holds the file, the log stays: still readable.
            with contextlib.suppress(sqlite3.Error):
                settle(self._db)
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            with contextlib.suppress(OSError):
                os.close(self._lock_on_file)
            if exit_code is not None:
                drop_older(self.path)

    def _active(self) -> bool:
        return not self.trouble and self._open and getpid() == self._pid

    def _commit(
        self,
        method: str,
        put: Callable[Concatenate[sqlite3.Connection, _P], None],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> bool:
        """Write what is pending and ``put(connection, ...)`` in one transaction.

        An error stops the recording, not the training; False if nothing was written.
        """
        if not self._active():
            return False
        with self._lock:
            if not self._active():  # stopped or closed by another thread meanwhile
                return False
            if self._files.lost():
                self._give_up()
                return False
            with self._pending:
                steps, self._steps = self._steps, []
            try:
                _check_adapters()
                self._db.execute("BEGIN IMMEDIATE")
                # Steps first: a fit that begins anew (same number) drops those of the old one.
                self._db.executemany("INSERT OR REPLACE INTO step VALUES(?, ?, ?, ?)", steps)
                put(self._db, *args, **kwargs)
                self._db.execute("COMMIT")
                return True
            except Exception as error:
                self._stop(method, error)
                return False
            except BaseException:  # Ctrl-C: nothing stays half-written, and it goes its way
                self._rollback()
                with self._pending:
                    self._steps = steps + self._steps
                raise

    def _give_up(self) -> None:
        """The script closed our files, and may have others under their numbers: touch nothing."""
        self.trouble = "the script closed the files that belong to the recording"
        self._steps.clear()
        never_closed(self._db)
        self._tell()

    def _stop(self, method: str, error: Exception) -> None:
        self.trouble = f"{method}: {in_words(error, self.path)}".replace("\n", " ")
        self._rollback()
        self._steps.clear()
        self._note(trouble=codec.text(self.trouble))
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(Exception):
            print(
                f"whydiff: recording stopped ({self.trouble}); the training goes on",
                file=sys.stderr,
            )

    def _rollback(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _note(self, **values: str | int | None) -> None:
        # Succeeds on a full disk too, as a rule: the rollback freed room in the log.
        with contextlib.suppress(sqlite3.Error):
            rows.put_meta(self._db, values)


def _check_adapters() -> None:
    """What a script registers applies to what we write, too, and would be read as recorded."""
    for kind in (int, float, str, bytes):
        if (kind, sqlite3.PrepareProtocol) in sqlite3.adapters:
            raise TypeError(f"the script has sqlite3 write {kind.__name__} otherwise")


def _nothing_else(_: sqlite3.Connection) -> None:
    """Only the pending steps are written."""


def _create(path: Path, script: str, arguments: Sequence[str]) -> sqlite3.Connection:
    db = written(path)
    db.execute("BEGIN")
    statements = schema.TABLES + schema.ADDED + schema.VIEWS
    lay_out(db, schema.APPLICATION_ID, schema.VERSION, statements)
    rows.put_meta(db, _meta(script, arguments))
    db.execute("COMMIT")
    begin_journal(db, path.parent)
    db.execute("BEGIN IMMEDIATE")  # whatever file the journal takes is open from now on
    db.execute("COMMIT")
    db.execute(f"PRAGMA journal_size_limit={16 * 2**20}")
    return db


def _meta(script: str, arguments: Sequence[str]) -> dict[str, str | int | None]:
    return {
        "format_version": schema.VERSION,
        "digest_algorithm": ALGORITHM,
        "step_groups": codec.dump(STEP_GROUPS),
        "whydiff": __version__,
        "script": codec.text(script),
        "arguments": codec.dump(list(arguments)),
        "started": datetime.now(timezone.utc).isoformat(timespec="microseconds"),
        "exit_code": None,
        "trouble": "",
    }


# --- file descriptors of a recording, in a process whose script may close any of them ---------
# A script that closes "all other" descriptors, as daemons do, closes SQLite's. What it opens next
# gets their numbers, and SQLite would write into it.


#: Descriptors below are those that scripts close one and all.
_HIGH = 300
#: Where so many descriptors are not allowed, so many are left for what is opened now.
_SPARE = 8
_OPEN_HERE = Path("/proc/self/fd")


@contextlib.contextmanager
def out_of_reach() -> Iterator[None]:
    """Files opened meanwhile get high numbers, which scripts that close low ones leave alone."""
    taken: list[int] = []
    try:
        try:
            while not taken or taken[-1] < _HIGH:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for descriptor in taken[-_SPARE:]:
                os.close(descriptor)
            del taken[-_SPARE:]
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)


class Descriptors:
    """The descriptors by which this process holds ``path`` and what SQLite keeps beside it."""

    def __init__(self, path: Path) -> None:
        self._files: dict[int, tuple[int, int]] = {}
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = os.listdir(_OPEN_HERE)  # noqa: PTH208 - a name each, no paths
        for name in names:
            with contextlib.suppress(OSError):
                if str((_OPEN_HERE / name).readlink()).startswith(str(path.resolve())):
                    self._files[int(name)] = _identity(int(name))

    def lost(self) -> bool:
        """Whether one of them has been closed, and perhaps opened as another file."""
        try:
            return any(_identity(number) != known for number, known in self._files.items())
        except OSError:
            return True


def never_closed(connection: sqlite3.Connection) -> None:
    """Keep a connection from ever closing descriptors that are not its own any more."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
