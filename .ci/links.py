"""Checks that every link inside the built site leads somewhere, and that nothing is loaded from another host."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The ids of a page, what it links to, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads = {"", "top"}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id") or "")
        if tag == "a":
            self.links.append(found.get("href"))
        elif tag == "link":
            self.loads.append(found.get("href"))
        self.loads.append(found.get("src"))


def problems(docs):
    """Sentences that say which links of the site in `docs` are dead, and what it loads from elsewhere."""
    pages = {path.resolve(): Page(path) for path in sorted(docs.rglob("*.html"))}
    if not pages:
        yield f"there are no pages in {docs}"
    for path, page in pages.items():
        here = path.relative_to(docs.resolve())
        for link in filter(None, page.loads):
            if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
                yield f"{here} loads {link}"
        for link in filter(None, page.links + page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_relative_to(docs.resolve()):
                yield f"{here} links to {link}, which is outside the site"
            elif not target.is_file():
                yield f"{here} links to {link}, which is not there"
            elif target.suffix == ".ipynb" and parts.fragment:
                yield f"{here} links to {link}, a place in a notebook: link to its page"
            elif target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{here} links to {link}, but no element has that id"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found) or "Every link inside the site resolves")
    sys.exit(bool(found))
