"""What a rule is: data that says what is wrong, why, and how to mend it, and a pure search."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from whydiff.lint.script import Source


@dataclass(frozen=True)
class Hit:
    """Where a rule applies; ``what`` names what was found there, without its line."""

    line: int
    column: int
    what: str

    @classmethod
    def at(cls, node: ast.expr | ast.stmt, what: str) -> Hit:
        """A hit where a node begins."""
        return cls(node.lineno, node.col_offset, what)


@dataclass(frozen=True)
class Rule:
    """One kind of trap.

    ``id`` is public and never given to another rule. ``find`` reads a script and yields its
    hits; it executes nothing. ``mechanism`` is an id of ``whydiff.diagnosis.mechanisms``, or "".
    ``bad`` is a short script with exactly this trap, ``good`` the same one mended; both are
    printed in the documentation and tried by the tests.
    """

    id: str
    name: str
    title: str
    why: str
    remedy: str
    find: Callable[[Source], Iterator[Hit]]
    bad: str
    good: str
    mechanism: str = ""
