"""Whether a run ended otherwise than a reference run, beyond what rounding does to it.

Only results count, not settings: a commit that renames a layer, or a release that adds an option,
changes nothing as long as the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from whydiff.core.calls import MeasuringCall
from whydiff.core.lock import Lock
from whydiff.core.progress import Progress
from whydiff.core.recipe import Tensor
from whydiff.core.recording import STEP_GROUPS, Execution, Fit
from whydiff.core.searches import Outcome
from whydiff.core.verification import FAILS, HOLDS, Amplification
from whydiff.core.words import count, number, pair
from whydiff.diagnosis.calls.results import Distance, distance, number as apart, said, same_result
from whydiff.experiments.lock.differences import Against, compare_locked
from whydiff.experiments.lock.reference import reduced_fit, reduced_lock
from whydiff.experiments.lock.rounding import (
    TOO_FAR,
    Trial,
    amplification,
    judge_rounding,
    may_be_rounding,
    trial_of,
)
from whydiff.runner.client import Run
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.running import Runs, check_run_watched

EQUAL, ROUNDING, DIFFERENT, UNDECIDED = "equal", "rounding", "different", "undecided"

_LOSS = STEP_GROUPS.index("loss")
_WEIGHTS = ("trainable", "non-trainable")


@dataclass(frozen=True)
class Judgement:
    """``level`` is EQUAL (bit for bit), ROUNDING, DIFFERENT or UNDECIDED; ``why`` in words."""

    level: str
    why: str


@dataclass(eq=False)
class Reference:
    """A run that others are held against. What one ULP does to a fit is measured once."""

    execution: Execution
    lock: Lock
    amplifications: dict[int, Amplification] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What it ended in."""
        return outcome_of(self.execution)

    def judge(self, trial: Trial, progress: Progress) -> Judgement:
        """Whether another run, whose process still lives, ended in the same."""
        a, b = self.execution, trial.execution
        if len(a.fits) != len(b.fits):
            trained = count(len(a.fits), "fit"), count(len(b.fits), "fit")
            return Judgement(DIFFERENT, f"{trained[1]} instead of {trained[0]}")
        found = [self._fit(n, trial, progress) for n in range(1, len(b.fits) + 1)]
        found += [_calls(a.calls, b.calls)]
        for level in (DIFFERENT, UNDECIDED, ROUNDING):
            worst = next((one for one in found if one.level == level), None)
            if worst is not None:
                return worst
        return Judgement(EQUAL, "equal, bit for bit")

    def _fit(self, n: int, trial: Trial, progress: Progress) -> Judgement:
        one, other = self.execution.fits[n - 1], trial.execution.fits[n - 1]
        if _ends(one) == _ends(other) and _same_logs(one, other):
            return Judgement(EQUAL, "")
        reduced = [reduced_fit(f, trial.outcomes.get(f.index)) for f in trial.execution.fits]
        against = compare_locked(self.lock, trial.execution, reduced, n)
        if _ends(one) == _ends(other):
            level = ROUNDING if _logs_are_near(one, other) else DIFFERENT
            return Judgement(level, _logged(one, other))
        far = f"the weights end {_distance(against)} apart{_also(_logged(one, other))}"
        no_rounding = may_be_rounding(against)
        if against.weights is None or (no_rounding and against.weights > TOO_FAR):
            return Judgement(DIFFERENT, far)
        if n not in self.amplifications:
            trainer, own = trial.hybrid_trainer(n), trial.outcomes[n]
            self.amplifications[n] = amplification(trainer, own, progress)
        state, why = judge_rounding(against, self.amplifications[n])
        if state == HOLDS:
            return Judgement(ROUNDING, f"no more than rounding: {why}")
        if state == FAILS or no_rounding:
            return Judgement(DIFFERENT, far)
        return Judgement(UNDECIDED, f"{far}; {why}")


def try_run(runs: Runs, run: Run, folder: Path, progress: Progress) -> Trial:
    """Run a script watched, to its end; the caller closes ``ran`` of what it gets.

    WhydiffError if it fails or uses no model.
    """
    epochs = EpochProgress(f"running {run.text}", progress)
    ran = runs.run(run, folder, "run", epochs=epochs)
    try:
        execution = ran.recorded("compared")
        check_run_watched(execution, run)
        return trial_of(ran, execution, folder, progress)
    except BaseException:
        ran.close()
        raise


def reference_of(trial: Trial) -> Reference:
    """A run as the one that others are held against; its process is not needed any more."""
    execution = trial.execution
    script = trial.ran.run.script
    return Reference(execution, reduced_lock(execution, script, trial.outcomes, execution.fits))


def in_a_line(why: Exception) -> str:
    """What went wrong, and of what a script printed its last line."""
    lines = str(why).splitlines()
    first = lines[0].removesuffix("; its last output:")
    return " ".join(f"{first}: {lines[-1]}".split())[:300] if len(lines) > 1 else first[:300]


def outcome_of(execution: Execution) -> Outcome:
    """What a run ended in."""
    fits, calls = execution.fits, [c for c in execution.calls if c.kind != "built"]
    values = next((dict(c.values) for c in reversed(calls) if c.values), {})
    return Outcome(
        initial=_digest([d for f in fits for d in _weights(f.recipe.initialization)]),
        first=_digest([str(int(f.steps[0, _LOSS])) for f in fits if len(f.steps)]),
        final=_digest([d for f in fits for d in _ends(f)]),
        measured=tuple(_measured(call) for call in calls),
        logs=tuple(_last_logs(fit) for fit in fits),
        values=values,
    )


def _calls(a: Sequence[MeasuringCall], b: Sequence[MeasuringCall]) -> Judgement:
    """Calls that measure, in their order; what only one run has beyond the other's is left."""
    worst = Judgement(EQUAL, "")
    for one, other in zip(a, b, strict=False):
        if one.kind == "built" or other.kind == "built":
            continue
        if one.kind != other.kind:
            return Judgement(DIFFERENT, f"{said(other)} comes where {said(one)} came")
        if same_result(one, other):
            continue
        far = distance(one, other)
        if far is None or not far.rounding:
            return Judgement(DIFFERENT, f"{said(other)} gives another result{_numbers(far)}")
        worst = Judgement(ROUNDING, f"{said(other)} differs by no more than rounding")
    return worst


def _numbers(far: Distance | None) -> str:
    if far is None or far.a is None or far.b is None:
        return ""
    one, other = pair(far.a, far.b)
    return f": {far.metric} {one} vs. {other}"


def _ends(fit: Fit) -> list[str]:
    return _weights(fit.final)


def _weights(tensors: Sequence[Tensor]) -> list[str]:
    return [t.digest for t in tensors if t.role in _WEIGHTS]


def _last_logs(fit: Fit) -> dict[str, float]:
    return dict(fit.epochs[-1].logs) if fit.epochs else {}


def _same_logs(a: Fit, b: Fit) -> bool:
    """Whether all that both logged in every epoch has the same bits."""
    return not any(
        repr(one.logs[name]) != repr(other.logs[name])
        for one, other in zip(a.epochs, b.epochs, strict=False)
        for name in one.logs.keys() & other.logs.keys()
    ) and len(a.epochs) == len(b.epochs)


def _logs_are_near(a: Fit, b: Fit) -> bool:
    """Whether what both logged in the end is no further apart than rounding."""
    one, other = _last_logs(a), _last_logs(b)
    near = (apart(name, one[name], other[name]).rounding for name in one.keys() & other.keys())
    return len(a.epochs) == len(b.epochs) and all(near)


def _logged(a: Fit, b: Fit) -> str:
    """The first number of the last epoch that differs: ``loss 0.5 vs. 0.4``."""
    for name, value in _last_logs(a).items():
        other = _last_logs(b).get(name)
        if other is not None and repr(value) != repr(other):
            one, two = pair(value, other)
            return f"{name} {one} vs. {two}"
    return "" if len(a.epochs) == len(b.epochs) else f"{count(len(b.epochs), 'epoch')}"


def _also(text: str) -> str:
    return f" ({text})" if text else ""


def _distance(against: Against) -> str:
    return "in other shapes" if against.weights is None else f"{number(against.weights)} (relative)"


def _measured(call: MeasuringCall) -> str:
    parts = [f"{k}={v!r}" for k, v in sorted(call.values.items())]
    parts += [o.rows.tobytes().hex() for o in call.outputs]
    return f"{call.kind} {_digest(parts)}"


def _digest(parts: Sequence[str]) -> str:
    if not parts:
        return ""
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(f"{part}\n".encode())
    return str(state.hexdigest())
