"""Scripts with planted differences between uses of a model, explained in one process.

    python -m whydiff.testing.call_suite FOLDER ANSWERS.json [NAME ...]

runs every case of FOLDER one after the other, watched, and writes what ``explain`` would say of
one execution of each: hybrids of calls are single passes over the data, so no process is started.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.findings import Explanation
from whydiff.core.progress import Silent
from whydiff.diagnosis.calls.answer import all_agree
from whydiff.experiments.explain.calls import Site, independent_models, inside_one_run
from whydiff.storage import load


def explain_script(script: Path, folder: Path) -> Explanation:
    """What ``explain`` says of the calls in one execution of a script, which runs right here."""
    import keras

    from whydiff.recorder.score_hooks import watch_sklearn
    from whydiff.runner.in_process import _HOLDER, begin, wait
    from whydiff.runner.in_process_client import InProcessClient

    keras.config.set_dtype_policy("float32")
    recording = folder / f"{script.stem}.whydiff"
    session = begin(recording, name=script.name)
    if "sklearn.metrics" in script.read_text():
        import sklearn.metrics  # noqa: F401  # hooked where the script imports it

        watch_sklearn(_HOLDER)
    code = 1
    try:
        text = script.read_text()
        exec(compile(text, str(script), "exec"), {"__name__": "__main__"})
        code = 0
    finally:
        session.close(code)
        wait()
    client = InProcessClient(session.lives, recording, session.calls.lives)
    site = Site(client, load(recording), script.name, folder, recording)
    found = independent_models(site, Silent(), None) or inside_one_run(site, Silent(), None)
    return found or all_agree(site.execution, site.script, 1)


def explain_all(scripts: Sequence[Path]) -> dict[str, Any]:
    """Explanations by the script's name; a failure is a text in the place of one."""
    answers: dict[str, Any] = {}
    for script in scripts:
        with tempfile.TemporaryDirectory() as name:
            answers[script.stem] = _explained_in(Path(name), script)
    return answers


def _explained_in(folder: Path, script: Path) -> Any:
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return explain_script(script, folder).to_dict()
    except Exception:
        return traceback.format_exc()
    finally:
        os.chdir(here)


def wrong_with(answer: Mapping[str, Any] | str, wanted: Mapping[str, Any]) -> list[str]:
    """What of an answer is not as wanted.

    ``causes``: sources that must be confirmed, the first named among them; ``may``: sources that
    may be named besides; ``mechanism``: that of the first cause; ``mechanisms``: those of all;
    ``calls``: kinds compared; ``says``: what its detail must hold; ``excluded``: sources ruled
    out; ``identical``: nothing disagrees.
    """
    if isinstance(answer, str):
        return [answer]
    if wanted.get("identical"):
        return [] if answer["identical"] and not answer["causes"] else ["should be identical"]
    wrong = [] if not answer["identical"] else ["reported as identical"]
    kinds = sorted(answer["compared"][side].get("call", "?") for side in ("a", "b"))
    if "calls" in wanted and kinds != sorted(wanted["calls"]):
        wrong.append(f"compared {kinds}")
    named = [c["source"] for c in answer["causes"]]
    confirmed = {c["source"] for c in answer["causes"] if c["status"] == "confirmed"}
    wrong += [f"missed {s}" for s in wanted.get("causes", []) if s not in confirmed]
    allowed = {*wanted.get("causes", []), *wanted.get("may", [])}
    wrong += [f"accused {s}" for s in named if s not in allowed]
    if named and wanted.get("causes") and named[0] not in wanted["causes"]:
        wrong.append(f"first cause {named[0]}")
    first = answer["causes"][0] if answer["causes"] else {}
    if "mechanism" in wanted and first.get("mechanism") != wanted["mechanism"]:
        wrong.append(f"mechanism {first.get('mechanism')}")
    mechanisms = sorted(c.get("mechanism", "") for c in answer["causes"])
    if "mechanisms" in wanted and mechanisms != sorted(wanted["mechanisms"]):
        wrong.append(f"mechanisms {mechanisms}")
    if wanted.get("says", "") not in first.get("detail", ""):
        wrong.append(f"does not say {wanted['says']!r}")
    ruled_out = {x["source"] for x in answer["excluded"]}
    wrong += [f"not ruled out: {s}" for s in wanted.get("excluded", []) if s not in ruled_out]
    if not answer["reproduced"]:
        wrong.append("not reproduced")
    if answer["unexplained"] > 0.05:
        wrong.append(f"{answer['unexplained']:.0%} unexplained")
    shares = [c["share"] for c in answer["causes"] if c.get("share") is not None]
    if shares and abs(sum(shares) + answer["unexplained"] - 1.0) > 0.1:
        wrong.append(f"shares add up to {sum(shares):.3g}")
    if not answer["first_divergence"]:
        wrong.append("no first divergence")
    return wrong


def main(arguments: Sequence[str]) -> None:
    """Explain the cases of a folder and write the answers."""
    folder, out, names = Path(arguments[0]).resolve(), Path(arguments[1]).resolve(), arguments[2:]
    scripts = [p for p in sorted(folder.glob("*.py")) if not names or p.stem in names]
    out.write_text(json.dumps(explain_all(scripts), default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
