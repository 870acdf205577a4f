"""Measuring calls and events into the tables of a recording and back, every value checked.

What several calls have in common is stored once: facts and tensors as JSON documents under the
digest of their text, digests of rows in table ``samples``, batch sizes in table ``series``.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import xxhash

from whydiff.core.calls import (
    KINDS,
    CallRecipe,
    Event,
    GeneratorState,
    HeldValue,
    Inputs,
    Leaf,
    MeasuringCall,
    Origin,
    Output,
    Score,
)
from whydiff.core.recipe import Tensor
from whydiff.storage import blobs, codec
from whydiff.storage.codec import Checked, one_of
from whydiff.storage.rows import put_samples, put_series

#: Fields of a call's recipe that are nothing but facts.
FACT_FIELDS = (
    "architecture", "precision", "objective", "measurement", "mode",
    "backend", "version", "hardware", "arithmetic",
)  # fmt: skip


# --- writing --------------------------------------------------------------------------------------


class FitCall(NamedTuple):
    """The number of a fit among all calls, and those of the models that it trains."""

    number: int = 0
    models: tuple[int, ...] = ()


def put_fit_call(db: sqlite3.Connection, call: FitCall, fit: int) -> None:
    """Say which call fit ``fit`` is."""
    notes = codec.dump({"models": list(call.models)})
    db.execute(
        "INSERT OR REPLACE INTO call VALUES(?, ?, 'fit', '', 0, '[]', 1, 0.0, '{}', ?, '{}', NULL)",
        (call.number, fit, notes),
    )


class Known:
    """Documents that this process has stored: what many calls share is turned to text once."""

    def __init__(self) -> None:
        self._by_object: dict[tuple[str, int], tuple[Any, str]] = {}
        self._by_value: dict[tuple[str, Any], str] = {}

    def digest(self, name: str, value: Any) -> str:
        """The key of a document stored before, or ""."""
        if isinstance(value, tuple):
            try:
                return self._by_value.get((name, value), "")
            except TypeError:  # a value held in it is a list
                return ""
        known = self._by_object.get((name, id(value)))
        return known[1] if known is not None and known[0] is value else ""

    def keep(self, name: str, value: Any, digest: str) -> None:
        """Remember it; of a mapping the object itself, which nobody changes any more."""
        if isinstance(value, tuple):
            with contextlib.suppress(TypeError):
                self._by_value[name, value] = digest
        else:
            self._by_object[name, id(value)] = (value, digest)
        for memory in (self._by_object, self._by_value):
            while len(memory) > 512:
                del memory[next(iter(memory))]


def put_call(db: sqlite3.Connection, known: Known, call: MeasuringCall) -> None:
    """Add a measuring call; one of the same number goes."""
    for table in ("call", "call_array"):
        db.execute(f"DELETE FROM {table} WHERE call = ?", (call.number,))
    db.execute(
        "INSERT INTO call VALUES(?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            call.number,
            call.kind,
            codec.text(call.model),
            call.model_number,
            codec.dump_stack(call.stack),
            int(call.finished),
            float(call.seconds),
            codec.dump(call.values, "values"),
            codec.dump(call.notes, "notes"),
            codec.dump(_recipe_row(db, known, call.recipe)),
            None if call.score is None else codec.dump(_score_row(call.score), "score"),
        ),
    )
    for position, leaf in enumerate(call.recipe.inputs.leaves):
        shape = codec.dump(list(leaf.shape))
        row = (leaf.role, codec.text(leaf.path), leaf.dtype, shape, put_samples(db, leaf.rows))
        _put_array(db, call.number, "input", position, *row, None)
    for position, output in enumerate(call.outputs):
        data = None if output.values is None else blobs.pack_arrays({"": output.values})
        shape = codec.dump(list(output.shape))
        name = codec.text(output.name)
        row = (name, "", output.dtype, shape, put_samples(db, output.rows))
        _put_array(db, call.number, "output", position, *row, data)
    if call.score is not None:
        rows = call.score.rows
        shape = codec.dump([len(rows)])
        _put_array(db, call.number, "labels", 0, "", "", "", shape, put_samples(db, rows), None)


def put_event(db: sqlite3.Connection, event: Event) -> None:
    """Add an event; one of the same number goes."""
    db.execute(
        "INSERT OR REPLACE INTO event VALUES(?, ?, ?, ?, ?, ?, ?)",
        (
            event.number,
            event.after_call,
            event.kind,
            codec.text(event.model),
            event.model_number,
            codec.dump_stack(event.stack),
            codec.dump(event.facts, "facts"),
        ),
    )


def _put_array(db: sqlite3.Connection, *row: Any) -> None:
    db.execute("INSERT INTO call_array VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _put_document(
    db: sqlite3.Connection, known: Known, name: str, value: Any, plain: Callable[[Any], Any]
) -> str:
    digest = known.digest(name, value)
    if digest:
        return digest
    text = codec.dump(plain(value), name)
    digest = str(xxhash.xxh3_128_hexdigest(text.encode()))
    db.execute("INSERT OR IGNORE INTO document VALUES(?, ?)", (digest, text))
    known.keep(name, value, digest)
    return digest


def _recipe_row(db: sqlite3.Connection, known: Known, recipe: CallRecipe) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in FACT_FIELDS:
        row[name] = _put_document(db, known, name, getattr(recipe, name), dict)
    for name in ("weights", "noise"):
        tensors = getattr(recipe, name)
        row[name] = _put_document(
            db, known, name, tensors, lambda parts: [list(codec.tensor_row(t)) for t in parts]
        )
    for name in ("origins", "generators", "state"):
        row[name] = _put_document(
            db, known, name, getattr(recipe, name), lambda parts: list(map(_plain_dataclass, parts))
        )
    inputs = recipe.inputs
    row["inputs"] = _put_document(db, known, "inputs", inputs.facts, dict)
    row["unit"] = inputs.unit
    row["batches"] = put_series(db, inputs.batches) if len(inputs.batches) else ""
    return row


def _plain_dataclass(value: Any) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    return {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if getattr(value, field.name) != field.default
    }


def _score_row(score: Score) -> dict[str, Any]:
    return {
        "function": score.function,
        "reads": score.reads,
        "output": score.output,
        "transformation": score.transformation,
        "settings": score.settings,
        **({"exchanged": True} if score.exchanged else {}),
    }


# --- reading --------------------------------------------------------------------------------------


class _Shared:
    """What calls refer to by digest."""

    def __init__(
        self,
        db: sqlite3.Connection,
        samples: Mapping[str, np.ndarray],
        series: Mapping[str, np.ndarray],
    ) -> None:
        self._documents = dict(db.execute("SELECT digest, text FROM document").fetchall())
        self._decoded: dict[tuple[str, str], Any] = {}
        self._samples, self._series = samples, series

    def document(self, digest: Any, what: str, read: Any) -> Any:
        """What ``read`` makes of a document; equal documents are read once."""
        key = (str(digest), what)
        if key not in self._decoded:
            if digest not in self._documents:
                raise ValueError(f"{what}: document {digest!r} is missing")
            self._decoded[key] = read(codec.load(self._documents[digest], what), what)
        return self._decoded[key]

    def rows(self, digest: Any) -> np.ndarray:
        if digest not in self._samples:
            raise ValueError(f"samples {digest!r} are missing")
        return self._samples[digest]

    def series(self, digest: Any) -> np.ndarray:
        if digest == "":
            return np.empty(0, np.int64)
        if digest not in self._series:
            raise ValueError(f"series {digest!r} is missing")
        return self._series[digest]


def read_calls(
    db: sqlite3.Connection,
    samples: Mapping[str, np.ndarray],
    series: Mapping[str, np.ndarray],
) -> tuple[tuple[MeasuringCall, ...], dict[int, FitCall]]:
    """Measuring calls, and which call each fit is by the fit's index."""
    shared = _Shared(db, samples, series)
    calls: list[MeasuringCall] = []
    fits: dict[int, FitCall] = {}
    columns = (
        "call", "fit", "kind", "model", "model_number", "stack", "finished", "seconds", "numbers",
        "notes", "recipe", "score",
    )  # fmt: skip
    for values in db.execute(f"SELECT {', '.join(columns)} FROM call ORDER BY call").fetchall():
        row = dict(zip(columns, values, strict=True))
        number, fit = row["call"], row["fit"]
        if fit is None:
            calls.append(_call(db, shared, row))
        elif type(fit) is int:
            fits[fit] = FitCall(number, _models(codec.load_mapping(row["notes"], f"call {number}")))
        else:
            raise ValueError(f"call {number} belongs to fit {fit!r}")
    return tuple(calls), fits


def _models(notes: Mapping[str, Any]) -> tuple[int, ...]:
    """Numbers of models in the notes of a fit's row; () where it has none."""
    numbers = notes.get("models", [])
    if not isinstance(numbers, list) or any(type(n) is not int for n in numbers):
        raise ValueError(f"models {numbers!r} are no numbers")
    return tuple(numbers)


def _call(db: sqlite3.Connection, shared: _Shared, row: Mapping[str, Any]) -> MeasuringCall:
    what = f"call {row['call']}"
    if not isinstance(row["model"], str) or type(row["model_number"]) is not int:
        raise ValueError(f"{what}: model or its number has a wrong type")
    if row["finished"] not in (0, 1) or not isinstance(row["seconds"], float):
        raise ValueError(f"{what}: finished or seconds has a wrong type")
    leaves, outputs, labels = _arrays(db, shared, row["call"])
    recipe = Checked(codec.load(row["recipe"], f"{what}: recipe"), what)
    score = None if row["score"] is None else codec.load(row["score"], f"{what}: score")
    return MeasuringCall(
        number=row["call"],
        kind=one_of(row["kind"], KINDS),
        model=row["model"],
        model_number=row["model_number"],
        stack=codec.load_stack(row["stack"], f"{what}: stack"),
        recipe=_recipe(shared, recipe, leaves),
        outputs=outputs,
        values=codec.load_logs(row["numbers"], f"{what}: values"),
        finished=bool(row["finished"]),
        seconds=row["seconds"],
        score=None if score is None else _score(score, what, labels),
        notes=codec.load_mapping(row["notes"], f"{what}: notes"),
    )


def _arrays(
    db: sqlite3.Connection, shared: _Shared, number: int
) -> tuple[tuple[Leaf, ...], tuple[Output, ...], np.ndarray | None]:
    leaves: list[Leaf] = []
    outputs: list[Output] = []
    labels = None
    query = (
        "SELECT part, name, path, dtype, shape, rows, data FROM call_array WHERE call = ?"
        " ORDER BY part, position"
    )
    for part, name, path, dtype, shape_json, rows, data in db.execute(query, (number,)):
        what = f"call {number}: {part} {name!r}"
        if not all(isinstance(text, str) for text in (name, path, dtype)):
            raise ValueError(f"{what}: name, path or dtype is not text")
        shape = codec.load(shape_json, f"{what}: shape")
        if not isinstance(shape, list) or not all(type(n) is int for n in shape):
            raise ValueError(f"{what}: its shape is no list of sizes")
        if part == "input":
            leaves.append(Leaf(name, path, dtype, tuple(shape), shared.rows(rows)))
        elif part == "output":
            values = None if data is None else _values(data, tuple(shape), what)
            outputs.append(Output(name, dtype, tuple(shape), shared.rows(rows), values))
        elif part == "labels":
            labels = shared.rows(rows)
        else:
            raise ValueError(f"{what} is no part of a call")
    return tuple(leaves), tuple(outputs), labels


def _values(data: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    if not isinstance(data, bytes):
        raise ValueError(f"{what}: its values are not bytes")
    array = blobs.unpack_arrays(data).get("")
    if array is None or array.shape != shape:
        raise ValueError(f"{what}: its values do not have its shape")
    return array


def _recipe(shared: _Shared, row: Checked, leaves: tuple[Leaf, ...]) -> CallRecipe:
    made: dict[str, Any] = {
        name: shared.document(row.text(name), name, _facts) for name in FACT_FIELDS
    }
    for name in ("weights", "noise"):
        made[name] = shared.document(row.text(name), name, _tensors)
    for name, read in (("origins", _origin), ("generators", _generator), ("state", _held)):
        made[name] = shared.document(row.text(name), name, _each(read))
    made["inputs"] = Inputs(
        leaves,
        shared.series(row.text("batches")),
        one_of(row.text("unit"), ("sample", "batch")),
        shared.document(row.text("inputs"), "inputs", _facts),
    )
    return CallRecipe(**made)


def _facts(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")
    return value


def _tensors(value: Any, what: str) -> tuple[Tensor, ...]:
    if not isinstance(value, list) or not all(isinstance(r, list) and len(r) == 6 for r in value):
        raise ValueError(f"{what} is not a list of tensors")
    return tuple(codec.row_tensor(tuple(row), what) for row in value)


def _each(read: Any) -> Any:
    def read_all(value: Any, what: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{what} is not a list")
        return tuple(read(Checked(part, what)) for part in value)

    return read_all


def _optional(row: Checked, name: str) -> int | None:
    return row.integer(name) if name in row else None


def _text(row: Checked, name: str) -> str:
    return row.text(name) if name in row else ""


def _any(row: Checked, name: str) -> Any:
    return row.anything(name) if name in row else None


def _origin(row: Checked) -> Origin:
    numbers = {
        name: _optional(row, name)
        for name in ("event", "draw", "seed", "fit", "epoch", "model", "line")
    }
    return Origin(row.text("text"), row.text("kind"), path=_text(row, "path"), **numbers)


def _generator(row: Checked) -> GeneratorState:
    by_loader = row.boolean("by_loader") if "by_loader" in row else False
    return GeneratorState(row.text("name"), row.text("before"), row.text("after"), by_loader)


def _held(row: Checked) -> HeldValue:
    return HeldValue(
        row.text("name"),
        row.text("kind"),
        row.text("layer"),
        row.text("digest"),
        _any(row, "value"),
        _text(row, "traced"),
        _any(row, "traced_value"),
    )


def _score(value: Any, what: str, labels: np.ndarray | None) -> Score:
    row = Checked(value, f"{what}: score")
    if labels is None:
        raise ValueError(f"{what}: its labels are missing")
    return Score(
        row.text("function"),
        row.integer("reads"),
        row.text("output"),
        row.text("transformation"),
        labels,
        row.mapping("settings"),
        row.boolean("exchanged") if "exchanged" in row else False,
    )


def read_events(db: sqlite3.Connection) -> tuple[Event, ...]:
    """All events in their order."""
    columns = "number, after_call, kind, model, model_number, stack, facts"
    events = []
    for number, after, kind, model, model_number, stack, facts in db.execute(
        f"SELECT {columns} FROM event ORDER BY number"
    ):
        what = f"event {number}"
        if not (isinstance(kind, str) and isinstance(model, str)):
            raise ValueError(f"{what}: its kind or model is not text")
        if type(after) is not int or type(model_number) is not int:
            raise ValueError(f"{what}: its call or the number of its model is no number")
        events.append(
            Event(
                number,
                after,
                kind,
                model,
                model_number,
                codec.load_stack(stack, f"{what}: stack"),
                codec.load_mapping(facts, f"{what}: facts"),
            )
        )
    return tuple(events)
