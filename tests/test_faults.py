"""What goes wrong around a search: some tries of each fault, and what errors say of flipped bytes and full disks."""

import importlib.util
import json
import os
import re
import sys
import time
import warnings
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from threading import Timer

import nbformat
import numpy as np
import pytest

from dlnotes import MLP, BatchNorm, Space, Study, Uniform, search
from dlnotes.journal import read_journal
from dlnotes.workers import _in_time

root = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("faults", root / "benchmarks" / "faults.py")
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)
SPACE, bowl = faults.SPACE, faults.bowl
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits")

SLOW = {
    "workers_killed",
    "memory_eaten",
    "out_of_memory",
    "driver_suspended",
    "two_tellers",
    "drivers_killed",
    "read_only",
}


@posix
@pytest.mark.parametrize("name", sorted(faults.FAULTS.keys() - SLOW))
def test_a_fault_breaks_no_promise(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tries = faults.FAULTS[name][2](False, tmp_path)
    assert tries.outcomes and not tries.broken


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"value": 0.31', b'"value": 0.21'),
        (b'"lr": 0.', b'"lr": 0.0'),
        (b'"seconds": 3.5', b'"seconds": 3.4'),
        (b'"seed": 7', b'"seed": 6'),
        (b'"accuracy": 0.9', b'"accuracy": 0.8'),
        (b'"minimize"', b'"maximize"'),
        (b'"ask": 3', b'"ask": 9'),
        (b'{"tell": 1', b'{"tell": 2'),
        (b'"crc": ', b'"crc": 1'),
    ],
)
def test_a_value_that_has_changed_is_named_with_its_line_and_what_to_do(tmp_path, old, new):
    path = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=path, seed=7)
    trials = [study.ask() for _ in range(4)]
    study.tell(trials[2], 0.31, seconds=3.5, extra={"accuracy": 0.9})
    study.tell(trials[1], 0.5)
    while not study.ask().unknown:
        study.tell(study.open[-1], 1.0)
    data = path.read_bytes()
    assert old in data
    damaged = data.replace(old, new, 1)
    path.write_bytes(damaged)
    line = data[: data.index(old)].count(b"\n") + 1
    for act in (lambda: Study.load(path), lambda: Study(SPACE, journal=path, seed=7)):
        with pytest.raises(
            ValueError, match=rf"line {line} is damaged.*copy of the file.*delete that line.*leave out its"
        ):
            act()
    assert path.read_bytes() == damaged


def test_what_the_message_says_about_a_damaged_line_works(tmp_path):
    path = tmp_path / "run.jsonl"
    whole = search(bowl, SPACE, 20, journal=path)
    for word in (b'"tell": 7', b'"ask": 7'):
        lines = path.read_bytes().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if word in line)
        lines[at] = lines[at].replace(b'"', b"'", 1)
        path.write_bytes(b"".join(lines))
        for _ in range(3):
            try:
                study = search(bowl, SPACE, 20, journal=path)
                break
            except ValueError as e:
                del lines[int(re.search(r"line (\d+)", str(e))[1]) - 1]
                path.write_bytes(b"".join(lines))
        assert len(study.trials) == 20
        assert [t for t in study.trials if t.number != 7] == [t for t in whole.trials if t.number != 7]


def test_lines_without_a_checksum_and_lines_that_other_programs_laid_out_are_read(tmp_path):
    path = tmp_path / "run.jsonl"
    whole = search(bowl, SPACE, 12, journal=path)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(type(e["crc"]) is int and list(e)[-1] == "crc" for e in entries)
    tight = [json.dumps(e, separators=(",", ":")) for e in entries]
    bare = [json.dumps({k: v for k, v in e.items() if k != "crc"}) for e in entries]
    windows = [json.dumps(e) + "\r" for e in entries]
    for lines in (tight, bare, windows):
        path.write_bytes("".join(line + "\n" for line in lines).encode())
        assert Study.load(path) == whole
    assert search(bowl, SPACE, 15, journal=path) == search(bowl, SPACE, 15)


@pytest.mark.parametrize(
    ("end", "kept", "word"),
    [(b"", 4, "kept"), (b"x", 4, "kept"), (b"\0" * 9, 4, "kept"), (b'\n{"tell": 3, "val', 4, "dropped"),
     (b"\n" + b"\0" * 40, 4, "dropped"), (b"\n" + b"\0" * 40 + b"}\n", 4, "dropped"), (b"\n\n", 4, "dropped")],
)  # fmt: skip
def test_a_last_line_that_is_whole_is_kept_whatever_became_of_its_end(tmp_path, end, kept, word):
    path = tmp_path / "run.jsonl"
    search(bowl, SPACE, kept, journal=path)
    path.write_bytes(path.read_bytes()[:-1] + end)
    with pytest.warns(UserWarning, match=f"torn line.*{word}|{word} the torn line"):
        study = Study(SPACE, journal=path)
    assert study.trials == search(bowl, SPACE, kept).trials
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Study.load(path) == study
        assert search(bowl, SPACE, 9, journal=path) == search(bowl, SPACE, 9)


def test_a_damaged_last_line_that_was_written_to_its_end_is_no_torn_one(tmp_path):
    path = tmp_path / "run.jsonl"
    search(bowl, SPACE, 4, journal=path)
    data = path.read_bytes()
    path.write_bytes(data[:-30] + b"#" + data[-29:])
    with pytest.raises(ValueError, match="line 9 is damaged"):
        search(bowl, SPACE, 4, journal=path)


def test_what_a_journal_cannot_take_is_in_the_error(tmp_path, monkeypatch):
    study = Study(SPACE, journal=tmp_path / "run.jsonl")
    trial = study.ask()
    before = (tmp_path / "run.jsonl").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left.*is safe: make room.*run\.jsonl") as caught:
            study.tell(trial, 0.25)
    assert "trial 0 ended as complete with the value 0.25" in caught.value.__notes__[0]
    assert (tmp_path / "run.jsonl").read_bytes() == before and caught.value.errno == 28
    study.tell(trial, 0.25)
    assert Study.load(tmp_path / "run.jsonl").best_value == 0.25


@posix
def test_a_study_whose_journal_is_gone_says_so_and_makes_no_other(tmp_path):
    path = tmp_path / "run.jsonl"
    study = Study(SPACE, journal=path)
    trial = study.ask()
    path.rename(tmp_path / "moved")
    with pytest.raises(RuntimeError, match="is not there any more: put it back"):
        study.tell(trial, 0.25)
    assert not path.exists()
    (tmp_path / "moved").rename(path)
    study.tell(trial, 0.25)


def test_time_in_which_the_driver_was_suspended_is_not_the_trials(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Late(Future):
        waits = 0

        def result(self, timeout=None):
            self.waits += 1
            now[0] += 60 if self.waits == 2 else timeout
            if self.waits < 4:
                raise TimeoutError
            return {"value": 1.0}

    assert _in_time(Late(), 3) == {"value": 1.0}
    never, began = Future(), now[0]
    monkeypatch.undo()
    Timer(5, never.set_result, [None]).start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        _in_time(never, 0.3)
    assert time.monotonic() - began < 4


def saved(what):
    file = BytesIO()
    what.save(file)
    return file.getvalue()


def test_an_optional_part_of_a_saved_network_whose_name_is_damaged_is_missed():
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})
    data = saved(MLP((2,), epochs=1).fit(x, ["no", "yes"]))
    for old, new in ((b"names.npy", b"namez.npy"), (b"statistics.npy", b"statistick.npy")):
        for count in (1, 2):  # in its own header, and in the list of all parts
            with pytest.raises(ValueError, match=r"saved MLP.*damaged|not a saved MLP"):
                MLP.load(
                    BytesIO(data.replace(old, new, count)[: len(data)] if count == 1 else new.join(data.rsplit(old, 1)))
                )


def test_saving_replaces_a_file_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    path, old, new = tmp_path / "bn.npz", BatchNorm(3), BatchNorm(5)
    old.save(path)
    (tmp_path / "link.npz").symlink_to(path)
    real = np.savez

    def half(file, **arrays):
        real(file, **arrays)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(np, "savez", half)
        with pytest.raises(OSError, match=r"No space left.*as it was: make room.*bn\.npz"):
            new.save(path)
    assert BatchNorm.load(path).num_features == 3 and len(list(tmp_path.iterdir())) == 2
    path.chmod(0o640)
    new.save(tmp_path / "link.npz")
    assert BatchNorm.load(path).num_features == 5 and (tmp_path / "link.npz").is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640 or sys.platform == "win32"


def test_the_page_shows_what_was_recorded_and_every_fault_can_be_tried_again():
    recorded = json.loads((root / "dlnotes" / "recorded" / "faults.json").read_text())["faults"]
    assert recorded.keys() == faults.FAULTS.keys()
    page = nbformat.read(root / "nbs" / "faults.ipynb", as_version=4)
    shown = "".join(out.data.get("text/markdown", "") for c in page.cells if c.cell_type == "code"
                    for out in c.outputs if out.output_type in ("display_data", "execute_result"))  # fmt: skip
    for name, row in recorded.items():
        assert row["broken"] == 0 and (row["fault"], row["promise"]) == faults.FAULTS[name][:2]
        assert row["tried"] == sum(n for o, n in row["outcomes"].items() if not o.startswith("of these")) > 0
        line = next(line for line in shown.splitlines() if row["fault"][:40] in line)
        assert f"| {row['tried']:,} |" in line
        assert all(outcome in line and f"{n:,}" in line for outcome, n in row["outcomes"].items())


def test_what_is_read_is_what_was_written_place_by_place(tmp_path):
    def objective(params, report):
        report(1, 2.0)
        return bowl(params), {"seen": [1, 2]}

    study = search(objective, SPACE, 14, journal=tmp_path / "run.jsonl")
    record = read_journal(tmp_path / "run.jsonl")
    assert np.array_equal(record.cube, SPACE.cdf([t.params for t in record.trials.values()]))
    assert [vars(t) for t in record.trials.values()] == [vars(t) for t in study.trials]
    first, second, *_ = record.trials.values()
    assert first.curve is not second.curve and first.extra is not second.extra and first.limits is not second.limits


@pytest.mark.parametrize("kind", ["BatchNorm", "MLP"])
def test_a_part_that_says_it_needs_a_later_program_is_refused_by_name(kind):
    state, cls, _ = faults.saved_states()[kind]
    data = bytearray(faults.saved_bytes(state))
    data[data.index(b"PK\1\2") + 6] = 109  # the version of zip files that it needs, in the list of parts
    with pytest.raises(ValueError, match=f"is not a saved {kind}"):
        cls.load(BytesIO(data))


def test_every_mistake_that_nobody_noticed_has_its_reason_on_the_page():
    mutants = json.loads((root / "dlnotes/recorded/hard_use.json").read_text(encoding="utf-8"))["mutants"]
    assert mutants["made"] - mutants["noticed"] == len(mutants["survivors"])
    assert mutants["made"] == sum(of["made"] for of in mutants["modules"].values())
    page = (root / "nbs/faults.ipynb").read_text(encoding="utf-8")
    for m in mutants["survivors"]:
        assert m["kind"] in ("missing", "equivalent", "setting", "speed", "looks") and m["why"] in page


@pytest.mark.parametrize(
    "content", [b"{}\n", b"dear diary\n", b'{"name": "notes"}\n{"a": 1}\n', b"\x89PNG\r\n\x1a\n\0\0"]
)
def test_a_file_that_is_no_journal_is_called_that_and_left_alone(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    for act in (
        lambda: Study(SPACE, journal=path),
        lambda: Study.load(path),
        lambda: search(len, SPACE, 3, journal=path),
    ):
        with pytest.raises(ValueError, match="is no journal, or its first line is damaged: give journal another name"):
            act()
    assert path.read_bytes() == content


def test_a_journal_of_another_space_says_how_to_learn_from_it(tmp_path):
    path = tmp_path / "run.jsonl"
    search(bowl, SPACE, 3, journal=path, progress=False)
    with pytest.raises(
        ValueError, match=r"another search: space is .* here\. Give journal another name; start=Study\.load"
    ):
        Study(Space(x=Uniform(0, 1)), journal=path)
    with pytest.raises(ValueError, match=r"another search: seed is 0 in the journal and 1 here$"):
        Study(SPACE, seed=1, journal=path)
