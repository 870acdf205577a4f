"""What a page consists of: one verdict, the facts beside it, sections of blocks. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from whydiff.report.blocks import Block

#: what a verdict amounts to: colours and signs of the page follow it
SAME, DIFFERENT, OPEN = "same", "different", "open"


@dataclass(frozen=True)
class Section:
    """A heading with blocks. ``lead`` is the sentence to read if only one is read."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """Everything that one page says.

    ``sides`` names what is compared, ("A", "fit 1 of train.py"), at most two; ``facts`` are the
    few numbers of the first screen.
    """

    title: str
    question: str
    verdict: str
    tone: str
    sides: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
