"""Replicas one after another on the script's own live model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import Plan, TransferError
from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.core.replicas import FACTORS, Replica, ReplicaInputs, Result
from whydiff.keras_backend.callbacks import fresh_callback, sort_callbacks
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import variables_of
from whydiff.replay.drawing import Drawing, Drawn
from whydiff.replay.outcome import predict, quiet
from whydiff.replay.pinned import probing
from whydiff.replay.probe import probe_of
from whydiff.replay.program import Program
from whydiff.replay.settings import as_it_is, compile_for, current, program_key, state_values
from whydiff.replay.solo import pinned, validation_data
from whydiff.replay.steering import Steer
from whydiff.replay.values import assign


class Replicas:
    """Trains replicas of ``live`` in the process that ran its script.

    ``each_epoch`` is told of those of a replica that is asked for alone.
    """

    def __init__(self, live: Live, each_epoch: EachEpoch | None = None) -> None:
        self.live, self._each_epoch = live, each_epoch
        self.drawing = Drawing(live, variables_of(live.model, Names(live.model)))
        self.probe = probe_of(live)
        self._probing = probing(self.probe)
        self.program: Program | None = None
        self._key: Any = None

    def redrawable(self) -> tuple[list[str], dict[str, str]]:
        """Sources that a seed can redraw, and for the others why not."""
        return self.drawing.redrawable()

    def train(
        self,
        replicas: Sequence[Replica],
        keep_weights: bool,
        given: Mapping[int, ReplicaInputs] = MappingProxyType({}),
    ) -> Iterator[Result]:
        """One result per replica, those of one program together, so that each compiles once.

        ``given`` are, by number, initial values and order that another process drew.
        """
        for replica in sorted(replicas, key=lambda r: str(program_key(self.live, r.settings))):
            started = time.monotonic()
            try:
                each = self._each_epoch if len(replicas) == 1 else None
                result = self._one(replica, keep_weights, given.get(replica.number), each)
            except TransferError as why:
                result = Result(replica, "solo", failure=str(why))
            except Exception as error:
                result = Result(replica, "solo", failure=f"{type(error).__name__}: {error}")
            yield replace(result, seconds=time.monotonic() - started)

    def _one(
        self,
        replica: Replica,
        keep_weights: bool,
        given: ReplicaInputs | None = None,
        each_epoch: EachEpoch | None = None,
    ) -> Result:
        check(replica)
        live = self.live
        drawn = self.drawing.draw(replica)
        if given is not None:
            first_weights = [given.weights[tensor.path] for tensor in live.recipe.initialization]
            drawn = replace(drawn, weights=first_weights, order=given.order, batches=given.batches)
        program = self.compiled(replica)
        values = {
            "weights": drawn.weights,
            "noise": drawn.noise,
            "state": state_values(live, program, replica.settings),
        }
        assign(program.variables, values)
        source = self._fed(drawn)
        data = pinned(Plan(source, source, source, source, source), source)
        first = int(live.fit_arguments["initial_epoch"])
        validation = validation_data(source)
        steer = Steer(data, source, first, validation, each_epoch=each_epoch)
        stopping, steering = sort_callbacks(live.callbacks, live.acting, live.ending)
        with quiet():
            keras.Model.fit(
                live.model,
                x=data,
                epochs=int(live.fit_arguments["epochs"]),
                initial_epoch=first,
                callbacks=[*(fresh_callback(c) for c in steering + stopping), steer],
                validation_data=validation,
                validation_freq=live.fit_arguments["validation_freq"],
                verbose=0,
            )
        weights = current(program)
        predictions = predict(live.model, self._probing)
        return Result(
            replica,
            "solo",
            logs=tuple(steer.logs),
            predictions=None if predictions is None else tuple(predictions),
            weights=weights if keep_weights else None,
            digest=digest_of(list(weights.values())),
        )

    def _fed(self, drawn: Drawn) -> Live:
        """The fit as it would have been fed: its samples in the order that was drawn."""
        material = replace(self.live.material, order=drawn.order, batches=drawn.batches)
        if drawn.held is not None:
            material = self.drawing.pool.evaluated(material, drawn.held)
        if drawn.random_state is not None:
            start = min(self.live.material.random_states)
            material.random_states, material.random_draws = {start: drawn.random_state}, {}
        return replace(self.live, material=material)

    def compiled(self, replica: Replica) -> Program:
        """The program in which ``replica`` trains; compiled anew if it is another one."""
        key = program_key(self.live, replica.settings)
        if self.program is None or self._key != key:
            untouched = self.program is None and not key
            self.program = None
            self.program = (as_it_is if untouched else compile_for)(self.live, replica.settings)
            self._key = key
        return self.program


def check(replica: Replica) -> None:
    """Raise TransferError for a setting that is no factor."""
    for name in replica.settings:
        if name not in FACTORS:
            raise TransferError(f"{name} is no factor; factors are {', '.join(FACTORS)}")


def digest_of(weights: Sequence[np.ndarray]) -> str:
    """One digest of all final weights, in the order of the recipe."""
    whole = "".join(tensor_digest(value) for value in weights)
    return tensor_digest(np.frombuffer(bytes.fromhex(whole), np.uint8))
