"""Files that a backend's library opens in C++, where Python's audit events do not see them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.keras_backend import adapter
from whydiff.keras_backend.base import OpensFile
from whydiff.keras_backend.patches import Patches
from whydiff.recorder.opened import OPENED
from whydiff.recorder.session import Holder


def watch_native_files(holder: Holder, patches: Patches) -> None:
    """Tell ``OPENED`` of the files that the backend's library opens by itself."""
    del holder  # whoever holds the session: files belong to the whole execution
    for use in adapter().opens_files():
        patches.replace(use.owner, use.name, told(use))


def told(use: OpensFile) -> Callable[..., Any]:
    """The function, which tells ``OPENED`` of the file before it opens it."""
    original = getattr(use.owner, use.name)

    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            path = args[1] if len(args) > 1 else kwargs.get(use.parameter)
            if isinstance(path, str | os.PathLike):
                note = OPENED.wrote if use.writes else OPENED.reads
                note(os.fspath(path) + use.suffix)
        except Exception as error:  # what we see of a script must never stop it
            pass_on(error)
        return original(*args, **kwargs)

    return watched
