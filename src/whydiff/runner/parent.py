"""A child that does not outlive its parent, however that ends."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dies_with_parent() -> Callable[[], None] | None:
    """To be called in a child before it becomes the script's process; None where that cannot be.

    Linux then sends SIGTERM to the child when the thread that made it ends, so it has to be the
    main one. A served child of another thread ends by itself where its pipe is closed.
    """
    if not sys.platform.startswith("linux"):
        return None
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        control = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None

    def arrange() -> None:
        control(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    return arrange
