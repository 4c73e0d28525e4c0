"""Where a program runs: an environment of its own with what it declares, made once, outside the repository.

Environments lie in $DLNOTES_CACHE or ~/.cache/dlnotes. Most are virtual environments that uv makes; a program that only
a Debian of its time carries gets a tree of that Debian, entered with chroot.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from reading import programs

here = Path(__file__).resolve().parent
cache = Path(os.environ.get("DLNOTES_CACHE", Path.home() / ".cache" / "dlnotes")) / "frameworks"
threads = "OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS TF_NUM_INTRAOP_THREADS MXNET_CPU_WORKER_NTHREADS"
pinned = dict.fromkeys(threads.split(), "1")


class Unavailable(Exception):
    """Something that only the machine can give is missing: an interpreter, a compiler, Java, the right to chroot."""


class Failed(Exception):
    """A step that should work did not: what it last said."""


# Tools


def sh(command, timeout=1800, **kw):
    """Run a command; its output. Raises Failed with the last lines of what it said."""
    command = [str(c) for c in command]
    what = f"{Path(command[0]).name} {command[1]}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **kw)
    except subprocess.TimeoutExpired:
        raise Failed(f"{what} took longer than {timeout} s") from None
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-6:])
        raise Failed(f"{what} failed: {tail}")
    return done.stdout


@functools.cache
def uv():
    """The uv to use: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise Unavailable("uv is not installed: pip install uv")
    return found


def interpreter(version):
    """A Python of this version: on the path or under pyenv if it runs, else the version itself, for uv to find."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]:
        if candidate:
            done = subprocess.run([candidate, "-c", ask], capture_output=True, text=True)
            if done.returncode == 0 and done.stdout.strip() == version:
                return str(candidate)
    return version


def size_mb(folder):
    """Disk used by a folder, megabytes (10^6 bytes), counting a hard link once and following no symbolic ones."""
    seen = {}
    for path, _, files in os.walk(folder):
        for file in files:
            s = os.lstat(os.path.join(path, file))
            seen[s.st_dev, s.st_ino] = s.st_blocks * 512
    return round(sum(seen.values()) / 1e6)


def free_gb():
    """Disk that is free where the environments go, gigabytes (10^9 bytes)."""
    folder = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return shutil.disk_usage(folder).free / 1e9


def end(process):
    """Kill a worker and what it started, if it has not ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


# Environments


class Place(NamedTuple):
    """A folder that a program works in, as we see it and as the program does."""

    outside: Path
    inside: str


class Environment:
    """A virtual environment with what a program needs, and what else it is to have."""

    def __init__(self, need, extra=()):
        self.need, self.extra = need, list(extra)
        self.packages = need.get("packages", need["dependencies"])
        how = [need.get(key) for key in ("debian", "source", "prepare")]
        key = json.dumps([need["python"], self.packages, self.extra, how])
        self.folder = cache / f"{need['name']}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        self.note = self.folder / "made.json"
        self.python = self.folder / "bin" / "python"

    def exists(self):
        """Whether it was made, to the end."""
        return self.note.exists()

    def build(self, fresh=False):
        """Make it unless it is there; how long that took and how large it was when it was made."""
        if fresh or not self.exists():
            self.make()
        return json.loads(self.note.read_text())

    def make(self):
        """Make it, in place of what is there; only one that was made to the end has its note."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for tool in self.need.get("commands", []):
            if not shutil.which(tool):
                raise Unavailable(f"the program needs {tool}, which is not on the path")
        begin = time.perf_counter()
        self.fill()
        seconds = round(time.perf_counter() - begin, 1)
        self.note.write_text(json.dumps({"install_seconds": seconds, "size_mb": size_mb(self.folder)}))

    def fill(self):
        """Put everything into the empty folder."""
        self.bring_python()
        self.install()
        if script := self.need.get("prepare"):
            where = "import sysconfig; print(sysconfig.get_path('purelib'))"
            self.sh(["bash", here / script, self.sh([self.python, "-c", where]).strip()])

    def sh(self, command):
        """Run a command in the folder; its output."""
        return sh(command, cwd=self.folder)

    def bring_python(self):
        """The virtual environment itself, around the Python that the program declares."""
        version = self.need["python"]
        make = [uv(), "venv", "--quiet", "--no-project", "--allow-existing", "--python", interpreter(version)]
        try:
            self.sh([*make, self.folder])
        except Failed as error:
            raise Unavailable(f"no Python {version} here, and uv could not bring one: {error}") from None

    def install(self):
        """The packages: wheels together, then one by one those that are built from source, with what is there."""
        from_source = lambda pin: pin.partition("==")[0] in self.need.get("source", [])
        wheels = [pin for pin in self.need["dependencies"] if not from_source(pin)]
        pip = [uv(), "pip", "install", "--quiet", "--no-cache", "--python", self.python, *self.origin()]
        self.sh([*pip, *wheels, *self.extra])
        for pin in filter(from_source, self.need["dependencies"]):
            self.sh([*pip, "--no-build-isolation", "--no-deps", pin])

    def origin(self):
        """Where else than in the index packages are found: options for uv."""
        if local := os.environ.get("PIP_FIND_LINKS"):  # a folder of wheels, as pip would use it
            return [f"--find-links={folder}" for folder in local.split()]
        return ["--torch-backend=cpu"] if self.need.get("cpu-torch") else []

    @contextlib.contextmanager
    def workplace(self):
        """An empty folder that the program can see; it goes at the end."""
        with tempfile.TemporaryDirectory(prefix="dlnotes-", ignore_cleanup_errors=True) as folder:
            yield Place(Path(folder), folder)

    def starter(self):
        """The command that starts its Python."""
        return [str(self.python)]

    def variables(self):
        """The environment variables of a worker: one thread for all, and what the program declares."""
        ours = os.environ | pinned
        ours.pop("PYTHONPATH", None)
        asked = self.need.get("environment", {})
        return ours | {name: value.replace("{folder}", str(self.folder)) for name, value in asked.items()}

    def command(self, outside, inside):
        """The command that starts a worker, and its environment variables."""
        shutil.copy(here / "worker.py", outside)
        shutil.copy(programs / f"{self.need['name']}.py", outside / "program.py")  # torch.py would hide torch
        files = [f"{inside}/{file}" for file in ("worker.py", "program.py", "data.npz")]
        return [*self.starter(), *files], self.variables()

    def start(self, place, task, **pipes):
        """A worker at its task, in a process and a session of its own."""
        outside, inside = place
        command, variables = self.command(outside, inside)
        return subprocess.Popen(
            [*command, task, inside], env=variables, cwd=outside, text=True, start_new_session=True, **pipes
        )


class DebianTree(Environment):
    """A Debian with what a program needs, and a chroot into it."""

    def __init__(self, need, extra=()):
        super().__init__(need, extra)
        self.root = self.folder / "tree"

    def fill(self):
        if not shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin"):
            raise Unavailable("debootstrap is not installed: apt-get install debootstrap")
        if os.geteuid():
            raise Unavailable("a Debian tree is made and entered with chroot, which needs root")
        packages = "--include=" + ",".join(self.packages)
        sh(["/usr/sbin/debootstrap", "--variant=minbase", packages, self.need["debian"], self.root])

    @contextlib.contextmanager
    def workplace(self):
        tmp = self.root / "tmp"
        with tempfile.TemporaryDirectory(prefix="dlnotes-", dir=tmp, ignore_cleanup_errors=True) as folder:
            yield Place(Path(folder), f"/tmp/{Path(folder).name}")

    def starter(self):
        return ["/usr/sbin/chroot", str(self.root), "/usr/bin/python3"]

    def variables(self):
        return super().variables() | {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp"}


def environment_for(need, extra=()):
    """The environment of a program, of the kind that it declares; not made yet."""
    return (DebianTree if "debian" in need else Environment)(need, extra)
