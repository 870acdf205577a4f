"""Two calls that measured the same and differ, and how such pairs are ranked."""

from __future__ import annotations

from dataclasses import dataclass

from whydiff.diagnosis.calls.results import Call, Distance, number_of

#: From this relative distance on a disagreement is one that a person sees at once. What fit logs
#: is a mean over moving weights: that it is somewhat off is how it is meant to be.
LARGE, LARGE_OF_LOG = 0.02, 0.3

#: What makes two calls comparable, the clearest first.
SCORED, LOGGED, RUN, REBUILT, REPEATED, VALIDATED, OTHER_INPUT, BUILT = range(8)

#: Labels of another pass; two metrics of one evaluate; a fit's log and its validation on others.
BY_POSITION, BESIDE_IT, HELD_OUT = 8, 9, 10

#: What has to be checked on the values before two calls count as measuring the same.
FIT_ROWS, ROWS_CORRESPOND = "the rows of the fit", "rows that correspond"

STEP_ROWS = "the rows of a step"

VALIDATION_ROWS, LABELS_MOVE = "the validation rows of the fit", "labels that stand elsewhere"

MEASURED_AGAIN = "a log that can be measured again"


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Two calls that measured the same and differ. ``why`` is one of the kinds above; ``check``
    names what digests alone do not show, "" if they do."""

    a: Call
    b: Call
    distance: Distance
    why: int
    check: str = ""

    @property
    def order(self) -> tuple[int, int, float, int, int]:
        """Sorts: large before small before rounding, then by what makes them comparable; of equal
        ones those that were made next to each other. That a log is somewhat off is expected of
        every script that evaluates: such a pair comes after every other of its size."""
        d = self.distance
        large = LARGE_OF_LOG if self.why == LOGGED else LARGE
        size = 2 if d.rounding or self.why == HELD_OUT else 0 if d.relative >= large else 1
        why = BESIDE_IT + 1 if self.why == LOGGED and size else self.why
        a, b = number_of(self.a), number_of(self.b)
        return (size, why, -round(d.relative, 6), abs(b - a), a)

    @property
    def clear(self) -> bool:
        """Whether it is more than rounding, and more than a log that is off as it may be."""
        return not self.distance.rounding and self.why not in (LOGGED, HELD_OUT)
