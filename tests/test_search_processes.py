"""The search with real processes: workers that die, hang or are killed, journals torn and resumed, locks, Dask."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from loky import cpu_count
from loky.backend.queues import Queue

from dlnotes import Categorical, LogUniform, Space, Study, Uniform, search, workers
from dlnotes.runner import run_again

SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))


def bowl(params):
    return (np.log10(params["lr"]) + 2) ** 2 + params["x"] ** 2 + (params["o"] == "a")


def script(text):
    """The start of a program that has SPACE and bowl, and `text`."""
    return textwrap.dedent("""
        import os, sys, time, signal
        import numpy as np
        from dlnotes import Categorical, LogUniform, Space, Study, Uniform, search
        SPACE = Space(lr=LogUniform(1e-4, 1), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))
        def bowl(params):
            return (np.log10(params["lr"]) + 2)**2 + params["x"]**2 + (params["o"] == "a")
        """) + textwrap.dedent(text)


def python(text, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", script(text), *map(str, arguments)], text=True, **options)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(c) for c in file.read().split()]


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.mark.parametrize("n_jobs", [2, 4])
def test_results_are_equal_for_any_number_of_workers(n_jobs):
    slow_at_random = lambda p: time.sleep(0.03 * random.random()) or bowl(p)
    assert search(slow_at_random, SPACE, 30, seed=3, n_jobs=n_jobs, lag=4) == search(bowl, SPACE, 30, seed=3, lag=4)


def test_results_are_equal_for_threads_and_processes_given_as_executor():
    alone = search(bowl, SPACE, 30)
    with ThreadPoolExecutor(3) as threads:
        assert search(lambda p: time.sleep(0.01 * random.random()) or bowl(p), SPACE, 30, executor=threads) == alone
    import multiprocessing

    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert search(lambda p: bowl(p), SPACE, 30, executor=processes) == alone


def test_a_function_of_an_unguarded_script_runs_in_workers(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(script("print(search(lambda p: bowl(p), SPACE, 16, n_jobs=2) == search(bowl, SPACE, 16))"))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True"], done.stderr
    piped = subprocess.run([sys.executable], input=program.read_text(), capture_output=True, text=True, timeout=60)
    assert piped.stdout.split() == ["True"], piped.stderr


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"])
def test_workers_share_the_cores_unless_the_environment_says_otherwise(monkeypatch, name):
    threads = lambda: search(lambda p: float(os.environ[name]), SPACE, 4, n_jobs=2).values.tolist()
    monkeypatch.delenv(name, raising=False)
    assert threads() == [max(1, cpu_count() // 2)] * 4
    monkeypatch.setenv(name, "5")
    assert threads() == [5] * 4


def test_what_an_objective_leaves_running_does_not_hold_up_the_end():
    program = """
        from threading import Thread
        def objective(params):
            Thread(target=time.sleep, args=[1000]).start()
            return bowl(params)
        print(len(search(objective, SPACE, n_trials=8, n_jobs=2, progress=False).trials))
        """
    run = python(program, stdout=subprocess.PIPE)
    assert run.communicate(timeout=60)[0] == "8\n" and run.returncode == 0


def test_workers_that_hold_semaphores_leave_without_a_word():
    program = """
        def objective(params):
            from multiprocessing import RLock
            objective.kept = [RLock() for _ in range(3)]  # as progress bars do
            return bowl(params)
        for seed in range(3): search(objective, SPACE, n_trials=8, n_jobs=2, seed=seed, progress=False)
        """
    run = python(program, stderr=subprocess.PIPE)
    assert run.communicate(timeout=60)[1] == "" and run.returncode == 0


def test_no_thread_of_a_worker_outlives_the_search(monkeypatch):
    feed = Queue._feed

    def slow(*args):
        feed(*args)
        time.sleep(2)  # a busy machine

    monkeypatch.setattr(Queue, "_feed", staticmethod(slow))
    before = set(threading.enumerate())  # of pools that other tests keep
    search(bowl, SPACE, n_trials=4, n_jobs=2, progress=False)
    assert set(threading.enumerate()) <= before


def test_objectives_that_print_warn_or_are_slow_to_load_work():
    class Slow:
        def __init__(self):
            self.data = np.zeros(100)

        def __setstate__(self, state):
            time.sleep(0.3)
            self.__dict__.update(state)

        def __call__(self, params):
            print("noise", flush=True)
            warnings.warn("noise", stacklevel=1)
            return np.float32(params["x"])

    study = search(Slow(), SPACE, 12, n_jobs=2)
    assert len(study.complete) == 12


def test_time_spent_loading_the_objective_is_not_the_trials():
    class Slow:
        def __setstate__(self, state):
            time.sleep(1.5)

        def __getstate__(self):
            return {"x": 1}

        def __call__(self, params):
            return bowl(params)

    assert search(Slow(), SPACE, 4, timeout=1).trials == search(bowl, SPACE, 4).trials


def test_an_objective_that_does_not_load_in_the_worker_fails_with_the_reason():
    class Broken:
        def __call__(self, params):
            return 0.0

        def __setstate__(self, state):
            raise ImportError("no such library here")

        def __getstate__(self):
            return {"x": 1}

    with pytest.raises(RuntimeError, match="no such library here"):
        search(Broken(), SPACE, 20, n_jobs=2)


@pytest.mark.timeout(150)
def test_hanging_and_dying_trials_cost_one_trial_each():
    def nasty(params):
        if params["lr"] > 0.3:
            os._exit(3)
        if params["lr"] > 0.1:
            time.sleep(600)
        if params["lr"] > 0.05:
            os.kill(os.getpid(), signal.SIGKILL)
        if params["lr"] > 0.02:
            raise RuntimeError("no")
        return bowl(params)

    study = search(nasty, SPACE, 20, n_jobs=2, timeout=2)
    assert len(study.trials) == 20
    bands = {0.3: "lost", 0.1: "timeout", 0.05: "lost", 0.02: "failed", 0: "complete"}
    expected = lambda lr: next(state for bound, state in bands.items() if lr > bound)
    assert [t.state for t in study.trials] == [expected(t.params["lr"]) for t in study.trials]
    assert {"lost", "timeout", "complete"} <= {t.state for t in study.trials}


def test_a_worker_that_dies_once_is_retried(tmp_path):
    def dies_once(params):
        mark = tmp_path / "died"
        if not mark.exists():
            mark.write_text("")
            os._exit(1)
        return bowl(params)

    assert search(dies_once, SPACE, 14, n_jobs=2) == search(bowl, SPACE, 14)


def test_a_broken_executor_says_so_and_the_journal_keeps_what_was_done(tmp_path):
    deadly = SPACE.sample(12, method="quasirandom")[6]

    def dies(params):
        if params == deadly:
            os._exit(1)
        return bowl(params)

    with ProcessPoolExecutor(1) as pool, pytest.raises(RuntimeError, match=r"executor broke.*n_jobs="):
        search(dies, SPACE, 30, executor=pool, journal=tmp_path / "run.jsonl")
    assert [t.number for t in Study.load(tmp_path / "run.jsonl").trials] == list(range(6))


@linux
def test_timed_out_and_finished_workers_leave_no_process_behind():
    before = set(children(os.getpid()))
    search(lambda p: time.sleep(60) if p["lr"] > 0.1 else 0.0, SPACE, 13, n_jobs=2, timeout=0.5)
    left = [Path(f"/proc/{p}/cmdline").read_text() for p in set(children(os.getpid())) - before]
    assert not [line for line in left if "resource_tracker" not in line]


KILLED = """
    def slow(params):
        with open(sys.argv[2], "a") as calls: calls.write("x")
        time.sleep(0.02)
        return bowl(params)
    search(slow, SPACE, 60, seed=5, journal=sys.argv[1], n_jobs=int(sys.argv[3]))
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_killed_at_random_moments_ten_times_and_resumed(tmp_path, n_jobs):
    journal, calls = tmp_path / "run.jsonl", tmp_path / "calls"
    calls.write_text("")
    rng = random.Random(n_jobs)
    for _ in range(10):
        process = python(KILLED, journal, calls, n_jobs, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        while not calls.exists() or (time.monotonic() - began < 30 and process.poll() is None):
            if calls.stat().st_size > 6 * (_ + 1) * rng.random() and time.monotonic() - began > 0.6 * rng.random():
                break
            time.sleep(0.005)
        process.kill()
        process.wait()
        time.sleep(0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finished = len(Study.load(journal).trials) if journal.exists() and journal.stat().st_size else 0
        counted = []
        study = search(lambda p: counted.append(1) or bowl(p), SPACE, 60, seed=5, journal=journal)
    assert study == search(bowl, SPACE, 60, seed=5)
    assert len(counted) == 60 - finished
    lines = journal.read_text().splitlines()
    for event in ("ask", "tell"):
        assert sorted(e[event] for e in map(json.loads, lines[1:]) if event in e) == list(range(60))


@linux
def test_workers_end_when_their_driver_is_killed(tmp_path):
    process = python(KILLED.replace("0.02", "0.3"), tmp_path / "run.jsonl", tmp_path / "calls", 2)
    while len(children(process.pid)) < 2:
        time.sleep(0.05)
    time.sleep(0.5)
    workers = children(process.pid)
    process.kill()
    process.wait()
    for _ in range(100):
        if not any(os.path.exists(f"/proc/{w}") for w in workers):
            break
        time.sleep(0.1)
    assert not any(os.path.exists(f"/proc/{w}") for w in workers)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_with_what_is_done(tmp_path, n_jobs):
    process = python(
        """
        def slow(params):
            open(sys.argv[1], "a").write("x")
            time.sleep(0.1)
            return bowl(params)
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
        study = search(slow, SPACE, 1000, n_jobs=int(sys.argv[2]))
        print(len(study.trials), study.best.value < 100)
        """,
        tmp_path / "calls",
        n_jobs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (tmp_path / "calls").exists() or (tmp_path / "calls").stat().st_size < 8:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    number, good = out.split()
    assert 4 <= int(number) < 1000 and good == "True"
    assert "interrupted" in err and "Traceback" not in err


def test_a_journal_resumes_and_extends_without_repeating(tmp_path):
    journal = tmp_path / "run.jsonl"
    calls = []
    count = lambda p: calls.append(1) or bowl(p)
    search(count, SPACE, 17, journal=journal)
    study = search(count, SPACE, 33, journal=journal)
    assert len(calls) == 33 and study == search(bowl, SPACE, 33)
    assert search(count, SPACE, 20, journal=journal) == search(bowl, SPACE, 20) and len(calls) == 33
    assert Study.load(journal) == study
    assert Study.load(journal).created == study.created


def test_another_search_on_a_journal_is_refused_and_nothing_is_touched(tmp_path):
    journal = tmp_path / "run.jsonl"
    search(bowl, SPACE, 5, journal=journal)
    before = journal.read_bytes()
    other = Space(lr=LogUniform(1e-4, 2), x=Uniform(-1, 1), o=Categorical(["a", "b", ("c", 1)]))
    for words, change in [
        ("seed is 0 in the journal and 1 here", dict(seed=1)),
        ("direction", dict(direction="maximize")),
        (r"space is .*0.0001, 'high': 1.0", dict(space=other)),
        ("lag is 2 in the journal and 8 here", dict(lag=8)),
        ("repeat is False in the journal and True here", dict(repeat=True)),
        ("reproducible is True", dict(reproducible=False)),
    ]:
        arguments = dict(space=SPACE, journal=journal) | change
        with pytest.raises(ValueError, match=words):
            search(bowl, arguments.pop("space"), 9, **arguments)
        assert journal.read_bytes() == before
    reordered = Space(x=SPACE["x"], lr=SPACE["lr"], o=SPACE["o"])
    with pytest.raises(ValueError, match="space"):
        search(bowl, reordered, 9, journal=journal)


def test_a_journal_cut_anywhere_resumes(tmp_path):
    journal = tmp_path / "run.jsonl"
    whole = search(bowl, SPACE, 18, journal=journal)
    data = journal.read_bytes()
    for cut in [0, 1, 19, 60, len(data) // 3, len(data) // 2, len(data) - 1, len(data)]:
        journal.write_bytes(data[:cut])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert search(bowl, SPACE, 18, journal=journal) == whole
        torn = cut > 0 and data[cut - 1 : cut] != b"\n"
        assert [("torn" in str(w.message)) for w in told] == [True] * torn, cut


def changed(line, **entries):
    return json.dumps(json.loads(line) | entries).encode() + b"\n"


def test_damage_elsewhere_is_an_error_that_names_the_line_and_touches_nothing(tmp_path):
    journal = tmp_path / "run.jsonl"
    search(bowl, SPACE, 14, journal=journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    damage = {
        "line 1 .*seed": b'{"dlnotes_journal": 2}\n',
        "line 3 ": lines[2][:30] + b"\n",
        "line 4 ": b"\xff\xfe\n",
        "line 5 .*ended twice": lines[2],
        "line 6 ": lines[5].replace(b'"lr": ', b'"lr": 7'),
        "line 7 ": b"\n",
        "line 8 .*trial -6": changed(lines[7], ask=-6),
        "line 8 .*trial 6.0": changed(lines[7], ask=6.0),
        "line 8 .*stands twice": changed(lines[7], ask=0),
        "line 8 .*nobody gave": changed(lines[7], given=True),
        "line 8 .*asked": json.dumps({"asked": 3}).encode() + b"\n",
        "line 9 .*no trial 17": changed(lines[8], tell=17),
        "line 9 .*ended twice": changed(lines[8], tell=0),
        "line 9 .*no state": changed(lines[8], state="asleep"),
        "line 9 .*value 'low'": changed(lines[8], value="low"),
        "line 9 .*value None": changed(lines[8], value=None),
        "line 9 .*value nan": changed(lines[8], value=float("nan")),
        "line 9 .*failed has the value": changed(lines[8], state="failed"),
        "line 1 .*direction must be": changed(lines[0], direction="sideways"),
        "line 1 .*seed None": changed(lines[0], seed=None),
        "line 1 .*lag": changed(lines[0], lag=0),
        "line 4 .*seed is 0 in the journal and 5 here": changed(lines[0], seed=5),
    }
    for words, line in damage.items():
        content = list(lines)
        content[int(words.split()[1]) - 1] = line
        journal.write_bytes(b"".join(content))
        for act in (lambda: search(bowl, SPACE, 20, journal=journal), lambda: Study.load(journal)):
            with pytest.raises(ValueError, match=words):
                act()
        assert journal.read_bytes() == b"".join(content)
    for text in (b"my thesis", b"a,b\n1,2\n", b"\x00" * 100):
        journal.write_bytes(text)
        with pytest.raises(ValueError, match="is no journal, or its first line is damaged"):
            search(bowl, SPACE, 5, journal=journal)
        assert journal.read_bytes() == text


def test_a_journal_of_another_format_is_refused(tmp_path):
    journal = tmp_path / "run.jsonl"
    search(bowl, SPACE, 3, journal=journal)
    journal.write_text(journal.read_text().replace('"dlnotes_journal": 2', '"dlnotes_journal": 99'))
    with pytest.raises(ValueError, match="format 99"):
        Study.load(journal)


def test_two_processes_cannot_write_one_journal(tmp_path):
    journal = tmp_path / "run.jsonl"
    first = python(
        "search(lambda p: print('on', flush=True) or time.sleep(30), SPACE, 3, journal=sys.argv[1])",
        journal,
        stdout=subprocess.PIPE,
    )
    assert first.stdout.readline() == "on\n"
    before = journal.read_bytes()
    with pytest.raises(RuntimeError, match="in use by another search"):
        search(bowl, SPACE, 3, journal=journal)
    assert journal.read_bytes() == before and Study.load(journal).trials == []
    first.kill()
    first.wait()
    first.stdout.close()
    assert search(bowl, SPACE, 3, journal=journal) == search(bowl, SPACE, 3)


def test_what_cannot_be_opened_is_an_error_before_anything_runs(tmp_path):
    never = lambda p: pytest.fail("ran")
    for path in (tmp_path, tmp_path / "missing" / "run.jsonl"):
        with pytest.raises(OSError):
            search(never, SPACE, 3, journal=path)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", os.devnull):
        with pytest.raises(ValueError, match="journal must be a file"):
            search(never, SPACE, 3, journal=path)
    with pytest.raises(OSError):
        Study.load(tmp_path / "none.jsonl")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        search(bowl, SPACE, 3, journal=tmp_path / "run.jsonl")


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_full_disk_is_an_error_and_what_was_written_stays_readable(tmp_path):
    journal = tmp_path / "run.jsonl"
    process = python(
        """
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        search(bowl, SPACE, 60, journal=sys.argv[1])
        """,
        journal,
        stderr=subprocess.PIPE,
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode and "OSError" in err
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = Study.load(journal)
    assert len(kept.trials) >= 3 and kept.trials == search(bowl, SPACE, len(kept.trials)).trials
    assert search(bowl, SPACE, 20, journal=journal) == search(bowl, SPACE, 20)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    import logging

    options = dict(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


def test_dask_survives_a_killed_worker_and_one_that_is_added(cluster):
    import threading

    def slow(params):
        time.sleep(0.05)
        return bowl(params)

    pids = list(cluster.run(os.getpid).values())
    killer = threading.Timer(0.6, os.kill, (pids[0], signal.SIGKILL))
    adder = threading.Timer(0.8, cluster.cluster.scale, (3,))
    killer.start()
    adder.start()
    study = search(slow, SPACE, 40, executor=cluster.get_executor())
    killer.join()
    adder.join()
    assert pids[0] not in cluster.run(os.getpid).values()
    assert study == search(bowl, SPACE, 40)


def test_on_dask_an_objective_may_search_by_itself_and_its_errors_say_what_happened(cluster):
    def inner(params):
        return params["y"]

    def outer(params):
        return search(inner, Space(y=Uniform(0, 1)), 4, n_jobs=2, progress=False).best_value

    def broken(params):
        raise ZeroDivisionError("in the innermost")

    def outer_of_broken(params):
        return search(broken, Space(y=Uniform(0, 1)), 4, n_jobs=2, progress=False).best_value

    executor = cluster.get_executor()
    assert search(outer, SPACE, 2, executor=executor) == search(outer, SPACE, 2, n_jobs=2)
    for options in (dict(executor=executor), dict(n_jobs=2)):
        with pytest.raises(RuntimeError, match="in the innermost"):
            search(outer_of_broken, SPACE, 2, **options)


def test_on_dask_every_trial_is_a_call_and_a_large_objective_travels_once(cluster):
    class Large:
        def __init__(self):
            self.data = np.random.default_rng(0).bytes(20_000_000)

        def __call__(self, params):
            return float(os.getpid() * 1e12 + time.perf_counter_ns() % 10**12 + len(self.data))

    one, sent = Space(x=Categorical(["only"])), []
    executor = cluster.get_executor()
    submit = executor.submit
    executor.submit = lambda *arguments: sent.append(arguments) or submit(*arguments)
    first, second = (search(Large(), one, 12, executor=executor, repeat=True) for _ in range(2))
    assert len({*first.values.tolist(), *second.values.tolist()}) == 24  # as many values as calls
    assert not any(isinstance(a, bytes) and len(a) > 1000 for arguments in sent for a in arguments)


def test_on_dask_a_trial_that_hangs_is_killed_and_one_that_takes_too_much_memory_fails(cluster):
    def nasty(params):
        if params["x"] > 0.5:
            time.sleep(600)
        if params["x"] < -0.5:
            np.ones(10**9)
        return bowl(params)

    study = search(nasty, SPACE, 12, executor=cluster.get_executor(), timeout=1, max_memory=2 * 10**9)
    state = lambda x: "timeout" if x > 0.5 else "failed" if x < -0.5 else "complete"
    assert [t.state for t in study.trials] == [state(t.params["x"]) for t in study.trials]
    assert {t.state for t in study.trials} == {"timeout", "failed", "complete"}
    assert any("MemoryError" in t.error for t in study.trials)


@linux
def test_a_worker_may_use_so_much_memory_and_no_more():
    def hungry(params):
        return float(np.ones(int(3e8 if params["x"] > 0 else 10)).sum())

    study = search(hungry, SPACE, 12, n_jobs=2, max_memory=10**9)
    assert [t.state for t in study.trials] == ["failed" if t.params["x"] > 0 else "complete" for t in study.trials]
    assert all("MemoryError" in t.error for t in study.trials if t.state == "failed")


def test_more_workers_than_the_lag_keeps_busy_are_said():
    with pytest.warns(UserWarning, match=r"n_jobs=3 .*lag=2 .*lag=6 keeps all busy"):
        search(bowl, SPACE, 12, n_jobs=3, lag=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(bowl, SPACE, 12, n_jobs=3, lag=2, reproducible=False)


def test_in_any_order_every_trial_is_run_and_a_resumed_search_keeps_them(tmp_path):
    journal = tmp_path / "run.jsonl"
    slow = lambda p: time.sleep(0.02 * random.random()) or bowl(p)
    first = search(slow, SPACE, 24, n_jobs=2, reproducible=False, journal=journal)
    more = search(slow, SPACE, 40, n_jobs=2, reproducible=False, journal=journal)
    assert more.first(24) == first and len(more.trials) == 40 and first.best_value < 1
    with ThreadPoolExecutor(3) as threads:
        assert len(search(slow, SPACE, 24, executor=threads, reproducible=False, lag=3).trials) == 24


def test_a_file_system_without_locks_is_called_that(tmp_path, monkeypatch):
    import errno
    import fcntl

    def no_locks(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(RuntimeError, match=r"does not lock files \(No locks available\).*local disk"):
        search(bowl, SPACE, 3, journal=tmp_path / "run.jsonl")


@pytest.mark.timeout(60)  # some three seconds in proportion to the length, hours if a line had to look at all others
def test_a_large_journal_is_read_and_goes_on(tmp_path):
    journal = tmp_path / "run.jsonl"
    search(bowl, SPACE, 3, journal=journal)
    head, ask, tell, *_ = map(json.loads, journal.read_text().splitlines())
    for line in (head, ask, tell):
        line.pop("crc")  # lines made by others have none
    n = 100_000
    lines = [line for i in range(n) for line in (ask | {"ask": i}, tell | {"tell": i, "value": float(-i)})]
    journal.write_text("".join(json.dumps(line) + "\n" for line in [head, *lines]))
    study = Study(SPACE, journal=journal)
    assert len(study.trials) == n and study.best.number == n - 1 and study.ask().number == n


# What a killed trial had reported


LINE = Space(x=Uniform(0, 1))


def mortal(params, report):
    """Reports nine times; a third of them dies and a third hangs after some."""
    for step in range(1, 10):
        report(step, params["x"] / step)
        if step == 4 and params["x"] < 1 / 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 6 and params["x"] > 2 / 3:
            time.sleep(600)
    return params["x"]


def reported(params):
    """What `mortal` says, up to its end."""
    count = 4 if params["x"] < 1 / 3 else 6 if params["x"] > 2 / 3 else 9
    return [(step, params["x"] / step) for step in range(1, count + 1)]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("options", [dict(n_jobs=1), dict(n_jobs=2), dict(n_jobs=2, reproducible=False)])
def test_the_curve_of_a_killed_trial_is_kept_and_nothing_else(tmp_path, temporary, options):
    journal = tmp_path / "run.jsonl"
    first = search(mortal, LINE, 5, timeout=1, prune=False, journal=journal, **options)
    study = search(mortal, LINE, 10, timeout=1, prune=False, journal=journal, **options)
    assert {t.state for t in study.trials} == {"complete", "timeout", "lost"}
    assert [t.curve for t in study.trials] == [reported(t.params) for t in study.trials]
    assert Study.load(journal) == study and study.first(5) == first
    assert study.report(tmp_path / "study.html").read_text().count('class="thread ended"') == sum(
        t.state != "complete" for t in study.trials
    )
    assert not list(temporary.glob("dlnotes*"))


def test_trials_that_end_well_are_the_same_with_a_process_of_their_own():
    def training(params, report):
        for step in range(1, 10):
            report(step, bowl(params) + 1 / step)
        if params["o"] == "a":
            raise ValueError("no")
        return bowl(params)

    alone = search(training, SPACE, 40)
    assert {t.state for t in alone.trials} == {"complete", "failed", "pruned"}
    limited = search(training, SPACE, 40, timeout=600)
    states = lambda study: [(t.params, t.value, t.state, t.curve, t.limits) for t in study.trials]  # errors name files
    assert states(limited) == states(alone)


def test_every_try_of_a_trial_keeps_its_own_curve_in_the_journal(tmp_path):
    journal, mark = tmp_path / "run.jsonl", tmp_path / "tries"

    def dies(params, report):
        with open(mark, "a") as file:
            file.write("x")
        tries = mark.stat().st_size
        for step in range(1, 10):
            report(step, params["x"])
            if tries == step < 4:
                os.kill(os.getpid(), signal.SIGKILL)
        return params["x"]

    def curves():
        told = [e for e in map(json.loads, journal.read_text().splitlines()) if "tell" in e]
        return [(e["tell"], e.get("state", "complete"), len(e["curve"])) for e in told]

    with pytest.raises(RuntimeError, match="lost"):
        search(dies, LINE, 1, n_jobs=2, journal=journal)
    assert curves() == [(0, "lost", 2)]  # of the second of two tries
    [trial] = search(dies, LINE, 1, n_jobs=2, journal=journal, retry=True).trials
    assert curves() == [(0, "lost", 2), (0, "complete", 9)]
    assert trial.state == "complete" and len(trial.curve) == 9 and trial.tries[0][0] == "lost"


def test_other_runs_of_a_point_keep_their_curves(tmp_path):
    study = Study(LINE, journal=tmp_path / "run.jsonl")
    study.tell(study.ask(), 0.5)
    study.add({"x": 0.9}, 0.9)
    run_again(mortal, study, [study.again(1)], timeout=0.5, progress=False)
    [run] = Study.load(tmp_path / "run.jsonl").runs(1)
    assert run.state == "timeout" and run.curve == reported({"x": 0.9})


@pytest.mark.parametrize("state", ["timeout", "lost"])
def test_the_curves_of_killed_trials_decide_nothing(state):
    def told(curve):
        study, planned = Study(LINE), []
        while study.next_number < 30:
            trial = study.ask()
            planned.append((trial.params, trial.limits))
            x = trial.params["x"]
            if trial.number % 3 == 1:
                study.tell(trial, state=state, curve=[(s, -x - s) for s in range(1, 9)][:curve])
            else:
                study.tell(trial, x, curve=[(s, x / s) for s in range(1, 9)])
        return planned

    assert told(0) == told(3) == told(8) and told(8)[-1][1]


def test_the_curve_of_an_earlier_try_makes_no_limits(tmp_path):
    study = Study(LINE, journal=tmp_path / "run.jsonl", lag=1)
    for value in (3, 4, 5, 6):
        study.tell(study.ask(), value, curve=[(1, value), (2, value)])
    study.tell(study.ask(), state="timeout", curve=[(1, -9), (2, -9)])
    [trial] = study.retry()
    study.tell(trial, 7.0)
    assert Study.load(tmp_path / "run.jsonl").ask().limits == study.ask().limits == [(1.0, 4.5)]


@linux
def test_a_curve_that_cannot_be_kept_costs_the_trial_nothing(temporary):
    import resource

    def narrow(params, report):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))  # two reports and a half, as on a full disk
        for step in range(1, 10):
            report(step, params["x"])
            if step == 5:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        if params["x"] < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return params["x"]

    study = search(narrow, LINE, 4, n_jobs=2)
    assert {len(t.curve): t.state for t in study.trials} == {2: "lost", 9: "complete"}
    temporary.rmdir()
    study = search(mortal, LINE, 4, n_jobs=2, timeout=1)
    assert {(t.state == "complete", len(t.curve)) for t in study.trials} == {(True, 9), (False, 0)}


def test_a_file_for_reports_that_no_worker_came_to_open_is_removed(temporary):
    with workers._Reported() as reported:
        assert Path(reported.begin()).parent == temporary and reported.curve() == []
    assert not list(temporary.iterdir())


@linux
def test_what_a_child_of_the_objective_reports_does_no_harm():
    def forks(params, report):
        report(1, 0.5)
        report(2, 0.4)
        if not os.fork():
            report(3, 0.3)
            os._exit(0)
        os.wait()
        report(3, 0.2)
        if params["x"] < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return params["x"]

    for t in search(forks, LINE, 4, n_jobs=2).trials:
        assert [step for step, _ in t.curve] == [1, 2, 3], t.state


@linux
def test_a_driver_that_is_killed_leaves_no_curve_behind(tmp_path):
    (folder := tmp_path / "temporary").mkdir()
    program = """
        def slow(params, report):
            report(1, 0.5)
            open(sys.argv[1], "w").close()
            time.sleep(600)
        search(slow, SPACE, 4, timeout=60)
        """
    process = python(program, tmp_path / "begun", env={**os.environ, "TMPDIR": str(folder)}, stderr=subprocess.DEVNULL)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not list(folder.glob("dlnotes*"))


def test_on_dask_the_curve_of_a_killed_trial_is_kept(cluster, tmp_path):
    journal = tmp_path / "run.jsonl"
    study = search(mortal, LINE, 8, timeout=1, prune=False, executor=cluster.get_executor(), journal=journal)
    assert {t.state for t in study.trials} == {"complete", "timeout", "lost"}
    assert [t.curve for t in study.trials] == [reported(t.params) for t in study.trials]
    assert Study.load(journal) == study
