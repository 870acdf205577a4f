"""Start values of many replicas, stacked along a first axis of replicas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from whydiff.core.replicas import Replica
from whydiff.replay.fused.program import FusedProgram, State
from whydiff.replay.replicas import Replicas
from whydiff.replay.settings import state_values


class Stacking:
    """Stacks the values of replicas that share a program."""

    def __init__(self, solo: Replicas, program: FusedProgram) -> None:
        self._solo, self.program = solo, program
        self._traced: Any = None
        compiled = solo.program
        assert compiled is not None
        self.variables = compiled.variables
        model = solo.live.model
        self.model = model
        place = {id(s.variable): i for i, s in enumerate(self.variables.weights)}
        seeds = {id(s.variable): i for i, s in enumerate(self.variables.noise)}
        #: per trainable variable its weight's position
        self.trainable = [place[id(v)] for v in model.trainable_variables]
        #: per other variable ("weights" or "noise", position)
        self.others = [
            ("weights", place[id(v)]) if id(v) in place else ("noise", seeds[id(v)])
            for v in model.non_trainable_variables
        ]
        hyper = [i for i, s in enumerate(self.variables.state) if s.role == "hyperparameter"]
        #: position of the learning rate among the optimizer's variables, None for a schedule
        self.rate = hyper[0] if hyper else None

    @property
    def traceable(self) -> bool:
        """Whether initial values come from one traced call that touches no initializer later."""
        return self._solo.drawing.initial.holders_of_random() is not None

    def state(self, replicas: Sequence[Replica]) -> State:
        """First values of all replicas: device arrays of shape (replicas, ...)."""
        weights = self._rounded(self._weights(replicas), replicas)
        noise = self._noise(replicas)
        groups = {"weights": weights, "noise": noise}
        trainable = [weights[i] for i in self.trainable]
        others = [groups[name][i] for name, i in self.others]
        return trainable, others, self._optimizer(replicas)

    def _weights(self, replicas: Sequence[Replica]) -> list[Any]:
        import jax.numpy as jnp

        recorded = self._solo.live.material.weights
        asked = [r for r in replicas if "initialization" in r.seeds]
        if not asked:
            return [_repeated(value, len(replicas)) for value in recorded]
        drawing = self._solo.drawing
        initial = drawing.initial
        holders = initial.holders_of_random()
        if holders is None:  # a stateful generator: asked once per replica
            drawn = [drawing.weights(r.seeds) for r in replicas]
            return [jnp.asarray(np.stack(column)) for column in zip(*drawn, strict=True)]
        pairs = np.zeros((len(replicas), len(holders), 2), np.uint32)
        for row, replica in enumerate(replicas):
            if "initialization" in replica.seeds:
                seeds = drawing.seeds_of(replica.seeds["initialization"])
                pairs[row, :, 0] = [seeds[id(h)] for h in holders]
        values = [_repeated(value, len(replicas)) for value in recorded]
        for i, drawn_values in zip(initial.random, self._ask(holders, pairs), strict=True):
            values[i] = drawn_values
        kept = np.array(["initialization" not in r.seeds for r in replicas])
        if kept.any():
            for i in initial.random:
                mask = kept.reshape(-1, *[1] * recorded[i].ndim)
                values[i] = jnp.where(mask, jnp.asarray(recorded[i]), values[i])
        return values

    def _rounded(self, stacked: list[Any], replicas: Sequence[Replica]) -> list[Any]:
        """The weights with one of a replica's an ULP away, where its seeds say so."""
        import jax.numpy as jnp

        if not any("arithmetic" in r.seeds for r in replicas):
            return stacked
        host = [np.array(column) for column in stacked]
        for row, replica in enumerate(replicas):
            rounded = self._solo.drawing.rounded([column[row] for column in host], replica.seeds)
            for column, value in zip(host, rounded, strict=True):
                column[row] = value
        return [jnp.asarray(column) for column in host]

    def _ask(self, holders: Sequence[Any], pairs: np.ndarray) -> list[Any]:
        """The model's own initializers in one traced call for all replicas.

        One after another: an orthogonal initializer decomposes a matrix (see decompositions).
        """
        import jax

        if self._traced is None:
            initial = self._solo.drawing.initial

            def one(seeds: Any) -> list[Any]:
                given = [seeds[n] for n in range(len(holders))]
                return initial.ask_traced(initial.random, holders, given)

            self._traced = jax.jit(partial(jax.lax.map, one))
        found: list[Any] = self._traced(pairs)
        return found

    def _noise(self, replicas: Sequence[Replica]) -> list[Any]:
        import jax.numpy as jnp

        rows = [self._solo.drawing.noise(r.seeds)[0] for r in replicas]
        return [jnp.asarray(np.stack(column)) for column in zip(*rows, strict=True)]

    def _optimizer(self, replicas: Sequence[Replica]) -> list[Any]:
        import jax.numpy as jnp

        compiled = self._solo.program
        assert compiled is not None
        rows = {}
        for replica in replicas:
            key = str(replica.settings.get("learning-rate"))
            if key not in rows:
                rows[key] = state_values(self._solo.live, compiled, replica.settings)
        if len(rows) == 1:
            return [_repeated(value, len(replicas)) for value in next(iter(rows.values()))]
        chosen = [rows[str(r.settings.get("learning-rate"))] for r in replicas]
        return [jnp.asarray(np.stack(column)) for column in zip(*chosen, strict=True)]


def _repeated(value: np.ndarray, count: int) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(np.repeat(np.asarray(value)[None], count, axis=0))
