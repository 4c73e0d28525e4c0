"""L1, elastic net and their paths, beside scikit-learn's saga, or lbfgs where there is no L1.

1. SoftmaxRegression with l1_ratio, default tol (a relative gap of at most 1e-8), beside the loosest tol of a ladder
   that reaches the same gap.
2. SoftmaxRegressionCV beside LogisticRegressionCV on the same folds and Cs, its tol the loosest that reaches a gap of
   1e-8 at the C that is chosen.

A peer that takes longer than a quarter of a minute is stopped: the ratio is then at most what is shown.
"""

from functools import partial

import numpy as np
from bench import Case
from classifiers import linear, within
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from dlnotes import SoftmaxRegression, SoftmaxRegressionCV, cross_entropy

LIMIT = 15


def few(m, n, K, correlated=0.0):
    "Eight columns matter; all share a part of their variance"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m, n)) + correlated * rng.normal(size=(m, 1))
    return X, (X[:, :8] @ rng.normal(size=(8, K)) + rng.gumbel(size=(m, K))).argmax(axis=1)


def standardised(X):
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)


def problems():
    X, y = load_digits(return_X_y=True)
    yield "digits", standardised(X), y, 0.1
    yield "200 x 2000 x 2", *few(200, 2000, 2), 1.0
    yield "200 x 2000 x 3", *few(200, 2000, 3), 1.0
    yield "20000 x 50 x 5", *linear(20000, 50, 5, 0), 0.01
    yield "1000 x 100 x 3, correlated", *few(1000, 100, 3, 3.0), 0.1


def objective(model, X, y, C, l1_ratio):
    z = X @ model.coef_.T + model.intercept_
    z = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
    penalty = (1 - l1_ratio) / 2 * np.sum(model.coef_**2) + l1_ratio * abs(model.coef_).sum()
    return C * cross_entropy(z, y, reduction="sum")[0] + penalty


def ladder(make, X, y, reached):
    "The peer with the loosest tol that does it, and its seconds; None and the limit if that takes too long"
    for tol in 10.0 ** -np.arange(2, 11):
        taken, model = within(LIMIT, lambda tol=tol: make(tol).fit(X, y))
        if model is None:
            return None, LIMIT
        if reached(model):
            return (lambda tol=tol: make(tol).fit(X, y)), taken
    return None, LIMIT


def case(name, ours, theirs, taken, peer):
    if theirs is None:
        return Case(f"{name} (theirs was stopped)", ours, None, peer, taken=LIMIT)
    return Case(name, ours, theirs, peer) if taken < 5 else Case(name, ours, None, peer, taken=taken)


def single():
    for name, X, y, C in problems():
        for l1_ratio in (1.0, 0.5) if name == "digits" else (1.0,):
            best = objective(SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9).fit(X, y), X, y, C, l1_ratio)
            options = {"C": C, "l1_ratio": l1_ratio, "solver": "saga", "max_iter": 100_000}
            make = lambda tol, options=options: LogisticRegression(tol=tol, **options)
            reached = lambda m, C=C, r=l1_ratio, b=best, X=X, y=y: objective(m, X, y, C, r) / b - 1 <= 1e-8
            ours = partial(SoftmaxRegression(C, l1_ratio=l1_ratio).fit, X, y)
            yield case(f"one fit, l1_ratio {l1_ratio:g}, {name}", ours, *ladder(make, X, y, reached), "saga")


def chosen():
    for name, X, y, C in problems():
        if name not in ("200 x 2000 x 3", "1000 x 100 x 3, correlated"):
            continue
        for l1_ratio in (0.0, 1.0):
            Cs = np.geomspace(C / 30, 3 * C, 10) if l1_ratio else np.logspace(-4, 4, 10)
            mine = SoftmaxRegressionCV(Cs, [l1_ratio]).fit(X, y)
            best = objective(SoftmaxRegression(mine.C_, l1_ratio=l1_ratio, tol=1e-9).fit(X, y), X, y, mine.C_, l1_ratio)
            solver = "saga" if l1_ratio else "lbfgs"
            options = {"Cs": Cs, "l1_ratios": [l1_ratio], "cv": 5, "scoring": "neg_log_loss", "solver": solver}
            options |= {"max_iter": 100_000, "use_legacy_attributes": False}
            make = lambda tol, options=options: LogisticRegressionCV(tol=tol, **options)

            def reached(m, C=mine.C_, r=l1_ratio, b=best, X=X, y=y):
                return m.C_ != C or objective(m, X, y, C, r) / b - 1 <= 1e-8

            ours = partial(SoftmaxRegressionCV(Cs, [l1_ratio]).fit, X, y)
            yield case(f"C chosen, l1_ratio {l1_ratio:g}, {name}", ours, *ladder(make, X, y, reached), solver)


def cases(threads, compiled):
    yield from single()
    yield from chosen()
