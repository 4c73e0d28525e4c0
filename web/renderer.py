"""How the pages show a public name: its signature, a parameter a line, and every section of its NumPy docstring."""

import doctest
import inspect
import re

from nbdev.showdoc import BasicMarkdownRenderer

import dlnotes
from web.procs import home, with_imports

times = re.compile(r"(?<=[\w)\]])\*+(?=[\w(\[])")  # between factors, where no italics begin or end
underlined = re.compile(r"^(\w+)\n-{3,}$", re.M)  # a section's title


def entries(text):
    """A section's entries, `name : type` and what is indented below, as a definition list."""
    for entry in re.split(r"\n(?=\S)", text.strip()):
        head, _, rest = entry.partition("\n")
        name, colon, kind = head.partition(" : ")
        said = " ".join(line.strip() for line in rest.splitlines()) or "&nbsp;"
        yield f"{f'`{name}` : {kind}' if colon else head}\n:   {said}\n"


def example(text, module):
    """The code of a docstring's example, to be copied as it stands: no prompts, what it gives as comments below it."""
    lines = []
    for part in doctest.DocTestParser().parse(text):
        if isinstance(part, doctest.Example):
            lines.append(part.source.rstrip("\n"))
            lines += [f"# {line}".rstrip() for line in part.want.splitlines()]
    return with_imports("\n".join(lines), module)


def documented(docstring, module=dlnotes):
    """The sections of a docstring in NumPy's style, as Markdown; None where it has no section."""
    text, *sections = underlined.split(docstring)
    if not sections:
        return None
    escaped = times.sub(lambda found: found[0].replace("*", r"\*"), text.strip())
    summary, _, more = escaped.partition("\n\n")
    parts = [f"*{summary}*", more.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title == "Examples":
            body = f"```{{.python .example}}\n{example(body, module)}\n```"
        else:
            body = "\n".join(entries(body))
        parts.append(f"**{title}**\n\n{body}")
    return "\n\n".join(part for part in parts if part)


def signature(name, function):
    """A short signature on its line, a long one with a parameter a line; types stand with the parameters."""
    plain = [str(p.replace(annotation=p.empty)) for p in inspect.signature(function).parameters.values()]
    plain = [p for p in plain if p not in ("self", "cls")]
    line = f"{name}({', '.join(plain)})"
    return line if len(line) <= 60 else f"{name}(\n    " + ",\n    ".join(plain) + ")"


class Renderer(BasicMarkdownRenderer):
    """nbdev's, but with all that a docstring in NumPy's style says."""

    def _repr_markdown_(self):
        whole = super()._repr_markdown_()
        sections = documented(inspect.getdoc(self.sym) or "", home(self.nm))
        if not sections or not callable(self.sym):
            return whole
        head = whole[: whole.index("```")]
        return f"{head}```{{.python .signature}}\n{signature(self.nm, self.sym)}\n```\n\n{sections}"
