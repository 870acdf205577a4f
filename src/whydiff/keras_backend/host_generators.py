"""The global generators of NumPy and of Python, from which a layer's own code may draw.

A state is one array of 32-bit words, so that it can be digested, kept and put back.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np

NUMPY, PYTHON = "NumPy's global generator", "Python's random"


def host_state(name: str) -> np.ndarray | None:
    """The state of that generator now; None where it is none of the kind that it is by default."""
    if name == NUMPY:
        state = np.random.get_state(legacy=True)
        if not isinstance(state, tuple) or state[0] != "MT19937":
            return None
        _, words, position, spare, value = state
        return _packed(np.asarray(words), int(position), bool(spare), float(value))
    version, numbers, value = random.getstate()
    if version != 3:
        return None
    words = np.array(numbers[:-1], np.uint32)
    return _packed(words, numbers[-1], value is not None, value or 0.0)


def put_host_state(name: str, state: np.ndarray) -> None:
    """Bring that generator into a state that :func:`host_state` gave."""
    words, position, spare = state[:-4], int(state[-4]), bool(state[-3])
    value = float(np.array(state[-2:]).view(np.float64)[0])
    if name == NUMPY:
        np.random.set_state(("MT19937", words, position, int(spare), value))
    else:
        random.setstate((3, (*map(int, words), position), value if spare else None))


@contextlib.contextmanager
def host_kept(seed: int | None = None) -> Iterator[None]:
    """Whatever draws inside leaves both generators as they were; from ``seed`` on, if given."""
    before = {name: host_state(name) for name in (NUMPY, PYTHON)}
    try:
        if seed is not None:
            np.random.seed(seed)
            random.seed(seed)
        yield
    finally:
        for name, state in before.items():
            if state is not None:
                put_host_state(name, state)


def _packed(words: np.ndarray, position: int, spare: bool, value: float) -> np.ndarray:
    """Generator words, position, and the second of two normal draws where one is held back."""
    tail = np.array([position, int(spare)], np.uint32)
    held = np.array([value], np.float64).view(np.uint32)
    return np.concatenate([words.astype(np.uint32), tail, held])
