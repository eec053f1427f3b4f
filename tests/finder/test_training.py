"""A finder is trained, resumed, exported, quantized and then finds lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from crnn.core.errors import UserError
from crnn.datasets.page_crops import CropConfig, make_crop, target_maps
from crnn.datasets.pages import LabeledPage, read_pages, split_by_source
from crnn.finder.finder import Finder, FindSettings
from crnn.finder.matching import match_quads
from crnn.finder.postprocess import BoxSettings, boxes_from_maps
from crnn.network.checkpoint import load
from crnn.network.finder import FinderNetworkConfig
from crnn.network.onnx_export import ExportConfig, export
from crnn.quantization.finder import FinderQuantizeConfig, quantize_finder
from crnn.training.finder_config import FinderTrainConfig, PagesConfig, learning_rate
from crnn.training.finder_loss import Batch, hard_background
from crnn.training.finder_trainer import FinderTrainer
from crnn.training.loop import Interrupted
from tests.finder.drawing import draw_page, write_pages

Configure = Callable[..., FinderTrainConfig]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pages(tmp_path_factory.mktemp("pages") / "drawn", 24)


@pytest.fixture(scope="session")
def configure(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Configure:
    artifacts = tmp_path_factory.mktemp("artifacts")

    def build(name: str, **changes: object) -> FinderTrainConfig:
        config = FinderTrainConfig(
            name=name,
            artifacts=str(artifacts),
            network=FinderNetworkConfig(channels=[8, 12, 16, 16], convolutions=[1, 1, 1, 1], pyramid=8),
            pages=PagesConfig(train=[str(pages)], held_out=0.2, validation_side=256),
            crops=CropConfig(side=128, line_height=[14.0, 26.0], damage=0.0, turned=0.0, tilted=0.0, perspective=0.0),
            steps=70,
            batch=4,
            learning_rate=1e-2,
            warmup_steps=5,
            ema=0.9,
            precision="float32",
            validate_every=1000,
        )
        return dataclasses.replace(config, **changes)  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def trained(configure: Configure) -> Path:
    """The checkpoint of a small finder that was really trained, with its graph beside it."""
    path = FinderTrainer(configure("trained")).run()
    export(ExportConfig(checkpoint=str(path)))
    return path


def test_a_trained_finder_finds_lines_it_has_not_seen(trained: Path) -> None:
    finder = Finder(trained.with_name("model.onnx"), settings=FindSettings(magnify=1.0))
    lines = found = 0
    for seed in range(100, 110):
        image, quads = draw_page(seed)
        lines += len(quads)
        found += len(match_quads(quads, np.array([box.quad for box in finder.find(image)]).reshape(-1, 4, 2)))
    assert found >= 0.8 * lines


def test_a_gray_picture_is_searched_as_its_color_copy(trained: Path) -> None:
    finder = Finder(trained.with_name("model.onnx"))
    gray = cv2.cvtColor(draw_page(3)[0], cv2.COLOR_BGR2GRAY)
    alone, copied = finder.search(gray), finder.search(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    assert np.array_equal(alone.quads, copied.quads)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 9, 3), (40, 2500)])
def test_pictures_of_any_shape_are_searched(trained: Path, shape: tuple[int, ...]) -> None:
    Finder(trained.with_name("model.onnx")).find(np.full(shape, 200, np.uint8))


def test_int8_is_smaller_and_finds_as_much(trained: Path, pages: Path) -> None:
    config = FinderQuantizeConfig(
        str(trained.with_name("model.onnx")), str(pages), calibration_pages=8, judged_pages=10
    )
    config.max_recall_loss = 0.05
    try:
        path = quantize_finder(config)
    except UserError as error:  # so small a network need not be faster in INT8
        assert "faster" in str(error) and "recall" not in str(error)
        path = trained.with_name("model.int8.rejected.onnx")
    assert path.stat().st_size < trained.with_name("model.onnx").stat().st_size
    assert Finder(path).info.quantization["pages"] == 8


def test_a_finder_is_not_taken_for_a_reader(trained: Path) -> None:
    from crnn.recognizer import Recognizer

    with pytest.raises(UserError, match=r"model\.onnx"):
        Recognizer(trained.with_name("model.onnx"))


def test_a_reader_is_not_taken_for_a_finder() -> None:
    with pytest.raises(UserError, match="not a finder"):
        Finder("models/crnn-zh-en.int8.onnx")


def test_a_run_that_is_stopped_ends_with_the_same_weights(configure: Configure) -> None:
    whole = load(FinderTrainer(configure("whole", steps=12)).run())
    stopped = FinderTrainer(configure("stopped", steps=12))
    train_step = stopped.train_step

    def stop_after_five(batch: object) -> tuple[float, float]:
        result = train_step(batch)  # type: ignore[arg-type]
        stopped.stopping = stopped.step == 5
        return result

    stopped.train_step = stop_after_five  # type: ignore[method-assign, assignment]
    with pytest.raises(Interrupted, match="step 5"):
        stopped.run()
    resumed = load(FinderTrainer(configure("stopped", steps=12)).run())
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())


def test_a_start_model_brings_its_network_along(configure: Configure, trained: Path) -> None:
    config = configure("further", start_model=str(trained), network=FinderNetworkConfig())
    given = dataclasses.replace(config, network=FinderNetworkConfig())
    assert FinderTrainer(config).config.network.channels == [8, 12, 16, 16]
    assert config == given  # what a caller gave stays as it was


def test_more_steps_change_nothing_before_the_decay(configure: Configure) -> None:
    short, long = configure("a", steps=1000), configure("b", steps=2000)
    assert learning_rate(500, short) == learning_rate(500, long) == short.learning_rate
    assert learning_rate(999, short) < 0.01 * short.learning_rate


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pages": PagesConfig()}, "pages.train is empty"),
        ({"pages": PagesConfig(train=["a"], shares=[1, 2])}, "2 entries"),
        ({"crops": CropConfig(side=100)}, "multiple of 32"),
        ({"precision": "float16"}, "choose float32 or bfloat16"),
    ],
)
def test_values_no_run_can_use_are_refused(configure: Configure, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        FinderTrainer(configure("refused", **changes))


def test_a_crop_depends_on_its_seed_alone_and_carries_its_lines_along() -> None:
    image, quads = draw_page(1)
    page = LabeledPage(Path("page.png"), quads, (None,) * len(quads), "rendered")
    crops = [make_crop(page, image, CropConfig(side=256), np.random.default_rng(5)) for _ in range(2)]
    assert np.array_equal(crops[0].image, crops[1].image) and np.array_equal(crops[0].kernel, crops[1].kernel)
    for seed in range(20):
        crop = make_crop(page, image, CropConfig(side=256, color=0, damage=0), np.random.default_rng(seed))
        inside = crop.kernel > 200
        if inside.sum() > 20:  # ink is in the middle of lines, and hardly anywhere else
            cells = crop.image.astype(float).mean(axis=0).reshape(64, 4, 64, 4)
            contrast = cells.max(axis=(1, 3)) - cells.min(axis=(1, 3))
            assert np.median(contrast[inside]) > 50 > 10 > np.median(contrast[crop.height == 0])


def test_lines_too_low_to_read_are_neither_text_nor_background() -> None:
    low = np.array([[[8, 8], [60, 8], [60, 12], [8, 12]]], np.float32)
    kernel, _, known = target_maps(low, 64)
    assert kernel.max() == 0 and not known[2, 5] and known[10, 5]


def test_gaps_between_lines_are_always_learned_and_text_that_labels_missed_is_not() -> None:
    grid = 32
    kernels, heights = torch.zeros(1, grid, grid), torch.zeros(1, grid, grid)
    for top in (4, 10):  # two rows close to each other
        heights[0, top : top + 5, 4:28] = 4.3
        kernels[0, top + 1 : top + 4, 5:27] = 1.0
    text = kernels > 0.5
    losses = torch.full((1, grid, grid), 0.01)
    losses[0, 8:11, 4:28] = 3.0  # the network takes the gap between them for text
    losses[0, 22:25, 4:14] = 5.0  # and this, which nobody labeled
    known = torch.ones(1, grid, grid, dtype=torch.bool)
    batch = Batch(torch.zeros(1), kernels, heights, known, labeled=torch.tensor([False]))

    chosen = hard_background(losses, text, batch, FinderTrainConfig(doubtful=0.1))

    assert chosen[0, 8:11, 4:28].all()
    assert not chosen[0, 22:25, 4:14].any()


def test_targets_read_back_as_their_lines() -> None:
    _, quads = draw_page(2)
    kernel, height, _ = target_maps(quads, 256)
    share = np.clip(kernel / 255.0, 0.01, 0.99)
    maps = np.stack([np.log(share / (1 - share)), height]).astype(np.float32)
    found = boxes_from_maps(maps, 4, BoxSettings())
    assert len(match_quads(quads, found.quads, 0.7)) == len(quads) == len(found)


def test_page_sets_are_read_in_either_format(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((40, 40, 3), np.uint8))
    points = [[1, 2], [30, 2], [30, 12], [1, 12]]
    shapes = f'[{{"transcription": "Hi", "points": {points}}}, {{"transcription": "###", "points": {points}}}]'
    (folder / "Label.txt").write_text(f"set/a.png\t{shapes}\n", encoding="utf-8")
    (page,) = read_pages(folder)
    assert page.path == folder / "a.png" and page.texts == ("Hi", None) and page.quads.shape == (2, 4, 2)
    assert page.image().shape == (40, 40, 3)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"file": "a.png"}', "line 1: not a page"),
        ("{", "line 1: not a page"),
        ('{"file": "a.png", "boxes": [[[0, 0], [1, 0], [1, 1], [0, 1]]], "texts": ["a", "b"]}', "1 boxes, but 2 texts"),
    ],
)
def test_a_row_that_is_no_page_is_named(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "pages.jsonl").write_text(row + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_pages(tmp_path)


def test_pages_of_one_source_stay_together(pages: Path) -> None:
    kept, held = split_by_source(read_pages(pages), 0.3)
    assert held and kept and not {page.source for page in kept} & {page.source for page in held}
