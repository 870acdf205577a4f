"""What the fixtures ask for: which script, which lock, which level. Nothing is trained."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from whydiff import pytest_plugin
from whydiff.core.errors import WhydiffError

pytest_plugins = ("pytester",)

#: in place of the trainings: what they would have been asked is printed
CONFTEST = """
import os
from pathlib import Path
import whydiff.api.lock, whydiff.api.resume, whydiff.api.verify
from whydiff.core.resumption import NotRestored, Resumption
from whydiff.testing import answers

def verify(script, arguments, lock, **demanded):
    print("PYTHONPATH", os.environ.get("PYTHONPATH"))
    print("VERIFY", script, lock, arguments, sorted(demanded.items()))
    name = str(Path(script).with_suffix(""))
    return answers.verification(name, same="differs" not in name)

def lock(script, arguments, output, replicas):
    print("LOCK", script, output, list(arguments), replicas)
    Path(output).write_text("locked")

def resume(script, arguments, **asked):
    print("RESUME", script, list(arguments), sorted(asked.items()))
    lost = (NotRestored("seed states", "1 of 1 differ", "Save them."),)
    equal = "differs" not in str(script)
    return Resumption(str(script), 1, 2, equal, () if equal else lost, ("weights (2)",), "", {})

whydiff.api.verify.verify, whydiff.api.lock.lock = verify, lock
whydiff.api.resume.resume = resume
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project with scripts in src/ and a test in tests/."""
    # Those of other packages take most of the time of tests as small as these.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\n")
    for name in ("src/train.py", "src/differs.py", "tests/beside.py"):
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    return pytester


def run(project, body, *words):
    (project.path / "tests" / "test_it.py").write_text(f"import pytest\n{body}")
    plugins = ("-p", "whydiff.pytest_plugin", "-p", "xdist", "-p", "no:cacheprovider")
    return project.runpytest_subprocess(*plugins, "-rA", "tests", *words)


def test_paths_are_those_from_the_rootdir_and_else_from_the_test(project):
    done = run(
        project,
        "def test_root(whydiff_verify): whydiff_verify('src/train.py')\n"
        "def test_beside(whydiff_verify): whydiff_verify('beside.py', lock='locks/a.lock')\n"
        "def test_missing(whydiff_verify): whydiff_verify('no.py')\n",
    )
    done.stdout.fnmatch_lines_random(
        ["VERIFY src/train.py src/train.lock None*", "VERIFY tests/beside.py locks/a.lock None*"]
    )
    assert f"Looked in the rootdir {project.path} and beside the test" in done.stdout.str()
    assert "During handling" not in done.stdout.str()  # one message, not the same twice
    done.assert_outcomes(passed=2, failed=1)


def test_a_module_is_named_as_such_and_finds_what_tests_find(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "before")
    project.makeini("[pytest]\npythonpath = src\n")
    (project.path / "src" / "package").mkdir()
    (project.path / "src" / "package" / "train.py").write_text("")
    done = run(
        project,
        "def test_it(whydiff_verify): whydiff_verify('-m package.train')\n"
        "def test_missing(whydiff_verify): whydiff_verify('-m package.none')\n",
    )
    told = done.stdout.str()
    assert "VERIFY -m package.train src/package/train.lock None" in told
    found = re.search("^PYTHONPATH (.*)", told, re.MULTILINE)[1].split(os.pathsep)
    assert found[0] == str(project.path / "src") and found[-1] == "before"
    assert "whydiff: there is no module package.none" in told
    done.assert_outcomes(passed=1, failed=1)


def test_the_closest_marker_says_what_is_demanded_and_the_call_has_the_last_word(project):
    done = run(
        project,
        "pytestmark = pytest.mark.whydiff(require='rounding', metric='loss')\n"
        "def test_module(whydiff_verify): whydiff_verify('src/train.py')\n"
        "@pytest.mark.whydiff(require='statistical')\n"
        "def test_own(whydiff_verify): whydiff_verify('src/train.py')\n"
        "@pytest.mark.whydiff(require='statistical')\n"
        "def test_call(whydiff_verify): whydiff_verify('src/train.py', require='bitwise')\n",
    )
    told = [line for line in done.outlines if line.startswith("VERIFY")]
    for require in ("rounding", "statistical", "bitwise"):
        assert sum(f"('metric', 'loss'), ('require', '{require}')" in line for line in told) == 1


@pytest.mark.parametrize("marker", ["whydiff('rounding')", "whydiff(level='rounding')"])
def test_a_marker_that_is_not_understood_is_an_error(project, marker):
    done = run(
        project,
        f"@pytest.mark.{marker}\ndef test_it(whydiff_verify): whydiff_verify('src/train.py')\n",
        "--strict-markers",
    )
    assert "@pytest.mark.whydiff takes require, metric, margin, replicas by name" in (
        done.stdout.str()
    )


TWO = """
def test_a(whydiff_verify): whydiff_verify('src/train.py', arguments={a})
def test_b(whydiff_verify): whydiff_verify('src/train.py', arguments={b})
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_update_writes_a_lock_once_and_never_as_two_trainings(project, workers):
    same = run(project, TWO.format(a=["--fast"], b=["--fast"]), "--whydiff-update", *workers)
    same.assert_outcomes(passed=2)
    assert same.stdout.str().count("LOCK src/train.py src/train.lock ['--fast'] 0") == 1
    other = run(project, TWO.format(a=["--fast"], b=["--slow"]), "--whydiff-update", *workers)
    other.assert_outcomes(passed=1, failed=1)
    assert "a lock of its own: lock=..." in other.stdout.str()


def test_of_workers_that_write_one_lock_at_once_one_writes_it_and_the_others_fail(tmp_path):
    at_once = threading.Barrier(8)

    def begin(index, written):
        at_once.wait()
        try:
            return written.begin(tmp_path / "train.lock", f"train.py --seed {index}")
        except WhydiffError:
            return None

    for turn in range(50):
        written = pytest_plugin._Written(tmp_path / str(turn))
        with ThreadPoolExecutor(8) as pool:
            ended = list(pool.map(begin, range(8), [written] * 8))
        assert sorted(ended, key=str) == [None] * 7 + [True]


FAILING = "def test_it(whydiff_verify): whydiff_verify('src/differs.py')\n"


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_failure_is_annotated_in_a_job_on_github(project, monkeypatch, workers):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    done = run(project, FAILING, *workers)
    done.assert_outcomes(failed=1)
    expected = f"::error file={project.path.name}/src/differs.py,title=Not the locked training::"
    assert any(line.startswith(expected) for line in done.outlines)
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert "::error" not in run(project, FAILING).stdout.str()


def test_a_training_that_is_not_resumed_names_what_was_lost(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    done = run(
        project,
        "def test_it(whydiff_resume):\n"
        "    assert whydiff_resume('src/train.py', at_epoch=2, arguments=['--fast']).equal\n"
        "def test_lost(whydiff_resume): whydiff_resume('src/differs.py', at_epoch=2, fit=3)\n"
        "def test_missing(whydiff_resume): whydiff_resume('no.py', at_epoch=2)\n",
    )
    done.assert_outcomes(passed=1, failed=2)
    asked = "RESUME src/train.py ['--fast'] [('at_epoch', 2), ('fit', 1)]"
    told = done.stdout.str()
    assert asked in told and "Not restored: seed states." in told and "Save them." in told
    assert "::error file=src/differs.py,title=Not resumable::" in told
    assert f"Looked in the rootdir {project.path} and beside the test" in told
