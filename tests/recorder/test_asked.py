"""Plain values that the frames of a script were given."""

from whydiff.recorder.asked import asked_for

SCRIPT = """
class Runs:
    def __init__(self, units):
        self.units, self.weights = units, [1, 2]
    def fit(self, rate, api_key, data):
        local = 3
        return look({})
for kind in ("plain",):
    seen = Runs(8).fit(0.1, "secret", [1.0])
"""


def test_arguments_settings_and_the_names_of_the_line(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    lines = {(str(path), 9): "seen = Runs(8).fit(kind)"}
    names = {"look": lambda _: asked_for(lines), "__name__": "__main__"}
    exec(compile(SCRIPT, str(path), "exec"), names)
    asked = {name: names["seen"].get(name) for name in ("units", "rate", "kind")}
    assert asked == {"units": 8, "rate": 0.1, "kind": "plain"}
    assert not {"api_key", "data", "local", "weights"} & names["seen"].keys()
