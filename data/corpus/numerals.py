"""Chinese numerals and check digits. Pure functions."""

PLAIN = "零一二三四五六七八九"
FORMAL = "零壹贰叁肆伍陆柒捌玖"
DATE = "〇一二三四五六七八九"


def digit_by_digit(number: int | str, digits: str = DATE) -> str:
    """2023 -> 二〇二三."""
    return "".join(digits[int(digit)] for digit in str(number))


def spell(number: int, formal: bool = False) -> str:
    """A whole number below 10**12 in words: 12 -> 十二, formally 壹拾贰; 10050 -> 一万零五十."""
    if not 0 <= number < 10**12:
        raise ValueError(f"only numbers from 0 to 10**12 - 1 are spelled, not {number}")
    digits, units = (FORMAL, ("", "拾", "佰", "仟")) if formal else (PLAIN, ("", "十", "百", "千"))
    if number == 0:
        return digits[0]
    words, pending_zero = "", False
    for power, group_unit in ((2, "亿"), (1, "万"), (0, "")):
        group = number // 10000**power % 10000
        if group == 0:
            pending_zero = bool(words)
            continue
        for place in (3, 2, 1, 0):
            digit = group // 10**place % 10
            if digit:
                words += (digits[0] if pending_zero else "") + digits[digit] + units[place]
            pending_zero = digit == 0 and bool(words)
        pending_zero = pending_zero and group % 10 == 0
        words += group_unit
    return words[1:] if not formal and words.startswith("一十") else words


def spell_money(fen: int) -> str:
    """An amount of `fen` (hundredths of a yuan) as it is written on cheques: 120050 -> 壹仟贰佰元伍角整."""
    yuan, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    words = spell(yuan, formal=True) + "元" if yuan or not fen else ""
    if not jiao and not cents:
        return words + "整"
    if jiao:
        words += FORMAL[jiao] + "角"
    elif words:
        words += FORMAL[0]
    return words + (FORMAL[cents] + "分" if cents else "整")


def identity_check(first17: str) -> str:
    """The last character of a citizen's identity number: ISO 7064 MOD 11-2, as in GB 11643-1999."""
    return "10X98765432"[sum(int(digit) * 2 ** (17 - i) for i, digit in enumerate(first17)) % 11]
