# pyright: strict
"""A program with types that uses every public name: a strict type checker accepts it, and it runs."""

import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pytest

import dlnotes
from dlnotes import (
    CONVENTIONS,
    MLP,
    ArgumentCheck,
    BatchNorm,
    Categorical,
    Edge,
    GradientCheck,
    GradientError,
    Importance,
    Integer,
    Leader,
    LogUniform,
    Moments,
    Panda,
    Pruned,
    Recheck,
    Reliability,
    Report,
    Retune,
    ReverseLogUniform,
    Scale,
    SearchCV,
    Shares,
    SoftmaxPath,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    Space,
    Study,
    Temperature,
    TrainingWarning,
    Trial,
    Uniform,
    batchnorm,
    batchnorm_backward,
    batchnorm_inference,
    check_gradient,
    check_hessian_vector,
    cores,
    cross_entropy,
    due,
    edges,
    get_threads,
    importance,
    load_results,
    log_softmax,
    logsumexp,
    no_improvement,
    not_worth,
    numeric_gradient,
    one_hot,
    plot_history,
    plot_isolation,
    plot_reliability,
    plot_trials,
    recheck,
    reliability,
    retune,
    search,
    set_threads,
    softmax,
    softmax_path,
    target,
    to_optuna,
    trial_seed,
    worker,
    write_report,
)

space = Space({"x": Uniform(-1, 1)}, lr=LogUniform(1e-3, 1))


def objective(params: dict[str, Any]) -> float:
    return params["x"] ** 2 + params["lr"]


def found(tmp_path: Path) -> Study:
    return search(objective, space, 12, seed=1, direction="minimize", journal=tmp_path / "j.jsonl", progress=False)


def test_every_public_name_is_used_here():
    words = re.findall(r"\w+", Path(__file__).read_text(encoding="utf-8"))
    assert not [name for name in dlnotes.__all__ if words.count(name) < 2]  # imported, and then used


def test_scales():
    scales: list[Scale] = [Uniform(0, 1), LogUniform(1e-3, 1), ReverseLogUniform(0.9, 0.99), Integer(1, 9, log=True)]
    scales.append(Categorical("relu", "tanh"))
    for scale in scales:
        assert_type(scale.count, float)
        assert_type(scale.ordered, bool)
        assert_type(scale.levels(3), np.ndarray)
        assert_type(scale.narrowed(0.25, 0.75), Scale)
        assert_type(scale.inside(scale, np.array([0.5])), np.ndarray)
        assert_type(scale.positions([scale.ppf(0.5)]), np.ndarray)
        assert 0 <= scale.cdf(scale.ppf(0.5)) <= 1
    assert_type(Categorical(["relu", "tanh"]).places(np.array([0.5])), np.ndarray)


def test_spaces_as_they_are():
    def rising(params: dict[str, Any]) -> bool:
        return params["units"] < 64

    spaces = Space(
        units=Integer(8, 128, step=8),
        rate=Uniform(0, 1, step=0.05).when(units=[8, 16]),
        mix=Shares(3),
        size=Categorical("small", "large", ordered=True),
    ).where(rising)
    assert_type(spaces, Space)
    assert_type(spaces.count, float)
    assert_type(spaces.columns, dict[str, Scale])
    assert_type(spaces.conditions, dict[str, dict[str, list[Any]]])
    assert_type(spaces.sometimes, np.ndarray)
    point = assert_type(spaces.point(spaces.sample(1)[0]), dict[str, Any])
    assert assert_type(spaces.holds(point), bool) and spaces.allowed(spaces.unit(3)).all()
    assert_type(spaces.settled(spaces.unit(3)), np.ndarray)
    assert_type(spaces["mix"].axes, tuple[Scale, ...])


def test_a_space():
    points = assert_type(space.sample(4, seed=0, start=0, method="quasirandom"), list[dict[str, Any]])
    u = assert_type(space.cdf(points), np.ndarray)
    assert_type(space.ppf(u), list[dict[str, Any]])
    assert_type(space.unit(4), np.ndarray)
    assert_type(space.ordered, np.ndarray)
    assert_type(space["lr"], Scale)
    assert [name.upper() for name in space] == ["X", "LR"] and len(space) == 2


def test_a_search(tmp_path: Path):
    study = assert_type(found(tmp_path), Study)
    assert_type(study.best, Trial)
    assert_type(study.best_params, dict[str, Any])
    assert_type(study.best_value, float)
    assert_type(study.values, np.ndarray)
    assert_type(study.losses, np.ndarray)
    assert_type(study.complete, list[Trial])
    assert_type(study.ranked(), list[Trial])
    assert_type(study.recommended, Trial)
    assert_type(study.open, list[Trial])
    assert_type(study.first(3), Study)
    assert_type(study.lag, int)
    assert_type(study.best.value, float | None)
    assert_type(study.trials[0].number, int)
    assert_type(space.zoom(study.trials, keep=0.5), Space)
    assert_type(Study.load(tmp_path / "j.jsonl", space), Study)
    assert len(study.to_frame()) == 12


def test_a_search_that_is_told_more(tmp_path: Path):
    def training(params: dict[str, Any], report: Report) -> tuple[float, dict[str, float]]:
        report(1, params["x"])
        try:
            report(2, params["x"] ** 2)
        except Pruned:
            raise
        return params["x"] ** 2, {"worker": float(worker())}

    def pair(params: dict[str, Any]) -> tuple[float, float]:
        return params["x"], params["lr"]

    earlier = search(training, space, 12, start=[{"x": 0.5, "lr": 0.1}], max_seconds=60.0, stop=no_improvement(50))
    study = search(training, space, 3, start=earlier, stop=target(-1.0), retry=True, prune=False)
    search(training, space, 3, start=(earlier, {}), stop=not_worth(0.1))
    assert_type(study.prior, list[Trial])
    assert_type(study.retry(), list[Trial])
    assert_type(study.trials[0].curve, list[tuple[float, float]])
    assert_type(study.trials[0].extra, dict[str, Any])
    assert_type(study.expected_gain, float)
    both = search(pair, space, 3, direction=["minimize", "maximize"])
    assert_type(both.front, list[Trial])
    assert_type(both.front[0].values, tuple[float, ...])
    assert_type(both.only(0), Study)


def test_a_winner_that_is_run_again(tmp_path: Path):
    def chancy(params: dict[str, Any]) -> float:
        return params["x"] ** 2 + trial_seed() / 2**32

    study = search(chancy, space, 12, journal=tmp_path / "chancy.jsonl", progress=False)
    result = assert_type(recheck(chancy, study, top=3, repeats=2, level=0.9, n_jobs=1, progress=False), Recheck)
    assert_type(result.clear, bool)
    winner = assert_type(result.winner, Leader)
    assert_type(winner.values, tuple[float, ...])
    assert winner.low < winner.high and 0 <= winner.best <= 1
    assert_type(study.again(study.best, run=3), Trial)
    assert_type(study.runs(winner.trial), list[Trial])
    assert_type(winner.trial.seed, int)
    assert assert_type(study.report(tmp_path / "study.html", title="Chancy"), Path).is_file()


def test_a_study_that_is_asked_and_told(tmp_path: Path):
    study = Study(space, 0, "minimize", tmp_path / "asked.jsonl", lag=2)
    study.add(space.sample(1)[0], 0.5)
    trial = assert_type(study.ask(), Trial | None)
    assert trial and assert_type(study.ready, bool)
    study.tell(trial, 0.25)
    with study.held():
        study.tell(study.next_number - 1, error="lost") if study.open else None
    assert assert_type(study.best_value, float) == 0.25


def test_a_search_that_is_an_estimator():
    base: Any = import_module("sklearn.naive_bayes").GaussianNB()
    model = SearchCV(
        base, {"var_smoothing": LogUniform(1e-9, 1)}, n_trials=3, cv=2, race=True, journal=None, start=None
    )
    fitted = assert_type(model.fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]), SearchCV)
    assert_type(fitted.search_, Study)
    assert_type(fitted.n_splits_, int)
    assert fitted.search_.best_value >= 0


def test_what_follows_a_search(tmp_path: Path):
    study = found(tmp_path)
    assert_type(edges(study), list[Edge])
    assert_type(importance(study), list[Importance])
    assert_type([(part.name, part.main) for part in importance(study)], list[tuple[str, float]])
    assert_type(due(study, after=timedelta(days=60)), bool)
    again = assert_type(retune(study, objective, top=2, fresh=2, repeats=4), Retune)
    assert_type(again.verdict, str)
    assert len(to_optuna(study).trials) == 12
    assert_type(write_report(study, tmp_path / "study.html"), Path)
    assert plot_history(study) and plot_trials(study, ["x"]) and plot_isolation(study, names=["x"])


def test_a_training_that_is_watched():
    def start(rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=2)

    def step(state: np.ndarray, params: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, float]:
        return state - params["lr"] * state, float((state**2).sum())

    panda = Panda(start, step, {"lr": 0.1})
    assert_type(panda.run(3), float)
    panda.change("slower", lr=0.05)
    panda.checkpoint()
    panda.undo("no better")
    assert_type(panda.replay(), Panda)
    assert panda.plot()


def test_threads():
    assert_type(cores(), int)
    assert_type(get_threads(), int)
    set_threads(get_threads())
    set_threads(None)


def test_a_gradient_check():
    def f(x: np.ndarray) -> float:
        return float((x**2).sum())

    def right(x: np.ndarray) -> np.ndarray:
        return 2 * x

    def wrong(x: np.ndarray) -> np.ndarray:
        return x

    check = assert_type(check_gradient(f, [1.0, 2.0], right), GradientCheck)
    assert_type(check.arguments, tuple[ArgumentCheck, ...])
    assert_type(check.error, float)
    assert_type(check.verdict, str)
    assert_type(check.arguments[0].finds, float)

    def product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return 2 * v

    assert_type(check_hessian_vector(right, [1.0, 2.0], product), GradientCheck)
    assert_type(numeric_gradient(f, [1.0, 2.0]), np.ndarray)
    with pytest.raises(GradientError) as caught:
        check_gradient(f, [1.0, 2.0], wrong)
    assert_type(caught.value.check, GradientCheck | None)


def test_batch_norm(tmp_path: Path):
    x, ones = np.array([[1.0, 10.0], [3.0, 30.0]]), [1.0, 1.0]
    y, cache = batchnorm(x, gamma=ones, beta=ones, eps=1e-5, axis=-1)
    assert_type(cache.mean, np.ndarray)
    dx, dgamma, dbeta = batchnorm_backward(y, cache)
    for gradient in (dx, dgamma, dbeta, batchnorm_inference(x, ones, ones, mean=ones, var=ones)):
        assert_type(gradient, np.ndarray)

    bn = assert_type(BatchNorm.like("pytorch", 2, axis=-1), BatchNorm)
    assert_type(bn(x, train=True), np.ndarray)
    assert_type(bn.backward(y), np.ndarray)
    assert_type(bn.gamma, np.ndarray)
    assert_type(bn.dgamma, np.ndarray | None)
    assert_type(bn.recalibrate([x, Moments.of(x) + Moments.of(x)]).var, np.ndarray)
    assert_type(Moments.of(x).var, np.ndarray)
    W, b = bn.fold(np.eye(2))
    assert_type((W, b), tuple[np.ndarray, np.ndarray])
    for name in CONVENTIONS:
        bn.load_state(bn.state(name), name)
    bn.save(tmp_path / "bn.npz")
    assert_type(BatchNorm.load(tmp_path / "bn.npz"), BatchNorm)


def test_losses():
    z, y = [[0.0, 1.0, 2.0]], [2]
    assert_type(softmax(z, axis=-1), np.ndarray)
    assert_type(log_softmax(z, axis=(0, 1)), np.ndarray)
    assert float(logsumexp(z, axis=(0, 1), keepdims=False)) > 2
    assert_type(one_hot(y, 3), np.ndarray)
    loss, dz = cross_entropy(z, y, weight=[1, 1, 2], label_smoothing=0.1, ignore_index=-100, reduction="sum")
    assert_type(dz, np.ndarray)
    assert float(loss) > 0


def test_calibration():
    z, y = [[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0]
    t = assert_type(Temperature(level=0.9).fit(z, y, sample_weight=[1, 2, 1]), Temperature)
    assert_type(t.temperature_, float)
    assert_type(t.interval_, tuple[float, float])
    p = assert_type(t.predict_proba(z), np.ndarray)
    found = assert_type(reliability(p, y, bins=2, level=0.9), Reliability)
    assert_type(found.error, float)
    assert plot_reliability(p, y, bins=2) is not None


def test_routing():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    model = SoftmaxRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=None)
    assert_type(model, SoftmaxRegression).get_metadata_routing()


def test_classifiers(tmp_path: Path):
    X, y = [[-1.0], [1.0], [-2.0], [2.0]], ["no", "yes", "no", "yes"]
    model = assert_type(SoftmaxRegression(C=2.0, class_weight={"no": 2.0}).fit(X, y, [1, 1, 1, 2]), SoftmaxRegression)
    assert_type(model.coef_, np.ndarray)
    assert_type(model.classes_, np.ndarray)
    assert_type(model.predict_log_proba(X), np.ndarray)
    errors, constants = model.standard_errors(X, y)
    assert_type((errors, constants), tuple[np.ndarray, np.ndarray])
    assert_type(model.summary(X, y).rows, list[dict[str, Any]])

    path = assert_type(softmax_path(X, y, Cs=[1.0, 2.0], l1_ratio=0.5), SoftmaxPath)
    assert_type(path.coefs, np.ndarray)
    chosen = assert_type(SoftmaxRegressionCV([1.0, 2.0], [0.5], 2, rule="one_se").fit(X, y), SoftmaxRegressionCV)
    assert_type(chosen.C_, float)
    assert_type(chosen.scores_, np.ndarray)

    assert_type(TrainingWarning("hardly").args, tuple[Any, ...])
    net = assert_type(MLP((4,), lr=0.1, epochs=2).fit(X, y, validation=(X, y)), MLP)
    assert_type(net.curves_, dict[str, list[float]])
    assert_type(net.params_, dict[str, np.ndarray])
    assert_type(net.folded(), list[tuple[np.ndarray, np.ndarray]])
    net.save(tmp_path / "net.npz")
    assert_type(MLP.load(tmp_path / "net.npz"), MLP)
    fresh = assert_type(MLP((4,)).start((1, 4, 2)), MLP)
    assert_type(fresh.step(np.array(X), [0, 1, 0, 1], lr=0.1), float)
    assert_type(fresh.gradient(np.array(X), [0, 1, 0, 1]), float)

    for classifier in (model, net):
        assert_type(classifier.decision_function(X), np.ndarray)
        assert_type(classifier.predict_proba(X), np.ndarray)
        assert_type(classifier.predict(X), np.ndarray)
        assert_type(classifier.score(X, y), float)
        assert_type(classifier.get_params(), dict[str, Any])
    assert_type(net.set_params(lr=0.2), MLP)


def test_what_is_recorded():
    results = assert_type(load_results(), dict[str, Any])
    assert "numpy" in results
