"""Gates of a comparison: replicas are the script's training, and engines agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from whydiff.core.progress import Progress
from whydiff.core.replicas import Result
from whydiff.core.study import Agreement, Gate
from whydiff.experiments.compare.contestants import Contestant
from whydiff.experiments.compare.pairing import Results, Rule
from whydiff.experiments.study.answer import ROUNDING, same_distribution
from whydiff.experiments.study.metadata import own_gate
from whydiff.experiments.study.replica_trainer import ReplicaTrainer
from whydiff.stats import paired
from whydiff.stats.distances import prediction_distance

#: Pairs that are trained plainly, too: a few where the engines agree run by run, else more.
FEW, MORE = 2, 6


def own_gates(pair: tuple[Contestant, Contestant], progress: Progress) -> list[Gate]:
    """Whether the watched trainings, trained from their own values, are what was watched."""
    found: list[Gate] = []
    seen: list[ReplicaTrainer] = []
    for name, contestant in zip("AB", pair, strict=True):
        bench = contestant.bench
        if bench is None or any(bench is one for one in seen):
            continue
        progress.step(f"training {name} again from its own values")
        seen.append(bench)
        what = f"the script's own training of {name} is reproduced"
        found.append(Gate(what, *own_gate(bench.fit, bench.own().digest)))
    return found


def agreement_gate(
    fused: Sequence[Results], plainly: Callable[[range], Sequence[Results]], rule: Rule
) -> Gate:
    """Whether plain training gives the runs, or at least the distribution, that the engine gave."""
    plain = list(plainly(range(min(FEW, len(fused)))))
    found = agreement(fused, plain, rule)
    if not found.rounding and len(fused) > len(plain):
        plain += plainly(range(len(plain), min(MORE, len(fused))))
        found = agreement(fused, plain, rule)
    if found.rounding:
        how = f"run by run, to {found.furthest:.1g} of the distance between two runs"
    else:
        how = (
            f"mean difference of {rule.metric} {found.shift.value:.2g} ({found.shift.low:.2g} to "
            f"{found.shift.high:.2g}), same distribution: p = {found.p:.2g}"
        )
    name = f"plain training agrees with the engine {found.engine}"
    return Gate(name, found.agrees, f"{found.n} trainings by both: {how}")


def agreement(fused: Sequence[Results], plain: Sequence[Results], rule: Rule) -> Agreement:
    """The engine against plain training over the runs of A and B that both trained."""
    scale = _scale(fused)
    both = [
        (f, p)
        for many, one in zip(fused, plain, strict=False)
        for f, p in zip(many, one, strict=True)
        if not (f.failure or p.failure)
    ]
    gaps = [_gap(f, p) for f, p in both]
    furthest = max((g for g in gaps if math.isfinite(g)), default=math.nan)
    relative = furthest / scale if scale > 0 else (0.0 if furthest == 0 else math.inf)
    values = [[rule.value(pair[k]) for pair in both] for k in (0, 1)]
    return Agreement(
        engine=both[0][0].engine if both else "",
        n=len(both),
        rounding=relative <= ROUNDING,
        furthest=float(relative),
        shift=paired.shift(values[1], values[0]),
        p=same_distribution(*values),
    )


def _gap(one: Result, other: Result) -> float:
    if not one.predictions or not other.predictions:
        return 0.0 if one.digest == other.digest else math.nan
    return prediction_distance(list(one.predictions), list(other.predictions))


def _scale(pairs: Sequence[Results]) -> float:
    """Mean distance of two runs of A with other seeds."""
    runs = [a for a, _ in pairs if not a.failure]
    gaps = [_gap(x, y) for x, y in pairwise(runs)]
    finite = [g for g in gaps if math.isfinite(g)]
    return float(np.mean(finite)) if finite else math.nan
