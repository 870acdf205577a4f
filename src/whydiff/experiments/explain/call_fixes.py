"""Trying to seed a script whose two runs differ although no training of it was watched.

A loop of the script's own (GradientTape, loss.backward) is not trained again. But where its two
runs agree once everything is seeded, chance was the cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from whydiff.core.findings import CONFIRMED, Cause, Explanation, Remedy
from whydiff.core.recipe import Batching, Content, Order, Recipe
from whydiff.core.recording import SEEDING, Draw, Execution, Fit, Side
from whydiff.diagnosis.calls.loops import UNWATCHED
from whydiff.diagnosis.calls.pairs.choosing import first_difference
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.experiments.explain.draws import few_of, lines_that_draw
from whydiff.experiments.explain.fix_trials import changed_runs, executions_of, shown
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.texts import modules_of, seeds_of_settings, text_of
from whydiff.fixes import Proposal, proposals
from whydiff.fixes.proposal import Difference

#: Proposals tried at most; each takes two runs.
MOST_TRIED = 2
#: What chance decides; weights that a loop trained follow from it.
_CHANCE = ("initialization", "weights", "data-content", "data-order", "noise")
_CHANCE_DECIDES = (
    "chance decides them, by what the suggested fix seeds or puts in order: with it two runs agree"
)
_AGREE = "Tried: in two runs everything that was watched now agrees bit for bit."


def with_seeds_tried(asked: Inquiry, found: Explanation) -> Explanation:
    """The answer with a fix, where a seed makes the two runs of one script agree."""
    run = asked.run_b  # which is A's, too
    script = run.script.suffix == ".py"
    if not (asked.question.alike and run.checkout is None and script):
        return found
    backend = str(found.a.get("backend") or "")
    a, b = (_side(site.execution, backend) for site in (asked.site, asked.site_b))
    lines = few_of(lines_that_draw((run.script, run.script), (a, b)))
    found = replace(found, causes=tuple(_drawn(cause, lines) for cause in found.causes))
    chance = {*_CHANCE} - {*asked.question.ignore_sources}
    by_chance = [c.source for c in found.causes if c.source in chance and not c.intended]
    if not (asked.question.fix and by_chance) or found.remedy.patch:
        return found
    text = text_of(run.script)
    modules = modules_of(run.script, Path.cwd())
    settings = seeds_of_settings(a.execution)
    candidates = [
        proposal
        for wanted in (Difference("runs", a, b, [], causes) for causes in wanted_of(by_chance))
        for proposal in proposals(run.script, text, wanted, modules, settings)
    ]
    for number, proposal in enumerate(candidates[:MOST_TRIED], start=1):
        if asked.runs.no_time_for("trying a fix"):
            break
        asked.progress.step(f"trying a fix ({number} of at most {MOST_TRIED}): {proposal.how}")
        if _agree(asked, proposal, asked.folder / f"fix{number}"):
            how = f"{proposal.how} {_AGREE}"
            remedy = Remedy(shown(proposal, run), True, how, tuple(by_chance))
            return from_the_start(replace(found, remedy=remedy), a.execution, b.execution)
    return found


def wanted_of(by_chance: Sequence[str]) -> list[list[str]]:
    """For which sources fixes are sought, one set after the other: a script whose models begin
    alike needs no other seed where its data alone differ."""
    data = [source for source in by_chance if source.startswith("data")]
    seeded = ["initialization", *data]
    return [data, seeded] if data == [*by_chance] else [seeded]


def _drawn(cause: Cause, lines: str) -> Cause:
    """Data of two runs of one script that nothing else explains, with the ``lines`` that draw."""
    if cause.source != "data-content" or cause.mechanism or not lines:
        return cause
    drawn = mechanism("unseeded-generator")
    detail = f"{cause.detail}; {lines}"
    return replace(cause, detail=detail, mechanism=drawn.id, remedy=drawn.remedy, intended=False)


def from_the_start(found: Explanation, a: Execution, b: Execution) -> Explanation:
    """The answer once a seed has made both runs agree: chance is the cause that it repairs.

    Weights that a loop nobody watched has trained are a consequence of how they started.
    """
    causes = [
        replace(c, status=CONFIRMED) if c.source in found.remedy.confirms else c
        for c in found.causes
    ]
    trained = next((c for c in causes if c.mechanism == UNWATCHED), None)
    if trained is None or any(c.source == "initialization" for c in causes):
        return replace(found, causes=tuple(causes))
    drawn = first_other_draw(a, b)
    if drawn is None:
        chance = replace(trained, detail=f"{trained.detail}; {_CHANCE_DECIDES}")
        return replace(found, causes=tuple(chance if c is trained else c for c in causes))
    one, other = drawn
    where = f" at line {one.stack[-1].line}" if one.stack else ""
    started = Cause(
        "initialization",
        f"{one.owner}{where} drew seed {one.seed} in A and {other.seed} in B from Python's random, "
        "which nothing had seeded alike",
        CONFIRMED,
        "with the fix two runs agree bit for bit, which confirms it",
        "Call keras.utils.set_random_seed(n) once, before the first layer is built.",
        mechanism="python-random-unseeded",
    )
    note = (
        f"{trained.detail}. These weights follow from how they started and from the batches that "
        "the loop was fed; what each of the two is worth was not measured, as the loop is not "
        "watched."
    )
    rest = [c for c in causes if c is not trained]
    unknown = tuple(u for u in found.unknown if u.source != "initialization")
    return replace(found, causes=(started, *rest), unknown=unknown, notes=(note, *found.notes))


def first_other_draw(a: Execution, b: Execution) -> tuple[Draw, Draw] | None:
    """The first seeds that two runs drew for the same object and that differ."""
    drawn = [[d for d in e.ledger if d.kind != SEEDING and not d.explicit] for e in (a, b)]
    pairs = zip(*drawn, strict=False)
    return next(((x, y) for x, y in pairs if x.owner == y.owner and x.seed != y.seed), None)


def _agree(asked: Inquiry, proposal: Proposal, folder: Path) -> bool:
    folder.mkdir()
    run = asked.run_b
    made: list[Execution] = []
    both = changed_runs((run, run), proposal, folder)
    for execution in executions_of(asked.runs, both, folder, asked.site.execution):
        if execution is None:
            return False
        made.append(execution)
    return _all_agree(made)


def _all_agree(both: Sequence[Execution]) -> bool:
    calls = [execution.in_order() for execution in both]
    return bool(calls[0]) and len(calls[0]) == len(calls[1]) and first_difference(*both) is None


def _side(execution: Execution, backend: str) -> Side:
    """A side of which only the seed ledger is known: no training was watched."""
    recipe = Recipe(
        (), Order(()), (), Content(np.empty((0, 2), np.uint64)), Batching(), {}, {}, {}, {}, (),
        {}, {}, {}, {"backend": backend}, {}, {}, {},
    )  # fmt: skip
    steps = np.empty((0, 0), np.uint64)
    stack = execution.calls[0].stack if execution.calls else ()  # the seed is set before that
    fit = Fit(0, "", stack, recipe, steps, np.empty(0, np.int64), (), (), True, 0.0)
    return Side(execution, fit)
