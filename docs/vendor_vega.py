"""Puts the Vega runtime into the package, from npm: pages are drawn by it and fetch nothing.

    docs/vendor_vega.py            needs npm; writes src/whydiff/report/assets/vega/

vega-interpreter is an ES module; it becomes a plain script here, so that a page needs no loader
and no `unsafe-eval` in its Content-Security-Policy.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "whydiff" / "report" / "assets" / "vega"
PACKAGES = {
    "vega@6.4.0": "build/vega.min.js",
    "vega-lite@6.4.3": "build/vega-lite.min.js",
    "vega-interpreter@2.3.2": "build/vega-interpreter.js",
}
IMPORT = re.compile(r"^import \{ (.+) \} from 'vega-util';$", re.MULTILINE)
EXPORT = re.compile(r"^export \{ expression as expressionInterpreter \};$", re.MULTILINE)

#: What vega.min.js has inside.
BUNDLED = re.compile(r"(d3-.+|topojson-client|delaunator|internmap|robust-predicates)$")


def licence(package: Path) -> str:
    found = [p for p in package.iterdir() if p.name.upper().startswith(("LICENSE", "LICENCE"))]
    return found[0].read_text().strip()


def plain_script(module: str) -> str:
    """The interpreter's module as a script that finds and leaves its names on `vega`."""
    text, imports = IMPORT.subn(r"const { \1 } = vega;", module)
    text, exports = EXPORT.subn("vega.expressionInterpreter = expression;", text)
    if (imports, exports) != (1, 1):
        raise SystemExit("vega-interpreter is built in another way now: mend this script")
    return "(function () {\n" + text.strip() + "\n})();\n"


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    versions = {}
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run([*command, "--prefix", folder, *PACKAGES], check=True)
        for package, build in PACKAGES.items():
            name, version = package.split("@")
            home = Path(folder) / "node_modules" / name
            text = (home / build).read_text()
            if name == "vega-interpreter":
                text = plain_script(text)
            text = re.sub(r"\n//# sourceMappingURL=.*", "", text)
            file = TARGET / Path(build).name
            file.write_text(text)
            shutil.copy(home / "LICENSE", TARGET / f"LICENSE.{name}")
            digest = hashlib.sha256(text.encode()).hexdigest()
            versions[file.name] = {"package": name, "version": version, "sha256": digest}
        bundled = sorted(
            p for p in (Path(folder) / "node_modules").iterdir() if BUNDLED.match(p.name)
        )
        texts = [f"{p.name}\n\n{licence(p)}\n" for p in bundled]
        (TARGET / "LICENSES.bundled").write_text(f"{'-' * 80}\n".join(texts))
    (TARGET / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
