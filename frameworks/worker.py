"""The harness's hand inside an environment: it gives a program data and weights, and reports what came of it.

It runs on Python 3.6 and later with nothing but NumPy: `python worker.py PROGRAM DATA TASK FOLDER`.
Each task runs in a process of its own, and its report is the last line on stdout, as JSON.
"""

import importlib.util
import json
import os
import platform
import re
import resource
import sys
import time

started = time.perf_counter()
import numpy as np  # noqa: E402 (importing it counts)

READY, TIME, REPORT = "READY", "TIME ", "REPORT "  # how the lines begin that are meant for the harness


def load_program(path):
    """The file as a module."""
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["program"] = module
    spec.loader.exec_module(module)
    return module


def new_network(kind, data):
    """A program's network with the initial weights."""
    return kind(data["W1"], data["W2"], float(data["lr"]))


def trained_network(kind, data):
    """A program's network after its last step, and the losses before each."""
    net = new_network(kind, data)
    return net, steps(net, data, int(data["steps"]))


def steps(net, data, n):
    """The losses before each of `n` steps."""
    return [float(net.step(data["X"], data["y"])) for _ in range(n)]


def train(program, data, folder):
    """Twenty steps: losses, weights after the last, test-mode probabilities, and what they took."""
    begin = time.perf_counter()
    net = new_network(program.Program, data)
    losses = steps(net, data, 1)
    first = time.perf_counter() - begin
    losses += steps(net, data, int(data["steps"]) - 1)
    report = {"losses": losses, "first_loss_seconds": first}
    np.savez(os.path.join(folder, "weights.npz"), **net.weights())
    np.save(os.path.join(folder, "probabilities.npy"), net.predict(data["X"]))
    report["peak_mb"] = peak_mb()
    return report


def peak_mb():
    """The most memory this process ever held. (getrusage would also count the process that started it.)"""
    try:
        with open("/proc/self/status") as file:
            return int(re.search(r"VmHWM:\s*(\d+) kB", file.read())[1]) * 1024 / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def save(program, data, folder):
    """Train, save, and predict: what a fresh process must reproduce."""
    net, _ = trained_network(program.Program, data)
    os.makedirs(os.path.join(folder, "saved"))
    net.save(os.path.join(folder, "saved"))
    np.save(os.path.join(folder, "before.npy"), net.predict(data["X"]))
    return {}


def reload(program, data, folder):
    """Load what `save` left, in this fresh process: the largest difference of the predictions."""
    net = program.Program.load(os.path.join(folder, "saved"))
    before = np.load(os.path.join(folder, "before.npy"))
    return {"max_diff": float(abs(net.predict(data["X"]) - before).max())}


def export(program, data, folder):
    """Train, export to ONNX with the framework's own exporter, and predict: what onnxruntime must reproduce."""
    net, _ = trained_network(program.Program, data)
    np.save(os.path.join(folder, "exported.npy"), net.predict(data["X"]))
    net.export(os.path.join(folder, "net.onnx"))
    return {}


def own_layer(program, data, folder):
    """Twenty steps with a layer that is known to be wrong: its losses are the finding."""
    _, losses = trained_network(program.OwnLayer, data)
    return {"losses": losses}


def conventions(program, data, folder):
    """What `observe` sees on a small batch, and on one as large as the training set."""
    return {"small": observe(program, 8), "large": observe(program, len(data["X"]))}


def observe(program, m):
    """The framework's own batch norm layer with its own defaults, seen from outside on batches of `m`."""
    eps, first, second = seen_eps(program, m), *two_batches(m)
    normalise, _ = program.batch_norm(4, m)
    wide = np.asarray(normalise(first * 1000), float)
    report = {"eps": eps, "batch_variance_ratio": float(np.median(wide.var(0)))}

    normalise, test = program.batch_norm(4, m)
    kept = []
    for batch in (first, second):
        normalise(batch)
        kept.append(statistics(test, m, eps))
    report.update(averaging(kept, [moments(batch) for batch in (first, second)]))
    report["batch"] = m
    return report


def two_batches(m):
    """Two batches of four features, each with a mean and a spread of its own."""
    rng = np.random.RandomState(3)
    first = rng.standard_normal((m, 4)).astype("float32")
    first = (first - first.mean(0)) / first.std(0)
    second = (first[::-1] * [2, 3, 1.5, 0.5] + [1, -2, 0.5, 3]).astype("float32")
    return (first * [1.5, 2, 3, 0.5] + [2, 1, -3, -1]).astype("float32"), second


def moments(batch):
    """Mean and variance of each feature, in float64."""
    return batch.astype(float).mean(0), batch.astype(float).var(0)


def seen_eps(program, m):
    """What the layer adds to the variance: it shows on a batch with a tiny one."""
    tiny = np.zeros((m, 4), "float32")
    tiny[::2], tiny[1::2] = 1e-2, -1e-2
    normalise, _ = program.batch_norm(4, m)
    y = np.asarray(normalise(tiny), float)
    return float(np.median(tiny.astype(float).var(0) * (1 / y.var(0) - 1)))


def statistics(test, m, eps):
    """The mean and variance that the layer uses in test mode.

    test(x) = (x - mean)/sqrt(var + eps) has two unknowns beside eps, and shows them at two points.
    """
    here, there = np.zeros((m, 4), "float32"), np.ones((m, 4), "float32")
    at, up = np.asarray(test(here), float)[0], np.asarray(test(there), float)[0]
    slope = up - at
    return -at / slope, 1 / slope**2 - eps


def averaging(kept, batches):
    """How the layer averages, from the statistics that it kept after each of two batches, and the batches' own."""
    (mean1, _), (mean2, _) = kept
    (mu1, _), (mu2, _) = batches
    if abs(mean1 - mu1).max() < 1e-3 * abs(mu1).max():
        return from_first(kept, batches, float(np.median((mu2 - mean2) / (mean2 - mean1))))
    return from_before(kept, batches, float(np.median((mean2 - mu2) / (mean1 - mu2))))


def from_first(kept, batches, share):
    """An average that starts with the first batch, which weighs `share` of the second."""
    (_, var1), (_, var2) = kept
    _, (_, v2) = batches
    if share < 1:  # a weighted mean of the batches so far: 1 : share
        first, decay = "weighted", share
        sample = (var2 * (1 + share) - share * var1) / v2
    else:  # the first batch is where the average starts
        first, decay = "whole", share / (1 + share)
        sample = (var2 - decay * var1) / (1 - decay) / v2
    return {"first_batch": first, "decay": decay, "running_variance_ratio": float(np.median(sample))}


def from_before(kept, batches, decay):
    """An average that starts with something from before the first batch."""
    (mean1, var1), (_, var2) = kept
    (mu1, v1), (_, v2) = batches
    sample = float(np.median((var2 - decay * var1) / (1 - decay) / v2))
    return {
        "first_batch": "averaged",
        "mean_before": float(np.median((mean1 - (1 - decay) * mu1) / decay)),
        "variance_before": float(np.median((var1 - (1 - decay) * sample * v1) / decay)),
        "decay": decay,
        "running_variance_ratio": sample,
    }


def wrong_shape(X, y):
    """X has 63 columns where 64 are expected."""
    return np.ascontiguousarray(X[:, :63]), y


def wrong_label(X, y):
    """One label is 10 where labels run from 0 to 9."""
    y = y.copy()
    y[0] = 10
    return X, y


def wrong_dtype(X, y):
    """X holds text."""
    return X.astype(str), y


mistakes = {"wrong shape": wrong_shape, "wrong label": wrong_label, "wrong dtype": wrong_dtype}


def mistake(program, data, folder, name):
    """Make one mistake on purpose. An exception is the best answer; a loss that looks fine is the worst."""
    X, y = mistakes[name](data["X"], data["y"])
    net = new_network(program.Program, data)
    try:
        loss = float(net.step(X, y))
    except BaseException as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        return {"answer": "error", "type": type(error).__name__, "message": text[:3000]}
    return {"answer": "no error", "type": "", "message": f"loss = {loss!r}"}


def speed(program, data, folder):
    """Serve timings, one JSON request a line: seconds for each of `n` steps of training or of prediction."""
    import gc

    gc.disable()
    nets, rng = {}, np.random.RandomState(0)
    X = rng.standard_normal((512, 64)).astype("float32")
    y = rng.randint(0, 10, 512).astype("int32")
    print(READY, flush=True)
    for line in iter(sys.stdin.readline, ""):
        ask = json.loads(line)
        try:
            key = ask["hidden"], ask["batch"]
            if key not in nets:
                nets.clear()
                nets[key] = network_to_time(program, key[0], rng)
            seconds = time_steps(nets[key], ask["what"], X[: key[1]], y[: key[1]], ask["n"])
            answer = {"seconds": seconds / ask["n"]}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error).strip()[:300]}"}
        print(TIME + json.dumps(answer), flush=True)
    return {}


def network_to_time(program, hidden, rng):
    """A network of this width with random weights."""
    W1 = (rng.standard_normal((64, hidden)) / 8).astype("float32")
    W2 = (rng.standard_normal((hidden, 10)) / np.sqrt(hidden)).astype("float32")
    return program.Program(W1, W2, 0.01)


def time_steps(net, what, X, y, n):
    """Seconds for `n` steps together."""
    work = (lambda: net.step(X, y)) if what == "training" else (lambda: net.predict(X))
    begin = time.perf_counter()
    for _ in range(n):
        work()
    return time.perf_counter() - begin


tasks = {f.__name__: f for f in (train, save, reload, export, own_layer, conventions, speed)}


def main(path, data, task, folder):
    if task == "speed" and hasattr(os, "sched_setaffinity"):  # one core, whatever a framework thinks of threads
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    program = load_program(path)
    with np.load(data) as stored:
        data = {name: stored[name] for name in stored.files}
    imported = time.perf_counter() - started
    if task in tasks:
        report = tasks[task](program, data, folder)
    else:
        report = mistake(program, data, folder, task)
    report["import_seconds"] = imported
    report["python"], report["numpy"] = platform.python_version(), np.__version__
    report["version"] = str(program.version)
    print("\n" + REPORT + json.dumps(report), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
