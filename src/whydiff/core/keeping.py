"""How much of a run is kept besides what is always recorded: digests, orders, seeds, facts."""

from __future__ import annotations

from typing import Literal, get_args

from whydiff.core.errors import WhydiffError

#: "none": no values. "weights": those of the weights at the beginning and at the end of a fit.
#: "all": the optimizer's state too and, while `explain` runs, the samples, to train from them.
Keep = Literal["none", "weights", "all"]
KEEP: tuple[Keep, ...] = get_args(Keep)


def checked_keep(value: str) -> Keep:
    """The value itself. WhydiffError for one that is none of :data:`KEEP`."""
    for known in KEEP:
        if value == known:
            return known
    raise WhydiffError(f"keep must be none, weights or all, got {value!r}")
