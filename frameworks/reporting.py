"""What is said and written: what a run will need, what came of it, and what is recorded so far."""

import datetime
import json
import math
import re
from pathlib import Path

import environments
from reading import declared, names

recorded = Path(__file__).resolve().parents[1] / "dlnotes/recorded/frameworks"


def today():
    """The day in universal time, as text."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")


# Before a run


def announce(chosen, quick, fresh):
    """Say what will be downloaded, how much disk it needs, and how long to allow, before anything happens."""
    print(f"Environments go to {environments.cache}.")
    download = disk = missing = 0
    for need in map(declared, dict.fromkeys(["numpy", *chosen])):
        if lacking := to_make(need, quick, fresh):
            mb = need["download"] * lacking, need["disk"] * lacking
            download, disk, missing = download + mb[0], disk + mb[1], missing + lacking
            print(f"  {need['name']:14} about {mb[0]:5} MB to download, {mb[1]:5} MB on disk")
        else:
            print(f"  {need['name']:14} is there")
    free = f"{environments.free_gb():.0f} GB are free"
    print(f"Together about {download / 1e3:.1f} GB to download, {disk / 1e3:.1f} GB on disk; {free}.")
    print(f"Allow {len(chosen) * (1 if quick else 3) + missing} minutes.", flush=True)


def to_make(need, quick, fresh):
    """How many environments of a program will be made."""
    there = [environments.environment_for(need).exists() and not fresh]
    if "export" in need and not quick:  # its ONNX exporter gets an environment of its own
        there.append(environments.environment_for(need, need["export"]).exists())
    return there.count(False)


# After it


def record(name, folder, status, reason="", result=None):
    """Write a lane's file. What failed is said; what was found earlier stays, with its own date.

    A quick run, which measures no times, does not take the place of a full one.
    """
    path = folder / f"{name}.json"
    old = stored(path).get("result")
    keep = not result or (old and "speed" in old and "speed" not in result)
    attempted = strict({"date": today(), "status": status, "reason": reason})
    write(path, {"name": name, "last_attempt": attempted, "result": old if keep else strict(result)})


def strict(value):
    """Ready for JSON, which has no NaN: such a number becomes its name. Paths of this machine become an ellipsis."""
    if isinstance(value, str):
        return re.sub(r"/(?:root|home|work|tmp)/[^\s:'\",()]*/", "…/", value)
    if isinstance(value, dict):
        return {str(key): strict(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write(path, data):
    """Write plain data as a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    new.replace(path)


# What is there


def stored(path):
    """A lane's file as data; nothing where there is none, or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def state(folder):
    """One line a program: when it was last tried, with what outcome, and from when its result is."""
    for name in names():
        path = folder / f"{name}.json"
        yield f"{name:14} Python {declared(name)['python']:5} {history(path)}"


def history(path):
    """What a lane's file says, in one line."""
    entry = stored(path)
    if not entry:
        return "its file cannot be read: run it again" if path.exists() else "never run"
    last, result = entry["last_attempt"], entry["result"]
    line = f"{last['date']} {last['status']:12}"
    if result:
        diff = float(result["loss_diff"])
        line += f" result of {result['date']}: {result['version']}, losses within {diff:.1e}"
    return line + (f" ({last['reason'].splitlines()[0]})" if last["reason"] else "")
