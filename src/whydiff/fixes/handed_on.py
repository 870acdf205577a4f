"""A step for JAX that is to hand on the state that ``stateless_call`` gave, and drops it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.fixes.proposal import Step
from whydiff.script_text.edits import Edit, Script, last_name


def hand_state_on(script: Script) -> Step:
    """Let every ``train_step`` take the non-trainable state from its loss and return that."""
    functions = [n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)]
    edits: list[Edit] = []
    lines = []
    for step in (f for f in functions if f.name == "train_step"):
        state = _non_trainable(step)
        for loss in functions if state else ():
            made = _edits(script, step, loss, state)
            edits += [e for e in made if e not in edits]
            lines += [str(step.lineno)] if made else []
    how = (
        f"Returns the non-trainable state that stateless_call gave (train_step in line "
        f"{' and '.join(dict.fromkeys(lines))}): without that, moving averages and seed states "
        "never change."
    )
    return Step(tuple(edits), how=how) if edits else Step()


def _non_trainable(step: ast.FunctionDef) -> str:
    """The name of the second part of the state that a step is given."""
    given = step.args.args[1].arg if len(step.args.args) > 2 else ""
    for node in ast.walk(step):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=[_, ast.Name(id=name), *_])], value=state):
                if given and last_name(state) == given:
                    return name
    return ""


def _edits(script: Script, step: ast.FunctionDef, loss: ast.FunctionDef, state: str) -> list[Edit]:
    """Changes that bring what a loss function's ``stateless_call`` gave into the step's state."""
    updated = _updated(loss)
    returned = next((n.value for n in ast.walk(loss) if isinstance(n, ast.Return)), None)
    taken = _taken(step, loss.name)
    if updated is None or taken is None or not isinstance(returned, ast.Tuple):
        return []
    if len(returned.elts) != 2 or len(taken.elts) != 2:
        return []
    pairs = list(_pairs(returned.elts[1], taken.elts[1]))
    kept = [name for given, name in pairs if last_name(given) == updated.id != "_"]
    if kept:
        names = [n for n in kept if isinstance(n, ast.Name) and n.id != state]
        return [Edit(*script.span(n), state) for n in names]
    if any(isinstance(n, ast.Name) and n.id == updated.id for n in ast.walk(returned)):
        return []  # it is returned in a way that is not understood
    both = (returned.elts[1], taken.elts[1])
    return [
        Edit(*script.span(updated), state),
        *(Edit(*script.span(n), f"({script.segment(n)}, {state})") for n in both),
    ]


def _updated(loss: ast.FunctionDef) -> ast.Name | None:
    """The name that a function gives the second of what ``stateless_call`` returned."""
    for node in ast.walk(loss):
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[_, ast.Name() as updated])],
                value=ast.Call(func=ast.Attribute(attr="stateless_call")),
            ):
                return updated
    return None


def _taken(step: ast.FunctionDef, loss: str) -> ast.Tuple | None:
    """What a step calls the loss and what comes with it: the ``loss, _`` of ``(loss, _), grads``.

    The gradient function may have been given a name in the step before.
    """
    assigns = [n for n in ast.walk(step) if isinstance(n, ast.Assign)]
    differentiated = {loss} | {
        last_name(n.targets[0])
        for n in assigns
        if isinstance(n.value, ast.Call) and any(last_name(a) == loss for a in n.value.args)
    }
    for node in assigns:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Tuple() as taken, _])], value=ast.Call()):
                mentioned = {last_name(n) for n in ast.walk(node.value)}
                if mentioned & (differentiated - {""}):
                    return taken
    return None


def _pairs(given: ast.expr, taken: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each part of a returned value with the name that takes it."""
    if isinstance(given, ast.Tuple) and isinstance(taken, ast.Tuple):
        if len(given.elts) == len(taken.elts):
            yield from zip(given.elts, taken.elts, strict=True)
    else:
        yield given, taken
