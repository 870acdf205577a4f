"""Which tensor of one model corresponds to which of another."""

from hypothesis import given, strategies as st

from whydiff.core.recipe import Tensor, align


def model(*layers):
    """Tensors of (path, shape) pairs."""
    return [Tensor(path, "trainable", shape, "float32", "0" * 32) for path, shape in layers]


def dense(name, inputs, units):
    return [(f"{name}/kernel", (inputs, units)), (f"{name}/bias", (units,))]


def paths(a, b):
    return [(a[i].path, b[j].path) for i, j in align(a, b)]


models = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([(2,), (3,), (2, 3)])), max_size=8
).map(lambda layers: model(*layers))


@given(models, models)
def test_pairs_agree_in_shape_are_sorted_and_use_no_tensor_twice(a, b):
    pairs = align(a, b)
    assert all(a[i].shape == b[j].shape for i, j in pairs)
    assert pairs == sorted(pairs)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


@given(models)
def test_a_model_corresponds_to_itself(a):
    assert align(a, a) == [(i, i) for i in range(len(a))]


@given(models, models)
def test_equal_paths_and_shapes_always_pair_unless_all_shapes_agree(a, b):
    if [t.shape for t in a] == [t.shape for t in b]:
        return
    keys_a, keys_b = [(t.path, t.shape) for t in a], [(t.path, t.shape) for t in b]
    pairs = align(a, b)
    for key in set(keys_a):
        found = sum(keys_a[i] == key == keys_b[j] for i, j in pairs)
        assert found == min(keys_a.count(key), keys_b.count(key))


def test_equal_shapes_pair_by_position_whatever_the_names():
    a = model(*dense("encoder", 4, 4), *dense("decoder", 4, 4))
    b = model(*dense("dense", 4, 4), *dense("dense_1", 4, 4))
    assert align(a, b) == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_a_layer_in_between_does_not_shift_the_others():
    a = model(*dense("dense", 8, 16), *dense("dense_1", 16, 2))
    b = model(*dense("dense", 8, 16), *dense("dense_1", 16, 16), *dense("dense_2", 16, 2))
    assert paths(a, b) == [
        ("dense/kernel", "dense/kernel"),
        ("dense/bias", "dense/bias"),
        ("dense_1/kernel", "dense_2/kernel"),
        ("dense_1/bias", "dense_2/bias"),
    ]


def test_another_width_leaves_only_what_changed_unpaired():
    a = model(*dense("dense", 8, 16), *dense("dense_1", 16, 2))
    b = model(*dense("dense", 8, 32), *dense("dense_1", 32, 2))
    assert paths(a, b) == [("dense_1/bias", "dense_1/bias")]


def test_layers_built_in_another_order_pair_by_name():
    a = model(*dense("left", 8, 4), *dense("right", 6, 3), ("head", (7,)))
    b = model(*dense("right", 6, 3), *dense("left", 8, 4), ("head", (7,)))
    assert all(x == y for x, y in paths(a, b))
    assert len(paths(a, b)) == 5


def test_renamed_layers_pair_by_shape_between_their_neighbours():
    a = model(("in", (5,)), ("old", (2, 3)), ("out", (7,)))
    b = model(("in", (5,)), ("new", (2, 3)), ("more", (1,)), ("out", (7,)))
    assert paths(a, b) == [("in", "in"), ("old", "new"), ("out", "out")]


def test_roles_are_not_mixed_where_names_differ():
    kernel = Tensor("a", "trainable", (3,), "float32", "0" * 32)
    mean = Tensor("b", "non-trainable", (3,), "float32", "0" * 32)
    other = Tensor("c", "trainable", (9,), "float32", "0" * 32)
    assert align([kernel], [mean, other]) == []
    assert align([kernel], []) == []


def test_layers_that_the_script_names_pair_by_name_even_where_all_shapes_agree():
    user, item, other = ((f"{name}/kernel", (4, 8)) for name in ("user", "item", "other"))
    assert align(model(user, item), model(item, user)) == [(0, 1), (1, 0)]
    assert align(model(user, item), model(item, other)) == [(0, 0), (1, 1)], "other names"
