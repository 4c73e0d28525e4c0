"""Theano 1.0.5: expressions, differentiated as symbols and compiled to C++."""

# /// script
# requires-python = "==3.8.*"
# dependencies = [
#     "numpy==1.19.5", "scipy==1.5.4", "setuptools==59.8.0", "six==1.17.0", "theano==1.0.5", "wheel==0.37.1",
# ]
#
# [tool.dlnotes]
# title = "Theano"
# source = ["theano"]
# commands = ["g++"]
# environment = { THEANO_FLAGS = "floatX=float32,base_compiledir={folder}/compiled" }
# download = 50
# disk = 150
# shims = [
#     "setuptools 59, which still has what its setup.py uses",
#     "an eps one float32 above 1e-5: its check compares the rounded number with 1e-5 and refuses",
# ]
# ///

# program begins
import os
import pickle

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.nnet import bn

version = theano.__version__
eps = np.nextafter(np.float32(1e-5), np.float32(1))


class Program:
    def __init__(self, W1, W2, lr):
        H, C = W2.shape
        values = W1, np.ones(H), np.zeros(H), W2, np.zeros(C), np.zeros(H), np.ones(H)
        self.shared = [theano.shared(np.asarray(v, "float32")) for v in values]
        p = W1, gamma, beta, W2, b2 = self.shared[:5]
        mean, var = self.shared[5:]
        X, y = T.fmatrix("X"), T.ivector("y")
        a = T.dot(X, W1)
        h, _, _, new_mean, new_var = bn.batch_normalization_train(
            a, gamma, beta, epsilon=eps, running_mean=mean, running_var=var
        )
        yhat = T.nnet.softmax(T.dot(T.nnet.relu(h), W2) + b2)
        loss = T.nnet.categorical_crossentropy(yhat, y).mean()
        updates = [(w, w - np.float32(lr) * d) for w, d in zip(p, T.grad(loss, p))]
        self.step = theano.function([X, y], loss, updates=[*updates, (mean, new_mean), (var, new_var)])
        h = bn.batch_normalization_test(a, gamma, beta, mean, var, epsilon=eps)
        self.predict = theano.function([X], T.nnet.softmax(T.dot(T.nnet.relu(h), W2) + b2))

    def weights(self):
        return dict(zip(("W1", "gamma", "beta", "W2", "b2"), (v.get_value() for v in self.shared)))

    def save(self, folder):
        with open(os.path.join(folder, "net.pkl"), "wb") as file:
            pickle.dump([v.get_value() for v in self.shared], file)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "net.pkl"), "rb") as file:
            values = pickle.load(file)
        self = cls(values[0], values[3], 0)
        for variable, value in zip(self.shared, values):
            variable.set_value(value)
        return self


# program ends


def batch_norm(n, m):
    start = [theano.shared(np.full(n, v, "float32")) for v in (1, 0, 0, 1)]
    gamma, beta, mean, var = start
    X = T.fmatrix()
    y, _, _, new_mean, new_var = bn.batch_normalization_train(X, gamma, beta, running_mean=mean, running_var=var)
    train = theano.function([X], y, updates=[(mean, new_mean), (var, new_var)])
    return train, theano.function([X], bn.batch_normalization_test(X, gamma, beta, mean, var))
