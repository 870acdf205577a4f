"""Studies trained in parts by several processes, some of which are killed."""

import subprocess
import sys
from pathlib import Path

import pytest

import whydiff
from whydiff.storage import load_study
from whydiff.testing.studies import rows_of

SCRIPT = Path(__file__).parent.parent / "scripts" / "sharded_study.py"

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def jax(monkeypatch):
    """Children train with JAX."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def trained(folder, *words):
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_200_replicas_over_four_shards_with_two_killed_workers_equal_one_process(tmp_path):
    """50 blocks of four draws. What a killed worker had written stays, and counts once."""
    assert trained(tmp_path, "dies", "40", "2/4")[0] == -9
    assert trained(tmp_path, "dies", "2", "3/4")[0] == -9
    begun = {n: len(load_study(tmp_path / f"{n}.whydiff").kept) for n in (2, 3)}
    assert begun[3] == 1 and 16 < begun[2] < 40
    lost = whydiff.merge([tmp_path / f"{n}.whydiff" for n in (2, 3)], tmp_path / "lost.whydiff")
    assert lost.trained == begun[2] - 1 and set(range(4)) < set(lost.missing)
    assert "shards 1/4, 2/4, 3/4 and 4/4" in lost.notes[0]

    code, said = trained(tmp_path, "1/4", "4/4", "resume", "3/4", "resume", "2/4", "whole")
    assert code == 0, said
    parts = [tmp_path / f"{number}.whydiff" for number in (1, 2, 3, 4)]
    found = whydiff.merge(parts, tmp_path / "merged.whydiff")
    assert found.missing == () and found.trained == 201  # and the first block's replicate
    assert rows_of(tmp_path / "merged.whydiff") == rows_of(tmp_path / "whole.whydiff")
    assert len(found.processors) == 1 and found.engine == "fused"
    assert all(gate.passed for gate in found.gates)
