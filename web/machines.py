"""What machines read: each page in Markdown, llms.txt that lists them, and the sitemap."""

from pathlib import Path
from xml.sax.saxutils import escape

web = Path(__file__).parent


def readable(text, pages, pandoc):
    """A page's Markdown without what only our pages understand; links lead to other pages' Markdown."""
    links = [f"--metadata=page-{notebook}:{href.replace('.html', '.md')}" for notebook, href in pages.items()]
    sources = ["--citeproc", "--bibliography=references.bib"]
    made = pandoc(text, "--to=gfm", "--wrap=none", f"--lua-filter={web / 'machines.lua'}", *links, *sources)
    return made.lstrip()


def lists(docs, website, address, nav):
    """Writes llms.txt and sitemap.xml."""
    lines = [f"# {website['title']}", "", f"> {website['description']}", ""]
    lines += ["Each page below is Markdown; its `.html` twin, at the same address, is for people.", ""]
    lines += ["## Start"]
    for entry in nav:
        if "section" in entry:
            lines += ["", f"## {entry['section']}"]
        else:
            lines.append(
                f"- [{entry['text']}]({address}{entry['href'].replace('.html', '.md')}): {entry['description']}"
            )
    (docs / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.html") if path.name != "404.html")
    places = [f"<url><loc>{escape(address + ('' if page == 'index.html' else page))}</loc></url>" for page in pages]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    (docs / "sitemap.xml").write_text(head + "\n".join(places) + "\n</urlset>\n", encoding="utf-8")
