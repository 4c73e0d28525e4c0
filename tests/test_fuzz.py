"""Strange arguments to every public name, and damaged files to every reader: it works as always, or says what is wrong.

`DLNOTES_FUZZ=100 pytest tests/test_fuzz.py` tries a hundred times as many at random; `.ci/fuzz.py` counts them all.
"""

import json
import os
import re
from functools import cache
from pathlib import Path

import damaged
import matplotlib
import numpy as np
import pytest
import strange
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlnotes

matplotlib.use("agg")
more = int(os.environ.get("DLNOTES_FUZZ", "1"))
found = json.loads((Path(__file__).parent / "found.json").read_text(encoding="utf-8"))
everything = strange.ARRAYS | strange.NUMBERS


def installed(kind):
    """Whether the library whose arrays these are is there; importing it here warns nobody later."""
    return kind not in ("torch", "pandas") or pytest.importorskip(kind)


def test_every_public_name_is_tried_or_has_a_reason_not_to_be():
    tried = {name for name, *_ in everything.values()}
    assert tried | strange.WITHOUT.keys() == {*dlnotes.__all__, "SearchCV"}
    assert not tried & strange.WITHOUT.keys()


@pytest.mark.parametrize("use", everything)
def test_a_plain_use_works(use):
    if "SearchCV" in use:
        pytest.importorskip("sklearn")
    assert strange.plain(use).outcome == "works", strange.plain(use)


@cache
def mended():
    """What was once found wrong, by use."""
    by_use = {}
    for use, kind in found:
        by_use.setdefault(use, []).append(kind)
    return by_use


def works_or_says_so(use, kind):
    verdict = strange.verdict(use, kind)
    assert verdict is None or verdict[0] in ("works", "refused"), (use, kind, verdict)


@pytest.mark.parametrize("use", everything)
def test_strange_arguments_work_as_plain_ones_or_are_refused_in_words(use):
    if "SearchCV" in use:
        pytest.importorskip("sklearn")
    kinds = strange.SAME | strange.OTHER if use in strange.ARRAYS else strange.SAME_NUMBER | strange.OTHER_NUMBER
    for kind in (
        kinds if more > 1 else dict.fromkeys([*mended().get(use, []), *list(kinds)[sum(map(ord, use)) % 3 :: 3]])
    ):
        if kind not in ("torch", "pandas") or installed(kind):
            works_or_says_so(use, kind)


def test_what_is_kept_of_earlier_finds_is_still_tried():
    pairs = set(strange.pairs())
    assert len(found) > 500 and not [pair for pair in map(tuple, found) if pair not in pairs]


def test_the_judge_sees_what_is_wrong():
    def judged(f, thing=strange.V):
        return strange.tried(f, thing).outcome

    assert judged(lambda x: x.no) == judged(lambda x: x[9]) == judged(lambda x: 1 / 0) == "wrong"
    assert judged(lambda x: x / 0) == "wrong" and judged(lambda x: x.sort()) == "wrong"
    assert judged(lambda x: x @ x[:2]) == judged(lambda x: bool(x)) == "leak"
    assert judged(lambda x: x.sum()) == "works"
    assert not strange.same([1.0, strange.V], [1.0, -strange.V]) and strange.same({"a": strange.V}, {"a": strange.V})


small = st.floats(allow_nan=True, allow_infinity=True, width=64)
rows = st.lists(st.lists(small, min_size=3, max_size=3), min_size=1, max_size=5)
takes_rows = [use for use, (_, _, valid) in strange.ARRAYS.items() if getattr(valid, "shape", 0) == (4, 3)]


@settings(max_examples=150 * more)
@given(st.sampled_from(takes_rows), rows, st.sampled_from(sorted(strange.SAME)))
@example("SoftmaxRegression.fit(X)", [[1.7e308] * 3, [-1.7e308] * 3] * 2, "list")
@example("MLP.predict_proba", [[-1.7e308, 1.7e308, 0.0]], "list")
@example("BatchNorm.recalibrate", [[float("-inf")] * 3] * 2, "list")
@example("Temperature.fit(z)", [[5e-324, 0.0, -0.0]] * 4, "list")
def test_any_rows_of_numbers_work_or_are_refused_in_words(use, x, kind):
    import numpy as np

    if "SearchCV" in use:
        pytest.importorskip("sklearn")
    if kind in ("torch", "pandas"):
        pytest.importorskip(kind)
    verdict = strange.tried(strange.ARRAYS[use][1], strange.SAME[kind](np.array(x)))
    assert verdict.outcome in ("works", "refused"), verdict


def test_what_is_a_number():
    import numpy as np

    from dlnotes.arithmetic import as_number, as_reals

    assert [as_number(v) for v in (10**400, -(10**400), np.float32(0.5), True)] == [np.inf, -np.inf, 0.5, 1.0]
    for none in ("0.5", None, 1j, np.timedelta64(1, "D"), [0.5], np.array([0.5])):
        assert np.isnan(as_number(none))
    for none in (["0.5"], [1j], [[1.0], 2.0], np.ma.array([0.5, 1.0], mask=[0, 1]), None):
        with pytest.raises(ValueError, match="u must hold real numbers"):
            as_reals("u", none)


# Files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.mark.parametrize("kind", damaged.READERS)
def test_whole_files_are_read(kind, path):
    for reader in damaged.READERS[kind]:
        path.write_bytes(damaged.whole(kind))
        assert reader(path)


@pytest.mark.parametrize("file", sorted(damaged.CORPUS.iterdir()), ids=lambda p: p.name)
def test_files_that_once_were_too_much_are_refused_in_words(file, path):
    assert not damaged.refused(file.name.partition("-")[0], file.read_bytes(), path)


@pytest.mark.timeout(300)
def test_files_made_by_hand_are_refused_in_words(path):
    wrong = {name: why for kind, name, data in damaged.by_hand() if (why := damaged.refused(kind, data, path))}
    assert not wrong


@pytest.mark.parametrize("kind", damaged.READERS)
def test_damaged_files_are_refused_in_words(kind, path):
    for seed in range(60 * more):
        assert not (why := damaged.refused(kind, damaged.changed(kind, seed), path)), (seed, why)


def test_the_judge_of_files_sees_a_pickle(path):
    import io
    import pickle

    damaged.READERS["trap"] = [lambda path: pickle.load(io.BytesIO(path.read_bytes()))]
    try:
        assert damaged.refused("trap", pickle.dumps(damaged.Trap()), path) == "ran what the file holds"
        assert damaged.refused("trap", b"", path)  # an EOFError is no error that says so
    finally:
        del damaged.READERS["trap"]


SPACE = dlnotes.Space(x=dlnotes.Uniform(0, 1))
DATA = np.arange(24.0).reshape(12, 2) % 7, np.arange(12) % 2
square_sum = lambda x: (x * x).sum()
found_before = cache(lambda: dlnotes.search(lambda p: p["x"], SPACE, 12, progress=False))
LEAST = {
    "reliability(bins)": (1, lambda k: dlnotes.reliability([[0.5, 0.5], [0.1, 0.9]], [0, 1], bins=k)),
    "one_hot(num_classes)": (1, lambda k: dlnotes.one_hot([0], k)),
    "search(n_trials)": (1, lambda k: dlnotes.search(lambda p: p["x"], SPACE, k, progress=False)),
    "search(n_jobs)": (1, lambda k: dlnotes.search(lambda p: p["x"], SPACE, 2, n_jobs=k, progress=False)),
    "sample(n)": (0, lambda k: SPACE.sample(k)),
    "sample(start)": (0, lambda k: SPACE.sample(1, start=k)),
    "Study(lag)": (1, lambda k: dlnotes.Study(SPACE, lag=k)),
    "Shares(n)": (2, lambda k: dlnotes.Shares(k)),
    "Integer(log)": (1, lambda k: dlnotes.Integer(k, 9, log=True)),
    "edges(shuffles)": (1, lambda k: dlnotes.edges(found_before(), shuffles=k)),
    "importance(draws)": (1, lambda k: dlnotes.importance(found_before(), draws=k)),
    "retune(repeats)": (4, lambda k: dlnotes.retune(found_before(), lambda p: p["x"], top=1, fresh=0, repeats=k)),
    "recheck(repeats)": (2, lambda k: dlnotes.recheck(lambda p: p["x"], found_before(), top=1, repeats=k)),
    "recheck(top)": (1, lambda k: dlnotes.recheck(lambda p: p["x"], found_before(), top=k, repeats=2)),
    "no_improvement(trials)": (1, dlnotes.no_improvement),
    "set_threads(n)": (1, lambda k: [dlnotes.set_threads(k), dlnotes.set_threads(None)]),
    "softmax_path(Cs)": (1, lambda k: dlnotes.softmax_path(*DATA, Cs=k)),
    "SoftmaxRegression(max_iter)": (1, lambda k: dlnotes.SoftmaxRegression(max_iter=k).fit(*DATA)),
    "SoftmaxRegressionCV(cv)": (2, lambda k: dlnotes.SoftmaxRegressionCV(Cs=2, cv=k).fit(*DATA)),
    "MLP(batch_size)": (1, lambda k: dlnotes.MLP([3], norm=None, epochs=1, batch_size=k).fit(*DATA)),
    "MLP(epochs)": (1, lambda k: dlnotes.MLP([3], epochs=k).fit(*DATA)),
    "check_gradient(entries)": (
        1, lambda k: dlnotes.check_gradient(square_sum, np.ones(2), np.full(2, 2.0), entries=k)),
    "check_gradient(directions)": (
        1, lambda k: dlnotes.check_gradient(square_sum, np.ones(2), np.full(2, 2.0), directions=k)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", LEAST)
def test_the_least_that_is_allowed_works_and_one_less_is_refused(use):
    least, call = LEAST[use]
    call(least)
    with pytest.raises(ValueError, match=rf"\b{re.escape(use.partition('(')[2][:-1])}\b|\b{least}\b|low"):
        call(least - 1)
