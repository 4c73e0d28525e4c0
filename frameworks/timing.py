"""How long a step takes, beside NumPy's, in turns on one core; and on which machine that was."""

import contextlib
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import worker
from environments import Failed, end, environment_for
from reading import declared

rounds, block = 9, 0.03  # how often a case is timed, and about how many seconds at once
sides = {"what": ("training", "inference"), "hidden": (32, 256, 1024), "batch": (1, 32, 512)}
cases = [dict(zip(sides, values, strict=True)) for values in itertools.product(*sides.values())]


def machine():
    """Enough about this machine to read its times by."""
    info = Path("/proc/cpuinfo")
    model = re.findall(r"^model name\s*:\s*(.*)$", info.read_text(), re.M) if info.exists() else []
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None  # over the minute before
    processor = (model or [platform.processor()])[0]
    return {"system": platform.platform(), "processor": processor, "cores_used": 1, "load": load}


class Clock:
    """A worker that times what it is asked to, so that two of them can take turns."""

    def __init__(self, environment, place):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.begin = lambda: environment.start(place, "speed", **pipes)
        self.start()

    def start(self):
        """A new worker; it is ready when this returns."""
        self.process = self.begin()
        self.wait(worker.READY)

    def wait(self, prefix):
        """The rest of the next line that begins with `prefix`."""
        for line in iter(self.process.stdout.readline, ""):
            if line.startswith(prefix):
                return line.removeprefix(prefix)
        self.close()
        raise Failed("the worker ended while it was timed")

    def seconds(self, n, **case):
        """How long each of `n` steps takes."""
        self.process.stdin.write(json.dumps({"n": n, **case}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.wait(worker.TIME))
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["seconds"]

    def ended(self):
        """Whether the worker is gone."""
        return self.process.poll() is not None

    def close(self):
        """End the worker."""
        end(self.process)


def beside_numpy(environment, place):
    """The times of a program in all cases, with NumPy's taken in turns with them."""
    baseline = environment_for(declared("numpy"))
    baseline.build()
    with baseline.workplace() as other, contextlib.ExitStack() as ending:
        shutil.copy(place.outside / "data.npz", other.outside)
        clocks = []
        for where in ((environment, place), (baseline, other)):
            clocks.append(ending.enter_context(contextlib.closing(Clock(*where))))
        return [case | timed(clocks, case) for case in cases]


def timed(clocks, case):
    """The times of a case, or why there are none; a worker that it cost is replaced."""
    try:
        return turns(clocks, case)
    except Failed as error:
        for clock in clocks:
            if clock.ended():
                clock.start()
        return {"error": str(error)}


def turns(clocks, case):
    """Medians in ms, the ratio of the medians, and its quartiles over the rounds, in which the two take turns."""
    counts = [steps_in_block(clock, case) for clock in clocks]
    taken = [[clock.seconds(n, **case) for clock, n in zip(clocks, counts, strict=True)] for _ in range(rounds)]
    mine, numpys = zip(*taken, strict=True)
    ratios = sorted(a / b for a, b in taken)
    ms = lambda values: round(1e3 * statistics.median(values), 5)
    return {
        "ms": ms(mine),
        "numpy_ms": ms(numpys),
        "ratio": round(statistics.median(mine) / statistics.median(numpys), 3),
        "ratio_quartiles": [round(ratios[rounds // 4], 3), round(ratios[-1 - rounds // 4], 3)],
    }


def steps_in_block(clock, case):
    """How many steps fill a block, once the program is compiled and warm."""
    once = [clock.seconds(1, **case) for _ in range(3)][-1]
    return max(1, min(500, round(block / max(once, 1e-7))))
