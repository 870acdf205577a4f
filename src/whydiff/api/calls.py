"""``calls``: what a script does with its models, numbered, so that two uses can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions
from whydiff.core.recording import Execution
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.explain.recordings import is_recording
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import check_run_watched, counted_runs, run_as_asked, times
from whydiff.storage import load


def calls(
    target: str | Path,
    arguments: Sequence[str] = (),
    in_place: bool = False,
    progress: Progress | None = None,
) -> Execution:
    """The fits and other calls of a script, which runs once, or of a recording.

    Their numbers are those that ``whydiff.explain`` takes as ``fits`` and ``calls``. Of a script
    that fails what was seen until then is given. WhydiffError where no use of a model was.
    """
    if is_recording(target):
        return load(Path(target))
    progress = progress or Silent()
    with temporary_folder() as name:
        folder = Path(name).resolve()
        run = run_as_asked(str(target), SideOptions(arguments=tuple(arguments)), Checkouts(folder))
        with counted_runs([run.script], in_place, progress, times(1)) as runs:
            progress.step(f"running {run.text}")
            with runs.run(run, folder, "calls", serve=False) as ran:
                execution = ran.recorded("listed", check=False)
    if not ran.succeeded:
        progress.note(f"{ran.command} {ran.failure}; listed is what was seen until then")
    check_run_watched(execution, run)
    return replace(execution, exit_code=ran.exit_code)
