"""The table of CONTRIBUTING.md that says which room holds what, made from the notebooks."""

import ast
import re
from pathlib import Path

import nbformat
import yaml

root = Path(__file__).resolve().parents[1]
page = root / "CONTRIBUTING.md"
between = re.compile(r"(?<=<!-- rooms -->\n).*(?=<!-- end of rooms -->)", re.S)


def listed(contents):
    """Every page of the sidebar: its file and, where it has one, its text."""
    for entry in contents:
        if isinstance(entry, str):
            yield entry, ""
        elif "section" in entry:
            yield from listed(entry["contents"])
        else:
            yield entry["href"], entry.get("text", "")


def holds(module):
    """The public names that are defined in a module."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
    return [ast.literal_eval(name) for name in names.elts]


def row(name, text):
    """One line of the table."""
    title = nbformat.read(root / "nbs" / name, as_version=4).cells[0].source
    stem = name.removesuffix(".ipynb")
    module = root / "dlnotes" / f"{stem.partition('_')[2]}.py"
    names = " ".join(f"`{n}`" for n in holds(module)) if module.exists() else ""
    kind = "engine room" if text.startswith("Engine room") else "lesson"
    about = title.partition("\n> ")[2].replace("|", "\\|").strip()
    return f"| `{stem}` | {kind} | {about} | {names} |"


def table():
    """The whole table, numbered pages only."""
    contents = yaml.safe_load((root / "nbs" / "_quarto.yml").read_text())["website"]["sidebar"]["contents"]
    rows = [row(*entry) for entry in listed(contents) if entry[0][0].isdigit()]
    return "\n".join(["| notebook | kind | what it is about | public names |", "|---|---|---|---|", *rows, ""])


if __name__ == "__main__":
    page.write_text(between.sub(lambda _: table(), page.read_text(encoding="utf-8")), encoding="utf-8")
