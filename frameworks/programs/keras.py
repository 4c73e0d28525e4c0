"""Keras 3 with JAX underneath (it also runs on TensorFlow and PyTorch)."""

# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "absl-py==2.5.1", "h5py==3.16.0", "jax==0.10.2", "jaxlib==0.10.2", "keras==3.15.1", "markdown-it-py==4.3.0",
#     "mdurl==0.1.2", "ml-dtypes==0.6.0", "namex==0.1.0", "numpy==2.4.6", "opt-einsum==3.4.0", "optree==0.20.0",
#     "packaging==26.3", "pygments==2.21.0", "rich==15.0.0", "scipy==1.17.1", "typing-extensions==4.16.0",
# ]
#
# [tool.dlnotes]
# title = "Keras"
# export = [
#     "aiofiles==25.1.0", "anyio==4.16.0", "chex==0.1.92", "click==8.5.1", "dataclasses-json==0.6.7", "dm-pix==0.4.5",
#     "einops==0.8.2", "equinox==0.13.8", "etils==1.15.0", "filelock==4.2.11", "flatbuffers==25.12.19",
#     "flax==0.12.8", "fsspec==2026.9.0", "h11==0.16.0", "hf-xet==1.8.0", "httpcore2==2.16.2", "httpx2==2.16.2",
#     "huggingface-hub==2.4.0", "humanize==4.17.0", "idna==3.20", "jax2onnx==0.17.1", "jaxtyping==0.3.11",
#     "marshmallow==3.26.2", "mpmath==1.3.0", "msgpack==1.2.4", "mypy-extensions==1.2.0", "netron==9.3.3",
#     "onnx==1.23.2", "onnx-ir==1.1.0", "onnxruntime==1.32.0", "optax==0.2.8", "orbax-checkpoint==0.11.36",
#     "orbax-export==0.0.8", "protobuf==7.36.2", "psutil==7.2.2", "pyyaml==6.0.3", "simplejson==4.3.0",
#     "sympy==1.14.0", "tensorstore==0.1.86", "toolz==1.2.0", "tqdm==4.70.1", "treescope==0.1.10",
#     "truststore==0.10.5", "typing-inspect==0.9.0", "uvloop==0.23.0", "wadler-lindig==0.1.8", "zipp==4.1.2",
# ]
# environment = { KERAS_BACKEND = "jax", TF_CPP_MIN_LOG_LEVEL = "2" }
# download = 150
# disk = 740
# shims = []
# ///

# program begins
import os

import keras
from keras import layers

version = keras.__version__


class Program:
    def __init__(self, W1, W2, lr):
        (D, H), C = W1.shape, W2.shape[1]
        hidden = layers.Dense(H, use_bias=False, name="hidden")
        norm = layers.BatchNormalization(epsilon=1e-5, name="norm")
        output = layers.Dense(C, name="output")
        self.net = keras.Sequential([keras.Input((D,)), hidden, norm, layers.ReLU(), output])
        hidden.kernel.assign(W1)
        output.kernel.assign(W2)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.net.compile(keras.optimizers.SGD(lr), loss)

    def step(self, X, y):
        self.net.reset_metrics()
        return self.net.train_on_batch(X, y)

    def predict(self, X):
        return keras.ops.convert_to_numpy(keras.ops.softmax(self.net.predict_on_batch(X)))

    def weights(self):
        hidden, norm, output = (self.net.get_layer(name) for name in ("hidden", "norm", "output"))
        found = {"W1": hidden.kernel, "gamma": norm.gamma, "beta": norm.beta, "W2": output.kernel, "b2": output.bias}
        return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}

    def save(self, folder):
        self.net.save(os.path.join(folder, "net.keras"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.net = keras.saving.load_model(os.path.join(folder, "net.keras"))
        return self

    def export(self, path):
        net = keras.Sequential([self.net, layers.Softmax()])
        net(keras.ops.zeros((1, 64)))  # it exports only what has been called
        net.export(path, format="onnx")


# program ends


def batch_norm(n, m):
    layer = layers.BatchNormalization()
    run = lambda x, training: keras.ops.convert_to_numpy(layer(x, training=training))
    return lambda x: run(x, True), lambda x: run(x, False)
