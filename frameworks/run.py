"""Build each framework an environment of its own, run its program, check it against NumPy, record what came of it.

    python frameworks/run.py theano mxnet      # these
    python frameworks/run.py all               # every one: half an hour to an hour
    python frameworks/run.py --list            # what is recorded, and how old it is

Environments are made with uv outside the repository, in $DLNOTES_CACHE or ~/.cache/dlnotes. What a framework needs is
declared at the head of its program. A run that fails is recorded with its reason; an earlier result stays, with its
date.
"""

import argparse
import ast
import contextlib
import datetime
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np

from dlnotes.frameworks import reference, work

here = Path(__file__).resolve().parent
programs = here / "programs"
cache = Path(os.environ.get("DLNOTES_CACHE", Path.home() / ".cache" / "dlnotes")) / "frameworks"
threads = "OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS TF_NUM_INTRAOP_THREADS MXNET_CPU_WORKER_NTHREADS"
pinned = dict.fromkeys(threads.split(), "1")
tolerance = 1e-5
onnx_pins = ["flatbuffers==25.12.19", "numpy==2.4.6", "onnxruntime==1.32.0", "packaging==26.3", "protobuf==7.36.2"]
mistakes = ("wrong shape", "wrong label", "wrong dtype")


class Unavailable(Exception):
    """Something that only the machine can give is missing: an interpreter, a compiler, Java, the right to chroot."""


class Failed(Exception):
    """A step that should work did not: what it last said."""


def today():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")


# What a program declares


def declared(name):
    """The block at the head of a program (inline script metadata) as a dict."""
    text = (programs / f"{name}.py").read_text(encoding="utf-8")
    block = re.search(r"^# /// script\n((?:#.*\n)*?)# ///$", text, re.M)
    meta = tomllib.loads("".join(line[2:] or "\n" for line in block[1].splitlines(keepends=True)))
    return {
        "name": name,
        "python": re.search(r"3\.\d+", meta["requires-python"])[0],
        "dependencies": meta["dependencies"],
        **meta["tool"]["dlnotes"],
    }


def names():
    """Every program's name, NumPy first."""
    return sorted((path.stem for path in programs.glob("*.py")), key=lambda name: (name != "numpy", name))


def counted(name):
    """Lines and framework names of a program, read from its source: what one must write, and what one must know."""
    text = (programs / f"{name}.py").read_text(encoding="utf-8")
    text = text.split("# program begins\n")[1].split("# program ends\n")[0]
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    deploy = set()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in ("save", "load", "export"):
            deploy |= set(range(node.lineno, node.end_lineno + 1))
    numbered = [i for i, line in enumerate(text.splitlines(), 1) if line in code]
    return {"lines": len(code), "deploy_lines": sum(i in deploy for i in numbered), "names": len(vocabulary(tree))}


def vocabulary(tree):
    """The distinct dotted names that a program takes from imports other than Python's own and NumPy."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = alias.name
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    own = {*sys.stdlib_module_names, "numpy"}
    foreign = {name for name, target in known.items() if target.partition(".")[0] not in own}
    found = set()
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id in foreign:
            found.add(".".join([node.id, *parts]))
    return {name for name in found if not any(other.startswith(name + ".") for other in found)}


# Environments


@functools.cache
def uv():
    """The uv to use: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise Unavailable("uv is not installed: pip install uv")
    return found


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


class Environment:
    """Where a program runs: a virtual environment, or a Debian tree with a chroot."""

    def __init__(self, need, extra=()):
        self.need, self.extra = need, list(extra)
        packages = need.get("packages", need["dependencies"])
        how = [need.get(key) for key in ("debian", "source", "prepare")]
        key = json.dumps([need["python"], packages, self.extra, how])
        self.folder = cache / f"{need['name']}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        self.debian = "debian" in need
        self.root = self.folder / "tree"

    def build(self, fresh=False):
        """Make it unless it is there; how long that took when it was made."""
        note = self.folder / "made.json"
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not note.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            for tool in self.need.get("commands", []):
                if not shutil.which(tool):
                    raise Unavailable(f"the program needs {tool}, which is not on the path")
            begin = time.perf_counter()
            self.debootstrap() if self.debian else self.install()
            seconds = round(time.perf_counter() - begin, 1)
            made = {"install_seconds": seconds, "size_mb": size_mb(self.folder), "date": today()}
            note.write_text(json.dumps(made))
        return json.loads(note.read_text())

    def debootstrap(self):
        if not shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin"):
            raise Unavailable("debootstrap is not installed: apt-get install debootstrap")
        if os.geteuid():
            raise Unavailable("a Debian tree is made and entered with chroot, which needs root")
        packages = "--include=" + ",".join(self.need["packages"])
        sh(["/usr/sbin/debootstrap", "--variant=minbase", packages, self.need["debian"], self.root])

    def install(self):
        python = self.folder / "bin" / "python"
        environment = os.environ.copy()
        links = []
        if local := os.environ.get("PIP_FIND_LINKS"):  # a folder of wheels, as pip would use it
            links = [f"--find-links={folder}" for folder in local.split()]
        elif self.need.get("cpu-torch"):
            links = ["--torch-backend=cpu"]
        call = functools.partial(sh, env=environment, cwd=self.folder)
        found = interpreter(self.need["python"])
        try:
            call([uv(), "venv", "--quiet", "--no-project", "--allow-existing", "--python", found, self.folder])
        except Failed as error:
            raise Unavailable(f"no Python {self.need['python']} here, and uv could not bring one: {error}") from None
        source = self.need.get("source", [])
        named = lambda pin: pin.partition("==")[0]
        pip = [uv(), "pip", "install", "--quiet", "--no-cache", "--python", python, *links]
        wheels = [pin for pin in self.need["dependencies"] if named(pin) not in source]
        call([*pip, *wheels, *self.extra])
        for pin in self.need["dependencies"]:
            if named(pin) in source:
                call([*pip, "--no-build-isolation", "--no-deps", pin])
        if script := self.need.get("prepare"):
            site = call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
            call(["bash", here / script, site, f"{site}/cntk/libs"])

    def workplace(self):
        """An empty folder that the program can see, as (path here, path there)."""
        if not self.debian:
            folder = tempfile.mkdtemp(prefix="dlnotes-")
            return Path(folder), folder
        folder = tempfile.mkdtemp(prefix="dlnotes-", dir=self.root / "tmp")
        return Path(folder), f"/tmp/{Path(folder).name}"

    def command(self, outside, inside):
        """The command that starts the worker, and its environment."""
        shutil.copy(here / "worker.py", outside)
        shutil.copy(programs / f"{self.need['name']}.py", outside / "program.py")  # torch.py would hide torch
        variables = os.environ | pinned
        variables.pop("PYTHONPATH", None)
        for name, value in self.need.get("environment", {}).items():
            variables[name] = value.replace("{folder}", str(self.folder))
        python = [str(self.folder / "bin" / "python")]
        if self.debian:
            python = ["/usr/sbin/chroot", str(self.root), "/usr/bin/python3"]
            variables |= {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp"}
        return [*python, f"{inside}/worker.py", f"{inside}/program.py", f"{inside}/data.npz"], variables


# Running


def end(process):
    """Kill a worker and what it started, if it has not ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def ask(environment, place, task, timeout=600):
    """One task in a fresh process: its report."""
    outside, inside = place
    command, variables = environment.command(outside, inside)
    process = subprocess.Popen(
        [*command, task, inside], env=variables, cwd=outside, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException as error:  # it is in a session of its own, so an interrupt reaches only us
        end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"no answer within {timeout} s") from None
        raise
    for path, name in ((str(environment.folder), "ENVIRONMENT"), (inside, "."), (str(Path.home()), "~")):
        out, err = out.replace(path, name), err.replace(path, name)
    for line in reversed(out.splitlines()):
        if line.startswith("REPORT "):
            return json.loads(line.removeprefix("REPORT "))
    tail = [line for line in (out + err).strip().splitlines() if line.strip() and not line.startswith("frame #")]
    code = process.returncode
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    raise Failed(f"{how}: " + "\n".join(tail[-12:])[-1500:])


def largest(a, b):
    """The largest absolute difference, NaN counted as infinite."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return float("inf")
    difference = np.abs(a - b).max()
    return float(difference) if np.isfinite(difference) else float("inf")


def compare(report, folder, data, seen=None):
    """How far a training run is from the reference: losses, weights after the last step, test-mode probabilities.

    The reference keeps its running statistics as the framework's own layer was `seen` to, where it has one.
    """
    kept = {}
    if large := (seen or {}).get("large"):
        unbiased = abs(large["running_variance_ratio"] - 1) > 0.5 / (len(data["X"]) - 1)
        kept = {"decay": large["decay"], "running_ddof": int(unbiased), "first": large["first_batch"]}
    truth, plain = reference(data, **kept), reference(data)
    theirs = np.load(folder / "probabilities.npy")
    with np.load(folder / "weights.npz") as stored:
        names = truth["weights"].keys() | set(stored.files)
        weights = {name: largest(stored.get(name, np.nan), truth["weights"].get(name, np.nan)) for name in names}
    return {
        "loss_diff": largest(report["losses"], truth["losses"]),
        "weights_diff": dict(sorted(weights.items())),
        "inference": {
            "kept": kept,
            "diff": largest(theirs, truth["probabilities"]),
            "diff_if_decay_0.9_population": largest(theirs, plain["probabilities"]),
        },
    }


def disagreements(compared):
    """What lies beyond the tolerance: names and differences."""
    off = {"losses": compared["loss_diff"], "probabilities": compared["inference"]["diff"]}
    off |= {f"weights {name}": diff for name, diff in compared["weights_diff"].items()}
    return {name: diff for name, diff in off.items() if not diff <= tolerance}


def attempt(do):
    """What `do` returns, or the reason why not, as data."""
    try:
        return do()
    except (Failed, Unavailable) as error:
        return {"error": str(error)}


def one_mistake(environment, place, task):
    try:
        report = ask(environment, place, task)
        return {key: report[key] for key in ("answer", "type", "message")}
    except Failed as error:
        return {"answer": "crash", "type": "", "message": str(error)}


def check_reload(environment, place):
    ask(environment, place, "save")
    saved = sum(f.stat().st_size for f in (place[0] / "saved").rglob("*") if f.is_file())
    return {"max_diff": ask(environment, place, "reload")["max_diff"], "saved_kb": round(saved / 1000, 1)}


def check_onnx(need, data_file):
    """Export with the framework's own exporter, predict with onnxruntime in an environment of its own."""
    if "def export(" not in (programs / f"{need['name']}.py").read_text():
        return {"status": "none", "reason": "no exporter of its own"}
    environment = Environment(need, need.get("export", []))
    runtime = Environment({"name": "onnxruntime", "python": "3.11", "dependencies": onnx_pins})
    place = None
    try:
        environment.build(), runtime.build()
        place = environment.workplace()
        shutil.copy(data_file, place[0] / "data.npz")
        ask(environment, place, "export")
        command = [runtime.folder / "bin" / "python", here / "predict_onnx.py"]
        diff, version = sh(command, cwd=place[0]).split()[-2:]
        size = (place[0] / "net.onnx").stat().st_size
    except (Failed, Unavailable, OSError) as error:
        return {"status": "failed", "reason": str(error)[-700:]}
    finally:
        if place:
            shutil.rmtree(place[0], ignore_errors=True)
    return {"status": "exported", "max_diff": float(diff), "onnxruntime": version, "kb": round(size / 1000, 1)}


class Clock:
    """A worker that times what it is asked to, so that two of them can take turns."""

    def __init__(self, environment, place):
        command, variables = environment.command(*place)
        self.process = subprocess.Popen(
            [*command, "speed", place[1]], env=variables, cwd=place[0], text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.wait("READY")

    def wait(self, prefix):
        for line in iter(self.process.stdout.readline, ""):
            if line.startswith(prefix):
                return line.removeprefix(prefix)
        raise Failed("the worker ended while it was timed")

    def seconds(self, n, **ask):
        self.process.stdin.write(json.dumps({"n": n, **ask}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.wait("TIME "))
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["seconds"]

    def close(self):
        end(self.process)


def measure(environment, baseline, places, hidden=(32, 256, 1024), batches=(1, 32, 512), rounds=9, block=0.03):
    """Time a step beside NumPy's, in turns on one core: medians in ms, and the ratio of the medians."""
    rows, clocks = [], []
    try:
        clocks = [Clock(environment, places[0]), Clock(baseline, places[1])]
        for what in ("training", "inference"):
            for h in hidden:
                for batch in batches:
                    case = {"what": what, "hidden": h, "batch": batch}
                    try:
                        rows.append(case | turns(clocks, case, rounds, block))
                    except Failed as error:
                        rows.append(case | {"error": str(error)})
                        if clocks[0].process.poll() is not None:
                            clocks[0].close()
                            clocks[0] = Clock(environment, places[0])
    finally:
        for clock in clocks:
            clock.close()
    return rows


def beside_numpy(environment, place):
    """The times of a program, with NumPy's taken in turns with them."""
    baseline = Environment(declared("numpy"))
    baseline.build()
    other = baseline.workplace()
    try:
        shutil.copy(place[0] / "data.npz", other[0])
        return measure(environment, baseline, (place, other))
    finally:
        shutil.rmtree(other[0], ignore_errors=True)


def turns(clocks, case, rounds, block):
    """Medians over `rounds` rounds of about `block` seconds each, the two workers taking turns."""
    counts = []
    for clock in clocks:
        for _ in range(3):  # compile, warm up
            once = clock.seconds(1, **case)
        counts.append(max(1, min(500, round(block / max(once, 1e-7)))))
    taken = [[clock.seconds(n, **case) for clock, n in zip(clocks, counts, strict=True)] for _ in range(rounds)]
    mine, numpys = zip(*taken, strict=True)
    ratios = sorted(a / b for a, b in taken)
    ms = lambda values: round(1e3 * statistics.median(values), 5)
    return {
        "ms": ms(mine), "numpy_ms": ms(numpys), "ratio": round(statistics.median(mine) / statistics.median(numpys), 3),
        "ratio_quartiles": [round(ratios[rounds // 4], 3), round(ratios[-1 - rounds // 4], 3)],
    }  # fmt: skip


def machine():
    """Enough about this machine to read its times by."""
    info = Path("/proc/cpuinfo")
    model = re.findall(r"^model name\s*:\s*(.*)$", info.read_text(), re.M) if info.exists() else []
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None  # over the minute before
    processor = (model or [platform.processor()])[0]
    return {"system": platform.platform(), "processor": processor, "cores_used": 1, "load": load}


def run(name, speed=True, fresh=False):
    """Everything there is to know about one framework, as plain data."""
    need, data, here_and_now = declared(name), work(), machine()
    environment = Environment(need)
    made = environment.build(fresh)
    place = environment.workplace()
    try:
        np.savez(place[0] / "data.npz", **data)
        first = ask(environment, place, "train")
        text = (programs / f"{name}.py").read_text(encoding="utf-8")
        seen = attempt(lambda: ask(environment, place, "conventions")) if "def batch_norm(" in text else None
        if seen and "error" not in seen:
            seen = {key: seen[key] for key in ("small", "large")}
        compared = compare(first, place[0], data, seen)
        again = ask(environment, place, "train")
        result = {
            "title": need["title"], "version": first["version"], "python": first["python"], "numpy": first["numpy"],
            "dependencies": need.get("packages", need["dependencies"]), "shims": need["shims"],
            "date": today(), "machine": here_and_now, "tolerance": tolerance,
            "agrees": not disagreements(compared), "losses": first["losses"], **compared,
            "size_mb": made["size_mb"], "install_seconds": made["install_seconds"],
            "import_seconds": min(first["import_seconds"], again["import_seconds"]),
            "first_loss_seconds": first["first_loss_seconds"], "peak_mb": round(first["peak_mb"]),
            "source": counted(name), "conventions": seen,
        }  # fmt: skip
        if "class OwnLayer" in text:
            wrong = attempt(lambda: ask(environment, place, "own_layer"))
            result["own_layer"] = wrong.get("losses") or wrong
        result["mistakes"] = {task: one_mistake(environment, place, task) for task in mistakes}
        result["reload"] = attempt(lambda: check_reload(environment, place))
        if speed:
            result["onnx"] = check_onnx(need, place[0] / "data.npz")
            result["speed"] = beside_numpy(environment, place)
    finally:
        shutil.rmtree(place[0], ignore_errors=True)
    return result


# Recording


def strict(value):
    """Ready for JSON, which has no NaN: such a number becomes its name. Paths of this machine become an ellipsis."""
    if isinstance(value, str):
        return re.sub(r"/(?:root|home|work|tmp)/[^\s:'\",()]*/", "…/", value)
    if isinstance(value, dict):
        return {str(key): strict(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


def stored(path):
    """A lane's file as data; nothing where there is none, or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def record(name, folder, status, reason="", result=None):
    """Write a lane's file, whole or not at all. What failed is said; what was found earlier stays, with its own date.

    A quick run, which measures no times, does not take the place of a full one.
    """
    path = folder / f"{name}.json"
    old = stored(path).get("result")
    keep = not result or (old and "speed" in old and "speed" not in result)
    entry = {
        "name": name,
        "last_attempt": strict({"date": today(), "status": status, "reason": reason}),
        "result": old if keep else strict(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(entry, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    new.replace(path)
    return entry


def state(folder):
    """One line a program: when it was last tried, with what outcome, and from when its result is."""
    for name in names():
        need, path = declared(name), folder / f"{name}.json"
        line, entry = f"{name:14} Python {need['python']:5} ", stored(path)
        if not entry:
            yield line + ("its file cannot be read: run it again" if path.exists() else "never run")
            continue
        last, result = entry["last_attempt"], entry["result"]
        line += f"{last['date']} {last['status']:12}"
        if result:
            diff = float(result["loss_diff"])
            line += f" result of {result['date']}: {result['version']}, losses within {diff:.1e}"
        yield line + (f" ({last['reason'].splitlines()[0]})" if last["reason"] else "")


def announce(chosen, quick, fresh):
    """Say what will be downloaded, how much disk it needs, and how long to allow, before anything happens."""
    print(f"Environments go to {cache}.")
    download = disk = missing = 0
    for need in map(declared, dict.fromkeys(["numpy", *chosen])):
        places = [Environment(need)]
        if "export" in need and not quick:  # its ONNX exporter gets an environment of its own
            places.append(Environment(need, need["export"]))
        there = [(place.folder / "made.json").exists() for place in places]
        there[0] &= not fresh
        if lacking := there.count(False):
            mb = need["download"] * lacking, need["disk"] * lacking
            download, disk, missing = download + mb[0], disk + mb[1], missing + lacking
            print(f"  {need['name']:14} about {mb[0]:5} MB to download, {mb[1]:5} MB on disk")
        else:
            print(f"  {need['name']:14} is there")
    folder = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(folder).free / 1e9
    print(f"Together about {download / 1e3:.1f} GB to download, {disk / 1e3:.1f} GB on disk; {free:.0f} GB are free.")
    print(f"Allow {len(chosen) * (1 if quick else 3) + missing} minutes.", flush=True)


def outcome(name, args):
    """Run one lane and record what came of it, whatever that is: its status, and why."""
    try:
        result = run(name, not args.quick, args.fresh)
    except Unavailable as error:
        status, said, result = "unavailable", str(error), None
    except Failed as error:
        status, said, result = "failed", str(error), None
    except Exception as error:  # a fault of ours or of the machine: the other lanes still have their turn
        status, said, result = "failed", f"{type(error).__name__}: {error}", None
    else:
        off = {what: f"{diff:.1e}" for what, diff in disagreements(result).items()}
        status = "disagrees" if off else "agrees"
        said = f"differs from the reference in {off}" if off else ""
    record(name, args.results, status, said, result)
    return status, said or f"losses within {result['loss_diff']:.1e} of the reference"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"all, or some of: {' '.join(names())}")
    parser.add_argument("--list", action="store_true", help="show what is recorded")
    parser.add_argument("--results", type=Path, default=here.parent / "dlnotes/recorded/frameworks",
                        help="folder for the result files")
    parser.add_argument("--quick", action="store_true", help="no times and no ONNX: does it still run and agree?")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    args = parser.parse_args()
    if args.list or not args.name:
        print("\n".join(state(args.results)))
        return
    chosen = names() if args.name == ["all"] else list(dict.fromkeys(args.name))
    if unknown := set(chosen) - set(names()):
        parser.error(f"no program is called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    announce(chosen, args.quick, args.fresh)
    wrong = []
    for name in chosen:
        begin = time.perf_counter()
        try:
            status, said = outcome(name, args)
        except KeyboardInterrupt:
            sys.exit(f"\nInterrupted during {name}, of which nothing is recorded; what came before stays.")
        wrong += [name] if status in ("disagrees", "failed") else []
        print(f"{name}: {status.upper()} — {said} ({time.perf_counter() - begin:.0f} s)", flush=True)
    if wrong:
        sys.exit(f"Not as it should be: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
