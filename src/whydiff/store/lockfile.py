"""``whydiff.lock``: a lock as text that a person reviews and a version control system keeps.

JSON, UTF-8, keys in a fixed order, whatever fits on one line on one line, and nothing in it that
changes while the training does not: no time, no path, no host. Locking the same training twice
gives the same bytes. Reading trusts nothing; every value is checked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.lock import Fed, Lock, LockedEpoch, LockedFit, Replicas, Sketch
from whydiff.core.recipe import Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Frame
from whydiff.store import codec
from whydiff.store.checked import Checked, digits, one_of
from whydiff.store.rows import FACT_FIELDS, TENSOR_FIELDS, source_id

VERSION = 1
WIDTH = 100
#: No lock of a real training comes near this.
MOST_BYTES = 256 << 20
_TENSORS = (*TENSOR_FIELDS, "final")


def write_lock(lock: Lock, path: Path) -> None:
    """Write ``lock`` as text; ``WhydiffError`` where that is not possible."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(lock_text(lock), encoding="utf-8")
        part.replace(path)  # a reader never sees half a file
    except OSError as error:
        raise WhydiffError(
            f"cannot write {path}: {error.strerror}", "Name another file with -o."
        ) from None


def lock_text(lock: Lock) -> str:
    """The text of a lock file."""
    plain = json.loads(codec.dump(_lock(lock)))
    return "\n".join(_lines(plain, "", "")) + "\n"


def read_lock(path: Path) -> Lock:
    """The lock in a file; ``WhydiffError`` names what is wrong with any other file."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WhydiffError(
            f"there is no lock {path}", "`whydiff lock SCRIPT` makes one; --lock names another."
        ) from None
    except OSError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", "Check the name.") from None
    except ValueError as error:
        raise _damaged(path, error) from None
    try:
        top = Checked(codec.load(text, "the file"), "the lock")
        version = top.integer("whydiff lock")
        if version > VERSION:
            raise WhydiffError(
                f"{path} was written by a newer whydiff (lock format {version}, this one reads "
                f"{VERSION})",
                "Update whydiff, or lock the training anew with this one.",
            )
        return _read(top)
    except ValueError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> WhydiffError:
    return WhydiffError(
        f"{path} is not a lock that can be read: {error}",
        "Restore it from version control, or lock the training anew: whydiff lock SCRIPT",
    )


# --- layout ---------------------------------------------------------------------------------


def _lines(value: Any, indent: str, head: str) -> list[str]:
    """``value`` after ``head``: on one line where it fits, else an entry per line."""
    short = indent + head + json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(short) <= WIDTH or _is_row(value):
        return [short]
    inner = indent + " "
    if isinstance(value, dict):
        parts = [_lines(v, inner, f"{json.dumps(k, ensure_ascii=False)}: ") for k, v in value.items()]
        brackets = "{}"
    elif all(isinstance(v, int | float) for v in value):
        parts, brackets = [[line] for line in _filled(value, inner)], "[]"
    else:
        parts, brackets = [_lines(v, inner, "") for v in value], "[]"
    for part in parts[:-1]:
        part[-1] += ","
    body = [line for part in parts for line in part]
    return [indent + head + brackets[0], *body, indent + brackets[1]]


def _is_row(value: Any) -> bool:
    """A record such as a tensor's or a seed's: a line, however long, so that a change is one."""
    return isinstance(value, list) and isinstance(value[0], str | int) and any(
        isinstance(v, str) for v in value
    ) and any(not isinstance(v, str) for v in value)


def _filled(numbers: list[Any], indent: str) -> list[str]:
    """Numbers, as many on a line as fit."""
    rows = [indent]
    for number in numbers:
        text = json.dumps(number)
        if len(rows[-1]) + len(text) + 2 > WIDTH and rows[-1] != indent:
            rows.append(indent)
        rows[-1] += ("" if rows[-1] == indent else ", ") + text
    return rows


# --- nouns to plain values ------------------------------------------------------------------


def _lock(lock: Lock) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "whydiff lock": VERSION,
        "script": lock.script,
        "arguments": list(lock.arguments),
        "digests": lock.algorithm,
        "environment": dict(lock.environment),
        "fits": [_fit(fit) for fit in lock.fits],
        "seeds": [_draw(draw) for draw in lock.ledger],
    }
    if lock.replicas:
        plain["replicas"] = {
            str(fit): {"seeds": list(r.seeds), **{k: list(v) for k, v in r.metrics.items()}}
            for fit, r in lock.replicas.items()
        }
    return plain


def _fit(fit: LockedFit) -> dict[str, Any]:
    recipe: dict[str, Any] = {source_id(n): dict(fit.facts[n]) for n in FACT_FIELDS}
    recipe |= {n: [_tensor(t) for t in fit.tensors[n]] for n in _TENSORS}
    return {
        "fit": fit.index,
        "model": fit.model,
        "line": fit.line,
        "logs": dict(fit.epochs[-1].logs) if fit.epochs else {},
        "recipe": recipe,
        "fed": {
            "samples": fit.fed.samples,
            "unit": fit.fed.unit,
            "signature": list(fit.fed.signature),
            "content": fit.fed.content,
            "canonical": fit.fed.canonical,
            "weights": fit.fed.weights,
            "validation": fit.fed.validation,
            "relative": fit.fed.relative,
            "order": list(fit.fed.order),
            "batches": list(fit.fed.batches),
            "asked": dict(fit.fed.asked),
        },
        "epochs": [
            {
                "epoch": e.index,
                "steps": e.steps,
                "logs": dict(e.logs),
                **dict(zip(STEP_GROUPS, e.groups, strict=True)),
                "end": e.end,
            }
            for e in fit.epochs
        ],
        "first steps": [
            f"{epoch} " + " ".join(f"{d:08x}" for d in row)
            for epoch, row in zip(fit.step_epochs, fit.steps, strict=True)
        ],
        "final weights": _sketch(fit.weights),
        "predictions": _sketch(fit.predictions),
        "classes": list(fit.classes),
        "probe": fit.probe,
    }


def _tensor(t: Tensor) -> list[Any]:
    return [t.path, t.role, t.dtype, list(t.shape), t.digest, t.trained_by]


def _draw(d: Draw) -> list[Any]:
    frame = d.stack[-1] if d.stack else Frame("", 0, "")
    seed = d.seed if d.seed is None else int(d.seed)
    return [d.number, d.kind, d.owner, seed, d.explicit, d.layer, d.fit,
            frame.file, frame.line, frame.function, frame.text]  # fmt: skip


def _sketch(s: Sketch | None) -> dict[str, Any] | None:
    if s is None:
        return None
    return {"size": s.size, "unfit": s.unfit, "norm": s.norm, "sketch": list(s.numbers)}


# --- plain values to nouns ------------------------------------------------------------------


def _read(top: Checked) -> Lock:
    fits = tuple(_read_fit(part) for part in top.parts("fits"))
    if [fit.index for fit in fits] != list(range(1, len(fits) + 1)) or not fits:
        raise ValueError("its fits are not numbered 1, 2, ...")
    return Lock(
        script=top.text("script"),
        arguments=top.texts("arguments"),
        environment=top.mapping("environment"),
        algorithm=top.text("digests"),
        ledger=tuple(_read_draw(row) for row in top.rows("seeds", 11)),
        fits=fits,
        replicas=_read_replicas(top, len(fits)),
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


def _read_fit(part: Checked) -> LockedFit:
    recipe = part.part("recipe")
    fed = part.part("fed")
    steps = [_read_step(line) for line in part.texts("first steps")]
    return LockedFit(
        index=part.integer("fit"),
        model=part.text("model"),
        line=part.optional("line", part.integer),
        facts={n: recipe.mapping(source_id(n)) for n in FACT_FIELDS},
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
    return codec.row_draw(
        (number, kind, owner, seed, int(explicit), json.dumps(stack), layer, fit)
    )


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
