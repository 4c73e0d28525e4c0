"""DL4J, as its engine ND4J with SameDiff: DL4J's own layers are not in a Python package."""

# /// script
# requires-python = "==3.11.*"
# dependencies = ["jpype1==1.7.1", "nd4j==1.0.0b3", "numpy==2.4.6", "packaging==26.3"]
#
# [tool.dlnotes]
# title = "DL4J (ND4J)"
# commands = ["java"]
# download = 300
# disk = 350
# shims = [
#     "a class loader made by hand, of the kind Java 8 had",
#     "two --add-opens for Java 9 and later",
#     "log(softmax) in place of logSoftmax, which back-propagates zeros",
#     "one forward pass before the first backward one, without which the second fails",
# ]
# ///

# program begins
import glob
import importlib.util
import os

import jpype
import numpy as np

jars = sorted(glob.glob(importlib.util.find_spec("nd4j").submodule_search_locations[0] + "/classpath/*.jar"))
opens = ["--add-opens=java.base/%s=ALL-UNNAMED" % package for package in ("java.lang", "java.util")]
jpype.startJVM(*opens, convertStrings=True)
URL = jpype.JClass("java.net.URL")
loader = jpype.JClass("java.net.URLClassLoader")([URL("file:" + jar) for jar in jars])
jpype.JClass("java.lang.Thread").currentThread().setContextClassLoader(loader)
Nd4j, SameDiff, Transforms, Conditions = (
    jpype.JClass(name, loader=loader)
    for name in (
        "org.nd4j.linalg.factory.Nd4j",
        "org.nd4j.autodiff.samediff.SameDiff",
        "org.nd4j.linalg.ops.transforms.Transforms",
        "org.nd4j.linalg.indexing.conditions.Conditions",
    )
)
File = jpype.JClass("java.io.File")
floats, ints, yes = jpype.JArray(jpype.JFloat), jpype.JArray(jpype.JInt), jpype.JBoolean(True)
version = "1.0.0-beta3"
decay, eps = 0.9, 1e-5


def array(a):
    a = np.atleast_2d(np.asarray(a, "float32"))
    return Nd4j.create(floats(a.ravel()), ints(list(a.shape)), jpype.JChar("c"))


def values(a):
    return np.array(a.dup(jpype.JChar("c")).data().asFloat(), "float32").reshape(list(a.shape()))


class Program:
    def __init__(self, W1, W2, lr):
        H, self.classes = W2.shape
        self.lr, self.graph = lr, None
        start = {"W1": W1, "gamma": np.ones(H), "beta": np.zeros(H), "W2": W2, "b2": np.zeros(self.classes)}
        self.p = {name: array(v) for name, v in start.items()}
        self.mean, self.var = array(np.zeros(H)), array(np.ones(H))

    def build(self, X, Y):
        self.graph = sd = SameDiff.create()
        W1, gamma, beta, W2, b2 = (sd.var(name, v) for name, v in self.p.items())
        self.x, self.t = sd.var("x", array(X)), sd.var("t", array(Y))
        a = sd.mmul("a", self.x, W1)
        self.mu = sd.mean("mu", a, yes, ints([0]))
        d = a.sub("d", self.mu)
        self.v = sd.mean("v", d.mul("dd", d), yes, ints([0]))
        xhat = d.div("xhat", sd.sqrt("s", self.v.add("ve", eps)))
        h = xhat.mul("xg", gamma).add("h", beta)
        z = sd.mmul("zz", sd.relu("r", h, 0.0), W2).add("z", b2)
        logp = sd.log("logp", sd.softmax("yhat", z))
        logp.mul("tl", self.t).sum("total", ints([0, 1])).mul("loss", -1.0 / len(X))
        sd.exec_()

    def step(self, X, y):
        Y = np.eye(self.classes)[y]
        if self.graph is None:
            self.build(X, Y)
        self.x.getArr().assign(array(X))
        self.t.getArr().assign(array(Y))
        self.graph.execBackwards()
        loss = self.graph.getFunction("grad").getVariable("loss").getArr().getDouble(jpype.JLong(0))
        for name in self.p:
            p = self.graph.getVariable(name).getArr()
            p.subi(self.graph.grad(name).getArr().mul(self.lr))
            self.p[name] = p
        inner = self.graph.getFunction("grad")
        for running, batch in ((self.mean, "mu"), (self.var, "v")):
            running.muli(decay).addi(inner.getVariable(batch).getArr().mul(1 - decay))
        return loss

    def predict(self, X):
        p = self.p
        a = array(X).mmul(p["W1"]).subiRowVector(self.mean).diviRowVector(Transforms.sqrt(self.var.add(eps)))
        r = Transforms.relu(a.muliRowVector(p["gamma"]).addiRowVector(p["beta"]))
        return values(Transforms.softmax(r.mmul(p["W2"]).addiRowVector(p["b2"])))

    def weights(self):
        return {name: values(v).squeeze() for name, v in self.p.items()}  # vectors are rows here

    def save(self, folder):
        for name, v in {**self.p, "mean": self.mean, "var": self.var}.items():
            Nd4j.saveBinary(v, File(os.path.join(folder, name)))

    @classmethod
    def load(cls, folder):
        self = cls.__new__(cls)
        self.p = {v: Nd4j.readBinary(File(os.path.join(folder, v))) for v in ("W1", "gamma", "beta", "W2", "b2")}
        self.mean, self.var = (Nd4j.readBinary(File(os.path.join(folder, v))) for v in ("mean", "var"))
        return self


# program ends
