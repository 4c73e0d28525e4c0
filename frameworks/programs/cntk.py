"""CNTK 2.7 with its layers library."""

# /// script
# requires-python = "==3.6.*"
# dependencies = ["cntk==2.7.post2", "numpy==1.19.5", "pip==21.3.1", "scipy==1.5.4"]
#
# [tool.dlnotes]
# title = "CNTK"
# prepare = "cntk_mpi.sh"
# commands = ["gcc", "nm"]
# download = 130
# disk = 430
# shims = [
#     "a one-process stand-in for OpenMPI 1, which it loads at import and no current system has",
#     "its own batch norm engine in place of cuDNN's, which needs a GPU",
# ]
# ///

# program begins
import os
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import cntk as C

version = C.__version__


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), self.classes = W1.shape, W2.shape[1]
        self.X, self.Y = C.input_variable(D), C.input_variable(self.classes)
        hidden, output = C.layers.Dense(H, bias=False), C.layers.Dense(self.classes)
        norm = C.layers.BatchNormalization(use_cntk_engine=True)
        z = C.layers.Sequential([hidden, norm, C.relu, output])(self.X)
        hidden.W.value, output.W.value = W1, W2
        self.net = C.softmax(z)
        self.p = {"W1": hidden.W, "gamma": norm.scale, "beta": norm.bias, "W2": output.W, "b2": output.b}
        loss = C.cross_entropy_with_softmax(z, self.Y)
        learner = C.sgd(z.parameters, C.learning_parameter_schedule(lr))
        self.trainer = C.Trainer(z, (loss, None), [learner])

    def step(self, X, y):
        self.trainer.train_minibatch({self.X: X, self.Y: np.eye(self.classes, dtype="f")[y]})
        return self.trainer.previous_minibatch_loss_average

    def predict(self, X):
        return self.net.eval({self.net.arguments[0]: X})

    def weights(self):
        return {name: p.value for name, p in self.p.items()}

    def save(self, folder):
        self.net.save(os.path.join(folder, "net.model"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.net = C.load_model(os.path.join(folder, "net.model"))
        return self

    def export(self, path):
        self.net.save(path, format=C.ModelFormat.ONNX)


# program ends


def batch_norm(n, m):
    X = C.input_variable(n)
    net = C.layers.BatchNormalization(use_cntk_engine=True)(X)
    train = lambda x: net.forward({X: x}, [net.output], {net.output})[1][net.output]
    return train, lambda x: net.eval({X: x})
