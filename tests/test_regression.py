"""SoftmaxRegression: the optimum of scikit-learn's objective, found on hard data too, and good manners."""

# ruff: noqa: E402 -- the lines before the imports must run first

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes import SoftmaxRegression, cross_entropy, log_softmax, softmax

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

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
        (lambda m: m.fit(X, Y).standard_errors(X[:2]), "at least as many"),
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


def test_undetermined_coefficients_have_no_standard_error():
    twice = np.c_[X, X[:, 0]]
    with pytest.raises(ValueError, match="singular"):
        SoftmaxRegression(C=np.inf).fit(twice, Y).standard_errors(twice)


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
    module = sys.modules["dlnotes.regression"]
    started, head_start = [], module.head_start
    monkeypatch.setattr(module, "head_start", lambda o, W: started.append(head_start(o, W)) or started[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick = SoftmaxRegression(tol=1e-9).fit(X, y, **options)
        monkeypatch.setattr(module, "head_start", lambda o, W: W)
        slow = SoftmaxRegression(tol=1e-9).fit(X, y, **options)
    assert started[0].any() and quick.n_iter_ < slow.n_iter_
    assert np.allclose(quick.coef_, slow.coef_, rtol=1e-4, atol=1e-5)
