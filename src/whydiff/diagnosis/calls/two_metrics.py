"""Two metrics of one evaluate, or of a fit's log, that measure one quantity: by which rules they
differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from whydiff.core import scoring
from whydiff.core.calls import SUMMED
from whydiff.core.findings import Cause, Excluded
from whydiff.core.words import number, percent
from whydiff.diagnosis.calls.score_rules import LEFT, OF_BOTH
from whydiff.diagnosis.calls.verdict import (
    HELD_BY_NOTHING,
    Verdict,
    offset_note,
    one_number,
    part_of_gap,
)

#: A rule that moves less than this part of the gap is no cause.
_TOLD = 0.02
#: Rules of a metric: mechanism and what is said of the metric that follows it.
_OF_ONE = {
    scoring.UNREGULARIZED: (
        "regularization-in-the-loss", "{one} contains the model's regularization"
    ),
    scoring.OWN_SHAPE: (
        "shapes-broadcast", "{one} pairs each label with each output, as (n,) with (n, 1)"
    ),
    scoring.UNWEIGHTED: ("sample-weights-in-one", "{one} weights the samples"),
    scoring.IN_ONE_BATCH: (
        "metric-averaged-over-batches", "{one} is a mean over the batches, each computed by itself"
    ),
}  # fmt: skip


class Printed(NamedTuple):
    """A metric, and whether the script prints its square root."""

    metric: str
    root: bool = False

    @property
    def name(self) -> str:
        return f"the root of {self.metric}" if self.root else self.metric

    def value(self, number: float) -> float:
        """What is printed where the metric has this value."""
        return math.sqrt(number) if self.root and number >= 0 else number


def judge_two_metrics(
    values: Mapping[str, Mapping[str, float]], a: Printed, b: Printed, given: Mapping[str, float]
) -> Verdict:
    """The verdict on two metrics of one evaluate, which gave ``given``.

    ``values``: each metric as its rules are taken away one after the other, by rule, the first as
    it was; under "" accuracies of the outputs.
    """
    gap = a.value(given[a.metric]) - b.value(given[b.metric])
    for one in (a, b):
        again = values[one.metric][scoring.AGAIN]
        if not one_number(again, given[one.metric]):
            return Verdict(unexplained=1.0, reproduced=False, notes=(
                f"No cause is confirmed: evaluated again {one.metric} is {number(again)} instead "
                f"of {number(given[one.metric])}.",
            ))  # fmt: skip
    common = _common(values[a.metric], values[b.metric])
    causes = [
        *_rules_of(values[a.metric], a, b, gap, common),
        *_rules_of(values[b.metric], b, a, -gap, common),
        *_accuracies(values, a, b, gap),
    ]
    left = 1.0 - sum(cause.share or 0.0 for cause in causes)
    one_call = "both numbers come from one pass of one model over the same samples"
    excluded = tuple(
        Excluded(source, one_call)
        for source in ("weights", "data-content", "data-order", "mode", "architecture")
    )
    explained = abs(left) <= LEFT
    notes = (
        () if explained else (f"{percent(min(abs(left), 1.0))} of the gap is {HELD_BY_NOTHING}.",)
    )
    return Verdict(
        tuple(sorted(causes, key=lambda c: -abs(c.share or 0.0))), excluded, (),
        0.0 if explained else min(abs(left), 1.0), True, (*notes, *offset_note(causes)),
    )  # fmt: skip


def judge_logged_metrics(
    values: Mapping[str, Mapping[str, float]], a: Printed, b: Printed, logged: Mapping[str, float]
) -> Verdict:
    """The verdict on two metrics of a fit's last epoch, which it ``logged``: by which rules they
    differ is measured with the weights that the epoch ended with."""
    given = {one.metric: values[one.metric][scoring.AGAIN] for one in (a, b)}
    numbers = " vs. ".join(number(given[one.metric]) for one in (a, b))
    if one_number(given[a.metric], given[b.metric]):
        return Verdict(unexplained=1.0, reproduced=False, notes=(
            f"No cause is confirmed: evaluated with the weights that fit ended with both are equal "
            f"({numbers}).",
        ))  # fmt: skip
    verdict = judge_two_metrics(values, a, b, given)
    means = " vs. ".join(number(logged[one.metric]) for one in (a, b))
    note = (
        f"What fit logs ({means}) are means over an epoch in which the weights moved; the shares "
        f"are measured with the weights that it ended with, which give {numbers}."
    )
    return replace(verdict, notes=(*verdict.notes, note))


def _rules_of(
    steps: Mapping[str, float], one: Printed, other: Printed, gap: float, common: Set[str]
) -> Iterator[Cause]:
    """What each rule of a metric adds to it, as a part of the gap, but for rules that both have in
    ``common``."""
    before = steps[scoring.AGAIN]
    for rule, after in steps.items():
        share = (one.value(before) - one.value(after)) / gap
        if rule not in common and abs(share) >= _TOLD and not one_number(before, after):
            yield _rule(rule, share, one, other, (before, after))
        before = after


def _common(one: Mapping[str, float], other: Mapping[str, float]) -> set[str]:
    """The rules that move two metrics by as much."""
    moves = []
    for steps in (one, other):
        values = list(steps.values())
        moves.append(dict(zip([*steps][1:], np.diff(values), strict=True)))
    a, b = moves
    size = max(map(abs, (*one.values(), *other.values())))
    alike = 1e-5 * size  # summed in another order
    return {rule for rule in a.keys() & b.keys() if abs(a[rule] - b[rule]) <= alike}


def _rule(
    rule: str, share: float, one: Printed, other: Printed, moved: tuple[float, float]
) -> Cause:
    """The cause where a metric follows a rule that another one does not."""
    setting = rule.removeprefix(scoring.WITHOUT)
    id, text = _OF_ONE.get(rule) or ("setting-of-the-loss", f"{{one}} is computed with {setting}")
    advice = ""
    if SUMMED in one.metric and rule == scoring.IN_ONE_BATCH:
        id, text = "mean-of-unequal-batches", "{one} counts a smaller last batch as much as others"
        advice = "Evaluate in batches of one size: batch_size= a divisor of the number of samples."
    elif setting.startswith("loss_weights"):
        id = "losses-weighted-in-the-sum"
    elif SUMMED in other.metric and rule == scoring.UNREGULARIZED:
        advice = "Add sum(model.losses) to the sum, or compare the outputs' losses one by one."
    does = "is" if " is " in text else "does"
    before, after = (number(one.value(value)) for value in moved)
    cause = part_of_gap(
        "measurement", id, share, f"{text.replace('{one}', one.metric)}, {other.metric} {does} not",
        f"{one.name} is {before}, {rule} {after}",
    )  # fmt: skip
    return replace(cause, remedy=advice or cause.remedy)


def _accuracies(
    values: Mapping[str, Mapping[str, float]], a: Printed, b: Printed, gap: float
) -> Iterator[Cause]:
    """The ways in which two accuracies take a class from the outputs, where these differ."""
    ends = {one: list(values[one.metric].values())[-1] for one in (a, b)}
    ways = values.get("", {})
    for (one, other), (mine, theirs, id, detail) in (
        (pair, rule) for pair in ((a, b), (b, a)) for rule in OF_BOTH
    ):
        known = mine in ways and theirs in ways and not one_number(ways[mine], ways[theirs])
        if known and one_number(ways[mine], ends[one]) and one_number(ways[theirs], ends[other]):
            text = detail.format(its=one.metric, function=other.metric)
            yield part_of_gap(
                "measurement", id, (ends[a] - ends[b]) / gap, text,
                f"the same outputs ({mine}): {number(ways[mine])}; "
                f"({theirs}): {number(ways[theirs])}",
            )  # fmt: skip
            return
