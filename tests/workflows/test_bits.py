"""Watching changes no bit of a training, and its recipe gives the same bits again.

One script with every kind of model and data (``tests/scripts/many_fits.py``) runs on each
backend plainly and watched; then each watched fit is trained again from its own fields.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.store import load
from whydiff.workflows.children import Child, Run

SCRIPT = Path(__file__).parent.parent / "scripts" / "many_fits.py"
#: One group per backend keeps the tests of a backend on one worker, which runs the script once.
BACKENDS = [
    pytest.param(name, marks=pytest.mark.xdist_group(name))
    for name in ("jax", "tensorflow", "torch")
]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=BACKENDS)
def watched(request, tmp_path_factory):
    """A served child that ran the script, and what the script prints when run plainly."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {"KERAS_BACKEND": request.param, "TF_CPP_MIN_LOG_LEVEL": "3"}
    plain = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    run = Run(SCRIPT, (), environment)
    with Child(run, folder / "a.whydiff", folder / "log", serve=True) as child:
        assert child.wait_for_script() == 0, (folder / "log").read_text()
        yield child, plain.stdout.splitlines(), folder


def test_recording_changes_no_bit(watched):
    _, plain, folder = watched
    printed = (folder / "log").read_text().splitlines()
    assert [line for line in printed if line in set(plain)] == plain
    assert len(plain) == 12


def test_everything_was_seen(watched):
    child, _, _ = watched
    execution = load(child.recording)
    assert [fit.finished for fit in execution.fits] == [True] * 12
    for fit in execution.fits:
        assert not [key for key in fit.notes if key.startswith(("unknown", "not kept"))]
        fed = sum(len(order) for order in fit.recipe.data_order.epochs)
        assert fed == sum(int(sizes.sum()) for sizes in fit.recipe.batch_size.epochs) > 0
        assert (fit.steps[:, [0, 2, 3, 4]] != 0).all()  # not every model has noise
    assert all(draw.layer for draw in execution.ledger if draw.kind == "initializer")


def test_all_fields_from_a_give_a(watched):
    child, _, folder = watched
    for fit in load(child.recording).fits:
        own = {"fit": fit.index}
        child.request("pair", a=own, b=own, differing=[])
        answer = child.request("train", choice={}, output=str(folder / "outcome.npz"))
        assert answer["digests"] == [tensor.digest for tensor in fit.final], fit.model
        assert answer["logs"] == [dict(epoch.logs) for epoch in fit.epochs], fit.model


def test_second_half_starts_from_the_first(watched):
    child, _, _ = watched
    first, second = load(child.recording).fits[-2:]
    carried = {t.path: t.trained_by for t in second.recipe.initialization}
    assert set(carried.values()) == {first.index}
    assert any(t.trained_by == first.index for t in second.recipe.state)
    assert all(t.trained_by is None for t in first.recipe.initialization)
