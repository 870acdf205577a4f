"""Processes of this machine: how many cores there are, and who ends with whom."""

from __future__ import annotations

import os
import threading
import time

#: Seconds between two looks at whether the parent is still there.
_LOOK = 0.5


def cores() -> int:
    """Cores of this machine that are ours to use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def end_with(parent: int) -> None:
    """In a worker: end when the process that made it is gone, which pools do not see.

    ``parent`` is told by that process: it may be gone before the worker could ask who it was.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
