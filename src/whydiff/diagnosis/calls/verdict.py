"""What the hybrids of two measuring calls prove: causes, suspects ruled out, what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import (
    CONFIRMED,
    DIFFERS,
    IDENTICAL,
    SUSPECTED,
    UNKNOWN,
    Cause,
    Divergence,
    Excluded,
    Finding,
)
from whydiff.core.words import number, pair, percent
from whydiff.diagnosis.calls.fields import Compared
from whydiff.diagnosis.calls.fields.mode import IDLE
from whydiff.diagnosis.calls.results import OUTPUTS, WEIGHTS
from whydiff.diagnosis.calls.trials import SMALL, CallTrials
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.stats.ulp import APART, max_ulp

#: Relative difference up to which two ways of summing give one number.
SUMMED = 1e-5
HELD_BY_NOTHING = "held by nothing that is recorded"
#: Sources of which a call may hold more than is recorded: where a call cannot be reproduced from
#: what is, equal records rule them out no more.
MORE_THAN_RECORDED = frozenset({"noise", "architecture", "mode", "state", "arithmetic"})


#: The advice where it is not known what depends on the batches.
ONE_SIZE = "Measure both in batches of one size."


@dataclass(frozen=True)
class Verdict:
    """Causes (the largest share first), what is ruled out or unknown, and what stays unexplained.

    ``reproduced`` says whether both calls, run from their own fields, gave the same bits again.
    """

    causes: tuple[Cause, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    unknown: tuple[Excluded, ...] = ()
    unexplained: float = 0.0
    reproduced: bool = True
    notes: tuple[str, ...] = field(default_factory=tuple)


def judge(compared: Compared, trials: CallTrials) -> Verdict:
    """The verdict on two compared calls from their hybrids."""
    if trials.failure:
        return _abstained(compared, trials)
    causes: list[Cause] = []
    excluded: list[Excluded] = []
    unknown: list[Excluded] = []
    notes: list[str] = []
    shares = trials.shares()
    everything_rounds = trials.apart(trials.a, trials.b)[1]
    left, rounding = trials.unexplained()
    for found in compared.findings:
        if why := _not_told_apart(found, compared, trials):
            unknown.append(Excluded(found.source, why))
        elif why := _ruled_out(found, compared, trials):
            excluded.append(Excluded(found.source, why))
        elif why := _not_swapped(found, compared, trials):
            causes.append(_suspect(found, why))
        else:
            causes.append(
                _confirmed(_of_batches(found, everything_rounds, trials.metric), trials, shares)
            )
    causes = _sorted(causes, excluded)
    if left and rounding:
        notes.append(
            f"With all of these swapped {percent(left)} of the gap is left, no more than rounding."
            if not everything_rounds
            else "What is left is rounding."
        )
        left = left if everything_rounds else 0.0
    elif left > SMALL:
        notes.append(
            f"{percent(left)} of the gap is {HELD_BY_NOTHING}: with every recorded field of B "
            "swapped in, A's model still answers otherwise."
        )
    if everything_rounds and trials.whole:
        size = trials.apart(trials.a, trials.b)[0]
        notes.append(f"The whole gap is no more than rounding ({number(size)} relative).")
    notes += offset_note(causes)
    return Verdict(
        tuple(causes), tuple(excluded), tuple(unknown), left if math.isfinite(left) else 1.0,
        True, tuple(notes),
    )  # fmt: skip


def _not_told_apart(found: Finding, compared: Compared, trials: CallTrials) -> str:
    """Why nothing is known of a source by itself; "" where something is."""
    if found.status == UNKNOWN:
        return found.evidence
    if found.source in trials.refused:
        return ""
    if found.source in compared.structure[1:]:
        return f"{found.evidence}; swapped together with {compared.structure[0]}"
    if found.source in compared.tied[1:]:
        return f"{found.evidence}; it decides how often the model draws, and goes with the noise"
    return ""


def _ruled_out(found: Finding, compared: Compared, trials: CallTrials) -> str:
    """The evidence that a source makes no difference; "" where there is none."""
    if found.status == IDENTICAL:
        return found.evidence
    if found.source in trials.refused:
        return ""
    rounds = trials.apart(trials.a, trials.b)[1]
    if found.source not in compared.movable:
        left, rounding = trials.unexplained()
        if not trials.sources or not (left == 0.0 or (rounding and not rounds)):
            return ""
        what = "nothing" if left == 0.0 else "only rounding"
        return f"{found.evidence}; with all else swapped {what} is left"
    if found.source in trials.decided:
        other = trials.decided[found.source]
        return f"{found.evidence}; it acts with the {other} of one side only"
    if found.source in trials.rounded:
        return _rounds_otherwise(found, trials.rounded[found.source], trials.metric)
    if not trials.acts(found.source):
        return f"{found.evidence}; swapped, it changes not one bit"
    if trials.rounds(found.source) and not rounds:
        return _rounds_otherwise(found, trials.effect(found.source), trials.metric)
    return ""


def _rounds_otherwise(found: Finding, size: float, metric: str) -> str:
    if size == 0.0 and metric not in (OUTPUTS, WEIGHTS):  # other numbers moved, this one did not
        return f"{found.evidence}; swapped, {metric} stays what it is"
    return f"{found.evidence}; swapped, it changes the last digits only ({number(size)} relative)"


def _not_swapped(found: Finding, compared: Compared, trials: CallTrials) -> str:
    """Why no hybrid holds a source that differs; "" where one does."""
    if found.source in trials.refused:
        return f"it cannot be swapped: {trials.refused[found.source]}"
    return "it cannot be swapped" if found.source not in compared.movable else ""


def _of_batches(found: Finding, rounds: bool, metric: str) -> Finding:
    """What batches of another size are called by what they do: round otherwise, or more.

    That a metric moves does not yet say whether the answers do.
    """
    if found.source != "batch-size" or found.mechanism:
        return found
    if not rounds and metric not in (OUTPUTS, WEIGHTS):
        return replace(
            found, detail=f"{found.evidence}, and {metric} depends on it",
            remedy=ONE_SIZE,
        )  # fmt: skip
    known = mechanism("batch-size-rounding" if rounds else "rows-depend-on-their-batch")
    what = "sums are rounded otherwise" if rounds else (
        "the answer for a row depends on the other rows of its batch"
    )  # fmt: skip
    return replace(found, mechanism=known.id, remedy=known.remedy,
                   detail=f"{found.evidence}: {what}")  # fmt: skip


def _abstained(compared: Compared, trials: CallTrials) -> Verdict:
    """No cause is confirmed and no share is given: the control failed."""
    differing = [f for f in compared.findings if f.status == DIFFERS]
    idle = {f.source: why for f in differing if (why := _hardly(f, compared))}
    causes = [
        _suspect(f, "not proven, as no hybrid could be run")
        for f in differing
        if f.source not in idle
    ]
    unknown = [
        Excluded(f.source, idle.get(f.source, f.evidence))
        for f in compared.findings
        if f.status == UNKNOWN or f.source in idle
    ]
    ran = bool(trials.a.values or trials.a.outputs)
    more = "; something that was not recorded decides the result" if ran else ""
    unknown += [
        Excluded(f.source, f"{f.evidence}, as far as it was recorded{more}")
        for f in compared.findings
        if f.status == IDENTICAL and f.source in MORE_THAN_RECORDED
    ]  # fmt: skip
    excluded = [
        Excluded(f.source, f.evidence)
        for f in compared.findings
        if f.status == IDENTICAL and f.source not in MORE_THAN_RECORDED
    ]
    notes = [f"No cause is confirmed: {trials.failure}."]
    if not causes:
        notes.append(
            f"Every recorded field of the two calls is equal: the difference is {HELD_BY_NOTHING}. "
            "Look for numbers drawn outside keras.random, and for Python attributes, caches or "
            "counters that a layer's code changes."
        )
    return Verdict(tuple(causes), tuple(excluded), tuple(unknown), 1.0, False, tuple(notes))


def _hardly(found: Finding, compared: Compared) -> str:
    """Why a source that differs is no suspect where no hybrid was run; "" where it is one."""
    if found.source == "noise" and found.detail == IDLE:
        return found.detail
    others = {f.source for f in compared.findings if f.status == DIFFERS} - {found.source, "noise"}
    if found.source == "arithmetic" and others:
        return f"{found.evidence}; how far that moves the result was not measured"
    return ""


def _suspect(found: Finding, why: str) -> Cause:
    return Cause(
        found.source,
        found.detail or found.evidence,
        SUSPECTED,
        f"{found.evidence}; {why}",
        found.remedy,
        intended=found.intended,
        mechanism=found.mechanism,
    )


def _confirmed(found: Finding, trials: CallTrials, shares: dict[str, float]) -> Cause:
    alone, remaining = trials.alone(found.source), trials.remaining(found.source)
    return Cause(
        found.source,
        found.detail or found.evidence,
        CONFIRMED,
        f"{found.evidence}; {_seen(found.source, trials)}",
        found.remedy,
        share=shares.get(found.source),
        alone=alone,
        remaining=remaining,
        intended=found.intended,
        mechanism=found.mechanism,
    )


def _seen(source: str, trials: CallTrials) -> str:
    """What the hybrid gave, in numbers."""
    single = trials.hybrids.get(frozenset([source]))
    if single is None:
        return "swapped in, it changes the result"
    if trials.metric not in (OUTPUTS, WEIGHTS):
        a, b = (float(m.values.get(trials.metric, math.nan)) for m in (trials.a, trials.b))
        one, other = pair(a, b)
        value = number(float(single.values.get(trials.metric, math.nan)))
        return f"with only this from B, A's {trials.metric} is {value} (A {one}, B {other})"
    part = trials.alone(source)
    full = single.equals(trials.b)
    if full:
        return "with only this from B, A's call gives B's outputs bit for bit"
    return f"with only this from B, A's outputs move by {percent(part)} of the gap"


def _sorted(causes: Sequence[Cause], excluded: list[Excluded]) -> list[Cause]:
    """Confirmed causes by their share, suspects last; a tiny share beside larger ones is noise."""
    largest = max((abs(c.share) for c in causes if c.share is not None), default=0.0)
    kept = []
    for cause in causes:
        small = cause.share is not None and abs(cause.share) < SMALL <= largest
        left = 1.0 if cause.remaining is None else cause.remaining
        alone = abs(cause.alone or 0.0) < SMALL and abs(left - 1.0) < SMALL
        if small and alone:
            excluded.append(
                Excluded(cause.source, f"{cause.evidence}: less than {100 * SMALL:g} % of the gap")
            )
        else:
            kept.append(cause)
    return sorted(kept, key=lambda c: (c.status != CONFIRMED, -abs(c.share or 0.0)))


def part_of_gap(source: str, mechanism_id: str, share: float, detail: str, evidence: str) -> Cause:
    """A confirmed cause whose part of the gap was measured by itself: the parts add up."""
    return Cause(
        source, detail, CONFIRMED, evidence, mechanism(mechanism_id).remedy, share=share,
        alone=share, remaining=1.0 - share, mechanism=mechanism_id,
    )  # fmt: skip


def one_number(a: float, b: float) -> bool:
    """Whether two values of a metric are one number that was summed in another order."""
    return abs(a - b) <= SUMMED * max(abs(a), abs(b), 1e-12)


def offset_note(causes: Sequence[Cause]) -> tuple[str, ...]:
    """What shares beyond 0 to 100 % mean, where there are any."""
    if any(c.share is not None and not -0.02 <= c.share <= 1.02 for c in causes):
        return ("Shares beyond 0 to 100 % say that causes offset each other.",)
    return ()


def first_divergence(
    a: MeasuringCall, b: MeasuringCall, compared: Compared, trials: CallTrials | None
) -> Divergence:
    """The first thing that is unequal in the order in which a call uses it."""
    order = (
        ("weights", ("initialization", "weights")),
        ("batch", ("data-content", "data-order")),
        ("noise", ("noise",)),
    )
    differing = {f.source: f for f in compared.findings if f.status == DIFFERS}
    for phase, sources in order:
        one, other = (c.recipe.inputs.rows("x") for c in (a, b))
        if phase == "batch" and np.array_equal(one, other):
            continue  # a vocabulary that numbers equal words otherwise, or other labels
        hit = next((differing[s] for s in sources if s in differing), None)
        if hit is not None and (trials is None or trials.failure or trials.acts(hit.source)):
            # How far the results are apart is no size of what they were computed from.
            return Divergence(0, 0, phase, _where(phase, a, b))
    relative = None if trials is None else trials.apart(trials.a, trials.b)[0]
    if a.kind == "evaluate":
        return Divergence(0, 0, "metric", trials.metric if trials else "loss", None, relative)
    where = a.outputs[0].name if a.outputs else ""
    return Divergence(0, 0, "output", where, _ulp(trials), relative)


def _where(phase: str, a: MeasuringCall, b: MeasuringCall) -> str:
    if phase == "weights":
        theirs = {t.path: t.digest for t in b.recipe.weights}
        return next(
            (t.path for t in a.recipe.weights if theirs.get(t.path) != t.digest),
            a.recipe.weights[0].path if a.recipe.weights else "",
        )
    if phase == "noise":
        return a.recipe.noise[0].path if a.recipe.noise else "the global generator"
    leaves = a.recipe.inputs.of("x")
    return f"x {leaves[0].path}".strip() if leaves else "x"


def _ulp(trials: CallTrials | None) -> int | None:
    if trials is None or not trials.a.outputs or len(trials.a.outputs) != len(trials.b.outputs):
        return None
    found = max_ulp(trials.a.outputs[0], trials.b.outputs[0])
    return None if found is None or found == APART else int(found)


def named_more(verdict: Verdict, source: str, detail: str, mechanism_id: str = "") -> Verdict:
    """The verdict with more said about one cause, and its mechanism where one was recognised."""
    causes = []
    for cause in verdict.causes:
        if cause.source == source:
            known = mechanism(mechanism_id) if mechanism_id else None
            cause = replace(
                cause,
                detail=f"{cause.detail}; {detail}" if cause.detail else detail,
                mechanism=mechanism_id or cause.mechanism,
                remedy=known.remedy if known else cause.remedy,
            )
        causes.append(cause)
    return replace(verdict, causes=tuple(causes))


def fits_behind(a: MeasuringCall, b: MeasuringCall, verdict: Verdict) -> list[int]:
    """The two fits that left the weights by which two calls differ; [] where it is not that."""
    if not any(c.mechanism == "trained-apart" for c in verdict.causes):
        return []
    last = [max((o.fit or 0 for o in call.recipe.origins), default=0) for call in (a, b)]
    return last if all(last) and last[0] != last[1] else []
