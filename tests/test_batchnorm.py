"""Batch normalization: parity with PyTorch and autograd, properties, named wrong versions, hostile input, books."""

import io
import pickle
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlnotes.threads
from dlnotes import (
    CONVENTIONS,
    MLP,
    BatchNorm,
    Moments,
    batchnorm,
    batchnorm_backward,
    batchnorm_inference,
    check_gradient,
    get_threads,
    passes,
    set_threads,
)

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra `fast` (numba) is not installed")


WAYS = ["at once", "numpy", "numpy in blocks"]
WAYS += [pytest.param(way, marks=needs_numba) for way in ("numba", "numba in blocks")]


def choose(monkeypatch, way):
    """From here on compute in this way, whatever the size of the arrays; in blocks means tiny ones, among threads."""
    monkeypatch.setattr(passes, "HAS_NUMBA", way.startswith("numba"))
    monkeypatch.setattr(passes, "_SMALL", 2**40 if way == "at once" else 0)
    monkeypatch.setattr(passes, "_BLOCK", 2**7 if way.endswith("blocks") else 2**19)
    monkeypatch.setattr(passes, "_SHARED", 0 if way.endswith("blocks") else 2**21)
    passes._plan.cache_clear()


@pytest.fixture(params=WAYS)
def kernels(request, monkeypatch):
    """Every test that asks for it runs in all ways to compute."""
    choose(monkeypatch, request.param)
    return request.param


@pytest.fixture(autouse=True)
def fresh_plans():
    """No plan made for one way of computing is left for the next test."""
    yield
    passes._plan.cache_clear()


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="the extra `parity` (torch) is not installed")


def example(shape, axis, dtype=np.float64, seed=0, mean=3.0):
    rng = np.random.default_rng(seed)
    n = shape[axis]
    x = (mean + 2 * rng.standard_normal(shape)).astype(dtype)
    gamma, beta = rng.uniform(0.5, 2, n).astype(dtype), rng.standard_normal(n).astype(dtype)
    return x, gamma, beta, rng.standard_normal(shape).astype(dtype)


def reference(x, gamma, beta, dy, eps=1e-5, axis=-1):
    """The equations and their closed-form gradient, in float64, in as few words as possible."""
    x, dy = (np.moveaxis(np.asarray(a, np.float64), axis, -1) for a in (x, dy))
    over = tuple(range(x.ndim - 1))
    inv = 1 / np.sqrt(x.var(over) + eps)
    xhat = (x - x.mean(over)) * inv
    dx = gamma * inv * (dy - dy.mean(over) - xhat * (dy * xhat).mean(over))
    back = lambda a: np.moveaxis(a, -1, axis)
    return back(gamma * xhat + beta), back(dx), (dy * xhat).sum(over), dy.sum(over)


def ours(x, gamma, beta, dy, eps=1e-5, axis=-1):
    y, cache = batchnorm(x, gamma, beta, eps, axis)
    return y, *batchnorm_backward(dy, cache)


LAYOUTS = [
    ((16, 5), -1),
    ((5, 16), 0),
    ((2, 3), 1),
    ((7, 4, 3, 3), 1),
    ((3, 4, 20, 20), 1),
    ((6, 5, 4), 2),
    ((1, 8, 100), 1),
    ((1000, 3), 1),
    ((37, 2100), 1),
    ((300, 1), 1),
    ((1, 5000), 0),
    ((2, 1, 70000), 1),
    ((4, 3, 2, 2, 2), 3),
]


# Right numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "axis"), LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_axis_of_any_shape(shape, axis, dtype, kernels):
    args = example(shape, axis, dtype)
    tol = 1e-12 if dtype == np.float64 else 2e-6
    for name, a, b in zip(
        ("y", "dx", "dgamma", "dbeta"), ours(*args, axis=axis), reference(*args, axis=axis), strict=True
    ):
        assert a.dtype == dtype and a.shape == b.shape, name
        size = max(1, np.abs(b).max()) * (1000 if shape[0] == 2 else 1)  # of two examples all of dx cancels
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol * size, err_msg=name)


@pytest.mark.parametrize(("shape", "axis"), [((6, 3), 1), ((3, 6), 0), ((3, 2, 2, 2), 1)])
def test_gradients_pass_the_check(shape, axis, kernels):
    x, gamma, beta, _ = example(shape, axis)
    f = lambda *a: batchnorm(*a, eps=0.1, axis=axis)[0]
    check_gradient(f, (x, gamma, beta), lambda dy, *a: batchnorm_backward(dy, batchnorm(*a, eps=0.1, axis=axis)[1]))


@pytest.mark.parametrize("eval_mode", [False, True])
def test_the_layers_gradients_pass_the_check_in_both_modes(eval_mode, kernels):
    x, gamma, beta, _ = example((6, 3), 1)

    def layer(gamma, beta):
        bn = BatchNorm(3, eps=0.1)
        bn.gamma, bn.beta, bn.mean, bn.var = gamma, beta, np.array([1.0, 2, 3]), np.array([0.5, 1, 2])
        return bn

    def grad(dy, x, gamma, beta):
        bn = layer(gamma, beta)
        bn(x, train=not eval_mode)
        return bn.backward(dy), bn.dgamma, bn.dbeta

    check_gradient(lambda x, *p: layer(*p)(x, train=not eval_mode), (x, gamma, beta), grad)


@pytest.mark.parametrize(
    ("mean", "std", "dtype"),
    [(1e4, 0.1, np.float32), (1e7, 1.0, np.float64), (-1e6, 1.0, np.float32), (1e12, 100.0, np.float64)],
)
def test_a_large_mean_loses_nothing(mean, std, dtype, kernels):
    x = (mean + std * np.random.default_rng(0).standard_normal((5000, 6))).astype(dtype)
    dy = np.random.default_rng(1).standard_normal(x.shape).astype(dtype)
    y, cache = batchnorm(x, np.ones(6), np.zeros(6))
    exact = x.astype(np.longdouble)
    mu, var = exact.mean(0), exact.var(0)
    assert np.abs(y.std(0, dtype=np.float64) - np.sqrt(var / (var + 1e-5))).max() < 1e-6
    np.testing.assert_allclose(cache.mean, mu.astype(float), rtol=1e-14)
    np.testing.assert_allclose(cache.var, var.astype(float), rtol=1e-9)
    want = reference(exact - mu, np.ones(6), np.zeros(6), dy)
    tol = 1e-6 if dtype == np.float32 else 1e-8
    for a, b in zip((y, *batchnorm_backward(dy, cache)), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol * np.abs(b).max())


@pytest.mark.parametrize("outlier", [0, 100])
def test_statistics_survive_an_outlier_wherever_it_is(outlier, kernels):
    x = np.random.default_rng(0).standard_normal((1000, 2))
    x[outlier] = 1e8
    cache = batchnorm(x, np.ones(2), np.zeros(2))[1]
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(cache.var, exact.var(0).astype(float), rtol=1e-12)


def test_statistics_are_those_of_float64(kernels):
    x = np.random.default_rng(0).standard_normal((30000, 4), dtype=np.float32) + 1
    cache = batchnorm(x, np.ones(4), np.zeros(4))[1]
    np.testing.assert_allclose(cache.mean, x.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(cache.var, x.var(0, dtype=np.float64), rtol=1e-12)


def test_squares_that_overflow_float32_do_not(kernels):
    x = 1e30 * np.random.default_rng(0).standard_normal((64, 3), dtype=np.float32)
    y = batchnorm(x, np.ones(3), np.zeros(3))[0]
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-5)


def test_a_constant_feature_becomes_beta(kernels):
    for dtype in (np.float32, np.float64):
        x = np.full((50, 2), 0.1, dtype)
        y, cache = batchnorm(x, [2, 3], [0.5, -1])
        np.testing.assert_allclose(y, np.broadcast_to([0.5, -1], (50, 2)), atol=1e-6)
        assert (cache.var == 0).all() and np.isfinite(batchnorm_backward(x, cache)[0]).all()


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize(("shape", "axis"), LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_ways_give_the_same_numbers(way, shape, axis, dtype, monkeypatch):
    args, results = example(shape, axis, dtype), []
    for one in ("numpy", way):
        choose(monkeypatch, one)
        results.append(ours(*args, axis=axis))
    count = args[0].size // shape[axis]
    for a, b in zip(*results, strict=True):
        rtol, atol = (1e-6, 1e-7 if a.ndim > 1 else 1e-8 * count) if dtype == np.float32 else (1e-10, 1e-12)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("kind", ["random", "constant", "one in eight"])
def test_sums_of_the_gradient_are_right_to_a_part_of_their_terms(kernels, kind):
    x, gamma, beta, dy = example((4096, 24), 1, np.float32)
    if kind == "constant":  # rounded alike in every eight
        dy[:] = 1.6331658
    if kind == "one in eight":
        dy[:] = np.where(np.arange(4096) // 3 % 8 == 0, 1, 2**-24)[:, None]
    _, _, dgamma, dbeta = ours(x, gamma, beta, dy, axis=1)
    inv = 1 / np.sqrt(x.var(0, dtype=np.float64) + 1e-5)
    xhat = (x - x.mean(0, dtype=np.float64)) * inv
    most = {"random": 1e-7}.get(kind, 5e-7) * np.abs(dy * x).sum(0, dtype=np.float64) * inv
    assert (np.abs(dgamma - (dy * xhat).sum(0)) < most + 1e-7 * np.abs(dgamma)).all()
    np.testing.assert_allclose(dbeta, dy.sum(0, dtype=np.float64), rtol=1e-7)


@pytest.mark.parametrize(("scale", "upstream", "eps"), [(1e-20, 1e-26, 0), (1e-8, 1e-35, 1e-5), (1e-37, 1e-5, 0)])
def test_gradients_whose_terms_are_too_small_for_float32(kernels, scale, upstream, eps):
    x, gamma, beta, dy = example((64, 16), 1, np.float32, mean=0)
    x, dy = x * np.float32(scale), dy * np.float32(upstream)
    dgamma = ours(x, gamma, beta, dy, eps, axis=1)[2]
    wide = ours(x.astype(np.float64), gamma, beta, dy.astype(np.float64), eps, axis=1)[2]
    np.testing.assert_allclose(dgamma, wide, rtol=1e-3, atol=1e-6 * np.abs(wide).max())


def test_what_numpy_should_warn_of_is_left_to_the_callers_own_arithmetic(kernels):
    x, gamma, beta, dy = example((64, 16), 1, np.float32)
    x[:, 0] = 1  # a variance of 0, without eps
    with np.errstate(all="raise"):
        y, dx, *_ = ours(x, gamma, beta, dy, eps=0, axis=1)
        assert np.isfinite(y[:, 1:]).all() and np.isfinite(dx[:, 1:]).all()
        assert np.geterr()["over"] == "raise" and np.getbufsize() == 8192


def test_it_works_while_python_is_ending():
    program = """
        import threading, numpy as np
        from dlnotes import batchnorm, set_threads
        set_threads(2)
        def late():
            threading.main_thread().join()
            print(batchnorm(np.ones((4096, 700), np.float32), np.ones(700), np.zeros(700))[0].sum())
        threading.Thread(target=late).start()
        """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120)
    assert run.stdout == "0.0\n" and not run.stderr


def test_gradients_whose_terms_exceed_the_range_of_float32(kernels):
    x, gamma, beta, dy = example((64, 16), 1, np.float32)
    y, dx, dgamma, dbeta = ours(x * np.float32(1e25), gamma, beta, dy * np.float32(1e20), axis=1)
    plain = ours(x.astype(np.float64) * 1e25, gamma, beta, dy.astype(np.float64) * 1e20, axis=1)
    for a, b in zip((y, dx, dgamma, dbeta), plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize(("shape", "axis"), [((3000, 200), 1), ((200, 3000), 0), ((8, 16, 40, 40), 1), ((64, 9000), 1)])
def test_the_number_of_threads_changes_no_digit(shape, axis, kernels):
    args = example(shape, axis, np.float32)
    results = []
    try:
        for n in (1, 2, 3, 8):
            set_threads(n)
            results.append(ours(*args, axis=axis))
    finally:
        set_threads(None)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


# Parity --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 5), (3, 5), (64, 5), (1000, 33), (4, 3, 6), (2, 3, 5, 7), (16, 8, 9, 9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("notes_layout", [False, True])
def test_outputs_gradients_and_running_statistics_are_pytorchs(shape, dtype, train, notes_layout, torch, kernels):
    n, rng = shape[1], np.random.default_rng(0)
    kind = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[len(shape)]
    theirs = kind(n, dtype=torch.float64 if dtype == np.float64 else torch.float32)
    bn = BatchNorm.like("pytorch", n, axis=0 if notes_layout else 1)
    gamma, beta = rng.uniform(0.5, 2, n).astype(dtype), rng.standard_normal(n).astype(dtype)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(gamma))
        theirs.bias.copy_(torch.from_numpy(beta))
    bn.gamma, bn.beta = gamma, beta
    turn = (lambda a: np.ascontiguousarray(np.moveaxis(a, 1, 0))) if notes_layout else (lambda a: a)
    tol = 1e-11 if dtype == np.float64 else 3e-5
    for _ in range(6):  # a few steps, so that running statistics move
        x, dy = (0.3 + 2 * rng.standard_normal(shape)).astype(dtype), rng.standard_normal(shape).astype(dtype)
        theirs.train(train)
        tx = torch.from_numpy(x).requires_grad_()
        ty = theirs(tx)
        theirs.zero_grad()
        ty.backward(torch.from_numpy(dy))
        y = bn(turn(x), train=train)
        dx = bn.backward(turn(dy))
        pairs = {
            "y": (y, turn(ty.detach().numpy())),
            "dx": (dx, turn(tx.grad.numpy())),
            "dgamma": (bn.dgamma, theirs.weight.grad.numpy()),
            "dbeta": (bn.dbeta, theirs.bias.grad.numpy()),
            "mean": (bn.mean, theirs.running_mean.numpy()),
            "var": (bn.var, theirs.running_var.numpy()),
        }
        for name, (a, b) in pairs.items():
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=tol, atol=tol * max(1, np.abs(b).max()), err_msg=name)


@pytest.mark.parametrize("momentum", [0.1, 0.37, None])
def test_running_statistics_stay_pytorchs_over_many_steps(momentum, torch):
    rng = np.random.default_rng(0)
    theirs = torch.nn.BatchNorm1d(4, momentum=momentum, dtype=torch.float64)
    bn = BatchNorm.like("pytorch", 4, decay=None if momentum is None else 1 - momentum)
    for step in range(100):
        x = step / 20 + rng.standard_normal((2 + step % 7, 4))
        theirs(torch.from_numpy(x))
        bn(x, train=True)
    state = bn.state("pytorch")
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(state[name], value.numpy(), rtol=1e-12, err_msg=name)
    x = rng.standard_normal((5, 4))
    np.testing.assert_allclose(bn(x, train=False), theirs.eval()(torch.from_numpy(x)).detach().numpy(), rtol=1e-12)


def test_weights_after_training_steps_are_pytorchs(torch):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((6, 4))
    linear, theirs = (
        torch.nn.Linear(6, 4, bias=False, dtype=torch.float64),
        torch.nn.BatchNorm1d(4, dtype=torch.float64),
    )
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(W.T))
    optimizer = torch.optim.SGD([*linear.parameters(), *theirs.parameters()], lr=0.1)
    bn = BatchNorm.like("pytorch", 4)
    for _ in range(20):
        x, target = rng.standard_normal((8, 6)), rng.standard_normal((8, 4))
        optimizer.zero_grad()
        ((theirs(linear(torch.from_numpy(x))) - torch.from_numpy(target)) ** 2).mean().backward()
        optimizer.step()
        y = bn(x @ W, train=True)
        dz = bn.backward(2 * (y - target) / y.size)
        W, bn.gamma, bn.beta = W - 0.1 * x.T @ dz, bn.gamma - 0.1 * bn.dgamma, bn.beta - 0.1 * bn.dbeta
    np.testing.assert_allclose(W.T, linear.weight.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(bn.gamma, theirs.weight.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(bn.beta, theirs.bias.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_a_state_goes_to_pytorch_and_back(torch):
    bn = BatchNorm.like("pytorch", 3)
    x = np.random.default_rng(0).standard_normal((9, 3)) + 1
    bn(x)
    theirs = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    theirs.load_state_dict({k: torch.from_numpy(np.asarray(v)) for k, v in bn.state("pytorch").items()})
    np.testing.assert_allclose(theirs.eval()(torch.from_numpy(x)).detach().numpy(), bn(x, train=False), rtol=1e-12)
    again = BatchNorm.like("pytorch", 3).load_state({k: v.numpy() for k, v in theirs.state_dict().items()}, "pytorch")
    assert again.steps == 1 and np.array_equal(again.var, bn.var)


@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_are_autograds(axis):
    autograd = pytest.importorskip("autograd", reason="the extra `parity` (autograd) is not installed")
    import autograd.numpy as anp

    x, gamma, beta, dy = example((7, 5), axis)
    shape = (-1, 1) if axis == 0 else (1, -1)

    def f(x, gamma, beta):
        mu, var = anp.mean(x, 1 - axis, keepdims=True), anp.var(x, 1 - axis, keepdims=True)
        y = anp.reshape(gamma, shape) * (x - mu) / anp.sqrt(var + 1e-5) + anp.reshape(beta, shape)
        return anp.sum(dy * y)

    for k, mine in enumerate(ours(x, gamma, beta, dy, axis=axis)[1:]):
        np.testing.assert_allclose(mine, autograd.grad(f, k)(x, gamma, beta), rtol=1e-10, atol=1e-12)


# Properties ----------------------------------------------------------------------------------------------------------

batches = st.tuples(
    st.integers(2, 40), st.integers(1, 6), st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50)
)


def drawn(batch):
    m, n, seed, std, mean = batch
    rng = np.random.default_rng(seed)
    return (
        mean + std * rng.standard_normal((m, n)),
        rng.uniform(-2, 2, n),
        rng.standard_normal(n),
        rng.standard_normal((m, n)),
    )


@settings(max_examples=80)
@given(batches)
def test_output_mean_is_beta_and_variance_gamma_squared_up_to_eps(batch):
    x, gamma, beta, _ = drawn(batch)
    y, cache = batchnorm(x, gamma, beta)
    np.testing.assert_allclose(y.mean(0), beta, atol=1e-9)
    np.testing.assert_allclose(y.var(0), gamma**2 * cache.var / (cache.var + 1e-5), rtol=1e-8, atol=1e-12)


@settings(max_examples=80)
@given(batches, st.floats(0.1, 10), st.floats(-100, 100))
def test_shift_and_scale_of_the_input_change_nothing(batch, scale, shift):
    x, gamma, beta, dy = drawn(batch)
    y, dx, dgamma, dbeta = ours(x, gamma, beta, dy, eps=0)
    y2, dx2, dgamma2, dbeta2 = ours(scale * x + shift, gamma, beta, dy, eps=0)
    for a, b in ((y, y2), (dx, scale * dx2), (dgamma, dgamma2), (dbeta, dbeta2)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * (1 + np.abs(a).max()))


@settings(max_examples=80)
@given(batches)
def test_the_gradient_is_orthogonal_to_constants_and_to_xhat(batch):
    x, gamma, beta, dy = drawn(batch)
    y, cache = batchnorm(x, np.ones_like(gamma), np.zeros_like(beta), eps=0)
    dx = batchnorm_backward(dy, cache)[0]
    size = np.abs(dx).max() + 1 / x.std(0).min()
    assert np.abs(dx.sum(0)).max() < 1e-9 * size * len(x)
    assert np.abs((dx * y).sum(0)).max() < 1e-9 * size * len(x)


@settings(max_examples=50)
@given(batches)
def test_permuting_the_rows_permutes_the_result(batch):
    x, gamma, beta, dy = drawn(batch)
    p = np.random.default_rng(0).permutation(len(x))
    for k, (a, b) in enumerate(zip(ours(x, gamma, beta, dy), ours(x[p], gamma, beta, dy[p]), strict=True)):
        np.testing.assert_allclose(a[p] if k < 2 else a, b, rtol=1e-7, atol=1e-7 * (1 + np.abs(a).max()))


@settings(max_examples=50)
@given(batches, st.data())
def test_moments_of_parts_add_up_to_those_of_the_whole(batch, data):
    x = drawn(batch)[0]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(x) - 1), max_size=5)))
    total = sum(Moments.of(part) for part in np.split(x, cuts))
    assert total.count == len(x)
    np.testing.assert_allclose(total.mean, x.mean(0), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(total.var, x.var(0), rtol=1e-9)


@settings(max_examples=50)
@given(batches, st.booleans())
def test_folding_gives_the_same_outputs(batch, with_bias):
    x = drawn(batch)[0]
    rng = np.random.default_rng(batch[2])
    W, b = rng.standard_normal((x.shape[1], 3)), rng.standard_normal(3) if with_bias else None
    z = x @ W + (0 if b is None else b)
    bn = BatchNorm(3).recalibrate([z])
    bn.gamma, bn.beta = rng.uniform(-2, 2, 3), rng.standard_normal(3)
    W1, b1 = bn.fold(W, b)
    want = bn(z, train=False)
    np.testing.assert_allclose(x @ W1 + b1, want, rtol=1e-7, atol=1e-7 * (1 + np.abs(x @ W1).max()))
    W2, b2 = bn.fold(W.T, b, axis=0)  # the notes' layout
    np.testing.assert_allclose(W2, W1.T)
    np.testing.assert_allclose(b2, b1)


def test_weights_of_pytorch_are_told_their_axis():
    bn = BatchNorm(3)
    with pytest.raises(ValueError, match=r"got shape \(3, 5\): give axis=0 for weights of PyTorch, \(out, in\)"):
        bn.fold(np.ones((3, 5)))
    assert bn.fold(np.ones((3, 5)), axis=0)[0].shape == (3, 5)
    for W, axis in ((np.ones((4, 5)), -1), (np.ones((5, 3)), 0)):
        with pytest.raises(ValueError, match=r"features along axis -?\d, got shape \(\d, \d\)$"):
            bn.fold(W, axis=axis)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_state_without_names_is_told_which(kind):
    bn, weights = BatchNorm(3), [np.full(3, value) for value in (1.0, 2.0, 3.0, 4.0)]
    names = "gamma beta moving_mean moving_variance".split()
    told = re.escape(f"give dict(zip({names}, ...))")
    with pytest.raises(TypeError, match=rf"state must be a dict of arrays by name, got a \w+: .*{told}"):
        bn.load_state(kind(weights), "keras")
    assert (bn.mean == 0).all()
    assert bn.load_state(dict(zip(names, weights, strict=True)), "keras").var.tolist() == [4, 4, 4]


# Wrong versions, each killed by a comparison above -------------------------------------------------------------------


def mutant(statistics="population", back="right", eps=1e-5, dtype=np.float64):
    """`reference`, with one thing wrong."""

    def run(x, gamma, beta, dy):
        x, m = x.astype(dtype), len(x)
        mu = x.mean(0)
        var = {
            "population": lambda: ((x - mu) ** 2).mean(0),
            "unbiased": lambda: x.var(0, ddof=1),
            "one pass": lambda: np.maximum((x * x).mean(0) - mu * mu, 0),
            "std for var": lambda: x.std(0),
        }[statistics]()
        inv = 1 / np.sqrt(var + eps) if statistics != "std for var" else 1 / (var + eps)
        xhat, g = (x - mu) * inv, dy * gamma
        dx = {
            "right": lambda: inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)),
            "detached": lambda: inv * g,
            "detached mean": lambda: inv * (g - xhat * (g * xhat).mean(0)),
            "detached variance": lambda: inv * (g - g.mean(0)),
            "missing 1/m": lambda: inv * (g - g.sum(0) - xhat * (g * xhat).sum(0)),
            "m - 1": lambda: inv * (g - g.mean(0) - xhat * (g * xhat).sum(0) / (m - 1)),
            "forgotten gamma": lambda: inv * (dy - dy.mean(0) - xhat * (dy * xhat).mean(0)),
            "sign": lambda: -inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)),
            "transposed": lambda: (inv * (g - g.mean(0) - xhat * (g * xhat).mean(0))).T,
        }[back]()
        return gamma * xhat + beta, dx, (dy * xhat).sum(0), dy.sum(0)

    return run


MUTANTS = {
    "unbiased variance in training": mutant(statistics="unbiased"),
    "standard deviation plus eps": mutant(statistics="std for var"),
    "forgotten eps": mutant(eps=0),
    **{back: mutant(back=back) for back in ("detached", "detached mean", "detached variance", "missing 1/m", "m - 1")},
    **{back: mutant(back=back) for back in ("forgotten gamma", "sign", "transposed")},
    "mean for sum": lambda *a: (*mutant()(*a)[:2], mutant()(*a)[2] / len(a[0]), mutant()(*a)[3]),
}


def agrees(f, args, tol=1e-9):
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tol, atol=tol)
        for a, b in zip(f(*args), reference(*args), strict=True)
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_every_wrong_version_is_killed(name):
    args = example((4, 3), 1)
    args = (args[0] * np.array([1, 0.01, 1]), *args[1:])  # one feature so narrow that eps matters
    assert agrees(ours, args) and agrees(mutant(), args)
    assert not agrees(MUTANTS[name], args)


def test_one_pass_variance_in_float32_is_killed():
    x, gamma, beta, dy = example((4096, 3), 1, np.float32)
    args = (1e4 + x, gamma, beta, dy)
    assert agrees(ours, args, 1e-3)
    assert not agrees(mutant(statistics="one pass", dtype=np.float32), args, 1e-3)


# What is refused, before anything changes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.ones((1, 3)), {}, "at least two examples per feature, got 1.*larger batch"),
        (np.ones((0, 3)), {}, "at least two examples per feature, got 0"),
        (np.ones(3), {}, "at least two examples per feature, got 1"),
        (np.ones((1, 3, 1, 1)), {"axis": 1}, "at least two examples per feature, got 1"),
        (np.ones((4, 3), int), {}, "float32 or float64, got int64.*astype"),
        (np.ones((4, 3), complex), {}, "float32 or float64, got complex128"),
        (np.ones((4, 3), bool), {}, "float32 or float64, got bool"),
        (np.ones((4, 3), object), {}, "float32 or float64, got object"),
        ([["a"] * 3] * 4, {}, "float32 or float64"),
        (np.ma.ones((4, 3)), {}, "masked"),
        (np.float64(1), {}, "axis -1 does not exist"),
        (np.ones((4, 3)), {"axis": 2}, r"axis 2 does not exist in x of shape \(4, 3\)"),
        (np.ones((4, 3)), {"axis": 0.5}, "axis must be a whole number, got 0.5"),
        (np.ones((4, 2)), {}, r"gamma must have shape \(2,\).*got \(3,\)"),
        (np.ones((4, 3)), {"gamma": 1.0}, r"gamma must have shape \(3,\).*got \(\)"),
        (np.ones((4, 3)), {"gamma": np.ones((3, 1))}, r"got \(3, 1\)"),
        (np.ones((4, 3)), {"beta": np.ones(1)}, r"beta must have shape \(3,\).*got \(1,\)"),
        (np.ones((4, 3)), {"beta": ["a"] * 3}, "beta must be real numbers"),
        (np.ones((4, 3)), {"eps": -1}, "eps must be a number from 0, got -1"),
        (np.ones((4, 3)), {"eps": np.nan}, "eps must be a number from 0, got nan"),
        (np.ones((4, 0)), {"gamma": [], "beta": []}, "at least one feature"),
    ],
)
def test_nonsense_is_refused_with_advice(x, options, message):
    options = {"gamma": np.ones(3), "beta": np.zeros(3)} | options
    with pytest.raises(ValueError, match=message):
        batchnorm(x, **options)


def test_a_refused_batch_leaves_the_layer_as_it_was():
    bn = BatchNorm(3)
    bn(np.random.default_rng(0).standard_normal((8, 3)))
    before = pickle.dumps(bn)
    for bad in (np.ones((4, 2)), np.ones((1, 3)), np.ones((4, 3), int), np.ones((4, 3, 2))):
        with pytest.raises(ValueError):
            bn(bad, train=True)
        assert pickle.dumps(bn) == before
    with pytest.raises(ValueError, match="at least one batch"):
        bn.recalibrate([])
    with pytest.raises(ValueError):
        bn.recalibrate([np.ones((4, 3)), np.ones((4, 2))])
    with pytest.raises(ValueError, match="missing: moving_mean"):
        bn.load_state({"gamma": np.ones(3), "beta": np.ones(3), "moving_variance": np.ones(3)}, "keras")
    with pytest.raises(ValueError, match="must not be negative"):
        bn.load_state({"gamma": np.ones(3), "beta": np.ones(3), "mean": np.ones(3), "var": -np.ones(3)})
    assert pickle.dumps(bn) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_features": 0}, "num_features must be a whole number from 1, got 0"),
        ({"num_features": 2.5}, "num_features must be"),
        ({"num_features": 3, "decay": 1.0}, r"decay must lie in \[0, 1\)"),
        ({"num_features": 3, "decay": "0.9"}, "decay must lie"),
        ({"num_features": 3, "eps": -1e-5}, "eps must be"),
        ({"num_features": 3, "average": "variance"}, "'var' or 'std', got 'variance'"),
        ({"num_features": 3, "axis": 1.5}, "axis must be a whole number, got 1.5"),
    ],
)
def test_a_layer_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BatchNorm(**arguments)


def test_backward_refuses_what_does_not_fit():
    x, gamma, beta, dy = example((6, 3), 1)
    cache = batchnorm(x, gamma, beta)[1]
    for bad, message in (
        (dy[:5], r"shape of y, \(6, 3\), got \(5, 3\)"),
        (dy.T, "got"),
        (dy * 1j, "real numbers, got complex128"),
    ):
        with pytest.raises(ValueError, match=message):
            batchnorm_backward(bad, cache)
    with pytest.raises(ValueError, match=r"call bn\(x\) on some examples first"):
        BatchNorm(3).backward(dy)


def test_inference_takes_one_example_or_none():
    mean, var = np.array([1.0, 2]), np.array([4.0, 9])
    one = batchnorm_inference(np.array([3.0, 5.0]), [1, 1], [0, 0], mean, var, eps=0)
    np.testing.assert_allclose(one, [1, 1])
    assert batchnorm_inference(np.ones((0, 2), np.float32), [1, 1], [0, 0], mean, var).shape == (0, 2)
    with pytest.raises(ValueError, match="var must not be negative, got -1"):
        batchnorm_inference(np.ones((3, 2)), [1, 1], [0, 0], mean, [1, -1])
    with pytest.raises(ValueError, match=r"call bn\(x\) on some examples first"):
        bn = BatchNorm(2)
        bn(np.ones((0, 2)), train=False)
        bn.backward(np.ones((0, 2)))


# Hostile arrays ------------------------------------------------------------------------------------------------------

VIEWS = {
    "Fortran order": lambda a: np.asfortranarray(a),
    "transposed twice": lambda a: np.ascontiguousarray(a.T).T,
    "every other row": lambda a: np.repeat(a, 2, 0)[::2],
    "every other column": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "not aligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    "a matrix": lambda a: np.matrix(a),
    "a list": lambda a: a.tolist(),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("shape", [(50, 6), (400, 100)])
def test_the_layout_in_memory_does_not_matter(name, shape, kernels):
    args = example(shape, 1)
    odd = (VIEWS[name](args[0]), *args[1:3], VIEWS[name](args[3]))
    for mixed in (odd, (args[0], *odd[1:]), (*odd[:3], args[3])):
        for a, b in zip(ours(*mixed), ours(*args), strict=True):
            assert type(a) is np.ndarray
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_images_with_channels_last_in_memory(kernels):
    x, gamma, beta, dy = example((4, 3, 5, 6), 1)
    turned = [np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (x, dy)]
    for a, b in zip(ours(turned[0], gamma, beta, turned[1], axis=1), ours(x, gamma, beta, dy, axis=1), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert batchnorm(turned[0], gamma, beta, axis=1)[1].view.x.base is not None  # no copy was made


def test_broadcast_rows_are_just_equal_rows(kernels):
    x = np.broadcast_to(np.arange(3.0), (5, 3))
    np.testing.assert_allclose(batchnorm(x, np.ones(3), np.zeros(3))[0], 0, atol=1e-12)


def test_read_only_arrays_are_read_and_nothing_else(kernels):
    args = example((40, 3), 1)
    before = [a.copy() for a in args]
    for a in args:
        a.flags.writeable = False
    result = ours(*args)
    assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True))
    assert all(r.flags.writeable for r in result[:2])


def test_results_share_no_memory_with_arguments(kernels):
    args = example((40, 3), 1)
    y, cache = batchnorm(*args[:3])
    dx, dgamma, dbeta = batchnorm_backward(args[3], cache)
    for result in (y, dx, dgamma, dbeta):
        assert not any(np.shares_memory(result, a) for a in args)
    again = batchnorm(*args[:3])[1]
    args[1][:] = 100  # gamma is updated between forward and backward
    np.testing.assert_array_equal(batchnorm_backward(args[3], again)[0], dx)


def test_dy_may_be_the_same_array_as_x(kernels):
    x, gamma, beta, _ = example((40, 3), 1)
    for a, b in zip(ours(x, gamma, beta, x), ours(x, gamma, beta, x.copy()), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("where", [0, 7])
@pytest.mark.filterwarnings("error")
def test_nan_in_nan_out_of_that_feature_alone(bad, dtype, where, kernels):
    x, gamma, beta, dy = example((40, 3), 1, dtype)
    clean = ours(x, gamma, beta, dy)
    x[where, 1] = bad
    y, dx, dgamma, dbeta = ours(x, gamma, beta, dy)
    assert np.isnan(y[:, 1]).all() and np.isnan(dx[:, 1]).all() and np.isnan(dgamma[1])
    tol = 1e-6 if dtype == np.float32 else 1e-12
    for a, b in ((y, clean[0]), (dx, clean[1])):
        np.testing.assert_allclose(a[:, [0, 2]], b[:, [0, 2]], rtol=tol, atol=tol * 10)
    np.testing.assert_allclose(dbeta, clean[3], rtol=tol)


def test_mixed_precision_keeps_each_ones_own(kernels):
    x, gamma, _, dy = example((40, 3), 1)
    y, dx, dgamma, dbeta = ours(x.astype(np.float32), gamma, [1, 2, 3], dy)
    assert [a.dtype for a in (y, dx, dgamma, dbeta)] == [np.float32, np.float32, np.float64, np.float64]


@pytest.mark.parametrize(("shape", "axis"), [((4096, 256), 1), ((256, 4096), 0), ((16, 32, 32, 32), 1)])
def test_no_copy_of_the_normalized_input_is_kept(shape, axis, kernels):
    x = np.ones(shape, np.float32)
    x[0] = 2
    n = shape[axis]
    cache = batchnorm(x, np.ones(n), np.zeros(n), axis=axis)[1]
    assert np.shares_memory(cache.view.x, x)
    own = sum(v.nbytes for v in vars(cache).values() if isinstance(v, np.ndarray))
    assert own <= 5 * 8 * n


def test_memory_beyond_input_and_output_does_not_grow_with_the_batch(monkeypatch):
    import tracemalloc

    choose(monkeypatch, "numpy")
    monkeypatch.setattr(dlnotes.threads, "_threads", 1)  # each has two blocks of its own
    extra = []
    for m in (20_000, 80_000):
        x, g, b, dy = example((m, 64), 1, np.float32)
        ours(x, g, b, dy)
        tracemalloc.start()
        y, cache = batchnorm(x, g, b)
        dx = batchnorm_backward(dy, cache)[0]
        extra.append(tracemalloc.get_traced_memory()[1] - y.nbytes - dx.nbytes)
        tracemalloc.stop()
    assert max(extra) < 2_000_000


# Threads and processes -----------------------------------------------------------------------------------------------


def test_many_callers_at_once_get_their_own_numbers(kernels):
    jobs = [example((3000, 100), 1, np.float32, seed=s) for s in range(6)]
    want = [ours(*job) for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        for got, expected in zip(pool.map(lambda job: ours(*job), jobs * 3), want * 3, strict=True):
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_threads_are_read_and_set(monkeypatch):
    monkeypatch.setattr(dlnotes.threads, "cores", lambda: 4)
    for asked, found in (("3", 3), ("999", 4), ("2,1", 2), ("0", 4), ("many", 4), ("", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert get_threads() == found
    monkeypatch.setenv("DLNOTES_NUM_THREADS", "2")
    assert get_threads() == 2
    set_threads(5)
    assert get_threads() == 5
    set_threads(None)
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="whole number from 1"):
            set_threads(bad)


def test_a_forked_process_can_use_it_too():
    code = """
import os, numpy as np
from dlnotes import batchnorm, set_threads
set_threads(2)
x = np.random.default_rng(0).standard_normal((5000, 100))
y = batchnorm(x, np.ones(100), np.zeros(100))[0]
pid = os.fork()
if pid == 0:
    same = np.array_equal(y, batchnorm(x, np.ones(100), np.zeros(100))[0])
    os._exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


# The layer's books ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "rate"),
    [({}, lambda t: 0.1), ({"decay": None}, lambda t: 1 / t), ({"debias": True}, lambda t: 0.1 / (1 - 0.9**t))],
)
def test_running_statistics_follow_their_formula(options, rate):
    bn, rng, mean, var = BatchNorm(3, **options), np.random.default_rng(0), np.zeros(3), np.ones(3)
    for t in range(1, 30):
        x = 5 + 2 * rng.standard_normal((8, 3))
        bn(x)
        mean, var = mean + rate(t) * (x.mean(0) - mean), var + rate(t) * (x.var(0) - var)
    np.testing.assert_allclose(bn.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(bn.var, var, rtol=1e-12)


def test_the_start_is_mean_zero_variance_one_and_the_formula_is_the_notes():
    bn = BatchNorm(2)
    assert (bn.decay, bn.eps) == (0.9, 1e-5)
    assert (bn.mean == 0).all() and (bn.var == 1).all() and (bn.gamma == 1).all() and (bn.beta == 0).all()
    x = np.array([[1.0, 5], [3, 5]])
    bn(x)
    np.testing.assert_allclose(bn.mean, [0.2, 0.5])
    np.testing.assert_allclose(bn.var, [0.9 + 0.1 * 1, 0.9])


def test_unbiased_and_std_averages():
    x = np.random.default_rng(0).standard_normal((4, 3))
    a, b = BatchNorm(3, decay=0, unbiased=True), BatchNorm.like("notes", 3)
    a(x)
    np.testing.assert_allclose(a.var, x.var(0, ddof=1))
    b(x.T)
    np.testing.assert_allclose(np.sqrt(b.var), 0.9 + 0.1 * x.std(0))


def test_inference_leaves_the_books_alone():
    bn = BatchNorm(3)
    x = np.random.default_rng(0).standard_normal((8, 3))
    bn(x)
    before = bn.state()
    y = bn(x, train=False)
    assert (
        all(np.array_equal(a, b) for a, b in zip(before.values(), bn.state().values(), strict=True)) and bn.steps == 1
    )
    np.testing.assert_allclose(y, (x - bn.mean) / np.sqrt(bn.var + 1e-5), rtol=1e-12)


def test_recalibrate_is_exact_over_unequal_batches_and_their_moments():
    x = 3 + np.random.default_rng(0).standard_normal((1000, 4))
    parts = np.split(x, [1, 5, 300, 999])
    for given_as in (parts, iter(parts), [Moments.of(p) for p in parts], [Moments.of(parts[0]), *parts[1:]]):
        bn = BatchNorm(4).recalibrate(given_as)
        np.testing.assert_allclose(bn.mean, x.mean(0), rtol=1e-12)
        np.testing.assert_allclose(bn.var, x.var(0), rtol=1e-12)


@pytest.mark.parametrize("source", CONVENTIONS)
@pytest.mark.parametrize("target", CONVENTIONS)
def test_a_state_keeps_its_outputs_in_every_convention(source, target):
    rng = np.random.default_rng(0)
    a = BatchNorm.like(source, 3, axis=1, eps=1e-4)
    a.gamma, a.beta = rng.uniform(1, 2, 3), rng.standard_normal(3)
    x = rng.standard_normal((9, 3))
    a(x)
    b = BatchNorm.like(target, 3, axis=1, eps=1e-4).load_state(a.state(target), target)
    np.testing.assert_allclose(b(x, train=False), a(x, train=False), rtol=1e-12)
    assert set(a.state(target)) >= set(CONVENTIONS[target]["names"])


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match=r"must be one of dlnotes, pytorch.*got 'caffe'"):
        BatchNorm.like("caffe", 3)


@pytest.mark.parametrize(
    ("library", "convention"), [("torch", "pytorch"), ("tf", "keras"), ("tensorflow", "keras"), ("jax", "flax")]
)
def test_a_convention_may_be_called_as_its_library_is(library, convention):
    bn = BatchNorm.like(library, 3)
    assert repr(bn) == repr(BatchNorm.like(convention, 3))
    bn(np.random.default_rng(0).standard_normal((8, 3)))
    state = bn.state(library)
    assert list(state) == list(bn.state(convention))
    again = BatchNorm.like(convention, 3).load_state(state, library)
    assert np.array_equal(again.var, bn.var) and again.steps == (bn.steps if convention == "pytorch" else 0)


@pytest.mark.parametrize("unknown", ["Torch", None, ["torch"], 1])
def test_a_convention_that_is_no_name_is_refused(unknown):
    with pytest.raises(ValueError, match="convention must be one of"):
        BatchNorm(3).state(unknown)


@pytest.mark.parametrize("word", ["training", "is_training", "mode", "use_running_average"])
def test_other_libraries_words_for_train_are_refused_by_name(word):
    bn, x = BatchNorm(3), np.random.default_rng(0).standard_normal((8, 3))
    with pytest.raises(TypeError, match=f"`train=`, not `{word}=`"):
        bn(x, **{word: False})
    with pytest.raises(TypeError, match="x and `train=`, got another argument, 'axis'"):
        bn(x, axis=0)
    assert bn.steps == 0 and bn.cache is None


class Named(BatchNorm):
    """A subclass comes back as itself."""


@pytest.mark.parametrize("kind", [BatchNorm, Named])
def test_save_and_load_without_pickle(kind, tmp_path):
    bn = kind.like("pytorch", 3, decay=None)
    bn.gamma = np.array([1, 2, 3], np.float32)
    for _ in range(3):
        bn(np.random.default_rng(0).standard_normal((5, 3)))
    bn.save(tmp_path / "layer")  # the name as given, no ending added
    again = kind.load(tmp_path / "layer")
    assert type(again) is kind and repr(again) == repr(bn) and again.steps == 3 and again.gamma.dtype == np.float32
    assert all(np.array_equal(a, b) for a, b in zip(again.state().values(), bn.state().values(), strict=True))
    with np.load(tmp_path / "layer", allow_pickle=False) as file:
        assert all(file[k].dtype != object for k in file)


def test_a_file_that_is_no_layer_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.save(tmp_path / "array.npy", np.ones(3))
    MLP((2,), epochs=1).fit(np.eye(4), [0, 1, 0, 1]).save(tmp_path / "network.npz")
    (tmp_path / "text").write_text("gamma")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:50])
    for name in ("other.npz", "array.npy", "network.npz", "text", "cut.npz"):
        with pytest.raises(ValueError, match=f"{name} is not a saved BatchNorm"):
            BatchNorm.load(tmp_path / name)
    np.savez(tmp_path / "evil.npz", gamma=np.ones(1), config=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        BatchNorm.load(tmp_path / "evil.npz")


def test_the_bias_before_it_has_no_effect_and_no_gradient():
    x, gamma, beta, dy = example((16, 3), 1)
    y, dx, *_ = ours(x, gamma, beta, dy)
    np.testing.assert_allclose(ours(x + np.array([5, -2, 100]), gamma, beta, dy)[0], y, atol=1e-9)
    assert np.abs(dx.sum(0)).max() < 1e-12


def test_importing_the_package_imports_no_numba():
    code = "import sys, dlnotes; assert 'numba' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Statistics from elsewhere


@pytest.mark.parametrize("options", [{"decay": None}, {"debias": True}, {"decay": None, "average": "std"}])
@pytest.mark.parametrize(
    "way",
    [
        "batches",
        "their moments",
        "one part",
        "a state",
        "by hand",
        "by hand, later",
        "in place, after a state",
        "saved",
    ],
)
def test_statistics_that_were_taken_over_are_kept_in_training(options, way, tmp_path):
    rng = np.random.default_rng(0)
    batches = [rng.normal(10, 2, (32, 3)) for _ in range(20)]
    bn = BatchNorm(3, **options)
    if way == "their moments":
        bn.recalibrate(Moments.of(b) for b in batches)
    elif way == "one part":
        bn.recalibrate([Moments.of(np.vstack(batches))])
    elif way == "a state":
        bn.steps = 3
        bn.load_state({"moving_mean": [10] * 3, "moving_variance": [4] * 3}, "keras")
    elif way == "by hand":
        bn.mean, bn.var = np.full(3, 10.0), np.full(3, 4.0)
    elif way == "by hand, later":
        bn(rng.normal(size=(32, 3)))
        bn(rng.normal(size=(32, 3)))
        bn.mean, bn.var = np.full(3, 10.0), np.full(3, 4.0)
    elif way == "in place, after a state":
        bn.load_state(BatchNorm(3).state("pytorch") | {"num_batches_tracked": np.array(3)}, "pytorch")
        bn.mean[:], bn.var[:] = 10, 4
    elif way in ("later, and saved", "with a counter of 0", "after batches"):
        bn(rng.normal(size=(32, 3)))
        if way == "after batches":
            bn.recalibrate([rng.normal(size=(32, 3))] * 3)
        bn.mean, bn.var = np.full(3, 10.0), np.full(3, 4.0)
        if way == "with a counter of 0":
            bn.steps = 0
    else:
        bn.recalibrate(batches)
    if "saved" in way:
        bn.save(tmp_path / "bn.npz")
        bn = BatchNorm.load(tmp_path / "bn.npz")
    bn(rng.normal(0, 1, (32, 3)))
    assert (bn.mean > 8.5).all() and (bn.var > 2).all()
    assert bn.steps == (21 if way in ("batches", "their moments", "one part", "saved") else 1001)


def test_a_fresh_layer_still_takes_its_first_batch_whole_and_a_counter_is_heeded():
    x = np.random.default_rng(0).normal(5, 2, (16, 2))
    for state in (None, BatchNorm(2).state("flax")):
        bn = BatchNorm(2, decay=None)
        if state:
            bn.load_state(state, "flax")
        bn(x)
        np.testing.assert_allclose(bn.mean, x.mean(0))
    state = BatchNorm(2).state("pytorch") | {"running_mean": np.ones(2), "num_batches_tracked": np.array(3)}
    bn = BatchNorm(2, decay=None).load_state(state, "pytorch")
    bn(x)
    np.testing.assert_allclose(bn.mean, 0.75 + 0.25 * x.mean(0))
    bn.mean, bn.steps = np.ones(2), 1  # who sets the counter, too, is heeded
    bn(x)
    np.testing.assert_allclose(bn.mean, 0.5 + 0.5 * x.mean(0))


def test_another_order_of_bytes_is_but_another_order_of_bytes():
    x = np.random.default_rng(0).normal(5, 2, (16, 2))
    for dtype in ("f4", "f8"):
        y, cache = batchnorm(x.astype(f">{dtype}"), np.ones(2), np.zeros(2))
        expected, _ = batchnorm(x.astype(dtype), np.ones(2), np.zeros(2))
        assert y.dtype == expected.dtype and (y == expected).all()
        assert batchnorm_backward(x.astype(f">{dtype}"), cache)[0].dtype == y.dtype


@pytest.mark.parametrize("lacking", [("gamma",), ("beta",), ("gamma", "beta")])
@pytest.mark.parametrize("none", [False, True])
def test_a_state_may_have_no_scale_or_shift(lacking, none):
    state = {"gamma": [2.0], "beta": [3.0], "moving_mean": [1.0], "moving_variance": [4.0]}
    for name in lacking:
        state[name] = None
        if not none:
            del state[name]
    bn = BatchNorm(1, eps=0).load_state(state, "keras")
    scale, shift = 1.0 if "gamma" in lacking else 2.0, 0.0 if "beta" in lacking else 3.0
    np.testing.assert_allclose(bn([[5.0]], train=False), [[2 * scale + shift]])
    with pytest.raises(ValueError, match="missing: moving_variance"):
        BatchNorm(1).load_state({"moving_mean": [1.0]}, "keras")


def test_half_precision_is_computed_in_float32():
    x = np.random.default_rng(0).normal(3, 2, (16, 2)).astype(np.float16)
    half, single = BatchNorm(2), BatchNorm(2)
    np.testing.assert_array_equal(half(x), single(x.astype(np.float32)))
    np.testing.assert_array_equal(half.backward(x), single.backward(x.astype(np.float32)))
    state = {name: a.astype(np.float16) for name, a in half.state().items()}
    assert half.load_state(state)(x, train=False).dtype == np.float32


def test_half_precision_of_torch_is_computed_in_float32():
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(6, 2).to(torch.bfloat16)
    np.testing.assert_array_equal(BatchNorm(2)(x), BatchNorm(2)(x.float().numpy()))
    state = torch.nn.BatchNorm1d(2).to(torch.bfloat16).state_dict()
    assert BatchNorm.like("torch", 2).load_state(state, "torch").gamma.tolist() == [1, 1]


def test_a_layer_is_saved_to_an_open_file_and_pickled_without_its_last_batch():
    bn, file = BatchNorm(3), io.BytesIO()
    bn(np.random.default_rng(0).normal(size=(20_000, 3)))
    bn.save(file)
    file.seek(0)
    np.testing.assert_array_equal(BatchNorm.load(file).mean, bn.mean)
    copied = pickle.loads(pickle.dumps(bn))
    assert len(pickle.dumps(bn)) < 2000 and bn.cache is not None
    with pytest.raises(ValueError, match="no batch to go back through"):
        copied.backward(np.ones((20_000, 3)))
    bn(np.empty((0, 3)), train=False)
    with pytest.raises(ValueError, match="keeps nothing of an empty batch"):
        bn.backward(np.empty((0, 3)))


def exact_dx(x, gamma, dy, eps):
    """dx as computed with 64 binary digits and a wide exponent"""
    x, gamma, dy = (np.asarray(a, np.longdouble) for a in (x, gamma, dy))
    scale = 1 / np.sqrt(x.var(axis=0) + np.longdouble(eps))
    xhat = (x - x.mean(axis=0)) * scale
    return gamma * scale * (dy - dy.mean(axis=0) - xhat * (dy * xhat).mean(axis=0))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="needs a long double that is longer than a double")
@pytest.mark.parametrize("m", [2, 5, 300])
@pytest.mark.parametrize("size", [1e-42, 1e-38, 1e-20, 1, 1e20, 1e38, 3e38])
@pytest.mark.parametrize("up", [1e-44, 1e-38, 1, 1e30, 1e37, 1e38, 3e38])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # of dgamma and dbeta, sums that float32 cannot hold
def test_dx_is_right_near_the_largest_and_smallest_floats(size, up, m, kernels):
    rng = np.random.default_rng(m)
    for shift, gamma, eps in [(0, 1, 1e-5), (1, -1, 1e-5), (-0.5, 1e3, 1e-12), (0.5, 1e-3, 1)]:
        x = (np.clip(rng.uniform(-1, 1, (m, 3)) + shift, -1, 1) * size).astype(np.float32)
        dy = (rng.uniform(-1, 1, (m, 3)) * up).astype(np.float32)
        dy[:, 1], dy[:, 2] = abs(dy[:, 1]), np.float32(up) * np.sign(dy[:, 2])
        dx = batchnorm_backward(dy, batchnorm(x, np.full(3, gamma), np.zeros(3), eps)[1])[0]
        exact = exact_dx(x, np.full(3, gamma), dy, eps)
        largest = float(np.finfo(np.float32).max)
        room = np.abs(exact) < largest * (1 - 1e-5)
        parts = abs(gamma) * np.abs(dy).max(axis=0).astype(float) / np.sqrt(x.var(axis=0, dtype=float) + eps)
        limit = 2e-6 * parts + 4e-45 * (1 + abs(gamma) / np.sqrt(eps))
        assert dx.dtype == np.float32 and (np.abs(dx - exact) <= limit)[room].all()
        assert np.isinf(dx[np.abs(exact) > largest * (1 + 1e-5)]).all()
