import pytest
from click.testing import CliRunner

from whydiff.cli.compare import parse_settings
from whydiff.cli.group import main
from whydiff.core.errors import WhydiffError


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("import keras\n")
    return "train.py"


def run(*arguments):
    done = CliRunner().invoke(main, ["compare", *arguments])
    return done.exit_code, done.output


def test_settings_are_read_by_value():
    assert parse_settings(("optimizer=sgd,learning-rate=0.1", "batch-size=64"), "--set") == {
        "optimizer": "sgd", "learning-rate": 0.1, "batch-size": 64,
    }  # fmt: skip
    assert parse_settings(("shuffle=off",), "--set") == {"shuffle": False}
    assert parse_settings((), "--set") == {}


@pytest.mark.parametrize(
    "text, message",
    [
        ("optimiser=sgd", "--set does not know 'optimiser'; did you mean optimizer?"),
        ("batch-size=many", "--set batch-size=many: 'many' is no batch-size"),
        ("optimizer=adam,sgd", "--set optimizer has more than one value"),
        ("noise", "random sources are redrawn in every pair, not set"),
        ("sgd", "--set does not know 'sgd'"),
    ],
)
def test_settings_that_make_no_sense(text, message):
    with pytest.raises(WhydiffError) as error:
        parse_settings((text,), "--set")
    assert message in str(error.value)
    assert "--vary" not in str(error.value)


def test_nothing_that_differs_is_trouble(script):
    code, output = run(script)
    assert code == 2
    assert "A and B are both train.py: nothing differs" in output
    assert "--set optimizer=sgd" in output and "Traceback" not in output


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("absent.py",), "there is no script absent.py"),
        (("train.py", "absent.py"), "there is no script absent.py"),
        (("train.py", "--margin", "-1"), "--margin"),
        (("train.py", "--alpha", "0"), "--alpha"),
        (("train.py", "--max-pairs", "0"), "--max-pairs"),
        (("train.py", "--expect", "good"), "--expect"),
        (("train.py", "--b-args", "--lr '0.1"), "--b-args"),
        (("train.py", "train.py", "--json", "no/such/folder.json"), "no directory"),
        (("train.py", "--fits", "1,1"), "nothing differs"),
    ],
)
def test_trouble_names_the_word_and_exits_with_2(script, arguments, message):
    code, output = run(*arguments)
    assert code == 2 and message in output


def test_help_says_what_the_exit_codes_are():
    code, output = run("--help")
    assert code == 0
    for word in ("--margin", "--expect", "--set", "Exits with 0", "3 if the question is"):
        assert word in " ".join(output.split())
