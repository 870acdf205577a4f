"""What hybrids of two trainings say, whoever trains them, and the answer made of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import NO_TIME, OutOfTime, TransferError
from whydiff.core.findings import Divergence, Explanation, Remedy, Zoom
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.moments import plan
from whydiff.diagnosis.trials import Trials, run_trials, untrained
from whydiff.experiments.explain.disagreements import disagreements
from whydiff.experiments.explain.recorded import final_weights
from whydiff.experiments.explain.trajectory import trajectory
from whydiff.experiments.explain.zoom import look_closer, zoom
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer


@dataclass(frozen=True)
class HybridResults:
    """What hybrids say, where the two diverge as far as they show it, and what was looked at."""

    trials: Trials
    point: Divergence | None
    closer: Zoom | None = None
    disagreements: Sequence[Mapping[str, Any]] | None = None


def hybrid_results(
    compared: ComparedSides,
    prepare: Callable[[], ProcessHybridTrainer],
    recordings: tuple[Path, Path],
    question: Question,
    progress: Progress,
) -> HybridResults:
    """Hybrids trained and looked at; where that fails, what the recordings alone can say.

    ``prepare`` gives who trains them.
    """
    point, closer, shown = compared.diff.first_divergence, None, None
    deadline = None if question.budget is None else time.monotonic() + question.budget
    try:
        if question.budget == 0:
            raise OutOfTime
        hybrid_trainer = prepare()
        moments = plan(compared.a.fit, compared.b.fit, point)
        trials = run_trials(hybrid_trainer, compared.movable(), question.budget, progress, moments)
        with contextlib.suppress(OutOfTime):
            point = zoom(point, hybrid_trainer, trials)
            shown = disagreements(trials, hybrid_trainer)
        if question.zoom and deadline is not None and time.monotonic() > deadline:
            closer = Zoom(0, 0, failure=NO_TIME)
        elif question.zoom:
            progress.step("looking at the step of the first divergence, tensor by tensor")
            first = int(compared.a.recipe.duration.get("initial_epoch") or 0)
            closer = look_closer(point, hybrid_trainer, first)
    except (WhydiffError, TransferError) as why:
        weights = (
            final_weights(recordings[0], compared.a.fit.last),
            final_weights(recordings[1], compared.b.fit.last),
        )
        trials = untrained(compared, str(why).partition("\n")[0], weights)
    return HybridResults(trials, point, closer, shown)


def answer_from(
    compared: ComparedSides, results: HybridResults, remedy: Remedy | None, metric: str | None
) -> Explanation:
    """The answer, with what was looked at."""
    steps = trajectory(results.trials)
    explanation = answer(compared, results.trials, remedy, metric, results.point, steps)
    evidence = dict(explanation.evidence)
    if results.disagreements:
        evidence["disagreements"] = results.disagreements
    return replace(explanation, zoom=results.closer, evidence=evidence)
