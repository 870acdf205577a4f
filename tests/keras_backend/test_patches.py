"""Changes of Keras are made as a whole or not at all."""

import pytest

from whydiff.keras_backend.patches import Patches, for_a_while, owner_of


class Base:
    def fit(self):
        return "fit"

    @staticmethod
    def plain():
        return "plain"


class Model(Base):
    pass


def test_undoing_puts_back_what_was_there_and_nothing_where_nothing_was():
    before, of_base = dict(vars(Model)), dict(vars(Base))
    patches = Patches()
    patches.replace(Base, "fit", lambda self: "first")
    patches.replace(Base, "fit", lambda self: "second")
    patches.replace(Base, "plain", lambda: "other")
    patches.replace(Model, "fit", lambda self: "of the model's own")
    assert Model().fit() == "of the model's own" and Base().fit() == "second"
    patches.undo()
    assert dict(vars(Model)) == before and dict(vars(Base)) == of_base
    assert Model().fit() == "fit" and Model.plain() == "plain"


def test_changes_for_a_while_end_with_an_error_too():
    with pytest.raises(KeyError), for_a_while() as patches:
        patches.replace(Base, "fit", None)
        raise KeyError
    assert Base().fit() == "fit"


def test_the_owner_is_the_class_that_defines_a_method():
    assert owner_of(Model, "fit") is Base
