"""``explain``: from a script to the proven causes of a difference, and a fix that was tried."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation
from whydiff.core.progress import Progress, Silent
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.calls.answer import all_agree
from whydiff.diagnosis.evidence import command
from whydiff.diagnosis.moments import plan
from whydiff.diagnosis.trials import run_trials
from whydiff.experiments.explain.calls import (
    explain_chosen,
    independent_models,
    inside_one_execution,
    site_of,
    two_executions_of_calls,
)
from whydiff.experiments.explain.disagreements import disagreements
from whydiff.experiments.explain.fix_trials import try_fixes
from whydiff.experiments.explain.sides import (
    run_script,
    two_executions,
    two_fits,
    two_successive_fits,
)
from whydiff.experiments.explain.trajectory import trajectory
from whydiff.experiments.explain.zoom import look_closer, zoom as locate
from whydiff.runner.client import Run

if TYPE_CHECKING:
    from whydiff.api.notebook import WatchedFit


def explain(
    script: str | Path | WatchedFit,
    script_b: str | Path | WatchedFit | None = None,
    *,
    fits: tuple[int, int] | None = None,
    calls: tuple[int, int] | None = None,
    runs: bool = False,
    a_env: Mapping[str, str] | None = None,
    b_env: Mapping[str, str] | None = None,
    metric: str | None = None,
    budget: float | None = None,
    arguments: Sequence[str] = (),
    zoom: bool = False,
    progress: Progress | None = None,
) -> Explanation:
    """Say why two trainings differ, prove it by training hybrids, and try a fix.

    Two scripts: their first fits that differ. ``a_env`` or ``b_env``: two runs of one script under
    two environments. A script with several independent fits: the first two of models of the same
    shape that differ, or ``fits`` (counting from 1). Otherwise, and with ``runs``: two runs of the
    script; successive fits of one model are one training, and are compared with each other only
    where both runs agree.

    ``metric`` names the logged metric to tell the gap in; ``budget`` bounds the seconds spent on
    hybrids; ``arguments`` are the script's. ``zoom`` looks at the step where they part tensor by
    tensor, on equal inputs, and follows the difference from there on. The script runs in the
    current directory, twice or more, with whatever it writes.

    In a notebook: two fits of ``with whydiff.recording() as cell``, ``explain(cell[1], cell[2])``.

    Raises WhydiffError if the script fails, trains nothing, or has no such fits.
    """
    progress = progress or Silent()
    if not isinstance(script, str | Path):
        if script_b is None or isinstance(script_b, str | Path):
            raise WhydiffError("two fits are needed", "whydiff.explain(cell[1], cell[2])")
        from whydiff.api.notebook import explain_fits

        unusable = {"fits": fits, "runs": runs, "a_env": a_env, "b_env": b_env}
        given = [name for name, value in {**unusable, "arguments": arguments}.items() if value]
        if given:
            raise WhydiffError(
                f"{' and '.join(given)} cannot be used with two fits of this session",
                "They say how a script is run; name a script in place of the fits.",
            )
        return explain_fits(script, script_b, metric, budget, zoom, progress)
    if script_b is not None and not isinstance(script_b, str | Path):
        raise WhydiffError("a script and a fit cannot be compared", "Name two of one kind.")
    for path in (script, script_b):
        if path is not None and not Path(path).is_file():
            raise WhydiffError(f"there is no script {path}", f"Looked in {Path.cwd()}.")
    asked = command(
        script, script_b, fits=fits, calls=calls, runs=runs, a_env=a_env, b_env=b_env,
        metric=metric, budget=budget, arguments=arguments,
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="whydiff-") as name,
        _kept(Path(name), Path(script)),
        contextlib.ExitStack() as children,
    ):
        folder = Path(name)
        environments = (a_env or {}, b_env or {})
        run_a = Run(Path(script), tuple(arguments), environments[0])
        run_b = Run(Path(script_b or script), tuple(arguments), environments[1])
        child_a = children.enter_context(run_script(run_a, folder, "a", progress))
        site, sides, found = site_of(child_a, folder), None, None
        inside = script_b is None and not runs and not a_env and not b_env
        if calls is not None:
            return _asked(explain_chosen(site, calls, progress, metric), asked)
        if inside:
            sides = two_fits(child_a, fits, folder)
            found = None if sides or fits else independent_models(site, progress, metric)
        if sides is None and found is None:
            child_b = children.enter_context(run_script(run_b, folder, "b", progress))
            sides = two_executions(child_a, child_b, fits, folder)
            if sides is None or sides.compared.identical:
                found = two_executions_of_calls(site, site_of(child_b, folder), progress)
            if found is None and sides and sides.compared.identical and inside:
                sides = two_successive_fits(child_a, folder) or sides
        if found is None and fits is None and (sides is None or sides.compared.identical):
            found = inside_one_execution(site, progress, metric)
        if found is not None:
            return _asked(found, asked)
        if sides is None:
            return _asked(all_agree(site.execution, site.script, 1 if inside else 2), asked)
        compared = sides.compared
        if compared.identical:
            return _asked(answer(compared, metric=metric), asked)
        hybrid_trainer = sides.hybrid_trainer()
        point = compared.diff.first_divergence
        moments = plan(compared.a.fit, compared.b.fit, point)
        trials = run_trials(hybrid_trainer, compared.movable(), budget, progress, moments)
        point = locate(point, hybrid_trainer, trials)
        shown = disagreements(trials, hybrid_trainer, compared.a.fit.index)
        closer = None
        if zoom:
            progress.step("looking at the step of the first divergence, tensor by tensor")
            first = int(compared.a.recipe.duration.get("initial_epoch") or 0)
            closer = look_closer(point, hybrid_trainer, first)
        children.close()  # their memory is needed by the runs that try a fix
        remedy = try_fixes(sides, trials, folder, progress)
        explanation = answer(compared, trials, remedy, metric, point, trajectory(trials))
        more = {"disagreements": shown} if shown else {}
        return _asked(replace(explanation, zoom=closer), asked, more)


def _asked(
    explanation: Explanation, command: str, more: Mapping[str, Any] | None = None
) -> Explanation:
    evidence = {"command": command, **explanation.evidence, **(more or {})}
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
