"""Lines that print a measured time are told from those that print a result."""

import pytest

from whydiff.script_text.timings import lines_of_timings


def known(script, line):
    return any(pattern.fullmatch(line) for pattern in lines_of_timings(script))


TRAINED = "import time\nt0 = time.perf_counter()\nmodel.fit(x, y)\n"


@pytest.mark.parametrize(
    ("prints", "line"),
    [
        ("print('speed', time.perf_counter() - t0)", "speed 3.25"),
        ("print(f'{time.perf_counter() - t0:.2f} for {len(x)} rows')", "3.25 for 512 rows"),
        ("d = time.perf_counter() - t0\nprint('fit', round(d, 2))", "fit 3.25"),
        ("d = time.time() - t0\nrate = len(x) / d\nprint(f'rate: {rate:.1f}')", "rate: 157.5"),
        ("ts = []\nts.append(time.time() - t0)\nprint('mean', np.mean(ts))", "mean 3.25"),
        ("d = datetime.now() - t0\nprint('done', d.total_seconds())", "done 3.25"),
        ("print(f'{name} {epoch}: {time.time() - t0:.2f}')", "dense net 3: 3.25"),
        ("print('peak', tracemalloc.get_traced_memory()[1] / 1e6)", "peak 12.75"),
    ],
)
def test_a_time_is_no_result(prints, line):
    assert known(TRAINED + prints, line)


@pytest.mark.parametrize(
    ("prints", "line"),
    [
        ("print('loss', loss)", "loss 3.25"),
        ("print('loss', loss, time.time() - t0)", "loss 3.25 1.5"),
        ("rng = default_rng(int(time.time()))\nprint('drawn', rng.normal())", "drawn 0.25"),
        ("seed = time.time_ns() % 100\nmodel = build(seed)\nprint('mse', model(x))", "mse 0.25"),
        ("print('speed', time.perf_counter() - t0)", "loss 3.25"),
        ("print('speed', time.perf_counter() - t0", "speed 3.25"),
    ],
)
def test_a_result_is_one_also_beside_a_time_or_drawn_from_the_clock(prints, line):
    assert not known(TRAINED + prints, line)
