"""A book that is a library: hyperparameter tuning, batch normalization and softmax regression."""

from .batchnorm import (
    CONVENTIONS,
    BatchNorm,
    Moments,
    batchnorm,
    batchnorm_backward,
    batchnorm_inference,
    get_threads,
    set_threads,
)
from .gradcheck import ArgumentCheck, GradientCheck, GradientError, check_gradient, numeric_gradient
from .scales import Categorical, Integer, LogUniform, ReverseLogUniform, Scale, Uniform
from .search import Study, Trial, search
from .space import Space

__version__ = "0.1.0"
__all__ = [
    "CONVENTIONS",
    "ArgumentCheck",
    "BatchNorm",
    "Categorical",
    "GradientCheck",
    "GradientError",
    "Integer",
    "LogUniform",
    "Moments",
    "ReverseLogUniform",
    "Scale",
    "Space",
    "Study",
    "Trial",
    "Uniform",
    "batchnorm",
    "batchnorm_backward",
    "batchnorm_inference",
    "check_gradient",
    "get_threads",
    "numeric_gradient",
    "search",
    "set_threads",
]
