"""Two trainings of scripts that differ: hybrids of them, the lines that differ, a fix."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime, TransferError
from whydiff.core.findings import DIFFERS, IDENTICAL, Cause, Explanation, Finding, Remedy
from whydiff.core.hybrids import Coalition, TrainedHybrid
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.core.recording import Execution
from whydiff.diagnosis.calls.answer import with_others
from whydiff.diagnosis.pair import fits_alike, fits_listed
from whydiff.diagnosis.trials import Trials
from whydiff.experiments.explain.fix_trials import may_run_again, try_fixes
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.lines import Use, with_lines
from whydiff.experiments.explain.packages import by_package
from whydiff.experiments.explain.sides import RunningSides, of_one_execution, run_alike
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
        remedy = try_fixes(asked, sides, results.trials, used)
    asked.processes.close()
    explanation = answer_from(results, remedy, question.metric)
    if question.fix and not asked.runs.no_time_for("which package does it"):
        notes = by_package(sides, asked.runs, asked.folder, asked.progress)
        explanation = replace(explanation, notes=(*explanation.notes, *notes))
    if sides.child_b is not None and not run_alike(sides.child_a.run, sides.child_b.run):
        a, b = (
            (child.run, side.execution, side.fit)
            for child, side in ((sides.child_a, compared.a), (sides.child_b, compared.b))
        )
        explanation = _with_lines(explanation, compared.differing, a, b)
    if rows is not None:
        explanation = replace(explanation, evidence={**explanation.evidence, "fits": rows})
    return with_others(explanation, execution)


def _with_lines(explanation: Explanation, differing: Sequence[str], a: Use, b: Use) -> Explanation:
    """Causes, and what differs and was ruled out, with the changed lines from which they come."""
    beside = [Finding(e.source, DIFFERS, e.evidence, e.evidence)
              for e in explanation.excluded if e.source in differing]  # fmt: skip
    differences: list[Cause | Finding] = [*explanation.causes, *beside]
    told = with_lines(differences, a, b)
    said = {one.source: one.detail for one in told if isinstance(one, Finding)}
    excluded = (replace(e, evidence=said.get(e.source, e.evidence)) for e in explanation.excluded)
    return replace(
        explanation,
        causes=tuple(one for one in told if isinstance(one, Cause)),
        excluded=tuple(excluded),
    )


def _may_try(asked: Inquiry, sides: RunningSides, child: Child) -> bool:
    return may_run_again(child, sides.compared.a.execution, asked.runs)


#: Seconds of training beside the two that are explained which nobody needs to be asked about.
PATIENCE = 120.0
#: Fits beyond so many are listed only: a search over settings has hundreds.
MOST_FITS = 30


def all_fits(
    sides: RunningSides,
    execution: Execution,
    trials: Trials,
    question: Question,
    seconds: float | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """A row for every fit, as :func:`fits_listed` gives them.

    Those like A and B have ``differs`` and ``agrees``, sources by how they compare with A, and,
    where A could be trained again, ``alone``: by source the metric that A ends with if it takes
    that from this fit. ``whole`` says whether all of these together give this fit, bit for bit.
    Nothing is trained where that would take more than ``seconds``, or two minutes if None; A's row
    then has ``unmeasured``, the seconds that it would take.
    """
    a, b = sides.compared.a.fit, sides.compared.b.fit
    rows = {row["fit"]: row for row in fits_listed(execution, question.metric, (a, b))}
    alike = fits_alike(execution, a, b)[:MOST_FITS]
    if len(alike) < 2 or question.fits:  # two that were named are all that was asked for
        return list(rows.values())
    pairs = {n: sides if n == b.index else of_one_execution(sides, execution, n) for n in alike}
    for number, pair in pairs.items():
        findings = pair.compared.findings
        agrees = [f.source for f in findings if f.status == IDENTICAL]
        rows[number] |= {"differs": list(pair.compared.differing), "agrees": agrees}
    wanted = sum(len(pair.compared.movable()) + 1 for n, pair in pairs.items() if n != b.index)
    patience = PATIENCE if seconds is None else seconds
    if not trials.reproduces_a():
        return list(rows.values())
    if wanted * trials.longest > patience:
        rows[a.index]["unmeasured"] = wanted * trials.longest
        return list(rows.values())
    progress.step("training A with what one of the other fits has", total=wanted)
    for number, pair in pairs.items():
        sources = trials.sources if pair is sides else pair.compared.movable()
        try:
            made = trials.hybrids if pair is sides else _hybrids(pair, sources, progress)
        except (OutOfTime, WhydiffError):
            break
        alone = [s for s in sources if pair is not sides or s not in trials.bound]
        values = {s: _last(made.get(frozenset([s])), rows[number]["metric"]) for s in alone}
        ended = sorted(tensor.digest for tensor in pair.compared.b.fit.final)
        together = made.get(frozenset(sources))
        rows[number] |= {
            "alone": {source: value for source, value in values.items() if value is not None},
            "whole": together is not None and sorted(together.digests) == ended,
        }
    return list(rows.values())


def _hybrids(
    pair: RunningSides, sources: Sequence[str], progress: Progress
) -> dict[Coalition, TrainedHybrid]:
    """A with each source of the other fit alone, and with all of them; what cannot be is left."""
    trainer = pair.hybrid_trainer()
    made: dict[Coalition, TrainedHybrid] = {}
    for coalition in dict.fromkeys([*(frozenset([s]) for s in sources), frozenset(sources)]):
        try:
            made[coalition] = trainer.train(coalition, weights=False)
        except OutOfTime:
            raise
        except TransferError:
            continue
        finally:
            progress.advance()
    return made


def _last(made: TrainedHybrid | None, metric: str) -> float | None:
    value = made.logs[-1].get(metric) if made is not None and made.logs else None
    return float(value) if value is not None and math.isfinite(value) else None
