"""Data that a script chooses by a setting, between two fits of one run."""

import pytest

from whydiff.core.recording import ASKED, Frame
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain.chosen import with_chosen_data
from whydiff.testing.sides import a_side, changed, content

CHOSEN = """\
def scale(x):
    return x / 2
PIPES = {"scale": scale, "none": abs}
def run(pipe, rate):
    x = PIPES[pipe](load())
    model = build(rate)
    model.fit(x)
run("scale", 0.1)
run("none", 0.2)
"""
IN_PLACE = """\
x = load()
def run(rate):
    x[:] = x / 2
    model = build(rate)
    model.fit(x)
run(0.1)
run(0.2)
"""
FOLDS = """\
x = load()
scores = []
for fold, (train, test) in enumerate(KFold(5).split(x)):
    model = build()
    model.fit(x[train])
    scores.append(model.evaluate(x[test]))
"""


@pytest.fixture
def judged(tmp_path):
    def made(text, *frames, asked, function=""):
        path = tmp_path / "train.py"
        path.write_text(text)
        stacks = [
            tuple(
                Frame(str(path), line, "" if n == 0 else function, "")
                for n, line in enumerate(lines)
            )
            for lines in frames
        ]
        a, b = (
            a_side(
                data_content=content(range(start, start + 10)),
                fit={"stack": stack, "notes": {ASKED: values}},
                execution={"script": str(path)},
            )
            for start, stack, values in zip((0, 5), stacks, asked, strict=True)
        )
        b = changed(b, fit={"index": 2})
        b = type(b)(a.execution, b.fit)
        finding = source("data-content").compare(a, b)
        return with_chosen_data([finding], path, (a, b))[0]

    return made


def test_a_pipeline_that_the_script_names_for_each_fit_is_intentional(judged):
    asked = {"pipe": "scale", "rate": 0.1}, {"pipe": "none", "rate": 0.2}
    finding = judged(CHOSEN, (8, 7), (9, 7), asked=asked)
    assert finding.intended and not finding.mechanism
    assert finding.detail.endswith("the script chooses the data by pipe: scale in A, none in B")


def test_a_setting_that_does_not_choose_the_data_explains_nothing(judged):
    asked = {"rate": 0.1}, {"rate": 0.2}
    assert "chooses" not in judged(IN_PLACE, (6, 5), (7, 5), asked=asked).detail


def test_folds_are_meant_to_have_other_rows(judged):
    finding = judged(FOLDS, (5,), (5,), asked=({"fold": 0}, {"fold": 1}))
    assert finding.intended


GIVEN = """\
north, south = np.where(site == 0)[0], np.where(site == 1)[0]
{more}
def local(rows, rate):
    model = build(rate)
    model.fit(x[rows], y[rows])
local({first})
local({second})
"""


@pytest.mark.parametrize(
    ("first", "second", "more", "intended"),
    [
        ("north, 0.1", "south, 0.1", "", True),
        ("rows=north, rate=1", "rows=south[:9], rate=1", "", True),
        ("north, 0.1", "north, 0.2", "", False),
        ("load(), 0.1", "load(1), 0.1", "", False),
        ("north, 0.1", "half(north), 0.1", "half = len", False),
        ("north, 0.1", "half(north), 0.1", "def half(x): return x[::2]", True),
        ("north, 0.1", "half(north), 0.1", "def half(x): return rng.choice(x, 9)", False),
        ("north, 0.1", "drawn, 0.1", "drawn = rng.choice(north, 9)", False),
        ("north, 0.1", "later, 0.1", "drawn = rng.choice(9); later = drawn + 1", False),
        ("north, 0.1", "own, 0.1", "own = north[:9]; rng.shuffle(own)", False),
        ("north, 0.1", "own, 0.1", "pick = lambda x: x; own = load(1)", True),
        ("north, 0.1", "own, 0.1", "from .data import load; own = load(1)", False),
        ("up, 0.1", "down, 0.1", "up, down = train_test_split(north, random_state=0)", True),
    ],
)
def test_data_that_two_lines_give_one_function_are_intentional(
    judged, first, second, more, intended
):
    text = GIVEN.format(first=first, second=second, more=more)
    lines = [text[: text.index(call)].count("\n") + 1 for call in ("model.fit", "local(" + first)]
    fit, one = lines
    finding = judged(text, (one, fit), (one + 1, fit), asked=({}, {}), function="local")
    assert finding.intended or not intended
    assert ("chooses the data by rows: " in finding.detail) is intended


LOOP = """\
VARIANTS = {{"raw": raw, "log": np.log(raw)}}
DRAWN = [resample(raw) for _ in range(2)]
for {loop}:
    model = build()
    log = model.fit({fed}, y)
"""


@pytest.mark.parametrize(
    ("loop", "fed", "intended"),
    [
        ("name, x in VARIANTS.items()", "x", True),
        ("name in VARIANTS", "VARIANTS[name]", True),
        ("x in (raw, raw / 2)", "x", True),
        ("rate in [0.1, 0.2]", "x", False),
        ("x in batches()", "x", False),
        ("x in DRAWN", "x", False),
        ("x in DRAWN.values()", "x", False),
        ("i in range(2)", "x[i]", False),
    ],
)
def test_data_that_a_loop_takes_from_a_collection_are_intentional(judged, loop, fed, intended):
    finding = judged(LOOP.format(loop=loop, fed=fed), (5,), (5,), asked=({}, {}))
    assert ("chooses the data by the loop in line 3" in finding.detail) is intended
    assert finding.intended or not intended
