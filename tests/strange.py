"""Every public name that takes numbers or arrays, a valid use of each, and the strange things people hand over."""

import warnings
from decimal import Decimal
from fractions import Fraction
from functools import cache
from tempfile import NamedTemporaryFile
from types import SimpleNamespace

import numpy as np

import dlnotes
from dlnotes import (
    MLP,
    BatchNorm,
    Categorical,
    Integer,
    LogUniform,
    Moments,
    Panda,
    Report,
    ReverseLogUniform,
    Shares,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    Space,
    Study,
    Temperature,
    Uniform,
    search,
)

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-2.0, 1.0, 0.75], [0.125, -0.5, 1.25]])
ONES, TWOS = np.array([1.0, 1.5, 2.0]), np.array([2.0, 0.5, 1.0])
Y = np.array([0, 2, 1, 2])
P = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
V = np.array([1.0, -0.5, 2.0, 0.25])
U = np.array([0.25, 0.5, 0.75, 1.0])
UNITS = np.array([[0.25, 0.5], [0.75, 0.125]])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0])
space = Space(x=Uniform(-1, 1), lr=LogUniform(1e-3, 1))
fit = {"epochs": 1, "batch_size": 4, "validation_fraction": 0.25}


def bowl(params):
    return params["x"] ** 2 + params["lr"]


def noisy(params):
    return bowl(params) + dlnotes.trial_seed() / 2**32


@cache
def done():
    """A search that has ended."""
    return search(bowl, space, 14, seed=1, progress=False)


@cache
def softmax():
    return SoftmaxRegression().fit(X, Y)


@cache
def net():
    return MLP((3,), **fit).fit(X, Y)


def trained(what):
    """A layer after one step."""
    bn = BatchNorm(3)
    return bn(X, train=True), what(bn)


def half(x):
    return float((x**2).sum() / 2)


def told(value, **more):
    study = Study(space, seed=1)
    study.tell(study.ask(), value, **more)
    return study.trials


def asked_and_told(number):
    study = Study(space, seed=1)
    study.ask(), study.ask()
    study.tell(number, 0.5)
    return study.trials


def added(**params):
    study = Study(space, seed=1)
    study.add({"x": 0.5, "lr": 0.1} | params, 0.5)
    return study.trials


def once(**options):
    return search(bowl, space, **({"n_trials": 2, "seed": 1, "progress": False} | options)).trials


def reported(step, loss):
    report = Report()
    report(step, loss)
    return report.curve


def panda(lr):
    return Panda(lambda rng: 0.5, lambda w, params, rng: (w, 0.5), {"lr": lr}).run(2)


def layered(state):
    bn = BatchNorm(3)
    bn.load_state(bn.state() | state)
    return bn.state()


def stepped(x, y, weights=None, lr=0.1):
    fresh = MLP((3,)).start((3, 3, 3))
    return fresh.step(x, y, lr=lr, weights=weights)


def kfold(X, y):
    found = dlnotes.SearchCV(SoftmaxRegression(), {"C": LogUniform(0.5, 2)}, n_trials=2, cv=2, error_score="raise")
    return found.fit(X, y).best_score_


# What takes an array: a name for the use, the public name, the function of the array, and a valid array.
cache_of = dlnotes.batchnorm(X, ONES, TWOS)[1]
ARRAYS = {
    "softmax(z)": ("softmax", dlnotes.softmax, X),
    "log_softmax(z)": ("log_softmax", dlnotes.log_softmax, X),
    "logsumexp(z)": ("logsumexp", dlnotes.logsumexp, X),
    "one_hot(y)": ("one_hot", lambda y: dlnotes.one_hot(y, 3), Y),
    "cross_entropy(z)": ("cross_entropy", lambda z: dlnotes.cross_entropy(z, Y), X),
    "cross_entropy(y)": ("cross_entropy", lambda y: dlnotes.cross_entropy(X, y), Y),
    "cross_entropy(y soft)": ("cross_entropy", lambda y: dlnotes.cross_entropy(X, y), P),
    "cross_entropy(weight)": ("cross_entropy", lambda w: dlnotes.cross_entropy(X, Y, weight=w), ONES),
    "batchnorm(x)": ("batchnorm", lambda x: dlnotes.batchnorm(x, ONES, TWOS)[0], X),
    "batchnorm(gamma)": ("batchnorm", lambda g: dlnotes.batchnorm(X, g, TWOS)[0], ONES),
    "batchnorm(beta)": ("batchnorm", lambda b: dlnotes.batchnorm(X, ONES, b)[0], ONES),
    "batchnorm_backward(dy)": ("batchnorm_backward", lambda dy: dlnotes.batchnorm_backward(dy, cache_of), X),
    "batchnorm_inference(x)": ("batchnorm_inference", lambda x: dlnotes.batchnorm_inference(x, ONES, TWOS, ONES, ONES), X),
    "batchnorm_inference(mean)": ("batchnorm_inference", lambda m: dlnotes.batchnorm_inference(X, ONES, TWOS, m, ONES), ONES),
    "batchnorm_inference(var)": ("batchnorm_inference", lambda v: dlnotes.batchnorm_inference(X, ONES, TWOS, ONES, v), ONES),
    "BatchNorm()(x), training": ("BatchNorm", lambda x: BatchNorm(3)(x, train=True), X),
    "BatchNorm()(x)": ("BatchNorm", lambda x: BatchNorm(3)(x, train=False), X),
    "BatchNorm.backward": ("BatchNorm", lambda dy: trained(lambda bn: bn.backward(dy)), X),
    "BatchNorm.recalibrate": ("BatchNorm", lambda x: BatchNorm(3).recalibrate([x, X]).state(), X),
    "BatchNorm.fold(W)": ("BatchNorm", lambda W: BatchNorm(3).fold(W), X),
    "BatchNorm.fold(b)": ("BatchNorm", lambda b: BatchNorm(3).fold(X, b), ONES),
    "BatchNorm.load_state(gamma)": ("BatchNorm", lambda g: layered({"gamma": g}), ONES),
    "BatchNorm.load_state(var)": ("BatchNorm", lambda v: layered({"var": v}), ONES),
    "Moments.of": ("Moments", lambda x: [Moments.of(x).mean, Moments.of(x).var], X),
    "SoftmaxRegression.fit(X)": ("SoftmaxRegression", lambda X: SoftmaxRegression().fit(X, Y).coef_, X),
    "SoftmaxRegression.fit(y)": ("SoftmaxRegression", lambda y: SoftmaxRegression().fit(X, y).coef_, Y),
    "SoftmaxRegression.fit(sample_weight)": ("SoftmaxRegression", lambda w: SoftmaxRegression().fit(X, Y, w).coef_, WEIGHTS),
    "SoftmaxRegression.predict_proba": ("SoftmaxRegression", lambda X: softmax().predict_proba(X), X),
    "SoftmaxRegression.predict": ("SoftmaxRegression", lambda X: softmax().predict(X), X),
    "SoftmaxRegression.score(y)": ("SoftmaxRegression", lambda y: softmax().score(X, y), Y),
    "SoftmaxRegression.standard_errors": ("SoftmaxRegression", lambda X: softmax().standard_errors(X), X),
    "SoftmaxRegressionCV.fit(X)": ("SoftmaxRegressionCV", lambda X: SoftmaxRegressionCV(3, cv=2).fit(X, Y).coef_, X),
    "softmax_path(X)": ("softmax_path", lambda X: dlnotes.softmax_path(X, Y, Cs=3).coefs, X),
    "SoftmaxRegression.summary(y)": ("SoftmaxRegression", lambda y: softmax().summary(X, y).rows, Y),
    "MLP.fit(X)": ("MLP", lambda X: MLP((3,), **fit).fit(X, Y).params_, X),
    "MLP.fit(y)": ("MLP", lambda y: MLP((3,), **fit).fit(X, y).params_, Y),
    "MLP.fit(sample_weight)": ("MLP", lambda w: MLP((3,), **fit).fit(X, Y, sample_weight=w).params_, WEIGHTS),
    "MLP.fit(validation X)": ("MLP", lambda A: MLP((3,), **fit).fit(X, Y, validation=(A, Y)).curves_, X),
    "MLP.fit(validation y)": ("MLP", lambda y: MLP((3,), **fit).fit(X, Y, validation=(X, y)).curves_, Y),
    "MLP.predict_proba": ("MLP", lambda X: net().predict_proba(X), X),
    "MLP.score(y)": ("MLP", lambda y: net().score(X, y), Y),
    "MLP.step(x)": ("MLP", lambda x: stepped(x, Y), X),
    "MLP.step(y)": ("MLP", lambda y: stepped(X, y), Y),
    "MLP.step(weights)": ("MLP", lambda w: stepped(X, Y, w), WEIGHTS),
    "MLP.gradient(x)": ("MLP", lambda x: MLP((3,)).start((3, 3, 3)).gradient(x, Y), X),
    "Temperature.fit(z)": ("Temperature", lambda z: Temperature().fit(z, Y).temperature_, X),
    "Temperature.fit(y)": ("Temperature", lambda y: Temperature().fit(X, y).temperature_, Y),
    "Temperature.fit(sample_weight)": ("Temperature", lambda w: Temperature().fit(X, Y, w).temperature_, WEIGHTS),
    "Temperature.predict_proba": ("Temperature", lambda z: Temperature().fit(X, Y).predict_proba(z), X),
    "reliability(p)": ("reliability", lambda p: dlnotes.reliability(p, Y, bins=2), P),
    "reliability(y)": ("reliability", lambda y: dlnotes.reliability(P, y, bins=2), Y),
    "numeric_gradient(x)": ("numeric_gradient", lambda x: dlnotes.numeric_gradient(half, x), V),
    "numeric_gradient(dy)": ("numeric_gradient", lambda dy: dlnotes.numeric_gradient(lambda x: 2 * x, V, dy=dy), V),
    "check_gradient(x)": ("check_gradient", lambda x: dlnotes.check_gradient(half, x, lambda x: x).verdict, V),
    "check_gradient(grad)": ("check_gradient", lambda g: dlnotes.check_gradient(half, V, g).verdict, V),
    "check_gradient(value of f)": ("check_gradient", lambda y: dlnotes.check_gradient(lambda x: y, V, 0 * V, dy=ONES).verdict, ONES),
    "check_hessian_vector(v)": (
        "check_hessian_vector", lambda v: dlnotes.check_hessian_vector(lambda x: x, V, lambda x, v: v, v=v).verdict, V),
    **{f"{scale}.ppf": (type(scale).__name__, scale.ppf, U) for scale in (
        Uniform(-1, 3), Uniform(0, 1, step=0.25), LogUniform(0.5, 8), ReverseLogUniform(0.5, 0.99), Integer(1, 9),
        Integer(1, 9, log=True), Categorical(1, 2, 3))},
    **{f"{scale}.cdf": (type(scale).__name__, scale.cdf, values) for scale, values in (
        (Uniform(-1, 3), U), (Uniform(0, 1, step=0.25), U), (LogUniform(0.125, 8), U),
        (ReverseLogUniform(0.125, 0.99), np.array([0.25, 0.5])), (Integer(0, 9), Y),
        (Categorical(0, 1, 2), Y))},
    "Shares(3).ppf": ("Shares", Shares(3).ppf, UNITS),
    "Shares(3).positions": ("Shares", Shares(3).positions, P[:2]),
    "Uniform.positions": ("Uniform", Uniform(-1, 3).positions, U),
    "Categorical.places": ("Categorical", Categorical(1, 2, 3).places, U),
    "Integer.narrowed(kept)": ("Integer", lambda k: Integer(0, 9).narrowed(0.25, 0.5, kept=k), Y),
    "Uniform.inside": ("Uniform", lambda u: Uniform(0, 4).inside(Uniform(1, 2), u), U),
    "Space.ppf": ("Space", space.ppf, UNITS),
    "Space.settled": ("Space", space.settled, UNITS),
    "Space.allowed": ("Space", space.allowed, UNITS),
    "SearchCV.fit(X)": ("SearchCV", lambda X: kfold(X, [0, 1, 1, 0]), X),
}  # fmt: skip

# What takes a number, the same way: the last is a valid number.
NUMBERS = {
    "softmax(axis)": ("softmax", lambda k: dlnotes.softmax(X, axis=k), 1),
    "one_hot(num_classes)": ("one_hot", lambda k: dlnotes.one_hot(Y, k), 3),
    "cross_entropy(axis)": ("cross_entropy", lambda k: dlnotes.cross_entropy(X, Y, axis=k), 1),
    "cross_entropy(label_smoothing)": ("cross_entropy", lambda s: dlnotes.cross_entropy(X, Y, label_smoothing=s), 0.5),
    "cross_entropy(ignore_index)": ("cross_entropy", lambda k: dlnotes.cross_entropy(X, Y, ignore_index=k), 1),
    "batchnorm(eps)": ("batchnorm", lambda e: dlnotes.batchnorm(X, ONES, TWOS, eps=e)[0], 0.25),
    "batchnorm(axis)": ("batchnorm", lambda k: dlnotes.batchnorm(X, ONES, TWOS, axis=k)[0], 1),
    "batchnorm_inference(eps)": ("batchnorm_inference", lambda e: dlnotes.batchnorm_inference(X, ONES, TWOS, ONES, ONES, eps=e), 0.25),
    "BatchNorm(num_features)": ("BatchNorm", lambda n: BatchNorm(n).state(), 3),
    "BatchNorm(decay)": ("BatchNorm", lambda d: trained(lambda _: BatchNorm(3, decay=d)(X, train=True)), 0.5),
    "BatchNorm(eps)": ("BatchNorm", lambda e: BatchNorm(3, eps=e)(X, train=True), 0.5),
    "softmax_path(l1_ratio)": ("softmax_path", lambda r: dlnotes.softmax_path(X, Y, Cs=3, l1_ratio=r).coefs, 0.5),
    "SoftmaxRegression(C)": ("SoftmaxRegression", lambda C: SoftmaxRegression(C=C).fit(X, Y).coef_, 0.5),
    "SoftmaxRegression(tol)": ("SoftmaxRegression", lambda t: SoftmaxRegression(tol=t).fit(X, Y).coef_, 0.25),
    "SoftmaxRegression(max_iter)": ("SoftmaxRegression", lambda n: SoftmaxRegression(max_iter=n).fit(X, Y).coef_, 50),
    "SoftmaxRegression(label_smoothing)": ("SoftmaxRegression", lambda s: SoftmaxRegression(label_smoothing=s).fit(X, Y).coef_, 0.5),
    **{f"MLP({key})": ("MLP", lambda v, key=key: MLP(**{"hidden": (3,), **fit, key: v}).fit(X, Y).params_, valid)
       for key, valid in {"lr": 0.5, "lr_decay": 0.5, "momentum": 0.5, "beta1": 0.5, "beta2": 0.5, "eps": 0.5, "batch_size": 2,
                          "epochs": 2, "patience": 2, "validation_fraction": 0.25, "bn_decay": 0.5, "seed": 3}.items()},
    "MLP(hidden)": ("MLP", lambda n: MLP((n,), **fit).fit(X, Y).params_, 3),
    "MLP.step(lr)": ("MLP", lambda lr: stepped(X, Y, lr=lr), 0.5),
    "Temperature(level)": ("Temperature", lambda v: Temperature(level=v).fit(X, Y).interval_, 0.5),
    "reliability(bins, a number)": ("reliability", lambda n: dlnotes.reliability(P, Y, bins=n), 2),
    "reliability(level)": ("reliability", lambda v: dlnotes.reliability(P, Y, bins=2, level=v), 0.5),
    "numeric_gradient(h)": ("numeric_gradient", lambda h: dlnotes.numeric_gradient(half, V, h=h), 0.0625),
    "check_gradient(tol)": ("check_gradient", lambda t: dlnotes.check_gradient(half, V, V, tol=t).verdict, 0.25),
    "check_gradient(entries)": ("check_gradient", lambda n: dlnotes.check_gradient(half, V, V, entries=n).verdict, 2),
    "check_gradient(directions)": ("check_gradient", lambda n: dlnotes.check_gradient(half, V, V, directions=n).verdict, 2),
    "check_gradient(seed)": ("check_gradient", lambda n: dlnotes.check_gradient(half, V, V, seed=n).verdict, 2),
    "check_gradient(dy)": ("check_gradient", lambda dy: dlnotes.check_gradient(half, V, lambda x, dy: x * dy, dy=dy).verdict, 0.5),
    **{f"{kind.__name__}({bound})": (
        kind.__name__, lambda v, kind=kind, bound=bound, valid=valid: kind(**(valid | {bound: v})).levels(3), valid[bound])
       for kind, valid in ((Uniform, {"low": 0.25, "high": 0.5, "step": 0.125}), (LogUniform, {"low": 0.25, "high": 0.5}),
                           (ReverseLogUniform, {"low": 0.25, "high": 0.5}), (Integer, {"low": 1, "high": 9, "step": 2}))
       for bound in valid},
    "Shares(n)": ("Shares", lambda n: Shares(n).ppf(np.full(Shares(n).n - 1, 0.5)), 3),
    "Uniform.levels(n)": ("Uniform", lambda n: Uniform(0, 1).levels(n), 3),
    "Integer.levels(n)": ("Integer", lambda n: Integer(0, 9).levels(n), 3),
    "Categorical.levels(n)": ("Categorical", lambda n: Categorical(1, 2, 3).levels(n), 3),
    "Uniform.narrowed(low)": ("Uniform", lambda u: Uniform(0, 4).narrowed(u, 0.75), 0.5),
    "Integer.narrowed(high)": ("Integer", lambda u: Integer(0, 9).narrowed(0.25, u), 0.5),
    "Space.sample(n)": ("Space", lambda n: space.sample(n), 2),
    "Space.sample(seed)": ("Space", lambda n: space.sample(2, seed=n), 2),
    "Space.sample(start)": ("Space", lambda n: space.sample(2, start=n), 2),
    "Space.unit(n, quasirandom)": ("Space", lambda n: space.unit(n, method="quasirandom"), 2),
    "Space.zoom(keep)": ("Space", lambda v: space.zoom(done(), keep=v), 0.5),
    "Space.zoom(margin)": ("Space", lambda v: space.zoom(done(), margin=v), 0.5),
    "Space.cdf(a value)": ("Space", lambda v: space.cdf([{"x": v, "lr": 0.5}]), 0.5),
    "Space.holds(a value)": ("Space", lambda v: space.holds({"x": v, "lr": 0.5}), 0.5),
    "Space.point(a value)": ("Space", lambda v: space.point({"x": v, "lr": 0.5}), 0.5),
    "Scale.when(a value)": ("Scale", lambda v: Space(a=Integer(0, 9), b=Uniform(0, 1).when(a=[v])).conditions, 2),
    "Study(seed)": ("Study", lambda n: Study(space, seed=n).ask().params, 2),
    "Study(lag)": ("Study", lambda n: Study(space, lag=n).ask().params, 2),
    "Study.add(a value)": ("Study", lambda v: added(x=v), 0.5),
    "Study.tell(value, a number)": ("Study", told, 0.5),
    "Study.tell(seconds)": ("Study", lambda v: told(0.5, seconds=v), 0.5),
    "Study.tell(curve)": ("Study", lambda v: told(0.5, curve=[(1, v)]), 0.5),
    "Study.tell(curve's step)": ("Study", lambda v: told(0.5, curve=[(v, 0.5)]), 1),
    "Study.tell(extra)": ("Study", lambda v: told(0.5, extra={"size": v}), 0.5),
    "Study.tell(trial)": ("Study", asked_and_told, 1),
    "Study.first": ("Study", lambda n: done().first(n).trials, 3),
    "Study.only": ("Study", lambda n: done().only(n).trials, 0),
    "search(n_trials)": ("search", lambda n: once(n_trials=n), 2),
    "search(seed)": ("search", lambda n: once(seed=n), 2),
    "search(n_jobs)": ("search", lambda n: once(n_jobs=n), 1),
    "search(lag)": ("search", lambda n: once(lag=n), 2),
    "search(max_seconds)": ("search", lambda v: once(max_seconds=v), 50.0),
    "search(value)": ("search", lambda v: search(lambda p: v, space, 2, progress=False).trials, 0.5),
    "search(value with extra)": ("search", lambda v: search(lambda p: (0.5, {"size": v}), space, 2, progress=False).trials, 0.5),
    "search(start)": ("search", lambda v: once(start=[{"x": v, "lr": 0.5}]), 0.5),
    "target": ("target", lambda v: dlnotes.target(v)(done()), 0.5),
    "no_improvement": ("no_improvement", lambda n: dlnotes.no_improvement(n)(done()), 3),
    "not_worth": ("not_worth", lambda v: dlnotes.not_worth(v)(done()), 0.5),
    "Report(step)": ("Report", lambda v: reported(v, 0.5), 1),
    "Report(loss)": ("Report", lambda v: reported(1, v), 0.5),
    "due(after)": ("due", lambda v: dlnotes.due(done(), after=v), "60 days"),
    "edges(level)": ("edges", lambda v: dlnotes.edges(done(), level=v, shuffles=50), 0.5),
    "edges(shuffles)": ("edges", lambda n: dlnotes.edges(done(), shuffles=n), 50),
    "importance(draws)": ("importance", lambda n: dlnotes.importance(done(), draws=n), 3),
    "importance(seed)": ("importance", lambda n: dlnotes.importance(done(), draws=3, seed=n), 2),
    **{f"retune({key})": ("retune", lambda v, key=key: dlnotes.retune(
        done(), bowl, **({"top": 2, "fresh": 2, "repeats": 4} | {key: v})), valid)
       for key, valid in {"top": 2, "fresh": 2, "repeats": 4, "level": 0.25, "seed": 2}.items()},
    "Panda(params)": ("Panda", panda, 0.5),
    **{f"recheck({key})": ("recheck", lambda v, key=key: dlnotes.recheck(
        noisy, done().first(14), **({"top": 2, "repeats": 2, "progress": False} | {key: v})).level, valid)
       for key, valid in {"top": 2, "repeats": 2, "level": 0.5}.items()},
    "set_threads": ("set_threads", lambda n: (dlnotes.set_threads(n), dlnotes.set_threads(None)), 1),
    "plot_reliability(bins)": ("plot_reliability", lambda n: dlnotes.plot_reliability(P, Y, bins=n) and None, 2),
}  # fmt: skip

WITHOUT = {
    "CONVENTIONS": "a table",
    "SoftmaxPath": "a record that softmax_path makes",
    "ArgumentCheck": "a record that check_gradient makes",
    "GradientCheck": "a record that check_gradient makes",
    "GradientError": "an exception",
    "Edge": "a record that edges makes",
    "Importance": "a record that importance makes",
    "Leader": "a record that recheck makes",
    "Pruned": "an exception",
    "TrainingWarning": "a warning",
    "Recheck": "a record that recheck makes",
    "Reliability": "a record that reliability makes",
    "Retune": "a record that retune makes",
    "Trial": "a record that a study makes",
    "cores": "takes nothing",
    "get_threads": "takes nothing",
    "trial_seed": "takes nothing",
    "worker": "takes nothing",
    "load_results": "takes a folder",
    "plot_history": "takes a study",
    "plot_trials": "takes a study and names",
    "plot_isolation": "takes a study and names",
    "to_optuna": "takes a study",
    "write_report": "takes a study and a path",
}


# Strange things. The first table holds the same numbers in another form.


class Mine(np.ndarray):
    """A subclass of ndarray."""


class Lookalike:
    """An array of another library."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype=dtype)


def mapped(a):
    with NamedTemporaryFile(delete=False) as file:
        there = np.memmap(file.name, dtype=a.dtype, mode="w+", shape=a.shape) if a.size else a
    there[...] = a
    there.flags.writeable = False
    return there


def frozen(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def spread(a):
    """A view of every second number of a larger array."""
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def unaligned(a):
    data = np.zeros(a.nbytes + 1, np.uint8)
    view = data[1:].view(np.uint8)[: a.nbytes]
    there = np.ndarray(a.shape, a.dtype, view.data)
    there[...] = a
    return there


def frame(a):
    import pandas as pd

    return pd.DataFrame(a) if a.ndim == 2 else pd.Series(a)


def tensor(a):
    import torch

    return torch.tensor(a)


SAME = {
    "read-only": frozen,
    "Fortran order": np.asfortranarray,
    "negative strides": lambda a: a[::-1].copy()[::-1],
    "every second number": spread,
    "unaligned": unaligned,
    "memory-mapped": mapped,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "subclass": lambda a: a.view(Mine),
    "masked, nothing masked": np.ma.asarray,
    "matrix": lambda a: np.asmatrix(a) if a.ndim == 2 else a,
    "objects": lambda a: a.astype(object),
    "longdouble": lambda a: a.astype(np.longdouble) if a.dtype.kind == "f" else a.astype(np.int16),
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(map(tuple, a.tolist())) if a.ndim == 2 else tuple(a.tolist()),
    "rows in a list": list,
    "pandas": frame,
    "torch": tensor,
    "has __array__": Lookalike,
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
}


def at(value, where=0):
    """The array with one number changed."""

    def changed(a):
        a = a.astype(float) if a.dtype.kind != "f" else a.copy()
        a.flat[where] = value
        return a

    return changed


def hidden(a):
    return np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 0)


class Broken:
    """Something whose conversion fails, as a lazy array's whose file is gone."""

    def __array__(self, dtype=None, copy=None):
        raise OSError("the file is gone")


OTHER = {
    "a NaN": at(np.nan),
    "an infinity": at(np.inf),
    "minus infinity": at(-np.inf, -1),
    "all NaN": lambda a: a * np.nan,
    "empty": lambda a: a[:0],
    "no columns": lambda a: a[..., :0],
    "empty list": lambda a: [],
    "0-d": lambda a: np.array(a.flat[0]),
    "a number": lambda a: a.flat[0].item(),
    "an axis more": lambda a: a[None],
    "a row": lambda a: a[:1],
    "longer": lambda a: np.concatenate([a, a]),
    "flat": lambda a: a.ravel(),
    "integers": lambda a: a.astype(int),
    "unsigned": lambda a: abs(a).astype(np.uint8),
    "booleans": lambda a: a > 0,
    "complex": lambda a: a.astype(complex),
    "strings": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S"),
    "words": lambda a: np.full(a.shape, "word"),
    "objects with None": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, None, a),
    "objects of all kinds": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, Broken, a.astype(object)),
    "fractions": lambda a: np.frompyfunc(Fraction, 1, 1)(a.astype(float)),
    "decimals": lambda a: np.frompyfunc(Decimal, 1, 1)(a.astype(float)),
    "dates": lambda a: a.astype("i8").astype("M8[s]"),
    "times": lambda a: a.astype("i8").astype("m8[s]"),
    "records": lambda a: np.zeros(a.shape, [("x", float), ("y", int)]),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "something masked": hidden,
    "huge": lambda a: a * 1e308,
    "huge, both signs": lambda a: np.where(np.arange(a.size).reshape(a.shape) % 2, -1.7e308, 1.7e308),
    "denormal": lambda a: a * 5e-324,
    "huge integers": lambda a: np.full(a.shape, 2**63 - 1),
    "beyond integers": lambda a: np.full(a.shape, 10**400, object),
    "zeros": lambda a: a * 0,
    "minus one": lambda a: a * 0 - 1,
    "ragged": lambda a: [[1.0, 2.0], [3.0]],
    "nested": lambda a: [[[[a.tolist()]]]],
    "None": lambda a: None,
    "a word": lambda a: "word",
    "a dict": lambda a: {"a": 1},
    "a set": lambda a: {1.0, 2.0},
    "a generator": lambda a: (v for v in a),
    "a function": lambda a: bowl,
    "breaks": lambda a: Broken(),
    "negative zero": lambda a: a * -0.0,
}  # fmt: skip


class Whole(int):
    """A subclass of int."""


class Floating(float):
    """A subclass of float."""


SAME_NUMBER = {
    "NumPy's": lambda v: np.array(v)[()],
    "0-d": np.array,
    "subclass": lambda v: (Whole if isinstance(v, int) else Floating)(v),
    "float32": lambda v: np.float32(v) if isinstance(v, float) else np.int16(v),
    "longdouble": lambda v: np.longdouble(v) if isinstance(v, float) else np.uint64(v),
    "fraction": lambda v: Fraction(v),
    "decimal": lambda v: Decimal(v),
    "torch": lambda v: tensor(np.array(v)),
    "one in a list": lambda v: [v],
    "one in an array": lambda v: np.array([v]),
}

OTHER_NUMBER = {
    "NaN": lambda v: float("nan"),
    "infinity": lambda v: float("inf"),
    "minus infinity": lambda v: -float("inf"),
    "NumPy's NaN": lambda v: np.float32("nan"),
    "zero": lambda v: 0,
    "minus zero": lambda v: -0.0,
    "minus one": lambda v: -1,
    "one": lambda v: 1,
    "one and a half": lambda v: 1.5,
    "tiny": lambda v: 5e-324,
    "largest": lambda v: 1.7e308,
    "beyond floats": lambda v: 10**400,
    "minus that": lambda v: -(10**400),
    "NumPy's largest integer": lambda v: np.uint64(2**64 - 1) if isinstance(v, float) else np.int64(-3),
    "True": lambda v: True,
    "NumPy's False": lambda v: np.False_,
    "complex": lambda v: 1j,
    "a word": lambda v: "word",
    "a numeral": lambda v: "3",
    "bytes": lambda v: b"3",
    "None": lambda v: None,
    "empty list": lambda v: [],
    "a list": lambda v: [1.0, 2.0],
    "an array": lambda v: np.array([[1.0, 2.0]]),
    "a dict": lambda v: {"a": 1},
    "a set": lambda v: {1},
    "a function": lambda v: bowl,
    "an object": lambda v: object(),
    "a date": lambda v: np.datetime64("2020-01-01"),
    "a duration": lambda v: np.timedelta64(1, "D"),
    "breaks": lambda v: Broken(),
    "Decimal NaN": lambda v: Decimal("sNaN"),
}


# What these do is what they were asked for.
ASKED_FOR = {
    *(
        (use, "beyond floats")
        for use in ("search(n_trials)", "search(n_jobs)", "retune(repeats)", "recheck(repeats)", "importance(draws)")
    ),
    ("check_gradient(directions)", "beyond floats"),  # so many that it would not end
    ("check_gradient(grad)", "a function"),  # which is called, and raises what it raises
    ("check_gradient(dy)", "None"),  # then a gradient is called without it
}


# Trying one


def same(a, b):
    """Whether two outcomes are the same: arrays to the last digits, in whatever they are nested."""
    if isinstance(a, dlnotes.Trial):
        return (a.number, a.params, a.value, a.state) == (b.number, b.params, b.value, b.state)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and not all(isinstance(v, float | int) for v in a):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, int | float):
        return np.shape(a) == () and np.isclose(float(a), b, rtol=1e-5, atol=1e-7, equal_nan=True)
    if hasattr(a, "__dict__") and not isinstance(a, np.ndarray):
        return type(a) is type(b) and same(vars(a), vars(b))
    if isinstance(a, np.ndarray) and a.dtype == object:
        return type(a) is type(b) and a.tolist() == b.tolist()
    try:
        alike = isinstance(a, np.ndarray) == isinstance(b, np.ndarray) and np.shape(a) == np.shape(b)
        return alike and np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True)
    except TypeError:
        return a == b or a is b


def bytes_of(a):
    """What must not change in an argument."""
    if isinstance(a, np.ma.MaskedArray):
        return bytes_of(np.ma.getmaskarray(a)), bytes_of(np.ma.getdata(a))
    if isinstance(a, np.ndarray):
        return a.dtype, a.shape, repr(a.tolist()) if a.dtype.hasobject else a.tobytes()
    if hasattr(a, "to_numpy"):
        return bytes_of(a.to_numpy())
    if isinstance(a, Lookalike):
        return bytes_of(a.a)
    return repr(a)


# What Python and NumPy say of themselves: it does not tell the caller which of his arguments is wrong.
leaks = (
    "ufunc", "truth value", "unsupported operand", "not supported between",
    "has no len", "broadcast", "object is not", "must be real number,", "only length-1", "only 0-dim",
    "cannot be interpreted", "Cannot cast", "invalid literal", "expected a sequence", "not aligned", "mismatch in its core",
    "not iterable", "bad operand", "reduction operation", "Cannot interpret", "can't multiply",
    "boolean index", "required positional", "not subscriptable", "takes no arg",
    "numpy boolean", "zero-size", "cannot reshape", "can't convert", "invalid value", "maximum supported", "high - low",
)  # fmt: skip


def tried(call, thing):
    """What came of it: ("works", value), ("refused", message), or ("wrong", why)."""
    before = bytes_of(thing)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = "works", call(thing)
        except (ValueError, TypeError) as error:
            told = str(error)
            found = "refused", told
            if type(error) not in (ValueError, TypeError) and not hasattr(error, "sklearn"):
                found = "wrong", f"raised {error!r}"
            elif not told or any(leak in told for leak in leaks):
                found = "leak", f"let through {error!r}"
        except dlnotes.GradientError as error:  # a wrong gradient is what it is for
            found = "refused", str(error)
        except (RuntimeError, FloatingPointError) as error:  # documented: no trial worked, the training diverged
            told = str(error)
            known = "trials failed" in told or "training diverged" in told
            found = ("refused", told) if known else ("wrong", f"raised {error!r}")
        except OSError as error:
            found = ("refused", str(error)) if "file is gone" in str(error) else ("wrong", f"raised {error!r}")
        except Exception as error:
            found = "wrong", f"raised {error!r}"
    said = [w for w in said if "__array_" not in str(w.message)]  # Torch's own affair with NumPy
    noise = [str(w.message) for w in said if issubclass(w.category, RuntimeWarning | DeprecationWarning)]
    if noise:
        found = "wrong", f"warned: {noise[0]} (then {found[0]})"
    if bytes_of(thing) != before:
        found = "wrong", "changed its argument"
    return SimpleNamespace(outcome=found[0], what=found[1])


@cache
def plain(use):
    _, call, valid = (ARRAYS | NUMBERS)[use]
    return tried(call, valid)


def verdict(use, kind):
    """("works" | "refused" | "wrong", what) of one use with one strange thing; None where there is no such thing."""
    _, call, valid = (ARRAYS | NUMBERS)[use]
    as_same, other = (SAME, OTHER) if use in ARRAYS else (SAME_NUMBER, OTHER_NUMBER)
    if not isinstance(valid, np.ndarray | int | float) and kind in as_same:
        return None
    if (use, kind) in ASKED_FOR:
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own, of matrices
        thing = (as_same | other)[kind](valid)
    found = tried(call, thing)
    if kind in as_same and found.outcome == "works" and plain(use).outcome == "works":
        if not same(found.what, plain(use).what):
            return "wrong", f"gave {found.what!r} and not {plain(use).what!r}"
    return found.outcome, found.what


def pairs():
    for uses, kinds in ((ARRAYS, SAME | OTHER), (NUMBERS, SAME_NUMBER | OTHER_NUMBER)):
        for use in uses:
            for kind in kinds:
                yield use, kind
