"""Prints some readings beside the truth: `python -m crnn.evaluation.report.show MODEL DATASET [LINES]`."""

from __future__ import annotations

import argparse
import time

from crnn.core.errors import exit_cleanly
from crnn.core.metrics import normalize
from crnn.datasets.labeled import read_lines
from crnn.recognizer import Recognizer


@exit_cleanly()
def main() -> None:
    """Read LINES of DATASET (an LMDB folder or a labels TSV) with MODEL and print them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", help="exported .onnx model")
    parser.add_argument("dataset", help="LMDB folder, or TSV of file and text")
    parser.add_argument("lines", nargs="?", type=int, default=10)
    arguments = parser.parse_args()
    recognizer = Recognizer(arguments.model)
    print(f"{'ms':>6}  {'sure':>4}  truth → reading")
    for line in read_lines(arguments.dataset, samples=arguments.lines):
        begin = time.perf_counter()
        reading = recognizer.read(line.image)
        milliseconds = 1000 * (time.perf_counter() - begin)
        verdict = "" if normalize(reading.text) == normalize(line.text) else " → " + (reading.text or "(nothing)")
        print(f"{milliseconds:6.1f}  {reading.confidence:4.0%}  {line.text}{verdict}")


if __name__ == "__main__":
    main()
