"""The action for GitHub: its steps, run as GitHub runs them, on a repository made here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"]}
TRAIN = """
import keras
import numpy as np

keras.utils.set_random_seed(7)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.01), "mse")
model.fit(x, x[:, :1], epochs=1, verbose=0)
"""


def evaluated(text, inputs, event):
    """The few expressions that the action uses, as GitHub evaluates them."""
    base = r"( \|\| github\.event\.pull_request\.base\.sha)?"
    found = re.fullmatch(rf"\$\{{\{{ inputs\.(\w+){base} \}}\}}", text)
    assert found, text
    return inputs[found[1]] or (event if found[2] else "")


def step(name, folder, event="", **given):
    """Run one step; (exit code, stdout, outputs, step summary)."""
    inputs = {k: v["default"] for k, v in ACTION["inputs"].items()} | given
    runner = folder.parent / "runner"
    runner.mkdir(exist_ok=True)
    places = {"GITHUB_OUTPUT": runner / "output", "GITHUB_STEP_SUMMARY": runner / "summary"}
    for path in places.values():
        path.write_text("")
    environment = {
        **os.environ,
        **{k: evaluated(v, inputs, event) for k, v in STEPS[name]["env"].items()},
        **{k: str(v) for k, v in places.items()},
        "RUNNER_TEMP": str(runner),
        "GITHUB_WORKSPACE": str(folder),
        "KERAS_BACKEND": "jax",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder, env=environment, text=True, capture_output=True,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in places["GITHUB_OUTPUT"].read_text().splitlines())
    return done, outputs, places["GITHUB_STEP_SUMMARY"].read_text()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "with space").mkdir(parents=True)
    for name in ("train.py", "with space/more.py"):
        (folder / name).write_text(TRAIN.replace("keras.utils.set_random_seed(7)\n", ""))
    return folder


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def test_check_annotates_and_writes_summary_markdown_and_sarif(repository):
    done, outputs, summary = step("check", repository, scripts="train.py 'with space/more.py'")
    assert done.returncode == 1, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("::warning ")]
    assert [re.search("file=([^,]*)", line)[1] for line in commands] == [
        "train.py",
        "with space/more.py",
    ]
    assert summary.startswith("<!-- whydiff -->\n### ≠ 2 findings in 2 of 2 scripts.")
    assert Path(outputs["markdown"]).read_text() in summary
    results = json.loads(Path(outputs["sarif"]).read_text())["runs"][0]["results"]
    assert {r["ruleId"] for r in results} == {"WD101"}


@pytest.mark.parametrize(
    "evil", ["$(touch evil)", "`touch evil`", "; touch evil", "a.py & touch evil"]
)
def test_inputs_are_words_and_no_commands(repository, evil):
    done, _, _ = step("check", repository, scripts=evil)
    assert done.returncode == 2
    assert not (repository / "evil").exists()


def test_no_expression_stands_in_a_script():
    """GitHub puts expressions into a script as they are: a title could run there."""
    for one in ACTION["runs"]["steps"]:
        assert "${{" not in one["run"]


@pytest.mark.thorough
def test_a_lock_that_does_not_hold_is_explained_against_the_base(repository):
    (repository / "train.py").write_text(TRAIN)
    whydiff = Path(sys.executable).with_name("whydiff")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    subprocess.run([whydiff, "lock", "train.py"], cwd=repository, env=environment, check=True)
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Train")
    base = git(repository, "rev-parse", "HEAD")
    done, outputs, _ = step("verify", repository, base, scripts="train.py", require="bitwise")
    assert done.returncode == 0, done.stderr
    assert "bit-identical" in Path(outputs["markdown"]).read_text()

    (repository / "train.py").write_text(TRAIN.replace("SGD(0.01)", "SGD(0.02)"))
    done, outputs, summary = step("verify", repository, base, scripts="train.py")
    assert done.returncode == 1, done.stderr
    markdown = Path(outputs["markdown"]).read_text()
    assert markdown.count("<!-- whydiff -->") == 2
    assert "is different from the training that was locked" in markdown
    assert "differ because of the optimizer" in markdown
    assert summary.count("<!-- whydiff -->") == 2
    assert re.search(r"^::(error|notice) file=train\.py", done.stdout, re.MULTILINE)


def test_the_hooks_name_commands_that_exist():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["whydiff-check", "whydiff-verify"]
    for hook in hooks:
        program, verb = hook["entry"].split()
        done = subprocess.run(
            [Path(sys.executable).with_name(program), verb, "--help"], capture_output=True
        )
        assert done.returncode == 0
