"""A fit that can be trained again: its recipe, the arrays to transfer and the live objects.

``capture`` fills a :class:`Live` while it watches, ``replay`` trains from it. The live objects
(model, optimizer, loss) are opaque here; nothing in this module touches Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.recipe import Recipe

#: A batch as recorded: flat list of leaves (None where the structure holds None).
Leaves = list[Any]


@dataclass(eq=False)
class Samples:
    """The samples of a fit, each once, in canonical order.

    ``leaves`` are arrays of shape (n, ...) over x, y and sample weights in the order of the
    flattened ``structure``; ``roles`` says per leaf "x", "y" or "weight". Where samples have
    different shapes (batches padded to their longest) a leaf is a list of n arrays. None where
    the data were too large to keep.
    """

    structure: Any
    roles: tuple[str, ...]
    leaves: list[Any] | None
    unit: str = "sample"

    def __len__(self) -> int:
        return next((len(leaf) for leaf in self.leaves or () if leaf is not None), 0)

    def batch(self, indices: np.ndarray) -> Leaves:
        """The leaves of one batch. A unit of "batch" is one whole batch per index."""
        assert self.leaves is not None
        if self.unit == "batch":
            (index,) = indices
            return [None if leaf is None else leaf[index] for leaf in self.leaves]
        return [_rows(leaf, indices) for leaf in self.leaves]


def _rows(leaf: Any, indices: np.ndarray) -> Any:
    if leaf is None:
        return None
    if isinstance(leaf, np.ndarray):
        return leaf[indices]
    return np.stack([leaf[i] for i in indices])


@dataclass(eq=False)
class Material:
    """What can be carried from one fit into another as plain arrays."""

    weights: list[np.ndarray]  # aligned with recipe.initialization
    noise: list[np.ndarray]  # aligned with recipe.noise
    state: list[np.ndarray]  # aligned with recipe.state
    samples: Samples
    order: tuple[np.ndarray, ...]
    batches: tuple[np.ndarray, ...]
    validation: list[Leaves]
    validation_structure: Any = None
    #: passes over the validation data (counting from 0) that were not like the first
    validation_later: Mapping[int, list[Leaves]] = field(default_factory=dict)
    #: the backend's global generator before a step (epoch, step), if steps draw from it: at the
    #: first step, and wherever something else drew from it in between
    random_states: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)
    #: the same as a number of draws, where it was just a loader drawing seeds of its own
    random_draws: Mapping[tuple[int, int], int] = field(default_factory=dict)
    #: NumPy's and Python's global generator before a step (epoch, step) that draws from it
    host_draws: Mapping[str, Mapping[tuple[int, int], np.ndarray]] = field(default_factory=dict)

    def feed(self) -> Iterator[tuple[int, np.ndarray]]:
        """(epoch, indices of one batch) over the whole training."""
        for epoch, (order, sizes) in enumerate(zip(self.order, self.batches, strict=True)):
            start = 0
            for size in sizes:
                yield epoch, order[start : start + size]
                start += size


@dataclass(frozen=True, eq=False)
class SeedHolder:
    """An initializer or seed generator and the seed it holds, as the script made it."""

    holder: Any
    kind: str  # "initializer" | "seed generator"
    seed: int | None  # None where it is not a plain number
    explicit: bool  # the script gave the seed


@dataclass(frozen=True, eq=False)
class Origins:
    """Where the values that seeds decide came from; what it takes to draw them anew."""

    holders: tuple[SeedHolder, ...]  # in the order in which seeds were drawn
    initializers: tuple[Any, ...]  # aligned with recipe.initialization; None where not seen
    rows: np.ndarray | None  # index into the samples of each row of the arrays that were fed
    shuffle: Any  # the argument of fit
    moved: tuple[bool, ...]  # aligned with material.noise: whether training drew from it
    peeks: int  # passes over the data that building the model began before the first step


@dataclass(eq=False)
class Live:
    """A watched fit in the process that ran it."""

    index: int
    recipe: Recipe
    material: Material
    model: Any
    optimizer: Any
    compile_arguments: Mapping[str, Any]
    callbacks: Sequence[Any]  # shallow copies as they were when fit was called
    acting: frozenset[int]  # positions in callbacks of the user's own that changed training
    ending: frozenset[int]  # positions of those that did no more than end it
    fit_arguments: Mapping[str, Any]  # epochs, initial_epoch, validation_freq
    signature: Any  # what the backend's feed must look like
    final: list[np.ndarray]  # weights after training, aligned with recipe.initialization
    logs: tuple[Mapping[str, float], ...]
    #: weights as the last epoch left them, before the best ones were restored or an optimizer's
    #: averages put in their place; aligned with ``final``
    trained: list[np.ndarray] = field(default_factory=list)
    regularizers: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)  # dtype policy by layer path
    trainable: tuple[bool, ...] = ()  # of the model and each of its layers, during this fit
    #: reference to the compiled step, to see whether it is still in place; it keeps none alive
    train_function: Callable[[], Any] = lambda: None
    #: what the code of its layers read from globals and closures: ``put(value)`` sets each
    outside: Sequence[Any] = ()
    seconds: float = 0.0
    #: optimizers besides the one given to ``compile``, by the model's attribute
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    #: "feed": what was recorded can be fed to the model again; "script": its steps belong to a
    #: loop of the script's own, which has to run again
    again: str = "feed"
    companions: tuple[int, ...] = ()  # indices of loops whose steps came between those of this one
    #: of successive fits held as one: values of the optimizer, by path, that an epoch begins with
    #: and that the epoch before did not leave
    restarts: Mapping[int, Mapping[str, np.ndarray]] = field(default_factory=dict)
    #: the same of seed generators
    seed_restarts: Mapping[int, Mapping[str, np.ndarray]] = field(default_factory=dict)
    origins: Origins | None = None
    distribution: Any = None  # of keras.distribution, which spreads every training over devices


@dataclass(frozen=True, eq=False)
class LiveCall:
    """A measuring call that can be run again, in the process that ran it.

    ``fed`` holds one nested structure of NumPy arrays per batch: ``(x,)``, ``(x, y)`` or
    ``(x, y, sample_weight)`` as Keras was given them; for a model that was called directly one
    entry, its first argument (``(inputs,)``). None where the inputs were too large to keep.
    """

    call: MeasuringCall
    model: Any
    weights: tuple[np.ndarray, ...]  # aligned with recipe.weights; equal values are one array
    noise: tuple[np.ndarray, ...]  # aligned with recipe.noise: states before the call
    #: states of the global generators before the call, by GeneratorState.name, as what
    #: ``random.setstate``, ``numpy.random.set_state`` and the backend take
    generators: Mapping[str, Any]
    fed: tuple[Any, ...] | None
    #: arguments of the call besides its data: ``batch_size``, ``steps``, ``training``, ``mask``
    arguments: Mapping[str, Any]
    held: Mapping[str, Any]  # values of recipe.state by name, where they are arrays or plain
    #: what the compiled function that ran was traced with of these, where that is known
    traced: Mapping[str, Any] = field(default_factory=dict)
    compile_arguments: Mapping[str, Any] = field(default_factory=dict)
    #: weak reference to the compiled predict or test function that ran; None where eager. Nothing
    #: may keep it alive: JAX would find its trace again where an equal function is compiled anew.
    #: Of a score by a metric or loss of Keras: what makes an equal object
    function: Any = None
    trainable: tuple[bool, ...] = ()  # of the model and each of its layers
    #: makes the model as it was in this call, where it was changed in place since (quantized)
    remade: Callable[[], Any] | None = None
    #: rows of its outputs that are looked at, where it was fed more than the other call; None: all
    part: tuple[int, ...] | None = None
    #: what a model was exported to, as a function of the inputs: another program may round the same
    #: computation otherwise
    exported: Callable[[Any], Any] | None = None
    #: whether a function traced for its batches is one for their size alone
    of_one_size: bool = False


def asked_of_fit(recipe: Recipe) -> dict[str, Any]:
    """Those arguments of ``fit`` that decide how long it trains and when it validates."""
    return {
        "epochs": recipe.duration["epochs"],
        "initial_epoch": recipe.duration["initial_epoch"],
        "validation_freq": recipe.measurement.get("validation_freq", 1),
    }
