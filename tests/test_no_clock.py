"""No test depends on how fast a machine is: what a test bounds it counts.

What waits for another process gives up after ``whydiff.testing.HANGS``, an hour, and no sooner.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = {"monotonic", "perf_counter", "process_time", "monotonic_ns", "perf_counter_ns"}


def clocks(text):
    """Lines of a test that read a clock, or bound a wait by a number of their own."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            yield node.lineno
        elif isinstance(node, ast.keyword) and node.arg in ("timeout", "deadline"):
            if any(isinstance(n, ast.Name) and n.id == "HANGS" for n in ast.walk(node.value)):
                continue
            if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                yield node.value.lineno


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("subprocess.run(c, timeout=60)", [1]),
        ("import time\nstart = time.monotonic()", [2]),
        ("@settings(deadline=200)\ndef test(): pass", [1]),
        ("subprocess.run(c, timeout=HANGS)\nf(timeout=1000 * HANGS)", []),
        ("@settings(deadline=None)\ndef test(): pass", []),
    ],
)
def test_clocks_are_seen(text, lines):
    assert list(clocks(text)) == lines


def test_no_test_looks_at_a_clock():
    folders = ("planted/cases", "scripts")  # samples of what people write
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if not any(folder in path.as_posix() for folder in folders) and path != Path(__file__)
        for line in clocks(path.read_text())
    ]
    assert found == []
