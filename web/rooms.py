"""The table of CONTRIBUTING.md that says which room holds what, made from the notebooks."""

import ast
import re

import nbformat

from web.__main__ import configuration, root, sidebar

page = root / "CONTRIBUTING.md"
between = re.compile(r"(?<=<!-- rooms -->\n).*(?=<!-- end of rooms -->)", re.S)


def holds(module):
    """The public names that are defined in a module."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
    return [ast.literal_eval(name) for name in names.elts]


def kinds():
    """Whether each numbered page is a lesson or an engine room, by its file, in the order of the contents."""
    entries = sidebar(configuration()["website"]["sidebar"]["contents"])
    pages = {entry["notebook"]: entry.get("text") or "" for entry in entries if "notebook" in entry}
    return {
        name: "engine room" if text.startswith("Engine room") else "lesson"
        for name, text in pages.items()
        if name[0].isdigit()
    }


def row(name, kind):
    """One line of the table."""
    title = nbformat.read(root / "nbs" / name, as_version=4).cells[0].source
    stem = name.removesuffix(".ipynb")
    module = root / "dlnotes" / f"{stem.partition('_')[2]}.py"
    names = " ".join(f"`{n}`" for n in holds(module)) if module.exists() else ""
    about = title.partition("\n> ")[2].replace("|", "\\|").strip()
    return f"| `{stem}` | {kind} | {about} | {names} |"


def table():
    """The whole table, numbered pages only."""
    rows = [row(*page) for page in kinds().items()]
    return "\n".join(["| notebook | kind | what it is about | public names |", "|---|---|---|---|", *rows, ""])


if __name__ == "__main__":
    page.write_text(between.sub(lambda _: table(), page.read_text(encoding="utf-8")), encoding="utf-8")
