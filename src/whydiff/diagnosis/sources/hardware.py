"""The hardware: processor, devices, threads, and variables that select kernels."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.backend import same_backend
from whydiff.diagnosis.sources.facts import PlainField, changes, compare_facts
from whydiff.diagnosis.sources.source import Source, differs

ID = "hardware"
FIX = "Run both on the same machine with the same thread counts and environment variables."

#: Mechanism: the model is spread over other devices.
SPREAD = "other-distribution"
#: Flags that one backend reads, and often sets by itself when it is imported.
_FLAGS_OF_BACKENDS = tuple(
    f"flags.{prefix}_" for prefix in ("TF", "JAX", "XLA", "TORCH", "PYTORCH")
)


def compare(a: Side, b: Side) -> Finding:
    """Compare the machine; each backend names devices and threads in its own way."""
    one, two = a.recipe.hardware, b.recipe.hardware
    if not same_backend(a.recipe, b.recipe):
        one, two = (
            {
                k: v
                for k, v in side.items()
                if not _of_backend(k) and (k in other or k.startswith("flags."))
            }
            for side, other in ((one, two), (two, one))
        )
    first = ("distribution", "cpu", "devices", "machine")
    finding = compare_facts(PlainField(ID, FIX, what="hardware facts", first=first), one, two)
    if finding.status == DIFFERS:
        return differs(ID, finding.evidence, FIX, mechanism=_mechanism(one, two))
    return finding


def _of_backend(key: str) -> bool:
    return key == "devices" or key.startswith(("threads.", *_FLAGS_OF_BACKENDS))


def _mechanism(one: Facts, two: Facts) -> str:
    keys = {c.key for c in changes(one, two)}
    if "distribution" in keys:
        return SPREAD
    if keys & {"cpu", "machine", "devices"}:
        return "other-device"
    if any("TF32" in k for k in keys):
        return "tf32"
    if any("thread" in k.lower() for k in keys) or "cores" in keys:
        return "thread-count"
    return "kernel-flags"


SOURCE = Source(
    id=ID,
    title="the machine, its threads and kernel flags",
    random=False,
    kind="environment",
    compare=compare,
    says=(
        "The processor and the devices, the number of threads, and the environment variables "
        "that select kernels."
    ),
    carried=(
        "Only with another process under the other settings. Another machine cannot be had "
        "there: `whydiff diff` reports it."
    ),
    looks_like="The last bits differ from the first steps on; the gap grows slowly.",
    fix=FIX,
)
