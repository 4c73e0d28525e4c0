"""Types: every public name of the package has one, and a strict type checker accepts a program that uses them all."""

import os
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[1]
program = root / "tests" / "test_typed.py"


def checked(*arguments, path=root):
    """Whether basedpyright passes, which finds the package in `path` and all else in this Python, and what it says."""
    beside = Path(sys.executable).parent
    env = os.environ | {"PYTHONPATH": str(path), "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "basedpyright", *arguments]
    done = subprocess.run(command, cwd=path, env=env, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def unknown(package, path=root):
    """What of a package has no type, or one that another checker might infer differently; "" if there is nothing."""
    passed, said = checked("--verifytypes", package, "--ignoreexternal", path=path)
    listed = said.partition("Symbols used in public interface:")[2].partition("Symbols exported")[0]
    errors = {line.strip() for line in listed.splitlines() if "error: " in line}
    if errors <= {"error: Type of metaclass unknown", "error: Type of base class unknown"} and errors:
        return ""  # of a class of scikit-learn, which has no types
    return "" if passed else listed or said


def refused(file):
    """What a strict type checker says against a program; "" if there is nothing."""
    passed, said = checked("--level", "error", str(file))
    return "" if passed else said


def main():
    problems = unknown("dlnotes") + refused(program)
    print(problems or "every public name has its type")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
