"""Ending as the script ended, so that whoever started us sees what a plain run would show."""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def end_by_signal(number: int) -> None:
    """End this process by a signal that ended the script; nothing more is printed.

    Where the signal does not end it, the exit code is what a shell makes of it.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the script left one if it was to
    with contextlib.suppress(OSError, ValueError):
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(128 + number)
