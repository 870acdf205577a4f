"""Other versions, another backend or machine that rounds otherwise and does nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whydiff.core.findings import Finding
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.words import capital, number
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.gap import classifies
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.trials import Trials
from whydiff.stats.distances import prediction_distance, relative_weight_distance

MECHANISM = "rounds-otherwise"


def harmless(trials: Trials) -> list[str]:
    """Sources that were measured to round otherwise and to do nothing else."""
    return [name for name in trials.sources if trials.rounds_only(name)]


def as_rounding(finding: Finding) -> Finding:
    """What is said of such a source."""
    known = mechanism(MECHANISM)
    detail = f"{finding.detail or finding.evidence}; it rounds otherwise and does nothing else"
    return replace(finding, detail=detail, mechanism=MECHANISM, remedy=known.remedy)


def measured(compared: ComparedSides, trials: Trials) -> Iterator[str]:
    """A sentence for each, with the numbers that show it."""
    for name in harmless(trials):
        made, nudged = trials.hybrids[frozenset([name])], trials.nudged
        assert nudged is not None
        moved, ulp = (
            relative_weight_distance(trials.a.weights, one.weights) for one in (made, nudged)
        )
        yield (
            f"What {name} does is harmless: taken from B alone it moves the weights by "
            f"{number(moved)} (relative){_predictions(compared, trials, made)}; one initial weight "
            f"moved by one unit in the last place moves them by {number(ulp)}."
        )


def hardly(trials: Trials) -> Iterator[str]:
    """A sentence for each other source that moves the result by no more than rounding does."""
    for name in trials.sources:
        moved = trials.hardly_moves(name)
        if moved is not None:
            yield (
                f"{capital(name)} hardly matters: taken from B alone it moves the "
                f"{trials.measure} by {number(moved)} of their size, no more than rounding does."
            )


def _predictions(compared: ComparedSides, trials: Trials, made: TrainedHybrid) -> str:
    if trials.a.predictions is None or made.predictions is None:
        return ""
    if classifies(compared.a.recipe, trials.a.predictions):
        return " and the class of no prediction"
    distance = prediction_distance(trials.a.predictions, made.predictions)
    return f" and the predictions by {number(distance)}"
