"""Says what is installed for a Python, as JSON. Run by that Python, so it imports nothing of ours.

``python -I inventory.py`` prints the version of Python and every distribution: its version, what
it requires, its folder, the files and folders there that are its own (``entries``), and whether it
comes from an index (not from a checkout or a local file).
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from importlib import metadata


def _files(distribution: metadata.Distribution) -> list[str]:
    """Its files within its folder; scripts beside Python are left out."""
    names = [str(file).replace("\\", "/") for file in distribution.files or ()]
    return [name for name in names if not name.startswith("..")]


def _tops(files: list[str]) -> set[str]:
    return {file.partition("/")[0] for file in files} - {"__pycache__"}


def main() -> None:
    """Print what is installed; of two distributions of one name the first on the path counts."""
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-").replace(".", "-"), distribution)
    files = {name: _files(distribution) for name, distribution in found.items()}
    owners = Counter(top for own in files.values() for top in _tops(own))
    described = {
        name: {
            "version": distribution.version,
            "requires": distribution.requires or [],
            "folder": str(distribution.locate_file("")),
            # A folder that several share (google/, nvidia/) is taken file by file.
            "entries": sorted({top for top in _tops(files[name]) if owners[top] == 1})
            + [file for file in files[name] if owners[file.partition("/")[0]] > 1],
            "indexed": distribution.read_text("direct_url.json") is None,
        }
        for name, distribution in found.items()
    }
    answer = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "distributions": described,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
