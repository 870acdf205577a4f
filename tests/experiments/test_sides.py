"""What is said to be compared, on plain runs."""

import unittest
from pathlib import Path

from whydiff.core.recording import Frame
from whydiff.experiments.explain.sides import _named
from whydiff.runner.client import Run
from whydiff.testing.sides import a_side

LIBRARY = unittest.__file__.replace("__init__", "__main__")


def test_a_program_of_a_library_is_named_with_the_file_of_the_project():
    stack = (Frame(LIBRARY, 18, "<module>", ""), Frame("/home/user/test_it.py", 12, "test", ""))
    fit = a_side(fit={"stack": stack}).fit
    run = Run(Path(LIBRARY), module="unittest")
    assert _named(run, fit) == "-m unittest (test_it.py:12)"
    assert _named(Run(Path("train.py")), fit) == "train.py"
