"""Material of a fit on its way from one process to another: plain ``.npz`` files in a folder.

Only for processes of one ``explain``; a recording on disk holds digests, not samples.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.live import Live, Material, Samples, asked_of_fit
from whydiff.runner.replica_inputs import save_arrays


def pack(live: Live, folder: Path) -> None:
    """Write everything of ``live`` that arrays can carry into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    material = live.material
    arrays: dict[str, np.ndarray] = {}
    lists: dict[str, Any] = {}
    for name in ("weights", "noise", "state", "order", "batches"):
        _put(name, list(getattr(material, name)), arrays, lists)
    _put("leaves", material.samples.leaves, arrays, lists)
    _put("validation", material.validation, arrays, lists)
    _put("validation_later", list(material.validation_later.values()), arrays, lists)
    lists["validation_passes"] = list(material.validation_later)
    _put("final", live.final, arrays, lists)
    _put("random_states", list(material.random_states.values()), arrays, lists)
    lists["random_moments"] = [list(moment) for moment in material.random_states]
    lists["random_draws"] = [[*moment, draws] for moment, draws in material.random_draws.items()]
    hosts = material.host_draws
    _put("host_draws", [list(states.values()) for states in hosts.values()], arrays, lists)
    lists["host_moments"] = {name: [list(m) for m in states] for name, states in hosts.items()}
    lists["logs"] = list(live.logs)
    save_arrays(folder / "arrays.npz", arrays)
    (folder / "lists.json").write_text(json.dumps(lists))


def _put(name: str, value: Any, arrays: dict[str, np.ndarray], lists: dict[str, Any]) -> None:
    """Nested lists of arrays: arrays go to the npz, the nesting to the JSON."""

    def walk(part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, list):
            return [walk(p) for p in part]
        key = f"{name}{len(arrays)}"
        part = np.asarray(part)
        # NumPy writes bfloat16 and float8 as raw bytes and forgets what they were.
        arrays[key] = (
            part.view(np.uint8 if part.itemsize == 1 else f"u{part.itemsize}")
            if (part.dtype.kind == "V" or part.dtype.name not in np.sctypeDict)
            else part
        )
        return [key, part.dtype.name] if arrays[key] is not part else key

    lists[name] = walk(value)


def unpack(folder: Path, like: Live, recipe: Any) -> Live:
    """A live fit with the material of ``folder``, without a model of its own.

    ``like`` is the fit of this process whose structure (nesting of a batch, feed) it shares.
    """
    from dataclasses import replace

    lists = json.loads((folder / "lists.json").read_text())
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:

        def get(part: Any) -> Any:
            if part is None:
                return None
            if isinstance(part, str):
                return stored[part]
            if len(part) == 2 and all(isinstance(p, str) for p in part) and part[1] not in stored:
                import ml_dtypes

                return stored[part[0]].view(getattr(ml_dtypes, part[1]))
            return [get(p) for p in part]

        samples = like.material.samples
        material = Material(
            weights=get(lists["weights"]),
            noise=get(lists["noise"]),
            state=get(lists["state"]),
            samples=Samples(
                samples.structure, samples.roles, get(lists["leaves"]), recipe.data_content.unit
            ),
            order=tuple(get(lists["order"])),
            batches=tuple(get(lists["batches"])),
            validation=get(lists["validation"]),
            validation_structure=like.material.validation_structure,
            validation_later=dict(
                zip(lists["validation_passes"], get(lists["validation_later"]), strict=True)
            ),
            random_states={
                (epoch, step): state
                for (epoch, step), state in zip(
                    lists["random_moments"], get(lists["random_states"]), strict=True
                )
            },
            random_draws={(epoch, step): draws for epoch, step, draws in lists["random_draws"]},
            host_draws={
                name: {(m[0], m[1]): state for m, state in zip(moments, states, strict=True)}
                for (name, moments), states in zip(
                    lists["host_moments"].items(), get(lists["host_draws"]), strict=True
                )
            },
        )
        final = get(lists["final"])
    return replace(
        like,
        recipe=recipe,
        material=material,
        final=final,
        logs=tuple(lists["logs"]),
        fit_arguments=asked_of_fit(recipe),
    )
