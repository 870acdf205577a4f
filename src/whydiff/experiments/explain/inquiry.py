"""One question under way: its programs run, A at once and B when a step first asks for it."""

from __future__ import annotations

import contextlib
import importlib.util
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.core.temporary import temporary_folder
from whydiff.core.visible import renamed
from whydiff.core.words import listed
from whydiff.diagnosis.calls.printed import Printed, printed_beyond
from whydiff.diagnosis.files import taken_from, written_files
from whydiff.diagnosis.pair import Picks, in_workers, numbered
from whydiff.diagnosis.sources.drawn import SETTINGS
from whydiff.experiments.explain.calls import Site, site_of
from whydiff.experiments.explain.draws import few_of, lines_that_draw
from whydiff.experiments.explain.early import (
    EarlyRun,
    begin_early,
    may_begin_early,
    throw_away,
)
from whydiff.experiments.explain.searched import settings_drawn
from whydiff.experiments.explain.sides import (
    RunningSides,
    begin_script,
    checked,
    run_script,
    two_fits,
    two_runs,
    two_successive_fits,
    wait_for_script,
)
from whydiff.experiments.explain.texts import text_of
from whydiff.fixes.pins import FILES, requirements
from whydiff.fixes.proposal import BOM
from whydiff.runner.client import Run
from whydiff.runner.environments import moved
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import Ran, Runs, run_as_asked, runs_of
from whydiff.script_text.edits import parse
from whydiff.script_text.imports import Names
from whydiff.script_text.notebooks import cells, left_out
from whydiff.script_text.resuming import goes_on_from_files
from whydiff.storage import take_in

#: Proposals are tried from the smallest on; so many at most.
MOST_TRIED = 4
#: So many more runs at most, where two runs of one script end alike by chance.
MOST_AGAIN = 2


@dataclass(eq=False)
class Inquiry:
    """What was asked, the runs made for it, and the pairs of trainings found in them.

    The processes of the runs live until ``processes`` is closed.
    """

    question: Question
    runs: Runs
    run_b: Run
    ran_a: Ran
    site: Site  # A's process and recording
    folder: Path
    progress: Progress
    processes: contextlib.ExitStack
    early: EarlyRun | None = None  # B, where it was begun beside A
    notes: list[str] = field(default_factory=list)

    @cached_property
    def ran_b(self) -> Ran:
        """B, run when this is first asked for.

        Where B reads what A writes (one script trains and saves, the other loads), it is run on
        the files that A left, as a person runs the two.
        """
        ran = self._following_a() if self._may_follow_a else self._run_b(self.folder)
        self.processes.enter_context(ran)
        own = self.ran_a.notes
        if own and ran.notes and own != ran.notes:  # each ended in a way of its own
            self.notes = [f"A: {note}" if note in own else note for note in self.notes]
            self.notes += [f"B: {note}" for note in ran.notes]
        else:
            self.notes += [note for note in ran.notes if note not in self.notes]
        return ran

    def _run_b(self, folder: Path) -> Ran:
        ran = self._ran_early()
        if ran is None:
            begun = begin_script(self.runs, self.run_b, folder, "b")
            ran = wait_for_script(self.runs, begun, self.progress)
        return checked(ran, self.progress, self.ran_a)

    @property
    def _may_follow_a(self) -> bool:
        """Whether B is another program, and A has left files that it would find in place."""
        a, b = self.ran_a.run, self.run_b
        apart = (a.script, a.module) != (b.script, b.module)
        written = written_files(self.site.execution)
        return apart and a.checkout is None and bool(self.runs.place.folders and written)

    def _following_a(self) -> Ran:
        """B as run on the files that A began with; where it fails there, or takes some of those
        that A writes as it finds them, as run on those that A has left."""
        taken: tuple[str, ...] = ()
        with contextlib.suppress(WhydiffError):
            ran = self._run_b(self.folder)
            taken = taken_from(ran.execution, self.site.execution) if ran.execution else ()
            if not taken:
                return ran
            ran.close()
        left, folder = self.folder / "left", self.folder / "following"
        folder.mkdir()
        self.ran_a.child.keep_files(left)
        self.run_b = replace(self.run_b, left=left)
        ran = self._run_b(folder)
        taken = taken or (taken_from(ran.execution, self.site.execution) if ran.execution else ())
        a, b = self.runs.text(self.ran_a.run), self.runs.text(self.run_b)
        what = listed([Path(path).name for path in taken[:4]])
        why = (
            f"{b} reads {what}, which {a} writes"
            if what
            else f"{b} failed without the files of {a}"
        )
        self.notes.append(f"{why}: it ran on what {a} had left.")
        return ran

    def _ran_early(self) -> Ran | None:
        """B as it was begun beside A; None where it was not, or failed and so runs again alone."""
        child = self.early.take() if self.early is not None else None
        if child is None:
            return None
        ran = wait_for_script(self.runs, child, self.progress)
        if ran.succeeded or ran.late:
            return ran
        throw_away(self.runs, child)
        return None

    @cached_property
    def site_b(self) -> Site:
        """B's process and recording."""
        return site_of(self.ran_b, self.folder)

    @cached_property
    def fits_of_one_run(self) -> RunningSides | None:
        """Two fits of A's run, where that may hold both sides: those asked for, or independent."""
        if not self.question.one_program:
            return None
        return two_fits(self.ran_a, self._numbers(self.ran_a), self.folder)

    @property
    def one_run_tells(self) -> bool:
        """Whether two fits of A's run are what is compared: those asked for, or two that differ."""
        return self.fits_differ and not self.drawn_trials

    @property
    def fits_differ(self) -> bool:
        """Whether A's run holds two fits that were asked for, or that differ."""
        fits = self.fits_of_one_run
        return fits is not None and (bool(self.question.fits) or not fits.compared.identical)

    @cached_property
    def drawing_settings(self) -> list[str]:
        """Lines that draw the settings of two fits of A's run without a seed: trials of a search,
        of which nobody wrote down what they are to be."""
        fits, path = self.fits_of_one_run, self.ran_a.run.script
        if fits is None or self.question.fits or not self.fits_differ or path.suffix != ".py":
            return []
        compared = fits.compared
        return settings_drawn(path, (compared.a, compared.b), compared.findings)

    @cached_property
    def drawn_trials(self) -> bool:
        """Whether another run was seen to try other settings than A: then two runs are compared."""
        if not self.drawing_settings:
            return False
        sides = self._beside(self.ran_b)
        drawn = sides is not None and not {*SETTINGS}.isdisjoint(sides.compared.differing)
        if drawn:
            self.notes.append(
                f"The script draws the settings of its trials without a seed "
                f"({few_of(self.drawing_settings)}), so two runs are compared; --fits I,J compares "
                "two trials of one run."
            )
        return drawn

    @cached_property
    def fits_of_two_runs(self) -> RunningSides | None:
        """A fit of each run; not looked for where one run holds two to compare."""
        if self.one_run_tells:
            return None
        sides = self._beside(self.ran_b)
        chance = "" if sides is None else self._chance(sides)
        return sides if sides is None or not chance else self._elsewhere(sides, chance)

    def _beside(self, ran_b: Ran) -> RunningSides | None:
        return two_runs(self.ran_a, ran_b, self._numbers(ran_b), self.folder)

    def _chance(self, sides: RunningSides) -> str:
        """By what chance two runs of one script, each from the same files, may have ended alike:
        what differs without effect, or a line that draws without a seed; "" where by none."""
        compared = sides.compared
        if not (self.question.alike and self.runs.place.folders):
            return ""
        if compared.identical:
            path = self.ran_a.run.script
            return few_of(lines_that_draw((path, path), (compared.a, compared.b)))
        return f"they differ ({listed(compared.differing)})" if compared.meets_by_chance else ""

    def _elsewhere(self, met: RunningSides, chance: str) -> RunningSides:
        """A beside another run that ends elsewhere, which is B from then on; else as they met."""
        ended = 2
        for number in range(1, MOST_AGAIN + 1):
            if self.runs.no_time_for("whether another run ends elsewhere"):
                break
            folder = self.folder / f"again-{number}"
            folder.mkdir()
            try:  # what two runs tell stands, whatever becomes of a third
                ran = run_script(self.runs, self.run_b, folder, "b", self.progress)
            except WhydiffError:
                break
            try:
                sides = self._beside(ran)
            except WhydiffError:
                sides = None
            if sides is not None and not (sides.compared.identical or self._chance(sides)):
                self.ran_b.close()
                self.ran_b = self.processes.enter_context(ran)
                vars(self).pop("site_b", None)
                self.notes.append(
                    f"The first two runs ended alike although {chance}: B is a later run, which "
                    "ended elsewhere."
                )
                return sides
            ran.close()
            ended += sides is not None
        self.notes.append(
            f"{ended} runs ended alike although {chance}. Another run may still end elsewhere."
        )
        return met

    def _numbers(self, of_b: Ran) -> Picks | None:
        """The fits that were asked for, of A's run and of another or the same one."""
        a, b = self.ran_a.execution, of_b.execution
        assert a is not None and b is not None  # or it would not have come as far as this
        return numbered(a, b, self.question.fits, self.question.metric)

    @cached_property
    def successive_fits(self) -> RunningSides | None:
        """Two fits of one training, where two runs of it agree."""
        if self.fits_of_two_runs is None or not self.question.one_program:
            return None
        if self.fits_of_one_run is not None:
            return None
        return two_successive_fits(self.ran_a, self.folder)

    @property
    def ran_twice(self) -> bool:
        """Whether B is A's program once more, and has run."""
        return self.question.alike and "ran_b" in vars(self)

    @property
    def printed(self) -> Printed:
        """What A printed that no watched call gave, and what B, where it is A once more and ran,
        printed otherwise."""
        again = self.ran_b.printed if self.ran_twice else ""
        script = text_of(self.ran_a.run.script)
        execution, two_runs = self.site.execution, self.question.runs
        return printed_beyond(self.ran_a.printed, execution, again, script, two_runs)

    def left_for_the_next_run(self) -> list[str]:
        """Says so where a run leaves files and goes on from what is there: on scratch copies no run
        finds what another has left. To be asked once all runs are over."""
        script = self.ran_a.run.script
        if not self.runs.place.folders or script.suffix != ".py":
            return []
        parsed = parse(text_of(script).removeprefix(BOM))
        lines = goes_on_from_files(parsed, Names(parsed))
        if self.runs.resumed:  # said with the files' names: a database is one as it is opened
            lines = [(line, what) for line, what in lines if what.startswith("loads")]
        if not self.runs.written or not lines:
            return []
        line, what = lines[0]
        return [
            f"{script.name}:{line} {what}, and no run here found what "
            "another had left. In place a second run may go on from the first one's: --runs "
            "--in-place compares these."
        ]

    def in_terms_of_revisions(self, explanation: Explanation) -> Explanation:
        """The answer without the paths of our copies of revisions, and with what these are."""
        described = []
        for side, run in ((explanation.a, self.ran_a.run), (explanation.b, self.run_b)):
            checkout = run.checkout
            of = {"revision": checkout.revision, "commit": checkout.commit.id} if checkout else {}
            described.append({**side, **of})
            for place, name in checkout.names().items() if checkout else ():
                explanation = renamed(explanation, place, name)
                described = renamed(described, place, name)
        return replace(explanation, a=described[0], b=described[1])


@contextlib.contextmanager
def inquiry(question: Question, progress: Progress) -> Iterator[Inquiry]:
    """Run A's program; everything is ended and thrown away on leaving.

    WhydiffError where there is no such program, it fails, or uses no model.
    """
    with (
        temporary_folder() as name,
        contextlib.ExitStack() as processes,
    ):
        folder = Path(name).resolve()
        run_a, run_b = runs_asked_for(question, folder, progress)
        processes.enter_context(_kept_on_ctrl_c(folder, run_a.script))
        how_often = _how_often(question.fix)
        scripts = [run.script for run in (run_a, run_b) if run.checkout is None]
        checkouts = [run.checkout for run in (run_a, run_b) if run.checkout]
        runs = runs_of(scripts, question.in_place, progress, how_often, checkouts)
        runs.seconds = question.budget
        at_once = may_begin_early(question, runs, run_a, run_b)
        child_a = begin_script(runs, replace(run_a, alone=at_once), folder, "a")
        early = None
        if at_once:
            try:
                early = begin_early(runs, run_b, folder, child_a.recording)
            except BaseException:
                child_a.kill()
                child_a.close()
                raise
            processes.callback(early.end)
        ran_a = processes.enter_context(checked(wait_for_script(runs, child_a, progress), progress))
        notes = [*run_notes(run_a, run_b), *ran_a.notes, *_left_out(run_a.script)]
        site = site_of(ran_a, folder)
        notes += [note for note in [in_workers(site.execution)] if note]
        asked = Inquiry(
            question, runs, run_b, ran_a, site, folder, progress, processes, early, notes
        )
        if early is not None:
            early.settle(
                None if asked.fits_differ and not asked.drawing_settings else site.execution
            )
        yield asked


def runs_asked_for(question: Question, folder: Path, progress: Progress) -> tuple[Run, Run]:
    """How A and B are run, the files of their revisions put into ``folder``."""
    if any(side.packages or side.as_of for side in question.sides()):
        progress.step("making an environment with other versions")
    checkouts = Checkouts(folder)
    a, b = question.sides()
    runs = [
        run_as_asked(target, side, checkouts)
        for target, side in ((question.targets[0], a), (question.targets[-1], b))
    ]
    run_a, run_b = (replace(run, keep=question.keep) for run in runs)
    return run_a, run_b


def run_notes(a: Run, b: Run) -> list[str]:
    """Which commits and packages A and B are run with, and what these ask for otherwise."""
    return [*_revision_notes(a, b), *_required(a, b), *_moved(a, b)]


def _revision_notes(a: Run, b: Run) -> list[str]:
    """Which commits the revisions are, and what is known of their files."""
    notes = []
    for side, run in (("A", a), ("B", b)):
        checkout = run.checkout
        if checkout is not None:
            commit = checkout.commit
            known = checkout.revision == commit.short
            which = f" ({commit.subject})" if known else f": commit {commit.text()}"
            notes += [f"{side} is {run.text}{which}.", *checkout.notes]
    return list(dict.fromkeys(notes))


def _required(a: Run, b: Run) -> list[str]:
    """Which packages the two revisions ask for otherwise, and whether they got them."""
    checkout = a.checkout or b.checkout
    if checkout is None:
        return []
    folders = [run.checkout.folder if run.checkout else checkout.root for run in (a, b)]
    notes = []
    for name in FILES:
        asked = [requirements(Path(name), _text(folder / name)) for folder in folders]
        only = [sorted({*one} - {*other}) for one, other in (asked, asked[::-1])]
        if not all(asked) or not any(only):
            continue
        said = " vs. ".join(listed(one[:4]) if one else "none of these" for one in only)
        note = f"{name} asks for other packages in A and B: {said}."
        if a.interpreter is None and b.interpreter is None:
            options = [
                f"--{side}-with {shlex.quote(text)}"
                for side, texts in zip("ab", only, strict=True)
                for text in texts[:4]
            ]
            note += (
                f" Both ran with what is installed here; {' '.join(options)} gives each its own."
            )
        notes.append(note)
    return notes


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _moved(a: Run, b: Run) -> list[str]:
    """Which packages an environment has in other versions than ours."""
    notes = []
    for side, run in (("A", a), ("B", b)):
        if run.interpreter is not None:
            notes.append(f"{side} ran with {run.interpreter.name}: {moved(run.interpreter)}.")
    return list(dict.fromkeys(notes))


def _how_often(fix: bool) -> str:
    """Said beforehand: the most runs there may be."""
    most = 2 * MOST_TRIED
    runs = (
        f"the script runs once or twice (up to {2 + MOST_AGAIN} times if these end alike by chance)"
    )
    return runs + (f", and at most {most} times to try fixes" * fix)


def _left_out(script: Path) -> list[str]:
    """What is not run of a notebook."""
    if script.suffix != ".ipynb":
        return []
    with_ipython = importlib.util.find_spec("IPython") is not None
    lines = list(left_out(cells(script.read_text(encoding="utf-8")), with_ipython))
    return [f"Not run of the notebook: {', '.join(lines)}."] if lines else []


@contextlib.contextmanager
def _kept_on_ctrl_c(folder: Path, script: Path) -> Iterator[None]:
    """On Ctrl-C, keep the recordings made so far beside where the person stands."""
    try:
        yield
    except KeyboardInterrupt:
        kept = []
        for name in ("a", "b"):
            recording = folder / f"{name}.whydiff"
            if recording.exists():
                kept.append(f"{script.stem}.{name}.whydiff")
                shutil.copy(recording, kept[-1])
                take_in(Path(kept[-1]), recording)
        if not kept:
            raise
        raise KeyboardInterrupt(
            f"kept {' and '.join(kept)}; `whydiff show {kept[0]}` prints what was recorded"
            + (f", `whydiff diff {kept[0]} {kept[1]}` compares" if len(kept) == 2 else "")
            + "; the same command starts again"
        ) from None
