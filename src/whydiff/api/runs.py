"""``explain_runs`` and ``autolog``: runs that a person keeps in an experiment tracker."""

from __future__ import annotations

from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress, Silent
from whydiff.core.tracked import RunDifferences
from whydiff.experiments.tracked_runs import compare_runs
from whydiff.experiments.tracking import attach_answer
from whydiff.trackers import tracker_of


def explain_runs(
    runs: str, *, track: str | None = None, progress: Progress | None = None
) -> RunDifferences:
    """Say in what two runs of a tracker differ: revision, versions, parameters, tags, metrics.

    ``runs`` is ``"mlflow:RUN_A,RUN_B"``, or with the store's address
    ``"mlflow:sqlite:///runs.db#RUN_A,RUN_B"``; likewise ``"wandb:PROJECT#RUN_A,RUN_B"`` (ids, of
    runs whose folders are on this machine), ``"tensorboard:FOLDER#RUN_A,RUN_B"`` (folders in it)
    and ``"trackio:PROJECT#RUN_A,RUN_B"`` (names). Where recordings are attached to both (see
    :func:`whydiff.autolog`) they are compared source by source; nothing is run, and where the
    tracker says how both were run the answer has the command that proves it. With ``track``, the
    address of their store, the answer is attached to both runs.

    Raises WhydiffError if a run is not there, or the tracker's runs cannot be read.
    """
    name, _, rest = runs.partition(":")
    place, _, listed = rest.rpartition("#")
    ids = [id.strip() for id in listed.split(",")]
    if len(ids) != 2 or not all(ids):
        raise WhydiffError(
            f"{runs!r} does not name two runs",
            "Write mlflow:RUN_A,RUN_B, or with the store: mlflow:URI#RUN_A,RUN_B, "
            "wandb:PROJECT#..., tensorboard:FOLDER#..., trackio:PROJECT#...",
        )
    tracker = tracker_of(f"{name}:{place}")
    keeper = tracker_of(track) if track is not None else None
    found = compare_runs(tracker, ids[0], ids[1])
    if keeper is not None:
        attach_answer(keeper, ids, found, progress or Silent())
    return found


def autolog() -> None:
    """Attach a recording of this process to every tracker's run in which it fits a model.

    Call it once, before the first fit; Keras may be imported before or after. When the process
    ends, each run of MLflow, Weights & Biases or Trackio that was active as a fit began, and each
    folder that Keras's TensorBoard callback wrote, gets ``recording.whydiff`` and the tags
    ``whydiff.script``, ``whydiff.arguments``, ``whydiff.revision`` and ``whydiff.fit``, by which
    ``whydiff explain --runs-of`` explains two of them. No bit of a training changes, and no run is
    begun or ended. Under ``whydiff record`` and the like nothing is done: they watch already.
    """
    from whydiff.runner.autologging import begin_autolog

    begin_autolog()
