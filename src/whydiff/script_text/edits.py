"""Safe edits of Python source text: where a line may be put in, and how the rest stays as it was.

The text is never printed back from its syntax tree: edits are character ranges, so formatting,
comments, newline style and odd characters survive.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff

# Not str.splitlines: that also splits at form feeds and U+2028, which Python's lines do not.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class Edit:
    """Replace the characters ``start:end`` of a text by ``new``; start == end inserts."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Settings:
    """A file of settings that a program reads: the keys at its top, and the way to its seed."""

    keys: frozenset[str]
    seed: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Script:
    """A parsed text with its lines (ends kept), their offsets, and every node's parent.

    ``settings`` are those of files with a seed that no line of the program mentions.
    """

    text: str
    tree: ast.Module
    lines: tuple[str, ...]
    starts: tuple[int, ...]
    parent: dict[ast.AST, ast.AST]
    settings: tuple[Settings, ...] = ()

    @property
    def newline(self) -> str:
        """The newline that the first line ends with."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found.group() if found else "\n"

    def offset(self, line: int, column: int) -> int:
        """Character offset of a node's position (line from 1, column in UTF-8 bytes)."""
        if line > len(self.lines):
            return len(self.text)
        text = self.lines[line - 1]
        within = column if text.isascii() else len(text.encode()[:column].decode())
        return self.starts[line - 1] + within

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Character range of a node."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents of a node, innermost first."""
        while node in self.parent:
            node = self.parent[node]
            yield node

    def scope(self, node: ast.AST) -> Scope:
        """The function, class or module in whose body a node is executed."""
        return next((a for a in self.ancestors(node) if isinstance(a, _SCOPES)), self.tree)

    def loops(self, statement: ast.stmt) -> list[ast.stmt]:
        """Loops around a statement within its scope, innermost first."""
        found: list[ast.stmt] = []
        for node in self.ancestors(statement):
            if isinstance(node, _SCOPES):
                break
            if isinstance(node, _LOOPS):
                found.append(node)
        return found


def parse(text: str, settings: Sequence[Settings] = ()) -> Script:
    """Parse a script; raises SyntaxError or ValueError (null bytes) where it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    lines = tuple(_LINE.findall(text))
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line)
    parent = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Script(text, tree, lines, tuple(starts), parent, tuple(settings))


@dataclass(frozen=True, eq=False)
class Place:
    """A line start before which whole lines can be put: what follows is ``statement``."""

    offset: int
    indent: str
    newline: str
    statement: ast.stmt

    def insert(self, *lines: str) -> Edit:
        """The edit that puts ``lines`` there, indented like the statement."""
        new = "".join(f"{self.indent * bool(line)}{line}{self.newline}" for line in lines)
        return Edit(self.offset, self.offset, new)


def first_line(statement: ast.stmt) -> int:
    """The line on which a statement starts, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def bodies(statement: ast.AST) -> list[list[ast.stmt]]:
    """The blocks of statements directly inside a compound statement."""
    found = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
        found.append(part.body)
    return [block for block in found if isinstance(block, list) and block]


def block_of(script: Script, statement: ast.stmt) -> list[ast.stmt]:
    """The block of statements that a statement stands in."""
    return next((b for b in bodies(script.parent[statement]) if statement in b), [statement])


def statement_at(script: Script, line: int) -> ast.stmt | None:
    """The innermost statement that covers ``line``; the first one of several on a line."""
    found: ast.stmt | None = None
    inside: ast.AST | None = script.tree
    while inside is not None:
        covering = (
            s
            for block in bodies(inside)
            for s in block
            if first_line(s) <= line <= (s.end_lineno or s.lineno)
        )
        inside = next(covering, None)
        found = inside or found
    return found


def place_at(script: Script, line: int, function: str = "") -> Place | None:
    """Where a line may be put in before what ``line`` executes; None where that is not safe.

    ``function`` is the name of the function that was executing there: a mismatch says that the
    text is not the one that ran, or that the line belongs to a lambda or a comprehension.
    """
    statement = statement_at(script, line)
    if statement is None or isinstance(statement, ast.While):  # a condition runs every time round
        return None
    if function and scope_name(script.scope(statement)) != function.rpartition(".")[2]:
        return None
    return place_before(script, statement)


def place_before(script: Script, statement: ast.stmt) -> Place | None:
    """The line start before a statement, or before the ``if`` or ``with`` it shares a line with."""
    while not _starts_line(script, statement):
        parent = script.parent.get(statement)
        if not isinstance(parent, ast.If | ast.With | ast.AsyncWith):
            return None
        statement = parent
    number = first_line(statement)
    line = script.lines[number - 1]
    indent = line[: len(line) - len(line.lstrip(" \t\f"))]
    return Place(script.starts[number - 1], indent, script.newline, statement)


def _starts_line(script: Script, statement: ast.stmt) -> bool:
    number = first_line(statement)
    line = script.lines[number - 1]
    if number > 1 and script.lines[number - 2].rstrip("\r\n").endswith("\\"):
        return False
    code = line.lstrip(" \t\f")
    if number < statement.lineno or code.startswith("@"):
        return code.startswith("@")
    before = script.offset(statement.lineno, statement.col_offset) - script.starts[number - 1]
    return before == len(line) - len(code) and not (
        isinstance(statement, ast.If) and code.startswith("elif")
    )


def whole_lines(script: Script, statement: ast.stmt) -> Edit | None:
    """The edit that takes a statement out with its lines; None where it shares one of them.

    None as well where nothing would be left of its block.
    """
    start = script.starts[statement.lineno - 1]
    last = statement.end_lineno or statement.lineno
    end = script.starts[last] if last < len(script.lines) else len(script.text)
    begin, stop = script.span(statement)
    rest = script.text[stop:end].partition("#")[0].strip(" \t\r\n")
    alone = not script.text[start:begin].strip() and not rest
    return Edit(start, end, "") if alone and len(block_of(script, statement)) > 1 else None


def scope_name(scope: Scope) -> str:
    """The name that a stack shows for a scope."""
    return "<module>" if isinstance(scope, ast.Module) else scope.name


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; insertions at one offset keep their order."""
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    parts, position = [], 0
    for edit in ordered:
        if edit.start < position:
            raise ValueError(f"edits overlap at character {edit.start}")
        parts += [text[position : edit.start], edit.new]
        position = edit.end
    return "".join([*parts, text[position:]])


def unified(before: str, after: str, name: str) -> str:
    """A unified diff that ``patch -p1`` and ``git apply`` accept; "" where nothing changed."""
    lines = unified_diff(_LINE.findall(before), _LINE.findall(after), f"a/{name}", f"b/{name}", n=3)
    marked = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith(("\n", "\r")) else line + marked for line in lines)


def keyword_edit(script: Script, call: ast.Call, name: str, value: str) -> Edit:
    """Give a call a keyword argument: in the place of the one that it has, else behind the last."""
    for given in call.keywords:
        if given.arg == name:
            return Edit(*script.span(given.value), value)
    ends = [script.span(a)[1] for a in (*call.args, *(k.value for k in call.keywords))]
    at = max(ends, default=script.span(call)[1] - 1)
    return Edit(at, at, f"{', ' if ends else ''}{name}={value}")


def last_name(node: ast.AST) -> str:
    """The last part of ``members`` or ``self.members``, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is nothing but a constant."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def spans(node: ast.stmt, line: int) -> bool:
    """Whether a statement lies on a line."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)
