"""Two trainings that differ: hybrids of them, a closer look at where they diverge, a fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.findings import Cause, Divergence, Explanation, Remedy, Zoom
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.calls.answer import other_disagreements
from whydiff.diagnosis.moments import plan
from whydiff.diagnosis.trials import Trials, run_trials, untrained
from whydiff.experiments.explain.commits import Revisions, located_in
from whydiff.experiments.explain.disagreements import disagreements
from whydiff.experiments.explain.fix_trials import try_fixes
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.recorded import final_weights
from whydiff.experiments.explain.sides import RunningSides
from whydiff.experiments.explain.texts import located
from whydiff.experiments.explain.trajectory import trajectory
from whydiff.experiments.explain.zoom import look_closer, zoom
from whydiff.runner.client import Run


@dataclass(frozen=True)
class HybridResults:
    """What hybrids say, where the two diverge as far as they show it, and what was looked at."""

    trials: Trials
    point: Divergence | None
    closer: Zoom | None = None
    disagreements: Sequence[Mapping[str, Any]] | None = None


def explain_trainings(asked: Inquiry, sides: RunningSides) -> Explanation:
    """Two sides that differ, explained, with what else disagrees in A's run."""
    compared, question = sides.compared, asked.question
    results = _hybrids(asked, sides)
    asked.processes.close()  # their memory is needed by the runs that try a fix
    remedy = Remedy("", False, "")
    if question.fix:
        remedy = try_fixes(sides, asked.runs, results.trials, asked.folder, asked.progress)
    steps = trajectory(results.trials)
    explanation = answer(compared, results.trials, remedy, question.metric, results.point, steps)
    if compared.between == "scripts" and sides.child_b is not None:
        runs = sides.child_a.run, sides.child_b.run
        explanation = replace(explanation, causes=_with_lines(explanation.causes, *runs))
    evidence = dict(explanation.evidence)
    if results.disagreements:
        evidence["disagreements"] = results.disagreements
    others = other_disagreements(asked.site.execution)
    return replace(explanation, zoom=results.closer, evidence=evidence, others=others)


def _with_lines(causes: Sequence[Cause], a: Run, b: Run) -> tuple[Cause, ...]:
    """Causes with the changed line of the scripts, or of the revisions, that says what differs."""
    checkout = a.checkout or b.checkout
    if checkout is None:
        return located(causes, a.script, b.script)
    commits = [run.checkout.commit.id if run.checkout else None for run in (a, b)]
    return located_in(Revisions(checkout.root, *commits), causes)


def _hybrids(asked: Inquiry, sides: RunningSides) -> HybridResults:
    """Hybrids trained and looked at; where that fails, what the recordings alone can say."""
    compared, question, progress = sides.compared, asked.question, asked.progress
    point, closer, shown = compared.diff.first_divergence, None, None
    try:
        hybrid_trainer = sides.hybrid_trainer()
        moments = plan(compared.a.fit, compared.b.fit, point)
        trials = run_trials(hybrid_trainer, compared.movable(), question.budget, progress, moments)
        point = zoom(point, hybrid_trainer, trials)
        shown = disagreements(trials, hybrid_trainer, compared.a.fit.index)
        if question.zoom:
            progress.step("looking at the step of the first divergence, tensor by tensor")
            first = int(compared.a.recipe.duration.get("initial_epoch") or 0)
            closer = look_closer(point, hybrid_trainer, first)
    except (WhydiffError, TransferError) as why:
        recordings = (sides.child_a.recording, (sides.child_b or sides.child_a).recording)
        weights = (
            final_weights(recordings[0], compared.a.fit.index),
            final_weights(recordings[1], compared.b.fit.index),
        )
        trials = untrained(compared, str(why).partition("\n")[0], weights)
    return HybridResults(trials, point, closer, shown)
