"""How to get this page again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff import __version__
from whydiff.core.study import Study
from whydiff.report.document import Block, Code, Section, Text

#: packages whose versions decide bits, as pip names them
PACKAGES = ("keras", "jax", "jaxlib", "tensorflow", "tensorflow-cpu", "torch", "numpy")


#: commands that train, and so depend on the backend
TRAINING = ("whydiff explain", "whydiff study", "whydiff compare", "whydiff record")


def with_page(command: str) -> str:
    """A command that asks something, with the page as what it writes."""
    try:
        words = shlex.split(command)
    except ValueError:  # not written by us: shown as it is
        return command
    cut = words.index("--") if "--" in words else len(words)
    return shlex.join([*words[:cut], "--html", "report.html", *words[cut:]])


def study_command(study: Study) -> str:
    """The command line that trains the same replicas again."""
    plan = study.plan
    words = ["whydiff", "study", study.script]
    factors = dict(plan.get("factors") or {})
    attributed = list(plan.get("attributed") or [])
    varied = [",".join(attributed)] if factors and attributed else []
    varied += [f"{name}={','.join(map(str, values))}" for name, values in factors.items()]
    for what in varied:
        words += ["--vary", what]
    words += ["--blocks", str(plan.get("blocks", 0)), "--seed", str(plan.get("seed", 0))]
    words += ["--metric", study.outcome.metric]
    return with_page(shlex.join(words))


def reproduce(commands: Sequence[str], evidence: Mapping[str, Any], name: str = "") -> Section:
    """The commands, with the versions that were installed then."""
    versions = {
        str(row["name"]): (row["a"], row["b"])
        for row in evidence.get("settings") or []
        if row.get("source") == "version"
    }
    pinned = [f"{p}=={versions[p][0]}" for p in PACKAGES if versions.get(p, (None,))[0]]
    backend = next(
        (r["a"] for r in evidence.get("settings") or [] if r.get("source") == "backend"), None
    )
    lines = []
    if pinned:
        lines.append(shlex.join(["pip", "install", f"whydiff=={__version__}", *pinned]))
    prefix = f"KERAS_BACKEND={backend} " if backend else ""
    lines += [
        prefix + command if command.startswith("whydiff explain") else command
        for command in commands
    ]
    if name:
        lines.append(shlex.join(["whydiff", "report", name, "--html", "report.html"]))
    blocks: list[Block] = [Code("\n".join(lines), "shell")] if lines else []
    if any(a != b for a, b in versions.values()):
        blocks.append(Text("A and B ran under other versions; these are A's.", "note"))
    if "python" in versions:
        blocks.append(Text(f"Python {versions['python'][0]}, whydiff {__version__}.", "note"))
    return Section("reproduce", "Make this page again", tuple(blocks))
