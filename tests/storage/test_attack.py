"""Single values of good files replaced by hostile ones: an answer or exit code 2, nothing else.

``make attack`` tries many more, as many as ``WHYDIFF_ATTACK`` says for each kind of file.
"""

import contextlib
import copy
import json
import os
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st

from whydiff.cli import main
from whydiff.cli.group import VERBS
from whydiff.cli.settings import COMMON, values
from whydiff.core.digests import text_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.plan import StoredReplica, draw_plan
from whydiff.core.replicas import Result
from whydiff.core.shards import Shard
from whydiff.core.visible import plain
from whydiff.experiments.lock.reference import reduced_lock
from whydiff.experiments.study.merging import extract_part
from whydiff.storage import StudyWriter, load_study
from whydiff.storage.lockfile import lock_texts, read_lock
from whydiff.storage.lockread import packed
from whydiff.testing import answers
from whydiff.testing.sides import a_side

COUNT = int(os.environ.get("WHYDIFF_ATTACK", "40"))
#: JSON texts, so that there is what Python would not write.
HOSTILE = (
    "null", "true", "0", "-1", "1e308", "1e999", "-1e999", "NaN", "1" + "0" * 400, "10" * 3000,
    "1000000000000000", '""', '"x"', '"\\ud800"', '"\\u001b[31m\\u202e"', '"NaN"', "[]", "[[]]",
    "[1, [2]]", "[null]", "{}", '{"a": {"b": []}}', '["a", 1]', "[" * 300 + "]" * 300, "-7.5",
)  # fmt: skip
MARK = "\u0000here"


def places(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in entries:
            yield from places(part, (*path, key))


def changed(value, path, text):
    """The JSON of ``value`` with ``text`` at that place."""
    top = [copy.deepcopy(value)]
    inner, last = top, 0
    for key in path:
        inner, last = inner[last], key
    inner[last] = MARK
    return json.dumps(top[0]).replace(json.dumps(MARK), text)


def tried(*words):
    """What a verb does, which answers or refuses and never fails otherwise."""
    done = CliRunner().invoke(main, [str(word) for word in words])
    finding = 1 if words[0] == "check" else 0
    assert done.exit_code in (0, finding, 2), (words, done.output[-500:])
    assert "Traceback" not in done.output and "\x1b" not in done.output
    assert done.exit_code != 2 or done.output.startswith("whydiff: ")
    return "refused" if done.exit_code == 2 else "answered"


def attack(test):
    """A test of so many examples; NumPy may overflow on the way to an infinite spread."""
    test = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")(test)
    relaxed = settings(
        max_examples=COUNT, derandomize=True, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return relaxed(given(data=st.data())(test))


ANSWERS = {
    made: json.loads(json.dumps(plain(getattr(answers, made)().to_dict())))
    for made in ("explanation", "diff", "study", "comparison", "bisection", "matrix", "runs")
}


@attack
def test_answers(tmp_path_factory, tally, data):
    folder = tmp_path_factory.getbasetemp()
    good = ANSWERS[data.draw(st.sampled_from(sorted(ANSWERS)))]
    place = data.draw(st.sampled_from(list(places(good))))
    (folder / "answer.json").write_text(changed(good, place, data.draw(st.sampled_from(HOSTILE))))
    outcome = tried("report", folder / "answer.json", "--html", folder / "page.html")
    tally["answers with a hostile value", outcome] += 1


@pytest.fixture(scope="module")
def lock():
    side = a_side()
    texts = lock_texts(reduced_lock(side.execution, Path("train.py"), {}, side.execution.fits))
    return [json.loads(text) for text in texts]


@attack
def test_locks(tmp_path_factory, lock, tally, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "train.py").write_text("import sys; sys.exit(7)\n")
    texts = [json.dumps(part) for part in lock]
    attacked = data.draw(st.sampled_from([0, 1]))
    place = data.draw(st.sampled_from(list(places(lock[attacked]))))
    texts[attacked] = changed(lock[attacked], place, data.draw(st.sampled_from(HOSTILE)))
    names_them = texts[0].replace(lock[0]["details"], text_digest(texts[1]))
    (folder / "a.lock").write_text(names_them)
    (folder / "a.lock.details").write_bytes(packed(texts[1]))
    try:
        lock_texts(read_lock(folder / "a.lock"))
        outcome = "answered"
    except WhydiffError as error:
        assert error.way_out and "a.lock" in str(error)
        outcome = "refused"
    tally["locks with a hostile value", outcome] += 1


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(path of a study, its bytes, its meta data by name, its columns of JSON)."""
    path = tmp_path_factory.mktemp("attack") / "a.whydiff"
    plan = draw_plan(("initialization", "data-order"), ("initialization", "data-order"), {}, 3, 0)
    meta = {
        "plan": plan.to_dict(), "metric": "loss", "script": "train.py", "chosen": "fit 1",
        "engine": "solo", "fit": {"backend": "jax", "number": 1}, "notes": ["a note"],
        "gates": {"own": [True, "bit for bit"], "streams": [True, "as planned"]},
        "refused": {"noise": "nothing draws it"}, "seconds": 1.5,
    }  # fmt: skip
    with StudyWriter.begin(path, meta) as writer:
        for member in plan.members:
            outputs = (np.full((4, 2), member.number, np.float32),)
            logs = ({"loss": 1.0 + member.number}, {"loss": 0.5 + member.number / 7})
            result = Result(member.replica, "solo", logs, outputs, f"{member.number:032x}", 0.1)
            writer.add([StoredReplica(member, result)])
    return path, path.read_bytes(), meta


def change_meta(path, meta, text, data):
    """Put ``text`` somewhere into the meta data of a study."""
    good = json.loads(json.dumps(meta))
    place = data.draw(st.sampled_from([p for p in places(good) if p]))
    value = changed(good[place[0]], place[1:], text)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE meta SET value = ? WHERE name = ?", (value, place[0]))
    connection.close()


@attack
def test_studies(study, tally, data):
    path, whole, meta = study
    bad = path.with_name("bad.whydiff")
    bad.write_bytes(whole)
    text = data.draw(st.sampled_from(HOSTILE))
    if data.draw(st.booleans()):
        change_meta(bad, meta, text, data)
    else:
        connection = sqlite3.connect(bad, isolation_level=None)
        table, column = data.draw(
            st.sampled_from(
                [("replica", c) for c in ("engine", "block", "kind", "redrawn", "seeds",
                                          "settings", "digest", "seconds", "failure")]
                + [("epoch", "logs"), ("epoch", "epoch")]
            )
        )  # fmt: skip
        logs = '{"loss": ' + text + "}" if column == "logs" else text
        few = " WHERE number = 2" * data.draw(st.booleans())
        with contextlib.suppress(sqlite3.Error):  # SQLite itself keeps some out of some columns
            connection.execute(f"UPDATE {table} SET {column} = ?{few}", (logs,))
        connection.close()
    page = bad.with_suffix(".html")
    outcome = tried("show", bad, "--json", "-")
    assert outcome == tried("report", bad, "--html", page)
    tally["studies with a hostile value", outcome] += 1


@pytest.fixture(scope="module")
def parts(study):
    """Two parts of the study."""
    path, _, meta = study
    paths = [path.with_name(f"part{number}.whydiff") for number in (1, 2)]
    for number, part in enumerate(paths, 1):
        stored = load_study(path)
        fit = {**meta["fit"], "own": "00", "identity": {"optimizer": "adam"}}
        stored = replace(stored, meta={**stored.meta, "fit": fit})
        extract_part(stored, Shard(number, 2), part)
    return paths


@attack
def test_parts_of_a_study(parts, tally, data):
    one, other = parts
    bad, merged = one.with_name("bad-part.whydiff"), one.with_name("merged.whydiff")
    bad.write_bytes(one.read_bytes())
    change_meta(bad, load_study(one).meta, data.draw(st.sampled_from(HOSTILE)), data)
    outcome = tried("merge", *data.draw(st.permutations([bad, other])), "-o", merged)
    assert merged.exists() == (outcome == "answered")
    merged.unlink(missing_ok=True)
    assert not list(one.parent.glob(".whydiff-*"))
    tally["parts of a study with a hostile value", outcome] += 1


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Title"], "metadata": {}},
        {"cell_type": "code", "source": ["!pip install keras\n", "import keras\n", "keras?"]},
        {"cell_type": "code", "source": "files = !ls\n%time model.fit(x)", "outputs": []},
    ],
    "metadata": {"language_info": {"name": "python"}}, "nbformat": 4,
}  # fmt: skip
MAGICS = (
    '"%%bash\\nls"',
    '"%%"',
    '"!"',
    '"?"',
    '"x = !"',
    '"(\\n!ls"',
    '"!ls\\n\\\\"',
    '"\\f%ls\\r!x"',
)


@attack
def test_notebooks(tmp_path_factory, tally, data):
    folder = tmp_path_factory.getbasetemp()
    place = data.draw(st.sampled_from(list(places(NOTEBOOK))))
    text = changed(NOTEBOOK, place, data.draw(st.sampled_from(HOSTILE + MAGICS)))
    cut = data.draw(st.integers(0, len(text))) if data.draw(st.booleans()) else len(text)
    (folder / "a.ipynb").write_text(text[:cut])
    outcome = tried("check", folder / "a.ipynb", "--json", "-")
    tally["notebooks with a hostile value, or cut off", outcome] += 1


@attack
def test_settings(tmp_path_factory, tally, data):
    folder = tmp_path_factory.getbasetemp()
    verb = data.draw(st.sampled_from(["explain", "study", "check", "show"]))
    table = data.draw(st.sampled_from(["tool", "tool.whydiff", f"tool.whydiff.{verb}"]))
    name = data.draw(st.sampled_from([*COMMON, "whydiff", verb, "blocks", "seed", "select"]))
    text = data.draw(
        st.sampled_from((*HOSTILE, "[" * 9000, "0x" + "f" * 5000, "07:32:00", "{a=[]}"))
    )
    (folder / "pyproject.toml").write_text(f"[{table}]\n{name} = {text}\n")
    command = main.get_command(click.Context(main), verb)
    try:
        values(verb, command, VERBS, folder)
        outcome = "answered"
    except WhydiffError as error:
        assert error.way_out and "pyproject.toml" in f"{error}{error.way_out}"
        outcome = "refused"
    finally:
        (folder / "pyproject.toml").unlink()
    tally["settings with a hostile value", outcome] += 1


LAMBDA = {
    "module": "keras", "class_name": "Sequential",
    "config": {"name": "s", "layers": [{
        "module": "keras.layers", "class_name": "Lambda",  # so that nothing is ever loaded
        "config": {"name": "x", "units": 2, "activation": {"class_name": "relu", "config": {}}},
        "build_config": {"input_shape": [None, 3]},
    }]},
    "compile_config": {"optimizer": {"class_name": "Adam", "config": {"rate": 0.1}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """(the file of a model whose code is not run, that of its weights)."""
    h5py = pytest.importorskip("h5py")
    folder = tmp_path_factory.mktemp("models")
    with h5py.File(folder / "a.weights.h5", "w") as file:
        file["layers/x/vars/0"] = np.ones((3, 2), np.float32)
        file["optimizer/vars/0"] = np.int64(3)
    saved(folder / "a.keras", json.dumps(LAMBDA), folder / "a.weights.h5")
    return folder / "a.keras", folder / "a.weights.h5"


def saved(path, config, weights):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config)
        archive.write(weights, "model.weights.h5")


@attack
def test_saved_models(model, tally, data):
    good, weights = model
    bad = good.with_name("bad.keras")
    kind = data.draw(st.sampled_from(["value", "bytes", "cut"]))
    if kind == "value":
        place = data.draw(st.sampled_from(list(places(LAMBDA))))
        saved(bad, changed(LAMBDA, place, data.draw(st.sampled_from(HOSTILE))), weights)
    else:
        whole = bytearray(good.read_bytes())
        at = data.draw(st.integers(0, len(whole) - 1))
        if kind == "bytes":
            whole[at] = data.draw(st.integers(0, 255))
        bad.write_bytes(whole if kind == "bytes" else whole[:at])
    outcome = tried("explain", good, bad)
    tally["saved models with a hostile value or byte", outcome] += 1


def test_the_attack_would_notice(study, monkeypatch):
    """Good files pass, and whatever else than a refusal comes is seen."""
    path, _, _ = study
    assert tried("show", path) == "answered"
    with pytest.raises(AssertionError):
        tried("diff", "--no-such-option")
