"""A fine-tune from end to end, small: what is prepared, what is learned, what the report says of it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from flask.testing import FlaskClient
from hydra import compose, initialize_config_dir

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore
from crnn.decoding.ctc import greedy
from crnn.evaluation.measures.characters import changes, matched_characters, recall
from crnn.evaluation.measures.scoring import Change
from crnn.finetuning.before_after import BeforeAfterConfig, Criteria, before_after, objections
from crnn.finetuning.before_after_report import FEW_TEXTS
from crnn.finetuning.promote import promote
from crnn.image.preprocess import decode_image
from crnn.network.checkpoint import load
from crnn.network.onnx_export import ExportConfig, export
from crnn.quantization.acceptance import Figures, Verdict
from crnn.quantization.run import QuantizeConfig, quantize_model
from crnn.recognition.session import OnnxSession
from crnn.recognizer import Recognizer
from crnn.training.config import DataConfig as TrainData
from crnn.training.config import TrainConfig
from crnn.training.trainer import Trainer
from data.finetuning.config import DomainConfig
from data.finetuning.prepare import _describe, prepare
from data.finetuning.text import evenly, gather, plant
from data.synthesis.settings import Span
from serve.app import create_app
from serve.base.config import ServeConfig
from serve.engine.corrections import FILE, CorrectionStore
from tests.configured import configured
from tests.conftest import DIGITS
from tests.sources import ASCII, capitals_font, write_sources

ROOT = Path(__file__).parents[2]
Build = Callable[..., TrainConfig]


def draw(text: str) -> bytes:
    """PNG of a line in a face the digits model knows, with letters it does not."""
    image = np.full((32, 20 * len(text) + 10), 255, np.uint8)
    for place, character in enumerate(text):
        cv2.putText(image, character, (5 + 20 * place, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def config(trained: Path, digit_lines: Path, held_out_digits: Path, tmp_path: Path) -> DomainConfig:
    """A fine-tune of the digits model; its general lines are the digits."""
    return configured(
        DomainConfig,
        "domain",
        strength=Span(),
        test_strength=Span(),
        left_out=[],
        name="tuned",
        start_model=str(trained / "checkpoint.pt"),
        replay=str(digit_lines),
        general=str(held_out_digits),
        lines=60,
        test_lines=20,
        gate_lines=60,
        planted=4,
        shares={"text": 0.5, "characters": 0.1, "general": 0.2, "uniform": 0.2, "codes": 0.0},
        recipes=str(ROOT / "configs/synthesis/PROFILE.yaml"),
        processes=1,
        cache=str(tmp_path / "cache"),
        artifacts=str(tmp_path),
    )


def describe_faces(manifest: Path) -> None:
    """Give each face what a real manifest says of it."""
    content = json.loads(manifest.read_text())
    unknown = {"family": "", "style": "", "license": "", "source": "", "coverage": 1.0}
    content["faces"] = [{**unknown, **face} for face in content["faces"]]
    manifest.write_text(json.dumps(content))


def labels(path: Path) -> list[str]:
    store = LineStore(path)
    return [store[i].label for i in range(len(store))]


def pictures(path: Path) -> list[bytes]:
    store = LineStore(path)
    return [store[i].image for i in range(len(store))]


def users_fonts(folder: Path) -> Path:
    """A folder with one font; what else a fine-tune looks for stands in `folder`."""
    write_sources(folder)
    fonts = folder / "fonts-of-the-user"
    fonts.mkdir()
    shutil.copy(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSansMono.ttf"), fonts)
    return fonts


def test_lines_are_drawn_with_the_fonts_and_say_the_text(config: DomainConfig, tmp_path: Path) -> None:
    fonts = users_fonts(tmp_path)
    text = tmp_path / "prices.txt"
    text.write_text("".join(f"$ {n}.{n}5\n" for n in range(100, 200)))
    config = replace(config, fonts=str(fonts), text=str(text))

    domain = prepare(config)
    assert (domain.added, domain.lines, domain.test_lines, domain.held_out) == (" $.", 60, 20, True)
    assert Charset.load(tmp_path / "tuned/charset.txt").characters == "0123456789 $."
    train, test = labels(config.lines_at("domain")), labels(config.lines_at("domain-test"))
    assert any(label.startswith("$ 1") for label in train)
    assert all(set(label) <= set("0123456789 $.") for label in train + test)
    own = text.read_text().splitlines()
    assert not {label for label in test if label in own} & set(train)  # other texts than those trained on
    assert len(LineStore(config.lines_at("gate"))) == 20 + 30

    made = config.lines_at("domain").stat().st_mtime_ns
    assert prepare(config) == domain and config.lines_at("domain").stat().st_mtime_ns == made
    with pytest.raises(UserError, match="prepared from other inputs"):
        prepare(replace(config, seed=5))


def test_a_harder_training_is_judged_by_the_same_lines(config: DomainConfig, tmp_path: Path) -> None:
    config = replace(config, fonts=str(users_fonts(tmp_path)))
    harder = replace(config, name="harder", strength=Span(p=1, low=0.5, high=1))
    drawn = []
    for cfg in (config, harder):
        prepare(cfg)
        drawn.append([pictures(cfg.lines_at(part)) for part in ("domain", "domain-test")])
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] == drawn[1][1]


def test_fonts_of_the_users_own_give_the_pair_a_probe(config: DomainConfig, trained: Path, tmp_path: Path) -> None:
    fonts = users_fonts(tmp_path)
    text = tmp_path / "numbers.txt"
    text.write_text("".join(f"{n}{7 * n}\n" for n in range(100, 200)))
    domain = prepare(replace(config, fonts=str(fonts), text=str(text)))
    assert (domain.own_looks, domain.replay) == (60, config.replay)
    shutil.copy(trained / "model.onnx", tmp_path / "tuned/model.onnx")
    served = str(trained / "model.onnx")
    before_after(BeforeAfterConfig(name="tuned", artifacts=str(tmp_path), served=served, samples=9))
    pair = OnnxSession(tmp_path / "tuned/pair.onnx", "pair")
    for lines, like in ((config.lines_at("domain-test"), True), (Path(config.general), False)):
        looks = pair.read([decode_image(LineStore(lines)[i].image) for i in range(20)], greedy)
        assert sum((look.domain_logit > 0) == like for look in looks) >= 18


def test_general_fonts_draw_new_characters_where_none_are_given(config: DomainConfig, tmp_path: Path) -> None:
    write_sources(tmp_path)
    describe_faces(tmp_path / "fonts/quick/fonts.json")
    for file in tmp_path.glob("corpus/quick/*/*.txt"):
        file.write_text("20130707\n1234567\n")  # what the start model can read
    for split in ("train", "test"):  # and text of a wider charset, which it is not shown
        (tmp_path / "corpus/quick" / split / "definition.txt").write_text("請勿觸摸龍鳳雕刻\n")
    text = tmp_path / "new.txt"
    text.write_text("é\nñ\n龘\n")
    domain = prepare(replace(config, text=str(text), replay="", general="", replay_lines=60, general_lines=9,
                             general_groups={"forms": ["forms"]}, general_recipes=["clean"]))  # fmt: skip
    assert domain.added == "éñ龘"
    train = "".join(labels(config.lines_at("domain")))
    assert "é" in train and "ñ" in train and "龘" not in train  # no face there draws it
    assert set("".join(labels(config.lines_at("replay")))) <= set(DIGITS.characters)
    assert len(labels(Path(domain.general))) == 9


def test_the_user_is_told_what_is_missing(config: DomainConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give fonts=FOLDER, text=FILE or data=PATH"):
        prepare(config)
    with pytest.raises(UserError, match="there is no"):
        prepare(replace(config, text=str(tmp_path / "none.txt")))
    (tmp_path / "text.txt").write_text("".join(map(chr, range(0x4E00, 0x4E00 + 40))))
    with pytest.raises(UserError, match="40 characters outside the charset, more than max_new_characters=30"):
        prepare(replace(config, text=str(tmp_path / "text.txt"), max_new_characters=30))


@pytest.mark.parametrize("name", ["labels.tsv", "LABELS.CSV", "lines.jsonl"])
def test_an_edited_list_is_another_input(config: DomainConfig, tmp_path: Path, name: str) -> None:
    listed, inputs = tmp_path / "own" / name, []
    listed.parent.mkdir()
    for text in ("1.png,12", "1.png,13"):  # of one size
        listed.write_text(text)
        inputs.append(_describe(replace(config, data=str(listed.parent)), "")["inputs_sha256"])
    assert inputs[0] != inputs[1]


def test_another_run_is_not_mistaken_for_a_fine_tune(config: DomainConfig, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("7\n")
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned/checkpoint.pt").touch()
    with pytest.raises(UserError, match="holds another training run"):
        prepare(replace(config, text=str(tmp_path / "text.txt")))


def test_new_characters_stand_among_old_ones() -> None:
    sentences = plant("xy", ["reference ellipsoid"], ASCII, each=5, seed=1)
    assert all({"x", "y"} & set(sentence) and len(sentence) > 1 for sentence in sentences)
    assert sum("x" in s for s in sentences) >= 4 and sum("y" in s for s in sentences) >= 4


def test_rare_characters_of_the_text_are_drawn_as_often_as_common_ones() -> None:
    counts = Counter("".join(evenly(["aaaa bbbb", "aaab", "c"], ["c", "dddd", "e d"], ASCII, seed=1)))
    assert set(counts) == {"a", "b", "c", "d", "e"}  # the spaces of a text are no characters to learn
    assert abs(counts["a"] - counts["b"]) <= 1 >= abs(counts["d"] - counts["e"])
    assert counts["c"] == pytest.approx(counts["a"] + counts["d"], abs=3)  # it is of both texts


def test_own_lines_never_change_sides(tmp_path: Path) -> None:
    write_sources(tmp_path)
    lines = [f"No. {n}" for n in range(200)]
    few, all_of_them = (
        gather(given, tmp_path / "corpus/quick", ASCII, "", 0, 0.2, seed)
        for given, seed in ((lines[:100], 1), (lines, 2))
    )
    assert not set(few.texts["train", "forms"]) & set(all_of_them.texts["test", "forms"])  # nor was it learned before
    assert (
        FEW_TEXTS <= len(few.texts["test", "forms"]) < 50 and FEW_TEXTS <= len(all_of_them.texts["test", "forms"]) < 60
    )


def test_a_small_domain_holds_out_half_or_says_that_it_cannot_be_judged(
    config: DomainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten words: one of them held out would be read right or not, whatever was learned."""
    fonts = users_fonts(tmp_path)
    (tmp_path / "ten.txt").write_text("".join(f"{1234 * n}\n" for n in range(1, 11)))
    (tmp_path / "one.txt").write_text("12345\n")
    held_out = {}
    for name in ("ten", "one"):
        cfg = replace(config, name=name, fonts=str(fonts), text=str(tmp_path / f"{name}.txt"))
        held_out[name] = (prepare(cfg).held_out, set(labels(cfg.lines_at("domain-test"))))
        assert "nobody can tell what was gained" in capsys.readouterr().out
    assert held_out["ten"][0] and 3 <= len(held_out["ten"][1]) <= 7
    assert held_out["one"] == (False, {"12345"})


def test_small_letters_of_a_face_of_capitals_are_labeled_as_they_look(config: DomainConfig, tmp_path: Path) -> None:
    fonts = users_fonts(tmp_path)
    (fonts / "DejaVuSansMono.ttf").unlink()
    capitals_font(fonts / "capitals.ttf", 0.75)
    (tmp_path / "text.txt").write_text("".join(f"Total TOAL {n}\n" for n in range(100, 200)))
    config = replace(config, fonts=str(fonts), text=str(tmp_path / "text.txt"))
    prepare(config)
    written = labels(config.lines_at("domain")) + labels(config.lines_at("domain-test"))
    assert any("TOTAL TOAL 1" in label for label in written)
    assert not any(character.islower() for label in written for character in label)


def test_characters_gained_and_lost_are_counted_where_they_stand() -> None:
    assert matched_characters("13", "31").total() == 1
    found = changes(["a1", "a2"], ["a1", "b2"], ["al", "a2"])
    assert [(c.character, c.occurrences, c.before, c.after) for c in found] == [
        ("a", 2, 1, 2), ("2", 1, 1, 1), ("1", 1, 1, 0)
    ]  # fmt: skip
    assert recall(found, "a1") == pytest.approx(2 / 3)
    assert recall(found, "z") is None


def test_the_experiment_composes_with_the_sets_of_its_name() -> None:
    import train  # noqa: F401  (registers the schema)

    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        cfg = compose("train", ["+experiment=finetune", "name=mine"])
    assert list(cfg.data.train) == ["artifacts/lines/mine-domain", "artifacts/lines/mine-replay"]
    assert cfg.data.charset == "artifacts/mine/charset.txt" and len(cfg.data.shares) == 2


def test_fonts_and_labels_of_the_domain_change_what_is_taught() -> None:
    import train  # noqa: F401  (registers the schema)

    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        cfg = compose("train", ["+experiment=[finetune,finetune_fonts,finetune_labels]", "name=mine"])
    assert (list(cfg.data.shares), cfg.distill_weight, cfg.data.augmentation) == ([9, 1], 1, 0.5)
    assert list(cfg.data.train) == ["artifacts/lines/mine-domain", "artifacts/lines/mine-replay"]


@pytest.mark.slow
def test_a_correction_made_in_the_page_is_read_right_after_the_round_trip(
    config: DomainConfig, trained: Path, small_config: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "models" / "ocr.int8.onnx"
    served.parent.mkdir()
    shutil.copy(trained / "model.onnx", served)
    app = create_app(ServeConfig(model=str(served), state_dir=str(tmp_path / "state"), watch_seconds=0))
    client = app.test_client()
    picture, truth = draw("12A07"), "12A07"
    assert read(client, picture) != truth

    # A person corrects it, and a few more lines with the letter.
    for text in (truth, "3A41", "A950", "77A", "0A2A"):
        body = {"image_base64": base64.b64encode(draw(text)).decode(), "text": text, "read_text": "?"}
        reply = client.post("/api/v1/corrections", json=body)
        assert reply.status_code == 201 and reply.json["unknown_characters"] == "A"
    CorrectionStore(tmp_path / "state" / FILE, most=0).export(tmp_path / "corrections")

    monkeypatch.delattr("data.converters.convert.read_info")  # the start model is read already
    domain = prepare(replace(config, data=str(tmp_path / "corrections"), held_out=0.0))
    assert (domain.added, domain.held_out) == ("A", False)
    tuning = small_config(
        "tuned", artifacts=str(tmp_path), start_model=config.start_model, steps=80, aligned_steps=0,
        data=TrainData(
            train=[str(config.lines_at("domain")), config.replay], shares=[1.0, 1.0],
            validation=[config.general], charset=str(tmp_path / "tuned/charset.txt"),
        ),
    )  # fmt: skip
    run = Trainer(tuning).run().parent
    export(ExportConfig(checkpoint=str(run / "checkpoint.pt")))
    figures, same = Figures(exact=1, cer=0, cpu_p50_ms=1, p50_ms=1, size_mb=1), Change(0, 0, 0)
    verdict = Verdict(60, figures, figures, same, same, {"scale": 1.0, "offset": 0.0}, ())
    monkeypatch.setattr("crnn.quantization.run.judge", lambda *_: verdict)  # a tiny network's time says nothing
    gate = str(config.lines_at("gate"))
    quantize_model(QuantizeConfig(model=str(run / "model.onnx"), dataset=gate, calibration_lines=30))
    report = before_after(
        BeforeAfterConfig(
            name="tuned", artifacts=str(tmp_path), served=str(served), criteria=Criteria(max_general_loss=0.03)
        )
    )
    assert not report.objections
    assert report.new_recall == 1.0 and report.domain.before.exact == 0.0
    assert "promote" in (run / "before_after.md").read_text() and (run / "plots/before_after.png").exists()
    assert json.loads((run / "before_after.json").read_text())["added"] == "A"

    promote(run, served)
    assert app.extensions["ocr"].holder.reload()
    assert read(client, picture) == truth
    assert Recognizer(served).info.training["added_characters"] == "A"

    # The next round starts from what was promoted, and its general lines keep to the first charset.
    start = load(served.with_name("ocr.fp16.pt"))
    assert start.info.characters == "0123456789A" and start.info.training["added_characters"] == "A"
    app.extensions["ocr"].close()


def read(client: FlaskClient, picture: bytes) -> str:
    """What the server reads in `picture`."""
    reply = client.post("/predict", data={"image": (io.BytesIO(picture), "line.png")})
    return str(reply.json["text"])


def test_a_model_must_gain_and_must_not_forget(trained: Path, held_out_digits: Path) -> None:
    from crnn.datasets.labeled import read_lines
    from crnn.finetuning.before_after import _side

    model = Recognizer(trained / "model.onnx")
    side = _side(held_out_digits, read_lines(held_out_digits, 20), [model] * 3)
    found = objections(side, side, new_recall=0.5, has_int8=False, criteria=Criteria())
    assert [text.split(" ")[1] for text in found] == ["cannot", "of", "is"]
    assert objections(side, side, None, True, Criteria(min_domain_gain=0.0)) == []
    assert found[0].startswith("it cannot be judged: the domain's lines say")  # 20 lines


def test_the_report_warns_of_few_texts_and_its_plot_can_be_read(
    trained: Path, digit_lines: Path, tmp_path: Path
) -> None:
    from crnn.datasets.labeled import read_lines
    from crnn.finetuning.before_after import BeforeAfter, _side
    from crnn.finetuning.before_after_report import _font_for, _tick, few_texts, to_markdown, write_plot

    model = Recognizer(trained / "model.onnx")
    few, many = (_side(digit_lines, read_lines(digit_lines, n), [model] * 3) for n in (20, 100))
    fonts = [Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")]
    for domain in (few, many):
        report = BeforeAfter("mine", "", None, True, domain, many, "pair.onnx", "", ())
        assert (few_texts(domain.texts) in to_markdown(report)) == (domain is few)
        write_plot(tmp_path / "plot.png", report, fonts)
        assert cv2.imread(str(tmp_path / "plot.png")).std() > 0
    assert (_font_for("é", fonts), _font_for("中", fonts)) == (str(fonts[0]), None)
    assert [_tick("é", True), _tick("中", False), _tick(" ", False), _tick("$", False)] == [
        "é",
        "U+4E2D",
        "space",
        r"\$",
    ]
