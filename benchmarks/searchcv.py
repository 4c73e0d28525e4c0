# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How good are the models that SearchCV finds? Beside scikit-learn's random searches, for the same number of fits.

    python benchmarks/searchcv.py           the stored results
    python benchmarks/searchcv.py --run     computes what is missing, keeps it, and shows all

Ten tasks, each with four or five hyperparameters, cross-validated on five folds of a small part of the data; the rest
is held out, and says how good the best candidate is once it is fitted to all of that part. All searches have the same
space, in the words of scipy.stats. A fit is a fit, though HalvingRandomSearchCV's first ones have fewer rows. The
error is 1 - accuracy or 1 - R2, its ratio to RandomizedSearchCV's a geometric mean over the tasks of means over seeds;
the 95 % intervals resample the tasks and the seeds. `--run` may be stopped, and goes on with the next task.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import math
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn import config_context, datasets
from sklearn.base import clone, is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from dlnotes import SearchCV

FILE = Path(__file__).parents[1] / "dlnotes" / "recorded" / "searchcv.json"
BUDGETS = (100, 200)  # fits: of 20 and of 40 candidates, on 5 folds
FOLDS = 5
SEEDS = 10
FLOOR = 1e-3  # less error counts as this


# The tasks


def photographs():
    """Which of two photographs a patch of 4 x 4 pixels is from."""
    patches = [p[i : i + 4, j : j + 4].ravel() for p in datasets.load_sample_images().images
               for i in range(0, 400, 16) for j in range(0, 600, 16)]  # fmt: skip
    return np.array(patches) / 255.0, np.repeat([0, 1], len(patches) // 2)


def column(load, j):
    """A table in which one of the columns is to be told from the others."""
    X = load().data
    return np.delete(X, j, axis=1), X[:, j]


def digits(parity=False):
    X, y = datasets.load_digits(return_X_y=True)
    return X, y % 2 if parity else y


WIDE = {"C": loguniform(1e-3, 1e4), "gamma": loguniform(1e-6, 10), "kernel": ["rbf", "poly", "sigmoid"]}
CLASSIFIER = SVC(max_iter=2000), WIDE | {"coef0": uniform(0, 1), "class_weight": [None, "balanced"]}
REGRESSOR = SVR(max_iter=2000), WIDE | {"coef0": uniform(0, 1), "epsilon": uniform(0, 0.5)}
SMOOTHER = KernelRidge(), {"alpha": loguniform(1e-6, 1e2), "gamma": loguniform(1e-6, 10), "degree": randint(1, 6),
                           "kernel": ["rbf", "laplacian", "poly"]}  # fmt: skip

# The data, how many rows to search with, the model and its space.
TASKS = {
    "cancer": (lambda: datasets.load_breast_cancer(return_X_y=True), 150, *CLASSIFIER),
    "wine": (lambda: datasets.load_wine(return_X_y=True), 80, *CLASSIFIER),
    "iris": (lambda: datasets.load_iris(return_X_y=True), 75, *CLASSIFIER),
    "digits": (digits, 250, *CLASSIFIER),
    "parity of digits": (lambda: digits(parity=True), 200, *CLASSIFIER),
    "photographs": (photographs, 200, *CLASSIFIER),
    "diabetes": (lambda: datasets.load_diabetes(return_X_y=True), 200, *REGRESSOR),
    "alcohol of wine": (lambda: column(datasets.load_wine, 0), 90, *REGRESSOR),
    "texture of cancer": (lambda: column(datasets.load_breast_cancer, 1), 200, *SMOOTHER),
    "friedman": (lambda: datasets.make_friedman1(2000, noise=1.0, random_state=0), 150, *REGRESSOR),
}


def task(name, seed):
    """The model, its space, and data to search with and to hold out: inputs, outputs."""
    load, rows, model, space = TASKS[name]
    X, y = load()
    classes = y if is_classifier(model) else None
    X, X_out, y, y_out = train_test_split(X, y, train_size=rows, random_state=seed, stratify=classes)
    scale = StandardScaler().fit(X)
    if classes is None:
        mean, spread = y.mean(), y.std()
        y, y_out = (y - mean) / spread, (y_out - mean) / spread
    return model, space, scale.transform(X), y, scale.transform(X_out), y_out


# The searches: each fits, and gives for each budget the best candidate's place in cv_results_ and its row


def best(table, rows):
    score = np.asarray(table["mean_test_score"])[:rows]
    return int(np.nanargmax(np.where(np.isfinite(score), score, -np.inf)))


def random(model, space, X, y, seed):
    search = RandomizedSearchCV(model, space, n_iter=BUDGETS[-1] // FOLDS, cv=FOLDS, random_state=seed, refit=False)
    table = search.fit(X, y).cv_results_
    return {"RandomizedSearchCV": (table, [best(table, budget // FOLDS) for budget in BUDGETS])}


def halving(model, space, X, y, seed):
    """With 13 + 5 + 2 and with 27 + 9 + 3 candidates: 100 and 195 fits."""
    options = dict(min_resources="exhaust", cv=FOLDS, random_state=seed, refit=False)
    runs = [HalvingRandomSearchCV(model, space, n_candidates=n, **options).fit(X, y) for n in (13, 27)]
    table = {k: [s.cv_results_[k][s.best_index_] for s in runs] for k in ("params", "mean_test_score")}
    return {"HalvingRandomSearchCV": (table, [0, 1])}


def ours(model, space, X, y, seed):
    search = SearchCV(model, space, n_trials=BUDGETS[-1] // FOLDS, cv=FOLDS, random_state=seed, refit=False).fit(X, y)
    table, counts = search.cv_results_, [budget // FOLDS for budget in BUDGETS]
    return {
        "SearchCV": (table, [best(table, n) for n in counts]),
        "SearchCV, recommended": (table, [search.search_.first(n).recommended.number for n in counts]),
    }


def racing(model, space, X, y, seed):
    search = SearchCV(model, space, n_trials=60, cv=FOLDS, random_state=seed, refit=False, race=True).fit(X, y)
    table = search.cv_results_
    fits = np.cumsum(sum(np.isfinite(table[f"split{j}_test_score"]) for j in range(FOLDS)))
    return {"SearchCV, race": (table, [best(table, np.searchsorted(fits, b, side="right")) for b in BUDGETS])}


SEARCHES = "RandomizedSearchCV", "HalvingRandomSearchCV", "SearchCV", "SearchCV, recommended", "SearchCV, race"


def run(name, seed):
    """For each search and budget, the score of its choice in cross-validation and on what was held out."""
    model, space, X, y, X_out, y_out = task(name, seed)
    scores = {}
    with warnings.catch_warnings(), config_context(skip_parameter_validation=True, assume_finite=True):
        warnings.simplefilter("ignore")
        for how in (random, halving, ours, racing):
            for search, (table, places) in how(model, space, X, y, seed).items():
                fitted = [clone(model).set_params(**table["params"][i]).fit(X, y) for i in places]
                within = [float(table["mean_test_score"][i]) for i in places]
                out = [float(m.score(X_out, y_out)) for m in fitted]
                scores[search] = [[round(a, 6), round(b, 6)] for a, b in zip(within, out, strict=True)]
    return scores


# Keeping and showing


def keep(results):
    lines = ",\n".join(f'"{name}": [\n' + ",\n".join(map(json.dumps, of)) + "]" for name, of in results.items())
    part = FILE.with_suffix(".part")
    part.write_text("{" + lines + "}\n")
    part.replace(FILE)


def stored():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def errors(results, search, what, budget):
    """1 - score, shape (tasks, seeds): in cross-validation (what=0) or held out (what=1)."""
    of = [[seed[search][BUDGETS.index(budget)][what] for seed in results[name]] for name in TASKS]
    return 1 - np.array(of)


def ratio(ours, theirs, draws=2000):
    """The geometric mean over tasks of the ratio of mean errors, and its 95 % interval."""

    def mean(rows, seeds):
        each = [np.maximum(error[rows][:, seeds].mean(axis=1), FLOOR) for error in (ours, theirs)]
        return math.exp(np.mean(np.log(each[0] / each[1])))

    rng = np.random.default_rng(0)
    n, m = ours.shape
    drawn = [mean(rng.integers(n, size=n), rng.integers(m, size=m)) for _ in range(draws)]
    return mean(np.arange(n), np.arange(m)), *np.quantile(drawn, [0.025, 0.975])


def show(results):
    seeds = min(len(of) for of in results.values())
    results = {name: of[:seeds] for name, of in results.items()}
    print(f"error beside RandomizedSearchCV's after {BUDGETS[-1]} fits, {len(TASKS)} tasks, {seeds} seeds:\n")
    print(f"{'':24}{'fits':>5}   {'held out':<22}   {'in cross-validation':<22}")
    for search in SEARCHES:
        for budget in BUDGETS:
            row = []
            for what in (1, 0):
                theirs = errors(results, "RandomizedSearchCV", what, BUDGETS[-1])
                row.append("{:.3f} ({:.3f} to {:.3f})".format(*ratio(errors(results, search, what, budget), theirs)))
            print(f"{search:24}{budget:5}   {row[0]:<22}   {row[1]:<22}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    args, results = parser.parse_args(), stored()
    for seed in range(SEEDS if args.run else 0):
        for name in TASKS:
            if len(of := results.setdefault(name, [])) == seed:
                of.append(run(name, seed))
                keep(results)
        print(f"seed {seed} is done", flush=True)
    show(results)


if __name__ == "__main__":
    main()
