"""Every public name of the package with its signature, in tests/public_names.txt: so that a change of one is seen."""

import inspect
from pathlib import Path

import dlnotes

page = Path(__file__).resolve().parents[1] / "tests" / "public_names.txt"


def signature(thing):
    """Its parameters, without types; nothing for what cannot be called."""
    if not callable(thing):
        return ""
    parameters = inspect.signature(thing).parameters.values()
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters]))


def members(name, thing):
    """A class's own public methods and properties, those it inherits from ours included."""
    for key in sorted(dir(thing)):
        if not key.startswith("_") and not foreign(thing, key):
            value = inspect.getattr_static(thing, key)
            plain = isinstance(value, property) or not callable(getattr(thing, key))
            yield f"{name}.{key}{'' if plain else signature(getattr(thing, key))}"


def foreign(thing, key):
    """Whether a class has a member from scikit-learn, whose versions differ."""
    owner = next(kind for kind in thing.__mro__ if key in vars(kind))
    return owner.__module__.startswith("sklearn.")


def listed():
    """A line for each name, and for each member of a class."""
    for name in sorted([*dlnotes.__all__, "SearchCV"]):  # which needs scikit-learn, so that * leaves it out
        thing = getattr(dlnotes, name)
        yield name + signature(thing)
        if inspect.isclass(thing) and not issubclass(thing, BaseException):
            yield from members(name, thing)


def text():
    return "\n".join(listed()) + "\n"


if __name__ == "__main__":
    page.write_text(text())
