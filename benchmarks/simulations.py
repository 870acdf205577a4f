"""What the intervals and tests of whydiff promise, measured on simulated runs.

    python benchmarks/simulations.py [TRIALS]

Prints the share of intervals that hold the truth (95 % are claimed) and the share of false
alarms (5 % are claimed). About three minutes on one core with the default of 1,000 trials.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable

import numpy as np

from whydiff.stats.effects import effects
from whydiff.stats.factors import spread_ratio
from whydiff.stats.flips import churn_of, excess_churn, flip_rates
from whydiff.stats.intervals import mean, spread
from whydiff.stats.paired import INCONCLUSIVE, equivalence, probability, sign_flip
from whydiff.stats.probe_noise import variance_parts
from whydiff.stats.sequential import confidence_sequence, decide
from whydiff.testing.simulated import coverage, predicted, study, true_effects

THREE = {"initialization": 0.5, "data-order": 0.3, "noise": 0.2}
SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails (t, 5 df)": lambda rng, n: rng.standard_t(5, size=n) / math.sqrt(5 / 3),
    "skewed (exponential)": lambda rng, n: rng.exponential(size=n) - 1,
}


def row(what: str, case: str, share: float) -> None:
    print(f"| {what} | {case} | {100 * share:.1f} % |", flush=True)


def share(hits: Iterable[bool]) -> float:
    return float(np.mean(list(hits)))


def intervals(rng: np.random.Generator, trials: int) -> None:
    for name, draw in SHAPES.items():
        for n in (5, 20):
            samples = [draw(rng, n) for _ in range(trials)]
            row("mean, t interval", f"{name}, n = {n}", coverage(0.0, map(mean, samples)))
            row("standard deviation, Bonett", f"{name}, n = {n}",
                coverage(1.0, map(spread, samples)))  # fmt: skip
            chi = [spread(s, normal=True) for s in samples]
            row("standard deviation, chi-square", f"{name}, n = {n}", coverage(1.0, chi))


def sources(rng: np.random.Generator, trials: int) -> None:
    for blocks, joint, width in ((20, 0.0, 1), (20, 0.6, 20), (50, 0.6, 20), (20, 0.6, 1)):
        parts = {name: part * (1 - joint) for name, part in THREE.items()}
        total, main = [], []
        for _ in range(trials // 3):
            for effect in effects(study(rng, blocks, parts, joint, width), list(parts)):
                t, s = true_effects(parts, joint, effect.source)
                total.append(t in effect.total)
                main.append(s in effect.main)
        what = f"{blocks} blocks, {joint:.0%} joint, {'metric' if width == 1 else 'predictions'}"
        row("total effect, jackknife on log T", what, share(total))
        row("main effect", what, share(main))


def predictions(rng: np.random.Generator, trials: int) -> None:
    truth = float(flip_rates(predicted(rng, 4000)).mean())
    trials = max(50, trials // 3)
    for n in (5, 20):
        found = [churn_of(predicted(rng, n)) for _ in range(trials)]
        row("churn, jackknife over runs", f"n = {n}", coverage(truth, found))
    alike = [
        excess_churn(predicted(rng, 10), predicted(rng, 10), rng, permutations=300)
        for _ in range(trials)
    ]
    row("excess churn, jackknife", "n = 10, no change", coverage(0.0, (f.excess for f in alike)))
    row("false alarms: excess churn", "n = 10", share(f.p <= 0.05 for f in alike))
    own = np.random.default_rng(9).uniform(0.15, 0.85, 500)
    for spread_ in (0.0, 0.02):
        parts = [
            variance_parts(rng.random((20, 500)) < own + spread_ * rng.normal(size=(20, 1)))
            for _ in range(trials)
        ]
        row("training variance without test noise", f"20 runs, true sd {spread_}",
            coverage(spread_**2, (p.training for p in parts)))  # fmt: skip
        if not spread_:
            negative = share(p.training.value < 0 for p in parts)
            row("estimates of it below 0", f"20 runs, true sd {spread_}", negative)


def pairs(rng: np.random.Generator, trials: int) -> None:
    for n in (5, 20):
        told = [(rng.normal(size=n), rng.normal(size=n)) for _ in range(trials)]
        row("P(B > A), Brunner-Munzel on logits", f"n = {n}",
            coverage(0.5, (probability(a, b) for a, b in told)))  # fmt: skip
        row("false alarms: sign flips", f"n = {n}",
            share(sign_flip(b - a, rng) <= 0.05 for a, b in told))  # fmt: skip
        row("false alarms: TOST at its margin", f"n = {n}",
            share(equivalence(a, b + 1, 1.0).equivalent for a, b in told))  # fmt: skip
        ratios = [spread_ratio(a, 2 * b, rng, permutations=100) for a, b in told[: trials // 3]]
        row("ratio of deviations, jackknife on log", f"n = {n}",
            coverage(2.0, (r.ratio for r in ratios)))  # fmt: skip


def peeking(rng: np.random.Generator, trials: int, pairs_: int = 30) -> None:
    for name, draw in SHAPES.items():
        runs = [draw(rng, pairs_) for _ in range(trials)]
        t_test = [any(0.0 not in mean(d[:n]) for n in range(2, pairs_ + 1)) for d in runs]
        alone = [
            any(0.0 not in confidence_sequence(d[:n]) for n in range(2, pairs_ + 1)) for d in runs
        ]
        both = [decide(d).verdict != INCONCLUSIVE for d in runs]
        case = f"{name}, {pairs_} looks"
        row("false alarms: t test after every pair", case, share(t_test))
        row("false alarms: confidence sequence alone", case, share(alone))
        row("false alarms: the rule of `compare`", case, share(both))


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("| what | case | share |\n|---|---|---|")
    for part in (intervals, sources, predictions, pairs, peeking):
        part(np.random.default_rng(0), trials)


if __name__ == "__main__":
    main()
