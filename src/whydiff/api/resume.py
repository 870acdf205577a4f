"""``resume``: does a training that is saved, loaded and resumed end like one that goes on?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress, Silent
from whydiff.core.recording import Fit
from whydiff.core.resumption import Resume, Resumption, State
from whydiff.core.temporary import temporary_folder
from whydiff.diagnosis.resumed import resumption
from whydiff.runner.client import Run
from whydiff.runner.running import Runs, counted_runs, times


def resume(
    script: str | Path,
    arguments: Sequence[str] = (),
    *,
    at_epoch: int,
    fit: int = 1,
    progress: Progress | None = None,
) -> Resumption:
    """Train ``script`` once without a stop, and once resumed in a process of its own.

    The model of training ``fit`` (counting from 1) is saved by ``model.save`` after ``at_epoch``
    epochs, and loaded by ``keras.models.load_model``; the script runs up to that fit both times,
    and ends with it. Compared are all variables, what callbacks remember, and what the next epoch
    is fed, as it begins, and the weights and logs at the end.

    Raises WhydiffError where the fit is not reached or has no such epoch, and where the model can
    be neither saved nor loaded.
    """
    path, progress = Path(script), progress or Silent()
    run = Run(path, tuple(arguments), purpose="trial")
    with (
        counted_runs([path], False, progress, times(2)) as runs,
        temporary_folder() as name,
    ):
        folder = Path(name)
        asked = Resume(at_epoch, fit, str(folder / "model.keras"), "", load=False)
        on = _trained(runs, run, replace(asked, state=str(folder / "on.npz")), folder, progress)
        again = replace(asked, state=str(folder / "resumed.npz"), load=True)
        return resumption(str(path), asked, on, _trained(runs, run, again, folder, progress))


def _trained(
    runs: Runs, run: Run, asked: Resume, folder: Path, progress: Progress
) -> tuple[Fit, State]:
    name = "resumed" if asked.load else "on"
    progress.step(f"running {run.text}, {'resumed' if asked.load else 'without a stop'}")
    with runs.run(replace(run, resume=asked), folder, name, serve=False) as ran:
        ran.check_ended()
        state = _state(Path(asked.state))
        if state.failure:
            raise WhydiffError(f"{run.text} cannot be resumed: {state.failure}", _WAY_OUT)
        return ran.complete("resumed").fits[-1], state


_WAY_OUT = (
    "at_epoch counts the epochs before the stop and has to lie within the training; fit=2 names "
    "another one. A class of the script's own needs "
    "@keras.saving.register_keras_serializable() and get_config."
)


def _state(file: Path) -> State:
    """What a run wrote down. No code is in it, and none is run."""
    if not file.exists():
        return State(failure="the script ended before that epoch")
    with file.open("rb") as stream:
        if stream.read(1) == b"{":
            return State(failure=json.loads(file.read_text(encoding="utf-8"))["failure"])
    with np.load(file, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        variables: dict[str, dict[str, np.ndarray]] = {}
        for number, (kind, name) in enumerate(facts["names"]):
            variables.setdefault(kind, {})[name] = arrays[f"v{number}"]
    return State(variables, facts["callbacks"])
