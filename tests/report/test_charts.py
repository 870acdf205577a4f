"""The specs of charts: what is drawn, from which numbers, in which colours."""

import itertools
import json
import math

import pytest

from whydiff.core.estimate import Estimate
from whydiff.report.charts import bars, lines, replicas, theme
from whydiff.testing.answers import trace


def layers(spec):
    """Every unit of a spec, layers of layers included."""
    if "layer" not in spec:
        return [spec]
    return [
        {**unit, "data": unit.get("data", spec.get("data"))}
        for part in spec["layer"]
        for unit in layers({**part, "data": part.get("data", spec.get("data"))})
    ]


def marks(spec):
    return [u["mark"]["type"] if isinstance(u["mark"], dict) else u["mark"] for u in layers(spec)]


def values(spec, mark):
    return next(
        u["data"]["values"]
        for u, kind in zip(layers(spec), marks(spec), strict=True)
        if kind == mark and u.get("data")
    )


def test_losses_of_both_sides_are_drawn_with_the_place_where_they_part():
    told = trace()
    rows = lines.loss_rows(told)
    assert len(rows) == 80  # 40 steps a side; before the first step there is no loss
    spec = lines.losses(rows, "steps", divergence=told["divergence"])
    assert values(spec, "line") == rows
    assert values(spec, "rule") == [{"x": 13.0, "label": "first divergence"}]
    line = next(u for u in layers(spec) if u["mark"] != "x" and marks({"layer": [u]}) == ["line"])
    assert line["encoding"]["color"]["scale"] == {
        "domain": ["A", "B"],
        "range": ["var(--a)", "var(--b)"],
    }
    assert (
        line["encoding"]["strokeDash"]["scale"]["range"][0]
        != (line["encoding"]["strokeDash"]["scale"]["range"][1])
    ), "A and B must be told apart without colour, too"
    assert line["encoding"]["detail"]["field"] == "epoch", "a mean that starts anew is no line"


def test_losses_go_on_a_log_scale_where_they_span_decades():
    def scale(values):
        rows = [{"x": i, "loss": v, "side": "A", "epoch": 0} for i, v in enumerate(values)]
        unit = layers(lines.losses(rows, "epochs"))[0]
        return unit["encoding"]["y"]["scale"]

    assert scale([1.0, 0.5])["zero"] is False
    assert scale([100.0, 0.5])["type"] == "log"
    assert "type" not in scale([100.0, -0.5])


def test_the_distance_is_on_a_log_scale_and_equality_is_a_band():
    told = trace()
    spec = lines.distance(told)
    rows = lines.distance_rows(told)
    assert all(row["distance"] > 0 for row in rows)
    assert values(spec, "rect") == [{"from": 0.0, "to": 12.0, "label": "equal, bit for bit"}]
    line = layers(spec)[marks(spec).index("line")]
    assert line["encoding"]["y"]["scale"]["type"] == "log"
    assert line["data"]["values"] == rows


def test_no_band_where_the_first_moment_already_differs():
    told = {**trace(), "distance": [1.0] * 41, "divergence": 0.0}
    assert "rect" not in marks(lines.distance(told))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e-8, 1e0], [1e-8, 1e-6, 1e-4, 1e-2, 1e0]),
        ([1.3, 1.5], [0.5, 1.0, 2.0]),
        ([1e-3, 1e-1], [1e-3, 1e-2, 1e-1]),
    ],
)
def test_ticks_of_a_log_axis(values, expected):
    found = lines.ticks(values)
    assert set(expected) <= set(found) and len(found) <= 7


def test_causes_are_pairs_of_bars_and_intervals_only_where_there_are_some():
    rows = [
        bars.Bar("initialization", "alone", 0.9),
        bars.Bar("initialization", "remaining", 0.2),
    ]
    spec = bars.bars(rows)
    assert [v["label"] for v in values(spec, "bar")] == ["90 %", "20 %"]
    assert all(v["low"] is None for v in values(spec, "bar"))
    known = bars.bars([bars.Bar("initialization", "alone", 0.9, 0.8, 1.3)])
    interval = next(u for u in layers(known) if u["encoding"].get("x2"))
    assert interval["data"]["values"][0]["low"] == 0.8
    assert "isValid(datum.low)" in interval["transform"][0]["filter"]
    bar = layers(known)[marks(known).index("bar")]
    assert bar["encoding"]["x"]["scale"]["domain"][1] > 1.3, "nothing may lie beyond the axis"
    offset = layers(bars.bars([bars.Bar("measurement", "alone", -0.2)]))
    assert offset[0]["encoding"]["x"]["scale"]["domain"][0] == -0.2


def test_the_order_keeps_positions_of_both_sides():
    fed = [
        {"side": "a", "epoch": 0, "every": 2, "order": [5, 6]},
        {"side": "b", "epoch": 0, "every": 2, "order": [0, 1]},
        {"side": "b", "epoch": 1, "every": 2, "order": [9]},
    ]
    rows = lines.order_rows(fed, 0)
    assert rows == [
        {"side": "A", "position": 1, "sample": 5},
        {"side": "A", "position": 3, "sample": 6},
        {"side": "B", "position": 1, "sample": 0},
        {"side": "B", "position": 3, "sample": 1},
    ]
    encoding = layers(lines.order(rows))[0]["encoding"]
    assert encoding["shape"]["scale"]["range"] == ["circle", "diamond"]


def test_bins_count_every_finite_value_once():
    found = replicas.bins([0.1 * i for i in range(100)] + [float("nan")])
    assert sum(row["count"] for row in found) == 100
    assert all(a["to"] == b["from"] for a, b in itertools.pairwise(found))
    assert replicas.bins([]) == []
    (one,) = replicas.bins([2.0, 2.0])
    assert one["count"] == 2 and one["from"] < 2.0 < one["to"]


def test_bins_do_not_cut_between_the_levels_of_an_accuracy():
    found = replicas.bins([0.90, 0.91, 0.91, 0.92, 0.93])
    edges = {round(row["from"], 4) for row in found}
    assert not edges & {0.90, 0.91, 0.92, 0.93}
    assert sum(row["count"] for row in found) == 5


def test_own_trainings_are_marked_on_the_distribution():
    spec = replicas.distribution([0.1, 0.2, 0.25, 0.3], "accuracy", {"A": 0.5, "B": 0.2})
    rules = [u for u, m in zip(layers(spec), marks(spec), strict=True) if m == "rule"]
    assert [(r["data"]["values"][0]["value"], r["mark"]["color"]) for r in rules] == [
        (0.5, "var(--a)"),
        (0.2, "var(--b)"),
    ]
    assert len(values(spec, "tick")) == 4
    domain = layers(spec)[0]["encoding"]["x"]["scale"]["domain"]
    assert domain[0] < 0.1 and domain[1] > 0.5


@pytest.mark.parametrize("largest", [1, 3, 7, 14, 40, 333])
def test_counts_stand_at_equal_distances(largest):
    spec = replicas.distribution([0.0] * largest + [1.0], "accuracy")
    marks = layers(spec)[0]["encoding"]["y"]["axis"]["values"]
    assert len({b - a for a, b in itertools.pairwise(marks)}) == 1
    assert marks[0] == 0 and largest / 2 < marks[-1] <= largest and len(marks) <= 7


def test_a_thousand_replicas_stay_small():
    spec = replicas.distribution([0.9 + 0.0001 * (i % 97) for i in range(1000)], "accuracy")
    assert len(json.dumps(spec)) < 60_000


def test_levels_flips_and_histories_hold_their_numbers():
    dots = bars.points([bars.Point("sgd", -0.1, -0.2, 0.0), bars.Point("x", 0.1, None, None)], "t")
    assert values(dots, "point")[0]["low"] == -0.2
    flips = bars.flip_bars([(7, 0.5), (3, 0.25)])
    assert [v["label"] for v in values(flips, "bar")] == ["50 %", "25 %"]
    rows = lines.history_rows([(0, {"loss": 1.0}), (1, {"loss": float("nan")})], ["loss"])
    assert rows == [{"epoch": 1, "name": "loss", "value": 1.0}]
    assert layers(lines.history(rows, ["loss"]))[0]["data"]["values"] == rows


def test_intervals_that_close_are_bounded_and_the_picture_shows_the_late_ones():
    looks = [Estimate(0.1, -math.inf, math.inf, 1)]
    looks += [Estimate(0.1, 0.1 - 50 / n**3, 0.1 + 50 / n**3, n) for n in range(2, 21)]
    rows = replicas.look_rows(looks)
    assert [row["pairs"] for row in rows] == list(range(2, 21))
    spec = replicas.looking(looks, "B - A", margin=0.02)
    low, high = layers(spec)[2]["encoding"]["y"]["scale"]["domain"]
    assert -0.2 < low < 0 and 0.15 < high < 0.3
    assert values(spec, "rect") == [{"from": -0.02, "to": 0.02}]


def test_every_spec_follows_the_page_and_needs_nothing_from_outside():
    spec = bars.bars([bars.Bar("x", "alone", 0.5)])
    assert spec["width"] == "container"
    assert spec["config"]["aria"] is False
    assert "url" not in json.dumps(spec)


def test_of_a_long_line_the_ends_and_every_peak_are_drawn():
    line = dict.fromkeys(range(1, 20001), 1.0) | {777: 50.0, 15_000: -3.0}
    other = dict.fromkeys(range(1, 10001), 2.0) | {4_321: 9.0}
    drawn = theme.places(line, other)
    assert {1, 777, 4_321, 15_000, 20_000} <= set(drawn)
    assert len(drawn) <= theme.MOST_PLACES + 2
    assert theme.places({1: 0.5, 3: 0.25}, {2: 1.0}) == [1, 2, 3]


def test_a_long_training_is_drawn_with_as_many_points_as_can_be_told_apart():
    logged = [{"epoch": i, "logs": {"loss": 1 / (i + 1)}} for i in range(20_000)]
    rows = lines.epoch_rows({"a": logged, "b": logged[:15_000]}, "loss")
    assert {row["x"] for row in rows if row["side"] == "A"} >= {1, 20_000}
    assert len(rows) <= 2 * (theme.MOST_PLACES + 2)
    told = [(i, entry["logs"]) for i, entry in enumerate(map(dict, logged))]
    assert len(lines.history_rows(told, ["loss"])) <= theme.MOST_PLACES + 2
