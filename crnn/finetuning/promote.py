"""Puts a fine-tuned model where the server picks it up, and takes it back.

python -m crnn.finetuning.promote promote NAME

The served file is replaced in one step and the former one kept beside it as *.previous.*; a running server loads the
new file by itself. The checkpoint goes the same way, so that the next fine-tune starts from what is served. Taking
back swaps the two: doing it twice changes nothing. Needs torch for promoting only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crnn.core.atomic import put, replacing
from crnn.core.errors import UserError, exit_cleanly
from crnn.core.files import BEFORE_AFTER, CHECKPOINT
from crnn.core.shipped import DEFAULT_MODEL
from crnn.recognizer import Recognizer


def served_model(environment: Mapping[str, str] = os.environ) -> Path:
    """The file that the server reads with: OCR_MODEL, else the shipped one."""
    return Path(environment.get("OCR_MODEL") or DEFAULT_MODEL)


def checkpoint_beside(model: Path) -> Path:
    """Where the checkpoint of a served model stands: x.int8.onnx has x.fp16.pt."""
    return model.with_name(model.name.removesuffix(".onnx").removesuffix(".int8") + ".fp16.pt")


def previous(path: Path) -> Path:
    """Where the file that `path` replaced is kept."""
    return path.with_suffix(f".previous{path.suffix}")


def promote(run: Path, target: Path, force: bool = False) -> Path:
    """Put the model that the report of `run` judged, and its checkpoint, into service at `target`.

    Args:
        force: also against the report's verdict.

    Raises:
        UserError: no report, a report of another file or against promoting, or a model that does not read.
    """
    from crnn.network.checkpoint import load, save_slim

    model = _judged(run, force)
    spec = Recognizer(model).info.canvas
    Recognizer(model).read(np.tile(np.array([[0, 255]], np.uint8), (spec.height, spec.height)))
    target.parent.mkdir(parents=True, exist_ok=True)
    kept, slim = checkpoint_beside(target), checkpoint_beside(target).with_suffix(".new")
    save_slim(load(run / CHECKPOINT), slim)
    _replace(slim, kept)
    copy = target.with_suffix(".new")
    shutil.copyfile(model, copy)
    _replace(copy, target)  # last: what is served never runs ahead of its checkpoint
    return target


def rollback(target: Path) -> Path:
    """Swap the served model and its checkpoint with the ones they replaced.

    Raises:
        UserError: nothing was replaced.
    """
    if not previous(target).is_file():
        raise UserError(f"nothing to go back to: there is no {previous(target)}")
    _swap(checkpoint_beside(target))
    _swap(target)
    return target


def _judged(run: Path, force: bool) -> Path:
    """The file of `run` that its report says may be promoted."""
    report = run / BEFORE_AFTER
    if not report.is_file():
        raise UserError(f"no {report}: run `make finetune NAME={run.name}` first")
    found = json.loads(report.read_text(encoding="utf-8"))
    if found["objections"] and not force:
        raise UserError(f"{run} is not to be promoted: {'; '.join(found['objections'])}")
    model = run / found["model"]
    if not model.is_file() or found["model_sha256"] != hashlib.sha256(model.read_bytes()).hexdigest():
        raise UserError(f"{report} judged another model than {model}: run `make finetune NAME={run.name}` again")
    return model


def _replace(new: Path, path: Path) -> None:
    """Put `new` at `path` and keep what stood there; `path` is a whole file at every moment."""
    if path.is_file():
        _copy(path, previous(path))
    else:
        previous(path).unlink(missing_ok=True)
    put(new, path)


def _swap(path: Path) -> None:
    """Exchange `path` and `previous(path)`, either of which may be missing."""
    aside = path.with_suffix(".aside")
    if path.is_file():
        _copy(path, aside)
    if previous(path).is_file():
        put(previous(path), path)
    else:
        path.unlink(missing_ok=True)
    if aside.is_file():
        put(aside, previous(path))


def _copy(source: Path, target: Path) -> None:
    """Copy in one step: `target` is never half a file."""
    with replacing(target) as unfinished:
        shutil.copyfile(source, unfinished)


def main() -> None:
    """Promote or roll back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, help="file that the server reads with (default: OCR_MODEL, else models/)")
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="put artifacts/NAME into service")
    promoting.add_argument("name")
    promoting.add_argument("--force", action="store_true", help="whatever the report says")
    commands.add_parser("rollback", help="swap with the model before")
    arguments = parser.parse_args()
    with exit_cleanly():
        target = arguments.to or served_model()
        if arguments.command == "promote":
            promote(Path("artifacts", arguments.name), target, arguments.force)
            print(f"{target} is now artifacts/{arguments.name}; the model before: {previous(target)}")
        else:
            rollback(target)
            name = Recognizer(target).info.training.get("name", "unknown")
            print(f"{target} is now the model {name!r} again; the other one: {previous(target)}")


if __name__ == "__main__":
    main()
