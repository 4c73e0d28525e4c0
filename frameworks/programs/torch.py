"""Torch, as PyTorch. Torch7, the Lua original, cannot be installed any more: see the chapter."""

# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "filelock==4.2.11", "fsspec==2026.9.0", "jinja2==3.1.6", "markupsafe==3.0.4", "mpmath==1.3.0", "networkx==3.6.1",
#     "numpy==2.4.6", "sympy==1.14.0", "torch==2.13.0", "typing-extensions==4.16.0",
# ]
#
# [tool.dlnotes]
# title = "Torch (PyTorch)"
# cpu-torch = true
# export = [
#     "ml-dtypes==0.6.0", "onnx==1.23.2", "onnx-ir==1.1.0", "onnxscript==0.7.2", "packaging==26.3",
#     "protobuf==7.36.2",
# ]
# download = 200
# disk = 860
# shims = []
# ///

# program begins
import os

import torch
from torch import nn

version = torch.__version__


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        self.net = nn.Sequential(nn.Linear(D, H, bias=False), nn.BatchNorm1d(H), nn.ReLU(), nn.Linear(H, C))
        with torch.no_grad():
            self.net[0].weight.copy_(torch.from_numpy(W1.T))
            self.net[3].weight.copy_(torch.from_numpy(W2.T))
            self.net[3].bias.zero_()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=lr)

    def step(self, X, y):
        self.net.train()
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(torch.from_numpy(X)), torch.from_numpy(y).long())
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def predict(self, X):
        self.net.eval()
        with torch.no_grad():
            return self.net(torch.from_numpy(X)).softmax(1).numpy()

    def weights(self):
        names = {"W1": "0.weight", "gamma": "1.weight", "beta": "1.bias", "W2": "3.weight", "b2": "3.bias"}
        state = self.net.state_dict()
        return {name: state[key].numpy().T for name, key in names.items()}

    def save(self, folder):
        torch.save(self.net.state_dict(), os.path.join(folder, "net.pt"))

    @classmethod
    def load(cls, folder):
        state = torch.load(os.path.join(folder, "net.pt"))
        net = cls(state["0.weight"].numpy().T, state["3.weight"].numpy().T, 0)
        net.net.load_state_dict(state)
        return net

    def export(self, path):
        self.net.eval()
        net = nn.Sequential(self.net, nn.Softmax(1))
        torch.onnx.export(net, (torch.zeros(512, 64),), path, input_names=["x"], external_data=False)


# program ends


def batch_norm(n, m):
    layer = nn.BatchNorm1d(n)
    run = lambda x: layer(torch.from_numpy(x)).detach().numpy()
    return lambda x: (layer.train(), run(x))[1], lambda x: (layer.eval(), run(x))[1]
