"""Two runs of a tracker compared: by what it keeps of them, and by recordings attached to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.question import Question, SideOptions, command
from whydiff.core.temporary import temporary_folder
from whydiff.core.tracked import (
    ARGUMENTS,
    KINDS,
    METRIC,
    PARAMETER,
    REVISION,
    SCRIPT,
    TAG,
    VERSION,
    RunDifference,
    RunDifferences,
    TrackedRun,
)
from whydiff.experiments.explain.recordings import explain_recordings
from whydiff.trackers import Tracker

#: the recording among a run's files, and the tags that say what it is of; see ``autolog``
RECORDING = "recording.whydiff"
SCRIPT_TAG, ARGUMENTS_TAG, REVISION_TAG, FIT_TAG = (
    "whydiff.script", "whydiff.arguments", "whydiff.revision", "whydiff.fit",
)  # fmt: skip
#: tags that mean the same, ours first
_MEANINGS: Mapping[str, tuple[str, ...]] = {
    REVISION: (REVISION_TAG, "mlflow.source.git.commit", "wandb.git.commit"),
    SCRIPT: (SCRIPT_TAG, "mlflow.source.name"),
    ARGUMENTS: (ARGUMENTS_TAG,),
}
#: kinds of which a run without one says nothing: it was not kept
_UNKNOWN = (REVISION, SCRIPT, ARGUMENTS, VERSION)
_OWN = ("mlflow.", "wandb.", "whydiff.")
_REQUIREMENTS = "requirements.txt"
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)")


def compare_runs(tracker: Tracker, a: str, b: str) -> RunDifferences:
    """What differs between two runs. WhydiffError where one is not there."""
    runs = tracker.read(a), tracker.read(b)
    kept = [{**_facts(run), **_pinned(tracker, id)} for id, run in zip((a, b), runs, strict=True)]
    names = sorted(dict.fromkeys([*kept[0], *kept[1]]), key=lambda n: (KINDS.index(n[0]), n[1]))
    rows = [
        RunDifference(*name, kept[0].get(name), kept[1].get(name))
        for name in names
        if name[0] not in _UNKNOWN or (name in kept[0] and name in kept[1])
    ]
    different = tuple(row for row in rows if row.a != row.b)
    answer = RunDifferences(
        f"Why do the runs {runs[0].name} and {runs[1].name} differ?",
        _named(runs[0], a),
        _named(runs[1], b),
        different,
        len(rows) - len(different),
        command=_command(kept, [run.tags.get(FIT_TAG, "") for run in runs]),
    )
    return _with_recordings(answer, tracker, (a, b), runs)


def _named(run: TrackedRun, id: str) -> str:
    return id if run.name == id else f"{run.name} ({id})"


def _facts(run: TrackedRun) -> dict[tuple[str, str], str]:
    facts: dict[tuple[str, str], str] = {}
    for name, value in run.parameters.items():
        kind = VERSION if name.startswith("version.") else PARAMETER
        facts[kind, name.removeprefix("version.")] = str(value)
    for kind, tags in _MEANINGS.items():
        known = next((run.tags[tag] for tag in tags if run.tags.get(tag)), None)
        if known is not None:
            facts[kind, kind] = known
    facts |= {(TAG, k): v for k, v in run.tags.items() if not k.startswith(_OWN)}
    for values in run.metrics[-1:]:
        facts |= {(METRIC, name): repr(float(value)) for name, value in values.items()}
    return facts


def _pinned(tracker: Tracker, run: str) -> dict[tuple[str, str], str]:
    """The versions of a ``requirements.txt`` that is among the run's files."""
    content = tracker.fetch(run, _REQUIREMENTS) or b""
    lines = content.decode("utf-8", "replace").splitlines()
    pinned = [match for match in map(_PINNED.match, lines) if match]
    return {(VERSION, match[1].lower()): match[2] for match in pinned}


def _command(kept: Sequence[Mapping[tuple[str, str], str]], fits: Sequence[str]) -> str:
    """The question that runs both again: one script in two revisions, or with two arguments; where
    these are the same, two of its ``fits``, or one fit of two runs."""
    a, b = kept
    script = a.get((SCRIPT, SCRIPT), "")
    if not script.endswith((".py", ".ipynb")) or script != b.get((SCRIPT, SCRIPT)):
        return ""
    sides = [
        SideOptions(
            arguments=tuple(_arguments(side.get((ARGUMENTS, ARGUMENTS), "[]"))),
            rev=side.get((REVISION, REVISION), ""),
        )
        for side in (a, b)
    ]
    question = Question((script,), a=sides[0], b=sides[1])
    if sides[0] == sides[1]:
        if not all(fit.isdecimal() for fit in fits):
            return ""
        numbers = (int(fits[0]), int(fits[1]))
        same = numbers[0] == numbers[1]
        question = replace(question, runs=same, fits=None if same else numbers)
    return command(question)


def _arguments(text: str) -> Iterator[str]:
    try:
        told = json.loads(text)
    except ValueError:
        return
    if isinstance(told, list):
        yield from map(str, told)


def _with_recordings(
    answer: RunDifferences, tracker: Tracker, ids: tuple[str, str], runs: tuple[TrackedRun, ...]
) -> RunDifferences:
    contents = [tracker.fetch(id, RECORDING) for id in ids]
    missing = [name for name, content in zip("AB", contents, strict=True) if content is None]
    if missing:
        note = (
            f"No recording is attached to {' and '.join(missing)}, so only what the tracker keeps "
            "is compared; `whydiff.autolog()` in the script attaches one."
        )
        return replace(answer, notes=(note,))
    with temporary_folder() as folder:
        names = []
        for name, content, run in zip("ab", contents, runs, strict=True):
            path = Path(folder) / f"{name}.whydiff"
            path.write_bytes(content or b"")
            fit = run.tags.get(FIT_TAG, "")
            names.append(f"{path}:{fit}" if fit.isdecimal() else str(path))
        try:
            explanation = explain_recordings(Question(tuple(names)))
        except WhydiffError as error:
            said = str(error).replace(f"{folder}/", "")
            return replace(answer, notes=(f"The recordings cannot be compared: {said}.",))
    fits = explanation.a.get("fit"), explanation.b.get("fit")
    chosen = f"fit {fits[0]} of {answer.a} and fit {fits[1]} of {answer.b}"
    return replace(answer, explanation=replace(explanation, chosen=chosen))
