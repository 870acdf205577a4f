"""A fit on arrays is recorded alike whether TensorFlow tells its order or batches are looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "told_order.py"
#: fits whose batches have to be looked at: the order is drawn batch by batch, or they
#: are fed as the parts of sparse tensors
LOOKED_AT = {"shuffled batches", "sparse"}
#: One fit of each way in which an order comes about; ``make thorough`` tries all that there are.
FIRST = (
    "shuffled", "shuffled batches", "part of an epoch", "several steps at once", "weighted",
    "evaluating callback", "sparse", "mirrored", "seeded by nobody",
)  # fmt: skip

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("names", "count"),
    [(FIRST, len(FIRST)), pytest.param((), 16, marks=pytest.mark.thorough)],
    ids=["first", "all"],
)
def test_recordings_are_the_same_and_cost_no_look_at_a_batch(names, count):
    done = subprocess.run(
        [sys.executable, SCRIPT, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = dict(line.split(": ") for line in done.stdout.splitlines())
    assert len(found) == count
    # Two trainings that nobody seeded differ; how they were recorded has no part in it.
    assert found.pop("seeded by nobody") == "different, 0 shown"
    for name, told in found.items():
        same, shown = told.split(", ")
        assert same == "same", name
        assert (shown != "0 shown") == (name in LOOKED_AT), name
