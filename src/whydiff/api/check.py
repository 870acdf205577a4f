"""``check``: read scripts, execute nothing, list what will make their results differ."""

from __future__ import annotations

import tokenize
from collections.abc import Collection, Iterable
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.problem import Problem
from whydiff.lint import RULES, Rule, check_notebook, check_text


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
            return check_notebook(file.read_text(encoding="utf-8"), str(file), rules)
        except (ValueError, SyntaxError, RecursionError) as error:
            raise WhydiffError(
                f"{file} cannot be read as a notebook: {error}", "Name scripts and notebooks only."
            ) from None
        except OSError as error:
            raise WhydiffError(f"cannot read {file}: {error.strerror}", "Check its rights.") from (
                None
            )
    return check_text(_text(file), str(file), rules)


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


def _text(path: Path) -> str:
    import ast
    import warnings

    try:
        with tokenize.open(path) as file:
            text = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, str(path))
        return text
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise WhydiffError(
            f"{path} is not Python: {error.msg}{where}", "Name Python scripts only."
        ) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise WhydiffError(f"{path} is not Python: {error}", "Name Python scripts only.") from None
    except RecursionError:
        raise WhydiffError(f"{path} is nested too deeply", "Name Python scripts only.") from None
    except OSError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", "Check its rights.") from None
