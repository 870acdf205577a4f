"""What a run does that another one could see: files outside its scratch copy, locks, the network,
other programs.

Two runs at once are as good as one after the other where the first does nothing of the kind, and
the second waits with it until the first is over. Only the standard library is imported here. What
C libraries open by themselves raises no event: whoever begins two at once reads their text first.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.recorder.opened import is_compiled

#: Events that name paths: the place of each among the arguments, and that of the descriptor of the
#: folder from which it is meant, if there is one.
_PATHS: Mapping[str, Sequence[tuple[int, int | None]]] = {
    "open": [(0, None)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.mkdir": [(0, 2)],
    "os.truncate": [(0, None)],
    "os.chmod": [(0, 2)],
    "os.chown": [(0, 3)],
    "os.utime": [(0, 3)],
    "os.setxattr": [(0, None)],
    "os.removexattr": [(0, None)],
    "sqlite3.connect": [(0, None)],
    "fcntl.flock": [(0, None)],
    "fcntl.lockf": [(0, None)],
}
#: Events by which something is reached that has no path here.
_REACHES = (
    "subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork",
    "os.forkpty", "pty.spawn", "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
    "os.kill",
)  # fmt: skip
EVENTS = frozenset((*_PATHS, *_REACHES))
#: Programs by which Python and libraries ask what machine this is.
_ASKS = ("uname", "ldconfig", "lscpu", "nproc", "arch")
#: Files that keep nothing.
_NOWHERE = ("/dev/null", "/dev/tty", "/dev/urandom", "/dev/random", "/proc/self/")
#: Seconds between two looks at whether the earlier run is over.
_LOOK = 0.02


class Outside:
    """Calls ``reached`` before a run does what could be seen from outside of ``folders``."""

    def __init__(self, folders: Sequence[str], reached: Callable[[], None]) -> None:
        self._inside = tuple(os.path.realpath(folder) for folder in folders)
        self._reached = reached
        self._temporary: set[str] = set()  # files and folders under random names

    def heard(self, event: str, arguments: Sequence[Any]) -> None:
        """One of :data:`EVENTS`, before what it announces is done."""
        try:
            seen = self._can_be_seen(event, arguments)
        except Exception as error:  # an argument that we do not know
            pass_on(error)
            seen = True
        if seen:
            self._reached()

    def _can_be_seen(self, event: str, arguments: Sequence[Any]) -> bool:
        if event in _REACHES:
            return not _is_harmless(event, arguments)
        if event == "open" and not _writes(*arguments[1:3]):
            return False
        named = (
            _named(arguments[place], None if folder is None else arguments[folder])
            for place, folder in _PATHS[event]
        )
        return any(name and not self._is_ours(event, name) for name in named)

    def _is_ours(self, event: str, name: str) -> bool:
        """Whether nobody else meets what lies, or comes to lie, under this path."""
        if name.startswith(_NOWHERE) or "__pycache__" in name:
            return True
        follows = event in ("open", "os.truncate")  # a link; others change the link itself
        path = Path(name)
        name = str(path.resolve() if follows else path.parent.resolve() / path.name)
        if event in ("open", "os.mkdir") and _by_tempfile():
            self._temporary.add(name)
        if any(_lies_in(name, place) for place in (*self._inside, *self._temporary)):
            return True
        return is_compiled(name) or (event == "os.mkdir" and Path(name).is_dir())


def tells(file: Path) -> Callable[[], None]:
    """Makes ``file``, which is there for as long as nothing outside was reached."""
    file.touch()

    def reached() -> None:
        file.unlink(missing_ok=True)

    return reached


def wait_for_any(*files: Path) -> None:
    """Wait until one of ``files`` is there."""
    while not any(file.exists() for file in files):
        time.sleep(_LOOK)


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _is_harmless(event: str, arguments: Sequence[Any]) -> bool:
    if event == "subprocess.Popen":
        return Path(os.fsdecode(arguments[0])).name in _ASKS
    if event == "socket.bind":  # to any port that is free
        address = arguments[1]
        return isinstance(address, tuple) and address[1] == 0
    return event == "os.kill" and bool(arguments[0] == os.getpid())


def _named(path: Any, folder: Any) -> str:
    """An absolute path, "" for what has none: a pipe, a database in memory."""
    if isinstance(path, int):
        return _of_descriptor(path)
    name = os.fsdecode(path)
    if name == ":memory:":
        return ""
    if name.startswith("file:"):
        name = name.removeprefix("file:").partition("?")[0]
    start = _of_descriptor(folder) if isinstance(folder, int) and folder >= 0 else ""
    return os.path.abspath(Path(start) / name)  # noqa: PTH100  # without following links


def _of_descriptor(number: int) -> str:
    path = Path(f"/proc/self/fd/{number}").readlink()
    return str(path) if path.is_absolute() else ""


def _by_tempfile() -> bool:
    """Whether what is made gets a random name, which no other process meets."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_globals.get("__name__") == "tempfile":
            return True
        frame = frame.f_back
    return False


def _lies_in(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder + os.sep)
