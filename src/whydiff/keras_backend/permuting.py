"""The permutations that shuffling draws after a seed, without touching global generators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


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
