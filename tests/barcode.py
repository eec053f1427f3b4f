"""A model that needs no training: it reads bars of known gray levels, so tests know exactly what it must say.

Each character of `CHARACTERS` is a bar of its own gray level; white is the blank. The graph takes the darkest
pixel of every 4-pixel frame and prefers the class of the nearest level.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from crnn.core.model_info import METADATA_KEY, ArtifactInfo

CHARACTERS = "abcde 中文"
STRIDE, HEIGHT = 4, 32
LEVELS = np.array([255, *(25 * i for i in range(len(CHARACTERS)))], np.float32)  # the blank first


def save_model(path: Path, metadata: str | None = None, info: ArtifactInfo | None = None) -> Path:
    """Write the model; `metadata` replaces its description ("" leaves it out)."""
    levels = numpy_helper.from_array(LEVELS, "levels")
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Neg", ["pixels"], ["dark"]),
        helper.make_node(
            "MaxPool", ["dark"], ["darkest"], kernel_shape=[HEIGHT, STRIDE], strides=[HEIGHT, STRIDE]
        ),  # (N, 1, 1, T)
        helper.make_node("Transpose", ["darkest"], ["frames"], perm=[3, 0, 1, 2]),  # (T, N, 1, 1)
        helper.make_node("Squeeze", ["frames", "axis"], ["column"]),  # (T, N, 1)
        helper.make_node("Add", ["column", "levels"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Neg", ["distance"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "barcode",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 1, HEIGHT, "W"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["T", "N", len(LEVELS)])],
        [levels, numpy_helper.from_array(np.array([3], np.int64), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    description = (info or ArtifactInfo(characters=CHARACTERS)).to_json() if metadata is None else metadata
    if description:
        helper.set_model_props(model, {METADATA_KEY: description})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def draw(text: str, bar: int = 12, gap: int = 12, height: int = HEIGHT) -> np.ndarray:
    """A line of `text` as bars, uint8 (height, W), `gap` white pixels before, between and after them."""
    image = np.full((height, gap + (bar + gap) * len(text)), 255, np.uint8)
    for i, character in enumerate(text):
        start = gap + i * (bar + gap)
        image[:, start : start + bar] = LEVELS[1 + CHARACTERS.index(character)]
    return image


def between(first: str, second: str, before: str = "a") -> np.ndarray:
    """A line whose last bar (one frame wide) is a little nearer to the gray of `first` than of `second`."""
    image = draw(before + first, bar=STRIDE).astype(np.float32)
    gray, other = (LEVELS[1 + CHARACTERS.index(character)] for character in (first, second))
    last = image[:, -STRIDE - 12 :]  # with the gap behind it
    last[last == gray] = gray + 0.48 * (other - gray)
    return image.astype(np.uint8)
