"""Caffe 1.0.0 as Debian 11 packaged it."""

# /// script
# requires-python = "==3.9.*"
# dependencies = []
#
# [tool.dlnotes]
# title = "Caffe"
# debian = "bullseye"
# packages = ["python3-caffe", "libopenblas0-pthread"]
# environment = { GLOG_minloglevel = "2" }
# download = 250
# disk = 1020
# shims = ["a Debian 11 system of its own: no later one carries the package"]
# ///

# program begins
import os
import tempfile

import caffe
from caffe import layers as L

caffe.set_mode_cpu()
version = caffe.__version__


def layers(D, H, C, train):
    n = caffe.NetSpec()
    n.x = L.Input(shape={"dim": [1, D]})
    if train:
        n.t = L.Input(shape={"dim": [1]})
    n.a = L.InnerProduct(n.x, num_output=H, bias_term=False)
    n.norm = L.BatchNorm(n.a)
    n.scale = L.Scale(n.norm, bias_term=True)
    n.r = L.ReLU(n.scale)
    n.z = L.InnerProduct(n.r, num_output=C)
    if train:
        n.loss = L.SoftmaxWithLoss(n.z, n.t)
    else:
        n.yhat = L.Softmax(n.z)
    return str(n.to_proto())


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        folder = tempfile.mkdtemp()
        train, solver, self.deploy = (os.path.join(folder, f) for f in ("train", "solver", "deploy"))
        for path, text in (
            (train, layers(D, H, C, True)),
            (self.deploy, layers(D, H, C, False)),
            (solver, 'net: "%s" base_lr: %r lr_policy: "fixed" display: 0 snapshot_after_train: false' % (train, lr)),
        ):
            with open(path, "w") as file:
                file.write(text)
        self.solver = caffe.SGDSolver(solver)
        self.train = self.solver.net
        self.train.params["a"][0].data[...] = W1.T
        self.train.params["z"][0].data[...] = W2.T
        self.test = caffe.Net(self.deploy, caffe.TEST)
        self.test.share_with(self.train)

    def step(self, X, y):
        self.train.blobs["x"].reshape(*X.shape)
        self.train.blobs["t"].reshape(len(y))
        self.train.blobs["x"].data[...] = X
        self.train.blobs["t"].data[...] = y
        self.solver.step(1)
        return self.train.blobs["loss"].data

    def predict(self, X):
        self.test.blobs["x"].reshape(*X.shape)
        self.test.blobs["x"].data[...] = X
        return self.test.forward()["yhat"].copy()

    def weights(self):
        p = self.train.params
        found = {"W1": p["a"][0], "gamma": p["scale"][0], "beta": p["scale"][1], "W2": p["z"][0], "b2": p["z"][1]}
        return {name: blob.data.T.copy() for name, blob in found.items()}

    def save(self, folder):
        self.train.save(os.path.join(folder, "net.caffemodel"))
        os.rename(self.deploy, os.path.join(folder, "deploy.prototxt"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        deploy, values = os.path.join(folder, "deploy.prototxt"), os.path.join(folder, "net.caffemodel")
        self.test = caffe.Net(deploy, values, caffe.TEST)
        return self


# program ends


def batch_norm(n, m):
    def net(phase):
        spec = caffe.NetSpec()
        spec.x = L.Input(shape={"dim": [m, n]})
        spec.y = L.BatchNorm(spec.x)
        with tempfile.NamedTemporaryFile("w", suffix=".prototxt", delete=False) as file:
            file.write(str(spec.to_proto()))
        return caffe.Net(file.name, phase)

    def run(which, x):
        which.blobs["x"].data[...] = x
        return which.forward()["y"].copy()

    training, testing = net(caffe.TRAIN), net(caffe.TEST)
    testing.share_with(training)
    return lambda x: run(training, x), lambda x: run(testing, x)
