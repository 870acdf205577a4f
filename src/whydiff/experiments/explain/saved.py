"""Two saved models explained: what their files hold, then predictions of both on equal inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whydiff.core.calls import MeasuringCall, SavedModel
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import CONFIRMED, Cause, Explanation, Remedy
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import Question, check_usable
from whydiff.core.temporary import temporary_folder
from whydiff.diagnosis.calls.answer import agreement
from whydiff.diagnosis.calls.pairs.choosing import chosen
from whydiff.diagnosis.saved import (
    ADVICE,
    SavedDifference,
    compare_saved,
    described,
    explained_by_files,
    rows_of,
)
from whydiff.experiments.explain.calls import Site, explain_pair
from whydiff.runner.client import Run
from whydiff.runner.running import Runs
from whydiff.storage.saved_models import is_saved_model, read_saved_model

#: What may be asked of saved models, by its keyword of ``whydiff.explain``.
USABLE = ("inputs", "fix", "in_place", "budget")
_PROGRAM = "from whydiff.runner.child.saved_models import main\n\nmain()\n"

__all__ = ["explain_saved", "is_saved_model"]


def explain_saved(question: Question, progress: Progress) -> Explanation:
    """Why two saved models differ: settings, weights layer by layer, predictions.

    Models are loaded in Keras's safe mode and only if they are made of Keras's own classes; else,
    and for files of weights, the files alone are compared and what differs is suspected.
    WhydiffError for a file that cannot be read.
    """
    if len(question.targets) != 2:
        raise WhydiffError(f"{question.targets[0]} alone has nothing to be compared with",
                           f"whydiff explain {question.targets[0]} other.keras")  # fmt: skip
    check_usable(question, USABLE, "saved models", "Name the scripts that saved them.")
    a, b = (read_saved_model(target) for target in question.targets)
    difference = compare_saved(a, b)
    why = _not_predicted(a, b)
    if why:
        return explained_by_files(a, b, difference, why)
    if question.inputs and not Path(question.inputs).is_file():
        raise WhydiffError(f"there is no file {question.inputs}", f"Looked in {Path.cwd()}.")
    progress.step(f"loading {a.path} and {b.path} in safe mode")
    with temporary_folder() as name:
        return _predicted(question, (a, b), difference, Path(name).resolve(), progress)


def _not_predicted(a: SavedModel, b: SavedModel) -> str:
    for model in (a, b):
        if not model.config:
            return f"{model.path} holds weights, no model"
        if model.refused:
            return f"{model.path} was not loaded: {model.refused}"
    return ""


def _predicted(
    question: Question,
    models: tuple[SavedModel, SavedModel],
    difference: SavedDifference,
    folder: Path,
    progress: Progress,
) -> Explanation:
    a, b = models
    program = folder / "load_and_predict.py"
    program.write_text(_PROGRAM)
    with Runs().run(Run(program, (a.path, b.path, question.inputs)), folder, "a") as ran:
        if not ran.succeeded:
            return explained_by_files(a, b, difference, f"a prediction failed: {ran.failure}")
        execution = ran.recorded("compared")
        one, other = (call for call in execution.calls if call.kind == "predict")
        site = Site(ran.child, execution, a.path, folder, ran.child.recording)
        pair = chosen(one, other)
        if pair.distance.relative == 0:
            return _alike(explained_by_files(a, b, difference, ""), one)
        progress.step("predicting with parts of both")
        explanation = explain_pair(site, [pair], Silent())  # it would name our own lines
    notes = tuple(n for n in explanation.notes if n != agreement(execution))
    evidence = {k: v for k, v in explanation.evidence.items() if k != "calls"}
    return replace(
        explanation,
        question=f"Why do the models saved in {a.path} and {b.path} differ?",
        a=described(a, "predict"),
        b=described(b, "predict"),
        chosen=f"predictions of {a.path} and {b.path} on {_inputs(question, one)}",
        causes=tuple(map(_of_a_file, explanation.causes)),
        remedy=Remedy("", False, ADVICE),
        notes=notes,
        evidence={**rows_of(difference), **evidence},
        others=(),
    )


def _alike(files: Explanation, call: MeasuringCall) -> Explanation:
    """The answer where both predict the same bits, whatever differs in the files."""
    rows = len(call.recipe.inputs.rows("x"))
    text = f"The models in {files.a['file']} and {files.b['file']} predict alike, bit for bit"
    what = [cause.detail for cause in files.causes]
    differs = f"In the files differs what changes no prediction of these: {'; '.join(what)}."
    return replace(
        files, chosen=f"{text}, on {rows} rows", identical=True, causes=(), unexplained=0.0,
        first_divergence=None, reproduced=True, notes=(differs,) if what else (),
        gap={"metric": "outputs", "a": None, "b": None}, remedy=Remedy("", False, ""),
    )  # fmt: skip


def _inputs(question: Question, call: MeasuringCall) -> str:
    rows = len(call.recipe.inputs.rows("x"))
    if question.inputs:
        return f"the {rows} rows of {question.inputs}"
    return f"a fixed probe of {rows} rows of random numbers; --inputs x.npy takes others"


def _of_a_file(cause: Cause) -> Cause:
    """Without advice that supposes one script behind both."""
    if cause.status == CONFIRMED and cause.source in ("weights", "architecture"):
        return replace(cause, mechanism="", remedy=ADVICE)
    return cause
