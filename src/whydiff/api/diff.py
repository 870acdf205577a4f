"""``diff``: compare two recorded fits without training anything."""

from __future__ import annotations

from dataclasses import replace

from whydiff.core.findings import Diff
from whydiff.experiments.explain.recorded import (
    compare,
    compare_calls,
    missing_steps,
    open_side,
    recorded_calls,
)


def diff(a: str, b: str) -> Diff:
    """Compare two recorded fits: ``"a.whydiff"`` (its last fit) or ``"a.whydiff:2"``.

    A number that `whydiff show` gives to a prediction or evaluation names that call:
    ``diff("a.whydiff:3", "b.whydiff:5")`` compares two of these.

    Returns where they first part (epoch, step, phase, tensor; ULP and relative size where values
    are kept) and one finding per source. Needs no Keras. Raises WhydiffError for a file that
    cannot be read or a fit that is not there.
    """
    calls = recorded_calls(a, b)
    if calls is not None:
        return compare_calls(a, b, *calls)
    side_a, path_a = open_side(a)
    side_b, path_b = open_side(b)
    result = compare(a, b, side_a, side_b, path_a, path_b)
    cut = tuple(
        note for name, side in (("A", side_a), ("B", side_b)) for note in missing_steps(name, side)
    )
    return replace(result, incomplete=bool(cut), notes=(*cut, *result.notes))
