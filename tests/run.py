"""`make test`: every notebook gives the outputs it shows, then pytest, then one verdict.

`make test NB=nbs/02_scales.ipynb` does the same for one notebook and the tests of its module.
"""

import subprocess
import sys
from pathlib import Path

root = Path(__file__).parents[1]


def run(name, *command):
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=root).returncode == 0


together = {"passes": "batchnorm", "normalize": "batchnorm", "layer": "batchnorm"}  # one file tests all of these


def tests_of(notebook):
    """The files of tests for a notebook's module, by their names."""
    module = notebook.stem.partition("_")[2] or notebook.stem
    module = together.get(module, module)
    return sorted(map(str, Path(__file__).parent.glob(f"test_{module}*.py")))


notebooks = [Path(name) for name in sys.argv[1:]]
tests = [test for notebook in notebooks for test in tests_of(notebook)]
passed = {"notebooks": run("notebooks", ".ci/notebooks.py", "check", *map(str, notebooks))}
if tests or not notebooks:
    passed["tests"] = run("tests", "-m", "pytest", "-n2", "--dist=loadfile", *tests)
failed = [name for name, ok in passed.items() if not ok]
what = " and ".join(map(str, notebooks)) if notebooks else "every notebook"
sys.exit(
    f"\nFAILED: {' and '.join(failed)}"
    if failed
    else print(f"\nPASSED: {what} and {'its' if notebooks else 'every'} test")
)
