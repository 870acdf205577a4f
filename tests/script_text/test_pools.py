"""Threads that draw from one generator."""

import pytest

from whydiff.script_text.edits import apply, parse
from whydiff.script_text.imports import Names
from whydiff.script_text.orders import one_thread, racing_draws

POOL = """import numpy as np
from concurrent.futures import ThreadPoolExecutor

rng = np.random.default_rng(8)


def augment(img):
    {draw}
    return img + noise


with ThreadPoolExecutor({workers}) as pool:
    images = list(pool.map(augment, images))
"""
SHARED = "noise = rng.normal(size=3)"


def found(draw=SHARED, workers="max_workers=4"):
    script = parse(POOL.format(draw=draw, workers=workers))
    return script, Names(script)


def test_a_function_that_draws_from_a_shared_generator_in_threads_races():
    ((line, what),) = racing_draws(*found())
    assert (line, what.partition(",")[0]) == (13, "map runs augment in several threads")
    assert list(racing_draws(*found("noise = np.random.normal(size=3)")))


@pytest.mark.parametrize(
    "draw",
    [
        "rng = np.random.default_rng(img.size); noise = rng.normal(size=3)",
        "noise = np.sort(img)",
    ],
)
def test_a_generator_of_its_own_races_with_none(draw):
    assert not list(racing_draws(*found(draw)))


@pytest.mark.parametrize(
    ("workers", "becomes"),
    [("max_workers=4", "max_workers=1"), ("4", "1"), ("", "max_workers=1"),
     ('thread_name_prefix="w"', 'thread_name_prefix="w", max_workers=1')],
)  # fmt: skip
def test_one_thread_lets_each_draw_in_its_turn(workers, becomes):
    script, names = found(workers=workers)
    edits = [edit for call in script.tree.body[-1].items for edit in
             [one_thread(script, names, call.context_expr)] if edit]  # fmt: skip
    assert f"ThreadPoolExecutor({becomes})" in apply(script.text, edits)


def test_a_pool_of_one_thread_or_without_draws_is_left_alone():
    for script, names in (found(workers="max_workers=1"), found("noise = 1")):
        call = script.tree.body[-1].items[0].context_expr
        assert one_thread(script, names, call) is None


DATA = """import numpy as np
import keras


class Augmented(keras.utils.PyDataset):
    def __getitem__(self, i):
        {draw}
        return self.x[i] + noise


train = Augmented(x, workers={workers})
"""


@pytest.mark.parametrize(
    ("draw", "workers", "race"),
    [
        ("noise = np.random.normal(size=3)", 4, True),
        ("noise = self.rng.normal(size=3)", 4, True),
        ("noise = np.random.normal(size=3)", 1, False),
        ("noise = np.random.default_rng([7, i]).normal(size=3)", 4, False),
    ],
)
def test_workers_of_a_data_set_that_draw_from_a_shared_generator_race(draw, workers, race):
    script = parse(DATA.format(draw=draw, workers=workers))
    lines = list(racing_draws(script, Names(script)))
    assert [line for line, _ in lines] == [6] * race
    assert all("several workers run Augmented.__getitem__" in what for _, what in lines)
