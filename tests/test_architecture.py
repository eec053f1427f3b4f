"""The rooms of docs/architecture.md: which may import which, and which libraries each may use."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from crnn.core import files

ROOT = Path(__file__).parent.parent
READING = {
    "core", "image", "recognition", "decoding", "language_model", "finder", "documents", "parallel", "bulk", "commands",
    "adapters", "__init__", "__main__", "ocr", "ocrmypdf", "page", "recognizer",
}  # fmt: skip
MAKING = {"network", "datasets", "training", "quantization", "finetuning", "evaluation"}
LONG = {"serve/process/worker.py"}  # one loop over one table of connections; what they are made of has files of its own
HEAVY = {"torch", "torchvision", "onnx", "lmdb", "matplotlib", "tensorboard"}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def room(path: Path) -> str:
    """`crnn/core/errors.py` -> core, `crnn/ocr.py` -> ocr."""
    return path.relative_to(ROOT).with_suffix("").parts[1]


def is_main(path: Path) -> bool:
    """Whether it makes programs of functions; the scripts at the top do so themselves."""
    return path == ROOT / "crnn" / "core" / "stage.py"


def test_every_room_is_of_one_tier() -> None:
    assert {room(path) for path in modules("crnn")} == READING | MAKING


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


READERS = [path for path in modules("crnn") if room(path) in READING] + modules("serve")


@pytest.mark.parametrize("path", READERS, ids=named)
def test_reading_and_serving_need_no_tools_of_training(path: Path) -> None:
    for name in imports(path):
        library, _, inner = name.partition(".")
        assert library not in HEAVY | {"data"}, name
        assert not (library == "crnn" and inner.split(".")[0] in MAKING), name


@pytest.mark.parametrize("package", ["crnn", "data", "serve"])
def test_hydra_is_known_in_one_place(package: str) -> None:
    for path in modules(package):
        if not is_main(path):
            assert "hydra" not in {name.split(".")[0] for name in imports(path)}, path


def test_the_library_imports_neither_data_nor_server() -> None:
    for path in modules("crnn"):
        if path != ROOT / "crnn" / "commands" / "serve.py":  # starts the server
            assert not {name.split(".")[0] for name in imports(path)} & {"data", "serve"}, path


@pytest.mark.parametrize("package", ["crnn", "data", "serve"])
def test_no_two_rooms_import_each_other(package: str) -> None:
    uses: dict[str, set[str]] = defaultdict(set)
    for path in modules(package):
        for name in imports(path):
            first, _, inner = name.partition(".")
            if first == package and inner and inner.split(".")[0] != room(path):
                uses[room(path)].add(inner.split(".")[0])
    for one in uses:
        for other in _reached(one, uses):
            assert one not in _reached(other, uses), f"{one} and {other} need each other"


def _reached(start: str, uses: dict[str, set[str]]) -> set[str]:
    """Rooms that `start` needs, at whatever distance."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for other in uses.get(ahead.pop(), set()) - found:
            found.add(other)
            ahead.append(other)
    return found


def strings(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_names_of_shared_files_stand_in_one_place() -> None:
    names = {value for name, value in vars(files).items() if name.isupper()}
    own = {ROOT / "crnn" / "core" / "files.py", ROOT / "data" / "labeling" / "label.py"}  # the latter's is a journal
    for path in set(modules("crnn") + modules("data")) - own:
        assert not names & strings(path), path


def test_every_room_is_explained() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Folders")[2].partition("## Who")[0]
    for package in ("crnn", "data", "serve"):
        for path in (ROOT / package).iterdir():
            if path.is_dir() and not path.is_symlink() and path.name != "__pycache__":
                assert f"`{package}/{path.name}/`" in table, path
            elif path.suffix == ".py" and not path.name.startswith("__"):
                assert f"{path.name}`" in table, path


def test_common_changes_open_four_files_at_most() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Where a change goes")[2].partition("##")[0]
    rows = re.findall(r"^\| (an? .*|the .*) \| (`.*) \|$", table, re.MULTILINE)
    assert len(rows) == 5
    for task, places in rows:
        paths = re.findall(r"`([\w/]+/[\w/]+\.\w+)`", places)
        assert 1 <= len(paths) <= 4, task
        assert all((ROOT / path).is_file() for path in paths), task


def test_sessions_are_opened_in_one_place() -> None:
    for path in modules("crnn") + modules("data") + modules("serve"):
        if path != ROOT / "crnn" / "recognition" / "session.py":
            assert ".InferenceSession(" not in path.read_text(encoding="utf-8"), path


def test_files_are_short() -> None:
    """A file of two nouns is two files."""
    longer = {named(path) for package in ("crnn", "data", "serve") for path in modules(package) if lines(path) > 250}
    assert longer <= LONG


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_are_renamed_in_one_place() -> None:
    """What is renamed without a sync may be empty after a loss of power. Checkpoints move the former one, too."""
    own = {"crnn/core/atomic.py", "crnn/network/checkpoint.py"}
    for path in modules("crnn") + modules("data"):
        assert "os.replace(" not in path.read_text(encoding="utf-8") or named(path) in own, path


def test_all_code_is_checked_for_types() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(checked["packages"]) == packages and {"crnn", "data", "serve"} <= packages
    assert set(checked["modules"]) == {path.stem for path in ROOT.glob("*.py")}
