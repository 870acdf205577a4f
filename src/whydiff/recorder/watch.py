"""Watching one fit: what goes in before its first step, digests of every step, what comes out."""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from types import CodeType
from typing import Any

import numpy as np

from whydiff.core import recording
from whydiff.core.digests import group_digest, numbers_digest, tensor_digest
from whydiff.core.hybrids import Pins
from whydiff.core.interrupting import HANDLERS, pass_on
from whydiff.core.live import Live, Origins, Samples, asked_of_fit
from whydiff.core.recipe import Recipe, Tensor
from whydiff.core.recording import (
    ASKED,
    CALLBACKS_CHANGED,
    EVERY,
    FEED_DRAWS,
    FIRST_STEPS,
    LEDGER,
    LEDGER_AT_FIRST_STEP,
    LOG_UNSEEN,
    MEASURED_WITHIN,
    RANDOM_MAP,
    RATE_SETTERS,
    RATES,
    STANDARDIZED,
    STEP_RATES,
    TRAINABLE_SET,
    Epoch,
)
from whydiff.core.stack import Frame
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.callbacks import fresh_callback, listed, numbers, sort_callbacks
from whydiff.keras_backend.code import Outside, is_users
from whydiff.keras_backend.host_generators import generators_held, never_alike
from whydiff.keras_backend.internals import distribution_of_keras, package_of, steps_at_once
from whydiff.keras_backend.subject import layers_of, models_of, optimizers_of, title_of
from whydiff.keras_backend.variables import Slot, Variables, tensor
from whydiff.recorder.asked import asked_for
from whydiff.recorder.describe import Training, applied_only, describe, optimizer_facts
from whydiff.recorder.describe.recipe import rate_setter, written_at
from whydiff.recorder.describe.training import metric_state, not_reset
from whydiff.recorder.feed import Feed
from whydiff.recorder.feed_draws import feed_draws
from whydiff.recorder.guard import never_in_the_way, say, unharmed
from whydiff.recorder.interference import Interference
from whydiff.recorder.ledger import Ledger, user_stack
from whydiff.recorder.material import material_of
from whydiff.recorder.measuring.formulas.frames import parsed
from whydiff.recorder.randomness import (
    GlobalGenerator,
    HostGenerators,
    operation_tensors,
    pin_generator,
)
from whydiff.recorder.reads import SetAside, reads_of, stale, stored_before, told, values_now, weak
from whydiff.recorder.starting import Start
from whydiff.recorder.step_snapshot import AtOnce, Left, StepSnapshots
from whydiff.recorder.steps import Steps
from whydiff.script_text.printed import keys_read, throws_away
from whydiff.stats.standardized import MOST_NUMBERS, can_be_told, standardized_over
from whydiff.storage import Writer

#: changes of the learning rate that are noted
_MOST_RATES = 1000
#: settings of ``trainable`` that are noted
_MOST_FLAGS = 50


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen before a training begins: digests that earlier trainings left, with the number
    of the fit that did, the ledger of seeds, and what earlier trainings set besides variables,
    or with which callbacks of the script's own."""

    trained_by: Mapping[str, int]
    ledger: Ledger
    set_aside: SetAside
    acted: set[type]


class Watch:
    """Everything about one running fit. Made when ``fit`` is called, finished when it returns."""

    #: Whether it pays to copy what a step leaves and read the copy later.
    copies = True

    def __init__(
        self,
        index: int,
        training: Training,
        seen: Seen,
        writer: Writer,
        keep_bytes: int,
        pins: Pins | None = None,
    ) -> None:
        self.index, self.model = index, training.model
        model, ledger = training.model, seen.ledger
        self.trouble = ""
        self._stack = user_stack()
        self._adapter = adapter_of(model)
        self.feed = Feed(self._adapter, keep_bytes)
        self._fit, self._compiled = dict(training.fit), dict(training.compiled)
        # Read now: while a step's state travels, a learning rate may have no value to read.
        self._optimizer_facts = optimizer_facts(model)
        self._given = listed(self._fit.get("callbacks"))
        self._callbacks = [fresh_callback(c) for c in self._given]
        self._ledger, self._writer = ledger, writer
        self._start = Start(self._adapter, model, seen.trained_by)
        self._set_aside = seen.set_aside
        self._recipe: Recipe | None = None
        self._epoch = self._epoch_steps = 0
        self._logs: list[dict[str, float]] = []
        self._trained: list[np.ndarray] = []  # the weights at the end of the last epoch
        self.interference = Interference(self._adapter, model, self._callbacks, seen.acted)
        self._feed_draws = feed_draws(package_of(models_of(model)[0]), self._fit.get("x"))
        self._flags_set: list[tuple[str, bool, int, str, Sequence[Any]]] = []
        self._random = GlobalGenerator(self._adapter)
        self._host = HostGenerators(generators_held(model, self._compiled.get("loss")))
        if self._adapter.hands_on_batches:  # else they come from threads that run ahead
            self.feed.arrived = self._host.begin
        self._started = monotonic()
        self._stored: dict[tuple[int, str], Any] = {}
        self._drawing_operations: tuple[Tensor, ...] | None = None
        self._drew_eagerly: Callable[[], list[tuple[str, int, int]]] = list
        self._eager: list[tuple[str, int, int]] = []
        self._losses: list[float] = []  # as logged, of the first steps
        self._metric_state: dict[str, Any] = {}
        self._stale: dict[str, list[Any]] = {}
        #: entries of the seed ledger when this fit began: seedings after them are none of its
        self._notes: dict[str, Any] = {LEDGER: len(ledger.draws)}
        lines = {(frame.file, frame.line): frame.text for frame in self._stack}
        if asked := unharmed(asked_for, lines, otherwise=None):
            self._notes[ASKED] = asked
        if log_unseen(self._fit, self._callbacks, self._stack):
            self._notes["log"] = LOG_UNSEEN
        elif names := names_seen(self._fit, self._callbacks, self._stack):
            self._notes["log names"] = names
        if counted := self._set_aside.found_in(self._given):
            self._notes[recording.CALLBACKS_LEFT] = counted
        if batch_log_read(self._callbacks):
            self._notes[recording.BATCH_LOG_READ] = True
        if self._fit.get("validation_steps"):
            self._notes[recording.VALIDATION_STEPS] = int(self._fit["validation_steps"])
        self._every = writer.every
        if self._every > 1:
            self._notes[EVERY] = self._every
        self._pins = pins
        self._known: list[list[int]] | None = None  # which variables travel with a step's state
        # No cycle of references: what the script gave to ``fit`` ends with it, as without us.
        me = weakref.proxy(self)
        self._rows = Steps(index, self.feed, writer, lambda *step: me._digests(*step))
        self.steps = 0
        self.stepped: Callable[[], None] | None = None  # called after each of them

    @property
    def place(self) -> str:
        """The script's line that called the fit."""
        return f"{self._stack[-1].name}:{self._stack[-1].line}" if self._stack else "?"

    def trainable_set(self, layer: str, changed: Sequence[Any]) -> None:
        """The script set ``trainable`` inside the fit, which changed the flags of variables."""
        since = self._epoch + (1 if self._epoch_steps else 0)
        if len(self._flags_set) < _MOST_FLAGS:
            stack = user_stack()
            place = f"{stack[-1].name}:{stack[-1].line}" if stack else "?"
            value = bool(changed[0].trainable)
            self._flags_set.append((layer, value, since, place, changed))

    def measured_within(self, method: str, line: int) -> None:
        """The script measures while the fit runs, in a callback: that is counted, not watched."""
        calls = self._notes.setdefault(MEASURED_WITHIN, {})
        said = f"{method} (line {line})"
        calls[said] = calls.get(said, 0) + 1

    # --- steps --------------------------------------------------------------------------------

    @never_in_the_way
    def created(self, variable: Any, initializer: Any) -> None:
        """A variable came into being before the first step was over: its first value."""
        if not self._start.settled:
            self._start.created(variable, initializer)

    @never_in_the_way
    def restored(self, variable: Any) -> None:
        """A checkpoint filled a variable: before the first step this is its first value."""
        if not self._start.settled:
            self._start.restored(variable)

    @never_in_the_way
    def before_step(self, state: Any) -> Any:
        """``state`` is what travels into the step on backends where it does, else None.

        Where the training is pinned, gives the state to travel in its place.
        """
        replaced = None
        if not self._start.settled:
            self._stored = stored_before(layers_of(self.model))
            if self._pins is not None:
                put = self._start.pin(self._pins.values)
                replaced = state = self._replaced(state, put)
            travelling = self._travelling(state)
            self._start.before_first_step(travelling)
            self._metric_state = self._metrics_before(travelling)
            self._drew_eagerly = self._adapter.watch_operations()
        elif self.interference.looks_at_steps:
            weights = None
            if self.interference.wants_weights(self._epoch_steps):
                weights = group_digest(self._read(self._start.variables.weights, state))
            rates = self._rates(state)
            self.interference.before_step(self._epoch_steps, rates, weights)
            self._note_step_rates(rates)
        if self._epoch_steps == 0 and len(self._logs) == 1:  # the second epoch begins
            kept = self._metrics_before(self._travelling(state))
            self._metric_state |= not_reset(self._metric_state, kept)
        if self._pins is not None:
            moment = (self._epoch, self._epoch_steps)
            pin_generator(self._adapter, self._pins, moment, self._host.held)
        self._random.before_step(self._epoch, self._epoch_steps)
        self._host.begin()
        return replaced

    @never_in_the_way
    def after_step(self, logs: Any, state: Any) -> None:
        drawn = self._random.after_step()
        first = not self._start.settled
        if first:
            self._eager, self._drew_eagerly = self._drew_eagerly(), list
        if first and self.feed.draws_elsewhere(self._adapter.hands_on_batches):
            self._host.stop()
        drawn = [*drawn, *self._host.after_step(self._epoch, self._epoch_steps)]
        if first:
            self._first_step_done()
        if self.feed.trouble:
            raise RuntimeError(self.feed.trouble)
        if self._epoch_steps == 0:
            rates = self._rates(state)
            self._note_rates(rates)
            if first and self.interference.looks_at_steps:
                self._note_step_rates(rates)
        left = self._left(state, dict(logs or {})) if self._looks_at_this_one() else None
        self._rows.add(self._epoch, steps_at_once(self.model), left, drawn)
        self._epoch_steps += 1
        self.steps += 1
        if self.stepped is not None:
            self.stepped()

    def _note_rates(self, rates: list[Any]) -> None:
        """The learning rate of an epoch, where the epoch before had another."""
        noted = self._notes.setdefault(RATES, [])
        if rates and len(noted) < _MOST_RATES and (not noted or noted[-1][1] != rates):
            noted.append([self._epoch, rates])

    def _note_step_rates(self, rates: list[Any]) -> None:
        """The learning rate of a step, where callbacks may set it between two."""
        noted = self._notes.setdefault(STEP_RATES, [])
        if rates and len(noted) < _MOST_RATES and (not noted or noted[-1][2] != rates):
            noted.append([self._epoch, self._epoch_steps, rates])

    def _looks_at_this_one(self) -> bool:
        """Whether what the step that is over has left is digested."""
        sampled = self.steps < FIRST_STEPS or self.steps % self._every == 0
        return sampled or self.interference.looks_at_steps

    def _left(self, state: Any, logs: Any) -> Left:
        """What a step left: to read later where nobody has to know it before the next step."""
        if not self.interference.looks_at_steps:
            copied = self._snapshots.copied(state, logs, self._travellers)
            if copied is not None:
                return copied
        return self._snapshots.read(self._travelling(state), logs)

    def _digests(self, left: Left, drawn: Sequence[np.ndarray]) -> tuple[int, ...]:
        logged = numbers(left.logs())
        if len(self._losses) < FIRST_STEPS and logged:
            self._losses.append(float(logged.get("loss", next(iter(logged.values())))))
        weights, noise, optimizer = left.digests(drawn)
        if isinstance(left, AtOnce) and self.interference.looks_at_steps:
            self.interference.after_step(left.rates(), weights)
        figures = numbers_digest([value for _, value in sorted(logged.items())])
        return noise, weights, optimizer, figures

    def _travellers(self) -> list[list[int]]:
        if self._known is None:
            self._known = self._adapter.travellers(self.model)
        return self._known

    def _travelling(self, state: Any) -> Mapping[int, Any]:
        """Values by id of those variables whose values are elsewhere at the moment."""
        known = self._travellers() if state is not None and self._start.settled else None
        return self._adapter.values_of(self.model, state, known)

    def _metrics_before(self, travelling: Mapping[int, Any]) -> dict[str, Any]:
        """Facts on what metrics hold already; {} where that cannot be read, which is no trouble."""
        try:
            read = self._adapter.to_numpy
            return metric_state(
                self.model,
                self._compiled,
                lambda v: np.asarray(read(travelling.get(id(v), v))),
                self._callbacks,
            )
        except Exception as error:
            pass_on(error)
            return {}

    def _replaced(self, state: Any, put: Mapping[int, np.ndarray]) -> Any:
        """The travelling state with the values that were put into some variables, by id."""
        return self._adapter.with_values(self.model, state, put)

    def takes(self, function: Any) -> None:
        """The function of the script's own that does the steps, if one does."""
        self._fit.setdefault("step", function)

    def _read(self, slots: Sequence[Slot], state: Any) -> list[np.ndarray]:
        return self._values(slots, self._travelling(state))

    def _values(self, slots: Sequence[Slot], travelling: Mapping[int, Any]) -> list[np.ndarray]:
        to_numpy = self._adapter.to_numpy
        return [to_numpy(travelling.get(id(s.variable), s.variable)) for s in slots]

    def _rates(self, state: Any) -> list[Any]:
        slots = [s for s in self._start.variables.state if s.role == "hyperparameter"]
        return [value.tolist() for value in self._read(slots, state)]

    def _first_step_done(self) -> None:
        """Everything is built now and can be named; values are those from before the step."""
        start = self._start
        start.settle()
        self._snapshots = StepSnapshots(self._adapter, start.variables, self.copies)
        self.feed.identify()
        self._ledger.locate(start.names.layers, self.index)
        for group, paths in start.unseen.items():
            self._notes[f"unknown: initial {group}"] = paths
        self._outside = self._reads()
        self.interference.reads = functools.partial(values_now, self._outside)
        self._recipe = self._describe()
        self._notes["data"] = self.feed.kind
        self._notes[LEDGER_AT_FIRST_STEP] = len(self._ledger.draws)
        if self._feed_draws is not None:
            self._feed_draws.look()
        if self.feed.random_map is not None:
            self._notes[RANDOM_MAP] = self.feed.random_map
        if self.feed.workers:
            self._notes["workers"] = self.feed.workers
        self._notes["parameters"] = int(sum(v.size for v in start.values["weights"]))
        self._writer.begin_fit(
            self.index, title_of(self.model), self._stack, self._recipe, self._notes
        )
        self._writer.ledger(self._ledger.draws)
        self._writer.tensors(self.index, "initial", start.named(start.values))

    def _reads(self) -> tuple[Outside, ...]:
        """What the step reads besides variables, noted where that is not what it seems."""
        compiled = self._adapter.compiles and not self.model.run_eagerly
        batch, signature = self._fit.get("batch_size"), str(self.feed.signature)
        traced_for = (signature, batch, self._start.trainable)
        layers = self._start.names.layers
        loss = self._compiled.get("loss")
        reads = reads_of(self.model, layers, compiled, traced_for, self._stored, loss)
        self._stale = stale(reads)
        constants = {f"{r.owner}/{r.name}": told(r.value) for r in reads if r.constant}
        kept = {f"{r.owner or 'model'}:{r.name.removeprefix('self.')}": told(r.value)
                for r in reads if r.stored}  # fmt: skip
        reads, left = self._set_aside.found_by(reads)
        noted = {"stale": self._stale, "constants": constants, "stored": kept, "left": left,
                 "never alike": never_alike(self.model, loss, self._callbacks)}  # fmt: skip
        self._notes |= {name: values for name, values in noted.items() if values}
        return reads

    def _describe(self) -> Recipe:
        tensors = self._start.tensors()
        compiled = self._adapter.compiles and not self.model.run_eagerly
        if self._drawing_operations is None:  # asked once: those of an unseeded trace are unique
            function = getattr(self.model, "train_function", None)
            self._drawing_operations = operation_tensors(self._adapter, function, self._eager)
        tensors["noise"] += self._drawing_operations
        tensors["noise"] += self._random.tensors() + self._host.tensors(compiled)
        did = frozenset(self.interference.acting), frozenset(self.interference.ending)
        recipe = describe(
            Training(self.model, self._fit, self._compiled),
            self._start.names,
            tensors,
            self.feed,
            self._optimizer_facts,
            sort_callbacks(self._callbacks, *did),
        )
        compiled_in = {key: pair[0] for key, pair in self._stale.items()}
        left = self._notes.get("left", {})
        state = {read.key for read in self._outside if read.stored and read.key not in left}
        facts = recipe.architecture.items()
        actual = {k: compiled_in.get(k, v) for k, v in facts if k not in state}
        measurement = {**recipe.measurement, **self._metric_state}
        return replace(recipe, architecture=actual, measurement=measurement)

    # --- epochs and end -----------------------------------------------------------------------

    @never_in_the_way
    def begin_epoch(self, epoch: int) -> None:
        HANDLERS.look()  # a callback may have set one
        self._epoch, self._epoch_steps, self._known = epoch, 0, None
        if self._start.settled:
            self._snapshots.begin_epoch()

    @never_in_the_way
    def end_epoch(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        if not self._start.settled:
            return
        self._rows.finish()
        self._logs.append(numbers(logs))
        weights = self._read(self._start.variables.weights, None)
        if self.feed.keeps:
            self._trained = [np.array(v) for v in weights]
        self.feed.end_epoch()
        tensors = tuple(
            tensor(s, v, {}) for s, v in zip(self._start.variables.weights, weights, strict=True)
        )
        self._writer.end_epoch(
            self.index,
            Epoch(epoch, self._epoch_steps, self._logs[-1], tensors),
            self.feed.order[-1],
            self.feed.batches[-1],
        )

    @never_in_the_way
    def finish(self, completed: bool) -> Live | None:
        """Called when ``fit`` returns or raises. None if not a single step was trained."""
        self._drew_eagerly()
        if not self._start.settled or self._recipe is None:
            return None
        self._set_aside.after(self.index, self._outside)
        self._set_aside.after_callbacks(self.index, self._given, self._callbacks)
        self._rows.finish()
        self.feed.end_epoch()  # a fit cut inside an epoch: what was fed so far still counts
        self.feed.end_validation()
        weights = self._weights_left(completed)
        if weights is None:
            return None
        # Settings stand as they were at the first step; what training adds is filled in.
        self._optimizer_facts = applied_only(self._optimizer_facts, self.model)
        complete = self._describe()
        self._recipe = replace(
            self._recipe,
            noise=complete.noise,
            data_order=complete.data_order,
            data_content=complete.data_content,
            batch_size=complete.batch_size,
            duration=complete.duration,
            measurement=complete.measurement,
            optimizer=complete.optimizer,
        )
        seconds = monotonic() - self._started
        self._notes["losses"] = self._losses
        steering = sort_callbacks(self._callbacks, frozenset(self.interference.acting), frozenset())
        if setters := [told for c in steering[1] if (told := rate_setter(c))]:
            self._notes[RATE_SETTERS] = setters
        samples = self.feed.samples()
        if samples.leaves is None and self.feed.keeps:
            self._notes["not kept"] = f"samples: too large; {self.feed.kind} has to feed them again"
        if over := _standardized(samples, self.feed.validation):
            self._notes[STANDARDIZED] = over
        if self._feed_draws is not None:
            self._notes[FEED_DRAWS] = self._feed_draws.names()
        paths = {id(slot.variable): slot.path for slot in self._start.slots()}
        changed_by = [
            [
                written_at(type(self._callbacks[position])),
                sorted({paths[v] for v in ids if v in paths}),
            ]
            for position, ids in self.interference.changed.items()
        ]
        if changed_by:
            self._notes[CALLBACKS_CHANGED] = changed_by
        if self._flags_set:
            self._notes[TRAINABLE_SET] = [
                [*told, [paths[id(v)] for v in changed if id(v) in paths]]
                for *told, changed in self._flags_set
            ]
        self._writer.tensors(self.index, "final", self._start.named({"weights": weights}))
        if completed:
            final = tuple(
                tensor(s, v, {})
                for s, v in zip(self._start.variables.weights, weights, strict=True)
            )
            self._writer.end_fit(self.index, self._recipe, final, seconds, self._notes)
        return Live(
            index=self.index,
            recipe=self._recipe,
            material=material_of(self._start, self.feed, samples, self._random, self._host),
            model=self.model,
            optimizer=self.model.optimizer,
            optimizers={k: o for k, o in optimizers_of(self.model).items() if k},
            compile_arguments=self._compiled,
            callbacks=self._callbacks,
            acting=frozenset(self.interference.acting),
            ending=frozenset(self.interference.ending),
            fit_arguments=asked_of_fit(self._recipe),
            signature=self.feed.signature,
            final=weights,
            logs=tuple(self._logs),
            trained=self._trained or weights,
            regularizers=self._start.regularizers(),
            policies=self._start.policies(),
            trainable=self._start.trainable,
            train_function=weak(self.model.train_function),
            outside=self._outside,
            distribution=distribution_of_keras(),
            seconds=seconds,
            origins=origins_of(
                self._ledger,
                self._start.variables,
                self.feed,
                self._fit,
                self._start.values["noise"],
                self._read(self._start.variables.noise, None),
            ),
        )

    def _weights_left(self, completed: bool) -> list[np.ndarray] | None:
        """The weights after the fit. None where it was stopped inside a step that owned them:
        JAX gives them to the step, and the script's model has none afterwards either."""
        try:
            return [np.array(v) for v in self._read(self._start.variables.weights, None)]
        except Exception as error:
            pass_on(error)
            if completed:
                raise
            say(f"fit {self.index} was stopped, and its weights cannot be read any more")
            return None

    def left_behind(self) -> dict[str, int]:
        """Digests of the tensors that this fit changed: where a later fit may go on from."""
        if not self._start.settled:
            return {}
        before = {tensor_digest(v) for group in self._start.values.values() for v in group}
        after = {tensor_digest(v) for v in self._read(self._start.slots(), None)}
        return dict.fromkeys(after - before, self.index)


def _standardized(samples: Samples, validation: Sequence[Sequence[Any]]) -> str:
    """Over which samples the inputs were standardized, "" where they were not, or are too many or
    of a kind that nobody looks at."""
    inputs = [leaf for leaf, role in zip(samples.leaves or (), samples.roles, strict=False)
              if role == "x"]  # fmt: skip
    if len(inputs) != 1 or not isinstance(inputs[0], np.ndarray) or not can_be_told(inputs[0]):
        return ""
    parts = [batch[0] for batch in validation if batch and isinstance(batch[0], np.ndarray)]
    alike = len({part.shape[1:] for part in parts}) == 1 and all(map(can_be_told, parts))
    if validation and not (alike and sum(part.size for part in parts) <= MOST_NUMBERS):
        return ""
    return standardized_over(inputs[0], np.concatenate(parts) if parts else None)


# --- what it takes to draw the random values of a watched fit anew ----------------------------


def origins_of(
    ledger: Ledger,
    variables: Variables,
    feed: Feed,
    fit: Mapping[str, Any],
    noise_before: Sequence[np.ndarray],
    noise_after: Sequence[np.ndarray],
) -> Origins:
    """Collected when the fit is over; ``fit`` holds the arguments it was called with."""
    pairs = zip(noise_before, noise_after, strict=True)
    return Origins(
        holders=ledger.holders(),
        initializers=tuple(ledger.initializer(s.variable) for s in variables.weights),
        rows=feed.rows,
        shuffle=fit.get("shuffle", True),
        moved=tuple(not np.array_equal(before, after) for before, after in pairs),
        peeks=feed.peeks,
    )


# --- whether anybody sees what a fit logs: it is printed, kept by the script, or sent elsewhere ---


#: Flags of functions that take any number of arguments.
_MORE = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
#: Callbacks of Keras that hand no log on.
_SILENT = frozenset({
    "BackupAndRestore", "EarlyStopping", "LearningRateScheduler", "ModelCheckpoint",
    "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN",
})  # fmt: skip


def names_seen(
    arguments: Mapping[str, Any], callbacks: Sequence[Any], stack: Sequence[Frame]
) -> list[str]:
    """The numbers of its log that the script reads from its history, where nobody sees others;
    [] where that cannot be told."""
    module = parsed(stack[-1].file) if stack and _silent(arguments, callbacks) else None
    return [] if module is None else keys_read(module, "history")


def log_unseen(
    arguments: Mapping[str, Any], callbacks: Sequence[Any], stack: Sequence[Frame]
) -> bool:
    """Whether a fit with these arguments, called from there, shows its log to nobody.

    False wherever that cannot be told.
    """
    module = parsed(stack[-1].file) if stack and _silent(arguments, callbacks) else None
    whole = bool(stack) and stack[-1].file.endswith(".py")  # of a notebook it is a cell
    return module is not None and throws_away(module, stack[-1].line, "fit", "history", whole)


def _silent(arguments: Mapping[str, Any], callbacks: Sequence[Any]) -> bool:
    """Whether Keras prints nothing and no callback hands the log on."""
    quiet = arguments.get("verbose", "auto") in (0, "0")
    return quiet and all(
        type(callback).__name__ in _SILENT or _leaves_log_alone(type(callback))
        for callback in callbacks
    )


def _leaves_log_alone(callback: type) -> bool:
    """Whether no hook of a callback of the script reads the log that it is given."""
    own = list(itertools.takewhile(is_users, callback.__mro__))
    first = callback.__mro__[len(own)]
    read = any(_reads_last(code) for _, code in _own_hooks(callback))
    return bool(own) and first.__name__ == "Callback" and not read


def _own_hooks(callback: type) -> Iterator[tuple[str, Any]]:
    """The hooks of a callback that the script has written, each with its code."""
    for one in itertools.takewhile(is_users, callback.__mro__):
        for name, value in vars(one).items():
            if name.startswith("on_"):
                yield name, getattr(value, "__code__", None)


def batch_log_read(callbacks: Sequence[Any]) -> bool:
    """Whether a callback of the script reads the log between two steps."""
    hooks = ((name, code) for one in callbacks for name, code in _own_hooks(type(one)))
    between = ("on_train_batch_end", "on_batch_end")
    return any(name in between and code is not None and _reads_last(code) for name, code in hooks)


def _reads_last(code: CodeType | None) -> bool:
    """Whether a function may read its last parameter."""
    if code is None or not code.co_argcount or code.co_flags & _MORE:
        return True
    last = code.co_varnames[code.co_argcount - 1]
    read = (i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD"))
    return any(last in (value if isinstance(value, tuple) else (value,)) for value in read)
