"""Tuning by hand: a Panda does what its diary says, and the diary leads to the same bits."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlnotes import Panda
from dlnotes.tuning import follow


def start(rng):
    return {"w": rng.normal(size=3)}


def step(state, params, rng):
    state["w"] -= params["lr"] * (state["w"] + 0.1 * rng.normal(size=3))  # changes its argument: must do no harm
    return state, float((state["w"] ** 2).sum())


def tended():
    panda = Panda(start, step, {"lr": 0.1}, seed=3)
    panda.run(5)
    panda.change("too slow", lr=0.5)
    panda.run(4)
    panda.checkpoint()
    panda.change("greedy", lr=9.0)
    panda.run(3)
    panda.undo("diverged")
    panda.change("calm", lr=0.2)
    panda.run(2)
    return panda


def test_a_diary_replays_to_the_same_state_also_through_text():
    panda = tended()
    for again in (panda.replay(), follow(start, step, json.dumps(panda.diary))):
        assert np.array_equal(again.state["w"], panda.state["w"])
        assert again.values == panda.values and again.params == panda.params and again.diary == panda.diary
    assert [e["act"] for e in panda.diary].count("undo") == 1


def test_the_picture_marks_the_changes_that_were_not_undone():
    ax = tended().plot()
    assert ax.lines[0].get_xydata()[:, 0].tolist() == list(range(1, 12))
    assert [text.get_text() for text in ax.texts] == ["too slow", "calm"]
    assert [line.get_xdata()[0] for line in ax.lines[1:]] == [5, 9]
    plt.close("all")


class Stubborn:
    def __float__(self):
        raise RuntimeError("a tensor of three elements is no number")


RETURNED = [(3, None), (3, "many"), (3, "0.5"), (3, [1, 2]), (3, 1j), (3, 10**400), (3, Stubborn()), (3, np.ones(2))]
RETURNED += [None, 3, 0.5, (3,), (3, 0.5, 1), {"state": 3}, "no"]


@pytest.mark.parametrize("returned", RETURNED)
def test_a_step_without_a_number_does_not_count(returned):
    panda = Panda(lambda rng: 0, lambda state, params, rng: returned if state == 2 else (state + 1, state), {})
    with pytest.raises(TypeError, match="a state and a number, got"):
        panda.run(5)
    assert (panda.step, panda.state, panda.values) == (2, 2, [0, 1])
    assert panda.replay().values == [0, 1] and panda.diary[-1]["steps"] == 2


def test_a_step_that_changes_its_hyperparameters_changes_no_record():
    def greedy(state, params, rng):
        params["rates"].append(1.0)
        params["lr"] = 7
        return state + len(params["rates"]), len(params["rates"])

    rates = [0.1]
    panda = Panda(lambda rng: 0, greedy, {"rates": rates, "lr": 1})
    panda.run(3)
    panda.change("more", rates=rates)
    rates.append(9)
    panda.run(2)
    assert panda.values == [2] * 5 and panda.params == {"rates": [0.1], "lr": 1}
    assert panda.replay().values == panda.values and panda.replay().diary == panda.diary


def test_hyperparameters_are_changed_by_change_alone():
    panda = Panda(lambda rng: 0, lambda state, params, rng: (state + 1, len(params["rates"])), {"rates": [1], "lr": 1})
    with pytest.raises(TypeError):
        panda.params["lr"] = 7
    panda.params["rates"].append(2)
    panda.run(2)
    panda.undo("again")
    panda.params["rates"].append(3)
    panda.run(2)
    assert panda.values == [1, 1] and panda.params == {"rates": [1], "lr": 1}
    assert panda.replay().values == panda.values and panda.replay().diary == panda.diary


def test_undo_is_as_if_it_had_not_been():
    panda = Panda(start, step, {"lr": 0.1})
    panda.run(4)
    panda.change("try", lr=1.5)
    panda.run(4)
    panda.undo("no")
    panda.run(4)
    plain = Panda(start, step, {"lr": 0.1})
    plain.run(8)
    assert np.array_equal(panda.state["w"], plain.state["w"]) and panda.values == plain.values


def test_a_step_that_raises_leaves_the_steps_before_it():
    def fragile(state, params, rng):
        if params["lr"] > 1:
            raise FloatingPointError("exploded")
        return step(state, params, rng)

    panda = Panda(start, fragile, {"lr": 0.1})
    panda.run(3)
    panda.change("bold", lr=2.0)
    with pytest.raises(FloatingPointError):
        panda.run(5)
    assert panda.step == 3 and len(panda.values) == 3
    panda.undo("exploded")
    assert panda.params == {"lr": 0.1} and panda.replay().values == panda.values


def test_the_diary_wants_reasons_and_known_names():
    panda = Panda(start, step, {"lr": 0.1})
    for words, act in [
        ("reason", lambda: panda.change(" ", lr=1)),
        ("reason", lambda: panda.change(0.5, lr=1)),
        ("a diary begins with 'start', got 'nothing'", lambda: follow(start, step, [])),
        ("no such hyperparameters: \\['rate'\\]", lambda: panda.change("why", rate=1)),
        ("no checkpoint at step 7", lambda: panda.undo("why", 7)),
        ("steps must be at least 1", lambda: panda.run(0)),
        ("no act of a Panda: 'dance'", lambda: follow(start, step, [*panda.diary, dict(act="dance")])),
    ]:
        with pytest.raises(ValueError, match=words):
            act()
    assert len(panda.diary) == 1


class Unknown:
    pass


@pytest.mark.parametrize(
    "value", [np.tanh, Unknown(), Unknown, {1, 2}, 1j, np.ones(2), [Unknown()], {"a": b"b"}, {1: 2}]
)
def test_a_hyperparameter_that_the_diary_cannot_hold_is_refused_at_once(value):
    begun = []
    words = r"the diary is a text, JSON, which cannot hold act=.*give a name, and let step look it up"
    with pytest.raises(TypeError, match=words):
        Panda(begun.append, step, {"lr": 0.1, "act": value})
    assert not begun
    panda = Panda(start, step, {"lr": 0.1, "act": "tanh"})
    panda.run(2)
    with pytest.raises(TypeError, match=words):
        panda.change("try", lr=0.2, act=value)
    assert len(panda.diary) == 2 and panda.params == {"lr": 0.1, "act": "tanh"}
    with pytest.raises(ValueError, match="no checkpoint at step 2"):
        panda.undo("none was made", 2)


def test_names_of_hyperparameters_are_texts_and_lists_do_not_go_on_for_ever():
    endless = []
    endless.append(endless)
    for params, words in (({1: 0.5}, "cannot hold 1=0.5"), ({"lr": endless}, "cannot hold lr=")):
        with pytest.raises(TypeError, match=words):
            Panda(start, step, params)


def test_the_diary_holds_numbers_of_numpy_in_lists_and_dicts():
    params = {
        "lr": np.array(0.25),
        "betas": (np.float32(0.5), 1),
        "plan": {"at": [np.int64(3)]},
        "none": None,
        "no": np.False_,
    }
    panda = Panda(start, step, params)
    panda.run(2)
    panda.change("more", betas=[np.float32(0.75)])
    assert panda.diary[0]["params"] == {"lr": 0.25, "betas": (0.5, 1), "plan": {"at": [3]}, "none": None, "no": False}
    again = follow(start, step, json.dumps(panda.diary))
    assert again.values == panda.values and again.params["betas"] == [0.75]


@pytest.mark.filterwarnings("error")
def test_a_run_that_explodes_is_drawn_as_far_as_there_are_numbers():
    panda = Panda(lambda rng: 1.0, lambda w, params, rng: (w * params["k"], w * params["k"]), {"k": 1e77})
    panda.run(6)  # 1e77, 1e154, 1e231, 1e308 and two infinities
    ax = panda.plot()
    ax.figure.canvas.draw()
    assert ax.get_ylabel() == "value / 1e308" and np.allclose(ax.lines[0].get_ydata()[:4], [0, 0, 0, 1])
    plt.close(ax.figure)
