"""The code cells of a Jupyter notebook, as text that Python can run."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

#: Cell magics whose cell is still Python.
_AROUND_PYTHON = ("time", "timeit", "capture", "prun", "whydiff")
_MARK = re.compile(r"# %% \[cell (\d+)\]$")
_MAGIC = re.compile(r"^(\s*)([%!].*|\?.*|.*\S\?)$")


@dataclass(frozen=True)
class Cell:
    """A code cell. ``number`` counts all code cells from 1; ``left_out`` are lines for IPython.

    ``original`` is the cell as it stands in the notebook, line for line.
    """

    number: int
    text: str
    left_out: tuple[str, ...] = ()
    original: str = ""

    def file(self, notebook: str) -> str:
        """What a line of the cell is said to be in: ``train.ipynb (cell 3)``."""
        return f"{notebook} (cell {self.number})"


def cells(notebook: str) -> list[Cell]:
    """Code cells in their order. Lines that only IPython understands are left out.

    Raises ValueError for text that is no notebook.
    """
    try:
        document = json.loads(notebook)
        found = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"]) for cell in found]
    except (TypeError, KeyError) as error:
        raise ValueError(f"no cells of a notebook: {error!r}") from None
    return [replace(_cell(number, text), original=text) for number, text in enumerate(texts, 1)]


def _cell(number: int, text: str) -> Cell:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        if first[2:].split(" ")[0] not in _AROUND_PYTHON:
            return Cell(number, "", (first,))
        place = lines.index(first)
        lines[place] = "pass"
        text = "\n".join(lines)
    if _parses(text):
        return Cell(number, text, (first,) if first.startswith("%%") else ())
    kept, left_out = [], []
    for line in lines:
        magic = _MAGIC.match(line)
        if magic:
            left_out.append(line.strip())
            kept.append(f"{magic[1]}pass")
        else:
            kept.append(line)
    return Cell(number, "\n".join(kept), tuple(left_out))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def as_script(found: list[Cell]) -> str:
    """All cells as one text, each under a line that names it.

    >>> as_script([Cell(1, "x = 1"), Cell(2, "print(x)")])
    '# %% [cell 1]\\nx = 1\\n# %% [cell 2]\\nprint(x)\\n'
    """
    return "".join(f"# %% [cell {cell.number}]\n{cell.text}\n" for cell in found)


def from_script(text: str) -> list[Cell]:
    """The cells of a text that :func:`as_script` made."""
    parts: list[tuple[int, list[str]]] = []
    for line in text.split("\n")[:-1]:
        mark = _MARK.match(line)
        if mark:
            parts.append((int(mark[1]), []))
        else:
            parts[-1][1].append(line)
    return [Cell(number, "\n".join(lines)) for number, lines in parts]


def lines_above(found: list[Cell]) -> dict[int, int]:
    """For each cell by number how many lines of the text of :func:`as_script` are above its own."""
    above, places = 0, {}
    for cell in found:
        places[cell.number] = above + 1
        above += 1 + len(cell.text.split("\n"))
    return places


def left_out(found: list[Cell]) -> Iterator[str]:
    """What was left out, a line each: ``cell 2: %matplotlib inline``."""
    for cell in found:
        for line in cell.left_out:
            yield f"cell {cell.number}: {line}"
