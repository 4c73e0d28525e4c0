"""What a program says of itself, read without running it: what it needs, and how much one must write and know."""

import ast
import re
import sys
import tomllib
from pathlib import Path

programs = Path(__file__).resolve().parent / "programs"


def names():
    """Every program's name, NumPy first."""
    return sorted((path.stem for path in programs.glob("*.py")), key=lambda name: (name != "numpy", name))


def source(name):
    """The text of a program."""
    return (programs / f"{name}.py").read_text(encoding="utf-8")


def declared(name):
    """The block at the head of a program (inline script metadata) as a dict."""
    block = re.search(r"^# /// script\n((?:#.*\n)*?)# ///$", source(name), re.M)
    meta = tomllib.loads("".join(line[2:] or "\n" for line in block[1].splitlines(keepends=True)))
    return {
        "name": name,
        "python": re.search(r"3\.\d+", meta["requires-python"])[0],
        "dependencies": meta["dependencies"],
        **meta["tool"]["dlnotes"],
    }


def defines(name, what):
    """Whether a program has a function or class of this name."""
    return bool(re.search(rf"^ *(?:def|class) {what}\b", source(name), re.M))


def counted(name):
    """Lines and framework names of a program, read from its source: what one must write, and what one must know."""
    text = source(name).split("# program begins\n")[1].split("# program ends\n")[0]
    tree, code = ast.parse(text), lines_of_code(text)
    return {"lines": len(code), "deploy_lines": len(code & lines_to_deploy(tree)), "names": len(vocabulary(tree))}


def lines_of_code(text):
    """The numbers of the lines that are neither empty nor a comment."""
    stripped = [line.strip() for line in text.splitlines()]
    return {number for number, line in enumerate(stripped, 1) if line and not line.startswith("#")}


def lines_to_deploy(tree):
    """The numbers of the lines that save, load or export."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    deploying = [f for f in functions if f.name in ("save", "load", "export")]
    return {number for f in deploying for number in range(f.lineno, f.end_lineno + 1)}


def vocabulary(tree):
    """The distinct dotted names that a program takes from imports other than Python's own and NumPy."""
    own = {*sys.stdlib_module_names, "numpy"}
    foreign = {name for name, target in imported(tree) if target.partition(".")[0] not in own}
    found = {name for name in dotted(tree) if name.partition(".")[0] in foreign}
    return {name for name in found if not any(other.startswith(name + ".") for other in found)}


def imported(tree):
    """What the imports define: each name, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def dotted(tree):
    """The names with a dot in a program, and the beginnings of the longer ones."""
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name):
            yield ".".join([node.id, *parts])
