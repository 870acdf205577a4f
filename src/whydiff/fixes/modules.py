"""Changes of the other files of a project, where the cause lies in one that the script imports."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.recording import SEEDING, Side
from whydiff.fixes import fits
from whydiff.fixes.proposal import Proposal, Step, assemble, parsed_text, shown
from whydiff.fixes.runs import SEEDABLE, generator_step
from whydiff.fixes.seed_lines import (
    completed,
    drawn_lines,
    own_seed_step,
    seeded_in_time,
    where_all_is_done,
    where_first_drawn,
)
from whydiff.script_text.edits import Script, Settings
from whydiff.script_text.generators import changes
from whydiff.script_text.imports import Names
from whydiff.script_text.project_seed import ProjectSeed, project_seed

#: sources that generators of the project's own reach
_DRAWN = ("data-content", "data-order", "noise", "batch-size", "architecture", "optimizer")

#: a file of the project with its text and syntax
Module = tuple[Path, str, Script]


def parsed_modules(
    modules: Sequence[tuple[Path, str]], settings: Sequence[Settings] = ()
) -> list[Module]:
    """Those of a project's files that are Python."""
    read = ((path, text, parsed_text(text, settings)) for path, text in modules)
    return [(path, text, script) for path, text, script in read if script is not None]


def between_runs(
    text: str,
    modules: Sequence[Module],
    a: Side,
    causes: Sequence[str],
    seeded: Sequence[Proposal],
) -> list[Proposal]:
    """Seeds for generators that modules make; with the script's own seed where it needs one, too.

    ``text`` is the script's, ``seeded`` are the proposals that seed it.
    """
    reached = tuple(c for c in causes if c in _DRAWN)
    found = [one for module in modules if (one := _seeds(text, *module, a, reached))]
    if not reached or not found:
        return []
    alone = _together(found, tuple(causes))
    if set(reached) == set(causes):
        return [alone, *(_joined(p, alone) for p in seeded[:1])]
    return [*(_joined(p, alone) for p in seeded[:2]), alone]


def completed_inside(
    text: str, modules: Sequence[Module], a: Side, causes: Sequence[str]
) -> list[Proposal]:
    """Keras seeded beside the line by which a module of the project seeds other generators."""
    if seeded_in_time(a):
        return []
    for path, content, parsed in modules:
        step = completed(parsed, Names(parsed), path, _of(path, a), imports=True)
        if step:
            return list(_assembled(text, path, content, [step], causes))
    return []


def seeded_inside(
    text: str, modules: Sequence[Module], a: Side, causes: Sequence[str]
) -> list[Proposal]:
    """Keras seeded in a module of the project through which everything goes.

    Best where it is given the seed; else with the seed that another module holds, or with one of
    ours. ``text`` is the script's, which has no seed of its own: it only calls what does the work.
    """
    files = [(path, one) for path, _, one in modules]

    def of_project(one: Script, names: Names, path: Path, side: Side) -> Step:
        return where_all_is_done(one, names, path, side, project_seed(one, names, path, files))

    ways: list[Callable[[Script, Names, Path, Side], Step]] = [own_seed_step]
    if {*causes} <= {*SEEDABLE}:
        ways += [where_first_drawn, of_project]
    for way, (path, content, one) in itertools.product(ways, modules):
        step = way(one, Names(one), path, _of(path, a))
        if step:
            return list(_assembled(text, path, content, [step], causes))
    return []


def seed_of_modules(script: Script, path: Path, modules: Sequence[Module]) -> ProjectSeed | None:
    """The seed that a script without one may import from a module of its project."""
    return project_seed(script, Names(script), path, [(p, one) for p, _, one in modules])


def between_fits(
    text: str, modules: Sequence[Module], a: Side, b: Side, causes: Sequence[str]
) -> list[Proposal]:
    """One seed before each of two builds or fits that a module makes for the script."""
    found: list[Proposal] = []
    called = {os.path.realpath(f.file) for f in a.fit.stack}
    for path, content, parsed in (m for m in modules if str(m[0]) in called):
        for steps, targets in fits.plans(parsed, path, _of(path, a), _of(path, b), causes):
            found += _assembled(text, path, content, steps, targets)
    return found


def _of(path: Path, side: Side) -> Side:
    """The side as if a module were its script."""
    return replace(side, execution=replace(side.execution, script=str(path)))


def _seeds(
    text: str, path: Path, content: str, parsed: Script, a: Side, targets: Sequence[str]
) -> Proposal | None:
    drawn = drawn_lines(path, _of(path, a))
    if not drawn and _unseeded_elsewhere(a):
        return None
    step = generator_step(changes(parsed, Names(parsed), drawn))
    return next(iter(_assembled(text, path, content, [step] if step else [], targets)), None)


def _unseeded_elsewhere(a: Side) -> bool:
    """Whether generators without a seed were made, and it is known where."""
    return any(
        d.kind == SEEDING and d.owner == "numpy.random.default_rng" and not d.explicit and d.stack
        for d in a.execution.ledger
    )


def _assembled(
    text: str, path: Path, content: str, steps: Sequence[Step], targets: Sequence[str]
) -> Iterator[Proposal]:
    try:
        made = assemble(content, shown(path), steps, targets)
    except ValueError:  # edits that collide
        return
    if made.patch and not made.prelude and parsed_text(made.source) is not None:
        how = f"In {path.name}: {made.how[:1].lower()}{made.how[1:]}"
        yield replace(made, source=text, how=how, changed=((path, made.source),))


def _together(found: Sequence[Proposal], targets: tuple[str, ...]) -> Proposal:
    """All changes of modules as one."""
    first = replace(found[0], targets=targets)
    for other in found[1:]:
        first = _joined(first, other)
    return first


def _joined(one: Proposal, other: Proposal) -> Proposal:
    return replace(
        one,
        patch="\n".join(filter(None, (one.patch, other.patch))),
        how=" ".join(filter(None, (one.how, other.how))),
        changed=(*one.changed, *other.changed),
    )
