"""What to try when two fits of one run differ by chance: the same seed before each."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from whydiff.core.recording import Side
from whydiff.fixes.members import meant_to_differ
from whydiff.fixes.pipelines import Shuffles, shuffle_steps
from whydiff.fixes.proposal import Step
from whydiff.fixes.runs import SEEDABLE, Plan, Targets, generator_step
from whydiff.fixes.spots import (
    Spot,
    build_spots,
    covers,
    fit_spots,
    makes_model,
    own_draws,
    pair,
    script_files,
)
from whydiff.fixes.swap import swap
from whydiff.script_text.edits import Edit, Place, Script, place_before
from whydiff.script_text.generators import Change, Seeds, changes
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seed
from whydiff.script_text.seeding import import_edit, written_seed
from whydiff.script_text.splits import seeded_splits

#: how many calls further out a place is sought from where one seed reaches build and fit
DEPTH = 6

_BUILD = "Sets the same seed before each build, so that both models draw the same numbers."
_FIT = "Sets the same seed before each fit, so that both shuffle alike."
_WHOLE = "Sets the same seed where each training begins, before anything is drawn for it."


def plans(script: Script, path: Path, a: Side, b: Side, causes: Sequence[str]) -> list[Plan]:
    """Places for one seed, smallest change first, with what it should make agree."""
    names = Names(script)
    files = script_files(path, a.execution.script)
    levels = [build_spots(script, files, draws) for draws in own_draws(a, b)]
    builds = pair(script, *levels)
    fits = pair(script, *(fit_spots(script, files, s.fit) for s in (a, b)))
    if meant_to_differ(script, files, [*builds, *fits]):
        return []
    fits = [] if _every_epoch(script, fits) else fits
    wanted = tuple(c for c in causes if c in SEEDABLE)
    built = tuple(c for c in wanted if c != "data-order")
    ordered = "data-order" in wanted
    found: list[tuple[Step | None, tuple[str, ...]]] = []
    streams = a.recipe.data_order.relative and b.recipe.data_order.relative
    shuffles = shuffle_steps(script, names) if ordered and streams else Shuffles()
    if built and builds:
        each_build = [swap(script, names, builds, a, b), _seed(script, names, builds, _BUILD)]
        reach = wanted
        if ordered and not covers(script, builds, a.fit, b.fit):
            reach = built
            further = (pair(script, *(level[n:] for level in levels)) for n in range(1, DEPTH))
            around = next((p for p in further if covers(script, p, a.fit, b.fit)), None)
            if around:
                found.append((_seed(script, names, around, _WHOLE), wanted))
            else:
                both = [*builds, *(f for f in fits if not _same(f, builds))]
                found.append((_seed(script, names, both, f"{_BUILD} {_FIT}"), wanted))
        found += [(step, reach) for step in each_build]
        if reach != built:
            found += [(step, built) for step in each_build]
    if ordered:
        before = _seed(script, names, fits, _FIT) if fits else None
        if streams:  # a generator that each of them makes anew, without a seed
            drawn = generator_step(changes(script, names, once=False))
            found.append((drawn, ("data-order",)))
        least = (shuffles.seed, before, shuffles.one_order)
        # No seed before a fit reaches a pipeline that both fits share.
        steps = (shuffles.one_order, before) if shuffles.shared else least
        found += [(step, ("data-order",)) for step in steps]
    done: list[Plan] = [((step,), targets) for step, targets in found if step]
    seed = _seed(script, names, builds, _BUILD) if built and builds else None
    if seed and shuffles.one_order:
        whole: Plan = ((seed, shuffles.seed or shuffles.one_order), wanted)
        done = [whole, *done] if shuffles.shared else [*done, whole]
    if "data-content" in causes:
        done = [*_content(script, names, fits, done, tuple(causes)), *done]
    return done


def ensemble_or_folds(script: Script, path: Path, a: Side, b: Side) -> str:
    """A sentence where the two fits are folds or members of an ensemble, else ""."""
    files = script_files(path, a.execution.script)
    levels = [build_spots(script, files, draws) for draws in own_draws(a, b)]
    fits = pair(script, *(fit_spots(script, files, s.fit) for s in (a, b)))
    return meant_to_differ(script, files, [*pair(script, *levels), *fits])


def _every_epoch(script: Script, spots: Sequence[Spot]) -> bool:
    """Whether a place repeats in a loop that goes on training one model."""
    return any(
        loops and not any(makes_model(script, loop) or _begins_anew(loop) for loop in loops)
        for loops in (script.loops(spot.place.statement) for spot in spots)
    )


def _begins_anew(loop: ast.stmt) -> bool:
    methods = {n.attr for n in ast.walk(loop) if isinstance(n, ast.Attribute)}
    return bool(methods & {"set_weights", "load_weights", "compile"})


def _content(
    script: Script, names: Names, fits: Sequence[Spot], seeded: Sequence[Plan], causes: Targets
) -> list[Plan]:
    """Make the data equal too: a seed where the common function starts, seeded generators."""
    found: list[Plan] = []
    splits = seeded_splits(script, names, Seeds(script, names).next, repeated=True)
    drawn = generator_step(
        [
            *changes(script, names, once=False),
            *(Change((edit,), "generator", line, what) for edit, line, what in splits),
        ]
    )
    start = _start_of_function(script, fits[0]) if len(fits) == 1 else None
    call = names.seed_call(start.statement) if start else None
    whole = Step()
    if start and call and not call.needs:
        seed = _known_seed(script, names, start.statement)
        whole = Step((start.insert(f"{call.function}({seed})"),), how=_WHOLE)
    seeds = [whole] if whole else [step for steps, _ in seeded[:1] for step in steps]
    drawn_only = all(c == "data-content" for c in causes)
    for steps in ((drawn,), (whole,), (drawn, *seeds)):
        if steps == (drawn,) and not drawn_only:
            continue  # the weights, the order and the noise need a seed besides
        if all(steps) and steps not in [s for s, _ in found]:
            found.append((steps, causes))
    return found


def _start_of_function(script: Script, spot: Spot) -> Place | None:
    scope = script.scope(spot.place.statement)
    if not isinstance(scope, ast.FunctionDef):
        return None
    body = scope.body[1:] if ast.get_docstring(scope) is not None else scope.body
    return place_before(script, body[0]) if body else None


def _known_seed(script: Script, names: Names, at: ast.stmt) -> str:
    return own_seed(script, names, at, parameters=False) or written_seed(script, names)


def _same(spot: Spot, others: Sequence[Spot]) -> bool:
    return any(spot.place.offset == o.place.offset for o in others)


def _seed(script: Script, names: Names, spots: Sequence[Spot], how: str) -> Step | None:
    """Set the script's seed, or 0, at every spot, importing Keras at the top where needed."""
    edits: list[Edit] = []
    for spot in {s.place.offset: s for s in spots}.values():
        call = names.seed_call(spot.place.statement)
        if call is None:
            return None
        if call.needs:
            edit = import_edit(script, names, call.needs)
            if edit is None:
                return None
            edits += [] if edit in edits else [edit]
        seed = _known_seed(script, names, spot.place.statement)
        edits.append(spot.place.insert(f"{call.function}({seed})"))
    return Step(tuple(edits), how=how)
