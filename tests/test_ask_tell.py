"""A study that is asked and told: the same trials as `search`, in any order, over power cuts, with known points."""

import cProfile
import itertools
import json
import math
import random

import numpy as np
import pytest

from dlnotes import Categorical, Integer, LogUniform, Space, Study, Uniform, search
from dlnotes.choice import FIRST

SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))


def bowl(params):
    return (math.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + (params["o"] == "a")


def step_by_step(study, n):
    """Asks and tells one trial at a time."""
    while study.next_number < n:
        trial = study.ask()
        study.tell(trial, bowl(trial.params))
    return study


def out_of_order(study, n, ahead, rng):
    """Keeps `ahead` trials open and tells them in a random order, waiting only where the study is not ready."""
    while study.next_number < n or study.open:
        if study.next_number < n and len(study.open) < ahead and study.ready:
            study.ask()
        else:
            trial = rng.choice(study.open)
            study.tell(trial.number, bowl(trial.params))
    return study


@pytest.mark.parametrize("lag", [1, 2, 4, 7, 16])
def test_asking_and_telling_gives_the_trials_of_search_in_whatever_order(lag):
    expected = search(bowl, SPACE, 40, seed=3, lag=lag)
    assert step_by_step(Study(SPACE, 3, lag=lag), 40) == expected
    assert out_of_order(Study(SPACE, 3, lag=lag), 40, lag, random.Random(lag)) == expected


def test_a_plan_uses_no_value_within_the_lag_even_if_it_is_known():
    studies = [step_by_step(Study(SPACE, lag=4), 20) for _ in range(2)]
    for study, value in zip(studies, (0.0, 100.0), strict=True):
        for _ in range(3):
            study.tell(study.ask(), value)
    a, b = (study.ask() for study in studies)
    assert a == b  # trials 20 to 22 are not told to trial 23
    c, d = (study.ask() for study in studies)
    assert c != d  # but trial 20 is to trial 24


def test_asking_never_waits_and_remembers_what_a_plan_missed():
    study = Study(SPACE, lag=2)
    asked = [study.ask() for _ in range(FIRST + 3)]
    assert [t.unknown for t in asked] == [()] * FIRST + [tuple(range(n - 1)) for n in range(FIRST, FIRST + 3)]
    assert len({tuple(t.params.values()) for t in asked}) == len(asked)
    assert [t.number for t in study.open] == list(range(FIRST + 3)) and study.trials == [] and not study.ready
    for t in asked[3:]:
        study.tell(t, bowl(t.params))
    assert study.ask().unknown == (0, 1, 2)


def test_points_that_are_out_are_not_given_again():
    board = Space(a=Integer(0, 9), b=Integer(0, 9))
    study = Study(board)
    points = [tuple(study.ask().params.values()) for _ in range(100)]
    assert len(set(points)) == 100 and study.ask() is None
    continuous = Study(SPACE)
    for t in [continuous.ask() for _ in range(12)]:
        continuous.tell(t, bowl(t.params))
    u = SPACE.cdf([continuous.ask().params for _ in range(20)])
    assert min(np.abs(a - b).max() for a, b in itertools.combinations(u, 2)) > 1e-3


def test_what_cannot_be_told_is_said_and_changes_nothing(tmp_path):
    journal = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=journal)
    trial = study.ask()
    before = journal.read_bytes()
    for error, words, act in [
        (ValueError, r"trial 7 was never asked for: open are \[0\]", lambda: study.tell(7, 1.0)),
        (TypeError, "value of trial 0 must be a number, got None; .*error=", lambda: study.tell(trial)),
        (TypeError, "got 'good'", lambda: study.tell(trial, "good")),
        (TypeError, "trial, or its number, must be an integer", lambda: study.tell("0", 1.0)),
        (ValueError, "value 1.0 and an error: leave one out", lambda: study.tell(trial, 1.0, error="no memory")),
        (ValueError, "value 1.0 and state='pruned'", lambda: study.tell(trial, 1.0, state="pruned")),
        (TypeError, "trial, or its number, .*got {'lr'", lambda: study.runs(trial.params)),
        (ValueError, "needs values for", lambda: study.add({"lr": 0.1})),
        (ValueError, "2", lambda: study.add({"lr": 2, "x": 0, "o": "a"})),
        (ValueError, "finite", lambda: study.add({"lr": 0.1, "x": 0, "o": "a"}, math.nan)),
        (TypeError, "got 'x'", lambda: study.add({"lr": 0.1, "x": 0, "o": "a"}, "x")),
    ]:
        with pytest.raises(error, match=words):
            act()
    assert journal.read_bytes() == before and study == Study.load(journal)
    study.tell(trial, 0.5)
    with pytest.raises(ValueError, match=r"trial 0 has ended already: it was told as 0\.5"):
        study.tell(trial, 0.6)
    assert study.best_value == 0.5


def test_errors_and_nan_are_states():
    study = Study(SPACE)
    for told in (
        dict(error="no memory"),
        dict(value=math.nan),
        dict(value=-math.inf),
        dict(state="timeout"),
        dict(value=np.float32(2)),
    ):
        study.tell(study.ask(), **told)
    assert [t.state for t in study.trials] == ["failed", "infeasible", "infeasible", "timeout", "complete"]
    assert study.trials[0].error == "no memory" and type(study.trials[4].value) is float


def test_a_study_opened_again_is_as_it_was(tmp_path):
    journal = tmp_path / "run.jsonl"
    rng = random.Random(0)
    expected = search(bowl, SPACE, 40, lag=3)
    while True:  # a script that is started anew for every event
        study = Study(SPACE, journal=journal, lag=3)
        if study.next_number == 40 and not study.open:
            break
        if study.next_number < 40 and len(study.open) < 3 and study.ready:
            study.ask()
        else:
            trial = rng.choice(study.open)
            study.tell(trial, bowl(trial.params))
    assert study == expected == Study.load(journal) == search(bowl, SPACE, 40, journal=journal)
    assert Study(SPACE, journal=journal).lag == 3


def test_search_runs_what_a_study_left_open(tmp_path):
    journal = tmp_path / "run.jsonl"
    study = step_by_step(Study(SPACE, journal=journal), 15)
    left = [study.ask(), study.ask()]
    tried = []
    found = search(lambda p: tried.append(p) or bowl(p), SPACE, 30, journal=journal)
    assert tried[:2] == [t.params for t in left] and found == search(bowl, SPACE, 30)


def test_an_older_view_of_a_journal_cannot_write_to_it(tmp_path):
    journal = tmp_path / "run.jsonl"
    old = Study(SPACE, journal=journal)
    trial = old.ask()
    new = Study(SPACE, journal=journal)
    new.tell(trial, 1.0)
    before = journal.read_bytes()
    for act in (lambda: old.tell(trial, 2.0), old.ask, lambda: old.add(trial.params)):
        with pytest.raises(RuntimeError, match="another study has written"):
            act()
    assert journal.read_bytes() == before and [t.number for t in old.open] == [0]


@pytest.mark.parametrize("cut", range(0, 2000, 97))
def test_a_journal_cut_anywhere_goes_on_as_if_it_had_not_been(tmp_path, cut, recwarn):
    journal = tmp_path / "run.jsonl"
    expected = step_by_step(Study(SPACE, journal=journal), 14)
    data = journal.read_bytes()
    journal.write_bytes(data[: len(data) - cut])
    study = Study(SPACE, journal=journal)
    for trial in study.open:
        study.tell(trial, bowl(trial.params))
    assert step_by_step(study, 14) == expected


def test_in_order_of_arrival_every_value_is_used_and_a_resumed_study_plans_the_same(tmp_path):
    journal = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=journal, reproducible=False)
    rng = random.Random(1)
    for _ in range(60):
        if len(study.open) < 5:
            study.ask()
        else:
            trial = rng.choice(study.open)
            study.tell(trial, bowl(trial.params))
        assert study.ready
    assert all(len(t.unknown) <= 4 for t in study.trials) and any(t.unknown for t in study.trials)
    again = Study.load(journal)
    assert again == study and again.ask() == study.ask()


def test_a_known_point_is_learned_from_and_a_wish_is_tried_next():
    best = {"lr": 0.01, "x": 0.0, "o": "b"}
    study = Study(SPACE)
    study.add(best, 0.0)
    study.add({"lr": 0.5, "x": 0.5, "o": "a"})
    study.add({"lr": 0.2, "x": 0.1, "o": ("c", 1)})
    assert study.best_params == best and study.next_number == 1 and study.trials[0].given
    first, second, third = study.ask(), study.ask(), study.ask()
    assert first.params == {"lr": 0.5, "x": 0.5, "o": "a"} and first.given and second.given and not third.given
    assert second.params["o"] == ("c", 1)
    for t in (first, second, third):
        study.tell(t, bowl(t.params))
    step_by_step(study, 25)
    near = [t for t in study.trials[FIRST:] if not t.whole]
    assert np.mean([bowl(t.params) for t in near]) < 1


def test_known_points_are_known_at_once_and_survive(tmp_path):
    journal = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=journal, lag=4)
    for p in SPACE.sample(FIRST, seed=9):
        study.add(p, bowl(p))
    study.add({"lr": 0.5, "x": 0.5, "o": "a"})
    again = Study(SPACE, journal=journal)
    assert again == study and again.ask().params["lr"] == 0.5
    planned = again.ask()
    assert planned.unknown == () and planned.number == FIRST + 1
    other = Study(SPACE, lag=4)
    for p in SPACE.sample(FIRST, seed=9):
        other.add(p, -bowl(p))
    other.add({"lr": 0.5, "x": 0.5, "o": "a"})
    other.ask()
    assert other.ask().params != planned.params  # values count at once


def test_the_first_format_goes_on_in_the_second(tmp_path):
    journal = tmp_path / "run.jsonl"
    described = {"x": {"scale": "Uniform", "low": -1.0, "high": 1.0}}
    header = {"dlnotes_journal": 1, "version": "0.1.0", "created": "2026-01-01T00:00:00+00:00", "seed": 0,
              "direction": "minimize", "stage_size": 4, "space": described}  # fmt: skip

    def line(n, x):
        of_stage = {"number": n, "params": {"x": x}, "value": x * x, "state": "complete", "stage": 0}
        return of_stage | {"whole": True, "error": "", "seconds": 0.1}

    lines = [header, *(line(n, 0.1 * n - 0.5) for n in (0, 1, 3, 4))]  # a second worker had not finished trial 2
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    space = Space(x=Uniform(-1, 1))
    study = search(lambda p: p["x"] ** 2, space, 20, journal=journal, lag=2)
    assert [t.number for t in study.trials] == list(range(20)) and study.trials[3].params == {
        "x": line(3, 0.1 * 3 - 0.5)["params"]["x"]
    }
    assert Study.load(journal) == study and study.lag == 2 and study.best_value < 1e-3
    assert sum("dlnotes_journal" in entry for entry in journal.read_text().splitlines()) == 2


def test_a_study_can_be_cut_to_its_first_trials():
    study = search(bowl, SPACE, 30)
    assert study.first(20) == search(bowl, SPACE, 20) and study.first(30) == study


def test_a_study_that_was_cut_still_knows_its_known_points_at_once():
    study = Study(SPACE, lag=16)
    for p in SPACE.sample(FIRST, seed=9):
        study.add(p, bowl(p))
    assert study.first(FIRST).ask() == study.ask()


def test_asking_never_waits_and_ready_waits_only_where_a_limit_may_rest_on_what_is_open():
    study = Study(Space(x=Uniform(0, 1)), lag=2)
    for number in range(5):  # trial 5 is the first whose limits may rest on four others
        assert study.ready and study.ask().number == number
    assert not study.ready and study.ask().number == 5 and study.open[-1].limits == []
    without = Study(Space(x=Uniform(0, 1)), lag=2, prune=False)
    while without.next_number < 10:
        assert without.ready and without.ask()
    assert not without.ready
    curve = [(1, 0.9), (2, 0.5), (3, 0.4)]
    for trial in study.open:
        study.tell(trial, 0.4, curve=curve)
    assert study.ready and study.ask().limits


def test_an_earlier_study_is_found_again_in_few_steps(tmp_path):
    space = Space(x=Uniform(0, 1))

    def calls(n):
        before, other = Study(space), Study(space)
        for study, seed in ((before, 0), (other, 1)):
            for params in space.sample(n, seed=seed):
                study.add(params, params["x"] + seed)
        Study(space, journal=tmp_path / f"{n}", start=before)
        profile = cProfile.Profile()
        study = profile.runcall(Study, space, journal=tmp_path / f"{n}", start=other)
        assert len(study.prior) == 2 * n
        return sum(entry.callcount for entry in profile.getstats() if not isinstance(entry.code, str))

    assert calls(200) < 6 * calls(50)  # not with the square of their number
