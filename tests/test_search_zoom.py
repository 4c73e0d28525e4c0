"""Zooming: a finer space inside the user's, that may move and grow again, and keeps options without evidence."""

from types import SimpleNamespace

import numpy as np
import pytest

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Space, Uniform, search
from dlnotes.choice import _smallest


def tried(points, value):
    return [SimpleNamespace(params=p, value=value(p)) for p in points]


def test_margins_are_equal_in_unit_coordinates_and_end_at_the_bounds():
    space = Space(lr=LogUniform(1e-4, 1))
    fine = space.zoom(tried([{"lr": 1e-3}, {"lr": 1e-2}], lambda p: 0.0), keep=1, margin=0.25)
    assert np.allclose([fine["lr"].low, fine["lr"].high], [1e-4, 1e-1])
    wide = space.zoom(tried([{"lr": 1e-3}, {"lr": 1e-2}], lambda p: 0.0), keep=1, margin=9)
    assert wide == space


def test_the_finer_space_can_shift_and_widen_when_better_trials_turn_up():
    space = Space(x=Uniform(0, 1))
    first = tried([{"x": 0.1}, {"x": 0.12}], lambda p: 1.0)
    later = first + tried([{"x": 0.6}, {"x": 0.9}], lambda p: 0.0)
    a, b = (space.zoom(t, keep=0.5, margin=0.05)["x"] for t in (first, later))
    assert a.high < b.low and b.high - b.low > a.high - a.low


def test_an_option_is_dropped_on_evidence_only():
    space = Space(o=Categorical(["good", "bad", "rare"]), x=Uniform(0, 1))
    points = [{"o": "good", "x": i / 40} for i in range(1, 20)] + [{"o": "bad", "x": i / 40} for i in range(1, 20)]
    points.append({"o": "rare", "x": 0.5})
    cost = {"good": 0, "bad": 1, "rare": 1}
    fine = space.zoom(tried(points, lambda p: cost[p["o"]] + p["x"]))
    assert fine["o"].options == ("good", "rare")
    few = space.zoom(tried(points[17:22], lambda p: cost[p["o"]] + p["x"]))
    assert few["o"].options == ("good", "bad", "rare")


def test_integers_keep_at_least_two_neighbours():
    space = Space(n=Integer(1, 100))
    fine = space.zoom(tried([{"n": 100}, {"n": 100}], lambda p: 0.0), margin=0)
    assert (fine["n"].low, fine["n"].high) == (99, 100)


@pytest.mark.parametrize(
    "scale", [LogUniform(1e-4, 1), ReverseLogUniform(0.9, 0.999), Uniform(-3.3, 7.1), Integer(3, 50)]
)
def test_without_a_margin_the_best_trials_themselves_stay_inside(scale):
    space = Space(x=scale)
    for seed in range(20):
        points = space.sample(2, seed=seed)
        fine = space.zoom(tried(points, lambda p: 0.0), keep=1, margin=0)["x"]
        assert all(scale.low <= fine.low <= p["x"] <= fine.high <= scale.high for p in points)


def test_a_study_is_zoomed_in_its_own_direction():
    space = Space(x=Uniform(0, 1))
    up, down = (search(lambda p: p["x"], space, 30, direction=way, progress=False) for way in ("maximize", "minimize"))
    assert space.zoom(up) == space.zoom(up.trials, direction="maximize") and space.zoom(up)["x"].high == 1
    assert space.zoom(down) == space.zoom(down.trials) and space.zoom(down)["x"].low == 0
    assert space.zoom(up, direction="maximize") == space.zoom(up)
    with pytest.raises(ValueError, match="the study's direction is 'maximize', got direction='minimize'"):
        space.zoom(up, direction="minimize")


def test_the_smallest_are_the_first_of_a_stable_sort():
    rng = np.random.default_rng(0)
    for n in (1, 7, 60, 500):
        for k in (1, 5, 59, 60, 400):
            z = rng.integers(0, n, n) / 7
            np.testing.assert_array_equal(_smallest(z, k), z.argsort(kind="stable")[:k])
