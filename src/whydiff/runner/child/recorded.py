"""A fit of a recording as a live one: its arrays from the file, its samples among those here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.core.recipe import Content, Recipe, Tensor
from whydiff.runner.child.packing import live_fit
from whydiff.runner.messages import FitArrays, FitRecorded
from whydiff.storage import arrays, load

#: Said where a hybrid takes what is no array from a recording.
NO_PROGRAM = "a recording holds the settings of its program, not the program"


def recorded_fit(side: FitRecorded, like: Live) -> Live:
    """The fit with the samples and the structure of ``like``, a fit of this process.

    TransferError where the file or this process lacks something that the training started from.
    """
    path = Path(side.recording)
    fit = next((fit for fit in load(path).fits if fit.index == side.fit), None)
    if fit is None:
        raise TransferError(f"{path.name} holds fewer trainings than this script makes")
    if not fit.finished:
        raise TransferError(f"{path.name} was not recorded to the end of fit {fit.index}")
    recipe, initial = fit.recipe, arrays(path, fit.index, "initial")

    def values(group: str, tensors: tuple[Tensor, ...]) -> list[np.ndarray]:
        return _kept(initial, group, tensors, f"{path.name} did not keep the initial {group}")

    made = FitArrays(
        weights=values("weights", recipe.initialization),
        noise=values("noise", recipe.noise),
        state=values("state", recipe.state),
        leaves=_samples(recipe, like),
        roles=like.material.samples.roles,
        order=recipe.data_order.epochs,
        batches=recipe.batch_size.epochs,
        validation=like.material.validation,
        validation_later=like.material.validation_later,
        random_states={},
        random_draws={},
        host_draws={},
        final=_kept(
            arrays(path, fit.index, "final"), "weights", recipe.initialization,
            f"{path.name} did not keep the final weights",
        ),
        logs=tuple(epoch.logs for epoch in fit.epochs),
    )  # fmt: skip
    return live_fit(made, like, recipe)


def _kept(
    values: dict[str, np.ndarray], group: str, tensors: tuple[Tensor, ...], without: str
) -> list[np.ndarray]:
    missing = [t.path for t in tensors if f"{group}:{t.path}" not in values]
    if missing:
        raise TransferError(f"{without} of {missing[0]}")
    return [values[f"{group}:{t.path}"] for t in tensors]


def _samples(recipe: Recipe, like: Live) -> list[object] | None:
    """The recorded samples, found by their digests among those that were fed here."""
    leaves = like.material.samples.leaves
    then, now = recipe.data_content, like.recipe.data_content
    where = _among(then, now)
    if then.validation != now.validation:
        raise TransferError("its validation data are others, of which it holds digests only")
    if not np.array_equal(_weights(then), _weights(now)[where]):
        raise TransferError("its sample weights are others, of which it holds digests only")
    if leaves is None or np.array_equal(where, np.arange(len(now.samples))):
        return leaves
    return [
        leaf[where] if isinstance(leaf, np.ndarray) else leaf and [leaf[i] for i in where]
        for leaf in leaves
    ]


def _among(then: Content, now: Content) -> np.ndarray:
    """For each recorded sample its index here; equal samples are one."""
    if then.unit != now.unit or then.signature != now.signature:
        raise TransferError("its samples have another form than those here")
    places = {row.tobytes(): i for i, row in enumerate(now.samples)}
    where = np.array([places.get(row.tobytes(), -1) for row in then.samples], np.int64)
    missing = int((where < 0).sum())
    if missing:
        raise TransferError(
            f"{missing} of its {len(where)} samples are not among those here, and a recording "
            "holds digests of samples only"
        )
    return where


def _weights(content: Content) -> np.ndarray:
    if content.weights is None:
        return np.zeros((len(content.samples), 2), np.uint64)
    return content.weights
