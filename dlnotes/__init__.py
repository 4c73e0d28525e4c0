"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Scale, Uniform
from .search import Study, Trial, search
from .softmax import SoftmaxRegression, cross_entropy, log_softmax, one_hot, softmax
from .space import Space

__version__ = "0.1.0"
__all__ = [
    "Categorical",
    "Integer",
    "LogUniform",
    "ReverseLogUniform",
    "Scale",
    "SoftmaxRegression",
    "Space",
    "Study",
    "Trial",
    "Uniform",
    "cross_entropy",
    "log_softmax",
    "one_hot",
    "search",
    "softmax",
]
