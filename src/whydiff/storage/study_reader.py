"""Reading a study: plain data, every type checked; nothing in the file is executed."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.plan import DRAW, OWN, REPLICATE, SETTING, Member, StoredReplica
from whydiff.core.replicas import Replica, Result
from whydiff.storage import blobs, codec
from whydiff.storage.opening import Opened, check_pages, joined, opened
from whydiff.storage.studies import (
    CALIBRATION,
    ELSEWHERE,
    NOBODY,
    PICTURES,
    PLAN,
    STUDY,
    TARGETS,
    WEIGHTS,
)


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """Everything in a study file: what was noted, and the replicas by number."""

    path: Path
    meta: Mapping[str, Any]
    kept: Mapping[int, StoredReplica]
    calibration: Mapping[int, StoredReplica] = field(default_factory=dict)
    #: relative distance of the trained weights by pair of numbers, the smaller one first
    distances: Mapping[tuple[int, int], float] = field(default_factory=dict)
    targets: tuple[np.ndarray, ...] = ()
    pictures: Mapping[int, np.ndarray] = field(default_factory=dict)  # by position in the probe
    #: the script's own training as further machines trained it
    elsewhere: tuple[StoredReplica, ...] = ()


def load_study(path: Path | str) -> StoredStudy:
    """The study in ``path``, also one that was killed. Raises WhydiffError for any other file."""
    path = Path(path)
    with opened(path, STUDY) as file:
        return _READERS[file.version](path, file)


def _read_1(path: Path, file: Opened) -> StoredStudy:
    db = file.db
    for table in sorted(file.tables):
        check_pages(db, table)
    meta = {
        name: codec.load(value, f"meta {name}")
        for name, value in db.execute("SELECT name, value FROM meta")
    }
    targets = _arrays(db, NOBODY, TARGETS)
    machines = _machines(db) if "machine" in file.tables else {}
    return StoredStudy(
        path,
        meta,
        _kept(db, PLAN, machines),
        _kept(db, CALIBRATION, machines),
        _distances(db),
        tuple(targets[key] for key in sorted(targets, key=_position)),
        {int(key): _image(key, v) for key, v in _arrays(db, NOBODY, PICTURES).items()},
        _elsewhere(db, machines),
    )


#: Format version -> its reader.
_READERS: Mapping[int, Callable[[Path, Opened], StoredStudy]] = {1: _read_1}


def kept_weights(path: Path | str) -> dict[int, dict[str, np.ndarray]]:
    """Trained weights by number, of the replicas whose block was not complete."""
    with opened(Path(path), STUDY) as file:
        db = file.db
        query = "SELECT DISTINCT number FROM arrays WHERE purpose = ?"
        numbers = [number for (number,) in db.execute(query, (WEIGHTS,)).fetchall()]
        return {number: _arrays(db, number, WEIGHTS) for number in numbers}


def _distances(db: sqlite3.Connection) -> dict[tuple[int, int], float]:
    found = {}
    for a, b, relative in db.execute("SELECT a, b, relative FROM distance").fetchall():
        if relative is None:  # SQLite has no NaN
            relative = math.nan
        if type(a) is not int or type(b) is not int or not isinstance(relative, float):
            raise ValueError(f"the distance of replicas {a!r} and {b!r} is no number")
        found[a, b] = relative
    return found


_Machines = Mapping[tuple[int, str], Mapping[str, Any]]


def _machines(db: sqlite3.Connection) -> _Machines:
    """What each replica was trained on, by number and purpose."""
    return {
        (number, purpose): _machine(facts, f"machine of replica {number}")
        for number, purpose, facts in db.execute("SELECT number, purpose, facts FROM machine")
    }


def _machine(text: Any, what: str) -> dict[str, Any]:
    facts = codec.load_mapping(text, what)
    if not all(isinstance(part, dict) for part in facts.values()):
        raise ValueError(f"{what} is not facts by subject")
    devices = facts.get("hardware", {}).get("devices", [])
    if not isinstance(devices, list):
        raise ValueError(f"{what}: its devices are no list")
    return facts


def _elsewhere(db: sqlite3.Connection, machines: _Machines) -> tuple[StoredReplica, ...]:
    query = "SELECT DISTINCT purpose FROM replica WHERE purpose LIKE ? ORDER BY purpose"
    purposes = [purpose for (purpose,) in db.execute(query, (f"{ELSEWHERE}%",)).fetchall()]
    return tuple(one for name in purposes for one in _kept(db, name, machines).values())


def _kept(db: sqlite3.Connection, purpose: str, machines: _Machines) -> dict[int, StoredReplica]:
    query = (
        "SELECT number, engine, block, kind, redrawn, seeds, settings, digest,"
        " seconds, failure FROM replica WHERE purpose = ? ORDER BY number"
    )
    rows = db.execute(query, (purpose,)).fetchall()
    return {row[0]: _one(db, purpose, row, machines.get((row[0], purpose), {})) for row in rows}


def _one(
    db: sqlite3.Connection, purpose: str, row: tuple[Any, ...], machine: Mapping[str, Any]
) -> StoredReplica:
    number, engine, block, kind, redrawn, seeds, settings, digest, seconds, failure = row
    what = f"replica {number}"
    if type(number) is not int or type(block) is not int:
        raise ValueError(f"{what}: its number or block is not a number")
    if kind not in (OWN, DRAW, REPLICATE, SETTING):
        raise ValueError(f"{what}: {kind!r} is no kind of replica")
    if not all(isinstance(text, str) for text in (engine, digest, failure)):
        raise ValueError(f"{what}: engine, digest or failure is not text")
    if not isinstance(seconds, float):
        raise ValueError(f"{what}: seconds is not a number")
    drawn = codec.load_mapping(seeds, f"{what}: seeds")
    if not all(type(seed) is int for seed in drawn.values()):
        raise ValueError(f"{what}: a seed is not a whole number")
    member = Member(
        Replica(number, drawn, codec.load_mapping(settings, f"{what}: settings")),
        block,
        kind,
        frozenset(codec.load_strings(redrawn, f"{what}: redrawn")),
    )
    logs = db.execute(
        "SELECT logs FROM epoch WHERE number = ? AND purpose = ? ORDER BY epoch", (number, purpose)
    )
    arrays = _arrays(db, number, purpose)
    outputs = [arrays[key] for key in sorted(arrays, key=_position)]
    result = Result(
        replica=member.replica,
        engine=engine,
        logs=tuple(codec.load_logs(text, f"{what}: logs") for (text,) in logs),
        predictions=tuple(outputs) if outputs else None,
        digest=digest,
        seconds=seconds,
        failure=failure,
        machine=machine,
    )
    return StoredReplica(member, result)


def _image(key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)):
        raise ValueError(f"picture {key!r} is no image")
    return array


def _position(key: str) -> int:
    name, _, number = key.partition(":")
    if name not in ("prediction", "target") or not number.isdecimal():
        raise ValueError(f"{key!r} is no prediction")
    return int(number)


def _arrays(db: sqlite3.Connection, number: int, purpose: str) -> dict[str, np.ndarray]:
    query = "SELECT part, data FROM arrays WHERE number = ? AND purpose = ? ORDER BY part"
    parts = db.execute(query, (number, purpose)).fetchall()
    return blobs.unpack_arrays(joined(parts, f"arrays of replica {number}")) if parts else {}
