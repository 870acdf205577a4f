"""Real scripts, recorded without a changed bit and explained: one difference planted, or none.

The scripts of ``examples/real`` read ``SEED`` and one more variable from the environment. With
one seed and the other variable changed, the planted source must be named and nothing else;
without a seed two runs differ by everything that is drawn.

Each script runs on one backend, in turns; ``WHYDIFF_ALL_BACKENDS=1`` runs all on all.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REAL = ROOT / "examples" / "real"
HASHED = ROOT / "tests" / "scripts" / "hashed.py"
EVERYWHERE = ("jax", "tensorflow", "torch")
ALL = os.environ.get("WHYDIFF_ALL_BACKENDS") == "1"


@dataclass(frozen=True)
class Planted:
    """``change`` is set for B only; it must be explained by ``causes`` and by nothing else."""

    name: str
    change: str
    causes: set
    may: set = field(default_factory=set)
    backends: tuple = EVERYWHERE
    unseeded: set = field(default_factory=lambda: {"initialization"})


CORPUS = [
    Planted("image_augmentation", "LEARNING_RATE=0.03", {"optimizer"}),
    Planted("text_lstm", "BATCH_SIZE=30", {"batch-size"}),
    Planted("text_transformer", "DROPOUT=0.4", {"architecture"}),
    Planted("timeseries_forecasting", "ORDER_SEED=8", {"data-order"}),
    Planted("denoising_autoencoder", "NOISE_SEED=4", {"data-content"}),
    Planted("transfer_learning", "FINE_RATE=0.01", {"optimizer"}),
    Planted("custom_train_step", "SMOOTHING=0.0", {"mode"}),
    Planted("gan_two_optimizers", "G_RATE=0.01", {"optimizer"}, backends=("tensorflow", "torch")),
    Planted("hand_written_loop", "ORDER_SEED=6", {"data-order"}),
    Planted("pydataset_pipeline", "ORDER_SEED=12", {"data-order"}),
    Planted("siamese_contrastive", "MARGIN=0.5", {"objective"}),
    Planted("variational_autoencoder", "SAMPLING_SEED=7", {"noise"}),
    Planted("gan_by_hand", "G_RATE=0.01", {"optimizer"}, backends=("jax",)),
]


def turns():
    for position, planted in enumerate(CORPUS):
        possible = planted.backends
        chosen = possible if ALL else [possible[position % len(possible)]]
        for backend in chosen:
            yield pytest.param(planted, backend, id=f"{planted.name}-{backend}")


def run(arguments, backend, folder, **more):
    environment = {k: v for k, v in os.environ.items() if k != "SEED"}
    environment |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **more}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def whydiff(*arguments):
    return ["-c", "from whydiff.cli import main; main()", *arguments]


def explain(name, backend, folder, *arguments):
    out = folder / "explanation.json"
    run(
        whydiff("explain", REAL / f"{name}.py", "--json", out, *arguments),
        backend,
        folder,
    )
    return json.loads(out.read_text())


def hashes(text):
    return [line for line in text.splitlines() if line.startswith("HASH")]


@pytest.mark.thorough
@pytest.mark.parametrize(("planted", "backend"), list(turns()))
def test_recording_changes_no_bit(planted, backend, tmp_path):
    script = REAL / f"{planted.name}.py"
    plain = hashes(run([HASHED, script], backend, tmp_path, SEED="1"))
    watched = hashes(
        run(whydiff("record", HASHED, "-o", "a.whydiff", "--", script), backend, tmp_path, SEED="1")
    )
    assert plain == watched != []


@pytest.mark.thorough
@pytest.mark.parametrize(("planted", "backend"), list(turns()))
def test_what_was_planted_is_named_and_nothing_else(planted, backend, tmp_path):
    got = explain(
        *(planted.name, backend, tmp_path, "--runs"),
        *("--a-env", "SEED=1", "--b-env", "SEED=1", "--b-env", planted.change),
    )
    assert not got["identical"]
    causes = {cause["source"] for cause in got["causes"]}
    assert planted.causes <= causes <= planted.causes | planted.may, got["causes"]
    assert all(cause["status"] == "confirmed" for cause in got["causes"]), got["causes"]
    assert got["unexplained"] == 0.0


@pytest.mark.thorough
@pytest.mark.parametrize(("planted", "backend"), list(turns()))
def test_without_a_seed_the_draws_explain_everything(planted, backend, tmp_path):
    got = explain(planted.name, backend, tmp_path, "--runs")
    assert not got["identical"]
    causes = {cause["source"] for cause in got["causes"]}
    assert planted.unseeded <= causes <= {"initialization", "data-order", "noise", "data-content"}
    assert all(cause["status"] == "confirmed" for cause in got["causes"]), got["causes"]
    assert got["unexplained"] == 0.0


def test_every_script_of_the_corpus_is_here():
    assert {path.stem for path in REAL.glob("*.py")} == {planted.name for planted in CORPUS}
