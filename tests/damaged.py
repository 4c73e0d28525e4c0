"""Files that a journal or a saved model could have become, and what reads them: nothing but an error that says so."""

import io
import json
import random
import re
import warnings
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from dlnotes import MLP, BatchNorm, Categorical, Integer, LogUniform, Shares, Space, Study, Uniform, search
from dlnotes.journal import read_journal

CORPUS = Path(__file__).parent / "damaged"
RAN = []  # what a file made us run


def ran(what):
    """What a pickle calls."""
    RAN.append(what)


class Trap:
    """A pickle that leaves a trace if anybody loads it."""

    def __reduce__(self):
        return ran, ("a pickle was loaded",)


space = Space(
    lr=LogUniform(1e-4, 1), units=Integer(8, 64, step=8), rate=Uniform(0, 1, step=0.05).when(units=[8, 16]),
    kind=Categorical("relu", ("a", 1), None), mix=Shares(3),
)  # fmt: skip


def bowl(params):
    if params["kind"] is None:
        raise ValueError("no such kind")
    return params["lr"] + params["units"] / 64, {"size": 3}


# What reads, by the kind of file: each takes a path.


def resumed(path):
    return search(bowl, space, 12, seed=1, journal=path, progress=False)


def loaded(path):
    study = Study.load(path)
    return study.best if study.complete else None, study.to_frame(), study.next_number


READERS = {
    "journal": [read_journal, lambda path: read_journal(path, space), loaded, resumed],
    "layer": [BatchNorm.load],
    "network": [MLP.load],
}
REFUSALS = (ValueError, OSError, RuntimeError)  # a RuntimeError where all trials that it holds have failed


@cache
def whole(kind):
    """The bytes of a file as it should be."""
    made = io.BytesIO()
    if kind == "journal":
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            path = Path(folder) / "journal.jsonl"
            search(bowl, space, 10, seed=1, journal=path, progress=False, start=[space.sample(1)[0]])
            return path.read_bytes()
    if kind == "layer":
        bn = BatchNorm(3)
        bn(np.arange(12.0).reshape(4, 3), train=True)
        bn.save(made)
    else:
        MLP((2,), epochs=1, batch_size=4).fit(np.arange(12.0).reshape(6, 2), [0, 1, 0, 1, 0, 1]).save(made)
    return made.getvalue()


# What becomes of files


def numbers(data, rng):
    """A number in a text becomes another one."""
    new = [b"1e400", b"-1", b"0", b"1" * 400, b"NaN", b"-Infinity", b"2.5", b'"3"', b"null", b"true", b"[]", b"{}"]
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?", data))
    at = rng.choice(found) if found else re.match(b"", data)
    return data[: at.start()] + rng.choice(new) + data[at.end() :]


def words(data, rng):
    """A word in quotes becomes another one of the file, or something else."""
    found = list(re.finditer(rb'"[^"]*"', data))
    if not found:
        return data
    at = rng.choice(found)
    new = [rng.choice(found)[0], b'"\\ud800"', b'"dict"', b'"name"', b"[" * 30, b"1", b"null", b'{"dict": [[[], 1]]}']
    return data[: at.start()] + rng.choice(new) + data[at.end() :]


def flipped(data, rng):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data, rng):
    return data[: rng.randrange(len(data))]


def hole(data, rng):
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:a] + data[b:]


def lines_moved(data, rng):
    lines = data.splitlines(keepends=True)
    for _ in range(2):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        if rng.random() < 0.5:
            lines.insert(i, lines[j])
        elif len(lines) > 1:
            lines.pop(i)
    return b"".join(lines)


def member(data, rng):
    """An array of an archive becomes another one."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        arrays = {name: file.read(name) for name in file.namelist()}
    name = rng.choice(list(arrays))
    made = io.BytesIO()
    odd = rng.choice(("objects", "giant", "text", "other", "gone", "NaN", "empty", "words"))
    if odd == "giant":
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % 10 ** rng.choice((9, 12, 18))
        made.write(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + b"\0" * 64)
    elif odd == "text":
        made.write(rng.randbytes(50))
    else:
        new = {"objects": np.array([Trap()], object), "other": np.arange(rng.randrange(5)) * 1.0, "gone": np.ones(0),
               "NaN": np.full(3, np.nan), "empty": np.ones((0, 3)), "words": np.array("{}" if rng.random() < 0.5 else "x")}  # fmt: skip
        np.save(made, new[odd], allow_pickle=True)
    arrays[name] = made.getvalue()
    if odd == "gone":
        del arrays[name]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for key, value in arrays.items():
            file.writestr(key, value)
    return out.getvalue()


def settings(data, rng):
    """The settings of a saved model, as text in an array, become others."""
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    for name, a in arrays.items():
        if a.dtype.kind == "U" and a.ndim == 0:
            text = rng.choice((numbers, words, flipped))(str(a).encode(), rng).decode(errors="replace")
            arrays[name] = np.array(text)
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


CHANGES = {
    "journal": [numbers, words, flipped, cut, hole, lines_moved],
    "layer": [flipped, cut, hole, member, settings],
    "network": [flipped, cut, hole, member, settings],
}


def bomb(inside):
    """An archive of few bytes that says an array of 100 GB is in it."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (12500000000,), }\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name in inside:
            file.writestr(
                f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 10**7
            )
    return made.getvalue()


def by_hand():
    """Files that nobody would find by chance: (kind, name, bytes)."""
    first, *rest = whole("journal").splitlines(keepends=True)
    head = json.loads(first)

    def journal(**changes):
        return json.dumps(head | changes).encode() + b"\n"

    yield "journal", "deep", first + b"[" * 200_000 + b"]" * 200_000 + b"\n"
    yield "journal", "deep first line", b'{"dlnotes_journal": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    yield "journal", "twice the same key", first[:-2] + b', "seed": 1e400}\n' + b"".join(rest)
    yield "journal", "not UTF-8", first + b'{"ask": 0, "params": {"lr": "\xff\xfe"}}\n'
    yield "journal", "UTF-16", (first + b"".join(rest)).decode().encode("utf-16")
    yield "journal", "byte order mark", b"\xef\xbb\xbf" + first + b"".join(rest)
    yield "journal", "nothing but zeros", b"\0" * 5000
    yield "journal", "Windows's ends of lines", (first + b"".join(rest)).replace(b"\n", b"\r\n")
    yield "journal", "a number of 5000 digits", first + b'{"ask": ' + b"9" * 5000 + b', "params": {}}\n'
    yield "journal", "shares without end", journal(space={"mix": {"scale": "Shares", "n": 10**9}})
    yield (
        "journal",
        "steps without end",
        journal(space={"x": {"scale": "Uniform", "low": 0, "high": 1, "step": 1e-300}}),
    )
    yield "journal", "integers without end", journal(space={"x": {"scale": "Integer", "low": 0, "high": 10**400}})
    yield "journal", "a lag without end", journal(lag=10**18)
    yield "journal", "a scale of another class", journal(space={"x": {"scale": "Journal", "path": "x"}})
    yield (
        "journal",
        "a scale with a private field",
        journal(space={"x": {"scale": "Uniform", "low": 0, "high": 1, "_x": 1}}),
    )
    yield (
        "journal",
        "conditions in a circle",
        journal(space={a: {"scale": "Integer", "low": 0, "high": 9, "when": {b: [1]}} for a, b in ("xy", "yx")}),
    )
    yield (
        "journal",
        "a value beyond floats",
        first + b"".join(rest[:2]) + b'{"add": 99, "params": {}, "value": ' + b"9" * 400 + b"}\n",
    )
    yield "journal", "a list as a line", first + b"[1, 2]\n"
    yield "journal", "an empty object", first + b"{}\n" + b"".join(rest)
    yield "journal", "a date that is none", journal(created="yesterday")
    for kind, key in (("layer", "gamma"), ("network", "W1")):
        made = io.BytesIO()
        np.savez(made, **{key: np.array([Trap()], object)})
        yield kind, "pickle", made.getvalue()
        yield kind, "bomb", bomb([key])
        with zipfile.ZipFile(io.BytesIO(whole(kind))) as file:
            yield kind, "bomb in every place", bomb([name.removesuffix(".npy") for name in file.namelist()])
        alone = io.BytesIO()
        np.save(alone, np.ones(3))
        yield kind, "one array", alone.getvalue()
        yield kind, "nothing", b""


def refused(kind, data, path):
    """None if every reader gives something or a documented error; else what went wrong, as text."""
    del RAN[:]
    for reader in READERS[kind]:
        path.write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                reader(path)
        except RecursionError as error:
            return f"nested too deep for it: {error}"
        except REFUSALS:
            pass
        except MemoryError:
            return "took all memory"
        except Exception as error:
            return f"{getattr(reader, '__qualname__', reader)} raised {type(error).__name__}: {str(error)[:200]}"
        if RAN:
            return "ran what the file holds"
    return None


def changed(kind, seed):
    """A whole file with one to three changes."""
    rng = random.Random(seed)
    data = whole(kind)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        try:
            data = rng.choice(CHANGES[kind])(data, rng) or data[:1]
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OSError, KeyError):
            return data  # it is no archive any more
        except Exception:
            return data
    return data
