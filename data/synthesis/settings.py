"""Every number of the synthesis, as dataclasses that a YAML fills. The values stand in configs/synthesis/.

Lengths are in em (the font size in pixels) where not said otherwise, so that they mean the same at every size.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Span:
    """Something that happens to a share `p` of the lines, with a value uniform in `low` .. `high`."""

    p: float = 0.0
    low: float = 0.0
    high: float = 0.0


@dataclass
class Effect:
    """A damage: at strength s a share `p` (times s below 1) of the lines gets a value between `mild` and s of the way
    to `strong`."""

    p: float = 0.0
    mild: float = 0.0
    strong: float = 0.0


@dataclass
class Length:
    """A share of the lines has `low` .. `high` characters."""

    weight: float = 1.0
    low: int = 1
    high: int = 10


@dataclass
class TextSettings:
    """What is written: shares of the kinds, lengths, and how the sources are varied."""

    kinds: dict[str, float] = field(default_factory=dict)
    zh_lengths: list[Length] = field(default_factory=list)
    en_lengths: list[Length] = field(default_factory=list)
    whole: float = 0.0
    rare: float = 0.5
    symbols: float = 0.1
    upper: float = 0.0
    upper_brief: float = 0.0
    curly_quotes: float = 0.0
    look_alikes: float = 1.0
    ascii_punctuation: float = 0.0
    join: float = 0.0
    gap_after_hanzi: float = 0.0


@dataclass
class FaceSettings:
    """Which faces draw which lines."""

    zh_for_english: float = 0.1
    latin_in_chinese: float = 0.3
    lineage_power: float = 0.5
    # of training lines only, where they stand for designs that no list has; test lines show faces as they are
    across: Span = field(default_factory=Span)  # growth of horizontal strokes beyond that of vertical ones, em
    pull: Span = field(default_factory=Span)  # outlines moved out of the middle of their box, share
    sway: Span = field(default_factory=Span)  # outlines turned and bent glyph by glyph, as written by hand, em
    substitutes: bool = False  # what a Chinese face lacks comes from another one, as in browsers
    emphasis: dict[str, float] = field(default_factory=dict)


@dataclass
class Share:
    """How many lines a recipe is for."""

    weight: float = 1.0
    brief: float = 0.0  # share of the texts cut to a few characters or words


@dataclass
class Lettering:
    """How the letters are set, and the box that is cut around them."""

    size: Span = field(default_factory=Span)  # font size, pixels
    hinted: float = 0.0  # share drawn with hinted outlines
    aliased: float = 0.0  # share drawn without gray levels
    shear: Span = field(default_factory=Span)  # faux italic, horizontal per vertical
    stretch: Span = field(default_factory=Span)  # horizontal scale
    bold: Span = field(default_factory=Span)  # stroke growth, em
    spacing: Span = field(default_factory=Span)  # between characters
    wide_gap: Span = field(default_factory=Span)  # a space of a Chinese line
    latin_scale: Span = field(default_factory=Span)  # size of Latin letters beside hanzi
    latin_gap: Span = field(default_factory=Span)  # between Latin letters and hanzi where the text has no space
    latin_quotes: float = 0.0  # share with “ ” ‘ ’ … from the Latin face
    squeezed: float = 0.0  # share with full-width punctuation set half as wide
    tail_scale: Span = field(default_factory=Span)  # size of the last characters: units, station names
    full_width: float = 0.0  # share of Chinese lines with full-width digits and letters
    jitter: Span = field(default_factory=Span)  # vertical shift of each glyph
    # crop
    ink_box: float = 0.5  # share cropped around the ink instead of the em box
    above: Span = field(default_factory=Span)
    below: Span = field(default_factory=Span)
    left: Span = field(default_factory=Span)
    right: Span = field(default_factory=Span)


@dataclass
class Coloring:
    """Ink and what lies under it; luma 0 .. 255."""

    paper: Span = field(default_factory=Span)
    contrast: Span = field(default_factory=Span)
    light_on_dark: float = 0.0
    texture: Span = field(default_factory=Span)  # amplitude, share of the contrast
    gradient: Span = field(default_factory=Span)  # amplitude, share of the contrast
    clutter: Span = field(default_factory=Span)  # things with edges behind the text: share of the contrast
    panel: float = 0.0  # share with a cell or button that ends inside the crop
    two_inks: float = 0.0
    outline: Span = field(default_factory=Span)  # width, em
    drop_shadow: Span = field(default_factory=Span)  # offset, em
    glow: Span = field(default_factory=Span)  # reach of the light around neon letters, em
    depth: Span = field(default_factory=Span)  # of letters cut out of a board, em
    worn: Span = field(default_factory=Span)  # ink lost in patches, share
    relief: Span = field(default_factory=Span)  # engraved letters: strength


@dataclass
class Company:
    """What stands beside the line."""

    neighbors: Span = field(default_factory=Span)  # distance of the lines above and below, in line heights
    underline: Span = field(default_factory=Span)  # distance below the baseline
    strike: float = 0.0
    rule: float = 0.0  # table line above or below
    side_rule: float = 0.0  # table line on the left or right
    stray: float = 0.0  # marks at the left and right edges
    stamp: Span = field(default_factory=Span)  # opacity of a seal over the text


@dataclass
class Degradation:
    """What a camera, a scanner and a file do to it."""

    # geometry
    tilt: Span = field(default_factory=Span)  # drift from end to end, share of the height
    perspective: Span = field(default_factory=Span)  # movement of the corners, share of the height
    curve: Span = field(default_factory=Span)  # height of the bend, share of the height
    # damage, in physical order; lengths in pixels of a line 32 high
    fade: Effect = field(default_factory=Effect)
    shadow: Effect = field(default_factory=Effect)
    motion: Effect = field(default_factory=Effect)
    blur: Effect = field(default_factory=Effect)
    low_resolution: Effect = field(default_factory=Effect)  # height of the line in pixels
    noise: Effect = field(default_factory=Effect)
    grain: Effect = field(default_factory=Effect)
    salt: Effect = field(default_factory=Effect)
    halftone: Effect = field(default_factory=Effect)
    moire: Effect = field(default_factory=Effect)
    streaks: Effect = field(default_factory=Effect)
    sharpen: Effect = field(default_factory=Effect)
    threshold: Effect = field(default_factory=Effect)  # height of the picture while it is binarized
    jpeg: Effect = field(default_factory=Effect)  # quality
    store_height: Span = field(default_factory=Span)  # pixels of the stored picture, where it is made smaller


@dataclass
class Recipe(Degradation, Company, Coloring, Lettering, Share):
    """How lines of one kind of origin look: first the layout, then the damage in the order it happens.

    Its fields come in the order of the bases from the last to the first; a set's digest depends on it.
    """


@dataclass
class SynthesisSettings:
    """The whole recipe book.

    `strength` is drawn uniformly for each line: 0 leaves no damage, 1 all that the recipes say.
    """

    text: TextSettings = field(default_factory=TextSettings)
    faces: FaceSettings = field(default_factory=FaceSettings)
    strength: Span = field(default_factory=lambda: Span(p=1.0, low=1.0, high=1.0))
    recipes: dict[str, Recipe] = field(default_factory=dict)
    max_height: int = 48
    jpeg_quality: int = 95
