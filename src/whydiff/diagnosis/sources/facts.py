"""Comparing two mappings of facts, and saying the difference so that a person can read it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from whydiff.core.findings import Finding
from whydiff.core.recipe import Facts
from whydiff.diagnosis.sources.source import differs, identical, unknown


class _NotSet:
    def __repr__(self) -> str:
        return "not set"


#: Stands for the value of a fact that one side lacks.
NOT_SET: Final = _NotSet()

_WIDTH = 60  # a longer value is cut, so that a line of evidence stays a line
_HEX = re.compile(r"[0-9a-f]{16,}")
_NAMED_DIGEST = re.compile(r":[0-9a-f]{16,}")  # what capture writes after a function's name


@dataclass(frozen=True)
class Change:
    """One fact that differs; a value is :data:`NOT_SET` where the side lacks it."""

    key: str
    a: Any
    b: Any


def equal(x: Any, y: Any) -> bool:
    """Whether two facts are equal: numbers bit for bit as float64, lists item by item.

    NaN equals NaN and 0.0 differs from -0.0; 1 equals 1.0 but not True.
    """
    if x is y:
        return True
    if isinstance(x, bool) or isinstance(y, bool):
        return isinstance(x, bool) and isinstance(y, bool) and x == y
    if isinstance(x, int) and isinstance(y, int):
        return x == y
    if isinstance(x, int | float) and isinstance(y, int | float):
        try:
            return struct.pack("<d", x) == struct.pack("<d", y) or (x != x and y != y)
        except (OverflowError, struct.error):  # an int beyond float64
            return x == y
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        return x.keys() == y.keys() and all(equal(x[k], y[k]) for k in x)
    if isinstance(x, list | tuple) and isinstance(y, list | tuple):
        return len(x) == len(y) and all(map(equal, x, y))
    return type(x) is type(y) and bool(x == y)


def changes(
    a: Facts,
    b: Facts,
    *,
    skip: Callable[[str], bool] = lambda key: False,
    first: Sequence[str] = (),
) -> list[Change]:
    """The facts that differ, keys named in ``first`` first, otherwise in order of appearance.

    A setting that only one side knows, as a newer version has it, equals its default.
    """
    keys = [key for key in dict.fromkeys([*a, *b]) if not is_defaults(key)]
    keys.sort(key=lambda k: first.index(k) if k in first else len(first))
    return [
        Change(k, a.get(k, NOT_SET), b.get(k, NOT_SET))
        for k in keys
        if not skip(k) and not equal(a.get(k, default(a, b, k)), b.get(k, default(b, a, k)))
    ]


def is_defaults(key: str) -> bool:
    """Whether a fact holds the defaults of others; see :func:`default`."""
    return key.rpartition(".")[2] == "defaults"


def default(facts: Facts, other: Facts, key: str) -> Any:
    """The value that a setting has on the side without it: its default on the ``other`` side.

    :data:`NOT_SET` where that is not known, or this side knows its own settings otherwise. A
    default of None stands for what the library makes of it where that is as good as nothing.
    """
    if key in facts or key not in other:
        return NOT_SET
    known = _defaults(other, key)
    setting = key.rpartition(":")[2] if key.startswith("layer:") else key.rpartition(".")[2]
    value = known.get(setting, NOT_SET)
    return other[key] if value is None and not other[key] else value


def _defaults(facts: Facts, key: str) -> Mapping[str, Any]:
    """The defaults of whatever a setting belongs to: a layer's class, an optimizer, a loss."""
    if key.startswith("layer:"):
        path = key.removeprefix("layer:").rpartition(":")[0]
        kinds = dict(str(entry).rpartition(": ")[::2] for entry in facts.get("layers") or ())
        known = (facts.get("defaults") or {}).get(kinds.get(path))
    else:
        owner = key.rpartition(".")[0]
        known = facts.get(f"{owner}.defaults" if owner else "defaults")
    return known if isinstance(known, Mapping) else {}


def show(value: Any) -> str:
    """A value as a person writes it; long ones are cut."""
    if isinstance(value, float):
        text = f"{value:.7g}"
    elif isinstance(value, str):
        text = (_NAMED_DIGEST.sub("", value) or value) if value else '""'
    elif isinstance(value, Mapping):
        settings = [(k, show(v)) for k, v in value.items() if k != "class"]
        if "class" in value:
            made = show(value["class"])
            text = f"{made}({', '.join(f'{k}={v}' for k, v in settings)})"
        else:
            text = "{" + ", ".join(f"{k}: {v}" for k, v in settings) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(show(v) for v in value) + "]"
    else:
        text = str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def both(a: Any, b: Any) -> str:
    """Two differing values in one phrase: ``0.001 against 0.003``."""
    if is_digest(a) and is_digest(b):
        return "changed"
    if a is NOT_SET and is_digest(b):
        return "only in B"
    if b is NOT_SET and is_digest(a):
        return "only in A"
    shown_a, shown_b = show(a), show(b)
    if isinstance(a, str) and isinstance(b, str) and "…" in shown_a + shown_b:
        return _differing_settings(a, b) or f"{shown_a} vs. {shown_b}"
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and "…" in shown_a + shown_b:
        left = [v for v in a if not any(equal(v, w) for w in b)]
        right = [v for v in b if not any(equal(v, w) for w in a)]
        if len(left) == len(right) == 1:
            return both(left[0], right[0])
        if left or right:
            return f"only in A {show(left)}, only in B {show(right)}"
    if shown_a == shown_b:  # they differ beyond what is shown
        if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
            apart = [(x, y) for x, y in zip(a, b, strict=True) if not equal(x, y)]
            return ", ".join(both(x, y) for x, y in apart)
        if isinstance(a, Mapping) and isinstance(b, Mapping) and same_but_code(a, b):
            return f"{shown_a} with other code"
        if isinstance(a, str) and isinstance(b, str) and _NAMED_DIGEST.search(a):
            return f"{shown_a} with other {'values' if shown_a.endswith(']') else 'code'}"
        shown_a, shown_b = repr(a), repr(b)
    return f"{shown_a} vs. {shown_b}"


def _differing_settings(a: str, b: str) -> str:
    """Of two long texts ``Class(x=1, y=2)`` what differs: ``Class: y=2 against y=3``."""
    name_a, _, rest_a = a.partition("(")
    name_b, _, rest_b = b.partition("(")
    if name_a != name_b or not rest_a:
        return ""
    one, two = rest_a.removesuffix(")").split(", "), rest_b.removesuffix(")").split(", ")
    left = [part for part in one if part not in two]
    right = [part for part in two if part not in one]
    return f"{name_a}: {show(', '.join(left))} vs. {show(', '.join(right))}"


def same_but_code(a: Any, b: Any) -> bool:
    """Whether two values of facts differ at most in digests of functions behind their names."""
    texts = [_NAMED_DIGEST.sub("", repr(value)) for value in (a, b)]
    return texts[0] == texts[1]


def describe(found: Sequence[Change], limit: int = 4) -> str:
    """Evidence for differing facts, equal changes of several layers told once.

    ``learning_rate: 0.001 against 0.003; policy of dense, dense_1: float32 against float16``.
    At most ``limit`` changes are shown, then "and 3 more".
    """
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in found:
        what, where = name_of(change.key)
        groups.setdefault((what, where and "of", both(change.a, change.b)), []).append(where)
    parts = [
        f"{what} of {listed(places)}: {text}" if of else f"{what}: {text}"
        for (what, of, text), places in groups.items()
    ]
    return listed(parts, limit, "; ")


def name_of(key: str) -> tuple[str, str]:
    """A fact's key as (what, where): ``layer:dense:units`` is (``units``, ``dense``)."""
    pieces = key.split(":")
    if len(pieces) >= 3 and pieces[0] == "layer":
        return pieces[-1], ":".join(pieces[1:-1])
    if len(pieces) >= 2:
        return pieces[0].replace("_", " "), ":".join(pieces[1:])
    return key.removeprefix("flags."), ""


def listed(items: Iterable[str], limit: int = 4, separator: str = ", ") -> str:
    """Items in one line; beyond ``limit`` only their number."""
    items = list(items)
    shown = separator.join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def equal_facts(facts: Facts, what: str, first: Sequence[str] = ()) -> str:
    """Evidence that all facts are equal, with the most telling ones: ``first``, then any."""
    telling = [k for k in facts if facts[k] not in (None, [], "") and ":" not in k]
    keys = [k for k in first if k in telling] or telling
    some = ", ".join(f"{name_of(k)[0]}: {show(facts[k])}" for k in keys[:3])
    count = f"all {len(facts)} {what} equal" if len(facts) > 1 else f"{what} equal"
    return f"{count} ({some})" if some else count


@dataclass(frozen=True)
class PlainField:
    """How a source is told whose field is plain facts.

    ``first`` are the most telling facts; ``nothing`` is the evidence where neither side has any
    fact: that is identical; without it such a pair is unknown.
    """

    source: str
    fix: str = ""
    what: str = "settings"
    first: Sequence[str] = ()
    nothing: str = ""
    intended: bool = False


def compare_facts(
    field: PlainField, a: Facts, b: Facts, skip: Callable[[str], bool] = lambda key: False
) -> Finding:
    """The finding of such a source, by the facts of both sides."""
    found = changes(a, b, skip=skip, first=field.first)
    if found:
        return differs(field.source, describe(found), field.fix, intended=field.intended)
    shared = {k: v for k, v in a.items() if k in b and not skip(k) and not is_defaults(k)}
    if shared:
        return identical(field.source, equal_facts(shared, field.what, field.first))
    if field.nothing:
        return identical(field.source, field.nothing)
    return unknown(field.source, f"no {field.what} were recorded")


def is_name(key: str) -> bool:
    """Whether a setting is what something is called."""
    return key.rpartition(".")[2] == "name"


def is_digest(value: Any) -> bool:
    """Whether a fact is the digest of code or of an array."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
