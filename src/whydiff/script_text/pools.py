"""Threads that draw from a generator they share: which of them draws first is a race."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.script_text.edits import Edit, Script
from whydiff.script_text.imports import Names

#: Pools of threads, with the keyword that says how many.
_POOLS = {"ThreadPoolExecutor": "max_workers", "ThreadPool": "processes"}
_HANDING = frozenset(
    {"map", "submit", "imap", "imap_unordered", "starmap", "apply_async", "map_async"}
)
#: What is said of them.
RACE = "draw from one generator in an order that timing decides"
_GLOBAL = ("numpy.random.", "random.")
_OWN = frozenset(
    {"default_rng", "RandomState", "Generator", "SeedSequence", "Random", "SystemRandom"}
)
_DRAWS = frozenset(
    {"random", "normal", "uniform", "integers", "randint", "choice", "permutation", "shuffle",
     "standard_normal", "beta", "gamma", "poisson", "binomial", "exponential", "permuted", "rand",
     "randn", "sample", "gauss", "random_sample", "choices", "randrange"}
)  # fmt: skip


def one_thread(script: Script, names: Names, call: ast.Call) -> Edit | None:
    """The edit that gives a pool of threads one thread, where what it runs draws from a generator
    that they share; None for any other call."""
    keyword = _POOLS.get(names.called(call).rpartition(".")[2])
    if keyword is None or not any(racing_draws(script, names)):
        return None
    given = next((k.value for k in call.keywords if k.arg == keyword), None)
    given = given or next(iter(call.args), None)
    if given is None:
        end = script.span(call)[1] - 1
        return Edit(end, end, f"{', ' if call.keywords else ''}{keyword}=1")
    single = isinstance(given, ast.Constant) and given.value == 1
    return None if single else Edit(*script.span(given), "1")


def racing_draws(script: Script, names: Names) -> Iterator[tuple[int, str]]:
    """Lines that hand a function that draws from a shared generator to threads, in words."""
    calls = [n for n in ast.walk(script.tree) if isinstance(n, ast.Call)]
    if not any(names.called(c).rpartition(".")[2] in _POOLS for c in calls):
        return
    functions = {n.name: n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)}
    for call in calls:
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        first = call.args[0] if call.args else None
        run = functions.get(first.id) if isinstance(first, ast.Name) else None
        if method in _HANDING and run is not None and _draws_shared(run, names):
            yield (
                call.lineno,
                f"{method} runs {run.name} in several threads, which {RACE}",
            )


def _draws_shared(function: ast.FunctionDef, names: Names) -> bool:
    """Whether a function draws from a generator that it has not made itself."""
    nodes = list(ast.walk(function))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    for call in (n for n in nodes if isinstance(n, ast.Call)):
        called = names.called(call)
        if called.startswith(_GLOBAL) and called.rpartition(".")[2] not in _OWN:
            return True
        owner, _, drawn = called.rpartition(".")
        if drawn in _DRAWS and owner.isidentifier() and owner not in bound:
            return True
    return False
