"""constraints.txt pins all that is installed through it."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
UNPINNED = ("setuptools", "nvidia", "cuda", "triton")  # names that begin so: torch's own choice for each of its builds


def installed(name: str, extras: frozenset[str], found: dict[str, str]) -> None:
    """Add versions of the package `name` and of all that it needs, as far as they are installed, to `found`."""
    try:
        package = distribution(name)
    except PackageNotFoundError:  # of an extra that this environment is without
        return
    if name in found and not extras:
        return
    found[name] = package.version.partition("+")[0]  # +cpu and such tell builds of one version apart
    for needed in map(Requirement, package.requires or []):
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            installed(canonicalize_name(needed.name), frozenset(needed.extras), found)


def test_every_package_is_pinned_to_the_version_in_use() -> None:
    lines = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] != "#"]
    pinned = {canonicalize_name(line.name): str(line.specifier) for line in lines}
    found: dict[str, str] = {}
    installed("crnn-ocr", frozenset({"train", "dev", "lm", "docs"}), found)
    assert {"numpy", "torch", "werkzeug", "pluggy"} <= set(found)
    del found["crnn-ocr"]
    wrong = {name: version for name, version in found.items() if pinned.get(name) != f"=={version}"}
    assert not [f"{name}=={wrong[name]}" for name in wrong if not name.startswith(UNPINNED)]


def test_what_the_worker_builds_on_is_installed_in_one_version_everywhere() -> None:
    """Its base class and parser change with gunicorn's versions: 27.0.0 did not start with it."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (gunicorn,) = [line for line in map(Requirement, needed) if line.name == "gunicorn"]
    assert str(gunicorn.specifier).startswith("==")
