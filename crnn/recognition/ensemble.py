"""Two networks in one file: the general one reads, the tuned one reads again what the other is not sure of.

A fine-tuned network forgets some of what the one it began from could read. Beside it, it need not replace it: lines of
its domain are unclear to the general network, or look like none it knows, and general lines are not. The file is the
general network's ONNX model with the tuned one's among its metadata, so that whatever loads, copies, caches or replaces
a model does so with both.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from crnn.core.errors import UserError

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
