"""What the process of a Keras 2 answers after its script: about hybrids of two fits or calls.

It imports nothing that is written for Keras 3, which may not be there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.live import Live, LiveCall
from whydiff.core.progress import EachEpoch
from whydiff.replay.keras2 import Keras2Hybrids
from whydiff.runner import codec, messages as m
from whydiff.runner.child.calls import CallServer, related_samples
from whydiff.runner.child.packing import adopted, fit_arrays, fit_of
from whydiff.runner.child.recorded import recorded_fit


class Keras2Server:
    """Answers for a process whose fits and calls are of models of Keras 2."""

    def __init__(
        self, lives: Sequence[Live], calls: Sequence[LiveCall], each_epoch: EachEpoch
    ) -> None:
        self._lives, self._each_epoch = lives, each_epoch
        self._calls = CallServer(calls, lives)
        self._hybrids: Keras2Hybrids | None = None

    def answer(self, request: m.AnyRequest) -> object:
        """What comes of a request; TransferError or WhydiffError with its why."""
        match request:
            case m.Pair():
                return self._pair(request)
            case m.Pack(fit, file):
                codec.save(m.TrainingArrays(fit_arrays(fit_of(self._lives, fit)), {}), file)
                return None
            case m.Recall(name):
                return self._paired.recall(name)
            case m.Train():
                return self._train(request)
            case m.MeasureLoss():
                return None
            case m.PicturesOfPair():
                return {}
            case m.RelateSamples():
                a, b = (self._paired.lives[name].material.samples for name in ("a", "b"))
                return related_samples(a, b)
            case m.ExamineStep():
                raise TransferError("steps of a model of Keras 2 are not looked into")
            case _ if isinstance(request, m.CallRequest):
                return self._calls.answer(request)
            case _:
                raise WhydiffError(
                    "fits of models of Keras 2 are recorded, compared and explained, no more",
                    "Run the script with Keras 3.",
                )

    @property
    def _paired(self) -> Keras2Hybrids:
        assert self._hybrids is not None, "Pair comes first"
        return self._hybrids

    def _pair(self, request: m.Pair) -> m.Paired:
        sides = {"a": request.a, "b": request.b}
        lives = {n: fit_of(self._lives, s.fit) for n, s in sides.items() if isinstance(s, m.OwnFit)}
        like = next(iter(lives.values()))
        if any(live.again == "script" for live in lives.values()):
            raise TransferError(
                "a loop of the script's own that trains a model of Keras 2 is recorded and "
                "compared, but not trained again"
            )
        for name, there in sides.items():
            if isinstance(there, m.FitElsewhere):
                lives[name] = adopted(there, codec.load(there.arrays), like)
            elif isinstance(there, m.FitRecorded):
                lives[name] = replace(recorded_fit(there, like), model=None)
        self._hybrids = Keras2Hybrids(lives, frozenset(request.differing), self._each_epoch)
        return m.Paired(self._hybrids.how)

    def _train(self, request: m.Train) -> TrainedHybrid:
        if request.until is not None:
            raise TransferError("a training with Keras 2 runs only as a whole")
        started = time.monotonic()
        trained = self._paired.train(request.choice, request.nudge)
        return replace(trained, seconds=time.monotonic() - started)
