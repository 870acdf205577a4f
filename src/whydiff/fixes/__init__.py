"""The smallest change of a script that makes two trainings agree: proposed here, tried elsewhere.

Pure: texts, findings and recordings in, proposals out. Nothing is executed.
"""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.core.stack import in_library
from whydiff.diagnosis.sources.data_content import BY_RULE, MISMATCHED, REWRITTEN
from whydiff.diagnosis.sources.state import ADAPTED
from whydiff.fixes import fits, runs
from whydiff.fixes.intentional import asked_sentences, finding_sentence
from whydiff.fixes.mechanical import repairs
from whydiff.fixes.modules import (
    Module,
    between_fits,
    between_runs,
    completed_inside,
    parsed_modules,
    seed_of_modules,
    seeded_inside,
)
from whydiff.fixes.proposal import Difference, Proposal, assemble, parsed_text, shown
from whydiff.fixes.seed_lines import completed, own_seed_step, seeded_in_time
from whydiff.script_text.edits import Script, Settings, last_name, parse
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seeds, seed_option

__all__ = ["Difference", "Proposal", "before_trials", "ensemble_or_folds", "intended", "proposals"]

#: sources that no change of a script's text makes equal
_OUT_OF_REACH = frozenset({"state", "backend", "version", "hardware", "precision", "measurement"})
#: sources that chance alone makes differ between two scripts or two fits
_BY_CHANCE = frozenset({"initialization", "data-order", "noise", "data-content", "arithmetic"})


def proposals(
    script: Path,
    text: str,
    made_by: Difference,
    files: Sequence[tuple[Path, str]] = (),
    settings: Sequence[Settings] = (),
) -> list[Proposal]:
    """Changes to try, smallest first; [] where there is nothing that a change could repair.

    Between scripts, the second is read from ``b.execution.script`` and proposals change both.
    ``files`` are the project's own that the script imports, with their texts: the cause may lie in
    one of them. ``settings`` are those that the program read. A script that is a library's
    (``-m unittest``) is left as it is.
    """
    if in_library(str(script)):
        made = _proposals(script, "", made_by, files, settings)
        return [replace(p, source=text) for p in made if not p.source and not p.prelude]
    return _proposals(script, text, made_by, files, settings)


def _proposals(
    script: Path,
    text: str,
    made_by: Difference,
    files: Sequence[tuple[Path, str]],
    settings: Sequence[Settings],
) -> list[Proposal]:
    parsed, modules = parsed_text(text), parsed_modules(files)
    if parsed is None:
        return []
    if settings and not any(own_seeds(s, Names(s)) for s in (parsed, *(m[2] for m in modules))):
        parsed, modules = parse(parsed.text, settings), parsed_modules(files, settings)
    between, a, b = made_by.between, made_by.a, made_by.b
    found = repairs(parsed, script, made_by)
    made = _assembled(text, shown(script), found) if between != "scripts" else []
    wanted = _repairable(parsed, made_by)
    signatures = [side.recipe.data_content.signature for side in (a, b)]
    # Two runs of one script number or arrange otherwise what they take from a set.
    rules = {ADAPTED, MISMATCHED, *([REWRITTEN] if between == "runs" else BY_RULE)}
    if signatures[0] != signatures[1] or any(f.mechanism in rules for f in made_by.findings):
        # Data of another shape or type, or other values by a rule, were not drawn otherwise; no
        # seed makes them equal. Inputs that have lost their targets lose them with any seed.
        wanted = [source for source in wanted if source != "data-content"]
    if wanted and between == "fits":
        seeded = _assembled(text, shown(script), fits.plans(parsed, script, a, b, wanted))
        made += seeded or between_fits(text, modules, a, b, wanted)
    elif wanted:
        seeds_itself = between != "runs" or _has_seed(parsed, script, a)
        of_project = None if seeds_itself else seed_of_modules(parsed, script, modules)
        plans = runs.plans(parsed, script, a, wanted, of_project)
        seeded = _assembled(text, shown(script), plans)
        if between == "runs":
            made += _seeded_elsewhere(parsed, script, text, modules, a, wanted)
            made += between_runs(text, modules, a, wanted, [p for p in seeded if p.patch])
            made += seeded
        else:
            made += _both(seeded, b, wanted)
    unique = {
        (
            p.source,
            p.source_b,
            p.prelude,
            *p.environment.items(),
            p.arguments,
            p.targets,
            p.changed,
        ): p
        for p in made
    }
    return list(unique.values())


def intended(
    findings: Sequence[Finding],
    causes: Sequence[str],
    *,
    text: str = "",
    a: Side | None = None,
    b: Side | None = None,
) -> list[str]:
    """A sentence for every cause that the script asks for.

    With ``text`` and the two sides of a comparison between fits, what the text and the seed
    ledger show is told as well (``shuffle=False``, seeds written in the script).
    """
    script = parsed_text(text) if text else None
    asked = asked_sentences(script, a, b)
    said = {f.source: f for f in findings if f.intended}
    sentences = []
    members = ensemble_or_folds(text, a, b)
    for source in causes:
        if source in asked:
            sentences.append(asked[source])
        # each its own seed: that is what makes them members
        elif source in said and not (members and said[source].mechanism == "explicit-seeds"):
            sentences.append(finding_sentence(said[source]))
    return [*sentences, members] if members else sentences


def before_trials(script: Path, text: str, made_by: Difference) -> tuple[str, list[Proposal]]:
    """What is said of two fits that are trials of one script, and changes with which another run of
    it gives the same trials, first none where the script may do so as it is; ("", []) where the two
    are no trials."""
    parsed, a, b = parsed_text(text), made_by.a, made_by.b
    if parsed is None or in_library(str(script)):
        return "", []
    wanted = tuple(c for c in made_by.causes if c in _BY_CHANCE - {"arithmetic"})
    said, before = fits.before_trials(parsed, Path(a.execution.script), a, b, wanted)
    if not said or not wanted:
        return said, []
    whole = _assembled(text, shown(script), runs.plans(parsed, script, a, wanted))
    outside = [p for p in whole if p.patch and not _seeds_every_turn(p)]
    # A script that seeds before it draws needs no change where its runs agree already.
    as_it_is = [Proposal(text, "", "", {}, wanted, "")] if seeded_in_time(a) else []
    return said, [*as_it_is, *outside[:1], *_assembled(text, shown(script), before)]


def _seeds_every_turn(proposal: Proposal) -> bool:
    """Whether the changed script seeds in a loop, or in a function that a loop calls."""
    script = parsed_text(proposal.source)
    nodes = [] if script is None else list(ast.walk(script.tree))
    loops = (n for n in nodes if isinstance(n, ast.For | ast.While | ast.comprehension))
    called = {last_name(n.func) for one in loops for n in ast.walk(one) if isinstance(n, ast.Call)}
    return any(
        isinstance(outer, ast.For | ast.While)
        or (isinstance(outer, ast.FunctionDef) and outer.name in called)
        for node in nodes
        if isinstance(node, ast.Call) and last_name(node.func) == "set_random_seed"
        for outer in (script.ancestors(node) if script is not None else ())
    )


def ensemble_or_folds(text: str, a: Side | None, b: Side | None) -> str:
    """A sentence where two fits are members of an ensemble or folds, meant to differ, else ""."""
    script = parsed_text(text) if text else None
    if script is None or a is None or b is None or a.execution is not b.execution:
        return ""
    return fits.ensemble_or_folds(script, Path(a.execution.script), a, b)


def _seeded_elsewhere(
    parsed: Script,
    script: Path,
    text: str,
    modules: Sequence[Module],
    a: Side,
    wanted: Sequence[str],
) -> list[Proposal]:
    """Seeds that two runs of a script get from its command line or in the project's modules."""
    made = _command_line(parsed, text, wanted)
    if not {"initialization", "noise"} & {*wanted}:
        return made
    if not completed(parsed, Names(parsed), script, a):
        made += completed_inside(text, modules, a, wanted)
    if not _has_seed(parsed, script, a):
        made += seeded_inside(text, modules, a, wanted)
    return made


def _command_line(script: Script, text: str, wanted: Sequence[str]) -> list[Proposal]:
    """The option that sets the script's seed, where it has one that was not given."""
    option = seed_option(script, Names(script))
    reached = tuple(c for c in wanted if c in _BY_CHANCE)
    if not option or not reached:
        return []
    how = f"Gives the script its seed: it has {option} for that, and without it sets none."
    return [Proposal(text, "", "", {}, reached, how, arguments=(option, "0"))]


def _has_seed(script: Script, path: Path, a: Side) -> bool:
    """Whether the script itself holds a seed that a line of ours could use."""
    names = Names(script)
    return bool(own_seeds(script, names)) or bool(own_seed_step(script, names, path, a))


def _assembled(text: str, name: str, found: Sequence[runs.Plan]) -> list[Proposal]:
    """Proposals of plans; a plan whose edits collide, or whose text is no Python, is dropped."""
    made = []
    for steps, targets in found:
        try:
            proposal = assemble(text, name, steps, targets)
        except ValueError:
            continue
        if parsed_text(proposal.source) is not None:
            made.append(proposal)
    return made


def _repairable(script: Script, made_by: Difference) -> list[str]:
    """The causes that came about by chance, in their order."""
    between, a, b = made_by.between, made_by.a, made_by.b
    asked = {f.source for f in made_by.findings if f.intended}
    if between == "fits":
        asked |= asked_sentences(script, a, b).keys()
    if a.recipe.backend.get("backend") != b.recipe.backend.get("backend"):
        asked |= {"initialization", "noise"}  # one seed gives other numbers on another backend
    drawn = {f.source for f in made_by.findings if f.mechanism == "drawn-setting"}
    wanted = [c for c in made_by.causes if c not in asked and c not in _OUT_OF_REACH - drawn]
    # Two runs of one text differ by chance in whatever they differ (a drawn batch size).
    return wanted if between == "runs" else [c for c in wanted if c in _BY_CHANCE]


def _both(made: Sequence[Proposal], b: Side, wanted: Sequence[str]) -> list[Proposal]:
    """Pair every change of the first script with the same kind of change of the second."""
    path = Path(b.execution.script)
    text = _read(path)
    parsed = parsed_text(text)
    if parsed is None:
        return list(made)
    others = _assembled(text, shown(path), runs.plans(parsed, path, b, wanted))
    if not made or not others:
        return []
    pairs = [
        (made[min(i, len(made) - 1)], others[min(i, len(others) - 1)])
        for i in range(max(len(made), len(others)))
    ]
    return [
        replace(
            one,
            source_b=other.source,
            patch_b=other.patch,
            prelude=one.prelude or other.prelude,
            environment={**one.environment, **other.environment},
        )
        for one, other in pairs
    ]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            encoding, _ = tokenize.detect_encoding(file.readline)
        with path.open(encoding=encoding, newline="") as text:
            return text.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""
