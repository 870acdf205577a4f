"""Seeds that stand in a file of settings and that no line of the program reads."""

import ast

import pytest

from whydiff.script_text.edits import Settings, parse
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seeds, seed_in
from whydiff.script_text.settings import settings_of

YAML = """# of the base
model:
  units: 8  # wide
train:
  epochs: 2
seed: 13
names:
- a
- b: 2
"""
#: 2 ** 40 paths lead to the number
MANY_ALIASES = "x0: &x0 {u: 1}\n" + "".join(
    f"x{n}: &x{n} {{a: *x{n - 1}, b: *x{n - 1}}}\n" for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("name", "text", "keys", "seed"),
    [
        ("a.yaml", YAML, {"model", "train", "seed", "names"}, ("seed",)),
        ("a.yml", 'run:\n    "seed": 3\n    deep:\n        x: 1\nlr: .1\n', {"run", "lr"},
         ("run", "seed")),
        ("a.yml", 'name: "a: # b"\nrun: {lr: .1, seed: 3}\n', {"name", "run"}, ("run", "seed")),
        ("a.yml", "base: &b\n  seed: 3\ntrain: *b\neval: {<<: *b}\n", {"base", "train", "eval"},
         ("base", "seed")),
        ("a.json", '{"a": {"random_state": 5}, "b": 1}', {"a", "b"}, ("a", "random_state")),
        ("a.toml", "lr = 0.1\n[run]\nseed = 4\n", {"lr", "run"}, ("run", "seed")),
    ],
)  # fmt: skip
def test_the_seed_of_a_file_is_found_by_its_keys(name, text, keys, seed):
    assert settings_of(name, text) == Settings(frozenset(keys), seed)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "seed: 1\ntrain:\n  seed: 2\n"),  # which of them?
        ("a.yaml", "seed: null\nn_seeds: 3\n"),
        ("a.yaml", "runs:\n- seed: 1\n- seed: 2\n"),
        ("a.yaml", "a: &a\n  seed: !!python/object/apply:os.getpid []\n  b: *a\n"),
        ("a.yaml", "seed: 1\n---\nseed: 2\n"),
        ("a.yaml", "a: [\n"),
        ("a.yaml", MANY_ALIASES),
        ("a.yaml", "{a: " * 20_000),
        ("a.json", "[1, 2]"),
        ("a.json", '{"seed": true}'),
        ("a.json", "{"),
        ("a.toml", "seed = "),
        ("a.json", "[" * 100_000),
    ],
)
def test_nothing_is_made_of_files_without_one_seed(name, text):
    assert settings_of(name, text) is None


BASE = settings_of("base.yaml", YAML)


def seeds(text):
    script = parse(text, [BASE])
    return [seed.text for seed in own_seeds(script, Names(script))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cfg = load()\nbuild(cfg['model']['units'])\nfit(**cfg['train'])\n", ["cfg['seed']"]),
        ('cfg = load()\nbuild(cfg["model"])\n', ['cfg["seed"]']),
        ("with open(p) as f:\n    c = load(f)\nx = c['train']\n", ["c['seed']"]),
        ("cfg = load()\nbuild(cfg['model'], cfg['other'])\n", []),  # of another file
        ("cfg = load()\nbuild(cfg.model.units)\n", []),  # an object of the script's own, perhaps
        ("from omegaconf import OmegaConf\ncfg = OmegaConf.load(p)\nb(cfg.model)\n", ["cfg.seed"]),
        ("cfg = load()\nbuild(cfg[model], cfg[0])\n", []),
        ("x = 1\n", []),
    ],
)
def test_it_is_read_as_the_script_reads_what_stands_beside_it(text, found):
    assert seeds(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def train(cfg):\n    fit(**cfg['train'])\n", "cfg['seed']"),
        ("def train(self):\n    fit(self.cfg['train'])\n", "self.cfg['seed']"),
        ("def train(cfg):\n    cfg = cfg['train']\n", ""),
        ("import hydra\ndef train(cfg):\n    fit(cfg.train.epochs)\n", "cfg.seed"),
        ("def train(x):\n    return x\ncfg = load()\nb(cfg['model'])\n", ""),
    ],
)
def test_it_is_read_of_what_a_function_is_given(text, found):
    script = parse(text, [BASE])
    function = next(n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef))
    assert seed_in(function, script, Names(script)) == found
