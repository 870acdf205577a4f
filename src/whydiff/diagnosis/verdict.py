"""What the hybrids prove: each finding becomes a cause, a suspect, or is ruled out.

A cause is confirmed by an intervention that was made: a source taken from B changed the result
of a training that otherwise reproduces A bit for bit, or a fix of the script made two runs
agree bit for bit. Where neither is at hand nothing is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from whydiff.core.findings import (
    CONFIRMED,
    DIFFERS,
    IDENTICAL,
    SUSPECTED,
    UNKNOWN,
    Cause,
    Excluded,
    Finding,
    Remedy,
)
from whydiff.core.recording import Fit, Side
from whydiff.core.words import listed, number
from whydiff.diagnosis import files, notes
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.offsets import offsetting
from whydiff.diagnosis.rounding import as_rounding
from whydiff.diagnosis.sources import compare_all
from whydiff.diagnosis.sources.noise import NO_DRAWS, OPERATIONS
from whydiff.diagnosis.sources.state import ADAPTED
from whydiff.diagnosis.trials import Trials

#: said of a source that differs without consequences
NO_BIT = "; but taking it from B, or making it equal, changes no bit of the result"
#: the same where only numbers follow it that are logged beside the training, as on validation data
ONLY_LOGS = "; taken from B it changes logged numbers, but no bit of the weights"
#: said of what differs between two trainings that agree: nothing was taken from the other side
ALL_ALIKE = "; but the two trainings agree bit for bit"
#: parts of a number by which means differ that are summed in another order
_ROUNDING = 1e-5
#: why nothing is confirmed where the control failed
NOT_AGAIN = "A trained again from what was recorded is not A"


@dataclass(frozen=True)
class Verdict:
    """What is said of every source. ``causes`` come largest share first."""

    causes: tuple[Cause, ...]
    excluded: tuple[Excluded, ...]
    unknown: tuple[Excluded, ...]
    notes: tuple[str, ...]
    unexplained: float
    reproduced: bool


def untried(compared: ComparedSides) -> Verdict:
    """Of two trainings that agree bit for bit: whatever differs has changed nothing."""
    excluded = tuple(
        Excluded(f.source, f.evidence + ("" if f.status == IDENTICAL else ALL_ALIKE))
        for f in compared.findings
        if f.status != UNKNOWN
    )
    return Verdict((), excluded, _unknown(compared.findings), (), 0.0, True)


#: Why a source is not told apart between a model of Keras 2 and one of Keras 3.
NO_OBJECTS = "Keras 2 and Keras 3 take over no objects from each other; it is counted with the {}"
ONLY_ARRAYS = {
    "noise": "Keras 2 draws from generators whose state cannot be set, so its random numbers "
    "cannot be transferred; it is counted with the {}"
}


def judge(compared: ComparedSides, trials: Trials, remedy: Remedy | None = None) -> Verdict:
    """What the hybrids prove, and the remedy that was tried, if one was."""
    findings = compared.findings
    if not trials.reproduces_a():
        findings = tuple(_unseen_draws(finding, compared, trials) for finding in findings)
    causes: list[Cause] = []
    excluded = [Excluded(f.source, f.evidence) for f in findings if f.status == IDENTICAL]
    for finding in (f for f in findings if f.status == DIFFERS):
        judged = _judge(finding, compared, trials)
        if isinstance(judged, Cause):
            causes.append(judged)
        else:
            excluded.append(judged)
    causes += _merely_reported(compared, trials, causes)
    if not causes and not compared.ends_alike:
        causes = [_suspect(f, _no_proof(trials)) for f in findings if f.status == DIFFERS]
    causes = offsetting(causes, trials)
    causes, consequences = without_consequences(compared, causes)
    state = next((f for f in findings if f.source == "state"), None)
    causes = list(files.as_state(compared.a, compared.b, state, causes))
    if not causes and _confirms(remedy, "noise"):
        causes = [_drawn_unseen(f) for f in findings if f.source == "noise"]
    causes, adapted = _as_data(causes)
    causes, counted = _as_state(causes)
    excluded += [*adapted, *counted]
    causes, repaired = _repaired(causes, remedy)
    if _confirms(remedy) and remedy is not None:  # what a fix makes equal was not meant to differ
        causes = [replace(c, intended=False) if c.source in remedy.confirms else c for c in causes]
    excluded += repaired
    named = {c.source for c in causes}
    causes.sort(key=lambda c: -(c.share if c.share is not None else -1.0))
    fixed = bool(causes) and all(c.status == CONFIRMED for c in causes) and _confirms(remedy)
    return Verdict(
        tuple(causes),
        tuple(e for e in excluded if e.source not in named),
        tuple(e for e in _unknown(findings) if e.source not in named),
        (*notes.on(compared, trials, causes), *consequences),
        0.0 if fixed or compared.ends_alike else trials.unexplained(),
        trials.reproduces_a(),
    )


def _judge(finding: Finding, compared: ComparedSides, trials: Trials) -> Cause | Excluded:
    name = finding.source
    if not trials.reproduces_a():
        return _suspect(finding, trials.refused.get(name) or _no_proof(trials))
    if name == "measurement":
        return _measurement(finding, compared)
    if name in compared.counted_with:
        through = compared.counted_with[name]
        return Excluded(name, f"{finding.evidence}; it acts through the {through}, counted there")
    if trials.stands_for(name) not in trials.sources:
        why = trials.refused.get(name)
        if why is None and name in compared.environment[1:]:
            why = f"it changes together with {compared.environment[0]} and is counted there"
        if why is None and compared.only_arrays:
            why = ONLY_ARRAYS.get(name, NO_OBJECTS).format(compared.environment[0])
        return _suspect(finding, why or "")
    if not trials.matters(name):
        if not trials.changes_logs(name):
            return Excluded(name, finding.evidence + NO_BIT)
        if finding.mechanism == "validation-leak":
            # No weight depends on validation data, but the number that is looked at does.
            return _cause(finding, CONFIRMED, finding.evidence + ONLY_LOGS)
        return Excluded(name, finding.evidence + ONLY_LOGS)
    if compared.same_weights:
        others = listed([s for s in trials.sources if s != trials.stands_for(name)])
        return Excluded(
            name,
            f"{finding.evidence}; taken from B alone it changes the result, but together with "
            f"{others} it ends in the same bits: they offset each other",
        )
    if trials.rounds_only(name):
        finding = as_rounding(finding)
    share, alone, remaining = trials.worth(name)
    others_bound = (
        [other for other in trials.bound if other != name] if name in trials.bound else []
    )
    how = f"; confirmed together with {listed(others_bound)}, as neither fits without the other"
    return replace(
        _cause(finding, CONFIRMED, finding.evidence + (how if others_bound else "")),
        share=share,
        alone=alone,
        remaining=remaining,
    )


def _cause(finding: Finding, status: str, evidence: str) -> Cause:
    return Cause(
        finding.source,
        finding.detail or finding.evidence,
        status,
        evidence,
        finding.remedy,
        intended=finding.intended,
        mechanism=finding.mechanism,
    )


def _suspect(finding: Finding, why: str) -> Cause:
    why = f" (not confirmed: {why})" if why else ""
    return _cause(finding, SUSPECTED, finding.evidence + why)


def _no_proof(trials: Trials) -> str:
    if trials.control_failed:
        return NOT_AGAIN
    if not trials.hybrids:
        return next(iter(trials.refused.values()), "A could not be trained again")
    return "no hybrid reproduced the difference"


def _drawn_unseen(finding: Finding) -> Cause:
    """What seeds that a fix sets stand for where nothing that is recorded differs."""
    known = mechanism("drawn-unseen")
    detail = "the script draws random numbers that are seen in no training step"
    return _suspect(replace(finding, detail=detail, mechanism=known.id, remedy=known.remedy), "")


def _unseen_draws(finding: Finding, compared: ComparedSides, trials: Trials) -> Finding:
    """Only a training that repeats itself can be said to draw no other random numbers.

    Equal seeds say nothing of operations that keep a generator of their own; nor do equal states
    where A trained again is not A, although all that was recorded was given back to it.
    """
    if finding.source != "noise" or finding.status != IDENTICAL:
        return finding
    why = "A trained again is not A" if trials.control_failed else "A was not trained again"
    operations = [t.path for t in compared.a.recipe.noise if t.role == OPERATIONS]
    if operations:
        evidence = (
            f"{finding.evidence}; but the code of a step draws by {listed(operations)}, whose "
            f"state cannot be read, and {why}"
        )
    elif finding.evidence == NO_DRAWS:
        evidence = (
            f"no random numbers were seen to be drawn in a training step; but as {why}, something "
            "may draw where it was not seen"
        )
    elif trials.control_failed:
        evidence = f"{finding.evidence}; but as {why}, something may draw where it was not seen"
    else:
        return finding
    return replace(finding, status=UNKNOWN, evidence=evidence)


def _unknown(findings: Sequence[Finding]) -> tuple[Excluded, ...]:
    return tuple(Excluded(f.source, f.evidence) for f in findings if f.status == UNKNOWN)


def _merely_reported(
    compared: ComparedSides, trials: Trials, causes: Sequence[Cause]
) -> Iterator[Cause]:
    """Equal weights and other logs, though the rule of measuring is the same."""
    if causes or not compared.same_weights or compared.ends_alike:
        return
    data = next(f for f in compared.findings if f.source == "data-content")
    validation = [side.recipe.data_content.validation for side in (compared.a, compared.b)]
    if data.status == DIFFERS and validation[0] != validation[1]:
        evidence = "the weights agree bit for bit, but they were validated on other data"
        cause = _cause(data, CONFIRMED, f"{evidence}: {data.evidence}")
        if data.mechanism != "validation-leak":
            cause = replace(cause, source="measurement", detail=evidence, mechanism="")
        yield replace(cause, share=1.0, alone=1.0, remaining=0.0)
        return
    logged = [
        f
        for f in compared.findings
        if f.status == DIFFERS and f.source in trials.sources and trials.changes_logs(f.source)
    ]
    moving = [f.source for f in logged if trials.matters(f.source)]
    for finding in logged:
        evidence = (
            f"{finding.evidence}; the weights agree bit for bit, and taken from B it changes "
            f"the logged numbers{_how_far(compared)}"
        )
        others = tuple(s for s in moving if s != finding.source)
        offsets = others if finding.source in moving else ()
        yield replace(_cause(finding, CONFIRMED, evidence), offsets=offsets)


def _how_far(compared: ComparedSides) -> str:
    """By how much of itself which logged number differs, where that is no more than rounding."""
    pairs = zip(compared.a.fit.epochs, compared.b.fit.epochs, strict=False)
    far = [
        (abs(value - other.logs[name]) / (abs(value) or 1.0), name, one.index)
        for one, other in pairs
        for name, value in one.logs.items()
        if name in other.logs and repr(value) != repr(other.logs[name])
    ]
    if not far or not all(part < _ROUNDING for part, _, _ in far):
        return ""
    most, name, epoch = max(far)
    return f", {name} by at most {number(most)} of itself (epoch {epoch + 1})"


def _measurement(finding: Finding, compared: ComparedSides) -> Cause | Excluded:
    """Another rule of measuring changes no weight: a cause where the weights agree."""
    if not compared.same_weights:
        return Excluded(
            "measurement", f"{finding.evidence}; but a way of measuring changes no weight"
        )
    if compared.ends_alike:
        return Excluded("measurement", f"{finding.evidence}; but every logged number is the same")
    evidence = (
        f"{finding.evidence}; the weights agree bit for bit and only what is reported differs"
        f"{_how_far(compared)}"
    )
    cause = _cause(finding, CONFIRMED, evidence)
    return replace(cause, share=1.0, alone=1.0, remaining=0.0)


def _confirms(remedy: Remedy | None, source: str = "") -> bool:
    """Whether two runs with a fix agree bit for bit, and it repairs ``source`` if that is given."""
    confirmed = remedy.confirms if remedy is not None and remedy.verified else ()
    return source in confirmed if source else bool(confirmed)


def _as_data(causes: list[Cause]) -> tuple[list[Cause], list[Excluded]]:
    """What data gave to adapted layers is data, although variables hold it."""
    if any(c.source == "data-content" for c in causes):
        return causes, []
    adapted = [c for c in causes if c.mechanism == ADAPTED]
    told = [
        replace(c, source="data-content") if c in adapted[:1] else c  # the weights, if both differ
        for c in causes
        if c not in adapted[1:]
    ]
    why = "only what data gave to adapted layers differs, counted with the data"
    return told, [Excluded(c.source, why) for c in adapted]


def _as_state(causes: list[Cause]) -> tuple[list[Cause], list[Excluded]]:
    """What an earlier fit left in a callback is state, although it sets the optimizer or an end."""
    kept = [c for c in causes if c.mechanism == "callback-goes-on"]
    if len(kept) != 1 or any(c.source == "state" for c in causes):
        return causes, []
    why = "only what an earlier fit left in a callback differs, counted with the state"
    told = [replace(c, source="state") if c in kept else c for c in causes]
    return told, [Excluded(kept[0].source, why)]


def _repaired(causes: list[Cause], remedy: Remedy | None) -> tuple[list[Cause], list[Excluded]]:
    """Suspects that a fix confirms: with it two runs agree, so nothing else is a cause.

    A suspect that agrees by then without being repaired is a consequence of what was.
    """
    suspects = {c.source for c in causes if c.status != CONFIRMED}
    if remedy is None or not remedy.verified or not suspects & set(remedy.confirms):
        return causes, []
    repaired = listed([s for s in remedy.confirms if s in suspects])
    kept, consequences = [], []
    for cause in causes:
        evidence = cause.evidence.partition(" (not confirmed: ")[0]
        if cause.source in remedy.confirms and cause.status != CONFIRMED:
            evidence += "; with the fix two runs agree bit for bit, which confirms it"
            kept.append(replace(cause, status=CONFIRMED, evidence=evidence))
        elif cause.status == CONFIRMED:
            kept.append(cause)
        else:
            evidence += f"; a consequence of {repaired}: with that repaired it agrees, too"
            consequences.append(Excluded(cause.source, evidence))
    return kept, consequences


# --- calls before the compared ones: what they left is a consequence of their causes ----------


def without_consequences(
    compared: ComparedSides, causes: Sequence[Cause]
) -> tuple[list[Cause], list[str]]:
    """``causes`` without a state that an earlier differing call left, and a note on each.

    In two runs (or two scripts) fit 2 starts from what fit 1 left. Where fit 1 itself
    differs by a source that is a cause here as well, that one source is the cause of both.
    """
    state = next((c for c in causes if c.source == "state"), None)
    pair = _left_by(compared) if state is not None else None
    if state is None or pair is None:
        return list(causes), []
    a, b = pair
    why = [f.source for f in compare_all(a, b) if f.status == DIFFERS and f.source != "measurement"]
    shared = [c.source for c in causes if c.source in why]
    asked = f"--fits {a.fit.index},{b.fit.index} explains that one"
    if shared:
        note = (
            f"Both start from what fit {a.fit.index} left, which differs because of "
            f"{listed(shared)}, too: what an earlier fit left behind is a consequence of that, "
            f"not a cause beside it; {asked}."
        )
        return [c for c in causes if c.source != "state"], [note]
    because = f" in {listed(why)}" if why else ""
    return list(causes), [
        f"What differs here was left by fit {a.fit.index}, which itself differs{because}: {asked}."
    ]


def _left_by(compared: ComparedSides) -> tuple[Side, Side] | None:
    """The earlier fits whose results the two start from, if these fits differ themselves."""
    if compared.between == "fits":
        return None
    sides = (compared.a, compared.b)
    earlier = [_trained_by(side) for side in sides]
    if earlier[0] is None or earlier[1] is None or identical(earlier[0], earlier[1]):
        return None
    a, b = (Side(side.execution, fit) for side, fit in zip(sides, earlier, strict=True) if fit)
    return a, b


def _trained_by(side: Side) -> Fit | None:
    recipe = side.recipe
    tensors = (*recipe.initialization, *recipe.state, *recipe.noise)
    indices = {t.trained_by for t in tensors if t.trained_by is not None}
    return next((f for f in side.execution.fits if f.index == min(indices, default=None)), None)
