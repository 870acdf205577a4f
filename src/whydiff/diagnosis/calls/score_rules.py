"""The rule by which a score of predictions and evaluate's metric differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from whydiff.core import scoring
from whydiff.core.findings import SUSPECTED, Cause
from whydiff.core.transformations import OF_ONE_COLUMN, TO_WHOLE
from whydiff.core.words import number
from whydiff.diagnosis.calls.heads import LOGITS, SOFTMAX_OF_ONE
from whydiff.diagnosis.calls.trials import SMALL
from whydiff.diagnosis.calls.verdict import SUMMED, one_number, part_of_gap
from whydiff.diagnosis.mechanisms import mechanism

#: A rule explains a gap if it leaves less than this part of it.
LEFT = 0.05
#: It leads all the way where sums in another order or a clipped logarithm are all that is left.
EXACT = 1e-3
#: evaluate's metric by another rule: what evaluate does, and what the score does instead.
OF_EVALUATE = {
    scoring.IN_ONE_BATCH: (
        "metric-averaged-over-batches",
        "{its} is a mean over batches, {function} was computed over all samples",
    ),
    scoring.AS_PREDICTED: (
        "rows-depend-on-their-batch",
        "the answer for a sample depends on the others of its batch, and {it} and predict cut them "
        "into other batches",
    ),
    scoring.UNWEIGHTED: (
        "sample-weights-in-one",
        "{it} weights the samples, {function} counts each once",
    ),
    scoring.UNMASKED: (
        "steps-under-a-mask",
        "{it} leaves out the steps that a mask covers, {function} counts them",
    ),
    scoring.NONZERO: (
        "labels-of-zero",
        "{its} divides by the label, by a tiny number where that is 0; {function} leaves those out",
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
    **dict.fromkeys(
        (scoring.FROM_HALF, scoring.FROM_ZERO),
        (
            "another-threshold",
            "{function} was given outputs {made}, {its} cuts them at {own_cut}",
        ),
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
        "{its} calls an output above 0.5 positive, {function} one above 0: the outputs are logits",
    ),
    (
        scoring.EACH_OUTPUT,
        scoring.BY_CLASS,
        "each-output-on-its-own",
        "{its} judges each output on its own, {function} the class of the largest output",
    ),
    (
        scoring.EACH_OUTPUT,
        scoring.ALL_OUTPUTS,
        "all-outputs-at-once",
        "{its} counts each output, {function} a sample only where all of its outputs are right",
    ),
    (
        scoring.LARGEST_OF_BOTH,
        scoring.ALL_OUTPUTS,
        "largest-of-several-labels",
        "{its} compares the largest output with the first label that is 1, {function} counts a "
        "sample only where all of its outputs are right",
    ),
    (
        scoring.LARGEST_OF_BOTH,
        scoring.EACH_OUTPUT,
        "largest-of-several-labels",
        "{its} compares the largest output with the first label that is 1, {function} counts each "
        "output",
    ),
    (
        scoring.AMONG_LARGEST,
        scoring.BY_CLASS,
        "among-the-largest",
        "{its} counts a sample as right if its class is among the largest outputs, {function} only "
        "if it is the largest",
    ),
    *(
        (
            scoring.EQUAL,
            rule,
            "outputs-equal-to-the-label",
            "{its} counts outputs that are equal to the label, {function} the class that they say",
        )
        for rule in (scoring.BY_CLASS, scoring.CUT_AT_HALF, scoring.CUT_AT_ZERO)
    ),
)


#: Where it is not known where a script cuts outputs, or whether it does.
ANY_CUT = "another threshold"
#: The rule by which a score is computed from outputs that are cut where the metric cuts them.
_CUTS = {"0.5": scoring.FROM_HALF, "0": scoring.FROM_ZERO}


_AT_ZERO = "keras.metrics.BinaryAccuracy(threshold=0.0)"


class Names(NamedTuple):
    """What texts call the metric, the score's function, who measured the metric, and its number."""

    metric: str
    function: str
    it: str  # "evaluate" | "fit's validation"
    its: str  # "evaluate's accuracy" | "fit's val_accuracy"
    cut: str = ANY_CUT  # where the script cut the outputs that it scored
    own_cut: str = "0.5"  # where the metric cuts them
    plain_loss: str = ""  # how the script compiles the loss alone as a metric
    head: str = ""  # see :func:`whydiff.diagnosis.calls.heads.head_of`

    @property
    def made(self) -> str:
        """What the script did to the outputs that it scored: it cut or rounded them."""
        return self.cut if TO_WHOLE in self.cut else f"cut at {self.cut}"


class _Rule(NamedTuple):
    """A rule that leads from one of the two numbers to the other, but for the part ``left``."""

    mechanism: str
    detail: str
    evidence: str
    remedy: str = ""  # that of the mechanism if ""
    left: float = 0.0


class _Rules(NamedTuple):
    """Rules that together lead from one number to the other, each with the part of the way that it
    was seen to make; ``left`` is the part that none makes."""

    parts: tuple[tuple[_Rule, float], ...]
    left: float


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
    confirmed where it leads from the one number to the other, alone or together with others: a
    penalty is added to a loss, whatever else makes it another. One that leads all the way comes
    before those that leave a small part of it, which stays unexplained. Where none does, that the
    rules differ is suspected.
    """
    found = list(_alone_or_together(values, told, wanted, names, transformation))
    exact = next((rules for rules in found if abs(rules.left) <= EXACT), None)
    if exact is not None:
        return tuple(_cause(rule, share * part) for rule, part in exact.parts)
    averaged = next(_of_largest(values, told, wanted, share, names), ())
    if averaged:
        return averaged
    if found:
        nearest = min(found, key=lambda rules: (len(rules.parts), abs(rules.left)))
        return tuple(_cause(rule, share * part) for rule, part in nearest.parts)
    known = mechanism("measured-by-another-rule")
    return (Cause(
        "measurement", f"{names.metric} and {names.function} follow other rules", SUSPECTED,
        f"on the same rows in the same order {names.function} gives {number(told)}, {names.it} "
        f"{number(wanted)}", known.remedy, mechanism=known.id,
    ),)  # fmt: skip


def _alone_or_together(
    values: Mapping[str, float], told: float, wanted: float, names: Names, transformation: str
) -> Iterator[_Rules]:
    """The rules that lead from one number to the other, those alone first, then two of evaluate's,
    then those beside a penalty."""
    for rule in _rules(values, told, wanted, names, transformation):
        yield _Rules(((rule, 1.0 - _whole(rule.left)),), rule.left)
    yield from _two(values, told, wanted, names)
    plain = values.get(scoring.UNREGULARIZED)
    if plain is None or one_number(plain, wanted) or one_number(plain, told):
        return
    penalty, without = wanted - plain, f"{names.metric} {scoring.UNREGULARIZED}"
    reduced = {
        rule: value - penalty * (rule in OF_EVALUATE or scoring.WITHOUT in rule)
        for rule, value in values.items()
        if rule != scoring.UNREGULARIZED
    }
    id, detail = OF_EVALUATE[scoring.UNREGULARIZED]
    evidence = f"{without} is {number(plain)}, with it {number(wanted)}"
    advice = _as_a_metric(names)
    penalized = _Rule(id, detail.format(**names._asdict()), evidence, advice)
    rest = (told - plain) / (told - wanted)
    of_plain = names._replace(metric=f"{without},")
    for rules in _alone_or_together(reduced, told, plain, of_plain, transformation):
        others = tuple((rule, part * rest) for rule, part in rules.parts)
        yield _Rules((*others, (penalized, 1.0 - rest)), rules.left * rest)


def _two(values: Mapping[str, float], told: float, wanted: float, names: Names) -> Iterator[_Rules]:
    """Two rules of evaluate's metric that together lead to the score, or two of the score's that
    together lead to evaluate's number, each with what it moves on average over both orders."""
    for both, value in values.items():
        one, _, other = both.partition(scoring.TOGETHER)
        of_score = one in OF_SCORE
        if of_score and other in _CUTS.values() and other != _CUTS.get(names.own_cut):
            continue
        start, goal = (told, wanted) if of_score else (wanted, told)
        left = _left(value, goal, start)
        if not other or not abs(left) <= LEFT:
            continue
        moves = [values.get(rule, math.nan) - start for rule in (one, other)]
        if any(math.isnan(move) for move in moves):
            continue
        apart = value - start - sum(moves)  # what they move together only
        if of_score:
            evidence = f"{names.function} {both} is {number(value)}, {names.its} {number(wanted)}"
            rules = [_of_score(rule, values, told, names, evidence) for rule in (one, other)]
        else:
            evidence = f"{names.metric} {both} is {number(value)}, {names.function} {number(told)}"
            rules = [_of_setting(rule, names, evidence) for rule in (one, other)]
        parts = [(move + apart / 2) / (goal - start) for move in moves]
        yield _Rules(tuple(zip(rules, parts, strict=True)), left)


def _of_score(
    rule: str, values: Mapping[str, float], told: float, names: Names, evidence: str
) -> _Rule:
    """A rule that makes evaluate's number of the score."""
    id, detail = OF_SCORE[rule]
    if rule in _CUTS.values() and names.cut == ANY_CUT:
        as_they_are = values.get(scoring.SAME_SHAPE, told)
        if one_number(values.get(scoring.EQUAL, math.nan), as_they_are):
            return _Rule(
                "outputs-equal-to-the-label",
                f"{names.function} counts outputs that are equal to the label, {names.its} cuts "
                f"them at {names.own_cut}",
                evidence,
                f"Make classes of the outputs first: (model.predict(x) > {names.own_cut}).ravel() "
                "== y.",
            )
        detail = "{function} makes other classes of the outputs than {its}, which cuts them at " + (
            names.own_cut
        )
    return _Rule(id, detail.format(**names._asdict(), made=names.made), evidence)


def _of_setting(rule: str, names: Names, evidence: str) -> _Rule:
    """A rule of evaluate's metric that the score does not follow: one that is known, or a setting
    of the loss."""
    if rule in OF_EVALUATE:
        id, detail = OF_EVALUATE[rule]
        advice = _as_a_metric(names) if rule == scoring.UNREGULARIZED else ""
        return _Rule(id, detail.format(**names._asdict()), evidence, advice)
    setting = rule.removeprefix(scoring.WITHOUT)
    detail = f"{names.its} is computed with {setting}, {names.function} without"
    return _Rule("setting-of-the-loss", detail, evidence, _as_a_metric(names))


def _as_a_metric(names: Names) -> str:
    """How to see the loss without what it contains besides, "" where its function is not known."""
    if not names.plain_loss:
        return ""
    metric = f"metrics=[{names.plain_loss}]"
    return f"Compile the plain loss as a metric as well ({metric}), and compare that."


def _of_largest(
    values: Mapping[str, float], told: float, wanted: float, share: float, names: Names
) -> Iterator[tuple[Cause, ...]]:
    """The two causes where a metric that cuts every output at a threshold, and averages over
    classes in one way, is held against a score of the largest output that averages in another."""
    largest = values.get(scoring.LARGEST_ONLY, math.nan)
    for average in scoring.AVERAGED:
        if one_number(values.get(average, math.nan), largest):
            part = share * (told - largest) / (told - wanted)
            cut = _Rule(
                "another-threshold",
                f"{names.its} cuts every output at {names.own_cut}, {names.function} was given the "
                "class of the largest output",
                f"{names.metric} {scoring.LARGEST_ONLY} is {number(largest)}, cut at "
                f"{names.own_cut} {number(wanted)}",
                f"Give the metric what the score was given: one-hot rows of the largest output, or "
                f"the outputs cut at {names.own_cut} to {names.function}.",
            )
            rule = _averaged(average, names, largest, told)
            both = (_cause(rule, part), _cause(cut, share - part))
            yield tuple(c for c in both if abs(c.share or 0.0) >= SMALL)


def _averaged(average: str, names: Names, value: float, told: float) -> _Rule:
    """The rule that evaluate's metric averages over classes in this way, and the score does not."""
    id, detail = OF_SCORE[average]
    return _Rule(
        id,
        detail.format(**names._asdict()),
        f"{names.function} {average} is {number(value)}, as the script has it {number(told)}",
        "Average over the classes alike in both: "
        f"{names.function}(..., average={average.split()[0]!r}).",
    )


def _cause(rule: _Rule, share: float) -> Cause:
    sources = mechanism(rule.mechanism).sources
    source = "measurement" if "measurement" in sources else sources[0]
    cause = part_of_gap(source, rule.mechanism, share, rule.detail, rule.evidence)
    return replace(cause, remedy=rule.remedy or cause.remedy)


def _rules(
    values: Mapping[str, float], told: float, wanted: float, names: Names, transformation: str
) -> Iterator[_Rule]:
    """Every rule that leads from one number to the other, the most particular first."""
    metric, function, its = names.metric, names.function, names.its
    words = names._asdict()

    def by(rule: str) -> float:
        return values.get(rule, math.nan)

    def of_metric(rule: str) -> str:
        return f"{metric} {rule} is {number(by(rule))}, {function} {number(told)}"

    def to_told(rule: str) -> float:
        return _left(by(rule), told, wanted)

    def to_wanted(rule: str) -> float:
        return _left(by(rule), wanted, told)

    cut = _CUTS.get(names.own_cut, "")
    blind = transformation == OF_ONE_COLUMN or one_number(by(scoring.WHATEVER), told)
    if blind and abs(to_wanted(cut)) <= LEFT:
        found = _of_one_column(cut, by(cut), told, names, transformation == OF_ONE_COLUMN)
        yield found._replace(left=to_wanted(cut))
    for one, other, id, detail in OF_BOTH:
        if one_number(by(one), wanted) and one_number(by(other), told):
            values_by = f"{one} {number(by(one))}, {other} {number(by(other))}"
            yield _Rule(id, detail.format(**words), f"the same outputs: {values_by}")
    known = values.keys() - OF_EVALUATE.keys()
    settings = sorted(
        r for r in known if r.startswith(scoring.WITHOUT) and scoring.TOGETHER not in r
    )
    for rule in (*OF_EVALUATE, *settings):
        if abs(to_told(rule)) <= LEFT:
            found = _of_setting(rule, names, of_metric(rule))
            yield found._replace(left=to_told(rule))
    others = {*_CUTS.values()} - {cut}
    for rule in (rule for rule in OF_SCORE if rule not in others):
        if abs(to_wanted(rule)) <= LEFT:
            evidence = f"{function} {rule} is {number(by(rule))}, {metric} {number(wanted)}"
            found = _of_score(rule, values, told, names, evidence)
            if rule in scoring.AVERAGED:
                found = found._replace(remedy=_averaged(rule, names, wanted, told).remedy)
            yield found._replace(left=to_wanted(rule))
    percentage = "percentage" in metric or "mape" in metric
    if percentage and one_number(100 * told, wanted):
        yield _Rule(
            "other-units",
            f"{function} is a part of 1, {its} a percentage",
            f"100 times {number(told)} is {number(100 * told)}, {metric} {number(wanted)}",
            f"Multiply {function} by 100.",
        )
    cuts = names.cut != names.own_cut and TO_WHOLE not in names.cut  # what is rounded is no class
    if cuts and abs(to_told(scoring.FROM_CLASSES)) <= LEFT:
        yield _Rule(
            "another-threshold",
            f"{function} was given outputs {names.made}, {its} cuts them at {names.own_cut}",
            of_metric(scoring.FROM_CLASSES),
            left=to_told(scoring.FROM_CLASSES),
        )
    if "auc" in metric.lower() and abs(to_told(scoring.AUC_OF_LOGITS)) <= LEFT:
        yield _Rule(
            "auc-of-logits",
            f"{its} takes the outputs for probabilities: all below 0, and all above 1, are one to "
            f"it; they are logits, and {function} only needs their order",
            of_metric(scoring.AUC_OF_LOGITS),
            left=to_told(scoring.AUC_OF_LOGITS),
        )
    elif "auc" in metric.lower() and abs(to_told(scoring.FINER_AUC)) <= LEFT:
        yield _Rule(
            "measured-by-another-rule",
            f"Keras computes {metric} from a few hundred thresholds, {function} from every output",
            of_metric(scoring.FINER_AUC),
            left=to_told(scoring.FINER_AUC),
        )


def _of_one_column(rule: str, value: float, told: float, names: Names, given: bool) -> _Rule:
    """The rule that a score takes the largest of a single output, or was ``given`` it, with what to
    do for this head."""
    takes = "was given" if given else "takes"
    detail = f"{names.function} {takes} argmax of a single column, which is 0 for every sample"
    advice = ""
    if names.head == SOFTMAX_OF_ONE:
        detail += "; the column itself is 1 for every sample, as a softmax over one unit always is"
        advice = (
            "Give the last layer activation='sigmoid' (softmax needs a unit per class), and cut "
            "its column: (model.predict(x) > 0.5).astype(int).ravel()."
        )
    elif names.head == LOGITS:
        metric = f" To have {names.its} cut them there as well, compile {_AT_ZERO}."
        advice = (
            "Cut the column at 0, the middle of logits: (model.predict(x) > 0).astype(int).ravel()."
            + metric * (rule != scoring.FROM_ZERO)
        )
    evidence = f"{rule} {names.function} is {number(value)}, of the column's argmax {number(told)}"
    return _Rule("argmax-of-one-column", detail, evidence, advice)


def _left(value: float, goal: float, start: float) -> float:
    """What is left of the way from ``start`` to ``goal`` at ``value``, as a part of it; 0 where
    that is how sums round, NaN where nothing is known."""
    if abs(value - goal) <= SUMMED * abs(goal):
        return 0.0
    return (goal - value) / (goal - start) if goal != start else math.nan


def _whole(left: float) -> float:
    """What is left of a way, where that is more than rounding."""
    return left if abs(left) > EXACT else 0.0


def reaches(value: float, goal: float, start: float) -> bool:
    """Whether a rule leads from ``start`` to ``goal`` but for a small part of the way."""
    return abs(value - goal) <= max(LEFT * abs(goal - start), SUMMED * abs(goal))
