"""The files of the long experiments say what a run says, and the layers they use have the right gradients."""

from functools import partial

import numpy as np
import pytest

from dlnotes import MLP, BatchNorm, runs

samples = list(runs.sample(3, seed=1))


def test_rows_picked_at_random_come_out_the_same_again():
    _, kept, fresh = zip(*samples, strict=True)
    assert runs.agree(np.concatenate(kept), np.concatenate(fresh))


@pytest.mark.parametrize("name", ["importance-digits", "importance-cancer", "norms-digits", "norms-cancer"])
def test_rows_of_other_runs_would_be_noticed(name):
    rows = runs.recorded(name)
    assert not runs.agree(rows[:40], rows[1:41])
    assert not runs.agree(rows[:40], rows[:40] * [1.01, 1, 1.01, 1])


def test_no_file_lacks_a_run():
    for name in runs.NAMES:
        assert runs.recorded(name).shape == (len(runs.plan(name)), 4), name
    for on in ("digits", "cancer"):
        found = runs.searches(on)
        assert {len(found[method]) for method in runs.METHODS} == {len(runs.SEEDS)}
        assert {len(trials) for method in runs.METHODS for trials in found[method]} == {60}


def test_no_part_of_a_data_set_shares_an_example_with_another():
    for on in ("digits", "cancer", "wine"):
        rows = np.concatenate([X for X, _ in runs.data(on)])
        again = [X for X, _ in runs.data(on)]
        assert len(rows) == sum(map(len, again))
        assert len(np.unique(rows, axis=0)) >= len(rows) - 1  # wine holds one example twice


def test_groups_of_the_whole_batch_are_plain_batch_norm():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(5, 2, (32, 3)), rng.normal(size=(32, 3))
    ghost, plain = runs.Ghost(3, group=32), BatchNorm(3)
    np.testing.assert_allclose(ghost(x), plain(x))
    np.testing.assert_allclose(ghost.backward(dy), plain.backward(dy))
    np.testing.assert_allclose(ghost.dgamma, plain.dgamma)


def test_groups_are_normalized_each_for_itself():
    x = np.random.default_rng(0).normal(5, 2, (32, 3))
    groups = runs.Ghost(3, group=8)(x).reshape(4, 8, 3)
    np.testing.assert_allclose(groups.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(groups.std(axis=1), 1, atol=1e-3)


def test_a_network_of_biases_is_a_plain_network():
    (X, y), *_ = runs.data("wine")
    settings = dict(hidden=(16, 8), optimizer="momentum", momentum=0.5, lr=0.1, epochs=5)
    ours = runs.Layered(runs.Bias, **settings).fit(X, y)
    plain = MLP(norm=None, **settings).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), plain.decision_function(X), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:the network has hardly learned")
@pytest.mark.parametrize("method", runs.METHODS)
def test_a_search_made_again_begins_as_the_one_in_the_file(method, monkeypatch, tmp_path, capsys):
    kept = runs.searches("cancer")[method][0][:4]
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    monkeypatch.setattr(runs, "METHODS", (method,))
    monkeypatch.setattr(runs, "SEEDS", range(1))
    for name in ("_search_once", "_sklearn_search"):
        monkeypatch.setattr(runs, name, partial(getattr(runs, name), n=4))
    runs.make("search-cancer")
    assert capsys.readouterr().out == "search-cancer: seed 0 done\n"
    ((fresh,),) = runs.searches("cancer").values()
    assert [trial["params"] for trial in fresh] == [trial["params"] for trial in kept]
    assert runs.agree([trial["row"] for trial in kept], [trial["row"] for trial in fresh])
    assert 0 < fresh[0]["seconds"] <= fresh[-1]["seconds"] < 60
    before = (tmp_path / "search-cancer.json").read_bytes()
    runs.make("search-cancer")
    assert (tmp_path / "search-cancer.json").read_bytes() == before


def test_a_network_that_diverges_is_a_trial_that_failed(monkeypatch):
    def network(params, seed):
        raise FloatingPointError("diverged")

    monkeypatch.setattr(runs, "network", network)
    for method in ("random", "TPE"):
        assert [trial["row"] for trial in runs._search_once(method, 0, "cancer", n=2)] == [[np.inf, 0, np.inf, 0]] * 2
