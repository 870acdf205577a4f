"""Rules about the data: orders nobody fixed, workers that race, rows that come sorted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, constant, keyword, method
from whydiff.script_text.orders import order_changes

_SORTED_SETS = ("load_iris", "load_wine")
_SHUFFLES = ("permutation", "shuffle", "train_test_split", "permuted")
_ORDERLESS = ("sorted", "len", "set", "frozenset", "min", "max", "sum", "any", "all", "Counter",
              "collections.Counter", "natsort.natsorted", "natsort.os_sorted")  # fmt: skip
#: goes through a dictionary in the order in which it was filled
_THROUGH = ("values", "items", "keys", "popitem")
_KEEPING = ("list", "tuple", "enumerate", "zip", "str", "repr", "iter", "map", "filter")
_COLLECTING = ("append", "extend", "insert", "write", "writerow", "put", "fit")
_DATASETS = ("keras.utils.PyDataset", "keras.utils.Sequence")


def _files(s: Source) -> Iterator[Hit]:
    for edit, _, what in order_changes(s.script, s.names):
        if "files" in what and edit.new == "sorted(":
            node = _expression_at(s, edit.start)
            if node is not None and not _order_is_lost(s, node) and not _afterwards(s, node):
                yield Hit.at(node, "files are taken in the order of the file system")


def sets_iterated(s: Source) -> Iterator[Hit]:
    """Lines whose result depends on the order in which a set of texts hands out what it holds."""
    lines = set()
    for edit, line, what in order_changes(s.script, s.names):
        if "set" not in what or edit.new == ")" or line in lines or _numbers(s, line):
            continue
        node = _expression_at(s, edit.start)
        if node is not None and not _order_is_lost(s, node) and not _afterwards(s, node):
            lines.add(line)
            yield Hit.at(node, "a set is iterated in hash order")


def _afterwards(s: Source, node: ast.expr) -> bool:
    """Whether all training is over by then."""
    last = max((c.lineno for c in s.fits), default=None)
    return last is not None and node.lineno > last and s.scope(node) is s.script.tree


def _expression_at(s: Source, offset: int) -> ast.expr | None:
    """The widest expression that starts there."""
    found = [n for n in s.nodes if isinstance(n, ast.expr) and s.script.span(n)[0] == offset]
    return max(found, key=lambda n: s.script.span(n)[1], default=None)


def _order_is_lost(
    s: Source, node: ast.expr, seen: frozenset[str] = frozenset(), picked: bool = False
) -> bool:
    """Whether nothing depends on the order: it is sorted or counted, shown, or left alone.

    ``picked`` says that it is one of the names by now, as of a picture that is shown.
    """
    used = False  # by something that may depend on the order
    for above in s.script.ancestors(node):
        picked = picked or _picks_one(s, above)
        if isinstance(above, ast.Call) and method(above) in _COLLECTING:
            return False
        if isinstance(above, ast.Call) and s.called(above) in _ORDERLESS:
            return True
        if isinstance(above, ast.Call) and s.called(above) == "print":
            return not used
        if isinstance(above, ast.DictComp) and _looked_up(s, above, node):
            return True
        if isinstance(above, ast.Call):
            used = used or not (s.called(above) in _KEEPING or method(above) in ("join", "format"))
        if isinstance(above, ast.Compare):  # `"a" in os.listdir(".")`
            return True
        if isinstance(above, ast.For) and above.iter in (node, *s.script.ancestors(node)):
            return not _accumulates(above)
        if isinstance(above, ast.Assign) and isinstance(above.targets[0], ast.Name):
            name = above.targets[0].id
            uses = _uses(s, name, above)
            known = name in seen or not uses
            seen |= {name}
            return not known and all(_order_is_lost(s, use, seen, picked) for use in uses)
        if isinstance(above, ast.If | ast.While | ast.Assert):  # `if files:`
            return above.test in (node, *s.script.ancestors(node))
        if isinstance(above, ast.Expr):  # at most shown by a notebook
            return picked or not used
        if isinstance(above, ast.stmt):
            return False
    return False


def _looked_up(s: Source, table: ast.DictComp, node: ast.expr) -> bool:
    """Whether a dictionary has the elements of ``node`` as its keys and is only looked up."""
    made = table.generators[0]
    keyed = made.iter is node and ast.unparse(made.target) in {
        ast.unparse(n) for n in ast.walk(table.key)
    }
    name, assigned = s.target(table), s.script.parent[table]
    if not keyed or not isinstance(assigned, ast.Assign):
        return False
    above = [s.script.parent[use] for use in _uses(s, name, assigned)]
    return all(
        isinstance(p, ast.Subscript | ast.Compare)
        or (isinstance(p, ast.Attribute) and p.attr not in _THROUGH)
        for p in above
    )


def _picks_one(s: Source, node: ast.AST) -> bool:
    """``files[0]``, ``next(files)``."""
    if isinstance(node, ast.Subscript):
        return isinstance(constant(node.slice), int)
    return isinstance(node, ast.Call) and s.called(node) == "next"


def _uses(s: Source, name: str, assigned: ast.Assign) -> list[ast.Name]:
    """Where a name is read that an assignment gave a value, up to where it is given another."""
    scope, loops = s.scope(assigned), set(s.loops(assigned))
    block = s.script.parent[assigned]
    others = [
        n.lineno
        for n in s.nodes
        if isinstance(n, ast.Name)
        and n.id == name
        and not isinstance(n.ctx, ast.Load)
        and n.lineno > assigned.lineno
        and s.scope(n) is scope
    ]
    end = min(others, default=None) if not loops and block is scope else None
    return [
        n
        for n in s.nodes
        if isinstance(n, ast.Name)
        and n.id == name
        and isinstance(n.ctx, ast.Load)
        and (end is None or s.scope(n) is not scope or assigned.lineno <= n.lineno <= end)
    ]


def _accumulates(loop: ast.For) -> bool:
    """Whether a loop leaves something that depends on the order of its turns."""
    for node in (n for statement in loop.body for n in ast.walk(statement)):
        if isinstance(node, ast.Yield | ast.YieldFrom | ast.Return | ast.Break | ast.For):
            return True
        if isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Constant):
            return True
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            return True
        if isinstance(node, ast.Call) and method(node) in _COLLECTING:
            return True
    return False


def _numbers(s: Source, line: int) -> bool:
    """A set of whole numbers on that line: their hashes are the same in every run."""
    for node in s.nodes:
        if isinstance(node, ast.Set) and node.lineno == line:
            return all(isinstance(constant(e), int) for e in node.elts)
        if s.names.called(node) == "set" and isinstance(node, ast.Call) and node.lineno == line:
            return bool(node.args) and s.names.called(node.args[0]) == "range"
    return False


def _workers(s: Source) -> Iterator[Hit]:
    for cls in (n for n in s.nodes if isinstance(n, ast.ClassDef)):
        if not any(s.names.dotted(base) in _DATASETS for base in cls.bases):
            continue
        item = next(
            (f for f in cls.body if isinstance(f, ast.FunctionDef) and f.name == "__getitem__"),
            None,
        )
        draws = [c for c in calls_in(item) if _draws(s, c)] if item else []
        several = [
            c
            for c in s.calls
            if constant(keyword(c, "workers")) not in (..., None, 0, 1)
            and (s.called(c) == cls.name or s.scope(c) in cls.body)
        ]
        if draws and several:
            yield Hit.at(draws[0], "several workers draw from one global generator, in a race")


def _draws(s: Source, call: ast.Call) -> bool:
    owner, _, function = s.called(call).rpartition(".")
    made = ("default_rng", "RandomState", "Random", "Generator")
    return owner in ("numpy.random", "random") and function not in made


def _sorted_rows(s: Source) -> Iterator[Hit]:
    loaded = [c for c in s.calls if s.called(c).rpartition(".")[2] in _SORTED_SETS]
    shuffled = any(
        method(c) in _SHUFFLES or s.called(c).rpartition(".")[2] in _SHUFFLES for c in s.calls
    )
    for call in s.fits:
        if loaded and not shuffled and keyword(call, "validation_split") is not None:
            name = s.called(loaded[0]).rpartition(".")[2]
            yield Hit.at(call, f"validation_split takes the last rows, and {name}'s are one class")


RULES = (
    Rule(
        "WD204",
        "unsorted-files",
        "files in the order of the file system",
        "os.listdir, glob and iterdir promise no order; another machine has another one.",
        "Sort the names.",
        _files,
        'import os\n\nfiles = os.listdir("images")\n',
        'import os\n\nfiles = sorted(os.listdir("images"))\n',
        "rows-reordered",
    ),
    Rule(
        "WD205",
        "hash-order",
        "a set is walked through",
        "The order of texts in a set depends on PYTHONHASHSEED, another one in every run.",
        "sorted(the_set); or dict.fromkeys(...) to keep the order of appearance.",
        sets_iterated,
        "words = set(text.split())\nindex = {w: i for i, w in enumerate(words)}\n",
        "words = sorted(set(text.split()))\nindex = {w: i for i, w in enumerate(words)}\n",
        "rows-reordered",
    ),
    Rule(
        "WD206",
        "racing-workers",
        "several workers and one global generator",
        "Workers of a PyDataset draw in an order that timing decides.",
        "A generator per batch: np.random.default_rng([seed, index]).",
        _workers,
        "import keras\nimport numpy as np\n\nnp.random.seed(1)\n\n\n"
        "class Noisy(keras.utils.PyDataset):\n    def __getitem__(self, index):\n"
        "        return np.random.rand(8, 4), self.y[index]\n\n\ndata = Noisy(workers=4)\n",
        "import keras\nimport numpy as np\n\n\n"
        "class Noisy(keras.utils.PyDataset):\n    def __getitem__(self, index):\n"
        "        rng = np.random.default_rng([1, index])\n"
        "        return rng.random((8, 4)), self.y[index]\n\n\ndata = Noisy(workers=4)\n",
        "racing-workers",
    ),
    Rule(
        "WD207",
        "sorted-validation-rows",
        "validation_split of rows sorted by class",
        "validation_split cuts off the last rows before any shuffle: one class only.",
        "Shuffle the arrays with a seed first, or use a stratified split.",
        _sorted_rows,
        "import keras\nfrom sklearn.datasets import load_iris\n\nkeras.utils.set_random_seed(1)\n"
        "x, y = load_iris(return_X_y=True)\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"
        'model.compile("adam", "mse")\nmodel.fit(x, y, validation_split=0.2)\n',
        "import keras\nimport numpy as np\nfrom sklearn.datasets import load_iris\n\n"
        "keras.utils.set_random_seed(1)\nx, y = load_iris(return_X_y=True)\n"
        "order = np.random.default_rng(1).permutation(len(x))\n"
        "model = keras.Sequential([keras.layers.Dense(3)])\n"
        'model.compile("adam", "mse")\nmodel.fit(x[order], y[order], validation_split=0.2)\n',
        "validation-split-tail",
    ),
)
