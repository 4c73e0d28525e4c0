"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Scale, Uniform

__version__ = "0.1.0"
__all__ = ["Categorical", "Integer", "LogUniform", "ReverseLogUniform", "Scale", "Uniform"]
