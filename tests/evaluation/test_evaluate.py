"""The evaluate stage on a model whose every answer is known (see `barcode`)."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from onnx import TensorProto, helper, numpy_helper

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.model_info import ArtifactInfo
from crnn.core.stage import typed
from crnn.datasets.labeled import read_lines
from crnn.datasets.lmdb_store import LineWriter, StoredLine
from crnn.evaluation.engines.readers import Guess
from crnn.evaluation.measures.timing import run_interleaved
from crnn.evaluation.report.targets import against_targets
from crnn.evaluation.run import EvaluateConfig, evaluate
from crnn.evaluation.studies.memory import STATM, measure_memory
from crnn.evaluation.studies.robustness import CHANGES
from crnn.evaluation.studies.roofline import MachineRates, roofline
from crnn.evaluation.studies.studies import StudiesConfig
from data.packages import fetch
from tests.barcode import CHARACTERS, STRIDE, draw, save_model
from tests.sources import save_language_model

ROOT = Path(__file__).parents[2]
TEXTS = {"abc": "letters", "a b": "letters", "中文": "hanzi", "dd": "letters"}


def png(text: str) -> bytes:
    return cv2.imencode(".png", draw(text))[1].tobytes()


def write_labels(folder: Path) -> Path:
    """A TSV of four lines; the last one's label is wrong by one character."""
    rows = []
    for number, (text, category) in enumerate(TEXTS.items()):
        (folder / f"{number}.png").write_bytes(png(text))
        rows.append(f"{number}.png\t{'de' if text == 'dd' else text}\t{category}\n")
    path = folder / "labels.tsv"
    path.write_text("".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return write_labels(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "barcode.onnx")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one evaluation, for all tests that look at what it wrote."""
    folder = tmp_path_factory.mktemp("run")
    config = EvaluateConfig(
        name="run", dataset=str(write_labels(folder)), model=str(save_model(folder / "barcode.onnx")), repeats=2
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        evaluate(config, fetch)
    return folder / "artifacts" / "run"


def test_a_report_keeps_its_contract(run: Path) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    model = Path(report["model"])
    assert model.name == "barcode.onnx"
    assert report["size_mb"] == round(model.stat().st_size / 1e6, 3)
    assert report["samples"] == 4
    assert report["accuracy"]["exact"] == report["accuracy"]["exact_nospace"] == 0.75
    assert report["accuracy"]["cer"] == pytest.approx(1 / 10)
    assert report["accuracy"]["by_category"]["hanzi"] == {"samples": 1, "exact": 1, "exact_nospace": 1, "cer": 0}
    latency = report["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert latency["cpu_p50"] > 0
    assert (latency["threads"], latency["repeats"]) == (1, 2)
    assert report["throughput_lines_per_s"] > 0
    assert report["peers"] == []
    assert {"normalization", "machine", "calibration", "comparisons"} <= set(report)
    readings = [row.split("\t") for row in (run / report["predictions"]).read_text(encoding="utf-8").splitlines()]
    assert readings[0] == ["file", "category", "text", "barcode", "barcode:confidence"]
    assert [row[3] for row in readings[1:]] == list(TEXTS)


def test_what_people_compare_is_drawn(run: Path) -> None:
    names = {"tradeoff", "latency", "time_by_width", "cer_by_category", "reliability"}
    plots = {path.stem: cv2.imread(str(path)) for path in (run / "plots").iterdir()}
    assert set(plots) == names
    assert all(plot is not None and plot.std() > 0 for plot in plots.values())
    assert all(path.stat().st_size < 80_000 for path in (run / "plots").iterdir()), "small enough for a README"


def test_the_worst_page_shows_the_picture_and_what_is_wrong(run: Path) -> None:
    page = (run / "worst.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 1
    assert "data:image/png;base64," in page
    assert "d<del>e</del><ins>d</ins>" in page


def test_an_lmdb_and_a_sample_of_it_can_be_read(tmp_path: Path) -> None:
    with LineWriter(tmp_path / "lines", {}) as writer:
        for text in TEXTS:
            writer.append(StoredLine(png(text), text, category="targets/clean"))
    everything = read_lines(tmp_path / "lines")
    assert [line.text for line in everything] == list(TEXTS)
    assert everything[0].groups == ("targets/clean", "targets", "clean")
    drawn = read_lines(tmp_path / "lines", samples=3, seed=1)
    assert drawn == read_lines(tmp_path / "lines", samples=3, seed=1)
    assert len(drawn) == 3


def test_a_list_is_read_as_the_import_reads_it(labels: Path) -> None:
    """Header, backslashes, quotes, folders above the list: what can be imported can be evaluated."""
    plain = read_lines(labels)
    folder = labels.parent / "deeper"
    folder.mkdir()
    rows = ["Text,File", *(f'"{line.text}",{labels.parent.name}\\{line.name}' for line in plain)]
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    assert [(line.image, line.text) for line in read_lines(folder / "labels.csv")] == [
        (line.image, line.text) for line in plain
    ]


def test_models_are_compared_with_the_one_in_floating_point(labels: Path, model: Path, tmp_path: Path) -> None:
    quantized = tmp_path / "barcode.int8.onnx"
    save_model(quantized, info=ArtifactInfo(characters=CHARACTERS, quantization={"mode": "hybrid"}))
    pattern = str(tmp_path / "barcode*.onnx")
    report = evaluate(EvaluateConfig(name="run", dataset=str(labels), model=str(quantized), models=[pattern]), fetch)
    assert [(m.name, m.precision) for m in report.models] == [("barcode.int8", "hybrid"), ("barcode", "float")]
    assert report.baseline == "barcode"
    assert report.comparisons["barcode.int8"].changed == 0
    text = (tmp_path / "artifacts/run/report.md").read_text(encoding="utf-8")
    assert "## Against barcode" in text
    assert "FP32 against INT8" in text
    met = {target.what: target.met for target in against_targets(report)}
    assert met == {"times as small as barcode": False, "exact lines, points": True, "CER, points": True}
    assert "| **no** |" in text


def test_a_language_model_is_one_more_reader(labels: Path, model: Path, tmp_path: Path) -> None:
    lm = save_language_model(tmp_path / "lm.npz", Charset(CHARACTERS), ["abc", "a b"] * 9, [0, 0])
    config = EvaluateConfig(name="run", dataset=str(labels), model=str(model), language_model=str(lm))
    report = evaluate(config, fetch)
    assert [reader.name for reader in (*report.models, *report.peers)] == ["barcode", "barcode + lm"]
    assert report.peers[0].size_mb > report.models[0].size_mb
    assert not report.comparisons


def test_every_study_finds_its_way_into_the_report(labels: Path, model: Path, tmp_path: Path) -> None:
    studies = StudiesConfig(
        widths=[64, 1600], batches=[1, 4], threads=[1], rounds=2, overhead_lines=2, consistency_lines=6, roofline=True
    )
    report = evaluate(EvaluateConfig(name="run", dataset=str(labels), model=str(model), studies=studies), fetch)
    assert set(report.studies.widths["barcode"]) == {64, 1600}
    assert set(report.studies.batches["barcode"]) == {1, 4}
    assert report.studies.overhead["barcode"].ratio > 0
    consistency = report.studies.consistency["barcode"]
    assert (consistency.distinct, consistency.lines, consistency.same) == (4, 6, 6), "two are read at other widths too"
    written = json.loads((tmp_path / "artifacts/run/report.json").read_text(encoding="utf-8"))["studies"]
    assert written["rates"]["float32"] > 0
    text = (tmp_path / "artifacts/run/report.md").read_text(encoding="utf-8")
    for title in ("against width", "against batch", "against threads", "surrounds", "in company", "machine's limit"):
        assert title in text


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
def test_memory_is_that_of_a_process_of_its_own(model: Path) -> None:
    memory = measure_memory(model, 20)
    assert 0 < memory.loaded <= memory.peak
    assert memory.lines == 20


def test_a_subject_that_cannot_be_measured_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model at"):
        measure_memory(tmp_path / "none.onnx", 1)


def test_multiply_accumulates_are_counted_from_the_shapes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT, name="cast"),
        helper.make_node("Cast", ["half"], ["k"], to=TensorProto.FLOAT, name="widen"),
        helper.make_node("Conv", ["x", "k"], ["y"], strides=[8, 4], name="conv"),  # (1, 5, 1, 4)
        helper.make_node("Reshape", ["y", "shape"], ["z"], name="reshape"),  # (4, 1, 5)
        helper.make_node("MatMul", ["z", "w"], ["logits"], name="head"),  # (4, 1, 3)
    ]
    weights = [
        numpy_helper.from_array(np.ones((5, 1, 8, 4), np.float16), "half"),
        numpy_helper.from_array(np.ones((5, 3), np.float32), "w"),
        numpy_helper.from_array(np.array([4, 1, 5], np.int64), "shape"),
    ]
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [1, 1, 8, 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [4, 1, 3])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    found = roofline(tmp_path / "m.onnx", 8, 16, MachineRates(int8=2, float32=1, copy=1), rounds=2)
    macs = {kind.kind: kind.megamacs * 1e6 for kind in found.kinds}
    assert macs == pytest.approx({"convolution": 4 * 5 * 8 * 4, "lstm": 0, "matmul": 4 * 3 * 5, "other": 0})
    assert found.limit_ms == pytest.approx((640 + 60) / 1e6)


def test_readers_take_turns_line_by_line(labels: Path) -> None:
    turns: list[str] = []

    class Listener:
        source, size_mb, threads, precision = "", 0.0, 1, ""

        def __init__(self, name: str) -> None:
            self.name = name

        def read(self, image: np.ndarray) -> Guess:
            turns.append(self.name)
            return Guess(self.name, 1)

    runs = run_interleaved([Listener("a"), Listener("b")], read_lines(labels), repeats=1, warmup=1)
    pairs = ["".join(turns[i : i + 2]) for i in range(0, len(turns), 2)]
    assert pairs[0] == "ab" and set(pairs[1:]) == {"ab", "ba"}, "one line to warm up, then in an order drawn for each"
    assert [guess.text for guess in runs[1].guesses] == ["b"] * 4
    assert runs[0].milliseconds.shape == (1, 4)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("0.png", "labels.tsv:1: one column only.* expected file<TAB>text"),
        ("none.png\ta\n", "'none.png', which cannot be opened"),
        ("labels.tsv\ta\n", "cannot be read"),
        ("", "holds no lines"),
    ],
)
def test_a_dataset_that_cannot_be_read_is_refused_before_anything_runs(labels: Path, rows: str, complaint: str) -> None:
    labels.write_text(rows, encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        read_lines(labels)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dataset": "nowhere"}, "no dataset at nowhere"),
        ({"dataset": ""}, "dataset is empty: give an LMDB"),
        ({"model": "nowhere.onnx"}, "no model at nowhere.onnx"),
        ({"models": ["nowhere*.onnx"]}, "nothing matches"),
        ({"repeats": 0}, "at least once"),
        ({"samples": 0}, "at least one line"),
        ({"peers": ["nobody"]}, "unknown peers nobody"),
    ],
)
def test_mistakes_are_named(labels: Path, model: Path, changes: dict[str, object], complaint: str) -> None:
    config = EvaluateConfig(**{"name": "run", "dataset": str(labels), "model": str(model), **changes})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=complaint):
        evaluate(config, fetch)


@pytest.mark.parametrize("name", ["evaluate", "bench", "bench_quick"])
def test_every_configuration_composes(name: str) -> None:
    importlib.import_module("evaluate")  # registers the schema
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = typed(compose(name, ["name=run", "dataset=lines"]), EvaluateConfig)
        assert set(config.paddle) >= {"ppocr_v6_tiny", "ppocr_v6_small"}
        with pytest.raises(HydraException, match="peer"):
            compose(name, ["peer=[all]"])


def test_the_command_ends_in_one_line_and_code_2(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "evaluate.py"), "model=none.onnx", "dataset=x", "name=run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == "error: no model at none.onnx: give the path of an exported .onnx file"


def test_changed_lines_are_read_by_every_reader(labels: Path, model: Path, tmp_path: Path) -> None:
    narrow = draw(next(iter(TEXTS)), bar=STRIDE, gap=STRIDE)
    (tmp_path / "0.png").write_bytes(cv2.imencode(".png", narrow)[1].tobytes())
    report = evaluate(EvaluateConfig(name="run", dataset=str(labels), model=str(model), robustness=True), fetch)
    written = json.loads((tmp_path / "artifacts/run/report.json").read_text(encoding="utf-8"))["robustness"]["barcode"]
    assert list(written) == list(CHANGES) and len(CHANGES) == 16
    assert written["as is"] == report.models[0].accuracy.exact_nospace == 0.75
    assert min(written.values()) < 0.75  # narrow bars do not bear everything
    assert "| barcode is no worse in | 16 of 16 |" in (tmp_path / "artifacts/run/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("shape", [(1, 1), (7, 300, 3), (40, 5)])
def test_every_change_bears_every_picture(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for change in CHANGES.values():
        changed = change(image)
        assert changed.dtype == np.uint8 and changed.ndim == image.ndim and changed.size


def test_changes_do_what_they_are_called() -> None:
    image = np.full((40, 200), 255, np.uint8)
    image[18:22, 98:102] = 0
    assert CHANGES["stretched × 1.6"](image).shape == (40, 320)
    assert CHANGES["slack 0.2"](image).shape == (56, 216)
    assert CHANGES["cut 0.12"](image).shape == (30, 200)
    assert CHANGES["reduced to 12 px"](image).shape == (12, 60)
    turned = CHANGES["turned 4°"](image)
    assert turned.shape[0] == pytest.approx(40 + 200 * 0.07, abs=1)
    rows, columns = np.nonzero(turned < 128)  # the middle stays the middle
    assert rows.mean() == pytest.approx(turned.shape[0] / 2, abs=1)
    assert columns.mean() == pytest.approx(turned.shape[1] / 2, abs=1)
