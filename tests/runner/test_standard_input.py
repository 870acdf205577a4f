"""A script that reads standard input gets what was piped in, in each of its runs."""

import subprocess
import sys

import pytest

TWO_RUNS = """
import sys
from pathlib import Path
from whydiff.runner.client import Child, Run
for name in "ab":
    log = Path(f"{name}.log")
    with Child(Run(Path("script.py")), Path(f"{name}.whydiff"), log, serve=False) as child:
        code = child.wait_for_script()
    print(code, log.read_text().strip().splitlines()[-1:])
"""


AT_ONCE = """
from pathlib import Path
from whydiff.runner.client import Child, Run
logs = [Path("a.log"), Path("b.log")]
children = [Child(Run(Path("script.py")), log.with_suffix(".whydiff"), log, False) for log in logs]
for child, log in zip(children, logs):
    print(child.wait_for_script(), log.read_text().strip())
    child.close()
"""


def test_two_runs_at_once_read_all_of_it_each(tmp_path):
    (tmp_path / "script.py").write_text(
        "import time; first = input(); time.sleep(0.2); print(first, input())"
    )
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE], cwd=tmp_path, input="1\n2\n", text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.stdout == "0 1 2\n0 1 2\n", done.stderr


@pytest.mark.parametrize(
    ("script", "given", "printed"),
    [
        ("import sys; print(sys.stdin.read())", "17", "0 ['17']\n0 ['17']\n"),
        ("print(input('how many? '))", "3\n", "0 ['how many? 3']\n0 ['how many? 3']\n"),
        ("print('done')", "never read", "0 ['done']\n0 ['done']\n"),
    ],
)
def test_every_run_reads_it_from_the_beginning(tmp_path, script, given, printed):
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-c", TWO_RUNS], cwd=tmp_path, input=given, text=True, capture_output=True
    )
    assert done.stdout == printed, done.stderr


def test_a_pipe_that_nobody_closes_is_not_waited_for(tmp_path):
    (tmp_path / "script.py").write_text("print('done')")
    process = subprocess.Popen(
        [sys.executable, "-c", TWO_RUNS], cwd=tmp_path, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.read() == "0 ['done']\n0 ['done']\n"
    process.stdin.close()
    process.wait()


def test_a_script_that_asks_and_gets_nothing_is_told_why(tmp_path):
    (tmp_path / "train.py").write_text("seed = int(input('Seed? '))\n")
    done = subprocess.run(
        [sys.executable, "-m", "whydiff", "explain", "train.py"], cwd=tmp_path,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "train.py exited with 1" in said and "EOFError" in said
    assert "It reads standard input, of which it gets what is piped in" in said
