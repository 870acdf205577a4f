"""MLflow, by its client: ``mlflow:URI#EXPERIMENT``; the URI is MLflow's own default without one.

The client knows no active run, so none is begun, ended or written to but our own.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.tracked import TrackedRun

EXPERIMENT = "whydiff"
#: MLflow takes so many values in one request
_PARAMETERS, _METRICS = 100, 1000
#: the variable with which MLflow opens stores that are folders, named where it refuses one
_FILES = "MLFLOW_ALLOW_FILE_STORE"
_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_REFUSED = re.compile(r"[^\w\-. /]")


class MLflow:
    """A tracking store."""

    def __init__(self, uri: str, experiment: str) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._name = experiment
        try:
            self._client = MlflowClient(uri or None)
            self._client.search_experiments(max_results=1)  # a store that is not there is told now
        except MlflowException as error:
            if _FILES not in str(error):
                raise
            raise WhydiffError(
                f"mlflow:{uri}: since 3.17 MLflow opens no store that is a folder of files",
                f"Set {_FILES}=true to open it all the same, or name a database: "
                "mlflow:sqlite:///runs.db.",
            ) from error

    def write(self, run: TrackedRun) -> str:
        """A run of the experiment, which is made if it is not there."""
        from mlflow.entities import Metric, Param

        tags = {"mlflow.runName": run.name, **run.tags}
        tags |= {"mlflow.parentRunId": run.parent} if run.parent else {}
        tags |= {"whydiff.group": run.group} if run.group else {}
        id: str = self._client.create_run(self._experiment(), tags=tags).info.run_id
        parameters = [Param(_key(k), str(v)) for k, v in run.parameters.items()]
        for i in range(0, len(parameters), _PARAMETERS):
            self._client.log_batch(id, params=parameters[i : i + _PARAMETERS])
        began = self._client.get_run(id).info.start_time
        metrics = [
            Metric(_key(name), value, began, epoch)
            for epoch, values in enumerate(run.metrics)
            for name, value in values.items()
        ]
        for i in range(0, len(metrics), _METRICS):
            self._client.log_batch(id, metrics=metrics[i : i + _METRICS])
        failed = {"whydiff.failure": run.failure} if run.failure else {}
        self.attach(id, failed, run.files)
        self._client.set_terminated(id, "FAILED" if run.failure else "FINISHED")
        return id

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Tags, artifacts and metrics."""
        for name, number in (metrics or {}).items():
            self._client.log_metric(run, _key(name), number)
        for name, value in tags.items():
            self._client.set_tag(run, name, value)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder) / name
                path.write_bytes(content)
                self._client.log_artifact(run, str(path))

    def read(self, run: str) -> TrackedRun:
        """A run of any experiment of the store."""
        data, name = self._run(run).data, self._run(run).info.run_name
        return TrackedRun(
            str(name or run),
            parameters=dict(data.params),
            tags=dict(data.tags),
            metrics=(dict(data.metrics),) if data.metrics else (),
        )

    def fetch(self, run: str, name: str) -> bytes | None:
        """An artifact at the top of the run's folder."""
        if not any(item.path == name for item in self._client.list_artifacts(run)):
            return None
        with tempfile.TemporaryDirectory() as folder, _without_bars():
            return Path(self._client.download_artifacts(run, name, folder)).read_bytes()

    def _run(self, run: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_run(run)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise KeyError(run) from None
            raise

    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(self._name)
        return str(known.experiment_id if known else self._client.create_experiment(self._name))


def active_run(callbacks: Sequence[Any]) -> tuple[str, str] | None:
    """The address of the store and the id of the run that the person has open; None without one."""
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    return (
        None
        if mlflow is None or run is None
        else (f"mlflow:{mlflow.get_tracking_uri()}", str(run.info.run_id))
    )


def opened(place: str) -> MLflow:
    """The store; ``#NAME`` behind the URI names an experiment."""
    uri, _, experiment = place.partition("#")
    return MLflow(uri, experiment or EXPERIMENT)


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Downloads without progress bars; MLflow takes this from the environment only."""
    before = os.environ.get(_BARS)
    os.environ[_BARS] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_BARS]
        else:
            os.environ[_BARS] = before


def _key(name: str) -> str:
    return _REFUSED.sub("_", name)
