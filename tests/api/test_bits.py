"""Watching changes no bit of a training, and its recipe gives the same bits again.

Scripts with every kind of model (``tests/scripts/many_fits.py``), of data (``many_feeds.py``,
``loader_workers.py``) and of loop (``many_loops.py``) run on each backend plainly and watched;
then each watched training is trained again from its own fields. They print a line per training.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.runner.client import Child, Run
from whydiff.runner.messages import OwnFit, Pair, Train
from whydiff.storage import load

SCRIPTS = Path(__file__).parent.parent / "scripts"
#: How much of a script runs where: one group keeps its tests on one worker, which runs it once.
#: The most telling script runs on each backend every time, wholly on one; all runs thoroughly.
FIRST = {
    "jax": (),
    "tensorflow": ("pipeline", "two_inputs", "images", "goes_on"),
    "torch": ("subclassed", "callbacks", "sequences", "goes_on"),
}


def turn(script, backend, only, mark):
    name = f"{script}-{backend}"
    marks = [pytest.mark.xdist_group(name), mark]
    return pytest.param((script, backend, only), marks=marks, id=name + "-part" * bool(only))


TURNS = [
    *(turn("many_fits", backend, only, pytest.mark.long) for backend, only in FIRST.items()),
    *(turn("many_fits", b, (), pytest.mark.thorough) for b, only in FIRST.items() if only),
    *(
        turn(script, backend, (), pytest.mark.thorough)
        for script in ("many_loops", "many_feeds", "loader_workers")
        for backend in FIRST
    ),
]


@pytest.fixture(scope="module")
def watched(request, tmp_path_factory):
    """A served child that ran the script, and what the script prints when run plainly."""
    name, backend, only = request.param
    script = SCRIPTS / f"{name}.py"
    folder = tmp_path_factory.mktemp(f"{name}-{backend}")
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    plain = subprocess.run(
        [sys.executable, str(script), *only],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    run = Run(script, only, environment)
    with Child(run, folder / "a.whydiff", folder / "log", serve=True) as child:
        assert child.wait_for_script() == 0, (folder / "log").read_text()
        yield child, plain.stdout.splitlines(), folder


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_recording_changes_no_bit(watched):
    _, plain, folder = watched
    printed = (folder / "log").read_text().splitlines()
    assert [line for line in printed if line in set(plain)] == plain
    assert len(plain) >= 2


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_everything_was_seen(watched):
    child, plain, _ = watched
    execution = load(child.recording)
    assert [fit.finished for fit in execution.fits] == [True] * len(plain)
    for fit in execution.fits:
        assert not [key for key in fit.notes if key.startswith(("unknown", "not kept"))]
        fed = sum(len(order) for order in fit.recipe.data_order.epochs)
        assert fed == sum(int(sizes.sum()) for sizes in fit.recipe.batch_size.epochs) > 0
        assert (fit.steps[:, [0, 2, 3, 4]] != 0).all()  # not every model has noise
    assert all(draw.layer for draw in execution.ledger if draw.kind == "initializer")


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_all_fields_from_a_give_a(watched):
    child, plain, _ = watched
    missed, said = [], []
    child.each_epoch = lambda done, total, unit: said.append((done, total, unit))
    for line, fit in zip(plain, load(child.recording).fits, strict=True):
        own = OwnFit(fit.index)
        child.request(Pair(own, own))
        said.clear()
        hybrid = child.request(Train({}))
        # A loop of the script's own has no epochs: its steps are told, not every one of them.
        epochs = [(done, total) for done, total, unit in said if unit == "epoch"]
        if epochs:
            assert [done for done, _ in epochs] == list(range(1, len(fit.epochs) + 1))
            assert all(total >= len(fit.epochs) for _, total in epochs)
        assert all(done <= total for done, total, unit in said if unit == "step")
        if (hybrid.digests, hybrid.logs) != (
            tuple(tensor.digest for tensor in fit.final),
            [dict(epoch.logs) for epoch in fit.epochs],
        ):
            missed.append(line.split()[0])
    assert missed == []


@pytest.mark.parametrize("watched", TURNS[:5], indirect=True)
def test_second_half_starts_from_the_first(watched):
    child, _, _ = watched
    first, second = load(child.recording).fits[-2:]
    carried = {t.path: t.trained_by for t in second.recipe.initialization}
    assert set(carried.values()) == {first.index}
    assert any(t.trained_by == first.index for t in second.recipe.state)
    assert all(t.trained_by is None for t in first.recipe.initialization)
