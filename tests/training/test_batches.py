from __future__ import annotations

from pathlib import Path

import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.training.aligned_loss import IGNORED
from crnn.training.batch_plan import BatchPlan
from crnn.training.frame_targets import align
from crnn.training.line_dataset import LineDataset
from tests.conftest import DIGITS

RNG = np.random.default_rng(0)


def dataset(path: Path) -> LineDataset:
    return LineDataset([path], DIGITS, CanvasSpec(), frame_stride=4)


def test_align_puts_characters_at_their_centers_and_blanks_between() -> None:
    frames = align(np.array([7, 8]), np.array([2.5, 8.5]), 12, RNG)
    assert frames[2] == 7 and frames[8] == 8
    blanks = np.flatnonzero(frames == 0)
    assert len(blanks) == 2
    assert all(min(abs(b + 0.5 - 2.5), abs(b + 0.5 - 8.5)) > 1.5 for b in blanks)


def test_align_moves_crowded_characters_to_neighboring_frames() -> None:
    assert align(np.array([1, 2, 3]), np.array([2.0, 2.2, 2.4]), 8, RNG)[2:5].tolist() == [1, 2, 3]
    assert align(np.array([1, 2, 3]), np.array([7.0, 7.2, 7.4]), 8, RNG)[5:].tolist() == [1, 2, 3]


def test_every_epoch_draws_every_line(digit_lines: Path) -> None:
    plan = BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=3)
    for epoch in (0, 1):
        steps = range(epoch * plan.batches_per_epoch, (epoch + 1) * plan.batches_per_epoch)
        assert len(np.unique(np.concatenate([plan.lines_of(step) for step in steps]))) == 600


def test_a_batch_depends_on_seed_and_step_only(digit_lines: Path) -> None:
    plan = BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=3)
    again = BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=3)
    for step in (0, 57):
        assert plan.batch(step).images.equal(again.batch(step).images)
        assert plan.batch(step).frame_targets.equal(again.batch(step).frame_targets)
    assert plan.batch(0).labels != BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=4).batch(0).labels


def test_processes_share_a_batch(digit_lines: Path) -> None:
    plan = BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=3)
    whole, left, right = plan.batch(5), plan.batch(5, 0, 2), plan.batch(5, 1, 2)
    assert left.labels + right.labels == whole.labels
    assert np.array_equal(np.concatenate([left.frame_targets, right.frame_targets]), whole.frame_targets)


def test_shares_are_kept(digit_lines: Path, held_out_digits: Path) -> None:
    both = LineDataset([digit_lines, held_out_digits], DIGITS, CanvasSpec(), frame_stride=4)
    plan = BatchPlan(both, batch_pixels=2048, seed=3, shares=[1, 3])
    drawn = np.concatenate([plan.lines_of(step) for step in range(plan.batches_per_epoch)])
    assert 0.7 < both.origins[drawn, 0].mean() < 0.8
    alone = BatchPlan(both, batch_pixels=2048, seed=3, shares=[0, 1])
    assert {int(both.origins[i, 0]) for step in range(alone.batches_per_epoch) for i in alone.lines_of(step)} == {1}


def test_frame_targets_lie_on_their_digits(digit_lines: Path) -> None:
    batch = BatchPlan(dataset(digit_lines), batch_pixels=2048, seed=3).batch(0)
    for row, label in zip(batch.frame_targets.numpy(), batch.labels, strict=True):
        known = row[(row != IGNORED) & (row != 0)]
        assert DIGITS.decode_ids(known) == label
