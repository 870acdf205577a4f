"""When it is looked whether a callback of the user's has changed the training."""

from __future__ import annotations

from typing import Any

import pytest

from whydiff.recorder.interference import Interference, _probe_class


class Quiet:
    """A callback that does nothing."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None: ...


class Looks(Interference):
    def __init__(self) -> None:
        self.looked: list[int | None] = []

    def probe(self, position: int | None) -> None:
        self.looked.append(position)


@pytest.mark.parametrize("moment", ["on_train_begin", "on_train_end"])
def test_a_training_is_looked_at_where_it_begins_and_ends(moment: str) -> None:
    looks = Looks()
    probe = _probe_class(Quiet)(looks, 2)
    getattr(probe, moment)()
    assert looks.looked == [2]


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_epoch_end"])
def test_a_training_is_looked_at_around_its_epochs(moment: str) -> None:
    looks = Looks()
    getattr(_probe_class(Quiet)(looks, None), moment)(0)
    assert looks.looked == [None]
