"""Which modules a text imports, and where a project would keep them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


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
