"""Strange arguments and damaged files, all of them, counted: `--store` keeps the counts for the page on hard use.

`fuzz.py --atheris SECONDS` lets Atheris look for files that break a reader, guided by the branches they take; it begins
with the files that are kept in `tests/damaged/`, and leaves what it finds in the folder `--work`. Atheris is not among
the extras:
`pip install atheris`.
"""

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import gettempdir, mkdtemp

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root), str(root / "tests")]


def arguments():
    """The counts of the table of arguments, and what is wrong."""
    import matplotlib
    import strange

    matplotlib.use("agg")
    counts, wrong = Counter(), []
    for use, kind in strange.pairs():
        if (verdict := strange.verdict(use, kind)) is None:
            continue
        counts[verdict[0]] += 1
        if verdict[0] not in ("works", "refused"):
            wrong.append(f"{use}, {kind}: {verdict[1]}")
    kinds = strange.SAME | strange.OTHER | strange.SAME_NUMBER | strange.OTHER_NUMBER
    uses = strange.ARRAYS | strange.NUMBERS
    sizes = {"names": len({name for name, *_ in uses.values()}), "uses": len(uses), "kinds": len(kinds)}
    return sizes | {"tried": counts.total(), "worked": counts["works"], "refused": counts["refused"]}, wrong


def files(n):
    """The counts of damaged files by kind, and what is wrong."""
    import damaged

    path, counts, wrong = Path(mkdtemp()) / "file", {}, []
    for kind in damaged.READERS:
        by_hand = [data for of, _, data in damaged.by_hand() if of == kind]
        tried = [*by_hand, *(damaged.changed(kind, seed) for seed in range(n))]
        counts[kind] = len(tried)
        wrong += [f"a {kind}: {why}" for data in tried if (why := damaged.refused(kind, data, path))]
    return counts, wrong


def counted(n):
    """Everything, as it is stored."""
    import json

    table, wrong = arguments()
    read, wrong_files = files(n)
    mended = json.loads((root / "tests" / "found.json").read_text(encoding="utf-8"))
    kept = sorted((root / "tests" / "damaged").iterdir())
    found = {
        "arguments": table | {"mended": len(mended)},
        "files": {
            kind: {"tried": tried, "mended": sum(path.name.startswith(kind) for path in kept)}
            for kind, tried in read.items()
        },
    }
    return found, wrong + wrong_files


def guided(kind, seconds, work):
    """Atheris on one kind of file, in this process, which it ends."""
    import atheris

    with atheris.instrument_imports(include=["dlnotes"]):
        import damaged

    path = Path(mkdtemp()) / "file"

    def one(data):
        if why := damaged.refused(kind, data, path):
            raise AssertionError(why)

    seeds = work / kind
    seeds.mkdir(parents=True, exist_ok=True)
    (seeds / "whole").write_bytes(damaged.whole(kind))
    for file in damaged.CORPUS.glob(f"{kind}-*"):
        (seeds / file.name).write_bytes(file.read_bytes())
    options = [f"-max_total_time={seconds}", "-rss_limit_mb=3000", "-timeout=20", f"-artifact_prefix={work}/"]
    atheris.Setup([sys.argv[0], str(seeds), *options], one)
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000, help="of each kind, damaged at random")
    parser.add_argument("--store", action="store_true", help="the counts, into dlnotes/recorded/hard_use.json")
    parser.add_argument("--atheris", type=int, metavar="SECONDS", help="for each kind of file")
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, default=Path(gettempdir()) / "dlnotes-fuzz")
    args = parser.parse_args()
    if args.kind:
        guided(args.kind, args.atheris, args.work)
    elif args.atheris:
        again = [sys.executable, __file__, "--atheris", str(args.atheris), "--work", str(args.work), "--kind"]
        sys.exit(any([subprocess.run([*again, kind]).returncode for kind in ("journal", "layer", "network")]))
    else:
        found, wrong = counted(args.files)
        print(found, *wrong, sep="\n")
        if args.store and not wrong:
            from mutants import store

            store("fuzz", found)
        sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
