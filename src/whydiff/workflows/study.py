"""``study``: how much do results vary from run to run, and because of which source?"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import Member, Plan
from whydiff.core.study import Study
from whydiff.core.vary import parse_vary
from whydiff.store import PICTURES, TARGETS, StoredStudy, StudyWriter, load_study
from whydiff.workflows.progress import Silent
from whydiff.workflows.studying.answer import answer, checked
from whydiff.workflows.studying.ground import (
    check_fit_metric,
    check_same,
    described,
    own_gate,
    streams_gate,
)
from whydiff.workflows.studying.request import Request
from whydiff.workflows.studying.training import Studying
from whydiff.workflows.studying.workbench import ENGINES, Uncapturable, Workbench, workbench

#: Replicas that are trained plainly, too: a few where the engines agree run by run, else more.
FEW, MORE = 4, 10


def study(
    script: str | Path | Callable[[], Any],
    data: Any = None,
    *,
    vary: str | Iterable[str] | None = None,
    blocks: int | None = None,
    seed: int | None = None,
    metric: str | None = None,
    engine: str = "auto",
    fit: int | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    arguments: Sequence[str] = (),
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Any = None,
    **fit_arguments: Any,
) -> Study:
    """Train many replicas of a training and say how much they vary, and because of what.

    ``script`` is a path, run with ``arguments``, or a function that builds and compiles a model;
    then ``data`` (a tuple of x, y and perhaps sample weights, or anything that ``fit`` takes as
    x) and ``fit_arguments`` go to ``fit``.

    ``vary`` is what ``--vary`` takes: random sources by name, factors by value. ``blocks``
    (default 20) is how often everything is redrawn; ``seed`` decides all seeds. ``engine``:
    "fused" trains many replicas as one program, "solo" one after the other, "process" runs the
    whole script, at most ``time_limit`` seconds each and ``workers`` at a time; "auto" takes
    the first that works. ``fit`` picks a fit of the script, counting from 1 (default: the
    longest). ``output`` is the study file (default: none is kept); with ``resume`` a study goes
    on, with more blocks if they are asked for.

    Raises WhydiffError if nothing can be trained or varied, or no replica logs ``metric``.
    """
    if engine not in ENGINES:
        raise WhydiffError(f"there is no engine {engine!r}", f"Engines: {', '.join(ENGINES)}.")
    progress = progress or Silent()
    request = Request(parse_vary(vary), blocks, seed, metric, engine, tuple(arguments), fit)
    with _file(output, resume) as path:
        stored = checked(load_study(path)) if resume else None
        if callable(script):
            from whydiff.workflows.executing.local import local_bench

            with local_bench(script, data, fit_arguments, progress) as bench:
                return _with_bench(request, bench, path, stored, progress, output is not None)
        if data is not None or fit_arguments:
            raise WhydiffError(
                "data and fit arguments belong to a function that builds a model",
                f"{script} is a script and brings its own.",
            )
        return _of_script(
            Path(script), request, path, stored, progress, output is not None, time_limit, workers
        )


def _of_script(
    script: Path,
    request: Request,
    path: Path,
    stored: StoredStudy | None,
    progress: Any,
    keep: bool,
    time_limit: float | None,
    workers: int | None,
) -> Study:
    if not script.is_file():
        raise WhydiffError(f"there is no script {script}", f"Looked in {Path.cwd()}.")
    text = hashlib.sha256(script.read_bytes()).hexdigest()
    if stored is not None and stored.meta.get("text") not in (None, text):
        raise WhydiffError(
            f"{script} has changed since the study was begun",
            "Take the change back, or begin another study with another --output.",
        )
    if stored is not None:
        request.go_on(stored)
    if request.engine != "process":
        try:
            with workbench(script, request.arguments, fit=request.fit, progress=progress) as bench:
                return _with_bench(request, bench, path, stored, progress, keep, text)
        except Uncapturable as why:
            if request.engine != "auto":
                raise
            progress.note(f"{why}: the whole script is run again for every replica")
    from whydiff.workflows.studying.pool import with_pool

    return with_pool(script, request, path, stored, progress, keep, text, time_limit, workers)


def _with_bench(
    request: Request,
    bench: Workbench,
    path: Path,
    stored: StoredStudy | None,
    progress: Any,
    keep: bool,
    text: str | None = None,
) -> Study:
    metric = check_fit_metric(request.metric, bench.fit)
    plan = request.plan(bench.sources, dict(bench.refused), stored)
    engine = bench.engine(request.engine)
    if stored is not None:
        engine = str(stored.meta.get("engine", engine))
    targets, validation = bench.probe()
    facts = described(bench.fit, plan.sources, validation)
    if stored is not None:
        before = stored.meta["fit"].get("identity", {})
        check_same(before, facts["identity"], bench.execution.script)
    meta = {
        "script": bench.execution.script,
        "arguments": list(request.arguments),
        "text": text,
        "chosen": _chosen(bench),
        "plan": plan.to_dict(),
        "engine": engine,
        "refused": {k: v for k, v in bench.refused.items() if k != "data-content"},
        "fit": facts,
    }
    with writing(path, stored, {**meta, "metric": metric}, plan) as writer:
        if stored is None:
            writer.keep(TARGETS, {f"target:{k}": t for k, t in enumerate(targets)})
        trained = bench.fit.recipe.initialization
        trainable = frozenset(t.path for t in trained if t.role == "trainable")
        work = Studying(bench, writer, load_study(path), trainable, progress)
        with kept(path, keep):
            _train(request, bench, plan, engine, work, writer)
        writer.note({"notes": list(bench.notes)})
        _keep_pictures(bench, path, writer, metric)
    return answered(path, request.metric, keep)


def _keep_pictures(bench: Workbench, path: Path, writer: StudyWriter, metric: str) -> None:
    """The examples that flip most, as images where they are some; no other sample is kept."""
    flips = answer(load_study(path), metric).flips
    if flips is not None and flips.most:
        writer.keep(PICTURES, bench.pictures([position for position, _ in flips.most]))


def _train(
    request: Request,
    bench: Workbench,
    plan: Plan,
    engine: str,
    work: Studying,
    writer: StudyWriter,
) -> None:
    """The gates, the plan, and where replicas are trained together the comparison with plain
    training."""
    if 0 not in work.kept:
        own = bench.own()
        gates = {"own": own_gate(bench.fit, own.digest), "streams": streams_gate(bench, plan)}
        writer.note({"gates": gates})
        work.own(own)
    if engine == "solo":
        work.train(plan, plan.block(0), engine, "training the first block")
    work.train(plan, plan.members, engine, "training replicas")
    work.train(plan, plan.members, engine, "training replicates, since arithmetic varies")
    draws = [m for m in _independent(plan) if m.number in work.kept]
    draws = [m for m in draws if work.kept[m.number].result.engine == "fused"]
    if not draws:
        return
    work.compare(draws[:FEW])
    found = answer(work.reread()).agreement
    if found is not None and not found.rounding:
        work.compare(draws[:MORE])
        found = answer(work.reread()).agreement
    if found is None or found.agrees or request.engine != "auto":
        return
    bench.notes.append(
        f"The engine {engine} did not agree with plain training on {found.n} replicas, so all "
        f"were trained plainly; --engine {engine} insists."
    )
    work.forget([number for number in work.kept if number])
    writer.note({"engine": "solo"})
    work.train(plan, plan.members, "solo", "training replicas plainly")


def _independent(plan: Plan) -> list[Member]:
    everything = frozenset(plan.attributed)
    return [
        m
        for m in plan.members
        if m.block >= 0 and m.kind == "draw" and m.redrawn in (frozenset(), everything)
    ]


def _chosen(bench: Workbench) -> str:
    fits, fit = bench.execution.fits, bench.fit
    line = f" at line {fit.stack[-1].line}" if fit.stack else ""
    told = f"fit {fit.index} of {len(fits)}{line} of {bench.execution.script}, {fit.model}"
    return told + ("; --fit picks another" if len(fits) > 1 else "")


@contextlib.contextmanager
def writing(
    path: Path, stored: StoredStudy | None, meta: dict[str, Any], plan: Plan
) -> Iterator[StudyWriter]:
    if stored is None:
        writer = StudyWriter.begin(path, meta)
    else:
        writer = StudyWriter.resume(path)
        writer.note({"plan": plan.to_dict()})
    with writer:
        yield writer


@contextlib.contextmanager
def kept(path: Path, keep: bool) -> Iterator[None]:
    """On Ctrl-C, say what is kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        if not keep:
            raise
        raise KeyboardInterrupt(
            f"the replicas trained so far are in {path}; `whydiff show {path}` reads them, "
            "the same command with --resume goes on"
        ) from None


def answered(path: Path, metric: str | None, keep: bool) -> Study:
    from dataclasses import replace

    found = answer(load_study(path), metric)
    return found if keep else replace(found, path="")


@contextlib.contextmanager
def _file(output: str | Path | None, resume: bool) -> Iterator[Path]:
    """The study file: where one is named, else in a folder that goes away."""
    if output is None:
        if resume:
            raise WhydiffError("there is no study to go on with", "Name its file with output.")
        with tempfile.TemporaryDirectory(prefix="whydiff-") as folder:
            yield Path(folder) / "study.whydiff"
        return
    path = Path(output)
    if not resume and path.exists():
        raise WhydiffError(
            f"{path} exists", "--resume goes on with the study in it; --output names another file."
        )
    yield path
