"""The two tables of the article this project grew out of, beside today's figures.

The article's figures are its own claims, measured on a Xeon E5-2680 v4 with lines that were not published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crnn.evaluation.report.report import Report, Subject

CHINESE = {"this network": 0.968, "Tesseract": 0.723, "PaddleOCR small": 0.941}

Table = Callable[[Sequence[object], Sequence[Sequence[object]]], str]


def article_tables(report: Report, table: Table) -> list[str]:
    """Both tables as Markdown; a table whose subjects were not evaluated is left out."""
    parts = []
    base = report.subject(report.baseline)
    integer = next((model for model in report.models if model.name in report.comparisons), None)
    if integer is not None:
        parts += [
            f"## The article's first table: FP32 against INT8 ({base.name}, {integer.name})",
            table(["", "article FP32", "article INT8", "ratio", "FP32", "INT8", "ratio"], _first(base, integer)),
        ]
    rows = _second(report)
    if rows:
        parts += [
            "## The article's second table: lines with Chinese characters",
            table(["", "article", "exact", "exact, no spaces", "characters right (1 - CER)"], rows),
        ]
    return parts


def _first(base: Subject, integer: Subject) -> list[Sequence[object]]:
    def ratio(before: float, after: float, form: str) -> tuple[str, str, str]:
        return f"{before:{form}}", f"{after:{form}}", f"{before / after:.1f}×"

    def points(before: float, after: float) -> tuple[str, str, str]:
        return f"{before:.1%}", f"{after:.1%}", f"{100 * (after - before):+.2f} points"

    accuracy, other = base.accuracy, integer.accuracy
    nothing = ("", "", "")
    return [
        ("size, MB", *ratio(29, 7.3, ".1f"), *ratio(base.size_mb, integer.size_mb, ".1f")),
        ("time, ms", *ratio(1200, 630, ".0f"), *ratio(base.latency.p50, integer.latency.p50, ".2f")),
        ("processor time, ms", *nothing, *ratio(base.latency.cpu_p50, integer.latency.cpu_p50, ".2f")),
        ("accuracy: lines exact", *points(0.981, 0.976), *points(accuracy.exact, other.exact)),
        ("lines exact, no spaces", *nothing, *points(accuracy.exact_nospace, other.exact_nospace)),
        ("characters right (1 - CER)", *nothing, *points(1 - accuracy.cer, 1 - other.cer)),
    ]


def _second(report: Report) -> list[Sequence[object]]:
    pairs = [(f"this network ({report.models[0].name})", CHINESE["this network"], report.models[0])]
    for peer in report.peers:
        if peer.name == "tesseract":
            pairs.append((f"Tesseract ({peer.source})", CHINESE["Tesseract"], peer))
        elif peer.name.endswith("small"):
            pairs.append((f"PaddleOCR small ({peer.source})", CHINESE["PaddleOCR small"], peer))
    if len(pairs) < 2:
        return []
    return [
        (
            label,
            f"{claim:.1%}",
            f"{s.chinese.exact:.1%}",
            f"{s.chinese.exact_nospace:.1%}",
            f"{1 - s.chinese.cer:.2%}",
        )
        for label, claim, s in pairs
        if s.chinese is not None
    ]
