"""Would a test notice? Small mistakes are put into the package, one at a time, and a test must fail.

`mutants.py --list` makes the mistakes that are kept in `tests/mutants.json`, each judged by the one test named there.
`mutants.py --sample 200` makes random ones, spread over the modules, each judged by the tests and the notebook of its
own module: the examples of its docstrings; the tests that walk over its line, the quickest first, which it finds out by
tracing all of them; and the notebook, which must show what it shows. It goes on where it was stopped (`--work`), and
`--store` keeps how many were made and noticed by module, and which were not, for the page on hard use. Why nobody
noticed such a one is written by hand, in `tests/mutants.json`: it is *equivalent* (all that the module gives is as
before), a *setting* (a number that was chosen, and its neighbour serves as well), only *speed* or *looks* are other
than before, or a test was *missing*.

All of it happens in copies of this repository, never in itself. A mistake is named by its module, by whole lines of it
that stand there exactly once, and by what these become: where they are gone, that is an error and not a success.
"""

import argparse
import ast
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from tempfile import gettempdir, mkdtemp
from xml.etree import ElementTree

root = Path(__file__).resolve().parents[1]
page = root / "tests" / "mutants.json"
recorded = root / "dlnotes" / "recorded" / "hard_use.json"

# The tests of each module: the files whose subject it is. The examples of its docstrings and its notebook are others.
judges = {
    "arithmetic": "scales machines space",
    "backprop": "network",
    "calibration": "calibration",
    "choice": "search_zoom conditions ask_tell machines",
    "columns": "regression paths",
    "curves": "early search_uses",
    "differences": "gradcheck",
    "early": "early recheck",
    "elastic": "paths regression",
    "entropy": "losses",
    "estimators": "regression network paths",
    "frameworks": "frameworks",
    "gradcheck": "gradcheck",
    "journal": "old_files faults ask_tell habits recheck conditions",
    "layer": "batchnorm",
    "loop": "ask_tell progress recheck habits search_uses",
    "losses": "losses",
    "model": "machines conditions search_zoom",
    "network": "network",
    "newton": "regression paths",
    "normalize": "batchnorm faults",
    "optuna": "practice",
    "passes": "batchnorm",
    "points": "conditions space habits",
    "practice": "practice habits",
    "problem": "regression paths",
    "regression": "regression paths",
    "report": "report habits practice",
    "results": "frameworks",
    "runner": "habits progress search_uses search_promises",
    "runs": "runs",
    "ranges": "scales conditions habits",
    "scales": "scales",
    "selection": "paths",
    "sklearn": "searchcv habits",
    "space": "space conditions habits",
    "study": "ask_tell habits recheck conditions",
    "threads": "threads",
    "tuning": "tuning",
    "workers": "search_processes search_uses",
}
common = "fuzz"  # it tries every public name, so it is a test of every module
others = "bench benchmarks_search claims explore house lab recipes site typed"  # whose subject is no module
slowest = 30  # seconds: a test that takes longer judges nothing


def gaps():
    """What is missing in these tables, or stands there and is gone: modules, and files of tests."""
    modules = {p.stem for p in (root / "dlnotes").glob("*.py") if not p.stem.startswith("_")}
    tests = {p.stem[5:] for p in (root / "tests").glob("test_*.py")}
    known = {name for names in (*judges.values(), common, others) for name in names.split()}
    return sorted((modules ^ judges.keys()) | (tests ^ known))


operators = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "/"), ast.Mod: ("%", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
comparisons = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip


# Making mistakes


class Mistakes(ast.NodeVisitor):
    """Every mistake that is tried in a module: (first, last, text): the text in place of what is there."""

    def __init__(self, source):
        self.source, self.found = source, []
        self.starts = [0, *itertools.accumulate(len(line.encode()) for line in source.splitlines(keepends=True))]
        self.data = source.encode()
        self.visit(ast.parse(source))

    def span(self, node):
        """Where a node stands, in bytes."""
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset

    def put(self, first, last, text):
        self.found.append((first, last, text))

    def swap(self, left, right, pair):
        """The one operator between two nodes becomes the other."""
        first, last = self.span(left)[1], self.span(right)[0]
        at = re.search(rb"(?<![*/<>=!])" + re.escape(pair[0].encode()) + rb"(?![*/=])", self.data[first:last])
        if at:
            self.put(first + at.start(), first + at.end(), pair[1])

    def condition(self, node):
        first, last = self.span(node.test)
        if not isinstance(node.test, ast.Constant):
            self.put(first, last, f"(not ({self.data[first:last].decode()}))")

    def visit_FunctionDef(self, node):
        for part in (*node.args.defaults, *(d for d in node.args.kw_defaults if d), *node.decorator_list, *node.body):
            self.visit(part)  # annotations are left alone

    def visit_AnnAssign(self, node):
        if node.value:
            self.visit(node.value)

    def visit_Raise(self, node):
        """What an error says is left alone."""

    def visit_JoinedStr(self, node):
        """And other texts too."""

    def visit_BinOp(self, node):
        if pair := operators.get(type(node.op)):
            self.swap(node.left, node.right, pair)
        self.generic_visit(node)

    def visit_Compare(self, node):
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self.swap(left, right, comparisons[type(op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        pair = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in itertools.pairwise(node.values):
            self.swap(left, right, pair)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self.put(self.span(node)[0], self.span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, bool):
            self.put(*self.span(node), repr(not node.value))
        elif isinstance(node.value, int | float):
            self.put(*self.span(node), repr(node.value + 1 if isinstance(node.value, int) else node.value * 2 or 1.0))

    def visit_If(self, node):
        self.condition(node)
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_If


def lines_around(source, first, last, text):
    """A mistake as whole lines of the module that stand there once, and what they become."""
    data = source.encode()
    start, end = data.rfind(b"\n", 0, first) + 1, data.find(b"\n", last)
    while source.count(data[start:end].decode()) > 1:
        start = data.rfind(b"\n", 0, start - 1) + 1
    new = data[start:first] + text.encode() + data[last:end]
    return data[start:end].decode(), new.decode(), data.count(b"\n", 0, first) + 1


def mistakes(module, seed):
    """Every one of a module in a random order, as dicts."""
    source = (root / "dlnotes" / f"{module}.py").read_text(encoding="utf-8")
    spans = Mistakes(source).found
    random.Random(f"{seed}/{module}").shuffle(spans)
    for span in spans:
        line, becomes, number = lines_around(source, *span)
        try:
            compile(source.replace(line, becomes), module, "exec")
        except SyntaxError:
            continue
        yield {"module": module, "line": line, "becomes": becomes, "number": number}


def mistaken(source, mistake):
    """The source with the mistake in it."""
    if source.count(mistake["line"]) != 1:
        raise LookupError(f"dlnotes/{mistake['module']}.py does not hold these lines exactly once:\n{mistake['line']}")
    return source.replace(mistake["line"], mistake["becomes"])


# Judging them

# A process that has imported the libraries and starts pytest in a fork of itself: each mistake saves some seconds.
server = """
import contextlib, importlib, json, os, sys
for name in "numpy scipy.stats matplotlib.pyplot sklearn.model_selection numba optuna torch".split():
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
import pytest
os.environ["MPLBACKEND"] = "agg"
for line in sys.stdin:
    arguments, said = json.loads(line)
    child = os.fork()
    if not child:
        os.setsid()
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0), os.dup2(out, 1), os.dup2(out, 2)
        sys.argv = ["pytest", *arguments]
        code = 70
        try:
            code = int(pytest.main(arguments))
            sys.stdout.flush()
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Copy:
    """A copy of the repository, in which mistakes are made."""

    def __init__(self, folder):
        self.folder = Path(folder)
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (root / name).exists():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, self.folder / name)
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONDONTWRITEBYTECODE": "1",  # else a mistake of the same length in the same second would go unseen
            "TQDM_DISABLE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder / ".hypothesis"),
            **{f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")},
        }
        self.server = None
        if hasattr(os, "fork"):
            self.server = subprocess.Popen(
                [sys.executable, "-c", server], cwd=self.folder, env=self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip

    def remove(self):
        """End its server, and remove the folder."""
        if self.server:
            self.server.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pytest(self, arguments, seconds):
        """Whether tests pass; None where they did not end in time."""
        arguments = ["-p", "no:cacheprovider", "-n0", *arguments]
        if not self.server:
            return self.passes(["-m", "pytest", *arguments], seconds)  # matplotlib finds out that there is no screen
        said = self.folder / "said.txt"
        print(json.dumps([arguments, str(said)]), file=self.server.stdin, flush=True)
        child = int(self.server.stdout.readline())
        too_long = threading.Timer(seconds, end_group, [child])
        too_long.start()
        code = int(self.server.stdout.readline())
        too_long.cancel()
        end_group(child)  # and what it has left running
        self.said = said.read_text(errors="replace") if said.exists() else ""
        return None if code == -9 else code == 0

    def passes(self, arguments, seconds):
        """Whether a Python program ends well; None where it did not end in time."""
        with subprocess.Popen(
            [sys.executable, *arguments], cwd=self.folder, env=self.environment, start_new_session=os.name == "posix",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            try:
                self.said = process.communicate(timeout=seconds)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                end_group(process.pid) if os.name == "posix" else process.kill()
                return None
        return process.returncode == 0

    def tests(self, nodes, seconds, *options):
        """Whether tests pass."""
        return self.pytest(["-x", *options, *nodes], seconds)

    def with_mistake(self, mistake, judge):
        """What `judge()` gives with the mistake made."""
        path = self.folder / "dlnotes" / f"{mistake['module']}.py"
        right = path.read_bytes()
        path.write_text(mistaken(right.decode(), mistake), encoding="utf-8")
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        try:
            return judge()
        finally:
            path.write_bytes(right)


def end_group(leader):
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, 9)


def files_of(module):
    """Its files of tests."""
    return [f"tests/test_{name}.py" for name in f"{judges[module]} {common}".split()]


def traced(copy, module, work):
    """Which tests walk over which line of the module, which walk elsewhere, and how long each takes."""
    spots, seconds, elsewhere = {}, {}, []
    for file in files_of(module):
        kept = work / f"trace-{Path(file).stem}.json"
        found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        if found.get("file") != digest(root / file) or found["modules"].get(module, {}).get("digest") != digest_of(
            module
        ):
            found = trace(copy, file)
            kept.write_text(json.dumps(found), encoding="utf-8")
        seconds |= found["seconds"]
        elsewhere += found["elsewhere"] if Path(file).stem[5:] != common else []
        for line, nodes in found["modules"].get(module, {"lines": {}})["lines"].items():
            spots.setdefault(int(line), []).extend(node for node in nodes if node in seconds)
    return {line: set(nodes) for line, nodes in spots.items() if nodes}, elsewhere, seconds


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of(module):
    return digest(root / "dlnotes" / f"{module}.py")


def trace(copy, file):
    """The same for one file of tests and every module."""
    data, report = copy.folder / ".coverage", copy.folder / "report.xml"
    (copy.folder / "traced.ini").write_text("[run]\nsource_pkgs = dlnotes\n", encoding="utf-8")
    options = [
        "--cov=dlnotes",
        "--cov-config=traced.ini",
        "--cov-context=test",
        "--cov-report=",
        f"--junitxml={report}",
        f"--timeout={slowest}",
    ]
    if not copy.pytest([*options, file], 1800):
        print(f"{file} does not pass as it is:\n{copy.said[-2000:]}", flush=True)
    return as_trace(file, data, report)


def as_trace(file, data, report):
    """What coverage and pytest wrote, for JSON."""
    from coverage import CoverageData

    found = CoverageData(str(data))
    found.read()
    modules = {module: {"digest": digest_of(module), "lines": {}} for module in judges}
    seconds = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if not {child.tag for child in case} & {"failure", "error", "skipped"}:
            within = case.get("classname").split(".")[2:]  # after the file's: a class of tests
            seconds["::".join([file, *within, case.get("name")])] = float(case.get("time"))
    here = set()
    for path in found.measured_files():
        if Path(path).stem in modules:
            for line, contexts in found.contexts_by_lineno(path).items():
                nodes = {c.rpartition("|")[0] for c in contexts if c}
                here |= nodes
                shared = any(
                    c.endswith("|setup") for c in contexts
                )  # a fixture: others may use what the first one made
                modules[Path(path).stem]["lines"][line] = sorted(seconds if shared else nodes)
    return {
        "file": digest(root / file),
        "modules": modules,
        "seconds": seconds,
        "elsewhere": sorted(seconds.keys() - here),  # these tests look at what other processes do
    }


def lines_to_walk(source, number):
    """A test that meets a mistake in line `number` walks over one of these: the lines of the statement, or where it is
    in the head of a function, of the body. Nothing is known of what runs at import.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside, statement, node = None, None, ast.parse(source)
    while node:
        if isinstance(node, functions):
            inside = node
        if isinstance(node, ast.stmt):
            statement = node
        within = [n for n in ast.walk(node) if n is not node and hasattr(n, "lineno")]
        within = [n for n in within if n.lineno <= number <= n.end_lineno and isinstance(n, (ast.stmt, *functions))]
        node = within[0] if within else None
    if inside is None:
        return []
    body = inside.body if isinstance(inside.body, list) else [inside.body]
    if number < body[0].lineno or statement is inside:
        return list(range(body[0].lineno, inside.end_lineno + 1))
    last = statement.body[0].lineno if getattr(statement, "body", None) else statement.end_lineno
    return list(range(statement.lineno, max(last, number) + 1))


def notebook_of(module):
    [path] = (root / "nbs").glob(f"[0-9][0-9]_{module}.ipynb")
    return path


def notebook_passes(copy, module, mistake=None):
    """Whether the module's notebook still shows what it shows, with a mistake in its own cell as in the module."""
    path = copy.folder / "nbs" / notebook_of(module).name
    right = path.read_bytes()
    notebook = json.loads(right)
    if mistake:
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        holding = [cell for cell in cells if mistake["line"] in "".join(cell["source"])]
        for cell in holding if len(holding) == 1 else []:  # elsewhere it is written otherwise than in the module
            cell["source"] = "".join(cell["source"]).replace(mistake["line"], mistake["becomes"])
    path.write_text(json.dumps(notebook), encoding="utf-8")
    try:
        return copy.passes([".ci/notebooks.py", "check", str(path)], 900)
    finally:
        path.write_bytes(right)


def notebook_is_right(copy, module, work):
    """Whether it does so without any mistake: else it judges nothing."""
    kept = work / f"notebook-{digest(notebook_of(module))[:16]}-{digest_of(module)[:16]}.json"
    if not kept.exists():
        kept.write_text(json.dumps(notebook_passes(copy, module)), encoding="utf-8")
        if kept.read_text() != "true":
            print(f"{notebook_of(module).name} does not pass as it is:\n{copy.said[-2000:]}", flush=True)
    return kept.read_text() == "true"


def judged(copy, mistake, work):
    """The first test that notices a mistake; "" if none does."""
    module = mistake["module"]

    def noticed(nodes, took):
        """The first of these tests that does, twice: on a busy machine a test may fail for a reason of its own."""
        patience = lambda some: 60 + 4 * sum(took.get(node, 5) for node in some)
        while nodes and not (ok := copy.tests(nodes, patience(nodes))):
            named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", copy.said, re.M) if ok is False else None
            if not named or named[1] not in nodes or not copy.tests([named[1]], patience([named[1]])):
                return named[1] if named else "no end" if ok is None else "no import"
            nodes = [node for node in nodes if node != named[1]]
        return ""

    examples = [f"tests/test_house.py::test_the_examples_of_docstrings_run[{module}]"]
    if by := copy.with_mistake(mistake, lambda: noticed(examples, {})):
        return by
    spots, elsewhere, took = traced(copy, module, work)
    walked = lines_to_walk((root / "dlnotes" / f"{module}.py").read_text(encoding="utf-8"), mistake["number"])
    here = {node for line in walked for node in spots.get(line, ())}  # none: it runs at import, so every test meets it
    nodes = sorted(here.union(elsewhere) if here else took, key=took.get)
    if by := copy.with_mistake(mistake, lambda: noticed(nodes[:8], took) or noticed(nodes[8:], took)):
        return by
    notebook = notebook_of(module).name
    if copy.with_mistake(mistake, lambda: notebook_passes(copy, module, mistake)):
        return ""
    return f"nbs/{notebook}" if notebook_is_right(copy, module, work) else ""


# The two ways to run


def all_of_the_list(workers):
    """Every mistake of the committed list must be noticed by its test, which passes without it."""
    listed = json.loads(page.read_text(encoding="utf-8"))["list"]
    copies = Queue()
    made = [Copy(mkdtemp()) for _ in range(workers)]
    for copy in made:
        copies.put(copy)
    nodes = sorted({mistake["test"] for mistake in listed})

    def noticed(mistake):
        copy = copies.get()
        try:
            return copy.with_mistake(mistake, lambda: copy.tests([mistake["test"]], 120)) is not True
        finally:
            copies.put(copy)

    def right(_):
        copy = copies.get()
        try:
            return copy.tests(nodes, 600) or copy.said[-3000:]
        finally:
            copies.put(copy)

    try:
        with ThreadPoolExecutor(workers) as pool:
            unbroken = pool.submit(right, None)
            found = list(pool.map(noticed, listed))
            if unbroken.result() is not True:
                sys.exit(f"without any mistake these tests should pass:\n{unbroken.result()}")
    finally:
        for copy in made:
            copy.remove()
    missed = [mistake for mistake, seen in zip(listed, found, strict=True) if not seen]
    for mistake in missed:
        print(f"{mistake['module']}: {mistake['test']} did not notice that")
        print(f"{mistake['line']}\nbecame\n{mistake['becomes']}")
    print(f"{len(listed) - len(missed)} of {len(listed)} mistakes were noticed")
    return not missed


def drawn(n, seed, modules):
    """`n` mistakes, spread over the modules at any time; of a module with four times as many, twice as many."""
    order = []
    for module in modules:
        size = len(Mistakes((root / "dlnotes" / f"{module}.py").read_text(encoding="utf-8")).found)
        order += [((i + 0.5) / size**0.5, module) for i in range(size)]
    pools = {module: mistakes(module, seed) for module in modules}
    return [mistake for _, module in sorted(order)[:n] if (mistake := next(pools[module], None))]


def key(mistake):
    return mistake["module"], mistake["line"], mistake["becomes"]


def a_sample(n, seed, modules, work, minutes):
    """Random mistakes; those of earlier calls with the same seed are not judged again, unless none noticed them."""
    work.mkdir(parents=True, exist_ok=True)
    done = work / f"judged-{seed}.jsonl"
    lines = done.read_text(encoding="utf-8").splitlines() if done.exists() else []
    known = {key(mistake): mistake for mistake in map(json.loads, lines)}
    copy = Copy(mkdtemp())
    end = time.monotonic() + 60 * minutes
    chosen = drawn(n, seed, modules)
    try:
        for mistake in chosen:
            if known.get(key(mistake), {}).get("by"):
                continue
            if time.monotonic() > end:
                print("The time is over: call it again to go on.")
                break
            start = time.monotonic()
            mistake["by"] = judged(copy, mistake, work)
            known[key(mistake)] = mistake
            with done.open("a", encoding="utf-8") as file:
                file.write(json.dumps(mistake) + "\n")
            took = time.monotonic() - start
            print(f"{mistake['module']}:{mistake['number']} {mistake['by'] or 'SURVIVED'} {took:.0f} s", flush=True)
    finally:
        copy.remove()
    return [known[key(mistake)] for mistake in chosen if key(mistake) in known]


def summary(results, seed):
    """What is stored of a sample: how many mistakes were made and noticed by module, and those that were not."""
    reasons = {key(entry): entry for entry in json.loads(page.read_text(encoding="utf-8"))["reasons"]}
    survivors = [
        {name: r[name] for name in ("module", "line", "becomes")}
        | {name: reasons.get(key(r), {}).get(name, "") for name in ("kind", "why")}
        for r in results
        if not r["by"]
    ]
    made, noticed = Counter(r["module"] for r in results), Counter(r["module"] for r in results if r["by"])
    return {
        "seed": seed,
        "made": len(results),
        "noticed": noticed.total(),
        "modules": {module: {"made": made[module], "noticed": noticed[module]} for module in sorted(made)},
        "equivalent": sum(entry["kind"] == "equivalent" for entry in survivors),
        "survivors": survivors,
    }


def store(part, value):
    """Put one part into the file that the page on hard use shows."""
    held = json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else {}
    text = json.dumps(held | {part: value}, indent=1, ensure_ascii=False, sort_keys=True)
    recorded.write_text(text + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the committed list")
    parser.add_argument("--sample", type=int, metavar="N", help="random mistakes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", nargs="*", default=sorted(judges), metavar="MODULE")
    parser.add_argument("--minutes", type=float, default=240, help="of the sample: stop, and go on when called again")
    parser.add_argument("--work", type=Path, default=Path(gettempdir()) / "dlnotes-mutants", help="what to go on with")
    parser.add_argument("--workers", type=int, default=2, help="of the list")
    parser.add_argument("--least", type=float, default=0, help="fail if a smaller share of the sample is noticed")
    parser.add_argument("--store", action="store_true", help=f"into {recorded.relative_to(root)}")
    args = parser.parse_args()
    if gaps():
        sys.exit(f"the tables `judges` and `others` are to be mended: {', '.join(gaps())}")
    ok = all_of_the_list(args.workers) if args.list else True
    if args.sample:
        found = summary(a_sample(args.sample, args.seed, args.modules, args.work, args.minutes), args.seed)
        if args.store:
            store("mutants", found)
        for entry in found["survivors"]:
            print(f"\n{entry['module']}: nobody noticed ({entry['kind'] or 'no reason known'}: {entry['why']})")
            print(f"{entry['line']}\nbecame\n{entry['becomes']}")
        print(f"{found['noticed']} of {found['made']} mistakes were noticed; {found['equivalent']} change nothing")
        ok = ok and found["noticed"] >= args.least * (found["made"] - found["equivalent"])
    sys.exit(not ok)


if __name__ == "__main__":
    main()
