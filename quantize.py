"""Stage: make INT8 of an exported model and let it replace its FP32 source only if it is smaller, faster and as good.

python quantize.py model=artifacts/base/model.onnx dataset=artifacts/lines/val
"""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from crnn.core.errors import exit_cleanly
from crnn.core.stage import run_stage, typed
from crnn.quantization.finder import FinderQuantizeConfig, quantize_finder
from crnn.quantization.run import QuantizeConfig, quantize_model

ConfigStore.instance().store(name="quantize_schema", node=QuantizeConfig)
ConfigStore.instance().store(name="quantize_finder_schema", node=FinderQuantizeConfig)


@hydra.main(version_base="1.3", config_path="configs", config_name="quantize")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    if OmegaConf.get_type(cfg) is FinderQuantizeConfig:
        quantize_finder(typed(cfg, FinderQuantizeConfig))
    else:
        quantize_model(typed(cfg, QuantizeConfig))


if __name__ == "__main__":
    run_stage(main)
