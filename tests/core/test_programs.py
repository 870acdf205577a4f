"""Python programs that a script starts are named, with what to run in place of it."""

import sys
from pathlib import Path

import pytest

from whydiff.core.programs import Program, begun, programs_of, unwatched_programs


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with scripts, in which a script was started."""
    (tmp_path / "pkg").mkdir()
    for name in ("train.py", "eval.py", "pkg/fit.py", "pkg/__main__.py", "run.sh"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


TRAIN = ("train.py", "--units", "4")


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ([sys.executable, *TRAIN], [TRAIN]),
        ([b"/usr/bin/python3.12", "-u", "-W", "ignore", *TRAIN], [TRAIN]),
        (["env", "CUDA_VISIBLE_DEVICES=0", "python", *TRAIN], [TRAIN]),
        (["uv", "run", "python", "-m", "pkg.fit", "-v"], [("-m", "pkg.fit", "-v")]),
        (["python", "-mpkg"], [("-m", "pkg")]),
        (["./train.py"], [("./train.py",)]),
        (["/bin/sh", "-c", "A=1 python train.py 'a b' > log 2>&1 && python3 eval.py; ls"],
         [("train.py", "a b"), ("eval.py",)]),
        (["python", "-c", "import train"], []),
        (["python", "gone.py"], []),
        (["python", "-m", "pip", "install", "x"], []),
        (["python"], []),
        (["sh", "run.sh"], []),
        (["sh", "-c", "python 'train.py"], []),
        (["git", "log", "train.py"], []),
        ("true", []),
        ([], []),
    ],
)  # fmt: skip
def test_programs_of_the_project_are_found_in_what_is_started(project, command, programs):
    arguments = (command[:1], command, None, None)
    found = begun("subprocess.Popen", arguments, str(project))
    assert found == [Program("", words) for words in programs]
    assert programs_of([program.fact for program in found]) == found


def test_other_events_other_folders_and_the_path_of_imports(project):
    assert begun("os.system", (b"cd pkg && python train.py",), str(project)) == [
        Program("", ("train.py",))
    ]
    words = ["python", "train.py"]
    assert begun("os.posix_spawn", ("python", words, {}), str(project / "pkg")) == [
        Program(str(project), ("train.py",))
    ]
    inside = (None, ["python", "fit.py"], "pkg", None)
    assert begun("subprocess.Popen", inside, str(project)) == [
        Program(str(project / "pkg"), ("fit.py",))
    ]
    spawned = (0, "python", ["python", "-m", "fit"], {"PYTHONPATH": "pkg"})
    assert begun("os.spawn", spawned, str(project)) == [Program("", ("-m", "fit"))]


def test_code_of_libraries_is_none(project, tmp_path):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "tool.py").touch()
    assert begun("subprocess.Popen", (None, ["python", str(library / "tool.py")], None, None),
                 str(project)) == []  # fmt: skip


@pytest.mark.parametrize("facts", [None, "x", [1], [[]], [["", 1]], [[""]], [["", "-m"]]])
def test_what_is_no_fact_of_programs_is_none(facts):
    assert programs_of(facts) == []


def test_the_message_names_what_to_run():
    assert unwatched_programs([]) == ""
    one = Program("", ("train.py", "--name", "a b"))
    assert unwatched_programs([one]) == (
        "The script started train.py in a process of its own, in which nothing is watched: "
        "`whydiff explain train.py -- --name 'a b'`."
    )
    other = Program(str(Path("/work dir")), ("-m", "pkg.eval"))
    text = unwatched_programs([Program("", TRAIN), other, one])
    assert text == (
        "The script started train.py and -m pkg.eval in processes of their own, in which nothing "
        "is watched: `whydiff explain train.py -- --units 4` or `cd '/work dir' && whydiff explain "
        "-m pkg.eval`, or `whydiff explain train.py --a-args '--units 4' --b-args '--name '\"'\"'a "
        "b'\"'\"''`."
    )
