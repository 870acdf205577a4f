"""A second program in a process: nothing of the first one's, and everything back afterwards."""

import io
import os
import sys
from pathlib import Path

import pytest

from whydiff.runner.child.afresh import Start, afresh


def project(folder, rate):
    """A script's folder: settings read from the environment at import, helpers in a package."""
    (folder / "parts").mkdir(parents=True)
    (folder / "settings.py").write_text(
        f"import os\nRATE = float(os.environ.get('RATE', '{rate}'))\nCALLS = []\n"
    )
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "net.py").write_text("import settings\nrate = settings.RATE\n")
    return folder


def imported(folder):
    """What a script of that folder finds when it imports its helpers."""
    sys.path.insert(0, str(folder))
    import settings
    from parts import net

    return settings, net


@pytest.fixture
def first(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    start = Start()
    settings, net = imported(project(tmp_path / "a", 0.1))
    yield start, settings, net
    for name in ("settings", "parts", "parts.net"):
        sys.modules.pop(name, None)


def test_helpers_of_equal_names_are_the_second_programs_own(first, tmp_path):
    start, settings, net = first
    with afresh(start, dict(os.environ), str(tmp_path)):
        other, other_net = imported(project(tmp_path / "b", 0.2))
        other.CALLS.append(1)
    assert (other.RATE, other_net.rate) == (0.2, 0.2)
    assert other is not settings and settings.CALLS == []
    assert sys.modules["settings"] is settings and sys.modules["parts.net"] is net


def test_the_same_project_is_imported_anew_under_another_environment(first, tmp_path):
    start, settings, _ = first
    with afresh(start, {**os.environ, "RATE": "0.7"}, str(tmp_path)):
        other, _ = imported(tmp_path / "a")
        assert os.environ["RATE"] == "0.7"
    assert other.RATE == 0.7 and settings.RATE == 0.1
    assert "RATE" not in os.environ


def test_folder_arguments_path_and_streams_come_back(first, tmp_path):
    start, *_ = first
    before = Path.cwd(), list(sys.argv), list(sys.path), sys.stdout, sys.excepthook
    with afresh(start, dict(os.environ), str(tmp_path)):
        assert Path.cwd() == tmp_path
        assert str(tmp_path / "a") not in sys.path
        sys.argv[:] = ["train.py", "--lr", "1"]
        sys.stdout, sys.excepthook = io.StringIO(), print
    assert (Path.cwd(), sys.argv, sys.path, sys.stdout, sys.excepthook) == before


def test_what_pythonpath_names_comes_first_and_goes_again(first, tmp_path):
    start, *_ = first
    with afresh(start, {**os.environ, "PYTHONPATH": str(tmp_path / "lib")}, str(tmp_path)):
        assert sys.path[0] == str(tmp_path / "lib")
    assert str(tmp_path / "lib") not in sys.path


def test_libraries_are_not_imported_anew(first, tmp_path):
    import click
    import numpy as np

    start, *_ = first
    with afresh(start, dict(os.environ), str(tmp_path)):
        assert sys.modules["numpy"] is np and sys.modules["click"] is click
        import whydiff.core.recipe as recipe

        assert sys.modules["whydiff.core.recipe"] is recipe


def test_global_generators_go_on_where_they_were(first, tmp_path):
    import random

    import numpy as np

    start, *_ = first
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3)
    np.random.seed(3)
    with afresh(start, dict(os.environ), str(tmp_path)):
        random.seed(9)
        np.random.random(5)
    assert (random.random(), np.random.random()) == expected


def test_absl_flags_can_be_defined_and_parsed_again(first, tmp_path):
    from absl import flags

    start, *_ = first
    script = "from absl import flags\nflags.DEFINE_float('a_rate', {}, 'the rate')\n"
    (tmp_path / "a" / "options.py").write_text(script.format(0.1))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "options.py").write_text(script.format(0.2))
    import options  # noqa: F401

    flags.FLAGS(["train.py", "--a_rate", "0.5"])
    with afresh(start, dict(os.environ), str(tmp_path)):
        assert "a_rate" not in flags.FLAGS
        sys.path.insert(0, str(tmp_path / "c"))
        import options  # noqa: F401

        flags.FLAGS(["train.py"])
        assert flags.FLAGS.a_rate == 0.2
    assert flags.FLAGS.a_rate == 0.5
    delattr(flags.FLAGS, "a_rate")
    sys.modules.pop("options")


def test_a_start_method_may_be_chosen_once_more_if_it_is_the_same(first, tmp_path):
    import multiprocessing

    start, *_ = first
    current = multiprocessing.get_start_method()
    with afresh(start, dict(os.environ), str(tmp_path)):
        multiprocessing.set_start_method(current)
        with pytest.raises(RuntimeError):
            multiprocessing.set_start_method("spawn" if current != "spawn" else "fork")
