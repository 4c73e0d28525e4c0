"""The problems that the search is measured on: their truths are right, their halves apart, their results complete."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import problems
        import search
        import search_tables

        yield problems, search, search_tables
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in ("problems", "search", "search_tables"):
            sys.modules.pop(name, None)


def test_every_table_is_trained(modules):
    _, _, tables = modules
    assert {name: losses.shape for name, losses in tables.load().items()} == {
        name: t.shape for name, t in tables.TABLES.items()
    }


def test_halves_share_no_data_and_about_as_many_problems_of_each_kind(modules):
    problems, _, tables = modules
    of = {part: {t.data for t in tables.TABLES.values() if t.part == part} for part in ("tuning", "held out")}
    assert not of["tuning"] & of["held out"]
    for kind in ("table", "function"):
        tuning, held = (sum(p.kind == kind for p in problems.problems(part)) for part in of)
        assert abs(tuning - held) <= 1


def test_nothing_is_below_the_best_and_noise_is_that_of_the_seed(modules):
    problems, _, _ = modules
    for p in problems.problems():
        points = p.space.sample(200, seed=1)
        true = [p.true(q) for q in points]
        assert np.nanmin(true) >= p.best - 1e-6 and p.random > p.best, p.name
        first, again = p.objective(3), p.objective(3)
        np.testing.assert_array_equal([first(q) for q in points], [again(q) for q in points])
        assert p.regret(None) == 1


def test_a_trial_of_a_table_is_a_training_of_the_nearest_setting(modules):
    problems, _, tables = modules
    for p in problems.problems():
        if p.kind == "function":
            continue
        t, losses = tables.TABLES[p.name], tables.load()[p.name].astype(float)
        place = tuple(np.random.default_rng(5).integers(losses.shape[:-1]))
        params = {name: axis.values[0] for name, axis in t.dummies.items()}
        for (name, axis), i in zip(t.axes.items(), place, strict=True):
            given = t.spaces == "ranges" or axis.scale == "options"
            params[name] = axis.values[i] if given else p.space[name].low + int(i)
        p.space.cdf([params])  # all of them lie on their scales
        seen, trained = {p.objective(seed)(params) for seed in range(30)}, losses[place]
        assert all(np.isin(v, trained) or (math.isnan(v) and np.isnan(trained).any()) for v in seen), p.name
        if not np.isnan(trained).any():
            assert p.true(params) == pytest.approx(trained.mean())


def test_searchers_recommend_and_stored_results_are_whole(modules):
    problems, search, _ = modules
    p = next(p for p in problems.problems("tuning") if p.kind == "function")
    for searcher in ("dlnotes", "random"):
        result = search.regrets((p.name, searcher, range(2), (4, 8)))[1]
        for rows in result["regret"].values():
            assert np.shape(rows) == (2, 2) and all(r >= 0 and math.isfinite(r) for row in rows for r in row)
    assert not list(search.jobs(["random", "TPE", "CMA-ES"], 10, search.stored()))
    assert not list(search.jobs(["dlnotes", *search.UNDONE], 5, search.stored()))
    assert not list(search.jobs(["lag 1"], 5, search.stored(), ["tuning"]))
    search.show(search.stored())


def test_a_choice_undone_gives_another_search_of_the_tuning_half_alone_and_is_done_again_after(modules):
    problems, search, _ = modules
    mixed, noisy = (next(p for p in problems.problems("tuning") if p.name == n) for n in ("mlp_wine", "noisy_bowl5"))

    def tried(searcher, p=mixed):
        points, objective = [], p.objective(0)
        searcher(lambda params: points.append(params) or objective(params), p.space, 0, (60,))
        return points

    usual = tried(search.ours)
    for name, searcher in search.UNDONE.items():
        assert tried(searcher) != usual or tried(searcher, noisy) != tried(search.ours, noisy), name
        assert search.problems_for(name, "tuning") and not search.problems_for(name, "held out")
    assert tried(search.ours) == usual
