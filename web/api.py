"""The reference: every public name of the package with its signature, its documentation, its chapter and its source."""

import importlib
import inspect
import re
from pathlib import Path

import dlnotes
from web.procs import anchor, homes
from web.renderer import documented, signature

extra = {"Sampler": "optuna", "SearchCV": "sklearn"}  # public, but not in the package's own list: each needs a library


def line(thing):
    """The first line of its source, or None."""
    try:
        return inspect.getsourcelines(inspect.unwrap(thing))[1]
    except (TypeError, OSError):
        return None


def own_doc(thing):
    """What a function, a property or a class says itself, not what it inherits."""
    thing = getattr(thing, "fget", None) or getattr(thing, "__func__", thing)
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


def members(kind):
    """A class's public members that say what they do: (name, member, the class that says it)."""
    for name in sorted(dir(kind), key=lambda n: (n not in vars(kind), n)):
        said = [base for base in kind.__mro__ if name in vars(base) and own_doc(vars(base)[name])]
        member = inspect.getattr_static(kind, name)
        described = callable(getattr(kind, name, None)) or isinstance(member, property)
        if described and (not name.startswith("_") or name == "__call__") and said:
            if said[0].__module__.startswith("dlnotes"):
                yield name, member, said[0]


def at(name, page, thing):
    """Its place in its chapter: under a heading of its own, unless it is a constant."""
    return f"{page}#{anchor(name)}" if callable(thing) else page


def where(name, stem, thing, chapters):
    """Links to the chapter that derives it, and to its source."""
    page, title = chapters[stem]
    links = [f"[{title}]({at(name, page, thing)})"]
    if number := line(getattr(thing, "fget", None) or getattr(thing, "__func__", thing)):
        links.append(f"[source](source/{stem}.html#L-{number})")
    return "::: {.where}\n" + " · ".join(links) + "\n:::"


def shown(name, thing, module):
    """Signature and documentation."""
    parts = []
    if isinstance(thing, property):
        parts.append(f"```{{.python .signature}}\n{name}\n```")
    elif callable(thing):
        parts.append(f"```{{.python .signature}}\n{signature(name, thing)}\n```")
    elif not isinstance(thing, property):
        parts.append(f"```{{.python .signature}}\n{name}: {type(thing).__name__}\n```")
    said = inspect.getdoc(thing) if callable(thing) or isinstance(thing, property) else ""
    said = said or getattr(module, "__doc__", "") or ""
    parts.append(documented(said, module) or said)
    return "\n\n".join(parts)


def entry(name, stem, chapters):
    """All that the reference says of one name."""
    module = importlib.import_module(f"dlnotes.{stem}")
    thing = getattr(module, name)
    heading = name.replace("_", r"\_")
    yield f"### {heading} {{#{name}}}\n\n{where(name, stem, thing, chapters)}\n\n{shown(name, thing, module)}"
    if not inspect.isclass(thing) or issubclass(thing, Exception):
        return
    inherited = {}
    for key, member, owner in members(thing):
        if owner is not thing and owner.__name__ in dlnotes.__all__:
            inherited.setdefault(owner.__name__, []).append(key)
            continue
        member = member if isinstance(member, property) else getattr(thing, key)
        full = name if key == "__call__" else f"{name}.{key}"
        text = shown(full, member, module)
        heading = f"{name}.{key}".replace("_", r"\_")
        yield f"#### {heading} {{#{name}.{key}}}\n\n{text}"
    for owner, keys in inherited.items():
        links = ", ".join(f"[`{key}`](#{owner}.{key})" for key in keys)
        yield f"Also, as of [`{owner}`](#{owner}): {links}."


def first_line(thing):
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split()).replace("|", "\\|")


def markdown(chapters):
    """The whole page. `chapters` says for each module its page and the chapter's title, in the order of the book."""
    placed = {name: homes()[name] for name in dlnotes.__all__} | {n: s for n, s in extra.items() if n in homes()}
    yield (
        "---\ntitle: Reference\n"
        "description: Every public name, what it takes and gives, and where it is derived\n---\n\n"
        "`import dlnotes` and every name below is there, as `dlnotes.search` or `from dlnotes import search`; "
        "only `Sampler` is imported from `dlnotes.optuna`. Each example runs as it stands. "
        "What the rooms of the book share, and nobody needs who only uses it, is [listed at the end](#behind)."
    )
    for stem, (page, title) in chapters.items():
        names = sorted((n for n, s in placed.items() if s == stem), key=lambda n: (n[0].islower(), n))
        if names:
            yield f"## {title}\n\nDerived in [{title}]({page})."
            for name in names:
                yield from entry(name, stem, chapters)
    yield "## What the rooms share {#behind}\n\n| name | what it is | chapter |\n|---|---|---|"
    rows = []
    for stem, (page, title) in chapters.items():
        module = importlib.import_module(f"dlnotes.{stem}")
        for name in module.__all__:
            if name not in placed and (thing := getattr(module, name)) is not None:
                said = first_line(thing) if callable(thing) else ""
                rows.append(f"| `dlnotes.{stem}.{name}` | {said} | [{title}]({at(name, page, thing)}) |")
    yield "\n".join(rows)


def text(chapters):
    """The page as Markdown; the table at its end joins its head."""
    parts = list(markdown({stem: at for stem, at in chapters.items() if importable(stem)}))
    return re.sub(r"(\|---\|---\|---\|)\n\n", r"\1\n", "\n\n".join(parts)) + "\n"


def importable(stem):
    try:
        importlib.import_module(f"dlnotes.{stem}")
    except ImportError:
        return False
    return (Path(dlnotes.__file__).parent / f"{stem}.py").exists()
