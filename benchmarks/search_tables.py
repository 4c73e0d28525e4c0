# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""Train scikit-learn's small models on its own data over grids of hyperparameters: makes search_tables.npz.

python benchmarks/search_tables.py     (about ten minutes on two cores)
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["PYTHONWARNINGS"] = "ignore"

from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

FILE = Path(__file__).with_name("search_tables.npz")


def split(load, size=None):
    """Standardised training and validation rows: X, V, y, w."""
    X, y = load(return_X_y=True)
    regression = load is load_diabetes
    if regression:
        y = (y - y.mean()) / y.std()
    X, V, y, w = train_test_split(X, y, test_size=0.4, random_state=0, stratify=None if regression else y)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X)[:size], scaler.transform(V), y[:size], w


CANCER, DIABETES, WINE = split(load_breast_cancer), split(load_diabetes), split(load_wine)
DIGITS = split(load_digits, 500)


def nll(model, X, V, y, w):
    """Mean log loss on the validation rows; 3 for a model that is worse, or diverged."""
    try:
        return min(3.0, log_loss(w, np.nan_to_num(model.fit(X, y).predict_proba(V), nan=0.1)))
    except ValueError:
        return 3.0


def mse(model, X, V, y, w):
    """Mean squared error on the validation rows; 2 for a model that is worse, or diverged."""
    try:
        return min(2.0, float(np.mean((model.fit(X, y).predict(V) - w) ** 2)))
    except ValueError:
        return 2.0


def svm_digits(C, gamma):
    X, V, y, w = DIGITS
    return float(np.mean(SVC(C=C, gamma=gamma).fit(X, y).predict(V) != w))


def svr_diabetes(C, gamma, epsilon):
    return mse(SVR(C=C, gamma=gamma, epsilon=epsilon), *DIABETES)


def boosting_diabetes(learning_rate, max_depth, subsample, n_estimators):
    model = GradientBoostingRegressor(
        learning_rate=learning_rate,
        max_depth=max_depth,
        subsample=subsample,
        n_estimators=n_estimators,
        random_state=0,
    )
    return mse(model, *DIABETES)


def mlp_digits(learning_rate, hidden, batch, alpha, beta1):
    model = MLPClassifier(
        hidden_layer_sizes=(hidden,),
        learning_rate_init=learning_rate,
        batch_size=batch,
        alpha=alpha,
        beta_1=beta1,
        max_iter=12,
        random_state=0,
    )
    return nll(model, *DIGITS)


def mlp_diabetes(learning_rate, momentum, hidden, batch, activation):
    model = MLPRegressor(
        hidden_layer_sizes=(hidden,),
        solver="sgd",
        learning_rate_init=learning_rate,
        momentum=momentum,
        batch_size=batch,
        activation=activation,
        max_iter=15,
        random_state=0,
    )
    return mse(model, *DIABETES)


def forest_cancer(max_features, min_samples_leaf, max_depth, criterion):
    model = RandomForestClassifier(
        40,
        max_features=max_features,
        min_samples_leaf=min_samples_leaf,
        max_depth=max_depth,
        criterion=criterion,
        random_state=0,
    )
    return nll(model, *CANCER)


def sgd_digits(alpha, eta0, power_t, l1_ratio):
    model = SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        alpha=alpha,
        l1_ratio=l1_ratio,
        eta0=eta0,
        learning_rate="invscaling",
        power_t=power_t,
        max_iter=15,
        tol=None,
        random_state=0,
    )
    return nll(model, *DIGITS)


def knn_wine(n_neighbors, p, weights):
    return nll(KNeighborsClassifier(n_neighbors, p=p, weights=weights), *WINE)


def logs(low, high, n):
    return [float(v) for v in np.geomspace(low, high, n)]


GRIDS = {
    svm_digits: dict(C=logs(1e-2, 1e4, 19), gamma=logs(1e-6, 1, 19)),
    svr_diabetes: dict(C=logs(1e-3, 1e3, 11), gamma=logs(1e-5, 1, 11), epsilon=logs(1e-3, 2, 7)),
    boosting_diabetes: dict(
        learning_rate=logs(1e-3, 1, 9),
        max_depth=[1, 2, 3, 5, 8],
        subsample=[0.2, 0.4, 0.6, 0.8, 1.0],
        n_estimators=[10, 20, 40, 80, 160, 320],
    ),
    mlp_digits: dict(
        learning_rate=logs(1e-4, 1, 9),
        hidden=[5, 10, 20, 50, 100],
        batch=[8, 24, 72, 200],
        alpha=logs(1e-5, 1, 4),
        beta1=[0.5, 0.8, 0.9, 0.99],
    ),
    mlp_diabetes: dict(
        learning_rate=logs(1e-5, 1, 11),
        momentum=[0.0, 0.5, 0.9, 0.99],
        hidden=[2, 6, 20, 60],
        batch=[4, 16, 64, 256],
        activation=["tanh", "relu"],
    ),
    forest_cancer: dict(
        max_features=[0.03, 0.1, 0.2, 0.4, 0.7, 1.0],
        min_samples_leaf=[1, 2, 4, 8, 16, 32],
        max_depth=[1, 2, 3, 5, 8, 13],
        criterion=["gini", "entropy"],
    ),
    sgd_digits: dict(
        alpha=logs(1e-6, 1, 9), eta0=logs(1e-4, 10, 9), power_t=[0.0, 0.25, 0.5, 1.0], l1_ratio=[0.0, 0.5, 1.0]
    ),
    knn_wine: dict(n_neighbors=list(range(1, 41)), p=[1.0, 1.5, 2.0, 3.0, 5.0, 8.0], weights=["uniform", "distance"]),
}

if __name__ == "__main__":
    tables = {}
    for model, grid in GRIDS.items():
        losses = Parallel(2)(delayed(model)(*values) for values in product(*grid.values()))
        tables[model.__name__] = np.array(losses, np.float32).reshape([len(v) for v in grid.values()])
        np.savez_compressed(FILE, **tables)
