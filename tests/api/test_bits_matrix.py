"""Watching changes no bit, whatever is combined: kinds of data, of models, of trainings.

``tests/scripts/matrix.py`` makes trainings from lists. A sample of them, on another backend each
time, runs plainly and watched; pytest's header prints the seed that draws the same sample again.
``make thorough`` tries all on each.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.core.recording import Execution
from whydiff.storage import load

SCRIPT = Path(__file__).parent.parent / "scripts" / "matrix.py"
BACKENDS = ("jax", "tensorflow", "torch")
#: Combinations tried at every run of the suite.
SAMPLED = 2

_spec = importlib.util.spec_from_file_location("matrix", SCRIPT)
assert _spec is not None and _spec.loader is not None
matrix = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(matrix)


def printed(command: list[str], folder: Path, backend: str) -> list[str]:
    """What a command prints, a line per combination."""
    folder.mkdir()
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def plain_and_watched(chosen: list[str], folder: Path, backend: str) -> Execution:
    plain = printed([str(SCRIPT), *chosen], folder / "plain", backend)
    recording = folder / "watched.whydiff"
    watched = printed(
        ["-m", "whydiff", "record", str(SCRIPT), "-o", str(recording), "--", *chosen],
        folder / "watched", backend,
    )  # fmt: skip
    assert [line.split()[0] for line in plain] == chosen
    assert [line for line in watched if line.split()[:1] and line.split()[0] in chosen] == plain
    execution: Execution = load(recording)
    return execution


@pytest.mark.long
def test_a_sample_of_all_combinations(tmp_path):
    seed = int(os.environ["WHYDIFF_BITS_SEED"])
    backend = BACKENDS[seed % len(BACKENDS)]
    chosen = matrix.sample(backend, SAMPLED, seed)
    execution = plain_and_watched(chosen, tmp_path, backend)
    assert [fit.finished for fit in execution.fits] == [True] * len(chosen)


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("data", [data.__name__ for data in matrix.DATA])
@pytest.mark.parametrize("model", [model.__name__ for model in matrix.MODELS])
def test_every_combination(tmp_path, backend, data, model):
    chosen = [name for name in matrix.every(backend) if name.startswith(f"{data}/{model}/")]
    plain_and_watched(chosen, tmp_path, backend)


def test_a_sample_holds_every_entry_and_a_seed_draws_it_again():
    chosen = matrix.sample("jax", 15, seed=4)  # as many as the longest list has
    assert chosen == matrix.sample("jax", 15, seed=4) != matrix.sample("jax", 15, seed=5)
    for listed, found in zip(
        (matrix.DATA, matrix.MODELS, matrix.FEATURES),
        zip(*(name.split("/") for name in chosen), strict=True),
        strict=True,
    ):
        assert set(found) == {part.__name__ for part in listed}


def test_what_a_backend_cannot_do_is_left_out():
    assert not any("several_steps" in name for name in matrix.every("torch"))
    assert any("several_steps" in name for name in matrix.every("jax"))
    lists = {
        b: any(n.startswith("loader/lstm/several_out") for n in matrix.every(b)) for b in BACKENDS
    }
    assert lists == {"jax": True, "tensorflow": False, "torch": True}
