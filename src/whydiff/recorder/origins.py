"""What it takes to draw the random values of a watched fit anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.live import Origins
from whydiff.keras_backend.variables import Variables
from whydiff.recorder.feed import Feed
from whydiff.recorder.ledger import Ledger


def origins_of(
    ledger: Ledger,
    variables: Variables,
    feed: Feed,
    fit: Mapping[str, Any],
    noise_before: Sequence[np.ndarray],
    noise_after: Sequence[np.ndarray],
) -> Origins:
    """Collected when the fit is over; ``fit`` holds the arguments it was called with."""
    pairs = zip(noise_before, noise_after, strict=True)
    return Origins(
        holders=ledger.holders(),
        initializers=tuple(ledger.initializer(s.variable) for s in variables.weights),
        rows=feed.rows,
        shuffle=fit.get("shuffle", True),
        moved=tuple(not np.array_equal(before, after) for before, after in pairs),
        peeks=feed.peeks,
    )
