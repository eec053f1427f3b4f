"""Two networks in one file: the general one reads, the tuned one reads again what the other is not sure of.

A fine-tuned network forgets some of what the one it began from could read. Beside it, it need not replace it: lines of
its domain are unclear to the general network, or look like none it knows, and general lines are not. The file is the
general network's ONNX model with the tuned one's among its metadata, so that whatever loads, copies, caches or replaces
a model does so with both.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path

from crnn.core.errors import UserError
from crnn.core.model_info import METADATA_KEY

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


def write_pair(
    general: Path, tuned: Path, output: Path, domain: Sequence[bytes] = (), others: Sequence[bytes] = ()
) -> None:
    """Write both networks to `output`; of a `general` that is a pair itself the general network alone is taken.

    Args:
        domain, others: encoded lines that tell what the domain looks like, if it can be told by that, and general ones
            (see `crnn.finetuning.domain_classifier`); what was learnt so of former domains stays.

    Raises:
        UserError: one of them is no model of ours, or `tuned` does not begin with the characters of `general`.
    """
    import onnx  # not there where models are only read

    from crnn.finetuning.domain_classifier import add_probe
    from crnn.quantization.modes import read_info

    info = read_info(general, fp32=False)
    if not read_info(tuned, fp32=False).characters.startswith(info.characters):
        raise UserError(f"{tuned} does not begin with the characters of {general}: it was tuned from another model")
    first = onnx.load(general)
    if domain:
        add_probe(first, domain, others, info.canvas)
    second = base64.b64encode(tuned.read_bytes()).decode()
    onnx.helper.set_model_props(first, {METADATA_KEY: info.to_json(), SECOND_KEY: second})
    partial = output.with_suffix(".partial")
    onnx.save(first, partial)
    partial.replace(output)
