"""Scopes are those of Python: held against ``symtable``, and names of scripts against examples."""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict
from pathlib import Path

import pytest

from whydiff.lint import check_text
from whydiff.script_text.edits import parse
from whydiff.script_text.imports import Names
from whydiff.script_text.scopes import Scopes

SRC = Path(__file__).parents[2] / "src" / "whydiff"
ODD = """
import a, b.c as d, e.f
from g import h as i, j
x: int = 1
def f(p, /, q=x, *r, s: a = 2, **t) -> d:
    global x, late
    import local
    def g():
        nonlocal q
        q, z = 1, 2
        return [w for w in q for v in w if (u := v)]
    x = late = g
    del z0
    for k, (l, *m) in p: pass
    with p as n, q as (o, [y]): pass
    try: pass
    except ValueError as error: pass
    match p:
        case {"a": one, **rest}: pass
        case [two, *three] | (two, *three): pass
        case C(four) as five: pass
    return lambda a, *, b=h: (a, b, c0)
class C(d, metaclass=i):
    x = 1
    y = [x for _ in range(x)]
    def m(self): return x, y
async def co():
    async for item in a: yield {k: v for k, v in item}
"""


def tables(table):
    yield table
    for child in table.get_children():
        yield from tables(child)


def by_symtable(text):
    """(kind, name, line) -> the names that such scopes bind, one sorted list per scope."""
    found = defaultdict(list)
    for table in tables(symtable.symtable(text, "a.py", "exec")):
        module = table.get_type() == "module"
        names = sorted(
            s.get_name()
            for s in table.get_symbols()
            if (s.is_assigned() or s.is_imported() or s.is_parameter())
            and (module or not (s.is_global() or s.is_free() or s.is_nonlocal()))
            and not s.get_name().startswith(".")
        )
        found[table.get_name() if not module else "top"].append(names)
    return {key: sorted(value) for key, value in found.items()}


NAMES = {ast.Lambda: "lambda", ast.ListComp: "listcomp", ast.SetComp: "setcomp",
         ast.DictComp: "dictcomp", ast.GeneratorExp: "genexpr", ast.Module: "top"}  # fmt: skip


def by_scopes(text):
    tree = ast.parse(text)
    scopes = Scopes(tree)
    found = defaultdict(list)
    kinds = (*NAMES, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            name = NAMES.get(type(node)) or node.name
            free = scopes._nonlocal[node]
            found[name].append(sorted(scopes.bound[node] - free))
    return {key: sorted(value) for key, value in found.items()}


def test_an_odd_text_has_the_scopes_that_python_sees():
    ours, theirs = by_scopes(ODD), by_symtable(ODD)
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name != "top":  # what a function makes global is bound at the top for us
            assert ours[name] == theirs[name], name
    assert set(ours["top"][0]) - set(theirs["top"][0]) <= {"late"}


@pytest.mark.parametrize("folder", ["script_text", "lint", "storage", "runner"])
def test_our_sources_have_the_scopes_that_python_sees(folder):
    for path in (SRC / folder).rglob("*.py"):
        text = path.read_text()
        ours, theirs = by_scopes(text), by_symtable(text)
        for name in ours.keys() - {"top"}:
            assert ours[name] == theirs[name], (path, name)


LOCAL = """
import numpy as np
def jitted(x):
    import jax.numpy as np
    return np.random.rand(x)
np.random.rand(3)
"""


def dotted(text):
    script = parse(text)
    names = Names(script)
    calls = [n for n in ast.walk(script.tree) if isinstance(n, ast.Call)]
    return [names.called(c) for c in sorted(calls, key=lambda c: c.lineno)]


@pytest.mark.parametrize(
    ("text", "called"),
    [
        (LOCAL, ["jax.numpy.random.rand", "numpy.random.rand"]),
        ("import random\ndef f(random):\n    random.seed(1)\nrandom.seed(2)\n",
         ["random.seed", "random.seed"]),
        ("import numpy as np\ndef f(np):\n    np.random.rand()\n", ["np.random.rand"]),
        ("import numpy as np\nf(lambda np: np.rand())\n", ["f", "np.rand"]),
        ("def f():\n    import numpy as np\nnp.random.rand()\n", ["np.random.rand"]),
        ("def f():\n    global np\n    import numpy as np\nnp.random.rand()\n",
         ["numpy.random.rand"]),
        ("def f():\n    import numpy as np\n    def g():\n        np.random.rand()\n",
         ["numpy.random.rand"]),
        ("class A:\n    import numpy as np\n    def f(self):\n        np.random.rand()\n",
         ["np.random.rand"]),
        ("import numpy as np\ndef f(a=np.zeros(3), *, np=None): pass\n", ["numpy.zeros"]),
        ("import numpy as np\n[np.f() for np in np.g()]\n", ["np.f", "numpy.g"]),
        ("try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\n"
         "keras.f()\n", ["keras.f"]),
    ],
)  # fmt: skip
def test_a_name_means_what_its_scope_binds(text, called):
    assert sorted(dotted(text)) == sorted(called)


def test_a_long_sum_is_no_deep_recursion():
    text = "import numpy as np\nx = " + " + ".join(["np.f()"] * 900) + "\n"
    assert set(dotted(text)) == {"numpy.f"}


def test_a_local_import_does_not_hide_a_trap_of_the_module():
    text = (
        "import numpy as np\nimport keras\n"
        "def f(x):\n    import jax.numpy as np\n    return np.mean(x)\n"
        "rng = np.random.default_rng()\n"
    )
    assert "WD105" in [p.rule for p in check_text(text, "a.py")]
