"""The machine that a replica was trained on: processor type, threads, versions, as plain facts."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def cpu_name() -> str:
    """The processor's type, as in ``AMD EPYC 7B13``."""
    try:
        with Path("/proc/cpuinfo").open() as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
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
