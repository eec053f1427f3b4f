"""Fonts, texts and language models small enough for tests: matplotlib's DejaVu faces and a few sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

import matplotlib
from fontTools.pens.filterPen import DecomposingFilterPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from crnn.core.charset import Charset
from crnn.language_model.build import to_tokens
from crnn.language_model.ngram import SPECIAL, estimate, to_levels
from crnn.language_model.trie import Trie

ASCII = Charset(" " + "".join(chr(c) for c in range(0x21, 0x7F)))
TEXTS = {
    "english": "The reference ellipsoid is a mathematical approximation of the earth.\nThank you, and good bye!\n",
    "prose": "Every curve was still climbing steeply, so training went on for hours and hours.\nA short one.\n",
    "forms": "2013-07-07 13:39\n$1,234.50\nTel. 0795-3199089\n",
}


def write_sources(artifacts: Path, profile: str = "quick") -> Path:
    """Write `fonts/<profile>/fonts.json`, `corpus/<profile>/` and `ascii.txt` below `artifacts`; returns it."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = [
        {"id": f"{name}-{split}", "path": str(fonts / f"{name}.ttf"), "index": 0, "script": script,
         "lineage": name, "split": split, "missing": ""}
        for split in ("train", "test")
        for name, script in (("DejaVuSans", "zh"), ("DejaVuSerif", "en"), ("DejaVuSansMono", "en"))
    ]  # fmt: skip
    (artifacts / "fonts" / profile).mkdir(parents=True)
    (artifacts / "fonts" / profile / "fonts.json").write_text(json.dumps({"profile": profile, "faces": faces}))
    for split in ("train", "test"):
        folder = artifacts / "corpus" / profile / split
        folder.mkdir(parents=True)
        for kind, text in TEXTS.items():
            (folder / f"{kind}.txt").write_text(text)
    (artifacts / "corpus" / profile / "corpus.json").write_text(json.dumps({"counts": {"e": 40}}))
    ASCII.save(artifacts / "ascii.txt")
    return artifacts


def capitals_font(path: Path, size: float) -> Path:
    """DejaVu Sans Mono whose small letters are its capitals, `size` times as large; returns `path`."""
    font = TTFont(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf"))
    glyphs, cmap = font.getGlyphSet(), font.getBestCmap()
    drawn = {}
    for small, capital in zip(ascii_lowercase, ascii_uppercase, strict=True):
        pen = TTGlyphPen(None)
        glyphs[cmap[ord(capital)]].draw(DecomposingFilterPen(TransformPen(pen, (size, 0, 0, size, 0, 0)), glyphs))
        drawn[cmap[ord(small)]] = pen.glyph()
    for name, glyph in drawn.items():
        font["glyf"][name] = glyph
    font.save(path)
    return path


def save_language_model(path: Path, charset: Charset, lines: Sequence[str], prune: Sequence[int]) -> Path:
    """Write the n-gram model of `lines`, as `make lm` does; returns `path`."""
    grams = estimate(to_tokens(lines, charset), len(SPECIAL) + len(charset.characters), len(prune), prune)
    Trie(to_levels(grams, bits=8), {"characters": "".join(charset.characters)}).save(path)
    return path
