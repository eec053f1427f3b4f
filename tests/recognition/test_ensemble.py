"""Two networks in one file: what the general one is sure of stays as it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.model_info import METADATA_KEY, ArtifactInfo
from crnn.core.reading import MIN_DOMAIN_LOGIT, SECOND_MODEL_BELOW, SWITCH_MARGIN, CharReading, Reading
from crnn.datasets.lmdb_store import LineStore, LineWriter, StoredLine
from crnn.decoding.ctc import greedy
from crnn.decoding.decoder import DecodeOptions, make_decoder
from crnn.finetuning.ensemble_writer import write_ensemble
from crnn.image.margins import without_margins
from crnn.image.preprocess import decode_image, to_gray
from crnn.network.onnx_export import ExportConfig, export
from crnn.recognition.ensemble import SECOND_KEY, unpack
from crnn.recognition.session import OnnxSession, Pass
from crnn.recognizer import Recognizer
from crnn.training.config import DataConfig, TrainConfig
from crnn.training.trainer import Trainer
from tests.conftest import draw_digits

Build = Callable[..., TrainConfig]


def upside_down(text: str) -> StoredLine:
    """Digits and x as no digits model knows them."""
    line = draw_digits(text)
    return dataclasses.replace(line, image=cv2.imencode(".png", decode_image(line.image)[::-1])[1].tobytes())


def write(path: Path, lines: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    with LineWriter(path, {"seed": seed}) as writer:
        for _ in range(lines):
            writer.append(upside_down("".join(rng.choice(list("23479x"), rng.integers(2, 8)))))
    return path


@pytest.fixture(scope="module")
def pair(trained: Path, small_config: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits model beside one that reads upside down, and the new character x; lines of it to read in `test`."""
    folder = tmp_path_factory.mktemp("pair")
    Charset("0123456789x").save(folder / "charset.txt")
    tuning = small_config(
        "upside-down", start_model=str(trained / "checkpoint.pt"), steps=120, aligned_steps=40,
        data=DataConfig(
            train=[str(write(folder / "train", 400, 1))], validation=[str(write(folder / "test", 60, 2))],
            charset=str(folder / "charset.txt"),
        ),
    )  # fmt: skip
    tuned = folder / "tuned.onnx"
    export(ExportConfig(checkpoint=str(Trainer(tuning).run()), output=str(tuned)))
    write_ensemble(trained / "model.onnx", tuned, folder / "pair.onnx")
    return folder / "pair.onnx"


def share_right(recognizer: Recognizer, lines: Path) -> float:
    store = LineStore(lines)
    found = [store[i] for i in range(len(store))]
    readings = recognizer.read_many([line.image for line in found])
    return float(np.mean([reading.text == line.label for reading, line in zip(readings, found, strict=True)]))


def test_a_pair_reads_what_either_network_reads(pair: Path, trained: Path, held_out_digits: Path) -> None:
    general, both = Recognizer(trained / "model.onnx"), Recognizer(pair)
    tuned = Recognizer(pair.with_name("tuned.onnx"))
    domain = pair.with_name("test")
    assert share_right(general, domain) < 0.2 < 0.8 < share_right(tuned, domain)
    assert share_right(both, domain) > share_right(tuned, domain) - 0.1
    assert share_right(tuned, held_out_digits) < 0.8 < share_right(general, held_out_digits)
    assert share_right(both, held_out_digits) > share_right(general, held_out_digits) - 0.02


def test_what_the_general_network_is_sure_of_stays_to_the_bit(pair: Path, trained: Path, held_out_digits: Path) -> None:
    general, both, store = Recognizer(trained / "model.onnx"), Recognizer(pair), LineStore(held_out_digits)
    sure = 0
    for i in range(100):
        reading = general.read(store[i].image)
        if reading.weakest >= SECOND_MODEL_BELOW:
            assert both.read(store[i].image) == reading
            sure += 1
    assert sure > 30


def pictures(path: Path, lines: slice) -> list[bytes]:
    store = LineStore(path)
    return [store[i].image for i in range(len(store))[lines]]


@pytest.fixture(scope="module")
def probing(pair: Path, trained: Path, held_out_digits: Path) -> Path:
    """The same two networks, and what upside-down digits look like."""
    path, domain = pair.with_name("probing.onnx"), pictures(pair.with_name("train"), slice(200))
    write_ensemble(
        trained / "model.onnx", pair.with_name("tuned.onnx"), path, domain, pictures(held_out_digits, slice(80))
    )
    return path


def domain_logits(model: Path, lines: list[bytes]) -> np.ndarray:
    network = OnnxSession(model, "digits")
    grays = [to_gray(decode_image(line)) for line in lines]
    letters = [without_margins(gray).of(gray) for gray in grays]  # what a recognizer shows its networks
    return np.array([look.domain_logit for look in network.read(letters, greedy)])


def test_a_probe_tells_the_domain_by_its_looks(pair: Path, probing: Path, held_out_digits: Path) -> None:
    domain, general = pictures(pair.with_name("test"), slice(None)), pictures(held_out_digits, slice(80, 160))
    assert (domain_logits(probing, domain) > 0).mean() > 0.95
    assert (domain_logits(probing, general) < 0).mean() > 0.95
    assert not domain_logits(pair, domain).any()  # without a probe nothing is known of looks


def test_a_probe_leaves_the_domain_to_the_tuned_network_and_other_lines_alone(
    pair: Path, probing: Path, trained: Path, held_out_digits: Path
) -> None:
    general, tuned, both = (Recognizer(p) for p in (trained / "model.onnx", pair.with_name("tuned.onnx"), probing))
    domain = pair.with_name("test")
    assert share_right(both, domain) >= share_right(tuned, domain)
    lines = pictures(held_out_digits, slice(None))
    strange = [
        line
        for line, of_domain in zip(lines, domain_logits(probing, lines), strict=True)
        if of_domain < MIN_DOMAIN_LOGIT
    ]
    assert len(strange) > len(lines) / 2
    assert both.read_many(strange) == general.read_many(strange)  # to the bit, sure or not


def test_a_look_does_not_make_up_for_a_less_sure_reading(
    pair: Path, trained: Path, held_out_digits: Path, tmp_path: Path
) -> None:
    wrong, digits = tmp_path / "wrong.onnx", pictures(held_out_digits, slice(None))
    upside_down = pictures(pair.with_name("train"), slice(200))
    write_ensemble(trained / "model.onnx", pair.with_name("tuned.onnx"), wrong, digits[:80], upside_down)
    assert (
        domain_logits(wrong, digits) > SWITCH_MARGIN
    ).mean() > 0.9  # though the tuned network has forgotten such lines
    general = share_right(Recognizer(trained / "model.onnx"), held_out_digits)
    assert share_right(Recognizer(wrong), held_out_digits) > general - 0.1  # alone it reads less than .8


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize(
    ("lead", "domain_logit", "kept"),
    [
        (0.9, 0.0, "tuned"),
        (0.3, 0.0, "general"),  # the lead is too small for a line that looks like any
        (0.3, 0.5, "tuned"),  # but not for one that looks like the domain
        (0.05, 0.5, "general"),
        (0.05, 3.0, "tuned"),
        (-0.05, 3.0, "general"),  # a look alone is no lead
        (0.9, -1.0, "general"),
    ],
)
def test_the_more_a_line_looks_like_the_domain_the_smaller_a_lead_will_do(
    pair: Path, lead: float, domain_logit: float, kept: str
) -> None:
    both, first = Recognizer(pair, unsure=0), 0.6
    second = 1 / (1 + math.exp(-(log_odds(first) + lead / 2)))  # a score is twice the log-odds of the one character
    for session, text, confidence in zip(both._sessions, "12", (first, second), strict=True):
        found = Pass(Reading(text, confidence, (CharReading(text, confidence, 5.0),)), 0.0, domain_logit)
        session.read = lambda lines, *more, found=found: [found] * len(lines)
    assert both.read(draw_digits("1").image).text == {"general": "1", "tuned": "2"}[kept]


def test_the_looks_of_former_domains_are_kept(pair: Path, probing: Path, held_out_digits: Path, tmp_path: Path) -> None:
    tuned, sideways = pair.with_name("tuned.onnx"), tmp_path / "sideways.onnx"
    general = pictures(held_out_digits, slice(80))
    mirrored = [cv2.imencode(".png", decode_image(line)[:, ::-1])[1].tobytes() for line in general]
    write_ensemble(probing, tuned, sideways, mirrored[:40], general)
    assert (
        (domain_logits(sideways, mirrored[40:]) > 0).mean() > 0.8 > (domain_logits(probing, mirrored[40:]) > 0).mean()
    )
    assert (domain_logits(sideways, pictures(pair.with_name("test"), slice(None))) > 0).mean() > 0.95


def test_a_probe_needs_lines_of_both_kinds(pair: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lines of the domain and general ones"):
        write_ensemble(trained / "model.onnx", pair.with_name("tuned.onnx"), tmp_path / "p.onnx", [b"line"], [])


def test_decoders_know_the_characters_of_both(pair: Path) -> None:
    both, line = Recognizer(pair), upside_down("2x47").image
    assert both.info.characters == "0123456789x"
    for options in (DecodeOptions(), DecodeOptions(allow="2479x"), DecodeOptions(method="beam")):
        assert both.read(line, make_decoder(both.info.charset, options)).text == "2x47"


def test_a_pair_of_a_pair_holds_the_first_general_network(pair: Path, trained: Path, tmp_path: Path) -> None:
    write_ensemble(pair, pair.with_name("tuned.onnx"), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == pair.read_bytes()


def test_networks_of_different_origin_make_no_pair(pair: Path, trained: Path, tmp_path: Path) -> None:
    other = onnx.load(trained / "model.onnx")
    info = ArtifactInfo.from_json({p.key: p.value for p in other.metadata_props}[METADATA_KEY])
    onnx.helper.set_model_props(other, {METADATA_KEY: dataclasses.replace(info, characters="9876543210").to_json()})
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="tuned from another model"):
        write_ensemble(tmp_path / "other.onnx", pair.with_name("tuned.onnx"), tmp_path / "pair.onnx")


def test_what_is_no_model_makes_no_pair(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    for general in ("junk.onnx", "absent.onnx"):
        with pytest.raises(UserError, match=general):
            write_ensemble(tmp_path / general, pair.with_name("tuned.onnx"), tmp_path / "pair.onnx")


def test_a_damaged_second_network_is_refused_by_name(pair: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pair the two again"):
        unpack({SECOND_KEY: "?"})
    model = onnx.load(pair)
    for entry in model.metadata_props:
        if entry.key == SECOND_KEY:
            entry.value = entry.value[:4000]
    onnx.save(model, tmp_path / "damaged.onnx")
    with pytest.raises(UserError, match=r"the second network in .*damaged\.onnx cannot be loaded"):
        Recognizer(tmp_path / "damaged.onnx")
