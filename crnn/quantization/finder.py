"""Makes INT8 of an exported finder, and accepts it only if it is smaller, faster and finds as much.

Every convolution but the first is quantized with scales fixed by calibration pages (QDQ, one scale a channel); the
network has nothing else that takes time.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from crnn.core.atomic import put
from crnn.core.errors import UserError
from crnn.datasets.pages import LabeledPage, read_pages, split_by_source
from crnn.evaluation.pages.measure import Found, measure
from crnn.finder.finder import Finder, fit
from crnn.finder.info import METADATA_KEY, FinderInfo
from crnn.quantization.modes import _quiet, shrink


@dataclass
class FinderQuantizeConfig:
    """Attributes:
    model: exported FP32 graph.
    dataset: folder of pages to calibrate with and judge by.
    held_out: share of their sources that is judged by, the same that training holds out.
    output: INT8 file; by default beside the model.
    calibration_pages: pages whose activations fix the scales.
    calibration_side: pixels of their longer side.
    judged_pages: held-out pages on which both models are compared.
    max_recall_loss: largest loss of recall or precision that is allowed.
    keep: names of nodes to leave in FP32.
    seed: of the choice of pages.
    """

    model: str = ""
    dataset: str = ""
    held_out: float = 0.1
    output: str | None = None
    calibration_pages: int = 160
    calibration_side: int = 960
    judged_pages: int = 100
    max_recall_loss: float = 0.005
    keep: list[str] = field(default_factory=list)
    seed: int = 0


class _Pages(CalibrationDataReader):
    def __init__(self, pages: Sequence[LabeledPage], side: int, multiple: int) -> None:
        self._pages, self._side, self._multiple = iter(pages), side, multiple

    def get_next(self) -> dict[str, np.ndarray] | None:
        page = next(self._pages, None)
        if page is None:
            return None
        image = page.image()
        pixels, _ = fit(image, min(2.0, self._side / max(image.shape[:2])), self._multiple)
        return {"images": pixels.transpose(2, 0, 1)[None]}


def quantize_finder(config: FinderQuantizeConfig) -> Path:
    """Write the INT8 finder, if it is accepted; returns its path.

    Raises:
        UserError: no such model, no pages, or the INT8 finder is refused.
    """
    source = Path(config.model)
    output = Path(config.output) if config.output else source.with_suffix(".int8.onnx")
    kept, held_out = split_by_source(read_pages(config.dataset), config.held_out)
    rng = np.random.default_rng(config.seed)
    calibration = [kept[i] for i in rng.permutation(len(kept))[: config.calibration_pages]]
    judged = [held_out[i] for i in rng.permutation(len(held_out))[: config.judged_pages]]
    if not calibration or not judged:
        raise UserError(
            f"{config.dataset} has {len(kept)} pages to calibrate with and {len(held_out)} to judge by: "
            "give pages of more sources, or another held_out"
        )
    info = read_finder_info(source)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".quantize-", dir=output.parent) as folder:
        prepared, candidate = Path(folder, "prepared.onnx"), Path(folder, "int8.onnx")
        with _quiet():
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            convolutions = [node.name for node in onnx.load(str(prepared)).graph.node if node.op_type == "Conv"]
            quantize_static(
                str(prepared), str(candidate), _Pages(calibration, config.calibration_side, info.multiple),
                quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Relu", "Add", "Resize"],
                nodes_to_exclude=[*convolutions[:1], *config.keep],
            )  # fmt: skip
        shrink(candidate)
        write_finder_info(candidate, info)
        figures = {name: _judge(path, judged) for name, path in (("fp32", source), ("int8", candidate))}
        for name, of in figures.items():
            print(f"{name}: {'  '.join(f'{key} {value}' for key, value in of.items())}   ({len(judged)} pages)")
        reasons = objections(figures["fp32"], figures["int8"], config.max_recall_loss)
        described: dict[str, Any] = {
            "method": "minmax",
            "pages": len(calibration),
            "seed": config.seed,
            "judged_pages": len(judged),
            "judged": figures,
        }
        write_finder_info(candidate, dataclasses.replace(info, quantization=described))
        put(candidate, output.with_suffix(".rejected.onnx") if reasons else output)
    if reasons:
        raise UserError(f"the INT8 finder is refused: {'; '.join(reasons)}. Deploy {source}")
    print(f"{output}: may be deployed in place of {source}")
    return output


def objections(fp32: dict[str, float], int8: dict[str, float], max_loss: float) -> list[str]:
    """Why INT8 must not replace FP32."""
    found = [f"not smaller ({int8['mb']} MB)"] if int8["mb"] >= fp32["mb"] else []
    if int8["cpu_ms"] >= fp32["cpu_ms"]:
        found.append(f"not faster ({int8['cpu_ms']} ms of the processor a page against {fp32['cpu_ms']})")
    for name in ("recall", "precision"):
        if int8[name] < fp32[name] - max_loss:
            found.append(f"{name} falls from {fp32[name]} to {int8[name]}")
    return found


def _judge(path: Path, pages: Sequence[LabeledPage]) -> dict[str, float]:
    finder = Finder(path)
    found, seconds = [], []
    for page in pages:
        image = page.image()
        begin = time.process_time()
        boxes = finder.find(image)
        seconds.append(time.process_time() - begin)
        found.append([Found(box.quad, None) for box in boxes])
    score = measure(pages, found)["all"]
    return {"recall": round(score.recall, 4), "precision": round(score.precision, 4),
            "cpu_ms": round(1e3 * float(np.median(seconds)), 2), "mb": round(path.stat().st_size / 1e6, 3)}  # fmt: skip


def read_finder_info(path: Path) -> FinderInfo:
    """Description of an exported finder that is not quantized yet.

    Raises:
        UserError: no such file, not a finder, or quantized already.
    """
    try:
        model = onnx.load(str(path))
    except FileNotFoundError:
        raise UserError(f"no model at {path}: export it first") from None
    description = {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY)
    if description is None:
        raise UserError(f"{path} is not a finder (no metadata {METADATA_KEY!r})")
    info = FinderInfo.from_json(description)
    if info.quantization:
        raise UserError(f"{path} is quantized already: give its FP32 source")
    return info


def write_finder_info(path: Path, info: FinderInfo) -> None:
    """Replace the description of the graph at `path`."""
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.save(model, str(path))
