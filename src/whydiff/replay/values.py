"""What a hybrid starts from and is fed: which side every value comes from, and putting it there.

The smallest change there is moves one initial weight by one unit in the last place. How far a
training carries it is its amplification; only against that can the end of two trainings be said to
differ by rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.feeding import Plan, changed_in_place, one_pool
from whydiff.core.live import Live
from whydiff.core.recipe import Tensor, align
from whydiff.keras_backend.callbacks import fresh_callback, sort_callbacks
from whydiff.keras_backend.variables import Slot, Variables


def nudged(
    values: Sequence[np.ndarray], tensors: Sequence[Tensor], number: int
) -> tuple[list[np.ndarray], float]:
    """``values`` with one entry one ULP further from zero, and the size of that step.

    ``number`` picks the entry: another one for every number, the same for the same number.
    Entries of trainable float tensors that are not zero qualify, each tensor alike; 0.0 where
    there are none.
    """
    candidates = [
        i
        for i, (value, tensor) in enumerate(zip(values, tensors, strict=True))
        if tensor.role == "trainable" and _is_float(value) and _moving(value).any()
    ]
    if not candidates:
        return list(values), 0.0
    rng = np.random.default_rng([20151, number])
    chosen = candidates[int(rng.integers(len(candidates)))]
    value = np.array(values[chosen])
    flat = value.reshape(-1)
    entry = int(rng.choice(np.flatnonzero(_moving(value).reshape(-1))))
    before = float(flat[entry])
    bits = flat.view(f"u{flat.itemsize}")
    bits[entry] += bits.dtype.type(1)  # one further from zero, whatever the sign
    after = float(flat[entry])
    changed = list(values)
    changed[chosen] = value
    return changed, abs(after - before) if math.isfinite(after) else 0.0


def _is_float(value: np.ndarray) -> bool:
    return value.dtype.kind == "f" or value.dtype.name == "bfloat16"


def _moving(value: np.ndarray) -> np.ndarray:
    wide = value.astype(np.float64)
    moving: np.ndarray = np.isfinite(wide) & (wide != 0.0)
    return moving


Choice = Mapping[str, str]  # source id -> "a" | "b"; missing means "a"


def side(choice: Choice, source: str) -> str:
    return choice.get(source, "a")


def callbacks_of(lives: Mapping[str, Live], choice: Choice) -> list[Any]:
    """Copies of those that change or end a training, of whichever side has them."""
    found = []
    for source, part in (("optimizer", 1), ("duration", 0)):
        live = lives[side(choice, source)]
        found += sort_callbacks(live.callbacks, live.acting, live.ending)[part]
    return [fresh_callback(callback) for callback in found]


def plan_of(lives: Mapping[str, Live], choice: Choice) -> Plan:
    """What a hybrid is fed: the order of one side, the samples of another, cut as a third did."""
    recipes = lives["a"].recipe, lives["b"].recipe
    # Samples numbered as they came: those changed in their places have other numbers in one order.
    order = side(choice, "data-content" if changed_in_place(*recipes) else "data-order")
    # Streams that show parts of one pool: a part comes in its order, and in no other.
    parts = one_pool(*recipes)
    return Plan(
        content=lives[order if parts else side(choice, "data-content")],
        order=lives[order],
        cut=lives[side(choice, "batch-size")],
        objective=lives[side(choice, "objective")],
        spare=lives["b" if order == "a" else "a"],
    )


def starting_values(
    base: Live, lives: Mapping[str, Live], choice: Choice, group: str
) -> list[np.ndarray]:
    """Values of ``group`` (weights or noise) for the variables of ``base``.

    A value that an earlier fit trained on either side is ``state``'s to choose; one that has no
    counterpart on the chosen side stays with the model it belongs to.
    """
    source = {"weights": "initialization", "noise": "noise"}[group]
    values = list(_group(base, group)[1])
    tensors = _group(base, group)[0]
    for name in ("a", "b"):
        other = lives[name]
        if other is base:
            continue
        theirs, their_values = _group(other, group)
        for i, j in align(tensors, theirs):
            pair = (tensors[i], theirs[j])
            carried = any(t.trained_by is not None or t.role == "hidden" for t in pair)
            if side(choice, "state" if carried else source) == name:
                values[i] = their_values[j]
    return values


def _group(live: Live, group: str) -> tuple[Sequence[Tensor], Sequence[np.ndarray]]:
    if group == "weights":
        return live.recipe.initialization, live.material.weights
    if group == "noise":  # the backend's global generator is no variable and goes its own way
        return live.recipe.noise[: len(live.material.noise)], live.material.noise
    return live.recipe.state, live.material.state


def optimizer_values(
    slots: Sequence[Slot],
    fresh: Sequence[np.ndarray],
    lives: Mapping[str, Live],
    choice: Choice,
) -> list[np.ndarray]:
    """Values of the optimizer's variables: hyperparameters from the optimizer's side, the rest
    from the state's side where it has a counterpart, else as freshly built."""
    setting = _by_path(lives[side(choice, "optimizer")])
    carried = _by_path(lives[side(choice, "state")])
    values = []
    for slot, value in zip(slots, fresh, strict=True):
        known = (setting if slot.role == "hyperparameter" else carried).get(slot.path)
        values.append(known if known is not None and known.shape == value.shape else value)
    return values


def _by_path(live: Live) -> dict[str, np.ndarray]:
    pairs = zip(live.recipe.state, live.material.state, strict=True)
    return {tensor.path: value for tensor, value in pairs}


def assign(variables: Variables, values: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write ``values`` (groups weights, noise, state) into the live variables.

    Copies go in: JAX may take over an array's memory, and an older one gives it to the next step.
    """
    for group, slots in variables.groups().items():
        for slot, value in zip(slots, values[group], strict=True):
            slot.variable.assign(np.array(value))
