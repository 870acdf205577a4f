"""A study file read as an answer: gates first, then numbers, then what is still open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.dividing import BOOTSTRAP, folds_of, partition_of
from whydiff.core.errors import WhydiffError
from whydiff.core.estimate import Estimate, unknown
from whydiff.core.plan import BLOCKS, OWN, REPLICATE, SETTING, Plan, StoredReplica, draw_plan
from whydiff.core.replicas import ASKED_FOR, RANDOM_SOURCES
from whydiff.core.study import (
    METRIC,
    PREDICTIONS,
    WEIGHTS,
    Agreement,
    Gate,
    Level,
    Open,
    Study,
    Worth,
)
from whydiff.core.vary import check_way, value_text
from whydiff.experiments.study.division import Division
from whydiff.experiments.study.numbers import Numbers
from whydiff.experiments.study.parts import (
    machine_notes,
    missing_members,
    part_notes,
    processors,
    shard_of,
    together_of,
)
from whydiff.stats import effects, factors, intervals, paired, squared_distances as squared
from whydiff.stats.distances import prediction_distance
from whydiff.stats.effects import more_blocks, more_blocks_without
from whydiff.storage import StoredStudy
from whydiff.storage.codec import Checked, one_of
from whydiff.storage.study_reader import load_study

Distance = Callable[[StoredReplica, StoredReplica], float]


def worth_of(numbers: Numbers) -> dict[str, tuple[Worth, ...]]:
    """Total and main effect of every source by predictions, metric and weights."""
    if not numbers.attributed:
        return {}
    measures: dict[str, Callable[[StoredReplica, StoredReplica], float]] = {
        PREDICTIONS: lambda a, b: _squared_predictions(numbers, a, b),
        METRIC: lambda a, b: squared.metric(numbers.value(a), numbers.value(b)),
        WEIGHTS: lambda a, b: numbers.weight_distance(a, b) ** 2,
    }
    found = {name: _effects(numbers, distance) for name, distance in measures.items()}
    return {name: worth for name, worth in found.items() if any(w.total.n for w in worth)}


def _squared_predictions(numbers: Numbers, a: StoredReplica, b: StoredReplica) -> float:
    one, two = numbers.predictions(a), numbers.predictions(b)
    if one is None or two is None:
        return math.nan
    return squared.classes(one, two) if numbers.classes else squared.outputs(one, two)


def _effects(
    numbers: Numbers, distance: Callable[[StoredReplica, StoredReplica], float]
) -> tuple[Worth, ...]:
    everything = frozenset(numbers.attributed)
    blocks = []
    for draws in numbers.blocks:
        usable = {k: v for k, v in draws.items() if not v.result.failure}
        blocks.append(
            effects.block(
                distance,
                usable.get(frozenset()),
                {s: usable.get(frozenset([s])) for s in numbers.attributed},
                {s: usable.get(everything - {s}) for s in numbers.attributed},
                usable.get(everything),
            )
        )
    dead = set(numbers.dead())
    found = [
        Worth(e.source, e.total, e.main, e.source in dead)
        for e in effects.effects(_by_partition(numbers, blocks), numbers.attributed)
    ]
    return tuple(found + _arithmetic(numbers, distance))


def _by_partition(numbers: Numbers, blocks: list[effects.Block]) -> list[effects.Block]:
    """Blocks whose folds are of one partition, as one: folds are no independent replicates."""
    way = numbers.division.way if numbers.division else ""
    together: dict[int, list[effects.Block]] = {}
    for draws, block in zip(numbers.blocks, blocks, strict=True):
        number = next(iter(draws.values())).member.block
        together.setdefault(partition_of(way, number), []).append(block)
    return [effects.pooled(group) for group in together.values()]


def _arithmetic(
    numbers: Numbers, distance: Callable[[StoredReplica, StoredReplica], float]
) -> list[Worth]:
    """The worth of arithmetic, a source of its own where a replicate differs from its base."""
    pairs = numbers.replicates()
    if all(a.result.digest == b.result.digest for a, b in pairs):
        return []
    everything = frozenset(numbers.attributed)
    whole = {b[frozenset()].member.block: b for b in numbers.blocks if frozenset() in b}
    told = [
        (distance(a, b), distance(a, whole[a.member.block][everything]))
        for a, b in pairs
        if everything in whole[a.member.block]
    ]
    total = effects.ratio([x for x, _ in told], [y for _, y in told])
    return [Worth("arithmetic", total, unknown(total.n, "arithmetic cannot be held fixed"))]


def levels_of(numbers: Numbers, factors_: Mapping[str, Sequence[Any]]) -> tuple[Level, ...]:
    """Every value of a factor against its first, or against the script's own where it is
    the only one."""
    found = []
    for factor, values in factors_.items():
        groups = [_setting(numbers, factor, value) for value in values]
        names = [value_text(value) for value in values]
        if len(groups) == 1:
            bases = {b: k for b, k in enumerate(x.get(frozenset()) for x in numbers.blocks) if k}
            groups.insert(0, {k.member.block: k for k in bases.values()})
            names.insert(0, "as written")
        for name, group in zip(names[1:], groups[1:], strict=True):
            found.append(_level(numbers, factor, name, names[0], group, groups[0]))
    return tuple(found)


def _setting(numbers: Numbers, factor: str, value: Any) -> dict[int, StoredReplica]:
    return {
        k.member.block: k
        for k in numbers.kept.values()
        if k.member.kind == SETTING and dict(k.member.replica.settings) == {factor: value}
    }


def _level(
    numbers: Numbers,
    factor: str,
    name: str,
    against: str,
    b: dict[int, StoredReplica],
    a: dict[int, StoredReplica],
) -> Level:
    common = sorted(set(a) & set(b))
    first, second = ([numbers.value(group[block]) for block in common] for group in (a, b))
    labels = None
    if numbers.classes:
        told = [n for n in common if numbers.predictions(a[n]) and numbers.predictions(b[n])]
        tables = [numbers.labels([group[n] for n in told]) for group in (a, b)]
        labels = (tables[0], tables[1]) if len(told) > 1 else None
    found = factors.factor_effect(first, second, numbers.rng, labels=labels, bounds=numbers.bounds)
    return Level(
        factor,
        name,
        against,
        found.shift,
        found.p,
        found.spread.ratio,
        found.churn.excess if found.churn else None,
        found.churn.p if found.churn else None,
    )


#: run by run agreement: furthest distance of the two engines, in distances of two draws
ROUNDING = 1e-2
#: total effects between which a source matters in part
LITTLE, NEARLY_ALL = 0.1, 0.8
#: blocks from which on their spread tells how many more are needed
FEWEST = 5
#: more blocks than anybody will train
MOST = 1000
#: members of a plan; a study with more takes years
MOST_MEMBERS = 5_000_000
#: factor within which the spread of the metric should be known
KNOWN_WITHIN = 1.25


def answer(stored: StoredStudy, metric: str | None = None) -> Study:
    """What the replicas in ``stored`` say; ``metric`` overrides the one the study was begun with.

    Raises WhydiffError if no replica logged that metric.
    """
    meta = checked(stored).meta
    plan = plan_of(stored)
    name = metric or str(meta.get("metric", "loss"))
    check_metric(name, stored)
    numbers = Numbers(stored, name, plan.attributed)
    draws = [k for k in stored.kept.values() if k.member.block >= 0]
    failed = [k for k in draws if k.result.failure]
    finished = [k for k in draws if not k.result.failure]
    diverged = sum(k.result.diverged for k in finished)
    worth = worth_of(numbers)
    return Study(
        script=str(meta.get("script", "")),
        chosen=str(meta.get("chosen", "")),
        engine=_engines(draws) or str(meta.get("engine", "")),
        backend=str(meta.get("fit", {}).get("backend", "")),
        plan=plan.to_dict(),
        planned=_planned(stored, plan),
        trained=len(finished),
        failed=intervals.proportion(len(failed), len(draws)),
        diverged=intervals.proportion(diverged, len(finished)),
        failures=dict(Counter(k.result.failure for k in failed).most_common()),
        gates=tuple(_gates(stored, numbers)),
        outcome=numbers.outcome(),
        worth=worth,
        noise=numbers.test_noise(),
        flips=numbers.flipping(),
        own=numbers.place(),
        agreement=_agreement(stored, numbers),
        levels=levels_of(numbers, plan.factors),
        refused=dict(meta.get("refused", {})),
        open=tuple(_open(numbers, worth)),
        notes=(
            *part_notes(stored, plan),
            *(numbers.division.notes() if numbers.division else ()),
            *machine_notes(stored, name),
            *meta.get("notes", ()),
        ),
        shard=str(shard_of(stored) or ""),
        missing=tuple(sorted({m.block for m in missing_members(stored, plan)})),
        processors=processors(draws),
        seconds=float(meta.get("seconds", 0.0)),
        path=str(stored.path),
        table=tuple(_rows(stored)),
    )


def _planned(stored: StoredStudy, plan: Plan) -> int:
    """How many replicas there will be, in the shard that the file holds."""
    shard, together = shard_of(stored), together_of(stored)
    mine = [m for m in plan.members if shard is None or shard.takes(m.block, together)]
    return sum(m.kind != OWN and (m.kind != REPLICATE or m.number in stored.kept) for m in mine)


def _engines(draws: Sequence[StoredReplica]) -> str:
    """Who trained the replicas, in one phrase."""
    return " and ".join(sorted({k.result.engine for k in draws if k.result.engine}))


def checked(stored: StoredStudy) -> StoredStudy:
    """``stored``, or WhydiffError if what was noted in it is not what a study notes."""
    meta = Checked(dict(stored.meta), "the study's notes")
    try:
        for name in ("script", "chosen", "engine", "metric"):
            if name in meta:
                meta.text(name)
        if "seconds" in meta:
            meta.number("seconds")
        if "notes" in meta:
            meta.texts("notes")
        if "refused" in meta:
            refused = meta.part("refused")
            for name in refused.names():
                refused.text(name)
        if "fit" in meta:
            fit = meta.part("fit")
            if "backend" in fit:
                fit.text("backend")
            if "identity" in fit:
                fit.part("identity")
        Division.stored(stored)
        gates = meta.part("gates").names() if "gates" in meta else ()
        for name in gates:
            passed, evidence = meta.part("gates").take(name, list)
            if not (passed is None or isinstance(passed, bool)) or not isinstance(evidence, str):
                raise ValueError(f"gate {name!r} has a wrong type")
    except (ValueError, WhydiffError) as error:
        raise WhydiffError(
            f"{stored.path} is damaged: invalid study metadata: {error}",
            "run the study again",
        ) from None
    return stored


def plan_of(stored: StoredStudy) -> Plan:
    """The plan that a study file holds."""
    try:
        described = Checked(stored.meta.get("plan"), "the plan")
        factors = described.mapping("factors")
        blocks = described.integer("blocks")
        members = sum(len(values) for values in factors.values()) + 2 * len(RANDOM_SOURCES) + 3
        if not 0 <= blocks * members <= MOST_MEMBERS:
            raise ValueError(f"the plan has {blocks} blocks")
        return draw_plan(
            tuple(one_of(s, RANDOM_SOURCES) for s in described.texts("sources")),
            tuple(one_of(s, RANDOM_SOURCES) for s in described.texts("attributed")),
            {k: tuple(v) for k, v in factors.items()},
            blocks,
            described.integer("seed"),
            _ways(described),
        )
    except (TypeError, ValueError, WhydiffError):
        raise WhydiffError(
            f"{stored.path} is damaged: it holds no plan", "run the study again"
        ) from None


def _ways(described: Checked) -> dict[str, str]:
    """How the sources are redrawn that no plain run draws anew; resampled where nothing is said."""
    if "ways" not in described:
        return {s: BOOTSTRAP for s in described.texts("sources") if s == "data-content"}
    ways = described.part("ways")
    found = {one_of(source, tuple(ASKED_FOR)): ways.text(source) for source in ways.names()}
    for source, way in found.items():
        check_way(source, way)
    return found


def check_metric(name: str, stored: StoredStudy) -> None:
    """Raise WhydiffError if replicas logged something, but not that metric."""
    logged = list(
        dict.fromkeys(
            key for k in stored.kept.values() for logs in k.result.logs[-1:] for key in logs
        )
    )
    if logged and name not in logged:
        raise WhydiffError(f"--metric {name!r} was not logged", f"Logged: {', '.join(logged)}.")


def _gates(stored: StoredStudy, numbers: Numbers) -> Iterator[Gate]:
    noted: Mapping[str, Any] = stored.meta.get("gates", {})
    if "own" in noted:
        yield Gate("the script's own training is reproduced", *noted["own"])
    pairs = numbers.replicates()
    if pairs:
        equal = [a.result.digest == b.result.digest and a.result.digest != "" for a, b in pairs]
        furthest = max(numbers.rms(a, b) for a, b in pairs)
        evidence = f"{sum(equal)} of {len(pairs)} replicates have the same weights, bit for bit"
        if not all(equal):
            evidence += f"; predictions differ by up to {furthest:.2g}"
        yield Gate("training the same replica again gives the same result", all(equal), evidence)
    else:
        yield Gate("training the same replica again gives the same result", None, "no replicate")
    if numbers.attributed and numbers.blocks:
        dead = numbers.dead()
        evidence = (
            f"redrawing {', '.join(dead)} changed no bit in {len(numbers.blocks)} blocks"
            if dead
            else f"each of {len(numbers.attributed)} redrawn alone changed the weights"
        )
        yield Gate("every source that is redrawn changes something", not dead, evidence)
    if "streams" in noted:
        yield Gate("only the intended source was redrawn", *noted["streams"])


def _agreement(stored: StoredStudy, numbers: Numbers) -> Agreement | None:
    both = [
        (stored.kept[n], k)
        for n, k in stored.calibration.items()
        if n in stored.kept
        and not k.result.failure
        and not stored.kept[n].result.failure
        and stored.kept[n].result.engine != k.result.engine
    ]
    if not both:
        return None
    scale = np.nanmean([numbers.rms(a, b) for a, b in numbers.pairs()] or [math.nan])
    gaps = []
    for a, b in both:
        one, two = numbers.predictions(a), numbers.predictions(b)
        if one is not None and two is not None:
            gaps.append(prediction_distance(one, two))
    values = [[numbers.value(k) for k in side] for side in zip(*both, strict=True)]
    return agreement_of(both[0][0].result.engine, gaps, float(scale), values)


def agreement_of(
    engine: str, gaps: Sequence[float], scale: float, values: Sequence[list[float]]
) -> Agreement:
    """An engine against plain training: distances of what both trained, that of two runs, and the
    metric of the runs by the engine and by plain training."""
    furthest = max(gaps, default=math.nan)
    relative = furthest / scale if scale > 0 else (0.0 if furthest == 0 else math.inf)
    return Agreement(
        engine=engine,
        n=len(values[0]),
        rounding=bool(relative <= ROUNDING),
        furthest=float(relative),
        shift=paired.shift(values[1], values[0]),
        p=same_distribution(*values),
    )


def same_distribution(a: list[float], b: list[float]) -> float:
    """p of a Kolmogorov-Smirnov test of two samples; NaN with fewer than two in either."""
    x, _ = intervals.finite(a)
    y, _ = intervals.finite(b)
    if min(x.size, y.size) < 2:
        return math.nan
    from scipy import stats

    return float(stats.ks_2samp(x, y).pvalue)


def _open(numbers: Numbers, worth: Mapping[str, tuple[Worth, ...]]) -> Iterator[Open]:
    blocks = len(numbers.blocks)
    if not blocks:
        yield Open("everything: no replica was trained", None)
        return
    if blocks < FEWEST and (numbers.attributed or blocks > 1):
        missing = BLOCKS - blocks
        yield Open(f"nearly everything: {blocks} blocks are too few to tell", missing)
        return
    together = folds_of(numbers.division.way) or 1 if numbers.division else 1
    for one in worth.get(PREDICTIONS, worth.get(METRIC, ())):
        if one.dead:
            continue
        low, high = one.total.low, one.total.high
        for bound, what in ((LITTLE, "hardly matters"), (NEARLY_ALL, "alone gives nearly all")):
            if low < bound < high and len(numbers.attributed) > 1:
                question = f"whether {one.source} {what}"
                more = _until_apart(one.total, bound)
                yield Open(question, more if more is None else more * together)
    sd = numbers.outcome().sd
    if sd.n and sd.value > 0 and not (sd.known and sd.high / sd.low <= KNOWN_WITHIN**2):
        more = None
        if sd.known and sd.low > 0:
            half = math.log(sd.high / sd.low) / 2
            needed = sd.n * (half / math.log(KNOWN_WITHIN)) ** 2
            per_block = max(1, round(sd.n / blocks))
            more = max(1, math.ceil((needed - sd.n) / per_block))
        percent = round(100 * (KNOWN_WITHIN - 1))
        yield Open(f"the spread of {numbers.metric} to within {percent} %", more)
    elif not sd.n:
        yield Open(f"how {numbers.metric} varies: no draw ended with a finite number", None)


def _until_apart(total: Estimate, bound: float) -> int | None:
    """Blocks to add until the interval, narrowing as 1 / sqrt(n), leaves ``bound`` outside."""
    if total.known and total.value == 0:
        needed = more_blocks_without(total, bound)
        return needed if needed is not None and needed <= MOST else None
    if not total.known or total.low <= 0:
        return None
    away = abs(math.log(total.value / bound))
    more = more_blocks(total, math.expm1(away)) if away > 0.02 else None
    return more if more is not None and more <= MOST else None


def _rows(stored: StoredStudy) -> Iterator[dict[str, Any]]:
    for number, kept in stored.kept.items():
        result, member = kept.result, kept.member
        yield {
            "number": number,
            "block": member.block,
            "kind": member.kind,
            "redrawn": ",".join(sorted(member.redrawn)),
            **{f"seed.{name}": seed for name, seed in member.replica.seeds.items()},
            **{f"set.{name}": value for name, value in member.replica.settings.items()},
            **(result.logs[-1] if result.logs else {}),
            "epochs": len(result.logs),
            "diverged": not result.failure and result.diverged,
            "engine": result.engine,
            "digest": result.digest,
            "seconds": result.seconds,
            "failure": result.failure,
        }


def read(path: Path | str, metric: str | None = None) -> Study:
    """The answer of the study in a file; nothing is trained, no Keras is needed."""
    return answer(load_study(path), metric)
