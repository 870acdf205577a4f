"""Numbers that a script made of what evaluate or predict returned, held against evaluate's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from whydiff.core import scoring
from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import Excluded
from whydiff.core.words import count, listed, number, percent
from whydiff.diagnosis.calls.score_rules import LEFT
from whydiff.diagnosis.calls.verdict import (
    HELD_BY_NOTHING,
    SUMMED,
    Verdict,
    one_number,
    part_of_gap,
)

#: Metrics that are no mean over samples, by what they are called.
_NO_MEANS = re.compile(r"auc|f1|fbeta|precision|recall|r2|iou|root|rmse|kappa|matthews|corr", re.I)


def judge_mean(
    evaluate: MeasuringCall, score: MeasuringCall, calls: Sequence[MeasuringCall], metric: str
) -> Verdict:
    """The verdict on a mean over what several calls of evaluate gave of one batch each."""
    sizes = [len(call.recipe.inputs.rows("x")) for call in calls]
    given = [float(call.values[metric]) for call in calls]
    wanted, told = float(evaluate.values[metric]), float(score.values[metric])
    gap, rows = told - wanted, sum(sizes)
    out = len(evaluate.recipe.inputs.rows("x")) - rows
    weighted = sum(n * value for n, value in zip(sizes, given, strict=True)) / rows
    excluded = (
        Excluded("weights", "evaluate and the batches used the same weights"),
        Excluded("architecture", "one and the same model"),
        Excluded("data-order", "a mean knows no order"),
    )
    causes = []
    mean = bool(_NO_MEANS.search(metric)) is False
    if mean and not one_number(weighted, told):
        causes.append(
            part_of_gap(
                "measurement", "mean-of-unequal-batches", (told - weighted) / gap,
                f"the mean counts every batch alike, and the batches hold "
                f"{listed([str(n) for n in sorted(set(sizes), reverse=True)])} samples",
                f"weighted by their sizes the mean of {metric} is {number(weighted)} (it was "
                f"{number(told)}, evaluate's {number(wanted)})",
            )
        )  # fmt: skip
    if mean and out and not one_number(weighted, wanted):
        causes.append(
            part_of_gap(
                "data-content", "samples-in-no-batch", (weighted - wanted) / gap,
                f"{count(out, 'sample')} of {rows + out} in no batch",
                f"{metric} of the samples in batches is {number(weighted)}, of all "
                f"{number(wanted)}",
            )
        )  # fmt: skip
    if not mean and not out:
        causes.append(
            part_of_gap(
                "measurement", "metric-averaged-over-batches", 1.0,
                f"{metric} of all samples is not the mean of its values in {len(calls)} batches",
                f"evaluate's {metric} over all samples is {number(wanted)}, the mean over the "
                f"batches {number(told)}",
            )
        )  # fmt: skip
    left = 1.0 - sum(cause.share or 0.0 for cause in causes)
    explained = abs(left) <= max(LEFT, SUMMED * abs(wanted) / abs(gap)) if gap else True
    if not explained:
        note = f"{percent(min(abs(left), 1.0))} of the gap is {HELD_BY_NOTHING}."
        return Verdict(tuple(causes), excluded, (), min(abs(left), 1.0), True, (note,))
    return Verdict(tuple(sorted(causes, key=lambda c: -abs(c.share or 0.0))), excluded)


def judge_taken(
    evaluate: MeasuringCall, taken: MeasuringCall, position: int, metric: str
) -> Verdict:
    """The verdict on a number that was taken from a position of evaluate's list for another
    metric than stands there."""
    names = [str(name) for name in evaluate.notes.get("listed") or evaluate.values]
    quantity, value = next(iter(taken.values.items()))
    there = evaluate.values[names[position]]
    if not one_number(there, value):
        return Verdict(unexplained=1.0, reproduced=False, notes=(
            f"No cause is confirmed: position {position} of evaluate's list holds "
            f"{number(there)}, not {number(value)}.",
        ))  # fmt: skip
    cause = part_of_gap(
        "measurement", "list-position", 1.0,
        f"what is printed as {quantity} is position [{position}] of the list that evaluate "
        f"returned, {names[position]}; {metric} is position [{names.index(metric)}]",
        f"[{position}] {names[position]} is {number(there)}, [{names.index(metric)}] {metric} "
        f"{number(evaluate.values[metric])}",
    )  # fmt: skip
    one = "both numbers come from one call of evaluate"
    return Verdict((cause,), tuple(Excluded(s, one) for s in (
        "weights", "data-content", "data-order", "mode", "architecture"
    )))  # fmt: skip


def judge_position(values: Mapping[str, float], metric: str, wanted: float) -> Verdict:
    """The verdict on evaluate and predict whose rows stand at other positions.

    ``values`` are evaluate's metric computed from the predictions: with the labels of the very
    rows (``ALIGNED``, the control) and with labels of another pass (``BY_POSITION``).
    """
    aligned, apart = values.get(scoring.ALIGNED), values.get(scoring.BY_POSITION)
    scale = max(abs(wanted), 1e-12)
    known = aligned is not None and apart is not None and not one_number(aligned, apart)
    if aligned is None or apart is None or not known or abs(aligned - wanted) > 1e-4 * scale:
        said = "nothing" if aligned is None else number(aligned)
        return Verdict(
            unexplained=1.0, reproduced=False,
            notes=(f"No cause is confirmed: from the predictions and their own labels {metric} is "
                   f"{said} instead of {number(wanted)}.",),
        )  # fmt: skip
    excluded = (
        Excluded("weights", "evaluate and predict used the same weights"),
        Excluded("data-content", "evaluate and predict were given the same samples"),
        Excluded("architecture", "one and the same model"),
    )
    cause = part_of_gap(
        "data-order", "labels-of-another-pass", 1.0,
        "the source reshuffles at every pass: rows of predict stand at other positions than rows "
        "of evaluate, and labels read in a pass of their own at others again",
        f"from the predictions with the labels of their own rows {metric} is {number(aligned)}, "
        f"with labels of another pass {number(apart)}",
    )  # fmt: skip
    return Verdict((cause,), excluded)
