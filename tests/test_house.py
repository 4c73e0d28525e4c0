"""The house itself: the package is light, the checks in .ci can fail, and the pages' machinery keeps its promises."""

import ast
import base64
import doctest
import importlib
import importlib.util
import inspect
import io
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

import dlnotes
from web import rooms
from web.__main__ import html, markdown, options

root = Path(__file__).parents[1]
notebooks = sorted((root / "nbs").glob("*.ipynb"))
chapters = [path for path in notebooks if path.name[0].isdigit()]
modules = sorted((root / "dlnotes").glob("[!_]*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rerun, links, names, typed = (load(root / ".ci" / f"{name}.py") for name in ("notebooks", "links", "names", "typed"))


# The package


def test_importing_the_package_imports_neither_matplotlib_nor_any_tool():
    code = "import dlnotes, sys; print({m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    for heavy in ("matplotlib", "nbdev", "fastcore", "IPython", "sklearn", "scipy"):
        assert f"'{heavy}'" not in loaded


def test_the_version_stands_in_one_place():
    config = ConfigParser(delimiters=["="])
    config.read(root / "settings.ini")
    assert config["DEFAULT"]["version"] == dlnotes.__version__


def test_texts_and_messages_name_no_distribution_but_ours_and_no_address_but_the_placeholder():
    config = ConfigParser(delimiters=["="])
    config.read(root / "settings.ini", encoding="utf-8")
    ours, host = config["DEFAULT"]["lib_name"], config["DEFAULT"]["doc_host"].removeprefix("https://")
    assert ours != "dlnotes" and host.endswith(".example")  # not a stranger's package, nor a stranger's site
    kinds = ("*.md", "*.py", "*.ipynb", "*.toml", "*.ini", "*.yml", "Makefile", "run")
    folders = (".", ".ci", ".github/workflows", "benchmarks", "dlnotes", "frameworks", "nbs", "tests", "web")
    files = [p for f in folders for kind in kinds for p in (root / f).glob(kind) if p != Path(__file__)]
    assert len(files) > 60
    for path in files:
        text = path.read_text(encoding="utf-8")
        for asked in re.findall(r"(?:pip|uv|pipx) (?:pip )?install [^\n`#]*", text):
            assert not re.search(r"[\s\"'=]dlnotes(?![-\w./])", asked), f"{path}: {asked}"
        assert not re.search(r"dlnotes\.github|github\.com/dlnotes|pypi\.org/project/dlnotes", text), path
    assert {"dlnotes-book"} == set(re.findall(r"dlnotes-\w+", (root / "README.md").read_text())) == {ours}


@pytest.mark.parametrize("path", [p for p in notebooks if p.stem != "index"], ids=lambda p: p.stem)
def test_a_notebook_says_at_once_how_to_run_it(path):
    first = nbformat.read(path, as_version=4).cells[1]
    assert "make lab" in first.source and "[book]" in first.source


def test_no_file_is_a_symbolic_link():
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert not [line for line in listed.splitlines() if line.startswith("120000")]


def test_every_public_name_is_documented():
    for name in dlnotes.__all__:
        assert getattr(dlnotes, name).__doc__, name


sections = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n(.*?)(?=^[A-Z][A-Za-z ]+\n-{3,}\n|\Z)", re.M | re.S)


def explained(thing):
    """What a docstring in NumPy's style does not say of a function, a method or a class, as sentences."""
    text, signature = inspect.getdoc(thing) or "", inspect.signature(thing)
    found = dict(sections.findall(text))
    heads = [line for name in ("Parameters", "Attributes") for line in found.get(name, "").splitlines()]
    described = {p.strip(" *") for line in heads if line[:1] != " " for p in line.partition(" :")[0].split(",")}
    for name in signature.parameters:
        if name not in ("self", *described):
            yield f"does not describe {name}"
    gives = not inspect.isclass(thing) and signature.return_annotation not in (None, "None")
    if gives and not found.keys() & {"Returns", "Yields"}:
        yield "does not say what it returns"
    if ">>> " not in found.get("Examples", ""):
        yield "has no example"


def own(kind):
    """The public methods that a class defines and does not inherit, by name; and a call of it."""
    for name, value in vars(kind).items():
        method = inspect.isfunction(value) or isinstance(value, classmethod | staticmethod)
        inherited = any(hasattr(base, name) for base in kind.__mro__[1:])
        if method and not inherited and (name == "__call__" or name[0] != "_"):
            yield name, getattr(kind, name)


def unexplained(path):
    """What is lacking in the docstrings of a module, as sentences that begin with a name."""
    module = importlib.import_module(f"dlnotes.{path.stem}")
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing):
            yield from (f"{name} {lack}" for lack in explained(thing))
        if inspect.isclass(thing):
            yield from (f"{name}.{key} {lack}" for key, method in own(thing) for lack in explained(method))


@pytest.mark.parametrize("path", modules, ids=lambda p: p.stem)
def test_a_docstring_says_what_goes_in_and_comes_out_and_shows_it(path):
    if path.stem in ("optuna", "sklearn"):
        pytest.importorskip(path.stem)
    assert not list(unexplained(path))


def test_a_docstring_that_says_too_little_is_found():
    def silent(x: int, y: int = 0) -> int:
        """Something.

        Parameters
        ----------
        x : int
        """

    assert list(explained(silent)) == ["does not describe y", "does not say what it returns", "has no example"]


def test_what_has_no_type_is_found(tmp_path):
    pytest.importorskip("basedpyright")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "py.typed").touch()
    (tmp_path / "part" / "__init__.py").write_text("def half(x): return x/2\n")
    (tmp_path / "wrong.py").write_text("# pyright: strict\nimport dlnotes\nx: str = dlnotes.cores()\n")
    assert "part.half" in typed.unknown("part", tmp_path)
    assert "not assignable" in typed.refused(tmp_path / "wrong.py")


def test_no_public_signature_changes_unseen():
    assert names.page.read_text() == names.text(), "if it is meant: python .ci/names.py, and a line in the CHANGELOG"


def test_every_module_is_exported_from_a_notebook():
    exported = {path.stem.partition("_")[2] for path in chapters}
    modules = {path.stem for path in (root / "dlnotes").glob("[!_]*.py")}
    assert modules <= exported


def test_contributing_says_which_room_holds_what():
    text = rooms.page.read_text(encoding="utf-8")
    assert rooms.between.search(text)[0] == rooms.table(), "make rooms"


def lines_of_code(path):
    """How many lines a module has that are neither empty nor documentation."""
    text = path.read_text()
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return sum(bool(line.strip()) for i, line in enumerate(text.splitlines(), 1) if i not in documented)


@pytest.mark.parametrize("path", modules, ids=lambda p: p.stem)
def test_a_module_can_be_read_in_one_sitting(path):
    assert lines_of_code(path) <= 430


cards = re.compile(r'"What you will be able to do"}.*?```python\n(.*?)```', re.S)
lessons = [
    path for path in chapters if cards.search("".join(c.source for c in nbformat.read(path, as_version=4).cells))
]


@pytest.mark.parametrize("path", lessons, ids=lambda p: p.stem)
def test_the_lines_on_a_lessons_card_run(path):
    names = {"np": np} | {name: getattr(dlnotes, name) for name in dlnotes.__all__}
    cells = nbformat.read(path, as_version=4).cells
    exec(next(found for cell in cells if (found := cards.search(cell.source)))[1], names)


engine_rooms = {name for name, kind in rooms.kinds().items() if kind == "engine room"}


@pytest.mark.parametrize("path", chapters, ids=lambda p: p.stem)
def test_a_lesson_can_be_read_in_half_an_hour_and_an_engine_room_in_one_sitting(path):
    text = sum(len(cell.source) for cell in nbformat.read(path, as_version=4).cells)
    assert text <= (46_000 if path.name in engine_rooms else 36_000)


@pytest.mark.parametrize("path", modules, ids=lambda p: p.stem)
def test_the_examples_of_docstrings_run(path):
    if path.stem in ("optuna", "sklearn"):
        pytest.importorskip(path.stem)
    module = importlib.import_module(f"dlnotes.{path.stem}")
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert not found.failed


@pytest.mark.parametrize("path", modules, ids=lambda p: p.stem)
def test_a_modules_constants_look_like_constants(path):
    if path.stem in ("optuna", "sklearn"):
        pytest.importorskip(path.stem)
    module = importlib.import_module(f"dlnotes.{path.stem}")
    assert not [name for name in module.__all__ if not callable(getattr(module, name)) and name != name.upper()]


def test_most_lessons_begin_with_a_card():
    assert len(lessons) >= 11
    for path in lessons:  # before the imports, folded or not
        assert cards.search(nbformat.read(path, as_version=4).cells[2].source), path.name


# The book


def test_every_page_is_in_the_sidebar():
    listed = (root / "nbs" / "_quarto.yml").read_text()
    assert all(path.name in listed for path in notebooks)
    yaml.safe_load(listed)


@pytest.mark.parametrize("path", chapters, ids=lambda p: p.stem)
def test_a_notebook_imports_only_lower_numbers(path):
    numbers = {p.stem.partition("_")[2]: p.stem.partition("_")[0] for p in chapters}
    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "code" and line.startswith(("from dlnotes.", "import dlnotes.")):
                module = line.split()[1].removeprefix("dlnotes.")
                assert numbers.get(module, "00") <= path.stem.partition("_")[0], (
                    line
                )  # its own: as a worker would import it


def imports(path):
    """The names that a module takes from others of the package: (module, name)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "dlnotes"):
            for alias in node.names:
                yield (node.module or "").removeprefix("dlnotes").lstrip("."), alias.name


@pytest.mark.parametrize("path", modules, ids=lambda p: p.stem)
def test_a_module_takes_only_public_names_and_only_from_lower_numbers(path):
    numbers = {p.stem.partition("_")[2]: p.stem.partition("_")[0] for p in chapters}
    for module, name in imports(path):
        assert module and not name.startswith("_"), f"{path.stem} takes {name} from {module or 'the package'}"
        if (path.stem, name) == ("study", "write_report"):  # `Study.report`: inside the method, when it is called
            continue
        assert numbers[module] < numbers[path.stem], f"{path.stem} is before {module}"


def test_a_study_knows_nothing_of_the_rooms_above_until_it_is_asked_for_a_report():
    code = "import sys, dlnotes.study; print('dlnotes.report' in sys.modules)"
    alone = "import sys, types; p = sys.modules['dlnotes'] = types.ModuleType('dlnotes'); p.__path__ = [%r]\n"
    command = [sys.executable, "-c", alone % str(root / "dlnotes") + code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_no_public_name_hides_a_module():
    assert not {path.stem for path in modules} & set(dlnotes.__all__)
    for path in modules:
        assert importlib.import_module(f"dlnotes.{path.stem}").__name__ == f"dlnotes.{path.stem}"
        assert isinstance(getattr(dlnotes, path.stem), type(dlnotes))


@pytest.mark.parametrize("path", notebooks, ids=lambda p: p.stem)
def test_no_caption_speaks_of_dark_and_light_which_trade_places_at_night(path):
    for cell in nbformat.read(path, as_version=4).cells:
        caption = str(options(cell.source).get("fig-cap", "")) if cell.cell_type == "code" else ""
        assert not re.search(r"\b(black|white|dark|light|darker|lighter|pale|paler)\b", caption, re.I), caption


@pytest.mark.parametrize("path", notebooks, ids=lambda p: p.stem)
def test_a_notebook_is_executed_titled_and_has_text_for_every_picture(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source.startswith("# ") and "\n> " in cells[0].source
    assert not any(
        line.startswith("# ") for c in cells[1:] if c.cell_type == "markdown" for line in c.source.splitlines()
    )
    for cell in cells:
        for out in cell.get("outputs", []):
            assert out.output_type != "error" and out.get("name") != "stderr", cell.source
            if "image/png" in out.get("data", {}):
                assert options(cell.source).get("fig-alt"), cell.source
        if options(cell.source).get("code-summary") == "Solution in code":
            assert not cell.outputs, f"this solution's output gives it away:\n{cell.source}"


# The check that outputs reproduce


def run_of(*cells):
    return new_notebook(
        cells=[new_code_cell(source, id=f"c{i}", outputs=outs) for i, (source, outs) in enumerate(cells)]
    )


def text(s):
    return new_output("execute_result", {"text/plain": s})


def picture(columns, size=100, shade=0):
    """A white square with vertical lines, as a plot is mostly white."""
    pixels = np.full((size, size, 3), 255, np.uint8)
    pixels[:, list(columns)] = shade
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return new_output("display_data", {"image/png": base64.b64encode(buffer.getvalue()).decode()})


def found(old, new, source="x"):
    return list(rerun.differences(run_of((source, old)), run_of((source, new))))


def test_equal_outputs_and_numbers_within_the_tolerance_pass():
    assert not found([text("array([0.25, 1e-3])")], [text("array([0.25000001, 1.0000001e-3])")])
    assert not found([text("[0.  1.5]  1e-05")], [text("[-0.   1.5] 0.00001")])
    assert not found([picture([5, 50])], [picture([5, 50], shade=2)])


@pytest.mark.parametrize(
    "old, new",
    [
        ([text("0.25")], [text("0.2501")]),
        ([text("0.25")], [text("-0.25")]),
        ([text("good")], [text("bad")]),
        ([text("[1, 2]")], [text("[1, 2, 3]")]),
        ([text("1")], []),
        ([], [text("1")]),
        ([text("12345678")], [text("12345679")]),
        ([text("1,234")], [text("1,235")]),
        ([text("nan")], [text("0.5")]),
        ([picture([5, 50])], [picture([5, 51])]),
        ([picture([5, 50])], [picture([])]),
        ([picture([5])], [picture([5], size=101)]),
        ([new_output("stream", name="stdout", text="1")], [new_output("stream", name="stdout", text="2")]),
    ],
)
def test_any_other_difference_is_found(old, new):
    assert found(old, new)


@pytest.mark.parametrize("mark", ["timing", "machine"])
def test_a_cell_marked_as_the_machines_own_may_differ_and_only_that(mark):
    assert not found([text("0.1")], [text("0.9")], f"#| {mark}: true\nx")
    assert found([text("0.1")], [text("0.9")], f"# {mark}: true\nx")
    assert found([text("0.1")], [text("0.9")], f'x = """\n#| {mark}: true\n"""')
    assert found([text("0.1")], [], f"#| {mark}: true\nx")


def test_few_cells_show_one_machines_digits():
    marked = [c for p in notebooks for c in nbformat.read(p, as_version=4).cells if "#| machine: true" in c.source]
    assert len(marked) <= 6


def test_text_on_stderr_is_never_welcome():
    noise = new_output("stream", name="stderr", text="careful!")
    assert found([noise], [noise]) and found([noise], [noise], "#| timing: true\nx")


def test_a_cell_that_is_not_run_shows_nothing():
    assert found([text("999")], [text("999")], "#| eval: false\n1 + 1")


def test_running_finds_a_stored_number_that_no_run_gives(tmp_path):
    path = tmp_path / "a.ipynb"
    nb = run_of(("1 + 1", [text("3")]))
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.write(rerun.cleaned(nb), path)
    assert "number was 3 and is 2" in rerun.check(path)[0]
    rerun.run(path)
    assert rerun.check(path) == []


def test_a_cell_that_fails_is_a_problem_of_its_notebook(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(rerun.cleaned(run_of(("1/0", []))), path)
    assert "ZeroDivisionError" in rerun.check(path)[0]


def test_a_notebook_with_volatile_metadata_is_not_clean(tmp_path):
    path = tmp_path / "a.ipynb"
    nb = rerun.cleaned(run_of(("1", [text("1")])))
    nb.cells[0].metadata["collapsed"] = True
    nbformat.write(nb, path)
    assert "is not clean" in rerun.check(path)[0]


# The check of links


def site(folder, **pages):
    for name, content in pages.items():
        (folder / f"{name}.html").write_text(content)
    return list(links.problems(folder, "https://s/book/"))


def test_links_that_resolve_pass(tmp_path):
    assert not site(
        tmp_path, a='<a href="b.html#x">b</a><a href="#y"></a><p id="y">', b='<p id="x"><a href="https://example.org">'
    )


@pytest.mark.parametrize(
    "html, message",
    [
        ('<a href="gone.html">', "gone.html, which is not there"),
        ('<a href="a.html#nowhere">', "no element has that id"),
        ('<img src="gone.png">', "gone.png, which is not there"),
        ('<script src="https://example.org/x.js"></script>', "loads https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loads //example.org/x.css"),
        ('<link rel="canonical" href="gone.html">', "gone.html, which is not there"),
        ('<style>@import "https://example.org/x.css";</style>', "loads https://example.org/x.css"),
        ('<p style="background: url(https://example.org/x.png)">', "loads https://example.org/x.png"),
        ('<img srcset="https://example.org/x.png 2x">', "loads https://example.org/x.png"),
        ('<a href="https://s/book/gone.html">', "gone.html, which is not there"),
        ('<meta property="og:image" content="https://s/book/gone.png">', "gone.png, which is not there"),
        ('<a href="sub/">', "sub/, which is not there"),
    ],
)
def test_dead_links_and_foreign_files_are_found(tmp_path, html, message):
    assert message in site(tmp_path, a=html)[0]


def test_a_folder_means_its_index_and_the_sites_own_address_the_site(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<p id="x"><a href="..">')
    (tmp_path / "index.html").write_text("")
    assert not site(
        tmp_path, a='<a href="sub/"><a href="sub/#x"><a href="https://s/book/"><a href="https://s/book/a.html">'
    )
    (tmp_path / "style.css").write_text(
        '/* url(https://example.org/no.css) */ @import url("https://example.org/x.css");'
    )
    assert "style.css loads https://example.org/x.css" in site(tmp_path)[0]


def test_a_link_out_of_the_site_or_into_a_notebook_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").touch()
    (tmp_path / "docs" / "a.ipynb").touch()
    assert "outside the site" in site(tmp_path / "docs", a='<a href="../README.md">')[0]
    assert "a place in a notebook" in site(tmp_path / "docs", a='<a href="a.ipynb#x">')[0]


def test_an_empty_site_is_a_problem(tmp_path):
    assert site(tmp_path)


# What becomes of a notebook's cells


def test_cell_options_are_read_as_quarto_reads_them():
    assert options('#| echo: false\n#| fig-alt: "a: b"\n#| export\nx = 1  #| no: option') == {
        "echo": False,
        "fig-alt": "a: b",
    }


def page(folder, *cells, title="Title"):
    """The page that is made of these cells."""
    path = folder / "a.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    front = f"---\ntitle: {title}\n---\n\n"
    meta = {"lang": "en", "pages": {"02_scales.ipynb": "scales.html"}, "source": "https://r/"}
    html(front + markdown(path, folder / "figures"), folder / "a.html", meta)
    return (folder / "a.html").read_text()


def code(source, *outputs):
    return new_code_cell(source, outputs=list(outputs))


def test_fences_inside_code_and_outputs_stay_inside(tmp_path):
    fence = "```\ninside\n```"
    table = new_output("display_data", {"text/html": f"<pre>\n{fence}\n</pre>"})
    made = page(tmp_path, code(f'x = """\n{fence}\n"""', text(fence), table), code("after = 1"))
    assert made.count("inside") == 3 and ":::" not in made and "{.output}" not in made
    assert made.index("inside") < made.index("after")


def test_options_hide_code_output_or_both(tmp_path):
    cells = [code("#| echo: false\nquiet", text("heard"))]
    cells += [code("#| output: false\nshown", text("swallowed")), code("#| include: false\nunseen", text("unheard"))]
    made = page(tmp_path, *cells)
    assert "heard" in made and "shown" in made
    assert not any(word in made for word in ("quiet", "swallowed", "unseen", "unheard", "#|"))


def test_the_page_says_which_outputs_are_the_machines_own(tmp_path):
    made = page(tmp_path, code("#| timing: true\nx", text("0.1")), code("#| machine: true\ny", text("0.2")))
    assert "Times of the machine" in made and "Digits of the machine" in made
    assert "of the machine" not in page(tmp_path, code("x", text("0.1")))


@pytest.mark.parametrize(
    "kind, content", [("image/svg+xml", "<svg/>"), ("image/png", "iVBORw0KGgo="), ("image/jpeg", "/9j/")]
)
def test_pictures_of_every_kind_are_shown_and_described(tmp_path, kind, content):
    source = '#| fig-alt: \'a "quoted" \\ word\'\n#| fig-cap: "see $x^2$ [here]"\nplot'
    made = page(tmp_path, code(source, new_output("display_data", {kind: content})))
    assert "a &quot;quoted&quot; \\ word" in made and "<figcaption" in made and "fig-alt" not in made
    assert list((tmp_path / "figures").iterdir())


def test_boxes_have_their_titles_and_links_lead_to_pages(tmp_path):
    texts = ['::: {.callout-note title="About $x$"}\nA\n:::', '::: {.callout-tip collapse="true"}\n## Hint\nB\n:::']
    texts += ["[scales](02_scales.ipynb#uniform) [too](./02_scales.ipynb) [f](https://r/a.py#L3)"]
    made = page(tmp_path, *map(new_markdown_cell, texts))
    assert "About <math" in made and "<h2" not in made and made.count('<details class="callout') == 1
    for link in ("scales.html#uniform", "scales.html", "source/a.html#L-3"):
        assert f'href="{link}"' in made


def test_every_place_that_says_the_version_says_the_same():
    said = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    settings = re.search(r"^version = (.*)$", (root / "settings.ini").read_text(encoding="utf-8"), re.M)[1]
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert said == settings == dlnotes.__version__ == newest


@pytest.mark.parametrize("path", notebooks, ids=lambda p: p.stem)
def test_files_and_chapters_in_the_prose_are_there(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    named = re.findall(r"`((?:benchmarks|tests|web|frameworks|nbs|dlnotes|\.ci)/[\w./-]+\.\w+)`", text)
    assert not [name for name in named if not (root / name).exists()]
    assert not re.findall(r"\bchapter \d+", text)  # numbers change: a chapter is named, or linked
