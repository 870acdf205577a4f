"""What ``verify`` finds: a level of agreement per fit, with everything that speaks for it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.findings import Divergence, Explanation, Finding
from whydiff.core.lock import LEVELS
from whydiff.core.notebook import Shown
from whydiff.core.question import SideOptions

HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"
DIFFERENT, UNDECIDED = "different", "undecided"


@dataclass(frozen=True)
class Amplification:
    """How far one ULP in one initial weight goes, measured ``n`` times on this training.

    ``weights`` and ``predictions`` are the largest distances at its end, relative to the norm of
    the weights and as root mean square; ``smallest`` and ``largest`` the factors by which the
    change grew. ``why`` says why nothing was measured, "" if it was.
    """

    n: int = 0
    weights: float = 0.0
    predictions: float = 0.0
    smallest: float = 0.0
    largest: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Statistics:
    """Reseeded trainings then (A) and now (B), compared in one metric; see ``equivalence``."""

    metric: str
    verdict: str  # "equal" | "different" | "inconclusive"
    difference: float
    interval: tuple[float, float]
    margin: float
    n: tuple[int, int]
    a: tuple[float, ...]
    b: tuple[float, ...]
    needed: int | None = None  # replicas of each that would find equal trainings equal


@dataclass(frozen=True)
class FitCheck:
    """One fit against its lock. Distances are None where one cannot be had."""

    fit: int
    model: str
    levels: dict[str, tuple[str, str]]  # level -> (holds, fails or unknown; why)
    first_divergence: Divergence | None
    findings: tuple[Finding, ...]
    weights: float | None  # relative distance
    predictions: float | None  # root mean square of the differences
    metrics: dict[str, tuple[float | None, float | None]]  # logged at the end: locked, now
    amplification: Amplification | None = None
    statistics: Statistics | None = None

    @property
    def level(self) -> str:
        """The strictest level that holds; else "undecided" if one might, else "different"."""
        holds = next((name for name in LEVELS if self.levels[name][0] == HOLDS), "")
        tried = ("rounding", "statistical") if self.statistics else ("rounding",)
        open_ = any(self.levels[name][0] == UNKNOWN for name in tried)
        return holds or (UNDECIDED if open_ else DIFFERENT)


@dataclass(frozen=True)
class CallCheck:
    """One prediction or evaluation against its lock."""

    number: int
    kind: str
    model: str
    line: int | None
    levels: dict[str, tuple[str, str]]  # as those of a fit
    distance: float  # of the results, relative; infinite where none can be had
    metrics: dict[str, tuple[float | None, float | None]]  # locked, now

    @property
    def level(self) -> str:
        """As that of a fit."""
        holds = next((name for name in LEVELS if self.levels[name][0] == HOLDS), "")
        open_ = self.levels["rounding"][0] == UNKNOWN
        return holds or (UNDECIDED if open_ else DIFFERENT)


@dataclass(frozen=True)
class Verification(Shown):
    """The answer of ``verify``: ``required`` is the level that was demanded.

    ``script`` is what was named, ``-m package.module`` too; ``file`` holds its text.
    ``revision`` is the git commit that holds the lock as it is; "" where git does not know one.
    ``locked`` and ``now`` say how the locked training was run and how this one was, which took
    ``seconds``. ``explanation`` says why they differ; ``unexplained`` why it is missing where one
    was asked for. ``locked_script`` is the script of the lock where that is another one.
    """

    script: str
    lock: str
    required: str
    fits: tuple[FitCheck, ...]
    changed: tuple[str, ...]  # facts about the surroundings: "keras: 3.14.0, now 3.15.1"
    missing: str = ""  # other fits or calls than locked, in words
    calls: tuple[CallCheck, ...] = ()
    revision: str = ""
    locked: SideOptions = field(default_factory=SideOptions)
    now: SideOptions = field(default_factory=SideOptions)
    seconds: float = 0.0
    explanation: Explanation | None = None
    unexplained: str = ""
    file: str = ""
    locked_script: str = ""

    @property
    def scripts(self) -> tuple[str, ...]:
        """What an explanation runs: the script of the lock where that is another one, and this."""
        return (self.locked_script, self.script) if self.locked_script else (self.script,)

    @property
    def level(self) -> str:
        """The level of the worst fit or call: one of LEVELS, "undecided" or "different"."""
        checks: tuple[FitCheck | CallCheck, ...] = (*self.fits, *self.calls)
        if self.missing or not checks:
            return DIFFERENT
        order = [*LEVELS, UNDECIDED, DIFFERENT]
        return max((check.level for check in checks), key=order.index)

    @property
    def state(self) -> str:
        """Whether the demanded level holds, fails or is unknown."""
        checks: tuple[FitCheck | CallCheck, ...] = (*self.fits, *self.calls)
        states = [check.levels[self.required][0] for check in checks]
        if self.missing or FAILS in states or not states:
            return FAILS
        return UNKNOWN if UNKNOWN in states else HOLDS

    @property
    def exit_code(self) -> int:
        """0 the demanded level holds, 1 it does not, 3 that cannot be said."""
        return {HOLDS: 0, FAILS: 1, UNKNOWN: 3}[self.state]

    def rows(self) -> list[dict[str, Any]]:
        """One row per fit and per other call, with the level at which it agrees."""
        fits = [{"call": "fit", "number": f.fit, "model": f.model, "level": f.level}
                for f in self.fits]  # fmt: skip
        calls = [{"call": c.kind, "number": c.number, "model": c.model, "level": c.level}
                 for c in self.calls]  # fmt: skip
        return [*fits, *calls]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "schema": 1,
            "script": self.script,
            "lock": self.lock,
            "required": self.required,
            "state": self.state,
            "level": self.level,
            "changed": list(self.changed),
            "missing": self.missing,
            "revision": self.revision,
            "explanation": self.explanation and self.explanation.to_dict(),
            "unexplained": self.unexplained,
            "fits": [
                {
                    "fit": fit.fit,
                    "model": fit.model,
                    "level": fit.level,
                    "levels": {
                        name: {"state": state, "why": why}
                        for name, (state, why) in fit.levels.items()
                    },
                    "first_divergence": fit.first_divergence and fit.first_divergence.to_dict(),
                    "sources": [asdict(f) for f in fit.findings],
                    "distance": {"weights": fit.weights, "predictions": fit.predictions},
                    "metrics": {k: {"locked": a, "now": b} for k, (a, b) in fit.metrics.items()},
                    "amplification": fit.amplification and asdict(fit.amplification),
                    "statistics": fit.statistics and asdict(fit.statistics),
                }
                for fit in self.fits
            ],
            "calls": [
                {
                    "call": check.kind,
                    "number": check.number,
                    "line": check.line,
                    "model": check.model,
                    "level": check.level,
                    "levels": {
                        name: {"state": state, "why": why}
                        for name, (state, why) in check.levels.items()
                    },
                    "distance": check.distance if math.isfinite(check.distance) else None,
                    "metrics": {k: {"locked": a, "now": b} for k, (a, b) in check.metrics.items()},
                }
                for check in self.calls
            ],
        }
