"""Lines varied at training time: where their characters come to lie, what they need, what they depend on."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore, LineWriter, StoredLine
from crnn.image.decode import decode_image
from crnn.image.preprocess import to_canvas
from crnn.training.aligned_loss import IGNORED
from crnn.training.batch_plan import BatchPlan
from crnn.training.line_dataset import LineDataset
from crnn.training.variation import Variation
from crnn.training.variation_config import VariationConfig
from tests.conftest import DIGITS

SPEC = CanvasSpec(40, 32, 1024)


@pytest.fixture(scope="module")
def wide() -> VariationConfig:
    """The ranges that are shipped."""
    with initialize(version_base=None, config_path="../../configs"):
        return VariationConfig(**compose("variation/wide").data.variation)


@pytest.fixture
def lines(digit_lines: Path) -> LineDataset:
    return LineDataset([digit_lines], DIGITS, SPEC, frame_stride=4)


def sized(image: np.ndarray) -> np.ndarray:
    return np.array([round(image.shape[1] * SPEC.height / image.shape[0])])


def test_without_ranges_nothing_changes(lines: LineDataset, digit_lines: Path) -> None:
    stored = LineStore(digit_lines)[0]
    image = decode_image(stored.image)
    variation, rng = Variation(VariationConfig(), SPEC, 4), np.random.default_rng(0)
    (place,) = variation.place(lines.widths[:1], lines.frames[:1], rng)
    canvas, centers = variation(image, stored.centers, place, rng)
    expected = to_canvas(image, SPEC)
    assert canvas.content_width == expected.content_width
    assert np.abs(canvas.pixels.astype(int) - expected.pixels).max() <= 1
    assert stored.centers is not None
    np.testing.assert_allclose(centers, stored.centers * expected.scale, atol=0.01)


def test_centers_move_with_their_characters(wide: VariationConfig) -> None:
    """Bars are drawn where the centers are: they must still be there after every turn, bend and cut."""
    config = dataclasses.replace(wide, plain=0.1, bent=0.5, reduced=0.0, compressed=0.0, inverted=0.0)
    variation, rng = Variation(config, SPEC, 4), np.random.default_rng(0)
    centers = np.arange(30, 330, 60, dtype=np.float32)
    image = np.full((50, 360), 255, np.uint8)
    for center in centers:
        cv2.rectangle(image, (int(center) - 5, 12), (int(center) + 5, 38), 0, -1)
    for place in variation.place(np.repeat(sized(image), 200), np.repeat(5, 200), rng):
        canvas, moved = variation(image, centers, place, rng)
        profile = canvas.pixels[:, : canvas.content_width].astype(float).mean(axis=0)
        assert moved is not None
        gaps = (moved[1:] + moved[:-1]) / 2
        for center, left, right in zip(moved[1:-1], gaps[:-1], gaps[1:], strict=True):
            darkness = profile.max() - profile[int(left) : int(right) + 1]
            darkness = np.maximum(darkness - 0.5 * darkness.max(), 0)
            found = (darkness * np.arange(int(left), int(left) + len(darkness))).sum() / darkness.sum() + 0.5
            assert abs(found - center) < max(2.5, 0.12 * (right - left))


def test_every_label_keeps_its_frames_and_every_canvas_its_limit(wide: VariationConfig) -> None:
    widths = np.repeat([30, 200, 1024], 2000)
    frames = np.repeat([7, 30, 240], 2000)
    places = Variation(wide, SPEC, 4).place(widths, frames, np.random.default_rng(0))
    assert (SPEC.bucket_width(places["width"]) // 4 >= frames).all()
    assert places["width"].max() <= SPEC.max_width
    text = places["width"] * widths / (widths + SPEC.height * (places["before"] + places["after"]))
    long_enough = widths == 200
    assert (text[long_enough] >= 30 * 4 * wide.room - 1).all()


def test_lines_are_drawn_out_and_pressed_together_as_far_as_asked(wide: VariationConfig) -> None:
    config = dataclasses.replace(wide, turn=0.0, above_below=[0, 0], before_after=[0, 0], plain=0.0)
    widths = np.repeat(400, 4000)
    places = Variation(config, SPEC, 4).place(widths, np.repeat(1, 4000), np.random.default_rng(0))
    stretch = np.log(places["width"] / widths)
    assert stretch.min() == pytest.approx(np.log(0.45), abs=0.01)
    assert stretch.max() == pytest.approx(np.log(1.8), abs=0.01)
    assert np.mean(stretch < np.log(0.9)) == pytest.approx(0.5, abs=0.03)


def test_a_varied_batch_depends_on_seed_and_step_only_and_its_parts_make_it_up(
    lines: LineDataset, wide: VariationConfig
) -> None:
    def plan(seed: int = 3) -> BatchPlan:
        return BatchPlan(lines, 2048, seed, variation=Variation(wide, SPEC, 4))

    for step in (0, 57, 200):
        whole = plan().batch(step)
        parts = [plan().batch(step, part, 2) for part in (0, 1)]
        assert whole.images.equal(plan().batch(step).images)
        assert np.array_equal(np.concatenate([part.images for part in parts]), whole.images)
        assert np.array_equal(np.concatenate([part.frame_targets for part in parts]), whole.frame_targets)
    assert plan().batch(0).labels != plan(4).batch(0).labels


def test_a_line_is_never_seen_the_same_way_twice(lines: LineDataset, wide: VariationConfig) -> None:
    plan = BatchPlan(lines, 2048, seed=3, variation=Variation(wide, SPEC, 4))
    sights = [
        plan.batch(step).images[np.flatnonzero(plan.lines_of(step) == 5)[0]].numpy().tobytes()
        for step in range(3 * plan.batches_per_epoch)
        if 5 in plan.lines_of(step)
    ]
    assert len(sights) >= 3 and len(set(sights)) == len(sights)


def test_frame_targets_still_spell_the_labels(lines: LineDataset, wide: VariationConfig) -> None:
    plan = BatchPlan(lines, 2048, seed=3, variation=Variation(wide, SPEC, 4))
    for step in range(5):
        batch = plan.batch(step)
        for row, label in zip(batch.frame_targets.numpy(), batch.labels, strict=True):
            assert DIGITS.decode_ids(row[(row != IGNORED) & (row != 0)]) == label


def test_weights_say_how_often_a_line_is_drawn(tmp_path: Path, digit_lines: Path) -> None:
    with LineWriter(tmp_path / "weighted", {"generator": "tests"}) as writer:
        for i in range(100):
            writer.append(dataclasses.replace(LineStore(digit_lines)[i], weight=5.0 if i < 10 else 0.5))
    weighted = LineDataset([tmp_path / "weighted", digit_lines], DIGITS, SPEC, frame_stride=4)
    plan = BatchPlan(weighted, 256, seed=3, multiple=1)
    drawn = np.concatenate([plan.lines_of(step) for step in range(plan.batches_per_epoch)])
    counts = np.bincount(drawn, minlength=len(weighted))
    assert np.isin(counts[:10], (5, 6, 7)).all()  # 100 draws over a weight of 95
    assert counts[10:100].max() <= 2 and counts[10:100].mean() == pytest.approx(0.53, abs=0.15)
    assert counts[100:].mean() == pytest.approx(1, abs=0.1)


def test_a_line_takes_a_fraction_of_a_millisecond(wide: VariationConfig, digit_lines: Path) -> None:
    stored = [LineStore(digit_lines)[i] for i in range(100)]
    images = [decode_image(line.image) for line in stored]
    variation, rng = Variation(wide, SPEC, 4), np.random.default_rng(0)
    places = variation.place(np.concatenate([sized(image) for image in images]), np.repeat(1, 100), rng)
    seconds = []
    for _ in range(3):
        begin = time.thread_time()
        for image, line, place in zip(images, stored, places, strict=True):
            variation(image, line.centers, place, rng)
        seconds.append(time.thread_time() - begin)
    assert min(seconds) / 100 < 0.6e-3  # 0.15 ms when it was written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strength": 2.0}, "between 0 and 1"),
        ({"stretch": [1.2, 0.8]}, "give the least and the most"),
        ({"above_below": [-0.5, 0.0]}, "less than .4 of the height"),
    ],
)
def test_mistakes_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Variation(VariationConfig(**change), SPEC, 4)  # type: ignore[arg-type]


def test_labels_without_spaces_are_marked(tmp_path: Path) -> None:
    image = cv2.imencode(".png", np.full((32, 160), 255, np.uint8))[1].tobytes()
    with LineWriter(tmp_path / "free", {"spaces": "free"}) as writer:
        writer.append(StoredLine(image, "12 34"))
    charset = type(DIGITS)(DIGITS.characters + " ")
    dataset = LineDataset([tmp_path / "free"], charset, SPEC, frame_stride=4)
    assert dataset[0].label == "1234"
    batch = BatchPlan(dataset, 256, seed=1, multiple=1).batch(0)
    assert batch.free_spaces.tolist() == [True]
