"""The code of docs/notebooks.md runs as it stands and says what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "notebooks.md").read_text()


def test_the_code_runs_and_names_the_causes(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    causes = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    of_fits, of_predictions = ("initialization", "data-order", "optimizer"), ("data-content",)
    assert causes == dict.fromkeys((*of_fits, *of_predictions), "confirmed")
    assert (tmp_path / "one.whydiff").exists()
