"""Every way into a program, explained end to end: the fix is in the file that owns the cause, with
the script's own seed in it, so that another seed still gives another result."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff import compare, explain, load, record, study
from whydiff.core.findings import CONFIRMED

#: Draws data with the seed, and initial weights without.
WORK = """{pad}x = np.random.default_rng({seed}).normal(size=(16, 3)).astype("float32")
{pad}model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
{pad}model.compile("sgd", "mse")
{pad}model.fit(x, x[:, :2], batch_size=16, shuffle=False, verbose=0)
{pad}print(model.get_weights()[0].tobytes().hex())
"""
HEAD = "import keras\nimport numpy as np\n"


def work(seed="seed", pad="    "):
    return WORK.format(seed=seed, pad=pad)


CLICK = f"""import click
{HEAD}

@click.command()
@click.option("--seed", default=1)
def main(seed):
{work()}

if __name__ == "__main__":
    main()
"""
FIRE = f"""import fire
{HEAD}

def main(seed=1):
{work()}

if __name__ == "__main__":
    fire.Fire(main)
"""
ABSL = f"""{HEAD}from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_integer("seed", 1, "Seed.")


def main(argv):
{work("FLAGS.seed")}

if __name__ == "__main__":
    app.run(main)
"""
HYDRA = f"""import hydra
{HEAD}

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
{work("cfg.seed")}

if __name__ == "__main__":
    main()
"""
INPUT = f'{HEAD}\nseed = int(input("Seed? "))\n{work(pad="")}'
PACKAGE = {
    "src/proj/__init__.py": "",
    "src/proj/model.py": "import keras\n\n\ndef build():\n"
    "    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
    '    model.compile("sgd", "mse")\n    return model\n',
    "src/proj/train.py": "import numpy as np\n\nfrom .model import build\n\n\ndef train(seed):\n"
    '    x = np.random.default_rng(seed).normal(size=(16, 3)).astype("float32")\n'
    "    model = build()\n"
    "    model.fit(x, x[:, :2], batch_size=16, shuffle=False, verbose=0)\n"
    "    print(model.get_weights()[0].tobytes().hex())\n",
    "src/proj/cli.py": "import argparse\n\nfrom .train import train\n\n\ndef main():\n"
    "    parser = argparse.ArgumentParser()\n"
    '    parser.add_argument("--seed", type=int, default=1)\n'
    "    train(parser.parse_args().seed)\n\n\n"
    'if __name__ == "__main__":\n    main()\n',
    "installed/proj-1.0.dist-info/entry_points.txt": "[console_scripts]\n"
    "train-it = proj.cli:main\n",
    "installed/proj-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: proj\nVersion: 1.0\n",
}
#: name -> files, what is explained, how Python runs it with a seed, the fixed file, the line
WAYS = {
    "console script": (PACKAGE, "train-it", ["-m", "proj.cli", "--seed", "{}"],
                       "src/proj/train.py", "set_random_seed(seed)"),
    "click": ({"train.py": CLICK}, "train.py", ["train.py", "--seed", "{}"],
              "train.py", "set_random_seed(seed)"),
    "fire": ({"train.py": FIRE}, "train.py", ["train.py", "--seed", "{}"],
             "train.py", "set_random_seed(seed)"),
    "absl": ({"train.py": ABSL}, "train.py", ["train.py", "--seed", "{}"],
             "train.py", "set_random_seed(FLAGS.seed)"),
    "hydra": ({"train.py": HYDRA, "conf/config.yaml": "seed: 1\n"}, "train.py",
              ["train.py", "seed={}"], "train.py", "set_random_seed(cfg.seed)"),
    "module": (PACKAGE, "-m proj.cli", ["-m", "proj.cli", "--seed", "{}"],
               "src/proj/train.py", "set_random_seed(seed)"),
}  # fmt: skip


@pytest.fixture(params=["jax", "tensorflow", "torch"])
def backend(request, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", request.param)


@pytest.fixture
def project(backend, tmp_path, monkeypatch):
    """Writes files into the current folder, whose ``src`` Python looks into."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))

    def write(files):
        for name, text in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)

    return write


def fixed(answer):
    """The file that the verified fix changes, and the lines that it adds."""
    assert [(c.source, c.status) for c in answer.causes] == [("initialization", CONFIRMED)]
    assert answer.remedy.verified, answer.remedy.how
    (file,) = re.findall(r"^\+\+\+ b/(.+)$", answer.remedy.patch, re.MULTILINE)
    lines = answer.remedy.patch.splitlines()
    return file, [line[1:].strip() for line in lines if re.match(r"\+(?!\+\+ )", line)]


def printed(words, stdin=""):
    """The last line of a run."""
    done = subprocess.run([sys.executable, *words], input=stdin, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def apply(patch):
    subprocess.run(["git", "apply", "-"], input=patch, text=True, check=True)


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
def test_the_fix_uses_the_seed_that_the_program_has(way, project):
    files, target, words, owner, line = WAYS[way]
    project(files)
    before = sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)
    answer = explain(target)
    file, added = fixed(answer)
    assert file == owner and added[-1].endswith(line)
    after = sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)
    assert after == before
    apply(answer.remedy.patch)
    assert printed([w.format(1) for w in words]) != printed([w.format(2) for w in words])


@pytest.mark.thorough
def test_a_script_that_asks_for_its_seed(project, monkeypatch):
    project({"train.py": INPUT, "answer.txt": "1\n"})
    with Path("answer.txt").open() as answers:
        explained = subprocess.run(
            [sys.executable, "-m", "whydiff", "explain", "train.py", "--json", "answer.json"],
            stdin=answers, capture_output=True, text=True,
        )  # fmt: skip
    assert explained.returncode == 0, explained.stderr
    remedy = json.loads(Path("answer.json").read_text())["remedy"]
    assert remedy["verified"] and "+keras.utils.set_random_seed(seed)" in remedy["patch"]
    apply(remedy["patch"])
    assert printed(["train.py"], "1\n") != printed(["train.py"], "2\n")


@pytest.mark.thorough
def test_a_flaky_test_of_pytest(project):
    test = f"{HEAD}\nSEED = 1\n\n\ndef test_it():\n{work('SEED')}    assert False\n"
    project({"tests/test_model.py": test, "tests/conftest.py": ""})
    answer = explain("tests/test_model.py::test_it")
    file, added = fixed(answer)
    assert (file, added) == ("tests/test_model.py", ["keras.utils.set_random_seed(SEED)"])
    assert any("exited with 1" in note for note in answer.notes)
    apply(answer.remedy.patch)
    text, weights = Path(file).read_text(), []
    for seed in (1, 1, 2):
        Path(file).write_text(text.replace("SEED = 1", f"SEED = {seed}"))
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-s", file],
                              capture_output=True, text=True)  # fmt: skip
        weights += re.findall(r"^[0-9a-f]{48}$", done.stdout, re.MULTILINE)
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.thorough
def test_a_notebook(project):
    cells = [f"{HEAD}SEED = 1\n", work("SEED", pad="")]
    written = [
        {"cell_type": "code", "source": text, "outputs": [], "metadata": {}} for text in cells
    ]
    project({"train.ipynb": json.dumps({"cells": written, "nbformat": 4, "metadata": {}})})
    answer = explain("train.ipynb")
    assert [(c.source, c.status) for c in answer.causes] == [("initialization", CONFIRMED)]
    assert "train.ipynb (cell 2)" in answer.causes[0].detail
    assert answer.remedy.verified
    assert "--- a/train.ipynb (cell " in answer.remedy.patch
    assert "+keras.utils.set_random_seed(SEED)" in answer.remedy.patch
    assert [path.name for path in Path().iterdir()] == ["train.ipynb"]
    names = [f"train.ipynb (cell {number})" for number in (1, 2)]
    project({name: f"{text}\n" for name, text in zip(names, cells, strict=True)})
    apply(answer.remedy.patch)
    final = []
    for seed in (1, 1, 2):
        for cell, name in zip(written, names, strict=True):
            cell["source"] = Path(name).read_text().replace("SEED = 1", f"SEED = {seed}")
        project({"train.ipynb": json.dumps({"cells": written, "nbformat": 4, "metadata": {}})})
        record("train.ipynb", output="run.whydiff")
        final.append([tensor.digest for tensor in load("run.whydiff").fits[0].final])
    assert final[0] == final[1] != final[2]


@pytest.mark.long
@pytest.mark.parametrize("backend", ["jax"], indirect=True)
@pytest.mark.parametrize("named", ["-m proj.cli", "train-it", "train.ipynb"])
def test_what_is_explained_is_recorded_studied_and_compared_too(project, named):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = "from proj.train import train\ntrain(1)"
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    project({**PACKAGE, "train.ipynb": json.dumps(notebook)})
    assert record(named, output="a.whydiff").exit_code == 0
    assert len(load("a.whydiff").fits) == 1
    studied = study(named, blocks=2, output="study.whydiff")
    assert studied.script == named
    compared = compare(named, settings={"learning-rate": 0.5}, max_pairs=2, mode="min")
    assert compared.a.what.startswith(named) and len(compared.pairs) == 2
