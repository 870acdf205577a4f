"""Sources that offset each other: each alone moves the result further than all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.findings import CONFIRMED, Cause
from whydiff.core.words import listed, number
from whydiff.diagnosis.trials import Trials
from whydiff.stats.ulp import SHOWS

#: A source worth more than this many whole distances is offset by others.
BEYOND = 1.5
#: From here on parts of the whole distance say nothing: what is left is what did not cancel.
CANCELLED = 10.0


def offsetting(causes: Sequence[Cause], trials: Trials) -> list[Cause]:
    """``causes`` with ``offsets`` where some offset each other.

    In a training that was measured to amplify any difference, sizes vary by as much by chance:
    there only what cancels nearly completely counts.
    """
    proven = [c for c in causes if c.status == CONFIRMED and (c.alone, c.share) != (None, None)]
    limit = CANCELLED if amplifies(trials) else BEYOND
    large = [c for c in proven if _largest(c) > limit]
    if not large or len(proven) < 2:
        return list(causes)
    group = {c.source for c in (large if len(large) > 1 else proven)}
    cancelled = any(_largest(c) > CANCELLED for c in large)
    return [_marked(c, group, cancelled, trials) if c.source in group else c for c in causes]


def amplifies(trials: Trials) -> bool:
    """Whether one ULP in one initial weight was measured to grow into a visible difference."""
    grown = trials.grown()
    return grown is not None and grown[0] >= SHOWS


def cancel(causes: Sequence[Cause]) -> bool:
    """Whether what these causes do cancels, so that hardly anything is left of it."""
    return any(c.offsets and c.share is None for c in causes)


def _largest(cause: Cause) -> float:
    numbers = (cause.share, cause.alone, cause.remaining)
    return max(abs(n) for n in numbers if n is not None)


def _marked(cause: Cause, group: set[str], cancelled: bool, trials: Trials) -> Cause:
    others = tuple(sorted(group - {cause.source}))
    evidence = f"{cause.evidence}; "
    if cause.alone is not None:  # it was tried by itself
        evidence += (
            f"alone it moves the {trials.measure} by {number(cause.alone * trials.whole)}, while A "
            f"and B are {number(trials.whole)} apart: "
        )
    offset = f"offset{'s' * (len(others) == 1)} it"
    evidence += f"{listed(list(others))} {offset}"
    marked = replace(cause, evidence=evidence, offsets=others)
    if not cancelled:
        return marked
    remedy = f"Change it only along with {listed(list(others))}, which {offset}."
    return replace(marked, share=None, alone=None, remaining=None, remedy=remedy)
