"""Pinning the random sources of a whole script, from within its process.

Used where a training is no recipe. Every seed that the script sets itself is mixed with ours, so
that a script with fixed seeds varies from replica to replica, and one without is repeatable:

initialization  the seeds of initializers
noise           the seeds of seed generators (dropout, augmentation layers)
data-order      the global generators of Python, NumPy and the backend, and ``default_rng()``

On torch, Dropout without a seed draws from the global generator and so counts as data-order.
Nothing is imported before the script imports it.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from whydiff.runner.child.imports import AroundImport

#: What a source that is not varied is pinned to.
FIXED = 20_26_11


def pin(seeds: Mapping[str, int]) -> None:
    """Pin every source; those not named in ``seeds`` to one value for all replicas."""
    order = seeds.get("data-order", FIXED)
    _pin_function(random, "seed", order)
    random.seed(order)
    for package, then in {
        "numpy": partial(_numpy, order),
        "tensorflow": partial(_tensorflow, order),
        "torch": partial(_torch, order),
        "keras": partial(_keras, seeds.get("initialization", FIXED), seeds.get("noise", FIXED)),
    }.items():
        if package in sys.modules:
            then()
        else:
            sys.meta_path.insert(0, AroundImport(package, then))


def mixed(given: Any, ours: int) -> int:
    """A seed below 2**31 that depends on the script's and on ours, the same on any machine."""
    return random.Random(f"{given!r} {ours}").randrange(1, 2**31)


def _pin_function(module: Any, name: str, ours: int) -> None:
    """Let a function that seeds a global generator mix its argument with ours."""
    seed = getattr(module, name)

    def pinned(given: Any = None, *args: Any, **kwargs: Any) -> Any:
        return seed(mixed(given, ours), *args, **kwargs)

    setattr(module, name, pinned)


def _numpy(ours: int) -> None:
    import numpy as np

    _pin_function(np.random, "seed", ours)
    np.random.seed(0)
    generator, drawn = np.random.default_rng, [0]

    def default_rng(seed: Any = None) -> Any:
        if seed is None:
            drawn[0] += 1
            seed = mixed(drawn[0], ours)
        return generator(seed)

    np.random.default_rng = default_rng


def _tensorflow(ours: int) -> None:
    tf = sys.modules["tensorflow"]
    _pin_function(tf.random, "set_seed", ours)
    tf.random.set_seed(0)


def _torch(ours: int) -> None:
    torch = sys.modules["torch"]
    _pin_function(torch, "manual_seed", ours)
    torch.manual_seed(0)


def _keras(initialization: int, noise: int) -> None:
    from whydiff.keras_backend.internals import random_initializers, seed_generator
    from whydiff.keras_backend.patches import Patches, install

    def pin_classes(patches: Patches) -> None:
        stream = random.Random(initialization)
        for cls in random_initializers():
            patches.replace(cls, "__init__", _pinned_init(cls, initialization, stream))
        generator = seed_generator()
        own = _pinned_init(generator, noise, random.Random(noise))
        patches.replace(generator, "__init__", own)

    install(pin_classes)


def _pinned_init(cls: Any, ours: int, stream: random.Random) -> Callable[..., None]:
    """Lets objects hold a seed of ours: the next of a stream, or the script's mixed."""
    init: Callable[..., None] = cls.__init__
    signature = inspect.signature(init)

    def pinned(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        seed = bound.arguments.get("seed")
        if seed is None:
            bound.arguments["seed"] = stream.randrange(1, 10**9)
        elif isinstance(seed, int):
            bound.arguments["seed"] = 1 + mixed(seed, ours) % 10**9
        init(*bound.args, **bound.kwargs)

    return pinned
