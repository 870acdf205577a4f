"""Every private name of Keras that whydiff uses, by version where versions differ.

Nothing else imports ``keras.src`` or reads a private attribute of Keras's objects, so this is the
file to open when a new version of Keras comes out. Keras must have been imported by the script
before a function here is called.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import inspect
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.interrupting import pass_on
from whydiff.keras_backend.code import closed_over

#: The oldest version of Keras that is watched, and the newest with which that was tried.
OLDEST, NEWEST = (3, 3), (3, 15)

#: What Keras keeps for each thread; the second only in newer versions.
_TRACKERS = ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER")


# --- versions ---------------------------------------------------------------------------------


def version() -> tuple[int, int]:
    """Major and minor version of the Keras that the script imported."""
    import keras

    found = re.match(r"(\d+)\.(\d+)", str(getattr(keras, "__version__", "")))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def tested() -> str:
    """``Keras 3.3 to 3.15``, and 2: the versions that whydiff was tried with."""
    oldest, newest, *second = (".".join(map(str, v)) for v in (OLDEST, NEWEST, OLDEST_2, NEWEST_2))
    return f"Keras {oldest} to {newest} and {second[0]} to {second[1]}"


def check_version() -> None:
    """Raise WhydiffError for a Keras that is not known: version 2, or older than 3.3."""
    import keras

    if version() < OLDEST:
        raise WhydiffError(
            f"Keras {getattr(keras, '__version__', 'without a version')} is not known to whydiff, "
            f"which was tested with {tested()}",
            "Install a newer Keras.",
        )


def cannot_be_watched(error: Exception) -> WhydiffError:
    """Something inside this Keras is not as in the versions that are known."""
    import keras

    return WhydiffError(
        f"Keras {keras.__version__} is built otherwise than whydiff, tested with {tested()}, "
        f"expects ({type(error).__name__}: {error})",
        "Use one of those versions.",
    )


def package_of(thing: Any) -> Any:
    """The Keras whose class a model, layer or optimizer is of: ``keras``, or ``tf_keras``."""
    for cls in type(thing).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in ("keras", "tf_keras"):
            return sys.modules[root]
    import keras

    return keras


def is_callback(thing: Any) -> bool:
    """Whether a value is a callback of the Keras that it is of."""
    return isinstance(thing, package_of(thing).callbacks.Callback)


def is_keras_2(thing: Any) -> bool:
    """Whether a model, layer or optimizer is one of Keras 2."""
    return str(getattr(package_of(thing), "__version__", "")).startswith("2.")


def newer_than_tested() -> str:
    """A line for people where Keras is newer than the newest that was tried, or ""."""
    import keras

    return f"Keras {keras.__version__}: tested with {tested()}" if version() > NEWEST else ""


# --- classes and functions --------------------------------------------------------------------


def random_initializers() -> tuple[type, ...]:
    """The classes whose ``__init__`` takes the seed of an initializer, or draws one."""
    module = _module("initializers.random_initializers")
    base = getattr(module, "RandomInitializer", None)
    if base is not None:  # Keras 3.6 and newer
        return (base,)
    names = ("RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling",
             "OrthogonalInitializer")  # fmt: skip
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def seed_generator() -> type:
    """The class of seed generators."""
    found: type = _module("random.seed_generator").SeedGenerator
    return found


def drawn_seed() -> int:
    """A seed as Keras draws it where none is given."""
    return int(_module("random.seed_generator").make_default_seed())


def variable_class() -> type:
    """The class of variables in the backend in use."""
    found: type = _module("backend").Variable
    return found


class _NoVariable:
    """Of no variable."""


@functools.cache
def variable_base() -> type:
    """The class of which the variables of every backend are; Keras 2 has none of its own."""
    if version() < (3, 0):
        return _NoVariable
    module = _module("backend.common.variables")
    older = getattr(module, "KerasVariable", None)  # up to Keras 3.6
    found: type = module.Variable if older is None else older
    return found


def is_variable(value: Any) -> bool:
    """Whether a value is a variable of Keras. Up to Keras 3.6 ``keras.Variable`` is not the class
    of those that layers make."""
    return isinstance(value, variable_base())


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of the backend in use, and stands for no other one."""
    import keras

    if version() < (3, 0):
        import tensorflow as tf

        return bool(tf.is_tensor(value))
    return bool(keras.ops.is_tensor(value)) and not isinstance(value, keras.KerasTensor)


def has_mask(tensor: Any) -> bool:
    """Whether a layer gave a tensor a mask."""
    return getattr(tensor, "_keras_mask", None) is not None


def epoch_iterator(backend: str) -> type:
    """The class that hands out the batches of an epoch."""
    names = {"jax": "JAXEpochIterator", "tensorflow": "TFEpochIterator"}
    name = names.get(backend, "TorchEpochIterator")
    found: type = getattr(_module(f"backend.{backend}.trainer"), name)
    return found


def hands_out_once(iterator_class: type) -> bool:
    """Whether an epoch iterator asks for its data when it is made and at no later pass.

    TensorFlow's did up to Keras 3.3.
    """
    init: Any = inspect.unwrap(iterator_class.__init__)  # type: ignore[misc]
    return "_get_iterator" in init.__code__.co_names


def begins_a_pass(iterator: Any) -> bool:
    """Whether such an iterator begins a new pass over its data with the epoch that begins now."""
    return not (iterator.steps_per_epoch and iterator._current_iterator)


def handed_out(iterator: Any) -> Any:
    """The data that such an iterator passes over."""
    return iterator._distributed_dataset


def hand_out(iterator: Any, data: Any) -> None:
    """Let such an iterator pass over ``data``."""
    iterator._distributed_dataset = data


def data_adapter() -> type:
    """The class of what ``fit`` reads its data from."""
    found: type = _module("trainers.data_adapters.data_adapter").DataAdapter
    return found


def array_adapter() -> Any:
    """The data adapter of arrays."""
    return _module("trainers.data_adapters.array_data_adapter").ArrayDataAdapter


def data_adapters() -> ModuleType:
    """The module whose ``get_data_adapter`` chooses a data adapter."""
    return _module("trainers.data_adapters")


#: operations of TensorFlow that draw, or call Python
_DRAWS = re.compile("Random|Multinomial|PyFunc")


def draws_in_maps(adapter: Any) -> bool | None:
    """Whether a function that a tf.data pipeline maps has operations that draw random numbers, or
    call Python, which may draw; None where a data adapter reads anything else."""
    dataset = getattr(adapter, "_dataset", None)
    if not callable(getattr(dataset, "_inputs", None)):
        return None
    waiting: list[Any] = [dataset]
    while waiting:
        stage = waiting.pop()
        waiting += stage._inputs()
        mapped = getattr(getattr(stage, "_map_func", None), "function", None)
        if mapped is None:
            continue
        graph = mapped.graph.as_graph_def()
        operations = (graph.node, *(f.node_def for f in graph.library.function))
        if any(_DRAWS.search(node.op) for nodes in operations for node in nodes):
            return True
    return False


def takes_adapters() -> bool:
    """Whether ``fit`` takes a data adapter as it is: since Keras 3.7."""
    return "DataAdapter" in data_adapters().get_data_adapter.__code__.co_names


def left_out_of_tracebacks() -> tuple[ModuleType | None, str, tuple[str, ...]]:
    """Folders whose frames Keras leaves out of tracebacks: the module, its attribute, the value.

    The module is None where this Keras keeps no such list.
    """
    module, name = _module("utils.traceback_utils"), "_EXCLUDED_PATHS"
    excluded = getattr(module, name, None)
    if not isinstance(excluded, tuple):
        return None, name, ()
    return module, name, excluded


def caller_of_wrapped(frame: FrameType) -> FrameType:
    """The frame that called a method of Keras: past the one by which Keras shortens tracebacks."""
    shortening = _module("utils.traceback_utils").__file__
    while frame.f_code.co_filename == shortening and frame.f_back is not None:
        frame = frame.f_back
    return frame


def users_of_tensorflow() -> tuple[ModuleType, ...]:
    """Modules that import TensorFlow, under the name ``tf``, on every backend."""
    return _module("utils.rng_utils"), _module("saving.serialization_lib")


def to_tensor(backend: str) -> Callable[..., Any]:
    """``convert_to_tensor`` of one backend."""
    found: Callable[..., Any] = _module(f"backend.{backend}.core").convert_to_tensor
    return found


def jax_operations() -> ModuleType:
    """The module in which the JAX backend computes convolutions and poolings."""
    return _module("backend.jax.nn")


def _module(name: str, package: str = "keras") -> ModuleType:
    return importlib.import_module(f"{package}.src.{name}")


# --- Keras 2 ----------------------------------------------------------------------------------

#: The oldest version of Keras 2 that is watched, and the newest with which that was tried.
OLDEST_2, NEWEST_2 = (2, 13), (2, 21)


@dataclass(frozen=True)
class Keras2:
    """What of a Keras 2 is changed to watch it."""

    data_handler: Any  # the class through which a fit reads its data
    array_adapter: Any  # the class that slices arrays for it
    makers: tuple[tuple[Any, str], ...]  # classes and their methods that make variables
    training: ModuleType  # the module whose function ``listed_metrics`` lists what evaluate returns
    listed_metrics: str

    def adapter(self, handler: Any) -> Any:
        """What a handler reads from."""
        return handler._adapter

    def handed_out(self, handler: Any) -> Any:
        """The data that a handler passes over."""
        return handler._dataset

    def hand_out(self, handler: Any, data: Any) -> None:
        """Let a handler pass over ``data``."""
        handler._dataset = data

    def validates_with(self, model: Any) -> Any:
        """The handler with which ``fit`` validates, None outside such a fit."""
        return getattr(model, "_eval_data_handler", None)


def keras_2(package: ModuleType) -> Keras2:
    """The classes of a Keras 2. WhydiffError for a version that is not known."""
    name, version_ = package.__name__, str(getattr(package, "__version__", "without a version"))
    found = re.match(r"(\d+)\.(\d+)", version_)
    if found is None or not OLDEST_2 <= (int(found[1]), int(found[2])) < (3, 0):
        raise WhydiffError(
            f"{name} {version_} is not known to whydiff, which was tested with {tested()}",
            "Install a newer Keras.",
        )
    data = _module("engine.data_adapter", name)
    optimizer = _module("optimizers.optimizer", name)._BaseOptimizer
    layer = _module("engine.base_layer", name).Layer
    return Keras2(
        data.DataHandler,
        data.TensorLikeDataAdapter,
        (
            (layer, "add_weight"),
            (optimizer, "add_variable"),
            (optimizer, "add_variable_from_reference"),
        ),
        _module("engine.training", name),
        "flatten_metrics_in_order",
    )


#: The method with which a step on JAX, in older versions, pins what it gives to the devices that
#: fit, evaluate or predict noted before; what they noted is None outside of them.
_PINS = "_enforce_jax_state_sharding"


@contextlib.contextmanager
def stateless_steps(model: Any) -> Iterator[None]:
    """Within, a step of ``model`` on JAX may be traced outside of fit, evaluate and predict."""
    if not hasattr(type(model), _PINS):
        yield
        return

    def unpinned(
        trainable_variables: Any = None,
        non_trainable_variables: Any = None,
        optimizer_variables: Any = None,
        metrics_variables: Any = None,
    ) -> tuple[list[Any], ...]:
        groups = (
            trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables,
        )  # fmt: skip
        return tuple(list(group or ()) for group in groups)

    vars(model)[_PINS] = unpinned
    try:
        yield
    finally:
        del vars(model)[_PINS]


# --- nested structures ------------------------------------------------------------------------


def map_leaves(function: Callable[[Any], Any], structure: Any) -> Any:
    """``function`` of every leaf, None among them."""
    import keras

    if hasattr(keras, "tree"):
        return keras.tree.map_structure(function, structure)
    return pack_leaves(structure, list(map(function, leaves_of(structure))))


def pack_leaves(structure: Any, leaves: Sequence[Any]) -> Any:
    """``leaves`` nested as those of ``structure`` are; ValueError where they are not as many."""
    import keras

    if hasattr(keras, "tree"):
        return keras.tree.pack_sequence_as(structure, list(leaves))
    import tensorflow as tf

    return tf.nest.pack_sequence_as(structure, list(leaves))


def leaves_of(structure: Any) -> list[Any]:
    """Leaves in Keras's order, None among them; Keras 2 has none of its own."""
    import keras

    tree = getattr(keras, "tree", None)
    if tree is None:
        return [leaf for _, leaf in _walk((), structure)]
    return list(tree.flatten(structure))


def leaves_with_paths(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Leaves in Keras's order, each with the keys that lead to it."""
    import keras

    if hasattr(getattr(keras, "tree", None), "flatten_with_path"):  # Keras 3.6 and newer
        return [(tuple(path), leaf) for path, leaf in keras.tree.flatten_with_path(structure)]
    return list(_walk((), structure))


def _walk(path: tuple[Any, ...], structure: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _walk((*path, key), structure[key])
    elif isinstance(structure, (list, tuple)):
        for number, part in enumerate(structure):
            yield from _walk((*path, number), part)
    else:
        yield path, structure


# --- layers and models ------------------------------------------------------------------------


def automatic_name(layer: Any) -> str | None:
    """The snake-case class name if Keras numbered this layer's name by itself."""
    package = package_of(layer)
    module = "utils.generic_utils" if is_keras_2(layer) else "utils.naming"
    stem = str(_module(module, package.__name__).to_snake_case(type(layer).__name__))
    if type(layer).__name__ == "InputLayer" and re.fullmatch(r"input_\d+", layer.name):
        return stem  # as Keras 2 calls it
    return stem if re.fullmatch(re.escape(stem) + r"(_\d+)?", layer.name) else None


def is_layer(operation: Any) -> bool:
    """Whether an operation of a graph is a layer; others are single operations."""
    return hasattr(operation, "_flatten_layers")


def sublayers(layer: Any) -> Sequence[Any]:
    """The layers that a layer holds itself."""
    if is_keras_2(layer):
        return list(layer._flatten_layers(recursive=False, include_self=False))
    return getattr(layer, "_layers", ())


def layer_tree(model: Any) -> list[Any]:
    """A model and all its layers, whatever holds others before what it holds."""
    return list(model._flatten_layers())


def companion(model: Any) -> dict[str, Any] | None:
    """The attributes of an object that a model holds for itself alone; None where it has none."""
    tracker = getattr(model, "_tracker", None)
    return None if tracker is None or is_keras_2(model) else vars(tracker)


def graph_of(model: Any) -> Any:
    """The functional model behind a sequential one, None for any other."""
    return getattr(model, "_functional", None)


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer holds itself; those of its seed generators are not among them."""
    kind = "weights" if is_keras_2(layer) else "variables"
    groups = (f"_trainable_{kind}", f"_non_trainable_{kind}")
    return [variable for group in groups for variable in getattr(layer, group, ())]


def variable_name(variable: Any) -> str:
    """What a layer calls its variable: ``kernel``, which is ``dense/kernel:0`` in Keras 2."""
    return str(variable.name).partition(":")[0].rpartition("/")[2]


def variable_path(variable: Any) -> str:
    """The name of a variable with those of the layers around it."""
    return str(getattr(variable, "path", None) or str(variable.name).partition(":")[0])


def has_weights(model: Any) -> bool:
    """Whether a model may be asked for its weights: one of Keras 2 raises before it is built."""
    return not is_keras_2(model) or bool(model.built)


def own_generators(layer: Any) -> Sequence[Any]:
    """The seed generators that a layer holds itself."""
    return getattr(layer, "_seed_generators", ())


def global_generator() -> Any:
    """The generator behind ``keras.random.normal(...)`` without a seed, if anything used it."""
    if version() < (3, 0):
        return None
    return _module("backend.common.global_state").get_global_attribute("global_seed_generator")


def kept_session() -> Callable[[], None]:
    """Puts back, when called, what Keras keeps for a whole process as it is now: the data type,
    names, the global generator, registered classes, a distribution."""
    state, config = _module("backend.common.global_state"), _module("backend.config")
    trackers = {n: getattr(state, n) for n in _TRACKERS if hasattr(state, n)}
    values = {n: v for n, v in vars(config).items() if n.startswith("_") and n.isupper()}
    registered = [(registry, dict(registry)) for registry in _registries()]

    def put_back() -> None:
        for name, tracker in trackers.items():
            setattr(state, name, tracker)
        for name, value in values.items():
            setattr(config, name, value)
        for registry, known in registered:
            registry.clear()
            registry.update(known)

    return put_back


def begin_session() -> None:
    """Let Keras forget names, the global generator and what else it keeps for a thread, as a new
    process would; :func:`kept_session` brings it back."""
    state = _module("backend.common.global_state")
    for name in _TRACKERS:
        if hasattr(state, name):
            setattr(state, name, threading.local())


def _registries() -> list[dict[Any, Any]]:
    """The classes that ``register_keras_serializable`` was given."""
    module = _module("saving.object_registration")
    names = ("GLOBAL_CUSTOM_OBJECTS", "GLOBAL_CUSTOM_NAMES")
    return [getattr(module, name) for name in names if hasattr(module, name)]


def takes_training(layer: Any) -> bool:
    """Whether a layer's ``call`` has an argument ``training``."""
    return bool(getattr(layer, "_call_has_training_arg", False))


def trains_by_default(layer: Any) -> bool:
    """Whether a layer that is called without a flag runs as in training."""
    argument = inspect.signature(layer.call).parameters.get("training")
    return argument is not None and argument.default is True


def training_argument(model: Any, training: bool = True) -> dict[str, bool]:
    """``{"training": training}`` for a model that takes it, else nothing."""
    return {"training": training} if takes_training(model) else {}


@dataclass(frozen=True)
class Node:
    """One call of an operation in a functional model, with the symbolic tensors around it."""

    operation: Any
    sources: tuple[Any, ...]  # the operations whose outputs it takes
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    keywords: Mapping[str, Any]


def graph_nodes(model: Any) -> Iterator[Node]:
    """The nodes of a functional model, those nearest to its inputs first."""
    for node in _nodes(model):
        if is_keras_2(model):
            inputs, operation = node.keras_inputs, node.layer
            keywords = _keywords_of_keras_2(node)
        else:
            arguments = getattr(node, "arguments", None)
            inputs = () if arguments is None else arguments.keras_tensors
            keywords = {} if arguments is None else arguments.kwargs
            operation = node.operation
        outputs = node.outputs
        many = outputs if isinstance(outputs, (list, tuple)) else (outputs,)
        sources = tuple(map(made_by, inputs))
        yield Node(operation, sources, tuple(inputs), tuple(many), keywords)


def _keywords_of_keras_2(node: Any) -> dict[str, Any]:
    """The keywords of a call. Where ``training=False`` was given Keras 2 keeps to it, whatever the
    model is called with; in Keras 3 the model's own argument counts."""
    keywords = dict(node.call_kwargs)
    if keywords.get("training") is False:
        keywords["training"] = "False, fixed"
    return keywords


def _nodes(model: Any) -> Iterator[Any]:
    graph = getattr(model, "_functional", None) or model
    by_depth = getattr(graph, "_nodes_by_depth", None) or {}
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def made_by(tensor: Any) -> Any:
    """The operation whose output a symbolic tensor is."""
    history = tensor._keras_history
    return history.operation if hasattr(history, "operation") else history.layer


def symbolic_inputs(model: Any) -> Any:
    """What a model takes, as symbolic tensors nested as it was given; None where it has none."""
    try:
        return model._inputs_struct if hasattr(model, "_inputs_struct") else model.inputs
    except Exception as error:  # a subclassed model
        pass_on(error)
        return None


def steps_at_once(model: Any) -> int:
    """How many steps a call of the train function makes."""
    count = getattr(model, "steps_per_execution", None)
    if count is None and is_keras_2(model):
        held = model._steps_per_execution
        count = None if held is None else held.numpy()
    return max(1, int(count or 1))


def compiled_step(model: Any) -> Any:
    """The compiled function that makes one step of a batch, of a model on TensorFlow whose train
    function is Keras's own and calls it once; None of any other."""
    function = model.train_function
    while (held := closed_over(function)).keys() == {"function", "watcher"}:  # watched
        function = held["function"]
    step = held.get("one_step_on_data")
    alone = not model.run_eagerly and steps_at_once(model) == 1
    compiled = hasattr(getattr(step, "__wrapped__", None), "get_concrete_function")
    return step if alone and compiled and package_of(model).__name__ == "keras" else None


def jitted_step(model: Any) -> Any:
    """The function of (state, batch) that makes one step of a model on JAX, not compiled, whose
    train function is Keras's own, compiles it and calls it once; None of any other."""
    function = model.train_function
    while (held := closed_over(function)).keys() == {"function", "watcher"}:  # watched
        function = held["function"]
    alone = not model.run_eagerly and steps_at_once(model) == 1
    compiled = held.get("step_function") if held.keys() == {"step_function"} else None
    return getattr(compiled, "__wrapped__", None) if alone else None


def setting(layer: Any, key: str, value: Any) -> Any:
    """A setting of a layer as Keras 3 has it: what Keras 2 makes of an axis once the layer is
    built, ``[1]`` of ``-1``, is what was given again."""
    if key == "axis" and isinstance(value, (list, tuple)) and is_keras_2(layer):
        rank = getattr(layer.input_spec, "ndim", None)
        if rank is None:  # not noted; known of a layer in a graph
            rank = len(getattr(layer, "input_shape", None) or ())
        given = inspect.signature(type(layer).__init__).parameters.get("axis")
        if rank and given is not None and [axis - rank for axis in value] == [given.default]:
            return given.default
    return value


def regularizer_of(layer: Any, variable: Any) -> Any:
    """The regularizer of a variable that a layer holds, None without one."""
    if is_keras_2(layer):
        return getattr(layer, f"{variable_name(variable)}_regularizer", None)
    return getattr(variable, "regularizer", None) if variable.trainable else None


def penalty(regularizer: Any) -> Any:
    """The settings of a regularizer as they were written: Keras 2 keeps them as float32."""
    if not is_keras_2(regularizer):
        return regularizer
    settings = dict(regularizer.get_config())
    for key, value in settings.items():
        if isinstance(value, float) and value == float(np.float32(value)):
            settings[key] = float(str(np.float32(value)))
    return {"class": type(regularizer).__name__, **settings}


def reduction_of(loss: Any) -> str:
    """How a loss puts samples together; Keras 2's "auto" is the mean within ``fit``."""
    reduction = str(getattr(loss, "reduction", "sum_over_batch_size"))
    return "sum_over_batch_size" if reduction == "auto" else reduction


def compile_settings(model: Any) -> Mapping[str, Any] | None:
    """The arguments of ``compile`` as Keras keeps them, if it does."""
    known = getattr(getattr(model, "_compile_config", None), "config", None)
    return known if isinstance(known, Mapping) else None


def wrapped_function(thing: Any) -> Any:
    """The function that a loss or metric of Keras's wraps; anything else as it is."""
    return getattr(thing, "fn", getattr(thing, "_fn", thing))


def loss_settings(loss: Any) -> dict[str, Any]:
    """The keyword arguments with which a loss calls its function."""
    return dict(getattr(loss, "_fn_kwargs", {}))


def validates_with(model: Any) -> Any:
    """The epoch iterator with which ``fit`` validates, None outside such a fit."""
    return getattr(model, "_eval_epoch_iterator", None)


def build_symbolically(model: Any, batch: Any) -> None:
    """Make the variables of metrics and loss, as ``fit`` does from its first batch."""
    model._symbolic_build(data_batch=batch)


def let_see(callback: Any, model: Any) -> None:
    """Give a callback its model, which need not be one of Keras's."""
    callback._model = model


# --- calls and files --------------------------------------------------------------------------

#: The trainer's method that makes a list of the metrics that ``evaluate`` returns.
LISTED_METRICS = "_flatten_metrics_in_order"
#: The layer's method that decides the training flag of a call, since Keras 3.11.
RESOLVED_ARGUMENT = "_resolve_and_populate_arg"


def shows_training_flags() -> bool:
    """Whether this Keras decides a layer's training flag where it can be looked on."""
    import keras

    return RESOLVED_ARGUMENT in vars(keras.Layer)


def trainer_base(keras: ModuleType) -> type:
    """The class whose ``__init__`` every model runs."""
    second = str(keras.__version__).startswith("2.")
    found: type = keras.Model if second else _module("trainers.trainer").Trainer
    return found


def saving_functions(keras: ModuleType) -> ModuleType:
    """The module with ``load_model``, ``save_model``, ``load_weights`` and ``save_weights``."""
    return _module("saving.saving_api", keras.__name__)


def in_stateless_scope() -> bool:
    """Whether variables have other values at the moment than their own; in Keras 2 never."""
    if version() < (3, 0):
        return False
    return bool(_module("backend.common.stateless_scope").in_stateless_scope())


def in_steps_state(model: Any) -> bool:
    """Whether the values of a model that trains are in its steps' state, not in its variables."""
    return hasattr(model, "jax_state_sync") and not getattr(model, "_jax_state_synced", False)


def modules_with(keras: ModuleType, thing: Any) -> Iterator[tuple[ModuleType, str]]:
    """(module, name) wherever a module of Keras holds ``thing``."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == keras.__name__ and isinstance(module, ModuleType):
            held = [attribute for attribute, value in list(vars(module).items()) if value is thing]
            yield from ((module, attribute) for attribute in held)


# --- variables and optimizers -----------------------------------------------------------------

#: The method that gives a variable made inside a traced program its first value.
DEFERRED = "_deferred_initialize"
#: TensorFlow alone: the method by which a checkpoint fills a variable, at once or as it is made.
RESTORED = "_restore_from_tensors"


def held_value(variable: Any) -> Any:
    """The tensor that a variable holds, None before it has one."""
    return getattr(variable, "_value", None)


def first_shape(variable: Any) -> tuple[Any, ...]:
    """The shape of a variable that may not hold a value yet."""
    return tuple(variable._shape)


def initializer_of(variable: Any) -> Any:
    """What will give a variable that holds no value yet its first one."""
    return variable._initializer


def told_without_warning(thing: Any) -> Any:
    """What to ask for its ``get_config``: the thing, or for an optimizer one like it.

    An optimizer turns the variable of its learning rate into an array by a way of which NumPy
    warns; the value of that variable it reads without. A script that shows all warnings, or has
    them raised, would see it.
    """
    rate = getattr(thing, "__dict__", {}).get("_learning_rate")
    held = held_value(rate) if is_variable(rate) else None
    if held is None:
        return thing
    if not hasattr(type(held), "__float__"):  # TensorFlow's mirrored variables
        held = held.read_value()
    like = object.__new__(type(thing))
    like.__dict__.update(thing.__dict__, _learning_rate=held)
    return like


def optimizer_variables(optimizer: Any) -> list[Any]:
    """All variables of an optimizer; for Keras 2's legacy ones they are a method.

    Without momentum Keras 2's SGD keeps an update per weight of which no later step reads anything.
    """
    variables = optimizer.variables
    found = list(variables() if inspect.ismethod(variables) else variables)
    momentum = getattr(optimizer, "momentum", None)
    if is_keras_2(optimizer) and isinstance(momentum, int | float) and momentum == 0:
        unread = {id(v) for v in getattr(optimizer, "momentums", ())}
        found = [v for v in found if id(v) not in unread]
    rate = rate_of(optimizer)
    if is_keras_2(optimizer) and hasattr(rate, "assign") and all(v is not rate for v in found):
        found.insert(1, rate)  # where it stands in Keras 3
    return found


def trained_variables(optimizer: Any) -> Sequence[Any]:
    """The variables that an optimizer was built for."""
    return getattr(optimizer, "_trainable_variables", ())


def rate_of(optimizer: Any) -> Any:
    """An optimizer's learning rate as it holds it: a variable, a schedule, or None."""
    return getattr(optimizer, "_learning_rate", None)


def left_out_of_decay(optimizer: Any) -> tuple[re.Pattern[str] | None, Callable[[Any], bool]]:
    """(pattern of names, whether a variable was named itself): what weight decay leaves out."""
    own: set[Any] = getattr(optimizer, "_exclude_from_weight_decay", set())
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return pattern, lambda variable: bool(own) and optimizer._var_key(variable) in own


def leave_out_of_decay(optimizer: Any, variables: Sequence[Any], pattern: Any) -> None:
    """Let weight decay leave out ``variables`` and those whose names match ``pattern``."""
    optimizer.exclude_from_weight_decay(var_list=list(variables))
    optimizer._exclude_from_weight_decay_pattern = pattern


# --- data -------------------------------------------------------------------------------------


#: Methods of JAX's epoch iterator that move batches to the device, of which each version has one.
_TRANSFERS = ("_prefetch_numpy_iterator", "_one_batch_ahead_iterator")


def transfers(iterator_class: type) -> tuple[str, ...]:
    """The methods of an epoch iterator that take batches and hand them out on the device."""
    return tuple(name for name in _TRANSFERS if hasattr(iterator_class, name))


def shuffles(adapter: Any) -> Any:
    """How a data adapter of arrays shuffles: True, False, or ``"batch"``."""
    return adapter._shuffle


def arrays_of(adapter: Any) -> Any:
    """The arrays that a data adapter of arrays slices, as ``(x, y, sample_weight)`` or less."""
    return adapter._inputs


def in_row_order(adapter: Any, size: int) -> Iterator[Any]:
    """The batches of arrays, ``size`` rows each, in the order of the rows.

    A copy of the adapter with shuffling off is read; no generator is touched and the adapter
    that feeds the training is left alone.
    """
    rows = copy.copy(adapter)
    rows._shuffle = False
    rows._batch_size = size
    rows._size = -(-rows._num_samples // size)
    batches: Iterator[Any] = rows.get_numpy_iterator()
    return batches


def distribution_of_keras() -> Any:
    """The distribution that is set for all of Keras, None where there is none."""
    import keras

    try:
        return keras.distribution.distribution()
    except Exception as error:  # a version or backend without it
        pass_on(error)
        return None
