"""Reading a recording: plain data from tables with explicit columns, every type and size checked.

Nothing in the file is executed: no pickle, no view, trigger or function of the file's schema. A
file whose tables are not, letter for letter, those of its format version is refused.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Epoch, Execution, Fit
from whydiff.store import blobs, codec, schema
from whydiff.store.files import reading
from whydiff.store.rows import FACT_FIELDS, TENSOR_FIELDS, source_id

_NEWER = "upgrade whydiff to the version that wrote it"
_AGAIN = "make the recording again, or take it from where it was copied from"
_Facts = dict[str, dict[str, Any]]


def load(path: Path | str) -> Execution:
    """The execution recorded in ``path``, also one cut short by ``kill -9``.

    There ``exit_code`` is None, the last fit has ``finished=False`` and holds what was written
    by then. ``environment["digest.algorithm"]`` names the algorithm of all digests. Raises
    :class:`WhydiffError` for a file that is missing, foreign, damaged or newer.
    """
    with _recording(Path(path)) as db:
        meta = _meta(db)
        environment = {
            name: codec.load(value, f"environment {name}")
            for name, value in db.execute("SELECT name, value FROM environment")
        }
        environment["digest.algorithm"] = _text(meta, "digest_algorithm")
        exit_code = meta.get("exit_code")
        if exit_code is not None and type(exit_code) is not int:
            raise ValueError(f"exit code {exit_code!r} is not a number")
        return Execution(
            script=_text(meta, "script"),
            arguments=codec.load_strings(meta.get("arguments"), "arguments"),
            started=_text(meta, "started"),
            exit_code=exit_code,
            environment=environment,
            fits=_fits(db),
            ledger=_ledger(db),
            trouble=_text(meta, "trouble"),
        )


def arrays(path: Path | str, fit: int, moment: str) -> dict[str, np.ndarray]:
    """Arrays kept for one moment of a fit, {} if none: ``{"weights:dense/kernel": ...}``.

    Raises :class:`WhydiffError` as :func:`load` does.
    """
    with _recording(Path(path)) as db:
        query = "SELECT part, data FROM snapshot WHERE fit = ? AND moment = ? ORDER BY part"
        parts = db.execute(query, (fit, moment)).fetchall()
        if not parts:
            return {}
        if [part for part, _ in parts] != list(range(len(parts))):
            raise ValueError(f"weights of fit {fit} at {moment!r} lack a part")
        return blobs.unpack_arrays(b"".join(data for _, data in parts))


@contextlib.contextmanager
def _recording(path: Path) -> Iterator[sqlite3.Connection]:
    """Open and check; whatever is wrong inside becomes one WhydiffError with the path."""
    try:
        with reading(path) as db:
            _check(path, db)
            yield db
    except WhydiffError:
        raise
    except PermissionError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", "check permissions") from None
    except (
        sqlite3.Error, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError
    ) as error:  # fmt: skip
        detail = str(error) or type(error).__name__
        raise WhydiffError(f"{path} is damaged: {detail}", _AGAIN) from None


def _check(path: Path, db: sqlite3.Connection) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != schema.APPLICATION_ID:
        raise WhydiffError(
            f"{path} is not a whydiff recording: it is another program's SQLite file",
            "name a recording (.whydiff)",
        )
    if version != schema.VERSION:
        raise WhydiffError(
            f"{path} has format {version}; this whydiff reads format {schema.VERSION}", _NEWER
        )
    # The text of a table is its whole behaviour: same text means no virtual table, no generated
    # column and no view in its place.
    tables = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    for name, sql in schema.expected_tables().items():
        if tables.get(name) != sql:
            state = "not as format 1 has it" if name in tables else "missing"
            raise ValueError(f"its table {name!r} is {state}")


def _meta(db: sqlite3.Connection) -> dict[str, Any]:
    meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
    if meta.get("format_version") != schema.VERSION:
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


def _fits(db: sqlite3.Connection) -> tuple[Fit, ...]:
    series, samples = _series(db), _samples(db)
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
        recipe = Recipe(
            data_order=Order(order, bool(relative)),
            data_content=_content(what, samples, *content),
            batch_size=Batching(batches, facts.get("batch-size", {})),
            **{name: tensors.get((name, schema.NO_EPOCH), ()) for name in TENSOR_FIELDS},
            **{name: facts.get(source_id(name), {}) for name in FACT_FIELDS},
        )
        fits.append(
            Fit(
                index=fit,
                model=model,
                stack=codec.load_stack(stack, f"{what}: stack"),
                recipe=recipe,
                steps=steps,
                step_epochs=step_epochs,
                epochs=_epochs(db, fit, tensors),
                final=tensors.get(("final", schema.NO_EPOCH), ()),
                finished=bool(finished),
                seconds=seconds,
                notes=codec.load_mapping(notes, f"{what}: notes"),
            )
        )
    return tuple(fits)


def _content(
    what: str,
    samples: dict[str, np.ndarray],
    unit: Any,
    signature: Any,
    digests: Any,
    weights: Any,
    validation: Any,
) -> Content:
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


def _series(db: sqlite3.Connection) -> dict[str, np.ndarray]:
    rows = db.execute("SELECT digest, dtype, length, data FROM series")
    return {digest: blobs.unpack_series(*series) for digest, *series in rows}


def _samples(db: sqlite3.Connection) -> dict[str, np.ndarray]:
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
    db: sqlite3.Connection, fit: int, series: dict[str, np.ndarray]
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    query = "SELECT position, sample_order, batches FROM feed WHERE fit = ? ORDER BY position"
    order, batches = [], []
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
        if n != count or type(epoch) is not int:
            raise ValueError(f"fit {fit}: step {count} is missing")
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


def _ledger(db: sqlite3.Connection) -> tuple[Draw, ...]:
    query = (
        "SELECT number, kind, owner, seed, explicit, stack, layer, fit FROM draw ORDER BY number"
    )
    return tuple(codec.row_draw(row) for row in db.execute(query))
