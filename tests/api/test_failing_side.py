"""A side that fails is explained from what was recorded of it; the answer says why no further."""

import pytest

from whydiff import WhydiffError, explain
from whydiff.core.findings import SUSPECTED

SCRIPT = """
import sys
import keras
import numpy as np
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
keras.utils.set_random_seed(int(sys.argv[1]))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("sgd", "mse")


class Fails(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1 and sys.argv[2:]:
            raise RuntimeError("no more")


model.fit(x, x[:, :3], epochs=3, batch_size=16, verbose=0, callbacks=[Fails()])
"""


@pytest.mark.long
def test_what_was_recorded_until_b_failed_is_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    answer = explain("train.py", a_arguments=["1"], b_arguments=["2", "fail"], fix=False)
    causes = {cause.source: cause.status for cause in answer.causes}
    assert causes == {"initialization": SUSPECTED, "data-order": SUSPECTED}
    said = "\n".join(answer.notes)
    assert "fit 1 was not watched to its end, so it cannot be trained again" in said
    assert "So no cause is confirmed" in said
    assert "train.py 2 fail exited with 1: RuntimeError: no more (while training)." in said


@pytest.mark.long
def test_a_side_that_fails_before_it_trains_is_told_beside_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    with pytest.raises(WhydiffError) as failed:
        explain("train.py", a_arguments=["1"], b_arguments=["one"], fix=False)
    first, *output = str(failed.value).splitlines()
    assert first == (
        "train.py one exited with 1 before a training was seen; train.py 1 ended well, and there "
        "is nothing to compare it with; its last output:"
    )
    assert output[-1] == "ValueError: invalid literal for int() with base 10: 'one'"
    assert failed.value.way_out == "Fix the script first."
