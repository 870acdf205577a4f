"""Tries whydiff beside other versions of Keras and its backends: `make versions`.

    python docs/make_versions.py [NAME | NAME:BACKEND ...]

Each set of versions is an environment of its own, made by uv and kept in ``.venv-versions/``. In
it a few scripts are explained: every cause must be the one that was planted, confirmed, with
nothing left unexplained. Prints a table; the rows of sets in which all went well are written into
``docs/versions.md``. Exits with 1 where something went wrong.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-versions"
PAGE = ROOT / "docs/versions.md"
HEADER = (
    "| set | Keras | backend | NumPy | Python | scripts explained |",
    "|---|---|---|---|---|---|",
)
BEGIN, END = "<!-- made by `make versions` -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Set:
    """Versions that are installed together."""

    name: str
    python: str
    packages: tuple[str, ...]
    backends: tuple[str, ...]
    lowest: bool = False  # everything else in the oldest version that pyproject.toml admits
    torch: str = ""  # by pip, which finds builds for the CPU where uv does not look
    for_python: bool = False  # tries that Python: left out where there is none


@dataclass(frozen=True)
class Script:
    """A script with what its two fits differ in."""

    path: str
    causes: frozenset[str]
    maybe: frozenset[str] = frozenset()
    uses_tensorflow: bool = False  # whatever computes


SETS = (
    Set(
        "oldest",
        "3.10",
        ("keras==3.3.3", "jax==0.4.26", "jaxlib==0.4.26", "tensorflow-cpu==2.16.1"),
        ("jax", "tensorflow"),
        lowest=True,
    ),
    Set("oldest-torch", "3.11", ("keras==3.3.3",), ("torch",), lowest=True, torch="2.13.0"),
    Set(
        "keras-3.8",
        "3.11",
        ("keras==3.8.0", "jax==0.5.0", "jaxlib==0.5.0", "tensorflow-cpu==2.18.0"),
        ("jax", "tensorflow", "torch"),
        torch="2.13.0",
    ),
    Set(
        "keras-3.13",
        "3.12",
        ("keras==3.13.0", "jax==0.8.0", "jaxlib==0.8.0", "tensorflow-cpu==2.20.0"),
        ("jax", "tensorflow"),
    ),
    # pip finds a build of torch for the CPU for Python 3.11
    Set("keras-3.13-torch", "3.11", ("keras==3.13.0",), ("torch",), torch="2.13.0"),
    Set("newest", "3.13", ("keras", "jax", "tensorflow-cpu"), ("jax", "tensorflow")),
    Set("newest-torch", "3.11", ("keras",), ("torch",), torch="2.13.0"),
    # of the backends only JAX has released wheels for it that need no GPU
    Set("python-3.14", "3.14", ("keras", "jax"), ("jax",), for_python=True),
)

SCRIPTS = (
    Script(
        "examples/shuffling.py",
        frozenset({"initialization", "data-order"}),
        uses_tensorflow=True,
    ),
    # TensorFlow numbers its operations: the second fit shuffles otherwise.
    Script("tests/versions/arrays.py", frozenset({"optimizer"}), frozenset({"data-order"})),
    Script("tests/versions/pipeline.py", frozenset({"data-order"}), uses_tensorflow=True),
    Script("tests/versions/attention.py", frozenset({"initialization"})),
)


def lowest_versions() -> list[str]:
    """Every requirement of the package itself, ``name>=version`` made ``name==version``.

    Where it is needed under some versions of Python only, it goes on to say so.
    """
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("\ndependencies") : text.index("[project.optional-dependencies]")]
    found = re.findall(r'"([\w-]+)>=([\d.]+)(;[^"]*)?"', block)
    return [f"{name}=={version}{marker}" for name, version, marker in found]


def python_of(wanted: str) -> str | None:
    """An interpreter of that version, as uv or pyenv know it."""
    found = subprocess.run(
        [uv(), "python", "find", "--no-python-downloads", "--system", wanted],
        capture_output=True,
        text=True,
    )
    if found.returncode == 0:
        return found.stdout.strip()
    by_pyenv = sorted((Path.home() / ".pyenv/versions").glob(f"{wanted}.*/bin/python"))
    return str(by_pyenv[-1]) if by_pyenv else None


def uv() -> str:
    """uv, installed once beside the environments."""
    own = ENVIRONMENTS / "uv/bin/uv"
    if not own.exists():
        subprocess.run([sys.executable, "-m", "venv", own.parent.parent], check=True)
        pip = [own.with_name("python"), "-m", "pip", "-qq", "install", "uv"]
        subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    return str(own)


def environment(one: Set) -> Path | None:
    """The Python of a set's environment, which is made where its packages are not installed.

    Made of the Python at hand where that of the set is not here; None where the set is about it.
    """
    folder = ENVIRONMENTS / one.name
    wanted = [*one.packages, *(lowest_versions() if one.lowest else ())]
    stamp, python = folder / "made-of.json", folder / "bin/python"
    made_of = json.dumps([one.python, wanted, one.torch])
    if stamp.exists() and stamp.read_text() == made_of:
        return python
    interpreter = python_of(one.python)
    if interpreter is None and one.for_python:
        return None
    print(f"Setting up {folder.relative_to(ROOT)}.", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    make = [uv(), "venv", "-q", "--seed", "--python", interpreter or sys.executable, folder]
    subprocess.run(make, check=True)
    if one.torch:
        pip = [python, "-m", "pip", "-qq", "install", "--disable-pip-version-check"]
        subprocess.run([*pip, f"torch=={one.torch}"], check=True)
        wanted.append(f"torch=={one.torch}+cpu" if _on_cpu(python) else f"torch=={one.torch}")
    install = [uv(), "pip", "install", "-q", "--python", python, "-e", ROOT, *wanted]
    subprocess.run(install, check=True)
    stamp.write_text(made_of)
    return python


def _on_cpu(python: Path) -> bool:
    code = "from importlib.metadata import version; print(version('torch'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip().endswith("+cpu")


def versions(python: Path, backend: str) -> dict[str, str]:
    """Python, Keras, the backend and NumPy, as they are installed."""
    names = ("keras", "tensorflow-cpu" if backend == "tensorflow" else backend, "numpy")
    code = (
        "import json, platform, sys; from importlib.metadata import version\n"
        "print(json.dumps([platform.python_version(), *map(version, sys.argv[1:])]))"
    )
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(("python", "keras", "backend", "numpy"), json.loads(done.stdout), strict=True))


def tried(python: Path, backend: str, script: Script) -> str:
    """What went wrong, or "" where a script is explained as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        output, page = Path(folder) / "answer.json", Path(folder) / "page.html"
        done = subprocess.run(
            [
                python.with_name("whydiff"),
                "explain",
                ROOT / script.path,
                "--json",
                output,
                "--html",
                page,
            ],
            cwd=folder,
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "OMP_NUM_THREADS": "1",
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode or not output.exists() or not page.exists():
            print(done.stdout)
            return f"exit code {done.returncode}"
        return judged(json.loads(output.read_text()), script)


def judged(answer: dict[str, object], script: Script) -> str:
    """What is wrong with an answer, or ""."""
    listed = answer["causes"]
    assert isinstance(listed, list)
    statuses = {cause["source"]: cause["status"] for cause in listed}
    confirmed = {source for source, status in statuses.items() if status == "confirmed"}
    if answer["unexplained"] != 0 or confirmed != set(statuses):
        return f"not all explained: {statuses}, {answer['unexplained']} left"
    if not script.causes <= confirmed <= script.causes | script.maybe:
        return f"explained by {', '.join(sorted(confirmed))}"
    return ""


def main(names: list[str]) -> int:
    """Try the sets named, or all; 1 where one does not do as it should."""
    known_names = {name: None for one in SETS for name in _names(one)}
    unknown = set(names) - set(known_names)
    if unknown:
        known = ", ".join(known_names)
        print(f"No set {', '.join(sorted(unknown))}. There are: {known}.")
        return 1
    passed = failed = 0
    for one in SETS:
        backends = [
            b for b in one.backends if not names or {one.name, f"{one.name}:{b}"} & {*names}
        ]
        if not backends:
            continue
        python = environment(one)
        if python is None:
            print(f"{one.name}: left out, as there is no Python {one.python} here", flush=True)
            continue
        for backend in backends:
            right, before = [], failed
            chosen = [s for s in SCRIPTS if _has_tensorflow(one) or not s.uses_tensorflow]
            for script in chosen:
                wrong = tried(python, backend, script)
                passed, failed = passed + (not wrong), failed + bool(wrong)
                result = wrong or "explained"
                print(f"{one.name}, {backend}, {script.path}: {result}", flush=True)
                right += [] if wrong else [f"`{Path(script.path).stem}`"]
            found = versions(python, backend)
            cells = [one.name, found["keras"], f"{backend} {found['backend']}", found["numpy"]]
            cells += [found["python"], f"{', '.join(right)} ({len(right)} of {len(chosen)})"]
            row = f"| {' | '.join(cells)} |"
            print(row, flush=True)
            if failed == before:
                write(one, backend, row)
    print(f"versions: {passed} passed, {failed} failed")
    return 1 if failed else 0


def _names(one: Set) -> list[str]:
    """What a set and its backends are called on the command line."""
    return [one.name, *(f"{one.name}:{backend}" for backend in one.backends)]


def write(one: Set, backend: str, row: str) -> None:
    """Put the row of a set on a backend into the page, in place of the one that it had there."""
    text = PAGE.read_text()
    head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    known = [line for line in text[len(head) : -len(tail)].splitlines() if line.startswith("|")][2:]
    cells = {tuple(cell.strip().split(" ")[0] for cell in r.split("|")[1:4:2]): r for r in known}
    cells[one.name, backend] = row
    order = [(each.name, one) for each in SETS for one in each.backends]
    table = "\n".join([*HEADER, *(cells[place] for place in order if place in cells)])
    PAGE.write_text(f"{head}\n{table}\n\n{tail}")


def _has_tensorflow(one: Set) -> bool:
    return any(package.startswith("tensorflow") for package in one.packages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
