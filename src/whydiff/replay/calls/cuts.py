"""The same samples cut into other batches: is it their answers that move a metric, or the metric?

The answers of one cut, put in the batches of the other, tell the two apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from whydiff.core.call_hybrids import CallFields, LayerDifference
from whydiff.core.feeding import TransferError
from whydiff.core.live import LiveCall
from whydiff.diagnosis.calls.logged import ROUNDING
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.code import is_users
from whydiff.keras_backend.internals import leaves_of, map_leaves, pack_leaves, training_argument
from whydiff.replay.calls.hybrids import CallHybrids, columns, positions_of
from whydiff.replay.calls.layers import beyond_rounding, first_mixing
from whydiff.replay.calls.running import preserved, put_weights
from whydiff.replay.measuring import silenced
from whydiff.replay.outcome import quiet

#: Outputs of a model, leaf by leaf, over all samples in their order.
Outputs = Sequence[np.ndarray]


def measured_over(
    model: Any,
    batches: Iterable[Any],
    training: bool = False,
    silent: Sequence[Any] = (),
    outputs: Outputs | None = None,
) -> dict[str, float]:
    """Metrics of a model as it is, over nested batches ``(x, y)`` or ``(x, y, sample weights)``.

    With ``outputs`` these are measured instead of what the model answers, sample by sample.
    """
    total = count = 0.0
    model.reset_metrics()
    with silenced(list(silent)), adapter().without_gradients():
        for batch in batches:
            x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
            rows = len(leaves_of(x)[0])
            # A metric of the script's own is written for tensors, which is what a test step gives.
            y, weight = (map_leaves(_as_tensor, part) for part in (y, weight))
            predicted = model(x, **training_argument(model, training))
            if outputs is not None:
                # Losses that layers add are those of this call: only the outputs are others.
                predicted = _given(predicted, outputs, int(count), rows)
            loss = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
            total += float(adapter().to_numpy(loss)) * rows
            count += rows
            model.compute_metrics(x, y, predicted, sample_weight=weight)
    return {**numbers(model.get_metrics_result()), "loss": total / count}


def moved_by_answers(model: Any, theirs: Sequence[Any], own: Sequence[Any], metric: str) -> float:
    """What of a metric's change is made by samples that are answered otherwise in other batches.

    The metric in the batches ``own``, once with what the model, as it is, answers in the batches
    ``theirs``, less that with its answers in ``own``. 0 where answers differ by no more than
    rounding. TransferError where the two hold other samples, or outputs have no rows
    or are others each time.
    """
    places = positions_of(_labelled(theirs), _labelled(own))
    there = [leaf[places] for leaf in _outputs(model, theirs)]
    here = _outputs(model, own)
    if beyond_rounding(there, here) is None:
        return 0.0
    _check_repeats(here, _outputs(model, own))
    with_theirs = measured_over(model, own, outputs=there)
    return float(with_theirs[metric] - measured_over(model, own)[metric])


def weighted(batches: Sequence[Any]) -> bool:
    """Whether batches give their samples weights."""
    return any(keras.utils.unpack_x_y_sample_weight(batch)[2] is not None for batch in batches)


def unweighted(batches: Iterable[Any]) -> Iterator[Any]:
    """Batches without the weights of their samples."""
    for batch in batches:
        yield keras.utils.unpack_x_y_sample_weight(batch)[:2]


def moved_by_weights(model: Any, theirs: Sequence[Any], own: Sequence[Any], metric: str) -> float:
    """What of a metric's change from the batches ``own`` to ``theirs`` is made by weights of the
    samples, where the two give them others; 0 where they do not."""
    if not _weighted_otherwise(theirs, own):
        return 0.0
    there, here = (
        measured_over(model, side)[metric] - measured_over(model, unweighted(side))[metric]
        if weighted(side)
        else 0.0
        for side in (theirs, own)
    )
    return there - here


def _weighted_otherwise(theirs: Sequence[Any], own: Sequence[Any]) -> bool:
    if weighted(theirs) != weighted(own):
        return True
    if not weighted(own):
        return False
    places = positions_of(_labelled(theirs), _labelled(own))
    there, here = (columns([(batch[2],) for batch in side]) for side in (theirs, own))
    return not all(
        np.array_equal(np.asarray(x)[places], y) for x, y in zip(there, here, strict=True)
    )


def alike_in_one_batch(live: LiveCall) -> bool:
    """Whether the samples of a call are answered alike in its batches and all at once, but for
    rounding. TransferError where outputs have no rows, or are others each time."""
    batches, model = live.fed or (), live.model
    whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    with preserved(model), quiet():
        put_weights(model, live.weights)
        answers = _outputs(model, batches)
        if beyond_rounding(answers, _outputs(model, [whole])) is None:
            return True
        _check_repeats(answers, _outputs(model, batches))
        return False


def between_evaluates(hybrids: CallHybrids, metric: str) -> Mapping[str, Any]:
    """``metric`` of A's model in A's batches (``a``) and in B's (``b``), and what of the change is
    made by answers (``answers``), in which layer first (``mixing``).

    TransferError where the two hold other samples, or where this does not give what evaluate gave.
    """
    live, other = hybrids.lives["a"], hybrids.lives["b"]
    if live.fed is None or other.fed is None:
        raise TransferError("what they were fed was too large to keep")
    if is_users(getattr(type(live.model), "test_step", None)):
        raise TransferError("its test_step is the script's own")
    if _weighted_otherwise(live.fed, other.fed):
        raise TransferError("they weight the samples otherwise")
    given = live.call.values[metric], hybrids.measure({"batch-size": "b"}).values[metric]
    with preserved(live.model), quiet():
        put_weights(live.model, live.weights)
        a, b = (measured_over(live.model, one.fed or ())[metric] for one in (live, other))
        for value, wanted in zip((a, b), given, strict=True):
            if abs(value - wanted) > ROUNDING * max(abs(wanted), 1e-12):
                raise TransferError(f"{metric} cannot be computed outside its test step")
        if a == b:
            raise TransferError(f"the batches alone do not move {metric}")
        answers = moved_by_answers(live.model, live.fed, other.fed, metric)
    mixing = first_mixing(hybrids) if answers else LayerDifference()
    return {"a": a, "b": b, "answers": answers, "mixing": _named(mixing)}


def mixing_layer(live: LiveCall) -> str:
    """The first layer that answers the samples of a call otherwise in other batches; "" where none
    was found."""
    return _named(first_mixing(CallHybrids({"a": live, "b": live}, CallFields())))


def _named(layer: LayerDifference) -> str:
    return f"{layer.layer} ({layer.kind})" if layer.layer else ""


def _check_repeats(answers: list[np.ndarray], again: list[np.ndarray]) -> None:
    """TransferError where a model answers the same batches otherwise: it draws random numbers, or
    counts, and what it answers in other batches says nothing of these."""
    if beyond_rounding(answers, again) is not None:
        raise TransferError("the model answers the same batches otherwise each time")


def _as_tensor(leaf: Any) -> Any:
    numeric = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biuf"
    return keras.ops.convert_to_tensor(leaf) if numeric else leaf


def _given(predicted: Any, outputs: Outputs, begin: int, rows: int) -> Any:
    leaves = [leaf[begin : begin + rows] for leaf in outputs]
    return pack_leaves(predicted, [keras.ops.convert_to_tensor(leaf) for leaf in leaves])


def _outputs(model: Any, batches: Sequence[Any]) -> list[np.ndarray]:
    """What a model answers in inference, over all batches."""
    parts = []
    with adapter().without_gradients():
        for batch in batches:
            x, *_ = keras.utils.unpack_x_y_sample_weight(batch)
            answers = leaves_of(model(x, **training_argument(model, False)))
            arrays = tuple(np.array(adapter().to_numpy(answer)) for answer in answers)
            if any(array.shape[:1] != np.shape(leaves_of(x)[0])[:1] for array in arrays):
                raise TransferError("the model does not answer row by row")
            parts.append(arrays)
    return columns(parts)


def _labelled(batches: Sequence[Any]) -> list[np.ndarray]:
    """Samples and labels over all batches, in the precision in which Keras feeds numbers."""
    return [in_feeding_precision(column) for column in columns([tuple(b[:2]) for b in batches])]


def in_feeding_precision(column: np.ndarray) -> np.ndarray:
    """A column in the precision in which fit and evaluate feed numbers; train_on_batch is fed them
    as they are."""
    array = np.asarray(column)
    return array.astype(np.float32) if array.dtype == np.float64 else array
