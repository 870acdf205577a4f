"""The code cells of a Jupyter notebook, as text that Python can run."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, replace

#: Cell magics whose cell is still Python, and the one that does no more to a single line.
_AROUND_PYTHON = ("time", "timeit", "capture", "prun", "whydiff")
_TIMED = re.compile(r"(\s*)%time\s+([^\s-].*)$")
_MARK = re.compile(r"# %% \[cell (\d+)\]$")
_MAGIC = re.compile(r"(?P<indent>\s*)(?P<target>[\w., ]+=\s*)?(?P<words>[%!].*)$")
_HELP = re.compile(r"(?P<indent>\s*)(\?.*|[^#]*\S\?)$")
#: In the place of a line for IPython stands one that does nothing, with what IPython is to do.
_FOR_IPYTHON = "  # ipython: "
_PLACE = re.compile(rf"(?P<indent>\s*)(?P<target>.*)(pass|None){_FOR_IPYTHON}(?P<words>.*)$")
#: What changes the environment that scripts run in, outlives them, repeats as often as the clock
#: says, or watches them besides us.
_NEVER_RUN = re.compile(
    r"%*!*\s*(sudo\s+)?(\S*python\S*\s+-m\s+)?(pip3?|uv|conda|mamba|micromamba|apt|apt-get|brew)\b"
    r"|%+(tensorboard|timeit|whydiff)\b|%(re)?load_ext\s+(tensorboard|whydiff)\b"
)


@dataclass(frozen=True)
class Cell:
    """A code cell. ``number`` counts all code cells from 1.

    ``text`` is Python: a line that only IPython understands does nothing in it, and says in a
    comment what IPython is to do, see :func:`for_ipython`. ``original`` is the cell
    as it stands in the notebook, line for line.
    """

    number: int
    text: str
    original: str = ""

    def file(self, notebook: str) -> str:
        """What a line of the cell is said to be in: ``train.ipynb (cell 3)``."""
        return f"{notebook} (cell {self.number})"


def cells(notebook: str) -> list[Cell]:
    """Code cells in their order.

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
    lines = text.split("\n")
    place = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[place].startswith("%%"):
        if lines[place][2:].split(" ")[0] not in _AROUND_PYTHON:
            body = [f"# {line}" for line in lines[place + 1 :]]
            return Cell(number, "\n".join([f"pass{_FOR_IPYTHON}{lines[place]}", *body]))
        lines[place] = "pass"
        text = "\n".join(lines)
    if _parses(text):
        return Cell(number, text)
    done: list[str] = []
    rest = iter(lines)
    for line in rest:
        done += _statement(_as_python(line), rest)
    return Cell(number, "\n".join(done))


def _as_python(line: str) -> str:
    """A line that begins a statement, as Python."""
    timed = _TIMED.match(line)
    if timed:
        return timed[1] + timed[2]
    magic = _MAGIC.match(line)
    if magic:
        nothing = f"{magic['target']}None" if magic["target"] else "pass"
        return f"{magic['indent']}{nothing}{_FOR_IPYTHON}{magic['words']}"
    asks = None if _parses(line.strip()) else _HELP.match(line)
    return f"{asks['indent']}pass{_FOR_IPYTHON}{line.strip()}" if asks else line


def _statement(first: str, rest: Iterator[str]) -> list[str]:
    """The lines of a statement: ``first``, and as many of ``rest`` as it or a string goes on in."""
    lines = [first]

    def read() -> Iterator[str]:
        yield f"{first}\n"
        for line in rest:
            lines.append(line)
            yield f"{line}\n"

    depth = 0
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(read().__next__):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            elif token.type in (tokenize.NEWLINE, tokenize.NL) and depth <= 0:
                break
    return lines


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def for_ipython(text: str) -> str:
    """The text of a cell with calls of IPython in the places of the lines that it is to do.

    >>> for_ipython(_cell(1, "files = !ls").text)
    "files = get_ipython().getoutput('ls')"
    """
    lines = text.split("\n")
    first = _PLACE.match(lines[0])
    if first and first["words"].startswith("%%") and not _NEVER_RUN.match(first["words"]):
        name, _, words = first["words"][2:].partition(" ")
        body = "\n".join(line.removeprefix("# ") for line in lines[1:])
        return f"get_ipython().run_cell_magic({name!r}, {words!r}, {body + chr(10)!r})"
    return "\n".join(map(_called, lines))


def _called(line: str) -> str:
    place = _PLACE.match(line)
    if place is None or _NEVER_RUN.match(place["words"]):
        return line
    kind, words = place["words"][:1], place["words"][1:].lstrip("!").strip()
    if kind == "%":
        name, _, words = words.partition(" ")
        call = f"run_line_magic({name!r}, {words.strip()!r})"
    elif kind == "!":
        call = f"{'getoutput' if place['target'] else 'system'}({words!r})"
    else:
        return line
    return f"{place['indent']}{place['target']}get_ipython().{call}"


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


def left_out(found: list[Cell], with_ipython: bool) -> Iterator[str]:
    """What does nothing, a line each: ``cell 2: !pip install keras``."""
    for cell in found:
        done = for_ipython(cell.text).split("\n") if with_ipython else cell.text.split("\n")
        for line in done:
            place = _PLACE.match(line)
            if place:
                yield f"cell {cell.number}: {place['words']}"
