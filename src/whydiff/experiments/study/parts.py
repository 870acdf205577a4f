"""A study of parts: which shard a file holds, what is missing, on which machines it was trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from whydiff.core.errors import WhydiffError
from whydiff.core.machine import processor, thread_count, versions
from whydiff.core.plan import OWN, REPLICATE, Member, Plan, StoredReplica
from whydiff.core.shards import Shard
from whydiff.core.words import listed, number
from whydiff.storage import StoredStudy


def shard_of(stored: StoredStudy) -> Shard | None:
    """The shard that a study file holds, None for a whole study."""
    held = stored.meta.get("shard")
    if held is None:
        return None
    if (
        not isinstance(held, list)
        or len(held) != 2
        or not all(type(n) is int for n in held)
        or not 1 <= held[0] <= held[1]
    ):
        raise WhydiffError(f"{stored.path} is damaged: {held!r} is no shard", "run the study again")
    return Shard(held[0], held[1])


def together_of(stored: StoredStudy) -> int:
    """How many blocks of a study are trained together."""
    together = stored.meta.get("together", 1)
    return together if type(together) is int and together > 0 else 1


def missing_members(stored: StoredStudy, plan: Plan) -> list[Member]:
    """What the plan has and the file, or the shard that it holds, has not.

    Replicates are asked for in the first block only; where they tell something, more are trained.
    """
    shard, together = shard_of(stored), together_of(stored)
    return [
        m
        for m in plan.members
        if m.kind != OWN
        and m.number not in stored.kept
        and (m.kind != REPLICATE or m.block == 0)
        and (shard is None or shard.takes(m.block, together))
    ]


def part_notes(stored: StoredStudy, plan: Plan) -> Iterator[str]:
    """What a person must know about a part, or about a merged study that lacks some."""
    shard = shard_of(stored)
    if shard is not None:
        yield (
            f"This is shard {shard} of the study. `whydiff merge` puts the parts together; the "
            "numbers here are those of this part."
        )
    count = stored.meta.get("shards")
    absent = missing_members(stored, plan)
    if type(count) is not int or count < 1 or not absent:
        return
    together = together_of(stored)
    shards = sorted({(m.block // together) % count + 1 for m in absent})
    named = listed([f"{number}/{count}" for number in shards])
    script = stored.meta.get("script", "SCRIPT")
    yield (
        f"{len(absent)} replicas of {len({m.block for m in absent})} blocks are missing: "
        f"{'shard' if len(shards) == 1 else 'shards'} {named}. Train them with --shard and merge "
        f"again, or here: `whydiff study {script} --resume --output {stored.path}`."
    )


def processors(kept: Sequence[StoredReplica]) -> dict[str, int]:
    """Replicas by type of processor, where it is known."""
    return dict(Counter(name for k in kept if (name := processor(k.result.machine))))


def machine_notes(stored: StoredStudy, metric: str) -> Iterator[str]:
    """What it means that replicas were trained on machines that differ."""
    draws = [k for k in stored.kept.values() if k.member.block >= 0]
    types = processors(draws)
    if len(types) > 1:
        counted = listed([f"{name} ({count} replicas)" for name, count in types.items()])
        yield f"Trained on {len(types)} types of processor: {counted}. No block mixes types."
        yield from _arithmetic_effect(stored, metric)
    ways: Mapping[str, Callable[[Mapping[str, object]], str]] = {
        "numbers of threads": thread_count,
        "versions": versions,
        "ways to compute": lambda facts: str(facts.get("program", "")),
    }
    for what, told in ways.items():
        seen = Counter(told(k.result.machine) for k in draws if k.result.machine)
        if len(seen) > 1:
            counted = "; ".join(f"{name or 'not set'} ({n} replicas)" for name, n in seen.items())
            yield f"Replicas were trained with different {what}: {counted}."


def _arithmetic_effect(stored: StoredStudy, metric: str) -> Iterator[str]:
    """The script's own training, that several types of processor have trained from equal values."""
    own = stored.kept.get(0)
    others = [
        k
        for k in stored.elsewhere
        if own is not None and processor(k.result.machine) != processor(own.result.machine)
    ]
    if own is None or not others:
        yield (
            "What the type of processor changes was not measured: no training started from equal "
            "values on both."
        )
        return
    for other in others:
        names = f"{processor(own.result.machine)} and {processor(other.result.machine)}"
        if other.result.digest == own.result.digest:
            yield f"The script's own training ends in the same weights, bit for bit, on {names}."
            continue
        values = " and ".join(_value(k, metric) for k in (own, other))
        yield (
            f"The script's own training, from the same values, ends in other weights on {names} "
            f"({metric} {values}): an effect of arithmetic, measured."
        )


def _value(kept: StoredReplica, metric: str) -> str:
    value = kept.result.logs[-1].get(metric) if kept.result.logs else None
    return "unknown" if value is None else number(value)
