"""Numbers that a script takes out of what evaluate returns."""

import sys
from dataclasses import replace

import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.positions import Taken, taken_numbers
from whydiff.script_text.quantities import measures, quantity_in
from whydiff.testing.calls import call

VALUES = {"loss": 0.3, "auc": 0.7, "accuracy": 0.9}


def taken(tmp_path, text):
    """The numbers of evaluate that the prints of a script show."""
    script = tmp_path / "train.py"
    script.write_text(text)
    found, calls = [], {}

    class Model:
        def evaluate(self, *_, return_dict=False):
            frame, stack = sys._getframe(1), []
            while frame is not None and frame.f_code.co_filename == str(script):
                stack.insert(0, Frame(str(script), frame.f_lineno, frame.f_code.co_name))
                frame = frame.f_back
            made = call(len(calls) + 1, "evaluate", values=VALUES)
            notes = {} if return_dict else {"listed": list(VALUES)}
            calls[made.number] = replace(made, stack=tuple(stack), notes=notes)
            return dict(VALUES) if return_dict else list(VALUES.values())

    space = {
        "print": lambda *_: found.extend(taken_numbers(sys._getframe(1), calls)),
        "model": Model(),
    }
    exec(compile(text, str(script), "exec"), space)
    return found


def mistaken(tmp_path, text):
    found = taken(tmp_path, text)
    return [(one.key, one.quantity, one.value) for one in found if one.mistaken]


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
    assert mistaken(tmp_path, text) == [(1, "accuracy", 0.7)]


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
    assert mistaken(tmp_path, text) == []


FUNCTION = "def score(m):\n    r = m.evaluate(1)\n    return r[1]\n"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (
            "print(model.evaluate(1)[1])\nprint(model.evaluate(1)[2])",
            {(1, 1): "auc", (2, 2): "accuracy"},
        ),
        ("r = model.evaluate(1)\nprint(r[-1])", {(1, 2): "accuracy"}),
        ("r = model.evaluate(1, return_dict=True)\nprint(r['auc'])", {(1, "auc"): "auc"}),
        (
            "r = model.evaluate(1, return_dict=True)\nprint(list(r.values())[2])",
            {(1, 2): "accuracy"},
        ),
        (
            f"{FUNCTION}a = score(model)\nb = score(model)\nprint(a, b)",
            {(1, 1): "auc", (2, 1): "auc"},
        ),
        ("r = model.evaluate(1)\nr = r\nprint(r[1], max(r))", {}),
    ],
)
def test_where_a_printed_number_stands_in_which_call(tmp_path, text, keys):
    assert {(one.reads, one.key): one.name for one in taken(tmp_path, text)} == keys


def test_numbers_of_two_calls_that_a_reader_takes_for_one_metric():
    accuracy, auc = Taken(1, 1, "accuracy", "", 0.9), Taken(2, 1, "auc", "", 0.7)
    assert auc.stands_beside(accuracy) and accuracy.stands_beside(auc)
    assert auc.stands_beside(accuracy._replace(quantity="accuracy"))
    assert not auc._replace(quantity="auc").stands_beside(accuracy._replace(quantity="accuracy"))
    assert not auc._replace(key=2).stands_beside(accuracy)
    assert not auc._replace(reads=1).stands_beside(accuracy)
    assert not auc.stands_beside(accuracy._replace(name="auc"))
    by_name = accuracy._replace(key="accuracy"), auc._replace(key="auc")
    assert by_name[1].stands_beside(by_name[0])
    assert not by_name[1]._replace(quantity="auc").stands_beside(by_name[0])


def test_quantities_by_their_names():
    assert quantity_in("loss, then Test accuracy: ") == "accuracy"
    assert quantity_in("val_mae=") == "mean_absolute_error" and quantity_in("RMSE") != "mse"
    assert quantity_in("account macros") == ""
    assert measures("accuracy", "binary_accuracy") and not measures("accuracy", "auc")
