"""The worth of sources and the effects of factors, from the replicas of a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whydiff.core.dividing import partition_of
from whydiff.core.estimate import unknown
from whydiff.core.plan import SETTING, StoredReplica
from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Level, Worth
from whydiff.core.vary import value_text
from whydiff.experiments.study.numbers import Numbers
from whydiff.stats import effects, factors, squared_distances as squared

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
