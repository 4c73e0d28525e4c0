"""The figures to turn, `web/explore/`: one script and one style sheet for the pages that hold one."""

from pathlib import Path

folder = Path(__file__).parent / "explore"


def explored(text):
    """Whether a page's Markdown holds a figure to turn."""
    return 'class="explore"' in text


def write(docs):
    """Puts `explore.js` and `explore.css` into the site; the helper comes before the figures, by its name."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.js"))]
    (docs / "explore.js").write_text("\n".join(scripts), encoding="utf-8")
    (docs / "explore.css").write_bytes((folder / "explore.css").read_bytes())
