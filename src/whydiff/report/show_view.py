"""What is in a recording, as blocks and as JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from whydiff.core.recording import STEP_GROUPS, Draw, Execution, Fit, Frame
from whydiff.core.words import count, duration, number
from whydiff.report.blocks import Block, Facts, Table, Text
from whydiff.report.calls_view import call_dict, calls_table, event_dict
from whydiff.report.evidence import plain

#: epochs of a fit that are shown: the first ones and the last
FIRST_EPOCHS = 3


def execution_blocks(execution: Execution) -> Iterator[Block]:
    """Script, surroundings, every fit, the draws."""
    arguments = "".join(f" {a}" for a in execution.arguments)
    yield Text(f"{execution.script}{arguments}: {_outcome(execution)}", "verdict")
    if execution.trouble:
        yield Text(f"The recording is incomplete: {execution.trouble}", "warning")
    yield Facts((("Started", execution.started), *_surroundings(execution)))
    calls = calls_table(execution)
    if calls is not None:
        yield calls
    for fit in execution.fits:
        yield from _fit(fit)
    if execution.ledger:
        yield _ledger(execution.ledger)


def _outcome(execution: Execution) -> str:
    fits = count(len(execution.fits), "fit")
    if execution.calls:
        fits += f" and {count(len(execution.calls), 'other call')}"
    if execution.exit_code is None:
        return f"{fits}, then it was cut short"
    return f"{fits}, exit code {execution.exit_code}"


def _surroundings(execution: Execution) -> list[tuple[str, str]]:
    return [(str(k), plain(v)) for k, v in execution.environment.items() if v not in (None, "")]


def _fit(fit: Fit) -> Iterator[Block]:
    at = _where(fit.stack)
    unfinished = "" if fit.finished else ", not finished"
    took = f"{count(len(fit.steps), 'step')} in {duration(fit.seconds)}{unfinished}"
    yield Text(f"Fit {fit.index}: {fit.model}{at and f', called at {at}'}: {took}")
    batches = sorted({int(n) for epoch in fit.recipe.batch_size.epochs for n in epoch})
    facts = [
        ("Samples", str(len(fit.recipe.data_content.samples))),
        ("Batch sizes", plain(batches)),
        ("Optimizer", plain(fit.recipe.optimizer.get("class"))),
        ("Loss", plain(fit.recipe.objective.get("loss"))),
        *((str(k), plain(v)) for k, v in fit.notes.items()),
        ("Last step", _digests(fit)),
    ]
    yield Facts(tuple((k, v) for k, v in facts if v not in ("", "-")))
    if fit.epochs:
        yield _epochs(fit)


def _epochs(fit: Fit) -> Table:
    names = tuple(dict.fromkeys(name for epoch in fit.epochs for name in epoch.logs))
    chosen = fit.epochs
    if len(chosen) > FIRST_EPOCHS + 1:
        chosen = (*chosen[:FIRST_EPOCHS], chosen[-1])
    rows = tuple(
        (str(e.index + 1), str(e.steps), *(number(e.logs.get(n)) for n in names)) for e in chosen
    )
    columns = ("Epoch", "Steps", *names)
    return Table(columns, rows, numbers=frozenset(columns))


def _digests(fit: Fit) -> str:
    if not len(fit.steps):
        return ""
    last = fit.steps[-1]
    return ", ".join(f"{g} {int(d):016x}" for g, d in zip(STEP_GROUPS, last, strict=False))


def _ledger(ledger: tuple[Draw, ...]) -> Table:
    kinds = Counter((d.kind, d.owner, "in the script" if d.explicit else "drawn") for d in ledger)
    rows = tuple((kind, owner, by, str(n)) for (kind, owner, by), n in kinds.items())
    return Table(
        ("Seeds of", "Class", "Seed", "Count"), rows, "Seeds", numbers=frozenset({"Count"})
    )


def _where(stack: tuple[Frame, ...]) -> str:
    return f"{stack[-1].file}:{stack[-1].line}" if stack else ""


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
        "calls": [call_dict(call) for call in execution.calls],
        "events": [event_dict(event) for event in execution.events],
        "ledger": [
            {
                "number": d.number,
                "kind": d.kind,
                "owner": d.owner,
                "seed": d.seed,
                "explicit": d.explicit,
                "layer": d.layer,
                "fit": d.fit,
                "at": _where(d.stack),
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
        "at": _where(fit.stack),
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
