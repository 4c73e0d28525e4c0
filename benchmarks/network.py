"""A training step of the digits' network beside the same network in PyTorch on the CPU, float32.

Both begin with the same weights, batch norm before each ReLU; a step is forward, backward and update.
"""

import numpy as np
from bench import Case

HIDDEN = [(64, 64), (128, 128), (32, 32, 32)]
BATCHES = [64, 512]
OPTIMIZERS = ["adam", "momentum"]


def pytorch(net, lr, fused):
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
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=fused)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=lr * (1 - net.momentum), momentum=net.momentum, fused=fused)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def cases(threads, compiled):
    import torch
    from sklearn.datasets import load_digits

    from dlnotes import MLP, passes

    passes.HAS_NUMBA = compiled
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    for hidden in HIDDEN:
        for batch in BATCHES:
            for optimizer in OPTIMIZERS:
                for fused in (False, True):
                    lr = 1e-3 if optimizer == "adam" else 0.1
                    net = MLP(hidden=hidden, optimizer=optimizer).start((64, *hidden, 10), "float32")
                    other = pytorch(net, lr, fused)
                    rows = np.random.default_rng(0).integers(0, len(X), batch)
                    a, b, ta, tb = X[rows], y[rows], torch.tensor(X[rows]), torch.tensor(y[rows])
                    mine = lambda net=net, a=a, b=b, lr=lr: net.step(a, b, lr)
                    theirs = lambda other=other, ta=ta, tb=tb: other(ta, tb)
                    for _ in range(5):
                        if abs(mine() - theirs()) > 1e-3:
                            raise SystemExit(f"the losses differ: {hidden}, {batch}, {optimizer}")
                    name = f"{'-'.join(map(str, hidden))}, batch {batch}, {'fused ' * fused}{optimizer}"
                    yield Case(name, mine, theirs, "PyTorch", seconds=2)
