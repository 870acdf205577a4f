"""Whoever holds the session that Keras reports to at the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from whydiff.keras_backend.patches import Patches
from whydiff.recorder.session import Session


class Holder(Protocol):
    """``session`` may change: a served child begins another one when it runs a script again."""

    @property
    def session(self) -> Session:
        """The session that it holds now."""
        ...


#: Watches something of Keras by changing it.
Step = Callable[[Holder, Patches], None]
