# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How good is what the search finds? Beside random search and Optuna's samplers, on problems whose truth is known.

    python benchmarks/search.py                       the stored results
    python benchmarks/search.py --run                 computes what is missing, keeps it, and shows all
    python benchmarks/search.py --run --only dlnotes  forgets this searcher's results, and computes them
    python benchmarks/search.py --quick               three seeds, without the slow peer and other lags, kept nowhere

The regret is the true value of the trial that a search recommends less the best there is, divided by the same of the
median random point: 0 is perfect, 1 is one random point. Less than 0.001 counts as 0.001, so that geometric means over
seeds and problems can be taken; their 95 % intervals resample the problems. Peers recommend the best value seen,
and ours what its model holds best; "dlnotes, best seen" is the best value seen. Each budget is a part of one run.

The search is tuned on the half "tuning" alone; problems.py says how the halves are split.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import math
import multiprocessing
import warnings
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import numpy as np
from problems import problems

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, search

FILE = Path(__file__).parents[1] / "dlnotes" / "recorded" / "search.json"
BUDGETS = (30, 60, 100, 200)
FLOOR = 1e-3


# The searchers: each runs n trials of an objective and returns, for each budget, the params that it recommends then.


def best_seen(trials, budget):
    """The params with the least value among the first trials, (params, value) each; None if all of them failed."""
    done = [t for t in trials[:budget] if not math.isnan(t[1])]
    return min(done, key=lambda t: t[1])[0] if done else None


def ours(objective, space, seed, budgets, **options):
    trials = []

    def recorded(params):
        trials.append((params, objective(params)))
        return trials[-1][1]

    try:
        study = search(recorded, space, max(budgets), seed=seed, progress=False, **options)
    except RuntimeError:  # all of the first trials failed
        return {"recommended": [None for _ in budgets], "seen": [None for _ in budgets]}
    seen = [best_seen(trials, b) for b in budgets]
    return {"recommended": [recommended(study, b) for b in budgets], "seen": seen}


def recommended(study, budget):
    """What the search would have recommended after fewer trials, for they are the first of its longer run."""
    before = study.first(budget)
    return before.recommended.params if before.complete else None


def random(objective, space, seed, budgets):
    points = space.sample(max(budgets), seed=seed)
    trials = [(p, objective(p)) for p in points]
    return {"recommended": [best_seen(trials, b) for b in budgets]}


def with_optuna(sampler):
    def run(objective, space, seed, budgets):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed))
        ranges = {name: optuna_range(scale) for name, scale in space.scales.items()}
        trials = []
        for _ in range(max(budgets)):
            trial = study.ask(ranges)
            params = {k: 1 - v if isinstance(space[k], ReverseLogUniform) else v for k, v in trial.params.items()}
            params = {k: min(max(v, s.low), s.high) if hasattr(s := space[k], "low") else v for k, v in params.items()}
            value = objective(params)
            trials.append((params, value))
            if math.isnan(value):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
        return {"recommended": [best_seen(trials, b) for b in budgets]}

    return run


def optuna_range(scale):
    """The same as a distribution of Optuna's; of 1 - value where the scale is logarithmic in that."""
    from optuna import distributions

    if isinstance(scale, Categorical):
        return distributions.CategoricalDistribution(scale.options)
    if isinstance(scale, Integer):
        return distributions.IntDistribution(scale.low, scale.high, log=scale.log)
    if isinstance(scale, ReverseLogUniform):
        return distributions.FloatDistribution(1 - scale.high, 1 - scale.low, log=True)
    return distributions.FloatDistribution(scale.low, scale.high, log=isinstance(scale, LogUniform))


SEARCHERS = {
    "dlnotes": ours,
    "random": random,
    "TPE": with_optuna("TPESampler"),
    "CMA-ES": with_optuna("CmaEsSampler"),
    "GP": with_optuna("GPSampler"),
} | {f"lag {lag}": partial(ours, lag=lag) for lag in (1, 4, 8, 16, 32)}
PACKAGES = {"TPE": ["optuna"], "CMA-ES": ["optuna", "cmaes"], "GP": ["optuna", "torch"]}
SLOW = {"GP"}  # on every third problem alone, with a quarter of the seeds and half of the trials
LAGS = {name for name in SEARCHERS if name.startswith("lag")}  # on every third problem, with half of the trials


# Running them

problems_of = cache(problems)


def jobs(searchers, seeds, results):
    """(problem, searcher, seeds, budgets) for each that lacks some of the seeds 0, 1, …"""
    for searcher in searchers:
        n = max(1, seeds // 4) if searcher in SLOW else seeds
        budgets = BUDGETS[:-1] if searcher in SLOW | LAGS else BUDGETS
        for part in ("tuning", "held out"):
            for p in problems_of(part)[:: 3 if searcher in SLOW | LAGS else 1]:
                found = results.get(p.name, {}).get(searcher)
                done = len(found["regret"]["recommended"]) if found else 0
                if done < n:
                    yield p.name, searcher, range(done, n), budgets


def regrets(job):
    """The regrets of one searcher on one problem: for each way to recommend, a row per seed and a column per budget."""
    name, searcher, seeds, budgets = job
    warnings.simplefilter("ignore")
    problem = next(p for p in problems_of() if p.name == name)
    runs = [SEARCHERS[searcher](problem.objective(s), problem.space, s, budgets) for s in seeds]
    rows = {way: [[float(f"{problem.regret(p):.4g}") for p in run[way]] for run in runs] for way in runs[0]}
    versions = {
        package: import_module(package).__version__ for package in [*PACKAGES.get(searcher, []), "dlnotes", "numpy"]
    }
    return job, {"budgets": budgets, "versions": versions, "regret": rows}


def compute(wanted, results, processes, keep):
    """Adds the wanted jobs to `results`, {problem: {searcher: ...}}, and keeps them after each."""
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for i, ((name, searcher, seeds, _), found) in enumerate(pool.imap_unordered(regrets, wanted), 1):
            of = results.setdefault(name, {})
            if seeds[0]:
                found["regret"] = {w: of[searcher]["regret"][w] + rows for w, rows in found["regret"].items()}
            of[searcher] = found
            keep(results)
            print(f"{i} of {len(wanted)}: {searcher} on {name}", flush=True)


def keep(results):
    """Replaces the file at once: a line for each problem and searcher."""
    entries = []
    for p in problems_of():
        if p.name in results:
            of = results[p.name]
            lines = [f'  "part": "{p.part}"', *(f'  "{s}": {json.dumps(of[s])}' for s in SEARCHERS if s in of)]
            entries.append(f'"{p.name}": {{\n' + ",\n".join(lines) + "}")
    part = FILE.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(entries) + "\n}\n")
    part.replace(FILE)


def stored():
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    return {name: {s: of[s] for s in of if s != "part"} for name, of in found.items()}


# Showing what was found


def geometric(rows):
    """The geometric mean over seeds at each budget."""
    return np.exp(np.log(np.maximum(rows, FLOOR)).mean(axis=0))


def columns(results):
    """{label: {problem: geometric mean regret at each budget}}."""
    found = {}
    for name, searchers in results.items():
        for searcher, result in searchers.items():
            for way, rows in result["regret"].items():
                if way != "recommended" and searcher in LAGS:
                    continue
                label = searcher if way == "recommended" else f"{searcher}, best seen"
                found.setdefault(label, {})[name] = geometric(rows)
    return found


def interval(logs, draws=4000):
    """exp of the mean of `logs`, and its 95 % interval when the problems are drawn again."""
    again = np.random.default_rng(0).integers(len(logs), size=(draws, len(logs)))
    low, high = np.exp(np.quantile(np.asarray(logs)[again].mean(axis=1), [0.025, 0.975]))
    return f"{math.exp(np.mean(logs)):6.3f} [{low:.3f}, {high:.3f}]"


def show(results):
    found = columns(results)
    for part in ("tuning", "held out"):
        names = [p.name for p in problems_of(part) if p.name in results]
        print(f"\n{part}, {len(names)} problems: regret after 100 trials, geometric mean over seeds")
        print(f"{'':27}" + "".join(f"{label:>{max(9, len(label) + 2)}}" for label in found))
        for name in names:
            cells = [(f"{c[name][2]:.4f}" if name in c else "", max(9, len(label) + 2)) for label, c in found.items()]
            print(f"{name:27}" + "".join(f"{cell:>{width}}" for cell, width in cells))
        for i, budget in enumerate(BUDGETS):
            print(f"\n{part}, {budget} trials: geometric mean over problems, and ours over it on the same problems")
            for label, column in found.items():
                logs = {n: math.log(column[n][i]) for n in names if n in column and i < len(column[n])}
                if not logs:
                    continue
                line = f"  {label:20} {interval(list(logs.values())):24}"
                mine = found.get("dlnotes", {})
                if label != "dlnotes" and (both := [n for n in logs if n in mine]):
                    line += f"  {interval([math.log(mine[n][i]) - logs[n] for n in both])}"
                print(line + (f"   ({len(logs)} problems)" if len(logs) < len(names) else ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="compute what is missing")
    parser.add_argument("--only", nargs="+", choices=SEARCHERS, default=[], help="forgets and computes these searchers")
    parser.add_argument("--skip", nargs="+", choices=SEARCHERS, default=[], help="leaves these out")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="three seeds, without the slow peer and other lags, kept nowhere"
    )
    arguments = parser.parse_args()
    results = {} if arguments.quick else stored()
    if arguments.quick or arguments.run:
        for found in results.values():
            for name in arguments.only:
                found.pop(name, None)
        skip = {*arguments.skip, *(SLOW | LAGS if arguments.quick else ())}
        chosen = arguments.only or [name for name in SEARCHERS if name not in skip]
        wanted = list(jobs(chosen, 3 if arguments.quick else arguments.seeds, results))
        compute(wanted, results, arguments.processes, (lambda results: None) if arguments.quick else keep)
    show(results)
