"""What version 0.1.0 wrote, this version reads: journals, saved layers and networks, diaries."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from dlnotes import MLP, BatchNorm, Categorical, Integer, LogUniform, ReverseLogUniform, Space, Study, Uniform, search
from dlnotes.tuning import follow

folder = Path(__file__).with_name("written_by_0_1_0")
expected = json.loads((folder / "expected.json").read_text())
two = Space(x=Uniform(-1, 2), n=Integer(0, 9))


def valley(p):
    return p["x"] ** 2 + p["n"]


def test_a_journal_with_every_kind_of_scale_option_and_outcome_is_read():
    study = Study.load(folder / "every_state.jsonl")
    assert [type(scale) for scale in study.space.scales.values()] == [
        LogUniform, ReverseLogUniform, Uniform, Integer, Integer, Categorical,
    ]  # fmt: skip
    assert study.space["act"].options == ("relu", None, 3, 0.5, True, (64, 32), ["a", "b"])
    assert {t.state for t in study.trials} == {"complete", "failed", "infeasible", "timeout", "lost"}
    assert [t.number for t in study.trials] == list(range(40)) and study.direction == "maximize"
    assert study.best.value == max(t.value for t in study.complete)
    assert study.space.cdf([t.params for t in study.trials]).shape == (40, 6)


def test_a_search_goes_on_from_its_old_journal_and_keeps_its_trials(tmp_path):
    old = Study.load(folder / "whole.jsonl")
    journal = tmp_path / "whole.jsonl"
    journal.write_bytes((folder / "whole.jsonl").read_bytes())
    calls = []
    study = search(lambda p: calls.append(p) or valley(p), two, 40, journal=journal)
    assert study.trials[:30] == old.trials and len(calls) == 10
    assert Study.load(journal) == study == search(valley, two, 40, journal=journal) and len(calls) == 10
    with pytest.raises(ValueError, match="lag is 2 in the journal and 5 here"):
        search(valley, two, 40, journal=journal, lag=5)


def test_an_old_journal_that_was_cut_off_is_taken_up(tmp_path):
    journal = tmp_path / "cut.jsonl"
    journal.write_bytes((folder / "cut.jsonl").read_bytes())
    with pytest.warns(UserWarning, match="torn line"):
        old = Study.load(journal)
    with pytest.warns(UserWarning, match="torn line"):
        study = search(valley, two, 26, seed=-3, lag=6, journal=journal)
    assert study.trials[: len(old.trials)] == old.trials and len(study.trials) == 26


def test_a_saved_layer_and_a_saved_network_give_what_they_gave():
    x = np.array(expected["x"], np.float32)
    layer = BatchNorm.load(folder / "batchnorm.npz")
    np.testing.assert_allclose(layer(x, train=False), expected["batchnorm"], rtol=1e-5)
    net = MLP.load(folder / "mlp.npz")
    np.testing.assert_allclose(net.predict_proba(x), expected["probabilities"], rtol=1e-4)
    assert net.predict(x).tolist() == expected["labels"]


def test_a_diary_is_followed_to_the_same_state():
    def step(state, params, rng):
        return state + params["lr"], state + params["lr"]

    panda = follow(lambda rng: 0.0, step, (folder / "panda.json").read_text())
    assert panda.state == 4.0 and panda.values == [1.0, 2.0, 3.0, 4.0] and panda.params == {"lr": 1.0}


MOVED = [
    ("practice", "Panda"),
    ("practice", "follow"),
    ("scales", "Scale"),
    ("scales", "Part"),
    ("scales", "When"),
    ("space", "Stream"),
    ("regression", "Summary"),
    ("regression", "Problem"),
    ("regression", "adopt"),
    ("frameworks", "load_results"),
]


@pytest.mark.parametrize("where, name", MOVED)
def test_what_has_moved_is_found_where_earlier_versions_pickled_it(where, name):
    thing = pickle.loads(f"cdlnotes.{where}\n{name}\n.".encode())
    assert thing.__name__ == name and thing.__module__ != f"dlnotes.{where}"
