"""``--vary`` is understood as written, or refused with the word it stumbled over."""

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.vary import Varied, parse_vary


@pytest.mark.parametrize(
    ("texts", "varied"),
    [
        (None, Varied()),
        ([], Varied()),
        ("initialization,data-order,noise", Varied(("initialization", "data-order", "noise"))),
        ("noise,initialization,noise", Varied(("initialization", "noise"))),
        ("data-content=bootstrap",
         Varied(("data-content",), ways={"data-content": "bootstrap"})),
        ("split,noise", Varied(("noise", "data-content"), ways={"data-content": "split"})),
        (["noise", "data-content=kfold=5"],
         Varied(("noise", "data-content"), ways={"data-content": "kfold=5"})),
        ("arithmetic=one-ulp,noise",
         Varied(("noise", "arithmetic"), ways={"arithmetic": "one-ulp"})),
        ("optimizer=adam,sgd", Varied(None, {"optimizer": ("adam", "sgd")})),
        (["batch-size=32,128", "shuffle=on,off"],
         Varied(None, {"batch-size": (32, 128), "shuffle": (True, False)})),
        ("learning-rate=0.01,1e-3,0.010", Varied(None, {"learning-rate": (0.01, 0.001)})),
        ("precision=float32,mixed_bfloat16,noise",
         Varied(("noise",), {"precision": ("float32", "mixed_bfloat16")})),
        (["optimizer=adam", "initialization , optimizer=sgd"],
         Varied(("initialization",), {"optimizer": ("adam", "sgd")})),
    ],
)  # fmt: skip
def test_understood(texts, varied):
    assert parse_vary(texts) == varied


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("initialisation", "did you mean initialization"),
        ("data-content", "data-content=bootstrap"),
        ("data-content=other", "other"),
        ("data-content=kfold", "kfold=5"),
        ("data-content=bootstrap=3", "bootstrap=3"),
        ("split,data-content=bootstrap", "one way"),
        ("arithmetic", "arithmetic=one-ulp"),
        ("arithmetic=two-ulps", "two-ulps"),
        ("noise=1", "takes no value"),
        ("momentum=0.9", "momentum"),
        ("batch-size=0", "'0'"),
        ("batch-size=many", "'many'"),
        ("learning-rate=-1", "'-1'"),
        ("learning-rate=nan", "'nan'"),
        ("shuffle=perhaps", "'perhaps'"),
        ("precision=float8", "'float8'"),
        ("optimizer=", "''"),
        ("", "''"),
    ],
)
def test_refused(text, word):
    with pytest.raises(WhydiffError) as caught:
        parse_vary(text)
    assert word in f"{caught.value} {caught.value.way_out}"
    assert caught.value.way_out
