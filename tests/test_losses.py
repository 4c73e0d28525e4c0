"""softmax, log_softmax, one_hot and cross_entropy: stable, true to PyTorch, careful with what they are given."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from dlnotes import cross_entropy, entropy, log_softmax, logsumexp, one_hot, softmax

logits = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1e300, 1e300, width=64)
)
rng = np.random.default_rng(0)


def central_differences(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = h
        grad[at] = (f(x + step) - f(x - step)) / (2 * h)
    return grad


def relative_error(a, b):
    assert a.shape == b.shape and np.isfinite(a).all() and np.isfinite(b).all()
    return np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b))


# softmax and its logarithm


@given(logits)
def test_softmax_is_a_distribution_whatever_the_logits(z):
    p = softmax(z)
    assert (p >= 0).all() and np.allclose(p.sum(axis=1), 1)


@given(logits.map(lambda z: np.clip(z, -1e6, 1e6)), st.floats(-1e6, 1e6))
def test_a_constant_shift_changes_nothing(z, k):
    assert np.allclose(softmax(z + k), softmax(z), atol=1e-8)


@given(logits, st.integers(0, 1))
def test_both_agree_with_scipy(z, axis):
    assert np.allclose(softmax(z, axis), special.softmax(z, axis), rtol=1e-12, atol=0)
    assert np.allclose(log_softmax(z, axis), special.log_softmax(z, axis), rtol=1e-12)


@given(hnp.arrays(np.float64, (3, 5), elements=st.floats(-700, 700)))
def test_columns_are_rows_turned(z):
    assert np.array_equal(softmax(z.T, axis=0).T, softmax(z))
    loss, dz = cross_entropy(z, [0, 4, 2])
    loss_columns, dz_columns = cross_entropy(z.T, [0, 4, 2], axis=0)
    assert loss_columns == loss and np.array_equal(dz_columns.T, dz)


def test_the_log_stays_finite_where_log_of_softmax_is_not():
    assert np.array_equal(log_softmax([0.0, 1000.0]), [-1000, 0])


@pytest.mark.parametrize(
    "given_, wanted",
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int32", "float64"), ("bool", "float64")],
)
def test_precision(given_, wanted):
    z = np.array([[0, 1, 1], [1, 0, 1]]).astype(given_)
    assert softmax(z).dtype == log_softmax(z).dtype == wanted
    loss, dz = cross_entropy(z, [0, 1])
    assert loss.dtype == dz.dtype == wanted


def test_minus_infinity_rules_a_class_out_and_an_empty_row_is_nan():
    assert np.array_equal(softmax([-np.inf, 0, 0]), [0, 0.5, 0.5])
    assert np.isnan(softmax([-np.inf, -np.inf])).all() and np.isnan(softmax([np.inf, 0])).any()


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    "z, axis, says",
    [
        ([1.0, 2.0], 1, "axis must be"),
        ([1.0, 2.0], True, "axis must be"),
        ([1.0, 2.0], None, "axis must be"),
        (3.0, 0, "single number"),
        (np.zeros((2, 0)), -1, "at least one class"),
        ([1j, 0], 0, "real numbers"),
        (["a", "b"], 0, "real numbers"),
        ([[1.0, None]], 1, "real numbers"),
    ],
)
def test_bad_logits_are_named(function, z, axis, says):
    with pytest.raises(ValueError, match=says):
        function(z, axis)


# one_hot


@given(st.integers(1, 6).flatmap(lambda c: st.tuples(st.just(c), st.lists(st.integers(0, c - 1), max_size=9))))
def test_one_hot_has_a_single_one_at_the_label(case):
    c, y = case
    Y = one_hot(np.array(y, int), c)
    assert Y.shape == (len(y), c) and (Y.sum(axis=1) == 1).all() and Y.argmax(axis=1).tolist() == y


def test_one_hot_of_any_shape():
    assert one_hot(2, 3).tolist() == [0, 0, 1] and one_hot([[0, 1]], 2).shape == (1, 2, 2)


@pytest.mark.parametrize("y, c", [([3], 3), ([-1], 3), ([0.0], 3), ([0], 0), ([0], 2.0), ([0], True), (["a"], 3)])
def test_one_hot_refuses(y, c):
    with pytest.raises(ValueError):
        one_hot(y, c)


# cross_entropy: the gradient

OPTIONS = [
    dict(zip(("weight", "label_smoothing", "ignore_index", "soft", "reduction"), values, strict=True))
    for values in itertools.product(
        (None, [1.0, 0.0, 2.5, 0.3]), (0.0, 0.2, 1.0), (None, -100, 1), (False, True), ("mean", "sum", "none")
    )
    if not (values[2] is not None and values[3])
]


def case(shape, axis, options, dtype=np.float64, size=1.0, seed=0):
    rng = np.random.default_rng(seed)
    options = dict(options)
    z = (size * rng.normal(size=shape) + 12).astype(dtype)
    rest = tuple(np.delete(shape, axis))
    if options.pop("soft"):
        y = softmax(rng.normal(size=shape), axis).astype(dtype)
    else:
        y = rng.integers(0, shape[axis], rest)
        if options["ignore_index"] is not None:
            y[rng.random(rest) < 0.3] = options["ignore_index"]
            y.flat[0] = 0
    return z, y, options


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradient_against_central_differences(options):
    z, y, options = case((3, 4, 2), 1, options)
    up = rng.normal(size=(3, 2)) if options["reduction"] == "none" else 1.7
    dz = cross_entropy(z, y, axis=1, **options)[1]
    numeric = central_differences(lambda z: np.sum(up * cross_entropy(z, y, axis=1, **options)[0]), z)
    assert relative_error(dz * (up if np.ndim(up) == 0 else up[:, None]), numeric) < 1e-7


def mutants(z, y):
    "Wrong gradients of the mean cross-entropy of labels, by what is wrong with each"
    m, c = z.shape
    yhat, Y = softmax(z), one_hot(y, c)
    t = np.exp(z)
    eps = 0.2
    others = (1 - eps) * Y + eps / (c - 1) * (1 - Y)
    return {
        "wrong sign": ((Y - yhat) / m, {}),
        "missing 1/m": (yhat - Y, {}),
        "divided by m*c": ((yhat - Y) / (m * c), {}),
        "one-hot forgotten": (yhat / m, {}),
        "t_i for t_j": ((np.full_like(t, 1 / c) - Y) / m, {}),
        "softmax over the wrong axis": ((softmax(z, axis=0) - Y) / m, {}),
        "smoothing over c-1": ((yhat - others) / m, {"label_smoothing": eps}),
        "smoothing forgotten": ((yhat - Y) / m, {"label_smoothing": eps}),
        "weights not in the divisor": (np.array([1, 2, 3, 4])[y][:, None] * (yhat - Y) / m, {"weight": [1, 2, 3, 4]}),
        "ignored rows counted": ((yhat - Y) * (y != 1)[:, None] / m, {"ignore_index": 1}),
    }


@pytest.mark.parametrize("name", list(mutants(np.zeros((2, 4)), np.array([0, 1]))))
def test_the_gradient_check_kills_the_mutant(name):
    z, y = rng.normal(size=(6, 4)), np.array([0, 1, 2, 3, 1, 2])
    wrong, options = mutants(z, y)[name]
    numeric = central_differences(lambda z: cross_entropy(z, y, **options)[0], z)
    assert relative_error(cross_entropy(z, y, **options)[1], numeric) < 1e-8
    assert relative_error(wrong, numeric) > 0.02


def test_the_mutant_without_a_shift_dies():
    z = np.array([[1000.0, 0.0], [-1000.0, -1001.0]])
    with np.errstate(all="ignore"):
        t = np.exp(z)
        assert np.isnan(t / t.sum(axis=1, keepdims=True)).any()
    loss, dz = cross_entropy(z, [0, 1])
    assert np.isclose(loss, np.log1p(np.exp(1)) / 2) and np.isfinite(dz).all()


@given(hnp.arrays(np.float64, (4, 5), elements=st.floats(-1e300, 1e300)), st.sampled_from([0.0, 0.1]))
def test_gradient_rows_sum_to_zero_and_the_loss_is_not_negative(z, eps):
    loss, dz = cross_entropy(z, [0, 1, 4, 2], label_smoothing=eps)
    assert loss >= 0 and np.allclose(dz.sum(axis=1), 0, atol=1e-12)


@given(hnp.arrays(np.float32, (5, 3), elements=st.floats(-60, 60, width=32)))
@example(np.array([[0, 0, 0], [46, -53, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], np.float32))  # e^-99 underflows
def test_the_unshifted_block_gives_what_the_shifted_one_gives(z):
    y = np.array([0, 1, 2, 0, 1])
    loss, dz = cross_entropy(z, y, reduction="none")
    p = special.softmax(z.astype(np.float64), axis=1)
    truth = -special.log_softmax(z.astype(np.float64), axis=1)[np.arange(5), y]
    assert np.allclose(loss, truth, rtol=1e-5, atol=1e-6) and np.allclose(dz, p - one_hot(y, 3), atol=1e-6)


def test_labels_and_their_one_hot_rows_agree():
    z, y = rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    for options in [{}, {"label_smoothing": 0.1}, {"reduction": "sum", "weight": [1, 2, 3, 4]}]:
        hard, soft = cross_entropy(z, y, **options), cross_entropy(z, one_hot(y, 4), **options)
        assert np.allclose(hard[0], soft[0]) and np.allclose(hard[1], soft[1])


# cross_entropy: blocks, memory layouts, odd inputs


@pytest.mark.parametrize("soft", [False, True])
def test_large_inputs_in_blocks_and_threads(soft, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    z = rng.normal(size=(6001, 200)).astype(np.float32)
    y = rng.integers(0, 200, 6001)
    labels = one_hot(y, 200) if soft else y
    loss, dz = cross_entropy(z, labels)
    expected = special.softmax(z.astype(np.float64), axis=1)
    assert np.isclose(loss, -np.log(expected[np.arange(6001), y]).mean(), rtol=1e-6)
    expected[np.arange(6001), y] -= 1
    assert np.allclose(dz * 6001, expected, atol=1e-6)
    before = threading.active_count()
    for _ in range(5):
        cross_entropy(z, labels)
    assert threading.active_count() <= before  # later calls start no further threads


def test_one_block_of_large_logits_does_not_disturb_the_others():
    z = rng.normal(size=(3000, 200))
    z[10] *= 1e5
    dz = cross_entropy(z, np.zeros(3000, int))[1]
    assert np.allclose(dz * 3000, special.softmax(z, axis=1) - one_hot(np.zeros(3000, int), 200))


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda z: z[::-1][::-1], lambda z: np.repeat(z, 2, axis=1)[:, ::2], lambda z: z.tolist()],
    ids=["Fortran", "negative strides", "every second", "list"],
)
def test_memory_layout_does_not_matter(layout):
    z, y = rng.normal(size=(6, 4)), [0, 1, 2, 3, 3, 0]
    loss, dz = cross_entropy(z, y)
    other = cross_entropy(layout(z), y)
    assert np.isclose(loss, other[0]) and np.allclose(dz, other[1])


def test_inputs_are_left_alone_even_when_read_only():
    z, y = rng.normal(size=(3, 4)), np.array([0, 1, 2])
    q, w = softmax(z), np.ones(4)
    for a in (z, y, q, w):
        a.flags.writeable = False
    before = z.copy()
    cross_entropy(z, y, weight=w, label_smoothing=0.1)
    cross_entropy(z.T, q.T, axis=0)
    cross_entropy(z, y, ignore_index=0)
    assert np.array_equal(z, before)


def test_extremes():
    loss, dz = cross_entropy([[1e300, -1e300, 0.0]], [1])
    assert loss == 2e300 and np.array_equal(dz, [[1, -1, 0]])
    loss, dz = cross_entropy([[-np.inf, 0.0, 0.0]], [0])
    assert loss == np.inf and np.allclose(dz, [[-1, 0.5, 0.5]])
    masked = cross_entropy([[-np.inf, 0.0, 0.0]], [[0, 0.5, 0.5]])
    assert np.isclose(masked[0], np.log(2)) and not masked[1].any()
    assert np.isnan(cross_entropy([[np.nan, 0.0]], [0])[0])


def test_an_ignored_row_counts_for_nothing_whatever_it_holds():
    z = np.array([[0.0, 1.0], [np.nan, np.inf], [-np.inf, -np.inf]])
    for options in [{}, {"label_smoothing": 0.1}, {"weight": [1.0, 2.0]}]:
        loss, dz = cross_entropy(z, [1, -1, -1], ignore_index=-1, **options)
        alone = cross_entropy(z[:1], [1], **options)
        assert np.isclose(loss, alone[0]) and np.allclose(dz[:1], alone[1]) and not dz[1:].any()


def test_the_mean_of_nothing_is_nan_with_gradient_zero():
    for options in [{"ignore_index": 2}, {"ignore_index": 2, "label_smoothing": 0.1}]:
        loss, dz = cross_entropy(np.ones((2, 3)), [2, 2], **options)
        assert np.isnan(loss) and not dz.any()
        assert cross_entropy(np.ones((2, 3)), [2, 2], reduction="sum", **options)[0] == 0
    loss, dz = cross_entropy(np.ones((0, 3)), np.zeros(0, int))
    assert np.isnan(loss) and dz.shape == (0, 3)


Z = np.zeros((2, 3))


@pytest.mark.parametrize(
    "arguments, says",
    [
        (dict(y=[0, 3]), r"0 … 2, got 3 at \(1,\)"),
        (dict(y=[-1, 0]), r"got -1 at \(0,\)"),
        (dict(y=np.array([0, 2**64 - 1], np.uint64)), "18446744073709551615"),
        (dict(y=[0]), "got shape"),
        (dict(y=[0.0, 1.0]), "integers"),
        (dict(y=["a", "b"]), "integers"),
        (dict(y=np.full((2, 3), 0.5)), "sum to 1"),
        (dict(y=[[1, 0, 0], [2, -1, 0]]), r"got -1.0 at \(1, 1\)"),
        (dict(y=[[1, 0, 0], [np.nan, 1, 0]]), "got nan"),
        (dict(y=[0, 1], weight=[1, -1, 1]), r"got -1.0 at \(1,\)"),
        (dict(y=[0, 1], weight=[1, np.nan, 1]), "got nan"),
        (dict(y=[0, 1], weight=[1, 1]), r"shape \(3,\)"),
        (dict(y=[0, 1], label_smoothing=1.5), "1.5"),
        (dict(y=[0, 1], label_smoothing=float("nan")), "nan"),
        (dict(y=[0, 1], reduction="avg"), "avg"),
        (dict(y=np.full((2, 3), 1 / 3), ignore_index=0), "integer labels"),
        (dict(y=[0, 1], axis=2), "axis"),
    ],
)
def test_mistakes_are_named_with_value_and_place(arguments, says):
    with pytest.raises(ValueError, match=says):
        cross_entropy(Z, **arguments)


# single precision


def truth(z, q):
    "Loss and gradient of every row, in extended precision, with the largest logit kept apart"
    z, q = z.astype(np.longdouble), np.asarray(q, np.longdouble)
    d = z - z.max(axis=1, keepdims=True)
    t, at = np.exp(d), (np.arange(len(z)), z.argmax(axis=1))
    mass, others = q.sum(axis=1), t.copy()
    others[at] = 0
    rest = others.sum(axis=1)
    loss = (q * (np.log1p(rest)[:, None] - d)).sum(axis=1)
    dz = mass[:, None] * t / (1 + rest)[:, None] - q
    others = q.copy()
    others[at] = 0
    dz[at] = others.sum(axis=1) - mass * rest / (1 + rest)
    return loss, dz


def spoiled(kind, z):
    rng = np.random.default_rng(1)
    if kind == "far from zero":
        z += 300
    if kind == "wide":
        z *= 25
    if kind.startswith("one dominates"):
        z[:, 3] = float(kind.split()[-1])
    if kind == "some rows dominated":
        z[::2, 3], z[1::2, 5] = 70, 17
    if kind == "alike":
        z[:] = 0.7
    if kind == "ordered":
        z.sort(axis=1)
    return z + (rng.standard_normal(z.shape) / 50).astype(np.float32) if kind == "alike" else z


KINDS = ["ordinary", "far from zero", "wide", "one dominates 12", "one dominates 20", "one dominates 50"]
KINDS += ["one dominates 80", "some rows dominated", "alike", "ordered"]


@pytest.mark.parametrize("c", [17, 300, 50257])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "form", ["labels", "weights", "smoothed", "hardly smoothed", "smoothed, weights", "soft", "sharp"]
)
@pytest.mark.parametrize("numba", [False, True])
def test_single_precision_keeps_its_digits_over_any_vocabulary(kind, form, c, numba, monkeypatch):
    if numba and not (entropy.HAS_NUMBA and c >= 300):
        return
    monkeypatch.setattr(entropy, "HAS_NUMBA", numba)
    m = 4 if c > 1000 else 20
    rng = np.random.default_rng(c)
    z, y, w = spoiled(kind, rng.standard_normal((m, c), np.float32)), rng.integers(0, c, m), rng.uniform(0.1, 3, c)
    y[::2] = 3  # for half of the rows the dominating class is the label
    eps = {"smoothed": 0.1, "hardly smoothed": 1e-7, "smoothed, weights": 0.3}.get(form, 0.0)
    weight = w if "weights" in form else None
    if form in ("soft", "sharp"):
        y = q = softmax(rng.standard_normal((m, c), np.float32) * (1 if form == "soft" else 12))
    else:
        q = ((1 - eps) * one_hot(y, c) + eps / c) * (1 if weight is None else w)
    loss, dz = cross_entropy(z, y, weight=weight, label_smoothing=eps, reduction="none")
    true_loss, true_dz = truth(z, q)
    assert loss.dtype == dz.dtype == np.float32
    assert (abs(loss - true_loss) <= 5e-7 * true_loss).all()
    size = np.sqrt((true_dz**2).sum(axis=1))
    assert (np.sqrt(((dz - true_dz) ** 2).sum(axis=1)) <= 5e-7 * size).all()


needs_numba = pytest.mark.skipif(not entropy.HAS_NUMBA, reason="the extra `fast` is not installed")


@needs_numba
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_compiled_loops_give_what_numpy_gives(options, monkeypatch):
    if options["label_smoothing"]:
        options = options | {"label_smoothing": 0.3}
    z, y, options = case(
        (700, 37), 1, options | {"weight": options["weight"] and list(rng.random(37))}, np.float32, 2.0
    )
    z -= 12
    compiled = cross_entropy(z, y, **options)
    monkeypatch.setattr(entropy, "HAS_NUMBA", False)
    plain = cross_entropy(z, y, **options)
    assert np.allclose(compiled[0], plain[0], rtol=1e-6, atol=0)
    assert np.linalg.norm(compiled[1] - plain[1]) <= 5e-7 * np.linalg.norm(plain[1])


@needs_numba
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 88.5, -88.5, 1e30, -1e30, 3e38])
def test_the_compiled_loops_leave_what_is_not_moderate_to_numpy(odd, soft, monkeypatch):
    z = rng.standard_normal((70, 90)).astype(np.float32)
    z[3, 5], z[4, 6], y = odd, odd, rng.integers(0, 90, 70)
    y[3] = 5
    targets = softmax(np.where(np.eye(90)[y] > 0, 3.0, rng.standard_normal((70, 90)))).astype(np.float32) if soft else y
    compiled = cross_entropy(z, targets, reduction="none")
    monkeypatch.setattr(entropy, "HAS_NUMBA", False)
    plain = cross_entropy(z, targets, reduction="none")
    assert np.allclose(compiled[0], plain[0], rtol=1e-6, atol=0, equal_nan=True)
    assert np.allclose(compiled[1], plain[1], rtol=1e-5, atol=1e-7, equal_nan=True)
    assert np.array_equal(compiled[1] == 0, plain[1] == 0) or soft


@needs_numba
def test_the_compiled_exponential_is_right_to_the_last_digit():
    x = np.linspace(-89, 89, 200_001).astype(np.float32)
    t = np.empty_like(x)
    with np.errstate(all="ignore"):
        entropy._loop_exp(x[::50], t[: len(x[::50])])  # as it stands, uncompiled
    inside = abs(x[::50]) < 86.9
    truth = np.exp(x[::50].astype(np.float64))
    assert (abs(t[: len(truth)] / truth - 1)[inside] < 1.5e-7).all()
    assert not t[: len(truth)][x[::50] < -87].any() and t[: len(truth)].max() > 1e36


@pytest.mark.parametrize("size, offset", [(1, 0), (5, 200), (0.01, 0)])
def test_softmax_over_any_axes_is_as_exact_as_over_the_last(size, offset):
    z = (size * rng.standard_normal((50257, 3)) + offset).astype(np.float32)
    p, logp = special.softmax(z.astype(np.float64), 0), special.log_softmax(z.astype(np.float64), 0)
    for ours in (softmax(z, 0), softmax(z.T).T, softmax(z.reshape(29, 1733, 3), (0, 1)).reshape(p.shape)):
        assert ours.dtype == np.float32 and np.linalg.norm(ours - p) <= 2e-7 * np.linalg.norm(p)
        assert (abs(ours.sum(axis=0, dtype=np.float64) - 1) < 2e-7).all()
    for ours in (log_softmax(z, 0), log_softmax(z.reshape(29, 1733, 3), (1, -3)).reshape(p.shape)):
        assert (abs(ours - logp) <= 2e-7 * abs(logp)).all()
    assert np.allclose(logsumexp(z, 0), special.logsumexp(z.astype(np.float64), 0), rtol=1e-7, atol=0)


def test_the_logarithm_of_a_probability_next_to_one_keeps_its_digits():
    for gap in (5, 20, 40, 80):
        z = np.array([0, -gap, -gap], np.float32)
        assert np.isclose(log_softmax(z)[0], -np.log1p(2 * np.exp(-gap)), rtol=5e-7, atol=0)
        assert np.isclose(log_softmax(z.astype(float))[0], -2 * np.exp(-gap), rtol=1.1 * np.exp(-gap) + 1e-14, atol=0)


# several axes, log-sum-exp


@given(
    hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(-1e3, 1e3)),
    st.sampled_from([(0,), (2, 0), (0, 1, 2), (-1, 1)]),
)
def test_several_axes_are_taken_together(z, axes):
    for ours, scipys in [(softmax, special.softmax), (log_softmax, special.log_softmax)]:
        assert np.allclose(ours(z, axes), scipys(z, axes), rtol=1e-12)
    for keepdims in (False, True):
        ours, scipys = logsumexp(z, axes, keepdims), special.logsumexp(z, axes, keepdims=keepdims)
        assert np.shape(ours) == np.shape(scipys) and np.allclose(ours, scipys, rtol=1e-12)


@pytest.mark.parametrize(
    "axis, says", [((), r"got \(\)"), ((0, 0), "twice"), ((0, -3), "twice"), ((0, 3), "-3 to 2"), ([0], "axis")]
)
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_wrong_axes_are_named(function, axis, says):
    with pytest.raises(ValueError, match=says):
        function(np.zeros((2, 3, 4)), axis)


def test_log_sum_exp_of_infinities():
    inf = np.inf
    z = np.array([[-inf, -inf], [inf, 0], [inf, inf], [np.nan, 0], [-inf, 3], [1e308, 1e308]])
    with np.errstate(all="raise"):
        assert np.array_equal(logsumexp(z), [-inf, inf, inf, np.nan, 3, 1e308], equal_nan=True)
    assert logsumexp(np.float32([1, 2])).dtype == np.float32 and logsumexp([0, 0]) == np.log(2)


# what is harmless must not complain

HARMLESS = [
    np.array([[0.0, -800.0, 1.0]]),
    np.array([[0.0, -100.0, 1.0]], np.float32),
    np.array([[0.0, -1e-310, 5e-324]]),
    np.array([[1e300, -1e300, 0.0]]),
    np.array([[3e38, -3e38, 1e-45]], np.float32),
    np.array([[-np.inf, 0.0, 1.0]]),
    np.array([[6e4, -6e4, 6e-8]], np.float16),
]


@pytest.mark.parametrize("z", HARMLESS, ids=str)
@pytest.mark.filterwarnings("error")
def test_a_harmless_underflow_is_no_error_though_numpy_is_told_to_raise(z):
    with np.errstate(all="ignore"):
        q = softmax(z)
    with np.errstate(all="raise"):
        for axis in (0, 1, (0, 1)):
            softmax(z, axis), log_softmax(z, axis), logsumexp(z, axis)
        for y, options in [([1], {}), (q, {}), ([2], {"label_smoothing": 0.1}), (q, {"weight": [1e300, 1e-300, 1.0]})]:
            for reduction in ("mean", "sum", "none"):
                cross_entropy(z, y, reduction=reduction, **options)
        cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
        cross_entropy(z, [1], weight=[1, 1e-320, 1e39])


# masked arrays, narrow formats, rounded targets


def test_masked_entries_are_refused_and_an_empty_mask_is_not():
    z = np.ma.masked_array(np.ones((2, 3)), mask=[[0, 0, 0], [0, 1, 0]])
    for call in (softmax, log_softmax, logsumexp, lambda z: cross_entropy(z, [0, 1])):
        with pytest.raises(ValueError, match=r"masked entries, the first at \(1, 1\)"):
            call(z)
        call(np.ma.masked_array(z.data, mask=np.zeros((2, 3))))
    labels = np.ma.masked_array([0, 1], mask=[True, False])
    for call in (
        lambda: cross_entropy(Z, labels),
        lambda: cross_entropy(Z, labels, ignore_index=-100),
        lambda: cross_entropy(Z, z / 3),
        lambda: cross_entropy(Z, [0, 1], weight=np.ma.masked_equal([1, 2, 3], 2)),
        lambda: one_hot(labels, 2),
    ):
        with pytest.raises(ValueError, match="masked"):
            call()


def rounded(q, fmt):
    "q in another format, and back in float64"
    if fmt == "bfloat16":
        bits = q.astype(np.float32).view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)
    return q.astype(fmt).astype(np.float64)


@pytest.mark.parametrize("fmt", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("c", [2, 10, 1000, 50257])
@pytest.mark.parametrize("size", [0.01, 1, 8])
def test_targets_may_be_off_by_the_rounding_of_the_format_they_come_from(fmt, c, size):
    z = rng.standard_normal((5, c))
    q = rounded(special.softmax(size * rng.standard_normal((5, c)), 1), fmt)
    loss, dz = cross_entropy(z, q, reduction="none")
    assert np.allclose(loss, -(q * special.log_softmax(z, 1)).sum(axis=1), rtol=1e-12)
    assert np.allclose(dz, q.sum(axis=1, keepdims=True) * special.softmax(z, 1) - q, atol=1e-14)
    cross_entropy(z.T, q.T.astype(np.float32), axis=0)


@pytest.mark.parametrize(
    "row, says",
    [
        ([0.3, 0.70001], "sum 1.00001"),
        ([1 / 3, 2 / 3 + 2e-6], "the sum 1.00000[12]"),
        ([0.5, 0.53125], "1.03125"),  # fits bfloat16, whose rounding does not explain it
        ([0.25, 0.5], "0.75"),
        (rounded(np.array([0.3, 0.702]), "float32"), "1.002"),
        (rounded(np.array([0.3, 0.704]), "float16"), "1.00"),
    ],
)
def test_other_sums_are_still_refused(row, says):
    good = [0.25, 0.75]
    for axis, q in [(1, [good, row]), (0, np.transpose([good, row]))]:
        with pytest.raises(ValueError, match=says):
            cross_entropy(np.zeros((2, 2)), q, axis=axis)
    big = np.full((70000, 2), 0.5)
    big[69999] = row
    with pytest.raises(ValueError, match=r"at \(69999,\)"):
        cross_entropy(np.zeros((70000, 2)), big)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logit", [0.0, -3.0, 1e30, 100.7])
def test_a_single_class_is_certain_and_has_no_gradient(dtype, logit):
    z = np.full((4, 1), logit, dtype)
    for y in (np.zeros(4, int), np.ones((4, 1), dtype), np.full((4, 1), 1 + 2**-11)):
        for options in [{}, {"label_smoothing": 0.3}, {"weight": [0.7]}, {"weight": [0.7], "label_smoothing": 0.3}]:
            loss, dz = cross_entropy(z, y, reduction="none", **options)
            assert not loss.any() and not dz.any() and not np.signbit(dz).any()


def test_sixteen_bits_are_computed_in_thirty_two():
    z, y, q = rng.standard_normal((6, 300)), rng.integers(0, 300, 6), special.softmax(rng.standard_normal((6, 300)), 1)
    formats = [np.float16]
    try:
        import ml_dtypes

        formats += [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
    except ImportError:
        pass
    for fmt in formats:
        narrow = (20 * z).astype(fmt)
        wide = narrow.astype(np.float32)
        assert np.array_equal(softmax(narrow), softmax(wide)) and softmax(narrow).dtype == np.float32
        assert np.array_equal(log_softmax(narrow), log_softmax(wide))
        for targets in (y, q, q.astype(np.float16)):
            ours, theirs = cross_entropy(narrow, targets), cross_entropy(wide, targets)
            assert ours[0] == theirs[0] and ours[0].dtype == np.float32 and np.array_equal(ours[1], theirs[1])


def test_an_impossible_class_without_a_target_adds_nothing_whatever_is_the_reference():
    z = np.array([[-np.inf, 0.0, 1.0], [2.0, -np.inf, 0.0]])
    w = [0.0, 1.0, 2.0]
    loss, dz = cross_entropy(z[:1], [0], weight=w, label_smoothing=0.3, reduction="none")
    logp = log_softmax(z[0, 1:])
    assert np.isclose(loss[0], -0.1 * (logp[0] + 2 * logp[1])) and np.isfinite(dz).all()
    loss, _ = cross_entropy(z, [[0, 0.5, 0.5], [0.5, 0.0, 0.5]], reduction="none")
    assert np.isfinite(loss).all()
    assert cross_entropy(z, [0, 0], label_smoothing=0.1, reduction="none")[0].tolist() == [np.inf, np.inf]


def test_weights_of_any_size_count_as_weights():
    z, y = rng.standard_normal((5, 3)).astype(np.float32), [0, 1, 2, 1, 0]
    for factor in (1e39, 1e-30, 1e-300):
        loss, dz = cross_entropy(z, y, weight=[factor, 2 * factor, 3 * factor])
        plain = cross_entropy(z, y, weight=[1, 2, 3])
        assert np.isclose(loss, plain[0], rtol=1e-6) and np.allclose(dz, plain[1], rtol=1e-6)
    with pytest.raises(ValueError, match="got inf at"):
        cross_entropy(z, y, weight=[1, np.inf, 1])


# parity


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape, axis", [((6, 4), 1), ((5, 4, 2, 3), 1), ((4,), 0)], ids=str)
@pytest.mark.parametrize("size", [1, 100])
def test_options_combine_as_in_pytorch(shape, axis, dtype, size):
    torch = pytest.importorskip("torch", reason="the extra `parity` is not installed")
    close = dict(rtol=2e-5, atol=2e-5) if dtype == "float32" else dict(rtol=1e-10, atol=1e-12)
    for options in OPTIONS:
        z, y, ours = case(shape, axis, options, np.dtype(dtype), size)
        theirs = {k: v for k, v in ours.items() if v is not None}
        if "weight" in theirs:
            theirs["weight"] = torch.tensor(theirs["weight"], dtype=getattr(torch, dtype))
        leaf = torch.tensor(z, requires_grad=True)
        expected = torch.nn.functional.cross_entropy(leaf, torch.tensor(y), **theirs)
        expected.sum().backward()
        loss, dz = cross_entropy(z, y, axis=axis, **ours)
        assert dz.dtype == loss.dtype == dtype and np.shape(loss) == tuple(expected.shape)
        assert np.allclose(loss, expected.detach().numpy(), equal_nan=True, **close), options
        assert (
            np.allclose(dz, leaf.grad.numpy(), equal_nan=not np.isfinite(loss).all(), **close) or np.isnan(loss).any()
        )


def test_gradient_against_autograd():
    autograd = pytest.importorskip("autograd", reason="the extra `parity` is not installed")
    anp = pytest.importorskip("autograd.numpy", reason="the extra `parity` is not installed")
    z, y, w, eps = 5 * rng.normal(size=(6, 4)), np.array([0, 1, 2, 3, 1, 2]), np.array([1.0, 2.0, 0.5, 3.0]), 0.1

    def loss(z):
        logp = z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))
        q = (1 - eps) * one_hot(y, 4) + eps / 4
        return -anp.sum(w * q * logp) / w[y].sum()

    ours, dz = cross_entropy(z, y, weight=w, label_smoothing=eps)
    assert np.isclose(ours, loss(z)) and np.allclose(dz, autograd.grad(loss)(z), atol=1e-12)


@pytest.mark.parametrize("numba", [False, True])
@pytest.mark.parametrize("m", [1, 2, 600])
def test_an_impossible_class_beside_a_certain_one_changes_nothing(m, numba, monkeypatch):
    if numba and not entropy.HAS_NUMBA:
        pytest.skip("Numba is not installed")
    monkeypatch.setattr(entropy, "HAS_NUMBA", numba)
    rng = np.random.default_rng(m)
    z = rng.normal(size=(m, 8)) * 10
    z[:, 3] = -np.inf
    y = np.where((best := z.argmax(axis=1)) == 3, 0, best)
    for dtype, close in ((np.float32, 1e-6), (np.float16, 1e-6)):
        given = z.astype(dtype)
        loss, dz = cross_entropy(given, y)
        expected, gradient = cross_entropy(given.astype(np.float64), y)
        assert loss == pytest.approx(expected, rel=close) and np.allclose(dz, gradient, rtol=1e-5, atol=1e-9)
        soft, _ = cross_entropy(given, np.eye(8)[y].astype(np.float32))
        assert soft == pytest.approx(expected, rel=close)


def test_the_loss_keeps_its_digits_where_weights_and_smoothing_leave_a_label_little():
    rng = np.random.default_rng(0)
    for _ in range(500):
        m, c = rng.integers(1, 6), rng.integers(2, 12)
        z = (rng.normal(size=(m, c)) * rng.choice([0.1, 1, 10, 30])).astype(np.float32)
        y, weight = rng.integers(0, c, m), rng.random(c).astype(np.float32) * (rng.random(c) > 0.2)
        options = dict(weight=weight, label_smoothing=rng.choice([0.1, 0.5, 0.9, 1]), reduction="none")
        loss, dz = cross_entropy(z, y, **options)
        expected, gradient = cross_entropy(z.astype(np.float64), y, **options)
        assert (loss >= 0).all() and np.allclose(loss, expected, rtol=5e-7, atol=1e-37)
        assert abs(dz - gradient).max() < 5e-7


@pytest.mark.parametrize("weight", [1e308, 5e-324, 1e-300])
def test_the_unit_of_weights_does_not_matter_for_a_mean(weight):
    z, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 3
    for smoothing in (0, 0.2):
        loss, dz = cross_entropy(z, y, weight=np.full(3, weight), label_smoothing=smoothing)
        expected, gradient = cross_entropy(z, y, label_smoothing=smoothing)
        assert loss == pytest.approx(expected, rel=1e-14) and np.allclose(dz, gradient, rtol=1e-13)


def test_the_mean_of_labels_without_weight_is_nan_with_smoothing_too():
    loss, dz = cross_entropy([[1.0, 2.0]], [0], weight=[0, 1], label_smoothing=0.1)
    assert np.isnan(loss) and not dz.any()
