"""Lasagne 0.1 on Theano 1.0.5: layers for Theano. Its last version has no batch norm, so the program brings one."""

# /// script
# requires-python = "==3.8.*"
# dependencies = [
#     "lasagne==0.1", "numpy==1.19.5", "scipy==1.5.4", "setuptools==59.8.0", "six==1.17.0", "theano==1.0.5",
#     "wheel==0.37.1",
# ]
#
# [tool.dlnotes]
# title = "Lasagne"
# source = ["theano", "lasagne"]
# commands = ["g++"]
# environment = { THEANO_FLAGS = "floatX=float32,base_compiledir={folder}/compiled" }
# download = 50
# disk = 150
# shims = [
#     "setuptools 59, which still has what Theano's setup.py uses",
#     "a stand-in for theano.tensor.signal.downsample, which Theano renamed",
#     "a batch norm layer of our own",
# ]
# ///

# program begins
import os
import pickle
import sys
import types

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.signal import pool

downsample = types.ModuleType("theano.tensor.signal.downsample")
downsample.max_pool_2d = pool.pool_2d
sys.modules[downsample.__name__] = theano.tensor.signal.downsample = downsample

import lasagne
from lasagne.init import Constant
from lasagne.layers import DenseLayer, InputLayer, Layer, NonlinearityLayer

version = "%s on Theano %s" % (lasagne.__version__, theano.__version__)
decay, fresh, eps = np.float32(0.9), np.float32(0.1), np.float32(1e-5)


class BatchNorm(Layer):
    def __init__(self, incoming, **kw):
        super().__init__(incoming, **kw)
        n = (self.input_shape[1],)
        self.gamma = self.add_param(Constant(1), n, name="gamma")
        self.beta = self.add_param(Constant(0), n, name="beta")
        self.mean = self.add_param(Constant(0), n, name="mean", trainable=False)
        self.var = self.add_param(Constant(1), n, name="var", trainable=False)

    def get_output_for(self, x, deterministic=False, **kw):
        mean, var = (self.mean, self.var) if deterministic else (x.mean(0), x.var(0))
        if not deterministic:
            self.running = [(s, decay * s + fresh * v) for s, v in ((self.mean, mean), (self.var, var))]
        return (x - mean) / T.sqrt(var + eps) * self.gamma + self.beta


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        net = DenseLayer(InputLayer((None, D)), H, W=W1, b=None, nonlinearity=None)
        norm = BatchNorm(net)
        net = NonlinearityLayer(norm, lasagne.nonlinearities.rectify)
        self.net = net = DenseLayer(net, C, W=W2, nonlinearity=lasagne.nonlinearities.softmax)
        X, y = T.fmatrix("X"), T.ivector("y")
        loss = lasagne.objectives.categorical_crossentropy(lasagne.layers.get_output(net, X), y).mean()
        p = lasagne.layers.get_all_params(net, trainable=True)
        updates = lasagne.updates.sgd(loss, p, np.float32(lr))
        updates.update(norm.running)
        self.step = theano.function([X, y], loss, updates=updates)
        self.predict = theano.function([X], lasagne.layers.get_output(net, X, deterministic=True))

    def weights(self):
        p = lasagne.layers.get_all_params(self.net, trainable=True)
        return dict(zip(("W1", "gamma", "beta", "W2", "b2"), (v.get_value() for v in p)))

    def save(self, folder):
        with open(os.path.join(folder, "net.pkl"), "wb") as file:
            pickle.dump(lasagne.layers.get_all_param_values(self.net), file)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "net.pkl"), "rb") as file:
            values = pickle.load(file)
        self = cls(values[0], values[5], 0)
        lasagne.layers.set_all_param_values(self.net, values)
        return self


# program ends
