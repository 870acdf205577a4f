"""Trouble of ours must never reach the training that is watched."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any


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
            self.trouble = f"{type(error).__name__}: {error}"
            print(
                f"whydiff: fit {self.index} is no longer watched: {self.trouble}", file=sys.stderr
            )
            if os.environ.get("WHYDIFF_DEBUG"):
                traceback.print_exc()
            return None

    return guarded
