"""Answers as runs of an experiment tracker: a run per replica, and one for the answer itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.comparison import Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation
from whydiff.core.jsonable import plain
from whydiff.core.progress import Progress
from whydiff.core.replicas import Result
from whydiff.core.study import Study
from whydiff.core.tracked import MOST_TEXT, Scalar, TrackedRun, scalar
from whydiff.report import html_page
from whydiff.report.documents import document_of
from whydiff.storage import StoredStudy
from whydiff.trackers import Tracker

#: artifacts of a run that stands for an answer
PAGE, JSON = "whydiff.html", "whydiff.json"
Write = Callable[[TrackedRun], str]


def keep_study(tracker: Tracker, study: Study, stored: StoredStudy, progress: Progress) -> None:
    """A run for the study, with its page, and one for each replica."""

    def keep(write: Write) -> None:
        group = _group("study", study.script)
        numbers = {
            f"mean.{study.outcome.metric}": study.outcome.mean.value,
            f"sd.{study.outcome.metric}": study.outcome.sd.value,
        }
        plan = {f"plan.{name}": scalar(value) for name, value in study.plan.items()}
        parent = write(_of_answer(study, group, plan, numbers))
        shared = stored.meta["fit"].get("parameters", {})
        for _, kept in sorted(stored.kept.items()):
            member, result = kept.member, kept.result
            tags = {
                "whydiff.kind": member.kind,
                "whydiff.block": str(member.block),
                "whydiff.redrawn": ", ".join(sorted(member.redrawn)),
            }
            write(_of_result(f"replica {member.number}", group, result, shared, tags, parent))

    _kept(tracker, progress, keep)


def keep_comparison(
    tracker: Tracker,
    comparison: Comparison,
    pairs: Sequence[tuple[Result, Result]],
    shared: tuple[Mapping[str, Any], Mapping[str, Any]],
    progress: Progress,
) -> None:
    """A run for the comparison, with its page, and two for each pair.

    ``shared`` are the parameters that all trainings of A, and of B, have.
    """

    def keep(write: Write) -> None:
        group = _group("compare", comparison.a.what)
        asked: dict[str, Scalar] = {"metric": comparison.metric, "margin": comparison.margin,
                 "alpha": comparison.alpha}  # fmt: skip
        effect = {f"effect.{comparison.metric}": comparison.effect.value}
        parent = write(_of_answer(comparison, group, asked, effect))
        for number, pair in enumerate(pairs):
            for side, result, parameters in zip("AB", pair, shared, strict=True):
                tags = {"whydiff.side": side, "whydiff.pair": str(number)}
                name = f"pair {number} {side}"
                write(_of_result(name, group, result, parameters, tags, parent))

    _kept(tracker, progress, keep)


def keep_explanation(tracker: Tracker, explanation: Explanation, progress: Progress) -> None:
    """A run for A and one for B, both with the answer."""

    def keep(write: Write) -> None:
        group = _group("explain", str(explanation.a.get("script", "")))
        files, tags = files_of(explanation), tags_of(explanation)
        for side in ("a", "b"):
            epochs = explanation.evidence.get("epochs", {}).get(side, ())
            write(
                TrackedRun(
                    side.upper(),
                    group,
                    dict(_settings(explanation, side)),
                    {**tags, "whydiff.side": side.upper()},
                    tuple(dict(epoch["logs"]) for epoch in epochs),
                    files,
                )
            )

    _kept(tracker, progress, keep)


def attach_answer(tracker: Tracker, runs: Sequence[str], answer: Any, progress: Progress) -> None:
    """The answer as tags and files of runs that are there."""
    tags, files = tags_of(answer), files_of(answer)

    def keep(write: Write) -> None:
        for run in runs:
            tracker.attach(run, tags, files)

    _kept(tracker, progress, keep)


def files_of(answer: Any) -> dict[str, bytes]:
    """The page of an answer and its JSON."""
    values = json.dumps(plain(answer.to_dict()), ensure_ascii=False)
    return {PAGE: html_page(answer).encode(), JSON: values.encode()}


def tags_of(answer: Any) -> dict[str, str]:
    """The answer's verdict, in a sentence."""
    return {"whydiff.verdict": document_of(answer).verdict[:MOST_TEXT]}


def _kept(tracker: Tracker, progress: Progress, keep: Callable[[Write], None]) -> None:
    """Trouble of a tracker's costs nobody the answer: it is told."""
    progress.step(f"writing runs to {tracker.address}")
    try:
        keep(tracker.write)
    except WhydiffError as error:
        progress.note(f"not everything is in the tracker: {error}. {error.way_out}")


def _of_answer(
    answer: Study | Comparison,
    group: str,
    parameters: Mapping[str, Scalar],
    numbers: Mapping[str, float],
) -> TrackedRun:
    return TrackedRun("answer", group, parameters, tags_of(answer), (numbers,), files_of(answer))


def _of_result(
    name: str,
    group: str,
    result: Result,
    shared: Mapping[str, Any],
    tags: Mapping[str, str],
    parent: str,
) -> TrackedRun:
    replica = result.replica
    parameters = {
        **{name: scalar(value) for name, value in shared.items()},
        **{f"seed.{source}": seed for source, seed in replica.seeds.items()},
        **{f"set.{factor}": scalar(value) for factor, value in replica.settings.items()},
    }
    more = {"whydiff.engine": result.engine, "whydiff.weights": result.digest}
    kept = {key: value for key, value in {**tags, **more}.items() if value}
    return TrackedRun(
        name, group, parameters, kept, result.logs, parent=parent, failure=result.failure
    )


def _settings(explanation: Explanation, side: str) -> Iterator[tuple[str, Scalar]]:
    for row in explanation.evidence.get("settings", ()):
        value = row[side]
        if value is not None and not isinstance(value, dict | list):
            yield f"{row['source']}.{row['name']}", scalar(value)


def _group(verb: str, script: str) -> str:
    """A name that no other group of runs has."""
    return f"{verb} {Path(script).name} {uuid.uuid4().hex[:8]}".replace("  ", " ")
