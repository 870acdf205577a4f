"""A measuring call on its way from one process to another: arrays and JSON in a folder.

Only for processes of one ``explain``; a recording on disk holds digests, not samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.feeding import TransferError
from whydiff.core.live import LiveCall
from whydiff.runner.replica_inputs import save_arrays

_PLAIN = (bool, int, float, str, type(None))


def pack_call(live: LiveCall, folder: Path, flatten: Any) -> None:
    """Write what arrays can carry of a call; ``flatten`` gives the leaves of a batch."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {}
    for name in ("weights", "noise"):
        for i, value in enumerate(getattr(live, name)):
            arrays[f"{name}:{i}"] = _plain_array(value)
    sizes = []
    for i, batch in enumerate(live.fed or ()):
        leaves = flatten(batch)
        sizes.append(len(leaves))
        for k, leaf in enumerate(leaves):
            arrays[f"fed:{i}:{k}"] = _plain_array(leaf)
    held = {}
    for name, value in live.held.items():
        if isinstance(value, _PLAIN):
            held[name] = value
        elif isinstance(value, np.ndarray):
            arrays[f"held:{name}"] = _plain_array(value)
    save_arrays(folder / "arrays.npz", arrays)
    told = {
        "weights": len(live.weights),
        "noise": len(live.noise),
        "fed": None if live.fed is None else sizes,
        "held": held,
        "arguments": {k: v for k, v in live.arguments.items() if isinstance(v, _PLAIN)},
    }
    (folder / "call.json").write_text(json.dumps(told))


def _plain_array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind in "fiubSU":
        return array
    if array.dtype.kind == "O":
        raise TransferError("its inputs are Python objects")
    return array.astype(np.float32)


def unpack_call(folder: Path, like: LiveCall, call: MeasuringCall, pack: Any) -> LiveCall:
    """The call of another process with A's model; ``pack(structure, leaves)`` nests a batch.

    Batches are nested as A's are. What is an object (a compiled function, metrics) stays behind.
    """
    told = json.loads((folder / "call.json").read_text())
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        weights = [stored[f"weights:{i}"] for i in range(told["weights"])]
        noise = [stored[f"noise:{i}"] for i in range(told["noise"])]
        fed = None
        if told["fed"] is not None and like.fed:
            fed = tuple(
                _nested(pack, like.fed[0], [stored[f"fed:{i}:{k}"] for k in range(count)])
                for i, count in enumerate(told["fed"])
            )
        held: Mapping[str, Any] = {
            **told["held"],
            **{n[5:]: stored[n] for n in stored.files if n.startswith("held:")},
        }
    return replace(
        like,
        call=call,
        weights=tuple(weights),
        noise=tuple(noise),
        generators={},
        fed=fed,
        arguments=told["arguments"],
        held=held,
        function=None,
    )


def _nested(pack: Any, structure: Any, leaves: list[np.ndarray]) -> Any:
    try:
        return pack(structure, leaves)
    except Exception as error:
        raise TransferError("its inputs are nested otherwise") from error
