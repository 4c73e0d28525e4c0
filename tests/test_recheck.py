"""The winner's curse: leaders are run again with other seeds, and judged without the luck of being picked."""

import math
import os
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dlnotes import Categorical, Integer, LogUniform, Space, Study, Uniform, recheck, search, trial_seed
from dlnotes.arithmetic import run_seed
from dlnotes.early import shrunk
from dlnotes.loop import evaluate

SPACE = Space(lr=LogUniform(1e-4, 1))


def truth(params):
    return (math.log10(params["lr"]) + 2) ** 2


def noisy(params):
    return truth(params) + 0.3 * np.random.default_rng(trial_seed()).normal()


# A seed for each run


def test_every_trial_and_run_has_a_seed_of_its_own_that_is_always_the_same(tmp_path):
    def seen(params):
        return float(trial_seed())

    alone = search(seen, SPACE, 30, seed=5, journal=tmp_path / "run.jsonl")
    assert len(set(alone.values)) == 30 and alone.values.max() < 2**32
    assert search(seen, SPACE, 30, seed=5, n_jobs=2, lag=2) == alone
    assert [t.value for t in alone.trials] == [t.seed for t in alone.trials]
    assert [t.seed for t in Study.load(tmp_path / "run.jsonl").trials] == [t.seed for t in alone.trials]
    other = {t.value for t in search(seen, SPACE, 30, seed=6).trials}
    again = {alone.again(t, run).seed for t in alone.trials for run in (1, 2, 3)}
    assert len(other | again | set(alone.values)) == 30 + 90 + 30


def test_the_seed_is_that_of_the_innermost_search_and_nought_by_hand():
    def inner(params):
        return float(trial_seed())

    def outer(params):
        before = trial_seed()
        assert search(inner, SPACE, 2, seed=9, progress=False).values.tolist() == [run_seed(9, 0), run_seed(9, 1)]
        assert trial_seed() == before
        return float(before)

    assert search(outer, SPACE, 3).values.tolist() == [run_seed(0, i) for i in range(3)]
    assert trial_seed() == 0
    with ThreadPoolExecutor(3) as pool:
        assert search(inner, SPACE, 6, executor=pool).values.tolist() == [run_seed(0, i) for i in range(6)]
    assert evaluate(lambda p: 1 / 0, {}, seed=3)["state"] == "failed" and trial_seed() == 0


def test_the_seed_of_a_trial_that_is_tried_again_stays(tmp_path):
    def fails(params):
        raise MemoryError

    path = tmp_path / "run.jsonl"
    with pytest.raises(RuntimeError):
        search(fails, SPACE, 3, journal=path)
    study = search(lambda p: float(trial_seed()), SPACE, 3, journal=path)
    assert study.values.tolist() == [run_seed(0, i) for i in range(3)]


def test_a_report_may_be_asked_for_by_its_name_only():
    def training(params, *, report):
        report(1, params["lr"])
        return params["lr"]

    assert all(len(t.curve) == 1 and t.state == "complete" for t in search(training, SPACE, 3).trials)


# Runs by hand


def test_runs_are_kept_and_the_search_does_not_learn_from_them(tmp_path):
    path = tmp_path / "run.jsonl"
    study = search(truth, SPACE, 20, journal=path)
    first, second = study.again(3), study.again(3, 2)
    assert (first.run, second.run, first.params) == (1, 2, study.trials[3].params) and first.state == "open"
    study.tell(second, 0.5, seconds=2.0, extra={"accuracy": 0.9}, curve=[(1, 0.7)])
    study.tell(first, math.nan)
    study.tell(study.again(3), error="out of memory")
    assert [(t.run, t.value, t.state) for t in study.runs(3)] == [
        (1, None, "infeasible"),
        (2, 0.5, "complete"),
        (3, None, "failed"),
    ]
    assert study.runs(study.trials[3])[1].extra == {"accuracy": 0.9} and study.runs(4) == []
    assert study.best == search(truth, SPACE, 20).best and len(study.trials) == 20 and not study.open
    assert Study.load(path) == study == study.first(20) and study.first(3).runs(3) == []
    for told in (first, second):
        with pytest.raises(ValueError, match="ended already"):
            study.tell(told, 1.0)
    study.tell(study.again(3, 3), 0.6)  # what failed may be told anew
    assert Study.load(path).runs(3)[2].value == 0.6
    assert search(truth, SPACE, 26, journal=path).trials == search(truth, SPACE, 26).trials
    for bad in (99, -1, 2.5):
        with pytest.raises((ValueError, TypeError)):
            study.again(bad)
    waiting = Study(SPACE)
    with pytest.raises(ValueError, match="has not ended"):
        waiting.again(waiting.ask())


@pytest.mark.parametrize(
    "line, why",
    [
        ('{"again": 99, "run": 1, "value": 0.5}', "no trial 99"),
        ('{"again": 0, "run": 0, "value": 0.5}', "no run 0"),
        ('{"again": 0, "run": 1, "value": null}', "complete trial has the value"),
        ('{"again": 0, "run": 1, "value": 0.5}\n{"again": 0, "run": 1, "value": 0.6}', "ended twice"),
    ],
)
def test_a_run_that_nobody_can_have_written_is_damage(line, why, tmp_path):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    study.tell(study.ask(), 1.0)
    with open(tmp_path / "run.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=why):
        Study.load(tmp_path / "run.jsonl")


def test_several_objectives_and_conditions_and_options_have_runs_too(tmp_path):
    def step(x):
        return x

    space = Space(act=Categorical([step, abs]), width=Integer(1, 9).when(act=[step]))
    two = Study(space, direction=["minimize", "maximize"], journal=tmp_path / "run.jsonl")
    for i in range(5):
        two.tell(two.ask(), (i, -i))
    two.tell(two.again(4), (1.0, 2.0))
    assert Study.load(tmp_path / "run.jsonl", space) == two and two.only(1).runs(4)[0].value == 2.0
    with pytest.raises(TypeError, match="2 numbers"):
        two.tell(two.again(4), 1.0)


# Running the leaders again


def test_leaders_are_run_again_the_same_for_any_number_of_workers_and_only_what_is_missing(tmp_path):
    path = tmp_path / "run.jsonl"
    study = search(noisy, SPACE, 30, journal=path)
    calls = []

    def counted(params):
        calls.append(params)
        return noisy(params)

    result = recheck(counted, study, top=3, repeats=2)
    assert len(calls) == 6 and recheck(counted, study, top=3, repeats=2) == result and len(calls) == 6
    more = recheck(counted, study, top=4, repeats=3)
    assert len(calls) == 12 and recheck(None, study, top=4, repeats=3) == more
    again = search(noisy, SPACE, 30)
    assert recheck(noisy, again, top=4, repeats=3, n_jobs=2) == more and again == study == Study.load(path)
    assert recheck(None, Study.load(path), top=3, repeats=2) == result
    assert {leader.trial.number for leader in more.leaders} == {t.number for t in study.ranked()[:4]}
    assert set(result.winner.values).isdisjoint(study.values)
    with ThreadPoolExecutor(2) as pool:
        assert recheck(noisy, search(noisy, SPACE, 30), top=4, repeats=3, executor=pool) == more
    text = str(more)
    assert text.count("\n") == 5 and "search said" in text and f"trial {more.winner.trial.number} " in text


killed = """
import os, sys
from dlnotes import LogUniform, Space, Study, recheck, search
calls = 0
def loss(params):
    return abs(params["lr"] - 0.01)
def again(params):
    global calls
    calls += 1
    if calls == 4: os.kill(os.getpid(), 9)
    return loss(params) + calls/100
study = search(loss, Space(lr=LogUniform(1e-4, 1)), 15, journal=sys.argv[1], progress=False)
recheck(again, study, top=3, repeats=3)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills with a signal")
def test_runs_survive_a_power_cut(tmp_path):
    path = tmp_path / "run.jsonl"
    done = subprocess.run([sys.executable, "-c", killed, path], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open(path, "ab") as file:
        file.write(b'{"again": 3, "ru')
    with pytest.warns(UserWarning, match="torn"):
        study = Study(SPACE, journal=path)
    kept = [t.value for of in study.ranked()[:3] for t in study.runs(of)]
    assert len(kept) == 3
    calls = []
    recheck(lambda p: calls.append(p) or len(calls) / 7, study, top=3, repeats=3)
    assert len(calls) == 6 and set(kept) <= {t.value for of in study.ranked()[:3] for t in study.runs(of)}


def test_what_failed_is_run_again_and_what_diverges_does_not_win():
    study = search(truth, SPACE, 20)
    best = study.best_params

    def broken(params):
        if params == best:
            raise MemoryError("busy")
        return noisy(params)

    result = recheck(broken, study, top=3, repeats=2)
    assert result.leaders[-1].trial == study.best and math.isnan(result.leaders[-1].value)
    assert (
        result.leaders[-1].best == 0 and "some runs failed" in str(result) and "busy" in study.runs(study.best)[0].error
    )
    with pytest.raises(ValueError, match="2 of the runs are missing, or failed"):
        recheck(None, study, top=3, repeats=2)
    mended = recheck(noisy, study, top=3, repeats=2)
    assert not any(math.isnan(leader.value) for leader in mended.leaders)

    diverges = search(truth, SPACE, 20)
    result = recheck(lambda p: math.nan if p == best else noisy(p), diverges, top=3, repeats=2)
    assert result.winner.trial != diverges.best and math.isnan(result.leaders[-1].values[0])
    with pytest.raises(RuntimeError, match="came to nothing"):
        recheck(lambda p: math.nan, search(truth, SPACE, 5))


def test_an_objective_without_chance_is_told_so_and_has_a_clear_winner():
    study = search(truth, SPACE, 20)
    with pytest.warns(UserWarning, match="trial_seed"):
        result = recheck(truth, study)
    assert result.winner.trial == study.best and result.clear
    assert result.winner.low == result.winner.value == result.winner.high == study.best_value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recheck(noisy, search(noisy, SPACE, 12))


def test_maximising_is_the_mirror_image():
    up = search(lambda p: -noisy(p), SPACE, 25, direction="maximize")
    down = search(noisy, SPACE, 25)
    a, b = recheck(lambda p: -noisy(p), up), recheck(noisy, down)
    for x, y in zip(a.leaders, b.leaders, strict=True):
        assert x.trial.number == y.trial.number and (x.value, x.low, x.high) == pytest.approx(
            (-y.value, -y.high, -y.low)
        )


def test_the_same_point_twice_is_one_leader():
    study = Study(Space(a=Integer(0, 3)), repeat=True)
    for _ in range(12):
        trial = study.ask()
        study.tell(trial, trial.params["a"] + trial.number / 100)
    result = recheck(lambda p: p["a"] + trial_seed() / 2**33, study, top=5, repeats=2)
    assert [leader.trial.params["a"] for leader in result.leaders] == [0, 1, 2, 3]


def test_a_run_that_hangs_is_ended_and_others_go_on():
    study = search(truth, SPACE, 12)
    hangs = study.ranked()[1].params

    def slow(params):
        time.sleep(30 * (params == hangs))
        return noisy(params)

    result = recheck(slow, study, top=2, repeats=2, timeout=0.5, n_jobs=2)
    assert result.winner.trial == study.best and study.runs(study.ranked()[1])[0].state == "timeout"


@pytest.mark.parametrize(
    "options, error",
    [
        (dict(top=0), ValueError),
        (dict(repeats=1), ValueError),
        (dict(repeats=2.5), TypeError),
        (dict(level=1), ValueError),
        (dict(n_jobs=0), ValueError),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_run(options, error):
    study, calls = search(truth, SPACE, 12), []
    with pytest.raises(error):
        recheck(calls.append, study, **options)
    with pytest.raises(TypeError, match="study must be a Study"):
        recheck(truth, [1])
    with pytest.raises(ValueError, match="none of the 0 trials"):
        recheck(truth, Study(SPACE))
    with pytest.raises(ValueError, match="several objectives"):
        recheck(truth, search(lambda p: (p["lr"], 1.0), SPACE, 5, direction=["minimize", "minimize"]))
    assert not calls


# What it says


@pytest.mark.parametrize("k, n", [(1, 5), (2, 2), (2, 5), (5, 3), (10, 5)])
def test_the_interval_of_the_winner_holds_the_truth_as_often_as_it_says(k, n):
    for spread in (0.0, 0.5, 3.0):
        held, off, naive = [], [], []
        for seed in range(250):
            rng = np.random.default_rng(seed)
            truths = spread * abs(rng.normal(size=40))
            once = truths + rng.normal(size=40)
            top = once.argsort()[:k]
            mean, low, high, best = shrunk(truths[top, None] + rng.normal(size=(k, n)), draws=600)
            i = mean.argmin()
            held.append(low[i] <= truths[top[i]] <= high[i])
            off.append(mean[i] - truths[top[i]])
            naive.append(once.min() - truths[once.argmin()])
            assert best.sum() == pytest.approx(1)
        assert np.mean(held) > 0.91 and np.mean(naive) < -1.4
        assert abs(np.mean(off)) < 0.45 and abs(np.mean(off)) < abs(np.mean(naive)) / 4


def test_one_leader_has_the_interval_of_students_t():
    runs = np.array([[1.0, 2.0, 4.0, 3.5, 1.5]])
    mean, low, high, best = shrunk(runs, draws=200_000)
    half = 2.776 * runs.std(ddof=1) / math.sqrt(5)
    assert (mean[0], low[0], high[0], best[0]) == pytest.approx((2.4, 2.4 - half, 2.4 + half, 1), rel=0.02)


def test_far_apart_each_stands_for_itself_and_alike_all_are_one():
    noise = np.random.default_rng(0).normal(size=(4, 6))
    apart, *_, best = shrunk(noise + 100 * np.arange(4)[:, None])
    assert apart == pytest.approx((noise + 100 * np.arange(4)[:, None]).mean(axis=1), abs=0.1) and best[0] == 1
    alike, *_, best = shrunk(noise - noise.mean(axis=1, keepdims=True) * 0.99)
    assert np.ptp(alike) < 0.01 and best.max() < 0.4
    for scale in (1e-200, 1e200):
        assert shrunk(noise * scale)[0] / scale == pytest.approx(shrunk(noise)[0])


def test_a_trial_space_of_one_value_and_one_leader():
    study = search(lambda p: 1.0 + trial_seed() / 2**32, Space(x=Uniform(0, 1)), 1)
    assert recheck(lambda p: 1.0 + trial_seed() / 2**32, study, top=5).winner.trial.number == 0
