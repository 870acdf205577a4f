"""How a script ended: what its last output says, and whether it had done its work by then."""

from dataclasses import replace

import pytest

from whydiff.runner.client import last_words
from whydiff.runner.running import has_done_its_work
from whydiff.testing.calls import call, execution
from whydiff.testing.sides import a_side

KERAS = """Epoch 1/1
Traceback (most recent call last):
  File "train.py", line 6, in <module>
    model(x)
AttributeError: Exception encountered when calling MyModel.call().

\x1b[1mmodule 'keras.backend' has no attribute 'Variable'\x1b[0m

Arguments received by MyModel.call():
  - x=jnp.ndarray(shape=(1, 128), dtype=float32)
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (KERAS, "AttributeError: Exception encountered when calling MyModel.call(). module "
                "'keras.backend' has no attribute 'Variable'"),
        ("loss 0.3\nkeras.errors.SomeError: no\n", "keras.errors.SomeError: no"),
        ("out of luck\n", "out of luck"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_exception_is_told_and_not_the_last_line(tmp_path, printed, said):
    log = tmp_path / "log"
    log.write_text(printed)
    assert last_words(log) == said


def test_a_call_that_failed_is_no_use_of_a_model():
    assert has_done_its_work(execution(call(1)))
    assert not has_done_its_work(execution(replace(call(1), finished=False)))
    assert not has_done_its_work(execution(call(1, "built")))
    assert not has_done_its_work(execution(call(1), fits=[replace(a_side().fit, finished=False)]))
