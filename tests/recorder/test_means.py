"""Means over batches, as a script's lines print them."""

import sys
from dataclasses import replace

import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.means import printed_means
from whydiff.testing.calls import X, call

LOSSES = (0.5, 0.25, 1.0)


def means(tmp_path, text, losses=LOSSES):
    """What the prints of a script are means of; ``losses`` are those of three batches."""
    script = tmp_path / "train.py"
    script.write_text("import numpy as np\n" + text)
    stack = (Frame(str(script), 2, "<module>"),)
    calls = {
        n: replace(call(n, "evaluate", x=X[:n], values={"loss": loss}), stack=stack)
        for n, loss in enumerate(losses, 1)
    }
    found = []

    def seen(*_):
        found.extend(printed_means(sys._getframe(1), calls))

    space = {"print": seen, "losses": list(losses), "total": sum(losses), "n": 3}
    exec(compile(script.read_text(), str(script), "exec"), space)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "print(np.mean(losses))",
        "print('loss', sum(losses) / len(losses))",
        "print(f'{total / n:.4f}')",
        "average = total / 3\nprint('%.3f' % average)",
    ],
)
def test_a_mean_over_batches(tmp_path, text):
    (found,) = means(tmp_path, text)
    assert (found.calls, found.metric) == ((1, 2, 3), "loss")
    assert found.value == pytest.approx(sum(LOSSES) / 3)


@pytest.mark.parametrize("text", ["print(np.max(losses))", "print(total)", "print(losses[1])"])
def test_other_numbers(tmp_path, text):
    assert means(tmp_path, text) == []


def test_equal_numbers_say_nothing(tmp_path):
    assert means(tmp_path, "print(np.mean(losses))", (0.5, 0.5, 0.5)) == []
    assert means(tmp_path, "print(np.mean(losses))", (0.5,)) == []
