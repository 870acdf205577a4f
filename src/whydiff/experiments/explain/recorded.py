"""Recorded fits as sides of a comparison, read from their files; nothing is trained."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Diff
from whydiff.core.recording import FIRST_STEPS, Side
from whydiff.diagnosis import divergence
from whydiff.diagnosis.calls.fields import compare as compare_fields
from whydiff.diagnosis.calls.results import described, same_result
from whydiff.diagnosis.calls.rows import differing_rows
from whydiff.diagnosis.calls.verdict import first_divergence
from whydiff.diagnosis.evidence import side_by_side
from whydiff.diagnosis.sources import compare_all, data_description
from whydiff.storage import arrays, load


def parse_reference(reference: str) -> tuple[Path, int | None]:
    """``a.whydiff:2`` as (path, 2); without a number, None."""
    found = re.fullmatch(r"(.+?):(\d+)", reference)
    if found and not Path(reference).exists():
        return Path(found[1]), int(found[2])
    return Path(reference), None


def recorded_calls(a: str, b: str) -> tuple[MeasuringCall, MeasuringCall] | None:
    """The two predictions or evaluations that ``a.whydiff:3`` and ``b.whydiff:5`` name by the
    numbers of `whydiff show`, without a number the last of a recording without a fit; None where
    both name fits. WhydiffError where one does."""
    found = []
    for reference in (a, b):
        path, number = parse_reference(reference)
        made = load(path)
        if number is None and not made.fits and made.calls:
            number = made.calls[-1].number
        found.append(next((call for call in made.calls if call.number == number), None))
    one, other = found
    if one is None and other is None:
        return None
    if one is None or other is None:
        named, fit = (b, a) if one is None else (a, b)
        raise WhydiffError(
            f"{named} is a prediction or evaluation, {fit} is none",
            "`whydiff show` lists the calls of a recording with their numbers.",
        )
    return one, other


def diff_of(a: str, b: str) -> Diff:
    """Two recordings, or fits or calls of these, as :func:`whydiff.diff` names them."""
    calls = recorded_calls(a, b)
    if calls is not None:
        return compare_calls(a, b, *calls)
    side_a, path_a = open_side(a)
    side_b, path_b = open_side(b)
    result = compare(a, b, side_a, side_b, path_a, path_b)
    cut = tuple(
        note for name, side in (("A", side_a), ("B", side_b)) for note in missing_steps(name, side)
    )
    return replace(result, incomplete=bool(cut), notes=(*cut, *result.notes))


def compare_calls(a: str, b: str, one: MeasuringCall, other: MeasuringCall) -> Diff:
    """Two recorded calls as a Diff: field by field, and the rows that differ most."""
    executions = [load(parse_reference(reference)[0]) for reference in (a, b)]
    compared = compare_fields(one, other, [e for made in executions for e in made.events])
    same = same_result(one, other)
    point = None if same else first_divergence(one, other, compared, None)
    evidence = {
        "calls": {
            side: {"script": Path(made.script).name, **described(call)}
            for side, made, call in zip("ab", executions, (one, other), strict=True)
        },
        "rows": [] if same else differing_rows(one, other),
    }
    return Diff(a, b, same, point, compared.findings, kind="calls", evidence=evidence)


def open_side(reference: str) -> tuple[Side, Path]:
    """The fit that a reference names (the last one without a number), and its file."""
    path, number = parse_reference(reference)
    execution = load(path)
    if not execution.fits:
        raise WhydiffError(f"{path} holds no fit", "No training was observed; see `whydiff show`.")
    if number is None:
        number = len(execution.fits)
    if number > len(execution.fits):  # counted among all calls
        number = next((f.index for f in execution.fits if f.call == number), number)
    if not 1 <= number <= len(execution.fits):
        raise WhydiffError(
            f"{path} has no fit {number}; it holds {len(execution.fits)}",
            f"Name one of {path}:1 to {path}:{len(execution.fits)}.",
        )
    return Side(execution, execution.fits[number - 1]), path


def compare(a: str, b: str, side_a: Side, side_b: Side, path_a: Path, path_b: Path) -> Diff:
    """Two opened sides as a Diff; values behind the digests are read from the files."""

    def values(side: str, moment: str, key: str) -> np.ndarray | None:
        path, fit = (path_a, side_a.fit) if side == "a" else (path_b, side_b.fit)
        index = fit.last if moment == "final" else fit.index
        return arrays(path, index, moment, key).get(key)

    point = divergence.first_divergence(side_a, side_b, values)
    notes = [
        f"{name}: {key.removeprefix('unknown: ')} could not be seen for {', '.join(missing)}"
        for name, side in (("A", side_a), ("B", side_b))
        for key, missing in side.fit.notes.items()
        if key.startswith("unknown: ") and isinstance(missing, list)
    ]
    notes += data_description.notes(side_a.recipe, side_b.recipe)
    notes += [
        f"{name}: behind its first {FIRST_STEPS} steps only each {side.fit.every}th was "
        "digested (--every); what every step was fed is known"
        for name, side in (("A", side_a), ("B", side_b))
        if side.fit.every > 1
    ]
    findings = compare_all(side_a, side_b)
    evidence = side_by_side(side_a, side_b)
    return Diff(a, b, point is None, point, findings, tuple(notes), evidence=evidence)


def final_weights(path: Path, fit: int) -> dict[str, np.ndarray]:
    """The weights that a recorded fit ended with by path, {} where they were not kept."""
    final = arrays(path, fit, "final")
    return {name.removeprefix("weights:"): value for name, value in final.items()}


def missing_steps(name: str, side: Side) -> list[str]:
    """What is missing of a fit that was not recorded to its end."""
    if side.fit.finished:
        return []
    steps = len(side.fit.steps)
    why = side.execution.trouble and f"recording stopped: {side.execution.trouble}"
    if not why and side.execution.exit_code is None:
        why = "its script was killed, or is still running"
    why = why or f"its script ended with {side.execution.exit_code} during the fit"
    return [f"{name} is cut short after {steps} step{'s' * (steps != 1)} of the fit ({why})."]
