"""A page as one HTML file: nothing is fetched, nothing in a name is read as markup or script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from whydiff import __version__
from whydiff.core.visible import plain
from whydiff.report.document import (
    Block,
    Brief,
    Chart,
    Code,
    Document,
    Facts,
    Fold,
    Gallery,
    Section,
    Table,
    Text,
)
from whydiff.report.terminal import clean

#: scripts of a page that draws, in the order in which they need each other
RUNTIME = ("vega/vega.min.js", "vega/vega-lite.min.js", "vega/vega-interpreter.js", "page.js")
#: a number and its sign stay on one line
_PERCENT = re.compile(r"(?<=\d) %")
#: as messages write commands and names of Python
_QUOTED = re.compile(r"`([^`\n]+)`")
#: where a path of many letters may be broken
_INSIDE_PATH = re.compile(r"(?<=\w)([/_])(?=\w)")
#: tables with more rows scroll in a window of their own
TALL = 16
#: head of the column that says whether A and B differ
DIFFERS = '<th scope="col" class="sign">≠</th>'


def html(page: Document, picture: Callable[[Chart], str] | None = None) -> str:
    """The whole document.

    With ``picture``, which gives the SVG of a chart or "", nothing in the page runs or draws.
    """
    writer = _Writer(picture)
    sections = "".join(writer.section(section) for section in page.sections)
    style = _asset("page.css")
    scripts = [_asset(name) for name in RUNTIME] if writer.specs else []
    allowed = " ".join(map(_hash, scripts)) or "'none'"
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="generator" content="whydiff {__version__}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(f'whydiff: {page.title}')}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="{page.tone}">\n<a class="skip" href="#content">Skip to the evidence</a>\n'
        f'{_header(page)}<main id="content" tabindex="-1">\n{sections}</main>\n'
        f"<footer><p>Made by whydiff {__version__}. This file is complete: it opens offline and "
        "loads nothing.</p></footer>\n"
        + "".join(writer.specs)
        + "".join(f"<script>{script}</script>\n" for script in scripts)
        + "</body>\n</html>\n"
    )


def text(value: str) -> str:
    """A text of whatever origin, to be seen and never to be read as markup."""
    return escape(_PERCENT.sub("\u00a0%", clean(value)), quote=True)


def prose(value: str) -> str:
    """A text in which words between backquotes are shown as code."""
    return _QUOTED.sub(r"<code>\1</code>", text(value))


def _narrow(value: str) -> str:
    """A text for a small box: a path may go on in the next line behind a slash or underscore."""
    return _INSIDE_PATH.sub(r"\1<wbr>", text(value))


def _header(page: Document) -> str:
    sides = "".join(
        f'<li><span class="badge {name.lower()}">{text(name)}</span>{text(what)}</li>'
        for name, what in page.sides
    )
    shown = page.tiles or page.facts
    tiles = "".join(f"<div><dt>{text(k)}</dt><dd>{_narrow(v)}</dd></div>" for k, v in shown)
    links = "".join(f'<li><a href="#{s.id}">{text(s.title)}</a></li>' for s in page.sections)
    return (
        f'<header>\n<p class="question">{text(page.question)}</p>\n'
        f'<h1 id="verdict">{text(page.verdict)}</h1>\n'
        + (f'<ul class="sides">{sides}</ul>\n' if sides else "")
        + (f'<dl class="tiles">{tiles}</dl>\n' if tiles else "")
        + f'<nav aria-label="On this page"><ul>{links}</ul></nav>\n</header>\n'
    )


class _Writer:
    """Writes blocks; counts what needs an id and collects the specs of charts."""

    def __init__(self, picture: Callable[[Chart], str] | None = None) -> None:
        self._picture = picture
        self.charts = 0
        self.specs: list[str] = []

    def section(self, section: Section) -> str:
        lead = f'<p class="lead">{text(section.lead)}</p>' if section.lead else ""
        return (
            f'<section id="{section.id}" aria-labelledby="{section.id}-title">\n'
            f'<h2 id="{section.id}-title">{text(section.title)}</h2>\n{lead}'
            + "".join(self.block(block) for block in section.blocks)
            + "</section>\n"
        )

    def block(self, block: Block) -> str:
        if isinstance(block, Text):
            return f'<p class="{block.style}">{prose(block.text)}</p>\n'
        if isinstance(block, Facts):
            rows = "".join(f"<dt>{text(k)}</dt><dd>{prose(v)}</dd>" for k, v in block.rows)
            return f'<dl class="facts">{rows}</dl>\n'
        if isinstance(block, Table):
            return _table(block)
        if isinstance(block, Code):
            return _code(block)
        if isinstance(block, Gallery):
            return _gallery(block)
        if isinstance(block, Fold):
            inside = "".join(self.block(part) for part in block.blocks)
            return f"<details><summary>{text(block.summary)}</summary>\n{inside}</details>\n"
        if isinstance(block, Brief):
            return "".join(self.block(part) for part in block.full)
        return self._chart(block)

    def _chart(self, chart: Chart) -> str:
        self.charts += 1
        number = self.charts
        if self._picture is None:
            spec = _json(chart.spec())
            self.specs.append(
                f'<script type="application/json" id="spec-{number}">{spec}</script>\n'
            )
            drawn = (
                f'<div class="chart" role="img" aria-label="{text(chart.alt)}" '
                f'data-spec="spec-{number}"></div>\n'
            )
        elif svg := self._picture(chart):
            drawn = f'<div class="picture" role="img" aria-label="{text(chart.alt)}">{svg}</div>\n'
        else:
            drawn = f"<p>{text(chart.alt)}</p>\n"
        caption = f"<figcaption>{text(chart.caption)}</figcaption>" if chart.caption else ""
        return (
            f'<figure aria-labelledby="chart-{number}-title">'
            f'<h3 id="chart-{number}-title">{text(chart.title)}</h3>\n'
            f"{drawn}{caption}"
            "<details><summary>The numbers as a table</summary>\n"
            f"{_table(chart.table)}</details></figure>\n"
        )


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col"{_right(name, table)}>{text(name)}</th>' for name in table.columns
    )
    marks = bool(table.marked)
    head = DIFFERS + head if marks else head
    rows = "".join(
        _row(row, table, index in table.marked if marks else None)
        for index, row in enumerate(table.rows)
    )
    caption = f"<caption>{text(table.title)}</caption>" if table.title else ""
    tall = " tall" if len(table.rows) > TALL else ""
    label = text(table.title or f"Table: {', '.join(table.columns)}")
    return (
        f'<div class="scroll{tall}" tabindex="0" role="group" aria-label="{label}">'
        f"<table>{caption}<thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>\n"
        + (f'<p class="note">{text(table.legend)}</p>\n' if table.legend else "")
    )


def _row(row: tuple[str, ...], table: Table, marked: bool | None) -> str:
    sign = ""
    if marked is not None:
        sign = '<td class="sign">≠</td>' if marked else '<td class="sign">=</td>'
    cells = "".join(
        f'<th scope="row"{_right(name, table)}>{text(cell)}</th>'
        if number == 0
        else f"<td{_right(name, table)}>{prose(cell)}</td>"
        for number, (name, cell) in enumerate(zip(table.columns, row, strict=True))
    )
    return ('<tr class="marked">' if marked else "<tr>") + f"{sign}{cells}</tr>"


def _right(name: str, table: Table) -> str:
    return ' class="number"' if name in table.numbers else ""


def _code(block: Code) -> str:
    label = {"diff": "Patch", "shell": "Commands"}.get(block.language, "Code")
    lines = clean(block.text).rstrip("\n").split("\n")
    inside = "".join(_line(line, block.language) for line in lines)
    return f'<pre tabindex="0" role="group" aria-label="{label}"><code>{inside}</code></pre>\n'


def _line(line: str, language: str) -> str:
    kind = ""
    if language == "diff" and not line.startswith(("+++", "---")):
        kind = {"+": ' class="added"', "-": ' class="removed"'}.get(line[:1], "")
    return f"<span{kind}>{escape(line) or ' '}\n</span>"


def _gallery(gallery: Gallery) -> str:
    items = "".join(
        f'<li><img alt="{text(p.alt)}" src="data:image/png;base64,'
        f'{base64.b64encode(p.png).decode()}"><span>{text(p.caption)}</span></li>'
        for p in gallery.pictures
    )
    head = f"<h3>{text(gallery.title)}</h3>\n" if gallery.title else ""
    return f'{head}<ul class="gallery">{items}</ul>\n'


def _json(value: Mapping[str, Any]) -> str:
    """JSON inside a script element: no character in it can end the element, and what is not a
    finite number is null."""
    told = json.dumps(plain(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _asset(name: str) -> str:
    return files("whydiff.report").joinpath("assets", *name.split("/")).read_text("utf-8").strip()


@cache
def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"
