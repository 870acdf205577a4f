"""Reading a recording: plain data from tables with explicit columns, every type and size checked.

Nothing in the file is executed: no pickle, no view, trigger or function of the file's schema. A
file whose tables are not, letter for letter, those of its format version is refused. Every format
version that was ever written has its reader in ``_READERS``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.recording import STEP_GROUPS, Draw, Execution
from whydiff.storage import blobs, codec, schema
from whydiff.storage.calls import read_calls, read_events
from whydiff.storage.files import reading
from whydiff.storage.fits import read_fits, read_samples, read_series
from whydiff.storage.opening import Format, Opened, check_pages, opened

RECORDING = Format(
    "recording",
    schema.APPLICATION_ID,
    schema.layouts,
    "make the recording again, or take it from where it was copied from",
)


def load(path: Path | str) -> Execution:
    """The execution recorded in ``path``, also one cut short by ``kill -9``.

    There ``exit_code`` is None, the last fit has ``finished=False`` and holds what was written
    by then. ``environment["digest.algorithm"]`` names the algorithm of all digests. Raises
    WhydiffError for a file that is missing, foreign, damaged or newer.
    """
    with opened(Path(path), RECORDING) as file:
        return _READERS[file.version](file)


def arrays(
    path: Path | str, fit: int, moment: str, name: str | None = None
) -> dict[str, np.ndarray]:
    """Arrays kept for one moment of a fit, {} if none: ``{"weights:dense/kernel": ...}``.

    With ``name`` that one alone is read. Raises :class:`WhydiffError` as :func:`load` does.
    """
    with opened(Path(path), RECORDING) as file:
        found = _snapshot(file.db, fit, moment)  # as a recording of before kept them, all in one
        if found is None:
            found = _kept(file, fit, moment, name)
        return found if name is None else {k: v for k, v in found.items() if k == name}


def _snapshot(db: sqlite3.Connection, fit: int, moment: str) -> dict[str, np.ndarray] | None:
    check_pages(db, "snapshot")
    query = "SELECT part, data FROM snapshot WHERE fit = ? AND moment = ? ORDER BY part"
    parts = db.execute(query, (fit, moment)).fetchall()
    return blobs.unpack_arrays(_joined(parts, f"fit {fit} at {moment!r}")) if parts else None


def _kept(file: Opened, fit: int, moment: str, name: str | None) -> dict[str, np.ndarray]:
    if not {"kept", "array"} <= file.tables:
        return {}
    check_pages(file.db, "kept")
    check_pages(file.db, "array")
    query = "SELECT name, digest FROM kept WHERE fit = ? AND moment = ? ORDER BY name"
    found = {}
    for key, digest in file.db.execute(query, (fit, moment)).fetchall():
        if name is None or key == codec.text(name):
            query = "SELECT part, data FROM array WHERE digest = ? ORDER BY part"
            parts = file.db.execute(query, (digest,)).fetchall()
            found[key] = blobs.unpack_arrays(_joined(parts, f"array {digest!r}"))[""]
    return found


def _joined(parts: Sequence[tuple[Any, Any]], what: str) -> bytes:
    if [part for part, _ in parts] != list(range(len(parts))):
        raise ValueError(f"weights of {what} lack a part")
    return b"".join(data for _, data in parts)


def _read_1(file: Opened) -> Execution:
    db = file.db
    for table in file.tables:
        if table not in ("snapshot", "array"):  # may be large, and are not read here
            check_pages(db, table)
    meta = _meta(db, file.version)
    environment = {
        name: codec.load(value, f"environment {name}")
        for name, value in db.execute("SELECT name, value FROM environment")
    }
    environment["digest.algorithm"] = _text(meta, "digest_algorithm")
    exit_code = meta.get("exit_code")
    if exit_code is not None and type(exit_code) is not int:
        raise ValueError(f"exit code {exit_code!r} is not a number")
    samples, series = read_samples(db), read_series(db)
    has_calls = {"call", "call_array", "document"} <= file.tables
    calls, numbers = read_calls(db, samples, series) if has_calls else ((), {})
    return Execution(
        script=_text(meta, "script"),
        arguments=codec.load_strings(meta.get("arguments"), "arguments"),
        started=_text(meta, "started"),
        exit_code=exit_code,
        environment=environment,
        fits=read_fits(db, samples, series, numbers, file.tables),
        ledger=_ledger(db),
        trouble=_text(meta, "trouble"),
        calls=calls,
        events=read_events(db) if "event" in file.tables else (),
    )


#: Format version -> its reader.
_READERS: Mapping[int, Callable[[Opened], Execution]] = {1: _read_1}


def _meta(db: sqlite3.Connection, version: int) -> dict[str, Any]:
    meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
    if meta.get("format_version") != version:
        raise ValueError(f"format_version is {meta.get('format_version')!r}")
    groups = codec.load_strings(meta.get("step_groups"), "step_groups")
    if groups != STEP_GROUPS:
        raise ValueError(f"its steps have the groups {groups}, not {STEP_GROUPS}")
    return meta


def _text(meta: dict[str, Any], name: str) -> str:
    value = meta.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, not text")
    return value


def _ledger(db: sqlite3.Connection) -> tuple[Draw, ...]:
    query = (
        "SELECT number, kind, owner, seed, explicit, stack, layer, fit FROM draw ORDER BY number"
    )
    return tuple(codec.row_draw(row) for row in db.execute(query))


# --- how far the training has come whose recording is being written ---------------------------


@dataclass(frozen=True)
class Underway:
    """Of the last fit that has begun: its number, and epochs that are over and that it will train.

    ``epochs`` is 0 where nobody knows: a loop of the script's own says nothing of them.
    """

    fit: int
    done: int
    epochs: int


def underway(path: Path) -> Underway | None:
    """None where no fit is being trained, or nothing of one is on disk yet."""
    try:
        with reading(path) as db:
            found = db.execute(
                "SELECT fit, (SELECT count(*) FROM epoch WHERE epoch.fit = fit.fit) FROM fit "
                "WHERE NOT finished ORDER BY fit DESC LIMIT 1"
            ).fetchone()
            if found is None:
                return None
            facts = db.execute(
                "SELECT name, value FROM fact WHERE fit = ? AND source = 'duration' "
                "AND name IN ('epochs', 'initial_epoch')",
                found[:1],
            )
            duration = {name: json.loads(value) for name, value in facts}
    except (OSError, ValueError, sqlite3.Error, WhydiffError):  # it is only just being made
        return None
    last, first = (duration.get(name) for name in ("epochs", "initial_epoch"))
    epochs = last - (first or 0) if isinstance(last, int) else 0
    return Underway(found[0], found[1], max(epochs, 0))
