"""``verify``: train again and say at which level the training still is the one that was locked."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.api.explain import answer
from whydiff.api.lock import lock_of, replicas, seen_from, try_script
from whydiff.core.digests import ALGORITHM
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS
from whydiff.core.lock import LEVELS, FitDigests, Lock, LockedFit, Replicas
from whydiff.core.metrics import default_metric
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions, checked_sources
from whydiff.core.temporary import temporary_folder
from whydiff.core.verification import (
    FAILS,
    HOLDS,
    UNKNOWN,
    Amplification,
    FitCheck,
    Statistics,
    Verification,
)
from whydiff.experiments.lock.calls import changed_surroundings, check_calls, reduced_calls
from whydiff.experiments.lock.differences import (
    Against,
    changed_facts,
    compare_locked,
    differing_parts,
    digest_findings,
)
from whydiff.experiments.lock.question import NO_QUESTION, locked_side, question, too_long
from whydiff.experiments.lock.reference import reduced_fit
from whydiff.experiments.lock.rounding import Trial, amplification, judge_rounding, may_be_rounding
from whydiff.report.documents.verification import verdict
from whydiff.runner.client import run_of
from whydiff.runner.environments import interpreter_of
from whydiff.runner.history import commit_named, committed_in, repository
from whydiff.runner.running import counted_runs, times
from whydiff.runner.targets import target_of
from whydiff.stats.equivalence import DIFFERENT, EQUAL, Equivalence, equivalence
from whydiff.storage.lockfile import fit_digests, read_lock

#: seconds that an explanation may take if nothing else is said
BUDGET = 600.0
_NOT_ASKED = (UNKNOWN, "the lock holds no replicas: lock with --replicas 23")


def verify(
    script: str | Path,
    arguments: Sequence[str] | None = None,
    *,
    lock: str | Path | None = None,
    require: str = "bitwise",
    metric: str | None = None,
    margin: float | None = None,
    explain: bool = True,
    a_rev: str = "",
    budget: float = BUDGET,
    ignore_sources: Sequence[str] = (),
    progress: Progress | None = None,
    in_place: bool = False,
    python: str | Path = "",
    packages: Sequence[str] = (),
    as_of: str = "",
) -> Verification:
    """Train ``script`` and compare every fit with the lock, at the strictest level that holds.

    ``bitwise``: initial values, every batch, step and log, and the final weights agree bit for
    bit. ``rounding``: nothing that was fed or set differs, and the final weights and predictions
    are no further apart than what one ULP in one initial weight does to this training, measured
    here. ``statistical``: reseeded replicas then and now have the same mean of ``metric`` within
    ``margin`` (in its unit; 1 standard deviation of a reseeded training if not given).

    Where the required level does not hold, ``explanation`` proves why, with ``explain``: the
    script is run as it was in the git revision ``a_rev`` (that in which the lock was committed if
    not given) and as it is now, with hybrids of both, for at most ``budget`` seconds; its
    verdict leaves ``ignore_sources`` out. Without a
    revision two runs of the script are compared, where it may be one that does not repeat itself.

    A script may also be named as ``"-m package.module"``.
    ``arguments`` are the script's, those of the lock if None; ``require`` is the level for
    ``exit_code``. ``python`` is the interpreter that runs it, ``packages`` are other versions than
    are installed there (``["keras==3.10.0"]``), with ``as_of`` every package is the newest of that
    day. The script runs on scratch copies of the current folder, with ``in_place`` in
    it. Raises WhydiffError for a missing or damaged lock, a revision that is none, a script that
    fails, or a level that the lock cannot decide.
    """

    target, progress = target_of(str(script)), progress or Silent()
    path = target.script
    ignore_sources = checked_sources(ignore_sources)
    if a_rev:  # told before hours of training
        commit_named(repository(path.parent), a_rev)
    file = Path(lock) if lock else lock_of(path)
    locked = read_lock(file)
    _check_request(locked, require, file, metric)
    words = tuple(arguments) if arguments is not None else locked.arguments
    more = max((len(r.seeds) for r in locked.replicas.values()), default=0)
    how_often = times(1) + (f", and {more} times more if it differs" if more else "")
    options = SideOptions(python=str(python), packages=tuple(packages), as_of=as_of)
    now = replace(options, arguments=words)
    run = run_of(target, now, interpreter=interpreter_of(options, path))
    with (
        counted_runs([path], in_place, progress, how_often) as runs,
        temporary_folder() as name,
    ):
        folder = Path(name)
        began = time.monotonic()
        trial = try_script(runs, run, folder, progress)
        seconds = time.monotonic() - began
        with trial.ran:
            reduced = [reduced_fit(f, trial.outcomes.get(f.index)) for f in trial.execution.fits]
            checks = _checks(locked, reduced, trial, progress)
        if locked.replicas and any(c.levels["rounding"][0] != HOLDS for c in checks):
            count = max(len(r.seeds) for r in locked.replicas.values())
            # Not the seeds of the lock: equal seeds would not be independent trainings.
            seeds = range(1001, 1001 + count)
            trained_now = replicas(runs, run, seeds, folder, progress)
            checks = [_with_statistics(c, locked, trained_now, metric, margin) for c in checks]
    today = reduced_calls(trial.execution.calls)
    changed = dict.fromkeys(fact for check in checks for fact in changed_facts(check.findings))
    revision = committed_in(file)
    script_then = file.parent / locked.script
    other = locked.script != seen_from(file.parent, path)
    verification = Verification(
        script=target.text,
        file=str(path),
        lock=str(file),
        required=require,
        fits=tuple(checks),
        changed=(
            # on purpose, perhaps: it is said
            *([f"script: {script_then} was locked, this is {target.text}"] if other else []),
            *_arguments_changed(locked, words),
            *changed,
            *(() if reduced else changed_surroundings(locked.calls, today)),
        ),
        missing=_missing(locked.count, len(reduced), "fit")
        or ("" if not locked.calls else _missing(len(locked.calls), len(today), "call")),
        calls=check_calls(locked.calls, today, checks),
        revision=revision,
        locked=locked_side(locked, reduced, today, a_rev or revision),
        now=now,
        seconds=seconds,
        locked_script=str(script_then)
        if other and (a_rev or revision or script_then.is_file())
        else "",
    )
    if explain and verification.state != HOLDS:
        further = {"budget": budget, "in_place": in_place, "ignore_sources": ignore_sources}
        return _explained(verification, further, progress)
    return verification


def _explained(v: Verification, further: Mapping[str, Any], progress: Progress) -> Verification:
    """``v`` with why it is not the locked training, else why that cannot be said.

    ``further`` is what is asked beyond that, by its name in a question.
    """
    asked = question(v)
    why = NO_QUESTION if asked is None else too_long(v, further["budget"])
    if asked is None or why:
        return replace(v, unexplained=why)
    progress.note(f"{verdict(v)} Explaining it: --no-explain leaves that out.")
    try:
        asked = replace(asked, **further)
        return replace(v, explanation=answer(asked.targets, asked, progress))
    except WhydiffError as error:
        return replace(v, unexplained=str(error))


def _check_request(lock: Lock, require: str, file: Path, metric: str | None) -> None:
    if require not in LEVELS:
        raise WhydiffError(f"there is no level {require!r}", f"Levels: {', '.join(LEVELS)}.")
    if lock.algorithm != ALGORITHM:
        raise WhydiffError(
            f"{file} holds digests of kind {lock.algorithm}, this whydiff makes {ALGORITHM}",
            "Lock the training anew: whydiff lock SCRIPT",
        )
    if require == "statistical" and not lock.replicas:
        raise WhydiffError(
            f"{file} holds no replicas, so nothing statistical can be required",
            "Lock the training with replicas: whydiff lock SCRIPT --replicas 23",
        )
    for fit, found in lock.replicas.items():
        if metric is not None and metric not in found.metrics:
            raise WhydiffError(
                f"{file} holds no {metric!r} of fit {fit}",
                f"It holds {', '.join(found.metrics) or 'no metric'}.",
            )


def _checks(
    locked: Lock, reduced: Sequence[LockedFit], trial: Trial, progress: Progress
) -> list[FitCheck]:
    common = range(1, min(locked.count, len(reduced)) + 1)
    if locked.without:
        now = [fit_digests(fit) for fit in reduced]
        return [_check_digests(locked.digests[n - 1], now[n - 1], locked.without) for n in common]
    return [
        _check(
            n,
            compare_locked(locked, trial.execution, reduced, n),
            locked.fits[n - 1],
            reduced[n - 1],
            trial,
            progress,
        )
        for n in common
    ]


def _check_digests(locked: FitDigests, new: FitDigests, without: str) -> FitCheck:
    """Where a lock has no details: bit for bit by digests, and nothing beyond them."""
    parts = differing_parts(locked, new)
    why = f"{without}: restore it, or lock anew"
    bitwise, rounding = (HOLDS, "by digest"), (HOLDS, "follows")
    if parts:
        bitwise, rounding = (FAILS, f"other digests of {', '.join(parts)}"), (UNKNOWN, why)
    return FitCheck(
        fit=new.index,
        model=new.model,
        levels={
            "bitwise": bitwise,
            "rounding": rounding,
            "statistical": _NOT_ASKED if parts else (HOLDS, "follows"),
        },
        first_divergence=None,
        findings=digest_findings(locked, new, why),
        weights=None,
        predictions=None,
        metrics={k: (locked.logs.get(k), new.logs.get(k)) for k in {**locked.logs, **new.logs}},
    )


def _arguments_changed(lock: Lock, words: tuple[str, ...]) -> list[str]:
    if lock.arguments == words:
        return []
    return [f"arguments: {' '.join(lock.arguments) or 'none'}, now {' '.join(words) or 'none'}"]


def _missing(locked: int, now: int, what: str) -> str:
    if locked == now:
        return ""
    return f"{locked} {f'{what} is' if locked == 1 else f'{what}s are'} locked, {now} ran"


def _check(
    number: int,
    against: Against,
    locked: LockedFit,
    new: LockedFit,
    trial: Trial,
    progress: Progress,
) -> FitCheck:
    measured: Amplification | None = None
    if against.point is None:
        # Each level implies those behind it.
        bitwise = (HOLDS, f"{sum(e.steps for e in new.epochs)} steps, by digest")
        rounding = (HOLDS, "follows")
    else:
        bitwise = (FAILS, "the bits differ")
        why = may_be_rounding(against)
        if why:
            rounding = (FAILS, why)
        else:
            measured = amplification(trial.hybrid_trainer(number), trial.outcomes[number], progress)
            rounding = judge_rounding(against, measured)
    statistical = (HOLDS, "follows") if rounding[0] == HOLDS else _NOT_ASKED
    return FitCheck(
        fit=number,
        model=new.model,
        levels={"bitwise": bitwise, "rounding": rounding, "statistical": statistical},
        first_divergence=against.point,
        findings=against.findings,
        weights=against.weights,
        predictions=against.predictions,
        metrics=_metrics(locked, new),
        amplification=measured,
    )


def _metrics(locked: LockedFit, new: LockedFit) -> dict[str, tuple[float | None, float | None]]:
    ends = [dict(fit.epochs[-1].logs) if fit.epochs else {} for fit in (locked, new)]
    names = dict.fromkeys([*ends[0], *ends[1]])
    return {name: (ends[0].get(name), ends[1].get(name)) for name in names}


def _with_statistics(
    check: FitCheck,
    lock: Lock,
    now: dict[int, Replicas],
    metric: str | None,
    margin: float | None,
) -> FitCheck:
    if check.levels["rounding"][0] == HOLDS:
        return check
    then, these = lock.replicas.get(check.fit), now.get(check.fit)
    if then is None or these is None:
        return check
    common = [name for name in then.metrics if name in these.metrics]
    name = metric or default_metric(common)
    if name not in then.metrics or name not in these.metrics:
        state = (UNKNOWN, f"{name or 'no metric'} was not logged by all replicas")
        return replace(check, levels={**check.levels, "statistical": state})
    a, b = then.metrics[name], these.metrics[name]
    result = equivalence(a, b, margin)
    why = f"{name}: {_told(result)}"
    verdict = {EQUAL: HOLDS, DIFFERENT: FAILS}.get(result.verdict, UNKNOWN)
    statistics = Statistics(
        name,
        result.verdict,
        result.difference,
        result.interval,
        result.margin,
        result.n,
        a,
        b,
        result.needed,
    )
    levels = {**check.levels, "statistical": (verdict, why)}
    return replace(check, levels=levels, statistics=statistics)


def _told(result: Equivalence) -> str:
    """The difference with all that belongs to it, and what would decide where nothing did."""
    low, high = result.interval
    bounded = math.isfinite(low) and math.isfinite(high)
    interval = f"95 % CI {low:.3g} to {high:.3g}, " if bounded else ""
    text = (
        f"mean {result.difference:+.3g} ({interval}n = {result.n[0]} then and {result.n[1]} now, "
        f"margin {result.margin:.3g})"
    )
    if result.note:
        text += f"; {result.note}"
    if result.verdict in (EQUAL, DIFFERENT):
        return text
    if result.needed is not None and result.needed > max(result.n):
        text += f"; about {result.needed} replicas would decide: lock with --replicas"
        return f"{text} {result.needed}, or give a larger --margin"
    return text


def suspects(check: FitCheck) -> list[str]:
    """Sources that differ, as far as digests and facts tell."""
    return [f.source for f in check.findings if f.status == DIFFERS]
