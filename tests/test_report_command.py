"""``whydiff report``: what is given to it becomes a page, or is refused with a reason."""

import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.cli.output import write_json
from whydiff.testing import answers


def report(folder, *arguments):
    command = Path(sys.executable).with_name("whydiff")
    return subprocess.run(
        [command, "report", *arguments], cwd=folder, text=True, capture_output=True, check=False
    )


def test_an_answer_becomes_a_page_beside_it(tmp_path):
    write_json(str(tmp_path / "answer.json"), answers.explanation().to_dict())
    write_json(str(tmp_path / "study.json"), answers.study().to_dict())
    done = report(tmp_path, "answer.json", "--among", "study.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "whydiff: the page is in answer.html\n"
    assert "A and B among other draws" in (tmp_path / "answer.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["missing.json"], "there is no file missing.json"),
        (["."], "is a directory"),
        (["answer.json", "--html", "no/where.html"], "there is no directory no"),
        (["study.json", "--among", "study.json"], "no such pair"),
    ],
)
def test_trouble_is_told_in_one_line_with_a_way_out(tmp_path, arguments, reason):
    write_json(str(tmp_path / "answer.json"), answers.explanation().to_dict())
    write_json(str(tmp_path / "study.json"), answers.study().to_dict())
    done = report(tmp_path, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr.splitlines()[0] and len(done.stderr.splitlines()) >= 2
    assert "Traceback" not in done.stderr
