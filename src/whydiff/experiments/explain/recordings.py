"""Two recorded trainings explained as far as recordings go: nothing is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.recording import Side
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.pair import check_comparable, fit_between_runs, pair_of_fits
from whydiff.diagnosis.trials import untrained
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
_MAGIC = b"SQLite format 3"


def is_recording(named: str | Path) -> bool:
    """Whether ``a.whydiff`` or ``a.whydiff:2`` names a recording that is there."""
    path, _ = parse_reference(str(named))
    try:
        with path.open("rb") as file:
            return path.suffix == ".whydiff" or file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def explain_recordings(a: str, b: str | None = None, *, metric: str | None = None) -> Explanation:
    """What differs between two recorded trainings; causes are suspected, none is confirmed.

    Without numbers the first fits that differ are compared; of one recording alone, two of its
    fits. WhydiffError for a file that cannot be read or a fit that is not there.
    """
    side_a, side_b, path_a, path_b = _sides(a, b)
    check_comparable(side_a.fit, side_b.fit)
    diff = compare(a, b or a, side_a, side_b, path_a, path_b)
    scripts = (Path(side_a.execution.script).name, Path(side_b.execution.script).name)
    between = "fits" if b is None else "runs" if scripts[0] == scripts[1] else "scripts"
    chosen = f"fit {side_a.fit.index} of {path_a} and fit {side_b.fit.index} of {path_b}"
    compared = ComparedSides(between, chosen, side_a, side_b, diff, scripts)
    if compared.identical:
        return answer(compared, metric=metric)
    remedy = Remedy("", False, "Recordings cannot be trained again; explain the scripts.")
    weights = (final_weights(path_a, side_a.fit.index), final_weights(path_b, side_b.fit.index))
    explanation = answer(compared, untrained(compared, WHY, weights), remedy, metric)
    cut = [note for name, s in (("A", side_a), ("B", side_b)) for note in missing_steps(name, s)]
    return replace(explanation, notes=(*explanation.notes, *cut))


def _sides(a: str, b: str | None) -> tuple[Side, Side, Path, Path]:
    path_a, number_a = parse_reference(a)
    if b is None:
        execution = load(path_a)
        pair = pair_of_fits(execution, None)
        if pair is None:
            raise WhydiffError(
                f"{path_a} holds no two fits that can be compared",
                f"Name a second recording: whydiff explain {path_a} b.whydiff",
            )
        one, two = (Side(execution, execution.fits[index - 1]) for index in pair)
        return one, two, path_a, path_a
    path_b, number_b = parse_reference(b)
    side_a, side_b = open_side(a)[0], open_side(b)[0]
    if number_a is None and number_b is None:
        i, j = fit_between_runs(side_a.execution, side_b.execution, None)
        side_a = Side(side_a.execution, side_a.execution.fits[i - 1])
        side_b = Side(side_b.execution, side_b.execution.fits[j - 1])
    return side_a, side_b, path_a, path_b
