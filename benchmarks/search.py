# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How good is what the search finds? Beside Optuna's samplers and random search, at equal budgets, over many seeds.

    python benchmarks/search.py              everything: 27 objectives, 20 seeds, 30, 60 and 120 trials
    python benchmarks/search.py --seeds 3    a quicker look
    python benchmarks/search.py --overhead   only the time per trial

Regret is the noise-free value of the best trial less the best value known, divided by what a random point's median
regret is: 0 is perfect, 1 is one random point. The search's defaults were tuned on the half marked "tuned" and on
others that are not kept here; those marked "held out" were looked at but not tuned on; the "fresh" came later.
The real objectives interpolate tables of trained models (search_tables.py).
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import math
import multiprocessing
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import scipy.stats
from optuna import distributions, samplers
from sklearn.model_selection import ParameterSampler

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Space, Uniform, search

BUDGETS = (30, 60, 120)
OBJECTIVES = {}  # name: (function, space, noise, best value known or None, part)


def objective(part, best=None, noise=0.0, **scales):
    """Registers a function of keyword arguments as an objective over a space."""

    def register(f):
        OBJECTIVES[f.__name__] = (f, Space(**scales), noise, best, part)
        return f

    return register


def each(n, *scales):
    """Scales x0, x1, … taken in turn from `scales`."""
    return {f"x{i}": scales[i % len(scales)] for i in range(n)}


log10, pi = math.log10, math.pi


@objective("tuned", 0.397887, x=Uniform(-5, 10), y=Uniform(0, 15))
def branin(x, y):
    return (y - 5.1 / (4 * pi**2) * x * x + 5 / pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * math.cos(x) + 10


A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
P = np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


@objective("held out", -3.32237, **each(6, Uniform(0, 1), LogUniform(1e-3, 1)))
def hartmann6(**x):
    u = np.array([log10(v) / 3 + 1 if i % 2 else v for i, v in enumerate(x.values())])
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(A * (u - P / 1e4) ** 2).sum(axis=1)))


@objective(
    "tuned",
    lr=LogUniform(1e-5, 1),
    beta=ReverseLogUniform(0.5, 0.999),
    batch=Integer(8, 512, log=True),
    hidden=Integer(4, 128),
    decay=LogUniform(1e-7, 1e-1),
)
def valley(lr, beta, batch, hidden, decay):
    """Like training: diverges when lr / (1 - beta) is too big for the batch."""
    step = log10(lr / (1 - beta)) - 0.5 * log10(batch / 32)
    if step > 0.2:
        return 2.3
    loss = 0.08 + 0.25 * (step + 0.4) ** 2 + 0.018 * (log10(decay) + 4) ** 2 + 0.5 / hidden
    return min(2.3, loss + 0.02 * log10(batch / 16) ** 2 + 0.03 * abs(math.sin(3 * step)))


@objective("held out", 0.0, x0=Uniform(-2, 2), x1=Uniform(-2, 2), x2=LogUniform(1e-2, 1e2), x3=Uniform(-2, 2))
def rosenbrock4(x0, x1, x2, x3):
    z = [x0, x1, 0.6 + log10(x2), x3]
    return log10(1 + sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(z)))


@objective("tuned", 0.0, **each(5, Uniform(-12, 20)))
def ackley5(**x):
    z = np.array(list(x.values()))
    return float(20 - 20 * math.exp(-0.2 * math.sqrt((z * z).mean())) + math.e - math.exp(np.cos(2 * pi * z).mean()))


@objective("held out", 0.0, x0=Uniform(-3, 5), x1=LogUniform(1e-4, 1e2), n=Integer(1, 40))
def rastrigin3(x0, x1, n):
    z = np.array([x0 - 0.3, log10(x1) + 1.2, (n - 13) / 8])
    return float((z * z - 1.5 * np.cos(2 * pi * z) + 1.5).sum())


@objective("tuned", 0.0, **each(8, Uniform(-10, 10)))
def levy8(**x):
    w = 1 + (np.array(list(x.values())) - 1.0) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(pi * w[:-1] + 1) ** 2)).sum()
    return float(math.sin(pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * pi * w[-1]) ** 2))


@objective("held out", **each(5, Uniform(-5, 5)))
def styblinski5(**x):
    z = np.array(list(x.values()))
    return float((z**4 - 16 * z * z + 5 * z).sum() / 2 + 39.16617 * 5)


@objective(
    "tuned",
    a=LogUniform(1e-3, 1),
    b=ReverseLogUniform(0.9, 0.9999),
    c=Uniform(0, 1),
    d=Integer(1, 9),
    f=LogUniform(1, 1e4),
    g=Uniform(-1, 1),
)
def corner6(a, b, c, d, f, g):
    edge = 4 - log10(a) / 3 - c - (d - 1) / 8 - log10(f) / 4
    return edge + 0.3 * (g - 0.2) ** 2 + 0.2 * (log10(1 - b) + 2.5) ** 2


@objective(
    "held out",
    optimizer=Categorical(["sgd", "momentum", "adam"]),
    lr=LogUniform(1e-5, 10),
    beta=ReverseLogUniform(0.5, 0.999),
    eps=LogUniform(1e-10, 1e-2),
    layers=Integer(1, 5),
)
def conditional(optimizer, lr, beta, eps, layers):
    """Hyperparameters that matter to one option only, and a best learning rate of each option's own."""
    if optimizer == "sgd":
        e = 0.35 + 0.12 * (log10(lr) + 0.3) ** 2
    elif optimizer == "momentum":
        e = 0.25 + 0.15 * (log10(lr / (1 - beta)) - 0.2) ** 2 + 0.02 * log10(1 - beta) ** 2
    else:
        e = 0.2 + 0.2 * (log10(lr) + 2.7) ** 2 + 0.05 * (log10(1 - beta) + 1) ** 2 + 0.02 * max(0, log10(eps) + 5)
    return min(e, 2) + 0.04 * (layers - 3) ** 2


@objective(
    "tuned",
    noise=0.1,
    lr=LogUniform(1e-4, 1),
    wd=LogUniform(1e-6, 1e-1),
    drop=Uniform(0, 0.8),
    width=Integer(16, 512, log=True),
    beta=ReverseLogUniform(0.8, 0.999),
)
def noisy_bowl(lr, wd, drop, width, beta):
    bowl = 0.5 * (log10(lr) + 2.2) ** 2 + 0.05 * (log10(wd) + 3) ** 2 + (drop - 0.25) ** 2
    return bowl + 0.1 * (log10(width) - 2.2) ** 2 + 0.1 * (log10(1 - beta) + 1.2) ** 2


@objective("held out", 0.0, **each(10, Uniform(0, 1)))
def sparse10(**x):
    z = np.array(list(x.values()))
    important = np.array([4, 2, 1]) * (z[:3] - [0.2, 0.7, 0.4]) ** 2
    return float(important.sum() + 0.02 * ((z[3:] - 0.6) ** 2).sum())


@objective("tuned", a=Integer(1, 64), b=Integer(1, 64, log=True), c=Integer(0, 20), d=Integer(2, 9))
def steps4(a, b, c, d):
    smooth = 0.002 * abs(a - 41) + 0.4 * abs(math.log2(b) - 3.3) ** 1.5 + 0.01 * (c - 4) ** 2 + 0.3 * abs(d - 7)
    return smooth + 0.5 * ((a // 8 + c // 4) % 2)


@objective("held out", 0.0, **each(4, Uniform(0, 1)))
def needle4(**x):
    z = np.array(list(x.values()))
    return float(1 - math.exp(-6 * ((z - [0.3, 0.65, 0.2, 0.85]) ** 2).sum()))


@objective("fresh", 0.0, **each(6, Uniform(-4, 8)))
def zakharov6(**x):
    z = np.array(list(x.values()))
    s = (np.arange(1, 7) * z).sum() / 2
    return log10(1 + float((z * z).sum() + s**2 + s**4))


@objective(
    "fresh",
    0.0,
    kernel=Categorical(["linear", "poly", "rbf", "sigmoid"]),
    scaled=Categorical([False, True]),
    C=LogUniform(1e-3, 1e4),
    gamma=LogUniform(1e-6, 1e2),
    degree=Integer(1, 6),
    tol=LogUniform(1e-6, 1e-1),
    rows=Integer(50, 1000),
)
def mixed7(kernel, scaled, C, gamma, degree, tol, rows):
    cost = {"linear": 0.4, "poly": 0.3 + 0.05 * abs(degree - 3), "rbf": 0.0, "sigmoid": 0.6}[kernel]
    cost += 0.0 if kernel == "linear" else 0.06 * (log10(gamma) + 2.5 - 0.5 * (log10(C) - 1)) ** 2
    return cost + 0.3 * (not scaled) + 0.05 * (log10(C) - 1) ** 2 + 0.02 * (log10(tol) + 6) + 0.1 * (1000 - rows) / 950


@objective("fresh", noise=0.02, **each(7, LogUniform(1e-6, 1), Uniform(0, 1), ReverseLogUniform(0, 0.9999)))
def rotated7(**x):
    u = OBJECTIVES["rotated7"][1].cdf([x])[0] - [0.5, 0.1, 0.9, 0.4, 0.7, 0.3, 0.6]
    mix = np.cos(np.outer(np.arange(7) + 0.5, np.arange(7)) * pi / 7)
    return float(((mix @ u) ** 2 * [3, 1, 0.3, 1, 0.1, 0.3, 0.03]).sum())


@objective("fresh", lr=LogUniform(1e-6, 10), clip=LogUniform(1e-2, 1e2), depth=Integer(1, 12), warm=Integer(0, 2000))
def cliff4(lr, clip, depth, warm):
    """More than half of the space diverges and returns NaN."""
    step = log10(lr) + 0.3 * log10(clip) + 0.1 * depth - 0.3 * warm / 2000
    if step > -1.2:
        return math.nan
    return 0.2 + 0.15 * (step + 1.6) ** 2 + 0.01 * (depth - 8) ** 2 + 0.02 * log10(clip) ** 2


@objective("fresh", **each(3, Uniform(0, 1)))
def waves3(x0, x1, x2):
    trend = (x0 - 0.8) ** 2 + (x1 - 0.25) ** 2 + 0.5 * (x2 - 0.5) ** 2
    return trend + 0.08 * math.sin(23 * x0) * math.cos(17 * x1) + 0.02 * math.sin(40 * x2)


def table(name, axes, part, integers=frozenset(("max_depth", "n_estimators", "hidden", "batch", "min_samples_leaf"))):
    """An objective that interpolates a table of trained models between its grid's values, linearly on each scale."""
    losses = np.load(Path(__file__).with_name("search_tables.npz"))[name].astype(float)
    logarithmic = {a: not isinstance(v[0], str) and v[0] > 0 and v[-1] / v[0] >= 30 for a, v in axes.items()}

    def scale(axis, values):
        if isinstance(values[0], str):
            return Categorical(values)
        if axis in integers or axis == "n_neighbors":
            return Integer(values[0], values[-1], log=logarithmic[axis])
        if axis == "beta1":
            return ReverseLogUniform(values[0], values[-1])
        return (LogUniform if logarithmic[axis] else Uniform)(values[0], values[-1])

    def f(**params):
        t = losses
        for axis, values in axes.items():
            v = params[axis]
            if isinstance(values[0], str):
                t = t[values.index(v)]
                continue
            v, grid = (math.log(v), np.log(values)) if logarithmic[axis] else (v, np.asarray(values, float))
            j = min(max(int(np.searchsorted(grid, v)) - 1, 0), len(grid) - 2)
            w = min(1, max(0, (v - grid[j]) / (grid[j + 1] - grid[j])))
            t = (1 - w) * t[j] + w * t[j + 1]
        return float(t)

    f.__name__ = name
    objective(part, **{axis: scale(axis, values) for axis, values in axes.items()})(f)


def add_tables():
    from search_tables import GRIDS

    for i, (model, axes) in enumerate(GRIDS.items()):
        table(model.__name__, axes, "held out" if i % 2 else "tuned")


def reference(name):
    """The best value known and the median of random points."""
    f, space, _, best, _ = OBJECTIVES[name]
    rng = np.random.default_rng(99)
    value = lambda u: f(**space.ppf(u[None])[0])
    u = rng.random((3000, len(space)))
    y = np.array([value(v) for v in u])
    median = float(np.median(np.where(np.isnan(y), np.nanmax(y), y)))
    y = np.where(np.isnan(y), np.inf, y)
    for step in (0.2, 0.1, 0.05, 0.02, 0.01, 0.003):  # climb from the best few, to know how good it can get
        for i in np.argsort(y)[:5]:
            for _ in range(150):
                moved = rng.random(len(space)) < 0.5
                v = np.where(moved, u[i] + step * rng.normal(size=len(space)), u[i]).clip(0, 1)
                if (new := value(v)) < y[i]:
                    u[i], y[i] = v, new
    return min(float(y.min()), math.inf if best is None else best), median


class Recorder:
    """The objective with its noise; remembers the noise-free value of the best trial so far."""

    def __init__(self, name, seed):
        self.f, _, self.noise, _, _ = OBJECTIVES[name]
        self.rng, self.best, self.true, self.curve = np.random.default_rng(10_000 + seed), math.inf, None, []

    def __call__(self, params):
        value = self.f(**params)
        seen = value + self.noise * self.rng.normal()
        if seen < self.best:
            self.best, self.true = seen, value
        self.curve.append(self.true)
        return seen


def ours(record, space, seed, n):
    search(record, space, n, seed=seed, progress=False)


def with_optuna(sampler):
    def run(record, space, seed, n):
        optimised = {k: optuna_distribution(s) for k, s in space.scales.items()}
        study = optuna.create_study(sampler=sampler(seed))
        for _ in range(n):
            trial = study.ask(optimised)
            params = {k: 1 - v if isinstance(space[k], ReverseLogUniform) else v for k, v in trial.params.items()}
            value = record(params)
            if math.isnan(value):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)

    return run


def optuna_distribution(scale):
    """The nearest distribution of Optuna's; 1 - value where the scale is logarithmic in that."""
    if isinstance(scale, Categorical):
        return distributions.CategoricalDistribution(scale.options)
    if isinstance(scale, Integer):
        return distributions.IntDistribution(scale.low, scale.high, log=scale.log)
    if isinstance(scale, ReverseLogUniform):
        return distributions.FloatDistribution(1 - scale.high, 1 - scale.low, log=True)
    return distributions.FloatDistribution(scale.low, scale.high, log=isinstance(scale, LogUniform))


def sklearn_random(record, space, seed, n):
    def spread(scale):
        if isinstance(scale, Categorical):
            return list(scale.options)
        if isinstance(scale, Integer):
            whole = np.arange(scale.low, scale.high + 1)
            return whole.tolist() if not scale.log else scipy.stats.loguniform(scale.low, scale.high + 1)
        if isinstance(scale, Uniform):
            return scipy.stats.uniform(scale.low, scale.high - scale.low)
        return scipy.stats.loguniform(
            *sorted(abs(x - isinstance(scale, ReverseLogUniform)) for x in vars(scale).values())
        )

    for params in ParameterSampler({k: spread(s) for k, s in space.scales.items()}, n, random_state=seed):
        for name, scale in space.scales.items():
            if isinstance(scale, Integer):
                params[name] = int(params[name])
            elif isinstance(scale, ReverseLogUniform):
                params[name] = min(1 - params[name], scale.high)
        record(params)


SEARCHES = {
    "dlnotes": ours,
    "Optuna TPE": with_optuna(lambda seed: samplers.TPESampler(seed=seed)),
    "Optuna CMA-ES": with_optuna(lambda seed: samplers.CmaEsSampler(seed=seed)),
    "Optuna QMC": with_optuna(lambda seed: samplers.QMCSampler(seed=seed)),
    "Optuna random": with_optuna(lambda seed: samplers.RandomSampler(seed=seed)),
    "scikit-learn random": sklearn_random,
}


def regrets(job):
    """Normalised regret at each budget, shape (seeds, budgets), for one objective and one search."""
    name, searcher, seeds, (best, median) = job
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = []
    for seed in range(seeds):
        record = Recorder(name, seed)
        SEARCHES[searcher](record, OBJECTIVES[name][1], seed, max(BUDGETS))
        curve = [median if c is None else c for c in record.curve]
        rows.append([(curve[b - 1] - best) / (median - best) for b in BUDGETS])
    return np.array(rows)


def compare(seeds):
    add_tables()
    names = list(OBJECTIVES)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        scale = dict(zip(names, pool.map(reference, names, 1), strict=True))
        jobs = [(name, searcher, seeds, scale[name]) for name in names for searcher in SEARCHES]
        found = dict(zip([job[:2] for job in jobs], pool.map(regrets, jobs, 1), strict=True))
    print(f"Normalised regret after {BUDGETS[1]} trials, mean of {seeds} seeds")
    print(f"{'':20}" + "".join(f"{s[:15]:>16}" for s in SEARCHES))
    for name in names:
        means = "".join(f"{found[name, s][:, 1].mean():16.4f}" for s in SEARCHES)
        print(f"{name:20}{means}  {OBJECTIVES[name][4]}")
        a, b = (found[name, s][:, 1] for s in ("dlnotes", "Optuna random"))
        if a.mean() - b.mean() > 2 * math.sqrt((a.var() + b.var()) / seeds):
            print(f"{'':20}worse than random search beyond noise")
    for part in ("tuned", "held out", "fresh", ""):
        chosen = [n for n in names if part in ("", OBJECTIVES[n][4])]
        print(f"\n{part or 'all'}: mean over {len(chosen)} objectives")
        mean = {s: np.mean([found[n, s].mean(axis=0) for n in chosen], axis=0) for s in SEARCHES}
        for i, budget in enumerate(BUDGETS):
            ratios = ", ".join(f"{mean['dlnotes'][i] / mean[s][i]:.2f} of {s}" for s in list(SEARCHES)[1:])
            print(f"  {budget:3} trials: {mean['dlnotes'][i]:.4f} = {ratios}")


def overhead(repeats=9, n=60):
    """Time per trial of the search itself, the objective being free: ours beside Optuna's ask and tell, interleaved."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    space = Space(**each(4, LogUniform(1e-4, 1)), hidden=Integer(5, 100))
    times = {s: [] for s in SEARCHES if s != "scikit-learn random"}
    for seed in range(repeats):
        for name, spent in times.items():
            start = time.perf_counter()
            SEARCHES[name](lambda p: sum(p.values()), space, seed, n)
            spent.append((time.perf_counter() - start) / n)
    mine = np.median(times["dlnotes"])
    for name, spent in times.items():
        print(f"{name:15} {np.median(spent) * 1e6:7.0f} us per trial; ours is {mine / np.median(spent):.2f} of it")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--overhead", action="store_true")
    arguments = parser.parse_args()
    overhead()
    if not arguments.overhead:
        compare(arguments.seeds)
