"""What is proposed where two runs of a script, or two scripts, differ by chance."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import SEEDING, Draw, Frame, Side
from whydiff.fixes import Proposal, intended, proposals
from whydiff.fixes.proposal import Difference
from whydiff.fixes.runs import generator_step
from whydiff.script_text.edits import Settings, apply, parse
from whydiff.script_text.generators import changes
from whydiff.script_text.imports import Names
from whydiff.testing.sides import changed

Sides = Callable[..., tuple[Side, Side]]
Stack = Callable[..., tuple[Frame, ...]]
SCRIPT = Path("/home/me/train.py")
RANDOM = ["initialization", "data-order", "noise"]


def two_runs(sides: Sides, **options: object) -> tuple[Side, Side]:
    a, _ = sides(**options)
    b = Side(replace(a.execution, started="2025-01-02T00:00:00Z"), a.fit)
    return a, b


def propose(
    sides: Sides, text: str, causes: list[str], script: Path = SCRIPT, **options: object
) -> list[Proposal]:
    a, b = two_runs(sides, **options)
    return proposals(script, text, Difference("runs", a, b, [], causes))


def added(proposal: Proposal) -> list[str]:
    lines = proposal.patch.split("\n")
    return [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]


def statements(text: str) -> list[str]:
    return [ast.unparse(s).split("\n")[0] for s in ast.parse(text).body]


def test_the_seed_stands_after_the_imports_and_before_all_else(sides: Sides) -> None:
    text = (
        '"""Doc."""\nfrom __future__ import annotations\nimport os\nimport keras\n\n'
        "# data\nx = load()\nmodel = build()\n"
    )
    first = propose(sides, text, RANDOM)[0]
    assert statements(first.source)[3:6] == [
        "import keras",
        "keras.utils.set_random_seed(0)",
        "x = load()",
    ]
    assert "keras.utils.set_random_seed(0)\n\n# data\n" in first.source
    assert first.targets == tuple(RANDOM)
    assert first.patch.startswith("--- a/train.py\n+++ b/train.py\n")


def test_nothing_is_seeded_after_the_first_draw_however_late_the_last_import(sides: Sides) -> None:
    text = "import keras\nmodel = keras.Sequential()\nimport json\nmodel.fit()\n"
    first = propose(sides, text, RANDOM)[0]
    assert statements(first.source)[:2] == ["import keras", "keras.utils.set_random_seed(0)"]


def test_the_scripts_own_seed_is_used_where_nothing_was_drawn_above_it(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\nconfig = Parser()\nconfig.read('a.ini')\n"
        "seed = config.getint('run', 'seed')\nmodel = build()\n"
    )
    drawn = stack(text, ("model", "<module>"))
    first = propose(sides, text, ["initialization"], draws=([drawn], []))[0]
    assert statements(first.source)[4] == "keras.utils.set_random_seed(seed)"
    first = propose(sides, text, ["data-content"], draws=([drawn], []))[0]
    assert statements(first.source)[1] == "keras.utils.set_random_seed(0)"
    shuffles = text.replace("config.read", "numpy.random.shuffle").replace("keras", "keras, numpy")
    first = propose(sides, shuffles, ["data-order"], draws=([drawn], []))[0]
    assert statements(first.source)[1] == "keras.utils.set_random_seed(0)"


def test_a_known_draw_ends_the_opening(sides: Sides, stack: Stack) -> None:
    text = "import keras\nlogging.info(make)\nimport json\n"
    drawn = stack(text, ("logging", "<module>"))
    first = propose(sides, text, RANDOM, draws=([drawn], []))[0]
    assert statements(first.source)[1] == "keras.utils.set_random_seed(0)"


def test_functions_below_the_imports_stay_set_off(sides: Sides) -> None:
    text = "import keras\n\n\ndef main():\n    pass\n\n\nmain()\n"
    first = propose(sides, text, RANDOM)[0]
    assert first.source.startswith(
        "import keras\n\nkeras.utils.set_random_seed(0)\n\n\ndef main():"
    )


def test_seeds_that_miss_keras_are_completed_with_their_value(sides: Sides) -> None:
    text = "import numpy as np\nimport tensorflow as tf\nSEED = 7\nnp.random.seed(SEED)\nbuild()\n"
    first = propose(sides, text, RANDOM)[0]
    assert added(first) == ["tf.keras.utils.set_random_seed(SEED)"]
    assert statements(first.source)[3:5] == [
        "tf.keras.utils.set_random_seed(SEED)",
        "np.random.seed(SEED)",
    ]


def test_a_script_that_is_seeded_is_not_seeded_again(sides: Sides) -> None:
    text = "import keras\nimport numpy as np\nkeras.utils.set_random_seed(1)\n"
    text += "rng = np.random.default_rng()\nfit(rng)\n"
    found = propose(sides, text, ["data-content"])
    assert added(found[0]) == ["rng = np.random.default_rng(1)"]
    assert not any("set_random_seed" in line for p in found for line in added(p))


OPTIONS = (
    "import argparse\nimport keras\nimport numpy as np\np = argparse.ArgumentParser()\n"
    'p.add_argument("--seed", type=int, default=1)\nopt = p.parse_args()\n'
)


def test_a_generator_gets_the_seed_that_the_script_has(sides: Sides) -> None:
    text = OPTIONS + "keras.utils.set_random_seed(opt.seed)\nrng = np.random.default_rng()\n"
    text += "other = np.random.default_rng()\nfit(rng, other)\n"
    found = propose(sides, text, ["data-content"])
    assert added(found[0]) == [
        "rng = np.random.default_rng(opt.seed)",
        "other = np.random.default_rng(opt.seed + 1)",
    ]


def test_the_seed_of_the_command_line_is_set_where_it_is_known(sides: Sides) -> None:
    text = OPTIONS + "x = np.random.rand(3)\nfit(x)\n"
    first = propose(sides, text, RANDOM)[0]
    assert added(first) == ["keras.utils.set_random_seed(opt.seed)"]
    assert statements(first.source)[5:8] == [
        "opt = p.parse_args()",
        "keras.utils.set_random_seed(opt.seed)",
        "x = np.random.rand(3)",
    ]


def test_the_seed_of_an_object_of_settings_is_set_below_it(sides: Sides) -> None:
    text = "import keras\n\n\nclass Config:\n    seed: int = 17\n{}\n\ncfg = Config()\nx = draw()\n"
    assert added(propose(sides, text.format(""), RANDOM)[0]) == [
        "keras.utils.set_random_seed(cfg.seed)"
    ]
    drawing = "\n    def __init__(self):\n        self.x = draw()\n"
    assert statements(propose(sides, text.format(drawing), RANDOM)[0].source)[2].startswith(
        "keras.utils.set_random_seed(Config.seed)"
    ), "before anything that may draw"
    parsed = text.format("").replace("Config()\nx = draw()", "parsed(Config)\nx = draw(cfg.seed)")
    assert added(propose(sides, parsed, RANDOM)[0]) == ["keras.utils.set_random_seed(cfg.seed)"]


def ledger(sides: Sides, *entries: Draw) -> tuple[Side, Side]:
    """Two runs whose seed ledger holds these entries."""
    a, b = two_runs(sides)
    made = replace(a.execution, ledger=entries), replace(b.execution, ledger=entries)
    return Side(made[0], a.fit), Side(made[1], b.fit)


def seeding(number: int, owner: str, seed: int | None, stack: tuple[Frame, ...]) -> Draw:
    return Draw(number, SEEDING, owner, seed, seed is not None, stack)


def drawing(number: int, stack: tuple[Frame, ...]) -> Draw:
    return Draw(number, "initializer", "GlorotUniform", 9, False, stack, "dense/kernel", 1)


HELPER = """\
import numpy as np
import keras


def seed_everything(seed):
    np.random.seed(seed)


def main():
    seed_everything(42)
    model = keras.Sequential([keras.layers.Dense(3)])
    model.fit(x)


main()
"""


def test_a_helper_that_seeds_too_little_is_completed(sides: Sides, stack: Stack) -> None:
    at = stack(HELPER, ("main()#2", "<module>"), ("seed_everything(42)", "main"),
               ("np.random.seed", "seed_everything"))  # fmt: skip
    draw = stack(HELPER, ("main()#2", "<module>"), ("keras.Sequential", "main"))
    a, b = ledger(sides, seeding(1, "numpy.random.seed", 42, at), drawing(2, draw))
    first = proposals(SCRIPT, HELPER, Difference("runs", a, b, [], ["initialization"]))[0]
    assert added(first) == ["    keras.utils.set_random_seed(seed)"]


LOADER = "import keras\nimport torch\n\nSEED = 3\n{}\nmodel.fit(DataLoader(rows, shuffle=True))\n"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_torch_is_seeded_where_keras_leaves_it_alone(
    sides: Sides, stack: Stack, backend: str
) -> None:
    text = LOADER.format("keras.utils.set_random_seed(SEED)")
    at = stack(text, ("set_random_seed", "<module>"))
    a, b = ledger(sides, seeding(1, "keras.utils.set_random_seed", 3, at))
    a, b = (changed(side, backend={"backend": backend}) for side in (a, b))
    tried = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-order"]))
    lines = [added(one) for one in tried if one.source]
    assert (["torch.manual_seed(SEED)"] in lines) == (backend == "jax")


def test_a_seed_that_comes_late_is_moved(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\n\nSEED = 3\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"
        "keras.utils.set_random_seed(SEED)\nmodel.fit(x)\n"
    )
    draw = stack(text, ("model =", "<module>"))
    at = stack(text, ("set_random_seed", "<module>"))
    a, b = ledger(sides, drawing(1, draw), seeding(2, "keras.utils.set_random_seed", 3, at))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["initialization"]))[0]
    lines = text.splitlines()
    assert first.source.splitlines() == [*lines[:3], lines[4], lines[3], lines[5]]


LATE = "import keras\n\nSEED = 3\nmodel = keras.Sequential([f(3)])\n{}\nmodel.fit(x)\n"


@pytest.mark.parametrize(
    ("line", "owner", "seed", "moves"),
    [
        ("keras.utils.set_random_seed(SEED)", "keras.utils.set_random_seed", 3, True),
        ("keras.utils.set_random_seed(SEED)", "numpy.random.seed", 3, False),  # misses Keras
        ("keras.utils.set_random_seed(SEED)", "keras.utils.set_random_seed", None, False),
        ("done = keras.utils.set_random_seed(SEED)", "keras.utils.set_random_seed", 3, False),
        (
            "for SEED in s: keras.utils.set_random_seed(SEED)",
            "keras.utils.set_random_seed",
            3,
            False,
        ),
        ("keras.utils.set_random_seed(model.seed)", "keras.utils.set_random_seed", 3, False),
    ],
)
def test_a_late_seed_is_moved_where_it_can_stand_above(
    sides: Sides, stack: Stack, line: str, owner: str, seed: int | None, moves: bool
) -> None:
    text = LATE.format(line)
    draw = stack(text, ("model =", "<module>"))
    at = stack(text, (line, "<module>"))
    a, b = ledger(sides, drawing(1, draw), seeding(2, owner, seed, at))
    found = proposals(SCRIPT, text, Difference("runs", a, b, [], ["initialization"]))
    moved = [p for p in found if p.how.startswith("Moves the line that sets the seed")]
    assert bool(moved) is moves
    early = ledger(sides, seeding(1, owner, seed, at), drawing(2, draw))
    found = proposals(SCRIPT, text, Difference("runs", *early, [], ["initialization"]))
    assert not any(p.how.startswith("Moves") for p in found)


def test_a_late_call_that_sets_the_seed_is_moved_behind_what_it_needs(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\nfrom data import get_splits\n\n\ndef set_seed(seed):\n"
        "    keras.utils.set_random_seed(seed)\n\n\ndef main():\n    cfg = load()\n"
        "    x = get_splits()\n    set_seed(cfg.seed)\n    model = build()\n    model.fit(x)\n\n\n"
        "main()\n"
    )
    a, b = two_runs(sides, draws=([stack(text, ("main()#2", "<module>"), ("build()", "main"))], []))
    by = stack(text, ("main()#2", "<module>"), ("set_seed(cfg", "main"),
               ("keras.utils", "set_seed"))  # fmt: skip
    seeding = Draw(0, SEEDING, "keras.utils.set_random_seed", 3, True, by)
    a = replace(a, execution=replace(a.execution, ledger=(seeding, *a.execution.ledger)))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-content"]))[0]
    assert first.source.index("cfg = ") < first.source.index("set_seed(cfg")
    assert first.source.index("set_seed(cfg") < first.source.index("x = get_splits()")
    assert first.how.startswith("Moves the line that sets the seed above the first draw")


def test_a_seed_that_comes_late_for_the_data_is_moved_above_them(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\nimport tensorflow as tf\n\nds = tf.data.Dataset.range(9).shuffle(9)\n"
        "model = keras.Sequential([keras.layers.Dense(3)])\n"
        "keras.utils.set_random_seed(3)\nmodel.fit(ds)\n"
    )
    at, draw = stack(text, ("set_random_seed", "<module>")), stack(text, ("model =", "<module>"))
    a, b = ledger(sides, drawing(1, draw), seeding(2, "keras.utils.set_random_seed", 3, at))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["initialization", "data-order"]))[
        0
    ]
    lines = text.splitlines()
    assert first.source.splitlines() == [*lines[:3], lines[5], *lines[3:5], lines[6]]


def test_a_split_before_the_seed_gets_the_scripts_own(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\nfrom sklearn.model_selection import KFold\n\nSEED = 5\n"
        "for train, test in KFold(5, shuffle=True).split(x):\n"
        "    keras.utils.set_random_seed(SEED)\n    fit(keras.Sequential())\n"
    )
    at, draw = stack(text, ("set_random_seed", "<module>")), stack(text, ("fit(", "<module>"))
    a, b = ledger(sides, seeding(1, "keras.utils.set_random_seed", 5, at), drawing(2, draw))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-content"]))[0]
    assert added(first) == [
        "for train, test in KFold(5, shuffle=True, random_state=SEED).split(x):"
    ]


def test_a_tuner_before_the_seed_gets_the_scripts_own(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\nimport keras_tuner as kt\n\nSEED = 5\n\n\ndef build(hp):\n"
        "    keras.utils.set_random_seed(SEED)\n    return keras.Sequential()\n\n\n"
        "tuner = kt.RandomSearch(build)\ntuner.search()\n"
    )
    at = stack(text, ("tuner.search", "<module>"), ("set_random_seed", "build"))
    draw = stack(text, ("tuner.search", "<module>"), ("Sequential", "build"))
    a, b = ledger(sides, seeding(1, "keras.utils.set_random_seed", 5, at), drawing(2, draw))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["optimizer"]))[0]
    assert added(first) == ["tuner = kt.RandomSearch(build, seed=SEED)"]


def test_what_a_helper_seeded_in_time_is_not_seeded_again(sides: Sides, stack: Stack) -> None:
    text = HELPER.replace("np.random.seed", "keras.utils.set_random_seed")
    text = text.replace("    model =", "    rng = np.random.default_rng()\n    model =")
    at = stack(text, ("main()#2", "<module>"), ("seed_everything(42)", "main"),
               ("set_random_seed", "seed_everything"))  # fmt: skip
    draw = stack(text, ("main()#2", "<module>"), ("keras.Sequential", "main"))
    a, b = ledger(sides, seeding(1, "keras.utils.set_random_seed", 42, at), drawing(2, draw))
    found = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-content"]))
    assert added(found[0]) == ["    rng = np.random.default_rng(0)"]
    assert not any("set_random_seed" in line for p in found for line in added(p))


def test_the_seed_known_inside_main_is_set_there(sides: Sides, stack: Stack) -> None:
    text = (
        "import argparse\nimport keras\n\n\ndef main():\n    p = argparse.ArgumentParser()\n"
        '    p.add_argument("--seed", type=int, default=1)\n    args = p.parse_args()\n'
        "    model = keras.Sequential([keras.layers.Dense(3)])\n    model.fit(x)\n\n\nmain()\n"
    )
    draw = stack(text, ("main()#2", "<module>"), ("model =", "main"))
    a, b = ledger(sides, drawing(1, draw))
    stacked = stack(text, ("main()#2", "<module>"), ("model.fit", "main"))
    a, b = (Side(s.execution, replace(s.fit, stack=stacked)) for s in (a, b))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["initialization"]))[0]
    assert added(first) == ["    keras.utils.set_random_seed(args.seed)"]
    assert first.source.index("set_random_seed") > first.source.index("parse_args")


def test_a_function_that_builds_several_models_seeds_none_of_them(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\nseed = 42\ndef create():\n    return keras.Sequential([])\n"
        "model = create()\ntarget = create()\nmodel.fit(x)\n"
    )
    draws = [stack(text, (f"{name} = create", "<module>"), ("return", "create"))
             for name in ("model", "target")]  # fmt: skip
    trained = stack(text, ("model.fit", "<module>"))
    for fit in (trained, ()):  # () where no training was watched
        for made in (draws, draws[:1]):
            first = propose(sides, text, ["initialization"], draws=(made, made), fits=(fit, fit))[0]
            assert added(first)[-1] == "keras.utils.set_random_seed(seed)"


def test_only_the_generator_that_drew_is_seeded(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\nimport numpy as np\nkeras.utils.set_random_seed(1)\n\n\n"
        "def unused():\n    return np.random.default_rng()\n\n\n"
        "rng = np.random.default_rng()\nfit(rng)\n"
    )
    at = stack(text, ("rng = ", "<module>"))
    a, b = ledger(sides, seeding(1, "numpy.random.default_rng", None, at))
    found = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-content"]))
    assert added(found[0]) == ["rng = np.random.default_rng(1)"]


def test_seed_and_generator_are_tried_together_where_both_are_needed(sides: Sides) -> None:
    text = "import keras\nimport numpy as np\nrng = np.random.default_rng()\nfit(rng)\n"
    complete = [
        p
        for p in propose(sides, text, [*RANDOM, "data-content"])
        if "data-content" in p.targets and not p.environment
    ]
    assert added(complete[0]) == [
        "keras.utils.set_random_seed(0)",
        "rng = np.random.default_rng(0)",
    ]


@pytest.mark.parametrize(
    ("first", "whole"),
    [
        ("rng = np.random.default_rng()", ["rng = np.random.default_rng(1)"]),
        (
            "units = random.choice([8, 16]); rng = np.random.default_rng()",
            [
                "keras.utils.set_random_seed(1)",
                "units = random.choice([8, 16]); rng = np.random.default_rng(1)",
            ],
        ),
    ],
)
def test_no_proposal_leaves_a_draw_of_a_setting_to_chance(
    sides: Sides, first: str, whole: list[str]
) -> None:
    text = (
        f"import random\nimport keras\nimport numpy as np\n{first}\n"
        "rate = rng.choice([0.1, 0.2])\nkeras.utils.set_random_seed(1)\nx = np.random.rand(9)\n"
    )
    made = propose(sides, text, ["optimizer"])
    assert added(made[0]) == whole
    assert all({*whole} <= {*added(p)} for p in made if not p.environment)


def test_a_seed_from_the_clock_is_enough_where_it_seeds_everything(sides: Sides) -> None:
    text = "import keras, time\nkeras.utils.set_random_seed(int(time.time()))\nfit()\n"
    assert added(propose(sides, text, RANDOM)[0]) == ["keras.utils.set_random_seed(0)"]


def test_hash_order_falls_back_to_the_environment(sides: Sides) -> None:
    text = "import keras\nkeras.utils.set_random_seed(1)\nx = f(hash('a'))\nfit(x)\n"
    (only,) = propose(sides, text, ["data-content"])
    assert only.environment == {"PYTHONHASHSEED": "0"}
    assert (only.patch, only.source) == ("", text)


def test_torch_is_seeded_besides_where_it_is_not_the_backend(sides: Sides) -> None:
    text = "import keras\nimport torch\n\nfit(torch.rand(3))\n"
    for backend, lines in (("jax", 2), ("torch", 1)):
        assert len(added(propose(sides, text, RANDOM, backend=backend)[0])) == lines


@pytest.mark.parametrize(
    ("backend", "shown"),
    [
        ("tensorflow", "tf.config.experimental.enable_op_determinism()"),
        ("torch", "torch.use_deterministic_algorithms(True)"),
    ],
)
def test_arithmetic_asks_for_deterministic_kernels(sides: Sides, backend: str, shown: str) -> None:
    text = "import keras\nkeras.utils.set_random_seed(1)\nfit()\n"
    assert shown in added(propose(sides, text, ["arithmetic"], backend=backend)[0])


@pytest.mark.parametrize(("device", "flags"), [("cpu cpu", False), ("gpu cuda", True)])
def test_a_flag_for_a_gpu_is_tried_where_there_is_one(
    sides: Sides, device: str, flags: bool
) -> None:
    a, b = sides(backend="jax")
    recipe = replace(a.recipe, hardware={**a.recipe.hardware, "devices": [device]})
    a = replace(a, fit=replace(a.fit, recipe=recipe))
    text = "import keras\nkeras.utils.set_random_seed(1)\nfit()\n"
    found = proposals(SCRIPT, text, Difference("runs", a, b, [], ["arithmetic"]))
    assert any("XLA_FLAGS" in p.environment for p in found) is flags


def test_where_the_text_has_no_place_a_prelude_seeds(sides: Sides) -> None:
    only = propose(sides, "import keras; keras.Sequential().fit()\n", RANDOM)[0]
    assert only.patch == ""
    assert ast.parse(only.prelude) and "set_random_seed(0)" in only.prelude


def test_the_prelude_leaves_the_choice_of_the_backend_to_the_script(sides: Sides) -> None:
    text = "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras; fit()\n"
    only = propose(sides, text, RANDOM)[0]
    assert "keras" not in only.prelude and "random.seed(0)" in only.prelude


def test_keras_is_not_imported_before_the_backend_is_chosen(sides: Sides) -> None:
    text = (
        "import os\n\nload()\n\n\ndef main():\n    os.environ['KERAS_BACKEND'] = 'jax'\n"
        "    import keras\n    fit()\n\n\nmain()\n"
    )
    source = propose(sides, text, RANDOM)[0].source
    assert source.index("set_random_seed") > source.index("import keras")


def test_the_seed_stands_below_a_late_import_of_keras_where_nothing_was_drawn_before(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import tempfile\n\nfolder = tempfile.mkdtemp()\n\nimport keras\nimport numpy as np\n\n"
        "x = np.ones(3)\nmodel = build()\nmodel.fit(x)\n"
    )
    drawn, fit = (stack(text, (mark, "<module>")) for mark in ("model = build", "model.fit"))
    known = {"draws": [[drawn], []], "fits": [fit, ()]}
    source = propose(sides, text, RANDOM, **known)[0].source
    assert "import numpy as np\n\nkeras.utils.set_random_seed(0)\nx = np" in source
    # What made the data differ may stand above that.
    source = propose(sides, text, ["initialization", "data-content"], **known)[0].source
    assert source.index("set_random_seed(0)") < source.index("folder =")


def test_a_module_beside_the_script_is_seeded_before_it_loads(sides: Sides, tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text("x = 1\n")
    script = tmp_path / "train.py"
    text = "import keras\nfrom data import x\n\nfit(x)\n"
    found = propose(sides, text, ["initialization"], script)
    assert [bool(p.prelude) for p in found] == [False, True]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_newlines_and_byte_order_mark_stay(sides: Sides, newline: str) -> None:
    text = "\ufeffimport keras\n\nx = 'ä'\nfit()\n".replace("\n", newline)
    first = propose(sides, text, RANDOM)[0]
    expected = "\ufeffimport keras\n\nkeras.utils.set_random_seed(0)\nx = 'ä'\nfit()\n"
    assert first.source == expected.replace("\n", newline)


def test_what_the_script_or_the_person_asks_for_is_not_repaired(sides: Sides) -> None:
    a, b = two_runs(sides)
    text = "import keras\nfit()\n"
    asked = [Finding("optimizer", DIFFERS, "Adam against SGD", intended=True)]
    assert proposals(SCRIPT, text, Difference("runs", a, b, asked, ["optimizer"])) == []
    assert proposals(SCRIPT, text, Difference("runs", a, b, [], ["version", "hardware"])) == []
    assert proposals(SCRIPT, text, Difference("runs", a, b, [], [])) == []
    (sentence,) = intended(asked, ["optimizer"])
    assert "Adam against SGD" in sentence and "intentionally" in sentence


def test_text_that_is_no_python_gives_nothing(sides: Sides) -> None:
    assert propose(sides, "import (\n", RANDOM) == []


def test_few_enough_proposals_to_be_tried(sides: Sides) -> None:
    text = (
        "import keras, os\nimport numpy as np\nr = np.random.default_rng()\n"
        "f = os.listdir('.')\nw = list(set(f))\nds.map(g, num_parallel_calls=4)\n"
        "np.random.rand()\nfit(r, w)\n"
    )
    found = propose(sides, text, [*RANDOM, "data-content"])
    assert 2 <= len(found) <= 4
    sizes = [len(added(p)) for p in found if "data-content" in p.targets and not p.environment]
    assert sizes == sorted(sizes)
    assert found[-1].targets == tuple(RANDOM)


def test_two_scripts_are_both_seeded(sides: Sides, tmp_path: Path) -> None:
    a, b = two_runs(sides)
    other = tmp_path / "other.py"
    other.write_text("import tensorflow as tf\nfit()\n")
    b = Side(replace(b.execution, script=str(other)), b.fit)
    found = proposals(
        SCRIPT,
        "import keras\nfit()\n",
        Difference("scripts", a, b, [], ["initialization", "optimizer"]),
    )
    assert found[0].targets == ("initialization",)
    assert "keras.utils.set_random_seed(0)" in found[0].source
    assert "+tf.keras.utils.set_random_seed(0)" in found[0].patch_b
    assert "b/other.py" in found[0].patch_b
    other.write_text("print 1\n")
    made_by = Difference("scripts", a, b, [], ["initialization"])
    (one, *_) = proposals(SCRIPT, "import keras\nfit()\n", made_by)
    assert one.patch and not one.patch_b, "of two the one that can be read"


def test_an_option_for_the_seed_is_a_command_line(sides: Sides) -> None:
    text = (
        "import argparse\nimport keras\np = argparse.ArgumentParser()\n"
        'p.add_argument("--seed", type=int)\nargs = p.parse_args()\n'
        "if args.seed is not None:\n    keras.utils.set_random_seed(args.seed)\nfit()\n"
    )
    first = propose(sides, text, RANDOM)[0]
    assert first.arguments == ("--seed", "0")
    assert (first.patch, first.source) == ("", text)


def test_a_script_that_seeds_python_is_not_told_that_initializers_draw_unseeded(
    sides: Sides, stack: Stack
) -> None:
    text = "import random\nimport keras\nrandom.seed(5)\nbuild()\n"
    at, draw = stack(text, ("random.seed", "<module>")), stack(text, ("build", "<module>"))
    a, b = ledger(sides, seeding(1, "random.seed", 5, at), drawing(2, draw))
    first = proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-order"]))[0]
    assert added(first) == ["keras.utils.set_random_seed(5)"]
    assert "the script seeds Python's `random` alone" in first.how
    text = text.replace("random.seed", "np.random.seed").replace(
        "import random", "import numpy as np"
    )
    at = stack(text, ("random.seed", "<module>"))
    a, b = ledger(sides, seeding(1, "numpy.random.seed", 5, at), drawing(2, draw))
    assert (
        "the script seeds NumPy alone"
        in proposals(SCRIPT, text, Difference("runs", a, b, [], ["data-content"]))[0].how
    )


@pytest.mark.parametrize(
    ("first", "seed"), [("", "cfg['seed']"), ("SEED = 5\n", "SEED"), ("cfg = {'seed': 2}\n", "0")]
)
def test_a_seed_that_only_the_settings_hold_is_used_where_the_code_has_none(
    sides: Sides, first: str, seed: str
) -> None:
    text = f"import keras\n\n{first}cfg = load()\nmodel = build(cfg['units'])\nmodel.fit()\n"
    a, b = two_runs(sides)
    made_by = Difference("runs", a, b, [], RANDOM)
    held = [Settings(frozenset({"units", "seed"}), ("seed",))]
    found = proposals(SCRIPT, text, made_by, [], held)
    assert added(found[0]) == [f"keras.utils.set_random_seed({seed})"]


def test_an_import_that_two_generators_need_is_added_once() -> None:
    text = "from optuna import create_study\na = create_study()\nb = create_study()\n"
    script = parse(text)
    step = generator_step(changes(script, Names(script)))
    assert apply(text, step.edits) == (
        "from optuna import create_study\nfrom optuna.samplers import TPESampler\n"
        "a = create_study(sampler=TPESampler(seed=0))\n"
        "b = create_study(sampler=TPESampler(seed=1))\n"
    )
