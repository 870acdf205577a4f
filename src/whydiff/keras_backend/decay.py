"""Which variables an optimizer leaves out of its weight decay: no part of its config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def undecayed(optimizer: Any, variables: Sequence[Any]) -> list[str]:
    """What ``exclude_from_weight_decay`` was told: parts of names, positions of variables."""
    pattern, own = _told(optimizer)
    named = sorted(pattern.pattern.split("|")) if pattern is not None else []
    given = [i for i, v in enumerate(variables) if own and optimizer._var_key(v) in own]
    return named + [f"variable {i}" for i in given]


def leave_out_alike(optimizer: Any, twin: Any, variables: Sequence[Any]) -> None:
    """Let ``twin``, which is not built yet, leave out what ``optimizer`` does.

    Variables that were given themselves are found among ``variables``, those that the twin will
    train, by their position.
    """
    pattern, own = _told(optimizer)
    trained = getattr(optimizer, "_trainable_variables", ())
    pairs = zip(trained, variables, strict=False)
    alike = [other for v, other in pairs if own and optimizer._var_key(v) in own]
    if pattern is not None or alike:
        twin.exclude_from_weight_decay(var_list=alike)
        twin._exclude_from_weight_decay_pattern = pattern


def _told(optimizer: Any) -> tuple[re.Pattern[str] | None, set[Any]]:
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return pattern, getattr(optimizer, "_exclude_from_weight_decay", set())
