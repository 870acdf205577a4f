"""One watched execution of a script: its fits and loops, its ledger, its recording."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from os import getpid  # as it is: a script may put its own in that place
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from whydiff.core.calls import AFTER_STEPS, BEHIND_STEPS, WITHIN
from whydiff.core.files import FILE
from whydiff.core.hybrids import Enough, Pins
from whydiff.core.interrupting import pass_on
from whydiff.core.live import Live
from whydiff.core.machine import started_processes
from whydiff.core.recording import FAILED_FITS, PROCESSES, PROGRAMS, TRACED
from whydiff.core.stack import OF_CALLS, hook_of, in_library
from whydiff.core.words import listed
from whydiff.keras_backend.patches import Patches
from whydiff.keras_backend.subject import BesideModels, Subject, models_of
from whydiff.keras_backend.torch.optimizer import TorchOptimizer
from whydiff.recorder.describe.recipe import Training
from whydiff.recorder.guard import say
from whydiff.recorder.ledger import Ledger
from whydiff.recorder.loops import Loop
from whydiff.recorder.material import keep_in_files
from whydiff.recorder.measuring.book import CallBook
from whydiff.recorder.measuring.call import Measuring, Validation
from whydiff.recorder.opened import OPENED
from whydiff.recorder.reads import SetAside
from whydiff.recorder.watch import Seen, Watch
from whydiff.storage import Writer
from whydiff.storage.blobs import ArrayFolder
from whydiff.storage.sealing import BESIDE

_W = TypeVar("_W", bound=Watch)


class Session:
    """Hands out a :class:`Watch` per fit or loop and keeps what can be trained again.

    ``keep_bytes`` bounds the samples kept for replay over all fits (0: only digests). ``pins``
    says, by index, which trainings start from and are fed other values than their own; the
    script ends (:class:`Enough`) when the training of index ``last`` is over. ``arrays`` names a
    folder: large arrays that are kept lie there in files, which other processes map, too.
    """

    def __init__(
        self,
        writer: Writer | None,
        keep_bytes: int,
        pins: Mapping[int, Pins] | None = None,
        last: int | None = None,
        arrays: str = "",
    ) -> None:
        self._arrays = ArrayFolder(Path(arrays)) if arrays else None
        self.writer = writer
        self.ledger = Ledger()
        self.lives: list[Live] = []
        self._current: Watch | None = None  # the fit that is running
        self._stepping: Loop | None = None  # the loop one of whose steps is running
        self._taking = threading.RLock()  # a signal handler may train, too
        self._thread = 0  # that in which something watched runs or is about to; 0: none
        self._failed: list[str] = []  # where fits were called that failed before a step
        self._unwatched = 0  # fits that ran beside a watched one in another thread
        self.closed = False
        self.calls = CallBook(writer, self.ledger, keep_bytes)
        self._process = getpid()  # a process forked off it is another, and not watched
        self._loops: list[Loop] = []  # those that are open
        self._fits = 0
        self._left = keep_bytes
        self._least = min(keep_bytes, 1)  # where samples are kept, one that finds no room is told
        self._pins, self._last = dict(pins or {}), last
        self._trained_by: dict[str, int] = {}
        self._set_aside = SetAside()
        self._acted: set[type] = set()
        #: where stateless_call was traced into a compiled function of the script's own
        self._traced_lines: dict[int, None] = {}
        self._compiled: BesideModels[Mapping[str, Any]] = BesideModels()
        #: called after each step of a training that is watched
        self.stepped: Callable[[], None] | None = None

    @property
    def current(self) -> Watch | None:
        """The fit that is running in this thread."""
        return self._current if self._thread == threading.get_ident() else None

    @property
    def active(self) -> Watch | None:
        """The watch of the step that is running in this thread or about to."""
        if self._thread != threading.get_ident():
            return None
        return self._stepping or self._current

    @property
    def trained_anything(self) -> bool:
        """Whether a training was seen so far."""
        return self._fits > 0

    def compiled(self, model: Any, arguments: Mapping[str, Any]) -> None:
        if not self.closed:
            self._close_loops_of(model)
            self._compiled[model] = arguments
            self.calls.compiled_with(model, arguments)

    # --- fit ----------------------------------------------------------------------------------

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """A watch for a fit that begins now; None inside another fit or after closing."""
        if not self._takes():
            return None
        try:
            self._close_loops_of(model)
            training = Training(model, arguments, self._compiled.get(model) or {})
            self._current = self._begun(Watch, training)
        finally:
            self._release()
        return self._current

    @property
    def _elsewhere(self) -> bool:
        """Whether this is a forked process, or something watched is running in another thread."""
        return getpid() != self._process or self._thread not in (0, threading.get_ident())

    def _holds(self, training: bool = False) -> bool:
        """Whether this thread has the session, or gets it: one thread at a time is watched.

        A ``training`` that is not watched because another thread has it is counted.
        """
        if self.closed or getpid() != self._process:
            return False
        with self._taking:
            if self._thread == 0:
                self._thread = threading.get_ident()
            held = self._thread == threading.get_ident()
            self._unwatched += training and not held
        if training and not held and self.writer is not None:
            self.writer.environment({BESIDE: self._unwatched})
        return held

    def _takes(self) -> bool:
        """Whether a training that begins now in this thread is watched: it is inside no other."""
        return self._holds(training=True) and (self._stepping or self._current) is None

    def _release(self) -> None:
        """Let any thread be watched, unless something that is watched still runs in this one."""
        if (self._stepping or self._current or self.calls.running) is None:
            self._thread = 0

    def passing(self, model: Any) -> AbstractContextManager[None]:
        """Around a fit that is not watched."""
        del model
        return contextlib.nullcontext()

    def end_fit(self, watch: Watch, completed: bool) -> None:
        """The fit returned or raised. Raises Enough after the last one that is wanted."""
        try:
            if not (completed or watch.steps or watch.trouble) and self.writer is not None:
                self._failed.append(watch.place)
                self.writer.environment({FAILED_FITS: self._failed})
            self.drop_fit(watch, completed)
        finally:
            self._release()
        if completed and watch.index == self._last:
            raise Enough

    def drop_fit(self, watch: Watch, completed: bool = False) -> None:
        """The fit is watched no longer."""
        self._current = None
        self._ended(watch, completed)

    # --- loops --------------------------------------------------------------------------------

    def loop_of(self, model: Any, arguments: Mapping[str, Any]) -> Loop | None:
        """The loop that a call of ``train_on_batch`` belongs to; None inside other steps."""
        if not self._takes():
            return None
        try:
            for loop in self._loops:
                if loop.model is model:
                    return loop
            kept = {"class_weight": arguments.get("class_weight")}
            return self._opened("train_on_batch", model, kept, self._compiled.get(model) or {})
        finally:
            self._release()

    def open_loop(self, models: Sequence[Any], optimizer: Any) -> Loop | None:
        """A loop of the script's own over ``models``; None inside other steps."""
        if not self._takes():
            return None
        try:
            subject = subject_of(models, optimizer, self.ledger.generators())
            return self._opened("loop", subject, {}, {})
        finally:
            self._release()

    @contextlib.contextmanager
    def stepping_with(self, loop: Loop) -> Iterator[bool]:
        """One step of ``loop`` is running; whether it is watched: no other thread's training is.

        A pinned loop is over when a step too many begins: until then, others may still change
        the model that it trains.
        """
        pins = self._pins.get(loop.index)
        if loop.index == self._last and pins is not None and loop.steps == pins.steps:
            self.close_loop(loop, True)
            raise Enough
        if not self._holds(training=True):
            yield False
            return
        self._stepping = loop
        try:
            yield True
        finally:
            self._stepping = None
            self._release()

    def close_loop(self, loop: Loop, completed: bool) -> None:
        """The loop is over."""
        if loop in self._loops:
            self._loops.remove(loop)
            self._ended(loop, completed)
            if completed and loop.index == self._last and not self.closed:
                raise Enough

    def _opened(
        self, kind: str, subject: Any, arguments: Mapping[str, Any], compiled: Mapping[str, Any]
    ) -> Loop | None:
        made = self._begun(functools.partial(Loop, kind), Training(subject, arguments, compiled))
        if made is not None:
            for other in self._loops:
                other.companions.add(made.index)
                made.companions.add(other.index)
            self._loops.append(made)
        return made

    def _close_loops_of(self, model: Any) -> None:
        for loop in [loop for loop in self._loops if model in models_of(loop.model)]:
            self.close_loop(loop, True)

    # --- calls that measure -------------------------------------------------------------------

    def begin_call(
        self,
        kind: str,
        method: str,
        model: Any,
        arguments: Mapping[str, Any],
        hook: str = "",
    ) -> Measuring | Validation | None:
        """A watch for a call that the script makes now; None inside a training or another call,
        but for what a callback of the script measures in a ``hook`` of its own."""
        if not self._holds():
            return None
        if self.active is not None:
            fit = self.current
            if fit is None or model is not fit.model:
                return None
            if hook:
                self.calls.open_loops = {fit.index: fit.model}
                within = {WITHIN: fit.index, AFTER_STEPS: fit.steps}
                return self.calls.begin(kind, method, model, arguments, hook, within)
            return self.calls.validating(model) if kind == "evaluate" else None
        self.calls.open_loops = {loop.index: loop.model for loop in self._loops}
        behind: dict[str, Any] = {}
        for loop in self._loops:
            if kind == "evaluate" and loop.model is model and loop.feed.kind == "train_on_batch":
                behind[BEHIND_STEPS] = {"fit": loop.index, "steps": loop.latest()}
        try:
            return self.calls.begin(kind, method, model, arguments, hook, behind)
        finally:
            self._release()

    def end_call(self, running: Measuring | Validation, completed: bool) -> None:
        """The call returned or raised."""
        try:
            self.calls.end(running, completed)
        finally:
            self._release()

    @property
    def idle(self) -> bool:
        """Whether nothing that is watched is running: what changes a value now is an event."""
        calls = self.calls
        return not (
            self.closed
            or self._elsewhere
            or self.active is not None
            or calls.running is not None
            or calls.events.inside
        )

    def traced(self, frame: FrameType) -> None:
        """The script traces a model's ``stateless_call`` into a compiled function of its own, whose
        calls are not watched."""
        if not in_library(frame.f_code.co_filename):
            self._traced_lines.setdefault(frame.f_lineno)

    def hook_at(self, frame: FrameType) -> str:
        """The hook of a callback at ``frame`` in which the script may measure a model; "" in
        none."""
        from whydiff.keras_backend.internals import in_steps_state

        fit = self.current
        return hook_of(frame, between_steps=fit is None or not in_steps_state(fit.model))

    def reads_scores(self, frame: FrameType) -> bool:
        """Whether a number that the script computes at ``frame`` may be a score: outside of
        trainings and calls, or in a hook of a callback."""
        if self.idle or self.closed:
            return self.idle
        running = self.calls.running
        if self.current is None and running is None:
            return False
        hook = self.hook_at(frame)
        return bool(hook) and (running is None or (hook in OF_CALLS and not self.calls.nested))

    # --- both ---------------------------------------------------------------------------------

    def _begun(self, kind: Callable[..., _W], training: Training) -> _W | None:
        try:
            made = kind(
                self._fits + 1,
                training,
                Seen(self._trained_by, self.ledger, self._set_aside, self._acted),
                self.writer,
                max(self._left, self._least),
                self._pins.get(self._fits + 1),
            )
        except Exception as error:
            pass_on(error)
            say(f"this fit is not recorded: {error!r}")
            return None
        self._fits += 1
        made.stepped = self.stepped
        self.calls.fit_begins(made.index, training.model)
        return made

    def _ended(self, watch: Watch, completed: bool) -> None:
        live = watch.finish(completed)
        if live is None:
            # A loop's number may lie below those of loops that are still open.
            latest = watch.index == self._fits
            self._fits -= 1 if latest and not watch.trouble else 0
            return
        self._trained_by = {**self._trained_by, **watch.left_behind()}
        self.calls.logged += [value for log in live.logs for value in log.values()]
        self.calls.trained_by = self._trained_by
        if completed and self._left > 0:
            if self._arrays is not None:
                keep_in_files(live, self._arrays)
            self.lives.append(live)
            leaves = live.material.samples.leaves or []
            self._left -= sum(getattr(leaf, "nbytes", 0) for leaf in leaves)

    def close(self, exit_code: int | None, completed: bool | None = None) -> None:
        """The script is over: finish the recording; later fits are nobody's business.

        ``completed``: whether loops that are still open ended as they should; by default where
        the exit code is 0.
        """
        self.closed = True
        # While all variables still are what the script left.
        self.calls.close()
        for loop in list(self._loops):
            self.close_loop(loop, exit_code == 0 if completed is None else completed)
        if self.writer is not None:
            self.writer.ledger(self.ledger.draws)
            self.writer.environment({FILE + p: use.text() for p, use in OPENED.files.items()})
            if self._traced_lines:
                self.writer.environment({TRACED: listed([str(n) for n in self._traced_lines])})
            if workers := started_processes():
                self.writer.environment({PROCESSES: workers})
            if OPENED.programs:
                programs = [program.fact for program in OPENED.programs]
                self.writer.environment({PROGRAMS: programs})
            self.writer.close(exit_code)


def subject_of(models: Sequence[Any], optimizer: Any, generators: Mapping[str, Any]) -> Subject:
    """What a loop of the script's own trains. A mapping names several optimizers."""
    named = dict(optimizer) if isinstance(optimizer, Mapping) else {"": optimizer}
    variables = [v for model in models for v in model.trainable_variables]
    return Subject(
        models,
        {
            name: TorchOptimizer(one, variables) if hasattr(one, "param_groups") else one
            for name, one in named.items()
            if one is not None
        },
        generators,
    )


class Holder(Protocol):
    """``session`` may change: a served child begins another one when it runs a script again."""

    @property
    def session(self) -> Session:
        """The session that it holds now."""
        ...


#: Watches something of Keras by changing it.
Step = Callable[[Holder, Patches], None]
