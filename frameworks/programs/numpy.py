"""NumPy, float32: what every other program is measured against in speed. The reference in float64 is the book's own."""

# /// script
# requires-python = "==3.11.*"
# dependencies = ["numpy==2.4.6"]
#
# [tool.dlnotes]
# title = "NumPy"
# download = 20
# disk = 60
# shims = []
# ///

# program begins
import os

import numpy as np

version = np.__version__
decay, eps = np.float32(0.9), np.float32(1e-5)


class Program:
    def __init__(self, W1, W2, lr):
        H, C = W2.shape
        self.lr = np.float32(lr)
        self.W1, self.W2 = W1.copy(), W2.copy()
        self.gamma, self.beta, self.b2 = np.ones(H, "f"), np.zeros(H, "f"), np.zeros(C, "f")
        self.mean, self.var = np.zeros(H, "f"), np.ones(H, "f")

    def step(self, X, y):
        m = len(X)
        a = X @ self.W1
        mu, var = a.mean(0), a.var(0)
        inv = 1 / np.sqrt(var + eps)
        xhat = (a - mu) * inv
        h = self.gamma * xhat + self.beta
        r = np.maximum(h, 0)
        z = r @ self.W2 + self.b2
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[np.arange(m), y]).mean()
        dz = e / total
        dz[np.arange(m), y] -= 1
        dz /= m
        dh = (dz @ self.W2.T) * (h > 0)
        dxhat = dh * self.gamma
        da = inv * (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0))
        self.W2 -= self.lr * (r.T @ dz)
        self.b2 -= self.lr * dz.sum(0)
        self.gamma -= self.lr * (dh * xhat).sum(0)
        self.beta -= self.lr * dh.sum(0)
        self.W1 -= self.lr * (X.T @ da)
        self.mean = decay * self.mean + (1 - decay) * mu
        self.var = decay * self.var + (1 - decay) * var
        return loss

    def predict(self, X):
        a = (X @ self.W1 - self.mean) / np.sqrt(self.var + eps)
        z = np.maximum(self.gamma * a + self.beta, 0) @ self.W2 + self.b2
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def weights(self):
        return {"W1": self.W1, "gamma": self.gamma, "beta": self.beta, "W2": self.W2, "b2": self.b2}

    def save(self, folder):
        np.savez(os.path.join(folder, "net.npz"), mean=self.mean, var=self.var, **self.weights())

    @classmethod
    def load(cls, folder):
        with np.load(os.path.join(folder, "net.npz")) as stored:
            net = cls(stored["W1"], stored["W2"], 0)
            vars(net).update(stored)
        return net


# program ends


def batch_norm(n, m):
    """NumPy has no such layer: this is the program's own."""
    mean, var = np.zeros(n, "f"), np.ones(n, "f")

    def train(x):
        nonlocal mean, var
        mean, var = decay * mean + (1 - decay) * x.mean(0), decay * var + (1 - decay) * x.var(0)
        return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)

    return train, lambda x: (x - mean) / np.sqrt(var + eps)
