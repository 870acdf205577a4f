"""Whose code a frame is: in IPython the cell's, and nobody's outside of it."""

import subprocess
import sys

import pytest

CODE = """
import sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for text in {cells!r}:
    shell.run_cell(text, store_history=True)
"""
LOOKS = "import random, whydiff\nfrom whydiff.recorder.ledger import user_stack\n"
SAYS = "print('\\nSAID', [(f.line, f.function, f.name) for f in user_stack()])"


@pytest.mark.parametrize("started", ["script", "code"])
@pytest.mark.long
def test_a_cell_is_where_the_users_code_begins(tmp_path, started):
    magics = ("", "%%time\n", "%%whydiff record\n")
    cells = ["%load_ext whydiff", LOOKS]
    cells += [f"{magic}def f():\n    {SAYS}\n\nf()" for magic in magics]
    cells += ["%%whydiff record\n'shown'", "%%whydiff record\n'not shown';  # silenced"]
    script = tmp_path / "starts.py"
    script.write_text(CODE.format(cells=cells))
    words = [str(script)] if started == "script" else ["-c", script.read_text()]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("SAID")]
    cells = ("cell [3]", "timed cell", "cell [5]")
    expected = [f"SAID [(4, '<module>', '{cell}'), (2, 'f', '{cell}')]" for cell in cells]
    assert said == expected, done.stderr
    assert "'shown'" in done.stdout and "not shown" not in done.stdout
