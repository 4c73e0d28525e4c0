"""How times grow with the size of the work: each series is named before the colon, and `size` is its axis."""

import math
from functools import partial

import numpy as np
from batchnorm import ours as batchnorm_step
from batchnorm import theirs as batchnorm_of_torch
from bench import Case
from classifiers import linear
from draws import space, with_sklearn

from dlnotes import SoftmaxRegression, Study, cross_entropy


def draws():
    for n in (10**k for k in range(1, 7)):
        theirs = with_sklearn(n) if n <= 10**4 else None
        yield Case(f"points: {n}", partial(space.sample, n), theirs, "scikit-learn", size=n)


def study_of(n, lag):
    "A study with n trials behind it"
    study = Study(space, seed=0, lag=lag)
    for i, params in enumerate(space.sample(n, seed=1)):
        study.add(params, math.log(params["lr"]) ** 2 + params["dropout"] + 0.01 * (i % 7))
    return study


def step(study, workers):
    "Asks for a trial and tells the one asked `workers` before: so many are under way"
    open_trials = [study.ask() for _ in range(workers - 1)]

    def once():
        open_trials.append(study.ask())
        trial = open_trials.pop(0)
        study.tell(trial, math.log(trial.params["lr"]) ** 2 + trial.params["dropout"])

    return once


def trials():
    for n in (10, 30, 100, 300, 1000, 3000, 10_000):
        yield Case(f"a trial after so many: {n}", step(study_of(n, 2), 1), size=n, seconds=0.5)
    for workers in (1, 2, 4, 8, 16):
        once = step(study_of(200, 2 * workers), workers)
        yield Case(f"a trial with so many workers: {workers}", once, size=workers, seconds=0.5)


def batch_norms():
    for series, shapes in {
        "batch norm, rows of 64": [(4**k, 64) for k in range(3, 10)],
        "batch norm, 1024 rows": [(1024, 4**k) for k in range(2, 7)],
    }.items():
        for m, n in shapes:
            size = m if "rows of" in series else n
            ours, theirs = batchnorm_step((m, n), True), batchnorm_of_torch((m, n))
            yield Case(f"{series}: {size}", ours, theirs, "PyTorch", moved=8 * 4 * m * n, size=size)


def losses():
    import torch

    for c in (4**k for k in range(1, 9)):
        rng = np.random.default_rng(0)
        z, y = rng.standard_normal((256, c), np.float32), rng.integers(0, c, 256)
        leaf, target = torch.tensor(z, requires_grad=True), torch.tensor(y)

        def theirs(leaf=leaf, target=target):
            return torch.autograd.grad(torch.nn.functional.cross_entropy(leaf, target), leaf)

        ours = lambda z=z, y=y: cross_entropy(z, y)
        yield Case(f"a loss of 256 rows, classes: {c}", ours, theirs, "PyTorch", moved=2 * z.nbytes, size=c)


def fits():
    for series, shapes in {
        "a fit of 20 columns and 4 classes, rows": [(m, 20, 4) for m in (100, 1000, 10_000, 100_000)],
        "a fit of 1000 rows and 4 classes, columns": [(1000, n, 4) for n in (4, 16, 64, 256, 1024)],
        "a fit of 4000 rows and 20 columns, classes": [(4000, 20, k) for k in (2, 4, 8, 16, 32)],
    }.items():
        for place, (m, n, k) in enumerate(shapes):
            X, y = linear(m, n, k, place)
            size = {"rows": m, "columns": n, "classes": k}[series.rpartition(" ")[2]]
            yield Case(f"{series}: {size}", lambda X=X, y=y: SoftmaxRegression().fit(X, y), size=size)


def cases(threads, compiled):
    for series in (draws, trials, batch_norms, losses, fits):
        yield from series()
