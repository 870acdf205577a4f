"""How much memory the machine has left, and how much the largest child took."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int | None:
    """Bytes that programs can still have without swapping; None where the system does not say."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kilobytes = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((1024 * int(number) for number in kilobytes), None)


def peak_of_children() -> int:
    """The most bytes that any process that we started, and that is over, held at a time."""
    import resource  # not on Windows, where no script is run

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def peak_of(process_id: int) -> int | None:
    """The most bytes that a living process held at a time; None where the system does not say."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return next((1024 * int(number) for number in kilobytes), None)


def return_freed_memory() -> None:
    """Let the system have what this process freed and its allocator holds back, where it can.

    glibc keeps what was freed in pieces of up to 32 MiB; others need no asking.
    """
    if sys.platform == "linux":
        with contextlib.suppress(Exception):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)
