"""The tests on other Pythons, and with the oldest libraries we allow, each in an environment of its own.

Without arguments, every row and every test. `--rows 3.12,3.13 tests/test_scales.py` names rows, and what pytest is to
run; `--rows other` is the newest Python here that is not this one, if there is one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parents[1]
this = f"{sys.version_info.major}.{sys.version_info.minor}"
ROWS = {"3.11": "oldest", "3.12": "newest", "3.13": "newest", "3.14": "newest"}


def oldest():
    """Our requirements, each at the first version that settings.ini allows."""
    config = ConfigParser(delimiters=["="])
    config.read(root / "settings.ini", encoding="utf-8")
    return [re.sub(">=", "==", r) for r in config["DEFAULT"]["requirements"].split()]


def found(version):
    """Where Python of this version is, or None."""
    if version == this:
        return sys.executable
    sys.path.insert(0, str(root / "frameworks"))
    from environments import interpreter

    return shutil.which(interpreter(version))


def run(version, arguments):
    """One row: makes its environment, and runs pytest in it; whether all went well."""
    python, kind = found(version), ROWS[version]
    if not python:
        print(f"there is no Python {version} here")
        return False
    env = root / ".venvs" / f"{version}-{kind}"
    bin = env / ("Scripts" if os.name == "nt" else "bin")
    pins = oldest() if kind == "oldest" else []
    install = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
    commands = [
        [python, "-m", "venv", "--clear", env],
        [*install, "--editable", f"{root}[dev,book]", *pins],
        [
            bin / "python",
            "-c",
            "import numpy, matplotlib as m; print('NumPy', numpy.__version__, 'Matplotlib', m.__version__)",
        ],
        # libraries of other years warn of other things
        [bin / "python", "-m", "pytest", "-W", "default", *arguments],
    ]
    return all(subprocess.run(list(map(str, command)), cwd=root).returncode == 0 for command in commands)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="3.11,3.12,3.13")
    args, arguments = parser.parse_known_args()
    others = [version for version in reversed(ROWS) if version != this and found(version)]
    rows = others[:1] if args.rows == "other" else args.rows.split(",")
    verdicts = {}
    for version in rows:
        print(f"\n== Python {version}, {ROWS[version]} libraries", flush=True)
        verdicts[version] = run(version, arguments)
    said = [f"Python {version}: {'passed' if ok else 'FAILED'}" for version, ok in verdicts.items()]
    print("\n".join(said) or "There is no other Python here")
    sys.exit(not all(verdicts.values()))


if __name__ == "__main__":
    main()
