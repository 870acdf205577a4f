"""Values beside objects end with these, without any Python code that a signal could strike."""

import types
import weakref

import pytest

from whydiff.core.weakly import Weakly


class Thing:
    def __eq__(self, other):
        return True

    __hash__ = None


def test_a_value_ends_with_its_object():
    one, other, values = Thing(), Thing(), Weakly()
    values[one] = value = Thing()
    values[other] = 2
    assert values[one] is value and values.get(other) == 2 and list(values) == [one, other]
    ends = weakref.ref(value)
    del one, value
    assert ends() is None and len(values) == 1 and values.setdefault(other, 3) == 2
    assert values.pop(other) == 2 and other not in values


def test_nothing_of_python_runs_when_an_object_ends():
    thing, values = Thing(), Weakly()
    values[thing] = 1
    (reference,) = weakref.getweakrefs(thing)
    called = reference.__callback__
    assert isinstance(called.func, types.BuiltinMethodType)


def test_what_cannot_be_held_weakly_is_refused():
    with pytest.raises(TypeError):
        Weakly()[3] = 1
