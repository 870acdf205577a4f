"""Two scripts as texts: which changed lines say what was found to differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: Lines that are less alike than this are not one line that was changed.
_ALIKE = 0.5
#: Lines of a change in A, times those in B, of which all pairs are compared.
_MOST_PAIRED = 900
_WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e[-+]?\d+)?")
#: words of a finding that any line may hold
_COMMON = frozenset(
    {"against", "and", "in", "of", "the", "A", "B", "is", "a", "not", "set", "with"}
)


@dataclass(frozen=True)
class Change:
    """Lines of A that B has otherwise; either may be empty. Lines count from 1."""

    line_a: int
    line_b: int
    a: tuple[str, ...]
    b: tuple[str, ...]


def changes_between(text_a: str, text_b: str) -> list[Change]:
    """The changes from one text to another, in their order; blank lines do not count."""
    a, b = text_a.splitlines(), text_b.splitlines()
    found = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        one, other = tuple(a[i:j]), tuple(b[k:m])
        if any(line.strip() for line in (*one, *other)):
            found.append(Change(i + 1, k + 1, one, other))
    return found


def by_line(changes: Sequence[Change]) -> list[Change]:
    """Changes line by line: each line of A with the line of B that it became, others alone."""
    found: list[Change] = []
    for change in changes:
        at_a, at_b = change.line_a, change.line_b
        for in_a, in_b in _pairs(change.a, change.b):
            a, b = change.a[at_a - change.line_a :][:in_a], change.b[at_b - change.line_b :][:in_b]
            if any(line.strip() for line in (*a, *b)):
                found.append(Change(at_a, at_b, a, b))
            at_a, at_b = at_a + in_a, at_b + in_b
    return found


def _pairs(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """In their order: 1 and 1 for a line of A that became one of B, 1 and 0 or 0 and 1 for others.

    Of all ways to pair them that under which they are most alike. Long changes are paired by place.
    """
    if len(a) == len(b) == 1 or len(a) * len(b) > _MOST_PAIRED:
        both = min(len(a), len(b))
        return [(1, 1)] * both + [(1, 0)] * (len(a) - both) + [(0, 1)] * (len(b) - both)
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    alike = [[SequenceMatcher(None, x, y, autojunk=False).ratio() for y in b] for x in a]
    for i in reversed(range(len(a))):
        for k in reversed(range(len(b))):
            paired = alike[i][k] + best[i + 1][k + 1] if alike[i][k] >= _ALIKE else 0.0
            best[i][k] = max(paired, best[i + 1][k], best[i][k + 1])
    found = []
    i = k = 0
    while i < len(a) or k < len(b):
        if i < len(a) and best[i][k] == best[i + 1][k]:
            step = (1, 0)
        elif k < len(b) and (i == len(a) or best[i][k] == best[i][k + 1]):
            step = (0, 1)
        else:
            step = (1, 1)
        found.append(step)
        i, k = i + step[0], k + step[1]
    return found


def explaining(changes: Sequence[Change], said: str) -> Change | None:
    """The one change that holds what a finding says, such as ``learning_rate: 0.1 against 0.2``.

    None where no change holds a name of it together with a value, or where several do.
    """
    words = set(_WORD.findall(said)) - _COMMON
    names = {w for w in words if not w[0].isdigit()}
    values = {_number(w) for w in words if w[0].isdigit()}
    fitting = []
    for change in changes:
        held = [set(_WORD.findall("\n".join(lines))) for lines in (change.a, change.b)]
        new = held[0] ^ held[1]
        numbers = {_number(w) for w in new if w[0].isdigit()}
        named = bool(names & new) or bool(names & (held[0] | held[1]))
        if (values & numbers and (named or len(values & numbers) > 1)) or (
            len(names & new) > 1 and not values
        ):
            fitting.append(change)
    return fitting[0] if len(fitting) == 1 else None


def _number(word: str) -> float:
    return float(word)
