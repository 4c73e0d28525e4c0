"""What `make bench` measures: its arithmetic, what it kept, and that no page quotes a speed from elsewhere."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

import dlnotes

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
KEPT = sorted((ROOT / "dlnotes/recorded/speed").glob("*.json"))


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import bench

        yield bench
    finally:
        sys.path.remove(str(BENCHMARKS))
        sys.modules.pop("bench", None)


def test_a_ratio_is_that_of_the_medians_and_lies_in_its_interval(bench):
    found = bench.summary({"ours": [2.0, 9.0, 3.0, 3.0, 4.0], "theirs": [6.0, 6.0, 1.0, 7.0, 6.0]})
    assert found["ours"] == 3 and found["theirs"] == 6 and found["ratio"] == 0.5
    assert found["low"] < 0.5 < found["high"]
    assert bench.summary({"ours": [2.0, 4.0]}) == {"ours": 3.0}


def test_both_take_turns_and_the_clock_is_read_for_a_unit_of_work(bench, monkeypatch):
    calls = []
    seconds = {"ours": 0.5, "theirs": 0.25}

    def timed(side, times):
        assert times == 1
        return seconds[side()]

    monkeypatch.setattr(bench, "timed", timed)
    case = bench.Case("a", lambda: calls.append("o") or "ours", lambda: calls.append("t") or "theirs", "them", per=10)
    found = bench.measured(case, quick=True)
    assert (found["ours"], found["theirs"], found["ratio"]) == (0.05, 0.025, 2.0)
    assert found["low"] == found["high"] == 2.0 and found["rounds"] == 3
    assert calls == ["o", "t"] * 2 + ["o", "t", "t", "o", "o", "t"]  # warmed up, then by turns


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the kernel's account of this process")
def test_memory_is_what_a_call_adds_beyond_what_it_returns(bench):
    mega = 2**17  # float64 numbers
    kept = [np.ones(3 * mega * k) for k in range(1, 8)]  # freed, they stay with the C library for whoever asks next
    del kept
    case = bench.Case("a", lambda: np.concatenate([np.ones(20 * mega)] * 2), lambda: np.ones(40 * mega))
    assert 15 < bench.peak(case, "ours") / 2**20 < 35  # what is joined is 20 MB more
    assert bench.peak(case, "theirs") / 2**20 < 20


def test_what_is_not_there_is_refused_by_name(bench):
    done = subprocess.run([sys.executable, BENCHMARKS / "bench.py", "draw"], capture_output=True, text=True)
    assert done.returncode == 2 and "there is no draw; there are draws, overhead, batchnorm" in done.stderr


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_what_was_kept_is_whole(bench, file):
    kept = json.loads(file.read_text())
    measured = {(r["module"], r["threads"], r["compiled"]) for r in kept["rows"]}
    assert measured == {(module, *way) for module, ways in bench.THREADS.items() for way in ways}
    for row in kept["rows"]:
        assert row["ours"] > 0 and row["rounds"] >= 3, row
        if "ratio" in row:
            assert row["low"] <= row["ratio"] == row["ours"] / row["theirs"] <= row["high"], row
    assert {"1", "2"} == set(kept["machine"]["bandwidth"]) and kept["machine"]["versions"]["numpy"]


def test_the_page_shows_the_reference(bench):
    assert [file.stem for file in KEPT].count("reference") == 1
    page = (ROOT / "nbs/speed.ipynb").read_text(encoding="utf-8")
    for module in bench.THREADS:
        assert f'\\"{module}\\"' in page, f"no table or figure of {module}"


# A measured speed in words: "0.45 of PyTorch's", "3 times as fast", "12 ms a trial"
QUOTED = re.compile(
    r"\d\s*(ms|µs|milliseconds|microseconds)\b|\d(\.\d+)? (of|times) (PyTorch|TPE|scikit-learn|Optuna)"
    r"|\d times (as fast|faster|slower|as slow)"
)


def test_the_prose_quotes_no_speed_that_a_cell_did_not_compute():
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md")}
    for path in (ROOT / "nbs").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts[path.name] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    found = {name: [m[0] for m in QUOTED.finditer(text)] for name, text in texts.items()}
    assert not {name: quotes for name, quotes in found.items() if quotes}


@pytest.fixture
def scale(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("scale")


def test_the_journal_of_the_scale_is_as_a_search_writes_it(scale, tmp_path):
    scale.write_journal(tmp_path / "journal", 40)
    study = dlnotes.Study.load(tmp_path / "journal")
    assert [t.state for t in study.trials] == ["complete"] * 40
    assert study.best.value == min(float(scale.value(p)) for p in scale.SPACE.sample(40, seed=1))
    found = scale.used(tmp_path / "journal")
    assert found["bytes"] > 40 * 100 and all(v >= 0 for v in found.values())
    assert len(dlnotes.Study.load(tmp_path / "journal").open) == 1  # it was gone on with


def test_a_plan_is_timed_with_so_many_under_way(scale, monkeypatch):
    asked = []
    ask = scale.Study.ask
    monkeypatch.setattr(scale.Study, "ask", lambda study: asked.append((len(study.open), study.lag)) or ask(study))
    assert scale.planned(5)["seconds"] > 0
    assert asked == [(n, 6) for n in range(6)]


def test_what_was_kept_of_the_scale_is_whole(scale):
    kept = json.loads(scale.FILE.read_text())
    assert kept["trials"] == 1000 and kept["times"] >= 3
    assert list(kept["dask"]) == ["1", "2", "4"] and list(kept["under way"]) == ["1", "10", "100", "1000"]
    assert list(kept["journal"]) == ["1000", "10000", "100000"]
    for workers, row in kept["dask"].items():
        assert row["efficiency"] == pytest.approx(1000 * 0.05 / int(workers) / row["seconds"], rel=0.02)
