"""What an artifact says of itself: one versioned JSON in the ONNX metadata (and in the checkpoint).

`Recognizer("x.onnx")` needs no charset, size or mean beside it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError

METADATA_KEY = "crnn"
VERSION = 1
FRAME_STRIDE = 4  # canvas pixels a frame spans: the stem and the first pool halve the width once each


@dataclass(frozen=True)
class ArtifactInfo:
    """Everything a reader of lines must know of a model.

    Attributes:
        characters: the charset in id order (id 1 first; 0 is the blank).
        canvas: geometry and enhancement of the input.
        frame_stride: canvas pixels a frame of the logits spans.
        model: the network's configuration.
        training: steps, lines seen, start model, data: for people.
        validation: figures measured when the artifact was made.
        source_sha256: digest of the checkpoint's weights the graph was made of.
        quantization: mode, operators and calibration lines; empty for float graphs.
        confidence: `scale` and `offset` of `crnn.core.reading.line_confidence`; empty if uncalibrated.
    """

    characters: str
    canvas: CanvasSpec = field(default_factory=CanvasSpec)
    frame_stride: int = FRAME_STRIDE
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    quantization: dict[str, Any] = field(default_factory=dict)
    confidence: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION

    @property
    def charset(self) -> Charset:
        return Charset(self.characters)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ArtifactInfo:
        """Read back what `to_json` wrote.

        Raises:
            UserError: not JSON, of a newer version, or with keys missing.
        """
        try:
            fields = json.loads(text)
            if "quantisation" in fields:  # as version 0.1 spelled it
                fields["quantization"] = fields.pop("quantisation")
            if fields["version"] > VERSION:
                raise UserError(f"the model was written by a newer version ({fields['version']}): upgrade this package")
            return cls(**{**fields, "canvas": CanvasSpec(**fields["canvas"])})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"the model's description is damaged ({error}): export it again") from None
