"""Weights & Biases, by its client: ``wandb:PROJECT`` or ``wandb:ENTITY/PROJECT``.

``WANDB_MODE`` and ``WANDB_DIR`` count as they do for everybody. Each run is a process-wide run of
its own beside the one that the person may have open.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed


class WandB:
    """A project."""

    def __init__(self, place: str) -> None:
        entity, _, project = place.rpartition("/")
        self._place: dict[str, Any] = {"entity": entity or None, "project": project}

    def write(self, run: TrackedRun) -> str:
        """A run with its history, its configuration and its files."""
        begun = self._begun(name=run.name, group=run.group or None, config=dict(run.parameters))
        try:
            for epoch, values in enumerate(run.metrics):
                begun.log(dict(values), step=epoch)
            failed = {"failure": run.failure} if run.failure else {}
            _add(begun, {**run.tags, **failed}, run.files)
        finally:
            begun.finish(exit_code=1 if run.failure else 0)
        return str(begun.id)

    def attach(self, run: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """The run resumed; offline, `wandb sync` puts both parts together."""
        time.sleep(1)  # a folder is named by the second: in the same one it would be replaced
        begun = self._begun(id=run, resume="allow")
        try:
            _add(begun, tags, files)
        finally:
            begun.finish()

    def _begun(self, **options: Any) -> Any:
        import wandb

        quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        return wandb.init(**self._place, **options, reinit="create_new", settings=quiet)


def opened(place: str) -> WandB:
    """The project."""
    return WandB(needed(place, "wandb"))


def _add(begun: Any, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    """Tags have values here, so they are kept in the summary."""
    begun.summary.update({f"tag/{name}": value for name, value in tags.items()})
    for name, content in files.items():
        path = Path(begun.dir) / name
        path.write_bytes(content)
        begun.save(str(path), base_path=begun.dir, policy="now")
