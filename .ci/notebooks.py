"""Run the book's notebooks: `run` stores fresh outputs, `check` compares fresh outputs with the stored ones.

A cell marked `#| timing: true` or `#| machine: true` shows times, or last digits, of the machine it ran on: it must
run and give outputs of the same kinds, but they are not compared. `check --alone` runs each notebook as a reader does
who has downloaded it: by itself, in an empty folder, with what this Python has installed.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

root = Path(__file__).resolve().parents[1]
number = re.compile(r"[-+−]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
options = re.compile(r"(?:#\|.*\n?)*")  # the lines at a cell's very start
machines_own = re.compile(r"^#\|\s*(?:timing|machine):\s*true\s*$", re.M)
not_run = re.compile(r"^#\|\s*(?:eval:\s*false|notest)\s*$", re.M)


def marked(cell, option):
    """Whether the cell's options say so."""
    return cell.cell_type == "code" and bool(option.search(options.match(cell.source)[0]))


def cleaned(nb):
    """A copy of `nb` as nbdev cleans it: no execution counts, no volatile metadata."""
    from nbdev.clean import clean_nb

    nb = nbformat.from_dict(nb)
    clean_nb(nb)
    return nbformat.from_dict(nb)


def execute(nb, folder=root / "nbs"):
    """A copy of `nb` with the outputs of a run in a fresh kernel in `folder`."""
    fresh = nbformat.from_dict(nb)
    skipped = {}
    for cell in fresh.cells:
        if marked(cell, not_run):
            skipped[cell.id], cell.source = cell.source, ""
    os.environ |= {"TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore:IProgress"}  # no bars, nor a word on missing ones
    # notebooks run side by side and start workers: more threads in each would only wait for each other
    os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
    quiet = ["--log-level=ERROR"]
    resources = {"metadata": {"path": folder}}
    NotebookClient(fresh, timeout=600, kernel_name="python3", extra_arguments=quiet, resources=resources).execute()
    for cell in fresh.cells:
        cell.source = skipped.get(cell.id, cell.source)
    return fresh


def equal(a, b, rtol=1e-6, atol=1e-12):
    """Whether two numbers, as text, say the same: integers exactly, others within a tolerance."""
    a, b = a.replace("−", "-"), b.replace("−", "-")
    if a.lstrip("+-").isdigit() and b.lstrip("+-").isdigit():
        return int(a) == int(b)
    x, y = float(a), float(b)
    return x == y or abs(x - y) <= atol + rtol * abs(x)


def text_difference(old, new):
    """What differs between two texts, white space aside and numbers within the tolerance; None where nothing does."""
    skeletons = ["".join(number.sub("#", text).split()) for text in (old, new)]
    if skeletons[0] != skeletons[1]:
        return f"text was {old!r}\n    and is   {new!r}"
    for a, b in zip(number.findall(old), number.findall(new), strict=True):
        if not equal(a, b):
            return f"number was {a} and is {b}"
    return None


def pixels(png):
    """A PNG (base64) on white, shape (height, width, 3), 0 to 1."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"), float) / 255


def image_difference(old, new, most=0.02):
    """What differs between two PNGs, relative to how much ink there is; None where they look the same."""
    a, b = pixels(old), pixels(new)
    if a.shape != b.shape:
        return f"the picture was {a.shape[1]}x{a.shape[0]} and is {b.shape[1]}x{b.shape[0]}"
    background = np.median(a.reshape(-1, 3), axis=0)
    moved = abs(a - b).sum() / max(abs(a - background).sum(), abs(b - background).sum(), 1e-9)
    return f"{moved:.0%} of the picture changed" if moved > most else None


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
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if old.cell_type != "code":
            continue
        if marked(old, not_run):
            found = ["is not run, so it must not show an output"] if old.outputs else []
        elif marked(old, machines_own):
            same = [kind for kind, _ in parts(old)] == [kind for kind, _ in parts(new)]
            found = [] if same else ["gave another kind of output"]
        else:
            found = cell_differences(old, new)
        if "stderr" in dict(parts(old)) or "stderr" in dict(parts(new)):
            found.append("shows text on stderr")
        for sentence in found:
            yield f"cell {old.id}: {sentence}\n    {old.source.strip().splitlines()[0]}"


def check(path):
    """Problems with one notebook: it is not clean, it fails, or a run gives other outputs than are stored."""
    stored = nbformat.read(path, as_version=4)
    return ([] if stored == cleaned(stored) else ["is not clean: run `make notebooks`"]) + rerun(stored)


def check_alone(path):
    """The same for a notebook alone in an empty folder; what it leaves there goes with the folder."""
    with TemporaryDirectory() as folder:
        return rerun(nbformat.read(path, as_version=4), folder)


def rerun(stored, *folder):
    """Problems with a run of a notebook: it fails, or gives other outputs than are stored."""
    try:
        return list(differences(stored, execute(stored, *folder)))
    except CellExecutionError as error:
        return [f"failed\n{error}"]


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
    parser.add_argument("--alone", action="store_true", help="with check: each in an empty folder of its own")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_intermixed_args()
    paths = args.notebook or sorted((root / "nbs").glob("*.ipynb"))
    work = {"run": run, "check": check_alone if args.alone else check}[args.command]

    def timed(path):
        start = time.monotonic()
        return work(path), time.monotonic() - start

    with ThreadPoolExecutor(args.workers) as pool:
        results = list(pool.map(timed, paths))
    for path, (problems, seconds) in zip(paths, results, strict=True):
        print(f"{path.name}: {'ok' if not problems else ''} ({seconds:.0f} s)")
        for problem in problems:
            print(f"  {problem}")
    sys.exit(any(problems for problems, _ in results))


if __name__ == "__main__":
    main()
