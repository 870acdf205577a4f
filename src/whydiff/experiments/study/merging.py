"""Parts of one study put together, and a part taken out again. Nothing is trained."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.machine import processor, thread_count, versions
from whydiff.core.plan import StoredReplica
from whydiff.core.shards import Shard
from whydiff.experiments.study.answer import checked, plan_of
from whydiff.experiments.study.parts import shard_of, together_of
from whydiff.storage import (
    CALIBRATION,
    ELSEWHERE,
    PICTURES,
    PLAN,
    TARGETS,
    StoredStudy,
    StudyWriter,
    kept_weights,
    load_study,
)

#: What must be equal in all parts, with what it is in words.
_SAME: Mapping[str, str] = {
    "text": "the script's text",
    "arguments": "the script's arguments",
    "metric": "the metric",
    "engine": "the engine",
    "together": "the number of blocks trained together",
    "refused": "what cannot be redrawn",
}


def merge_parts(paths: Sequence[Path], output: Path) -> None:
    """Write the study that the parts in ``paths`` are of to ``output``, a file that is not there.

    Raises WhydiffError where a part belongs to another study, or two hold the same replica.
    """
    parts = sorted((checked(load_study(path)) for path in paths), key=_place)
    if not parts:
        raise WhydiffError("there is nothing to merge", "Name the parts: part*.whydiff")
    for part in parts[1:]:
        _check_same_study(parts[0], part)
    _check_no_overlap(parts)
    # Beside it first: a part may be damaged where it is only read now, or the disk be full.
    with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=".whydiff-") as folder:
        whole = Path(folder) / output.name
        _write_whole(parts, whole)
        whole.replace(output)


def _write_whole(parts: Sequence[StoredStudy], path: Path) -> None:
    meta = _merged_meta(parts)
    first = next((part for part in parts if 0 in part.kept), parts[0])
    with StudyWriter.begin(path, meta) as writer:
        targets = {f"target:{k}": t for k, t in enumerate(parts[0].targets)}
        if targets:
            writer.keep(TARGETS, targets)
        for part in parts:
            _add(writer, part, list(part.kept.values()), with_own=part is first)
        for k, elsewhere in enumerate(_elsewhere(parts, first)):
            writer.add([elsewhere], f"{ELSEWHERE} {k}")
        pictures = {str(p): image for part in parts for p, image in part.pictures.items()}
        if pictures:
            writer.keep(PICTURES, pictures)


def extract_part(stored: StoredStudy, shard: Shard, output: Path) -> None:
    """Write what ``stored`` holds of ``shard`` to ``output``, for whoever goes on with it."""
    together = together_of(stored)
    mine = [k for k in stored.kept.values() if shard.takes(k.member.block, together)]
    own = stored.kept.get(0)
    meta = {**stored.meta, "shard": [shard.number, shard.count], "shards": None, "seconds": 0.0}
    with StudyWriter.begin(output, meta) as writer:
        targets = {f"target:{k}": t for k, t in enumerate(stored.targets)}
        if targets:
            writer.keep(TARGETS, targets)
        _add(writer, stored, [*([own] if own else []), *mine], with_own=True)


def _add(
    writer: StudyWriter, part: StoredStudy, kept: Sequence[StoredReplica], with_own: bool
) -> None:
    numbers = {k.member.number for k in kept}
    distances = {pair: d for pair, d in part.distances.items() if numbers.issuperset(pair)}
    weights = {n: held for n, held in kept_weights(part.path).items() if n in numbers}
    chosen = [k for k in kept if with_own or k.member.number]
    writer.add(chosen, PLAN, distances=distances, weights=weights)
    writer.add([k for n, k in part.calibration.items() if n in numbers], CALIBRATION)


def _place(part: StoredStudy) -> tuple[int, str]:
    shard = shard_of(part)
    return (shard.number if shard else 0, str(part.path))


def _check_same_study(first: StoredStudy, part: StoredStudy) -> None:
    """Raise WhydiffError if ``part`` is of another study than ``first``."""
    differing = [
        said for name, said in _SAME.items() if first.meta.get(name) != part.meta.get(name)
    ]
    one, two = (plan_of(p).to_dict() | {"blocks": 0} for p in (first, part))
    differing += [f"the plan's {name}" for name in one if one[name] != two[name]]
    fits = [p.meta.get("fit", {}) for p in (first, part)]
    identities = [fit.get("identity", {}) for fit in fits]
    differing += [s for s in identities[0] if identities[0][s] != identities[1].get(s)]
    differing += [
        f"the {name} of the fit"
        for name in ("index", "backend", "classes", "logits", "validation")
        if fits[0].get(name) != fits[1].get(name)
    ]
    if _shards(first) != _shards(part):
        differing.append("the number of shards")
    if not _equal(first.targets, part.targets):
        differing.append("the data that predictions are made on")
    if differing:
        raise WhydiffError(
            f"{part.path} is no part of the study in {first.path}: {', '.join(differing)} differ",
            "Parts are made by the same command with another --shard. What the script draws by "
            "itself and is not redrawn must be seeded, else every machine trains something else.",
        )


def _equal(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return len(one) == len(other) and all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


def _shards(part: StoredStudy) -> Any:
    shard = shard_of(part)
    return shard.count if shard else part.meta.get("shards")


def _check_no_overlap(parts: Sequence[StoredStudy]) -> None:
    holders: dict[int, Path] = {}
    for part in parts:
        for number, kept in part.kept.items():
            other = holders.setdefault(number, part.path)
            if number and other != part.path:
                raise WhydiffError(
                    f"replica {number} (block {kept.member.block}) is in {other} and in "
                    f"{part.path}: no replica may be counted twice",
                    "Leave one of the two files away.",
                )
    if len({part.path.resolve() for part in parts}) < len(parts):
        raise WhydiffError("a part is named twice", "Name every file once.")


def _merged_meta(parts: Sequence[StoredStudy]) -> dict[str, Any]:
    """What is noted of the whole: that of the first part, gates and notes of all."""
    plans = [plan_of(part) for part in parts]
    longest = max(plans, key=lambda plan: plan.blocks)
    gates: dict[str, Any] = {}
    for part in parts:
        for name, gate in part.meta.get("gates", {}).items():
            known = gates.get(name)
            if known is None or (known[0] is not False and gate[0] is False):
                gates[name] = gate if known is None else [gate[0], f"{part.path.name}: {gate[1]}"]
    notes = dict.fromkeys(note for part in parts for note in part.meta.get("notes", ()))
    kept = {k: v for k, v in parts[0].meta.items() if k not in ("shard", "whydiff", "started")}
    return {
        **kept,
        "plan": longest.to_dict(),
        "gates": gates,
        "notes": list(notes),
        "seconds": sum(float(part.meta.get("seconds", 0.0)) for part in parts),
        "shard": None,
        "shards": _shards(parts[0]),
    }


def _elsewhere(parts: Sequence[StoredStudy], first: StoredStudy) -> Iterator[StoredReplica]:
    """The script's own training on other machines than that of ``first``, each kind once.

    Only of parts whose own training starts from the same values: then it is the same training.
    """
    start = first.meta.get("fit", {}).get("own")
    seen = {_way(first.kept[0])} if 0 in first.kept else set()
    for part in parts:
        own = part.kept.get(0)
        same = start is not None and part.meta.get("fit", {}).get("own") == start
        for kept in (*([own] if own and same else []), *part.elsewhere):
            if _way(kept) not in seen:
                seen.add(_way(kept))
                yield kept


def _way(kept: StoredReplica) -> tuple[str, ...]:
    facts = kept.result.machine
    return processor(facts), thread_count(facts), versions(facts), kept.result.digest
