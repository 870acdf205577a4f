"""The action for GitHub: its steps, run as GitHub runs them, on a repository made here."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("walk", ROOT / "docs" / "make_pull_request.py")
walk = importlib.util.module_from_spec(_spec)
sys.modules["walk"] = walk
_spec.loader.exec_module(walk)
TRAIN = """
import keras
import numpy as np

keras.utils.set_random_seed(7)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.01), "mse")
model.fit(x, x[:, :1], epochs=1, verbose=0)
"""


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "with space").mkdir(parents=True)
    for name in ("train.py", "with space/more.py"):
        (folder / name).write_text(TRAIN.replace("keras.utils.set_random_seed(7)\n", ""))
    return folder


def test_check_annotates_and_writes_summary_markdown_and_sarif(repository):
    done = walk.step("check", repository, scripts="train.py 'with space/more.py'")
    assert done.exit_code == 1, done.errors
    commands = [line for line in done.output.splitlines() if line.startswith("::warning ")]
    assert [re.search("file=([^,]*)", line)[1] for line in commands] == [
        "train.py",
        "with space/more.py",
    ]
    assert done.summary.startswith("<!-- whydiff -->\n### ≠ 2 findings in 2 of 2 scripts.")
    assert Path(done.outputs["markdown"]).read_text() in done.summary
    results = json.loads(Path(done.outputs["sarif"]).read_text())["runs"][0]["results"]
    assert {r["ruleId"] for r in results} == {"WD101"}


@pytest.mark.parametrize(
    "evil", ["$(touch evil)", "`touch evil`", "; touch evil", "a.py & touch evil"]
)
def test_inputs_are_words_and_no_commands(repository, evil):
    assert walk.step("check", repository, scripts=evil).exit_code == 2
    assert not (repository / "evil").exists()


def test_no_expression_stands_in_a_script():
    """GitHub puts expressions into a script as they are: a title could run there."""
    for one in walk.STEPS.values():
        assert "${{" not in one["run"]


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A repository whose training is not the locked one any more; (its folder, the base)."""
    folder = tmp_path_factory.mktemp("project") / "repository"
    base = walk.repository(folder, TRAIN)
    (folder / "train.py").write_text(TRAIN.replace("SGD(0.01)", "SGD(0.02)"))
    return folder, base


@pytest.mark.thorough
def test_a_lock_that_does_not_hold_is_explained_in_a_comment_against_the_base(changed):
    folder, base = changed
    given = {"github.event.pull_request.base.sha": base}
    (folder / "same.py").write_text(TRAIN)
    same = walk.step("verify", folder, given, scripts="same.py", lock="train.lock")
    assert same.exit_code == 0, same.errors
    assert "bit-identical" in Path(same.outputs["markdown"]).read_text()

    done = walk.step("verify", folder, given, scripts="train.py")
    assert done.exit_code == 1, done.errors
    comment = walk.commented(folder, done)
    assert comment.count("<!-- whydiff -->") == done.summary.count("<!-- whydiff -->") == 1
    assert "is different from the training that was locked" in comment
    assert f"train.py at {base[:10]}," in comment
    assert base not in comment.partition("<details>")[0]
    assert "differ because of the optimizer" in comment.partition("<details>")[0]
    assert re.search(r"^::(error|notice) file=train\.py", done.output, re.MULTILINE)


@pytest.mark.thorough
def test_the_recipe_for_gitlab_comments_with_the_explanation(changed, tmp_path):
    folder, base = changed
    page = (ROOT / "docs" / "pull_requests.md").read_text()
    job = yaml.safe_load(page.split("# .gitlab-ci.yml")[1].split("```")[0])["verify training"]
    curl = tmp_path / "curl"  # keeps what it is given, in place of a comment
    curl.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$CI_PROJECT_DIR/called"\n')
    curl.chmod(0o755)
    programs = (
        f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    environment = {
        **os.environ, **job["variables"], "PATH": programs, "COMMENTS": "token",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_JOB_STATUS": "failed",
        "CI_API_V4_URL": "https://example.org/api/v4", "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_DIR": str(tmp_path),
    }  # fmt: skip

    def run(lines):
        script = "\n".join(line for line in lines if not line.startswith("pip install"))
        return subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=environment).returncode

    assert run(job["script"]) == 1
    assert run(job["after_script"]) == 0  # writes the comment
    assert "differ because of the optimizer" in (folder / "answer.md").read_text()
    called = (tmp_path / "called").read_text().splitlines()
    assert called[-1] == "https://example.org/api/v4/projects/3/merge_requests/7/notes"
    assert "body@answer.md" in called


def test_the_page_of_the_walk_shows_the_job_and_the_change():
    text = walk.PAGE.read_text()
    assert walk.PICTURE.is_file()
    assert f"-x = ({walk.BEFORE})" in text and f"+x = ({walk.AFTER})" in text
    assert "\n::error file=train.py" in text


def test_the_hooks_name_commands_that_exist():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["whydiff-check", "whydiff-verify"]
    for hook in hooks:
        program, verb = hook["entry"].split()
        done = subprocess.run(
            [Path(sys.executable).with_name(program), verb, "--help"], capture_output=True
        )
        assert done.returncode == 0
