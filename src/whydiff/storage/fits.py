"""Fits from the tables of a recording, every type, size and count checked."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import STEP_GROUPS, Epoch, Fit
from whydiff.storage import blobs, codec, schema
from whydiff.storage.calls import FitCall
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS, source_id

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
                _content(what, samples, *content),
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


def _content(
    what: str,
    samples: Mapping[str, np.ndarray],
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
