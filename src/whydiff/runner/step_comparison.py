"""What was seen of one step, on its way between processes: one safetensors file, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from whydiff.storage.blobs import pack_arrays, unpack_arrays


class Seen(NamedTuple):
    """The arrays of a look; see :class:`whydiff.replay.tensors.Look`."""

    before: dict[str, dict[str, np.ndarray]]
    leaves: list[Any]
    generator: np.ndarray | None
    seen: list[tuple[str, str, np.ndarray]]
    trail: list[dict[str, np.ndarray]]


def write(look: Any, path: Path) -> None:
    """A :class:`whydiff.replay.tensors.Look` into a file; order goes into the keys."""
    arrays: dict[str, np.ndarray] = {}
    for group, values in look.before.values.items():
        for number, (name, value) in enumerate(values.items()):
            arrays[f"before {number:06}|{group}|{name}"] = value
    for number, leaf in enumerate(look.before.leaves):
        if leaf is not None:
            arrays[f"leaf {number:06}|{len(look.before.leaves)}|"] = np.asarray(leaf)
    if look.before.generator is not None:
        arrays["generator 0||"] = look.before.generator
    for number, (phase, name, value) in enumerate(look.seen):
        arrays[f"seen {number:06}|{phase}|{name}"] = value
    for number, weights in enumerate(look.trail):
        for place, (name, value) in enumerate(weights.items()):
            arrays[f"trail {number:06}|{place:06}|{name}"] = value
    path.write_bytes(pack_arrays(arrays))


def read_before(path: Path) -> Any:
    """What goes into the step, for the other program to start from."""
    from whydiff.replay.tensors import Before

    found = read(path)
    return Before(found.before, found.leaves, found.generator)


def read(path: Path) -> Seen:
    """The inverse of :func:`write`, as plain arrays."""
    arrays = unpack_arrays(path.read_bytes())
    before: dict[str, dict[str, np.ndarray]] = {"weights": {}, "noise": {}, "state": {}}
    seen: list[tuple[str, str, np.ndarray]] = []
    trail: list[dict[str, np.ndarray]] = []
    leaves: list[Any] = []
    generator = None
    for key in sorted(arrays):
        head, part, name = key.split("|", 2)
        kind, number = head.split(" ")
        if kind == "before":
            before[part][name] = arrays[key]
        elif kind == "leaf":
            leaves += [None] * (int(part) - len(leaves))
            leaves[int(number)] = arrays[key]
        elif kind == "generator":
            generator = arrays[key]
        elif kind == "seen":
            seen.append((part, name, arrays[key]))
        else:
            if int(number) == len(trail):
                trail.append({})
            trail[int(number)][name] = arrays[key]
    return Seen(before, leaves, generator, seen, trail)
