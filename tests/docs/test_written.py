"""No command of a page escapes the tests that run them."""

import importlib.util
import re
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(written)

SAMPLE = """\
`whydiff study` is a name, `whydiff explain OLD.py NEW.py` a form, `whydiff check train.py` whole.

```sh
A=1 whydiff lock train.py   # why
pip install x
pytest --whydiff-update
```

<!-- run: whydiff check a.py -->
```console
$ whydiff check a.py
1 finding
```
<!-- end -->

```yaml
        entry: whydiff verify train.py --require rounding
```
"""


def test_whole_commands_are_found_in_their_order(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(SAMPLE)
    assert written.commands(page) == [
        "whydiff check train.py",
        "A=1 whydiff lock train.py",
        "pytest --whydiff-update",
        "whydiff verify train.py --require rounding",
    ]
    assert written.marked(page) == ["whydiff check a.py"]


def test_settings_are_told_from_words():
    assert written.words_of("env A=1 whydiff lock x.py --fits=1") == (
        {"A": "1"},
        ["whydiff", "lock", "x.py", "--fits=1"],
    )
    assert written.words_of("A=1 B= pytest") == ({"A": "1", "B": ""}, ["pytest"])


@pytest.mark.parametrize("page", written.PAGES, ids=written.name)
def test_every_line_that_looks_like_a_command_is_run(page):
    text = written.TRANSCRIPTS.MARKED.sub("", page.read_text())
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if re.match(r"\s*(\$ )?whydiff [a-z]", line):
                assert line.strip().lstrip("$ ").partition(" #")[0].strip() in written.commands(
                    page
                )


def test_a_command_that_prints_nothing_has_a_transcript():
    part = written.TRANSCRIPTS.part
    assert part([], None, None) == []
    assert part(["a", "b", "c"], "b", "c") == ["b"]
