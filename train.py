"""Trains a recognizer, or with `--config-name train_finder` a finder of lines; under torchrun in several processes.

python train.py name=mine data.train=[artifacts/lines/train] data.validation=[artifacts/lines/validation]
torchrun --nproc-per-node 2 train.py ...
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import hydra
import torch
import torch.distributed as dist
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from crnn.core.errors import exit_cleanly
from crnn.core.stage import run_stage, typed
from crnn.training.config import TrainConfig
from crnn.training.device import choose_device, collective_backend
from crnn.training.finder_config import FinderTrainConfig
from crnn.training.finder_trainer import FinderTrainer
from crnn.training.loop import Interrupted
from crnn.training.profiler import profile_steps, table
from crnn.training.trainer import Trainer

ConfigStore.instance().store(name="train_schema", node=TrainConfig)
ConfigStore.instance().store(name="train_finder_schema", node=FinderTrainConfig)


def train(config: TrainConfig) -> Path:
    """Train, resume or profile the run `config.name`; returns the checkpoint's path."""
    trainer = Trainer(config)
    if trainer.rank == 0:
        (trainer.folder / "config.json").write_text(trainer.config.to_json(), encoding="utf-8")
        print(
            f"{config.name}: {len(trainer.plan.dataset)} lines, {trainer.plan.batches_per_epoch} batches an epoch, "
            f"{trainer.precision}, {trainer.world} process(es) on {trainer.device.type}",
            flush=True,
        )
    if config.profile_steps:
        items = profile_steps(trainer, config.profile_steps)
        if trainer.rank == 0:
            print(table(items))
        return trainer.path
    return trainer.run()


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    if OmegaConf.get_type(cfg) is FinderTrainConfig:
        try:
            FinderTrainer(typed(cfg, FinderTrainConfig)).run()
        except Interrupted as interrupted:
            print(interrupted)
        return
    config = typed(cfg, TrainConfig)
    distributed = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if distributed:
        device = choose_device(config.device, int(os.environ["LOCAL_RANK"]))
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(collective_backend(device))
    try:
        train(config)
    except Interrupted as interrupted:
        print(interrupted)
    finally:
        if distributed:
            dist.destroy_process_group()


if __name__ == "__main__":
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}")
    run_stage(main)
