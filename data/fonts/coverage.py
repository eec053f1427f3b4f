"""What a face really draws, and what it calls itself. Knows nothing of packages.

A cmap promises glyphs; some faces map characters to blank or placeholder outlines, and a line drawn with
those would teach tofu. So every promised character is drawn once, small, and looked at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from crnn.errors import UserError

PIXELS = 24  # size of the drawing: thin strokes still leave grey, and a face of 7,000 characters takes a second
PLACEHOLDER_REPEATS = 4  # so many with one picture are a "missing" box; three kinds of quotation mark are not
TWINS = {"I", "l"}  # drawn alike by honest sans faces; every line of English has both

Picture = tuple[tuple[int, int], bytes]  # size and grey values


@dataclass(frozen=True)
class Outline:
    """What `inspect_face` found out.

    Attributes:
        family: the font's own name.
        modifiers: of "thin", "light", "medium", "bold", "black", "condensed", "italic", those that hold.
        drawn: the characters asked for that it draws.
    """

    family: str
    modifiers: tuple[str, ...]
    drawn: str


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
    own = own_pictures(pictures)
    return Outline(family, modifiers, "".join(c for c in mapped if c in own or c.isspace()))


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
