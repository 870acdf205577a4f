"""How a script calls Keras: what its names stand for, and how it would set the random seed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.script_text.edits import Scope, Script
from whydiff.script_text.scopes import Scopes

SEED = "keras.utils.set_random_seed"

#: how the call is spelled, given a name for ...; the first that the script has is taken
_SPELLINGS: tuple[tuple[str, str], ...] = (
    (SEED, ""),
    ("keras", ".utils.set_random_seed"),
    ("keras.utils", ".set_random_seed"),
    ("tensorflow", ".keras.utils.set_random_seed"),
)


@dataclass(frozen=True, eq=False)
class Binding:
    """A name that an import binds: ``np`` -> ``numpy``."""

    name: str
    target: str
    statement: ast.Import | ast.ImportFrom
    scope: Scope


@dataclass(frozen=True)
class SeedCall:
    """How the seed is set from one place: the function, and the import it needs first."""

    function: str  # "keras.utils.set_random_seed"
    needs: str = ""  # "import keras", or "" where the name is there already


def canonical(dotted: str) -> str:
    """One spelling for one thing: ``tensorflow.keras.layers`` is ``keras.layers``."""
    for prefix in ("tensorflow.keras", "keras.api"):
        if dotted == prefix or dotted.startswith(prefix + "."):
            return "keras" + dotted[len(prefix) :]
    return dotted


def bindings(script: Script) -> list[Binding]:
    """Every name bound by an import, in the order of the text."""
    return [
        Binding(name, canonical(target), node, script.scope(node))
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name, target in _imported(node)
    ]


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if alias.name != "*":
                module = "." * node.level + (node.module or "")
                yield alias.asname or alias.name, f"{module}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            root = alias.name.partition(".")[0]
            yield root, root


class Names:
    """What the names of a script stand for."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.bindings = bindings(script)
        self._scopes = Scopes(script.tree)
        self._targets = {self._bound_in(b): b.target for b in self.bindings}

    def _bound_in(self, b: Binding) -> tuple[ast.AST, str]:
        return self._scopes.importing(b.statement, b.name), b.name

    def dotted(self, node: ast.AST) -> str:
        """``np.random.rand`` -> ``numpy.random.rand``; "" for anything but a dotted name."""
        if isinstance(node, ast.Name):
            owner = self._scopes.owner(node)
            return node.id if owner is None else self._targets.get((owner, node.id), node.id)
        if isinstance(node, ast.Attribute):
            value = self.dotted(node.value)
            return canonical(f"{value}.{node.attr}") if value else ""
        return ""

    def called(self, node: ast.AST) -> str:
        """The dotted name that a call calls, "" for anything else."""
        return self.dotted(node.func) if isinstance(node, ast.Call) else ""

    def name_of(self, target: str, line: int) -> str:
        """A module-level name for ``target`` bound above ``line``, "" if there is none."""
        for b in self.bindings:
            if b.target == target and b.scope is self.script.tree and b.statement.lineno < line:
                return b.name
        return ""

    def seed_call(self, at: ast.stmt) -> SeedCall | None:
        """How the seed is set just before the statement ``at``; None where names are in the way."""
        scope, line = self.script.scope(at), at.lineno
        for target, rest in _SPELLINGS:
            for b in self.bindings:
                if b.target == target and self._visible(b, scope, line):
                    return SeedCall(b.name + rest)
        module = "from tensorflow import keras" if self._through_tensorflow() else "import keras"
        for name, call, needs in (
            ("keras", SEED, module),
            ("set_random_seed", "set_random_seed", "from keras.utils import set_random_seed"),
        ):
            if not binds(self.script.tree, name):
                return SeedCall(call, needs)
        return None

    def _visible(self, b: Binding, scope: Scope, line: int) -> bool:
        """A binding counts above the line in its own scope, or anywhere at module level."""
        if b.scope is scope:
            return b.statement.lineno < line
        if b.scope is not self.script.tree:
            return False
        inner = [scope, *(a for a in self.script.ancestors(scope) if a is not self.script.tree)]
        return not any(binds(s, b.name) for s in inner)

    def _through_tensorflow(self) -> bool:
        imports = [n for n in ast.walk(self.script.tree) if isinstance(n, ast.ImportFrom)]
        modules = [n.module or "" for n in imports]
        return any(m.startswith("tensorflow.keras") for m in modules) and not any(
            m == "keras" or m.startswith("keras.") for m in modules
        )


def binds(scope: ast.AST, name: str) -> bool:
    """Whether anything inside ``scope`` gives ``name`` a meaning of its own."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.arg) and node.arg == name:
            return True
        if node is not scope and getattr(node, "name", None) == name and isinstance(node, ast.stmt):
            return True
        if isinstance(node, ast.Import | ast.ImportFrom) and name in dict(_imported(node)):
            return True
    return False


# --- where the modules that a text imports may lie --------------------------------------------


def candidates(text: str, file: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Paths at which modules that a text imports may lie, each import's in turn.

    ``file`` is where the text lies, to which relative imports refer; ``roots`` are folders that
    Python looks into. Nothing is looked up here: most of the paths exist for no import.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(roots, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            above = file.parents[node.level - 1 : node.level] if node.level else roots
            parts = node.module.split(".") if node.module else []
            yield from _files(above, parts)
            for alias in node.names:
                yield from _files(above, [*parts, alias.name])


def _files(roots: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """The files of a dotted name: the module, or its package, and the packages above it."""
    for root in roots:
        for end in range(1, len(parts) + 1):
            path = root.joinpath(*parts[:end])
            yield path / "__init__.py"
            yield path.with_name(f"{path.name}.py")
