"""Randomness that no global seed reaches: fresh generators, seeds from the clock, loose orders.

A seed written where a generator is made for every batch gives every batch the same numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from whydiff.script_text.edits import (
    Edit,
    Function,
    Place,
    Script,
    last_name,
    place_before,
    whole_lines,
)
from whydiff.script_text.environments import seeded_environments
from whydiff.script_text.imports import SEED, Names
from whydiff.script_text.orders import completion_orders, draws_nothing, one_thread, order_changes
from whydiff.script_text.own_seed import own_seed, own_seeds, rebound
from whydiff.script_text.samplers import needed_import, with_seed
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
        elif again and is_entropy(node, names) and not _in_training(script, node):
            drawn_seed, what = _seed_of_each_turn(script, names, node, fresh.next)
            edits = (Edit(start, end, drawn_seed),) if drawn_seed else ()
        else:
            seeded = Edit(start, end, value(fresh.next(node)))
            edits = (seeded, *needed_import(script, names, node))
        found.append(Change(edits, "generator", node.lineno, what))
    for seeding, line, what in seeded_environments(script, names, fresh.next):
        found.append(Change(seeding, "generator", line, what))
    found += [Change((e,), "order", line, what) for e, line, what in order_changes(script, names)]
    for edit, line, what in (*completion_orders(script, names), *_parallel(script, names)):
        found.append(Change((edit,), "parallel", line, what))
    return found


def _seed_of_each_turn(
    script: Script, names: Names, node: ast.expr, seed: Callable[[ast.AST], str]
) -> tuple[str, str]:
    """What takes the place of a seed from the clock in code that runs again and again, and what
    is said of it: a constant there would give every turn the same numbers. ("", what) if unclear.
    """
    what = "a seed from the clock or the system"
    function = _function_around(script, node)
    if isinstance(function, ast.FunctionDef) and _BY_EPOCH.fullmatch(function.name):
        epoch = next((a.arg for a in function.args.args[1:2]), "")
        if epoch and not rebound(function, epoch):
            return f"{seed(node)} + {epoch}", f"{what} becomes a constant and the epoch's number"
    seeded = {
        names.called(call)
        for call in ast.walk(script.tree)
        if isinstance(call, ast.Call) and call.args and names.called(call) in GLOBAL_SEEDS
        if not is_entropy(call, names) and not executed_often(script, call)
    }
    for module, call, owner, seeding in _DRAWN_SEEDS:
        name = names.name_of(module, node.lineno)
        if name and not seeded.isdisjoint(seeding):
            return f"{name}.{call}", f"{what} is drawn from {owner}, which the script seeds"
    return "", f"{what} is taken again and again"


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
    of_torch = _torch_generators(script, names)
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = names.called(call)
        short = called.rpartition(".")[2]
        if short == "default_rng" and drawn and call.lineno not in drawn:
            continue
        if called in FRESH and _without_seed(call):
            named = called if short == "seed" else short
            yield call, _seeded_call(script, call), f"{named}() gets a seed"
        elif (sampler := with_seed(script, names, call)) is not None:
            edit, made = sampler
            yield call, partial(_edited, script, call, edit), f"{made} gets a seed"
        elif called == "random.SystemRandom" and isinstance(call.func, ast.Attribute):
            yield call, _method(script, call.func, "Random"), "SystemRandom() becomes Random(seed)"
        elif called == "tensorflow.random.Generator.from_non_deterministic_state":
            assert isinstance(call.func, ast.Attribute)
            seeded = _method(script, call.func, "from_seed")
            yield call, seeded, "the tf.random.Generator gets a seed"
        elif called == "torch.seed" and not isinstance(script.parent[call], ast.Expr):
            yield call, str, "torch.seed() becomes a constant"
        elif isinstance(call.func, ast.Attribute) and (called == "torch.seed" or call in of_torch):
            seeded = _method(script, call.func, "manual_seed")
            name = script.segment(call.func)
            yield call, seeded, f"{name}(), a seed from the system, becomes manual_seed"
    for value in _seed_expressions(script, names):
        # A generator around the clock has its own argument replaced; it must stay a generator.
        makes = any(names.called(n) in SEEDED for n in ast.walk(value))
        if is_entropy(value, names) and not makes:
            yield value, str, "a seed from the clock or the system becomes a constant"


def _torch_generators(script: Script, names: Names) -> set[ast.Call]:
    """Calls ``generator.seed()`` of generators of torch, which take a seed from the system there;
    those whose seed the script keeps are none of them."""
    made = {
        last_name(target)
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Assign) and names.called(node.value) == "torch.Generator"
        for target in node.targets
    }
    return {
        node.value
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "seed"
        and last_name(node.value.func.value) in made
    }


def _without_seed(call: ast.Call) -> bool:
    named = [k.value for k in call.keywords if k.arg is None or k.arg in _SEED_PARAMETERS]
    given = [*call.args, *named]
    return all(isinstance(a, ast.Constant) and a.value is None for a in given)


def _seeded_call(script: Script, call: ast.Call) -> Callable[[str], str]:
    kept = [
        f"{k.arg}={script.segment(k.value)}" for k in call.keywords if k.arg not in _SEED_PARAMETERS
    ]
    return lambda seed: f"{script.segment(call.func)}({', '.join([seed, *kept])})"


def _edited(script: Script, call: ast.Call, edit: Edit, seed: str) -> str:
    start, end = script.span(call)
    before, behind = script.text[start : edit.start], script.text[edit.end : end]
    return before + edit.new.format(seed) + behind


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
            if any(is_seed(last_name(t)) for t in targets):
                yield node.value
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (default for name, default in _defaults(node.args) if is_seed(name))
        elif isinstance(node, ast.Dict):
            entries = zip(node.keys, node.values, strict=True)
            yield from (
                v for k, v in entries if isinstance(k, ast.Constant) and is_seed(str(k.value))
            )


def _defaults(parameters: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """A function's parameters that have a default, each with it."""
    positional = [*parameters.posonlyargs, *parameters.args]
    with_default = positional[len(positional) - len(parameters.defaults) :]
    yield from ((a.arg, d) for a, d in zip(with_default, parameters.defaults, strict=True))
    by_name = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
    yield from ((a.arg, d) for a, d in by_name if d)


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
        if called in functions:
            parameters = [*functions[called].posonlyargs, *functions[called].args]
            given = zip(parameters, call.args, strict=False)
            yield from (v for p, v in given if any(w in p.arg.lower() for w in _SEED_WORDS))


def _about_seed(call: ast.Call) -> bool:
    flags = [a.value for a in call.args if isinstance(a, ast.Constant)]
    return any("seed" in str(flag).lower() for flag in flags)


def _parallel(script: Script, names: Names) -> Iterator[tuple[Edit, int, str]]:
    """Pipelines that hand out elements, or random numbers, in the order threads finish."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            threads = one_thread(script, names, node)
            if threads is not None:
                yield threads, node.lineno, "one thread: each draws in its turn"
            # Elements come in their order, whichever thread made them: only draws are a race.
            left = "num_parallel_calls" if draws_nothing(script, names, node) else ""
            kept = [k for k in node.keywords if k.arg != left]
            for keyword, new in ((k, _sequential(k)) for k in kept if _sequential(k)):
                edit = Edit(*script.span(keyword.value), new)
                yield edit, node.lineno, f"{keyword.arg}={new}"
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


#: methods that Keras and torch call for every batch, every epoch or every row
_CALLED_OFTEN = re.compile(
    r"call|__call__|__getitem__|__next__|(train|test|predict)_step|compute_(loss|metrics)"
    r"|on_(train_|test_|predict_)?(batch|epoch)_(begin|end)"
)
#: those of them that get an epoch's number, which no two calls of one training share
_BY_EPOCH = re.compile(r"on_epoch_(begin|end)")
#: how a seed is drawn from a global generator: module, call, whose it is, and what seeds it
_DRAWN_SEEDS = (
    ("numpy", "random.randint(2**31)", "NumPy's generator", {SEED, "numpy.random.seed"}),
    ("random", "randrange(2**31)", "Python's random", {SEED, "random.seed"}),
)
#: what calls a function that it is given once for every element
_FOR_EACH = ("map", "apply", "numpy_function", "py_function", "filter", "starmap", "Lambda")
_REPEATING = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp,
              ast.GeneratorExp)  # fmt: skip


def executed_often(script: Script, node: ast.AST) -> bool:
    """Whether a script's text says that a node is executed many times within one training."""
    return _often(script, node, frozenset())


def _often(script: Script, node: ast.AST, seen: frozenset[str]) -> bool:
    function = _function_around(script, node)
    if function is None:
        return False  # a loop of the module itself goes over folds, trials or settings
    if _in_loop(script, node, function) or _CALLED_OFTEN.fullmatch(function.name):
        return True
    if function.name in seen:
        return False
    seen |= {function.name}
    uses = _uses(script, function.name)
    return any(_given_to_map(script, use) or _often(script, use, seen) for use in uses)


def _function_around(script: Script, node: ast.AST) -> Function | None:
    return next((a for a in script.ancestors(node) if isinstance(a, Function)), None)


def _in_loop(script: Script, node: ast.AST, function: Function) -> bool:
    """Whether a loop of its function repeats a node, unless it goes over whole trainings."""
    inner = node
    for around in script.ancestors(node):
        if around is function:
            return False
        first = (
            getattr(around, "iter", None) if isinstance(around, ast.For | ast.AsyncFor) else None
        )
        if isinstance(around, _REPEATING) and inner is not first and not _trains(around):
            return True
        inner = around
    return False


def _in_training(script: Script, node: ast.AST) -> bool:
    """Whether the function around a node trains: a seed in it is set once for each training."""
    function = _function_around(script, node)
    return function is not None and _trains(function)


def _trains(place: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "fit" for n in ast.walk(place))


def _uses(script: Script, name: str) -> Iterator[ast.expr]:
    """Where a function is named: called, or given to another one."""
    for node in ast.walk(script.tree):
        named = isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        method = isinstance(node, ast.Attribute) and node.attr == name
        if (named or method) and isinstance(node, ast.Name | ast.Attribute):
            yield node


def _given_to_map(script: Script, use: ast.expr) -> bool:
    call = next((a for a in script.ancestors(use) if isinstance(a, ast.Call)), None)
    if call is None or call.func is use:
        return False
    called = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    return called in _FOR_EACH


def made_once(
    script: Script,
    names: Names,
    call: ast.Call,
    seeded: Callable[[str], str],
    seed: Callable[[ast.AST], str],
) -> tuple[Edit, ...]:
    """Edits that make a generator once, outside of the function that asks for it; () if unclear.

    ``seeded`` writes the call with a seed in it, ``seed`` gives the one known at a statement.
    """
    outermost = [a for a in script.ancestors(call) if isinstance(a, ast.stmt)][-1]
    place = _place(script, names, outermost)
    if place is None:
        return ()
    uses, name = _uses_of(script, call)
    if not uses:
        return ()
    line = f"{name} = {seeded(seed(place.statement))}"
    definition = isinstance(place.statement, ast.FunctionDef | ast.ClassDef)
    new = place.insert(line)
    if definition:  # two blank lines around it, as the file has them
        new = Edit(new.start, new.end, new.new + place.newline * 2)
    return (new, *uses)


def made_before_loop(
    script: Script,
    call: ast.Call,
    seeded: Callable[[str], str],
    seed: Callable[[ast.AST], str],
) -> tuple[Edit, ...]:
    """Edits that make a generator above the loop that makes it anew, where the function around it
    yields: whoever goes through it again gets the same numbers. () for any other."""
    function = _function_around(script, call)
    if function is None or not any(_yields(script, n, function) for n in ast.walk(function)):
        return ()
    around = [a for a in script.ancestors(call) if isinstance(a, ast.stmt)]
    inside = around[: around.index(function)] if function in around else []
    loop = next((a for a in reversed(inside) if isinstance(a, ast.For | ast.While)), None)
    place = place_before(script, loop) if loop is not None and not _trains(loop) else None
    uses, name = _uses_of(script, call)
    if place is None or not uses:
        return ()
    return (place.insert(f"{name} = {seeded(seed(place.statement))}"), *uses)


def _yields(script: Script, node: ast.AST, function: Function) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom) and script.scope(node) is function


def _uses_of(script: Script, call: ast.Call) -> tuple[tuple[Edit, ...], str]:
    """The edits by which a generator made elsewhere takes the place of this one, and its name."""
    statement = script.parent[call]
    own = _only_name(script, statement)
    if own:
        cut = whole_lines(script, statement) if isinstance(statement, ast.stmt) else None
        return ((cut,) if cut is not None else ()), own
    return (() if _taken(script, "rng") else (Edit(*script.span(call), "rng"),)), "rng"


def _place(script: Script, names: Names, outermost: ast.stmt) -> Place | None:
    """Before the function or class; where the script's seed comes later, just below that."""
    for seed in own_seeds(script, names):
        block = _block(script, seed.statement)
        later = seed.statement.lineno > outermost.lineno and not seed.unset
        if later and block and _function_around(script, seed.statement) is None:
            following = block[block.index(seed.statement) + 1 :][:1]
            return place_before(script, following[0]) if following else None
    return place_before(script, outermost)


def _block(script: Script, statement: ast.stmt) -> list[ast.stmt]:
    parent = script.parent[statement]
    blocks = (getattr(parent, name, []) for name in ("body", "orelse"))
    return next((b for b in blocks if isinstance(b, list) and statement in b), [])


def _only_name(script: Script, statement: ast.AST) -> str:
    """The name that the statement gives the generator, if nothing else in the script binds it."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return ""
    return target.id if _bindings(script, target.id) == 1 else ""


def _taken(script: Script, name: str) -> bool:
    used = (n for n in ast.walk(script.tree) if isinstance(n, ast.Name))
    return _bindings(script, name) > 0 or any(n.id == name for n in used)


def _bindings(script: Script, name: str) -> int:
    """How often a name is bound, by whatever statement."""
    count = 0
    for node in ast.walk(script.tree):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                count += node.id == name
            case ast.arg():
                count += node.arg == name
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                count += node.name == name
            case ast.Import() | ast.ImportFrom():
                count += any((a.asname or a.name).partition(".")[0] == name for a in node.names)
    return count
