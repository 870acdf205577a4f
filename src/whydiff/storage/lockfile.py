"""``train.lock``: a lock as text that a person reviews and a version control system keeps.

JSON, UTF-8, keys in a fixed order, whatever fits on one line on one line, and nothing in it that
changes while the training does not: no time, no path, no host. Settings that all fits have are
there once, and of what they trained a digest per fit; the details are in a file of their own beside
it. Locking the same training twice gives the same bytes. Reading trusts nothing; every value is
checked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.digests import text_digest
from whydiff.core.disk import DETAILS, LOCK, check_replaced, read_bytes, write_bytes, write_whole
from whydiff.core.errors import WhydiffError
from whydiff.core.lock import PARTS, FitDigests, Lock, LockedCall, LockedFit, Sketch
from whydiff.core.recipe import Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Frame
from whydiff.storage import codec
from whydiff.storage.codec import Checked
from whydiff.storage.lockread import details_path, packed, read_first, read_second
from whydiff.storage.opening import newer
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS, source_id

#: Raised with every change that an older reader would misread. The old reader then stays in
#: ``_READERS``, and the lock gets an entry ``"readable from"``: the release that first reads it.
VERSION = 3
#: The release that first reads it.
READABLE_FROM = "0.1.0"
#: Format version -> its reader. Version 3 added the calls that measure.
_READERS: Mapping[int, Callable[[Checked, Path], Lock]] = {
    1: read_first,
    2: read_second,
    3: read_second,
}
WIDTH = 100
#: No lock of a real training comes near this.
MOST_BYTES = 256 << 20
_TENSORS = (*TENSOR_FIELDS, "final")
#: Entries that are a line each, however long: a fit is to be read, and to change, in few lines.
_ONE_LINE = ("logs", "digests of")


def write_lock(lock: Lock, path: Path) -> None:
    """Write ``lock`` as text, its details beside it; ``WhydiffError`` where that fails."""
    text, details = lock_texts(lock)
    try:
        write_bytes(details_path(path), packed(details))
        write_whole(path, text)
    except OSError as error:
        raise WhydiffError(
            f"cannot write {path}: {error.strerror}", "Name another file with -o."
        ) from None


def check_lock(path: Path, script: str, force: bool = False) -> None:
    """``WhydiffError`` where the lock of ``script``, as seen from the lock's folder, would replace
    anything but an earlier lock of the same script; with ``force`` it may."""
    way_out = "Name another file with -o, or replace it with --force."
    check_replaced(path, LOCK, way_out, force)
    check_replaced(details_path(path), DETAILS, way_out, force)
    if force or not path.is_file() or not path.stat().st_size:
        return
    try:
        locked = locked_script(path)
    except ValueError as error:
        raise WhydiffError(f"{path} is damaged, so it is not replaced: {error}", way_out) from None
    if locked != script:
        raise WhydiffError(f"{path} is the lock of {locked}, not of {script}", way_out)


def locked_script(path: Path) -> str:
    """The script that a lock is of, as seen from the lock's folder. ``ValueError``, ``OSError``."""
    return Checked(codec.load(_text(path), "the file"), "the lock").text("script")


def lock_texts(lock: Lock) -> tuple[str, str]:
    """The text of a lock file, and that of its details."""
    details = codec.dump(
        {
            "fits": [_fit(fit) for fit in lock.fits],
            "seeds": [_draw(draw) for draw in lock.ledger],
            "outputs": [[_sketch(o.sketch) for o in call.outputs] for call in lock.calls],
        }
    )
    plain = json.loads(codec.dump(_lock(lock, text_digest(details))))
    return "\n".join(_lines(plain, "", "")) + "\n", details


def read_lock(path: Path) -> Lock:
    """The lock in a file; ``WhydiffError`` names what is wrong with any other file."""
    try:
        text = _text(path)
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
            raise newer(path, "lock", version, VERSION, _readable_from(top))
        if version not in _READERS:
            raise ValueError(f"it says format {version}, which no whydiff has written")
        return _READERS[version](top, path)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise _damaged(path, error) from None


def _text(path: Path) -> str:
    return read_bytes(path, MOST_BYTES).decode("utf-8")


def _readable_from(top: Checked) -> str:
    """The whydiff that can read the lock, as formats after the first say; "" if not said."""
    return top.text("readable from") if "readable from" in top else ""


def _damaged(path: Path, error: Exception) -> WhydiffError:
    return WhydiffError(
        f"{path} is not a lock that can be read: {error}",
        "Restore it from version control, or lock the training anew: whydiff lock SCRIPT",
    )


def _lines(value: Any, indent: str, head: str) -> list[str]:
    """``value`` after ``head``: on one line where it fits, else an entry per line."""
    short = indent + head + json.dumps(value, ensure_ascii=False)
    one = head.startswith(tuple(f'"{name}' for name in _ONE_LINE)) or _is_row(value)
    if not isinstance(value, dict | list) or not value or len(short) <= WIDTH or one:
        return [short]
    inner = indent + " "
    if isinstance(value, dict):
        parts = [
            _lines(v, inner, f"{json.dumps(k, ensure_ascii=False)}: ") for k, v in value.items()
        ]
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
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], str | int)
        and any(isinstance(v, str) for v in value)
        and any(not isinstance(v, str) for v in value)
    )


def _filled(numbers: list[Any], indent: str) -> list[str]:
    """Numbers, as many on a line as fit."""
    rows = [indent]
    for number in numbers:
        text = json.dumps(number)
        if len(rows[-1]) + len(text) + 2 > WIDTH and rows[-1] != indent:
            rows.append(indent)
        rows[-1] += ("" if rows[-1] == indent else ", ") + text
    return rows


def _lock(lock: Lock, details: str) -> dict[str, Any]:
    fits = [fit_digests(fit) for fit in lock.fits]
    shared = _shared(fits)
    plain: dict[str, Any] = {
        "whydiff lock": VERSION,
        "readable from": READABLE_FROM,
        "script": lock.script,
        "arguments": list(lock.arguments),
        "digests": lock.algorithm,
        "environment": dict(lock.environment),
        "settings": shared,
        "fits": [_short(fit, shared) for fit in fits],
        "calls": [_call(call) for call in lock.calls],
        "seeds in the script": _written_seeds(lock),
    }
    if lock.replicas:
        plain["replicas"] = {
            str(fit): {"seeds": list(r.seeds), **{k: list(v) for k, v in r.metrics.items()}}
            for fit, r in lock.replicas.items()
        }
    return {**plain, "details": details}


def _shared(fits: Sequence[FitDigests]) -> dict[str, dict[str, Any]]:
    """The settings that every fit has alike, by source."""
    shared: dict[str, dict[str, Any]] = {source_id(name): {} for name in FACT_FIELDS}
    for name in FACT_FIELDS if fits else ():
        first, *others = [{k: codec.dump(v) for k, v in fit.facts[name].items()} for fit in fits]
        shared[source_id(name)] = {
            key: value
            for key, value in fits[0].facts[name].items()
            if all(other.get(key) == first[key] for other in others)
        }
    return shared


def _short(fit: FitDigests, shared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    own = {
        source_id(name): {k: v for k, v in facts.items() if k not in shared[source_id(name)]}
        for name, facts in fit.facts.items()
    }
    own = {source: facts for source, facts in own.items() if facts}
    return {
        "fit": fit.index,
        "model": fit.model,
        "line": fit.line,
        **({"settings": own} if own else {}),
        "logs": dict(fit.logs),
        "digests of": dict(fit.parts),
    }


def _call(call: LockedCall) -> dict[str, Any]:
    """A call in the text; sketches of its outputs are among the details."""
    return {
        "call": call.number,
        "kind": call.kind,
        "model": call.model,
        "line": call.line,
        "surroundings": dict(call.surroundings),
        "digests of": {"inputs": call.inputs, "weights": call.weights},
        "logs": dict(call.values),
        "outputs": [[o.name, o.dtype, list(o.shape), o.digest] for o in call.outputs],
    }


def _written_seeds(lock: Lock) -> list[list[Any]]:
    """Seeds that the script wrote itself: whose, which, how often."""
    found = Counter(
        (d.owner, None if d.seed is None else int(d.seed)) for d in lock.ledger if d.explicit
    )
    return [[owner, seed, times] for (owner, seed), times in found.items()]


def fit_digests(fit: LockedFit) -> FitDigests:
    """A fit in a few lines, as format 2 has it."""
    plain = _fit(fit)
    recipe, fed = plain["recipe"], plain["fed"]
    parts = {
        **{name: recipe[name] for name in TENSOR_FIELDS},
        "data-content": [fed[k] for k in ("samples", "unit", "signature", "content", "canonical",
                                          "weights", "validation")],
        "data-order": [fed["order"], fed["relative"]],
        "batch-size": [fed["batches"], fed["asked"]],
        "steps": [plain["epochs"], plain["first steps"]],
        "final": recipe["final"],
    }  # fmt: skip
    return FitDigests(
        index=fit.index,
        model=fit.model,
        line=fit.line,
        facts=fit.facts,
        logs=dict(fit.epochs[-1].logs) if fit.epochs else {},
        parts={name: text_digest(codec.dump(parts[name]))[:16] for name in PARTS},
    )


def _fit(fit: LockedFit) -> dict[str, Any]:
    """The details of a fit: what is not in the text already."""
    return {
        "fit": fit.index,
        "recipe": {n: [_tensor(t) for t in fit.tensors[n]] for n in _TENSORS},
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
