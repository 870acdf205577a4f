"""A model measured by another's loss and metrics for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from whydiff.core.feeding import TransferError
from whydiff.core.live import LiveCall


@contextlib.contextmanager
def compiled_like(model: Any, other: LiveCall) -> Iterator[None]:
    """``model`` compiled with the arguments of another call's model; then as it was."""
    if not other.compile_arguments:
        raise TransferError("it is not known with which arguments the model was compiled")
    before = dict(vars(model))
    lists = {k: list(v) for k, v in before.items() if isinstance(v, list)}
    try:
        model.compile(**other.compile_arguments)
        yield
    finally:
        for name in set(vars(model)) - set(before):
            del vars(model)[name]
        vars(model).update(before)
        for name, content in lists.items():
            vars(model)[name][:] = content
