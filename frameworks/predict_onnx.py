"""Predict with onnxruntime from net.onnx: the largest difference from what the framework itself predicted."""

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("net.onnx")
given = session.get_inputs()[0]
rows = given.shape[0] if isinstance(given.shape[0], int) else 512  # some export a fixed batch
X, expected = np.load("data.npz")["X"], np.load("exported.npy")
parts = [session.run(None, {given.name: X[i : i + rows]})[0] for i in range(0, len(X), rows)]
print(abs(np.concatenate(parts).reshape(expected.shape) - expected).max(), onnxruntime.__version__)
