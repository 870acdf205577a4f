"""Whether a script that ran again built the program that it had built when it was recorded."""

from __future__ import annotations

from dataclasses import replace

from whydiff.core.findings import DIFFERS
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.diagnosis.sources import source

#: Fields that a script decides before the first step, whatever it starts from and is fed.
_DECIDED = ("architecture", "precision", "mode", "objective", "optimizer")


def other_program(recorded: Side, again: Side) -> str:
    """What differs between the recorded program and the one of the run that came again, or ""."""
    sides = [replace(side, fit=replace(side.fit, recipe=_decided(side.recipe)))
             for side in (recorded, again)]  # fmt: skip
    findings = [source(name).compare(*sides) for name in _DECIDED]
    differing = [f"another {f.source} ({f.evidence})" for f in findings if f.status == DIFFERS]
    one, two = (dict(side.recipe.arithmetic) for side in sides)
    if one != two:
        names = [name for name in dict.fromkeys([*one, *two]) if one.get(name) != two.get(name)]
        differing.append(f"other settings of the arithmetic ({', '.join(names)})")
    return "; ".join(differing)


def _decided(recipe: Recipe) -> Recipe:
    """Which callbacks changed the optimizer is seen on the way, and may be another one."""
    optimizer = {k: v for k, v in recipe.optimizer.items() if k != "callbacks"}
    return replace(recipe, optimizer=optimizer)
