"""``explain``: from a script to the proven causes of a difference, and a fix that was tried."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.progress import Progress, Silent
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.calls.answer import all_agree, other_disagreements, watched
from whydiff.diagnosis.evidence import command
from whydiff.diagnosis.moments import plan
from whydiff.diagnosis.trials import run_trials, untrained
from whydiff.experiments.explain.calls import (
    calls_at,
    explain_chosen,
    independent_models,
    inside_one_execution,
    site_of,
    two_executions_of_calls,
)
from whydiff.experiments.explain.disagreements import disagreements
from whydiff.experiments.explain.fix_trials import MOST_TRIED, try_fixes
from whydiff.experiments.explain.recorded import final_weights
from whydiff.experiments.explain.recordings import explain_recordings, is_recording
from whydiff.experiments.explain.sides import (
    RunningSides,
    run_script,
    two_executions,
    two_fits,
    two_successive_fits,
)
from whydiff.experiments.explain.texts import located
from whydiff.experiments.explain.trajectory import trajectory
from whydiff.experiments.explain.zoom import look_closer, zoom as locate
from whydiff.runner.client import run_of
from whydiff.runner.running import Runs, runs_of
from whydiff.runner.targets import target_of
from whydiff.script_text.notebooks import cells, left_out

if TYPE_CHECKING:
    from whydiff.api.notebook import WatchedFit


def explain(
    script: str | Path | WatchedFit,
    script_b: str | Path | WatchedFit | None = None,
    *,
    fits: tuple[int, int] | None = None,
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
    zoom: bool = False,
    fix: bool = True,
    in_place: bool = False,
    progress: Progress | None = None,
) -> Explanation:
    """Say why two trainings differ, prove it by training hybrids, and try a fix.

    Two scripts: their first fits that differ. ``a_env`` or ``b_env``: two runs of one script under
    two environments. A script with several independent fits: the first two of models of the same
    shape that differ, or ``fits`` (counting from 1). Otherwise, and with ``runs``: two runs of the
    script; successive fits of one model are one training, and are compared with each other only
    where both runs agree.

    ``metric`` names the logged metric to tell the gap in; ``budget`` bounds the seconds spent on
    hybrids; ``arguments`` are the script's, ``a_arguments`` and ``b_arguments`` those of
    one run alone. ``zoom`` looks at the step of the first divergence tensor by
    tensor, on equal inputs, and follows the difference from there on. ``fix`` tries changes of the
    script. The script runs twice or more, each time on a scratch copy of the current folder (where
    the system has overlays), so that nothing there changes; with ``in_place`` in the folder itself.

    ``calls`` are two uses of a model by their number in `whydiff show`, ``lines`` those that the
    script makes at two lines.

    In a notebook: two fits of ``with whydiff.recording() as cell``, ``explain(cell[1], cell[2])``.

    A script may also be named as ``"-m package.module"`` or by the name of an installed command.

    Two recordings, ``"a.whydiff"`` and ``"b.whydiff:2"``, are compared without running anything;
    what differs is suspected then, not confirmed.

    Raises WhydiffError if the script fails, trains nothing, or has no such fits.
    """
    progress = progress or Silent()
    if not isinstance(script, str | Path):
        if script_b is None or isinstance(script_b, str | Path):
            raise WhydiffError("two fits are needed", "whydiff.explain(cell[1], cell[2])")
        from whydiff.api.notebook import explain_fits

        unusable = {"fits": fits, "runs": runs, "a_env": a_env, "b_env": b_env,
                    "a_arguments": a_arguments, "b_arguments": b_arguments}  # fmt: skip
        given = [name for name, value in {**unusable, "arguments": arguments}.items() if value]
        if given:
            raise WhydiffError(
                f"{' and '.join(given)} cannot be used with two fits of this session",
                "They say how a script is run; name a script in place of the fits.",
            )
        return explain_fits(script, script_b, metric, budget, zoom, progress)
    if script_b is not None and not isinstance(script_b, str | Path):
        raise WhydiffError("a script and a fit cannot be compared", "Name two of one kind.")
    if is_recording(script) and (script_b is None or is_recording(script_b)):
        explanation = explain_recordings(str(script), str(script_b) if script_b else None, metric)
        return _asked(explanation, command(script, script_b, metric=metric))
    target_a = target_of(script)
    target_b = target_a if script_b is None else target_of(script_b)
    asked = command(
        script, script_b, fits=fits, calls=calls, lines=lines, runs=runs, a_env=a_env, b_env=b_env,
        metric=metric, budget=budget, arguments=arguments, a_arguments=a_arguments,
        b_arguments=b_arguments, fix=fix, in_place=in_place,
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="whydiff-") as name,
        _kept(Path(name), target_a.script),
        contextlib.ExitStack() as children,
    ):
        folder = Path(name)
        run_a = run_of(target_a, (*arguments, *a_arguments), a_env)
        run_b = run_of(target_b, (*arguments, *b_arguments), b_env)
        inside = script_b is None and run_a == run_b and not runs
        executions = _how_often(fix)
        all_runs = runs_of([run_a.script, run_b.script], in_place, progress, executions)
        ran_a = children.enter_context(run_script(all_runs, run_a, folder, "a", progress))
        notes = [*ran_a.notes, *_left_out(run_a.script)]
        site, sides, found = site_of(ran_a, folder), None, None
        if calls is not None or lines is not None:
            wanted = calls or calls_at(site, lines or (0, 0))
            found = explain_chosen(site, wanted, progress, metric)
        elif inside:
            sides = two_fits(ran_a, fits, folder)
            found = None if sides or fits else independent_models(site, progress, metric)
        if sides is None and found is None:
            ran_b = run_script(all_runs, run_b, folder, "b", progress, cut_short=True)
            children.enter_context(ran_b)
            notes = [*notes, *(note for note in ran_b.notes if note not in notes)]
            sides = two_executions(ran_a, ran_b, fits, folder)
            if sides is None or sides.compared.identical:
                found = two_executions_of_calls(site, site_of(ran_b, folder), progress)
            if found is None and sides and sides.compared.identical and inside:
                sides = two_successive_fits(ran_a, folder) or sides
        if found is None and fits is None and (sides is None or sides.compared.identical):
            found = inside_one_execution(site, progress, metric)
        if found is None and sides is None:
            found = all_agree(site.execution, site.script, 1 if inside else 2)
        if found is None and sides is not None and not sides.compared.identical:
            found = _explained(
                sides, children, all_runs, metric, budget, zoom, fix, folder, progress
            )
            found = replace(found, others=other_disagreements(site.execution))
        if found is None:
            assert sides is not None
            found = watched(answer(sides.compared, metric=metric), site.execution)
        children.close()
        told = (*found.notes, *notes, *all_runs.notes())
        return _asked(replace(found, notes=told), asked)


def _left_out(script: Path) -> list[str]:
    """What is not run of a notebook."""
    if script.suffix != ".ipynb":
        return []
    lines = list(left_out(cells(script.read_text(encoding="utf-8"))))
    return [f"Not run, as only IPython understands it: {', '.join(lines)}."] if lines else []


def _how_often(fix: bool) -> str:
    """Said beforehand: the most executions there may be."""
    most = 2 * MOST_TRIED
    return "the script runs once or twice" + (f", and at most {most} times to try fixes" * fix)


def _explained(
    sides: RunningSides,
    children: contextlib.ExitStack,
    runs: Runs,
    metric: str | None,
    budget: float | None,
    zoom: bool,
    fix: bool,
    folder: Path,
    progress: Progress,
) -> Explanation:
    """Two sides that differ: hybrids of them, a closer look, a fix."""
    compared = sides.compared
    point, closer, shown = compared.diff.first_divergence, None, None
    try:
        hybrid_trainer = sides.hybrid_trainer()
        moments = plan(compared.a.fit, compared.b.fit, point)
        trials = run_trials(hybrid_trainer, compared.movable(), budget, progress, moments)
        point = locate(point, hybrid_trainer, trials)
        shown = disagreements(trials, hybrid_trainer, compared.a.fit.index)
        if zoom:
            progress.step("looking at the step of the first divergence, tensor by tensor")
            first = int(compared.a.recipe.duration.get("initial_epoch") or 0)
            closer = look_closer(point, hybrid_trainer, first)
    except (WhydiffError, TransferError) as why:  # then the recordings say what they can
        recordings = (sides.child_a.recording, (sides.child_b or sides.child_a).recording)
        weights = (
            final_weights(recordings[0], compared.a.fit.index),
            final_weights(recordings[1], compared.b.fit.index),
        )
        trials = untrained(compared, str(why).partition("\n")[0], weights)
    children.close()  # their memory is needed by the runs that try a fix
    remedy = try_fixes(sides, runs, trials, folder, progress) if fix else Remedy("", False, "")
    explanation = answer(compared, trials, remedy, metric, point, trajectory(trials))
    if compared.between == "scripts" and sides.child_b is not None:
        causes = located(explanation.causes, sides.child_a.run.script, sides.child_b.run.script)
        explanation = replace(explanation, causes=causes)
    evidence = {**explanation.evidence, **({"disagreements": shown} if shown else {})}
    return replace(explanation, zoom=closer, evidence=evidence)


def _asked(explanation: Explanation, command: str) -> Explanation:
    evidence = {"command": command, **explanation.evidence}
    return replace(explanation, evidence=evidence)


@contextlib.contextmanager
def _kept(folder: Path, script: Path) -> Iterator[None]:
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
        if not kept:
            raise
        raise KeyboardInterrupt(
            f"kept {' and '.join(kept)}; `whydiff show {kept[0]}` prints what was recorded"
            + (f", `whydiff diff {kept[0]} {kept[1]}` compares" if len(kept) == 2 else "")
            + "; the same command starts again"
        ) from None
