"""The gradient check: what it passes, what it catches, what it refuses to answer, and that it agrees with others."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.optimize import check_grad

from dlnotes import GradientError, check_gradient, check_hessian_vector, cross_entropy, numeric_gradient
from dlnotes.differences import extrapolate, guess_mistake
from dlnotes.newton import Objective

EPS = 0.1
NOISE = iter(np.random.default_rng(0).random(1000))


def bn(x, gamma, beta):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + EPS) + beta


def parts(dy, x, gamma, eps=EPS):
    inv = 1 / np.sqrt(x.var(0) + eps)
    return len(x), inv, (x - x.mean(0)) * inv, gamma * dy


def right(dy, x, gamma, beta):
    _, inv, xhat, g = parts(dy, x, gamma)
    return inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)), (dy * xhat).sum(0), dy.sum(0)


def wrong_dx(formula, eps=EPS):
    return lambda dy, x, gamma, beta: (formula(*parts(dy, x, gamma, eps)), *right(dy, x, gamma, beta)[1:])


def wrong_dgamma(formula):
    def grads(dy, x, gamma, beta):
        dx, _, dbeta = right(dy, x, gamma, beta)
        return dx, formula(dy, x, parts(dy, x, gamma)[2]), dbeta

    return grads


# Every mistake by name, with a word that the hint must hold where the hint can know.
WRONG = {
    "detached mean": (wrong_dx(lambda m, inv, xhat, g: inv * (g - xhat * (g * xhat).mean(0))), "mean"),
    "detached variance": (wrong_dx(lambda m, inv, xhat, g: inv * (g - g.mean(0))), "variance"),
    "both detached": (wrong_dx(lambda m, inv, xhat, g: inv * g), "variance"),
    "missing 1/m": (wrong_dx(lambda m, inv, xhat, g: inv * (g - g.sum(0) - xhat * (g * xhat).sum(0))), ""),
    "1/m missing in the mean": (
        wrong_dx(lambda m, inv, xhat, g: inv * (g - g.sum(0) - xhat * (g * xhat).mean(0))),
        "mean",
    ),
    "1/m missing all over": (
        wrong_dx(lambda m, inv, xhat, g: m * inv * (g - g.mean(0) - xhat * (g * xhat).mean(0))),
        "8 times too large",
    ),
    "unbiased": (
        wrong_dx(lambda m, inv, xhat, g: inv * (g - g.mean(0) - xhat * (g * xhat).sum(0) / (m - 1))),
        "variance",
    ),
    "forgotten eps": (wrong_dx(lambda m, inv, xhat, g: inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)), eps=0), ""),
    "sign": (wrong_dx(lambda m, inv, xhat, g: -inv * (g - g.mean(0) - xhat * (g * xhat).mean(0))), "sign"),
    "zero": (wrong_dx(lambda m, inv, xhat, g: 0 * g), "zero everywhere"),
    "not finite": (wrong_dx(lambda m, inv, xhat, g: g * np.nan), "not finite"),
    "forgotten gamma": (
        lambda dy, x, gamma, beta: (right(dy, x, np.ones(4), beta)[0], *right(dy, x, gamma, beta)[1:]),
        "factor of its own",
    ),
    "dgamma a mean": (wrong_dgamma(lambda dy, x, xhat: (dy * xhat).mean(0)), "8 times too small"),
    "dgamma of raw x": (wrong_dgamma(lambda dy, x, xhat: (dy * x).sum(0)), ""),
    "transposed": (
        lambda dy, x, gamma, beta: (right(dy, x, gamma, beta)[0].T, *right(dy, x, gamma, beta)[1:]),
        "transposed",
    ),
    "summed too far": (lambda dy, x, gamma, beta: (*right(dy, x, gamma, beta)[:2], dy.sum()), "summed"),
    "one argument short": (lambda dy, x, gamma, beta: right(dy, x, gamma, beta)[:2], "3 arguments but 2"),
    "None": (lambda dy, x, gamma, beta: (None, *right(dy, x, gamma, beta)[1:]), "None"),
}


@pytest.fixture
def args():
    rng = np.random.default_rng(0)
    return 0.7 * rng.normal(size=(8, 4)) + 12, rng.uniform(0.5, 2, 4), rng.normal(size=4)


def test_the_right_gradient_passes_and_prints_as_a_table(args):
    check = check_gradient(bn, args, right)
    assert check and check.error < 1e-6
    assert [a.name for a in check.arguments] == ["x", "gamma", "beta"]
    assert len(repr(check).splitlines()) == 4 and "WRONG" not in repr(check)


@pytest.mark.parametrize("name", WRONG)
def test_every_named_wrong_version_is_caught(name, args):
    grad, hint = WRONG[name]
    with pytest.raises(GradientError, match=hint or "no simple pattern|linear"):
        check_gradient(bn, args, grad)


@pytest.mark.parametrize(
    "name", [n for n in WRONG if n not in ("transposed", "summed too far", "one argument short", "None")]
)
@pytest.mark.parametrize("seed", range(5))
def test_random_directions_catch_them_too(name, seed, args):
    assert not check_gradient(bn, args, WRONG[name][0], directions=3, seed=seed, raises=False)


def test_an_upstream_gradient_of_ones_is_blind(args):
    ones = np.ones((8, 4))
    for name in ("detached variance", "unbiased", "sign", "forgotten eps", "zero"):
        assert check_gradient(bn, args, WRONG[name][0], dy=ones), name


def test_the_error_names_the_worst_entry_with_both_values():
    def grad(x):
        g = 2 * x
        g[1, 2] = 5
        return g

    x = np.arange(12.0).reshape(3, 4)
    with pytest.raises(GradientError, match=r"x\[1, 2\] is given as 5, but is 12") as caught:
        check_gradient(lambda x: (x**2).sum(), x, grad)
    worst = caught.value.check.arguments[0]
    assert worst.worst == (1, 2) and worst.given == 5 and "only 1 of 12" in worst.hint


def test_a_square_transposed_gradient_is_recognised():
    x = np.random.default_rng(0).normal(size=(3, 3))
    with pytest.raises(GradientError, match="transposed"):
        check_gradient(lambda x: (x**2).sum(), x, 2 * x.T)


def test_a_tiny_gradient_ninety_times_off_is_caught():
    with pytest.raises(GradientError, match=r"0\.0111111"):
        check_gradient(lambda x: 1e-9 * x.sum(), np.ones(3), np.full(3, 1e-9 / 90))


def test_an_exactly_zero_gradient_passes():
    assert check_gradient(lambda x: x - x, np.arange(3.0), lambda dy, x: 0 * x)
    assert check_gradient(lambda x: x / x.sum(), np.array([1.0, 2, 3]), lambda dy, x: 0 * x, dy=np.ones(3))


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.sampled_from([(), (1,), (5,), (3, 4), (2, 1, 3)]))
def test_a_right_gradient_passes_whatever_the_size_and_shape(seed, size, shape):
    x = size * np.random.default_rng(seed).standard_normal(shape)
    slope = lambda x: np.tanh(x / size) + x / size / np.cosh(x / size) ** 2
    grad = (lambda dy, x: dy * slope(x)) if shape else slope
    assert check_gradient(lambda x: np.tanh(x / size) * x, x, grad, seed=seed)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.floats(1e-4, 1), st.sampled_from([(2,), (3, 4), (2, 2, 3)]))
def test_one_entry_off_is_caught_wherever_it_is(seed, by, shape):
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 2, shape)
    g = 3 * x**2
    where = tuple(rng.integers(shape))
    g[where] *= 1 + by
    check = check_gradient(lambda x: (x**3).sum(), x, g, raises=False)
    assert not check and check.arguments[0].worst == where


def test_the_complex_step_reaches_the_last_digits():
    x = np.random.default_rng(0).normal(size=20)
    assert check_gradient(lambda x: np.exp(x).sum(), x, np.exp, method="complex", tol=1e-14)
    assert not check_gradient(
        lambda x: np.exp(x).sum(), x, lambda x: np.exp(x) * (1 + 1e-12), method="complex", tol=1e-14, raises=False
    )


def test_numeric_gradient_is_the_gradient():
    x = np.random.default_rng(0).normal(size=(3, 2))
    np.testing.assert_allclose(numeric_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-7)
    np.testing.assert_allclose(
        numeric_gradient(np.sin, x, dy=2 * np.ones((3, 2)), method="complex"), 2 * np.cos(x), rtol=1e-14
    )


def test_a_random_choice_is_the_same_for_the_same_seed():
    x = np.random.default_rng(0).normal(size=1000)
    checks = [check_gradient(lambda x: np.exp(x).sum(), x, np.exp, entries=10, seed=s) for s in (1, 1, 2)]
    assert checks[0] == checks[1] != checks[2] and checks[0].arguments[0].checked == 10


def test_dy_is_not_the_numbers_x_was_drawn_from():
    x = np.random.default_rng(0).standard_normal((8, 4))
    seen = []
    check_gradient(lambda x: x, x, lambda dy, x: seen.append(dy) or dy, seed=0)
    assert abs(np.corrcoef(x.ravel(), seen[0].ravel())[0, 1]) < 0.9


def test_neither_x_nor_dy_is_changed():
    def rude_grad(dy, x):
        dy *= 2
        x *= 0
        return dy

    x, dy = np.ones(3), np.ones(3)
    x.flags.writeable = dy.flags.writeable = False
    assert check_gradient(lambda x: x * 2, x, rude_grad, dy=dy)
    assert (x == 1).all() and (dy == 1).all()


@pytest.mark.parametrize(
    ("f", "x", "grad", "options", "message"),
    [
        (np.sin, np.ones(2, np.float16), np.cos, {}, "float64, got float16"),
        (np.sin, np.array([1.0, None]), np.cos, {}, "float64, got object"),
        (lambda x: x + 1j, np.ones(2), np.cos, {}, "float64, got complex128"),
        (np.sin, np.ones(2), np.cos, {"dy": np.ones(2) * 1j}, "dy must be real numbers, got complex128"),
        (np.sin, np.ones(2), np.cos, {"dy": np.array([1, np.inf])}, "dy must be finite, got inf"),
        (np.sin, np.ones(2), np.cos, {"entries": True}, "entries must be a positive whole number, got True"),
        (np.sin, np.ones(2), np.cos, {"directions": np.True_}, "directions must be a positive whole number, got"),
        (np.sin, np.ones(2), np.cos, {"h": True}, "h must be a positive number, got True"),
        (np.sin, np.ones(2), np.cos, {"tol": "small"}, "tol must lie between 0 and 1, got 'small'"),
        (lambda x: x[:0], np.ones(2), lambda dy, x: x, {}, r"empty array of shape \(0,\)"),
        (lambda x: [x, x[:1]], np.ones(2), lambda dy, x: x, {}, "f must return one array of numbers"),
        (lambda x: None, np.ones(2), lambda dy, x: x, {}, "float64, got object"),
        (np.sin, (np.ones(2), np.ones((0, 3))), np.cos, {}, "must not be empty"),
        (lambda x: x**2, np.array([1e300]), lambda dy, x: 2 * x, {}, "finite near x, got inf"),
        (np.sin, np.ones(2, complex), np.cos, {}, "float64, got complex128"),
        (np.sin, np.array(["a"]), np.cos, {}, "float64, got"),
        (np.sin, np.array([True]), np.cos, {}, "float64, got bool"),
        (np.sin, np.array([1, np.nan]), np.cos, {}, "finite, got nan"),
        (np.sin, np.ones(0), np.cos, {}, "must not be empty"),
        (np.sin, (), np.cos, {}, "must not be empty"),
        (np.sin, np.ones(2), np.cos(1) * np.ones(2), {}, "depends on dy"),
        (np.sin, np.ones(2), np.cos, {"dy": np.ones(3)}, r"shape of f's output, \(2,\), got \(3,\)"),
        (np.sin, np.ones(2), np.cos, {"h": 0}, "h must be a positive number, got 0"),
        (np.sin, np.ones(2), np.cos, {"tol": 0}, "tol must lie between 0 and 1, got 0"),
        (np.sin, np.ones(2), np.cos, {"entries": 0}, "entries must be a positive whole number, got 0"),
        (np.sin, np.ones(2), np.cos, {"directions": 1.5}, "directions must be a positive whole number, got 1.5"),
        (np.sin, np.ones(2), np.cos, {"method": "forward"}, "'central' or 'complex', got 'forward'"),
        (
            lambda x: np.sin(x).astype(np.float16),
            np.ones(2),
            np.cos,
            {},
            "f must return float32 or float64.*got float16",
        ),
        (lambda x: np.sin(x).astype(int), np.ones(2), np.cos, {}, "f must return.*float64, got int"),
        (lambda x: np.log(x - 2), np.ones(2), np.cos, {}, "f must be finite near x, got nan"),
        (lambda x: x * next(NOISE), np.ones(2), np.cos, {}, "same for the same x"),
        (lambda x: np.abs(x.real), np.ones(2), lambda dy, x: dy, {"method": "complex"}, "dropped the imaginary part"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_question_that_makes_no_sense_is_refused(f, x, grad, options, message):
    with pytest.raises(ValueError, match=message):
        check_gradient(f, x, grad, **options)


def test_what_is_not_a_function_is_named_and_scipys_order_recognised():
    with pytest.raises(TypeError, match=r"the order is check_gradient\(f, x, grad\)"):
        check_gradient(np.sin, np.cos, np.ones(2))
    with pytest.raises(TypeError, match="f must be a function, got 3"):
        check_gradient(3, np.ones(2), np.cos)
    with pytest.raises(TypeError, match="f must be a function, got 3"):
        numeric_gradient(3, np.ones(2))


def test_integers_become_float64():
    assert check_gradient(lambda x: (x**2).sum(), np.arange(4), lambda x: 2 * x)


def test_agrees_with_scipy_on_right_and_wrong():
    w = np.random.default_rng(0).normal(size=10)
    f, g = lambda w: np.logaddexp(0, w).sum(), lambda w: 1 / (1 + np.exp(-w))
    for grad, same in ((g, True), (lambda w: g(w) ** 1.01, False)):
        assert bool(check_grad(f, grad, w) < 1e-6) is same is bool(check_gradient(f, w, grad, raises=False))


def test_agrees_with_autograd(args):
    autograd = pytest.importorskip("autograd", reason="the extra `parity` is not installed")
    import autograd.numpy as anp

    def f(x, gamma, beta):
        return gamma * (x - anp.mean(x, 0)) / anp.sqrt(anp.var(x, 0) + EPS) + beta

    dy = np.random.default_rng(1).normal(size=args[0].shape)
    theirs = [autograd.grad(lambda *a: anp.sum(dy * f(*a)), k)(*args) for k in range(3)]
    check_gradient(bn, args, tuple(theirs), dy=dy)
    for k, name in enumerate(("x", "gamma", "beta")):
        numeric = numeric_gradient(lambda v, k=k: bn(*[v if i == k else a for i, a in enumerate(args)]), args[k], dy=dy)
        np.testing.assert_allclose(numeric, theirs[k], rtol=1e-5, atol=1e-8, err_msg=name)


def test_arguments_may_come_as_a_list():
    x, w = np.arange(12.0).reshape(4, 3), np.ones((3, 4))
    args = lambda kind: (lambda x, w: x @ w, kind((x, w)), lambda dy, x, w: (dy @ w.T, x.T @ dy))
    assert [a.shape for a in check_gradient(*args(list)).arguments] == [(4, 3), (3, 4)]
    assert check_gradient(*args(list)) == check_gradient(*args(tuple))


# Functions that reuse memory, change what they get, or differ from call to call


def reusing(f, size):
    """f, which writes what it returns into one and the same memory."""
    memory = np.empty(size)

    def inner(*args):
        memory[...] = f(*args)
        return memory

    return inner


@pytest.mark.parametrize("kind", ["an array", "a number", "a part of one"])
def test_a_function_may_return_the_same_memory_each_time(kind):
    x, whole = np.array([0.5, -1.0, 2.0]), reusing(np.sin, 3)
    f, slope = {
        "an array": (reusing(np.sin, 3), lambda dy, x: dy * np.cos(x)),
        "a number": (reusing(lambda x: np.sin(x).sum(), ()), np.cos),
        "a part of one": (lambda x: whole(x)[::2], lambda dy, x: np.cos(x) * [dy[0], 0, dy[1]]),
    }[kind]
    dy = {"an array": np.ones(3), "a number": None, "a part of one": np.ones(2)}[kind]
    assert check_gradient(f, x, slope, dy=dy) and check_gradient(f, x, slope, dy=dy, directions=2)
    assert not check_gradient(f, x, lambda *a: np.zeros(3), dy=dy, raises=False)
    assert np.abs(numeric_gradient(f, x, dy=dy)).max() > 0.1


def test_a_gradient_may_be_memory_that_f_writes_over():
    grads = np.empty(3)

    def f(x):
        np.multiply(2, x, out=grads)
        return (x**2).sum()

    x = np.array([1.0, 2.0, 3.0])
    f(x)
    for grad in (grads, grads.view(), lambda x: grads):
        f(x)
        assert check_gradient(f, x, grad)
    f(x)
    assert check_gradient(lambda x, y: f(x) + y.sum(), (x, x), (grads, np.ones(3)))


def test_x_and_dy_may_be_memory_that_f_writes_over_and_holds_x_again_in_the_end():
    weights = np.array([1.0, 2.0, 3.0])

    def f(x):
        weights[...] = x
        return (weights**2).sum()

    assert check_gradient(f, weights, lambda x: 2 * x) and weights.tolist() == [1, 2, 3]
    assert np.allclose(numeric_gradient(f, weights), [2, 4, 6]) and weights.tolist() == [1, 2, 3]
    dy = np.ones(3)

    def g(x):
        dy[...] = 7
        return x**2

    assert check_gradient(g, weights, lambda dy, x: 2 * x * dy, dy=dy)


@pytest.mark.parametrize("change", ["all", "one entry", "the second", "sorts"])
def test_an_f_that_changes_what_it_gets_is_named(change):
    def f(a, b):
        if change == "all":
            a *= 2
        elif change == "one entry":
            a[-1] = 0
        elif change == "sorts":
            a.sort()
        else:
            b -= b.mean()
        return a.sum() + b.sum()

    name = "b" if change == "the second" else "a"
    with pytest.raises(ValueError, match=f"changed {name}:"):
        check_gradient(f, (np.array([3.0, 1.0]), np.array([1.0, 5.0])), (np.ones(2), np.ones(2)))


@pytest.mark.parametrize("kind", ["dropout", "noise", "late", "counts", "the gradient steps"])
def test_an_f_that_differs_from_call_to_call_is_named(kind):
    rng, calls, w = np.random.default_rng(0), [], np.ones(1)

    def f(x):
        calls.append(1)
        factor = {
            "dropout": rng.random(x.shape) > 0.5,
            "noise": 1 + 1e-9 * rng.standard_normal(),
            "late": 1 + (len(calls) > 6),
            "counts": len(calls) // 2,
            "the gradient steps": w[0],
        }[kind]
        return (factor * x**2).sum()

    def grad(x):
        if kind == "the gradient steps":
            w[0] -= 0.1
        return 2 * x

    with pytest.raises(ValueError, match="same for the same x"):
        check_gradient(f, np.arange(1.0, 12.0), grad)


# Scales, edges and precisions


def smooth():
    return {
        "log": (lambda x: np.log(x).sum(), lambda x: 1 / x),
        "sqrt": (lambda x: np.sqrt(x).sum(), lambda x: 0.5 / np.sqrt(x)),
        "square": (lambda x: (x**2).sum(), lambda x: 2 * x),
        "sin": (lambda x: np.sin(x).sum(), np.cos),
        "x log x": (lambda x: (x * np.log(x)).sum(), lambda x: np.log(x) + 1),
        "inverse": (lambda x: 1 / x, lambda dy, x: -dy / x**2),
        "cube": (lambda x: x**3, lambda dy, x: 3 * dy * x**2),
        "arctan": (np.arctan, lambda dy, x: dy / (1 + x * x)),
        "python's": (lambda x: sum(map(math.log, x)), lambda x: 1 / x),
    }


def one_off(grad, i, factor):
    def inner(*args):
        g = np.array(grad(*args))
        g[i] *= factor
        return g

    return inner


@pytest.mark.parametrize("name", smooth())
@pytest.mark.parametrize("x", [[1e6, 0.1], [1e6, 0.5], [1e-6, 1e6, 1.0, 30.0], [1e3, 1e-3], [2e-6, 3e-6]])
def test_a_right_gradient_passes_and_one_per_cent_in_any_entry_fails_at_all_scales(name, x):
    (f, grad), x = smooth()[name], np.array(x)
    assert check_gradient(f, x, grad)
    for i in range(x.size):
        assert check_gradient(f, x, one_off(grad, i, 1.01), raises=False).verdict == "wrong", i
    numeric = numeric_gradient(f, x, dy=np.ones(x.shape) if np.ndim(f(x)) else None)
    right = grad(np.ones(x.shape), x) if np.ndim(f(x)) else grad(x)
    np.testing.assert_allclose(numeric, right, rtol=0.0025)


@pytest.mark.parametrize(
    ("f", "slope", "x"),
    [
        (np.log, lambda x: 1 / x, 1e-9),
        (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), 1 - 1e-7),
        (np.arctanh, lambda x: 1 / (1 - x * x), -1 + 1e-6),
        (lambda x: np.sqrt(1 + x) if x >= 0 else np.nan, lambda x: 0.5 / np.sqrt(1 + x), 0.0),
        (lambda x: math.sqrt(1 - x) if x <= 0 else math.sqrt(-x), lambda x: -0.5 / np.sqrt(1 - x), 0.0),
        (lambda x: 1 / (x - 0.999), lambda x: -1 / (x - 0.999) ** 2, 1.0),
        (np.abs, np.sign, 1e-9),
        (lambda x: np.sin(1e5 * x), lambda x: 1e5 * np.cos(1e5 * x), 1.0),
    ],
)
def test_steps_stay_where_f_is_finite_and_near(f, slope, x):
    x = np.array(x)
    for factor, verdict in ((1, "ok"), (1.01, "wrong")):
        assert check_gradient(lambda x: f(float(x)), x, factor * slope(x), raises=False).verdict == verdict


@pytest.mark.parametrize("kind", ["x", "value", "inside", "the gradient"])
@pytest.mark.parametrize("name", ["tanh", "softplus", "log", "mean of squares"])
def test_in_float32_the_tolerance_is_worked_out(kind, name):
    x = np.abs(np.random.default_rng(0).normal(size=6)) + 0.1
    f, grad = {
        "tanh": (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2),
        "softplus": (lambda x: np.logaddexp(0, x).sum(), lambda x: 1 / (1 + np.exp(-x))),
        "log": (lambda x: np.log(x).sum(), lambda x: 1 / x),
        "mean of squares": (lambda x: (x**2).mean(), lambda x: 2 * x / 6),
    }[name]
    single = np.float32
    f, x, grad = {
        "x": (f, x.astype(single), grad),
        "value": (lambda x, f=f: single(f(x)), x, grad),
        "inside": (lambda x, f=f: float(f(x.astype(single))), x, grad),
        "the gradient": (f, x, lambda x, g=grad: g(x.astype(single))),
    }[kind]
    check = check_gradient(f, x, grad)
    assert 1e-5 < check.tol < 0.01
    for i in range(6):
        assert check_gradient(f, x, one_off(grad, i, 1.01), raises=False).verdict == "wrong"


@pytest.mark.parametrize(
    ("f", "x", "grad"),
    [
        (lambda x: x.sum(), [5e-324, 1.0], np.ones_like),
        (lambda x: (x**2).sum(), [1e-310, 0.0], lambda x: 2 * x),
        (lambda x: np.log(x).sum(), [1e300, 1.0], lambda x: 1 / x),
        (lambda x: x.sum(), [1.7e308, 1.0], np.ones_like),
        (np.sqrt, [1e-300, 1e300], lambda dy, x: 0.5 * dy / np.sqrt(x)),
        (lambda x: x / 1e200, [1e300, 1e-300], lambda dy, x: dy / 1e200),
    ],
)
def test_the_smallest_and_the_largest_numbers_have_an_answer(f, x, grad):
    x = np.array(x)
    with np.errstate(all="raise"):
        assert check_gradient(f, x, grad).verdict == "ok"
        assert check_gradient(f, x, lambda *a: 1.01 * grad(*a) + 1e-9 * (np.abs(x) < 1), raises=False).verdict != "ok"


# The third verdict


@pytest.mark.parametrize("factor", [0, 1, 1.5, -1])
@pytest.mark.parametrize("hides", [1e18, -1e20])
def test_what_rounding_hides_is_neither_right_nor_wrong_and_raises(factor, hides):
    x = np.array([1.0, 2.0, 3.0])
    f = lambda x: hides + (x**2).sum()
    check = check_gradient(f, x, lambda x: 2 * factor * x, raises=False)
    assert check.verdict == "cannot tell" and not check and "cannot tell" in repr(check)
    assert check.arguments[0].uncertainty > 0.01 and "rounding" in check.arguments[0].hint
    with pytest.raises(GradientError, match="nobody can tell"):
        check_gradient(f, x, lambda x: 2 * factor * x)
    assert check_gradient(lambda x: hides + x, x, lambda dy, x: factor * dy, raises=False).verdict == "cannot tell"


@pytest.mark.parametrize("c", [1e6, 1e8, 1e10, 1e12])
def test_what_larger_steps_show_is_told(c):
    x, f = np.array([1.0, 2.0, 3.0]), lambda x: c + (x**2).sum()
    assert check_gradient(f, x, lambda x: 2 * x)
    for factor in (0, 1.01, 1.5):
        assert check_gradient(f, x, lambda x, factor=factor: 2 * factor * x, raises=False).verdict == "wrong"


def test_a_gradient_of_zero_is_told_from_one_that_nobody_can_see():
    x = np.random.default_rng(0).normal(size=5)
    assert check_gradient(lambda x: 5.0 + 0 * x.sum(), x, np.zeros_like)
    assert check_gradient(lambda x: np.maximum(x, 0).sum(), x, lambda x: 1.0 * (x > 0))
    assert check_gradient(lambda x: (np.exp(x) - np.e * x).sum(), np.ones(3), lambda x: np.exp(x) - np.e)
    assert check_gradient(lambda x: ((x - 2) ** 2).sum(), 2 * np.ones(3), lambda x: 2 * (x - 2))
    bias = lambda z, b: np.tanh((z + b - (z + b).mean(0)) / (z + b).std(0)).sum()  # the bias drops out
    z, b = np.random.default_rng(1).normal(size=(6, 3)), np.array([0.0, 1.0, -0.3])
    dz = numeric_gradient(lambda z: bias(z, b), z)
    assert check_gradient(bias, (z, b), (dz, 1e-17 * np.ones(3)))
    assert check_gradient(bias, (z, b), (dz, 1e-3 * np.ones(3)), raises=False).verdict == "wrong"


# Large inputs


@pytest.mark.parametrize("directions", [1, 3])
def test_directions_find_the_error_they_promise_and_where_it_is(directions):
    x = np.random.default_rng(0).uniform(1, 2, 100)
    f, clean = lambda x: (x**3).sum(), 3 * x**2
    finds = check_gradient(f, x, clean, directions=directions).arguments[0].finds
    size = finds * np.linalg.norm(clean * x)
    seen = 0
    for seed in range(25):
        g = clean.copy()
        g[7 * seed % 100] += size / x[7 * seed % 100]
        check = check_gradient(f, x, g, directions=directions, seed=seed, raises=False)
        seen += not check
        if not check:
            assert check.arguments[0].worst in ((7 * seed % 100,), *range(directions))
    assert seen >= 24
    small = [clean + size / 3000 * np.eye(100)[0] for _ in range(20)]
    assert any(check_gradient(f, x, g, directions=1, seed=s, raises=False) for s, g in enumerate(small))


def test_a_wrong_entry_of_many_is_named():
    x = np.random.default_rng(0).normal(size=(40, 50))
    g = 1 - np.tanh(x) ** 2
    g[17, 31] *= -1
    with pytest.raises(GradientError, match=r"x\[17, 31\] is given"):
        check_gradient(lambda x: np.tanh(x).sum(), x, g, directions=2)


# Second derivatives


def test_products_with_the_hessian_that_the_solver_uses():
    rng = np.random.default_rng(0)
    X, y, W = rng.normal(size=(12, 3)), rng.integers(0, 4, 12), rng.normal(size=(4, 3))
    o = Objective(X, lam=np.full(3, 0.1), y=y)
    shaped = lambda w: w.reshape(4, 3)

    def errors(w):
        return o.errors(o.loss(shaped(w) @ X.T, shaped(w))[1])

    def grad(w):
        return o.gradient(errors(w)[0], shaped(w)).ravel()

    def product(w, v, slip=0.0):
        return (o.curved(shaped(v), errors(w)[1], X) + slip * shaped(v)).ravel()

    assert check_gradient(lambda w: o.loss(shaped(w) @ X.T, shaped(w))[0], W.ravel(), grad)
    assert check_hessian_vector(grad, W.ravel(), product)
    assert check_hessian_vector(grad, W.ravel(), product, v=np.ones(12), directions=2)
    with pytest.raises(GradientError):
        check_hessian_vector(grad, W.ravel(), lambda w, v: product(w, v, slip=0.01))


def test_products_that_are_no_products_are_refused():
    grad, x = lambda x: x**3, np.array([1.0, 2.0])
    right = lambda x, v: 3 * x**2 * v
    assert check_hessian_vector(grad, x, right, entries=1, tol=1e-5)
    assert not check_hessian_vector(grad, x, lambda x, v: 3 * x**2, raises=False)
    assert not check_hessian_vector(grad, x, lambda x, v: 0 * v, raises=False)
    with pytest.raises(TypeError, match="product must be a function, got"):
        check_hessian_vector(grad, x, x)
    with pytest.raises(ValueError, match=r"v must have x's shape \(2,\), got \(3,\)"):
        check_hessian_vector(grad, x, right, v=np.ones(3))
    with pytest.raises(ValueError, match=r"grad must return x's shape \(2,\), got \(\)"):
        check_hessian_vector(lambda x: (x**2).sum(), x, right)
    with pytest.raises(ValueError, match="x must be one array"):
        check_hessian_vector(grad, (x, x), right)


def test_a_gradient_of_other_arguments_is_told_whether_dy_is_passed():
    x, square = np.linspace(0.5, 2, 4), lambda x: (x**2).sum()
    with pytest.raises(
        TypeError, match=r"called as grad\(dy, x\), since f returns an array of shape \(4,\), .* on dy: too many"
    ):
        check_gradient(lambda x: np.sin(x), x, lambda x: np.cos(x))
    with pytest.raises(TypeError, match=r"called as grad\(x\), since f returns one number: missing .* 'x'"):
        check_gradient(square, x, lambda dy, x: 2 * dy * x)
    with pytest.raises(
        TypeError, match=r"called as grad\(dy, x\), since f returns one number, and dy is given: too many"
    ):
        check_gradient(square, x, lambda x: 2 * x, dy=1.0)
    assert check_gradient(square, x, lambda *all: 2 * all[-1]) and check_gradient(square, x, lambda x, more=2: more * x)
    assert check_gradient(lambda x, dy: x * dy, (x, x), lambda out, x, dy: (out * dy, out * x))  # an argument named dy
    with pytest.raises(TypeError, match="its own mistake"):
        check_gradient(square, x, raising(TypeError("its own mistake")))


def raising(error):
    def grad(x):
        raise error

    return grad


def test_a_dict_of_parameters_is_told_to_give_its_arrays():
    x = {"W": np.ones(2), "b": np.ones(1)}
    with pytest.raises(ValueError, match=r"got a dict: .* tuple\(x\.values\(\)\), to an f\(\*arrays\)"):
        check_gradient(lambda p: p["W"].sum(), x, lambda p: p)
    with pytest.raises(ValueError, match="got a dict"):
        numeric_gradient(lambda p: p["W"].sum(), x)
    grads = tuple(2 * a for a in x.values())
    assert check_gradient(lambda *arrays: sum((a**2).sum() for a in arrays), tuple(x.values()), grads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("directions", [None, 3])
def test_a_kink_at_x_is_named_as_one_and_a_bend_is_not(dtype, directions):
    def hint(f, grad, x, verdict="cannot tell"):
        check = check_gradient(f, np.array(x, dtype), grad, directions=directions, raises=False)
        assert check.verdict == verdict
        return check.arguments[0].hint

    relu, zeros = lambda x: np.maximum(x, 0).sum(), [0.0, 0.0]
    assert "a kink there, with slopes" in hint(relu, lambda x: (x > 0) * 1.0, zeros)
    assert "a kink there, with slopes" in hint(lambda x: np.abs(x).sum(), np.ones_like, zeros)
    assert "kink" not in hint(lambda x: np.exp(3 * x).sum(), lambda x: np.exp(3 * x), [0.0, 0.5], "wrong")
    assert "kink" not in hint(lambda x: (x**2).sum() + x.sum(), lambda x: -x, zeros, "wrong")
    if directions is None:
        told = "f seems to have a kink there, with slopes 0 and 1 to its sides: move x off it, and check again"
        assert hint(relu, lambda x: (x >= 0) * 1.0, [0.0, 1.0, -1.0, 2.0, 3.0]) == told


KINKS = {
    "relu": (lambda x: np.maximum(x, 0).sum(), 0.0, 0, 1),
    "relu far from zero": (lambda x: np.maximum(x - 1000, 0).sum(), 1000.0, 0, 1),
    "absolute value": (lambda x: np.abs(x).sum(), 0.0, -1, 1),
    "clip's edge": (lambda x: np.clip(x, -1, 1).sum(), -1.0, 0, 1),
    "three slopes": (lambda x: np.maximum(3 * x, 0.5 * x).sum(), 0.0, 0.5, 3),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KINKS)
def test_any_slope_between_those_to_both_sides_of_a_kink_may_be_right(name, dtype):
    f, at, left, right = KINKS[name]
    x = np.array([at, at + 0.5], dtype)
    slope = f(x + dtype([0, 0.25])) * 4 - f(x) * 4
    for one in (left, 0.75 * left + 0.25 * right, right):
        check = check_gradient(f, x, np.array([one, slope]), raises=False)
        assert check.verdict == "cannot tell" and f"slopes {left} and {right}" in check.arguments[0].hint, one
    for outside in (left - 1.5 * (right - left), right + 1.5 * (right - left)):
        assert check_gradient(f, x, np.array([outside, slope]), raises=False).verdict == "wrong"


def test_at_ties_and_zero_biases_the_check_says_that_there_is_a_kink():
    X = np.random.default_rng(0).normal(size=(8, 3))
    X[2] = 0
    layer = lambda W, b: np.maximum(X @ W + b, 0).sum()
    on = lambda W, b: 1.0 * (X @ W + b > 0)
    check = check_gradient(
        layer, (np.ones((3, 4)), np.zeros(4)), lambda W, b: (X.T @ on(W, b), on(W, b).sum(0)), raises=False
    )
    assert [a.verdict for a in check.arguments] == ["ok", "cannot tell"] and "slopes 3 and 4" in check.arguments[1].hint
    tie = check_gradient(lambda x: x.max(), np.ones(2), np.array([1.0, 0.0]), raises=False)
    assert tie.verdict == "cannot tell" and "slopes 0 and 1" in tie.arguments[0].hint


@pytest.mark.parametrize("distance", [1e-5, 1e-6, 1e-7, 1e-8, 1e-9])
@pytest.mark.parametrize("at", [0.0, 1.0, 1000.0])
def test_next_to_a_kink_the_right_slope_passes_and_the_other_does_not(distance, at):
    relu = lambda x: np.maximum(x - at, 0)
    x = np.array([at - distance, at + distance, 2 * at + 1])
    for right in (np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])):
        check = check_gradient(relu, x, lambda dy, x, right=right: dy * right, raises=False)
        assert bool(check) == (right.sum() == 2)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: np.maximum(x, 0).sum(), [-1e-6, 3.0], [0.0, 1.0]),
        (lambda x: np.floor(x).sum(), [0.3, 1.6], [0.0, 0.0]),
        (lambda x: 5 + np.maximum(np.abs(x) - 1, 0).sum(), [1e-3, 3.0], [0.0, 1.0]),
    ],
)
def test_where_f_stays_as_it_is_the_slope_is_known_to_be_zero(f, x, slope):
    assert check_gradient(f, x, np.array(slope)).verdict == "ok"
    assert check_gradient(f, x, np.add(slope, [1e-3, 0]), raises=False).verdict == "wrong"


def test_what_is_deaf_to_small_steps_is_not_constant():
    f = lambda x: 1e17 + (x**2).sum()
    assert check_gradient(f, [1e3, 2e3], np.zeros(2), raises=False).verdict != "ok"
    exp = lambda x: np.exp(x).sum()
    for x in ([5.0, 50.0], [10.0, 60.0], [20.0, 60.0]):
        assert check_gradient(exp, x, np.array([0.0, np.exp(x[1])]), raises=False).verdict != "ok", x


def network(act, rows, units, dtype, seed):
    """The loss of a layer's weights, and its gradient in float64."""
    rng = np.random.default_rng(seed)
    X, W, V, y = (
        rng.normal(size=(rows, 5)),
        rng.normal(size=(5, units)),
        rng.normal(size=(units, 3)),
        rng.integers(0, 3, rows),
    )
    X, W, V = (0.5 * a.astype(dtype) for a in (X, W, V))
    value, slope = {
        "relu": (lambda a: np.maximum(a, 0), lambda a: a > 0),
        "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    }[act]
    z = X.astype(float) @ W
    return (
        lambda W: cross_entropy(value(X @ W) @ V, y)[0],
        W,
        X.T.astype(float) @ (cross_entropy(value(z) @ V, y)[1] @ V.T * slope(z)),
    )


@pytest.mark.parametrize("act", ["relu", "tanh"])
@pytest.mark.parametrize("rows", [8, 64])
@pytest.mark.parametrize("seed", range(3))
def test_a_right_gradient_of_a_network_is_never_wrong_and_in_float64_ok(act, rows, seed):
    f, W, right = network(act, rows, 6, np.float32, seed)
    assert check_gradient(f, W, right.astype(np.float32), raises=False).verdict != "wrong"
    assert check_gradient(f, W, -right, raises=False).verdict == "wrong"
    f, W, right = network(act, rows, 6, np.float64, seed)
    assert check_gradient(f, W, right)
    right[2, 3] *= 1.01
    assert check_gradient(f, W, right, raises=False).verdict == "wrong" or not right[2, 3]


@pytest.mark.parametrize(("size", "distance"), [(3, 1e-3), (10, 1e-4), (10, 8e-3), (100, 3e-4), (100, 4e-3)])
def test_a_kink_that_float32_hides_is_looked_for_in_float64(size, distance):
    x = np.array([0.7], np.float32)
    f = lambda x: x.dtype.type(size) + np.maximum(x - x.dtype.type(0.7 + distance), 0).sum() / 2 - x.sum() / 10
    check = check_gradient(f, x, np.array([-0.1]), raises=False)
    assert check.verdict == "cannot tell" and ("float64" in str(check.arguments) or size == 100)
    assert check_gradient(f, x.astype(float), np.array([-0.1]))


@pytest.mark.parametrize("x", [[1.0, 40.0], [0.0, 40.0], [5.0, 50.0], [15.0, 60.0]])
@pytest.mark.parametrize("given", [0.0, -50.0, 1.0])
def test_an_entry_that_the_largest_hides_cannot_be_told(x, given):
    x = np.array(x)
    check = check_gradient(lambda x: np.exp(x).sum(), x, np.array([given, np.exp(x[1])]), raises=False)
    assert check.verdict == "cannot tell"
    powers = np.array([1e-6, 0.01, 1, 10, 50])
    slopes = powers**powers * (np.log(powers) + 1)
    slopes[:3] = 1e6 + given
    assert check_gradient(lambda x: (x**x).sum(), powers, slopes, raises=False).verdict == "cannot tell"


@pytest.mark.parametrize("factor", [1.01, 1000, -1, 0])
@pytest.mark.parametrize("x", [[30.0, -30.0], [300.0, -300.0], [700.0, -700.0, 1.0]])
def test_entry_by_entry_nothing_hides(x, factor):
    x = np.array(x)
    off = np.where(np.arange(x.size) == 1, factor, 1)
    assert check_gradient(np.exp, x, lambda dy, x: dy * np.exp(x))
    assert check_gradient(np.exp, x, lambda dy, x: dy * np.exp(x) * off, raises=False).verdict == "wrong"


def test_an_entry_beside_typical_ones_may_be_too_small_to_see():
    z = np.array([[-40.0, 0.5, 1.0, 0.1], [0.3, 0.2, -0.5, 2.0]])
    y = np.array([1, 3])
    assert check_gradient(lambda z: cross_entropy(z, y)[0], z, cross_entropy(z, y)[1])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [4, 8])
def test_bytes_may_come_in_either_order(order, size):
    x = np.array([0.5, 2.0]).astype(f"{order}f{size}")
    assert check_gradient(lambda x: (x**2).sum(), x, 2 * x) and check_gradient(
        lambda x: (x**2).astype(x.dtype), x, lambda dy, x: 2 * x * dy
    )
    np.testing.assert_allclose(numeric_gradient(lambda x: (x**2).sum(), x), [1, 4], rtol=1e-3)
    assert check_gradient(lambda v: (v**2).astype(f"{order}f{size}"), [0.5, 2.0], lambda dy, v: 2 * v * dy)


def test_what_is_masked_is_refused_by_name():
    x = np.ma.masked_array([0.5, 2.0, 1.0], [0, 1, 0])
    f, grad = lambda x: (x**2).sum(), lambda x: 2 * x
    for masked in (x, x.astype(np.float32), np.ma.masked_array([1, 2], [0, 1])):
        with pytest.raises(ValueError, match="x must be without a mask: fill or leave out"):
            check_gradient(f, masked, grad)
        with pytest.raises(ValueError, match="x must be without a mask"):
            numeric_gradient(f, masked)
    with pytest.raises(ValueError, match="x must be without a mask"):
        check_gradient(lambda a, b: f(a), (np.ones(3), x), lambda a, b: (2 * a, 0 * b))
    with pytest.raises(ValueError, match="f must return without a mask"):
        check_gradient(lambda v: np.ma.masked_less(v, 1) ** 2, x.data, lambda dy, v: 2 * v * dy)
    with pytest.raises(ValueError, match="dy must be without a mask"):
        check_gradient(lambda v: v**2, x.data, lambda dy, v: 2 * v * dy, dy=x)
    with pytest.raises(ValueError, match="dy must be without a mask"):
        numeric_gradient(lambda v: v**2, x.data, dy=x)
    for grads in (2 * x, lambda v, twice=2 * x: twice):
        with pytest.raises(ValueError, match="gradient for argument 0 must be without a mask"):
            check_gradient(f, x.data, grads)
    assert check_gradient(f, np.ma.masked_array([0.5, 2.0]), grad)  # nothing in it is masked


def test_what_float32_hides_is_told_to_come_as_float64():
    f, grad = lambda x: (np.exp(x) + x.dtype.type(1e7)).sum(), np.exp
    x = np.array([0.3, 1.0], np.float32)
    assert "hides it: give x as float64, leave out" in check_gradient(f, x, grad, raises=False).arguments[0].hint
    assert check_gradient(f, x.astype(np.float64), grad)
    hidden = check_gradient(lambda x: (np.exp(x) + 1e16).sum(), x.astype(np.float64), grad, raises=False)
    assert "hides it: leave out" in hidden.arguments[0].hint  # which has no finer numbers


EDGES = {
    "a root's end": (lambda x: np.sqrt(1 - x).sum(), lambda x: -0.5 / np.sqrt(1 - x), 1.0, -1),
    "an arc's end": (lambda x: np.arcsin(x).sum(), lambda x: 1 / np.sqrt((1 - x) * (1 + x)), 1.0, -1),
    "a logarithm's": (lambda x: np.log(x - 5).sum(), lambda x: 1 / (x - 5), 5.0, 1),
    "a logarithm's, at 0": (lambda x: np.log(x).sum(), lambda x: 1 / x, 0.0, 1),
    "a pole": (lambda x: (1 / (x - 3)).sum(), lambda x: -1 / (x - 3) ** 2, 3.0, -1),
    "a pole of a logarithm": (lambda x: np.log(np.abs(x + 2)).sum(), lambda x: 1 / (x + 2), -2.0, 1),
    "a pole of the logarithm of gamma": (lambda x: special.gammaln(x - 1).sum(), lambda x: special.psi(x - 1), 1.0, 1),
    "an even pole": (lambda x: (x - 3) ** -2.0 @ np.ones(2), lambda x: -2 * (x - 3) ** -3.0, 3.0, 1),
    "a kink": (lambda x: np.abs(x - 2).sum(), lambda x: np.sign(x - 2), 2.0, 1),
    "a jump": (lambda x: (x + np.floor(x)).sum(), np.ones_like, 2.0, 1),
    "a cusp": (lambda x: np.cbrt(x - 2).sum(), lambda x: np.cbrt(x - 2) ** -2 / 3, 2.0, -1),
}


@pytest.mark.parametrize("how", ["warn", "raise"])
@pytest.mark.parametrize("name", EDGES)
def test_next_to_an_edge_the_right_gradient_passes_and_one_percent_fails(name, how):
    f, grad, edge, side = EDGES[name]
    for distance in (1e-2, 1e-4, 1e-6, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12):
        x = np.array([edge + side * distance, edge + side * 0.3])
        with np.errstate(all=how), warnings.catch_warnings():
            warnings.simplefilter("error")
            right = check_gradient(f, x, grad(x), raises=False)
            hides = distance < (1e-7 if name == "an even pole" else 1e-9)  # 1e16 hides what the other entry adds
            assert right or (hides and "cannot tell" in str(right) and "WRONG" not in str(right)), distance
            assert not check_gradient(f, x, grad(x) * [1.01, 1], raises=False), distance


def test_nearer_to_an_edge_than_steps_reach_it_cannot_be_told():
    x = np.array([5 + 1e-14])
    found = check_gradient(lambda x: np.log(x - 5).sum(), x, 1 / (x - 5), raises=False)
    assert "cannot tell" in str(found) and "WRONG" not in str(found)


@pytest.mark.parametrize("size", [1e20, 1e24, 1e30])
@pytest.mark.parametrize("share", [1.0, 1.5])
def test_what_a_constant_drowns_cannot_be_told(size, share):
    x = np.array([1.3, -0.4])
    found = check_gradient(lambda x: size + np.tanh(x).sum(), x, share * (1 - np.tanh(x) ** 2), raises=False)
    assert "cannot tell" in str(found) and not found
    assert check_gradient(lambda x: 5.0, x, np.zeros(2))
    assert "WRONG" in str(check_gradient(lambda x: 5.0, x, np.full(2, 1e-9), raises=False))


def hints():
    """Ways to get a gradient wrong that a hint names: (shape, it of the right one and x, words of the hint)."""
    flat, square, tall, deep = (6,), (4, 4), (6, 5), (3, 4, 5)
    of = lambda axis, values: np.expand_dims(values, axis)
    for shape in (flat, square, tall, deep):
        yield shape, lambda b, x: -b, "the sign is wrong"
        yield shape, lambda b, x: 1.7 * b, "it is 1.7 times the true gradient"
        yield shape, lambda b, x: b * (1 + 3e-4), "off by a factor 1+3e-04"
        yield shape, lambda b, x: b * (1 - 3e-4), "off by a factor 1-3e-04"
        yield shape, lambda b, x: 0 * b, "it is zero everywhere"
        yield shape, lambda b, x: b / np.where(x == x.max(), 0.0, 1.0), "it is not finite"
        yield shape, lambda b, x: b + np.where(x == x.max(), 0.5, 0.0), f"only 1 of {np.prod(shape)} entries"
        yield shape, lambda b, x: np.sin(99 * b), "no simple pattern"
        for n in shape:
            yield shape, lambda b, x, n=n: n * b, f"{n} times too large, and {n} is the length of an axis"
            yield shape, lambda b, x, n=n: b / n, f"{n} times too small, and {n} is the length of an axis"
        for axis in range(len(shape)):
            more = lambda b, x, axis=axis: b + of(axis, np.sin(np.take(b, 0, axis) * 7 + 1))
            yield shape, more, f"the same amount all along axis {axis}"
    yield square, lambda b, x: b.T, "it is transposed"
    for shape in (tall, deep[1:]):
        for axis in range(2):
            line = lambda b, x, axis=axis: b + x * of(axis, np.sin(np.take(b, 0, axis) * 7)) + 0.3
            yield shape, line, f"linear in x along axis {axis}"
            scaled = lambda b, x, axis=axis: b * of(axis, 2 + np.sin(np.take(b, 0, axis) * 7))
            yield shape, scaled, f"each slice along axis {axis}"


@pytest.mark.parametrize(("shape", "wrong", "words"), list(hints()))
@pytest.mark.parametrize("size", [1, 1e-9, 1e9])
def test_a_hint_names_what_is_wrong_at_any_size(shape, wrong, words, size):
    rng = np.random.default_rng(0)
    b, x = rng.normal(size=shape), rng.normal(size=shape)
    with np.errstate(divide="ignore"):
        a = wrong(b, x)
    assert words in guess_mistake(size * a, size * b, 3 * size * x, sorted(set(shape)))


def test_a_hint_says_what_no_gradient_can_be_compared_with():
    one = np.ones(3)
    assert "the true gradient is zero everywhere" in guess_mistake(one, 0 * one, one)
    assert "f is not finite near x" in guess_mistake(one, np.array([1, np.nan, 1]), one)


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_extrapolated_is_as_near_as_it_says(order):
    steps, near = 1e-4 * 4.0 ** np.arange(8), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rounding = 10.0 ** -rng.integers(7, 16) / steps
        series = sum(rng.normal() * steps ** (order * (i + 1)) for i in range(4))
        q = 2 + series + rounding * rng.uniform(-1, 1, 8)
        value, error = extrapolate(list(zip(q.tolist(), rounding.tolist(), strict=True)), order)
        near.append(abs(value - 2) <= 3 * error)
        assert error < 2 * rounding[0] + 1e-9
    assert np.mean(near) >= 0.9
    assert extrapolate([(2.0, 0.0), (2.0, 0.0)], order)[1] == np.inf  # two say nothing


@pytest.mark.parametrize("of", ["the small", "the large"])
def test_directions_see_entries_of_every_size(of):
    large = np.arange(2000) % 2 == 0
    x = np.random.default_rng(0).uniform(0.5, 1, 2000) * np.where(large, 1, 1e-9)
    assert check_gradient(lambda x: np.log(x).sum(), x, 1 / x, directions=8)
    wrong = np.where(large == (of == "the large"), 1.05, 1) / x
    with pytest.raises(GradientError):
        check_gradient(lambda x: np.log(x).sum(), x, wrong, directions=8)


def test_single_precision_is_seen_in_functions_of_tiny_numbers():
    x = np.array([1e-5, 3e-4, 2e-5])
    assert check_gradient(lambda x: float(np.log(x.astype(np.float32)).sum()), x, 1 / x)
