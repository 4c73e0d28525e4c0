"""What ending losing trials early saves, and what it costs: epochs and regret, by rule, on trainings of our own.

    python benchmarks/curves.py          what was recorded
    python benchmarks/curves.py --run    measure again, some ten minutes, and record it

Every search has 60 trials. A rule's epochs are a share of those of the search that trains every trial to its end, and
its best value stands beside that of the same search, seed by seed.
"""

import argparse
import itertools
import json
import math
from pathlib import Path
from unittest import mock

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from dlnotes import Integer, LogUniform, ReverseLogUniform, Space, search
from dlnotes.curves import limits_from

RECORDED = Path(__file__).parents[1] / "dlnotes" / "recorded" / "curves.json"
SEEDS, TRIALS, EPOCHS = 12, 60, 27


def halves(x, y, n=400):
    """Standardised rows to train on, and to judge by."""
    order = np.random.default_rng(0).permutation(len(y))[: 2 * n]
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    return x[order[:n]], y[order[:n]], x[order[n:]], y[order[n:]]


def network(data, outputs, layers, lr, beta, batch, decay, report):
    """A network with rectified layers, trained with Adam; reports its loss on rows to judge by; returns the last."""
    x, y, xv, yv = data
    rng = np.random.default_rng(0)
    sizes = [x.shape[1], *layers, outputs]
    weights = [rng.standard_normal((a + 1, b)) * math.sqrt(2 / a) for a, b in itertools.pairwise(sizes)]
    means = [np.zeros_like(w) for w in weights]
    squares = [np.zeros_like(w) for w in weights]

    def forward(rows):
        kept = [np.column_stack([rows, np.ones(len(rows))])]
        for w in weights[:-1]:
            kept.append(np.column_stack([np.maximum(kept[-1] @ w, 0), np.ones(len(rows))]))
        return kept, kept[-1] @ weights[-1]

    def slope(z, t):
        if outputs == 1:
            return z - t[:, None]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(t)), t] -= 1
        return p

    def loss(z, t):
        if outputs == 1:
            return float(((z[:, 0] - t) ** 2).mean())
        z = z - z.max(axis=1, keepdims=True)
        return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(t)), t]).mean())

    guessing = math.log(outputs) if outputs > 1 else float(yv.var())
    step = 0
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(y))
        for i in range(0, len(y), batch):
            rows = order[i : i + batch]
            kept, z = forward(x[rows])
            back, step = slope(z, y[rows]) / len(rows), step + 1
            for k in reversed(range(len(weights))):
                g = kept[k].T @ back + decay * weights[k]
                if k:
                    back = (back @ weights[k][:-1].T) * (kept[k][:, :-1] > 0)
                means[k] = beta * means[k] + (1 - beta) * g
                squares[k] = 0.999 * squares[k] + 0.001 * g * g
                root = np.sqrt(squares[k] / (1 - 0.999**step)) + 1e-8
                weights[k] -= lr * means[k] / (1 - beta**step) / root
        value = loss(forward(xv)[1], yv)
        value = round(min(value, guessing) if math.isfinite(value) else guessing, 4)
        report(epoch, value)
    return value


digits = halves(*load_digits(return_X_y=True))
cancer = halves(*load_breast_cancer(return_X_y=True), n=280)
x, y = load_diabetes(return_X_y=True)
diabetes = halves(x, (y - y.mean()) / y.std(), n=220)
common = dict(beta=ReverseLogUniform(0.5, 0.99), batch=Integer(32, 256, log=True), decay=LogUniform(1e-6, 1e-1))


def softmax(p, report):
    """Softmax regression on digits."""
    return network(digits, 10, [], p["lr"], p["beta"], p["batch"], p["decay"], report)


def layered(p, report):
    """A network of one hidden layer on digits."""
    return network(digits, 10, [p["units"]], p["lr"], p["beta"], p["batch"], p["decay"], report)


def tumours(p, report):
    """A network of one or two layers on breast cancer."""
    return network(cancer, 2, [p["units"]] * p["layers"], p["lr"], p["beta"], p["batch"], p["decay"], report)


def patients(p, report):
    """A regression by a network on diabetes: few rows, so that most trainings get worse again."""
    return network(diabetes, 1, [p["units"]], p["lr"], p["beta"], p["batch"], p["decay"], report)


PROBLEMS = {
    "softmax regression, digits": (softmax, Space(lr=LogUniform(1e-5, 1), **common)),
    "network, digits": (layered, Space(lr=LogUniform(1e-5, 1), units=Integer(4, 64, log=True), **common)),
    "network, tumours": (
        tumours,
        Space(lr=LogUniform(1e-5, 1), units=Integer(2, 32, log=True), layers=Integer(1, 2), **common),
    ),
    "network, diabetes": (patients, Space(lr=LogUniform(1e-5, 1), units=Integer(2, 64, log=True), **common)),
}


def complete(paths, losses):
    """The trials that were trained to their end, the best first; none where there are too few."""
    ends = sorted((loss, i) for i, loss in enumerate(losses) if not math.isnan(loss))
    return [paths[i] for _, i in ends] if len(ends) >= 4 else []


def halving(paths, losses):
    """Successive halving: at a ninth and a third of the way the best third of those that came as far goes on."""
    limits = []
    for epoch in (1, 3, 9) if complete(paths, losses) else ():
        there = sorted(path[1][epoch - 1] for path in paths if len(path[0]) >= epoch)
        limits.append((float(epoch), there[math.ceil(len(there) / 3) - 1]))
    return limits


def fifth(paths, losses):
    """At every epoch a trial goes on that is no worse than the worst of the best fifth was."""
    ends = complete(paths, losses)
    good = ends[: math.ceil(len(ends) / 5)]
    return [(float(i + 1), max(path[1][i] for path in good)) for i in range(EPOCHS - 1) if good]


RULES = {"to the end": None, "median": limits_from, "halving": halving, "good fifth": fifth}


def one(objective, space, rule, seed):
    """The best value after each trial of a search, and the epochs by then."""
    with mock.patch("dlnotes.study.limits_from", rule or limits_from):
        study = search(objective, space, TRIALS, seed, prune=rule is not None, progress=False)
    best = np.fmin.accumulate(study.values).tolist()
    return best, np.cumsum([len(t.curve) for t in study.trials]).tolist()


def run():
    """Everything, to the file."""
    found = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    for name, (objective, space) in PROBLEMS.items():
        for label, rule in RULES.items():
            of = found.setdefault(name, {}).setdefault(label, {"best": [], "epochs": []})
            for seed in range(len(of["best"]), SEEDS):
                best, epochs = one(objective, space, rule, seed)
                of["best"].append(best)
                of["epochs"].append(epochs)
            RECORDED.write_text(json.dumps(found, indent=1) + "\n")
            print(name, label, flush=True)


def show():
    """The recorded, as a table."""
    for name, of in json.loads(RECORDED.read_text()).items():
        print(name)
        for label in of:
            share, loss, same = compared(of, label)
            print(
                f"  {label:12} epochs {share:.2f}  best {loss:+.1%}, and {same:+.1%} where as many epochs go to the end"
            )


def compared(of, label):
    """The share of the epochs, and how much worse the best is than that of training all to the end, with as many trials
    and with as many epochs; medians over the seeds."""
    ours, full = of[label], of["to the end"]
    best = [run[-1] for run in ours["best"]]
    share = np.median([run[-1] / whole[-1] for run, whole in zip(ours["epochs"], full["epochs"], strict=True)])
    cut = [
        bests[int(np.searchsorted(epochs, run[-1]))]
        for bests, epochs, run in zip(full["best"], full["epochs"], ours["epochs"], strict=True)
    ]
    to = [bests[-1] for bests in full["best"]]
    return share, np.median(best) / np.median(to) - 1, np.median(best) / np.median(cut) - 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="measure, go on where it stopped, and record")
    run() if parser.parse_args().run else show()
