"""Where in the user's code something was done."""

from __future__ import annotations

import functools
import re
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_OURS = str(Path(__file__).resolve().parent.parent)
#: Where libraries lie: this interpreter's own places, ourselves, code that is in no file.
_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    _OURS,
    "<",
)
#: how IPython calls the code of a cell where it is in no file, also below %%time
_CELLS = ("<ipython-input-", "<timed ")
#: functions of IPython that run a cell: whoever called them, a script that started IPython or the
#: cell with the magic above it, is nothing of that cell
_RUN_CELLS = ("run_code", "run_cell_magic")
#: said of a module that a script of another revision took from the files of today
FROM_ELSEWHERE = "of today, not that of the revision"
#: Folders of installed packages in whichever environment, layered ones and a user's own too.
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Frame:
    """One line of the user's code on a call stack (outermost first in a stack)."""

    file: str
    line: int
    function: str
    text: str = ""
    cell: str = ""  # whose code it is, where IPython gave the file its name

    @property
    def name(self) -> str:
        """What people call the file: ``train.py``, or ``cell [3]``."""
        return self.cell or re.split(r"[/\\]", self.file)[-1]

    @property
    def in_cell(self) -> str:
        """``cell [3]``, ``cell 3`` of a notebook that was run as a script, or ""."""
        run = re.search(r"\((cell \d+)\)$", self.file)
        return self.cell or (run[1] if run else "")

    @property
    def path(self) -> str:
        """The file as it was opened, or ``cell [3]``: what IPython calls it says nothing."""
        return self.cell or self.file


#: Hooks of callbacks in which the weights are in their variables, on JAX, too.
_HOOKS = frozenset({"on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"})
#: Hooks that ``evaluate`` and ``predict`` call when they are done.
OF_CALLS = frozenset({"on_test_end", "on_predict_end"})
#: Hooks between two steps: JAX has the weights elsewhere then, until a callback asks for its model.
_BETWEEN_STEPS = frozenset({"on_train_batch_begin", "on_train_batch_end"})


def hook_of(frame: FrameType | None, between_steps: bool = True) -> str:
    """The hook of a callback that runs, in which a model can be measured as it is; "" in none.

    ``between_steps``: hooks between two steps of a training count as well.
    """
    hooks = _HOOKS | OF_CALLS | (_BETWEEN_STEPS if between_steps else frozenset())
    while frame is not None:
        if frame.f_code.co_name in hooks:
            return frame.f_code.co_name
        frame = frame.f_back
    return ""


def cell_of(file: str) -> str:
    """``cell [3]`` for the name of a file that IPython gave to the code of a cell, else "".

    The number is that of the prompt; of a cell that was run again, the last one.
    """
    if file.startswith("<timed "):  # below %%time, whichever cell that was
        return "timed cell"
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    said = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found = said(file) if said is not None else None
    number = re.search(r"\[\d+\]", found[1]) if found else None
    return f"cell {number[0]}" if number else ""


def runs_cell(file: str, function: str) -> bool:
    """Whether a frame is IPython's that runs a cell: frames outside of it are not the cell's."""
    return function in _RUN_CELLS and "IPython" in file


def in_library(file: str) -> bool:
    """Whether a file holds code of a library, of Python's or of ours: nothing the user wrote."""
    return not file.startswith(_CELLS) and _in_library(file, tuple(sys.path))


@functools.lru_cache(maxsize=8192)
def _in_library(file: str, path: tuple[str, ...]) -> bool:
    where = Path(file)
    if file.startswith(_LIBRARIES) or not {*where.parts}.isdisjoint(_INSTALLED):
        return True
    return any(place == where or place in where.parents for place in _filled_by_pip(path))


@functools.lru_cache(maxsize=64)
def _filled_by_pip(path: tuple[str, ...]) -> frozenset[Path]:
    """What ``pip install --target`` put into folders on the path of imports.

    A script may lie in such a folder, beside the packages that it needs.
    """
    found = set()
    for entry in path:
        if not entry or entry.startswith(_LIBRARIES) or Path(entry).name in _INSTALLED:
            continue  # all there is a library's, and there is much
        try:
            for record in Path(entry).glob("*.dist-info/RECORD"):
                lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
                names = {line.partition(",")[0].partition("/")[0] for line in lines}
                found |= {Path(entry) / name for name in names - {"", "..", "."}}
        except OSError:
            continue
    return frozenset(found)
