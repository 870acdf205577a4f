"""The machine: processor, threads, versions and memory as plain facts, and another Python on it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whydiff.core.programs import UNWATCHED

#: What decides how many threads a numerical library uses; read when it is imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "PJRT_NPROC",  # JAX's on a CPU
)
#: Devices that are the processor itself, as the backends name it.
_PROCESSOR = ("", "cpu", "cpu cpu", "xla_cpu")


def started_processes() -> int:
    """How many processes this one started through multiprocessing, joblib's workers included."""
    module = sys.modules.get("multiprocessing.process")
    counter = re.fullmatch(r"count\((\d+)\)", repr(getattr(module, "_process_counter", None)))
    return int(counter[1]) - 1 if counter else 0


def unwatched_workers(started: int) -> str:
    """What a script that started so many processes is told, "" for none."""
    if not started:
        return ""
    return (
        f"The script started {started} worker process{'es' * (started > 1)}, {UNWATCHED}: a fit "
        "there (n_jobs=2, a pool) is in no answer. With n_jobs=1, or without the pool, it is."
    )


@functools.cache
def cpu_name() -> str:
    """The processor's type, as in ``AMD EPYC 7B13``. Looked up once: later nothing may be left to
    open a file with."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open() as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def thread_variables() -> dict[str, str]:
    """The thread variables that are set here."""
    return {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}


def machine_facts(
    hardware: Mapping[str, Any] | None = None, version: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What is kept of the machine with a replica; here without ``hardware`` of a recorded fit."""
    known = hardware or {"cpu": cpu_name(), "machine": platform.machine()}
    return {
        "hardware": dict(known),
        "version": dict(version or {"python": platform.python_version()}),
        "threads": thread_variables(),
    }


def processor(facts: Mapping[str, Any]) -> str:
    """The type of what computed, "" where it is not known: processor, and devices beside it."""
    hardware = facts.get("hardware", {})
    devices = [str(d) for d in hardware.get("devices", ()) if str(d).lower() not in _PROCESSOR]
    return ", ".join(part for part in (str(hardware.get("cpu", "")), *sorted(set(devices))) if part)


def same_processor(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether both have the same type of processor, as far as both are known."""
    one, two = a.get("hardware", {}), b.get("hardware", {})
    if "devices" in one and "devices" in two:
        return processor(a) == processor(b)
    return not (one.get("cpu") and two.get("cpu")) or one["cpu"] == two["cpu"]


def thread_count(facts: Mapping[str, Any]) -> str:
    """How threads were set, in words that two machines can be compared by."""
    hardware = facts.get("hardware", {})
    counts = {k: v for k, v in hardware.items() if str(k).startswith("threads.")}
    counts |= facts.get("threads", {})
    return ", ".join(f"{name}={value}" for name, value in sorted(counts.items()))


def versions(facts: Mapping[str, Any]) -> str:
    """Libraries with their versions, as in ``jax 0.10.2, keras 3.15.1``."""
    return ", ".join(f"{name} {value}" for name, value in sorted(facts.get("version", {}).items()))


_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int | None:
    """Bytes that programs can still have without swapping; None where the system does not say."""
    return _bytes_in(_MEMINFO, "MemAvailable:")


def _bytes_in(file: Path, name: str) -> int | None:
    """A number of the system's, which counts in KiB; None where it is not told."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    kilobytes = (line.split()[1] for line in lines if line.startswith(name))
    return next((1024 * int(number) for number in kilobytes), None)


#: Device files of accelerators: NVIDIA's, AMD's, TPUs, those of Windows below Linux.
_ACCELERATORS = ("nvidia[0-9]*", "kfd", "accel*", "dxg")
_DEVICES = Path("/dev")


def has_accelerator() -> bool:
    """Whether the system shows an accelerator that programs may use, as far as that is known."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    names = [name for name in _ACCELERATORS if not (hidden and name.startswith("nvidia"))]
    return any(True for name in names for _ in _DEVICES.glob(name))


def peak_of_children() -> int:
    """The most bytes that any process that we started, and that is over, held at a time."""
    import resource  # not on Windows, where no script is run

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def peak_of(process_id: int) -> int | None:
    """The most bytes that a living process held at a time; None where the system does not say."""
    return _bytes_in(Path(f"/proc/{process_id}/status"), "VmHWM:")


def return_freed_memory() -> None:
    """Let the system have what this process freed and its allocator holds back, where it can.

    glibc keeps what was freed in pieces of up to 32 MiB; others need no asking.
    """
    if sys.platform == "linux":
        with contextlib.suppress(Exception):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class Interpreter:
    """A Python other than the one whydiff runs in.

    ``name`` is what a person calls it: ``keras==3.10.0``, ``as of 2025-06-01``, a path.
    ``packages`` are the versions of what is installed there, by normalized name. ``lent`` are
    folders of packages that it lacks and the recorder needs, by the name they are imported by.
    """

    python: Path
    name: str
    packages: Mapping[str, str] = field(default_factory=dict)
    lent: Mapping[str, str] = field(default_factory=dict)

    def differing(self, other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Packages that are here in another version than in ``other``: (there, here) by name.

        "" stands for a package that is not installed.
        """
        names = sorted({*self.packages, *other})
        pairs = {name: (other.get(name, ""), self.packages.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
