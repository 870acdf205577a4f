"""What the user's functions read by name."""

from whydiff.keras_backend.code import closed_over, filled_cells


def test_a_name_that_has_no_value_yet_is_not_closed_over():
    def around(given):
        def function():
            return given, later

        before = closed_over(function)
        later = 2
        return before, function

    before, function = around(1)
    assert before == {"given": 1}
    assert closed_over(function) == {"given": 1, "later": 2}
    filled_cells(function)["later"].cell_contents = 3
    assert function() == (1, 3)


def test_what_is_no_function_closes_over_nothing():
    assert closed_over(print) == closed_over(3) == {}
