"""Run the book's notebooks: `run` stores fresh outputs, `check` compares fresh outputs with the stored ones.

A cell marked `#| timing: true` shows times of the machine it ran on: it must run, but its outputs are not compared.
"""

import argparse
import base64
import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbdev.clean import clean_nb
from PIL import Image

root = Path(__file__).resolve().parents[1]
number = re.compile(r"[-+−]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
timing = re.compile(r"^#\|\s*timing:\s*true\s*$", re.M)
not_run = re.compile(r"^#\|\s*(?:eval:\s*false|notest)\s*$", re.M)


def cleaned(nb):
    """A copy of `nb` as nbdev cleans it: no execution counts, no volatile metadata."""
    nb = nbformat.from_dict(nb)
    clean_nb(nb)
    return nbformat.from_dict(nb)


def execute(nb):
    """A cleaned copy of `nb` with the outputs of a run in a fresh kernel."""
    fresh = nbformat.from_dict(nb)
    skipped = {}
    for cell in fresh.cells:
        if cell.cell_type == "code" and not_run.search(cell.source):
            skipped[cell.id], cell.source = cell.source, ""
    quiet = ["--log-level=ERROR"]
    resources = {"metadata": {"path": root / "nbs"}}
    NotebookClient(fresh, timeout=600, kernel_name="python3", extra_arguments=quiet, resources=resources).execute()
    for cell in fresh.cells:
        cell.source = skipped.get(cell.id, cell.source)
    return cleaned(fresh)


def text_difference(old, new, rtol=1e-6, atol=1e-12):
    """What differs between two texts, numbers compared within a tolerance; None where nothing does."""
    if number.sub("#", old) != number.sub("#", new):
        return f"text was {old!r}\n    and is   {new!r}"
    for a, b in zip(number.findall(old), number.findall(new), strict=True):
        x, y = (float(t.replace("−", "-")) for t in (a, b))
        if abs(x - y) > atol + rtol * abs(x):
            return f"number was {a} and is {b}"
    return None


def image_difference(old, new, most=0.01):
    """What differs between two PNGs (base64); None where they look the same."""
    a, b = (np.asarray(Image.open(io.BytesIO(base64.b64decode(s))).convert("RGB"), float) for s in (old, new))
    if a.shape != b.shape:
        return f"the picture was {a.shape[1]}x{a.shape[0]} and is {b.shape[1]}x{b.shape[0]}"
    moved = abs(a - b).mean() / 255
    return f"the picture changed by {moved:.1%} on average" if moved > most else None


def parts(cell):
    """The cell's outputs as (kind, content), adjoining streams joined."""
    found = []
    for out in cell.get("outputs", []):
        if out.output_type == "stream":
            if found and found[-1][0] == out.name:
                found[-1] = (out.name, found[-1][1] + "".join(out.text))
            else:
                found.append((out.name, "".join(out.text)))
        elif out.output_type == "error":
            found.append(("error", f"{out.ename}: {out.evalue}"))
        else:
            found += [(kind, "".join(content)) for kind, content in sorted(out.data.items())]
    return found


def cell_differences(old, new):
    """Sentences that say how the outputs of two runs of a cell differ."""
    a, b = parts(old), parts(new)
    if [kind for kind, _ in a] != [kind for kind, _ in b]:
        return [f"outputs were {[kind for kind, _ in a]} and are {[kind for kind, _ in b]}"]
    compare = lambda kind: image_difference if kind == "image/png" else text_difference
    return [d for (kind, x), (_, y) in zip(a, b, strict=True) if (d := compare(kind)(x, y))]


def differences(stored, fresh):
    """Sentences that say where two runs of a notebook differ, by cell."""
    found = []
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if old.cell_type == "code" and not timing.search(old.source):
            found += [
                f"cell {old.id}: {d}\n    {old.source.strip().splitlines()[0]}" for d in cell_differences(old, new)
            ]
    return found


def check(path):
    """Problems with one notebook: not clean, warnings on the page, or a run that differs from what is stored."""
    stored = nbformat.read(path, as_version=4)
    problems = [] if stored == cleaned(stored) else ["is not clean: run `make notebooks`"]
    stderr = [c.id for c in stored.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    problems += [f"cell {i} shows text on stderr" for i in stderr]
    return problems + differences(stored, execute(stored))


def run(path):
    """Run one notebook and store its outputs."""
    stored = nbformat.read(path, as_version=4)
    fresh = execute(stored)
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if old.get("outputs") and not cell_differences(old, new):
            new.outputs = old.outputs  # nothing changed: keep the bytes, and the diff small
    nbformat.write(cleaned(fresh), path)
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "check"])
    parser.add_argument("notebook", nargs="*", type=Path, help="default: every notebook of the book")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    paths = args.notebook or sorted((root / "nbs").glob("*.ipynb"))
    work = {"run": run, "check": check}[args.command]
    with ThreadPoolExecutor(args.workers) as pool:
        results = list(pool.map(work, paths))
    for path, problems in zip(paths, results, strict=True):
        print(f"{path.name}: {'ok' if not problems else ''}")
        for problem in problems:
            print(f"  {problem}")
    sys.exit(any(results))


if __name__ == "__main__":
    main()
