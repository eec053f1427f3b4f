"""`crnn info`: says which version and which models are installed, and what they are."""

from __future__ import annotations

import argparse
import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crnn import __version__
from crnn.core.cpus import available_cpus
from crnn.core.shipped import DEFAULT_FINDER, DEFAULT_LANGUAGE_MODEL, DEFAULT_MODEL

PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "pypdfium2", "pillow-heif")


def add_info_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to those of a parser."""
    parser = commands.add_parser("info", help="versions and models, for questions and bug reports")
    parser.set_defaults(run=run_info)
    return parser


def run_info(options: argparse.Namespace) -> int:
    """Print what is installed; returns 0."""
    print(f"crnn-ocr {__version__}, Python {platform.python_version()}, {available_cpus()} processors to use")
    for name in PACKAGES:
        print(f"{name} {_version(name)}")
    for path in (DEFAULT_MODEL, DEFAULT_FINDER, DEFAULT_LANGUAGE_MODEL):
        print(_describe(path))
    return 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"


def _describe(path: Path) -> str:
    if not path.is_file():
        return f"{path} is missing"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest[:16]}"
