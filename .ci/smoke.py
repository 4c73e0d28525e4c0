"""Run in an empty environment with nothing but the wheel: the package works, alone and lightly."""

import importlib.metadata
import sys

import dlnotes

space = dlnotes.Space(lr=dlnotes.LogUniform(1e-4, 1), hidden=dlnotes.Integer(50, 100))
study = dlnotes.search(lambda p: abs(p["lr"] - 0.01), space, n_trials=30)
assert study.best.value < 0.01, study
assert "matplotlib" not in sys.modules, "import dlnotes must not import Matplotlib"
for heavy in ("nbdev", "fastcore", "IPython", "sklearn", "scipy", "torch"):
    assert heavy not in sys.modules, f"import dlnotes must not import {heavy}"
[name] = importlib.metadata.packages_distributions()["dlnotes"]
installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
required = {r.partition(">")[0] for r in importlib.metadata.requires(name) if "extra ==" not in r}
assert required == {"cloudpickle", "loky", "matplotlib", "numpy", "tqdm"}, f"requirements stay few, got {required}"
assert dlnotes.__version__ == importlib.metadata.version(name)
assert any(f.name == "py.typed" for f in importlib.metadata.files(name)), "py.typed must be in the wheel"

import matplotlib.pyplot as plt  # noqa: E402

plt.style.use("dlnotes.book")
print(f"{name} {dlnotes.__version__} works with {sorted(installed - {name, 'pip', 'setuptools'})}")
