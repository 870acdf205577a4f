"""``bisect``: between which two revisions, versions or days a result changed, and why."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.api.compare import compare
from whydiff.api.explain import explain
from whydiff.core.comparison import Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions, checked_sources
from whydiff.core.searches import (
    DATES,
    FOUND,
    REVISIONS,
    VERSIONS,
    Bisection,
    Tried,
)
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.bisect import points
from whydiff.experiments.bisect.points import Series
from whydiff.experiments.bisect.search import (
    Ask,
    ByMetric,
    ByRuns,
    Threshold,
    answer,
    explained,
    halve,
)
from whydiff.runner.history import repository
from whydiff.runner.releases import releases_between
from whydiff.runner.running import runs_of
from whydiff.runner.targets import near, target_of
from whydiff.storage.answers import keep, kept, search_id

_RUNS = "A point ends as the good one where its results are equal, bit for bit or up to rounding"


def bisect(
    script: str | Path,
    good: str,
    bad: str,
    *,
    over: str = "",
    arguments: Sequence[str] = (),
    packages: Sequence[str] = (),
    metric: str | None = None,
    beyond: float | None = None,
    max_pairs: int = 30,
    budget: float | None = None,
    fix: bool = False,
    ignore_sources: Sequence[str] = (),
    in_place: bool = False,
    file: str | Path | None = None,
    progress: Progress | None = None,
) -> Bisection:
    """Find where the result of ``script`` changed between ``good`` and ``bad``, and explain it.

    ``good`` and ``bad`` are git revisions (the commits between them are tried, along first
    parents), two versions of a package (``"keras==3.8"``; every release between them), or with
    ``over="asof"`` two days. Each point is run once, and holds the good one's result where it is
    equal bit for bit or no further away than rounding goes, as ``verify`` measures it. With
    ``metric`` and ``beyond`` a point differs where the mean of the metric moved by more than that:
    one that ended otherwise in one run is trained with the good one's seeds, up to ``max_pairs``
    times, as ``compare`` does. Of n points at most ceil(log2 n) + 1 are run, and those that fail
    are skipped. The two points found are explained, with ``budget``, ``fix`` and ``ignore_sources``
    as for ``explain``. ``packages`` hold at every point: ``"keras==3.10.0"``, or ``"-r
    requirements.txt"`` for those that each commit asks for.

    ``file`` keeps what was found at each point: asked again, these are not run again.

    Raises WhydiffError where the good point cannot be run, or there is nothing between the two.
    """
    progress = progress or Silent()
    ignore_sources = checked_sources(ignore_sources)  # told before hours of training
    if (metric is None) != (beyond is None):
        raise WhydiffError(
            "a metric and how far it may move belong together",
            "--metric val_accuracy --beyond 0.01; without both, results are compared as they are.",
        )
    target, like = str(script), SideOptions(arguments=tuple(arguments), packages=tuple(packages))
    series = _series(target, good, bad, over, like)
    identity = _identity(target, series, arguments, metric, beyond)
    before = kept(Path(file), identity, "tried", Tried) if file else ()
    known = {one.number: one for one in before}
    progress.note(_beforehand(series, known))
    asked = dict(known)

    def noted(tried: Tried) -> None:
        asked[tried.number] = tried
        progress.note(_line(series, tried))
        if file:
            keep(Path(file), identity, "tried", tuple(asked.values()))

    with _by_runs(target, series, metric, in_place, progress) as by_runs:
        ask: Ask = by_runs
        if metric is not None and beyond is not None:
            against = functools.partial(_compared, target, series, in_place, progress)
            ask = ByMetric(by_runs, Threshold(metric, beyond, max_pairs), against)
        tried = halve(series, ask, known, noted)
        good_run = by_runs.good
    merge = functools.partial(_merge, target, series)
    found = answer(target, series, {**({0: good_run} if good_run else {}), **tried}, merge)
    found = replace(
        found,
        runs=len(tried) - len(known) + (good_run is not None),
        search=search_id(identity),
        rule=_RUNS
        if beyond is None
        else f"{_RUNS}, or the mean of {metric} moves by no more than {beyond:g}",
    )
    if found.verdict != FOUND or found.before is None or found.first is None:
        return found
    a, b = series.sides[found.before], series.sides[found.first]
    progress.step(f"explaining {found.point(found.before).text()} and the next")
    explanation = explain(
        script, arguments=arguments, **_keywords("a", a), **_keywords("b", b),
        metric=None, budget=budget, fix=fix, ignore_sources=ignore_sources, in_place=in_place,
        progress=progress,
    )  # fmt: skip
    return explained(found, explanation, as_it_is=metric is None)


def _series(target: str, good: str, bad: str, over: str, like: SideOptions) -> Series:
    kind = points.kind_of(good, bad, over)
    if kind == REVISIONS:
        return points.revisions(target, good, bad, like)
    target_of(target)  # there is such a script
    if kind == DATES:
        return points.days(good, bad, like)
    return points.versions(good, bad, like, releases_between)


def _merge(target: str, series: Series, number: int) -> str:
    """What a merge brought in, of a point that is one."""
    return points.merged(target, series.sides[number]) if series.over == REVISIONS else ""


def _identity(
    target: str, series: Series, arguments: Sequence[str], metric: str | None, beyond: float | None
) -> dict[str, Any]:
    """What has to be equal for answers of before to hold."""
    sides = [[s.rev, list(s.packages), s.as_of] for s in series.sides]
    text = (
        "" if series.over == REVISIONS else target_of(target).script.read_text("utf-8", "replace")
    )
    return {
        "target": target, "arguments": list(arguments), "sides": sides, "script": text,
        "metric": metric, "beyond": beyond, "backend": os.environ.get("KERAS_BACKEND", ""),
    }  # fmt: skip


@contextlib.contextmanager
def _by_runs(
    target: str, series: Series, metric: str | None, in_place: bool, progress: Progress
) -> Iterator[ByRuns]:
    with temporary_folder() as name:
        revisions = series.over == REVISIONS
        scripts = [] if revisions else [target_of(target).script]
        roots = [repository(near(target))] if revisions else []
        how_often = "each point is run once"
        runs = runs_of(scripts, in_place, progress, how_often, repositories=roots)
        yield ByRuns(target, series, runs, Path(name).resolve(), progress, metric)


def _compared(
    target: str,
    series: Series,
    in_place: bool,
    progress: Progress,
    number: int,
    threshold: Threshold,
) -> Comparison:
    """A point and the good one, trained with equal seeds until it is clear."""
    return compare(
        target, **_keywords("a", series.sides[0]), **_keywords("b", series.sides[number]),
        metric=threshold.metric, margin=threshold.beyond, max_pairs=threshold.max_pairs,
        in_place=in_place, arguments=series.sides[0].arguments, progress=progress,
    )  # fmt: skip


def _keywords(side: str, options: SideOptions) -> dict[str, Any]:
    """How one side is run, as the keywords of ``explain`` and ``compare``."""
    given: dict[str, Any] = {}
    if options.rev:
        given[f"{side}_rev"] = options.rev
    if options.packages:
        given[f"{side}_packages"] = options.packages
    if options.as_of:
        given[f"{side}_as_of"] = options.as_of
    return given


def _beforehand(series: Series, known: dict[int, Tried]) -> str:
    count = len(series.points)
    kinds = {REVISIONS: "commits", VERSIONS: "releases", DATES: "days"}
    most = (count - 1).bit_length() + 1
    said = f"{count} {kinds[series.over]}: at most {most} are run, and two again to explain them"
    return said + (f"; {len(known)} are known from before" if known else "")


def _line(series: Series, tried: Tried) -> str:
    value = f", {tried.metric} {tried.value:.4g}" if tried.value is not None else ""
    return f"{series.points[tried.number].text()}: {tried.state}{value} ({tried.why})"
