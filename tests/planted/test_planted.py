"""``whydiff explain`` on scripts with planted differences: it names these and nothing else.

A case is ``cases/NAME.py``; ``cases/answers.json`` says what it must show:

    identical  true where the two trainings agree bit for bit
    between    "fits", "runs" or "scripts"
    args       further arguments of ``explain``; ``{cases}`` stands for the folder of the cases
    backends   the only backends on which the case has this answer
    causes     sources that must be named; the first named must be one of them; [] where what
               differs changes nothing
    may        sources that may be named besides
    excluded   sources that must be ruled out by evidence
    whole      true where what is taken from B must give B, bit for bit

No answer tells of a fix, so the suite asks for none: each trial would run the script again. `make
thorough` asks as a person does; there each case runs on one backend, in turns, and with
``WHYDIFF_ALL_BACKENDS=1`` on all.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.testing import HANGS

CASES = Path(__file__).parent / "cases"
ANSWERS = json.loads((CASES / "answers.json").read_text())
BACKENDS = ("jax", "torch", "tensorflow")
ALL = os.environ.get("WHYDIFF_ALL_BACKENDS") == "1"

#: One of every source, and of every way in which fits come to be compared: these `make test` runs.
#: Those that start several processes do so where that takes least.
FIRST = {
    "counter_only": "torch",
    "custom_step_tf": "tensorflow",
    "early_stopping_patience": "jax",
    "frozen_layer": "torch",
    "hash_rows": "jax",
    "lazy_sequential_seed": "jax",
    "metrics_only": "torch",
    "python_generator": "tensorflow",
    "threads": "jax",
    "two_scripts": "jax",
    "two_scripts_helper": "jax",
    "weights_reset_only": "torch",
}

pytestmark = pytest.mark.long


def turns():
    """(case, backend, options of the command) of every test."""
    for position, (name, wanted) in enumerate(ANSWERS.items()):
        possible = [b for b in BACKENDS if b in wanted.get("backends", BACKENDS)]
        chosen = possible if ALL else [possible[position % len(possible)]]
        if name in FIRST:
            yield pytest.param(name, FIRST[name], ["--no-fix"], id=f"{name}-{FIRST[name]}")
        for backend in chosen:
            case = f"{name}-{backend}-fix"
            yield pytest.param(name, backend, [], id=case, marks=pytest.mark.thorough)


def explain(name, backend, folder, options):
    """The explanation that ``whydiff explain`` writes, and what it prints."""
    out = folder / "explanation.json"
    more = [argument.format(cases=CASES) for argument in ANSWERS[name].get("args", [])]
    command = "from whydiff.cli import main; main()"
    done = subprocess.run(
        [
            *(sys.executable, "-c", command, "explain", str(CASES / f"{name}.py")),
            *("--json", str(out), *options, *more),
        ],
        cwd=folder,
        env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANGS,
        check=False,
    )
    assert out.exists(), f"exit {done.returncode}: {done.stdout[-2000:]}"
    assert done.returncode == 0, done.stdout[-2000:]
    return json.loads(out.read_text())


def complaints(wanted, got):
    """Everything in which an explanation is not what the answer wants."""
    if wanted.get("identical"):
        return _complaints_identical(got)
    named = [cause["source"] for cause in got["causes"]]
    allowed = {*wanted["causes"], *wanted.get("may", ())}
    cleared = {entry["source"] for entry in got["excluded"]}
    checks = {
        "reported as identical": got["identical"],
        f"compared {got['compared']['between']}": got["compared"]["between"] != wanted["between"],
        "named nothing": bool(wanted["causes"]) and not named,
        "no first divergence": not got["first_divergence"],
        f"first cause {named[:1]}": bool(named) and named[0] not in allowed,
        f"accused {sorted(set(named) - allowed)}": not set(named) <= allowed,
    }
    left = got["unexplained"]
    checks[f"{left} unexplained"] = bool(wanted.get("whole")) and left != 0
    missed = set(wanted["causes"]) - set(named)
    checks[f"missed {sorted(missed)}"] = bool(missed)
    unproven = [c["source"] for c in got["causes"] if c["status"] != "confirmed"]
    checks[f"not confirmed {unproven}"] = bool(unproven)
    standing = set(wanted.get("excluded", ())) - cleared
    checks[f"not ruled out {sorted(standing)}"] = bool(standing)
    return [text for text, wrong in checks.items() if wrong]


def _complaints_identical(got):
    checks = {
        "reported as different": not got["identical"],
        "named causes": bool(got["causes"]),
        "has a first divergence": got["first_divergence"] is not None,
    }
    return [text for text, wrong in checks.items() if wrong]


@pytest.mark.parametrize(("name", "backend", "options"), list(turns()))
def test_names_what_was_planted(name, backend, options, tmp_path):
    got = explain(name, backend, tmp_path, options)
    causes = [f"{c['source']}: {c['detail']}" for c in got["causes"]]
    assert not complaints(ANSWERS[name], got), causes


def test_every_case_has_an_answer_and_a_script():
    """Scripts without an answer are only the other halves of pairs, and what they import."""
    scripts = {path.stem for path in CASES.glob("*.py")}
    assert set(ANSWERS) <= scripts
    text = " ".join(path.read_text() for path in CASES.glob("*.py"))
    assert all(other in text for other in scripts - set(ANSWERS))
