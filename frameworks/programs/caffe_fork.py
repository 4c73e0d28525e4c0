"""Caffe from PyPI, a fork made for an embedded chip. Its BatchNorm layer never looks at the batch, so this program
spells batch norm with primitive layers; `OwnLayer` shows what the fork's layer does instead."""

# /// script
# requires-python = "==3.6.*"
# dependencies = [
#     "cycler==0.11.0", "decorator==4.4.2", "imageio==2.15.0", "kendryte-caffe==1.0.0.20210829", "kiwisolver==1.3.1",
#     "matplotlib==3.3.4", "networkx==2.5.1", "numpy==1.19.5", "pillow==8.4.0", "protobuf==3.19.6", "pyparsing==3.1.4",
#     "python-dateutil==3.0.0", "pywavelets==1.1.1", "scikit-image==0.17.2", "scipy==1.5.4", "six==1.17.0",
#     "tifffile==2020.9.3", "tzdata==2026.6",
# ]
#
# [tool.dlnotes]
# title = "Caffe (PyPI fork)"
# environment = { GLOG_minloglevel = "2" }
# download = 130
# disk = 260
# shims = ["batch norm spelt with eight primitive layers, because its own layer is wrong", "running averages by hand"]
# ///

# program begins
import os
import tempfile

import numpy as np

import caffe
from caffe import layers as L

caffe.set_mode_cpu()
version = "kendryte-caffe 1.0.0.20210829"
decay, eps = 0.9, 1e-5


def batch_norm_layers(n, m):
    n.at = L.Permute(n.a, order=[1, 0])
    n.minus_mu = L.Reduction(n.at, axis=1, operation=4, coeff=-1)
    n.centred = L.Bias(n.at, n.minus_mu, axis=0)
    n.var = L.Reduction(n.centred, axis=1, operation=3, coeff=1 / m)
    n.inv = L.Power(n.var, shift=eps, power=-0.5)
    n.xhat = L.Scale(n.centred, n.inv, axis=0)
    n.scale = L.Scale(n.xhat, axis=0, bias_term=True)
    return L.Permute(n.scale, order=[1, 0])


def own_layer(n, m):
    n.norm = L.BatchNorm(n.a, eps=eps)
    n.scale = L.Scale(n.norm, bias_term=True)
    return n.scale


def layers(D, H, C, m, norm, train):
    n = caffe.NetSpec()
    n.x = L.Input(shape={"dim": [m, D]})
    if train:
        n.t = L.Input(shape={"dim": [m]})
    n.a = L.InnerProduct(n.x, num_output=H, bias_term=False)
    n.r = L.ReLU(norm(n, m))
    n.z = L.InnerProduct(n.r, num_output=C)
    if train:
        n.loss = L.SoftmaxWithLoss(n.z, n.t)
    else:
        n.yhat = L.Softmax(n.z)
    return str(n.to_proto())


def write(text):
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt", delete=False) as file:
        file.write(text)
    return file.name


class Program:
    norm = staticmethod(batch_norm_layers)

    def __init__(self, W1, W2, lr):
        self.W1, self.W2, self.lr, self.train = W1, W2, lr, None
        (D, H), C = W1.shape, W2.shape[1]
        self.mean, self.var = np.zeros(H, "f"), np.ones(H, "f")
        self.deploy = write(layers(D, H, C, 1, own_layer, False))
        self.test = caffe.Net(self.deploy, caffe.TEST)

    def build(self, m):
        (D, H), C = self.W1.shape, self.W2.shape[1]
        net = write(layers(D, H, C, m, self.norm, True))
        text = 'net: "%s" base_lr: %r lr_policy: "fixed" display: 0 snapshot_after_train: false' % (net, self.lr)
        self.solver = caffe.SGDSolver(write(text))
        self.train = self.solver.net
        self.train.params["a"][0].data[...] = self.W1.T
        self.train.params["z"][0].data[...] = self.W2.T

    def step(self, X, y):
        if self.train is None:
            self.build(len(X))
        self.train.blobs["x"].data[...] = X
        self.train.blobs["t"].data[...] = y
        self.solver.step(1)
        if self.norm is batch_norm_layers:
            self.mean = decay * self.mean - (1 - decay) * self.train.blobs["minus_mu"].data
            self.var = decay * self.var + (1 - decay) * self.train.blobs["var"].data
        return self.train.blobs["loss"].data

    def fill(self):
        for name in ("a", "scale", "z"):
            for mine, theirs in zip(self.test.params[name], self.train.params[name]):
                mine.data[...] = theirs.data
        for blob, value in zip(self.test.params["norm"], (self.mean, self.var, 1)):
            blob.data[...] = value

    def predict(self, X):
        if self.train is not None:
            self.fill()
        self.test.blobs["x"].reshape(*X.shape)
        self.test.blobs["x"].data[...] = X
        return self.test.forward()["yhat"].copy()

    def weights(self):
        p = self.train.params
        found = {"W1": p["a"][0], "gamma": p["scale"][0], "beta": p["scale"][1], "W2": p["z"][0], "b2": p["z"][1]}
        return {name: blob.data.T.copy() for name, blob in found.items()}

    def save(self, folder):
        self.fill()
        self.test.save(os.path.join(folder, "net.caffemodel"))
        os.rename(self.deploy, os.path.join(folder, "deploy.prototxt"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.train = None
        deploy, values = os.path.join(folder, "deploy.prototxt"), os.path.join(folder, "net.caffemodel")
        self.test = caffe.Net(deploy, values, caffe.TEST)
        return self


# program ends


class OwnLayer(Program):
    """The program that Caffe's users write: the fork's BatchNorm layer, in training."""

    norm = staticmethod(own_layer)
