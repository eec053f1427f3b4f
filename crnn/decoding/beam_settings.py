"""The numbers of the beam search."""

from __future__ import annotations

from dataclasses import dataclass

from crnn.core.errors import UserError


@dataclass(frozen=True)
class BeamSettings:
    """Numbers of the search; the defaults were tuned by `python -m crnn.evaluation.decoding.lm_tuning`.

    Attributes:
        width: prefixes kept after each frame.
        candidates: classes looked at in a frame that is not sure.
        sure: a frame whose best class is at least so probable is taken as it is. This bounds the time, and it is the
            guard: where the recognizer is sure, neither the language model nor a hot word may overrule it.
        least: classes less probable than this are no candidates, whatever the language model thinks of them.
        margin: nats below the best at which a prefix is given up.
        lm_weight: of what the language model says for a character (`LanguageModel.support`), in the search.
        pass_weight: the same where two passes over one line are compared.
    """

    width: int = 8
    candidates: int = 8
    sure: float = 0.97
    least: float = 0.003
    margin: float = 10.0
    lm_weight: float = 0.35
    pass_weight: float = 0.1

    def __post_init__(self) -> None:
        if self.width < 1 or self.candidates < 1:
            raise UserError("beam width and candidates must be at least 1")
        if not (0.5 < self.sure <= 1 and 0 < self.least < 0.5):
            raise UserError("`sure` must be in 0.5 to 1 and `least` in 0 to 0.5")
        if self.margin <= 0 or min(self.lm_weight, self.pass_weight) < 0:
            raise UserError("`margin` must be above 0, `lm_weight` and `pass_weight` not below")
