"""The book in the browser: JupyterLite in `_docs/lab/`, and the buttons that lead there or run a claim's check.

The pages hold all of it but Python itself, which Pyodide brings: from its usual host, or, where the environment
variable `DLNOTES_PYODIDE` names a folder with a Pyodide, from a copy of that folder in the site.
"""

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

web = Path(__file__).parent
root = web.parent
RUNTIME = "DLNOTES_PYODIDE"
PACKAGE = "dlnotes-book"
KERNEL = ("comm", "ipython", "jedi")  # what JupyterLite's kernel asks for, beside what it brings along
PURE = ("wcwidth",)  # has compiled parts, and does without them
BROWSER = {"sys_platform": "emscripten", "platform_system": "Emscripten", "os_name": "posix", "python_version": "3.14"}
BROWSER |= {
    "python_full_version": "3.14.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
INSTALL = (
    "# The book's package, from this site. Only the browser's copy of the notebook has this cell.\n"
    f"%pip install -q {PACKAGE}"
)

# What a browser cannot run, and why.
CLAIMS = {"T11": "its check starts processes, and Python in a browser has none"}
CHAPTERS = {
    "11_threads.ipynb": "it counts processors and starts threads",
    "12_workers.ipynb": "it starts processes and kills them",
    "13_runner.ipynb": "it shares a search among processes",
    "16_practice.ipynb": "its last part needs Optuna, which a browser's Python does not have",
    "18_optuna.ipynb": "it needs Optuna with its database",
    "39_digits.ipynb": "its searches take many minutes there",
    "40_runs.ipynb": "it needs Optuna, and hours",
    "recipes.ipynb": "its recipes need PyTorch, Dask and others, which a browser's Python does not have",
}


def available():
    """Whether the packages that build the lab are installed (the extra `lab`)."""
    return all(importlib.util.find_spec(name) for name in ("jupyterlite_core", "jupyterlite_pyodide_kernel"))


def zipped(target, files):
    """Writes a wheel: `files` maps names in it to bytes; its RECORD is made here."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    info = next(name.partition("/")[0] for name in files if ".dist-info/" in name)
    lines.append(f"{info}/RECORD,,")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | {f"{info}/RECORD": "\n".join(lines).encode()}).items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return target


def wheel_name(found):
    """The file name of a distribution's wheel, for any Python and platform."""
    return f"{re.sub(r'[-_.]+', '_', found.name).lower()}-{found.version}-py3-none-any.whl"


def own_wheel(folder):
    """The wheel of this package as it stands in the repository."""
    found = metadata.distribution(PACKAGE)
    info = f"{PACKAGE.replace('-', '_')}-{found.version}.dist-info"
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted((root / "dlnotes").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    wheel = "Wheel-Version: 1.0\nGenerator: dlnotes\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files |= {
        f"{info}/METADATA": (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").encode(),
        f"{info}/WHEEL": wheel.encode(),
    }
    return zipped(folder / wheel_name(found), files)


def repacked(found, folder):
    """The wheel of an installed distribution of pure Python, from the files that it installed."""
    skip = ("__pycache__", "INSTALLER", "REQUESTED", "RECORD", "direct_url.json")
    files = {
        path.as_posix(): path.locate().read_bytes()
        for path in found.files or ()
        if not {"..", *skip} & set(path.parts) and path.suffix not in (".pyc", ".so", ".pyd")
    }
    return zipped(folder / wheel_name(found), files)


def pure(found):
    """Whether a distribution runs on any platform as it is."""
    return found.name in PURE or "Root-Is-Purelib: true" in (found.read_text("WHEEL") or "")


def needed(names):
    """The installed distributions of pure Python that `names` need there. What is compiled, the runtime brings."""
    found, todo = {}, list(names)
    while todo:
        name = canonicalize_name(todo.pop())
        if name in found or name == PACKAGE:
            continue
        distribution = metadata.distribution(name)
        if not pure(distribution):
            continue
        found[name] = distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate(BROWSER | {"extra": ""}):
                todo.append(requirement.name)
    return list(found.values())


def wheels(folder, kernel):
    """Puts into `folder` the wheels of this package, of what it needs, and of the names in `kernel`."""
    requirements = [Requirement(text) for text in metadata.requires(PACKAGE) or ()]
    own = [requirement.name for requirement in requirements if not requirement.marker]
    for found in needed([*own, *kernel]):
        repacked(found, folder)
    return own_wheel(folder)


def copy_runtime(folder, target):
    """Copies a Pyodide whose lock file then lists only what is there: a partial one lacks much of what it lists."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.html", "*.map"))
    lock = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))
    lock["packages"] = {k: v for k, v in lock["packages"].items() if (folder / v["file_name"]).is_file()}
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def alone(cell):
    """A code cell as Python without other processes can run it: with one worker, or else shown and not run."""
    if re.search(r"\bsubprocess\.\w+\(", cell.source):
        why = "*The next lines start a process, which Python in a browser cannot: they run elsewhere.*"
        return nbformat.v4.new_markdown_cell(f"{why}\n\n```python\n{cell.source}\n```", id=cell.id)
    source = re.sub(r"\bn_jobs=\d+", "n_jobs=1", cell.source)  # the trials are the same, whoever runs them
    return nbformat.v4.new_code_cell(source, id=cell.id)


def runnable(notebook, target):
    """A copy of a notebook for the browser: without outputs, without other processes, and with a cell that installs."""
    nb = nbformat.read(notebook, as_version=4)
    nb.cells = [alone(cell) if cell.cell_type == "code" else cell for cell in nb.cells]
    nb.cells.insert(1, nbformat.v4.new_code_cell(INSTALL, id="install"))
    nb.metadata["kernelspec"] = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
    nbformat.write(nb, target)


def runtime():
    """Where Python comes from: a folder, as `DLNOTES_PYODIDE` says, or the address that the kernel was made for."""
    if folder := os.environ.get(RUNTIME):
        if not Path(folder, "pyodide.mjs").is_file():
            raise FileNotFoundError(
                f"{RUNTIME}={folder!r} must name a folder with a whole Pyodide: it has no pyodide.mjs"
            )
        return Path(folder)
    from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

    return f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE_VERSION}/full/pyodide.mjs"


def lite(docs, notebooks, own, where):
    """JupyterLite in `docs/lab`, with `notebooks` to run, the wheels of the folder `own`, and Python from `where`."""
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--output-dir", str(docs / "lab"), "--no-sourcemaps"]
    command += ["--no-unused-shared-packages", "--apps", "notebooks", "--apps", "lab", "--piplite-wheels", str(own)]
    with TemporaryDirectory() as tmp:
        contents = Path(tmp, "contents")
        contents.mkdir()
        for notebook in notebooks:
            runnable(notebook, contents / notebook.name)
        kernel = {"disablePyPIFallback": True}  # all that is needed is here, or in the runtime
        kernel["pyodideUrl"] = "./static/pyodide/pyodide.mjs" if isinstance(where, Path) else where
        plugin = "@jupyterlite/pyodide-kernel-extension:kernel"
        config = {
            "jupyter-config-data": {
                "appName": "dlnotes",
                "exposeAppInBrowser": True,
                "litePluginSettings": {plugin: kernel},
            }
        }
        Path(tmp, "jupyter-lite.json").write_text(json.dumps({"jupyter-lite-schema-version": 0} | config))
        done = subprocess.run([*command, "--contents", "contents"], cwd=tmp, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"JupyterLite could not be built:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    if isinstance(where, Path):
        copy_runtime(where, docs / "lab" / "static" / "pyodide")


def write_pages(docs, where, own):
    """What the pages need for their buttons, which load Python from `where` and the wheels `own`."""
    config = {"runtime": where, "wheels": own, "claims": CLAIMS, "chapters": CHAPTERS}
    script = (web / "browser" / "lab.js").read_text(encoding="utf-8")
    (docs / "lab.js").write_text(f"const dlnotesLab = {json.dumps(config)};\n{script}", encoding="utf-8")
    for name in ("lab.css", "lab-worker.js"):
        shutil.copy(web / "browser" / name, docs)


def build(docs, notebooks):
    """The lab in `docs/lab`, and `docs/lab.js`, which puts the buttons on the pages."""
    where = runtime()
    local = isinstance(where, Path)
    with TemporaryDirectory() as tmp:
        own = wheels(Path(tmp), KERNEL if local else KERNEL[:1])  # the usual host has the others
        lite(docs, notebooks, Path(tmp), where)
        names = [own.name, wheel_name(metadata.distribution("tqdm"))]
    write_pages(docs, "lab/static/pyodide/pyodide.mjs" if local else where, [f"lab/pypi/{name}" for name in names])
