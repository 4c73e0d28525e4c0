"""What happens to each notebook on its way to a page, whichever renderer makes it: nbdev runs `Page` on all of them."""

import ast
import builtins
import importlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType

from execnb.nbio import mk_cell
from nbdev.config import get_config
from nbdev.process import Processor

import dlnotes

package = Path(dlnotes.__file__).parent
symbol = re.compile(r"\[`([\w.]+)(\(\))?`\]\((https?://[^)\s]*|)\)")
fence = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@cache
def homes():
    """Where each public name lives: {name: module}, those of the package itself first."""
    stems = sorted(path.stem for path in package.glob("[!_]*.py"))
    found = {}
    for stem in stems:
        try:
            module = importlib.import_module(f"dlnotes.{stem}")
        except ImportError:  # a room for a library that is not here
            continue
        for name in module.__all__:
            if getattr(module, name) is getattr(dlnotes, name, found):
                found[name] = stem
            found.setdefault(name, stem)
    return found


def home(name):
    """The module where `name`, or the class that it begins with, lives; the package where there is none."""
    stem = homes().get(name.partition(".")[0])
    return importlib.import_module(f"dlnotes.{stem}") if stem else dlnotes


def anchor(name):
    """The id that a heading of this name gets."""
    return name.lower()


def undefined(code):
    """Names that `code` uses before anything in it has given them a meaning, in order."""
    tree = ast.parse(code)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {arg.arg for arg in ast.walk(tree) if isinstance(arg, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [name for name in dict.fromkeys(used) if name not in bound and not hasattr(builtins, name)]


def source_of(name, module):
    """The import that gives `name` the meaning that it has for a reader of `module`; None where it has none."""
    if name in ("np", "plt"):
        return {"np": "import numpy as np", "plt": "import matplotlib.pyplot as plt"}[name]
    if name in dlnotes.__all__:
        return f"from dlnotes import {name}"
    thing = vars(module).get(name)
    if isinstance(thing, ModuleType):
        return f"import {thing.__name__}"
    if name in homes() and (module is dlnotes or name in module.__all__):
        return f"from dlnotes.{homes()[name]} import {name}"
    home = getattr(thing, "__module__", None)
    return f"from {home} import {name}" if home and not name.startswith("_") else None


def joined(lines):
    """The imports in order, those from one module on one line, or in brackets where that is long."""
    merged = {}
    for line in sorted(lines, key=lambda line: ("dlnotes" in line, line)):
        start, _, name = line.rpartition(" import ")
        merged.setdefault(start or line, []).append(name if start else "")
    for start, names in merged.items():
        line = f"{start} import {', '.join(names)}" if names != [""] else start
        yield line if len(line) <= 85 else f"{start} import (\n    {', '.join(names)})"


def with_imports(code, module=dlnotes):
    """`code` below the imports that it needs, of what a reader of `module` would know."""
    try:
        names = undefined(code)
    except SyntaxError:
        return code
    lines = list(joined(filter(None, (source_of(name, module) for name in names))))
    return "\n".join([*lines, "", code]) if lines else code


def relative(text, pages):
    """Markdown whose links to names lead to this copy of the book, and to the name that they say."""
    site = f"{get_config().doc_host}{get_config().doc_baseurl}/"

    def target(found):
        name, call, url = found[1], found[2] or "", found[3]
        common = name not in dlnotes.__all__ and homes().get(name) in ("runs", "frameworks")  # words such as make, plan
        if "#_" in url or common:  # nbdev links private names too, which have no documentation
            return f"`{name}{call}`"
        if "." in name:  # a method has its heading in the reference, if its class has
            listed = url.startswith(site) and name.partition(".")[0] in dlnotes.__all__
            return f"[`{name}{call}`](api.html#{name})" if listed else f"`{name}{call}`"
        if url.startswith(site) and name in dlnotes.__all__ and homes()[name] in pages:
            return f"[`{name}{call}`]({homes()[name]}.html#{anchor(name)})"
        return f"[`{name}{call}`]({url.removeprefix(site)})"

    return symbol.sub(target, text)


def as_markdown(output):
    """A table that a cell put out as HTML, as Markdown that holds it: so nothing is added for it from elsewhere."""
    data = output.get("data", {})
    if "text/html" in data:
        table = "".join(data["text/html"]).replace('<div class="table"', '<div class="scroll"')
        kept = f'\n````{{=html}}\n<div class="cell-output cell-output-html">{table}</div>\n````\n'
        output["data"] = {"text/markdown": kept}


def folded(summary, source):
    return f'#| code-fold: true\n#| code-summary: "{summary}"\n{source.strip()}'


def summary(source):
    """What a cell that only the module needs is called."""
    kinds = {type(node) for node in ast.parse(source).body}
    return "Imports" if kinds <= {ast.Import, ast.ImportFrom} else "Private helpers"


class Page(Processor):
    """Shows, folded, the exported code that nbdev leaves out; mends links, tables, labels and the code in boxes."""

    def __init__(self, nb):
        super().__init__(nb)
        self.order = [cell.get("id") for cell in nb.cells]
        wanted = {"export", "exporti"}
        self.code = {
            cell.get("id"): cell.source
            for cell in nb.cells
            if cell.cell_type == "code" and wanted & set(cell.directives_ or ()) and cell.source.strip()
        }

    def end(self):
        self.restore()
        pages = {path.stem.partition("_")[2] for path in get_config().nbs_path.glob("[0-9]*.ipynb")}
        figures = 0
        for cell in self.nb.cells:
            if cell.cell_type == "markdown":
                code = lambda found: f"```python\n{with_imports(found[1])}```"
                cell.source = relative(fence.sub(code, cell.source), pages)
                continue
            opened = '#| code-fold: show\n#| code-summary: "Exported source"\n'  # the text above has said it
            cell.source = cell.source.replace(opened, opened.replace("show", "true"), 1)
            if re.search(r"^#\| fig-cap:", cell.source, re.M):  # what has a caption has a number, and so a label
                figures += 1
                if not re.search(r"^#\| label:", cell.source, re.M):
                    cell.source = f"#| label: fig-{figures}\n{cell.source}"
            for output in cell.get("outputs", []):
                as_markdown(output)
                text = output.get("data", {}).get("text/markdown")
                if text:
                    output["data"]["text/markdown"] = relative("".join(text), pages)

    def restore(self):
        """Puts back, folded, what was exported and is not documented: before the next cell of code that is left."""
        left = {cell.get("id") for cell in self.nb.cells}
        known = set(self.order)
        for i, key in enumerate(self.order):
            if key not in self.code or key in left:
                continue
            places = {cell.get("id"): place for place, cell in enumerate(self.nb.cells)}
            later = (places[k] for k in self.order[i + 1 :] if k in places)
            after = next((place for place in later if self.nb.cells[place].cell_type == "code"), len(self.nb.cells))
            while after and self.nb.cells[after - 1].get("id") not in known:  # its documentation, which nbdev put there
                after -= 1
            source = self.code[key]
            cell = mk_cell(folded(summary(source), source), "code")
            cell.id = key
            self.nb.cells.insert(after, cell)
