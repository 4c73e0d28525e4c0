"""The report: one file, that loads nothing, shows every trial, and stands what searches produce."""

import enum
import math
import re
import shutil
import warnings
from dataclasses import dataclass, field
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlnotes import (
    Categorical,
    Integer,
    LogUniform,
    Shares,
    Space,
    Study,
    Trial,
    Uniform,
    edges,
    importance,
    plot_history,
    plot_isolation,
    plot_trials,
    search,
    write_report,
)
from dlnotes.report import _Axis

SPACE = Space(lr=LogUniform(1e-5, 1), norm=Categorical("batch", "none"), width=Integer(8, 128))


def objective(p):
    if p["lr"] > 0.3:
        raise FloatingPointError("diverged <script>alert(1)</script> & so on")
    return (math.log10(p["lr"]) + 2) ** 2 + (p["norm"] == "none") + (p["width"] / 64 - 1) ** 2


class Read(HTMLParser):
    """Tags with their attributes, and the cells of the last table."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.cell, self.headings = [], [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.rows = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th", "h2"):
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
        if tag == "h2":
            self.headings.append(self.cell)


def report(study, tmp_path, **options):
    text = write_report(study, tmp_path / "study.html", **options).read_text()
    numbers = re.findall(r'(?:points|cx|cy|x|y|r|d)="([^"]*)"', text)
    assert numbers and not re.search(r"nan|inf", " ".join(numbers))
    return text


@pytest.fixture(scope="module")
def study():
    return search(objective, SPACE, 40, progress=False)


def test_it_loads_nothing_and_shows_every_trial(study, tmp_path):
    text = report(study, tmp_path, title="<digits> & co")
    page = Read(text)
    assert not [a for _, a in page.tags if {"src", "href", "srcset", "data", "action"} & a.keys()]
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text
    assert [tag for tag, _ in page.tags].count("script") == 1 and "<title>&lt;digits&gt; &amp; co</title>" in text
    head, *rows = page.rows
    assert head == ["trial", "value", "state", "lr", "norm", "width", "seconds"]
    assert {int(row[0]): row[2] for row in rows} == {t.number: t.state for t in study.trials}
    assert [row[0] for row in rows[: len(study.complete)]] == [str(t.number) for t in study.ranked()]
    assert page.headings == [
        "The best",
        "History",
        "Each hyperparameter",
        "All together",
        "What matters",
        "Are the ranges wide enough?",
        "What went wrong",
        "The trials",
    ]


def test_a_journal_that_is_being_written_can_be_reported_without_a_word(tmp_path):
    path = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=path)
    for k in range(12):
        trial = study.ask()
        if k < 11:
            study.tell(trial, k)
    with path.open("ab") as file:
        file.write(b'{"tell": 11, "val')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = report(path, tmp_path)
    assert "11 complete, 1 open" in text and path.read_bytes().endswith(b'"val')
    assert "11 complete" in report(str(path), tmp_path)


def test_a_study_reports_itself_and_one_that_still_runs_does_so_again_and_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    running = Study(SPACE, journal="run.jsonl")
    for k in range(11):
        running.tell(running.ask(), k)
        if k in (0, 5, 10):
            page = Study.load("run.jsonl").report(title="So far")
            assert page.name == "study.html" and f"{k + 1} complete" in page.read_text()
    assert running.report(tmp_path / "other.html").read_text().count("<tr>") == page.read_text().count("<tr>")
    with pytest.raises(ValueError, match="is a journal"):
        running.report("run.jsonl")
    running.tell(running.ask(), 11)  # and the search goes on


def test_what_is_no_study_and_what_would_be_lost_is_refused(study, tmp_path):
    with pytest.raises(TypeError, match=r"a Study or the path of a journal, got \[1\]"):
        write_report([1], tmp_path / "a.html")
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path / "none.jsonl", tmp_path / "a.html")
    with pytest.raises(FileNotFoundError):
        write_report(study, tmp_path / "none" / "a.html")
    path = tmp_path / "run.jsonl"
    search(objective, SPACE, 3, journal=path, progress=False)
    before = path.read_bytes()
    for other in (study, path):
        with pytest.raises(ValueError, match="is a journal, which a report would replace"):
            write_report(other, path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_report(study, tmp_path / "folder")
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["folder", "run.jsonl"]


LINE = Space(x=Uniform(0, 1))
VALUES = {
    "none": [],
    "one": [1.0],
    "no value": [None] * 12,
    "equal": [3.0] * 12,
    "zero": [0.0] * 12,
    "large": [1.7e308, -1.7e308, *range(12)],
    "the largest": [1.7976931348623157e308] * 12,
    "small": [5e-324 * k for k in range(12)],
    "one diverged": [*range(1, 12), 1e300],
    "negative": [-(10.0**k) for k in range(12)],
    "decades": [10.0**-k for k in range(12)],
    "some lost": [1.0, None, 2.0, None, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("kind", VALUES)
def test_any_values_have_pictures(kind, direction, tmp_path):
    values = VALUES[kind]
    trials = [
        Trial(i, {"x": i / 20}, None if v is None else float(v), "failed" if v is None else "complete")
        for i, v in enumerate(values)
    ]
    text = report(Study(LINE, direction=direction, trials=trials), tmp_path)
    assert len(Read(text).rows) == 1 + len(values)


def test_any_names_and_options_have_pictures(tmp_path):
    odd = Space(
        {
            "<b>": Categorical([(1, 2), None, "a" * 200, "\ud800"]),
            "one": Categorical(["only"]),
            "λ": Uniform(-1e308, 1e308),
        }
    )
    text = report(search(lambda p: abs(p["λ"]) / 1e308, odd, 12, progress=False), tmp_path)
    assert "<b>" not in text and "a" * 61 not in text
    many = Space({f"h{k}": Uniform(0, 1) for k in range(45)})
    assert "h44" in report(search(lambda p: sum(p.values()), many, 3, progress=False), tmp_path)


def test_of_many_trials_the_best_are_shown_and_some_others(tmp_path):
    trials = [Trial(i, {"x": i / 5000}, float(i), "complete", whole=i % 10 == 0) for i in range(5000)]
    rows = Read(report(Study(LINE, trials=trials), tmp_path)).rows
    shown = [int(row[0]) for row in rows[1:]]
    assert shown[:1000] == list(range(1000)) and 1500 < len(shown) <= 2000 and max(shown) == 4999


@dataclass(frozen=True)
class Reporting(Trial):
    curve: list = field(default_factory=list)
    extra: dict = field(default_factory=dict)


def test_curves_and_extras_are_shown_where_trials_have_them(tmp_path):
    curve = [(k, 1 / k if k < 5 else math.nan) for k in range(1, 6)]
    trials = [Reporting(i, {"x": i / 9}, float(i), "complete", curve=curve, extra={"accuracy": 0.25}) for i in range(9)]
    page = Read(text := report(Study(LINE, trials=trials), tmp_path))
    assert "Learning curves" in page.headings and "accuracy" in page.rows[0] and page.rows[1][4] == "0.25"
    assert text.count('class="thread') == 9 + 9  # curves, and lines through all hyperparameters


def test_the_table_sorts_and_nothing_is_fetched_in_a_browser(study, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    write_report(study, tmp_path / "study.html")
    if not (executable := shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=executable, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        fetched, said = [], []
        page.on("request", lambda r: fetched.append(r.url))
        page.on("console", lambda m: said.append(m.text))
        page.goto((tmp_path / "study.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        column = lambda k: page.locator(f"table.sortable td:nth-child({k})").all_text_contents()
        page.locator("table.sortable th button").nth(0).click()
        assert column(1) == [str(k) for k in range(40)]
        page.locator("table.sortable th button").nth(0).click()
        assert column(1) == [str(k) for k in range(39, -1, -1)]
        page.locator("table.sortable th button").nth(1).click()
        values = column(2)
        assert "" not in values[: len(study.complete)] and values[len(study.complete) :] == [""] * (
            40 - len(study.complete)
        )
        assert [float(v) for v in values if v] == sorted(float(v) for v in values if v)
        assert len(fetched) == 1 and not said
        browser.close()


def test_shares_conditions_and_runs_have_pictures(tmp_path):
    space = Space(
        layers=Integer(1, 2),
        mix=Shares(3).when(layers=2),
        units=Integer(1, 64).when(layers=1),
    )
    for shown in (space, Space(mix=Shares(3), x=Uniform(0, 1))):
        study = search(lambda p: sum(p.get("mix", [0.3])[:1]) + p.get("units", 9) / 64, shown, 14, progress=False)
        page = Read(text := report(study, tmp_path))
        assert "Run again" not in page.headings and text.count("against mix") == 2
        study.tell(study.again(study.best), 0.75)
        study.tell(study.again(study.ranked()[1]), error="busy")
        assert "Run again" in Read(text := report(study, tmp_path)).headings and "0.75" in text
    with_none = Study(Space(mix=Shares(4)))
    assert "No trial is complete" in report(with_none, tmp_path)


# What a reader reads off the pictures


class Picture:
    """An SVG, read as a reader does: dots and lines by the labels along the axes."""

    def __init__(self, svg):
        size = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
        self.width, self.height = int(size[1]), int(size[2])
        ticks = re.findall(r'class="grid" points="(\S+),(\S+) (\S+),(\S+)"></polyline><text [^>]*>([^<]*)<', svg)
        self.across = [(float(a), label) for a, _, c, _, label in ticks if a == c]
        self.up = [(float(b), label) for _, b, _, d, label in ticks if b == d]
        circle, cross = (
            r'circle class="(\w+)" cx="(\S+)" cy="(\S+)"[^>]*',
            r'path class="(cross)" d="M(\S+) (\S+)l8[^>]*',
        )
        dots = f"<(?:{circle}|{cross})><title>([^<]*)<"
        self.dots = [
            (a or b, float(x or z) + 4 * bool(b), float(y or w) + 4 * bool(b), tip)
            for a, x, y, b, z, w, tip in re.findall(dots, svg)
        ]
        lines = re.findall(r'<polyline class="([^"]*)" points="([^"]*)">(?:<title>([^<]*)<)?', svg)
        points = lambda text: [tuple(map(float, p.split(","))) for p in text.split()]
        self.lines = [(kind, points(text), tip) for kind, text, tip in lines if kind != "grid"]

    @staticmethod
    def read(ticks, at, log=False):
        """The value at a place, from the labels of the first and the last tick."""
        (a, first), (b, last) = ticks[0], ticks[-1]
        share = (at - a) / (b - a)
        if log:
            return float(first) * (float(last) / float(first)) ** share
        return float(first) + share * (float(last) - float(first))


def pictures(text, heading):
    section = text.split(f"<h2>{heading}</h2>")[1].split("</section>")[0]
    return [Picture(svg) for svg in re.findall(r"<svg.*?</svg>", section, re.S)]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("kind", ["even", "decades", "one diverged", "negative"])
def test_dots_lie_where_the_labels_say(kind, direction, tmp_path):
    sign, values = (1 if direction == "minimize" else -1), [float((7 * k) % 23 + 1) for k in range(23)]
    usual = lambda v: True
    if kind == "decades":
        values = [10.0 ** (v / 4) for v in values]
    if kind == "negative":
        values = [v - 12 for v in values]
    if kind == "one diverged":
        values[5], usual = sign * 1e9, lambda v: abs(v) < 1e9
    states = ["failed" if k in (3, 8) else "complete" for k in range(23)]
    known = [v if s == "complete" else None for v, s in zip(values, states, strict=True)]
    trials = [
        Trial(k, {"x": (k + 0.5) / 23}, v, s, whole=k % 4 == 0)
        for k, (v, s) in enumerate(zip(known, states, strict=True))
    ]
    study = Study(LINE, direction=direction, trials=trials)
    text, log = report(study, tmp_path), kind == "decades"
    [history], [slices] = pictures(text, "History"), pictures(text, "Each hyperparameter")
    for picture, x_of in ((history, lambda k: k), (slices, lambda k: (k + 0.5) / 23)):
        assert len(picture.dots) == 23 and all(
            0 < x < picture.width and 0 < y < picture.height for _, x, y, _ in picture.dots
        )
        for shape, x, y, tip in picture.dots:
            k = int(re.match(r"trial (\d+): ", tip)[1])
            best, plain = k == study.best.number, "hollow" if k % 4 == 0 and picture is history else "dot"
            assert shape == ("cross" if known[k] is None else "best" if best else plain)
            assert abs(picture.read(picture.across, x) - x_of(k)) < 0.002 * x_of(23)
            if known[k] is not None and usual(known[k]):
                seen = picture.read(picture.up, y, log)
                assert seen == pytest.approx(known[k], rel=0.03) if log else abs(seen - known[k]) < 0.15
            else:
                assert y == 24 if known[k] is None or sign > 0 else y > 24  # along the edge
        assert picture.dots[-1][0] == "best"  # over all others
    best_of = min if sign > 0 else max
    seen = [(round(history.read(history.across, x)), history.read(history.up, y, log)) for x, y in history.lines[0][1]]
    best = [best_of([v for v in known[: k + 1] if v is not None]) for k in range(23)]
    assert seen[0][0] == 0 and seen[-1][0] == 22
    for k, v in seen:
        before = best[max(k - 1, 0)]
        assert any(v == pytest.approx(b, rel=0.03, abs=0.15) for b in (best[k], before) if usual(b)) or not usual(
            best[k]
        )


def test_bars_are_as_long_as_shares_and_lines_through_all_hyperparameters_are_the_trials(tmp_path):
    study = search(
        lambda p: p["a"] + (0.3 + 0.5 * p["a"]) * p["b"], Space(a=Uniform(0, 1), b=Uniform(0, 2)), 40, progress=False
    )
    text = report(study, tmp_path)
    [matters], [together] = pictures(text, "What matters"), pictures(text, "All together")
    found = importance(study)
    assert [label for _, label in matters.up] == [i.name for i in found] == ["a", "b"]
    ends = [[matters.read(matters.across, x) for x, _ in points] for _, points, _ in matters.lines]
    expected = [end for i in found for end in ([0, i.total], [i.low, i.high])]
    assert [kind for kind, *_ in matters.lines] == ["bar", "whisker"] * 2
    assert all(pair == pytest.approx(end, abs=0.002) for pair, end in zip(ends, expected, strict=True))
    heights = [y for k in (0, 2) for _, y in matters.lines[k][1]]
    assert heights == [matters.up[0][0]] * 2 + [matters.up[1][0]] * 2
    threads = [line for line in together.lines if line[0].startswith("thread")]
    axes = [points for kind, points, _ in together.lines if kind == "axis"]
    low, high = axes[0][0][1], axes[0][1][1]
    assert len(threads) == 40 and len(axes) == 3
    for kind, points, tip in threads:
        t = study.trials[int(re.match(r"trial (\d+): ", tip)[1])]
        rank = sorted(study.values).index(t.value)
        assert kind == ("thread good" if rank < 4 else "thread")
        assert [x for x, _ in points] == [axis[0][0] for axis in axes]
        there = [(low - y) / (low - high) for _, y in points]
        assert there[:2] == pytest.approx([t.params["a"], t.params["b"] / 2], abs=0.002)
        assert 0 <= there[2] <= 1


@pytest.mark.parametrize("high", [1.01, 1.3, 1.99, 2.7, 4.4, 5.1, 9.2, 11])
@pytest.mark.parametrize("size", [1e-12, 1, 1e200, -1e5])
def test_every_axis_has_labels_enough_to_read_it(high, size, tmp_path):
    values = [size * (1 + (high - 1) * k / 11) for k in range(12)]
    trials = [Trial(k, {"x": k / 20}, v, "complete") for k, v in enumerate(values)]
    [history] = pictures(report(Study(LINE, trials=trials), tmp_path), "History")
    assert 2 <= len(history.up) <= 6 and 2 <= len(history.across) <= 6
    for k, (_, _, y, _tip) in enumerate(sorted(history.dots, key=lambda dot: int(re.match(r"trial (\d+)", dot[3])[1]))):
        assert abs(history.read(history.up, y) - values[k]) < 0.01 * abs(values[-1] - values[0])


@pytest.mark.parametrize("n, good", [(1, 1), (12, 1), (25, 2)])
def test_the_best_tenth_stand_out_one_at_least(n, good, tmp_path):
    trials = [Trial(k, {"x": k / 30}, float((7 * k) % 26), "complete") for k in range(n)]
    [together] = pictures(report(Study(LINE, trials=trials), tmp_path), "All together")
    assert [kind for kind, *_ in together.lines if kind != "axis"] == ["thread"] * (n - good) + ["thread good"] * good


def test_learning_curves_are_drawn_as_reported(tmp_path):
    curves = [[(s, (9 - i) / s) for s in range(1, 6)] for i in range(9)]
    trials = [
        Reporting(i, {"x": i / 9}, curve[-1][1], "pruned" if i < 3 else "complete", curve=curve)
        for i, curve in enumerate(curves)
    ]
    [picture] = pictures(report(Study(LINE, trials=trials), tmp_path), "Learning curves")
    assert [kind for kind, *_ in picture.lines] == ["thread ended"] * 3 + ["thread"] * 5 + ["thread good"]
    for (_, points, _), curve in zip(picture.lines, curves, strict=True):
        assert [round(picture.read(picture.across, x), 1) for x, _ in points] == [1, 2, 3, 4, 5]
        seen = [picture.read(picture.up, y) for _, y in points]
        assert all(abs(v - told) < 0.05 or told > 4 for v, (_, told) in zip(seen, curve, strict=True))


def test_a_choice_between_two_values_shows_which_are_best(tmp_path):
    study = search(
        lambda p: (p["x"], 2 + abs(1 - p["x"] * 2)), LINE, 30, direction=["minimize", "minimize"], progress=False
    )
    [picture] = pictures(report(study, tmp_path), "Which give a choice")
    best = {int(re.match(r"trial (\d+): ", tip)[1]) for kind, *_, tip in picture.dots if kind == "best"}
    assert best == {t.number for t in study.front} and len(picture.dots) == 30
    for _, x, y, tip in picture.dots:
        one, two = study.trials[int(re.match(r"trial (\d+): ", tip)[1])].values
        assert abs(picture.read(picture.across, x) - one) < 0.01 and abs(picture.read(picture.up, y) - two) < 0.01


def table(text, heading):
    return Read(text.split(f"<h2>{heading}</h2>")[1].split("</section>")[0]).rows


def test_tables_say_what_the_study_says(tmp_path):
    def rough(p):
        if p["width"] % 2:
            raise FloatingPointError("diverged\nat once")
        return math.log10(p["lr"])

    study = search(rough, SPACE, 60, seed=1, progress=False)
    for told in ({"value": 1.0}, {"value": 2.0}, {"error": "busy"}):
        study.tell(study.again(study.best), **told)
    text, best = report(study, tmp_path), study.best
    assert table(text, "The best")[1][:2] == ["best value", str(best.number)]
    assert len(table(text, "The best")) == 2 + (study.recommended.number != best.number)
    assert table(text, "Run again")[1] == [str(best.number), f"{best.value:.4g}", "3", "1.5", "1", "2"]
    ends = [[e.name, e.side, f"{e.distance:.4g}", f"{e.p:.4g}", e.advice] for e in edges(study)]
    assert table(text, "Are the ranges wide enough?")[1:] == ends and "widen lr downward" in ends[0]
    failed = [t.number for t in study.trials if t.state == "failed"]
    [[state, count, error, numbers]] = table(text, "What went wrong")[1:]
    assert (state, count, error) == ("failed", str(len(failed)), "at once")
    assert numbers == ", ".join(map(str, failed[:8])) + (" …" if len(failed) > 8 else "") and len(failed) > 8


class Kind(enum.Enum):
    WIDE = 1


def short(x):
    return x


class ActivationWithALongName:
    pass


def test_options_are_called_as_in_a_journal(tmp_path):
    options = (ActivationWithALongName, short, Kind.WIDE, None)
    space = Space(act=Categorical(options), x=Uniform(0, 1))
    study = search(lambda p: p["x"], space, 12, journal=tmp_path / "run.jsonl", progress=False)
    text = report(study, tmp_path)
    sections = lambda text: text.partition("<section>")[2]
    assert sections(text) == sections(report(tmp_path / "run.jsonl", tmp_path))
    assert not re.search(r"&lt;|0x[0-9a-f]{6}", text)
    names = ["ActivationWithALongName", "short", "Kind.WIDE", "None"]
    assert {row[3] for row in Read(text).rows[1:]} == set(names)
    across = [label for _, label in pictures(text, "Each hyperparameter")[0].across]
    assert [label.rstrip("…") for label in across] == [name[:7] if len(name) > 8 else name for name in names]
    [ax, _] = plot_trials(study)
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    plt.close(ax.figure)


def test_a_trial_that_was_ended_early_did_not_go_wrong(tmp_path):
    states = ["complete"] * 9 + ["pruned"] * 3
    trials = [Trial(k, {"x": k / 20}, float(k), state) for k, state in enumerate(states)]
    text = report(Study(LINE, trials=trials), tmp_path)
    assert "What went wrong" not in Read(text).headings and "3 pruned" in text
    trials += [Trial(12, {"x": 0.9}, None, "failed", error="no"), Trial(13, {"x": 0.8}, None, "infeasible")]
    wrong = table(report(Study(LINE, trials=trials), tmp_path), "What went wrong")
    assert [row[:3] for row in wrong[1:]] == [["failed", "1", "no"], ["infeasible", "1", ""]]


def test_the_table_marks_the_trials_on_the_front(tmp_path):
    study = search(lambda p: (p["x"], abs(1 - p["x"] * 2)), LINE, 20, direction=["minimize"] * 2, progress=False)
    head, *rows = Read(report(study, tmp_path)).rows
    marked = {int(row[0]) for row in rows if row[head.index("front")] == "yes"}
    assert marked == {t.number for t in study.front} and 0 < len(marked) < 20


@pytest.mark.parametrize("direction, best", [("minimize", "0.25"), ("maximize", "3")])
def test_a_report_says_what_a_search_learned_from(direction, best, tmp_path):
    values = [3.0, None, 0.25]
    trials = [Trial(k, {"x": k / 9}, v, "complete" if v else "failed") for k, v in enumerate(values)]
    earlier = Study(LINE, direction=direction, trials=trials)
    study = search(lambda p: p["x"], LINE, 3, direction=direction, start=earlier, progress=False)
    said = f"learned from {len(study.prior)} earlier ones, best {best}."
    assert said in report(study, tmp_path) and "learned from" not in report(earlier, tmp_path)


@pytest.mark.parametrize("values", [[3, 1, 2, 4], [1, 2, 3], [4, 3, 3, 1, 2, 1], [2]])
def test_the_line_of_the_best_so_far_has_a_corner_at_every_better_trial(values, tmp_path):
    study = Study(Space(x=Uniform(0, 1)))
    for value in values:
        study.tell(study.ask(), value)
    path = tmp_path / "report.html"
    write_report(study, path)
    [points] = re.findall(r'<polyline class="front" points="([^"]*)"', path.read_text())
    heights = [point.split(",")[1] for point in points.split()]
    better = [v for i, v in enumerate(values) if v < min(values[:i], default=math.inf)]
    assert len(heights) == 2 * len(better) and len(set(heights)) == len(better)


LARGEST, LEAST = np.finfo(float).max, 5e-324
ENDS = {
    "both ends": ([LARGEST, -LARGEST, 0.5], "value / 1e308", 1e308),
    "one end": ([LARGEST], "value / 1e308", 1e308),
    "all at the end": ([-LARGEST] * 3, "value / 1e308", 1e308),
    "next to each other": ([1e308, np.nextafter(1e308, 2e308)], "value / 1e308", 1e308),
    "a penalty": ([0.25, 0.5, LARGEST], "value / 1e308", 1e308),
    "as far as it goes": ([1e300, -1e300], "value", 1),
    "the least": ([LEAST, 3 * LEAST, 0.0], "value × 1e300", 1e-300),
    "all the least": ([LEAST] * 3, "value × 1e300", 1e-300),
    "least and largest": ([LEAST, LARGEST], "value / 1e308", 1e308),
    "equal": ([0.3] * 3, "value", 1),
    "nothing": ([0.0] * 3, "value", 1),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("name", ENDS)
def test_values_at_the_ends_of_floats_are_drawn(tmp_path, name, direction):
    values, label, unit = ENDS[name]
    study = Study(LINE, direction=direction)
    for value in values * 4:
        study.tell(study.ask(), value)
    by_hand = plt.subplots()[1]
    for ax in (*plot_trials(study), *plot_trials(study, ax=by_hand), *plot_isolation(study), plot_history(study)):
        ax.figure.canvas.draw()
        assert ax.get_ylabel() == (label if unit != 1 or ax is not by_hand else "")
        heights = np.concatenate([line.get_ydata() for line in ax.lines]).tolist()
        assert all(any(math.isclose(h, v / unit) for v in values) for h in heights)
        low, high = ax.get_ylim()
        assert all(low < h < high for h in heights)
        if len(set(values)) > 1 and name != "next to each other":
            assert np.ptp(heights) > 0.5 * (high - low)
        plt.close(ax.figure)
    picture = pictures(report(study, tmp_path), "History")[0]
    assert len(picture.dots) == len(study.trials)


def test_two_values_next_to_nothing_are_two_in_a_report():
    axis = _Axis(0.0, LEAST)
    assert axis([0.0, LEAST]).tolist() == [0, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.allclose(_Axis(LEAST, LARGEST, log=True)([LEAST, 1.0, LARGEST]), [0, 0.512, 1], atol=0.01)
