"""Trackio's local store, by its client: ``trackio:PROJECT``; ``TRACKIO_DIR`` counts.

Trackio keeps the person's run in context variables. Ours are begun in a copy of the context, where
there is none.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed

T = TypeVar("T")
_TAG = "tag/"


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

    def attach(self, run: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """The run gone on with. Trackio adds no configuration afterwards: tags are a file."""
        listed = "".join(f"{name}: {value}\n" for name, value in tags.items())

        def attach() -> None:
            begun = self._begun(name=run, resume="must")
            _add(begun, {**files, **({"tags.txt": listed.encode()} if tags else {})})
            begun.finish()

        _apart(attach)

    def _begun(self, **options: Any) -> Any:
        import trackio

        return trackio.init(
            project=self._project, embed=False, auto_log_gpu=False, auto_log_cpu=False, **options
        )


def opened(place: str) -> Trackio:
    """The project."""
    return Trackio(needed(place, "trackio"))


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
