"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .early import Leader, Recheck, no_improvement, not_worth, recheck, target
from .curves import Pruned, Report
from .calibration import Reliability, Temperature, plot_reliability, reliability
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .journal import Trial
from .practice import (
    Edge,
    Importance,
    Retune,
    due,
    edges,
    importance,
    plot_history,
    retune,
    to_optuna,
)
from .results import load_results
from .gradcheck import (
    ArgumentCheck,
    GradientCheck,
    GradientError,
    check_gradient,
    check_hessian_vector,
    numeric_gradient,
)
from .layer import CONVENTIONS, BatchNorm, Moments
from .loop import trial_seed
from .losses import cross_entropy, log_softmax, logsumexp, one_hot, softmax
from .network import MLP, TrainingWarning
from .regression import SoftmaxRegression
from .report import plot_isolation, plot_trials, write_report
from .points import Shares
from .runner import search
from .selection import SoftmaxPath, SoftmaxRegressionCV, softmax_path
from .normalize import batchnorm, batchnorm_backward, batchnorm_inference
from .ranges import Scale
from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Uniform
from .study import Study
from .space import Space
from .threads import cores, get_threads, set_threads
from .tuning import Panda
from .workers import worker

if TYPE_CHECKING:
    from .sklearn import SearchCV as SearchCV

__version__ = "0.2.0"
__all__ = [
    "ArgumentCheck",
    "BatchNorm",
    "CONVENTIONS",
    "Categorical",
    "Edge",
    "GradientCheck",
    "GradientError",
    "Importance",
    "Integer",
    "Leader",
    "LogUniform",
    "MLP",
    "Moments",
    "Panda",
    "Pruned",
    "Recheck",
    "Report",
    "Reliability",
    "Retune",
    "ReverseLogUniform",
    "Scale",
    "Shares",
    "SoftmaxPath",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "Space",
    "Study",
    "Temperature",
    "TrainingWarning",
    "Trial",
    "Uniform",
    "batchnorm",
    "batchnorm_backward",
    "batchnorm_inference",
    "check_gradient",
    "check_hessian_vector",
    "cores",
    "cross_entropy",
    "due",
    "edges",
    "get_threads",
    "importance",
    "load_results",
    "log_softmax",
    "logsumexp",
    "no_improvement",
    "not_worth",
    "numeric_gradient",
    "one_hot",
    "plot_history",
    "plot_isolation",
    "plot_reliability",
    "plot_trials",
    "recheck",
    "reliability",
    "retune",
    "search",
    "set_threads",
    "softmax",
    "softmax_path",
    "target",
    "to_optuna",
    "trial_seed",
    "worker",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """What needs a library that is not required is imported when it is asked for."""
    if name != "SearchCV":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .sklearn import SearchCV
    except ModuleNotFoundError as e:
        if (e.name or "").partition(".")[0] not in ("sklearn", "scipy", "joblib"):
            raise
        raise ImportError("SearchCV needs scikit-learn: pip install scikit-learn") from e
    return SearchCV


def __dir__() -> list[str]:
    return sorted([*globals(), *["SearchCV"] * (find_spec("sklearn") is not None)])
