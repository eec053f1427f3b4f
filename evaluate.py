"""Stage: judge models on labelled lines, beside other recognisers; see configs/evaluate/evaluate.yaml.

python evaluate.py model=artifacts/base/model.onnx dataset=artifacts/lines/val name=base-val
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from tqdm import tqdm

from crnn import metrics
from crnn.errors import UserError, exit_cleanly
from crnn.evaluation.lines import LabelledLine, read_lines
from crnn.evaluation.machine import describe_machine
from crnn.evaluation.peers import PaddlePeer, open_peers
from crnn.evaluation.predictions import write_predictions
from crnn.evaluation.readers import LineReader, ModelReader
from crnn.evaluation.report import PREDICTIONS, Report, Subject, to_markdown, write_json
from crnn.evaluation.timing import Run, run_interleaved, throughput
from crnn.recognizer import DEFAULT_MODEL
from crnn.stage import run_stage


@dataclass
class EvaluateConfig:
    """See configs/evaluate/evaluate.yaml for meanings and values."""

    name: str = MISSING
    dataset: str = MISSING
    model: str | None = None
    models: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    samples: int | None = None
    seed: int = 0
    threads: int = 1
    warmup: int = 32
    repeats: int = 1
    throughput_chunk: int = 256
    cache: str = "artifacts/cache"
    tesseract_languages: str = "chi_sim+eng"
    paddle: dict[str, PaddlePeer] = field(default_factory=dict)


def evaluate(config: EvaluateConfig) -> Report:
    """Read the lines with every subject, write `artifacts/<name>/` and return what was found.

    Raises:
        UserError: a model or dataset that cannot be read, or an unknown peer.
    """
    if config.repeats < 1:
        raise UserError(f"repeats={config.repeats}: every line must be read at least once")
    models = _open_models(config)
    lines = read_lines(config.dataset, config.samples, config.seed)
    peers = open_peers(
        config.peers, config.paddle, config.tesseract_languages, Path(config.cache), config.threads
    )
    for absent in peers.missing:
        print(f"warning: peer {absent.name} is not compared: {absent.reason}")
    readers: list[LineReader] = [*models, *peers.readers]
    machine = describe_machine()
    with tqdm(
        total=len(lines) * config.repeats, unit="line", desc=f"{len(readers)} readers", mininterval=1
    ) as bar:
        runs = run_interleaved(readers, lines, config.repeats, config.warmup, bar.update)
    subjects = [_subject(reader, run, lines, config) for reader, run in zip(readers, runs, strict=True)]
    report = Report(
        name=config.name,
        dataset=config.dataset,
        machine=machine,
        models=tuple(subjects[: len(models)]),
        peers=tuple(subjects[len(models) :]),
        missing=peers.missing,
    )
    folder = Path("artifacts", config.name)
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / PREDICTIONS, lines, report.subjects)
    write_json(report, folder / "report.json")
    (folder / "report.md").write_text(to_markdown(report), encoding="utf-8")
    return report


def _open_models(config: EvaluateConfig) -> list[ModelReader]:
    paths = [Path(p) for p in ([config.model] if config.model else []) + config.models] or [DEFAULT_MODEL]
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):  # model.onnx of two runs: the run's name tells them apart
        names = [f"{path.parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        raise UserError(f"models {', '.join(map(str, paths))}: two of them have the same name")
    return [ModelReader(path, name, config.threads) for path, name in zip(paths, names, strict=True)]


def _subject(reader: LineReader, run: Run, lines: list[LabelledLine], config: EvaluateConfig) -> Subject:
    latency = run.latency(reader.threads)
    batched = isinstance(reader, ModelReader)
    return Subject(
        name=reader.name,
        source=reader.source,
        size_mb=reader.size_mb,
        accuracy=_score(lines, [guess.text for guess in run.guesses]),
        latency=latency,
        throughput=throughput(reader, lines, config.throughput_chunk) if batched else 1000 / latency.mean,
        guesses=run.guesses,
    )


def _score(lines: list[LabelledLine], texts: list[str]) -> metrics.Accuracy:
    """Scores of all lines and of each group; a line may count in several groups."""
    repeated = [
        (group, line.text, text) for line, text in zip(lines, texts, strict=True) for group in line.groups
    ]
    overall = metrics.score([line.text for line in lines], texts)
    if not repeated:
        return overall
    groups, truths, readings = zip(*repeated, strict=True)
    return dataclasses.replace(overall, by_category=metrics.score(truths, readings, groups).by_category)


@hydra.main(version_base="1.3", config_path="configs/evaluate", config_name="evaluate")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    missing = OmegaConf.missing_keys(cfg)
    if missing:
        raise UserError(
            f"not given: {', '.join(sorted(missing))} (python evaluate.py model=FILE dataset=PATH name=NAME)"
        )
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, EvaluateConfig)
    report = evaluate(config)
    print(to_markdown(report))
    print(f"artifacts/{report.name}/: report.json report.md {PREDICTIONS}")


ConfigStore.instance().store(name="evaluate_schema", node=EvaluateConfig)

if __name__ == "__main__":
    run_stage(main)
