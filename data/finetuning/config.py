"""What a fine-tune is prepared from, and what was prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from data.synthesis.settings import Span


@dataclass
class DomainConfig:
    """See configs/domain.yaml for meanings and values."""

    name: str = MISSING
    start_model: str = MISSING
    fonts: str = ""
    text: str = ""
    data: str = ""
    replay: str = ""
    general: str = ""
    profile: str = ""
    lines: int = 30000
    test_lines: int = 400
    replay_lines: int = 15000
    general_lines: int = 4000
    gate_lines: int = 1200
    held_out: float = 0.15
    real_share: float = 0.5
    most_repeats: int = 20
    max_new_characters: int = 500
    planted: int = 40
    shares: dict[str, float] = field(default_factory=dict)
    strength: Span = field(default_factory=Span)
    test_strength: Span = field(default_factory=Span)
    left_out: list[str] = field(default_factory=list)
    general_groups: dict[str, list[str]] = field(default_factory=dict)
    general_recipes: list[str] = field(default_factory=list)
    recipes: str = ""
    seed: int = 101
    processes: int = 0
    cache: str = "artifacts/cache"
    artifacts: str = "artifacts"

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
