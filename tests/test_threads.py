"""One answer to how many cores there are, and work that is shared among threads."""

import os
import subprocess
import sys
import threading

import loky
import numpy as np
import pytest

from dlnotes import cores, cross_entropy, get_threads, set_threads
from dlnotes.threads import share


@pytest.fixture
def two_threads():
    set_threads(2)
    yield
    set_threads(None)


def test_cores_are_lokys_count():
    assert cores() == loky.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process cannot be pinned here")
def test_a_pinned_process_has_fewer_cores():
    pin = "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
    code = f"import os, dlnotes; print(dlnotes.cores()); {pin}; print(dlnotes.cores())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(cores()), "1"]


def test_an_environment_written_for_another_machine_gets_no_more_threads_than_cores(monkeypatch):
    monkeypatch.delenv("DLNOTES_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "999")
    assert get_threads() == cores()


def test_every_number_is_worked_on_once_and_by_more_than_one_thread(two_threads):
    done, who, meet = [], set(), threading.Barrier(2, timeout=30)

    def work(k):
        if k < 2:
            meet.wait()
        done.append(k)
        who.add(threading.get_ident())

    share(work, range(100))
    assert sorted(done) == list(range(100)) and len(who) == 2


def test_threads_know_what_the_caller_wants_of_overflow(two_threads):
    meet, kinds = threading.Barrier(2, timeout=30), []

    def work(k):
        meet.wait()
        kinds.append(np.geterr()["over"])

    with np.errstate(over="raise"):
        share(work, range(2))
    assert kinds == ["raise", "raise"]


def test_an_error_in_a_thread_is_raised_when_all_have_ended(two_threads):
    meet = threading.Barrier(2, timeout=30)

    def work(k):
        meet.wait()
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("not here")

    with pytest.raises(ValueError, match="not here"):
        share(work, range(2))


def test_set_threads_is_seen_by_the_cross_entropy(monkeypatch):
    started = []
    monkeypatch.setattr("dlnotes.threads._pool", lambda *args: started.append(args))
    set_threads(1)
    cross_entropy(np.zeros((6000, 200)), np.zeros(6000, int))
    set_threads(None)
    assert not started
