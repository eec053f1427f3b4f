"""Command `python -m data.fonts profile=quick|full`. The only module of the package that knows Hydra."""

from __future__ import annotations

import sys
from collections import Counter

from crnn.core.stage import stage
from data.fonts.build import FontsConfig, build_fonts
from data.fonts.manifest import Face


def table(faces: tuple[Face, ...]) -> str:
    """The faces for people: id, style, coverage, split, lineage, license, source."""
    rows = [("face", "script", "style", "coverage", "split", "lineage", "license", "source")]
    rows += [(f.id, f.script, f.style, f"{f.coverage:.1%}", f.split, f.lineage, f.license, f.source) for f in faces]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


@stage("fonts", FontsConfig)
def main(config: FontsConfig) -> None:
    result = build_fonts(config)
    print(table(result.faces))
    for sentence in result.left_out:
        print(f"warning: left out: {sentence}", file=sys.stderr)
    counts = Counter((face.split, face.script) for face in result.faces)
    summary = ", ".join(f"{count} {script} to {split}" for (split, script), count in sorted(counts.items()))
    print(f"{len(result.faces)} faces ({summary}) -> {result.manifest}")


if __name__ == "__main__":
    main()
