"""`make test`: every notebook, then pytest, then one verdict."""

import subprocess
import sys
from pathlib import Path

root = Path(__file__).parents[1]
steps = {
    "notebooks": ["nbdev_test", "--n_workers", "2", "--timing"],
    "tests": ["pytest", *sys.argv[1:]],
}


def run(name, command):
    print(f"== {name}", flush=True)
    tool, *arguments = command
    return subprocess.run([Path(sys.executable).with_name(tool), *arguments], cwd=root).returncode == 0


failed = [name for name, command in steps.items() if not run(name, command)]
sys.exit(f"\nFAILED: {' and '.join(failed)}" if failed else print("\nPASSED: every notebook and every test"))
