"""What ``compare`` found: is B better than A, or is the difference that of seeds?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.core.findings import Finding
from whydiff.core.notebook import Shown
from whydiff.core.study import Gate

BETTER, WORSE, EQUIVALENT, INCONCLUSIVE = "better", "worse", "equivalent", "inconclusive"
#: what a person can expect of B
EXPECTATIONS = (EQUIVALENT, BETTER)


@dataclass(frozen=True)
class Side:
    """One of the two ways of training, over the pairs that were used.

    ``mean`` and ``sd`` are of the metric over runs that ended with a finite number;
    ``diverged`` is the share of runs that did not; ``collapsed`` the share that ended with numbers
    but predicts the same for every example, None where no predictions are known. ``kept`` says of
    random sources that are not redrawn why not.
    """

    what: str
    engine: str
    mean: Estimate
    sd: Estimate
    diverged: Estimate
    kept: Mapping[str, str] = field(default_factory=dict)
    collapsed: Estimate | None = None


@dataclass(frozen=True)
class FailureRates:
    """How much more often B diverged or collapsed than A, over pairs of equal seeds.

    ``difference`` of the rates, B - A, with an exact interval; ``p`` of McNemar's exact test.
    """

    difference: Estimate
    p: float


@dataclass(frozen=True)
class Churn:
    """What the change does to predictions, against what a reseed does.

    ``measure`` is "classes" (share of examples with another predicted class) or "distance" (root
    mean square). ``within``: two runs of one kind; ``between``: a run of A and one of B with
    other seeds; ``switched``: A and B at equal seeds; ``excess``: between - within, with the
    one-sided ``p`` of a permutation of run labels.
    """

    measure: str
    examples: int
    within: float
    between: float
    excess: Estimate
    p: float
    switched: Estimate | None


@dataclass(frozen=True)
class Secondary:
    """Another metric that both log: mean of B - A with a t interval, sign-flip ``p`` and that p
    adjusted for the number of secondary metrics."""

    metric: str
    shift: Estimate
    p: float
    adjusted: float


@dataclass(frozen=True)
class Pair:
    """Two runs with equal seeds. ``identical``: the same weights, bit for bit."""

    number: int
    seeds: Mapping[str, int]
    a: float
    b: float
    identical: bool
    failure: str = ""  # why one of them could not be trained


@dataclass(frozen=True)
class Comparison(Shown):
    """The answer of ``compare``.

    ``effect`` is the mean of B - A in the metric's own unit with a confidence sequence, which
    holds however often one looked; ``probability`` that a run of B is better than a run of A of
    another seed, ties counted half. ``more``: how many further pairs would settle it if they
    were like those seen, 0 if it is settled, None if that cannot be said. ``stopped`` is
    "settled", "cap", "budget", "interrupted" or, where only runs like those seen are settled and
    the rest would take more than ``max_pairs``, "out of reach"; ``fewest`` pairs are needed for
    any verdict.
    ``assumption`` is what the verdict takes for granted of the differences, "symmetric" or
    "bounded"; for a bounded one ``typical`` is the verdict on runs like those seen and
    ``typical_effect`` its interval, both for symmetric differences ("" and None otherwise).
    ``tailed``: a tail against the mean is so long that the differences are visibly not symmetric,
    and there is no verdict. ``unseen`` is the largest share of pairs of a kind of which none was
    seen;
    ``failures`` compares how often A and B diverged or collapsed; ``more_for_any_shape`` is how
    many further pairs would settle it from the bounds of the metric alone, None if that cannot be
    said. ``differences`` says what differs between two git revisions besides what seeds redraw,
    with changed lines and commits.
    """

    question: str
    a: Side
    b: Side
    metric: str
    larger_is_better: bool
    verdict: str
    effect: Estimate
    margin: float
    alpha: float
    probability: Estimate
    churn: Churn | None
    others: tuple[Secondary, ...]
    pairs: tuple[Pair, ...]
    max_pairs: int
    more: int | None
    fewest: int
    stopped: str
    e: float = 1.0
    symmetric_e: float = 1.0
    gates: tuple[Gate, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    looks: tuple[Estimate, ...] = ()  # the effect as it was known after each pair
    command: str = ""  # that asks the same again, "" where it was asked in Python
    assumption: str = "symmetric"
    typical: str = ""
    typical_effect: Estimate | None = None
    tailed: bool = False
    unseen: float = 1.0
    failures: FailureRates | None = None
    more_for_any_shape: int | None = None
    differences: tuple[Finding, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every pair ended with the same weights, bit for bit."""
        return bool(self.pairs) and all(pair.identical for pair in self.pairs)

    def meets(self, expected: str | None) -> bool | None:
        """Whether the verdict is what was expected; None if it is inconclusive.

        Without an expectation every verdict will do.
        """
        if self.verdict == INCONCLUSIVE:
            return None
        return expected is None or self.verdict == expected

    def rows(self) -> list[dict[str, Any]]:
        """One row per pair: number, ``seed.*``, the metric of A and of B, identical, failure."""
        return [
            {
                "number": pair.number,
                **{f"seed.{source}": seed for source, seed in pair.seeds.items()},
                "a": pair.a,
                "b": pair.b,
                "identical": pair.identical,
                "failure": pair.failure,
            }
            for pair in self.pairs
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; numbers that are not finite become null where they are written."""
        return {"schema": 1, **asdict(self), "identical": self.identical}
