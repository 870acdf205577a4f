"""The lines that wrote into an array between two calls, of a script and of a notebook."""

import json
from dataclasses import replace

from whydiff.core.stack import Frame
from whydiff.experiments.explain.in_place import lines_written
from whydiff.testing.calls import call


def at(file, line, function="<module>"):
    return replace(call(1), stack=(Frame(str(file), line, function),))


def test_of_a_script(tmp_path):
    script = tmp_path / "serve.py"
    script.write_text("p = m.predict(x)\nx /= 255\nq = m.predict(x)\nr = m.predict(z)\n")
    assert lines_written(at(script, 1), at(script, 3)) == "serve.py:2: x /= 255"
    assert lines_written(at(script, 3), at(script, 1)) == "serve.py:2: x /= 255"
    assert lines_written(at(script, 1), at(script, 4)) == "", "another array"
    assert lines_written(at(script, 1), at(script, 3, "serve")) == "", "another function"
    assert lines_written(at(tmp_path / "gone.py", 1), at(tmp_path / "gone.py", 3)) == ""


def test_of_a_notebook(tmp_path):
    cells = ["import keras\nx = load()", "m.predict(x)", "y = 1\nx -= x.mean()", "m.predict(x)"]
    notebook = tmp_path / "demo.ipynb"
    notebook.write_text(
        json.dumps(
            {
                "cells": [{"cell_type": "code", "metadata": {}, "source": one} for one in cells],
                "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
            }
        )
    )  # fmt: skip
    calls = (at(f"{notebook} (cell {cell})", 1) for cell in (2, 4))
    assert lines_written(*calls) == "demo.ipynb (cell 3):2: x -= x.mean()"
