"""Watching one measuring call: what the model was, what it was fed, what it gave."""

from __future__ import annotations

import random
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import xxhash

from whydiff.core.calls import (
    EXPORTED,
    CallRecipe,
    GeneratorState,
    MeasuringCall,
    Origin,
    Output,
)
from whydiff.core.digests import tensor_digest
from whydiff.core.interrupting import quietly
from whydiff.core.live import LiveCall
from whydiff.core.recipe import Tensor
from whydiff.core.stack import Frame
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import (
    is_keras_2,
    leaves_of,
    map_leaves,
    package_of,
    shows_training_flags,
    trains_by_default,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import title_of
from whydiff.keras_backend.variables import Slot, variables_of
from whydiff.recorder.feed import KINDS
from whydiff.recorder.guard import told_later
from whydiff.recorder.measuring.described import Described
from whydiff.recorder.measuring.held import Held, held_values, settings_of
from whydiff.recorder.measuring.inputs import Fed, own_source
from whydiff.recorder.measuring.rows import rows_of_structure
from whydiff.recorder.measuring.traces import Seen, as_held_values, weak
from whydiff.recorder.samples import array_rows

#: What the compiled function of a kind of call is called.
_FUNCTIONS = {"evaluate": "test", "predict": "predict"}
#: Tensors of a call with their origins, and the values where these are kept.
Weights = tuple[tuple[Tensor, ...], tuple[Origin, ...], list[np.ndarray]]
#: Outputs of a call are kept up to so many bytes.
SMALL_OUTPUTS = 4 << 20


class Flags:
    """Training flags by layer, from the last time the model's Python code ran."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.ran = False
        self._flags: dict[int, list[Any]] = {}

    def model_runs(self, model: Any) -> None:
        """The Python code of a model runs: eagerly, or because a function is traced."""
        if model is self.model:
            self.ran = True
            self._flags.clear()

    def resolved(self, layer: Any, training: Any) -> None:
        """The training flag that a layer is called with."""
        if not isinstance(training, (bool, int, type(None))):
            training = type(training).__name__
        flags = self._flags.setdefault(id(layer), [])
        if training not in flags:
            flags.append(training)

    def by_layer(self) -> dict[int, Any]:
        """By id of the layer; all flags in their order where it was called with several."""
        return {
            key: flags[0] if len(flags) == 1 else list(flags) for key, flags in self._flags.items()
        }


class Validation(Flags):
    """``fit`` evaluates on its own: no call of the script's, but the function it traces is the
    one that a later ``evaluate`` runs."""

    def __init__(self, book: Any, model: Any) -> None:
        super().__init__(model)
        self._book = book
        self.trouble = ""

    def claim(self, iterator: Any) -> None:
        """The data belong to the fit."""

    def sees(self, iterator: Any) -> bool:
        del iterator
        return False

    def tee(self, iterable: Any) -> Any:
        return iterable

    def measured(self, logs: Any, listed: Any) -> None:
        """The numbers belong to the fit."""

    def gave(self, result: Any) -> None:
        """The function was traced, if it had to be."""
        del result
        if not self.ran:
            return
        with quietly():
            names, flags = Names(self.model), self.by_layer()
            held = held_values(names, adapter_of(self.model).to_numpy)
            function = getattr(self.model, "test_function", None)
            seen = Seen(True, flags, (), held, settings_of(names))
            self._book.traces.ran(self.model, "test", function, seen)


@dataclass(frozen=True)
class Invocation:
    """Which of a model's methods was called, and where."""

    number: int  # among the execution's calls
    kind: str
    method: str
    stack: tuple[Frame, ...]
    within: Mapping[str, Any] | None = None  # notes of the training that it was called in


class Measuring(Flags):
    """One call of ``evaluate``, ``predict``, ``*_on_batch`` or of the model itself."""

    def __init__(
        self, book: Any, model: Any, arguments: Mapping[str, Any], invocation: Invocation
    ) -> None:
        super().__init__(model)
        self.number, self.kind = invocation.number, invocation.kind
        self._invocation = invocation
        self.trouble = ""
        self._exported = ("", "")  # where a model was exported to, and the function called there
        self._run_exported: Callable[[Any], Any] | None = None
        self.thrown_away = False  # whether the script does nothing with what it gives
        self._book = book
        self._object: int | None = book.number_of(arguments.get("x"))
        self._arguments = {
            key: value
            for key, value in arguments.items()
            if key not in ("x", "y", "sample_weight", "callbacks", "self")
        }
        self._adapter = adapter_of(model)
        self._backend = str(package_of(model).backend.backend())
        self._fed = Fed(self._adapter.to_numpy, book.keep_bytes)
        self._source: dict[str, Any] = {}
        # What hands out the batches; weakly, for it holds us while it shows them.
        self._iterator: weakref.ref[Any] | None = None
        self._whole = False  # whether all rows were read at once, from arrays
        self._passes = self._seen_pass = 0
        self._of_one_size = False
        self._logs: Mapping[str, Any] = {}
        self._listed: list[str] = []  # metrics in the order of the list that evaluate returns
        self._weights: dict[int, np.ndarray | None] = {}  # by id of the variable, before the call
        self._noise: dict[int, np.ndarray] = {}
        self._held: list[Held] = []
        self._described: Described | None = None  # where the model is whole before the call
        self._outputs: tuple[Output, ...] = ()
        self._values: dict[str, float] = {}
        self._generators: dict[str, tuple[str, Any]] = {}
        self._before()
        self._started = monotonic()

    # --- before -----------------------------------------------------------------------------------

    @told_later
    def _before(self) -> None:
        book = self._book
        names, signature = book.descriptions.names(self.model)
        self._held = held_values(names, self._adapter.to_numpy)
        if all(layer.built for layer in names.layers.values()):
            self._described = book.descriptions.of(
                self.model,
                book.compiled(self.model),
                [one.digest for one in self._held],
                signature,
            )
        whole = self._described
        slots = variables_of(self.model, names) if whole is None else whole.variables
        weights = self._read(slots.weights)
        self._noise = {key: np.array(value) for key, value in self._read(slots.noise).items()}
        self._digests = book.digests_of(self.model, weights)
        if not self._book.keep_bytes:
            self._weights = dict.fromkeys(weights)
        else:
            self._weights = {
                key: self._book.kept(self._digests[key], value) for key, value in weights.items()
            }
        self._generators = global_generators(self._adapter, self._backend)

    def _read(self, slots: tuple[Slot, ...]) -> dict[int, np.ndarray]:
        return {id(s.variable): self._adapter.to_numpy(s.variable) for s in slots}

    # --- data -------------------------------------------------------------------------------------

    @told_later
    def claim(self, iterator: Any) -> None:
        """The epoch iterator that feeds this call; the first that is made during it."""
        data = iterator.data_adapter
        rows = None if self._iterator is not None else array_rows(data, 1 << 30)
        rows = None if rows is None else list(rows)
        self.fed_by(iterator, data, getattr(data, "batch_size", None), rows,
                    iterator.steps_per_epoch)  # fmt: skip

    @told_later
    def fed_by(
        self, iterator: Any, data: Any, size: Any, rows: list[Any] | None, steps: int | None
    ) -> None:
        """``iterator`` hands out this call's batches, from the data adapter ``data``.

        ``rows`` are all rows of arrays as one batch, None where batches are seen on their way.
        """
        if self._iterator is not None:
            return
        self._iterator, self._whole = weakref.ref(iterator), rows is not None
        kind = type(data).__name__
        self._source["source"] = KINDS.get(kind, kind.removesuffix("Adapter"))
        self._source |= own_source(data)
        self._source["object"] = self._object
        self._source["batch_size"] = None if size is None else int(size)
        if rows is not None:
            parts = _joined(rows)
            count = int(leaves_of(parts)[0].shape[0]) if parts else 0
            sizes = _sizes(count, int(size or count), steps)
            whole = map_leaves(lambda leaf: None if leaf is None else leaf[: sum(sizes)], parts)
            self._fed.add_parts(tuple(whole), sizes)

    def sees(self, iterator: Any) -> bool:
        """Whether this iterator hands out the batches of this call."""
        mine = self._iterator is not None and self._iterator() is iterator
        return mine and not self.trouble

    def tee(self, iterable: Any) -> Any:
        """``iterable``, with our eyes on it where its batches are to be looked at on their way;
        asked for once per pass."""
        self._of_one_size = self._adapter.of_one_size(iterable)
        if self._whole:
            return iterable
        self._passes += 1
        teed = self._adapter.tee(iterable, self._shown(self._passes))
        if teed is None:
            self._source["unseen"] = type(iterable).__name__
        return iterable if teed is None else teed

    def _shown(self, number: int) -> Callable[[Any], None]:
        """What sees the batches of one pass. TensorFlow keeps it for good, so it keeps no model."""
        me = weakref.ref(self)

        def show(batch: Any) -> None:
            measuring = me()
            if measuring is not None:
                measuring._show(number, batch)

        return show

    @told_later
    def _show(self, number: int, batch: Any) -> None:
        if number != self._seen_pass:  # a pass that was only begun is none
            self._fed.begin_pass()
            self._seen_pass = number
        self._fed.add(batch)

    @told_later
    def given(self, *parts: Any) -> None:
        """x, y and sample weights of a call of one batch."""
        self._source["source"] = "arrays"
        self._fed.add_parts(parts)

    # --- while it runs ----------------------------------------------------------------------------

    def exported_to(self, path: str, endpoint: str, function: Callable[[Any], Any]) -> None:
        """It is no call of the model itself, but of a function that it was exported to."""
        self._exported, self._run_exported = (path, endpoint), function

    def runs_with(self, training: bool | None) -> None:
        """The flag that such a function was exported with; None where it is not known."""
        if training is None:
            super().model_runs(self.model)  # what was tried tells nothing
        elif training:
            self._arguments["training"] = True

    def model_runs(self, model: Any) -> None:
        """What a loader drew for itself before the first batch is none of the model's."""
        first = not self.ran
        super().model_runs(model)
        if first and self.ran and not self._adapter.compiles:
            self._begin_draws()

    @told_later
    def _begin_draws(self) -> None:
        state = self._adapter.random_state()
        if state is not None:
            state = np.array(state)
            self._generators[self._backend] = (tensor_digest(state), state)

    def measured(self, logs: Any, listed: Any) -> None:
        """The numbers of ``evaluate`` by name, and as the list that it returns."""
        self._logs = dict(logs or {})
        parts = listed if isinstance(listed, list) else []
        names = [next((k for k, v in self._logs.items() if v is part), "") for part in parts]
        self._listed = names if all(names) else []

    # --- after ------------------------------------------------------------------------------------

    @told_later
    def gave(self, result: Any) -> None:
        """The call returned ``result``."""
        self._seconds = monotonic() - self._started
        if self.kind == "evaluate":
            self._values = numbers(self._logs or (result if isinstance(result, dict) else {}))
            if not self._values and isinstance(result, (int, float)):
                self._values = {"loss": float(result)}
            return
        found = rows_of_structure(result, self._adapter.to_numpy)
        small = sum(one.array.nbytes for one in found) <= SMALL_OUTPUTS
        self._outputs = tuple(
            Output(
                "" if len(found) == 1 else one.path,
                one.dtype,
                one.shape,
                one.rows,
                np.array(one.array) if small and one.array.dtype.kind in "biufc" else None,
            )
            for one in found
        )

    def finish(self, completed: bool) -> tuple[MeasuringCall, LiveCall | None] | None:
        """The whole call, and what it takes to run it again; None where it could not be watched."""
        made = self._finish(completed)
        if self.trouble and not completed:  # the script hears of it from Keras
            return None
        if self.trouble:
            print(f"whydiff: call {self.number} is not recorded: {self.trouble}", file=sys.stderr)
            return None
        found: tuple[MeasuringCall, LiveCall | None] = made
        return found

    @told_later
    def _finish(self, completed: bool) -> Any:
        book, to_numpy = self._book, self._adapter.to_numpy
        compiled = book.compiled(self.model)
        described, held = self._described, self._held
        if described is None:  # built by this call
            held = held_values(Names(self.model), to_numpy)
            described = book.descriptions.of(self.model, compiled, [one.digest for one in held])
        weights, origins, arrays = self._weight_tensors(described)
        noise, states = self._noise_tensors(described)
        rows = len(self._outputs[0].rows) if self._outputs and self.kind == "predict" else None
        inputs = self._fed.inputs(
            {**self._source, "batch_size": self._arguments.get("batch_size")
             or self._source.get("batch_size"), "steps": self._arguments.get("steps")},
            rows,
        )  # fmt: skip
        flags, traced, function = self._trace(held, described.settings)
        held = [*held, *book.traces.set_since(self.model, described.settings)]
        if function is not None:
            noise += self._book.traces.drawing(self.model, _FUNCTIONS[self.kind])
        mode = {
            # What a graph was built with gives way to the flag that a call passes.
            **_baked(described.facts["mode"], described.names),
            "training": self._arguments.get("training"),
            **self._layer_flags(described.names, flags),
            "eager": self._eager(),
            "through": self.kind,
        }
        if isinstance(mode["training"], np.generic) or not isinstance(
            mode["training"], (bool, int, type(None))
        ):
            mode["training"] = str(mode["training"])
        notes: dict[str, Any] = dict(described.trouble)
        if self._invocation.method not in ("evaluate", "predict", "call"):
            notes["method"] = self._invocation.method
        if self._exported[0]:
            notes[EXPORTED] = list(self._exported)
        if is_keras_2(self.model) or not shows_training_flags():
            notes["unknown: training flags"] = "this Keras does not show them at each layer"
        notes |= self._invocation.within or {}
        if self.thrown_away:
            notes["thrown away"] = True
        if len(self._listed) > 1:
            notes["listed"] = self._listed
        outputs = getattr(self.model, "output_names", None) if self.kind == "evaluate" else None
        if isinstance(outputs, list) and len(outputs) > 1:
            notes["outputs"] = [str(name) for name in outputs]
        if "unseen" in self._source:
            notes["unknown: inputs"] = f"batches of a {self._source['unseen']} were not seen"
        facts = {
            name: described.facts.get(name, {})
            for name in ("architecture", "precision", "backend", "version", "hardware",
                         "arithmetic")
        }  # fmt: skip
        if self.kind == "evaluate":
            facts |= {n: described.facts.get(n, {}) for n in ("objective", "measurement")}
        call = MeasuringCall(
            number=self.number,
            kind=self.kind,
            model=title_of(self.model),
            model_number=book.models.of(self.model).number,
            stack=self._invocation.stack,
            recipe=CallRecipe(
                weights=weights,
                origins=origins,
                noise=noise,
                generators=self._generator_states(),
                inputs=inputs,
                state=as_held_values(held, traced),
                mode=mode,
                **facts,
            ),
            outputs=self._outputs,
            values=self._values,
            finished=completed,
            seconds=getattr(self, "_seconds", monotonic() - self._started),
            notes=notes,
        )
        if not completed or not book.keep_bytes:
            return call, None
        live = LiveCall(
            call=call,
            model=self.model,
            weights=tuple(arrays),
            noise=tuple(states),
            generators={name: state for name, (_, state) in self._generators.items()},
            fed=None if self._fed.fed is None else tuple(self._fed.fed),
            arguments=self._arguments,
            held={one.name: one.raw for one in held},
            traced={name: one.raw for name, one in traced.items()},
            compile_arguments=compiled,
            function=weak(function),
            trainable=described.trainable,
            exported=self._run_exported,
            of_one_size=self._of_one_size,
        )
        return call, live

    def _weight_tensors(self, described: Described) -> Weights:
        book = self._book
        known: Weights | None = book.weights_known(self.model, described, self._digests)
        if known is not None:
            return known
        tensors, origins, arrays = [], [], []
        slots = described.variables.weights
        for slot in slots:
            value = self._weights.get(id(slot.variable))
            digest = self._digests.get(id(slot.variable))
            if digest is None:  # the call made it: its value has not changed since
                array = self._adapter.to_numpy(slot.variable)
                digest = tensor_digest(array)
                value = book.kept(digest, array) if book.keep_bytes else None
            tensors.append(
                Tensor(
                    slot.path,
                    slot.role,
                    tuple(slot.variable.shape),
                    str(slot.variable.dtype),
                    digest,
                    book.trained_by.get(digest),
                )
            )
            origins.append(self._given(slot, digest) or book.origin(self.model, slot, digest))
            if value is not None:
                arrays.append(value)
        number = book.models.of(self.model).number
        book.provenance.keep_homes(slots, number, [tensor.digest for tensor in tensors])
        found = tuple(tensors), tuple(origins), arrays
        book.know_weights(self.model, described, self._digests, found)
        return found

    def _given(self, slot: Slot, digest: str) -> Origin | None:
        if self._exported[0]:
            origin: Origin | None = self._book.provenance.exported(slot, digest, self._exported[0])
            return origin
        if self._invocation.method != "stateless_call":
            return None
        line = self._invocation.stack[-1].line if self._invocation.stack else None
        found: Origin | None = self._book.provenance.given(slot, digest, line)
        return found

    def _noise_tensors(self, described: Described) -> tuple[tuple[Tensor, ...], list[np.ndarray]]:
        tensors, states = [], []
        for slot in described.variables.noise:
            key = id(slot.variable)
            value = self._noise.get(key)
            if value is None:  # made during the call: as it was before its first draw
                value = self._book.provenance.first_noise.get(key)
            if value is None:
                value = np.array(self._adapter.to_numpy(slot.variable))
            states.append(value)
            tensors.append(
                Tensor(slot.path, slot.role, value.shape, value.dtype.name, tensor_digest(value))
            )
        return tuple(tensors), states

    def _trace(
        self, held: list[Held], settings: Mapping[str, Held]
    ) -> tuple[Mapping[int, Any], Mapping[str, Held], Any]:
        """Training flags by layer, values that the function was traced with, the function."""
        flags = self.by_layer()
        if self._eager():
            return flags, {}, None
        name = _FUNCTIONS[self.kind]
        function = getattr(self.model, f"{name}_function", None)
        seen = Seen(self.ran, flags, self._fed.shapes, held, settings)
        found, used = self._book.traces.ran(self.model, name, function, seen)
        return found, used, function

    def _layer_flags(self, names: Names, flags: Mapping[int, Any]) -> dict[str, Any]:
        return {
            f"training:{path}": flags[id(layer)]
            for path, layer in names.layers.items()
            if path and id(layer) in flags
        }

    def _eager(self) -> bool:
        if self.kind == "call" or bool(self.model.run_eagerly):
            return True
        if bool(self._adapter.arithmetic().get("functions run eagerly")):
            return True
        return self._backend == "torch" and not bool(self.model.jit_compile)

    def _generator_states(self) -> tuple[GeneratorState, ...]:
        after = global_generators(self._adapter, self._backend)
        return tuple(
            GeneratorState(name, before, after[name][0], self._by_loader(name))
            for name, (before, _) in self._generators.items()
            if name in after
        )

    def _by_loader(self, name: str) -> bool:
        """Whether a loader drew all that was drawn: a seed of its own for each pass."""
        if self._iterator is None or name != self._backend:
            return False
        _, before = self._generators[name]
        draws = self._adapter.draws_between(before, np.array(self._adapter.random_state()))
        return draws is not None and draws <= 2


def _baked(mode: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The flags that a graph was built with. What a layer takes by default was not asked for,
    though the graph holds it as well."""
    found = {}
    for key, value in mode.items():
        kind, _, path = key.partition(":")
        layer = names.layers.get(path) if kind == "training" else None
        if layer is None or value is not True or not trains_by_default(layer):
            found[key.replace("training:", "baked:")] = value
    return found


def global_generators(backend: Any, name: str) -> dict[str, tuple[str, Any]]:
    """(digest, state) of Python's, NumPy's and the global generator of the backend of that name."""
    python = random.getstate()
    legacy = np.random.get_state()
    own = backend.random_state()
    found = {
        "python": (_digest(("", python[1], 0, 0, python[2])), python),
        "numpy": (_digest(legacy), legacy),
    }
    seeds = backend.operation_seeds()
    if seeds is not None:
        found[name] = (_digest(("", seeds[1], 0, 0, seeds[2])), seeds)
    if own is not None:
        own = np.array(own)
        found[name] = (tensor_digest(own), own)
    return found


def _digest(state: Any) -> str:
    _, keys, position, has_gauss, gauss = state
    digest = xxhash.xxh3_128(np.asarray(keys, np.uint64).tobytes())
    digest.update(f"{position} {has_gauss} {gauss!r}".encode())
    return str(digest.hexdigest())


def _joined(batches: list[Any]) -> tuple[Any, ...]:
    """One batch of all rows: (x,), (x, y) or (x, y, sample_weight)."""
    if not batches:
        return ()
    (whole,) = batches
    return whole if isinstance(whole, tuple) else (whole,)


def _sizes(count: int, size: int, steps: int | None) -> list[int]:
    """Rows of each batch of arrays of ``count`` rows."""
    size = max(1, size)
    sizes = [min(size, count - start) for start in range(0, count, size)]
    return sizes if steps is None else sizes[: int(steps)]
