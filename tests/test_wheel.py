"""The wheel is whole: alone in an empty environment, without a network, it reads and serves from an empty folder."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
VARIED = ("numpy", "onnxruntime")  # tried with the oldest and the newest version that the wheel admits
APART = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # without this repository
LARGEST = 15_000_000  # bytes


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its folders behind, and takes up what lies in those of earlier builds."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("crnn", "serve", "models"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=leave)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", output, "."]
    subprocess.run(pip, cwd=source, check=True)
    (built,) = output.iterdir()
    return built


def runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def interpreter(version: str) -> str:
    """A Python of this version, as `python3.12` or among pyenv's; skips the test where there is none."""
    if sys.version.startswith(f"{version}."):
        return sys.executable
    for candidate in (f"python{version}", *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))):
        # pyenv has shims on the path even for versions that they then refuse to start.
        if shutil.which(candidate) and runs(candidate, "-V"):
            return candidate
    pytest.skip(f"no Python {version} on this machine")


def oldest(wheel: Path, python: str) -> list[str]:
    """The least versions of VARIED that the wheel's metadata admit for a version of Python, as `name==version`."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    bounds: dict[str, Version] = {}
    for needed in map(Requirement, metadata.get_all("Requires-Dist", [])):
        if needed.name in VARIED and (needed.marker is None or needed.marker.evaluate({"python_version": python})):
            (bound,) = needed.specifier
            assert bound.operator == ">="
            bounds[needed.name] = max(bounds.get(needed.name, Version("0")), Version(bound.version))
    assert set(bounds) == set(VARIED)
    return [f"{name}=={bound}" for name, bound in bounds.items()]


def test_the_wheel_holds_what_reading_needs_and_no_more(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST
    names = zipfile.ZipFile(wheel).namelist()
    models = {name for name in names if name.startswith("crnn/models/")}
    assert models == {f"crnn/models/{name}" for name in ("crnn-zh-en.int8.onnx", "finder.int8.onnx", "lm-zh-en.npz")}
    assert "crnn/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"crnn", "serve", "crnn_ocr"}


@pytest.mark.parametrize("versions", ["oldest", "newest"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheel_alone_reads_and_serves(wheel: Path, tmp_path: Path, python: str, versions: str) -> None:
    home, folder = tmp_path / "venv", tmp_path / "empty"
    subprocess.run([interpreter(python), "-m", "venv", home], check=True, env=APART)
    pins = oldest(wheel, python) if versions == "oldest" else []
    subprocess.run([home / "bin/pip", "install", "-q", "--only-binary=:all:", wheel, *pins], check=True, env=APART)
    folder.mkdir()
    (folder / "artifacts").touch()  # where the server would keep its state: it must do without
    command = [home / "bin/python", "-W", "error", shutil.copy(ROOT / "tests/stranger.py", tmp_path)]
    apart = ["unshare", "--map-root-user", "--net"]
    if runs(*apart, "true"):
        command = [*apart, *command, "--offline"]
    environment = {**APART, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    shutil.rmtree(home)  # pytest keeps folders of its last three runs: 2 GB each
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:3] == [f"{way}: Invoice 2024" for way in ("command", "python", "server")]
    assert all(pin.replace("==", " ") in done.stdout for pin in pins)


def test_every_module_can_be_imported_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = """
import importlib, pkgutil, sys
import crnn, serve
for package in (crnn, serve):
    assert package.__file__.startswith(sys.argv[1]), package.__file__
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", "gunicorn_conf")):  # programs
            importlib.import_module(module.name)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    environment = {**APART, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
