"""``explain``: from a script to the proven causes of a difference, and a fix that was tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from whydiff.api.notebook import WatchedCall, WatchedFit, explain_calls, explain_fits
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.keeping import checked_keep
from whydiff.core.places import located
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import (
    FitName,
    Question,
    SideOptions,
    checked_sources,
    command,
    said_ignored,
)
from whydiff.experiments.explain import choice, recordings, saved
from whydiff.experiments.explain.inquiry import inquiry
from whydiff.experiments.explain.recordings import (
    explain_recordings,
    explain_with_recording,
    is_recording,
    with_recording,
)
from whydiff.experiments.explain.saved import explain_saved, is_saved_model
from whydiff.experiments.tracking import keep_explanation
from whydiff.trackers import tracker_of

#: What is compared, in the order of choice: the first step that has an answer gives it.
ORDER_OF_CHOICE = (
    choice.calls_asked_for,  # calls=, lines=
    choice.fits_of_one_run,  # one script: fits=, or two independent fits that differ
    choice.models_of_one_run,  # one script without such fits: two models built apart
    choice.fits_of_two_runs,  # two scripts, one script run in two ways, or the same way twice
    choice.calls_of_two_runs,
    choice.calls_beside_successive_fits,  # two runs agree: uses of one model that clearly do not,
    choice.successive_fits,  # or else fits of one training
    choice.calls_of_one_run,  # uses of one model that ought to agree
    choice.agreement,
)


def explain(
    script: str | Path | WatchedFit | WatchedCall,
    script_b: str | Path | WatchedFit | WatchedCall | None = None,
    *,
    fits: tuple[FitName, FitName] | None = None,
    calls: tuple[int, int] | None = None,
    lines: tuple[int, int] | None = None,
    runs: bool = False,
    a_env: Mapping[str, str] | None = None,
    b_env: Mapping[str, str] | None = None,
    metric: str | None = None,
    budget: float | None = None,
    arguments: Sequence[str] = (),
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
    zoom: bool = False,
    fix: bool = True,
    in_place: bool = False,
    keep: str = "all",
    inputs: str | Path = "",
    ignore_sources: Sequence[str] = (),
    track: str | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Say why two trainings differ, prove it by training hybrids, and try a fix.

    Two scripts: their first fits that differ. ``a_env`` or ``b_env``: two runs of one script under
    two environments. A script with several independent fits: the first two of models of the same
    shape that differ, or ``fits`` (counting from 1, by the name of a model, or ``("best",
    "worst")``). Otherwise, and with ``runs``: two runs of the script; successive fits of one model
    are one training, and are compared with each other only where both runs agree and no two uses
    of a model clearly disagree.

    ``metric`` names the logged metric to tell the gap in; ``budget`` bounds the seconds
    that all runs, hybrids and trials of a fix take; ``arguments`` are the script's,
    ``a_arguments`` and ``b_arguments`` those of one run alone. ``zoom`` looks at the step of the
    first divergence tensor by tensor, on equal inputs, and follows the difference from there on.
    ``fix`` tries changes of the script. The script runs twice or more, each time on a scratch copy
    of the current folder (where the system has overlays), so that nothing there changes; with
    ``in_place`` in the folder itself.

    ``keep`` bounds what the script's processes keep to train from: with "weights" no samples, so
    that the script runs again to feed them, with "none" nothing: causes are then suspected.

    ``a_rev`` and ``b_rev`` are git revisions (a tag, a branch, ``"HEAD~2"``) of the repository that
    holds the script: that side is run with its files, the checkout stays as it is. A side without
    one is run with the files as they are now.

    ``a_python`` is the interpreter that runs A, ``a_packages`` are other versions than are
    installed there (``["keras==3.10.0"]``), and with ``a_as_of`` (a date) every package is the
    newest of that day: uv makes such an environment, and it is kept in the user's cache folder.

    ``calls`` are two uses of a model by their number in `whydiff show`, ``lines`` those that the
    script makes at two lines.

    In a notebook: two fits of ``with whydiff.recording() as cell``, ``explain(cell[1], cell[2])``,
    or two predictions or evaluations, ``explain(cell.call(1), other_cell.call(2))``.

    A script may also be named as ``"-m package.module"`` or by the name of an installed command.

    Two recordings, ``"a.whydiff"`` and ``"b.whydiff:2"``, are compared without running anything;
    what differs is suspected then, not confirmed. A recording and a script, ``"last_week.whydiff"``
    and ``"train.py"``: hybrids start from the recorded weights, orders and seed states, as far as
    the recording holds what they need.

    Two saved models, ``"a.keras"`` and ``"b.keras"`` (or ``.h5``, or their ``.weights.h5``), are
    compared in their settings, layer by layer in their weights, and in their predictions on
    ``inputs``, a file of ``np.save`` (or ``np.savez``, by the names of the inputs), or on a fixed
    probe. Nothing that the files hold is executed; what cannot be loaded so is compared without
    predictions.

    ``ignore_sources`` (``["version", "hardware"]``) are measured and named as ever, but the verdict
    leaves them out and no fix is tried for them: ``cause.ignored`` is true.

    ``track`` writes A and B as two runs, both with the answer, to an experiment tracker: ``"mlflow:sqlite:///runs.db"``,
    ``"wandb:PROJECT"``, ``"tensorboard:FOLDER"`` or ``"trackio:PROJECT"``.

    Raises WhydiffError if the script fails, trains nothing, or has no such fits.
    """
    targets = [script] if script_b is None else [script, script_b]
    question = Question(
        tuple(str(target) for target in targets),
        tuple(arguments),
        SideOptions(
            env=dict(a_env or {}), arguments=tuple(a_arguments), rev=a_rev,
            python=str(a_python), packages=tuple(a_packages), as_of=a_as_of,
        ),
        SideOptions(
            env=dict(b_env or {}), arguments=tuple(b_arguments), rev=b_rev,
            python=str(b_python), packages=tuple(b_packages), as_of=b_as_of,
        ),
        fits=fits, calls=calls, lines=lines, runs=runs, metric=metric, budget=budget,
        zoom=zoom, fix=fix, in_place=in_place, keep=checked_keep(keep), inputs=str(inputs),
        ignore_sources=checked_sources(ignore_sources),
    )  # fmt: skip
    progress = progress or Silent()
    tracker = tracker_of(track) if track is not None else None
    explanation = answer(targets, question, progress)
    if tracker is not None:
        keep_explanation(tracker, explanation, progress)
    return explanation


def answer(
    targets: Sequence[str | Path | WatchedFit | WatchedCall], question: Question, progress: Progress
) -> Explanation:
    """The answer to ``question``, whose targets ``targets`` are; see :func:`explain`."""
    if not all(isinstance(target, str | Path) for target in targets):
        watched = [target for target in targets if isinstance(target, WatchedCall)]
        if len(watched) == len(targets) == 2:
            return _ignoring(
                explain_calls(watched[0], watched[1], question, progress), question.ignore_sources
            )
        return _ignoring(explain_fits(targets, question, progress), question.ignore_sources)
    if all(is_recording(target) for target in question.targets):
        explanation = explain_recordings(question)
    elif with_recording(question):
        explanation = explain_with_recording(question, progress)
    elif all(is_saved_model(target) for target in question.targets):
        explanation = explain_saved(question, progress)
    else:
        explanation = _explain_programs(question, progress)
    causes = tuple(located(cause, explanation.a, explanation.b) for cause in explanation.causes)
    evidence = {"command": command(question), **explanation.evidence}
    explanation = replace(explanation, causes=causes, evidence=evidence)
    return _ignoring(explanation, question.ignore_sources)


def usable_with(targets: Sequence[str]) -> Collection[str]:
    """What may be asked of these targets, by its keyword of :func:`explain`."""
    if all(map(is_recording, targets)):
        return recordings.USABLE
    if with_recording(Question(tuple(targets))):
        return recordings.OF_SCRIPTS
    if all(map(is_saved_model, targets)):
        return saved.USABLE
    return {field.name for field in fields(Question)} - {"inputs"}


def _ignoring(e: Explanation, sources: Collection[str]) -> Explanation:
    """The answer with its causes of these sources marked, and said to be left out."""
    ignored = [cause.source for cause in e.causes if cause.source in sources]
    if e.continued is not None:
        e = replace(e, continued=_ignoring(e.continued, sources))
    if not ignored:
        return e
    return replace(
        e,
        causes=tuple(replace(c, ignored=True) if c.source in ignored else c for c in e.causes),
        remedy=e.remedy if len(ignored) < len(e.causes) else Remedy("", False, ""),
        notes=(*e.notes, said_ignored(ignored)),
    )


def _explain_programs(question: Question, progress: Progress) -> Explanation:
    """Run them, compare the first pair that there is, and say what ran."""
    if question.inputs:
        raise WhydiffError(
            f"{question.inputs} are inputs for saved models, not for {question.targets[0]}",
            "whydiff explain a.keras b.keras --inputs x.npy",
        )
    with inquiry(question, progress) as asked:
        explanation = next(filter(None, (step(asked) for step in ORDER_OF_CHOICE)))
        asked.processes.close()  # only then is known what the scripts wrote
        left = asked.left_for_the_next_run()
        notes = (*explanation.notes, *asked.notes, *left, *asked.runs.notes())
        return asked.in_terms_of_revisions(replace(explanation, notes=notes))
