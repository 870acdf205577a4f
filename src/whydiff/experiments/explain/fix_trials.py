"""Trying the smallest change of a script: apply it to a copy, run that twice, look."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Finding, Remedy
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.files import MECHANISM
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.repaired import helped, not_found, unrepaired
from whydiff.diagnosis.rounding import MECHANISM as ROUNDS, harmless
from whydiff.diagnosis.sources import compare_all
from whydiff.diagnosis.trials import Trials
from whydiff.experiments.explain.packages import pinned_run, pinned_side, pins
from whydiff.experiments.explain.sides import RunningSides
from whydiff.experiments.explain.texts import encoding_of, files_of_packages, modules_of, text_of
from whydiff.fixes import Proposal, ensemble_or_folds, intended, notebooks, proposals
from whydiff.fixes.pins import pin
from whydiff.runner.client import Child, Run
from whydiff.runner.running import Runs
from whydiff.script_text.notebooks import Cell, as_script, cells

#: Proposals are tried from the smallest on; so many at most.
MOST_TRIED = 4
#: said of a fix with which nothing differs any more
AGREE = "Tried: in two runs the trainings now agree bit for bit."


def try_fixes(
    sides: RunningSides, runs: Runs, trials: Trials, folder: Path, progress: Progress
) -> Remedy:
    """The first proposal that works; without one, advice and what was tried in vain."""
    run, compared = sides.child_a.run, sides.compared
    notebook = cells_of(run.script)
    text = as_script(notebook) if notebook else text_of(run.script)
    a, b = compared.a, compared.b
    if notebook:
        a, b = notebooks.as_one_script((a, b), notebook)
    causes = [
        s
        for s in compared.differing
        if s not in compared.counted_with
        and (trials.stands_for(s) not in trials.sources or trials.matters(s))
        and s not in harmless(trials)
    ]
    if not causes and harmless(trials):
        return Remedy("", False, mechanism(ROUNDS).remedy)
    asked = intended(compared.findings, causes, text=text, a=a, b=b)
    modules = [] if notebook or run.checkout else modules_of(run.script, Path.cwd())
    candidates = proposals(
        run.script,
        text,
        compared.between,
        a,
        b,
        compared.findings,
        causes,
        modules=modules,
    )
    pinned = pins(sides, causes)
    if pinned:  # after a setting that helps, before seeds, which do not
        settings = [p for p in candidates if p.environment]
        targets = settings[0].targets if settings else causes
        files = files_of_packages(run.script)
        candidates.insert(len(settings), pin(text, pinned, files, targets))
    candidates = candidates[:MOST_TRIED]  # fmt: skip
    if notebook:
        candidates = [in_cells(p, notebook, run.script) for p in candidates if not p.patch_b]
    failed: list[str] = []
    best: Remedy | None = None
    for number, proposal in enumerate(candidates, start=1):
        if runs.no_time_for("trying a fix"):
            break
        progress.step(f"trying a fix ({number} of at most {len(candidates)}): {proposal.how}")
        worked, what = _try(sides, runs, proposal, folder / f"fix{number}")
        if not worked:
            failed.append(what)
            continue
        larger = unrepaired(compared.findings, causes, proposal.targets, _share(trials))
        rest = [c for c in causes if c not in proposal.targets]
        left = intended(compared.findings, rest, text=text, a=a, b=b)
        how = " ".join([*larger, _sentence(proposal.how), what, *left])
        confirms = tuple(proposal.targets) if what == AGREE else ()
        best = Remedy(shown(proposal, run), True, how, confirms)
        # One that repairs all of that and more may follow.
        if not any(set(p.targets) > set(proposal.targets) for p in candidates[number:]):
            break
    if best is not None:
        return best
    found = [f for f in compared.findings if f.source in compared.differing]
    advice = [f.remedy for f in found if f.mechanism == MECHANISM]
    wanted = [f for f in found if f.source in causes]
    # What nobody meant comes first: beside an intentional difference it is what to repair.
    meant = ensemble_or_folds(text, a, b)
    traps = [
        f.remedy
        for f in wanted
        # what an earlier fold left behind is meant by nobody
        if f.mechanism and not f.intended and f.remedy and (f.source == "state" or not meant)
    ]
    advice = advice or [f.remedy for f in wanted if f.remedy]
    tried = [not_found(failed)] if failed else []
    return Remedy("", False, " ".join([*((traps[:1] + asked) if asked else advice[:2]), *tried]))


def cells_of(script: Path) -> list[Cell]:
    """The cells of a notebook, [] for any other script."""
    return cells(script.read_text(encoding="utf-8")) if script.suffix == ".ipynb" else []


def in_cells(proposal: Proposal, notebook: list[Cell], path: Path) -> Proposal:
    """A change of the text of all cells, shown as the changes of the cells that it is in."""
    patch = notebooks.patch(notebook, proposal.source, path.name) if proposal.patch else ""
    return replace(proposal, patch=patch or proposal.patch)


def _share(trials: Trials) -> Callable[[str], float]:
    """What a source is worth, 0.0 where that was not measured."""

    def share(source: str) -> float:
        if not trials.reproduces_a() or trials.stands_for(source) not in trials.sources:
            return 0.0
        return trials.worth(source)[0] or 0.0

    return share


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ";", ":")) else ".")


def shown(proposal: Proposal, run: Run) -> str:
    """The patch as a person applies it: unified diffs, a prelude, environment, a command line."""
    parts = [proposal.patch, proposal.patch_b]
    if proposal.prelude:
        parts.append(f"# run before the script\n{proposal.prelude}")
    parts += [
        f"# set before Python starts\nexport {k}={v}\n" for k, v in proposal.environment.items()
    ]
    if proposal.packages and not proposal.patch:
        parts.append(f"# install in the environment\npip install {shlex.join(proposal.packages)}\n")
    if proposal.arguments:
        words = ["python", str(run.script), *run.arguments, *proposal.arguments]
        parts.append(f"# run as\n{shlex.join(words)}\n")
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _try(sides: RunningSides, runs: Runs, proposal: Proposal, folder: Path) -> tuple[bool, str]:
    """Whether the change worked in two runs, and what was seen."""
    folder.mkdir()
    pairs: list[tuple[Side, Side]] = []
    executions: list[Execution] = []
    before = sides.compared.findings
    compared = (sides.compared.a.fit, sides.compared.b.fit)
    picks, last = [fit.pick for fit in compared], [fit.last for fit in compared]
    try:
        both = _runs(sides, proposal, folder)
    except WhydiffError as why:  # no such environment
        return False, str(why).splitlines()[0].rstrip(":")
    for execution in executions_of(runs, both, folder, sides.compared.a.execution):
        if execution is None:
            late = runs.no_time_for("trying a fix")
            return False, "it was stopped before it ended" if late else "the changed script failed"
        executions.append(execution)
        if sides.compared.between == "fits":
            if max(last) > len(execution.fits):
                return False, "the changed script trained fewer fits"
            i, j = (picked(execution, pick) for pick in picks)
            pairs.append((Side(execution, i), Side(execution, j)))
            agreed, what = _agree(pairs[-1:], proposal.targets, before)
            if not agreed:
                return False, what
    if sides.compared.between != "fits":
        if any(k > len(e.fits) for k, e in zip(last, executions, strict=True)):
            return False, "the changed script trained fewer fits"
        one, other = (picked(e, pick) for pick, e in zip(picks, executions, strict=True))
        pairs.append((Side(executions[0], one), Side(executions[1], other)))
    return _agree(pairs, proposal.targets, before)


def _runs(sides: RunningSides, proposal: Proposal, folder: Path) -> list[Run]:
    """The two runs that test a proposal: of A's and B's run, or of A's twice."""
    first = sides.child_a.run
    second = sides.child_b.run if sides.child_b else first
    if sides.compared.between == "scripts" and not proposal.source_b:
        proposal = replace(proposal, source_b=text_of(second.script))
    both = changed_runs((first, second), proposal, folder)
    if proposal.packages:
        number = pinned_side(sides)
        both[number] = pinned_run(both[number], proposal.packages)
    return both


def changed_runs(both: tuple[Run, Run], proposal: Proposal, folder: Path) -> list[Run]:
    """Two runs with the changes of a proposal, whose texts are written into ``folder``."""
    texts = [proposal.source, proposal.source_b or proposal.source]
    changed = []
    for number, (module, content) in enumerate(proposal.changed):
        path = folder / f"module{number}.py"
        with path.open("w", encoding=encoding_of(module), newline="") as file:
            file.write(content)
        changed.append((module, path))
    runs = []
    for name, run, text in zip("ab", both, texts, strict=True):
        path = folder / f"{name}.py"
        with path.open("w", encoding=encoding_of(run.script), newline="") as file:
            file.write(text)
        environment = {**(run.environment or {}), **proposal.environment}
        arguments = (*run.arguments, *proposal.arguments)
        runs.append(
            replace(
                run,
                source=path,
                changed=tuple(changed),
                prelude=proposal.prelude,
                environment=environment,
                arguments=arguments,
            )
        )
    return runs


def executions_of(
    runs: Runs, both: Sequence[Run], folder: Path, like: Execution
) -> Iterator[Execution | None]:
    """What two runs recorded, None of one that failed.

    They run at once where there is room for two as large as ``like``; else the second waits
    until it is asked for.
    """
    at_once = runs.may_run_two_at_once(like)
    waiting = list(zip("ab", both, strict=True))
    with contextlib.ExitStack() as stack:
        begun: list[Child] = []
        while waiting or begun:
            while waiting and (at_once or not begun):
                name, run = waiting.pop(0)
                child = runs.begin(
                    replace(run, purpose="trial", keep="none"), folder, name, serve=False
                )
                stack.callback(child.close)
                stack.callback(child.kill)  # of no use any more where nobody asks for it
                begun.append(child)
            ran = runs.wait(begun.pop(0))
            ran.close()
            yield ran.execution if ran.succeeded or ran.trained_before_it_failed else None


def _agree(
    pairs: Sequence[tuple[Side, Side]], targets: Sequence[str], before: Sequence[Finding]
) -> tuple[bool, str]:
    if not all(side.fit.finished for pair in pairs for side in pair):
        return False, "Tried, but the trainings were not recorded to their end."
    if all(identical(a.fit, b.fit) for a, b in pairs):
        return True, AGREE
    return helped([compare_all(a, b) for a, b in pairs], targets, before)
