"""The report: one file, that loads nothing, shows every trial, and stands what searches produce."""

import math
import re
import shutil
import warnings
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from dlnotes import Categorical, Integer, LogUniform, Shares, Space, Study, Trial, Uniform, search, write_report

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
