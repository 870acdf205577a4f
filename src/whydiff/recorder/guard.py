"""Trouble of ours must never reach the training that is watched."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

T = TypeVar("T")
_SAID: list[type] = []


def never_in_the_way(method: Callable[..., Any]) -> Callable[..., Any]:
    """Trouble in a watch's method ends the watching, never the training.

    The object has ``index`` (its number) and ``trouble`` ("" as long as there is none).
    """

    @functools.wraps(method)
    def guarded(self: Any, *args: Any) -> Any:
        if self.trouble:
            return None
        try:
            return method(self, *args)
        except Exception as error:
            if of_a_signal(error):
                raise
            self.trouble = f"{type(error).__name__}: {error}"
            say(f"fit {self.index} is no longer watched: {self.trouble}")
            return None

    return guarded


def unharmed(function: Callable[..., T], *args: Any, otherwise: T) -> T:
    """``function(*args)``, or ``otherwise`` where that fails: its trouble is ours alone."""
    try:
        return function(*args)
    except Exception as error:
        if of_a_signal(error):
            raise
        if not _SAID:  # whatever fails for one layer fails for a thousand
            _SAID.append(error.__class__)
            say(f"not everything is watched: {type(error).__name__}: {error}")
        return otherwise


def of_a_signal(error: BaseException) -> bool:
    """Whether a handler of the script's for a signal raised this, which came while our code ran.

    That is meant for the script: a time limit by SIGALRM ends its training, wherever it strikes.
    """
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    codes = {code for handler in handlers if (code := _code_of(handler)) is not None}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _code_of(handler: Any) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    if not callable(handler):  # the default, or none at all
        return None
    called = getattr(handler, "__func__", handler)
    method = getattr(type(handler), "__call__", None)  # noqa: B004 - of an object that is called
    code = getattr(called, "__code__", None) or getattr(method, "__code__", None)
    return code if isinstance(code, CodeType) else None


def say(text: str) -> None:
    """A line on stderr, if that still takes one; the traceback, too, under WHYDIFF_DEBUG."""
    with contextlib.suppress(Exception):
        sys.stderr.write(f"whydiff: {text}\n")
        if os.environ.get("WHYDIFF_DEBUG"):
            traceback.print_exc()
