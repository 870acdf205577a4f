"""Recorded trainings explained: two of them, where nothing is run, or one and a script's.

With a script hybrids are trained in its process, from the recording's initial weights and orders.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.progress import Progress
from whydiff.core.question import Question, check_usable, given
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.notes import other_arguments
from whydiff.diagnosis.pair import (
    Picks,
    check_comparable,
    fit_between_runs,
    numbered,
    pair_of_fits,
    with_names_of,
)
from whydiff.diagnosis.trials import untrained
from whydiff.experiments.explain.calls import of_two_records
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.inquiry import Inquiry, inquiry
from whydiff.experiments.explain.recorded import (
    compare,
    final_weights,
    missing_steps,
    open_side,
    parse_reference,
)
from whydiff.experiments.explain.sides import other_objects
from whydiff.runner.hybrid_trainer import Prepared, ProcessHybridTrainer
from whydiff.runner.messages import FitRecorded, OwnFit, Pair
from whydiff.runner.running import check_run_trained
from whydiff.storage import load

#: Said of every cause that recordings name.
WHY = "a recording holds digests, not the samples and models that hybrids are trained from"
#: What may be asked of recordings, by its keyword of ``whydiff.explain``. No fix is tried and no
#: file changes, whether that was asked for or not.
USABLE = ("fits", "metric", "budget", "fix", "in_place")
_MAGIC = b"SQLite format 3"


def is_recording(named: str | Path) -> bool:
    """Whether ``a.whydiff`` or ``a.whydiff:2`` names a recording that is there."""
    path, _ = parse_reference(str(named))
    try:
        with path.open("rb") as file:
            return path.suffix == ".whydiff" or file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def explain_recordings(question: Question) -> Explanation:
    """What differs between two recorded trainings; causes are suspected, none is confirmed.

    Without numbers the first fits that differ are compared; of one recording alone, two of its
    fits; of two without a fit, the first measuring calls that differ. WhydiffError for a file that
    cannot be read, a fit that is not there, or a question that only running a script answers.
    """
    check_usable(question, USABLE, "recordings", "Nothing is run; name the scripts in their place.")
    a, b = question.targets[0], question.targets[-1]
    alone = len(question.targets) == 1
    path_a, path_b = (parse_reference(name)[0] for name in (a, b))
    first = load(path_a)
    second = first if alone else load(path_b)
    numbers = [parse_reference(name)[1] for name in (a, b)]
    unasked = not alone and not question.fits and numbers == [None, None]
    calls = of_two_records(first, second) if unasked else None
    if calls is not None and not first.fits and not second.fits:
        return calls
    fits = numbered(first, second, question.fits, question.metric)
    side_a, side_b = _of_one(a, fits) if alone else _of_two(a, b, fits)
    check_comparable(side_a.fit, side_b.fit)
    side_b = replace(side_b, fit=with_names_of(side_a.fit, side_b.fit)[0])
    diff = compare(a, b, side_a, side_b, path_a, path_b)
    scripts = (Path(side_a.execution.script).name, Path(side_b.execution.script).name)
    between = "fits" if alone else "runs" if scripts[0] == scripts[1] else "scripts"
    chosen = f"fit {side_a.fit.number} of {path_a} and fit {side_b.fit.number} of {path_b}"
    compared = ComparedSides(between, chosen, side_a, side_b, diff, scripts)
    if compared.identical:
        return calls or answer(compared, metric=question.metric)
    remedy = Remedy("", False, "Recordings cannot be trained again; explain the scripts.")
    weights = (final_weights(path_a, side_a.fit.last), final_weights(path_b, side_b.fit.last))
    explanation = answer(compared, untrained(compared, WHY, weights), remedy, question.metric)
    cut = [note for name, s in (("A", side_a), ("B", side_b)) for note in missing_steps(name, s)]
    others = other_arguments(side_a.execution, side_b.execution)
    return replace(explanation, notes=(*others, *explanation.notes, *cut))


def _of_one(name: str, wanted: Picks | None) -> tuple[Side, Side]:
    """Two fits of one recording."""
    path, number = parse_reference(name)
    execution = load(path)
    pair = None if number is not None else pair_of_fits(execution, wanted)
    if pair is None:
        only = f"fit {number} of {path} alone cannot be compared" if number is not None else (
            f"{path} holds no two fits that can be compared"
        )  # fmt: skip
        raise WhydiffError(only, f"Name a second recording: whydiff explain {path} b.whydiff")
    one, two = (Side(execution, picked(execution, pick)) for pick in pair)
    return one, two


def _of_two(a: str, b: str, wanted: Picks | None) -> tuple[Side, Side]:
    """A fit of each recording: those numbered or wanted, else the first that differ."""
    numbered = [name for name in (a, b) if parse_reference(name)[1] is not None]
    if numbered and wanted:
        raise WhydiffError(
            f"{listed(numbered)} and --fits both pick fits",
            "Use one of the two.",
        )
    side_a, side_b = open_side(a)[0], open_side(b)[0]
    if not numbered:
        i, j = fit_between_runs(side_a.execution, side_b.execution, wanted)
        side_a = Side(side_a.execution, picked(side_a.execution, i))
        side_b = Side(side_b.execution, picked(side_b.execution, j))
    return side_a, side_b


#: What may be asked, by its keyword of ``whydiff.explain``, besides how the script is run.
OF_SCRIPTS = ("fits", "metric", "budget", "fix", "in_place", "arguments")


def with_recording(question: Question) -> bool:
    """Whether one of two targets is a recording."""
    return len(question.targets) == 2 and sum(map(is_recording, question.targets)) == 1


def explain_with_recording(question: Question, progress: Progress) -> Explanation:
    """Why a recorded training and a script's differ.

    Causes are confirmed where the recording holds what the hybrids need and the control succeeds:
    its samples must be among the script's, and the programs must be set alike. Else they are
    suspected, and say why.
    """
    recorded = "a" if is_recording(question.targets[0]) else "b"
    name, script = question.targets if recorded == "a" else question.targets[::-1]
    of_script = question.b if recorded == "a" else question.a
    own = [word for word in given(question) if word.startswith("b_" if recorded == "a" else "a_")]
    check_usable(
        question, (*OF_SCRIPTS, *own), f"a recording ({name}) and a script", "Leave it out."
    )
    run = Question((script,), question.arguments, of_script, of_script, in_place=question.in_place,
                   fix=False)  # fmt: skip
    with inquiry(run, progress) as asked:
        explanation = _explain(asked, question, name, recorded, progress)
        asked.processes.close()
        notes = (*explanation.notes, *asked.notes, *asked.runs.notes())
        return replace(explanation, notes=notes)


def _explain(
    asked: Inquiry, question: Question, name: str, recorded: str, progress: Progress
) -> Explanation:
    path, number = parse_reference(name)
    then, now = load(path), asked.site.execution
    executions = (then, now) if recorded == "a" else (now, then)
    calls = None if question.fits or number else of_two_records(*executions)
    if calls is not None and not then.fits and not now.fits:
        return calls
    check_run_trained(now, asked.ran_a.run)
    if not then.fits:
        raise WhydiffError(f"{path} holds no fit", "No training was observed; see `whydiff show`.")
    wanted = numbered(*executions, question.fits, question.metric)
    if number is not None:
        if wanted is not None:
            raise WhydiffError(f"{name} and --fits both pick fits", "Use one of the two.")
        wanted = (number, min(number, len(now.fits)))
        wanted = wanted if recorded == "a" else wanted[::-1]
    picks = fit_between_runs(*executions, wanted)
    a, b = (Side(e, picked(e, pick)) for e, pick in zip(executions, picks, strict=True))
    if a.fit.parts or b.fit.parts:
        raise WhydiffError(
            "a recording holds no chain of fits that could be trained again",
            "Name single fits, or the scripts that made both.",
        )
    check_comparable(a.fit, b.fit)
    recordings = [path, asked.site.recording]
    scripts = [Path(then.script).name, asked.ran_a.run.script.name]
    fits = [f"fit {a.fit.number}", f"fit {b.fit.number}"]
    titles = [str(path), asked.ran_a.run.text]
    if recorded == "b":
        for pair in (recordings, scripts, titles):
            pair.reverse()
    diff = compare("A", "B", a, b, *recordings)
    chosen = " and ".join(f"{fit} of {title}" for fit, title in zip(fits, titles, strict=True))
    compared = ComparedSides(
        "runs" if scripts[0] == scripts[1] else "scripts", f"{chosen}; --fits I,J picks others",
        a, b, diff, (scripts[0], scripts[1]),
    )  # fmt: skip
    if compared.identical:
        return calls or answer(compared, metric=question.metric)
    file = FitRecorded((a if recorded == "a" else b).fit.index, str(path.absolute()))

    def prepare() -> ProcessHybridTrainer:
        return _trainer(asked, compared, file, recorded)

    results = hybrid_results(compared, prepare, (recordings[0], recordings[1]), question, progress)
    remedy = Remedy("", False, _advice(compared, recorded, name, asked.ran_a.run.text))
    explanation = answer_from(results, remedy, question.metric)
    cut = missing_steps(recorded.upper(), a if recorded == "a" else b)
    others = other_arguments(a.execution, b.execution)
    return replace(explanation, notes=(*others, *explanation.notes, *cut))


def _trainer(
    asked: Inquiry, compared: ComparedSides, file: FitRecorded, recorded: str
) -> ProcessHybridTrainer:
    """The script's process, which takes arrays from the file and all programs from itself.

    A recorded A needs no environment of its own: its control tells whether that of the script
    gives the same bits. That of a recorded B is in no hybrid.
    """
    structural = tuple(compared.structural)
    program = [s for s in structural if s in compared.movable()] + other_objects(compared)
    program += compared.environment if recorded == "b" else ()
    own = OwnFit((compared.b if recorded == "a" else compared.a).fit.index)
    a, b = (file, own) if recorded == "a" else (own, file)
    process = asked.site.process
    how = process.request(Pair(a, b, structural, tuple(program))).how
    prepared = Prepared(how, compared.follows, activations=compared.activations)
    return ProcessHybridTrainer({"a": process}, frozenset(), prepared)


def _advice(compared: ComparedSides, recorded: str, name: str, script: str) -> str:
    """How to find out more than a recording and today's script tell."""
    sides = (compared.a, compared.b) if recorded == "a" else (compared.b, compared.a)
    then, now = (side.recipe.version for side in sides)
    packages = [
        f"{package}=={version}"
        for package, version in then.items()
        if package != "python" and now.get(package, version) != version
    ]
    if packages:
        options = " ".join(f"--a-with {package}" for package in packages)
        return f"To run the script as the recording was made: whydiff explain {script} {options}"
    if recorded == "a" and {*compared.structural} & {*compared.movable()}:
        return (
            "A recording cannot be trained with settings that the script no longer has; with the "
            f"script as A the other causes can be confirmed: whydiff explain {script} {name}"
        )
    return ""
