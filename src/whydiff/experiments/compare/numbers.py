"""From pairs of replicas to the numbers of a comparison. No Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core import recording
from whydiff.core.comparison import Churn, FailureRates, Pair, Secondary, Side
from whydiff.core.estimate import Estimate
from whydiff.core.findings import DIFFERS
from whydiff.core.metrics import value_bounds
from whydiff.core.recording import Fit
from whydiff.core.replicas import Result
from whydiff.diagnosis.sources import source
from whydiff.experiments.compare.pairing import Results, Rule
from whydiff.stats import flips, intervals, paired
from whydiff.stats.rates import rate_difference
from whydiff.stats.sequential import confidence_sequence

#: Outputs of all examples that agree to so many parts of their size are the same.
_SAME = 1e-6


def side(
    what: str, results: Sequence[Result], rule: Rule, kept: Mapping[str, str], engine: str
) -> Side:
    """One of the two, over the replicas that could be trained."""
    told = [r for r in results if not r.failure]
    values = [rule.value(r) for r in told]
    limits = value_bounds(rule.metric, values)
    diverged = sum(not np.isfinite(v) for v in values)
    constant = [c for c in map(collapsed, told) if c is not None]
    return Side(
        what,
        "/".join(sorted({r.engine for r in told})) or engine,
        intervals.mean(values, 1 - rule.alpha, bounds=limits),
        intervals.spread(values, 1 - rule.alpha, bounds=limits),
        intervals.proportion(diverged, len(values), 1 - rule.alpha),
        dict(kept),
        intervals.proportion(sum(constant), len(constant), 1 - rule.alpha) if constant else None,
    )


def collapsed(result: Result) -> bool | None:
    """Whether a run that did not diverge predicts the same for every example.

    None where that cannot be said: no predictions, a single example, or no finite numbers.
    """
    if not result.predictions or result.failure or result.diverged:
        return None
    outputs = [np.asarray(p, np.float64) for p in result.predictions]
    if any(len(p) < 2 for p in outputs):
        return None
    return all(float(np.ptp(p, axis=0).max()) <= _SAME * float(np.abs(p).max()) for p in outputs)


def failures(pairs: Sequence[Results], rule: Rule) -> FailureRates | None:
    """How often each side diverged or collapsed; None if neither ever did."""
    told = [pair for pair in pairs if not (pair[0].failure or pair[1].failure)]
    a, b = (
        [not np.isfinite(rule.value(pair[k])) or collapsed(pair[k]) is True for pair in told]
        for k in (0, 1)
    )
    if not any(a) and not any(b):
        return None
    found = rate_difference(a, b, 1 - rule.alpha)
    return FailureRates(found.difference, found.p)


def turned(effect: Estimate, rule: Rule) -> Estimate:
    """An effect where larger is better as B - A in the metric's own sign, and back."""
    if rule.larger_is_better:
        return effect
    return Estimate(
        0 - effect.value, 0 - effect.high, 0 - effect.low,  # of 0 it is 0, and not -0
        effect.n, effect.confidence, effect.left_out, effect.note,
    )  # fmt: skip


def looks(pairs: Sequence[Results], rule: Rule) -> tuple[Estimate, ...]:
    """The effect with its confidence sequence after each pair, from the first on."""
    d, test = rule.differences(pairs), rule.test(pairs)
    seen = (confidence_sequence(d[:n], test) for n in range(1, len(d) + 1))
    return tuple(turned(effect, rule) for effect in seen)


def probability(pairs: Sequence[Results], rule: Rule) -> Estimate:
    """That a run of B is better than one of A with another seed. A diverged run is worse than
    any other."""
    told = [pair for pair in pairs if not (pair[0].failure or pair[1].failure)]
    values = np.array([[rule.value(r) for r in pair] for pair in told], float).reshape(-1, 2)
    oriented = values if rule.larger_is_better else -values
    lowest = float(np.nanmin(oriented)) if np.isfinite(oriented).any() else 0.0
    ranked = np.where(np.isnan(oriented), lowest - 1, oriented)
    return paired.probability(ranked[:, 0], ranked[:, 1], 1 - rule.alpha)


def churn(
    pairs: Sequence[Results], facts: tuple[Mapping[str, Any], Mapping[str, Any]], alpha: float
) -> Churn | None:
    """What the change does to predictions; None where these cannot be compared."""
    told = [
        (a, b)
        for a, b in pairs
        if a.predictions and b.predictions and not (a.diverged or b.diverged)
    ]
    if (
        not told
        or len({r.predictions[0].shape for pair in told for r in pair if r.predictions}) > 1
    ):
        return None
    by_class = all(f.get("classes") for f in facts)
    tables = [_table([pair[k] for pair in told], facts[k], by_class) for k in (0, 1)]
    rng = np.random.default_rng(0)  # of permutations: equal runs, equal answers
    if by_class:
        found = flips.excess_churn(tables[0], tables[1], rng, confidence=1 - alpha)
    else:
        distances = flips.root_mean_squares(np.concatenate(tables))
        found = flips.excess_of(flips.RunDistances(distances, len(told)), rng, confidence=1 - alpha)
    return Churn(
        "classes" if by_class else "distance",
        tables[0].shape[1],
        found.within,
        found.between,
        found.excess,
        found.p,
        found.switched,
    )


def _table(results: Sequence[Result], facts: Mapping[str, Any], by_class: bool) -> np.ndarray:
    """(runs, examples) of classes, or (runs, numbers) of the predictions themselves."""
    outputs = [np.asarray(r.predictions[0]) for r in results if r.predictions]
    if not by_class:
        return np.stack([np.asarray(p, np.float64).ravel() for p in outputs])
    if facts.get("logits") and (outputs[0].ndim < 2 or outputs[0].shape[-1] == 1):
        outputs = [(p > 0).astype(np.float64) for p in outputs]  # of one logit, the half is at 0
    return flips.labels_of(outputs)


def secondary(
    pairs: Sequence[Results], metrics: Sequence[str], alpha: float
) -> tuple[Secondary, ...]:
    """The other metrics that both log, their p adjusted for how many there are."""
    told = [(a, b) for a, b in pairs if a.logs and b.logs and not (a.failure or b.failure)]
    rng = np.random.default_rng(0)
    shifts, p = [], []
    for metric in metrics:
        a, b = ([float(pair[k].logs[-1].get(metric, np.nan)) for pair in told] for k in (0, 1))
        limits = value_bounds(metric, [*a, *b])
        shifts.append(paired.shift(a, b, 1 - alpha, bounds=limits))
        x, y, _ = paired.complete_pairs(a, b)
        p.append(paired.sign_flip(y - x, rng))
    rows = zip(metrics, shifts, p, paired.adjusted(p), strict=True)
    return tuple(Secondary(m, s, one, float(all_)) for m, s, one, all_ in rows)


def pair_rows(
    pairs: Sequence[Results], seeds: Mapping[int, Mapping[str, int]], rule: Rule
) -> Iterator[Pair]:
    """The raw numbers of every pair."""
    for number, (a, b) in enumerate(pairs):
        yield Pair(
            number,
            dict(seeds.get(number, {})),
            rule.value(a),
            rule.value(b),
            bool(a.digest) and a.digest == b.digest,
            a.failure or b.failure,
        )


def warnings(a: recording.Side, b: recording.Side, rule: Rule) -> Iterator[str]:
    """What makes the metric of A and that of B two different things."""
    if a.fit is b.fit:
        return
    one, two = a.recipe, b.recipe
    if (
        rule.metric.startswith("val_")
        and one.data_content.validation != two.data_content.validation
    ):
        yield (
            f"A and B are measured on other validation data: their {rule.metric} differs by that, "
            "too."
        )
    if rule.metric.endswith("loss") and _differs("objective", a, b):
        yield (
            f"A and B have other losses or penalties: their {rule.metric} has another scale. "
            "--metric names another one."
        )
    elif _differs("measurement", a, b):
        yield f"A and B may measure {rule.metric} by another rule: their compiled metrics differ."


def _differs(name: str, a: recording.Side, b: recording.Side) -> bool:
    return source(name).compare(a, b).status == DIFFERS


def same_probe(a: Fit | None, b: Fit | None) -> bool:
    """Whether predictions of both are made on the same samples."""
    if a is None or b is None:
        return False
    one, two = a.recipe.data_content, b.recipe.data_content
    if one.validation or two.validation:
        return one.validation == two.validation
    return bool(np.array_equal(one.samples, two.samples))
