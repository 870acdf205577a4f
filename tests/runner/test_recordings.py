"""Scripts run on workers: their recordings come back, and so does why there is none."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whydiff.runner.executors import workers_of
from whydiff.runner.executors.archive import archived
from whydiff.runner.executors.recordings import ScriptRun, recordings
from whydiff.storage import load

SCRIPT = """
import sys
if sys.argv[1] == "fail": sys.exit("out of luck")
if sys.argv[1] == "hang": import time; time.sleep(10**7)
import keras, numpy as np
keras.utils.set_random_seed(int(sys.argv[1]))
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 2)), np.arange(8.0), epochs=1, verbose=0)
"""


@pytest.mark.long
def test_recordings_come_back_from_workers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    script = Path("train.py")
    script.write_text(SCRIPT)
    runs = [
        ScriptRun(("3",)), ScriptRun(("3",), reseed=1), ScriptRun(("fail",)),
        ScriptRun(("hang",), time_limit=2.0),
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as executor:
        workers = workers_of(executor, 2)
        found = {r.number: r for r in recordings(workers, archived(script), runs, tmp_path)}
    losses = [load(found[n].path).fits[0].epochs[-1].logs["loss"] for n in (0, 1)]
    assert losses[0] != losses[1]
    assert found[2].path is None and "exited with 1" in found[2].failure
    assert found[3].failure == "train.py was stopped after the time limit of 2 s"
