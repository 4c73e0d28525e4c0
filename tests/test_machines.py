"""The same seed gives the same points on every machine: on some that are pretended, and on the one that runs this."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from points import SPACE, board, chess, digests, valley

from dlnotes import search
from dlnotes.arithmetic import Stream
from dlnotes.model import _row_by_row, _total, product

root = Path(__file__).parents[1]
present = [level for level in __cpu_dispatch__ if __cpu_features__[level]]  # from the oldest vectors to the newest

# The points of this version. A change here changes everybody's searches: say so in the CHANGELOG.
EXPECTED = {
    "uniform": "d1e5c996f0ba3fd0",
    "huge": "364ae9bdf067f28a",
    "log": "6ed964ded40bd823",
    "wide log": "301e1481c41cced5",
    "smallest to largest": "b4bdade2b6c2a3bc",
    "reverse log": "416ecb5df33320ce",
    "near zero": "64ee2fa7d2a129dc",
    "below zero": "ea726b5517180228",
    "integer": "b3539bf061f41b3d",
    "log integer": "980c0349f694ac2e",
    "options": "e62c191d4c0a61cb",
    "exponentials": "3a066e0f8b5702d3",
    "logarithms": "4b7b94e66c09e0d6",
    "random": "d6217dff6db0d13a",
    "quasirandom": "3911cc8e1938b881",
    "grid": "0389f3a738bdba49",
    "search 0": "0b4ad585ac06db9f",
    "search 1": "80b4a1e14e31e08b",
    "search 2": "7d882a0d3d22bf34",
    "search 3": "38d5b6bedc5383c8",
    "search 4": "9b084459f6ec1027",
    "long search": "5a586e7557c00149",
    "small board": "c4c593aca3f3e106",
}


def as_on(**env):
    """The digests that a machine with this environment finds."""
    command = [sys.executable, Path(__file__).with_name("points.py")]
    found = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=True, cwd=root)
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def found():
    return digests()


@pytest.mark.parametrize("name", EXPECTED)
def test_this_machine_finds_the_points_of_every_machine(found, name):
    assert found[name] == EXPECTED[name], (
        "this machine draws other points than the machines this was tested on, so a seed does not mean the same here: "
        "please report it, with the output of numpy.show_runtime()"
    )


@pytest.mark.parametrize("first", range(len(present)), ids=lambda i: f"without {' '.join(present[i:])}")
def test_a_processor_with_fewer_vector_instructions_finds_the_same_points(first):
    assert as_on(NPY_DISABLE_CPU_FEATURES=" ".join(present[first:])) == EXPECTED


@pytest.mark.parametrize("threads", ["1", "2"])
def test_any_number_of_threads_finds_the_same_points(threads):
    names = ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")
    assert as_on(**{f"{name}_NUM_THREADS": threads for name in names}) == EXPECTED


def test_points_are_found_without_any_function_that_machines_disagree_about(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("this function may give other bits on another machine")

    expected = [search(f, s, 32, seed=7).trials for f, s in ((valley, SPACE), (chess, board))]
    for module, names in {
        np: "exp exp2 expm1 log log2 log10 log1p power float_power tanh sin cos cbrt dot vdot inner einsum matvec",
        np.linalg: "inv solve cholesky eigh svd qr lstsq slogdet norm",
        np.random: "Generator RandomState default_rng",
        math: "exp expm1 log log2 log10 log1p pow tanh sin cos",
    }.items():
        for name in names.split():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, refuse)
    assert [search(f, s, 32, seed=7).trials for f, s in ((valley, SPACE), (chess, board))] == expected


def test_a_product_of_single_precision_is_as_exact_as_any():
    A, B = (Stream(0, name)(*shape).astype(np.float32) for name, shape in (("A", (8, 64)), ("B", (64, 8))))
    columns = B.T.tolist()
    exact = [[math.fsum(a * b for a, b in zip(row, c, strict=True)) for c in columns] for row in A.tolist()]
    assert np.abs(product(A, B) - exact).max() < 2.0**-34


def test_the_sum_of_many_numbers_is_that_of_fsum():
    rng = np.random.default_rng(0)
    for k in range(60):
        y = rng.normal(size=int(rng.integers(1001, 4000))) * 10.0 ** rng.uniform(-300, 300)
        y *= 10.0 ** rng.uniform(-20, 0, len(y)) if k % 3 == 0 else 1
        y[rng.random(len(y)) < 0.1 * (k % 5)] = 0
        y -= y.mean() if k % 7 == 0 else 0
        assert _total(y) == math.fsum(y.tolist()), k
    assert _total(np.zeros(2000)) == 0


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 100])
def test_rows_are_added_in_their_order_however_they_lie_in_memory(columns):
    A = 10.0 ** Stream(0, "rows")(137, columns) ** 9
    total = A[0]
    for row in A[1:]:
        total = total + row
    for laid_out in (A, np.asfortranarray(A), np.repeat(A, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(_row_by_row(laid_out), total)
