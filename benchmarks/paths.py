# ruff: noqa: E402
"""L1, elastic net and their paths beside scikit-learn, interleaved in one run, as ratios of medians, on one thread.

1. SoftmaxRegression with l1_ratio, default tol (a relative gap of at most 1e-8), beside saga with the loosest tol of
   a ladder that reaches the same gap.
2. SoftmaxRegressionCV beside LogisticRegressionCV on the same folds and Cs, its tol the loosest that reaches a gap of
   1e-8 at the C that is chosen: lbfgs for l1_ratio=0, saga for 1.

A peer that takes longer than two minutes is stopped; the ratio is then at most what is printed.
`python benchmarks/paths.py single` or `chosen` prints one table alone.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys
import warnings
from time import perf_counter

import numpy as np
from classifiers import linear, within
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from dlnotes import SoftmaxRegression, SoftmaxRegressionCV, cross_entropy

LIMIT = 120


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


def ratio(ours, theirs, taken, rounds=5):
    "Our time over theirs: of medians, one after the other in every round; one run of theirs will do if it is long"
    if theirs is None or taken > 20:
        rounds, theirs = 3, None

    def seconds(f):
        start = perf_counter()
        f()
        return perf_counter() - start

    both = [(seconds(ours), seconds(theirs) if theirs else taken) for _ in range(rounds)]
    a, b = np.median(both, axis=0)
    return a, b, a / b


def row(name, l1_ratio, a, b, r, stopped):
    print(f"  {name:28s}{l1_ratio:8.1f}{a:10.3f} s{'>' if stopped else ' '}{b:9.2f} s{r:12.4f}", flush=True)


def single():
    print("SoftmaxRegression beside saga: our time, its time, and the ratio")
    for name, X, y, C in problems():
        for l1_ratio in (1.0, 0.5):
            best = objective(SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9).fit(X, y), X, y, C, l1_ratio)
            make = lambda tol, C=C, r=l1_ratio: LogisticRegression(
                C=C, l1_ratio=r, solver="saga", tol=tol, max_iter=100_000
            )
            reached = lambda m, C=C, r=l1_ratio, b=best, X=X, y=y: objective(m, X, y, C, r) / b - 1 <= 1e-8
            theirs, taken = ladder(make, X, y, reached)
            ours = lambda C=C, r=l1_ratio, X=X, y=y: SoftmaxRegression(C, l1_ratio=r).fit(X, y)
            row(name, l1_ratio, *ratio(ours, theirs, taken), theirs is None)
    print()


def chosen():
    print("SoftmaxRegressionCV beside LogisticRegressionCV, 10 Cs, 5 folds: our time, its time, and the ratio")
    for name, X, y, C in problems():
        for l1_ratio in (0.0, 1.0):
            Cs = np.geomspace(C / 30, 3 * C, 10) if l1_ratio else np.logspace(-4, 4, 10)
            mine = SoftmaxRegressionCV(Cs, [l1_ratio]).fit(X, y)
            best = objective(SoftmaxRegression(mine.C_, l1_ratio=l1_ratio, tol=1e-9).fit(X, y), X, y, mine.C_, l1_ratio)
            make = lambda tol, Cs=Cs, r=l1_ratio: LogisticRegressionCV(
                Cs=Cs, l1_ratios=[r], cv=5, scoring="neg_log_loss", solver="saga" if r else "lbfgs", tol=tol,
                max_iter=100_000, use_legacy_attributes=False,
            )  # fmt: skip

            def reached(m, C=mine.C_, r=l1_ratio, b=best, X=X, y=y):
                return m.C_ != C or objective(m, X, y, C, r) / b - 1 <= 1e-8

            theirs, taken = ladder(make, X, y, reached)
            ours = lambda Cs=Cs, r=l1_ratio, X=X, y=y: SoftmaxRegressionCV(Cs, [r]).fit(X, y)
            row(name, l1_ratio, *ratio(ours, theirs, taken, 3), theirs is None)
    print()


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in (single, chosen):
            if len(sys.argv) < 2 or table.__name__ in sys.argv:
                table()
