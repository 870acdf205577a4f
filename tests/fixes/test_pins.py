"""A pin changes the line of the project that names the package, and no other."""

from pathlib import Path

import pytest

from whydiff.fixes.pins import pin, requirements

REQUIREMENTS = """\
# what we need
Keras[extra] >= 3.3, <4 ; python_version >= "3.10"  # the newest
keras-tuner==1.4.7
numpy
"""
PROJECT = """\
[project]
dependencies = [
    "keras-tuner",
    'tensorflow_cpu>=2.16',
    "keras>=3.3; python_version >= '3.10'",
    "numpy",
]
"""


def changed(name, text, *pins):
    """The lines that a pin takes out of a file and puts into it."""
    made = pin("import keras\n", pins, [(Path(name), text)], ["initialization"])
    assert made.packages == pins and made.source == "import keras\n"
    lines = made.patch.splitlines()[2:]
    return [line for line in lines if line[:1] in "+-"]


def test_a_line_of_requirements_keeps_its_extra_and_its_condition():
    assert changed("requirements.txt", REQUIREMENTS, "keras==3.12.1") == [
        '-Keras[extra] >= 3.3, <4 ; python_version >= "3.10"  # the newest',
        '+Keras[extra]==3.12.1 ; python_version >= "3.10"  # the newest',
    ]


def test_a_package_that_requirements_do_not_name_is_added():
    assert changed("requirements.txt", "numpy", "keras==3.12.1") == [
        "-numpy", "+numpy", "+keras==3.12.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("requirement", "before", "after"),
    [
        ("numpy==1.26.0", '"numpy",', '"numpy==1.26.0",'),
        ("tensorflow-cpu==2.18.0", "'tensorflow_cpu>=2.16',", "'tensorflow_cpu==2.18.0',"),
        ("keras-tuner==1.4.7", '"keras-tuner",', '"keras-tuner==1.4.7",'),
    ],
)
def test_a_dependency_of_a_project_is_pinned_in_its_quotes(requirement, before, after):
    assert changed("pyproject.toml", PROJECT, requirement) == [f"-    {before}", f"+    {after}"]


def test_a_condition_with_quotes_of_its_own_is_kept():
    assert changed("pyproject.toml", PROJECT, "keras==3.12.1") == [
        "-    \"keras>=3.3; python_version >= '3.10'\",",
        "+    \"keras==3.12.1; python_version >= '3.10'\",",
    ]


def test_a_project_that_does_not_name_the_package_is_left_alone():
    assert changed("pyproject.toml", PROJECT, "jax==0.4.38") == []


def test_only_a_list_of_requirements_is_changed():
    text = (
        '[project]\nkeywords = ["keras", "training"]\ndependencies = ["numpy", "keras[x]>=3"]\n'
        '[project.optional-dependencies]\njax = ["jax>=0.4"]\n[tool.mine]\nuses = ["torch"]\n'
    )
    before, after = changed("pyproject.toml", text, "keras==3.12.1")
    assert before == '-dependencies = ["numpy", "keras[x]>=3"]'
    assert after == '+dependencies = ["numpy", "keras[x]==3.12.1"]'
    assert changed("pyproject.toml", text, "jax==0.4.38")[1] == '+jax = ["jax==0.4.38"]'
    assert changed("pyproject.toml", text, "torch==2.13.0") == []
    assert requirements(Path("pyproject.toml"), text) == ["keras[x]>=3", "jax>=0.4"]


def test_a_lock_with_hashes_is_read_and_left_to_the_tool_that_makes_it():
    text = "keras==3.15.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n# via x\nnumpy==2.0\n"
    assert requirements(Path("requirements.txt"), text) == ["keras==3.15.1", "numpy==2.0"]
    assert changed("requirements.txt", text, "keras==3.12.1") == []
