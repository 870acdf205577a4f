"""The two sides of one ``explain``: scripts run, fits chosen and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution, Fit, Side
from whydiff.core.stack import in_library
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.pair import (
    Picks,
    check_comparable,
    fit_between_runs,
    pair_of_fits,
    successive_fits,
    with_names_of,
)
from whydiff.experiments.explain.chosen import with_chosen_data
from whydiff.experiments.explain.draws import (
    with_drawing_lines,
    with_redrawn_data,
    with_rows_moved,
)
from whydiff.experiments.explain.lines import without_blamed_seeds
from whydiff.experiments.explain.recorded import compare
from whydiff.experiments.explain.searched import with_trials
from whydiff.runner.client import Child, Run
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.hybrid_trainer import Prepared, ProcessHybridTrainer
from whydiff.runner.job import Job
from whydiff.runner.messages import FitElsewhere, OwnFit, Pack, Pair, Requestable
from whydiff.runner.running import OUT_OF_TIME, Ran, Runs, check_run_trained


@dataclass(frozen=True, eq=False)
class RunningSides:
    """Two compared sides with the processes that can train them again."""

    compared: ComparedSides
    child_a: Child
    child_b: Child | None
    folder: Path

    def hybrid_trainer(self, keeps_b: bool = False) -> ProcessHybridTrainer:
        """Prepare the processes: who holds which side, and what has to be transferred.

        B's process ends where no hybrid needs it, unless ``keeps_b``: a fix is to be tried in it.
        """
        if self.child_a.run.keep == "none":
            raise TransferError("nothing was kept to train again from (--keep none)")
        compared = self.compared
        structural = tuple(compared.structural)
        sites: dict[str, Requestable] = {"a": self.child_a}
        own_a, own_b = OwnFit(compared.a.fit.pick), OwnFit(compared.b.fit.pick)
        if self.child_b is None:
            how = self.child_a.request(Pair(own_a, own_b, structural)).how
            prepared = Prepared(how, compared.follows, compared.renamed, compared.activations)
            return ProcessHybridTrainer(sites, frozenset(), prepared)
        packed_b = self._packed("b", self.child_b, compared.b)
        movable = [s for s in structural if s in compared.movable()]
        program = (*movable, *other_objects(compared))
        how = self.child_a.request(Pair(own_a, packed_b, structural, program)).how
        # B's program is B's where B ran: only a mixture of both has to load it elsewhere.
        together = frozenset(compared.environment[:1] or movable)
        if together:
            packed_a = self._packed("a", self.child_a, compared.a)
            self.child_b.request(Pair(packed_a, own_b, structural, program))
            sites["b"] = self.child_b
        elif not keeps_b:  # all that is needed of B is in A's process now, and its memory may be
            self.child_b.close()
        prepared = Prepared(how, compared.follows, compared.renamed, compared.activations)
        return ProcessHybridTrainer(sites, together, prepared)

    def _packed(self, name: str, child: Child, side: Side) -> FitElsewhere:
        arrays = self.folder / f"fit-{name}"
        child.request(Pack(side.fit.pick, str(arrays)))
        return FitElsewhere(
            side.fit.pick,
            str(arrays),
            str(child.recording),
            Job(
                script=str(child.run.script),
                arguments=child.run.arguments,
                output=str(self.folder / f"again-{name}.whydiff"),
                module=child.run.module,
                function=child.run.function,
                command=child.run.command,
                keep_bytes=1 << 20,
                environment=child.run.variables(),
                folder=str(
                    child.run.checkout.working_folder() if child.run.checkout else Path.cwd()
                ),
            ),
        )


def other_objects(compared: ComparedSides) -> list[str]:
    """Sources besides the program's whose fields are objects, which no recording carries."""
    a, b = compared.a.recipe, compared.b.recipe
    sources: list[str] = []
    if compared.only_arrays:
        return sources
    if a.duration.get("callbacks") != b.duration.get("callbacks"):
        sources += ["duration", "optimizer"]
    if a.data_content.signature != b.data_content.signature:  # another nesting of batches
        sources.append("data-content")
    return sources


def run_script(runs: Runs, run: Run, folder: Path, name: str, progress: Progress) -> Ran:
    """Run a script to its end in a child that can train its fits again.

    Raises WhydiffError if the script fails or uses no model.
    """
    return checked(wait_for_script(runs, begin_script(runs, run, folder, name), progress), progress)


def begin_script(runs: Runs, run: Run, folder: Path, name: str) -> Child:
    """Start a script as A or B; :func:`wait_for_script` for what comes of it."""
    return runs.begin(replace(run, purpose=name, files=True), folder, name)


def wait_for_script(runs: Runs, child: Child, progress: Progress) -> Ran:
    """Wait until a script is over. The caller closes what it gets."""
    run = child.run
    epochs = EpochProgress(f"running {run.text} ({run.purpose})", progress)
    return runs.wait(child, epochs=epochs)


def checked(ran: Ran, progress: Progress, beside: Ran | None = None) -> Ran:
    """What can be compared; WhydiffError if the script failed or used no model.

    ``beside`` a run that went well, a training is enough that was not over when the script failed.
    """
    run, name = ran.run, ran.run.purpose
    try:
        enough = beside is not None and ran.trained_something
        if ran.late and not enough:
            raise WhydiffError(
                f"{run.text} ({name}) was stopped, {OUT_OF_TIME}; nothing can be compared",
                "Give it more: it has to run twice, and each hybrid is one more training.",
            )
        if beside is not None and not enough:
            ran.check_ended(beside)
        if not enough:
            ran.recorded("compared")
        untested = [line for line in ran.remarks() if ": tested with" in line]
        for line in untested if name == "a" else ():  # once is enough
            progress.note(line.removeprefix("whydiff: "))
    except BaseException:
        ran.close()
        raise
    return ran


def two_fits(ran: Ran, wanted: Picks | None, folder: Path) -> RunningSides | None:
    """Two fits of one run, those ``wanted`` or two alike; None where there are no two."""
    execution = _recorded(ran)
    if wanted is not None:
        check_run_trained(execution, ran.run)
    pair = pair_of_fits(execution, wanted)
    return None if pair is None else _of_one_execution(ran.child, execution, pair, folder)


def two_successive_fits(ran: Ran, folder: Path) -> RunningSides | None:
    """Two fits of one training, the second of which goes on where the first stopped, or None."""
    execution = _recorded(ran)
    pair = successive_fits(execution)
    return None if pair is None else _of_one_execution(ran.child, execution, pair, folder)


def of_one_execution(sides: RunningSides, execution: Execution, number: int) -> RunningSides:
    """A beside another fit of its run."""
    a = sides.compared.a.fit.index
    return _of_one_execution(sides.child_a, execution, (a, number), sides.folder)


def _of_one_execution(
    child: Child, execution: Execution, pair: Picks, folder: Path
) -> RunningSides:
    one, other = (picked(execution, pick) for pick in pair)
    check_comparable(one, other)
    many = f" of {len(execution.fits)}" if len(execution.fits) > 2 else ""
    chosen = (
        f"fits {one.number} and {other.number}{many} of {child.run.text}; --fits I,J picks others, "
        "--runs compares two runs"
    )
    a, b = Side(execution, one), Side(execution, other)
    return _sides("fits", chosen, (child, a), (child, b), folder)


def two_runs(ran_a: Ran, ran_b: Ran, wanted: Picks | None, folder: Path) -> RunningSides | None:
    """Two runs: of two scripts, or of one script in two ways of running it or the same.

    None where neither trains anything.
    """
    a, b, child_a, child_b = _recorded(ran_a), _recorded(ran_b), ran_a.child, ran_b.child
    if not (a.fits and b.fits) and wanted is None:
        return None
    for ran in (ran_a, ran_b):
        check_run_trained(_recorded(ran), ran.run)
    scripts = child_a.run.script != child_b.run.script
    picks = fit_between_runs(a, b, wanted)
    one, other = (picked(execution, pick) for execution, pick in zip((a, b), picks, strict=True))
    check_comparable(one, other)
    name = _named(child_a.run, one)
    chosen = _chosen(name, (child_a.run, child_b.run), (one.number, other.number), len(a.fits))
    sides = (child_a, Side(a, one)), (child_b, Side(b, other))
    return _sides("scripts" if scripts else "runs", chosen, *sides, folder)


def _sides(
    between: str,
    chosen: str,
    one: tuple[Child, Side],
    other: tuple[Child, Side],
    folder: Path,
) -> RunningSides:
    (child_a, a), (child_b, b) = one, other
    fit, renamed = with_names_of(a.fit, b.fit)
    b = replace(b, fit=fit)
    diff = compare("A", "B", a, b, child_a.recording, child_b.recording)
    paths = child_a.run.script, child_b.run.script
    if between != "fits":
        runs = child_a.run, child_b.run
        same = run_alike(*runs)
        findings = with_drawing_lines(diff.findings, paths, (a, b), same)
        uses = (runs[0], a.execution, a.fit), (runs[1], b.execution, b.fit)
        diff = replace(diff, findings=without_blamed_seeds(findings, *uses))
    else:
        findings = with_redrawn_data(diff.findings, child_a.run.script, (a, b))
        findings = with_chosen_data(findings, child_a.run.script, (a, b))
        findings = with_trials(findings, child_a.run.script, (a, b))
        diff = replace(diff, findings=findings)
    diff = replace(diff, findings=with_rows_moved(diff.findings, paths, (a, b)))
    names = [
        run.text if run.checkout or in_library(str(run.script)) else run.script.name
        for run in (child_a.run, child_b.run)
    ]
    scripts = (names[0], names[1])
    compared = ComparedSides(between, chosen, a, b, diff, scripts, renamed)
    return RunningSides(compared, child_a, None if child_b is child_a else child_b, folder)


def run_alike(a: Run, b: Run) -> bool:
    """Whether one program is run in one way."""
    one, other = (
        (run.script, run.arguments, run.environment, run.checkout, run.interpreter, run.module)
        for run in (a, b)
    )
    return one == other


def _recorded(ran: Ran) -> Execution:
    execution = ran.execution
    assert execution is not None  # or it would not have come as far as this
    return execution


def _named(run: Run, fit: Fit) -> str:
    """What is run; of a library's program (``-m unittest``) with the project's own file in it."""
    if not in_library(str(run.script)):
        return str(run.script)
    own = next((frame for frame in fit.stack if not in_library(frame.file)), None)
    return f"{run.text} ({own.name}:{own.line})" if own is not None else run.text


def _chosen(name: str, runs: tuple[Run, Run], fits: tuple[str, str], count: int) -> str:
    """Which two fits are compared; ``name`` says of what."""
    a, b = runs
    if a.script != b.script:
        one, other = (f"fit{'s' * ('+' in pick)} {pick}" for pick in fits)
        return f"{one} of {a.text} and {other} of {b.text}; --fits I,J picks others"
    which = f"fit {fits[0]}" if count > 1 else "the fit"
    if a.arguments != b.arguments:
        words = " and ".join(" ".join(run.arguments) or "no arguments" for run in (a, b))
        return f"{which} in two runs of {name}, with {words}"
    if a.interpreter != b.interpreter:
        names = " and ".join(
            run.interpreter.name if run.interpreter else "the packages as they are"
            for run in (a, b)
        )
        return f"{which} in two runs of {name}, with {names}"
    if a.environment or b.environment:
        settings = " and ".join(
            ", ".join(f"{k}={v}" for k, v in (run.environment or {}).items())
            or "the environment as it is"
            for run in (a, b)
        )
        return f"{which} in two runs of {name}, under {settings}"
    other = "; --fits I,J compares two fits of one run" if count > 1 else ""
    return f"{which} in two runs of {name}{other}"
