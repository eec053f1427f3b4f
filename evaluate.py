"""Stage: judge models on labeled lines, beside other recognizers, or finders on labeled pages.

python evaluate.py model=artifacts/base/model.onnx dataset=artifacts/lines/val name=base-val
"""

from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from crnn.core.errors import exit_cleanly
from crnn.core.stage import run_stage, typed
from crnn.evaluation.pages.benchmark import PageBenchmarkConfig, as_table, benchmark_pages
from crnn.evaluation.report.markdown import to_markdown
from crnn.evaluation.report.report import PREDICTIONS
from crnn.evaluation.run import EvaluateConfig, evaluate
from data.packages import fetch

ConfigStore.instance().store(name="evaluate_schema", node=EvaluateConfig)
ConfigStore.instance().store(name="page_benchmark_schema", node=PageBenchmarkConfig)


@hydra.main(version_base="1.3", config_path="configs", config_name="evaluate")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    if OmegaConf.get_type(cfg) is PageBenchmarkConfig:
        pages = typed(cfg, PageBenchmarkConfig)
        if pages.tiny is None and "rapidocr_tiny" in pages.engines:
            pages.tiny = str(
                fetch("pip", pages.paddle["ppocr_v6_tiny"].package, Path(pages.artifacts) / "cache" / "packages")
            )
        print(as_table(benchmark_pages(pages)), end="")
        return
    report = evaluate(typed(cfg, EvaluateConfig), fetch)
    print(to_markdown(report))
    print(f"artifacts/{report.name}/: report.json report.md {PREDICTIONS} worst.html plots/")


if __name__ == "__main__":
    run_stage(main)
