"""`make test`: every notebook gives the outputs it shows, then pytest, then one verdict.

`make test NB=nbs/02_scales.ipynb` does the same for one notebook and the tests of its module; `make chapter NB=...`
stores what the notebook gives in place of comparing it. With `COVERAGE=1`, all tests together must walk over as many
lines of the package as `pyproject.toml` asks for.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

root = Path(__file__).parents[1]


def run(name, *command):
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=root).returncode == 0


def judges():
    """Which files of tests look at a module, the one whose subject it is first: those that its mistakes must meet."""
    spec = importlib.util.spec_from_file_location("mutants", root / ".ci" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.judges


def tests_of(notebook):
    """The files of tests for a notebook's module: by their names, or else the first that looks at it."""
    module = notebook.stem.partition("_")[2] or notebook.stem
    found = sorted(map(str, Path(__file__).parent.glob(f"test_{module}*.py")))
    return found or [f"tests/test_{name}.py" for name in judges().get(module, "").split()[:1]]


store = "--store" in sys.argv
notebooks = [Path(name) for name in sys.argv[1:] if name != "--store"]
tests = list(dict.fromkeys(test for notebook in notebooks for test in tests_of(notebook)))
passed = {"notebooks": run("notebooks", ".ci/notebooks.py", "run" if store else "check", *map(str, notebooks))}
if tests or not notebooks:
    lines = ["--cov=dlnotes"] if os.environ.get("COVERAGE") and not tests else []
    passed["tests"] = run("tests", "-m", "pytest", "-n2", "--dist=loadfile", *lines, *tests)
failed = [name for name, ok in passed.items() if not ok]
what = " and ".join(map(str, notebooks)) if notebooks else "every notebook"
sys.exit(
    f"\nFAILED: {' and '.join(failed)}"
    if failed
    else print(f"\nPASSED: {what} and {'its' if notebooks else 'every'} test")
)
