"""All calls of an execution: their numbers, the one that is running, what is kept of them."""

from __future__ import annotations

import functools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.calls import (
    BY_HAND,
    FROM_LIST,
    OVER_BATCHES,
    PRINTED_OF,
    WITHIN,
    CallRecipe,
    Event,
    MeasuringCall,
    Origin,
    Score,
    joined_call,
)
from whydiff.core.digests import group_digest, tensor_digest
from whydiff.core.interrupting import pass_on, quietly
from whydiff.core.live import LiveCall
from whydiff.core.recipe import Tensor
from whydiff.core.stack import OF_CALLS, Frame, in_library
from whydiff.core.unwarned import unwarned
from whydiff.core.weakly import Weakly
from whydiff.keras_backend import adapter, adapter_of
from whydiff.keras_backend.subject import BesideModels, models_of, title_of
from whydiff.keras_backend.variables import Slot
from whydiff.recorder.guard import say
from whydiff.recorder.ledger import Ledger, user_place, user_stack
from whydiff.recorder.measuring.call import Invocation, Measuring, Validation, Weights
from whydiff.recorder.measuring.described import Described, Descriptions
from whydiff.recorder.measuring.events import Events
from whydiff.recorder.measuring.formulas import printed_formulas
from whydiff.recorder.measuring.formulas.by_value import formulas_by_value, printed_numbers
from whydiff.recorder.measuring.formulas.frames import beside, names_in, thrown_away
from whydiff.recorder.measuring.inputs import Sources
from whydiff.recorder.measuring.means import Mean, printed_means
from whydiff.recorder.measuring.models import Models
from whydiff.recorder.measuring.positions import Taken, taken_numbers
from whydiff.recorder.measuring.provenance import Provenance
from whydiff.recorder.measuring.scores import Scored, score
from whydiff.recorder.measuring.traces import Traces

#: Of the calls that one line makes so many are recorded; further ones are counted.
PER_LINE = 100
#: Outputs that a score may have read are remembered for so many calls.
REMEMBERED = PER_LINE
#: Of what one line prints again and again so much is looked at.
PRINTED = 5

_NO_ROWS = np.empty((0, 2), np.uint64)
_NOT_COMPILED: Mapping[str, Any] = {}


class CallBook:
    """What measuring calls share. One of them runs at a time; others beside it are not watched."""

    def __init__(self, writer: Any, ledger: Ledger, keep_bytes: int) -> None:
        self._writer = writer
        self.keep_bytes = keep_bytes
        self.models = Models()
        self.descriptions = Descriptions()
        self.traces = Traces()
        self.provenance = Provenance(adapter().to_numpy, ledger, self.models.named)
        self.events = Events(self)
        self._running: Measuring | Validation | None = None
        self._around: list[Measuring | Validation | None] = []  # what runs around it
        self._thread = 0  # the one that it runs in
        self.numbers = 0
        self.lives: list[LiveCall] = []
        self.closed = False
        self.trained_by: Mapping[str, int] = {}
        self.logged: list[float] = []  # by fits
        self.open_loops: Mapping[int, Any] = {}  # index -> subject
        self.outputs: dict[int, MeasuringCall] = {}
        self._beside: dict[int, Mapping[str, np.ndarray]] = {}  # by call: what a loop had there
        self._compiled: BesideModels[Mapping[str, Any]] = BesideModels()
        self._evaluated: dict[int, MeasuringCall] = {}
        self._scores: dict[int, MeasuringCall] = {}
        self._taken: list[Taken] = []  # numbers out of what evaluate returned that were printed
        self._sources = Sources()
        self._digests: Weakly[Any] = Weakly()
        self._weights: BesideModels[Any] = BesideModels()
        self._kept: dict[str, np.ndarray] = {}
        self._lines: Counter[tuple[str, str, int]] = Counter()
        self._last: dict[tuple[str, str, int], MeasuringCall] = {}

    @property
    def running(self) -> Measuring | Validation | None:
        """The call that runs in this thread: what another one does is none of its business."""
        return self._running if self._thread == threading.get_ident() else None

    @property
    def nested(self) -> bool:
        """Whether the call that runs was made by a callback of another one."""
        return len(self._around) > 1

    def _runs(self, call: Measuring | Validation) -> None:
        self._around.append(self._running)
        self._running, self._thread = call, threading.get_ident()

    # --- calls ------------------------------------------------------------------------------------

    def next_number(self) -> int:
        """The number of a call that begins now."""
        self.numbers += 1
        return self.numbers

    def begin(
        self,
        kind: str,
        method: str,
        model: Any,
        arguments: Mapping[str, Any],
        hook: str = "",
        within: Mapping[str, Any] | None = None,
    ) -> Measuring | None:
        """A call that the script makes begins; None where it is not to be watched. ``hook`` is that
        of a callback that makes it, ``within`` notes of the training that it is made in."""
        nests = hook in OF_CALLS and self.running is not None and not self.nested
        if self.closed or self.events.inside or (self._running is not None and not nests):
            return None
        try:
            number = self.next_number()
            self.models.of(model).used = True
            where = (kind, *user_place())
            self._lines[where] += 1
            if self._lines[where] > PER_LINE:
                return None
            stack = user_stack()
            invocation = Invocation(number, kind, method, stack, within)
            measuring = Measuring(self, model, arguments, invocation)
            measuring.thrown_away = kind != "evaluate" and _thrown_away(method, model)
        except Exception as error:
            pass_on(error)
            say(f"this call is not recorded: {error!r}")
            return None
        self._runs(measuring)
        return measuring

    def enough_of(self, kind: str) -> bool:
        """Whether the line of the script that runs has made as many calls as are recorded."""
        return self._lines[(kind, *user_place())] >= PER_LINE

    def validating(self, model: Any) -> Validation:
        """``fit`` evaluates its model."""
        validation = Validation(self, model)
        self._runs(validation)
        return validation

    def end(self, measuring: Measuring | Validation, completed: bool) -> None:
        """It is over; ``completed`` is False where it raised."""
        self._running = self._around.pop() if self._around else None
        if isinstance(measuring, Validation):
            return
        found = measuring.finish(completed)
        if found is None:
            return
        call, live = found
        self._last[_line(call.kind, call.stack)] = call
        self._remember(call)
        self._writer.call(call)
        if WITHIN in call.notes:  # of those of every epoch the last is kept to run again
            self.lives = [live for live in self.lives if not _in_earlier_epoch(live.call, call)]
        if live is not None:
            self.lives.append(live)

    def fit_begins(self, index: int, model: Any) -> None:
        """A fit or a loop begins: it has a number among all calls, too."""
        trained = [self.models.of(one) for one in models_of(model)]
        for known in trained:
            known.used = True
        self._writer.fit_call(self.next_number(), index, [known.number for known in trained])

    def tell(self, event: Event) -> None:
        """Write an event."""
        self._writer.event(event)

    def scored(
        self,
        function: str,
        arguments: Mapping[str, Any],
        result: Any,
        make: Callable[[], Any] | None = None,
        calls: tuple[int, ...] = (),
    ) -> None:
        """A metric function was called on arrays: it counts if it read a watched output.

        ``make`` gives an object of Keras with the same settings, where one was called. ``calls``
        are those that a loop made, where it read all of their outputs.
        """
        if self.closed:
            return
        number = self.numbers + 1
        to_numpy = adapter().to_numpy
        stack = user_stack()
        where = _line("score", stack)
        self._lines[where] += 1
        if self._lines[where] > PER_LINE:
            return
        scored, found = Scored(function, arguments, result, stack), None
        for several in [calls] if calls else [(), *self._in_loops(arguments)]:
            outputs: Mapping[int, MeasuringCall] = self.outputs
            if several:
                outputs = {several[0]: joined_call([self.outputs[one] for one in several])}
            found = score(scored, number, outputs, to_numpy)
            if found is not None:
                calls = several
                break
        if found is not None:
            call, given = found
            if calls:
                call = replace(call, notes={**call.notes, "reads": list(calls)})
            read = self.outputs.get(call.score.reads) if call.score else None
            if read is not None and WITHIN in read.notes:
                call = replace(call, notes={**call.notes, WITHIN: read.notes[WITHIN]})
            self.numbers = number
            self._last[where] = self._scores[number] = call
            while len(self._scores) > REMEMBERED:
                del self._scores[next(iter(self._scores))]
            self._writer.call(call)
            if self.keep_bytes and call.score is not None:
                settings = dict(call.score.settings)
                live = LiveCall(call, None, (), (), {}, (given,), settings, {}, function=make)
                self.lives.append(live)

    def _in_loops(self, arguments: Mapping[str, Any]) -> Iterator[tuple[int, ...]]:
        """Numbers of the last calls of one line, model and weights that together answered as many
        rows as an argument has, where these are several calls."""
        lengths = {len(value) for value in arguments.values() if isinstance(value, Sized)}
        groups: dict[object, list[MeasuringCall]] = {}
        for call in self.outputs.values():
            weights = tuple(t.digest for t in call.recipe.weights if t.role == "trainable")
            groups.setdefault((call.stack, call.model_number, weights), []).append(call)
        for group in reversed(groups.values()):
            rows = 0
            for n, call in enumerate(reversed(group), 1):
                rows += len(call.outputs[0].rows)
                if n > 1 and rows in lengths and len({len(c.outputs) for c in group[-n:]}) == 1:
                    yield tuple(one.number for one in group[-n:])

    def printed(self, frame: Any, given: Sequence[Any] = ()) -> None:
        """A line of the script has printed what ``print`` was ``given``: numbers that it computed
        from watched outputs count as scores."""
        where = ("print", frame.f_code.co_filename, frame.f_lineno)
        self._lines[where] += 1
        if self.closed or self._lines[where] > PRINTED:
            return
        for taken in taken_numbers(frame, self._evaluated):
            self._enter_taken(taken)
        for mean in printed_means(frame, {**self._evaluated, **self._scores}):
            self._enter_mean(mean)
        if not self.outputs:
            return
        with unwarned():
            formulas = [*printed_formulas(frame, self.outputs, self._beside)]
            if not formulas:
                measured = (*self._evaluated.values(), *self._scores.values())
                known = [*self.logged, *(v for call in measured for v in call.values.values())]
                numbers = [*printed_numbers(given)]
                formulas += formulas_by_value(numbers, names_in(frame), self.outputs, known)
        for formula in formulas:
            arrays = {"y_pred": formula.predicted, "y_true": formula.labels}
            arguments = {**arrays, "formula": formula.text}
            name = f"{BY_HAND}.{formula.quantity}"
            make = functools.partial(_itself, formula)
            self.scored(name, arguments, formula.value, make, formula.calls)

    def _enter_taken(self, taken: Taken) -> None:
        """A number of what evaluate returned counts where the script prints it under another
        metric's name, or where another metric was printed that another call has there."""
        beside = next((one for one in self._taken if taken.stands_beside(one)), None)
        self._taken.append(taken)
        self._note_printed(taken)
        notes: dict[str, Any] = {}
        if taken.mistaken:
            name = taken.said or taken.quantity
            notes = {"beside": taken.reads, "there": taken.said} if taken.said else {}
        elif beside is not None:
            name = f"[{taken.key!r}]"
            notes = {"beside": beside.reads, "there": beside.name, "here": taken.name}
        else:
            return
        where = f"position {taken.key}" if isinstance(taken.key, int) else f"name {taken.key}"
        told = Score(f"{FROM_LIST}.{name}", taken.reads, "", where, _NO_ROWS)
        self._enter(told, {name: taken.value}, notes)

    def _note_printed(self, taken: Taken) -> None:
        """A call of evaluate is written again with which of its numbers the script prints."""
        call = self._evaluated[taken.reads]
        known = call.notes.get(PRINTED_OF) or {}
        if taken.name not in known:
            printed = {**known, taken.name: "root" if taken.root else ""}
            call = replace(call, notes={**call.notes, PRINTED_OF: printed})
            self._evaluated[taken.reads] = call
            self._writer.call(call)

    def _enter_mean(self, mean: Mean) -> None:
        """A mean over several calls of evaluate, or over several scores."""
        how, numbers = f"mean of {len(mean.calls)}", list(mean.calls)
        scores = [s for n in numbers if (call := self._scores.get(n)) and (s := call.score)]
        reads = [score.reads for score in scores] or numbers
        name = scores[0].function if scores else mean.metric
        told = Score(f"{OVER_BATCHES}.{name}", reads[0], "", how, _NO_ROWS)
        means = {"means": numbers} if scores else {}
        self._enter(told, {mean.metric: mean.value}, {"reads": reads, **means})

    def _enter(self, told: Score, values: Mapping[str, float], notes: Mapping[str, Any]) -> None:
        read = self._evaluated.get(told.reads) or self.outputs[told.reads]
        self.numbers += 1
        call = MeasuringCall(
            self.numbers, "score", read.model, read.model_number, user_stack(),
            CallRecipe(backend=read.recipe.backend), (), values, score=told, notes=notes,
        )  # fmt: skip
        self._writer.call(call)

    def _remember(self, call: MeasuringCall) -> None:
        """Keep what a later score may have read."""
        if call.kind == "evaluate" and call.finished:
            self._evaluated[call.number] = call
            while len(self._evaluated) > REMEMBERED:
                del self._evaluated[next(iter(self._evaluated))]
        if not any(output.values is not None for output in call.outputs):
            return
        self.outputs[call.number] = call
        looped = self._looped(call)
        if looped:
            self._beside[call.number] = looped
        while len(self.outputs) > REMEMBERED:
            first = next(iter(self.outputs))
            del self.outputs[first]
            self._beside.pop(first, None)

    def _looped(self, call: MeasuringCall) -> Mapping[str, np.ndarray]:
        """What the loop that made a call had beside the batch that it predicted."""
        place = call.stack[-1] if call.stack else None
        frame: Any = sys._getframe()
        while frame is not None and place is not None:
            if frame.f_code.co_filename == place.file and frame.f_lineno == place.line:
                with quietly():
                    rows = len(call.outputs[0].rows)
                    return beside(frame, place.line, rows, adapter().to_numpy)
                break
            frame = frame.f_back
        return {}

    def changes_form(self, model: Any) -> None:
        """A model gets other weights in place: calls so far ran it as it is now."""
        with unwarned():
            make = functools.partial(type(model).from_config, model.get_config())
        for i, live in enumerate(self.lives):
            if live.model is model and live.remade is None:
                self.lives[i] = replace(live, remade=make)

    # --- what calls share -------------------------------------------------------------------------

    def number_of(self, data: Any) -> int | None:
        """A number for a source of data, see :class:`Sources`."""
        return self._sources.number_of(data)

    def compiled_with(self, model: Any, arguments: Mapping[str, Any]) -> None:
        self._compiled[model] = arguments

    def compiled(self, model: Any) -> Mapping[str, Any]:
        """The arguments of ``compile``, {} for a model that was not compiled."""
        found = self._compiled.get(model)
        return _NOT_COMPILED if found is None else found

    def kept(self, digest: str, array: np.ndarray) -> np.ndarray:
        """A copy of ``array``, the same for equal values."""
        known = self._kept.get(digest)
        if known is None:
            known = self._kept[digest] = np.array(array)
        return known

    def digests_of(self, model: Any, weights: Mapping[int, np.ndarray]) -> Mapping[int, str]:
        """A digest per weight, by id of the variable; the same object while no value changes."""
        whole = tuple(weights), group_digest(weights.values())
        known = self._digests.get(model)
        if known is None or known[0] != whole:
            digests = {key: tensor_digest(value) for key, value in weights.items()}
            known = self._digests[model] = whole, digests
        return known[1]

    def weights_known(
        self, model: Any, described: Described, digests: Mapping[int, str]
    ) -> Weights | None:
        """The weights of a model as its last call had them, if nothing happened to them since."""
        known = self._weights.get(model)
        if known is None or self.open_loops or known[0] != self.events.count:
            return None
        same = zip(known[1], (described, digests, self.trained_by), strict=True)
        return known[2] if all(x is y for x, y in same) else None

    def know_weights(
        self, model: Any, described: Described, digests: Mapping[int, str], weights: Weights
    ) -> None:
        """Keep them for the next call of the model."""
        now = described, digests, self.trained_by
        self._weights[model] = self.events.count, now, weights

    def origin(self, model: Any, slot: Slot, digest: str) -> Origin:
        loop = next((i for i, s in self.open_loops.items() if model in models_of(s)), None)
        return self.provenance.origin(slot, digest, self.trained_by, loop)

    # --- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """The script is over: models that were only built, calls that were only counted."""
        if self.closed:
            return
        self.closed = True
        for where, call in self._last.items():
            further = self._lines[where] - PER_LINE
            if further > 0:
                notes = {**call.notes, "further calls of this line": further}
                self._writer.call(replace(call, notes=notes))
        for model, known in list(self.models.never_used()):
            try:
                self._built(model, known.stack)
            except Exception as error:
                pass_on(error)
                say(f"a model is not recorded: {error!r}")

    def _built(self, model: Any, stack: tuple[Frame, ...]) -> None:
        compiled = self.compiled(model)
        described = self.descriptions.of(model, compiled, [])
        to_numpy = adapter_of(model).to_numpy
        tensors: dict[str, list[Tensor]] = {"weights": [], "noise": []}
        arrays: dict[str, list[np.ndarray]] = {"weights": [], "noise": []}
        origins = []
        for group, slots in (
            ("weights", described.variables.weights), ("noise", described.variables.noise)
        ):  # fmt: skip
            for slot in slots:
                value = np.array(to_numpy(slot.variable))
                digest = tensor_digest(value)
                trained = self.trained_by.get(digest)
                tensors[group].append(
                    Tensor(slot.path, slot.role, value.shape, value.dtype.name, digest, trained)
                )
                arrays[group].append(self.kept(digest, value) if self.keep_bytes else value)
                if group == "weights":
                    origins.append(self.origin(model, slot, digest))
        names = ("architecture", "precision", "objective", "measurement", "mode", "backend",
                 "version", "hardware", "arithmetic")  # fmt: skip
        facts: dict[str, Any] = {name: described.facts.get(name, {}) for name in names}
        call = MeasuringCall(
            self.next_number(),
            "built",
            title_of(model),
            self.models.of(model).number,
            stack,
            CallRecipe(
                weights=tuple(tensors["weights"]),
                origins=tuple(origins),
                noise=tuple(tensors["noise"]),
                **facts,
            ),
            notes=dict(described.trouble),
        )
        self._writer.call(call)
        if self.keep_bytes:
            self.lives.append(
                LiveCall(
                    call, model, tuple(arrays["weights"]), tuple(arrays["noise"]), {}, None, {},
                    {}, compile_arguments=compiled, trainable=described.trainable,
                )
            )  # fmt: skip


def _thrown_away(method: str, model: Any) -> bool:
    """Whether the line of the script that is running throws away what it makes of a model."""
    frame: Any = sys._getframe()
    while frame is not None and in_library(frame.f_code.co_filename):
        frame = frame.f_back
    with quietly():
        return frame is not None and thrown_away(frame, method, model)
    return False


def _itself(made: Any) -> Any:
    return made


def _in_earlier_epoch(earlier: MeasuringCall, call: MeasuringCall) -> bool:
    same = earlier.notes.get(WITHIN) == call.notes[WITHIN]
    return same and _line(earlier.kind, earlier.stack) == _line(call.kind, call.stack)


def _line(kind: str, stack: tuple[Frame, ...]) -> tuple[str, str, int]:
    return (kind, stack[-1].file, stack[-1].line) if stack else (kind, "", 0)
