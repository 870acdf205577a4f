"""What is compared: one step per kind of pair, each with an answer, or None where there is none.

``api/explain.py`` lists the steps in their order.
"""

from __future__ import annotations

from dataclasses import replace

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime
from whydiff.core.findings import Explanation
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.calls.answer import (
    all_agree,
    watched,
    with_file_state,
    with_others,
    with_unwatched_loop,
)
from whydiff.diagnosis.calls.pairs.choosing import alike
from whydiff.diagnosis.calls.printed import with_printed
from whydiff.diagnosis.files import agree_by_file
from whydiff.diagnosis.notes import standardized
from whydiff.diagnosis.sources.seeds import seeded_apart
from whydiff.experiments.explain.call_fixes import with_seeds_tried
from whydiff.experiments.explain.calls import (
    calls_at,
    explain_chosen,
    independent_models,
    inside_one_run,
    two_runs_of_calls,
)
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.lines import with_lines
from whydiff.experiments.explain.own_optimizer import with_optimizer_tried
from whydiff.experiments.explain.sides import RunningSides, run_alike, two_fits
from whydiff.experiments.explain.trainings import explain_trainings


def calls_asked_for(asked: Inquiry) -> Explanation | None:
    """The two uses of a model that a person named by number or line."""
    calls, lines = asked.question.calls, asked.question.lines
    if calls is None and lines is None:
        return None
    wanted = calls or calls_at(asked.site, lines or (0, 0))
    lines = None if calls else lines
    found = explain_chosen(asked.site, wanted, asked.progress, asked.question.metric, lines)
    return with_fits_explained(asked, found)


def fits_of_one_run(asked: Inquiry) -> Explanation | None:
    """Two fits of one run: those asked for, or the first independent ones that differ."""
    return None if asked.drawn_trials else _explained(asked, asked.fits_of_one_run)


def models_of_one_run(asked: Inquiry) -> Explanation | None:
    """Two models built apart, in a script that trains no two of them."""
    question = asked.question
    if not question.one_program or asked.fits_of_one_run is not None or question.fits:
        return None
    return independent_models(asked.site, asked.progress, question.metric)


def fits_of_two_runs(asked: Inquiry) -> Explanation | None:
    """Two scripts, or one run twice: the first fits that differ."""
    return _explained(asked, asked.fits_of_two_runs)


def calls_of_two_runs(asked: Inquiry) -> Explanation | None:
    """Two scripts, or one run twice: the first measuring call that differs."""
    if asked.one_run_tells:
        return None
    found = two_runs_of_calls(asked.site, asked.site_b, asked.progress)
    if found is None:
        return None
    found = _with_changed_lines(asked, found)
    if asked.question.alike:
        found = with_file_state(found, asked.site.execution, asked.site_b.execution)
    return with_unwatched_loop(with_seeds_tried(asked, found), asked.site.execution)


def successive_fits(asked: Inquiry) -> Explanation | None:
    """Two fits of one training, compared only where both runs of it agree."""
    found = _explained(asked, asked.successive_fits)
    return None if found is None else _with_printed(asked, found)


def calls_beside_successive_fits(asked: Inquiry) -> Explanation | None:
    """What :func:`calls_of_one_run` explains, where more than rounding or the log of a fit is off:
    the fits of one training differ as they should, and come behind it."""
    return None if asked.successive_fits is None else _inside_one_run(asked, True)


def calls_of_one_run(asked: Inquiry) -> Explanation | None:
    """The worst disagreement between two uses of a model in one run that ought to agree.

    Who asks about two programs, or about two runs, is told that these agree.
    """
    return _inside_one_run(asked, False)


def _inside_one_run(asked: Inquiry, only_clear: bool) -> Explanation | None:
    if asked.question.fits or not asked.question.one_program:
        return None
    try:
        found = inside_one_run(asked.site, asked.progress, asked.question.metric, only_clear)
    except OutOfTime:
        asked.runs.no_time_for("whether the calls of one run agree")
        return None
    return None if found is None else with_fits_explained(asked, found)


def agreement(asked: Inquiry) -> Explanation:
    """Nothing that was compared differs; what disagrees inside one run is listed."""
    execution = asked.site.execution
    sides = asked.fits_of_one_run or asked.successive_fits or asked.fits_of_two_runs
    if sides is None:
        scripts = asked.site.script != asked.site_b.script
        compared = [a for a, _ in alike(execution, asked.site_b.execution)] if scripts else None
        agreed = all_agree(execution, asked.site.script, 2, compared)
        agreed = with_unwatched_loop(agreed, execution)
    else:
        again = asked.fits_of_two_runs if asked.fits_of_one_run is not None else None
        ran_again = again is not None and again.compared.identical
        found = answer(sides.compared, metric=asked.question.metric)
        agreed = watched(found, execution, ran_again)
        runs = (again or sides).compared
        beside = [agree_by_file(runs.a, runs.b), *standardized(runs.a, runs.b)]
        more = tuple(note for note in beside if note)
        if more:
            agreed = replace(agreed, notes=(*more, *agreed.notes))
    return with_others(_with_printed(asked, agreed), execution)


def _with_printed(asked: Inquiry, found: Explanation) -> Explanation:
    """The answer with the numbers that the script prints and that no watched call gave."""
    apart = seeded_apart(asked.site.execution, asked.site_b.execution) if asked.ran_twice else []
    return with_printed(found, asked.printed, apart)


def with_fits_explained(asked: Inquiry, found: Explanation) -> Explanation:
    """Where two calls differ because two fits do, the answer goes on with these; where loops of the
    script's own do, their optimizers are tried."""
    fits = found.evidence.get("fits")
    if not fits:
        return with_optimizer_tried(asked, found)
    try:
        sides = two_fits(asked.ran_a, (fits[0], fits[1]), asked.folder)
        if sides is None or asked.runs.no_time_for("the fits that left these weights"):
            return found
        return replace(found, continued=replace(explain_trainings(asked, sides), others=()))
    except WhydiffError as why:
        note = f"Why fits {fits[0]} and {fits[1]} differ is not explained: {why}."
        return replace(found, notes=(*found.notes, note))


def _explained(asked: Inquiry, sides: RunningSides | None) -> Explanation | None:
    if sides is None or sides.compared.identical:
        return None
    return explain_trainings(asked, sides)


def _with_changed_lines(asked: Inquiry, found: Explanation) -> Explanation:
    """Causes of calls of two programs with the changed line from which they come."""
    runs = asked.ran_a.run, asked.run_b
    if run_alike(*runs):
        return found
    sites = asked.site.execution, asked.site_b.execution
    uses = [
        (run, execution, call)
        for run, execution, side in zip(runs, sites, (found.a, found.b), strict=True)
        for call in execution.calls
        if call.number == side.get("number")
    ]
    return replace(found, causes=with_lines(found.causes, *uses)) if len(uses) == 2 else found
