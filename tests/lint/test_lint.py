"""Selecting and ignoring rules, odd texts, and the scripts whose answers are known."""

from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.lint import RULES, check_text, selected

ROOT = Path(__file__).parent.parent.parent
FRESH = "import numpy as np\nrng = np.random.default_rng(){}\n"


def found(text, rules=RULES):
    return [p.rule for p in check_text(text, "a.py", rules)]


@pytest.mark.parametrize(
    "comment",
    ["# whydiff: ignore[WD105]", "# whydiff: ignore", "# noqa  # whydiff: ignore[WD2, WD105]",
     "# whydiff: ignore[generator-without-seed]", "#whydiff:ignore[wd1]"],
)  # fmt: skip
def test_a_comment_silences_its_line(comment):
    assert found(FRESH.format("  " + comment)) == []


@pytest.mark.parametrize(
    "rest", ["", "  # whydiff: ignore[WD201]", "  # ignore[WD105]", "\ns = '# whydiff: ignore'"]
)
def test_nothing_else_silences_it(rest):
    assert found(FRESH.format(rest)) == ["WD105"]


def test_a_comment_behind_several_lines_counts_for_the_first():
    text = (
        "import numpy as np\nrng = f(\n    np.random.default_rng(),\n)  # whydiff: ignore[WD105]\n"
    )
    assert found(text.replace("    np", "np").replace("f(\n", "f(")) == []


def test_select_and_ignore_by_id_name_and_family():
    assert [r.id for r in selected(["WD105"])] == ["WD105"]
    assert [r.id for r in selected(["seeded-once"])] == ["WD104"]
    assert {r.id[:3] for r in selected(["WD2"])} == {"WD2"}
    assert "WD101" not in {r.id for r in selected([], ["no-seed"])}
    assert found(FRESH.format(""), selected(["WD2"])) == []


@pytest.mark.parametrize("word", ["WD999", "seed", "E501"])
def test_an_unknown_rule_is_refused(word):
    with pytest.raises(WhydiffError, match=word):
        selected([word])


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "x = 1", "import keras\r\nm = keras.Model()\r\n",
     "from . import x\nfrom .y import *\n",
     "def f(*, a, b=1, **k): ...\nclass A(B[0], metaclass=C): x: int\n",
     "match x:\n case 1: pass\n",
     "(lambda: 0)()\nx[0]()()\n", "async def f():\n async for a in b: await c\n"],
)  # fmt: skip
def test_odd_texts_hold_no_trap(text):
    assert found(text) == []
    trap = "import numpy as np\nrng = np.random.default_rng()\n"
    if not text.endswith("x = 1"):
        assert found(trap + text) == ["WD105"]  # and keep no other from being found


@pytest.mark.parametrize("folder", ["src/whydiff/script_text", "tests/planted/cases", "examples"])
def test_findings_in_whole_files_point_into_the_file(folder):
    files = list((ROOT / folder).rglob("*.py"))
    assert len(files) > 5
    for path in files:
        lines = path.read_text().splitlines()
        for problem in check_text(path.read_text(), str(path)):
            assert problem.file == str(path)
            assert 0 < problem.column <= len(lines[problem.line - 1]), (path, problem)


#: planted scripts whose trap can be read off their text
PLANTED = {
    "bootstrap": "WD105", "clock_seed": "WD106", "cloned_model": "WD109", "hash_rows": "WD205",
    "hash_vocabulary": "WD205", "loader_workers": "WD105", "numpy_initializer": "WD105",
    "pipeline_runs": "WD101", "python_generator": "WD105", "python_shuffle": "WD101",
    "random_split": "WD101", "seeded_too_late": "WD103", "second_fit_unseeded": "WD101",
}  # fmt: skip
#: planted scripts that repeat bit for bit
SOUND = ("identical_trainings", "identical_spelling", "cosine_decay", "jit_flag",
         "sample_weight", "class_weight", "weight_decay", "steps_per_epoch", "wider_layer",
         "conv_padding", "embedding_mask", "focal_loss", "float64_policy")  # fmt: skip


@pytest.mark.parametrize(("name", "rule"), PLANTED.items())
def test_planted_traps_are_found(name, rule):
    path = ROOT / "tests/planted/cases" / f"{name}.py"
    assert rule in found(path.read_text())


@pytest.mark.parametrize("name", SOUND)
def test_sound_scripts_are_clean(name):
    path = ROOT / "tests/planted/cases" / f"{name}.py"
    assert found(path.read_text()) == []
