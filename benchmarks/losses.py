# ruff: noqa: E402
"""Softmax beside its peers, interleaved in one run, as ratios of medians.

1. cross_entropy, loss and gradient in float32, beside PyTorch's cross_entropy forward and backward: every form of
   target, on one thread and on two, with NumPy alone and with the loops that Numba compiles.
2. SoftmaxRegression, default settings, beside the fastest of scikit-learn's lbfgs, newton-cg and newton-cholesky
   that reaches a relative gap of 1e-8 (each with the loosest tol of a ladder that does), two threads each.

`python benchmarks/softmax.py losses` or `classifiers` prints one table alone.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "2"

import importlib.util
import signal
import sys
import tracemalloc
import warnings
from functools import partial
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import LogisticRegression

from dlnotes import SoftmaxRegression, cross_entropy, entropy, set_threads


def seconds(f, times):
    start = perf_counter()
    for _ in range(times):
        f()
    return (perf_counter() - start) / times


def beside(ours, theirs, times, rounds):
    "Median seconds of each, one after the other in every round"
    ours(), theirs()
    both = np.array([(seconds(ours, times), seconds(theirs, times)) for _ in range(rounds)])
    return np.median(both, axis=0)


def geometric_mean(ratios):
    return float(np.exp(np.mean(np.log(ratios))))


FORMS = "hard", "weighted", "smoothed", "soft", "ignored"
SHAPES = (512, 10, 100, 15), (4096, 1000, 1, 7), (65536, 100, 1, 7), (64, 50257, 1, 7)


def example(form, m, c, spread=1.0):
    "Logits, targets, and the options of both"
    rng = np.random.default_rng(0)
    z, y = spread * rng.standard_normal((m, c), np.float32), rng.integers(0, c, m)
    options = {"smoothed": {"label_smoothing": 0.1}, "ignored": {"ignore_index": -100}}.get(form, {})
    if form == "weighted":
        options = {"weight": rng.random(c, np.float32)}
    if form == "soft":
        y = rng.random((m, c), np.float32)
        y /= y.sum(axis=1, keepdims=True)
    if form == "ignored":
        y[rng.random(m) < 0.3] = -100
    return z, y, options


def losses():
    try:
        import torch
    except ImportError:
        return print("cross_entropy: skipped, PyTorch is not installed (the extra `parity`)\n")
    shapes = "".join(f"{f'{m} x {c}':>13s}" for m, c, _, _ in SHAPES)
    print("cross_entropy, float32, loss and gradient: our time over PyTorch's, and memory beside the gradient")
    print(f"  threads  loops     form      {shapes}   geometric mean   memory / gradient")
    found = importlib.util.find_spec("numba") is not None
    for threads, compiled in [(t, n) for t in (1, 2) for n in ((False, True) if found else (False,))]:
        torch.set_num_threads(threads)
        set_threads(threads)
        entropy.HAS_NUMBA = compiled
        for form in FORMS:
            ratios, extra = [], 0.0
            for m, c, times, rounds in SHAPES:
                z, y, options = example(form, m, c)
                leaf, target = torch.tensor(z, requires_grad=True), torch.tensor(y)
                others = {k: torch.tensor(v) if k == "weight" else v for k, v in options.items()}

                def theirs(leaf=leaf, target=target, others=others):
                    leaf.grad = None
                    torch.nn.functional.cross_entropy(leaf, target, **others).backward()

                def ours(z=z, y=y, options=options):
                    cross_entropy(z, y, **options)

                a, b = beside(ours, theirs, times, rounds)
                ratios.append(a / b)
                tracemalloc.start()
                ours()
                if m * c > 2**20:  # PyTorch keeps the log-probabilities, as large as the gradient
                    extra = max(extra, tracemalloc.get_traced_memory()[1] / z.nbytes - 1)
                tracemalloc.stop()
            columns = "".join(f"{r:13.2f}" for r in ratios)
            way = "compiled" if compiled else "NumPy"
            print(
                f"  {threads:7d}  {way:8s}  {form:10s}{columns}{geometric_mean(ratios):17.2f}{extra:20.2f}", flush=True
            )
    set_threads(2)
    torch.set_num_threads(2)
    print()


def problems():
    X, y = load_digits(return_X_y=True)
    yield "digits, raw", X, y
    yield "digits, 0 to 1", X / 16, y
    yield "digits, standardised", (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1), y
    yield "20000 x 100 x 10, independent", *linear(20000, 100, 10, 0)
    yield (
        "20000 x 100 x 10, correlated",
        *make_classification(20000, 100, n_informative=40, n_redundant=40, n_classes=10, random_state=0),
    )
    yield "50000 x 30 x 3, independent", *linear(50000, 30, 3, 1)
    X, y = linear(10000, 40, 5, 2)
    yield "10000 x 40 x 5, scales 1e-2 to 1e2", X * np.logspace(-2, 2, 40), y
    for m, n, K in [(2000, 5000, 3), (300, 2000, 2), (5000, 784, 10), (1000, 20, 40), (20000, 50, 5)]:
        yield f"{m} x {n} x {K}, independent", *linear(m, n, K, 0)
    yield "20000 x 50000 x 4, sparse, 100 a row", *texts()


def texts():
    "Rows as of word counts: frequent columns and rare ones, weighted by logarithms, of length 1"
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    m, n, words = 20_000, 50_000, 100
    places = (n * rng.random(m * words) ** 3).astype(np.int32)
    counts = 1 + np.log(rng.geometric(0.5, m * words))
    X = csr_array((counts, places, np.arange(0, m * words + 1, words)), shape=(m, n))
    X.sum_duplicates()
    X = csr_array(X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))[:, None]))
    return X, (X @ rng.normal(size=(n, 4)) * 5 + rng.gumbel(size=(m, 4))).argmax(axis=1)


def linear(m, n, K, seed):
    "Independent normal features, labels drawn from a softmax of random linear logits"
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    return X, (X @ rng.normal(size=(n, K)) / np.sqrt(n) + rng.gumbel(size=(m, K))).argmax(axis=1)


def objective(model, X, y):
    z = X @ model.coef_.T + model.intercept_
    z = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
    return cross_entropy(z, y, reduction="sum")[0] + np.sum(model.coef_**2) / 2


class TooSlow(Exception):
    pass


def within(limit, f):
    "(seconds, result) of f(), or (inf, None) if it takes longer than `limit` seconds"

    def stop(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    start = perf_counter()
    try:
        result = f()
        return perf_counter() - start, result
    except TooSlow:
        return float("inf"), None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def contenders(X, y, best):
    """Functions that fit scikit-learn's solvers with the largest tol that reaches a relative gap of 1e-8, by name.
    A solver that takes longer than three times the best so far is out of the race."""
    found = {}
    for solver in ("newton-cg", "lbfgs", "newton-cholesky"):
        for tol in 10.0 ** -np.arange(2, 10):

            def fit(solver=solver, tol=tol):
                return LogisticRegression(solver=solver, tol=tol, max_iter=10_000).fit(X, y)

            taken, model = within(3 * min([t for t, _ in found.values()], default=20.0), fit)
            if model is None:
                break
            if objective(model, X, y) / best - 1 <= 1e-8:
                found[f"{solver}, tol {tol:g}"] = taken, fit
                break
    quickest = min(t for t, _ in found.values())
    return {name: fit for name, (t, fit) in found.items() if t < 1.7 * quickest}


def classifiers():
    print("SoftmaxRegression, C = 1, to a relative gap of 1e-8  ours ms  sklearn ms   ratio   our gap   their solver")
    ratios = []
    for name, X, y in problems():
        best = objective(SoftmaxRegression(tol=1e-10).fit(X, y), X, y)
        model = SoftmaxRegression()
        racers = {"": partial(model.fit, X, y), **contenders(X, y, best)}
        rounds = [{k: seconds(f, 1) for k, f in racers.items()} for _ in range(8)]
        medians = {k: np.median([r[k] for r in rounds[1:]]) for k in rounds[0]}
        a = medians.pop("")
        solver, b = min(medians.items(), key=lambda item: item[1])
        ratios.append(a / b)
        gap = objective(model, X, y) / best - 1
        print(f"  {name:36s} {a * 1e3:20.1f} {b * 1e3:11.1f} {a / b:7.2f} {gap:9.0e}   {solver}", flush=True)
    print(f"  geometric mean {geometric_mean(ratios):61.2f}   largest {max(ratios):.2f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "classifiers" not in sys.argv[1:]:
        losses()
    if "losses" not in sys.argv[1:]:
        classifiers()
