"""Points of five hyperparameters: `Space.sample` beside scikit-learn's ParameterSampler and Optuna's random draws.

    python benchmarks/draws.py [--rounds 9]

Interleaved in one run; a table of the median time for a point, and of how many times ours that is.
"""

import argparse
import time
from statistics import median

import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from scipy import stats
from sklearn.model_selection import ParameterSampler

from dlnotes import Integer, LogUniform, ReverseLogUniform, Space, Uniform

space = Space(
    lr=LogUniform(1e-4, 1),
    momentum=ReverseLogUniform(0.9, 0.999),
    hidden=Integer(50, 100),
    batch=Integer(16, 512, log=True),
    dropout=Uniform(0, 0.5),
)
theirs = dict(
    lr=stats.loguniform(1e-4, 1),
    momentum=stats.uniform(0.9, 0.099),  # neither library has a log scale of 1 - value
    hidden=stats.randint(50, 101),
    batch=stats.loguniform(16, 512),
    dropout=stats.uniform(0, 0.5),
)
optunas = dict(
    lr=FloatDistribution(1e-4, 1, log=True),
    momentum=FloatDistribution(0.9, 0.999),
    hidden=IntDistribution(50, 100),
    batch=IntDistribution(16, 512, log=True),
    dropout=FloatDistribution(0, 0.5),
)


def with_optuna(n):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(n):
        study.ask(optunas)


ways = {
    "ours": (space.sample, 100_000),
    "scikit-learn": (lambda n: list(ParameterSampler(theirs, n, random_state=0)), 1000),
    "Optuna": (with_optuna, 300),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (draw, n) in ways.items():
            begin = time.perf_counter()
            draw(n)
            seconds[name].append((time.perf_counter() - begin) / n)
    for name, each in seconds.items():
        times = median(each) / median(seconds["ours"])
        print(f"{name:13} {median(each) * 1e6:9.2f} µs a point   {times:7.0f} times ours")


if __name__ == "__main__":
    main()
