"""What a finder says of itself: one versioned JSON in the ONNX metadata (and in the checkpoint)."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from crnn.core.errors import UserError

STRIDE = 4  # pixels a cell of the output maps spans, each way
MULTIPLE = 32  # sides of the input are multiples of it: the coarsest features have stride 32
METADATA_KEY = "crnn-finder"
VERSION = 1


@dataclass(frozen=True)
class FinderInfo:
    """Everything that finding lines with a model needs to know of it.

    Attributes:
        stride: pixels a cell of the output maps spans, each way.
        multiple: sides of the input are multiples of it.
        network: the network's configuration.
        training: steps, crops seen, data: for people.
        validation: figures measured when the artifact was made.
        source_sha256: digest of the checkpoint's weights the graph was made of.
        quantization: how INT8 was made and judged; empty for float graphs.
    """

    stride: int = 4
    multiple: int = 32
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    quantization: dict[str, Any] = field(default_factory=dict)
    task: str = "finder"
    version: int = VERSION

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> FinderInfo:
        """Read back what `to_json` wrote.

        Raises:
            UserError: not JSON, of a newer version, or with keys missing.
        """
        try:
            fields = json.loads(text)
            if fields["version"] > VERSION:
                raise UserError(
                    f"the finder was written by a newer version ({fields['version']}): upgrade this package"
                )
            return cls(**fields)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"the finder's description is damaged ({error}): export it again") from None
