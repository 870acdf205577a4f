"""Large arrays in files: equal values, one file, and memory where there is no room."""

import numpy as np
import pytest

from whydiff.storage.blobs import LEAST_BYTES, ArrayFolder

LARGE = np.random.default_rng(0).normal(size=(2, LEAST_BYTES // 8))


def test_equal_arrays_are_one_file_and_what_is_written_into_one_is_nobody_elses(tmp_path):
    one, other = (ArrayFolder(tmp_path / "arrays").kept(LARGE.copy()) for _ in range(2))
    assert len(list((tmp_path / "arrays").iterdir())) == 1
    one[0] = 0
    assert (other == LARGE).all()


@pytest.mark.parametrize(
    "array", [np.arange(3), np.broadcast_to(np.float64(0), LARGE.shape), np.array([None] * 2**18)]
)
def test_what_is_small_stays_in_memory(tmp_path, array):
    assert ArrayFolder(tmp_path / "arrays").kept(array) is array
    assert not (tmp_path / "arrays").exists()


def test_without_room_for_files_arrays_stay_in_memory(tmp_path):
    (tmp_path / "arrays").write_text("a file where the folder would be")
    assert ArrayFolder(tmp_path / "arrays").kept(LARGE) is LARGE
