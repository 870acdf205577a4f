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
from collections.abc import Callable, Iterator
from typing import Any

from whydiff.keras_backend.internals import drawn_seed, random_initializers, seed_generator
from whydiff.keras_backend.patches import Patches, install, owner_of

_LIMIT = 2**31 - 1


def mixed(seed: int, number: int) -> int:
    """A seed for replica ``number`` in place of ``seed``: below 2**31, far from its neighbours."""
    text = f"whydiff {number}: {seed}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") % _LIMIT


def reseed(number: int) -> Patches:
    """Wrap Keras so that everything it draws from now on is that of replica ``number``.

    Called once per process, after Keras was imported and watched.
    """
    random.seed(number)  # a script without any seed: its replica can be run again
    steps = (_other_initializers, _other_generators, _other_orders)
    return install(*(functools.partial(step, number) for step in steps))


def _other_initializers(number: int, patches: Patches) -> None:
    for cls in random_initializers():
        patches.replace(cls, "__init__", _other_initializer(cls, number))


def _other_initializer(cls: Any, number: int) -> Callable[..., None]:
    initialize = cls.__init__

    @functools.wraps(initialize)
    def other_initializer(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        if isinstance(self.seed, int):
            self.seed = mixed(self.seed, number)

    return other_initializer


def _other_generators(number: int, patches: Patches) -> None:
    cls: Any = seed_generator()
    generate = cls.__init__

    @functools.wraps(generate)
    def other_generator(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
        drawn = drawn_seed() if seed is None else seed
        generate(self, mixed(drawn, number) if isinstance(drawn, int) else drawn, *args, **kwargs)

    patches.replace(cls, "__init__", other_generator)


def _other_orders(number: int, patches: Patches) -> None:
    import keras

    trainer = owner_of(keras.Model, "fit")
    fit = trainer.fit
    count = iter(range(10**9))

    @functools.wraps(fit)
    def fit_in_another_order(*args: Any, **kwargs: Any) -> Any:
        with _other_order(mixed(next(count), number)):
            return fit(*args, **kwargs)

    patches.replace(trainer, "fit", fit_in_another_order)


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
