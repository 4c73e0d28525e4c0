"""`python -m web` builds the site in _docs/; `python -m web readme` writes README.md from index.ipynb."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pypandoc
import yaml
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.serve import proc_nbs

from web import figures, lab

web = Path(__file__).parent
root = web.parent
heading = re.compile(r"(?:#\|.*\n?)*")  # the options of a cell: the lines at its very start that begin with #|


def options(source):
    """The cell options of a code cell (`#| key: value`) as a dict."""
    lines = [line.removeprefix("#|").strip() for line in heading.match(source)[0].splitlines()]
    found = [yaml.safe_load(line) for line in lines if ": " in line]
    return {key: value for entry in found if isinstance(entry, dict) for key, value in entry.items()}


def without_options(source):
    """The code of a cell, as the page shows it."""
    return source[heading.match(source).end() :].strip()


def fenced(text, kind):
    """`text` in a fence longer than any it holds."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{{{kind}}}\n{text.rstrip()}\n{fence}"


def as_output(text):
    """What a cell printed, as a block of its own."""
    return f"::: {{.cell-output}}\n{fenced(text, '.output')}\n:::"


def as_figure(file, source):
    """A picture with the caption, the description and the label that its cell's options give."""
    found = options(source)
    alt = str(found.get("fig-alt", "")).replace("\\", "\\\\").replace('"', '\\"')
    label = f"#{found['label']} " if "label" in found else ""
    return f'\n![{found.get("fig-cap", "")}]({file}){{{label}fig-alt="{alt}"}}\n'


def markdown(notebook, figures):
    """A processed notebook as Markdown; its pictures are written to the folder `figures`."""
    exporter = MarkdownExporter(template_file=str(web / "cells.md.j2"))
    for function in (options, without_options, fenced, as_output, as_figure):
        exporter.register_filter(function.__name__, function)
    names = {"unique_key": notebook.stem, "output_files_dir": figures.name}
    text, resources = exporter.from_filename(str(notebook), resources=names)
    figures.mkdir(parents=True, exist_ok=True)
    for name, content in resources["outputs"].items():
        (figures.parent / name).write_bytes(content)
    return text


def pandoc(text, *arguments):
    """`text`, pandoc's Markdown, as pandoc converts it with `arguments`."""
    command = [pypandoc.get_pandoc_path(), "--from=markdown", *map(str, arguments)]
    return subprocess.run(
        command, input=text, encoding="utf-8", check=True, stdout=subprocess.PIPE, cwd=root / "nbs"
    ).stdout


def plain(text):
    """Markdown as plain text, for the page's head."""
    return pandoc(text, "--to=plain", "--wrap=none").strip()


def html(text, target, meta):
    """Writes the page `target` from pandoc's Markdown and the template's variables."""
    with TemporaryDirectory() as tmp:
        (meta_file := Path(tmp, "meta.json")).write_text(json.dumps(meta))
        style = ["--standalone", f"--template={web / 'page.html'}", f"--metadata-file={meta_file}", "--wrap=none"]
        parts = ["--mathml", "--toc", "--toc-depth=3", f"--lua-filter={web / 'filters.lua'}"]
        sources = ["--citeproc", "--bibliography=references.bib", "--metadata=link-citations:true"]
        target.write_text(pandoc(text, "--to=html5", *style, *parts, *sources), encoding="utf-8")


def configuration():
    """What `nbs/_quarto.yml` says."""
    return yaml.safe_load((root / "nbs" / "_quarto.yml").read_text(encoding="utf-8"))


def sidebar(contents):
    """The entries of the sidebar in order: {"section": …} or {"notebook": …, "text": … or absent}."""
    for entry in contents:
        if isinstance(entry, str):
            yield {"notebook": entry}
        elif "section" in entry:
            yield {"section": entry["section"]}
            yield from sidebar(entry["contents"])
        else:
            yield {"notebook": entry["href"], "text": entry.get("text")}


def front_matter(notebook):
    """Title, description and output-file, as nbdev put them in a processed notebook."""
    first = nbformat.read(notebook, as_version=4).cells[0].source
    return next(yaml.safe_load_all(first))


def source_pages(docs, meta):
    """A page for each exported module, so that `source` links work without the public repository."""
    (docs / "source").mkdir()
    for module in sorted((root / "dlnotes").glob("[!_]*.py")):
        code = f"~~~~~~ {{#L .python .numberLines .lineAnchors}}\n{module.read_text(encoding='utf-8')}\n~~~~~~\n"
        html(code, docs / "source" / f"{module.stem}.html", meta | {"title": f"dlnotes/{module.name}", "module": True})


def fallback(processed, docs):
    """Builds the site with pandoc alone."""
    quarto = configuration()
    website, cfg = quarto["website"], get_config()
    nav = [dict(entry) for entry in sidebar(website["sidebar"]["contents"])]
    for entry in nav:
        if "notebook" in entry:
            matter = front_matter(processed / entry["notebook"])
            entry |= {"href": matter["output-file"], "text": entry.get("text") or matter["title"]}
    pages = [entry for entry in nav if "notebook" in entry]
    meta = {
        "lang": quarto["lang"],
        "site-title": website["title"],
        "site-description": website["description"],
        "site": f"{cfg.doc_host}{cfg.doc_baseurl}/",
        "source": f"{cfg.git_url}/blob/{cfg.branch}/{cfg.lib_path.name}/",
        "pages": {page["notebook"]: page["href"] for page in pages},
        "root": "",
    }
    for i, page in enumerate(pages):
        print(f"  {page['notebook']}")
        matter = front_matter(processed / page["notebook"])
        own = {
            "nav": [entry | {"current": entry is page} for entry in nav],
            "previous": pages[i - 1] if i else None,
            "next": pages[i + 1] if i + 1 < len(pages) else None,
            "notebook": page["notebook"],
            "lab": lab.available(),
            "index": page["href"] == "index.html",
            "description-meta": plain(matter.get("description", website["description"])),
        }
        text = markdown(processed / page["notebook"], docs / "figures")
        own["explore"] = figures.explored(text)
        html(text, docs / page["href"], {k: v for k, v in (meta | own).items() if v is not None})
        shutil.copy(root / "nbs" / page["notebook"], docs)
    source_pages(docs, meta | {"nav": nav, "description-meta": website["description"], "root": "../"})
    for file in (root / "nbs" / "style.css", web / "book.js"):
        shutil.copy(file, docs)
    figures.write(docs)
    if lab.available():
        print("  the lab")
        lab.build(docs, [root / "nbs" / page["notebook"] for page in pages])


def processed_notebooks():
    """The folder where nbdev puts the notebooks with their documentation filled in."""
    os.environ["PYTHONWARNINGS"] = "ignore:Found cells containing imports"  # nbdev's workers would print each such cell
    old = root / "_proc"  # nbdev keeps a notebook there that has not changed, even where the renderer has
    stale = old.exists() and old.stat().st_mtime < (web / "renderer.py").stat().st_mtime
    processed = proc_nbs(n_workers=2, force=stale)
    open_source = '#| code-fold: show\n#| code-summary: "Exported source"\n'
    for path in processed.glob("*.ipynb"):  # the documentation above the source has said it: it shows when asked for
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            cell.source = cell.source.replace(open_source, open_source.replace("show", "true"), 1)
        nbformat.write(nb, path)
    return processed


def site():
    """Builds _docs/ afresh, with Quarto if there is one; the old site stays until the new one is whole."""
    print("Filling in the documentation")
    docs, processed = root / "_docs", processed_notebooks()
    fresh = processed / "_docs"  # where Quarto puts it, as _quarto.yml says
    shutil.rmtree(fresh, ignore_errors=True)
    if quarto := shutil.which("quarto"):
        print(f"Rendering with Quarto ({quarto})")
        subprocess.run([quarto, "render", str(processed), "--no-execute"], check=True)
    else:
        print("Quarto is not on the PATH: rendering with the fallback (pandoc)")
        fresh.mkdir()
        fallback(processed, fresh)
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(fresh, docs)


def readme(target=root / "README.md"):
    """Writes README.md, and beside it the pictures it shows, from nbs/index.ipynb."""
    processed = processed_notebooks()
    shutil.rmtree(target.parent / "index_files", ignore_errors=True)
    text = markdown(processed / "index.ipynb", target.parent / "index_files")
    matter = front_matter(processed / "index.ipynb")
    text = f"# {matter['title']}\n\n{matter['description']}\n\n" + text.split("---", 2)[2]
    cfg = get_config()
    links = [f"--metadata=site:{cfg.doc_host}{cfg.doc_baseurl}/"]
    target.write_text(
        pandoc(text, "--to=gfm", "--wrap=none", f"--lua-filter={web / 'readme.lua'}", *links), encoding="utf-8"
    )


if __name__ == "__main__":
    {"site": site, "readme": readme}[sys.argv[1] if len(sys.argv) > 1 else "site"]()
