"""What a terminal shows of a document, as blocks that are nothing but text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from whydiff.report.blocks import Block, Brief, Chart, Code, Facts, Fold, Table, Text
from whydiff.report.document import SCREEN, VERBOSE, Document, Section


def screen_blocks(document: Document, verbose: bool = False) -> Iterator[Block]:
    """The verdict, the facts, the sections of the first screen; ``verbose`` adds deeper ones.

    A chart becomes its sketch, or else its table with the caption as legend; a picture has no
    place here.
    """
    yield Text(document.verdict, "verdict")
    if document.facts:
        yield Facts(document.facts)
    for section in document.sections:
        if section.depth <= (VERBOSE if verbose else SCREEN):
            yield from _heading(section)
            yield from _flat(section.blocks, verbose)
    if document.more and not verbose:
        yield Text(document.more, "note")


def _heading(section: Section) -> Iterator[Block]:
    if section.announced:
        yield Text(f"{section.title}: {section.lead}" if section.lead else section.title)
    elif section.depth == VERBOSE:
        yield Text(section.title)


def _flat(blocks: Iterable[Block], verbose: bool) -> Iterator[Text | Facts | Table | Code]:
    for block in blocks:
        if isinstance(block, Brief):
            yield from _flat(block.full if verbose else block.brief, verbose)
        elif isinstance(block, Fold):
            if verbose:
                yield from _flat(block.blocks, verbose)
        elif isinstance(block, Chart) and block.sketch is not None:
            yield block.sketch
        elif isinstance(block, Chart):
            legend = block.table.legend or block.caption
            yield replace(block.table, title=block.table.title or block.title, legend=legend)
        elif isinstance(block, Text | Facts | Table | Code):
            yield block
