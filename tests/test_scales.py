"""Scales: draws fall where they should, both directions agree, and bad bounds are refused by name."""

import copy
import dataclasses
import math
import pickle
import warnings
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dlnotes import Categorical, Integer, LogUniform, ReverseLogUniform, Uniform
from dlnotes.arithmetic import exp, log, plain_extra

continuous = [
    Uniform(-3, 5),
    Uniform(-1.7e308, 1.7e308),
    LogUniform(1e-4, 1),
    LogUniform(1e-300, 1e300),
    ReverseLogUniform(0.9, 0.999),
    ReverseLogUniform(0.0, 1 - 1e-12),
    ReverseLogUniform(0.05, 0.59),
    ReverseLogUniform(0, 1e-10),
    Uniform(0, 5e-324),
]
discrete = [Integer(2, 4), Integer(-7, 0), Integer(50, 100), Integer(1, 255, log=True), Integer(3, 4, log=True)]
unit = st.floats(0, 1)


def draws(scale, n=20_000, seed=0):
    return scale.ppf(np.random.default_rng(seed).random(n))


# Distributions


def test_uniform_is_even():
    assert stats.kstest(draws(Uniform(-3, 5)), stats.uniform(-3, 8).cdf).pvalue > 0.001


def test_log_uniform_is_even_in_the_logarithm():
    assert stats.kstest(np.log10(draws(LogUniform(1e-4, 1))), stats.uniform(-4, 4).cdf).pvalue > 0.001


def test_reverse_log_uniform_is_even_in_the_logarithm_of_the_distance_to_one():
    distance = 1 - draws(ReverseLogUniform(0.9, 0.999))
    assert stats.kstest(np.log10(distance), stats.uniform(-3, 2).cdf).pvalue > 0.001


def test_each_decade_gets_its_share():
    counts = np.histogram(draws(LogUniform(1e-5, 1)), 10.0 ** np.arange(-5, 1))[0]
    assert stats.chisquare(counts).pvalue > 0.001


def test_half_of_the_momenta_lie_above_the_middle_of_the_memory_lengths():
    above = (draws(ReverseLogUniform(0.9, 0.999)) > 0.99).mean()
    assert abs(above - 0.5) < 0.02


@pytest.mark.parametrize("low, high", [(0, 1), (2, 4), (-3, 3), (50, 100)])
def test_integers_are_equally_likely_and_both_ends_are_drawn(low, high):
    values, counts = np.unique(draws(Integer(low, high)), return_counts=True)
    assert values.tolist() == list(range(low, high + 1))
    assert stats.chisquare(counts).pvalue > 0.001


def test_log_integers_give_each_doubling_its_share():
    counts = np.histogram(draws(Integer(1, 255, log=True)), 2 ** np.arange(9))[0]
    assert stats.chisquare(counts).pvalue > 0.001


def test_each_log_integer_has_the_probability_of_its_slice():
    scale = Integer(3, 9, log=True)
    values, counts = np.unique(draws(scale), return_counts=True)
    expected = np.log((values + 1) / values) / np.log(10 / 3)
    assert stats.chisquare(counts, expected * counts.sum()).pvalue > 0.001


def test_options_are_equally_likely():
    counts = [list(draws(Categorical(["abc", "d", "e"]))).count(o) for o in ("abc", "d", "e")]
    assert stats.chisquare(counts).pvalue > 0.001


# Both directions


@pytest.mark.parametrize("scale", continuous + discrete, ids=repr)
def test_the_ends_are_exact(scale):
    assert scale.ppf(0) == scale.low and scale.ppf(1) == scale.high
    assert scale.ppf([0.0, 1.0]).tolist() == [scale.low, scale.high]


@pytest.mark.parametrize(("low", "high"), [(-1, 5e-324), (-1e308, 1e-320), (-5e-324, 1), (5e-324, 3), (-2e-310, 1e300)])
def test_subnormal_ends_are_exact_too(low, high):
    scale = Uniform(low, high)
    assert scale.ppf(0) == low and scale.ppf(1) == high and scale.ppf([0.0, 1.0]).tolist() == [low, high]
    assert ((u := scale.cdf(scale.ppf(np.linspace(0, 1, 9)))) >= 0).all() and (np.diff(u) >= 0).all()


@pytest.mark.parametrize("scale", continuous, ids=repr)
def test_the_cdf_ends_at_zero_and_one(scale):
    assert scale.cdf(scale.low) == 0 and scale.cdf(scale.high) == 1


@pytest.mark.parametrize("scale", continuous, ids=repr)
@given(u=unit)
def test_ppf_and_cdf_are_inverse(scale, u):
    value = scale.ppf(u)
    assert scale.low <= value <= scale.high
    # u can be told apart only as finely as values next to each other are
    below, above = (max(scale.low, math.nextafter(value, -math.inf)), min(scale.high, math.nextafter(value, math.inf)))
    slack = abs(scale.cdf(above) - scale.cdf(below)) + 1e-12
    assert abs(scale.cdf(value) - u) <= slack


@pytest.mark.parametrize("scale", continuous + discrete, ids=repr)
@given(u=unit, v=unit)
def test_ppf_never_decreases(scale, u, v):
    assert scale.ppf(min(u, v)) <= scale.ppf(max(u, v))


@given(low=st.integers(-(10**6), 10**6), width=st.integers(1, 2**44), log=st.booleans(), data=st.data())
def test_integers_come_back_exactly(low, width, log, data):
    low = abs(low) + 1 if log else low
    scale = Integer(low, low + width, log=log)
    k = data.draw(st.integers(low, low + width))
    assert scale.ppf(scale.cdf(k)) == k


@pytest.mark.parametrize("scale", discrete, ids=repr)
def test_slices_meet_without_gap_or_overlap(scale):
    starts = [scale._start(np.float64(k)) for k in range(scale.low, scale.high + 1)]
    for k, start in zip(range(scale.low, scale.high + 1), starts, strict=True):
        assert scale.ppf(start) == k
        if start > 0:
            assert scale.ppf(math.nextafter(start, 0)) == k - 1


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.booleans()), min_size=1, max_size=9, unique_by=repr))
def test_options_come_back_exactly(options):
    scale = Categorical(options)
    for option in options:
        assert scale.ppf(scale.cdf(option)) is option or scale.ppf(scale.cdf(option)) == option
    assert list(scale.ppf(scale.cdf(list(options)))) == options


@pytest.mark.parametrize("scale", continuous, ids=repr)
def test_a_value_comes_back_from_its_position_as_well_as_a_rounded_position_can_tell(scale):
    values = draws(scale, 2000)
    assert (scale.ppf(scale.cdf(values)) == values).all()


@pytest.mark.parametrize(
    "scale", [Uniform(0, 1), Uniform(-3, 5), LogUniform(1e-4, 1), LogUniform(1e-300, 1e300)], ids=repr
)
@given(u=unit)
def test_a_position_comes_back_from_its_value_to_the_last_digit_or_the_one_before(scale, u):
    assert abs(scale.cdf(scale.ppf(u)) - u) <= 2.0**-52


@pytest.mark.parametrize(
    "scale",
    [
        LogUniform(1e300, math.nextafter(1e300, 2e300)),
        LogUniform(3, math.nextafter(3, 4)),
        LogUniform(5e-324, 1e-323),
        ReverseLogUniform(math.nextafter(0.5, 0), 0.5),
        ReverseLogUniform(1e-300, math.nextafter(1e-300, 1)),
        Uniform(1e300, math.nextafter(1e300, 2e300)),
        Uniform(5e-324, 1e-323),
    ],
    ids=repr,
)
def test_a_range_of_two_neighbouring_numbers_has_both(scale):
    assert scale.cdf(scale.low) == 0 and scale.cdf(scale.high) == 1
    assert set(scale.ppf(np.linspace(0, 1, 50)).tolist()) == {scale.low, scale.high}


# The exponential and the logarithm

positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


def ulps(value, exact):
    return abs(Decimal(value) - exact) / Decimal(math.ulp(float(exact)))


@given(st.floats(-745.1, 709.78))
@settings(max_examples=1000)
def test_exp_is_right_to_less_than_an_ulp(x):
    with localcontext(prec=60):
        assert ulps(exp(x), Decimal(x).exp()) < (0.53 if x > -708 else 0.78)


@given(positive)
@settings(max_examples=1000)
def test_log_is_right_to_less_than_an_ulp(x):
    with localcontext(prec=60):
        assert ulps(log(x), Decimal(x).ln()) < 0.7


@given(st.floats(0.5, 2))
@settings(max_examples=1000)
def test_log_is_right_around_one_where_it_vanishes(x):
    with localcontext(prec=60):
        exact = Decimal(x).ln()
        assert log(x) == exact == 0 or ulps(log(x), exact) < 0.7


def neighbours(middle, count=20):
    """Each number of `middle` and some on either side of it, in order, shape (len(middle), 2 count + 1)."""
    steps = np.arange(-count, count + 1)
    return (np.asarray(middle).view(np.int64)[:, None] + steps).view(np.float64)


def rising(y):
    return (y[..., :-1] <= y[..., 1:]).all()


def test_exp_and_log_never_decrease_where_their_pieces_meet_or_anywhere_else():
    meet = neighbours((np.arange(1, 1025) - 0.5) * math.log(2))
    assert rising(exp(meet)) and rising(exp(-meet[:, ::-1]))
    exponents = np.arange(-1021, 1024, dtype=np.intc)
    powers, middles = np.ldexp(1.0, exponents), np.ldexp(math.sqrt(0.5), exponents)
    for points in (powers, middles, np.random.default_rng(0).uniform(0.5, 2, 5000)):
        assert rising(log(neighbours(points)))
    anywhere = np.random.default_rng(1).uniform(-1, 1, 5000) * 10.0 ** np.arange(-20, 0).repeat(250)
    assert rising(exp(np.sort(neighbours(anywhere))))


@pytest.mark.parametrize("x", [math.nan, -math.inf, math.inf, -0.0, 0.0, -1.0, 1e308, -1e308, 709.79, -745.14, 5e-324])
def test_exp_and_log_answer_every_number_as_numpy_does_without_a_warning(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = exp(x), log(x)
    with np.errstate(all="ignore"):
        assert np.isclose(ours, (np.exp(x), np.log(x)), rtol=1e-15, equal_nan=True).all()
    assert exp(1).shape == () and exp([[1.0], [2.0]]).shape == (2, 1) and log(np.ones((0, 3))).shape == (0, 3)


def test_exp_and_log_of_one_number_are_those_of_an_array_of_any_size_and_order():
    x = np.random.default_rng(0).uniform(-700, 700, 10_001)
    assert exp(x).tolist() == [exp(v) for v in x.tolist()]
    assert (exp(x[::-3]) == exp(x)[::-3]).all() and (log(abs(x).reshape(73, 137)[:, ::2]).shape == (73, 69))


# One value or many


@pytest.mark.parametrize("scale, kind", [*((s, float) for s in continuous), *((s, int) for s in discrete)], ids=repr)
def test_one_position_gives_a_plain_number_and_many_an_array(scale, kind):
    assert type(scale.ppf(0.5)) is kind and type(scale.cdf(scale.ppf(0.5))) is float
    many = scale.ppf([[0.1, 0.2], [0.3, 0.4]])
    assert many.shape == (2, 2) and scale.cdf(many).shape == (2, 2)
    assert many[1, 0] == scale.ppf(0.3)


def test_near_zero_a_reverse_log_scale_keeps_its_digits():
    scale, u = ReverseLogUniform(0, 1e-10), np.linspace(0, 1, 10_001)
    assert abs(scale.cdf(scale.ppf(u)) - u).max() < 1e-12


def test_the_ends_bound_what_lies_next_to_them():
    for scale in [*continuous, ReverseLogUniform(0.11, 0.59)]:
        near = scale.ppf([1e-17, 1e-16, 1 - 1e-16])
        assert (scale.low <= near).all() and (near <= scale.high).all()


@pytest.mark.parametrize("scale", [Integer(2, 5), Categorical(["a", "b", "c", "d"])])
def test_a_discrete_value_stands_in_the_middle_of_its_slice(scale):
    values = list(scale.ppf([0.1, 0.3, 0.6, 0.9]))
    assert scale.cdf(values).tolist() == [0.125, 0.375, 0.625, 0.875]
    assert [scale.ppf(np.nextafter(k / 4, 0)) for k in (1, 2, 3, 4)] == values
    assert [scale.ppf(k / 4) for k in (0, 1, 2, 3)] == values


@pytest.mark.parametrize("options", [[(64, 64), (128, 32)], [(1,), (2, 3)], [[1, 2], [3]], [None, "a"], [{"a": 1}, {}]])
def test_options_may_be_anything_that_can_be_compared(options):
    scale = Categorical(options)
    assert list(scale.ppf([0.1, 0.9])) == options
    assert list(scale.ppf([[0.1, 0.9]])[0]) == options
    assert [scale.cdf(option) for option in options] == [0.25, 0.75]


def test_options_from_numpy_are_plain_and_nan_is_an_option():
    scale = pickle.loads(pickle.dumps(Categorical([*np.array([1, 2]), math.nan])))
    assert [type(o) for o in scale.options] == [int, int, float]
    assert scale.cdf(np.int64(2)) == 0.5 and scale.cdf(math.nan) == 5 / 6


def test_a_part_may_have_to_hold_values_or_not():
    assert Uniform(0, 8).narrowed(0.25, 0.5) == Uniform(2, 4)
    assert Uniform(0, 8).narrowed(0.25, 0.5, kept=[6]) == Uniform(2, 6)
    assert Integer(0, 7).narrowed(0.25, 0.5) == Integer(2, 4)


def test_scales_are_values():
    assert Uniform(0, 1) == Uniform(0.0, 1.0) and hash(Uniform(0, 1)) == hash(Uniform(0.0, 1.0))
    assert LogUniform(1, 2) != Uniform(1, 2)
    assert eval(repr(Integer(1, 8, log=True))) == Integer(1, 8, log=True)
    with pytest.raises(AttributeError):
        Uniform(0, 1).low = 2


# Refusals

refused = [
    (lambda: Uniform(2, 1), r"low=2.0"),
    (lambda: Uniform(math.nan, 1), r"low must be a finite number, got nan"),
    (lambda: Uniform(0, math.inf), r"high must be a finite number, got inf"),
    (lambda: Uniform("a", 1), r"low must be a finite number, got 'a'"),
    (lambda: LogUniform(0, 1), r"low > 0 must hold for LogUniform, got low=0.0"),
    (lambda: LogUniform(-1, 1), r"got low=-1.0"),
    (lambda: LogUniform(2, 1), r"low=2.0, high=1.0"),
    (lambda: ReverseLogUniform(0.9, 1), r"high < 1 must hold for ReverseLogUniform, got high=1.0"),
    (lambda: ReverseLogUniform(0.9, 1.5), r"got high=1.5"),
    (lambda: ReverseLogUniform(0.9, 0.8), r"low=0.9, high=0.8"),
    (lambda: Integer(0.5, 3), r"low must be an integer, got 0.5"),
    (lambda: Integer(1, True), r"high must be an integer, got True"),
    (lambda: Integer(1, math.nan), r"high must be a finite number, got nan"),
    (lambda: Integer(0, 8, log=True), r"low >= 1 must hold for a log scale, got low=0"),
    (lambda: Integer(0, 2**46), r"high must lie within"),
    (lambda: Integer(1, np.True_), r"got np.True_"),
    (lambda: Integer(1, 8, log="no"), r"log must be True or False, got 'no'"),
    (lambda: Uniform("0", 1), r"low must be a finite number, got '0'"),
    (lambda: Categorical({"a", "b"}), r"options must be a list or tuple"),
    (lambda: Categorical(b"abc"), r"options must be a list or tuple"),
    (lambda: Categorical([]), r"at least one option"),
    (lambda: Categorical(["a", "b", "a"]), r"options must differ, got 'a' twice"),
    (lambda: Categorical("abc"), r"options must be a list or tuple, got 'abc'"),
    (lambda: Categorical([math.nan, math.nan]), r"got nan twice"),
    (lambda: Uniform(0, 1).ppf(-0.1), r"u must lie in \[0, 1\], got -0.1"),
    (lambda: Uniform(0, 1).ppf([0.5, math.nan]), r"got nan"),
    (lambda: Categorical(["a"]).ppf(2), r"got 2.0"),
    (lambda: LogUniform(1e-4, 1).cdf(2), r"2.0 is not on LogUniform"),
    (lambda: Uniform(0, 1).cdf(math.nan), r"nan is not on Uniform"),
    (lambda: Integer(1, 4).cdf(2.5), r"2.5 is not on Integer"),
    (lambda: Integer(1, 4).cdf([2, 9]), r"9.0 is not on Integer"),
    (lambda: Categorical(["a"]).cdf("b"), r"'b' is not on Categorical"),
]


@pytest.mark.parametrize("make, message", refused, ids=[m for _, m in refused])
def test_a_wrong_bound_or_value_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_true_and_one_are_different_options():
    scale = Categorical([1, True, 1.0])
    assert [type(scale.ppf(scale.cdf(o))) for o in scale.options] == [int, bool, float]


# Steps, one value, an order


@pytest.mark.parametrize(
    "scale",
    [
        Uniform(0, 1, step=0.05), Uniform(-0.3, 0.3, step=0.1),
        Uniform(1e-5, 1e-4, step=1e-5), Uniform(0, 1e22, step=1e20),
        Uniform(-1e308, 1e308, step=1e307), Integer(8, 128, step=8),
        Integer(-7, 20, step=3), Integer(8, 512, log=True, step=8),
        Uniform(5, 9, step=4), Uniform(0.1, 0.7, step=0.1), Uniform(1 / 3, 2, step=1 / 7),
    ],
    ids=repr,
)  # fmt: skip
def test_a_step_leaves_equally_likely_decimal_values_and_both_ends(scale):
    values = scale.ppf(scale.levels(int(scale.count)))
    assert len(np.unique(values)) == scale.count == len(values) and (np.diff(values) > 0).all()
    assert scale.ppf(0) == scale.low == values[0] and scale.ppf(1) == scale.high == values[-1]
    assert (scale.ppf(scale.cdf(values)) == values).all() and eval(repr(scale)) == scale
    assert pickle.loads(pickle.dumps(scale)) == scale and hash(scale) == hash(eval(repr(scale)))
    if not getattr(scale, "log", False):
        counts = np.unique(draws(scale), return_counts=True)[1]
        assert len(counts) == scale.count and stats.chisquare(counts).pvalue > 0.001
    part = scale.narrowed(0.4, 0.6, kept=[scale.high])
    assert set(part.ppf(part.levels(int(part.count)))) <= set(values) and part.high == scale.high
    assert (scale.ppf(scale.inside(part, np.linspace(0, 1, 50))) == part.ppf(np.linspace(0, 1, 50))).all()
    assert len(np.unique(scale.ppf(scale.levels(2)))) == 2


def test_steps_are_what_one_would_type_and_high_is_the_last():
    assert Uniform(0, 0.3, step=0.1).ppf([0, 0.3, 0.6, 1]).tolist() == [0.0, 0.1, 0.2, 0.3]
    assert Uniform(0, 1, step=0.3).high == 0.9 and Integer(1, 10, step=4) == Integer(1, 9, step=4)
    assert Uniform(0, 1, step=0.1).cdf(0.1 + 0.2) == Uniform(0, 1, step=0.1).cdf(0.3)
    assert Uniform(0, 10**15, step=1e-3 * 10**6).count == 10**12 + 1


@pytest.mark.parametrize(
    "scale", [Uniform(1, 1), Uniform(0, 0), LogUniform(0.1, 0.1), ReverseLogUniform(0.9, 0.9), Integer(3, 3)]
)
def test_a_range_of_one_value_has_that_value(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scale.count == 1 and set(scale.ppf(np.linspace(0, 1, 9)).tolist()) == {scale.low}
        assert scale.cdf(scale.low) == 0.5 and scale.cdf([scale.low] * 3).tolist() == [0.5] * 3
        assert scale.levels(1).tolist() == scale.levels(5).tolist() == [0.5]
        assert scale.narrowed(0.2, 0.4) == scale and scale.inside(scale, np.array([0.1, 0.9])).tolist() == [0.5, 0.5]


def test_options_in_an_order_have_a_box():
    size = Categorical("s", "m", "l", "xl", ordered=True)
    assert size.ordered and eval(repr(size)) == size and size != Categorical("s", "m", "l", "xl")
    assert size.narrowed(0.3, 0.6).options == ("m", "l") and size.narrowed(0.3, 0.3).options == ("s", "m", "l")
    assert size.narrowed(0.3, 0.6, kept=["xl"]).options == ("m", "l", "xl")
    assert size.ppf(size.inside(size.narrowed(0.3, 0.6), np.array([0.1, 0.9]))).tolist() == ["m", "l"]


def test_options_may_be_arrays_and_objects_without_equality():
    thing, arrays = object(), [np.zeros(2), np.ones(2)]
    scale = Categorical([thing, *arrays, dict, math.tanh])
    assert [scale.cdf(o) for o in (thing, np.ones(2), dict, math.tanh)] == [0.1, 0.5, 0.7, 0.9]
    assert hash(scale) == hash(Categorical([thing, *arrays, dict, math.tanh]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Uniform(0, 1, step=0), "step must be above 0, got 0.0"),
        (lambda: Uniform(0, 1, step=-0.1), "step must be above 0"),
        (lambda: Uniform(0, 1, step=2), "step must be no longer than the range"),
        (lambda: Uniform(0, 1, step=1e-17), "tell values apart"),
        (lambda: Uniform(1, 1 + 1e-15, step=1e-16), "tell values apart"),
        (lambda: Uniform(0, 1, step=math.nan), "step must be a finite number, got nan"),
        (lambda: Integer(0, 10, step=0), "step must be above 0"),
        (lambda: Integer(0, 10, step=2.5), "step must be an integer, got 2.5"),
        (lambda: Integer(0, 10, step=11), "no longer than the range"),
        (lambda: Integer(8, 128, 8), "a step is given by its name"),
        (lambda: Uniform(0, 1, step=0.25).cdf(0.3), "0.3 is not on Uniform"),
        (lambda: Uniform(0, 1, step=0.25).cdf(math.nan), "nan is not on"),
        (lambda: Uniform(0, 1, step=0.25).cdf(1.25), "1.25 is not on"),
        (lambda: Integer(8, 128, step=8).cdf(12), "12.0 is not on Integer"),
        (lambda: Uniform(1, 1).cdf(2), "2.0 is not on"),
        (lambda: Categorical("a", "b", ordered="yes"), "ordered must be True or False"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class Shown:
    """An option without `==`, which shows itself in words."""

    def __init__(self, word):
        self.word = word

    def __repr__(self):
        return f"{type(self).__name__}({self.word!r})"


class Other(Shown):
    def __repr__(self):
        return f"Shown({self.word!r})"


def test_a_copy_of_an_option_is_that_option_and_what_only_looks_like_it_is_not():
    scale = Categorical([Shown("a"), Shown("b")])
    assert [scale.ppf(scale.cdf(copy.deepcopy(option))) for option in scale.options] == list(scale.options)
    with pytest.raises(ValueError, match="is not on"):
        scale.cdf(Other("a"))


@pytest.mark.parametrize("wrap", [lambda x: {"in": x}, lambda x: [x], lambda x: {"in": [x]}])
def test_extras_are_kept_fifty_levels_deep(wrap):
    deep = 1.5
    while repr(deep).count("[") + repr(deep).count("{") < 49:
        deep = wrap(deep)
    assert plain_extra(deep) == deep


@pytest.mark.parametrize(
    "scale", [Uniform(0, 1), LogUniform(0.1, 1), ReverseLogUniform(0.1, 0.9), Integer(1, 9), Categorical("a", "b")]
)
def test_a_scale_does_not_change(scale):
    for field in dataclasses.fields(scale):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(scale, field.name, 0.2)
