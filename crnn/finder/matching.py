"""Pairs found boxes with true ones by how much they overlap."""

from __future__ import annotations

import cv2
import numpy as np


def match_quads(quads: np.ndarray, others: np.ndarray, least: float = 0.5) -> list[tuple[int, int]]:
    """Pairs of `quads` (n, 4, 2) and `others` (m, 4, 2) from the largest overlap down to `least`, none twice."""
    rows, columns, shares = overlaps(quads, others)
    pairs, used_rows, used_columns = [], set(), set()
    for k in np.argsort(-shares, kind="stable"):
        i, j = int(rows[k]), int(columns[k])
        if shares[k] < least:
            break
        if i not in used_rows and j not in used_columns:
            pairs.append((i, j))
            used_rows.add(i)
            used_columns.add(j)
    return pairs


def overlaps(quads: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intersection over union of the pairs of convex quads that overlap: rows, columns and shares, (k,) each."""
    if not len(quads) or not len(others):
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0)
    quads, others = np.asarray(quads, np.float32), np.asarray(others, np.float32)
    meet = (quads.min(1)[:, None] < others.max(1)[None]).all(2) & (others.min(1)[None] < quads.max(1)[:, None]).all(2)
    rows, columns = np.nonzero(meet)
    common = np.array([cv2.intersectConvexConvex(quads[i], others[j])[0] for i, j in zip(rows, columns, strict=True)])
    union = quad_areas(quads)[rows] + quad_areas(others)[columns] - common
    return rows, columns, common / np.maximum(union, 1e-6)


def quad_areas(quads: np.ndarray) -> np.ndarray:
    """Areas of quads (n, 4, 2), float64 (n,), by the shoelace formula."""
    x, y = quads[..., 0].astype(np.float64), quads[..., 1].astype(np.float64)
    return np.asarray(np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)) / 2)
