"""Two projects whose modules, settings and files bear equal names are explained as if each stood in
one file: what one of them imports, sets or reads is never the other's."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from whydiff import explain
from whydiff.core.findings import CONFIRMED

#: Both parts of the program differ, so that hybrids mix the two programs in one process.
MODEL = """import keras


def make():
    layers = [keras.Input((3,)), keras.layers.Dense(4, activation="{activation}")]
    return keras.Sequential([*layers, keras.layers.Dense(2)])
"""
SETTINGS = "RATE = {rate}\n"
HEAD = "import keras\nimport numpy as np\n"
IMPORTS = "from model import make\nfrom settings import RATE\n"
DATA = 'x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")\n'
WORK = """{pad}keras.utils.set_random_seed(3)
{pad}{data}{pad}net = make()
{pad}net.compile(keras.optimizers.SGD({rate}), "mse")
{pad}net.fit(x, x[:, :2], batch_size=16, epochs=2, shuffle=False, verbose=0)
"""
VALUES = {"one": {"activation": "relu", "rate": 0.1}, "two": {"activation": "elu", "rate": 0.05}}


def work(rate="RATE", data=DATA, pad=""):
    return WORK.format(rate=rate, data=data, pad=pad)


TRAIN = HEAD + IMPORTS + work()
FILES = {"train.py": TRAIN, "model.py": MODEL, "settings.py": SETTINGS}


@dataclass(frozen=True)
class Case:
    """Files of each project, those of B alone, and what besides the two programs differs."""

    files: dict = field(default_factory=dict)
    only_b: dict = field(default_factory=dict)
    targets: tuple = ("one/train.py", "two/train.py")
    backends: tuple = ("jax", "tensorflow", "torch")
    causes: tuple = ("architecture", "optimizer")
    without: tuple = ()


ABSL = f"""from absl import app
{HEAD}from model import make
from settings import FLAGS


def main(argv):
{work("FLAGS.rate", pad="    ")}

if __name__ == "__main__":
    app.run(main)
"""
PARTS = {
    "train.py": HEAD + "from net.parts import make\nfrom net.numbers import RATE\n" + work(),
    "net/parts.py": MODEL.replace("import keras\n", "import keras\n\nfrom .numbers import RATE\n"),
    "net/numbers.py": SETTINGS,
}
OWN_LAYER = """import keras


@keras.saving.register_keras_serializable(package="mine")
class Scaled(keras.layers.Layer):
    def call(self, x):
        return keras.activations.{activation}(x) * 2


def make():
    layers = [keras.Input((3,)), keras.layers.Dense(4), Scaled()]
    return keras.Sequential([*layers, keras.layers.Dense(2)])
"""
BESIDE = "from pathlib import Path\n\n"
LOAD = 'x = np.load(Path(__file__).with_name("x.npy"))\n'
CLI = HEAD + "from .model import make\nfrom .settings import RATE\n\n\ndef main():\n" + work(
    pad="    "
) + '\n\nif __name__ == "__main__":\n    main()\n'  # fmt: skip
CASES = {
    "helpers": Case(),
    "packages": Case({**PARTS, "net/__init__.py": ""}, without=("model.py", "settings.py")),
    "namespace packages": Case(PARTS, without=("model.py", "settings.py")),
    "absl flags": Case({"train.py": ABSL, "settings.py": "from absl import flags\n\n"
                        'flags.DEFINE_float("rate", {rate}, "Learning rate.")\n'
                        "FLAGS = flags.FLAGS\n"}),
    "threads of torch": Case({"settings.py": "import torch\n\ntorch.set_num_threads(1)\n"
                              "torch.set_num_interop_threads(1)\n" + SETTINGS},
                             backends=("torch",)),
    "threads of tensorflow": Case({"settings.py": "import tensorflow as tf\n\n"
                                   "tf.config.threading.set_intra_op_parallelism_threads(1)\n"
                                   "tf.config.threading.set_inter_op_parallelism_threads(1)\n"
                                   + SETTINGS}, backends=("tensorflow",)),
    # over one device it changes no bit
    "distribution": Case(only_b={"settings.py": "import keras\n\n"
                                 "keras.distribution.set_distribution("
                                 "keras.distribution.DataParallel(devices=['cpu:0']))\n"
                                 + SETTINGS}, backends=("jax",)),
    "policy": Case(only_b={"settings.py": "import keras\n\n"
                           'keras.config.set_dtype_policy("mixed_bfloat16")\n' + SETTINGS},
                   causes=("architecture", "optimizer", "precision")),
    "environment": Case({"settings.py": "import os\n\n"
                         'os.environ.setdefault("NET_RATE", "{rate}")\n'
                         'RATE = float(os.environ["NET_RATE"])\n'}),
    "data beside": Case({"train.py": BESIDE + HEAD + IMPORTS + work(data=LOAD)},
                        causes=("architecture", "optimizer", "data-content")),
    "path": Case({"train.py": "import sys\n" + BESIDE
                  + 'sys.path.insert(0, str(Path(__file__).parent / "lib"))\n' + TRAIN,
                  "lib/model.py": MODEL}, without=("model.py",)),
    "folder": Case({"train.py": "import os\n" + BESIDE + "os.chdir(Path(__file__).parent)\n"
                    + HEAD + "from model import make\n\n"
                    'RATE = float(Path("rate.txt").read_text())\n'
                    + work(data='x = np.load("x.npy")\n'), "rate.txt": "{rate}"},
                   causes=("architecture", "optimizer", "data-content")),
    "module against script": Case({"cli.py": CLI, "__init__.py": ""},
                                  targets=("-m one.cli", "two/train.py")),
    "modules": Case({"cli.py": CLI, "__init__.py": ""}, targets=("-m one.cli", "-m two.cli")),
    "commands": Case({"cli.py": CLI, "__init__.py": ""}, targets=("train-one", "train-two")),
    "class of one name": Case({"model.py": OWN_LAYER}),
    "counter at import": Case({"model.py": MODEL.replace(
        "import keras\n", "import itertools\n\nimport keras\n\nnumbers = itertools.count()\n"
        ).replace("Dense(4,", 'Dense(4, name=f"first{{next(numbers)}}",')}),
}  # fmt: skip


@pytest.fixture
def projects(tmp_path, monkeypatch):
    """Writes both projects of a case into the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    commands = tmp_path / "both-1.0.dist-info"
    commands.mkdir()
    (commands / "METADATA").write_text("Metadata-Version: 2.1\nName: both\nVersion: 1.0\n")
    (commands / "entry_points.txt").write_text(
        "[console_scripts]\ntrain-one = one.cli:main\ntrain-two = two.cli:main\n"
    )

    def write(case):
        for number, name in enumerate(VALUES):
            files = {**FILES, **case.files, **(case.only_b if name == "two" else {})}
            for path, text in files.items():
                if path not in case.without:
                    file = tmp_path / name / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    fill = path not in ("train.py", "cli.py")
                    file.write_text(text.format(**VALUES[name]) if fill else text)
            x = np.random.default_rng(number).normal(size=(16, 3)).astype("float32")
            np.save(tmp_path / name / "x.npy", x)

    return write


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("case", "backend"),
    [
        pytest.param(case, backend, id=f"{name}-{backend}")
        for name, case in CASES.items()
        for backend in case.backends
    ],
)
def test_each_project_is_its_own(case, backend, projects, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    projects(case)
    before = sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)
    answer = explain(*case.targets)
    causes = {cause.source: cause.status for cause in answer.causes}
    assert causes == dict.fromkeys(case.causes, CONFIRMED), (causes, answer.notes)
    assert answer.reproduced and abs(answer.unexplained or 0.0) < 0.01, answer.notes
    after = sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)
    assert after == before
