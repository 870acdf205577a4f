"""Causes of calls with the lines of the script that they come from, and advice that names these."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.findings import Cause
from whydiff.core.places import said_place
from whydiff.core.recording import Fit
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.reshuffling import Reshuffling, of_own_class, with_reshuffling
from whydiff.diagnosis.calls.results import Call, said
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.experiments.explain.lines import path_inside, texts_by_path
from whydiff.runner.client import Run
from whydiff.script_text.given import given_at
from whydiff.script_text.reshuffling import shuffled_at

#: Sources that lie in what a model is given.
_OF_INPUTS = frozenset({"data-content", "data-order"})
#: Mechanisms of these that lie in the labels.
_OF_LABELS = frozenset({
    "other-labels", "classes-numbered-otherwise", "labels-in-another-order",
    "labels-of-another-output", "columns-of-the-labels", "labels-of-another-pass",
})  # fmt: skip


#: Events that make a difference of a mechanism.
_EVENTS = {
    "setting-lost": ("load_model", "clone_model"),
    "quantized": ("quantize",),
    "low-rank-adapted": ("enable_lora",),
}


class Program:
    """The texts of a script and of the project's files that it imports, as a run had them."""

    def __init__(self, run: Run) -> None:
        self._folder = run.checkout.folder if run.checkout else run.script.parent
        self._texts: Mapping[str, str] = texts_by_path(run, self._folder)

    def frame_of(self, call: Call | Event) -> Frame | None:
        """The line of the program's in which a call, or an event, was made."""
        return next((f for f in reversed(call.stack) if self._path(f) in self._texts), None)

    def _path(self, frame: Frame) -> str:
        return path_inside(self._folder, frame.file)

    def place_of(self, call: Call | Event) -> str:
        """Where a call was made: ``train.py:12``, "" where it is not known."""
        frame = self.frame_of(call)
        return f"{frame.name}:{frame.line}" if frame else ""

    def input_made_at(self, call: Call) -> str:
        """Where what a call is given was made: ``train.py:12``, "" where it is not known."""
        frame = self.frame_of(call)
        if frame is None:
            return ""
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            line = given_at(ast.parse(self._texts[self._path(frame)]), frame.line)
            return f"{frame.name}:{line}"
        return ""

    def reshuffling_of(self, call: Call) -> Reshuffling | None:
        """What the text says of why the data of a call come in another order at every pass."""
        frame = self.frame_of(call)
        if frame is None:
            return None
        found = shuffled_at(self._texts, self._path(frame), frame.line)
        if found is None:
            return None
        place = f"{PurePath(found.file).name}:{found.line}"
        doer = f"{found.function}(...) does so"
        instead = f"give {found.function}(...) {found.argument} for what is evaluated ({place})"
        return Reshuffling(doer, place, instead)


@dataclass(frozen=True)
class Pair:
    """Two calls that are explained. ``read`` is the call that predicted what a score ``b`` was
    computed from, or ``b`` itself; ``events`` are those of the run."""

    a: Call
    b: MeasuringCall
    read: MeasuringCall
    events: Sequence[Event] = ()


def with_places(verdict: Verdict, pair: Pair, run: Run | None) -> Verdict:
    """The verdict on two calls with the place of each cause, and what the script's text says of
    it; of a session there is no ``run`` of a script."""
    program = None if run is None else Program(run)
    inputs = pair.read.recipe.inputs
    ours = inputs if isinstance(pair.a, Fit) else pair.a.recipe.inputs
    known = of_own_class(ours, inputs)
    if known is None and program is not None:
        known = program.reshuffling_of(pair.read)
    verdict = with_reshuffling(verdict, str(inputs.facts.get("source")), known)
    if program is None:
        return verdict
    return replace(verdict, causes=tuple(_placed(c, pair, program) for c in verdict.causes))


def _placed(cause: Cause, pair: Pair, program: Program) -> Cause:
    """A cause with its place: that of what was given to the model, of the event that changed it, of
    the training whose log it is, of the call with another training flag, or else of the second
    call; none where a sentence names one."""
    a, b, read = pair.a, pair.b, pair.read
    if cause.where:
        return cause
    if cause.source in _OF_INPUTS and cause.mechanism not in _OF_LABELS:
        place, own = program.input_made_at(read), program.place_of(read)
        if place and place != own:
            text = f"{cause.detail}; what {said(read)} was given is made at {place}"
            return replace(cause, where=place, detail=text)
        return replace(cause, where=own)
    kinds = _EVENTS.get(cause.mechanism, ())
    events = [e for e in pair.events if e.kind in kinds and e.model_number in _models(a, b)]
    if events:
        return replace(cause, where=program.place_of(events[-1]))
    if isinstance(a, Fit):
        return replace(cause, where=program.place_of(a))
    if cause.source == "mode":
        trained = [call for call in (a, read) if call.recipe.mode.get("training")]
        return replace(cause, where=program.place_of((trained or [read])[0]))
    if said_place(cause, ""):
        return cause
    return replace(cause, where=program.place_of(b))


def _models(*calls: Call) -> set[int]:
    return {call.model_number for call in calls if isinstance(call, MeasuringCall)}
