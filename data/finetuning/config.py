"""What a fine-tune is prepared from, and what was prepared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from data.synthesis.settings import Span


@dataclass
class DomainConfig:
    """See configs/domain.yaml for meanings and values."""

    name: str = MISSING
    start_model: str = MISSING
    fonts: str = MISSING
    text: str = MISSING
    data: str = MISSING
    replay: str = MISSING
    general: str = MISSING
    profile: str = MISSING
    lines: int = MISSING
    test_lines: int = MISSING
    replay_lines: int = MISSING
    general_lines: int = MISSING
    gate_lines: int = MISSING
    held_out: float = MISSING
    real_share: float = MISSING
    most_repeats: int = MISSING
    max_new_characters: int = MISSING
    planted: int = MISSING
    shares: dict[str, float] = MISSING
    strength: Span = MISSING
    test_strength: Span = MISSING
    left_out: list[str] = MISSING
    general_groups: dict[str, list[str]] = MISSING
    general_recipes: list[str] = MISSING
    recipes: str = MISSING
    seed: int = MISSING
    processes: int = MISSING
    cache: str = MISSING
    artifacts: str = MISSING

    def lines_at(self, part: str) -> Path:
        """Folder of the set NAME-`part`."""
        return Path(self.artifacts, "lines", f"{self.name}-{part}")

    @property
    def run(self) -> Path:
        """Folder of the run that will be trained."""
        return Path(self.artifacts, self.name)


@dataclass(frozen=True)
class Domain:
    """What was prepared.

    Attributes:
        added: new characters, in the order of their ids.
        lines, test_lines: drawn and imported.
        held_out: whether test lines are other lines than those trained on (there may be too few labeled ones).
        general: path of the general set.
        own_looks: of the lines to train on, so many of the first are in faces of the domain's own.
        replay: path of the general lines to mix in.
    """

    added: str
    lines: int
    test_lines: int
    held_out: bool
    general: str
    own_looks: int = 0
    replay: str = ""
