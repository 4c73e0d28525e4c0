"""The gradient check: what it passes, what it catches, what it refuses to answer, and that it agrees with others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from dlnotes import GradientError, check_gradient, numeric_gradient

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
    def rude(x):
        x += 1
        return x * 2

    def rude_grad(dy, x):
        dy *= 2
        return dy

    x, dy = np.ones(3), np.ones(3)
    x.flags.writeable = dy.flags.writeable = False
    assert check_gradient(rude, x, rude_grad, dy=dy)
    assert (x == 1).all() and (dy == 1).all()


@pytest.mark.parametrize(
    ("f", "x", "grad", "options", "message"),
    [
        (np.sin, np.ones(2, np.float32), np.cos, {}, "float64, got float32.*astype"),
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
        (lambda x: np.sin(x).astype(np.float32), np.ones(2), np.cos, {}, "f must return float64.*got float32"),
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
