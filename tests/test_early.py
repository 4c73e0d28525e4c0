"""Rules that end a search, and reports that end a training: exactly when they should."""

import pytest

from dlnotes import Pruned, Report, Space, Study, Uniform, no_improvement, not_worth, target


def told(values, direction="minimize"):
    study = Study(Space(x=Uniform(0, 1)), seed=1, direction=direction)
    for value in values:
        study.tell(study.ask(), value)
    return study


@pytest.mark.parametrize("direction, sign", [("minimize", 1), ("maximize", -1)])
def test_a_target_is_reached_at_its_very_value_and_no_sooner(direction, sign):
    assert not target(sign * 0.5)(told([], direction))
    assert not target(sign * 0.5)(told([sign * 0.75, sign * 0.625], direction))
    assert target(sign * 0.5)(told([sign * 0.75, sign * 0.5], direction))
    assert target(sign * 0.5)(told([sign * 0.25], direction))


def test_patience_ends_after_that_many_trials_without_a_better_one():
    assert [no_improvement(3)(told([2.0, 1.0, *[1.5] * more])) for more in range(5)] == [False] * 3 + [True] * 2
    assert not no_improvement(2)(told([3.0, 2.0, 1.0]))
    assert [no_improvement(2)(told([float("nan")] * n)) for n in (1, 2, 3)] == [False, True, True]


def test_what_is_expected_is_compared_with_what_a_trial_is_worth():
    study = told([1 - 0.01 * k for k in range(12)])
    assert not_worth(2 * study.expected_gain)(study) and not not_worth(study.expected_gain / 2)(study)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "1", None])
def test_a_gain_that_is_no_number_above_zero_is_refused(wrong):
    with pytest.raises(ValueError, match="gain must be above 0"):
        not_worth(wrong)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_training_ends_when_its_best_so_far_is_worse_than_its_limit(sign):
    report = Report([(2, 0.5), (4, 0.25)], sign)
    report(1, sign * 9.0)
    report(2, sign * 0.5)  # the limit itself will do
    report(3, sign * 7.0)
    with pytest.raises(Pruned, match="by step 4"):
        report(4, sign * 0.375)
    assert report.curve == [(1, sign * 9.0), (2, sign * 0.5), (3, sign * 7.0), (4, sign * 0.375)]


def test_reports_come_in_order_with_numbers():
    report = Report()
    report(1, 0.5)
    for step in (1, 0.5, float("nan")):
        with pytest.raises(ValueError, match="steps that grow"):
            report(step, 0.5)
    for wrong in ("2", None, 10**400):
        with pytest.raises(TypeError, match="report needs a number"):
            report(2, wrong)
    assert report.curve == [(1, 0.5)]
