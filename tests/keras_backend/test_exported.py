"""The variables of a loaded SavedModel that belong to those of a Keras model."""

from types import SimpleNamespace

from whydiff.keras_backend.tensorflow.exported import fitting


def loaded(*named):
    return SimpleNamespace(variables=[SimpleNamespace(name=n, shape=s) for n, s in named])


PATHS, SHAPES = ["net/a/kernel", "net/b/kernel"], [(2, 2), (2, 2)]


def test_variables_are_found_by_their_paths_in_any_order():
    given = loaded(("net/b/kernel:0", (2, 2)), ("seed:0", (2,)), ("net/a/kernel:0", (2, 2)))
    assert [v.name for v in fitting(PATHS, SHAPES, given)] == ["net/a/kernel:0", "net/b/kernel:0"]


def test_bare_names_stand_in_the_order_of_the_model():
    given = loaded(("kernel:0", (2, 2)), ("bias:0", (2,)), ("kernel:0", (2, 2)))
    assert fitting(PATHS, SHAPES, given) == [given.variables[0], given.variables[2]]


def test_what_has_not_all_of_them_is_of_another_model():
    assert fitting(PATHS, SHAPES, loaded(("net/a/kernel:0", (2, 2)))) == []
    assert fitting(PATHS, SHAPES, loaded(("kernel:0", (2, 2)), ("kernel:0", (2, 3)))) == []
    assert fitting(PATHS, SHAPES, SimpleNamespace()) == []


def test_the_variables_of_a_model_that_lists_none_are_those_that_its_signatures_read():
    known = loaded(("net/b/kernel:0", (2, 2)), ("net/a/kernel:0", (2, 2))).variables
    functions = {
        "serve": SimpleNamespace(variables=known),
        "other": SimpleNamespace(variables=known[:1]),
    }
    saved = SimpleNamespace(signatures=functions)
    assert fitting(PATHS, SHAPES, saved) == known[::-1]
