"""A study of a fit that can be trained again: gates, replicas, the comparison of the engines."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from whydiff.core.plan import Member, Plan
from whydiff.core.progress import Progress
from whydiff.core.replicas import ASKED_FOR
from whydiff.core.shards import blocks_together
from whydiff.core.study import Study
from whydiff.experiments.study.answer import answer
from whydiff.experiments.study.division import Division
from whydiff.experiments.study.metadata import (
    check_fit_metric,
    check_same,
    described,
    own_gate,
    part_facts,
    streams_gate,
)
from whydiff.experiments.study.on_jax import Wanted, on_jax
from whydiff.experiments.study.replica_trainer import ReplicaTrainer
from whydiff.experiments.study.request import Request, StudyFile
from whydiff.experiments.study.training import Part, Studying
from whydiff.runner.client import Run
from whydiff.runner.running import Runs
from whydiff.storage import PICTURES, TARGETS, StudyWriter, load_study

#: Replicas that are trained plainly, too: a few where the engines agree run by run, else more.
FEW, MORE = 4, 10


def with_bench(
    request: Request,
    bench: ReplicaTrainer,
    file: StudyFile,
    progress: Progress,
    run: Run | None = None,
    runs: Runs | None = None,
) -> Study:
    """Train what is missing of the study in ``file``; what its replicas say.

    ``run`` is the one behind ``bench``, None where a function builds the model.
    """
    stored = file.stored
    plan = request.plan(bench.sources, dict(bench.refused), stored)
    division = Division.of(plan, bench)
    check_fit_metric(request.metric, bench.fit, division)
    wanted = str(stored.meta.get("engine", request.engine)) if stored else request.engine
    with contextlib.ExitStack() as stack:
        if run is not None:
            asked = Wanted(wanted, plan.sources, len(plan.members), divided=division is not None)
            stack.enter_context(on_jax(bench, run, asked, progress, runs))
        engine = wanted if stored else bench.engine(wanted)
        together = blocks_together(plan, bench.width, request.shard) if engine == "fused" else 1
        known = stored.meta.get("together") if stored else None
        part = Part(plan, request.shard, known or together)
        return _studied(request, bench, part, engine, file, progress)


def text_of(script: Path) -> str:
    """A digest of the script's text."""
    return hashlib.sha256(script.read_bytes()).hexdigest()


def _studied(
    request: Request,
    bench: ReplicaTrainer,
    part: Part,
    engine: str,
    file: StudyFile,
    progress: Progress,
) -> Study:
    plan = part.plan
    division = Division.of(plan, bench)
    metric = check_fit_metric(request.metric, bench.fit, division)
    targets, validation = bench.probe()
    facts = described(bench.fit, plan.sources, validation)
    if file.stored is not None:
        before = file.stored.meta["fit"].get("identity", {})
        check_same(before, facts["identity"], bench.execution.script)
    meta = {
        "script": request.named or bench.execution.script,
        "arguments": list(request.arguments),
        "text": request.text,
        "chosen": _chosen(bench),
        "plan": plan.to_dict(),
        "engine": engine,
        **part_facts(part),
        "refused": {k: v for k, v in bench.refused.items() if k not in ASKED_FOR},
        "fit": facts,
        **({"division": division.to_dict()} if division else {}),
    }
    with file.writing({**meta, "metric": metric}, plan) as writer:
        if file.stored is None:
            writer.keep(TARGETS, {f"target:{k}": t for k, t in enumerate(targets)})
        trained = bench.fit.recipe.initialization
        trainable = frozenset(t.path for t in trained if t.role == "trainable")
        work = Studying(bench, writer, part, trainable, progress, request.until)
        with file.kept():
            _train(request, bench, part, engine, work, writer)
        writer.note({"notes": list(bench.notes)})
        _keep_pictures(bench, file.path, writer, metric)
    return file.answered(request.metric)


def _keep_pictures(bench: ReplicaTrainer, path: Path, writer: StudyWriter, metric: str) -> None:
    """The examples that flip most, as images where they are some; no other sample is kept."""
    flips = answer(load_study(path), metric).flips
    if flips is not None and flips.most:
        writer.keep(PICTURES, bench.pictures([position for position, _ in flips.most]))


def _train(
    request: Request,
    bench: ReplicaTrainer,
    part: Part,
    engine: str,
    work: Studying,
    writer: StudyWriter,
) -> None:
    """The gates, the plan, and where replicas are trained together the comparison with plain
    training."""
    plan = part.plan
    if 0 not in work.kept:
        own = bench.own()
        gates = {"own": own_gate(bench.fit, own.digest), "streams": streams_gate(bench, plan)}
        writer.note({"gates": gates})
        work.own(own)
    if engine == "solo":
        work.train(part.first_block(), engine, "training the first block")
    work.train(part.members, engine, "training replicas")
    work.train(part.members, engine, "training replicates, since arithmetic varies")
    # Which replicas are compared is the plan's, too: of a shard those of them that it trained.
    draws = _independent(plan)
    work.compare(_fused(draws[:FEW], work))
    found = answer(work.reread()).agreement
    if found is not None and not found.rounding:
        work.compare(_fused(draws[:MORE], work))
        found = answer(work.reread()).agreement
    if found is None or found.agrees or request.engine != "auto":
        return
    if part.shard is not None:  # whether to train plainly is decided over all shards
        bench.notes.append(
            f"In shard {part.shard} the engine {engine} did not agree with plain training; the "
            "merged study goes on by plain training with --resume."
        )
        return
    bench.notes.append(
        f"The engine {engine} did not agree with plain training on {found.n} replicas, so all "
        f"were trained plainly; --engine {engine} insists."
    )
    work.forget([number for number in work.kept if number])
    writer.note({"engine": "solo"})
    work.train(part.members, "solo", "training replicas plainly")


def _fused(members: Sequence[Member], work: Studying) -> list[Member]:
    """Those of ``members`` that the fused engine has trained."""
    return [
        m for m in members if m.number in work.kept and work.kept[m.number].result.engine == "fused"
    ]


def _independent(plan: Plan) -> list[Member]:
    everything = frozenset(plan.attributed)
    return [
        m
        for m in plan.members
        if m.block >= 0 and m.kind == "draw" and m.redrawn in (frozenset(), everything)
    ]


def _chosen(bench: ReplicaTrainer) -> str:
    fits, fit = bench.execution.fits, bench.fit
    line = f" at line {fit.stack[-1].line}" if fit.stack else ""
    told = f"fit {fit.index} of {len(fits)}{line} of {bench.execution.script}, {fit.model}"
    return told + ("; --fit picks another" if len(fits) > 1 else "")
