"""One recipe from a built model: every field that is known once the first step is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whydiff.core.recipe import Recipe, Tensor
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.callbacks import sort_callbacks
from whydiff.keras_backend.internals import package_of, steps_at_once
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import models_of
from whydiff.recorder.describe.callbacks import duration_facts, shown
from whydiff.recorder.describe.model import architecture_facts, mode_facts, precision_facts
from whydiff.recorder.describe.steps import step_facts, step_losses
from whydiff.recorder.describe.training import measurement_facts, objective_facts
from whydiff.recorder.environment import distribution, hardware, versions
from whydiff.recorder.feed import Feed


def describe(
    model: Any,
    names: Names,
    tensors: Mapping[str, tuple[Tensor, ...]],
    feed: Feed,
    optimizer: Mapping[str, Any],
    compiled: Mapping[str, Any],
    fit: Mapping[str, Any],
    callbacks: list[Any],
    acting: frozenset[int],
    ending: frozenset[int],
) -> Recipe:
    """``tensors`` holds the groups weights, noise and state before the first step.

    ``optimizer`` holds the optimizer's facts as they were when ``fit`` was called.
    """
    keras = package_of(next(iter(models_of(model))))
    name, backend = keras.backend.backend(), adapter_of(model)
    stopping, steering = sort_callbacks(callbacks, acting, ending)
    return Recipe(
        initialization=tensors["weights"],
        data_order=feed.order_field(),
        noise=tensors["noise"],
        data_content=feed.content_field(),
        batch_size=feed.batching_field(fit.get("steps_per_epoch")),
        optimizer={**optimizer, "callbacks": [shown(c) for c in steering]},
        objective=objective_facts(model, names, dict(compiled), dict(fit))
        | step_losses(fit.get("step")),
        architecture=_merged([architecture_facts(one, names) for one in models_of(model)]),
        mode=_merged([mode_facts(one, names) for one in models_of(model)])
        | step_facts(fit.get("step")),
        state=tensors["state"],
        duration=duration_facts(dict(fit), stopping, keras),
        precision=precision_facts(model, names),
        measurement=measurement_facts(dict(compiled), dict(fit))
        | {"validation": feed.validation_digest},
        backend={"backend": name},
        version={**versions(name), "keras": str(keras.__version__)},
        hardware={**hardware(backend), **distribution(models_of(model)[0])},
        arithmetic=dict(backend.arithmetic())
        | {
            "jit_compile": bool(model.jit_compile),
            "run_eagerly": bool(model.run_eagerly),
            "steps_per_execution": steps_at_once(model),
        },
    )


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Facts of several models as those of one."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key not in whole or whole[key] == value:
                whole[key] = value
            elif isinstance(value, dict):
                whole[key] = {**whole[key], **value}
            elif isinstance(value, list):
                whole[key] = whole[key] + value
            else:
                whole[key] = f"{whole[key]} and {value}"
    return whole
