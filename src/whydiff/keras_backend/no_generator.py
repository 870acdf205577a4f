"""What a backend answers that has no global generator whose state could be read.

JAX has none: its keys travel through seed generators. TensorFlow's lies in the kernels of its
stateful operations. Nor do its variables hold gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def random_state() -> np.ndarray | None:
    return None


def set_random_state(state: np.ndarray) -> None:
    del state


def draws_between(before: np.ndarray, after: np.ndarray) -> int | None:
    del before, after
    return None


def draw(count: int) -> None:
    del count


def seeded_state(seed: int) -> np.ndarray | None:
    del seed
    return None


def permutations(seed: int, peeks: int) -> Callable[[int], np.ndarray]:
    """As NumPy draws them after its seed: Keras shuffles with NumPy on JAX. What tf.data draws
    depends on more than the seed."""
    return by_numpy(seed, peeks)


def forget_gradients(model: Any) -> None:
    """Variables hold no gradients here."""
    del model


def by_numpy(seed: int, peeks: int) -> Callable[[int], np.ndarray]:
    """Those of Keras's arrays after ``numpy.random.seed(seed)``, one per pass over the data.

    Building a model looks at a first batch; ``peeks`` permutations are used up by that.
    """
    generator = np.random.RandomState(seed)
    left = [peeks]

    def permute(count: int) -> np.ndarray:
        while left[0]:
            generator.permutation(count)
            left[0] -= 1
        return generator.permutation(count)

    return permute
