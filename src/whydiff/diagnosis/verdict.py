"""What the hybrids prove: each finding becomes a cause, a suspect, or is ruled out."""

from __future__ import annotations

from whydiff.core.findings import (
    CONFIRMED,
    DIFFERS,
    IDENTICAL,
    SUSPECTED,
    Cause,
    Excluded,
    Finding,
)
from whydiff.core.words import listed
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.trials import Trials

#: said of a source that differs without consequences
NO_BIT = "; but taking it from B, or making it equal, changes no bit of the result"


def judge(compared: ComparedSides, trials: Trials) -> tuple[list[Cause], list[Excluded]]:
    """The causes, largest share first, and the sources that are ruled out."""
    differing = [f for f in compared.findings if f.status == DIFFERS]
    excluded = [Excluded(f.source, f.evidence) for f in compared.findings if f.status == IDENTICAL]
    causes: list[Cause] = []
    for finding in differing:
        judged = _judge(finding, compared, trials)
        if isinstance(judged, Cause):
            causes.append(judged)
        else:
            excluded.append(judged)
    causes += _residue(compared, trials, causes)
    causes += _merely_reported(compared, causes)
    if not causes and not _ends_alike(compared):
        causes = [_suspect(f, "no hybrid reproduced the difference") for f in differing]
    named = {c.source for c in causes}
    causes.sort(key=lambda c: -(c.share if c.share is not None else -1.0))
    return causes, [e for e in excluded if e.source not in named]


def _judge(finding: Finding, compared: ComparedSides, trials: Trials) -> Cause | Excluded:
    name = finding.source
    if name == "measurement":
        return _measurement(finding, compared, trials)
    if trials.stands_for(name) not in trials.sources:
        why = trials.refused.get(name)
        if why is None and name in compared.environment[1:]:
            why = f"it changes together with {compared.environment[0]} and is counted there"
        return _suspect(finding, why or "")
    if not trials.matters(name):
        return Excluded(name, finding.evidence + NO_BIT)
    share, alone, remaining = trials.worth(name)
    others = [other for other in trials.bound if other != name] if name in trials.bound else []
    how = f"; proven together with {listed(others)}, as neither fits without the other"
    return Cause(
        name,
        finding.detail or finding.evidence,
        CONFIRMED,
        finding.evidence + (how if others else ""),
        finding.remedy,
        share=share,
        alone=alone,
        remaining=remaining,
        intended=finding.intended,
        mechanism=finding.mechanism,
    )


def _suspect(finding: Finding, why: str) -> Cause:
    return Cause(
        finding.source,
        finding.detail or finding.evidence,
        SUSPECTED,
        finding.evidence + (f" (not proven: {why})" if why else ""),
        finding.remedy,
        intended=finding.intended,
        mechanism=finding.mechanism,
    )


def _same_weights(compared: ComparedSides) -> bool:
    finals = [[t.digest for t in side.fit.final] for side in (compared.a, compared.b)]
    return finals[0] == finals[1]


def _ends_alike(compared: ComparedSides) -> bool:
    """Whether both ended in the same weights and logged the same numbers, bit for bit."""
    logs = [[epoch.logs for epoch in side.fit.epochs] for side in (compared.a, compared.b)]
    return _same_weights(compared) and repr(logs[0]) == repr(logs[1])  # NaN equals NaN here


def _merely_reported(compared: ComparedSides, causes: list[Cause]) -> list[Cause]:
    """Equal weights and other logs, though the rule of measuring is the same: other data."""
    finding = next(f for f in compared.findings if f.source == "data-content")
    if causes or finding.status != DIFFERS or not _same_weights(compared):
        return []
    evidence = "the weights agree bit for bit, but they were validated on other data"
    return [
        Cause(
            "measurement",
            evidence,
            CONFIRMED,
            f"{evidence}: {finding.evidence}",
            finding.remedy,
            share=1.0,
            alone=1.0,
            remaining=0.0,
            intended=finding.intended,
        )
    ]


def _measurement(finding: Finding, compared: ComparedSides, trials: Trials) -> Cause | Excluded:
    """Another rule of measuring changes no weight: a cause where the weights agree."""
    if not _same_weights(compared):
        return Excluded(
            "measurement", f"{finding.evidence}; but a way of measuring changes no weight"
        )
    return Cause(
        "measurement",
        finding.detail or finding.evidence,
        CONFIRMED,
        finding.evidence + "; the weights agree bit for bit and only what is reported differs",
        finding.remedy,
        share=1.0,
        alone=1.0,
        remaining=0.0,
        intended=finding.intended,
        mechanism=finding.mechanism,
    )


def _residue(compared: ComparedSides, trials: Trials, causes: list[Cause]) -> list[Cause]:
    """Fields equal and yet other bits: arithmetic, proven if training A again does not give A."""
    finding = next(f for f in compared.findings if f.source == "arithmetic")
    suspected = next((c for c in causes if c.source == "arithmetic"), None)
    if suspected is None or suspected.status == CONFIRMED:
        return []
    if trials.reproduces_a():
        return []
    causes.remove(suspected)
    return [
        Cause(
            "arithmetic",
            finding.detail or finding.evidence,
            CONFIRMED,
            finding.evidence + "; training A again from its own fields gave other bits, too",
            finding.remedy,
            share=1.0 if not causes else None,
            alone=1.0,
            remaining=0.0,
            mechanism=finding.mechanism,
        )
    ]


def notes_on(trials: Trials, causes: list[Cause]) -> list[str]:
    """What a reader should know about the proofs: what they lack, what they cannot tell."""
    notes = []
    if "script" in trials.how:
        notes.append(f"Hybrids were trained {trials.how}.")
    if not trials.reproduces_a():
        notes.append(
            "Training A again from its own fields did not give A bit for bit: something in it is "
            "not recorded or not deterministic."
        )
    if trials.bound:
        notes.append(
            f"{listed(trials.bound)} fit only together, so they were taken from B as one and share "
            "what they are worth."
        )
    if trials.together:
        names, why = trials.together[0]
        notes.append(f"{', '.join(names)} could not be taken from B together: {why}.")
    if trials.left_out:
        notes.append(
            f"{trials.left_out} hybrids were left out for lack of time; shares are estimated from "
            "each source alone and all but each (--budget gives more time)."
        )
    notes += [_unlike(name, parts) for name, parts in trials.measured.items() if _far(parts)]
    proven = [c for c in causes if c.alone is not None]
    if len(proven) > 1 and all(c.alone > 0.8 and (c.remaining or 0) > 0.5 for c in proven):  # type: ignore[operator]
        notes.append(
            "This training amplifies any change: each of these sources alone moves the "
            "predictions about as far as all of them together, so shares say little."
        )
    return notes


def _far(parts: dict[str, float]) -> bool:
    """Whether evaluating in another mode changes the loss so much that it will be wondered at."""
    scale = max(abs(parts["logged"]), abs(parts["evaluated"]), 1e-9)
    return abs(parts["batch normalization"]) > 0.2 * scale


def _unlike(name: str, parts: dict[str, float]) -> str:
    return (
        f"{name.upper()} logged a training loss of {parts['logged']:.4g}, yet evaluated with the "
        f"same weights it is {parts['evaluated']:.4g}: "
        + ", ".join(
            f"{parts[key]:+.3g} from {key}"
            for key in ("moving weights", "random layers", "batch normalization")
        )
        + ". BatchNormalization's moving averages have not converged (more steps, or a smaller "
        "momentum)."
    )
