"""Settings that a script draws for each of its trials, as a random search does."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.drawn import SETTINGS
from whydiff.experiments.explain.draws import few_of, lines_that_draw
from whydiff.experiments.explain.texts import modules_of, text_of
from whydiff.lint.script import Source
from whydiff.lint.seeds import draws_anew
from whydiff.script_text.dataflow import deciding


def settings_drawn(path: Path, sides: tuple[Side, Side], findings: Sequence[Finding]) -> list[str]:
    """Lines that draw without a seed in which two fits of one run differ: trials of a search."""
    if not any(f.status == DIFFERS and f.source in SETTINGS for f in findings):
        return []
    unseeded = lines_that_draw((path, path), sides)
    ways = _decide_settings(path, sides[1]) if unseeded else set()
    return [line for line in unseeded if _place(line) in ways]


def with_trials(
    findings: Sequence[Finding], path: Path, sides: tuple[Side, Side]
) -> tuple[Finding, ...]:
    """Findings of two fits of one run with the lines that draw their settings, each run alike."""
    drawn = [f for f in findings if f.status == DIFFERS and f.source in SETTINGS]
    if not drawn or settings_drawn(path, sides, findings):
        return tuple(findings)
    ways = _decide_settings(path, sides[1])
    if not ways:
        return tuple(findings)
    source = Source(text_of(path))
    lines = [
        f"{path.name}:{call.lineno}: {what}"
        for call, what in draws_anew(source)
        if (path.name, call.lineno) in ways
    ]
    if not lines:
        return tuple(findings)
    said = f"{few_of(lines)}, from a seed: every run tries the same values"
    return tuple(
        replace(f, detail=f"{f.detail or f.evidence}; {said}") if f in drawn else f
        for f in findings
    )


def _place(line: str) -> tuple[str, int]:
    file, _, number = line.partition(": ")[0].rpartition(":")
    return file, int(number)


def _decide_settings(path: Path, side: Side) -> Collection[tuple[str, int]]:
    """Lines, by the names of their files, that decide a fit and not the data that it is fed."""
    try:
        texts = {path.name: text_of(path)}
        texts |= {module.name: text for module, text in modules_of(path, path.parent)}
        own = {os.path.realpath(path): path.name}
        own |= {os.path.realpath(m): m.name for m, _ in modules_of(path, path.parent)}
        frames = [f for f in reversed(side.fit.stack) if os.path.realpath(f.file) in own]
        if not frames:
            return set()
        place = own[os.path.realpath(frames[0].file)], frames[0].line
        fed, whole = (deciding(texts, *place, whole=one, chained=False) for one in (False, True))
    except (OSError, SyntaxError, ValueError):
        return set()
    if fed is None or whole is None:
        return set()
    lines = {(file, line) for file, found in whole.lines.items() for line in found}
    return {one for one in lines if one not in fed}
