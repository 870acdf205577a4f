"""A score computed from predictions, computed again under other rules."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from whydiff.core import scoring
from whydiff.core.call_hybrids import CallFields
from whydiff.core.calls import SUMMED, Score
from whydiff.core.digests import row_keys
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.core.transformations import NAMED, in_other_units, renamed, transformed
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import has_mask, leaves_of, pack_leaves
from whydiff.replay.calls.cuts import alike_in_one_batch
from whydiff.replay.calls.hybrids import CallHybrids, columns
from whydiff.replay.calls.logged import validation_batches
from whydiff.replay.calls.running import preserved

_Score = Callable[..., float]
#: Rules by their names in :mod:`whydiff.core.scoring`, each with what computes its number.
_Rules = Iterable[tuple[str, Callable[[], float]]]


@dataclass(frozen=True)
class _Read:
    """What a score was given: ``predicted``, made by the call ``reads``, and ``labels``.

    ``own_inputs`` says that ``reads`` and ``predicted`` are of evaluate's inputs, which the script
    predicted in another form.
    """

    score: LiveCall
    reads: LiveCall
    function: _Score
    predicted: np.ndarray
    labels: np.ndarray
    own_inputs: bool = False
    plain: bool = True  # whether it is the score itself, not a power of it

    @property
    def done(self) -> str:
        """What the script did to the outputs before it scored them."""
        told = self.score.call.score
        return told.transformation if told else ""


def rescored(
    evaluate: LiveCall,
    score: LiveCall,
    reads: LiveCall,
    metric: str,
    lives: Sequence[Live] = (),
    power: float = 1.0,
) -> dict[str, float]:
    """The score to a ``power``, and evaluate's ``metric``, by rule; see
    :mod:`whydiff.core.scoring`.

    ``AGAIN``: as the script did, the control. Labels of predicted samples that evaluate was not
    given are looked for among those of the fits ``lives``. Raises TransferError where the control
    cannot be computed; rules that do not apply are left out.
    """
    predicted, labels = _given(score)
    read = _Read(score, reads, _to_the(power, _function(score)), predicted, labels,
                 plain=power == 1.0)  # fmt: skip
    found = {scoring.AGAIN: read.function(labels, predicted)}
    weights = _other_weights(evaluate, reads)
    if weights:  # from here on evaluate's rules are those of a call with these
        evaluate = replace(evaluate, weights=weights)
        found[scoring.WITH_OTHER_WEIGHTS] = _evaluated(evaluate, metric)
    shaped = _shaped(evaluate)
    if shaped is not None:
        given = found.get(scoring.WITH_OTHER_WEIGHTS, evaluate.call.values[metric])
        told = _computed([(scoring.OWN_SHAPE, lambda: _evaluated(shaped, metric))])
        if not np.isclose(told.get(scoring.OWN_SHAPE, given), given, rtol=1e-5):
            evaluate, found = shaped, found | told
    found |= dict(_of_evaluate(evaluate, metric, reads))
    found |= _computed(_of_other_rows(evaluate, read))
    found |= _computed(_of_rows_left_out(evaluate, reads, metric))
    inputs, targets = _columns_of(evaluate.fed)
    aligned = _aligned_labels([(inputs, targets)], score, reads)
    if aligned is None and scoring.OWN_INPUTS in found:
        aligned = targets[0]
        read = _of_own_inputs(evaluate, read)
    elif aligned is None:
        found |= _computed([(scoring.OTHER_SAMPLES, lambda: _evaluated(evaluate, metric))])
        if scoring.OTHER_SAMPLES in found:
            aligned = _labels_elsewhere(read, lives)
    if aligned is None or len(aligned) != len(labels):
        return found
    return found | _of_aligned(evaluate, read, metric, aligned)


def _shaped(evaluate: LiveCall) -> LiveCall | None:
    """A call whose labels have the shape of its model's outputs, (n, 1); None where they already
    have, or are no single column."""
    outputs = [tuple(output.shape)[1:] for output in getattr(evaluate.model, "outputs", None) or ()]
    batches = evaluate.fed or ()
    labels = [batch[1] for batch in batches if len(batch) > 1]
    if outputs != [(1,)] or not labels or any(np.ndim(y) != 1 for y in labels):
        return None
    columns_ = [(batch[0], np.asarray(batch[1])[:, None], *batch[2:]) for batch in batches]
    # A function that was compiled for labels of one rank may not take another.
    return replace(evaluate, fed=tuple(columns_), function=None)


def _computed(rules: _Rules) -> dict[str, float]:
    """The numbers of the rules that apply to the arrays at hand."""
    found = {}
    for name, compute in rules:
        with contextlib.suppress(Exception):
            found[name] = float(compute())
    return found


def _of_rows_left_out(evaluate: LiveCall, reads: LiveCall, metric: str) -> _Rules:
    """Where a part of evaluate's rows was predicted: how many were not, and evaluate's metric of
    those that were."""
    inputs, _ = _columns_of(evaluate.fed)
    places = _places(inputs, reads)
    if places and len(set(places)) == len(places) < len(inputs[0]):
        yield scoring.LEFT_OUT, lambda: len(inputs[0]) - len(places)
        yield scoring.ON_PREDICTED, lambda: _on_rows(evaluate, places, metric)


def _of_own_inputs(evaluate: LiveCall, read: _Read) -> _Read:
    """The score of what the model gives of evaluate's inputs."""
    reads = replace(read.reads, fed=tuple((batch[0],) for batch in evaluate.fed or ()))
    predicted = transformed(_outputs(read.score, reads), read.done).reshape(read.predicted.shape)
    return replace(read, reads=reads, predicted=predicted, own_inputs=True)


def _labels_elsewhere(read: _Read, lives: Sequence[Live]) -> np.ndarray | None:
    """Labels of predicted rows that evaluate was not given; None where they are not known."""
    with contextlib.suppress(Exception):
        aligned = _own_labels(read.score, read.reads)
        if aligned is not None:
            return aligned
        samples = [columns for live in lives for columns in _labelled(live)]
        return _aligned_labels(samples, read.score, read.reads)
    return None


def _of_aligned(
    evaluate: LiveCall, read: _Read, metric: str, aligned: np.ndarray
) -> dict[str, float]:
    """The score with the label of each predicted row, ``aligned``, and by rules that need it."""
    labels, predicted, function = read.labels, read.predicted, read.function
    found: dict[str, float] = {}
    outputs = _outputs(read.score, read.reads)
    own, told = _in_names_of_the_script(_as(aligned, labels), read, outputs)
    if own is None:
        return found
    found |= told
    fitting = _in_units(own, labels, read.done)
    if not read.own_inputs:
        found[scoring.ALIGNED] = function(fitting, predicted)
        found |= _computed(_as_predicted(read, fitting))
        found |= _computed(_with_noise_of(evaluate, read, fitting))
        found |= _computed(_of_places(evaluate, read))
        found |= _computed(_of_labels(fitting, labels))
    if in_other_units(read.done):
        found |= _computed(
            [(scoring.IN_ITS_UNITS, lambda: function(own, outputs.reshape(predicted.shape)))]
        )
    if read.score.call.score and read.score.call.score.exchanged:
        found |= _computed([(scoring.EXCHANGED, lambda: function(predicted, fitting))])
    found |= _computed(_of_metrics(evaluate, read, metric, aligned, outputs))
    found |= _computed(_of_score(function, fitting, predicted, outputs, evaluate))
    found |= _computed(_of_unequal_batches(read, fitting))
    found |= _computed(_accuracies(outputs, fitting, aligned, _largest(evaluate)))
    return found


def _in_names_of_the_script(
    own: np.ndarray, read: _Read, outputs: np.ndarray
) -> tuple[np.ndarray | None, dict[str, float]]:
    """Labels in the names that the script gives to its predictions, None where one has no name,
    and how many classes the script's labels name otherwise, by how much where all alike."""
    numbered = renamed(own, read.labels) if own.shape == read.labels.shape else None
    names = {c: c for c in numbered or ()}
    if read.done == NAMED:
        names = renamed(outputs.argmax(-1).reshape(-1), read.predicted.reshape(-1)) or {}
        if not {*own.reshape(-1).tolist()} <= names.keys():
            return None, {}
        own = np.array([names[c] for c in own.tolist()])
    moved = {c: name for c, name in (numbered or {}).items() if names.get(c, name) != name}
    found = {scoring.RELABELLED: float(len(moved))} if moved else {}
    if read.done != NAMED and len(moved) == len(numbered or {}) > 0:
        return own, found | _computed([(scoring.SHIFTED, lambda: _one_shift(moved))])
    return own, found


def _one_shift(moved: dict[Any, Any]) -> float:
    """The number that leads from each class to its other number; an error where there is none."""
    (shift,) = {float(name) - float(c) for c, name in moved.items()}
    return shift


def _as_predicted(read: _Read, labels: np.ndarray) -> _Rules:
    """The score of what predict gives instead of the model called."""
    if read.reads.call.kind != "call":
        return

    def in_inference() -> float:
        call = replace(read.reads.call, kind="predict")
        outputs = _outputs(read.score, replace(read.reads, call=call, arguments={}))
        return read.function(labels, transformed(outputs, read.done).reshape(read.predicted.shape))

    yield scoring.IN_INFERENCE, in_inference


def _with_noise_of(evaluate: LiveCall, read: _Read, labels: np.ndarray) -> _Rules:
    """The score of what the model gives with the random numbers that evaluate drew, where it began
    with other ones."""
    one, other = evaluate.noise, read.reads.noise
    if len(one) != len(other) or all(map(np.array_equal, one, other)):
        return
    if read.reads.call.recipe.mode.get("training") is True:
        return  # noise of training, which evaluate does not draw at all

    def drawn_alike() -> float:
        again = replace(read.reads, noise=evaluate.noise)
        own, alike = (
            transformed(_outputs(read.score, call), read.done).reshape(read.predicted.shape)
            for call in (read.reads, again)
        )
        if not np.array_equal(own, read.predicted):
            raise ValueError("with their own random numbers the predictions come out otherwise")
        return read.function(labels, alike)

    yield scoring.OWN_NOISE, drawn_alike


def _of_places(evaluate: LiveCall, read: _Read) -> _Rules:
    """Where in evaluate's rows the predicted ones begin; whose labels of its outputs were given."""
    inputs, targets = _columns_of(evaluate.fed)
    places = _places(inputs, read.reads)
    if not places:
        return
    if places[0] and _goes_on(places):
        yield scoring.BEGINS_AT, lambda: places[0]
    for k, column in enumerate(targets):
        theirs = _as(column[places], read.labels)
        if k != _position(read.score, read.reads) and np.array_equal(theirs, read.labels):
            yield scoring.OTHER_OUTPUT, partial(float, k)


def _of_labels(own: np.ndarray, labels: np.ndarray) -> _Rules:
    """What else than another order of the rows makes the labels of a score differ from evaluate's:
    another order of their columns, or other values."""
    if own.shape != labels.shape or own.dtype.kind not in "biuf" or _near(own, labels):
        return
    ours, theirs = (np.asarray(y, np.float64).reshape(len(y), -1) for y in (own, labels))
    places = _places_of_columns(ours, theirs)
    if places:
        yield scoring.COLUMNS_MOVED, lambda: sum(k != i for i, k in enumerate(places))
    elif not _places_of_columns(np.sort(ours, axis=0), np.sort(theirs, axis=0)):
        # in no order of rows and columns are they the same
        rows = [not _near(one, other) for one, other in zip(ours, theirs, strict=True)]
        yield scoring.OTHER_LABELS, lambda: sum(rows)


def _places_of_columns(ours: np.ndarray, theirs: np.ndarray) -> list[int]:
    """Where in ``ours`` each column of ``theirs`` stands, each place taken once; [] if not all
    have one."""
    left, places = [*range(ours.shape[1])], []
    for column in theirs.T:
        place = next((k for k in left if _near(ours[:, k], column)), None)
        if place is None:
            return []
        left.remove(place)
        places.append(place)
    return places


def _of_unequal_batches(read: _Read, labels: np.ndarray) -> _Rules:
    """A score by hand that is a mean over batches, with each row counted alike."""
    formula = read.score.function and read.score.function()
    # Only a mean is what its batches add to it, not the square or the root of one.
    if len(set(getattr(formula, "sizes", ()))) > 1 and read.plain:
        yield scoring.EVERY_ROW, lambda: formula.over_rows(labels, read.predicted)


def _of_metrics(
    evaluate: LiveCall, read: _Read, metric: str, aligned: np.ndarray, outputs: np.ndarray
) -> _Rules:
    """evaluate's metric without a mask, and of what the script made of the outputs."""
    if _masks(evaluate):
        yield scoring.UNMASKED, lambda: _metrics_of(evaluate, aligned, outputs)[metric]
    if outputs.ndim == 2 and outputs.shape[1] > 1 and outputs.shape == aligned.shape:
        largest = np.eye(outputs.shape[1], dtype=outputs.dtype)[outputs.argmax(1)]
        yield scoring.LARGEST_ONLY, lambda: _metrics_of(evaluate, aligned, largest)[metric]
    if read.predicted.size == outputs.size and read.done:
        made = read.predicted.reshape(outputs.shape)
        yield scoring.FROM_CLASSES, lambda: _metrics_of(evaluate, aligned, made)[metric]


def by_position(evaluate: LiveCall, predict: LiveCall, metric: str) -> dict[str, float]:
    """evaluate's ``metric`` from the outputs of predict: with the labels of the same rows, and with
    the labels in the order in which evaluate saw them."""
    if evaluate.fed is None or any(len(batch) != 2 for batch in evaluate.fed):
        raise TransferError("labels without sample weights are needed")
    inputs, labels = _columns_of(evaluate.fed)
    places = _places(inputs, predict)
    if places is None or len(labels) != 1:
        raise TransferError("the labels of the predicted rows are not known")
    outputs = CallHybrids({"a": predict, "b": predict}, CallFields()).again("a").outputs
    found = {}
    for name, own in ((scoring.ALIGNED, labels[0][places]), (scoring.BY_POSITION, labels[0])):
        result = _metrics_of(evaluate, own, outputs[0])
        if metric not in result or metric == "loss":
            raise TransferError(f"{metric} cannot be computed from predictions alone")
        found[name] = result[metric]
    return found


def _metrics_of(evaluate: LiveCall, labels: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """evaluate's metrics from given outputs."""
    model, convert = evaluate.model, keras.ops.convert_to_tensor
    with preserved(model), adapter().without_gradients():
        model.reset_metrics()
        model.compute_metrics(None, convert(labels), convert(outputs))
        return numbers(model.get_metrics_result())


def _masks(evaluate: LiveCall) -> bool:
    """Whether a model hands a mask to its metrics."""
    if not evaluate.fed:
        return False
    with preserved(evaluate.model), adapter().without_gradients():
        output = evaluate.model(evaluate.fed[0][0], training=False)
        return any(has_mask(leaf) for leaf in leaves_of(output))


def as_evaluate(live: Live, reads: LiveCall, metric: str) -> LiveCall:
    """The validation of a fit as a call of evaluate with the weights of a prediction."""
    value = float(live.logs[-1][f"val_{metric}"])
    return replace(
        reads,
        call=replace(reads.call, kind="evaluate", values={metric: value}, outputs=(), notes={}),
        model=live.model,
        fed=tuple(validation_batches(live)),
        compile_arguments=live.compile_arguments,
        arguments={},
        function=None,
    )


def _other_weights(evaluate: LiveCall, reads: LiveCall) -> tuple[np.ndarray, ...]:
    """The weights of the predictions, where they are others than evaluate's; else ()."""
    pairs = list(zip(evaluate.weights, reads.weights, strict=False))
    if len(evaluate.weights) != len(reads.weights) or any(x.shape != y.shape for x, y in pairs):
        raise TransferError("evaluate and the predictions used weights of other shapes")
    return () if all(np.array_equal(x, y, equal_nan=True) for x, y in pairs) else reads.weights


def _given(score: LiveCall) -> tuple[np.ndarray, np.ndarray]:
    if not score.fed or len(score.fed[0]) < 2:
        raise TransferError("what the score was given was not kept")
    x, y = score.fed[0][:2]
    return np.asarray(x), np.asarray(y)


def _outputs(score: LiveCall, reads: LiveCall) -> np.ndarray:
    outputs = CallHybrids({"a": reads, "b": reads}, CallFields()).again("a").outputs
    return np.asarray(outputs[_position(score, reads)])


def _position(score: LiveCall, reads: LiveCall) -> int:
    """Which of the outputs of a model the score was given."""
    told = score.call.score
    names = [output.name for output in reads.call.outputs]
    return names.index(told.output) if told is not None and told.output in names else 0


def _function(score: LiveCall) -> _Score:
    """What the script computed of labels and predictions, in whichever order it gave them."""
    told = score.call.score
    if told is None:
        raise TransferError("it is no score")
    function = _as_it_is(score, told)
    if told.exchanged:
        return lambda labels, predicted, **more: function(predicted, labels, **more)
    return function


def _to_the(power: float, function: _Score) -> _Score:
    return function if power == 1.0 else lambda *given, **more: function(*given, **more) ** power


def _as_it_is(score: LiveCall, told: Score) -> _Score:
    settings = dict(score.arguments or told.settings)
    if score.function is not None:  # a metric or loss of Keras, made anew with its settings
        return _of_keras(score.function)
    if told.function in scoring.TABLES:
        return _accuracy
    module, _, name = told.function.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TransferError(f"there is no {told.function}") from error

    def computed(labels: np.ndarray, predicted: np.ndarray, **more: Any) -> float:
        return float(np.mean(np.asarray(found(labels, predicted, **{**settings, **more}))))

    return computed


def _accuracy(labels: np.ndarray, predicted: np.ndarray, **more: Any) -> float:
    if more:  # a setting of the table is none of the accuracy in it
        raise TransferError("an accuracy has no settings")
    return float(np.mean(np.asarray(labels).reshape(-1) == np.asarray(predicted).reshape(-1)))


def _of_keras(make: Callable[[], Any]) -> _Score:
    def computed(labels: np.ndarray, predicted: np.ndarray, **more: Any) -> float:
        made = make()
        if isinstance(made, keras.metrics.Metric):
            made.update_state(labels, predicted, **more)
            return float(adapter().to_numpy(made.result()))
        return float(adapter().to_numpy(made(labels, predicted, **more)))

    return computed


def _of_evaluate(evaluate: LiveCall, metric: str, reads: LiveCall) -> Iterator[tuple[str, float]]:
    """evaluate's metric under other rules, with its own weights and data."""
    if not evaluate.fed:
        return
    with contextlib.suppress(Exception):
        if alike_in_one_batch(evaluate):
            whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *evaluate.fed)
            yield scoring.IN_ONE_BATCH, _evaluated(replace(evaluate, fed=(whole,)), metric)
        else:
            yield scoring.AS_PREDICTED, _in_batches_of(evaluate, reads, metric)
    weighted = any(len(batch) > 2 for batch in evaluate.fed)
    unweighted = replace(evaluate, fed=tuple(batch[:2] for batch in evaluate.fed))
    if weighted:
        with contextlib.suppress(Exception):
            yield scoring.UNWEIGHTED, _evaluated(unweighted, metric)
    with contextlib.suppress(Exception):
        _, (labels,) = _columns_of(evaluate.fed)
        rows = np.flatnonzero(np.all(labels.reshape(len(labels), -1) != 0, axis=1))
        if _relative_to_the_label(metric) and 0 < len(rows) < len(labels):
            yield scoring.NONZERO, _on_rows(evaluate, rows.tolist(), metric)
    if metric == "loss":
        yield from _of_loss(evaluate, metric, unweighted if weighted else None)


def _of_loss(
    evaluate: LiveCall, metric: str, unweighted: LiveCall | None
) -> Iterator[tuple[str, float]]:
    """evaluate's loss without its penalties, and with each setting as it is where none is given:
    with the sample weights, and without them where there are any."""
    with contextlib.suppress(Exception):
        penalty = _penalty(evaluate)
        if penalty:
            yield scoring.UNREGULARIZED, float(evaluate.call.values[metric]) - penalty
    for setting, loss in _plainer(evaluate.compile_arguments.get("loss")):
        without = f"{scoring.WITHOUT}{setting}"
        calls = {without: evaluate}
        if unweighted is not None:
            calls[f"{scoring.UNWEIGHTED}{scoring.TOGETHER}{without}"] = unweighted
        for name, call in calls.items():
            with contextlib.suppress(Exception):
                arguments = {**call.compile_arguments, "loss": loss}
                plain = replace(call, compile_arguments=arguments)
                yield name, _evaluated(plain, metric, compiled=True)


def two_metrics(evaluate: LiveCall, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each of these metrics of one evaluate as its rules are taken away one after the other, by
    rule; and, under "", the accuracies of the very outputs.

    The last number of a metric is that of all samples at once, without weights and penalties.
    """
    if not evaluate.fed:
        raise TransferError("what it was fed was too large to keep")
    found = {metric: dict(_without_rules(evaluate, metric)) for metric in metrics}
    return {**found, "": _accuracies_of(evaluate)}


def _without_rules(evaluate: LiveCall, metric: str) -> Iterator[tuple[str, float]]:
    penalty = 0.0
    yield scoring.AGAIN, _evaluated(evaluate, metric)
    if metric == "loss":
        penalty = _penalty(evaluate)
        yield scoring.UNREGULARIZED, float(evaluate.call.values[metric]) - penalty
    shaped = _shaped(evaluate)
    if shaped is not None:
        evaluate = shaped
        yield scoring.OWN_SHAPE, _evaluated(evaluate, metric) - penalty
    if any(len(batch) > 2 for batch in evaluate.fed or ()):
        unweighted = tuple(batch[:2] for batch in evaluate.fed or ())
        evaluate = replace(evaluate, fed=unweighted)
        yield scoring.UNWEIGHTED, _evaluated(evaluate, metric) - penalty
    if _all_at_once(evaluate):
        fed = evaluate.fed or ()
        whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *fed)
        evaluate = replace(evaluate, fed=(whole,))
        penalty = _penalty(evaluate) if penalty else 0.0
        yield scoring.IN_ONE_BATCH, _evaluated(evaluate, metric) - penalty
    for setting, loss in _plainer(evaluate.compile_arguments.get("loss")):
        if metric == "loss":
            arguments = {**evaluate.compile_arguments, "loss": loss}
            plain = replace(evaluate, compile_arguments=arguments)
            value = _evaluated(plain, metric, compiled=True) - penalty
            yield f"{scoring.WITHOUT}{setting}", value
    weights = evaluate.compile_arguments.get("loss_weights")
    if metric == "loss" and weights is not None:
        plain = replace(evaluate, compile_arguments={**evaluate.compile_arguments,
                                                     "loss_weights": None})  # fmt: skip
        value = _evaluated(plain, metric, compiled=True) - penalty
        yield f"{scoring.WITHOUT}loss_weights={weights}", value


def _all_at_once(evaluate: LiveCall) -> bool:
    """Whether it is known that samples are answered alike in one batch of all."""
    try:
        return alike_in_one_batch(evaluate)
    except TransferError:
        return False


def _accuracies_of(evaluate: LiveCall) -> dict[str, float]:
    """Accuracies of what a model with one output gives, by the ways to take a class from it."""
    _, targets = _columns_of(evaluate.fed)
    if len(targets) != 1:
        return {}
    predict = replace(
        evaluate,
        call=replace(evaluate.call, kind="predict", values={}),
        fed=tuple((batch[0],) for batch in evaluate.fed or ()),
        function=None,
    )
    outputs = CallHybrids({"a": predict, "b": predict}, CallFields()).again("a").outputs
    if len(outputs) != 1:
        return {}
    labels = targets[0]
    several = labels.ndim == 2 and labels.shape[1] > 1
    classes = labels.argmax(1) if several else labels
    return _computed(_accuracies(outputs[0], classes, labels, _largest(evaluate)))


def _penalty(evaluate: LiveCall) -> float:
    """What regularizers and ``add_loss`` add to evaluate's loss, a mean over its rows."""
    model, total, rows = evaluate.model, 0.0, 0
    with preserved(model), adapter().without_gradients():
        for batch in evaluate.fed or ():
            model(batch[0], training=False)
            size = len(leaves_of(batch[0])[0])
            total += size * sum(float(adapter().to_numpy(part)) for part in model.losses)
            rows += size
    return total / rows


def _evaluated(evaluate: LiveCall, metric: str, compiled: bool = False) -> float:
    """A metric, or a sum of metrics, of a call that is made again."""
    sides, fields = {"a": evaluate, "b": evaluate}, CallFields(compiled=compiled)
    values = CallHybrids(sides, fields).again("a").values
    return sum(values[one] for one in metric.split(SUMMED))


def _in_batches_of(evaluate: LiveCall, reads: LiveCall, metric: str) -> float:
    """evaluate's metric in the batches in which its samples were predicted."""
    batches, predicted = evaluate.fed or (), reads.fed or ()
    places = _places(_columns_of(evaluate.fed)[0], reads)
    if places is None or len(places) != sum(len(leaves_of(b)[0]) for b in batches):
        raise TransferError("other samples were predicted")
    rows = [leaf[places] for leaf in columns(batches)]
    ends = np.cumsum([len(leaves_of(batch)[0]) for batch in predicted])[:-1]
    parts = zip(*(np.split(leaf, ends) for leaf in rows), strict=True)
    cut = tuple(pack_leaves(batches[0], list(part)) for part in parts)
    return _evaluated(replace(evaluate, fed=cut), metric)


def _on_rows(evaluate: LiveCall, places: Sequence[int], metric: str) -> float:
    """evaluate's metric of some of its samples."""
    batches = evaluate.fed or ()
    rows = pack_leaves(batches[0], [leaf[list(places)] for leaf in columns(batches)])
    return _evaluated(replace(evaluate, fed=(rows,)), metric)


def _relative_to_the_label(metric: str) -> bool:
    """Whether a metric divides by the label, by what it is called."""
    return "percentage" in metric or "mape" in metric


#: Settings of a loss that say how it reads what it is given, not what it measures.
_READING = frozenset({"name", "dtype", "reduction", "from_logits", "axis", "ignore_class"})


def _plainer(loss: Any) -> Iterator[tuple[str, Any]]:
    """A loss of Keras with one of its settings as it is where none is given, setting by setting."""
    if not isinstance(loss, keras.losses.Loss):
        return
    with contextlib.suppress(Exception):
        config, plain = loss.get_config(), type(loss)().get_config()
        for key in sorted((config.keys() & plain.keys()) - _READING):
            if config[key] != plain[key]:
                yield f"{key}={config[key]}", type(loss).from_config({**config, key: plain[key]})


def _of_score(
    function: _Score,
    labels: np.ndarray,
    predicted: np.ndarray,
    outputs: np.ndarray,
    evaluate: LiveCall,
) -> _Rules:
    """The script's function with other settings or other inputs."""
    if predicted.shape != labels.shape and predicted.size == labels.size:
        yield scoring.SAME_SHAPE, lambda: function(labels.reshape(predicted.shape), predicted)
    for average in scoring.AVERAGED:
        yield (
            average,
            lambda average=average: function(  # type: ignore[misc]
                labels, predicted, average=average.split()[0]
            ),
        )
    if predicted.shape != outputs.shape or not np.array_equal(predicted, outputs):
        column = outputs[:, 1] if outputs.ndim == 2 and outputs.shape[1] == 2 else outputs
        fitting = column.reshape(labels.shape) if column.size == labels.size else column
        yield scoring.FROM_OUTPUTS, lambda: function(labels, fitting)
    if outputs.size == labels.size == predicted.size and set(np.unique(labels)) <= {0, 1}:
        yield from _of_cuts(function, labels, predicted, outputs)
    if evaluate.fed and all(len(batch) > 2 for batch in evaluate.fed):
        weights = columns([(batch[2],) for batch in evaluate.fed])[0].reshape(-1)
        if len(weights) == len(labels):
            yield scoring.WEIGHTED, lambda: function(labels, predicted, sample_weight=weights)
    if outputs.size == labels.size and set(np.unique(labels)) <= {0, 1}:

        def finer(from_logits: bool) -> float:
            auc = keras.metrics.AUC(num_thresholds=20000, from_logits=from_logits)
            auc.update_state(labels.reshape(-1), outputs.reshape(-1))
            return float(adapter().to_numpy(auc.result()))

        yield scoring.FINER_AUC, partial(finer, False)
        if outputs.min() < 0 or outputs.max() > 1:
            yield scoring.AUC_OF_LOGITS, partial(finer, True)


def _of_other_rows(evaluate: LiveCall, read: _Read) -> _Rules:
    """The score of the samples or of the inputs that evaluate was given, where these are others."""
    predicted, labels, reads = read.predicted, read.labels, read.reads
    inputs, own_labels = _columns_of(evaluate.fed)
    if not inputs or reads.fed is None or len(predicted) != len(labels):
        return
    with contextlib.suppress(TransferError):
        theirs = columns([(batch[0],) for batch in reads.fed])
        places = _positions(theirs, inputs)
        if places is not None and len(places) < len(labels):
            yield scoring.IN_PART, lambda: read.function(labels[places], predicted[places])
        elif places is None and len(inputs[0]) == len(labels) and len(own_labels) == 1:
            again = replace(reads, fed=tuple((batch[0],) for batch in evaluate.fed or ()))
            own = _as(own_labels[0], labels)
            if own.shape == labels.shape and np.array_equal(own, labels):
                yield (
                    scoring.OWN_INPUTS,
                    lambda: read.function(
                        labels, transformed(_outputs(read.score, again), read.done)
                    ),
                )


def _of_cuts(
    function: _Score, labels: np.ndarray, predicted: np.ndarray, outputs: np.ndarray
) -> _Rules:
    """The score of outputs of one column that are cut at the thresholds of Keras' metrics; what it
    is of any outputs, where it takes the largest of the one column."""
    blind = _is_blind(function, labels, predicted)
    if blind:
        yield scoring.WHATEVER, lambda: function(labels, predicted)
    shaped = labels.reshape(predicted.shape)
    for name, threshold in ((scoring.FROM_HALF, 0.5), (scoring.FROM_ZERO, 0.0)):
        cut = (outputs > threshold).reshape(predicted.shape).astype(predicted.dtype)
        if blind:  # of two columns the largest is the second where the output is above the first
            column = outputs.reshape(predicted.shape)
            cut = np.concatenate([np.full_like(column, threshold), column], axis=-1)
        yield name, lambda cut=cut: function(labels, cut)  # type: ignore[misc]
        if shaped.shape != labels.shape:
            both = f"{scoring.SAME_SHAPE}{scoring.TOGETHER}{name}"
            yield both, lambda cut=cut: function(shaped, cut)  # type: ignore[misc]


def _is_blind(function: _Score, labels: np.ndarray, predicted: np.ndarray) -> bool:
    """Whether right and wrong outputs give the same, as argmax of a single column does."""
    if predicted.ndim < 2 or predicted.shape[-1] != 1:
        return False
    right = labels.reshape(predicted.shape).astype(predicted.dtype)
    far = 1e6 * (2 * right - 1)
    given = _computed(
        (str(k), partial(function, labels, one))
        for k, one in enumerate((predicted, right, 1 - right, far, -far))
    )
    return len(given) == 5 and len(set(given.values())) == 1


#: Columns of inputs and of labels, with as many rows.
_Labelled = tuple[list[np.ndarray], list[np.ndarray]]


def _columns_of(batches: Sequence[Any] | None) -> _Labelled:
    """Inputs and labels of batches (x, y, ...); without columns where there are none."""
    if not batches or len(batches[0]) < 2:
        return [], []
    with contextlib.suppress(TransferError):
        x, y = (columns([(batch[part],) for batch in batches]) for part in (0, 1))
        return x, y
    return [], []


def _labelled(live: Live) -> Iterator[_Labelled]:
    """All samples with labels that a fit saw, in training and in every validation."""
    samples = live.material.samples
    if samples.leaves is not None and samples.unit == "sample":
        leaves = [np.asarray(leaf) for leaf in samples.leaves if isinstance(leaf, np.ndarray)]
        if len(leaves) == len(samples.roles):
            x, y = (
                [leaf for leaf, role in zip(leaves, samples.roles, strict=True) if role == wanted]
                for wanted in ("x", "y")
            )
            yield x, y
    structure = live.material.validation_structure
    for passed in (live.material.validation, *live.material.validation_later.values()):
        batches = [pack_leaves(structure, list(leaves)) for leaves in passed]
        yield _columns_of(batches)


def _aligned_labels(
    labelled: Sequence[_Labelled], score: LiveCall, reads: LiveCall
) -> np.ndarray | None:
    """Labels of the predicted rows, known from samples with labels; None where one is not."""
    labelled = [(x, y) for x, y in labelled if x and y]
    if not labelled or len({(len(x), len(y)) for x, y in labelled}) != 1:
        return None
    x, y = (
        [np.concatenate(parts) for parts in zip(*(pair[k] for pair in labelled), strict=True)]
        for k in (0, 1)
    )
    places = _places(x, reads)
    if places is None:
        return None
    position = _position(score, reads)
    aligned: np.ndarray = y[position if position < len(y) else 0][places]
    return aligned


def _own_labels(score: LiveCall, reads: LiveCall) -> np.ndarray | None:
    """Labels that came in one batch with the predicted rows, where there are any."""
    _, labels = _columns_of(reads.fed)
    position = _position(score, reads)
    return labels[position] if position < len(labels) else None


def _places(inputs: list[np.ndarray], reads: LiveCall) -> list[int] | None:
    """Positions among ``inputs`` of the rows that were predicted; None where not all are there."""
    if reads.fed is None or not inputs:
        return None
    try:
        return _positions(inputs, columns([(batch[0],) for batch in reads.fed]))
    except TransferError:
        return None


def _positions(rows: list[np.ndarray], wanted: list[np.ndarray]) -> list[int] | None:
    """Positions among ``rows`` of all ``wanted`` ones; None where one is not there."""
    known: dict[bytes, list[int]] = {}
    for i, key in enumerate(row_keys(rows)):
        known.setdefault(key, []).append(i)
    found = []
    for key in row_keys(wanted):
        places = known.get(key)
        if not places:
            return None
        found.append(places.pop(0) if len(places) > 1 else places[0])
    return found


def _goes_on(places: Sequence[int]) -> bool:
    """Whether each row is the one behind the last, the first behind the end."""
    steps = {(b - a) % len(places) for a, b in pairwise(places)}
    return steps == {1}


def _in_units(own: np.ndarray, labels: np.ndarray, done: str) -> np.ndarray:
    """evaluate's labels in the units of the labels that a score was given."""
    if not in_other_units(done) or own.shape != labels.shape or _near(own, labels):
        return own
    there = transformed(own, done)
    return labels if _near(there, labels) else there


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    scale = float(np.max(np.abs(other), initial=0.0))
    return bool(np.allclose(one, other, rtol=1e-3, atol=1e-3 * scale))


def _largest(evaluate: LiveCall) -> set[int]:
    """Among how many of the largest outputs metrics of evaluate look for the class."""
    metrics = keras.tree.flatten(evaluate.compile_arguments.get("metrics") or [])
    return {int(metric.k) for metric in metrics if isinstance(getattr(metric, "k", None), int)}


def _as(labels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Labels in the form in which the score was given its own: classes, or one column."""
    if labels.ndim == 2 and like.ndim == 1:
        labels = labels.argmax(1) if labels.shape[1] > 1 else labels[:, 0]
    if labels.ndim == 1 and like.ndim == 2 and like.shape[1] == 1:
        labels = labels[:, None]
    return labels.astype(like.dtype) if like.dtype.kind in "iufb" else labels


def _accuracies(
    outputs: np.ndarray, labels: np.ndarray, as_evaluated: np.ndarray, largest: set[int]
) -> _Rules:
    """Accuracies of the outputs by the ways in which a class is taken from them."""
    flat = labels.reshape(len(labels), -1)
    if outputs.ndim == as_evaluated.ndim + 1 or outputs.shape == as_evaluated.shape:
        expanded = as_evaluated[..., None] if outputs.ndim > as_evaluated.ndim else as_evaluated
        yield scoring.EQUAL, lambda: float(np.mean(outputs == expanded.astype(outputs.dtype)))
    if outputs.ndim == 2 and outputs.shape == as_evaluated.shape and outputs.shape[1] > 1:
        right = (outputs > 0.5) == (as_evaluated > 0.5)
        yield scoring.EACH_OUTPUT, lambda: float(np.mean(right))
        yield scoring.ALL_OUTPUTS, lambda: float(np.mean(np.all(right, axis=1)))
        if np.any((as_evaluated > 0.5).sum(axis=1) > 1):  # of one label a row the first is it
            same = outputs.argmax(1) == as_evaluated.argmax(1)
            yield scoring.LARGEST_OF_BOTH, lambda: float(np.mean(same))
    if flat.shape[1] != 1:
        return
    truth = flat[:, 0]
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        yield scoring.BY_CLASS, lambda: float(np.mean(outputs.argmax(1) == truth))
        for k in largest:
            best = np.argsort(-outputs, axis=1)[:, :k]
            yield (
                scoring.AMONG_LARGEST,
                lambda best=best: float(  # type: ignore[misc]
                    np.mean(np.any(best == truth[:, None], axis=1))
                ),
            )
        return
    column = outputs.reshape(len(outputs), -1)[:, 0]
    for name, cut in ((scoring.CUT_AT_HALF, 0.5), (scoring.CUT_AT_ZERO, 0.0)):
        yield name, lambda cut=cut: float(np.mean((column > cut) == (truth > 0.5)))  # type: ignore[misc]
