"""The text of a script that somebody names: an ordinary file of bounded size, and Python."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from pathlib import Path

from whydiff.core.disk import read_bytes
from whydiff.core.errors import WhydiffError

#: No script that a person wrote comes near this.
MOST_BYTES = 16 << 20
_WAY_OUT = "Name a Python script in plain text, UTF-8 if in doubt."


def read_script(path: Path) -> str:
    """The text of a script that Python can read. ``WhydiffError`` says what is wrong with any
    other file: missing, a pipe, too large, no Python, nested so deeply that Python gives up."""
    try:
        data = read_bytes(path, MOST_BYTES)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, str(path))
        return text
    except SyntaxError as error:
        where = f", line {error.lineno}: {(error.text or '').strip()}" if error.lineno else ""
        raise WhydiffError(
            f"{path} is not Python: {error.msg}{where}",
            "Python 3.11 or later must be able to read it.",
        ) from None
    except (RecursionError, MemoryError):
        raise too_deep(path) from None
    except ValueError as error:
        raise WhydiffError(f"{path} is not Python: {error}", _WAY_OUT) from None
    except OSError as error:
        raise WhydiffError(
            f"cannot read {path}: {error.strerror}", "Check the permissions of the file."
        ) from None


def too_deep(path: Path) -> WhydiffError:
    """The error for a script whose expressions are nested too deeply to be read."""
    return WhydiffError(
        f"{path} is nested too deeply to be read", "Split its longest expression into several."
    )
