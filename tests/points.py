"""Prints digests of points that must be the same, to the last bit, on every machine; test_machines.py compares them."""

import hashlib
import json
import math

import numpy as np

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Space, Uniform, search
from dlnotes.arithmetic import Stream, exp, log

SCALES = {
    "uniform": Uniform(-3, 5),
    "huge": Uniform(-1.7e308, 1.7e308),
    "log": LogUniform(1e-4, 1),
    "wide log": LogUniform(1e-300, 1e300),
    "smallest to largest": LogUniform(5e-324, 1.7976931348623157e308),
    "reverse log": ReverseLogUniform(0.9, 0.999),
    "near zero": ReverseLogUniform(0, 1e-10),
    "below zero": ReverseLogUniform(-1e10, 0.5),
    "integer": Integer(-7, 100),
    "log integer": Integer(1, 2**40, log=True),
    "options": Categorical(["relu", "tanh", None, 3, (64, 32)]),
}
SPACE = Space(
    lr=SCALES["log"],
    beta=SCALES["reverse log"],
    dropout=Uniform(0, 0.5),
    layers=Integer(1, 4),
    units=Integer(8, 512, log=True),
    activation=Categorical(["relu", "tanh", "gelu"]),
)
board = Space(row=Integer(0, 7), piece=Categorical(list("abcd")))


def valley(p):
    """Plain arithmetic only, with ties, a region that fails and one that has no value."""
    if p["layers"] == 1 and p["dropout"] > 0.4:
        raise ArithmeticError
    if p["layers"] == 4 and p["dropout"] > 0.4:
        return math.nan
    far = abs(p["lr"] / (p["lr"] + 0.01) - 0.5) + abs(0.05 / (1 - p["beta"]) - 1) / 50 + abs(p["units"] - 64) / 1000
    return math.floor(64 * (far + abs(p["dropout"] - 0.1) + (p["activation"] == "tanh") / 8)) / 64


def chess(p):
    """On a board small enough to look at every square."""
    return (p["row"] - 2) * (p["row"] - 2) + (p["piece"] != "b") + (p["row"] * 3) % 5


def digest(values):
    """A short hash of numbers, or of whatever has a `repr` that is the same everywhere."""
    exact = [v.hex() if isinstance(v, float) else repr(v) for v in values]
    return hashlib.sha256("\n".join(exact).encode()).hexdigest()[:16]


def trials(space, objective, n, seed, **options):
    study = search(objective, space, n, seed=seed, progress=False, **options)
    return [v for t in study.trials for v in (*t.params.values(), t.state, t.whole)]


def digests():
    """Name and digest of everything that decides where a trial is."""
    found = {}
    for name, scale in SCALES.items():
        values = scale.ppf(Stream(0, name)(1000)).tolist()
        positions = scale.cdf(values).tolist()
        assert values == [scale.ppf(u) for u in Stream(0, name)(1000)], name  # alone as in an array
        assert positions == [scale.cdf(v) for v in values], name
        found[name] = digest(values + positions)
    whole = np.arange(2000) - 1000.0
    found["exponentials"] = digest([*exp(whole * 0.7456).tolist(), *exp(Stream(0, "exp")(2000) - 0.5).tolist()])
    everywhere = np.ldexp(1 + Stream(0, "log")(2000), np.arange(-1070, 930, dtype=np.intc))
    found["logarithms"] = digest(log(everywhere).tolist())
    for method in ("random", "quasirandom", "grid"):
        points = SPACE.sample(200, seed=3, start=50, method=method)
        found[method] = digest([v for p in points for v in p.values()])
    for seed in range(5):
        found[f"search {seed}"] = digest(trials(SPACE, valley, 60, seed))
    found["long search"] = digest(trials(SPACE, valley, 120, 0, direction="maximize", lag=8))
    found["small board"] = digest(trials(board, chess, 40, 0, repeat=True))
    return found


if __name__ == "__main__":
    print(json.dumps(digests()))
