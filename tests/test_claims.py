"""The ledger of claims: whole, true to the notes' words, agreed with by the chapters, and every check able to fail."""

import copy
import hashlib
import re
import tomllib
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest

import dlnotes
import dlnotes.frameworks
from dlnotes import runs
from web.__main__ import options, pandoc

folder = Path(__file__).parents[1] / "nbs"
notebooks = {path.name: nbformat.read(path, as_version=4).cells for path in sorted(folder.glob("*.ipynb"))}
chapters = {name: cells for name, cells in notebooks.items() if name[0].isdigit() or name == "claims.ipynb"}
ledger = tomllib.loads((folder.parent / "dlnotes/recorded/claims.toml").read_text(encoding="utf-8"))
setup = ledger.pop("setup")

# The notes' words may not be bent until they fit a verdict: the start of each claim's SHA-256.
WORDS = """
T1 38f60f07  T2 6398af2b  T3 0731eac0  T4 68ef241a  T5 96b4a238  T6 850daa6c  T7 b4d5d56b  T8 1ab8f65e
T9 1be6f9d8  T10 0c62a181  T11 2b700f18  B1 6bc0ede1  B2 ca3fbb73  B3 e7240173  B4 892b74a0  B5 5bb14f8e
B6 2fd36683  B7 76b8bc4b  B8 d5e94225  B9 3dfc621e  B10 b7232577  S1 6bd65261  S2 411bbb21  S3 f6c8d6e7
S4 82928ce3  S5 07d0de1e  S6 fe5b12d9  S7 7395b3ac  S8 2199fb77  F1 1fae7917  F2 d7b46229  F3 188fe32f
F4 6b40769b  F5 f92a2c31  F6 9ea9edda  F7 69da3511  F8 90cf7bd8  F9 a849e6ab  F10 dcc578ac  F11 a832083d
"""
fixed = dict(zip(*[iter(WORDS.split())] * 2, strict=True))
known = {"words", "verdict", "condition", "why", "section", "figure", "corrections", "check"}


def run(row):
    """The names that the check of a row computes."""
    names = {"__name__": "claims"}
    exec(setup + row["check"], names)
    return names


def ids(text):
    """The claims that `text` names: "T1–T3 and T5" are four."""
    for first, last in re.findall(r"\b([TBSF][1-9]\d?)\b(?:(?:–| to )([TBSF][1-9]\d?)\b)?", text):
        yield from (f"{first[0]}{n}" for n in range(int(first[1:]), int((last or first)[1:]) + 1))


def verdicts(cells):
    """(claim, verdict) for every box titled "Verdict: …"; ValueError for a title that cannot be read."""
    for cell in cells:
        for title in re.findall(r'title="Verdict: (.*?)"', cell.source) if cell.cell_type == "markdown" else ():
            for part in title.split("; "):
                read = re.fullmatch(r"([TBSF]\d[TBSF\d–, andto]*) (holds?(?= when )|holds?$|wrong, corrected$).*", part)
                if not read:
                    raise ValueError(f"a verdict is 'holds', 'holds when …' or 'wrong, corrected', got {part!r}")
                kind = "holds when" if " when " in part else "holds" if "hold" in read[2] else read[2]
                yield from ((name, kind) for name in ids(read[1]))


@cache
def anchor_of(heading):
    """The id that pandoc, and so either renderer, gives a heading."""
    return re.search(r'id="(.*?)"', pandoc(heading, "--to=html"))[1]


def section(cells, anchor):
    """The cells under the heading with the id `anchor`, up to the next heading as high; none if there is no such id."""
    found, level = [], 0
    for cell in cells:
        heading = re.match(r"(#+) ", cell.source) if cell.cell_type == "markdown" else None
        if heading and level and len(heading[1]) <= level:
            break
        if heading and not level and anchor_of(cell.source.splitlines()[0]) == anchor:
            level = len(heading[1])
        if level:
            found.append(cell)
    return found


def has_figure(cells, label):
    """Whether a cell with that label shows a picture and describes it."""
    for cell in cells:
        if cell.cell_type == "code" and options(cell.source).get("label") == label:
            return "fig-alt" in options(cell.source) and any("image/png" in o.get("data", {}) for o in cell.outputs)
    return False


def problems(ledger, chapters):
    """Sentences that say what is wrong with the ledger, or between it and the chapters."""
    if list(ledger) != list(fixed):
        yield f"these claims are missing, too many or out of order: {set(ledger) ^ set(fixed) or list(ledger)}"
    for name, row in ledger.items():
        digest = hashlib.sha256(row["words"].strip().encode()).hexdigest()[:8]
        if digest != fixed.get(name):
            yield f"{name} does not quote the notes ({digest})"
        if row["verdict"] not in ("holds", "holds when", "wrong, corrected"):
            yield f"{name} has the verdict {row['verdict']!r}"
        if (row["verdict"] == "holds when") != bool(row.get("condition")):
            yield f"{name} needs a condition if it 'holds when', and only then"
        if row["verdict"] == "wrong, corrected" and not row.get("corrections"):
            yield f"{name} is wrong, and not corrected"
        if unknown := set(row) - known:
            yield f"{name} has the unknown entries {unknown}"
        if "assert " not in row["check"]:
            yield f"{name} has a check that cannot fail"
        page, _, anchor = row["section"].partition("#")
        evidence = section(chapters.get(page, []), anchor)
        if not evidence:
            yield f"{name}: there is no section {row['section']}"
        elif name not in dict(verdicts(evidence)):
            yield f"{name}: {row['section']} has no verdict on it"
        page, _, label = row.get("figure", "#").partition("#")
        if label and not has_figure(chapters.get(page, []), label):
            yield f"{name}: there is no figure {row['figure']}"
    for page, cells in chapters.items():
        for name, verdict in verdicts(cells):
            if name in ledger and verdict != ledger[name]["verdict"]:
                yield f"{page} says that {name} {verdict!r}, the ledger {ledger[name]['verdict']!r}"
        for cell in cells:
            yield from (f"{page} names {name}, which is no claim" for name in ids(cell.source) if name not in fixed)


def test_every_claim_has_its_words_a_verdict_and_evidence_and_the_chapters_agree():
    assert list(problems(ledger, chapters)) == []


@pytest.mark.parametrize("name", ledger)
def test_the_check_holds_and_gives_the_numbers_of_the_page(name):
    row = ledger[name]
    names = run(row)
    for text in (row["why"], *(slip["why"] for slip in row.get("corrections", []))):
        text.format_map(names)


def test_the_page_shows_every_claim():
    outputs = [out for cell in notebooks["claims.ipynb"] for out in cell.get("outputs", [])]
    shown = "".join(out.get("data", {}).get("text/markdown", "") for out in outputs)
    for name, row in ledger.items():
        assert f'<a id="{name.lower()}"></a>' in shown and f'<a id="check-{name.lower()}"></a>' in shown
        assert (
            row["section"].removeprefix("claims.ipynb") in shown
            and row.get("figure", "") in shown
            and row["check"].strip() in shown
        )
        assert all(slip["notes"] in shown and slip["right"] in shown for slip in row.get("corrections", []))


# The same, shown failing


def damaged(name, **changes):
    new = copy.deepcopy(ledger)
    new[name] |= changes
    return list(problems(new, chapters))


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(words="Softmax is fine."), "does not quote the notes"),
        (dict(verdict="wrong, corrected"), "and not corrected"),
        (dict(verdict="open"), "has the verdict 'open'"),
        (dict(verdict="holds when", condition="it rains"), "the ledger 'holds when'"),
        (dict(condition="it rains"), "needs a condition"),
        (dict(section="02_scales.ipynb#gone"), "no section"),
        (dict(section="99_gone.ipynb#equal-ratios"), "no section"),
        (dict(section="02_scales.ipynb#equal-differences"), "no verdict on it"),
        (dict(figure="02_scales.ipynb#fig-gone"), "no figure"),
        (dict(check="1 + 1"), "cannot fail"),
        (dict(proof="trust me"), "unknown entries"),
    ],
)
def test_a_damaged_row_is_found(changes, message):
    assert any(message in problem for problem in damaged("T8", **changes))


def test_a_missing_row_and_a_row_too_many_are_found():
    without = {name: row for name, row in ledger.items() if name != "B7"}
    assert "B7" in next(problems(without, chapters))
    assert "T12" in next(problems(ledger | {"T12": ledger["T11"]}, chapters))


def test_a_chapter_that_names_another_claim_or_gives_another_verdict_is_found():
    def found(text):
        return list(problems(ledger, chapters | {"10_new.ipynb": [nbformat.v4.new_markdown_cell(text)]}))

    assert "names T12" in found("Claim T12 says more.")[0]
    assert "says that B7 'wrong, corrected'" in found('::: {.callout-note title="Verdict: B7 wrong, corrected"}')[0]
    assert len(found('::: {.callout-note title="Verdict: B1, B3 to B5 and B7 wrong, corrected"}')) == 5
    with pytest.raises(ValueError, match="a verdict is"):
        found('::: {.callout-note title="Verdict: B7 may hold"}')


# Every check, shown failing: the package broken on purpose, one formula at a time


def bent(name, change):
    """The function `name` of the package, with `change` applied to what it returns."""
    right = getattr(dlnotes, name)
    return {name: lambda *a, **k: change(right(*a, **k))}


class Mirrored(dlnotes.Uniform):
    """A log scale turned end to end, as others reverse one."""

    def ppf(self, u):
        return self.low + self.high - self.low ** np.asarray(u) * self.high ** (1 - np.asarray(u))


class Rounded(dlnotes.Integer):
    """Rounds, and so gives each end half of its share."""

    def ppf(self, u):
        return np.round(self.low + np.asarray(u) * (self.high - self.low)).astype(int)


class StdBatchNorm(dlnotes.BatchNorm):
    """Keeps the average of the standard deviation."""

    def __call__(self, x, train=True):
        y = super().__call__(x, train)
        self.var = np.sqrt(self.var) if train else self.var
        return y


class Neighbours(dlnotes.BatchNorm):
    """Normalizes with the batch's statistics at test time too."""

    def __call__(self, x, train=True):
        return super().__call__(x, True)


class Careless(dlnotes.Panda):
    """Replays its diary on another seed."""

    def replay(self):
        first, *rest = self.diary
        return dlnotes.tuning.follow(self._start, self._step, [first | {"seed": 1}, *rest])


def unbiased(x, gamma, beta, eps=1e-5, axis=-1, right=dlnotes.batchnorm):
    y, cache = right(x, gamma, beta, eps, axis)
    return (y - beta) * np.sqrt(1 - 1 / len(x)) + beta, cache


def centred_on_zero(x, gamma, beta, eps=1e-5, axis=-1, right=dlnotes.batchnorm):
    y, cache = right(x, gamma, beta, eps, axis)
    return y + gamma * x.mean(0) / np.sqrt(x.var(0) + eps), cache


def without_epsilon(x, gamma, beta, eps=1e-5, axis=-1):
    with np.errstate(all="ignore"):
        return gamma * (x - x.mean(0)) / np.sqrt(x.var(0)) + beta, None


def detached(d):
    return d[0] + 0.01, d[1], d[2]


undivided = {"softmax": lambda z, axis=-1: np.exp(z - np.max(z, axis=axis, keepdims=True))}
summed = bent("cross_entropy", lambda found: (found[0] * 3, found[1]))
BROKEN = {
    "T7": {"Integer": Rounded},
    "T8": {"LogUniform": dlnotes.Uniform},
    "T9": {"ReverseLogUniform": Mirrored},
    "T10": {"retune": lambda study, *a, **k: dlnotes.Retune("still good", {}, {}, [], [], 0.0, 1.0)},
    "T11": {"Panda": Careless},
    "B1": {"batchnorm": centred_on_zero},
    "B3": {"batchnorm": unbiased},
    "B4": {"BatchNorm": Neighbours},
    "B5": {"batchnorm": without_epsilon},
    "B6": bent("batchnorm_backward", lambda d: (d[0], d[1] / 2, d[2])),
    "B7": bent("batchnorm_backward", detached),
    "B10": {"BatchNorm": StdBatchNorm},
    "S1": undivided,
    "S2": undivided,
    "S3": undivided,
    "S4": summed,
    "S5": summed,
    "S6": bent("cross_entropy", lambda found: (found[0] * len(found[1]), found[1])),
    "S7": bent("one_hot", lambda Y: Y[::-1]),
    "S8": bent("cross_entropy", lambda found: (found[0], found[1] * len(found[1]))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_fails_the_check(name, monkeypatch):
    for what, wrong in BROKEN[name].items():
        monkeypatch.setattr(dlnotes, what, wrong)
    with pytest.raises(AssertionError):
        run(ledger[name])


def test_recorded_results_that_disagree_fail_the_checks(monkeypatch):
    wrong = dlnotes.frameworks.load_results()
    for name in set(wrong) - {"releases", "governance"}:
        wrong[name]["result"]["losses"][7] += 1e-4
    monkeypatch.setattr(dlnotes.frameworks, "load_results", lambda: wrong)
    for name in (f"F{n}" for n in range(1, 11)):
        with pytest.raises(AssertionError):
            run(ledger[name])


def test_a_network_whose_batch_norm_does_nothing_fails_the_checks_that_train_it(monkeypatch):
    monkeypatch.setattr(dlnotes, "batchnorm", lambda x, gamma, beta: (x, None))
    monkeypatch.setattr(dlnotes, "batchnorm_backward", lambda dy, cache: (dy, np.zeros(32), np.zeros(32)))
    for name in ("B2", "B8"):
        with pytest.raises(AssertionError):
            run(ledger[name])


def test_kept_runs_in_another_order_fail_the_checks_that_read_them(monkeypatch):
    kept = runs.recorded
    monkeypatch.setattr(runs, "recorded", lambda name: np.random.default_rng(0).permutation(kept(name)))
    for name in ("T1", "T2", "B9"):
        with pytest.raises(AssertionError):
            run(ledger[name])
