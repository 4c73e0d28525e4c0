# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How far does a search reach? Many workers of a real engine, many trials in one journal, and what breaks first.

    python benchmarks/scale.py           the stored results
    python benchmarks/scale.py --run     measures anew, keeps it, and shows all

Dask's `LocalCluster` of 1, 2 and 4 worker processes runs 1,000 trials of 50 ms (which sleep, as if they waited for another
machine's work). A journal with 100,000 finished trials is loaded, used and continued. Everything is repeated, and medians
are kept, of the time on the clock and of the processor's time, which other work on the machine disturbs less.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import logging
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dlnotes import LogUniform, Space, Study, Uniform, search

FILE = Path(__file__).parents[1] / "dlnotes" / "recorded" / "scale.json"
SPACE = Space(lr=LogUniform(1e-4, 1), momentum=Uniform(0, 1), x=Uniform(-1, 1))
TRIALS, SECONDS, MANY = 1000, 0.05, 100_000


def objective(params):
    time.sleep(SECONDS)
    return value(params)


def value(params):
    return (np.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + params["momentum"]


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)


def on_dask(workers, lag):
    """One search on a cluster of this many processes; its efficiency is the trials' own time over the workers' time."""
    from dask.distributed import Client, LocalCluster

    options = dict(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)
    with LocalCluster(**options) as cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        executor = client.get_executor()
        search(value, SPACE, 2 * workers, executor=executor)  # all are up
        began, driver = time.perf_counter(), time.process_time()
        study = search(objective, SPACE, TRIALS, executor=executor, lag=lag, journal=Path(folder) / "journal", progress=False)
        took, driver = time.perf_counter() - began, time.process_time() - driver
    assert len(study.complete) == TRIALS
    return {"seconds": took, "efficiency": TRIALS * SECONDS / workers / took, "driver_ms_per_trial": 1e3 * driver / TRIALS, "megabytes": megabytes()}


def a_journal(path, n):
    """A journal of n finished trials, as a search writes it but for the plans, which would take an hour: points at random."""
    from dlnotes.journal import Header, Journal

    study = Study(SPACE, journal=path.with_name("short"))
    for _ in range(12):
        trial = study.ask()
        study.tell(trial, value(trial.params), seconds=0.05)
    shape = json.loads(path.with_name("short").read_text().splitlines()[-2])["shape"]
    sync, os.fsync = os.fsync, lambda file: None  # one at the end is enough here
    try:
        journal = Journal(path, Header(SPACE), lag=2)
        with journal.held():
            for i, params in enumerate(SPACE.sample(n, seed=1)):
                journal.append(ask=i, params=params, whole=i % 4 == 0, shape=shape)
                journal.append(tell=i, value=float(value(params)), seconds=0.05)
    finally:
        os.fsync = sync


def used(path):
    """Every use of a long study, one after the other: (seconds on the clock, of the processor)."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import pandas  # noqa: F401  (imported beforehand)

    from dlnotes import edges, importance, plot_history, plot_trials

    def drawn(plot, study):
        plot(study)
        plt.gcf().canvas.draw()
        plt.close("all")

    held = [None]
    acts = {
        "load": lambda: held.__setitem__(0, Study.load(path)),
        "best": lambda: held[0].best,
        "table": lambda: held[0].to_frame(),
        "as shown in a notebook": lambda: held[0]._repr_html_(),
        "recommended": lambda: held[0].recommended,
        "plot_history": lambda: drawn(plot_history, held[0]),
        "plot_trials": lambda: drawn(plot_trials, held[0]),
        "edges": lambda: edges(held[0]),
        "importance of the first 300": lambda: importance(held[0].first(300)),
        "the next point": lambda: held.append(held[0].ask()),
        "tell": lambda: held[0].tell(held[-1], 1.0),
        "the point after": lambda: held[0].ask(),
    }
    result = {}
    for name, act in acts.items():
        wall, own = time.perf_counter(), time.process_time()
        act()
        result[name] = time.perf_counter() - wall, time.process_time() - own
    return result | {"megabytes": megabytes()}


def alone(*arguments):
    """The result of this program with these arguments, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def median_of(results):
    if isinstance(results[0], dict):
        return {name: median_of([r[name] for r in results]) for name in results[0]}
    return [float(f"{np.median(v):.3g}") for v in zip(*results, strict=True)] if isinstance(results[0], list) else float(f"{np.median(results):.3g}")


def run(times, many=MANY):
    results = {"trials": TRIALS, "seconds": SECONDS, "finished": many, "repeated": times, "dask": {}, "journal": {}}
    results["dask"] = {str(w): median_of([alone("--dask", w, 2 * w) for _ in range(times)]) for w in (1, 2, 4)}
    with tempfile.TemporaryDirectory() as folder:
        for n in (1000, 10_000, many):
            path = Path(folder) / str(n)
            a_journal(path, n)
            results["journal"][str(n)] = median_of([alone("--use", path) for _ in range(times)])
            results["journal"][str(n)]["bytes"] = path.stat().st_size
    results["made with"] = {p: version(p) for p in ("numpy", "distributed", "pandas", "matplotlib")} | {
        "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}  # fmt: skip
    return results


def show(results):
    print(f"{results['trials']} trials of {1e3 * results['seconds']:.0f} ms on Dask, medians of {results['repeated']}")
    for workers, row in results["dask"].items():
        print(f"  {workers} workers  " + "  ".join(f"{name} {v:.3g}" for name, v in row.items()))
    for n, row in results["journal"].items():
        print(f"{int(n):,} finished trials, {row['bytes'] / 1e6:.1f} MB")
        for name, v in row.items():
            if isinstance(v, list):
                print(f"  {name:30} {v[0]:8.3f} s on the clock {v[1]:8.3f} s of the processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="measure anew, and keep it")
    parser.add_argument("--times", type=int, default=5, help="how often each is measured")
    parser.add_argument("--dask", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--use", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.dask:
        print(json.dumps(on_dask(*asked.dask)))
    elif asked.use:
        print(json.dumps(used(asked.use)))
    else:
        if asked.run:
            FILE.write_text(json.dumps(run(asked.times), indent=1) + "\n")
        if FILE.exists():
            show(json.loads(FILE.read_text()))


if __name__ == "__main__":
    main()
