from __future__ import annotations

import pytest
import torch
from hydra import compose, initialize

from crnn.network.crnn import CRNN, ModelConfig
from crnn.network.winograd import Convolution

TINY = {
    "stem": 8,
    "channels": [8, 8, 16, 16],
    "convolutions": [1, 1, 1, 1],
    "hidden": 8,
    "layers": 1,
    "bottleneck": 8,
}


@pytest.mark.parametrize(("lines", "width"), [(1, 32), (3, 288), (2, 800)])
def test_one_frame_for_four_pixels(lines: int, width: int) -> None:
    model = CRNN(ModelConfig(**TINY), classes=11).eval()
    logits = model(torch.zeros(lines, 1, 32, width, dtype=torch.uint8))
    assert logits.shape == (width // 4, lines, 11)


def test_a_line_reads_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    model = CRNN(ModelConfig(**TINY), classes=11).eval()
    images = torch.randint(0, 256, (4, 1, 32, 64), dtype=torch.uint8)
    together = model(images)
    for i in range(4):
        torch.testing.assert_close(model(images[i : i + 1])[:, 0], together[:, i], rtol=1e-4, atol=1e-5)


def test_contrast_and_brightness_hardly_matter() -> None:
    torch.manual_seed(0)
    model = CRNN(ModelConfig(**TINY), classes=11).eval()
    strong = torch.randint(0, 2, (1, 1, 32, 64)) * 200 + 20
    faint = strong // 2 + 90
    logits = [model(images.to(torch.uint8)) for images in (strong, faint)]
    assert (logits[0] - logits[1]).abs().max() < 0.2 * logits[0].std()


@pytest.mark.parametrize("height", [36, 40, 44, 48])
def test_other_heights_reduce_to_one_row(height: int) -> None:
    config = ModelConfig(**TINY, height=height)
    assert CRNN(config, classes=5).eval()(torch.zeros(1, 1, height, 64, dtype=torch.uint8)).shape == (16, 1, 5)


@pytest.mark.parametrize("height", [32, 36, 40, 44, 46])
def test_every_row_of_the_canvas_counts(height: int) -> None:
    torch.manual_seed(0)
    model = CRNN(ModelConfig(**TINY, height=height), classes=11).eval()
    blank = torch.full((1, 1, height, 64), 128, dtype=torch.uint8)
    blank[:, :, ::2, ::2] = 0  # else the line is brought to a spread that a single row decides
    for row in (0, height // 2, height - 1):
        marked = blank.clone()
        marked[:, :, row] = 255
        assert not torch.allclose(model(marked), model(blank), atol=1e-4), row


@pytest.mark.parametrize("height", [8, 41])
def test_a_height_that_cannot_be_halved_is_refused(height: int) -> None:
    with pytest.raises(ValueError, match=f"height {height} cannot be halved 4 times"):
        CRNN(ModelConfig(**TINY, height=height), classes=5)


@pytest.mark.parametrize("name", ["base", "tiny", "deep", "deep_wide"])
def test_the_shipped_sizes_fit_both_canvases(name: str) -> None:
    with initialize(version_base=None, config_path="../../configs"):
        sizes = compose(f"network/{name}").network
    for height in (32, 40):
        model = CRNN(ModelConfig(**sizes, height=height), classes=11).eval()
        assert model(torch.zeros(1, 1, height, 64, dtype=torch.uint8)).shape == (16, 1, 11)


def test_convolutions_that_keep_their_channels_begin_near_the_identity() -> None:
    torch.manual_seed(0)
    model = CRNN(ModelConfig(**{**TINY, "convolutions": [2, 1, 3, 1]}), classes=11)
    kernels = [m.weight for m in model.modules() if isinstance(m, Convolution) and m.in_channels == m.out_channels]
    assert len(kernels) == 6  # TINY has 8 and 8, 16 and 16 channels side by side
    for kernel in kernels:
        middle = kernel[:, :, 1, 1]
        assert middle.diagonal().mean() > 0.6 > 0.2 > (middle - torch.diag(middle.diagonal())).mean().abs()


def test_the_shortcut_goes_past_the_lstm() -> None:
    torch.manual_seed(0)
    model = CRNN(ModelConfig(**TINY, shortcut=True), classes=11).eval()
    images = torch.randint(0, 256, (1, 1, 32, 64), dtype=torch.uint8)
    embeddings, shortcut = model.embed_both_ways(images)
    assert torch.equal(embeddings, model.embed(images))
    assert shortcut is not None and shortcut.shape == embeddings.shape
    for parameter in model.lstm.parameters():
        parameter.data.zero_()
    again = model.embed_both_ways(images)
    assert torch.equal(again[1], shortcut) and not torch.equal(again[0], embeddings)  # type: ignore[arg-type]
