"""`python -m web` builds the site in _docs/, which is what is published; `readme` writes README.md from index.ipynb,
`epub` the whole book as one file, and `quarto` hands the same notebooks to Quarto."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pypandoc
import yaml
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.serve import proc_nbs

from web import api, figures, lab, machines, search

web = Path(__file__).parent
root = web.parent
anchors = re.compile(r'<a class="anchor".*?</a>')  # pandoc would copy them into the table of contents
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
        (meta_file := Path(tmp, "meta.json")).write_text(json.dumps({"docs": str(target.parent)} | meta))
        style = ["--standalone", f"--template={web / 'page.html'}", f"--metadata-file={meta_file}", "--wrap=none"]
        parts = ["--mathml", "--toc", "--toc-depth=3", f"--lua-filter={web / 'filters.lua'}"]
        sources = ["--citeproc", "--bibliography=references.bib", "--metadata=link-citations:true"]
        made = pandoc(text, "--to=html5", *style, *parts, *sources)
    made = re.sub(r'(?s)<nav aria-label="On this page">.*?</nav>', lambda found: anchors.sub("", found[0]), made)
    target.write_text(made, encoding="utf-8")


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
        yield code, docs / "source" / f"{module.stem}.html", {"title": f"dlnotes/{module.name}", "module": True}


def ours(url):
    """Whether an address is a real one: "example" is a domain that leads nobody anywhere."""
    return not url.partition("://")[2].partition("/")[0].endswith(".example")


def chapters(nav):
    """For each module of the package its page and that page's title, in the order of the book."""
    titled = {e["notebook"]: e for e in nav if "notebook" in e}
    names = {n: n.partition("_")[2].removesuffix(".ipynb") for n in titled if n[:2].isdigit()}
    return {name: (titled[n]["href"], titled[n]["title"]) for n, name in names.items()}


def pages_of(processed, quarto):
    """The sidebar's entries, with title, description, address and Markdown for those that are pages."""
    nav = [dict(entry) for entry in sidebar(quarto["website"]["sidebar"]["contents"])]
    for entry in nav:
        if entry.get("notebook", "").endswith(".ipynb"):
            matter = front_matter(processed / entry["notebook"])
            entry |= {"href": matter["output-file"], "title": matter["title"]}
            entry["description"] = matter.get("description", quarto["website"]["description"])
        elif "notebook" in entry:
            entry |= {"href": entry["notebook"].replace(".qmd", ".html"), "title": entry["text"]}
        if "notebook" in entry:
            entry["text"] = entry.get("text") or entry["title"]
            entry["engine"] = entry["text"].startswith("Engine room")
    return nav


def build(processed, docs):
    """Builds the site in the empty folder `docs`."""
    quarto, cfg = configuration(), get_config()
    website, nav = quarto["website"], pages_of(processed, quarto)
    pages = [entry for entry in nav if "notebook" in entry]
    address = f"{cfg.doc_host}{cfg.doc_baseurl}/"
    listed = ("section", "href", "text", "engine")
    meta = {
        "lang": quarto["lang"],
        "site-title": website["title"],
        "site-description": website["description"],
        "source": f"{cfg.git_url}/blob/{cfg.branch}/{cfg.lib_path.name}/",
        "pages": {page["notebook"]: page["href"] for page in pages},
        "base": cfg.doc_baseurl,
        "root": "",
        "nav": [{key: entry[key] for key in listed if key in entry} for entry in nav],
    }
    for page in pages:
        if page["notebook"].endswith(".ipynb"):
            page["markdown"] = markdown(processed / page["notebook"], docs / "figures")
            shutil.copy(root / "nbs" / page["notebook"], docs)
        else:
            page["markdown"] = api.text(chapters(nav))
            page["description"] = re.search(r"^description: (.*)$", page["markdown"], re.M)[1]
    first = re.compile(r"!\[.*?\]\((figures/\S+?\.png)\)\{.*?fig-alt=\"(.*?)\"")
    pictures = [first.search(page["markdown"]) for page in pages]

    def write(i):
        page = pages[i]
        own = {
            "nav": [plain | {"current": entry is page} for plain, entry in zip(meta["nav"], nav, strict=True)],
            "previous": pages[i - 1] if i else None,
            "next": pages[i + 1] if i + 1 < len(pages) else None,
            "notebook": page["notebook"] if page["notebook"].endswith(".ipynb") else None,
            "lab": lab.available(),
            "explore": figures.explored(page["markdown"]),
            "index": page["href"] == "index.html",
            "description-meta": plain(page["description"]),
            "address": address + page["href"],
            "markdown": page["href"].replace(".html", ".md"),
        }
        for key in ("previous", "next"):
            own[key] = own[key] and {k: own[key][k] for k in ("href", "text")}
        if picture := pictures[i] or pictures[0]:  # where a page has none, the book's
            own |= {"picture": address + picture[1], "picture-alt": picture[2]}
        if ours(cfg.git_url):
            edit = f"{cfg.git_url}/edit/{cfg.branch}/nbs/{page['notebook']}"
            own |= {"repository": cfg.git_url, "edit": edit, "report": f"{cfg.git_url}/issues/new"}
        html(page["markdown"], docs / page["href"], {k: v for k, v in (meta | own).items() if v is not None})
        readable = machines.readable(page["markdown"], meta["pages"], pandoc)
        (docs / own["markdown"]).write_text(readable, encoding="utf-8")
        print(f"  {page['href']}")

    others = {"description-meta": website["description"]}
    missing = (web / "missing.md").read_text(encoding="utf-8")
    rest = [(missing, docs / "404.html", meta | others | {"missing": True})]
    rest += [(text, path, meta | others | own | {"root": "../"}) for text, path, own in source_pages(docs, meta)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # pandoc does the work
        jobs = [pool.submit(write, i) for i in range(len(pages))] + [pool.submit(html, *job) for job in rest]
        for job in jobs:
            job.result()
    for file in (root / "nbs" / "style.css", root / "nbs" / "favicon.svg", web / "book.js"):
        shutil.copy(file, docs)
    kinds = {"api.html": "api", "recipes.html": "recipe"}
    search.index(docs, {page["href"]: kinds.get(page["href"], "") for page in pages})
    shutil.copy(web / "vendor" / "minisearch.js", docs / "search")
    machines.lists(docs, website, address, nav)
    figures.write(docs)
    if lab.available():
        print("  the lab")
        lab.build(docs, [root / "nbs" / page["notebook"] for page in pages if page["notebook"].endswith(".ipynb")])


def processed_notebooks():
    """The folder where nbdev puts the notebooks with their documentation filled in."""
    os.environ["PYTHONWARNINGS"] = "ignore:Found cells containing imports"  # nbdev's workers would print each such cell
    old = root / "_proc"  # nbdev keeps a notebook there that has not changed, even where what processes it has
    newest = max(path.stat().st_mtime for name in ("procs", "renderer") for path in web.glob(f"{name}.py"))
    return proc_nbs(n_workers=2, force=old.exists() and old.stat().st_mtime < newest)


def site():
    """Builds _docs/ afresh; the old site stays until the new one is whole."""
    print("Filling in the documentation")
    docs, processed = root / "_docs", processed_notebooks()
    fresh = processed / "_docs"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    build(processed, fresh)
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(fresh, docs)


def epub():
    """The whole book in one file, _docs/dlnotes.epub, from the Markdown of the site's pages."""
    docs = root / "_docs"
    website = configuration()["website"]
    pages = [
        line.rpartition("/")[2] for line in re.findall(r"\]\((\S+?\.md)\)", (docs / "llms.txt").read_text("utf-8"))
    ]
    with TemporaryDirectory() as tmp:
        for page in pages:
            text = (docs / page).read_text(encoding="utf-8")
            Path(tmp, page).write_text(re.sub(r"(?<=\(api\.md#)[\w.]+", lambda found: found[0].lower(), text), "utf-8")
        source = "--from=gfm"
        named = [f"--metadata=title:{website['title']}: {website['description']}", "--metadata=lang:en"]
        style = ["--to=epub3", "--mathml", "--toc", "--toc-depth=2", "--split-level=1", f"--resource-path={docs}"]
        command = [
            pypandoc.get_pandoc_path(),
            source,
            "--file-scope",
            *named,
            *style,
            f"--output={docs / 'dlnotes.epub'}",
        ]
        subprocess.run([*command, *pages], cwd=tmp, check=True)


def with_quarto():
    """The same notebooks as Quarto shows them, in _proc/_docs, for those who have it."""
    quarto = shutil.which("quarto") or sys.exit("Quarto is not on the PATH: `make site` needs none")
    processed = processed_notebooks()
    nav = pages_of(processed, configuration())
    (processed / "api.qmd").write_text(api.text(chapters(nav)), encoding="utf-8")
    subprocess.run([quarto, "render", str(processed), "--no-execute"], check=True)
    for notebook in (root / "nbs").glob("*.ipynb"):
        shutil.copy(notebook, processed / "_docs")


def readme(target=root / "README.md"):
    """Writes README.md, and beside it the pictures it shows, from nbs/index.ipynb."""
    processed = processed_notebooks()
    shutil.rmtree(target.parent / "index_files", ignore_errors=True)
    text = markdown(processed / "index.ipynb", target.parent / "index_files")
    matter = front_matter(processed / "index.ipynb")
    text = f"# {matter['title']}\n\n{matter['description']}\n\n" + text.split("---", 2)[2]
    target.write_text(pandoc(text, "--to=gfm", "--wrap=none", f"--lua-filter={web / 'readme.lua'}"), encoding="utf-8")


if __name__ == "__main__":
    commands = {"site": site, "readme": readme, "epub": epub, "quarto": with_quarto}
    commands[sys.argv[1] if len(sys.argv) > 1 else "site"]()
