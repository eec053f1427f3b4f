"""From any line image to the canvas."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.core.canvas import MODES, CanvasSpec
from crnn.core.errors import UserError
from crnn.image.enhance import enhance
from crnn.image.preprocess import ImageError, TooWideError, line_gray, pad_to_bucket, to_canvas, to_gray, to_strip


def line(height: int = 48, width: int = 300) -> np.ndarray:
    image = np.full((height, width), 230, np.uint8)
    cv2.putText(image, "Invoice 2024", (5, height * 3 // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 40, 20, 2)
    return image


@pytest.mark.parametrize(
    ("shape", "content", "bucketed"),
    [
        ((32, 100), 100, 128),
        ((64, 200), 100, 128),
        ((16, 50), 100, 128),
        ((32, 128), 128, 128),
        ((90, 1), 1, 32),
    ],
)
def test_height_is_fixed_and_width_keeps_the_aspect(shape: tuple[int, int], content: int, bucketed: int) -> None:
    canvas = to_canvas(np.full(shape, 9, np.uint8), CanvasSpec())
    assert canvas.pixels.shape == (32, bucketed)
    assert canvas.pixels.dtype == np.uint8
    assert canvas.content_width == content
    assert canvas.scale == content / shape[1]


def test_the_right_edge_is_repeated() -> None:
    strip = np.tile(np.arange(40, dtype=np.uint8), (32, 1))
    padded = pad_to_bucket(strip, CanvasSpec())
    assert padded.shape == (32, 64)
    assert (padded[:, 40:] == 39).all()
    assert pad_to_bucket(padded, CanvasSpec()) is padded


def test_color_becomes_gray_and_other_arrays_are_refused() -> None:
    assert to_gray(np.full((4, 4, 3), 7, np.uint8)).tolist() == [[7] * 4] * 4
    for wrong in (
        np.zeros((4, 4)),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
    ):
        with pytest.raises(ImageError, match="expected"):
            to_gray(wrong)


def test_lines_too_wide_for_a_canvas_or_for_a_line() -> None:
    with pytest.raises(TooWideError, match="801"):
        to_canvas(np.zeros((32, 801), np.uint8), CanvasSpec())
    with pytest.raises(ImageError, match="no line of text"):
        to_strip(np.zeros((1, 65535), np.uint8), CanvasSpec())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (200, 2), (32, 100), (3000, 400)])
def test_every_mode_takes_every_shape(mode: str, shape: tuple[int, int]) -> None:
    assert to_canvas(np.full(shape, 128, np.uint8), CanvasSpec(mode=mode)).pixels.shape[0] == 32


def test_background_mode_evens_out_a_shadow() -> None:
    shadow = np.linspace(1.0, 0.3, 300)
    shaded = (line() * shadow).astype(np.uint8)
    lit = enhance(shaded, "background")
    paper = lit[2]  # a row without ink
    assert shaded[2].min() < 80
    assert paper.min() > 200
    assert lit.min() < 60


def test_article_mode_leaves_black_and_white_only() -> None:
    assert set(np.unique(enhance(line(), "article"))) == {0, 255}


def test_plain_mode_changes_nothing() -> None:
    assert enhance(line(), "plain") is not None
    assert (enhance(line(), "plain") == line()).all()


def test_unknown_modes_and_impossible_canvases_are_refused() -> None:
    with pytest.raises(UserError, match="unknown preprocessing mode 'x'"):
        enhance(line(), "x")
    with pytest.raises(UserError, match="unknown preprocessing mode 'x'"):
        CanvasSpec(mode="x")
    with pytest.raises(UserError, match="multiple of the bucket"):
        CanvasSpec(max_width=801)


def test_ink_as_bright_as_its_ground_is_seen_by_its_color() -> None:
    image = cv2.imread(str(Path(__file__).parents[1] / "cases" / "red_on_green.png"))
    assert to_gray(image).std() < 3 < 30 < line_gray(image).std()
    ordinary = np.full((20, 40, 3), (250, 240, 230), np.uint8)
    ordinary[5:15, 10:30] = (30, 20, 40)
    assert np.array_equal(line_gray(ordinary), to_gray(ordinary))
