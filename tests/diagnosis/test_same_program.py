"""A run that came again is only used where it built the program that was recorded."""

from whydiff.diagnosis.same_program import other_program
from whydiff.testing.sides import a_side, changed, facts


def test_the_same_program_is_the_same():
    assert other_program(a_side(), a_side()) == ""


def test_another_setting_is_named_with_its_values():
    side = a_side()
    other = changed(side, optimizer=facts(side, "optimizer", learning_rate=0.5))
    assert "another optimizer (learning_rate:" in other_program(side, other)


def test_which_callbacks_were_seen_to_act_is_no_matter():
    side = a_side()
    other = changed(side, optimizer=facts(side, "optimizer", callbacks=["ReduceLROnPlateau"]))
    assert other_program(side, other) == ""


def test_settings_of_the_arithmetic_count():
    side = a_side()
    other = changed(side, arithmetic=facts(side, "arithmetic", jit_compile="never"))
    assert other_program(side, other) == "other settings of the arithmetic (jit_compile)"
