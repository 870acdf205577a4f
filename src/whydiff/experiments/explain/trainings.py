"""Two trainings of scripts that differ: hybrids of them, the lines that differ, a fix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.files import files_of
from whydiff.core.findings import Cause, Explanation, Remedy
from whydiff.core.recording import Side
from whydiff.diagnosis.calls.answer import with_others
from whydiff.diagnosis.pair import fits_listed
from whydiff.diagnosis.sources import seeds
from whydiff.experiments.explain.commits import Program, Revisions, located_in
from whydiff.experiments.explain.fix_trials import may_run_again, try_fixes
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.packages import by_package
from whydiff.experiments.explain.sides import RunningSides
from whydiff.experiments.explain.texts import located, modules_of, text_of
from whydiff.runner.client import Run
from whydiff.runner.revisions import Checkout
from whydiff.script_text.dataflow import fed


def explain_trainings(asked: Inquiry, sides: RunningSides) -> Explanation:
    """Two sides that differ, explained, with what else disagrees in A's run."""
    question, compared = asked.question, sides.compared
    question = replace(question, budget=asked.runs.time_left())
    recordings = (sides.child_a.recording, (sides.child_b or sides.child_a).recording)
    results = hybrid_results(compared, sides.hybrid_trainer, recordings, question, asked.progress)
    remedy = Remedy("", False, "")
    used = sides.child_a if question.fix and may_run_again(sides, asked.runs) else None
    if used is None:
        asked.processes.close()  # their memory is needed by the runs that try a fix
    elif sides.child_b is not None:
        sides.child_b.close()
    if question.fix:
        remedy = try_fixes(
            sides, asked.runs, results.trials, asked.folder, asked.progress, used,
            question.ignore_sources,
        )  # fmt: skip
    asked.processes.close()
    explanation = answer_from(compared, results, remedy, question.metric)
    if question.fix and not asked.runs.no_time_for("which package does it"):
        notes = by_package(sides, asked.runs, asked.folder, asked.progress)
        explanation = replace(explanation, notes=(*explanation.notes, *notes))
    if compared.between == "scripts" and sides.child_b is not None:
        runs = sides.child_a.run, sides.child_b.run
        causes = _with_lines(explanation.causes, runs, (compared.a, compared.b))
        explanation = replace(explanation, causes=causes)
    execution = asked.site.execution
    if compared.between == "fits" and len(execution.fits) > 2:
        rows = fits_listed(execution, question.metric, (compared.a.fit, compared.b.fit))
        explanation = replace(explanation, evidence={**explanation.evidence, "fits": rows})
    return with_others(explanation, execution)


def _with_lines(
    causes: Sequence[Cause], runs: tuple[Run, Run], sides: tuple[Side, Side]
) -> tuple[Cause, ...]:
    """Causes with the changed line of the scripts, or of the revisions, that says what differs."""
    a, b = runs
    checkout = a.checkout or b.checkout
    if checkout is None:
        return located(causes, a.script, b.script)
    commits = [run.checkout.commit.id if run.checkout else None for run in runs]
    one, other = (_program(run, side, checkout) for run, side in zip(runs, sides, strict=True))
    programs = (one, other) if one and other else None
    return located_in(Revisions(checkout.root, *commits), causes, programs)


def _program(run: Run, side: Side, checkout: Checkout) -> Program | None:
    """What a side's data come from, None where its text does not show that."""
    folder = run.checkout.folder if run.checkout else checkout.root

    def inside(path: Path | str) -> str:
        return os.path.relpath(os.path.realpath(path), os.path.realpath(folder))

    try:
        script = text_of(run.script)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    modules = modules_of(run.script, run.checkout.working_folder() if run.checkout else Path.cwd())
    texts = {inside(path): text for path, text in [(run.script, script), *modules]}
    frame = side.fit.stack[-1] if side.fit.stack else None
    program = fed(texts, inside(frame.file), frame.line) if frame else None
    if program is None:
        return None
    read = {inside(path): use.read for path, use in files_of(side.execution.environment).items()}
    seeded = seeds.seeding_of(side, seeds.ledger_at(side), "numpy") is not None
    unseeded = any(draw.seed is None for draw in seeds.generators_of(side))
    chance = program.draws and (unseeded or (not seeded and not seeds.generators_of(side)))
    return Program(program, {path: digest for path, digest in read.items() if digest}, chance)
