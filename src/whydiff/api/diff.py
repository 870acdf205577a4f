"""``diff``: compare two trainings without training any again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, Diff
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import Question, SideOptions, checked_sources, given, said_ignored
from whydiff.experiments.explain.recorded import diff_of
from whydiff.experiments.explain.recordings import is_recording


def diff(
    a: str | Path,
    b: str | Path | None = None,
    *,
    arguments: Sequence[str] = (),
    a_env: Mapping[str, str] | None = None,
    b_env: Mapping[str, str] | None = None,
    a_arguments: Sequence[str] = (),
    b_arguments: Sequence[str] = (),
    a_rev: str = "",
    b_rev: str = "",
    a_python: str | Path = "",
    b_python: str | Path = "",
    a_packages: Sequence[str] = (),
    b_packages: Sequence[str] = (),
    a_as_of: str = "",
    b_as_of: str = "",
    in_place: bool = False,
    ignore_sources: Sequence[str] = (),
    progress: Progress | None = None,
) -> Diff:
    """Compare two recorded fits: ``"a.whydiff"`` (its last fit) or ``"a.whydiff:2"``.

    A number that `whydiff show` gives to a prediction or evaluation names that call:
    ``diff("a.whydiff:3", "b.whydiff:5")`` compares two of these.

    Scripts are run once each and the last fit of both is compared (the last call, where nothing
    was fit): ``diff("train.py", a_rev="v1.2")`` is the script at a git revision beside the files
    as they are now. How a side is run is said as in :func:`whydiff.explain`.

    Returns where they first part (epoch, step, phase, tensor; ULP and relative size where values
    are kept) and one finding per source; the verdict leaves ``ignore_sources`` out. Recordings need
    no Keras. Raises WhydiffError for a file that cannot be read, a fit that is not there, and a
    script that fails.
    """
    sides = (
        SideOptions(
            env=dict(a_env or {}), arguments=tuple(a_arguments), rev=a_rev,
            python=str(a_python), packages=tuple(a_packages), as_of=a_as_of,
        ),
        SideOptions(
            env=dict(b_env or {}), arguments=tuple(b_arguments), rev=b_rev,
            python=str(b_python), packages=tuple(b_packages), as_of=b_as_of,
        ),
    )  # fmt: skip
    wanted = checked_sources(ignore_sources)
    targets = tuple(str(one) for one in (a, b) if one is not None)
    question = Question(targets, tuple(arguments), *sides, in_place=in_place)
    result = _compared(question, progress or Silent())
    ignored = tuple(f.source for f in result.findings if f.status == DIFFERS and f.source in wanted)
    notes = (*result.notes, said_ignored(ignored)) if ignored else result.notes
    return replace(result, ignored=ignored, notes=notes)


def _compared(question: Question, progress: Progress) -> Diff:
    targets = question.targets
    recorded = [is_recording(one) or ".whydiff" in one for one in targets]
    if len(targets) == 2 and all(recorded):
        if given(replace(question, in_place=False)):  # that may be a setting of the project
            raise WhydiffError(
                "recordings are compared as they are", "Name scripts to say how they are run."
            )
        return diff_of(*targets)
    if any(recorded):
        named = " and ".join(targets)
        raise WhydiffError(
            f"{named}: two recordings can be compared, or two scripts",
            "`whydiff explain` compares a recording with a script.",
        )
    from whydiff.experiments.explain.run_and_recorded import diff_programs

    return diff_programs(question, progress)
