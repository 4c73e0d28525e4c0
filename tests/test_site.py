"""The built site in a real browser: it works alone, at any width, by day and by night, with the keyboard."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from PIL import Image

import dlnotes
from web import search

root = Path(__file__).parents[1]
docs = root / "_docs"
pytestmark = pytest.mark.browser
flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def newest(*patterns):
    """When the last of these files was changed."""
    return max(path.stat().st_mtime for pattern in patterns for path in root.glob(pattern) if path.is_file())


@pytest.fixture(scope="module")
def site():
    """The address of the site, built if anything that it is made from has changed, and served on this machine."""
    made = docs / "index.html"
    if not made.exists() or made.stat().st_mtime < newest("nbs/*", "web/**/*.[!p]*", "web/**/*.py", "settings.ini"):
        subprocess.run([sys.executable, "-m", "web"], cwd=root, check=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=docs))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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
        if not request.url.startswith((site, docs.as_uri(), "data:")):
            wrong.append(f"request to {request.url}")

    def open_page(name="index.html", width=1600, base=None, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", watch)
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(f"{base or site}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def pages(open_page):
    """The pages, as the sidebar lists them."""
    links = open_page().locator(".chapters nav a")
    return [links.nth(i).get_attribute("href") for i in range(links.count())]


fits = """() => {
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  const images = [...document.querySelectorAll("img")];
  return {
    wide: document.documentElement.scrollWidth > innerWidth,
    levels: [...document.querySelectorAll("h1, h2, h3, h4")].map(h => +h.tagName[1]),
    repeated: ids.filter((id, i) => ids.indexOf(id) < i),
    pictures: images.filter(i => i.alt.length <= 20 || !i.getAttribute("width") || i.loading != "lazy").map(i => i.src),
    unnamed: [...document.querySelectorAll("a[href]:not([tabindex='-1']), button, summary")]
      .filter(e => !e.hidden && !(e.textContent + (e.getAttribute("aria-label") ?? "")).trim()).length,
    markdown: document.querySelector("article").innerText.includes("`]("),
    stars: [...document.querySelectorAll("article p")].some(p => p.innerText.trim().endsWith(".*")),
  };
}"""


@pytest.mark.parametrize("width", [360, 1600])
def test_every_page_reads_well_and_fits_narrow_and_wide(pages, open_page, site, width):
    assert len(pages) >= 30
    page = open_page(pages[0], width)
    for name in [*pages, "404.html"]:
        page.goto(f"{site}/{name}")
        page.evaluate("document.querySelectorAll('details:not(.chapters, .contents)').forEach(d => d.open = true)")
        found = page.evaluate(fits)
        assert page.title().strip() and not found["wide"], f"{name} is wider than {width}"
        levels = found["levels"]
        assert levels.count(1) == 1 and levels[0] == 1
        assert all(b - a <= 1 for a, b in pairwise(levels)), f"{name} skips a heading level"
        assert not found["repeated"], f"{name} repeats an id"
        assert not found["pictures"], f"{name} has a picture without description or size"
        assert not found["unnamed"], f"{name} has a stop without a name"
        assert not found["markdown"] and not found["stars"], f"{name} shows Markdown"


def test_no_page_but_the_reference_is_longer_than_25_screens(pages, open_page, site):
    page = open_page(pages[0], 1440)
    for name in pages:
        page.goto(f"{site}/{name}")
        screens = page.evaluate("document.documentElement.scrollHeight / innerHeight")
        most = 26  # 25, with the fonts of another machine
        assert screens <= most or name == "api.html", f"{name} has {screens:.1f} screens"


def test_letters_in_pictures_are_legible_on_a_phone(pages):
    """The style's letters are 10.5 points at 160 dots an inch, so 23 dots high, of a picture that is shown 576 wide."""
    for name in pages:
        for src in re.findall(r'<img src="(figures/[^"]+\.png)" class="wide"', (docs / name).read_text()):
            with Image.open(docs / src) as picture:
                assert picture.width <= 1230, f"{src} is {picture.width} dots wide: letters are under 11 pixels"


def test_mathematics_is_drawn(open_page):
    boxes = open_page("scales.html").eval_on_selector_all(
        "math", "ms => ms.map(m => [m.getBoundingClientRect().width, m.getBoundingClientRect().height])"
    )
    assert len(boxes) > 10 and all(width > 3 and height > 5 for width, height in boxes)
    assert "$" not in open_page("scales.html").locator("article p").all_inner_texts()[0]


def test_contents_lead_to_their_headings(open_page):
    page = open_page("scales.html")
    page.locator(".contents a").nth(4).click()
    page.wait_for_url("**#*")
    target = page.url.partition("#")[2]
    assert 0 <= page.locator(f"[id='{target}']").bounding_box()["y"] < 300


def test_solutions_are_hidden_until_asked_for(open_page):
    page = open_page("scales.html")
    solution = page.locator("details.callout").first
    assert not solution.locator("p").last.is_visible()
    solution.locator("summary").click()
    assert solution.locator("p").last.is_visible()


def test_hidden_cells_stay_hidden_and_shown_code_is_highlighted(open_page):
    page = open_page("scales.html")
    text = page.locator("article").inner_text()
    assert "show_doc" not in text and "#|" not in text and "default_exp" not in text
    assert page.locator("code span.kw").count() > 20
    assert page.locator("article .cell-output").count() > 15


def test_next_and_previous_lead_through_the_book(pages, open_page):
    page = open_page()
    for name in pages[1:4]:
        page.locator("footer .next").click()
        page.wait_for_url(f"**/{name}")
        assert page.locator(".chapters [aria-current=page]").get_attribute("href") == name
    page.locator("footer .previous").click()
    page.wait_for_url(f"**/{pages[2]}")
    for before, name in pairwise(pages):  # and so on, in the files
        html = (docs / name).read_text()
        assert f'rel="prev" href="{before}"' in html and f'rel="next" href="{name}"' in (docs / before).read_text()


def test_the_menu_opens_says_contents_and_closes_on_a_phone(open_page):
    page = open_page("scales.html", 390)
    menu, nav = page.locator(".chapters summary"), page.locator(".chapters nav")
    assert menu.inner_text() == "Contents" and not nav.is_visible()
    menu.click()
    assert nav.is_visible()
    page.keyboard.press("Escape")
    assert not nav.is_visible() and menu.evaluate("m => m == document.activeElement")
    menu.click()
    page.locator("footer").evaluate("f => f.click()")
    assert not nav.is_visible()
    page.mouse.wheel(0, 4000)
    page.wait_for_function("scrollY > 1000")
    assert menu.is_visible() and page.locator(".bar").bounding_box()["y"] == 0
    menu.click()
    nav.locator("a[href='space.html']").click()
    page.wait_for_url("**/space.html")


def test_without_scripts_the_menu_covers_no_text_and_wide_pages_show_their_chapters(open_page):
    phone, wide = (open_page("scales.html", width, java_script_enabled=False) for width in (390, 1600))
    assert not phone.locator(".chapters nav").is_visible()
    phone.locator(".chapters summary").click()
    assert phone.locator(".chapters nav").is_visible()
    wide.locator(".chapters nav a[href='space.html']").click()
    wide.wait_for_url("**/space.html")


def test_code_is_copied_by_button_by_keys_and_the_whole_page_at_once(open_page):
    page = open_page("scales.html", permissions=["clipboard-read", "clipboard-write"])
    pasted = lambda: page.evaluate("navigator.clipboard.readText()")
    block = page.locator("article div.sourceCode:has(.copy)").first
    code = block.locator("code").inner_text().strip()
    button, pre = block.locator(".copy").bounding_box(), block.locator("pre").bounding_box()
    assert button["x"] >= pre["x"] + pre["width"]  # beside the code, not over it
    block.locator(".copy").click()
    page.wait_for_function("document.querySelector('.copy').textContent == '✓'")
    assert pasted().strip() == code
    page.locator(".copy-all").click()
    page.wait_for_function("document.querySelector('.copy-all').textContent == 'Copied'")
    assert code in pasted() and len(pasted()) > 5000 and "\n>>>" not in pasted()
    assert page.locator("pre.example").count() and page.locator("pre.example").first.inner_text() not in pasted()
    narrow = open_page("scales.html", 390, permissions=["clipboard-read", "clipboard-write"])
    wide = narrow.locator("article div.sourceCode pre[tabindex='0']:visible").first
    wide.focus()
    narrow.keyboard.press("Control+c")
    assert narrow.evaluate("navigator.clipboard.readText()").strip() == wide.locator("code").inner_text().strip()


def test_buttons_that_copy_are_no_stops_of_the_keyboard(open_page):
    page = open_page("scales.html")
    assert page.locator(".copy").count() > 20 and page.locator(".copy:not([tabindex='-1'])").count() == 0


def test_the_notebook_can_be_downloaded(open_page):
    page = open_page("scales.html")
    with page.expect_download() as download:
        page.get_by_text("Download this page as a notebook").click()
    assert Path(download.value.path()).read_bytes() == (root / "nbs" / "02_scales.ipynb").read_bytes()


def brightness(page, what="backgroundColor"):
    code = f"getComputedStyle(document.body).{what}.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b, 0)"
    return page.evaluate(code)


def test_colours_follow_the_system_until_the_reader_chooses_and_then_stay(open_page):
    day, night = (open_page("scales.html", color_scheme=scheme) for scheme in ("light", "dark"))
    assert brightness(day) > 600 > 200 > brightness(night)
    assert brightness(day, "color") < 200 < 500 < brightness(night, "color")
    button = night.locator(".theme")
    assert "Auto" in button.inner_text()
    button.click()
    assert "Light" in button.inner_text() and brightness(night) > 600
    night.goto(night.url.replace("scales", "space"))
    assert "Light" in night.locator(".theme").inner_text() and brightness(night) > 600
    night.locator(".theme").click()
    assert brightness(night) < 200
    night.locator(".theme").click()
    assert "Auto" in night.locator(".theme").inner_text() and brightness(night) < 200


def test_the_keyboard_reaches_the_text_first_past_all_contents(open_page):
    page = open_page("scales.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#text")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') != null")


def test_a_name_links_to_its_documentation_and_its_source(open_page):
    page = open_page("index.html")
    page.locator("article a[href='layer.html#batchnorm']").first.click()
    page.wait_for_url("**/layer.html#batchnorm")
    assert "BatchNorm(" in page.locator("#batchnorm ~ div.sourceCode, #batchnorm + * div.sourceCode").first.inner_text()
    page.locator(".source-link").first.click()
    page.wait_for_url("**/source/layer.html#L-*")
    assert page.locator(":target").count() == 1


def ask(page, query):
    """The headings that the search finds, best first, and the pages they are on."""
    page.keyboard.press("/")
    page.locator("#query").fill(query)
    page.wait_for_function("q => document.querySelector('.hits').dataset.query == q", arg=query)
    hits = page.locator(".hits a")
    return list(
        zip(
            hits.locator("strong").all_inner_texts(),
            hits.evaluate_all("as => as.map(a => a.getAttribute('href'))"),
            strict=True,
        )
    )


@pytest.mark.parametrize("base", [None, docs.as_uri()], ids=["http", "file"])
def test_search_finds_names_headings_recipes_and_words(open_page, base):
    page = open_page("source/scales.html", base=base)
    for query, heading, href in [
        ("LogUniform", "LogUniform", "../api.html#LogUniform"),
        ("loguniform", "LogUniform", "../api.html#LogUniform"),
        ("check_gradient", "check_gradient", "../api.html#check_gradient"),
        ("study.ask", "Study.ask", "../api.html#Study.ask"),
        ("scikit-learn pipeline", "Tune a scikit-learn pipeline", "../recipes.html#tune-a-scikit-learn-pipeline"),
        ("momentum lives near one", "Momentum lives near one", "../scales.html#momentum-lives-near-one"),
        ("sklearn", "Tune a scikit-learn pipeline", "../recipes.html#tune-a-scikit-learn-pipeline"),
        ("pruning", "End losing trainings early", "../recipes.html#end-losing-trainings-early"),
        ("warm start", "Start from settings that are known", "../recipes.html#start-from-settings-that-are-known"),
        ("momentum", "Momentum lives near one", "../scales.html#momentum-lives-near-one"),
        ("gradient check", "Gradient checks", "../gradcheck.html"),
    ]:
        assert ask(page, query)[0] == (heading, href), query
    ask(page, "LogUniform")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement == document.querySelectorAll('.hits a')[1]")
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    ask(page, "LogUniform")
    page.keyboard.press("Enter")
    page.wait_for_url("**/api.html#LogUniform")


def test_words_of_other_books_lead_first_to_the_place_that_uses_others(open_page):
    page = open_page()
    for query in {word for words in search.also.values() for word in words.split(", ")}:
        places = {place.removesuffix("#") for place, words in search.also.items() if query in words.split(", ")}
        first = ask(page, query)[0][1]
        assert first in places, f"{query}: {first}, not {places}"
    assert "early.html" in [href for _, href in ask(page, "early stopping")]


def test_a_slip_of_the_finger_finds_what_was_meant_and_no_more_where_words_are_right(open_page):
    page = open_page()
    for query, href in [
        ("overfiting", "digits.html#in-use"),
        ("vizualize", "report.html#pictures-for-a-notebook"),
        ("calibraton", "calibration.html"),
        ("inverse transform samplng", "api.html#Scale.ppf"),
    ]:
        hits = [href for _, href in ask(page, query)]
        assert hits[0].startswith(href), f"{query}: {hits[:3]}"
    ask(page, "calibrate")
    assert {mark.lower()[:8] for mark in page.locator(".hits mark").all_inner_texts()} == {"calibrat"}


def test_what_is_not_found_is_said_with_where_to_look(open_page):
    page = open_page("source/scales.html")
    assert not ask(page, "quaxotl") and page.locator(".said").inner_text().startswith("Nothing found")
    page.locator(".said a", has_text="recipes").click()
    page.wait_for_url("**/recipes.html")


def test_only_where_a_word_begins_is_it_marked(open_page):
    page = open_page()
    ask(page, "early stopping")
    assert page.locator(".hits mark", has_text="early").count()
    for query in ("early stopping", "rate", "fit"):
        ask(page, query)
        shown = page.locator(".hits span").evaluate_all("spans => spans.map(span => span.innerHTML)")
        assert not [text for text in shown if re.search(r"[^\W_]<mark>", text)], query


def test_words_of_other_books_lead_to_places_that_are_there_and_lack_none_of_them(site):
    rows = json.loads((docs / "search" / "index.js").read_text("utf-8").partition("=")[2].rstrip(";\n"))
    found = {f"{page}#{key}": others for page, _, key, *_, others in rows if others}
    assert found == search.also


def test_slashes_in_fields_are_slashes(open_page):
    page = open_page()
    page.keyboard.press("Control+k")
    page.keyboard.type("a/b")
    assert page.locator("#query").input_value() == "a/b"


def test_every_public_name_is_found_by_its_name(open_page):
    page = open_page()
    page.keyboard.press("/")
    page.locator("#query").fill("x")
    page.wait_for_function("Boolean(globalThis.bookIndex && globalThis.MiniSearch)")
    for name in dlnotes.__all__:  # the best hit, in capitals or not
        assert ask(page, name)[0] == (name, f"api.html#{name}"), name
        page.keyboard.press("Escape")


def test_the_contents_mark_the_section_one_is_in_and_lead_back_to_the_top(open_page):
    page = open_page("scales.html")
    page.locator("#momentum-lives-near-one").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#momentum-lives-near-one').scrollIntoView()")
    page.wait_for_function(
        "document.querySelector('.contents [aria-current=location]')?.hash == '#momentum-lives-near-one'"
    )
    page.locator("footer .up").click()
    page.wait_for_function("scrollY == 0")


def test_a_heading_has_a_link_to_copy_and_a_link_into_a_fold_opens_it(open_page):
    page = open_page("scales.html")
    anchor = page.locator("#equal-ratios .anchor")
    assert anchor.evaluate("a => a.href").endswith("/scales.html#equal-ratios")
    assert "#" not in page.locator(".contents").inner_text()


def test_a_page_that_is_not_there_leads_on(open_page, site):
    page = open_page("404.html")
    page.locator("#missing").wait_for()
    looks = "e => getComputedStyle(e).borderRadius + getComputedStyle(e).fontFamily"
    assert page.locator("#missing").evaluate(looks) == page.locator(".theme").evaluate(looks)
    base = "/book/"
    assert "location.pathname.startsWith" in page.content() and base in page.content()
    page.locator("article a[href='api.html']").click()
    page.wait_for_url("**/api.html")


def test_print_is_black_on_white_without_menus(open_page):
    page = open_page("scales.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert not any(page.locator(part).first.is_visible() for part in (".bar", ".contents", ".copy", "footer", ".tools"))
    assert brightness(page, "color") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('article img')).filter") == "none"


def test_pages_are_light_and_describe_themselves(pages):
    for name in pages:
        html = (docs / name).read_text()
        assert len(html.encode()) < 500_000, name
        shown = [docs / src for src in re.findall(r'<img src="([^"]+)"', html)]
        files = [docs / name, docs / "style.css", docs / "book.js", *shown]
        assert sum(file.stat().st_size for file in files) < 1_000_000, name
        for part in ('name="description"', 'rel="canonical"', 'property="og:title"', 'property="og:description"'):
            assert part in html, f"{name} lacks {part}"
        preview = re.search(r'property="og:image" content="[^"]*/(figures/[^"]+)">', html)
        assert (docs / preview[1]).exists(), f"{name} has no picture for a preview"


def test_machines_find_every_page_in_markdown_and_in_the_sitemap(pages):
    listed, sitemap = (docs / "llms.txt").read_text(), (docs / "sitemap.xml").read_text()
    for name in pages:
        text = (docs / name.replace(".html", ".md")).read_text()
        assert text.startswith("# ") and ":::" not in text and "{.output" not in text, name
        assert f"/{name.replace('.html', '.md')})" in listed
        assert (f"/{name}<" if name != "index.html" else "/book/<") in sitemap
    assert "404" not in sitemap


def test_the_first_page_lists_every_chapter_and_leads_where_newcomers_want_to_go(pages, open_page):
    page = open_page()
    links = page.locator("article a").evaluate_all(
        "as => as.map(a => [a.getAttribute('href'), a.getBoundingClientRect().bottom])"
    )
    assert set(pages) - {"index.html"} <= {href.partition("#")[0] for href, _ in links}
    soon = {href for href, bottom in links if bottom < 2 * 900}
    wanted = {
        "recipes.html#tune-a-scikit-learn-pipeline",
        "recipes.html#check-a-gradient",
        "api.html#BatchNorm",
        "claims.html#t8",
    }
    assert wanted <= soon
    phone = open_page("index.html", 390)
    assert phone.locator("article img").first.bounding_box()["y"] < 2 * 900


@pytest.mark.parametrize("width", [390, 1440])
def test_the_text_of_a_marked_claim_keeps_clear_of_the_marks_edges(open_page, width):
    row = open_page("claims.html#t8", width).locator(".claims tr:has(:target)")
    left, right = row.evaluate("""row => {
      const whole = row.getBoundingClientRect(), texts = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
      const parts = [];
      while (texts.nextNode()) {
        const text = document.createRange();
        text.selectNode(texts.currentNode);
        parts.push(...[...text.getClientRects()].filter(r => r.width));
      }
      return [Math.min(...parts.map(r => r.left)) - whole.left, whole.right - Math.max(...parts.map(r => r.right))];
    }""")
    assert left >= 6 and right >= 6


# Accessibility. axe takes seconds a page: each kind of page is tried in one way; with AXE=all, every page in every way.

kinds = {
    (1440, "light"): ["index.html", "claims.html"],
    (390, "dark"): ["recipes.html", "optuna.html"],
    (1440, "dark"): ["threads.html", "404.html"],
    (390, "light"): ["index.html", "source/threads.html"],
}


def violations(page):
    """What axe holds serious or critical, with everything unfolded."""
    page.evaluate("document.querySelectorAll('details:not(.chapters)').forEach(d => d.open = true)")
    page.wait_for_timeout(50)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(v["id"], v["nodes"][0]["html"][:150]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("width, scheme", kinds)
def test_axe_finds_nothing_serious(pages, open_page, site, width, scheme):
    axe = pytest.importorskip("axe_playwright_python")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    page = open_page("404.html", width, color_scheme=scheme)
    everything = [*pages, "source/scales.html", "404.html"] if os.environ.get("AXE") == "all" else []
    for name in everything or kinds[width, scheme]:
        page.goto(f"{site}/{name}")
        page.evaluate(script)
        assert not violations(page), f"{name} at {width}, {scheme}"


# Code


def visible(name):
    """The blocks of Python that a page shows, in order, as one copies them; signatures are none."""
    page = BeautifulSoup((docs / name).read_text(), "html.parser")
    blocks = page.select("article div.sourceCode pre.python:not(.signature)")
    return [block.get_text() for block in blocks]


def test_every_name_in_a_pages_code_is_known_from_the_code_above_it(pages, tmp_path):
    for name in pages:
        (tmp_path / name).with_suffix(".py").write_text("\n".join(visible(name)))
    found = subprocess.run(
        [
            Path(sys.executable).with_name("ruff"),
            "check",
            "--isolated",
            "--select",
            "F821",
            "--output-format",
            "concise",
            tmp_path,
        ],
        capture_output=True,
        text=True,
    )
    assert not found.returncode, found.stdout


def column(table, i):
    return table.locator("tbody tr").evaluate_all(f"rows => rows.map(row => row.cells[{i}].dataset.v)")


def sorted_column(page, head):
    """The table that has this column, the column's button and its place."""
    button = page.get_by_role("button", name=head, exact=True).first
    table = page.locator("article table").filter(has=button).first
    return table, button, button.evaluate("button => button.closest('th').cellIndex")


def test_a_click_on_a_columns_head_sorts_numbers_as_numbers_and_a_second_one_turns_them_round(open_page):
    table, button, i = sorted_column(open_page("criteria.html"), "installed, MB")
    before = column(table, i)
    button.click()
    up = [float(v) for v in column(table, i)]
    assert up == sorted(up) and sorted(map(str, up)) != list(map(str, up))  # as text they would stand otherwise
    assert sorted(before, key=float) == column(table, i) != before
    button.click()
    assert [float(v) for v in column(table, i)] == up[::-1]


def test_names_are_sorted_as_words_and_rows_stay_whole(open_page):
    table, button, _ = sorted_column(open_page("criteria.html"), "installed, MB")
    rows = lambda: table.locator("tbody tr").all_inner_texts()
    before = rows()
    button.click()
    assert rows() != before and sorted(rows()) == sorted(before)
    table.get_by_role("button", name="framework").click()
    assert column(table, 0) == sorted(column(table, 0), key=str.casefold) and sorted(rows()) == sorted(before)


def test_only_the_column_that_sorts_says_so_to_a_screen_reader(open_page):
    page = open_page("criteria.html")
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
    page = open_page("criteria.html")
    table, button, i = sorted_column(page, "installed, MB")
    button.locator("xpath=../preceding-sibling::th[1]/button").focus()
    page.keyboard.press("Tab")
    assert button.evaluate("button => button == document.activeElement && button.matches(':focus-visible')")
    assert button.evaluate("button => getComputedStyle(button).outlineStyle") != "none"
    page.keyboard.press(key)
    up = [float(v) for v in column(table, i)]
    assert up == sorted(up) and button.evaluate("button => button == document.activeElement")
