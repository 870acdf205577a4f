"""Watching functions that score predictions: scikit-learn's, where the script imports them.

Imports nothing but the standard library: scikit-learn may come before Keras, which is left to the
script to import.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from whydiff.core.interrupting import quietly
from whydiff.core.stack import in_library

PACKAGE = "sklearn.metrics"


def watch_sklearn(holder: Any) -> None:
    """Wrap the public functions of ``sklearn.metrics`` in place, for scripts that import them.

    scikit-learn's own modules keep the functions that they hold.
    """
    module = sys.modules[PACKAGE]
    for name in getattr(module, "__all__", ()):
        function = getattr(module, name, None)
        if inspect.isfunction(function):
            setattr(module, name, _watched(holder, function, name))


def _watched(holder: Any, function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def scored(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        session = holder.session
        by_user = not in_library(sys._getframe(1).f_code.co_filename)
        if by_user and session is not None and session.reads_scores(sys._getframe(1)):
            with quietly():  # what we see must never stop a script
                arguments = inspect.signature(function).bind(*args, **kwargs).arguments
                session.calls.scored(f"{PACKAGE}.{name}", dict(arguments), result)
        return result

    # A scorer that is sent to another process is found there under the name that it has here.
    scored.__module__, scored.__qualname__ = PACKAGE, name
    return scored
