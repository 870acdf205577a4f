"""evaluate against a score computed from predictions: whose rule or order makes the gap."""

from __future__ import annotations

from collections.abc import Mapping

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded
from whydiff.core.words import number
from whydiff.diagnosis.calls.verdict import HELD_BY_NOTHING, Verdict
from whydiff.diagnosis.mechanisms import mechanism

#: Relative difference up to which two ways of summing give one number.
ROUNDING = 1e-5
AGAIN = "again"
ALIGNED = "labels in the order of the predictions"
CUT_AT_HALF, CUT_AT_ZERO = "outputs cut at 0.5", "outputs cut at 0"


def judge_score(
    values: Mapping[str, float], evaluate: MeasuringCall, score: MeasuringCall, metric: str
) -> Verdict:
    """The verdict from the score computed again under other rules; see replay's ``rescored``."""
    wanted, told = float(evaluate.values[metric]), float(next(iter(score.values.values())))
    gap = told - wanted
    again = values.get(AGAIN)
    if again is None or not _close(again, told):
        return Verdict(
            unexplained=1.0,
            reproduced=False,
            notes=(
                "No cause is confirmed: computed again from the same arrays the score is "
                f"{number(again)} instead of {number(told)}.",
            ),
        )
    excluded = [
        Excluded("weights", "evaluate and the predictions used the same weights"),
        Excluded("architecture", "one and the same model"),
    ]
    aligned = values.get(ALIGNED)
    causes = []
    left = gap
    if aligned is not None and not _close(aligned, told):
        share = (told - aligned) / gap if gap else 0.0
        causes.append(
            _cause(
                "data-order", "labels-of-another-pass", share,
                "labels and predictions come from two passes over a source that reshuffles: row i "
                "of the labels is not row i of the predictions",
                f"with the labels aligned to the rows of the predictions the score is "
                f"{number(aligned)} (it was {number(told)}, evaluate says {number(wanted)})",
            )
        )  # fmt: skip
        left = aligned - wanted
    elif aligned is not None:
        excluded.append(Excluded("data-order", "labels and predictions are in the same order"))
    function = score.score.function.rpartition(".")[2] if score.score else "the score"
    rest = aligned if aligned is not None else told
    if not _close(rest, wanted):
        share = left / gap if gap else 0.0
        cause = _measured(values, rest, wanted, share, function, metric)
        if cause.status == CONFIRMED or abs(share) > 0.05:
            causes.append(cause)
            left = 0.0 if cause.status == CONFIRMED else left
    else:
        left = 0.0
    unexplained = abs(left / gap) if gap else 0.0
    notes: tuple[str, ...] = ()
    if unexplained > 0.05 and not any(c.source == "measurement" for c in causes):
        notes = (f"The rest is {HELD_BY_NOTHING}.",)
    return Verdict(
        tuple(sorted(causes, key=lambda c: (c.status != CONFIRMED, -abs(c.share or 0.0)))),
        tuple(excluded), (), min(unexplained, 1.0), True, notes,
    )  # fmt: skip


def _measured(
    values: Mapping[str, float],
    rest: float,
    wanted: float,
    share: float,
    function: str,
    metric: str,
) -> Cause:
    half, zero = values.get(CUT_AT_HALF), values.get(CUT_AT_ZERO)
    if half is not None and zero is not None and _close(half, wanted) and _close(zero, rest):
        return _cause(
            "measurement", "threshold-on-logits", share,
            f"evaluate's {metric} calls an output above 0.5 positive, {function} was given "
            "outputs cut at 0: the outputs are logits",
            f"the same outputs cut at 0.5 give {number(half)}, cut at 0 {number(zero)}",
        )  # fmt: skip
    known = mechanism("measured-by-another-rule")
    for rule, value in values.items():
        if rule not in (AGAIN, ALIGNED) and _close(value, wanted):
            return _cause(
                "measurement", known.id, share,
                f"{metric} and {function} follow other rules",
                f"from the same outputs, {rule}, one gets evaluate's {number(wanted)}",
            )  # fmt: skip
    return Cause(
        "measurement", f"{metric} and {function} follow other rules", SUSPECTED,
        f"on the same rows in the same order {function} gives {number(rest)}, evaluate "
        f"{number(wanted)}", known.remedy, mechanism=known.id,
    )  # fmt: skip


def _cause(source: str, id: str, share: float, detail: str, evidence: str) -> Cause:
    return Cause(source, detail, CONFIRMED, evidence, mechanism(id).remedy, share=share,
                 alone=share, remaining=1.0 - share, mechanism=id)  # fmt: skip


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= ROUNDING * max(abs(a), abs(b), 1e-12)
