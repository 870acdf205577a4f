"""Generators outside Keras and the backend from which a step's own code may draw: the global ones
of NumPy and of Python, and those that the script made for itself.

A state is one array of whole numbers, so that it can be digested, kept and put back.
"""

from __future__ import annotations

import contextlib
import inspect
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from json import dumps, loads
from types import MappingProxyType
from typing import Any

import numpy as np

from whydiff.core.interrupting import quietly
from whydiff.keras_backend.code import calls_of_modules, generators_read, is_users, methods_used
from whydiff.keras_backend.subject import layers_of

NUMPY, PYTHON = "NumPy's global generator", "Python's random"

#: To how many characters the text of a state is filled up: numbers have more or fewer digits, and
#: only states of one shape are compared.
_WIDTH = 8192

#: Generators of the script's own by name, as ``own_draws.generators_held`` finds them.
Held = Mapping[str, Any]
NONE_HELD: Held = MappingProxyType({})


def is_generator(value: Any) -> bool:
    """Whether a value is a generator of NumPy, Python or torch."""
    own = (np.random.Generator, np.random.RandomState, random.Random)
    stateless = isinstance(value, random.SystemRandom)  # draws from the operating system
    return (isinstance(value, own) and not stateless) or _of_torch(value)


def host_state(name: str, held: Held = NONE_HELD) -> np.ndarray | None:
    """The state of that generator now; None where it is none of the kind that it is by default."""
    if name == NUMPY:
        return _of_mt19937(np.random.get_state(legacy=True))
    if name == PYTHON:
        return _of_python(random.getstate())
    return _own_state(held[name])


def put_host_state(name: str, state: np.ndarray, held: Held = NONE_HELD) -> None:
    """Bring that generator, if it is there, into a state that :func:`host_state` gave."""
    if name in (NUMPY, PYTHON):
        words, position, spare = state[:-4], int(state[-4]), bool(state[-3])
        value = float(np.array(state[-2:]).view(np.float64)[0])
        if name == NUMPY:
            np.random.set_state(("MT19937", words, position, int(spare), value))
        else:
            random.setstate((3, (*map(int, words), position), value if spare else None))
    elif name in held:
        _put_own(held[name], state)


@contextlib.contextmanager
def host_kept(seed: int | None = None, held: Held = NONE_HELD) -> Iterator[None]:
    """Whatever draws inside leaves all generators as they were; from ``seed`` on, if given."""
    before = {name: host_state(name, held) for name in (NUMPY, PYTHON, *held)}
    try:
        if seed is not None:
            np.random.seed(seed)
            random.seed(seed)
            for generator in held.values():
                _seed_own(generator, seed)
        yield
    finally:
        for name, state in before.items():
            if state is not None:
                put_host_state(name, state, held)


def _own_state(generator: Any) -> np.ndarray | None:
    if _of_torch(generator):
        return np.array(generator.get_state().numpy())
    if isinstance(generator, random.Random):
        state: Any = generator.getstate()
    elif isinstance(generator, np.random.Generator):
        state = generator.bit_generator.state
    else:
        state = generator.get_state(legacy=False)
    try:
        text = dumps(state, default=lambda part: part.tolist())
    except (TypeError, AttributeError, ValueError):  # a bit generator of the script's own
        return None
    return np.frombuffer(text.ljust(_WIDTH).encode(), np.uint8)


def _put_own(generator: Any, state: np.ndarray) -> None:
    if _of_torch(generator):
        import torch

        generator.set_state(torch.from_numpy(np.array(state, np.uint8)))
        return
    value = loads(np.asarray(state, np.uint8).tobytes())
    if isinstance(generator, random.Random):
        version, words, spare = value
        generator.setstate((version, tuple(words), spare))
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = _arrays(value)
    else:
        generator.set_state(_arrays(value))


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _arrays(part) for key, part in value.items()}
    return np.array(value, np.uint64) if isinstance(value, list) else value


def _seed_own(generator: Any, seed: int) -> None:
    if isinstance(generator, np.random.Generator):
        kind = type(generator.bit_generator)
        with quietly():  # a bit generator of the script's own
            generator.bit_generator.state = kind(seed).state
    elif _of_torch(generator):
        generator.manual_seed(seed)
    else:
        generator.seed(seed)


def _of_torch(value: Any) -> bool:
    kind = type(value)
    return kind.__name__ == "Generator" and kind.__module__.partition(".")[0] == "torch"


def _of_mt19937(state: Any) -> np.ndarray | None:
    if not isinstance(state, tuple) or state[0] != "MT19937":
        return None
    _, words, position, spare, value = state
    return _packed(np.asarray(words), int(position), bool(spare), float(value))


def _of_python(state: Any) -> np.ndarray | None:
    version, numbers, value = state
    if version != 3:
        return None
    words = np.array(numbers[:-1], np.uint32)
    return _packed(words, numbers[-1], value is not None, value or 0.0)


def _packed(words: np.ndarray, position: int, spare: bool, value: float) -> np.ndarray:
    """Generator words, position, and the second of two normal draws where one is held back."""
    tail = np.array([position, int(spare)], np.uint32)
    held = np.array([value], np.float64).view(np.uint32)
    return np.concatenate([words.astype(np.uint32), tail, held])


#: How the name of such a generator begins; what follows is how the script calls it.
OWN = "the script's own generator "
#: Functions of modules that give another value every time.
_NEVER_ALIKE = {
    "time": ("time", "time_ns", "perf_counter", "monotonic", "process_time"),
    "os": ("urandom", "getpid"),
    "uuid": ("uuid1", "uuid4"),
    "secrets": ("randbelow", "randbits", "token_bytes", "choice"),
}
#: Methods with which a layer, model or loss computes during a step.
_IN_A_STEP = ("call", "train_step", "compute_loss", "__call__")


def generators_held(model: Any, loss: Any = None) -> dict[str, Any]:
    """Generators by name: those that layers, the model and the loss hold as attributes, and those
    that their code reads from globals and closures."""
    found: dict[int, tuple[str, Any]] = {}
    for thing in (*layers_of(model), *_losses(loss)):
        for name, generator in _of(thing):
            found.setdefault(id(generator), (name, generator))
    counts: Counter[str] = Counter()
    named = {}
    for name, generator in found.values():
        counts[name] += 1
        named[OWN + (name if counts[name] == 1 else f"{name} ({counts[name]})")] = generator
    return named


def never_alike(model: Any, loss: Any = None, callbacks: Sequence[Any] = ()) -> list[str]:
    """Calls in the code of a step or callback whose value is another one every time, as the script
    writes them: ``time.time``, ``os.urandom``."""
    called = [v for c in callbacks for v in vars(c).values() if inspect.isfunction(v)]
    calls = {
        call
        for thing in (*layers_of(model), *_losses(loss), *called)
        for function in _functions(thing)
        for call in calls_of_modules(function, _NEVER_ALIKE)
    }
    return sorted(calls)


def _of(thing: Any) -> Iterator[tuple[str, Any]]:
    if not inspect.isroutine(thing) and is_users(type(thing)):
        for key, value in list(vars(thing).items()):
            if is_generator(value):
                yield f"{type(thing).__name__}.{key}", value
    for function in _functions(thing):
        yield from generators_read(function, is_generator)


def _functions(thing: Any) -> list[Any]:
    """The user's functions with which a layer, model or loss computes during a step."""
    cls = type(thing)
    if inspect.isroutine(thing):
        return [thing]
    if cls.__name__ == "Lambda":
        return [getattr(thing, "function", None)]
    if not is_users(cls):
        return []
    members = [getattr(cls, name, None) for name in methods_used(cls, _IN_A_STEP)]
    return [inspect.unwrap(member) for member in members if callable(member)]


def _losses(loss: Any) -> list[Any]:
    if isinstance(loss, dict):
        return [part for value in loss.values() for part in _losses(value)]
    if isinstance(loss, (list, tuple)):
        return [part for value in loss for part in _losses(value)]
    inner = getattr(loss, "fn", None)
    return [part for part in (loss, inner) if part is not None and not isinstance(part, str)]
