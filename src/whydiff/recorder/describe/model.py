"""Facts about a model: architecture, baked-in training mode, precision."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from json import dumps
from typing import Any

import numpy as np

from whydiff.core.interrupting import pass_on
from whydiff.keras_backend.code import (
    LOSS,
    Outside,
    accumulates_gradients,
    class_digest,
    defines,
    is_users,
    methods_used,
    only_used_by,
    read_outside,
    read_settings,
    stored_by,
)
from whydiff.keras_backend.internals import (
    graph_nodes,
    is_layer,
    is_variable,
    package_of,
    setting,
    wrapped_function,
)
from whydiff.keras_backend.naming import Names
from whydiff.recorder.describe.values import (
    PLAIN,
    config,
    defaults,
    flat,
    own_attributes,
    own_settings,
    plain,
)

#: Settings of a layer that belong to another source, or that say nothing about its function.
_ELSEWHERE = re.compile(
    r"(^|[.:])(name|dtype|trainable|seed|build_config|batch_shape|batch_input_shape|layers|"
    r"input_layers|output_layers|registered_name|module|\w*_initializer|\w*_regularizer)([.:]|$)"
)

#: layers that get a mask and do not pass it on
MASKS_END = "masks end at"
#: methods of a layer of the user's that make up what it computes
_COMPUTES = ("call", "build", "__init__")
#: methods that run in a step
_STEPS = ("call", "train_step")


def architecture_facts(model: Any, names: Names) -> dict[str, Any]:
    """Layers with their settings, connections, shapes, trainable flags, the user's own code."""
    facts: dict[str, Any] = {
        "model": _kind(model),
        "inputs": _shapes(model, "inputs"),
        "outputs": _shapes(model, "outputs"),
        "layers": [f"{path}: {_kind(layer)}" for path, layer in names.layers.items() if path],
        "connections": sorted(edge for edge, _, _ in _calls(model, names)),
    }
    ends = masks_end_at(model, names)
    if ends:
        facts[MASKS_END] = ends
    kinds = {_kind(layer): layer for path, layer in names.layers.items() if path}
    facts["defaults"] = {
        kind: {k: v for k, v in defaults(layer).items() if not _ELSEWHERE.search(k)}
        for kind, layer in kinds.items()
    }
    for path, layer in names.layers.items():
        edges = sorted(edge for edge, _, _ in _calls(layer, names)) if path else []
        if edges:
            facts[f"connections:{path}"] = edges
        for key, value in _settings(layer, path):
            facts[f"layer:{path or 'model'}:{key}"] = value
        for read in outside(layer):
            facts[replace(read, owner=path).key] = plain(read.value)
        if path:
            facts[f"trainable:{path}"] = bool(layer.trainable)
        if is_users(type(layer)) and defines(type(layer), _COMPUTES):
            facts[f"code:{path or 'model'}"] = class_digest(type(layer), _COMPUTES, values=False)
    return facts


def outside(layer: Any) -> list[Outside]:
    """What the code of a Lambda or of a layer of the user's reads from globals and closures, and
    from objects with settings that the layer holds."""
    if type(layer).__name__ == "Lambda":
        return list(read_outside(layer.function))
    found = [r for function in _own_functions(layer) for r in read_outside(function)]
    for key, value in own_attributes(layer):
        if not isinstance(value, dict):  # a dict is among the layer's own settings
            for function in _own_functions(layer):
                found += read_settings(f"self.{key}", value, function.__code__)
    return list({read.name: read for read in found}.values())


def loss_reads(loss: Any) -> list[Outside]:
    """What losses of the user's read from globals and closures."""
    found = [read for part in _parts(loss) for read in _read_by(part, ("call", "__call__"))]
    return list({read.name: replace(read, owner=LOSS) for read in found}.values())


def metric_reads(metrics: Any) -> list[Outside]:
    """What metrics of the user's read from globals and closures."""
    found = []
    for part in _parts(metrics):
        name = getattr(wrapped_function(part), "__name__", type(part).__name__)
        reads = {read.name: read for read in _read_by(part, ("update_state", "result"))}
        found += [replace(read, owner=f"the metric {name}") for read in reads.values()]
    return found


def _parts(compiled: Any) -> Iterator[Any]:
    """The losses or metrics among what ``compile`` was given."""
    if isinstance(compiled, (dict, list, tuple)):
        for part in compiled.values() if isinstance(compiled, dict) else compiled:
            yield from _parts(part)
    else:
        yield compiled


def _read_by(thing: Any, methods: tuple[str, ...]) -> Iterator[Outside]:
    """What a function of the user's, or these methods of an object of the user's, read."""
    function = wrapped_function(thing)
    functions: list[Any] = [function] if inspect.isroutine(function) and is_users(function) else []
    if not functions and is_users(type(thing)):
        used = methods_used(type(thing), methods)
        functions = [inspect.unwrap(getattr(type(thing), name, None) or len) for name in used]
    for function in functions:
        yield from read_outside(function)


def stored(layer: Any) -> frozenset[str]:
    """Attributes that a layer or model of the user's sets while it computes a step: its state."""
    return stored_by(type(layer), _STEPS) if is_users(type(layer)) else frozenset()


def held(layer: Any) -> list[Outside]:
    """The plain attributes of a layer of the user's: code may set them anew between two fits.

    Of those that its class holds for all layers, only what a step itself sets; what a step sets may
    be an array or a tensor as well, such as a mean of the layer's own over all batches.
    """
    kept = stored(layer)
    found = []
    for key, value in own_attributes(layer, private=kept):
        own = key in vars(layer)
        known = isinstance(value, PLAIN) or (key in kept and is_array(value))
        if known and (own or key in kept):
            holder = layer if own else next(c for c in type(layer).__mro__ if key in vars(c))
            write = object.__setattr__ if own else type.__setattr__
            get, put = (functools.partial(f, holder, key) for f in (getattr, write))
            found.append(Outside(f"self.{key}", value, get, put, stored=key in kept, holder=holder))
    return found


def constants(layer: Any) -> list[Outside]:
    """Tensors that a layer computes with and that are no variables of it, such as the mean that
    Normalization derives from its weights. What its call itself stores is none."""
    written = stored(layer)
    return [
        Outside(
            key,
            value,
            functools.partial(getattr, layer, key),
            functools.partial(object.__setattr__, layer, key),
            constant=True,
        )
        for key, value in list(vars(layer).items())
        if not key.startswith("_") and key not in written and _is_constant(value)
    ]


def is_array(value: Any) -> bool:
    """Whether a value is an array or a tensor that holds numbers, and no variable."""
    return isinstance(value, np.ndarray) or _is_constant(value)


def _is_constant(value: Any) -> bool:
    import keras

    no_tensor = is_variable(value) or isinstance(value, np.ndarray) or hasattr(value, "assign")
    if no_tensor or type(value).__name__ == "Parameter":
        return False
    try:
        return bool(keras.ops.is_tensor(value)) and keras.ops.convert_to_numpy(value) is not None
    except Exception as error:  # a symbolic tensor, a tracer that leaked
        pass_on(error)
        return False


def _own_functions(layer: Any) -> list[types.FunctionType]:
    """The methods of the user's with which a layer computes."""
    if not is_users(type(layer)):
        return []
    methods = methods_used(type(layer), _COMPUTES)
    members = [inspect.unwrap(getattr(type(layer), name, None) or len) for name in methods]
    return [m for m in members if isinstance(m, types.FunctionType)]


def _kind(layer: Any) -> str:
    name = type(layer).__name__
    return "Functional" if name == "Model" else name


def _shapes(model: Any, which: str) -> list[str]:
    try:
        tensors = getattr(model, which)
    except Exception as error:  # a subclassed model has no symbolic inputs
        pass_on(error)
        return []
    tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
    return [str(tuple(t.shape[1:])) for t in tensors if hasattr(t, "shape")]


def _settings(layer: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What a layer is set to: its config, and for a class of the user's its plain attributes."""
    flat_settings: dict[str, Any] = {}
    if path and not getattr(layer, "layers", None):
        for key, value in config(layer).items():
            if not _ELSEWHERE.search(key):
                flat(key, setting(layer, key, value), flat_settings)
    elsewhere = (only_used_by(type(layer), name) for name in ("compute_loss", "compute_metrics"))
    no_settings = stored(layer).union(*elsewhere)
    flat_settings |= own_settings(layer, without=no_settings)
    for key, value in flat_settings.items():
        if not _ELSEWHERE.search(key):
            yield key, value


def _calls(model: Any, names: Names) -> Iterator[tuple[str, str, Any]]:
    """(edge, operation, training argument) of each call in a functional model."""
    loose: dict[int, str] = {}  # operations that are no layers (keras.ops), numbered as they come
    kinds: Counter[str] = Counter()

    def name(operation: Any) -> str:
        if id(operation) in loose:
            return loose[id(operation)]
        if is_layer(operation):
            return names.layer(operation)
        kind = type(operation).__name__
        loose[id(operation)] = f"{kind}_{kinds[kind]}" if kinds[kind] else kind
        kinds[kind] += 1
        return loose[id(operation)]

    # A layer shared with other models is called in them, too: only this model's nodes count.
    for node in graph_nodes(model):
        if not node.sources:
            continue
        sources = [name(source) for source in node.sources]
        keywords = {
            k: v for k, v in node.keywords.items() if isinstance(v, PLAIN) and v is not None
        }
        training = keywords.pop("training", None)
        edge = f"{', '.join(sources)} -> {name(node.operation)}"
        edge += f" {dumps(keywords)}" if keywords else ""
        yield edge, name(node.operation), training


def mode_facts(model: Any, names: Names) -> dict[str, Any]:
    """``training=`` baked into calls, and a train step of the user's own."""
    facts: dict[str, Any] = {
        f"training:{operation}": training
        for _, operation, training in _calls(model, names)
        if training is not None
    }
    cls = type(model)
    if is_users(cls) and any("train_step" in vars(base) for base in cls.__mro__ if is_users(base)):
        elsewhere = ("call", "build", "__init__", "compute_loss")
        used = methods_used(cls, ("train_step",))
        facts["code:train_step"] = class_digest(
            cls, tuple(name for name in used if name not in elsewhere)
        )
        if accumulates_gradients(cls, used):
            facts["train_step:gradients"] = "added up, never set to zero"
    return facts


def precision_facts(model: Any, names: Names) -> dict[str, Any]:
    """Dtype policies of the layers that compute with weights, and loss scaling."""
    facts: dict[str, Any] = {"floatx": package_of(model).backend.floatx()}
    for path, layer in names.layers.items():
        policy = getattr(layer, "dtype_policy", None)
        if policy is not None and layer.weights:
            facts[f"policy:{path or 'model'}"] = policy.name
    facts["loss_scale"] = type(getattr(model, "optimizer", None)).__name__ == "LossScaleOptimizer"
    return facts


# --- where the mask of a model ends although layers behind would use it -----------------------


def masks_end_at(model: Any, names: Names) -> list[str]:
    """Layers that get a mask and do not pass it on, with a layer behind them that takes one.

    Only for models whose graph is known: sequential and functional ones.
    """
    nodes = [node for node in graph_nodes(model) if is_layer(node.operation)]
    masked: set[int] = set()
    ends: list[tuple[int, str]] = []
    for number, node in enumerate(nodes):
        layer = node.operation
        incoming = any(id(t) in masked for t in node.inputs)
        makes = type(layer).__name__ == "Masking" or bool(getattr(layer, "mask_zero", False))
        if makes or (incoming and layer.supports_masking):
            masked |= {id(t) for t in node.outputs if _has_steps(t)}
        elif incoming:
            ends.append((number, names.layer(layer)))
    last = max((i for i, node in enumerate(nodes) if _takes_mask(node.operation)), default=-1)
    return [name for number, name in ends if number < last]


def _has_steps(tensor: Any) -> bool:
    """Whether a tensor still has an axis of steps: a mask says which of them count."""
    return len(tensor.shape) > 1 and not (len(tensor.shape) == 2 and tensor.shape[1] is not None)


def _takes_mask(layer: Any) -> bool:
    try:
        return "mask" in inspect.signature(layer.call).parameters
    except (TypeError, ValueError):
        return False
