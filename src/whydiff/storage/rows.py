"""The nouns into the tables: plain SQL over an open connection, inside the caller's transaction.

Raises whatever goes wrong (``sqlite3.Error``, ``TypeError`` for values that are not plain,
``LookupError`` for a fit that was not begun); :mod:`whydiff.storage.writer` decides what to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import Draw, Epoch, Frame
from whydiff.storage import blobs, codec, schema

#: Recipe fields that are tensors; each is a ``moment`` of table ``tensor``.
TENSOR_FIELDS = ("initialization", "noise", "state")
#: Recipe fields that are nothing but facts; :func:`source_id` gives their ``fact.source``.
FACT_FIELDS = tuple(
    f.name
    for f in fields(Recipe)
    if f.name not in (*TENSOR_FIELDS, "data_order", "data_content", "batch_size")
)
#: Tables whose rows belong to one fit.
_OF_FIT = ("fit", "fact", "tensor", "step", "epoch", "feed", "kept")


def source_id(field: str) -> str:
    """Public source id of a recipe's field."""
    return field.replace("_", "-")


def put_meta(db: sqlite3.Connection, values: Mapping[str, str | int | None]) -> None:
    """Set entries of table ``meta``."""
    db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", list(values.items()))


def put_environment(db: sqlite3.Connection, facts: Mapping[str, Any]) -> None:
    """Add or replace facts about the surroundings."""
    db.executemany(
        "INSERT OR REPLACE INTO environment VALUES(?, ?)",
        [(codec.text(name), codec.dump(value, name)) for name, value in facts.items()],
    )


def put_fit(
    db: sqlite3.Connection,
    fit: int,
    model: str,
    stack: Sequence[Frame],
    recipe: Recipe,
    notes: Mapping[str, Any],
) -> None:
    """Start a fit; rows of an earlier fit of this number go."""
    for table in _OF_FIT:
        db.execute(f"DELETE FROM {table} WHERE fit = ?", (fit,))
    db.execute(
        "INSERT INTO fit VALUES(?, ?, ?, ?, 0, 0.0, 0, 'sample', '[]', '', NULL, '')",
        (fit, codec.text(model), codec.dump_stack(stack), codec.dump(notes, "notes")),
    )
    _put_recipe(db, fit, recipe)


def put_epoch(
    db: sqlite3.Connection,
    fit: int,
    epoch: Epoch,
    order: np.ndarray,
    batches: np.ndarray,
    seconds: float,
) -> None:
    """Add a finished epoch. ``seconds`` since the fit began stand until the fit ends."""
    _the_fit(db, fit)
    db.execute("UPDATE fit SET seconds = ? WHERE fit = ?", (seconds, fit))
    (position,) = db.execute("SELECT count(*) FROM epoch WHERE fit = ?", (fit,)).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO epoch VALUES(?, ?, ?, ?)",
        (fit, int(epoch.index), int(epoch.steps), codec.dump(epoch.logs, "logs")),
    )
    _put_tensors(db, fit, "epoch", int(epoch.index), epoch.tensors)
    series = (put_series(db, order), put_series(db, batches))
    db.execute("INSERT OR REPLACE INTO feed VALUES(?, ?, ?, ?)", (fit, position, *series))


def put_end(
    db: sqlite3.Connection,
    fit: int,
    recipe: Recipe,
    final: Sequence[Tensor],
    seconds: float,
    notes: Mapping[str, Any],
) -> None:
    """Finish a fit: the complete recipe replaces the earlier one, notes are added."""
    before = codec.load_mapping(_the_fit(db, fit), "notes")
    db.execute(
        "UPDATE fit SET finished = 1, seconds = ?, notes = ? WHERE fit = ?",
        (float(seconds), codec.dump({**before, **notes}, "notes"), fit),
    )
    _put_recipe(db, fit, recipe)
    _put_tensors(db, fit, "final", schema.NO_EPOCH, final)


def put_arrays(
    db: sqlite3.Connection,
    fit: int,
    moment: str,
    arrays: Mapping[str, np.ndarray],
    beside: blobs.ArrayFolder | None = None,
) -> None:
    """Keep arrays by name. Equal ones, of any moment of any fit, are stored once; large ones of
    tensors that the recording describes in the folder ``beside``, if there is one."""
    db.execute("DELETE FROM kept WHERE fit = ? AND moment = ?", (fit, moment))
    for name, array in arrays.items():
        if not blobs.storable(array):
            raise TypeError(f"{name} is an array of {array.dtype}, which is not numbers")
        digest = tensor_digest(array)
        described = "SELECT 1 FROM tensor WHERE digest = ?"
        native = beside and beside.wants(array) and array.dtype.name in blobs.NATIVE
        if beside and native and db.execute(described, (digest,)).fetchone():
            beside.put(array)
        elif not db.execute("SELECT 1 FROM array WHERE digest = ?", (digest,)).fetchone():
            put_array(db, digest, array)
        db.execute("INSERT INTO kept VALUES(?, ?, ?, ?)", (fit, moment, codec.text(name), digest))


def put_array(db: sqlite3.Connection, digest: str, array: np.ndarray) -> None:
    """Store one array in parts."""
    pieces = blobs.array_pieces(array, schema.PART_BYTES)
    rows = ((digest, part, piece) for part, piece in enumerate(pieces))
    db.executemany("INSERT INTO array VALUES(?, ?, ?)", rows)


def put_draws(db: sqlite3.Connection, draws: Sequence[Draw]) -> None:
    """Add draws; one of a known number replaces it."""
    db.executemany(
        "INSERT OR REPLACE INTO draw VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        [codec.draw_row(draw) for draw in draws],
    )


def _the_fit(db: sqlite3.Connection, fit: int) -> Any:
    row = db.execute("SELECT notes FROM fit WHERE fit = ?", (fit,)).fetchone()
    if row is None:
        raise LookupError(f"fit {fit} was not begun")
    return row[0]


def _put_recipe(db: sqlite3.Connection, fit: int, recipe: Recipe) -> None:
    for name in TENSOR_FIELDS:
        _put_tensors(db, fit, name, schema.NO_EPOCH, getattr(recipe, name))
    db.execute("DELETE FROM fact WHERE fit = ?", (fit,))
    for name in FACT_FIELDS:
        _put_facts(db, fit, source_id(name), getattr(recipe, name))
    _put_facts(db, fit, "batch-size", recipe.batch_size.facts)
    _put_content(db, fit, recipe.data_content)
    _put_feed(db, fit, recipe.data_order, recipe.batch_size)


def _put_facts(db: sqlite3.Connection, fit: int, source: str, facts: Mapping[str, Any]) -> None:
    db.executemany(
        "INSERT INTO fact VALUES(?, ?, ?, ?)",
        [
            (fit, source, codec.text(name), codec.dump(value, f"{source} {name}"))
            for name, value in facts.items()
        ],
    )


def _put_tensors(
    db: sqlite3.Connection, fit: int, moment: str, epoch: int, tensors: Sequence[Tensor]
) -> None:
    key = (fit, moment, epoch)
    db.execute("DELETE FROM tensor WHERE fit = ? AND moment = ? AND epoch = ?", key)
    db.executemany(
        "INSERT INTO tensor VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*key, position, *codec.tensor_row(tensor)) for position, tensor in enumerate(tensors)],
    )


def _put_content(db: sqlite3.Connection, fit: int, content: Content) -> None:
    weights = None if content.weights is None else put_samples(db, content.weights)
    db.execute(
        "UPDATE fit SET unit = ?, signature = ?, samples = ?, weights = ?, validation = ?"
        " WHERE fit = ?",
        (
            content.unit,
            codec.dump(content.signature),
            put_samples(db, content.samples),
            weights,
            content.validation,
            fit,
        ),
    )
    db.execute("DELETE FROM content WHERE fit = ?", (fit,))
    validation = content.validation_samples
    parts = [("leaf", position, rows) for position, rows in enumerate(content.leaves)]
    parts += [] if validation is None else [("validation", 0, validation)]
    for part, position, rows in parts:
        key = put_samples(db, rows)
        db.execute("INSERT INTO content VALUES(?, ?, ?, ?)", (fit, part, position, key))


def _put_feed(db: sqlite3.Connection, fit: int, order: Order, batching: Batching) -> None:
    db.execute("UPDATE fit SET order_relative = ? WHERE fit = ?", (int(order.relative), fit))
    db.execute("DELETE FROM feed WHERE fit = ?", (fit,))
    # The two may have different lengths: batches can be seen where the order cannot.
    for position in range(max(len(order.epochs), len(batching.epochs))):
        series = [
            put_series(db, epochs[position]) if position < len(epochs) else None
            for epochs in (order.epochs, batching.epochs)
        ]
        db.execute("INSERT INTO feed VALUES(?, ?, ?, ?)", (fit, position, *series))


def put_series(db: sqlite3.Connection, values: np.ndarray) -> str:
    """The key of a 1-d integer array in table ``series``."""
    # Addressed by content: an order that repeats, in this fit or another, is stored once.
    values = np.asarray(values).reshape(-1)
    digest = tensor_digest(values.astype(np.int64) if values.dtype.kind in "iu" else values)
    if not db.execute("SELECT 1 FROM series WHERE digest = ?", (digest,)).fetchone():
        db.execute("INSERT INTO series VALUES(?, ?, ?, ?)", (digest, *blobs.pack_series(values)))
    return digest


def put_samples(db: sqlite3.Connection, digests: np.ndarray) -> str:
    """The key of row digests, shape (n, 2), in table ``samples``."""
    digest = tensor_digest(digests)
    if not db.execute("SELECT 1 FROM samples WHERE digest = ?", (digest,)).fetchone():
        row = (digest, len(digests), blobs.pack_samples(digests))
        db.execute("INSERT INTO samples VALUES(?, ?, ?)", row)
    return digest
