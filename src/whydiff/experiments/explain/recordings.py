"""Recorded trainings explained: two of them, where nothing is run, or one and a script's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.question import Question, check_usable
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.pair import (
    Picks,
    check_comparable,
    fit_between_runs,
    numbered,
    pair_of_fits,
)
from whydiff.diagnosis.trials import untrained
from whydiff.experiments.explain.calls import of_two_records
from whydiff.experiments.explain.recorded import (
    compare,
    final_weights,
    missing_steps,
    open_side,
    parse_reference,
)
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
    return replace(explanation, notes=(*explanation.notes, *cut))


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
