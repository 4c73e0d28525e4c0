"""Run a program: one task after another, each in a fresh process, to everything there is to know about a framework."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np

import worker
from comparing import compare, disagreements, tolerance
from dlnotes.frameworks import work
from environments import Environment, Failed, Unavailable, end, environment_for, here, sh
from reading import counted, declared, defines
from reporting import today
from timing import beside_numpy, machine

onnx_pins = ["flatbuffers==25.12.19", "numpy==2.4.6", "onnxruntime==1.32.0", "packaging==26.3", "protobuf==7.36.2"]


# A task


def ask(environment, place, task, timeout=600):
    """One task in a fresh process: its report."""
    process = environment.start(place, task, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said = process.communicate(timeout=timeout)
    except BaseException as error:  # it is in a session of its own, so an interrupt reaches only us
        end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"no answer within {timeout} s") from None
        raise
    _, inside = place
    out, err = (without_paths(text, environment.folder, inside) for text in said)
    for line in reversed(out.splitlines()):
        if line.startswith(worker.REPORT):
            return json.loads(line.removeprefix(worker.REPORT))
    raise Failed(last_words(process.returncode, out + err))


def without_paths(text, folder, inside):
    """The text without this machine's paths: of the environment, of the folder of the task, and of the user."""
    for path, name in ((str(folder), "ENVIRONMENT"), (inside, "."), (str(Path.home()), "~")):
        text = text.replace(path, name)
    return text


def last_words(code, said):
    """How a process ended that gave no report, and the last that it said."""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    tail = [line for line in said.strip().splitlines() if line.strip() and not line.startswith("frame #")]
    return f"{how}: " + "\n".join(tail[-12:])[-1500:]


def attempt(do):
    """What `do` returns, or the reason why not, as data."""
    try:
        return do()
    except (Failed, Unavailable) as error:
        return {"error": str(error)}


# What is asked


def watch_layer(name, environment, place):
    """The conventions of the framework's own batch norm layer, if it has one, on a small batch and on a large one."""
    if not defines(name, "batch_norm"):
        return None
    seen = attempt(lambda: ask(environment, place, "conventions"))
    return seen if "error" in seen else {key: seen[key] for key in ("small", "large")}


def train_own_layer(environment, place):
    """The losses with a layer that is known to be wrong."""
    wrong = attempt(lambda: ask(environment, place, "own_layer"))
    return wrong.get("losses") or wrong


def make_mistake(environment, place, mistake):
    """How the framework answers a mistake."""
    try:
        report = ask(environment, place, mistake)
    except Failed as error:
        return {"answer": "crash", "type": "", "message": str(error)}
    return {key: report[key] for key in ("answer", "type", "message")}


def save_and_reload(environment, place):
    """How far the predictions of a saved network are in a fresh process, and what it takes on disk."""
    ask(environment, place, "save")
    saved = sum(file.stat().st_size for file in (place.outside / "saved").rglob("*") if file.is_file())
    return {"max_diff": ask(environment, place, "reload")["max_diff"], "saved_kb": round(saved / 1000, 1)}


def to_onnx(need, data_file):
    """Export with the framework's own exporter, predict with onnxruntime in an environment of its own."""
    if not defines(need["name"], "export"):
        return {"status": "none", "reason": "no exporter of its own"}
    try:
        environment = environment_for(need, need.get("export", []))
        runtime = Environment({"name": "onnxruntime", "python": "3.11", "dependencies": onnx_pins})
        environment.build(), runtime.build()
        with environment.workplace() as place:
            shutil.copy(data_file, place.outside / "data.npz")
            ask(environment, place, "export")
            diff, version = sh([runtime.python, here / "predict_onnx.py"], cwd=place.outside).split()[-2:]
            size = (place.outside / "net.onnx").stat().st_size
    except (Failed, Unavailable, OSError) as error:
        return {"status": "failed", "reason": str(error)[-700:]}
    return {"status": "exported", "max_diff": float(diff), "onnxruntime": version, "kb": round(size / 1000, 1)}


# Everything


def run(name, speed=True, fresh=False):
    """Everything there is to know about one framework, as plain data."""
    need, here_and_now = declared(name), machine()
    environment = environment_for(need)
    made = environment.build(fresh)
    with environment.workplace() as place:
        data = work()
        np.savez(place.outside / "data.npz", **data)
        first = ask(environment, place, "train")
        seen = watch_layer(name, environment, place)
        compared = compare(first, place.outside, data, seen)
        again = ask(environment, place, "train")
        result = {
            **what_ran(need, environment, first),
            "date": today(),
            "machine": here_and_now,
            "tolerance": tolerance,
            "agrees": not disagreements(compared),
            "losses": first["losses"],
            **compared,
            **costs(made, first, again),
            "source": counted(name),
            "conventions": seen,
        }
        if defines(name, "OwnLayer"):
            result["own_layer"] = train_own_layer(environment, place)
        result["mistakes"] = {mistake: make_mistake(environment, place, mistake) for mistake in worker.mistakes}
        result["reload"] = attempt(lambda: save_and_reload(environment, place))
        if speed:
            result["onnx"] = to_onnx(need, place.outside / "data.npz")
            result["speed"] = beside_numpy(environment, place)
    return result


def what_ran(need, environment, report):
    """The framework, its version, and what it ran on."""
    return {
        "title": need["title"],
        "version": report["version"],
        "python": report["python"],
        "numpy": report["numpy"],
        "dependencies": environment.packages,
        "shims": need["shims"],
    }


def costs(made, first, again):
    """What the environment and two runs took."""
    return {
        "size_mb": made["size_mb"],
        "install_seconds": made["install_seconds"],
        "import_seconds": min(first["import_seconds"], again["import_seconds"]),
        "first_loss_seconds": first["first_loss_seconds"],
        "peak_mb": round(first["peak_mb"]),
    }
