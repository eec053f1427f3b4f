"""KenLM's `build_binary`, compiled once from the source archive on PyPI: the wheel built from it can only query.

Needs g++ and nothing else: no cmake, no Boost, no root.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from crnn.errors import UserError
from data.packages import fetch

SOURCE = "kenlm==0.3.0"
GLOBS = ("lm/*.cc", "util/*.cc", "util/double-conversion/*.cc")
FLAGS = ("-O2", "-DNDEBUG", "-DKENLM_MAX_ORDER=6", "-std=c++17", "-I.")  # 6: what the Python package reads


def build_binary_tool(cache: Path) -> Path:
    """Path of the program, compiled into `cache` (half a minute) unless it stands there.

    Raises:
        UserError: the source cannot be had, or g++ is missing or fails.
    """
    tool = cache.resolve() / "tools" / f"build_binary-{SOURCE.replace('==', '-')}"
    if tool.is_file():
        return tool
    [source] = [folder for folder in fetch("sdist", SOURCE, cache).iterdir() if folder.is_dir()]
    files = sorted(path.relative_to(source).as_posix() for glob in GLOBS for path in source.glob(glob))
    files = [file for file in files if not file.endswith(("main.cc", "test.cc"))]
    tool.parent.mkdir(parents=True, exist_ok=True)
    partial = tool.with_suffix(f".{os.getpid()}")
    print("compiling build_binary of KenLM …")
    run(["g++", *FLAGS, *files, "lm/build_binary_main.cc", "-o", str(partial)], source)
    partial.rename(tool)
    return tool


def pack(arpa: Path, output: Path, bits: int, pointer_bits: int, cache: Path) -> None:
    """Turn ARPA text into KenLM's trie, probabilities and backoffs quantised to `bits` bits.

    Raises:
        UserError: see `build_binary_tool`; or the ARPA file is refused.
    """
    tool = build_binary_tool(cache)
    partial = output.resolve().with_name(output.name + ".partial")
    quantised = ["-q", str(bits), "-b", str(bits), "-a", str(pointer_bits)]
    run([str(tool), *quantised, "-T", f"{partial.parent}/", "trie", str(arpa.resolve()), str(partial)], output.parent)
    partial.rename(output)


def run(command: list[str], folder: Path) -> None:
    """Run a program in `folder`, silent unless it fails.

    Raises:
        UserError: it is not installed or fails.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        raise UserError(
            f"{command[0]} is not installed: it is needed to pack a language model (or pack=false)"
        ) from None
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise UserError(f"{Path(command[0]).name} failed: {' '.join(lines[-2:])[:300] or 'it said nothing'}")
