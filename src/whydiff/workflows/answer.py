"""Findings, trials and remedy put together into one explanation."""

from __future__ import annotations

import math
from typing import Any

from whydiff.analysis.distance import churn, relative_weight_distance
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import (
    CONFIRMED,
    DIFFERS,
    IDENTICAL,
    SUSPECTED,
    UNKNOWN,
    Cause,
    Divergence,
    Excluded,
    Explanation,
    Finding,
    Remedy,
)
from whydiff.core.recording import Side
from whydiff.workflows.comparison import Comparison
from whydiff.workflows.trials import Trials


def answer(
    comparison: Comparison,
    trials: Trials | None = None,
    remedy: Remedy | None = None,
    metric: str | None = None,
    point: Divergence | None = None,
) -> Explanation:
    """The explanation; ``trials`` and ``remedy`` are None where the two agree bit for bit.

    ``point`` is the first divergence where more was found out about it than the digests say.
    """
    findings = comparison.findings
    causes: list[Cause] = []
    excluded = [Excluded(f.source, f.evidence) for f in findings if f.status == IDENTICAL]
    unknown = [Excluded(f.source, f.evidence) for f in findings if f.status == UNKNOWN]
    notes = list(comparison.diff.notes)
    if trials is not None:
        for finding in findings:
            if finding.status != DIFFERS:
                continue
            cause = _judge(finding, comparison, trials)
            if isinstance(cause, Cause):
                causes.append(cause)
            else:
                excluded.append(cause)
        causes += _residue(comparison, trials, causes)
        causes += _merely_reported(comparison, causes)
        if not causes:
            why = "no hybrid reproduced the difference"
            causes = [_suspect(f, why) for f in findings if f.status == DIFFERS]
        named = {c.source for c in causes}
        excluded = [e for e in excluded if e.source not in named]
        causes.sort(key=lambda c: -(c.share if c.share is not None else -1.0))
        notes += _notes(trials, causes)
    return Explanation(
        question=_question(comparison),
        between=comparison.between,
        a=_described(comparison.a),
        b=_described(comparison.b),
        chosen=comparison.chosen,
        identical=comparison.identical,
        first_divergence=point or comparison.diff.first_divergence,
        causes=tuple(causes),
        excluded=tuple(excluded),
        unknown=tuple(unknown),
        unexplained=_finite(trials.unexplained()) if trials else 0.0,
        gap=_gap(comparison, trials, metric),
        remedy=remedy or Remedy("", comparison.identical, "Nothing to repair."),
        notes=tuple(notes),
        evidence=_evidence(comparison, trials),
    )


def _judge(finding: Finding, comparison: Comparison, trials: Trials) -> Cause | Excluded:
    name = finding.source
    if name == "measurement":
        return _measurement(finding, comparison, trials)
    if name not in trials.sources:
        why = trials.refused.get(name)
        if why is None and name in comparison.environment[1:]:
            why = f"it changes together with {comparison.environment[0]} and is counted there"
        return _suspect(finding, why or "")
    if not trials.matters(name):
        return Excluded(
            name,
            f"{finding.evidence}; but taking it from B, or making it equal, changes no bit of "
            "the result",
        )
    share, alone, remaining = trials.worth(name)
    return Cause(
        name,
        finding.detail or finding.evidence,
        CONFIRMED,
        finding.evidence,
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


def _same_weights(comparison: Comparison) -> bool:
    finals = [[t.digest for t in side.fit.final] for side in (comparison.a, comparison.b)]
    return finals[0] == finals[1]


def _merely_reported(comparison: Comparison, causes: list[Cause]) -> list[Cause]:
    """Equal weights and other logs, though the rule of measuring is the same: other data."""
    finding = next(f for f in comparison.findings if f.source == "data-content")
    if causes or finding.status != DIFFERS or not _same_weights(comparison):
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


def _measurement(finding: Finding, comparison: Comparison, trials: Trials) -> Cause | Excluded:
    """Another rule of measuring changes no weight: a cause where the weights agree."""
    if not _same_weights(comparison):
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


def _residue(comparison: Comparison, trials: Trials, causes: list[Cause]) -> list[Cause]:
    """Fields equal and yet other bits: arithmetic, proven if training A again does not give A."""
    finding = next(f for f in comparison.findings if f.source == "arithmetic")
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


def _notes(trials: Trials, causes: list[Cause]) -> list[str]:
    notes = []
    if "script" in trials.how:
        notes.append(f"Hybrids were trained {trials.how}.")
    if not trials.reproduces_a():
        notes.append(
            "Training A again from its own fields did not give A bit for bit: something in it is "
            "not recorded or not deterministic."
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


def _question(comparison: Comparison) -> str:
    script = comparison.child_a.run.script.name
    a, b = comparison.a.fit.index, comparison.b.fit.index
    if comparison.between == "fits":
        return f"Why do fits {a} and {b} of {script} end differently?"
    if comparison.between == "scripts":
        other = comparison.child_b.run.script.name if comparison.child_b else script
        return f"Why do {script} and {other} end differently?"
    return f"Why do two executions of {script} end differently?"


def _described(side: Side) -> dict[str, Any]:
    fit = side.fit
    return {
        "script": side.execution.script,
        "arguments": list(side.execution.arguments),
        "fit": fit.index,
        "model": fit.model,
        "line": fit.stack[-1].line if fit.stack else None,
        "epochs": len(fit.epochs),
        "backend": fit.recipe.backend.get("backend"),
        "logs": dict(fit.epochs[-1].logs) if fit.epochs else {},
    }


def _gap(comparison: Comparison, trials: Trials | None, metric: str | None) -> dict[str, Any]:
    logs_a, logs_b = (
        dict(side.fit.epochs[-1].logs) if side.fit.epochs else {}
        for side in (comparison.a, comparison.b)
    )
    name = _metric(logs_a, logs_b, metric)
    gap: dict[str, Any] = {
        "metric": name,
        "a": logs_a.get(name),
        "b": logs_b.get(name),
        "predictions_differ": 0.0,
        "relative_weight_distance": 0.0,
    }
    if trials is not None:
        if trials.a.predictions is not None and trials.b.predictions is not None:
            gap["predictions_differ"] = churn(trials.a.predictions, trials.b.predictions)
            gap["samples"] = len(trials.a.predictions[0]) if trials.a.predictions else 0
        else:
            gap["predictions_differ"] = None
        gap["relative_weight_distance"] = _finite(
            relative_weight_distance(trials.a.weights, trials.b.weights)
        )
    return gap


def _metric(logs_a: dict[str, float], logs_b: dict[str, float], wanted: str | None) -> str:
    common = [name for name in logs_a if name in logs_b]
    if wanted is not None:
        if wanted not in common:
            raise WhydiffError(
                f"--metric {wanted!r} was not logged by both fits",
                f"Logged by both: {', '.join(common) or 'nothing'}.",
            )
        return wanted
    telling = [n for n in common if not n.endswith("loss") and n != "learning_rate"]
    validated = [n for n in telling if n.startswith("val_")]
    return (validated or telling or common or ["loss"])[0]


def _evidence(comparison: Comparison, trials: Trials | None) -> dict[str, Any]:
    """What --verbose shows: every finding, every hybrid, the seed ledger."""
    hybrids = []
    if trials is not None:
        hybrids = [
            {
                "from B": sorted(coalition),
                "distance": _finite(trials.value(coalition)),
                "seconds": round(trained.seconds, 3),
            }
            for coalition, trained in sorted(trials.hybrids.items(), key=lambda i: sorted(i[0]))
        ]
    ledgers = {
        name: [
            {
                "layer": d.layer,
                "owner": d.owner,
                "seed": d.seed,
                "explicit": d.explicit,
                "line": d.stack[-1].line if d.stack else None,
            }
            for d in side.execution.ledger
            if d.fit == side.fit.index
        ]
        for name, side in (("a", comparison.a), ("b", comparison.b))
    }
    return {
        "findings": [
            {"source": f.source, "status": f.status, "evidence": f.evidence}
            for f in comparison.findings
        ],
        "hybrids": hybrids,
        "trained again": trials.how if trials else None,
        "reproduces a": trials.reproduces_a() if trials else None,
        "reproduces b": trials.reproduces_b() if trials else None,
        "seeds": ledgers,
        "logged against evaluated loss": trials.measured if trials else {},
    }


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 1.0
