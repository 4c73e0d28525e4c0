"""What the searches are tried on: tables of trained models (search_tables.py) and functions, in two halves.

    python benchmarks/problems.py     lists them

The search may be tuned on the half "tuning" alone; "held out" says what that was worth. No data set, no kind of model
and no function is in both. The objective of a table draws one of the cell's trainings at every call; its truth is the
mean of them all, where a failed one counts as the worst of the table.
"""

import math
import zlib
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from search_tables import TABLES, load

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Space, Uniform

log10, pi = math.log10, math.pi


@dataclass(frozen=True)
class Problem:
    """Something to minimise of which the truth is known."""

    name: str
    part: str  # "tuning" or "held out"
    kind: str  # "table" or "function"
    space: Space
    true: Callable  # true(params): without noise; NaN if it always fails
    draw: Callable  # draw(params, generator): as a trial sees it; NaN if it fails
    best: float  # of `true`

    def objective(self, seed):
        """A function of params with the noise of this seed; make a new one for each search."""
        rng = np.random.default_rng((seed, zlib.crc32(self.name.encode())))
        return lambda params: self.draw(params, rng)

    @cached_property
    def random(self):
        """The median of `true` at random points; a failure counts as the worst."""
        values = np.array([self.true(p) for p in self.space.sample(2000, seed=12345)])
        return float(np.median(np.where(np.isnan(values), np.nanmax(values), values)))

    def regret(self, params):
        """0 for the best point there is, 1 for the median random one, at most 10; 1 for None, or where `true` fails."""
        value = math.nan if params is None else self.true(params)
        return min(max(0.0, (value - self.best) / (self.random - self.best)), 10.0) if value == value else 1.0


def problems(part=None):
    """Those of one half, or all, in a fixed order; tables that are not trained yet are left out."""
    found = [from_table(t, losses) for t, losses in stored()] + FUNCTIONS
    return [p for p in found if part in (None, p.part)]


# Tables


def stored():
    losses = load()
    return [(t, losses[name]) for name, t in TABLES.items() if name in losses and losses[name].shape == t.shape]


def from_table(t, losses):
    """The table `t` as a problem, behind ranges that are snapped to its values or as the values themselves."""
    losses = losses.astype(float)
    failed = np.isnan(losses)
    mean = np.where(failed, np.nanmax(losses), losses).mean(axis=-1)
    mean[failed.all(axis=-1)] = math.nan
    scales, places = {}, {}
    for name, axis in (t.axes | t.dummies).items():
        scales[name], place = as_range(axis) if t.spaces == "ranges" else as_values(axis)
        if name in t.axes:
            places[name] = place
    cell = lambda params: tuple(place(params[name]) for name, place in places.items())

    return Problem(
        t.name, t.part, "table", Space(scales),
        lambda params: float(mean[cell(params)]),
        lambda params, rng: float(losses[cell(params)][rng.integers(t.seeds)]),
        float(np.nanmin(mean)),
    )  # fmt: skip


def as_range(axis):
    """A scale from the first to the last value, and a function from what is drawn to the place of the nearest value."""
    first, last = axis.values[0], axis.values[-1]
    if axis.scale == "options":
        return Categorical(axis.values), axis.values.index
    if axis.scale == "log":
        scale, there, back = LogUniform(first, last), math.log, math.exp
    elif axis.scale == "reverse":
        scale, there, back = ReverseLogUniform(first, last), lambda v: math.log(1 - v), lambda x: 1 - math.exp(x)
    elif axis.scale == "integer log":
        scale, there, back = Integer(first, last, log=True), math.log, math.exp
    else:
        scale, there, back = (Integer if axis.scale == "integer" else Uniform)(first, last), float, float
    borders = [back((there(a) + there(b)) / 2) for a, b in pairwise(axis.values)]
    return scale, lambda value: bisect(borders, value)


def as_values(axis):
    """A scale that has just these values, or their places; and a function from what is drawn to the place."""
    if axis.scale == "options":
        return Categorical(axis.values), axis.values.index
    if axis.scale == "integer" and axis.values == list(range(axis.values[0], axis.values[-1] + 1)):
        return Integer(axis.values[0], axis.values[-1]), lambda value: value - axis.values[0]
    return Integer(0, len(axis.values) - 1), lambda place: place


# Functions

FUNCTIONS = []


def function(part, best, noise=0.0, **scales):
    """Registers a function of keyword arguments; `best` is its least value."""

    def register(f):
        true = lambda params: float(f(**params))
        draw = lambda params, rng: f(**params) + noise * rng.normal() if noise else float(f(**params))
        FUNCTIONS.append(Problem(f.__name__, part, "function", Space(scales), true, draw, best))
        return f

    return register


def each(n, *scales):
    """Scales x0, x1, … taken in turn from `scales`."""
    return {f"x{i}": scales[i % len(scales)] for i in range(n)}


@function("tuning", 0.397887, x=Uniform(-5, 10), y=Uniform(0, 15))
def branin(x, y):
    return (y - 5.1 / (4 * pi**2) * x * x + 5 / pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * math.cos(x) + 10


@function(
    "tuning", 0.109845, lr=LogUniform(1e-5, 1), beta=ReverseLogUniform(0.5, 0.999), batch=Integer(8, 512, log=True),
    hidden=Integer(4, 128), decay=LogUniform(1e-7, 1e-1),
)  # fmt: skip
def valley5(lr, beta, batch, hidden, decay):
    """Like training: diverges when lr / (1 - beta) is too big for the batch."""
    step = log10(lr / (1 - beta)) - 0.5 * log10(batch / 32)
    if step > 0.2:
        return 2.3
    loss = 0.08 + 0.25 * (step + 0.4) ** 2 + 0.018 * (log10(decay) + 4) ** 2 + 0.5 / hidden
    return min(2.3, loss + 0.02 * log10(batch / 16) ** 2 + 0.03 * abs(math.sin(3 * step)))


@function("tuning", 0.0, **each(5, Uniform(-12, 20)))
def ackley5(**x):
    z = np.array(list(x.values()))
    return 20 - 20 * math.exp(-0.2 * math.sqrt((z * z).mean())) + math.e - math.exp(np.cos(2 * pi * z).mean())


@function("tuning", 0.0, **each(8, Uniform(-10, 10)))
def levy8(**x):
    w = 1 + (np.array(list(x.values())) - 1.0) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(pi * w[:-1] + 1) ** 2)).sum()
    return math.sin(pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * pi * w[-1]) ** 2)


@function(
    "tuning", 1.0, a=LogUniform(1e-3, 1), b=ReverseLogUniform(0.9, 0.9999), c=Uniform(0, 1), d=Integer(1, 9),
    f=LogUniform(1, 1e4), g=Uniform(-1, 1),
)  # fmt: skip
def corner6(a, b, c, d, f, g):
    edge = 4 - log10(a) / 3 - c - (d - 1) / 8 - log10(f) / 4
    return edge + 0.3 * (g - 0.2) ** 2 + 0.2 * (log10(1 - b) + 2.5) ** 2


@function(
    "tuning", 0.0, noise=0.1, lr=LogUniform(1e-4, 1), wd=LogUniform(1e-6, 1e-1), drop=Uniform(0, 0.8),
    width=Integer(16, 512, log=True), beta=ReverseLogUniform(0.8, 0.999),
)  # fmt: skip
def noisy_bowl5(lr, wd, drop, width, beta):
    bowl = 0.5 * (log10(lr) + 2.2) ** 2 + 0.05 * (log10(wd) + 3) ** 2 + (drop - 0.25) ** 2
    return bowl + 0.1 * (log10(width) - 2.2) ** 2 + 0.1 * (log10(1 - beta) + 1.2) ** 2


@function("tuning", 0.00129885, a=Integer(1, 64), b=Integer(1, 64, log=True), c=Integer(0, 20), d=Integer(2, 9))
def steps4(a, b, c, d):
    smooth = 0.002 * abs(a - 41) + 0.4 * abs(math.log2(b) - 3.3) ** 1.5 + 0.01 * (c - 4) ** 2 + 0.3 * abs(d - 7)
    return smooth + 0.5 * ((a // 8 + c // 4) % 2)


@function("tuning", 0.0, **each(16, Uniform(0, 1)))
def ellipsoid16(**x):
    """Axes of very different lengths, none along a hyperparameter."""
    z = np.array(list(x.values())) - 0.3 - 0.4 * (np.arange(16) % 3 == 0)
    k = np.arange(16)
    mix = np.cos(np.outer(k + 0.5, k) * pi / 16)
    return math.sqrt(((mix @ z) ** 2 * 10.0 ** (-k / 5)).sum())


BITS = np.random.default_rng(7).random((12, 8))


@function("tuning", 0.1776108, **each(12, Categorical("no", "yes")))
def switches12(**x):
    """Switches of which each one's worth depends on two others."""
    on = np.array([v == "yes" for v in x.values()], int)
    return 1 - np.mean([BITS[i, 4 * on[i] + 2 * on[(i + 1) % 12] + on[(i + 5) % 12]] for i in range(12)])


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


@function("held out", -3.32237, **each(6, Uniform(0, 1), LogUniform(1e-3, 1)))
def hartmann6(**x):
    u = np.array([log10(v) / 3 + 1 if i % 2 else v for i, v in enumerate(x.values())])
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(A * (u - P / 1e4) ** 2).sum(axis=1)))


@function("held out", 0.0, x0=Uniform(-2, 2), x1=Uniform(-2, 2), x2=LogUniform(1e-2, 1e2), x3=Uniform(-2, 2))
def rosenbrock4(x0, x1, x2, x3):
    z = [x0, x1, 0.6 + log10(x2), x3]
    return log10(1 + sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(z)))


@function("held out", 0.0, x0=Uniform(-3, 5), x1=LogUniform(1e-4, 1e2), n=Integer(1, 40))
def rastrigin3(x0, x1, n):
    z = np.array([x0 - 0.3, log10(x1) + 1.2, (n - 13) / 8])
    return (z * z - 1.5 * np.cos(2 * pi * z) + 1.5).sum()


@function(
    "held out", 0.2, optimizer=Categorical(["sgd", "momentum", "adam"]), lr=LogUniform(1e-5, 10),
    beta=ReverseLogUniform(0.5, 0.999), eps=LogUniform(1e-10, 1e-2), layers=Integer(1, 5),
)  # fmt: skip
def conditional5(optimizer, lr, beta, eps, layers):
    """Hyperparameters that matter to one option only, and a best learning rate of each option's own."""
    if optimizer == "sgd":
        e = 0.35 + 0.12 * (log10(lr) + 0.3) ** 2
    elif optimizer == "momentum":
        e = 0.25 + 0.15 * (log10(lr / (1 - beta)) - 0.2) ** 2 + 0.02 * log10(1 - beta) ** 2
    else:
        e = 0.2 + 0.2 * (log10(lr) + 2.7) ** 2 + 0.05 * (log10(1 - beta) + 1) ** 2 + 0.02 * max(0, log10(eps) + 5)
    return min(e, 2) + 0.04 * (layers - 3) ** 2


@function("held out", 0.0, **each(20, Uniform(0, 1)))
def sparse20(**x):
    """Three of twenty matter much."""
    z = np.array(list(x.values()))
    important = np.array([4, 2, 1]) * (z[:3] - [0.2, 0.7, 0.4]) ** 2
    return important.sum() + 0.01 * ((z[3:] - 0.6) ** 2).sum()


@function(
    "held out", 0.0, kernel=Categorical(["linear", "poly", "rbf", "sigmoid"]), scaled=Categorical([False, True]),
    C=LogUniform(1e-3, 1e4), gamma=LogUniform(1e-6, 1e2), degree=Integer(1, 6), tol=LogUniform(1e-6, 1e-1),
    rows=Integer(50, 1000),
)  # fmt: skip
def mixed7(kernel, scaled, C, gamma, degree, tol, rows):
    cost = {"linear": 0.4, "poly": 0.3 + 0.05 * abs(degree - 3), "rbf": 0.0, "sigmoid": 0.6}[kernel]
    cost += 0.0 if kernel == "linear" else 0.06 * (log10(gamma) + 2.5 - 0.5 * (log10(C) - 1)) ** 2
    return cost + 0.3 * (not scaled) + 0.05 * (log10(C) - 1) ** 2 + 0.02 * (log10(tol) + 6) + 0.1 * (1000 - rows) / 950


ROTATED = Space(each(7, LogUniform(1e-6, 1), Uniform(0, 1), ReverseLogUniform(0, 0.9999)))


@function("held out", 0.0, noise=0.02, **ROTATED.scales)
def rotated7(**x):
    u = ROTATED.cdf([x])[0] - [0.5, 0.1, 0.9, 0.4, 0.7, 0.3, 0.6]
    mix = np.cos(np.outer(np.arange(7) + 0.5, np.arange(7)) * pi / 7)
    return ((mix @ u) ** 2 * [3, 1, 0.3, 1, 0.1, 0.3, 0.03]).sum()


@function(
    "held out", 0.2, lr=LogUniform(1e-6, 10), clip=LogUniform(1e-2, 1e2), depth=Integer(1, 12), warm=Integer(0, 2000)
)
def cliff4(lr, clip, depth, warm):
    """More than half of the space diverges and returns NaN."""
    step = log10(lr) + 0.3 * log10(clip) + 0.1 * depth - 0.3 * warm / 2000
    if step > -1.2:
        return math.nan
    return 0.2 + 0.15 * (step + 1.6) ** 2 + 0.01 * (depth - 8) ** 2 + 0.02 * log10(clip) ** 2


@function("held out", -0.086477, **each(3, Uniform(0, 1)))
def waves3(x0, x1, x2):
    trend = (x0 - 0.8) ** 2 + (x1 - 0.25) ** 2 + 0.5 * (x2 - 0.5) ** 2
    return trend + 0.08 * math.sin(23 * x0) * math.cos(17 * x1) + 0.02 * math.sin(40 * x2)


PAIRS = np.random.default_rng(8).normal(size=(8, 8, 4, 4))
PAIRS /= 1 + 4 * (np.subtract.outer(range(8), range(8)) ** 2 != 1)[..., None, None]


@function("held out", -16.1577827, **each(8, Categorical("a", "b", "c", "d")))
def pairs8(**x):
    """Options that go well or badly with those beside them."""
    k = np.array(["abcd".index(v) for v in x.values()])
    return PAIRS[np.arange(8)[:, None], np.arange(8), k[:, None], k].sum()


if __name__ == "__main__":
    for p in problems():
        scales = [type(s).__name__ for s in p.space.scales.values()]
        kinds = ", ".join(f"{scales.count(s)} {s}" for s in dict.fromkeys(scales))
        print(f"{p.name:20} {p.part:8} {p.kind:8} best {p.best:8.4g}, random {p.random:8.4g}; {kinds}")
