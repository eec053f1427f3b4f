from __future__ import annotations

import numpy as np
import pytest

from crnn.image.rotation import moved, rotate


@pytest.mark.parametrize("degrees", [-30.0, 5.0, 90.0, 180.0])
def test_a_spot_is_where_its_place_says(degrees: float) -> None:
    image = np.full((120, 200), 255, np.uint8)
    image[28:33, 148:153] = 0
    turned, matrix = rotate(image, degrees)
    y, x = np.argwhere(turned < 100).mean(axis=0) + 0.5
    assert moved(np.array([150.5, 30.5]), matrix) == pytest.approx([x, y], abs=1)
    assert turned.min(axis=0)[0] == turned.min(axis=1)[0] == 255  # the border goes on, no black corners


def test_a_quarter_clockwise_brings_the_left_edge_up() -> None:
    image = np.zeros((10, 20), np.uint8)
    image[:, :5] = 255
    turned, _ = rotate(image, 90)
    assert turned.shape == (20, 10) and turned[:3].mean() > 250 and turned[-10:].mean() < 5
