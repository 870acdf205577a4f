"""Which files a script reads and writes, seen through Python's audit events.

What one execution writes and the next one reads makes them differ although script and arguments
are the same. Only the standard library is imported here, and at most ``MOST`` files are kept. A
file that a C library opens by itself (HDF5) raises no event; ``native_files.py`` notes some.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.files import UNSEEN, Used, content_digest
from whydiff.core.interrupting import HANDLERS, pass_on
from whydiff.core.programs import EVENTS, MOST as MOST_PROGRAMS, Program, begun
from whydiff.core.stack import in_library

#: So many files are kept; a data set of a million images is none of them.
MOST = 200
#: Contents up to so many bytes are digested when they are first read.
LARGEST = 8 << 20

#: Python's own.
_RECURSION_LIMIT = 1000

#: Events by which a file gets the name that is their second argument.
_NAMED_ANEW = ("os.rename", "os.link", "os.symlink")
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth", ".pyd", ".dll", ".zip")
_SYSTEM = ("/proc", "/sys", "/dev", "/usr", "/etc", "/lib", "/opt", "/run", "/var/lib")
_TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")
_PRIVATE = (".keras/keras.json", ".cache")
#: Variables that name a folder in which a library keeps what it compiled, and may lose it.
_COMPILED = (
    "JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR",
    "CUDA_CACHE_PATH", "MPLCONFIGDIR", "XDG_CACHE_HOME",
)  # fmt: skip
_INDUCTOR = "torchinductor_"  # torch's, with the name of the user, where no variable names one


class _Busy(threading.local):
    """Whether this thread is noting a file: what that opens is ours."""

    now = False


class Opened:
    """The files that were opened since :meth:`watch`."""

    def __init__(self) -> None:
        self.files: dict[str, Used] = {}
        self._busy = _Busy()
        self.watching = False  # whether events are heard
        #: who hears an event before that, where it matters what others could see of this run
        self.outside: Mapping[str, Callable[[str, Sequence[Any]], None]] = {}
        self.programs: dict[Program, None] = {}  # that were started beside this process
        self._started_in = ""
        self._ours: set[str] = set()
        libraries = (sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib"))
        self._leave = tuple(
            {*_SYSTEM, *(p for p in libraries if p), str(Path(__file__).parent.parent),
             *(str(Path.home() / name) for name in _PRIVATE)}
        )  # fmt: skip

    def watch(self, *ours: str) -> None:
        """Watch from now on, once; ``ours`` are files of the recording itself."""
        self._ours.update(_whole(name) for name in ours)
        if sys.getrecursionlimit() < _RECURSION_LIMIT:
            return  # what listens takes a frame of its own: such a script would fail elsewhere
        if not self.watching:
            self.watching = True
            self._started_in = os.getcwd()  # noqa: PTH109
            sys.addaudithook(self._heard)

    def wrote(self, path: str) -> None:
        """A library is about to write a file that it opens by itself."""
        self._noted(path, read=False, write=True)

    def reads(self, path: str) -> None:
        """A library is about to read a file that it opens by itself."""
        self._noted(path, read=True, write=False)

    def _noted(self, path: str, read: bool, write: bool) -> None:
        if not self.watching or self._busy.now:
            return
        self._busy.now = True
        try:
            self._note(path, read, write)
        finally:
            self._busy.now = False

    def forget(self) -> None:
        """Another run begins in this process."""
        self.files.clear()
        self.programs.clear()

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching or self._busy.now:
            return
        if event in self.outside:
            self._busy.now = True
            try:
                self.outside[event](event, arguments)
            finally:
                self._busy.now = False
        if event not in ("open", "sqlite3.connect", *_NAMED_ANEW, *EVENTS):
            return
        before = HANDLERS.put_off()
        self._busy.now = True
        try:
            if event == "open":
                self._opened(*arguments[:3])
            elif event in EVENTS:
                if len(self.programs) < MOST_PROGRAMS:
                    programs = begun(event, arguments, self._started_in)
                    self.programs |= dict.fromkeys(programs)
            elif event in _NAMED_ANEW:
                self._note(arguments[1], read=False, write=True)
            else:
                self._note(arguments[0], read=True, write=True)
        except Exception as error:  # what we see of a script must never stop it
            pass_on(error)
        finally:
            self._busy.now = False
            HANDLERS.go_on(before)

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(mode, str):
            write = any(letter in mode for letter in "wax+")
            read = "r" in mode or ("+" in mode and "w" not in mode and "x" not in mode)
        else:
            if _is_temporary(path, flags):
                return
            access = flags & (os.O_WRONLY | os.O_RDWR) if isinstance(flags, int) else 0
            write, read = bool(access), not access & os.O_WRONLY
        self._note(path, read, write)

    def _note(self, path: Any, read: bool, write: bool) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor
        name = _whole(os.fsdecode(path))
        if name.endswith(_CODE) or name.startswith(self._leave) or in_library(name):
            return
        if any(name.startswith(ours) for ours in self._ours):
            return  # the recording, or a journal beside it
        if is_compiled(name):
            return
        if Path(name).is_dir():
            return
        if read and Path(name).is_symlink():  # what it leads to was written under its own name
            self._note(os.path.realpath(name), read, write)
        known = self.files.get(name)
        if known is None:
            if len(self.files) >= MOST:
                return
            seen = _digest(name) if read else ""
            if read and not seen and not write:
                return  # not there, or no file
            self.files[name] = Used(seen, write)
        elif write and not known.written:
            self.files[name] = Used(known.read, True)


def is_compiled(name: str) -> bool:
    """Whether a file lies where a library keeps compiled programs: they decide how long a run
    takes and nothing else."""
    if any(part.startswith(_INDUCTOR) for part in Path(name).parts):
        return True
    folders = [os.environ.get(variable) for variable in _COMPILED]
    config = getattr(sys.modules.get("jax"), "config", None)
    folders.append(getattr(config, "jax_compilation_cache_dir", None))
    return any(name.startswith(_whole(folder) + os.sep) for folder in folders if folder)


def _is_temporary(path: Any, flags: Any) -> bool:
    """Whether a file is one of ``tempfile``: under a random name, which no other process meets.

    The first use of that module makes one only to see that it can.
    """
    new = os.O_CREAT | os.O_EXCL
    if not isinstance(flags, int) or flags & new != new or isinstance(path, int):
        return False
    places = (*(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")), *_TEMPORARY)
    return Path(_whole(os.fsdecode(path))).parent in {Path(_whole(p)) for p in places if p}


def _whole(name: str) -> str:
    return os.path.normpath(Path(name).absolute())


def _digest(name: str) -> str:
    """A digest of a file's content, "" where there is none."""
    file = Path(name)
    if not file.is_file():
        return ""
    try:
        if file.stat().st_size > LARGEST:
            return UNSEEN
        return content_digest(file.read_bytes())
    except OSError:
        return UNSEEN


#: the files of this process
OPENED = Opened()
