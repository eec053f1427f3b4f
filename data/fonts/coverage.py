"""What a face really draws, and what it calls itself.

A cmap promises glyphs; some faces map characters to blank or placeholder outlines, and a line drawn with
those would teach tofu. So every promised character is drawn once, small, and looked at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageFont

from crnn.core.errors import UserError

PIXELS = 24  # size of the drawing: thin strokes still leave gray, and a face of 7,000 characters takes a second
PLACEHOLDER_REPEATS = 4  # so many with one picture are a "missing" box; three kinds of quotation mark are not
TWINS = {"I", "l"}  # drawn alike by honest sans faces; every line of English has both

SHAPES = "abdefghnqrt"  # letters whose small form is another shape than the capital, in every style of print
ALIKE = 0.8  # correlation: the same outline in another size has more than 0.9, an a and an A less than 0.5

Picture = tuple[tuple[int, int], bytes]  # size and gray values


@dataclass(frozen=True)
class Outline:
    """What `inspect_face` found out.

    Attributes:
        family: the font's own name.
        modifiers: of "thin", "light", "medium", "bold", "black", "condensed", "italic", those that hold.
        drawn: the characters asked for that it draws.
        capitals: whether it draws small letters as capitals, as large or smaller: `drawn` has them then, but a line
            shows capitals and must say so.
    """

    family: str
    modifiers: tuple[str, ...]
    drawn: str
    capitals: bool = False


def inspect_face(path: Path, index: int, characters: str) -> Outline:
    """Draw every one of `characters` with the face; keep those that leave a mark of their own.

    White space counts as drawn when it is mapped.

    Raises:
        UserError: not a font that fontTools and FreeType can read.
    """
    try:
        with path.open("rb") as file, TTFont(file, fontNumber=index, lazy=True) as font:
            cmap = font.getBestCmap() or {}
            family, modifiers = _family(font, path), _modifiers(font)
        pen = ImageFont.truetype(str(path), PIXELS, index=index, layout_engine=ImageFont.Layout.BASIC)
    except (TTLibError, OSError, AttributeError, KeyError, ValueError) as error:
        raise UserError(f"{path.name} is not a font that can be read ({error})") from None
    mapped = [c for c in characters if ord(c) in cmap]
    pictures: dict[str, Picture] = {}
    for character in mapped:
        mask = pen.getmask(character, mode="L")
        if mask.getbbox() is not None:
            pictures[character] = (mask.size, bytes(mask))
    capitals = _draws_capitals(path, index, set(map(ord, SHAPES + SHAPES.upper())) <= set(cmap))
    if capitals:  # they first: of a small letter with the same picture they are the name
        pictures = dict(sorted(pictures.items(), key=lambda drawn: drawn[0] in ascii_lowercase))
    own = own_pictures(pictures)
    if capitals:
        small = {c for c in mapped if c in ascii_lowercase}
        own = own - small | {c for c in small if c.upper() in own}
    return Outline(family, modifiers, "".join(c for c in mapped if c in own or c.isspace()), capitals)


def _draws_capitals(path: Path, index: int, mapped: bool) -> bool:
    """Whether the small letters look like the capitals, apart from their size."""
    if not mapped:
        return False
    pen = ImageFont.truetype(str(path), 2 * PIXELS, index=index, layout_engine=ImageFont.Layout.BASIC)
    return sum(_likeness(pen, c, c.upper()) > ALIKE for c in SHAPES) > len(SHAPES) // 2


def _likeness(pen: ImageFont.FreeTypeFont, one: str, other: str) -> float:
    """Correlation of two characters' ink, brought to one size: 1 for the same shape."""
    inks: list[np.ndarray] = []
    for character in (one, other):
        mask = pen.getmask(character, mode="L")
        picture = Image.frombytes("L", mask.size, bytes(mask))
        box = picture.getbbox()
        if box is None:
            return 0.0
        inks.append(np.asarray(picture.crop(box).resize((PIXELS, PIXELS), Image.Resampling.BOX), np.float64).ravel())
    with np.errstate(invalid="ignore"):  # a letter that fills its box has no spread
        domain_logit = np.corrcoef(inks[0], inks[1])[0, 1]
    return float(np.nan_to_num(domain_logit))


def own_pictures(pictures: dict[str, Picture]) -> set[str]:
    """The characters that can be told by their picture.

    Of characters with one picture only the first counts (a yen sign drawn as a dollar, a capitals-only face, a Roman
    numeral that is a letter); if there are many, the picture is a placeholder and none does.
    """
    alike: dict[Picture, list[str]] = defaultdict(list)
    for character, picture in pictures.items():
        alike[picture].append(character)
    own: set[str] = set()
    for group in alike.values():
        if set(group) >= TWINS:
            own.update(TWINS)
        elif len(group) < PLACEHOLDER_REPEATS:
            own.add(group[0])
    return own


def _family(font: TTFont, path: Path) -> str:
    names = font.get("name")
    return (names and (names.getDebugName(16) or names.getDebugName(1))) or path.stem


def _modifiers(font: TTFont) -> tuple[str, ...]:
    """Weight, width and slant by the font's own tables (OS/2 and post; OpenType 1.9)."""
    found = []
    if "OS/2" in font:
        weight, width = font["OS/2"].usWeightClass, font["OS/2"].usWidthClass
        bounds = ((250, "thin"), (350, "light"), (450, ""), (550, "medium"), (750, "bold"), (1001, "black"))
        found.append(next((name for bound, name in bounds if weight <= bound), ""))
        found.append("condensed" if width < 5 else "")
    if "post" in font and font["post"].italicAngle:
        found.append("italic")
    return tuple(name for name in found if name)
