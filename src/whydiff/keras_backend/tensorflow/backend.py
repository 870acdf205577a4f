"""TensorFlow: batches are pulled inside the compiled step, so the tee sits in the pipeline."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as tf_context
from tensorflow.python.eager.execute import quick_execute
from tensorflow.python.framework import config as tf_config
from tensorflow.python.ops import random_ops
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable

from whydiff.keras_backend.alike import (
    copier as copier,
    draw as draw,
    draws_between as draws_between,
    forget_gradients as forget_gradients,
    forget_traces as forget_traces,
    permutations as permutations,
    random_state as random_state,
    seeded_state as seeded_state,
    set_random_state as set_random_state,
    travellers as travellers,
    values_of as values_of,
    with_values as with_values,
    wrap_train_function as wrap_train_function,
)
from whydiff.keras_backend.base import OF_ONE_SIZE, OpensFile, SeveralSteps
from whydiff.keras_backend.code import closed_over
from whydiff.keras_backend.internals import (
    array_adapter,
    compiled_step,
    epoch_iterator,
    first_shape,
    held_value,
    is_variable,
    shuffles,
    training_argument,
)
from whydiff.keras_backend.leaves import has_parts, parts
from whydiff.keras_backend.patches import for_a_while

hands_on_batches, compiles = False, True
#: Bytes of batches that a feed hands over at a time, if it is not one batch alone.
_TOGETHER = 1 << 20


def to_numpy(value: Any) -> np.ndarray:
    if is_variable(value):
        value = value.value
    if isinstance(value, BaseResourceVariable):
        # As ``value.numpy()``, which takes four times as long: read at every step.
        value = tf.raw_ops.ReadVariableOp(resource=value.handle, dtype=value.dtype)
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


def reader(values: Sequence[Any]) -> Callable[[], list[np.ndarray]]:
    """Reads all variables as they are at the time, in one operation.

    Behind a step, when little of TensorFlow is in the processor's caches, an operation for each
    takes three times as long. The arrays are views: until they are let go, a step that changes a
    variable has to move it.
    """
    held = [
        value if isinstance(value, BaseResourceVariable) else getattr(value, "value", value)
        for value in values
    ]
    if not held or not all(isinstance(value, BaseResourceVariable) for value in held):
        return lambda: [to_numpy(value) for value in values]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def read_all() -> list[Any]:
        return [tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype) for v in held]

    concrete = read_all.get_concrete_function()
    places, context = concrete.captured_inputs, tf_context.context()

    def read() -> list[np.ndarray]:
        found = quick_execute(concrete.name, len(held), places, (), context)
        return [tensor._numpy() for tensor in found]

    return read


def epoch_iterator_class() -> type:
    return epoch_iterator("tensorflow")


def tee(iterable: Any, sink: Callable[[Any], None]) -> Any:
    """The dataset with one more map at its very end that shows each batch to ``sink``.

    The element spec stays the same, so Keras traces the same train function. A prefetch behind
    our map would show batches before their step, so its injection is switched off; values do not
    depend on it.
    """
    if not isinstance(iterable, tf.data.Dataset):
        return None  # distributed over devices
    spec = iterable.element_spec
    flat_spec = tf.nest.flatten(spec, expand_composites=True)
    shown = [i for i, s in enumerate(flat_spec) if isinstance(s, tf.TensorSpec)]

    def show(*arrays: Any) -> None:
        leaves: list[Any] = [None] * len(flat_spec)
        for i, array in zip(shown, arrays, strict=True):
            leaves[i] = array
        sink(_apart(spec, leaves))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def through(*element: Any) -> Any:
        whole = element if isinstance(spec, tuple) else element[0]
        flat = tf.nest.flatten(whole, expand_composites=True)
        seen = tf.numpy_function(show, [flat[i] for i in shown], [])
        with tf.control_dependencies([seen]):
            kept = [tf.identity(t) if isinstance(t, tf.Tensor) else t for t in flat]
        return tf.nest.pack_sequence_as(whole, kept, expand_composites=True)

    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    return iterable.map(through).with_options(options)


def _apart(spec: Any, leaves: list[Any]) -> Any:
    """The batch of element spec ``spec``; sparse and ragged tensors in it as their components."""
    position, whole = 0, []
    for one in tf.nest.flatten(spec):
        count = len(tf.nest.flatten(one, expand_composites=True))
        own = leaves[position : position + count]
        whole.append(own[0] if isinstance(one, tf.TensorSpec) or count == 0 else parts(own))
        position += count
    return tf.nest.pack_sequence_as(spec, whole)


#: So many steps pay for what the loop around them takes to be compiled.
MANY = 100


def several_steps(model: Any, steps: int) -> SeveralSteps | None:
    """A loop around the step in a graph: what TensorFlow does to be called takes longer than a
    small step."""
    step = compiled_step(model) if steps >= MANY else None
    if step is None or tf.config.functions_run_eagerly():
        return None
    if model.distribute_strategy is not tf.distribute.get_strategy():  # the default
        return None
    if random_operations(model.train_function):
        return None  # an operation's own generator belongs to the graph that it stands in

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def loop(iterator: Any, count: Any) -> Any:
        logs = step(iterator.get_next())

        def body(number: Any, *_: Any) -> Any:
            return (number + 1, *tf.nest.flatten(step(iterator.get_next())))

        ended = tf.while_loop(
            lambda number, *_: number < count,
            body,
            (tf.constant(1), *tf.nest.flatten(logs)),
            parallel_iterations=1,
        )
        return tf.nest.pack_sequence_as(logs, ended[1:])

    return lambda iterator, count: loop(iterator, tf.constant(count))


def signature(iterable: Any) -> Any:
    """The element spec a feed must have, or Keras would trace another train function.

    None of a dataset that is distributed over devices: its parts have specs, not the batches.
    """
    return iterable.element_spec if isinstance(iterable, tf.data.Dataset) else None


def of_one_size(iterable: Any) -> bool:
    """Whether the element spec names the size of the batches."""
    return any(map(_names_a_size, tf.nest.flatten(signature(iterable))))


def feed(
    batches: Callable[[], Iterable[Any]], like: Any, sizes: Callable[[], Collection[int]]
) -> Any:
    """A dataset over one epoch of batches with the element spec ``like``.

    Batches of dense tensors come several at a time, and TensorFlow takes them apart again: each
    time that it asks Python costs as much as a small step.
    """

    def generate() -> Any:
        for batch in batches():
            if has_parts(batch):
                flat = [tf.convert_to_tensor(leaf) for leaf in keras.tree.flatten(batch)]
                yield tf.nest.pack_sequence_as(like, flat, expand_composites=True)
            else:  # nested as the specification is: tf.data makes tuples of lists
                yield tf.nest.pack_sequence_as(like, tf.nest.flatten(batch))

    if like is None or like == OF_ONE_SIZE:
        first = next(iter(batches()))
        one = like == OF_ONE_SIZE and len(set(sizes())) == 1
        size = next(iter(sizes())) if one else None
        like = tf.nest.map_structure(
            lambda a: tf.TensorSpec((size, *np.shape(a)[1:]), np.asarray(a).dtype), _tuples(first)
        )
    else:
        like = _for_sizes(like, sizes)
    flat_like = tf.nest.flatten(like)
    if all(isinstance(s, tf.TensorSpec) and s.shape.rank is not None for s in flat_like):
        several = [tf.TensorSpec((None, *s.shape), s.dtype) for s in flat_like]

        def generate_several() -> Any:
            for group in _grouped(tf.nest.flatten(batch) for batch in batches()):
                stacked = [np.stack(leaves) for leaves in zip(*group, strict=True)]
                yield tf.nest.pack_sequence_as(like, stacked)

        spec = tf.nest.pack_sequence_as(like, several)
        made = tf.data.Dataset.from_generator(generate_several, output_signature=spec).unbatch()
        if made.element_spec == like:  # else Keras would trace another train function
            return made.with_options(_at_rest())
    return tf.data.Dataset.from_generator(generate, output_signature=like).with_options(_at_rest())


def _at_rest() -> Any:
    """Nothing that tf.data would tune, rewrite or fetch ahead, for each pass anew, is worth its
    threads where batches only have to be handed over."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    return options


def _grouped(batches: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    """Batches one after the other, those together whose leaves have equal shapes and types."""
    kind: Any = None
    group: list[list[Any]] = []
    for leaves in batches:
        arrays = [np.asarray(leaf) for leaf in leaves]
        now = [(a.shape, a.dtype) for a in arrays]
        full = (len(group) + 1) * sum(a.nbytes for a in arrays) > _TOGETHER
        if group and (now != kind or full):
            yield group
            group = []
        kind = now
        group.append(arrays)
    if group:
        yield group


def _for_sizes(like: Any, sizes: Callable[[], Collection[int]]) -> Any:
    """The element spec with the batches' own size where it names another one.

    It names one where the batch size divides the number of samples, or a rest is dropped.
    """
    flat = tf.nest.flatten(like)
    named = {s.shape[0] for s in flat if _names_a_size(s)}
    coming = sizes() if named else ()
    if not coming or named == set(coming):
        return like
    size = next(iter(coming)) if len(set(coming)) == 1 else None
    return tf.nest.map_structure(
        lambda s: tf.TensorSpec((size, *s.shape[1:]), s.dtype) if _names_a_size(s) else s, like
    )


def _names_a_size(spec: Any) -> bool:
    return isinstance(spec, tf.TensorSpec) and bool(spec.shape.rank) and spec.shape[0] is not None


def _tuples(structure: Any) -> Any:
    """The structure with tuples in place of lists, which tf.data takes for arrays."""
    if isinstance(structure, (list, tuple)):
        return tuple(_tuples(part) for part in structure)
    if isinstance(structure, dict):
        return {key: _tuples(value) for key, value in structure.items()}
    return structure


def initial_value(variable: Any, initializer: Any) -> np.ndarray | None:
    """The first value of a variable just made, or None where it cannot be known.

    A variable made while a step is traced is filled only when the step first runs, unless a
    checkpoint waited for it and has filled it by now. Keras's own
    initializers give the same values whenever they are asked (they hold their seed), so they
    are asked once more, outside the trace; any other initializer is left alone.
    """
    with tf.init_scope():
        value = held_value(variable)
        unlifted = type(value).__name__ == "UnliftedInitializerVariable"
        if not unlifted or value.is_initialized():
            return np.array(to_numpy(value))
        if isinstance(initializer, str):
            initializer = keras.initializers.get(initializer)
        if not callable(initializer):
            return np.array(to_numpy(tf.convert_to_tensor(initializer, variable.dtype)))
        ours = (getattr(initializer, "__module__", "") or "").split(".")[0] == "keras"
        if not ours or isinstance(getattr(initializer, "seed", None), keras.random.SeedGenerator):
            return None
        shape = first_shape(variable)
        return np.array(to_numpy(initializer(shape, dtype=variable.dtype)))


def gradients(model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
    """Gradient of the training loss by every trainable variable, computed eagerly."""
    with tf.GradientTape() as tape:
        loss = _training_loss(model, x, y, weight)
    found = tape.gradient(loss, [v.value for v in model.trainable_weights])
    return [
        np.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g).numpy()
        for g, v in zip(found, model.trainable_weights, strict=True)
    ]


def _training_loss(model: Any, x: Any, y: Any, weight: Any) -> Any:
    predicted = model(x, **training_argument(model))
    loss = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight, training=True)
    return model.optimizer.scale_loss(loss)


def tensor_like(array: np.ndarray, model: Any) -> Any:
    del model
    return tf.convert_to_tensor(array)


def hardware() -> Mapping[str, Any]:
    threading = tf.config.threading
    return {
        "devices": [device.device_type for device in tf.config.list_physical_devices()],
        "threads.intra": threading.get_intra_op_parallelism_threads(),
        "threads.inter": threading.get_inter_op_parallelism_threads(),
    }


def arithmetic() -> Mapping[str, Any]:
    precise = tf.config.experimental.tensor_float_32_execution_enabled()
    return {
        "deterministic": bool(tf_config.is_op_determinism_enabled()),
        "functions run eagerly": bool(tf.config.functions_run_eagerly()),
        "tensor_float_32": bool(precise),
    }


#: Operations that keep a generator of their own in their kernel, by the function that makes them.
_STATEFUL = {
    "RandomStandardNormal": "tf.random.normal",
    "RandomUniform": "tf.random.uniform",
    "RandomUniformInt": "tf.random.uniform",
    "TruncatedNormal": "tf.random.truncated_normal",
    "ParameterizedTruncatedNormal": "tf.random.truncated_normal",
    "RandomGamma": "tf.random.gamma",
    "RandomPoissonV2": "tf.random.poisson",
    "Multinomial": "tf.random.categorical",
    "RandomShuffle": "tf.random.shuffle",
}

#: Functions of tf.random whose name is not theirs.
_EAGER = {
    "multinomial_categorical_impl": "categorical",
    "parameterized_truncated_normal": "truncated_normal",
    "random_poisson_v2": "poisson",
}


def opens_files() -> Sequence[OpensFile]:
    """What saves and reads a ``tf.train.Checkpoint``: told by the file that lists its tensors. Its
    ``save()`` and ``write()`` both end in ``_write()``, where this version has that."""
    checkpoint = tf.train.Checkpoint
    uses = (
        OpensFile(checkpoint, "_write", "file_prefix", writes=True, suffix=".index"),
        OpensFile(checkpoint, "read", "save_path", writes=False, suffix=".index"),
    )
    return [use for use in uses if hasattr(checkpoint, use.name)]


def random_operations(function: Any) -> list[tuple[str, int, int]]:
    """Those of every trace of a train function; [] where nothing of it is a ``tf.function``."""
    found = set()
    for trace in _traces(function):
        graph = trace.graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        found |= {(_STATEFUL[n.op], int(n.attr["seed"].i), int(n.attr["seed2"].i)) for n in nodes
                  if n.op in _STATEFUL}  # fmt: skip
    return sorted(found)


class _Noted:
    """Stands for TensorFlow's module that gives operations their seeds, and notes who asks."""

    def __init__(self, module: Any) -> None:
        self._module, self._thread = module, threading.get_ident()
        self.seen: set[tuple[str, int, int]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def get_seed(self, op_seed: Any) -> Any:
        first, second = self._module.get_seed(op_seed)
        # What is traced is read off its graph; other threads load data.
        if tf.executing_eagerly() and threading.get_ident() == self._thread:
            function = sys._getframe(1).f_code.co_name
            name = f"tf.random.{_EAGER.get(function, function.removeprefix('random_'))}"
            self.seen.add((name, int(first or 0), int(second or 0)))
        return first, second


def watch_operations() -> Callable[[], list[tuple[str, int, int]]]:
    module = random_ops.random_seed
    if isinstance(module, _Noted):  # a training within a training
        return list
    noted = random_ops.random_seed = _Noted(module)

    def end() -> list[tuple[str, int, int]]:
        random_ops.random_seed = module
        return sorted(noted.seen)

    return end


def _traces(function: Any, depth: int = 0) -> list[Any]:
    """The concrete functions of a ``tf.function``, also of one that plain functions around it
    call."""
    listed = getattr(function, "_list_all_concrete_functions", None)
    if listed is not None:
        return list(listed())
    called = filter(callable, closed_over(function).values() if depth < 4 else ())
    return [trace for f in called for trace in _traces(f, depth + 1)]


def without_gradients() -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


def operation_seeds() -> Any:
    """State of the Python generator that gives eager operations their seeds; None before a seed
    was set: operations then seed themselves."""
    generator = getattr(tf_context.context(), "_rng", None)
    return None if generator is None else generator.getstate()


def set_operation_seeds(state: Any) -> None:
    generator = getattr(tf_context.context(), "_rng", None)
    if generator is not None and state is not None and generator.getstate() != state:
        generator.setstate(state)
        # Kernels of equal seeds would go on from their last draw.
        tf_context.context().clear_kernel_cache()


# --- the order in which TensorFlow feeds arrays, told once per pass ---------------------------
# Keras makes a dataset of arrays that draws one permutation per pass and gathers batches by it.
# Whoever knows the permutation knows every batch, so the pipeline itself can be left alone: one
# more stage, and a call of Python in it for each batch, cost a third of a millisecond a step.


class Order:
    """``rows`` is the permutation of the pass that draws it first, None without shuffling."""

    def __init__(self) -> None:
        self.rows: np.ndarray | None = None
        self.known = False
        self.shuffles = False

    def show(self, rows: np.ndarray) -> None:
        self.rows = np.array(rows)


@contextlib.contextmanager
def told_order() -> Iterator[Order]:
    """Around the making of an epoch iterator; the order is ``known`` if it is one of arrays.

    Batches that are shuffled one by one draw for each of them, and rows of sparse tensors are fed
    as their parts: there it is not known.
    """
    arrays, order = array_adapter(), Order()
    make = arrays.get_tf_dataset
    shuffle, traced = tf.random.shuffle, []

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def shown(value: Any, *args: Any, **kwargs: Any) -> Any:
        # Behind the drawing: an operation's own seed is the number of those made before it.
        drawn = shuffle(value, *args, **kwargs)
        traced.append(drawn)
        with tf.control_dependencies([tf.numpy_function(order.show, [drawn], [])]):
            return tf.identity(drawn)

    def made(self: Any) -> Any:
        if shuffles(self) not in (True, False):
            return make(self)
        with for_a_while() as patches:
            patches.replace(tf.random, "shuffle", shown)
            dataset = make(self)
        dense = all(isinstance(s, tf.TensorSpec) for s in tf.nest.flatten(dataset.element_spec))
        order.shuffles = bool(shuffles(self))
        order.known = dense and len(traced) == int(shuffles(self))
        return dataset

    with for_a_while() as patches:
        patches.replace(arrays, "get_tf_dataset", made)
        yield order
