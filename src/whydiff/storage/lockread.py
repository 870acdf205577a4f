"""Plain values of a lock file, and of the details beside it, which it names by their digest, back
to nouns; ``ValueError`` names what is wrong with them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from whydiff.core.calls import KINDS
from whydiff.core.digests import text_digest
from whydiff.core.disk import read_bytes
from whydiff.core.lock import (
    PARTS,
    Fed,
    FitDigests,
    Lock,
    LockedCall,
    LockedEpoch,
    LockedFit,
    LockedOutput,
    Replicas,
    Sketch,
)
from whydiff.core.recipe import Tensor
from whydiff.core.recording import STEP_GROUPS, Draw
from whydiff.storage import codec
from whydiff.storage.codec import Checked, digits, one_of
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS, source_id

#: The zero byte says to git and to reviews that this is no text.
HEADER = b"whydiff lock details\x00\n"
#: No lock of a real training comes near this, neither compressed nor not.
MOST_BYTES = 256 << 20


def details_path(lock: Path) -> Path:
    """``train.lock.details`` beside ``train.lock``."""
    return lock.with_name(f"{lock.name}.details")


def packed(text: str) -> bytes:
    """The bytes of a file of details."""
    return HEADER + zlib.compress(text.encode(), 9)


def unpacked(path: Path, digest: str) -> tuple[str, str]:
    """The text in a file of details, "" where it is not there or not the one that was named.

    The second value says why there is none. ``ValueError`` where the file is damaged, ``OSError``
    where it cannot be read.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
    except FileNotFoundError:
        return "", f"{path.name} is missing"
    if not data.startswith(HEADER):
        raise ValueError(f"{path.name} holds no details of a lock")
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(data[len(HEADER) :], MOST_BYTES)
        text = content.decode()
    except zlib.error as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    if not reader.eof:
        raise ValueError(f"{path.name} is cut short or too large")
    if text_digest(text) != digest:
        return "", f"{path.name} belongs to another state of the lock"
    return text, ""


_TENSORS = (*TENSOR_FIELDS, "final")
_Fit = TypeVar("_Fit", FitDigests, LockedFit)


def read_first(top: Checked, path: Path) -> Lock:
    """Format 1: everything in one text."""
    parts = top.parts("fits")
    fits = _numbered(tuple(_read_fit(part, _first_short(part)) for part in parts))
    return replace(_read_head(top, len(fits)), fits=fits, ledger=_read_ledger(top))


def read_second(top: Checked, path: Path) -> Lock:
    """Formats 2 and 3: digests in the text, what they are of in a file beside it. Format 3 has
    calls that measure, too, and may have no fits."""
    shared = top.part("settings")
    settings = {name: shared.mapping(source_id(name)) for name in FACT_FIELDS}
    fits = tuple(_read_digests(part, settings) for part in top.parts("fits"))
    calls = tuple(_read_call(part) for part in top.parts("calls")) if "calls" in top else ()
    numbered = _numbered(fits) if fits or not calls else fits
    lock = replace(_read_head(top, len(fits)), digests=numbered, calls=calls)
    text, why = unpacked(details_path(path), digits(top.text("details"), 32))
    if not text:
        return replace(lock, without=why)
    details = Checked(codec.load(text, "the details"), "the details")
    whole = zip(details.parts("fits"), fits, strict=True)
    return replace(
        lock,
        fits=_numbered(tuple(_read_fit(part, short) for part, short in whole)) if fits else (),
        ledger=_read_ledger(details),
        calls=_with_sketches(calls, details),
    )


def _read_call(part: Checked) -> LockedCall:
    digests = part.part("digests of")
    return LockedCall(
        number=part.integer("call"),
        kind=one_of(part.text("kind"), KINDS),
        model=part.text("model"),
        line=part.optional("line", part.integer),
        inputs=digests.text("inputs"),
        weights=digests.text("weights"),
        surroundings=part.mapping("surroundings"),
        values=codec.load_logs(codec.dump(part.mapping("logs")), f"{part.what}: logs"),
        outputs=tuple(_read_output(row) for row in part.rows("outputs", 4)),
    )


def _read_output(row: list[Any]) -> LockedOutput:
    name, dtype, shape, digest = row
    if not all(isinstance(v, str) for v in (name, dtype, digest)) or not isinstance(shape, list):
        raise ValueError(f"output {name!r} has a wrong type")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"output {name!r} has a wrong shape")
    return LockedOutput(name, dtype, tuple(shape), digest)


def _with_sketches(calls: tuple[LockedCall, ...], details: Checked) -> tuple[LockedCall, ...]:
    """Calls with the sketches of their outputs, as many as the details hold."""
    if "outputs" not in details:
        return calls
    rows = details.take("outputs", list)
    if len(rows) != len(calls):
        raise ValueError("the details hold outputs of other calls")
    found = []
    for call, row in zip(calls, rows, strict=True):
        if not isinstance(row, list) or len(row) != len(call.outputs):
            raise ValueError(f"the details hold other outputs of call {call.number}")
        outputs = [
            replace(o, sketch=_read_sketch(Checked({"values": s}, details.what), "values"))
            for o, s in zip(call.outputs, row, strict=True)
        ]
        found.append(replace(call, outputs=tuple(outputs)))
    return tuple(found)


def _read_head(top: Checked, fits: int) -> Lock:
    return Lock(
        script=top.text("script"),
        arguments=top.texts("arguments"),
        environment=top.mapping("environment"),
        algorithm=top.text("digests"),
        ledger=(),
        fits=(),
        replicas=_read_replicas(top, fits),
    )


def _read_ledger(part: Checked) -> tuple[Draw, ...]:
    return tuple(_read_draw(row) for row in part.rows("seeds", 11))


def _numbered(fits: tuple[_Fit, ...]) -> tuple[_Fit, ...]:
    if [fit.index for fit in fits] != list(range(1, len(fits) + 1)) or not fits:
        raise ValueError("its fits are not numbered 1, 2, ...")
    return fits


def _first_short(part: Checked) -> FitDigests:
    """What format 1 says of a fit besides its details; it has no digests of parts."""
    recipe = part.part("recipe")
    return FitDigests(
        index=part.integer("fit"),
        model=part.text("model"),
        line=part.optional("line", part.integer),
        facts={n: recipe.mapping(source_id(n)) for n in FACT_FIELDS},
        logs={},
        parts={},
    )


def _read_digests(part: Checked, shared: Mapping[str, Mapping[str, Any]]) -> FitDigests:
    own = part.part("settings") if "settings" in part else Checked({}, part.what)
    parts = part.part("digests of")
    facts = {
        name: {**shared[name], **(own.mapping(source_id(name)) if source_id(name) in own else {})}
        for name in FACT_FIELDS
    }
    return FitDigests(
        index=part.integer("fit"),
        model=part.text("model"),
        line=part.optional("line", part.integer),
        facts=facts,
        logs=codec.load_logs(codec.dump(part.mapping("logs")), f"{part.what}: logs"),
        parts={name: digits(parts.text(name), 16) for name in PARTS},
    )


def _read_replicas(top: Checked, fits: int) -> dict[int, Replicas]:
    if "replicas" not in top:
        return {}
    found = {}
    for number, part in top.part("replicas").items():
        if not number.isdecimal() or not 1 <= int(number) <= fits:
            raise ValueError(f"replicas of fit {number!r}, which it has not")
        seeds = part.integers("seeds")
        metrics = {name: part.numbers(name) for name in part.names() if name != "seeds"}
        if any(len(values) != len(seeds) for values in metrics.values()):
            raise ValueError(f"replicas of fit {number}: as many values as seeds are needed")
        found[int(number)] = Replicas(seeds, metrics)
    return found


def _read_fit(part: Checked, short: FitDigests) -> LockedFit:
    recipe = part.part("recipe")
    fed = part.part("fed")
    steps = [_read_step(line) for line in part.texts("first steps")]
    return LockedFit(
        index=part.integer("fit"),
        model=short.model,
        line=short.line,
        facts=short.facts,
        tensors={n: tuple(_read_tensor(r) for r in recipe.rows(n, 6)) for n in _TENSORS},
        fed=Fed(
            samples=fed.integer("samples"),
            unit=one_of(fed.text("unit"), ("sample", "batch")),
            signature=fed.texts("signature"),
            content=fed.text("content"),
            canonical=fed.text("canonical"),
            weights=fed.text("weights"),
            validation=fed.text("validation"),
            relative=fed.boolean("relative"),
            order=fed.texts("order"),
            batches=fed.texts("batches"),
            asked=fed.mapping("asked"),
        ),
        epochs=tuple(_read_epoch(e) for e in part.parts("epochs")),
        steps=tuple(row for _, row in steps),
        step_epochs=tuple(epoch for epoch, _ in steps),
        weights=_read_sketch(part, "final weights"),
        predictions=_read_sketch(part, "predictions"),
        classes=part.integers("classes"),
        probe=part.integer("probe"),
    )


def _read_epoch(part: Checked) -> LockedEpoch:
    return LockedEpoch(
        part.integer("epoch"),
        part.integer("steps"),
        codec.load_logs(codec.dump(part.mapping("logs")), f"{part.what}: logs"),
        tuple(part.text(group) for group in STEP_GROUPS),
        part.text("end"),
    )


def _read_step(line: str) -> tuple[int, tuple[int, ...]]:
    epoch, *row = line.split(" ")
    if not epoch.isdecimal() or len(row) != len(STEP_GROUPS):
        raise ValueError(f"step {line!r} is not an epoch and {len(STEP_GROUPS)} digests")
    return int(epoch), tuple(int(digits(part, 8), 16) for part in row)


def _read_tensor(row: list[Any]) -> Tensor:
    path, role, dtype, shape, digest, trained_by = row
    return codec.row_tensor((role, path, codec.dump(shape), dtype, digest, trained_by), "the lock")


def _read_draw(row: list[Any]) -> Draw:
    number, kind, owner, seed, explicit, layer, fit, file, line, function, text = row
    if type(number) is not int or type(explicit) is not bool:
        raise ValueError(f"seed {number!r} has a wrong type")
    stack = [{"file": file, "line": line, "function": function, "text": text}] if file else []
    return codec.row_draw((number, kind, owner, seed, int(explicit), json.dumps(stack), layer, fit))


def _read_sketch(part: Checked, name: str) -> Sketch | None:
    if part.optional(name, part.mapping) is None:
        return None
    inner = part.part(name)
    return Sketch(
        inner.integer("size"),
        inner.number("norm"),
        inner.numbers("sketch"),
        inner.integer("unfit"),
    )
