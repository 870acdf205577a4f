"""What the ledger keeps of a script's variables."""

from whydiff.recorder.ledger import Ledger


class Variable:
    """Like Keras's, it cannot be used as a boolean."""

    def __bool__(self):
        raise TypeError("A variable cannot be used as a boolean.")


def test_initializers_of_many_variables_are_kept_and_those_of_freed_ones_forgotten():
    ledger = Ledger()
    kept = [Variable() for _ in range(100)]
    for number, variable in enumerate(kept):
        ledger.made(variable, number)
    for _ in range(10_000):
        ledger.made(Variable(), "of a model that is gone")
    assert [ledger.initializer(v) for v in kept] == list(range(100))
    held = [Variable() for _ in range(10_000)]
    for variable in held:
        ledger.made(variable, "of a model that stays")
    assert {ledger.initializer(v) for v in held} == {"of a model that stays"}
