"""A run whose process can train its fits again, with what each of them ended in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.runner.messages import OwnFit, Pair
from whydiff.runner.running import Ran


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
