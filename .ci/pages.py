"""Runs the code that a page shows, block by block as one would copy it, in an empty folder and with nothing hidden.

    python .ci/pages.py                            every page of _docs
    python .ci/pages.py _docs/losses.html ...      these

A page fails with its first block that raises, or that does not though its example shows an error. Examples of the
reference stand alone. Signatures are no code, and pages without code pass.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bs4 import BeautifulSoup

RUN = r"""
import linecache, sys

def main():
    blocks = eval(sys.stdin.read())
    for number, (block, alone) in enumerate(blocks, 1):
        name, raises = f"<block {number}>", "\n# Traceback" in block
        linecache.cache[name] = len(block), None, block.splitlines(keepends=True), name  # as Jupyter does
        try:
            exec(compile(block, name, "exec"), {"__name__": "example"} if alone else globals())
        except Exception:
            if raises:
                continue
            print(f"block {number} of {len(blocks)}:\n{block}\n", file=sys.stderr)
            raise
        assert not raises, f"block {number} should have raised an error: {block}"

if __name__ == "__main__":  # not in the processes that some blocks start
    main()
"""


def blocks(page: Path) -> list[tuple[str, bool]]:
    """The Python that a page shows, in its order, folded or not; an example of the reference stands alone."""
    html = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    shown = html.select("article div.sourceCode pre.python:not(.signature)")
    return [(pre.get_text(), "example" in pre["class"]) for pre in shown]


def run(page: Path) -> str:
    """Runs a page's code; what went wrong, or nothing."""
    env = os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "page.py"
        script.write_text(RUN)
        command = [sys.executable, str(script)]
        done = subprocess.run(command, cwd=folder, env=env, input=repr(blocks(page)), text=True, capture_output=True)
    return done.stderr[-3000:] if done.returncode else ""


def main() -> None:
    pages = [Path(name) for name in sys.argv[1:]] or sorted(Path("_docs").glob("*.html"))
    failed = 0
    for page in pages:
        start = perf_counter()
        problem = run(page)
        failed += bool(problem)
        print(f"{page.stem:15} {perf_counter() - start:5.0f} s  {problem or 'runs'}", flush=True)
    sys.exit(f"{failed} of {len(pages)} pages do not run as copied" if failed else 0)


if __name__ == "__main__":
    main()
