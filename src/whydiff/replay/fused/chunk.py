"""One chunk of replicas from their first values to their results."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.replicas import Replica, Result
from whydiff.replay.fused.feeding import Fed, stacked_orders
from whydiff.replay.fused.program import State, logs_by_replica
from whydiff.replay.fused.stacking import Stacking
from whydiff.replay.fused.stopping import Callbacks, check_callbacks
from whydiff.replay.replicas import Replicas, digest_of


class Chunk:
    """Replicas that share a program and the shapes of their batches, trained together."""

    def __init__(
        self, solo: Replicas, stacking: Stacking, data: Fed, replicas: Sequence[Replica]
    ) -> None:
        self._solo, self._live, self._stacking = solo, solo.live, stacking
        self._program, self._data, self._replicas = stacking.program, data, replicas
        fed = [solo.drawing.feeding(r) for r in replicas]
        self._orders = [order for order, _ in fed]
        self._sizes = fed[0][1]
        self._held = held_out(solo, replicas) if replicas[0].division else None
        self._stopped: dict[int, State] = {}  # replica -> its own state when it stopped

    def run(self, keep_weights: bool) -> list[Result]:
        """Train to the end; one result per replica, in order."""
        state = self._stacking.state(self._replicas)
        if check_callbacks(self._live):
            state, logs = self._with_callbacks(state)
        else:
            state, logs = self._straight(state)
        return self._results(state, logs, keep_weights)

    def _straight(self, state: State) -> tuple[State, list[list[dict[str, float]]]]:
        """All epochs one after another; logs are fetched at the end."""
        pending = []
        for number in range(len(self._sizes)):
            state, logs = self._epoch(state, number)
            pending.append((logs, self._evaluate(state, number)))
        by_epoch = [self._merged(*logs) for logs in pending]
        return state, [list(column) for column in zip(*by_epoch, strict=True)]

    def _with_callbacks(self, state: State) -> tuple[State, list[list[dict[str, float]]]]:
        """Callbacks of every replica run between the epochs; one that stops keeps its state."""
        count, rate = len(self._replicas), self._stacking.rate
        if rate is None:
            raise TransferError("callbacks meet a learning rate that follows a schedule")
        holder = [state]
        rates = np.array(state[2][rate])
        callbacks = [
            Callbacks(
                self._live,
                self._live.model,
                rates[r],
                functools.partial(lambda place: self._weights_of(holder[0], place), r),
            )
            for r in range(count)
        ]
        logs: list[list[dict[str, float]]] = [[] for _ in range(count)]
        active = set(range(count))
        first = int(self._live.fit_arguments["initial_epoch"])
        for r in active:
            callbacks[r].train_begin()
        for number in range(len(self._sizes)):
            for r in active:
                callbacks[r].epoch_begin(first + number)
            holder[0] = self._taken_over(holder[0], callbacks, active)
            holder[0], shown = self._epoch(holder[0], number)
            merged = self._merged(shown, self._evaluate(holder[0], number))
            stopping = {r for r in active if callbacks[r].epoch_end(first + number, merged[r])}
            for r in active:
                logs[r].append(merged[r])
            holder[0] = self._taken_over(holder[0], callbacks, active)
            for r in stopping:
                self._stopped[r] = _row(holder[0], r)
            active -= stopping
            if not active:
                break
        for r in range(count):  # what restores weights at the end sees this replica's own
            if r in self._stopped:
                callbacks[r].seen._weights = functools.partial(
                    self._weights_of, self._stopped[r], None
                )
            callbacks[r].train_end(logs[r][-1])
            replaced = callbacks[r].seen.replaced
            if replaced is not None:
                own = self._stopped.get(r) or _row(holder[0], r)
                self._stopped[r] = self._with_weights(own, replaced)
        return holder[0], logs

    def _taken_over(self, state: State, callbacks: list[Callbacks], active: set[int]) -> State:
        """The state with the learning rates and weights that callbacks have set."""
        import jax.numpy as jnp

        trainable, others, optimizer = state
        place = self._stacking.rate
        assert place is not None
        rates = np.array(optimizer[place])
        wanted = rates.copy()
        for r in active:
            wanted[r] = callbacks[r].seen.optimizer.learning_rate
        if not np.array_equal(rates, wanted):
            optimizer = [*optimizer]
            optimizer[place] = jnp.asarray(wanted)
        state = (trainable, others, optimizer)
        for r in active:
            replaced = callbacks[r].seen.replaced
            if replaced is not None:
                own = self._with_weights(_row(state, r), replaced)
                state = _put(state, r, own)
                callbacks[r].seen.replaced = None
        return state

    # --- steps --------------------------------------------------------------------------------

    def _epoch(self, state: State, number: int) -> tuple[State, Any]:
        orders = stacked_orders([o[number] for o in self._orders], self._sizes[number])
        state, logs = self._program.epoch(state, self._data.samples, orders)
        return state, logs

    def _evaluate(self, state: State, number: int) -> Any:
        validation = self._data.validation
        if not (validation or self._held) or not self._evaluates(number):
            return None
        if self._held is not None:
            samples = self._data.samples
            return self._program.evaluate_rows(state[0], state[1], samples, self._held)
        return self._program.evaluate(state[0], state[1], validation)

    def _evaluates(self, number: int) -> bool:
        frequency = self._live.fit_arguments["validation_freq"]
        epoch = number + int(self._live.fit_arguments["initial_epoch"]) + 1
        return epoch % frequency == 0 if isinstance(frequency, int) else epoch in frequency

    def _merged(self, logs: Any, validation: Any) -> list[dict[str, float]]:
        count = len(self._replicas)
        found = logs_by_replica(logs, count)
        if validation is None:
            return found
        shown = logs_by_replica(validation, count, "val_")
        return [{**one, **other} for one, other in zip(found, shown, strict=True)]

    # --- weights ------------------------------------------------------------------------------

    def _places(self) -> list[tuple[int, int]]:
        """(group, position in it) of every weight, as ``model.get_weights`` orders them."""
        model = self._stacking.model
        where = {id(v): (0, i) for i, v in enumerate(model.trainable_variables)}
        where |= {id(v): (1, i) for i, v in enumerate(model.non_trainable_variables)}
        return [where[id(v)] for v in model.weights]

    def _weights_of(self, state: State, row: int | None) -> list[np.ndarray]:
        found = [state[group][i] for group, i in self._places()]
        return [np.array(v if row is None else v[row]) for v in found]

    def _with_weights(self, state: State, values: Sequence[np.ndarray]) -> State:
        groups = ([*state[0]], [*state[1]], state[2])
        for (group, i), value in zip(self._places(), values, strict=True):
            groups[group][i] = value
        return groups

    def _results(
        self, state: State, logs: list[list[dict[str, float]]], keep_weights: bool
    ) -> list[Result]:
        for r, own in self._stopped.items():
            state = _put(state, r, own)
        trainable = self._program.finalize(state[0], state[2])
        predictions = self._predictions(trainable, state[1])
        host = self._by_path(trainable, state[1])
        found = []
        for r, replica in enumerate(self._replicas):
            weights = {path: value[r] for path, value in host.items()}
            found.append(
                Result(
                    replica,
                    "fused",
                    logs=tuple(logs[r]),
                    predictions=None if predictions is None else tuple(p[r] for p in predictions),
                    weights=weights if keep_weights else None,
                    digest=digest_of(list(weights.values())),
                )
            )
        return found

    def _by_path(self, trainable: Sequence[Any], others: Sequence[Any]) -> Mapping[str, np.ndarray]:
        """Weights of all replicas by canonical path, in the order of the recipe."""
        stacking = self._stacking
        by_place = dict(zip(stacking.trainable, trainable, strict=True))
        for (name, i), value in zip(stacking.others, others, strict=True):
            if name == "weights":
                by_place[i] = value
        slots = stacking.variables.weights
        return {slot.path: np.asarray(by_place[i]) for i, slot in enumerate(slots)}

    def _predictions(self, trainable: Any, others: Any) -> list[np.ndarray] | None:
        if self._data.probe is None:
            return None
        try:
            found = self._program.predict(trainable, others, self._data.probe)
        except Exception:  # a model that cannot be called on its inputs alone
            return None
        return [np.asarray(part) for part in found]


def held_out(solo: Replicas, replicas: Sequence[Replica]) -> list[np.ndarray]:
    """The samples that each replica holds out, as :func:`stacked_orders` gives orders."""
    pool = solo.drawing.pool
    held = [pool.divide(replica)[1] for replica in replicas]
    sizes = np.array([len(batch) for batch in pool.batches(held[0])])
    return stacked_orders(held, sizes)


def _row(state: State, r: int) -> State:
    groups = tuple([np.array(value[r]) for value in group] for group in state)
    return groups  # type: ignore[return-value]


def _put(state: State, r: int, own: State) -> State:
    import jax.numpy as jnp

    groups = tuple(
        [jnp.asarray(value).at[r].set(mine) for value, mine in zip(group, part, strict=True)]
        for group, part in zip(state, own, strict=True)
    )
    return groups  # type: ignore[return-value]
