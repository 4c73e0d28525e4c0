"""Packaging: everything but the build backend and the tools' settings stands in settings.ini."""

from configparser import ConfigParser
from pathlib import Path
from shutil import rmtree

from setuptools import setup

config = ConfigParser(delimiters=["="])
config.read(Path(__file__).parent / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
suffix = "_requirements"
licenses = {"apache2": "Apache-2.0"}
rmtree(Path(__file__).parent / "build" / "lib", ignore_errors=True)  # else what was deleted since would be installed
python_versions = ["3.11", "3.12", "3.13", "3.14"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"]},
    license=licenses[cfg["license"]],
    license_files=["LICENSE"],
    keywords=cfg["keywords"].split(),
    classifiers=[
        "Development Status :: 3 - Alpha",
        f"Intended Audience :: {cfg['audience']}",
        f"Natural Language :: {cfg['language']}",
        *(f"Programming Language :: Python :: {v}" for v in python_versions),
        "Typing :: Typed",
    ],
    packages=[cfg["lib_path"]],
    package_data={cfg["lib_path"]: ["py.typed", "*.mplstyle", "recorded/*.toml", "recorded/*.json", "recorded/*/*"]},
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg["requirements"].split(),
    extras_require={k.removesuffix(suffix): v.split() for k, v in cfg.items() if k.endswith(suffix)},
    entry_points={"nbdev": [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
    zip_safe=False,
)
