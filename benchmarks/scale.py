# ruff: noqa: E402  (threads are pinned before NumPy is imported)
"""How far does a search reach? Many workers of a real engine, many trials in one journal, many under way.

    python benchmarks/scale.py           the stored results
    python benchmarks/scale.py --run     measures anew, some ten minutes, keeps it, and shows it
    python benchmarks/scale.py --quick   a tenth of it, kept nowhere

Dask's `LocalCluster` of 1, 2 and 4 worker processes runs 1,000 trials of 50 ms, which sleep, as if they waited for
another machine's work. A journal with 100,000 finished trials is loaded, used and gone on with. A trial is planned
while up to a thousand others are under way. Each measurement has a process of its own; what is kept are medians of
several.
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
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dlnotes import LogUniform, Space, Study, Uniform, search
from dlnotes.journal import Header, Journal

FILE = Path(__file__).parents[1] / "dlnotes" / "recorded" / "scale.json"
SPACE = Space(lr=LogUniform(1e-4, 1), momentum=Uniform(0, 1), x=Uniform(-1, 1))
SECONDS = 0.05


def objective(params):
    time.sleep(SECONDS)
    return value(params)


def value(params):
    return (np.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + params["momentum"]


def megabytes():
    """This process at its peak."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def on_dask(workers, trials):
    """A search on a cluster of so many processes. Its efficiency: the time of the trials over that of the workers."""
    from dask.distributed import Client, LocalCluster

    options = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "silence_logs": logging.CRITICAL,
    }
    with LocalCluster(**options) as cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        run = partial(search, space=SPACE, executor=client.get_executor(), lag=2 * workers, progress=False)
        run(value, n_trials=4 * workers)  # all are up
        before, began, driver = megabytes(), time.perf_counter(), time.process_time()
        study = run(objective, n_trials=trials, journal=Path(folder) / "journal")
        took, driver = time.perf_counter() - began, time.process_time() - driver
    assert len(study.complete) == trials
    return {
        "seconds": took,
        "efficiency": trials * SECONDS / workers / took,
        "driver": driver / trials,
        "megabytes": megabytes() - before,
    }


def write_journal(path, n):
    """A journal of n finished trials as a search writes it, but with points at random, whose planning takes no time."""
    journal, sync = Journal(path, Header(SPACE, seed=1), lag=2), os.fsync
    shape = [-1.0, -0.5, 0.25, -4.0]  # lengths that a plan has learned
    os.fsync = lambda file: None
    try:
        with journal.held():
            for number, params in enumerate(SPACE.sample(n, seed=1)):
                journal.append(ask=number, params=params, whole=number % 4 == 2, shape=shape)
                journal.append(tell=number, value=float(value(params)), seconds=SECONDS)
    finally:
        os.fsync = sync


def used(path):
    """Every use of a long study, one after the other: seconds."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import pandas  # noqa: F401  (not on the clock)

    from dlnotes import edges, importance, plot_history, plot_trials

    def drawn(plot):
        plot(study)
        plt.gcf().canvas.draw()
        plt.close("all")

    began, before = time.perf_counter(), megabytes()
    study = Study.load(path)
    result = {"load it": time.perf_counter() - began}
    study = Study(SPACE, journal=path, seed=1)
    study.tell(study.ask(), 9.0)  # warms up
    for name, use in {
        "the best trial": lambda: study.best,
        "the recommended one": lambda: study.recommended,
        "as a data frame": study.to_frame,
        "as a notebook shows it": study._repr_html_,
        "plot_history": lambda: drawn(plot_history),
        "plot_trials": lambda: drawn(plot_trials),
        "edges": lambda: edges(study),
        "importance of the first 300": lambda: importance(study.first(300)),
        "the next point": study.ask,
    }.items():
        began = time.perf_counter()
        use()
        result[name] = time.perf_counter() - began
    return result | {"megabytes": megabytes() - before, "bytes": path.stat().st_size}


def planned(workers):
    """Seconds of a plan while so many trials are under way, after 300 that have ended."""
    study = Study(SPACE, seed=0, lag=workers + 1)
    for params in SPACE.sample(300, seed=1):
        study.add(params, float(value(params)))
    study._queue = SPACE.sample(workers - 1, seed=2)
    for _ in range(workers - 1):
        study.ask()
    study.ask()  # warms up
    began = time.perf_counter()
    study.ask()
    return {"seconds": time.perf_counter() - began}


def alone(*arguments, times=1):
    """The medians of what this program measures with these arguments, each time in a process of its own."""
    found = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: float(f"{np.median([r[name] for r in found]):.3g}") for name in found[0]}


def run(quick):
    share, times = (10, 1) if quick else (1, 3)
    trials, many = 1000 // share, [1000 // share, 10_000 // share, 100_000 // share]
    found = {"trials": trials, "seconds": SECONDS, "times": times, "journal": {}}
    found["dask"] = {str(n): alone("--dask", n, trials, times=times) for n in (1, 2, 4)}
    found["under way"] = {str(n): alone("--plan", n, times=times)["seconds"] for n in (1, 10, 100, 1000 // share)}
    for n in many:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal"
            write_journal(path, n)
            found["journal"][str(n)] = alone("--use", path, times=times)
    packages = {name: version(name) for name in ("numpy", "distributed", "pandas", "matplotlib")}
    system = {"system": f"{platform.system()} {platform.machine()}", "python": platform.python_version()}
    return found | {"made with": system | packages}


def show(found):
    print(f"{found['trials']} trials of {1e3 * found['seconds']:.0f} ms on Dask, medians of {found['times']}")
    for workers, row in found["dask"].items():
        print(f"  {workers} workers: " + ", ".join(f"{name} {v:.3g}" for name, v in row.items()))
    print("a plan with so many under way, in seconds")
    print("  " + ", ".join(f"{n}: {seconds:.3g}" for n, seconds in found["under way"].items()))
    for n, row in found["journal"].items():
        print(f"{int(n):,} finished trials in a journal")
        print("".join(f"  {name:30} {v:10.4g}\n" for name, v in row.items()), end="")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="measure anew, and keep it")
    parser.add_argument("--quick", action="store_true", help="measure a tenth of it, and keep nothing")
    parser.add_argument("--dask", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plan", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--use", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.dask:
        print(json.dumps(on_dask(*asked.dask)))
    elif asked.plan:
        print(json.dumps(planned(asked.plan)))
    elif asked.use:
        print(json.dumps(used(asked.use)))
    elif asked.quick:
        show(run(quick=True))
    else:
        if asked.run:
            FILE.write_text(json.dumps(run(quick=False), indent=1) + "\n")
        show(json.loads(FILE.read_text()))


if __name__ == "__main__":
    main()
