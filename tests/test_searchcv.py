"""SearchCV: scikit-learn's manners, its own tests, everybody's words for a space, races, and power cuts."""

import importlib.util
import json
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from copy import deepcopy
from functools import partial, wraps
from pathlib import Path

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from joblib import parallel_config, register_parallel_backend  # noqa: E402
from joblib._parallel_backends import SequentialBackend  # noqa: E402
from scipy.stats import expon, loguniform, multivariate_normal, norm, poisson, randint, uniform  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin, clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.exceptions import FitFailedWarning  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.pipeline import Pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import dlnotes  # noqa: E402
from dlnotes import Categorical, Integer, LogUniform, SearchCV, Space, Study, Uniform, search  # noqa: E402
from dlnotes.sklearn import _in_words, _mark, forecast, translated  # noqa: E402

X, y = load_iris(return_X_y=True)
SPACE = {"var_smoothing": LogUniform(1e-12, 10)}


class Fixed(ClassifierMixin, BaseEstimator):
    """Scores `a` everywhere, and a little more on later folds; fails below `fails`."""

    def __init__(self, a=0.5, b=0.5, fails=-1.0):
        self.a, self.b, self.fails = a, b, fails

    def fit(self, X, y):
        if self.a < self.fails:
            raise ValueError("a is too small")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return 1 - (self.a - 0.3) ** 2 - (self.b - 0.7) ** 2 + 1e-3 * np.mean(X[:, 0])


BOX = {"a": Uniform(0, 1), "b": Uniform(0, 1)}


def same(one, two):
    """Whether two tables are equal but for the times."""
    assert one.keys() == two.keys()
    for key in one:
        if "time" not in key:
            np.testing.assert_array_equal(one[key], two[key], err_msg=key)
    return True


# Import


def run(code):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)


def test_the_package_needs_no_scikit_learn_and_says_what_does():
    done = run("""
        import sys
        sys.modules["sklearn"] = None  # as if it were not installed
        import dlnotes
        from dlnotes import *
        assert "SearchCV" not in dir(dlnotes) and not hasattr(dlnotes, "NoSuchName")
        try: from dlnotes import SearchCV
        except ImportError as e: print(e)
    """)
    assert done.stdout == "SearchCV needs scikit-learn: pip install scikit-learn\n", done.stderr


def test_scikit_learn_is_imported_when_it_is_asked_for():
    done = run("""
        import sys, dlnotes
        from dlnotes import *
        assert "sklearn" not in sys.modules and "SearchCV" in dir(dlnotes)
        from dlnotes import SearchCV
        assert "sklearn" in sys.modules and SearchCV is dlnotes.SearchCV
    """)
    assert not done.returncode, done.stderr


# scikit-learn's checks and tests


@parametrize_with_checks(
    [
        SearchCV(LogisticRegression(), {"C": LogUniform(0.1, 1)}, n_trials=2, cv=2),
    ],
    **(
        {"expected_failed_checks": lambda _: {"check_supervised_y_2d": "as RandomizedSearchCV"}}
        if sklearn.__version__ >= "1.6"
        else {}
    ),
)
@pytest.mark.filterwarnings("ignore")  # which the checks provoke, in NumPy, scikit-learn and its scorers
def test_scikit_learns_checks(estimator, check):
    check(estimator)


STAND_IN = '''
import math
import numpy as np
from sklearn.model_selection._search import BaseSearchCV, ParameterGrid
from dlnotes import SearchCV, Study

def stand_in(name, space, count, **more):
    """A class with their arguments and our search."""
    class Search(SearchCV):
        _parameter_constraints = SearchCV._parameter_constraints
        race, journal, lag, max_seconds, start, random_state = False, None, None, None, None, 0
        space, n_trials = property(lambda self: getattr(self, space_)), property(count)
        def _study(self, *of):
            study = super()._study(*of)
            if name == "GridSearchCV":  # the tests know the order of a grid
                for point in ParameterGrid(self.param_grid):
                    try: study.add({k: v.item() if isinstance(v, np.generic) else v for k, v in point.items()})
                    except ValueError: break
            return study
    space_ = space
    keys = ["scoring=None", "n_jobs=None", "refit=True", "cv=None", "verbose=0", "pre_dispatch='2*n_jobs'",
            "error_score=np.nan", "return_train_score=False", *(f"{k}={v}" for k, v in more.items())]
    names = [k.partition("=")[0] for k in keys]
    code = f"def __init__(self, estimator, {space}, *, {', '.join(keys)}):\\n"
    code += "".join(f"    self.{k} = {k}\\n" for k in ["estimator", space, *names])
    found = {"np": np}
    exec(code, found)
    Search.__init__, Search.__name__, Search.__qualname__ = found["__init__"], name, name
    globals()[name] = Search
    return Search

count = lambda self: self.n_iter
RandomizedSearchCV = stand_in("RandomizedSearchCV", "param_distributions", count, n_iter=10, random_state=None)
GridSearchCV = stand_in("GridSearchCV", "param_grid", lambda self: len(ParameterGrid(self.param_grid)))
'''

NOT_OURS = {
    "test_grid_search_bad_param_grid": "the words of the error are ours",
    "test_random_search_cv_results": "several dicts as a space",
    "test_grid_search_cv_results": "several dicts as a space",
    "test_grid_search_cv_results_multimetric": "several dicts as a space",
    "test_custom_run_search": "several dicts as a space, and about BaseSearchCV",
    "test_predict_proba_disabled": "a space without hyperparameters",
    "test_search_default_iid": "knows the order of a random draw",
    "test_search_cv_timing": "knows the order of a random draw",
    "test_search_with_2d_array": "knows the order of a random draw",
    "test_array_api": "not about the search",
    "nan": "not about the search",
}


@pytest.mark.timeout(900)
@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="the list of cases is that of scikit-learn 1.9")
def test_scikit_learns_own_tests_of_its_searches_pass(tmp_path):
    theirs = importlib.util.find_spec("sklearn.model_selection.tests.test_search")
    if theirs is None:
        pytest.skip("this scikit-learn comes without its tests")
    text, at = Path(theirs.origin).read_text(), "\n\n# Neither of the following two estimators"
    assert text.count(at) == 1
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    (tmp_path / "test_theirs.py").write_text(
        text.replace(at, "\nfrom stand_in import GridSearchCV, RandomizedSearchCV" + at)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short"]
    kinds = "grid_search or refit or multimetric or groups or metadata or callbacks or verbose or fit_param or classes"
    command += ["-k", f"({kinds}) and " + " and ".join(f"not {name}" for name in NOT_OURS), "test_theirs.py"]
    path = os.pathsep.join([str(Path(dlnotes.__file__).parents[1]), str(tmp_path), *sys.path])
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    passed = int((done.stdout.rpartition(" passed")[0].split() or [0])[-1])
    assert done.returncode == 0 and passed > 40, done.stdout[-3000:] + done.stderr[-1000:]


# Words


@pytest.mark.parametrize(
    "given, scale",
    [
        (LogUniform(1, 2), LogUniform(1, 2)),
        ([1, 2.5, None, "a"], Categorical(1, 2.5, None, "a")),
        ([0.1, 0.1, 1, True, 1.0], Categorical(0.1, 1, True, 1.0)),
        (range(3), Categorical(0, 1, 2)),
        (np.array([1, 2]), Categorical(1, 2)),
        (("rbf", "poly"), Categorical("rbf", "poly")),
        ((1, 2, 3), Categorical(1, 2, 3)),
        ((True, False), Categorical(True, False)),
        ([(8,), (8, 8)], Categorical((8,), (8, 8))),
        ([7], Categorical([7])),
        (uniform(-1, 3), Uniform(-1, 2)),
        (uniform(loc=2, scale=1), Uniform(2, 3)),
        (loguniform(1e-3, 1e2), LogUniform(1e-3, 1e2)),
        (loguniform(1, 10, scale=2), LogUniform(2, 20)),
        (randint(2, 9), Integer(2, 8)),
        (randint(2, 3), Categorical([2])),
        (randint(0, 5, loc=1), Integer(1, 5)),
        ((1e-6, 1e6, "log-uniform"), LogUniform(1e-6, 1e6)),
        ((1, 64, "log-uniform"), Integer(1, 64, log=True)),
        ((0.0, 1.0, "uniform"), Uniform(0, 1)),
        ((1, 8, "uniform"), Integer(1, 8)),
        ((1, 8, "cubic"), Categorical(1, 8, "cubic")),
    ],
)
def test_what_means_one_thing_only_is_a_scale(given, scale):
    assert translated({"x": given}) == (Space(x=scale), {})


@pytest.mark.parametrize("given", [expon(scale=10), norm(1, 2), loguniform(1, 10, loc=3), poisson(4)])
def test_any_other_distribution_is_searched_by_its_quantiles(given):
    space, meaning = translated({"x": given})
    assert space == Space(x=Uniform(0.001, 0.999))
    assert meaning["x"](0.5) == given.median()
    assert type(meaning["x"](0.3)) is (int if hasattr(given, "pmf") else float)


def test_options_of_any_kind_have_names_that_mean_them():
    options = [len, StandardScaler(), "len", {"a": 1}, StandardScaler(), None, np.zeros((2, 2)), 1, True, 1.0]
    space, meaning = translated({"x": options})
    names = space["x"].options
    assert all(json.loads(json.dumps(name)) == name for name in names)
    found = [meaning["x"](name) for name in names]
    assert all(a is b for a, b in zip(found, options, strict=True))
    assert translated({"x": Categorical(len, 1)})[0] == Space(x=Categorical("len", 1))


@pytest.mark.parametrize(
    "given, error, said",
    [
        ((1, 8), TypeError, r"\[1, 8\] for the options, Uniform\(1, 8\)"),
        (3, TypeError, "x: it must be a scale, a list of options or a distribution of scipy.stats, got 3"),
        ("rbf", TypeError, "got 'rbf'"),
        ({1, 2}, TypeError, "got {1, 2}"),
        ([], ValueError, "x: options must hold at least one option"),
        (uniform(0, -1), ValueError, "x: its parameters are not valid"),
        (multivariate_normal([0, 0]), TypeError, "x: "),
        (type("Own", (), {"rvs": lambda self, random_state: 1})(), TypeError, "can only be drawn from"),
        ((1.0, 0.5, "uniform"), ValueError, "x: low <=? high"),
        ((0, 1, "log-uniform"), ValueError, "x: low >= 1"),
    ],
)
def test_what_means_nothing_or_two_things_is_refused_by_name(given, error, said):
    with pytest.raises(error, match=said):
        SearchCV(Ridge(), {"x": given}).fit(X, y)


def test_dimensions_of_scikit_optimize_are_scales():
    """Theirs as they look from outside: the library is no longer maintained, and need not be installed."""
    make = lambda kind, **of: type(kind, (), of | {"__module__": "skopt.space.space"})()
    given = {
        "a": make("Real", low=1e-6, high=1e6, prior="log-uniform"),
        "b": make("Real", low=0, high=1, prior="uniform"),
        "c": make("Integer", low=1, high=8, prior="uniform"),
        "d": make("Integer", low=1, high=64, prior="log-uniform"),
        "e": make("Categorical", categories=("x", None)),
    }
    scales = LogUniform(1e-6, 1e6), Uniform(0, 1), Integer(1, 8), Integer(1, 64, log=True), Categorical("x", None)
    assert translated(given) == (Space(dict(zip("abcde", scales, strict=True))), {})


def test_several_dicts_are_refused_and_one_in_a_list_is_not():
    assert translated([{"x": [1]}])[0] == Space(x=Categorical([1]))
    with pytest.raises(TypeError, match="one dict"):
        translated([{"x": [1]}, {"z": [1]}])


def test_the_words_of_other_searches_are_told_the_right_one():
    for word, right in {"n_iter": "n_trials", "param_distributions": "space", "search_spaces": "space"}.items():
        with pytest.raises(TypeError, match=f"no argument '{word}': it is called {right} here"):
            SearchCV(GaussianNB(), SPACE, **{word: 3})
    with pytest.raises(TypeError, match="only estimator, space, n_trials"):
        SearchCV(GaussianNB(), SPACE, banana=3)
    with pytest.raises(ValueError, match="n_trials"):
        SearchCV(GaussianNB(), SPACE, n_trials=0).fit(X, y)


def test_an_unknown_hyperparameter_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="var_smooth"):
        SearchCV(GaussianNB(), {"var_smooth": [1.0]}, journal=tmp_path / "j").fit(X, y)
    assert not list(tmp_path.iterdir())


# The search


def test_known_candidates_are_tried_first_in_the_estimators_words(tmp_path):
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression(max_iter=5000))])
    scalers = [None, StandardScaler(), MinMaxScaler(), MinMaxScaler(clip=True)]
    space = {"scale": scalers, "model__C": loguniform(1e-3, 1e3), "model__solver": ["lbfgs", "newton-cg"]}
    rest = {"model__C": 2.0, "model__solver": "newton-cg"}
    start = [{"scale": MinMaxScaler(clip=True)} | rest, {"scale": None} | rest]
    options = dict(n_trials=6, cv=2, journal=tmp_path / "j", start=start)
    one = SearchCV(pipeline, space, **options).fit(X, y)
    params = one.cv_results_["params"]
    assert params[0]["scale"].clip and params[0]["model__C"] == 2.0 and params[1]["scale"] is None
    assert len(params) == 6 and isinstance(start[0]["scale"], MinMaxScaler)
    assert same(one.cv_results_, SearchCV(pipeline, space, **options).fit(X, y).cv_results_)
    numbers = {"a": [1, 0.5, None, len]}
    space_, meaning = translated(numbers)
    words = [{"a": np.float64(0.5)}, {"a": np.int64(1)}, {"a": len}]
    assert [_in_words(params, space_, meaning)["a"] for params in words] == [0.5, 1, "len"]
    again = SearchCV(pipeline, space, **options | {"start": tuple(start), "journal": None}).fit(X, y)
    assert same(one.cv_results_, again.cv_results_)
    later = SearchCV(pipeline, space, n_trials=6, cv=2, start=one.search_).fit(X, y)
    assert len(later.search_.prior) == 6 and len(later.search_.trials) == 6


@pytest.mark.parametrize(
    ("start", "error", "said"),
    [
        ([{"scale": MinMaxScaler()}], ValueError, r"scale=MinMaxScaler\(\) is none of \[None, StandardScaler\(\)\]"),
        ([{"model__var_smoothing": 0.1}], TypeError, "model__var_smoothing has a distribution"),
        ([{"model__priors": 3}], ValueError, "model__priors"),
        ([3], TypeError, "start must be a list of dicts"),
        ({"scale": None}, TypeError, "start must be a list of dicts"),
    ],
)
def test_a_candidate_that_the_space_has_not_is_refused_before_anything_is_written(start, error, said, tmp_path):
    pipeline = Pipeline([("scale", StandardScaler()), ("model", GaussianNB())])
    space = {"scale": [None, StandardScaler()], "model__var_smoothing": expon(scale=0.1)}
    with pytest.raises(error, match=said):
        SearchCV(pipeline, space, start=start, journal=tmp_path / "j").fit(X, y)
    assert not list(tmp_path.iterdir())


def test_its_trials_are_those_of_search():
    found = SearchCV(Fixed(), BOX, n_trials=25, cv=KFold(3)).fit(X, y)
    mean = lambda p: np.mean([Fixed(**p).score(X[test], y[test]) for _, test in KFold(3).split(X)])
    ours = search(mean, Space(BOX), 25, direction="maximize", progress=False)
    assert found.search_ == ours and found.best_params_ == ours.best_params and found.best_score_ == ours.best_value
    assert found.cv_results_["params"] == [t.params for t in ours.trials]
    assert found.best_index_ == ours.best.number and found.best_score_ > 0.999


def test_a_seed_is_a_search_and_none_is_another_each_time():
    params = lambda **of: SearchCV(Fixed(), BOX, n_trials=3, cv=2, **of).fit(X, y).cv_results_["params"]
    assert params() == params(random_state=0) != params(random_state=1)
    assert params(random_state=None) != params(random_state=None)
    assert params(random_state=np.random.RandomState(3)) == params(random_state=np.random.RandomState(3))


@pytest.mark.parametrize("race", [False, True])
def test_workers_change_nothing(race):
    pipeline = Pipeline([("scale", StandardScaler()), ("bayes", GaussianNB())])
    space = {"scale": ["passthrough", StandardScaler(), MinMaxScaler()], "bayes__var_smoothing": loguniform(1e-9, 10)}
    options = dict(
        n_trials=14, race=race, return_train_score=True, scoring=["accuracy", "neg_log_loss"], refit="accuracy"
    )
    alone = SearchCV(pipeline, space, **options).fit(X, y)
    plain = lambda table: table | {key: [str(v) for v in table[key]] for key in ("params", "param_scale")}
    for n_jobs, backend in ((2, "loky"), (3, "threading")):
        with parallel_config(backend):
            among = SearchCV(pipeline, space, n_jobs=n_jobs, **options).fit(X, y)
        assert same(plain(alone.cv_results_), plain(among.cv_results_)) and alone.search_ == among.search_


def test_a_backend_that_gives_results_all_at_once_will_do():
    class AtOnce(SequentialBackend):
        supports_return_generator = False

    register_parallel_backend("at once", AtOnce)
    alone = SearchCV(Fixed(), BOX, n_trials=4, cv=2).fit(X, y)
    with parallel_config("at once"):
        assert same(SearchCV(Fixed(), BOX, n_trials=4, cv=2).fit(X, y).cv_results_, alone.cv_results_)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_failed_candidates_have_no_score_and_are_not_the_best():
    with pytest.warns(FitFailedWarning, match="fits failed out of a total of 60"):
        found = SearchCV(Fixed(fails=0.25), BOX, n_trials=20, cv=3).fit(X, y)
    failed = np.isnan(found.cv_results_["mean_test_score"])
    assert 0 < failed.sum() < 20 and found.best_params_["a"] >= 0.25
    assert [t.state == "failed" for t in found.search_.trials] == failed.tolist()
    assert "a is too small" in found.search_.trials[failed.argmax()].error
    with pytest.warns(FitFailedWarning):
        assert SearchCV(Fixed(fails=0.25), BOX, n_trials=20, cv=3, error_score=0.5).fit(X, y).search_.best_value > 0.9
    with pytest.raises(ValueError, match="a is too small"):
        SearchCV(Fixed(fails=0.25), BOX, n_trials=20, cv=3, error_score="raise").fit(X, y)


def test_if_all_of_the_first_fail_the_search_ends():
    fits = []

    class Broken(Fixed):
        def fit(self, X, y):
            fits.append(1)
            raise ValueError("never")

    with pytest.raises(ValueError, match="All the 20 fits failed"):
        SearchCV(Broken(), BOX, n_trials=60, cv=2).fit(X, y)
    assert len(fits) == 20


def test_a_space_that_is_used_up_ends_the_search_with_a_warning():
    with pytest.warns(UserWarning, match="the space has 3 points"):
        found = SearchCV(Fixed(), {"a": [0.1, 0.3, 0.5]}, cv=2).fit(X, y)
    assert len(found.cv_results_["params"]) == 3 and found.best_params_ == {"a": 0.3}


def test_the_time_ends_the_search_with_a_whole_table():
    found = SearchCV(Fixed(), BOX, n_trials=1000, cv=2, max_seconds=1e-9).fit(X, y)
    assert len(found.cv_results_["params"]) == 10 and hasattr(found, "best_estimator_")


def test_with_several_metrics_the_search_goes_by_the_one_of_refit_else_the_first():
    by = lambda refit: SearchCV(
        GaussianNB(), SPACE, n_trials=4, cv=3, scoring=["accuracy", "neg_log_loss"], refit=refit
    ).fit(X, y)
    for refit, metric in (("neg_log_loss",) * 2, ("accuracy",) * 2, (False, "accuracy"), (lambda table: 1, "accuracy")):
        found = by(refit)
        np.testing.assert_allclose(found.search_.values, found.cv_results_[f"mean_test_{metric}"])
    assert by(lambda table: 1).best_index_ == 1 and not hasattr(by(False), "best_index_")


@pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight")
def test_metadata_is_routed_where_it_is_asked_for():
    seen = []

    class Weighed(Fixed):
        def fit(self, X, y, sample_weight=None):
            seen.append(None if sample_weight is None else len(sample_weight))
            return super().fit(X, y)

    weights, groups = np.ones(len(y)), np.arange(len(y)) % 5
    SearchCV(Weighed(), BOX, n_trials=1, cv=2).fit(X, y, sample_weight=weights)
    assert seen == [75, 75, 150]
    with sklearn.config_context(enable_metadata_routing=True):
        model = Weighed().set_fit_request(sample_weight=False)
        with pytest.raises(TypeError, match="sample_weight"):
            SearchCV(model, BOX, n_trials=1, cv=2).fit(X, y, sample_weight=weights)
        cv = GroupKFold(5)
        found = SearchCV(model.set_fit_request(sample_weight=True), BOX, n_trials=1, cv=cv)
        assert found.fit(X, y, sample_weight=weights, groups=groups).n_splits_ == 5
    assert seen[3:] == [120] * 5 + [150]


def test_it_is_an_estimator_that_can_be_searched_cloned_pickled_and_set():
    inner = SearchCV(GaussianNB(), SPACE, n_trials=3, cv=2)
    outer = SearchCV(inner, {"n_trials": [2, 3], "estimator__priors": [None]}, n_trials=2, cv=2).fit(X, y)
    assert outer.best_params_["n_trials"] in (2, 3) and (outer.classes_ == [0, 1, 2]).all()
    again = pickle.loads(pickle.dumps(outer))
    assert (again.predict(X) == outer.predict(X)).all() and again.search_ == outer.search_
    fresh = clone(outer)
    assert not hasattr(fresh, "search_") and fresh.get_params()["estimator__n_trials"] == 3
    assert fresh.set_params(race=True, n_trials=7).get_params()["n_trials"] == 7
    assert "n_trials=3" in repr(inner) and outer.n_features_in_ == 4


# Races


def test_a_race_is_lost_by_the_stated_margin():
    rng = np.random.default_rng(0)
    whole = rng.normal(0.8, 0.01, (12, 5)) + rng.normal(0, 0.1, 5)
    best = whole[whole.mean(axis=1).argmax()]
    behind = best - whole
    sigma = np.sqrt(sum(np.var(row, ddof=1) for row in behind) / 11)
    margin = 2.5 * sigma * np.sqrt(3 / 10)
    for factor in (0.99, 1.01):
        expected, lost = forecast(whole, best[:2] - factor * margin)
        assert lost == (factor > 1) and np.isclose(expected, best.mean() - factor * margin)
    assert forecast(whole[:1], whole[0, :2] - 1)[1] is False  # nothing is known of the scatter


def test_a_race_skips_folds_of_losers_alone():
    options = dict(n_trials=30, cv=StratifiedKFold(5), return_train_score=True)
    raced = SearchCV(Fixed(), BOX, race=True, **options).fit(X, y)
    table = raced.cv_results_
    skipped = np.isnan(table["split2_test_score"])
    assert skipped.any() and not skipped[:10].any()
    assert not np.isnan(table["split1_test_score"]).any() and np.isnan(table["split4_train_score"])[skipped].all()
    assert np.isnan(table["mean_test_score"])[skipped].all() and np.isfinite(table["mean_fit_time"]).all()
    assert (table["rank_test_score"][skipped] == (~skipped).sum() + 1).all() and not skipped[raced.best_index_]
    assert raced.search_.best_value == raced.best_score_
    for t in np.array(raced.search_.trials, dtype=object)[skipped]:
        assert t.state == "complete" and t.value < raced.best_score_


def test_a_race_of_too_few_folds_is_none():
    raced = SearchCV(Fixed(), BOX, n_trials=14, cv=2, race=True).fit(X, y)
    assert same(raced.cv_results_, SearchCV(Fixed(), BOX, n_trials=14, cv=2).fit(X, y).cv_results_)


def test_what_fails_in_a_race_fails_as_without():
    with pytest.warns(FitFailedWarning):
        raced = SearchCV(Fixed(fails=0.25), BOX, n_trials=20, cv=4, race=True).fit(X, y)
    assert {t.state for t in raced.search_.trials} == {"failed", "complete"}


def test_what_was_not_run_looks_like_what_was_though_the_first_failed():
    options = dict(n_trials=20, cv=4, scoring=["accuracy", "neg_log_loss"], refit="accuracy", start=[{"a": 0.1}])

    class Sure(Fixed):
        def predict_proba(self, X):
            return np.full((len(X), 3), [1 - self.a, self.a / 2, self.a / 2])

    with pytest.warns(FitFailedWarning):
        raced = SearchCV(Sure(fails=0.25), {"a": Uniform(0, 1)}, race=True, **options).fit(X, y)
    table = raced.cv_results_
    assert np.isnan(table["mean_test_accuracy"][0]) and table["params"][0] == {"a": 0.1}
    assert np.array_equal(np.isnan(table["split3_test_accuracy"]), np.isnan(table["split3_test_neg_log_loss"]))


# Journals


class PowerCut(Exception):
    pass


@pytest.mark.parametrize("race", [False, True])
def test_a_search_that_is_cut_off_anywhere_goes_on_as_if_it_had_not_been(tmp_path, race):
    fits = []

    class Cut(GaussianNB):
        def fit(self, X, y):
            fits.append(1)
            if len(fits) in cuts:
                raise PowerCut
            return super().fit(X, y)

    Cut.__init__ = GaussianNB.__init__
    options = dict(
        n_trials=16, cv=4, race=race, scoring=["accuracy", "neg_log_loss"], refit="accuracy", error_score="raise"
    )
    cuts = ()
    whole = SearchCV(Cut(), SPACE, **options).fit(X, y)
    n, fits, cuts = len(fits), [], (1, 7, 30, 44, 51, 52, 57)
    journal, times = tmp_path / "j", 0
    while True:
        try:
            found = SearchCV(Cut(), SPACE, journal=journal, **options).fit(X, y)
            break
        except PowerCut:
            times += 1
            with open(f"{journal}.folds", "ab") as file:
                file.write(b'{"trial": 9')  # a line that was being written
    assert times == sum(cut <= len(fits) for cut in cuts) and len(fits) == n + times
    assert same(found.cv_results_, whole.cv_results_) and found.search_ == whole.search_ == Study.load(journal)
    more = SearchCV(Cut(), SPACE, journal=journal, **options | {"n_trials": 18}).fit(X, y)
    fewer = SearchCV(Cut(), SPACE, journal=journal, **options | {"n_trials": 12}).fit(X, y)
    assert len(more.search_.trials) == 18 and same(
        fewer.cv_results_, SearchCV(Cut(), SPACE, **options | {"n_trials": 12}).fit(X, y).cv_results_
    )


def test_a_process_that_is_killed_goes_on(tmp_path):
    code = f"""
        import os, sys
        import numpy as np
        from dlnotes import SearchCV, LogUniform
        from sklearn.datasets import load_iris
        from sklearn.naive_bayes import GaussianNB
        count = []
        def scorer(model, X, y):
            count.append(1)
            if len(count) == int(sys.argv[1]): os._exit(9)
            return model.score(X, y)
        space = {{"var_smoothing": LogUniform(1e-12, 10)}}
        found = SearchCV(GaussianNB(), space, n_trials=12, cv=3, scoring=scorer, journal={str(tmp_path / "j")!r})
        print(found.fit(*load_iris(return_X_y=True)).cv_results_["mean_test_score"].tolist(), len(count))
    """
    call = lambda at: subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(at)], capture_output=True, text=True
    )
    assert call(20).returncode == 9
    scores, _, count = call(-1).stdout.strip().rpartition(" ")
    assert int(count) == 36 - 19
    alone = SearchCV(GaussianNB(), SPACE, n_trials=12, cv=3).fit(X, y)
    assert json.loads(scores) == alone.cv_results_["mean_test_score"].tolist()


def test_one_candidate_and_one_fold_are_a_search():
    fold = np.arange(100), np.arange(100, 150)
    found = SearchCV(Fixed(), BOX, n_trials=1, cv=[fold]).fit(X[:150], y[:150])
    assert len(found.cv_results_["params"]) == 1 and found.n_splits_ == 1
    assert found.best_params_ == found.cv_results_["params"][0] and not found.multimetric_


def test_a_journal_says_what_a_distribution_means_at_five_places(tmp_path):
    journal = tmp_path / "run.jsonl"
    SearchCV(Fixed(), {"a": norm(0, 1), "b": Uniform(0, 1)}, n_trials=2, cv=2, journal=journal).fit(X, y)
    head = json.loads((tmp_path / "run.jsonl.folds").read_text().splitlines()[0])
    assert head["distributions"] == {"a": [f"{v:.6g}" for v in norm.ppf([0.001, 0.1, 0.5, 0.9, 0.999])]}


def test_a_journal_of_another_search_is_refused_and_left_as_it_is(tmp_path):
    journal, folds = tmp_path / "j", tmp_path / "j.folds"
    options = dict(n_trials=4, cv=ShuffleSplit(3, random_state=0), journal=journal)
    SearchCV(GaussianNB(), SPACE, **options).fit(X, y)
    before = journal.read_bytes(), folds.read_bytes()
    for model, data, more, said in (
        (GaussianNB(), (X[::-1], y), {}, "X differ"),
        (GaussianNB(), (X, y[::-1]), {}, "y differ"),
        (GaussianNB(priors=[0.2, 0.3, 0.5]), (X, y), {}, "estimator differ"),
        (GaussianNB(), (X, y), {"scoring": "f1_macro"}, "scoring differ"),
        (GaussianNB(), (X, y), {"race": True}, "race differ"),
        (GaussianNB(), (X, y), {"cv": ShuffleSplit(3)}, "folds differs?: give the splitter a random_state"),
        (GaussianNB(), (X, y), {"random_state": 1}, "seed is 0 in the journal and 1 here"),
    ):
        with pytest.raises(ValueError, match=said):
            SearchCV(model, SPACE, **options | more).fit(*data)
        assert (journal.read_bytes(), folds.read_bytes()) == before
    assert SearchCV(GaussianNB(), SPACE, **options, random_state=None).fit(X, y).search_.seed == 0
    folds.unlink()
    with pytest.raises(ValueError, match=r"lacks the folds of trials \[0, 1, 2, 3\]"):
        SearchCV(GaussianNB(), SPACE, **options).fit(X, y)


class Keep:
    """A function without a representation of its own."""

    def __init__(self, share, more=None):
        self.share, self.more = share, more

    def __call__(self, X):
        return X * self.share


def scaled(by):
    return lambda X: X * by


def wrapping(f):
    @wraps(f)
    def wrapped(X):
        return f(X) + 1

    return wrapped


def keyword(*, by):
    def inner(X, *, k=by):
        return X * k

    return inner


COLUMNS = [f"column {i}" for i in range(60)]
LONG = ColumnTransformer([("a", StandardScaler(), COLUMNS)])
ALIKE = [
    (LONG, ColumnTransformer([("a", StandardScaler(), COLUMNS[:45])])),
    (LONG, ColumnTransformer([("a", StandardScaler(), [*COLUMNS[:30], *COLUMNS[31:], COLUMNS[30]])])),
    (
        FunctionTransformer(np.dot, kw_args={"b": np.eye(50)}),
        FunctionTransformer(np.dot, kw_args={"b": np.eye(50)[::-1]}),
    ),
    (FunctionTransformer(lambda X: X), FunctionTransformer(lambda X: X * 0)),
    (FunctionTransformer(lambda X: X + 1), FunctionTransformer(lambda X: X * 1)),
    (FunctionTransformer(scaled(1.0)), FunctionTransformer(scaled(0.0))),
    (FunctionTransformer(Keep(1)), FunctionTransformer(Keep(0))),
    (FunctionTransformer(Keep(1, more=lambda: 0)), FunctionTransformer(Keep(0, more=lambda: 0))),
    (FunctionTransformer(scaled(np.ones(3))), FunctionTransformer(scaled(np.zeros(3)))),
    (FunctionTransformer(wrapping(scaled(1))), FunctionTransformer(wrapping(scaled(2)))),
    (FunctionTransformer(wrapping(textwrap.dedent)), FunctionTransformer(textwrap.dedent)),
    (FunctionTransformer(keyword(by=1)), FunctionTransformer(keyword(by=2))),
    (FunctionTransformer(Keep(1, lambda: 0).__call__), FunctionTransformer(Keep(0, lambda: 0).__call__)),
    (FrozenEstimator(StandardScaler().fit(X[:50])), FrozenEstimator(StandardScaler().fit(X[50:]))),
    (FunctionTransformer(partial(np.multiply, 1)), FunctionTransformer(partial(np.multiply, 0))),
]


@pytest.mark.parametrize("which", range(len(ALIKE)))
def test_what_prints_alike_is_told_apart(which, tmp_path):
    one, other = ALIKE[which]
    space, meaning = translated({"x": [one, other, "passthrough"]})
    back, _ = translated({"x": ["passthrough", other, one]})
    names = dict(zip(["one", "other"], space["x"].options, strict=False))
    assert meaning["x"](names["one"]) is one and meaning["x"](names["other"]) is other
    assert set(space["x"].options) == set(back["x"].options)  # whatever their order
    assert len(translated({"x": [one, deepcopy(one)]})[0]["x"].options) == 2
    options = dict(n_trials=1, cv=2, error_score=0.0, journal=tmp_path / "j")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = SearchCV(Pipeline([("x", one), ("model", Fixed())]), {"model__a": Uniform(0, 1)}, **options)
        stamp = [
            folder.set_params(estimator__x=x)._stamp(X, y, {}, [], {})["estimator"] for x in (one, clone(one), other)
        ]
    assert stamp[0] == stamp[1] != stamp[2]


def test_what_is_the_same_has_the_same_mark_and_nothing_goes_round_for_ever():
    a, itself, own = np.arange(12.0), [1], Keep(lambda: 0)
    itself.append(itself)
    own.more = own
    same = [
        (a[::2], a[::2].copy()),
        (a.reshape(3, 4), np.asfortranarray(a.reshape(3, 4))),
        ({1: 2, 0: 1}, {0: 1, 1: 2}),
        (loguniform(1e-3, 1), loguniform(1e-3, 1)),
    ]
    np.random.rand()
    for one, other in same:
        assert _mark(one) == _mark(other)
    assert _mark(loguniform(1e-3, 1)) != _mark(loguniform(1e-3, 2)) and len({_mark(itself), _mark(own)}) == 2
    before = _mark(LogisticRegression(C=2))
    with sklearn.config_context(print_changed_only=False):
        assert _mark(LogisticRegression(C=2).fit(X, y)) == before


def test_options_that_nothing_tells_apart_are_all_kept():
    class Slots:
        __slots__ = ("value",)

        def __init__(self, value):
            self.value = value

    options = [Slots(lambda: 0), Slots(lambda: 1), StandardScaler(), StandardScaler()]
    space, meaning = translated({"x": options})
    assert [meaning["x"](name) for name in space["x"].options] == options


@pytest.mark.parametrize("content", [b"3\n", b"3", b"[1]\n{}\n"])
def test_a_file_that_is_none_of_folds_is_left_as_it_is(content, tmp_path):
    (tmp_path / "j.folds").write_bytes(content)
    with pytest.raises(ValueError, match="is no file of folds"):
        SearchCV(GaussianNB(), SPACE, n_trials=2, cv=2, journal=tmp_path / "j").fit(X, y)
    assert (tmp_path / "j.folds").read_bytes() == content


def test_a_stamp_is_the_same_in_another_process():
    code = """
        from functools import partial, wraps
        import numpy as np
        from sklearn.preprocessing import FunctionTransformer, StandardScaler
        from sklearn.pipeline import make_pipeline
        from dlnotes.sklearn import _mark
        def own(X, names={"a", "b", "c"}): return X if "a" in {"a", "b", "cd"} else 0
        print(_mark([make_pipeline(FunctionTransformer(own), StandardScaler()), lambda X: X in {"x", "y", "z"},
                     partial(np.dot, b=np.eye(3)), {"accuracy", "f1"}, StandardScaler, np.random.RandomState(0)]))
    """
    marks = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "123"
    }
    assert len(marks) == 1 and marks != {b""}


def test_a_journal_holds_options_of_any_kind_by_name(tmp_path):
    pipeline = Pipeline([("scale", StandardScaler()), ("model", DummyClassifier())])
    space = {"scale": [StandardScaler(), MinMaxScaler(), "passthrough"], "model": [GaussianNB(), DummyClassifier()]}
    one = SearchCV(pipeline, space, n_trials=6, cv=2, journal=tmp_path / "j").fit(X, y)
    two = SearchCV(pipeline, space, n_trials=6, cv=2, journal=tmp_path / "j").fit(X, y)
    assert isinstance(one.best_params_["model"], GaussianNB) and one.search_.best_params["model"] == "GaussianNB()"
    assert same(one.cv_results_, two.cv_results_)
