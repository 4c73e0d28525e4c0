"""Training the network beside the same network in PyTorch on the CPU: time of a step as ratio of medians.

    pip install ".[fast,parity]" && python benchmarks/network.py [--rounds 400] [--threads 2]

Both get the same weights and mini-batches of digits in float32, batch norm before each ReLU, the same optimizer and the
same number of threads; a step is forward, backward and update. They take turns, step by step, and must agree in their
losses. A ratio below 1 is faster than PyTorch.
"""

import argparse
import os
import statistics
import time
from importlib.util import find_spec

HIDDEN = [(64, 64), (128, 128), (32, 32, 32)]
BATCHES = [64, 512]
OPTIMIZERS = ["adam", "momentum"]
TARGET = 1.0


def ours(hidden, optimizer):
    from dlnotes import MLP

    return MLP(hidden=hidden, optimizer=optimizer).start((64, *hidden, 10), "float32")


def pytorch(net, lr):
    """The same network and weights in PyTorch, as a function that takes one training step."""
    import torch

    layers = []
    for l, (n, m) in enumerate(zip(net.sizes_, net.sizes_[1:], strict=False), start=1):
        hidden = f"gamma{l}" in net.params_
        layers.append(torch.nn.Linear(n, m, bias=not hidden))
        layers[-1].weight.data = torch.tensor(net.params_[f"W{l}"].T.copy())
        if hidden:
            layers += [torch.nn.BatchNorm1d(m), torch.nn.ReLU()]
        else:
            layers[-1].bias.data.zero_()
    model, loss_of = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    if net.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=lr * (1 - net.momentum), momentum=net.momentum)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def times(hidden, optimizer, batch, rounds):
    """Median seconds of a step, ours and PyTorch's."""
    import numpy as np
    import torch
    from sklearn.datasets import load_digits

    data = load_digits()
    X, y = (data.data / 16).astype(np.float32), data.target
    lr = 1e-3 if optimizer == "adam" else 0.1
    net = ours(hidden, optimizer)
    steps = {"ours": lambda x, y: net.step(x, y, lr), "pytorch": pytorch(net, lr)}
    seconds, rng = {name: [] for name in steps}, np.random.default_rng(0)
    for k in range(rounds):
        rows = rng.integers(0, len(X), batch)
        given = {"ours": (X[rows], y[rows]), "pytorch": (torch.tensor(X[rows]), torch.tensor(y[rows]))}
        losses = []
        for name in sorted(steps, reverse=bool(k % 2)):
            start = time.perf_counter()
            losses.append(steps[name](*given[name]))
            seconds[name].append(time.perf_counter() - start)
        if abs(losses[0] - losses[1]) > 1e-3 * (1 + losses[0]):
            raise SystemExit(f"the losses differ at step {k}: {losses}")
    return {name: statistics.median(s[rounds // 10 :]) for name, s in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=400, help="training steps of each network")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "DLNOTES"):
        os.environ[f"{name}_NUM_THREADS"] = str(args.threads)
    if not find_spec("torch"):
        print('network: PyTorch is not installed (pip install ".[parity]"): nothing to compare with')
        return
    import torch

    torch.set_num_threads(args.threads)
    print(f"a training step of the digits network, float32, {args.threads} threads, PyTorch {torch.__version__}")
    print(f"{'hidden':>14} {'batch':>6} {'optimizer':>10} {'PyTorch us':>11} {'ratio':>6}")
    worst = 0
    for hidden in HIDDEN:
        for batch in BATCHES:
            for optimizer in OPTIMIZERS:
                found = times(hidden, optimizer, batch, args.rounds)
                ratio = found["ours"] / found["pytorch"]
                worst = max(worst, ratio)
                name = "-".join(map(str, hidden))
                print(f"{name:>14} {batch:6} {optimizer:>10} {1e6 * found['pytorch']:11.0f} {ratio:6.2f}", flush=True)
    print(f"largest ratio {worst:.2f}, target {TARGET}: {'met' if worst <= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
