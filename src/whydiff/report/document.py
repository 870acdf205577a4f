"""What an answer says, as one document: plain data that every renderer walks.

The terminal shows the sections of depth SCREEN, with ``--verbose`` those of depth VERBOSE too; a
page shows all of them, Markdown folds what is deeper than SCREEN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from whydiff.report.blocks import Block, Brief, Fold

#: what a verdict amounts to: colours and signs of the page follow it
SAME, DIFFERENT, OPEN = "same", "different", "open"

#: how deep a section lies: the first screen, ``--verbose``, pages only
SCREEN, VERBOSE, PAGE = 0, 1, 2


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
    """Everything that one answer says.

    ``sides`` names what is compared, ("A", "fit 1 of train.py"), at most two; ``facts`` are the
    few numbers below the verdict. A page asks ``question`` above the verdict, and has room for
    ``tiles`` beside it: the facts where they are short enough to be looked at. ``places`` are
    the lines of files that the answer is about, for editors and reviews.
    """

    title: str
    question: str
    verdict: str
    tone: str
    sides: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    tiles: tuple[tuple[str, str], ...] = ()
    places: tuple[Place, ...] = ()
    more: str = ""  # how to see more than the first screen of a terminal


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
