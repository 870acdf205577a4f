"""Randomness that no global seed reaches: fresh generators, seeds from the clock, loose orders."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from whydiff.script_text.edits import Edit, Script
from whydiff.script_text.imports import Names
from whydiff.script_text.orders import completion_orders, order_changes
from whydiff.script_text.own_seed import own_seed
from whydiff.script_text.pools import one_thread
from whydiff.script_text.repeated import executed_often, made_before_loop, made_once
from whydiff.script_text.seeding import GLOBAL_SEEDS, written_seed

_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

#: called without a seed, these draw one from the operating system
FRESH = frozenset(
    {"numpy.random.seed", "random.seed", "random.Random"}
    | {"numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence"}
    | {f"numpy.random.{name}" for name in _BIT_GENERATORS}
)

#: generators of which each draw moves on; made again with one seed, they begin anew
MADE = frozenset({"random.Random", "numpy.random.default_rng", "numpy.random.RandomState"})

#: what takes a seed as its first argument
SEEDED = (
    FRESH
    | GLOBAL_SEEDS
    | {
        "tensorflow.random.Generator.from_seed",
        "keras.random.SeedGenerator",
        "jax.random.key",
        "jax.random.PRNGKey",
    }
)

#: answers that differ from one run to the next
_ENTROPY = ("time.", "secrets.", "uuid.uuid", "datetime.", "random.SystemRandom")
_ENTROPY_CALLS = frozenset(
    {"os.getpid", "os.getppid", "os.urandom", "os.getrandom", "threading.get_ident", "hash", "id"}
)
_SEED_PARAMETERS = ("seed", "entropy", "x")
_SEED_WORDS = ("seed", "random_state")


@dataclass(frozen=True)
class Change:
    """Edits with what they are about: ``kind`` is "generator", "order" or "parallel"."""

    edits: tuple[Edit, ...]
    kind: str
    line: int
    what: str


def changes(
    script: Script, names: Names, drawn: Mapping[int, int] | None = None, once: bool = True
) -> list[Change]:
    """Every edit that makes a source of variation in the script's own text repeatable.

    ``drawn`` says how often each line made a ``default_rng()`` in the run, where that is known:
    all others are left alone then.

    A generator is seeded with the script's own seed where it has one. Each gets a number of its
    own: equal seeds would make their draws equal as well. One that is made again and again is made
    ``once`` instead, outside of its function; where that cannot be, its change has no edits.
    """
    drawn = drawn or {}
    found: list[Change] = []
    fresh = Seeds(script, names)
    for node, value, what in sorted(
        _generators(script, names, drawn), key=lambda item: script.span(item[0])
    ):
        start, end = script.span(node)
        if any(e.start <= start < e.end for c in found for e in c.edits):
            continue  # inside an expression that is replaced already
        again = drawn.get(node.lineno, 1) > 1 or executed_often(script, node)
        if again and isinstance(node, ast.Call) and names.called(node) in MADE:
            edits = made_before_loop(script, node, value, fresh.next)
            if once and not edits:
                edits = made_once(script, names, node, value, fresh.next)
            what = f"{what} and is made once: seeded there, it would begin anew each time"
        else:
            edits = (Edit(start, end, value(fresh.next(node))),)
        found.append(Change(edits, "generator", node.lineno, what))
    found += [Change((e,), "order", line, what) for e, line, what in order_changes(script, names)]
    for edit, line, what in (*completion_orders(script, names), *_parallel(script, names)):
        found.append(Change((edit,), "parallel", line, what))
    return found


class Seeds:
    """Hands out seeds: the script's own one, that plus 1, ...; 0, 1, ... where it has none."""

    def __init__(self, script: Script, names: Names) -> None:
        self._script, self._names = script, names
        self._given: dict[str, int] = {}
        self._written = written_seed(script, names)

    def next(self, at: ast.AST) -> str:
        """The text of the next seed for what stands at a node."""
        own = own_seed(self._script, self._names, at) or self._written
        number = self._given.get(own, 0)
        self._given[own] = number + 1
        if own.isdigit():
            return str(int(own) + number)
        return f"{own} + {number}" if number else own


#: a node, how it reads with a seed in it, and what that changes
Replacement = tuple[ast.expr, Callable[[str], str], str]


def _generators(script: Script, names: Names, drawn: Mapping[int, int]) -> Iterator[Replacement]:

    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = names.called(call)
        short = called.rpartition(".")[2]
        if short == "default_rng" and drawn and call.lineno not in drawn:
            continue
        if called in FRESH and _without_seed(call):
            named = called if short == "seed" else short
            yield call, _seeded_call(script, call), f"{named}() gets a seed"
        elif called == "random.SystemRandom" and isinstance(call.func, ast.Attribute):
            yield call, _method(script, call.func, "Random"), "SystemRandom() becomes Random(seed)"
        elif called == "tensorflow.random.Generator.from_non_deterministic_state":
            assert isinstance(call.func, ast.Attribute)
            seeded = _method(script, call.func, "from_seed")
            yield call, seeded, "the tf.random.Generator gets a seed"
        elif called == "torch.seed" and not isinstance(script.parent[call], ast.Expr):
            yield call, str, "torch.seed() becomes a constant"
        elif called == "torch.seed" and isinstance(call.func, ast.Attribute):
            seeded = _method(script, call.func, "manual_seed")
            yield call, seeded, "torch.seed() becomes manual_seed"
    for value in _seed_expressions(script, names):
        # A generator around the clock has its own argument replaced; it must stay a generator.
        makes = any(names.called(n) in SEEDED for n in ast.walk(value))
        if is_entropy(value, names) and not makes:
            yield value, str, "a seed from the clock or the system becomes a constant"


def _without_seed(call: ast.Call) -> bool:
    named = [k.value for k in call.keywords if k.arg is None or k.arg in _SEED_PARAMETERS]
    given = [*call.args, *named]
    return all(isinstance(a, ast.Constant) and a.value is None for a in given)


def _seeded_call(script: Script, call: ast.Call) -> Callable[[str], str]:
    kept = [
        f"{k.arg}={script.segment(k.value)}" for k in call.keywords if k.arg not in _SEED_PARAMETERS
    ]
    return lambda seed: f"{script.segment(call.func)}({', '.join([seed, *kept])})"


def _method(script: Script, method: ast.Attribute, name: str) -> Callable[[str], str]:
    return lambda seed: f"{script.segment(method.value)}.{name}({seed})"


def is_entropy(node: ast.AST, names: Names) -> bool:
    """Whether an expression asks the clock or the operating system for its value."""
    called = (names.called(n) for n in ast.walk(node))
    return any(c.startswith(_ENTROPY) or c in _ENTROPY_CALLS for c in called if c)


def _seed_expressions(script: Script, names: Names) -> Iterator[ast.expr]:
    """Expressions whose value ends up as a seed, as far as names and positions say."""
    direct = list(_seed_arguments(script, names))
    yield from direct
    used = {n.id for e in direct for n in ast.walk(e) if isinstance(n, ast.Name)}

    def is_seed(name: str) -> bool:
        return name in used or any(word in name.lower() for word in _SEED_WORDS)

    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(is_seed(_target_name(t)) for t in targets):
                yield node.value
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args]
            defaults = node.args.defaults
            pairs = [*zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)]
            pairs += [
                (a, d)
                for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                if d
            ]
            yield from (d for a, d in pairs if is_seed(a.arg))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and is_seed(str(key.value)):
                    yield value


def _seed_arguments(script: Script, names: Names) -> Iterator[ast.expr]:
    functions = {f.name: f.args for f in ast.walk(script.tree) if isinstance(f, ast.FunctionDef)}
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = names.called(call)
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if call.args and (called in SEEDED or method in ("manual_seed", "set_random_seed")):
            yield call.args[0]
        for keyword in call.keywords:
            option = keyword.arg == "default" and method == "add_argument" and _about_seed(call)
            if option or any(word in (keyword.arg or "") for word in _SEED_WORDS):
                yield keyword.value
        own = functions.get(called)
        if own is not None:
            parameters = [*own.posonlyargs, *own.args]
            for parameter, value in zip(parameters, call.args, strict=False):
                if any(word in parameter.arg.lower() for word in _SEED_WORDS):
                    yield value


def _about_seed(call: ast.Call) -> bool:
    flags = [a.value for a in call.args if isinstance(a, ast.Constant)]
    return any("seed" in str(flag).lower() for flag in flags)


def _target_name(target: ast.expr) -> str:
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def _parallel(script: Script, names: Names) -> Iterator[tuple[Edit, int, str]]:
    """Pipelines that hand out elements, or random numbers, in the order threads finish."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            threads = one_thread(script, names, node)
            if threads is not None:
                yield threads, node.lineno, "one thread: each draws in its turn"
            for keyword in node.keywords:
                new = _sequential(keyword)
                if new:
                    yield (
                        Edit(*script.span(keyword.value), new),
                        node.lineno,
                        f"{keyword.arg}={new}",
                    )
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            name = node.targets[0].attr
            off = isinstance(node.value, ast.Constant) and node.value.value is False
            if off and name in ("deterministic", "experimental_deterministic"):
                yield Edit(*script.span(node.value), "True"), node.lineno, f"{name} = True"


def _sequential(keyword: ast.keyword) -> str:
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
    if keyword.arg == "deterministic" and value is False:
        return "True"
    if keyword.arg == "num_parallel_calls" and value not in (1, None):
        return "1"
    if keyword.arg == "workers" and value not in (0, 1):
        return "1"
    if keyword.arg == "use_multiprocessing" and value is True:
        return "False"
    return ""
