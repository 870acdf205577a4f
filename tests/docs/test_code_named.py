"""Files and functions of whydiff that the documentation names are where it says."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(written)

ROOT = written.ROOT
#: Written for people who work on whydiff. Decisions say what was decided then.
PAGES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "internals.md",
    ROOT / "docs" / "how_explain_works.md",
]


@pytest.mark.parametrize("page", PAGES, ids=written.name)
def test_files_that_are_named_exist(page):
    named = set(re.findall(r"(?<![\w./])((?:[\w-]+/)+[\w-]+\.\w+)", page.read_text()))
    assert named
    for name in named:
        places = (ROOT / name, ROOT / "src" / "whydiff" / name)
        assert any(place.exists() for place in places), f"{page.name}: no {name}"


@pytest.mark.parametrize("page", written.PAGES, ids=written.name)
def test_what_its_python_imports_from_whydiff_is_defined_there(page):
    for code in written.blocks(page, "python"):
        if "from whydiff." not in code:
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("whydiff."):
                for name in node.names:
                    assert defined(ROOT / "src" / node.module.replace(".", "/"), name.name)


def defined(module, name):
    """Whether a module defines, imports or is a package with that name; nothing is imported."""
    if (module / name).is_dir() or (module / f"{name}.py").exists():
        return True
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    text = file.read_text() if file.exists() else ""
    return bool(re.search(rf"^(?:class|def) {name}\b|^from .* import .*\b{name}\b", text, re.M))
