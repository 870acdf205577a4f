"""Reading a recording: plain data from tables with explicit columns, every type and size checked.

Nothing in the file is executed: no pickle, no view, trigger or function of the file's schema. A
file whose tables are not, letter for letter, those of its format version is refused. Every format
version that was ever written has its reader in ``_READERS``.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Epoch, Execution, Fit
from whydiff.storage import blobs, codec, schema
from whydiff.storage.calls import FitCall, read_calls, read_events
from whydiff.storage.opening import Format, Opened, check_pages, joined, opened, reading
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS, put_array, source_id

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
            found = _kept(file, Path(path), fit, moment, name)
        return found if name is None else {k: v for k, v in found.items() if k == name}


def _snapshot(db: sqlite3.Connection, fit: int, moment: str) -> dict[str, np.ndarray] | None:
    check_pages(db, "snapshot")
    query = "SELECT part, data FROM snapshot WHERE fit = ? AND moment = ? ORDER BY part"
    parts = db.execute(query, (fit, moment)).fetchall()
    return (
        blobs.unpack_arrays(joined(parts, f"weights of fit {fit} at {moment!r}")) if parts else None
    )


def _kept(
    file: Opened, path: Path, fit: int, moment: str, name: str | None
) -> dict[str, np.ndarray]:
    if not {"kept", "array"} <= file.tables:
        return {}
    check_pages(file.db, "kept")
    check_pages(file.db, "array")
    query = "SELECT name, digest FROM kept WHERE fit = ? AND moment = ? ORDER BY name"
    found = {}
    for key, digest in file.db.execute(query, (fit, moment)).fetchall():
        if not isinstance(key, str) or not isinstance(digest, str):
            raise ValueError(f"fit {fit}: array {digest!r} of {key!r} is not named by text")
        if name is None or key == codec.text(name):
            query = "SELECT part, data FROM array WHERE digest = ? ORDER BY part"
            parts = file.db.execute(query, (digest,)).fetchall()
            beside = None if parts else _beside(file.db, path, digest)
            if beside is None:
                found[key] = blobs.unpack_arrays(joined(parts, f"parts of array {digest!r}"))[""]
            else:
                found[key] = beside
    return found


def _beside(db: sqlite3.Connection, path: Path, digest: str) -> np.ndarray | None:
    """An array that a recording left to the folder beside it, and describes."""
    folder = blobs.folder_beside(path)
    query = "SELECT role, path, shape, dtype, digest, trained_by FROM tensor WHERE digest = ?"
    row = db.execute(query, (digest,)).fetchone()
    if row is None or not (folder / Path(digest).name).is_file():
        return None
    tensor = codec.row_tensor(row, f"array {digest!r}")
    if tensor.dtype not in blobs.NATIVE:
        return None
    return blobs.ArrayFolder(folder).get(digest, np.dtype(tensor.dtype), tensor.shape)


def take_in(path: Path, beside: Path) -> None:
    """Store in a recording what it left to the folder beside that of another path, where it was."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        query = """SELECT DISTINCT digest FROM kept
                   WHERE digest NOT IN (SELECT digest FROM array)"""
        for (digest,) in db.execute(query).fetchall():
            array = _beside(db, beside, digest)
            if array is not None:
                put_array(db, digest, array)


def _read_1(file: Opened) -> Execution:
    db = file.db
    for table in file.tables:
        if table not in ("snapshot", "array"):  # may be large, and are not read here
            check_pages(db, table)
    meta = _meta(db, file.version)
    environment = _environment(db)
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


def _environment(db: sqlite3.Connection) -> dict[str, Any]:
    facts = {}
    for name, value in db.execute("SELECT name, value FROM environment"):
        if not isinstance(name, str):
            raise ValueError(f"a fact of the environment is named by {name!r}, not by text")
        facts[name] = codec.load(value, f"environment {name}")
    return facts


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


_Facts = dict[str, dict[str, Any]]

#: All orders together inflate to at most this, or to this many times the size of the file. Real
#: ones shrink two- to fourfold, and equal ones are stored once: more is a bomb.
_MOST_INFLATED = 2**28
_MOST_GROWTH = 16


def read_fits(
    db: sqlite3.Connection,
    samples: Mapping[str, np.ndarray],
    series: Mapping[str, np.ndarray],
    calls: Mapping[int, FitCall],
    tables: frozenset[str],
) -> tuple[Fit, ...]:
    """All fits of a recording. ``ValueError`` says which value of which fit is wrong.

    ``calls`` says which call each fit is; ``tables`` are those that are there.
    """
    parts = _content_parts(db, samples) if "content" in tables else {}
    columns = (
        "fit, model, stack, notes, finished, seconds, order_relative, unit, signature, samples,"
        " weights, validation"
    )
    fits = []
    for row in db.execute(f"SELECT {columns} FROM fit ORDER BY fit").fetchall():
        fit, model, stack, notes, finished, seconds, relative, *content = row
        what = f"fit {fit}"
        tensors = _tensors(db, fit)
        facts = _facts(db, fit)
        if not isinstance(model, str) or finished not in (0, 1) or relative not in (0, 1):
            raise ValueError(f"{what}: model, finished or order_relative has a wrong type")
        if not isinstance(seconds, float):
            raise ValueError(f"{what}: seconds is {seconds!r}")
        order, batches = _feed(db, fit, series)
        steps, step_epochs = _steps(db, fit)
        fields: dict[str, Any] = {
            "data_order": Order(order, bool(relative)),
            "data_content": replace(
                _content(what, samples, content),
                leaves=tuple(parts.get((fit, "leaf"), ())),
                validation_samples=next(iter(parts.get((fit, "validation"), ())), None),
            ),
            "batch_size": Batching(batches, facts.get("batch-size", {})),
        }
        for name in TENSOR_FIELDS:
            fields[name] = tensors.get((name, schema.NO_EPOCH), ())
        for name in FACT_FIELDS:
            fields[name] = facts.get(source_id(name), {})
        fits.append(
            Fit(
                index=fit,
                model=model,
                stack=codec.load_stack(stack, f"{what}: stack"),
                recipe=Recipe(**fields),
                steps=steps,
                step_epochs=step_epochs,
                epochs=_epochs(db, fit, tensors),
                final=tensors.get(("final", schema.NO_EPOCH), ()),
                finished=bool(finished),
                seconds=seconds,
                notes=codec.load_mapping(notes, f"{what}: notes"),
                call=calls.get(fit, FitCall()).number,
                models=calls.get(fit, FitCall()).models,
            )
        )
    return tuple(fits)


def _content(what: str, samples: Mapping[str, np.ndarray], stored: Sequence[Any]) -> Content:
    unit, signature, digests, weights, validation = stored
    if unit not in ("sample", "batch") or not isinstance(validation, str):
        raise ValueError(f"{what}: unit of the samples or validation has a wrong value")
    for reference in (digests, weights):
        if reference is not None and reference not in samples:
            raise ValueError(f"{what}: samples {reference!r} are missing")
    return Content(
        samples=samples[digests],
        unit=unit,
        signature=codec.load_strings(signature, f"{what}: signature"),
        weights=None if weights is None else samples[weights],
        validation=validation,
    )


def _content_parts(
    db: sqlite3.Connection, samples: Mapping[str, np.ndarray]
) -> dict[tuple[int, str], list[np.ndarray]]:
    """Digests of single arrays and of validation samples, by fit and part."""
    parts: dict[tuple[int, str], list[np.ndarray]] = {}
    for fit, part, rows in db.execute(
        "SELECT fit, part, rows FROM content ORDER BY fit, part, position"
    ):
        if rows not in samples:
            raise ValueError(f"fit {fit}: samples {rows!r} of {part!r} are missing")
        parts.setdefault((fit, part), []).append(samples[rows])
    return parts


def read_series(db: sqlite3.Connection) -> dict[str, np.ndarray]:
    """All integer series by their keys."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    most = left = max(_MOST_INFLATED, _MOST_GROWTH * pages * size)
    query = "SELECT digest, dtype, length, data FROM series"
    for _, *stored in db.execute(query):  # before any of them is inflated
        left -= blobs.series_bytes(*stored)
        if left < 0:
            raise ValueError(f"its orders inflate beyond all measure, to more than {most} bytes")
    return {digest: blobs.unpack_series(*stored) for digest, *stored in db.execute(query)}


def read_samples(db: sqlite3.Connection) -> dict[str, np.ndarray]:
    """All sets of row digests by their keys."""
    rows = db.execute("SELECT digest, length, data FROM samples")
    return {digest: blobs.unpack_samples(length, data) for digest, length, data in rows}


def _facts(db: sqlite3.Connection, fit: int) -> _Facts:
    facts: _Facts = defaultdict(dict)
    query = "SELECT source, name, value FROM fact WHERE fit = ?"
    for source, name, value in db.execute(query, (fit,)):
        if not isinstance(source, str) or not isinstance(name, str):
            raise ValueError(f"fit {fit}: fact {name!r} of {source!r} is not named by text")
        facts[source][name] = codec.load(value, f"fit {fit}: {source} {name}")
    return facts


def _tensors(db: sqlite3.Connection, fit: int) -> dict[tuple[str, int], tuple[Tensor, ...]]:
    groups: dict[tuple[str, int], list[Tensor]] = defaultdict(list)
    query = (
        "SELECT moment, epoch, position, role, path, shape, dtype, digest, trained_by"
        " FROM tensor WHERE fit = ? ORDER BY moment, epoch, position"
    )
    for moment, epoch, position, *row in db.execute(query, (fit,)):
        group = groups[moment, epoch]
        if position != len(group):
            raise ValueError(f"fit {fit}: tensor {len(group)} of {moment} {epoch} is missing")
        group.append(codec.row_tensor(tuple(row), f"fit {fit}"))
    return {key: tuple(group) for key, group in groups.items()}


def _feed(
    db: sqlite3.Connection, fit: int, series: Mapping[str, np.ndarray]
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    query = "SELECT position, sample_order, batches FROM feed WHERE fit = ? ORDER BY position"
    order: list[np.ndarray] = []
    batches: list[np.ndarray] = []
    for count, (position, *references) in enumerate(db.execute(query, (fit,)).fetchall()):
        for reference, out in zip(references, (order, batches), strict=True):
            if reference is None:
                continue
            if position != count or len(out) != count or reference not in series:
                raise ValueError(f"fit {fit}: the order of epoch {count} is missing")
            out.append(series[reference])
    return tuple(order), tuple(batches)


def _steps(db: sqlite3.Connection, fit: int) -> tuple[np.ndarray, np.ndarray]:
    query = "SELECT n, epoch, digests FROM step WHERE fit = ? ORDER BY n"
    rows = db.execute(query, (fit,)).fetchall()
    size = schema.GROUP_BYTES * len(STEP_GROUPS)
    for count, (n, epoch, digests) in enumerate(rows):
        if n != count:
            raise ValueError(f"fit {fit}: step {count} is missing")
        if type(epoch) is not int or epoch < 0:
            raise ValueError(f"fit {fit}: step {n} belongs to epoch {epoch!r}")
        if not isinstance(digests, bytes) or len(digests) != size:
            raise ValueError(f"fit {fit}: the digests of step {n} are not {size} bytes")
    steps = blobs.unpack_steps([row[2] for row in rows], len(STEP_GROUPS))
    return steps, np.array([row[1] for row in rows], np.int64)


def _epochs(
    db: sqlite3.Connection, fit: int, tensors: dict[tuple[str, int], tuple[Tensor, ...]]
) -> tuple[Epoch, ...]:
    epochs = []
    query = "SELECT epoch, steps, logs FROM epoch WHERE fit = ? ORDER BY epoch"
    for epoch, steps, logs in db.execute(query, (fit,)):
        if type(epoch) is not int or type(steps) is not int or steps < 0:
            raise ValueError(f"fit {fit}: epoch {epoch!r} with {steps!r} steps")
        values = codec.load_logs(logs, f"fit {fit}: logs of epoch {epoch}")
        epochs.append(Epoch(epoch, steps, values, tensors.get(("epoch", epoch), ())))
    return tuple(epochs)
