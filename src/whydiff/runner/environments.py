"""The Pythons in which scripts run besides our own: another interpreter, other versions.

An environment with other versions is the current one with those changed: uv chooses the versions,
keeping what may stay, and installs only what moves; all else are links to what is installed. So
builds of torch for one device, checkouts and local packages stay what they are, and nothing large
is copied. Environments lie in the cache folder of the user, by what is in them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from whydiff.core.disk import cache_folder as cache_folder
from whydiff.core.errors import WhydiffError
from whydiff.core.machine import Interpreter
from whydiff.core.question import SideOptions
from whydiff.core.temporary import temporary_folder
from whydiff.fixes.pins import requirement_lines
from whydiff.runner.used_backends import used_backends

_INVENTORY = Path(__file__).with_name("inventory.py")
#: What the recorder needs besides NumPy, and may lack where whydiff is not installed.
_NEEDED = "xxhash"
#: Distributions of each backend. Those of a backend that a script does not use are left out: they
#: could only forbid versions of what it does use.
_OF_BACKENDS = {
    "jax": re.compile(r"jax(lib)?$|jax-(cuda|rocm)"),
    "tensorflow": re.compile(r"tensorflow($|-(cpu|gpu|intel|macos|rocm|aarch64)$)|tf-nightly"),
    "torch": re.compile(r"torch$"),
}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
#: What uv says where it reached no package index.
_NO_NETWORK = re.compile(r"network was disabled|failed to fetch|error sending request|dns error")
#: What uv says of a package that is there as no wheel, or of which there is no release (by a date).
_NO_WHEEL = re.compile(r"all versions of (\S+) have no usable wheels")
_UNKNOWN = re.compile(
    r"there are no versions of (\S+) and you require|(\S+) was not found in the package registry"
)
#: ``-r requirements.txt``, as pip takes it.
_FILE = re.compile(r"\s*(?:-r|--requirement)[\s=]+(\S+)\s*")
_SECONDS = 1800
_MOST_NAMED = 8


@dataclass(frozen=True)
class _Distribution:
    """One installed distribution, as ``inventory.py`` describes it."""

    version: str
    requires: tuple[str, ...]
    folder: Path
    entries: tuple[str, ...]
    indexed: bool

    @property
    def public(self) -> str:
        """The version without the name of a local build: 2.13.0 of 2.13.0+cpu."""
        return self.version.partition("+")[0]


@dataclass(frozen=True)
class _Installed:
    """What is installed for a Python, by normalized name."""

    python: Path
    version: str
    distributions: Mapping[str, _Distribution]

    @functools.cached_property
    def digest(self) -> str:
        """Equal for equal contents at equal places."""
        what = [(n, d.version, str(d.folder)) for n, d in sorted(self.distributions.items())]
        return _digest(str(self.python), self.version, what)

    @property
    def versions(self) -> dict[str, str]:
        return {name: one.version for name, one in self.distributions.items()}


@dataclass(frozen=True)
class _Resolved:
    """Versions by name, as uv chose them, and names of packages that stay as they are."""

    versions: Mapping[str, str]
    stays: tuple[str, ...]


@dataclass(frozen=True)
class _Request:
    """What an environment is to be."""

    base: _Installed
    requirements: tuple[str, ...]
    as_of: str
    backends: frozenset[str]

    @property
    def name(self) -> str:
        """As a person says it: ``keras==3.10.0 and the packages of 2025-06-01``."""
        return _named_environment(self.requirements, self.as_of)

    @property
    def fixed(self) -> bool:
        """Whether the answer is the same tomorrow."""
        pinned = all(re.search(r"==\s*[^*\s]+$", text) for text in self.requirements)
        return bool(self.as_of) or pinned

    @functools.cached_property
    def moved(self) -> frozenset[str]:
        """Names of packages that are asked for in another version."""
        return frozenset(map(name_of, self.requirements))

    @functools.cached_property
    def pinned(self) -> frozenset[str]:
        """Names of packages of which one version is asked for."""
        return frozenset(name_of(text) for text in self.requirements if "==" in text)

    @property
    def kept(self) -> dict[str, _Distribution]:
        """What the environment begins with."""
        unused = self._unused()
        return {
            name: one
            for name, one in self.base.distributions.items()
            if name != "whydiff" and name not in unused
        }

    def _unused(self) -> set[str]:
        """Distributions of backends that are not used, and nothing that is kept requires."""
        named = self.base.distributions
        unused = {
            name
            for backend, pattern in _OF_BACKENDS.items()
            if backend not in self.backends
            for name in named
            if pattern.match(name) and name not in self.moved
        }
        while True:
            kept = [one for name, one in named.items() if name not in {*unused, "whydiff"}]
            required = {name_of(text) for one in kept for text in _requirements(one)}
            if not unused & required:
                return unused
            unused -= required


def environment_for(
    requirements: Sequence[str] = (),
    as_of: str | None = None,
    python: Path | None = None,
    backends: Collection[str] = tuple(_OF_BACKENDS),
) -> Interpreter:
    """The current environment, or that of ``python``, with other versions of some packages.

    ``requirements`` are as pip takes them (``keras==3.10.0``); ``as_of`` is a date, after which no
    release counts: then every package is the newest of that day. Other packages move only where
    they must. ``backends`` are those of Keras that will be used; with neither requirements nor
    ``as_of`` it is ``python`` itself. Made once and then found in the cache folder.

    Raises WhydiffError where there is no such Python, uv is missing, no set of versions fits (with
    uv's reason), or the package index cannot be reached.
    """
    base = _installed(Path(python) if python is not None else Path(sys.executable))
    if not requirements and not as_of:
        return _as_it_is(base)
    _check(requirements, as_of)
    wanted = tuple(dict.fromkeys(text.strip() for text in requirements))
    request = _Request(base, wanted, as_of or "", frozenset(backends))
    resolved = _resolved(request)
    linked, moved = _contents(request, resolved)
    folder = _made(request, linked, moved)
    packages = {**{name: one.version for name, one in linked.items()}, **moved}
    return Interpreter(folder / "bin/python", request.name, packages)


def interpreter_of(
    options: SideOptions, script: Path, folder: Path | None = None
) -> Interpreter | None:
    """The Python that a side asks for, None for our own; see :func:`environment_for`.

    Among its packages ``-r requirements.txt`` stands for what that file asks for, seen from
    ``folder``, the current one if None.
    """
    if not (options.python or options.packages or options.as_of):
        return None
    backends = used_backends(script, {**os.environ, **options.env})
    python = Path(options.python) if options.python else None
    packages = [one for text in options.packages for one in _listed_in(text, folder or Path())]
    found = environment_for(packages, options.as_of or None, python, backends)
    if packages == list(options.packages):
        return found
    return replace(found, name=_named_environment(options.packages, options.as_of))


def _listed_in(requirement: str, folder: Path) -> list[str]:
    """The requirement itself, or for ``-r FILE`` those in the file that name a version.

    What it names without one is there as it is installed.
    """
    found = _FILE.fullmatch(requirement)
    if found is None:
        return [requirement]
    file = folder / found[1]
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise WhydiffError(
            f"there is no file {found[1]} of requirements", "Name it as pip would be given it."
        ) from None
    listed = []
    for line in requirement_lines(text):
        if _FILE.fullmatch(line):
            listed += _listed_in(line, file.parent)
        elif name_of(line) and re.search(r"[<>=~@]", line.partition(";")[0]):
            listed.append(line)
    return listed


def name_of(requirement: str) -> str:
    """The normalized name of the package that a requirement is about."""
    found = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else ""


def _check(requirements: Sequence[str], as_of: str | None) -> None:
    for text in requirements:
        if not name_of(text) or text.strip().startswith("-"):
            raise WhydiffError(
                f"{text!r} is no requirement", 'Name a package and its version: "keras==3.10.0".'
            )
        if name_of(text) == "whydiff":
            raise WhydiffError(
                "whydiff itself watches from outside and is not part of the environment",
                "Name the packages that the script uses.",
            )
    if as_of is not None:
        try:
            date.fromisoformat(as_of[:10])
        except ValueError:
            raise WhydiffError(
                f"{as_of!r} is no date", "Write it as in 2025-06-01: year, month, day."
            ) from None


def _named_environment(requirements: Sequence[str], as_of: str) -> str:
    return " and ".join([*requirements, *([f"the packages of {as_of}"] if as_of else [])])


# --- a Python as it is --------------------------------------------------------------------------


def _as_it_is(base: _Installed) -> Interpreter:
    lent = {} if _NEEDED in base.distributions else {_NEEDED: str(_lent(base) / _NEEDED)}
    if "numpy" not in base.distributions:
        raise WhydiffError(
            f"{base.python} has no NumPy, so no Keras either",
            "Name the Python in whose environment the script runs, as in .venv/bin/python.",
        )
    return Interpreter(base.python, str(base.python), base.versions, lent)


def _installed(python: Path) -> _Installed:
    found = shutil.which(str(python))
    if found is None:
        raise WhydiffError(
            f"there is no Python {python}", f"Looked in {Path.cwd()} and on the PATH."
        )
    return _inventory(str(Path(found).absolute()))


@functools.lru_cache(maxsize=8)
def _inventory(python: str) -> _Installed:
    done = _run([python, "-I", str(_INVENTORY)])
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise WhydiffError(
            f"{python} does not run as Python: {done.stderr.strip()[-300:] or done.returncode}",
            "Name an interpreter, as in .venv/bin/python.",
        ) from None
    if said["implementation"] != "CPython" or _numbers(said["python"]) < (3, 10):
        raise WhydiffError(
            f"{python} is {said['implementation']} {said['python']}",
            "Scripts are recorded by CPython 3.10 or newer.",
        )
    distributions = {
        name: _Distribution(
            one["version"],
            tuple(one["requires"]),
            Path(one["folder"]),
            tuple(one["entries"]),
            one["indexed"],
        )
        for name, one in said["distributions"].items()
    }
    return _Installed(Path(python), said["python"], distributions)


def _lent(base: _Installed) -> Path:
    """A folder with xxhash for a Python that has none."""
    series = ".".join(base.version.split(".")[:2])
    folder = cache_folder() / "lent" / f"{_NEEDED}-{series}"
    if not folder.exists():
        with _building(folder) as new:
            command = ["pip", "install", "-q", "--no-deps", "--python", str(base.python)]
            done = _uv([*command, "--target", str(new), _NEEDED])
            if done.returncode:
                raise _refusal(
                    f"{base.python} has no {_NEEDED}, with which the recorder makes digests",
                    done.stderr,
                    f"Install it there: {base.python} -m pip install {_NEEDED}",
                )
    return folder


# --- which versions -----------------------------------------------------------------------------


def _resolved(request: _Request) -> _Resolved:
    """What uv chooses, or what it did before where that cannot have changed."""
    parts = (request.base.digest, request.requirements, request.as_of, sorted(request.backends))
    known = cache_folder() / "resolved" / f"{_digest(*parts)}.json"
    if known.exists() and request.fixed:
        return _read(known)
    done, resolved = _compiled(request)
    if done.returncode == 0:
        known.parent.mkdir(parents=True, exist_ok=True)
        new = known.with_name(f"{known.name}.{os.getpid()}")
        new.write_text(json.dumps({"versions": resolved.versions, "stays": resolved.stays}))
        new.replace(known)
        return resolved
    if known.exists() and _NO_NETWORK.search(done.stderr.lower()):
        return _read(known)
    raise _refusal(f"there is no environment with {request.name}", done.stderr)


def _read(file: Path) -> _Resolved:
    stored = json.loads(file.read_text())
    return _Resolved(stored["versions"], tuple(stored["stays"]))


def _compiled(request: _Request) -> tuple[subprocess.CompletedProcess[str], _Resolved]:
    """Let uv choose, among wheels: what must be built takes long and differs by machine.

    A package that has none, or that the index does not know, stays as it is installed, and what
    requires such a one with it; one that had no release by a date is left out.
    """
    wanted = request.kept
    stays = {name for name, one in wanted.items() if not one.indexed}
    if request.as_of:  # what others require comes with them, in whichever way it did then
        required = {name_of(text) for one in wanted.values() for text in _requirements(one)}
        wanted = {name: one for name, one in wanted.items() if name not in required}
    first = None
    while True:
        done, text = _chosen(request, wanted, stays)
        if first is None and done.returncode == 0 and not request.as_of:
            built = _only_as_source(request, wanted, _pins(text)) - stays
            if built:
                first, stays = (done, _Resolved(_pins(text), tuple(sorted(stays)))), stays | built
                continue
        if first is not None and done.returncode:
            return first
        unbuilt, unknown = (_named(p, done.stderr) for p in (_NO_WHEEL, _UNKNOWN))
        name = unbuilt or unknown
        if done.returncode == 0 or name in request.moved or name in stays or name not in wanted:
            return done, _Resolved(_pins(text), tuple(sorted(stays)))
        if unbuilt or not request.as_of:
            stays.add(name)
        else:
            del wanted[name]


def _only_as_source(
    request: _Request, wanted: Mapping[str, _Distribution], pins: Mapping[str, str]
) -> set[str]:
    """Packages that moved unasked because what is installed was built here: no wheel has it.
    With them whatever requires one, as far as it was not asked for itself."""
    moved = {
        name
        for name, one in wanted.items()
        if name not in request.moved and pins.get(name, one.public) != one.public
    }
    found = {name for name in moved if not _has_wheel(request, f"{name}=={wanted[name].public}")}
    while True:
        more = {
            name
            for name, one in wanted.items()
            if name not in found and found & {name_of(text) for text in _requirements(one)}
        }
        if not more or more & request.moved:
            return set() if more else found
        found |= more


def _has_wheel(request: _Request, requirement: str) -> bool:
    """Whether the index has a wheel of exactly this for the environment's Python."""
    with temporary_folder() as temporary:
        wanted = Path(temporary) / "wanted.in"
        wanted.write_text(f"{requirement}\n")
        options = ["-q", "--no-build", "--no-deps", "--python", str(request.base.python)]
        return "no usable wheels" not in _uv(["pip", "compile", *options, str(wanted)]).stderr


def _named(pattern: re.Pattern[str], said: str) -> str:
    """The package that uv names in such a sentence, or ""."""
    found = pattern.search(said)
    return next((name_of(name) for name in found.groups() if name), "") if found else ""


def _chosen(
    request: _Request, kept: Mapping[str, _Distribution], stays: Collection[str]
) -> tuple[subprocess.CompletedProcess[str], str]:
    """What uv chooses. What is installed is preferred, except where a date decides.

    Of what ``stays`` only the requirements have to fit.
    """
    inputs = [*(_with_its_library(text) for text in request.requirements), _NEEDED]
    pins = []
    for name, one in kept.items():
        if name == _NEEDED:
            continue
        if name in request.moved:  # as installed where a range admits that
            pins += [] if name in request.pinned else [f"{name}=={one.public}"]
            continue
        required = [text for text in _requirements(one) if name_of(text) not in stays]
        inputs += required if name in stays else [name]
        pins += [] if name in stays else [f"{name}=={one.public}"]
    with temporary_folder() as temporary:
        wanted, chosen = Path(temporary) / "wanted.in", Path(temporary) / "chosen.txt"
        wanted.write_text("\n".join(inputs) + "\n")
        options = ["-q", "--no-header", "--no-annotate", "--no-build"]
        if request.as_of:
            options += ["--exclude-newer", request.as_of]
        else:
            chosen.write_text("\n".join(pins) + "\n")
        python = ["--python", str(request.base.python)]
        done = _uv(["pip", "compile", *options, *python, str(wanted), "-o", str(chosen)])
        return done, chosen.read_text() if chosen.exists() else ""


def _with_its_library(requirement: str) -> str:
    """Older releases of JAX name their library only among their extras."""
    if name_of(requirement) == "jax" and "[" not in requirement:
        return re.sub(r"^\s*jax", "jax[cpu]", requirement, count=1)
    return requirement


def _pins(text: str) -> dict[str, str]:
    pins = {}
    for line in text.splitlines():
        requirement = line.partition(";")[0].partition("#")[0]
        name, equal, version = requirement.partition("==")
        if equal:
            pins[name_of(name)] = version.strip()
    return pins


def _requirements(one: _Distribution) -> list[str]:
    """What a distribution requires without any of its extras."""
    return [text for text in one.requires if "extra ==" not in text and "extra==" not in text]


# --- making it ----------------------------------------------------------------------------------


def _contents(
    request: _Request, resolved: _Resolved
) -> tuple[dict[str, _Distribution], dict[str, str]]:
    """What is taken as it is installed, and the versions of what is not."""

    versions = resolved.versions
    linked = {
        name: one
        for name, one in request.kept.items()
        if (name in versions and one.entries and one.public == versions[name].partition("+")[0])
        or (name not in versions and name in resolved.stays)
    }
    return _one_tensorflow(
        linked, {name: version for name, version in versions.items() if name not in linked}
    )


def _one_tensorflow(
    linked: Mapping[str, _Distribution], moved: Mapping[str, str]
) -> tuple[dict[str, _Distribution], dict[str, str]]:
    """The builds of TensorFlow fill one folder under several names: there is room for one of them.

    The linked one stays where it has the version that is wanted; else it would be written over.
    """
    pattern = _OF_BACKENDS["tensorflow"]
    wanted = {name: version for name, version in moved.items() if pattern.match(name)}
    if not wanted:
        return dict(linked), dict(moved)
    stays = {
        name
        for name, one in linked.items()
        if pattern.match(name) and one.public in wanted.values()
    }
    return (
        {n: one for n, one in linked.items() if n in stays or not pattern.match(n)},
        {n: v for n, v in moved.items() if not stays or n not in wanted},
    )


def _made(request: _Request, linked: Mapping[str, _Distribution], moved: Mapping[str, str]) -> Path:
    """The environment's folder, made where it is not there."""
    key = _digest(request.base.digest, sorted(linked), sorted(moved.items()))
    folder = cache_folder() / "environments" / key
    if folder.exists():
        return folder
    with _building(folder) as new:
        python = str(request.base.python)
        done = _uv(["venv", "-q", "--relocatable", "--python", python, str(new)])
        if done.returncode == 0:
            _link(linked, next(new.glob("lib*/python*/site-packages")))
            done = _install(new / "bin/python", request, moved)
        if done.returncode:
            raise _refusal(f"the environment with {request.name} could not be made", done.stderr)
    return folder


def _link(distributions: Mapping[str, _Distribution], site: Path) -> None:
    for one in distributions.values():
        for entry in one.entries:
            place = site / entry
            place.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(place) and os.path.lexists(one.folder / entry):
                place.symlink_to(one.folder / entry)


def _install(
    python: Path, request: _Request, moved: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Install what moves, torch as a build for what the installed one is built for."""
    command = ["pip", "install", "-q", "--no-deps", "--no-build", "--python", str(python)]
    torch = request.base.distributions.get("torch")
    local = torch.version.partition("+")[2] if torch else ""
    if local and "torch" in moved:
        done = _uv([*command, "--torch-backend", local, f"torch=={moved['torch']}"])
        if done.returncode:
            return done
        moved = {name: version for name, version in moved.items() if name != "torch"}
    pins = [f"{name}=={version}" for name, version in moved.items()]
    return _uv([*command, *pins]) if pins else _run(["true"])


@contextlib.contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` when that is done, whoever else makes it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name[:12]}.", dir=folder.parent))
    try:
        yield new
        with contextlib.suppress(OSError):  # somebody else was faster
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


# --- uv -----------------------------------------------------------------------------------------


def _uv(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return _run([*uv_command(), *arguments])


def uv_command() -> tuple[str, ...]:
    """How uv is started. WhydiffError where there is none."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found:
        return (found,)
    if importlib.util.find_spec("uv") is not None:
        return (sys.executable, "-m", "uv")
    raise WhydiffError(
        "environments with other versions are made by uv, which is not installed",
        "pip install 'whydiff[versions]', or name a Python that has them: --b-python PATH",
    )


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _refusal(what: str, said: str, way_out: str = "") -> WhydiffError:
    """What could not be had, with uv's own reason."""
    reason = "\n".join(line for line in said.strip().splitlines() if line.strip())
    reason = reason.removeprefix("error: ").replace("\n  cause: ", "\n  ")
    if _NO_NETWORK.search(said.lower()):
        return WhydiffError(
            f"{what}: uv did not reach the package index, and it is not in {cache_folder()}:\n"
            f"{reason}",
            "Once made, an environment is found there without a network.",
        )
    return WhydiffError(f"{what}:\n{reason}", way_out or "Name other versions.")


# --- small things -------------------------------------------------------------------------------


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def moved(interpreter: Interpreter) -> str:
    """What it has in other versions than our own: ``keras 3.10.0 (here 3.15.1), ...``."""
    ours = _installed(Path(sys.executable)).versions
    differing = interpreter.differing(ours)
    texts = [
        f"{name} {other} (here {own})" for name, (own, other) in differing.items() if own and other
    ]
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more if texts else "the same versions of all packages"
