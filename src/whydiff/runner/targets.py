"""What a person may name as the thing to run: a script, ``-m package.module``, a command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.runner.revisions import Checkout

MODULE = "-m "
PYTEST = "pytest"
#: How pytest runs one test: in this process, from the text that Python would import.
_PYTEST = ("--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")


def as_module(name: str) -> str:
    """``-m project.train`` as a person writes it, of a package without ``__main__``; "" of none."""
    return f"{MODULE}{name.removesuffix('.__main__')}" if name else ""


def as_asked(arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments without those that are ours."""
    ours = len(arguments) - len(_PYTEST)
    return tuple(arguments[:ours] if tuple(arguments[ours:]) == _PYTEST else arguments)


@dataclass(frozen=True)
class Target:
    """A script's file, and how it is started if not by its path.

    ``module`` is run as ``python -m`` runs it. With ``function`` the module is imported and that
    function called, as a command that pip installed does; ``command`` is what that is called.
    ``arguments`` come before those of the person: the test that pytest is to run.
    """

    script: Path
    module: str = ""
    function: str = ""
    command: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As a person writes it: ``train.py``, ``-m project.train``, ``train-model``, a test."""
        if self.arguments:
            return self.arguments[0]
        return self.command or as_module(self.module) or str(self.script)


def check_path(target: Target, way_out: str) -> None:
    """Raise WhydiffError where workers, who run files of scripts, are to run anything else."""
    if target.text != str(target.script):
        raise WhydiffError(f"workers run scripts, and {target.text} is none", way_out)


def target_of(named: str | Path, checkout: Checkout | None = None) -> Target:
    """What ``named`` stands for, in a revision if one was checked out.

    WhydiffError where there is nothing of that name.
    """
    text = str(named)
    if checkout is not None:
        return _in_revision(text, checkout)
    if text.startswith(MODULE):
        return _module(text.removeprefix(MODULE))
    file, colons, _ = text.partition("::")
    if colons and Path(file).is_file():
        return Target(Path(file), "pytest", "console_main", PYTEST, (text, *_PYTEST))
    if Path(text).exists() or os.sep in text or text.endswith(".py"):
        if not Path(text).is_file():
            raise WhydiffError(f"there is no script {text}", f"Looked in {Path.cwd()}.")
        return Target(Path(text))
    return _command(text)


def near(named: str) -> Path:
    """Where to look for the repository that holds a target."""
    by_path = not named.startswith(MODULE) and (os.sep in named or Path(named).suffix)
    return Path(named).absolute().parent if by_path else Path.cwd()


def _in_revision(text: str, checkout: Checkout) -> Target:
    if not text.startswith(MODULE) and (os.sep in text or Path(text).suffix):
        return Target(checkout.script(Path(text)))
    places = [p for p in checkout.environment().get("PYTHONPATH", "").split(os.pathsep) if p]
    path = (str(checkout.working_folder()), *places)
    found = _module(text.removeprefix(MODULE), path) if text.startswith(MODULE) else None
    found = found or _command(text, path)
    if not found.script.absolute().is_relative_to(checkout.folder):
        raise WhydiffError(
            f"{text} is not part of {checkout.revision} of {checkout.root}: it would run "
            f"{found.script}",
            "Name the script by its path.",
        )
    return found


def _module(name: str, before: Sequence[str] = ()) -> Target:
    name = name.strip()
    file = module_file(name, before)
    if file is None:
        package = module_file(f"{name}.__main__", before)
        if package is None:
            raise WhydiffError(
                f"there is no module {name}",
                f"Looked in {Path.cwd()}, on PYTHONPATH and among the installed packages.",
            )
        return Target(package, f"{name}.__main__")
    return Target(file, name)


def _command(name: str, before: Sequence[str] = ()) -> Target:
    for entry in metadata.entry_points(group="console_scripts", name=name):
        module, _, function = entry.value.partition(":")
        file = module_file(module.strip(), before)
        if file is not None and function:
            return Target(file, module.strip(), function.partition("[")[0].strip(), name)
    on_path = shutil.which(name)
    elsewhere = of_another_python(Path(on_path)) if on_path else ""
    raise WhydiffError(
        f"there is no script {name}",
        f"Looked in {Path.cwd()} and among the installed commands."
        + f" {on_path} is there. {elsewhere}" * bool(elsewhere),
    )


def command_of(module: str, file: Path) -> str:
    """What helps where a module was run that only holds the function of an installed command; ""
    where it is that of none."""
    for entry in metadata.entry_points(group="console_scripts"):
        holds, _, function = entry.value.partition(":")
        holds = holds.strip()
        if not function or holds.rpartition(".")[2] not in (file.stem, file.parent.name):
            continue
        named = module_file(holds) if holds != module else file
        if named is not None and named.resolve() == file.resolve():
            return (
                f"{file} holds {function.partition('[')[0].strip()}(), which the installed command "
                f"{entry.name} calls: `whydiff explain {entry.name}`."
            )
    return ""


def of_another_python(command: Path) -> str:
    """What helps with a command whose first line names a Python other than ours; "" for others."""
    try:
        with command.open("rb") as file:
            line = os.fsdecode(file.readline(_LONGEST_LINE)).strip()
    except OSError:
        return ""
    words = line.removeprefix("#!").split() if line.startswith("#!") else []
    python = Path(words[0]) if words and Path(words[0]).name.startswith("python") else None
    if python is None or not python.is_file() or python.parent == Path(sys.executable).parent:
        return ""
    name = shlex.quote(str(python))
    return (
        f"It belongs to another Python: give its path with --a-python {name} --b-python {name} "
        f"(where a verb runs one script, --python {name}), or install whydiff there."
    )


def module_file(name: str, before: Sequence[str] = ()) -> Path | None:
    """The file of a module, found as Python finds it from the current folder, importing nothing.

    The folders ``before`` are searched first.

    None where there is no such module, or it is a package or in machine code.
    """
    path: list[str] | None = [*before, str(Path.cwd()), *sys.path]
    spec = None
    for depth in range(1, name.count(".") + 2):
        if path is None:
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None:
            return None
        locations = spec.submodule_search_locations
        path = list(locations) if locations is not None else None
    if spec is None or path is not None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin)
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


#: bytes of the line that names a command's Python
_LONGEST_LINE = 1024
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_PACKAGE = "ImportError: attempted relative import with no known parent package"


def module_elsewhere(output: str, script: Path, ours: bool = True) -> str:
    """What helps a script that imports a module of its own project from where Python does not look.

    "" where its last ``output`` does not say that. ``ours``: it ran with our Python.
    """
    lines = [line.strip() for line in output.splitlines()]
    folder = script.absolute().parent
    if _NO_PACKAGE in lines and (folder / "__init__.py").exists():
        module = script.stem
        while (folder / "__init__.py").exists():
            module, folder = f"{folder.name}.{module}", folder.parent
        return (
            f"It is a module of a package: `explain`, `lock` and `verify` run it with -m {module} "
            f"in place of the script. {_found_in(folder)}"
        )
    missing = next(filter(None, map(_NO_MODULE.fullmatch, reversed(lines))), None)
    if missing is None:
        return ""
    if ours and (other := of_another_python(script)):
        return other
    name, here = missing[1].partition(".")[0], Path.cwd()
    inside = [place for place in folder.parents if here in place.parents]
    for place in (*inside, here, here / "src"):
        if (place / name).is_dir() or (place / f"{name}.py").is_file():
            where = os.path.relpath(place)
            return f"{name} lies in {where}, where Python does not look. {_found_in(place)}"
    return ""


def _found_in(folder: Path) -> str:
    place = shlex.quote(os.path.relpath(folder))
    return f"Set PYTHONPATH={place}, or install the project: pip install -e ."
