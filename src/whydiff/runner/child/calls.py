"""Requests about measuring calls, answered in the process that ran them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from whydiff.core.call_hybrids import LayerDifference, Measurement
from whydiff.core.calls import joined_call, part_of
from whydiff.core.chains import Pick
from whydiff.core.errors import WhydiffError, unreachable
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall, Samples
from whydiff.replay.calls.cuts import between_evaluates
from whydiff.replay.calls.hybrids import CallHybrids, draws_itself, ragged_columns
from whydiff.replay.calls.layers import (
    first_beyond_rounding,
    first_mixing,
    first_otherwise,
    layers_called,
)
from whydiff.replay.calls.logged import (
    epoch_call,
    log_uninterrupted,
    one_step,
    rows_of_fit_equal,
    take_apart,
    validation_call,
    validation_parts,
    validation_rows_equal,
)
from whydiff.replay.calls.running import Measured, preserved
from whydiff.replay.calls.scores import as_evaluate, by_position, rescored, two_metrics
from whydiff.runner import codec, messages as m
from whydiff.runner.child.packing import call_arrays, live_call
from whydiff.stats.adapted import follows
from whydiff.stats.correspondence import Correspondence, correspondence, rounded_weights
from whydiff.storage import load

Result = TypeVar("Result")
#: Calls that are looked at in part have numbers below this, far from those of joined ones.
_RESTRICTED = -1_000_000


class CallServer:
    """``calls`` are this process's measuring calls, ``lives`` its fits."""

    def __init__(self, calls: Sequence[LiveCall], lives: Sequence[Live]) -> None:
        self._calls = {live.call.number: live for live in calls}
        self._lives = {live.index: live for live in lives}
        self._remade: dict[Callable[[], Any], Any] = {}  # models as they were before a change
        self._paired: CallHybrids | None = None

    def answer(self, request: m.CallRequest) -> object:
        """What comes of a request; TransferError or WhydiffError with its why."""
        match request:
            case m.PairCalls(a, b, fields):
                sides = {"a": self._call(a), "b": self._call(b)}
                earlier = {name: self._earlier(live) for name, live in sides.items()}
                self._paired = CallHybrids(sides, fields, earlier)
                return None
            case m.JoinCalls():
                return self.join(request)
            case m.RestrictCall(number, rows):
                return self.restrict(number, rows)
            case m.PackCall(number, file):
                codec.save(call_arrays(self._call(number)), file)
                return None
            case m.AdoptCall():
                self.adopt(request)
                return None
            case m.MeasureHybrid(choice):
                return _measurement(_tried(lambda: self._hybrids.measure(choice)))
            case m.MeasureAgain(side):
                return _measurement(_tried(lambda: self._hybrids.again(side)))
            case m.KeepLayers(file):
                codec.save(_tried(lambda: list(layers_called(self._hybrids))), file)
                return None
            case m.FindLayer(mixing=True):
                return _tried(lambda: first_mixing(self._hybrids))
            case m.FindLayer(kept):
                return self.find_layer(kept)
            case m.CompareCuts(metric):
                return _tried(lambda: between_evaluates(self._hybrids, metric))
            case m.RelateRows():
                return self.relate_rows(request)
            case m.FollowByLayers():
                return self.followed_by(request)
            case m.RelateWeights(a, b):
                return rounded_weights(self._call(a).weights, self._call(b).weights)
            case m.SameRows():
                trained = self._lives.get(request.fit)
                if trained is not None and request.step is not None:
                    trained = one_step(trained, self._call(request.call), request.step)
                equal = validation_rows_equal if request.validation else rows_of_fit_equal
                return trained is not None and equal(trained, self._call(request.call))
            case m.LossParts():
                return self.loss_parts(request)
            case m.ValidationParts(fit, number, metric):
                live, call = self._fit(fit), self._call(number)
                return _tried(lambda: validation_parts(live, call, metric))
            case m.Rescore():
                return self.rescore(request)
            case m.TwoMetrics(m.OwnFit(fit), metrics, True):
                live = self._fit(fit)
                return _tried(lambda: two_metrics(epoch_call(live), metrics))
            case m.TwoMetrics(number, metrics):
                evaluate = self._call_or_validation(number)
                return _tried(lambda: two_metrics(evaluate, metrics))
            case m.MeasureByPosition(number, other, metric):
                evaluate, predict = self._call(number), self._call(other)
                return _tried(lambda: by_position(evaluate, predict, metric))
            case _:
                unreachable(request)

    def _earlier(self, live: LiveCall) -> list[LiveCall]:
        """The calls that the compiled function of a call answered before."""
        if live.function is None or not draws_itself(live):
            return []
        return [
            one
            for number, one in sorted(self._calls.items())
            if 0 < number < live.call.number and one.function is live.function
        ]

    @property
    def _hybrids(self) -> CallHybrids:
        assert self._paired is not None, "PairCalls comes first"
        return self._paired

    def join(self, request: m.JoinCalls) -> int:
        """Calls that a loop made one after the other as one, under the number that is answered."""
        lives = [self._call(number) for number in request.calls]
        parts = [live.fed for live in lives]
        fed = None if any(part is None for part in parts) else sum((p or () for p in parts), ())
        number = -request.calls[0]
        self._calls[number] = replace(
            lives[0], call=joined_call([live.call for live in lives]), fed=fed
        )
        return number

    def restrict(self, number: int, rows: tuple[int, ...]) -> int:
        """Some rows of a call as a call, under the number that is answered."""
        whole, restricted = self._call(number), min(_RESTRICTED, *self._calls) - 1
        self._calls[restricted] = replace(whole, call=part_of(whole.call, rows), part=rows)
        return restricted

    def adopt(self, request: m.AdoptCall) -> None:
        """Take over a call of another process."""
        recorded = {call.number: call for call in load(request.recording).calls}
        calls = [recorded[number] for number in request.calls]
        call = joined_call(calls) if len(calls) > 1 else calls[0]
        like = self._call(request.like)
        self._calls[0] = live_call(codec.load(request.file), like, call)

    def find_layer(self, kept: str) -> LayerDifference:
        """The first layer that answers otherwise on equal input, with its settings."""
        if not kept:
            return _tried(lambda: first_otherwise(self._hybrids))
        calls = codec.load(kept)
        return _tried(lambda: first_beyond_rounding(self._hybrids, calls))

    def relate_rows(self, request: m.RelateRows) -> m.RowRelations:
        """How B's inputs or labels follow from A's, leaf by leaf; nothing where they are nested
        otherwise."""
        lives = [self._call(number) for number in (request.a, request.b)]
        try:
            one, other = (_fed_to(live, 1 if request.labels else 0) for live in lives)
        except TransferError:
            return m.RowRelations()
        if len(one) != len(other):
            return m.RowRelations()
        return _relations(correspondence(x, y) for x, y in zip(one, other, strict=True))

    def followed_by(self, request: m.FollowByLayers) -> int:
        """The first way by which all of B's inputs that differ follow from A's; -1 by none."""
        try:
            one, other = (_fed_to(self._call(number), 0) for number in (request.a, request.b))
        except TransferError:
            return -1
        if len(one) != len(other) or not all(isinstance(x, np.ndarray) for x in (*one, *other)):
            return -1
        pairs = [(x, y) for x, y in zip(one, other, strict=True) if not np.array_equal(x, y)]
        found = (
            i
            for i, (before, behind) in enumerate(request.ways)
            if pairs and all(follows(x, y, before, behind) for x, y in pairs)
        )
        return next(found, -1)

    def loss_parts(self, request: m.LossParts) -> Mapping[str, Any]:
        """What a fit logged against another number, in parts."""
        live, metric = self._fit(request.fit), request.metric
        call = self._call_or_validation(request.call)
        live = live if request.step is None else one_step(live, call, request.step)
        parts = _tried(lambda: take_apart(live, call, metric))
        if isinstance(request.call, m.OwnFit):
            parts["other samples"] = not rows_of_fit_equal(live, call)
        if request.uninterrupted:
            parts["uninterrupted"] = _tried(lambda: log_uninterrupted(live, metric))
        return parts

    def rescore(self, request: m.Rescore) -> Mapping[str, float]:
        """A score computed again under other rules, by what was changed."""
        reads, score = self._call(request.reads), self._call(request.score)
        evaluate = (
            as_evaluate(self._fit(request.evaluate.fit), reads, request.metric)
            if isinstance(request.evaluate, m.OwnFit)
            else self._call(request.evaluate)
        )
        lives = list(self._lives.values())
        power = request.power
        return _tried(lambda: rescored(evaluate, score, reads, request.metric, lives, power))

    def _fit(self, pick: Pick) -> Live:
        live = self._lives.get(pick) if isinstance(pick, int) else None
        if live is None:
            raise TransferError("the fit was not watched to its end")
        return live

    def _call_or_validation(self, number: int | m.OwnFit) -> LiveCall:
        """A call, or the last validation of a fit as one."""
        if isinstance(number, m.OwnFit):
            return validation_call(self._fit(number.fit))
        return self._call(number)

    def _call(self, number: int) -> LiveCall:
        if number not in self._calls:
            raise WhydiffError(
                f"call {number} was not watched to its end, so it cannot be run again",
                "`whydiff record` and `whydiff show` still say what was seen of it.",
            )
        live = self._calls[number]
        return live if live.remade is None else replace(live, model=self._as_it_was(live))

    def _as_it_was(self, live: LiveCall) -> Any:
        """The model of a call that was changed in place since, made anew."""
        make = live.remade
        assert make is not None
        if make not in self._remade:
            with preserved(live.model):
                model = self._remade[make] = _tried(make)
                if live.compile_arguments:
                    model.compile(**live.compile_arguments)
        return self._remade[make]


def _fed_to(live: LiveCall, part: int) -> list[Any]:
    """A part of the batches that a call was fed, array by array; of one that is looked at in part
    those rows."""
    if live.fed is None or any(len(batch) <= part for batch in live.fed):
        raise TransferError("what it was fed was too large to keep, or it was given none")
    found = ragged_columns([(batch[part],) for batch in live.fed])
    if live.part is None:
        return found
    rows = list(live.part)
    return [x[rows] if isinstance(x, np.ndarray) else [x[i] for i in rows] for x in found]


def related_samples(a: Samples, b: Samples) -> m.RowRelations:
    """How the inputs and targets of one fit follow from those of another, array by array; nothing
    where they were not kept or are no equally many samples."""
    if any(s.leaves is None or s.unit == "batch" for s in (a, b)) or len(a) != len(b):
        return m.RowRelations()
    one, other = (
        [x for x, role in zip(s.leaves or (), s.roles, strict=True) if role != "weight"]
        for s in (a, b)
    )
    if len(one) != len(other) or [x is None for x in one] != [y is None for y in other]:
        return m.RowRelations()
    pairs = zip(one, other, strict=True)
    return _relations(correspondence(x, y) for x, y in pairs if x is not None)


def _relations(found: Iterable[Correspondence]) -> m.RowRelations:
    related = list(found)
    return m.RowRelations(*(tuple(part) for part in zip(*related, strict=True)))


def _measurement(measured: Measured) -> Measurement:
    return Measurement(tuple(measured.outputs), dict(measured.values))


def _tried(run: Callable[[], Result]) -> Result:
    """What ``run`` gives; TransferError where it fails for whatever reason."""
    try:
        return run()
    except TransferError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()
        raise TransferError((said[0] if said else type(error).__name__)[:200]) from error
