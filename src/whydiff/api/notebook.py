"""Recording and explaining within the running interpreter, for notebooks.

with whydiff.recording() as cell:
    one.fit(x, y)
    two.fit(x, y)
whydiff.explain(cell[1], cell[2])
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.calls import CallRecipe, MeasuringCall
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.live import Live, LiveCall
from whydiff.core.progress import Progress
from whydiff.core.question import Question, check_usable
from whydiff.core.recording import Execution, Side
from whydiff.core.stack import Frame
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.calls.answer import agreement
from whydiff.diagnosis.calls.results import said_both
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.pair import with_names_of
from whydiff.experiments.explain.calls import Site, explain_chosen
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.recorded import compare
from whydiff.runner.hybrid_trainer import Prepared, ProcessHybridTrainer
from whydiff.runner.messages import OwnFit, Pair
from whydiff.storage import load

#: What may be asked of two fits of this session, by its keyword of ``whydiff.explain``.
USABLE = ("metric", "budget", "zoom", "fix")


#: what a recording of the running interpreter is called where nobody named it
SESSION = "this session"


@dataclass(eq=False)
class Recorded:
    """What a ``with whydiff.recording()`` block recorded; ``path`` keeps it.

    ``recorded[1]`` is its first fit, for :func:`whydiff.explain`.
    """

    path: Path
    _session: Any
    _folder: Any = None  # a temporary folder lives as long as this object
    name: str = SESSION  # what answers call it

    @property
    def execution(self) -> Execution:
        """Everything recorded, as :func:`whydiff.load` reads it. Only once the block is over."""
        if not self._session.closed:
            raise WhydiffError("the recording is still under way", "Leave its `with` block first.")
        return load(self.path)

    def call(self, number: int) -> WatchedCall:
        """A prediction or evaluation by its number, as `whydiff show` lists them."""
        calls = {call.number: call for call in self.execution.calls}
        if number not in calls:
            raise WhydiffError(
                f"there is no prediction or evaluation {number} in this recording",
                f"Their numbers: {', '.join(map(str, calls)) or 'none'}.",
            )
        return WatchedCall(self, number)

    def __len__(self) -> int:
        return len(self.execution.fits)

    def __getitem__(self, number: int) -> WatchedFit:
        fits = self.execution.fits
        if not 1 <= number <= len(fits):
            raise WhydiffError(
                f"there is no fit {number}; {len(fits)} were recorded", "Fits count from 1."
            )
        return WatchedFit(self, number)


def lines_of_cell(stack: tuple[Frame, ...], name: str) -> tuple[Frame, ...]:
    """The frames of a call that lie in the cell whose recording is called ``name``, if any do."""
    return tuple(frame for frame in stack if frame.cell == name) or stack


@dataclass(frozen=True, eq=False)
class WatchedFit:
    """One fit of a :class:`Recorded`, whose model still lives in this interpreter."""

    recorded: Recorded
    number: int

    def __str__(self) -> str:
        return f"fit {self.number} of {self.recorded.name}"

    @property
    def side(self) -> Side:
        """The fit and its execution."""
        execution = self.recorded.execution
        return Side(execution, execution.fits[self.number - 1])

    @property
    def live(self) -> Live:
        """What it takes to train it again. WhydiffError where that was not kept."""
        lives: list[Live] = self.recorded._session.lives
        found = next((live for live in lives if live.index == self.number), None)
        if found is None:
            raise WhydiffError(
                f"fit {self.number} cannot be trained again: it was interrupted or its data were "
                "too large to keep",
                f"`whydiff diff` compares what was recorded in {self.recorded.path}.",
            )
        return found


@dataclass(frozen=True, eq=False)
class WatchedCall:
    """One prediction or evaluation of a :class:`Recorded`, whose model still lives here."""

    recorded: Recorded
    number: int

    def __str__(self) -> str:
        return f"call {self.number} of {self.recorded.name}"

    @property
    def lives(self) -> list[LiveCall]:
        """What it takes to make the calls of its recording again."""
        lives: list[LiveCall] = self.recorded._session.calls.lives
        return lives

    @property
    def stack(self) -> tuple[Frame, ...]:
        """Where it was made, without what other cells define: its line is one of its own cell."""
        stack = next(c.stack for c in self.recorded.execution.calls if c.number == self.number)
        return lines_of_cell(stack, self.recorded.name)


@contextlib.contextmanager
def recording(path: str | Path | None = None, name: str = "") -> Iterator[Recorded]:
    """Record every call of a model in the block, in this very interpreter, without changing a bit.

    Built inside the block, a model's seeds are recorded as well. ``path`` keeps the recording;
    without one it lies in a temporary folder that goes with the result. Answers call it ``name``,
    or by the cell of the notebook that it is made in.
    """
    from whydiff.recorder.ledger import user_stack
    from whydiff.runner.in_process import begin

    name = name or next((frame.cell for frame in user_stack()), "") or SESSION

    folder = None if path else tempfile.TemporaryDirectory(prefix="whydiff-")
    file = Path(path) if path else Path(folder.name) / "cell.whydiff"  # type: ignore[union-attr]
    session = begin(file, name=name)
    try:
        yield Recorded(file, session, folder, name)
    except BaseException:
        _end(session, 1)
        raise
    _end(session, 0)


def _end(session: Any, code: int) -> None:
    from whydiff.runner.in_process import wait

    session.close(code)
    wait()


def explain_fits(fits: Sequence[object], question: Question, progress: Progress) -> Explanation:
    """Say why two fits of this session differ, proven by training hybrids of them here.

    The models are trained again for that and then put back as they were. No fix is tried: there
    is no script to change; the causes carry their remedies. WhydiffError where ``fits`` are no two
    fits, or the question says how a script is run.
    """
    a, b = _two_fits(fits)
    check_usable(
        question,
        USABLE,
        "two fits of this session",
        "They say how a script is run; name a script in place of the fits.",
    )
    from whydiff.replay.outcome import left_as_found
    from whydiff.runner.in_process_client import InProcessClient

    lives = [replace(a.live, index=1), replace(b.live, index=2)]
    recordings = a.recorded.path, b.recorded.path
    fit, renamed = with_names_of(a.side.fit, b.side.fit)
    side_b = replace(b.side, fit=fit)
    diff = compare("A", "B", a.side, side_b, *recordings)
    names = a.recorded.name, b.recorded.name
    if names[0] != names[1]:
        chosen = f"{a} and {b}"
    elif a.recorded is not b.recorded:
        chosen = f"fit {a.number} of one recording in {names[0]} and fit {b.number} of another"
    else:
        chosen = f"fit {a.number} and fit {b.number} of {names[0]}"
    compared = ComparedSides("fits", chosen, a.side, side_b, diff, names, renamed)
    if compared.identical:
        return answer(compared, metric=question.metric)

    def hybrid_trainer() -> ProcessHybridTrainer:
        client = InProcessClient(lives, a.recorded.path, each_epoch=progress.epochs)
        client.request(Pair(OwnFit(1), OwnFit(2), tuple(compared.structural)))
        prepared = Prepared("", compared.follows, compared.renamed, compared.activations)
        return ProcessHybridTrainer({"a": client}, frozenset(), prepared)

    with left_as_found(live.model for live in lives):
        results = hybrid_results(compared, hybrid_trainer, recordings, question, progress)
    explanation = answer_from(results, None, question.metric)
    remedies = dict.fromkeys(c.remedy for c in explanation.causes if c.remedy and not c.intended)
    return replace(explanation, remedy=Remedy("", False, " ".join(remedies)))


def explain_calls(
    a: WatchedCall, b: WatchedCall, question: Question, progress: Progress
) -> Explanation:
    """Say why two predictions or evaluations of this session differ, proven by hybrids of them.

    They may belong to two recordings. Afterwards models are as they were.
    """
    check_usable(
        question,
        USABLE,
        "two calls of this session",
        "They say how a script is run; name a script in place of the calls.",
    )
    from whydiff.runner.in_process_client import InProcessClient

    lives, one, other = _numbered_together(a, b)
    executions = [w.recorded.execution for w in (a, b)]
    made = replace(
        executions[0],
        fits=(),
        calls=(one, other),
        events=tuple(event for e in executions for event in e.events),
    )
    path = a.recorded.path
    with tempfile.TemporaryDirectory(prefix="whydiff-") as name:
        client = InProcessClient([], path, lives)
        of_both = " and ".join(dict.fromkeys(w.recorded.name for w in (a, b)))
        site = Site(client, made, of_both, Path(name), path)
        found = explain_chosen(site, (one.number, other.number), progress, question.metric)
    notes = tuple(note for note in found.notes if note != agreement(made))
    # Options of the command line, and what else a script did, are nothing of a session.
    found = replace(found, chosen=found.chosen.partition("; --")[0], notes=notes)
    if a.recorded is b.recorded:
        return found
    # Each call has the number that its own recording gave it.
    names = a.recorded.name, b.recorded.name
    sides = [
        {**side, "script": name, "number": watched.number}
        for side, name, watched in zip((found.a, found.b), names, (a, b), strict=True)
    ]
    found = replace(found, a=sides[0], b=sides[1])
    if found.identical:
        return found
    said = said_both(one, other)
    two = f"{said[0]} of {names[0]} and {said[1]} of {names[1]}"
    if names[0] == names[1]:
        two = f"{said[0]} and {said[1]} of {names[0]}"
    return replace(found, question=f"Why do {two} differ?", chosen=two)


def _numbered_together(
    a: WatchedCall, b: WatchedCall
) -> tuple[list[LiveCall], MeasuringCall, MeasuringCall]:
    """The calls of both recordings with numbers of their own, and the two that are compared.

    A model that both recordings saw has one number. Whether both were given one and the same array
    is not known of two recordings: each numbers its own.
    """
    own, others = a.lives, b.lives
    if a.recorded is not b.recorded:
        further = 1 + max((live.call.number for live in own), default=0)
        models = {id(live.model): live.call.model_number for live in own}
        beyond = 1 + max(models.values(), default=0)
        others = [
            replace(
                live,
                call=replace(
                    live.call,
                    number=live.call.number + further,
                    model_number=models.get(id(live.model), live.call.model_number + beyond),
                    recipe=_of_its_own(live.call.recipe),
                ),
            )
            for live in others
        ]
        lives, number = [*own, *others], b.number + further
    else:
        lives, number = own, b.number
    known = {live.call.number: live.call for live in lives}
    for wanted, watched in ((a.number, a), (number, b)):
        if wanted not in known:
            raise WhydiffError(
                f"{watched} cannot be made again: it was interrupted, or its data were too large "
                "to keep",
                f"`whydiff diff` compares what was recorded in {watched.recorded.path}.",
            )
    one = replace(known[a.number], stack=a.stack)
    other = replace(known[number], stack=b.stack)
    if a.recorded is not b.recorded:
        one, other = _of_recording(one, a.recorded.name), _of_recording(other, b.recorded.name)
    return lives, one, other


def _of_recording(call: MeasuringCall, name: str) -> MeasuringCall:
    """A call that says of which recording the fits are that its weights come from."""
    origins = tuple(
        replace(origin, text=f"{origin.text} of {name}") if origin.fit else origin
        for origin in call.recipe.origins
    )
    return replace(call, recipe=replace(call.recipe, origins=origins))


def _of_its_own(recipe: CallRecipe) -> CallRecipe:
    facts = {name: value for name, value in recipe.inputs.facts.items() if name != "object"}
    return replace(recipe, inputs=replace(recipe.inputs, facts=facts))


def _two_fits(fits: Sequence[object]) -> tuple[WatchedFit, WatchedFit]:
    two = [fit for fit in fits if isinstance(fit, WatchedFit)]
    if len(two) == 2:
        return two[0], two[1]
    what = "a script and a fit" if any(isinstance(f, str | Path) for f in fits) else ""
    raise WhydiffError(
        f"{what or 'a fit and a call that does not train'} cannot be compared here",
        "Name two of one kind: two fits, or two of evaluate, predict and the model called.",
    )
