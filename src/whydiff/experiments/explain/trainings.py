"""Two trainings of scripts that differ: hybrids of them, the lines that differ, a fix."""

from __future__ import annotations

import functools
from dataclasses import replace

from whydiff.core.findings import Explanation, Remedy
from whydiff.diagnosis.calls.answer import with_others
from whydiff.experiments.explain.all_fits import all_fits
from whydiff.experiments.explain.fix_trials import may_run_again, try_fixes
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.lines import with_lines
from whydiff.experiments.explain.packages import by_package
from whydiff.experiments.explain.sides import RunningSides
from whydiff.runner.client import Child


def explain_trainings(asked: Inquiry, sides: RunningSides) -> Explanation:
    """Two sides that differ, explained, with what else disagrees in A's run."""
    question, compared = asked.question, sides.compared
    question = replace(question, budget=asked.runs.time_left())
    recordings = (sides.child_a.recording, (sides.child_b or sides.child_a).recording)
    keeps_b = question.fix and sides.child_b is not None and _may_try(asked, sides, sides.child_b)
    prepare = functools.partial(sides.hybrid_trainer, keeps_b)
    results = hybrid_results(compared, prepare, recordings, question, asked.progress)
    sides = replace(sides, compared=results.compared)
    rows = None
    execution = asked.site.execution
    if compared.between == "fits" and len(execution.fits) > 2:
        left = asked.runs.time_left()
        rows = all_fits(sides, execution, results.trials, question, left, asked.progress)
    remedy = Remedy("", False, "")
    used: list[Child] = []
    if question.fix and _may_try(asked, sides, sides.child_a):
        used = [sides.child_a, *([sides.child_b] if sides.child_b and keeps_b else [])]
    if not used:
        asked.processes.close()  # their memory is needed by the runs that try a fix
    elif sides.child_b is not None and not keeps_b:
        sides.child_b.close()
    if question.fix:
        remedy = try_fixes(
            sides, asked.runs, results.trials, asked.folder, asked.progress, used,
            question.ignore_sources,
        )  # fmt: skip
    asked.processes.close()
    explanation = answer_from(results, remedy, question.metric)
    if question.fix and not asked.runs.no_time_for("which package does it"):
        notes = by_package(sides, asked.runs, asked.folder, asked.progress)
        explanation = replace(explanation, notes=(*explanation.notes, *notes))
    if compared.between == "scripts" and sides.child_b is not None:
        a, b = (
            (child.run, side.execution, side.fit)
            for child, side in ((sides.child_a, compared.a), (sides.child_b, compared.b))
        )
        explanation = replace(explanation, causes=with_lines(explanation.causes, a, b))
    if rows is not None:
        explanation = replace(explanation, evidence={**explanation.evidence, "fits": rows})
    return with_others(explanation, execution)


def _may_try(asked: Inquiry, sides: RunningSides, child: Child) -> bool:
    return may_run_again(child, sides.compared.a.execution, asked.runs)
