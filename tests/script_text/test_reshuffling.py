"""Where a script makes a source that comes in another order at every pass."""

from __future__ import annotations

import pytest

from whydiff.script_text.reshuffling import shuffled_at

TFDATA = """\
ds = tf.data.Dataset.from_tensor_slices((x, y))
train = ds.shuffle(100).batch(8)
test = ds.{}
model.fit(train)
model.evaluate(test)
"""
FOLDERS = """\
data = keras.utils.image_dataset_from_directory(root{})
data = data.map(prepare)
model.predict(data)
"""
LOADER = """\
loader = DataLoader(TensorDataset(x, y), {})
model.predict(loader)
"""
FLOW = """\
flow = ImageDataGenerator().flow_from_directory(root{})
model.predict(flow)
"""


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        (TFDATA.format("shuffle(100).batch(8)"), 5, (3, "reshuffle_each_iteration=False")),
        (TFDATA.format("shuffle(buffer_size=9)"), 5, (3, "reshuffle_each_iteration=False")),
        (TFDATA.format("shuffle(9, 1, False)"), 5, None),
        (TFDATA.format("shuffle(9, reshuffle_each_iteration=False)"), 5, None),
        (TFDATA.format("batch(8)"), 5, None),  # that of the training is another pipeline
        (TFDATA.format("shuffle(9).shuffle(9)"), 5, None),  # which of two it is, is not known
        (FOLDERS.format(""), 3, (1, "shuffle=False")),
        (FOLDERS.format(", shuffle=False"), 3, None),
        (LOADER.format("batch_size=4, shuffle=True"), 2, (1, "shuffle=False")),
        (LOADER.format("4, True"), 2, (1, "shuffle=False")),
        (LOADER.format("batch_size=4"), 2, None),
        (LOADER.format("4, shuffle=False"), 2, None),
        (FLOW.format(""), 2, (1, "shuffle=False")),
        (FLOW.format(", shuffle=False"), 2, None),
        ("order = np.random.permutation(9)\nnp.random.shuffle(order)\nmodel.predict(x[order])\n",
         3, None),
        ("model.predict(x)\n", 9, None),
    ],
)  # fmt: skip
def test_the_call_that_shuffles(text, line, found):
    shuffled = shuffled_at({"a.py": text}, "a.py", line)
    assert (shuffled and (shuffled.line, shuffled.argument)) == found


def test_a_pipeline_that_a_function_of_another_file_makes():
    texts = {
        "main.py": "from data import load\ntest = load(False)\nmodel.evaluate(test)\n",
        "data.py": (
            "import tensorflow as tf\ndef load(training):\n"
            "    return (\n        tf.data.Dataset.range(9)\n        .shuffle(9)\n    )\n"
        ),
    }
    found = shuffled_at(texts, "main.py", 3)
    assert found is not None
    assert (found.file, found.line, found.function) == ("data.py", 5, "shuffle")
