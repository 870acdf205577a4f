"""How many small faults in the deciding packages the quick tests notice: `make mutants`.

    python tests/mutants.py [--sample N] [--seed N] [PACKAGE[/PART] ...]

A mutant is the package with one operator, number or condition changed. It runs, in a process of its
own, the quick tests of the package that reach the changed line without it, until the first that
fails. A line that no test reaches needs no run: its mutants survive. Prints every survivor and the
share that was noticed; ends with 1 where that is below `--least`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import pickle
import random
import resource
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "whydiff"
PACKAGES = ("diagnosis", "stats", "fixes")
#: Their quick tests on plain data that lie with those who ask them.
ELSEWHERE = {
    "diagnosis": (
        "experiments/test_draws.py",
        "experiments/test_order_shown.py",
        "experiments/test_recorded_calls.py",
        "experiments/test_recordings_explained.py",
        "experiments/test_trajectory.py",
    ),
    "stats": (
        "diagnosis/test_gap.py",
        "diagnosis/test_growth.py",
        "experiments/test_compare_numbers.py",
        "experiments/test_pairing.py",
    ),
}
#: What the tests import besides our own code: once, before any process is made.
SHARED = (
    "hypothesis.strategies",
    "jsonschema",
    "libcst.matchers",
    "numpy",
    "scipy.stats",
)
#: Seconds of processor time after which a mutant that goes on for ever counts as noticed.
ENOUGH = 60

COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}
LEFT = {ast.Break: ast.Continue, ast.Continue: ast.Break}


@dataclass(frozen=True)
class Mutant:
    """The ``place``-th change of a file, and what it is; ``within`` are the lines of its statement,
    of which Python may trace but the first or none of a constant's."""

    file: Path
    place: int
    line: int
    within: range
    change: str

    @property
    def package(self) -> str:
        return self.file.relative_to(SOURCES).parts[0]

    @property
    def module(self) -> str:
        parts = self.file.relative_to(SOURCES.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Changes(ast.NodeTransformer):
    """Walks a file and numbers what could be changed; makes the change with number ``wanted``."""

    def __init__(self, wanted: int = -1) -> None:
        self.wanted = wanted
        self.seen: list[tuple[int, range, str]] = []
        self.within = range(0)

    def either(self, node: ast.AST, change: str, changed: Any) -> Any:
        """``changed``, if this is the change that is wanted."""
        self.seen.append((node.lineno, self.within, change))
        return changed if len(self.seen) - 1 == self.wanted else None

    def visit(self, node: ast.AST) -> Any:
        outer = self.within
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            self.within = range(node.lineno, end)
        try:
            return self.changed(node)
        finally:
            self.within = outer

    def changed(self, node: ast.AST) -> Any:
        if isinstance(node, ast.AnnAssign):  # annotations are never evaluated
            node.value = node.value and self.visit(node.value)
            return node
        if isinstance(node, ast.arg) or _only_guards(node):
            return node
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        node = self.generic_visit(node)
        for change, changed in self.changes(node):
            made = self.either(node, change, changed)
            if made is not None:
                return ast.fix_missing_locations(ast.copy_location(made, node))
        return node

    def changes(self, node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
        match node:
            case ast.Compare(left, ops, others):
                for i, op in enumerate(ops):
                    for other in COMPARED[type(op)]:
                        new = [*ops[:i], other(), *ops[i + 1 :]]
                        name = f"{type(op).__name__} -> {other.__name__}"
                        yield name, ast.Compare(left, new, others)
            case ast.BoolOp(op, values):
                other = JOINED[type(op)]
                yield f"{type(op).__name__} -> {other.__name__}", ast.BoolOp(other(), values)
            case ast.BinOp(left, op, right) if type(op) in COMPUTED and not _joins_types(node):
                other = COMPUTED[type(op)]
                yield f"{type(op).__name__} -> {other.__name__}", ast.BinOp(left, other(), right)
            case ast.UnaryOp(ast.Not() | ast.USub() as op, operand):
                yield f"without {type(op).__name__}", operand
            case ast.Constant(bool() as value):
                yield f"{value} -> {not value}", ast.Constant(not value)
            case ast.Constant(int() | float() as value):
                yield f"{value} -> {value + 1}", ast.Constant(value + 1)
            case ast.If(test, body, orelse):
                yield "if not", ast.If(_negated(test), body, orelse)
            case ast.IfExp(test, body, orelse):
                yield "if not", ast.IfExp(_negated(test), body, orelse)
            case ast.For(target, _, body, orelse):
                yield "for in ()", ast.For(target, ast.Tuple([], ast.Load()), body, orelse)
            case ast.Break() | ast.Continue():
                other = LEFT[type(node)]
                yield f"{type(node).__name__} -> {other.__name__}", other()
            case _:
                pass


def _only_guards(node: ast.AST) -> bool:
    """``dataclass(frozen=True)`` and ``zip(strict=True)`` compute nothing: they end mistakes."""
    if isinstance(node, ast.keyword):
        return node.arg in ("strict", "frozen", "eq") and isinstance(node.value, ast.Constant)
    return False


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _joins_types(node: ast.BinOp) -> bool:
    """``int | None`` in an alias or a match: no test could tell it from another."""
    sides = (node.left, node.right)
    return isinstance(node.op, ast.BitOr) and any(
        isinstance(side, ast.Constant) or ast.unparse(side)[:1].isupper() for side in sides
    )


def mutants(part: str) -> list[Mutant]:
    """All of a package, or of a folder or file in it (``diagnosis/calls``), in their order."""
    found = []
    place = SOURCES / part
    for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
        walk = Changes()
        walk.visit(ast.parse(file.read_text(encoding="utf-8")))
        found += [Mutant(file, i, *change) for i, change in enumerate(walk.seen)]
    return found


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutated module in place of the one on disk."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.mutant.module:
            return None
        whole = self.mutant.file.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            name, self.mutant.file, loader=self,
            submodule_search_locations=[str(self.mutant.file.parent)] if whole else None,
        )  # fmt: skip

    def exec_module(self, module: Any) -> None:
        tree = ast.parse(self.mutant.file.read_text(encoding="utf-8"))
        changed = Changes(self.mutant.place).visit(tree)
        exec(compile(changed, str(self.mutant.file), "exec"), module.__dict__)


class Reached:
    """A plugin of pytest: which lines of a package every test reaches."""

    def __init__(self, package: str) -> None:
        self.folder = str(SOURCES / package)
        self.lines: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.test = ""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self.test = item.nodeid
        yield
        self.test = ""

    def call(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self.folder):
            return None
        self.line(frame, event, arg)
        return self.line

    def line(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.lines[frame.f_code.co_filename, frame.f_lineno].add(self.test)
        return self.line


def forked(work: Any, answer: Any = None) -> int:
    """The id of a process that does ``work``; its exit code is what ``work`` returns."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        with Path(os.devnull).open("r+b") as nothing:
            for stream in (0, 1, 2):
                os.dup2(nothing.fileno(), stream)
        code = int(work())
    finally:
        os._exit(code)


def options_of_pytest() -> list[str]:
    quick = "not long and not thorough"
    return ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "-m", quick]


def reached(package: str, store: Path) -> dict[tuple[str, int], set[str]]:
    """(file, line) -> the tests that reach it; "" stands for reached while importing."""

    def trace() -> int:
        seen = Reached(package)
        sys.settrace(seen.call)
        where = [f"tests/{place}" for place in (package, *ELSEWHERE.get(package, ()))]
        code = pytest.main([*options_of_pytest(), *where], plugins=[seen])
        sys.settrace(None)
        store.write_bytes(pickle.dumps(dict(seen.lines)))
        return int(code)

    _, status = os.waitpid(forked(trace), 0)
    if status:
        sys.exit(f"the quick tests in tests/{package} fail without any change")
    lines: dict[tuple[str, int], set[str]] = pickle.loads(store.read_bytes())  # our own file
    return lines


def tests_that_reach(mutant: Mutant, lines: dict[tuple[str, int], set[str]]) -> list[str]:
    """Those that run the line, or else its statement; all that run the file where it runs while
    importing."""
    file = str(mutant.file)
    found = lines.get((file, mutant.line), set())
    found = found or set().union(*(lines.get((file, n), set()) for n in mutant.within))
    if "" in found:
        found = set().union(*(tests for (one, _), tests in lines.items() if one == file))
    return sorted(found - {""})


def noticed(mutant: Mutant, tests: list[str]) -> int:
    """The id of a process that ends with another code than 0 if a test fails."""

    def run() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (ENOUGH, ENOUGH))
        sys.meta_path.insert(0, Mutated(mutant))
        return int(pytest.main([*options_of_pytest(), *tests]))

    return forked(run)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--sample", type=int, help="try so many of all mutants")
    parser.add_argument("--seed", type=int, default=None, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--least", type=float, default=85.0, help="per cent that must be noticed")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["WHYDIFF_BITS_SEED"] = "0"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # of other packages: they take a second
    for name in SHARED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    chosen = [mutant for part in options.packages for mutant in mutants(part)]
    packages = list(dict.fromkeys(mutant.package for mutant in chosen))
    total = len(chosen)
    if options.sample and options.sample < total:
        seed = secrets.randbelow(10**6) if options.seed is None else options.seed
        chosen = sorted(random.Random(seed).sample(chosen, options.sample), key=chosen.index)
        print(f"{options.sample} of {total} mutants, sampled with --seed {seed}", flush=True)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    lines = {p: reached(p, build / f"reached-{p}.pickle") for p in packages}
    score: dict[str, list[bool]] = {package: [] for package in packages}
    running: dict[int, Mutant] = {}

    def wait() -> None:
        child, status = os.wait()
        tell(running.pop(child), status != 0)

    def tell(mutant: Mutant, found: bool, why: str = "") -> None:
        score[mutant.package].append(found)
        if not found:
            where = mutant.file.relative_to(ROOT)
            print(f"{where}:{mutant.line}: {mutant.change} survived{why}", flush=True)

    for mutant in chosen:
        tests = tests_that_reach(mutant, lines[mutant.package])
        if not tests:
            tell(mutant, False, ": no test runs this line")
            continue
        if len(running) >= options.jobs:
            wait()
        running[noticed(mutant, tests)] = mutant
    while running:
        wait()
    for package, found in score.items():
        print(f"{package}: {sum(found)} of {len(found)} noticed")
    every = [one for found in score.values() for one in found]
    share = 100 * sum(every) / max(len(every), 1)
    print(f"all: {sum(every)} of {len(every)} noticed, {share:.1f} %")
    return int(share < options.least)


if __name__ == "__main__":
    sys.exit(main())
