"""Environments of reinforcement learning: each has a generator of its own, which ``reset(seed=)``
alone seeds. Without it the seed comes from the operating system."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from whydiff.script_text.edits import Edit, Script, block_of, keyword_edit, last_name, whole_lines
from whydiff.script_text.imports import Names

_MAKERS = ("gym.make", "gymnasium.make", "gymnasium.make_vec")
_WRAPPERS = ("gym.wrappers.", "gymnasium.wrappers.")
#: edits, the line and what they are about
Seeded = tuple[tuple[Edit, ...], int, str]


def seeded_environments(
    script: Script, names: Names, seed: Callable[[ast.AST], str]
) -> Iterator[Seeded]:
    """Edits that seed each environment once: later calls of ``reset()`` go on from there, while a
    seed in the loop over the episodes would make all of them equal.

    ``seed`` gives the text of the seed that is known at a node.
    """
    for name, made in _environments(script, names).items():
        resets = list(_calls(script, name, "reset"))
        sampled = any(_calls(script, f"{name}.action_space", "sample"))
        if not resets or any(c.args or c.keywords for c in resets):
            continue
        statement = _statement(script, resets[0])
        alone = len(resets) == 1 and script.parent.get(statement) is script.tree
        if alone and not sampled:
            value = seed(resets[0])
            yield (
                (keyword_edit(script, resets[0], "seed", value),),
                statement.lineno,
                f"{name}.reset() gets a seed",
            )
            continue
        behind = whole_lines(script, made)
        early = any(c.lineno < made.lineno for c in resets if script.scope(c) is script.tree)
        if behind is None or early:
            continue
        indent = " " * made.col_offset
        value = seed(made)
        lines = [f"{name}.reset(seed={value})"]
        lines += [f"{name}.action_space.seed({value})"] * sampled
        new = "".join(f"{indent}{line}{script.newline}" for line in lines)
        yield (Edit(behind.end, behind.end, new),), made.lineno, f"{name}.reset() gets a seed"


def _environments(script: Script, names: Names) -> dict[str, ast.Assign]:
    """Names that are given an environment, each with the last statement that gives it."""
    own = {
        node.name
        for node in ast.walk(script.tree)
        if isinstance(node, ast.ClassDef) and _takes_seed(node)
    }
    found: dict[str, ast.Assign] = {}
    for node in (n for n in ast.walk(script.tree) if isinstance(n, ast.Assign)):
        name, called = last_name(node.targets[0]), names.called(node.value)
        first = found.get(name, node)
        made = called in _MAKERS or called in own
        wrapped = first is not node and called.startswith(_WRAPPERS)
        named = isinstance(node.targets[0], ast.Name)
        if named and (made or wrapped) and block_of(script, node) is block_of(script, first):
            found[name] = node
    return found


def _takes_seed(kind: ast.ClassDef) -> bool:
    methods = {node.name: node for node in kind.body if isinstance(node, ast.FunctionDef)}
    if not {"reset", "step"} <= methods.keys():
        return False
    parameters = methods["reset"].args
    return any(a.arg == "seed" for a in (*parameters.args, *parameters.kwonlyargs))


def _calls(script: Script, owner: str, method: str) -> Iterator[ast.Call]:
    for node in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = node.func if isinstance(node.func, ast.Attribute) else None
        if called and called.attr == method and ast.unparse(called.value) == owner:
            yield node


def _statement(script: Script, node: ast.AST) -> ast.stmt:
    return next(a for a in script.ancestors(node) if isinstance(a, ast.stmt))
