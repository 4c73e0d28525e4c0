"""How far a program is from the float64 reference of the chapter, and how far is too far."""

import numpy as np

from dlnotes.frameworks import reference

tolerance = 1e-5


def largest(a, b):
    """The largest absolute difference, NaN counted as infinite."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return float("inf")
    difference = np.abs(a - b).max()
    return float(difference) if np.isfinite(difference) else float("inf")


def compare(report, folder, data, seen=None):
    """How far a training run is from the reference: losses, weights after the last step, test-mode probabilities.

    The reference keeps its running statistics as the framework's own layer was `seen` to, where it has one.
    """
    kept = keeping(seen, len(data["X"]))
    truth, plain = reference(data, **kept), reference(data)
    theirs = np.load(folder / "probabilities.npy")
    with np.load(folder / "weights.npz") as stored:
        weights = largest_by_name(stored, truth["weights"])
    return {
        "loss_diff": largest(report["losses"], truth["losses"]),
        "weights_diff": weights,
        "inference": {
            "kept": kept,
            "diff": largest(theirs, truth["probabilities"]),
            "diff_if_decay_0.9_population": largest(theirs, plain["probabilities"]),
        },
    }


def keeping(seen, m):
    """How a layer keeps its running statistics in batches of `m`, as arguments of the reference."""
    large = (seen or {}).get("large")
    if not large:
        return {}
    unbiased = abs(large["running_variance_ratio"] - 1) > 0.5 / (m - 1)
    return {"decay": large["decay"], "running_ddof": int(unbiased), "first": large["first_batch"]}


def largest_by_name(ours, truth):
    """The largest difference of each array, by name; infinite where one of them is missing."""
    names = sorted({*ours, *truth})
    return {name: largest(ours.get(name, np.nan), truth.get(name, np.nan)) for name in names}


def disagreements(compared):
    """What lies beyond the tolerance: names and differences."""
    off = {"losses": compared["loss_diff"], "probabilities": compared["inference"]["diff"]}
    off |= {f"weights {name}": diff for name, diff in compared["weights_diff"].items()}
    return {name: diff for name, diff in off.items() if not diff <= tolerance}
