"""Practice: edges, importance, pictures, tuning again, and Optuna on both sides."""

import cProfile
import itertools
import json
import math
import pickle
import random
import subprocess
import sys
import warnings
from datetime import timedelta

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from dlnotes import (
    Categorical,
    Integer,
    LogUniform,
    Panda,
    ReverseLogUniform,
    Space,
    Study,
    Trial,
    Uniform,
    due,
    edges,
    importance,
    plot_history,
    plot_isolation,
    plot_trials,
    retune,
    search,
    to_optuna,
    trial_seed,
)

SPACE = Space(
    lr=LogUniform(1e-5, 1e-2),
    beta=ReverseLogUniform(0.5, 0.999),
    width=Integer(8, 128),
    kind=Categorical(["a", "b", "c"]),
    idle=Uniform(0, 1),
)


def objective(p):
    miss = 0.3 * (math.log10(p["lr"]) + 1) ** 2 + 0.8 * (math.log10(1 - p["beta"]) + 1.5) ** 2
    return miss + 0.5 * (p["kind"] == "b")


def study_of(points, f, space, **options):
    return Study(space, trials=[Trial(i, p, float(f(p)), "complete") for i, p in enumerate(points)], **options)


@pytest.fixture(scope="module")
def study():
    return search(objective, SPACE, 60)


# Edges


def test_an_edge_is_found_in_either_direction_and_nothing_else(study):
    assert [e.advice for e in edges(study) if e.advice] == ["widen lr upward"]
    up = search(lambda p: -objective(p), SPACE, 60, direction="maximize")
    assert [e.advice for e in edges(up) if e.advice] == ["widen lr upward"]
    low = search(lambda p: math.log10(p["lr"]), SPACE, 60)
    assert [e.advice for e in edges(low) if e.advice] == ["widen lr downward"]


def test_null_probabilities_are_even_without_an_effect():
    space = Space(a=Uniform(0, 1), b=LogUniform(1e-3, 1))
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        found = edges(study_of(space.sample(40, seed=seed), lambda _, rng=rng: rng.random(), space), shuffles=500)
        p.append(next(e.p for e in found if (e.name, e.side) == ("b", "high")))
    assert 0.02 < np.mean(np.array(p) < 0.1) < 0.18
    assert 0.4 < np.mean(p) < 0.6


LINE = Space(x=Uniform(0, 1))


def ladder(n, f, **changes):
    """A study of n evenly spread trials; f gives a value or the state of a trial without one."""
    trials = []
    for i in range(n):
        x = (i + 0.5) / n
        got = f(x)
        value, state = (None, got) if isinstance(got, str) else (float(got), "complete")
        trials.append(Trial(i, {"x": x}, value, state, **changes))
    return Study(LINE, trials=trials)


def test_an_edges_probability_is_that_of_all_ways_to_pick_a_third():
    found = edges(ladder(9, lambda x: x))
    assert [e.side for e in found] == ["low", "high"]
    assert abs(found[0].p - 1 / math.comb(9, 3)) < 0.004 and found[1].p == 1
    assert [e.distance for e in found] == pytest.approx([1 / 18, 17 / 18])


def test_an_edge_in_a_thousand_trials_and_in_one_more_is_the_same():
    value = dict(zip(np.arange(1001) / 1001, np.random.default_rng(0).normal(size=1001), strict=True))
    chances = {}
    for n in (1000, 1001):
        trials = [Trial(i, {"x": x}, v + 0.1 * x, "complete") for i, (x, v) in enumerate(list(value.items())[:n])]
        chances[n] = {e.side: e.p for e in edges(Study(Space(x=Uniform(0, 1)), trials=trials))}
    assert 0.02 < chances[1000]["low"] < 0.98
    assert chances[1001] == pytest.approx(chances[1000], abs=0.02)


def test_an_alarm_needs_both_a_best_trial_at_the_end_and_a_small_probability():
    near, far = (ladder(30, lambda x, end=end: abs(x - end)) for end in (0.93, 0.85))
    assert [e.advice for e in edges(near)] == ["widen x upward", ""]
    assert edges(far)[0].p < 0.001 and not any(e.advice for e in edges(far))
    unlikely = edges(near)[0].p
    assert edges(near, level=2.1 * unlikely)[0].advice and not edges(near, level=1.9 * unlikely)[0].advice


def test_equal_values_say_nothing_about_an_edge():
    assert [e.p for e in edges(ladder(30, lambda x: 1.0))] == [1, 1]
    assert all(e.p > 0.2 for e in edges(ladder(30, lambda x: int(30 * x) % 2)))


@pytest.mark.parametrize("state", ["failed", "infeasible", "timeout"])
def test_an_edge_is_where_the_rest_does_not_run(state):
    found = {e.side: e for e in edges(ladder(30, lambda x: state if x < 0.6 else 1 - 1e-6 * x))}
    assert found["high"].advice == "widen x upward" and found["high"].p < 0.01 < 0.99 < found["low"].p
    few = edges(ladder(30, lambda x: -x if x > 0.9 else state))  # three run, seven of the best third are any others
    assert few[0].side == "high" and few[0].p < 0.05
    with pytest.raises(ValueError, match=r"needs 9 .* got 30, 0 complete"):
        edges(ladder(30, lambda x: state))
    with pytest.raises(ValueError, match=r"needs 8 .* got 30, 0 complete"):
        importance(ladder(30, lambda x: state))


def test_lost_and_given_trials_are_no_evidence_of_an_edge():
    with pytest.raises(ValueError, match=r"needs 9 .* got 8, 8 complete"):
        edges(ladder(16, lambda x: "lost" if x < 0.5 else x))
    with pytest.raises(ValueError, match=r"needs 9 .* got 0, 0 complete"):
        edges(ladder(16, lambda x: x, given=True))
    with pytest.raises(ValueError, match=r"needs 8 .* got 7, 7 complete"):
        importance(ladder(14, lambda x: "lost" if x < 0.5 else x))
    assert importance(ladder(16, lambda x: x, given=True))[0].total == 1


def alarms(f, n, seeds, space):
    found = [edges(search(f(seed), space, n, seed=seed, progress=False), shuffles=2000) for seed in range(seeds)]
    return [[(e.name, e.side) for e in edge if e.advice] for edge in found]


PAIR = Space(x=Uniform(0, 1), y=Uniform(0, 1))
WITHOUT_AN_EDGE = {
    "the middle": lambda seed: lambda p: (p["x"] - 0.5) ** 2 + (p["y"] - 0.5) ** 2,
    "inside": lambda seed: lambda p: (p["x"] - 0.7) ** 2 + 2 * abs(p["y"] - 0.35),
    "flat": lambda seed: lambda p: 1.0,
    "one that matters": lambda seed: lambda p: (p["x"] - 0.4) ** 2,
    "noise": lambda seed: (lambda rng: lambda p: rng.random())(np.random.default_rng(seed)),
}


@pytest.mark.parametrize("n", [30, 60])
@pytest.mark.parametrize("kind", WITHOUT_AN_EDGE)
def test_a_search_without_an_edge_raises_few_alarms(kind, n):
    assert sum(map(bool, alarms(WITHOUT_AN_EDGE[kind], n, 6, PAIR))) <= 1


@pytest.mark.parametrize("n", [30, 60])
def test_a_search_sees_the_edge_of_a_slope_and_only_that(n):
    assert alarms(lambda seed: lambda p: -p["x"] + (p["y"] - 0.6) ** 2, n, 4, PAIR) == [[("x", "high")]] * 4


def test_too_few_trials_are_refused_with_the_number():
    few = search(objective, SPACE, 5)
    with pytest.raises(ValueError, match=r"needs 9 .* got 5"):
        edges(few)
    with pytest.raises(ValueError, match=r"needs 8 .* got 5"):
        importance(few)


def test_too_few_trials_from_the_whole_space_are_told_how_many_more_it_takes():
    wide = search(objective, SPACE, 12, progress=False)
    later = search(objective, SPACE, 16, start=wide, progress=False)
    found = sum(t.whole and not t.given for t in later.trials)
    assert found == 4
    with pytest.raises(ValueError, match=rf"got {found}, .*: about {4 * (9 - found)} more trials, .* one in four"):
        edges(later)
    assert edges(search(objective, SPACE, 16 + 4 * (9 - found), start=wide, progress=False))
    with pytest.raises(ValueError, match=r"got 5, 5 complete: about 4 more trials"):
        edges(search(objective, SPACE, 5, progress=False))
    assert edges(search(objective, SPACE, 9, progress=False))
    with pytest.raises(ValueError, match=r"got 10, 0 complete$"):
        edges(failed(10))
    with pytest.raises(ValueError, match=r"got 5, 5 complete$"):
        importance(search(objective, SPACE, 5, progress=False))  # which takes trials from anywhere


def failed(n):
    "A study of trials that all failed"
    study = Study(SPACE)
    for _ in range(n):
        study.tell(study.ask(), error="no")
    return study


def test_what_is_asked_of_one_objective_says_how_to_get_it():
    both = search(lambda p: (p["lr"], -p["lr"]), SPACE, 12, direction=("minimize", "minimize"), progress=False)
    for ask in (edges, importance):
        with pytest.raises(ValueError, match=r"several objectives; study\.only\(0\) has the first of them alone"):
            ask(both)
        ask(both.only(0))


def test_a_searchcv_is_told_to_give_its_study():
    SearchCV = pytest.importorskip("dlnotes.sklearn").SearchCV
    for ask in (edges, importance):
        with pytest.raises(TypeError, match=r"got SearchCV\((?s:.*): give its search_$"):
            ask(SearchCV(None, SPACE))
        with pytest.raises(TypeError, match=r"got \[1, 2\]$"):
            ask([1, 2])


@pytest.mark.parametrize("ask", [edges, importance, plot_history, plot_trials, plot_isolation, retune])
def test_what_is_not_a_study_is_named(ask):
    with pytest.raises(TypeError, match=r"study must be a Study, .* got \[1, 2\]"):
        ask([1, 2], objective) if ask is retune else ask([1, 2])


# Importance


def test_importance_agrees_with_an_additive_function_whose_shares_are_known():
    space = Space(a=Uniform(0, 1), b=Uniform(0, 1), c=Categorical(["x", "y"]), d=Uniform(0, 1))
    f = lambda p: 4 * p["a"] + 2 * p["b"] + (p["c"] == "y") * math.sqrt(4 / 12) * 2
    true = dict(zip("abcd", np.array([16 / 12, 4 / 12, 4 / 12, 0]) / (24 / 12), strict=True))
    for i in importance(study_of(space.sample(100), f, space)):
        assert abs(i.total - true[i.name]) < 0.08 and abs(i.main - true[i.name]) < 0.12
        assert 0 <= i.low <= i.total <= i.high <= 1


def test_importance_sees_an_interaction_that_has_no_main_effect():
    space = Space(a=Uniform(-1, 1), b=Uniform(-1, 1), c=Uniform(-1, 1))
    found = {i.name: i for i in importance(study_of(space.sample(120), lambda p: p["a"] * p["b"], space), calm=False)}
    for name in "ab":
        assert found[name].main < 0.15 and found[name].total > 0.85
    assert found["c"].total < 0.1


def test_importance_agrees_with_ishigamis_function_whose_shares_are_known():
    f = lambda p: math.sin(p["a"]) + 7 * math.sin(p["b"]) ** 2 + 0.1 * p["c"] ** 4 * math.sin(p["a"])
    cube = Space(**{name: Uniform(-math.pi, math.pi) for name in "abc"})
    trials = [Trial(i, p, f(p), "complete") for i, p in enumerate(cube.sample(200, method="quasirandom"))]
    found = {i.name: i for i in importance(Study(cube, trials=trials), calm=False)}
    for name, main, total in (("a", 0.314, 0.558), ("b", 0.442, 0.442), ("c", 0.0, 0.244)):
        assert abs(found[name].main - main) < 0.12 and abs(found[name].total - total) < 0.12


@pytest.mark.parametrize(
    "space",
    [
        Space(p=Categorical(list("abc")), q=Categorical(["x", "y"])),
        Space(p=Integer(0, 3), q=Categorical(["x", "y", "z"])),
        Space(p=Integer(1, 4), q=Integer(0, 2)),
    ],
)
def test_a_table_of_which_every_cell_was_tried_has_the_shares_of_an_analysis_of_variance(space):
    n = [int(scale.count) for scale in space.scales.values()]
    table = np.random.default_rng(5).normal(size=n)
    cells = [(i, j, space.ppf([[(i + 0.5) / n[0], (j + 0.5) / n[1]]])[0]) for i, j in np.ndindex(*n)] * 2
    found = importance(Study(space, trials=[Trial(k, p, table[i, j], "complete") for k, (i, j, p) in enumerate(cells)]))
    main = {"p": table.mean(axis=1).var() / table.var(), "q": table.mean(axis=0).var() / table.var()}
    total = {"p": 1 - main["q"], "q": 1 - main["p"]}
    assert [i.name for i in found] == sorted(total, key=total.get, reverse=True)
    for i in found:
        assert abs(i.main - main[i.name]) < 0.002 and i.low - 0.001 < total[i.name] < i.high + 0.001
        assert i.high - i.low < 0.01


def test_what_does_nothing_may_have_no_share_at_all():
    space = Space(a=Uniform(0, 1), b=Uniform(0, 1), c=Uniform(0, 1))
    found = importance(study_of(space.sample(30), lambda p: math.sin(5 * p["a"]) + p["b"], space))
    assert [(i.name, i.high) for i in found[2:]] == [("c", 0)] and found[1].low > 0.1


def test_more_than_two_hundred_trials_are_those_from_the_whole_space_and_the_latest():
    old, new = (lambda p: p["x"]), (lambda p: p["y"])
    points = PAIR.sample(260)
    trials = [Trial(i, p, (old if i < 60 else new)(p), "complete") for i, p in enumerate(points)]
    assert {i.name: i.total for i in importance(Study(PAIR, trials=trials))} == {
        "y": pytest.approx(1, abs=0.01),
        "x": 0,
    }


def true_totals(f, space, n=40_000):
    """From many points: columns in turn taken from a second set of them."""
    rng = np.random.default_rng(0)
    snap = lambda scale, x: scale.cdf(np.array(scale.ppf(x))) if scale.ordered else x
    snapped = lambda u: [snap(scale, x) for scale, x in zip(space.scales.values(), u.T, strict=True)]
    a, b = rng.random((n, len(space))), rng.random((n, len(space)))
    value = lambda u: f(np.stack(snapped(u), axis=1))
    ya, each = value(a), range(len(space))
    changed = [((ya - value(np.where(np.arange(len(space)) == j, b, a))) ** 2).mean() for j in each]
    return (np.array(changed) / 2 / ya.var()).clip(0, 1)


def bowl(rng, d):
    strength, middle = rng.exponential(size=d), rng.random(d)
    return lambda u: ((u - middle) ** 2) @ strength + 0.5 * u[:, 0] * u[:, 1], [Uniform(0, 1)] * d


def steps(rng, d):
    strength, where = rng.exponential(size=d), rng.random(d)
    return lambda u: (u > where) @ strength, [Integer(1, 6)] * d


def table(rng, d):
    tables = [rng.normal(size=4) * rng.exponential() for _ in range(d)]
    pair = rng.normal(size=(4, 4))
    k = lambda u, j: np.minimum(4 * u[:, j], 3).astype(int)
    f = lambda u: sum(t[k(u, j)] for j, t in enumerate(tables)) + 0.5 * pair[k(u, 0), k(u, 1)]
    return f, [Categorical(list("abcd"))] * d


def mixed(rng, d):
    jump = rng.normal(size=3)
    f = lambda u: np.sin(4 * u[:, 0]) + jump[np.minimum(3 * u[:, 1], 2).astype(int)]  # the others do nothing
    return f, [Uniform(0, 1), Categorical(list("abc")), Integer(1, 5), LogUniform(1e-3, 1), Uniform(0, 1)][:d]


def intervals_that_hold(kind, how, seed):
    rng = np.random.default_rng(seed)
    f, scales = kind(rng, 2 + seed)
    space = Space({f"h{j}": scale for j, scale in enumerate(scales)})
    objective = lambda p: float(f(space.cdf([p]))[0] + 0.2 * (how == "noisy") * rng.normal())
    points = space.sample(24, seed=seed)
    study = search(objective, space, 40, seed=seed) if how == "search" else study_of(points, objective, space)
    found, true = importance(study, calm=False), dict(zip(space, true_totals(f, space), strict=True))
    return [i.low - 0.01 <= true[i.name] <= i.high + 0.01 for i in found]


@pytest.mark.filterwarnings("ignore:the space has")
@pytest.mark.parametrize("how", ["random", "search", "noisy"])
@pytest.mark.parametrize("kind", [bowl, steps, table, mixed])
def test_intervals_hold_the_truth_about_as_often_as_they_say(kind, how):
    assert np.mean(np.concatenate([intervals_that_hold(kind, how, seed) for seed in range(4)])) >= 0.7


@pytest.mark.parametrize("calm", [True, False])
@pytest.mark.parametrize("scale", [1e308, -1e308, 1e200, 1, 1e-200, 1e-310])
def test_shares_do_not_depend_on_the_size_of_values(scale, calm):
    found = {i.name: i for i in importance(study_of(PAIR.sample(20), lambda p: scale * p["x"], PAIR), calm=calm)}
    assert found["x"].total > 0.95 and found["y"].total < 0.05


@pytest.mark.filterwarnings("error")
def test_values_at_both_ends_of_the_floats_and_equal_ones_have_shares():
    wide = importance(study_of(PAIR.sample(20), lambda p: 1.7e308 * (2 * p["x"] - 1), PAIR))
    assert wide[0].name == "x" and wide[0].total > 0.95
    least = importance(study_of(PAIR.sample(30), lambda p: 5e-324 * round(6 * p["x"]), PAIR))
    assert least[0].name == "x" and least[0].total > 0.8
    for same in (0.0, 1e308, -1e308, 5e-324):
        equal = importance(study_of(PAIR.sample(20), lambda p, same=same: same, PAIR))
        assert [(i.total, i.low, i.high) for i in equal] == [(0, 0, 1)] * 2


@pytest.mark.parametrize("state", ["failed", "infeasible", "timeout", "lost"])
def test_what_does_not_run_is_as_bad_as_the_worst_and_what_is_lost_is_nothing(state):
    def trial(i, p):
        return Trial(i, p, None, state) if p["x"] < 0.4 else Trial(i, p, 1 + 0.1 * p["y"], "complete")

    study = Study(PAIR, trials=[trial(i, p) for i, p in enumerate(PAIR.sample(60))])
    share = {i.name: i.total for i in importance(study, calm=False)}
    assert share["y"] > 0.9 if state == "lost" else share["x"] > 0.4


def test_importance_on_a_search_names_what_matters_first(study):
    found = importance(study)
    assert found[0].name == "lr" and {i.name for i in found[-2:]} == {"width", "idle"}
    assert found == importance(study)


def test_one_diverged_run_is_not_all_of_the_variance():
    f = lambda p: 1e30 if p["idle"] > 0.97 else objective(p)
    assert importance(study_of(SPACE.sample(80), f, SPACE))[0].name == "lr"


def test_importance_of_a_constant_does_not_fail():
    assert len(importance(study_of(SPACE.sample(20), lambda p: 1.0, SPACE))) == 5


# Pictures


def test_pictures_have_labels_and_show_failures():
    import matplotlib

    matplotlib.use("Agg")
    broken = search(lambda p: math.nan if p["idle"] > 0.7 else objective(p), SPACE, 40)
    ax = plot_history(broken)
    assert ax.get_xlabel() and ax.get_ylabel()
    reds = [line for line in ax.lines if line.get_color() == "red"]
    assert sum(len(line.get_xdata()) for line in reds) == sum(t.value is None for t in broken.trials) > 0
    assert [ax.get_xlabel() for ax in plot_trials(broken)] == list(SPACE)
    assert len(plot_isolation(broken, ["lr", "kind"])) == 2
    with pytest.raises(ValueError, match="no such hyperparameters: \\['speed'\\]"):
        plot_trials(broken, ["speed"])
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_history_shows_every_value_and_the_best_so_far(direction):
    study = search(lambda p: math.nan if p["idle"] > 0.7 else objective(p), SPACE, 25, direction=direction)
    shown = {line.get_label(): line.get_xydata().tolist() for line in plot_history(study).lines}
    value = [math.nan if t.value is None else t.value for t in study.trials]
    best = (np.fmin if direction == "minimize" else np.fmax).accumulate(value)
    nan_safe = lambda rows: sorted((x, repr(y)) for x, y in rows)
    for label, whole in (("over the whole space", True), ("where it promises most", False)):
        assert nan_safe(shown[label]) == nan_safe(
            [t.number, v] for t, v in zip(study.trials, value, strict=True) if t.whole is whole
        )
    assert nan_safe(shown["best so far"]) == nan_safe(enumerate(best.tolist()))
    plt.close("all")


def test_a_history_without_values_has_a_picture():
    assert len(plot_history(search(lambda p: math.nan, SPACE, 5)).lines) == 3  # no best so far
    plt.close("all")


def light(color):
    """Luminance, as the Web's rules for contrast have it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("style", ["dark_background", "dlnotes.book", "default"])
def test_pictures_can_be_read_in_any_style_and_on_given_axes(style):
    broken = search(lambda p: math.nan if p["idle"] > 0.7 else objective(p), SPACE, 20)
    panda = Panda(lambda rng: 1.0, lambda w, params, rng: (w / 2, w), {"lr": 0.1})
    panda.run(4)
    panda.change("steadier", lr=0.05)
    panda.run(2)
    with plt.style.context(style):
        figure, axes = plt.subplots(3, 4)
        grid = axes.flat
        assert plot_history(broken, ax=grid[0]) is grid[0] and panda.plot(ax=grid[1]) is grid[1]
        assert [ax is grid[2 + k] for k, ax in enumerate(plot_trials(broken, ax=axes.flat[2:7]))] == [True] * 5
        assert plot_isolation(broken, ["lr", "kind"], ax=list(grid[7:9]))[1] is grid[8]
        assert plot_trials(broken, ["lr"], ax=grid[9]) == [grid[9]]
        with pytest.raises(ValueError, match=r"ax must be one for each of \['lr', 'kind'\], got 1"):
            plot_isolation(broken, ["lr", "kind"], ax=grid[9])
        figure.canvas.draw()
        paper = light(figure.get_facecolor())
        for ax in grid:
            colors = [line.get_color() for line in ax.lines] + [t.get_color() for t in ax.texts + ax.get_xticklabels()]
            for color in [*colors, ax.xaxis.label.get_color()]:
                high, low = sorted([paper, light(color)], reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 2.5, color
    plt.close("all")


# Tune again


def test_a_study_is_due_by_its_age(study):
    later = lambda days: study.created + timedelta(days=days)
    assert not due(study, "60 days", now=later(59)) and due(study, "60 days", now=later(60))
    for age, days in (("8 weeks", 56), ("2 months", 60), ("1.5 years", 547.5), ("1 day", 1)):
        assert not due(study, age, now=later(days - 0.01)) and due(study, age, now=later(days))
    assert not due(study, timedelta(days=90), now=later(89)) and not due(study)
    with pytest.raises(ValueError, match="'soon'"):
        due(study, "soon")


def drifting(best, noise, seed):
    rng = np.random.default_rng(seed)
    return lambda p: (math.log10(p["lr"]) - best) ** 2 + noise * rng.normal()


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_retune_tells_still_good_from_stale(direction):
    space = Space(lr=LogUniform(1e-5, 1))
    sign = 1 if direction == "minimize" else -1
    data = lambda best, seed: (lambda f: lambda p: sign * f(p))(drifting(best, 0.1, seed))
    spring = search(data(-2, 0), space, 40, direction=direction)
    verdicts = lambda best: [retune(spring, data(best, 10 + s), seed=s).verdict for s in range(20)]
    assert verdicts(-2).count("stale") <= 3
    assert verdicts(-0.5).count("stale") >= 18


def test_retune_runs_each_rival_once_and_then_a_match_in_turn():
    space = Space(x=Uniform(0, 1))
    spring = search(lambda p: p["x"], space, 30)
    best, *next_best = [t.params["x"] for t in spring.ranked()]
    ran, seeds = [], []

    def today(p):
        ran.append(p["x"])
        seeds.append(trial_seed())
        return -p["x"]

    found = retune(spring, today, top=3, fresh=5, repeats=4)
    assert ran[:3] == next_best[:3] and ran[8:] == [best, max(ran[:8])] * 4 and len(set(seeds)) == len(ran) == 16
    assert max(ran[3:5]) < 0.2 < max(ran[5:8])  # two near the champion, three over the whole space
    assert (found.champion, found.rival) == ({"x": best}, {"x": max(ran)})
    assert found.champion_values == [-best] * 4 and found.rival_values == [-max(ran)] * 4
    assert found.verdict == "stale" and found.p == 1 / math.comb(8, 4) and found.then == best
    assert retune(spring, today, top=3, fresh=0).rival == {"x": max(next_best[:3])}
    assert retune(spring, today, repeats=4, level=1 / 70).verdict == "still good"
    with pytest.raises(ValueError, match="top or fresh must be at least 1"):
        retune(spring, today, top=0, fresh=0)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_run_that_fails_in_the_match_counts_as_the_worst(direction):
    sign = 1 if direction == "minimize" else -1
    spring = search(lambda p: sign * p["x"], Space(x=Uniform(0, 1)), 30, direction=direction)
    champion = spring.best.params["x"]
    fails = iter([True, False, False, False])
    today = lambda p: sign * (1.0 if p["x"] != champion else math.nan if next(fails) else 0.5)
    found = retune(spring, today, repeats=4)
    # of the 70 ways to share out (worst, 1, 1, 1, 1, 0.5, 0.5, 0.5), those whose mean is as bad as the champion's
    scores = [2.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]
    bad = [sum(four) >= sum(scores[:4]) for four in itertools.combinations(scores, 4)]
    assert found.p == np.mean(bad) and found.verdict == "still good"


def test_retune_survives_failing_runs_and_says_when_nothing_runs():
    space = Space(lr=LogUniform(1e-5, 1))
    spring = search(drifting(-2, 0, 0), space, 30)

    def today(p):
        if p["lr"] < 0.04:
            raise RuntimeError("the champion no longer runs")
        return p["lr"]

    assert retune(spring, today).verdict == "stale"
    with pytest.raises(RuntimeError, match="check the objective"):
        retune(spring, lambda p: 1 / 0)
    with pytest.raises(ValueError, match="repeats must be at least 4"):
        retune(spring, today, repeats=3)


def test_retune_gives_objectives_and_readers_copies():
    space = Space(x=Uniform(0, 1), layers=Categorical([[8], [8, 8]]))
    before = search(lambda p: p["x"], space, 20)
    kept = json.dumps([t.params for t in before.trials])

    def careless(p):
        value = p["x"] + len(p["layers"])
        p["x"] = 2
        p["layers"].append(1)
        return value

    outcome = retune(before, careless)
    outcome.champion["x"] = 3
    outcome.rival["layers"].append(5)
    assert kept == json.dumps([t.params for t in before.trials]) and space["layers"].options == ([8], [8, 8])
    assert max(outcome.champion_values) <= before.best.params["x"] + 2


# Optuna

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)
from optuna.testing import pytest_samplers  # noqa: E402

from dlnotes.optuna import Sampler  # noqa: E402


@pytest.mark.filterwarnings("ignore:all . points of the space were tried")
class TestOptunasOwnCases(
    pytest_samplers.BasicSamplerTestCase,
    pytest_samplers.RelativeSamplerTestCase,
    pytest_samplers.SingleOnlySamplerTestCase,
):
    @pytest.fixture
    def sampler(self):
        return lambda: Sampler(seed=0)


def test_the_sampler_repeats_itself_and_beats_random_draws():
    def run(sampler):
        theirs = optuna.create_study(sampler=sampler)
        theirs.optimize(lambda t: (t.suggest_float("x", -5, 5) - 3) ** 2 + (t.suggest_int("n", 1, 50) - 9) ** 2, 40)
        return theirs

    assert [t.params for t in run(Sampler(1)).trials] == [t.params for t in run(Sampler(1)).trials]
    ours = np.mean([run(Sampler(s)).best_value for s in range(4)])
    random = np.mean([run(optuna.samplers.RandomSampler(seed=s)).best_value for s in range(4)])
    assert ours < 0.3 * random


def test_the_sampler_copes_with_failures_pruning_and_maximising():
    def act(t):
        x = t.suggest_float("x", 1e-4, 1, log=True)
        if x > 0.3:
            raise RuntimeError
        if x < 1e-3:
            raise optuna.TrialPruned
        return -(math.log10(x) ** 2)

    theirs = optuna.create_study(sampler=Sampler(0), direction="maximize")
    theirs.optimize(act, 40, catch=RuntimeError)
    assert theirs.best_value > -0.5 and len(theirs.trials) == 40


def on_grid(t):
    return (t.suggest_int("i", 0, 9) - 3) ** 2 + (t.suggest_int("j", 0, 9) - 6) ** 2


def points(theirs):
    return [tuple(t.params.values()) for t in theirs.trials]


def one_by_one(theirs, trials):
    return [on_grid(t) for t in trials]


def crosswise(theirs, trials):
    i = [t.suggest_int("i", 0, 9) for t in trials]
    return [(a - 3) ** 2 + (t.suggest_int("j", 0, 9) - 6) ** 2 for a, t in zip(i, trials, strict=True)]


@pytest.mark.parametrize("fill", [one_by_one, crosswise])
def test_trials_that_are_open_at_once_go_to_different_places(fill):
    theirs = optuna.create_study(sampler=Sampler(0))
    for _ in range(25):
        trials = [theirs.ask() for _ in range(4)]
        for trial, value in reversed(list(zip(trials, fill(theirs, trials), strict=True))):
            theirs.tell(trial, value)
    assert len(set(points(theirs))) == 100


def test_threads_and_enqueued_trials_do_not_repeat_each_other():
    theirs = optuna.create_study(sampler=Sampler(0))
    for k in range(5):
        theirs.enqueue_trial({"i": k, "j": k})
    theirs.optimize(on_grid, 60)
    assert len(set(points(theirs))) == 60 and points(theirs)[:5] == [(k, k) for k in range(5)]
    theirs = optuna.create_study(sampler=Sampler(0))
    theirs.optimize(on_grid, 100, n_jobs=4)
    assert len(set(points(theirs))) == 100


WORKER = """
import optuna, sys
from dlnotes.optuna import Sampler
optuna.logging.set_verbosity(optuna.logging.ERROR)
theirs = optuna.load_study(study_name="grid", storage=sys.argv[1], sampler=Sampler(0))
theirs.optimize(lambda t: (t.suggest_int("i", 0, 9) - 3) ** 2 + (t.suggest_int("j", 0, 9) - 6) ** 2, 16)
"""


def test_processes_do_not_repeat_each_other(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    theirs = optuna.create_study(study_name="grid", storage=url)
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, url]) for _ in range(2)]
    assert [worker.wait(300) for worker in workers] == [0] * 2
    assert len(theirs.trials) == len(set(points(theirs))) == 32


class Rival(optuna.storages.InMemoryStorage):
    """Another process says of its trial what we say of ours, at the same moment, as often as `says`."""

    rival, says = None, 0

    def set_trial_system_attr(self, trial_id, key, value):
        super().set_trial_system_attr(trial_id, key, value)
        if self.rival is not None and self.says:
            self.says -= 1
            super().set_trial_system_attr(self.rival, key, value)
            self.said = value["x"]


@pytest.mark.parametrize("says", [1, 3])
def test_what_another_process_says_at_the_same_moment_is_left_to_it(says):
    storage = Rival()
    theirs = optuna.create_study(storage=storage, sampler=Sampler(0))
    theirs.optimize(lambda t: abs(t.suggest_int("x", 0, 99) - 30), 15)
    storage.rival, storage.says = storage.create_new_trial(theirs._study_id), says
    assert theirs.ask().suggest_int("x", 0, 99) != storage.said and not storage.says


NEXT = math.nextafter
EXTREME = {
    "many integers": lambda t: t.suggest_int("n", 0, 2**53),
    "more than that": lambda t: t.suggest_int("n", -(2**60), 2**60),
    "on a log scale": lambda t: t.suggest_int("n", 1, 2**53, log=True),
    "in steps": lambda t: t.suggest_int("n", 0, 7 * 2**50, step=7),
    "far from zero": lambda t: t.suggest_int("n", 2**60, 2**60 + 4),
    "two of the same float, log": lambda t: t.suggest_int("n", 2**53, 2**53 + 1, log=True),
    "all the same float": lambda t: t.suggest_int("n", 2**100, 2**100 + 2**46),
    "steps below a float's": lambda t: t.suggest_float("x", 0, 1, step=1e-20),
    "far out": lambda t: t.suggest_float("x", 1e16, 1e16 + 100, step=0.5),
    "many steps": lambda t: t.suggest_float("x", 0.1, 1e12, step=0.1),
    "one ulp": lambda t: t.suggest_float("x", 1, NEXT(1, 2)),
    "one ulp below": lambda t: t.suggest_float("x", NEXT(1, 0), 1),
    "one large ulp": lambda t: t.suggest_float("x", 1e300, NEXT(1e300, math.inf), log=True),
    "the least ulp": lambda t: t.suggest_float("x", -5e-324, 0),
    "the least, log": lambda t: t.suggest_float("x", 5e-324, 1e-323, log=True),
    "all floats": lambda t: t.suggest_float("x", -1.7976931348623157e308, 1.7976931348623157e308),
    "all of them, log": lambda t: t.suggest_float("x", 5e-324, 1.7976931348623157e308, log=True),
    "odd options": lambda t: [None, True, math.inf, "a"].index(t.suggest_categorical("x", [None, True, math.inf, "a"])),
}


@pytest.mark.filterwarnings("ignore:all .* points", "error::RuntimeWarning")
@pytest.mark.parametrize("also", [False, True])
@pytest.mark.parametrize("kind", EXTREME)
def test_ranges_at_the_limits_of_numbers_crash_no_study(kind, also):
    theirs = optuna.create_study(sampler=Sampler(0))
    theirs.optimize(lambda t: float(EXTREME[kind](t)) / 2 + (t.suggest_float("y", 0, 1) if also else 0), 12)
    for t in theirs.trials:
        for name, d in t.distributions.items():
            value = t.params[name]
            assert type(value) is (int if isinstance(d, optuna.distributions.IntDistribution) else type(value))
            assert kind == "many steps" or d._contains(d.to_internal_repr(value))


def test_a_space_that_is_used_up_goes_on_with_one_warning():
    theirs = optuna.create_study(sampler=Sampler(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs.optimize(on_grid, 100)
    with pytest.warns(UserWarning, match=r"all 100 points of the space were tried") as told:
        theirs.optimize(on_grid, 10)
    assert len(told) == 1 and len(theirs.trials) == 110 and theirs.best_value == 0


def random_tree(seed):
    "An objective over a finite space in which answers decide which questions come next, and how many points it has"
    rng = random.Random(seed)

    def grow(depth, name):
        size = rng.randint(2, 3)
        kids = [grow(depth - 1, f"{name}{i}") if depth and rng.random() < 0.6 else None for i in range(size)]
        if rng.random() < 0.3:
            kids = [kids[0]] * size  # the same questions, whatever the answer
        return rng.choice("ico"), name, kids

    def ask(t, node):
        kind, name, kids = node
        if kind == "i":
            i = t.suggest_int(name, 5, 5 + len(kids) - 1) - 5
        elif kind == "c":
            i = "xyz".index(t.suggest_categorical(name, list("xyz"[: len(kids)])))
        else:
            i = round(t.suggest_float(name, 0, 0.5 * (len(kids) - 1), step=0.5) * 2)
        return i + (ask(t, kids[i]) if kids[i] else 0)

    def count(node):
        return sum(count(kid) if kid else 1 for kid in node[2])

    root, last = grow(3, "q"), rng.random() < 0.5
    return lambda t: ask(t, root) + (t.suggest_int("last", 0, 1) if last else 0), count(root) * (2 if last else 1)


def distinct(study):
    return {tuple(sorted(t.params.items())) for t in study.trials}


@pytest.mark.parametrize("seed", range(8))
def test_no_point_of_a_tree_is_tried_twice_while_one_is_left(seed):
    objective, count = random_tree(seed)
    theirs = optuna.create_study(sampler=Sampler(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs.optimize(objective, min(count, 60))
    assert len(distinct(theirs)) == min(count, 60)
    if count <= 60:
        with pytest.warns(UserWarning, match=f"all {count} points of the space were tried"):
            theirs.optimize(objective, 2)
        assert len(theirs.trials) == count + 2


def momentum(t):
    if t.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        return t.suggest_float("momentum", 0, 0.9, step=0.3)
    return 1


def test_what_failed_was_pruned_enqueued_or_stored_counts_in_a_tree(tmp_path):
    def objective(t):
        value = momentum(t)
        if value == 1:
            raise ValueError
        if value > 0.5:
            raise optuna.TrialPruned
        return value

    url = f"sqlite:///{tmp_path}/study.db"
    theirs = optuna.create_study(study_name="tree", storage=url, sampler=Sampler(0))
    theirs.enqueue_trial({"optimizer": "sgd", "momentum": 0.3})
    theirs.optimize(objective, 2, catch=ValueError)
    theirs = optuna.load_study(study_name="tree", storage=url, sampler=Sampler(0))
    theirs.optimize(objective, 3, catch=ValueError)
    assert len(distinct(theirs)) == 5


@pytest.mark.filterwarnings("ignore:all 5 points")
def test_several_workers_find_all_points_of_a_tree():
    theirs = optuna.create_study(sampler=Sampler(0))
    waiting = [theirs.ask() for _ in range(3)]
    for _ in range(9):
        first = waiting.pop(0)
        theirs.tell(first, momentum(first))
        waiting.append(theirs.ask())
    assert len({tuple(sorted(t.params.items())) for t in theirs.trials if t.state.is_finished()}) == 5


def layers(t):
    return sum(t.suggest_categorical(f"units{i}", [4, 8]) for i in range(t.suggest_int("layers", 1, 3)))


@pytest.mark.parametrize("seed", range(6))
def test_several_workers_on_a_known_tree_repeat_nothing(seed):
    theirs = optuna.create_study(sampler=Sampler(seed))
    theirs.optimize(layers, 10)
    waiting = [theirs.ask() for _ in range(4)]  # each knows its number of layers, and nothing else
    for t in waiting:
        theirs.tell(t, layers(t))
    assert len(distinct(theirs)) == 14


def conditional(levels):
    def objective(t):
        return t.suggest_int("n", 1, levels) if t.suggest_categorical("kind", ["a", "b"]) == "a" else 0

    return objective


@pytest.mark.parametrize("levels", [127, 150])
def test_a_conditional_range_of_many_levels_is_tried_to_its_last_one(levels):
    theirs = optuna.create_study(sampler=Sampler(0))
    theirs.optimize(conditional(levels), levels + 1)
    assert len(distinct(theirs)) == levels + 1


@pytest.mark.filterwarnings("ignore:Fixed parameter")
def test_points_outside_their_ranges_are_taken_in():
    theirs = optuna.create_study(sampler=Sampler(0))
    for given in ({"n": 50}, {"n": -3}, {"n": 2}, {"x": 7.0}, {"y": 0.3}):
        theirs.enqueue_trial(given)

    def objective(t):
        value = t.suggest_int("n", 1, 10, step=3) + t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1, step=0.25)
        return value + (t.suggest_int("m", 1, 4) if t.number % 2 else 0)

    theirs.optimize(objective, 14)
    assert len(theirs.trials) == 14


def test_options_that_optuna_cannot_tell_apart_are_one():
    def objective(t):
        return float(t.suggest_categorical("x", [None, True, 1, "1"]) is None) or t.suggest_int("n", 1, 3)

    theirs = optuna.create_study(sampler=Sampler(0))
    theirs.optimize(objective, 7)
    assert len({tuple(map(repr, t.params.values())) for t in theirs.trials}) == 7


@pytest.mark.filterwarnings("ignore:PartialFixedSampler is experimental")
def test_what_another_sampler_fixes_is_not_a_question():
    fixed = optuna.samplers.PartialFixedSampler({"z": 1}, Sampler(0))
    theirs = optuna.create_study(sampler=fixed)

    def objective(t):
        a = t.suggest_int("z", 1, 3) * t.suggest_int("a", 1, 3)
        return a + (t.suggest_int("b", 1, 2) if t.params["a"] > 1 else 0)

    theirs.optimize(objective, 5)
    assert len(distinct(theirs)) == 5


def test_a_small_choice_that_all_trials_have_is_made_again_where_more_is_asked_after_it():
    def objective(t):
        layers, kind = t.suggest_int("layers", 1, 4), t.suggest_categorical("kind", list("abcdef"))
        if kind != "d":
            return (layers - 2) ** 2 + 1 + t.suggest_float("y", 0, 1)
        return (layers - 2) ** 2 + (t.suggest_float("x", 0, 1) - 0.3) ** 2

    theirs = optuna.create_study(sampler=Sampler(0))
    theirs.optimize(objective, 40)
    best = [t for t in theirs.trials if (t.params["layers"], t.params["kind"]) == (2, "d")]
    assert len(best) > 5  # while some of the 24 choices were never made


def branching(t):
    if t.suggest_categorical("kind", ["a", "b"]) == "a":
        return 1 + (t.suggest_float("x", 0, 1) - 0.7) ** 2 + (t.suggest_int("n", 1, 50) / 50 - 0.4) ** 2
    return (t.suggest_float("y", 0, 1) - 0.2) ** 2 + (t.suggest_float("z", 0, 1) - 0.5) ** 2


def layered(t):
    units = [t.suggest_int(f"units{i}", 8, 256, log=True) for i in range(t.suggest_int("layers", 1, 3))]
    return (len(units) - 2) ** 2 + sum((math.log2(u) - 4 - i) ** 2 for i, u in enumerate(units)) / 4


def bounded(t):
    high = t.suggest_int("high", 1, 20)  # the range of the other one
    return (high - 14) ** 2 / 20 + (t.suggest_int("low", 1, high) - 9) ** 2 / 5


@pytest.mark.parametrize("objective", [branching, layered, bounded])
def test_hyperparameters_that_depend_on_others_are_searched_not_drawn(objective):
    def best(make):
        studies = [optuna.create_study(sampler=make(seed)) for seed in range(3)]
        for theirs in studies:
            theirs.optimize(objective, 40)
        return np.median([theirs.best_value for theirs in studies])

    assert best(Sampler) < 0.5 * best(lambda seed: optuna.samplers.RandomSampler(seed=seed)) + 1e-9


def test_a_pruned_trial_is_as_bad_as_the_median_at_least():
    theirs = optuna.create_study(sampler=Sampler(0), pruner=optuna.pruners.MedianPruner(n_startup_trials=4))

    def act(t):
        x = t.suggest_float("x", -5, 5)
        for step in range(9):
            t.report((x - 2) ** 2 * (step + 1) / 9, step)
            if t.should_prune():
                raise optuna.TrialPruned
        return (x - 2) ** 2

    theirs.optimize(act, 40)
    assert sum(t.state.name == "PRUNED" for t in theirs.trials) > 5 and theirs.best_value < 0.01


def test_one_sampler_serves_two_studies_and_can_be_kept_in_a_file():
    one = Sampler(0)
    first, second = optuna.create_study(sampler=one), optuna.create_study(sampler=one)
    for _ in range(6):
        first.optimize(on_grid, 2)
        second.optimize(lambda t: t.suggest_float("x", 0, 1), 2)
    again = optuna.create_study(sampler=pickle.loads(pickle.dumps(one)))
    again.optimize(on_grid, 12)
    assert points(again) == points(first) and Sampler(None).seed != Sampler(None).seed
    with pytest.raises(TypeError, match=r"seed must be an integer, got 0\.5"):
        Sampler(0.5)


def test_the_time_of_a_plan_grows_by_far_less_than_the_number_of_trials():
    def calls(n):
        theirs = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        theirs.optimize(on_grid_of_floats, n)
        theirs.sampler = Sampler(0)
        theirs.optimize(on_grid_of_floats, 2)
        profile = cProfile.Profile()
        profile.runcall(theirs.optimize, on_grid_of_floats, 2)
        return sum(entry.callcount for entry in profile.getstats() if not isinstance(entry.code, str))

    assert calls(2000) < 5 * calls(200)


def on_grid_of_floats(t):
    return (t.suggest_float("x", 0, 1) - 0.3) ** 2 + t.suggest_float("y", 0, 1)


def test_a_study_becomes_one_of_optunas(study):
    theirs = to_optuna(study)
    assert theirs.best_params == study.best.params and theirs.best_value == study.best.value
    broken = to_optuna(search(lambda p: 1 / 0 if p["idle"] > 0.5 else 1.0, SPACE, 20, direction="maximize"))
    assert {t.state.name for t in broken.trials} == {"COMPLETE", "FAIL"} and broken.direction.name == "MAXIMIZE"


def test_a_sampler_forgets_one_study_for_another_of_the_same_storage():
    def points(sampler, name):
        study = optuna.create_study(storage=storage, study_name=name, sampler=sampler)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), 14)
        return [trial.params for trial in study.trials]

    storage = optuna.storages.InMemoryStorage()
    again = Sampler(seed=3)
    assert points(again, "one") == points(again, "two") == points(Sampler(seed=3), "three")
