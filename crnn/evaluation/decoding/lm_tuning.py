"""Tunes the beam's weights and shows what it brings.

python -m crnn.evaluation.decoding.lm_tuning model=FILE language_model=FILE

First the language model's weight and the length bonus on a grid, then how sure is sure, for lines looked at once; then
its weight where two passes are compared; then greedy against the beam on test lines as users read them,
unsure ones twice: errors, lines made right, lines made wrong, time.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.stage import stage
from crnn.datasets.lmdb_store import LineStore
from crnn.decoding.beam import BeamDecoder
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.candidates import Frame, shortlist
from crnn.decoding.ctc import CtcPath, greedy
from crnn.decoding.decoder import Decoder
from crnn.evaluation.decoding.comparison import Comparison
from crnn.language_model.model import LanguageModel
from crnn.recognizer import Recognizer


@dataclass
class LmTuningConfig:
    """See configs/lm_tuning.yaml."""

    model: str = MISSING
    language_model: str = MISSING
    validation: str = MISSING
    guard: str = MISSING
    max_spoiled: float = MISSING
    tests: dict[str, str] = MISSING
    lines: int = MISSING
    timed_lines: int = MISSING
    lm_weights: list[float] = MISSING
    sure: list[float] = MISSING
    least: list[float] = MISSING
    pass_weights: list[float] = MISSING
    output: str = MISSING


@dataclass(frozen=True)
class Line:
    """What is kept of a line's logits: the greedy text, and the candidates for each (sure, least)."""

    truth: str
    greedy_text: str
    frames: dict[tuple[float, float], list[Frame]]


def labeled(path: str, limit: int) -> Iterator[tuple[bytes, str]]:
    """Pictures and texts of a set."""
    store = LineStore(path)
    for index in range(min(limit or len(store), len(store))):
        line = store[index]
        yield line.image, line.label


def collect(recognizer: Recognizer, path: str, limit: int, shortlists: list[BeamSettings]) -> list[Line]:
    """Run the network over a set."""
    lines = []
    for image, truth in tqdm(list(labeled(path, limit)), desc=Path(path).name, unit="line", mininterval=1.0):
        kept: list[np.ndarray] = []

        def remember(logits: np.ndarray, kept: list[np.ndarray] = kept) -> CtcPath:
            kept.append(logits)
            return greedy(logits)

        text = recognizer.read(image, remember).text
        if len(kept) == 1:  # lines cut into pieces are joined by another rule, which is not on trial here
            frames = {(s.sure, s.least): shortlist(kept[0], s) for s in shortlists}
            lines.append(Line(truth, text, frames))
    return lines


def read_again(lines: list[Line], model: LanguageModel, charset: Charset, settings: BeamSettings) -> list[str]:
    """What the beam reads, from the candidates that were kept."""
    decoder = BeamDecoder(model, settings=settings)
    texts = []
    for line in lines:
        frames = line.frames[settings.sure, settings.least]
        sure = all(len(frame) == 1 for frame in frames)
        texts.append(line.greedy_text if sure else charset.decode_ids(decoder.search(frames)))
    return texts


def compare(lines: list[Line], readings: list[str]) -> Comparison:
    """Greedy against other readings of the same lines."""
    return Comparison.of([line.truth for line in lines], [line.greedy_text for line in lines], readings)


def tune(cfg: LmTuningConfig, recognizer: Recognizer, model: LanguageModel) -> BeamSettings:
    """The settings with the least CER on the validation set that spoil few enough lines of the guard set."""
    start = BeamSettings()
    sures, leasts = sorted({start.sure, *cfg.sure}), sorted({start.least, *cfg.least})
    shortlists = [dataclasses.replace(start, sure=sure, least=least) for sure, least in product(sures, leasts)]
    charset = recognizer.info.charset
    lines = collect(recognizer, cfg.validation, cfg.lines, shortlists)
    clean = collect(recognizer, cfg.guard, cfg.lines, shortlists)
    if not lines or not clean:
        raise UserError("no line of the validation or guard set can be used: are they wider than the canvas?")

    def best(trials: list[BeamSettings]) -> BeamSettings:
        found: list[tuple[tuple[float, float], BeamSettings]] = []
        for trial in trials:
            gain = compare(lines, read_again(lines, model, charset, trial))
            guard = compare(clean, read_again(clean, model, charset, trial))
            print(
                f"weight {trial.lm_weight:<5g} sure {trial.sure:<5g} least {trial.least:<6g} {gain.row()}  "
                f"guard: {guard.cer_before:.4f} -> {guard.cer_after:.4f}, right to wrong {guard.spoiled:.2%}",
                flush=True,
            )
            found.append(((max(0.0, guard.spoiled - cfg.max_spoiled), gain.cer_after), trial))
        return min(found, key=lambda entry: entry[0])[1]

    chosen = best([dataclasses.replace(start, lm_weight=weight) for weight in cfg.lm_weights])
    return best([dataclasses.replace(chosen, sure=sure, least=least) for sure, least in product(sures, leasts)])


def read_both(
    recognizer: Recognizer, path: str, limit: int, decoder: Decoder
) -> tuple[list[str], list[str], list[str]]:
    """Texts of a set, and what is read there greedily and with `decoder`."""
    truths, before, after = [], [], []
    for image, truth in tqdm(list(labeled(path, limit)), desc=Path(path).name, unit="line", mininterval=1.0):
        truths.append(truth)
        before.append(recognizer.read(image, greedy).text)
        after.append(recognizer.read(image, decoder).text)
    return truths, before, after


def tune_looks(
    cfg: LmTuningConfig, recognizer: Recognizer, model: LanguageModel, settings: BeamSettings
) -> BeamSettings:
    """The same settings with the pass weight that is best by the rule of `tune`."""
    found: list[tuple[tuple[float, float], BeamSettings]] = []
    for weight in cfg.pass_weights:
        trial = dataclasses.replace(settings, pass_weight=weight)
        decoder = BeamDecoder(model, settings=trial)
        gain = Comparison.of(*read_both(recognizer, cfg.validation, cfg.lines, decoder))
        guard = Comparison.of(*read_both(recognizer, cfg.guard, cfg.lines, decoder))
        print(f"pass weight {weight:<5g} {gain.row()}  guard: {guard.row()}", flush=True)
        found.append(((max(0.0, guard.spoiled - cfg.max_spoiled), gain.cer_after), trial))
    return min(found, key=lambda entry: entry[0])[1] if found else settings


def time_ratio(recognizer: Recognizer, decoder: Decoder, images: list[bytes]) -> tuple[float, float]:
    """Median milliseconds of thread time a line, greedy and with `decoder`; both read each line in turn."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for image in images[:10] + images:  # the first ten warm up
        for beam, decode in ((False, greedy), (True, decoder)):
            started = time.thread_time()
            recognizer.read(image, decode)
            times[beam].append((time.thread_time() - started) * 1000)
    return statistics.median(times[False][10:]), statistics.median(times[True][10:])


def run(cfg: LmTuningConfig) -> Path:
    """Tune, test, and write the report, with every changed line beside it; returns its path."""
    recognizer = Recognizer(cfg.model)
    model = LanguageModel(cfg.language_model, recognizer.info.charset)
    once = Recognizer(cfg.model, unsure=0)  # a line's logits are wanted, not those of a second pass
    settings = tune_looks(cfg, recognizer, model, tune(cfg, once, model))
    decoder = BeamDecoder(model, settings=settings)
    print(f"\nchosen: {settings}")
    output = Path(cfg.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "model": cfg.model,
        "language_model": cfg.language_model,
        "settings": asdict(settings),
        "tests": {},
    }
    for name, path in cfg.tests.items():
        readings = read_both(recognizer, path, cfg.lines, decoder)
        result = Comparison.of(*readings)
        changed = ["\t".join(texts) + "\n" for texts in zip(*readings, strict=True) if texts[1] != texts[2]]
        changes = output.with_name(f"{output.stem}-{name}.tsv")
        changes.write_text("truth\tgreedy\tbeam\n" + "".join(changed), encoding="utf-8")
        images = [image for image, _ in labeled(path, cfg.timed_lines)]
        plain_ms, beam_ms = time_ratio(recognizer, decoder, images)
        times = f"{plain_ms:.2f} -> {beam_ms:.2f} ms ({beam_ms / plain_ms:.2f}x)"
        print(f"{name:10} {result.lines} lines  {result.row()}  {times}")
        report["tests"][name] = {
            **asdict(result), "reduction": result.reduction, "greedy_ms": plain_ms, "beam_ms": beam_ms,
        }  # fmt: skip
    output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return output


@stage("lm_tuning", LmTuningConfig)
def main(config: LmTuningConfig) -> None:
    run(config)


if __name__ == "__main__":
    main()
