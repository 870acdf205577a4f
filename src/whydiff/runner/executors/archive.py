"""What a worker needs of this machine: the script, what lies beside it, variables and versions."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from whydiff import __version__
from whydiff.core.errors import WhydiffError
from whydiff.core.machine import THREAD_VARIABLES, thread_variables
from whydiff.runner.executors.commands import PYTHON

#: Bytes of the script's folder that are sent to every worker.
LIMIT = 64 << 20
#: Folders and files beside a script that no training reads.
_LEFT_OUT = frozenset(("__pycache__", "node_modules", "venv", "mlruns", "wandb"))
_LEFT_OUT_ENDINGS = (".whydiff", ".pyc", ".whydiff.parts")
#: Variables that decide what is trained, and not where.
_FORWARDED = ("KERAS_", "XLA_", "TF_", "JAX_", "ONEDNN_", "DNNL_", "TORCH_", "PYTHONHASHSEED")
#: Packages whose versions must be those of this machine, where a worker has them.
_PINNED = ("keras", "numpy", "jax", "jaxlib", "tensorflow", "tensorflow-cpu", "torch")


@dataclass(frozen=True)
class Archive:
    """Files by path, and the script's own path among them."""

    files: Mapping[str, bytes]
    script: str


def archived(script: Path, ship: Sequence[Path] = (), limit: int = LIMIT) -> Archive:
    """The script with its folder, and with the files and folders of ``ship``.

    Paths are those seen from the current folder where the script lies in it, else from the
    script's own. With ``ship`` only the folder's Python files go along, and what is named.
    Raises WhydiffError where it is more than ``limit`` bytes, or a path lies elsewhere.
    """
    script = script.resolve()
    here = Path.cwd().resolve()
    root = here if here in script.parents else script.parent
    chosen: dict[str, Path] = {}
    for path in _below(script.parent):
        if not ship or path.suffix == ".py":
            chosen[path.relative_to(root).as_posix()] = path
    for named in ship:
        place = named.resolve()
        if root not in place.parents:
            raise WhydiffError(
                f"--ship {named} lies outside of {root}",
                "Give the script its absolute path on a folder that all workers see.",
            )
        if not place.exists():
            raise WhydiffError(f"--ship {named}: there is no such file or folder")
        for path in _below(place) if place.is_dir() else [place]:
            chosen[path.relative_to(root).as_posix()] = path
    size = sum(path.stat().st_size for path in chosen.values())
    if size > limit:
        raise WhydiffError(
            f"what lies beside {script.name} is too large to be sent to every worker: "
            f"{size >> 20} MiB, the limit is {limit >> 20} MiB",
            "Name what it needs with --ship, and give it large data by an absolute path on a "
            "folder that all workers see.",
        )
    files = {name: path.read_bytes() for name, path in chosen.items()}
    files[script.relative_to(root).as_posix()] = script.read_bytes()
    return Archive(files, script.relative_to(root).as_posix())


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        name = path.name
        if name.startswith(".") or name in _LEFT_OUT or name.endswith(_LEFT_OUT_ENDINGS):
            continue
        if path.is_dir() and not path.is_symlink() and not (path / "pyvenv.cfg").exists():
            yield from _below(path)
        elif path.is_file():
            yield path


def worker_environment(threads: int) -> dict[str, str]:
    """The variables of a command on a worker: those here that decide results, and threads.

    Thread variables are those that are set here; where none is, all are ``threads``.
    """
    forwarded = {k: v for k, v in os.environ.items() if k.startswith(_FORWARDED)}
    return forwarded | (thread_variables() or dict.fromkeys(THREAD_VARIABLES, str(threads)))


def pins() -> str:
    """The versions of this machine, as :func:`check_pins` takes them."""
    found = {"whydiff": __version__, "python": _python()}
    for name in _PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(found)


def check_pins() -> None:
    """On a worker: take the pins out of the command line; end where a version is another one."""
    wanted: dict[str, str] = json.loads(sys.argv.pop(1))
    here: dict[str, str] = json.loads(pins())
    other = [
        f"{name} {here[name]}, not {version}"
        for name, version in wanted.items()
        if here.get(name, version) != version
    ]
    if other:
        sys.exit(f"whydiff: this worker has {', '.join(other)}; install the same versions there")


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def python_words(program: str, words: Sequence[str] = ()) -> tuple[str, ...]:
    """The command that runs ``program`` on a worker, by the worker's own Python.

    Before it, the worker's versions are compared with those of this machine.
    """
    first = "from whydiff.runner.executors.archive import check_pins; check_pins()"
    return (PYTHON, "-c", f"{first}\n{program}", pins(), *words)


def whydiff_words(words: Sequence[str]) -> tuple[str, ...]:
    """The command that runs ``whydiff WORDS`` on a worker."""
    return python_words("from whydiff.cli import main; main(prog_name='whydiff')", words)
