"""Whether a callback of the script reads the log that it is given."""

import keras
import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.watch import batch_log_read, log_unseen, names_seen


class Counts(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.epochs = epoch + 1


class Reads(Counts):
    def on_epoch_end(self, epoch, logs=None):
        self.last = logs["loss"]


class HandsOn(Counts):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)


class Inner(Counts):
    def on_epoch_end(self, epoch, logs=None):
        self.read = lambda: logs


class TakesAll(Counts):
    def on_epoch_end(self, *given):
        self.epochs = 0


@pytest.mark.parametrize(
    ("callback", "unseen"),
    [(Counts, True), (Reads, False), (HandsOn, False), (Inner, False), (TakesAll, False)],
)
def test_a_callback_that_leaves_the_log_alone_shows_it_to_nobody(tmp_path, callback, unseen):
    script = tmp_path / "train.py"
    script.write_text("model.fit(x, y)\n")
    stack = [Frame(str(script), 1, "<module>")]
    assert log_unseen({"verbose": 0}, [callback()], stack) is unseen
    assert names_seen({"verbose": 0}, [callback()], stack) == []
    assert log_unseen({"verbose": 1}, [callback()], stack) is False


class BetweenSteps(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.last = logs["loss"]


class CountsSteps(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch


@pytest.mark.parametrize(
    ("callback", "read"), [(BetweenSteps, True), (CountsSteps, False), (Reads, False)]
)
def test_a_callback_that_reads_the_log_between_two_steps(callback, read):
    assert batch_log_read([keras.callbacks.TerminateOnNaN(), callback()]) is read
