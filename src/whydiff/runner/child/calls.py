"""Requests about measuring calls, answered in the process that ran them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from whydiff.core.calls import joined_call
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.replay.calls.hybrids import CallHybrids, Fields, ragged_columns
from whydiff.replay.calls.layers import first_otherwise
from whydiff.replay.calls.logged import (
    rows_of_fit_equal,
    take_apart,
    validation_parts,
    validation_rows_equal,
)
from whydiff.replay.calls.running import Measured
from whydiff.replay.calls.scores import as_evaluate, by_position, rescored
from whydiff.runner.call_codec import pack_call, unpack_call
from whydiff.runner.replica_inputs import savable, save_arrays
from whydiff.stats.correspondence import correspondence
from whydiff.storage import load


class CallServer:
    """``calls`` are this process's measuring calls, ``lives`` its fits."""

    def __init__(self, calls: Sequence[LiveCall], lives: Sequence[Live]) -> None:
        self._calls = {live.call.number: live for live in calls}
        self._lives = {live.index: live for live in lives}
        self._hybrids: CallHybrids | None = None

    def join(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Take calls that a loop made one after the other for one call, under the number that is
        answered."""
        lives = [self._call(n) for n in numbers]
        parts = [live.fed for live in lives]
        fed = None if any(part is None for part in parts) else sum((p or () for p in parts), ())
        joined = replace(lives[0], call=joined_call([live.call for live in lives]), fed=fed)
        self._calls[-numbers[0]] = joined
        return {"number": -numbers[0]}

    def pair(self, a: int, b: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Name the two calls to make hybrids of, and which field belongs to which source."""
        self._hybrids = CallHybrids(
            {"a": self._call(a), "b": self._call(b)},
            Fields(
                {s: [(int(i), int(j)) for i, j in pairs] for s, pairs in fields["tensors"].items()},
                tuple(fields["structure"]),
                fields["held"],
                bool(fields["policies"]),
                bool(fields["compiled"]),
                tuple(fields["separate"]),
                bool(fields["weighted"]),
            ),
        )
        return {}

    def pack(self, number: int, folder: str) -> dict[str, Any]:
        """Write one call for another process."""
        pack_call(self._call(number), Path(folder), keras.tree.flatten)
        return {}

    def adopt(self, folder: str, recording: str, number: int, like: int) -> dict[str, Any]:
        """Take over a call of another process under the number 0; ``like`` is its counterpart."""
        call = next(c for c in load(recording).calls if c.number == number)
        own = self._call(like)
        self._calls[0] = unpack_call(Path(folder), own, call, keras.tree.pack_sequence_as)
        return {}

    def measure(self, choice: Mapping[str, str], output: str) -> dict[str, Any]:
        """Run a hybrid; outputs go to ``output`` (.npz) by position."""
        assert self._hybrids is not None
        return _saved(_refused(self._hybrids.measure, choice), output)

    def again(self, side: str, output: str) -> dict[str, Any]:
        """Run one side from its own fields in its own model."""
        assert self._hybrids is not None
        return _saved(_refused(self._hybrids.again, side), output)

    def otherwise(self) -> dict[str, Any]:
        """The first layer that answers otherwise on equal input, with its settings."""
        assert self._hybrids is not None
        return asdict(_refused(first_otherwise, self._hybrids))

    def rows(self, a: int, b: int) -> dict[str, Any]:
        """How B's inputs follow from A's, leaf by leaf; see stats.correspondence."""
        sides = [self._call(n).fed for n in (a, b)]
        if sides[0] is None or sides[1] is None:
            return {"kinds": [], "texts": []}
        try:
            one, two = (ragged_columns([(batch[0],) for batch in side or ()]) for side in sides)
        except TransferError:
            return {"kinds": [], "texts": []}
        found = [correspondence(x, y) for x, y in zip(one, two, strict=False)]
        if len(one) != len(two):
            return {"kinds": [], "texts": []}
        return {"kinds": [c.kind for c in found], "texts": [c.text for c in found]}

    def fit_rows(self, fit: int, call: int, validation: bool = False) -> dict[str, Any]:
        """Whether evaluate was given the very rows that a fit was trained (validated) on."""
        live = self._lives.get(fit)
        if live is None:
            return {"equal": False}
        equal = validation_rows_equal if validation else rows_of_fit_equal
        return {"equal": equal(live, self._call(call))}

    def logged(self, fit: int, call: int, metric: str) -> dict[str, Any]:
        """What fit logged against evaluate, in parts that add up to the gap."""
        return {"parts": _refused(take_apart, self._fit(fit), self._call(call), metric)}

    def validated(self, fit: int, call: int, metric: str) -> dict[str, Any]:
        """A metric in the validation batches of a fit, with evaluate's weights and the final."""
        return {"parts": _refused(validation_parts, self._fit(fit), self._call(call), metric)}

    def rescore(self, evaluate: int, score: int, reads: int, metric: str) -> dict[str, Any]:
        """A score computed again under other rules, by what was changed; ``evaluate`` is the
        number of a call, or that of a fit below 0."""
        predicted = self._call(reads)
        held = (
            as_evaluate(self._fit(-evaluate), predicted, metric)
            if evaluate < 0
            else self._call(evaluate)
        )
        scored, lives = self._call(score), list(self._lives.values())
        return {"values": _refused(rescored, held, scored, predicted, metric, lives)}

    def by_position(self, evaluate: int, predict: int, metric: str) -> dict[str, Any]:
        """evaluate's metric from predictions, with labels of their rows and of another pass."""
        calls = self._call(evaluate), self._call(predict)
        return {"values": _refused(by_position, *calls, metric)}

    def _fit(self, index: int) -> Live:
        live = self._lives.get(index)
        if live is None:
            raise TransferError("the fit was not watched to its end")
        return live

    def _call(self, number: int) -> LiveCall:
        if number not in self._calls:
            raise WhydiffError(
                f"call {number} was not watched to its end, so it cannot be run again",
                "`whydiff record` and `whydiff show` still say what was seen of it.",
            )
        return self._calls[number]


def _refused(compute: Callable[..., Any], *arguments: Any) -> Any:
    """What ``compute`` gives; TransferError where it fails for whatever reason."""
    try:
        return compute(*arguments)
    except TransferError:
        raise
    except Exception as error:
        raise TransferError(_first_line(error)) from error


def _saved(measured: Measured, output: str) -> dict[str, Any]:
    save_arrays(output, {str(i): savable(o) for i, o in enumerate(measured.outputs)})
    dtypes = [str(o.dtype) for o in measured.outputs]
    return {"values": dict(measured.values), "outputs": len(measured.outputs), "dtypes": dtypes}


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return (said[0] if said else type(error).__name__)[:200]
