"""The first layer that answers otherwise on equal input, and the setting that makes it do so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.core.call_hybrids import PROBED, LayerCall, LayerDifference, LayerSetting
from whydiff.core.words import number, pair
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.code import code_digest
from whydiff.keras_backend.internals import is_keras_2, leaves_of, map_leaves, pack_leaves
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.patches import Call, calls_wrapped
from whydiff.replay.calls.hybrids import CallHybrids, aligned_layers
from whydiff.replay.calls.running import called, preserved, put_generators, put_noise, put_weights
from whydiff.stats.ulp import is_rounding

ToNumpy = Callable[[Any], np.ndarray]

#: Attributes of a layer that say nothing about how it computes.
_NOT_SETTINGS = frozenset({"name", "built", "trainable", "autocast", "supports_jit", "call"})


@dataclass(frozen=True, eq=False)
class _Seen:
    path: str
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]


def first_otherwise(hybrids: CallHybrids) -> LayerDifference:
    """Both models called on A's data with A's weights, layer by layer."""
    lives = hybrids.lives
    model_a, model_b = lives["a"].model, lives["b"].model
    batches = hybrids.fed()[:1]
    with preserved(model_a, model_b):
        own, other = _Calls(model_a), _Calls(model_b)
        for name, calls, model in (("a", own, model_a), ("b", other, model_b)):
            put_weights(model, hybrids.weights_for(name))
            put_noise(model, lives["a"].noise)
            put_generators(model, lives["a"].generators)
            with calls.watched():
                called(model, batches, hybrids.training)
        pairs = aligned_layers(own.names, other.names)
        partner = {id(x): y for x, y in pairs}
        theirs = {id(other.names.layers[s.path]): s for s in other.seen}
        for seen in own.seen:
            layer = own.names.layers[seen.path]
            match = theirs.get(id(partner.get(id(layer))))
            if match is None or not _equal(seen.inputs, match.inputs):
                continue
            if _equal(seen.outputs, match.outputs):
                continue
            return LayerDifference(
                seen.path,
                type(layer).__name__,
                _relative(seen.outputs, match.outputs),
                tuple(_settings(seen, layer, partner[id(layer)], match)),
            )
    return LayerDifference()


def first_mixing(hybrids: CallHybrids) -> LayerDifference:
    """A's model called on some rows and on half of them: the first layer that answers the same
    rows otherwise."""
    live = hybrids.lives["a"]
    batches = [one.fed[0][0] for one in hybrids.lives.values() if one.fed]
    whole = max(batches, key=lambda batch: len(leaves_of(batch)[0]))
    rows = len(leaves_of(whole)[0])
    half = map_leaves(lambda leaf: leaf[: rows // 2], whole)
    seen: dict[int, _Calls] = {}
    with preserved(live.model):
        put_weights(live.model, hybrids.weights_for("a"))
        for size, batch in ((rows, whole), (rows // 2, half)):
            put_noise(live.model, live.noise)
            put_generators(live.model, live.generators)
            seen[size] = _Calls(live.model)
            with seen[size].watched():
                called(live.model, [(batch,)], hybrids.training)
    alone = {one.path: one for one in seen[rows // 2].seen}
    for one in seen[rows].seen:
        match = alone.get(one.path)
        if match is None or beyond_rounding(_first(one.inputs, match.inputs), match.inputs):
            continue
        relative = beyond_rounding(_first(one.outputs, match.outputs), match.outputs)
        if relative is not None:
            kind = type(seen[rows].names.layers[one.path]).__name__
            return LayerDifference(one.path, kind, relative)
    return LayerDifference()


def _first(whole: list[np.ndarray], part: list[np.ndarray]) -> list[np.ndarray]:
    """The first rows of arrays, as many as their counterparts have."""
    return [x[: len(y)] if y.ndim else x for x, y in zip(whole, part, strict=False)]


def layers_called(hybrids: CallHybrids) -> Iterator[LayerCall]:
    """A's model called on A's data: what its layers were given and answered."""
    live = hybrids.lives["a"]
    with preserved(live.model):
        calls = _Calls(live.model)
        _call(hybrids, calls, live.model)
        for seen in calls.seen:
            layer = calls.names.layers[seen.path]
            settings = {k: v for k, v in vars(layer).items() if k[:1] != "_" and _plain(v)}
            functions = dict(_functions(layer))
            inputs, outputs = tuple(seen.inputs), tuple(seen.outputs)
            yield LayerCall(seen.path, inputs, outputs, settings, functions)


def first_beyond_rounding(hybrids: CallHybrids, theirs: Sequence[LayerCall]) -> LayerDifference:
    """This process's model called with A's weights, each layer on what A's was given.

    ``theirs`` are the layers of A's model, which is in another process. The first layer whose
    answers differ by more than rounding, with the settings and functions that differ.
    """
    live = hybrids.lives["b"]
    given = {one.layer: one for one in theirs}
    with preserved(live.model):
        calls = _Calls(live.model, given)
        _call(hybrids, calls, live.model)
        for seen in calls.seen:
            one = given.get(seen.path)
            if one is None or not _equal(seen.inputs, list(one.inputs)):
                continue
            relative = beyond_rounding(list(one.outputs), seen.outputs)
            if relative is None:
                continue
            layer = calls.names.layers[seen.path]
            settings = (*_settings_of(one, layer, seen), *_functions_of(one, layer))
            return LayerDifference(seen.path, type(layer).__name__, relative, settings)
    return LayerDifference()


def _call(hybrids: CallHybrids, calls: _Calls, model: Any) -> None:
    """The model of a side called on A's first batch from A's fields, its layers watched."""
    live = hybrids.lives["a"]
    put_weights(model, hybrids.weights_for("b" if model is not live.model else "a"))
    put_noise(model, live.noise)
    put_generators(model, live.generators)
    with calls.watched():
        called(model, hybrids.fed()[:1], hybrids.training)


def beyond_rounding(one: list[np.ndarray], other: list[np.ndarray]) -> float | None:
    """How far two answers are apart where that is more than rounding; None where it is not."""
    if [x.shape for x in one] != [y.shape for y in other]:
        return 1.0
    relative = _relative(one, other) or 0.0
    kinds = [x.dtype for x in (*one, *other) if x.dtype.kind == "f"]
    coarsest = min(kinds, key=lambda kind: kind.itemsize, default=np.dtype(np.float32))
    return None if is_rounding(relative, coarsest) else relative


def _settings_of(one: LayerCall, layer: Any, seen: _Seen) -> Iterator[LayerSetting]:
    """Settings of a layer that differ from A's; proven where with A's value it answers as A's."""
    to_numpy = adapter_of(layer).to_numpy
    for name, theirs in one.settings.items():
        own = vars(layer).get(name, theirs)
        if name in _NOT_SETTINGS or not _plain(own) or own == theirs:
            continue
        object.__setattr__(layer, name, theirs)
        try:
            args, kwargs = seen.arguments
            answer = _arrays(layer.call(*args, **kwargs), to_numpy)
            proven = beyond_rounding(list(one.outputs), answer) is None
        except Exception:
            proven = False
        finally:
            object.__setattr__(layer, name, own)
        kind = type(layer).__name__
        yield LayerSetting(seen.path, kind, name, repr(theirs), repr(own), proven)


def _functions_of(one: LayerCall, layer: Any) -> Iterator[LayerSetting]:
    """Functions of a layer that give other numbers than those of A's."""
    own = dict(_functions(layer))
    for key, (name, theirs) in one.functions.items():
        if key not in own or beyond_rounding([theirs], [own[key][1]]) is None:
            continue
        mine = own[key][1]
        place = int(np.argmax(np.abs(theirs - mine)))
        where = f"{key} {name} of {number(float(PROBED[place]))}:"
        a, b = pair(float(theirs[place]), float(mine[place]))
        yield LayerSetting(one.layer, type(layer).__name__, where, a, b, False)


def _functions(layer: Any) -> Iterator[tuple[str, tuple[str, np.ndarray]]]:
    """The functions of one argument that a layer holds, with their name and what they give."""
    adapter = adapter_of(layer)
    probed = adapter.tensor_like(PROBED, PROBED) if is_keras_2(layer) else PROBED
    for key, value in vars(layer).items():
        if not key.endswith("activation") or not callable(value):
            continue
        try:
            answer = np.asarray(adapter.to_numpy(value(probed)))
        except Exception:  # it wants something else
            continue
        if answer.shape == PROBED.shape:
            yield key.lstrip("_"), (str(getattr(value, "__name__", type(value).__name__)), answer)


class _Calls:
    """The calls of the innermost layers of a model, the first of each.

    With ``given`` a layer is called on what another model's was given, by its path.
    """

    def __init__(self, model: Any, given: Mapping[str, LayerCall] | None = None) -> None:
        self.names, self._adapter = Names(model), adapter_of(model)
        self._given = given or {}
        self.seen: list[_Seen] = []

    def watched(self) -> AbstractContextManager[None]:
        """Keep what layers are given and answer from here on."""
        done: set[str] = set()
        to_numpy = self._adapter.to_numpy

        def watch(path: str, call: Call) -> Call:
            def call_and_keep(*args: Any, **kwargs: Any) -> Any:
                args, kwargs = self._exchanged(path, args, kwargs)
                inputs = _arrays((args, kwargs), to_numpy)
                output = call(*args, **kwargs)
                if path not in done:
                    done.add(path)
                    self.seen.append(_Seen(path, inputs, _arrays(output, to_numpy), (args, kwargs)))
                return output

            return call_and_keep

        return calls_wrapped(self.names, watch)

    def _exchanged(self, path: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments with the arrays that another model's layer was given, as far as they are
        as many of equal shapes."""
        theirs = self._given.get(path)
        whole = (args, dict(kwargs))
        leaves = leaves_of(whole)
        places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]
        if theirs is None or [tuple(leaves[i].shape) for i in places] != [
            one.shape for one in theirs.inputs
        ]:
            return args, kwargs
        for i, array in zip(places, theirs.inputs, strict=True):
            leaves[i] = self._adapter.tensor_like(array, leaves[i])
        exchanged: tuple[Any, Any] = pack_leaves(whole, leaves)
        return exchanged


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _arrays(structure: Any, to_numpy: ToNumpy) -> list[np.ndarray]:
    found = []
    for leaf in leaves_of(structure):
        if _is_array(leaf):
            try:
                found.append(np.array(to_numpy(leaf)))
            except Exception:  # inside a loop that is compiled even here
                continue
    return found


def _equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(
        x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for x, y in zip(one, other, strict=True)
    )


def _relative(one: list[np.ndarray], other: list[np.ndarray]) -> float | None:
    if [x.shape for x in one] != [y.shape for y in other]:
        return None
    x, y = (np.concatenate([np.ravel(v).astype(np.float64) for v in side]) for side in (one, other))
    scale = max(float(np.linalg.norm(x)), float(np.linalg.norm(y)))
    return float(np.linalg.norm(x - y)) / scale if scale else 0.0


def _settings(seen: _Seen, layer: Any, other: Any, match: _Seen) -> Iterator[LayerSetting]:
    """Settings that differ, those first that alone give the other's answer."""
    found = []
    for name in dict.fromkeys([*vars(layer), *vars(other)]):
        if name in _NOT_SETTINGS or name.startswith("__"):
            continue
        x, y = vars(layer).get(name), vars(other).get(name)
        said = [_says(value, adapter_of(of).to_numpy) for value, of in ((x, layer), (y, other))]
        if None in said or said[0] == said[1]:
            continue
        proven = _answers_with(layer, name, y, seen, match)
        one, two = (text or "" for text in said)
        kind, shown = type(layer).__name__, name.lstrip("_")
        found.append(LayerSetting(seen.path, kind, shown, one, two, proven))
    yield from [s for s in found if s.proven] or found


def _answers_with(layer: Any, name: str, value: Any, seen: _Seen, match: _Seen) -> bool:
    before = vars(layer).get(name)
    object.__setattr__(layer, name, value)
    try:
        args, kwargs = seen.arguments
        answer = _arrays(layer.call(*args, **kwargs), adapter_of(layer).to_numpy)
        return _equal(answer, match.outputs)
    except Exception:
        return False
    finally:
        object.__setattr__(layer, name, before)


def _says(value: Any, to_numpy: ToNumpy) -> str | None:
    """A setting in words, None for what is none: variables, layers, Keras's own bookkeeping."""
    if isinstance(value, bool | int | float | str | type(None)):
        return repr(value)
    if isinstance(value, list | tuple) and all(_plain(v) for v in value):
        return repr(tuple(value))
    if callable(value) and hasattr(value, "__code__"):
        return f"{getattr(value, '__qualname__', 'function')} ({code_digest(value)[:6]})"
    if type(value).__name__.endswith("DTypePolicy"):
        return str(value.name)
    if hasattr(value, "shape") and hasattr(value, "dtype") and not hasattr(value, "assign"):
        try:
            array = np.asarray(to_numpy(value))
        except Exception:
            return None
        return np.array2string(array.ravel()[:4], precision=5) if array.size else "[]"
    return None


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | type(None))
