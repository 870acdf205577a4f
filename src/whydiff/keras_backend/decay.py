"""Which variables an optimizer leaves out of its weight decay: no part of its config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whydiff.keras_backend.internals import (
    leave_out_of_decay,
    left_out_of_decay,
    trained_variables,
)


def undecayed(optimizer: Any, variables: Sequence[Any]) -> list[str]:
    """What ``exclude_from_weight_decay`` was told: parts of names, positions of variables."""
    pattern, named_itself = left_out_of_decay(optimizer)
    named = sorted(pattern.pattern.split("|")) if pattern is not None else []
    given = [i for i, v in enumerate(variables) if named_itself(v)]
    return named + [f"variable {i}" for i in given]


def leave_out_alike(optimizer: Any, twin: Any, variables: Sequence[Any]) -> None:
    """Let ``twin``, which is not built yet, leave out what ``optimizer`` does.

    Variables that were given themselves are found among ``variables``, those that the twin will
    train, by their position.
    """
    pattern, named_itself = left_out_of_decay(optimizer)
    pairs = zip(trained_variables(optimizer), variables, strict=False)
    alike = [other for v, other in pairs if named_itself(v)]
    if pattern is not None or alike:
        leave_out_of_decay(twin, alike, pattern)
