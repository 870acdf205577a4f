"""Which names of metrics mean one quantity of one output, as calls were compiled."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from whydiff.core.calls import MeasuringCall
from whydiff.diagnosis.calls.quantities import quantity
from whydiff.diagnosis.calls.results import Call


def quantities_of(call: Call, names: Mapping[str, str]) -> dict[str, str]:
    """What metrics measure: the loss by the function that it was compiled with, a metric that the
    script has given a name of its own (``Precision(name="prec")``) by its class."""
    compiled = call.recipe.measurement
    classes = dict(classes_of([compiled.get("metrics"), compiled.get("weighted_metrics")]))
    found = {
        name: bare if quantity(bare) else classes.get(bare, bare) for name, bare in names.items()
    }
    if names.get("loss") == "loss":
        found["loss"] = str(call.recipe.objective.get("loss") or "loss")
    return found


def threshold_of(call: Call, metric: str) -> float:
    """Where a compiled metric of that name cuts outputs, 0.5 where it was given no threshold."""
    compiled = call.recipe.measurement
    given = [compiled.get("metrics"), compiled.get("weighted_metrics")]
    named = (one for one in _settings(given) if metric.endswith(str(one.get("name"))))
    for settings, key in itertools.product(named, ("threshold", "thresholds")):
        value = settings.get(key)
        value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        if isinstance(value, int | float):
            return float(value)
    return 0.5


def _settings(compiled: Any) -> Iterator[Mapping[str, Any]]:
    """The settings of every metric in what a model was compiled with, output by output."""
    if isinstance(compiled, Mapping) and isinstance(compiled.get("class"), str):
        yield compiled
    elif isinstance(compiled, Mapping | list | tuple):
        for part in compiled.values() if isinstance(compiled, Mapping) else compiled:
            yield from _settings(part)


def classes_of(compiled: Any) -> Iterator[tuple[str, str]]:
    """(name, class) of every metric in what a model was compiled with."""
    for settings in _settings(compiled):
        below = "PR" if settings.get("curve") == "PR" else ""  # an area of another curve
        yield str(settings.get("name")), below + str(settings["class"])


def without_outputs(names: Iterable[str]) -> dict[str, str]:
    """The metrics of all outputs, each with what it is called without its output's name."""
    names = list(names)
    outputs = with_losses(names)
    return {
        name: next((name.removeprefix(f"{o}_") for o in outputs if name.startswith(f"{o}_")), name)
        for name in names
    }


def names_of_outputs(call: Call) -> tuple[str, ...]:
    """The outputs of a call's model in their order, () where that is not known, or there is one."""
    known = call.notes.get("outputs") if isinstance(call, MeasuringCall) else None
    return tuple(map(str, known)) if isinstance(known, list) else ()


def with_losses(metrics: Iterable[str]) -> tuple[str, ...]:
    """The outputs of a model of several, as its losses are called after them, in any order."""
    return tuple(n.removesuffix("_loss") for n in metrics if n.endswith("_loss"))


def of_output(call: Call, names: Iterable[str], output: str) -> dict[str, str]:
    """The metrics of one output of a model, each with what it is called without the output's name;
    none where it is not known which output that is.

    ``output`` is the output's key or position, "" where the model has but one.
    """
    names = list(names)
    outputs = names_of_outputs(call)
    if output.isdigit() and not outputs and len(with_losses(names)) > 1:
        return {}
    name = outputs[int(output)] if output.isdigit() and int(output) < len(outputs) else output
    if not any(n.startswith(f"{name}_") for n in names):
        return {n: n for n in names}
    return {n: n.removeprefix(f"{name}_") for n in names if n.startswith(f"{name}_")}


#: Losses that read logits where they are so set, with the metric that does so, too.
_OF_LOGITS = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


def loss_as_metric(call: Call) -> str:
    """The compiled loss as a script writes it among its metrics, without what it adds up besides;
    "" where a model has several losses, or one that is a class of the script's own."""
    facts = call.recipe.objective
    loss = facts.get("loss")
    if not isinstance(loss, str) or not loss.isidentifier():
        return ""
    if facts.get("loss.from_logits") and loss in _OF_LOGITS:
        return f"keras.metrics.{_OF_LOGITS[loss]}(from_logits=True)"
    return loss if "code:loss" in facts else repr(loss)
