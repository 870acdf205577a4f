"""Findings, trials and remedy put together into one explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whydiff.core.findings import Divergence, Explanation, Remedy
from whydiff.core.recording import Side
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.evidence import hybrids
from whydiff.diagnosis.gap import finite, gap
from whydiff.diagnosis.notes import (
    frozen_in_every_epoch,
    on_kept_epochs,
    on_other_samples,
    on_other_weights,
)
from whydiff.diagnosis.offsets import cancel
from whydiff.diagnosis.sources.flags import said_in_vain
from whydiff.diagnosis.trials import Trials
from whydiff.diagnosis.verdict import judge, untried

#: said in place of a fix where nothing differs; of what was not watched nothing is said
ALIKE = "All that was watched agrees bit for bit."
#: said where several differences cancel, so that nothing has to be repaired
OFFSET = (
    "Nothing has to be repaired: what differs offsets each other. Whoever changes one of them has "
    "to change the other along with it."
)


def answer(
    compared: ComparedSides,
    trials: Trials | None = None,
    remedy: Remedy | None = None,
    metric: str | None = None,
    point: Divergence | None = None,
    trajectory: Mapping[str, Any] | None = None,
) -> Explanation:
    """The explanation; ``trials`` and ``remedy`` are None where the two agree bit for bit.

    ``point`` is the first divergence where more was found out about it than the digests say.
    """
    verdict = judge(compared, trials, remedy) if trials is not None else untried(compared)
    told = gap(compared, trials, metric)
    advised = remedy is not None and not remedy.patch
    if advised and cancel(verdict.causes) and all(c.offsets for c in verdict.causes):
        remedy = Remedy("", False, OFFSET)
    return Explanation(
        question=_question(compared),
        between=compared.between,
        a=_described(compared.a),
        b=_described(compared.b),
        chosen=compared.chosen,
        identical=compared.identical,
        first_divergence=point or compared.diff.first_divergence,
        causes=verdict.causes,
        excluded=verdict.excluded,
        unknown=verdict.unknown,
        unexplained=finite(verdict.unexplained),
        gap=told,
        remedy=remedy or Remedy("", compared.identical, ALIKE if compared.identical else ""),
        notes=(
            *compared.diff.notes,
            *on_other_samples(compared, told),
            *on_kept_epochs(compared, told),
            *on_other_weights(compared, told),
            *said_in_vain(compared.a, compared.b),
            *frozen_in_every_epoch(compared.a, compared.b),
            *verdict.notes,
        ),
        reproduced=verdict.reproduced,
        evidence=_evidence(compared, trials, trajectory),
    )


def _question(compared: ComparedSides) -> str:
    script, other = compared.scripts
    a, b = compared.a.fit.number, compared.b.fit.number
    if compared.between == "fits" and script != other:
        return f"Why do fit {a} of {script} and fit {b} of {other} end differently?"
    if compared.between == "fits":
        return f"Why do fits {a} and {b} of {script} end differently?"
    if compared.between == "scripts":
        return f"Why do {script} and {other} end differently?"
    return f"Why do two runs of {script} end differently?"


def _described(side: Side) -> dict[str, Any]:
    fit = side.fit
    return {
        "script": side.execution.script,
        "arguments": list(side.execution.arguments),
        "call": "loop" if fit.notes.get("data") in ("loop", "train_on_batch") else "fit",
        "number": fit.call or fit.index,
        "fit": fit.index,
        **({"fits": list(fit.parts)} if fit.parts else {}),
        "model": fit.model,
        "line": fit.stack[-1].line if fit.stack else None,
        "epochs": len(fit.epochs),
        "steps": len(fit.steps),
        "backend": fit.recipe.backend.get("backend"),
        "logs": dict(fit.epochs[-1].logs) if fit.epochs else {},
    }


def _evidence(
    compared: ComparedSides, trials: Trials | None, trajectory: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What --verbose and the page show: every finding, every hybrid, both sides."""
    return {
        "findings": [
            {"source": f.source, "status": f.status, "evidence": f.evidence}
            for f in compared.findings
        ],
        **hybrids(trials, trajectory),
        **compared.diff.evidence,
    }
