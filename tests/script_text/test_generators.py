"""Edits of generators, orders and parallel maps in the script's own text."""

from __future__ import annotations

import ast

import pytest

from whydiff.script_text.edits import apply, parse
from whydiff.script_text.generators import changes
from whydiff.script_text.imports import Names
from whydiff.script_text.samplers import drawn_from_python
from whydiff.script_text.splits import drawn_from_numpy

IMPORTS = (
    "import glob, os, random, secrets, time, uuid\n"
    "import keras\nimport numpy as np\nimport tensorflow as tf\nimport torch\n"
    "from datetime import datetime\nfrom numpy.random import PCG64, Generator, default_rng\n"
    "from pathlib import Path\n"
)


def changed(code: str, kind: str) -> str:
    text = IMPORTS + code
    script = parse(text)
    edits = [e for c in changes(script, Names(script)) if c.kind == kind for e in c.edits]
    done = apply(text, edits)
    parse(done)
    return done[len(IMPORTS) :]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rng = np.random.default_rng()", "rng = np.random.default_rng(0)"),
        ("rng = default_rng(None)", "rng = default_rng(0)"),
        ("rng = default_rng(seed=None)", "rng = default_rng(0)"),
        ("rng = np.random.RandomState()", "rng = np.random.RandomState(0)"),
        ("rng = Generator(PCG64())", "rng = Generator(PCG64(0))"),
        ("r = random.Random()", "r = random.Random(0)"),
        ("r = random.SystemRandom()", "r = random.Random(0)"),
        ("np.random.seed()", "np.random.seed(0)"),
        ("torch.seed()", "torch.manual_seed(0)"),
        ("g = torch.Generator()\ng.seed()", "g = torch.Generator()\ng.manual_seed(0)"),
        ("g = tf.random.Generator.from_non_deterministic_state()",
         "g = tf.random.Generator.from_seed(0)"),
        ("keras.utils.set_random_seed(int(time.time()))", "keras.utils.set_random_seed(0)"),
        ("keras.utils.set_random_seed(os.getpid() % 1000)", "keras.utils.set_random_seed(0)"),
        ("np.random.seed(int.from_bytes(os.urandom(4), 'big'))", "np.random.seed(0)"),
        ("torch.manual_seed(secrets.randbelow(99))", "torch.manual_seed(0)"),
        ("d = keras.layers.Dropout(0.5, seed=uuid.uuid4().int % 9)",
         "d = keras.layers.Dropout(0.5, seed=0)"),
        ("SEED = time.time_ns() % 100\nnp.random.seed(SEED)", "SEED = 0\nnp.random.seed(SEED)"),
        ("n = datetime.now().microsecond\ndefault_rng(n)", "n = 0\ndefault_rng(n)"),
        ("rng = np.random.RandomState(int(time.time()))", "rng = np.random.RandomState(0)"),
        ("def f(seed=int(time.time())): pass", "def f(seed=0): pass"),
        ("p.add_argument('--seed', default=os.getpid())", "p.add_argument('--seed', default=0)"),
        ("c = {'seed': os.getpid()}", "c = {'seed': 0}"),
        ("def f(seed): pass\nf(os.getpid())", "def f(seed): pass\nf(0)"),
    ],
)  # fmt: skip
def test_generators_get_a_seed(before: str, after: str) -> None:
    assert changed(before, "generator") == after


@pytest.mark.parametrize(
    "code",
    [
        "rng = default_rng(3)",
        "rng = default_rng(seed)",
        "rng = default_rng(**options)",
        "start = time.time()\nprint(time.time() - start)",
        "name = uuid.uuid4()",
        "x = np.random.rand(3)",
        "g = torch.Generator()",
    ],
)
def test_what_is_seeded_or_no_seed_is_left_alone(code: str) -> None:
    assert changed(code, "generator") == code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("optuna.samplers.TPESampler()", "optuna.samplers.TPESampler(seed=7)"),
        ("optuna.samplers.TPESampler(n_startup_trials=5)",
         "optuna.samplers.TPESampler(n_startup_trials=5, seed=7)"),
        ("RandomSampler(seed=None)", "RandomSampler(seed=7)"),
        ("optuna.create_study(direction='maximize', sampler=RandomSampler())",
         "optuna.create_study(direction='maximize', sampler=RandomSampler(seed=7))"),
        ("optuna.create_study()",
         "optuna.create_study(sampler=optuna.samplers.TPESampler(seed=7))"),
        ("optuna.create_study(\n    directions=['minimize', 'maximize'],\n)",
         "optuna.create_study(\n    directions=['minimize', 'maximize'], "
         "sampler=optuna.samplers.NSGAIISampler(seed=7),\n)"),
        ("qmc.LatinHypercube(d=2)", "qmc.LatinHypercube(d=2, seed=7)"),
        ("RandomSampler(3)", None),
        ("RandomSampler(seed=seed)", None),
        ("optuna.create_study(sampler=sampler)", None),
        ("optuna.create_study(**options)", None),
        ("optuna.pruners.MedianPruner()", None),
    ],
)  # fmt: skip
def test_samplers_of_libraries_get_the_seed_of_the_script(before: str, after: str | None) -> None:
    imports = (
        "import optuna\nfrom optuna.samplers import RandomSampler\nfrom scipy.stats import qmc\n"
    )
    code = f"{imports}SEED = 7\n"
    assert changed(code + before, "generator") == code + (after or before).replace("=7", "=SEED")


OWN_ENVIRONMENT = (
    "class Maze:\n    def reset(self, seed=None):\n        pass\n"
    "    def step(self, action):\n        pass\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("env = gym.make('CartPole-v1')\nfor episode in range(3):\n    state, _ = env.reset()\n",
         "env = gym.make('CartPole-v1')\nenv.reset(seed=SEED)\n"
         "for episode in range(3):\n    state, _ = env.reset()\n"),
        (OWN_ENVIRONMENT + "env = Maze()\nwhile True:\n    env.reset()\n",
         OWN_ENVIRONMENT + "env = Maze()\nenv.reset(seed=SEED)\nwhile True:\n    env.reset()\n"),
        ("env = gym.make('A')\nstate, _ = env.reset()\n",
         "env = gym.make('A')\nstate, _ = env.reset(seed=SEED)\n"),
        ("env = gym.make('A')\nenv.reset()\nenv.step(env.action_space.sample())\n",
         "env = gym.make('A')\nenv.reset(seed=SEED)\nenv.action_space.seed(SEED)\n"
         "env.reset()\nenv.step(env.action_space.sample())\n"),
        ("env = gym.make('A')\nenv.reset(seed=1)\nenv.reset()\n", None),
        ("env = gym.make('A')\nenv = Own(env)\nenv.render()\n", None),
        ("class Maze:\n    def reset(self):\n        pass\n    def step(self, a):\n        pass\n"
         "env = Maze()\nenv.reset()\n", None),
        ("model.reset()\n", None),
    ],
)  # fmt: skip
def test_an_environment_is_seeded_once_not_in_each_episode(before: str, after: str | None) -> None:
    code = "import gymnasium as gym\nSEED = 7\n"
    assert changed(code + before, "generator") == code + (after or before)


@pytest.mark.parametrize(
    ("imported", "added", "generator"),
    [
        ("import numpy as np", "", "np.random.default_rng"),
        ("from numpy.random import default_rng", "", "default_rng"),
        ("import random", "import numpy as np\n", "np.random.default_rng"),
    ],
)
def test_the_search_of_hyperopt_gets_a_generator_with_the_seed_of_the_script(
    imported: str, added: str, generator: str
) -> None:
    before = f"from hyperopt import fmin, tpe\n{imported}\n"
    call = "SEED = 7\nbest = fmin(train, space, algo=tpe.suggest{})\n"
    given = f", rstate={generator}(SEED)"
    for text, after in ((call.format(""), added + call.format(given)), (call.format(given),) * 2):
        script = parse(before + text)
        edits = [e for c in changes(script, Names(script)) for e in c.edits]
        assert apply(before + text, edits) == before + after


@pytest.mark.parametrize(
    ("imported", "added", "sampler"),
    [
        ("from optuna import create_study",
         "from optuna.samplers import TPESampler\n", "TPESampler"),
        ("from optuna.study import create_study\nfrom optuna.samplers import TPESampler as TPE",
         "", "TPE"),
        ("from optuna import create_study, samplers as s", "", "s.TPESampler"),
        ("from optuna import create_study\nimport optuna as o", "", "o.samplers.TPESampler"),
    ],
)  # fmt: skip
def test_a_study_gets_a_sampler_by_the_name_that_the_script_has_or_an_import(
    imported: str, added: str, sampler: str
) -> None:
    before = f"{imported}\nSEED = 7\nstudy = create_study(direction='minimize')\n"
    after = (
        f"{imported}\n{added}SEED = 7\n"
        f"study = create_study(direction='minimize', sampler={sampler}(seed=SEED))\n"
    )
    assert changed(before, "generator") == after


@pytest.mark.parametrize(
    ("code", "numpy", "python"),
    [
        ("ParameterSampler(space, n_iter=3)", "ParameterSampler", ""),
        ("ParameterSampler(space, n_iter=3, random_state=1)", "", ""),
        ("kt.Hyperband(build, objective='loss')", "", "Hyperband"),
        ("kt.oracles.RandomSearchOracle(objective='loss')", "", "RandomSearchOracle"),
        ("kt.RandomSearch(build, seed=1)", "", ""),
        ("kt.HyperParameters()", "", ""),
    ],
)
def test_searches_draw_from_a_global_generator(code: str, numpy: str, python: str) -> None:
    imports = "import keras_tuner as kt\nfrom sklearn.model_selection import ParameterSampler\n"
    script = parse(imports + code)
    names, statement = Names(script), script.tree.body[-1]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    assert drawn_from_numpy(statement.value, names) == numpy
    assert drawn_from_python(statement.value, names) == python


def test_each_generator_gets_a_seed_of_its_own() -> None:
    code = "a = default_rng()\nb = default_rng()\nnp.random.seed(os.getpid())"
    expected = "a = default_rng(0)\nb = default_rng(1)\nnp.random.seed(2)"
    assert changed(code, "generator") == expected


def test_the_number_that_a_script_writes_as_its_seed_is_used() -> None:
    code = "keras.utils.set_random_seed(12)\na = default_rng()\nb = default_rng()"
    expected = code.replace("a = default_rng()", "a = default_rng(12)")
    assert changed(code, "generator") == expected.replace("default_rng()", "default_rng(13)")


def test_a_generator_made_for_every_batch_is_made_once() -> None:
    code = (
        "SEED = 3\n\n\nclass Batches(keras.utils.PyDataset):\n"
        "    def __getitem__(self, i):\n        rng = np.random.default_rng()\n"
        "        return self.x[i] + rng.normal()\n"
    )
    assert changed(code, "generator") == (
        "SEED = 3\n\n\nrng = np.random.default_rng(SEED)\n\n\n"
        "class Batches(keras.utils.PyDataset):\n"
        "    def __getitem__(self, i):\n        return self.x[i] + rng.normal()\n"
    )


def test_a_generator_made_for_every_batch_of_a_stream_is_made_above_its_loop() -> None:
    code = (
        "def rows(x):\n    while True:\n        i = default_rng().choice(9)\n        yield x[i]\n"
    )
    assert changed(code, "generator") == (
        "def rows(x):\n    rng = default_rng(0)\n    while True:\n        i = rng.choice(9)\n"
        "        yield x[i]\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [  # called in a loop of another function
        ("def f(x):\n    return x + default_rng().normal()\n\n\ndef g():\n"
         "    while True:\n        yield f(1)\n",
         "rng = default_rng(0)\n\n\ndef f(x):\n    return x + rng.normal()\n\n\ndef g():\n"
         "    while True:\n        yield f(1)\n"),
        # given to a map; the seed of the command line is known below the function
        ("def f(x):\n    r = random.Random()\n    return x + r.random()\n\n\n"
         "p.add_argument('--seed', type=int, default=1)\nargs = p.parse_args()\n"
         "xs = ds.map(f)\n",
         "def f(x):\n    return x + r.random()\n\n\n"
         "p.add_argument('--seed', type=int, default=1)\nargs = p.parse_args()\n"
         "r = random.Random(args.seed)\nxs = ds.map(f)\n"),
        # the name is bound elsewhere as well: which generator is meant is unclear
        ("def f(x):\n    r = default_rng()\n    r = r or x\n    return r\n\n\n"
         "def g(rng):\n    for i in range(9): f(i)\n", None),
        # once for each training: the seed makes these agree
        ("def train():\n    r = default_rng()\n    m.fit(r.normal())\n\n\n"
         "for i in range(3):\n    train()\n",
         "def train():\n    r = default_rng(0)\n    m.fit(r.normal())\n\n\n"
         "for i in range(3):\n    train()\n"),
    ],
)  # fmt: skip
def test_a_seed_is_written_only_where_it_is_read_once(before: str, after: str | None) -> None:
    assert changed(before, "generator") == (before if after is None else after)


def test_a_line_that_made_several_generators_in_the_run_makes_one() -> None:
    script = parse(IMPORTS + "def load():\n    return default_rng().normal()\n")
    line = IMPORTS.count("\n") + 2
    (change,) = changes(script, Names(script), {line: 2})
    assert apply(script.text, change.edits).endswith(
        "rng = default_rng(0)\n\n\ndef load():\n    return rng.normal()\n"
    )
    (kept,) = changes(script, Names(script), {line: 2}, once=False)
    assert kept.edits == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for w in set(x): f(w)", "for w in sorted(set(x)): f(w)"),
        ("v = list(set(x))", "v = sorted(set(x))"),
        ("v = [w for w in {1, 2}]", "v = [w for w in sorted({1, 2})]"),
        ("s = set(x)\nd = {w: i for i, w in enumerate(s)}",
         "s = set(x)\nd = {w: i for i, w in enumerate(sorted(s))}"),
        ("v = tuple(a | set(b))", "v = tuple(sorted(a | set(b)))"),
        ("t = ' '.join(frozenset(x))", "t = ' '.join(sorted(frozenset(x)))"),
        ("for f in os.listdir(d): g(f)", "for f in sorted(os.listdir(d)): g(f)"),
        ("fs = [p for p in Path('.').glob('*.png')]",
         "fs = [p for p in sorted(Path('.').glob('*.png'))]"),
        ("fs = glob.glob('*')", "fs = sorted(glob.glob('*'))"),
    ],
)  # fmt: skip
def test_loose_orders_are_sorted(before: str, after: str) -> None:
    assert changed(before, "order") == after


@pytest.mark.parametrize(
    "code",
    [
        "v = sorted(set(x))",
        "n = len(set(x))",
        "b = 1 in set(x)",
        "for f in sorted(os.listdir(d)): g(f)",
        "fs = os.listdir(d)\nfs.sort()",
        "s = set(x)\ns = [1]\nfor a in s: f(a)",
        "u = {w for w in set(x)}",
        "for k in {'a': 1}: f(k)",
    ],
)
def test_where_no_order_is_taken_nothing_is_sorted(code: str) -> None:
    assert changed(code, "order") == code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ds.map(f, num_parallel_calls=tf.data.AUTOTUNE)", "ds.map(f, num_parallel_calls=1)"),
        (
            "from concurrent.futures import as_completed\nfor f in as_completed(fs): g(f)",
            "from concurrent.futures import as_completed\nfor f in fs: g(f)",
        ),
        ("xs = list(pool.imap_unordered(load, files))", "xs = list(pool.imap(load, files))"),
        ("ds.map(f, deterministic=False)", "ds.map(f, deterministic=True)"),
        ("options.deterministic = False", "options.deterministic = True"),
        ("D(workers=4, use_multiprocessing=True)", "D(workers=1, use_multiprocessing=False)"),
        ("ds.map(f)", "ds.map(f)"),
        (
            "scale = keras.layers.Rescaling(2)\n"
            "ds.map(lambda x, y: (scale(tf.cast(x, y)), y), num_parallel_calls=8)",
            None,
        ),
        ("def f(x): return tf.image.resize(x, 8)\nds.map(f, num_parallel_calls=8)", None),
        (
            "def f(x): return tf.cast(x, 'int8')\n"
            "ds.map(f, num_parallel_calls=8, deterministic=False)",
            "def f(x): return tf.cast(x, 'int8')\n"
            "ds.map(f, num_parallel_calls=8, deterministic=True)",
        ),
        (
            "flip = keras.layers.RandomFlip()\nds.map(lambda x: flip(x), num_parallel_calls=8)",
            "flip = keras.layers.RandomFlip()\nds.map(lambda x: flip(x), num_parallel_calls=1)",
        ),
        (
            "def f(x): return g(x)\ndef g(x): return x + tf.random.normal([])\n"
            "ds.map(f, num_parallel_calls=8)",
            "def f(x): return g(x)\ndef g(x): return x + tf.random.normal([])\n"
            "ds.map(f, num_parallel_calls=1)",
        ),
    ],
)
def test_parallel_pipelines_become_sequential(before: str, after: str | None) -> None:
    assert changed(before, "parallel") == (before if after is None else after)


IN_EPOCH = """\
class Shake(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        rng = np.random.default_rng({})
        self.model.layers[-1].set_weights([w + rng.normal(size=w.shape) for w in weights])


keras.utils.set_random_seed(8)
"""
IN_STEP = """\
class Mixed(keras.utils.PyDataset):
    def __getitem__(self, index):
        rng = np.random.default_rng({})
        return self.x[index] + rng.normal(), self.y[index]


"""


@pytest.mark.parametrize(
    ("code", "clock", "after"),
    [
        (IN_EPOCH, "time.time_ns()", "8 + epoch"),
        (
            IN_STEP + "keras.utils.set_random_seed(3)\n",
            "time.time_ns()",
            "np.random.randint(2**31)",
        ),
        (IN_STEP + "random.seed(3)\n", "os.getpid()", "random.randrange(2**31)"),
        # nothing is seeded that it could be drawn from
        (IN_STEP, "time.time_ns()", "time.time_ns()"),
        (IN_STEP + "np.random.seed(os.getpid())\n", "time.time_ns()", "time.time_ns()"),
    ],
)
def test_a_seed_from_the_clock_becomes_no_constant_where_it_is_taken_again_and_again(
    code: str, clock: str, after: str
) -> None:
    done = changed(code.format(clock), "generator")
    assert f"rng = np.random.default_rng({after})" in done


def test_a_seed_at_the_beginning_of_each_training_becomes_a_constant() -> None:
    code = (
        "def run():\n    keras.utils.set_random_seed(int(time.time()))\n    build().fit(x, y)\n\n\n"
        "def main():\n    for i in range(3):\n        run()\n"
    )
    assert changed(code, "generator") == code.replace("int(time.time())", "0")
