"""How many cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Cores of this machine that are ours to use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
