"""Live fits and calls as arrays on their way to another process, and back to live ones there.

Only for processes of one verb; a recording on disk holds digests, not samples.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.chains import Pick, picked
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall, Material, Samples, asked_of_fit
from whydiff.core.recipe import Recipe
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.internals import is_tensor, is_variable, leaves_of, pack_leaves
from whydiff.keras_backend.leaves import weighted
from whydiff.replay.calls.hybrids import like
from whydiff.replay.joined import joined
from whydiff.runner.messages import CallArrays, FitArrays, FitElsewhere, TrainingArrays
from whydiff.storage import load

_PLAIN = (bool, int, float, str, type(None))


def fit_arrays(live: Live) -> FitArrays:
    """Everything of ``live`` that arrays can carry."""
    material = live.material
    return FitArrays(
        weights=_arrays(material.weights),
        noise=_arrays(material.noise),
        state=_arrays(material.state),
        leaves=_arrays(material.samples.leaves),
        roles=material.samples.roles,
        order=tuple(material.order),
        batches=tuple(material.batches),
        validation=_arrays(material.validation),
        validation_later={n: _arrays(v) for n, v in material.validation_later.items()},
        random_states={m: np.asarray(s) for m, s in material.random_states.items()},
        random_draws=dict(material.random_draws),
        host_draws={
            name: {moment: np.asarray(state) for moment, state in states.items()}
            for name, states in material.host_draws.items()
        },
        final=_arrays(live.final),
        logs=tuple(live.logs),
        constants=_carried({r.key: r.value for r in live.outside if r.constant}, live.model),
    )


def live_fit(arrays: FitArrays, like: Live, recipe: Recipe) -> Live:
    """A live fit with these arrays, without a model of its own.

    ``like`` is the fit of this process whose structure (nesting of a batch, feed) it shares; only
    one of them may weight its samples.
    """
    roles = tuple(arrays.roles)
    weighted_alike = roles == like.material.samples.roles
    structure = like.material.samples.structure
    if not weighted_alike:
        structure = weighted(structure, roles.count("weight"))
    material = Material(
        weights=arrays.weights,
        noise=arrays.noise,
        state=arrays.state,
        samples=Samples(structure, roles, arrays.leaves, recipe.data_content.unit),
        order=arrays.order,
        batches=arrays.batches,
        validation=arrays.validation,
        validation_structure=like.material.validation_structure,
        validation_later=arrays.validation_later,
        random_states=arrays.random_states,
        random_draws=arrays.random_draws,
        host_draws=arrays.host_draws,
    )
    return replace(
        like,
        recipe=recipe,
        material=material,
        signature=like.signature if weighted_alike else None,
        final=arrays.final,
        trained=arrays.final,
        logs=arrays.logs,
        fit_arguments=asked_of_fit(recipe),
        outside=[_with_constant(read, arrays.constants) for read in like.outside],
    )


def _with_constant(read: Any, constants: Mapping[str, np.ndarray]) -> Any:
    """What a layer reads, with the tensor that the other process's layer held, such as the mean
    that Normalization derives from its weights."""
    if not read.constant or read.key not in constants:
        return read
    return replace(read, value=like(read.value, constants[read.key]))


def adopted(
    there: FitElsewhere, packed: TrainingArrays, like: Live, own_model: bool = False
) -> Live:
    """A fit of another process. Only if its script ran here the model of ``like`` is its own."""
    recipe = picked(load(there.recording), there.fit).recipe
    live = live_fit(packed.fit, like, recipe)
    return live if own_model else replace(live, model=None)


def fit_of(lives: Sequence[Live], pick: Pick) -> Live:
    """The fit of that index, or successive ones as one. WhydiffError where one of them cannot be
    trained again; TransferError where they cannot be as one."""
    if isinstance(pick, tuple):
        return joined([fit_of(lives, index) for index in pick])
    index = pick
    for live in lives:
        if live.index == index:
            return live
    raise WhydiffError(
        f"fit {index} was not watched to its end, so it cannot be trained again",
        "`whydiff record` and `whydiff diff` still compare what was seen of it.",
    )


def call_arrays(live: LiveCall) -> CallArrays:
    """Everything of a measuring call that arrays and plain values can carry."""
    fed = None
    if live.fed is not None:
        fed = tuple(tuple(_arrays(leaves_of(batch))) for batch in live.fed)
    return CallArrays(
        weights=tuple(_arrays(live.weights)),
        noise=tuple(_arrays(live.noise)),
        generators=dict(live.generators),
        fed=fed,
        held=_carried(live.held, live.model),
        traced=_carried(live.traced, live.model),
        arguments=_plain(live.arguments),
    )


def live_call(arrays: CallArrays, like: LiveCall, call: MeasuringCall) -> LiveCall:
    """The call of another process with the model of ``like``, whose batches' nesting it takes.

    What is an object (a compiled function, metrics) stays behind.
    """
    fed = None
    if arrays.fed is not None and like.fed:
        fed = tuple(_nested(like.fed[0], leaves) for leaves in arrays.fed)
    return replace(
        like,
        call=call,
        weights=arrays.weights,
        noise=arrays.noise,
        generators=arrays.generators,
        fed=fed,
        arguments=arrays.arguments,
        held=arrays.held,
        traced=arrays.traced,
        function=None,
    )


def _arrays(values: Any) -> Any:
    """Nested lists with arrays as their leaves; None stays None."""
    if values is None:
        return None
    if isinstance(values, list | tuple):
        return [_arrays(value) for value in values]
    return np.asarray(values)


class _Lost(Exception):
    """A value that is neither plain nor an array stays where it is."""


def _carried(values: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Those of some values that a message can carry; tensors and variables go as arrays."""
    sent = {}
    for name, value in values.items():
        with contextlib.suppress(_Lost):
            sent[name] = _sent(value, model)
    return sent


def _sent(value: Any, model: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if type(value) in (list, tuple):
        return type(value)(_sent(one, model) for one in value)
    if isinstance(value, Mapping):
        return {key: _sent(one, model) for key, one in value.items()}
    array = _as_array(value, model)
    if array is None or array.dtype == object:
        raise _Lost
    return array


def _as_array(value: Any, model: Any) -> np.ndarray | None:
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    if is_variable(value) or is_tensor(value):
        return np.array(adapter_of(model).to_numpy(value))
    return None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, _PLAIN)}


def _nested(structure: Any, leaves: Sequence[np.ndarray]) -> Any:
    try:
        return pack_leaves(structure, list(leaves))
    except Exception as error:
        raise TransferError("its inputs are nested otherwise") from error
