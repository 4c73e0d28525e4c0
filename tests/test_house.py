"""The house itself: the package is light, the checks in .ci can fail, and the pages' machinery keeps its promises."""

import base64
import importlib.util
import io
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

import dlnotes
from web.__main__ import as_output, options

root = Path(__file__).parents[1]
notebooks = sorted((root / "nbs").glob("*.ipynb"))
chapters = [path for path in notebooks if path.name[0].isdigit()]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rerun, links = load(root / ".ci" / "notebooks.py"), load(root / ".ci" / "links.py")


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


def test_every_public_name_is_documented():
    for name in dlnotes.__all__:
        assert getattr(dlnotes, name).__doc__, name


def test_every_module_is_exported_from_a_notebook():
    exported = {path.stem.partition("_")[2] for path in chapters}
    modules = {path.stem for path in (root / "dlnotes").glob("[!_]*.py")}
    assert modules <= exported


# The book


def test_every_page_is_in_the_sidebar_and_quarto_reads_the_same_file():
    assert (root / "nbs" / "_quarto.yml").resolve() == root / "_quarto.yml"
    listed = (root / "_quarto.yml").read_text()
    assert all(path.name in listed for path in notebooks)
    yaml.safe_load(listed)


@pytest.mark.parametrize("path", chapters, ids=lambda p: p.stem)
def test_a_notebook_imports_only_lower_numbers(path):
    numbers = {p.stem.partition("_")[2]: p.stem[:2] for p in chapters}
    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "code" and line.startswith(("from dlnotes.", "import dlnotes.")):
                module = line.split()[1].removeprefix("dlnotes.")
                assert numbers.get(module, "00") < path.stem[:2], line


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


def picture(shade, size=8):
    buffer = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), shade, np.uint8)).save(buffer, "png")
    return new_output("display_data", {"image/png": base64.b64encode(buffer.getvalue()).decode()})


def found(old, new, source="x"):
    return rerun.differences(run_of((source, old)), run_of((source, new)))


def test_equal_outputs_and_numbers_within_the_tolerance_pass():
    assert not found([text("array([0.25, 1e-3])")], [text("array([0.25000001, 1.0000001e-3])")])
    assert not found([picture(200)], [picture(201)])


@pytest.mark.parametrize(
    "old, new",
    [
        ([text("0.25")], [text("0.2501")]),
        ([text("0.25")], [text("-0.25")]),
        ([text("good")], [text("bad")]),
        ([text("[1, 2]")], [text("[1, 2, 3]")]),
        ([text("1")], []),
        ([], [text("1")]),
        ([picture(200)], [picture(100)]),
        ([picture(200)], [picture(200, size=9)]),
        ([new_output("stream", name="stdout", text="1")], [new_output("stream", name="stdout", text="2")]),
    ],
)
def test_any_other_difference_is_found(old, new):
    assert found(old, new)


def test_a_timing_cell_may_differ_and_only_that():
    assert not found([text("0.1")], [text("0.9")], "#| timing: true\nx")
    assert found([text("0.1")], [text("0.9")], "# timing: true\nx")


def test_running_finds_a_stored_number_that_no_run_gives(tmp_path):
    path = tmp_path / "a.ipynb"
    nb = run_of(("1 + 1", [text("3")]))
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.write(rerun.cleaned(nb), path)
    assert "number was 3 and is 2" in rerun.check(path)[0]
    rerun.run(path)
    assert rerun.check(path) == []


def test_a_notebook_with_volatile_metadata_is_not_clean(tmp_path):
    path = tmp_path / "a.ipynb"
    nb = rerun.cleaned(run_of(("1", [text("1")])))
    nb.cells[0].metadata["collapsed"] = True
    nbformat.write(nb, path)
    assert "is not clean" in rerun.check(path)[0]


# The check of links


def site(folder, **pages):
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html)
    return list(links.problems(folder))


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
    ],
)
def test_dead_links_and_foreign_files_are_found(tmp_path, html, message):
    assert message in site(tmp_path, a=html)[0]


def test_an_empty_site_is_a_problem(tmp_path):
    assert site(tmp_path)


# The fallback's few lines


def test_cell_options_are_read_as_quarto_reads_them():
    assert options('#| echo: false\n#| fig-alt: "a: b"\n#| export\nx = 1  #| no: option') == {
        "echo": False,
        "fig-alt": "a: b",
    }


def test_output_that_holds_a_fence_stays_in_its_block():
    assert as_output("```\ncode\n```").count("````") == 2
