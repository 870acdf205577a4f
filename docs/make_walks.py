"""Walks from a script to the trackers' pages and to a notebook, and writes a page of each walk.

    make_walks.py [trackers] [notebook]      both, if none is named

Everything on the pages is run here, with JAX: MLflow's page and TensorBoard are started and
photographed, the notebook is executed. uv fetches what only looking needs, MLflow's page and
nbconvert, into its cache.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import make_screenshots

ROOT = Path(__file__).resolve().parent.parent
PAGES, IMAGES = ROOT / "docs" / "tutorial", ROOT / "docs" / "images"
BIN = Path(sys.executable).parent
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking")  # fmt: skip
HEAD = "<!-- Written by docs/make_walks.py, which runs all of this: change it there. -->\n"
#: lines of a command's output that a page shows
MOST_LINES = 24
#: seconds until a server must answer
PATIENCE = 600

TRAIN = """\
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")

keras.utils.set_random_seed(7)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=64, validation_split=0.2, verbose=0)
"""
STORE = "sqlite:///runs.db"
STUDY = f"whydiff study train.py --blocks 4 --vary initialization --track mlflow:{STORE}"
COMPARE = "whydiff compare train.py --set optimizer=sgd --max-pairs 3 --track tensorboard:logs"

RUN_AGAIN = (
    "%%whydiff record\nhistory = model.fit(x, y, epochs=3, verbose=0)\n"
    'print(history.history["loss"][-1])'
)
CELLS = (
    "%load_ext whydiff",
    "import keras\nimport numpy as np\n\nkeras.utils.set_random_seed(1)\n"
    'x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")\n'
    "y = x[:, :1] * x[:, 1:2]\nmodel = keras.Sequential([keras.layers.Dense(16, "
    'activation="tanh"), keras.layers.Dense(1)])\nmodel.compile("adam", "mse")',
    RUN_AGAIN,
    RUN_AGAIN,
    "%whydiff explain 1 2",
)


def run(command: str, folder: Path) -> str:
    """What a command of a person's prints in ``folder``."""
    print(f"running: {command}", file=sys.stderr)
    environment = {
        **os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environment, text=True, stdout=subprocess.PIPE
    )
    if done.returncode not in (0, 3):  # 3: compare left it open
        raise SystemExit(f"{command} failed with exit code {done.returncode}")
    return done.stdout


def shown(command: str, output: str) -> str:
    """A command ("" for none to be seen) with the beginning of what it printed, as a block."""
    lines = output.rstrip().splitlines()
    kept = [*lines[:MOST_LINES], *(["..."] if len(lines) > MOST_LINES else [])]
    head = ["```console", f"$ {command}"] if command else ["```text"]
    return "\n".join([*head, *kept, "```"])


@contextlib.contextmanager
def server(words: list[str], port: int, folder: Path) -> Iterator[str]:
    """A server that answers at ``port`` of this machine, ended afterwards; its address."""
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{shlex.join(words)} does not answer at {address}")
            time.sleep(1)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def picture(name: str, address: str, ready: str, height: int, then: Callable[[Any], None]) -> None:
    """A picture of a page once the text ``ready`` is on it and ``then`` was done with it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("there is no Chromium: `make chromium` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tab = browser.new_page(viewport={"width": 1440, "height": height})
        tab.goto(address)
        tab.get_by_text(ready).first.wait_for(timeout=PATIENCE * 1000)
        then(tab)
        tab.wait_for_timeout(3000)  # charts are drawn and panels come in
        (IMAGES / f"{name}.png").write_bytes(make_screenshots.small(tab.screenshot()))
        browser.close()


def trackers() -> None:
    """The walk to MLflow's page and TensorBoard."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(TRAIN)
        studied = run(STUDY, folder)
        compared = run(COMPARE, folder)
        ids = _replicas(folder)
        asked = f"whydiff explain --runs-of mlflow:{STORE}#{ids[0]},{ids[1]}"
        explained = run(asked, folder)
        port = free_port()
        page = ["uv", "tool", "run", "--from", f"mlflow=={version('mlflow-skinny')}", "mlflow",
                "ui", "--backend-store-uri", STORE, "--workers", "1",
                "--port", str(port)]  # fmt: skip
        page[0] = str(BIN / "uv") if (BIN / "uv").exists() else "uv"
        with server(page, port, folder) as address:
            runs = f"{address}/#/experiments/{_experiment(folder)}/runs?compareRunsMode=CHART"
            picture("mlflow", runs, "study train.py", 620, _unfold)
        port = free_port()
        board = [sys.executable, "-m", "tensorboard.main", "--logdir", "logs", "--port", str(port)]
        with server(board, port, folder) as address:
            picture("tensorboard", f"{address}/#custom_scalars", "pair 0", 900, lambda tab: None)
    (PAGES / "trackers.md").write_text(f"""{HEAD}# From a script to MLflow's page and TensorBoard

One script, trained again with other seeds and compared with another optimizer; its runs are where
the team looks. Everything here was run, and the pages are photographed as they came up.

In a clone of whydiff, which is not released yet; MLflow's own package has the page, of which the
extra `mlflow` does without:

```sh
pip install '.[jax,mlflow,tensorboard]' scikit-learn mlflow
export KERAS_BACKEND=jax
```

Then, in a folder with the script:

```python
# train.py
{TRAIN.rstrip()}
```

## 1. A study, a run per replica

{shown(STUDY, studied)}

```sh
mlflow ui --backend-store-uri {STORE}
```

One run stands for the study, with the page as an artifact and the mean as a metric; below it lies
one for each replica, written as soon as it was trained:

![MLflow's page: the study's run and below it the replicas with their metrics](../images/mlflow.png)

## 2. A comparison, two runs per pair

{shown(COMPARE, compared)}

```sh
tensorboard --logdir logs
```

The tab *Custom Scalars* draws each metric of all pairs into one chart:

![TensorBoard: the metrics of A and B of three pairs in one chart each](../images/tensorboard.png)

## 3. Why two of the runs differ

`whydiff explain --runs-of mlflow:{STORE}#RUN_A,RUN_B`, with the ids of two replicas as MLflow's
page shows them, prints

{shown("", explained)}

More on addresses, other trackers and `whydiff.autolog()`: [Experiment trackers](../trackers.md).
""")


def _experiment(folder: Path) -> str:
    from mlflow.tracking import MlflowClient

    found = MlflowClient(f"sqlite:///{folder}/runs.db").get_experiment_by_name("whydiff")
    assert found is not None
    return str(found.experiment_id)


def _replicas(folder: Path) -> list[str]:
    """The ids of two replicas that were drawn."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/runs.db")
    runs = client.search_runs([_experiment(folder)], "tags.`whydiff.kind` = 'draw'")
    by_name = sorted(runs, key=lambda run: str(run.info.run_name))
    return [str(run.info.run_id) for run in by_name[:2]]


def _unfold(tab: Any) -> None:
    """MLflow's table with the replicas below the study, without its assistant beside it."""
    with contextlib.suppress(Exception):  # other versions show none
        tab.get_by_role("button", name="Close").first.click(timeout=5000)
    row = tab.get_by_role("row").filter(has_text="study train.py")
    row.get_by_role("button").first.click()
    tab.get_by_text("replica 1").first.wait_for()
    tab.wait_for_timeout(8000)


def notebook() -> None:
    """The walk to a notebook."""
    from nbclient import NotebookClient

    nbformat: Any = importlib.import_module("nbformat")  # its functions have no types
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    made = nbformat.v4.new_notebook(cells=cells)
    os.environ.update(KERAS_BACKEND="jax", TF_CPP_MIN_LOG_LEVEL="3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        NotebookClient(made, timeout=600, resources={"metadata": {"path": name}}).execute()
        for cell in made.cells:  # without what TensorFlow logs as Keras imports it
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        file = folder / "walk.ipynb"
        nbformat.write(made, file)
        uv = str(BIN / "uv") if (BIN / "uv").exists() else "uv"
        run(f"{uv} tool run --from nbconvert jupyter-nbconvert --to html walk.ipynb", folder)
        picture(
            "notebook", (folder / "walk.html").as_uri(), "whydiff 1", 1150,
            lambda tab: tab.evaluate("window.scrollTo(0, 0)"),
        )  # fmt: skip
        size = file.stat().st_size
    printed = [_text(cell) for cell in made.cells]
    blocks = "\n\n".join(
        f"```ipython\n{cell.source}\n```" + (f"\n\n```text\n{text}\n```" if text else "")
        for cell, text in zip(made.cells, printed, strict=True)
    )
    (PAGES / "notebook.md").write_text(f"""{HEAD}# To a notebook: a cell that was run again

Two numbers that ought to agree and do not, in the commonest way that notebooks have for it: the
same cell ran twice. All cells were executed; below each is what it printed, of the answer its text.

In a clone of whydiff, which is not released yet:

```sh
pip install '.[jax,notebook]' jupyterlab
KERAS_BACKEND=jax jupyter lab
```

{blocks}

The answer shows its page in the notebook:

![The notebook as executed, with the answer's page below the last cell](../images/notebook.png)

The notebook with it has {size / 1000:.0f} kB, so it can be committed. More:
[Notebooks](../notebooks.md).
""")


def _text(cell: Any) -> str:
    """What a cell printed, and the text of what it showed, without its colours."""
    parts = []
    for output in cell.outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        parts.append(re.sub("\x1b\\[[0-9;]*m", "", text).rstrip())
    return "\n".join(part for part in parts if part)


def main() -> None:
    walks = {"trackers": trackers, "notebook": notebook}
    for name in sys.argv[1:] or walks:
        walks[name]()


if __name__ == "__main__":
    main()
