"""A model that needs no training: it reads bars of known gray levels, so tests know exactly what it must say.

Each character of `CHARACTERS` is a bar of its own gray level; white is the blank. The graph takes the darkest
pixel of every 4-pixel frame and prefers the class of the nearest level; the blurred rim of a bar, which would be the
gray of another character, does not count. A finder of bars goes with it.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from crnn.core.model_info import METADATA_KEY, ArtifactInfo
from crnn.finder import info as finder_info

CHARACTERS = "abcde 中文"
FINDER = "finder.onnx"  # name of the finder of bars, beside the model
STRIDE, HEIGHT = 4, 32
RIM = 12.0  # gray levels between neighboring columns from which on they are a rim
LEVELS = np.array([255, *(25 * i for i in range(len(CHARACTERS)))], np.float32)  # the blank first


def save_model(path: Path, metadata: str | None = None, info: ArtifactInfo | None = None) -> Path:
    """Write the model; `metadata` replaces its description ("" leaves it out)."""
    levels = numpy_helper.from_array(LEVELS, "levels")
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Neg", ["pixels"], ["dark"]),
        helper.make_node("MaxPool", ["dark"], ["columns"], kernel_shape=[HEIGHT, 1], strides=[HEIGHT, 1]),
        helper.make_node("MaxPool", ["columns"], ["darker"], kernel_shape=[1, 2], pads=[0, 0, 0, 1]),
        helper.make_node("Neg", ["columns"], ["light"]),
        helper.make_node("MaxPool", ["light"], ["lighter"], kernel_shape=[1, 2], pads=[0, 0, 0, 1]),
        helper.make_node("Add", ["darker", "lighter"], ["step"]),
        helper.make_node("Greater", ["step", "rim"], ["is_rim"]),
        helper.make_node("Where", ["is_rim", "white", "darker"], ["clear"]),
        helper.make_node("MaxPool", ["clear"], ["darkest"], kernel_shape=[1, STRIDE], strides=[1, STRIDE]),  # (N,1,1,T)
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
        [
            levels,
            numpy_helper.from_array(np.array([3], np.int64), "axis"),
            numpy_helper.from_array(np.array(RIM, np.float32), "rim"),
            numpy_helper.from_array(np.array(-255, np.float32), "white"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    description = (info or ArtifactInfo(characters=CHARACTERS)).to_json() if metadata is None else metadata
    if description:
        helper.set_model_props(model, {METADATA_KEY: description})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def save_finder(path: Path) -> Path:
    """Write a finder that takes for a line whatever is darker than paper, with gaps of six cells closed.

    A line is as many cells high as the highest opening that leaves it; more than 24 count as 24.
    """
    gaps = 7  # cells a closing spans
    openings = range(2, 26, 2)
    pool = {"kernel_shape": [1, gaps], "pads": [0, gaps // 2, 0, gaps // 2]}
    values = {"paper": -215.0, "slope": 20.0, "least": -10.0, "one": 1.0,
              "step": 2.0 * finder_info.STRIDE, "log_of_two": float(np.log(2))}  # fmt: skip
    stride = [finder_info.STRIDE, finder_info.STRIDE]
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Neg", ["pixels"], ["dark"]),
        helper.make_node("MaxPool", ["dark"], ["cells"], kernel_shape=stride, strides=stride),  # (N, 3, G, G')
        helper.make_node("ReduceMax", ["cells"], ["darkest"], axes=[1]),
        helper.make_node("Greater", ["darkest", "paper"], ["is_ink"]),
        helper.make_node("Cast", ["is_ink"], ["ink"], to=TensorProto.FLOAT),
        helper.make_node("MaxPool", ["ink"], ["wider"], **pool),
        helper.make_node("Neg", ["wider"], ["around"]),
        helper.make_node("MaxPool", ["around"], ["not_line"], **pool),
        helper.make_node("Neg", ["not_line"], ["line"]),
        helper.make_node("Mul", ["line", "slope"], ["steep"]),
        helper.make_node("Add", ["steep", "least"], ["logits"]),
        *(node for rows in openings for node in _opening(rows)),
        helper.make_node("Sum", [f"opened{rows}" for rows in openings], ["cells_high"]),
        helper.make_node("Mul", ["cells_high", "step"], ["high"]),
        helper.make_node("Max", ["high", "one"], ["at_least_one"]),
        helper.make_node("Log", ["at_least_one"], ["logarithm"]),
        helper.make_node("Div", ["logarithm", "log_of_two"], ["heights"]),
        helper.make_node("Concat", ["logits", "heights"], ["maps"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "bars",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", 2, "G", "L"])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {finder_info.METADATA_KEY: finder_info.FinderInfo().to_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _opening(rows: int) -> list[onnx.NodeProto]:
    """Nodes that leave of "line" what is at least `rows` cells high."""
    before, after = [rows // 2, 0, rows // 2 - 1, 0], [rows // 2 - 1, 0, rows // 2, 0]
    return [
        helper.make_node("MaxPool", ["not_line"], [f"not{rows}"], kernel_shape=[rows, 1], pads=before),
        helper.make_node("Neg", [f"not{rows}"], [f"eroded{rows}"]),
        helper.make_node("MaxPool", [f"eroded{rows}"], [f"opened{rows}"], kernel_shape=[rows, 1], pads=after),
    ]


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
