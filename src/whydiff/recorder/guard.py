"""Trouble of ours must never reach the training that is watched."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from whydiff.core.interrupting import HANDLERS, pass_on, quietly

T = TypeVar("T")
_SAID: list[type] = []


def never_in_the_way(method: Callable[..., Any]) -> Callable[..., Any]:
    """Trouble in a watch's method ends the watching, never the training.

    The object has ``index`` (its number) and ``trouble`` ("" as long as there is none).
    """
    return _ending_the_watch(
        method, lambda watch: say(f"fit {watch.index} is no longer watched: {watch.trouble}")
    )


def told_later(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same where the object tells its ``trouble`` itself, when it is over."""
    return _ending_the_watch(method, lambda watch: _debug())


def _ending_the_watch(
    method: Callable[..., Any], tell: Callable[[Any], None]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.trouble:
            return None
        before = HANDLERS.put_off()
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            pass_on(error)
            self.trouble = f"{type(error).__name__}: {error}"
            tell(self)
            return None
        finally:
            HANDLERS.go_on(before)

    return guarded


def unharmed(function: Callable[..., T], *args: Any, otherwise: T) -> T:
    """``function(*args)``, or ``otherwise`` where that fails: its trouble is ours alone."""
    before = HANDLERS.put_off()
    try:
        return function(*args)
    except Exception as error:
        pass_on(error)
        if not _SAID:  # whatever fails for one layer fails for a thousand
            _SAID.append(error.__class__)
            say(f"not everything is watched: {type(error).__name__}: {error}")
        return otherwise
    finally:
        HANDLERS.go_on(before)


def begun(function: Callable[..., T], *args: Any, otherwise: T) -> tuple[T, int | None]:
    """As :func:`unharmed`, for what is to be ended again: handlers of signals go on waiting until
    ``HANDLERS.go_on`` gets what comes second, where the end is certain."""
    HANDLERS.look()
    before = HANDLERS.put_off()
    try:
        return unharmed(function, *args, otherwise=otherwise), before
    except BaseException:
        HANDLERS.go_on(before)
        raise


def say(text: str) -> None:
    """A line on stderr, if that still takes one; the traceback, too, under WHYDIFF_DEBUG."""
    with quietly():
        sys.stderr.write(f"whydiff: {text}\n")
        _debug()


def _debug() -> None:
    if os.environ.get("WHYDIFF_DEBUG"):
        traceback.print_exc()
