"""Which lines are the user's: libraries are recognised wherever they are installed."""

import json
import os
import sys
import types

from whydiff.core import stack
from whydiff.core.stack import in_library
from whydiff.runner.child.afresh import _users as users_module


def test_a_script_and_its_helpers_are_the_users(tmp_path):
    assert not in_library(str(tmp_path / "train.py"))
    assert not in_library(str(tmp_path / "project" / "src" / "net.py"))


def test_python_its_libraries_and_we_are_not(tmp_path):
    import numpy

    for file in (json.__file__, os.__file__, numpy.__file__, stack.__file__, "<frozen x>"):
        assert in_library(file), file


def test_an_environment_below_this_one_and_the_users_folder_hold_libraries():
    assert in_library("/opt/base/lib/python3.11/site-packages/keras/src/models/model.py")
    assert in_library("/home/me/.local/lib/python3.12/site-packages/keras/__init__.py")
    assert in_library("/usr/lib/python3/dist-packages/numpy/__init__.py")


def test_a_folder_that_pip_filled_holds_libraries(tmp_path, monkeypatch):
    about = tmp_path / "vendored" / "keras-3.9.dist-info"
    about.mkdir(parents=True)
    (about / "RECORD").write_text("keras/model.py,sha256=0,9\nsix.py,,\n")
    file = str(tmp_path / "vendored" / "keras" / "model.py")
    assert not in_library(file)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "vendored"), *sys.path])
    assert in_library(file) and in_library(str(tmp_path / "vendored" / "six.py"))
    assert not in_library(str(tmp_path / "vendored" / "train.py"))  # beside what it needs


def test_a_module_is_the_users_if_its_file_is(tmp_path):
    own, extension = types.ModuleType("own"), types.ModuleType("extension")
    own.__file__ = str(tmp_path / "own.py")
    extension.__file__ = str(tmp_path / "extension.so")  # cannot be loaded a second time
    assert users_module(own)
    assert not users_module(extension)
    assert not users_module(json) and not users_module(sys)
