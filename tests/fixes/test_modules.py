"""What is proposed where the cause lies in a file that the script imports."""

import unittest
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.recording import SEEDING, Draw, Frame, Side
from whydiff.fixes import proposals
from whydiff.fixes.proposal import Difference

SCRIPT, MODULE = Path("/home/me/train.py"), Path("/home/me/loader.py")
TEXT = "import keras\nimport loader\n\nkeras.utils.set_random_seed(7)\nx = loader.load()\n"
LOADER = "import numpy as np\n\n\ndef load():\n    return np.random.default_rng().normal(size=9)\n"


def propose(sides, causes, text=TEXT, module=LOADER, ledger=()):
    a, _ = sides()
    execution = replace(a.execution, ledger=(*a.execution.ledger, *ledger))
    a = Side(execution, a.fit)
    b = Side(replace(execution, started="later"), a.fit)
    return proposals(SCRIPT, text, Difference("runs", a, b, [], causes), [(MODULE, module)])


def made_at(file, line=5, seed=None):
    stack = (Frame(str(SCRIPT), 5, "<module>"), Frame(str(file), line, "load"))
    return Draw(99, SEEDING, "numpy.random.default_rng", seed, seed is not None, stack)


def test_a_generator_of_a_module_gets_its_seed_there(sides):
    first = propose(sides, ["data-content"], ledger=[made_at(MODULE)])[0]
    assert first.source == TEXT, "the script stays as it is"
    assert [path for path, _ in first.changed] == [MODULE]
    assert "default_rng(0).normal" in first.changed[0][1]
    assert first.patch.startswith("--- a/loader.py\n") and "loader.py: line 5" in first.how


BOTH = (
    "import keras\n\n\ndef train():\n    for rate in (1, 2):\n"
    "        model = keras.Sequential()\n        model.fit()\n"
)


def test_two_fits_that_a_module_makes_are_seeded_there(sides):
    text = "import loader\n\nloader.train()\n"
    drawn, fit = (
        (Frame(str(SCRIPT), 3, "<module>"), Frame(str(MODULE), at, "train")) for at in (6, 7)
    )
    a, b = sides(draws=[[drawn], [drawn]], fits=[fit, fit])
    made_by = Difference("fits", a, b, [], ["initialization"])

    def changed(*modules):
        return [p.changed for p in proposals(SCRIPT, text, made_by, modules) if p.changed]

    broken, elsewhere = (Path("/home/me/old.py"), "print 1"), (Path("/home/me/b.py"), BOTH)
    (((path, source),), *_) = changed(broken, elsewhere, (MODULE, BOTH))
    assert path == MODULE
    assert "keras.utils.set_random_seed(0)\n        model = keras.Sequential()" in source
    assert changed(elsewhere) == changed((MODULE, "print 1")) == []


def test_a_library_that_runs_the_program_is_left_as_it_is(sides):
    main, text = Path(unittest.__file__).with_name("__main__.py"), "import sys\nmain(module=None)\n"
    test = "import keras\n\n\ndef test_it():\n    keras.Sequential().fit()\n"
    stack = (Frame(str(main), 2, "<module>"), Frame(str(MODULE), 5, "test_it"))
    a, _ = sides(draws=((stack,), ()), fits=(stack, ()))
    made_by = Difference("runs", a, a, [], ["initialization"])
    (found,) = proposals(main, text, made_by, [(MODULE, test)])
    assert found.source == text and found.patch.startswith("--- a/loader.py\n")
    assert proposals(main, text, made_by) == []


def test_a_script_without_a_seed_gets_one_with_it(sides):
    text = TEXT.replace("keras.utils.set_random_seed(7)\n", "")
    first = propose(sides, ["initialization", "data-content"], text)[0]
    assert "set_random_seed(0)" in first.source and first.changed
    assert "--- a/train.py" in first.patch and "--- a/loader.py" in first.patch


def test_a_module_is_left_alone_where_another_file_drew(sides):
    found = propose(sides, ["data-content"], ledger=[made_at("/home/me/other.py")])
    assert not any(p.changed for p in found)
    seeded = LOADER.replace("default_rng()", "default_rng(3)")
    assert not any(p.changed for p in propose(sides, ["data-content"], module=seeded))


def test_a_seed_below_what_draws_elsewhere_is_moved_above_it(sides):
    late = "import keras\nimport loader\n\nx = loader.load()\nkeras.utils.set_random_seed(7)\n"
    moved = propose(sides, ["data-content"], late, "import numpy\n")[0]
    lines = moved.source.splitlines()
    assert lines.index("keras.utils.set_random_seed(7)") < lines.index("x = loader.load()")


def test_a_test_is_seeded_where_it_begins(sides):
    text = "import keras\n\n\ndef build():\n    return 1\n\n\ndef test_it():\n    build().fit()\n"
    stack = (Frame(str(SCRIPT), 9, "test_it"),)
    a, _ = sides(draws=((stack,), ()), fits=(stack, ()))
    found = proposals(SCRIPT, text, Difference("runs", a, a, [], ["initialization"]))
    assert "def test_it():\n    keras.utils.set_random_seed(0)\n    build()" in found[0].source


def test_a_test_is_seeded_with_the_seed_that_its_file_has(sides):
    text = "import keras\n\nSEED = 3\n\n\ndef test_it():\n    keras.Sequential().fit()\n"
    stack = (Frame(str(SCRIPT), 7, "test_it"),)
    a, _ = sides(draws=((stack,), ()), fits=(stack, ()))
    found = proposals(SCRIPT, text, Difference("runs", a, a, [], ["initialization"]))
    assert "    keras.utils.set_random_seed(SEED)\n    keras.Sequential()" in found[0].source


def test_a_fixture_that_builds_the_model_seeds_it(sides):
    test = "class TestIt:\n    def test_fit(self, net):\n        net.fit()\n"
    fixture = (
        "import sys\n\nimport pytest\n\nsys.path.insert(0, '.')\nSEED = 3\n\n\n"
        "@pytest.fixture\ndef net():\n    return build()\n"
    )
    drawn = (Frame(str(MODULE), 11, "net"),)
    a, _ = sides(draws=((drawn,), ()), fits=((Frame(str(SCRIPT), 3, "TestIt.test_fit"),), ()))
    made_by = Difference("runs", a, a, [], ["initialization"])
    (path, source), *_ = proposals(SCRIPT, test, made_by, [(MODULE, fixture)])[0].changed
    assert path == MODULE
    assert "import keras\nimport pytest\n\nsys.path" in source
    assert "def net():\n    keras.utils.set_random_seed(SEED)\n    return" in source


def test_an_entry_point_is_left_alone_where_the_seed_is_given_to_what_it_calls(sides):
    entry = "import loader\n\n\ndef main():\n    loader.train(parsed().seed)\n"
    work = "import model\n\n\ndef train(seed):\n    model.build().fit()\n"
    outer = (Frame(str(SCRIPT), 5, "main"), Frame(str(MODULE), 5, "train"))
    drawn = (*outer, Frame("/home/me/model.py", 2, "build"))
    a, _ = sides(draws=((drawn,), ()), fits=(outer, ()))
    modules = [(Path("/home/me/old.py"), "print 1"), (Path("/home/me/model.py"), "import keras\n"),
               (MODULE, work)]  # fmt: skip
    first = proposals(SCRIPT, entry, Difference("runs", a, a, [], ["initialization"]), modules)[0]
    ((path, changed),) = first.changed
    assert path == MODULE and first.source == entry
    assert changed.startswith("import keras\nimport model\n")
    assert "def train(seed):\n    keras.utils.set_random_seed(seed)\n    model.build" in changed


WRAPPER = "import loader\n\n\ndef main():\n    loader.train()\n"
WORK = 'import model\n\n\ndef train():\n    """Train."""\n    model.build().fit()\n'
CONFIG = (Path("/home/me/config.py"), "EPOCHS = 2\nSEED = 7\n")


def of_one_training(sides, entry, *modules, work=True, fits=1):
    """What is proposed first for a training that a wrapper, or the script itself, makes."""
    outer = (Frame(str(SCRIPT), 5, "main"), *[Frame(str(MODULE), 6, "train")] * work)
    drawn = (*outer, Frame("/home/me/model.py", 2, "build"))
    a, _ = sides(draws=((drawn,), ()), fits=(outer, outer))
    a = Side(replace(a.execution, fits=a.execution.fits[:fits]), a.fit)
    made_by = Difference("runs", a, a, [], ["initialization"])
    return proposals(SCRIPT, entry, made_by, modules)[0]


def test_without_a_seed_anywhere_what_does_the_work_is_seeded_and_no_wrapper(sides):
    first = of_one_training(sides, WRAPPER, (MODULE, WORK))
    ((path, changed),) = first.changed
    assert path == MODULE and first.source == WRAPPER
    assert '"""Train."""\n    keras.utils.set_random_seed(0)\n    model.build' in changed
    assert "where train() begins" in first.how
    # Two trainings that go through it may be meant to differ.
    assert not of_one_training(sides, WRAPPER, (MODULE, WORK), fits=2).changed


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("from config import EPOCHS", "from config import EPOCHS, SEED|SEED"),
        ("from config import (\n    EPOCHS,\n)", "    EPOCHS, SEED,\n)|SEED"),
        ("from config import EPOCHS, SEED as S", "import EPOCHS, SEED as S|S"),
        ("import config", "import config\n|config.SEED"),
        ("from me import config as c", "import config as c\n|c.SEED"),
        ("import numpy", "from config import SEED\n|SEED"),  # as the other module does
    ],
)
def test_the_seed_of_another_file_of_the_project_is_used(sides, line, given):
    data = (MODULE, "from config import EPOCHS\n")
    text = f"import keras\n{line}\n\n\ndef main():\n    build().fit()\n"
    imported, seed = given.split("|")
    first = of_one_training(sides, text, CONFIG, data, work=False)
    assert imported in first.source and f"\nkeras.utils.set_random_seed({seed})\n" in first.source
    assert not first.changed and "SEED of config.py" in first.how
    other = (Path("/home/me/other.py"), "SEED = 8\n")  # which of the two?
    assert "seed(0)" in of_one_training(sides, text, CONFIG, other, work=False).source


def test_relative_imports_and_settings_hold_a_seed_too(sides):
    settings = "class Settings:\n    seed = 4\n\n\nsettings = Settings()\n"
    modules = (CONFIG[0], settings), (MODULE, WORK.replace("import model", "from . import config"))
    first = of_one_training(sides, WRAPPER, *modules)
    ((_, changed),) = first.changed
    assert "    keras.utils.set_random_seed(config.settings.seed)\n" in changed
    # What a class says may be another number in each of its instances.
    alone = (CONFIG[0], settings.partition("settings =")[0])
    ((_, changed),) = of_one_training(sides, WRAPPER, alone, modules[1]).changed
    assert "seed(0)" in changed


def test_a_seed_that_is_asked_for_is_used(sides):
    text = 'import keras\nseed = int(input("Seed? "))\nkeras.Sequential().fit()\n'
    stack = (Frame(str(SCRIPT), 3, "<module>"),)
    a, _ = sides(draws=((stack,), ()), fits=(stack, ()))
    first = proposals(SCRIPT, text, Difference("runs", a, a, [], ["initialization"]))[0]
    assert 'input("Seed? "))\nkeras.utils.set_random_seed(seed)\n' in first.source


UTILS = "import numpy as np\n\n\ndef set_seed(seed):\n    np.random.seed(seed)\n"
CALLS = "from utils import set_seed\n\nset_seed(5)\nmodel = build()\nmodel.fit(x)\n"


def test_a_helper_that_seeds_others_than_keras_is_completed(sides):
    module = Path("/home/me/utils.py")
    drawn = (Frame(str(SCRIPT), 4, "<module>"),)
    a, _ = sides(draws=((drawn,), ()), fits=((Frame(str(SCRIPT), 5, "<module>"),), ()))
    by = (Frame(str(SCRIPT), 3, "<module>"), Frame(str(module), 5, "set_seed"))
    seeding = Draw(0, SEEDING, "numpy.random.seed", 5, True, by)
    a = Side(replace(a.execution, ledger=(seeding, *a.execution.ledger)), a.fit)
    found = proposals(
        SCRIPT,
        CALLS,
        Difference("runs", a, a, [], ["initialization"]),
        [(Path("/home/me/old.py"), "print 1"), (module, UTILS)],
    )
    ((path, changed),) = found[0].changed
    assert path == module and found[0].source == CALLS
    assert changed == (
        "import keras\nimport numpy as np\n\n\ndef set_seed(seed):\n"
        "    keras.utils.set_random_seed(seed)\n    np.random.seed(seed)\n"
    )


def test_a_seed_that_is_imported_below_is_not_used_above(sides):
    text = (
        "import keras\n\nfolder = make()\n\nfrom config import EPOCHS\n\n\ndef main():\n    fit()\n"
    )
    data = (MODULE, "import numpy\n")
    assert "seed(0)" in of_one_training(sides, text, CONFIG, data, work=False).source


TRAINER = """import keras


class Trainer:
    def __init__(self, settings):
        self.settings = settings
        self.model = build()

    def data(self):
        return make(self.settings.run["seed"])

    def run(self):
        self.model.fit(self.data())
"""


def test_what_a_class_keeps_of_its_settings_seeds_it_where_it_builds(sides):
    entry = "import loader\n\nloader.Trainer(read()).run()\n"
    called = Frame(str(SCRIPT), 3, "<module>")
    drawn = (called, Frame(str(MODULE), 7, "Trainer.__init__"))
    fit = (called, Frame(str(MODULE), 13, "Trainer.run"))
    a, _ = sides(draws=((drawn,), ()), fits=(fit, fit))
    one = Side(replace(a.execution, fits=a.execution.fits[:1]), a.fit)

    def first(side, causes):
        return proposals(SCRIPT, entry, Difference("runs", side, side, [], causes),
                         [(MODULE, TRAINER)])[0]  # fmt: skip

    ((_, changed),) = first(one, ["initialization", "data-order"]).changed
    seeded = 'settings):\n        keras.utils.set_random_seed(settings.run["seed"])\n'
    assert seeded in changed
    # Data may be drawn before that, and a second trainer is not to be the first one's copy.
    for side, causes in ((one, ["initialization", "data-content"]), (a, ["initialization"])):
        assert not any("settings.run" in source for _, source in first(side, causes).changed)
