"""Large arrays that processes of one verb share: each distinct one is a file of a folder, mapped
where it is used. So equal ones are on disk and in memory once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.repeated import is_compact

#: Smaller arrays stay where they are.
LEAST_BYTES = 1 << 20


class ArrayFolder:
    """Arrays by their digest, in files of their bytes in C order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def wants(array: np.ndarray) -> bool:
        """Whether an array is worth a file of its own."""
        plain = array.dtype.isnative and not array.dtype.hasobject and not is_compact(array)
        return plain and array.nbytes >= LEAST_BYTES

    def put(self, array: np.ndarray) -> str:
        """The digest of an array that is in the folder from now on. OSError on a full disk."""
        digest = tensor_digest(array)
        path = self._folder / digest
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{digest}.{os.getpid()}")
            try:
                unfinished.write_bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        return digest

    def get(self, digest: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """An array of the folder. What is written into it stays in this process."""
        path = self._folder / Path(digest).name
        return np.memmap(path, dtype, mode="c", shape=shape).view(np.ndarray)

    def kept(self, array: np.ndarray) -> np.ndarray:
        """The same values, in a file instead of memory where that is worth it and there is room."""
        if not self.wants(array):
            return array
        try:
            return self.get(self.put(array), array.dtype, array.shape)
        except OSError:
            return array
