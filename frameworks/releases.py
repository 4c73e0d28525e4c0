"""When each framework was released, computed from its package's metadata: `uv run frameworks/releases.py`.

It asks the package index through pip's own session, once a package, and writes releases.json beside the recorded runs.
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["pip==26.3"]
# ///

import sys
from urllib.parse import urljoin

from pip._internal.commands import create_command
from pip._vendor.packaging.version import InvalidVersion, Version

from reporting import recorded, today, write

packages = {
    "caffe_fork": "kendryte-caffe",
    "cntk": "cntk",
    "dl4j": "nd4j",
    "jax": "jax",
    "keras": "keras",
    "lasagne": "lasagne",
    "mxnet": "mxnet",
    "numpy": "numpy",
    "paddlepaddle": "paddlepaddle",
    "tensorflow": "tensorflow",
    "theano": "theano",
    "torch": "torch",
}


def metadata(package, session, index):
    """What the index says of a package, as data: every release with its files and their upload times."""
    answer = session.get(urljoin(index, f"/pypi/{package}/json"), timeout=60)
    answer.raise_for_status()
    return answer.json()


def licence(info):
    """The licence as the package's metadata state it, in one line."""
    stated = info.get("license_expression") or info.get("license") or ""
    classified = [c.rpartition(" :: ")[2] for c in info.get("classifiers", []) if c.startswith("License")]
    return stated if 0 < len(stated) < 200 else "; ".join(classified)


def dates(releases):
    """Every release that has a file, with the day its first file was uploaded; withdrawn ones count too.

    Version 0.0.0 is no release: it only reserves a name.
    """
    found = {}
    for name, files in releases.items():
        try:
            version = Version(name)
        except InvalidVersion:
            continue
        if files and any(version.release) and not version.is_devrelease:
            found[version] = min(file["upload_time_iso_8601"][:10] for file in files)
    return [{"version": str(v), "date": found[v], "pre": v.is_prerelease} for v in sorted(found)]


def summary(package, data, start):
    """What is recorded of a package: first and last release, and how many there were since `start`."""
    versions = dates(data["releases"])
    if not versions:
        sys.exit(f"{package}: no release found, nothing is written")
    released = [v for v in versions if not v["pre"]] or versions
    by_date = sorted(released, key=lambda v: v["date"])
    return {
        "package": package,
        "licence": licence(data["info"]),
        "author": data["info"].get("author") or "",
        "first": by_date[0],
        "last": by_date[-1],
        "last_24_months": sum(v["date"] >= start for v in released),
        "dates": [v["date"] for v in by_date],
    }


def main():
    command = create_command("index")
    options, _ = command.parse_args(["versions", "numpy"])
    session, read = command._build_session(options), today()
    start = f"{int(read[:4]) - 2}{read[4:]}"
    table = {"read": read, "source": "upload times in the Python package index's metadata", "packages": {}}
    for name, package in packages.items():
        found = summary(package, metadata(package, session, options.index_url), start)
        table["packages"][name] = found
        print(f"{package:15} {found['first']['date']} to {found['last']['date']}: {len(found['dates'])} releases")
    write(recorded / "releases.json", table)


if __name__ == "__main__":
    main()
