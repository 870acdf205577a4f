"""Trackio's local store, by its client: ``trackio:PROJECT``; ``TRACKIO_DIR`` counts.

Trackio keeps the person's run in context variables. Ours are begun in a copy of the context, where
there is none.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed

T = TypeVar("T")
_TAG = "tag/"
#: the artifact that holds tags added afterwards, a line each
_TAGS = "tags.txt"


class Trackio:
    """A project. A run is gone on with by its name."""

    def __init__(self, project: str) -> None:
        self._project = project

    def write(self, run: TrackedRun) -> str:
        """A run with its history, its configuration and its files."""
        failed = {"failure": run.failure} if run.failure else {}
        tags = {f"{_TAG}{name}": value for name, value in {**run.tags, **failed}.items()}
        name = f"{run.group} {run.name}".strip()

        def write() -> str:
            config = {**run.parameters, **tags}
            begun = self._begun(name=name, group=run.group or None, config=config)
            for epoch, values in enumerate(run.metrics or ({},)):
                begun.log(dict(values) or {"files": len(run.files)}, step=epoch)
            _add(begun, run.files)
            begun.finish()
            return name

        return _apart(write)

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """The run gone on with. Trackio adds no configuration afterwards: tags are a file."""
        listed = "".join(f"{name}: {value}\n" for name, value in tags.items())

        def attach() -> None:
            begun = self._begun(name=run, resume="must")
            if metrics:
                begun.log(dict(metrics))
            _add(begun, {**files, **({_TAGS: listed.encode()} if tags else {})})
            begun.finish()

        _apart(attach)

    def read(self, run: str) -> TrackedRun:
        """A run of the project, by its name or id."""
        from trackio.sqlite_storage import SQLiteStorage

        known = self._known(run)
        config = {k: v for k, v in (known.config or {}).items() if not k.startswith("_")}
        later = (self.fetch(run, _TAGS) or b"").decode("utf-8", "replace").splitlines()
        tags = {k.removeprefix(_TAG): str(v) for k, v in config.items() if k.startswith(_TAG)}
        tags |= dict(line.split(": ", 1) for line in later if ": " in line)
        metrics: dict[str, float] = {}
        for row in SQLiteStorage.get_logs(self._project, known.name):
            metrics |= {k: v for k, v in row.items() if k != "step" and isinstance(v, int | float)}
        parameters = {k: v for k, v in config.items() if not k.startswith(_TAG)}
        return TrackedRun(known.name, parameters=parameters, tags=tags, metrics=(metrics,))

    def fetch(self, run: str, name: str) -> bytes | None:
        """An artifact of ours, in its latest version."""
        from trackio import cas
        from trackio.sqlite_storage import SQLiteStorage

        artifact = _artifact(self._known(run).name, name)
        kept = SQLiteStorage.get_artifact_manifest(self._project, artifact, None)
        for entry in kept["manifest"] if kept else ():
            if entry["path"] == name:
                return Path(cas.blob_path(self._project, entry["digest"])).read_bytes()
        return None

    def _known(self, run: str) -> Any:
        from trackio.api import Api

        with contextlib.suppress(ValueError):  # there is no such project
            for one in Api().runs(self._project):
                if run in (one.name, one.id):
                    return one
        raise KeyError(run)

    def _begun(self, **options: Any) -> Any:
        import trackio

        return trackio.init(
            project=self._project, embed=False, auto_log_gpu=False, auto_log_cpu=False, **options
        )


def opened(place: str) -> Trackio:
    """The project."""
    return Trackio(needed(place, "trackio"))


def active_run(callbacks: Sequence[Any]) -> tuple[str, str] | None:
    """The project and the name of the run that the person has open; None without one."""
    variables = sys.modules.get("trackio.context_vars")
    run = variables.current_run.get() if variables is not None else None
    return None if run is None else (f"trackio:{run.project}", str(run.name))


def _apart(work: Callable[[], T]) -> T:
    """``work`` done where no run is open, and quietly; afterwards all is as it was."""
    import trackio
    from trackio import context_vars

    def alone() -> T:
        context_vars.current_run.set(None)
        with contextlib.redirect_stdout(io.StringIO()):
            return work()

    config = trackio.config
    try:
        return contextvars.copy_context().run(alone)
    finally:
        trackio.config = config


def _add(begun: Any, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.write_bytes(content)
            begun.log_artifact(str(path), name=_artifact(begun.name, name), type="whydiff")


def _artifact(run: str, file: str) -> str:
    """The artifact's name: artifacts belong to projects, not runs."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{run}-{file}")
