"""The two tables of the article this project grew out of, beside today's figures.

The article's figures are its own claims, measured on a Xeon E5-2680 v4 with lines that were not published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crnn.evaluation.report import Report, Subject

FLOAT = {"size": 29.0, "seconds": 1.2, "accuracy": 0.981}
INT8 = {"size": 7.3, "seconds": 0.63, "accuracy": 0.976}
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
    rows: list[Sequence[object]] = [
        _row("size, MB", FLOAT["size"], INT8["size"], base.size_mb, integer.size_mb, ".1f"),
        _row(
            "time a line, ms",
            1e3 * FLOAT["seconds"],
            1e3 * INT8["seconds"],
            base.latency.p50,
            integer.latency.p50,
            ".4g",
        ),
    ]
    claimed = (
        f"{FLOAT['accuracy']:.1%}",
        f"{INT8['accuracy']:.1%}",
        _points(FLOAT["accuracy"], INT8["accuracy"]),
    )
    for label, score in (("lines exact", "exact"), ("lines exact, no spaces", "exact_nospace")):
        before, after = getattr(base.accuracy, score), getattr(integer.accuracy, score)
        rows.append((label, *claimed, f"{before:.1%}", f"{after:.1%}", _points(before, after)))
        claimed = ("", "", "")
    before, after = 1 - base.accuracy.cer, 1 - integer.accuracy.cer
    rows.append(("characters right (1 - CER)", *claimed, f"{before:.2%}", f"{after:.2%}", _points(before, after)))
    return rows


def _row(label: str, was: float, became: float, before: float, after: float, form: str) -> Sequence[object]:
    then = (f"{was:{form}}", f"{became:{form}}", f"{was / became:.1f}×")
    return (label, *then, f"{before:{form}}", f"{after:{form}}", f"{before / after:.1f}×")


def _points(before: float, after: float) -> str:
    return f"{100 * (after - before):+.2f} points"


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
