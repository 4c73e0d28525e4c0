"""Temperature and reliability: the likeliest temperature, an interval that holds it, and gaps set beside chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from dlnotes import Temperature, plot_reliability, reliability, softmax


def drawn(seed, m=200, c=4, truth=2.0, size=2.0):
    rng = np.random.default_rng(seed)
    z = size * rng.normal(size=(m, c))
    return z, (z / truth + rng.gumbel(size=z.shape)).argmax(axis=1)


def likelihood(T, z, y, s=1.0):
    return (s * special.log_softmax(z / T, axis=1)[np.arange(len(z)), y]).sum()


@pytest.mark.parametrize("factor", [1.0, 1e-9, 1e7])
@pytest.mark.parametrize("shift", [0.0, 500.0])
@pytest.mark.parametrize("m, c, truth", [(40, 3, 2.0), (400, 4, 0.5), (300, 2, 1.0), (100, 50, 1.5)])
def test_the_temperature_is_the_likeliest_and_the_interval_ends_where_the_likelihood_has_fallen(
    m, c, truth, shift, factor
):
    z, y = drawn(m + c, m, c, truth)
    t = Temperature(level=0.9).fit(factor * (z + shift), y)
    found = optimize.minimize_scalar(lambda v: -likelihood(np.exp(v), z, y), bounds=(-5, 5), options={"xatol": 1e-9})
    assert np.isclose(t.temperature_ / factor, np.exp(found.x), rtol=1e-5)
    best = likelihood(t.temperature_ / factor, z, y)
    assert best >= -found.fun - 1e-9
    for end in t.interval_:
        if 0 < end < np.inf:
            fallen = 2 * (best - likelihood(end / factor, z, y))
            assert np.isclose(fallen, stats.chi2(1).ppf(0.9), rtol=1e-5)
    assert t.interval_[0] < t.temperature_ < t.interval_[1]
    assert np.allclose(t.predict_proba(factor * z), softmax(z * factor / t.temperature_), atol=1e-9)
    assert np.isclose(t.loss_, -best / m)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(2, 5))
def test_any_small_data_have_an_answer(seed, m, c):
    rng = np.random.default_rng(seed)
    z, y = np.round(3 * rng.normal(size=(m, c))) - 20, rng.integers(0, c, m)
    t = Temperature().fit(z, y)
    assert 0 <= t.interval_[0] <= t.temperature_ <= t.interval_[1]
    assert np.allclose(t.predict_proba(z).sum(axis=1), 1)
    for T in (0.3, 1.0, 3.0, 100.0):
        assert t.loss_ <= -likelihood(T, z, y) / m + 1e-9


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    for level in (0.5, 0.9):
        held = 0
        for seed in range(300):
            low, high = Temperature(level).fit(*drawn(seed, 60)).interval_
            held += low <= 2 <= high
        assert abs(held / 300 - level) < 3.5 * np.sqrt(level * (1 - level) / 300)


def test_weights_are_repetitions_and_one_hot_rows_are_labels():
    z, y = drawn(1, 50)
    s = np.random.default_rng(0).integers(0, 4, 50)
    weighted, repeated = Temperature().fit(z, y, s), Temperature().fit(z.repeat(s, axis=0), y.repeat(s))
    assert np.allclose(weighted.interval_, repeated.interval_) and np.isclose(weighted.loss_, repeated.loss_)
    assert np.isclose(Temperature().fit(z, np.eye(4)[y]).temperature_, Temperature().fit(z, y).temperature_)
    soft = softmax(z / 3)
    assert np.isclose(Temperature().fit(z, soft).temperature_, 3)


def test_two_classes_may_come_as_one_logit_and_logits_as_logarithms():
    z, y = drawn(2, 200, 2)
    one, two = Temperature().fit(z[:, 1] - z[:, 0], y), Temperature().fit(np.log(softmax(z)), y)
    assert np.allclose(one.interval_, two.interval_) and one.predict_proba(z[:, 1]).shape == (200, 2)


def test_a_class_that_is_impossible_stays_so():
    z, y = drawn(3)
    wide = np.insert(z, 0, -np.inf, axis=1)
    with np.errstate(all="raise"):
        t = Temperature().fit(wide, y + 1)
        assert np.isclose(t.temperature_, Temperature().fit(z, y).temperature_)
        assert not t.predict_proba(wide)[:, 0].any()
    with pytest.raises(ValueError, match=r"label at \(0,\) has a logit of -inf"):
        Temperature().fit(wide, np.zeros(len(y), int))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_there_is_no_best_temperature_it_is_an_end(dtype):
    sharp, right = (5 * np.eye(3).repeat(10, axis=0)).astype(dtype), np.arange(3).repeat(10)
    t = Temperature().fit(sharp, right)
    assert t.temperature_ == 0 == t.interval_[0] and 0 < t.interval_[1] < 5 and t.loss_ == 0
    assert np.array_equal(t.predict_proba([[1.0, 3.0, 3.0]]), [[0, 0.5, 0.5]])
    t = Temperature().fit(sharp, (right + 1) % 3)
    assert t.temperature_ == np.inf == t.interval_[1] and t.interval_[0] > 5
    assert np.allclose(t.predict_proba([[1.0, 3.0, 900.0]]), 1 / 3)
    t = Temperature().fit(np.zeros((5, 3)), [0, 1, 2, 0, 0])  # nothing can be told
    assert t.interval_ == (0, np.inf)
    assert repr(t).startswith("Temperature: ") and repr(Temperature()) == "Temperature(level=0.95)"


@pytest.mark.parametrize(
    "z, y, says",
    [
        (np.zeros((2, 3)), [0, 3], "0 … 2, got 3"),
        (np.zeros((2, 3)), [0], "2 labels"),
        (np.zeros((0, 3)), [], "empty"),
        (np.zeros((2, 3, 2)), [0, 1], "shape"),
        ([[np.nan, 0.0]], [0], "got nan"),
        ([[np.inf, 0.0]], [0], "got inf"),
        ([[-np.inf, -np.inf]], [0], "above -inf"),
        (np.ma.masked_equal([[1.0, 2.0]], 2), [0], "masked"),
        (np.zeros((1, 2)), [[0.5, 0.6]], "sum to 1"),
    ],
)
def test_mistakes_are_named(z, y, says):
    with pytest.raises(ValueError, match=says):
        Temperature().fit(z, y)


def test_probabilities_in_the_place_of_logits_are_noticed():
    z, y = drawn(0)
    p = softmax(z, axis=1)
    for logits in (p, p.astype(np.float32), p[:1]):
        with pytest.warns(UserWarning, match=r"z looks like probabilities .* or np\.log\(p\)") as said:
            Temperature().fit(logits, y[: len(logits)])
        assert said[0].filename == __file__
    right = Temperature().fit(z, y).temperature_
    for logits in (np.log(p), z - z.min(axis=1, keepdims=True), 2 * p, p - p.mean()):  # warnings are errors
        Temperature().fit(logits, y)
    assert np.isclose(Temperature().fit(np.log(p), y).temperature_, right)
    assert Temperature().fit([0.2, 0.8], [0, 1]).temperature_ > 0  # one logit each may be anything


def test_labels_by_name_are_told_where_their_positions_are():
    z, y = drawn(0)
    named = np.array(list("abcd"))[y]
    for labels in (named, named.astype(object), named.tolist()):
        with pytest.raises(ValueError, match=r"got '[abcd]': .*np\.searchsorted\(model\.classes_, y\)"):
            Temperature().fit(z, labels)
        with pytest.raises(ValueError, match="searchsorted"):
            reliability(softmax(z, axis=1), labels)
    t = Temperature().fit(z, np.searchsorted(np.unique(named), named))
    assert t.temperature_ == Temperature().fit(z, y).temperature_


def test_a_temperature_that_is_not_fitted_says_so():
    with pytest.raises(AttributeError, match="this Temperature is not fitted yet: call fit first"):
        Temperature().predict_proba([[0.0, 1.0]])


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, float("nan")])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match="level"):
        Temperature(level).fit([[0.0, 1.0]], [0])
    with pytest.raises(ValueError, match="level"):
        reliability([0.5], [1], level=level)


# reliability


def test_the_gap_of_true_probabilities_is_what_chance_makes():
    rng = np.random.default_rng(0)
    gaps, chance = [], []
    for _ in range(200):
        p = softmax(2 * rng.normal(size=(500, 3)))
        y = (np.log(p) + rng.gumbel(size=p.shape)).argmax(axis=1)
        found = reliability(p, y)
        gaps.append(found.error)
        chance.append(found.by_chance)
    assert np.isclose(np.mean(gaps), np.mean(chance), rtol=0.06)
    shouting = reliability(softmax(3 * np.log(p)), y)
    assert shouting.error > 3 * shouting.by_chance


def test_groups_are_about_equal_and_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(1)
    p, y = np.round(rng.random(1000), 2), rng.integers(0, 2, 1000)  # many are alike
    found, order = reliability(p, y), rng.permutation(1000)
    other = reliability(p[order], y[order])
    assert found.count.sum() == 1000 and found.count.min() > 60 and np.array_equal(found.count, other.count)
    assert np.allclose(found.confidence, other.confidence) and np.allclose(found.accuracy, other.accuracy)
    for low, high, k, n in zip(found.low, found.high, found.accuracy * found.count, found.count, strict=True):
        wilson = stats.binomtest(round(k), n).proportion_ci(method="wilson")
        assert np.allclose((low, high), wilson)
    assert np.isclose(found.error, np.average(abs(found.accuracy - found.confidence), weights=found.count))


def test_reliability_of_few_and_of_sure_answers():
    assert reliability([0.3], [1]).count.tolist() == [1]
    certain = reliability([[0.0, 1.0]] * 20, [1] * 20)
    assert certain.error == 0 == certain.by_chance and certain.accuracy.tolist() == [1]


@pytest.mark.parametrize(
    "p, y, says",
    [
        ([[0.5, 0.6]], [0], "sum to 1"),
        ([0.5, 1.5], [0, 1], r"got 1.5 at \(1,\)"),
        ([0.5, 0.5], [0, 2], "0 … 1, got 2"),
        ([0.5, 0.5], [0], "each of 2 rows"),
        ([], [], "shape"),
        ([[0.5, 0.5]], [2], "got 2"),
    ],
)
def test_what_is_no_probability_or_label_is_refused(p, y, says):
    with pytest.raises(ValueError, match=says):
        reliability(p, y)
    with pytest.raises(ValueError, match="bins"):
        reliability([0.5], [1], bins=0)


def test_the_plot_shows_every_group():
    import matplotlib

    matplotlib.use("Agg")
    z, y = drawn(5)
    found = reliability(softmax(z), y, bins=7)
    ax = plot_reliability(softmax(z), y, bins=7)
    points = ax.containers[0].lines[0].get_xydata()
    assert np.allclose(points, np.transpose([found.confidence, found.accuracy]))
    assert plot_reliability(softmax(z), y, ax=ax) is ax
    matplotlib.pyplot.close(ax.figure)
