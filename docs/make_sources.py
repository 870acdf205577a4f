"""Writes docs/sources/: one page per source of difference, from the catalogue's own data.

make_sources.py            write
make_sources.py --check    exit with 1 if a page is missing, left over or not up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from whydiff.core.dividing import KFOLD
from whydiff.core.replicas import ASKED_FOR, FACTORS, RANDOM_SOURCES
from whydiff.diagnosis.mechanisms import CALL_MECHANISMS, MECHANISMS, Mechanism
from whydiff.diagnosis.sources import CATALOGUE, Source
from whydiff.lint import RULES, Rule
from whydiff.testing.sides import a_side
from whydiff.testing.source_suite import PLANTED

FOLDER = Path(__file__).parent / "sources"
WRITTEN = "<!-- Written by docs/make_sources.py from the catalogue: change it there. -->"
NOT_SEEN = "Not from a recording. It is told here so that you can look for it yourself."


def pages() -> dict[str, str]:
    """Every page of the folder by its file name."""
    pages = {f"{s.id}.md": _page(s) for s in CATALOGUE}
    return {"index.md": _index(), "calls.md": _calls(), **pages}


def _calls() -> str:
    lines = [
        WRITTEN,
        "# Uses of a model that measure",
        "",
        "`whydiff explain` also compares two uses of a model that ought to agree: `evaluate`,",
        "`predict`, the model called, a model that was only built, a score computed from",
        "predictions. Their sources are those of trainings, and `weights`: the values that a call",
        "used. These are the known ways in which such a use comes to differ.",
    ]
    for mechanism in CALL_MECHANISMS.values():
        of = ", ".join(f"`{id}`" for id in mechanism.sources)
        lines += ["", f'<a id="{mechanism.id}"></a>']
        lines += ["", f"## `{mechanism.id}`: {mechanism.title}", "", mechanism.says]
        lines += ["", f"**Source.** {of}"]
        lines += ["", f"**Recognised.** {mechanism.seen}", "", f"**Remedy.** {mechanism.remedy}"]
    return "\n".join([*lines, ""])


def _index() -> str:
    lines = [
        WRITTEN,
        "# Sources of difference",
        "",
        "Everything in which two trainings can differ belongs to one of these sources. A report "
        "names its causes, and what it rules out, by the ids in the first column.",
        "",
        "| id | what it is | drawn anew | what you see when it is the cause |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| [`{s.id}`]({s.id}.md) | {s.title} | {'yes' if s.random else ''} | {s.looks_like} |"
        for s in CATALOGUE
    ]
    lines += [
        "",
        "*Drawn anew*: two runs of one script may differ in it although nothing was changed.",
        "",
        "Behind a source there is a mechanism, the known way in which it comes to differ. The "
        "pages list those that `whydiff` recognises and those that it cannot, with what helps.",
        "[Uses of a model that measure](calls.md) have mechanisms of their own.",
    ]
    return "\n".join([*lines, ""])


def _page(source: Source) -> str:
    return "\n".join([*_top(source), *_middle(source), *_mechanisms(source), ""])


def _top(source: Source) -> Iterator[str]:
    one, two = a_side(), PLANTED[source.id](a_side())
    yield from (WRITTEN, f"# `{source.id}`: {source.title}", "", source.says)
    yield from ("", "## How it looks", "", source.looks_like, "")
    yield "In a report it is one of these two lines. (Both are made by the comparison itself, from"
    yield "two small simulated recordings.)"
    yield from ("", "```text", f"differs    {source.compare(one, two).detail}")
    yield from (f"ruled out  {source.compare(one, a_side()).evidence}", "```")
    yield from ("", "## What helps in general", "", source.fix)


def _middle(source: Source) -> Iterator[str]:
    yield from ("", "## Can it be transferred?", "")
    yield from (source.carried, "")
    yield "`whydiff explain` confirms causes by training hybrids: this source from one training,"
    yield from ("the rest from the other.", "", "## Can it be varied?", "")
    if source.random:
        yield "Two runs of a script may differ in it although nothing was changed."
    else:
        yield "It does not change by itself: where it differs, something around the training did."
    factors = [name for name, of in FACTORS.items() if of == source.id]
    if source.id in RANDOM_SOURCES:
        ways = [f"={way}" for way in ASKED_FOR.get(source.id, ())] or [""]
        words = [f"{source.id}{'=kfold=5' if way == f'={KFOLD}' else way}" for way in ways]
        yield f"`whydiff study train.py --vary {words[0]}` draws it anew, many times."
        if words[1:]:
            yield f"Other ways: {', '.join(f'`{word}`' for word in words[1:])}."
    if factors:
        options = " and ".join(f"`--set {name}=...`" for name in factors)
        yield f"`whydiff compare` sets it to another value with {options},"
        yield "`whydiff study` with `--vary` and the same words."
    if source.id not in RANDOM_SOURCES and not factors:
        yield "`study` and `compare` do not set it by name."


def _mechanisms(source: Source) -> Iterator[str]:
    mine = [m for m in MECHANISMS.values() if source.id in m.sources]
    yield from ("", "## Mechanisms", "")
    if not mine:
        yield "None is known beyond a script that asks for it: the report shows both values."
    else:
        yield "The known ways in which it comes to differ. Where one is recognised, a report gives"
        yield "its remedy instead of the general one."
    for mechanism in mine:
        yield from _mechanism(mechanism, source)


def _mechanism(mechanism: Mechanism, source: Source) -> Iterator[str]:
    # The anchor is the id alone, so that whatever names a mechanism can link to it.
    yield from ("", f'<a id="{mechanism.id}"></a>')
    yield from ("", f"### `{mechanism.id}`: {mechanism.title}", "", mechanism.says)
    yield from ("", f"**Recognised.** {mechanism.seen or NOT_SEEN}")
    yield from ("", f"**Remedy.** {mechanism.remedy}")
    rules = [_link(rule) for rule in RULES if rule.mechanism == mechanism.id]
    if rules:
        yield from ("", f"**Found before any run** by `whydiff check`: {', '.join(rules)}.")
    others = [f"[`{id}`]({id}.md)" for id in mechanism.sources if id != source.id]
    if others:
        yield from ("", f"Also behind {', '.join(others)}.")


def _link(rule: Rule) -> str:
    heading = f"{rule.id} {rule.name}: {rule.title}".lower()
    anchor = re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading))
    return f"[{rule.id} `{rule.name}`](../check.md#{anchor})"


def main() -> None:
    wanted = pages()
    found = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    if "--check" in sys.argv[1:]:
        sys.exit(wanted != found)
    FOLDER.mkdir(exist_ok=True)
    for name in found.keys() - wanted.keys():
        (FOLDER / name).unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
