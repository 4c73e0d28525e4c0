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
import numpy as np


def load_program(path):
    """The file as a module."""
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["program"] = module
    spec.loader.exec_module(module)
    return module


def plain(value):
    """Arrays and NumPy numbers as JSON's own."""
    return np.asarray(value, dtype=float).tolist()


def train(program, data, folder):
    """Twenty steps: losses, weights after the last, test-mode probabilities, and what they took."""
    begin = time.perf_counter()
    net = program.Program(data["W1"], data["W2"], float(data["lr"]))
    losses = [float(net.step(data["X"], data["y"]))]
    first = time.perf_counter() - begin
    losses += [float(net.step(data["X"], data["y"])) for _ in range(int(data["steps"]) - 1)]
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
    net = program.Program(data["W1"], data["W2"], float(data["lr"]))
    for _ in range(int(data["steps"])):
        net.step(data["X"], data["y"])
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
    net = program.Program(data["W1"], data["W2"], float(data["lr"]))
    for _ in range(int(data["steps"])):
        net.step(data["X"], data["y"])
    np.save(os.path.join(folder, "exported.npy"), net.predict(data["X"]))
    net.export(os.path.join(folder, "net.onnx"))
    return {}


def own_layer(program, data, folder):
    """Twenty steps with a layer that is known to be wrong: its losses are the finding."""
    net = program.OwnLayer(data["W1"], data["W2"], float(data["lr"]))
    return {"losses": [float(net.step(data["X"], data["y"])) for _ in range(int(data["steps"]))]}


def conventions(program, data, folder):
    """What `observe` sees on a small batch, and on one as large as the training set."""
    return {"small": observe(program, 8), "large": observe(program, len(data["X"]))}


def observe(program, m):
    """The framework's own batch norm layer with its own defaults, seen from outside.

    Two small batches go through it, and two known points in test mode show which mean and variance it then uses:
    test(x) = (x - mean)/sqrt(var + eps) has two unknowns beside eps, and eps shows on a batch with a tiny variance.
    """
    rng = np.random.RandomState(3)
    first = rng.standard_normal((m, 4)).astype("float32")
    first = (first - first.mean(0)) / first.std(0)
    second = (first[::-1] * [2, 3, 1.5, 0.5] + [1, -2, 0.5, 3]).astype("float32")
    first = (first * [1.5, 2, 3, 0.5] + [2, 1, -3, -1]).astype("float32")
    tiny = np.zeros((m, 4), "float32")
    tiny[::2], tiny[1::2] = 1e-2, -1e-2

    normalise, _ = program.batch_norm(4, m)
    y = np.asarray(normalise(tiny), float)
    eps = float(np.median(tiny.astype(float).var(0) * (1 / y.var(0) - 1)))
    normalise, test = program.batch_norm(4, m)
    wide = np.asarray(normalise(first * 1000), float)
    report = {"eps": eps, "batch_variance_ratio": float(np.median(wide.var(0)))}

    def statistics():
        here, there = np.zeros((m, 4), "float32"), np.ones((m, 4), "float32")
        at, up = np.asarray(test(here), float)[0], np.asarray(test(there), float)[0]
        slope = up - at
        return -at / slope, 1 / slope**2 - eps

    normalise, test = program.batch_norm(4, m)
    seen = []
    for batch in (first, second):
        normalise(batch)
        seen.append(statistics())
    (mean1, var1), (mean2, var2) = seen
    mu1, mu2 = first.astype(float).mean(0), second.astype(float).mean(0)
    v1, v2 = first.astype(float).var(0), second.astype(float).var(0)
    if abs(mean1 - mu1).max() < 1e-3 * abs(mu1).max():
        share = float(np.median((mu2 - mean2) / (mean2 - mean1)))  # what the first batch still weighs beside the second
        if share < 1:
            decay, report["first_batch"] = share, "weighted"  # a weighted mean of the batches so far: 1 : share
            sample = (var2 * (1 + share) - share * var1) / v2
        else:
            decay, report["first_batch"] = share / (1 + share), "whole"  # the first batch is where the average starts
            sample = (var2 - decay * var1) / (1 - decay) / v2
    else:
        decay = float(np.median((mean2 - mu2) / (mean1 - mu2)))
        sample = (var2 - decay * var1) / (1 - decay) / v2
        report["first_batch"] = "averaged"
        report["mean_before"] = float(np.median((mean1 - (1 - decay) * mu1) / decay))
        report["variance_before"] = float(np.median((var1 - (1 - decay) * np.median(sample) * v1) / decay))
    report.update(decay=decay, running_variance_ratio=float(np.median(sample)), batch=m)
    return report


mistakes = {
    "wrong shape": "X has 63 columns where 64 are expected",
    "wrong label": "one label is 10 where labels run from 0 to 9",
    "wrong dtype": "X holds text",
}


def mistake(program, data, folder, name):
    """Make one mistake on purpose. An exception is the best answer; a loss that looks fine is the worst."""
    X, y = data["X"], data["y"].copy()
    if name == "wrong shape":
        X = np.ascontiguousarray(X[:, :63])
    if name == "wrong label":
        y[0] = 10
    if name == "wrong dtype":
        X = X.astype(str)
    net = program.Program(data["W1"], data["W2"], float(data["lr"]))
    try:
        loss = float(net.step(X, y))
    except BaseException as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        return {"answer": "error", "type": type(error).__name__, "message": text[:3000]}
    return {"answer": "no error", "type": "", "message": "loss = %r" % loss}


def speed(program, data, folder):
    """Serve timings, one JSON request a line: seconds for `n` steps of training or of prediction."""
    import gc

    gc.disable()
    nets, rng = {}, np.random.RandomState(0)
    X = rng.standard_normal((512, 64)).astype("float32")
    y = rng.randint(0, 10, 512).astype("int32")
    print("READY", flush=True)
    for line in iter(sys.stdin.readline, ""):
        ask = json.loads(line)
        try:
            key = ask["hidden"], ask["batch"]
            if key not in nets:
                nets.clear()
                W1 = (rng.standard_normal((64, key[0])) / 8).astype("float32")
                W2 = (rng.standard_normal((key[0], 10)) / np.sqrt(key[0])).astype("float32")
                nets[key] = program.Program(W1, W2, 0.01)
            net, xs, ys = nets[key], X[: key[1]], y[: key[1]]
            work = (lambda: net.step(xs, ys)) if ask["what"] == "training" else (lambda: net.predict(xs))
            begin = time.perf_counter()
            for _ in range(ask["n"]):
                work()
            answer = {"seconds": (time.perf_counter() - begin) / ask["n"]}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, str(error).strip()[:300])}
        print("TIME " + json.dumps(answer), flush=True)
    return {}


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
    print("\nREPORT " + json.dumps(report), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
