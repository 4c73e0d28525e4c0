"""The book in the browser: a Python without processes imports the package, and the pages' buttons run it.

What needs Python in the browser runs where `DLNOTES_PYODIDE` names a folder with a whole Pyodide for CPython 3.14, and
is skipped elsewhere, since it is 100 MB. The nightly workflow unpacks one from the wheel that
`pip download --no-deps open-webui==0.12.4` brings, folder open_webui/frontend/pyodide.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from test_site import Quiet, browser  # noqa: F401 (a fixture)

from web import lab

root = Path(__file__).parents[1]
notebooks = sorted((root / "nbs").glob("*.ipynb"))
ledger = tomllib.loads((root / "dlnotes/recorded/claims.toml").read_text(encoding="utf-8"))
claims = [name for name in ledger if name != "setup"]
needs_lab = pytest.mark.skipif(not lab.available(), reason="JupyterLite is not installed: the extra `lab` has it")
needs_runtime = pytest.mark.skipif(
    not (lab.available() and os.environ.get(lab.RUNTIME)),
    reason=f"{lab.RUNTIME} names no folder with a Pyodide (see the top of this file)",
)


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)


def test_importing_the_package_loads_nothing_for_processes_and_no_picture():
    heavy = {"loky", "cloudpickle", "tqdm", "matplotlib", "concurrent.futures.process"}
    done = python(f"import sys, dlnotes; print(sorted({heavy} & set(sys.modules)))")
    assert done.stdout.strip() == "[]", done.stderr


WITHOUT = """
import sys, numpy
class No:
    def find_spec(self, name, path=None, target=None):
        missing = "loky", "cloudpickle", "tqdm", "_multiprocessing", "matplotlib"
        if name.partition(".")[0] in missing: raise ImportError(name)
sys.meta_path.insert(0, No())
sys.modules["numba"] = None
sys.platform = "emscripten"
import _thread, threading
def no_thread(*_, **__): raise RuntimeError("can't start new thread")
_thread.start_new_thread = threading._start_new_thread = threading._start_joinable_thread = no_thread
from dlnotes import *
space = Space(lr=LogUniform(1e-4, 1), units=Integer(8, 64))
"""


def without_processes(code):
    done = python(WITHOUT + code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_python_without_processes_threads_and_other_packages_searches_and_goes_on(tmp_path):
    path = str(tmp_path / "journal")
    code = "s = search(lambda p: p['lr'], space, {}, n_jobs={}, journal={!r}); print(len(s.trials), s.best.value)\n"
    out = without_processes(code.format(8, 1, path) + code.format(12, -1, path)).split()
    assert (out[0], out[2]) == ("8", "12") and float(out[3]) <= float(out[1])


def test_such_a_python_has_one_core_and_shares_large_arrays_with_nobody():
    code = "x, one = numpy.ones((400_000, 8)), numpy.ones(8); set_threads(4)\n"
    code += "print(cores(), batchnorm(x, one, 0*one)[0].max())"
    assert without_processes(code).split() == ["1", "0.0"]


@pytest.mark.parametrize("asked", ["n_jobs=2", "timeout=3", "max_memory=10**9", "n_jobs=3, timeout=1.5"])
def test_such_a_python_says_at_once_what_needs_processes(asked, tmp_path):
    path = tmp_path / "journal"
    code = f"""
try: search(lambda p: 1, space, 3, journal={str(path)!r}, {asked})
except ValueError as e: print(e)
"""
    said = without_processes(code)
    assert asked.partition(",")[0].replace("10**9", str(10**9)) in said and "n_jobs=1" in said
    assert not path.exists()


def test_our_wheel_holds_the_package_as_it_stands_and_its_record_is_true(tmp_path):
    with zipfile.ZipFile(lab.own_wheel(tmp_path)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    package = [p for p in (root / "dlnotes").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {p.relative_to(root).as_posix(): p.read_bytes() for p in package}.items() <= files.items()
    record = next(name for name in files if name.endswith("RECORD"))
    rows = [line.split(",") for line in files.pop(record).decode().splitlines()]
    assert {row[0]: int(row[2]) for row in rows if row[2]} == {name: len(content) for name, content in files.items()}
    archive = tmp_path / "unpacked"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(archive)
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import dlnotes; print(dlnotes.__file__)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith(str(archive)), done.stderr


def test_a_wheel_packed_again_is_the_same_twice_and_holds_what_was_installed(tmp_path):
    found = next(f for f in lab.needed(["tqdm"]) if f.name == "tqdm")
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        digests.add(hashlib.sha256(lab.repacked(found, tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    with zipfile.ZipFile(next(tmp_path.rglob("tqdm*.whl"))) as archive:
        assert "tqdm/std.py" in archive.namelist() and archive.testzip() is None
        assert not any(name.endswith((".pyc", ".so")) or ".." in name for name in archive.namelist())


def test_the_browsers_copy_of_a_notebook_has_every_cell_and_one_that_installs(tmp_path):
    for notebook in notebooks:
        lab.runnable(notebook, tmp_path / notebook.name)
        ours, theirs = (nbformat.read(p, as_version=4).cells for p in (notebook, tmp_path / notebook.name))
        assert theirs.pop(1).source == lab.INSTALL
        assert [c.id for c in ours] == [c.id for c in theirs] and not any(c.get("outputs") for c in theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert (
                our.source == their.source or "n_jobs=1" in their.source or "```python\n" + our.source in their.source
            )


def test_a_cell_that_starts_a_process_is_shown_and_not_run_and_one_worker_does_what_two_did():
    kept, shown, one = (
        lab.alone(nbformat.v4.new_code_cell(source))
        for source in ("import subprocess", "x = subprocess.run(['ls'])", "search(f, space, 9, n_jobs=12, seed=3)")
    )
    assert (kept.cell_type, kept.source) == ("code", "import subprocess")
    assert shown.cell_type == "markdown" and "subprocess.run(['ls'])" in shown.source
    assert (one.cell_type, one.source) == ("code", "search(f, space, 9, n_jobs=1, seed=3)")


def test_what_is_said_not_to_run_in_a_browser_is_there():
    assert set(lab.CLAIMS) <= set(claims)
    assert set(lab.CHAPTERS) <= {notebook.name for notebook in notebooks}


@needs_lab
def test_a_folder_without_pyodide_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv(lab.RUNTIME, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{lab.RUNTIME}=.*pyodide.mjs"):
        lab.runtime()


def test_a_copied_runtime_lists_only_what_is_there(tmp_path):
    (tmp_path / "a").mkdir()
    lock = {"info": {}, "packages": {"x": {"file_name": "x.whl"}, "y": {"file_name": "y.whl"}}}
    (tmp_path / "a/pyodide-lock.json").write_text(json.dumps(lock))
    (tmp_path / "a/x.whl").touch()
    lab.copy_runtime(tmp_path / "a", tmp_path / "b")
    assert list(json.loads((tmp_path / "b/pyodide-lock.json").read_text())["packages"]) == ["x"]
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["pyodide-lock.json", "x.whl"]


# Pages in a browser. The pages are small ones of our own, marked up as the book's.

PAGE = """<!DOCTYPE html><html lang="en"><title>Claims</title><link rel="stylesheet" href="style.css">
<link rel="stylesheet" href="lab.css"><script defer src="lab.js"></script><body class="book"><main><article>
<p class="download"><a href="{notebook}" download>Download this page as a notebook</a></p>
<div class="claims"><table><tbody>{rows}</tbody></table></div></article></main></body></html>"""
ROW = (
    '<tr><td><a id="{0}"></a><strong>{1}</strong></td><td>…</td><td>…</td><td><a href="#check-{0}">check</a></td></tr>'
)


def page_for(notebook):
    return PAGE.format(notebook=notebook, rows="".join(ROW.format(name.lower(), name) for name in claims))


def serve(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages with buttons, whose Python is not there."""
    folder = tmp_path_factory.mktemp("pages")
    lab.write_pages(folder, "lab/static/pyodide/pyodide.mjs", ["lab/pypi/none.whl"])
    shutil.copy(root / "nbs/style.css", folder)
    for notebook in notebooks:
        (folder / f"{notebook.stem}.html").write_text(page_for(notebook.name))
    return folder


@pytest.fixture
def open_page(browser, folder):  # noqa: F811
    server, address = serve(folder)
    contexts = []

    def open_page(name, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"{address}/{name}" if "://" not in name else name)
        return page

    yield open_page
    for context in contexts:
        context.close()
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize(
    "notebook", ["02_scales.ipynb", "claims.ipynb", "12_workers.ipynb", "recipes.ipynb", "14_tuning.ipynb"]
)
def test_a_chapter_has_one_button_or_says_why_not(open_page, notebook):
    page = open_page(f"{Path(notebook).stem}.html")
    buttons, note = page.locator(".download button"), page.locator(".download .lab-note").inner_text()
    if reason := lab.CHAPTERS.get(notebook):
        assert buttons.count() == 0 and reason in note
    else:
        assert buttons.count() == 1 and note == ""
    assert not any("pyodide" in url for url in page.asked), "Python is fetched before anybody asked"


@pytest.mark.browser
def test_each_claim_has_a_button_with_its_name_or_says_why_not(open_page):
    page = open_page("claims.html")
    named = [f"Check {name} now, in this browser" for name in claims if name not in lab.CLAIMS]
    assert page.locator(".claims button").evaluate_all("bs => bs.map(b => b.getAttribute('aria-label'))") == named
    for name, reason in lab.CLAIMS.items():
        assert reason in page.locator("tr", has=page.locator(f"#{name.lower()}")).inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("place", [".download", "tr:has(#t8)"])
def test_without_the_runtime_a_button_says_so_and_can_be_pressed_again(open_page, place):
    page = open_page("claims.html")
    button, note = page.locator(f"{place} button"), page.locator(f"{place} .lab-note")
    before = page.url
    for _ in range(2):
        button.press("Enter")
        page.wait_for_function("e => e.textContent.includes('could not be fetched')", arg=note.element_handle())
        assert "404" in note.inner_text() and page.url == before and button.is_enabled()


@pytest.mark.browser
def test_a_page_opened_from_a_file_says_what_it_lacks(open_page, folder):
    page = open_page((folder / "claims.html").as_uri())
    for place in (".download", "tr:has(#t8)"):
        page.locator(f"{place} button").click()
        page.wait_for_function(
            "e => e.textContent.includes('http.server')", arg=page.locator(f"{place} .lab-note").element_handle()
        )


@pytest.mark.browser
def test_the_buttons_fit_a_phone(open_page):
    for scheme in ("light", "dark"):
        page = open_page("claims.html", viewport={"width": 390, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        heights = page.locator(".lab-run").evaluate_all("bs => bs.map(b => b.getBoundingClientRect().height)")
        assert min(heights) >= 24


# With Python.

SEARCH = """from dlnotes import LogUniform, Space, search
calls = []
study = search(lambda p: calls.append(p) or p["lr"], Space(lr=LogUniform(1e-4, 1)), {}, journal="kept.jsonl")
assert (len(calls), len(study.trials)) == ({}, {})"""


@pytest.fixture(scope="module")
def lab_site(tmp_path_factory):
    folder, more = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("notebooks")
    for name, numbers in (("first", (6, 6, 6)), ("second", (9, 3, 9))):
        cells = [nbformat.v4.new_markdown_cell("# A search"), nbformat.v4.new_code_cell(SEARCH.format(*numbers))]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), more / f"{name}.ipynb")
    lab.build(folder, [*notebooks, *more.iterdir()])
    shutil.copy(root / "nbs/style.css", folder)
    for notebook in notebooks:
        (folder / f"{notebook.stem}.html").write_text(page_for(notebook.name))
    server, address = serve(folder)
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def in_lab(browser, lab_site):  # noqa: F811
    """A page of the lab that lets nothing be fetched from elsewhere."""
    context, elsewhere = browser.new_context(viewport={"width": 1200, "height": 900}), []

    def route(route):
        if route.request.url.startswith((lab_site, "data:", "blob:")):
            return route.continue_()
        elsewhere.append(route.request.url)
        route.abort()

    context.route("**/*", route)
    page = context.new_page()
    page.set_default_timeout(600_000)
    yield page
    context.close()
    assert not elsewhere


RUN = """async () => {
  await jupyterapp.commands.execute('notebook:run-all-cells');
  const found = [];
  for (const cell of jupyterapp.shell.currentWidget.content.model.cells) {
    if (cell.type !== 'code') continue;
    const wrong = [...Array(cell.outputs.length).keys()].map(i => cell.outputs.get(i)).filter(o => o.type === 'error');
    found.push([cell.executionCount, wrong.map(o => JSON.stringify(o.toJSON()).slice(0, 2000)).join()]);
  }
  return found;
}"""


def run_notebook(page, address, name):
    page.goto(f"{address}/lab/notebooks/index.html?path={name}")
    page.wait_for_function("globalThis.jupyterapp?.shell.currentWidget?.context?.isReady")
    page.wait_for_function("globalThis.jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel")
    return page.evaluate(RUN)


LESSONS = [path.stem for path in notebooks if path.name not in lab.CHAPTERS and path.stem[0].isdigit()]


@needs_runtime
@pytest.mark.browser
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_to_its_end_in_the_browser(lesson, in_lab, lab_site):
    cells = run_notebook(in_lab, lab_site, f"{lesson}.ipynb")
    code = [c for c in nbformat.read(root / f"nbs/{lesson}.ipynb", as_version=4).cells if c.cell_type == "code"]
    assert len(cells) == 1 + sum(lab.alone(cell).cell_type == "code" for cell in code) > 0.9 * len(code)
    assert not [wrong for _, wrong in cells if wrong]
    assert all(count for count, _ in cells)


@needs_runtime
@pytest.mark.browser
@pytest.mark.timeout(900)
def test_every_claims_check_passes_in_the_page_when_its_button_is_pressed(in_lab, lab_site):
    in_lab.goto(f"{lab_site}/claims.html")
    for name in claims:
        if name not in lab.CLAIMS:
            in_lab.locator(f"tr:has(#{name.lower()}) button").click()
    for name in claims:
        if name not in lab.CLAIMS:
            note = in_lab.locator(f"tr:has(#{name.lower()}) .lab-note[data-state]")
            note.wait_for()
            assert note.inner_text().startswith("Passed here, in "), f"{name}: {note.inner_text()}"
    assert "24.7% and 25.2%" in in_lab.locator("tr:has(#t8) .lab-note").inner_text()


@needs_runtime
@pytest.mark.browser
@pytest.mark.timeout(900)
def test_a_journal_is_kept_in_the_browsers_storage_for_another_day(in_lab, lab_site):
    for name in ("first", "second"):
        cells = run_notebook(in_lab, lab_site, f"{name}.ipynb")
        assert not [wrong for _, wrong in cells if wrong] and all(count for count, _ in cells)
