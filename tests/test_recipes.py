"""Each recipe is a program, and runs as it stands, alone, in an empty folder; so does each example of the reference."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

import dlnotes
from web import api, procs
from web.__main__ import options, without_options
from web.renderer import documented, example, signature

root = Path(__file__).parents[1]
cells = nbformat.read(root / "nbs" / "recipes.ipynb", as_version=4).cells
recipes = [without_options(cell.source) for cell in cells if cell.cell_type == "code"]


def ready(code):
    """Whether all that the program imports is here."""
    names = re.findall(r"^(?:import|from) (\w+)", code, re.M)
    try:
        for name in names:
            __import__(name)
    except ImportError:
        return False
    return True


def run(code, folder):
    """Runs a program in a file, as a reader would who pasted it there."""
    folder.mkdir()
    (folder / "recipe.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "recipe.py"], cwd=folder, capture_output=True, text=True, timeout=800)
    return done.returncode, done.stderr[-2000:]


def test_every_recipe_runs_alone_as_it_was_copied(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(root))
    codes = [code for code in recipes if ready(code)]
    assert len(codes) >= len(recipes) - 2  # PyTorch may be missing
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path / str(i) for i in range(len(codes))]
        for code, (failed, said) in zip(codes, pool.map(run, codes, folders), strict=True):
            assert not failed and "Warning" not in said, f"{code}\n{said}"


def test_a_recipe_is_short_and_has_a_heading_that_says_what_for():
    for cell in cells[3:]:
        if cell.cell_type == "markdown":
            assert cell.source.startswith("## ") and "](" in cell.source
            for said, page in re.findall(r"More: \[(.*?)\]\((\w+\.ipynb)\)", cell.source):
                title = nbformat.read(root / "nbs" / page, as_version=4).cells[0].source.splitlines()[0][2:]
                assert said.removeprefix("Engine room: ").casefold() == title.casefold(), f"{page} is “{title}”"
        else:
            assert len(without_options(cell.source).splitlines()) <= 40
            assert options(cell.source).get("echo") is not False


def test_the_list_on_top_has_every_recipe_by_its_name():
    heads = [cell.source.splitlines()[0][3:] for cell in cells[3:] if cell.cell_type == "markdown"]
    listed = re.findall(r"\[([^]]*)\]\(#", cells[2].source)
    assert sorted(map(str.lower, listed)) == sorted(map(str.lower, heads))


# The reference


def chapters():
    """Every module with a page and a title."""
    stems = [p.stem.partition("_")[2] for p in sorted((root / "nbs").glob("[0-9]*.ipynb"))]
    return {stem: (f"{stem}.html", stem) for stem in stems if api.importable(stem)}


@pytest.fixture(scope="module")
def reference():
    return api.text(chapters())


def test_the_reference_has_every_public_name_and_member_with_its_whole_signature(reference):
    listed = (root / "tests" / "public_names.txt").read_text().splitlines()
    for name in dlnotes.__all__:
        assert f"{{#{name}}}" in reference, name
        thing = getattr(dlnotes, name)
        if callable(thing):
            assert signature(name, thing) in reference, name
    for line in listed:
        name = line.partition("(")[0]
        if "." in name and "(" in line:  # a method: its own heading, or a link to the class that says it
            assert f"{{#{name}}}" in reference or f".{name.partition('.')[2]})" in reference, name


def test_every_example_of_the_reference_runs_as_copied(reference):
    blocks = re.findall(r"^```{\.python \.example}\n(.*?)^```$", reference, re.M | re.S)
    assert len(blocks) > 60
    for code in blocks:
        try:
            exec(compile(code, "example", "exec"), {"__name__": "example"})
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}\n{code}")


def test_an_example_brings_its_imports_and_shows_what_it_gives_as_a_comment():
    made = example(">>> np.sqrt(4.0)\n2.0\n>>> for i in [1]:\n...     print(i)\n1", dlnotes)
    assert made == "import numpy as np\n\nnp.sqrt(4.0)\n# 2.0\nfor i in [1]:\n    print(i)\n# 1"
    assert "from dlnotes import LogUniform, Space" in procs.with_imports("Space(lr=LogUniform(1e-4, 1))")
    assert procs.with_imports("x = 1\nprint(x)") == "x = 1\nprint(x)"


def test_a_long_signature_has_a_parameter_a_line_and_loses_none():
    made = signature("search", dlnotes.search)
    assert made.count("\n") > 10 and "stage_size=None" in made
    assert documented("One line.") is None


def test_a_name_leads_to_what_it_names():
    text = "[`BatchNorm`](https://dlnotes.example/book/normalize.html#batchnorm) and [`_work`](https://dlnotes.example/book/workers.html#_work)"
    assert procs.relative(text, {"layer", "normalize"}) == "[`BatchNorm`](layer.html#batchnorm) and `_work`"
    assert procs.relative("[`make`](https://dlnotes.example/book/runs.html#make)", {"runs"}) == "`make`"
