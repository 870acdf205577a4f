"""Running another program in a process in which a script has run already.

Two programs that are to meet in one process must not share what a script leaves in a process:
modules of its own, settings of its libraries, flags, the environment, the working folder. So the
process is put back into the state that it had before its script began; afterwards everything is
as it was, and the second program keeps its modules through what refers to them.
"""

from __future__ import annotations

import contextlib
import importlib
import linecache
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from whydiff.core.stack import in_library
from whydiff.runner.child.imports import AroundImport
from whydiff.runner.copies import changes, copy_folder, moved

#: Libraries whose process-wide settings a script changes.
_LIBRARIES = ("keras", "jax", "tensorflow", "torch")


class Start:
    """What this process was when its script began; made before that."""

    def __init__(self) -> None:
        self.path, self.folder = list(sys.path), str(Path.cwd())
        self.environment = dict(os.environ)
        self.of_keras: frozenset[str] = frozenset()  # modules that Keras itself imports
        self._put_back: dict[str, Callable[[], None]] = {}
        self._known: frozenset[str] = frozenset()

    def arrange(self) -> None:
        """Remember a library's settings as they are right after its import."""
        for package in _LIBRARIES:
            finder = AroundImport(package, self._remembering(package), self._before(package))
            sys.meta_path.insert(0, finder)

    def _before(self, package: str) -> Callable[[], None]:
        def before() -> None:
            if package == "keras":
                self._known = frozenset(sys.modules)

        return before

    def _remembering(self, package: str) -> Callable[[], None]:
        def remember() -> None:
            if package == "keras":
                self.of_keras = frozenset(sys.modules) - self._known
            with contextlib.suppress(Exception):  # a version with other settings: left as they are
                self._put_back[package] = _settings_of(package)

        return remember

    def libraries_afresh(self) -> None:
        """Put the libraries' settings back to what they were after their import."""
        for put_back in self._put_back.values():
            put_back()
        if "keras" in sys.modules:
            from whydiff.keras_backend.internals import begin_session

            begin_session()


@contextlib.contextmanager
def afresh(
    start: Start,
    environment: Mapping[str, str],
    folder: str,
    covered: Sequence[Mapping[str, str]] = (),
    by_chance: bool = False,
) -> Iterator[None]:
    """Inside, the process is as before its script began, in ``folder``, with ``environment``.

    ``covered`` are the folders under overlays (see ``enter.py``): their files are put back first.
    Global generators go on where they are, or ``by_chance`` from where a new process would.
    """
    with contextlib.ExitStack() as stack:
        restore(covered)
        for part in (
            _streams(),
            _surroundings(start, environment, folder),
            _flags(start.of_keras),
            _modules(start.of_keras),
            _settings(start, by_chance),
            _finders(),
            _said_twice(),
        ):
            stack.enter_context(part)
        yield


def restore(covered: Sequence[Mapping[str, str]]) -> None:
    """Undo in ``folder`` what was written: ``upper`` lists it, ``lower`` shows what was there."""
    for one in covered:
        folder, upper, lower = (Path(one[name]) for name in ("folder", "upper", "lower"))
        # Deepest first, so that folders are empty when they are removed.
        if one.get("copied"):
            names = [name for name, _ in changes(lower, folder, covered)]
        else:
            names = [path.relative_to(upper) for path in upper.rglob("*")]
        names.sort(key=lambda name: len(name.parts), reverse=True)
        for name in names:
            with contextlib.suppress(OSError):
                _take_away(folder / name, lower / name, covered)
        for name in sorted(names, key=lambda name: len(name.parts)):
            here, before = folder / name, lower / name
            with contextlib.suppress(OSError):
                _bring_back(here, before, covered)


def _take_away(here: Path, before: Path, covered: Sequence[Mapping[str, str]]) -> None:
    """Remove what was not there."""
    if here.is_dir() and not here.is_symlink():
        _restore_folder(here, before, covered)
    elif os.path.lexists(here) and not os.path.lexists(before):
        here.unlink()


def _restore_folder(here: Path, before: Path, covered: Sequence[Mapping[str, str]]) -> None:
    """Remove a folder that was not there; one made anew lacks what was in it before."""
    if not before.is_dir():
        shutil.rmtree(here)
        return
    for child in before.iterdir():
        if not os.path.lexists(here / child.name):
            _bring_back(here / child.name, child, covered)


def _bring_back(here: Path, before: Path, covered: Sequence[Mapping[str, str]]) -> None:
    if not os.path.lexists(before):
        return
    if before.is_dir() and not before.is_symlink():
        if not here.is_dir():
            copy_folder(before, here, covered)
    else:
        here.parent.mkdir(parents=True, exist_ok=True)
        here.unlink(missing_ok=True)
        if before.is_symlink():
            here.symlink_to(moved(os.readlink(before), covered))  # noqa: PTH115
        else:
            shutil.copy2(before, here)


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    names = ("stdin", "stdout", "stderr", "excepthook", "displayhook")
    kept = {name: getattr(sys, name) for name in names}
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(sys, name, value)


@contextlib.contextmanager
def _surroundings(start: Start, environment: Mapping[str, str], folder: str) -> Iterator[None]:
    """The environment, the working folder, the arguments and the path of imports."""
    before = dict(os.environ), Path.cwd(), list(sys.argv), list(sys.path)
    _replace(environment)
    os.chdir(folder)
    sys.path[:] = _path(start, environment)
    try:
        yield
    finally:
        _replace(before[0])
        with contextlib.suppress(FileNotFoundError):  # the script removed the folder it was in
            os.chdir(before[1])
        sys.argv[:], sys.path[:] = before[2], before[3]


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _path(start: Start, environment: Mapping[str, str]) -> list[str]:
    """The path of imports that a process with ``environment`` starts with."""
    ours, theirs = (
        [part for part in e.get("PYTHONPATH", "").split(os.pathsep) if part]
        for e in (start.environment, environment)
    )
    if ours == theirs:
        return list(start.path)
    return theirs + [entry for entry in start.path if entry not in ours]


@contextlib.contextmanager
def _modules(of_keras: Collection[str]) -> Iterator[None]:
    """The user's modules are imported anew; afterwards those of before are back."""
    kept = {"__main__": sys.modules["__main__"], **_users_modules(of_keras)}
    for name in kept:
        del sys.modules[name]
    importlib.invalidate_caches()
    linecache.checkcache()
    try:
        yield
    finally:
        for name in _users_modules(of_keras):
            del sys.modules[name]
        sys.modules.update(kept)
        linecache.checkcache()


def _users_modules(of_keras: Collection[str]) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and name != "__main__"
        and name.partition(".")[0] not in of_keras
        and _users(module)
    }


def _users(module: ModuleType) -> bool:
    """Whether a module is the user's: its file is, or for a folder without one that folder.

    One in machine code cannot be loaded a second time.
    """
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return file.endswith((".py", ".pyc")) and not in_library(file)
    spec = getattr(module, "__spec__", None)
    places = list(getattr(spec, "submodule_search_locations", None) or ())
    return bool(places) and not any(map(in_library, places))


@contextlib.contextmanager
def _finders() -> Iterator[None]:
    """What the script adds to the ways of importing goes with it."""
    kept = list(sys.meta_path)
    try:
        yield
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder in kept]


@contextlib.contextmanager
def _settings(start: Start, by_chance: bool) -> Iterator[None]:
    """Keras and its backend as after their import, and the global generators as they are, or
    ``by_chance`` seeded by the system."""
    restore = [_settings_of(package) for package in _LIBRARIES if package in sys.modules]
    restore.append(_generators())
    start.libraries_afresh()
    if by_chance:
        _seed_by_chance()
    try:
        yield
    finally:
        for put_back in restore:
            put_back()


def _seed_by_chance() -> None:
    for module in ("random", "numpy.random"):
        if module in sys.modules:
            sys.modules[module].seed()
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(None)


def _settings_of(package: str) -> Callable[[], None]:
    """Puts the settings of a library back to what they are now."""
    if package == "keras":
        from whydiff.keras_backend.internals import kept_session

        return kept_session()
    kept = {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}[package]
    return kept()


def _jax() -> Callable[[], None]:
    config = sys.modules["jax"].config
    kept = dict(config.values)

    def put_back() -> None:
        for name, value in list(config.values.items()):
            if name in kept and kept[name] is not value and kept[name] != value:
                with contextlib.suppress(Exception):  # some can be set before the first use only
                    config.update(name, kept[name])

    return put_back


def _torch() -> Callable[[], None]:
    torch = sys.modules["torch"]
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    precision = torch.get_float32_matmul_precision()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()

    def put_back() -> None:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)

    return put_back


def _tensorflow() -> Callable[[], None]:
    config = sys.modules["tensorflow"].config
    eagerly = config.functions_run_eagerly()
    precise = config.experimental.tensor_float_32_execution_enabled()

    def put_back() -> None:
        config.run_functions_eagerly(eagerly)
        config.experimental.enable_tensor_float_32_execution(precise)

    return put_back


def _generators() -> Callable[[], None]:
    """Puts Python's and NumPy's global generators back to where they are now."""
    owners: list[tuple[Any, Any]] = []
    if "random" in sys.modules:
        random = sys.modules["random"]
        owners.append((random.setstate, random.getstate()))
    if "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        owners.append((numpy.random.set_state, numpy.random.get_state()))

    def put_back() -> None:
        for set_state, state in owners:
            set_state(state)

    return put_back


@contextlib.contextmanager
def _flags(of_keras: Collection[str]) -> Iterator[None]:
    """absl's flags: those that libraries define, not parsed yet."""
    module = sys.modules.get("absl.flags")
    if module is None:
        yield
        return
    held: dict[str, Any] = module.FLAGS.__dict__
    kept = {name: _copied(value) for name, value in held.items()}
    values = [
        (flag, flag.value, flag.present, flag.using_default_value)
        for flag in set(held["__flags"].values())
    ]
    users = _users_modules(of_keras)
    # The main program's flags go by the name of its file, which is no module's.
    theirs = {
        name: flags
        for name, flags in held["__flags_by_module"].items()
        if name in users or name not in sys.modules
    }
    gone = {flag for flags in theirs.values() for flag in flags}
    held["__flags"] = {n: flag for n, flag in held["__flags"].items() if flag not in gone}
    for name in ("__flags_by_module", "__flags_by_module_id", "__key_flags_by_module"):
        held[name] = {
            owner: [flag for flag in flags if flag not in gone]
            for owner, flags in held[name].items()
            if owner not in theirs
        }
    held["__flags_parsed"] = False
    for flag in held["__flags"].values():
        if flag.present:
            flag.unparse()
    try:
        yield
    finally:
        held.clear()
        held.update(kept)
        for flag, value, present, default in values:
            flag.value, flag.present, flag.using_default_value = value, present, default


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: list(v) if isinstance(v, list) else v for k, v in value.items()}
    return set(value) if isinstance(value, set) else value


@contextlib.contextmanager
def _said_twice() -> Iterator[None]:
    """What a process may be told only once may be told once more if it is the same."""
    told: list[tuple[ModuleType, str, Callable[[], Any]]] = []
    torch, multiprocessing = sys.modules.get("torch"), sys.modules.get("multiprocessing")
    if torch is not None:
        told.append((torch, "set_num_interop_threads", torch.get_num_interop_threads))
    if multiprocessing is not None:
        method = multiprocessing.get_start_method
        told.append((multiprocessing, "set_start_method", lambda: method(allow_none=True)))
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in told]
    for owner, name, current in told:
        setattr(owner, name, _unless_so_already(getattr(owner, name), current))
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _unless_so_already(
    function: Callable[..., Any], current: Callable[[], Any]
) -> Callable[..., Any]:
    def tell(value: Any, *args: Any, **kwargs: Any) -> Any:
        return None if current() == value else function(value, *args, **kwargs)

    return tell
