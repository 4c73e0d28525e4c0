"""L1 and elastic net, whole paths over C, and their choice by cross-validation: against scikit-learn, and against the
condition that an optimum has to fulfil, written out once more."""

import math
import warnings

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from dlnotes import SoftmaxRegression, SoftmaxRegressionCV, softmax, softmax_path
from dlnotes.problem import Problem


def linear(m=120, n=10, K=3, seed=0, matter=3):
    rng = np.random.default_rng(seed)
    X, W = rng.normal(size=(m, n)), np.zeros((n, K))
    W[:matter] = 1.5 * rng.normal(size=(matter, K))
    return X, (X @ W + rng.gumbel(size=(m, K))).argmax(axis=1)


def weights_of(model, X, y, s=None):
    "What each example counts, with the class weights"
    s = np.ones(len(y)) if s is None else np.asarray(s, float)
    if model.class_weight == "balanced":
        totals = np.bincount(y, s)
        s = s * (s.sum() / (len(totals) * totals))[y]
    return s


def parts(model, X, y, s=None):
    "The objective, and the gradient of the smooth part, of the coefficients as they are reported"
    K = len(model.classes_)
    Q = np.eye(K)[y] if np.ndim(y) == 1 else y
    Q = (1 - model.label_smoothing) * Q + model.label_smoothing / K
    s = weights_of(model, X, y, s)
    z = X @ model.coef_.T.astype(float) + model.intercept_
    if K == 2:
        z = np.hstack([0 * z, z])
    top = z.max(axis=1)
    lse = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    W, C, share = model.coef_.astype(float), model.C, model.l1_ratio
    loss = s @ (lse - (Q * z).sum(axis=1))
    f = loss + ((1 - share) / 2 * np.sum(W**2) + share * abs(W).sum()) / C
    dz = s[:, None] * (softmax(z) - Q)
    G = (dz.T @ X)[-len(W) :] + (1 - share) / C * W
    return f, G, dz.sum(axis=0)


def assert_optimal(model, X, y, s=None, tol=1e-4):
    "Zero is in the subdifferential, measured by the penalty's slope; and some coefficients are exactly zero"
    _, G, db = parts(model, X, y, s)
    W, slope, small = model.coef_, model.l1_ratio / model.C, tol / model.C * max(1, abs(X).max())
    assert (abs(G[W == 0]) <= slope + small).all()
    assert (abs(G + slope * np.sign(W))[W != 0] <= small).all()
    if model.fit_intercept:
        assert abs(db).max() <= small


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("C", [0.03, 1.0, 100.0])
@pytest.mark.parametrize("kind", ["plain", "no intercept", "samples", "balanced", "smoothed"])
def test_an_optimum_fulfils_its_condition(K, l1_ratio, C, kind):
    X, y = linear(K=K)
    s = np.random.default_rng(1).uniform(0, 3, len(y)).round() if kind == "samples" else None
    options = {
        "no intercept": {"fit_intercept": False},
        "balanced": {"class_weight": "balanced"},
        "smoothed": {"label_smoothing": 0.2},
    }.get(kind, {})
    model = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9, **options).fit(X, y, s)
    assert_optimal(model, X, y, s)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
@pytest.mark.parametrize("C", [0.1, 2.0])
def test_coefficients_are_sagas_run_for_long(K, l1_ratio, C):
    X, y = linear(K=K)
    ours = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
    theirs = LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-10, max_iter=20_000).fit(X, y)
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ((ours.coef_ == 0) == (abs(theirs.coef_) < 1e-6)).all()
    assert parts(ours, X, y)[0] <= parts_of(theirs, ours, X, y) * (1 + 1e-10)


def parts_of(theirs, ours, X, y):
    "The objective of another model's coefficients"
    copy = SoftmaxRegression(ours.C, l1_ratio=ours.l1_ratio)
    copy.classes_, copy.coef_, copy.intercept_ = theirs.classes_, theirs.coef_, theirs.intercept_
    return parts(copy, X, y)[0]


def test_the_gap_that_is_proven_bounds_the_gap_that_is_there():
    for seed in range(3):
        X, y = linear(m=60, n=30, K=2 + seed % 3, seed=seed)
        problem, share = Problem(X, y), [1.0, 0.4][seed % 2]
        best = problem.solve(2.0, share, 1e-11)
        for max_iter in range(1, 8):
            rough = problem.solve(2.0, share, 1e-11, max_iter)
            f, f_best = (parts(fitted(problem, s, C=2.0, l1_ratio=share), X, y)[0] for s in (rough, best))
            assert f - f_best <= rough.found.gap * f * (1 + 1e-6) + 1e-12 * f
        assert best.found.gap <= 1e-13


def fitted(problem, solution, **options):
    from dlnotes.problem import adopt

    model = SoftmaxRegression(**options)
    adopt(model, problem, solution)
    return model


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_first_C_is_where_the_first_coefficient_enters(K, fit_intercept):
    X, y = linear(K=K, seed=3)
    s = np.random.default_rng(0).uniform(0, 2, len(y))
    for l1_ratio in (1.0, 0.2):
        first = Problem(X, y, s, fit_intercept=fit_intercept).first_C(l1_ratio)
        options = dict(l1_ratio=l1_ratio, fit_intercept=fit_intercept, tol=1e-10)
        assert not SoftmaxRegression(first * (1 - 1e-9), **options).fit(X, y, s).coef_.any()
        assert SoftmaxRegression(first * (1 + 1e-4), **options).fit(X, y, s).coef_.any()


# Columns and rows of every kind


def test_columns_in_another_order_have_their_coefficients_in_that_order():
    X, y = linear(n=30)
    order = np.random.default_rng(0).permutation(30)
    a, b = (SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(x, y).coef_ for x in (X, X[:, order]))
    assert np.allclose(a[:, order], b, atol=1e-7)


@pytest.mark.parametrize("K", [2, 3])
def test_a_column_twice_does_no_harm(K):
    X, y = linear(K=K)
    once = SoftmaxRegression(tol=1e-9, l1_ratio=1.0).fit(X, y)
    twice = SoftmaxRegression(tol=1e-9, l1_ratio=1.0).fit(np.hstack([X, X]), y)
    assert np.allclose(twice.coef_[:, :10] + twice.coef_[:, 10:], once.coef_, atol=1e-5)
    both = SoftmaxRegression(tol=1e-9, l1_ratio=0.5).fit(np.hstack([X, X]), y).coef_
    assert np.allclose(both[:, :10], both[:, 10:], atol=1e-5)


def test_constant_and_zero_columns_have_a_coefficient_of_exactly_zero():
    X, y = linear()
    X[:, 2], X[:, 5], X[:, 7] = 0, 3.7, 1e9
    for l1_ratio in (1.0, 0.1):
        model = SoftmaxRegression(10.0, l1_ratio=l1_ratio, tol=1e-9).fit(X, y)
        assert (model.coef_[:, [2, 5, 7]] == 0).all()


@pytest.mark.parametrize("K", [2, 3])
def test_classes_that_can_be_separated_have_an_optimum(K):
    rng = np.random.default_rng(0)
    y = np.arange(60) % K
    X = np.eye(K)[y] * 5 + rng.normal(size=(60, K)) * 0.1
    for C in (1.0, 1e4):
        assert_optimal(SoftmaxRegression(C, l1_ratio=1.0, tol=1e-8).fit(X, y), X, y, tol=1e-2)


@pytest.mark.filterwarnings("ignore:stopped after")  # columns that hardly vary beside their means
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scales_of_columns_change_what_the_penalty_says_and_nothing_else(scale):
    X, y = linear()
    X = X * np.where(np.arange(10) % 2, scale, 1)
    assert_optimal(SoftmaxRegression(3.0, l1_ratio=0.7, tol=1e-10).fit(X, y), X, y, tol=1e-3)
    X = X + np.where(np.arange(10) % 3, 0, 1e4 * abs(X).max(axis=0))
    model = SoftmaxRegression(3.0, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert np.isfinite(model.coef_).all()


def test_scales_beyond_all_reason_give_finite_numbers_or_an_error():
    X, y = linear()
    for scale in (1e-200, 1e-100, 1e100):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SoftmaxRegression(l1_ratio=0.5).fit(X * scale, y)
        assert np.isfinite(model.coef_).all()
        assert np.isfinite(model.predict_proba(X * scale)).all()


def test_float32_stays_and_agrees():
    X, y = linear()
    a, b = (SoftmaxRegression(l1_ratio=0.8).fit(x, y) for x in (X, X.astype(np.float32)))
    assert b.coef_.dtype == np.float32 and ((a.coef_ == 0) == (b.coef_ == 0)).all()
    assert np.allclose(a.coef_, b.coef_, atol=1e-4)


def collinear():
    rng = np.random.default_rng(0)
    X = 3 * rng.normal(size=(300, 1)) + rng.normal(size=(300, 60))
    y = (X[:, :4] @ rng.normal(size=(4, 3)) + rng.gumbel(size=(300, 3))).argmax(axis=1)
    return X, y


def test_strongly_correlated_columns_take_few_steps():
    X, y = collinear()
    for l1_ratio in (1.0, 0.5, 0.01):
        model = SoftmaxRegression(1.0, l1_ratio=l1_ratio, tol=1e-8).fit(X, y)
        assert model.n_iter_[0] < 40
        assert_optimal(model, X, y, tol=1e-2)


def test_more_columns_than_the_solver_takes_at_once():
    X, y = linear(m=80, n=2000, K=3)
    for l1_ratio in (1.0, 0.5):
        assert_optimal(SoftmaxRegression(1.0, l1_ratio=l1_ratio, tol=1e-9).fit(X, y), X, y)


@pytest.mark.parametrize("kind", [csr_array, csc_array])
def test_sparse_columns_are_as_dense_ones(kind):
    X, y = linear(n=20)
    X = X * (np.random.default_rng(0).random(X.shape) < 0.3)
    a = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(X, y)
    b = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(kind(X), y)
    assert np.allclose(a.coef_, b.coef_, atol=1e-7) and np.allclose(a.intercept_, b.intercept_, atol=1e-7)
    wide = kind(np.hstack([X, np.zeros((len(X), 400))]))
    c = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(wide, y)
    assert np.allclose(a.coef_, c.coef_[:, :20], atol=1e-7) and not c.coef_[:, 20:].any()


def test_rows_and_classes_of_weight_zero_are_as_left_out():
    X, y = linear(K=4)
    s = np.where(y == 2, 0.0, 1.0)
    a = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(X, y, s)
    b = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(X[s > 0], y[s > 0])
    assert np.allclose(a.coef_[[0, 1, 3]], b.coef_, atol=1e-6) and not a.coef_[2].any()
    assert (a.predict_proba(X)[:, 2] < 1e-15).all()


def test_weights_are_repetitions_and_multiply_C():
    X, y = linear()
    s = np.random.default_rng(0).integers(0, 4, len(y))
    a = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(X, y, s)
    b = SoftmaxRegression(l1_ratio=0.9, tol=1e-10).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
    c = SoftmaxRegression(7.0, l1_ratio=0.9, tol=1e-10).fit(X, y, s / 7)
    assert np.allclose(a.coef_, b.coef_, atol=1e-7) and np.allclose(a.coef_, c.coef_, atol=1e-7)


def test_probabilities_as_labels():
    X, y = linear()
    Q = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
    assert_optimal(SoftmaxRegression(1.0, l1_ratio=0.9, tol=1e-9).fit(X, Q), X, Q)
    hard = SoftmaxRegression(1.0, l1_ratio=0.9, tol=1e-9).fit(X, np.eye(3)[y])
    assert np.allclose(hard.coef_, SoftmaxRegression(1.0, l1_ratio=0.9, tol=1e-9).fit(X, y).coef_)


def test_a_warm_start_ends_where_a_cold_one_does_and_at_once():
    X, y = linear(n=40)
    model = SoftmaxRegression(l1_ratio=1.0, warm_start=True, tol=1e-9).fit(X, y)
    first = model.coef_.copy()
    assert model.fit(X, y).n_iter_[0] <= 1 and np.allclose(model.coef_, first, atol=1e-7)
    warm = model.set_params(C=3.0).fit(X, y).coef_
    assert np.allclose(warm, SoftmaxRegression(3.0, l1_ratio=1.0, tol=1e-9).fit(X, y).coef_, atol=1e-6)


def test_l1_ratio_zero_is_what_it_was_and_nearly_zero_is_near():
    X, y = linear()
    a, b = (SoftmaxRegression(l1_ratio=r, tol=1e-9).fit(X, y).coef_ for r in (0, 1e-9))
    assert np.allclose(a, b, atol=1e-6)
    assert np.allclose(a, SoftmaxRegression(tol=1e-9).fit(X, y).coef_)
    free = SoftmaxRegression(np.inf, l1_ratio=0.5).fit(X, y).coef_
    assert np.allclose(free, SoftmaxRegression(np.inf).fit(X, y).coef_)


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan, np.inf, "half", None, True, [0.5], 1j])
def test_a_share_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="l1_ratio"):
        SoftmaxRegression(l1_ratio=value).fit([[0], [1]], [0, 1])


def test_there_are_no_standard_errors_after_a_choice():
    X, y = linear()
    model = SoftmaxRegression(l1_ratio=0.5).fit(X, y)
    for f in (model.standard_errors, model.summary):
        with pytest.raises(ValueError, match=r"l1_ratio=0\.5 there are no valid standard errors"):
            f(X)
    assert len(SoftmaxRegression(np.inf, l1_ratio=0.5).fit(X, y).summary(X).rows) == 22


def test_too_few_steps_are_said():
    X, y = linear()
    with pytest.warns(UserWarning, match=r"stopped after 1 Newton steps .*\(relative gap at most"):
        SoftmaxRegression(10.0, l1_ratio=1.0, max_iter=1).fit(X, y)


def test_nothing_underflows():
    X, y = linear()
    with np.errstate(all="raise"):
        for l1_ratio in (0.0, 0.5, 1.0):
            for scale in (1, 1e4):
                for dtype in (np.float32, np.float64):
                    model = SoftmaxRegression(100.0, l1_ratio=l1_ratio).fit((scale * X).astype(dtype), y)
                    model.predict_proba((scale * X).astype(dtype))


def test_no_column_enters_and_there_is_no_intercept():
    X, y = linear(n=500)
    model = SoftmaxRegression(1e-4, l1_ratio=1.0, fit_intercept=False).fit(X, y)
    assert not model.coef_.any() and np.allclose(model.predict_proba(X), 1 / 3)


@pytest.mark.parametrize(("m", "n", "K", "C"), [(24, 100, 12, 20.0), (100, 300, 2, 100.0), (60, 40, 5, 1e3)])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_many_classes_many_columns_and_hardly_a_penalty(m, n, K, C, l1_ratio):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(m, n)) + 3 * rng.normal(size=(m, 1)), np.arange(m) % K
    s = rng.uniform(0.01, 3, m)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-8).fit(X, y, s)
    assert_optimal(model, X, y, s, tol=1e-2)


# Paths


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3, 0.0])
def test_a_path_is_single_fits(K, l1_ratio):
    X, y = linear(n=30, K=K)
    path = softmax_path(X, y, Cs=8, l1_ratio=l1_ratio, tol=1e-9)
    assert path.coefs.shape == (8, 1 if K == 2 else K, 30) and (path.gaps <= 1e-11).all()
    if l1_ratio:
        assert not path.coefs[0].any() and path.coefs[1].any()
        assert np.isclose(path.Cs[-1], 1000 * path.Cs[0])
    for i in (1, 4, 7):
        cold = SoftmaxRegression(path.Cs[i], l1_ratio=l1_ratio, tol=1e-9).fit(X, y)
        assert np.allclose(cold.coef_, path.coefs[i], atol=1e-5)
        assert np.allclose(cold.intercept_, path.intercepts[i], atol=1e-5)


def test_a_path_takes_Cs_in_any_order_and_refuses_what_is_none():
    X, y = linear()
    assert softmax_path(X, y, Cs=[3, 1, 2]).Cs.tolist() == [1, 2, 3]
    for wrong in (0, -1, [], [0.0], [-1, 1], [np.nan], "many", [[1.0]], None, 2.5, True):
        with pytest.raises(ValueError, match="Cs must be"):
            softmax_path(X, y, Cs=wrong)
        with pytest.raises(ValueError, match="Cs must be"):
            SoftmaxRegressionCV(Cs=wrong).fit(X, y)
    flat = softmax_path(np.zeros((4, 2)), [0, 1, 0, 1], Cs=3)
    assert not flat.coefs.any()


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3, 0.0])
def test_a_path_of_uneven_steps_is_single_fits(l1_ratio):
    X, y = linear(m=600, n=30)
    Cs = [0.01, 0.3, 0.3001, 100.0, np.inf] if l1_ratio == 0 else [0.01, 0.3, 0.3001, 100.0]
    path = softmax_path(X, y, Cs=Cs, l1_ratio=l1_ratio, tol=1e-9)
    for C, W in zip(Cs, path.coefs, strict=True):
        assert np.allclose(SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9).fit(X, y).coef_, W, atol=1e-4)


def test_a_path_says_which_were_not_reached():
    X, y = linear()
    with pytest.warns(UserWarning, match="fits stopped before tol"):
        softmax_path(X, y, Cs=[1.0, 100.0], max_iter=1)


# Cross-validation


@parametrize_with_checks(
    [SoftmaxRegressionCV(Cs=2, cv=3), SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2, l1_ratios=[0.5], rule="one_se")]
)
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_scores_and_choice_are_scikit_learns(K, l1_ratio):
    X, y = linear(K=K)
    Cs = [0.1, 0.3, 1.0, 10.0]
    ours = SoftmaxRegressionCV(Cs, [l1_ratio], 5, tol=1e-9).fit(X, y)
    solver = {"solver": "saga", "max_iter": 5000} if l1_ratio else {"solver": "newton-cholesky"}
    theirs = LogisticRegressionCV(
        Cs=Cs, l1_ratios=[l1_ratio], cv=5, scoring="neg_log_loss", tol=1e-8, use_legacy_attributes=False, **solver
    ).fit(X, y)
    assert np.allclose(ours.scores_.ravel(), theirs.scores_.ravel(), atol=1e-4)
    assert ours.C_ == theirs.C_ and ours.l1_ratio_ == theirs.l1_ratio_ == l1_ratio
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-3)
    assert ours.coefs_paths_.shape == (5, 1, 4, 1 if K == 2 else K, 11)
    assert ours.n_iter_.shape == ours.scores_.shape == (5, 1, 4)


@pytest.mark.parametrize("names", [[0, 1, 2], ["c", "a", "b"]])
def test_folds_are_scikit_learns_stratified_ones(names):
    X, y = linear(m=47)
    y = np.array(names)[y]
    a = SoftmaxRegressionCV([1.0], cv=4).fit(X, y)
    b = SoftmaxRegressionCV([1.0], cv=StratifiedKFold(4)).fit(X, y)
    c = SoftmaxRegressionCV([1.0], cv=list(StratifiedKFold(4).split(X, y))).fit(X, y)
    assert np.array_equal(a.scores_, b.scores_) and np.array_equal(a.scores_, c.scores_)


def test_a_score_is_that_of_the_rows_left_out_by_hand():
    X, y = linear()
    cv = ShuffleSplit(3, random_state=0)
    s = np.random.default_rng(0).uniform(0, 2, len(y))
    model = SoftmaxRegressionCV([0.1, 1.0], [0.3, 1.0], cv, tol=1e-9).fit(X, y, s)
    for i, (train, test) in enumerate(cv.split(X)):
        for a, l1_ratio in enumerate((0.3, 1.0)):
            for c, C in enumerate((0.1, 1.0)):
                one = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9).fit(X[train], y[train], s[train])
                expected = -log_loss(y[test], one.predict_proba(X[test]), sample_weight=s[test])
                assert np.isclose(model.scores_[i, a, c], expected, atol=1e-7)
                assert np.allclose(model.coefs_paths_[i, a, c, :, :-1], one.coef_, atol=1e-5)
    a, c = np.unravel_index(model.scores_.mean(axis=0).argmax(), (2, 2))
    assert (model.C_, model.l1_ratio_) == (model.Cs_[c], model.l1_ratios_[a])


def test_one_standard_error_takes_the_strongest_penalty_within():
    X, y = linear(n=40)
    model = SoftmaxRegressionCV(np.geomspace(0.03, 3, 20), [1.0], rule="one_se").fit(X, y)
    mean = model.scores_[:, 0].mean(axis=0)
    best = mean.argmax()
    limit = mean[best] - model.scores_[:, 0, best].std(ddof=1) / 5**0.5
    assert model.C_ == model.Cs_[np.flatnonzero(mean >= limit)[0]] < model.Cs_[best]


def test_without_refit_coefficients_are_averages():
    X, y = linear()
    model = SoftmaxRegressionCV([0.1, 1.0], refit=False).fit(X, y)
    c = list(model.Cs_).index(model.C_)
    assert np.allclose(model.coef_, model.coefs_paths_[:, 0, c, :, :-1].mean(axis=0))


def test_scorings_of_every_kind():
    X, y = linear()
    fits = [
        SoftmaxRegressionCV([0.1, 1.0], scoring=scoring).fit(X, y).scores_
        for scoring in ("accuracy", lambda model, X, y: model.score(X, y), "balanced_accuracy", "neg_log_loss", None)
    ]
    assert np.array_equal(fits[0], fits[1]) and fits[2].shape == fits[0].shape
    assert np.array_equal(fits[3], fits[4]) and (fits[4] < 0).all()


def test_groups_go_to_the_splitter():
    X, y = linear()
    groups = np.arange(len(y)) // 10
    model = SoftmaxRegressionCV([1.0], cv=GroupKFold(4)).fit(X, y, groups=groups)
    by_hand = SoftmaxRegressionCV([1.0], cv=GroupKFold(4).split(X, y, groups)).fit(X, y)
    assert np.array_equal(model.scores_, by_hand.scores_)
    with pytest.raises(ValueError, match="GroupKFold"):
        SoftmaxRegressionCV([1.0]).fit(X, y, groups=groups)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cv": 1}, "cv must be at least 2 folds, got 1"),
        ({"cv": 50}, "cv=50 folds are more"),
        ({"cv": "five"}, "cv must be a number of folds"),
        ({"cv": []}, "no folds"),
        ({"cv": [([0, 1, 2], [999])]}, "rows that X does not have"),
        ({"cv": [([0, 1, 50], [])]}, "no rows"),
        ({"rule": "lucky"}, "rule must be"),
        ({"l1_ratios": [1.5]}, "l1_ratios must be"),
        ({"l1_ratios": []}, "l1_ratios must be"),
        ({"l1_ratios": 0.5}, "l1_ratios must be"),
        ({"scoring": "luck"}, "scoring"),
        ({"scoring": 3}, "scoring must be"),
        ({"scoring": lambda *_: np.nan}, "finite"),
        ({"refit": "yes"}, "refit must be"),
        ({"tol": 0}, "tol must be"),
        ({"label_smoothing": 2}, "label_smoothing"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    X, y = linear(m=90)
    with pytest.raises(ValueError, match=said):
        SoftmaxRegressionCV(**options).fit(X, y)


def test_a_rare_class_is_said():
    X, y = linear()
    y[y == 2] = 1
    y[[0, 1, 60]] = 2
    with pytest.warns(UserWarning, match="rarest class has 3 examples"):
        model = SoftmaxRegressionCV([0.1, 1.0], cv=5).fit(X, y)
    assert model.predict_proba(X).shape == (120, 3) and np.isfinite(model.scores_).all()


def test_rows_of_probabilities_sparse_columns_and_data_frames():
    pandas = pytest.importorskip("pandas")
    X, y = linear()
    plain = SoftmaxRegressionCV([0.1, 1.0], [1.0], cv=StratifiedKFold(3)).fit(X, y)
    soft = SoftmaxRegressionCV([0.1, 1.0], [1.0], cv=list(StratifiedKFold(3).split(X, y))).fit(X, np.eye(3)[y])
    thin = SoftmaxRegressionCV([0.1, 1.0], [1.0], cv=3).fit(csr_array(X), y)
    frame = SoftmaxRegressionCV([0.1, 1.0], [1.0], cv=3).fit(pandas.DataFrame(X, columns=list("abcdefghij")), y)
    for other in (soft, thin, frame):
        assert np.allclose(other.scores_, plain.scores_, atol=1e-6)
    assert frame.feature_names_in_.tolist() == list("abcdefghij")


def test_a_model_chosen_is_cloned_pickled_and_summed_up():
    import pickle

    X, y = load_iris(return_X_y=True)
    model = SoftmaxRegressionCV([0.1, 1.0]).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()
    direct = SoftmaxRegression(model.C_).fit(X, y).standard_errors(X)[0]
    assert np.allclose(model.standard_errors(X)[0], direct, rtol=1e-3)
    with pytest.raises(ValueError, match="no valid standard errors"):
        SoftmaxRegressionCV([0.1, 1.0], [1.0]).fit(X, y).summary(X)


def test_paths_of_digits_have_exact_zeros_and_proofs():
    X, y = load_digits(return_X_y=True)
    path = softmax_path(X[:500] / 16, y[:500], Cs=[0.1, 1.0, 10.0])
    assert (path.gaps <= 1e-8).all() and ((path.coefs == 0).mean(axis=(1, 2)) > 0.5).all()
    assert (np.diff((path.coefs != 0).sum(axis=(1, 2))) > 0).all()


@pytest.mark.parametrize("folds", [2, 3])
def test_one_standard_error_is_taken_of_any_number_of_folds(folds):
    X, y = load_iris(return_X_y=True)
    found = SoftmaxRegressionCV(cv=folds, Cs=20, rule="one_se").fit(X, y)
    mean, deviation = found.scores_[:, 0].mean(axis=0), found.scores_[:, 0].std(axis=0, ddof=1)
    best = mean.argmax()
    least = mean[best] - deviation[best] / math.sqrt(folds)
    assert found.C_ == found.Cs_[np.flatnonzero(mean >= least)[0]]
    assert found.C_ < found.Cs_[best]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.6])
@pytest.mark.parametrize("C", [0.1, 10.0, 1000.0])
def test_sparse_columns_take_the_steps_of_dense_ones(C, l1_ratio):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(0)
    for m, n, density in ((69, 25, 1.0), (45, 39, 0.5), (300, 60, 0.1)):
        X = np.where(rng.random((m, n)) < density, rng.normal(size=(m, n)), 0) * 10 ** rng.uniform(-1, 1, n)
        y = rng.integers(0, 3, m)
        model, same = (SoftmaxRegression(C, l1_ratio=l1_ratio).fit(A, y) for A in (sparse.csr_array(X), X))
        assert abs(model.n_iter_.max() - same.n_iter_.max()) <= 0.3 * same.n_iter_.max() + 2
        assert np.abs(model.predict_proba(X) - same.predict_proba(X)).max() < 1e-3
