"""The rule by which a score of predictions and evaluate's metric differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from whydiff.core import scoring
from whydiff.core.findings import SUSPECTED, Cause
from whydiff.core.transformations import OF_ONE_COLUMN
from whydiff.core.words import number
from whydiff.diagnosis.calls.verdict import SUMMED, one_number, part_of_gap
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
    scoring.EVERY_ROW: (
        "mean-of-unequal-batches",
        "{function} is a mean over batches of unequal sizes, which counts each batch alike",
    ),
    scoring.EXCHANGED: (
        "labels-and-predictions-exchanged",
        "{function} was given the predictions as its labels and the labels as its predictions",
    ),
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
        "{function} was given outputs cut at {cut}, {its} cuts them at {own_cut}",
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
#: Two rules for one metric on the same outputs: evaluate's, the score's, and what they do.
OF_BOTH = (
    (
        scoring.CUT_AT_HALF,
        scoring.CUT_AT_ZERO,
        "threshold-on-logits",
        "{its} calls an output above 0.5 positive, {function} was given outputs cut at 0: the "
        "outputs are logits",
    ),
    (
        scoring.EACH_OUTPUT,
        scoring.BY_CLASS,
        "each-output-on-its-own",
        "{its} judges each output on its own, {function} the class of the largest output",
    ),
    (
        scoring.AMONG_LARGEST,
        scoring.BY_CLASS,
        "among-the-largest",
        "{its} counts a sample as right if its class is among the largest outputs, {function} only "
        "if it is the largest",
    ),
)


class Names(NamedTuple):
    """What texts call the metric, the score's function, who measured the metric, and its number."""

    metric: str
    function: str
    it: str  # "evaluate" | "fit's validation"
    its: str  # "evaluate's accuracy" | "fit's val_accuracy"
    cut: str = "another threshold"  # where the script cut the outputs that it scored
    own_cut: str = "0.5"  # where the metric cuts them


class _Rule(NamedTuple):
    """A rule that leads from one of the two numbers to the other."""

    mechanism: str
    detail: str
    evidence: str


def rules_between(
    values: Mapping[str, float],
    told: float,
    wanted: float,
    share: float,
    names: Names,
    transformation: str,
) -> tuple[Cause, ...]:
    """The causes of the gap between the score ``told`` and evaluate's number ``wanted``.

    ``values`` are both numbers by other rules (``core.scoring``), ``transformation`` what the
    script did to the outputs before it scored them, ``share`` the part of the whole gap. A rule is
    confirmed where it leads from the one number to the other, alone or beside the regularization:
    a penalty is added to a loss, whatever else makes it another. Where none does, that the rules
    differ is suspected.
    """
    found = next(_rules(values, told, wanted, names, transformation), None)
    if found is not None:
        return (_cause(found, share),)
    plain = values.get(scoring.UNREGULARIZED)
    if plain is not None and not one_number(plain, wanted):
        penalty, without = wanted - plain, f"{names.metric} {scoring.UNREGULARIZED}"
        reduced = {
            rule: value - penalty * (rule in OF_EVALUATE or rule.startswith(scoring.WITHOUT))
            for rule, value in values.items()
            if rule != scoring.UNREGULARIZED
        }
        of_plain = names._replace(metric=f"{without},")
        found = next(_rules(reduced, told, plain, of_plain, transformation), None)
        if found is not None:
            part = share * (told - plain) / (told - wanted)
            id, detail = OF_EVALUATE[scoring.UNREGULARIZED]
            evidence = f"{without} is {number(plain)}, with it {number(wanted)}"
            penalized = _Rule(id, detail.format(**names._asdict()), evidence)
            return _cause(found, part), _cause(penalized, share - part)
    known = mechanism("measured-by-another-rule")
    return (Cause(
        "measurement", f"{names.metric} and {names.function} follow other rules", SUSPECTED,
        f"on the same rows in the same order {names.function} gives {number(told)}, {names.it} "
        f"{number(wanted)}", known.remedy, mechanism=known.id,
    ),)  # fmt: skip


def _cause(rule: _Rule, share: float) -> Cause:
    return part_of_gap("measurement", rule.mechanism, share, rule.detail, rule.evidence)


def _rules(
    values: Mapping[str, float], told: float, wanted: float, names: Names, transformation: str
) -> Iterator[_Rule]:
    """Every rule that leads from one number to the other, the most particular first."""
    metric, function, _, its, *_ = names
    words = names._asdict()

    def by(rule: str) -> float:
        return values.get(rule, math.nan)

    def of_metric(rule: str) -> str:
        return f"{metric} {rule} is {number(by(rule))}, {function} {number(told)}"

    if transformation == OF_ONE_COLUMN and reaches(by(scoring.CUT_AT_HALF), wanted, told):
        yield _Rule(
            "argmax-of-one-column",
            f"{function} was given argmax of a single column, which is 0 for every sample",
            f"with the outputs cut at 0.5 {function} is {number(by(scoring.CUT_AT_HALF))}, "
            f"with argmax {number(told)}",
        )
    for one, other, id, detail in OF_BOTH:
        if one_number(by(one), wanted) and one_number(by(other), told):
            values_by = f"{one} {number(by(one))}, {other} {number(by(other))}"
            yield _Rule(id, detail.format(**words), f"the same outputs: {values_by}")
    for rule, (id, detail) in OF_EVALUATE.items():
        if reaches(by(rule), told, wanted):
            yield _Rule(id, detail.format(**words), of_metric(rule))
    for rule in sorted(r for r in values if r.startswith(scoring.WITHOUT)):
        if reaches(by(rule), told, wanted):
            setting = rule.removeprefix(scoring.WITHOUT)
            detail = f"{its} is computed with {setting}, {function} without"
            yield _Rule("setting-of-the-loss", detail, of_metric(rule))
    for rule, (id, detail) in OF_SCORE.items():
        if reaches(by(rule), wanted, told):
            evidence = f"{function} {rule} is {number(by(rule))}, {metric} {number(wanted)}"
            yield _Rule(id, detail.format(**words), evidence)
    if reaches(by(scoring.FROM_CLASSES), told, wanted):
        yield _Rule(
            "another-threshold",
            f"{function} was given outputs cut at {names.cut}, {its} cuts them at {names.own_cut}",
            of_metric(scoring.FROM_CLASSES),
        )
    if "auc" in metric.lower() and reaches(by(scoring.FINER_AUC), told, wanted):
        yield _Rule(
            "measured-by-another-rule",
            f"Keras computes {metric} from a few hundred thresholds, {function} from every output",
            of_metric(scoring.FINER_AUC),
        )


def reaches(value: float, goal: float, start: float) -> bool:
    """Whether a rule leads from ``start`` to ``goal`` but for a small part of the way."""
    return abs(value - goal) <= max(LEFT * abs(goal - start), SUMMED * abs(goal))
