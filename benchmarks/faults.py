# ruff: noqa: B023, E402, E501  (threads are pinned before NumPy is imported)
"""What becomes of a search, its journal and saved states when things go wrong? Everything here is really done to them.

    python benchmarks/faults.py                 the stored results
    python benchmarks/faults.py --run           does what has no stored result yet, keeps it, and shows all
    python benchmarks/faults.py --run NAME ...  does these again
    python benchmarks/faults.py --quick         a few tries of each, kept nowhere; fails if a promise was broken

The promises: nothing that had finished is lost, files stay readable, no value is changed unseen, and where a person has to
do something the message says what. Each fault is a function that tries it many times, counts the outcomes, and lists what
broke a promise. `--run` may be stopped, and goes on with the next fault. The page "When things go wrong" shows the counts.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import contextlib
import errno
import json
import platform
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from collections import Counter
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np

from dlnotes import MLP, BatchNorm, Categorical, LogUniform, Space, Study, Uniform, search

FILE = Path(__file__).parents[1] / "dlnotes" / "recorded" / "faults.json"
SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))
FAULTS = {}


def bowl(params):
    return (np.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + (params["o"] == "a")


PROGRAM = """
    import os, signal, sys, time, warnings
    import numpy as np
    from dlnotes import Categorical, LogUniform, Space, Study, Uniform, search
    SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))
    def bowl(params):
        return (np.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + (params["o"] == "a")
"""


def python(text, *arguments, **options):
    """A process that has SPACE and bowl, and runs `text`."""
    program = textwrap.dedent(PROGRAM) + textwrap.dedent(text)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, text=True, **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options))


def fault(title, promise):
    """Registers a function that tries a fault."""

    def registered(function):
        FAULTS[function.__name__] = title, promise, function
        return function

    return registered


class Tries:
    """How often something was tried, what came of it, and where a promise was broken."""

    def __init__(self):
        self.outcomes, self.broken = Counter(), []

    def __call__(self, outcome, kept=True, what=""):
        self.outcomes[outcome] += 1
        if not kept:
            self.broken.append(f"{outcome}: {what}"[:300])


def quiet_load(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Study.load(path)


def told(path):
    """What the journal holds of trials that have ended: their values by number."""
    return {t.number: t.value for t in quiet_load(path).trials} if path.exists() and path.stat().st_size else {}


def says(error, *words):
    """Whether the message and its notes say all of these."""
    text = " ".join([str(error), *getattr(error, "__notes__", ())])
    return all(word in text for word in words)


# Processes that are killed

SLOW = """
    def slow(params):
        with open(sys.argv[2], "a") as calls: calls.write("x")
        time.sleep(float(sys.argv[5]))
        return bowl(params)
    def confirm(study):
        with open(sys.argv[3], "a") as done: done.write(f"{study.next_number - 1}\\n")
    search(slow, SPACE, 60, seed=5, journal=sys.argv[1], n_jobs=int(sys.argv[4]), stop=confirm)
"""


@fault(
    "the driver is killed (kill −9) at a random moment",
    "all that had ended is in the journal; the search goes on to the same trials",
)
def drivers_killed(many, folder):
    tries, whole = Tries(), search(bowl, SPACE, 60, seed=5)
    for campaign in range(10 if many else 1):
        rng, n_jobs = random.Random(campaign), campaign % 2 + 1
        journal, calls, done = (folder / f"{name}{campaign}" for name in ("journal", "calls", "done"))
        done.write_text("")
        for kill in range(10 if many else 3):
            size, began = calls.stat().st_size if calls.exists() else 0, time.monotonic()
            child = python(
                SLOW, journal, calls, done, n_jobs, 0.01, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while child.poll() is None and time.monotonic() - began < 60:
                if calls.exists() and calls.stat().st_size > size + rng.randrange(6):
                    break
                time.sleep(0.002)
            time.sleep(0.03 * rng.random())
            child.kill()
            child.wait()
            confirmed, held = {int(n) for n in done.read_text().split()}, told(journal)
            right = all(held[n] == whole.trials[n].value for n in held)
            tries("resumed", confirmed <= held.keys() and right, f"{sorted(confirmed - held.keys())} lost, kill {kill}")
            time.sleep(0.6 if n_jobs > 1 else 0)  # its workers notice, and end
        counted = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finished = len(told(journal))
            resumed = search(lambda p: counted.append(1) or bowl(p), SPACE, 60, seed=5, journal=journal)
        if resumed != whole or len(counted) != 60 - finished:
            tries.broken.append(f"campaign {campaign}: other trials than without interruptions")
    return tries


@fault("a worker is killed (kill −9) at a random moment", "its trial is run once more; the search goes on to its end")
def workers_killed(many, folder):
    length = 60 if many else 14
    tries, whole, run = Tries(), search(bowl, SPACE, length, seed=5, lag=4), 0
    text = SLOW.replace("n_jobs=", "lag=4, n_jobs=").replace(", stop=confirm", "").replace("60", str(length))
    while sum(tries.outcomes.values()) < (100 if many else 3):
        rng, journal, run = random.Random(run), folder / f"journal{run}", run + 1
        child = python(text, journal, folder / "calls", "", 2, 0.04)
        while child.poll() is None and sum(tries.outcomes.values()) < (100 if many else 3):
            time.sleep(0.3 + 0.7 * rng.random())
            ours = workers_of(child.pid)
            if ours and child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(ours), signal.SIGKILL)
                    tries("the search went on")
        _, err = child.communicate(timeout=300)
        study = quiet_load(journal)
        lost = [t.number for t in study.trials if t.state == "lost"]
        if child.returncode or len(study.trials) != length or {t.state for t in study.trials} > {"complete", "lost"}:
            tries.broken.append(f"run {run}: {study!r} {err[-200:]}")
        elif not lost and study.trials != whole.trials:
            tries.broken.append(f"run {run}: other trials than without deaths")
        elif lost:
            tries.outcomes["of these, a trial's second death, which it is told as lost"] += len(lost)
    return tries


def workers_of(pid):
    """The processes of a driver that run trials."""
    with contextlib.suppress(OSError):
        pids = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
        return [int(p) for p in pids if b"resource_tracker" not in Path(f"/proc/{p}/cmdline").read_bytes()]
    return []


@fault("the driver is suspended for a minute (SIGSTOP, SIGCONT), with trials that have a timeout",
       "what ended meanwhile counts; no trial is taken for one that hangs")  # fmt: skip
def driver_suspended(many, folder):
    program = """
        def slow(params):
            open(sys.argv[1] + ".begun", "a").write("x")
            time.sleep(0.5)
            return bowl(params)
        search(slow, SPACE, 14, journal=sys.argv[1], n_jobs=2, timeout=3)
    """
    tries, whole, rng = Tries(), search(bowl, SPACE, 14), random.Random(0)
    for round in range(5 if many else 1):
        journals = [folder / f"journal{round}-{i}" for i in range(4 if many else 1)]
        children = [python(program, j, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for j in journals]
        for child, journal in zip(children, journals, strict=True):
            while child.poll() is None and not Path(f"{journal}.begun").exists():
                time.sleep(0.01)
        time.sleep(rng.random() * 2)
        for child in children:
            os.kill(child.pid, signal.SIGSTOP)
        time.sleep(60 if many else 5)
        for child in children:
            os.kill(child.pid, signal.SIGCONT)
        for child, journal in zip(children, journals, strict=True):
            child.wait(timeout=200)
            study = quiet_load(journal)
            tries("went on", study.trials == whole.trials, repr(study))
    return tries


# Disks and folders


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of so many bytes where we may mount one, else None."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


LIMITED = """
import resource
if int(sys.argv[2]):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
"""


@fault(
    "the disk is full while a journal is written",
    "what was written stays, whole; the search goes on when there is room",
)
def disk_full_journal(many, folder):
    tries = Tries()
    for i in range(40 if many else 2):
        disk, free = folder / f"disk{i}", 4096 * (1 + i % 3)
        with small_disk(disk, 4 * 4096) as mounted:
            if mounted:
                (disk / "other").write_bytes(b"x" * (4 * 4096 - free))
            limit = 0 if mounted else free
            child = python(
                LIMITED + f"search(bowl, SPACE, 200, seed={i}, journal=sys.argv[1])", disk / "journal", limit
            )
            _, err = child.communicate(timeout=120)
            hint = "make room, and the same search goes on from there" in err
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a torn line would be one
                kept = Study.load(disk / "journal").trials
            right = kept == search(bowl, SPACE, len(kept), seed=i).trials if kept else True
            if mounted:
                (disk / "other").unlink()
            more = min(len(kept) + 5, 25)
            resumed = search(bowl, SPACE, more, seed=i, journal=disk / "journal")
            goes_on = resumed == search(bowl, SPACE, more, seed=i)
            outcome = "stopped with what to do, and went on" + ("" if mounted else " (a limit on the file's size)")
            tries(outcome, bool(child.returncode) and hint and right and goes_on, err[-300:])
    return tries


def saved_states(seed=0):
    """Something of each kind that can be saved, with the class that loads it and what is to be as it was."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(20, 3)), np.array(["no", "yes"])[rng.integers(2, size=20)]
    bn = BatchNorm(3)
    bn(x)
    net = MLP((4,), norm="z", epochs=1, seed=0).fit(x, y)
    return {
        "BatchNorm": (bn, BatchNorm, lambda bn: (repr(bn), bn.steps, bn(x, train=False).tobytes())),
        "MLP": (net, MLP, lambda net: (repr(net), net.predict(x).tolist(), net.predict_proba(x).tobytes())),
    }


@fault("the disk is full while a layer or a network is saved over an earlier one", "the earlier file stays as it was")
def disk_full_saved(many, folder):
    program = """
from dlnotes import MLP, BatchNorm
new = {"BatchNorm": BatchNorm, "MLP": MLP}[sys.argv[3]].load(sys.argv[4])
new.save(sys.argv[1])
"""
    tries = Tries()
    for i in range(20 if many else 1):
        for kind, (old, cls, seen) in saved_states(i).items():
            disk = folder / f"{kind}{i}"
            with small_disk(disk, 16 * 4096) as mounted:
                old.save(disk / "saved.npz")
                before = (disk / "saved.npz").read_bytes()
                new = folder / "new.npz"
                saved_states(i + 1)[kind][0].save(new)
                if mounted:
                    with contextlib.suppress(OSError), open(disk / "other", "wb", buffering=0) as other:
                        while other.write(b"x" * 512):
                            pass
                limit = 0 if mounted else 100 + 40 * i
                child = python(LIMITED + program, disk / "saved.npz", limit, kind, new)
                _, err = child.communicate(timeout=60)
                same = (disk / "saved.npz").read_bytes() == before and seen(cls.load(disk / "saved.npz")) == seen(old)
                alone = {p.name for p in disk.iterdir()} <= {"saved.npz", "other"}
                hint = "the file that was there is as it was: make room" in err
                outcome = "refused, the earlier file untouched" + ("" if mounted else " (a limit on the file's size)")
                tries(outcome, bool(child.returncode) and same and alone and hint, err[-300:])
    return tries


@fault(
    "saving a layer or a network is killed (kill −9) at a random moment",
    "the earlier or the later file is there, whole",
)
def saving_killed(many, folder):
    tries, rng = Tries(), random.Random(1)
    program = """
        from dlnotes import MLP, BatchNorm
        both = [BatchNorm(200_000, decay=d) for d in (0.1, 0.2)]
        print("on", flush=True)
        while True:
            for bn in both: bn.save(sys.argv[1])
    """
    for i in range(50 if many else 2):
        path = folder / f"saved{i}.npz"
        child = python(program, path)
        child.stdout.readline()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(0.1 * rng.random())
        child.kill()
        child.communicate()
        tries("a whole file is there", BatchNorm.load(path).decay in (0.1, 0.2), str(path))
    return tries


@fault("a folder or a file is read-only", "refused before a trial is run, and nothing is changed")
def read_only(many, folder):
    tries, program = (
        Tries(),
        """
        from dlnotes import BatchNorm
        import tempfile
        with tempfile.TemporaryDirectory() as folder:  # what is imported late is imported now
            search(bowl, SPACE, 2, journal=f"{folder}/journal")
            BatchNorm(3).save(f"{folder}/saved")
        if os.getuid() == 0: os.setuid(65534)  # nobody: root may write anywhere
        os.chdir("/")
        def objective(params): print("ran", flush=True)
        act = {"journal": lambda path: search(objective, SPACE, 5, journal=path), "study": lambda path: Study(SPACE, journal=path),
               "saved": lambda path: BatchNorm(3).save(path), "load": Study.load}[sys.argv[1]]
        act(sys.argv[2])
    """,
    )
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        search(bowl, SPACE, 5, journal=place / "journal")
        BatchNorm(3).save(place / "saved.npz")
        for path in place.iterdir():
            path.chmod(0o444)
        place.chmod(0o555)
        before = {p.name: p.read_bytes() for p in place.iterdir()}
        cases = [
            ("journal", "journal"),
            ("journal", "new"),
            ("study", "journal"),
            ("study", "new"),
            ("saved", "saved.npz"),
            ("saved", "new.npz"),
        ]
        for act, name in cases * (3 if many else 1):
            child = python(program, act, place / name)
            out, err = child.communicate(timeout=60)
            same = before == {p.name: p.read_bytes() for p in place.iterdir()}
            tries(
                "refused with what to do",
                "PermissionError" in err and "may write to" in err and "ran" not in out and same,
                err[-300:],
            )
        child = python(program, "load", place / "journal")
        child.communicate(timeout=60)
        tries("a journal there can be read", child.returncode == 0)
        place.chmod(0o755)
    return tries


@fault("the clock is set back, by up to years, while a search runs", "the same trials, and no time below zero")
def clock_set_back(many, folder):
    program = """
        import datetime, random
        rng, real, off = random.Random(int(sys.argv[2])), time.time, 0.0
        time.time = lambda: real() - off
        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz=None): return datetime.datetime.fromtimestamp(time.time(), tz)
        import dlnotes.journal
        dlnotes.journal.datetime = Clock
        def objective(params):
            global off
            off += 10 ** rng.uniform(0, 7)
            return bowl(params)
        for n in (8, 16): study = search(objective, SPACE, n, journal=sys.argv[1], n_jobs=1, max_seconds=1000)
        assert all(t.seconds >= 0 for t in study.trials) and study.created.year > 1969
    """
    tries, whole = Tries(), search(bowl, SPACE, 16)
    for i in range(20 if many else 1):
        child = python(program, folder / f"journal{i}", i)
        _, err = child.communicate(timeout=60)
        tries("the same trials", child.returncode == 0 and quiet_load(folder / f"journal{i}") == whole, err[-300:])
    return tries


# Bytes that change


def a_journal(folder):
    """One with all kinds of lines, and what a reader finds in it."""
    path = folder / "journal"
    study = Study(SPACE, journal=path, seed=3, start=[{"lr": 0.1, "x": 0.5, "o": "a"}])
    study.add({"lr": 0.01, "x": 0.0, "o": ("c", 1)}, 0.25)
    endings = [{"value": 0.5, "curve": [(1, 0.9), (2, 0.5)]}, {"error": "no"}, {"value": float("nan")},
               {"value": 0.3, "extra": {"accuracy": 0.9}}, {"value": 0.1, "seconds": 3.5}]  # fmt: skip
    for i in range(14):
        trial = study.ask()
        study.tell(trial, **(endings[i] if i < len(endings) else {"value": bowl(trial.params)}))
    study.retry()
    study.add({"lr": 0.5, "x": -0.5, "o": "b"})
    study.ask()
    return path, path.read_bytes(), Study.load(path)


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@fault("a journal ends anywhere (torn)", "all whole lines are read; with a warning, the search goes on from there")
def journal_torn(many, folder):
    tries = Tries()
    path, data, _ = a_journal(folder)
    for cut in range(1, len(data), 1 if many else 41):
        path.write_bytes(data[:cut])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                study = Study(SPACE, seed=3, journal=path)
            except Exception as e:
                tries("an error", False, f"cut at {cut}: {e}")
                continue
        ended = sum(b'"tell": ' in line or b'"add": ' in line for line in data[:cut].split(b"\n")[:-1])
        last = data[:cut].split(b"\n")[-1]
        ended += is_json(last) and (b'"tell": ' in last or b'"add": ' in last)  # it lacks only its end
        whole = len({t.number for t in Study.load(path).trials}) == ended - (
            data[:cut].count(b'"retry"') if ended > 14 else 0
        )
        torn = data[cut - 1 : cut] != b"\n"
        right = [("torn line" in str(w.message)) for w in said] == [True] * torn and path.read_bytes().endswith(b"\n")
        tries(
            "read" if not torn else "read, with a warning",
            right and (whole or b'"retry"' in data[:cut]),
            f"cut at {cut}",
        )
        again = Study.load(path)
        if again != study:
            tries.broken.append(f"cut at {cut}: read twice, it differs")
    return tries


@fault(
    "one byte of a journal is flipped, each in turn", "nothing changes unseen: it is named with its line, or harmless"
)
def journal_flipped(many, folder):
    tries, rng = Tries(), random.Random(0)
    path, data, whole = a_journal(folder)
    starts = np.cumsum([0, *(len(line) for line in data.splitlines(keepends=True))])
    for at in range(0, len(data), 1 if many else 37):
        for other in {data[at] ^ (1 << rng.randrange(8)), rng.randrange(256), data[at] ^ 1} - {data[at]}:
            path.write_bytes(data[:at] + bytes([other]) + data[at + 1 :])
            line = int(np.searchsorted(starts, at, side="right"))
            flipped(tries, path, line, whole, f"{data[at : at + 1]!r} at {at} became {bytes([other])!r}")
    return tries


def flipped(tries, path, line, whole, what):
    before = path.read_bytes()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            study = Study.load(path)
        except ValueError as e:
            right = says(e, f"line {line} is damaged", "delete that line") and path.read_bytes() == before
            tries("named with its line, and what to do", right, f"{what}: {e}")
            return
    same = study == whole
    tries("harmless" + (", and its line named" if said else ""), same, f"{what}: read as another study")


@fault("a saved layer or network ends anywhere (torn)", "refused, by name")
def saved_torn(many, folder):
    tries = Tries()
    for kind, (state, cls, _) in saved_states().items():
        data = saved_bytes(state)
        for cut in range(0, len(data), 1 if many else 101):
            refused(tries, cls, data[:cut], lambda *_: False, f"{kind} cut at {cut}")
    return tries


@fault(
    "one byte of a saved layer or network is flipped, each in turn",
    "nothing changes unseen: it is refused, or harmless",
)
def saved_flipped(many, folder):
    tries, rng = Tries(), random.Random(0)
    for kind, (state, cls, seen) in saved_states().items():
        data, as_it_was = saved_bytes(state), seen(state)
        for at in range(0, len(data), 1 if many else 53):
            damaged = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
            refused(
                tries, cls, damaged, lambda loaded, seen=seen, was=as_it_was: seen(loaded) == was, f"{kind} at {at}"
            )
    return tries


def saved_bytes(state):
    file = BytesIO()
    state.save(file)
    return file.getvalue()


def refused(tries, cls, data, same, what):
    try:
        loaded = cls.load(BytesIO(data))
    except ValueError as e:
        tries("refused, by name", says(e, f"saved {cls.__name__}"), f"{what}: {e}")
    except Exception as e:
        tries("another error", False, f"{what}: {e!r}")
    else:
        tries("harmless", same(loaded), f"{what}: loaded as another")


# Memory


@fault("a trial takes all the memory that max_memory= leaves it", "it fails, by name, and costs no other trial")
def memory_eaten(many, folder):
    def one_array(limit):
        np.ones(limit)

    def small_pieces(limit):
        kept = []
        while True:
            kept.append(bytearray(100_000))

    def tiny_pieces(limit):
        kept = []
        while True:
            kept.append([len(kept)])

    def text(limit):
        words = "x"
        while True:
            words += words

    def a_child(limit):
        subprocess.run([sys.executable, "-c", f"bytearray({limit})"], check=True, stderr=subprocess.DEVNULL)

    tries = Tries()
    for ways in [(one_array, small_pieces, tiny_pieces, text, a_child)] * (4 if many else 1):
        for way in ways:

            def hungry(params, way=way):
                if params["x"] > 0.5:
                    way(600_000_000)
                return bowl(params)

            study = search(hungry, SPACE, 12, n_jobs=2, max_memory=600_000_000)
            for t in study.trials:
                if t.params["x"] > 0.5:
                    known = t.state == "failed" and ("MemoryError" in t.error or "CalledProcessError" in t.error)
                    tries("failed, with its reason", known, f"{way.__name__}: {t.state} {t.error[-200:]}")
                elif t.value != bowl(t.params):
                    tries.broken.append(f"{way.__name__} cost trial {t.number}, {t.state}")
    return tries


@fault(
    "a worker is killed for the memory it takes, as a system that has no more would",
    "the trial is lost after a second try, with no other",
)
def out_of_memory(many, folder):
    def hungry(params):
        if params["x"] > 0.5:
            np.ones(10_000_000)
            os.kill(os.getpid(), signal.SIGKILL)
        return bowl(params)

    tries = Tries()
    for seed in range(5 if many else 1):
        for t in search(hungry, SPACE, 12, seed=seed, n_jobs=2).trials:
            if t.params["x"] > 0.5:
                tries("lost, with its reason", t.state == "lost" and "died twice" in t.error, f"{t.state} {t.error}")
            elif t.value != bowl(t.params):
                tries.broken.append(f"cost trial {t.number}, {t.state}")
    return tries


# Two at a time, and journals that change under a search


@fault("a second search is started on the journal of one that runs", "refused at once, and the first is not disturbed")
def two_drivers(many, folder):
    tries = Tries()
    for i in range(20 if many else 1):
        journal = folder / f"journal{i}"
        program = (
            "search(lambda p: print('on', flush=True) or time.sleep(0.1) or bowl(p), SPACE, 20, journal=sys.argv[1])"
        )
        first = python(program, journal)
        first.stdout.readline()
        for act in (lambda: search(bowl, SPACE, 20, journal=journal), lambda: Study(SPACE, journal=journal).ask()):
            try:
                act()
            except RuntimeError as e:
                tries(
                    "refused, with what to do",
                    says(e, "in use by another search: let it end, or use another journal"),
                    str(e),
                )
            else:
                tries("not refused", False)
        first.communicate(timeout=60)
        if quiet_load(journal).trials != search(bowl, SPACE, 20).trials:
            tries.broken.append("the first search was disturbed")
    return tries


@fault(
    "two programs ask and tell one journal at the same time",
    "no line is mixed up or lost; who has not seen the other's lines is told to open it again",
)
def two_tellers(many, folder):
    program = """
        import random
        rng, told, refused = random.Random(int(sys.argv[2])), 0, 0
        while told < 15:
            try:
                study = Study(SPACE, journal=sys.argv[1], lag=100)
                trial = study.ask()
                time.sleep(0.01 * rng.random())
                study.tell(trial, float(f"{trial.number}.{sys.argv[2]}"))
                told += 1
                print(trial.number, flush=True)
            except RuntimeError as e:
                assert "open it again" in str(e) or "let it end" in str(e), e
                refused += 1
        print("refused", refused)
    """
    tries = Tries()
    for i in range(10 if many else 1):
        journal = folder / f"journal{i}"
        children = [python(program, journal, n) for n in (1, 2)]
        outs = [child.communicate(timeout=120) for child in children]
        study = quiet_load(journal)
        for n, (out, err) in enumerate(outs, 1):
            *numbers, refusals = out.split("\n")[:-1] if out else ["", "0"]
            good = children[n - 1].returncode == 0 and all(
                study._trials[int(t)].value == float(f"{t}.{n}") for t in numbers
            )
            tries.outcomes["refused, with what to do"] += int(refusals.split()[-1])
            for _ in numbers:
                tries("told, and in the journal", good, err[-300:])
    return tries


@fault("the file system cannot lock files (simulated)", "called that, before a trial is run")
def no_locks(many, folder):
    import fcntl

    tries, flock = Tries(), fcntl.flock
    codes = [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EIO, errno.EPERM]
    try:
        for code in codes:

            def refuse(*args, code=code):
                raise OSError(code, os.strerror(code))

            fcntl.flock = refuse
            try:
                search(lambda p: tries("ran", False), SPACE, 3, journal=folder / f"journal{code}")
            except RuntimeError as e:
                tries("refused, with what to do", says(e, "does not lock files", "local disk"), str(e))
    finally:
        fcntl.flock = flock
    return tries


@fault(
    "the journal is removed or replaced while a search writes to it",
    "all that it held, and the trial that has just ended, are in a file beside it",
)
def journal_removed(many, folder):
    tries = Tries()
    ways = {
        "removed": lambda path: path.unlink(),
        "replaced": lambda path: (path.with_name("other").write_text("x"), path.with_name("other").replace(path)),
        "moved away": lambda path: path.rename(path.with_name("moved")),
        "removed with its folder": lambda path: __import__("shutil").rmtree(path.parent),
    }
    for i in range(10 if many else 1):
        for name, way in ways.items():
            place = folder / f"{i}{name}"
            place.mkdir()
            path, calls = place / f"journal-{os.getpid()}-{i}", []

            def objective(params, path=path, way=way, calls=calls, last=3 + i):
                calls.append(params)
                if len(calls) == last:
                    way(path)
                return bowl(params)

            try:
                search(objective, SPACE, 30, journal=path)
                tries("not noticed", False, name)
            except RuntimeError as e:
                kept = Path(str(e).split(" is in ")[1].split(": give that")[0])
                ended = [t for t in quiet_load(kept).trials]
                resumed = search(bowl, SPACE, 30, journal=kept) == search(bowl, SPACE, 30)
                tries("kept beside it, with what to do", len(ended) == len(calls) and resumed, f"{name}: {ended}")
                if kept.parent != place:
                    kept.unlink()
    return tries


@fault("the journal is cut by another program while a search writes to it",
       "noticed at the next line; what was cut is lost from the file, which the message says")  # fmt: skip
def journal_cut(many, folder):
    tries = Tries()
    for i in range(10 if many else 1):
        path, calls = folder / f"journal{i}", []

        def objective(params, path=path, calls=calls, last=3 + i):
            calls.append(params)
            if len(calls) == last:
                os.truncate(path, path.stat().st_size * i // 10)
            return bowl(params)

        try:
            search(objective, SPACE, 30, journal=path)
            tries("not noticed", False)
        except RuntimeError as e:
            tries("noticed, with what to do", says(e, "was cut off by another program", "put a copy"), str(e))
    return tries


# The results


def run(names, many, keep):
    results = json.loads(FILE.read_text()) if keep and FILE.exists() else {"faults": {}}
    broken = []
    for name in names:
        title, promise, function = FAULTS[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tries = function(many, Path(folder))
        beside = {o: n for o, n in tries.outcomes.items() if o.startswith("of these, ")}
        tried = sum(tries.outcomes.values()) - sum(beside.values())
        row = {
            "fault": title,
            "promise": promise,
            "tried": tried,
            "outcomes": dict(tries.outcomes),
            "broken": len(tries.broken),
        }
        show(name, row, f"{time.monotonic() - began:.0f} s")
        for what in tries.broken[:5]:
            print("   BROKEN", what)
        broken += tries.broken
        if keep:
            results["faults"][name] = row
            results["faults"] = {n: results["faults"][n] for n in FAULTS if n in results["faults"]}
            results["made with"] = {p: version(p) for p in ("numpy", "loky", "cloudpickle")} | {
                "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}  # fmt: skip
            FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return broken


def show(name, row, took=""):
    print(f"{name:20} {row['tried']:6} tried, {row['broken']} broken   {row['outcomes']}   {took}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", nargs="*", metavar="NAME", help="do what is missing, or these again, and keep the results"
    )
    parser.add_argument("--quick", nargs="*", metavar="NAME", help="a few tries of each, or of these; kept nowhere")
    asked = parser.parse_args()
    if unknown := [n for n in [*(asked.run or ()), *(asked.quick or ())] if n not in FAULTS]:
        parser.error(f"no fault is named {unknown[0]}; there are {', '.join(FAULTS)}")
    if asked.quick is not None:
        sys.exit(bool(run(asked.quick or FAULTS, many=False, keep=False)))
    stored = json.loads(FILE.read_text())["faults"] if FILE.exists() else {}
    if asked.run is not None:
        sys.exit(bool(run(asked.run or [n for n in FAULTS if n not in stored], many=True, keep=True)))
    for name, row in stored.items():
        show(name, row)


if __name__ == "__main__":
    main()
