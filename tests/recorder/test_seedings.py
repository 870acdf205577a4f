"""Which calls that seed a generator are seen, and that seeing them changes nothing."""

import json
import subprocess
import sys

SCRIPT = """
import json, random, sys
from whydiff.recorder import seedings
seedings.watch(lambda package, then: (__import__(package), then()) if package == "numpy" else None)
exec(compile(sys.argv[1], "train.py", "exec"))
seen = []
seedings.listen(seen.append)
print(json.dumps([[s.function, s.seed, s.explicit, s.frames[-1][1]] for s in seen]))
"""


def seen(text):
    command = [sys.executable, "-c", SCRIPT, text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_seeds_are_seen_with_value_and_line():
    text = (
        "import random\nimport numpy as np\nfrom numpy.random import default_rng\n"
        "random.seed(3)\nnp.random.seed(seed=4)\ndefault_rng()\ndefault_rng(np.int64(5))\n"
        "random.seed('text')\n"
    )
    assert seen(text) == [
        ["random.seed", 3, True, 4],
        ["numpy.random.seed", 4, True, 5],
        ["numpy.random.default_rng", None, False, 6],
        ["numpy.random.default_rng", 5, True, 7],
        ["random.seed", None, True, 8],
    ]


def test_a_loop_that_seeds_all_the_time_is_entered_so_often_at_most():
    assert len(seen("for i in range(5000): random.seed(i)")) == 100


def test_what_is_drawn_afterwards_is_what_it_always_was():
    text = (
        "random.seed(7); import numpy as np; np.random.seed(7)\n"
        "print(random.random(), np.random.rand(), np.random.default_rng(7).random())"
    )
    plain = subprocess.run(
        [sys.executable, "-c", f"import random\n{text}"], capture_output=True, text=True, check=True
    )
    command = [sys.executable, "-c", SCRIPT, text]
    watched = subprocess.run(command, capture_output=True, text=True, check=True)
    assert watched.stdout.splitlines()[0] == plain.stdout.splitlines()[0]


def test_wrong_arguments_fail_as_they_always_do():
    command = [sys.executable, "-c", SCRIPT, "import numpy\nnumpy.random.default_rng(-1)"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "ValueError" in done.stderr
