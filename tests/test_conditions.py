"""Spaces as they are: what exists only sometimes, what is not allowed, options of any kind, and searches over them."""

import enum
import functools
import json
import math
import pickle

import cloudpickle
import numpy as np
import pytest
from scipy import stats

from dlnotes import (
    Categorical,
    Integer,
    LogUniform,
    Shares,
    Space,
    Study,
    Uniform,
    choice,
    edges,
    importance,
    plot_history,
    plot_isolation,
    plot_trials,
    retune,
    search,
)
from dlnotes.arithmetic import Stream
from dlnotes.choice import suggest
from dlnotes.model import Guess, likeness, squared_distances


def relu(x):
    return max(x, 0.0)


def tanh(x):
    return math.tanh(x)


class Adam:
    pass


class Sgd:
    pass


class Size(enum.Enum):
    small = 1
    large = 2


def rising(p):
    return p["low"] < p["high"]


def fits(p):
    return p["layers"] * p.get("units3", 8) <= 90


def even(p):
    return p["n"] % 2 == 0


tree = Space(
    layers=Integer(1, 3),
    units3=Integer(8, 64, step=8).when(layers=3),
    optimizer=Categorical("adam", "sgd", "rmsprop"),
    momentum=Uniform(0, 0.9).when(optimizer=["sgd", "rmsprop"]),
    nesterov=Categorical(False, True).when(optimizer="sgd", layers=[2, 3]),
)
finite = Space(
    a=Integer(1, 3), b=Integer(1, 4).when(a=[2, 3]), c=Categorical("x", "y").when(b=[1, 2]), d=Uniform(0, 1, step=0.5)
)
band = Space(low=Uniform(0, 1), high=Uniform(0, 1)).where(rising)
squares = Space(low=Integer(0, 5), high=Integer(0, 5)).where(rising)
mixed = Space(mix=Shares(3), size=Categorical(["s", "m", "l"], ordered=True), width=Integer(8, 64, step=8))
anything = Space(
    act=Categorical(relu, tanh),
    make=Categorical(Adam, Sgd),
    size=Categorical(list(Size)),
    layer=Categorical([{"units": 8, "act": relu}, {"units": 16, "act": tanh}]),
    part=Categorical([functools.partial(pow, 2), np.tanh, (1, [2]), None]),
    lr=LogUniform(1e-3, 1).when(make=Sgd),
)
still = Space(x=Uniform(0.5, 0.5), n=Integer(3, 3), lr=LogUniform(0.1, 0.1), y=Uniform(0, 1))
kinds = {
    "tree": tree, "tree with a constraint": tree.where(fits), "band": band, "mixed": mixed, "anything": anything,
    "still": still, "finite": finite, "squares": squares,
}  # fmt: skip


def total(p):
    """A value for any point: plain arithmetic on whatever numbers are in it."""
    numbers = [v for v in p.values() if isinstance(v, int | float)] + [
        v for s in p.values() if isinstance(s, tuple) for v in s[:1]
    ]
    return sum(abs(float(v) - 0.3) for v in numbers if not isinstance(v, list)) + len(p) / 8


def key(p):
    return tuple((k, repr(v)) for k, v in p.items())


# Points


@pytest.mark.parametrize("space", kinds.values(), ids=list(kinds))
@pytest.mark.parametrize("method", ["random", "quasirandom"])
def test_any_slice_of_any_space_can_be_drawn_alone_and_comes_back(space, method):
    points = space.sample(40, seed=3, method=method)
    assert list(map(key, points[17:])) == list(map(key, space.sample(23, seed=3, start=17, method=method)))
    assert all(space.holds(p) for p in points)
    again = space.ppf(space.cdf(points))
    for p, q in zip(points, again, strict=True):
        assert p.keys() == q.keys()
        for name in p:
            if isinstance(p[name], float) or name == "mix":
                assert np.allclose(p[name], q[name], rtol=1e-12, atol=1e-15)
            else:
                assert p[name] is q[name] or p[name] == q[name]
    u = space.cdf(points)
    assert np.array_equal(space.settled(u), u, equal_nan=True)
    assert (np.isnan(space.unit(40, seed=3, method=method)) == np.isnan(u)).all()


@pytest.mark.parametrize("space", kinds.values(), ids=list(kinds))
def test_a_space_can_be_shown_pickled_compared_and_copied_by_its_scales(space):
    for copied in (pickle.loads(pickle.dumps(space)), cloudpickle.loads(cloudpickle.dumps(space))):
        assert copied.sample(3) and copied.count == space.count and list(copied) == list(space)
    assert space == Space(space.scales).with_constraints(space.constraints) and hash(space) == hash(space)
    assert all(name in repr(space) for name in space)


def test_a_space_shows_itself_as_one_would_write_it():
    names = {f.__name__: f for f in (Space, Integer, Uniform, Categorical, Shares, LogUniform, rising, fits)}
    for space in (tree, band, mixed, still, finite, tree.where(fits), Space({"a b": Uniform(0, 1)})):
        assert eval(repr(space), names) == space


def test_what_exists_is_what_the_conditions_say_and_nobody_else_moves():
    points = tree.sample(3000)
    for p in points:
        assert ("units3" in p) == (p["layers"] == 3) and ("momentum" in p) == (p["optimizer"] != "adam")
        assert ("nesterov" in p) == (p["optimizer"] == "sgd" and p["layers"] >= 2)
    flat = Space({name: getattr(scale, "scale", scale) for name, scale in tree.scales.items()}).sample(3000)
    assert all(p[name] == q[name] for p, q in zip(points, flat, strict=True) for name in p)
    counts = np.unique([p["optimizer"] for p in points], return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 0.001
    assert stats.kstest([p["momentum"] for p in points if "momentum" in p], stats.uniform(0, 0.9).cdf).pvalue > 0.001


def test_a_finite_tree_is_counted_and_listed_by_its_branches():
    # a=1; a in 2, 3 with b in 1, 2 and two c each, or b in 3, 4: times three steps of d
    assert finite.count == len(finite.every()) == (1 + 2 * (2 * 2 + 2)) * 3
    assert len(set(map(key, finite.ppf(finite.every())))) == finite.count
    flags = Space(
        {f"f{i}": Categorical(False, True) for i in range(30)}
        | {f"v{i}": Integer(1, 3).when({f"f{i}": True}) for i in range(30)}
    )
    assert flags.count == 4**30
    wide = Space(n=Integer(1, 2**40), m=Integer(1, 5).when(n=[1, 7]))
    assert wide.count == 2**40 - 2 + 10
    assert squares.count == 15 == len(squares.every()) and band.count == math.inf


def test_draws_under_a_constraint_are_even_on_what_is_allowed():
    cells = Space(x=Integer(0, 3), y=Integer(0, 3)).where(lambda p: p["x"] + p["y"] in (1, 4, 6))
    for method in ("random", "quasirandom"):
        found = [tuple(p.values()) for p in cells.sample(3000, seed=1, method=method)]
        counts = np.unique(found, axis=0, return_counts=True)[1]
        assert len(counts) == cells.count == 6 and stats.chisquare(counts).pvalue > 0.001
    single = [tuple(cells.sample(1, seed=s, start=5, method="quasirandom")[0].values()) for s in range(400)]
    assert stats.chisquare(np.unique(single, axis=0, return_counts=True)[1]).pvalue > 0.001
    odds = [p["high"] for p in band.sample(1500, seed=2)]
    assert stats.kstest(odds, lambda x: x**2).pvalue > 0.001


def test_a_rare_region_is_drawn_from_and_one_too_rare_is_refused_with_its_share():
    rare = Space(x=Uniform(0, 1), y=Uniform(0, 1)).where(lambda p: p["x"] < 0.05 and p["y"] < 0.05)
    points = rare.sample(200)
    assert stats.kstest([p["x"] for p in points], stats.uniform(0, 0.05).cdf).pvalue > 0.001
    assert rare.sample(3, start=100) == points[100:103]
    with pytest.raises(ValueError, match="never holds at 0 of 10000 random points"):

        def never(p):
            return False

        Space(x=Uniform(0, 1)).where(never)


def test_shares_are_equally_likely_wherever_they_lie_and_add_up_to_one():
    points = [p["mix"] for p in Space(mix=Shares(4)).sample(4000)]
    assert all(sum(p) == 1 == math.fsum(p) and min(p) >= 0 and len(p) == 4 for p in points)
    for k in range(4):
        assert stats.kstest([p[k] for p in points], lambda s: 1 - (1 - s) ** 3).pvalue > 0.001
    assert Shares(3).cdf([1, 0, 0]).tolist() == [1, 0] and Shares(2).ppf([1.0]) == (1.0, 0.0)


def test_a_grid_of_a_tree_or_of_what_is_allowed_has_no_point_twice():
    for name, space in kinds.items():
        n = int(min(space.count, 30))
        points = space.sample(n, method="grid")
        assert len(set(map(key, points))) == n and all(map(space.holds, points)), name
    for space in (finite, squares):
        with pytest.raises(ValueError, match=f"holds only {int(space.count)} points"):
            space.sample(int(space.count) + 1, method="grid")


refused = [
    (lambda: Space(x=Uniform(0, 1).when(kind="a")), ValueError, "there is no kind in the space"),
    (lambda: Space(x=Uniform(0, 1).when(n=4), n=Integer(1, 3)), ValueError, "4.0 is not on Integer"),
    (lambda: Space(x=Uniform(0, 1).when(x=1)), ValueError, "circle|continuous"),
    (lambda: Space(x=Uniform(0, 1).when(n=[]), n=Integer(1, 3)), ValueError, "never"),
    (lambda: Space(x=Uniform(0, 1).when(y=0.5), y=Uniform(0, 1)), ValueError, "continuous"),
    (lambda: Space(x=Uniform(0, 1).when(m=0.5), m=Shares(2)), ValueError, "continuous"),
    (lambda: Uniform(0, 1).when(), ValueError, "needs a condition"),
    (lambda: Uniform(0, 1).when(a=1).when(a=2), ValueError, "'a'. are given twice"),
    (lambda: tree.cdf([{"layers": 3, "optimizer": "adam"}]), ValueError, "needs a value for units3"),
    (lambda: tree.cdf([{"layers": 1, "optimizer": "adam", "momentum": 0.5}]), ValueError, "momentum is there only"),
    (lambda: tree.cdf([{"layers": 1}]), ValueError, "needs values for"),
    (lambda: tree.cdf([{"layers": 1, "optimizer": "adam", "x": 1}]), ValueError, "needs values for"),
    (lambda: band.point({"low": 0.9, "high": 0.1}), ValueError, "not allowed by rising"),
    (lambda: Study(band).add({"low": 0.9, "high": 0.1}), ValueError, "not allowed by rising"),
    (lambda: band.where(3), TypeError, "needs a function"),
    (lambda: band.where(lambda p: None), TypeError, "must return True or False, got None"),
    (lambda: band.where(lambda p: p["width"] > 0), ValueError, "raised KeyError"),
    (lambda: tree.where(lambda p: p["momentum"] > 0), ValueError, r"params.get\(name\)"),
    (lambda: Shares(1), ValueError, "at least 2"),
    (lambda: Shares(3).cdf((0.5, 0.6, 0.1)), ValueError, "add up to 1"),
    (lambda: Shares(3).cdf("abc"), ValueError, "is not on Shares"),
    (lambda: mixed.cdf([{"mix": (0.5, 0.5), "size": "s", "width": 8}]), ValueError, "is not on Shares"),
    (lambda: Space({"w": Shares(3), "w[0]": Uniform(0, 1)}), ValueError, "different names"),
]  # fmt: skip


@pytest.mark.parametrize("make, error, message", refused, ids=[m for *_, m in refused])
def test_what_makes_no_space_or_no_point_of_it_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_option_that_is_a_tuple_is_one_value_of_a_condition():
    space = Space(
        shape=Categorical((64, 32), (128,)), x=Uniform(0, 1).when(shape=(64, 32)), y=Uniform(0, 1).when(shape=[(128,)])
    )
    assert all(
        ("x" in p) == (p["shape"] == (64, 32)) and ("y" in p) == (p["shape"] == (128,)) for p in space.sample(50)
    )
    over = Space(n=Integer(1, 6), x=Uniform(0, 1).when(n=range(3, 7)), y=Uniform(0, 1).when(n={1, 2}))
    assert all(("x" in p) == (p["n"] >= 3) and ("y" in p) == (p["n"] < 3) for p in over.sample(50))


# Zoom


def test_zoom_keeps_conditions_and_constraints_that_can_still_hold():
    trials = search(
        lambda p: (p["layers"] - 1) ** 2 + (p["optimizer"] != "sgd") + p.get("momentum", 0.5), tree, 60, progress=False
    ).trials
    finer = tree.zoom(trials)
    assert "sgd" in finer["optimizer"].options and finer["momentum"].scale.high < 0.9 and finer.sample(20)
    assert ("units3" in finer) == (finer["layers"].high == 3)
    assert finer.cdf(finer.sample(50)).shape == (50, len(finer.columns))
    near = band.zoom(search(lambda p: p["low"] + p["high"], band, 40, progress=False).trials)
    assert near.constraints == band.constraints and all(map(rising, near.sample(50)))
    assert mixed.zoom(search(lambda p: p["mix"][0] + p["width"], mixed, 40, progress=False).trials)["mix"] == Shares(3)


# The model


def test_what_lacks_a_hyperparameter_is_equally_far_from_all_of_its_values():
    u = np.array([[0.0], [0.2], [0.5], [1.0], [math.nan], [math.nan]])
    for option in (False, True):
        D = squared_distances(u, u, np.array([option]), np.array([True]))[0]
        assert len(set(D[4, :4])) == 1 and D[4, 0] > 0 and D[4, 5] == 0 and (D == D.T).all() and (np.diag(D) == 0).all()
        K = likeness(D / 0.1)
        assert np.linalg.eigvalsh(K).min() > -1e-12
    without = squared_distances(u[:4], u[:4], np.array([False]), np.array([False]))
    assert (without == squared_distances(u[:4], u[:4], np.array([False]))).all()


def test_trials_that_lack_a_hyperparameter_say_nothing_about_its_better_values():
    options, sometimes = np.array([True, False]), np.array([False, True])
    u, at = np.array([[0, 0.2], [0, 0.8], [1, math.nan], [1, math.nan]]), np.array([[0, 0.2], [0, 0.8]])
    slopes = []
    for other in (-3.0, 3.0):
        mean = Guess(u, np.array([-1.0, 1.0, other, other]), options=options, sometimes=sometimes).mean(at)
        slopes.append(mean[1] - mean[0])
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-9) and slopes[0] > 0


# Searching


@pytest.mark.parametrize(
    "space", [finite, squares, finite.where(lambda p: p["d"] < 0.9)], ids=["tree", "constraint", "both"]
)
def test_a_finite_space_is_used_up_without_trying_a_point_twice(space):
    with pytest.warns(UserWarning, match="all were tried"):
        study = search(total, space, 100, progress=False)
    assert len(study.trials) == space.count == len({key(t.params) for t in study.trials})
    more = search(total, space, 60, progress=False, repeat=True)
    assert len(more.trials) == 60 and len({key(t.params) for t in more.trials}) == space.count


def test_a_branch_of_one_point_is_not_tried_twice_while_another_is_endless():
    space = Space(kind=Categorical("a", "b"), x=Uniform(0, 1).when(kind="a"))
    study = search(lambda p: p.get("x", 0.0), space, 40, progress=False)  # the single point is the best
    assert sum(t.params["kind"] == "b" for t in study.trials) == 1


def test_a_large_space_with_a_rare_constraint_is_searched_to_its_end():
    def small(p):
        return p["a"] + p["b"] < 70 and p["a"] % 2 == 0 and p["b"] % 8 == 1

    space = Space(a=Integer(0, 300), b=Integer(0, 300)).where(small)
    tried = space.every()[:-1]
    nothing = np.zeros((0, 2))
    params, _, _ = suggest(space, tried, np.arange(len(tried)) * 1.0, nothing, len(tried), 0)
    assert params == space.ppf(space.every()[-1:])[0]
    assert suggest(space, space.every(), np.arange(space.count), nothing, len(tried) + 1, 0)[0] is None


@pytest.mark.parametrize("name", kinds)
def test_any_space_is_searched_resumed_and_asked_alike(name, tmp_path):
    space, n = kinds[name], int(min(26, kinds[name].count))
    study = search(total, space, n, seed=2, progress=False)
    assert len(study.trials) == n and all(space.holds(t.params) and t.state == "complete" for t in study.trials)
    path = tmp_path / "run.jsonl"
    search(total, space, n // 2, seed=2, progress=False, journal=path)
    assert search(total, space, n, seed=2, progress=False, journal=path) == study
    assert Study.load(path, space) == study
    named = Study.load(path)
    assert [repr(t.value) for t in named.trials] == [repr(t.value) for t in study.trials]
    assert named.recommended.number == study.recommended.number and name in kinds
    by_hand = Study(space, seed=2)
    for _ in range(n):
        trial = by_hand.ask()
        by_hand.tell(trial, total(trial.params))
    assert {t.number: key(t.params) for t in by_hand.trials}.keys() == {t.number for t in study.trials}
    assert study._repr_html_() and study.to_frame().shape[0] == n and study.recommended and study.first(3).best


def test_workers_find_the_same_trials(tmp_path):
    space = tree.where(fits)
    assert search(total, space, 14, n_jobs=2, progress=False, journal=tmp_path / "j") == search(
        total, space, 14, progress=False
    )


def test_a_search_finds_the_best_branch_and_its_hyperparameters():
    def value(p):
        if p["optimizer"] == "adam":
            return 0.4
        return abs(p["momentum"] - 0.7) + 0.2 * (p["optimizer"] == "rmsprop") + 0.1 * (p["layers"] != 2)

    best = [search(value, tree, 40, seed=s, progress=False).best_value for s in range(2)]
    random = [min(map(value, tree.sample(40, seed=s))) for s in range(2)]
    assert np.median(best) < np.median(random) + 1e-9 and np.median(best) < 0.05


def test_a_search_is_learned_from_where_known_points_lack_something():
    study = Study(tree)
    study.add({"layers": 3, "units3": np.int64(16), "optimizer": "adam"}, 0.1)
    study.add({"layers": 1, "optimizer": "sgd", "momentum": np.float64(0.5)})
    assert study.ask().params == {"layers": 1, "optimizer": "sgd", "momentum": 0.5} and study.best_value == 0.1


# Journals


def test_a_journal_names_options_and_constraints_and_gives_them_back_with_the_space(tmp_path):
    path = tmp_path / "run.jsonl"
    study = search(total, anything, 20, progress=False, journal=path)
    text = path.read_text()
    for name in ("relu", "tanh", "Adam", "Size.large", "functools.partial(<built-in function pow>, 2)"):
        assert name in text
    shown = Study.load(path)
    assert {repr(t.params["act"]) for t in shown.trials} <= {"relu", "tanh"}
    with pytest.raises(RuntimeError, match="only the name of relu"):
        shown.space["act"].options[0](1.0)
    loaded = Study.load(path, anything)
    assert loaded == study and loaded.trials[0].params["make"] in (Adam, Sgd)
    with pytest.raises(ValueError, match="another search: space is"):
        Study.load(path, tree)
    json.loads(text.splitlines()[0])


def test_options_of_one_name_are_told_apart_by_their_modules_and_what_has_no_name_is_refused(tmp_path):
    both = Space(f=Categorical([math.tanh, tanh]))
    Study(both, journal=tmp_path / "a").ask()
    assert {repr(o) for o in Study.load(tmp_path / "a").space["f"].options} == {"math.tanh", f"{__name__}.tanh"}
    for i, space in enumerate(
        [Space(f=Categorical([lambda x: x, relu])), Space(x=Uniform(0, 1)).where(lambda p: p["x"] > 0.1)]
    ):
        with pytest.raises(ValueError, match="lambda"):
            Study(space, journal=tmp_path / f"b{i}")
        assert not (tmp_path / f"b{i}").exists()


def test_another_constraint_or_condition_is_another_search(tmp_path):
    Study(squares, journal=tmp_path / "a").ask()
    with pytest.raises(ValueError, match=r"where is .'rising'. in the journal and None here"):
        Study(Space(squares.scales), journal=tmp_path / "a")
    Study(tree, journal=tmp_path / "b").ask()
    other = Space(tree.scales | {"momentum": Uniform(0, 0.9).when(optimizer="sgd")})
    with pytest.raises(ValueError, match="another search"):
        Study(other, journal=tmp_path / "b")
    same = Space(tree.scales | {"momentum": Uniform(0, 0.9).when(optimizer=("sgd", "rmsprop"))})
    assert len(Study(same, journal=tmp_path / "b").open) == 1


def test_an_option_without_equality_is_known_by_how_it_shows_itself():
    class Layer:
        def __init__(self, units):
            self.units = units

        def __repr__(self):
            return f"Layer({self.units})"

    space = Space(layer=Categorical(Layer(8), Layer(16)), x=Uniform(0, 1))
    study = Study(space)
    trial = study.ask()
    study.add(trial.params, 1.0)  # a copy of the option
    study.tell(trial, 2.0)
    assert study.best.params["layer"] in space["layer"].options


# What is asked of the trials


@pytest.mark.parametrize("name", ["tree", "band", "mixed", "still"])
def test_edges_importance_and_plots_know_what_is_not_there(name):
    import matplotlib.pyplot as plt

    study = search(total, kinds[name], 30, progress=False)
    assert all(e.p > 0 for e in edges(study, shuffles=500))
    found = importance(study, draws=2)
    assert sorted(i.name for i in found) == sorted(study.space.columns)
    assert all(0 <= i.low <= i.high <= 1 and math.isfinite(i.total) for i in found)
    assert plot_history(study) and plot_trials(study) and plot_isolation(study)
    plt.close("all")
    assert retune(study, total, fresh=2, top=1, repeats=4).verdict == "still good"


def test_importance_is_not_led_astray_by_what_is_not_there():
    def value(p):
        return 5 * (p["optimizer"] == "adam") + p.get("momentum", 0.0)

    by_name = {i.name: i for i in importance(search(value, tree, 40, progress=False), calm=False, draws=4)}
    assert by_name["optimizer"].total > 0.8 and max(by_name[n].total for n in ("layers", "units3", "nesterov")) < 0.2


@pytest.mark.parametrize("looked_through", [2**20, 10])
@pytest.mark.parametrize("space", [squares, finite], ids=["with a constraint", "with conditions"])
def test_the_one_point_that_is_left_is_found(space, looked_through, monkeypatch):
    monkeypatch.setattr(choice, "_MANY_POINTS", looked_through)
    points = space.every()
    points = points[space.allowed(points)]
    for left in (0, len(points) // 2, len(points) - 1):
        tried = np.delete(points, left, axis=0)
        found = choice._Candidates(space, tried, Stream(0, "one"), repeat=False).untried()
        assert np.array_equal(found, points[[left]], equal_nan=True)
