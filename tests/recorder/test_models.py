"""What the models of an execution are called."""

from whydiff.recorder.measuring.models import Models


class Model:
    name = "encoder"


def test_a_model_is_called_by_its_name_while_it_exists():
    models, model = Models(), Model()
    number = models.of(model).number
    assert models.named(number) == "model 'encoder'"
    other = Model()
    assert models.named(models.of(other).number) == "model 2", "two have that name"
    del other
    assert models.named(number) == "model 'encoder'"
    del model
    assert models.named(number) == f"model {number}"
    assert models.named(7) == "model 7"
