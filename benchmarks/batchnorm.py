"""Batch norm forward and backward beside PyTorch's on the CPU: time as ratio of medians, and memory.

    pip install ".[fast,parity]" && python benchmarks/batchnorm.py [--rounds 15] [--threads 2]

All are interleaved in one run, on float32, with the same number of threads. A ratio below 1 is faster than PyTorch.
Memory is what one forward and backward pass adds to the process at its peak, beyond the arrays it returns, as a
multiple of the input's size; each is measured in a fresh process. Mini-batches, where fixed costs rule, have rows of
their own and do not enter the geometric mean.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

SHAPES = [(256, 256), (1024, 1024), (4096, 1024), (65536, 256), (131072, 64)]
SMALL = [(64, 64), (512, 64)]
TARGETS = {"numpy": 1.5, "numba": 0.6}


def arrays(m, n):
    import numpy as np

    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((m, n), dtype=np.float32) for _ in range(2))
    return x, rng.random(n, dtype=np.float32) + 0.5, rng.standard_normal(n, dtype=np.float32), dy


def ours(kernels, m, n):
    """One step of ours as a function of nothing, on arrays made here."""
    from dlnotes import batchnorm, batchnorm_backward, passes

    x, gamma, beta, dy = arrays(m, n)

    def step():
        passes.HAS_NUMBA = kernels == "numba"
        y, cache = batchnorm(x, gamma, beta)
        return y, *batchnorm_backward(dy, cache)

    return step


def pytorch(m, n):
    """The same step of PyTorch's."""
    import torch

    x, gamma, beta, dy = map(torch.from_numpy, arrays(m, n))
    for t in (x, gamma, beta):
        t.requires_grad_()

    def step():
        y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
        return y, *torch.autograd.grad(y, (x, gamma, beta), dy)

    return step


def peers():
    found = {"pytorch": pytorch, "numpy": lambda m, n: ours("numpy", m, n)}
    if find_spec("numba"):
        found["numba"] = lambda m, n: ours("numba", m, n)
    return found


def close(a, b):
    import numpy as np

    a, b = (np.asarray(t.detach() if hasattr(t, "detach") else t, np.float64) for t in (a, b))
    return np.abs(a - b).max() <= 1e-3 * max(1, np.abs(b).max())


def times(shape, rounds):
    """Median seconds of each peer, one after the other in every round."""
    steps = {name: make(*shape) for name, make in peers().items()}
    want = steps["pytorch"]()
    for name, step in steps.items():
        if not all(map(close, step(), want)):
            raise SystemExit(f"{name} disagrees with PyTorch on {shape}")
    seconds = {name: [] for name in steps}
    order = list(steps)
    for k in range(rounds):
        for name in order[k % len(order) :] + order[: k % len(order)]:
            start = time.perf_counter()
            result = steps[name]()
            seconds[name].append(time.perf_counter() - start)
            del result
    return {name: statistics.median(s) for name, s in seconds.items()}


def resident(which):
    """VmRSS (now) or VmHWM (at the peak) of this process in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(which))


def peak(name, shape):
    """In this process: by how much one step raises the peak beyond what it returns, in bytes."""
    peers()[name](256, 256)()
    step = peers()[name](*shape)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts again from here
    before = resident("VmRSS")
    result = step()
    return resident("VmHWM") - before - sum(r.nbytes for r in result)


def memory(name, shape):
    if not sys.platform.startswith("linux"):
        return float("nan")
    command = [sys.executable, __file__, "--peak", name, *map(str, shape)]
    extra = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return max(0, extra) / (4 * shape[0] * shape[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds for the largest shape; more for smaller ones")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peak", nargs=3, metavar=("PEER", "M", "N"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "DLNOTES"):
        os.environ[f"{name}_NUM_THREADS"] = str(args.threads)
    if not find_spec("torch"):
        print('batchnorm: PyTorch is not installed (pip install ".[parity]"): nothing to compare with')
        return
    if args.peak:
        name, m, n = args.peak
        print(peak(name, (int(m), int(n))))
        return
    import torch

    torch.set_num_threads(args.threads)

    names = [name for name in peers() if name != "pytorch"]
    print(f"batch norm, forward and backward, float32, {args.threads} threads, PyTorch {torch.__version__}")
    header = "  ".join([f"{name:>7}" for name in names] + [f"{name + ' mem':>11}" for name in peers()])
    print(f"{'shape':>12}  {'PyTorch ms':>10}  {header}")
    ratios = {name: [] for name in names}
    for shape in SMALL + SHAPES:
        rounds = max(args.rounds, min(301, args.rounds * 2**24 // (shape[0] * shape[1])))
        seconds = times(shape, rounds)
        ratio = {name: seconds[name] / seconds["pytorch"] for name in names}
        if shape in SHAPES:
            for name in names:
                ratios[name].append(ratio[name])
            extra = [f"{memory(name, shape):11.2f}" for name in peers()]
        else:
            extra = [f"{'':11}" for name in peers()]
        cells = [f"{ratio[name]:7.2f}" for name in names] + extra
        print(f"{'x'.join(map(str, shape)):>12}  {1e3 * seconds['pytorch']:10.2f}  {'  '.join(cells)}", flush=True)
    label = "x".join(map(str, SHAPES[0]))
    for name in names:
        mean = statistics.geometric_mean(ratios[name])
        verdict = "met" if mean <= TARGETS[name] else "MISSED"
        print(f"{name}: geometric mean from {label} on {mean:.2f}, target {TARGETS[name]}: {verdict}")


if __name__ == "__main__":
    main()
