"""What people do who come from other libraries: it works, or it is refused in words before anything is written."""

import inspect
import json
import math
import os
import pickle
import re
import subprocess
import sys
from array import array
from decimal import Decimal
from fractions import Fraction
from reprlib import repr as shortened

import numpy as np
import pytest

from dlnotes import (
    MLP,
    BatchNorm,
    Categorical,
    Integer,
    LogUniform,
    Panda,
    Report,
    Shares,
    SoftmaxRegression,
    Space,
    Study,
    Uniform,
    edges,
    importance,
    plot_history,
    plot_isolation,
    recheck,
    retune,
    search,
    target,
)
from dlnotes.arithmetic import plain_extra
from dlnotes.ranges import Scale, in_our_words
from dlnotes.tuning import follow

SPACE = Space(x=Uniform(0, 1), n=Integer(1, 5))


def depth(params):
    return params["x"] + params["n"]


# What is told


class Silent:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ("be complete and have the error", ValueError, dict(error="boom", state="complete")),
        ("state must be one of .*'open'", ValueError, dict(error="boom", state="open")),
        ("state must be one of .*'FAIL'", ValueError, dict(state="FAIL")),
        ("state must be one of .*'done'", ValueError, dict(value=0.5, state="done")),
        ("state must be one of .* got 2", ValueError, dict(value=0.5, state=2)),
        ("error must be a text or an exception, got 5", TypeError, dict(error=5)),
        ("extra must be a dict", TypeError, dict(value=0.5, extra=["accuracy"])),
        ("extra must be a dict", TypeError, dict(value=0.5, extra=0.9)),
        ("curve must be a list", TypeError, dict(value=0.5, curve={1: 0.5})),
        ("curve must be a list", TypeError, dict(value=0.5, curve=[0.5, 0.4])),
        ("curve must be a list", TypeError, dict(value=0.5, curve=None)),
        ("must be a number, got 1j", TypeError, dict(value=1j)),
        ("must be a number, got np.complex", TypeError, dict(value=np.complex64(1))),
        ("must be a number, got 1000", TypeError, dict(value=10**400)),
        ("must be a number, got {'loss'", TypeError, dict(value={"loss": 1})),
    ],
)
def test_what_a_journal_could_not_be_read_with_is_refused_and_changes_nothing(tmp_path, words, error, told):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    trial = study.ask()
    before = (tmp_path / "run.jsonl").read_bytes()
    with pytest.raises(error, match=words):
        study.tell(trial, **told)
    assert (tmp_path / "run.jsonl").read_bytes() == before and study.open == [trial]


@pytest.mark.parametrize("value", ["12", b"12", {1: 2, 3: 4}, {1, 2}, (1, 2j), (1,), (1, 2, 3), 1, None, [[1, 2]]])
def test_several_objectives_take_numbers_in_an_order(value):
    study = Study(SPACE, direction=["minimize", "maximize"])
    with pytest.raises(TypeError, match="2 numbers, one for each direction, got"):
        study.tell(study.ask(), value)


class Text(str):
    pass


TEXTS = ["0.5", Text("0.5"), b"0.5", bytearray(b"0.5"), memoryview(b"0.5"), array("B", b"0.5"), np.str_("0.5"),
         np.bytes_(b"0.5"), np.array("0.5"), np.array(b"0.5"), np.array("0.5", dtype=object)]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda v: type(v).__name__)
def test_the_text_of_a_number_is_no_number(text, tmp_path):
    line = Space(x=Uniform(0, 1))
    assert float(text) == 0.5  # as Python reads it
    study = Study(line, journal=tmp_path / "run.jsonl")
    trial = study.ask()
    before = (tmp_path / "run.jsonl").read_bytes()
    said = "must (be|return) a number, got " + re.escape(shortened(text))
    for act in (lambda: study.tell(trial, text), lambda: study.add({"x": 0.5}, text)):
        with pytest.raises(TypeError, match=said):
            act()
    assert (tmp_path / "run.jsonl").read_bytes() == before and study.open == [trial]
    returned = search(lambda p: text if p["x"] > 0.5 else p["x"], line, 4, progress=False)
    assert {(t.params["x"] > 0.5, t.state) for t in returned.trials} == {(True, "failed"), (False, "complete")}
    assert all(re.search(said, t.error) for t in returned.trials if t.state == "failed")
    with pytest.raises(TypeError, match="report needs a number as its value"):
        Report()(1, text)
    with pytest.raises(TypeError, match="2 numbers, one for each direction, got"):
        Study(line, direction=["minimize", "maximize"]).add({"x": 0.5}, (text, 1))
    with pytest.raises(TypeError, match="a state and a number, got"):
        Panda(lambda rng: 0, lambda state, params, rng: (0, text), {}).run()


def test_numbers_of_every_library_are_numbers():
    class Whole:
        def __index__(self):
            return 3

    numbers = [True, 3, np.float16(0.5), np.array(0.5), np.array(Decimal("0.5"), dtype=object), Fraction(1, 2), Whole()]
    study = Study(Space(x=Uniform(0, 1)))
    for number in numbers:
        study.tell(study.ask(), number)
    assert study.values.tolist() == [1, 3, 0.5, 0.5, 0.5, 0.5, 3]


def test_an_exception_may_be_told_and_a_curve_with_nan_equals_itself(tmp_path):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    try:
        raise MemoryError("of the device")
    except MemoryError as e:
        study.tell(study.ask(), error=e)
    study.tell(study.ask(), 0.5, error=None, curve=[(1, float("nan")), (2, math.inf)])
    study.tell(study.ask(), 0.5, state="infeasible")
    error = study.trials[0].error
    assert "raise MemoryError" in error and error.endswith("MemoryError: of the device\n")
    assert [t.state for t in study.trials] == ["failed", "complete", "infeasible"]
    assert Study.load(tmp_path / "run.jsonl") == study


def test_what_cannot_be_shown_or_has_no_end_costs_no_trial(tmp_path):
    endless = [1]
    endless.append(endless)
    extra = {"silent": Silent(), "endless": endless, "huge": 10**5000}
    study = search(lambda p: (p["x"], extra), SPACE, 2, journal=tmp_path / "run.jsonl")
    assert len(study.complete) == 2 and Study.load(tmp_path / "run.jsonl") == study
    assert study.best.extra["silent"] == "<Silent>" and plain_extra(10**5000) == "<int>"


@pytest.mark.parametrize("returned", [None, {"loss": 0.5}, (0.5, None), "good", 1j, [0.5], 10**400])
def test_an_objective_that_returns_no_number_is_told_what_to_return(returned):
    with pytest.raises(RuntimeError, match=r"the objective must return a number, got .*'name': extra"):
        search(lambda p: returned, SPACE, 3)


# What is given


@pytest.mark.parametrize("number", [Fraction(1, 2), np.array(0.5), np.float16(0.5), np.longdouble(0.5), 0.5])
def test_known_points_are_numbers_of_any_library_and_plain_in_the_record(tmp_path, number):
    start = [{"x": number, "n": np.array(3)}, {"x": True, "n": 3.0}]
    study = search(depth, SPACE, 3, start=start, journal=tmp_path / "run.jsonl")
    assert [t.params for t in study.trials[:2]] == [{"x": 0.5, "n": 3}, {"x": 1, "n": 3}]
    assert {type(v) for t in study.trials[:2] for v in t.params.values()} <= {int, float}
    assert {type(t.params["n"]) for t in study.trials} == {int} and Study.load(tmp_path / "run.jsonl") == study
    assert len(search(depth, SPACE, 4, start=start, journal=tmp_path / "run.jsonl").trials) == 4


def test_a_decimal_is_said_not_to_be_in_the_space():
    with pytest.raises(ValueError, match="x=Decimal"):
        search(depth, SPACE, 3, start=[{"x": Decimal("0.5"), "n": 3}])


@pytest.mark.parametrize(
    "direction", [None, 5, {"minimize"}, {"minimize": 1}, [["minimize"]], iter([]), ["minimize", None]]
)
def test_what_is_no_direction_is_named(direction):
    with pytest.raises((TypeError, ValueError), match="direction"):
        Study(SPACE, direction=direction)


@pytest.mark.parametrize("direction", [["maximize"], np.array(["maximize"]), np.str_("maximize"), iter(["maximize"])])
def test_a_direction_is_a_plain_text(direction):
    assert type(Study(SPACE, direction=direction).direction) is str


def test_points_that_can_be_read_only_once_are_refused():
    with pytest.raises(TypeError, match="start must be a list of dicts"):
        search(depth, SPACE, 3, start=iter([{"x": 0.5, "n": 3}]))


def test_a_target_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="got 'low'"):
        target("low")


# Spaces


@pytest.mark.parametrize(
    "space",
    [
        Space(mix=Shares(2)),
        Space(kind=Categorical("a", "b"), mix=Shares(2).when(kind="a"), more=Shares(2)),
    ],
)
def test_two_shares_are_searched_recorded_and_judged(tmp_path, space):
    def first(params):
        return params.get("mix", (0.4, 0.6))[0]

    journal = tmp_path / "run.jsonl"
    known = {"mix": [0.5, 0.5], "kind": "a", "more": (1, 0)}
    start = [{name: known[name] for name in space}]
    study = search(first, space, 20, start=start, journal=journal)
    assert all(sum(t.params["mix"]) == 1 for t in study.trials if "mix" in t.params) and study.best_value < 0.1
    assert search(first, space, 20, start=[study.trials[0].params]) == study == Study.load(journal)
    assert "mix[0]" in {i.name for i in importance(study)} and edges(study) is not None and study.space.zoom(study)
    assert space.cdf(space.ppf(space.unit(5))) == pytest.approx(space.settled(space.unit(5)), nan_ok=True)
    assert len(space.sample(3, method="grid")) == 3
    wider = Space({**space.scales, "new": Shares(2)})
    with pytest.warns(UserWarning, match="taken to have had"):
        assert len(search(first, wider, 3, start=study).prior) == 20


def test_a_set_of_conditions_is_the_same_search_in_another_process(tmp_path):
    kinds = "sgd", "adam", "rms", "lion"
    some = [["rms", "sgd"], ("sgd", "rms", "rms"), {"sgd", "rms"}, "sgd"]
    one, two, three, other = (Space(kind=Categorical(*kinds), m=Uniform(0, 1).when(kind=of)) for of in some)
    assert one == two == three != other and other != Space(kind=Categorical(*kinds), m=Uniform(0, 1))
    program = f"""
from dlnotes import *
space = Space(kind=Categorical{kinds}, m=Uniform(0, 1).when(kind={{"sgd", "rms", "lion"}}),
              k=Categorical(["a"]), j=Uniform(0, 1).when(k="a"))
study = search(lambda p: p.get("m", 0.5), space, 3, journal="run.jsonl")
assert Study.load("run.jsonl") == study
"""
    for seed in "012":
        env = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert not done.returncode, done.stderr


def relu(x):
    return max(x, 0)


@pytest.mark.parametrize("options", [[math.nan, 1.0], [(math.nan,), 1], [relu, math.nan, [math.nan]]])
def test_nan_may_be_an_option(tmp_path, options):
    space = Space(o=Categorical(options), x=Uniform(0, 1))
    start = [{"o": options[0], "x": 0.5}]
    first = search(lambda p: p["x"], space, 6, start=start, journal=tmp_path / "run.jsonl")
    again = search(lambda p: p["x"], space, 9, start=start, journal=tmp_path / "run.jsonl")
    assert again.first(6) == first and again == search(lambda p: p["x"], space, 9, start=start)
    assert sum(t.given for t in again.trials) == 1
    assert all(any(t.params["o"] is o or t.params["o"] == o for o in options) for t in again.trials)


def test_a_name_may_be_any_text(tmp_path):
    for i, name in enumerate(("\ud800", "")):
        journal = tmp_path / f"{i}.jsonl"
        study = search(lambda p: max(p.values()), Space({name: Uniform(0, 1)}), 12, journal=journal)
        assert study.report(tmp_path / "study.html").exists() and Study.load(journal) == study


# Files


def test_an_objective_may_go_to_another_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")

    def wandering(params):
        os.chdir(tmp_path / "work")
        return params["x"]

    study = search(wandering, SPACE, 4, journal="run.jsonl")
    recheck(lambda p: p["x"] + p["n"] / 9, study, top=2, repeats=2)
    assert not list((tmp_path / "work").iterdir()) and Study.load(tmp_path / "home" / "run.jsonl") == study


def test_a_report_is_written_of_anything_and_to_a_file(tmp_path):
    for direction in ("minimize", ["minimize", "maximize"]):
        study = Study(SPACE, direction=direction)
        assert study.report(tmp_path / "study.html", title=None).exists()
        assert study._repr_html_() and study.ranked() == []
        study.tell(study.ask(), error="out of memory")
        assert study.report(tmp_path / "study.html").exists() and (study.front == [] or direction == "minimize")
    with pytest.raises(IsADirectoryError, match="is a folder: give a file in it"):
        study.report(tmp_path)


def test_the_bar_of_several_objectives_begins_with_a_failure(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    study = search(lambda p: 1 / 0 if p["x"] > 0.5 else (p["x"], 1), SPACE, 12, direction=["minimize"] * 2)
    assert study.trials[0].state == "failed" and len(study.front) >= 1


# Optuna's and scikit-learn's


class Squares(Scale):
    def ppf(self, u):
        return np.square(u)

    def cdf(self, value):
        return np.sqrt(value)


def test_any_study_becomes_one_of_optunas():
    pytest.importorskip("optuna")
    from dlnotes import to_optuna

    space = Space(q=Squares(), o=Categorical(np.zeros(2), np.ones(2)), mix=Shares(2))
    study = search(lambda p: (p["q"], p["o"].sum()), space, 12, direction=["minimize", "maximize"])
    theirs = to_optuna(study)
    assert [tuple(t.values) for t in theirs.trials] == [t.values for t in study.trials]
    assert {t.params["o"] for t in theirs.trials} == {"array([0., 0.])", "array([1., 1.])"}
    assert len(theirs.best_trials) >= len(study.front)


def test_conditions_may_be_on_options_that_are_estimators_and_another_distribution_is_another_search(tmp_path):
    pytest.importorskip("sklearn")
    from scipy import stats
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline

    from dlnotes import SearchCV
    from dlnotes.sklearn import translated

    x, y = load_iris(return_X_y=True)
    logistic, bayes = LogisticRegression(max_iter=50, tol=1e-2), GaussianNB()
    pipe = Pipeline([("m", logistic)])
    space = {"m": [logistic, bayes], "m__C": LogUniform(0.1, 10).when(m=logistic)}
    space["m__var_smoothing"] = Uniform(0, 0.1).when(m=[bayes])
    found = SearchCV(pipe, space, n_trials=8, cv=2).fit(x, y)
    assert {tuple(sorted(p)) for p in found.cv_results_["params"]} == {("m", "m__C"), ("m", "m__var_smoothing")}
    assert translated([Space(C=Uniform(0, 1))])[0] == Space(C=Uniform(0, 1))
    with pytest.raises(TypeError, match="when"):
        translated([{"x": [1]}, {"z": [1]}])
    if hasattr(stats, "Normal"):
        with pytest.raises(TypeError, match="new kind of scipy"):
            translated({"C": stats.Normal(mu=1, sigma=1)})

    def tuned(scale, n):
        distributions = {"var_smoothing": stats.expon(scale=scale)}
        return SearchCV(GaussianNB(), distributions, n_trials=n, cv=2, journal=tmp_path / "run").fit(x, y)

    assert tuned(0.1, 2).cv_results_["params"] == tuned(0.1, 4).cv_results_["params"][:2]
    with pytest.raises(ValueError, match="its distributions differ"):
        tuned(0.2, 4)


# Options that are arrays: `==` of two arrays is an array, so nothing may ask it


def of_arrays():
    options = Categorical([np.arange(3), np.zeros(2), np.ones((2, 2))])
    return Space(a=options, x=Uniform(0, 1), y=Uniform(0, 1).when(a=[np.zeros(2)]))


def sum_of_arrays(params):
    return abs(params["x"] - 0.3) + params["a"].sum() + params.get("y", 0)


def test_spaces_of_equal_arrays_are_equal():
    assert of_arrays() == of_arrays()
    assert Categorical([np.arange(3)]) != Categorical([np.arange(3.0)]) != Categorical([np.arange(4.0)])
    assert Categorical([np.array([np.nan])]) == Categorical([np.array([np.nan])])
    assert Categorical([[np.arange(3)], {"k": np.arange(2)}]).cdf({"k": np.arange(2)}) == 0.75
    assert Categorical([1, 2]) != Categorical([1, 2], ordered=True) and Categorical([1]) != Categorical([True])
    with pytest.raises(ValueError, match="options must differ"):
        Categorical([np.zeros(2), np.zeros(2)])


def test_a_search_over_arrays_is_resumed_known_again_and_looked_at(tmp_path):
    known = [{"a": np.zeros(2), "x": 0.5, "y": 0.5}]
    search(sum_of_arrays, of_arrays(), 10, journal=tmp_path / "j", start=known, progress=False)
    again = search(sum_of_arrays, of_arrays(), 14, journal=tmp_path / "j", start=known, progress=False)
    assert [t.given for t in again.trials] == [True] + [False] * 13
    assert Study.load(tmp_path / "j", of_arrays()) == Study.load(tmp_path / "j", of_arrays())
    assert again.trials[0] != again.trials[1] and again.trials[1] == again.trials[1]
    assert retune(again, sum_of_arrays, top=4).champion["a"].shape in ((3,), (2,), (2, 2))
    with pytest.warns(UserWarning, match="every run gave"):
        assert len(recheck(sum_of_arrays, again, top=3).leaders) == 3
    assert len(search(sum_of_arrays, of_arrays(), 3, start=again, progress=False).prior) == 14


# The diary and tuning again


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            lambda: Panda(np.zeros(2), lambda w, p, r: (w, 1.0), {}),
            "start is called as .* must be a function",
        ),
        (lambda: Panda(lambda: 1, lambda w, p, r: (w, 1.0), {}), r"start is called as start\(rng\), but is start\(\)"),
        (lambda: Panda(lambda r: 1, lambda w, p: (w, 1.0), {}), r"step\(state, params, rng\), but is step\(w, p\)"),
        (lambda: Panda(lambda r: 1, lambda w, p, r: (w, 1.0), [("lr", 1)]), "params must be a dict"),
        (lambda: Panda(lambda r: (i for i in "ab"), lambda w, p, r: (w, 1.0), {}), "state that can be copied"),
        (lambda: Panda(lambda r: 1, lambda w, p, r: (w, 1.0), {}, seed="a"), "seed must be an integer"),
        (lambda: Panda(lambda r: 1, lambda w, p, r: np.zeros(2), {}).run(), "step must return a state and a number"),
    ],
)
def test_a_panda_says_what_it_was_given(made, told):
    with pytest.raises(TypeError, match=told):
        made()


def test_a_panda_takes_functions_of_other_habits():
    class Steps:
        def __call__(self, state, params, rng, verbose=False):
            return [state + 1, np.float32(state)]

    assert Panda(lambda *a: 0, Steps(), {}).run(3) == 2.0
    assert Panda(lambda rng=None: 0, lambda *a, **k: (a[0] + 1, a[0]), {}).run(2) == 1.0


def test_retune_says_what_went_wrong_today():
    study = search(lambda p: p["x"], Space(x=Uniform(0, 1)), 12, progress=False)
    with pytest.raises(RuntimeError, match=r"(?s)none of the 12 rivals.*The first is failed: .*ZeroDivisionError"):
        retune(study, lambda p: 1 / 0)
    with pytest.raises(RuntimeError, match="The first is infeasible"):
        retune(study, lambda p: math.inf)
    with pytest.raises(TypeError, match="receives one dict, but takes x, seed"):
        retune(study, lambda x, seed: 0.0)
    with pytest.raises(TypeError, match="must be a function of a dict, got 3"):
        retune(study, 3)


def test_an_objective_of_two_arguments_is_told_what_the_second_may_be():
    with pytest.raises(
        TypeError, match=r"takes p, trial: name the second report, .* learning curve; else write def"
    ) as said:
        search(lambda p, trial: 0.0, SPACE)
    assert "for p" not in str(said.value)  # which is the dict
    with pytest.raises(TypeError, match="takes x, n, k: write def objective"):
        search(lambda x, n, k: 0.0, SPACE)


# What is called otherwise elsewhere


@pytest.mark.parametrize(
    ("called", "word", "told"),
    [
        (lambda **named: BatchNorm(3, **named), "momentum", "BatchNorm .* give decay, .*: 1 - momentum for PyTorch's"),
        (lambda **named: BatchNorm.like("pytorch", 3, **named), "epsilon", "it is called eps here"),
        (MLP, "learning_rate", "MLP has no argument 'learning_rate': it is called lr here"),
        (MLP, "hidden_layer_sizes", "it is called hidden here"),
        (MLP, "banana", "it takes only hidden, norm, .*, class_weight$"),
        (SoftmaxRegression, "solver", "leave it out"),
        (SoftmaxRegression, "penalty", "l1_ratio=1 is 'l1'"),
        (lambda **named: Uniform(1e-4, 1, **named), "log", r"LogUniform\(low, high\)"),
        (lambda **named: search(depth, SPACE, **named), "n_iter", "search .*: it is called n_trials here"),
        (lambda **named: search(depth, SPACE, **named), "n_calls", "it is called n_trials here"),
        (lambda **named: search(depth, SPACE, **named), "maximize", "give direction='maximize'"),
        (lambda **named: search(depth, SPACE, **named), "banana", "it takes only objective, space, n_trials"),
    ],
)
def test_the_words_of_other_libraries_are_told_the_right_one(called, word, told):
    with pytest.raises(TypeError, match=f"no argument '{word}'") as said:
        called(**{word: 0.1})
    assert re.search(told, str(said.value))


def test_what_says_the_right_word_is_called_as_before():
    @in_our_words(rate="lr")
    class Step:
        "A step."

        def __init__(self, size, lr=0.1):
            self.length = size * lr

    assert Step(2, lr=3).length == 6 and Step.__doc__ == "A step."
    assert str(inspect.signature(Step)) == "(size, lr=0.1)" and pickle.loads(pickle.dumps(search)) is search
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'size'"):
        Step()


def test_a_warning_of_a_search_shows_the_line_that_began_it():
    with pytest.warns(UserWarning, match="n_jobs=3 workers") as said:
        search(depth, SPACE, 2, n_jobs=3, progress=False)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="the space has 2 points") as said:
        search(lambda p: p["n"], Space(n=Integer(1, 2)), 3, progress=False)
    assert said[0].filename == __file__


# What was not said, or was lost on the way


def test_a_known_point_that_is_no_dict_is_refused():
    study = Study(Space(x=Uniform(0, 1)))
    for given in ([0.5], None, 0.5, "x"):
        with pytest.raises(TypeError, match="params must be a dict, by name, got"):
            study.add(given, 0.5)
    assert not study.trials


def test_an_objective_is_one_of_those_there_are():
    both = search(lambda p: (p["x"], p["x"]), Space(x=Uniform(0, 1)), 3, direction=["minimize", "maximize"])
    for study, at in ((both, 2), (both, -1), (both.only(1), 1)):
        with pytest.raises(ValueError, match="objective"):
            study.only(at)
    with pytest.raises(TypeError, match="objective"):
        both.only("x")
    assert both.only(np.int64(1)).direction == "maximize"


@pytest.mark.parametrize("ask", [importance, plot_history, plot_isolation, lambda study: study.space.zoom(study)])
def test_who_needs_one_objective_says_where_it_is(ask):
    both = search(lambda p: (p["x"], p["x"]), Space(x=Uniform(0, 1)), 12, direction=["minimize", "maximize"])
    with pytest.raises(ValueError, match=r"only\(0\)"):
        ask(both)
    ask(both.only(0))


def test_optuna_gets_curves_and_extras_and_what_was_ended_early():
    pytest.importorskip("optuna")
    from dlnotes import to_optuna

    def falling(params, report):
        for step in range(1, 10):
            report(step / params["per"], params["x"] + 1 / step)
        return params["x"], {"steps": 9, "state": "solid"}

    for per in (1, 2):
        ours = search(falling, Space(x=Uniform(0, 1), per=Integer(per, per)), 20)
        assert {t.state for t in ours.trials} == {"complete", "pruned"}
        for t, theirs in zip(ours.trials, to_optuna(ours).trials, strict=True):
            assert theirs.state.name.lower() == theirs.user_attrs["state"] == t.state
            assert list(theirs.intermediate_values.values()) == [value for _, value in t.curve]
            assert all(type(step) is int for step in theirs.intermediate_values)
            assert theirs.user_attrs.get("steps") == t.extra.get("steps")


def test_names_of_options_do_not_pass_for_options(tmp_path):
    space, wider = (Space(x=Uniform(0, high), f=Categorical([min, max])) for high in (1, 2))
    search(lambda p: p["x"], space, 5, journal=tmp_path / "run.jsonl")
    with pytest.warns(UserWarning, match=r"Study.load\(path, space\)"):
        assert not Study(wider, start=Study.load(tmp_path / "run.jsonl")).prior
    assert len(Study(wider, start=Study.load(tmp_path / "run.jsonl", space)).prior) == 5
    with pytest.warns(UserWarning, match="outside") as said:
        Study(Space(x=Uniform(2, 3), f=Categorical([min, max])), start=Study.load(tmp_path / "run.jsonl", space))
    assert "Study.load" not in str(said[0].message)


def test_a_diary_with_numbers_of_numpy_is_a_text_too():
    def start(rng):
        return 1.0

    def step(state, params, rng):
        return state * params["keep"], state

    panda = Panda(start, step, {"keep": np.float32(0.5), "layers": np.int64(3)}, seed=np.int64(4))
    panda.run(np.int64(2))
    panda.change("more", keep=np.float32(0.7))
    panda.run(2)
    panda.undo("too much", step=np.int64(2))
    panda.run(1)
    again = follow(start, step, json.dumps(panda.diary))
    assert again.values == panda.values and again.diary == panda.diary and again.params == panda.params
