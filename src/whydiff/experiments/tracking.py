"""Answers as runs of an experiment tracker: a run per replica, and one for the answer itself."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.comparison import Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation
from whydiff.core.plan import StoredReplica
from whydiff.core.progress import Progress
from whydiff.core.replicas import Result
from whydiff.core.study import Study
from whydiff.core.tracked import MOST_TEXT, Scalar, TrackedRun, scalar
from whydiff.core.visible import plain
from whydiff.report import html_page
from whydiff.report.documents import document_of
from whydiff.storage import StoredStudy
from whydiff.trackers import Tracker

#: artifacts of a run that stands for an answer
PAGE, JSON = "whydiff.html", "whydiff.json"
Write = Callable[[TrackedRun], str]


class _Runs:
    """An answer in a tracker while it comes about: a run that stands for it, others below it.

    Trouble of the tracker's costs nobody the answer: it is said once, and nothing more is written.
    """

    def __init__(self, tracker: Tracker, progress: Progress) -> None:
        self._tracker, self._progress = tracker, progress
        self._group = self._parent = ""
        self._failed = False

    def _begin(self, group: str, parameters: Mapping[str, Scalar]) -> None:
        self._group = group
        with self._trouble():
            self._parent = self._tracker.write(TrackedRun(_title(group), group, parameters))

    def _add(
        self, name: str, result: Result, shared: Mapping[str, Any], tags: Mapping[str, str]
    ) -> None:
        run = _of_result(name, self._group, result, shared, tags, self._parent)
        with self._trouble():
            self._tracker.write(run)

    def _end(self, answer: Any, numbers: Mapping[str, float]) -> None:
        with self._trouble():
            self._tracker.attach(self._parent, tags_of(answer), files_of(answer), numbers)

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except WhydiffError as error:
            self._failed = True
            _say(self._progress, error)


class StudyRuns(_Runs):
    """A study: a run that stands for it, and one for each replica once it is trained."""

    def __init__(self, tracker: Tracker, progress: Progress) -> None:
        super().__init__(tracker, progress)
        self._written: set[int] = set()
        self._shared: Mapping[str, Any] = {}

    def begin(self, meta: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        """The study's own run; ``meta`` and ``plan`` are those of its file."""
        if self._parent or self._failed:
            return
        self._shared = meta["fit"].get("parameters", {})
        asked = {f"plan.{name}": scalar(value) for name, value in plan.items()}
        self._begin(_group("study", str(meta["script"])), asked)

    def add(self, replicas: Sequence[StoredReplica]) -> None:
        """Replicas that were trained. One that is there is not written again."""
        for one in replicas:
            member, result = one.member, one.result
            if self._failed or member.number in self._written:
                continue
            self._written.add(member.number)
            tags = {
                "whydiff.kind": member.kind,
                "whydiff.block": str(member.block),
                "whydiff.redrawn": ", ".join(sorted(member.redrawn)),
            }
            self._add(f"replica {member.number}", result, self._shared, tags)

    def end(self, study: Study, stored: StoredStudy) -> None:
        """What is missing (replicas of an earlier day, or of workers), and the answer."""
        self._progress.step(f"writing to {self._tracker.address}")
        self.begin(stored.meta, study.plan)
        self.add([one for _, one in sorted(stored.kept.items())])
        if self._failed:
            return
        numbers = {
            f"mean.{study.outcome.metric}": study.outcome.mean.value,
            f"sd.{study.outcome.metric}": study.outcome.sd.value,
        }
        self._end(study, numbers)


class ComparisonRuns(_Runs):
    """A comparison: a run that stands for it, and two for each pair once it is trained.

    ``what`` is A, ``asked`` how it is decided; ``shared`` are the parameters that all trainings of
    A, and of B, have.
    """

    def __init__(
        self,
        tracker: Tracker,
        progress: Progress,
        what: str,
        asked: Mapping[str, Scalar],
        shared: tuple[Mapping[str, Any], Mapping[str, Any]],
    ) -> None:
        super().__init__(tracker, progress)
        self._what, self._asked, self._shared = what, asked, shared

    def add(self, number: int, pair: tuple[Result, Result]) -> None:
        """A pair that was trained."""
        if not (self._parent or self._failed):
            self._begin(_group("compare", self._what), self._asked)
        for side, result, parameters in zip("AB", pair, self._shared, strict=True):
            if not self._failed:
                tags = {"whydiff.side": side, "whydiff.pair": str(number)}
                self._add(f"pair {number} {side}", result, parameters, tags)

    def end(self, comparison: Comparison) -> None:
        """The answer."""
        if not self._failed:
            self._progress.step(f"writing to {self._tracker.address}")
            self._end(comparison, {f"effect.{comparison.metric}": comparison.effect.value})


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
        _say(progress, error)


def _say(progress: Progress, error: WhydiffError) -> None:
    progress.note(f"not everything is in the tracker: {error}. {error.way_out}")


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


def _title(group: str) -> str:
    """The name of the run that stands for a group: ``study train.py``."""
    return group.rpartition(" ")[0]


def _group(verb: str, script: str) -> str:
    """A name that no other group of runs has."""
    return f"{verb} {Path(script).name} {uuid.uuid4().hex[:8]}".replace("  ", " ")
