import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from crnn.core.errors import UserError
from crnn.network.checkpoint import Checkpoint, load
from crnn.network.finder import FinderNetwork, FinderNetworkConfig
from crnn.network.widening import main, widened

SHIPPED = Path(__file__).parents[2] / "models" / "finder.fp16.pt"


def maps(checkpoint: Checkpoint, images: torch.Tensor) -> torch.Tensor:
    network = FinderNetwork(FinderNetworkConfig(**checkpoint.info.network)).eval()
    network.load_state_dict(checkpoint.weights)
    with torch.no_grad():
        return network(images)[:, 0]


@pytest.fixture
def page() -> torch.Tensor:
    image = np.full((128, 256, 3), 255, np.uint8)
    image[40:60, 20:230:3] = 0
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))


def test_a_widened_finder_begins_with_nearly_the_same_maps(page: torch.Tensor, tmp_path: Path) -> None:
    before = load(SHIPPED)
    main([str(tmp_path / "wide.pt"), str(SHIPPED), "channels=64,96,112,144", "convolutions=2,3,5,3", "pyramid=48"])
    after = load(tmp_path / "wide.pt")
    assert after.info.network == {"channels": [64, 96, 112, 144], "convolutions": [2, 3, 5, 3], "pyramid": 48}
    old, new = maps(before, page), maps(after, page)
    assert (old - new).abs().mean() < 0.1 * old.std()
    untaught = FinderNetwork(FinderNetworkConfig(**after.info.network)).state_dict()
    assert (old - maps(dataclasses.replace(after, weights=untaught), page)).abs().mean() > 0.5 * old.std()


def test_what_cannot_be_widened_is_refused(trained: Path) -> None:
    with pytest.raises(UserError, match="each size must be at least what it was"):
        widened(load(SHIPPED), FinderNetworkConfig(channels=[16, 56, 96, 128]))
    with pytest.raises(UserError, match="only a finder"):
        widened(load(trained / "checkpoint.pt"), FinderNetworkConfig())
    with pytest.raises(SystemExit):
        main(["wide.pt", str(SHIPPED), "breadth=3"])
