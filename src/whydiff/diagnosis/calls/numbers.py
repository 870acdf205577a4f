"""Numbers that a script made of what evaluate or predict returned, held against evaluate's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from whydiff.core import scoring
from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import Excluded
from whydiff.core.words import count, listed, number, percent
from whydiff.diagnosis.calls.results import said_both
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
    whole: MeasuringCall, mean: MeasuringCall, calls: Sequence[MeasuringCall], metric: str
) -> Verdict:
    """The verdict on a mean over what several calls of evaluate, or of a metric function, gave of
    one batch each. ``whole`` is evaluate or the function of all samples."""
    ((name, told),) = mean.values.items()
    sizes = [len(call.recipe.inputs.rows("x")) for call in calls]
    given = [float(call.values[name]) for call in calls]
    wanted, its = float(whole.values[metric]), f"evaluate's {metric}"
    its = whole.score.name if whole.score else its
    gap, rows = told - wanted, sum(sizes)
    out = len(whole.recipe.inputs.rows("x")) - rows
    weighted = sum(n * value for n, value in zip(sizes, given, strict=True)) / rows
    excluded = (
        Excluded("weights", "both numbers are of the same weights"),
        Excluded("architecture", "one and the same model"),
        Excluded("data-order", "a mean knows no order"),
    )
    causes = []
    adds_up = not _NO_MEANS.search(name)
    if adds_up and not one_number(weighted, told):
        causes.append(
            part_of_gap(
                "measurement", "mean-of-unequal-batches", (told - weighted) / gap,
                f"the mean counts every batch alike, and the batches hold "
                f"{listed([str(n) for n in sorted(set(sizes), reverse=True)])} samples",
                f"weighted by their sizes the mean of {name} is {number(weighted)} (it was "
                f"{number(told)}, {its} {number(wanted)})",
            )
        )  # fmt: skip
    if adds_up and out and not one_number(weighted, wanted):
        causes.append(
            part_of_gap(
                "data-content", "samples-in-no-batch", (weighted - wanted) / gap,
                f"{count(out, 'sample')} of {rows + out} in no batch",
                f"{name} of the samples in batches is {number(weighted)}, of all "
                f"{number(wanted)}",
            )
        )  # fmt: skip
    if not adds_up and not out:
        cause = part_of_gap(
            "measurement", "metric-averaged-over-batches", 1.0,
            f"{name} of all samples is not the mean of its values in {len(calls)} batches",
            f"{its} over all samples is {number(wanted)}, the mean over the batches {number(told)}",
        )  # fmt: skip
        advice = (
            f"Collect the labels and predictions of all batches, and compute {name} once."
            if mean.score and calls[0].score
            else "Call evaluate once for all samples."
        )
        causes.append(replace(cause, remedy=advice))
    left = 1.0 - sum(cause.share or 0.0 for cause in causes)
    explained = abs(left) <= max(LEFT, SUMMED * abs(wanted) / abs(gap)) if gap else True
    if not explained:
        note = f"{percent(min(abs(left), 1.0))} of the gap is {HELD_BY_NOTHING}."
        return Verdict(tuple(causes), excluded, (), min(abs(left), 1.0), True, (note,))
    return Verdict(tuple(sorted(causes, key=lambda c: -abs(c.share or 0.0))), excluded)


def judge_taken(
    evaluate: MeasuringCall, taken: MeasuringCall, read: MeasuringCall, metric: str
) -> Verdict:
    """The verdict on a number ``taken`` out of what ``read`` returned: it is taken for ``metric``
    of ``evaluate``, the same call or another one, and is another metric."""
    assert taken.score is not None and taken.score.key is not None
    key, names, value = taken.score.key, read.returned, next(iter(taken.values.values()))
    name = names[key] if isinstance(key, int) else key
    there, wanted = read.values[name], evaluate.values[metric]
    if not one_number(there, value):
        return Verdict(unexplained=1.0, reproduced=False, notes=(
            f"No cause is confirmed: [{key!r}] of what evaluate returned is {number(there)}, not "
            f"{number(value)}.",
        ))  # fmt: skip
    if read.number == evaluate.number:
        place = names.index(metric) if isinstance(key, int) else metric
        detail = (
            f"what is printed as {taken.score.function.rpartition('.')[2]} is position [{key!r}] "
            f"of the list that evaluate returned, {name}; {metric} is position [{place!r}]"
        )
        evidence = f"[{key!r}] {name} is {number(there)}, [{place!r}] {metric} {number(wanted)}"
        one = "both numbers come from one call of evaluate"
    else:
        place = evaluate.returned.index(metric) if isinstance(key, int) else metric
        theirs, ours = said_both(evaluate, read)
        detail = (
            f"[{place!r}] of what {theirs} returned is {metric}, [{key!r}] of what {ours} returned "
            f"is {name}: two metrics, not two values of one"
        )
        common = listed([n for n in evaluate.returned if n in read.values])
        one = f"both calls gave the same {common}"
        evidence = f"{metric} is {number(wanted)}, {name} {number(there)}; {one}"
    cause = part_of_gap("measurement", "list-position", 1.0, detail, evidence)
    whose = "numbers" if read.number == evaluate.number else "one metric of both,"
    advice = f"Take {whose} by name: model.evaluate(..., return_dict=True)[{metric!r}]."
    cause = replace(cause, remedy=advice)
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
