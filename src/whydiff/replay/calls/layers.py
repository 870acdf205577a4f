"""The first layer that answers otherwise on equal input, and the setting that makes it do so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.call_hybrids import LayerDifference, LayerSetting
from whydiff.keras_backend import adapter
from whydiff.keras_backend.code import code_digest
from whydiff.keras_backend.naming import Names
from whydiff.replay.calls.hybrids import CallHybrids, aligned_layers
from whydiff.replay.calls.running import called, preserved, put_generators, put_noise, put_weights
from whydiff.replay.layer_calls import Call, calls_wrapped

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
        own, other = _Calls(Names(model_a)), _Calls(Names(model_b))
        for name, calls, model in (("a", own, model_a), ("b", other, model_b)):
            put_weights(model, hybrids.weights_for(name))
            put_noise(model, lives["a"].noise)
            put_generators(lives["a"].generators)
            with calls.watched():
                called(model, batches, hybrids.training("a"))
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


class _Calls:
    """The calls of the innermost layers of a model, the first of each."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.seen: list[_Seen] = []

    def watched(self) -> AbstractContextManager[None]:
        """Keep what layers are given and answer from here on."""
        done: set[str] = set()

        def watch(path: str, call: Call) -> Call:
            def call_and_keep(*args: Any, **kwargs: Any) -> Any:
                inputs = _arrays((args, kwargs))
                output = call(*args, **kwargs)
                if path not in done:
                    done.add(path)
                    self.seen.append(_Seen(path, inputs, _arrays(output), (args, kwargs)))
                return output

            return call_and_keep

        return calls_wrapped(self.names, watch)


def _arrays(structure: Any) -> list[np.ndarray]:
    to_numpy, found = adapter().to_numpy, []
    for leaf in keras.tree.flatten(structure):
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
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
        if _says(x) is None or _says(y) is None or _says(x) == _says(y):
            continue
        proven = _answers_with(layer, name, y, seen, match)
        found.append(
            LayerSetting(seen.path, type(layer).__name__, name.lstrip("_"), _says(x) or "",
                    _says(y) or "", proven)
        )  # fmt: skip
    yield from [s for s in found if s.proven] or found


def _answers_with(layer: Any, name: str, value: Any, seen: _Seen, match: _Seen) -> bool:
    before = vars(layer).get(name)
    object.__setattr__(layer, name, value)
    try:
        args, kwargs = seen.arguments
        return _equal(_arrays(layer.call(*args, **kwargs)), match.outputs)
    except Exception:
        return False
    finally:
        object.__setattr__(layer, name, before)


def _says(value: Any) -> str | None:
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
            array = np.asarray(adapter().to_numpy(value))
        except Exception:
            return None
        return np.array2string(array.ravel()[:4], precision=5) if array.size else "[]"
    return None


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | type(None))
