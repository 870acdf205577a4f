"""``python variability_study.py RUNS``: wall and CPU seconds of ictonyx for runs of seed.md's net.

Needs ``pip install ictonyx`` beside TensorFlow, whichever backend Keras uses.
"""

import sys
import time

begun, cpu = time.perf_counter(), time.process_time()

import ictonyx  # noqa: E402  its import is timed, too
import nets  # noqa: E402


def build(config):
    model, _ = nets.validated()
    return ictonyx.KerasModelWrapper(model)


_, arguments = nets.validated()
study = ictonyx.variability_study(
    build,
    (arguments["x"], arguments["y"]),
    runs=int(sys.argv[1]),
    epochs=arguments["epochs"],
    batch_size=arguments["batch_size"],
    seed=1,
    verbose=False,
    X_val=arguments["validation_data"][0],
    y_val=arguments["validation_data"][1],
    test_split=0.0,
)
assert len(study.all_runs_metrics) == int(sys.argv[1])
print(f"{time.perf_counter() - begun:.3f}:{time.process_time() - cpu:.3f}")
