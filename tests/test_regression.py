"""SoftmaxRegression: the optimum of scikit-learn's objective, found on hard data too, and good manners."""

# ruff: noqa: E402 -- the lines before the imports must run first

import pickle
import subprocess
import sys
import tracemalloc
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes import SoftmaxRegression, cross_entropy, log_softmax, newton, softmax, softmax_path
from dlnotes.columns import SparseColumns, row_squares, square_sums
from dlnotes.newton import _diagonal_floor

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from scipy import sparse as scipy_sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

rng = np.random.default_rng(0)


def linear(m=200, n=4, K=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    return X, (X @ rng.normal(size=(n, K)) + rng.gumbel(size=(m, K))).argmax(axis=1)


def objective(model, X, y):
    "scikit-learn's objective, written once more, and exact for examples that are nearly certain"
    y, rows = np.searchsorted(model.classes_, y), np.arange(len(X))
    z = X @ model.coef_.T.astype(float) + model.intercept_
    z = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
    z = z - z[rows, y][:, None]
    z[rows, y] = -np.inf
    top = np.maximum(z.max(axis=1), 0)
    rest = np.exp(z - top[:, None]).sum(axis=1)
    loss = np.where(top > 0, top + np.log(rest + np.exp(-top)), np.log1p(rest))
    return loss.sum() + np.sum(model.coef_**2) / 2 / model.C


def gradient(model, X, y, s=1.0):
    "Its largest entry, of the mean loss"
    z = X @ model.coef_.T + model.intercept_
    z = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
    dz = cross_entropy(z, np.searchsorted(model.classes_, y), reduction="none")[1] * np.reshape(s, (-1, 1))
    dz = dz[:, -len(model.coef_) :]
    dW = dz.T @ X + model.coef_ / model.C
    return max(abs(dW).max(), abs(dz.sum(axis=0)).max() if model.fit_intercept else 0) / len(X)


# scikit-learn's own checks: all of them


@parametrize_with_checks([SoftmaxRegression(), SoftmaxRegression(class_weight="balanced", label_smoothing=0.1)])
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)


# parity


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("weights", [None, "samples", "balanced", "classes"])
def test_coefficients_and_probabilities_are_scikit_learns(K, fit_intercept, C, weights):
    X, y = linear(K=K)
    options = dict(C=C, fit_intercept=fit_intercept)
    if weights in ("balanced", "classes"):
        options["class_weight"] = "balanced" if weights == "balanced" else {0: 2.0, 1: 0.5}
    s = rng.uniform(0.1, 3, len(X)) if weights == "samples" else None
    ours = SoftmaxRegression(tol=1e-10, **options).fit(X, y, s)
    theirs = LogisticRegression(solver="newton-cholesky", tol=1e-12, **options).fit(X, y, s)
    for name in ("coef_", "intercept_", "classes_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert a.shape == b.shape and a.dtype == b.dtype
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-6)
    assert np.allclose(
        ours.intercept_ - ours.intercept_.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-6
    )
    assert np.allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)
    assert np.allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)
    assert np.isclose(ours.score(X, y, s), theirs.score(X, y, s)) and ours.n_iter_.shape == theirs.n_iter_.shape


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("C", [1e-4, 1.0, 1e4, 1e8])
def test_raw_data_sets_reach_the_optimum_without_a_warning(load, C):
    X, y = load(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(C=C).fit(X, y)
    best = SoftmaxRegression(C=C, tol=1e-11, max_iter=300).fit(X, y)
    assert objective(model, X, y) <= objective(best, X, y) * (1 + 1e-8)


def hard():
    X, y = linear(150, 3)
    yield "near-collinear", np.c_[X, X[:, 0] + 1e-6 * rng.normal(size=150)], y
    yield "a column twice", np.c_[X, X[:, 1]], y
    yield "a constant column", np.c_[X, np.full(150, 7.3)], y
    yield "huge offset", X + 1e6, y
    yield "scales 1e-6 to 1e6", X * [1e-6, 1, 1e6], y
    yield "separable", X, (X[:, 0] > 0).astype(int) + (X[:, 0] > 1)
    yield "a class of one", X, np.r_[np.zeros(100, int), np.ones(49, int), 2]
    yield "every label different", X[:30], np.arange(30)
    yield "more features than examples", rng.normal(size=(30, 90)), np.arange(30) % 3
    yield "one feature", X[:, :1], y


@pytest.mark.parametrize("name, X, y", list(hard()), ids=[name for name, _, _ in hard()])
@pytest.mark.parametrize("C", [1.0, 1e6, 1e12])
def test_hard_data_reaches_the_optimum(name, X, y, C):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(C=C, max_iter=300).fit(X, y)
    f = objective(model, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=500).fit(X, y)
    assert f <= objective(theirs, X, y) * (1 + 1e-8)


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 6), st.integers(6, 40), st.floats(-3, 3))
@settings(max_examples=60)
def test_the_gradient_vanishes_at_the_solution(seed, K, n, m, log_C):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(m, n)), np.r_[np.arange(K), rng.integers(0, K, m - K)]
    model = SoftmaxRegression(C=10.0**log_C, tol=1e-11, max_iter=300).fit(X, y)
    assert gradient(model, X, y) < 1e-5
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)


# the stopping rule: a gap within the tolerance, or a warning; against Newton's method in extended precision


def random_problem(seed):
    "X, y or probabilities, weights and options of a problem chosen to be hard in one of twelve ways"
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    K, n = int(rng.integers(2, 7)), int(rng.integers(1, 8))
    m = int(rng.integers(max(K, 8), 120))
    if kind == "wide":
        m, n = max(K, 8), int(rng.integers(12, 40))
    X = rng.normal(size=(m, n))
    if kind == "scales":
        X = X * 10 ** rng.uniform(-2, 2, n)
    elif kind == "mixed":
        X = X @ rng.normal(size=(n, n)) + 100 * rng.normal(size=n)
    elif kind == "heavy tails":
        X = rng.exponential(size=(m, n)) ** 3
    elif kind == "collinear":
        X = np.c_[X, X[:, 0] + 10 ** rng.uniform(-6, -2) * rng.normal(size=m)]
    elif kind == "offset":
        X = X + 1e5
    elif kind == "binary":
        X = (X > rng.uniform(-1, 2)).astype(float)
    z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9) @ rng.normal(size=(X.shape[1], K)) * rng.uniform(0, 3)
    y = (z + (0 if kind == "separable" else rng.gumbel(size=z.shape))).argmax(axis=1)
    if kind == "a class of one":
        y = np.where(y == K - 1, 0, y)
        y[0] = K - 1
    if len(np.unique(y)) == 1:
        y[0] = 1 - y[0]
    C = 1e12 if rng.random() < 0.3 else 10 ** rng.uniform(-5, 12)
    options = {"C": C, "fit_intercept": bool(rng.random() < 0.85)}
    s = rng.exponential(size=m) * 100 if kind == "weights" else np.ones(m)
    if kind == "soft labels":
        y = rng.dirichlet(np.full(K, 0.3), m)
    elif kind == "smoothing":
        options["label_smoothing"] = 10 ** rng.uniform(-6, -0.5)
    return X, y, s, options


KINDS = (
    "plain scales mixed heavy|tails collinear offset wide separable a|class|of|one binary weights soft|labels smoothing"
)
KINDS = [kind.replace("|", " ") for kind in KINDS.split()]


def true_gap(model, X, y, s):
    "The relative gap: Newton's method from the model's solution, on scaled features, with f in extended precision"
    K, long = len(model.classes_), np.longdouble
    Q = y if y.ndim == 2 else (y[:, None] == model.classes_).astype(float)
    Q = (1 - model.label_smoothing) * Q + model.label_smoothing / K
    mu = X.mean(axis=0, dtype=long) * model.fit_intercept
    d = np.sqrt(((X - mu) ** 2).mean(axis=0))
    d[d == 0] = 1
    W, b = model.coef_.astype(long), model.intercept_.astype(long)
    if K == 2:
        W, b = np.concatenate([-W, W]) / 2, np.concatenate([-b, b]) / 2
    lam = (2 if K == 2 else 1) / model.C / d**2
    X1, V = (X - mu) / d, W * d
    if model.fit_intercept:
        X1, V, lam = np.c_[X1, np.ones(len(X))], np.c_[V, b + W @ mu], np.append(lam, 0)
    V = V - V.mean(axis=0)
    label, rows, n, x = Q.argmax(axis=1), np.arange(len(X)), X1.shape[1], X1.astype(float)

    def f(V):
        "f, and yhat without the labels' entries"
        z = X1 @ V.T
        z = z - z[rows, label][:, None]
        top = z.max(axis=1, keepdims=True)
        t = np.exp(z - top)
        own = t[rows, label]
        t[rows, label] = 0
        rest = t.sum(axis=1)
        each = np.log1p(rest + (own - 1)) + top[:, 0] - (Q * z).sum(axis=1)
        return s @ each + (lam * V * V).sum() / 2, t / (own + rest)[:, None]

    (best, others), first = f(V), f(V)[0]
    for _ in range(30):
        yhat, dz, left = others.copy(), others - Q, others.sum(axis=1)
        yhat[rows, label] = 1 - left
        dz[rows, label] = 1 - Q[rows, label] - left
        variance = (yhat * (1 - yhat)).astype(float)
        variance[rows, label] = left * (1 - left)
        p = yhat.astype(float)
        H = -np.einsum("i,ij,ik,ia,ib->jakb", s, p, p, x, x, optimize=True)
        for k in range(K):
            H[k, :, k] = (x.T * (s * variance[:, k])) @ x + np.diag(lam.astype(float))
        H += np.einsum("jajb->ab", H)[:, None] / K**2
        H = H.reshape(K * n, K * n)
        scale = np.sqrt(np.diag(H))
        values, vectors = np.linalg.eigh(H / scale / scale[:, None])
        G = ((dz * s[:, None]).T @ X1 + lam * V).astype(float).ravel() / scale
        for floor in (1e-16, 1e-13, 1e-8):
            D = -(vectors @ (vectors.T @ G / np.maximum(values, floor * values[-1]))) / scale
            D = D.reshape(K, n) - D.reshape(K, n).mean(axis=0)
            found = min(((*f(V + t * D), t) for t in 0.5 ** np.arange(8)), key=lambda found: found[0])
            if found[0] < best:
                break
        else:
            break
        best, others, V = found[0], found[1], V + found[2] * D
    return float(first / best - 1)


@pytest.mark.parametrize("seed", range(39))
def test_a_fit_is_within_the_tolerance_or_warns(seed):
    X, y, s, options = random_problem(seed)
    for tol in (1e-6, 1.0, 1e-3):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = SoftmaxRegression(tol=tol, **options).fit(X, y, s)
        gap = true_gap(model, X, y, s)
        assert gap <= tol / 100 or said, f"{gap} for tol {tol}"
        assert not said or seed in MAY_WARN, said[0].message


MAY_WARN = ()


# labels and weights


def test_soft_labels_labels_and_weights_are_three_ways_to_say_the_same():
    X, y = linear()
    hard = SoftmaxRegression(tol=1e-10).fit(X, y)
    soft = SoftmaxRegression(tol=1e-10).fit(X, np.eye(3)[y])
    assert np.allclose(hard.coef_, soft.coef_, atol=1e-6)
    Q = softmax(rng.normal(size=(200, 3)))
    soft = SoftmaxRegression(tol=1e-10).fit(X, Q)
    split = SoftmaxRegression(tol=1e-10).fit(np.tile(X, (3, 1)), np.repeat([0, 1, 2], 200), Q.T.ravel())
    assert np.allclose(soft.coef_, split.coef_, atol=1e-6)


def test_label_smoothing_is_smoothed_targets():
    X, y = linear()
    smooth = SoftmaxRegression(label_smoothing=0.3, tol=1e-10).fit(X, y)
    soft = SoftmaxRegression(tol=1e-10).fit(X, 0.7 * np.eye(3)[y] + 0.1)
    assert np.allclose(smooth.coef_, soft.coef_, atol=1e-6)
    over_others = SoftmaxRegression(tol=1e-10).fit(X, 0.7 * np.eye(3)[y] + 0.15 * (1 - np.eye(3)[y]))
    assert not np.allclose(smooth.coef_, over_others.coef_, atol=1e-3)


def test_a_weight_is_a_repetition_and_zero_is_absence():
    X, y = linear(60)
    times = rng.integers(0, 4, 60)
    weighted = SoftmaxRegression(tol=1e-10).fit(X, y, times)
    repeated = SoftmaxRegression(tol=1e-10).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert np.allclose(weighted.coef_, repeated.coef_, atol=1e-7)


@pytest.mark.parametrize("names", [["x", "y", "z"], [True, False], [10, -3, 5], [2.0, 7.0], ["one", "two"]])
def test_any_sortable_labels(names):
    X, y = linear(K=len(names))
    labels = np.array(names)[y]
    model = SoftmaxRegression().fit(X, labels)
    assert np.array_equal(model.classes_, np.unique(names)) and model.predict(X).dtype == labels.dtype
    assert np.array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


def test_log_probabilities_stay_finite():
    X, y = np.array([[-1.0], [1.0]]), [0, 1]
    model = SoftmaxRegression(C=1e6).fit(X, y)
    logp = model.predict_log_proba([[1e4]])
    assert np.isfinite(logp).all() and logp[0, 0] < -1000


def test_float32_stays_float32_and_agrees():
    X, y = linear()
    a, b = SoftmaxRegression().fit(X.astype(np.float32), y), SoftmaxRegression().fit(X, y)
    assert a.coef_.dtype == a.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert np.allclose(a.coef_, b.coef_, atol=1e-4)


def test_warm_start_begins_at_the_last_solution():
    X, y = linear(K=3)
    for labels in (y, y > 0):
        model = SoftmaxRegression(warm_start=True, tol=1e-9).fit(X, labels)
        cold = model.n_iter_[0]
        first = model.coef_
        assert model.fit(X, labels).n_iter_[0] < cold and np.allclose(model.coef_, first, atol=1e-6)
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X[:, :2], labels)


def test_fit_leaves_its_inputs_alone():
    X, y = linear()
    s = np.ones(200)
    X.flags.writeable = y.flags.writeable = s.flags.writeable = False
    SoftmaxRegression(class_weight="balanced").fit(X, y, s)
    assert np.array_equal(X, linear()[0]) and (s == 1).all()


# good manners


def test_pipelines_grid_searches_clones_and_pickles():
    X, y = linear()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SoftmaxRegression()), {"softmaxregression__C": [0.01, 1]}, cv=3
    )
    assert search.fit(X, y).best_score_ > 0.5 and cross_val_score(SoftmaxRegression(), X, y).mean() > 0.5
    model = SoftmaxRegression(C=3, class_weight={0: 2.0}).fit(X, y)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params() and not hasattr(clone(model), "coef_")
    assert is_classifier(model) and repr(SoftmaxRegression(C=2)) == "SoftmaxRegression(C=2)"


def test_data_frames_keep_their_names():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = linear()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = SoftmaxRegression().fit(frame, pandas.Series(y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(model.feature_names_in_) == list("abcd") and model.summary(frame).rows[1]["feature"] == "a"
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(X)


X, Y = linear()


@pytest.mark.parametrize(
    "fit, says",
    [
        (lambda m: m.fit(X, np.zeros(200)), "one class"),
        (lambda m: m.fit(X, Y[:-1]), "inconsistent numbers of samples, 200 and 199"),
        (lambda m: m.fit(X[:, 0], Y), "Reshape"),
        (lambda m: m.fit(np.where(X > 2, np.nan, X), Y), r"NaN at \("),
        (lambda m: m.fit(np.where(X > 2, np.inf, X), Y), r"inf \(infinity\) at \("),
        (lambda m: m.fit(X[:0], Y[:0]), "0 sample"),
        (lambda m: m.fit(X[:, :0], Y), "0 feature"),
        (lambda m: m.fit(X, Y + 0.5), "continuous"),
        (lambda m: m.fit(X, None), "y"),
        (lambda m: m.fit(X, np.full((200, 3), 0.5)), "sum to 1"),
        (lambda m: m.fit(X, np.array([1, "a"] * 100, dtype=object)), "Unknown label type"),
        (lambda m: m.fit(X, Y, np.full(200, -1.0)), "sample_weight"),
        (lambda m: m.fit(X, Y, np.ones(3)), r"\(200,\)"),
        (lambda m: m.fit(X, Y, np.zeros(200)), "zero"),
        (lambda m: m.fit(X, Y, (Y == 0).astype(float)), "one class"),
        (lambda m: m.set_params(C=0).fit(X, Y), "C must be above 0"),
        (lambda m: m.set_params(C=float("nan")).fit(X, Y), "C must be"),
        (lambda m: m.set_params(tol=0).fit(X, Y), "tol"),
        (lambda m: m.set_params(max_iter=1.5).fit(X, Y), "max_iter"),
        (lambda m: m.set_params(label_smoothing=2).fit(X, Y), "label_smoothing"),
        (lambda m: m.set_params(class_weight="even").fit(X, Y), "class_weight"),
        (lambda m: m.set_params(class_weight={"a": 1.0}).fit(X, Y), "does not have"),
        (lambda m: m.set_params(depth=3), "Invalid parameter 'depth'"),
        (lambda m: m.predict(X), "not fitted"),
        (lambda m: m.fit(X, Y).predict(X[:, :2]), "X has 2 features, but SoftmaxRegression is expecting 4"),
        (lambda m: m.fit(X, Y).score(X, Y[:-1]), "inconsistent"),
    ],
)
def test_mistakes_are_named(fit, says):
    with pytest.raises(ValueError, match=says):
        fit(SoftmaxRegression())


def test_a_failed_fit_leaves_the_last_solution():
    model = SoftmaxRegression().fit(X, Y)
    before = model.coef_.copy()
    with pytest.raises(ValueError):
        model.fit(X, Y[:-1])
    assert np.array_equal(model.coef_, before)


def test_stopping_early_warns_with_the_gradient_and_what_to_try():
    with pytest.warns(UserWarning, match=r"stopped after 1 Newton .*gradient.*raise max_iter"):
        SoftmaxRegression(max_iter=1).fit(X, Y)


def test_separable_data_without_a_penalty_is_named():
    with pytest.warns(UserWarning, match="separable"):
        SoftmaxRegression(C=np.inf).fit(X, X[:, 0] > 0)


def test_works_without_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = None
import numpy as np, pickle
from dlnotes import SoftmaxRegression
X = np.arange(12.0).reshape(6, 2); y = list("ababba")
model = pickle.loads(pickle.dumps(SoftmaxRegression().fit(X, y)))
assert model.predict(X).shape == (6,) and repr(model) == "SoftmaxRegression()"
try: SoftmaxRegression().predict(X)
except ValueError as e: assert "not fitted" in str(e)
else: raise SystemExit("not refused")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# standard errors


@pytest.mark.parametrize("K", [2, 3, 4])
def test_standard_errors_are_those_of_statsmodels(K):
    statsmodels = pytest.importorskip("statsmodels.api", reason="the extra `parity` is not installed")
    X, y = linear(500, 3, K, seed=K)
    X = X * [1, 10, 0.1] + [0, 5, 0]
    theirs = statsmodels.MNLogit(y, statsmodels.add_constant(X)).fit(disp=0, method="newton", tol=1e-12)
    model = SoftmaxRegression(C=np.inf, tol=1e-10).fit(X, y)
    table = model.summary(X)
    shape = (K - 1, 4)
    for ours, name in [("coef", "params"), ("stderr", "bse"), ("z", "tvalues"), ("p", "pvalues")]:
        mine = np.reshape([row[ours] for row in table.rows], shape)
        assert np.allclose(mine, np.asarray(getattr(theirs, name)).T, rtol=1e-4, atol=1e-7), name
    assert "stderr" in repr(table) and str(table).count("\n") == 1 + 4 * (K - 1)


def test_standard_errors_with_weights_and_penalty_are_the_inverse_hessian():
    X, y = linear(120, 2, 3)
    s = rng.integers(1, 4, 120).astype(float)
    model = SoftmaxRegression(C=2.0, tol=1e-11).fit(X, y, s)
    X1 = np.c_[X, np.ones(120)]
    truth = np.c_[model.coef_, model.intercept_]
    truth = truth[1:] - truth[0]

    def f(theta):
        W = np.vstack([np.zeros(3), theta.reshape(2, 3)])
        W[:, :2] -= W[:, :2].mean(axis=0)
        return -s @ log_softmax(X1 @ W.T)[np.arange(120), y] + np.sum(W[:, :2] ** 2) / 4

    h, at, eye = 1e-4, truth.ravel(), np.eye(6)
    H = [
        [sum(a * b * f(at + h * (a * i + b * j)) for a in (1, -1) for b in (1, -1)) / (4 * h * h) for j in eye]
        for i in eye
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(H))).reshape(2, 3)
    coef, intercept = model.standard_errors(X, sample_weight=s)
    assert np.allclose(coef, expected[:, :2], rtol=1e-4) and np.allclose(intercept, expected[:, 2], rtol=1e-4)


@pytest.mark.parametrize("case", ["labels", "rare class", "soft labels", "weights", "sorted"])
def test_a_head_start_on_some_of_many_examples_changes_no_result(monkeypatch, case):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(3000, 3)) * [1, 10, 0.1]
    y = (X @ rng.normal(size=(3, 3)) + rng.gumbel(size=(3000, 3))).argmax(axis=1)
    options = {}
    if case == "rare class":
        y[y == 2] = 0
        y[[3, 1001]] = 2  # none of every eighth
    elif case == "soft labels":
        y = softmax(X @ rng.normal(size=(3, 3)))
    elif case == "weights":
        options = dict(sample_weight=rng.exponential(size=3000))
    elif case == "sorted":
        X, y = X[np.argsort(y)], np.sort(y)
    module = sys.modules["dlnotes.problem"]
    started, head_start = [], module.head_start
    monkeypatch.setattr(module, "head_start", lambda o, W: started.append(head_start(o, W)) or started[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick = SoftmaxRegression(tol=1e-9).fit(X, y, **options)
        monkeypatch.setattr(module, "head_start", lambda o, W: W)
        slow = SoftmaxRegression(tol=1e-9).fit(X, y, **options)
    assert started[0].any() and quick.n_iter_ < slow.n_iter_
    assert np.allclose(quick.coef_, slow.coef_, rtol=1e-4, atol=1e-5)


# columns that are sums of others, and what else has no single optimum


def collinear():
    """Name, X, a full-rank X that says the same, the columns that are concerned, and whether the intercept is."""
    rng = np.random.default_rng(7)
    Z, level = rng.normal(size=(240, 3)), rng.integers(0, 4, 240)
    celsius, rest = 20 + 5 * Z[:, 0], Z[:, 1:]
    dummies = np.eye(4)[level]
    shares = 100 * np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    yield "a column twice", np.c_[Z, Z[:, 0]], Z, [0, 3], False
    yield "a dummy for every level", np.c_[Z, dummies], np.c_[Z, dummies[:, 1:]], [3, 4, 5, 6], True
    yield "two factors", np.c_[dummies, np.eye(2)[level % 2], rest], np.c_[dummies[:, 1:], rest], [*range(6)], True
    yield "two units", np.c_[celsius, rest, 1.8 * celsius + 32], np.c_[celsius, rest], [0, 3], True
    yield "three units", np.c_[celsius, 1.8 * celsius + 32, celsius + 273, rest], np.c_[celsius, rest], [0, 1, 2], True
    yield "metres and kilometres", np.c_[Z[:, 0] * 1e6, Z[:, 0] * 1e-6, rest], Z, [0, 1], False
    yield "shares", shares, shares[:, :2], [0, 1, 2], True
    yield "a total", np.c_[Z, Z.sum(axis=1)], Z, [0, 1, 2, 3], False
    yield "a constant", np.c_[Z, np.full(240, 7.3)], Z, [3], True
    yield "zeros", np.c_[np.zeros(240), Z], Z, [0], False
    yield "many sums", np.c_[Z, Z @ rng.normal(size=(3, 9))], Z, [*range(12)], False
    yield "far from 0", np.c_[Z + 1e5, Z[:, :1] + 3e5], Z + 1e5, [0, 3], True
    single = np.c_[celsius, 1.8 * celsius + 32, rest].astype(np.float32)
    yield "single precision", single, single[:, [0, 2, 3]], [0, 1], True


@pytest.mark.parametrize("case", list(collinear()), ids=lambda case: case[0])
@pytest.mark.parametrize("K", [2, 3])
def test_collinear_columns_have_the_fit_of_the_others(case, K):
    _, X, full, concerned, intercept = case
    rng = np.random.default_rng(K)
    scaled = (full - full.mean(axis=0)) / full.std(axis=0)
    y = (0.5 * scaled @ rng.normal(size=(full.shape[1], K)) + rng.gumbel(size=(240, K))).argmax(axis=1)
    with pytest.warns(UserWarning, match="does not determine every coefficient") as said:
        model = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y)
    assert len(said) == 1 and model.n_iter_ < 15
    named = sum(f"'x{j}'" in str(said[0].message) for j in concerned)
    assert named == len(concerned) or (len(concerned) > 5 and named > 3)
    fine = SoftmaxRegression(C=np.inf, tol=1e-8).fit(full, y)
    assert np.abs(model.predict_proba(X) - fine.predict_proba(full)).max() < 1e-6
    # the optimum of least norm, by a pseudoinverse of the standardised columns
    wide = X.astype(float)
    flat = wide.std(axis=0) <= 1e-12 * abs(wide).max(axis=0)
    spread = np.where(flat, np.inf, wide.std(axis=0))
    logits = fine.decision_function(full).reshape(240, -1)
    least = np.linalg.pinv((wide - wide.mean(axis=0)) / spread, rcond=1e-5) @ (logits - logits.mean(axis=0))
    assert np.allclose(model.coef_ * np.where(flat, 1, spread), least.T, atol=1e-4)
    errors, constant = model.standard_errors(X)
    free = [j for j in range(X.shape[1]) if j not in concerned]
    assert np.isnan(errors[:, concerned]).all() and np.isnan(constant).all() == intercept
    theirs, base = fine.standard_errors(full)
    same = [next(i for i in range(full.shape[1]) if np.array_equal(full[:, i], X[:, j])) for j in free]
    assert np.allclose(errors[:, free], theirs[:, same], rtol=1e-4)
    assert intercept or np.allclose(constant, base, rtol=1e-3)
    table = model.summary(X)
    assert "not determined" in repr(table) and np.isnan(table.rows[1 + concerned[0]]["p"])


@pytest.fixture
def without_traces(monkeypatch):
    """NumPy where floating-point errors leave no trace, as in a browser: NaN in the place of every LinAlgError."""

    def silent(function):
        def answer(A, *more):
            try:
                return function(A, *more)
            except np.linalg.LinAlgError:
                return np.full_like(more[0] if more else A, np.nan)

        return answer

    for name in ("cholesky", "solve", "inv"):
        monkeypatch.setattr(np.linalg, name, silent(getattr(np.linalg, name)))


@pytest.mark.parametrize("case", list(collinear()), ids=lambda case: case[0])
def test_collinear_columns_are_found_where_numpy_raises_nothing(case, without_traces):
    assert np.isnan(np.linalg.cholesky(np.ones((2, 2)))).all()
    test_collinear_columns_have_the_fit_of_the_others(case, 3)


def test_other_singular_matrices_are_met_where_numpy_raises_nothing(without_traces):
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(200, 2))
    X, y = np.c_[Z, Z[:, 0]], (Z[:, 0] + rng.logistic(size=200) > 0).astype(int)
    with pytest.warns(UserWarning, match="'x2' is a sum of multiples of 'x0'"):
        sparse = SoftmaxRegression(C=np.inf, tol=1e-8).fit(scipy_sparse.csr_array(X), y)
    fine = SoftmaxRegression(C=np.inf, tol=1e-8).fit(Z, y)
    assert np.abs(sparse.predict_proba(X) - fine.predict_proba(Z)).max() < 1e-6
    for l1_ratio in (0.5, 1.0):
        twice, once = (SoftmaxRegression(C=1.0, l1_ratio=l1_ratio, tol=1e-8).fit(A, y) for A in (X, Z))
        assert np.isfinite(twice.coef_).all()
        if l1_ratio == 1:
            assert np.abs(twice.predict_proba(X) - once.predict_proba(Z)).max() < 1e-5


def test_nearly_collinear_columns_are_data():
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(400, 2))
    for apart in (1e-3, 1e-6, 1e-9):
        X = np.c_[Z, Z[:, 0] + apart * rng.normal(size=400)]
        basis = np.c_[Z, (X[:, 2] - X[:, 0]) / apart]
        y = (Z[:, 0] + basis[:, 2] + rng.logistic(size=400) > 0).astype(int)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y)
        fine = SoftmaxRegression(C=np.inf, tol=1e-8).fit(basis, y)
        assert np.abs(model.predict_proba(X) - fine.predict_proba(basis)).max() < 1e-5
        assert np.isfinite(model.standard_errors(X)[0]).all() and model.n_iter_ < 15


@pytest.mark.parametrize("C", 10.0 ** np.array([0, 3, 6, 8, 10, 12, 15, 20, 300]))
def test_collinear_columns_with_any_penalty_are_one_column_with_another(C):
    rng = np.random.default_rng(5)
    Z = rng.normal(size=(300, 3))
    y = (Z @ rng.normal(size=(3, 3)) + rng.gumbel(size=(300, 3))).argmax(axis=1)
    celsius = 20 + 5 * Z[:, 0]
    twice = np.c_[celsius, Z[:, 1] * 1e-6, 1.8 * celsius + 32, Z[:, 2]]
    once = np.c_[celsius * np.hypot(1, 1.8), Z[:, 1] * 1e-6, Z[:, 2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, b = (SoftmaxRegression(C=C, tol=1e-8).fit(X, y) for X in (twice, once))
    assert np.abs(a.predict_proba(twice) - b.predict_proba(once)).max() < 1e-6 and a.n_iter_ < 15
    assert np.isclose(np.sum(a.coef_[:, [0, 2]] ** 2), np.sum(b.coef_[:, 0] ** 2), rtol=1e-3)
    theirs = b.standard_errors(once)[0]
    assert np.allclose(a.standard_errors(twice)[0][:, [1, 3]], theirs[:, 1:], rtol=1e-3)


def test_fewer_rows_than_columns_without_a_penalty():
    rng = np.random.default_rng(2)
    X, Q = rng.normal(size=(20, 50)) * np.logspace(-3, 3, 50), softmax(rng.normal(size=(20, 3)))
    with pytest.warns(UserWarning, match=r"fewer rows \(20\) than columns \('x0'") as said:
        model = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, Q)
    assert len(said) == 1 and np.abs(model.predict_proba(X) - Q).max() < 1e-5
    centred, logits = (X - X.mean(axis=0)) / X.std(axis=0), np.log(Q) - np.log(Q).mean(axis=1, keepdims=True)
    least = np.linalg.pinv(centred) @ (logits - logits.mean(axis=0))
    assert np.allclose(model.coef_ * X.std(axis=0), least.T, atol=1e-4)
    assert np.isnan(model.standard_errors(X)[0]).all()


def test_standard_errors_of_wide_data_with_a_penalty_are_those_of_the_whole_hessian():
    rng = np.random.default_rng(2)
    for C, scale in ((0.5, np.ones(9)), (1e3, np.logspace(-1, 1, 9)), (1e12, np.ones(9))):
        X = rng.normal(size=(6, 9)) * scale
        model = SoftmaxRegression(C=C, fit_intercept=False, max_iter=300).fit(X, [0, 1, 1, 0, 1, 0])
        p = model.predict_proba(X)
        H = (X.T * (p[:, 0] * p[:, 1])) @ X + np.eye(9) / C
        assert np.allclose(model.standard_errors(X)[0][0], np.sqrt(np.diag(np.linalg.inv(H))), rtol=1e-3)


@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("how", ["class weight", "sample weight", "probabilities"])
@pytest.mark.parametrize("K", [3, 4])
def test_a_class_without_weight_is_as_good_as_absent(C, how, K):
    X, y = linear(200, 3, K, seed=9)
    for gone in range(K):
        there, options, s, labels = y != gone, {}, None, y
        if how == "class weight":
            options["class_weight"] = {gone: 0.0}
        elif how == "sample weight":
            s = there.astype(float)
        else:
            labels, s = np.eye(K)[np.where(there, y, (gone + 1) % K)], there.astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = SoftmaxRegression(C=C, tol=1e-8, **options).fit(X, labels, s)
        # two classes in one row of coefficients have half the penalty of two in two rows
        fine = SoftmaxRegression(C=2 * C if K == 3 else C, tol=1e-8).fit(X[there], y[there])
        p = np.insert(fine.predict_proba(X), gone, 0, axis=1)
        assert np.abs(model.predict_proba(X) - p).max() < 1e-6 and model.n_iter_ < 10
        assert (model.coef_[gone] == 0).all() and abs(model.coef_).max() < 10 and abs(model.intercept_).max() <= 50
        assert model.predict_proba(1e6 * X)[:, gone].max() < 1e-20 and not (model.predict(1e6 * X) == gone).any()
        errors, constant = model.standard_errors(X, labels, s)
        row = max(gone - 1, 0)
        assert np.isnan(errors[row]).all() and np.isnan(constant[row])
        assert np.allclose(np.delete(errors, row, axis=0), fine.standard_errors(X[there])[0], rtol=1e-4)
        table = model.summary(X, labels, s)
        assert table.reference == (1 if gone == 0 else 0) and "not determined" in repr(table)
    again = model.set_params(warm_start=True).fit(X, labels, s)
    assert np.abs(again.predict_proba(X) - p).max() < 1e-6


def test_separable_classes_end_soon():
    X, _ = linear(200, 3)
    for y in ((X[:, 0] > 0).astype(int), (X[:, 0] > 0).astype(int) + (X[:, 0] > 1)):
        with pytest.warns(UserWarning, match="separable"):
            model = SoftmaxRegression(C=np.inf).fit(X, y)
        assert model.score(X, y) == 1 and model.n_iter_ < 40 and np.isnan(model.standard_errors(X)[0]).all()
        assert -model.predict_log_proba(X)[np.arange(200), y].mean() < 1e-8


def test_partly_separable_classes_end_soon_with_the_fit_of_the_rest():
    X, y = linear(200, 3)
    rare = (np.arange(200) % 10 == 0).astype(float)
    y = np.where(rare == 1, 0, y)
    with pytest.warns(UserWarning, match="told apart for certain.*'x3'") as said:
        model = SoftmaxRegression(C=np.inf).fit(np.c_[X, rare], y)
    assert len(said) == 1 and model.n_iter_ < 40 and abs(model.coef_).max() < 100
    fine = SoftmaxRegression(C=np.inf).fit(X[rare == 0], y[rare == 0])
    assert np.abs(model.predict_proba(np.c_[X, rare])[rare == 0] - fine.predict_proba(X[rare == 0])).max() < 1e-6
    errors, constant = model.standard_errors(np.c_[X, rare])
    theirs, base = fine.standard_errors(X[rare == 0])
    assert np.isnan(errors[:, 3]).all() and np.allclose(errors[:, :3], theirs, rtol=1e-4)
    assert np.allclose(constant, base, rtol=1e-4)


# weights, numbers and labels at the ends of what there is


@pytest.mark.parametrize("weight", [1e-300, 1e-39, 1e39, 1e200, 1e308])
def test_the_unit_of_weights_does_not_matter(weight):
    X, y = linear()
    s = np.random.default_rng(1).uniform(0.5, 1, 200)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        one = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y, s)
        other = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y, s * weight)
        heavy = SoftmaxRegression(C=np.inf, tol=1e-8, class_weight=dict.fromkeys(range(3), weight)).fit(X, y, s)
    assert np.allclose(one.coef_, other.coef_, atol=1e-6) and np.allclose(one.coef_, heavy.coef_, atol=1e-6)
    ratio = other.standard_errors(X, sample_weight=s * weight)[0] / one.standard_errors(X, sample_weight=s)[0]
    assert np.allclose(ratio * np.sqrt(weight), 1, rtol=1e-5)
    if 1e-200 < weight < 1e200:
        a = SoftmaxRegression(C=2 / weight, tol=1e-8).fit(X, y, s * weight)
        assert np.allclose(a.coef_, SoftmaxRegression(C=2, tol=1e-8).fit(X, y, s).coef_, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e30, 5e37])
def test_single_precision_neither_overflows_nor_vanishes(scale):
    X, y = linear()
    Xs = (X * scale).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(C=np.inf, tol=1e-8).fit(Xs, y)
    fine = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y)
    assert np.abs(model.predict_proba(Xs) - fine.predict_proba(X)).max() < 1e-4
    assert np.isfinite(model.coef_).all() and np.isfinite(model.standard_errors(Xs)[0]).all()


def test_logits_and_coefficients_beyond_all_numbers_are_refused():
    model = SoftmaxRegression().fit([[0.0], [1.0]], [0, 1])
    model.coef_ = model.coef_ * 1e10
    with pytest.raises(ValueError, match="logits of row 1"):
        model.predict([[1.0], [1e300]])
    with pytest.raises(ValueError, match="largest float"), warnings.catch_warnings():
        warnings.simplefilter("error")  # the error says it all
        SoftmaxRegression(C=np.inf).fit(linear()[0] * 1e-310, Y)


@pytest.mark.parametrize("C", [1.0, 1e12, np.inf])
def test_equal_rows_have_the_shares_of_their_labels(C):
    for X, y, p in (
        ([[1, 2], [1, 2]], [0, 1], [0.5, 0.5]),
        ([[0.1, 0.2, 0.3]] * 4, [0, 1, 1, 2], [0.25, 0.5, 0.25]),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if C == np.inf else "error", UserWarning)
            model = SoftmaxRegression(C=C, tol=1e-10).fit(X, y)
        assert np.allclose(model.predict_proba(X), p, atol=1e-6) and not model.coef_.any()


def test_missing_values_of_any_library_are_named():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"a": pandas.array([1.0, 2, None, 4], "Float64"), "b": [1, 2, 3, 4]})
    labels = [0, 1, 0, 1]
    for X in (frame, frame.astype({"a": "Int64"}), frame.assign(b=pandas.array([True, None, True, False], "boolean"))):
        with pytest.raises(ValueError, match=r"X must be finite, got .*NaN\)? at \("):
            SoftmaxRegression().fit(X, labels)
    with pytest.raises(ValueError, match=r"\(2, 0\)"):
        SoftmaxRegression().fit(np.array([[1], [2], [None], [3]], object), labels)
    with pytest.raises(ValueError, match="masked"):
        SoftmaxRegression().fit(np.ma.masked_greater([[1.0], [2], [3], [9]], 5), labels)
    whole = frame.fillna(0)
    for y in (
        pandas.Series(pandas.array(["a", None, "b", "a"], "string")),
        np.array(["a", None, "b", "a"], object),
        np.array([1, float("nan"), 2, 1], object),
        pandas.Series(pandas.Categorical(["a", None, "b", "a"])),
    ):
        with pytest.raises(ValueError, match=r"at \(1,\)"):
            SoftmaxRegression().fit(whole, y)
    with pytest.raises(ValueError, match=r"sample_weight (must be finite|has masked)"):
        SoftmaxRegression().fit(whole, labels, pandas.array([1, None, 1, 1], "Int64"))
    model = SoftmaxRegression().fit(whole, pandas.Series(pandas.array(labels, "Int64")))
    assert model.classes_.dtype == np.int64 and np.allclose(model.coef_, SoftmaxRegression().fit(whole, labels).coef_)


def test_a_column_that_is_no_number_is_named_with_what_to_do():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame, labels = pandas.DataFrame({"age": [1.0, 2, 3, 4], "gas": ["7", "o2", "n2", "o2"]}), [0, 1, 0, 1]
    days = pandas.to_datetime(["2020-01-01"] * 4)
    for X in (frame, frame.astype({"gas": "category"}), frame.astype({"gas": object})):
        with pytest.raises(ValueError, match=r"column 'gas' of X holds 'o2', which is no number: .*one-hot"):
            SoftmaxRegression().fit(X, labels)
    for X in (frame[["age"]].assign(day=days), pandas.DataFrame({"day": days})):
        with pytest.raises((TypeError, ValueError), match=r"column 'day' of X holds '2020-01-01.*days since the first"):
            SoftmaxRegression().fit(X, labels)
    with pytest.raises(ValueError, match=r"column 1 of X holds 'o2'.*\(could not convert string to float: 'o2'\)$"):
        SoftmaxRegression().fit(frame.to_numpy(), labels)
    for X in (np.array(["o2"] * 4, object), np.array(["2020-01-01"] * 4, "M8[D]")):  # no table
        with pytest.raises(ValueError, match=r"^could not convert|^X must hold real numbers, got dtype datetime64"):
            SoftmaxRegression().fit(X, labels)
    assert SoftmaxRegression().fit(frame.replace({"o2": "8", "n2": "9.5"}), labels).coef_.shape == (1, 2)


def test_a_summary_with_a_penalty_says_that_it_is_none_for_inference():
    X, y = linear()
    said = repr(SoftmaxRegression(C=0.5).fit(X, y).summary(X, y))
    assert said.splitlines()[-1] == "coefficients are shrunk by C=0.5: for inference, fit with C=np.inf"
    free = SoftmaxRegression(C=np.inf).fit(X, y).summary(X, y)
    assert "shrunk" not in repr(free) and len(repr(free).splitlines()) == 2 + len(free.rows)


@pytest.mark.parametrize("value", [np.inf, float("nan"), 1j, 0, -1, "10", None, True])
def test_odd_step_limits_are_refused_by_name(value):
    with pytest.raises(ValueError, match="max_iter"):
        SoftmaxRegression(max_iter=value).fit(X, Y)


def test_metadata_routing_passes_weights_through_searches():
    model = SoftmaxRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight="w")
    assert clone(model).get_metadata_routing().fit.requests == {"sample_weight": True}
    with pytest.raises(TypeError, match="sample_weight"):
        model.set_fit_request(weights=True)
    s = np.where(Y == 0, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = SoftmaxRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        search = GridSearchCV(routed, {"C": [1.0]}, cv=2).fit(X, Y, sample_weight=s)
        with pytest.raises(Exception, match="sample_weight"):
            GridSearchCV(SoftmaxRegression(), {"C": [1.0]}, cv=2).fit(X, Y, sample_weight=s)
    assert np.allclose(search.best_estimator_.coef_, SoftmaxRegression().fit(X, Y, s).coef_)


def test_notebooks_show_a_table_of_parameters():
    shown = SoftmaxRegression(C=2, class_weight={"<b>": 1.0})._repr_html_()
    assert "<b>2</b>" in shown and "&lt;b&gt;" in shown and "not fitted" in shown and "<td>1e-06</td>" in shown
    assert "4 features, 3 classes" in SoftmaxRegression().fit(X, Y)._repr_html_()


# sparse columns


def sparse_data(m, n, K, seed, density=0.1):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(seed)
    A = sparse.random_array((m, n), density=density, rng=rng, format="csr")
    return A, (A @ rng.normal(size=(n, K)) * 3 + rng.gumbel(size=(m, K))).argmax(axis=1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", [(300, 20, 3, 1.0), (300, 20, 2, np.inf), (150, 1300, 3, 1.0), (300, 40, 3, 1e6)])
def test_sparse_columns_have_the_fit_of_dense_ones(shape, fit_intercept):
    m, n, K, C = shape
    A, y = sparse_data(m, n, K, seed=n)
    s = np.random.default_rng(0).uniform(0, 2, m) * (np.arange(m) % 7 > 0)
    model = SoftmaxRegression(C=C, fit_intercept=fit_intercept, tol=1e-9)
    fine = clone(model).fit(A.toarray(), y, s)
    for kind in ("csr", "csc", "coo", "lil"):
        given = A.asformat(kind)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(given, y, s)
        assert np.allclose(model.coef_, fine.coef_, rtol=1e-4, atol=1e-5)
        assert np.allclose(model.predict_proba(given), fine.predict_proba(A.toarray()), atol=1e-6)
        assert np.array_equal(model.predict(given), fine.predict(A.toarray()))
    if n < 100:
        a, b = (f.standard_errors(g, sample_weight=s) for f, g in ((model, A), (fine, A.toarray())))
        assert np.allclose(a[0], b[0], rtol=1e-5) and np.allclose(a[1], b[1], rtol=1e-5)
        assert len(model.summary(A, sample_weight=s).rows) == (K - 1) * (n + fit_intercept)


def test_sparse_columns_of_any_scale_stay_sparse_and_as_they_were():
    A, y = sparse_data(200, 10_000, 3, seed=1, density=0.003)
    A.data *= 10.0 ** np.random.default_rng(0).integers(-1, 2, 10_000)[A.indices]
    before = [part.copy() for part in (A.data, A.indices, A.indptr)]
    SoftmaxRegression().fit(A, y).predict_proba(A)  # what coverage notes of lines seen for the first time is not ours
    tracemalloc.start()
    model = SoftmaxRegression().fit(A, y)
    model.predict_proba(A)
    assert tracemalloc.get_traced_memory()[1] < 200 * 10_000 * 8 / 4
    tracemalloc.stop()
    assert all(np.array_equal(a, b) for a, b in zip(before, (A.data, A.indices, A.indptr), strict=True))
    assert objective(model, A.toarray(), y) <= objective(SoftmaxRegression(tol=1e-10).fit(A, y), A.toarray(), y) * (
        1 + 1e-8
    )
    single = SoftmaxRegression().fit(A.astype(np.float32), y)
    assert single.coef_.dtype == np.float32 and np.allclose(single.predict_proba(A), model.predict_proba(A), atol=1e-3)


def test_sparse_mistakes_are_named():
    A, y = sparse_data(50, 6, 2, seed=3, density=0.5)
    bad = A.copy()
    bad.data[7] = np.nan
    at = tuple(int(i) for i in np.argwhere(np.isnan(bad.toarray()))[0])
    with pytest.raises(ValueError, match=rf"NaN at \({at[0]}, {at[1]}\)"):
        SoftmaxRegression().fit(bad, y)
    with pytest.raises(ValueError, match="expecting 6 features"):
        SoftmaxRegression().fit(A, y).predict(A[:, :3])
    with pytest.raises(ValueError, match="inconsistent"):
        SoftmaxRegression().fit(A, y[:-1])


def sums_of_others(rng, m):
    a, b = np.eye(3)[rng.integers(0, 3, m)], np.eye(4)[rng.integers(0, 4, m)]
    z, celsius = rng.normal(size=m), rng.normal(15, 8, m)
    pairs = np.einsum("ij,ik->ijk", a, b).reshape(m, -1)
    return {
        "two groups of dummies": np.c_[a, b, z],
        "dummies that begin at 10": np.c_[a, b] + 10,
        "dummies of every size": np.c_[a, b] * 10.0 ** np.arange(-6, 8, 2),
        "duplicates": np.c_[a[:, :2], z, a[:, :2]],
        "a constant": np.c_[np.full(m, 3.0), a[:, 1:], z],
        "nothing": np.c_[a, np.zeros(m), z],
        "two temperatures": np.c_[celsius, 1.8 * celsius + 32, z],
        "interactions": np.c_[a, b, pairs],
        "shares": np.c_[100 * rng.dirichlet(np.ones(4), m), z],
        "constants": np.c_[np.ones(m), np.full(m, 5.0), np.zeros(m)],
    }


@pytest.mark.filterwarnings("ignore:without a penalty", "ignore:stopped after")
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", sums_of_others(rng, 5))
def test_sums_of_sparse_columns_are_known_as_of_dense_ones(kind, fit_intercept):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        m = int(rng.integers(80, 200))
        X, y = sums_of_others(rng, m)[kind], rng.integers(0, 2 + seed % 2, m)
        options = dict(C=np.inf, tol=1e-8, fit_intercept=fit_intercept)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            sparse = SoftmaxRegression(**options).fit(scipy_sparse.csr_array(X), y)
        with warnings.catch_warnings(record=True) as expected:
            warnings.simplefilter("always")
            dense = SoftmaxRegression(**options).fit(X, y)
        assert [str(w.message)[:60] for w in said] == [str(w.message)[:60] for w in expected]
        assert np.abs(sparse.predict_proba(X) - dense.predict_proba(X)).max() < 1e-6
        assert np.abs(sparse.coef_ - dense.coef_).max() <= 1e-4 * np.abs(dense.coef_).max()
        assert sparse.n_iter_ <= dense.n_iter_ + 1
        for a, b in zip(sparse.standard_errors(scipy_sparse.csr_array(X)), dense.standard_errors(X), strict=True):
            assert np.allclose(a, b, rtol=1e-3, equal_nan=True)


@pytest.mark.parametrize("m", [1000, 50_000])
def test_sums_of_sparse_columns_are_known_of_many_sorted_rows(m):
    rng = np.random.default_rng(5)
    X = np.c_[np.eye(9)[np.sort(rng.integers(0, 9, m))], np.eye(5)[rng.integers(0, 5, m)]]
    y = rng.integers(0, 3, m)
    with pytest.warns(UserWarning, match="'x13' is a sum of multiples.*'x8' is|'x8' is.*'x13' is"):
        sparse = SoftmaxRegression(C=np.inf, tol=1e-8).fit(scipy_sparse.csr_array(X), y)
    with pytest.warns(UserWarning, match="is a sum of multiples"):
        dense = SoftmaxRegression(C=np.inf, tol=1e-8).fit(X, y)
    assert np.abs(sparse.coef_ - dense.coef_).max() < 1e-4 and np.abs(sparse.coef_).max() < 1


@pytest.mark.filterwarnings("ignore:without a penalty")
@pytest.mark.parametrize("kind", ["a sum", "a multiple", "temperatures"])
def test_sums_of_sparse_columns_are_known_in_single_precision(kind):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(200, 2))
        more = {"a sum": A.sum(axis=1), "a multiple": 3.3 * A[:, 0], "temperatures": 1.8 * (A[:, 0] * 8 + 15) + 32}[
            kind
        ]
        first = A * 8 + 15 if kind == "temperatures" else A
        X, y = np.c_[first, more].astype(np.float32), (A[:, 0] + rng.logistic(size=200) > 0).astype(int)
        with np.errstate(all="raise"):
            sparse = SoftmaxRegression(C=np.inf).fit(scipy_sparse.csr_array(X), y)
        dense = SoftmaxRegression(C=np.inf).fit(X, y)
        assert np.abs(sparse.predict_proba(X) - dense.predict_proba(X)).max() < 1e-4
        assert np.abs(sparse.coef_).max() < 2 * np.abs(dense.coef_).max()


@pytest.mark.filterwarnings("ignore:without a penalty")
@pytest.mark.parametrize("offset", [0, 1, 10, 1000])
@pytest.mark.parametrize("size", [1, 0.1, 3])
def test_several_sums_of_columns_are_found_wherever_the_columns_begin(offset, size):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        D = np.c_[np.eye(3)[rng.integers(0, 3, 100)], np.eye(4)[rng.integers(0, 4, 100)]]
        y = rng.integers(0, 2, 100)
        model = SoftmaxRegression(C=np.inf, tol=1e-8).fit(offset + size * D, y)
        fine = SoftmaxRegression(C=np.inf, tol=1e-8).fit(np.delete(D, [0, 3], axis=1), y)
        gap = model.predict_proba(offset + size * D) - fine.predict_proba(np.delete(D, [0, 3], axis=1))
        assert np.abs(gap).max() < 1e-6 and np.abs(model.coef_ * size).max() < 10


def test_entries_given_twice_are_added_and_the_matrix_stays():
    A, y = sparse_data(50, 6, 2, seed=3, density=0.5)
    sparse = pytest.importorskip("scipy.sparse")
    halves = sparse.csr_array((A.data.repeat(2) / 2, A.indices.repeat(2), 2 * A.indptr), shape=A.shape)
    assert np.allclose(SoftmaxRegression().fit(halves, y).coef_, SoftmaxRegression().fit(A, y).coef_, atol=1e-8)
    assert halves.nnz == 2 * A.nnz


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_wide_data_reach_the_optimum_whether_their_columns_are_alike_or_not(alike, fit_intercept):
    rng = np.random.default_rng(4)
    few = rng.normal(size=(120, 5))
    X = few @ rng.normal(size=(5, 1100)) + 0.1 * rng.normal(size=(120, 1100)) if alike else rng.normal(size=(120, 1100))
    X, y = X + 3, (2 * few[:, :3] + rng.gumbel(size=(120, 3))).argmax(axis=1)
    axes = sys.modules["dlnotes.columns"].ScaledFeatures(X, 1.0, fit_intercept).X.shape[1] - fit_intercept
    assert axes == (120 if alike or not fit_intercept else 1100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(fit_intercept=fit_intercept).fit(X, y)
    theirs = LogisticRegression(fit_intercept=fit_intercept, solver="newton-cg", tol=1e-9, max_iter=500).fit(X, y)
    f = objective(model, X, y)
    assert f <= objective(theirs, X, y) * (1 + 1e-8)


# large fits, which are in single precision for most of the way


def large(K, m=4000, n=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n)) @ (np.eye(n) + 0.3 * rng.normal(size=(n, n))) * 10.0 ** rng.uniform(-3, 3, n) + 5
    Z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(n, K)) * 2 / np.sqrt(n)
    return X, (Z + rng.gumbel(size=(m, K))).argmax(axis=1)


@pytest.mark.parametrize("K", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("case", ["labels", "weights", "soft labels", "no intercept", "wide"])
def test_large_fits_are_proven_in_double_precision(K, case):
    X, y = large(K) if case != "wide" else large(K, m=300, n=500)
    options, weights = {"C": 0.1}, {}
    if case == "weights":
        weights = {"sample_weight": np.random.default_rng(1).exponential(size=len(X)) ** 3}
    elif case == "soft labels":
        y = 0.9 * np.eye(K)[y] + 0.1 / K
    elif case == "no intercept":
        options["fit_intercept"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(**options).fit(X, y, **weights)
        exact = SoftmaxRegression(tol=1e-11, **options).fit(X, y, **weights)
    z, s = model._every_logit(X), weights.get("sample_weight", np.ones(len(X)))
    assert abs(model.coef_ - exact.coef_).max() < 2e-3 * abs(exact.coef_).max()

    def f(model):
        each = cross_entropy(model._every_logit(X), y, reduction="none")[0]
        return 0.1 * s @ each + (model.coef_**2).sum() / 2

    assert f(model) <= f(exact) * (1 + 1e-8) and z.dtype == np.float64
    p = softmax(exact._every_logit(X)) - (y if y.ndim == 2 else np.eye(K)[y])
    gradient = 0.1 * (s[:, None] * p).T @ X  # of the tight one, term by term: float32 could not make it so small
    rows = gradient[1:] if K == 2 else gradient
    size = 0.1 * (s[:, None] * abs(p)).T @ abs(X)
    assert (abs(rows + exact.coef_) <= 1e-6 * (size[1:] if K == 2 else size)).all()


def test_a_gap_that_was_proven_is_one_along_all_of_a_large_fit():
    newton = sys.modules["dlnotes.newton"]
    X, y = large(4)
    features = sys.modules["dlnotes.columns"].ScaledFeatures(X, 1.0, True)
    o = newton.Objective(features.X, features.lam, y)
    start = np.zeros((4, features.X.shape[1]))
    best = newton.minimize(o, start, 1e-11, 100)

    def f(W):
        return o.loss(W @ features.X.T, W)[0]

    for tol in (1e-2, 1e-4, 1e-6, 1e-8):
        found = newton.minimize(o, start, tol, 100)
        assert found.converged and f(found.W) - f(best.W) <= found.gap * f(found.W) <= tol / 100 * f(found.W)
        assert np.allclose(found.gradient, o.gradient(o.errors(o.loss(found.W @ features.X.T, found.W)[1])[0], found.W))
    for steps in (1, 2, 3):  # stopped early, what is told is in double precision all the same
        found = newton.minimize(o, start, 1e-8, steps)
        exact = o.gradient(o.errors(o.loss(found.W @ features.X.T, found.W)[1])[0], found.W)
        assert found.n_iter == steps and np.allclose(found.gradient, exact, rtol=1e-9, atol=1e-9 * abs(exact).max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_sums_of_squares_along_rows_in_any_layout(dtype, order):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.normal(size=(700, 300)), dtype, order=order)
    mu, d = rng.normal(size=300), 10.0 ** rng.uniform(-60, 60, 300)
    found = sys.modules["dlnotes.columns"].row_squares(X, mu, d)
    assert np.allclose(
        found, ((X.astype(np.float64) - mu) ** 2 / d).sum(axis=1), rtol=1e-5 if dtype == np.float32 else 1e-12
    )


@pytest.mark.parametrize("kind", ["plain", "collinear", "wide", "wide and alike"])
def test_a_path_without_l1_is_its_fits_one_by_one(kind):
    rng = np.random.default_rng(3)
    m, n = (150, 260) if kind.startswith("wide") else (200, 6)
    X = rng.normal(size=(m, n)) + (5 * rng.normal(size=(m, 1)) if "alike" in kind else 0)
    y = (X[:, :3] + rng.gumbel(size=(m, 3))).argmax(axis=1)
    if kind == "collinear":
        X = np.c_[X, X[:, 0] + X[:, 1]]
    Cs = [1e-3, 0.1, 10.0, 1e13, np.inf] if kind in ("plain", "collinear") else [1e-3, 0.1, 10.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # columns that are sums of others
        path = softmax_path(X, y, Cs=Cs, l1_ratio=0.0, tol=1e-9)
        for C, coef, intercept, gap in zip(path.Cs, path.coefs, path.intercepts, path.gaps, strict=True):
            alone = SoftmaxRegression(C, tol=1e-9).fit(X, y)
            assert gap <= 1e-11
            assert np.allclose(coef, alone.coef_, rtol=1e-4, atol=1e-4 * abs(alone.coef_).max())
            assert np.allclose(intercept, alone.intercept_, rtol=1e-3, atol=1e-3)


def test_inverses_of_stacks_of_matrices_of_any_size():
    inverse = sys.modules["dlnotes.columns"].inverses
    rng = np.random.default_rng(0)
    for n in (1, 5, 64, 65, 131, 200):
        A = rng.normal(size=(3, 2 * n, n))
        A = np.swapaxes(A, 1, 2) @ A
        found, apart = inverse(A, 1e-16)
        assert np.allclose(found @ A, np.eye(n), atol=1e-8) and 0 < apart <= 1
    assert inverse(np.ones((1, 3, 3)), 1e-16)[1] == 0


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize(("goal", "full"), [(1e-9, True), (1e9, True), (1e9, False)])
def test_a_floor_made_at_one_point_bounds_the_gap_at_others(K, goal, full):
    newton = sys.modules["dlnotes.newton"]
    X, y = large(K, m=400, n=6)
    features = sys.modules["dlnotes.columns"].ScaledFeatures(X, 1.0, True)
    o = newton.Objective(features.X, features.lam, y)
    best = newton.minimize(o, np.zeros((K, 7)), 1e-11, 100)

    def at(W):
        f, state = o.loss(W @ o.X.T, W)
        dz, yhat = o.errors(state)
        return f, o.gradient(dz, W), o.curvature(yhat)

    least, _, w = at(best.W)
    floor = newton._Floor(o, o.X, 1.7 * w if full else w)
    if full:  # later, and elsewhere
        floor.fill(o, o.X, w, goal)
    P = (o.X.T * w) @ o.X + np.diag(o.lam)
    if not full:  # with the penalty alone, the intercept measured from the weighted mean
        P = np.diag(o.lam) + w.sum() * np.outer(mean := (w @ o.X) / w.sum(), mean)
    farthest = 2 * np.einsum("ij,ij->i", o.X @ np.linalg.inv(P), o.X).max()
    assert farthest * (1 - 1e-9) <= floor.reach and (goal == 1e-9 or floor.reach < farthest * (1 + 1e-9))
    rng = np.random.default_rng(0)
    for size in 10.0 ** np.arange(-6, 2):
        D = rng.normal(size=(K, 7))
        f, G, v = at(best.W + size * (D - D.mean(axis=0)))
        part = floor.part(v)
        assert part == min((v / w).min(), 1)
        bound = floor.bound(G, part)
        assert bound >= (f - least) * (1 - 1e-6) - 1e-9
        assert goal < 1 or size >= (1e-3 if full else 5e-6) or bound < np.inf
        assert size < 1 or bound == np.inf
        spread = np.einsum("ki,ij,kj->", G, np.linalg.inv(P), G)
        assert bound >= spread / part * (1 - 1e-9)


@pytest.mark.parametrize("ones", [False, True])
@pytest.mark.parametrize("centred", [False, True])
def test_sums_of_squares_of_sparse_columns_are_those_of_dense_ones(ones, centred):
    csr_array = pytest.importorskip("scipy.sparse").csr_array
    rng = np.random.default_rng(0)
    A = rng.normal(size=(30, 4)) * (rng.random((30, 4)) < 0.4)
    p, off, mu = rng.random((3, 30)), rng.normal(size=4), rng.normal(size=4 + ones) if centred else None
    dense = np.column_stack([A - off, np.ones(30)]) if ones else A - off
    columns = SparseColumns(csr_array(A), off, ones)
    np.testing.assert_allclose(square_sums(columns, p, mu), square_sums(dense, p, mu), rtol=1e-12)
    if centred:
        d = rng.random(4 + ones) + 1
        np.testing.assert_allclose(row_squares(columns, mu, d), row_squares(dense, mu, d), rtol=1e-12)


def test_the_floor_of_the_curvature_is_below_it_where_columns_are_not_centred():
    rng = np.random.default_rng(0)
    for _ in range(50):
        X, w = np.column_stack([rng.normal(3, 1, (20, 3)), np.ones(20)]), rng.random(20)
        lam = np.append(rng.random(3) + 0.1, 0.0)
        solve, _ = _diagonal_floor(SimpleNamespace(lam=lam), X, w)
        floor = np.linalg.inv(solve(np.eye(4)))  # a matrix that is less than the Hessian in every direction
        assert np.linalg.eigvalsh((X.T * w) @ X + np.diag(lam) - floor).min() > -1e-9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("m", "n", "K", "order"),
    [
        (7, 3, 2, "C"),
        (700, 3000, 3, "C"),
        (2000, 900, 5, "C"),
        (9000, 60, 4, "F"),
        (9000, 60, 7, "F"),
        (300, 20, 40, "C"),
    ],
)
@pytest.mark.parametrize("form", ["labels", "weighted", "soft"])
def test_what_is_computed_block_by_block_is_what_the_formulas_say(m, n, K, order, dtype, form):
    newton = sys.modules["dlnotes.newton"]
    rng = np.random.default_rng(m + K)
    X, y = np.asarray(rng.normal(size=(m, n)), dtype, order=order), rng.integers(0, K, m)
    assert m * n * (K - 1) <= 900_000 or K > 32 or len(newton.row_blocks(X, K)) > 1
    s = rng.random(m).astype(dtype) if form == "weighted" else None
    Q = rng.dirichlet(np.ones(K), m).T.astype(dtype) if form == "soft" else None
    o = newton.Objective(X, rng.random(n), y, Q, s)
    W, V = rng.normal(size=(2, K, n)) / np.sqrt(n)
    W, V = W - W.mean(axis=0), V - V.mean(axis=0)
    seen, HV = o.view(W), o.curved(V, o.view(W).yhat, X)

    X, weights = X.astype(np.float64), np.ones(m) if s is None else s.astype(np.float64)
    targets = np.eye(K)[y].T if Q is None else Q.astype(np.float64)
    yhat = softmax(W @ X.T, axis=0)
    u = V @ X.T
    expected = {
        "f": -(weights * targets * np.log(yhat)).sum() + (o.lam * W * W).sum() / 2,
        "yhat": yhat,
        "dz": yhat - targets,
        "G": (weights * (yhat - targets)) @ X + o.lam * W,
    }
    curved = (weights * yhat * (u - (yhat * u).sum(axis=0))) @ X + o.lam * V
    near = dict(rtol=2e-4, atol=2e-3) if dtype == np.float32 else dict(rtol=1e-10, atol=1e-10)
    for name, value in expected.items():
        assert np.allclose(getattr(seen, name), value, **near), name
    assert np.allclose(seen.Z - seen.Z[0], W @ X.T - W[0] @ X.T, **near) and np.allclose(HV, curved, **near)
    f, state = o.loss(np.asarray(W @ X.T, dtype), W)  # one after the other
    dz, _ = o.errors(state)
    assert np.isclose(f, seen.f, rtol=1e-5) and np.allclose(o.gradient(dz, W), seen.G, **near)


def test_columns_that_depend_on_each_other_are_not_taken_for_independent():
    independent = sys.modules["dlnotes.columns"].look_independent
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 400))
    assert independent(X) and independent(X.astype(np.float32))
    pairs = np.hstack([X[:, :200], X[:, :200] + 0.3 * X[:, 200:]])
    shared, walks = X + 0.3 * rng.normal(size=(2000, 1)), X.cumsum(axis=1)
    for columns in (pairs, shared, walks):
        assert not independent((columns - columns.mean(axis=0)) / columns.std(axis=0))


@pytest.mark.parametrize("m", [400, 2000])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
def test_a_proof_without_intercept_and_penalty_holds(m, tol):
    optimize = pytest.importorskip("scipy.optimize")
    problem = sys.modules["dlnotes.problem"].Problem
    rng = np.random.default_rng(0)
    for _ in range(10):
        x = rng.standard_t(1.2, size=m)
        y = (3 * x + rng.logistic(size=m) > 0).astype(int)

        def f(w, x=x, y=y):
            return np.logaddexp(0, np.where(y == 1, -w * x, w * x)).sum()

        found = problem(x[:, None], y, fit_intercept=False).solve(np.inf, tol=tol)
        w = (found.W[1] - found.W[0])[0]
        best = optimize.minimize_scalar(f, bracket=(0.9 * w, 1.1 * w), tol=1e-12).fun
        assert found.found.converged and f(w) / best - 1 <= found.found.gap + 1e-13


def test_a_start_from_some_of_the_examples_is_not_misled_by_what_they_do_not_show():
    rng = np.random.default_rng(0)
    m = 20_000
    X = rng.normal(size=(m, 5))
    y, i = (X[:, :3] + rng.gumbel(size=(m, 3))).argmax(axis=1), np.arange(m)
    plain = SoftmaxRegression(np.inf).fit(X, y)
    outlier = X.copy()
    outlier[3, 1] = 1e6
    columns = {
        "hours of a day": np.eye(24)[i % 24][:, 1:],
        "all of four": np.eye(4)[i % 4],
        "a rare one": np.isin(i, [5, 77, 9003, 10_001, 12_003, 15_555]).astype(float)[:, None],
        "seven of eight": (i % 8 != 0).astype(float)[:, None],
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "without a penalty")  # all of four, beside an intercept
        for name, more in columns.items():
            model = SoftmaxRegression(np.inf).fit(np.hstack([X, more]), y)
            assert model.n_iter_[0] <= 10 and abs(model.coef_[:, :5] - plain.coef_).max() < 0.01, name
    assert SoftmaxRegression().fit(outlier, y).n_iter_[0] <= 20
    with np.errstate(all="raise"):
        hard = (X[:3000] @ (30 * rng.normal(size=(5, 3))) + rng.gumbel(size=(3000, 3))).argmax(axis=1)
        SoftmaxRegression(1e8).fit(X[:3000], hard)


@pytest.mark.parametrize(("m", "K"), [(10_000, 5), (5000, 3), (20_000, 4), (60_000, 7)])
@pytest.mark.parametrize("order", ["sorted", "in turn"])
def test_a_dummy_for_every_level_is_known_in_any_order(m, K, order):
    levels = np.arange(m) % K
    y = np.random.default_rng(0).integers(0, 3, m)
    with pytest.warns(UserWarning, match="without a penalty"):
        model = SoftmaxRegression(np.inf).fit(np.eye(K)[np.sort(levels) if order == "sorted" else levels], y)
    assert abs(model.coef_).max() < 1


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"C": np.inf}])
def test_an_invalid_value_that_blas_read_beyond_the_end_is_no_warning(monkeypatch, options):
    "Some kernels of OpenBLAS read one value too many (float32, 5 columns), and flag a NaN found there"
    back = newton.back

    def careless(*args):
        np.subtract(np.inf, np.inf)
        back(*args)

    monkeypatch.setattr(newton, "back", careless)
    X, y = linear()
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        careless_fit = SoftmaxRegression(**options).fit(X, y)
    monkeypatch.undo()
    assert (careless_fit.coef_ == SoftmaxRegression(**options).fit(X, y).coef_).all()


# Its speed was measured with these steps, and with so many products of a class with all examples


def problems():
    def drawn(m, n, K):
        rng = np.random.default_rng(0)
        X, W = rng.standard_normal((m, n)), rng.standard_normal((K, n)) * 3 / np.sqrt(n)
        return X, (X @ W.T + rng.gumbel(size=(m, K))).argmax(axis=1)

    X, y = drawn(3000, 20, 4)
    yield "tall", X, y, {}, 6, 102
    yield "correlated", X + 5 * X[:, :1], y, {"C": np.inf}, 6, 102
    yield "heavy tails", X * np.exp(np.random.default_rng(2).standard_normal(X.shape)), y, {}, 5, 102
    yield "a head start", *drawn(12_000, 20, 3), {}, 3, 60
    yield "wide", *drawn(200, 1000, 2), {}, 8, 102
    yield "wide, of many classes", *drawn(600, 800, 5), {"C": 0.1}, 6, 400
    yield "many classes", *drawn(1500, 15, 30), {}, 6, 2030
    yield "L1", *drawn(2000, 30, 4), {"l1_ratio": 0.7, "C": 0.05}, 5, 279
    yield "L1, wide", *drawn(300, 500, 3), {"l1_ratio": 1.0, "C": 0.3}, 19, 560
    X = scipy_sparse.random(2000, 3000, 0.01, random_state=0, format="csr")
    z = 3 * X @ np.random.default_rng(0).standard_normal((3000, 3))
    yield "sparse", X, (z + np.random.default_rng(3).gumbel(size=z.shape)).argmax(axis=1), {"C": 10}, 6, 208
    yield "sparse, L1", X, z.argmax(axis=1), {"l1_ratio": 1.0}, 28, 1078


@pytest.mark.parametrize("problem", list(problems()), ids=lambda problem: problem[0])
def test_a_fit_is_no_more_work_than_it_was(problem, monkeypatch):
    _, X, y, options, steps, products = problem
    done, forth, back = [], newton.forth, newton.back
    with monkeypatch.context() as patch:
        patch.setattr(newton, "forth", lambda V, X, Z: (done.append(Z.size), forth(V, X, Z)))
        patch.setattr(newton, "back", lambda d, X, G: (done.append(d.size), back(d, X, G)))
        model = SoftmaxRegression(**options).fit(X, y)
    assert abs(model.n_iter_.max() - steps) <= 1
    assert sum(done) / X.shape[0] == pytest.approx(products, rel=0.08)


@pytest.mark.parametrize("more", [4, 5, 6, 7])
def test_five_sums_of_columns_are_named_and_the_others_counted(more):
    X, y = linear(200, 4)
    with pytest.warns(UserWarning, match="does not determine every coefficient") as said:
        SoftmaxRegression(C=np.inf).fit(np.c_[X, X @ np.ones((4, more)) * np.arange(1, more + 1)], y)
    text = str(said[0].message)
    assert text.count("is a sum of multiples of") == min(more, 5)
    assert (f"{more - 5} more" in text) == (more > 5)
