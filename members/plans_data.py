"""Plans to begin with, as data: the four of 相互宝 and what its peers did otherwise.

Numbers: domain.md §1a (the four plans) and §1e (peers); where a source names none, the number is
that of the main plan and the comment says so. Names and words are ours. `manage.py add_plan CODE`
makes one; a plan can as well be set up in the admin, without code.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from members import reference
from members.models import HealthQuestion, Plan, QuestionSet

YUAN = 100  # fen
SEVERE, MILD = "severe", "mild"
# Cancer is excluded, not the lasting illnesses: 高血压、糖尿病 may join (domain.md §1a).
CANCER_QUESTIONS = ("cancer", "awaiting", "lumps")
ACCIDENT_SUMMARY_ZH = """这是互相帮助，不是保险，不承诺一定给付。
只帮乘坐公共交通时出的意外，生病不在范围内；加入当天就有保障，没有健康要求。
有人得到互助金时大家才分摊；扣款前告诉您金额；随时可以退出，不收费。"""
ACCIDENT_SUMMARY_EN = """This is help among members. It is not insurance and promises no payment.
It helps after accidents in public transport; illness is not part of it. Cover begins on the day of
joining, and no health questions are asked.
Shares are due only when benefits are granted, and you are told every sum before it is debited. You
may leave at any time, free."""

PRESETS: dict[str, dict[str, Any]] = {
    # --- the four plans, domain.md §1a
    "critical": {
        "name_zh": "大病互助计划",
        "name_en": "Critical Illness Plan",
        "intro_zh": "出生满 30 天到 59 岁。得了重大疾病，一次给 30 万元或 10 万元。",
        "intro_en": "From 30 days to 59 years. One sum for a critical illness: 300,000 or 100,000"
        " yuan by age.",
        "next_plan": "senior",
    },
    "senior": {
        "name_zh": "老年防癌互助计划",
        "name_en": "Cancer Plan for the Old",
        "intro_zh": "60 到 70 岁。得了癌症，重度给 10 万元，轻度给 5 万元。"
        "有高血压、糖尿病也能加入。",
        "intro_en": "From 60 to 70 years. 100,000 yuan for severe cancer, 50,000 for mild. High"
        " blood pressure or diabetes do not stand in the way.",
        "min_age_years": 60,
        "max_age_years": 70,
        "bands": ((60, 70, 100_000 * YUAN, SEVERE), (60, 70, 50_000 * YUAN, MILD)),
        "norm": "2020",  # the plan's own definitions are not published; the norm knows mild cancer
        "diseases": ["malignant_tumour", "malignant_tumour_mild"],
        "case_cap_fen": 1 * YUAN,
        "questions": CANCER_QUESTIONS,
    },
    "chronic": {
        "name_zh": "慢性病人群防癌互助计划",
        "name_en": "Cancer Plan for People with Lasting Illness",
        "intro_zh": "出生满 30 天到 59 岁，三高、心脑血管病、肾炎、风湿等慢性病人也能加入。"
        "得了癌症，一次给 30 万元或 10 万元。",
        "intro_en": "From 30 days to 59 years, for people with high blood pressure, diabetes, heart"
        " or kidney disease, rheumatism. 300,000 or 100,000 yuan for cancer, by age.",
        "diseases": ["malignant_tumour"],
        "case_cap_fen": 1 * YUAN,
        "questions": CANCER_QUESTIONS,
    },
    "transport": {
        "name_zh": "公共交通意外互助计划",
        "name_en": "Public Transport Accident Plan",
        "intro_zh": "出生满 30 天到 59 岁，没有健康要求。"
        "乘飞机、火车、地铁、公共汽车、出租车时出意外，身故或重度伤残，一次给一笔。",
        "intro_en": "From 30 days to 59 years, no health requirement. One sum after death or severe"
        " disability by an accident as passenger of plane, train, underground, bus or taxi.",
        # The sources name no sum: that of the main plan for the young.
        "bands": ((0, 59, 300_000 * YUAN, SEVERE),),
        "norm": "transport",
        "accidents_only": True,
        "waiting_days": 0,
        "questions": (),
        "summary_zh": ACCIDENT_SUMMARY_ZH,
        "summary_en": ACCIDENT_SUMMARY_EN,
    },
    # --- variants, domain.md §1a (相互保 of 2018) and §1e
    "score": {  # 相互保, 2018: 650 points of 芝麻分, a fee of a tenth
        "name_zh": "信用分互助计划",
        "name_en": "Plan with a Score",
        "admission": "score",
        "min_score": 650,
        "fee_bp": 1000,
    },
    "rising": {  # 康爱公社: no fee, a third, two thirds, the whole
        "name_zh": "逐年递增互助计划",
        "name_en": "Plan that Rises with the Years",
        "bands": ((0, 59, 300_000 * YUAN, SEVERE),),
        "steps": ((0, 1, 3), (365, 2, 3), (730, 1, 1)),
        "fee_bp": 0,
        "waiting_days": 180,
        "waiting_longer_from_age": 40,
        "waiting_longer_days": 365,
        "case_cap_fen": None,
        "annual_cap_fen": None,
        "dissolution_members": None,
    },
    "long_wait": {  # 新浪互助, e互助: 180 days
        "name_zh": "半年等待期互助计划",
        "name_en": "Plan with Half a Year of Waiting",
        "bands": ((0, 59, 300_000 * YUAN, SEVERE),),
        "waiting_days": 180,
    },
    "village": {  # a co-operative of its own members: invited, no more than can know each other
        "name_zh": "邀请制互助计划",
        "name_en": "Plan by Invitation",
        "admission": "invitation",
        "ceiling_members": 5_000,
        "fee_bp": 0,
        "waiting_days": 0,
        "bands": ((0, 39, 50_000 * YUAN, SEVERE), (40, 59, 30_000 * YUAN, SEVERE)),
        "case_cap_fen": None,
        "annual_cap_fen": None,
        "dissolution_members": 200,
    },
}


def ensure(code: str, *, opened_on: date | None = None, **overrides: Any) -> Plan:
    """The plan of that preset with its first rules, published; idempotent. A plan that it leads on
    to by age is made first. `opened_on`: the first day of plan and rules. Raises KeyError for an
    unknown code."""
    fields = PRESETS[code] | overrides
    asked = fields.pop("questions", None)
    if asked is not None:
        fields["question_set"] = _questions(asked)
    if isinstance(fields.get("next_plan"), str):
        fields["next_plan"] = ensure(fields["next_plan"], opened_on=opened_on)
        fields["next_plan_waits"] = False  # ageing out offers it without a new wait
    if opened_on is not None:
        fields |= {"effective_on": opened_on, "version": f"{opened_on:%Y-%m}"}
    plan = reference.ensure_plan(code=code, **fields)
    if opened_on is not None and plan.opened_on != opened_on:
        plan.opened_on = opened_on
        plan.save(update_fields=["opened_on"])
    return plan


def _questions(codes: tuple[str, ...]) -> QuestionSet:
    """Some of the questions of the main plan, in their order; none at all has a name too."""
    name = f"{'-'.join(codes) or 'none'}-2019-01"
    made, new = QuestionSet.objects.get_or_create(code=name, defaults={"asks_nothing": not codes})
    if new:
        asked = [question for question in reference.QUESTIONS if question.code in codes]
        HealthQuestion.objects.bulk_create(
            HealthQuestion(question_set=made, place=place, **question._asdict())
            for place, question in enumerate(asked, start=1)
        )
    return made
