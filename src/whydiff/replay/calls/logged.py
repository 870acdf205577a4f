"""Why a number that ``fit`` logged is not the one that ``evaluate`` gives on the same rows.

What fit logs is a mean over the moving weights of an epoch, in training mode. Measured anew with
the final weights it is taken apart into parts that add up to the gap.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from whydiff.core.call_hybrids import CallFields
from whydiff.core.calls import BEHIND_STEPS, CallRecipe, MeasuringCall
from whydiff.core.digests import row_keys
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.keras_backend import adapter
from whydiff.keras_backend.code import is_users
from whydiff.keras_backend.internals import pack_leaves
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import variables_of
from whydiff.replay.calls.cuts import (
    in_feeding_precision,
    measured_over,
    mixing_layer,
    moved_by_answers,
    moved_by_weights,
    unweighted,
    weighted,
)
from whydiff.replay.calls.hybrids import CallHybrids, columns
from whydiff.replay.calls.running import preserved, put_weights
from whydiff.replay.measuring import is_random, last_epoch, normalizes
from whydiff.replay.outcome import quiet

#: More batches of an epoch than this are not measured again; an even selection stands for them.
MOST_BATCHES = 400


def rows_of_fit_equal(live: Live, call: LiveCall) -> bool:
    """Whether evaluate was given the samples and labels of the fit's last epoch, in any order."""
    samples = live.material.samples
    if samples.leaves is None or call.fed is None or samples.unit != "sample":
        return False
    order = np.concatenate([np.asarray(part) for part in last_epoch(live)])
    try:
        theirs = columns([tuple(batch[:2]) for batch in call.fed])
    except (TransferError, TypeError):
        return False
    mine = [
        leaf
        for role, leaf in zip(samples.roles, samples.batch(order), strict=True)
        if role in ("x", "y") and leaf is not None
    ]
    if len(mine) != len(theirs) or len(mine[0]) != len(theirs[0]):
        return False
    mine, theirs = ([in_feeding_precision(column) for column in side] for side in (mine, theirs))
    alike = all(
        (x.dtype, x.shape[1:]) == (y.dtype, y.shape[1:]) for x, y in zip(mine, theirs, strict=True)
    )
    return alike and sorted(row_keys(mine)) == sorted(row_keys(theirs))


def one_step(loop: Live, call: LiveCall, step: int) -> Live:
    """A loop as if it had been that step alone, and had ended with the weights of a call behind
    it."""
    material = loop.material
    end = int(np.sum(material.batches[0][: step + 1]))
    size = int(material.batches[0][step])
    behind = call.call.notes.get(BEHIND_STEPS) or {}
    logs: dict[str, float] = next((logs for at, logs in behind.get("steps", ()) if at == step), {})
    only = replace(
        material, order=(material.order[0][end - size : end],), batches=(np.array([size]),)
    )
    return replace(loop, material=only, logs=(logs,), trained=list(call.weights))


def validation_rows_equal(live: Live, call: LiveCall) -> bool:
    """Whether evaluate was given the validation samples and labels of the fit, in any order, or
    these among others."""
    if call.fed is None or not live.material.validation:
        return False
    try:
        mine, theirs = (
            columns([tuple(batch[:2]) for batch in side])
            for side in (validation_batches(live), call.fed)
        )
    except (TransferError, TypeError):
        return False
    if [(x.dtype, x.shape[1:]) for x in mine] != [(y.dtype, y.shape[1:]) for y in theirs]:
        return False
    return not Counter(row_keys(mine)) - Counter(row_keys(theirs))


def validation_batches(live: Live) -> list[Any]:
    """The batches of the last pass over the validation data, as nested structures."""
    later = live.material.validation_later
    passed = later[max(later)] if later else live.material.validation
    structure = live.material.validation_structure
    return [pack_leaves(structure, list(leaves)) for leaves in passed]


def validation_call(live: Live) -> LiveCall:
    """The last validation of a fit as a call of evaluate, its metrics named as there."""
    logs = live.logs[-1]
    values = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
    return _as_evaluated(live, validation_batches(live), values)


def epoch_call(live: Live) -> LiveCall:
    """The last epoch of a fit as a call of evaluate with the weights that it ended with."""
    batches = list(_fed(live, last_epoch(live)))
    call = _as_evaluated(live, batches, {})
    values = CallHybrids({"a": call, "b": call}, CallFields()).again("a").values
    return _as_evaluated(live, batches, values)


def _as_evaluated(live: Live, batches: Sequence[Any], values: Mapping[str, float]) -> LiveCall:
    title = type(live.model).__name__
    call = MeasuringCall(0, "evaluate", title, 0, (), CallRecipe(), values=values)
    return LiveCall(
        call, live.model, tuple(live.trained), (), {}, tuple(batches), {}, {},
        compile_arguments=live.compile_arguments,
    )  # fmt: skip


def validation_parts(live: Live, call: LiveCall, metric: str) -> dict[str, Any]:
    """``metric`` in fit's validation batches from the weights of evaluate (``evaluated``), and from
    those that the last epoch left (``trained``).

    ``again`` is it in evaluate's own batches, ``sample weights`` what of the way there is made by
    these, and ``answers`` what is by samples that are answered otherwise in other batches, of which
    the layer ``mixing`` is the first cause; absent where that cannot be told.
    """
    model, batches = live.model, validation_batches(live)
    found: dict[str, Any] = {}
    with preserved(model), quiet():
        put_weights(model, call.weights)
        evaluated = measured_over(model, batches)
        own = _batches_of(call)
        if own is not None and metric in evaluated:
            found["again"] = measured_over(model, own)[metric]
            with contextlib.suppress(TransferError):
                found["sample weights"] = moved_by_weights(model, batches, own, metric)
                found["answers"] = moved_by_answers(model, batches, own, metric)
        put_weights(model, live.trained)
        trained = measured_over(model, batches)
    if metric not in evaluated:
        raise TransferError(f"{metric} cannot be computed outside its test step")
    if found.get("answers"):
        found["mixing"] = mixing_layer(call)
    return {"evaluated": evaluated[metric], "trained": trained[metric], **found}


def take_apart(live: Live, call: LiveCall, metric: str) -> dict[str, Any]:
    """A logged metric against that of evaluate, in parts that add up to ``logged - evaluated``.

    Keys: ``logged`` and ``evaluated``; ``moving weights``, ``random layers``, ``batch
    normalization``, ``sample weights`` (one of the two weighted the samples), ``other batches``
    (fit cut the samples otherwise) and ``weights`` (what is left: evaluate used others than fit
    ended with, or rounding); ``random`` and ``normalizing`` name the layers; ``same weights``;
    ``answers``: what of ``other batches`` is made by samples that are answered otherwise in other
    batches, absent where that cannot be told;
    ``evaluated again``: from evaluate's own weights where these are others, None if not computed.
    Raises TransferError where the model's loss and metrics cannot be computed outside its train
    step; of a ``train_step`` of the script's own it is known only whether evaluate never updates
    the metric (``never updated``).
    """
    model = live.model
    if metric not in live.logs[-1] or metric not in call.call.values:
        raise TransferError(f"{metric} was not measured by both")
    if is_users(getattr(type(model), "train_step", None)):
        if _never_updated(model, call, metric):
            logs = live.logs[-1], call.call.values
            return {"never updated": True, "logged": logs[0][metric], "evaluated": logs[1][metric]}
        raise TransferError("its train_step is the script's own and logs what it likes")
    names = Names(model)
    stochastic = {p: layer for p, layer in names.layers.items() if is_random(layer)}
    normalizing = {p: layer for p, layer in names.layers.items() if normalizes(layer)}
    batches = last_epoch(live)
    chosen = batches[:: max(1, -(-len(batches) // MOST_BATCHES))]
    with preserved(model), quiet():
        slots = variables_of(model, names).weights

        def measured(training: bool, silent: Sequence[Any]) -> float:
            for slot, value in zip(slots, live.trained, strict=True):
                slot.variable.assign(np.array(value))
            return _measured(live, model, chosen, training, list(silent))[metric]

        training = measured(True, [])
        still = measured(True, list(stochastic.values())) if normalizing else training
        inference = measured(False, [])
        # A metric that is a mean over batches changes with the batches, at equal samples.
        own = _batches_of(call) if len(chosen) == len(batches) else None
        without = inference
        cut = plain = inference if own is None else measured_over(model, own)[metric]
        if own is not None and weighted(own) != ("weight" in live.material.samples.roles):
            if weighted(own):
                plain = measured_over(model, unweighted(own))[metric]
            else:
                without = measured_over(model, unweighted(_fed(live, chosen)))[metric]
        answers: dict[str, Any] = {}
        if own is not None and abs(without - plain) > 0.0:
            theirs = list(_fed(live, chosen))
            with contextlib.suppress(TransferError):
                answers["answers"] = moved_by_answers(model, theirs, own, metric)
    if answers.get("answers"):
        answers["mixing"] = mixing_layer(call)
    if not normalizing:  # what is left between the two is rounding
        still = inference
    logged, evaluated = float(live.logs[-1][metric]), float(call.call.values[metric])
    same = all(
        np.array_equal(x, y) for x, y in zip(live.trained, call.weights, strict=False)
    ) and len(live.trained) == len(call.weights)
    again = _with_weights_of(call, model, own, metric) if own is not None and not same else None
    return {
        "logged": logged,
        "evaluated": evaluated,
        "moving weights": logged - training,
        "random layers": training - still,
        "batch normalization": still - inference,
        "sample weights": inference - without + plain - cut,
        "other batches": without - plain,
        "weights": cut - evaluated,
        "random": list(stochastic),
        "normalizing": list(normalizing),
        "same weights": same,
        "evaluated again": again,
        "batches": len(chosen),
        "of batches": len(batches),
        **answers,
    }


def _never_updated(model: Any, call: LiveCall, metric: str) -> bool:
    """Whether evaluate leaves a metric as ``reset_state`` does: what it gives is of no samples."""
    found = [one for one in model.metrics if one.name == metric]
    if not found or not call.fed:
        return False
    variables = found[0].variables

    def values() -> list[np.ndarray]:
        return [np.array(adapter().to_numpy(variable)) for variable in variables]

    with preserved(model), quiet():
        found[0].reset_state()
        before = values()
        model.test_on_batch(*keras.utils.unpack_x_y_sample_weight(call.fed[0]))
        after = values()
    return bool(variables) and all(map(np.array_equal, before, after))


def log_uninterrupted(live: Live, metric: str) -> float | None:
    """What the last epoch logs where nothing is evaluated in the middle of it: the fit is made
    again without the script's callbacks. None where that gives other weights or fails."""
    from whydiff.replay.solo import Solo  # feeds by a data adapter of Keras 3

    with preserved(live.model), contextlib.suppress(Exception):
        again = Solo({"a": live, "b": live}, frozenset()).train({})
        alike = all(
            np.array_equal(x, y) for x, y in zip(again.weights.values(), live.final, strict=True)
        )
        return again.logs[-1].get(metric) if alike else None
    return None


def _with_weights_of(call: LiveCall, model: Any, batches: Sequence[Any], metric: str) -> float:
    with preserved(model), quiet():
        put_weights(model, call.weights)
        return measured_over(model, batches)[metric]


def _measured(
    live: Live, model: Any, batches: Sequence[np.ndarray], training: bool, silent: list[Any]
) -> dict[str, float]:
    return measured_over(model, _fed(live, batches), training, silent)


def _fed(live: Live, batches: Sequence[np.ndarray]) -> Iterator[Any]:
    """Batches of a fit as nested structures."""
    samples = live.material.samples
    if samples.leaves is None:
        raise TransferError("the samples were too large to keep")
    for indices in batches:
        yield pack_leaves(samples.structure, samples.batch(indices))


def _batches_of(call: LiveCall) -> list[Any] | None:
    return None if call.fed is None else [tuple(batch) for batch in call.fed]
