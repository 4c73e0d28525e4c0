"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Scale, Uniform
from .search import Study, Trial, search
from .space import Space

__version__ = "0.1.0"
__all__ = [
    "Categorical",
    "Integer",
    "LogUniform",
    "ReverseLogUniform",
    "Scale",
    "Space",
    "Study",
    "Trial",
    "Uniform",
    "search",
]
