"""Judges models on labeled lines, beside other recognizers, and writes the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_MODEL
from crnn.datasets.labeled import LabeledLine, has_hanzi, read_lines
from crnn.evaluation.engines.peers import Fetch, PaddlePeer, open_peers
from crnn.evaluation.engines.readers import FLOAT, LineReader, ModelReader
from crnn.evaluation.measures.calibration import reliability_of
from crnn.evaluation.measures.machine import describe_machine
from crnn.evaluation.measures.scoring import compare, score_lines
from crnn.evaluation.measures.timing import Run, run_interleaved, throughput
from crnn.evaluation.report.markdown import to_markdown
from crnn.evaluation.report.plots import write_plots
from crnn.evaluation.report.predictions import write_predictions
from crnn.evaluation.report.report import PREDICTIONS, Report, Subject
from crnn.evaluation.report.worst_lines import write_worst_page
from crnn.evaluation.studies.robustness import CHANGES, measure_robustness
from crnn.evaluation.studies.studies import Studies, StudiesConfig, run_studies
from crnn.image.preprocess import decode_image, scaled_width


@dataclass
class EvaluateConfig:
    """Attributes:
    name: results go to artifacts/<name>.
    dataset: LMDB folder, or TSV `file<TAB>text[<TAB>category...]` with files relative to its own folder.
    model: ONNX file, FP32 or INT8; by default the shipped one, unless `models` names some.
    models: several of ours side by side, patterns allowed; the first is the one the report is about.
    language_model: file of `make lm`: the first model is read with it, too, as a further reader.
    peers: of the names in `paddle` and tesseract, or [all].
    samples: at most so many lines, drawn by `seed`; by default all.
    warmup: lines read off the clock.
    repeats: times each line is read; a line's time is the median of its repeats.
    throughput_chunk: lines handed over at once when throughput is measured.
    worst: lines on the page of the worst.
    cache: where peers' packages are unpacked.
    paddle: where other engines' models are found, see configs/paddle/recognizers.yaml.
    robustness: every reader reads every line again, changed in sixteen ways (stretched, turned, …).
    studies: see `StudiesConfig`.
    """

    name: str = MISSING
    dataset: str = MISSING
    model: str | None = None
    models: list[str] = field(default_factory=list)
    language_model: str | None = None
    peers: list[str] = field(default_factory=list)
    samples: int | None = None
    seed: int = 0
    threads: int = 1  # of each reader: the server runs one thread a worker, and peers get the same
    warmup: int = 32  # covers the shapes met most often
    repeats: int = 1
    throughput_chunk: int = 256  # fills every width bucket's batches
    worst: int = 100
    cache: str = "artifacts/cache/packages"
    tesseract_languages: str = "chi_sim+eng"
    paddle: dict[str, PaddlePeer] = field(default_factory=dict)
    robustness: bool = False
    studies: StudiesConfig = field(default_factory=StudiesConfig)


def evaluate(config: EvaluateConfig, fetch: Fetch) -> Report:
    """Read the lines with every subject, write `artifacts/<name>/` and return what was found.

    Args:
        fetch: brings the packages of other engines, see `crnn.evaluation.engines.peers`.

    Raises:
        UserError: a model or dataset that cannot be read, or an unknown peer.
    """
    if config.repeats < 1:
        raise UserError(f"repeats={config.repeats}: every line must be read at least once")
    models = open_models(config)
    lines = read_lines(config.dataset, config.samples, config.seed)
    packages = Path(config.cache)
    peers = open_peers(config.peers, config.paddle, config.tesseract_languages, packages, config.threads, fetch)
    for absent in peers.missing:
        print(f"warning: peer {absent.name} is not compared: {absent.reason}")
    readers: list[LineReader] = [*models, *peers.readers]
    if config.language_model:  # among the peers: it is no other export of the model, to which the INT8 bars apply
        name = f"{models[0].name} + lm"
        readers.insert(len(models), ModelReader(models[0].source, name, config.threads, Path(config.language_model)))
    machine = describe_machine()
    with tqdm(total=len(lines) * config.repeats, unit="line", desc=f"{len(readers)} readers", mininterval=1) as bar:
        runs = run_interleaved(readers, lines, config.repeats, config.warmup, bar.update)
    subjects = [_subject(reader, run, lines, config) for reader, run in zip(readers, runs, strict=True)]
    ours = subjects[: len(models)]
    baseline = next((model for model in ours if model.precision == FLOAT), ours[0])
    report = Report(
        name=config.name,
        dataset=config.dataset,
        machine=machine,
        models=tuple(ours),
        peers=tuple(subjects[len(models) :]),
        missing=peers.missing,
        baseline=baseline.name,
        comparisons={m.name: compare(lines, _texts(baseline), _texts(m)) for m in ours if m is not baseline},
        studies=Studies(),
    )
    spec = models[0].recognizer.info.canvas
    widths = [scaled_width(decode_image(line.image), spec) for line in lines]
    write(report, lines, widths, config.worst)  # before the studies: minutes of reading must not be lost to them
    if config.robustness:
        cells = len(lines) * len(CHANGES)
        with tqdm(total=cells, unit="line", desc="changed lines", mininterval=1) as bar:
            report = dataclasses.replace(report, robustness=measure_robustness(readers, lines, bar.update))
        write(report, lines, widths, config.worst)
    if config.studies != StudiesConfig():
        studies = run_studies(config.studies, models, peers.readers, lines, config.seed)
        report = dataclasses.replace(report, studies=studies)
        write(report, lines, widths, config.worst)
    return report


def open_models(config: EvaluateConfig) -> list[ModelReader]:
    """Our models under test: `model`, then `models` with patterns (run/model*.onnx) expanded; each once."""
    paths = [Path(config.model)] if config.model else []
    for pattern in config.models:
        path = Path(pattern)
        found = sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
        if not found:
            raise UserError(f"models: nothing matches {pattern}")
        paths += found
    paths = list(dict.fromkeys(paths or [DEFAULT_MODEL]))
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):  # model.onnx of two runs: the run's name tells them apart
        names = [f"{path.parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        raise UserError(f"models {', '.join(map(str, paths))}: two of them have the same name")
    return [ModelReader(path, name, config.threads) for path, name in zip(paths, names, strict=True)]


def write(report: Report, lines: Sequence[LabeledLine], widths: Sequence[int], worst: int) -> None:
    """Write everything a report consists of into `artifacts/<name>/`."""
    folder = Path("artifacts", report.name)
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / PREDICTIONS, lines, report.subjects)
    write_worst_page(folder / "worst.html", report, lines, worst)
    write_plots(folder / "plots", report, widths)
    (folder / "report.md").write_text(to_markdown(report), encoding="utf-8")
    report.write_json(folder / "report.json")


def _texts(subject: Subject) -> list[str]:
    return [guess.text for guess in subject.guesses]


def _subject(reader: LineReader, run: Run, lines: Sequence[LabeledLine], config: EvaluateConfig) -> Subject:
    latency = run.latency(reader.threads)
    texts = [guess.text for guess in run.guesses]
    chinese = [(line, text) for line, text in zip(lines, texts, strict=True) if has_hanzi(line.text)]
    if isinstance(reader, ModelReader):
        speed = throughput(reader, lines, config.throughput_chunk)
    else:
        speed = 1000 / latency.mean
    return Subject(
        name=reader.name,
        source=reader.source,
        size_mb=reader.size_mb,
        precision=reader.precision,
        accuracy=score_lines(lines, texts),
        latency=latency,
        throughput=speed,
        guesses=run.guesses,
        milliseconds=run.line_milliseconds,
        cpu_milliseconds=run.cpu_line_milliseconds,
        chinese=score_lines([line for line, _ in chinese], [text for _, text in chinese]) if chinese else None,
        calibration=reliability_of(lines, run.guesses),
    )
