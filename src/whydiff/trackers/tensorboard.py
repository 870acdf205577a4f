"""TensorBoard's event files, by tensorboardX, which needs no TensorFlow: ``tensorboard:FOLDER``.

Each run has a folder of its own in its group's. Runs of one group share the charts, and a layout
(the tab "Custom Scalars") draws each metric of all of them into one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.tracked import TrackedRun
from whydiff.trackers import needed

#: how TensorBoard's plugins name what they keep
_TEXT, _HPARAMS, _LAST = "/text_summary", "hparams", "last/"
#: types of the tensors in which newer writers keep numbers, by their number in the format
_TYPES = {1: np.float32, 2: np.float64}
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
                last = {f"{_LAST}{k}": v for k, v in run.metrics[-1].items()} if run.metrics else {}
                writer.add_hparams(dict(run.parameters), last, name=".")
            names = dict.fromkeys(name for values in run.metrics for name in values)
            if names:
                layout = {name: ["Multiline", [f"^{re.escape(name)}$"]] for name in names}
                writer.add_custom_scalars({run.group or run.name: layout})
        failed = {"failure": run.failure} if run.failure else {}
        self.attach(id, {**run.tags, **failed}, run.files)
        return id

    def attach(
        self,
        run: str,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Text, numbers and files."""
        with self._writer(run) as writer:
            for name, value in tags.items():
                writer.add_text(name, value)
            for name, number in (metrics or {}).items():
                writer.add_scalar(name, number, 0)
        for name, content in files.items():
            (self._folder / run / name).write_bytes(content)

    def read(self, run: str) -> TrackedRun:
        """A folder, with those in it: Keras keeps ``train`` and ``validation`` apart."""
        folder = self._folder / run
        files = sorted(folder.rglob("events.out.tfevents.*"))
        if not files:
            raise KeyError(run)
        parameters: dict[str, Any] = {}
        tags: dict[str, str] = {}
        metrics: dict[str, float] = {}
        for file in files:
            inside = file.parent.relative_to(folder).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            for value in _values(file):
                plugin = value.metadata.plugin_data
                if plugin.plugin_name == _HPARAMS:
                    parameters |= _parameters(plugin.content)
                elif value.tag.endswith(_TEXT):
                    texts = value.tensor.string_val
                    tags[prefix + value.tag.removesuffix(_TEXT)] = (
                        texts[0].decode() if texts else ""
                    )
                elif not value.tag.startswith(_LAST) and (number := _number(value)) is not None:
                    metrics[prefix + value.tag] = number
        return TrackedRun(run, parameters=parameters, tags=tags, metrics=(metrics,))

    def fetch(self, run: str, name: str) -> bytes | None:
        """A file in the run's folder."""
        path = self._folder / run / name
        return path.read_bytes() if path.is_file() else None

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


def active_run(callbacks: Sequence[Any]) -> tuple[str, str] | None:
    """Folder and name of the run that Keras's own callback writes; None without one."""
    for callback in callbacks:
        if type(callback).__name__ == "TensorBoard" and getattr(callback, "log_dir", None):
            folder = Path(str(callback.log_dir)).absolute()
            return f"tensorboard:{folder.parent}", folder.name
    return None


def _values(file: Path) -> Iterator[Any]:
    """The summaries of an event file; what was cut off at its end is left out."""
    from tensorboardX.proto.event_pb2 import Event

    data, at = file.read_bytes(), 0
    while at + 12 <= len(data):  # length and its checksum, the event, and its checksum
        (length,) = struct.unpack("<Q", data[at : at + 8])
        event = data[at + 12 : at + 12 + length]
        at += length + 16
        if len(event) == length:
            yield from Event.FromString(event).summary.value


def _parameters(content: bytes) -> dict[str, Any]:
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    kept = HParamsPluginData.FromString(content).session_start_info.hparams
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in kept.items()}
    # every number is kept as a float there
    return {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in values.items()}


def _number(value: Any) -> float | None:
    """A scalar, as older and newer writers keep it; None where it is something else."""
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    tensor = value.tensor
    if tensor.dtype not in _TYPES or tensor.tensor_shape.dim:
        return None
    numbers = [*tensor.float_val, *tensor.double_val]
    if not numbers and tensor.tensor_content:
        numbers = np.frombuffer(tensor.tensor_content, _TYPES[tensor.dtype]).tolist()
    return float(numbers[0]) if numbers else None
