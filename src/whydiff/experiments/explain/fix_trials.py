"""Trying the smallest change of a script: apply it to a copy, run that twice, look."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from whydiff.core.chains import picked
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Finding, Remedy
from whydiff.core.machine import peak_of
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.files import MECHANISM, carried
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.notes import scaler_to_mend
from whydiff.diagnosis.repaired import helped, not_found, unrepaired
from whydiff.diagnosis.rounding import MECHANISM as ROUNDS, harmless
from whydiff.diagnosis.sources import compare_all
from whydiff.diagnosis.trials import Trials
from whydiff.experiments.explain.inquiry import MOST_TRIED, Inquiry
from whydiff.experiments.explain.packages import pinned_run, pinned_side, pins
from whydiff.experiments.explain.sides import RunningSides
from whydiff.experiments.explain.texts import (
    encoding_of,
    files_of_packages,
    modules_reached,
    seeds_of_settings,
    text_of,
)
from whydiff.fixes import Proposal, before_trials, ensemble_or_folds, intended, notebooks, proposals
from whydiff.fixes.mechanical import FANS
from whydiff.fixes.pins import pin
from whydiff.fixes.proposal import Difference, shown as named
from whydiff.runner.client import Child, Run
from whydiff.runner.running import Ran, Runs
from whydiff.script_text.notebooks import Cell, as_script, cells

#: Seconds of a script whose imports are a part of it that is worth saving.
SHORT = 60.0
#: A line of a script behind which what it computes with is imported.
_IMPORTS = re.compile(r"(import|from)\s+(keras|tensorflow|jax|torch|tf_keras)\b")
#: said of a fix with which nothing differs any more
AGREE = "Tried: in two runs the trainings now agree bit for bit."


@dataclass(frozen=True)
class _Task:
    """What is to be repaired: the text of A's script and the causes that it may mend.

    Of a notebook ``text`` is that of all ``cells``, and ``a`` and ``b`` are its sides as those of
    one script.
    """

    run: Run
    text: str
    cells: list[Cell]
    compared: ComparedSides
    a: Side
    b: Side
    causes: list[str]

    def asked_for(self, causes: Sequence[str]) -> list[str]:
        """A sentence for every one of these causes that the script asks for."""
        return intended(self.compared.findings, causes, text=self.text, a=self.a, b=self.b)


def try_fixes(
    asked: Inquiry, sides: RunningSides, trials: Trials, used: Sequence[Child] = ()
) -> Remedy:
    """The first proposal that works; without one, advice and what was tried in vain.

    Nothing is proposed for sources that the question ignores.
    ``used`` are A's process, or A's and B's, where runs that try a fix may be made in them.
    """
    runs, ignored = asked.runs, asked.question.ignore_sources
    task = _task(sides, trials, ignored)
    if not task.causes and harmless(trials):
        return Remedy("", False, mechanism(ROUNDS).remedy)
    if not task.causes and not {*ignored}.isdisjoint(task.compared.differing):
        return Remedy("", False, "")
    candidates = _candidates(sides, task)
    failed: list[str] = []
    best: Remedy | None = None
    repaired: tuple[str, ...] = ()
    for number, proposal in enumerate(candidates, start=1):
        if best is not None and not (proposal.instead or set(proposal.targets) > set(repaired)):
            continue
        if runs.no_time_for("trying a fix"):
            break
        asked.progress.step(f"trying a fix ({number} of at most {len(candidates)}): {proposal.how}")
        worked, what = _try(sides, runs, proposal, asked.folder / f"fix{number}", used)
        if not worked:
            failed.append(what)
            continue
        if best is not None and proposal.instead:
            best = replace(best, how=f"{best.how} Another way: {proposal.how} {what}")
            continue
        # Where both agree bit for bit it repaired whatever differed, also what it was not made for.
        repaired = tuple(task.causes) if what == AGREE else tuple(proposal.targets)
        best = _verified(task, proposal, what, repaired, trials)
    untried = _untried(task, candidates)
    if best is not None:
        return replace(best, how=" ".join([best.how, *untried]))
    repeated = _before_trials(asked, sides, task)
    if repeated is not None:
        return repeated
    tried = [*([not_found(failed)] if failed else []), *untried]
    return Remedy("", False, " ".join([*_advice(task), *tried]))


def _before_trials(asked: Inquiry, sides: RunningSides, task: _Task) -> Remedy | None:
    """One seed before trials that are meant to differ, where two runs then give the same ones."""
    compared, runs = sides.compared, asked.runs
    if compared.between != "fits" or task.cells or task.run.checkout:
        return None
    made_by = Difference("runs", task.a, task.b, compared.findings, task.causes)
    said, candidates = before_trials(task.run.script, task.text, made_by)
    # The later fit of the two in each run: what it begins with follows from all before it.
    of_runs = replace(sides, compared=replace(compared, between="runs", a=compared.b))
    for number, proposal in enumerate(candidates):
        if runs.no_time_for("trying a fix"):
            return None
        what = proposal.how or "two runs of the script as it is"
        asked.progress.step(f"trying a fix before all trials: {what}")
        folder = asked.folder / f"before{number}"
        folder.mkdir()
        both = _runs(sides, proposal, folder)
        made = executions_of(runs, both, folder, compared.a.execution)
        if _judged(of_runs, runs, proposal, made) == (True, AGREE):
            how = (
                f"{said} {_sentence(proposal.how)} Tried: two runs give the same trials, which "
                "still differ from one another."
                if proposal.how
                else f"{said} Tried: two runs of the script as it is give the same trials."
            )
            left = task.asked_for([f.source for f in compared.findings if f.intended])
            meant = [sentence for sentence in left if sentence != said]
            return Remedy(shown(proposal, task.run), bool(proposal.how), " ".join([how, *meant]))
    return None


def _task(sides: RunningSides, trials: Trials, ignored: Collection[str]) -> _Task:
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
        and (
            trials.stands_for(s) not in trials.sources
            or trials.matters(s)
            or (compared.same_weights and trials.changes_logs(s))
        )
        and s not in harmless(trials)
        and s not in ignored
        and (s != "measurement" or compared.same_weights)  # else it changes no weight
    ]
    if compared.between == "runs" and trials.control_failed and "noise" not in causes:
        causes = [*causes, "noise"]  # something draws where it was not seen
    return _Task(run, text, notebook, compared, a, b, causes)


def _candidates(sides: RunningSides, task: _Task) -> list[Proposal]:
    """The changes to try, in this order."""
    run, compared, notebook = task.run, task.compared, task.cells
    if carried(task.a, task.b):
        # Both runs of a trial find the file that the first run has left: they would agree whatever
        # the change is.
        return []
    alone = notebook or run.checkout
    modules = [] if alone else modules_reached(run.script, Path.cwd(), task.a.fit.stack)
    made_by = Difference(compared.between, task.a, task.b, compared.findings, task.causes)
    settings = [] if run.checkout else seeds_of_settings(task.a.execution)
    candidates = proposals(run.script, task.text, made_by, modules, settings)
    pinned = pins(sides, task.causes)
    if pinned:  # after a setting that helps, before seeds, which do not
        outside = [p for p in candidates if p.environment]
        targets = outside[0].targets if outside else task.causes
        files = files_of_packages(run.script)
        candidates.insert(len(outside), pin(task.text, pinned, files, targets))
    candidates = candidates[:MOST_TRIED]
    if notebook:
        return [in_cells(p, notebook, run.script) for p in candidates if not p.patch_b]
    return candidates


def _verified(
    task: _Task, proposal: Proposal, what: str, repaired: Sequence[str], trials: Trials
) -> Remedy:
    """The remedy of a proposal that worked; ``what`` was seen when it was tried."""
    larger = unrepaired(task.compared.findings, task.causes, repaired, _share(trials))
    left = task.asked_for([c for c in task.causes if c not in repaired])
    how = " ".join([*larger, _sentence(proposal.how), what, *left])
    return Remedy(shown(proposal, task.run), True, how, tuple(repaired) if what == AGREE else ())


def _advice(task: _Task) -> list[str]:
    """What to do where no change of the script was found."""
    compared = task.compared
    asked = task.asked_for(task.causes)
    found = [f for f in compared.findings if f.source in compared.differing]
    wanted = [f for f in found if f.source in task.causes]
    # What nobody meant comes first: beside an intentional difference it is what to repair.
    meant = ensemble_or_folds(task.text, task.a, task.b)
    traps = [
        f.remedy
        for f in wanted
        # what an earlier fold left behind is meant by nobody
        if f.mechanism and not f.intended and f.remedy and (f.source == "state" or not meant)
    ]
    leak = scaler_to_mend(compared.a, compared.b) if "data-content" in task.causes else ""
    if leak:
        traps.insert(0, leak)
    if asked:
        return [*traps[:1], *asked]
    advice = [f.remedy for f in found if f.mechanism == MECHANISM] or [leak] * bool(leak)
    return list(dict.fromkeys(advice or [f.remedy for f in wanted if f.remedy]))[:2]


def _untried(task: _Task, candidates: Sequence[Proposal]) -> list[str]:
    """What is advised and was in no proposal."""
    findings = task.compared.findings
    advised = any(f.mechanism == FANS for f in findings if f.source in task.causes)
    if not advised or any(proposal.instead for proposal in candidates):
        return []
    return ["Passing an initializer was not tried: no line of the script makes attention without."]


def cells_of(script: Path) -> list[Cell]:
    """The cells of a notebook, [] for any other script."""
    return cells(script.read_text(encoding="utf-8")) if script.suffix == ".ipynb" else []


def in_cells(proposal: Proposal, notebook: list[Cell], path: Path) -> Proposal:
    """A change of the text of all cells, shown as the changes of the cells that it is in."""
    patch = notebooks.patch(notebook, proposal.source, named(path)) if proposal.patch else ""
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


def _try(
    sides: RunningSides, runs: Runs, proposal: Proposal, folder: Path, used: Sequence[Child]
) -> tuple[bool, str]:
    """Whether the change worked in two runs, and what was seen.

    With ``used`` the first of them is made in the process in which A ran, and the second in B's
    where that is there, too: it saves the imports of new ones. The two have hash seeds and
    generators of their own, as new ones have, and are known to have differed. Only success counts
    in them; what fails is tried anew.
    """
    folder.mkdir()
    try:
        both = _runs(sides, proposal, folder)
    except WhydiffError as why:  # no such environment
        return False, str(why).splitlines()[0].rstrip(":")
    like = sides.compared.a.execution
    if not used or proposal.environment or proposal.packages:
        return _judged(sides, runs, proposal, executions_of(runs, both, folder, like))
    if len(used) == 2 and _acts_after_imports(sides, proposal):
        begun = [
            runs.run_again(child, _as_trial(run), folder / f"again-{name}.whydiff")
            for name, child, run in zip("ab", used, both, strict=True)
        ]
        again = [wait() for wait in begun]
        worked, what = _judged(sides, runs, proposal, again)
        if worked:
            return True, what
        return _judged(sides, runs, proposal, executions_of(runs, both, folder, like))
    return _try_beside(sides, runs, proposal, folder, used[0], both)


def _try_beside(
    sides: RunningSides,
    runs: Runs,
    proposal: Proposal,
    folder: Path,
    used: Child,
    both: Sequence[Run],
) -> tuple[bool, str]:
    """As :func:`_try`, with A's process and, since that alone proves nothing, a new one."""
    a, b = both
    with _begun(runs, b, folder, "b") as child:
        again = runs.run_again(used, _as_trial(a), folder / "again.whydiff")()
        ran = runs.wait(child)
        ran.close()
    new = _of_use(ran)
    if again is not None and new is not None:
        worked, what = _judged(sides, runs, proposal, (again, new))
        if worked:
            return True, what
    if new is None or sides.compared.between == "fits":
        worked, what = _judged(sides, runs, proposal, (new,))
        if not worked:
            return False, what
    first = executions_of(runs, (a,), folder, sides.compared.a.execution)
    return _judged(sides, runs, proposal, (*first, new))


def _acts_after_imports(sides: RunningSides, proposal: Proposal) -> bool:
    """Whether a change does nothing before its script has imported what it computes with.

    Before that a used process is not what a new one is: in it, all of that is imported already.
    """
    second = sides.child_b.run if sides.child_b and proposal.source_b else sides.child_a.run
    texts = [
        (sides.child_a.run.script, proposal.source),
        (second.script, proposal.source_b or proposal.source),
        *proposal.changed,
    ]
    return not proposal.prelude and all(
        any(map(_IMPORTS.match, _unchanged_beginning(text_of(file), text))) for file, text in texts
    )


def _unchanged_beginning(before: str, after: str) -> list[str]:
    """The lines before the first that a change touches."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _judged(
    sides: RunningSides, runs: Runs, proposal: Proposal, executions: Iterable[Execution | None]
) -> tuple[bool, str]:
    """Whether runs with a change show that it works, and what was seen in them.

    Two fits of one run are judged run by run, and no more are asked for once one fails.
    """
    compared = sides.compared
    fits = (compared.a.fit, compared.b.fit)
    pairs: list[tuple[Side, Side]] = []
    made: list[Execution] = []
    for execution in executions:
        if execution is None:
            late = runs.no_time_for("trying a fix")
            return False, "it was stopped before it ended" if late else "the changed script failed"
        made.append(execution)
        both = (execution, execution) if compared.between == "fits" else tuple(made)
        if len(both) < 2:
            continue
        if any(fit.last > len(e.fits) for fit, e in zip(fits, both, strict=True)):
            return False, "the changed script trained fewer fits"
        one, other = (Side(e, picked(e, fit.pick)) for fit, e in zip(fits, both, strict=True))
        pairs.append((one, other))
        agreed, what = _agree(pairs[-1:], proposal.targets, compared.findings)
        if not agreed:
            return False, what
    return _agree(pairs, proposal.targets, compared.findings)


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
    """What two runs recorded, or one, None of one that failed.

    They run at once where there is room for two as large as ``like``; else the second waits
    until it is asked for.
    """
    at_once = runs.may_run_two_at_once(like)
    waiting = list(zip("ab", both, strict=False))
    with contextlib.ExitStack() as stack:
        begun: list[Child] = []
        while waiting or begun:
            while waiting and (at_once or not begun):
                name, run = waiting.pop(0)
                begun.append(stack.enter_context(_begun(runs, run, folder, name)))
            ran = runs.wait(begun.pop(0))
            ran.close()
            yield _of_use(ran)


@contextlib.contextmanager
def _begun(runs: Runs, run: Run, folder: Path, name: str) -> Iterator[Child]:
    """A run that tries a fix; it is of no use any more once this is left."""
    child = runs.begin(_as_trial(run), folder, name, serve=False)
    try:
        yield child
    finally:
        child.kill()
        child.close()


def _as_trial(run: Run) -> Run:
    return replace(run, purpose="trial", keep="none")


def _of_use(ran: Ran) -> Execution | None:
    return ran.execution if ran.succeeded or ran.trained_before_it_failed else None


def may_run_again(child: Child, like: Execution, runs: Runs) -> bool:
    """Whether a fix may be tried in the process of an earlier run, while a new one tries it, too.

    Where the script ran long its imports are nothing, and its process holds what a new one needs.
    """
    peak = peak_of(child.process_id)
    return (
        child.exit_code == 0
        and 0 < child.seconds <= SHORT
        and child.run.checkout is None
        and peak is not None
        and runs.may_run_two_at_once(like, peak)
    )


def _agree(
    pairs: Sequence[tuple[Side, Side]], targets: Sequence[str], before: Sequence[Finding]
) -> tuple[bool, str]:
    if not all(side.fit.finished for pair in pairs for side in pair):
        return False, "Tried, but the trainings were not recorded to their end."
    if pairs and all(identical(a.fit, b.fit) for a, b in pairs):
        return True, AGREE
    return helped([compare_all(a, b) for a, b in pairs], targets, before)
