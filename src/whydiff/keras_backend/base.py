"""What whydiff asks of a backend; jax, tensorflow and torch answer in a package each.

A backend is a module, ``keras_backend/<name>/backend.py``, with the functions of
:class:`Backend`; mypy checks that each has them all, in these types. What several answer alike
stands in ``alike``, and they import it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

#: Reads values that were asked for before, as host arrays.
Reader = Callable[[], list[np.ndarray]]
#: Takes what the train function takes, and how many steps to make; gives what that gives.
SeveralSteps = Callable[..., Any]
#: In place of a signature: that of the batches, with their size where all have one.
OF_ONE_SIZE = "of one size"


class Order(Protocol):
    """Knows in which order a pass feeds the rows of arrays."""

    #: Whether it does know: else every batch has to be looked at.
    known: bool
    #: Whether passes differ in their order.
    shuffles: bool
    #: The permutation that the pass begun last drew, None without shuffling.
    rows: np.ndarray | None


class Copied(Protocol):
    """A copy of what a step left, on its way to the host; whatever asks waits for it."""

    def digests(self) -> list[int]:
        """The ``group_digest`` of every group of variables."""

    def arrays(self) -> list[np.ndarray]:
        """The values of all groups, in their order."""

    def logs(self) -> Any:
        """What the step logged."""


class StepWatcher(Protocol):
    """Whoever is told about a train function's steps."""

    def before_step(self, state: Any) -> Any:
        """A step begins with ``state`` (None where variables hold it); another state or None."""

    def after_step(self, logs: Any, state: Any) -> None:
        """The step is done."""


class OpensFile(NamedTuple):
    """A function of a library that opens a file in C++, where no audit event of Python tells it:
    its second argument, ``parameter``, is a path, to which the library adds ``suffix``."""

    owner: Any
    name: str
    parameter: str
    writes: bool
    suffix: str = ""


class Backend(Protocol):
    """The functions of a backend's module."""

    #: Whether each batch is handed to its step by the step's own thread.
    hands_on_batches: bool
    #: Whether a step runs as a compiled program unless the model asks for ``run_eagerly``.
    compiles: bool

    def to_numpy(self, value: Any) -> np.ndarray:
        """Host copy or view of a tensor or of the value of a Keras variable."""

    def reader(self, values: Sequence[Any]) -> Reader:
        """Gives the host values of some variables as they are when it is called; to make it once
        and call it often is faster than ``to_numpy``."""

    def epoch_iterator_class(self) -> type:
        """The class whose ``_get_iterator`` hands out the batches of an epoch."""

    def told_order(self) -> AbstractContextManager[Order | None]:
        """A context in which an epoch iterator is made; None where nobody tells the order in
        which arrays are fed, and every batch has to be looked at."""

    def tee(self, iterable: Any, sink: Callable[[Any], None]) -> Any:
        """The same batches, each shown to ``sink`` on its way; pulls nothing ahead. None where
        that cannot be done."""

    def wrap_train_function(
        self, function: Callable[..., Any], watcher: Callable[[], StepWatcher | None]
    ) -> Callable[..., Any]:
        """A train function that tells ``watcher()`` about state before and after."""

    def several_steps(self, model: Any, steps: int) -> SeveralSteps | None:
        """Makes some steps of the model's train function in one call, and gives what that gives of
        the last; None where that cannot be done, or would not be worth it in a training of
        ``steps``."""

    def feed(
        self,
        batches: Callable[[], Iterable[Any]],
        like: Any,
        sizes: Callable[[], Collection[int]],
    ) -> Any:
        """What a data adapter hands out for one epoch of recorded batches, which have as many
        samples as ``sizes()`` tells. ``like`` is a signature, ``OF_ONE_SIZE`` for what the batches
        look like if functions are traced for their size, or None."""

    def travellers(self, model: Any) -> list[list[int]]:
        """Ids of the variables whose values travel through the step, as its state holds them."""

    def values_of(
        self, model: Any, state: Any, known: list[list[int]] | None = None
    ) -> dict[int, Any]:
        """Current values by id of the variable, as far as they travel; ``known`` is what
        ``travellers`` said of this model before, which takes a while to say."""

    def copier(
        self,
        groups: Sequence[Sequence[Any]],
        places: Mapping[int, tuple[int, int]],
        state: Any,
        logs: Any,
    ) -> Callable[[Any, Any], Copied | None] | None:
        """A function that copies groups of variables out of a step's state and logs without
        waiting for them, or None. ``places`` says by id where in the state a variable's value
        is. The function gives None for a state or logs of another kind than these."""

    def with_values(self, model: Any, state: Any, values: Mapping[int, np.ndarray]) -> Any:
        """That state with the values of some variables (by id) in place of its own."""

    def gradients(self, model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
        """Gradient of the training loss of one batch by every trainable variable, computed
        eagerly."""

    def signature(self, iterable: Any) -> Any:
        """What a later feed must look like so that Keras traces no other train function."""

    def of_one_size(self, iterable: Any) -> bool:
        """Whether a function that is traced for what a feed hands out is one for a single size of
        batches."""

    def initial_value(self, variable: Any, initializer: Any) -> np.ndarray | None:
        """The first value of a variable just made, or None where it cannot be known."""

    def random_state(self) -> np.ndarray | None:
        """The backend's own global generator, None where it has none that could be read."""

    def set_random_state(self, state: np.ndarray) -> None:
        """Put that generator into a state."""

    def draws_between(self, before: np.ndarray, after: np.ndarray) -> int | None:
        """How many numbers drawn lead from one state to the other, None if that is not known."""

    def draw(self, count: int) -> None:
        """Draw that many numbers from the global generator."""

    def seeded_state(self, seed: int) -> np.ndarray | None:
        """The state of that generator after it was seeded; it is left alone."""

    def permutations(self, seed: int, peeks: int) -> Callable[[int], np.ndarray]:
        """A function from a length to the next permutation that shuffling draws after ``seed``."""

    def forget_traces(self, model: Any) -> None:
        """See to it that the next train function is traced anew, not found among those before."""

    def operation_seeds(self) -> Any:
        """State of the generator that seeds eager operations such as ``tf.random.normal``, as what
        Python's ``random.getstate`` gives; None where there is none."""
        ...

    def set_operation_seeds(self, state: Any) -> None:
        """Bring that generator into a state that was read before."""
        ...

    def without_gradients(self) -> AbstractContextManager[None]:
        """Operations within keep nothing for a backward pass."""
        ...

    def opens_files(self) -> Sequence[OpensFile]:
        """Functions of its library that open files by themselves."""

    def random_operations(self, function: Any) -> list[tuple[str, int, int]]:
        """(operation, seed, second seed) of what a train function draws from generators of its own
        operations, once it is traced; both seeds 0 where every trace draws others."""

    def watch_operations(self) -> Callable[[], list[tuple[str, int, int]]]:
        """Note from now on which operations draw eagerly from generators of their own, as
        :meth:`random_operations` does; what is returned ends that and says which."""

    def forget_gradients(self, model: Any) -> None:
        """Gradients that the last backward pass left on the variables are no part of a start."""

    def tensor_like(self, array: np.ndarray, model: Any) -> Any:
        """``array`` as a tensor of this backend's, as ``model`` is."""

    def hardware(self) -> Mapping[str, Any]:
        """Devices and thread counts."""

    def arithmetic(self) -> Mapping[str, Any]:
        """Global settings that decide how the same formula is computed."""
