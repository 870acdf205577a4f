"""What recording costs: each training with and without it, interleaved in one process.

    python benchmarks/recording.py [--backend jax] [--repeats 7] [--net small|dense|conv|deep|...]

Four nets train nothing: "deep" builds 60 layers anew and predicts ten times, "images" predicts 2048
images, "rows" gives predict_on_batch one row after the other, "stateless" gives them to
stateless_call. What a digest of each row fed and given costs is shown beside them.

Prints, per net, the median time of a step alone and the median over the pairs of the ratio of
a recorded to an unrecorded epoch, both measured one right after the other so that what else the
machine does falls on both alike. Wall time tells what a person waits; processor time (of all
threads of the process) tells the same on a machine that others use, too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=("jax", "tensorflow", "torch"), default="jax")
    parser.add_argument("--net", choices=(*NETS, *PREDICTING), help="only this one")
    parser.add_argument("--repeats", type=int, default=7, help="pairs of epochs")
    parser.add_argument("--steps", type=int, default=0, help="steps of an epoch (0: as fits)")
    parser.add_argument("--every", type=int, default=1, help="as `whydiff record --every`")
    parser.add_argument("--no-digests", action="store_true", help="as if digests took no time")
    parser.add_argument("--count", action="store_true", help="calls of functions a step, too")
    parser.add_argument("--profile", action="store_true", help="where a recorded epoch spends")
    return parser.parse_args()


def small():
    """Hardly any work: 32 samples through two Dense layers, Adam; a step of 0.2 ms on JAX."""
    return perceptron(1, 64, 32)


def dense():
    """A step of 0.5 ms on JAX: 64 samples through three Dense layers, Adam."""
    return perceptron(2, 256, 64)


def perceptron(layers, width, size):
    import keras
    import numpy as np

    generator = np.random.default_rng(0)
    x = generator.normal(size=(size * 500, 32)).astype("float32")
    y = generator.integers(0, 10, len(x))
    hidden = [keras.layers.Dense(width, "relu") for _ in range(layers)]
    model = keras.Sequential([keras.Input((32,)), *hidden, keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y, size, 500


def conv():
    """A convolutional net on data of Fashion-MNIST's shape, 128 at a time, Adam."""
    import keras
    import numpy as np

    generator = np.random.default_rng(0)
    x = generator.random((128 * 25, 28, 28, 1)).astype("float32")
    y = generator.integers(0, 10, len(x))
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    return model, x, y, 128, 25


NETS = {"small": small, "dense": dense, "conv": conv}


def deep():
    """What a script that only predicts does: build a model of 60 layers, predict ten times."""
    import keras
    import numpy as np

    h = inputs = keras.Input((64,))
    for _ in range(60):
        h = keras.layers.Dense(64, "relu")(h)
    model = keras.Model(inputs, keras.layers.Dense(10)(h))
    x = np.random.default_rng(0).random((2048, 64)).astype("float32")
    return [(x, model.predict(x, verbose=0)) for _ in range(10)]


def images():
    """A convolutional net that predicts 2048 images three times."""
    import keras
    import numpy as np

    layers = [keras.layers.Conv2D(n, 3, activation="relu") for n in (32, 64)]
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    x = np.random.default_rng(0).random((2048, 28, 28, 1)).astype("float32")
    return [(x, model.predict(x, verbose=0)) for _ in range(3)]


def _rows():
    import keras
    import numpy as np

    layers = [keras.layers.Dense(64, "relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
    return model, np.random.default_rng(0).random((2000, 1, 64)).astype("float32")


def rows():
    """A service: 2000 rows, one after the other, from one line."""
    model, x = _rows()
    return [(row, model.predict_on_batch(row)) for row in x]


def stateless():
    """The same with stateless_call."""
    import keras

    model, x = _rows()
    given = (model.trainable_variables, model.non_trainable_variables)
    values = [[variable.value for variable in part] for part in given]
    to_numpy = keras.ops.convert_to_numpy
    return [(row, to_numpy(model.stateless_call(*values, row)[0])) for row in x]


PREDICTING = {"deep": deep, "images": images, "rows": rows, "stateless": stateless}


def measure_calls(name, script, args, holder, folder):
    """Processor time of a predict-only script with and without recording; the outputs are equal."""
    import keras
    import numpy as np

    from whydiff.core.digests import row_digests
    from whydiff.recorder.session import Session
    from whydiff.storage import Writer

    silent = holder.session
    script()
    times, last = {True: [], False: []}, {}
    for repeat in range(args.repeats):
        for recorded in ((False, True), (True, False))[repeat % 2]:
            keras.utils.set_random_seed(repeat)
            started = time.process_time()
            if recorded:
                holder.session = Session(Writer(folder / f"{name}-{repeat}.whydiff", name, []), 0)
            last[recorded] = script()
            if recorded:
                holder.session.close(0)
                holder.session = silent
            times[recorded].append(time.process_time() - started)
        pairs = zip(last[True], last[False], strict=True)
        assert all(np.array_equal(a, b) for (_, a), (_, b) in pairs), "watching changed bits"
    started = time.process_time()
    for x, output in last[True]:
        row_digests([x])
        row_digests([output])
    digest = time.process_time() - started
    ratios = np.array(times[True]) / np.array(times[False])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    alone = np.median(times[False])
    print(
        f"{args.backend:10} {name:9} processor script {1e3 * alone:6.0f} ms   recorded / not "
        f"{middle:5.3f} (quartiles {low:.3f} to {high:.3f}, {args.repeats} pairs), of which "
        f"{digest / alone:.3f} are digests of rows",
        flush=True,
    )
    if args.profile:
        profile(script, name, holder, folder)


class Marks:
    """Time at the ends of epochs."""

    def callback(self):
        import keras
        import numpy as np

        marks = self.at = []

        class AtEpochs(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                marks.append(np.array([time.perf_counter(), time.process_time()]))

            def on_epoch_end(self, epoch, logs=None):
                marks.append(np.array([time.perf_counter(), time.process_time()]))

        return AtEpochs()

    def epochs(self):
        return [end - begin for begin, end in zip(self.at[::2], self.at[1::2], strict=True)]


def train(model, x, y, size, epochs):
    """Seconds of every epoch after the first, which compiles."""
    marks = Marks()
    model.fit(x, y, batch_size=size, epochs=epochs, verbose=0, callbacks=[marks.callback()])
    return marks.epochs()[1:]


def measure(name, make, args, holder, folder):
    import numpy as np

    from whydiff.recorder.session import Session
    from whydiff.storage import Writer, load

    model, x, y, size, steps = make()
    if args.steps:
        steps = args.steps
        x, y = x[: steps * size], y[: steps * size]
    silent = holder.session
    ratios, alone = [], []
    train(model, x, y, size, 2)
    for repeat in range(args.repeats):
        times = {}
        # In turns, so that a drift of the machine's speed favours neither.
        for recorded in ((False, True), (True, False))[repeat % 2]:
            if recorded:
                path = folder / f"{name}-{repeat}.whydiff"
                holder.session = Session(Writer(path, name, [], every=args.every), 0)
                times[True] = train(model, x, y, size, 3)
                holder.session.close(0)
            else:
                holder.session = silent
                times[False] = train(model, x, y, size, 3)
        pair = {k: np.min(v, axis=0) for k, v in times.items()}  # of two epochs
        ratios.append(pair[True] / pair[False])
        alone.append(pair[False] / steps)
    holder.session = silent
    fit = load(path).fits[0]
    assert len(fit.steps) == 3 * steps, "every step has its row"
    step, ratio = 1e3 * np.median(alone, axis=0), np.median(ratios, axis=0)
    low, high = np.quantile(ratios, [0.25, 0.75], axis=0)
    for kind, i in (("wall", 0), ("processor", 1)):
        print(
            f"{args.backend:10} {name:5} {kind:9} step {step[i]:7.3f} ms   recorded / not "
            f"{ratio[i]:5.3f} (quartiles {low[i]:.3f} to {high[i]:.3f}, {len(ratios)} pairs)   "
            f"{1e3 * step[i] * (ratio[i] - 1):+6.0f} us a step",
            flush=True,
        )
    if args.count:
        count(name, model, x, y, size, steps, args, holder, folder)
    if args.profile:
        profile(lambda: train(model, x, y, size, 3), name, holder, folder)


def count(name, model, x, y, size, steps, args, holder, folder):
    """Calls of Python functions and of C functions a step in the thread that trains: what another
    program does on the machine changes none of them."""
    from whydiff.recorder.session import Session
    from whydiff.storage import Writer

    silent, calls = holder.session, {}
    for recorded in (False, True):
        counted = calls[recorded] = {"call": 0, "c_call": 0}

        def counting(frame, event, argument, counted=counted):
            if event in counted:
                counted[event] += 1

        if recorded:
            path = folder / f"{name}-count.whydiff"
            holder.session = Session(Writer(path, name, [], every=args.every), 0)
        train(model, x, y, size, 1)
        sys.setprofile(counting)
        train(model, x, y, size, 4)
        sys.setprofile(None)
        if recorded:
            holder.session.close(0)
            holder.session = silent
    alone, watched = (sum(calls[recorded].values()) / (4 * steps) for recorded in (False, True))
    print(
        f"{args.backend:10} {name:5} calls of functions a step: {alone:.0f} alone, "
        f"{watched:.0f} recorded",
        flush=True,
    )


def profile(work, name, holder, folder):
    import cProfile
    import pstats

    from whydiff.recorder.session import Session
    from whydiff.storage import Writer

    holder.session = Session(Writer(folder / f"{name}-profile.whydiff", name, []), 0)
    profiler = cProfile.Profile()
    profiler.enable()
    work()
    holder.session.close(0)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(28)


def leave_out_digests():
    """Nothing that a step left is digested: the most that a thread for digests could save."""
    from whydiff.core import digests

    for name in ("group_digest", "numbers_digest", "pieces_digest"):
        known = getattr(digests, name)
        for module in [m for n, m in sys.modules.items() if n.startswith("whydiff.")]:
            if getattr(module, name, None) is known:
                setattr(module, name, lambda *given: 0)


class Holder:
    """Whose session has ended: what it is told of then is nobody's business."""

    def __init__(self):
        from whydiff.recorder.session import Session

        self.session = Session(None, 0)
        self.session.closed = True


def main() -> None:
    args = arguments()
    os.environ["KERAS_BACKEND"] = args.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from whydiff.recorder.hooks import install

    holder = Holder()
    install(holder)
    if args.no_digests:
        leave_out_digests()
    with tempfile.TemporaryDirectory() as folder:
        for name, make in NETS.items():
            if args.net in (name, None):
                measure(name, make, args, holder, Path(folder))
        for name, script in PREDICTING.items():
            if args.net in (name, None):
                measure_calls(name, script, args, holder, Path(folder))


if __name__ == "__main__":
    main()
