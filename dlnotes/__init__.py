"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .practice import (
    Edge,
    Importance,
    Panda,
    Retune,
    edges,
    importance,
    plot_history,
    plot_isolation,
    plot_trials,
    retune,
)
from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Scale, Uniform
from .search import Study, Trial, search
from .space import Space

__version__ = "0.1.0"
__all__ = [
    "Categorical",
    "Edge",
    "Importance",
    "Integer",
    "LogUniform",
    "Panda",
    "Retune",
    "ReverseLogUniform",
    "Scale",
    "Space",
    "Study",
    "Trial",
    "Uniform",
    "edges",
    "importance",
    "plot_history",
    "plot_isolation",
    "plot_trials",
    "retune",
    "search",
]
