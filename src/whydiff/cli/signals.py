"""Ending by signals: those that reach us, and those that the script ended by."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from whydiff.core.errors import Terminated

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
#: Seconds after which an ending that was raised in vain is raised again.
_AGAIN = 0.02


def end_in_order() -> None:
    """From now on SIGTERM and SIGHUP raise Terminated, so that children and folders go first.

    A signal that whoever started us had ignored (``nohup``) stays ignored. One may strike while a
    finalizer or the callback of a weak reference runs (each import has one): Python drops what is
    raised there, so it is raised again until it gets through.
    """

    def end(number: int, frame: object) -> None:
        for other in _ENDING:  # a second one changes nothing: everything is ending
            signal.signal(other, signal.SIG_IGN)
        raise Terminated(number)

    with contextlib.suppress(ValueError):  # not in the main thread: in somebody's tests
        ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
        for number in ours:
            signal.signal(number, end)
        if ours and hasattr(signal, "setitimer"):
            sys.unraisablehook = _raise_again(sys.unraisablehook)


def _raise_again(before: Callable[[Any], object]) -> Callable[[Any], object]:
    """A hook for exceptions that Python drops, an ending among them; others go to ``before``."""

    def hook(dropped: Any) -> None:
        error = dropped.exc_value
        if not isinstance(error, Terminated):
            before(dropped)
            return
        number = error.number

        def end(alarm: int, frame: object) -> None:
            raise Terminated(number)

        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)  # raised here, it would be dropped, too

    return hook


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
