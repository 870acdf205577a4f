"""Findings, trials and remedy put together into one explanation."""

from __future__ import annotations

import math
from typing import Any

from whydiff.analysis.distance import churn, relative_weight_distance
from whydiff.core.errors import WhydiffError
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
from whydiff.workflows.comparison import Comparison
from whydiff.workflows.judging import NO_BIT, judge, notes_on
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
        gap=_gap(comparison, trials, metric),
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
