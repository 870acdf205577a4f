"""What a hybrid is fed where a stream changes samples in their places."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from whydiff.replay.values import plan_of


def side(seed: int) -> Any:
    """A stream of 40 rows in one order of which a coin flips some, numbered as they come."""
    coin = np.random.default_rng(seed)
    drawn = [2 * np.arange(40) + coin.integers(0, 2, 40) for _ in range(2)]
    seen = list(dict.fromkeys(np.concatenate(drawn).tolist()))
    epochs = tuple(np.array([seen.index(n) for n in epoch]) for epoch in drawn)
    content = SimpleNamespace(samples=np.array([[n, n] for n in seen], np.uint64), unit="sample")
    recipe = SimpleNamespace(
        data_content=content, data_order=SimpleNamespace(epochs=epochs, relative=True)
    )
    return SimpleNamespace(recipe=recipe)


def test_samples_changed_in_their_places_come_as_they_were_numbered() -> None:
    lives = {"a": side(1), "b": side(2)}
    for name in "ab":
        plan = plan_of(lives, {"data-content": name})
        assert plan.content is plan.order is lives[name]
