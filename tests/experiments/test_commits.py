"""Causes between two revisions: the changed line that says it, and the commit that changed it."""

import subprocess

import pytest

from whydiff import explain
from whydiff.core.findings import SUSPECTED, Cause
from whydiff.experiments.explain.lines import Program, Revisions, _paired, located, located_in
from whydiff.runner.history import commit_named, text_at
from whydiff.script_text.dataflow import deciding


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, capture_output=True, check=True)


def cause(source, detail, mechanism=""):
    return Cause(source, detail, SUSPECTED, "", "", mechanism=mechanism)


TRAINING = """rate = 0.001
epochs = 3
import split
x = load(split.fold, split.size)
model = build()
model.compile(SGD(rate))
model.fit(x, epochs=epochs, callbacks=split.log)
"""


@pytest.fixture
def project(tmp_path):
    git(tmp_path, "init", "-qb", "main")
    first = {"train.py": TRAINING, "split.py": "fold = 1\nsize = 8\nlog = 1\n"}
    steps = [
        ("Begin", first),
        ("Train faster", {"train.py": TRAINING.replace("0.001", "0.01")}),
        ("Split otherwise", {"split.py": "fold = 2\nsize = 8\nlog = 1\n"}),
        ("Log nothing", {"split.py": "fold = 2\nsize = 8\n"}),
    ]
    for number, (subject, files) in enumerate(steps):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
            git(tmp_path, "add", name)
        git(tmp_path, "commit", "-qm", subject)
        git(tmp_path, "tag", f"c{number}")
    return tmp_path


def program(texts, read=None, chance=False):
    """What the call of fit in train.py comes from."""
    line = next(n for n, text in enumerate(texts["train.py"].splitlines(), 1) if ".fit(" in text)
    fed, whole = (deciding(texts, "train.py", line, whole=one) for one in (False, True))
    return Program(fed, whole, read or {}, chance)


def told(project, a, b, *causes):
    ids = [revision and commit_named(project, revision).id for revision in (a, b)]
    programs = [
        program({name: text_at(project, id, name) for name in ("train.py", "split.py")})
        for id in ids
    ]
    return [c.detail for c in located_in(Revisions(project, *ids), causes, tuple(programs))]


def short(project, revision):
    return commit_named(project, revision).short


def test_the_line_and_its_commit_are_named(project):
    rate = cause("optimizer", "learning_rate: 0.001 vs. 0.01")
    expected = (
        f"learning_rate: 0.001 vs. 0.01 (train.py:1: rate = 0.001 vs. rate = 0.01; "
        f"commit {short(project, 'c1')} (Train faster))"
    )
    assert told(project, "c0", "c3", rate) == [expected]
    assert told(project, "c0", None, rate) == [expected]


def test_the_newer_side_may_be_a(project):
    rate = cause("optimizer", "learning_rate: 0.01 vs. 0.001")
    for newer in ("c3", None):
        (detail,) = told(project, newer, "c0", rate)
        assert detail.endswith(
            f"(train.py:1: rate = 0.01 vs. rate = 0.001; "
            f"commit {short(project, 'c1')} (Train faster))"
        )


def test_a_change_that_is_not_committed_is_called_so(project):
    (project / "train.py").write_text(TRAINING.replace("0.001", "0.5"))
    (detail,) = told(project, "c3", None, cause("optimizer", "learning_rate: 0.01 vs. 0.5"))
    assert detail.endswith("(train.py:1: rate = 0.01 vs. rate = 0.5; not committed yet)")


def test_the_only_change_explains_what_names_no_value(project):
    split = cause("data-content", "8 of 8 samples only in A")
    assert told(project, "c1", "c2", split) == [
        f"8 of 8 samples only in A (split.py:1: fold = 1 vs. fold = 2; "
        f"commit {short(project, 'c2')} (Split otherwise))"
    ]


def test_a_line_that_went_is_told_with_the_commit_that_removed_it(project):
    log = cause("measurement", "A logs more")
    assert told(project, "c2", "c3", log) == [
        f"A logs more (split.py:3: log = 1, only in A; commit {short(project, 'c3')} (Log nothing))"
    ]


@pytest.mark.parametrize(
    "left_alone",
    [
        cause("backend", "backend: jax vs. torch"),  # comes from around the program
        cause("initialization", "all 4 weight tensors differ"),  # chance needs no change
    ],
)
def test_nothing_is_said_where_no_line_says_it(project, left_alone):
    assert told(project, "c0", "c3", left_alone) == [left_alone.detail]


def test_chance_is_not_blamed_on_the_only_change(project):
    by_chance = cause("data-content", "other samples", "unseeded-split")
    assert told(project, "c0", "c1", by_chance) == ["other samples"]


def test_what_differs_beside_the_only_change_is_not_blamed_on_it(project):
    rate = cause("optimizer", "learning_rate: 0.001 vs. 0.01")
    backend = cause("backend", "backend: jax vs. torch")
    changed, from_outside = told(project, "c0", "c1", rate, backend)
    assert "Train faster" in changed and from_outside == backend.detail


def test_lines_on_the_way_are_candidates_where_none_says_it(project):
    (detail,) = told(project, "c0", "c3", cause("measurement", "A logs more"))
    first, second, third = (short(project, tag) for tag in ("c1", "c2", "c3"))
    assert detail == (
        f"A logs more (it may come from: split.py:1 in commit {second} (Split otherwise); "
        f"split.py:3 in commit {third} (Log nothing); train.py:1 in commit {first} (Train faster))"
    )


def test_what_says_another_cause_is_no_candidate(project):
    rate = cause("optimizer", "learning_rate: 0.001 vs. 0.01")
    said = told(project, "c0", "c3", rate, cause("measurement", "A logs more"))
    assert "Train faster" in said[0] and "Train faster" not in said[1]


def test_a_changed_line_among_new_ones_has_its_own_commit(project):
    text = TRAINING.replace("0.001", "0.01")
    (project / "train.py").write_text(f'"""Train."""\nseed = 1\n{text}')
    git(project, "commit", "-qam", "Describe")
    (detail,) = told(project, "c0", "HEAD", cause("optimizer", "learning_rate: 0.001 vs. 0.01"))
    assert detail.endswith(f"commit {short(project, 'c1')} (Train faster))")


def test_a_block_that_several_commits_wrote_is_blamed_on_none(project):
    for subject, old, new in (
        ("Rewrite", "model.compile(SGD(rate))\n", "model.compile(\n    RMSprop(0.5),\n)\n"),
        ("Clip", "    RMSprop(0.5),\n", "    RMSprop(\n        0.5, clipnorm=0.2\n    ),\n"),
    ):
        text = (project / "train.py").read_text()
        assert old in text
        (project / "train.py").write_text(text.replace(old, new))
        git(project, "commit", "-qam", subject)
    (detail,) = told(project, "c3", "HEAD", cause("optimizer", "class: SGD vs. RMSprop"))
    assert "Rewrite" in detail or "2 commits" in detail


def test_the_new_name_of_a_module_is_no_change(project):
    git(project, "mv", "split.py", "parts.py")
    text = (project / "train.py").read_text()
    (project / "train.py").write_text(text.replace("split", "parts"))
    git(project, "commit", "-qam", "Rename")
    (project / "parts.py").write_text("fold = 3\nsize = 8\n")
    git(project, "commit", "-qam", "Split again")
    ids = [commit_named(project, revision).id for revision in ("c3", "HEAD")]
    programs = [
        program({name: text_at(project, id, name) for name in ("train.py", module)})
        for id, module in zip(ids, ("split.py", "parts.py"), strict=True)
    ]
    data = cause("data-content", "other samples")
    (found,) = located_in(Revisions(project, *ids), [data], tuple(programs))
    assert found.detail == (
        "other samples (split.py:1: fold = 2 vs. parts.py:1: fold = 3; "
        f"commit {short(project, 'HEAD')} (Split again))"
    )


LOADING = """import json
import numpy as np
from prep import scaled
config = json.load(open("config.json"))
x = scaled(np.loadtxt("x.csv"))[: config["rows"]]
model.fit(x, x, epochs=3)
"""
PREP = "def scaled(x):\n    return x / x.max()\n\n\ndef shown(x):\n    return str(x)\n"
CONFIG = '{\n "rows": 8,\n "rate": 0.1\n}\n'


@pytest.fixture
def loading(tmp_path):
    """A project whose data come through a helper, a setting and a file; each is changed."""
    git(tmp_path, "init", "-qb", "main")
    files = {"train.py": LOADING, "prep.py": PREP, "config.json": CONFIG, "x.csv": "1\n2\n"}
    changes = [
        ("Begin", "train.py", "", ""),
        ("Show more", "prep.py", "str(x)", "repr(x)"),
        ("Train longer", "train.py", "epochs=3", "epochs=4"),
        ("Slow down", "config.json", "0.1", "0.2"),
        ("Scale otherwise", "prep.py", "x.max()", "x.std()"),
        ("Take more", "config.json", "8", "9"),
        ("Correct", "x.csv", "2", "3"),
    ]
    for number, (subject, name, old, new) in enumerate(changes):
        files[name] = files[name].replace(old, new) if old else files[name]
        for path, text in files.items():
            (tmp_path / path).write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", subject)
        git(tmp_path, "tag", f"c{number}")
    return tmp_path


def data_told(project, a, b, chance=False, source="data-content", said="other samples"):
    programs = []
    for revision in (a, b):
        git(project, "checkout", "-q", revision)
        texts = {name: (project / name).read_text() for name in ("train.py", "prep.py")}
        read = {name: (project / name).read_text() for name in ("x.csv", "config.json")}
        programs.append(program(texts, read, chance))
    ids = [commit_named(project, revision).id for revision in (a, b)]
    (found,) = located_in(Revisions(project, *ids), [cause(source, said)], tuple(programs))
    return found.detail.removeprefix(said).strip()


def test_of_many_changes_that_of_what_feeds_the_data_is_named(loading):
    assert data_told(loading, "c0", "c4") == (
        "(prep.py:2: return x / x.max() vs. return x / x.std(); "
        f"commit {short(loading, 'c4')} (Scale otherwise))"
    )


def test_a_setting_that_cuts_the_data_is_named_by_its_line(loading):
    assert data_told(loading, "c4", "c5") == (
        f'(config.json:2: "rows": 8 vs. "rows": 9; commit {short(loading, "c5")} (Take more))'
    )


def test_a_file_of_data_that_changed_is_named(loading):
    assert data_told(loading, "c5", "c6") == (
        f"(x.csv, which the script reads, changed; commit {short(loading, 'c6')} (Correct))"
    )


def test_several_changes_that_can_be_it_are_candidates(loading):
    assert data_told(loading, "c0", "c6") == (
        f"(it may come from: x.csv, which the script reads, changed; commit {short(loading, 'c6')} "
        f"(Correct); config.json:2 in commit {short(loading, 'c5')} (Take more); "
        f"prep.py:2 in commit {short(loading, 'c4')} (Scale otherwise))"
    )


def test_data_drawn_without_a_seed_are_blamed_on_no_change_alone(loading):
    assert "; chance, as the data are drawn without a seed)" in data_told(
        loading, "c0", "c4", chance=True
    )


def test_changes_that_feed_nothing_are_no_candidates(loading):
    assert data_told(loading, "c0", "c3") == ""


def test_of_changes_in_adjacent_lines_the_one_that_says_it_is_named(project):
    text = TRAINING.replace("0.001", "0.5").replace("epochs = 3", "epochs = 4")
    (project / "train.py").write_text(text)
    (detail,) = told(project, "c3", None, cause("optimizer", "learning_rate: 0.01 vs. 0.5"))
    assert detail.endswith("(train.py:1: rate = 0.01 vs. rate = 0.5; not committed yet)")


def test_words_alone_make_a_suspicion(loading):
    """A setting that no line of the program uses is changed by the very values of a cause."""
    said = data_told(loading, "c2", "c3", source="optimizer", said="learning_rate: 0.1 vs. 0.2")
    assert said == (
        '(suspected from the text: config.json:3: "rate": 0.1 vs. "rate": 0.2; '
        f"commit {short(loading, 'c3')} (Slow down))"
    )


def between_scripts(a, b, *causes):
    one, other = ({"train.py": text, "prep.py": PREP} for text in (a, b))
    texts = {("train.py", "train.py"): (a, b)}
    return [c.detail for c in located(texts, causes, (program(one), program(other)))]


USING = """import keras
import numpy as np
from prep import scaled
UNUSED = 0.1
rate = 0.1
keras.utils.set_random_seed(3)
x = scaled(np.loadtxt("x.csv"))
model = build()
model.compile(keras.optimizers.SGD(rate), "mse")
model.fit(x, x, epochs=3)
"""


def test_two_scripts_are_followed_like_two_revisions():
    rate = cause("optimizer", "learning_rate: 0.1 vs. 0.2")
    (used,) = between_scripts(USING, USING.replace("rate = 0.1", "rate = 0.2"), rate)
    assert used == f"{rate.detail} (train.py:5: rate = 0.1 vs. rate = 0.2)"
    (unused,) = between_scripts(USING, USING.replace("UNUSED = 0.1", "UNUSED = 0.2"), rate)
    assert "(suspected from the text: train.py:4: UNUSED = 0.1 vs. " in unused
    data = cause("data-content", "other samples")
    (scaled,) = between_scripts(USING, USING.replace("scaled(np", "abs(np"), data)
    assert scaled.startswith("other samples (train.py:7: x = scaled(")


def test_the_line_is_that_of_b_and_what_the_finding_names_is_not_repeated():
    changed = "# once more\n" + USING.replace("seed(3)", "seed(4)")
    seeds = "set_random_seed(3) in A and set_random_seed(4) in B"
    (detail,) = between_scripts(USING, changed, cause("initialization", seeds))
    assert "(train.py:7: keras.utils.set_random_seed(3) vs. " in detail
    set_in = "keras.utils.set_random_seed({}) (train.py:{})"
    seeds = f"{set_in.format(3, 6)} vs. {set_in.format(4, 7)}"
    assert between_scripts(USING, changed, cause("initialization", seeds)) == [seeds]


def test_of_two_lines_with_the_same_values_that_on_the_way_is_named():
    rate = cause("optimizer", "learning_rate: 0.1 vs. 0.2")
    (both,) = between_scripts(USING, USING.replace(" = 0.1", " = 0.2"), rate)
    assert both == f"{rate.detail} (train.py:5: rate = 0.1 vs. rate = 0.2)"


def test_a_seed_that_is_set_for_the_process_lies_on_the_way():
    seeds = cause("initialization", "set_random_seed(3) in A and set_random_seed(4) in B")
    (detail,) = between_scripts(USING, USING.replace("seed(3)", "seed(4)"), seeds)
    assert "suspected" not in detail and detail.endswith(
        "(train.py:6: keras.utils.set_random_seed(3) vs. keras.utils.set_random_seed(4))"
    )


LOOP = """import whydiff
import numpy as np
RATE = 0.1
SIZE = 8
data = np.loadtxt("x.csv")
optimizer = SGD(RATE)
def step(x):
    return model(x) * 2
with whydiff.watch(model, optimizer=optimizer) as loop:
    for start in range(0, 64, SIZE):
        loop.step(step, data[start : start + SIZE])
"""


@pytest.mark.parametrize(
    ("old", "new", "fed", "whole"),
    [("RATE = 0.1", "RATE = 0.2", False, True), ("SIZE = 8", "SIZE = 9", True, True),
     ("* 2", "* 3", False, True), ("x.csv", "y.csv", True, True),
     ("import numpy", "import  numpy", True, True)],
)  # fmt: skip
def test_a_loop_is_followed_from_where_it_is_watched(old, new, fed, whole):
    line = next(n for n, text in enumerate(LOOP.splitlines(), 1) if old in text)
    for all_of_it, expected in ((False, fed), (True, whole)):
        way = deciding({"train.py": LOOP.replace(old, new)}, "train.py", 9, whole=all_of_it)
        assert (("train.py", line) in way) == expected


def test_the_state_that_travels_through_a_step_is_no_data():
    text = LOOP.replace("loop.step(step, data", "loss, state = loop.step(step, state, data")
    text = text.replace("optimizer = SGD(RATE)", "state = SGD(RATE).variables")
    assert ("train.py", 3) not in deciding({"train.py": text}, "train.py", 9)
    assert ("train.py", 3) in deciding({"train.py": text}, "train.py", 9, whole=True)


SETTINGS_OF_A = "net:\n  activation: relu\n  units: 4\nseed: 3\n"
READING = """import keras
import numpy as np
import yaml
from prep import scaled
cfg = yaml.safe_load(open("cfg.yaml"))
x = scaled(np.loadtxt("x.csv"))
model = build(cfg["net"]["activation"])
model.fit(x, x, epochs=3)
"""


def test_settings_that_two_runs_read_are_looked_at_line_by_line():
    """A change that feeds the call is not said to be behind another cause."""
    a, b = SETTINGS_OF_A, SETTINGS_OF_A.replace("relu", "gelu")
    prep = PREP, PREP.replace("return", "return 2 *")
    causes = [cause("architecture", "activation of dense: relu vs. gelu"),
              cause("data-content", "other samples")]  # fmt: skip

    def said(texts):
        project = {"train.py": READING, "prep.py": PREP}
        programs = [program(project, {"cfg.yaml": digest}) for digest in ("1", "2")]
        return [c.detail for c in located(texts, causes, tuple(programs))]

    both = said({("prep.py", "prep.py"): prep, ("cfg.yaml", "cfg.yaml"): (a, b)})
    assert "(cfg.yaml:2: activation: relu vs. activation: gelu)" in both[0]
    assert "(prep.py:" in both[1]
    alone = said({("prep.py", "prep.py"): prep})
    assert alone[0] == "activation of dense: relu vs. gelu" and "(prep.py:" in alone[1]


def test_settings_are_paired_by_name_or_where_each_run_reads_one():
    a = {"same.yaml": "x: 1", "cfg.yaml": "x: 1", "a.yaml": "x: 1"}
    b = {"same.yaml": "x: 1", "cfg.yaml": "x: 2", "b.yaml": "x: 2"}
    assert [*_paired(a, b)] == [("cfg.yaml", "cfg.yaml"), ("a.yaml", "b.yaml")]
    assert [*_paired(a, {**b, "c.yaml": "x: 3"})] == [("cfg.yaml", "cfg.yaml")]


CONFIGURED = """import json
import sys

import keras
import numpy as np

with open(sys.argv[1]) as file:
    cfg = json.load(file)
keras.utils.set_random_seed(cfg["seed"])
x = np.ones((8, 2), "float32")
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(cfg["rate"]), "mse")
model.fit(x, x[:, :1], batch_size=8, verbose=0)
"""


@pytest.mark.long
def test_two_runs_with_settings_of_their_own_name_the_settings_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(CONFIGURED)
    for name, rate in {"a": 0.1, "b": 0.5}.items():
        (tmp_path / f"{name}.json").write_text(f'{{\n"seed": 3,\n"rate": {rate}\n}}\n')
    found = explain("train.py", a_arguments=["a.json"], b_arguments=["b.json"], fix=False)
    (only,) = found.causes
    assert only.source == "optimizer"
    assert only.detail.endswith('(a.json:3: "rate": 0.1 vs. b.json:3: "rate": 0.5)')
