"""What a script loads only if it is there."""

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.resuming import loads_if_there


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
    (line,) = loads_if_there(parse(text))
    assert "load" in text.splitlines()[line - 1] or "restore" in text.splitlines()[line - 1]


@pytest.mark.parametrize(
    "text",
    [
        "model = load_model(p)\n",
        "if os.path.exists(d):\n    shutil.rmtree(d)\n",
        "if resume:\n    m = load_model(p)\n",
        "try:\n    m = load_model(p)\nexcept ValueError:\n    m = build()\n",
    ],
)
def test_other_loads_and_other_tests_are_not(text):
    assert loads_if_there(parse(text)) == []
