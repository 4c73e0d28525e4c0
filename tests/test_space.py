"""Space: every draw is a function of seed, name and number, and bad arguments are refused before anything is drawn."""

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dlnotes import (
    Categorical,
    Integer,
    LogUniform,
    ReverseLogUniform,
    Scale,
    Space,
    Uniform,
    edges,
    importance,
    search,
)
from dlnotes.arithmetic import sobol

space = Space(
    lr=LogUniform(1e-4, 1),
    beta=ReverseLogUniform(0.9, 0.999),
    hidden=Integer(50, 100),
    act=Categorical(["relu", "tanh"]),
)
methods = "random", "quasirandom"
small = st.integers(0, 40)


# A draw is a function of its place


@pytest.mark.parametrize("method", methods)
@given(n=small, start=small, extra=small)
def test_any_slice_can_be_drawn_alone(method, n, start, extra):
    whole = space.sample(start + n + extra, method=method)
    assert space.sample(n, start=start, method=method) == whole[start : start + n]


@pytest.mark.parametrize("method", methods)
def test_far_points_cost_no_more_than_near_ones(method):
    far = 10**9
    assert space.sample(3, start=far, method=method)[1:] == space.sample(2, start=far + 1, method=method)


def test_another_hyperparameter_leaves_the_random_values_of_the_others():
    wider = Space(first=Uniform(0, 1), **space.scales, last=Uniform(0, 1))
    assert [{k: p[k] for k in space} for p in wider.sample(50)] == space.sample(50)


def test_a_hyperparameter_added_last_leaves_the_quasirandom_values_of_the_others():
    wider = Space(**space.scales, last=Uniform(0, 1))
    before, after = space.sample(50, method="quasirandom"), wider.sample(50, method="quasirandom")
    assert [{k: p[k] for k in space} for p in after] == before


@pytest.mark.parametrize("method", methods)
def test_seeds_differ(method):
    assert not np.isin(space.unit(50, seed=0, method=method)[:, :2], space.unit(50, seed=1, method=method)[:, :2]).any()


def test_another_process_draws_the_same():
    code = "from dlnotes import *; print(Space(a=Uniform(0, 1), b=Integer(1, 9)).sample(5, seed=3, start=2))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    ]
    assert (
        runs[0] == runs[1] == (str(Space(a=Uniform(0, 1), b=Integer(1, 9)).sample(5, seed=3, start=2)) + "\n").encode()
    )


def test_the_draws_are_these_for_good():
    """Pinned: a change here would change everybody's searches."""
    u = Space(lr=Uniform(0, 1), beta=Uniform(0, 1)).unit(2, seed=1)
    q = Space(lr=Uniform(0, 1), beta=Uniform(0, 1)).unit(2, seed=1, method="quasirandom")
    assert u.tolist() == [[0.878886854155154, 0.9593352959749103], [0.9233783386212701, 0.5603249768536903]]
    assert q.tolist() == [[0.623039438505657, 0.27430944226216525], [0.23701363464351743, 0.9823036709567532]]


# How the draws are spread


@pytest.mark.parametrize("method", methods)
def test_positions_are_even(method):
    u = space.unit(4096, seed=5, method=method)
    assert u.min() >= 0 and u.max() < 1
    assert min(stats.kstest(column, "uniform").pvalue for column in u.T) > 0.001


@pytest.mark.parametrize("method", methods)
def test_a_single_point_is_even_over_seeds(method):
    u = np.array([space.unit(1, seed=s, start=3, method=method)[0] for s in range(2000)])
    assert min(stats.kstest(column, "uniform").pvalue for column in u.T) > 0.001


def test_each_seed_scrambles_the_quasirandom_points_its_own_way():
    """Owen's scrambling of n = 2**k points on a line has 2**(n - 1) patterns, all equally likely."""
    x = Space(x=Uniform(0, 1))
    for n in (4, 8):
        seen = [tuple((x.unit(n, seed=s, method="quasirandom")[:, 0] * n).astype(int)) for s in range(3000)]
        counts = np.unique(seen, axis=0, return_counts=True)[1]
        assert len(counts) == 2 ** (n - 1) and stats.chisquare(counts).pvalue > 0.001


def test_names_and_neighbouring_seeds_are_independent():
    u = space.unit(20_000)
    pairs = [(u[:, 0], u[:, 1]), (u[:, 0], space.unit(20_000, seed=1)[:, 0]), (u[:-1, 0], u[1:, 0])]
    for a, b in pairs:
        assert stats.chi2_contingency(np.histogram2d(a, b, bins=8)[0]).pvalue > 0.001


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("columns", [1, 4, 16, 64])
def test_sobol_points_fall_one_to_a_cell(columns, seed):
    u = space.unit(64, seed=seed, start=64, method="quasirandom")[:, :2]
    assert len(set(map(tuple, (u * [columns, 64 // columns]).astype(int)))) == 64


def test_sobol_is_scipys():
    ours = np.stack([sobol(d, 0, 256) for d in range(40)], axis=1) / 2**32
    assert set(map(tuple, ours)) == set(map(tuple, stats.qmc.Sobol(40, scramble=False).random(256)))


def test_values_are_plain_python():
    kinds = {name: type(value) for name, value in space.sample(1)[0].items()}
    assert kinds == {"lr": float, "beta": float, "hidden": int, "act": str}


# Grid


def test_a_grid_has_all_combinations_and_both_ends():
    points = Space(a=Uniform(0, 1), b=Integer(1, 3)).sample(9, method="grid")
    assert sorted((p["a"], p["b"]) for p in points) == [(a, b) for a in (0, 0.5, 1) for b in (1, 2, 3)]


def test_a_grid_does_not_repeat_itself_where_values_run_out():
    few = Space(a=Categorical(["x", "y"]), b=Integer(1, 2), c=Uniform(0, 1))
    points = [tuple(p.values()) for p in few.sample(40, method="grid")]
    assert len(set(points)) == 40


def test_a_grid_can_be_taken_in_parts_and_spreads_what_it_leaves_out():
    whole = space.unit(30, method="grid")
    assert (space.unit(10, start=20, method="grid") == whole[20:]).all()
    part = Space(a=Uniform(0, 1), b=Uniform(0, 1)).unit(7, method="grid")  # of 3 x 3
    assert part.min() == 0 and part.max() == 1 and len(np.unique(part[:, 0])) == 3


def test_a_grid_of_integers_goes_from_end_to_end():
    points = Space(a=Integer(1, 100), b=Integer(1, 100, log=True)).sample(9, method="grid")
    assert sorted({p["a"] for p in points}) == [1, 51, 100] and sorted({p["b"] for p in points}) == [1, 10, 100]


def test_a_grid_takes_the_middle_where_it_has_one_level_and_grows_the_first_first():
    assert space.unit(1, method="grid").tolist() == [[0.5] * 4]
    assert [len(np.unique(c)) for c in space.unit(2, method="grid").T] == [2, 1, 1, 1]
    assert Space(**{f"x{i}": Uniform(0, 1) for i in range(70)}).unit(3, method="grid").shape == (3, 70)


@given(n=st.integers(0, 200))
def test_a_grid_has_as_many_points_as_asked_for(n):
    points = space.unit(n, method="grid")
    assert points.shape == (n, 4) and len(np.unique(points, axis=0)) == n


def test_a_finite_space_can_be_used_up():
    tiny = Space(a=Integer(1, 3), b=Categorical(["x", "y"]), c=Integer(1, 4, log=True))
    assert len({tuple(p.values()) for p in tiny.sample(24, method="grid")}) == 24
    with pytest.raises(ValueError, match="holds only 24 points, got n \\+ start = 25"):
        tiny.sample(25, method="grid")


# There and back


@given(st.integers(0, 10**6))
def test_points_come_back(seed):
    points = space.sample(5, seed=seed)
    again = space.ppf(space.cdf(iter(points)))
    for p, q in zip(points, again, strict=True):
        assert p["hidden"] == q["hidden"] and p["act"] == q["act"]
        assert p["lr"] == pytest.approx(q["lr"], rel=1e-12) and p["beta"] == pytest.approx(q["beta"], rel=1e-12)


def test_a_space_is_a_value_and_shows_itself():
    same = Space(**space.scales)
    assert same == space and hash(same) == hash(space) and eval(repr(space)) == space
    assert Space(a=Uniform(0, 1), b=Uniform(0, 1)) != Space(b=Uniform(0, 1), a=Uniform(0, 1))


def test_a_hyperparameter_may_have_any_name():
    assert list(Space(**{"self": Uniform(0, 1), "a b": Uniform(0, 1)})) == ["self", "a b"]


# Zoom


def trials(values, seed=0):
    return [SimpleNamespace(params=p, value=v) for p, v in zip(space.sample(len(values), seed), values, strict=True)]


def inside(finer, whole):
    return all(
        whole[n].low <= finer[n].low <= finer[n].high <= whole[n].high for n in whole if hasattr(whole[n], "low")
    )


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30),
    st.integers(0, 99),
    st.floats(0.01, 1),
    st.floats(0, 0.5),
)
def test_zoom_stays_inside_and_keeps_the_best(values, seed, keep, margin):
    found = trials(values, seed)
    finer = space.zoom(found, keep=keep, margin=margin)
    assert inside(finer, space)
    best = min(found, key=lambda t: t.value).params
    assert finer["hidden"].low <= best["hidden"] <= finer["hidden"].high
    assert finer["lr"].low <= best["lr"] * (1 + 1e-12) and best["lr"] <= finer["lr"].high * (1 + 1e-12)


def test_zoom_keeps_a_log_scale_of_integers_and_two_of_them():
    log = Space(k=Integer(1, 1000, log=True), n=Integer(1, 9))
    found = [SimpleNamespace(params={"k": k, "n": 9}, value=k) for k in (1, 2, 700)]
    finer = log.zoom(found, keep=0.5, margin=0)
    assert finer["k"] == Integer(1, 2, log=True) and finer["n"] == Integer(8, 9)


def test_zoom_takes_at_least_the_best_two():
    finer = space.zoom(trials([3.0, 1.0, 2.0, 9.0]), keep=0.01, margin=0)
    assert finer == space.zoom(trials([3.0, 1.0, 2.0, 9.0])[1:3], keep=1, margin=0)


def test_zoom_follows_the_direction():
    found = trials([float(i) for i in range(20)])
    low, high = space.zoom(found, margin=0), space.zoom(found, margin=0, direction="maximize")
    assert low == space.zoom(found[:4], keep=1, margin=0)
    assert high == space.zoom(found[-4:], keep=1, margin=0)


def test_zoom_passes_over_trials_without_a_value():
    found = trials([1.0, 2.0, 3.0, 4.0])
    failed = trials([None, float("nan"), float("inf")], seed=9)
    assert space.zoom(found + failed, keep=1) == space.zoom(found, keep=1)


# Refusals

refused = [
    (ValueError, lambda: Space(), "at least one hyperparameter"),
    (TypeError, lambda: Space(lr=0.1), "lr must be a scale"),
    (ValueError, lambda: space.sample(-1), "n must be at least 0, got -1"),
    (TypeError, lambda: space.sample(1.5), "n must be an integer, got 1.5"),
    (ValueError, lambda: space.sample(1, start=-2), "start must be at least 0, got -2"),
    (TypeError, lambda: space.sample(1, seed=0.5), "seed must be an integer, got 0.5"),
    (TypeError, lambda: space.sample(1, seed=None), "seed must be an integer, got None"),
    (ValueError, lambda: space.sample(1, method="sobol"), "got 'sobol'"),
    (ValueError, lambda: space.ppf([[0.5, 0.5]]), r"shape \(m, 4\), got \(1, 2\)"),
    (ValueError, lambda: space.ppf([[0, 0, 0, 2]]), r"got 2.0"),
    (ValueError, lambda: space.cdf([{"lr": 0.1}]), r"needs values for .* got \['lr'\]"),
    (ValueError, lambda: space.zoom([]), "none of the 0 trials has a value"),
    (ValueError, lambda: space.zoom(trials([1.0]), keep=0), "keep must lie in"),
    (ValueError, lambda: space.zoom(trials([1.0]), margin=-1), "margin must be at least 0, got -1"),
    (ValueError, lambda: space.zoom(trials([1.0]), direction="down"), "got 'down'"),
    (
        ValueError,
        lambda: Space(**{f"x{i}": Uniform(0, 1) for i in range(41)}).sample(1, method="quasirandom"),
        "up to 40 hyperparameters, got 41",
    ),
]


@pytest.mark.parametrize("error, call, message", refused, ids=[m for *_, m in refused])
def test_a_bad_argument_is_refused_by_name(error, call, message):
    with pytest.raises(error, match=message):
        call()


def test_nothing_touches_the_global_generator():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    space.sample(10), space.sample(10, method="quasirandom"), space.sample(10, method="grid")
    assert (np.random.get_state()[1] == before).all()


# Scales of your own


class Squares(Scale):
    "More often near 0: the square of an even number in [0, 3]"

    def ppf(self, u):
        return 9 * np.square(u)

    def cdf(self, value):
        return np.sqrt(np.asarray(value) / 9)

    def __repr__(self):
        return "Squares()"


def test_a_scale_of_ones_own_works_everywhere():
    space = Space(x=Squares(), kind=Categorical("a", "b"))
    assert all(0 <= p["x"] <= 9 for p in space.sample(20))
    assert sorted({p["x"] for p in space.sample(8, method="grid")}) == [0, 1, 4, 9]
    study = search(lambda p: (p["x"] - 2) ** 2 + (p["kind"] == "b"), space, 40)
    assert abs(study.best_params["x"] - 2) < 0.1
    finer = space.zoom(study.trials)
    assert all(1 < p["x"] < 4 for p in finer.sample(20)) and finer.zoom(study.complete[-20:])
    assert len(edges(study)) == 2 and importance(study, draws=3)[0].name in space


def scale_of(ppf, cdf):
    return type("Odd", (Scale,), {"ppf": ppf, "cdf": cdf})()


@pytest.mark.parametrize(
    "odd",
    [
        scale_of(lambda self, u: math.exp(u), lambda self, v: math.log(v)),
        scale_of(lambda self, u: 2 * u, lambda self, v: v),
        scale_of(lambda self, u: 0.5, lambda self, v: 0.5),
        scale_of(lambda self, u: -u, lambda self, v: 1 + v),
    ],
)
def test_a_scale_that_does_not_work_is_refused_before_any_trial(odd):
    with pytest.raises(TypeError, match="x: "):
        Space(x=odd)


def test_a_journal_refuses_a_scale_that_it_could_not_read_back(tmp_path):
    called = []
    with pytest.raises(ValueError, match="knows only the scales of dlnotes"):
        search(called.append, Space(x=Squares()), 20, journal=tmp_path / "run.jsonl")
    assert not called and not (tmp_path / "run.jsonl").exists()


def test_a_space_and_its_options_are_taken_as_people_type_them():
    assert Space({"learning rate": Uniform(0, 1)}, n=Integer(1, 2)).sample(1)[0].keys() == {"learning rate", "n"}
    assert Categorical("a", "b") == Categorical(["a", "b"]) == Categorical(("a", "b"))
    for wrong in (lambda: Space([Uniform(0, 1)]), lambda: Space({1: Uniform(0, 1)}), lambda: Space(Uniform(0, 1))):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="given twice"):
        Space({"a": Uniform(0, 1)}, a=Uniform(0, 1))
    with pytest.raises(TypeError, match="list of dicts"):
        Space(a=Uniform(0, 1)).cdf({"a": 0.5})


@pytest.mark.parametrize(
    "low, high", [(1.0, math.nextafter(1, 2)), (-5e-324, 0.0), (1e300, math.nextafter(1e300, math.inf))]
)
def test_a_range_of_two_floats_makes_a_space(low, high):
    points = Space(x=Uniform(low, high)).sample(50, seed=0)
    assert {p["x"] for p in points} == {low, high}
