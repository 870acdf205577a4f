"""A script run again in the process in which it ran, as a new process runs it."""

from dataclasses import replace

import pytest

from whydiff.runner.client import Run
from whydiff.runner.running import Runs

SCRIPT = """
import numpy as np
early = np.random.normal(size=(32, 4)).astype("float32")  # before anything is seeded
import keras, sizes
keras.utils.set_random_seed(SEED)
x, y = np.random.normal(size=(32, 4)).astype("float32"), np.arange(32.0)
layers = [keras.layers.Dense(sizes.UNITS), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((4,)), *layers])
model.compile("adam", "mse")
model.fit(x + EARLY * early, y, epochs=2, batch_size=8, verbose=0)
sizes.UNITS = 9  # which a second run must not see
keras.config.set_floatx("float64")
"""


@pytest.mark.long
def test_it_leaves_the_bits_of_a_new_process_and_draws_as_one(tmp_path):
    script, runs = tmp_path / "train.py", Runs()
    (tmp_path / "sizes.py").write_text("UNITS = 3\n")
    script.write_text(SCRIPT.replace("SEED", "1").replace("EARLY", "0"))
    texts = {}
    for name, early in (("changed", "0"), ("by_chance", "1")):
        texts[name] = tmp_path / f"{name}.txt"
        texts[name].write_text(SCRIPT.replace("SEED", "2").replace("EARLY", early))

    def trial(name):
        return replace(Run(script), source=texts[name], keep="none", purpose="trial")

    said = []
    with runs.run(Run(script), tmp_path, "a") as ran:
        ran.child.each_epoch = lambda *step: said.append(step)
        again, *others = (
            runs.run_again(ran.child, trial(name), tmp_path / f"again{number}.whydiff")()
            for number, name in enumerate(("changed", "by_chance", "by_chance"))
        )
    with runs.run(trial("changed"), tmp_path, "new", serve=False) as new:
        fresh = new.complete("compared")
    first = ran.complete("compared").fits[0]
    made, wanted = again.fits[0], fresh.fits[0]
    assert made.final == wanted.final != first.final
    assert (made.steps == wanted.steps).all()
    assert made.recipe.precision == wanted.recipe.precision
    content = [other.fits[0].recipe.data_content for other in others]
    assert not (content[0].samples == content[1].samples).all(), "unseeded, two runs draw otherwise"
    assert others[0].fits[0].recipe.initialization == others[1].fits[0].recipe.initialization
    assert runs.count == 5
    assert said == 3 * [(step, 8, "step") for step in range(1, 9)], "its steps are counted"
