"""Where the modules that a text imports may lie."""

from pathlib import Path

from whydiff.script_text.imports import candidates

ROOT, FILE = Path("/home/me/project"), Path("/home/me/project/pkg/train.py")


def found(text):
    return [str(p.relative_to(ROOT)) for p in candidates(text, FILE, [ROOT])]


def test_modules_and_the_packages_above_them():
    assert "prepare.py" in found("import prepare as p")
    assert {"data/__init__.py", "data/load.py"} <= set(found("def f():\n    import data.load"))
    assert {"data.py", "data/load.py"} <= set(found("from data import load"))


def test_relative_imports_count_from_the_file():
    assert {"pkg/data.py", "pkg/data/load.py"} <= set(found("from .data import load"))
    assert "settings.py" in found("from .. import settings")
    assert found("from ...... import nowhere") == []


def test_what_is_no_python_imports_nothing():
    assert found("def (") == []
