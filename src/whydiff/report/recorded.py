"""A recording as JSON values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.digests import ordered_digest
from whydiff.core.recording import Execution, Fit
from whydiff.core.stack import Frame


def execution_dict(execution: Execution) -> dict[str, Any]:
    """A recording as JSON values: everything but the digests of single steps and samples."""
    return {
        "schema": 1,
        "script": execution.script,
        "arguments": list(execution.arguments),
        "started": execution.started,
        "exit_code": execution.exit_code,
        "trouble": execution.trouble,
        "environment": dict(execution.environment),
        "fits": [_fit_dict(fit) for fit in execution.fits],
        "calls": [_call_dict(call) for call in execution.calls],
        "events": [_event_dict(event) for event in execution.events],
        "ledger": [
            {
                "number": d.number,
                "kind": d.kind,
                "owner": d.owner,
                "seed": d.seed,
                "explicit": d.explicit,
                "layer": d.layer,
                "fit": d.fit,
                "at": _at(d.stack),
            }
            for d in execution.ledger
        ],
    }


def _fit_dict(fit: Fit) -> dict[str, Any]:
    recipe = fit.recipe
    return {
        "index": fit.index,
        "call": fit.call,
        "model": fit.model,
        "at": _at(fit.stack),
        "finished": fit.finished,
        "seconds": fit.seconds,
        "steps": len(fit.steps),
        "samples": len(recipe.data_content.samples),
        "optimizer": dict(recipe.optimizer),
        "objective": dict(recipe.objective),
        "duration": dict(recipe.duration),
        "precision": dict(recipe.precision),
        "backend": dict(recipe.backend),
        "epochs": [{"index": e.index, "steps": e.steps, "logs": dict(e.logs)} for e in fit.epochs],
        "weights": {t.path: t.digest for t in fit.final},
        "notes": dict(fit.notes),
    }


def _call_dict(call: MeasuringCall) -> dict[str, Any]:
    """A measuring call as JSON values; rows as one digest over all."""
    recipe = call.recipe
    return {
        "number": call.number,
        "kind": call.kind,
        "model": call.model,
        "model_number": call.model_number,
        "at": _at(call.stack),
        "finished": call.finished,
        "seconds": call.seconds,
        "values": dict(call.values),
        "outputs": [
            {
                "name": output.name,
                "dtype": output.dtype,
                "shape": list(output.shape),
                "digest": ordered_digest(output.rows),
            }
            for output in call.outputs
        ],
        "inputs": {
            "arrays": [
                {
                    "role": leaf.role,
                    "path": leaf.path,
                    "dtype": leaf.dtype,
                    "shape": list(leaf.shape),
                    "rows": len(leaf.rows),
                    "digest": ordered_digest(leaf.rows),
                }
                for leaf in recipe.inputs.leaves
            ],
            "batches": recipe.inputs.batches.tolist(),
            **recipe.inputs.facts,
        },
        "weights": [
            {"path": tensor.path, "digest": tensor.digest, "origin": origin.text}
            for tensor, origin in itertools.zip_longest(
                recipe.weights, recipe.origins[: len(recipe.weights)]
            )
            if origin is not None
        ],
        "generators": {g.name: "drew" if g.drew else "did not draw" for g in recipe.generators},
        "state": [
            {"name": held.name, "kind": held.kind, "value": held.value, "digest": held.digest,
             "stale": held.stale}
            for held in recipe.state
        ],
        "mode": dict(recipe.mode),
        "measurement": dict(recipe.measurement),
        "score": None if call.score is None else {
            "function": call.score.function,
            "reads": call.score.reads,
            "output": call.score.output,
            "transformation": call.score.transformation,
            "settings": dict(call.score.settings),
        },
        "notes": dict(call.notes),
    }  # fmt: skip


def _event_dict(event: Event) -> dict[str, Any]:
    """An event as JSON values."""
    return {
        "number": event.number,
        "after_call": event.after_call,
        "kind": event.kind,
        "model": event.model,
        "model_number": event.model_number,
        "at": _at(event.stack),
        "facts": dict(event.facts),
    }


def _at(stack: Sequence[Frame]) -> str:
    """The innermost line of the user's own code: ``train.py:12``."""
    return f"{stack[-1].file}:{stack[-1].line}" if stack else ""
