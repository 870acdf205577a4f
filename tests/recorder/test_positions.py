"""Numbers that a script takes out of what evaluate returns."""

import sys
from dataclasses import replace

import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.positions import Taken, taken_numbers
from whydiff.script_text.quantities import measures, quantity_in
from whydiff.testing.calls import call

VALUES = {"loss": 0.3, "auc": 0.7, "accuracy": 0.9}


def taken(tmp_path, text, values=VALUES):
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
            made = call(len(calls) + 1, "evaluate", values=values)
            notes = {} if return_dict else {"listed": list(values)}
            calls[made.number] = replace(made, stack=tuple(stack), notes=notes)
            return dict(values) if return_dict else list(values.values())

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


@pytest.mark.parametrize(
    "text",
    [
        "s = model.evaluate(1)\nprint(s[0], s[1] + s[2])",
        "loss, auc, acc = model.evaluate(1)\nprint(f'{loss:.3f} is not {auc + acc:.3f}')",
        "r = model.evaluate(1, return_dict=True)\nparts = r['auc'] + r['accuracy']\n"
        "print('%.3f %.3f' % (r['loss'], parts))",
    ],
)
def test_a_sum_of_numbers_of_one_call(tmp_path, text):
    assert [(one.name, one.value) for one in taken(tmp_path, text)] == [
        ("loss", 0.3), ("auc + accuracy", pytest.approx(1.6))
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a, b = model.evaluate(1), model.evaluate(1)\nprint(a[1] + b[1])",  # of two calls
        "s = model.evaluate(1)\nprint(s[1] + s[1])",
        "s = model.evaluate(1)\nprint(s[1] + 1)",
        "s = model.evaluate(1)\nprint('accuracy ' + str(s[1] + len('ab')))",
    ],
)
def test_no_sum_of_metrics(tmp_path, text):
    assert taken(tmp_path, text) == []


PAIRED = "names = ['loss', 'accuracy', 'auc']\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{PAIRED}s = dict(zip(names, model.evaluate(1)))\nprint(s['accuracy'], s['auc'])",
        f"{PAIRED}s = dict(zip(names, model.evaluate(1)))\nprint(s)",
        f"{PAIRED}r = model.evaluate(1)\nfor n, v in zip(names, r):\n    print(n, round(v, 3))",
        f"{PAIRED}s = {{n: v for n, v in zip(names, model.evaluate(1))}}\n"
        "for n, v in s.items():\n    print(n, v)",
        "s = dict(zip(('loss', 'accuracy', 'auc'), model.evaluate(1)))\nprint(f'{s}')",
    ],
)
def test_names_that_a_script_pairs_with_the_list_in_another_order(tmp_path, text):
    found = [one for one in taken(tmp_path, text) if one.mistaken]
    assert [(one.key, one.said, one.name) for one in found] == [
        (1, "accuracy", "auc"),
        (2, "auc", "accuracy"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "s = dict(zip(['loss', 'auc', 'accuracy'], model.evaluate(1)))\nprint(s)",
        "s = dict(zip(['a', 'b', 'c'], model.evaluate(1)))\nprint(s, s['b'])",
        "s = dict(zip(['loss', 'accuracy', 'auc'], [1, 2, 3]))\nprint(s)",
        f"{PAIRED}names = 3\ns = zip(names, model.evaluate(1)) if 0 else 1\nprint(s)",
    ],
)
def test_names_in_their_order_and_names_of_ones_own(tmp_path, text):
    assert mistaken(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "r = model.evaluate(1)\nprint('rmse', r[0] ** 0.5)",
        "import math\nloss, *_ = model.evaluate(1)\nprint(math.sqrt(model.evaluate(1)[0]))",
        "class np:\n    sqrt = abs\nr = np.sqrt(model.evaluate(1)[0])\nprint(f'{r:.3f}')",
    ],
)
def test_the_root_of_a_number(tmp_path, text):
    (found,) = taken(tmp_path, text)
    assert (found.name, found.root, found.mistaken) == ("loss", True, False)


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


OF_OUTPUTS = {"loss": 0.3, "left_loss": 0.1, "right_loss": 0.2, "left_accuracy": 0.7,
              "right_accuracy": 0.9}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('right accuracy', s[3])", ["right_accuracy"]),
        ("print(f'left_loss={s[1]} right_loss={s[3]}')", ["right_loss"]),
        ("right_accuracy = s[3]\nprint(right_accuracy)", ["right_accuracy"]),
        ("left_loss, right_loss, *_ = s\nprint(right_loss)", ["right_loss"]),
        ("print('left accuracy', s[3], 'right accuracy', s[4])", []),
        ("print('accuracy', s[3])", []),  # of either output
        ("print('accuracy of left and right', s[3])", []),
        ("left_accuracy = s[3]\nprint('of the right one', left_accuracy)", []),
    ],
)
def test_the_metric_of_another_output(tmp_path, text, said):
    found = taken(tmp_path, f"s = model.evaluate(1)\n{text}", OF_OUTPUTS)
    assert [one.said for one in found if one.mistaken] == said
