"""Walks from the README to a failing check with a comment, and writes the page of that walk.

    make_pull_request.py       writes docs/tutorial/pull_request.md and docs/images/pull_request.png

The steps of ``action.yml`` run here as a runner of GitHub runs them, on a repository that is made
for it; the comment goes into a file instead of to GitHub. ``tests/test_action.py`` does the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in ACTION["runs"]["steps"]}
PAGE = ROOT / "docs" / "tutorial" / "pull_request.md"
PICTURE = ROOT / "docs" / "images" / "pull_request.png"

TRAIN = """\
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(7)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")

model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, batch_size=64, validation_split=0.2, verbose=0)
"""
REQUIREMENTS = """\
jax
keras
scikit-learn
"""
#: what the pull request does besides what it says
BEFORE, AFTER = "x / 16.0", "x / 255.0"
#: the program that would write the comment: it keeps what it is given
GH = """#!/bin/sh
while [ "$1" != --body-file ]; do shift; done
cp "$2" "$RUNNER_TEMP/comment.md"
"""


@dataclass(frozen=True)
class Done:
    """What a step did; ``summary`` is the step summary of the job."""

    exit_code: int
    output: str
    errors: str
    outputs: dict[str, str]
    summary: str


def evaluated(text: str, given: dict[str, str]) -> str:
    """The few expressions that the action uses, as GitHub evaluates them: the first non-empty."""
    found = re.fullmatch(r"\$\{\{ (.+) \}\}", text)
    assert found, text
    names = found[1].split(" || ")
    unknown = [name for name in names if not re.fullmatch(r"(inputs|github|steps)\.[\w.]+", name)]
    assert not unknown, text
    return next((given[name] for name in names if given.get(name)), "")


def step(name: str, folder: Path, given: dict[str, str] | None = None, **inputs: str) -> Done:
    """Run one step of the action in ``folder``; ``given`` are values of other expressions."""
    values = {f"inputs.{k}": str(v["default"]) for k, v in ACTION["inputs"].items()}
    values |= {f"inputs.{k}": v for k, v in inputs.items()} | (given or {})
    runner = folder.parent / "runner"
    (runner / "bin").mkdir(parents=True, exist_ok=True)
    (runner / "bin" / "gh").write_text(GH)
    (runner / "bin" / "gh").chmod(0o755)
    places = {"GITHUB_OUTPUT": runner / "output", "GITHUB_STEP_SUMMARY": runner / "summary"}
    for path in places.values():
        path.write_text("")
    programs = (str(runner / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {
        **os.environ,
        **{k: evaluated(v, values) for k, v in STEPS[name]["env"].items()},
        **{k: str(v) for k, v in places.items()},
        "RUNNER_TEMP": str(runner),
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_REPOSITORY": "you/digits",
        "KERAS_BACKEND": "jax",
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join(programs),
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder, env=environment, text=True, capture_output=True,
    )  # fmt: skip
    lines = places["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    summary = places["GITHUB_STEP_SUMMARY"].read_text()
    return Done(done.returncode, done.stdout, done.stderr, outputs, summary)


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=You", "-c", "user.email=you@example.org")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def repository(folder: Path, text: str) -> str:
    """A repository with ``train.py`` and its lock; the revision that a pull request is against."""
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(text)
    whydiff = Path(sys.executable).with_name("whydiff")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [whydiff, "lock", "train.py"], cwd=folder, env=environment, check=True, capture_output=True
    )
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Train on digits")
    return git(folder, "rev-parse", "HEAD")


def commented(folder: Path, verified: Done) -> str:
    """The comment that the action would write."""
    given = {"steps.verify.outputs.markdown": verified.outputs["markdown"],
             "github.event.pull_request.number": "7"}  # fmt: skip
    done = step("comment", folder, given, token="-")
    assert done.exit_code == 0, done.errors
    return (folder.parent / "runner" / "comment.md").read_text()


def draw(comment: str, file: Path) -> None:
    """The comment as GitHub's Markdown renders it, in a browser."""
    from markdown_it import MarkdownIt
    from playwright.sync_api import sync_playwright

    body = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(comment)
    style = (
        "body{font:16px/1.5 sans-serif;width:880px;margin:0;padding:16px 24px;color:#1f2328}"
        "table{border-collapse:collapse;margin:12px 0}td,th{border:1px solid #d1d9e0;"
        "padding:6px 12px;text-align:left;vertical-align:top}code,pre{background:#f6f8fa;"
        "font-size:85%}pre{padding:12px}summary{cursor:pointer}"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--headless", "--no-sandbox", "--disable-gpu"],
        )
        tab = browser.new_page(viewport={"width": 928, "height": 200})
        tab.set_content(f"<meta charset=utf-8><style>{style}</style>{body}")
        tab.screenshot(path=file, full_page=True)
        browser.close()


def page(change: str, verified: Done) -> str:
    """The walk in words."""
    workflow = (ROOT / "docs" / "pull_requests.md").read_text()
    job = re.search(r"^  verify:\n(?:    .*\n)+", workflow, re.MULTILINE)
    assert job
    annotations = re.findall("^::(?:error|warning|notice) .*$", verified.output, re.MULTILINE)
    return f"""\
<!-- Written by docs/make_pull_request.py, which runs all of this: change it there. -->
# From the README to a comment on a pull request

A training is locked, somebody changes it, and the pull request says so: the check fails, and a
comment explains what the change did. Everything here was run; the comment went into a file.

## 1. Lock the training

A repository holds the training and what it needs:

```python
# train.py
{TRAIN.rstrip()}
```

```text
# requirements.txt
{REQUIREMENTS.rstrip()}
```

There, once:

```sh
export KERAS_BACKEND=jax
whydiff lock train.py
git add train.py requirements.txt train.lock train.lock.details
git commit -m "Lock the training"
```

## 2. Add the job

The steps of the action `whydiff/whydiff` are those of `action.yml`:

```yaml
# .github/workflows/whydiff.yml
on: pull_request
permissions: {{contents: read, pull-requests: write}}
jobs:
{job[0].rstrip()}
```

## 3. Somebody changes something

"Tidy up", says the pull request. One line of it does more:

```diff
{change}
```

## 4. The check fails

The job trains again, compares with the lock, and fails with exit code {verified.exit_code}. These
become annotations at the lines that they name:

```text
{chr(10).join(annotations)}
```

## 5. The comment explains it

`verify` then explains the training of the pull request against that of its base, and the job writes
the answer as a comment:

![The comment: another training, because of the training data](../images/pull_request.png)

Was the change meant? `whydiff lock train.py` renews the lock, and the review of the pull request
shows what changed in it. More on jobs, GitLab and pre-commit:
[Pull requests and CI](../pull_requests.md).
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "digits"
        base = repository(folder, TRAIN)
        (folder / "train.py").write_text(TRAIN.replace(BEFORE, AFTER))
        git(folder, "commit", "-qam", "Tidy up")
        change = git(folder, "diff", "-U1", base, "train.py")
        event = {"github.event.pull_request.base.sha": base}
        asked = {
            "scripts": "train.py",
            "require": "rounding",
            "budget": "1h",
        }  # may be a busy machine
        verified = step("verify", folder, event, **asked)
        comment = commented(folder, verified)
        if "Not explained" in comment:
            raise SystemExit(comment)
    PAGE.write_text(page(change, verified))
    draw(comment, PICTURE)
    from make_screenshots import small  # beside this script; tests load it from elsewhere

    PICTURE.write_bytes(small(PICTURE.read_bytes()))


if __name__ == "__main__":
    main()
