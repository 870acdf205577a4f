"""At which moments of two trainings losses and weights are looked at.

This is done while A and B are trained once more, after everything is proven without looking. See
docs/decisions/0004-the-way-of-two-trainings.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whydiff.core.findings import Divergence
from whydiff.core.recording import Fit

#: Moments at which losses are kept.
MOST_MOMENTS = 240
#: Bytes of weights kept of each side; large models are weighed at fewer moments.
MOST_BYTES = 128 << 20
#: Steps at the beginning that are all kept: there small differences grow.
FIRST_STEPS = 20
#: Steps kept before and after the first divergence.
AROUND = 3

#: (epoch, step), counting from 0; (-1, -1) is before the first step.
Moment = tuple[int, int]
START: Moment = (-1, -1)


@dataclass(frozen=True)
class Moments:
    """When to look at each side. Entry i of ``a``, ``b`` and ``x`` belong together.

    ``x`` counts ``unit`` ("steps" or "epochs") trained, 0 before the first step. A side that has
    no such moment, because it trained less, holds None. ``weighed`` are the entries at which
    weights are kept.
    """

    unit: str
    x: tuple[float, ...]
    a: tuple[Moment | None, ...]
    b: tuple[Moment | None, ...]
    weighed: frozenset[int]
    divergence: float | None = None  # where on x the two part

    def of(self, side: str) -> list[list[int]]:
        """[epoch, step, whether with weights] of side "a" or "b", as a child is asked."""
        chosen = self.a if side == "a" else self.b
        return [[*m, int(i in self.weighed)] for i, m in enumerate(chosen) if m is not None]


def plan(a: Fit, b: Fit, point: Divergence | None) -> Moments:
    """Choose the moments: every step of a short training, else a selection dense where it matters.

    The beginning, the surroundings of the first divergence and the end are kept step by step.
    Trainings cut into other numbers of steps are looked at after equal parts of an epoch.
    """
    steps_a, steps_b = _steps(a), _steps(b)
    common = [e for e in steps_a if e in steps_b]
    parameters = max(int(f.notes.get("parameters", 1) or 1) for f in (a, b))
    affordable = max(2, MOST_BYTES // (4 * parameters))
    # The last epoch may be shorter on one side: it was stopped there.
    if common and all(steps_a[e] == steps_b[e] for e in common[:-1] or common):
        return _by_step(steps_a, steps_b, point, affordable)
    return _by_part(steps_a, steps_b, common, point, affordable)


def _steps(fit: Fit) -> dict[int, int]:
    """Steps of each epoch."""
    epochs, counts = np.unique(fit.step_epochs, return_counts=True)
    return {int(e): int(n) for e, n in zip(epochs, counts, strict=True)}


def _by_step(
    steps_a: dict[int, int], steps_b: dict[int, int], point: Divergence | None, affordable: int
) -> Moments:
    all_a, all_b = ([START, *_all(steps)] for steps in (steps_a, steps_b))
    total = max(len(all_a), len(all_b))
    parted = _parted(all_a, point)
    chosen = spread(total, MOST_MOMENTS, parted)
    # Tensors are compared at the first divergence: weights are kept there in any case.
    where = set() if parted is None else {parted}
    weighed = where | set(spread(total, max(2, affordable - len(where)), parted))
    weighed = set(chosen) if len(chosen) <= affordable else weighed
    chosen = sorted({*chosen, *weighed})
    return Moments(
        "steps",
        tuple(float(n) for n in chosen),
        tuple(all_a[n] if n < len(all_a) else None for n in chosen),
        tuple(all_b[n] if n < len(all_b) else None for n in chosen),
        frozenset(i for i, n in enumerate(chosen) if n in weighed),
        None if parted is None else float(parted),
    )


def _all(steps: Mapping[int, int]) -> list[Moment]:
    return [(epoch, step) for epoch, count in steps.items() for step in range(count)]


def _parted(moments: Sequence[Moment], point: Divergence | None) -> int | None:
    if point is None or point.phase == "end":
        return None
    if point.phase == "before training":
        return 0
    wanted = (point.epoch, point.step)
    return moments.index(wanted) if wanted in moments else None


def spread(total: int, most: int, parted: int | None) -> list[int]:
    """At most ``most`` of the numbers 0 to total - 1, both ends among them."""
    if total <= most:
        return list(range(total))
    kept = {0, total - 1}
    wanted = [*range(min(FIRST_STEPS, most // 4))]
    if parted is not None and most > 4 * AROUND:
        wanted += range(parted - AROUND, parted + AROUND + 1)
    kept |= {n for n in wanted if 0 <= n < total}
    room = max(most - len(kept), 0)
    if room:
        kept |= {int(n) for n in np.linspace(0, total - 1, room + 2)[1:-1]}
    return sorted(kept)


def _by_part(
    steps_a: dict[int, int],
    steps_b: dict[int, int],
    common: Sequence[int],
    point: Divergence | None,
    affordable: int,
) -> Moments:
    x, a, b = [0.0], [START], [START]
    parts = max(1, MOST_MOMENTS // max(len(common), 1))
    for done, epoch in enumerate(common):
        one, other = steps_a[epoch], steps_b[epoch]
        pieces = min(parts, one, other)
        for piece in range(1, pieces + 1):
            x.append(done + piece / pieces)
            a.append((epoch, -(-one * piece // pieces) - 1))
            b.append((epoch, -(-other * piece // pieces) - 1))
    parted = None
    if point is not None and point.phase == "before training":
        parted = 0.0
    elif point is not None and point.epoch in common and point.phase != "end":
        parted = common.index(point.epoch) + (point.step + 1) / steps_a[point.epoch]
    weighed = frozenset(spread(len(x), affordable, None))
    return Moments("epochs", tuple(x), tuple(a), tuple(b), weighed, parted)
