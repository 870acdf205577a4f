"""The rows on which two calls answer most differently."""

from __future__ import annotations

from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall

#: Rows that are listed.
MOST = 8
#: Values of a row that are shown.
SHOWN = 4


def differing_rows(a: MeasuringCall, b: MeasuringCall) -> list[dict[str, Any]]:
    """Rows of the first output whose values differ, the furthest apart first; [] where values were
    not kept or rows do not correspond.

    Each has ``row`` (its position in A, from 0), ``a`` and ``b`` (the first values of the row) and
    ``distance`` (the largest difference in it). Rows that B was fed in another order are found by
    their digests.
    """
    if not a.outputs or not b.outputs:
        return []
    one, two = a.outputs[0].values, b.outputs[0].values
    if one is None or two is None or one.shape != two.shape or not one.ndim or not one.size:
        return []
    places = _places(a, b, len(one))
    if places is None:
        return []
    x = np.asarray(one, np.float64).reshape(len(one), -1)
    y = np.asarray(two, np.float64)[places].reshape(len(two), -1)
    apart = np.abs(np.nan_to_num(x - y)).max(axis=1)
    order = np.argsort(-apart, kind="stable")[:MOST]
    return [
        {
            "row": int(i),
            "a": [float(v) for v in x[i, :SHOWN]],
            "b": [float(v) for v in y[i, :SHOWN]],
            "distance": float(apart[i]),
        }
        for i in order
        if apart[i] > 0
    ]


def _places(a: MeasuringCall, b: MeasuringCall, count: int) -> np.ndarray | None:
    """For each row of A its position in B."""
    rows = [call.recipe.inputs.rows("x") for call in (a, b)]
    straight = np.arange(count)
    if len(rows[0]) != count or len(rows[1]) != count or np.array_equal(rows[0], rows[1]):
        return straight
    known: dict[bytes, list[int]] = {}
    for i, row in enumerate(rows[1]):
        known.setdefault(row.tobytes(), []).append(i)
    found = []
    for row in rows[0]:
        places = known.get(row.tobytes())
        if not places:
            return straight  # other samples, or the same in another form: row by row
        found.append(places.pop(0))
    return np.asarray(found)
