"""Which expression holds the script's own seed where a line is put in."""

from __future__ import annotations

import ast

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seed, seed_in, seed_option
from whydiff.script_text.settings import is_seed_name

PARSER = "import argparse\np = argparse.ArgumentParser()\n"
SEED = 'p.add_argument("--seed", type=int, default=1)\n'


def seed_at(text: str, mark: str = "HERE") -> str:
    script = parse(text)
    line = next(i for i, row in enumerate(text.split("\n"), 1) if mark in row)
    at = next(n for n in ast.walk(script.tree) if isinstance(n, ast.Name) and n.lineno == line)
    return own_seed(script, Names(script), at)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SEED = 7\nHERE", "SEED"),
        ("RANDOM_STATE: int = 7\nHERE", "RANDOM_STATE"),
        (PARSER + SEED + "opt = p.parse_args()\nHERE", "opt.seed"),
        (PARSER + SEED + "opt, rest = p.parse_known_args()\nHERE", "opt.seed"),
        (PARSER + SEED + "a = p.parse_args()\nseed = a.seed\nHERE", "a.seed"),
        (PARSER + 'p.add_argument("-s", "--random-seed", type=int, default=1)\n'
         "a = p.parse_args()\nHERE", "a.random_seed"),
        (PARSER + 'p.add_argument("--seed", type=int, required=True)\na = p.parse_args()\nHERE',
         "a.seed"),
        ("import argparse\ndef get():\n    p = argparse.ArgumentParser()\n    " + SEED
         + "    return p.parse_args()\ndef main():\n    args = get()\n    HERE", "args.seed"),
        ('cfg = {"lr": 1, "seed": 3}\nHERE', 'cfg["seed"]'),
        ("cfg = dict(seed=3)\nHERE", 'cfg["seed"]'),
        ("from types import SimpleNamespace\ncfg = SimpleNamespace(seed=3)\nHERE", "cfg.seed"),
        ("class Config:\n    seed = 3\ncfg = Config()\nHERE", "cfg.seed"),
        ("class Config:\n    seed = 3\nHERE", "Config.seed"),
        ("import os\nSEED = int(os.environ.get('SEED', 0))\nHERE", "SEED"),
        ("cfg = load()\nHERE\nx = draw(cfg.train.seed)", "cfg.train.seed"),
        ('import yaml\ncfg = yaml.safe_load(f)["a"]\nHERE\nx = draw(cfg["seed"])', 'cfg["seed"]'),
        ("with open(f) as file:\n    cfg = load(file)\nHERE\nx = draw(cfg.seed)", "cfg.seed"),
        ("from settings import SEED\nHERE\nx = draw(SEED)", "SEED"),
        ("import settings\nHERE\nx = draw(settings.SEED)", "settings.SEED"),
        ("def main():\n    cfg = load()\n    HERE\n    draw(cfg.seed)", "cfg.seed"),
        ("def train(seed):\n    HERE", "seed"),
        ("def train(lr, *, seed=3):\n    HERE", "seed"),
        ("SEED = 7\ndef f():\n    HERE", "SEED"),
        ("def train(args):\n    seed_all(args.seed)\n    HERE", "args.seed"),
        ("from absl import flags\nFLAGS = flags.FLAGS\nflags.DEFINE_integer('seed', 1, '')\n"
         "def main(argv):\n    HERE", "FLAGS.seed"),
        ("from absl import flags\nFLAGS = flags.FLAGS\ndef main(argv):\n    seed_all(FLAGS.seed)\n"
         "    HERE", "FLAGS.seed"),
        ("def data(cfg):\n    draw(cfg.seed)\ndef fit(cfg, x):\n    HERE", "cfg.seed"),
        ("def data(cfg):\n    draw(cfg['seed'])\ndef fit(cfg, x):\n    HERE", "cfg['seed']"),
        ("class T:\n    def __init__(self, seed=6):\n        self.seed = seed\n"
         "    def train(self):\n        HERE", "self.seed"),
        ("class T:\n    def data(self):\n        draw(self.seed)\n"
         "    def train(self):\n        HERE", "self.seed"),
    ],
)  # fmt: skip
def test_the_seed_of_the_script_is_found(text: str, expected: str) -> None:
    assert seed_at(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "HERE\nSEED = 7",
        "import time\nSEED = int(time.time())\nHERE",
        "n_seeds = 7\nHERE",
        "SEED = 1\nSEED = 2\nHERE",
        "for seed in range(3):\n    HERE",
        "def train(seed=None):\n    HERE",
        "import numpy as np\nHERE\nf = np.random.seed",
        "from tools import seed\nHERE\nseed(3)",
        "cfg = load()\nHERE\ncfg.seed = 3",
        "HERE\ncfg = load()\ndraw(cfg.seed)",
        "def train(seed):\n    seed = hash(seed)\n    HERE",
        "def f(SEED_=1, x=HERE): pass",
        "if x:\n    SEED = 1\nHERE",
        "SEED = 7\ndef f():\n    SEED = g()\n    HERE",
        PARSER + 'p.add_argument("--seed", type=int)\na = p.parse_args()\nHERE',
        PARSER + 'p.add_argument("--seed", action="store_true")\na = p.parse_args()\nHERE',
        PARSER + 'p.add_argument("--seed", type=int)\ndef f(a):\n    draw(a.seed)\n    HERE',
        "class T:\n    def __init__(self, seed=None):\n        self.seed = seed\n"
        "    def train(self):\n        HERE",
        "class T:\n    def data(self):\n        draw(self.seed)\n"
        "class U:\n    def train(self):\n        HERE",
    ],
)
def test_what_may_hold_no_seed_yet_or_several_is_none(text: str) -> None:
    assert seed_at(text) == ""


def test_an_option_that_is_not_given_is_named() -> None:
    text = PARSER + 'p.add_argument("--seed", type=int, default=None)\nargs = p.parse_args()\n'
    script = parse(text)
    assert seed_option(script, Names(script)) == "--seed"
    script = parse(PARSER + SEED + "args = p.parse_args()\n")
    assert seed_option(script, Names(script)) == ""


def test_names_of_seeds() -> None:
    assert all(map(is_seed_name, ("seed", "SEED", "random_seed", "random_state", "RNG_SEED")))
    assert not any(map(is_seed_name, ("seeds", "n_seeds", "seeded", "seed_everything", "state")))


CLICK = "import click\n@click.command()\n@click.option('--epochs', default=3)\n"
ABSL = "from absl import app, flags\nFLAGS = flags.FLAGS\n"


PARSER = "import argparse\ndef main(args): ...\np = argparse.ArgumentParser()\n"


@pytest.mark.parametrize(
    ("text", "option", "given"),
    [
        (CLICK + "@click.option('--seed', type=int)\ndef main(epochs, seed): ...", "--seed", ""),
        (CLICK + "@click.option('--seed', default=None)\ndef main(seed): ...", "--seed", ""),
        (CLICK + "@click.option('--random-seed', default=7)\ndef main(random_seed): ...", "",
         "random_seed"),
        (ABSL + "flags.DEFINE_integer('seed', 17, '')\ndef main(argv): ...", "", "FLAGS.seed"),
        (ABSL + "flags.DEFINE_integer('seed', None, '')\ndef main(argv): ...", "--seed", ""),
        ("import fire\ndef main(lr=1.0, seed=None): ...\nfire.Fire(main)", "--seed", ""),
        ("import fire\ndef main(lr=1.0, seed=3): ...\nfire.Fire(main)", "", "seed"),
        ("def main(lr=1.0, seed=None): ...\nmain()", "", ""),
        ("def main(cfg):\n    print(cfg.seed)", "", "cfg.seed"),
        ("def main(self):\n    print(self.cfg['seed'])", "", "self.cfg['seed']"),
        ("def main(cfg):\n    cfg = other()\n    print(cfg.seed)", "", ""),
        (PARSER + "p.add_argument('--seed', type=int, default=3)\nmain(p.parse_args())", "",
         "args.seed"),
        (PARSER + "p.add_argument('--seed', type=int)\nmain(p.parse_args())", "", ""),
        (PARSER + "p.add_argument('--seed', type=int, default=3)\nmain(load())", "", ""),
    ],
)  # fmt: skip
def test_seeds_of_click_absl_and_fire(text: str, option: str, given: str) -> None:
    script = parse(text)
    main = next(n for n in script.tree.body if isinstance(n, ast.FunctionDef))
    assert seed_option(script, Names(script)) == option
    assert seed_in(main, script, Names(script)) == given


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("import team\nseed = team.seed()\nx = 1\n", "seed"),
        ("from team import number\nSEED = int(number())\nx = 1\n", "SEED"),
        ("cfg = load()\nseed = cfg.get('seed', 0)\nx = 1\n", "seed"),
        ("import random\nseed = random.randrange(9)\nx = 1\n", ""),
        ("import time\nseed = int(time.time())\nx = 1\n", ""),
        ("import numpy as np\nseed = np.random.randint(9)\nx = 1\n", ""),
        ("rng = make()\nseed = rng.integers(9)\nx = 1\n", ""),
        ("import keras\nseed = keras.random.SeedGenerator(3)\nx = 1\n", ""),
    ],
)
def test_a_seed_that_a_function_hands_out_is_the_scripts_own(text, seed):
    script = parse(text)
    assert own_seed(script, Names(script), script.tree.body[-1]) == seed
