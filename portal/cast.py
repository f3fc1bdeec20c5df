"""The cast of the demo: people who cannot exist, their illnesses, and where each story stands.

Data only; portal/stories.py plays it. Three cases are after life (domain.md §3b, §4), altered,
without names, places or dates of their models.
"""

# ruff: noqa: E501 - a table of people reads as a table

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from claims.states import Status

STAFF = {
    "adjuster": ["吴敏", "郑晓东"],
    "reviewer": ["何静", "宋建平", "高岚"],
    "finance": ["许文", "罗佳"],
    "data_officer": ["梁洁", "谢军"],
    "help_line": ["蒋欣"],
}


@dataclass(frozen=True)
class Person:
    login: str
    name: str
    born: str
    sex: str
    region: str
    joined: str = "2021-06-02 09:30"


@dataclass(frozen=True)
class Illness:
    """A claim as it goes: what, when, and what the papers show."""

    disease: str
    diagnosed: str
    reported: str
    story: str
    hospital: str = "市第一人民医院"
    publish: bool = True
    accident: bool = False
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)  # answers other than the good


TUMOUR, HEART, COMA = "malignant_tumour", "ami", "deep_coma"


def _tumour(diagnosed: str, reported: str, story: str, **more: Any) -> Illness:
    return Illness(TUMOUR, diagnosed, reported, story, **more)


LUNG, BREAST, THYROID, BOWEL, STOMACH = (
    "体检发现肺部结节，手术后病理是肺腺癌。",
    "洗澡时摸到乳房有硬块，手术后确诊乳腺癌。",
    "脖子上长了包块，手术切了甲状腺，病理是癌。",
    "便血三个月，肠镜取了病理，是直肠癌。",
    "胃痛半年，胃镜病理是胃癌。",
)
ATTACK = "夜里胸口剧痛，送急诊，冠脉造影放了一个支架。"

# (person, illness): granted in three closed periods, in the one in disclosure, and after it.
GRANTED: list[tuple[Person, Illness]] = [
    (Person("granted1", "王建军", "1972-08-20", "m", "44"), _tumour("2021-09-12", "2021-09-19", LUNG)),
    (Person("granted2", "李桂兰", "1975-01-09", "f", "37"), _tumour("2021-09-14", "2021-09-22", BREAST)),
    (Person("granted3", "张伟", "1990-11-02", "m", "41"), Illness(HEART, "2021-09-16", "2021-09-25", ATTACK)),
    (Person("granted4", "刘洋", "1988-06-30", "f", "32"), _tumour("2021-09-24", "2021-10-01", THYROID)),
    (Person("granted5", "陈国栋", "1965-04-17", "m", "42"), _tumour("2021-09-28", "2021-10-05", LUNG)),
    (Person("granted6", "杨丽", "1979-12-05", "f", "51"), _tumour("2021-10-01", "2021-10-09", BREAST, publish=False)),
    (Person("granted7", "黄志强", "1970-02-22", "m", "44"), _tumour("2021-10-08", "2021-10-16", BOWEL)),
    (Person("granted8", "赵敏", "1993-09-18", "f", "61"), _tumour("2021-10-12", "2021-10-20", THYROID)),
    (Person("granted9", "徐海涛", "1968-07-07", "m", "37"), Illness(HEART, "2021-10-18", "2021-10-25", ATTACK)),
    (Person("granted10", "孙玉梅", "1974-10-11", "f", "41"), _tumour("2021-10-22", "2021-10-30", BREAST)),
    (Person("granted11", "马超", "1985-05-25", "m", "44"), _tumour("2021-10-27", "2021-11-03", LUNG)),
    (Person("granted12", "朱红", "1969-03-30", "f", "32"), _tumour("2021-11-01", "2021-11-08", STOMACH)),
    (Person("granted13", "胡斌", "1991-08-08", "m", "43"), _tumour("2021-11-06", "2021-11-14", BOWEL)),
]  # fmt: skip

UNFINISHED: list[tuple[Person, Illness, Status]] = [
    (Person("reported", "郭爱华", "1971-02-03", "f", "37"), _tumour("2021-12-02", "2021-12-08", LUNG), Status.REPORTED),
    (Person("submitted", "何平", "1983-06-06", "m", "42"), _tumour("2021-11-29", "2021-12-07", BOWEL), Status.SUBMITTED),
    (Person("investigated", "高翔", "1978-01-21", "m", "35"), _tumour("2021-11-20", "2021-11-30", STOMACH), Status.INVESTIGATING),
    (Person("reviewed", "罗艳", "1986-12-12", "f", "36"), _tumour("2021-11-10", "2021-11-22", THYROID), Status.REVIEWING),
    (Person("proposed", "郑强", "1967-11-16", "m", "34"), _tumour("2021-11-08", "2021-11-19", LUNG), Status.PROPOSED),
    (Person("withdrawn", "梁燕", "1982-10-01", "f", "45"), _tumour("2021-11-15", "2021-11-25", BREAST), Status.WITHDRAWN),
]  # fmt: skip

WAITING = (
    Person("waiting", "谢东", "1973-05-19", "m", "13"),
    Illness(
        HEART,
        "2021-10-30",
        "2021-11-15",
        ATTACK,
        shown={
            "ecg": {"answer": "not_shown"},
            "lvef": {"answer": "not_shown", "since": date(2021, 10, 30)},
        },
    ),
)
MOTHER = (
    Person("lin", "陈桂香", "1965-02-11", "f", "33", "2021-06-02 09:40"),
    _tumour("2021-11-10", "2021-11-25", BREAST),
)

# Three cases after life (domain.md §3b, §4), altered, and one that the jury overturned.
HEART_CASE = Illness(
    HEART,
    "2021-11-02",
    "2021-11-13",
    "他在地里干活时胸口剧痛，送到医院抢救，当天就走了。",
    shown={
        "ecg": {"answer": "not_shown"},
        "enzymes": {"answer": "not_shown"},
        "lvef": {"answer": "not_met"},  # it can never be measured
    },
)
COMA_CASE = Illness(
    COMA,
    "2021-11-04",
    "2021-11-16",
    "主动脉出血后昏迷，上了呼吸机，中间停了五十分钟又接着上，前后加起来超过四天。",
    shown={"life_support_96h": {"answer": "not_met", "measured": "68", "place": 2, "page": 1}},
)
STEROID_CASE = Illness(
    COMA,
    "2021-10-02",
    "2021-10-18",
    "摔倒后一直昏迷。以前皮肤有病，吃过一阵激素，加入时没有想到要说。",
    shown={"health_on_joining": {"answer": "not_met", "place": 3, "page": 1}},
)
WON_CASE = _tumour(
    "2021-09-10",
    "2021-09-22",
    "加入前一年因为胃炎断断续续吃过药，医院系统里连起来有 32 天。今年查出胃癌。",
    shown={"health_on_joining": {"answer": "not_met", "place": 3, "page": 1}},
)


@dataclass(frozen=True)
class Refusal:
    """A refused claim; with `appeal_at`, one that goes before the jury. `votes` in drawn order."""

    who: Person
    ill: Illness
    reason: str
    change: str
    appeal_at: str = ""
    statement: str = ""
    votes: tuple[str, ...] = ()


REFUSALS = [
    Refusal(
        Person("heart", "唐福生", "1971-09-09", "m", "53"),
        HEART_CASE,
        reason="四项条件只有典型症状一项有材料证明，规则要求至少三项。抢救时间很短，没有留下心电图和检验结果。",
        change="如果医院还存有抢救时的心电图或肌钙蛋白化验单，请补交，我们会重新审核。",
    ),
    Refusal(
        Person("coma", "曹志远", "1970-06-15", "m", "52"),
        COMA_CASE,
        reason="呼吸机最长一段连续使用 68 小时，中间停过 50 分钟。规则要求连续 96 小时，没有允许间断。",
        change="如果停机的 50 分钟里有便携机或手动通气，请医院书面说明并盖章。",
        appeal_at="2021-12-07 14:00",
        statement="停机五十分钟是为了做检查，人一直没有醒过。加起来早就超过了九十六小时，请大家看看。",
        votes=("against", "support") * 7,  # the others have until the tenth
    ),
    Refusal(
        Person("steroid", "邓海", "1976-04-04", "m", "53"),
        STEROID_CASE,
        reason="加入前两年内连续服用激素超过 30 天，不符合加入那天的健康要求。",
        change="如果能证明服药没有超过 30 天，或开始服药在加入之后，请提供处方和病历。",
        appeal_at="2021-11-08 10:00",
        statement="激素是治皮肤病的，和这次摔倒没有关系。加入的时候页面上没有看到这一条。",
        votes=("against",) * 18 + ("support",) * 13,
    ),
    Refusal(
        Person("won", "罗启明", "1989-01-27", "m", "33"),
        WON_CASE,
        reason="开药记录连起来有 32 天，超过健康要求写的 30 天。",
        change="如果能证明中间停过药，例如药还有剩，或医生当时让停药，请提供病历。",
        appeal_at="2021-10-11 10:00",
        statement="药是分三次开的，中间好了就停了，药盒里还剩一半。系统把三次连在一起算成了 32 天。",
        votes=("support",) * 24 + ("against",) * 7,
    ),
]

JURORS = 36
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = ("明", "丽", "强", "芳", "勇", "静", "军", "艳", "杰", "娟", "涛", "霞")


def jurors(seed: int) -> list[tuple[Person, str]]:
    """The certified, each with the instant at which the exam was passed."""
    chance = Random(seed)  # noqa: S311 - a seeded world is the point
    return [_juror(n, chance) for n in range(1, JURORS + 1)]


def _juror(n: int, chance: Random) -> tuple[Person, str]:
    name = chance.choice(_SURNAMES) + chance.choice(_GIVEN)
    born = date(chance.randint(1965, 2000), chance.randint(1, 12), chance.randint(1, 28))
    sex, region = chance.choice("mf"), chance.choice(["44", "37", "41", "32", "42", "33"])
    hour = f"{9 + n // 6:02d}:{n % 6 * 10:02d}"
    who = Person(f"juror{n:02d}", name, born.isoformat(), sex, region, f"2021-06-03 {hour}")
    return who, f"2021-09-15 {hour}"


# Members of the other plans, who know nothing of illness so far.
OTHERS = [
    (Person("senior1", "曾玉珍", "1957-04-18", "f", "51", "2021-11-08 09:00"), "senior"),
    (Person("senior2", "彭德福", "1955-09-02", "m", "43", "2021-11-09 15:20"), "senior"),
    (Person("chronic1", "邓志远", "1978-01-27", "m", "36", "2021-11-10 20:10"), "chronic"),
    (Person("transport1", "萧雨", "1996-06-14", "f", "31", "2021-11-12 08:30"), "transport"),
]

FAMILY = 2  # 林秀梅 and her son; her mother stands among the unfinished
# How many join by themselves: the crowd makes up the rest.
ILL = len(GRANTED) + len(UNFINISHED) + len([WAITING, MOTHER]) + len(REFUSALS)
JOINING = ILL + FAMILY + JURORS + len(OTHERS)
