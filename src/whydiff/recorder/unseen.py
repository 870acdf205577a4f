"""Errors of the script pass through our wrappers as if these were not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).parents[1]) + os.sep


class _Unseen(contextlib.AbstractContextManager[None]):
    """Takes our frames off the head of an error's traceback; one for all wrappers.

    A wrapper calls what it wraps ``with UNSEEN``, which costs no frame of its own. Python adds the
    frames of callers later, so that those in front of us are not here yet.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        if error is None or place is None:
            return
        called = place.tb_next is None  # with arguments that the function does not take
        while place is not None and place.tb_frame.f_code.co_filename.startswith(_OURS):
            place = place.tb_next
        if place is not None or called:  # else it is an error of ours
            error.__traceback__ = place


UNSEEN = _Unseen()
