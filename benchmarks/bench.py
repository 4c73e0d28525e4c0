"""Every figure of speed and memory that the book quotes, measured beside its peer.

    python benchmarks/bench.py                    all of it, some forty minutes; the results are kept
    python benchmarks/bench.py draws losses       these alone, in the place of their earlier results
    python benchmarks/bench.py --quick            a few rounds of each, kept nowhere
    python benchmarks/bench.py --show             what was kept

A module here that has `cases` says what to measure: each `Case` is a function of ours and one of a peer's, which do the
same work. They take turns in one process, round by round, each first in every other round, with the same number of
threads. What is kept is the median of each, and the ratio of the medians with its 95 % interval, from resampled rounds.
A process of its own does this for each module, number of threads, and way of ours to compute (NumPy alone, or the loops
that Numba compiles). Memory is what a call adds to the peak of a fresh process, beside what it returns.

Each machine has its own file of results in dlnotes/recorded/speed; `--machine NAME` names it. The page "How fast, and
how we know" shows those of reference.json.
"""

import argparse
import ctypes
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

FOLDER = Path(__file__).parents[1] / "dlnotes" / "recorded" / "speed"
THREADS = {  # of each module, with NumPy alone and with the loops that Numba compiles
    "draws": [(1, False)],
    "overhead": [(1, False)],
    "batchnorm": [(1, False), (1, True), (2, False), (2, True)],
    "losses": [(1, False), (1, True), (2, False), (2, True)],
    "network": [(1, False), (1, True), (2, False), (2, True)],
    "classifiers": [(1, False), (2, False)],
    "paths": [(1, False)],
    "growth": [(1, True)],
}
VERSIONS = "numpy", "numba", "torch", "scikit-learn", "scipy", "optuna"


@dataclass
class Case:
    """Two functions that do the same work."""

    name: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any] | None = None
    peer: str = ""
    seconds: float = 1.0  # how long to measure, at least seven rounds, or three of more than a second
    taken: float = 0  # theirs in seconds, where one run of it is too long to be repeated, or was stopped
    per: int = 1  # units of work in a call: the times are of one unit
    moved: int = 0  # bytes that have to pass through memory, at least
    memory: int = 0  # bytes of the input, if the memory is to be measured: it is told as a multiple of these
    size: float = 0  # where the case stands on the axis of a growth


# Measuring


def measured(case: Case, quick: bool) -> dict[str, Any]:
    """The times of a case: medians in seconds, their ratio, and its 95 % interval."""
    sides = {"ours": case.ours} | ({"theirs": case.theirs} if case.theirs else {})
    for side in sides.values():
        side()  # warms up; what is compiled is compiled now
    once = {name: timed(side, 1) for name, side in sides.items()}
    calls = max(1, int(0.002 / max(once.values())))
    rounds = max(7 if sum(once.values()) < 1 else 3, int(case.seconds / (calls * sum(once.values()) + 1e-9)))
    rounds = 3 if quick else min(rounds, 301)
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(rounds):
        for name in sorted(sides, reverse=bool(k % 2)):
            spent[name].append(timed(sides[name], calls) / case.per)
    if case.taken:
        spent["theirs"] = [case.taken] * rounds
    return {"name": case.name, "rounds": rounds, "size": case.size, **summary(spent), "peer": case.peer}


def timed(side: Callable[[], Any], calls: int) -> float:
    """Seconds of a call; what a call returns is dropped before the next one, and not on the clock after the last."""
    start = perf_counter()
    for _ in range(calls - 1):
        side()
    result = side()
    taken = perf_counter() - start
    del result
    return taken / calls


def summary(spent: dict[str, list[float]]) -> dict[str, Any]:
    import numpy as np

    found = {name: float(np.median(times)) for name, times in spent.items()}
    if "theirs" in spent:
        ours, theirs = np.array(spent["ours"]), np.array(spent["theirs"])
        again = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
        ratios = np.median(ours[again], axis=1) / np.median(theirs[again], axis=1)
        low, high = np.quantile(ratios, [0.025, 0.975])
        found |= {"ratio": found["ours"] / found["theirs"], "low": float(low), "high": float(high)}
    return found


def resident(which: str) -> int:
    """VmRSS (now) or VmHWM (at the peak) of this process in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(which))


def peak(case: Case, side: str) -> int:
    """By how much a call raises this process's peak beyond what it returns, in bytes. The first call sets things up."""
    call = getattr(case, side)
    call()
    ctypes.CDLL(None).malloc_trim(0)  # what the C library keeps of freed memory would be used again, unseen
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts again from here
    before = resident("VmRSS")
    result = call()
    return max(0, resident("VmHWM") - before - size_of(result))


def size_of(result: Any) -> int:
    if isinstance(result, (tuple, list)):
        return sum(map(size_of, result))
    return getattr(result, "nbytes", 0)


# Children, one for each module, number of threads and way to compute


def cases(module: str, threads: int, compiled: bool) -> Iterator[Case]:
    if find_spec("torch"):
        import torch

        torch.set_num_threads(threads)
    return importlib.import_module(module).cases(threads, compiled)


def child(module: str, threads: int, compiled: bool, quick: bool, file: str) -> None:
    import warnings

    warnings.simplefilter("ignore")
    rows = []
    for case in cases(module, threads, compiled):
        row = {"module": module, "threads": threads, "compiled": compiled, **measured(case, quick)}
        if case.moved:
            row["moved"] = case.moved
        if case.memory and not quick and sys.platform.startswith("linux"):
            for side in ("ours", "theirs"):
                row[f"{side}_memory"] = run_child(module, threads, compiled, "--peak", case.name, side) / case.memory
        rows.append(row)
        print(line(row), flush=True)
    Path(file).write_text(json.dumps(rows))


def run_child(module: str, threads: int, compiled: bool, *what: str) -> float:
    """Runs this file for one module with its threads pinned; the number it prints last, if it prints one."""
    names = ("OMP", "OPENBLAS", "MKL", "DLNOTES", "NUMBA")
    env = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in names}
    if "--peak" in what:
        env["MALLOC_MMAP_THRESHOLD_"] = "65536"  # freed memory goes back, and hides no peak
    command = [sys.executable, __file__, "--child", module, str(threads), str(int(compiled)), *what]
    piped = subprocess.PIPE if "--peak" in what else None
    done = subprocess.run(command, env=env, check=True, text=True, stdout=piped)
    return float(done.stdout.split()[-1]) if piped else 0.0


# What is kept


def machine() -> dict[str, Any]:
    def of(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        info = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), cpu)
    from dlnotes import __version__, threads

    return {
        "processor": cpu,
        "cores": threads.cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "dlnotes": __version__,
        "versions": {name: of(name) for name in VERSIONS},
        "bandwidth": bandwidth(),
    }


def bandwidth() -> dict[str, float]:
    """Bytes a second that copying a large array moves (one read and one written for each), with 1 thread and with 2."""
    import numpy as np

    from dlnotes import threads

    a, b = np.ones(2**25), np.ones(2**25)
    blocks = np.array_split(np.arange(len(a)), 16)
    edges = [(int(block[0]), int(block[-1]) + 1) for block in blocks]

    def copy(k: int) -> None:
        low, high = edges[k]
        np.copyto(b[low:high], a[low:high])

    found = {}
    for n in (1, 2):
        times = [timed(lambda n=n: threads.share(copy, range(16), n), 1) for _ in range(15)]
        found[str(n)] = 2 * a.nbytes / float(np.median(times))
    return found


def line(row: dict[str, Any]) -> str:
    way = f"{row['threads']} thread{'s' * (row['threads'] > 1)}, {'Numba' if row['compiled'] else 'NumPy'}"
    text = f"{row['module']:12} {way:17} {row['name']:44} {1e3 * row['ours']:11.4f} ms"
    if "ratio" in row:
        text += f"  {row['ratio']:6.3f} [{row['low']:.3f}, {row['high']:.3f}] of {row['peer']}'s"
    if "ours_memory" in row:
        text += f"  memory {row['ours_memory']:.2f}, theirs {row['theirs_memory']:.2f}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(THREADS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a few rounds, kept nowhere")
    parser.add_argument("--show", action="store_true", help="what was kept")
    parser.add_argument("--machine", default="reference", help="the name of the results' file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    args = parser.parse_args()
    file = FOLDER / f"{args.machine}.json"
    if unknown := set(args.modules) - set(THREADS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(THREADS)}")
    if args.child:
        module, threads, compiled = args.child[0], int(args.child[1]), bool(int(args.child[2]))
        if args.peak:
            name, side = args.peak
            print(peak(next(c for c in cases(module, threads, compiled) if c.name == name), side))
        else:
            child(module, threads, compiled, args.quick, args.file)
        return
    kept = json.loads(file.read_text()) if file.exists() else {"rows": []}
    if args.show:
        print(json.dumps(kept.get("machine"), indent=1))
        print("\n".join(map(line, kept["rows"])))
        return
    for module in args.modules or THREADS:
        rows = []
        for threads, compiled in THREADS[module]:
            with tempfile.TemporaryDirectory() as folder:
                found = Path(folder) / "rows.json"
                run_child(module, threads, compiled, "--file", str(found), *["--quick"] * args.quick)
                rows += json.loads(found.read_text())
        if args.quick:
            continue
        kept["rows"] = [row for row in kept["rows"] if row["module"] != module] + rows
        order = list(THREADS)
        kept["rows"].sort(key=lambda row: order.index(row["module"]))  # stable: as they were measured within a module
        kept["machine"] = machine()
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
