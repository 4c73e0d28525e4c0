"""The index of the search: every section of every page, as a script, which a page can load from a disk too."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

headings = {"h1", "h2", "h3", "h4"}
silent = {"script", "style", "button", "math", "nav"}

# What readers may call it who know other books: words that are asked for, and the place that uses others.
also = {
    "index.html#run-it": "install, installation, setup, pip, getting started",
    "recipes.html#tune-a-scikit-learn-pipeline": "sklearn, hyperparameter optimization, hyperparameter tuning",
    "recipes.html#replace-randomizedsearchcv-by-one-word": "gridsearchcv, grid search, cross-validation",
    "recipes.html#make-a-hyperparameter-depend-on-another": "conditional, conditional hyperparameters, constraint",
    "recipes.html#weigh-two-objectives": "multiobjective, multi-objective, pareto, pareto front, trade-off",
    "recipes.html#end-losing-trainings-early": "pruning, pruner, early stopping, hyperband, asha, successive halving",
    "recipes.html#resume-after-a-crash": "checkpoint, restart, interrupted",
    "recipes.html#stop-when-it-is-enough": "time limit, timeout, time budget, budget, patience, convergence",
    "recipes.html#watch-a-search-that-runs": "dashboard, progress, monitor",
    "recipes.html#share-out-two-gpus": "cuda, parallel, multiprocessing",
    "recipes.html#run-on-a-dask-cluster": "distributed",
    "recipes.html#submit-jobs-to-a-queue-and-collect-them-another-day": "slurm",
    "recipes.html#start-from-settings-that-are-known": "warm start, initial guess, enqueue",
    "recipes.html#widen-a-range-or-add-a-hyperparameter-without-losing-a-trial": "transfer learning, extend",
    "recipes.html#fit-a-softmax-regression-and-say-how-sure-it-is": "logistic regression, confidence interval, p-value",
    "recipes.html#find-the-few-columns-that-matter": "lasso, feature selection, l1, sparsity",
    "choice.html#several-objectives": "multiobjective, multi-objective, pareto, pareto front",
    "early.html#": "early stopping",
    "early.html#was-the-winner-lucky": "selection bias, winner's curse",
    "digits.html#in-use": "overfitting, overfit, generalization gap",
    "digits.html#when-some-rows-count-more": "imbalanced data, class imbalance",
    "calibration.html#as-often-as-it-says": "ece, expected calibration error, reliability diagram",
    "estimators.html#examples": "missing values, missing data, impute, imputation",
    "report.html#pictures-for-a-notebook": "visualization, visualize, plot, chart",
    "api.html#Study.to_frame": "pandas, dataframe, data frame, csv",
    "api.html#MLP": "batch size, mini-batch, neural network",
    "api.html#MLP.save": "save model, save network",
    "api.html#MLP.load": "load model, load network",
    "api.html#BatchNorm.save": "save layer",
    "api.html#BatchNorm.load": "load layer",
    "api.html#SoftmaxRegression": "class weight, class weights",
    "api.html#SoftmaxRegression.fit": "sample weight, sample weights",
    "newton.html#four-precautions": "collinear, multicollinearity, preconditioning",
    "points.html#a-tree-of-choices": "conditional hyperparameters, search tree",
    "scales.html#momentum-lives-near-one": "momentum",
    "sklearn.html#whose-words": "scipy.stats",
}


class Sections(HTMLParser):
    """The sections of a page: [id, heading, text, names in its code]."""

    def __init__(self, html):
        super().__init__()
        self.sections, self.title = [], ""
        self.stack, self.article, self.heading = [], False, False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        classes = (found.get("class") or "").split()
        if tag == "article":
            self.article = True
        if tag in headings and (self.article or tag == "h1"):
            self.sections.append([found.get("id") or "" if tag != "h1" else "", "", "", ""])
            self.heading = True
        if tag in silent or "anchor" in classes or "source-link" in classes or {"cell-output", "where"} & set(classes):
            self.stack.append((tag, "silent", 1))
        elif tag in ("pre", "details") and ("code-fold" in classes or tag == "pre"):
            self.stack.append((tag, "code" if tag == "pre" else "fold", 1))
        elif self.stack and self.stack[-1][0] == tag:
            self.stack[-1] = (*self.stack[-1][:2], self.stack[-1][2] + 1)
        if tag in ("p", "li", "td", "th", "dd", "dt", "br", "figcaption", "summary", "div") and self.sections:
            self.sections[-1][2] += " "

    def handle_endtag(self, tag):
        if tag == "article":
            self.article = False
        if tag in headings:
            self.heading = False
        if self.stack and self.stack[-1][0] == tag:
            kind, what, depth = self.stack.pop()
            if depth > 1:
                self.stack.append((kind, what, depth - 1))

    def handle_data(self, data):
        if not self.sections or not (self.article or self.heading):
            return
        inside = {what for _, what, _ in self.stack}
        if "silent" in inside or "fold" in inside:
            return
        place = 3 if "code" in inside else 1 if self.heading else 2
        self.sections[-1][place] += data


def tidy(text):
    return " ".join(text.split())


def names(code):
    """The words of code, each once."""
    return " ".join(dict.fromkeys(re.findall(r"[^\W\d]\w{2,}", code)))


def index(docs, pages):
    """Writes docs/search/index.js from the pages: a list of (page, title, id, heading, text, code, kind, also)."""
    rows = []
    for page, kind in pages.items():
        sections = Sections((docs / page).read_text(encoding="utf-8")).sections
        title = tidy(sections[0][1])
        for key, heading, text, code in sections:
            if kind == "api" and tidy(text).startswith("Derived in"):
                continue  # says no more than where the chapter is, which is found itself
            text = re.sub(r"^To run it yourself:.*?runs alone\.", "", tidy(text))  # which every page says
            others = also.get(f"{page}#{key}", "")
            rows.append([page, title, key, tidy(heading), text.strip(), names(code), kind, others])
    target = Path(docs, "search", "index.js")
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"globalThis.bookIndex = {json.dumps(rows, ensure_ascii=False)};\n", encoding="utf-8")
    return rows
