"""The appendix: results are plain data, the reference is right, programs are complete, the harness can say no."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import comparing
import environments
import reading
import reporting
import running
import worker
from dlnotes.frameworks import load_results, loss_and_gradients, reference, work
from dlnotes.gradcheck import check_gradient
from dlnotes.layer import BatchNorm
from environments import Environment, Failed, Unavailable

root = Path(__file__).parents[1]


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


run = load(root / "frameworks" / "run.py", "frameworks_run")
recorded = load_results()
results = {name: entry["result"] for name, entry in recorded.items() if name not in ("releases", "governance")}
of_the_notes = "caffe caffe2 cntk dl4j keras lasagne mxnet paddlepaddle tensorflow theano torch".split()


# The reference


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_gradients_are_right_away_from_the_start(ddof):
    rng, data = np.random.default_rng(0), work()
    X, y = data["X"][:40].astype(float), data["y"][:40]
    shapes = {"W1": (64, 32), "gamma": (32,), "beta": (32,), "W2": (32, 10), "b2": (10,)}
    p = {name: rng.standard_normal(shape) / 3 + (name == "gamma") for name, shape in shapes.items()}
    take = lambda i: lambda *values: loss_and_gradients(dict(zip(p, values, strict=True)), X, y, ddof=ddof)[i]
    gradient = lambda *values: tuple(take(1)(*values).values())
    check_gradient(take(0), tuple(p.values()), gradient, entries=20, tol=1e-5)


def test_the_running_statistics_are_those_of_the_books_batch_norm():
    data = work() | {"steps": 1}
    bn = BatchNorm(32, decay=0.9)
    bn(data["X"].astype(float) @ data["W1"].astype(float), train=True)
    ours = reference(data)
    assert np.allclose(ours["mean"], bn.mean, atol=1e-12) and np.allclose(ours["var"], bn.var, atol=1e-12)


def test_weighted_and_whole_start_with_the_first_batch_and_differ_after_the_second():
    one = {first: reference(work() | {"steps": 1}, first=first)["mean"] for first in ("averaged", "whole", "weighted")}
    two = {first: reference(work() | {"steps": 2}, first=first)["mean"] for first in ("whole", "weighted")}
    assert np.allclose(one["whole"], one["weighted"]) and not np.allclose(one["whole"], one["averaged"])
    assert not np.allclose(two["whole"], two["weighted"])


def test_an_unknown_start_is_refused():
    with pytest.raises(ValueError, match="first must be"):
        reference(first="second")


def test_small_mistakes_move_the_curve_beyond_the_tolerance_and_rounding_does_not():
    data, truth = work(), reference()["losses"]
    distance = lambda **kw: max(abs(np.subtract(reference(data, **kw)["losses"], truth)))
    assert min(distance(eps=1e-4), distance(ddof=1), distance(lr=0.501), distance(frozen=("gamma", "beta"))) > 5e-5
    single = {name: data[name] * np.float32(1 + 2**-24) for name in ("X", "W1", "W2")}
    assert max(abs(np.subtract(reference(data | single)["losses"], truth))) < 1e-6


# The recorded results


def test_reading_the_results_imports_no_framework():
    code = "import dlnotes.frameworks as f, sys; f.load_results(); print({m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    heavy = "torch jax keras tensorflow theano lasagne mxnet paddle cntk caffe caffe2 jpype matplotlib"
    for framework in heavy.split():
        assert f"'{framework}'" not in loaded


def test_no_results_is_an_error_that_says_where_they_should_be(tmp_path):
    with pytest.raises(FileNotFoundError, match="make frameworks"):
        load_results(tmp_path)


def test_a_results_file_that_is_damaged_is_named_with_what_to_do(tmp_path):
    (tmp_path / "theano.json").write_text('{"name": "theano", "result": {"losses": [2.5')
    with pytest.raises(ValueError, match=r"theano\.json.*git checkout.*make frameworks"):
        load_results(tmp_path)


def test_every_program_has_a_result_and_every_framework_of_the_notes_a_program():
    assert set(results) == set(reading.names()) >= {*of_the_notes, "jax", "numpy"}
    assert all(entry["last_attempt"]["status"] == "agrees" for entry in recorded.values() if "result" in entry)


@pytest.mark.parametrize("name", reading.names())
def test_the_recorded_run_agrees_when_compared_afresh(name):
    r, truth = results[name], reference()
    assert len(r["losses"]) == 20
    assert comparing.largest(r["losses"], truth["losses"]) == pytest.approx(r["loss_diff"], abs=1e-12)
    assert set(r["weights_diff"]) == set(truth["weights"])
    assert r["agrees"] and not comparing.disagreements(r)
    assert r["reload"]["max_diff"] < 1e-6
    assert set(r["mistakes"]) == set(worker.mistakes)


@pytest.mark.parametrize("name", reading.names())
def test_a_program_that_can_export_was_exported_and_onnxruntime_agrees(name):
    exports = "def export(" in (root / "frameworks" / "programs" / f"{name}.py").read_text()
    onnx = results[name]["onnx"]
    assert onnx["status"] == ("exported" if exports else "none")
    assert not exports or onnx["max_diff"] < 1e-5


@pytest.mark.parametrize("name", reading.names())
def test_every_case_was_timed_or_says_why_not(name):
    cases = {(s["what"], s["hidden"], s["batch"]): s for s in results[name]["speed"]}
    assert set(cases) == {(w, h, b) for w in ("training", "inference") for h in (32, 256, 1024) for b in (1, 32, 512)}
    for s in cases.values():
        assert s.get("error") or s["ratio"] == pytest.approx(s["ms"] / s["numpy_ms"], rel=0.01, abs=0.001)


@pytest.mark.parametrize("name", reading.names())
def test_the_recorded_run_is_of_the_program_that_is_here(name):
    need = reading.declared(name)
    assert results[name]["dependencies"] == need.get("packages", need["dependencies"])
    assert results[name]["python"].startswith(need["python"])
    assert results[name]["source"] == reading.counted(name)
    assert results[name]["shims"] == need["shims"]


def test_the_forks_layer_is_recorded_as_wrong():
    losses = np.array(results["caffe_fork"]["own_layer"], float)
    assert losses[0] > 10 * reference()["losses"][0] and np.isnan(losses[-1])


def test_results_hold_no_path_of_the_machine_they_were_made_on():
    for path in (root / "dlnotes" / "recorded").rglob("*.json"):
        assert not re.search(r"/(root|home|work|tmp)/", path.read_text()), path.name


def test_every_fact_about_governance_has_a_date_and_a_source_or_says_none():
    for facts in recorded["governance"].values():
        assert set(facts) == {"owner", "licence", "state", "archived", "successor"}
        assert facts["archived"]["value"].startswith(("yes, on 20", "no", "unknown"))
        for fact in facts.values():
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", fact["read"])
            assert fact["source"] or fact["value"].startswith(("none", "unknown"))


def test_release_counts_follow_from_the_dates():
    table = recorded["releases"]
    start = f"{int(table['read'][:4]) - 2}{table['read'][4:]}"
    for p in table["packages"].values():
        assert p["dates"] == sorted(p["dates"])
        assert (p["first"]["date"], p["last"]["date"]) == (p["dates"][0], p["dates"][-1])
        assert p["last_24_months"] == sum(day >= start for day in p["dates"])


# The programs


@pytest.mark.parametrize("name", reading.names())
def test_a_program_declares_exact_pins_and_shares_no_code(name):
    need = reading.declared(name)
    assert all("==" in pin for pin in [*need["dependencies"], *need.get("export", [])])
    assert {"title", "download", "disk", "shims"} <= set(need)
    tree = ast.parse((root / "frameworks" / "programs" / f"{name}.py").read_text())
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    defined |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}  # self.step = ...
    assert {"__init__", "step", "predict", "weights", "save", "load"} <= defined
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module and module.partition(".")[0] in ("dlnotes", "worker", "program") for module in imported)


def test_lines_are_counted_without_comments_blanks_and_the_harness_part():
    assert reading.counted("numpy")["names"] == 0  # NumPy's own names are not a framework's
    assert 5 < reading.counted("torch")["deploy_lines"] < reading.counted("torch")["lines"] < 60


# The harness, without any environment


def trained(program, folder):
    """What the harness learns of a program, from NumPy in this very process."""
    data = work()
    report = worker.train(program, data, str(folder))
    seen = worker.conventions(program, data, str(folder))
    return comparing.compare(report, folder, data, seen)


def seeded(old, new):
    """NumPy's program with a mistake in it."""
    path = root / "frameworks" / "programs" / "numpy.py"
    source = path.read_text()
    assert source.count(old) == 1, old
    module = type(sys)("seeded")
    exec(compile(source.replace(old, new), path.name, "exec"), vars(module))
    return module


def test_the_program_as_it_stands_agrees(tmp_path):
    assert not comparing.disagreements(trained(seeded("import os", "import os"), tmp_path))


@pytest.mark.parametrize(
    "old, new, where",
    [
        ("mu, var = a.mean(0), a.var(0)", "mu, var = a.mean(0), a.var(0, ddof=1)", "losses"),
        ("np.float32(0.9), np.float32(1e-5)", "np.float32(0.9), np.float32(1e-4)", "losses"),
        ("- dxhat.mean(0) -", "-", "losses"),
        ("dh = (dz @ self.W2.T) * (h > 0)", "dh = dz @ self.W2.T", "losses"),
        ("self.b2 -= self.lr * dz.sum(0)", "self.b2 -= self.lr * dz.mean(0)", "losses"),
        ("return loss", "self.b2 += np.float32(1e-4)\n        return loss", "weights b2"),
        ('"beta": self.beta, "W2"', '"beta": self.gamma, "W2"', "weights beta"),
        ("self.var = decay * self.var + (1 - decay) * var", "self.var = decay * self.var + var", "probabilities"),
        ("self.mean = decay * self.mean + (1 - decay) * mu", "self.mean = mu", "probabilities"),
        (
            "        return e / e.sum(1, keepdims=True)",
            "        return e / e.sum(1, keepdims=True) + 1e-4",
            "probabilities",
        ),
    ],
)
def test_a_mistake_in_a_program_is_found_and_where_it_shows_is_named(tmp_path, old, new, where):
    assert where in comparing.disagreements(trained(seeded(old, new), tmp_path))


def test_a_loss_that_is_not_a_number_disagrees(tmp_path):
    compared = trained(seeded("        return loss", "        return loss * np.nan"), tmp_path)
    assert comparing.disagreements(compared)["losses"] == float("inf")


def test_nan_and_another_shape_are_infinitely_far():
    assert comparing.largest([1.0], [1.5]) == 0.5
    assert comparing.largest([np.nan], [1.0]) == comparing.largest([1.0, 2.0], [1.0]) == float("inf")


def entry(**kw):
    return {"version": "1", "date": "2020-01-01", "loss_diff": 0.0, **kw}


def test_a_failure_is_recorded_and_the_earlier_result_stays_with_its_date(tmp_path):
    reporting.record("theano", tmp_path, "agrees", result=entry())
    reporting.record("theano", tmp_path, "unavailable", "no Python 3.8")
    stored = json.loads((tmp_path / "theano.json").read_text())
    assert stored["last_attempt"]["status"] == "unavailable" and stored["last_attempt"]["reason"] == "no Python 3.8"
    assert stored["result"]["date"] == "2020-01-01"
    line = next(line for line in reporting.state(tmp_path) if line.startswith("theano"))
    assert "unavailable" in line and "2020-01-01" in line and "no Python 3.8" in line


def test_a_loss_that_is_not_a_number_can_be_stored(tmp_path):
    reporting.record("theano", tmp_path, "disagrees", result=entry(losses=[1.0, float("nan")]))
    assert json.loads((tmp_path / "theano.json").read_text())["result"]["losses"] == [1.0, "nan"]


def test_a_quick_run_does_not_take_the_place_of_a_full_one(tmp_path):
    reporting.record("theano", tmp_path, "agrees", result=entry(speed=[1], date="2020-01-01"))
    reporting.record("theano", tmp_path, "agrees", result=entry(date="2021-01-01"))
    assert json.loads((tmp_path / "theano.json").read_text())["result"] == entry(speed=[1], date="2020-01-01")
    reporting.record("theano", tmp_path, "agrees", result=entry(speed=[2], date="2022-01-01"))
    assert json.loads((tmp_path / "theano.json").read_text())["result"]["date"] == "2022-01-01"


def test_a_damaged_file_is_listed_as_such_and_replaced_by_the_next_run(tmp_path):
    (tmp_path / "theano.json").write_text('{"name": "the')
    assert any(line.startswith("theano") and "cannot be read" in line for line in reporting.state(tmp_path))
    reporting.record("theano", tmp_path, "agrees", result=entry())
    assert json.loads((tmp_path / "theano.json").read_text())["result"] == entry()
    assert [path.name for path in tmp_path.iterdir()] == ["theano.json"]


def lane(monkeypatch, tmp_path, effect, *names):
    """`run.py NAMES` with every lane replaced by `effect`."""
    monkeypatch.setattr(run, "run", effect)
    monkeypatch.setattr(sys, "argv", ["run.py", *names, "--results", str(tmp_path)])
    run.main()


def raises(error):
    def effect(*_):
        raise error

    return effect


def test_an_interrupted_run_records_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    reporting.record("theano", tmp_path, "agrees", result=entry())
    before = (tmp_path / "theano.json").read_text()
    with pytest.raises(SystemExit, match="Interrupted during theano"):
        lane(monkeypatch, tmp_path, raises(KeyboardInterrupt()), "theano", "mxnet")
    assert (tmp_path / "theano.json").read_text() == before and not (tmp_path / "mxnet.json").exists()


def test_an_interrupt_ends_the_worker_too(tmp_path, monkeypatch):
    environment = Environment({"name": "numpy", "python": "3.11", "dependencies": []})
    started = tmp_path / "started"
    script = f"import pathlib, os, time; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(environment, "command", lambda *_: ([sys.executable, "-c", script], None))

    def interrupted(process, *_, timeout=None):
        if timeout:
            while not (started.exists() and started.read_text()):
                time.sleep(0.01)
            raise KeyboardInterrupt
        with process:  # waits for it, and closes its pipes
            return None

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.ask(environment, (tmp_path, str(tmp_path)), "train")
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_a_fault_nobody_thought_of_is_recorded_and_the_next_lane_still_runs(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="theano, mxnet"):
        lane(monkeypatch, tmp_path, raises(KeyError("weights")), "theano", "mxnet")
    for name in ("theano", "mxnet"):
        last = json.loads((tmp_path / f"{name}.json").read_text())["last_attempt"]
        assert last["status"] == "failed" and last["reason"] == "KeyError: 'weights'"


def test_what_will_be_downloaded_is_said_before_anything_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(environments, "cache", tmp_path / "none")
    said = []
    monkeypatch.setattr(run, "run", lambda *_: said.append(capsys.readouterr().out) or raises(Failed("x"))())
    monkeypatch.setattr(sys, "argv", ["run.py", "theano", "--results", str(tmp_path)])
    with pytest.raises(SystemExit):
        run.main()
    assert re.search(r"theano +about +\d+ MB to download, +\d+ MB on disk", said[0])
    assert re.search(r"Together about [\d.]+ GB to download, [\d.]+ GB on disk; \d+ GB are free", said[0])
    assert re.search(r"Allow \d+ minutes", said[0])


def test_a_python_that_cannot_be_had_is_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "cache", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    environment = Environment({"name": "none", "python": "3.1", "dependencies": []})
    with pytest.raises(Unavailable, match=r"no Python 3\.1 here"):
        environment.build()
    assert not (environment.folder / "made.json").exists()


def test_an_install_that_fails_says_why_and_is_tried_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "cache", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setattr(environments, "interpreter", lambda _: sys.executable)
    environment = Environment({"name": "none", "python": version, "dependencies": ["no-such-package==1.0"]})
    for _ in range(2):
        with pytest.raises(Failed, match="no-such-package"):
            environment.build()
    assert not (environment.folder / "made.json").exists()


def test_what_the_machine_lacks_is_a_status_and_not_a_failure(tmp_path, monkeypatch, capsys):
    lane(monkeypatch, tmp_path, raises(Unavailable("no Python 3.8 here")), "theano")
    assert "UNAVAILABLE" in capsys.readouterr().out
    assert json.loads((tmp_path / "theano.json").read_text())["last_attempt"]["reason"] == "no Python 3.8 here"


def far(**kw):
    return {"weights_diff": {}, "inference": {"diff": 0.0}, **kw}


@pytest.mark.parametrize(
    "status, effect",
    [("failed", raises(Failed("exit code 1"))), ("disagrees", lambda *_: entry(**far(loss_diff=0.1)))],
)
def test_a_failure_or_a_disagreement_ends_with_an_error(tmp_path, monkeypatch, status, effect):
    with pytest.raises(SystemExit, match="theano"):
        lane(monkeypatch, tmp_path, effect, "theano")
    last = json.loads((tmp_path / "theano.json").read_text())["last_attempt"]
    assert last["status"] == status and ("exit code 1" in last["reason"] or "losses" in last["reason"])


def test_an_unknown_name_is_refused_with_the_known_ones(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "chainer"])
    with pytest.raises(SystemExit):
        run.main()
    assert "chainer" in capsys.readouterr().err


# The worker, with NumPy in this very process


def test_the_worker_sees_the_conventions_of_a_layer_from_outside():
    class Layer:
        """A layer with known and unusual conventions."""

        @staticmethod
        def batch_norm(n, m):
            bn = {"mean": np.zeros(n), "var": np.ones(n)}

            def train(x):
                x = x.astype(float)
                for key, value in (("mean", x.mean(0)), ("var", x.var(0, ddof=1))):
                    bn[key] = 0.75 * bn[key] + 0.25 * value
                return (x - x.mean(0)) / np.sqrt(x.var(0) + 3e-4)

            return train, lambda x: (x - bn["mean"]) / np.sqrt(bn["var"] + 3e-4)

    seen = worker.observe(Layer, 8)
    assert seen["eps"] == pytest.approx(3e-4, rel=1e-3) and seen["decay"] == pytest.approx(0.75, rel=1e-4)
    assert seen["running_variance_ratio"] == pytest.approx(8 / 7, rel=1e-3)
    assert seen["first_batch"] == "averaged" and seen["variance_before"] == pytest.approx(1, rel=1e-2)


def test_each_mistake_is_answered_by_numpys_program_or_noticed_as_silent():
    program = load(root / "frameworks" / "programs" / "numpy.py", "numpy_program")
    answers = {name: worker.mistake(program, work(), "", name) for name in worker.mistakes}
    assert [answer["answer"] for answer in answers.values()] == ["error"] * 3

    class Silent(program.Program):
        def step(self, X, y):
            return 1.0

    program.Program = Silent
    assert worker.mistake(program, work(), "", "wrong label")["answer"] == "no error"
