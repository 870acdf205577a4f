"""Orders that are left open: of sets, of directory listings, of threads that share a generator."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.script_text.edits import Edit, Script, keyword_edit, last_name
from whydiff.script_text.imports import Names

_LISTING = frozenset({"os.listdir", "glob.glob", "glob.iglob"})
_LISTING_METHODS = frozenset({"iterdir", "glob", "rglob"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
#: calls that walk through their argument and keep the order
_KEEP_ORDER = frozenset({"tuple", "enumerate", "zip", "map", "filter", "iter", "dict.fromkeys"})

OrderChange = tuple[Edit, int, str]


def order_changes(script: Script, names: Names) -> Iterator[OrderChange]:
    """Edits that sort what is iterated in hash order or in the order of the file system."""
    sets = _set_names(script, names)
    for node in ast.walk(script.tree):
        for iterated in _iterated(node, names):
            if _is_set(iterated, names, sets):
                yield from _wrap(script, iterated, "a set is iterated in sorted order")
        listed = isinstance(node, ast.Call) and _becomes_list(node, names, sets)
        if isinstance(node, ast.Call) and listed and not _sorted(script, node):
            yield Edit(*script.span(node.func), "sorted"), node.lineno, "list(set) becomes sorted"
        if isinstance(node, ast.Call) and _lists_files(node, names) and not _sorted(script, node):
            yield from _wrap(script, node, "files are taken in sorted order")


def completion_orders(script: Script, names: Names) -> Iterator[OrderChange]:
    """Edits that take the results of threads and processes in the order of the work, not in that
    in which they happen to end."""
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        function = names.called(call).rpartition(".")[2] or getattr(call.func, "attr", "")
        if function == "as_completed" and call.args:
            new = script.segment(call.args[0])
            yield Edit(*script.span(call), new), call.lineno, "as_completed() is left out"
        elif function == "imap_unordered" and isinstance(call.func, ast.Attribute):
            start, end = script.span(call.func.value)[1], script.span(call.func)[1]
            yield Edit(start, end, ".imap"), call.lineno, "imap_unordered() becomes imap()"


def uses_hash_order(script: Script, names: Names) -> bool:
    """Whether the script makes a set or asks for a hash: then PYTHONHASHSEED may matter."""
    return any(
        isinstance(n, ast.Set | ast.SetComp) or names.called(n) in ("set", "frozenset", "hash")
        for n in ast.walk(script.tree)
    )


def _wrap(script: Script, node: ast.expr, what: str) -> Iterator[OrderChange]:
    start, end = script.span(node)
    yield Edit(start, start, "sorted("), node.lineno, what
    yield Edit(end, end, ")"), node.lineno, what


def _iterated(node: ast.AST, names: Names) -> list[ast.expr]:
    """Expressions that a node walks through in their order."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
        return [g.iter for g in node.generators]
    if isinstance(node, ast.Call):
        joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        if joins or names.called(node) in _KEEP_ORDER:
            return list(node.args)
    if isinstance(node, ast.List | ast.Tuple):
        return [e.value for e in node.elts if isinstance(e, ast.Starred)]
    return []


def _becomes_list(call: ast.Call, names: Names, sets: frozenset[str]) -> bool:
    one = len(call.args) == 1 and not call.keywords
    return one and names.called(call) == "list" and _is_set(call.args[0], names, sets)


def _is_set(node: ast.expr, names: Names, sets: frozenset[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in sets
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor
    ):
        return _is_set(node.left, names, sets) or _is_set(node.right, names, sets)
    if isinstance(node, ast.Call):
        if names.called(node) in ("set", "frozenset"):
            return True
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in _SET_METHODS:
            return _is_set(func.value, names, sets)
    return False


def _set_names(script: Script, names: Names) -> frozenset[str]:
    """Names that are only ever assigned sets."""
    assigned: dict[str, list[ast.expr]] = {}
    other: set[str] = set()
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign):
            for target in (t for t in node.targets if isinstance(t, ast.Name)):
                assigned.setdefault(target.id, []).append(node.value)
            parts = [t for t in node.targets if not isinstance(t, ast.Name)]
            other |= {n.id for t in parts for n in ast.walk(t) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.For | ast.comprehension):
            other |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.arg):
            other.add(node.arg)
    empty: frozenset[str] = frozenset()
    return frozenset(
        name
        for name, values in assigned.items()
        if name not in other and all(_is_set(v, names, empty) for v in values)
    )


def _lists_files(call: ast.Call, names: Names) -> bool:
    if names.called(call) in _LISTING:
        pattern = call.args[0] if call.args and "glob" in names.called(call) else None
        text = pattern.value if isinstance(pattern, ast.Constant) else None
        return not isinstance(text, str) or any(mark in text for mark in "*?[")  # else one at most
    func = call.func
    return (
        isinstance(func, ast.Attribute)
        and func.attr in _LISTING_METHODS
        and names.dotted(func.value) not in ("glob", "tensorflow.io.gfile", "tensorflow.io")
    )


def _sorted(script: Script, call: ast.Call) -> bool:
    """Whether a listing is sorted already, on the spot or by a later ``.sort()``."""
    for node in script.ancestors(call):
        name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if name in ("sorted", "len", "set", "any", "sum", "max", "min"):
            return True
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return f"{node.targets[0].id}.sort(" in script.text
        if isinstance(node, ast.stmt):
            return False
    return False


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
#: Functions and methods that draw random numbers, by their last name.
DRAWS = frozenset(
    {"random", "normal", "uniform", "integers", "randint", "choice", "permutation", "shuffle",
     "standard_normal", "beta", "gamma", "poisson", "binomial", "exponential", "permuted", "rand",
     "randn", "sample", "gauss", "random_sample", "choices", "randrange", "randperm"}
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
        return keyword_edit(script, call, keyword, "1")
    single = isinstance(given, ast.Constant) and given.value == 1
    return None if single else Edit(*script.span(given), "1")


#: layers of Keras that prepare data and draw no random numbers
_FIXED = frozenset(
    {"Rescaling", "Resizing", "CenterCrop", "Normalization", "Discretization", "CategoryEncoding",
     "StringLookup", "IntegerLookup", "TextVectorization", "Hashing"}
)  # fmt: skip


def draws_nothing(script: Script, names: Names, call: ast.Call) -> bool:
    """Whether a call of ``map`` is given a function that surely draws no random numbers: it calls
    only operations without any, layers that prepare data, and such functions."""
    mapped = isinstance(call.func, ast.Attribute) and call.func.attr == "map" and call.args
    return bool(mapped) and _fixed(script, names, call.args[0], frozenset())


def _fixed(script: Script, names: Names, function: ast.expr, seen: frozenset[str]) -> bool:
    named = function.id if isinstance(function, ast.Name) else ""
    body: ast.AST | None = function if isinstance(function, ast.Lambda) else None
    for node in ast.walk(script.tree) if named and named not in seen else ():
        if isinstance(node, ast.FunctionDef) and node.name == named:
            body = node if body is None else None  # two of one name: which is not known
    if body is None:
        return False
    calls = [n for n in ast.walk(body) if isinstance(n, ast.Call)]
    return all(
        _operation(names.called(c))
        or _prepares(script, names, c.func)
        or _fixed(script, names, c.func, seen | {named})
        for c in calls
    )


def _operation(called: str) -> bool:
    return called.startswith(("tensorflow.", "keras.ops.")) and "random" not in called


def _prepares(script: Script, names: Names, function: ast.expr) -> bool:
    """Whether a name is given nothing but one layer that prepares data."""
    given = [
        n.value
        for n in ast.walk(script.tree)
        if isinstance(n, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == last_name(function) for t in n.targets)
    ]
    called = names.called(given[0]) if len(given) == 1 else ""
    return called.startswith("keras.layers.") and called.rpartition(".")[2] in _FIXED


def racing_draws(script: Script, names: Names) -> Iterator[tuple[int, str]]:
    """Lines that hand a function that draws from a shared generator to threads, in words, and
    methods of a data set that workers run."""
    calls = [n for n in ast.walk(script.tree) if isinstance(n, ast.Call)]
    classes = [n for n in ast.walk(script.tree) if isinstance(n, ast.ClassDef)]
    for cls in classes if any(map(_several_workers, calls)) else ():
        item = next((m for m in cls.body if getattr(m, "name", "") == "__getitem__"), None)
        if isinstance(item, ast.FunctionDef) and _draws_shared(item, names):
            yield item.lineno, f"several workers run {cls.name}.__getitem__, which {RACE}"
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


def _several_workers(call: ast.Call) -> bool:
    given = next((k.value for k in call.keywords if k.arg == "workers"), None)
    number = given.value if isinstance(given, ast.Constant) else 0
    return isinstance(number, int) and number > 1


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
        outer = owner.isidentifier() and owner not in bound
        if drawn in DRAWS and (outer or owner.startswith("self.")):
            return True
    return False


def reset_in_loop(loop: ast.While) -> ast.Assign | None:
    """The ``i = 0`` of ``while True: i = 0; yield x[i:]; i += n``: the first rows for ever."""
    if not (isinstance(loop.test, ast.Constant) and bool(loop.test.value)):
        return None
    for at, first in enumerate(loop.body):
        # What the loop does once in a turn: an inner loop may count by itself.
        rest = (s for s in loop.body[at + 1 :] if not isinstance(s, ast.For | ast.While))
        straight = [n for s in rest for n in ast.walk(s)]
        yields = [n for n in straight if isinstance(n, ast.Yield) and n.value is not None]
        read = {n.id for y in yields for n in ast.walk(y) if isinstance(n, ast.Name)}
        match first:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int())):
                if name in read and any(_counts(n, name) for n in straight):
                    return first
        if any(isinstance(n, ast.Yield) for n in ast.walk(first)):
            return None
    return None


def _counts(node: ast.AST, name: str) -> bool:
    """``i += n``, ``i = end``."""
    match node:
        case ast.AugAssign(target=ast.Name(id=target)):
            return target == name
        case ast.Assign(targets=[ast.Name(id=target)], value=value):
            return target == name and not isinstance(value, ast.Constant)
    return False
