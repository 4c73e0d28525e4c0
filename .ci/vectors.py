"""Prints the vector instructions that NumPy uses here, for NPY_DISABLE_CPU_FEATURES: without them it computes as on an
old processor, and rounds as one."""

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

print(" ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]))
