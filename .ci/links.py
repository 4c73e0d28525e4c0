"""Checks that every link inside the built site leads somewhere, and that nothing is loaded from another host.

Links that begin with the site's own public address, as settings.ini gives it, are checked as well.
"""

import re
import sys
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

imported = re.compile(r"""@import\s+(?:url\()?\s*["']?([^"')\s;]+)|url\(\s*["']?([^"')]+)""")
says = {"canonical", "alternate", "next", "prev"}  # a link element that says something, and loads nothing


class Page(HTMLParser):
    """The ids of a page, what it links to, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.style = {"", "top"}, [], [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id") or "")
        self.style = tag == "style"
        if tag == "a" or (tag == "link" and says & set((found.get("rel") or "").split())):
            self.links.append(found.get("href"))
        elif tag == "link":
            self.loads.append(found.get("href"))
        elif tag == "meta" and (found.get("property") or "") in ("og:image", "og:url"):
            self.links.append(found.get("content"))
        self.loads += [found.get("src"), found.get("poster"), found.get("data") if tag == "object" else None]
        self.loads += [part.split()[0] for part in (found.get("srcset") or "").split(",") if part.strip()]
        self.loads += style_loads(found.get("style") or "")

    def handle_data(self, data):
        if self.style:
            self.loads += style_loads(data)

    def handle_endtag(self, tag):
        self.style = False


class Sheet:
    """A style sheet: what it loads."""

    def __init__(self, path):
        self.ids, self.links = {""}, []
        self.loads = style_loads(path.read_text(encoding="utf-8"))


def style_loads(text):
    """What a style sheet asks for, by @import or url()."""
    return [a or b for a, b in imported.findall(re.sub(r"(?s)/\*.*?\*/", "", text))]


def problems(docs, address=""):
    """Sentences that say which links of the site in `docs` are dead, and what it loads from elsewhere."""
    whole = docs.resolve()
    pages = {path.resolve(): Page(path) for path in sorted(docs.rglob("*.html"))}
    if not pages:
        yield f"there are no pages in {docs}"
    pages |= {path.resolve(): Sheet(path) for path in sorted(docs.rglob("*.css"))}
    for path, page in pages.items():
        here = path.relative_to(whole)
        own = lambda link: address and link.startswith(address)
        for link in filter(None, page.loads):
            if not own(link) and (urlsplit(link).scheme not in ("", "data", "blob") or link.startswith("//")):
                yield f"{here} loads {link}"
        for link in filter(None, page.links + page.loads):
            start = whole if own(link) else path.parent
            parts = urlsplit(link.removeprefix(address) if own(link) else link)
            if parts.scheme or parts.netloc:
                continue
            target = (start / unquote(parts.path)).resolve() if parts.path or own(link) else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_relative_to(whole):
                yield f"{here} links to {link}, which is outside the site"
            elif not target.is_file():
                yield f"{here} links to {link}, which is not there"
            elif target.suffix == ".ipynb" and parts.fragment:
                yield f"{here} links to {link}, a place in a notebook: link to its page"
            elif target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{here} links to {link}, but no element has that id"


if __name__ == "__main__":
    settings = ConfigParser(delimiters=["="])
    settings.read(Path(__file__).resolve().parents[1] / "settings.ini", encoding="utf-8")
    public = settings["DEFAULT"]["doc_host"] + settings["DEFAULT"]["doc_baseurl"] + "/"
    found = list(problems(Path(sys.argv[1]), public))
    print("\n".join(found) or "Every link inside the site resolves")
    sys.exit(bool(found))
