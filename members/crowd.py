"""People who cannot exist, for the demo: names, provinces, ages, families. Pure and seeded.

The mix is that of domain.md §2: mean age 34.4, provinces as among the aided. Names are put together
from the usual characters; ID numbers begin with a region that does not exist (design §8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from members.rules import demo_id_number

# How many of a thousand people bear each of these surnames, roughly.
SURNAMES = {
    "王李张": 74,
    "刘陈": 50,
    "杨黄赵吴周": 22,
    "徐孙马朱胡郭何林高罗": 12,
    "郑梁谢宋唐许韩邓冯曹彭曾肖田": 7,
    "董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金": 5,
    "韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚": 3,
}
GIVEN = {
    "m": "伟强军磊勇杰涛超明刚平辉鹏华飞斌波宇浩凯健俊帆志国建文海龙东林峰毅宁晨博轩子皓然泽瑞",
    "f": "芳娜敏静丽艳娟霞秀玲燕红梅莉兰英慧颖雪琳倩婷玉萍月云洁欣怡佳思雨涵诗梓萱桂香淑珍晓",
}
# By code of GB/T 2260; domain.md §2b for the first five, the rest by the census of 2020.
PROVINCES = {
    "44": 21188, "37": 15693, "41": 14171, "32": 12609, "42": 10616,
    "11": 2630, "12": 1670, "13": 8950, "14": 4190, "15": 2880, "21": 5110, "22": 2890,
    "23": 3830, "31": 2990, "33": 7750, "34": 7320, "35": 4980, "36": 5420, "43": 7970,
    "45": 6010, "46": 1210, "50": 3850, "51": 10040, "52": 4630, "53": 5660, "54": 430,
    "61": 4740, "62": 3000, "63": 710, "64": 860, "65": 3110,
}  # fmt: skip
# How many people an account pays for, out of a hundred accounts.
FAMILIES = {1: 64, 2: 19, 3: 11, 4: 6}
# Ages of those who hold the account: (from, to, weight).
HOLDERS = ((18, 24, 14), (25, 29, 21), (30, 34, 25), (35, 39, 18), (40, 44, 10), (45, 59, 12))
FIRST_SERIAL = 1000  # people with a story take the numbers below


@dataclass(frozen=True)
class Person:
    """One of the crowd."""

    name: str
    sex: str
    born: date
    province: str
    number: str
    relation: str


class Family(NamedTuple):
    """An account, the day its people joined, and they."""

    joined_on: date
    people: list[Person]


def families(*, people: int, joined_on: list[date], seed: int) -> Iterator[Family]:
    """So many people in families, in order of joining. The same seed gives the same people."""
    chance = Random(seed)  # noqa: S311 - a repeatable crowd, not a secret
    sizes = _sizes(people, chance)
    days = sorted(chance.choices(joined_on, k=len(sizes)))
    numbers: Counter[str] = Counter()
    for size, on in zip(sizes, days, strict=True):
        yield Family(on, _family(size, on, chance, numbers))


def _sizes(people: int, chance: Random) -> list[int]:
    sizes: list[int] = []
    while (left := people - sum(sizes)) > 0:
        guess = chance.choices(list(FAMILIES), list(FAMILIES.values()), k=max(1, left // 3))
        sizes += guess
        while sum(sizes) > people:
            sizes.pop()
        if people - sum(sizes) <= max(FAMILIES):
            sizes += [1] * (people - sum(sizes))
    return sizes


def _family(size: int, on: date, chance: Random, numbers: Counter[str]) -> list[Person]:
    province = chance.choices(_CODES, _SHARES)[0]
    surname, sex, age = _surname(chance), chance.choice(_SEXES), _age(chance)
    who = [(surname, sex, age, "self")]
    for relation in _relations(size - 1, age, chance):
        if relation == "spouse":
            near = min(59, max(20, age + chance.randint(-4, 4)))
            who.append((_surname(chance), "f" if sex == "m" else "m", near, relation))
        elif relation == "child":
            young = chance.randint(0, max(0, min(17, age - 22)))
            who.append((surname, chance.choice("mf"), young, relation))
        else:
            old = chance.randint(max(40, age + 20), 59)
            who.append((surname, chance.choice("mf"), old, relation))
    people = []
    for surname, sex, age, relation in who:
        born = on - _days(age, chance)
        number = _number(province, born, sex, numbers)
        people.append(Person(surname + _given(sex, chance), sex, born, province, number, relation))
    return people


def _relations(more: int, age: int, chance: Random) -> list[str]:
    """Who else is paid for: parents while they are young enough, else spouse and children."""
    if 0 < more <= 2 and age <= 38 and chance.random() < 0.45:  # noqa: PLR2004
        return ["parent"] * more
    if age < 24:  # noqa: PLR2004
        return ["parent"] * more
    return ["spouse", "child", "child"][:more]


def _age(chance: Random) -> int:
    low, high, _weight = chance.choices(HOLDERS, [weight for *_, weight in HOLDERS])[0]
    return chance.randint(low, high)


def _surname(chance: Random) -> str:
    return chance.choices(_NAMES, _FREQUENCIES)[0]


def _given(sex: str, chance: Random) -> str:
    return "".join(chance.choices(GIVEN[sex], k=chance.choice((1, 2, 2, 2, 2))))


def _days(age: int, chance: Random) -> timedelta:
    """How long ago somebody of that age was born; a baby is at least 31 days old."""
    return timedelta(days=max(31, age * 1461 // 4 + chance.randint(1, 364)))


def _number(province: str, born: date, sex: str, numbers: Counter[str]) -> str:
    key = f"{province}{born}{sex}"
    serial = FIRST_SERIAL + numbers[key]
    numbers[key] += 1
    return demo_id_number(region=province, birth_on=born, sex=sex, serial=serial)


_SEXES = "m" * 13 + "f" * 12
_CODES, _SHARES = list(PROVINCES), list(PROVINCES.values())
_NAMES = [name for group in SURNAMES for name in group]
_FREQUENCIES = [weight for group, weight in SURNAMES.items() for _ in group]
