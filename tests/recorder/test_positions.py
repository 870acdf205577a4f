"""Numbers that a script takes out of the list that evaluate returns."""

import sys
from dataclasses import replace

import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.positions import taken_for_another
from whydiff.script_text.quantities import measures, quantity_in
from whydiff.testing.calls import call

VALUES = {"loss": 0.3, "auc": 0.7, "accuracy": 0.9}


def taken(tmp_path, text):
    """What the prints of a script take for another metric."""
    script = tmp_path / "train.py"
    script.write_text(text)
    line = next(n for n, code in enumerate(text.splitlines(), 1) if "evaluate" in code)
    made = replace(
        call(1, "evaluate", values=VALUES),
        stack=(Frame(str(script), line, "<module>"),),
        notes={"listed": list(VALUES)},
    )
    found = []

    class Model:
        def evaluate(self, *_, return_dict=False):
            return dict(VALUES) if return_dict else list(VALUES.values())

    space = {
        "print": lambda *_: found.extend(taken_for_another(sys._getframe(1), {1: made})),
        "model": Model(),
    }
    exec(compile(text, str(script), "exec"), space)
    return [(one.position, one.quantity, one.value) for one in found]


@pytest.mark.parametrize(
    "text",
    [
        "s = model.evaluate(1)\nprint('Test accuracy:', s[1])",
        "s = model.evaluate(1)\nprint('Accuracy: %.2f%%' % (s[1] * 100))",
        "s = model.evaluate(1)\nprint(f'loss {s[0]:.3f} acc {s[1]:.3f}')",
        "acc = model.evaluate(1)[1]\nprint(acc)",
        "loss, acc, _ = model.evaluate(1)\nprint('on the test set:', acc)",
        "print('loss {} accuracy {}'.format(model.evaluate(1)[0], model.evaluate(1)[1]))",
    ],
)
def test_a_position_that_holds_another_metric(tmp_path, text):
    assert taken(tmp_path, text) == [(1, "accuracy", 0.7)]


@pytest.mark.parametrize(
    "text",
    [
        "s = model.evaluate(1)\nprint('accuracy', s[2], 'loss', s[0], 'AUC', s[1])",
        "s = model.evaluate(1)\nprint(s[1])",  # called nothing
        "s = model.evaluate(1)\nprint('recall', s[1])",  # which was not compiled
        "r = model.evaluate(1, return_dict=True)\nprint('accuracy', r['accuracy'])",
        "loss, auc, acc = model.evaluate(1)\nprint(f'{loss} {auc} {acc}')",
    ],
)
def test_other_numbers(tmp_path, text):
    assert taken(tmp_path, text) == []


def test_quantities_by_their_names():
    assert quantity_in("loss, then Test accuracy: ") == "accuracy"
    assert quantity_in("val_mae=") == "mean_absolute_error" and quantity_in("RMSE") != "mse"
    assert quantity_in("account macros") == ""
    assert measures("accuracy", "binary_accuracy") and not measures("accuracy", "auc")
