"""Two scripts as texts: which changed lines say what was found to differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

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
    """Changes of as many lines as there were, line by line; others as they are."""
    found: list[Change] = []
    for change in changes:
        if len(change.a) != len(change.b):
            found.append(change)
            continue
        for number, (one, other) in enumerate(zip(change.a, change.b, strict=True)):
            if one.strip() or other.strip():
                found.append(
                    Change(change.line_a + number, change.line_b + number, (one,), (other,))
                )
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
