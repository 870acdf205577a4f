"""A document as Markdown for pull requests and step summaries: short, and names are text.

The verdict, what it rests on, and the first table stay in sight; everything else is folded away in
`<details>`. What does not fit into the limit is left out, and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from whydiff.report.document import (
    DIFFERENT,
    OPEN,
    SAME,
    SCREEN,
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

#: how a file of ours begins; a comment on a pull request is found again by it
MARK = "<!-- whydiff -->"
#: characters of a comment on GitHub; GitLab and step summaries admit more
COMMENT = 65_536
#: bytes of all step summaries of one step on GitHub
SUMMARY = 1 << 20
#: rows of a table, characters of a cell and of a paragraph, before the rest is only counted
ROWS, CELL, PARAGRAPH = 40, 400, 2_000
#: rows of a chart's table that are no less clear than the chart
SHORT = 12
_SIGNS = {SAME: "=", DIFFERENT: "≠", OPEN: "?"}

#: what Markdown or GitHub would read as markup, a link, a mention, a reference or a formula
_MARKUP = re.compile(
    r"""(?P<entity>[&<>])
    |(?P<punctuation>[\\`*_\[\]|~])
    |(?P<formula>\$)
    |(?P<reference>[@\#](?=\w)|\b(?:GH|gh)-(?=\d)|!(?=\d))
    |(?P<link>:(?=//)|\bwww\.)
    |(?P<emoji>:(?=[\w+-]+:))
    |(?P<start>^(?:[-+=](?=[\s=+-]|$)|\#|\d+(?=[.)](?:\s|$))))""",
    re.VERBOSE,
)
#: what our own messages put between backticks
_CODE = re.compile(r"(?<!`)`([^`\s](?:[^`]*[^`\s])?)`(?!`)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: an invisible character that takes apart what GitHub would link
_APART = "&#8203;"


def markdown(document: Document, limit: int = COMMENT) -> str:
    """The document in at most ``limit`` characters and bytes' worth of plain letters."""
    parts = list(_parts(document))
    kept, size, left_out = [], 0, []
    for title, part in parts:
        length = max(len(part), len(part.encode("utf-8", "replace"))) + 1
        if size + length > limit - _ROOM:
            left_out.append(title)
            continue
        kept.append(part)
        size += length
    if left_out:
        named = ", ".join(left_out[:8]) + (", ..." if len(left_out) > 8 else "")
        kept.append(
            f"_Left out for its size: {text(named, 600)}. The page has it: `--html FILE`._\n"
        )
    return "\n".join(kept)


#: characters kept free for what says what was left out
_ROOM = 1_500


def text(value: str, most: int = PARAGRAPH) -> str:
    """Text of whatever origin on one line, to be seen and never to be read as markup.

    What our own messages put between backticks is code.
    """
    line = " ".join(clean(value).split())
    if len(line) > most:
        line = line[:most].rstrip() + " ..."
    pieces = _CODE.split(line)  # what is between backticks has the odd places
    return "".join(
        f"<code>{_escaped(piece)}</code>" if number % 2 else _escaped(piece)
        for number, piece in enumerate(pieces)
    )


def _escaped(line: str) -> str:
    return _MARKUP.sub(_harmless, line)


def _harmless(found: re.Match[str]) -> str:
    kind, what = found.lastgroup, found[0]
    if kind == "entity":
        return _ENTITIES[what]
    if kind == "formula":
        return "<span>$</span>"
    if kind in ("reference", "emoji"):
        return what + _APART
    if kind == "link":
        return what.replace(":", "&#58;").replace(".", "&#46;")
    if kind == "start" and what.isdigit():
        return f"{what}{_APART}"
    return f"\\{what}"


def _parts(document: Document) -> Iterator[tuple[str, str]]:
    """Name and text of every part, the most important first."""
    sign = _SIGNS.get(document.tone, "?")
    yield "the verdict", f"{MARK}\n### {sign} {text(document.verdict)}\n"
    if document.question:
        yield "the question", f"{text(document.question)}\n"
    facts = document.facts or document.tiles
    if facts:
        yield "the facts", _blocks((Facts(facts),))
    first = True
    for section in document.sections:
        if section.depth == SCREEN and (first or section.announced or _only_text(section)):
            first = first and not any(isinstance(b, Table | Chart) for b in section.blocks)
            yield section.title, _open(section)
        else:
            folded = _folded(section.title, section.lead, section.blocks)
            if folded:
                yield section.title, folded
    yield "the version", "<sub>Made by whydiff.</sub>\n"


def _only_text(section: Section) -> bool:
    return all(isinstance(block, Text) for block in section.blocks)


def _open(section: Section) -> str:
    lead = f"\n\n{text(section.lead)}" if section.lead else ""
    inside = _blocks(section.blocks)
    if not section.announced and _only_text(section):
        return inside
    return f"#### {text(section.title)}{lead}\n\n{inside}"


def _folded(title: str, lead: str, blocks: Iterable[Block]) -> str:
    inside = _blocks(blocks)
    if not inside and not lead:
        return ""
    head = f"{text(lead)}\n\n" if lead else ""
    # the blank lines let Markdown read what is inside
    return f"<details><summary>{text(title)}</summary>\n\n{head}{inside}\n</details>\n"


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n".join(part for part in map(_block, blocks) if part)


def _block(block: Block) -> str:
    if isinstance(block, Text):
        strong = block.style in ("verdict", "warning")
        return f"**{text(block.text)}**\n" if strong else f"{text(block.text)}\n"
    if isinstance(block, Facts):
        return "".join(f"- **{text(k)}**: {text(v)}\n" for k, v in block.rows)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return _code(block)
    if isinstance(block, Brief):
        return _blocks(block.brief)
    if isinstance(block, Fold):
        return _folded(block.summary, "", block.blocks)
    if isinstance(block, Gallery):  # neither GitHub nor GitLab shows pictures that are not files
        return ""
    return _chart(block)


def _chart(chart: Chart) -> str:
    """What the chart shows: as its table where that is short, else in words."""
    table = chart.table
    if len(table.rows) > SHORT:
        return f"**{text(chart.title)}**\n\n{text(chart.alt)}\n"
    title, legend = table.title or chart.title, table.legend or chart.caption
    return _table(replace(table, title=title, legend=legend))


def _table(table: Table) -> str:
    if not table.columns:
        return ""
    lines = [f"**{text(table.title)}**\n"] if table.title else []
    marks = bool(table.marked)
    heads = [*(["≠"] if marks else []), *(text(c, CELL) or " " for c in table.columns)]
    ends = [*([":-:"] if marks else []), *("--:" if c in table.numbers else ":--"
                                           for c in table.columns)]  # fmt: skip
    lines += [_row(heads), _row(ends)]
    for index, row in enumerate(table.rows[:ROWS]):
        sign = ["≠" if index in table.marked else "="] if marks else []
        lines.append(_row([*sign, *(text(cell, CELL) for cell in row)]))
    if len(table.rows) > ROWS:
        lines.append(f"\n{len(table.rows) - ROWS} more of {len(table.rows)} rows are on the page.")
    if table.legend:
        lines.append(f"\n<sub>{text(table.legend)}</sub>")
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(block: Code) -> str:
    inside = clean(block.text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`+", inside)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{block.language}\n{inside}\n{fence}\n"
