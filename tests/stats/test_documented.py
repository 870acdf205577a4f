"""What docs/statistics.md says of the code is so."""

import re
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_the_example_runs_and_gives_what_it_says():
    text = DOC.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = code.strip().splitlines()
    names = {}
    exec("\n".join(lines[:-1]), names)
    statement, said = lines[-1].split("#")
    assert repr(eval(statement, names)) == said.strip().replace('"', "'")


def test_every_file_of_statistics_is_in_it():
    text = DOC.read_text(encoding="utf-8")
    for name in (
        "intervals", "effects", "flips", "probe_noise", "paired", "factors", "sequential",
    ):  # fmt: skip
        assert f"`{name}`" in text
        assert (DOC.parents[1] / "src" / "whydiff" / "stats" / f"{name}.py").exists()
