"""A recorded training and one of a script: hybrids are trained in the script's process, from the
recording's initial weights and orders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.progress import Progress
from whydiff.core.question import Question, check_usable, given
from whydiff.core.recording import Side
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.pair import check_comparable, check_trained, fit_between_runs, numbered
from whydiff.experiments.explain.calls import of_two_records
from whydiff.experiments.explain.hybrid_results import answer_from, hybrid_results
from whydiff.experiments.explain.inquiry import Inquiry, inquiry
from whydiff.experiments.explain.recorded import compare, missing_steps, parse_reference
from whydiff.experiments.explain.recordings import is_recording
from whydiff.experiments.explain.sides import other_objects
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.runner.messages import FitRecorded, OwnFit, Pair
from whydiff.storage import load

#: What may be asked, by its keyword of ``whydiff.explain``, besides how the script is run.
USABLE = ("fits", "metric", "budget", "fix", "in_place", "arguments")


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
    check_usable(question, (*USABLE, *own), f"a recording ({name}) and a script", "Leave it out.")
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
    check_trained(now, asked.ran_a.run.arguments)
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
    return replace(explanation, notes=(*explanation.notes, *cut))


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
    return ProcessHybridTrainer({"a": process}, frozenset(), how, compared.follows)


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
