"""Generates what prose lacks: forms, receipts, invoices, signs, numbers, interface lines, mixed Chinese and English.

Lines depend on (kind, seed) and the vocabulary only. Knows nothing of charsets or files other than its vocabulary.
"""

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from data.numerals import digit_by_digit, identity_check, spell, spell_money

WIDE_DIGITS_SHARE = 0.02  # lines whose ASCII letters and digits are drawn full-width
TO_WIDE = {ord(c): ord(c) + 0xFEE0 for c in string.ascii_letters + string.digits}


@cache
def _word_lists() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Vocabulary:
    """Snippets of the corpus' own split, from which generated lines borrow words, addresses and sentences."""

    words: Sequence[str] = ("文字", "图片", "识别")
    addresses: Sequence[str] = ("浙江省杭州市西湖区",)
    sentences: Sequence[str] = ("请在此处填写您的意见。",)
    english: Sequence[str] = ("The quick brown fox jumps over the lazy dog.",)

    @classmethod
    def collect(cls, texts: Mapping[str, Sequence[str]]) -> "Vocabulary":
        """Choose from the snippets of each kind; what is missing keeps its default."""
        chosen = {
            "words": [s for s in texts.get("name", ()) if len(s) <= 8],
            "addresses": [s for s in texts.get("address", ()) if len(s) >= 6],
            "sentences": [s for kind in ("prose", "ui") for s in texts.get(kind, ()) if 4 <= len(s) <= 60],
            "english": [s for s in texts.get("english", ()) if 8 <= len(s) <= 90 and " " in s],
        }
        return cls(**{name: snippets for name, snippets in chosen.items() if snippets})


def generate(kind: str, count: int, seed: str, vocabulary: Vocabulary) -> list[str]:
    """`count` lines of kind "forms" or "mixed", the same for the same arguments."""
    makers = {"forms": FORMS, "mixed": MIXED}[kind]
    draw = Draw(random.Random(f"{kind} {seed}"), vocabulary)
    chosen = draw.rng.choices(list(makers), weights=list(makers.values()), k=count)
    return [draw.maybe_wide(make(draw)) for make in chosen]


class Draw:
    """Random choices of words, numbers and names."""

    def __init__(self, rng: random.Random, vocabulary: Vocabulary) -> None:
        self.rng = rng
        self.vocabulary = vocabulary

    def one(self, name: str) -> str:
        """A word of a list in vocabulary.yaml."""
        return str(self.rng.choice(_word_lists()[name]))

    def of(self, *options: str) -> str:
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def digits(self, count: int, first: str = string.digits) -> str:
        return self.rng.choice(first) + "".join(self.rng.choices(string.digits, k=count - 1))

    def code(self, count: int, alphabet: str = string.ascii_uppercase + string.digits) -> str:
        return "".join(self.rng.choices(alphabet, k=count))

    def number(self, limit_digits: int = 5) -> int:
        """Evenly spread over the number of digits, not over the values."""
        return self.rng.randrange(10 ** self.rng.randint(1, limit_digits))

    def word(self) -> str:
        return self.rng.choice(self.vocabulary.words)

    def english(self) -> str:
        return self.rng.choice(self.vocabulary.english)

    def english_words(self, most: int = 4) -> str:
        words = [w for w in self.english().split() if w.strip(string.punctuation).isalpha()] or ["word"]
        start = self.rng.randrange(len(words))
        return " ".join(words[start : start + self.rng.randint(1, most)])

    def sentence(self) -> str:
        return self.rng.choice(self.vocabulary.sentences)

    def person(self) -> str:
        return self.one("surname") + "".join(
            self.one("given") for _ in range(self.of("1", "2", "2") == "2" and 2 or 1)
        )

    def company(self) -> str:
        city = self.one("city").removesuffix("市") + self.of("市", "") if self.chance(0.6) else ""
        return city + self.of(self.one("brand"), self.word()) + self.one("company")

    def address(self) -> str:
        if self.chance(0.4):
            return self.rng.choice(self.vocabulary.addresses)
        text = self.one("city") + self.one("district") + self.one("road") + f"{self.number(4)}号"
        if self.chance(0.6):
            text += self.of(
                f"{self.number(2)}号楼{self.number(1) + 1}单元{self.digits(3, '12')}室",
                f"{self.word()}大厦{self.of('A', 'B', 'C', '')}座{self.number(2)}层",
                f"{self.number(2)}栋{self.digits(4, '12')}",
                f"{self.number(2)}-{self.number(1)}-{self.digits(3, '123456')}",
            )
        return text

    def colon(self) -> str:
        return self.of(":", "：", "：", ": ", " : ", "  ")

    def brackets(self, text: str) -> str:
        left, right = self.of(
            "()",
            "（）",
            "（）",
            "[]",
            "【】",
            "〔〕",
            "<>",
            "《》",
            "「」",
            "『』",
            "〈〉",
            "{}",
            "“”",
            "‘’",
            '""',
        )
        return left + text + right

    def bullet(self) -> str:
        n = self.number(2)
        return self.of(f"{n}. ", f"{n}.", f"{n}、", f"({n})", f"（{n}）", f"{n})", "- ", "· ", "* ", "● ", "■ ", "□ ", "★ ", "◆ ",
                       "○ ", "▲ ", "√ ", self.of(*"①②③④⑤⑥⑦⑧⑨⑩"), self.of(*"ⅠⅡⅢⅣⅤ") + ". ", f"{spell(n)}、", f"（{spell(n)}）",
                       f"第{spell(n + 1)}条 ", f"第{n + 1}章 ", f"{self.number(1)}.{self.number(1)}.{self.number(1)} ", f"{self.of(*'ABCDEabcd')}. ")  # fmt: skip

    def maybe_wide(self, text: str) -> str:
        return text.translate(TO_WIDE) if self.chance(WIDE_DIGITS_SHARE) else text


def date(d: Draw) -> str:
    y, m, day = d.rng.randint(1949, 2035), d.rng.randint(1, 12), d.rng.randint(1, 31)
    return d.of(
        f"{y}年{m}月{day}日", f"{y}年{m:02}月{day:02}日", f"{y}-{m:02}-{day:02}", f"{y}/{m}/{day}", f"{y}.{m:02}.{day:02}",
        f"{m:02}/{day:02}/{y}", f"{day:02}.{m:02}.{y}", f"{y}{m:02}{day:02}", f"{m}月{day}日", f"{y}年{m}月", f"{y} 年 {m} 月 {day} 日",
        f"{digit_by_digit(y)}年{spell(m)}月{spell(day)}日", f"{d.one('month_en')} {day}, {y}", f"{day} {d.one('month_en')[:3]} {y}",
        f"{d.one('weekday_en')}, {d.one('month_en')[:3]} {day}", f"{m}月{day}日 {d.one('weekday')}", f"{y}年{m}月{day}日({d.one('weekday')})",
        f"{y}-{y + d.number(1)}学年", f"'{y % 100:02}", f"{y}Q{1 + m % 4}", f"{y}.{m:02}.{day:02}-{y + 10}.{m:02}.{day:02}",
    )  # fmt: skip


def clock(d: Draw) -> str:
    h, m, s = d.rng.randrange(24), d.rng.randrange(60), d.rng.randrange(60)
    return d.of(f"{h:02}:{m:02}", f"{h}:{m:02}", f"{h:02}:{m:02}:{s:02}", f"{h % 12 + 1}:{m:02} {d.of('AM', 'PM', 'am', 'p.m.')}", f"{h}时{m}分",
                f"{d.of('上午', '下午', '晚上', '凌晨')}{h % 12}:{m:02}", f"{h}点{m}分", f"{h:02}：{m:02}", f"{h:02}:{m:02}-{(h + 8) % 24:02}:00",
                f"{m}'{s:02}\"", f"00:{m:02}:{s:02}.{d.digits(3)}", f"{d.number(2)}分钟前", f"{h:02}:{m:02} ~ {(h + 2) % 24:02}:{m:02}")  # fmt: skip


def timestamp(d: Draw) -> str:
    return date(d) + d.of(" ", " ", "  ", "") + clock(d)


def amount(d: Draw) -> str:
    value = d.number(d.of("4", "7") == "4" and 4 or 7) + d.rng.randrange(100) / 100
    return d.of(f"{value:.2f}", f"{value:,.2f}", f"{value:.1f}", f"{value:,.0f}")


def money(d: Draw) -> str:
    a = amount(d)
    return d.of(f"¥{a}", f"￥{a}", f"￥ {a}", f"¥ {a}", f"{a}元", f"{a} 元", f"${a}", f"US${a}", f"€{a}", f"£{a}", f"RMB {a}", f"-{a}", f"+{a}",
                f"人民币{spell_money(d.number(9))}", f"{spell_money(d.number(8))}", f"人民币{a}元", f"{a}万元", f"￥{a}/月", f"¥{a}起", f"({a})",
                f"CNY {a}", f"{spell(d.number(8))}元")  # fmt: skip


def percent(d: Draw) -> str:
    value = d.rng.random() * 100
    return d.of(f"{value:.0f}%", f"{value:.1f}%", f"{value:.2f}%", f"-{value:.2f}%", f"+{value:.2f}%", f"{value:.1f}％", f"{value:.1f}‰",
                f"百分之{spell(int(value))}", f"↑{value:.1f}%", f"↓{value:.1f}%", f"±{value / 20:.1f}%", f"{value:.0f}% OFF", f"{int(value) % 9 + 1}折")  # fmt: skip


def phone(d: Draw) -> str:
    mobile = d.of(*"3456789")
    n = "1" + mobile + d.digits(9)
    area = d.of("010", "021", "0571", "020", "0755", "028", "0551", "0911")
    local = d.digits(8, "2345678")
    return d.of(n, f"{n[:3]} {n[3:7]} {n[7:]}", f"{n[:3]}-{n[3:7]}-{n[7:]}", f"+86 {n}", f"{n[:3]}****{n[7:]}", f"{area}-{local}", f"({area}){local}",
                f"（{area}）{local[:4]} {local[4:]}", f"{area}-{local}-{d.digits(3)}", f"400-{d.digits(3)}-{d.digits(4)}", f"{d.of('95', '12', '96')}{d.digits(3)}",
                f"+1 ({d.digits(3, '23456789')}) {d.digits(3)}-{d.digits(4)}", f"{area} {local}")  # fmt: skip


def identity(d: Draw) -> str:
    first17 = (
        d.digits(6, "123456")
        + f"{d.rng.randint(1940, 2020)}{d.rng.randint(1, 12):02}{d.rng.randint(1, 28):02}"
        + d.digits(3)
    )
    number = first17 + identity_check(first17)
    return d.of(
        number, number, f"{number[:6]}********{number[-4:]}", d.digits(17) + "X", f"公民身份号码 {number}"
    )


def bank_card(d: Draw) -> str:
    number = d.of("6222", "6217", "6228", "4392", "5187") + d.digits(d.of("12", "15") == "12" and 12 or 15)
    grouped = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    return d.of(
        number,
        grouped,
        grouped,
        f"{number[:4]} **** **** {number[-4:]}",
        f"尾号{number[-4:]}",
        f"卡号：{grouped}",
    )


def serial(d: Draw) -> str:
    plate = d.one("province_short") + d.of(*"ABCDEFGH")
    return d.of(
        f"{plate}·{d.code(5, 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789')}", f"{plate}{d.code(5)}", f"SN{d.code(10)}", f"S/N: {d.code(12)}", f"NO.{d.digits(8)}", f"№ {d.digits(7)}",
        d.code(17, "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"), f"91{d.digits(6)}MA{d.code(10)}", f"{d.of('SF', 'YT', 'JD', 'ZTO')}{d.digits(13)}",
        f"{d.code(4)}-{d.code(4)}-{d.code(4)}-{d.code(4)}", d.code(8, string.ascii_letters + string.digits), d.digits(20), f"{d.code(2)}{d.digits(4)}",
        f"{d.of('G', 'D', 'K', 'Z', 'C', 'T')}{d.digits(d.of('1', '4') == '1' and 2 or 4, '123456789')}", f"国药准字{d.of('H', 'Z', 'S')}{d.digits(8)}", f"GB/T {d.digits(5)}-{d.rng.randint(1990, 2024)}",
        f"Q/{d.code(4)}{d.digits(4)}S", f"SC{d.digits(14)}", f"ISBN 978-7-{d.digits(3)}-{d.digits(5)}-{d.digits(1)}", f"#{d.code(6, '0123456789ABCDEF')}", f"0x{d.code(8, '0123456789abcdef')}",
        d.code(32, "0123456789abcdef"), f"{d.number(3)}.{d.number(3)}.{d.number(3)}.{d.number(3)}", ":".join(d.code(2, "0123456789ABCDEF") for _ in range(6)), f"京ICP备{d.digits(8)}号-{d.digits(1)}",
    )  # fmt: skip


def model_name(d: Draw) -> str:
    return d.of(f"{d.code(2, string.ascii_uppercase)}-{d.digits(3)}{d.of('', 'A', 'B', 'Pro', 'Plus', 'Max', 'S')}", f"{d.one('term')} {d.number(2)}",
                f"v{d.number(1)}.{d.number(2)}.{d.number(2)}", f"V{d.number(1)}.{d.number(1)}", f"{d.number(1)}.{d.number(2)}.{d.number(3)}-{d.of('beta', 'rc1', 'alpha.2')}",
                f"i{d.of('3', '5', '7', '9')}-{d.digits(5, '1')}{d.of('', 'K', 'H')}", f"Mate {d.number(2)} Pro", f"RTX {d.digits(4, '34')}", f"M{d.number(2)}×{d.number(2)}")  # fmt: skip


def measure(d: Draw) -> str:
    value = d.of(
        str(d.number(4)), f"{d.rng.random() * 100:.1f}", f"{d.rng.random() * 10:.2f}", f"{d.rng.random():.3f}"
    )
    unit = d.one("unit")
    return d.of(f"{value}{unit}", f"{value} {unit}", f"{value}{unit}", f"{d.number(3)}-{d.number(4)}{unit}", f"{d.number(2)}×{d.number(2)}×{d.number(2)}{unit}", f"≤{value}{unit}", f"≥{value} {unit}",
                f"{value}±{d.rng.random():.1f}{unit}", f"约{value}{unit}", f"{d.number(3)}*{d.number(3)}{unit}", f"-{value}{unit}~{value}{unit}", f"{d.one('form_field')}{d.colon()}{value}{unit}")  # fmt: skip


def number(d: Draw) -> str:
    n = d.number(9)
    return d.of(str(n), f"{n:,}", f"{n / 100:.2f}", f"-{n / 1000:.3f}", f"{n % 10000 / 1000:.4f}", f"{n % 100}/{d.number(2) + 1}", f"{n % 1000}:{d.number(2)}", spell(n), spell(n, formal=True),
                f"{d.rng.random() * 10:.2f}×10", f"{d.number(2)}+{d.number(2)}={d.number(2)}", f"{d.number(2)}×{d.number(2)}=", f"{d.number(3)}÷{d.number(1) + 1}=", f"x={n % 100}", f"第{n % 1000}页", f"{n % 100} / {d.number(2)}",
                f"√{n % 100}", f"{n % 360}°", f"{n % 50}>{n % 70}", f"{d.number(2)}≠{d.number(2)}", f"{d.number(1)}<x≤{d.number(2)}")  # fmt: skip


def number_row(d: Draw) -> str:
    count = d.rng.randint(2, 7)
    make = d.rng.choice(
        [amount, percent, lambda d: str(d.number(5)), lambda d: f"{d.rng.random():.4f}", date, clock]
    )
    return d.of("  ", " ", ", ", ",", "、", "    ", " | ").join(make(d) for _ in range(count))


def web(d: Draw) -> str:
    name, host = (
        d.code(d.rng.randint(3, 9), string.ascii_lowercase),
        d.code(d.rng.randint(3, 8), string.ascii_lowercase),
    )
    page = d.code(d.rng.randint(3, 8), string.ascii_lowercase)
    ext = d.one("extension")
    return d.of(f"www.{host}.{d.one('domain')}", f"https://www.{host}.{d.one('domain')}/{page}", f"http://{host}.{d.one('domain')}/{page}?id={d.number(5)}&{name}={d.code(5, string.ascii_letters)}",
                f"{name}@{host}.{d.one('domain')}", f"{name}_{d.number(3)}@{d.of('qq.com', '163.com', 'gmail.com', '126.com', 'outlook.com')}", f"{name}.{page}@{host}.{d.one('domain')}",
                f"{page}.{ext}", f"{d.word()}.{ext}", f"IMG_{d.digits(8)}_{d.digits(6)}.jpg", f"{d.word()}({d.number(1)}).{ext}", f"C:\\{page}\\{name}.{ext}", f"/home/{name}/{page}.{ext}", f"~/{page}/{name}_{d.number(2)}.{ext}",
                f"@{name}", f"#{d.word()}#", f"{host}.{d.one('domain')}", f"网址：www.{host}.{d.one('domain')}", f"E-mail: {name}@{host}.{d.one('domain')}", f"ftp://{host}.org/{page}/")  # fmt: skip


def value(d: Draw) -> str:
    """What may stand after a field's name."""
    return d.rng.choice(VALUES)(d)


def invoice(d: Draw) -> str:
    field = d.one("invoice_field")
    exact = {
        "发票代码": d.digits(12, "01"), "发票号码": d.digits(8), "开票日期": date(d), "校验码": " ".join(d.digits(5) for _ in range(4)), "机器编号": d.digits(12, "6"),
        "购买方名称": d.company(), "销售方名称": d.company(), "纳税人识别号": f"91{d.digits(6)}MA{d.code(10)}", "统一社会信用代码": f"91{d.digits(6)}{d.code(10)}",
        "开户行及账号": f"{d.of('中国工商银行', '中国农业银行', '中国银行', '中国建设银行', '交通银行')}{d.one('city')[:2]}{d.word()}支行 {d.digits(19, '6')}", "税率": d.of("3%", "6%", "9%", "13%", "1%", "免税"),
        "收款人": d.person(), "复核": d.person(), "开票人": d.person(), "大写": f"ⓧ{spell_money(d.number(8))}"[1:], "规格型号": model_name(d),
        "项目名称": f"*{d.one('goods')}*{d.one('goods')}", "货物或应税劳务名称": f"*{d.word()}*{d.one('goods')}", "备注": d.sentence(),
    }  # fmt: skip
    return field + d.colon() + exact.get(field, money(d))


def field(d: Draw) -> str:
    name = d.one("form_field") if d.chance(0.8) else d.word()
    return d.of("", "", "", "*", "【").replace("【", "") + name + d.colon() + value(d)


def fields(d: Draw) -> str:
    return d.of("  ", "    ", " ", "，", "；").join(field(d) for _ in range(d.rng.randint(2, 3)))


def field_en(d: Draw) -> str:
    filled = d.rng.choice(
        [
            amount,
            money,
            date,
            phone,
            serial,
            measure,
            percent,
            clock,
            web,
            lambda d: d.english_words(3).title(),
            number,
        ]
    )(d)
    return d.one("field_en") + d.of(": ", ": ", ":", " ", " # ") + filled


def receipt(d: Draw) -> str:
    goods = d.one("goods") if d.chance(0.6) else d.word()
    quantity, price = d.number(2), d.rng.randrange(1, 9999) / 100
    packed = d.one("packed")
    return d.of(f"{goods} {quantity} {price:.2f} {quantity * price:.2f}", f"{goods}  x{quantity}  {price:.2f}", f"{goods}×{quantity}{packed}", f"{goods}({measure(d)})  ¥{price:.2f}", f"{quantity}{packed}×{price:.2f}元={quantity * price:.2f}元",
                f"{goods} {price:.2f}元/{packed}", f"合计：{quantity}件  {quantity * price:.2f}元", f"{d.digits(13, '6')} {goods}", f"应收：{price:.2f}  实收：{price + 1:.2f}  找零：1.00", f"数量：{quantity}  单价：{price:.2f}",
                f"{d.one('goods_en')} {quantity} @ {price:.2f} {quantity * price:.2f}", f"{d.one('goods_en')}  ${price:.2f}", f"小计 {price:.2f}", f"{goods}{d.brackets(d.of('大', '中', '小', '热', '冰', '微辣', '特价'))}  {price:.1f}",
                f"第{quantity}桌  {quantity}人  {clock(d)}", f"-{price:.2f}  满{quantity}0减{quantity}", f"¥{price:.2f}  原价¥{price * 2:.2f}", f"月销{d.number(4)}+ {d.number(3)}人付款", f"TOTAL  {quantity * price:.2f}", f"SUBTOTAL ${price:.2f}")  # fmt: skip


def table_row(d: Draw) -> str:
    cells = [
        d.rng.choice(VALUES + (lambda d: d.word(), lambda d: str(d.number(4))))(d)
        for _ in range(d.rng.randint(2, 5))
    ]
    cells = [cell for cell in cells if len(cell) < 20] or [d.word()]
    return d.of("  ", " ", "    ", " | ", "|", ", ").join(cells)


def nutrition(d: Draw) -> str:
    per = f"{d.rng.random() * 100:.1f}{d.of('克', '毫克', 'g', 'mg', '千焦', 'kJ')}"
    return d.of(f"{d.one('nutrition')}  {per}  {d.number(2)}%", f"{d.one('nutrition')} {per}", f"净含量：{d.number(4)}{d.of('克', 'g', 'kg', '毫升', 'mL', 'L')}", f"配料：{'、'.join(d.of(d.word(), d.one('goods')) for _ in range(d.rng.randint(3, 8)))}",
                f"保质期：{d.number(2) + 1}{d.of('个月', '天', '年')}", "项目  每100克(g)  营养素参考值%或NRV%", f"生产日期：{date(d)}", f"产品标准号：GB/T {d.digits(5)}", f"贮存条件：{d.of('常温', '阴凉干燥处', '冷藏')}保存，避免阳光直射",
                f"全国服务热线：400-{d.digits(3)}-{d.digits(4)}", f"NET WT {d.rng.random() * 20:.1f} OZ ({d.number(3)}g)", f"条形码 {d.digits(13, '6')}", f"用法用量：口服。一次{d.number(1) + 1}片，一日{spell(d.number(1) % 4 + 1)}次。")  # fmt: skip


def exam(d: Draw) -> str:
    n, points = d.number(2) + 1, d.number(2) + 1
    return d.of(f"{n}. {d.one('exam')}({points} 分)", f"{spell(n % 12 + 1)}、{d.one('exam')}（共{points}分）", f"{d.of(*'ABCD')}. {d.word()}", f"A. {d.word()}  B. {d.word()}  C. {d.word()}  D. {d.word()}",
                f"{n}. {d.sentence()[:24]}(    )", f"（{n}）{d.sentence()[:24]}____。", f"{d.number(2)}+{d.number(2)}×{d.number(1)}=", f"{d.number(2)}-({d.number(1)}+{d.number(2)})÷{d.number(1) + 1}=____", f"{d.rng.randint(2000, 2030)}年{d.one('city')}{d.one('subject')}期末试卷",
                f"得分____  评卷人____", f"{d.one('subject')}试卷  第{points}页（共{n}页）", f"考试时间：{points}0分钟  满分：{points}0分", f"解：设{d.of('甲', '乙', '它', '速度')}为x，则{d.number(1)}x+{d.number(2)}={d.number(2)}", f"∴ x={n}"[2:], f"如图{n}，AB={points}cm，∠"[:-2] + f"角C=90°。")  # fmt: skip


def address_line(d: Draw) -> str:
    return d.of(d.address(), f"地址：{d.address()}", f"{d.address()} 邮编：{d.digits(6)}", f"{d.person()} {phone(d)} {d.address()}", f"{d.address()}{d.brackets(d.word() + d.of('旁', '对面', '地铁站A口', '路口'))}",
                f"{d.number(4)} {d.english_words(2).title()} {d.of('St.', 'Street', 'Ave', 'Road', 'Blvd')}, {d.english_words(1).title()}, {d.code(2, string.ascii_uppercase)} {d.digits(5)}")  # fmt: skip


VALUES: tuple[Callable[[Draw], str], ...] = (
    date, clock, timestamp, money, amount, percent, phone, identity, bank_card, serial, model_name, measure, number, web,
    Draw.person, Draw.person, Draw.company, Draw.address, Draw.word, Draw.word, lambda d: d.one("form_value"), lambda d: d.one("form_value"),
    lambda d: d.one("goods"), lambda d: d.one("term"), Draw.sentence,
)  # fmt: skip


def technical(d: Draw) -> str:
    """Chinese with English terms in it, with and without spaces at the border."""
    gap = d.of("", "", " ")
    t, u = d.one("term"), d.of(d.one("term"), d.english_words(2), model_name(d))
    s = d.sentence()
    cut = d.rng.randrange(len(s) + 1)
    return d.of(f"{s[:cut]}{gap}{t}{gap}{s[cut:]}", f"{s[:cut]}{gap}{u}{gap}{s[cut:]}", f"{d.word()}（{u}）", f"{d.word()}({t})", f"使用{gap}{t}{gap}{d.word()}{gap}{u}", f"{t}{d.word()}", f"{d.word()}{gap}{t}", f"{t}、{u}{gap}和{gap}{d.one('term')}",
                f"基于{gap}{t}{gap}的{d.word()}{d.word()}系统", f"{d.word()}：{u}", f"{d.word()} / {u}", f"{t}与{u}的区别", f"安装{gap}{t}{gap}{d.number(1)}.{d.number(2)}{gap}版本", f"{d.word()}{gap}{d.number(3)}{gap}{d.word()}")  # fmt: skip


def interface(d: Draw) -> str:
    a, b = d.one("ui"), d.one("ui")
    return d.of(a, f"{a}{b}", f"{a}({d.of(*string.ascii_uppercase)})", f"{a}({d.of(*string.ascii_uppercase)})...", "  ".join(d.one("ui") for _ in range(d.rng.randint(2, 6))), f"{a}  Ctrl+{d.of(*string.ascii_uppercase)}", f"{a} > {b}", f"{a} → {b}", f"{a}/{b}", f"{a}|{b}",
                f"{a}({d.number(3)})", f"“{a}”按钮", f"点击「{a}」{b}", f"{a}：{d.of('开', '关', '已开启', '未连接', '自动')}", f"已{d.of('选择', '下载', '完成')} {d.number(3)} 项", f"{a}失败，错误代码：{d.number(4)}", f"{percent(d)}  {d.number(3)}.{d.number(1)} MB/s", f"共 {d.number(4)} 条，第 {d.number(2)} / {d.number(3)} 页",
                f"Ctrl+Shift+{d.of(*string.ascii_uppercase)}", f"F{d.number(1) + 1}", f"Alt+F{d.number(1)}", f"< {a}", f"{a} >", f"+ {a}", f"× {a}", f"√ {a}", f"© {d.rng.randint(1999, 2030)} {d.company()} 版权所有", f"{d.word()}®", f"{d.one('term')}™", f"请输入{d.word()}", f"{d.word()}不能为空", f"{clock(d)}  {d.sentence()[:20]}", f"{d.person()}：{d.sentence()[:30]}", f"[{d.word()}]{d.sentence()[:20]}",
                f"{d.one('ui')}…", f"正在{a}... {d.number(2)}%")  # fmt: skip


def sign(d: Draw) -> str:
    zh, en = d.one("sign"), d.one("sign_en")
    return d.of(zh, zh, en, en, f"{zh} {en}", f"{zh}  {d.one('sign')}", f"{d.of(d.one('brand'), d.word())}{d.one('sign')}", f"{en.title()}", f"{zh}！", f"电话：{phone(d)}", f"{d.one('brand')}{d.of('超市', '饭店', '宾馆', '大药房', '牙科', '美容', '烧烤', '书店', '花店', '茶楼')}", f"{d.one('road')}{d.number(3)}号", f"{zh}→", f"←{zh}", f"{zh}↑", f"{d.number(2)}号线 {d.word()}站", f"{d.word()}方向", f"营业时间 {clock(d)}-{clock(d)}",
                f"限速{d.number(2)}公里", f"距{d.word()}{d.number(3)}m", f"{d.number(1) + 1}F {d.one('ui')}", f"{d.english_words(2).upper()}", f"{d.english_words(1).upper()}", f"{d.english_words(3).title()}", f"SINCE {d.rng.randint(1850, 2024)}", f"{d.number(2)}% OFF", f"★{d.word()}★", f"◆{d.word()}◆", f"☆{d.word()}", f"№{d.number(4)}")  # fmt: skip


def english_shape(d: Draw) -> str:
    """English as print shows it: cases, initials, quotes, hyphens, possessives, lists, references."""
    s, words = d.english(), d.english_words(6)
    initials = ". ".join(d.rng.choices(string.ascii_uppercase, k=2)) + "."
    return d.of(words.upper(), words.title(), s, s.upper(), f'"{s}"', f"“{s}”", f"'{words}'", f"‘{words}’", f"{initials} {words.title()}", f"{d.english_words(1)}-{d.english_words(1)} {words}", f"{d.english_words(1).title()}'s {words}", f"I'm {words}, don't you?", f"{words}...", f"{words} — {d.english_words(3)}", f"{d.bullet()}{s}", f"({words})", f"[{d.number(2)}] {words}", f"Fig. {d.number(1)}. {s}", f"Table {d.number(2)}: {words}", f"Chapter {d.number(2)} {words.title()}",
                f"{words}; {d.english_words(3)}: {d.english_words(2)}", f"{words}!", f"{words}?", f"{words} & {d.english_words(2)}", f"{words} / {d.english_words(2)}", f"{words}, {d.rng.randint(1900, 2030)}", f"et al., {d.rng.randint(1980, 2030)}", f"p. {d.number(3)}", f"pp. {d.number(2)}-{d.number(3)}", f"{d.number(2)}{d.of('st', 'nd', 'rd', 'th')} {words}", f"Mr. {words.title()}", f"{words} (e.g., {d.english_words(2)})", f"{d.number(3)} {words}", f"U.S. {words}", f"{words} ${amount(d)}", f"{words.capitalize()}.")  # fmt: skip


def chinese_shape(d: Draw) -> str:
    """Chinese with the punctuation marks that plain prose seldom has, lists and headings."""
    s, w = d.sentence(), d.word()
    return d.of(f"《{d.one('book')}》", f"《{w}》", f"《{d.one('book')}》第{spell(d.number(2) + 1)}章", f"《〈{w}〉{d.word()}》", f"「{s}」", f"『{w}』", f"“{s}”", f"‘{w}’", f"{s}……", f"{w}——{d.word()}", f"……{s}", d.bullet() + s, d.bullet() + w, d.bullet() + d.word() + d.colon() + s[:30], d.brackets(w), d.brackets(s[:20]), f"{w}{d.brackets(d.word())}", f"{w}、{d.word()}、{d.word()}等", f"{w}；{d.word()}；{d.word()}。", f"{w}？{d.word()}！", f"{w}·{d.word()}",
                f"第{spell(d.number(2) + 1)}{d.of('章', '节', '条', '回', '部分')} {w}{d.word()}", f"{spell(d.number(2) + 1)}、{w}", f"（{spell(d.number(1) + 1)}）{w}", f"问：{s}", f"答：{s}", f"注：{s}", f"图{d.number(2)} {w}", f"表{d.number(2)}-{d.number(1)} {w}", f"※{w}"[1:], f"【{w}】{s}", f"〔{d.rng.randint(1980, 2030)}〕{d.number(3)}号", f"国发〔{d.rng.randint(1980, 2030)}〕{d.number(2)}号", f"{w}～{d.word()}", f"{w}／{d.word()}", f"{w}＋{d.word()}＝{d.word()}", f"{w}（见第{d.number(3)}页）", f"①{w}②{d.word()}③{d.word()}",
                f"□{w} □{d.word()}", f"■{w}", f"Ⅰ.{w} Ⅱ.{d.word()}", f"§{d.number(2)} {w}", f"{w}％", f"↑{w}", f"{w}↓")  # fmt: skip


def code(d: Draw) -> str:
    a, b = (
        d.code(d.rng.randint(3, 8), string.ascii_lowercase),
        d.code(d.rng.randint(3, 7), string.ascii_lowercase),
    )
    return d.of(f"pip install {a}=={d.number(1)}.{d.number(2)}", f"{a}_{b} = {d.number(3)}", f"def {a}({b}, {d.code(1, string.ascii_lowercase)}=None):", f"<{a}>{d.word()}</{a}>", f'{{"{a}": "{d.word()}", "{b}": {d.number(3)}}}', f"$ {a} --{b} {d.number(3)}", f"if ({a} != {b}) {{", f"{a}[{d.number(2)}] += {b};", f"for i in range({d.number(3)}):", f'print("{d.word()}")', f"SELECT * FROM {a} WHERE {b} = '{d.number(3)}';",
                f"# {d.sentence()[:30]}", f"// {d.sentence()[:30]}", f"{a.title()}{b.title()}::{a}()", f"{a}->{b}", f"git commit -m \"{d.english_words(4)}\"", f"Error: {d.english_words(5)} ({d.number(3)})", f"{a}|{b}", f"{a} ^ {b} ~ {d.number(2)}", f"`{a} {b}`", f"{a}\\{b}", f"{a} = {b} ? {d.number(2)} : {d.number(2)};", f"return {a} * {d.number(2)} % {b}", f"@{a}.{b}")  # fmt: skip


Maker = Callable[[Draw], str]
# Weights: how much photographed and scanned forms need each shape, and how many shapes it stands for.
FORMS: dict[Maker, int] = {
    date: 5, clock: 3, timestamp: 3, money: 6, percent: 2, phone: 4, identity: 2, bank_card: 2, serial: 7, model_name: 3, measure: 6, number: 4, number_row: 6, web: 5,
    invoice: 9, field: 14, fields: 5, field_en: 5, receipt: 9, table_row: 6, nutrition: 4, exam: 4, address_line: 6,
}  # fmt: skip
MIXED: dict[Maker, int] = {technical: 10, interface: 9, sign: 8, english_shape: 9, chinese_shape: 10, code: 4}
