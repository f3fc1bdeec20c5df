"""Who a person is and on which days a rule counts: pure, no tables (design §5, §8, §9.5).

ID numbers follow GB 11643: six digits of region, eight of the date of birth, three of sequence (odd
for men), one check character by ISO 7064 MOD 11-2.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

# First two digits of an ID number: (Chinese, English).
PROVINCES: dict[str, tuple[str, str]] = {
    "11": ("北京", "Beijing"),
    "12": ("天津", "Tianjin"),
    "13": ("河北", "Hebei"),
    "14": ("山西", "Shanxi"),
    "15": ("内蒙古", "Inner Mongolia"),
    "21": ("辽宁", "Liaoning"),
    "22": ("吉林", "Jilin"),
    "23": ("黑龙江", "Heilongjiang"),
    "31": ("上海", "Shanghai"),
    "32": ("江苏", "Jiangsu"),
    "33": ("浙江", "Zhejiang"),
    "34": ("安徽", "Anhui"),
    "35": ("福建", "Fujian"),
    "36": ("江西", "Jiangxi"),
    "37": ("山东", "Shandong"),
    "41": ("河南", "Henan"),
    "42": ("湖北", "Hubei"),
    "43": ("湖南", "Hunan"),
    "44": ("广东", "Guangdong"),
    "45": ("广西", "Guangxi"),
    "46": ("海南", "Hainan"),
    "50": ("重庆", "Chongqing"),
    "51": ("四川", "Sichuan"),
    "52": ("贵州", "Guizhou"),
    "53": ("云南", "Yunnan"),
    "54": ("西藏", "Tibet"),
    "61": ("陕西", "Shaanxi"),
    "62": ("甘肃", "Gansu"),
    "63": ("青海", "Qinghai"),
    "64": ("宁夏", "Ningxia"),
    "65": ("新疆", "Xinjiang"),
    "71": ("台湾", "Taiwan"),
    "81": ("香港", "Hong Kong"),
    "82": ("澳门", "Macao"),
    "83": ("台湾", "Taiwan"),  # residence permits
}
# No region begins with 99. A demo person has a province all the same: digits 3 and 4.
DEMO_PREFIX = "99"
DEMO_SERIALS = 50_000

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
OLDEST_YEAR = 1900

_COMPOUND = (
    "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 司空 夏侯 轩辕 长孙 宇文 端木 百里 "
    "南宫 东郭 呼延 闻人 申屠 公羊 澹台 濮阳 淳于 单于 太史 钟离 鲜于 赫连 独孤 拓跋"
)
COMPOUND_SURNAMES = frozenset(_COMPOUND.split())


@dataclass(frozen=True, slots=True)
class IdNumber:
    """What an ID number says. sex: "m" or "f"; region: a key of PROVINCES."""

    number: str
    birth_on: date
    sex: str
    region: str


def check_id_number(text: str, *, allow_demo: bool) -> IdNumber:
    """Read an 18-digit ID number, however it is spaced. Raises ValueError with a sentence.

    `allow_demo` also takes the numbers of people who cannot exist (region 99), and only the demo
    and the tests set it. A birth in the future is for the caller to refuse: here is no clock.
    """
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    if re.fullmatch(r"[0-9]{15}", number):
        raise ValueError(
            _("This is an old ID number of 15 digits. Write the 18 digits of the present card.")
        )
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise ValueError(
            _("An ID number has 17 digits and then a digit or the letter X. Check what is missing.")
        )
    if check_character(number[:17]) != number[17]:
        raise ValueError(_("This ID number has a typing error. Compare it with the card."))
    return IdNumber(
        number=number,
        birth_on=_birth(number),
        sex="m" if int(number[16]) % 2 else "f",
        region=_region(number, allow_demo=allow_demo),
    )


def check_character(body: str) -> str:
    """The 18th character for the first 17 digits."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True))
    return CHECK_CHARACTERS[total % 11]


def _birth(number: str) -> date:
    year, month, day = int(number[6:10]), int(number[10:12]), int(number[12:14])
    sentence = _("The date of birth in this ID number does not exist. Check digits 7 to 14.")
    if year < OLDEST_YEAR:
        raise ValueError(sentence)
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(sentence) from error


def _region(number: str, *, allow_demo: bool) -> str:
    demo = number.startswith(DEMO_PREFIX)
    region = number[2:4] if demo and allow_demo else number[:2]
    if region not in PROVINCES:
        raise ValueError(_("This ID number begins with a region that does not exist. Check it."))
    return region


def demo_id_number(*, region: str, birth_on: date, sex: str, serial: int) -> str:
    """The ID number of somebody who cannot exist; one each for serials 0 to 49 999 of a birthday.

    Raises ValueError for an unknown region or sex, or a serial out of range.
    """
    if region not in PROVINCES or sex not in ("m", "f") or not 0 <= serial < DEMO_SERIALS:
        raise ValueError(f"There is no demo person of {region}, {sex}, {serial}.")
    block, place = divmod(serial, 500)
    sequence = 2 * place + (sex == "m")
    body = f"{DEMO_PREFIX}{region}{block:02d}{birth_on:%Y%m%d}{sequence:03d}"
    return body + check_character(body)


def region_name(region: str, language: str) -> str:
    """The name of a province, or "" for a code that is none."""
    chinese, english = PROVINCES.get(region, ("", ""))
    return chinese if language.startswith("zh") else english


OF_AGE = 18  # 民法典 art. 17: from then on a person acts for themselves

# --- days --------------------------------------------------------------------------------------


def age_on(birth_on: date, day: date) -> int:
    """Whole years on that day; who is born on 29 February turns older on 1 March in other years.

    Raises ValueError before the birth.
    """
    if day < birth_on:
        raise ValueError(_("This day is before the birth."))
    return day.year - birth_on.year - ((day.month, day.day) < (birth_on.month, birth_on.day))


def waiting_days(
    *, age: int, days: int, longer_from_age: int | None, longer_days: int | None
) -> int:
    """The waiting days of who joins at that age: 康爱公社 asks more from 40 on (domain.md §1e)."""
    longer = longer_from_age is not None and age >= longer_from_age
    return longer_days if longer and longer_days is not None else days


def covered_from(joined_day: date, waiting_days: int) -> date:
    """The first day of cover: the day of joining is the first of the waiting days."""
    if waiting_days < 0:
        raise ValueError(_("A waiting period cannot be negative."))
    return joined_day + timedelta(days=waiting_days)


# --- what the public may see -------------------------------------------------------------------


def mask_name(name: str) -> str:
    """The surname and two stars, whatever the length: 王小芳 and 王芳 are 王**, 欧阳明月 is 欧阳**.

    Of a name of two letters only the first is shown, so that no name is ever shown whole. Raises
    ValueError for an empty name.
    """
    plain = "".join(name.split())
    if not plain:
        raise ValueError(_("A name is missing."))
    compound = len(plain) > 2 and plain[:2] in COMPOUND_SURNAMES  # noqa: PLR2004
    return plain[: 2 if compound else 1] + "**"


AGE_BANDS = ((0, "0-17"), (18, "18-29"), (30, "30-39"), (40, "40-49"), (50, "50-59"), (60, "60+"))
DAYS_BANDS = ((0, "0-89"), (90, "90-179"), (180, "180-364"), (365, "365-729"), (730, "730+"))


def age_band(age: int) -> str:
    """The published band of an age in whole years, such as "30-39". It never straddles 40."""
    return _band(age, AGE_BANDS)


def days_band(days: int) -> str:
    """The published band of a number of days, such as "180-364"."""
    return _band(days, DAYS_BANDS)


def _band(number: int, bands: tuple[tuple[int, str], ...]) -> str:
    if number < 0:
        raise ValueError(_("A number of days or years cannot be negative."))
    return next(name for start, name in reversed(bands) if number >= start)
