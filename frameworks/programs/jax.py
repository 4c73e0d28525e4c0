"""JAX, today's alternative: NumPy's functions, differentiated and compiled. Layers are left to other libraries."""

# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "jax==0.10.2", "jaxlib==0.10.2", "ml-dtypes==0.6.0", "numpy==2.4.6", "opt-einsum==3.4.0", "scipy==1.17.1",
# ]
#
# [tool.dlnotes]
# title = "JAX"
# download = 130
# disk = 550
# shims = []
# ///

# program begins
import os

import jax
import jax.numpy as jnp
import numpy as np

version = jax.__version__
decay, eps = 0.9, 1e-5


def forward(p, X, mean, var):
    h = (X @ p["W1"] - mean) * jax.lax.rsqrt(var + eps) * p["gamma"] + p["beta"]
    return jax.nn.relu(h) @ p["W2"] + p["b2"]


def cost(p, X, y):
    a = X @ p["W1"]
    mu, var = a.mean(0), a.var(0)
    z = forward(p, X, mu, var)
    return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean(), (mu, var)


@jax.jit
def update(p, running, X, y, lr):
    (loss, batch), grad = jax.value_and_grad(cost, has_aux=True)(p, X, y)
    average = lambda old, new: decay * old + (1 - decay) * new
    return loss, jax.tree.map(lambda w, d: w - lr * d, p, grad), jax.tree.map(average, running, batch)


@jax.jit
def probabilities(p, running, X):
    return jax.nn.softmax(forward(p, X, *running))


class Program:
    def __init__(self, W1, W2, lr):
        H, C = W2.shape
        self.lr = lr
        p = {"W1": W1, "gamma": np.ones(H), "beta": np.zeros(H), "W2": W2, "b2": np.zeros(C)}
        self.p = {name: jnp.asarray(value, "float32") for name, value in p.items()}
        self.running = jnp.zeros(H), jnp.ones(H)

    def step(self, X, y):
        loss, self.p, self.running = update(self.p, self.running, X, y, self.lr)
        return float(loss)

    def predict(self, X):
        return np.asarray(probabilities(self.p, self.running, X))

    def weights(self):
        return self.p

    def save(self, folder):
        np.savez(os.path.join(folder, "net.npz"), mean=self.running[0], var=self.running[1], **self.p)

    @classmethod
    def load(cls, folder):
        with np.load(os.path.join(folder, "net.npz")) as stored:
            p = {name: stored[name] for name in stored.files}
        self = cls(p["W1"], p["W2"], 0)
        self.running = jnp.asarray(p.pop("mean")), jnp.asarray(p.pop("var"))
        self.p = {name: jnp.asarray(value) for name, value in p.items()}
        return self


# program ends
