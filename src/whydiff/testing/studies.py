"""Studies with a planted answer, made of plain numbers: nothing is trained, no Keras is needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.plan import DRAW, OWN, REPLICATE, Member, StoredReplica, draw_plan
from whydiff.core.replicas import Result
from whydiff.storage import CALIBRATION, ELSEWHERE, TARGETS, StoredStudy, StudyWriter

#: entries of ``meta`` that tell when and where a study was made, not what came out
_CIRCUMSTANCES = ("started", "seconds", "shard", "shards", "whydiff", "gates")
#: examples on the probe
EXAMPLES = 200


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a study file by table, without times and machines: what must be equal."""
    db = sqlite3.connect(path)
    try:
        found = {
            "meta": db.execute("SELECT name, value FROM meta ORDER BY name").fetchall(),
            "replica": db.execute(
                "SELECT number, purpose, engine, block, kind, redrawn, seeds, settings, digest,"
                " failure FROM replica ORDER BY number, purpose"
            ).fetchall(),
            **{
                table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
                for table in ("epoch", "distance", "arrays")
            },
        }
    finally:
        db.close()
    found["meta"] = [row for row in found["meta"] if row[0] not in _CIRCUMSTANCES]
    return found


def write(study: StoredStudy, path: Path) -> Path:
    """Put a study into a file."""
    with StudyWriter.begin(path, study.meta) as writer:
        writer.add(study.kept.values(), distances=study.distances)
        writer.add(study.calibration.values(), CALIBRATION)
        writer.keep(TARGETS, {f"target:{k}": t for k, t in enumerate(study.targets)})
        for k, kept in enumerate(study.elsewhere):
            writer.add([kept], f"{ELSEWHERE} {k}")
    return path


def effect(seed: int, name: str) -> float:
    """A number from -1 to 1 that a seed of a source stands for."""
    return float(np.random.default_rng([seed, len(name)]).uniform(-1, 1))


def made(
    strength: Mapping[str, float],
    blocks: int = 20,
    factors: Mapping[str, tuple[Any, ...]] | None = None,
    seed: int = 0,
    dead: Sequence[str] = (),
    fate: Callable[[Member], str] = lambda member: "fine",
    arithmetic: float = 0.0,
    shift: Mapping[Any, float] | None = None,
    ways: Mapping[str, str] | None = None,
    **meta: Any,
) -> StoredStudy:
    """A study in which source s moves the metric by ``strength[s]`` times its effect.

    ``fate`` says of a member "fine", "nan" (it diverged), "failed" or "missing". ``shift`` maps
    a setting's value to what it adds.
    """
    sources = tuple(strength)
    plan = draw_plan(
        sources, sources if not factors else (), factors or {}, blocks, seed, ways or {}
    )
    kept: dict[int, StoredReplica] = {}
    distances: dict[tuple[int, int], float] = {}
    states: dict[int, np.ndarray] = {}
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=EXAMPLES)
    for member in plan.members:
        if member.kind == REPLICATE and member.block > 0 and not arithmetic:
            continue
        how = fate(member)
        if how == "missing":
            continue
        seeds = member.replica.seeds if member.kind != OWN else dict.fromkeys(sources, 999)
        state = np.array(
            [strength[s] * effect(seeds[s], s) if s not in dead else 0.0 for s in sources]
        )
        if member.kind == REPLICATE:
            state = state + arithmetic
        added = sum((shift or {}).get(value, 0.0) for value in member.replica.settings.values())
        state = np.append(state, added)
        states[member.number] = state
        value = 0.8 + float(state.sum()) / 10
        probability = 1 / (1 + np.exp(-(scores + state.sum() * np.cos(np.arange(EXAMPLES)))))
        nan = how == "nan"
        logs = {"loss": float("nan") if nan else 1 - value, "accuracy": 0.1 if nan else value}
        result = Result(
            member.replica,
            "solo",
            logs=(logs,),
            predictions=(np.full((EXAMPLES, 1), np.nan) if nan else probability[:, None],),
            digest=np.round(state, 12).tobytes().hex() or "00",
            seconds=0.1,
        )
        if how == "failed":
            result = Result(member.replica, "solo", failure="out of memory", seconds=0.1)
        kept[member.number] = StoredReplica(member, result)
    for number in range(blocks):
        draws = [m for m in plan.block(number) if m.kind == DRAW and m.number in states]
        for i, a in enumerate(draws):
            for b in draws[i + 1 :]:
                gap = np.linalg.norm(states[a.number] - states[b.number])
                distances[a.number, b.number] = float(gap)
    described = {
        "script": "train.py",
        "chosen": "fit 1 of 1 of train.py",
        "plan": plan.to_dict(),
        "metric": "accuracy",
        "engine": "solo",
        "gates": {"own": [True, "all 4 weights equal"], "streams": [True, "8 replicas"]},
        "fit": {"classes": True, "logits": False, "validation": True, "backend": "jax"},
        "refused": {},
        "notes": [],
        "seconds": 12.0,
        **meta,
    }
    targets = ((scores > 0).astype("int64"),)
    return StoredStudy(Path("a.whydiff"), described, kept, {}, distances, targets)
