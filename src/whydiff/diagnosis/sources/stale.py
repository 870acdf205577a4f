"""Values that a compiled step has in it although the script has set others since."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from whydiff.core.recipe import Facts, named_fit
from whydiff.core.recording import CALLBACKS_LEFT, Side
from whydiff.diagnosis.sources.facts import equal, name_of, show

#: what a fit notes: fact -> [value compiled into the step, value set since]
STALE = "stale"
#: what a fit notes: path of a tensor that is no variable -> its digest
CONSTANTS = "constants"
#: what a fit notes: layer and attribute that its steps set -> value before the first step
STORED = "stored"
#: what a fit notes: fact -> number of the fit that set that value and left it so
LEFT = "left"


def compiled_apart(a: Side, b: Side) -> dict[str, str]:
    """Fact -> sentence, where both sides are set alike and one step was compiled before that."""
    found: dict[str, str] = {}
    for key in {**_noted(a, STALE), **_noted(b, STALE)}:
        (old_a, now_a), (old_b, now_b) = (_values(side, key) for side in (a, b))
        if equal(now_a, now_b) and not equal(old_a, old_b):
            name, where = name_of(key)
            side, old, now = ("A", old_a, now_a) if not equal(old_a, now_a) else ("B", old_b, now_b)
            found[key] = (
                f"{name} of {where} is {show(now)} in both, but the step of {side} was compiled "
                f"when it was {show(old)}"
            )
    return found


def set_in_vain(side: Side) -> list[str]:
    """What was set to another value after the step was compiled, in words."""
    return [
        f"{name_of(key)[0]} of {name_of(key)[1]} was set to {show(now)} after the step was "
        f"compiled with {show(old)}, which it goes on computing with"
        for key, (old, now) in _noted(side, STALE).items()
    ]


def constants_apart(a: Side, b: Side) -> list[str]:
    """Tensors of layers that are no variables and differ; empty where their layers differ."""
    one, other = (_noted(side, CONSTANTS) for side in (a, b))
    return [path for path in one if path in other and one[path] != other[path]]


def stored_apart(a: Side, b: Side) -> dict[str, tuple[Any, Any]]:
    """Attributes of layers that steps themselves set, where they begin with other values."""
    one, other = (_noted(side, STORED) for side in (a, b))
    return {
        key: (one[key], other[key])
        for key in one
        if key in other and not equal(one[key], other[key])
    }


def left_apart(a: Side, b: Side) -> dict[str, tuple[Any, Any, int]]:
    """Facts with the values of both sides and the number of the fit that left one of them, where
    an earlier training set what the model reads besides variables."""
    one, other = a.recipe.architecture, b.recipe.architecture
    return {
        key: (one[key], other[key], int(fit))
        for key, fit in {**_noted(a, LEFT), **_noted(b, LEFT)}.items()
        if key in one and key in other and not equal(one[key], other[key])
    }


def callbacks_apart(a: Side, b: Side, one: Facts, other: Facts) -> str:
    """Says so where callbacks differ, and in nothing but what an earlier fit left in them."""
    sides = [(str(facts.get("callbacks")), _noted(side, CALLBACKS_LEFT))
             for facts, side in ((one, a), (other, b))]  # fmt: skip
    keys = {key for _, left in sides for key in left}
    texts = [text for text, _ in sides]
    for key in keys:
        texts = [re.sub(_setting(key), "", text) for text in texts]
    if not keys or texts[0] != texts[1] or sides[0][0] == sides[1][0]:
        return ""
    return "; ".join(
        f"{name} is given the {key.rpartition('.')[0]} object of {named_fit(int(fit))}, which left "
        f"{setting.group()} in it"
        for name, (text, left) in zip(("A", "B"), sides, strict=True)
        for key, fit in left.items()
        if (setting := re.search(_setting(key), text))
    )


def _setting(key: str) -> str:
    """A pattern for ``seen=4``, where ``key`` is ``Cooler.seen``."""
    return rf"\b{re.escape(key.rpartition('.')[2])}=(?:'[^']*'|[^,)]*)"


def _noted(side: Side, name: str) -> Mapping[str, Any]:
    noted = side.fit.notes.get(name)
    return noted if isinstance(noted, Mapping) else {}


def _values(side: Side, key: str) -> tuple[Any, Any]:
    pair = _noted(side, STALE).get(key)
    if isinstance(pair, list | tuple) and len(pair) == 2:
        return pair[0], pair[1]
    value = side.recipe.architecture.get(key)
    return value, value
