"""Build each framework an environment of its own, run its program, check it against NumPy, record what came of it.

    python frameworks/run.py theano mxnet      # these
    python frameworks/run.py all               # every one: half an hour to an hour
    python frameworks/run.py --list            # what is recorded, and how old it is

Environments are made with uv outside the repository, in $DLNOTES_CACHE or ~/.cache/dlnotes. What a framework needs is
declared at the head of its program. A run that fails is recorded with its reason; an earlier result stays, with its
date.
"""

import argparse
import sys
import time
from pathlib import Path

from comparing import disagreements
from environments import Failed, Unavailable
from reading import names
from reporting import announce, record, recorded, state
from running import run


def outcome(name, args):
    """Run one lane and record what came of it, whatever that is: its status, and why."""
    result = None
    try:
        result = run(name, not args.quick, args.fresh)
    except Unavailable as error:
        status, said = "unavailable", str(error)
    except Failed as error:
        status, said = "failed", str(error)
    except Exception as error:  # a fault of ours or of the machine: the other lanes still have their turn
        status, said = "failed", f"{type(error).__name__}: {error}"
    else:
        off = {what: f"{diff:.1e}" for what, diff in disagreements(result).items()}
        status, said = ("disagrees", f"differs from the reference in {off}") if off else ("agrees", "")
    record(name, args.results, status, said, result)
    return status, said or f"losses within {result['loss_diff']:.1e} of the reference"


def run_all(chosen, args):
    """Run one lane after another and say what came of each; the names of those that are not as they should be."""
    wrong = []
    for name in chosen:
        begin = time.perf_counter()
        try:
            status, said = outcome(name, args)
        except KeyboardInterrupt:
            sys.exit(f"\nInterrupted during {name}, of which nothing is recorded; what came before stays.")
        wrong += [name] if status in ("disagrees", "failed") else []
        print(f"{name}: {status.upper()} — {said} ({time.perf_counter() - begin:.0f} s)", flush=True)
    return wrong


def command_line():
    """What can be asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"all, or some of: {' '.join(names())}")
    parser.add_argument("--list", action="store_true", help="show what is recorded")
    parser.add_argument("--results", type=Path, default=recorded, help="folder for the result files")
    parser.add_argument("--quick", action="store_true", help="no times and no ONNX: does it still run and agree?")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    return parser


def main():
    parser = command_line()
    args = parser.parse_args()
    if args.list or not args.name:
        print("\n".join(state(args.results)))
        return
    chosen = names() if args.name == ["all"] else list(dict.fromkeys(args.name))
    if unknown := set(chosen) - set(names()):
        parser.error(f"no program is called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    announce(chosen, args.quick, args.fresh)
    if wrong := run_all(chosen, args):
        sys.exit(f"Not as it should be: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
