"""A small execution to record: two fits of one model, the second on what the first left."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import CallRecipe, MeasuringCall
from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import Draw, Epoch, Execution, Fit, Frame
from whydiff.storage import Writer

FRAME = Frame("train.py", 12, "<module>", "model.fit(x, y, epochs=2)")


def make_tensor(path, value, role="trainable", trained_by=None):
    array = np.asarray(value, np.float32)
    return Tensor(path, role, array.shape, "float32", tensor_digest(array), trained_by)


def make_recipe(rate=0.01, trained_by=None):
    generator = np.random.default_rng(0)
    order = (generator.permutation(20), np.arange(20))
    return Recipe(
        initialization=(
            make_tensor("dense/kernel", [[1.0, 2.0]], trained_by=trained_by),
            make_tensor("dense/bias", [0.0, 0.0], trained_by=trained_by),
        ),
        data_order=Order(order),
        noise=(make_tensor("dropout/seed_generator_state", [1, 2], "seed"),),
        data_content=Content(
            generator.integers(0, 2**63, (20, 2)).astype(np.uint64),
            signature=("x: float32 (3,)", "y: int64 ()"),
            weights=generator.integers(0, 2**63, (20, 2)).astype(np.uint64),
            validation="ab" * 16,
        ),
        batch_size=Batching((np.array([8, 8, 4]),) * 2, {"batch_size": 8}),
        optimizer={"class": "Adam", "learning_rate": rate, "clipnorm": None, "use_ema": False},
        objective={"loss": "MeanSquaredError", "loss_weights": [1.0, float("inf")]},
        architecture={"layers": ["dense: Dense"], "trainable:dense": True},
        mode={},
        state=(make_tensor("adam/iteration", 0, "slot"),),
        duration={"epochs": 2, "initial_epoch": 0},
        precision={"floatx": "float32"},
        measurement={"metrics": ["mae"]},
        backend={"backend": "jax"},
        version={"keras": "3.15.1"},
        hardware={"threads.omp": "2"},
        arithmetic={"jit_compile": True},
    )


def make_fit(index, **recipe):
    final = (make_tensor("dense/kernel", [[1.5, 2.5]]), make_tensor("dense/bias", [0.0, 0.0]))
    steps = np.arange(30, dtype=np.uint64).reshape(6, 5) + np.uint64(2**64 - 40)
    steps[4:, 2] += np.uint64(index)  # the weights part at step 4
    return Fit(
        index=index,
        model="Sequential 'sequential'",
        stack=(FRAME,),
        recipe=make_recipe(**recipe),
        steps=steps,
        step_epochs=np.array([0, 0, 0, 1, 1, 1]),
        epochs=(Epoch(0, 3, {"loss": 0.5}, final), Epoch(1, 3, {"loss": float("nan")}, final)),
        final=final,
        finished=True,
        seconds=1.25,
        notes={"parameters": 4, "unknown: order": False},
    )


def make_execution():
    return Execution(
        script="train.py",
        arguments=("--epochs", "2"),
        started="",
        exit_code=0,
        environment={"python": "3.11.7", "PYTHONHASHSEED": None},
        fits=(make_fit(1), make_fit(2, rate=0.02, trained_by=1)),
        ledger=(
            Draw(0, "initializer", "GlorotUniform", 42, True, (FRAME,), "dense/kernel", 1),
            Draw(1, "seed generator", "SeedGenerator", 2**80, False),
        ),
    )


def write_execution(path, execution, close=True):
    """Record as capture does: what is known early first, the complete recipe at the end."""
    writer = Writer(path, execution.script, execution.arguments)
    writer.environment(execution.environment)
    for fit in execution.fits:
        whole = fit.recipe
        early = replace(
            whole,
            data_order=Order((), whole.data_order.relative),
            batch_size=Batching((), whole.batch_size.facts),
        )
        writer.begin_fit(fit.index, fit.model, fit.stack, early, {})
        for epoch, digests in zip(fit.step_epochs, fit.steps, strict=True):
            writer.step(fit.index, int(epoch), digests)
        for position, epoch in enumerate(fit.epochs):
            fed = [
                parts[position] if position < len(parts) else np.empty(0, np.int64)
                for parts in (whole.data_order.epochs, whole.batch_size.epochs)
            ]
            writer.end_epoch(fit.index, epoch, *fed)
        if fit.finished:
            writer.end_fit(fit.index, whole, fit.final, fit.seconds, fit.notes)
    writer.ledger(execution.ledger)
    if close:
        writer.close(execution.exit_code)
    assert writer.trouble == ""
    return writer


@pytest.fixture(scope="session")
def execution():
    """Two finished fits."""
    return make_execution()


@pytest.fixture(scope="session")
def write():
    """``write(path, execution, close=True)`` records it and returns the writer."""
    return write_execution


@pytest.fixture(scope="session")
def recipe():
    """A recipe with something in every field."""
    return make_recipe()


@pytest.fixture
def recorded(tmp_path, execution):
    """A closed recording of ``execution``, with weights kept for fit 1."""
    path = tmp_path / "run.whydiff"
    writer = write_execution(path, execution, close=False)
    writer.call(MeasuringCall(3, "evaluate", "Model", 1, (FRAME,), CallRecipe(), (), {"loss": 0.5}))
    writer.tensors(1, "initial", {"weights:dense/kernel": np.array([[1.0, 2.0]], np.float32)})
    writer.close(0)
    return path


@pytest.fixture(scope="session")
def edit():
    """``edit(path, statement, *parameters)`` changes a recording behind the writer's back."""

    def run(path, statement, *parameters):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(statement, parameters)
        connection.close()

    return run


def multiplied(path, table):
    """Twelve pages, each a hundred times the child of the one before: 10**24 rows in 60 kB."""
    connection = sqlite3.connect(path)
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    (root,) = connection.execute(query, (table,)).fetchone()
    connection.close()
    raw = bytearray(path.read_bytes())
    start = (root - 1) * size
    inner = raw[start : start + size]
    assert inner[0] == 2  # an interior page of an index tree
    cells = int.from_bytes(inner[3:5], "big")
    leaf = inner[8:12]

    def all_children(page):
        made = bytearray(inner)
        made[8:12] = page
        for cell in range(cells):
            at = int.from_bytes(made[12 + 2 * cell : 14 + 2 * cell], "big")
            made[at : at + 4] = page
        return made

    depth = 12
    raw[start : start + size] = all_children((pages + 1).to_bytes(4, "big"))
    for level in range(depth):
        below = leaf if level == depth - 1 else (pages + 2 + level).to_bytes(4, "big")
        raw += all_children(below)
    raw[28:32] = (pages + depth).to_bytes(4, "big")
    path.write_bytes(raw)


@pytest.fixture(scope="session")
def multiply():
    """``multiply(path, table)``: lay such pages out in a table of many rows."""
    return multiplied
