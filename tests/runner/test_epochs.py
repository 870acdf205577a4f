"""While a script runs its epochs are reported, and its process has no part in that."""

import io
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.progress import Silent
from whydiff.core.recording import Epoch
from whydiff.report.progress import Progress
from whydiff.runner import client
from whydiff.runner.client import Run
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.running import Runs
from whydiff.storage import Writer
from whydiff.testing.sides import a_recipe


@pytest.fixture
def said():
    return io.StringIO()


def test_the_epochs_of_every_fit_are_counted(tmp_path, said):
    path, look = tmp_path / "a.whydiff", None
    progress = Progress(said)
    counted = []
    progress.advance = counted.append
    look = EpochProgress("running train.py (a)", progress).look
    look(path)  # nothing is there yet
    writer = Writer(path, "train.py", [])
    look(path)
    for fit in (1, 2):
        duration = {"epochs": 5, "initial_epoch": 2}
        writer.begin_fit(fit, "Sequential", (), a_recipe(duration=duration), {})
        look(path)
        for epoch in range(2):
            writer.end_epoch(fit, Epoch(epoch, 1, {"loss": 1.0}), np.arange(3), np.array([3]))
        look(path)
        look(path)  # nothing new
        writer.end_fit(fit, a_recipe(duration=duration), (), 9.0, {})
        look(path)
    writer.begin_fit(3, "Sequential", (), a_recipe(duration={}), {})  # a loop of the script's own
    look(path)
    writer.close(0)
    assert said.getvalue().splitlines() == [
        "whydiff: running train.py (a)",
        *(f"whydiff: running train.py (a), epochs of fit {fit} (0 of 3)" for fit in (1, 2)),
    ]
    assert counted == [2, 2]


@pytest.mark.parametrize("serve", [True, False])
def test_who_waits_for_a_script_looks_from_time_to_time(tmp_path, monkeypatch, serve):
    """This script goes on until somebody has looked."""
    monkeypatch.setattr(client, "LOOK_EVERY", 0.01)
    seen, script = tmp_path / "seen", tmp_path / "train.py"
    script.write_text(f"from pathlib import Path\nwhile not Path({str(seen)!r}).exists(): pass\n")

    class Seen(EpochProgress):
        def look(self, recording: Path) -> None:
            assert recording == tmp_path / "a.whydiff"
            seen.touch()

    epochs = Seen("running train.py", Silent())
    with Runs().run(Run(script), tmp_path, "a", serve=serve, epochs=epochs) as ran:
        assert ran.succeeded and seen.exists()
