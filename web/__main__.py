"""`python -m web` builds the site in _docs/; `python -m web readme` writes README.md from index.ipynb."""

import json
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

web = Path(__file__).parent
root = web.parent
option = re.compile(r"^#\|.*\n?", re.M)


def options(source):
    """The cell options of a code cell (`#| key: value`) as a dict."""
    lines = [line.removeprefix("#|").strip() for line in option.findall(source)]
    found = [yaml.safe_load(line) for line in lines if ": " in line]
    return {key: value for entry in found if isinstance(entry, dict) for key, value in entry.items()}


def as_output(text):
    """Plain text output as a fenced block, with a fence longer than any inside."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"::: {{.cell-output}}\n{fence}{{.output}}\n{text.rstrip()}\n{fence}\n:::"


def markdown(notebook, figures):
    """A processed notebook as Markdown; its pictures are written to the folder `figures`."""
    exporter = MarkdownExporter(template_file=str(web / "cells.md.j2"))
    exporter.register_filter("options", options)
    exporter.register_filter("without_options", lambda source: option.sub("", source).strip())
    exporter.register_filter("as_output", as_output)
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


def html(text, target, meta):
    """Writes the page `target` from pandoc's Markdown and the template's variables."""
    with TemporaryDirectory() as tmp:
        (meta_file := Path(tmp, "meta.json")).write_text(json.dumps(meta))
        style = ["--standalone", f"--template={web / 'page.html'}", f"--metadata-file={meta_file}", "--wrap=none"]
        parts = ["--mathml", "--toc", "--toc-depth=3", f"--lua-filter={web / 'filters.lua'}"]
        sources = ["--citeproc", "--bibliography=references.bib", "--metadata=link-citations:true"]
        target.write_text(pandoc(text, "--to=html5", *style, *parts, *sources), encoding="utf-8")


def sidebar(quarto):
    """The entries of the sidebar in order: {"section": …} or {"notebook": …, "text": … or absent}."""
    for entry in quarto["website"]["sidebar"]["contents"]:
        if isinstance(entry, str):
            yield {"notebook": entry}
        elif "section" in entry:
            yield {"section": entry["section"]}
            yield from sidebar({"website": {"sidebar": entry}})
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
    quarto = yaml.safe_load((root / "_quarto.yml").read_text(encoding="utf-8"))
    website, cfg = quarto["website"], get_config()
    nav = [dict(entry) for entry in sidebar(quarto)]
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
        matter = front_matter(processed / page["notebook"])
        own = {
            "nav": [entry | {"current": entry is page} for entry in nav],
            "previous": pages[i - 1] if i else None,
            "next": pages[i + 1] if i + 1 < len(pages) else None,
            "notebook": page["notebook"],
            "index": page["href"] == "index.html",
            "description-meta": matter.get("description", website["description"]),
        }
        text = markdown(processed / page["notebook"], docs / "figures")
        html(text, docs / page["href"], {k: v for k, v in (meta | own).items() if v is not None})
        shutil.copy(root / "nbs" / page["notebook"], docs)
    source_pages(docs, meta | {"nav": nav, "description-meta": website["description"], "root": "../"})
    for name in ("style.css", "book.js"):
        shutil.copy(web / name, docs)


def site():
    """Builds _docs/ afresh, with Quarto if there is one."""
    docs, processed = root / "_docs", proc_nbs(n_workers=2)
    shutil.rmtree(docs, ignore_errors=True)
    if quarto := shutil.which("quarto"):
        print(f"Rendering with Quarto ({quarto})")
        subprocess.run([quarto, "render", str(processed), "--no-execute"], check=True)
        shutil.move(processed / "_docs", docs)
    else:
        print("Quarto is not on the PATH: rendering with the fallback (pandoc)")
        docs.mkdir()
        fallback(processed, docs)
    print(f"The book is in {docs}: open {docs / 'index.html'}")


def readme(target=root / "README.md"):
    """Writes README.md, and beside it the pictures it shows, from nbs/index.ipynb."""
    processed = proc_nbs(n_workers=2)
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
