"""The long experiments of chapter 08b: each is a list of training runs, and a file beside this one keeps what came out.

    python experiments/claims.py              # lists the experiments
    python experiments/claims.py norms-digits # makes experiments/norms-digits.npz, or what a file cut off lacks

Delete a file to make all of it anew. A run is a pure function of the experiment's name and the run's number, so any of
them can be checked alone: `run(name, i)` is row i of `cached(name)`. The searches (`search-...`) choose each point by
what came before; their files hold every point, and `rerun(on, method, seed, i)` trains one of their networks again.
"""

import itertools
import json
import os
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from dlnotes import (
    BatchNorm,
    Categorical,
    Integer,
    LogUniform,
    ReverseLogUniform,
    Space,
    batchnorm,
    batchnorm_backward,
    cross_entropy,
    search,
)
from dlnotes.network import MLP

folder = Path(__file__).parent
columns = "validation_loss", "validation_score", "test_loss", "test_score"  # of a row, if `gap` does not say otherwise


# The data


@cache
def data(name):
    """Three pairs (X, y), to train on, to choose by and to test on; always the same split, float32.

    The digits as in chapter 08, pixels from 0 to 1. The others standardized by mean and spread of the training part."""
    loader, cuts = {
        "digits": (load_digits, [1000, 1397]),
        "cancer": (load_breast_cancer, [285, 427]),
        "wine": (load_wine, [90, 134]),
    }[name]
    X, y = loader(return_X_y=True)
    parts = np.split(np.random.default_rng(0).permutation(len(y)), cuts)
    if name == "digits":
        X = X / 16
    else:
        X = (X - X[parts[0]].mean(axis=0)) / X[parts[0]].std(axis=0)
    return [(X[rows].astype(np.float32), y[rows]) for rows in parts]


# One run

space = Space(
    lr=LogUniform(1e-3, 10),
    momentum=ReverseLogUniform(0.5, 0.999),
    batch_size=Integer(16, 256, log=True),
    units=Integer(16, 128, log=True),
    layers=Integer(1, 3),
    lr_decay=LogUniform(1e-3, 1),
    norm=Categorical(["z", "a", None]),
)
usual = dict(units=64, layers=2, optimizer="momentum", epochs=15)  # where an experiment says nothing else


def network(params, seed=0):
    """The network of these hyperparameters; `units` and `layers` become its hidden layers."""
    params = usual | params
    hidden = (params.pop("units"),) * params.pop("layers")
    return MLP(hidden=hidden, seed=seed, **params)


def scores(net, X, y):
    """Loss and accuracy."""
    z = net.decision_function(X)
    return float(cross_entropy(z.astype(float), y)[0]), float((z.argmax(axis=1) == y).mean())


def train(params, seed, on):
    """The row of one training run; not-a-numbers if it diverged."""
    (X, y), valid, test = data(on)
    try:
        net = network(params, seed).fit(X, y)
    except FloatingPointError:
        return [np.nan] * 4
    return [*scores(net, *valid), *scores(net, *test)]


# Layers to put in the place of batch norm


class Layered(MLP):
    """An MLP with a layer of your own wherever batch norm would stand: `layer(n)` makes one for n features."""

    def __init__(self, layer, **settings):
        super().__init__(**settings)
        self.layer = layer

    def start(self, sizes, dtype=np.float64):
        super().start(sizes, dtype)
        self.bns_ = [self.layer(n) for n in self.sizes_[1:-1]]
        for l, bn in enumerate(self.bns_, start=1):
            bn.gamma, bn.beta = self.params_[f"gamma{l}"], self.params_[f"beta{l}"]
        return self

    def recalibrate(self, X):
        """Exact statistics over all of X, layer by layer."""
        for l, bn in enumerate(self.bns_, start=1):
            z = X @ self.params_[f"W{l}"]
            X = np.maximum(bn.recalibrate([z])(z, train=False), 0)
        return self


class Bias(BatchNorm):
    """No normalization at all, only the shift beta: a plain network's bias."""

    def __init__(self, n):
        super().__init__(n)
        self.var = np.full(n, 1 - self.eps)

    def __call__(self, x, train=True):
        return x + self.beta.astype(x.dtype)

    def backward(self, dy):
        self.dgamma, self.dbeta = 0, dy.sum(axis=0)
        return dy

    def recalibrate(self, batches):
        return self


class Noisy(BatchNorm):
    """Batch norm, then a random scale and offset for each feature, new at each step."""

    def __init__(self, n):
        super().__init__(n)
        self.rng = np.random.default_rng(n)

    def __call__(self, x, train=True):
        y = super().__call__(x, train)
        if not train:
            return y
        self.factor = self.rng.uniform(1, 2, self.num_features)
        return y * self.factor + self.rng.normal(size=self.num_features)

    def backward(self, dy):
        return super().backward(dy * self.factor)


class Ghost(BatchNorm):
    """Batch norm in groups of `group` examples: each group's features are features of their own."""

    def __init__(self, n, group):
        super().__init__(n)
        self.group = group

    def wide(self, x):
        return x.reshape(-1, self.group, self.num_features).swapaxes(0, 1).reshape(self.group, -1)

    def tall(self, x):
        return x.reshape(self.group, -1, self.num_features).swapaxes(0, 1).reshape(-1, self.num_features)

    def __call__(self, x, train=True):
        if not train:
            return super().__call__(x, train)
        groups = len(x) // self.group
        y, self.cache = batchnorm(self.wide(x), np.tile(self.gamma, groups), np.tile(self.beta, groups))
        return self.tall(y)

    def backward(self, dy):
        dx, dgamma, dbeta = batchnorm_backward(self.wide(dy), self.cache)
        self.dgamma, self.dbeta = (d.reshape(-1, self.num_features).sum(axis=0) for d in (dgamma, dbeta))
        return self.tall(dx)


# The experiments: lists of (params, seed)


def importance():
    """Four sets of 128 quasi-random points of the whole space."""
    return [(params, seed) for seed in range(4) for params in space.sample(128, seed=seed, method="quasirandom")]


def norms():
    """Sixty-four quasi-random points, each with every place of batch norm."""
    others = Space(**{name: scale for name, scale in space.scales.items() if name != "norm"})
    points = others.sample(64, seed=10, method="quasirandom")
    return [(point | dict(norm=norm), i) for i, point in enumerate(points) for norm in ("z", "a", None)]


adam_spaces = {
    "lr": Space(lr=LogUniform(1e-4, 1)),
    "lr, β₁, β₂, ε": Space(
        lr=LogUniform(1e-4, 1),
        beta1=ReverseLogUniform(0.5, 0.999),
        beta2=ReverseLogUniform(0.9, 0.9999),
        eps=LogUniform(1e-10, 1),
    ),
}


def adam():
    """Two ways to spend 20 random trials on a network trained by Adam, eight times each."""
    runs = []
    for seed in range(8):
        for arm in adam_spaces.values():
            runs += [(dict(optimizer="adam", norm="z") | params, seed) for params in arm.sample(20, seed=seed)]
    return runs


three = Space(**{name: space[name] for name in ("lr", "momentum", "batch_size")})


def grids():
    """27 trials of three hyperparameters, eight times: a grid from end to end, one shifted at random, random points."""
    runs = []
    for seed in range(8):
        shift = np.random.default_rng(seed).random(3)
        shifted = (np.array(list(itertools.product(range(3), repeat=3))) + shift) / 3
        for points in (three.sample(27, method="grid"), three.ppf(shifted), three.sample(27, seed=seed)):
            runs += [(dict(norm="z") | point, seed) for point in points]
    return runs


sizes = 4, 16, 64, 256  # of batches, and of groups that share their statistics
few = dict(digits=512, cancer=256)  # few examples to train on, so that there is a gap


def ghosts():
    """The whole training set as one batch, so that the gradient has no noise; statistics in groups of it."""
    settings = dict(norm="z", momentum=0.0, lr=0.3, epochs=100)
    return [(settings | dict(group=group), seed) for seed in range(8) for group in sizes]


def batches():
    """Mini-batches of four sizes, with batch norm and without."""
    settings = dict(momentum=0.0, lr=0.1, epochs=40)
    return [
        (settings | dict(batch_size=size, norm=norm), seed)
        for seed in range(6)
        for size in sizes
        for norm in ("z", None)
    ]


def gap(params, seed, on):
    """Loss and accuracy on the few examples trained on, and on the validation and test sets together; float64."""
    (X, y), *rest = [(X.astype(float), y) for X, y in data(on)]
    X, y = X[: few[on]], y[: few[on]]
    others = [np.concatenate(parts) for parts in zip(*rest, strict=True)]
    group = params.get("group")
    params = {name: value for name, value in params.items() if name != "group"}
    if group:
        params |= dict(batch_size=len(X))
    net = network(params, seed)
    net = Layered(layers(params["norm"], group), **net.get_params() | dict(norm="z"))
    net.fit(X, y).recalibrate(X)
    return [*scores(net, X, y), *scores(net, *others)]


def layers(norm, group=None):
    """What makes the layers: groups, batch norm, or a bias."""
    return (lambda n: Ghost(n, group)) if group else BatchNorm if norm else Bias


plans = dict(importance=importance, norms=norms, adam=adam, grids=grids, ghosts=ghosts, batches=batches)
names = [f"{plan}-{on}" for plan in plans for on in ("digits", "cancer")] + ["importance-wine"]


@cache
def runs(name):
    return plans[name.partition("-")[0]]()


def run(name, i):
    """Row `i` of an experiment, computed anew."""
    plan, _, on = name.partition("-")
    return (gap if plan in ("ghosts", "batches") else train)(*runs(name)[i], on)


def cached(name):
    """All rows of an experiment, shape (runs, 4), from its file."""
    with np.load(folder / f"{name}.npz") as file:
        return file["rows"]


def agree(kept, fresh):
    """Whether two sets of rows say the same: half of the losses to a thousandth, nine of ten within a factor of two.

    Rounding differs between machines and versions, and training with a large learning rate amplifies it."""
    kept, fresh = (np.asarray(rows, dtype=float)[:, ::2] for rows in (kept, fresh))
    finite = np.isfinite(kept) & np.isfinite(fresh)
    off = np.where(np.isfinite(kept) == np.isfinite(fresh), 0.0, np.inf)
    off[finite] = abs(np.log(fresh[finite] / kept[finite]))
    return bool(np.mean(off < np.log(2)) >= 0.9 and np.mean(off < 1e-3) >= 0.5)


def sample(count, seed=0):
    """For each file, a few of its rows and the same rows computed anew, as (name, kept, fresh)."""
    rng = np.random.default_rng(seed)
    for name in names:
        rows = cached(name)
        picks = rng.choice(len(rows), count, replace=False)
        yield name, rows[picks], [run(name, int(i)) for i in picks]
    for on in ("digits", "cancer"):
        found = searches(on)
        for method in methods:
            picks = [(int(rng.integers(len(seeds))), int(rng.integers(60))) for _ in range(count)]
            kept = [found[method][s][i]["row"] for s, i in picks]
            yield f"search-{on} {method}", kept, [rerun(on, method, s, i) for s, i in picks]


# The searches, 60 trials each

methods = "coarse to fine", "random", "TPE", "scikit-learn"
seeds = range(5)


class Clock:
    """Processor seconds of this process, without what is spent inside `with clock:`."""

    def __init__(self):
        self.start, self.paused = time.process_time(), 0.0

    def __enter__(self):
        self.since = time.process_time()

    def __exit__(self, *_):
        self.paused += time.process_time() - self.since

    def read(self):
        return time.process_time() - self.start - self.paused


def search_once(method, seed, on, n=60):
    """One search on our network: a list of trials with params, row and the seconds when it was done."""
    (X, y), valid, test = data(on)
    trials, clock = [], Clock()

    def objective(params):
        try:
            net = network(params, seed).fit(X, y)
            loss, accuracy = scores(net, *valid)
        except FloatingPointError:
            loss, accuracy, net = np.inf, 0.0, None
        seconds = clock.read()
        with clock:
            row = [loss, accuracy, *(scores(net, *test) if net else (np.inf, 0.0))]
            trials.append(dict(params=params, row=row, seconds=seconds))
        if net is None and method != "TPE":
            raise FloatingPointError("diverged")  # a failed trial for our search; TPE learns more from inf
        return loss

    if method == "TPE":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(lambda trial: objective(suggest(trial)), n_trials=n)
    elif method == "random":
        for params in space.sample(n, seed=seed):
            try:
                objective(params)
            except FloatingPointError:
                pass
    else:
        search(objective, space, n, seed=seed, progress=False)
    return trials


def suggest(trial):
    """A point of our space, drawn by Optuna; it has no scale for momentum, but one for 1 - momentum."""
    return dict(
        lr=trial.suggest_float("lr", 1e-3, 10, log=True),
        momentum=1 - trial.suggest_float("1 - momentum", 1e-3, 0.5, log=True),
        batch_size=trial.suggest_int("batch_size", 16, 256, log=True),
        units=trial.suggest_int("units", 16, 128, log=True),
        layers=trial.suggest_int("layers", 1, 3),
        lr_decay=trial.suggest_float("lr_decay", 1e-3, 1, log=True),
        norm=trial.suggest_categorical("norm", ["z", "a", None]),
    )


def theirs(params):
    """The same point for MLPClassifier, whose step is lr (1 - momentum); it has no such decay and no batch norm."""
    return dict(
        learning_rate_init=params["lr"] * (1 - params["momentum"]),
        momentum=params["momentum"],
        batch_size=params["batch_size"],
        hidden_layer_sizes=(params["units"],) * params["layers"],
    )


def sklearn_network(params, seed):
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        solver="sgd", nesterovs_momentum=False, alpha=0.0, max_iter=15, tol=0.0, random_state=seed, **params
    )


def sklearn_scores(net, X, y):
    p = np.clip(net.predict_proba(X).astype(float), 1e-300, 1)
    return float(-np.log(p[np.arange(len(y)), y]).mean()), float(net.score(X, y))


def sklearn_search(seed, on, n=60):
    """RandomizedSearchCV on MLPClassifier, at the points of our random search."""
    from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV

    (X, y), valid, test = data(on)
    split = PredefinedSplit(np.repeat([-1, 0], [len(y), len(valid[1])]))
    points = [{name: [value] for name, value in theirs(p).items()} for p in space.sample(n, seed=seed)]
    clock = Clock()
    names = columns[:2], columns[2:]

    def score(net, *_):
        both = zip(names, (valid, test), strict=True)
        return {name: v for names, part in both for name, v in zip(names, sklearn_scores(net, *part), strict=True)}

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = RandomizedSearchCV(
            sklearn_network({}, seed), points, n_iter=n, scoring=score, cv=split, refit=False, random_state=seed
        ).fit(np.concatenate([X, valid[0]]), np.concatenate([y, valid[1]]))
    seconds, results = clock.read(), found.cv_results_
    took = results["mean_fit_time"] + results["mean_score_time"]
    rows = np.stack([results[f"mean_test_{name}"] for name in columns], axis=1)  # not-a-numbers where it diverged
    rows = np.where(np.isnan(rows), [np.inf, 0, np.inf, 0], rows)
    settings, until = results["params"], took.cumsum() / took.sum() * seconds
    trials = [dict(params=p, row=r, seconds=s) for p, r, s in zip(settings, rows.tolist(), until.tolist(), strict=True)]
    return trials


def searches(on):
    """All searches on one data set, from their file: {method: [list of trials for each seed]}."""
    path = folder / f"search-{on}.json"
    return json.loads(path.read_text()) if path.exists() else {method: [] for method in methods}


def rerun(on, method, seed, i):
    """The row of trial `i` of a search, its network trained anew."""
    params = searches(on)[method][seed][i]["params"]
    if method != "scikit-learn":
        return train(params, seed, on)
    (X, y), valid, test = data(on)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            net = sklearn_network(params, seed).fit(X, y)
        except ValueError:  # it diverged
            return [np.nan] * 4
    return [*sklearn_scores(net, *valid), *sklearn_scores(net, *test)]


def make_searches(on):
    """The searches that the file lacks, seed by seed, the methods in turn."""
    found = searches(on)
    for seed in seeds:
        for method in methods:
            if len(found[method]) <= seed:
                trials = sklearn_search(seed, on) if method == "scikit-learn" else search_once(method, seed, on)
                for trial in trials:
                    trial["row"] = [float(f"{v:.9g}") for v in trial["row"]]
                    trial["seconds"] = round(trial["seconds"], 3)
                found[method].append(trials)
                (folder / f"search-{on}.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
        print(f"search-{on}: seed {seed} done", flush=True)


def main(name):
    if name.startswith("search-"):
        return make_searches(name.partition("-")[2])
    path, start = folder / f"{name}.npz", time.process_time()
    rows = list(cached(name)) if path.exists() else []
    for i in range(len(rows), len(runs(name))):
        rows.append(np.array(run(name, i), dtype=np.float32))
        if len(rows) % 32 == 0 or len(rows) == len(runs(name)):
            np.savez_compressed(path, rows=np.array(rows))
    print(f"{name}: {len(rows)} runs, {time.process_time() - start:.0f} s of processor time for what was missing")


if __name__ == "__main__":
    known = [*names, "search-digits", "search-cancer"]
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit("usage: python experiments/claims.py NAME, where NAME is one of " + ", ".join(known))
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        print("With OPENBLAS_NUM_THREADS=1 the seconds can be compared.")
    main(sys.argv[1])
