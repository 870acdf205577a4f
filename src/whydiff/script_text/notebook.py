"""A Jupyter notebook's code as one Python text, with the cell that every line came from."""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass

_MAGIC = re.compile(r"(\s*)(?:[%!]|\?|[\w.]+\?{1,2}\s*$)")
_SHELL = re.compile(r"(\s*[\w, ]+=\s*)[!%]")
#: cell magics whose cell still is Python
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class NotebookCode:
    """``text`` is Python; line n of it is line ``places[n - 1][1]`` of cell ``places[n - 1][0]``.

    Cells are counted from 1 over all cells, as a notebook shows them.
    """

    text: str
    places: tuple[tuple[int, int], ...]


def notebook_code(content: str) -> NotebookCode:
    """The code cells of a notebook, in their order. Raises ValueError if it is none.

    Lines for IPython (``%``, ``!``) are left out, and so are cells that are no Python.
    """
    try:
        notebook = json.loads(content)
        cells = notebook["cells"]
        codes = [
            (number, _source(cell["source"]))
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError("no notebook of format 4 or newer") from error
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    for number, source in codes:
        for line, text in enumerate(_python(source), 1):
            lines.append(text)
            places.append((number, line))
    return NotebookCode("".join(f"{line}\n" for line in lines), tuple(places))


def _source(source: object) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    raise TypeError


def _python(source: str) -> list[str]:
    """The lines of a cell, as many as it has; empty ones where it is not Python."""
    lines = source.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_CELLS):
        return [""] * len(lines)
    kept = [_line(line) for line in lines]
    for attempt in (lines, kept):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse("\n".join(attempt))
            return attempt
        except (SyntaxError, ValueError):
            continue
    return [""] * len(lines)


def _line(line: str) -> str:
    """A line for IPython as Python that does nothing."""
    assigned = _SHELL.match(line)
    if assigned:
        return f"{assigned[1]}None"
    magic = _MAGIC.match(line)
    return f"{magic[1]}pass" if magic else line
