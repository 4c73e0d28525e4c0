"""The searches' own time per trial, the objective being free, beside Optuna's samplers."""

import math
import warnings
from functools import partial

from bench import Case
from search import SEARCHERS

from dlnotes import Categorical, Integer, LogUniform, Space

space = Space({f"x{i}": LogUniform(1e-4, 1) for i in range(4)}, hidden=Integer(5, 100), kind=Categorical("a", "b", "c"))


def value(p):
    return sum(math.log(p[f"x{i}"]) ** 2 for i in range(4)) + p["hidden"] + len(p["kind"])


def cases(threads, compiled):
    warnings.simplefilter("ignore")
    for n, peers in {60: ("TPE", "CMA-ES", "GP"), 200: ("TPE", "CMA-ES")}.items():
        for peer in peers:
            ours, theirs = (partial(SEARCHERS[name], value, space, 0, (n,)) for name in ("dlnotes", peer))
            yield Case(f"{n} trials, beside {peer}", ours, theirs, peer, per=n, seconds=3)
