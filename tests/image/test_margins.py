"""What is blank around a line, and what must not be taken for blank."""

import cv2
import numpy as np
import pytest

from crnn.image.margins import INK, SLACK, Crop, without_margins


def line(text: str = "Total 12", shade: int = 0, paper: int = 255) -> np.ndarray:
    """A picture with a line of text, its letters 40 pixels high, in its middle."""
    image = np.full((200, 420), paper, np.uint8)
    cv2.putText(image, text, (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.8, shade, 4)
    return image


@pytest.mark.parametrize(("shade", "paper"), [(0, 255), (255, 0), (180, 200), (128, 90)])
def test_letters_keep_a_little_room(shade: int, paper: int) -> None:
    image = line(shade=shade, paper=paper)
    rows, columns = (np.flatnonzero((np.abs(image.astype(int) - paper) > INK).any(axis=axis)) for axis in (1, 0))
    slack = round(SLACK * (rows[-1] + 1 - rows[0]))
    expected = Crop(columns[0] - slack, rows[0] - slack, columns[-1] + 1 + slack, rows[-1] + 1 + slack)
    assert without_margins(image) == expected


@pytest.mark.parametrize("mark", ["speck", "noise", "gradient", "nothing", "dash", "dots", "rule", "tiny"])
def test_what_is_not_certain_stays(mark: str) -> None:
    image = line()
    if mark == "speck":
        image[2, 2] = image[-3, -3] = 100
    elif mark == "noise":
        noise = np.random.default_rng(0).normal(0, 12, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    elif mark == "gradient":
        image = (image * np.linspace(0.4, 1, 200)[:, None]).astype(np.uint8)
    else:
        image[:] = 255
    if mark in ("dash", "rule"):
        image[95:107, 100 if mark == "dash" else 0 : 140 if mark == "dash" else 420] = 0
    if mark == "dots":
        for x in range(20, 400, 20):
            cv2.circle(image, (x, 100), 5, 0, -1)
    if mark == "tiny":
        cv2.putText(image, "abc", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.2, 0, 1)
    height, width = image.shape
    assert without_margins(image) == Crop(0, 0, width, height)


def test_a_row_of_dots_gets_the_room_it_has_in_a_line() -> None:
    image = np.full((20, 400), 255, np.uint8)
    for x in range(10, 390, 20):
        image[8:12, x : x + 4] = 0
    crop = without_margins(image)
    assert crop == Crop(0, -10, 400, 30)
    assert (crop.of(image)[10:30] == image).all()
    assert (crop.of(image)[[*range(10), *range(30, 40)]] == 255).all()


def test_a_line_that_fills_its_picture_stays_as_it_is() -> None:
    image = without_margins(line()).of(line())
    assert without_margins(image).of(image).shape == image.shape


def test_no_line_becomes_too_flat_to_be_one() -> None:
    image = np.full((40, 30_000), 255, np.uint8)
    for x in range(10, 29_900, 400):
        cv2.putText(image, "n", (x, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1)
    assert without_margins(image) == Crop(0, 0, 30_000, 40)
