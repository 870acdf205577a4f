"""Facts about optimizer, objective and measurement."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from whydiff.core.recipe import NOT_RESET
from whydiff.keras_backend.code import (
    class_digest,
    code_digest,
    defines,
    generators_read,
    is_users,
    only_used_by,
)
from whydiff.keras_backend.internals import (
    has_weights,
    loss_settings,
    own_variables,
    package_of,
    penalty,
    reduction_of,
    regularizer_of,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import models_of, optimizers_of
from whydiff.keras_backend.variables import undecayed
from whydiff.recorder.describe.model import loss_reads, metric_reads
from whydiff.recorder.describe.values import (
    config,
    defaults,
    flat,
    own_settings,
    plain,
    plain_defaults,
)

#: What Keras 2 keeps in an optimizer's config besides: how it is computed, and what built it.
_NO_SETTINGS = ("name", "jit_compile", "is_legacy_optimizer")


def optimizer_facts(subject: Any) -> dict[str, Any]:
    """Class and every hyperparameter of each optimizer, further ones under their names."""
    optimizers = optimizers_of(subject)
    if not optimizers:
        return {"class": None}
    return {
        f"{name}.{key}" if name else key: value
        for name, optimizer in optimizers.items()
        for key, value in _one_optimizer(optimizer, subject).items()
    }


def applied_only(facts: Mapping[str, Any], subject: Any) -> dict[str, Any]:
    """:func:`optimizer_facts` after a training: without the optimizer given to ``compile`` where
    it took no step, because a train step of the model's own applies others."""
    optimizers = optimizers_of(subject)
    others = tuple(f"{name}." for name in optimizers if name)
    steps = getattr(optimizers.get(""), "iterations", None)
    if not others or steps is None or int(np.asarray(steps)) != 0:
        return dict(facts)
    return {key: value for key, value in facts.items() if key.startswith(others)}


def _one_optimizer(optimizer: Any, subject: Any) -> dict[str, Any]:
    """A mixed-precision loss scale belongs to precision and is looked through."""
    if hasattr(optimizer, "facts"):
        return dict(optimizer.facts())
    if type(optimizer).__name__ == "LossScaleOptimizer" and hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    settings: dict[str, Any] = {}
    flat("", {k: v for k, v in config(optimizer).items() if k not in _NO_SETTINGS}, settings)
    facts: dict[str, Any] = {"class": type(optimizer).__name__}
    facts |= {k: v for k, v in settings.items() if k and not k.endswith(".name")}
    facts["defaults"] = defaults(optimizer)
    weights = subject.trainable_variables if all(map(has_weights, models_of(subject))) else ()
    left_out = undecayed(optimizer, weights)
    if left_out:
        facts["exclude_from_weight_decay"] = left_out
    if is_users(type(optimizer)):
        facts["code:optimizer"] = class_digest(type(optimizer))
    return facts


def objective_facts(
    model: Any, names: Names, compiled: dict[str, Any], fit: dict[str, Any]
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    _loss_facts("loss", compiled.get("loss"), facts, package_of(model))
    for read in loss_reads(compiled.get("loss")):
        facts[read.key] = plain(read.value)
    facts["loss_weights"] = plain(compiled.get("loss_weights"))
    facts["class_weight"] = plain(fit.get("class_weight"))
    facts["sample_weight"] = fit.get("sample_weight") is not None
    for path, layer in names.layers.items():
        for variable in own_variables(layer):
            regularizer = regularizer_of(layer, variable)
            if regularizer is not None:
                facts[f"regularizer:{names.variable(variable)}"] = plain(penalty(regularizer))
        if getattr(layer, "activity_regularizer", None) is not None:
            facts[f"activity_regularizer:{path}"] = plain(penalty(layer.activity_regularizer))
    return facts | _own_method(model, "compute_loss")


def _own_method(model: Any, method: str) -> dict[str, Any]:
    """The code of a method that a model's class of the user's defines, and what it alone reads."""
    cls = type(model)
    if not is_users(cls) or not defines(cls, (method,)):
        return {}
    used = only_used_by(cls, method)
    read = {f"{method}.{k}": v for k, v in own_settings(model).items() if k in used}
    return {f"code:{method}": class_digest(cls, (method,)), **read}


def _loss_facts(prefix: str, loss: Any, into: dict[str, Any], keras: Any) -> None:
    """A loss by its function and settings, so that a name and its class are the same loss."""
    if isinstance(loss, (dict, list, tuple)):
        for key, part in loss.items() if isinstance(loss, dict) else enumerate(loss):
            _loss_facts(f"{prefix}.{key}", part, into, keras)
        return
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            into[prefix] = loss
            return
    function = getattr(loss, "fn", loss if inspect.isroutine(loss) else None)
    if loss is None:
        into[prefix] = None
        return
    if function is not None and not is_users(type(loss)):
        into[prefix] = getattr(function, "__name__", type(function).__name__)
        settings = _defaults(function) | loss_settings(loss)
        into[f"{prefix}.defaults"] = plain_defaults(function)
        into[f"{prefix}.reduction"] = reduction_of(loss)
        if is_users(function):
            into[f"code:{prefix}"] = code_digest(function)
    else:
        into[prefix] = type(loss).__name__
        settings = {k: v for k, v in config(loss).items() if k not in ("name", "fn", "dtype")}
        if is_users(type(loss)):
            into[f"code:{prefix}"] = class_digest(type(loss))
            known = ("name", "dtype_policy", "dtype")
            settings |= {k: v for k, v in vars(loss).items() if k[:1] != "_" and k not in known}
    for key, value in settings.items():
        flat(f"{prefix}.{key}", value, into)


def _defaults(function: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def measurement_facts(model: Any, compiled: dict[str, Any], fit: dict[str, Any]) -> dict[str, Any]:
    given = [compiled.get(key) for key in ("metrics", "weighted_metrics")]
    return {
        **{read.key: plain(read.value) for read in metric_reads(given)},
        "metrics": _metrics(compiled.get("metrics")),
        "weighted_metrics": _metrics(compiled.get("weighted_metrics")),
        "validation_freq": plain(fit.get("validation_freq", 1)),
        **_own_method(model, "compute_metrics"),
    }


def metric_state(
    model: Any,
    compiled: Mapping[str, Any],
    value_of: Callable[[Any], np.ndarray],
    callbacks: Iterable[Any] = (),
) -> dict[str, Any]:
    """What metrics hold before the first step besides zeros: state that no reset has cleared.

    ``compiled`` are the arguments of ``compile``: a model does not list the metrics given there
    before its first step where that is not traced ahead. ``value_of`` reads a variable, wherever
    its value is at the moment. Metrics that the model's own code or ``callbacks`` read from
    globals count as well: nothing of Keras sets these back.
    """
    facts: dict[str, Any] = {}
    given = [g for key in ("metrics", "weighted_metrics") for g in _objects(compiled.get(key))]
    listed = _leaves(getattr(model, "metrics", None) or ())
    read = [m for thing in (model, *callbacks) for m in _metrics_read(thing)]
    for metric in {id(m): m for m in (*listed, *given, *read)}.values():
        for variable in getattr(metric, "variables", ()):
            value = value_of(variable)
            if value.size and np.any(value != 0):
                facts[f"metric:{metric.name}.{variable.name}"] = plain(value)
        facts |= {f"metric:{metric.name}.{k}": v for k, v in own_settings(metric).items()}
    return facts


def _metrics_read(thing: Any) -> Iterator[Any]:
    """Metrics that the code of a user's model or callback reads from globals and closures, or
    that a callback holds."""
    held = getattr(thing, "__dict__", {}).values() if hasattr(thing, "on_epoch_end") else ()
    yield from (value for value in held if _is_metric(value))
    classes = (base for base in type(thing).__mro__ if is_users(base))
    members = (m for base in classes for m in vars(base).values() if inspect.isroutine(m))
    for function in (*map(inspect.unwrap, members), *(v for v in held if inspect.isfunction(v))):
        yield from (metric for _, metric in generators_read(function, _is_metric))


def _is_metric(value: Any) -> bool:
    return callable(getattr(type(value), "update_state", None))


def not_reset(at_first: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of metrics that begin a later epoch with other values than the first one.

    Both are :func:`metric_state`; nothing where every metric was set back.
    """
    kept = sorted({key.partition(":")[2].rpartition(".")[0] for key in now
                   if now[key] != at_first.get(key)})  # fmt: skip
    return {NOT_RESET: kept} if kept else {}


def _objects(metrics: Any) -> Iterator[Any]:
    """The metric objects among what ``compile`` was given."""
    if isinstance(metrics, (list, tuple, dict)):
        for part in metrics.values() if isinstance(metrics, dict) else metrics:
            yield from _objects(part)
    elif hasattr(metrics, "update_state"):
        yield metrics


def _leaves(metrics: Iterable[Any]) -> Iterator[Any]:
    for metric in metrics:
        inner = getattr(metric, "metrics", None)
        if isinstance(inner, (list, tuple)):
            yield from _leaves(inner)
        else:
            yield metric


def _metrics(metrics: Any) -> Any:
    if isinstance(metrics, dict):
        return {str(k): _metrics(v) for k, v in metrics.items()}
    if isinstance(metrics, (list, tuple)):
        return [_metrics(m) for m in metrics]
    if metrics is None or isinstance(metrics, str):
        return metrics
    if inspect.isfunction(metrics):
        return (
            f"{metrics.__name__}:{code_digest(metrics)}" if is_users(metrics) else metrics.__name__
        )
    settings = {k: v for k, v in config(metrics).items() if k not in ("fn", "dtype")}
    own = f":{class_digest(type(metrics))}" if is_users(type(metrics)) else ""
    return {"class": f"{type(metrics).__name__}{own}", **plain(settings)}
