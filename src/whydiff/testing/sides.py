"""Small, realistic sides of a comparison, built without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.digests import ALGORITHM, row_digests, tensor_digest
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import STEP_GROUPS, Draw, Epoch, Execution, Fit, Frame, Side

SAMPLES, BATCH, EPOCHS = 10, 4, 2


def tensor(path: str, array: Any, role: str = "trainable", trained_by: int | None = None) -> Tensor:
    """A tensor record with the digest of real numbers."""
    array = np.asarray(array)
    return Tensor(path, role, array.shape, array.dtype.name, tensor_digest(array), trained_by)


def weights(seed: int = 0, trained_by: int | None = None) -> tuple[Tensor, ...]:
    """Kernels and biases of Dense(3) and Dense(2) on 4 inputs, kernels drawn from ``seed``."""
    rng = np.random.default_rng(seed)
    out = []
    for layer, shape in (("dense", (4, 3)), ("dense_1", (3, 2))):
        kernel = rng.normal(size=shape).astype("float32")
        out.append(tensor(f"{layer}/kernel", kernel, trained_by=trained_by))
        out.append(tensor(f"{layer}/bias", np.zeros(shape[1], "float32"), trained_by=trained_by))
    return tuple(out)


def seed_states(seed: int = 5, trained_by: int | None = None) -> tuple[Tensor, ...]:
    """The seed state of one Dropout layer."""
    state = np.array([seed, 0], "uint32")
    return (tensor("dropout/seed_generator", state, "seed", trained_by),)


def adam_state(steps: int = 0, trained_by: int | None = None) -> tuple[Tensor, ...]:
    """Step count, learning rate and one slot of Adam after ``steps`` steps."""
    slot = np.full((4, 3), float(steps), "float32")
    return (
        tensor("iteration", np.int64(steps), "slot", trained_by),
        tensor("learning_rate", np.float32(0.001), "hyperparameter"),
        tensor("dense/kernel:momentum", slot, "slot", trained_by),
    )


def content(rows: Sequence[int] = range(SAMPLES), dtype: str = "float32", **more: Any) -> Content:
    """One sample per number, in that order; equal numbers are equal samples."""
    values = np.asarray(list(rows), dtype).reshape(-1, 1) * np.ones(4, dtype)
    signature = (f"x: {dtype} (4,)",)
    return Content(row_digests([values.astype(dtype)]), signature=signature, **more)


def order(*epochs: Sequence[int], relative: bool = False) -> Order:
    """An order from lists of sample indices, one per epoch."""
    return Order(tuple(np.asarray(list(e), np.int64) for e in epochs), relative)


def batches(*epochs: Sequence[int], batch_size: int | None = BATCH, **facts: Any) -> Batching:
    """Batch sizes from lists, one per epoch."""
    asked = {"batch_size": batch_size, "steps_per_epoch": None, **facts}
    return Batching(tuple(np.asarray(list(e), np.int64) for e in epochs), asked)


def shuffled(seed: int, samples: int = SAMPLES, epochs: int = EPOCHS) -> Order:
    """A new permutation every epoch."""
    rng = np.random.default_rng(seed)
    return order(*(rng.permutation(samples).tolist() for _ in range(epochs)))


def a_recipe(**fields: Any) -> Recipe:
    """Dense, Dropout, Dense trained by Adam on 10 samples for 2 epochs; ``fields`` replace."""
    layers = ("dense", "dropout", "dense_1")
    recipe = Recipe(
        initialization=weights(),
        data_order=shuffled(1),
        noise=seed_states(),
        data_content=content(),
        batch_size=batches(*([[4, 4, 2]] * EPOCHS)),
        optimizer={"class": "Adam", "learning_rate": 0.001, "beta_1": 0.9, "callbacks": []},
        objective={
            "loss": "sparse_categorical_crossentropy",
            "loss.from_logits": False,
            "loss_weights": None,
            "class_weight": None,
            "sample_weight": False,
        },
        architecture={
            "model": "Sequential",
            "inputs": ["(4,)"],
            "outputs": ["(2,)"],
            "layers": ["dense: Dense", "dropout: Dropout", "dense_1: Dense"],
            "connections": ["dense -> dropout", "dropout -> dense_1", "input_layer -> dense"],
            "layer:dense:units": 3,
            "layer:dense:activation": "relu",
            "layer:dropout:rate": 0.5,
            "layer:dense_1:units": 2,
            "layer:dense_1:activation": "softmax",
            **{f"trainable:{name}": True for name in layers},
        },
        mode={},
        state=adam_state(),
        duration={"epochs": EPOCHS, "initial_epoch": 0, "callbacks": []},
        precision={
            "floatx": "float32",
            "policy:dense": "float32",
            "policy:dense_1": "float32",
            "loss_scale": False,
        },
        measurement={"metrics": ["accuracy"], "weighted_metrics": None, "validation_freq": 1},
        backend={"backend": "jax"},
        version={"python": "3.11.7", "keras": "3.15.1", "numpy": "2.4.0", "jax": "0.10.2"},
        hardware={"cpu": "CPU", "machine": "x86_64", "cores": 2, "devices": ["cpu cpu"]},
        arithmetic={
            "jit_compile": True,
            "run_eagerly": False,
            "steps_per_execution": 1,
            "jax_default_matmul_precision": None,
        },
    )
    return replace(recipe, **fields)


def steps(counts: Sequence[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(steps, step_epochs) of a fit with that many steps in each epoch."""
    total = sum(counts)
    rng = np.random.default_rng(seed)
    digests = rng.integers(1, 2**63, size=(total, len(STEP_GROUPS)), dtype=np.uint64)
    return digests, np.repeat(np.arange(len(counts)), counts)


def a_fit(recipe: Recipe | None = None, **fields: Any) -> Fit:
    """A finished fit of that recipe, with 3 steps in each of 2 epochs; ``fields`` replace."""
    digests, epochs = steps([3] * EPOCHS)
    fit = Fit(
        index=1,
        model="Sequential 'sequential'",
        stack=(Frame("train.py", 20, "<module>", "model.fit(x, y)"),),
        recipe=recipe or a_recipe(),
        steps=digests,
        step_epochs=epochs,
        epochs=tuple(
            Epoch(e, 3, {"accuracy": 0.5 + 0.1 * e, "loss": 1.0 - 0.2 * e}, weights(100 + e))
            for e in range(EPOCHS)
        ),
        final=weights(100 + EPOCHS - 1),
        finished=True,
        seconds=0.1,
    )
    return replace(fit, **fields)


def a_side(
    fit: Mapping[str, Any] | None = None,
    execution: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Side:
    """One side; ``fields`` replace its recipe's, the mappings those of fit and execution."""
    one = a_fit(a_recipe(**fields), **(fit or {}))
    whole = Execution(
        script="train.py",
        arguments=(),
        started="2025-01-01T00:00:00+00:00",
        exit_code=0,
        environment={"digest.algorithm": ALGORITHM},
        fits=(one,),
        ledger=(),
    )
    return Side(replace(whole, **(execution or {})), one)


def changed(
    side: Side,
    fit: Mapping[str, Any] | None = None,
    execution: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Side:
    """Another side that differs from ``side`` in what is given; ``side`` stays as it is."""
    one = replace(side.fit, recipe=replace(side.recipe, **fields), **(fit or {}))
    others = tuple(one if f is side.fit else f for f in side.execution.fits)
    return Side(replace(side.execution, **({"fits": others} | dict(execution or {}))), one)


def facts(side: Side, field: str, **more: Any) -> dict[str, Any]:
    """One field's facts with some replaced; ``None`` keeps a fact, with the value None."""
    return {**getattr(side.recipe, field), **more}


def draw(layer: str, seed: int | None, number: int = 1, **more: Any) -> Draw:
    """A ledger entry; a GlorotUniform that drew from Python's random, unless told otherwise."""
    plain: dict[str, Any] = {
        "kind": "initializer",
        "owner": "GlorotUniform",
        "explicit": False,
        "stack": (Frame("/home/user/train.py", 12, "build", "keras.layers.Dense(3)"),),
        "fit": 1,
    }
    return Draw(number=number, layer=layer, seed=seed, **(plain | more))


def ledger(*draws: Draw) -> tuple[Draw, ...]:
    """Entries numbered in their order."""
    return tuple(replace(d, number=i + 1) for i, d in enumerate(draws))
