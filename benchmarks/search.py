# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How good is what the search finds? Beside random search and Optuna's samplers, on problems whose truth is known.

    python benchmarks/search.py                       the stored results
    python benchmarks/search.py --run                 computes what is missing, keeps it, and shows all
    python benchmarks/search.py --run --only dlnotes  forgets this searcher's results, and computes them
    python benchmarks/search.py --run --part tuning   computes what is missing on one half
    python benchmarks/search.py --quick               three seeds of the usual searchers, kept nowhere

The regret is the true value of the trial that a search recommends less the best there is, divided by the same of the
median random point: 0 is perfect, 1 is one random point. Less than 0.001 counts as 0.001, so that geometric means over
seeds and problems can be taken; their 95 % intervals resample the problems. Peers recommend the best value seen,
and ours what its model holds best; "dlnotes, best seen" is the best value seen. Each budget is a part of one run.
Our search is also run with other lags, and with one of its choices undone ("no bounds", ...).

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
from contextlib import ExitStack
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np
from problems import problems

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, choice, model, search

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


# Our search with one of its choices undone


def undone(*patches):
    """Our search while parts of a module are others: (module, {name: what to use in its place}) for each."""

    def run(objective, space, seed, budgets):
        with ExitStack() as stack:
            for module, parts in patches:
                stack.enter_context(patch.multiple(module, **parts))
            return {"recommended": ours(objective, space, seed, budgets)["recommended"]}

    return run


def as_they_are(values):
    """In place of `calmed`: mean 0 and variance 1, and nothing else."""
    if np.isnan(values).all():
        return np.zeros(len(values))
    y = np.where(np.isnan(values), np.nanmax(values), values)
    return (y - y.mean()) / max(y.std(), 1e-12)


def ranked(values):
    """In place of `calmed`: the ranks, equal ones for equals."""
    y = np.where(np.isnan(values), np.inf, values)
    return as_they_are(((y[:, None] > y).sum(axis=1) + (y[:, None] >= y).sum(axis=1)).astype(float))


def pulled(options):
    """In place of `_pull`: the lengths of options are held as firmly as those of numbers."""
    return np.append(np.ones(len(options)), 0.1)


def summed(distances, weights):
    """In place of `_weighed`: distances whose likeness is half the usual one, half the mean of each one's own."""
    each = [w * d for w, d in zip(weights, distances, strict=True)]
    return 2 / ((model.likeness(sum(each)) + sum(map(model.likeness, each)) / len(each)) / 2) - 2


def slope_of_summed(guess):
    """In place of `Guess._slope`, for that likeness."""
    n, a = len(guess._known), guess._weights[:, 0]
    each = [w * d for w, d in zip(guess._per_length, guess._distances[:, :n, :n], strict=True)]
    k, G = model.likeness(sum(each)), guess._of_trials - a[:, None] * (a / guess._scale)
    lengths = [0.25 * (d * G * (k * k + model.likeness(d) ** 2 / len(each))).sum() for d in each]
    return np.array([*lengths, 0.5 * guess.noise * np.diag(G).sum()])


SUMMED = undone((model, {"_weighed": summed}), (model.Guess, {"_slope": slope_of_summed}))
UNDONE = {
    "no bounds": undone((choice, {"_TURNS": (0, 0, 0, 0)})),
    "no improvement": undone((choice, {"_TURNS": (1.5, 3, 1.5, 3)})),
    "no look around": undone((choice, {"_WHOLE": None})),
    "no distance": undone((choice, {"_GAP": 0})),
    "no calming": undone((choice, {"calmed": as_they_are})),
    "ranks": undone((choice, {"calmed": ranked})),
    "firm options": undone((model, {"_pull": pulled})),
    "sum, options": SUMMED,
    "sum, numbers": SUMMED,
}
WITH_OPTIONS = {"firm options": True, "sum, options": True, "sum, numbers": False}  # where alone they are run
SEARCHERS = (
    {
        "dlnotes": ours,
        "random": random,
        "TPE": with_optuna("TPESampler"),
        "CMA-ES": with_optuna("CmaEsSampler"),
        "GP": with_optuna("GPSampler"),
    }
    | {f"lag {lag}": partial(ours, lag=lag) for lag in (1, 4, 8, 16, 32)}
    | UNDONE
)
PACKAGES = {"TPE": ["optuna"], "CMA-ES": ["optuna", "cmaes"], "GP": ["optuna", "torch"]}
SLOW = {"GP"}  # on every third problem alone, with a quarter of the seeds and half of the trials
LAGS = {name for name in SEARCHERS if name.startswith("lag")}  # on every third problem, lag 1 on all for tuning
SHORT = {*SLOW, *LAGS, *UNDONE}  # with half of the trials


# Running them

problems_of = cache(problems)


def problems_for(searcher, part):
    """The problems of one half that a searcher is run on: with a choice undone, only those for tuning."""
    found = problems_of(part)
    if searcher in UNDONE:
        wanted = WITH_OPTIONS.get(searcher)
        return [p for p in found if part == "tuning" and wanted in (None, not p.space.ordered.all())]
    third = searcher in SLOW | LAGS and (searcher, part) != ("lag 1", "tuning")
    return found[::3] if third else found


def jobs(searchers, seeds, results, parts=("tuning", "held out")):
    """(problem, searcher, seeds, budgets) for each that lacks some of the seeds 0, 1, …"""
    for searcher in searchers:
        n = max(1, seeds // 4) if searcher in SLOW else seeds
        budgets = BUDGETS[:-1] if searcher in SHORT else BUDGETS
        for part in parts:
            for p in problems_for(searcher, part):
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
        of = {label: c for label, c in found.items() if label not in UNDONE}
        print(f"{'':27}" + "".join(f"{label:>{max(9, len(label) + 2)}}" for label in of))
        for name in names:
            cells = [(f"{c[name][2]:.4f}" if name in c else "", max(9, len(label) + 2)) for label, c in of.items()]
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
    parser.add_argument("--part", choices=["tuning", "held out"], help="computes on this half alone")
    parser.add_argument("--quick", action="store_true", help="three seeds of the usual searchers, kept nowhere")
    arguments = parser.parse_args()
    results = {} if arguments.quick else stored()
    if arguments.quick or arguments.run:
        for found in results.values():
            for name in arguments.only:
                found.pop(name, None)
        skip = {*arguments.skip, *(SHORT if arguments.quick else ())}
        chosen = arguments.only or [name for name in SEARCHERS if name not in skip]
        parts = [arguments.part] if arguments.part else ["tuning", "held out"]
        wanted = list(jobs(chosen, 3 if arguments.quick else arguments.seeds, results, parts))
        compute(wanted, results, arguments.processes, (lambda results: None) if arguments.quick else keep)
    show(results)
