"""What people do with a search: begin with what they know, mend what failed, stop, end losing trials early."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from dlnotes import Categorical, Integer, LogUniform, Report, Shares, Space, Study, Uniform, search
from dlnotes.choice import FIRST
from dlnotes.curves import Pruned, best_so_far, expected_losses, limits_from
from dlnotes.loop import evaluate

SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1))


def bowl(params):
    return (math.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2


# Known points


def test_known_points_are_tried_first_and_count_among_the_trials():
    start = [{"lr": 0.1, "x": 0}, {"x": 0.5, "lr": 0.01}, {"lr": 0.1, "x": 0}]
    study = search(bowl, SPACE, 20, start=start)
    assert [t.params for t in study.trials[:3]] == start and len(study.trials) == 20
    assert all(t.given for t in study.trials[:3]) and not any(t.given for t in study.trials[3:])
    assert study == search(bowl, SPACE, 20, start=start, n_jobs=2)


@pytest.mark.parametrize(
    "bad", [{"lr": 2.0, "x": 0}, {"lr": 0.1, "x": math.nan}, {"lr": 0.1}, {"lr": 0.1, "x": 0, "y": 1}]
)
def test_a_known_point_outside_the_space_is_named_before_anything_is_done(bad, tmp_path):
    calls = []
    with pytest.raises(ValueError, match=r"lr|x|y"):
        search(calls.append, SPACE, 20, start=[{"lr": 0.1, "x": 0}, bad], journal=tmp_path / "run.jsonl")
    assert not calls and not (tmp_path / "run.jsonl").exists()


@pytest.mark.parametrize("bad", [5, {"lr": 0.1, "x": 0}, [0.1], "a"])
def test_what_is_no_list_of_points_is_refused(bad):
    with pytest.raises(TypeError, match="start"):
        search(bowl, SPACE, 20, start=bad)


def test_a_resumed_search_does_not_begin_with_its_points_again(tmp_path):
    start, whole = [{"lr": 0.1, "x": 0.0}, {"lr": 0.01, "x": 0.5}], tmp_path / "whole.jsonl"
    expected = search(bowl, SPACE, 16, start=start, journal=whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines)):
        journal = tmp_path / f"{cut}.jsonl"
        journal.write_bytes(b"".join(lines[:cut]))
        assert search(bowl, SPACE, 16, start=start, journal=journal) == expected
    more = search(bowl, SPACE, 18, start=[*start, {"lr": 1.0, "x": 1.0}], journal=whole)
    assert more.trials[:16] == expected.trials and more.trials[16].params == {"lr": 1.0, "x": 1.0}


def test_an_earlier_study_is_learned_from_and_not_counted(tmp_path):
    earlier = search(bowl, Space(lr=LogUniform(1e-4, 1e-2), x=Uniform(-1, 1)), 30)
    study = search(bowl, SPACE, 12, start=earlier, journal=tmp_path / "run.jsonl", n_jobs=2)
    assert len(study.trials) == 12 and [t.params for t in study.prior] == [t.params for t in earlier.trials]
    assert study == search(bowl, SPACE, 12, start=earlier)
    assert Study.load(tmp_path / "run.jsonl") == study
    assert search(bowl, SPACE, 12, start=earlier, journal=tmp_path / "run.jsonl") == study  # nothing is learned twice
    assert np.median(study.losses) < np.median(search(bowl, SPACE, 12).losses) / 3  # it does not begin at the beginning
    assert search(bowl, SPACE, 3, start=earlier).best_value < 0.1


def test_a_resumed_search_knows_the_earlier_study_without_being_given_it(tmp_path):
    earlier = search(bowl, SPACE, 20)
    expected = search(bowl, SPACE, 10, start=earlier, journal=tmp_path / "whole.jsonl")
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines[:-6]))
    assert search(bowl, SPACE, 10, journal=tmp_path / "cut.jsonl") == expected
    (tmp_path / "early.jsonl").write_bytes(b"".join(lines[:7]))  # in the middle of what is learned
    assert search(bowl, SPACE, 10, start=earlier, journal=tmp_path / "early.jsonl") == expected


def test_what_is_outside_of_the_space_is_left_out_and_said():
    earlier = search(bowl, SPACE, 20)
    narrow = Space(lr=LogUniform(1e-3, 1e-1), x=Uniform(-1, 1))
    with pytest.warns(UserWarning, match=r"of 20 trials .* outside .*lr"):
        study = search(bowl, narrow, 5, start=earlier)
    inside = [t.params for t in earlier.trials if 1e-3 <= t.params["lr"] <= 1e-1]
    assert [t.params for t in study.prior] == inside and 0 < len(inside) < 20


def test_new_hyperparameters_of_an_earlier_study_get_what_one_says_or_the_middle():
    earlier = search(lambda p: p["x"] ** 2, Space(x=Uniform(-1, 1)), 12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = search(bowl, SPACE, 4, start=(earlier, {"lr": 0.5}))
    assert {t.params["lr"] for t in study.prior} == {0.5}
    with pytest.warns(UserWarning, match="had no lr"):
        study = search(bowl, SPACE, 4, start=earlier)
    assert [t.params["lr"] for t in study.prior] == pytest.approx([1e-2] * 12)
    with pytest.raises(ValueError, match="lr"):
        search(bowl, SPACE, 4, start=(earlier, {"lr": 5.0}))
    with pytest.raises(ValueError, match="x"):
        search(bowl, SPACE, 4, start=(earlier, {"lr": 0.5, "x": 0}))
    with pytest.raises(ValueError, match="lr"):
        search(lambda p: 0, Space(x=Uniform(-1, 1)), 4, start=search(bowl, SPACE, 4))
    with pytest.raises(ValueError, match="maximize"):
        search(bowl, SPACE, 4, direction="maximize", start=search(bowl, SPACE, 4))


def test_points_of_an_earlier_study_are_not_tried_again_in_a_finite_space():
    board = Space(a=Integer(0, 3), b=Categorical(["x", "y", "z"]))
    earlier = search(lambda p: p["a"], board, 7)
    with pytest.warns(UserWarning, match="all were tried"):
        study = search(lambda p: p["a"], board, 60, start=earlier)
    points = [tuple(t.params.values()) for t in earlier.trials + study.trials]
    assert len(points) == len(set(points)) == 12


def test_a_study_of_a_study_of_a_study_remembers_all():
    first = search(bowl, SPACE, 10)
    second = search(bowl, SPACE, 10, start=first, seed=1)
    third = search(bowl, SPACE, 5, start=second, seed=2)
    assert [t.value for t in third.prior] == [t.value for t in first.trials + second.trials]


# Failures that are repaired


def test_a_search_that_had_only_failed_begins_again_with_the_mended_objective(tmp_path):
    def broken(params):
        raise RuntimeError("a typing error")

    with pytest.raises(RuntimeError, match="a typing error"):
        search(broken, SPACE, 20, journal=tmp_path / "run.jsonl")

    def broken_too(params):
        raise RuntimeError("another one")

    with pytest.raises(RuntimeError, match="another one"):
        search(broken_too, SPACE, 20, journal=tmp_path / "run.jsonl")
    study = search(bowl, SPACE, 20, journal=tmp_path / "run.jsonl")
    assert study == search(bowl, SPACE, 20) == Study.load(tmp_path / "run.jsonl")
    assert all("a typing error" in t.tries[0][1] and "another one" in t.tries[1][1] for t in study.trials[:FIRST])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_failed_trials_are_run_once_more_and_keep_their_number_and_point(tmp_path, n_jobs):
    def sometimes(params):
        if params["x"] > 0.3:
            raise MemoryError("busy")
        return bowl(params)

    journal = tmp_path / "run.jsonl"
    before = search(sometimes, SPACE, 20, journal=journal)
    broken = [t.number for t in before.trials if t.state == "failed"]
    calls = []
    assert search(lambda p: calls.append(p), SPACE, 20, journal=journal) == before and not calls
    after = search(bowl, SPACE, 25, journal=journal, retry=True, n_jobs=n_jobs)
    assert broken and [t.params for t in after.trials[:20]] == [t.params for t in before.trials]
    assert [t.number for t in after.trials if t.tries] == broken and after.trials[19].state == "complete"
    assert all(t == before.trials[t.number] for t in after.trials[:20] if not t.tries)
    assert Study.load(journal) == after and [t.tries for t in Study.load(journal).trials] == [
        t.tries for t in after.trials
    ]
    assert search(bowl, SPACE, 25, journal=journal, retry=True) == after  # nothing is left to be run again


def test_a_trial_that_is_killed_while_it_is_run_again_is_run_again(tmp_path):
    journal = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=journal)
    for i in range(3):
        study.tell(study.ask(), None if i == 1 else 1.0, error="" if i != 1 else "busy")
    assert [t.number for t in study.retry()] == [1] and study.retry() == []
    again = Study(SPACE, journal=journal)
    assert [t.number for t in again.open] == [1] and again.open[0].tries == (("failed", "busy", 0.0),)
    again.tell(1, error="busy still")
    again.retry()
    again.tell(1, 0.5)
    assert [state for state, _, _ in Study.load(journal).trials[1].tries] == ["failed"] * 2
    with pytest.raises(ValueError, match="ended already"):
        again.tell(1, 0.4)


def test_a_line_that_runs_a_finished_trial_again_is_damage(tmp_path):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    study.tell(study.ask(), 1.0)
    with open(tmp_path / "run.jsonl", "a") as file:
        file.write('{"retry": 0}\n')
    with pytest.raises(ValueError, match="had not failed"):
        Study.load(tmp_path / "run.jsonl")


# Stopping


@pytest.mark.parametrize("n_jobs, lag", [(2, 4), (3, 6)])
def test_a_search_stops_at_the_same_trial_for_any_number_of_workers(n_jobs, lag, tmp_path):
    def uneven(params):
        time.sleep(0.05 * (params["x"] > 0))
        return bowl(params)

    seen = []

    def enough(study):
        seen.append([t.number for t in study.trials])
        return study.best_value < 0.2

    alone = search(uneven, SPACE, 60, stop=enough, lag=lag)
    assert seen == [list(range(n)) for n in range(1, len(alone.trials) + 1)] and alone.best_value < 0.2
    assert len(alone.trials) < 60 and alone.best.number == len(alone.trials) - 1
    journal = tmp_path / "run.jsonl"
    assert search(uneven, SPACE, 60, stop=enough, lag=lag, n_jobs=n_jobs, journal=journal) == alone
    calls = []
    assert search(lambda p: calls.append(p), SPACE, 60, stop=enough, lag=lag, journal=journal) == alone and not calls
    assert search(uneven, SPACE, 60, lag=lag, journal=journal) == search(uneven, SPACE, 60, lag=lag)


def test_a_search_that_never_waits_stops_when_it_is_told():
    study = search(bowl, SPACE, 60, stop=lambda study: len(study.trials) >= 7, reproducible=False, n_jobs=2)
    assert len(study.trials) == 7


def test_an_error_in_stop_is_the_callers(tmp_path):
    with pytest.raises(ZeroDivisionError):
        search(bowl, SPACE, 20, stop=lambda study: 1 / 0, journal=tmp_path / "run.jsonl")
    assert len(Study.load(tmp_path / "run.jsonl").trials) == 1
    with pytest.raises(TypeError, match="stop"):
        search(bowl, SPACE, 20, stop=5)


def test_no_trial_starts_later_than_it_may():
    start = time.monotonic()
    study = search(lambda p: time.sleep(0.1) or 1.0, SPACE, 1000, max_seconds=0.55)
    assert 3 <= len(study.trials) <= 7 and time.monotonic() - start < 5
    assert study.trials == search(lambda p: 1.0, SPACE, len(study.trials)).trials
    for bad, error in ((0, ValueError), (-1, ValueError), (math.nan, ValueError), ("5", TypeError)):
        with pytest.raises(error, match="max_seconds"):
            search(bowl, SPACE, 20, max_seconds=bad)


# Learning curves


def training(params, report):
    time.sleep(0.02 * (params["x"] > 0))  # so that workers end in another order
    for epoch in range(1, 10):
        report(epoch, bowl(params) + 1 / epoch)
    return bowl(params) + 1 / 9


def test_losing_trials_end_early_and_are_the_same_for_any_number_of_workers(tmp_path):
    alone = search(training, SPACE, 40, lag=4)
    states = [t.state for t in alone.trials]
    assert states.count("pruned") > 5 and set(states) == {"pruned", "complete"}
    for t in alone.trials:
        assert [step for step, _ in t.curve] == list(range(1, len(t.curve) + 1))
        assert (len(t.curve) < 9 and t.value is None) if t.state == "pruned" else len(t.curve) == 9
    journal = tmp_path / "run.jsonl"
    assert search(training, SPACE, 40, lag=4, n_jobs=2, journal=journal) == alone == Study.load(journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:51]) + lines[51][:30])
    with pytest.warns(UserWarning, match="torn"):
        assert search(training, SPACE, 40, lag=4, journal=journal) == alone
    assert all(t.state == "complete" for t in search(training, SPACE, 40, lag=4, prune=False).trials)


def test_maximising_ends_the_mirrored_trials():
    def mirrored(params, report):
        return -training(params, lambda step, value: report(step, -value))

    assert [(t.number, t.state) for t in search(mirrored, SPACE, 40, direction="maximize").trials] == [
        (t.number, t.state) for t in search(training, SPACE, 40).trials
    ]


def test_files_are_closed_and_a_loop_that_catches_every_exception_ends(tmp_path):
    closed = []

    def careful(params, report):
        try:
            for epoch in range(1, 10):
                try:
                    report(epoch, bowl(params))
                except Exception:  # as of a training that goes on when a batch fails
                    pass
        finally:
            closed.append(epoch)
        return bowl(params)

    study = search(careful, SPACE, 30)
    assert closed == [len(t.curve) for t in study.trials] and min(closed) < 9


def test_a_pruned_trial_is_never_the_best_and_the_model_learns_from_its_curve():
    def deceiving(params, report):
        report(1, bowl(params))
        report(2, bowl(params))
        report(3, bowl(params))
        return bowl(params)

    study = search(deceiving, SPACE, 60)
    assert study.best.state == study.recommended.state == "complete"
    assert {t.state for t in study.ranked()} == {"complete"}
    assert study.best_value < 0.01  # it would not find its way if two thirds of the trials said nothing


def test_reports_that_make_no_sense_fail_the_trial():
    for bad in (
        [(1, 0.5), (1, 0.4)],
        [(2, 0.5), (1, 0.4)],
        [(math.nan, 0.5)],
        [(1, "good")],
        [("first", 0.5)],
        [(1, None)],
    ):

        def objective(params, report, bad=bad):
            for step, value in bad:
                report(step, value)
            return 1.0

        outcome = evaluate(objective, {})
        assert outcome["state"] == "failed" and "report needs" in outcome["error"], bad


def test_nan_counts_as_the_worst_and_steps_may_begin_at_nought():
    report = Report(limits=[(0, 0.5)])
    with pytest.raises(Pruned):
        report(0, math.nan)
    report = Report(limits=[(3, 0.5)], sign=-1)
    report(0, -0.4)
    report(2, math.nan)
    report(10, np.float32(-9))
    assert report.curve[0] == (0, -0.4) and report.curve[2] == (10, -9)
    assert best_so_far(report.curve, sign=-1)[1].tolist() == [0.4, 0.4, 0.4]


def test_an_argument_with_a_default_is_no_wish_to_report():
    study = search(lambda params, report=False: 0.0 if report is False else 1.0, SPACE, 3)
    assert study.best_value == 0.0 and study.trials[0].curve == []
    with pytest.raises(TypeError, match="one dict"):
        search(lambda params, reports: 0.0, SPACE, 3)
    with pytest.raises(TypeError, match="one dict"):
        search(lambda params, report, more: 0.0, SPACE, 3)


def test_limits_are_what_half_of_the_complete_trials_had():
    paths = [best_so_far([(e, v + 1 / e) for e in range(1, 28)]) for v in range(9)]
    limits = limits_from(paths, [*range(8), math.nan])  # the worst was not trained to its end
    assert [step for step, _ in limits] == list(range(1, 27)) and dict(limits)[9] == pytest.approx(3.5 + 1 / 9)
    assert limits_from(paths[:3], [1, 2, 3]) == [] and limits_from(paths, [math.nan] * 9) == []
    from_nought = [best_so_far([(e, v) for e in range(5)]) for v in range(4)]
    assert limits_from(from_nought, range(4)) == [(e, 1.5) for e in range(4)]
    uneven = [best_so_far([(10 * (v + 1), v)]) for v in range(4)]  # one report each, at another step
    assert limits_from(uneven, range(4)) == []


def test_a_trial_that_was_ended_counts_as_ending_behind_those_that_were_ahead():
    paths = [best_so_far([(1, v), (2, v)]) for v in (3.0, 1.0, 2.0)] + [best_so_far([(1, v)]) for v in (0.5, 1.5, 9.0)]
    losses = expected_losses(paths, np.array([30.0, 10.0, 20.0, *[np.nan] * 3]), np.arange(6) > 2)
    assert losses.tolist() == [30, 10, 20, 10, 20, 30 + (9 - 3)]


def test_telling_a_curve_by_hand_is_the_same(tmp_path):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    while study.next_number < 40:
        trial = study.ask()
        study.tell(trial, **evaluate(training, trial.params, trial.limits))
    assert study == search(training, SPACE, 40) == Study.load(tmp_path / "run.jsonl")


# More than a number


def test_extras_are_kept_whatever_they_are(tmp_path):
    def objective(params):
        return bowl(params), {
            "accuracy": np.float32(0.5), "confusion": np.eye(2), "names": ("a", "b"), 3: None, "model": object(),
            "nan": math.nan,
        }  # fmt: skip

    study = search(objective, SPACE, 4, journal=tmp_path / "run.jsonl", n_jobs=2)
    extra = Study.load(tmp_path / "run.jsonl").trials[2].extra
    assert extra["accuracy"] == 0.5 and extra["confusion"] == [[1, 0], [0, 1]] and extra["names"] == ["a", "b"]
    assert extra["3"] is None and "object" in extra["model"] and math.isnan(extra["nan"])
    assert study.trials == search(bowl, SPACE, 4).trials  # what is beside the value decides nothing
    pytest.importorskip("pandas")
    assert study.to_frame()["extra_accuracy"].tolist() == [0.5] * 4


def two(params):
    return params["x"] ** 2, -((params["x"] - 0.5) ** 2) - params["y"]


def test_two_objectives_have_a_front_and_no_best(tmp_path):
    space = Space(x=Uniform(-1, 1), y=Uniform(0, 1))
    study = search(two, space, 60, direction=["minimize", "maximize"], journal=tmp_path / "run.jsonl", n_jobs=2)
    assert study == search(two, space, 60, direction=("minimize", "maximize")) == Study.load(tmp_path / "run.jsonl")
    front = np.array([t.values for t in study.front]) * [1, -1]
    assert len(front) > 15
    assert not any(((a <= b).all() and (a < b).any()) for a in front for b in front)

    # along the true front y is 0 and x between 0 and a half; a random search gets less than half as near
    def area(values):  # dominated by the front, up to (1, 2)
        values = values[values[:, 0].argsort()]
        ends = np.append(values[1:, 0], 1.0)
        return ((ends - values[:, 0]) * (2 - values[:, 1])).sum()

    ideal = area(np.array([(x**2, (x - 0.5) ** 2) for x in np.linspace(0, 0.5, 500)]))
    random = np.array([two(p) for p in space.sample(60)]) * [1, -1]
    beaten = np.array([any((b <= a).all() and (b < a).any() for b in random) for a in random])
    assert ideal - area(front) < (ideal - area(random[~beaten])) / 2
    for ask in (lambda: study.best, lambda: study.best_value, lambda: study.recommended):
        with pytest.raises(ValueError, match="several objectives"):
            ask()
    assert study.only(0).best_value == study.values[:, 0].min() and study.only(1).direction == "maximize"
    assert study.only(1).best_value == study.values[:, 1].max() and "on the front" in repr(study)
    assert study.values.shape == (60, 2) and len(study.ranked()) == 60
    pytest.importorskip("pandas")
    assert study.to_frame()["value_1"].tolist() == study.values[:, 1].tolist()


def test_a_wrong_number_of_values_costs_the_trial_alone():
    space = Space(x=Uniform(-1, 1), y=Uniform(0, 1))

    def at_times(params):
        return two(params) if params["x"] < 0.6 else params["x"]

    states = {t.state for t in search(at_times, space, 20, direction=["minimize", "maximize"]).trials}
    assert states == {"complete", "failed"}
    three = search(lambda p: (*two(p), 1.0) if p["x"] > 0 else two(p), space, 20, direction=["minimize", "maximize"])
    assert "must return 2 numbers, one for each direction, got 3" in next(
        t.error for t in three.trials if t.state == "failed"
    )
    infinite = search(lambda p: (math.inf, 0.0) if p["x"] > 0 else two(p), space, 8, direction=["minimize", "maximize"])
    assert {t.state for t in infinite.trials} == {"complete", "infeasible"}
    with pytest.raises(ValueError, match="direction"):
        search(two, space, 8, direction=["minimize", "up"])
    study = Study(space, direction=["minimize", "maximize"])
    with pytest.raises(TypeError, match="2 numbers"):
        study.tell(study.ask(), 0.5)


# In the worker

script = """
import multiprocessing, os, subprocess, sys, time
from dlnotes import Space, Uniform, search, worker

def objective(params):
    {body}

if __name__ == "__main__":
    {run}
"""


def ran(tmp_path, body, run, **options):
    """Runs a script of an objective and a search in a process of its own."""
    path = tmp_path / "script.py"
    path.write_text(script.format(body=body, run=run))
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, cwd=tmp_path, **options)


def test_a_worker_knows_which_it_is(tmp_path):
    done = ran(
        tmp_path,
        "time.sleep(0.2); return worker() + os.getpid()*1000",
        "study = search(objective, Space(x=Uniform(0, 1)), 8, n_jobs=2, lag=4); "
        "print(sorted({int(t.value % 1000) for t in study.trials}), len({t.value for t in study.trials}), worker())",
    )
    assert done.stdout.split() == ["[0,", "1]", "2", "0"], done.stderr


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks processes up in /proc")
def test_what_an_objective_started_ends_with_the_search(tmp_path):
    done = ran(
        tmp_path,
        "return subprocess.Popen(['sleep', '300']).pid",
        "study = search(objective, Space(x=Uniform(0, 1)), 3, timeout=60); print(*map(int, study.values))",
    )
    started = list(map(int, done.stdout.split()))
    assert len(started) == 3, done.stderr
    until = time.monotonic() + 10
    while any(map(alive, started)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, started))


def test_an_objective_may_use_processes_of_its_own(tmp_path):
    done = ran(
        tmp_path,
        "with multiprocessing.Pool(2) as pool: return sum(pool.map(abs, [-1, 2]))",
        "print(search(objective, Space(x=Uniform(0, 1)), 2, n_jobs=2).best_value)",
    )
    assert done.stdout.strip() == "3.0", done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="sends a signal to a group of processes")
def test_ctrl_c_while_workers_start_prints_no_traceback_of_theirs(tmp_path):
    path = tmp_path / "script.py"
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell may have had it ignored
    path.write_text(
        script.format(
            body="time.sleep(30)",
            run=f"{hears}; print('now', flush=True); search(objective, Space(x=Uniform(0, 1)), 8, n_jobs=2, lag=4)",
        )
    )
    for after in (0.05, 0.3, 0.6):
        process = subprocess.Popen(
            [sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout.readline() == "now\n"
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors


def test_journals_of_all_these_are_plain_json(tmp_path):
    path = tmp_path / "run.jsonl"
    search(training, SPACE, 14, start=search(training, SPACE, 12, seed=4), journal=path)
    for line in path.read_text().splitlines():
        assert isinstance(json.loads(line), dict)


# All of it together


def allowed(params):
    return params["units"] + params.get("third", 0) < 100


def stop_at_13(study):
    return len(study.trials) >= 13


TREE = Space(
    layers=Integer(1, 3),
    units=Integer(1, 64),
    third=Integer(1, 64).when(layers=3),
    mix=Shares(3).when(layers=[2, 3]),
).where(allowed)


def rough(params):
    return (params["units"] - 30) ** 2 / 900 + params.get("third", 5) / 64 + params.get("mix", [0.3])[0]


@pytest.mark.parametrize("start", ["points", "study"])
@pytest.mark.parametrize("several", [False, True])
def test_conditions_constraints_shares_starts_failures_and_curves_go_together(several, start, tmp_path):
    def failing(params):
        if params["units"] % 4 == 0:
            raise MemoryError("busy")

    def one(params, report):
        for epoch in range(1, 6):
            report(epoch, rough(params) + 1 / epoch)
        failing(params)
        return rough(params)

    def two(params):
        failing(params)
        return rough(params), -params["units"]

    objective, mended = (two, lambda p: (rough(p), -p["units"])) if several else (one, lambda p, report: rough(p))
    how = dict(direction=["minimize", "maximize"] if several else "minimize", lag=3)
    how["start"] = TREE.sample(3, seed=9) if start == "points" else search(objective, TREE, 14, seed=3, **how)
    path = tmp_path / "run.jsonl"
    expected = search(objective, TREE, 22, journal=path, **how)
    assert Study.load(path, TREE) == expected and all(TREE.holds(t.params) for t in expected.trials)
    assert len(expected.prior) == 14 * (start == "study") and sum(t.given for t in expected.trials) == 3 * (
        start == "points"
    )
    states = {t.state for t in expected.trials}
    assert states == ({"complete", "failed"} if several else {"complete", "failed", "pruned"})
    if several and start == "study":
        assert search(objective, TREE, 22, n_jobs=2, **how) == expected
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in (len(lines) // 3, len(lines) * 2 // 3):
        path.write_bytes(b"".join(lines[:cut]) + lines[cut][:7])
        with pytest.warns(UserWarning, match="torn"):
            assert search(objective, TREE, 22, journal=path, **how) == expected
    again = search(mended, TREE, 22, journal=path, retry=True, **how)
    assert [t.params for t in again.trials] == [t.params for t in expected.trials]
    assert not any(t.state == "failed" for t in again.trials) and Study.load(path, TREE) == again
    stopped = search(objective, TREE, 22, stop=stop_at_13, **how)
    assert stopped.trials == expected.trials[:13]
    assert expected.report(tmp_path / "study.html").stat().st_size > 10_000
