"""``diff``: compare two recorded fits without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.findings import DIFFERS, Diff
from whydiff.core.question import checked_sources, said_ignored
from whydiff.experiments.explain.recorded import (
    compare,
    compare_calls,
    missing_steps,
    open_side,
    recorded_calls,
)


def diff(a: str, b: str, *, ignore_sources: Sequence[str] = ()) -> Diff:
    """Compare two recorded fits: ``"a.whydiff"`` (its last fit) or ``"a.whydiff:2"``.

    A number that `whydiff show` gives to a prediction or evaluation names that call:
    ``diff("a.whydiff:3", "b.whydiff:5")`` compares two of these.

    Returns where they first part (epoch, step, phase, tensor; ULP and relative size where values
    are kept) and one finding per source; the verdict leaves ``ignore_sources`` out. Needs no Keras.
    Raises WhydiffError for a file that cannot be read or a fit that is not there.
    """
    wanted = checked_sources(ignore_sources)
    result = _compared(a, b)
    ignored = tuple(f.source for f in result.findings if f.status == DIFFERS and f.source in wanted)
    notes = (*result.notes, said_ignored(ignored)) if ignored else result.notes
    return replace(result, ignored=ignored, notes=notes)


def _compared(a: str, b: str) -> Diff:
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
