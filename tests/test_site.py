"""The built site in a real browser: it works alone, at any width, by day and by night, with the keyboard."""

import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

root = Path(__file__).parents[1]
docs = root / "_docs"
pytestmark = pytest.mark.browser
flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    """The address of the site, freshly built by the fallback and served on this machine."""
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not Path(p, "quarto").exists())
    subprocess.run([sys.executable, "-m", "web"], cwd=root, check=True, env=os.environ | {"PATH": path})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=docs))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if not executable:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium for the browser tests")
        pytest.skip("no Chromium here: `apt-get install chromium` (or Chrome) to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=executable, args=flags)


@pytest.fixture
def open_page(browser, site):
    """Opens a page of the site; afterwards, nothing may have gone wrong in it or been fetched from elsewhere."""
    contexts, wrong = [], []

    def watch(request):
        if not request.url.startswith((site, "data:")):
            wrong.append(f"request to {request.url}")

    def open_page(name="index.html", width=1600, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", watch)
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(f"{site}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def pages(open_page):
    """The chapters, as the sidebar lists them."""
    links = open_page().locator(".chapters nav a:not(.home)")
    return [links.nth(i).get_attribute("href") for i in range(links.count())]


def test_every_chapter_loads_reads_well_and_fits_narrow_and_wide(pages, open_page):
    assert len(pages) >= 4
    for name in pages:
        for width in (360, 1600):
            page = open_page(name, width)
            assert page.title().strip()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than {width}"
            levels = page.eval_on_selector_all("h1, h2, h3, h4", "hs => hs.map(h => +h.tagName[1])")
            assert levels.count(1) == 1 and levels[0] == 1
            assert all(b - a <= 1 for a, b in pairwise(levels)), f"{name} skips a heading level"
            assert page.eval_on_selector_all("[id]", "es => es.length == new Set(es.map(e => e.id)).size"), (
                f"{name} repeats an id"
            )
            alts = page.eval_on_selector_all("img", "is => is.map(i => i.alt.length > 20 && i.naturalWidth > 0)")
            assert all(alts), f"{name} has a picture without a description, or that did not load"


def test_mathematics_is_drawn(open_page):
    boxes = open_page("scales.html").eval_on_selector_all(
        "math", "ms => ms.map(m => [m.getBoundingClientRect().width, m.getBoundingClientRect().height])"
    )
    assert len(boxes) > 10 and all(width > 3 and height > 5 for width, height in boxes)
    assert "$" not in open_page("scales.html").locator("article p").all_inner_texts()[0]


def test_next_and_previous_walk_the_book(pages, open_page):
    page = open_page()
    for name in pages[1:]:
        page.locator("footer .next").click()
        page.wait_for_url(f"**/{name}")
        assert page.locator(".chapters [aria-current=page]").get_attribute("href") == name
    for name in reversed(pages[:-1]):
        page.locator("footer .previous").click()
        page.wait_for_url(f"**/{name}")


def test_contents_lead_to_their_headings(open_page):
    page = open_page("scales.html")
    page.locator(".contents a").nth(4).click()
    page.wait_for_url("**#*")
    target = page.url.partition("#")[2]
    assert 0 <= page.locator(f"[id='{target}']").bounding_box()["y"] < 300


def test_chapters_and_contents_open_and_close_on_a_phone(open_page):
    page = open_page("scales.html", 360)
    assert not page.locator(".chapters nav").is_visible()
    page.locator(".chapters summary").click()
    page.locator(".chapters nav a[href='space.html']").click()
    page.wait_for_url("**/space.html")


def test_code_can_be_copied(open_page):
    page = open_page("scales.html", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator("article div.sourceCode").first
    block.hover()
    block.locator(".copy").click()
    page.wait_for_function("document.querySelector('.copy').textContent == 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()").strip() == block.locator("code").inner_text().strip()


def test_the_notebook_can_be_downloaded(open_page):
    page = open_page("scales.html")
    with page.expect_download() as download:
        page.locator(".download a").click()
    assert Path(download.value.path()).read_bytes() == (root / "nbs" / "01_scales.ipynb").read_bytes()


def test_solutions_are_hidden_until_asked_for(open_page):
    page = open_page("scales.html")
    solution = page.locator("details.callout").first
    assert not solution.locator("p").last.is_visible()
    solution.locator("summary").click()
    assert solution.locator("p").last.is_visible()


def test_the_page_follows_the_readers_choice_of_light_or_dark(open_page):
    def brightness(scheme, what):
        code = f"getComputedStyle(document.body).{what}.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b, 0)"
        return open_page("scales.html", color_scheme=scheme).evaluate(code)

    assert brightness("light", "backgroundColor") > 600 > 200 > brightness("dark", "backgroundColor")
    assert brightness("light", "color") < 200 < 500 < brightness("dark", "color")


def test_the_keyboard_reaches_the_text_first(open_page):
    page = open_page("scales.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")


def test_every_stop_of_the_keyboard_has_a_name(open_page):
    for name in ("runner.html", "source/space.html"):
        stops = open_page(name).locator("a[href]:not([tabindex='-1']), button, summary")
        assert all(text.strip() for text in stops.all_text_contents()), name


def test_hidden_cells_stay_hidden_and_shown_code_is_highlighted(open_page):
    page = open_page("scales.html")
    text = page.locator("article").inner_text()
    assert "show_doc" not in text and "#|" not in text and "default_exp" not in text
    assert page.locator("code span.kw").count() > 20
    assert page.locator("article .cell-output").count() > 15


def test_no_markdown_is_left_over(pages, open_page):
    for name in pages:
        page = open_page(name)
        assert "`](" not in page.locator("article").inner_text(), f"{name} shows a link's Markdown"
        ends = page.eval_on_selector_all("article p", "ps => ps.map(p => p.innerText.trim().slice(-2))")
        assert ".*" not in ends, f"{name} shows an asterisk that should have made italics"


def test_a_name_links_to_its_documentation_and_its_source(open_page):
    page = open_page("index.html")
    page.locator("article a[href^='scales.html#']").first.click()
    page.wait_for_url("**/scales.html#*")
    page.locator(".source-link").first.click()
    page.wait_for_url("**/source/scales.html#L-*")
    assert page.locator(":target").count() == 1


def column(table, i):
    return table.locator("tbody tr").evaluate_all(f"rows => rows.map(row => row.cells[{i}].dataset.v)")


def sorted_column(page, head):
    """The table that has this column, the column's button and its place."""
    button = page.get_by_role("button", name=head, exact=True).first
    table = page.locator("article table").filter(has=button).first
    return table, button, button.evaluate("button => button.closest('th').cellIndex")


def test_a_click_on_a_columns_head_sorts_numbers_as_numbers_and_a_second_one_turns_them_round(open_page):
    table, button, i = sorted_column(open_page("frameworks.html"), "installed, MB")
    before = column(table, i)
    button.click()
    up = [float(v) for v in column(table, i)]
    assert up == sorted(up) and sorted(map(str, up)) != list(map(str, up))  # as text they would stand otherwise
    assert sorted(before, key=float) == column(table, i) != before
    button.click()
    assert [float(v) for v in column(table, i)] == up[::-1]


def test_names_are_sorted_as_words_and_rows_stay_whole(open_page):
    table, button, _ = sorted_column(open_page("frameworks.html"), "installed, MB")
    rows = lambda: table.locator("tbody tr").all_inner_texts()
    before = rows()
    button.click()
    assert rows() != before and sorted(rows()) == sorted(before)
    table.get_by_role("button", name="framework").click()
    assert column(table, 0) == sorted(column(table, 0), key=str.casefold) and sorted(rows()) == sorted(before)


def test_only_the_column_that_sorts_says_so_to_a_screen_reader(open_page):
    page = open_page("frameworks.html")
    table, button, i = sorted_column(page, "installed, MB")
    said = lambda: table.locator("th").evaluate_all("heads => heads.map(head => head.getAttribute('aria-sort'))")
    assert set(said()) == {None}
    for order in ("ascending", "descending", "ascending"):
        button.click()
        assert said()[i] == order and said().count(None) == len(said()) - 1
    table.get_by_role("button", name="framework").click()
    assert said()[0] == "ascending" and said().count(None) == len(said()) - 1


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_table_can_be_sorted_with_the_keyboard_alone(open_page, key):
    page = open_page("frameworks.html")
    table, button, i = sorted_column(page, "installed, MB")
    button.locator("xpath=../preceding-sibling::th[1]/button").focus()
    page.keyboard.press("Tab")
    assert button.evaluate("button => button == document.activeElement && button.matches(':focus-visible')")
    assert button.evaluate("button => getComputedStyle(button).outlineStyle") != "none"
    page.keyboard.press(key)
    up = [float(v) for v in column(table, i)]
    assert up == sorted(up) and button.evaluate("button => button == document.activeElement")
