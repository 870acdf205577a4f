"""evaluate against a score computed from predictions: whose rule or order makes the gap."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from whydiff.core import scoring
from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded
from whydiff.core.transformations import cut_by
from whydiff.core.words import count, number
from whydiff.diagnosis.calls.fields.mode import BY_DEFAULT
from whydiff.diagnosis.calls.origins import Story
from whydiff.diagnosis.calls.pairs.scores import ONE_GENERATOR
from whydiff.diagnosis.calls.score_rules import EXACT, LEFT, Names, reaches, rules_between
from whydiff.diagnosis.calls.trials import SMALL
from whydiff.diagnosis.calls.verdict import (
    HELD_BY_NOTHING,
    SUMMED,
    Verdict,
    one_number,
    part_of_gap,
)
from whydiff.diagnosis.mechanisms import mechanism


@dataclass(frozen=True)
class Against:
    """What a score is held against, and how the predictions came about that it was computed from.

    ``wanted`` is the number that evaluate (or fit, of its ``validation``) gives for ``metric``.
    ``source`` is how the predicted samples were given ("arrays", "tf.data", ...); ``reshuffled``
    says whether it gave its rows in another order when they were predicted than when they were
    evaluated, None where that was not seen; ``training`` is the flag that the model was called
    with; ``weights`` is how evaluate's came to be others; ``threshold`` is where the metric cuts
    outputs, as it was compiled; ``without_flag`` is the mechanism by which layers run as in
    training where the model is called without a flag; ``outputs`` are called so, where the model
    has several; ``power`` makes the score the metric's quantity (2.0: its square); ``plain_loss``
    is how the script compiles the loss alone as a metric, "" where that is not known; ``head`` is
    what the single output of a sample is, where no cut at 0.5 tells a class of it.
    """

    metric: str
    wanted: float
    validation: bool = False
    source: str = ""
    reshuffled: bool | None = None
    training: object = None
    weights: Story | None = None
    threshold: float = 0.5
    without_flag: str = BY_DEFAULT
    outputs: tuple[str, ...] = ()
    power: float = 1.0
    plain_loss: str = ""
    head: str = ""


@dataclass(frozen=True)
class _Asked:
    """One question: the score's and evaluate's numbers under other rules, and what they are of."""

    values: Mapping[str, float]
    score: MeasuringCall
    against: Against
    names: Names


@dataclass(frozen=True)
class _Way:
    """How much of the way from the score to evaluate's number is explained.

    ``score`` and ``wanted`` are the two numbers without the parts that the causes explain, ``gap``
    is the whole way, ``open`` whether what lies between them is still unexplained.
    """

    score: float
    wanted: float
    gap: float
    causes: tuple[Cause, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    open: bool = True

    @property
    def unexplained(self) -> float:
        return abs(self.share(self.score - self.wanted)) if self.open else 0.0

    def share(self, part: float) -> float:
        return part / self.gap if self.gap else 0.0

    def because(self, *causes: Cause) -> _Way:
        return replace(self, causes=(*self.causes, *causes))

    def without(self, source: str, evidence: str) -> _Way:
        return replace(self, excluded=(*self.excluded, Excluded(source, evidence)))


def judge_score(values: Mapping[str, float], score: MeasuringCall, against: Against) -> Verdict:
    """The verdict from the score computed again under other rules; see replay's ``rescored``."""
    told = float(next(iter(score.values.values()))) ** against.power
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
    asked = _Asked(values, score, against, _names(score, against))
    way = _Way(told, against.wanted, told - against.wanted)
    for part in (_weights, _shape, _order, _flag, _noise, _form, _rest):
        way = part(way, asked)
    notes: tuple[str, ...] = ()
    if way.unexplained > LEFT and not any(c.status == SUSPECTED for c in way.causes):
        notes = (f"The rest is {HELD_BY_NOTHING}.",)
    return Verdict(
        tuple(sorted(way.causes, key=lambda c: (c.status != CONFIRMED, -abs(c.share or 0.0)))),
        way.excluded, (), min(way.unexplained, 1.0), True, notes,
    )  # fmt: skip


def _names(score: MeasuringCall, against: Against) -> Names:
    function = score.score.name if score.score else "the score"
    function = {2.0: f"{function} squared", 0.5: f"the root of {function}"}.get(
        against.power, function
    )
    if against.validation:
        its = f"fit's val_{against.metric}"
        names = Names(against.metric, function, "fit's validation", its)
    else:
        names = Names(against.metric, function, "evaluate", f"evaluate's {against.metric}")
    cut = _cut(score) or names.cut
    return names._replace(
        cut=cut, own_cut=number(against.threshold), plain_loss=against.plain_loss, head=against.head
    )


def _cut(score: MeasuringCall) -> str:
    """Where a script cut the outputs that it scored, "" where that is not known."""
    told = score.score
    measured = cut_by(told.transformation if told else "")
    return measured or _written(str(told.settings.get("formula", "")) if told else "")


def _written(formula: str) -> str:
    """The one number that a formula compares something with, "" where it first computes with that
    (``p - 0.2 > 0.3``) or compares more than once."""
    try:
        nodes = [*ast.walk(ast.parse(formula, mode="eval"))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    orders = [
        n
        for n in nodes
        if isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE)
    ]
    if len(orders) != 1 or len(orders[0].ops) > 1:
        return ""
    left, right = orders[0].left, orders[0].comparators[0]
    computes = any(isinstance(n, ast.BinOp | ast.UnaryOp) for n in ast.walk(left))
    cut = right.value if isinstance(right, ast.Constant) else None
    return "" if computes or not isinstance(cut, int | float) else str(cut)


def _weights(way: _Way, asked: _Asked) -> _Way:
    """What evaluate gives with the weights that the predictions were made with."""
    names, weights = asked.names, asked.against.weights
    with_others = asked.values.get(scoring.WITH_OTHER_WEIGHTS)
    if with_others is None or weights is None:
        same = f"{names.it} and the predictions used the same weights"
        return way.without("weights", same).without("architecture", "one and the same model")
    if one_number(with_others, way.wanted):
        return way.without("weights", f"{weights.detail}; with these, {names.its} is the same")
    cause = part_of_gap(
        "weights", weights.mechanism, way.share(with_others - way.wanted), weights.detail,
        f"{scoring.WITH_OTHER_WEIGHTS} {names.its} is {number(with_others)} (it was "
        f"{number(way.wanted)}, {names.function} {number(way.score)})",
    )  # fmt: skip
    return replace(way.because(cause), wanted=with_others)


def _shape(way: _Way, asked: _Asked) -> _Way:
    """What evaluate gives with its labels in the shape of the outputs."""
    shaped, names = asked.values.get(scoring.OWN_SHAPE), asked.names
    if shaped is None or one_number(shaped, way.wanted):
        return way
    cause = part_of_gap(
        "measurement", "shapes-broadcast", way.share(shaped - way.wanted),
        f"{names.its} is computed from labels of shape (n,) and outputs of shape (n, 1), each "
        "paired with each",
        f"{names.its} {scoring.OWN_SHAPE} is {number(shaped)} (it was {number(way.wanted)}, "
        f"{names.function} {number(way.score)})",
    )  # fmt: skip
    return replace(way.because(cause), wanted=shaped)


def _order(way: _Way, asked: _Asked) -> _Way:
    """What the score is with the label of each row that was predicted."""
    aligned = asked.values.get(scoring.ALIGNED)
    if aligned is None:
        return way
    if one_number(aligned, way.score):
        way = way.without("data-order", "labels and predictions are in the same order")
        return replace(way, score=aligned)
    id, detail = _how_ordered(asked)
    shift = asked.values.get(scoring.SHIFTED)
    cause = part_of_gap(
        mechanism(id).sources[0], id, way.share(way.score - aligned), detail,
        f"with the labels aligned to the rows of the predictions the score is {number(aligned)} "
        f"(it was {number(way.score)}, {asked.names.its} is {number(way.wanted)})",
    )  # fmt: skip
    if id == "classes-numbered-otherwise" and shift is not None:
        cause = replace(cause, remedy=_numbered_alike(shift))
    return replace(way.because(cause), score=aligned)


def _numbered_alike(shift: float) -> str:
    """The advice where one side's labels are the other's but for a number that is added to all."""
    return (
        f"Number the classes alike in both: {'subtract' if shift > 0 else 'add'} "
        f"{number(abs(shift))} {'from' if shift > 0 else 'to'} the labels of the score. Outputs of "
        "a model count from 0."
    )


def _how_ordered(asked: _Asked) -> tuple[str, str]:
    """How labels and predictions came to stand in different orders: mechanism and detail."""
    values, it, source = asked.values, asked.names.it, asked.against.source
    rows = "row i of the labels is not row i of the predictions"
    if scoring.OTHER_OUTPUT in values:
        return "labels-of-another-output", (
            "the labels that the score was given are those of another output of the model than "
            f"the predictions{_of_which(asked)}"
        )
    moved, shift = values.get(scoring.RELABELLED), values.get(scoring.SHIFTED)
    if shift is not None:
        return "classes-numbered-otherwise", (
            f"each label of the score is that of {it} {'plus' if shift > 0 else 'minus'} "
            f"{number(abs(shift))}: the two number the classes from another start"
        )
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
    if source == ONE_GENERATOR:
        return "generator-goes-on", (
            f"the predictions come from the generator that {it} had read, and go on from where "
            f"that stopped: {rows}"
        )
    columns = values.get(scoring.COLUMNS_MOVED)
    if columns is not None:
        return "columns-of-the-labels", (
            f"{int(columns)} columns of the labels that the score was given stand at other places "
            "than the outputs that they belong to"
        )
    here = source == "arrays" or asked.against.reshuffled is False
    other = values.get(scoring.OTHER_LABELS)
    if here and other is not None:
        return "other-labels", (
            f"the score was given other labels than {it}, in whatever order they stand: those of "
            f"{int(other)} samples differ"
        )
    if here:
        return "labels-in-another-order", (
            f"the samples were predicted in another order than the labels stand in: {rows}"
        )
    passes = (
        "the source gives its rows in another order at every pass"
        if asked.against.reshuffled
        else "a source that reshuffles gives another order at every pass"
    )
    return "labels-of-another-pass", (
        f"the labels stand in another order than the predictions, and {passes}: {rows}"
    )


def _of_which(asked: _Asked) -> str:
    """The names of the outputs that labels and predictions belong to."""
    told, names = asked.score.score, asked.against.outputs
    labels = int(asked.values[scoring.OTHER_OUTPUT])
    own = told.output if told else ""
    own = names[int(own)] if own.isdigit() and int(own) < len(names) else own
    known = labels < len(names) and own in names
    return f": labels of {names[labels]}, predictions of {own}" if known else ""


def _flag(way: _Way, asked: _Asked) -> _Way:
    """What the score is of predictions made as in inference."""
    inference, names = asked.values.get(scoring.IN_INFERENCE), asked.names
    if inference is None or one_number(inference, way.score):
        return way
    training = asked.against.training
    how = "with training=True" if training else "in a way in which layers act as in training"
    cause = part_of_gap(
        "mode", "training-flag" if training else asked.against.without_flag,
        way.share(way.score - inference),
        f"the predictions were made by calling the model {how}, {names.it} runs it as in inference",
        f"{names.function} {scoring.IN_INFERENCE} is {number(inference)} (it was "
        f"{number(way.score)}, {names.its} is {number(way.wanted)})",
    )  # fmt: skip
    return replace(way.because(cause), score=inference)


def _noise(way: _Way, asked: _Asked) -> _Way:
    """What the score is of predictions made with the random numbers that evaluate drew."""
    alike, names = asked.values.get(scoring.OWN_NOISE), asked.names
    if alike is None or one_number(alike, way.score):
        return way
    cause = part_of_gap(
        "noise", "noise-at-inference", way.share(way.score - alike),
        f"layers of the model draw random numbers in inference, too, others in {names.it} than for "
        "the predictions",
        f"{names.function} {scoring.OWN_NOISE} is {number(alike)} (it was {number(way.score)}, "
        f"{names.its} is {number(way.wanted)})",
    )  # fmt: skip
    return replace(way.because(cause), score=alike)


def _form(way: _Way, asked: _Asked) -> _Way:
    """What the score is of the samples that evaluate was given, in the form that it was given."""
    whole = _left_out(way, asked) or _in_part(way, asked)
    if whole is not None:
        return replace(way.because(whole), open=False)
    own, names = asked.values.get(scoring.OWN_INPUTS), asked.names
    if own is None or one_number(own, way.score):
        return way if own is None else replace(way, score=own)
    reached = reaches(own, way.wanted, way.score)
    cause = part_of_gap(
        "data-content", "input-in-another-form",
        way.share(way.score - (way.wanted if reached else own)),
        f"the samples were predicted in another form than {names.it} was given them",
        f"{names.function} {scoring.OWN_INPUTS} is {number(own)} (it was {number(way.score)}), "
        f"{names.its} {number(way.wanted)}",
    )  # fmt: skip
    return replace(way.because(cause), score=own, open=not reached)


def _left_out(way: _Way, asked: _Asked) -> Cause | None:
    """The cause where a loop predicted all but a few samples, if the score is then evaluate's."""
    left_out = asked.values.get(scoring.LEFT_OUT)
    part = asked.values.get(scoring.ON_PREDICTED)
    if left_out is None or part is None:
        return None
    out, seen = int(left_out), len(asked.score.recipe.inputs.rows("x"))
    wrong = not reaches(part, way.score, way.wanted)
    if wrong and not reaches(part * seen / (seen + out), way.score, way.wanted):
        return None
    detail = f"{count(out, 'sample')} of {seen + out} {'was' if out == 1 else 'were'} not predicted"
    if wrong:
        detail += f", and count as wrong: the hits are divided by all {seen + out}"
    names = asked.names
    return part_of_gap(
        "data-content", "samples-in-no-batch", way.share(way.score - way.wanted), detail,
        f"{names.metric} {scoring.ON_PREDICTED} is {number(part)}, on all {names.its} "
        f"{number(way.wanted)}, {names.function} {number(way.score)}",
    )  # fmt: skip


def _in_part(way: _Way, asked: _Asked) -> Cause | None:
    """The cause where evaluate saw a part of the samples, if the score of that part is its."""
    part, names = asked.values.get(scoring.IN_PART), asked.names
    if part is None or not reaches(part, way.wanted, way.score):
        return None
    return part_of_gap(
        "data-content", "evaluated-in-part", way.share(way.score - way.wanted),
        f"{names.it} was given a part of the samples that were predicted",
        f"{names.function} {scoring.IN_PART} is {number(part)} (it was {number(way.score)}), "
        f"{names.its} {number(way.wanted)}",
    )  # fmt: skip


def _rest(way: _Way, asked: _Asked) -> _Way:
    """What is left: other samples, or another rule for one metric."""
    on_own = asked.values.get(scoring.OTHER_SAMPLES)
    if not way.open:
        return way
    if on_own is not None and scoring.OWN_INPUTS not in asked.values:
        return _other_samples(way, on_own, asked)
    if one_number(way.score, way.wanted):
        return replace(way, open=False)
    share = way.share(way.score - way.wanted)
    told = asked.score.score
    causes = rules_between(
        asked.values, way.score, way.wanted, share, asked.names, told.transformation if told else ""
    )
    if all(cause.status == CONFIRMED for cause in causes):
        left = share - sum(cause.share or 0.0 for cause in causes)
        rest = replace(way, score=way.wanted + left * way.gap, open=abs(left) > EXACT)
        return rest.because(*causes)
    return way.because(*causes) if abs(share) > LEFT else way


def _other_samples(way: _Way, on_own: float, asked: _Asked) -> _Way:
    """Other samples were predicted than evaluated: suspected where the labels of the predicted
    samples are not known, or evaluate's number is not reproduced on its own samples."""
    id = "other-samples-at-each-pass"
    detail = "the predicted samples are not those that were evaluated: the source gave others"
    near = max(LEFT * abs(way.gap), SUMMED)
    if scoring.ALIGNED not in asked.values or abs(on_own - way.wanted) > near:
        return way.because(
            Cause("data-content", detail, SUSPECTED, "the labels of the predicted samples are not "
                  "known, so their order cannot be checked", mechanism(id).remedy, mechanism=id)
        )  # fmt: skip
    if abs(way.score - way.wanted) <= max(SMALL * abs(way.gap), SUMMED):
        return replace(way, open=False)
    cause = part_of_gap(
        "data-content", id, way.share(way.score - way.wanted), detail,
        f"{asked.names.metric} is {number(on_own)} on the samples of {asked.names.it} and "
        f"{number(way.score)} on those that were predicted, each with its own label",
    )  # fmt: skip
    return replace(way.because(cause), open=False)
