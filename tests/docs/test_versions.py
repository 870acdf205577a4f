"""What `make versions` installs and how it judges, without installing anything."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_versions", ROOT / "docs/make_versions.py")
    module = sys.modules["make_versions"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_versions"]


def test_the_oldest_sets_are_the_lower_bounds(tool):
    pinned = [one.replace(">=", "==") for one in PROJECT["dependencies"]]
    assert tool.lowest_versions() == pinned
    oldest = [one for one in tool.SETS if one.lowest]
    installed = {p for one in oldest for p in (*one.packages, f"torch=={one.torch}")}
    extras = [PROJECT["optional-dependencies"][e] for e in ("jax", "tensorflow-cpu", "torch")]
    bounds = {requirement.replace(">=", "==") for extra in extras for requirement in extra}
    assert bounds <= installed
    assert {backend for one in oldest for backend in one.backends} == {
        "jax",
        "tensorflow",
        "torch",
    }


def test_every_script_is_there_and_told_on_the_page(tool):
    page = tool.PAGE.read_text()
    for script in tool.SCRIPTS:
        assert (ROOT / script.path).exists()
        assert f"| `{Path(script.path).stem}` |" in page
    assert re.search(f"{re.escape(tool.BEGIN)}.*{re.escape(tool.END)}", page, re.DOTALL)


def answer(unexplained=0, **causes):
    listed = [{"source": source, "status": status} for source, status in causes.items()]
    return {"unexplained": unexplained, "causes": listed}


def test_only_the_planted_causes_all_confirmed_and_nothing_left_will_do(tool):
    script = tool.Script("x.py", frozenset({"optimizer"}), frozenset({"noise"}))
    assert tool.judged(answer(optimizer="confirmed"), script) == ""
    assert tool.judged(answer(optimizer="confirmed", noise="confirmed"), script) == ""
    assert tool.judged(answer(noise="confirmed"), script)
    assert tool.judged(answer(optimizer="confirmed", state="confirmed"), script)
    assert tool.judged(answer(optimizer="differs"), script)
    assert tool.judged(answer(0.1, optimizer="confirmed"), script)
    assert tool.judged(answer(), script)


def test_a_set_about_a_python_that_is_not_here_is_left_out_and_said_so(
    tool, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(tool, "python_of", lambda wanted: None)
    assert tool.main(["python-3.14"]) == 0
    said = capsys.readouterr().out
    assert "python-3.14: left out, as there is no Python 3.14 here\n" in said
    assert "versions: 0 passed, 0 failed" in said and not [*tmp_path.iterdir()]
