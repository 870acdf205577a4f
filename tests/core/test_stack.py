"""What people call the file that a line of their code lies in."""

import sys
from types import SimpleNamespace

import pytest

from whydiff.core.stack import Frame, cell_of


@pytest.mark.parametrize(
    ("file", "cell", "name"),
    [
        ("/home/ada/train.py", "", "train.py"),
        ("C:\\ada\\train.py", "", "train.py"),
        ("/tmp/ipykernel_7/617758819.py", "cell [3]", "cell [3]"),
    ],
)
def test_a_file_is_called_by_its_own_name_and_a_cell_by_its_prompt(file, cell, name):
    assert Frame(file, 1, "<module>", cell=cell).name == name


def test_only_ipython_knows_which_file_is_a_cell(monkeypatch):
    file = "/tmp/ipykernel_7/617758819.py"
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert cell_of(file) == ""
    said = {file: ("Cell", "In[3]")}
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=said.get))
    for found, expected in ((None, ""), (shell, "cell [3]")):
        ipython = SimpleNamespace(get_ipython=lambda found=found: found)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert cell_of(file) == expected and cell_of("/home/ada/train.py") == ""
    assert cell_of("<timed exec>") == "timed cell"
