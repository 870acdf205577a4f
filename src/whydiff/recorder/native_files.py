"""Files that a backend's library opens in C++, where Python's audit events do not see them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import keras

from whydiff.core.interrupting import pass_on
from whydiff.keras_backend.patches import Patches
from whydiff.recorder.opened import OPENED
from whydiff.recorder.session import Holder

#: called with the path that a library was given, before it opens the file
Note = Callable[[str], None]
#: what TensorFlow adds to the prefix of a checkpoint for the file that lists its tensors
_INDEX = ".index"


def watch_native_files(holder: Holder, patches: Patches) -> None:
    """Tell ``OPENED`` of the files that ``torch.save`` and ``tf.train.Checkpoint`` open."""
    backend = keras.backend.backend()
    if backend == "torch":
        _before(patches, sys.modules["torch"], "save", "f", OPENED.wrote)
    elif backend == "tensorflow":
        checkpoint = sys.modules["tensorflow"].train.Checkpoint
        uses = (("_write", "file_prefix", OPENED.wrote), ("read", "save_path", OPENED.reads))
        for name, parameter, note in uses:
            if hasattr(checkpoint, name):  # save() and write() both end in _write()
                _before(patches, checkpoint, name, parameter, _of_index(note))


def _of_index(note: Note) -> Note:
    return lambda prefix: note(prefix + _INDEX)


def _before(patches: Patches, owner: Any, name: str, parameter: str, note: Note) -> None:
    """Call ``note`` with the path that is a function's second argument, then the function."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            path = args[1] if len(args) > 1 else kwargs.get(parameter)
            if isinstance(path, str | os.PathLike):
                note(os.fspath(path))
        except Exception as error:  # what we see of a script must never stop it
            pass_on(error)
        return original(*args, **kwargs)

    patches.replace(owner, name, watched)
