"""Findings, trials and remedy put together into one explanation."""

from __future__ import annotations

import math
from typing import Any

from whydiff.core.findings import (
    IDENTICAL,
    UNKNOWN,
    Cause,
    Divergence,
    Excluded,
    Explanation,
    Remedy,
)
from whydiff.core.recording import Side
from whydiff.experiments.explain.comparison import Comparison
from whydiff.experiments.explain.evidence import hybrids
from whydiff.experiments.explain.gap import gap
from whydiff.experiments.explain.trials import Trials
from whydiff.experiments.explain.verdict import NO_BIT, judge, notes_on


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
    # Of two trainings that agree bit for bit whatever differs has changed nothing.
    excluded = [
        Excluded(f.source, f.evidence + ("" if f.status == IDENTICAL else NO_BIT))
        for f in findings
        if f.status != UNKNOWN
    ]
    unknown = [Excluded(f.source, f.evidence) for f in findings if f.status == UNKNOWN]
    notes = list(comparison.diff.notes)
    if trials is not None:
        causes, excluded = judge(comparison, trials)
        notes += notes_on(trials, causes)
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
        gap=gap(comparison, trials, metric),
        remedy=remedy or Remedy("", comparison.identical, "Nothing to repair."),
        notes=tuple(notes),
        evidence=_evidence(comparison, trials),
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


def _evidence(comparison: Comparison, trials: Trials | None) -> dict[str, Any]:
    """What --verbose and the page show: every finding, every hybrid, both sides."""
    return {
        "findings": [
            {"source": f.source, "status": f.status, "evidence": f.evidence}
            for f in comparison.findings
        ],
        **hybrids(trials),
        **comparison.diff.evidence,
    }


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 1.0
