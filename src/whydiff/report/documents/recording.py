"""The document of a recording, what one run of a script trained, and its JSON values."""

from __future__ import annotations

import functools
import itertools
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.calls import Event, MeasuringCall, Output
from whydiff.core.digests import ordered_digest
from whydiff.core.recording import (
    LEDGER,
    LEDGER_AT_FIRST_STEP,
    PROGRAMS,
    RATES,
    SEEDING,
    STEP_GROUPS,
    Draw,
    Execution,
    Fit,
)
from whydiff.core.stack import Frame
from whydiff.core.words import count, duration, number
from whydiff.diagnosis.pair import failed_fits, in_workers
from whydiff.report.charts.lines import history, history_rows
from whydiff.report.document import (
    OPEN,
    SAME,
    SCREEN,
    Block,
    Brief,
    Chart,
    Document,
    Facts,
    Fold,
    Section,
    Table,
    Text,
)
from whydiff.report.documents.reproduce import reproduce
from whydiff.report.documents.sides import plain

#: epochs of a fit that a first screen shows: the first ones and the last
FIRST_EPOCHS = 3
#: numbers of a fit that are shown, the first ones logged, and epochs of each in a table: evenly
#: spread, both ends among them
MOST_METRICS, MOST_EPOCHS = 40, 400
#: notes of a fit that are told elsewhere, or tell a person nothing
_UNTOLD = frozenset({"losses", LEDGER, LEDGER_AT_FIRST_STEP, RATES})


def document(execution: Execution, name: str = "") -> Document:
    """What was trained, fit by fit; the seeds; the surroundings; the commands."""
    whole = execution.exit_code == 0 and not execution.trouble and execution.fits
    sections = [*_calls(execution), *(_fit(fit) for fit in execution.fits)]
    sections += [*_seeds(execution), _environment(execution), *_again(execution, name)]
    return Document(
        title=execution.script,
        question=f"What did {execution.script} train?",
        verdict=_verdict(execution),
        tone=SAME if whole else OPEN,
        facts=tuple(_facts(execution)),
        sections=tuple(sections),
        more="More: --verbose shows every epoch, weight and seed, --json FILE all numbers.",
    )


def _verdict(execution: Execution) -> str:
    fits = execution.fits
    lengths = sorted({len(fit.steps) for fit in fits})
    if not fits:
        others = count(len(execution.calls), "other call")
        told = f"{execution.script} was not seen to train" + (
            f"; {others} {'was' if len(execution.calls) == 1 else 'were'} seen"
            if execution.calls
            else ""
        )
    elif len(lengths) == 1:
        each = " each" if len(fits) > 1 else ""
        times = f" {count(len(fits), 'time')}" if len(fits) > 1 else ""
        told = f"{execution.script} called fit{times}, {count(lengths[0], 'step')}{each}"
    else:
        told = (
            f"{execution.script} called fit {len(fits)} times, "
            f"{lengths[0]} to {count(lengths[-1], 'step')}"
        )
    if execution.trouble:
        return f"{told}; the recording is incomplete: {execution.trouble}."
    if execution.exit_code is None:
        return f"{told}; then it was cut short."
    if execution.exit_code:
        return f"{told}; it failed with exit code {execution.exit_code}."
    return f"{told}, and all of it was recorded." if fits else f"{told}."


def _facts(execution: Execution) -> Iterator[tuple[str, str]]:
    ended = "cut short" if execution.exit_code is None else f"exit code {execution.exit_code}"
    yield "Run", f"{shlex.join([execution.script, *execution.arguments])}: {ended}"
    yield "Started", execution.started.replace("T", " ")[:19]
    seconds = sum(fit.seconds for fit in execution.fits)
    yield "Time in fit", duration(seconds)
    if execution.fits:
        recipe = execution.fits[0].recipe
        keras = recipe.version.get("keras", "?")
        yield "Keras", f"{keras} on {recipe.backend.get('backend', '?')}"
    if failed := failed_fits(execution):
        yield "Not recorded", failed
    if elsewhere := in_workers(execution):
        yield "Not watched", elsewhere


def _calls(execution: Execution) -> Iterator[Section]:
    table = calls_table(execution)
    if table is not None:
        lead = (
            f"{count(len(execution.fits), 'fit')} and {count(len(execution.calls), 'other call')}."
        )
        yield Section("calls", "Calls", (table,), lead, SCREEN)


def _fit(fit: Fit) -> Section:
    at = _at(fit.stack)
    sizes = sorted({int(n) for epoch in fit.recipe.batch_size.epochs for n in epoch})
    facts = [
        ("Called at", at),
        ("Samples", str(len(fit.recipe.data_content.samples))),
        ("Batch sizes", plain(sizes)),
        ("Optimizer", plain(fit.recipe.optimizer.get("class"))),
        ("Learning rate", plain(fit.recipe.optimizer.get("learning_rate"))),
        ("Loss", plain(fit.recipe.objective.get("loss"))),
        ("Learning rates", _rates(fit)),
        *((str(k).capitalize(), plain(v)) for k, v in fit.notes.items() if k not in _UNTOLD),
        ("Last step" if fit.every == 1 else "Last step that was digested", _digests(fit)),
    ]
    blocks: list[Block] = [Facts(tuple((k, v) for k, v in facts if v not in ("", "-")))]
    if fit.epochs:
        names = tuple(dict.fromkeys(name for epoch in fit.epochs for name in epoch.logs))
        shown = names[:MOST_METRICS]
        blocks.append(Brief((_epochs(fit, shown),), tuple(_histories(fit, shown))))
        if len(names) > len(shown):
            blocks.append(Text(f"The first {len(shown)} of {len(names)} logged numbers.", "note"))
    tensors = tuple((t.path, plain(list(t.shape)), t.dtype, t.digest) for t in fit.final)
    if tensors:
        table = Table(("Weight", "Shape", "Type", "Digest after training"), tensors)
        blocks.append(Fold(f"Weights: {count(len(tensors), 'tensor')}", (table,)))
    unfinished = "" if fit.finished else "; it was not finished"
    lead = f"{count(len(fit.steps), 'step')} in {duration(fit.seconds)}{unfinished}."
    title = f"Fit {fit.index}: {fit.model}"
    return Section(f"fit-{fit.index}", title, tuple(blocks), lead, SCREEN, announced=True)


def _rates(fit: Fit) -> str:
    """The learning rates that epochs began with, where there was more than one."""
    told = [f"{plain(rate)} from epoch {epoch + 1}" for epoch, rate in fit.rates.items()]
    if len(told) > FIRST_EPOCHS + 1:
        told = [*told[:FIRST_EPOCHS], "and so on", told[-1]]
    return ", ".join(told) if len(told) > 1 else ""


def _digests(fit: Fit) -> str:
    """What identifies the last step that was digested: a digest of each group of tensors."""
    if not len(fit.steps):
        return ""
    digested = fit.steps[fit.steps[:, 1:].any(axis=1)]
    last = digested[-1] if len(digested) else fit.steps[-1]
    return ", ".join(f"{g} {int(d):016x}" for g, d in zip(STEP_GROUPS, last, strict=False))


def _epochs(fit: Fit, names: tuple[str, ...]) -> Table:
    """The first epochs and the last, for a first screen."""
    chosen = fit.epochs
    if len(chosen) > FIRST_EPOCHS + 1:
        chosen = (*chosen[:FIRST_EPOCHS], chosen[-1])
    rows = tuple(
        (str(e.index + 1), str(e.steps), *(number(e.logs.get(n)) for n in names)) for e in chosen
    )
    columns = ("Epoch", "Steps", *names)
    return Table(columns, rows, numbers=frozenset(columns))


def _histories(fit: Fit, logged: tuple[str, ...]) -> Iterator[Block]:
    """One chart per logged number, its validated twin in the same one."""
    places = np.linspace(0, len(fit.epochs) - 1, min(len(fit.epochs), MOST_EPOCHS)).astype(int)
    listed = [fit.epochs[int(place)] for place in places]
    for name in logged:
        if name.startswith("val_") and name[4:] in logged:
            continue
        names = [n for n in (name, f"val_{name}") if n in logged]
        logs = [(epoch.index, epoch.logs) for epoch in fit.epochs]
        rows = history_rows(logs, names)
        ends = ", ".join(
            f"{n} {number(next(r['value'] for r in reversed(rows) if r['name'] == n))}"
            for n in names
            if any(r["name"] == n for r in rows)
        )
        if rows:
            yield Chart(
                f"{name}, epoch by epoch",
                functools.partial(history, rows, names),
                f"{count(len(names), 'line')} over {count(len(fit.epochs), 'epoch')}"
                + (
                    f", {MOST_EPOCHS} of them in the table; "
                    if len(listed) < len(fit.epochs)
                    else "; "
                )
                + f"at the end {ends}.",
                Table(
                    ("Epoch", *names),
                    tuple(
                        (str(e.index + 1), *(number(e.logs.get(n)) for n in names)) for e in listed
                    ),
                    numbers=frozenset({"Epoch", *names}),
                ),
            )


def _seeds(execution: Execution) -> Iterator[Section]:
    held = [draw for draw in execution.ledger if draw.kind != SEEDING]
    if not held:
        return
    rows = tuple(
        (
            draw.layer or "-",
            draw.owner,
            plain(draw.seed),
            "the script" if draw.explicit else "drawn from Python's random",
            f"{draw.stack[-1].path}, line {draw.stack[-1].line}" if draw.stack else "-",
        )
        for draw in held
    )
    drawn = sum(not draw.explicit for draw in held)
    were = "was" if drawn == 1 else "were"
    lead = f"{drawn} of {count(len(rows), 'seed')} {were} drawn; the script wrote the others."
    table = Table(("Held by", "Class", "Seed", "Chosen by", "At"), rows)
    yield Section("seeds", "Seed ledger", (Brief((_counted(held),), (table,)),), lead, SCREEN)


def _counted(held: Sequence[Draw]) -> Table:
    """How many seeds of which kind, for a first screen."""
    kinds = Counter((d.kind, d.owner, "in the script" if d.explicit else "drawn") for d in held)
    rows = tuple((kind, owner, by, str(n)) for (kind, owner, by), n in kinds.items())
    columns = ("Seeds of", "Class", "Seed", "Count")
    return Table(columns, rows, numbers=frozenset({"Count"}))


def _environment(execution: Execution) -> Section:
    known = execution.environment.items()
    facts = {str(k): plain(v) for k, v in known if v not in (None, "") and k != PROGRAMS}
    brief = Facts(tuple(facts.items()))
    if execution.fits:
        recipe = execution.fits[-1].recipe
        for part in (recipe.version, recipe.hardware):
            facts |= {str(k): plain(v) for k, v in part.items() if v not in (None, "")}
    full = Facts(tuple(facts.items()))
    return Section("environment", "Surroundings", (Brief((brief,), (full,)),), depth=SCREEN)


def _again(execution: Execution, name: str) -> Iterator[Section]:
    script = shlex.join([execution.script])
    arguments = f" -- {shlex.join(execution.arguments)}" if execution.arguments else ""
    commands = [f"whydiff record {script} -o {shlex.quote(name or 'recording.whydiff')}{arguments}"]
    if len(execution.fits) > 1 and name:
        commands.append(shlex.join(["whydiff", "diff", f"{name}:1", f"{name}:2"]))
    settings = []
    if execution.fits:
        recipe = execution.fits[-1].recipe
        settings = [
            {"source": source, "name": key, "a": value, "b": value}
            for source, part in (("version", recipe.version), ("backend", recipe.backend))
            for key, value in part.items()
        ]
    section = reproduce(commands, {"settings": settings}, name)
    note = Text("Reports of single fits: `whydiff diff FILE:1 FILE:2 --html PAGE`.", "note")
    extra = (note,) if len(execution.fits) > 1 else ()
    yield Section(section.id, section.title, (*section.blocks, *extra), section.lead)


#: Calls that one line makes in a row are shown one by one up to so many.
ONE_BY_ONE = 4

Entry = Fit | MeasuringCall | Event


def calls_table(execution: Execution) -> Table | None:
    """Every fit, call and event in order; None where nothing but fits was watched."""
    if not execution.calls and not execution.events:
        return None
    rows = []
    for _, group in itertools.groupby(_in_order(execution), _place):
        entries = list(group)
        if len(entries) <= ONE_BY_ONE:
            rows += [_row(entry) for entry in entries]
            continue
        first, last = entries[0], entries[-1]
        heads = [_row(first), _row(last)]
        rows += [heads[0]]
        rows.append(("", f"{len(entries) - 2} more", heads[0][2], heads[0][3], ""))
        rows.append(heads[1])
    return Table(
        ("Call", "What", "At", "Model", "Gave"),
        tuple(rows),
        "Calls and events, in order",
        numbers=frozenset({"Call"}),
        legend="Only calls have a number; rows without one are events that changed a model.",
    )


def _in_order(execution: Execution) -> Iterator[Entry]:
    events = list(execution.events)
    for call in execution.in_order():
        begun = call.call if isinstance(call, Fit) else call.number
        while events and events[0].after_call < begun:
            yield events.pop(0)
        yield call
    yield from events


def _place(entry: Entry) -> tuple[Any, ...]:
    kind = "fit" if isinstance(entry, Fit) else entry.kind
    frame = entry.stack[-1] if entry.stack else None
    return (type(entry).__name__, kind, frame and frame.file, frame and frame.line)


def _row(entry: Entry) -> tuple[str, ...]:
    at = _line_of(entry.stack)
    if isinstance(entry, Fit):
        logs = entry.epochs[-1].logs if entry.epochs else {}
        loop = "loop" if entry.notes.get("kind") == "loop" else "fit"
        return (str(entry.call or ""), loop, at, entry.model, _metrics(logs))
    model = f"{entry.model_number}: {entry.model}" if entry.model else ""
    if isinstance(entry, Event):
        return ("", entry.kind, at, model, _event(entry.facts))
    return (str(entry.number), _kind(entry), at, model, gave(entry))


def _kind(call: MeasuringCall) -> str:
    unfinished = "" if call.finished else ", not finished"
    return f"{call.notes.get('method', call.kind)}{unfinished}"


def _line_of(stack: Sequence[Frame]) -> str:
    return f"{stack[-1].name}:{stack[-1].line}" if stack else ""


def gave(call: MeasuringCall) -> str:
    """The numbers of a call: its metrics, or shape and mean of its outputs."""
    if call.values:
        told = _metrics(call.values)
        if call.score is not None:
            told += f" ({call.score.function} of call {call.score.reads})"
        return told
    if call.kind == "built":
        parameters = sum(int(np.prod(t.shape)) for t in call.recipe.weights)
        return f"neither trained nor called; {count(parameters, 'parameter')}"
    return "; ".join(_output(output) for output in call.outputs)


def _output(output: Output) -> str:
    name = f"{output.name}: " if output.name else ""
    told = f"{name}{output.dtype} ({plain(list(output.shape))})"
    values = output.values
    if values is not None and values.size and values.dtype.kind in "biuf":
        return f"{told}, mean {number(float(np.mean(values, dtype=np.float64)))}"
    return f"{told}, digest {ordered_digest(output.rows)[:8]}"


def _metrics(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def _event(facts: Mapping[str, Any]) -> str:
    told = {k: v for k, v in facts.items() if v not in (None, "", [], False)}
    return ", ".join(f"{key} {plain(value)}" for key, value in told.items())


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
    return f"{stack[-1].path}:{stack[-1].line}" if stack else ""
