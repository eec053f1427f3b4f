"""Writes two networks into one file, which `crnn.recognition.ensemble` reads."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import onnx

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from crnn.core.model_info import METADATA_KEY
from crnn.finetuning.domain_classifier import add_probe
from crnn.network.onnx_info import read_info
from crnn.recognition.ensemble import SECOND_KEY


def write_ensemble(
    general: Path, tuned: Path, output: Path, domain: Sequence[bytes] = (), others: Sequence[bytes] = ()
) -> None:
    """Write both networks to `output`; of a `general` that is a pair itself the general network alone is taken.

    Args:
        domain, others: encoded lines that tell what the domain looks like, if it can be told by that, and general ones
            (see `crnn.finetuning.domain_classifier`); what was learned so of former domains stays.

    Raises:
        UserError: one of them is no model of ours, or `tuned` does not begin with the characters of `general`.
    """
    info = read_info(general, fp32=False)
    if not read_info(tuned, fp32=False).characters.startswith(info.characters):
        raise UserError(f"{tuned} does not begin with the characters of {general}: it was tuned from another model")
    first = onnx.load(general)
    if domain:
        add_probe(first, domain, others, info.canvas)
    second = base64.b64encode(tuned.read_bytes()).decode()
    onnx.helper.set_model_props(first, {METADATA_KEY: info.to_json(), SECOND_KEY: second})
    with replacing(output) as unfinished:
        onnx.save(first, unfinished)
