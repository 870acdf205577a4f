"""What an answer says, as one document: plain data that every renderer walks.

The terminal shows the sections of depth SCREEN, with ``--verbose`` those of depth VERBOSE too; a
page shows all of them, Markdown folds what is deeper than SCREEN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A paragraph. ``style`` is "verdict", "warning", "note" (less important) or ""."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values, one per line; long values are wrapped beside the name."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows under column heads. Columns named in ``numbers`` are set flush right.

    ``marked`` holds the indices of rows in which A and B differ; ``legend`` is a line below the
    table that says what its measures mean.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    numbers: frozenset[str] = frozenset()
    marked: frozenset[int] = frozenset()
    legend: str = ""


@dataclass(frozen=True)
class Code:
    """Text that keeps its line breaks. ``language`` is "diff", "python", "shell" or ""."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture of numbers, for pages. ``spec`` makes Vega-Lite, which may name the page's colours;
    only what draws calls it.

    ``alt`` says in words what is to be seen, for those who cannot see it; ``table`` holds the
    numbers themselves. A terminal shows ``sketch``, and where there is none the table.
    """

    title: str
    spec: Callable[[], Mapping[str, Any]]
    alt: str
    table: Table
    caption: str = ""
    sketch: Code | Table | None = None


@dataclass(frozen=True)
class Picture:
    """One image as PNG, with what is written below it and what it is for those who cannot see."""

    png: bytes
    caption: str
    alt: str


@dataclass(frozen=True)
class Gallery:
    """Images beside each other, for pages."""

    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that opens them; a terminal shows them with ``--verbose``."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Brief:
    """Blocks that a first screen has room for, in place of the full ones; either may be none."""

    brief: tuple[Block, ...]
    full: tuple[Block, ...]


Block = Text | Facts | Table | Code | Chart | Gallery | Fold | Brief


#: what a verdict amounts to: colours and signs of the page follow it
SAME, DIFFERENT, OPEN = "same", "different", "open"

#: how deep a section lies: the first screen, ``--verbose``, pages only
SCREEN, VERBOSE, PAGE = 0, 1, 2

#: how to see more than the first screen of a terminal
MORE = (
    "More: --html FILE makes a page to look at, --verbose shows all evidence, --json FILE all "
    "numbers."
)


@dataclass(frozen=True)
class Section:
    """A heading with blocks. ``lead`` is the sentence to read if only one is read.

    Where ``announced``, the terminal prints title and lead as well, in one line.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    depth: int = PAGE
    announced: bool = False


@dataclass(frozen=True)
class Place:
    """A line of a file that an answer names: ``level`` is "error", "warning" or "notice".

    ``line`` and ``column`` count from 1; 0 means the file, or the line, as a whole.
    """

    level: str
    file: str
    line: int
    title: str
    message: str
    column: int = 0


@dataclass(frozen=True)
class Document:
    """Everything that one answer says; sections without content are left out.

    ``sides`` names what is compared, ("A", "fit 1 of train.py"), at most two; ``facts`` are the
    few numbers below the verdict. A page asks ``question`` above the verdict, and has room for
    ``tiles`` beside it: the facts where they are short enough to be looked at. ``places`` are
    the lines of files that the answer is about, for editors and reviews. The ``title`` of a page
    is the verdict where nothing else is named.
    """

    question: str
    verdict: str
    tone: str
    sections: tuple[Section, ...]
    sides: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tiles: tuple[tuple[str, str], ...] = ()
    places: tuple[Place, ...] = ()
    more: str = ""  # how to see more than the first screen of a terminal
    title: str = ""

    def __post_init__(self) -> None:
        kept = tuple(s for s in self.sections if s.blocks or s.lead)
        object.__setattr__(self, "sections", kept)
        object.__setattr__(self, "title", self.title or self.verdict)


def notes(id: str, title: str, texts: Iterable[str]) -> Section:
    """A section of sentences that are less important than the others."""
    return Section(id, title, tuple(Text(text, "note") for text in texts), depth=SCREEN)


def every_block(document: Document) -> Iterator[Block]:
    """Every block of a document, those inside folds and the full ones of briefs too."""
    for section in document.sections:
        yield from _walk(section.blocks)


def _walk(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from _walk(block.blocks)
        elif isinstance(block, Brief):
            yield from _walk(block.full)
