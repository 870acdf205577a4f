"""The document of a recording: what one run of a script trained."""

from __future__ import annotations

import functools
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from whydiff.core.recording import SEEDING, STEP_GROUPS, Draw, Execution, Fit
from whydiff.core.words import count, duration, number
from whydiff.report.blocks import Block, Brief, Chart, Facts, Fold, Table, Text
from whydiff.report.charts.history import history, history_rows
from whydiff.report.document import OPEN, SAME, SCREEN, Document, Section
from whydiff.report.documents.calls_table import calls_table
from whydiff.report.documents.reproduce import reproduce
from whydiff.report.evidence import plain

#: epochs of a fit that a first screen shows: the first ones and the last
FIRST_EPOCHS = 3
#: numbers of a fit that are shown, the first ones logged, and epochs of each in a table: evenly
#: spread, both ends among them
MOST_METRICS, MOST_EPOCHS = 40, 400


def document(execution: Execution, name: str = "") -> Document:
    """What was trained, fit by fit; the seeds; the surroundings; the commands."""
    whole = execution.exit_code == 0 and not execution.trouble and execution.fits
    sections = [*_calls(execution), *(_fit(fit) for fit in execution.fits)]
    sections += [*_seeds(execution), _environment(execution), *_again(execution, name)]
    return Document(
        title=f"whydiff: {execution.script}",
        question=f"What did {execution.script} train?",
        verdict=_verdict(execution),
        tone=SAME if whole else OPEN,
        sides=(),
        facts=tuple(_facts(execution)),
        sections=tuple(sections),
        more="More: --verbose shows every epoch, weight and seed, --json FILE all numbers.",
    )


def _verdict(execution: Execution) -> str:
    fits = execution.fits
    lengths = sorted({len(fit.steps) for fit in fits})
    if not fits:
        others = count(len(execution.calls), "other call")
        told = f"{execution.script} never called fit" + (
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


def _calls(execution: Execution) -> Iterator[Section]:
    table = calls_table(execution)
    if table is not None:
        lead = (
            f"{count(len(execution.fits), 'fit')} and {count(len(execution.calls), 'other call')}."
        )
        yield Section("calls", "Calls", (table,), lead, SCREEN)


def _fit(fit: Fit) -> Section:
    at = f"{fit.stack[-1].file}:{fit.stack[-1].line}" if fit.stack else ""
    sizes = sorted({int(n) for epoch in fit.recipe.batch_size.epochs for n in epoch})
    facts = [
        ("Called at", at),
        ("Samples", str(len(fit.recipe.data_content.samples))),
        ("Batch sizes", plain(sizes)),
        ("Optimizer", plain(fit.recipe.optimizer.get("class"))),
        ("Learning rate", plain(fit.recipe.optimizer.get("learning_rate"))),
        ("Loss", plain(fit.recipe.objective.get("loss"))),
        *((str(k).capitalize(), plain(v)) for k, v in fit.notes.items() if k != "losses"),
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
            f"{draw.stack[-1].file}, line {draw.stack[-1].line}" if draw.stack else "-",
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
    facts = {str(k): plain(v) for k, v in execution.environment.items() if v not in (None, "")}
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
