"""What changes between two readings of the same lines."""

from __future__ import annotations

from dataclasses import dataclass

from crnn.core.metrics import normalize, score


@dataclass(frozen=True)
class Comparison:
    """Two readings of the same lines.

    Attributes:
        cer_before, cer_after: character error rates.
        exact_before, exact_after: shares of lines without error.
        spoiled: share of all lines that were right and became wrong.
        mended: share of all lines that were wrong and became right.
    """

    lines: int
    cer_before: float
    cer_after: float
    exact_before: float
    exact_after: float
    spoiled: float
    mended: float

    @classmethod
    def of(cls, truths: list[str], before: list[str], after: list[str]) -> Comparison:
        first, second = score(truths, before), score(truths, after)
        right = [
            (normalize(b) == normalize(t), normalize(a) == normalize(t))
            for t, b, a in zip(truths, before, after, strict=True)
        ]
        return cls(
            lines=len(truths),
            cer_before=first.cer,
            cer_after=second.cer,
            exact_before=first.exact,
            exact_after=second.exact,
            spoiled=sum(b and not a for b, a in right) / len(right),
            mended=sum(a and not b for b, a in right) / len(right),
        )

    @property
    def reduction(self) -> float:
        """Share of the errors that is gone."""
        return 1 - self.cer_after / self.cer_before if self.cer_before else 0.0

    def row(self) -> str:
        """The figures as one line of a table."""
        return (
            f"CER {self.cer_before:.4f} -> {self.cer_after:.4f} ({-self.reduction:+.1%})  "
            f"exact {self.exact_before:.3f} -> {self.exact_after:.3f}  "
            f"right to wrong {self.spoiled:.2%}  wrong to right {self.mended:.2%}"
        )
