"""A signal that asks us to end does so wherever it strikes."""

import signal
import subprocess
import sys

import pytest

from whydiff.testing import HANGS

#: Where Python drops what a handler raises.
DROPS = {
    "a finalizer": "class A:\n    def __del__(self):\n        strike()\nA()",
    "the callback of a weak reference": "import weakref\nclass A: pass\na = A()\n"
    "r = weakref.ref(a, lambda _: strike())\ndel a",
}
PROGRAM = """
import os, signal, time
from whydiff.cli.signals import end_by_signal, end_in_order
from whydiff.core.errors import Terminated

def strike():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)

try:
    end_in_order()
    exec({!r})
    time.sleep(60)
except Terminated as stop:
    print("in order", flush=True)
    end_by_signal(stop.number)
"""


@pytest.mark.parametrize("where", DROPS)
def test_an_ending_that_python_drops_is_raised_again(where):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(DROPS[where])],
        capture_output=True, text=True, timeout=HANGS,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "in order\n")
    assert done.stderr == ""
