"""TensorFlow by itself: its operations, its tape and its compiled functions. Its layers are Keras's."""

# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "absl-py==2.5.1", "astunparse==1.6.3", "certifi==2026.10.18", "charset-normalizer==3.5.2",
#     "flatbuffers==25.12.19", "gast==0.7.0", "google-pasta==0.2.0", "grpcio==1.85.1", "h5py==3.14.0", "idna==3.20",
#     "keras==3.15.1", "libclang==18.1.1", "markdown-it-py==4.3.0", "mdurl==0.1.2", "ml-dtypes==0.6.0",
#     "namex==0.1.0", "numpy==2.4.6", "opt-einsum==3.4.0", "optree==0.20.0", "packaging==26.3", "protobuf==7.36.2",
#     "pygments==2.21.0", "requests==2.34.2", "rich==15.0.0", "six==1.17.0", "tensorflow-cpu==2.21.0",
#     "termcolor==3.3.0", "typing-extensions==4.16.0", "urllib3==2.8.0", "wrapt==2.5.2",
# ]
#
# [tool.dlnotes]
# title = "TensorFlow"
# environment = { TF_CPP_MIN_LOG_LEVEL = "2" }
# download = 350
# disk = 1500
# shims = []
# ///

# program begins
import os

import tensorflow as tf

version = tf.__version__
decay, eps = 0.9, 1e-5


class Network(tf.Module):
    def __init__(self, W1, W2, lr):
        H, C = W2.shape
        self.lr = lr
        self.W1, self.W2 = tf.Variable(W1), tf.Variable(W2)
        self.gamma, self.beta, self.b2 = tf.Variable(tf.ones(H)), tf.Variable(tf.zeros(H)), tf.Variable(tf.zeros(C))
        self.mean = tf.Variable(tf.zeros(H), trainable=False)
        self.var = tf.Variable(tf.ones(H), trainable=False)

    def logits(self, a, mean, var):
        h = tf.nn.batch_normalization(a, mean, var, self.beta, self.gamma, eps)
        return tf.nn.relu(h) @ self.W2 + self.b2

    @tf.function
    def step(self, X, y):
        with tf.GradientTape() as tape:
            a = X @ self.W1
            mu, var = tf.nn.moments(a, [0])
            z = self.logits(a, mu, var)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z))
        p = self.trainable_variables
        for w, d in zip(p, tape.gradient(loss, p)):
            w.assign_sub(self.lr * d)
        self.mean.assign(decay * self.mean + (1 - decay) * mu)
        self.var.assign(decay * self.var + (1 - decay) * var)
        return loss

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def predict(self, X):
        return tf.nn.softmax(self.logits(X @ self.W1, self.mean, self.var))


class Program:
    def __init__(self, W1, W2, lr):
        self.net = Network(W1, W2, lr)

    def step(self, X, y):
        return self.net.step(tf.constant(X), tf.constant(y)).numpy()

    def predict(self, X):
        return self.net.predict(tf.constant(X)).numpy()

    def weights(self):
        return {v: getattr(self.net, v).numpy() for v in ("W1", "gamma", "beta", "W2", "b2")}

    def save(self, folder):
        tf.saved_model.save(self.net, os.path.join(folder, "net"))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.net = tf.saved_model.load(os.path.join(folder, "net"))
        return self


# program ends
