"""TensorBoard's event files, by tensorboardX, which needs no TensorFlow: ``tensorboard:FOLDER``.

Each run has a folder of its own in its group's. Runs of one group share the charts, and a layout
(the tab "Custom Scalars") draws each metric of all of them into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed

_REFUSED = re.compile(r"[^\w\-. ]")


class TensorBoard:
    """A folder of logs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def write(self, run: TrackedRun) -> str:
        """Scalars by epoch, hyperparameters, and tags as text; files lie beside them."""
        id = "/".join(_REFUSED.sub("_", part) for part in (run.group, run.name) if part)
        with self._writer(id) as writer:
            for epoch, values in enumerate(run.metrics):
                for name, value in values.items():
                    writer.add_scalar(name, value, epoch)
            if run.parameters:
                last = {f"last/{k}": v for k, v in run.metrics[-1].items()} if run.metrics else {}
                writer.add_hparams(dict(run.parameters), last, name=".")
            names = dict.fromkeys(name for values in run.metrics for name in values)
            if names:
                layout = {name: ["Multiline", [f"^{re.escape(name)}$"]] for name in names}
                writer.add_custom_scalars({run.group or run.name: layout})
        failed = {"failure": run.failure} if run.failure else {}
        self.attach(id, {**run.tags, **failed}, run.files)
        return id

    def attach(self, run: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """Text and files."""
        with self._writer(run) as writer:
            for name, value in tags.items():
                writer.add_text(name, value)
        for name, content in files.items():
            (self._folder / run / name).write_bytes(content)

    def _writer(self, run: str) -> Any:
        from tensorboardX import SummaryWriter

        folder = self._folder / run
        number = len(
            list(folder.glob("events.out.tfevents.*"))
        )  # a name is only as fine as seconds
        return SummaryWriter(str(folder), filename_suffix=f".{number}")


def opened(place: str) -> TensorBoard:
    """The folder, which is made if it is not there."""
    return TensorBoard(Path(needed(place, "tensorboard")))
