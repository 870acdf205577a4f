"""What a study notes about the fit it studies, and whether a study may go on with another run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.metrics import default_metric
from whydiff.core.plan import Member, Plan
from whydiff.core.recipe import Recipe, compiled_metrics
from whydiff.core.recording import Fit
from whydiff.core.replicas import ASKED_FOR
from whydiff.core.tracked import recipe_parameters
from whydiff.experiments.study.division import Division
from whydiff.experiments.study.replica_trainer import ReplicaTrainer
from whydiff.experiments.study.training import Part

#: Fields that may change between two runs of one study: they are no part of the question.
_SURROUNDINGS = frozenset({"version", "hardware", "measurement"})


def described(fit: Fit, varied: Sequence[str], validation: bool) -> dict[str, Any]:
    """Plain facts about a fit for its study file."""
    objective = fit.recipe.objective
    losses = [str(v) for k, v in objective.items() if k.startswith("loss") and isinstance(v, str)]
    logged = [name for epoch in fit.epochs[-1:] for name in epoch.logs]
    classes = any("crossentropy" in loss.lower() or "focal" in loss.lower() for loss in losses)
    return {
        "index": fit.index,
        "model": fit.model,
        "backend": str(fit.recipe.backend.get("backend", "")),
        "classes": classes or any("accuracy" in name or name == "acc" for name in logged),
        "logits": any(k.endswith("from_logits") and v is True for k, v in objective.items()),
        "validation": validation,
        "identity": identity(fit.recipe, varied),
        "own": _digest(identity(fit.recipe, ())),
        "parameters": recipe_parameters(fit.recipe),
    }


def part_facts(part: Part) -> dict[str, Any]:
    """What a study file notes about the part of the plan that it holds."""
    shard = part.shard
    return {
        "together": part.together,
        "shard": [shard.number, shard.count] if shard is not None else None,
    }


def identity(recipe: Recipe, varied: Sequence[str]) -> dict[str, str]:
    """A digest by source of everything that the replicas of a study take from the fit."""
    samples = recipe.data_content.samples
    # A stream numbers its samples as they come, so only which ones they are can be compared.
    unordered = samples[np.lexsort((samples[:, 1], samples[:, 0]))] if len(samples) else samples
    arrays = {"data-content": [unordered], "data-order": list(recipe.data_order.epochs)}
    found = {}
    for name in recipe.__dataclass_fields__:
        source, value = name.replace("_", "-"), getattr(recipe, name)
        if source in _SURROUNDINGS or (source in varied and source not in ASKED_FOR):
            continue
        if source in arrays:
            found[source] = tensor_digest(
                np.concatenate([np.asarray(a).ravel().view(np.uint64) for a in arrays[source]])
                if arrays[source]
                else np.zeros(0)
            )
        elif isinstance(value, Mapping):
            found[source] = _digest(value)
        elif isinstance(value, tuple):
            found[source] = _digest([asdict(tensor) for tensor in value])
        else:
            found[source] = _digest(value.facts)
    return found


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def check_same(before: Mapping[str, str], now: Mapping[str, str], script: str) -> None:
    """Raise WhydiffError if the fit is not the one that the study was begun with."""
    other = [s for s in before if s in now and before[s] != now[s]]
    if other:
        raise WhydiffError(
            f"{script} trains otherwise than when the study was begun: {', '.join(other)}",
            "A study goes on only with the same training. Take the change back, seed what the "
            "script draws by itself, or begin another study.",
        )


def check_fit_metric(metric: str | None, fit: Fit, division: Division | None = None) -> str:
    """The metric to study: ``metric`` if the fit logged it, else the default one.

    A ``division`` holds out rows to validate on, also where the fit had none.
    """
    logged = list(fit.epochs[-1].logs) if fit.epochs else []
    if division is not None:
        logged += [f"val_{name}" for name in logged if not name.startswith("val_")]
        logged = list(dict.fromkeys(logged))
    return default_metric(logged, metric, compiled_metrics(fit.recipe))


def digest_of(fit: Fit) -> str:
    """One digest of all final weights, "" if the fit did not end."""
    whole = "".join(tensor.digest for tensor in fit.final)
    return tensor_digest(np.frombuffer(bytes.fromhex(whole), np.uint8)) if whole else ""


def own_gate(fit: Fit, digest: str) -> list[Any]:
    """[passed, evidence]: whether the fit, trained from its own values, is what was watched."""
    if digest == digest_of(fit):
        return [True, f"trained again from its own values: all {len(fit.final)} weights equal"]
    return [False, "trained again from its own values, it ended with other weights"]


def streams_gate(bench: ReplicaTrainer, plan: Plan) -> list[Any]:
    """[passed, evidence]: whether in the first block only what was to be redrawn was."""
    members = [m for m in plan.block(0) if not m.replica.settings]
    if not members or not plan.sources:
        return [None, "nothing was redrawn"]
    drawn = bench.streams([m.replica for m in members])
    base = drawn[next(i for i, m in enumerate(members) if m.base)]
    wrong = []
    for member, streams in zip(members, drawn, strict=True):
        changed = {s for s in streams if streams[s] != base.get(s)}
        wrong += _unintended(member, changed, plan.attributed)
    if wrong:
        return [False, "; ".join(wrong)]
    return [True, f"{len(members)} replicas of the first block, {len(base)} streams each"]


def _unintended(member: Member, changed: set[str], attributed: Sequence[str]) -> list[str]:
    more = changed - member.redrawn
    less = (set(attributed) & member.redrawn) - changed
    found = []
    if more:
        found.append(f"redrawing {sorted(member.redrawn) or 'nothing'} changed {sorted(more)} too")
    if less and less - {"noise"}:
        found.append(f"{sorted(less)} came out the same with another seed")
    return found
