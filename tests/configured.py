"""Configurations as their stages compose them, without the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

CONFIGS = Path(__file__).parent.parent / "configs"

Config = TypeVar("Config")


def configured(kind: type[Config], file: str, /, **changes: Any) -> Config:
    """The values of configs/FILE.yaml as an instance of its schema, with changes.

    >>> configured(LmConfig, "lm", order=3).order          # doctest: +SKIP
    3
    """
    values = OmegaConf.to_container(OmegaConf.load(CONFIGS / f"{file}.yaml"))
    assert isinstance(values, dict)
    plain = {key: dataclasses.asdict(v) if dataclasses.is_dataclass(v) else v for key, v in changes.items()}  # type: ignore[arg-type]
    own = {key: value for key, value in values.items() if key not in ("defaults", "hydra") and key not in plain}
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), own, plain))
    assert isinstance(config, kind)
    return config
