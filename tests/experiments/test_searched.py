"""Settings that trials draw, on texts and plain sides."""

import pytest

from whydiff.core.recording import SEEDING, Draw, Frame
from whydiff.diagnosis.sources.source import differs
from whydiff.experiments.explain.searched import settings_drawn, with_trials
from whydiff.testing.sides import a_side

SEARCH = """\
import numpy as np
import keras
x = load()
rng = np.random.default_rng()
for trial in range(4):
    lr = rng.uniform(0, 1)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(lr))
    model.fit(x)
"""
RATES = [differs("optimizer", "learning_rate: 0.1 vs. 0.2", "")]


@pytest.fixture
def judged(tmp_path):
    def judged(text, seed=None, findings=RATES):
        path = tmp_path / "search.py"
        path.write_text(text)
        line = next(n for n, t in enumerate(text.splitlines(), 1) if "default_rng" in t)
        here = (Frame(str(path), line, "", ""),)
        made = Draw(1, SEEDING, "numpy.random.default_rng", seed, seed is not None, here)
        called = (Frame(str(path), len(text.splitlines()), "", ""),)
        side = a_side(fit={"stack": called}, execution={"ledger": (made,)})
        sides = side, side
        return settings_drawn(path, sides, findings), with_trials(findings, path, sides)[0].detail

    return judged


def test_a_setting_is_drawn_without_a_seed(judged):
    lines, detail = judged(SEARCH)
    assert lines == ["search.py:4: default_rng() has no seed"]
    assert detail == "learning_rate: 0.1 vs. 0.2", "two runs tell more of it"


def test_a_setting_is_drawn_from_a_seed(judged):
    lines, detail = judged(SEARCH.replace("default_rng()", "default_rng(7)"), 7)
    assert not lines
    assert "search.py:6: uniform draws from rng (made in line 4), from a seed" in detail


def test_what_draws_the_data_alone_draws_no_setting(judged):
    text = SEARCH.replace("lr = rng.uniform(0, 1)", "lr = RATES[trial]")
    text = text.replace("x = load()\nrng = np.random.default_rng()", "rng = np.random.default_rng()"
                        "\nx = rng.normal(size=(9, 2))")  # fmt: skip
    assert judged(text) == ([], "learning_rate: 0.1 vs. 0.2")


def test_trials_whose_settings_agree_draw_none(judged):
    assert judged(SEARCH, findings=[differs("data-content", "other rows", "")])[0] == []
