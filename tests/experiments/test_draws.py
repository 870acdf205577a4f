"""Which lines of a script may have drawn the data."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import PROCESSES, SEEDING, Draw, Frame, Side
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain.draws import few_of, with_drawing_lines, with_redrawn_data
from whydiff.experiments.explain.lines import without_blamed_seeds
from whydiff.experiments.explain.texts import modules_of, program_text
from whydiff.runner.client import Run
from whydiff.testing.sides import a_side, changed, content

SPLIT = """import numpy as np
from sklearn.model_selection import train_test_split

rows = np.random.permutation(10)
parts = train_test_split(rows)
model.fit(rows)
later = np.random.rand(3)
"""
FRESH = "import numpy as np\n\nx = np.random.default_rng().normal(size=10)\nmodel.fit(x)\n"
PERMUTED = (
    "train.py:4: permutation draws from NumPy's global generator, which nothing had seeded and "
    "train.py:5: train_test_split draws from NumPy's global generator, which nothing had seeded"
)


@pytest.fixture
def data(tmp_path):
    """Two sides that share ``shared`` of 10 samples and ran these texts, and the data's finding."""

    def made(text, other=None, shared=5, ledger=(), called=6, workers=0, alike=False):
        paths = tmp_path / "train.py", tmp_path / ("train.py" if other is None else "b.py")
        paths[0].write_text(text)
        if other is not None:
            paths[1].write_text(other)
        a, b = (
            a_side(
                data_content=content(range(start, start + 10)),
                fit={"stack": (Frame(str(path), line, "<module>", ""),)},
                execution={
                    "script": str(path),
                    "started": str(start),
                    "ledger": ledger,
                    "environment": {PROCESSES: workers},
                },
            )
            for start, path, line in ((0, paths[0], called), (10 - shared, paths[1], called))
        )
        finding = source("data-content").compare(a, b)
        assert finding.status == DIFFERS
        return with_drawing_lines([finding], paths, (a, b), alike)[0]

    return made


def test_the_lines_that_draw_are_named(data):
    finding = data(SPLIT)
    assert finding.detail == f"5 of 10 samples are the same; {PERMUTED}"
    assert finding.mechanism == "unseeded-split"


def test_a_generator_without_a_seed_is_named(data):
    assert data(FRESH, shared=0).detail == (
        "0 of 10 samples are the same; train.py:3: default_rng() has no seed"
    )


STREAM = (
    "import tensorflow as tf\nfrom torch.utils.data import DataLoader\n\n\n"
    "def feed(x):\n    tf.data.Dataset.from_tensor_slices(x).shuffle(9, seed=1)\n"
    "    return tf.data.Dataset.from_tensor_slices(x).shuffle(9)\n\n\n"
    "def load(x):\n    return DataLoader(x, shuffle=True)\n"
)


@pytest.mark.parametrize(
    ("seeded", "lines"),
    [
        ("", "feeding.py:7: shuffle of a pipeline without a seed and feeding.py:11: DataLoader "
             "draws from torch's global generator"),
        ("keras.utils.set_random_seed",
         "feeding.py:11: DataLoader draws from torch's global generator"),
        ("torch.manual_seed", "feeding.py:7: shuffle of a pipeline without a seed"),
    ],
)  # fmt: skip
def test_the_line_that_shuffles_a_stream_is_named_where_it_stands(tmp_path, seeded, lines):
    script = tmp_path / "train.py"
    script.write_text("from feeding import feed\n\nmodel.fit(feed(x))\n")
    (tmp_path / "feeding.py").write_text(STREAM)
    seeding = Draw(0, SEEDING, seeded, 3, False, ())
    side = a_side(
        fit={"stack": (Frame(str(script), 3, "<module>", ""),)},
        execution={"script": str(script), "ledger": (seeding,) if seeded else ()},
    )
    order = Finding("data-order", DIFFERS, "x", "the stream", mechanism="pipeline-shuffle")
    found = with_drawing_lines([order], (script, script), (side, side), alike=True)[0]
    assert found.detail == f"the stream; {lines}"


@pytest.mark.parametrize(
    ("rows", "mechanism", "line"),
    [
        ("np.random.permutation(9)", "loop-order", "permutation draws from NumPy's global "
         "generator, which nothing had seeded"),
        ("tf.data.Dataset.range(9).shuffle(9)", "pipeline-shuffle", "shuffle of a pipeline without "
         "a seed"),
    ],
)  # fmt: skip
def test_the_line_that_orders_the_batches_of_a_loop_is_named(tmp_path, rows, mechanism, line):
    script = tmp_path / "train.py"
    script.write_text(
        "import numpy as np\nimport tensorflow as tf\n\n"
        f"for row in {rows}:\n    model.train_on_batch(x[row], y[row])\n"
    )
    side = a_side(
        fit={"stack": (Frame(str(script), 5, "<module>", ""),)},
        execution={"script": str(script), "ledger": ()},
    )
    order = Finding("data-order", DIFFERS, "x", "the loop", mechanism="loop-order")
    found = with_drawing_lines([order], (script, script), (side, side), alike=True)[0]
    assert (found.detail, found.mechanism) == (f"the loop; train.py:4: {line}", mechanism)


def test_a_line_that_made_no_generator_in_the_run_is_not_named(data, tmp_path):
    made = Draw(0, SEEDING, "numpy.random.default_rng", None, False,
                (Frame(str(tmp_path / "train.py"), 3, "<module>", ""),))  # fmt: skip
    unused = FRESH.replace("model", "def other():\n    return np.random.default_rng()\n\n\nmodel")
    detail = data(unused, ledger=(made,), called=8).detail
    assert "train.py:3: default_rng() has no seed" in detail and "train.py:5" not in detail


def test_lines_that_draw_in_the_same_way_are_named_together():
    lines = ["a.py:3: f draws", "a.py:9: g draws", "a.py:12: f draws", "b.py:3: f draws"]
    assert few_of(lines) == "a.py:3 and 12: f draws, a.py:9: g draws and b.py:3: f draws"
    assert few_of([f"a.py:{n}: f draws" for n in range(5)]) == "a.py:0, 1, 2 and 2 more: f draws"


def test_a_generator_that_is_seeded_from_the_system_is_named(data):
    made = "import os\nimport numpy as np\nr = np.random.RandomState(os.getpid())\nx = r.rand(9)\n"
    finding = data(made)
    assert finding.mechanism == "unseeded-split"
    assert finding.detail.endswith("train.py:3: a seed is taken from the clock or the system")


def test_results_in_the_order_in_which_threads_end_are_named(data):
    text = "from concurrent.futures import as_completed\nx = [f() for f in as_completed(futures)]\n"
    assert data(text).detail == (
        "5 of 10 samples are the same; train.py:2: as_completed gives results in the order in "
        "which they are done"
    )


def test_threads_that_share_a_generator_race_for_it(data):
    text = (
        "import numpy as np\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "rng = np.random.default_rng(1)\n\n\ndef f(i):\n    return i + rng.normal()\n\n\n"
        "with ThreadPoolExecutor() as pool:\n    x = list(pool.map(f, range(4)))\n"
    )
    finding = data(text, called=12)
    assert finding.mechanism == "racing-workers" and "np.random.default_rng([seed" in finding.remedy
    assert "train.py:11: map runs f in several threads" in finding.detail


def test_threads_of_a_parallel_map_race_for_the_numbers_of_an_operation(data):
    text = (
        "import tensorflow as tf\n\n\ndef f(x):\n    return tf.image.random_brightness(x, 0.1)\n"
        "\n\nds = tf.data.Dataset.range(4).map(f, num_parallel_calls=4)\n"
    )
    finding = data(text, called=9)
    assert finding.mechanism == "racing-workers" and "stateless" in finding.remedy
    assert "train.py:8: tensorflow.image.random_brightness in a parallel map" in finding.detail


def test_what_two_scripts_draw_unseeded_is_not_intentional(data):
    finding = data(SPLIT, SPLIT)
    assert not finding.intended and finding.mechanism == "unseeded-split"
    assert data(SPLIT, "x = [1]\nmodel.fit(x)\n").intended


def seeding(*lines):
    """The ledger of a script that seeds NumPy by these lines of its own."""
    stack = tuple((Path(file), line) for file, line in lines)
    frames = tuple(Frame(str(file), line, "", "") for file, line in stack)
    return (Draw(0, SEEDING, "numpy.random.seed", 3, True, frames),)


HELPER = """import numpy as np
from sklearn.model_selection import train_test_split


def splits(rows):
    return train_test_split(rows)


def unused(rows):
    return np.random.permutation(rows)
"""
MAIN = """from helper import splits


def main():
    rows = splits(range(10))
    seed_all(3)
    model.fit(rows)


main()
"""
DREW_BEFORE = (
    "helper.py:6: train_test_split draws from NumPy's global generator, which nothing had seeded "
    "by then"
)


@pytest.mark.parametrize(("line", "named"), [(6, True), (4, False)])
def test_what_a_helper_drew_before_the_seed_was_set_is_named(data, tmp_path, line, named):
    (tmp_path / "helper.py").write_text(HELPER)
    main = tmp_path / "train.py"
    finding = data(MAIN, ledger=seeding((main, 10), (main, line)), called=7)
    assert (DREW_BEFORE in finding.detail) is named and "permutation" not in finding.detail


def test_a_generator_without_a_seed_that_a_helper_made_is_named(data, tmp_path):
    helper = tmp_path / "helper.py"
    helper.write_text(HELPER.replace("np.random.permutation", "np.sort"))
    made = Draw(0, SEEDING, "numpy.random.default_rng", None, False,
                (Frame(str(helper), 6, "splits", ""),))  # fmt: skip
    assert "helper.py:6: default_rng() has no seed" in data(MAIN, ledger=(made,), called=7).detail


def test_a_generator_that_something_else_seeded_is_not_named(data):
    seeding = Draw(0, SEEDING, "numpy.random.seed", 3, True)
    assert "draws from" not in data(SPLIT, ledger=(seeding,)).detail


HASHED = """words = {w for text in TEXTS for w in text.split()}
index = {}
for word in words:
    index[word] = len(index)
model.fit([index[word] for word in TEXTS])
"""
OF_THE_SET = "train.py:3: a set is iterated: texts come out of it in another order in each process"


@pytest.mark.parametrize(
    ("seeds", "named"), [(("random", "random"), True), (("1", "2"), True), (("1", "1"), False)]
)
def test_a_set_that_hands_out_the_data_is_named_where_the_hash_seeds_differ(tmp_path, seeds, named):
    script = tmp_path / "train.py"
    script.write_text(HASHED)
    sides = tuple(
        a_side(execution={"script": str(script), "environment": {"hash seed": seed}})
        for seed in seeds
    )
    for mechanism, becomes in (("", "hash-order"), ("labels-permuted", "labels-permuted")):
        finding = Finding("data-content", DIFFERS, "x", detail="x", mechanism=mechanism)
        (read,) = with_drawing_lines([finding], (script, script), sides)
        assert read.detail == (f"x; {OF_THE_SET}" if named else "x")
        assert read.mechanism == (becomes if named else mechanism)


@pytest.mark.parametrize("alike", [True, False])
def test_a_setting_that_two_runs_of_one_program_draw_is_not_intentional(tmp_path, alike):
    script = tmp_path / "train.py"
    script.write_text("import numpy as np\nrate = np.random.default_rng().uniform()\n")
    a, b = a_side(), a_side(execution={"started": "later"})
    b = changed(b, optimizer={**b.recipe.optimizer, "learning_rate": 0.5})
    finding = source("optimizer").compare(a, b)
    (read,) = with_drawing_lines([finding], (script, script), (a, b), alike)
    assert read.intended is not alike
    assert ("train.py:2: default_rng() has no seed" in read.detail) is alike


def test_the_line_that_makes_the_generator_of_a_step_is_named(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("import random\nrng = random.Random()\n")
    finding = Finding("noise", DIFFERS, "", detail="a step draws from rng", mechanism="host-draws")
    (read,) = with_drawing_lines([finding], (script, script), (a_side(), a_side()), True)
    assert read.detail == "a step draws from rng; train.py:2: Random() has no seed"


LOOP = """import keras
import numpy as np
from sklearn.model_selection import KFold, train_test_split

keras.utils.set_random_seed(0)


def split():
    return train_test_split(x, y)


{loop}:
    parts = {drawn}
    model = keras.Sequential()
    model.fit(parts)
"""
SPLIT_ANEW = "train_test_split draws from NumPy's global generator, anew for each of the two fits"


@pytest.mark.parametrize(
    ("loop", "drawn", "line"),
    [
        pytest.param("for i in range(2)", "train_test_split(x, y)", 13, id="in the loop"),
        pytest.param("for i in range(2)", "split()", 9, id="in a function called there"),
        pytest.param(
            "for train, test in KFold(2, shuffle=True).split(x)", "x[train]", 0, id="folds"
        ),
        pytest.param("for part in parts", "part", 0, id="parts made before"),
    ],
)
def test_a_split_that_is_drawn_for_each_fit_is_not_intentional(tmp_path, loop, drawn, line):
    script = tmp_path / "train.py"
    script.write_text(LOOP.format(loop=loop, drawn=drawn))
    a, b = (
        a_side(
            data_content=content(range(start, start + 10)),
            fit={"stack": (Frame(str(script), 15, "<module>", ""),), "index": 1 + start // 5},
            execution={"script": str(script)},
        )
        for start in (0, 5)
    )
    b = replace(b, execution=a.execution)
    finding = source("data-content").compare(a, b)
    assert finding.intended and finding.mechanism == "other-subset"
    (read,) = with_redrawn_data([finding], script, (a, b))
    assert read.intended is not bool(line)
    if line:
        assert f"train.py:{line}: {SPLIT_ANEW}" in read.detail and "random_state" in read.remedy


IN_TURN = """import keras
import numpy as np

rng = np.random.default_rng(5)


def make():
    return rng.normal(size=(10, 4))


def fresh(seed):
    mine = np.random.default_rng(seed)
    return mine.normal(size=(10, 4))


x1 = {first}
x2 = {second}
one.fit(x1, y)
two.fit(x2, y)
"""
NORMAL = "normal draws from rng (made in line 4)"


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        pytest.param("make()", "make()", [8], id="one function called twice"),
        pytest.param("rng.normal(size=4)", "rng.normal(size=4)", [16, 17], id="two lines alike"),
        pytest.param("rng.normal(size=4)", "rng.uniform(size=4)", [], id="two kinds of data"),
        pytest.param("make()", "load()", [], id="drawn for one only"),
        pytest.param("fresh(1)", "fresh(2)", [], id="a generator of its own for each"),
        pytest.param("make()", "x1 + 1", [], id="drawn once"),
    ],
)
def test_data_of_two_fits_drawn_in_turn_are_told_with_their_lines(tmp_path, first, second, lines):
    script = tmp_path / "train.py"
    script.write_text(IN_TURN.format(first=first, second=second))
    a, b = (
        a_side(
            data_content=content(range(start, start + 10)),
            fit={"stack": (Frame(str(script), 18 + index, "<module>", ""),), "index": index + 1},
        )
        for index, start in enumerate((0, 20))
    )
    finding = source("data-content").compare(a, replace(b, execution=a.execution))
    (read,) = with_redrawn_data([finding], script, (a, b))
    assert (read.mechanism == "drawn-in-turn") is bool(lines)
    places = " and ".join(map(str, lines))
    assert not lines or f"train.py:{places}: {NORMAL}" in read.detail
    assert lines or read == finding


DRAWN_ONCE = """import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(10, 4))


def train(values):
    table[["a"]].to_numpy()
    model.fit(values)


train(x)
train(x / 100)
"""


def test_data_drawn_once_at_the_top_are_not_told_as_drawn_for_each_fit(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(DRAWN_ONCE)
    a, b = (
        a_side(
            data_content=content(range(start, start + 10)),
            fit={
                "stack": (
                    Frame(str(script), 12 + index, "<module>", ""),
                    Frame(str(script), 9, "train", ""),
                ),
                "index": index + 1,
            },
        )
        for index, start in enumerate((0, 20))
    )
    finding = source("data-content").compare(a, replace(b, execution=a.execution))
    assert with_redrawn_data([finding], script, (a, b)) == (finding,)


SEEDED = """import keras
import numpy as np

keras.utils.set_random_seed({seed})
x = {data}
model.fit(x)
"""
RAND = "np.random.rand(10)"


@pytest.mark.parametrize(
    ("one", "other", "arguments", "by_seeds"),
    [
        pytest.param((1, RAND), (2, RAND), ((), ()), True, id="only the seed"),
        pytest.param((1, RAND), (2, "np.random.rand(10) * 3"), ((), ()), False, id="a line more"),
        pytest.param((1, "load()"), (2, "load()"), ((), ()), False, id="nothing is drawn"),
        pytest.param(("n", RAND), ("n", RAND), (("--seed=1",), ("--seed=2",)), True, id="asked"),
        pytest.param(
            ("n", RAND), ("n", RAND), (("1", "a"), ("2", "b")), False, id="asked for more"
        ),
    ],
)
def test_other_seeds_are_blamed_for_the_data_where_nothing_else_feeds_them(
    tmp_path, one, other, arguments, by_seeds
):
    uses = []
    for number, (seed, drawn) in enumerate((one, other)):
        script = tmp_path / f"{number}.py"
        script.write_text(SEEDED.format(seed=seed, data=drawn))
        frames = (Frame(str(script), 4, "<module>", ""),)
        call = Draw(1, SEEDING, "keras.utils.set_random_seed", number + 1, True, frames)
        side = a_side(
            data_content=content(range(20 * number, 20 * number + 10)),
            fit={"stack": (Frame(str(script), 6, "<module>", ""),)},
            execution={"script": str(script), "ledger": (call,), "arguments": arguments[number]},
        )
        uses.append((Run(script, arguments[number]), side.execution, side.fit))
    finding = source("data-content").compare(*(Side(e, f) for _, e, f in uses))
    assert finding.mechanism == "explicit-seeds"
    (read,) = without_blamed_seeds([finding], *uses)
    assert (read == finding) is by_seeds
    if not by_seeds:
        assert read.mechanism == "" and "need not be the reason" in read.detail
        assert "set_random_seed(2) (1.py:4) in B), and" in read.detail


PIPELINE = """import numpy as np
import tensorflow as tf


def jitter(x):
    return x + np.random.normal(size=3)


ds = {made}
ds = ds.map(jitter)
seed_all(3)
model.fit(ds)
"""
TRACED = (
    "train.py:6: normal draws from NumPy's global generator once, when map traces jitter: all "
    "elements get the same numbers, which nothing had seeded by then"
)


@pytest.mark.parametrize(
    ("made", "traced"),
    [("tf.data.Dataset.from_tensor_slices(rows)", True), ("pd.Series(rows)", False)],
)
def test_a_draw_in_a_function_that_a_pipeline_traces_is_told_as_that(data, tmp_path, made, traced):
    script = tmp_path / "train.py"
    detail = data(PIPELINE.format(made=made), ledger=seeding((script, 11)), called=12).detail
    assert "train.py:6: normal draws" in detail and (TRACED in detail) is traced


PREPARED = """import numpy as np

order = np.random.permutation(10)
first = order[:5]
if __name__ == "__main__":
    np.random.shuffle(order)
"""


@pytest.mark.parametrize(
    "text",
    [
        "import prepare\nseed_all(3)\nmodel.fit(prepare.order)\n",
        "from prepare import order\nseed_all(3)\nmodel.fit(order)\n",
        "from later import order\nseed_all(3)\nmodel.fit(order)\n",
    ],
)
@pytest.mark.parametrize(("line", "named"), [(2, True), (0, False)])
def test_what_a_module_drew_while_it_was_imported_is_named(data, tmp_path, text, line, named):
    (tmp_path / "prepare.py").write_text(PREPARED)
    (tmp_path / "later.py").write_text("from prepare import order\n")
    finding = data(text, ledger=seeding((tmp_path / "train.py", line)), called=3)
    drew = "prepare.py:3: permutation draws from NumPy's global generator, which nothing had"
    assert (drew in finding.detail) is named and "shuffle" not in finding.detail


POOL = "seed_all(3)\nx = pool.map(features, range(4))\nmodel.fit(x)\n"


@pytest.mark.parametrize(
    ("workers", "alike", "seeds", "mechanism"),
    [
        (2, True, True, "drawn-in-workers"),
        (0, True, True, "unseeded-generator"),
        (2, False, True, "unseeded-generator"),
        (2, True, False, "unseeded-generator"),
    ],
)
def test_data_that_workers_made_are_told_as_that(data, tmp_path, workers, alike, seeds, mechanism):
    ledger = seeding((tmp_path / "train.py", 1)) if seeds else ()
    finding = data(POOL, None, 0, ledger, 3, workers=workers, alike=alike)
    assert finding.mechanism == mechanism
    told = "what its 2 worker processes draw is not watched" in finding.detail
    assert told == (mechanism == "drawn-in-workers")


def test_what_a_cell_drew_before_another_set_the_seed_is_named(tmp_path):
    texts = ["import numpy as np\n\norder = np.random.permutation(10)", "%time seed_all(3)\n",
             "model.fit(order)"]  # fmt: skip
    cells = [{"cell_type": "code", "source": text} for text in texts]
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"cells": cells}))

    def frame(cell, line):
        return Frame(f"{path} (cell {cell})", line, "<module>", "")

    seed = replace(seeding((path, 1))[0], stack=(frame(2, 1),))
    a, b = (
        a_side(
            data_content=content(range(start, start + 10)),
            fit={"stack": (frame(3, 1),)},
            execution={"script": str(path), "started": str(start), "ledger": (seed,)},
        )
        for start in (0, 5)
    )
    found = source("data-content").compare(a, b)
    for sides in ((a, b), (Side(a.execution, replace(a.fit)), b)):  # successive fits held as one
        (finding,) = with_drawing_lines([found], (path, path), sides, True)
        assert finding.detail == (
            "5 of 10 samples are the same; train.ipynb (cell 1):3: permutation draws from NumPy's "
            "global generator, which nothing had seeded by then"
        )


def test_a_file_that_a_cell_runs_is_part_of_the_program(tmp_path):
    texts = ["%time x = 1\n!pip --version\n%run -i prepare.py 3", "if x:\n    %run prepare.py\n"]
    cells = [{"cell_type": "code", "source": text} for text in texts]
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    (tmp_path / "prepare.py").write_text("order = 1\n")
    lines = program_text(path).split("\n")
    assert [n for n, line in enumerate(lines) if line.strip() == "import prepare"] == [3, 6]
    assert modules_of(path, tmp_path) == [(tmp_path / "prepare.py", "order = 1\n")]
