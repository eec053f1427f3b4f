"""What a model says of itself."""

import json

import pytest

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.core.model_info import VERSION, ArtifactInfo


def test_the_description_survives_json() -> None:
    info = ArtifactInfo(characters=' a中"\\', canvas=CanvasSpec(height=48), quantization={"mode": "hybrid"})
    assert ArtifactInfo.from_json(info.to_json()) == info
    assert info.charset.encode("中") == [3]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "canvas": {}, "foreign": 0}'])
def test_damaged_descriptions_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="damaged"):
        ArtifactInfo.from_json(text)


def test_newer_versions_ask_for_an_upgrade() -> None:
    fields = json.loads(ArtifactInfo(characters="a").to_json()) | {"version": VERSION + 1}
    with pytest.raises(UserError, match="upgrade"):
        ArtifactInfo.from_json(json.dumps(fields))
