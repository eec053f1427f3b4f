"""How far lines are varied, and the numbers that are drawn for each."""

from __future__ import annotations

from dataclasses import dataclass, field

from crnn.core.errors import UserError

# The number that decides each property among those drawn for a sight, all at once: thirty calls would cost more.
_NAMES = (
    "border", "bent", "bend", "perspective", "shear", "reduced", "height", "blurred", "blur", "across", "toned",
    "gamma", "contrast", "brightness", "inverted", "noisy", "where", "noise", "compressed", "quality",
)  # fmt: skip
CHANCES = {name: number for number, name in enumerate(_NAMES)}


@dataclass
class VariationConfig:
    """Ranges that are drawn from; as they stand here nothing is varied. See configs/variation/wide.yaml for values.

    Attributes:
        strength: 0 to 1; scales every range and share below, except `plain`.
        plain: share of sights whose geometry is left as it is.
        stretch: least and most horizontal stretch, log-uniform.
        above_below: least and most slack above and below; less than 0 is cut off.
        before_after: the same at the ends.
        uneven: standard deviation of one side's slack from the line's.
        turn: degrees at most, either way; small angles are commoner.
        rise: at most, from one end of a turned line to the other: long lines are turned less.
        shear: degrees at most, either way.
        perspective: how much smaller one end is at most.
        bend: height of the arc at most, up or down.
        bent: share of sights.
        reduced: share of sights whose picture is reduced and enlarged again.
        least_height: pixels of a reduced picture.
        blurred: share of the other sights.
        blur: standard deviation at most, hundredths of the height that the line takes; less where it is narrow.
        noisy: share of sights.
        noise: standard deviation at most, gray levels before contrast is taken away.
        compressed: share of sights.
        quality: least and most of JPEG.
        toned: share of sights of another gamma, contrast and brightness.
        gamma: log2 at most, either way.
        contrast: least.
        brightness: gray levels at most, either way.
        inverted: share of sights.
        room: frames that each frame a label needs gets at least, where the picture had as many.
    """

    strength: float = 1.0
    plain: float = 0.0
    stretch: list[float] = field(default_factory=lambda: [1.0, 1.0])
    above_below: list[float] = field(default_factory=lambda: [0.0, 0.0])
    before_after: list[float] = field(default_factory=lambda: [0.0, 0.0])
    uneven: float = 0.0
    turn: float = 0.0
    rise: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    bend: float = 0.0
    bent: float = 0.0
    reduced: float = 0.0
    least_height: float = 10.0
    blurred: float = 0.0
    blur: float = 0.0
    noisy: float = 0.0
    noise: float = 0.0
    compressed: float = 0.0
    quality: list[int] = field(default_factory=lambda: [100, 100])
    toned: float = 0.0
    gamma: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    inverted: float = 0.0
    room: float = 1.0

    def check(self) -> None:
        """Raises:
        UserError: a range is empty, or a number makes no sense.
        """
        if not 0 <= self.strength <= 1 or not 0 <= self.plain <= 1:
            raise UserError(f"variation: strength {self.strength} and plain {self.plain} must lie between 0 and 1")
        for name in ("stretch", "above_below", "before_after", "quality"):
            values = getattr(self, name)
            if len(values) != 2 or values[0] > values[1]:
                raise UserError(f"variation.{name}={list(values)}: give the least and the most")
        if self.stretch[0] <= 0 or min(self.above_below[0], self.before_after[0]) <= -0.4:
            raise UserError("variation: stretch must be above 0, and less than .4 of the height may be cut off a side")
        if self.room < 1 or self.least_height < 4 or not 0 < self.contrast <= 1:
            raise UserError("variation: room must be at least 1, least_height at least 4, contrast above 0 and up to 1")
