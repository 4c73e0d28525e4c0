"""Caffe2, which ended its days inside PyTorch: torch 1.8.0 carries it."""

# /// script
# requires-python = "==3.8.*"
# dependencies = [
#     "future==1.0.0", "numpy==1.21.6", "protobuf==3.20.3", "six==1.17.0", "torch==1.8.0", "typing-extensions==4.13.2",
# ]
#
# [tool.dlnotes]
# title = "Caffe2"
# export = ["onnx==1.8.1"]
# download = 740
# disk = 1660
# shims = ["ExpandDims before batch norm, whose gradient refuses two-dimensional input"]
# ///

# program begins
import os

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import brew, model_helper, optimizer, workspace
from caffe2.python.predictor import predictor_exporter

version = "in torch 1.8.0"


def layers(model, D, H, C, train, W1=None, W2=None):
    fill = lambda v: None if v is None else ("GivenTensorFill", {"values": v.T.ravel()})
    brew.fc(model, "X", "a", D, H, weight_init=fill(W1), no_bias=True)
    if train:
        model.net.ExpandDims("a", "a3", dims=[2])
    brew.spatial_bn(model, "a3" if train else "a", "h", H, is_test=not train)
    brew.relu(model, "h", "r")
    return brew.fc(model, "r", "z", H, C, weight_init=fill(W2))


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        workspace.ResetWorkspace()
        workspace.FeedBlob("X", np.zeros((1, D), "f"))
        workspace.FeedBlob("y", np.zeros(1, "i"))
        train = model_helper.ModelHelper("train")
        layers(train, D, H, C, True, W1, W2)
        _, loss = train.net.SoftmaxWithLoss(["z", "y"], ["yhat", "loss"])
        train.AddGradientOperators([loss])
        optimizer.build_sgd(train, base_learning_rate=lr, policy="fixed")
        workspace.RunNetOnce(train.param_init_net)
        workspace.CreateNet(train.net)
        test = model_helper.ModelHelper("test", init_params=False)
        layers(test, D, H, C, False)
        test.net.AddExternalOutput(test.net.Softmax("z", "yhat"))
        workspace.CreateNet(test.net)
        self.train, self.test, self.name = train, test, test.net.Name()

    def step(self, X, y):
        workspace.FeedBlob("X", X)
        workspace.FeedBlob("y", y)
        workspace.RunNet(self.train.net)
        return workspace.FetchBlob("loss")

    def predict(self, X):
        workspace.FeedBlob("X", X)
        workspace.RunNet(self.name)
        return workspace.FetchBlob("yhat")

    def weights(self):
        names = {"W1": "a_w", "gamma": "h_s", "beta": "h_b", "W2": "z_w", "b2": "z_b"}
        return {name: workspace.FetchBlob(blob).T for name, blob in names.items()}

    def save(self, folder):
        meta = predictor_exporter.PredictorExportMeta(
            predict_net=self.test.net.Proto(),
            parameters=["a_w", "a_b", "h_s", "h_b", "h_rm", "h_riv", "z_w", "z_b"],
            inputs=["X"],
            outputs=["yhat"],
        )
        predictor_exporter.save_to_db("minidb", os.path.join(folder, "net.minidb"), meta)

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.name = predictor_exporter.prepare_prediction_net(os.path.join(folder, "net.minidb"), "minidb")
        return self

    def export(self, path):
        from caffe2.python.onnx import frontend

        init = caffe2_pb2.NetDef()
        for blob in ("a_w", "a_b", "h_s", "h_b", "h_rm", "h_riv", "z_w", "z_b"):
            value = workspace.FetchBlob(blob)
            op = init.op.add(type="GivenTensorFill", output=[blob])
            op.arg.add(name="shape", ints=value.shape)
            op.arg.add(name="values", floats=value.ravel().tolist())
        model = frontend.caffe2_net_to_onnx_model(self.test.net.Proto(), init, {"X": (1, (512, 64))})
        with open(path, "wb") as file:
            file.write(model.SerializeToString())


# program ends


def batch_norm(n, m):
    workspace.ResetWorkspace()
    workspace.FeedBlob("x", np.zeros((m, n, 1), "f"))
    nets = []
    for name, first in (("train_bn", True), ("test_bn", False)):
        model = model_helper.ModelHelper(name, init_params=first)
        brew.spatial_bn(model, "x", "out", n, is_test=not first)
        workspace.RunNetOnce(model.param_init_net)
        workspace.CreateNet(model.net)
        nets.append(model.net.Name())

    def run(net, x):
        workspace.FeedBlob("x", x[:, :, None])
        workspace.RunNet(net)
        return workspace.FetchBlob("out")[:, :, 0]

    return lambda x: run(nets[0], x), lambda x: run(nets[1], x)
