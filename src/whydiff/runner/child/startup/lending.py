"""Lets a Python in which whydiff is not installed import it, with nothing put on its path.

Loaded by its file (see ``whydiff.runner.client`` and ``sitecustomize`` beside this), before
anything of whydiff can be imported, so it imports nothing but ``sys``.
"""

import sys

MYPY = False
if MYPY:  # for those who check types: `typing` is not imported
    from typing import Any


class Lending:
    """Finds the packages of one folder each, named ``{package: folder}``, and no other module."""

    def __init__(self, folders: "dict[str, str]") -> None:
        self._folders = folders

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """The spec of a package that is lent."""
        folder = self._folders.get(name)
        if folder is None:
            return None
        file = folder + "/__init__.py"
        kind: Any = type(sys.__spec__)
        loader: Any = type(globals()["__loader__"])  # that of this file: of Python source
        spec = kind(name, loader(name, file), origin=file, is_package=True)
        spec.submodule_search_locations.append(folder)
        spec.has_location = True
        return spec


def lend(folders: "dict[str, str]") -> None:
    """Let these packages be found: whydiff before any other of that name, the others if missing."""
    ours = {name: folder for name, folder in folders.items() if name == "whydiff"}
    others = {name: folder for name, folder in folders.items() if name not in ours}
    sys.meta_path.insert(0, Lending(ours))
    sys.meta_path.append(Lending(others))
