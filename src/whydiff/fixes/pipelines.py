"""Shuffles inside a tf.data pipeline: a seed set before ``fit`` comes too late for them.

``Dataset.shuffle`` draws its seed where it is called, and every pass over the dataset goes on
with its numbers: two fits on one dataset see one stream of orders, whatever is seeded between.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from whydiff.fixes.proposal import Step
from whydiff.script_text.edits import Edit, Script
from whydiff.script_text.imports import Names

_IN_PLACE = ("random", "numpy.random", "keras.random", "jax.random")  # these shuffle lists, arrays
_SEED, _AGAIN = "seed", "reshuffle_each_iteration"


@dataclass(frozen=True)
class Shuffles:
    """Changes of the pipelines' shuffles that may make the orders of two fits equal.

    ``seed`` gives them seeds; it is empty where that cannot be enough, since the fits have
    ``shared`` one pipeline. ``one_order`` makes every pass alike besides.
    """

    seed: Step = field(default_factory=Step)
    one_order: Step = field(default_factory=Step)
    shared: bool = False


def shuffle_steps(script: Script, names: Names) -> Shuffles:
    """What can be done about the shuffles in a script, if there are any."""
    calls = _shuffles(script, names)
    if not calls:
        return Shuffles()
    lines = ", ".join(str(call.lineno) for call in calls)
    where = f"line {lines}" if len(calls) == 1 else f"lines {lines}"
    seeds = tuple(e for i, call in enumerate(calls) for e in _edits(script, call, i, False))
    both = tuple(e for i, call in enumerate(calls) for e in _edits(script, call, i, True))
    seeded = Step(seeds, how=f"Gives the pipeline's shuffle a seed ({where}).")
    fixed = Step(
        both,
        how=f"Gives the pipeline's shuffle a seed and one order for every pass ({where}): both "
        "fits read it. To shuffle anew in every epoch, make the pipeline again before each fit.",
    )
    shared = all(_made_once(script, call) for call in calls)
    return Shuffles(Step() if shared else seeded, fixed, shared)


def _shuffles(script: Script, names: Names) -> Sequence[ast.Call]:
    found = [
        node
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "shuffle"
        and names.dotted(node.func.value) not in _IN_PLACE
        and not isinstance(script.parent[node], ast.Expr)  # a generator shuffles its argument
        and not any(isinstance(a, ast.Starred) for a in node.args)
        and not any(k.arg is None for k in node.keywords)
        and len(node.args) <= 3
        and (node.args or any(k.arg == "buffer_size" for k in node.keywords))
    ]
    return sorted(found, key=lambda call: script.span(call))


def _edits(script: Script, call: ast.Call, number: int, one_order: bool) -> list[Edit]:
    """Edits that give the call a seed where it has none and, if asked, one order."""
    wanted = [(_SEED, 1, str(number))]
    wanted += [(_AGAIN, 2, "False")] if one_order else []
    edits, added = [], []
    for name, position, value in wanted:
        given = next((k.value for k in call.keywords if k.arg == name), None)
        if given is None and len(call.args) > position:
            given = call.args[position]
        if given is None:
            added.append(f"{name}={value}")
        elif _is(given, None) if name == _SEED else not _is(given, False):
            edits.append(Edit(*script.span(given), value))
    if added:
        last = max(
            (script.span(a)[1] for a in (*call.args, *(k.value for k in call.keywords))),
        )
        edits.append(Edit(last, last, ", " + ", ".join(added)))
    return edits


def _made_once(script: Script, call: ast.Call) -> bool:
    """Whether the call is executed once, so that all fits share what it makes."""
    around = list(script.ancestors(call))
    repeats = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.For, ast.While)
    return not any(isinstance(node, repeats) for node in around)


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
