"""What every source must do; a new one runs through it by supplying one planted change.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_source(check):
        check(MY_SOURCE, plant)

``plant(side)`` returns a side that differs from ``side`` in the field of that source alone.
A check raises AssertionError with what is wrong.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Finding
from whydiff.core.recipe import Batching, Content, Order, Recipe
from whydiff.core.recording import STEP_GROUPS, Side
from whydiff.diagnosis.mechanisms import MECHANISMS
from whydiff.diagnosis.sources.source import Source
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed, facts

Plant = Callable[[Side], Side]

#: For each source of the catalogue a change of its field alone.
PLANTED: Mapping[str, Plant] = {
    "initialization": lambda s: changed(s, initialization=sides.weights(1)),
    "data-order": lambda s: changed(s, data_order=sides.shuffled(2)),
    "noise": lambda s: changed(s, noise=sides.seed_states(6)),
    "data-content": lambda s: changed(s, data_content=sides.content(range(100, 110))),
    "batch-size": lambda s: changed(s, batch_size=sides.batches([5, 5], [5, 5], batch_size=5)),
    "optimizer": lambda s: changed(s, optimizer=facts(s, "optimizer", learning_rate=0.003)),
    "objective": lambda s: changed(
        s, objective=facts(s, "objective", **{"regularizer:dense/kernel": {"class": "L2"}})
    ),
    "architecture": lambda s: changed(
        s, architecture=facts(s, "architecture", **{"layer:dense:activation": "tanh"})
    ),
    "mode": lambda s: changed(s, mode={"training:dropout": False}),
    "state": lambda s: changed(s, state=sides.adam_state(30, trained_by=1)),
    "duration": lambda s: changed(s, duration=facts(s, "duration", epochs=5)),
    "precision": lambda s: changed(
        s, precision=facts(s, "precision", **{"policy:dense": "mixed_bfloat16"})
    ),
    "measurement": lambda s: changed(
        s, measurement=facts(s, "measurement", metrics=["accuracy", "mae"])
    ),
    "backend": lambda s: changed(s, backend={"backend": "torch"}),
    "version": lambda s: changed(s, version=facts(s, "version", keras="3.14.0")),
    "hardware": lambda s: changed(
        s, hardware=facts(s, "hardware", **{"flags.OMP_NUM_THREADS": "1"})
    ),
    "arithmetic": lambda s: changed(s, arithmetic=facts(s, "arithmetic", jit_compile=False)),
}


def odd_sides() -> Iterator[Side]:
    """Sides that a recording may hold although no example does."""
    side = a_side()
    nothing: dict[str, Any] = {
        f.name: () if f.name in ("initialization", "noise", "state") else {}
        for f in dataclasses.fields(Recipe)
    }
    empty = np.empty((0, 2), np.uint64)
    nothing |= {"data_order": Order(), "data_content": Content(empty), "batch_size": Batching()}
    no_steps = {
        "steps": np.empty((0, len(STEP_GROUPS)), np.uint64),
        "step_epochs": np.empty(0, np.int64),
        "epochs": (),
        "final": (),
        "finished": False,
    }
    yield changed(side, fit=no_steps, execution={"exit_code": None, "trouble": "killed"}, **nothing)
    yield changed(side, initialization=(sides.tensor("t", np.empty((0, 3), "float32")),))
    yield changed(side, initialization=sides.weights(3, trained_by=2), noise=())
    yield changed(side, data_order=sides.order([], []), batch_size=sides.batches([], []))
    yield changed(side, data_order=sides.order([0, 99, -1]))  # indices that point nowhere
    yield changed(side, data_order=sides.order(range(10), range(10), relative=True))
    yield changed(side, data_content=sides.content([1, 1, 1, 2]), data_order=sides.order([0, 1, 3]))
    yield changed(side, data_content=sides.content(range(12), "float64", validation="ab" * 16))
    yield changed(side, data_content=sides.content(range(3), unit="batch"))
    yield changed(side, data_content=sides.content(range(10), weights=sides.content([1]).samples))
    yield changed(side, batch_size=Batching((np.array([10]),), {"batch_size": "auto"}))
    yield changed(
        side,
        optimizer={"class": None, "learning_rate": float("nan"), "x": [1, [2.0, None]], "name": ""},
    )
    yield changed(side, optimizer={"class": "SGD", "learning_rate": 10**400}, state=())
    yield changed(side, architecture={"layers": ["a/b: Dense", "odd"], "code:": "", ":": 1})
    yield changed(side, backend={}, version={"jax": None}, hardware={"threads.intra": 4})
    yield PLANTED["backend"](PLANTED["version"](side))


def check_described(source: Source, plant: Plant) -> None:
    """Every text for the person is there."""
    del plant
    texts = (source.says, source.carried, source.looks_like, source.fix)
    assert all((source.id, source.title, *texts)), source
    assert all(text.endswith((".", ")")) for text in texts), source


def check_itself_identical(source: Source, plant: Plant) -> None:
    """A side agrees with itself, and with a copy of itself."""
    del plant
    for other in (side := a_side(), a_side()):
        finding = source.compare(side, other)
        _valid(source, finding)
        assert finding.status == IDENTICAL, finding


def check_planted_change_found(source: Source, plant: Plant) -> None:
    """A change of its own field differs, in both directions, with evidence and a remedy."""
    side = a_side()
    for pair in ((side, plant(side)), (plant(side), side)):
        finding = source.compare(*pair)
        _valid(source, finding)
        assert finding.status == DIFFERS, finding


def check_other_changes_ignored(source: Source, plant: Plant) -> None:
    """A change of another source's field alone does not make this one differ."""
    del plant
    side = a_side()
    for id, other in PLANTED.items():
        if id != source.id:
            finding = source.compare(side, other(side))
            _valid(source, finding)
            assert finding.status != DIFFERS, f"{source.id} accused for {id}: {finding}"


def check_total_and_symmetric(source: Source, plant: Plant) -> None:
    """No pair of sides raises, and the status does not depend on which is called A."""
    side = a_side()
    everything = [side, plant(side), *odd_sides()]
    for a in everything:
        for b in everything:
            there, back = source.compare(a, b), source.compare(b, a)
            _valid(source, there)
            assert there.status == back.status, f"{there} but {back}"


def check_pure(source: Source, plant: Plant) -> None:
    """Comparing changes neither side, and gives the same finding again."""
    for a, b in ((a_side(), plant(a_side())), *((s, a_side()) for s in odd_sides())):
        before = _frozen(a), _frozen(b)
        finding = source.compare(a, b)
        assert (_frozen(a), _frozen(b)) == before, f"{source.id} changed its input"
        assert source.compare(a, b) == finding


#: All checks, for parametrisation.
CHECKS: tuple[Callable[[Source, Plant], None], ...] = (
    check_described,
    check_itself_identical,
    check_planted_change_found,
    check_other_changes_ignored,
    check_total_and_symmetric,
    check_pure,
)


def _valid(source: Source, finding: Finding) -> None:
    assert finding.source == source.id
    assert finding.status in (IDENTICAL, DIFFERS, UNKNOWN), finding
    assert finding.evidence.strip(), finding
    assert not finding.mechanism or finding.mechanism in MECHANISMS, finding
    if finding.status == DIFFERS:
        assert finding.remedy and finding.detail, finding
    json.dumps(dataclasses.asdict(finding), allow_nan=False)


def _frozen(value: Any) -> Any:
    """A value that can be compared later, arrays by their bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if dataclasses.is_dataclass(value):
        return [_frozen(getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [(k, _frozen(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [_frozen(v) for v in value]
    return repr(value)
