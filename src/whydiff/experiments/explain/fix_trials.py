"""Trying the smallest change of a script: apply it to a copy, run that twice, look."""

from __future__ import annotations

import tokenize
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import DIFFERS, Remedy
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.sources import compare_all
from whydiff.diagnosis.trials import Trials
from whydiff.experiments.explain.sides import RunningSides
from whydiff.fixes import Proposal, intended, proposals
from whydiff.runner.client import Run
from whydiff.runner.running import Runs

#: Proposals are tried from the smallest on; so many at most.
MOST_TRIED = 4
#: said of a fix with which nothing differs any more
AGREE = "Tried: in two executions the trainings now agree bit for bit."


def try_fixes(
    sides: RunningSides, runs: Runs, trials: Trials, folder: Path, progress: Progress
) -> Remedy:
    """The first proposal that works, or the first one with what was missing."""
    run, compared = sides.child_a.run, sides.compared
    text = _read(run.script)
    causes = [
        s
        for s in compared.differing
        if trials.stands_for(s) not in trials.sources or trials.matters(s)
    ]
    asked = intended(compared.findings, causes, text=text, a=compared.a, b=compared.b)
    candidates = proposals(
        run.script, text, compared.between, compared.a, compared.b, compared.findings, causes
    )[:MOST_TRIED]
    first: Remedy | None = None
    for number, proposal in enumerate(candidates, start=1):
        progress.step(f"trying a fix ({number} of at most {len(candidates)}): {proposal.how}")
        worked, what = _try(sides, runs, proposal, folder / f"fix{number}", bool(asked))
        how = " ".join([_sentence(proposal.how), what, *asked])
        confirms = tuple(proposal.targets) if worked and what == AGREE else ()
        remedy = Remedy(_shown(proposal), worked, how, confirms)
        if worked:
            return remedy
        first = first or remedy
    if first is not None:
        return first
    advice = [f.remedy for f in compared.findings if f.source in causes and f.status == DIFFERS]
    return Remedy("", False, " ".join(asked or [a for a in advice if a][:2]))


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ";", ":")) else ".")


def _shown(proposal: Proposal) -> str:
    """The patch as a person applies it: unified diffs, a prelude, environment settings."""
    parts = [proposal.patch, proposal.patch_b]
    if proposal.prelude:
        parts.append(f"# run before the script\n{proposal.prelude}")
    parts += [
        f"# set before Python starts\nexport {k}={v}\n" for k, v in proposal.environment.items()
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _try(
    sides: RunningSides, runs: Runs, proposal: Proposal, folder: Path, asked: bool
) -> tuple[bool, str]:
    """Whether the change worked in two executions, and what was seen."""
    folder.mkdir()
    pairs: list[tuple[Side, Side]] = []
    executions: list[Execution] = []
    for name, run in zip("ab", _runs(sides, proposal, folder), strict=True):
        execution = _execute(runs, run, folder, name)
        if execution is None:
            return False, "The changed script failed."
        executions.append(execution)
        if sides.compared.between == "fits":
            indices = (sides.compared.a.fit.index, sides.compared.b.fit.index)
            if max(indices) > len(execution.fits):
                return False, "The changed script trained fewer fits."
            i, j = (execution.fits[k - 1] for k in indices)
            pairs.append((Side(execution, i), Side(execution, j)))
            agreed, what = _agree(pairs[-1:], proposal.targets, asked)
            if not agreed:
                return False, what
    if sides.compared.between != "fits":
        indices = (sides.compared.a.fit.index, sides.compared.b.fit.index)
        if any(k > len(e.fits) for k, e in zip(indices, executions, strict=True)):
            return False, "The changed script trained fewer fits."
        one, other = (e.fits[k - 1] for k, e in zip(indices, executions, strict=True))
        pairs.append((Side(executions[0], one), Side(executions[1], other)))
    return _agree(pairs, proposal.targets, asked)


def _runs(sides: RunningSides, proposal: Proposal, folder: Path) -> list[Run]:
    """The two executions that test a proposal: of A's and B's run, or of A's twice."""
    first = sides.child_a.run
    second = sides.child_b.run if sides.child_b else first
    texts = [proposal.source, proposal.source_b or proposal.source]
    if sides.compared.between == "scripts" and not proposal.source_b:
        texts[1] = _read(second.script)
    runs = []
    for name, run, text in zip("ab", (first, second), texts, strict=True):
        path = folder / f"{name}.py"
        path.write_text(text, newline="")
        environment = {**(run.environment or {}), **proposal.environment}
        runs.append(replace(run, source=path, prelude=proposal.prelude, environment=environment))
    return runs


def _execute(runs: Runs, run: Run, folder: Path, name: str) -> Execution | None:
    with runs.run(replace(run, purpose="trial"), folder, name, serve=False) as ran:
        complete = ran.succeeded or ran.trained_before_it_failed
    return ran.execution if complete else None


def _agree(
    pairs: Sequence[tuple[Side, Side]], targets: Sequence[str], asked: bool
) -> tuple[bool, str]:
    if all(identical(a.fit, b.fit) for a, b in pairs):
        return True, AGREE
    still = {
        f.source
        for a, b in pairs
        for f in compare_all(a, b)
        if f.source in targets and f.status == DIFFERS
    }
    if still:
        return False, f"Tried, but still different: {', '.join(sorted(still))}."
    if not asked:
        return False, "Tried: the sources it repairs agree, yet the trainings still part."
    return True, (
        f"Tried twice: {', '.join(targets)} now {'agree' if len(targets) > 1 else 'agrees'} "
        "bit for bit; what is left is what the script asks for."
    )


def _read(path: Path) -> str:
    with path.open("rb") as file:
        encoding, _ = tokenize.detect_encoding(file.readline)
    with path.open(encoding=encoding, newline="") as text:
        return text.read()
