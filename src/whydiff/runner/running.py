"""Running a script to its end, watched, and reading what it recorded: the only place that does.

A verb makes one :class:`Runs`, which knows where its scripts run, counts executions and gathers
what they wrote.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path, PurePath
from types import TracebackType

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.files import UNSEEN, content_digest
from whydiff.core.machine import available_memory, peak_of_children
from whydiff.core.progress import Progress
from whydiff.core.question import SideOptions
from whydiff.core.recording import Execution
from whydiff.core.stack import FROM_ELSEWHERE
from whydiff.core.temporary import PREFIX
from whydiff.core.words import listed
from whydiff.diagnosis.files import goes_on_beside, read_and_written, read_files, written_files
from whydiff.diagnosis.pair import check_trained, check_watched
from whydiff.runner.client import (
    Child,
    Run,
    at_most,
    ended,
    failed_to_fit,
    last_words,
    missing_backend,
    not_recorded,
    output_tail,
    remarks,
    run_of,
)
from whydiff.runner.environments import interpreter_of
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.revisions import Checkout, Checkouts
from whydiff.runner.scratch import Place, outermost, place_for
from whydiff.runner.targets import as_asked, command_of, module_elsewhere, near, target_of
from whydiff.storage import load

#: where a script asks at a terminal that is not there
_ASKS = (
    "It reads standard input, of which it gets what is piped in: `whydiff explain train.py < "
    "answers.txt`. `whydiff record` leaves the terminal to it."
)


def has_done_its_work(execution: Execution) -> bool:
    """Whether a model was used and every training came to its end.

    A call that raised is no use, and neither is a model that was only built.
    """
    called = any(call.finished and call.kind != "built" for call in execution.calls)
    return (called or bool(execution.fits)) and all(fit.finished for fit in execution.fits)


#: Seconds that a script may take at least when it is run again in a process.
LEAST_PATIENCE = 60.0
#: how long it took, as pytest says it
_TOOK = re.compile(r" in \d+\.\d+s\b")
#: said of what was stopped or not begun
OUT_OF_TIME = "as the time of --budget was over"


def check_run_watched(execution: Execution, run: Run) -> None:
    """Raise WhydiffError if not one use of a model was observed in a run."""
    check_watched(execution, run.arguments, "" if execution.calls else _other_way_in(run))


def check_run_trained(execution: Execution, run: Run) -> None:
    """Raise WhydiffError if no training was seen in a run."""
    check_trained(execution, run.arguments, "" if execution.fits else _other_way_in(run))


def _other_way_in(run: Run) -> str:
    return "" if run.command else command_of(run.module, run.script)


@dataclass(eq=False)
class Ran:
    """A script that ran to its end, and its process where that trains on request.

    ``late`` says that it was stopped because it took longer than it was given.
    """

    child: Child
    exit_code: int
    late: bool = False
    when_read: Callable[[Execution], None] = lambda execution: None  # told what was recorded

    @property
    def run(self) -> Run:
        """What was run."""
        return self.child.run

    @property
    def command(self) -> str:
        """The script with its arguments, as a person writes them."""
        return " ".join([self.run.text, *as_asked(self.run.arguments)])

    @cached_property
    def execution(self) -> Execution | None:
        """What was recorded; None where the script never imported Keras or nothing could be."""
        recording = self.child.recording
        begun = recording.exists() and recording.stat().st_size
        if not begun:
            return None
        execution = self.child.original(load(recording))
        self.when_read(execution)
        return execution

    @property
    def succeeded(self) -> bool:
        """Whether the script ended with 0."""
        return self.exit_code == 0

    @property
    def printed(self) -> str:
        """All that the script printed, its log messages included."""
        log = self.child.log
        return self._as_named(log.read_text(errors="replace")) if log and log.exists() else ""

    @property
    def failure(self) -> str:
        """How the script ended, and why: ``exited with 1: ValueError: ...``."""
        last = _TOOK.sub("", self._as_named(last_words(self.child.log)))
        return ended(self.exit_code) + (f": {last}" if last else "")

    def check_ended(self, beside: Ran | None = None) -> None:
        """Raise WhydiffError, with the script's own exit code and output, if it failed.

        One that failed after all its trainings were over has done what it was run for. ``beside``
        is the run that this one was to be compared with.
        """
        if self.succeeded or self.trained_before_it_failed:
            return
        if self.late:
            raise WhydiffError(
                f"{self.command} was stopped, {OUT_OF_TIME}", "Give it more: --budget 1h."
            )
        said = self._as_named(output_tail(self.child.log))
        before = (
            f" before a training was seen; {beside.compared_with(self)}"
            if beside is not None
            else ""
        )
        raise WhydiffError(
            f"{self.command} {ended(self.exit_code)}{before}"
            + (f"; its last output:\n{said}" if said else "; it printed nothing"),
            _ASKS if "EOFError" in said else self._way_out(),
        )

    def compared_with(self, failed: Ran) -> str:
        """What became of this run beside one that failed."""
        ended = "ended well" if self.succeeded else "trained to its end"
        if self.command == failed.command:
            return f"another run of it {ended}"
        return f"{self.command} {ended}, and there is nothing to compare it with"

    def _as_named(self, text: str) -> str:
        """What a script said, without the paths of our copies."""
        text = self.child.original(text)
        return self.run.checkout.in_terms(text) if self.run.checkout else text

    def _way_out(self) -> str:
        """What a person may do about a script that fails."""
        interpreter = self.run.interpreter
        last_output = output_tail(self.child.log, 100)
        missing = missing_backend(last_output)
        if missing:
            return (
                f"Keras computes with {missing} here, which is not installed. Name the backend "
                "that is: KERAS_BACKEND=jax whydiff ..., or tensorflow, or torch. Without that "
                "Keras takes the one in ~/.keras/keras.json, else TensorFlow."
            )
        unfit = failed_to_fit(last_output)
        if self.run.checkout is not None and not (interpreter and unfit):
            return (
                "A revision is run as it was: name another one, or what it needs, as in "
                '--a-with "-r requirements.txt" or an environment variable, --a-env NAME=VALUE.'
            )
        elsewhere = module_elsewhere(last_output, self.run.script, interpreter is None)
        if elsewhere:
            return elsewhere
        if self.run.purpose == "b" and not self.run.protected:
            return (
                "In place B finds what A left there. Without --in-place both begin with the same "
                "files."
            )
        if interpreter is None or not unfit:
            first = "Fix the script first."
            keeps = " `whydiff record` keeps what it trained until then."
            return first + keeps * self.trained_something
        return (
            f"It failed inside a library: {interpreter.name} may not fit the other packages, which "
            'are as installed. Name their version, too, as in --a-with "jax==0.5.0", or take all '
            "packages as of a day: --a-asof 2025-02-01."
        )

    @property
    def trained_before_it_failed(self) -> bool:
        """Whether the script ended by itself with another code than 0, its trainings complete."""
        execution = self.execution
        return self.exit_code > 0 and execution is not None and has_done_its_work(execution)

    @property
    def trained_something(self) -> bool:
        """Whether at least one step of a training was seen."""
        execution = self.execution
        return execution is not None and any(len(fit.steps) for fit in execution.fits)

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the script ended."""
        if self.succeeded:
            return []
        if self.late:
            return [
                f"{self.command} was stopped, {OUT_OF_TIME}; what it did until then is compared."
            ]
        when = "after all that was watched" if self.trained_before_it_failed else "while training"
        return [f"{self.command} {self.failure} ({when})."]

    def complete(self, purpose: str) -> Execution:
        """What was recorded, to its end. WhydiffError where nothing was trained."""
        execution = self.recorded(purpose)
        check_run_trained(execution, self.run)
        return execution

    def recorded(self, purpose: str, check: bool = True) -> Execution:
        """What was recorded, whatever that is. WhydiffError where the recording broke off, or,
        with ``check``, where the script failed."""
        if check:
            self.check_ended()
        for line in self.remarks():
            if FROM_ELSEWHERE in line:
                raise WhydiffError(
                    f"{self.run.text} {line.removeprefix('whydiff: ')}",
                    "Let the script find its modules beside it or on PYTHONPATH, so that they are "
                    "those of the revision.",
                )
        execution = self.execution
        if execution is None:
            way_in = _other_way_in(self.run)
            raise not_recorded(self.child, f"that can be {purpose}", way_in)
        if execution.trouble:
            raise WhydiffError(
                f"recording {self.run.text} stopped early: {execution.trouble}",
                f"If the disk is full, make room in {self.child.recording.parent.parent}, or let "
                "the environment variable TMPDIR name another place.",
            )
        return execution

    def remarks(self) -> list[str]:
        """What the watching itself had to say."""
        return self.child.original(remarks(self.child.log))

    def close(self) -> None:
        """End the process; nothing it holds is needed any more."""
        self.child.close()

    def __enter__(self) -> Ran:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(eq=False)
class Runs:
    """All executions of one verb: where they run, how many there were, what they wrote.

    A script that lies in one of ``checkouts`` is run as what that revision holds. With ``seconds``
    all of them together take no longer; ``left_out`` says what there was no time for.
    """

    place: Place = field(default_factory=Place)
    count: int = 0
    written: dict[str, None] = field(default_factory=dict)
    renamed: dict[str, None] = field(default_factory=dict)  # of these: other names in each run
    outside: dict[str, None] = field(default_factory=dict)
    resumed: dict[str, None] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)  # with the digest of what was read
    followed: dict[str, str] = field(default_factory=dict)  # files read -> those written for them
    checkouts: Sequence[Checkout] = ()
    seconds: float | None = None
    left_out: list[str] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)
    _begun: weakref.WeakSet[Child] = field(default_factory=weakref.WeakSet)

    def kill(self) -> None:
        """End all runs that are under way, at once."""
        for child in list(self._begun):
            child.kill()

    def time_left(self) -> float | None:
        """Seconds until the time is over, at least 0.0; None where there is no limit."""
        if self.seconds is None:
            return None
        return max(0.0, self._since + self.seconds - time.monotonic())

    def no_time_for(self, what: str) -> bool:
        """Whether the time is over; then ``what`` is among what was left out."""
        over = self.time_left() == 0.0
        if over and what not in self.left_out:
            self.left_out.append(what)
        return over

    def run(
        self,
        run: Run,
        folder: Path,
        name: str,
        *,
        serve: bool = True,
        time_limit: float | None = None,
        epochs: EpochProgress | None = None,
    ) -> Ran:
        """Run a script to its end; its recording and output go to ``folder`` under ``name``.

        With ``serve`` its process stays and trains on request. ``epochs`` reports those of the
        script, and later those of what it trains on request. The caller closes what it gets.
        """
        return self.wait(self.begin(run, folder, name, serve=serve), time_limit, epochs)

    def begin(self, run: Run, folder: Path, name: str, *, serve: bool = True) -> Child:
        """Start a script; :meth:`wait` for what comes of it, or close it."""
        run = self.at_its_revision(run)
        run = replace(run, protected=_protected(self.place, run), means=self.place.means)
        child = Child(run, folder / f"{name}.whydiff", folder / f"{name}.log", serve)
        self._begun.add(child)
        child.when_closed = partial(self._closed, run)
        child.deadline = None if self.seconds is None else self._since + self.seconds
        self.count += 1
        return child

    def wait(
        self,
        child: Child,
        time_limit: float | None = None,
        epochs: EpochProgress | None = None,
    ) -> Ran:
        """Wait until a script is over. The caller closes what it gets."""
        late: list[bool] = []
        limits = [limit for limit in (time_limit, self.time_left()) if limit is not None]

        def stop() -> None:
            late.append(True)
            child.kill()

        limit: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if limits:
            limit = at_most(min(limits), stop)
        try:
            with limit:
                code = child.wait_for_script(epochs.look if epochs else None)
            if epochs is not None:
                child.each_epoch = epochs.trained
        except BaseException:
            child.close()
            raise
        return Ran(child, code, bool(late), self._note_files)

    def may_run_two_at_once(self, earlier: Execution, peak: int = 0) -> bool:
        """Whether two runs like an earlier one, or one beside its process, may share the machine.

        Neither may see what the other writes, no accelerator is fought over, and there is memory
        for both. ``peak`` are the most bytes that the earlier one held, where its process lives.
        """
        needed = 3 * max(peak, peak_of_children())
        return self.stays_apart(earlier) and (available_memory() or 0) > needed

    def stays_apart(self, run: Execution) -> bool:
        """Whether a run was seen to use the processor alone, and to write nothing but its copy."""
        facts = run.fits[0].recipe.hardware if run.fits else {}
        on_cpu = all(str(device).lower().startswith("cpu") for device in facts.get("devices", ()))
        return (
            on_cpu
            and bool(self.place.folders)
            and all(self.place.covers(Path(file)) for file in written_files(run))
        )

    def run_again(self, child: Child, run: Run, recording: Path) -> Callable[[], Execution | None]:
        """Run ``run`` in the process of an earlier run of its script, which imports nothing.

        What is returned waits for what it did: None where it failed there or takes far longer than
        that run, so that it says nothing. Whoever has begun several waits for each.
        """
        self.count += 1
        try:
            ended = child.run_again(run, recording, max(LEAST_PATIENCE, 2 * child.seconds))
        except (TransferError, WhydiffError):
            return lambda: None

        def wait() -> Execution | None:
            try:
                ended()
            except (TransferError, WhydiffError):
                return None
            execution = child.original(load(recording))
            return execution if execution.exit_code == 0 and not execution.trouble else None

        return wait

    def text(self, run: Run) -> str:
        """What is run, as a person names it."""
        return replace(run, checkout=self._checkout_of(run)).text

    def at_its_revision(self, run: Run) -> Run:
        """A run of a script that lies in a checkout, as one of that revision."""
        checkout = self._checkout_of(run)
        if checkout is None or run.checkout is not None:
            return run
        environment = checkout.environment(run.python, run.environment)
        return replace(run, checkout=checkout, environment=environment)

    def _checkout_of(self, run: Run) -> Checkout | None:
        holds = (c for c in self.checkouts if run.script.is_relative_to(c.folder))
        return run.checkout or next(holds, None)

    def _closed(self, run: Run, written: Sequence[str]) -> None:
        named = run.checkout.named if run.checkout else str
        self._add(self.written, [named(name) for name in written])

    def _add(self, known: dict[str, None], names: Sequence[str]) -> None:
        """Add to ``known`` what a run wrote and no earlier one did, be it under another name."""
        others = under_other_names(known, names)
        self.renamed |= dict.fromkeys(others.values())
        known |= dict.fromkeys(name for name in names if name not in others)

    def _files(self, files: Collection[str]) -> str:
        """Files by name, and how many of them other runs wrote under other names."""
        renamed = sum(file in self.renamed for file in files)
        which = "" if renamed == len(files) else f"{renamed} of these "
        return _some(files) + f", {which}under another name in each run" * bool(renamed)

    def _note_files(self, execution: Execution) -> None:
        """Files that a run was seen to write where nothing keeps them as they were, and those that
        it begins with."""
        here = self.place.folders[0] if self.place.folders else Path.cwd()

        def inside(*files: str) -> bool:
            return all(Path(file).is_relative_to(here) for file in files)

        def named(file: str) -> str:
            return str(Path(file).relative_to(here))

        self.resumed |= dict.fromkeys(map(named, filter(inside, read_and_written(execution))))
        read = read_files(execution)
        self.read |= {named(file): read[file] for file in filter(inside, read)}
        pairs = goes_on_beside(execution)
        self.followed |= {named(a): named(b) for a, b in pairs if inside(a, b)}
        ours = [checkout.folder for checkout in self.checkouts]
        stays = []
        for file in map(Path, written_files(execution)):
            in_ours = any(file.resolve().is_relative_to(folder) for folder in ours)
            if not in_ours and not self.place.covers(file) and not _passes(file.resolve()):
                stays.append(str(file))
        self._add(self.outside, stays)

    def _was_there(self, name: str) -> bool:
        """Whether a run read a file as it was before, not what some program had just written."""
        file = Path(name)
        read = self.read[name]
        return file.is_file() and (read == UNSEEN or read == content_digest(file.read_bytes()))

    def notes(self) -> list[str]:
        """How often scripts ran and where, and what they would have written in place."""
        times = "once" if self.count == 1 else f"{self.count} times"
        left = [f"Left out, {OUT_OF_TIME}: {listed(self.left_out)}."] if self.left_out else []
        # What a library in C++ writes (`torch.save`) is seen only on a scratch copy.
        unseen = (name for name in self.read if name in self.written and self._was_there(name))
        resumed_files = self.resumed | dict.fromkeys(unseen)
        if resumed_files:
            resumed = f"A run reads and then writes {_some(resumed_files)}: in place, a second run"
            left.insert(0, f"{resumed} goes on from what the first one left there.")
        elif self.followed:
            (read, wrote), *_ = self.followed.items()
            reads = f"A run reads {read} and writes {wrote}: in place, a second run may go on from"
            left.insert(0, f"{reads} that.")
        if not self.place.folders:
            return [f"Scripts ran {times}, in place.", *left]
        text = f"Scripts ran {times} {self.place.text}"
        if self.written:
            text += f"; in place they would have written {self._files(self.written)}"
        if self.outside:
            text += f". Outside of that they wrote {self._files(self.outside)}"
        return [f"{text}.", *left]


#: what a run puts into names that no other run gives: a time, the number of a process, an id
_OF_ONE_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,}|[0-9]+")


def under_other_names(known: Collection[str], written: Sequence[str]) -> dict[str, str]:
    """What a run wrote that earlier runs wrote under names of their own, with the name there.

    ``runs/20250102-101500/log.txt`` stands for ``runs/20250102-101320/log.txt``, but
    ``epoch_3.keras`` for nothing where both runs wrote ``epoch_1.keras``.
    """
    alike: dict[str, list[str]] = {}
    for name in known:
        alike.setdefault(_OF_ONE_RUN.sub("#", name), []).append(name)
    groups: dict[str, list[str]] = {}
    for name in written:
        groups.setdefault(_OF_ONE_RUN.sub("#", name), []).append(name)
    found: dict[str, str] = {}
    for pattern, names in groups.items():
        before = alike.get(pattern, [])
        if len(names) <= len(before) and not set(names) & set(before):
            found |= dict(zip(names, before, strict=False))
    return found


#: names that Python's ``tempfile`` makes, and ours
_PASSING = re.compile(rf"tmp[a-z0-9_]{{8}}|{PREFIX}.*")


def _passes(file: Path) -> bool:
    """Whether a file is among the temporary ones that are gone with a run, or have a name that no
    other run meets."""
    try:
        inside = file.relative_to(Path(tempfile.gettempdir()).resolve())
    except ValueError:
        return False
    return not file.exists() or _PASSING.fullmatch(inside.parts[0]) is not None


#: so many files are named one by one
_MOST_NAMED = 6


def _some(files: Collection[str]) -> str:
    """Files by name; where they are many, those of a folder together, and how many more there are.

    ``mlruns/ (8 files), results.csv and 2 more``.
    """
    within: dict[str, list[str]] = {}
    for file in files:
        path = PurePath(file)
        top = str(path.parent) if path.is_absolute() else path.parts[0]
        within.setdefault(top, []).append(file)
    names = list(files)
    if len(names) > _MOST_NAMED:
        names = [
            found[0] if len(found) == 1 else f"{top}/ ({len(found)} files)"
            for top, found in within.items()
        ]
    more = len(names) - _MOST_NAMED
    return listed([*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])


def _protected(place: Place, run: Run) -> tuple[Path, ...]:
    """The folders of ``place``, and those of a revision with the repository its data lie in."""
    if not place.folders or run.checkout is None:
        return place.folders
    return outermost([*place.folders, run.checkout.root, run.checkout.folder])


def runs_of(
    scripts: Sequence[Path],
    in_place: bool,
    progress: Progress,
    how_often: str,
    checkouts: Sequence[Checkout] = (),
    repositories: Sequence[Path] = (),
) -> Runs:
    """The runs of a verb, which says beforehand how often scripts run, and where.

    ``scripts`` are those of no revision; revisions are in ``checkouts``, or will be of one of the
    ``repositories``. WhydiffError where there is no such script.
    """
    for script in scripts:
        if not script.is_file():
            raise WhydiffError(f"there is no script {script}", f"Looked in {Path.cwd()}.")
    roots = [*(checkout.root for checkout in checkouts), *repositories]
    place = place_for(scripts, in_place, roots)
    progress.note(f"{how_often}, {place.text}")
    if place.warning:
        progress.note(place.warning)
    return Runs(place, checkouts=checkouts)


@contextlib.contextmanager
def counted_runs(
    scripts: Sequence[Path],
    in_place: bool,
    progress: Progress,
    how_often: str,
    checkouts: Sequence[Checkout] = (),
) -> Iterator[Runs]:
    """Like :func:`runs_of`; at the end it says how often scripts ran, and what they wrote."""
    runs = runs_of(scripts, in_place, progress, how_often, checkouts)
    yield runs
    for note in runs.notes():
        progress.note(note)


def times(count: int) -> str:
    """``the script runs once``, ``the script runs 5 times``."""
    return f"the script runs {'once' if count == 1 else f'{count} times'}"


def run_as_asked(name: str, options: SideOptions, checkouts: Checkouts) -> Run:
    """The run of a target: the files of its revision laid out, its environment made.

    WhydiffError where there is no such target, revision or set of packages.
    """
    checkout = checkouts.of(options.rev, near(name)) if options.rev else None
    target = target_of(name, checkout)
    folder = checkout.working_folder() if checkout else None
    return run_of(target, options, checkout, interpreter_of(options, target.script, folder))
