"""Temporary folders of which nothing is left, however the process ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from whydiff.core.errors import WhydiffError

PREFIX = "whydiff-"
#: The environment variable by which processes that scripts started are known to be of a folder.
OF_FOLDER = "WHYDIFF_FOLDER"
#: Waits until the pipe from us is closed, which the system does when we are killed; then ends what
#: scripts left running (workers of pools, servers) and removes the folder, again and again while
#: what dies with us may still write into it.
_GUARD = f"""
read -r _
for _ in 1 2 3 4 5 6 7 8 9; do
    for process in $(grep -lsF -- "{OF_FOLDER}=$1" /proc/[0-9]*/environ); do
        process=${{process#/proc/}}
        kill -9 "${{process%/environ}}"
    done
    rm -rf -- "$1" && [ ! -e "$1" ] && exit
    sleep 0.1
done
"""
#: Seconds that the guard has to see that there is nothing to do any more.
_PATIENCE = 5
#: Bytes: a disk with less room than that is full, for what we keep on it.
_ROOM = 2**20
_ELSEWHERE = "Make room there, or let the environment variable TMPDIR name another place."


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A new folder, removed at the end: also where this process is killed and can do nothing.

    Raises WhydiffError where none can be made, and in place of any trouble inside if its disk is
    full then: an empty recording or a request without an answer comes of that.
    """
    try:
        folder = tempfile.mkdtemp(prefix=PREFIX)
    except OSError as error:
        raise WhydiffError(f"no temporary folder can be made: {error}", _ELSEWHERE) from None
    guard = _guard(folder)
    try:
        yield folder
    except Exception as error:
        left = shutil.disk_usage(folder).free if Path(folder).exists() else _ROOM
        if left >= _ROOM:
            raise
        raise WhydiffError(
            f"the disk that holds {Path(folder).parent} is full ({left // 1024} KiB are left), and "
            f"temporary files go there; so this failed: {error}",
            _ELSEWHERE,
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if guard is not None and guard.stdin is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                guard.stdin.close()
                guard.wait(_PATIENCE)


def _guard(folder: str) -> subprocess.Popen[bytes] | None:
    """A shell that outlives us by what it takes to remove the folder; None where there is none."""
    if os.name != "posix":
        return None
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(Path(folder).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # a signal to our group is none to it
        )
    except OSError:
        return None
