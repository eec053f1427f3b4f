import numpy as np
import pytest

from data.labeling.agreement import AGREE, ALONE, BLANK, DISPUTED, MAJORITY, Vote, settle
from data.labeling.duplicates import Duplicates, fingerprint


def votes(*texts: str) -> list[Vote]:
    return [Vote(f"reader {i}", text, 0.9 - i / 10) for i, text in enumerate(texts)]


@pytest.mark.parametrize(("texts", "text", "tier"), [
    (["Total 12.00", "Total 12.00", "Total 12.00"], "Total 12.00", AGREE),
    (["Total 12.00", "Total12.00", "Total 12.O0"], "Total 12.00", MAJORITY),  # spaces do not count, letters do
    (["发票", "发栗", "发禀"], "发票", DISPUTED),  # the surest guess is what is shown
    (["ＡＢＣ", "ABC", "ABC"], "ABC", AGREE),  # full-width letters are the same letters
    (["", "", "x"], "", BLANK),
    (["", "x", "y"], "x", DISPUTED),
])  # fmt: skip
def test_what_two_of_three_read_alike_is_the_label(texts: list[str], text: str, tier: str) -> None:
    settled = settle(votes(*texts), enough=2)
    assert (settled.text, settled.tier) == (text, tier)


def test_a_majority_has_to_be_confident_where_another_disagrees() -> None:
    split, common = votes("Total", "Total", "Tota1"), votes("Total", "Total", "Total")
    assert settle(split, enough=2, certain=0.9).tier == DISPUTED
    assert settle(common, enough=2, certain=0.9).tier == AGREE


@pytest.mark.parametrize(("confidence", "text", "tier"), [(0.95, "沪ADO", ALONE), (0.85, "沪AD", DISPUTED)])
def test_a_trusted_reader_needs_no_support_if_it_is_sure(confidence: float, text: str, tier: str) -> None:
    disputed = [Vote("ours", "沪AD", 0.93), Vote("strong", "沪ADO", confidence), Vote("other", "沪A0", 0.99)]
    settled = settle(disputed, enough=2, alone={"strong": 0.9})
    assert settled.tier == tier
    assert settled.text == (text if tier == ALONE else "沪A0"), "of no trusted one the surest is shown"


def test_what_most_read_alike_needs_no_trusted_reader() -> None:
    assert settle(votes("Total", "Total", "Tota1"), enough=2, alone={"reader 2": 0.5}).text == "Total"


def line(seed: int) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 2, (4, 16)).astype(np.uint8) * 200 + 20
    return np.kron(blocks, np.ones((10, 20), np.uint8))


def test_the_same_picture_compressed_again_is_a_duplicate_and_another_one_is_not() -> None:
    noise = np.random.default_rng(9).integers(-9, 9, line(1).shape)
    again = np.clip(line(1).astype(int) + noise, 0, 255).astype(np.uint8)
    duplicates = Duplicates()
    assert duplicates.add("text", fingerprint(line(1)))
    assert not duplicates.add("text", fingerprint(again))
    assert duplicates.add("text", fingerprint(line(2)))
    assert duplicates.add("other", fingerprint(again))  # the same look of another text is another line


def test_a_text_is_kept_so_many_times() -> None:
    duplicates = Duplicates(most_repeats=2)
    assert [duplicates.add("text", fingerprint(line(seed))) for seed in range(4)] == [True, True, False, False]
