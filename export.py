"""Stage: export a checkpoint to ONNX: `python export.py checkpoint=artifacts/NAME/checkpoint.pt`."""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from crnn.core.errors import exit_cleanly
from crnn.core.stage import run_stage, typed
from crnn.network.onnx_export import ExportConfig, export

ConfigStore.instance().store(name="export_schema", node=ExportConfig)


@hydra.main(version_base="1.3", config_path="configs", config_name="export")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    export(typed(cfg, ExportConfig))


if __name__ == "__main__":
    run_stage(main)
