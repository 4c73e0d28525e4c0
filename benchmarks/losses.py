"""cross_entropy, loss and gradient in float32, beside PyTorch's forward and backward: every form of target."""

import numpy as np
from bench import Case

FORMS = "hard", "weighted", "smoothed", "soft", "ignored"
SHAPES = (512, 10), (4096, 1000), (65536, 100), (64, 50257)


def example(form, m, c):
    "Logits, targets, and the options of both"
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((m, c), np.float32), rng.integers(0, c, m)
    options = {"smoothed": {"label_smoothing": 0.1}, "ignored": {"ignore_index": -100}}.get(form, {})
    if form == "weighted":
        options = {"weight": rng.random(c, np.float32)}
    if form == "soft":
        y = rng.random((m, c), np.float32)
        y /= y.sum(axis=1, keepdims=True)
    if form == "ignored":
        y[rng.random(m) < 0.3] = -100
    return z, y, options


def cases(threads, compiled):
    import torch

    from dlnotes import cross_entropy, entropy

    entropy.HAS_NUMBA = compiled
    for form in FORMS:
        for m, c in SHAPES:
            z, y, options = example(form, m, c)
            leaf, target = torch.tensor(z, requires_grad=True), torch.tensor(y)
            others = {k: torch.tensor(v) if k == "weight" else v for k, v in options.items()}

            def theirs(leaf=leaf, target=target, others=others):
                loss = torch.nn.functional.cross_entropy(leaf, target, **others)
                return loss, *torch.autograd.grad(loss, leaf)

            def ours(z=z, y=y, options=options):
                return cross_entropy(z, y, **options)

            if abs(ours()[0] - theirs()[0].item()) > 1e-4:
                raise SystemExit(f"we disagree with PyTorch on {form} targets, {m} x {c}")
            large = z.nbytes if z.nbytes >= 2**22 and form in ("hard", "soft") and threads == 1 else 0
            moved = (2 + (form == "soft")) * z.nbytes
            yield Case(f"{form}, {m} x {c}", ours, theirs, "PyTorch", moved=moved, memory=large)
