"""Search: reproducible, extendable, closing in on the best, and not to be stopped by a trial that fails."""

import math

import numpy as np
import pytest

from dlnotes import Integer, LogUniform, ReverseLogUniform, Space, Uniform, search

space = Space(lr=LogUniform(1e-4, 1), beta=ReverseLogUniform(0.9, 0.999), hidden=Integer(50, 100))


def bowl(params):
    """Best, and 0, at lr = 0.01, beta = 0.99, hidden = 80."""
    u = space.cdf([params, {"lr": 0.01, "beta": 0.99, "hidden": 80}])
    return float(((u[0] - u[1]) ** 2).sum())


def test_the_same_search_gives_the_same_trials():
    assert search(bowl, space, 50).trials == search(bowl, space, 50).trials
    assert search(bowl, space, 50).trials != search(bowl, space, 50, seed=1).trials


@pytest.mark.parametrize("n", [1, 19, 20, 21, 45, 60])
def test_a_longer_search_extends_a_shorter_one(n):
    assert search(bowl, space, 70).trials[:n] == search(bowl, space, n).trials


def test_it_closes_in_and_beats_random_points():
    seeds = range(20)
    ours = [search(bowl, space, 60, seed=s).best.value for s in seeds]
    randoms = [min(map(bowl, space.sample(60, seed=s))) for s in seeds]
    assert np.median(ours) < 0.5 * np.median(randoms)


def test_directions_mirror_each_other():
    down, up = search(bowl, space, 50), search(lambda p: -bowl(p), space, 50, direction="maximize")
    assert [t.params for t in down.trials] == [t.params for t in up.trials]
    assert up.best.value == -down.best.value


def test_every_point_lies_in_the_space_the_user_gave():
    study = search(lambda p: -p["x"], Space(x=Uniform(0, 1), n=Integer(1, 3)), 80)
    assert all(0 <= t.params["x"] <= 1 and t.params["n"] in (1, 2, 3) for t in study.trials)
    assert study.best.params["x"] > 0.99


def fragile(params):
    if params["lr"] > 0.3:
        raise RuntimeError(f"exploded at {params['lr']}")
    return math.nan if params["lr"] > 0.1 else bowl(params)


def test_a_trial_that_raises_or_returns_nan_costs_one_trial():
    study = search(fragile, space, 60)
    by_state = {t.state: t for t in study.trials}
    assert set(by_state) == {"complete", "infeasible", "failed"}
    assert by_state["failed"].value is None and "exploded at" in by_state["failed"].error
    assert study.best.state == "complete" and np.isnan(study.values).any()


@pytest.mark.parametrize("n", [3, 60])
def test_when_all_of_the_first_stage_fails_the_search_stops_and_says_why(n):
    with pytest.raises(RuntimeError, match="KeyError: 'learning_rate'"):
        search(lambda p: p["learning_rate"], space, n)


def test_the_objective_cannot_change_the_record():
    def greedy(params):
        params["lr"] = -1
        return 0.0

    assert all(t.params["lr"] > 0 for t in search(greedy, space, 5).trials)


@pytest.mark.parametrize(
    "error, arguments, message",
    [
        (TypeError, (None, space), "objective must be"),
        (TypeError, (bowl, {"lr": 0.1}), "space must be a Space"),
        (ValueError, (bowl, space, 0), "n_trials must be at least 1, got 0"),
        (TypeError, (bowl, space, 1.5), "n_trials must be an integer, got 1.5"),
        (TypeError, (bowl, space, 5, "a"), "seed must be an integer, got 'a'"),
        (ValueError, (bowl, space, 5, 0, "down"), "got 'down'"),
    ],
)
def test_a_bad_argument_is_refused_by_name(error, arguments, message):
    with pytest.raises(error, match=message):
        search(*arguments)
