"""The bar of a search: best value and time left, in a terminal; nothing elsewhere."""

import io
import re
import sys
import time

import pytest

from dlnotes import LogUniform, Space, search

SPACE = Space(lr=LogUniform(1e-4, 1))


class Terminal(io.StringIO):
    """Takes what is written to it for what a person would see."""

    def isatty(self):
        return True

    def shown(self):
        return [line for line in re.split(r"[\r\n]", self.getvalue()) if "trial" in line]


@pytest.fixture
def open_terminal(monkeypatch):
    def opened(stream=None):  # in the test, for pytest has a stream of its own for each phase
        monkeypatch.setattr(sys, "stderr", stream := stream or Terminal())
        return stream

    return opened


def slow(params):
    time.sleep(0.12)
    return params["lr"]


def left(line):
    """The seconds that a line of the bar says are left."""
    minutes, seconds = map(int, re.search(r"<(\d+):(\d+)", line).groups())
    return 60 * minutes + seconds


def test_the_bar_shows_the_best_value_and_the_time_left(open_terminal):
    terminal = open_terminal()
    study = search(slow, SPACE, 16)
    last = terminal.shown()[-1]
    assert re.search(r"1[0-6]/16 \[", last) and f"best {study.best_value:.5g}" in last and left(last) <= 2


def test_the_time_left_of_a_resumed_search_is_that_of_the_trials_to_come(open_terminal, tmp_path):
    terminal = open_terminal()
    path = tmp_path / "run.jsonl"
    search(lambda p: p["lr"], SPACE, 200, journal=path, progress=False)
    search(slow, SPACE, 220, journal=path)
    first = terminal.shown()[0]
    assert re.search(r"20\d/220 \[", first) and 1 <= left(first) <= 6
    assert not re.search(r"\b[1-9]/220", terminal.getvalue())


def test_several_objectives_and_failures_have_a_bar_and_a_file_has_none(open_terminal):
    terminal = open_terminal()

    def fails(params):
        slow(params)
        return 1 / (params["lr"] > 1e-3)

    search(fails, SPACE, 14)
    assert "best 1" in terminal.shown()[-1]
    terminal = open_terminal()
    search(lambda p: (slow(p), 1.0), SPACE, 14, direction=["minimize", "minimize"])
    assert "on the front" in terminal.shown()[-1]
    stream = open_terminal(io.StringIO())
    search(slow, SPACE, 3)
    assert not stream.getvalue()
