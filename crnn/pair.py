"""Two networks in one file: the general one reads, the tuned one reads again what the other is not sure of.

A fine-tuned network forgets some of what the one it began from could read. Beside it, it need not replace it: lines of
its domain are unclear to the general network, and general lines are not. The file is the general network's ONNX model
with the tuned one's among its metadata, so that whatever loads, copies, caches or replaces a model does so with both.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crnn.artifact import METADATA_KEY, ArtifactInfo
from crnn.errors import UserError

if TYPE_CHECKING:
    import onnx

SECOND_KEY = "crnn-second"  # ONNX metadata are text: base64


def unpack(metadata: Mapping[str, str]) -> bytes | None:
    """The second network's ONNX model, None where a file holds but one.

    Raises:
        UserError: it is damaged.
    """
    second = metadata.get(SECOND_KEY)
    try:
        return None if second is None else base64.b64decode(second, validate=True)
    except binascii.Error as error:
        raise UserError(f"the second network of the model is damaged ({error}): pair the two again") from None


def write_pair(general: Path, tuned: Path, output: Path) -> None:
    """Write both networks to `output`; of a `general` that is a pair itself the general network alone is taken.

    Raises:
        UserError: `tuned` was not tuned from a network with the characters of `general`.
    """
    import onnx  # not there where models are only read

    first, second = onnx.load(general), onnx.load(tuned)
    known, learnt = (ArtifactInfo.from_json(_metadata(model)[METADATA_KEY]).characters for model in (first, second))
    if not learnt.startswith(known):
        raise UserError(f"{tuned} does not begin with the characters of {general}: it was tuned from another model")
    properties = _metadata(first) | {SECOND_KEY: base64.b64encode(tuned.read_bytes()).decode()}
    onnx.helper.set_model_props(first, properties)
    partial = output.with_suffix(".partial")
    onnx.save(first, partial)
    partial.replace(output)


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}
