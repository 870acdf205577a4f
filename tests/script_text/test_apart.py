"""Which texts say that two runs cannot meet, and that a run trains once."""

import pytest

from whydiff.script_text.apart import leads_elsewhere, stays_apart, trains_once_at_most
from whydiff.script_text.edits import parse

#: the environment of the process
ENVIRONMENT = {"SEED": "7", "OUT": "/data/out", "UP": "../out", "NAME": "run"}


@pytest.mark.parametrize(
    "text",
    [
        "model.save('best.keras')",
        "x = np.load(Path(__file__).resolve().parent / 'data' / 'x.npy')",
        "x = np.load(os.path.join(os.path.dirname(__file__), 'x.npy'))",
        "x = keras.utils.get_file('x', 'https://host/x')",  # the network is seen
        "print(f'{loss} / {accuracy}'); path = f'{folder}/x'; path = folder + '/x'",
        "os.environ['XLA_FLAGS'] = '--xla_cpu'; os.environ.setdefault('SEED', '1')",
        "seed = int(os.environ.get('SEED', 0)) if 'SEED' in os.environ else os.getenv('NAME')",
        "'''See ../README and /usr/share.'''",
        "import os, json\nfrom pathlib import Path",
    ],
)
def test_a_script_that_stays_where_it_is(text):
    assert stays_apart(parse(text), ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        "checkpoint.save('/tmp/ckpt')",
        "checkpoint.save(f'/tmp/{name}')",
        "x.cache('~/cache')",
        "x.cache('../cache')",
        "x.cache(f'{folder}/../cache')",
        "x.cache(b'/tmp/x')",
        "tf.io.gfile.GFile('gs://bucket/x')",
        "import time",
        "from datetime import datetime",
        "import numpy, ctypes",
        "from multiprocessing import shared_memory",
        "seed = np.datetime64('now'); seed = pd.Timestamp.now()",
        "Path.home()",
        "Path(__file__).parent.parent",
        "Path.cwd().parent",
        "os.path.dirname(os.path.dirname(os.path.abspath(__file__)))",
        "os.environ['OUT']",
        "os.environ.get('UP')",
        "os.getenv(name)",
        "dict(os.environ)",
    ],
)
def test_a_script_that_may_leave_or_reads_a_clock(text):
    assert not stays_apart(parse(text), ENVIRONMENT)


def test_arguments_that_are_paths_elsewhere():
    assert all(map(leads_elsewhere, ["/tmp", "--out=/tmp/x", "~", "..", "a/../b", "C:\\x"]))
    assert not any(map(leads_elsewhere, ["", "--epochs=3", "runs/x", "0.5", "a..b", "https://h/x"]))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("model.fit(x, y)", True),
        ("def main():\n    model.fit(x, y)\nmain()", True),
        ("train()", True),  # elsewhere
        ("a.fit(x, y); b.fit(x, y)", False),
        ("for seed in range(3):\n    build().fit(x, y)", False),
        ("[build().fit(x, y) for seed in range(3)]", False),
        ("def train(rate):\n    model.fit(x, y)\ntrain(0.1)\ntrain(0.2)", False),
        ("def train(rate):\n    model.fit(x, y)\nfor rate in rates:\n    train(rate)", False),
        ("def again():\n    model.fit(x, y)\n    again()\nagain()", False),
    ],
)
def test_how_often_a_text_trains(text, wanted):
    assert trains_once_at_most([parse(text)]) is wanted
