"""Running a script with other random numbers than it asks for: a replica of its training.

Redraws what Keras draws: the seeds of initializers and of seed generators (dropout, augmentation
layers), written or drawn, and the order in which ``fit`` shuffles arrays. What the script draws
itself - data it makes, splits, a pipeline shuffled with a seed of its own - stays.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
import sys
from collections.abc import Iterator
from typing import Any

_LIMIT = 2**31 - 1


def mixed(seed: int, number: int) -> int:
    """A seed for replica ``number`` in place of ``seed``: below 2**31, far from its neighbours."""
    text = f"whydiff {number}: {seed}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) % _LIMIT


def reseed(number: int) -> None:
    """Wrap Keras so that everything it draws from now on is that of replica ``number``.

    Called once per process, after Keras was imported and watched.
    """
    import keras
    from keras.src.initializers.random_initializers import RandomInitializer
    from keras.src.random.seed_generator import SeedGenerator, make_default_seed

    random.seed(number)  # a script without any seed: its replica can be run again

    initialize = RandomInitializer.__init__

    @functools.wraps(initialize)
    def other_initializer(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
        initialize(self, seed, *args, **kwargs)
        if isinstance(self.seed, int):
            self.seed = mixed(self.seed, number)

    RandomInitializer.__init__ = other_initializer  # type: ignore[method-assign]

    generate = SeedGenerator.__init__

    @functools.wraps(generate)
    def other_generator(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
        drawn = make_default_seed() if seed is None else seed
        generate(self, mixed(drawn, number) if isinstance(drawn, int) else drawn, *args, **kwargs)

    SeedGenerator.__init__ = other_generator  # type: ignore[method-assign]

    trainer = next(base for base in keras.Model.__mro__ if "fit" in vars(base))
    fit = trainer.fit  # type: ignore[attr-defined]
    count = iter(range(10**9))

    @functools.wraps(fit)
    def fit_in_another_order(*args: Any, **kwargs: Any) -> Any:
        with _other_order(mixed(next(count), number)):
            return fit(*args, **kwargs)

    trainer.fit = fit_in_another_order  # type: ignore[attr-defined]


@contextlib.contextmanager
def _other_order(seed: int) -> Iterator[None]:
    """The global generators that ``fit`` shuffles with, set anew; NumPy's goes back afterwards."""
    import numpy as np

    before = np.random.get_state()
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
