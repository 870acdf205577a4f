"""What the worth of the random sources says, in words."""

from __future__ import annotations

import math

from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.core.words import percent, source

#: a source whose total effect is at least this gives nearly all the variability by itself
NEARLY_ALL = 0.8
LITTLE = 0.1
#: blocks from which on a source may be named in the verdict
FEWEST = 5


def leading(study: Study) -> tuple[str, tuple[Worth, ...]]:
    """The steadiest measure that was told: predictions before the metric before the weights."""
    for measure in (PREDICTIONS, METRIC, WEIGHTS):
        worth = study.worth.get(measure, ())
        if any(math.isfinite(w.total.value) for w in worth):
            return measure, worth
    return PREDICTIONS, ()


def alive(worths: tuple[Worth, ...]) -> list[Worth]:
    """Those that change something, and by how much."""
    return [w for w in worths if not w.dead and math.isfinite(w.total.value)]


def because(study: Study) -> str:
    """The end of the verdict: which source the variability comes from; empty where few know."""
    measure, told = leading(study)
    worths = alive(told)
    if worths and worths[0].total.n < FEWEST:
        return ""
    if len(worths) < 2:
        return f", by {source(worths[0].source)}" if worths else ""
    alone = [source(w.source) for w in worths if w.total.value >= NEARLY_ALL]
    if alone:
        which = "any one source" if len(alone) == len(worths) else " or ".join(alone)
        if measure == METRIC:
            return f": redrawing {which} alone gives nearly all of that"
        return (
            f"; redrawing {which} alone accounts for nearly all of the variation of the {measure}"
        )
    most = max(worths, key=lambda w: w.total.value)
    told_by = f"most by {source(most.source)} ({percent(most.total.value)} when redrawn alone)"
    return f": {told_by}" if measure == METRIC else f"; the {measure} move {told_by}"


def reading(study: Study) -> str:
    """What follows from that for a person who wants results that vary less."""
    measure, told = leading(study)
    moved = study.outcome.metric if measure == METRIC else f"the {measure}"
    worths = alive(told)
    strong = {w.source for w in worths if w.total.value >= NEARLY_ALL}
    if "arithmetic" in strong:
        return (
            f"One unit in the last place of one weight moves {moved} about as far as other seeds "
            "do: seeds make this training repeatable only where every operation rounds the same "
            "way again. Report a mean over runs."
        )
    if len(worths) > 1 and len(strong) == len(worths):
        return (
            f"Each source alone moves {moved} about as far as all together: seeding one of them "
            "and leaving the others free gains next to nothing. Seed all of them, or report a "
            "mean over runs."
        )
    held = [f"{w.source} {percent(w.main.value)}" for w in worths if w.main.value > LITTLE]
    if held:
        return f"Fixing just one takes away: {', '.join(held)}."
    return "Fixing just one of them takes away next to nothing."
