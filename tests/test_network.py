"""The network: right in every gradient, equal to PyTorch, and polite to people who hand it the wrong thing."""

import copy
import inspect
import io
import pickle
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.model_selection import RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import dlnotes.backprop as backprop
import dlnotes.network as network
from dlnotes import MLP, SoftmaxRegression, TrainingWarning, cross_entropy

X, Y = load_digits(return_X_y=True)
X = X / 16
NORMS = ["z", "a", None]


def started(norm="z", dtype=np.float64, hidden=(7, 6, 5), **options):
    """A network on digits whose parameters are all different from their first values"""
    net = MLP(hidden=hidden, norm=norm, seed=3, **options).start((64, *hidden, 10), dtype)
    net.theta_ += 0.1 * np.random.default_rng(0).normal(size=net.theta_.size).astype(dtype)
    return net


# Gradients


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4, 3)])
def test_every_parameters_gradient_agrees_with_differences(norm, hidden):
    net, x, y = started(norm, hidden=hidden), X[:16], Y[:16]
    net.gradient(x, y)
    grad, h = net.grad_.copy(), 1e-6
    for i in range(len(grad)):
        start = net.theta_[i]
        losses = []
        for net.theta_[i] in (start + h, start - h):
            losses.append(net.gradient(x, y))
        net.theta_[i] = start
        assert abs((losses[0] - losses[1]) / (2 * h) - grad[i]) < 2e-6 * max(1, np.abs(grad).max())


def test_a_bias_before_batch_norm_is_left_out_and_only_there():
    assert [n for n in started("z").params_ if n[0] == "b" and n[1] != "e"] == ["b4"]
    assert [n for n in started("a").params_ if n[0] == "b" and n[1] != "e"] == ["b1", "b2", "b3", "b4"]
    assert not any(n.startswith("gamma") for n in started(None).params_)


# PyTorch


def in_torch(net):
    """The same network in PyTorch, with the same weights, and its parameters by our names"""
    torch = pytest.importorskip("torch")
    modules, named = [], {}
    last = len(net.sizes_) - 1
    for l, (n, m) in enumerate(zip(net.sizes_, net.sizes_[1:], strict=False), start=1):
        linear = torch.nn.Linear(n, m, bias=f"b{l}" in net.params_)
        named[f"W{l}"] = linear.weight
        if linear.bias is not None:
            named[f"b{l}"] = linear.bias
        norm = torch.nn.BatchNorm1d(m, momentum=1 - net.bn_decay)
        if net.norm and l < last:
            named[f"gamma{l}"], named[f"beta{l}"] = norm.weight, norm.bias
        relu = torch.nn.ReLU()
        if l == last:
            modules.append(linear)
        else:
            modules += {"z": [linear, norm, relu], "a": [linear, relu, norm], None: [linear, relu]}[net.norm]
    model = torch.nn.Sequential(*modules).to(getattr(torch, net.theta_.dtype.name))
    for name, p in named.items():
        ours = net.params_[name]
        p.data = torch.tensor(ours.T.copy() if name[0] == "W" else ours.copy())
    return torch, model, named


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-10), (np.float32, 2e-4)])
def test_training_steps_equal_pytorchs(norm, optimizer, dtype, tol):
    # a large eps: Adam turns rounding in a gradient of almost 0 into whole steps
    options = dict(beta1=0.8, beta2=0.95, eps=1e-3) if optimizer == "adam" else dict(momentum=0.7)
    net = started(norm, dtype, optimizer=optimizer, **options)
    torch, model, named = in_torch(net)
    lr = 0.01
    if optimizer == "adam":
        theirs = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.8, 0.95), eps=1e-3)
    else:
        theirs = torch.optim.SGD(model.parameters(), lr=lr * (1 - 0.7), momentum=0.7)
    loss_of = torch.nn.CrossEntropyLoss()
    for k in range(5):
        rows = slice(32 * k, 32 * k + 32)
        x, y = X[rows].astype(dtype), Y[rows]
        theirs.zero_grad()
        want = loss_of(model(torch.tensor(x)), torch.tensor(y))
        want.backward()
        theirs.step()
        assert abs(net.step(x, y, lr) - want.item()) < tol * max(1, want.item())
        for name, p in named.items():
            for ours, of in ((net.grads_[name], p.grad), (net.params_[name], p.detach())):
                of = of.numpy().T if name[0] == "W" else of.numpy()
                assert ours.dtype == dtype and np.abs(ours - of).max() <= tol * max(1, np.abs(of).max()), (k, name)


# Wrong versions, each caught by a comparison with the definition


def mutant(function, old, new):
    source = inspect.getsource(function)
    assert source.count(old) == 1
    scope = dict(vars(backprop))
    exec(source.replace(old, new), scope)
    return scope[function.__name__]


def three_steps(step, state, lr, *options):
    theta, averages = np.array([1.0, -2.0]), [np.zeros(2) for _ in range(state)]
    for t, g in enumerate(([0.3, -1.0], [0.1, 2.0], [-0.7, 1e-9]), start=1):
        step(theta, np.array(g), *averages, *([t] if state == 2 else []), lr, *options)
    return theta


def test_momentum_is_the_average_the_notes_mean():
    beta, lr, g = 0.9, 0.1, np.array([[0.3, -1.0], [0.1, 2.0], [-0.7, 1e-9]])
    v1 = (1 - beta) * g[0]
    v2 = beta * v1 + (1 - beta) * g[1]
    v3 = beta * v2 + (1 - beta) * g[2]
    want = np.array([1.0, -2.0]) - lr * (v1 + v2 + v3)
    assert np.allclose(three_steps(backprop.momentum_step, 1, lr, beta), want, rtol=1e-14)
    wrong = mutant(backprop.momentum_step, "v += (1 - beta)*(grad - v)", "v += grad - (1 - beta)*v")
    assert not np.allclose(three_steps(wrong, 1, lr, beta), want, rtol=1e-3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s/(1 - beta2**t)", "s"),
        ("lr/(1 - beta1**t)", "lr"),
        ("root += eps", "pass"),
        ("(grad*grad - s)", "(grad - s)"),
        ("v += (1 - beta1)", "v += beta1"),
        ("np.sqrt(s/(1 - beta2**t))", "(s/(1 - beta2**t))"),
    ],
)
def test_wrong_adams_are_noticed(old, new):
    torch = pytest.importorskip("torch")
    p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.Adam([p], lr=0.1, betas=(0.9, 0.99), eps=1e-2)
    for g in ([0.3, -1.0], [0.1, 2.0], [-0.7, 1e-9]):
        p.grad = torch.tensor(g, dtype=torch.float64)
        theirs.step()
    want = p.detach().numpy()
    assert np.allclose(three_steps(backprop.adam_step, 2, 0.1, 0.9, 0.99, 1e-2), want, rtol=1e-12)
    with np.errstate(all="ignore"):
        wrong = three_steps(mutant(backprop.adam_step, old, new), 2, 0.1, 0.9, 0.99, 1e-2)
    assert not np.allclose(wrong, want, rtol=1e-4)


# Training


def test_it_learns_and_the_same_seed_gives_the_same_network():
    a, b, c = (MLP((32,), epochs=8, lr=0.003, seed=seed).fit(X[:1200], Y[:1200]) for seed in (0, 0, 1))
    assert a.score(X[1200:], Y[1200:]) > 0.9
    assert np.array_equal(a.theta_, b.theta_) and not np.array_equal(a.theta_, c.theta_)
    assert a.curves_["loss"][-1] < 0.2 * a.curves_["loss"][0]


def test_the_learning_rate_decays_as_the_notes_say():
    net = MLP((4,), lr=0.1, lr_decay=0.5, epochs=4).fit(X[:100], Y[:100])
    assert np.allclose(net.curves_["lr"], 0.1 / (1 + 0.5 * np.arange(4)))


def test_every_example_is_used_once_an_epoch_and_no_batch_has_one(monkeypatch):
    seen = []
    monkeypatch.setattr(MLP, "step", lambda self, x, y, lr: seen.append(x[:, 0].tolist()) or 0.5)
    x = np.column_stack([np.arange(65.0), np.ones(65)])
    MLP((3,), batch_size=16, epochs=1).fit(x, np.arange(65) % 2)
    assert [len(batch) for batch in seen] == [16, 16, 16, 17]
    used = [row for batch in seen for row in batch]
    assert sorted(used) == list(range(65)) and used != list(range(65))


def test_patience_stops_and_hands_back_the_best_weights():
    net = MLP((32,), lr=0.05, epochs=100, patience=3).fit(X[:300], Y[:300], validation=(X[300:600], Y[300:600]))
    curve = net.curves_["validation_loss"]
    assert len(curve) == np.argmin(curve) + 4 < 100
    p = net.predict_proba(X[300:600])[np.arange(300), Y[300:600]]
    assert np.isclose(-np.log(p).mean(), min(curve), rtol=1e-9)


def test_patience_without_a_validation_set_holds_some_data_out():
    net = MLP((16,), epochs=50, patience=2, lr=0.02).fit(X[:300], Y[:300])
    assert "validation_loss" in net.curves_ and len(net.curves_["loss"]) < 50


def test_divergence_names_the_learning_rate_and_leaves_no_half_trained_network():
    net = MLP((8, 8, 8), norm=None, optimizer="momentum", lr=0.1, epochs=2).fit(X[:200], Y[:200])
    net.lr = 1e6
    with pytest.raises(FloatingPointError, match=r"lr=1e\+06.*tenth|lr=1000000.*tenth"):
        net.fit(X[:200] * 1e150, Y[:200])
    with pytest.raises(ValueError, match="not fitted"):
        net.predict(X)


@pytest.mark.filterwarnings("error")
def test_divergence_in_the_last_step_is_noticed_too(monkeypatch):
    def last(self, x, y, lr):
        self.theta_[0] = np.nan
        return 0.5

    monkeypatch.setattr(MLP, "step", last)
    with pytest.raises(FloatingPointError, match="lr="):
        MLP((4,), epochs=1).fit(X[:50], Y[:50])


def test_labels_may_be_anything_that_sorts():
    wine = load_wine()
    names = wine.target_names[wine.target]
    net = MLP((16,), epochs=30, lr=0.01).fit((wine.data - wine.data.mean(0)) / wine.data.std(0), names)
    assert net.predict((wine.data - wine.data.mean(0)) / wine.data.std(0))[0] in names
    assert net.classes_.tolist() == sorted(set(names))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    net = MLP((8,), epochs=1).fit(X[:100].astype(dtype), Y[:100])
    assert net.theta_.dtype == net.predict_proba(X[:5].astype(dtype)).dtype == dtype
    assert all(W.dtype == b.dtype == dtype for W, b in net.folded())
    assert MLP((8,), epochs=1).fit((X[:100] * 16).astype(int), Y[:100]).theta_.dtype == np.float64


def test_progress_is_shown_when_asked_for(capsys):
    MLP((4,), epochs=2, progress=True).fit(X[:50], Y[:50])
    assert "loss" in capsys.readouterr().err
    MLP((4,), epochs=2).fit(X[:50], Y[:50])
    assert not capsys.readouterr().err


# For use


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("hidden", [(), (9,), (9, 8, 7)])
def test_folding_changes_no_prediction(norm, hidden):
    net = MLP(hidden, norm, epochs=3).fit(X[:300], Y[:300])
    slow, _ = backprop.forward(X, net.params_, net.bns_, norm, train=False)
    assert np.allclose(net.decision_function(X), slow, atol=1e-10)
    assert np.allclose(net.predict_proba(X).sum(axis=1), 1)
    assert len(net.folded()) == len(hidden) + 1


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("hidden", [(), (9, 8)])
def test_a_saved_network_predicts_the_same_without_pickle(tmp_path, norm, hidden):
    net = MLP(hidden, norm, epochs=2, batch_size=np.int64(32)).fit(X[:300], Y[:300].astype(str).astype(object))
    net.save(tmp_path / "net")
    again = MLP.load(tmp_path / "net")
    assert np.array_equal(again.predict_proba(X), net.predict_proba(X)) and again.get_params() == net.get_params()
    assert again.predict(X[:3]).tolist() == net.predict(X[:3]).tolist()
    with np.load(tmp_path / "net", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file)


@pytest.mark.parametrize("kind", ["int8", "bool", "datetime64[D]", "U3"])
def test_a_saved_network_keeps_the_kind_of_its_labels(tmp_path, kind):
    net = MLP((3,), epochs=1).fit(np.eye(4), np.array([0, 1, 0, 1]).astype(kind))
    net.save(tmp_path / "net")
    assert MLP.load(tmp_path / "net").predict(np.eye(4)).dtype == net.predict(np.eye(4)).dtype == kind


def test_labels_that_need_pickle_are_not_saved(tmp_path):
    net = MLP((3,), epochs=1).fit(np.eye(4), np.array([Fraction(1, 2), Fraction(1, 3)] * 2, dtype=object))
    with pytest.raises(ValueError, match="cannot be saved without pickle"):
        net.save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_what_is_not_a_saved_network_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "text").write_text("theta")
    for name in ("other.npz", "text"):
        with pytest.raises(ValueError, match="not a saved MLP"):
            MLP.load(tmp_path / name)
    with pytest.raises(ValueError, match="nothing to save"):
        MLP().save(tmp_path / "never")
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_goes_on_by_itself(copied):
    net = MLP((9,), epochs=2).fit(X[:300], Y[:300])
    before, other = net.theta_.copy(), copied(net)
    assert np.array_equal(other.predict_proba(X), net.predict_proba(X))
    assert other.step(X[:64], Y[:64], 0.01) == copied(net).step(X[:64], Y[:64], 0.01)
    assert not np.array_equal(other.params_["W1"], net.params_["W1"]) and np.array_equal(net.theta_, before)
    assert not np.array_equal(other.bns_[0].gamma, net.bns_[0].gamma)


def test_it_has_scikit_learns_manners():
    net = MLP((8,), lr=0.01, epochs=5)
    assert is_classifier(net) and clone(net).get_params() == net.get_params()
    assert cross_val_score(make_pipeline(StandardScaler(), net), X[:300], Y[:300], cv=3).mean() > 0.4
    found = RandomizedSearchCV(net, {"lr": [1e-4, 1e-2], "hidden": [(8,), (8, 8)]}, n_iter=3, cv=2, random_state=0)
    assert found.fit(X[:200], Y[:200]).best_params_["lr"] == 1e-2
    with pytest.raises(ValueError, match="Invalid parameter"):
        net.set_params(width=3)
    assert repr(net) == "MLP(hidden=(8,), lr=0.01, epochs=5)"


# Names of columns


def test_columns_are_compared_by_name(tmp_path):
    pandas = pytest.importorskip("pandas")
    names = [f"pixel {j}" for j in range(64)]
    table = pandas.DataFrame(X[:100], columns=names)
    net = MLP((4,), epochs=1).fit(table, Y[:100])
    assert net.feature_names_in_.tolist() == names
    assert np.array_equal(net.predict(table), MLP((4,), epochs=1).fit(X[:100], Y[:100]).predict(X[:100]))
    turned = table[names[::-1]]
    with pytest.raises(ValueError) as ours:
        net.predict(turned)
    with pytest.raises(ValueError) as theirs:
        SoftmaxRegression().fit(table, Y[:100]).predict(turned)
    assert str(ours.value) == str(theirs.value) and "feature names should match" in str(ours.value)
    with pytest.raises(ValueError, match="feature names should match"):
        net.score(turned, Y[:100])
    with pytest.raises(ValueError, match="feature names should match"):
        MLP((4,), epochs=1).fit(table, Y[:100], validation=(turned, Y[:100]))
    with pytest.warns(UserWarning, match="does not have valid feature names, but MLP"):
        net.predict(X[:5])
    net.save(tmp_path / "net")
    again = MLP.load(tmp_path / "net")
    assert again.feature_names_in_.tolist() == names and again.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(turned)
    assert not hasattr(net.fit(X[:100], Y[:100]), "feature_names_in_")
    with pytest.warns(UserWarning, match="fitted without feature names"):
        net.predict(table)


# Weights


@pytest.mark.parametrize("norm", NORMS)
def test_the_gradient_of_a_weighted_loss_agrees_with_differences(norm):
    net, x, y = started(norm, hidden=(6, 5)), X[:16], Y[:16]
    w = np.random.default_rng(1).exponential(size=16)
    w[3] = 0
    loss = net.gradient(x, y, w)
    grad, h = net.grad_.copy(), 1e-6
    z, _ = backprop.forward(x, net.params_, net.bns_, norm)
    assert np.isclose(loss, np.average(cross_entropy(z, y, reduction="none")[0], weights=w), rtol=1e-12)
    for i in range(0, len(grad), 3):
        start = net.theta_[i]
        losses = []
        for net.theta_[i] in (start + h, start - h):
            losses.append(net.gradient(x, y, w))
        net.theta_[i] = start
        assert abs((losses[0] - losses[1]) / (2 * h) - grad[i]) < 2e-6 * max(1, np.abs(grad).max())


def test_a_row_of_weight_zero_has_no_part_in_the_gradient():
    net, w = started(None), np.ones(8)
    w[2] = 0
    net.gradient(X[:8], Y[:8], w)
    with_it = net.grad_.copy()
    net.gradient(X[:8], np.where(w > 0, Y[:8], 0), w)
    assert np.array_equal(net.grad_, with_it)
    net.gradient(X[:8][w > 0], Y[:8][w > 0])
    assert np.allclose(net.grad_, with_it, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [dict(), dict(patience=2)])
def test_weights_that_are_all_alike_change_no_bit(dtype, options):
    x, y = X[:200].astype(dtype), np.arange(200) % 10
    plain = MLP((8,), epochs=3, **options).fit(x, y)
    for same in (
        dict(sample_weight=np.ones(200)),
        dict(sample_weight=np.full(200, 0.3)),
        dict(class_weight="balanced"),
    ):
        s = same.pop("sample_weight", None)
        net = MLP((8,), epochs=3, **options, **same).fit(x, y, sample_weight=s)
        assert np.array_equal(net.theta_, plain.theta_) and net.curves_ == plain.curves_


def test_weight_zero_is_as_leaving_the_row_out():
    w = np.random.default_rng(0).integers(0, 3, 200).astype(float)
    net = MLP((8,), epochs=3, patience=2).fit(X[:200], Y[:200], sample_weight=w)
    less = MLP((8,), epochs=3, patience=2).fit(X[:200][w > 0], Y[:200][w > 0], sample_weight=w[w > 0])
    assert np.array_equal(net.theta_, less.theta_) and net.curves_ == less.curves_
    assert net.theta_.dtype == np.float64 and all(isinstance(v, float) for v in net.curves_["loss"])


def test_weights_of_classes_are_weights_of_their_rows():
    x, y = X[:300], Y[:300]
    by_class = MLP((8,), epochs=3, class_weight={1: 4.0, 7: 0.5}).fit(x, y)
    by_row = MLP((8,), epochs=3).fit(x, y, sample_weight=np.where(y == 1, 4.0, np.where(y == 7, 0.5, 1.0)))
    assert np.array_equal(by_class.theta_, by_row.theta_)
    balanced = MLP((8,), epochs=3, class_weight="balanced").fit(x, y)
    counts = np.bincount(y)
    by_row = MLP((8,), epochs=3).fit(x, y, sample_weight=(300 / (10 * counts))[y])
    assert np.array_equal(balanced.theta_, by_row.theta_)
    assert not np.array_equal(balanced.theta_, by_class.theta_)


def test_the_curves_are_weighted_means():
    w = np.random.default_rng(0).exponential(size=100)
    net = MLP((4,), None, epochs=1, lr=1e-300, batch_size=30).fit(X[:100], Y[:100], sample_weight=w)
    each, _ = cross_entropy(net.decision_function(X[:100]), Y[:100], reduction="none")
    assert np.isclose(net.curves_["loss"][0], np.average(each, weights=w))


def test_the_score_takes_weights():
    net, w = MLP((8,), epochs=3).fit(X[:300], Y[:300]), np.random.default_rng(0).exponential(size=300)
    right = net.predict(X[:300]) == Y[:300]
    assert np.isclose(net.score(X[:300], Y[:300], sample_weight=w), np.average(right, weights=w))


@pytest.mark.parametrize("weight", [None, "balanced", {0: 2.0, 3: 1.5}, {np.int64(0): np.float64(2)}])
def test_class_weight_is_saved_too(tmp_path, weight):
    net = MLP((4,), epochs=1, class_weight=weight).fit(X[:100], Y[:100])
    net.save(tmp_path / "net")
    again = MLP.load(tmp_path / "net")
    assert again.get_params() == net.get_params() and clone(again).class_weight == weight
    assert list(net.get_params())[-1] == "class_weight"
    assert np.array_equal(again.predict_proba(X), net.predict_proba(X))


def test_weights_by_dates_cannot_be_saved(tmp_path):
    days = np.array(["2020-01-01", "2020-01-02"] * 2, "datetime64[D]")
    net = MLP((3,), epochs=1, class_weight={days[0].item(): 2.0}).fit(np.eye(4), days)
    with pytest.raises(ValueError, match=r"class_weight.*cannot be saved"):
        net.save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("options", "s", "said"),
    [
        (dict(), np.ones(3), "one number per sample"),
        (dict(), np.full(50, -1.0), "at least 0, got -1.0"),
        (dict(), np.zeros(50), "every sample_weight is zero"),
        (dict(), (Y[:50] == 3) * 1.0, r"two classes with a positive weight, got only \[3\]"),
        (dict(class_weight="even"), None, "class_weight must be.*even"),
        (dict(class_weight={99: 1.0}), None, "labels that y does not have.*99"),
        (dict(class_weight={3: -1.0}), None, "at least 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(options, s, said):
    net = MLP((4,), epochs=1).fit(X[:50], Y[:50])
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=said):
        net.set_params(**options).fit(X[:50], Y[:50], sample_weight=s)
    assert np.array_equal(net.predict_proba(X), before)
    with pytest.raises(ValueError, match="at least"):
        net.gradient(X[:5], Y[:5], [1, 1, 1, 1, -1])


# Wrong input


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(hidden=64), "hidden.*64"),
        (dict(hidden=(8, 0)), "hidden.*0"),
        (dict(hidden=(8.5,)), "hidden.*8.5"),
        (dict(norm="batch"), "norm.*batch"),
        (dict(optimizer="sgd"), "optimizer.*sgd"),
        (dict(lr=0), "lr must be.*0"),
        (dict(lr=float("nan")), "lr must be.*nan"),
        (dict(lr="0.1"), "lr must be.*'0.1'"),
        (dict(lr_decay=-1), "lr_decay.*-1"),
        (dict(momentum=1.0), "momentum.*1.0"),
        (dict(beta2=-0.1), "beta2.*-0.1"),
        (dict(eps=0.0), "eps"),
        (dict(batch_size=0), "batch_size.*0"),
        (dict(batch_size=1), "at least|2 examples"),
        (dict(epochs=True), "epochs.*True"),
        (dict(epochs=2.0), "epochs.*2.0"),
        (dict(patience=0), "patience.*0"),
        (dict(validation_fraction=1.0), "validation_fraction"),
        (dict(bn_decay=1), "bn_decay"),
        (dict(seed=-1), "seed.*-1"),
        (dict(seed=None), "seed.*None"),
    ],
)
def test_hyperparameters_that_make_no_sense_are_refused(options, said):
    net = MLP((4,), epochs=1).fit(X[:50], Y[:50])
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=said):
        net.set_params(**options).fit(X[:50], Y[:50])
    assert np.array_equal(net.predict_proba(X), before)


def test_data_that_make_no_sense_are_refused():
    net, hole = MLP((4,), epochs=1), X[:50].copy()
    hole[3, 5] = np.nan
    for x, y, said in [
        (X[:50], Y[:49], "50 and 49"),
        (X[0], Y[:1], "2-dimensional"),
        (hole, Y[:50], r"NaN at \(3, 5\)"),
        (X[:50], np.zeros(50), "at least two classes"),
        (X[:50], np.eye(10)[Y[:50]], "one label"),
        (X[:50], X[:50, 1] / 7, "continuous"),
    ]:
        with pytest.raises(ValueError, match=said):
            net.fit(x, y)
    with pytest.raises(ValueError, match="64 features, got 3"):
        net.fit(X[:50], Y[:50], validation=(X[:5, :3], Y[:5]))
    for pair in (X[:5], (X[:5], Y[:5], Y[:5])):
        with pytest.raises(ValueError, match="pair"):
            net.fit(X[:50], Y[:50], validation=pair)
    with pytest.raises(ValueError, match="call start"):
        MLP((4,)).step(X[:5], Y[:5], 0.1)
    with pytest.raises(ValueError, match=r"lack.*99"):
        net.fit(X[:50], Y[:50], validation=(X[:2], [1, 99]))
    with pytest.raises(ValueError, match="not fitted"):
        net.predict(X)
    with pytest.raises(ValueError, match=r"3 features.*expecting 64"):
        net.fit(X[:50], Y[:50]).predict(X[:, :3])


def test_a_pickled_network_is_little_more_than_its_weights_and_trains_on():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 20)), rng.integers(0, 2, 5000)
    net = MLP((30,), epochs=1, batch_size=2500).fit(X, y)
    data = pickle.dumps(net)
    assert len(data) < 5 * net.theta_.nbytes + 5000
    copied = pickle.loads(data)
    np.testing.assert_array_equal(copied.predict_proba(X), net.predict_proba(X))
    assert copied.step(X[:64], y[:64], 0.01) == net.step(X[:64], y[:64], 0.01)
    np.testing.assert_array_equal(copied.theta_, net.theta_)


def test_a_network_is_saved_to_an_open_file():
    X, y = np.arange(8.0).reshape(-1, 1), [0, 1] * 4
    net, file = MLP((4,), epochs=1).fit(X, y), io.BytesIO()
    net.save(file)
    file.seek(0)
    np.testing.assert_array_equal(MLP.load(file).predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("norm", ["z", None])
@pytest.mark.parametrize("fraction", [0.95, 0.999])
def test_a_validation_set_that_leaves_too_little_is_named(norm, fraction):
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
    with pytest.raises(ValueError, match=f"validation_fraction={fraction} leaves [01] of 30 examples"):
        MLP((4,), norm=norm, patience=2, validation_fraction=fraction).fit(X, y)


def test_a_learning_rate_that_is_none_is_named():
    with pytest.raises(ValueError, match="lr must be above 0 and at most 1e6, got 1"):
        MLP(lr=1e10).fit([[0.0], [1.0]] * 8, [0, 1] * 8)


# Trainings that came to nothing


def told(X, y, sample_weight=None, validation=None, **options):
    """What fit warns of"""
    with warnings.catch_warnings(record=True) as said, np.errstate(all="raise"):
        warnings.simplefilter("always")
        MLP(**options).fit(X, y, validation, sample_weight)
    assert all(warning.category is TrainingWarning and warning.filename == __file__ for warning in said)
    return [str(warning.message) for warning in said]


RNG = np.random.default_rng(0)
A = RNG.normal(size=(400, 4))
B = (A[:, 0] + A[:, 1] > 0) * 1
NOISE = RNG.integers(0, 2, 400)
WARNS = "hardly learned anything"


def test_a_training_of_few_updates_says_how_many_and_what_to_do():
    for seed in (0, 4, 6):  # of the first weights
        (said,) = told(*load_iris(return_X_y=True), hidden=[16], seed=seed)
        assert WARNS in said and "60 updates (20 epochs of 3, batch_size=64)" in said and "guess every class" in said
        assert "epochs=20" in said and "lr=0.001" in said and f"{np.log(3):.3g}" in said
    assert not told(*load_iris(return_X_y=True), hidden=[16], lr=0.01, epochs=40)


@pytest.mark.parametrize(
    ("options", "X", "y", "say"),
    [
        (dict(lr=1e-12), A, B, "lr=1e-12"),
        (dict(lr=1e-300), A, B, "changed by 0 %"),
        (dict(lr=1e-9, seed=3), *load_iris(return_X_y=True), "changed by"),  # happens to begin below guessing
        (dict(lr=1e-9, patience=3), A, B, "lr=1e-09"),
        (dict(lr=1e6), A, B, r"lr=1e\+06 may be too large"),
        (dict(lr=1e4, norm=None), A, B, "lr=10000 may be too large"),
        (dict(norm=None), A * 1e-6, B, "varies by 1e-06 only"),
        (dict(), A * 2.0**-1060, B, "varies by .*e-320 only"),
        (dict(), (A * 1e-30).astype(np.float32), B, "varies by 1e-30 only"),
        (dict(norm=None), A * 1e5, B, "as large as 3.*e.05"),
        (dict(), np.c_[A, RNG.integers(1990, 2020, 400)], B, "as large as 2e.03"),
        (dict(), np.c_[A, np.full(400, 1e9)], B, "as large as 1e.09"),
        (
            dict(optimizer="momentum", momentum=0.9999999),
            A,
            B,
            "momentum=0.9999999 averages gradients over 1e.07 updates",
        ),
        (dict(beta2=0), A, B, "beta2=0 is less than the square of beta1=0.9"),
        (dict(eps=1e5), A, B, "eps=100000 dwarfs the gradients"),
        (dict(lr_decay=1e12, lr=1e-5), A, B, "lr_decay=1e.12 has brought the learning rate down to"),
        (dict(bn_decay=0.9999999, lr=0.01), A + 10, B, "bn_decay=1 smaller|bn_decay=0.9999999"),
        (dict(batch_size=10**12, epochs=3), A, B, "3 updates .3 epochs of 1, batch_size=1000000000000"),
        (dict(hidden=[4], epochs=100, lr=0.01), A[:, :1], NOISE, "X says nothing about y"),
        (dict(norm=None, hidden=[8] * 3, optimizer="momentum", lr=10.0), X, Y, "lr=10 may be too large"),
    ],
)
def test_what_kept_a_network_from_learning_is_named(options, X, y, say):
    said = [s for s in told(X, y, **options) if WARNS in s]
    assert len(said) == 1 and re.search(say, said[0]), said


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("options", "X", "y"),
    [
        (dict(), A, B),
        (dict(norm=None, lr=0.01), A, B),
        (dict(norm="a"), A, B),
        (dict(hidden=(), lr=0.01), A, B),
        (dict(optimizer="momentum", lr=0.1), A[:, :2], B),
        (dict(patience=2), A, B),
        (dict(patience=100), A, B),
        (dict(validation=(A, B)), A, B),
        (dict(sample_weight=RNG.random(400)), A, B),
        (dict(class_weight="balanced"), A, A[:, 0] > 1.5),
        (dict(beta1=0.9999999), A, B),
        (dict(beta1=0, beta2=0), A, B),
        (dict(seed=2**70, batch_size=2**70, lr=0.01), A, B),
        (dict(), np.c_[A, np.zeros(400), np.full(400, 0.1) + 0.2], B),
        (dict(), np.c_[A, 0.3 + 1e-17 * A, np.full(400, 1e-9)], B),
        (dict(), np.eye(200)[RNG.integers(0, 200, 400)], B),
        (dict(), np.c_[A, RNG.random((400, 100)) < 0.005], B),
        (dict(lr=0.01), RNG.poisson(0.05, (400, 50)), NOISE),
        (dict(), A * [1, 1, 1, 100], B),
        (dict(), np.c_[A, 255 * RNG.random((400, 3)), RNG.random((400, 3)) < 0.003], B),
        (dict(), np.c_[A, np.exp(2 * A[:, :1])], B),
        (dict(epochs=60), np.r_[A, [[1e3, 0, 0, 0]]], np.r_[B, 1]),
        (dict(), A, NOISE),  # learned by heart
        (
            dict(lr=1e-4, epochs=40, hidden=[128]),
            np.tile(A, (5, 1)),
            (A[:, 0] + RNG.logistic(size=(5, 400)) > 0).ravel(),
        ),
        (dict(epochs=1), np.tile(A, (50, 1)), np.tile(B, 50)),
        (dict(epochs=1), np.tile(X, (3, 1)), np.tile(Y, 3)),
    ],
)
def test_what_learns_is_left_in_peace(options, X, y, kind):
    assert told(X.astype(kind), y, **options) == []


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("X", "large", "small"),
    [
        (A * [1, 1, 1000, 1], 2, 3),
        (A * [2, 0.001, 1, 1], 0, 1),
        (RNG.random((400, 3)) * [2e3, 1e3, 1], 0, 2),
        ((A > 0) * [1, 2000, 1, 1], 1, 0),
        (RNG.exponential(size=(400, 2)) * [1, 1e4], 1, 0),
        (np.c_[A[:, 0] * 1e-30, A[:, 1]], 1, 0),
        (np.c_[A[:, 0] * 1e12, A[:, 1], np.ones(400)], 0, 1),
        (np.c_[A[:, :1] * 5000 + 30_000, RNG.random((400, 6)) < 0.05], 0, 1),  # an income, and flags
    ],
)
def test_columns_a_thousand_times_apart_are_named(X, large, small, norm, kind):
    said = told(X.astype(kind), B, norm=norm, epochs=1, lr=1e-5)[0]
    assert re.match(rf"columns of X differ in scale: column {large} varies by \S+, column \d+ varies", said), said
    assert f"column {small} varies" in said or (X.std(axis=0) < 2.5 * X.std(axis=0)[small]).sum() > 1


def test_columns_apart_in_scale_are_named_by_their_names():
    pd = pytest.importorskip("pandas")
    data = pd.DataFrame({"height": A[:, 0], "income": 1e4 * A[:, 1]})
    assert "column 'income' varies by 9.5e+03, column 'height' varies by" in told(data, B)[0]


def test_a_warning_made_an_error_leaves_the_network_as_it_was():
    net = MLP((4,), epochs=1).fit(A, B)
    before = net.predict_proba(A)
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)
        with pytest.raises(TrainingWarning, match="differ in scale"):
            net.fit(A * [1, 1, 1e6, 1], B)
    np.testing.assert_array_equal(net.predict_proba(A), before)


def test_a_class_that_is_held_out_entirely_is_named():
    y = np.array(["dog", "eel", "cat"])[np.append(B[:-1], 2)]
    said = told(A, y, patience=2, validation_fraction=0.9)
    assert "validation_fraction=0.9 holds out every example of ['cat']" in said[0]


@pytest.mark.parametrize(
    ("options", "say"),
    [
        (dict(hidden=(10**9,)), "5,000,000,000|memory.*use fewer units"),
        (dict(hidden=(10**5, 10**6, 10**5)), "hidden=.100000, 1000000, 100000. .* GB .*use fewer units"),
        (dict(hidden=(10**40,)), "each from 1 to 1e9"),
        (dict(epochs=10**30), "epochs must be a whole number from 1 to 1e9"),
        (dict(eps=1e300), r"eps must be above 0 and at most 1e6, got 1e\+300"),
        (dict(eps=1e-300), "eps=1e-300 is 0 in X's float32"),
        (dict(lr=1e10), "lr must be above 0 and at most 1e6, got 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_done(options, say):
    net = MLP((4,), epochs=1).fit(A, B)
    before = net.predict_proba(A)
    with pytest.raises(ValueError, match=say):
        net.set_params(**options).fit(A.astype(np.float32), B)
    np.testing.assert_array_equal(net.predict_proba(A), before)


def test_a_network_that_fits_but_whose_mini_batch_does_not_is_refused(monkeypatch):
    monkeypatch.setattr(network, "_memory", lambda: 10_000_000)
    MLP((100,), epochs=1).fit(A, B)
    with pytest.raises(ValueError, match="or a smaller batch_size"):
        MLP((100,), epochs=1, batch_size=20_000).fit(np.tile(A, (100, 1)), np.tile(B, 100))


def test_how_large_the_values_are_is_said_when_training_diverges():
    with pytest.raises(FloatingPointError, match=r"Try a tenth of it, or norm=\"z\". X has values as large as .*e.300"):
        MLP((4,), norm=None).fit(A * 1e300, B)
