"""Batch norm forward and backward beside PyTorch's on the CPU, float32: time and memory."""

import numpy as np
from bench import Case

SHAPES = [(64, 64), (512, 64), (256, 256), (256, 1024), (1024, 1024), (4096, 1024), (65536, 256), (131072, 64)]
IMAGES = [(32, 64, 28, 28), (32, 256, 14, 14)]
PASSES = 8  # through memory: x twice and y; then x and dy twice, and dx


def arrays(shape):
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
    n = shape[1]
    return x, rng.random(n, dtype=np.float32) + 0.5, rng.standard_normal(n, dtype=np.float32), dy


def ours(shape, compiled):
    from dlnotes import batchnorm, batchnorm_backward, passes

    passes.HAS_NUMBA = compiled
    x, gamma, beta, dy = arrays(shape)

    def step():
        y, cache = batchnorm(x, gamma, beta, axis=1)
        return y, *batchnorm_backward(dy, cache)

    return step


def theirs(shape):
    import torch

    x, gamma, beta, dy = map(torch.from_numpy, arrays(shape))
    for t in (x, gamma, beta):
        t.requires_grad_()

    def step():
        y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
        return y, *torch.autograd.grad(y, (x, gamma, beta), dy)

    return step


def close(a, b):
    a, b = (np.asarray(t.detach() if hasattr(t, "detach") else t, np.float64) for t in (a, b))
    return np.abs(a - b).max() <= 1e-3 * max(1, np.abs(b).max())


def cases(threads, compiled):
    for shape in SHAPES + IMAGES:
        mine, other = ours(shape, compiled), theirs(shape)
        if not all(map(close, mine(), other())):
            raise SystemExit(f"we disagree with PyTorch on {shape}")
        size = 4 * int(np.prod(shape))
        large = size if size >= 2**22 and threads == 1 else 0
        yield Case(" x ".join(map(str, shape)), mine, other, "PyTorch", seconds=4, moved=PASSES * size, memory=large)
