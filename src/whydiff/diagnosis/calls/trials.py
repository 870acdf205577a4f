"""Hybrids of two measuring calls run, and what they say each source is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from whydiff.core.call_hybrids import Measurement
from whydiff.core.calls import MeasuringCall
from whydiff.core.digests import row_digests
from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import Coalition
from whydiff.diagnosis.attribution import coalitions, shapley
from whydiff.diagnosis.calls.results import OUTPUTS, WEIGHTS
from whydiff.stats.distances import prediction_distance
from whydiff.stats.ulp import is_rounding

#: Up to so many hybrids every combination of sources is run.
MOST_HYBRIDS = 64
#: A part of the gap below this is left out of the causes where others are larger.
SMALL = 0.005


class CallRunner(Protocol):
    """Runs hybrids of two calls, wherever their models live."""

    def measure(self, coalition: Coalition) -> Measurement:
        """A's call with the fields of these sources from B; raises TransferError."""
        ...

    def again(self, side: str) -> Measurement:
        """One side from its own fields, in its own model; raises TransferError."""
        ...


@dataclass
class CallTrials:
    """What the hybrids gave. ``sources`` are those that could be swapped.

    ``decided`` names, for a source that is no cause of its own, the one that decides about it.
    ``rounded`` holds the largest relative change by sources that only round otherwise, as the whole
    gap does. ``failure`` says why the control failed ("" if it held): then nothing is proven.
    """

    metric: str
    a: Measurement
    b: Measurement
    sources: list[str] = field(default_factory=list)
    hybrids: dict[Coalition, Measurement] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)
    rounded: dict[str, float] = field(default_factory=dict)
    failure: str = ""

    def value(self, measured: Measurement) -> float:
        """The gap between A and a hybrid: of the metric, signed, or the RMS of the outputs."""
        if self.metric in (OUTPUTS, WEIGHTS):
            apart = prediction_distance(list(self.a.outputs), list(measured.outputs))
            return apart if math.isfinite(apart) else self._size()
        return float(measured.values.get(self.metric, math.nan)) - float(
            self.a.values.get(self.metric, math.nan)
        )

    def _size(self) -> float:
        """What outputs of another shape count as: as far as B is, or else 1."""
        apart = prediction_distance(list(self.a.outputs), list(self.b.outputs))
        return apart if math.isfinite(apart) and apart else 1.0

    @property
    def whole(self) -> float:
        return self.value(self.b)

    @property
    def everything(self) -> Coalition:
        return frozenset(self.sources)

    def acts(self, source: str) -> bool:
        """Whether swapping a source changes a bit, from A's side or from B's."""
        return any(not x.equals(y) for x, y in self._swaps(source))

    def rounds(self, source: str) -> bool:
        """Whether all that swapping a source changes is no more than rounding."""
        return all(self.apart(x, y)[1] for x, y in self._swaps(source))

    def effect(self, source: str) -> float:
        """The largest relative change of what is compared by which swapping a source moves it."""
        return max((self.apart(x, y)[0] for x, y in self._swaps(source)), default=0.0)

    def _swaps(self, source: str) -> list[tuple[Measurement, Measurement]]:
        pairs = [(c, c | {source}) for c in self.hybrids if source not in c]
        return [(self.hybrids[x], self.hybrids[y]) for x, y in pairs if y in self.hybrids]

    def apart(self, x: Measurement, y: Measurement) -> tuple[float, bool]:
        """(relative distance, whether it is rounding) of two hybrids."""
        if self.metric not in (OUTPUTS, WEIGHTS):
            one, two = (float(m.values.get(self.metric, math.nan)) for m in (x, y))
            if one == two or (math.isnan(one) and math.isnan(two)):
                return 0.0, True
            scale = max(abs(one), abs(two))
            relative = abs(one - two) / scale if math.isfinite(scale) and scale else 1.0
            return relative, is_rounding(relative, np.dtype(np.float32))
        apart = prediction_distance(list(x.outputs), list(y.outputs))
        if apart == 0.0:
            return 0.0, True
        if not math.isfinite(apart):
            return 1.0, False
        scale = max(_root_mean_square(x), _root_mean_square(y))
        relative = apart / scale if scale else 1.0
        kinds = [np.asarray(o).dtype for o in (*x.outputs, *y.outputs)]
        fine = [k for k in kinds if k.kind == "f"] or [np.dtype(np.float32)]
        return relative, is_rounding(relative, min(fine, key=lambda k: k.itemsize))

    def shares(self) -> dict[str, float]:
        """Shapley value of every source as a part of the gap; they add up to what was moved."""
        whole = self.whole
        values = {c: self.value(m) for c, m in self.hybrids.items()}
        needed = [frozenset({s}) for s in self.sources]
        needed += [self.everything - {s} for s in self.sources]
        if not whole or any(c not in values for c in (frozenset(), self.everything, *needed)):
            return {}
        found = shapley(values, self.sources)
        return {s: v / whole for s, v in found.items()}

    def alone(self, source: str) -> float | None:
        """Part of the gap that appears when only this source is taken from B."""
        return self._part(frozenset([source]))

    def remaining(self, source: str) -> float | None:
        """Part of the gap that remains when only this source is made equal."""
        return self._part(self.everything - {source})

    def _part(self, coalition: Coalition) -> float | None:
        measured = self.hybrids.get(coalition)
        if measured is None or not self.whole:
            return None
        return self.value(measured) / self.whole

    def unexplained(self) -> tuple[float, bool]:
        """(part of the gap that all swaps together leave, whether that is only rounding)."""
        full = self.hybrids.get(self.everything)
        if full is None:
            return 1.0, False
        relative, rounding = self.apart(full, self.b)
        if relative == 0.0:
            return 0.0, True
        if self.metric in (OUTPUTS, WEIGHTS):
            apart = prediction_distance(list(full.outputs), list(self.b.outputs))
            part = apart / self.whole if self.whole and math.isfinite(apart) else 1.0
        else:
            part = abs(self.value(full) - self.whole) / abs(self.whole) if self.whole else 1.0
        return min(part, 1.0), rounding


def _root_mean_square(measured: Measurement) -> float:
    flat = [np.nan_to_num(np.asarray(o, np.float64)).ravel() for o in measured.outputs]
    whole = np.concatenate(flat) if flat else np.zeros(1)
    return float(np.sqrt(np.mean(whole**2))) if whole.size else 0.0


def run_trials(
    runner: CallRunner,
    movable: Sequence[str],
    calls: tuple[MeasuringCall, MeasuringCall],
    metric: str,
) -> CallTrials:
    """Both calls from their own fields first; where these give what was recorded, all hybrids."""
    try:
        own = [runner.again(side) for side in ("a", "b")]
    except TransferError as why:
        nothing = Measurement()
        return CallTrials(metric, nothing, nothing, failure=f"a call cannot be run again: {why}")
    trials = CallTrials(metric, own[0], own[1], list(movable))
    for name, measured, call in zip("AB", own, calls, strict=True):
        why_not = differs_from(measured, call)
        if why_not:
            trials.failure = (
                f"{name} run again from its own fields did not give the same: {why_not}"
            )
            return trials
    start = _measured(runner, trials, frozenset())
    if start is None or not start.equals(own[0]):
        trials.failure = "A run again from its own fields did not give the same bits twice"
        return trials
    for source in list(trials.sources):
        _measured(runner, trials, frozenset([source]))
    for source in list(trials.sources):
        _measured(runner, trials, trials.everything - {source})
    _measured(runner, trials, trials.everything)
    _drop_idle(trials)
    for coalition in coalitions(trials.sources, MOST_HYBRIDS):
        _measured(runner, trials, coalition)
    _drop_follower(trials, "noise", trials.everything)
    _drop_follower(trials, "batch-size", frozenset({"mode"}))
    _drop_rounded_mode(trials)
    return trials


def _measured(runner: CallRunner, trials: CallTrials, coalition: Coalition) -> Measurement | None:
    known = trials.hybrids.get(coalition)
    if known is not None:
        return known
    try:
        trials.hybrids[coalition] = runner.measure(coalition)
    except TransferError as why:
        if len(coalition) == 1:
            (source,) = coalition
            trials.refused[source] = str(why)
            trials.sources.remove(source)
        return None
    return trials.hybrids[coalition]


def _drop_idle(trials: CallTrials) -> None:
    """Sources that change no bit, whoever they are combined with, need no more hybrids."""
    everything = trials.everything
    if everything not in trials.hybrids:
        return
    full = trials.hybrids[everything]
    for source in list(trials.sources):
        if trials.acts(source):
            continue
        trials.sources.remove(source)
    trials.hybrids.setdefault(trials.everything, full)


def _drop_follower(trials: CallTrials, follower: str, deciders: Coalition) -> None:
    """What acts only beside a source that decides whether it acts at all is no cause of its own.

    Dropout draws in training only: a call in training and one in inference differ by the mode,
    whatever was drawn, and in batches of whatever size. Which source decides is known only where
    every combination was run.
    """
    follows = frozenset({follower})
    run = sum(c <= trials.everything for c in trials.hybrids)
    if not follows < trials.everything or run < 2 ** len(trials.sources):
        return
    if trials.apart(trials.a, trials.b)[1]:
        return
    without = [(c, c | follows) for c in trials.hybrids if not follows <= c]
    swaps = [pair for pair in without if pair[1] in trials.hybrids]
    moved = [c for c, d in swaps if not trials.apart(trials.hybrids[c], trials.hybrids[d])[1]]
    for source in sorted(trials.everything & deciders - follows):
        with_as, with_bs = (
            [c for c, _ in swaps if (source in c) is there] for there in (False, True)
        )
        # From now on it comes from the side in which it acts.
        for idle, along in ((with_bs, frozenset[str]()), (with_as, follows)):
            if idle and moved and not set(idle) & set(moved):
                trials.decided[follower] = source
                trials.sources.remove(follower)
                known = {c: trials.hybrids.get(c | along) for c, _ in without}
                trials.hybrids = {c: found for c, found in known.items() if found is not None}
                return


def _drop_rounded_mode(trials: CallTrials) -> None:
    """Where the whole gap is rounding, no layer acts otherwise in training: that a hybrid with the
    other's flag is rounded otherwise comes from how it is computed, which is a source itself."""
    if "mode" not in trials.sources or len(trials.sources) < 2:
        return
    if trials.apart(trials.a, trials.b)[1] and trials.rounds("mode"):
        trials.rounded["mode"] = trials.effect("mode")
        trials.sources.remove("mode")
        trials.hybrids = {c: m for c, m in trials.hybrids.items() if "mode" not in c}


def differs_from(measured: Measurement, call: MeasuringCall) -> str:
    """What of a run is not as recorded, "" if all is. A model only built has no record."""
    if call.kind == "built":
        return ""
    if call.kind == "evaluate":
        for name, value in call.values.items():
            again = measured.values.get(name)
            if again is None or (again != value and not (math.isnan(again) and math.isnan(value))):
                return f"{name} {again} instead of {value}"
        return ""
    if len(measured.outputs) != len(call.outputs):
        return f"{len(measured.outputs)} outputs instead of {len(call.outputs)}"
    for output, recorded in zip(measured.outputs, call.outputs, strict=True):
        array = np.asarray(output)
        if tuple(array.shape) != tuple(recorded.shape):
            return f"shape {array.shape} instead of {tuple(recorded.shape)}"
        if array.ndim and len(recorded.rows) == len(array):
            if not np.array_equal(row_digests([array]), recorded.rows):
                return "other bits in the outputs"
        elif recorded.values is not None and not np.array_equal(array, recorded.values):
            return "other bits in the outputs"
    return ""
