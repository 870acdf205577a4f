"""``check``: read scripts, execute nothing, list what will make their results differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from whydiff.core.disk import read_bytes
from whydiff.core.errors import WhydiffError
from whydiff.core.problem import Problem
from whydiff.lint import RULES, Rule, check_notebook, check_text
from whydiff.script_text.reading import MOST_BYTES, read_script, too_deep


def check(
    scripts: str | Path | Iterable[str | Path], rules: Collection[Rule] = RULES
) -> list[Problem]:
    """Problems of the scripts' texts, by file and line; a folder stands for all ``*.py`` in it.

    A notebook (``*.ipynb``) that is named is read cell by cell. Nothing is executed. ``rules`` come
    from :func:`whydiff.lint.selected`. Raises WhydiffError
    for a file that is missing or no Python.
    """
    named = [scripts] if isinstance(scripts, str | Path) else list(scripts)
    return [p for file in files(named) for p in check_file(file, rules)]


def check_file(file: Path, rules: Collection[Rule] = RULES) -> list[Problem]:
    """Problems of one script or notebook; see :func:`check`."""
    if file.suffix == ".ipynb":
        try:
            return check_notebook(read_bytes(file, MOST_BYTES).decode(), str(file), rules)
        except (ValueError, SyntaxError, RecursionError) as error:
            raise WhydiffError(
                f"{file} cannot be read as a notebook: {error}", "Name scripts and notebooks only."
            ) from None
        except OSError as error:
            raise WhydiffError(f"cannot read {file}: {error.strerror}", "Check its rights.") from (
                None
            )
    text = read_script(file)
    try:
        return check_text(text, str(file), rules)
    except (RecursionError, MemoryError):
        raise too_deep(file) from None


def files(named: Iterable[str | Path]) -> list[Path]:
    """Every script named, folders replaced by the scripts in them."""
    found: list[Path] = []
    for path in map(Path, named):
        if path.is_dir():
            found += sorted(path.rglob("*.py"))
        elif path.exists():
            found.append(path)
        else:
            raise WhydiffError(f"there is no script {path}", f"Looked in {Path.cwd()}.")
    return found
