"""Whether rounding explains a difference: measured by what one ULP does to this very training,
whose process can train its fits again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import HybridTrainer, TrainedHybrid
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution
from whydiff.core.verification import FAILS, HOLDS, UNKNOWN, Amplification
from whydiff.core.words import listed
from whydiff.experiments.lock.differences import ROUNDING, Against
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.runner.messages import OwnFit, Pair
from whydiff.runner.running import Ran
from whydiff.stats.distances import prediction_distance, relative_weight_distance
from whydiff.stats.ulp import ALLOWED


@dataclass(eq=False)
class Trial:
    """A script that was executed, whose process can train its fits again."""

    ran: Ran
    execution: Execution
    folder: Path
    outcomes: dict[int, TrainedHybrid]  # by fit: final weights, predictions on the probe

    def hybrid_trainer(self, fit: int) -> ProcessHybridTrainer:
        """To train that fit again; other fits are put aside."""
        self.ran.child.request(Pair(OwnFit(fit), OwnFit(fit)))
        return ProcessHybridTrainer({"a": self.ran.child}, frozenset())


def trial_of(ran: Ran, execution: Execution, folder: Path, progress: Progress) -> Trial:
    """The trial of a script that ran, and of which ``execution`` was recorded."""
    trial = Trial(ran, execution, folder, {})
    progress.step("looking at what was trained", total=len(execution.fits))
    for fit in execution.fits:
        try:
            trial.outcomes[fit.index] = trial.hybrid_trainer(fit.index).recall("a")
        except WhydiffError as why:  # a fit that Ctrl-C or an error ended has no weights
            progress.note(f"fit {fit.index} can only be compared bit for bit: {why}")
        progress.advance()
    return trial


#: Trainings from initial weights of which one is an ULP away.
NUDGES = 5
#: Where one ULP moves the weights by more than this, rounding would excuse everything.
TOO_FAR = 0.01


def amplification(
    hybrid_trainer: HybridTrainer, own: TrainedHybrid, progress: Progress
) -> Amplification:
    """Train again unchanged, then with one weight nudged, ``NUDGES`` times."""
    progress.step("measuring how far one ULP goes in this training", total=NUDGES + 1)
    try:
        base = hybrid_trainer.train(frozenset())
        progress.advance()
        if base.digests != own.digests:
            distance = relative_weight_distance(own.weights, base.weights)
            return Amplification(
                why="training again from the same values does not give the same bits "
                f"(relative distance {distance:.2g}): its operations are not deterministic"
            )
        ends = []
        for number in range(NUDGES):
            ends.append(hybrid_trainer.train(frozenset(), nudge=number))
            progress.advance()
    except (TransferError, WhydiffError) as why:
        return Amplification(why=f"it cannot be trained again: {why}")
    return _measured(base, [end for end in ends if end.moved])


def _measured(base: TrainedHybrid, ends: list[TrainedHybrid]) -> Amplification:
    if not ends:
        return Amplification(why="no initial weight can be moved by an ULP")
    length = sum(float((v.astype("float64") ** 2).sum()) for v in base.weights.values()) ** 0.5
    weights = [relative_weight_distance(base.weights, end.weights) for end in ends]
    predictions = [
        prediction_distance(base.predictions, end.predictions)
        for end in ends
        if base.predictions is not None and end.predictions is not None
    ]
    factors = [w * length / end.moved for w, end in zip(weights, ends, strict=True)]
    return Amplification(
        len(ends), max(weights), max(predictions, default=0.0), min(factors), max(factors)
    )


def may_be_rounding(against: Against) -> str:
    """Why rounding cannot be what made the two differ; "" if it can."""
    others = [s for s in against.differing if s not in ROUNDING]
    if others:
        verb = "differs" if len(others) == 1 else "differ"
        return f"{listed(others)} {verb}, which is not rounding"
    point = against.point
    if point is not None and point.phase in ("before training", "batch", "noise"):
        return f"they diverge before anything is computed ({point.where})"
    if not against.reached_equally:
        return "not every batch and seed state was the same"
    if against.weights is None:
        return "the final weights cannot be compared"
    return ""


def judge_rounding(against: Against, measured: Amplification) -> tuple[str, str]:
    """(holds, fails or unknown; why) of the level "rounding"."""
    if measured.why:
        return UNKNOWN, f"the amplification was not measured: {measured.why}"
    assert against.weights is not None
    predictions = against.predictions or 0.0
    ulp = f"one ULP in one initial weight moves them by up to {measured.weights:.2g}"
    moved = f"the weights moved by {against.weights:.2g}"
    seen = f"(n = {measured.n}, amplified {measured.smallest:.2g} to {measured.largest:.2g} times)"
    if ALLOWED * measured.weights > TOO_FAR:
        return UNKNOWN, f"{moved}, and {ulp} {seen}: too much to tell rounding from a cause"
    far = against.weights > ALLOWED * measured.weights
    if not far and predictions > ALLOWED * measured.predictions and against.predictions is not None:
        return FAILS, (
            f"the predictions moved by {predictions:.2g}, yet one ULP in one initial weight moves "
            f"them by at most {measured.predictions:.2g} {seen}"
        )
    return (FAILS if far else HOLDS), f"{moved}; {ulp} {seen}"
