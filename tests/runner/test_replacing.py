"""A script that starts itself anew by os.exec is followed; what else a process becomes is not."""

import sys
from dataclasses import replace

import pytest

import whydiff
from whydiff.runner.child.replacing import started_anew
from whydiff.runner.job import Job

JOB = Job("/p/train.py", ("--old",), "/tmp/a.whydiff")
MODULE = replace(JOB, script="/p/app/__main__.py", module="app.__main__")


@pytest.mark.parametrize(
    ("job", "words", "options", "expected"),
    [
        (JOB, ["/p/train.py", "--x", "1"], [], ("", ("--x", "1"))),
        (JOB, ["-u", "-X", "dev", "/p/train.py"], ["-u", "-X", "dev"], ("", ())),
        (MODULE, ["-m", "app", "-v"], [], ("app.__main__", ("-v",))),
        (MODULE, ["/p/app/__main__.py", "-v"], [], ("", ("-v",))),
    ],
)
def test_the_job_goes_on_with_the_new_arguments(job, words, options, expected):
    found, again = started_anew(job, job.script, words)
    assert found == options and (again.module, again.arguments) == expected
    assert again.force and again.output == job.output


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (JOB, ["/p/other.py"]),
        (JOB, ["-m", "train"]),
        (JOB, ["-c", "pass"]),
        (JOB, []),
        (MODULE, ["-m", "other"]),
    ],
)
def test_another_program_is_not_the_script(job, words):
    assert started_anew(job, job.script, words) is None


HEAD = """import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, *{words}])
"""
BODY = """
import keras
import numpy as np

SEED = 3
x = np.random.default_rng(SEED).normal(size=(16, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(x, x[:, :2], batch_size=16, shuffle=False, verbose=0)
"""


@pytest.mark.long
def test_a_script_that_fixes_its_hash_seed_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    (tmp_path / "train.py").write_text(HEAD.format(words="sys.argv") + BODY)
    found = whydiff.explain("train.py")
    assert [cause.source for cause in found.causes] == ["initialization"]
    assert found.remedy.verified and "+keras.utils.set_random_seed(SEED)" in found.remedy.patch
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_a_script_that_becomes_another_program_is_told_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = '["-c", "pass"]'
    (tmp_path / "train.py").write_text(HEAD.format(words=words))
    with pytest.raises(whydiff.WhydiffError) as error:
        whydiff.explain("train.py")
    assert "never imported Keras" in str(error.value)
    assert f"became another program by os.exec, {sys.executable}" in error.value.way_out
