"""Warnings of what only we asked for are nobody's: a script would not have caused them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unwarned() -> Iterator[None]:
    """Code that warns inside warns nobody, and a script that has warnings raised gets none.

    ``warnings.catch_warnings`` would let Python forget which warnings the script has seen already.
    """
    warn, thread = warnings.warn, threading.get_ident()

    def unheard(*args: Any, **kwargs: Any) -> None:
        if threading.get_ident() != thread:
            warn(*args, **kwargs)

    warnings.warn = unheard
    try:
        yield
    finally:
        if warnings.warn is unheard:
            warnings.warn = warn
