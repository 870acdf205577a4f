"""Keras's own stateless steps, mapped over replicas and scanned over batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import stateless_steps
from whydiff.replay.fused.lowering import lowered

#: (trainable, non-trainable, optimizer) values, each a list of arrays with a leading replica axis.
State = tuple[list[Any], list[Any], list[Any]]


class FusedProgram:
    """The traced functions of a compiled and built model.

    ``structure`` is a training batch as Keras passed it, ``lowering`` names how convolutions are
    computed. Every array of a state has shape (replicas, ...).
    """

    def __init__(self, model: Any, structure: Any, lowering: str) -> None:
        self._model, self._structure, self.lowering = model, structure, lowering
        self._checked = False
        model.reset_metrics()
        self._metrics = [np.asarray(v.value) for v in model.metrics_variables]

    # --- training -----------------------------------------------------------------------------

    @cached_property
    def epoch(self) -> Any:
        """``epoch(state, data, orders)``: one epoch of every replica.

        ``data`` holds the leaves, shape (samples, ...); ``orders`` one int32 array of shape
        (replicas, steps, batch) per run of batches of equal size. Returns (state, logs).
        """
        import jax

        def replica(state: State, orders: Sequence[Any], data: Sequence[Any]) -> Any:
            carry = (*state, list(self._metrics))
            logs = None
            for order in orders:
                carry, trail = jax.lax.scan(partial(self._step, data), carry, order)
                logs = jax.tree.map(lambda part: part[-1], trail)
            return carry[:3], self._results(carry[3]) if logs is None else logs

        mapped = jax.vmap(replica, in_axes=(0, 0, None))

        def epoch(state: State, data: Sequence[Any], orders: Sequence[Any]) -> Any:
            with lowered(self.lowering):
                return mapped(state, orders, data)

        compiled = jax.jit(epoch, donate_argnums=0)

        def checked(state: State, data: Sequence[Any], orders: Sequence[Any]) -> Any:
            if not self._checked:  # traced once: the call below finds the trace again
                found = decomposition(compiled.trace(state, data, orders).jaxpr)
                if found:
                    raise TransferError(
                        f"a training step decomposes matrices ({found}), for which replicas "
                        "would wait for each other"
                    )
                self._checked = True
            return compiled(state, data, orders)

        return checked

    def _step(self, data: Sequence[Any], carry: Any, indices: Any) -> Any:
        with stateless_steps(self._model):
            logs, state = self._model.train_step(carry, self._batch(data, indices))
        trail = dict(logs) if self._own_logs(logs) else None
        return tuple(list(part) for part in state), trail

    def _batch(self, data: Sequence[Any], indices: Any) -> Any:
        """The batch of these samples."""
        leaves = [
            None if leaf is None else leaf.at[indices].get(mode="promise_in_bounds")
            for leaf in data
        ]
        return keras.tree.pack_sequence_as(self._structure, leaves)

    def _own_logs(self, logs: Any) -> bool:
        """Whether a train step of the user's reports something else than the model's metrics."""
        return set(logs) != {metric.name for metric in self._model.metrics} and set(logs) != set(
            self._results(self._metrics)
        )

    def _results(self, metrics: Sequence[Any]) -> dict[str, Any]:
        """What the metrics show, computed from the values of their variables."""
        pairs = list(zip(self._model.metrics_variables, metrics, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return dict(self._model.get_metrics_result())

    # --- looking ------------------------------------------------------------------------------

    @cached_property
    def evaluate(self) -> Any:
        """``evaluate(trainable, non_trainable, groups)``: validation logs of every replica.

        ``groups`` holds batches of equal shape stacked: packed structures of (steps, batch, ...).
        """
        import jax

        def replica(trainable: Any, fixed: Any, groups: Sequence[Any]) -> Any:
            carry = (trainable, fixed, list(self._metrics))
            for group in groups:
                carry, _ = jax.lax.scan(self._test, carry, group)
            return self._results(carry[2])

        mapped = jax.vmap(replica, in_axes=(0, 0, None))

        def evaluate(trainable: Any, fixed: Any, groups: Sequence[Any]) -> Any:
            with lowered(self.lowering):
                return mapped(trainable, fixed, groups)

        return jax.jit(evaluate)

    @cached_property
    def evaluate_rows(self) -> Any:
        """``evaluate_rows(trainable, non_trainable, data, orders)``: the same on samples of
        ``data`` that each replica has for itself, ``orders`` as :attr:`epoch` takes them."""
        import jax

        def replica(trainable: Any, fixed: Any, orders: Sequence[Any], data: Sequence[Any]) -> Any:
            def test(carry: Any, indices: Any) -> Any:
                return self._test(carry, self._batch(data, indices))

            carry = (trainable, fixed, list(self._metrics))
            for order in orders:
                carry, _ = jax.lax.scan(test, carry, order)
            return self._results(carry[2])

        mapped = jax.vmap(replica, in_axes=(0, 0, 0, None))

        def evaluate(trainable: Any, fixed: Any, data: Sequence[Any], orders: Sequence[Any]) -> Any:
            with lowered(self.lowering):
                return mapped(trainable, fixed, orders, data)

        return jax.jit(evaluate)

    def _test(self, carry: Any, batch: Any) -> Any:
        with stateless_steps(self._model):
            _, state = self._model.test_step(carry, batch)
        return tuple(list(part) for part in state), None

    @cached_property
    def predict(self) -> Any:
        """``predict(trainable, non_trainable, groups)``: outputs, (replicas, examples, ...) each.

        ``groups`` holds batches of inputs as ``evaluate`` takes them.
        """
        import jax
        from jax import numpy as jnp

        def replica(trainable: Any, fixed: Any, groups: Sequence[Any]) -> Any:
            def one(_: None, inputs: Any) -> Any:
                with stateless_steps(self._model):
                    outputs, _ = self._model.predict_step((trainable, fixed), inputs)
                return None, keras.tree.flatten(outputs)

            parts = [jax.lax.scan(one, None, group)[1] for group in groups]
            return [
                jnp.concatenate([part.reshape(-1, *part.shape[2:]) for part in column])
                for column in zip(*parts, strict=True)
            ]

        mapped = jax.vmap(replica, in_axes=(0, 0, None))

        def predict(trainable: Any, fixed: Any, groups: Sequence[Any]) -> Any:
            with lowered(self.lowering):
                return mapped(trainable, fixed, groups)

        return jax.jit(predict)

    @cached_property
    def finalize(self) -> Any:
        """``finalize(trainable, optimizer)``: weights as ``fit`` leaves them (averages, if any)."""
        import jax

        model = self._model
        inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        if not getattr(inner, "use_ema", True):
            return lambda trainable, optimizer: trainable

        def replica(trainable: Any, optimizer: Any) -> Any:
            pairs = list(zip(model.trainable_variables, trainable, strict=True))
            pairs += list(zip(model.optimizer.variables, optimizer, strict=True))
            with keras.StatelessScope(state_mapping=pairs) as scope:
                model.optimizer.finalize_variable_values(model.trainable_weights)
            found = [scope.get_current_value(v) for v in model.trainable_variables]
            return [old if new is None else new for old, new in zip(trainable, found, strict=True)]

        return jax.jit(jax.vmap(replica))


def logs_by_replica(logs: Any, count: int, prefix: str = "") -> list[dict[str, float]]:
    """Logs of arrays of shape (replicas,) as one plain mapping per replica."""
    import jax

    host = jax.tree.map(np.asarray, logs)
    flat = [jax.tree.map(lambda a, r=r: a[r], host) for r in range(count)]
    return [{prefix + key: value for key, value in numbers(one).items()} for one in flat]


# --- which programs decompose matrices: XLA must not do that for many replicas at a time ------
# On the CPU a decomposition is a call of LAPACK. Mapped over replicas it hands the matrices to
# XLA's threads and waits for them *in* one of those threads; as many such calls at a time as there
# are threads, and all of them wait for ever (``ParallelBatchMap`` in jaxlib's ``lapack_kernels``).
# One matrix at a time needs no thread.


_DECOMPOSING = {
    *("cholesky", "eig", "eigh", "geqp3", "geqrf", "hessenberg", "householder_product", "lu"),
    *("ormqr", "qr", "schur", "svd", "triangular_solve", "tridiagonal", "tridiagonal_solve"),
}


def decomposition(jaxpr: Any) -> str:
    """The name of a decomposition that a traced function computes, "" if it computes none."""
    return next((name for name in _primitives(jaxpr) if name in _DECOMPOSING), "")


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield equation.primitive.name
        values = equation.params.values()
        parts = (v if isinstance(v, list | tuple) else [v] for v in values)
        for inner in itertools.chain.from_iterable(parts):
            if hasattr(inner, "eqns") or hasattr(getattr(inner, "jaxpr", None), "eqns"):
                yield from _primitives(inner)
