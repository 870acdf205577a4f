"""What stands between us and a script's process: it leaves the user's folders as they are.

Started as ``python -I -S enter.py SPECIFICATION COMMAND...``, it becomes the command. Nothing but
Python's own modules is imported, in a few milliseconds. Folders named in the specification are
covered by overlays in a mount namespace of this process: it sees them under their own paths, and
what it writes there goes to a folder of ours. The process ends when its parent does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

_NEWUSER, _NEWNS = 0x10000000, 0x00020000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_PDEATHSIG = 1
#: The exit code that says that the folders could not be covered; the command did not run.
REFUSED = 117


def _call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _mount(what: str, where: str, kind: str, flags: int, options: str = "") -> None:
    _call("mount", what.encode(), where.encode(), kind.encode(), flags, options.encode())


def _unshare() -> str:
    """A mount namespace of our own; what an overlay's options need in it."""
    try:
        _call("unshare", _NEWNS)
    except OSError:
        user, group = os.getuid(), os.getgid()
        _call("unshare", _NEWUSER | _NEWNS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123  # pathlib is slow
                file.write(text)
        return ",userxattr"
    _mount("none", "/", "", _REC | _PRIVATE)
    return ""


def cover(folders: list[dict[str, str]]) -> None:
    """Cover every ``folder``: changes go to ``upper``; ``lower`` shows it as it is.

    Where ``upper`` is a copy already, that is mounted and no overlay; where there is none, the
    folder is shown as it is, above the overlay of one that holds it, which would hide it.
    """
    options = _unshare()
    for one in folders:  # all, before one of them covers another
        _mount(one["folder"], one["lower"], "", _BIND | _REC)
    for one in folders:
        if one.get("copied") or "upper" not in one:
            _mount(one.get("upper", one["lower"]), one["folder"], "", _BIND | _REC)
            continue
        # By its place in a folder of ours: a name may hold what ends a path among these options.
        paths = f"lowerdir={one['lower']},upperdir={one['upper']},workdir={one['work']}"
        _mount("overlay", one["folder"], "overlay", 0, paths + options)


def main() -> None:
    """Prepare this process, then become the command."""
    specification = json.loads(sys.argv[1])
    folder = os.getcwd()  # noqa: PTH109
    try:
        if specification["folders"]:
            cover(specification["folders"])
            os.chdir(folder)  # the same path leads into the overlay from now on
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(REFUSED)
    parent = specification.get("parent")
    # After the namespaces, which may take it back.
    if parent and sys.platform == "linux":
        _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that
            sys.exit(REFUSED)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
