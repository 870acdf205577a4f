"""Scores that a script computes by hand, as its own lines print them."""

import contextlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.formulas import printed_formulas
from whydiff.recorder.measuring.formulas.frames import beside, thrown_away
from whydiff.testing.calls import call

OUTPUTS = np.random.default_rng(0).uniform(size=(40, 3)).astype("float32")
COLUMN = OUTPUTS[:, :1]
LABELS = np.random.default_rng(1).integers(0, 3, 40)
TARGETS = np.random.default_rng(2).normal(size=40)
HEAD = """\
import math
import numpy as np

def rmse(y, p):
    error = p - y
    return np.sqrt((error ** 2).mean())

class Counter:
    asked = 0
    def sum(self, values):
        Counter.asked += 1
        return values.sum()

counter = Counter()

def asked(y, p):
    return counter.sum(y == p) / len(y)

def told(y, p):
    print("comparing")
    return np.mean(y == p)

"""


def formulas(tmp_path, text, **names):
    """The scores that the prints of a script are; ``model.predict`` gives OUTPUTS."""
    script = tmp_path / "train.py"
    script.write_text(HEAD + text)
    lines = (HEAD + text).splitlines()
    line = next((n for n, code in enumerate(lines, 1) if "model.predict" in code), 1)
    outputs = names.pop("outputs", OUTPUTS)
    frame = Frame(str(script), line, "<module>")
    made = replace(call(1, outputs=outputs), stack=(frame,))
    found = []

    def seen(*_):
        found.extend(printed_formulas(sys._getframe(1), {1: made}))

    class Model:
        def predict(self, _):
            return outputs.copy()

    more = {"all_y": np.concatenate([LABELS, LABELS]), "rows": np.arange(40)}
    space = {
        **more,
        "print": seen,
        "model": Model(),
        "y": LABELS,
        "t": TARGETS,
        "x": TARGETS,
        "missed": [],
        **names,
    }
    exec(compile(script.read_text(), str(script), "exec"), space)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("print(np.mean(model.predict(x).argmax(1) == y))", "accuracy"),
        ("p = np.argmax(model.predict(x), axis=-1)\nprint('acc', (p == y).mean())", "accuracy"),
        ("p = model.predict(x)\nc = p.argmax(axis=1)\nacc = np.sum(c == y) / len(y)\n"
         "print(f'accuracy: {acc:.3f}')", "accuracy"),
        ("p = model.predict(x)\nacc = 100 * np.mean(p.argmax(1) == y)\nprint('%.1f%%' % acc)",
         "accuracy"),
        ("p = model.predict(x)\nhits = [int(a.argmax() == b) for a, b in zip(p, y)]\n"
         "print(sum(hits) / len(hits))", "accuracy"),
        ("p = model.predict(x)\nprint(sum(int(a.argmax() == b) for a, b in zip(p, y)) / len(y))",
         "accuracy"),
        ("def report():\n    p = model.predict(x)\n    ok = p.argmax(1) == y\n"
         "    print('accuracy ' + str(round(np.mean(ok), 4)))\nreport()", "accuracy"),
        # of some rows of all labels
        ("p = model.predict(x).argmax(1)\nprint((p == all_y[:-40]).mean())", "accuracy"),
        ("n = len(y)\np = model.predict(x).argmax(1)\nprint(f'{np.mean(all_y[:n] == p)}')",
         "accuracy"),
        ("p = model.predict(x).argmax(1)\nprint((p == all_y[rows]).mean())", "accuracy"),
        # counted in a loop
        ("p = model.predict(x).argmax(1)\nright = 0\nfor a, b in zip(p, y):\n"
         "    right += a == b\nprint(right / len(y))", "accuracy"),
        ("p = model.predict(x)\nright = seen = 0\nfor i in range(len(y)):\n"
         "    best = np.argmax(p[i])\n    if best == y[i]:\n        right += 1\n    else:\n"
         "        missed.append(i)\n    seen += 1\nacc = right / seen\nprint('accuracy', acc)",
         "accuracy"),
        ("def hits(y, p):\n    n = 0\n    for a, b in zip(y, p):\n        if a == b.argmax():\n"
         "            n += 1\n    return n\nprint(hits(y, model.predict(x)) / len(y))", "accuracy"),
        # what an error rate leaves
        ("p = model.predict(x).argmax(1)\nprint((p != y).mean())", "accuracy"),
        ("p = model.predict(x).argmax(1)\nerror = np.mean(p != y)\nprint(error, 1)", "accuracy"),
        ("p = model.predict(x).argmax(1)\nwrong = 0\nfor a, b in zip(p, y):\n    if a != b:\n"
         "        wrong += 1\nprint(f'{1 - wrong / len(y):.2%}')", "accuracy"),
        ("p = model.predict(x).argmax(1)\nprint(1 - (p == y).mean())", "accuracy"),
    ],
)  # fmt: skip
def test_accuracies(tmp_path, text, expected):
    (found,) = formulas(tmp_path, text)
    assert found.quantity == expected
    assert found.value == pytest.approx(np.mean(OUTPUTS.argmax(1) == LABELS))
    assert np.array_equal(found.labels, LABELS)
    assert found(found.predicted.argmax(-1) if found.predicted.ndim > 1 else found.predicted,
                 found.predicted) == pytest.approx(1.0)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p = model.predict(x)\nmse = np.mean((p - t) ** 2)\nprint(f'{mse}')",
         ("mean_squared_error", np.mean((COLUMN - TARGETS) ** 2))),
        ("p = model.predict(x)[:, 0]\nprint('mse {:.4f}'.format(np.square(t - p).mean()))",
         ("mean_squared_error", np.mean((COLUMN[:, 0] - TARGETS) ** 2))),
        ("p = model.predict(x).ravel()\nprint(math.sqrt(((p - t) ** 2).mean()))",
         ("root_mean_squared_error", np.sqrt(np.mean((COLUMN[:, 0] - TARGETS) ** 2)))),
        ("print('MAE', float(np.abs(t.reshape(-1, 1) - model.predict(x)).mean()))",
         ("mean_absolute_error", np.mean(np.abs(COLUMN[:, 0] - TARGETS)))),
        ("p = model.predict(x)[:, 0]\nprint(np.mean(np.abs((t - p) / t)) * 100)",
         ("mean_absolute_percentage_error", 100 * np.mean(np.abs(1 - COLUMN[:, 0] / TARGETS)))),
        ("p = model.predict(x)[:, 0]\nm = 100 * np.mean(np.abs((t - p) / t))\nprint(m)",
         ("mean_absolute_percentage_error", 100 * np.mean(np.abs(1 - COLUMN[:, 0] / TARGETS)))),
        ("p = model.predict(x)[:, 0]\nm = np.mean(np.abs((t - p) / t))\nprint(m)",
         ("mean_relative_error", np.mean(np.abs(1 - COLUMN[:, 0] / TARGETS)))),
        ("p = model.predict(x).squeeze()\nprint(rmse(t, p))",
         ("root_mean_squared_error", np.sqrt(np.mean((COLUMN[:, 0] - TARGETS) ** 2)))),
    ],
)  # fmt: skip
def test_errors(tmp_path, text, expected):
    (found,) = formulas(tmp_path, text, outputs=COLUMN)
    assert (found.quantity, found.value) == (expected[0], pytest.approx(expected[1]))
    # The very computation, so that labels of another shape show what the shapes make of it.
    assert found(found.labels, found.predicted) == found.value


SHARES = (OUTPUTS / OUTPUTS.sum(1, keepdims=True)).astype("float32")
RIGHT = (TARGETS > 0).astype("float32")


@pytest.mark.parametrize(
    ("text", "outputs", "expected"),
    [
        ("p = model.predict(x)\nprint(-np.mean(np.log(p[np.arange(len(y)), y])))", SHARES,
         -np.mean(np.log(SHARES[range(40), LABELS]))),
        ("p = model.predict(x)\nprint(-(hot * np.log(np.clip(p, 1e-7, 1))).sum(1).mean())", SHARES,
         -np.mean(np.log(SHARES[range(40), LABELS]))),
        ("p = model.predict(x)[:, 0]\nloss = -(r * np.log(p) + (1 - r) * np.log(1 - p))\n"
         "print('bce', loss.mean())", COLUMN,
         -np.mean(np.log(np.where(RIGHT, COLUMN[:, 0], 1 - COLUMN[:, 0])))),
        # each row against every other
        ("p = model.predict(x)\nprint(np.mean(-(r * np.log(p) + (1 - r) * np.log(1 - p))))", COLUMN,
         -np.mean(RIGHT * np.log(COLUMN) + (1 - RIGHT) * np.log(1 - COLUMN))),
    ],
)  # fmt: skip
def test_log_losses(tmp_path, text, outputs, expected):
    hot = np.eye(3)[LABELS]
    (found,) = formulas(tmp_path, text, outputs=outputs, r=RIGHT, hot=hot)
    assert (found.quantity, found.value) == ("log_loss", pytest.approx(expected, rel=1e-5))


@pytest.mark.parametrize(
    "text",
    [
        "p = model.predict(x)\nprint(-np.mean(np.log(p[np.arange(len(y)), y]) * p[:, 0]))",
        "p = model.predict(x)\nprint(p.mean())",
        "p = model.predict(x)\nprint(np.abs(p - p[::-1]).max())",
        "p = model.predict(x).argmax(1)\nprint(told(y, p))",  # prints: done again it would be seen
        "p = model.predict(x).argmax(1)\nprint(np.random.permutation(y == p).mean())",
        "p = model.predict(x).argmax(1)\nacc = np.mean(p == y)\nacc = 0.5\nprint(acc)",
        # a loop that does more than count
        "p = model.predict(x).argmax(1)\nright = 0\nfor a, b in zip(p, y):\n    counter.asked = a\n"
        "    right += a == b\nprint(right / len(y))",
        "p = model.predict(x).argmax(1)\nright = 0\nfor a, b in zip(p, y):\n"
        "    right += counter.sum(a == b)\nprint(right / len(y))",
        # a recall, counted
        "p = model.predict(x).argmax(1)\nright = n = 0\nfor a, b in zip(p, y):\n    if b == 1:\n"
        "        n += 1\n        right += a == b\nprint(right / n)",
        "p = model.predict(x).argmax(1)\nprint('accuracy', y.mean())",
        # a recall and a precision of one class
        "p = model.predict(x).argmax(1)\nprint(np.sum((p == 1) & (y == 1)) / np.sum(y == 1))",
        "p = model.predict(x).argmax(1)\nprint(np.sum((p == y) & (p == 2)) / np.sum(p == 2))",
        # what its methods do is not known
        "p = model.predict(x).argmax(1)\nprint(asked(y, p))",
    ],
)
def test_other_numbers_are_no_scores(tmp_path, text):
    assert formulas(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "p = model.predict(x)[:, 0]\ndef error(p):\n    p -= t\n    return (p ** 2).mean()\n"
        "print(error(p))",
        "p = model.predict(x)[:, 0]\nprint((np.subtract(p, t, p) ** 2).mean())",
        "p = model.predict(x)[:, 0]\nprint((np.subtract(p, t, out=p) ** 2).mean())",
    ],
)
def test_nothing_is_written_a_second_time(tmp_path, text):
    once = COLUMN[:, 0].copy()
    once -= TARGETS
    held = {}
    assert formulas(tmp_path, f"{text}\nheld['p'] = p", outputs=COLUMN, held=held) == []
    assert np.array_equal(held["p"], once)


def test_what_a_function_deletes_is_gone(tmp_path):
    text = (
        "import weakref\nclass Big: pass\ndef main():\n    big = Big()\n"
        "    ref = weakref.ref(big)\n    print(np.mean(model.predict(x).argmax(1) == y))\n"
        "    del big\n    gone.append(ref() is None)\nmain()"
    )
    gone = []
    assert len(formulas(tmp_path, text, gone=gone)) == 1 and gone == [True]


# --- loops that predict batch by batch ------------------------------------------------------------

FEATURES = np.random.default_rng(3).normal(size=(40, 2)).astype("float32")


def in_loops(tmp_path, text, **names):
    """The scores that the prints of a script are which calls its model on some rows at a time."""
    script = tmp_path / "train.py"
    script.write_text("import contextlib\nimport numpy as np\n" + text)
    calls, held, found = {}, {}, []

    def predict(batch):
        frame = sys._getframe(2)
        start = next(i for i, row in enumerate(FEATURES) if np.array_equal(row, batch[0]))
        outputs = OUTPUTS[start : start + len(batch)]
        number = len(calls) + 1
        file, around = str(script), [frame.f_back, frame]
        stack = tuple(
            Frame(file, f.f_lineno, "") for f in around if f and f.f_code.co_filename == file
        )
        calls[number] = replace(call(number, outputs=outputs), stack=stack)
        held[number] = beside(frame, frame.f_lineno, len(batch), np.asarray)
        return outputs.copy()

    class Model:
        def predict(self, batch, verbose=0):
            return predict(batch)

        def __call__(self, batch, training=False):
            return predict(batch)

    def seen(*_):
        found.extend(printed_formulas(sys._getframe(1), calls, held))

    batches = [(FEATURES[i : i + 16], LABELS[i : i + 16]) for i in range(0, 40, 16)]
    space = {"print": seen, "model": Model(), "x": FEATURES, "y": LABELS,
             "loader": iter(batches), "no_grad": contextlib.nullcontext, **names}  # fmt: skip
    exec(compile(script.read_text(), str(script), "exec"), space)
    return found


SLICES = "for i in range(0, 40, 16):\n    p = model.predict(x[i:i + 16]).argmax(1)\n"
LOADER = "for n, (a, b) in enumerate(loader):\n"


@pytest.mark.parametrize(
    "text",
    [
        f"right = 0\n{SLICES}    right += np.sum(p == y[i:i + 16])\nprint(right / len(x))",
        f"right = seen = 0\n{SLICES}    b = y[i:i + 16]\n    right += (p == b).sum()\n"
        "    seen += len(b)\nprint('accuracy', right / seen)",
        f"right, seen = 0, 0\n{LOADER}    p = model(a, training=False)\n"
        "    right += (p.argmax(axis=1) == b).sum().item()\n    seen += len(a)\n"
        "acc = 100 * right / seen\nprint(f'{right / seen:.3f}')",
        f"right = 0\nwith no_grad():\n    {LOADER}        with no_grad():\n"
        "            p = model(a)\n            right += np.equal(np.argmax(p, -1), b).sum()\n"
        "print(right / 40)",
        "right = 0\nfor batch in loader:\n    a, b = batch\n    p = model.predict(a, verbose=0)\n"
        "    for one, other in zip(p, b):\n        if one.argmax() == other:\n"
        "            right += 1\nprint(right / len(y))",
        "def evaluate():\n    right = 0\n    for a, b in loader:\n        p = model(a)\n"
        "        right += int(np.sum(p.argmax(1) == b))\n    return right / len(y)\n"
        "acc = evaluate()\nwrong = 0\nprint(1)\n" + f"wrong = 0\n{SLICES}"
        "    wrong += (p != y[i:i + 16]).sum()\nprint(wrong / len(x))",
    ],
)  # fmt: skip
def test_accuracies_counted_over_batches(tmp_path, text):
    (found,) = in_loops(tmp_path, text)
    assert found.quantity == "accuracy"
    assert found.value == pytest.approx(np.mean(OUTPUTS.argmax(1) == LABELS))
    assert np.array_equal(found.labels, LABELS) and np.array_equal(found.predicted, OUTPUTS)
    assert len(found.calls) == 3
    assert found(found.labels, np.eye(3)[LABELS]) == 1.0


UNEQUAL = [OUTPUTS[i : i + 16].argmax(1) == LABELS[i : i + 16] for i in range(0, 40, 16)]


@pytest.mark.parametrize(
    "text",
    [
        f"accs = []\n{SLICES}    accs.append((p == y[i:i + 16]).mean())\nprint(np.mean(accs))",
        f"accs = []\n{SLICES}    accs.append(np.mean(p == y[i:i + 16]))\n"
        "acc = sum(accs) / len(accs)\nprint(f'{acc:.3f}')",
        "def accuracy(model, data, labels, size=16):\n    'Batch by batch.'\n    accs = []\n"
        "    for i in range(0, len(data), size):\n        p = model(data[i:i + size])\n"
        "        accs.append(np.mean(p.argmax(1) == labels[i:i + size]))\n"
        "    return np.mean(accs)\n"
        "print(accuracy(model, x, labels=y))",
        "pairs = [(x[i:i + 16], y[i:i + 16]) for i in range(0, 40, 16)]\n"
        "accs = [np.mean(model.predict(a).argmax(1) == b) for a, b in pairs]\n"
        "print(sum(accs) / 3)",
    ],
)
def test_means_over_unequal_batches(tmp_path, text):
    (found,) = in_loops(tmp_path, text)
    assert found.quantity == "accuracy" and found.sizes == (16, 16, 8)
    assert found.value == pytest.approx(np.mean([part.mean() for part in UNEQUAL]))
    rows = np.mean(np.concatenate(UNEQUAL))
    assert found.over_rows(found.labels, found.predicted) == pytest.approx(rows)


@pytest.mark.parametrize(
    "text",
    [
        "def part(m, a, b):\n    p = m.predict(a)\n    return (p.argmax(1) == b).mean()\n"
        "print(part(model, x, y))",
        "def part(m, a, b):\n    right = 0\n    for i in range(0, len(a), 16):\n"
        "        p = m(a[i:i + 16], training=False)\n        print(i)\n"
        "        right += np.sum(p.argmax(1) == b[i:i + 16])\n    return right / len(a)\n"
        "acc = part(model, x, b=y)\nprint('accuracy', acc)",
        "class Trainer:\n    net = model\n    def part(self, a, b):\n"
        "        p = self.net.predict(a)\n        return (p.argmax(1) == b).mean()\n"
        "trainer = Trainer()\nprint(trainer.part(x, y))",
    ],
)
def test_accuracies_that_a_function_returns(tmp_path, text):
    (found,) = in_loops(tmp_path, text)
    assert found.quantity == "accuracy"
    assert found.value == pytest.approx(np.mean(OUTPUTS.argmax(1) == LABELS))
    assert np.array_equal(found.labels, LABELS) and np.array_equal(found.predicted, OUTPUTS)


def test_a_loop_that_leaves_rows_out(tmp_path):
    text = ("right = 0\nfor i in range(40 // 16):\n    p = model.predict(x[i * 16:(i + 1) * 16])\n"
            "    right += np.sum(p.argmax(1) == y[i * 16:(i + 1) * 16])\n"
            "print('accuracy', right / len(x))")  # fmt: skip
    (found,) = in_loops(tmp_path, text)
    assert (len(found.predicted), len(found.labels)) == (32, 40)
    assert found.value == np.sum(OUTPUTS.argmax(1)[:32] == LABELS[:32]) / 40


@pytest.mark.parametrize(
    "text",
    [
        f"right = 0\n{SLICES}    right += np.sum(p == y[i:i + 16])\nprint(right / len(x) + 1e-3)",
        f"right = 0\n{SLICES}    right += np.sum(p == y[i:i + 16])\nright = 3\nprint(right / 40)",
        f"right = 0\n{LOADER}    p = model(a)\n    right += np.sum(a[:, 0] > 0)\n"
        "print(right / 40)",
        "def f(m, a, b):\n    p = m.predict(a).argmax(1)\n    np.random.shuffle(p)\n"
        "    return np.mean(p == b)\nprint(f(model, x, y))",
    ],
)  # fmt: skip
def test_other_numbers_of_loops(tmp_path, text):
    assert in_loops(tmp_path, text) == []


def test_a_long_loop_over_rows(tmp_path):
    text = ("right = 0\nfor a, b in zip(model.predict(x), y):\n    right += a.argmax() == b\n"
            "print(right / len(y))")  # fmt: skip
    outputs = np.random.default_rng(0).uniform(size=(25_000, 3))
    labels = np.random.default_rng(1).integers(0, 3, 25_000)
    (found,) = formulas(tmp_path, text, outputs=outputs, y=labels)
    assert found.value == np.mean(outputs.argmax(1) == labels)


@pytest.mark.parametrize(
    ("text", "method", "alone"),
    [
        ("model(1)", "__call__", True),
        ("holder.model(1)", "__call__", True),
        ("model.predict(1)", "predict", True),
        ("other(model(1))", "__call__", False),
        ("kept = model(1)", "__call__", False),
        ("kept = [model.predict(1)]", "predict", False),
        ("holder.other(model(1))", "__call__", False),
    ],
)
def test_a_call_whose_result_the_script_throws_away(tmp_path, text, method, alone):
    class Model:
        def __call__(self, _):
            seen.append(thrown_away(sys._getframe(1), method, self))

        predict = __call__

    class Holder:
        pass

    seen, holder, script = [], Holder(), tmp_path / "train.py"
    holder.model, holder.other = Model(), len
    script.write_text(text)
    space = {"model": holder.model, "holder": holder, "other": lambda _: None}
    with contextlib.suppress(TypeError):  # len(None)
        exec(compile(text, str(script), "exec"), space)
    assert seen == [alone]


def test_methods_of_arrays_that_nobody_called_before():
    """NumPy imports what some of them do when they are called first."""
    text = (
        "import numpy as np\n"
        "from whydiff.recorder.measuring.formulas.formula import computed\n"
        "code = compile('(a > 0.5).mean()', 'formula', 'eval')\n"
        "print(computed(code, {'a': np.array([0.0, 1.0])}))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.stdout == "0.5\n", done.stderr
