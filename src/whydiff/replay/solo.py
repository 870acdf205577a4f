"""One hybrid after the other in the process that ran the script."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import Plan, TransferError
from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.core.recipe import align
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import sees_batches
from whydiff.keras_backend.code import LOSS, anew
from whydiff.keras_backend.host_generators import generators_held, host_kept
from whydiff.keras_backend.internals import distribution_of_keras
from whydiff.replay.measuring import take_apart
from whydiff.replay.outcome import Outcome, generator_of, predict, quiet
from whydiff.replay.pinned import PinnedData, probing
from whydiff.replay.probe import probes_of
from whydiff.replay.program import STRUCTURE, Program, Programs
from whydiff.replay.steering import Ahead, Hosts, Restart, Sink, Steer, StopAfter, Trace
from whydiff.replay.values import (
    Choice,
    assign,
    callbacks_of,
    nudged,
    optimizer_values,
    plan_of,
    side,
    starting_values,
)

#: Seconds of a step, beside which what Python does around it is not worth a compilation.
SMALL_STEP = 0.02


class Solo:
    """Trains hybrids of two fits. ``differing`` are the structural sources that differ.

    ``each_epoch`` is told of those of a training that nothing ends early.
    """

    how = "by feeding what was recorded"

    def __init__(
        self,
        lives: Mapping[str, Live],
        differing: frozenset[str],
        each_epoch: EachEpoch | None = None,
    ) -> None:
        self.lives, self.differing, self._each_epoch = lives, differing, each_epoch
        self._programs = Programs(lives, differing)
        self._ahead: dict[Program, Ahead] = {}
        self._probing = {name: probing(probe) for name, probe in probes_of(lives).items()}

    def train(
        self,
        choice: Choice,
        until: tuple[int, int] | None = None,
        moments: Mapping[tuple[int, int], bool] | None = None,
        sink: Sink | None = None,
        nudge: int | None = None,
    ) -> Outcome:
        """Train the hybrid in which each source comes from the side that ``choice`` names.

        With ``until`` (epoch, step) the training ends after that step, and the outcome is what
        it was then, without predictions. ``sink`` is given logs and weights at ``moments``, see
        :class:`Trace`. With ``nudge`` one initial weight, picked by that number, starts one ULP
        away; the outcome tells by how much.
        """
        ahead = self._ahead_of(self._programs.get(choice))
        if ahead.proven is None and until is None and nudge is None and "b" not in choice.values():
            looked: list[Any] = []
            note = (lambda *at: looked.append(at)) if sink else None
            ahead.proven = False  # also where TensorFlow refuses
            with contextlib.suppress(Exception):
                outcome = self._train(choice, None, moments, note, None, ahead)
                ahead.proven = _equal(outcome.weights.values(), self.lives["a"].final)
            if ahead.proven:
                for moment in looked:
                    sink(*moment)  # type: ignore[misc]
                return outcome
        proven = ahead if ahead.proven and self._fed_as_a(choice) else None
        return self._train(choice, until, moments, sink, nudge, proven)

    def _train(
        self,
        choice: Choice,
        until: tuple[int, int] | None,
        moments: Mapping[tuple[int, int], bool] | None,
        sink: Sink | None,
        nudge: int | None,
        ahead: Ahead | None,
    ) -> Outcome:
        program, plan = self.prepared(choice)
        moved = 0.0 if nudge is None else _nudge(program, nudge)
        stop = StopAfter(until, program.variables) if until is not None else None
        trace = Trace(moments, sink, program.variables) if moments and sink else None
        logs = self.run(choice, program, plan, stop, trace, ahead)
        if stop is not None:
            return Outcome(stop.weights, None, [stop.logs])
        to_numpy = adapter().to_numpy
        weights = {s.path: np.array(to_numpy(s.variable)) for s in program.variables.weights}
        strategy = getattr(program.base.model, "distribute_strategy", None)
        if getattr(strategy, "num_replicas_in_sync", 1) > 1:
            # Each replica has moving averages of its own, and predicts with these, not their mean.
            for slot in program.variables.weights:
                slot.variable.assign(weights[slot.path])
        predictions = self._predict(program.base, choice)
        return Outcome(weights, predictions, logs, moved)

    def _ahead_of(self, program: Program) -> Ahead:
        """What makes several steps of that program at once."""
        if program not in self._ahead:
            live = self.lives["a"]
            steps = sum(len(sizes) for sizes in live.material.batches)
            small = live.seconds <= SMALL_STEP * steps
            self._ahead[program] = Ahead(program.base.model, steps if small else 0)
        return self._ahead[program]

    def _fed_as_a(self, choice: Choice) -> bool:
        """Whether a hybrid's batches have the forms of A's: for others a program is compiled anew,
        of which nothing was proven."""
        sources = ("data-content", "batch-size")
        if all(side(choice, source) == "a" for source in sources):
            return True
        return _forms(self.lives["a"]) == _forms(self.lives["b"])

    def prepared(self, choice: Choice) -> tuple[Program, Plan]:
        """The program of a hybrid, with every variable where it starts, and what it is fed."""
        program = self._programs.get(choice)
        lives = self.lives
        self._reset(program, choice)
        plan = plan_of(lives, choice)
        for part in (plan.content, plan.objective):
            if part.material.samples.leaves is None:
                raise TransferError("the samples were too large to keep")
        return program, plan

    def run(
        self,
        choice: Choice,
        program: Program,
        plan: Plan,
        stop: keras.callbacks.Callback | None,
        trace: keras.callbacks.Callback | None = None,
        ahead: Ahead | None = None,
    ) -> list[dict[str, float]]:
        """Train what was prepared, until ``stop`` ends it if there is one; its logs.

        ``trace`` only looks on. With ``ahead`` steps are made several in one call.
        """
        lives = self.lives
        duration = lives[side(choice, "duration")]
        data = pinned(plan, program.base)
        first = int(duration.fit_arguments["initial_epoch"])
        validation = validation_data(lives[side(choice, "data-content")])
        drawn = lives[side(choice, "noise")].material.host_draws
        held = {**held_by(program.base), **held_by(lives[side(choice, "objective")])}
        each = None if stop else self._each_epoch
        hosts = Hosts(drawn, held)
        steer = Steer(data, generator_of(lives, choice), first, validation, hosts, each)
        optimizer, noise = (lives[side(choice, source)] for source in ("optimizer", "noise"))
        restart = Restart(optimizer, noise, program.variables)
        model = program.base.model
        theirs = callbacks_of(lives, choice)
        at_once: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if ahead and not steer.between_steps and not any(map(sees_batches, theirs)):
            looking = [moment for one in (stop, trace) if one for moment in one.moments]
            at_once = ahead.running(lambda: steer.until_next(looking))
        with (
            quiet(),
            spread_as(program.base),
            at_once,
            float_type_of(lives[side(choice, "precision")]),
            host_kept(held=held),
            reading_as(
                program.base, self._state(choice), lives[side(choice, "objective")]
            ) as read_again,
        ):
            keras.Model.fit(
                model,
                x=data,
                epochs=int(duration.fit_arguments["epochs"]),
                initial_epoch=first,
                callbacks=[
                    # Building what is not built yet calls the layers, before training begins.
                    keras.callbacks.LambdaCallback(on_train_begin=lambda logs: read_again()),
                    *(restart, *theirs, steer),
                    *(c for c in (stop, trace) if c),
                ],
                validation_data=None if stop else validation,
                validation_freq=duration.fit_arguments["validation_freq"],
                verbose=0,
            )
        return steer.logs

    def recall(self, name: str) -> Outcome:
        """What side ``name`` ended with: its final weights, and their predictions."""
        live = self.lives[name]
        program = self._programs.get(dict.fromkeys(STRUCTURE, name))
        for i, j in align(program.base.recipe.initialization, live.recipe.initialization):
            program.variables.weights[i].variable.assign(np.array(live.final[j]))
        paths = [slot.path for slot in program.variables.weights]
        everything = dict.fromkeys((*STRUCTURE, "data-content"), name)
        predictions = self._predict(program.base, everything)
        weights = dict(zip(paths, live.final, strict=False))
        return Outcome(weights, predictions, [dict(logs) for logs in live.logs])

    def measure(self, name: str) -> dict[str, float] | None:
        """The logged training loss of side ``name`` against the evaluated one, in parts."""
        live = self.lives[name]
        program = self._programs.get(dict.fromkeys(STRUCTURE, name))
        return take_apart(live, program.base.model)

    def _reset(self, program: Program, choice: Choice) -> None:
        values = {
            group: starting_values(program.base, self.lives, choice, group)
            for group in ("weights", "noise")
        }
        values["state"] = optimizer_values(
            program.variables.state, program.fresh, self.lives, choice
        )
        assign(program.variables, values)
        adapter().forget_gradients(program.base.model)

    def _state(self, choice: Choice) -> Live | None:
        """Whose values a step reads that are state and yet no variables; None: the base's own."""
        return self.lives[side(choice, "state")] if "state" in self.differing else None

    def _predict(self, base: Live, choice: Choice) -> list[np.ndarray] | None:
        precision = self.lives[side(choice, "precision")]
        reading = reading_as(base, self._state(choice))
        with spread_as(base), reading, float_type_of(precision):
            return predict(base.model, self._probing[side(choice, "data-content")])


@contextlib.contextmanager
def float_type_of(live: Live) -> Iterator[None]:
    """Arrays, losses and metrics are held in the ``floatx`` of that fit."""
    now = keras.backend.floatx()
    keras.backend.set_floatx(live.recipe.precision.get("floatx", now))
    try:
        yield
    finally:
        keras.backend.set_floatx(now)


@contextlib.contextmanager
def spread_as(live: Live) -> Iterator[None]:
    """Trainings are spread over devices as that fit was."""
    now = distribution_of_keras()
    if now is live.distribution:
        yield
        return
    keras.distribution.set_distribution(live.distribution)
    try:
        yield
    finally:
        keras.distribution.set_distribution(now)


@contextlib.contextmanager
def reading_as(
    live: Live, state: Live | None = None, objective: Live | None = None
) -> Iterator[Callable[[], None]]:
    """What the code of a model's layers reads besides variables is what it was in that fit; what is
    given back sets it so once more.

    What its loss reads is what that of ``objective``'s fit read. With ``state`` the values of
    another fit that are state: compiled into its step before the script set others, or tensors
    that its layers held.
    """
    theirs = {r.key: r.value for r in (state or live).outside if state_of(r, live)}
    of_loss = [r for r in (objective or live).outside if r.owner == LOSS]
    reads = [*(r for r in live.outside if r.owner != LOSS), *of_loss]
    now = [(read, read.get()) for read in reads]

    def put() -> None:
        for read in reads:
            read.put(anew(theirs.get(read.key, read.value)))

    try:
        put()
        yield put
    finally:
        for read, value in now:
            read.put(value)


def held_by(live: Live) -> dict[str, Any]:
    """Generators of the script's own that a step of this fit may draw from."""
    if live.model is None:
        return {}
    return generators_held(live.model, live.compile_arguments.get("loss"))


def state_of(read: Any, live: Live) -> bool:
    """Whether a value differs from that of another fit, though both are set alike or training set
    one of them, or is a tensor that a layer holds."""
    same = [other for other in live.outside if other.key == read.key]
    kept = read.stored or any(other.stored for other in same)
    return read.constant or kept or any(_same(o.now, read.now) for o in same)


def _forms(live: Live) -> list[object]:
    """The numbers of samples in the batches of a fit, and what its samples look like; those of
    several shapes are like no others."""
    alike = [
        leaf is None or (isinstance(leaf, np.ndarray) and (leaf.shape[1:], leaf.dtype))
        for leaf in live.material.samples.leaves or ()
    ]
    sizes = {int(size) for epoch in live.material.batches for size in epoch}
    return [sizes, *(form or object() for form in alike)]


def _equal(some: Iterable[np.ndarray], others: Iterable[np.ndarray]) -> bool:
    """Whether they are the same arrays bit for bit."""
    return [tensor_digest(value) for value in some] == [tensor_digest(value) for value in others]


def _same(one: Any, other: Any) -> bool:
    return one is other or np.array_equal(one, other)


def _nudge(program: Program, number: int) -> float:
    """Move one weight of a program that is ready to train by one ULP; by how much."""
    slots = program.variables.weights
    values = [np.array(adapter().to_numpy(slot.variable)) for slot in slots]
    moved_values, moved = nudged(values, program.base.recipe.initialization, number)
    for slot, value in zip(slots, moved_values, strict=True):
        slot.variable.assign(np.array(value))
    return moved


def pinned(plan: Plan, base: Live) -> PinnedData:
    cache: dict[int, Sequence[np.ndarray]] = {}

    def indices(epoch: int) -> Sequence[np.ndarray]:
        if epoch not in cache:
            cache.clear()
            cache[epoch] = plan.epoch(epoch)
        return cache[epoch]

    # What is fed looks like the content's side, except for weights that only the other side has.
    parts = (plan.content.material.samples.roles, plan.objective.material.samples.roles)
    like = plan.content if parts[0] == parts[1] else plan.objective
    same = like is base or _signature_text(like) == _signature_text(base)
    return PinnedData(
        epochs=lambda epoch: (plan.leaves(i) for i in indices(epoch)),
        count=lambda epoch: len(indices(epoch)),
        structure=plan.objective.material.samples.structure,
        like=base.signature if same else like.signature,
        sizes=plan.sizes,
    )


def _signature_text(live: Live) -> str:
    return str(live.signature)


def validation_data(live: Live) -> PinnedData | None:
    first, later = live.material.validation, live.material.validation_later
    if not first:
        return None
    return PinnedData(
        lambda number: later.get(number, first),
        lambda number: len(later.get(number, first)),
        live.material.validation_structure,
    )
