"""MXNet 1.9.1 with Gluon, its own layers."""

# /// script
# requires-python = "==3.9.*"
# dependencies = [
#     "certifi==2026.10.18", "charset-normalizer==3.5.2", "graphviz==0.8.4", "idna==3.20", "mxnet==1.9.1",
#     "numpy==1.23.5", "requests==2.32.5", "urllib3==2.6.3",
# ]
#
# [tool.dlnotes]
# title = "MXNet"
# export = ["onnx==1.12.0", "protobuf==3.20.1"]
# download = 70
# disk = 280
# shims = ["NumPy 1.23, the last that still has the name np.bool"]
# ///

# program begins
import os

import mxnet as mx
from mxnet import autograd, gluon, nd

version = mx.__version__


class Program:
    def __init__(self, W1, W2, lr):
        H, C = W2.shape
        self.net = gluon.nn.HybridSequential()
        self.net.add(
            gluon.nn.Dense(H, use_bias=False, weight_initializer=mx.init.Constant(nd.array(W1.T))),
            gluon.nn.BatchNorm(),
            gluon.nn.Activation("relu"),
            gluon.nn.Dense(C, weight_initializer=mx.init.Constant(nd.array(W2.T))),
        )
        self.net.initialize()
        self.net.hybridize()
        self.loss = gluon.loss.SoftmaxCrossEntropyLoss()
        self.trainer = gluon.Trainer(self.net.collect_params(), "sgd", {"learning_rate": lr})

    def step(self, X, y):
        with autograd.record():
            loss = self.loss(self.net(nd.array(X)), nd.array(y))
        loss.backward()
        self.trainer.step(len(X))
        return loss.mean().asscalar()

    def predict(self, X):
        return nd.softmax(self.net(nd.array(X))).asnumpy()

    def weights(self):
        hidden, norm, _, output = self.net
        found = {"W1": hidden.weight, "gamma": norm.gamma, "beta": norm.beta, "W2": output.weight, "b2": output.bias}
        return {name: p.data().asnumpy().T for name, p in found.items()}

    def save(self, folder):
        self.net.export(os.path.join(folder, "net"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        symbol, values = os.path.join(folder, "net-symbol.json"), os.path.join(folder, "net-0000.params")
        self.net = gluon.SymbolBlock.imports(symbol, ["data"], values)
        return self

    def export(self, path):
        folder = os.path.dirname(path)
        self.save(folder)
        symbol, values = os.path.join(folder, "net-symbol.json"), os.path.join(folder, "net-0000.params")
        mx.sym.softmax(mx.sym.load(symbol)).save(symbol)
        mx.onnx.export_model(symbol, values, [(512, 64)], "float32", path)


# program ends


def batch_norm(n, m):
    layer = gluon.nn.BatchNorm()
    layer.initialize()

    def train(x):
        x = nd.array(x)
        x.attach_grad()
        with autograd.record():
            y = layer(x)
        y.backward()  # the running statistics move in the backward pass, not in the forward one
        return y.asnumpy()

    return train, lambda x: layer(nd.array(x)).asnumpy()
