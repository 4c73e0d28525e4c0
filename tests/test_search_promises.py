"""The search: what it finds, what it promises about order and number, and what it says to bad input."""

import asyncio
import math
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Space, Study, Uniform, search
from dlnotes.choice import FIRST

SPACE = Space(
    lr=LogUniform(1e-4, 1),
    beta=ReverseLogUniform(0.9, 0.999),
    hidden=Integer(5, 100),
    optimizer=Categorical(["sgd", "momentum", "adam"]),
)


def bowl(params):
    miss = (math.log10(params["lr"]) + 2) ** 2 + ((params["hidden"] - 40) / 50) ** 2
    return miss + (params["optimizer"] != "momentum") + (math.log10(1 - params["beta"]) + 2) ** 2


def test_finds_the_bottom_of_a_bowl_that_random_draws_miss():
    ours = [search(bowl, SPACE, 60, seed=s).best.value for s in range(5)]
    random = [min(bowl(p) for p in SPACE.sample(60, seed=s)) for s in range(5)]
    assert np.mean(ours) < 0.2 * np.mean(random)


def test_two_hyperparameters_that_act_together_are_found():
    def goldstein_price(p):  # divided by its least value, so that the best is 1
        x, y = p["x"], p["y"]
        a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
        return a * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)) / 3

    space = Space(x=Uniform(-2, 2), y=Uniform(-2, 2))
    assert np.mean([search(goldstein_price, space, 60, seed=s).best.value for s in range(12)]) < 1.5


def test_a_longer_search_begins_with_the_shorter_one():
    long = search(bowl, SPACE, 43, seed=7)
    for n in (1, 11, 12, 13, 30):
        assert search(bowl, SPACE, n, seed=7).trials == long.trials[:n]


def test_seeds_differ_and_repeat():
    assert search(bowl, SPACE, 15, seed=1) == search(bowl, SPACE, 15, seed=1)
    assert search(bowl, SPACE, 15, seed=1) != search(bowl, SPACE, 15, seed=2)


def test_maximising_is_minimising_the_negative():
    up = search(lambda p: -bowl(p), SPACE, 30, direction="maximize")
    down = search(bowl, SPACE, 30)
    assert [t.params for t in up.trials] == [t.params for t in down.trials]
    assert up.best.number == down.best.number


def test_every_trial_lies_in_the_space_and_one_in_four_looks_over_all_of_it():
    study = search(bowl, SPACE, 80)
    u = SPACE.cdf([t.params for t in study.trials])
    whole = np.array([t.whole for t in study.trials])
    assert whole[:FIRST].all() and 16 <= whole[FIRST:].sum() <= 24
    assert len(np.unique(u, axis=0)) == 80


@pytest.mark.parametrize(
    ("space", "count"),
    [
        (Space(a=Integer(1, 8), b=Categorical(["x", "y", "z"]), c=Integer(1, 5, log=True)), 120),
        (Space(a=Integer(0, 19), b=Integer(0, 19)), 400),
        (Space(a=Categorical(["only"])), 1),
        (Space(a=Integer(0, 1), b=Categorical([None])), 2),
        (Space(**{f"x{i}": Categorical(["a", "b"]) for i in range(7)}), 128),
        (Space(a=Integer(1, 1200)), 1200),
    ],
)
def test_a_finite_space_is_searched_point_by_point_and_then_the_search_ends(space, count):
    value = lambda p: sum(len(str(v)) for v in p.values())
    with pytest.warns(UserWarning, match=f"has {count} points and all were tried"):
        study = search(value, space, count + 30)
    assert len({tuple(t.params.values()) for t in study.trials}) == len(study.trials) == count


def test_with_repeat_a_space_that_is_used_up_is_gone_over_where_it_is_good():
    rng = np.random.default_rng(0)
    study = search(lambda p: p["a"] + rng.normal(), Space(a=Integer(0, 9)), 60, repeat=True)
    again = [t.params["a"] for t in study.trials[10:]]
    assert len(study.trials) == 60 and len({t.params["a"] for t in study.trials[:10]}) == 10
    assert np.mean(again) < 3.5 and study.recommended.params["a"] <= 1


def test_a_large_finite_space_is_searched_without_listing_it():
    study = search(lambda p: float(sum(p.values())), Space(**{f"x{i}": Integer(0, 9) for i in range(12)}), 80)
    assert len({tuple(t.params.values()) for t in study.trials}) == 80


@pytest.mark.parametrize(
    "value",
    [
        lambda p: 1.0,
        lambda p: 1e300 * p["lr"],
        lambda p: 10.0 ** (300 * p["lr"]),
        lambda p: -1e308 if p["lr"] < 0.1 else 1e308,
        lambda p: 5e-324 * (p["lr"] > 0.1),
        lambda p: np.float32(p["lr"]),
        lambda p: np.array(p["lr"]),
        lambda p: np.int64(p["hidden"]),
        lambda p: p["hidden"] > 50,
        lambda p: math.nan if p["lr"] < 0.5 else 1.0,
        lambda p: math.inf,
        lambda p: math.nan if p["optimizer"] != "sgd" else p["lr"],
    ],
)
def test_extreme_values_neither_warn_nor_stop_the_search(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = search(value, SPACE, 40)
    assert len(study.trials) == 40
    assert all(type(t.value) is float for t in study.complete)


def test_a_single_overflow_does_not_blind_the_search():
    wild = search(lambda p: 1e120 if p["lr"] > 0.5 else bowl(p), SPACE, 60)
    assert wild.best.value < 0.1


def test_nan_is_infeasible_and_an_error_is_failed_with_its_traceback():
    def fragile(p):
        if p["lr"] > 0.1:
            raise KeyError("exploded")
        return math.nan if p["lr"] > 0.01 else 1.0

    study = search(fragile, SPACE, 30)
    states = {t.state for t in study.trials}
    assert states == {"complete", "infeasible", "failed"}
    failed = next(t for t in study.trials if t.state == "failed")
    assert failed.value is None and "KeyError: 'exploded'" in failed.error and "fragile" in failed.error


def test_sys_exit_in_the_objective_costs_one_trial():
    study = search(lambda p: exit(1) if p["lr"] > 0.1 else p["lr"], SPACE, 20)
    assert {t.state for t in study.trials} == {"complete", "failed"}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_exception_that_is_no_plain_exception_costs_one_trial(n_jobs):
    def cancelled(p):
        if p["lr"] > 0.1:
            raise asyncio.CancelledError
        return p["lr"]

    study = search(cancelled, SPACE, 16, n_jobs=n_jobs)
    failed = [t for t in study.trials if t.state == "failed"]
    assert 0 < len(failed) < 16 and all("CancelledError" in t.error for t in failed)


def test_stops_with_the_first_traceback_when_all_of_the_first_trials_fail():
    calls = []

    def broken(p):
        calls.append(p)
        return p["learning_rate"]

    with pytest.raises(RuntimeError, match=r"(?s)all of the first 10 trials failed.*KeyError: 'learning_rate'"):
        search(broken, SPACE, 60)
    assert len(calls) == FIRST == 10


def test_the_objective_cannot_change_the_record():
    study = search(lambda p: p.pop("lr"), SPACE, 5)
    assert set(study.trials[0].params) == set(SPACE)
    layers = Space(layers=Categorical([[64], [32, 16]]), x=Uniform(0, 1))
    study = search(lambda p: p["layers"].append(8) or p["x"], layers, 20)
    assert layers["layers"].options == ([64], [32, 16])
    assert {tuple(t.params["layers"]) for t in study.trials} == {(64,), (32, 16)}
    study.best_params["layers"].append(1)
    study.ask().params["layers"].append(1)
    assert layers["layers"].options == ([64], [32, 16])


def test_bad_arguments_are_refused_before_anything_runs(tmp_path):
    def never(params):
        raise AssertionError("ran")

    bad = [
        (TypeError, "function", dict(objective=3)),
        (TypeError, "Space", dict(space={"lr": (0, 1)})),
        (ValueError, "n_trials must be at least 1", dict(n_trials=0)),
        (TypeError, "n_trials must be an integer", dict(n_trials=1.5)),
        (TypeError, "seed", dict(seed="a")),
        (ValueError, "direction", dict(direction="min")),
        (ValueError, "n_jobs", dict(n_jobs=0)),
        (ValueError, "n_jobs", dict(n_jobs=-2)),
        (ValueError, "timeout", dict(timeout=0)),
        (ValueError, "timeout", dict(timeout=math.nan)),
        (TypeError, "timeout must be a number", dict(timeout="5")),
        (TypeError, "journal must be the path", dict(journal=1)),
        (TypeError, "executor", dict(executor=4)),
        (TypeError, "lag=8", dict(stage_size=8)),
        (ValueError, "lag must be at least 1", dict(lag=0)),
        (TypeError, "lag must be an integer", dict(lag=1.5)),
        (ValueError, "max_memory", dict(max_memory=0)),
        (ValueError, "define it by def", dict(space=Space(a=Categorical([print, lambda: 0])))),
    ]
    for error, words, change in bad:
        arguments = dict(objective=never, space=SPACE, n_trials=3, journal=tmp_path / "run.jsonl") | change
        with pytest.raises(error, match=words):
            search(arguments.pop("objective"), arguments.pop("space"), **arguments)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="at least one hyperparameter"):
        Space()


def test_an_objective_that_cannot_be_sent_says_so_before_it_runs(tmp_path):
    import threading

    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent to a worker"):
        search(lambda p: lock.locked(), SPACE, 4, n_jobs=2, journal=tmp_path / "run.jsonl")
    assert not list(tmp_path.iterdir())


@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore:the space has")
@given(
    scales=st.lists(
        st.sampled_from(
            [
                Uniform(-3, 3),
                LogUniform(1e-5, 1),
                ReverseLogUniform(0.1, 0.999),
                Integer(0, 3),
                Integer(1, 1000, log=True),
                Categorical([1, "a", None]),
                Categorical([2.5]),
            ]
        ),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 2**31),
)
def test_any_space_is_searched_inside_its_bounds(scales, seed):
    space = Space(**{f"x{i}": s for i, s in enumerate(scales)})
    study = search(lambda p: float(space.cdf([p]).sum()), space, 24, seed=seed)
    space.cdf([t.params for t in study.trials])
    assert study.best.value <= study.trials[0].value


def test_many_hyperparameters():
    space = Space(**{f"x{i}": Uniform(0, 1) for i in range(60)})
    assert len(search(lambda p: sum(p.values()), space, 30).trials) == 30


def test_a_study_shows_itself_and_becomes_a_frame():
    pd = pytest.importorskip("pandas")
    study = search(lambda p: 1 / 0 if p["lr"] > 0.3 else bowl(p), SPACE, 20)
    frame = study.to_frame()
    assert list(frame.number) == list(range(20)) and "params_lr" in frame
    assert pd.isna(frame.value[frame.state == "failed"]).all()
    html = study._repr_html_()
    assert html.count("<tr>") == 6 and "20 trials" in html
    kinds = search(lambda p: p["x"], Space(x=Uniform(0, 1), kind=Categorical(Flat, str)), 4, progress=False)
    assert "<td>str</td>" in kinds._repr_html_() and "class" not in kinds._repr_html_()
    narrow = search(lambda p: p["x"], Space(x=Uniform(0, 1)), 9, progress=False)
    wide = search(lambda p: p["x"] + 1, Space(x=Uniform(0, 2)), 2, start=narrow, progress=False)
    assert repr(wide).endswith(f"; learned from 9 earlier ones, best {narrow.best_value:.6g}>")
    assert repr(Study(SPACE)) == "<Study: 0 trials>"
    assert Study(SPACE).to_frame().empty and "0 trials" in repr(Study(SPACE))
    with pytest.raises(ValueError, match="none of the 0 trials"):
        _ = Study(SPACE).best


class Flat:
    def __call__(self, params):
        return 1.0


def test_an_objective_that_does_not_take_one_dict_is_told_how_to():
    for wrong, words in (
        (lambda lr, units: 0.0, r"takes lr, units: .*params\['name'\] for each"),
        (lambda params, *, seed: 0.0, "takes params, seed"),
        (lambda: 0.0, "takes no argument"),
        (3, "function of a dict, got 3"),
    ):
        with pytest.raises(TypeError, match=words):
            search(wrong, SPACE, 12)
    for right in (lambda params, scale=2: 1.0, lambda *args: 1.0, Flat(), partial(lambda scale, params: 1.0, 2)):
        assert search(right, SPACE, 12).best_value == 1.0
