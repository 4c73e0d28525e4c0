"""PaddlePaddle 3."""

# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "anyio==4.16.0", "certifi==2026.10.18", "h11==0.16.0", "httpcore==1.0.9", "httpx==0.28.1", "idna==3.20",
#     "networkx==3.6.1", "numpy==2.4.6", "opt-einsum==3.3.0", "paddlepaddle==3.3.1", "pillow==13.0.0",
#     "protobuf==7.36.2", "setuptools==80.9.0", "safetensors==0.8.0", "typing-extensions==4.16.0",
# ]
#
# [tool.dlnotes]
# title = "PaddlePaddle"
# export = ["onnx==1.17.0", "onnxoptimizer==0.3.13", "paddle2onnx==2.1.0"]
# download = 230
# disk = 870
# shims = []
# ///

# program begins
import os

import paddle
from paddle import nn

version = paddle.__version__


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        self.net = nn.Sequential(nn.Linear(D, H, bias_attr=False), nn.BatchNorm1D(H), nn.ReLU(), nn.Linear(H, C))
        self.net[0].weight.set_value(W1)
        self.net[3].weight.set_value(W2)
        self.optimizer = paddle.optimizer.SGD(lr, self.net.parameters())

    def step(self, X, y):
        self.net.train()
        loss = nn.functional.cross_entropy(self.net(paddle.to_tensor(X)), paddle.to_tensor(y))
        loss.backward()
        self.optimizer.step()
        self.optimizer.clear_grad()
        return float(loss)

    def predict(self, X):
        self.net.eval()
        with paddle.no_grad():
            return nn.functional.softmax(self.net(paddle.to_tensor(X))).numpy()

    def weights(self):
        names = {"W1": "0.weight", "gamma": "1.weight", "beta": "1.bias", "W2": "3.weight", "b2": "3.bias"}
        state = self.net.state_dict()
        return {name: state[key].numpy() for name, key in names.items()}

    def save(self, folder):
        paddle.save(self.net.state_dict(), os.path.join(folder, "net.pdparams"))

    @classmethod
    def load(cls, folder):
        state = paddle.load(os.path.join(folder, "net.pdparams"))
        self = cls(state["0.weight"].numpy(), state["3.weight"].numpy(), 0.0)
        self.net.set_state_dict(state)
        return self

    def export(self, path):
        self.net.eval()
        net = nn.Sequential(self.net, nn.Softmax())
        path = os.path.splitext(path)[0]  # it adds the ending itself
        paddle.onnx.export(net, path, input_spec=[paddle.static.InputSpec([512, 64], "float32", "x")])


# program ends


def batch_norm(n, m):
    layer = nn.BatchNorm1D(n)
    run = lambda x: layer(paddle.to_tensor(x)).numpy()
    return lambda x: (layer.train(), run(x))[1], lambda x: (layer.eval(), run(x))[1]
