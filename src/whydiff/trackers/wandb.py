"""Weights & Biases, by its client: ``wandb:PROJECT`` or ``wandb:ENTITY/PROJECT``.

``WANDB_MODE`` and ``WANDB_DIR`` count as they do for everybody. Each run is a process-wide run of
its own beside the one that the person may have open. Runs are read from the folders that W&B keeps
of them on this machine, offline and online; the service is not asked.
"""

from __future__ import annotations

import glob
import importlib
import json
import os
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed

#: before the names of tags, which have values here and so are kept in the summary
_TAG = "tag/"
#: a run's file is a log of LevelDB's kind: blocks of so many bytes behind a head of seven, records
#: in parts, each behind a head of seven bytes, of which these are whole or the last of their record
_BLOCK, _HEAD, _LAST = 32768, 7, (1, 4)


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

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """The run itself while it is open here, else resumed; `wandb sync` puts parts together."""
        mine = getattr(sys.modules.get("wandb"), "run", None)
        if mine is not None and mine.id == run:
            mine.summary.update(dict(metrics or {}))
            _add(mine, tags, files)
            return
        time.sleep(1)  # a folder is named by the second: in the same one it would be replaced
        begun = self._begun(id=run, resume="allow")
        try:
            begun.summary.update(dict(metrics or {}))
            _add(begun, tags, files)
        finally:
            begun.finish()

    def read(self, run: str) -> TrackedRun:
        """A run of this machine."""
        parameters: dict[str, Any] = {}
        tags: dict[str, str] = {}
        metrics: dict[str, float] = {}
        name = run
        files = (file for folder in _folders(run) for file in folder.glob("*.wandb"))
        for record in (record for file in files for record in _whole(file)):
            name = record.run.display_name or name
            if record.run.git.commit:
                tags["wandb.git.commit"] = record.run.git.commit
            for item in (*record.run.config.update, *record.config.update):
                parameters |= _item(item)
            told: dict[str, Any] = {}
            for item in (*record.summary.update, *record.history.item):
                told |= _item(item)
            named = {key: value for key, value in told.items() if key.startswith(_TAG)}
            tags |= {key.removeprefix(_TAG): str(value) for key, value in named.items()}
            metrics |= {
                key: value
                for key, value in told.items()
                if key not in named and isinstance(value, int | float)
            }
        return TrackedRun(name, parameters=parameters, tags=tags, metrics=(metrics,))

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file that the run saved, from where it was saved last."""
        found = [folder / "files" / name for folder in _folders(run)]
        return next((path.read_bytes() for path in reversed(found) if path.is_file()), None)

    def _begun(self, **options: Any) -> Any:
        import wandb

        quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        return wandb.init(**self._place, **options, reinit="create_new", settings=quiet)


def opened(place: str) -> WandB:
    """The project."""
    return WandB(needed(place, "wandb"))


def active_run(callbacks: Sequence[Any]) -> tuple[str, str] | None:
    """The project and the id of the run that the person has open; None without one."""
    run = getattr(sys.modules.get("wandb"), "run", None)
    if run is None:
        return None
    project = f"{run.entity}/{run.project}" if run.entity else run.project
    return f"wandb:{project}", str(run.id)


def _folders(run: str) -> list[Path]:
    """What W&B keeps of a run here, the oldest first. KeyError where that is nothing."""
    place = Path(os.environ.get("WANDB_DIR", ""), "wandb")
    found = sorted(
        place.glob(f"*run-*-{glob.escape(run)}"), key=lambda path: path.name.split("-")[-2]
    )
    if not found:
        raise KeyError(run)
    return found


def _whole(file: Path) -> list[Any]:
    """The records of a run's file. W&B's own process writes on after a run's end: waited for."""
    for _ in range(40 if "wandb" in sys.modules else 1):
        records = list(_records(file))
        if records and records[-1].HasField("exit"):
            break
        time.sleep(0.25)
    return records


def _records(file: Path) -> Iterator[Any]:
    """The records of a run's file; what was cut off at its end is left out."""
    # What its compiler wrote has no types, and the names depend on the version of protobuf.
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    data, at, parts = file.read_bytes(), _HEAD, b""
    while at + _HEAD <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEAD:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEAD])
        parts += data[at + _HEAD : at + _HEAD + length]
        at += _HEAD + length
        if at <= len(data) and kind in _LAST:
            yield messages.Record.FromString(parts)
            parts = b""


def _item(item: Any) -> dict[str, Any]:
    """Name and value, unless it is W&B's own."""
    key = ".".join(item.nested_key) or item.key
    return {} if key.startswith("_") else {key: json.loads(item.value_json)}


def _add(begun: Any, tags: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    begun.summary.update({f"{_TAG}{name}": value for name, value in tags.items()})
    for name, content in files.items():
        path = Path(begun.dir) / name
        path.write_bytes(content)
        begun.save(str(path), base_path=begun.dir, policy="now")
