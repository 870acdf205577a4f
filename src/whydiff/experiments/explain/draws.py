"""Lines of a program that may have drawn its data or settings from a generator without a seed, or
taken them in the order in which threads end."""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.files import all_seeded
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.pair import worker_processes
from whydiff.diagnosis.sources import data_content, seeds
from whydiff.diagnosis.sources.drawn import (
    drawn_in_turn,
    drawn_otherwise,
    in_hash_order,
    made_in_workers,
    ordered_by,
)
from whydiff.experiments.explain.texts import NOTEBOOK, modules_of, program_text, text_of
from whydiff.fixes import ensemble_or_folds
from whydiff.fixes.notebooks import as_one_script
from whydiff.lint.data import sets_iterated
from whydiff.lint.pipelines import random_maps, unseeded_loaders, unseeded_shuffles
from whydiff.lint.script import Source, calls_in
from whydiff.lint.seeds import draws_anew, unseeded_draws
from whydiff.script_text.call_order import Text, lines_to
from whydiff.script_text.dataflow import deciding
from whydiff.script_text.edits import statement_at
from whydiff.script_text.notebooks import cells, lines_above
from whydiff.script_text.orders import RACE, completion_orders, racing_draws
from whydiff.script_text.row_moves import moves_alone

_MODULES = {"numpy": "numpy.random", "random": "random"}
_MOST_LINES = 3


def with_drawing_lines(
    findings: Sequence[Finding],
    scripts: tuple[Path, Path],
    sides: tuple[Side, Side],
    alike: bool = False,
) -> tuple[Finding, ...]:
    """Findings of two runs with the lines that may have drawn what differs, where both have some.

    ``alike`` says that one program was run twice in one way.
    """
    sides = _as_scripts(scripts, sides)
    named = lines_that_draw(scripts, sides)
    racing = bool(named) and all(RACE in line for line in named)
    hashed = few_of(_in_hash_order(scripts[0], sides)) if scripts[0] == scripts[1] else ""
    shuffling = few_of(_shuffles(scripts[0], sides)) if alike else ""
    findings = [ordered_by(finding, shuffling) for finding in findings]
    drawn = [drawn_otherwise(f, few_of(named), alike, racing) for f in findings]
    if alike and not named and all_seeded(*(side.execution for side in sides)):
        workers = min(worker_processes(side.execution) for side in sides)
        drawn = [made_in_workers(f, workers) for f in drawn]
    return tuple(in_hash_order(f, hashed, bool(named)) for f in drawn)


def with_rows_moved(
    findings: Sequence[Finding], scripts: tuple[Path, Path], sides: tuple[Side, Side]
) -> tuple[Finding, ...]:
    """Findings on data whose inputs have lost their targets with the lines that move one array
    alone. Where only inputs differ and there is such a line, nobody is said to have meant it."""
    content = next((f for f in findings if f.source == data_content.ID), None)
    if content is None or content.status != DIFFERS:
        return tuple(findings)
    measured = content.mechanism == data_content.MISMATCHED
    if not measured and not data_content.inputs_only(*sides):
        return tuple(findings)
    pairs = dict(zip(scripts, _as_scripts(scripts, sides), strict=True))
    lines = few_of([line for path, side in pairs.items() for line in _moving_alone(path, side)])
    if not lines:
        return tuple(findings)
    told = replace(content, detail=f"{content.detail or content.evidence}; {lines}")
    if not measured:
        remedy = mechanism(data_content.MISMATCHED).remedy
        detail = f"{told.detail}: where that is the difference, inputs have lost their targets"
        told = replace(told, detail=detail, remedy=remedy, intended=False)
    return tuple(told if f is content else f for f in findings)


def _as_scripts(scripts: tuple[Path, Path], sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """The sides with the lines that a notebook's cells have in the text of all of them."""
    found = list(sides)
    for i, path in enumerate(scripts):
        if path.suffix == NOTEBOOK:
            with contextlib.suppress(OSError, SyntaxError, ValueError):
                found[i] = as_one_script([sides[i]], cells(text_of(path)))[0]
    return found[0], found[1]


def _at(file: Path, line: int) -> str:
    """``train.py:4``, ``train.ipynb (cell 2):4``."""
    if file.suffix != NOTEBOOK:
        return f"{file.name}:{line}"
    found = cells(text_of(file))
    above = lines_above(found)
    cell = [one for one in found if above[one.number] < line][-1]
    return f"{cell.file(file.name)}:{line - above[cell.number]}"


def _moving_alone(path: Path, side: Side) -> Iterator[str]:
    files = [path, *(module for module, _ in modules_of(path, path.parent))]
    for file in files:
        source = _source(file)
        for line, what in moves_alone(source.script) if source is not None else ():
            if _before(side, file, line):
                yield f"{_at(file, line)}: {what}"


def _in_hash_order(path: Path, sides: tuple[Side, Side]) -> list[str]:
    """Lines of a program that go through a set, where two runs of it had other hash seeds."""
    hash_seeds = [side.execution.environment.get("hash seed") for side in sides]
    if None in hash_seeds or hash_seeds[0] == hash_seeds[1] != "random":
        return []
    files = [path, *(module for module, _ in modules_of(path, path.parent))]
    known = ((file, _source(file)) for file in files)
    return [
        f"{_at(file, hit.line)}: a set is iterated: texts come out of it in another order in each "
        "process"
        for file, source in known
        if source is not None
        for hit in sets_iterated(source)
        if _before(sides[0], file, hit.line)
    ]


def _shuffles(path: Path, sides: tuple[Side, Side]) -> list[str]:
    """Lines of a program that shuffle a stream by a global generator that nothing had seeded:
    ``feeding.py:6: shuffle of a pipeline without a seed``."""
    rules = {"tensorflow": unseeded_shuffles, "torch": unseeded_loaders}
    unseeded = [
        rule
        for generator, rule in rules.items()
        if any(seeds.seeding_of(s, seeds.ledger_at(s), generator) is None for s in sides)
    ]
    files = [path, *(module for module, _ in modules_of(path, path.parent))] if unseeded else []
    return [
        f"{_at(file, hit.line)}: {hit.what}"
        for file in files
        for source in [_source(file)]
        if source is not None
        for rule in unseeded
        for hit in rule(source)
        if _before(sides[0], file, hit.line)
    ]


def lines_that_draw(scripts: tuple[Path, Path], sides: tuple[Side, Side]) -> list[str]:
    """Lines that may have drawn data without a seed; none where one of two programs has none."""
    lines = [_draws(path, side) for path, side in zip(scripts, sides, strict=True)]
    return list(dict.fromkeys([*lines[0], *lines[1]])) if all(lines) else []


def few_of(lines: Sequence[str]) -> str:
    """The first lines in words, and how many more there are: ``train.py:4 and 9: f draws ...``."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        place, _, what = line.partition(": ")
        file, _, number = place.rpartition(":")
        numbers.setdefault((file, what), []).append(number)
    return _first([f"{file}:{_first(n)}: {what}" for (file, what), n in numbers.items()])


def _first(items: Sequence[str]) -> str:
    more = len(items) - _MOST_LINES
    return listed([*items[:_MOST_LINES], *([f"{more} more"] if more > 0 else [])])


def with_redrawn_data(
    findings: Sequence[Finding], path: Path, sides: tuple[Side, Side]
) -> tuple[Finding, ...]:
    """Findings of two fits of one run: data that a line draws anew for each of them were not asked
    to differ, unless they are folds or go to members of an ensemble."""
    content = next((f for f in findings if f.source == data_content.ID), None)
    source = _source(path)
    if content is None or source is None or content.mechanism not in ("", "other-subset"):
        return tuple(findings)
    apart = _lines_apart(source, path, sides)
    drawn = [
        (call, what)
        for call, what in draws_anew(source)
        if _for_each(source, call, path, sides) or _by_lines_apart(source, call, apart)
    ]
    if not drawn or ensemble_or_folds(source.script.text, *sides):
        return tuple(findings)
    said = [f"{path.name}:{call.lineno}: {what}" for call, what in drawn]
    own = all("(made in" in what for _, what in drawn)
    redrawn = drawn_in_turn(content, few_of(said), own)
    return tuple(redrawn if f is content else f for f in findings)


def _lines_apart(source: Source, path: Path, sides: tuple[Side, Side]) -> list[set[int]]:
    """The lines of the script that decide the data of one of two fits and not the other's."""
    ways = []
    for side in sides:
        here = [f for f in side.fit.stack if os.path.realpath(f.file) == os.path.realpath(path)]
        way = here and deciding(
            {path.name: source.script.text}, path.name, here[-1].line, chained=False
        )
        ways.append(set(way.lines.get(path.name, ())) if way else set())
    return [ways[0] - ways[1], ways[1] - ways[0]]


def _by_lines_apart(source: Source, call: ast.Call, apart: Sequence[set[int]]) -> bool:
    """Whether a line draws in a function that each of two fits has called by a line of its own, or
    for one fit by a line that the other's has a like of."""
    if any(call.lineno in lines for lines in apart):
        text = ast.unparse(call)
        return all(
            any(c.lineno in lines and ast.unparse(c) == text for c in source.calls)
            for lines in apart
        )
    reaching, before = {getattr(source.scope(call), "name", "")} - {""}, -1
    while before != len(reaching):
        before = len(reaching)
        reaching |= {
            name
            for name, function in source.functions.items()
            if any(_last(source, c) in reaching for c in calls_in(function))
        }
    return all(
        any(c.lineno in lines and _last(source, c) in reaching for c in source.calls)
        for lines in apart
    )


def _last(source: Source, call: ast.Call) -> str:
    return source.called(call).rpartition(".")[2]


def _for_each(source: Source, call: ast.Call, path: Path, sides: tuple[Side, Side]) -> bool:
    """Whether a line runs once for each of two fits: in the loop that makes both, or in a function
    that is called for each, itself or through a function that is called there."""
    script = os.path.realpath(path)
    stacks = [[f for f in side.fit.stack if os.path.realpath(f.file) == script] for side in sides]
    lines = [[f.line for f in stack] for stack in stacks]
    common = next(
        (n for n, (x, y) in enumerate(zip(*lines, strict=False)) if x != y), min(map(len, lines))
    )
    around: set[ast.AST] = set()
    for frame in stacks[0][common + 1 :]:
        around |= {n for n in source.nodes if getattr(n, "name", None) == frame.function}
    for frame in stacks[0][:common]:
        statement = statement_at(source.script, frame.line)
        around |= {*source.script.loops(statement)} if statement is not None else set()
    function = getattr(source.scope(call), "name", None)  # None at the top of the script
    through = [c for c in source.calls if function and source.called(c) == function]
    return any(around & {*source.script.ancestors(c)} for c in (call, *through))


def _draws(path: Path, side: Side) -> list[str]:
    """``train.py:24: permutation draws from NumPy's global generator, which nothing had seeded``"""
    path = path.resolve()
    files = {path: _source(path)}
    files |= {module: _source(module) for module, _ in modules_of(path, path.parent)}
    known = {file: source for file, source in files.items() if source is not None}
    if path not in known:
        return []
    seeded = _first_seeded(side, {str(file) for file in known})
    texts = {
        file: Text(s.script, s.names, "" if file == path else file.stem)
        for file, s in known.items()
    }
    made = {
        (os.path.realpath(d.stack[-1].file), d.stack[-1].line)
        for d in side.execution.ledger
        if d.owner.endswith(".default_rng") and d.stack
    }
    found: list[str] = []
    for file, source in known.items():
        text = texts[file]
        reached = partial(lines_to, [*texts.values()], text)
        hits = unseeded_draws(source, seeded, reached, helper=file != path)
        lines = [(hit.line, hit.what) for hit in hits]
        if file == path:
            lines += racing_draws(source.script, source.names)
            for hit in random_maps(source):
                drawing = hit.what.partition(" in a parallel map")[0]
                lines.append((hit.line, f"{drawing} in a parallel map, whose threads {RACE}"))
            for _, line, what in completion_orders(source.script, source.names):
                function = what.partition("(")[0]
                what = f"{function} gives results in the order in which they are done"
                lines.append((line, what))
        kept = [
            (line, what)
            for line, what in lines
            if _before(side, file, line)
            # where the run was seen to make generators, a line that made none never ran
            and not (made and what.startswith("default_rng()") and (str(file), line) not in made)
        ]
        found += [f"{_at(file, line)}: {what}" for line, what in kept]
    return [*found, *_made_in_helpers(side, {str(file): file for file in known if file != path})]


def _made_in_helpers(side: Side, files: Mapping[str, Path]) -> list[str]:
    """Generators without a seed that other files of the program were seen to make."""
    made = [
        (os.path.realpath(d.stack[-1].file), d.stack[-1].line, d.owner.rpartition(".")[2])
        for d in seeds.generators_of(side)
        if d.seed is None and d.stack
    ]
    return [
        f"{files[file].name}:{line}: {function}() has no seed"
        for file, line, function in made
        if file in files
    ]


def _source(path: Path) -> Source | None:
    try:
        return Source(program_text(path))
    except (OSError, SyntaxError, ValueError):
        return None


def _first_seeded(side: Side, files: set[str]) -> Mapping[str, tuple[int, ...]]:
    """The modules whose generator the run seeded, with the lines of the program that led there."""
    before = seeds.ledger_at(side)
    found = {}
    for name, module in _MODULES.items():
        seeding = seeds.first_seeding(side, before, name)
        if seeding is not None:
            found[module] = tuple(
                f.line for f in seeding.stack if os.path.realpath(f.file) in files
            )
    return found


def _before(side: Side, file: Path, line: int) -> bool:
    """Whether a line stands above the fit, where both are in one file."""
    called = side.fit.stack[0] if side.fit.stack else None
    return called is None or line <= called.line or file.name != Path(called.file).name
