"""What a script does otherwise where an earlier run has left a file."""

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.imports import Names
from whydiff.script_text.resuming import goes_on_from_files


def lines(text):
    script = parse(text)
    return goes_on_from_files(script, Names(script))


@pytest.mark.parametrize(
    "text",
    [
        "if CKPT.exists():\n    m = keras.models.load_model(CKPT)\nelse:\n    m = build()\n",
        "if not os.path.isfile(p):\n    m = build()\nelse: m = load_model(p)\n",
        "m = (\n load_weights(p) if os.path.exists(p) else build())\n",
        "try:\n    state = torch.load(p)\nexcept FileNotFoundError:\n    state = None\n",
        "if tf.train.latest_checkpoint(d):\n    ckpt.restore(d)\n",
    ],
)
def test_what_is_loaded_if_a_file_is_there_is_found(text):
    ((line, what),) = lines(text)
    assert what == "loads a file if it is there"
    assert "load" in text.splitlines()[line - 1] or "restore" in text.splitlines()[line - 1]


@pytest.mark.parametrize(
    "text",
    [
        "model = load_model(p)\n",
        "if os.path.exists(d):\n    shutil.rmtree(d)\n",
        "if resume:\n    m = load_model(p)\n",
        "if not os.path.exists(d):\n    os.makedirs(d)\n",
        "import sqlite3\ndb = sqlite3.connect(':memory:')\n",
        "try:\n    m = load_model(p)\nexcept ValueError:\n    m = build()\n",
    ],
)
def test_other_loads_and_other_tests_are_not(text):
    assert lines(text) == []


def test_what_is_made_only_once_and_databases_are_found():
    made = "if not p.exists():\n    x = draw()\n    np.save(p, x)\nx = np.load(p)\n"
    assert lines(made) == [(3, "makes a file only if none is there")]
    opened = "import sqlite3 as sql\ndb = sql.connect('trials.db')\n"
    assert lines(opened) == [(2, "opens a database, whatever is in it")]
