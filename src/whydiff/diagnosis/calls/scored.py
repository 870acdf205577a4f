"""evaluate against a score computed from predictions: whose rule or order makes the gap."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from whydiff.core import scoring
from whydiff.core.calls import MeasuringCall, Score
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded
from whydiff.core.transformations import OF_ONE_COLUMN
from whydiff.core.words import count, listed, number, percent
from whydiff.diagnosis.calls.origins import Story
from whydiff.diagnosis.calls.trials import SMALL
from whydiff.diagnosis.calls.verdict import (
    HELD_BY_NOTHING,
    SUMMED,
    Verdict,
    one_number,
    part_of_gap,
)
from whydiff.diagnosis.mechanisms import mechanism

#: A rule explains a gap if it leaves less than this part of it.
LEFT = 0.05
#: evaluate's metric by another rule: what evaluate does, and what the score does instead.
OF_EVALUATE = {
    scoring.IN_ONE_BATCH: (
        "metric-averaged-over-batches",
        "{its} is a mean over batches, {function} was computed over all samples",
    ),
    scoring.UNWEIGHTED: (
        "sample-weights-in-one",
        "{it} weights the samples, {function} counts each once",
    ),
    scoring.UNMASKED: (
        "steps-under-a-mask",
        "{it} leaves out the steps that a mask covers, {function} counts them",
    ),
    scoring.UNREGULARIZED: (
        "regularization-in-the-loss",
        "{its} contains the model's regularization, {function} does not",
    ),
}
#: The score by another rule: how it then becomes evaluate's number.
OF_SCORE = {
    scoring.IN_ITS_UNITS: (
        "other-units",
        "{function} was given predictions that were brought into other units, {its} "
        "is computed from the outputs as they are",
    ),
    scoring.FROM_OUTPUTS: (
        "classes-instead-of-outputs",
        "{function} was given classes, {its} is computed from the outputs",
    ),
    scoring.FROM_HALF: (
        "another-threshold",
        "{function} calls outputs positive from another threshold on than 0.5, at which {its} cuts "
        "them",
    ),
    scoring.SAME_SHAPE: (
        "shapes-broadcast",
        "the labels and the outputs that {function} compares have other shapes, so NumPy pairs "
        "every row with every other",
    ),
    scoring.WEIGHTED: (
        "sample-weights-in-one",
        "{it} weights the samples, {function} counts each once",
    ),
    **{
        average: (
            "measured-by-another-rule",
            "{its} is a " + average + " over classes, {function} is not",
        )
        for average in scoring.AVERAGED
    },
}


class _Names(NamedTuple):
    """What texts call the metric, the score's function, who measured the metric, and its number."""

    metric: str
    function: str
    it: str  # "evaluate" | "fit's validation"
    its: str  # "evaluate's accuracy" | "fit's val_accuracy"


def judge_score(
    values: Mapping[str, float],
    wanted: float,
    score: MeasuringCall,
    metric: str,
    source: str = "",
    validation: bool = False,
    reshuffled: bool | None = None,
    training: Any = None,
    weights: Story | None = None,
) -> Verdict:
    """The verdict from the score computed again under other rules; see replay's ``rescored``.

    ``wanted`` is the number that evaluate (or fit, of its validation) gives for ``metric``;
    ``validation`` says which. ``source`` is how the predicted samples were given ("arrays",
    "tf.data", ...); ``reshuffled`` says whether it gave its rows in the same order when they were
    predicted as when they were evaluated, None where that was not seen; ``training`` is the flag
    that the model was called with; ``weights`` is how evaluate's came to be others.
    """
    names = _Names(
        metric,
        score.score.name if score.score else "the score",
        "fit's validation" if validation else "evaluate",
        f"fit's val_{metric}" if validation else f"evaluate's {metric}",
    )
    told = float(next(iter(score.values.values())))
    gap = told - wanted
    again = values.get(scoring.AGAIN)
    if again is None or not one_number(again, told):
        return Verdict(
            unexplained=1.0,
            reproduced=False,
            notes=(
                "No cause is confirmed: computed again from the same arrays the score is "
                f"{number(again)} instead of {number(told)}.",
            ),
        )
    excluded = []
    aligned = values.get(scoring.ALIGNED)
    causes = []
    with_others = values.get(scoring.WITH_OTHER_WEIGHTS)
    if with_others is None or weights is None:
        same = f"{names.it} and the predictions used the same weights"
        excluded = [Excluded("weights", same), Excluded("architecture", "one and the same model")]
    elif one_number(with_others, wanted):
        excluded = [Excluded("weights", f"{weights.detail}; with these, {names.its} is the same")]
    else:
        causes.append(
            part_of_gap(
                "weights", weights.mechanism, (with_others - wanted) / gap if gap else 0.0,
                weights.detail,
                f"{scoring.WITH_OTHER_WEIGHTS} {names.its} is {number(with_others)} (it was "
                f"{number(wanted)}, {names.function} {number(told)})",
            )
        )  # fmt: skip
        wanted = with_others
    left = told - wanted
    if aligned is not None and not one_number(aligned, told):
        share = (told - aligned) / gap if gap else 0.0
        id, detail = _order(values, source, names.it, reshuffled)
        causes.append(
            part_of_gap(
                mechanism(id).sources[0], id, share, detail,
                f"with the labels aligned to the rows of the predictions the score is "
                f"{number(aligned)} (it was {number(told)}, {names.its} is {number(wanted)})",
            )
        )  # fmt: skip
        left = aligned - wanted
    elif aligned is not None:
        excluded.append(Excluded("data-order", "labels and predictions are in the same order"))
    rest = aligned if aligned is not None else told
    inference = values.get(scoring.IN_INFERENCE)
    if inference is not None and not one_number(inference, rest):
        causes.append(_as_in_training(inference, rest, wanted, gap, names, training))
        rest, left = inference, inference - wanted
    on_own = values.get(scoring.OTHER_SAMPLES)
    others = _other_rows(values, told, wanted, names, score)
    own = values.get(scoring.OWN_INPUTS) if others is None else None
    if own is not None:  # the form of the inputs is a part of the gap
        rest, left = own, own - wanted
        if not one_number(own, told):
            share = (told - own) / gap if gap else 0.0
            causes.append(_other_form(own, told, wanted, share, names))
    if others is not None:
        causes.append(others)
        left = 0.0
    elif on_own is not None and own is None:
        unsettled = _other_samples(causes, on_own, rest, wanted, gap, aligned is not None, names)
        left = left if unsettled else 0.0
    elif not one_number(rest, wanted):
        share = left / gap if gap else 0.0
        cause = _measured(values, rest, wanted, share, names, score.score)
        if cause.status == CONFIRMED or abs(share) > 0.05:
            causes.append(cause)
            left = 0.0 if cause.status == CONFIRMED else left
    else:
        left = 0.0
    unexplained = abs(left / gap) if gap else 0.0
    notes: tuple[str, ...] = ()
    if unexplained > 0.05 and not any(c.status == SUSPECTED for c in causes):
        notes = (f"The rest is {HELD_BY_NOTHING}.",)
    return Verdict(
        tuple(sorted(causes, key=lambda c: (c.status != CONFIRMED, -abs(c.share or 0.0)))),
        tuple(excluded), (), min(unexplained, 1.0), True, notes,
    )  # fmt: skip


def _order(
    values: Mapping[str, float], source: str, it: str, reshuffled: bool | None
) -> tuple[str, str]:
    """How labels and predictions came to stand in different orders: mechanism and detail."""
    rows = "row i of the labels is not row i of the predictions"
    if scoring.OTHER_OUTPUT in values:
        return "labels-of-another-output", (
            "the labels that the score was given are those of another output of the model than "
            "the predictions"
        )
    moved = values.get(scoring.RELABELLED)
    if moved is not None:
        return "classes-numbered-otherwise", (
            f"the labels of the score name the classes in another order than those of {it}: "
            f"{int(moved)} classes have another number or name"
        )
    begins = values.get(scoring.BEGINS_AT)
    if begins is not None:
        return "generator-goes-on", (
            f"the predictions begin at row {int(begins)} of what {it} was given, and go on "
            f"from there: {rows}"
        )
    if source == "arrays" or reshuffled is False:
        return "labels-in-another-order", (
            f"the samples were predicted in another order than the labels stand in: {rows}"
        )
    passes = (
        "the source gives its rows in another order at every pass"
        if reshuffled
        else "a source that reshuffles gives another order at every pass"
    )
    return "labels-of-another-pass", (
        f"the labels stand in another order than the predictions, and {passes}: {rows}"
    )


def _other_rows(
    values: Mapping[str, float],
    told: float,
    wanted: float,
    names: _Names,
    score: MeasuringCall,
) -> Cause | None:
    """The cause where the score of evaluate's own samples or inputs is evaluate's number."""
    out, on_predicted = values.get(scoring.LEFT_OUT), values.get(scoring.ON_PREDICTED)
    if out is not None and on_predicted is not None:
        cause = _left_out(int(out), on_predicted, told, wanted, score, names)
        if cause is not None:
            return cause
    part, own = values.get(scoring.IN_PART), values.get(scoring.OWN_INPUTS)
    if part is not None and _reaches(part, wanted, told):
        return part_of_gap(
            "data-content", "evaluated-in-part", 1.0,
            f"{names.it} was given a part of the samples that were predicted",
            f"{names.function} {scoring.IN_PART} is {number(part)} (it was {number(told)}), "
            f"{names.its} {number(wanted)}",
        )  # fmt: skip
    if own is not None and _reaches(own, wanted, told):
        return _other_form(own, told, wanted, 1.0, names)
    return None


def _left_out(
    out: int, part: float, told: float, wanted: float, score: MeasuringCall, names: _Names
) -> Cause | None:
    """The cause where a loop predicted all but a few samples, if the score is then evaluate's."""
    seen = len(score.recipe.inputs.rows("x"))
    counted = part * seen / (seen + out)  # the others count as wrong
    if not _reaches(part, told, wanted) and not _reaches(counted, told, wanted):
        return None
    detail = f"{count(out, 'sample')} of {seen + out} {'was' if out == 1 else 'were'} not predicted"
    if not _reaches(part, told, wanted):
        detail += f", and count as wrong: the hits are divided by all {seen + out}"
    return part_of_gap(
        "data-content", "samples-in-no-batch", 1.0, detail,
        f"{names.metric} {scoring.ON_PREDICTED} is {number(part)}, on all {names.its} "
        f"{number(wanted)}, {names.function} {number(told)}",
    )  # fmt: skip


def _as_in_training(
    inference: float, told: float, wanted: float, gap: float, names: _Names, training: Any
) -> Cause:
    how = "with training=True" if training else "in a way in which layers act as in training"
    return part_of_gap(
        "mode", "training-flag" if training else "training-baked-in",
        (told - inference) / gap if gap else 0.0,
        f"the predictions were made by calling the model {how}, {names.it} runs it as in inference",
        f"{names.function} {scoring.IN_INFERENCE} is {number(inference)} (it was {number(told)}, "
        f"{names.its} is {number(wanted)})",
    )  # fmt: skip


def _other_form(own: float, told: float, wanted: float, share: float, names: _Names) -> Cause:
    return part_of_gap(
        "data-content", "input-in-another-form", share,
        f"the samples were predicted in another form than {names.it} was given them",
        f"{names.function} {scoring.OWN_INPUTS} is {number(own)} (it was {number(told)}), "
        f"{names.its} {number(wanted)}",
    )  # fmt: skip


def _other_samples(
    causes: list[Cause],
    on_own: float,
    rest: float,
    wanted: float,
    gap: float,
    aligned: bool,
    names: _Names,
) -> bool:
    """Add the cause that other samples were predicted than evaluated. True where that stays
    suspected: the labels of the predicted samples are not known, or evaluate's number is not
    reproduced on its own samples."""
    detail = "the predicted samples are not those that were evaluated: the source gave others"
    proven = aligned and abs(on_own - wanted) <= max(LEFT * abs(gap), SUMMED)
    if proven and abs(rest - wanted) <= max(SMALL * abs(gap), SUMMED):
        return False
    if proven:
        causes.append(
            part_of_gap("data-content", "other-samples-at-each-pass", (rest - wanted) / gap, detail,
                   f"{names.metric} is {number(on_own)} on the samples of {names.it} and "
                   f"{number(rest)} on "
                   "those that were predicted, each with its own label")
        )  # fmt: skip
        return False
    known = mechanism("other-samples-at-each-pass")
    causes.append(
        Cause("data-content", detail, SUSPECTED, "the labels of the predicted samples are not "
              "known, so their order cannot be checked", known.remedy, mechanism=known.id)
    )  # fmt: skip
    return True


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


def _measured(
    values: Mapping[str, float],
    rest: float,
    wanted: float,
    share: float,
    names: _Names,
    score: Score | None,
) -> Cause:
    """The rule that leads from the score ``rest`` to evaluate's number ``wanted``."""
    metric, function, its = names.metric, names.function, names.its
    done = score.transformation if score else ""
    if done == OF_ONE_COLUMN and _reaches(values.get(scoring.CUT_AT_HALF, math.nan), wanted, rest):
        return part_of_gap(
            "measurement", "argmax-of-one-column", share,
            f"{function} was given argmax of a single column, which is 0 for every sample",
            f"with the outputs cut at 0.5 {function} is {number(values[scoring.CUT_AT_HALF])}, "
            f"with argmax {number(rest)}",
        )  # fmt: skip
    for low, high, id, detail in (
        (scoring.CUT_AT_HALF, scoring.CUT_AT_ZERO, "threshold-on-logits",
         f"{its} calls an output above 0.5 positive, {function} was given outputs "
         "cut at 0: the outputs are logits"),
        (scoring.EACH_OUTPUT, scoring.BY_CLASS, "each-output-on-its-own",
         f"{its} judges each output on its own, {function} the class of the "
         "largest output"),
        (scoring.AMONG_LARGEST, scoring.BY_CLASS, "among-the-largest",
         f"{its} counts a sample as right if its class is among the largest outputs, "
         f"{function} only if it is the largest"),
    ):  # fmt: skip
        if low in values and high in values:
            one, other = values[low], values[high]
            if one_number(one, wanted) and one_number(other, rest):
                evidence = f"the same outputs: {low} {number(one)}, {high} {number(other)}"
                return part_of_gap("measurement", id, share, detail, evidence)
    for rule, (id, detail) in OF_EVALUATE.items():
        if rule in values and _reaches(values[rule], rest, wanted):
            evidence = f"{metric} {rule} is {number(values[rule])}, {function} {number(rest)}"
            return part_of_gap("measurement", id, share, detail.format(**names._asdict()), evidence)
    for rule in sorted(r for r in values if r.startswith(scoring.WITHOUT)):
        if _reaches(values[rule], rest, wanted):
            setting = rule.removeprefix(scoring.WITHOUT)
            return part_of_gap(
                "measurement", "setting-of-the-loss", share,
                f"{its} is computed with {setting}, {function} without",
                f"{metric} {rule} is {number(values[rule])}, {function} {number(rest)}",
            )  # fmt: skip
    for rule, (id, detail) in OF_SCORE.items():
        if rule in values and _reaches(values[rule], wanted, rest):
            evidence = f"{function} {rule} is {number(values[rule])}, {metric} {number(wanted)}"
            return part_of_gap("measurement", id, share, detail.format(**names._asdict()), evidence)
    if scoring.FROM_CLASSES in values and _reaches(values[scoring.FROM_CLASSES], rest, wanted):
        cut = f" ({done})" if done.startswith("threshold") else ""
        return part_of_gap(
            "measurement", "another-threshold", share,
            f"{function} was given outputs that were made classes{cut}, {its} makes "
            "classes of them by its own threshold",
            f"{metric} {scoring.FROM_CLASSES} is {number(values[scoring.FROM_CLASSES])}, "
            f"{function} {number(rest)}",
        )  # fmt: skip
    if "auc" in metric.lower() and _reaches(
        values.get(scoring.FINER_AUC, float("nan")), rest, wanted
    ):
        return part_of_gap(
            "measurement", "measured-by-another-rule", share,
            f"Keras computes {metric} from a few hundred thresholds, {function} from every output",
            f"{metric} {scoring.FINER_AUC} is {number(values[scoring.FINER_AUC])}, "
            f"{function} {number(rest)}",
        )  # fmt: skip
    known = mechanism("measured-by-another-rule")
    return Cause(
        "measurement", f"{metric} and {function} follow other rules", SUSPECTED,
        f"on the same rows in the same order {function} gives {number(rest)}, {names.it} "
        f"{number(wanted)}", known.remedy, mechanism=known.id,
    )  # fmt: skip


def _reaches(value: float, goal: float, start: float) -> bool:
    """Whether a rule leads from ``start`` to ``goal`` but for a small part of the way."""
    return abs(value - goal) <= max(LEFT * abs(goal - start), SUMMED * abs(goal))
