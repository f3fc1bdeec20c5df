"""The plan 大病互助计划, its rules and its health questions, as data in both languages.

Numbers: domain.md §1a and §1b. The words are ours. Chinese binds, English explains.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import get_language

from members.models import (
    BenefitBand,
    HealthQuestion,
    Plan,
    QuestionSet,
    Rules,
    TenureStep,
)
from mutualaid import clock

MAIN = "critical"  # the plan that public pages speak of where they speak of one
BEGAN = date(2019, 1, 1)
VERSION = "2019-01"
QUESTIONS_VERSION = "critical-2019-01"
# Whole years on the day of first diagnosis, and what is granted: 300,000 and 100,000 yuan.
BANDS = ((0, 39, 30_000_000), (40, 59, 10_000_000))

# What a community of some ten thousand people cannot carry over from one of millions.
SMALL: dict[str, Any] = {"case_cap_fen": None, "dissolution_members": None}


class Question(NamedTuple):
    """One health question. 没有 ("no") alone meets the requirement."""

    code: str
    text_zh: str
    text_en: str
    hint_zh: str
    hint_en: str


QUESTIONS = (
    Question(
        "cancer",
        "到现在为止，有没有得过癌症？",
        "Has there ever been a cancer?",
        "要算：各种癌、肉瘤、白血病、淋巴瘤、原位癌，治好了的也算。"
        "不用算：医生已经说清楚是良性的瘤。",
        "Counts: any carcinoma, sarcoma, leukaemia, lymphoma or carcinoma in situ, healed ones too."
        " Does not count: a growth that a doctor has clearly called benign.",
    ),
    Question(
        "medicine",
        "最近 2 年，有没有连续用药超过 30 天，或者用过激素治疗？",
        "In the last 2 years, any medicine taken for more than 30 days on end, or steroids?",
        "要算：降压药、降糖药、心脏病的药、激素、中成药。不用算：维生素、钙片、避孕药。",
        "Counts: medicine for blood pressure, sugar or heart, steroids, Chinese patent medicine."
        " Does not count: vitamins, calcium, the pill.",
    ),
    Question(
        "hospital",
        "最近 2 年，有没有因为生病住过院，或者做过手术？",
        "In the last 2 years, any stay in hospital for an illness, or an operation?",
        "不用算：生孩子、骨折、阑尾炎、痔疮、扁桃体这些已经治好的。",
        "Does not count: giving birth, and what has healed: a broken bone, appendix, piles,"
        " tonsils.",
    ),
    Question(
        "awaiting",
        "现在有没有在等检查结果，或者医生让复查、让住院还没有去？",
        "Is a test result awaited, or a re-examination or hospital stay advised and not yet done?",
        "单位体检里写了“建议进一步检查”，还没有查的，也算。",
        "A check-up that says “further examination advised”, not yet done, counts too.",
    ),
    Question(
        "lumps",
        "有没有还没查清楚的结节、息肉、囊肿或肿块？",
        "Is there a nodule, polyp, cyst or lump that is not yet explained?",
        "常见的是甲状腺、乳房、肺、胃肠、卵巢上的。不用算：已经切除、报告写明是良性的。",
        "Most often thyroid, breast, lung, stomach, bowel or ovary. Does not count: removed, and"
        " the report says benign.",
    ),
    Question(
        "chronic",
        "有没有心、脑、肝、肾、肺的慢性病，高血压、糖尿病，或者治不断的血液病、免疫病？",
        "Any lasting illness of heart, brain, liver, kidneys or lungs, high blood pressure,"
        " diabetes, or of the blood or immune system?",
        "例如冠心病、脑梗、肝硬化、肾炎、慢阻肺、再障、红斑狼疮。乙肝病毒携带、肝功能一直正常的不用算。",
        "For example coronary disease, stroke, cirrhosis, nephritis, COPD, aplastic anaemia, lupus."
        " Carrying hepatitis B with a liver that has always tested normal does not count.",
    ),
)

# The answers to a question of the form 有没有. Data, as the questions are.
ANSWERS = {"no": ("没有", "No"), "yes": ("有", "Yes"), "unsure": ("不确定", "Not sure")}


def answer_word(answer: str) -> str:
    """The word of an answer (no, yes, unsure) in the reader's language."""
    chinese, english = ANSWERS[answer]
    return english if (get_language() or "").startswith("en") else chinese


# The declaration of people whom a co-operative brings with a list: made on paper, kept by it.
PAPER_VERSION = "paper"
PAPER = Question(
    "paper",
    "健康告知是加入时在纸上做的，由带来名单的互助组织保管。那份告知里，有没有不符合加入要求的？",
    "The health declaration was made on paper on joining and is kept by the co-operative that"
    " brought the list. Does anything in it not meet the requirement for joining?",
    "互助组织在名单里写明：告知已经做过，符合要求。想看那份纸，请找互助组织。",
    "The co-operative stated in its list that the declaration was made and meets the requirement."
    " Ask the co-operative for the sheet.",
)
PAPER_ANSWERS = {"paper": "no"}

SUMMARY_ZH = """这是互相帮助，不是保险，不承诺一定给付。
有人得到互助金时大家才分摊，一个月两期，每个人一样多，一年有上限。
生病要等 90 天才有保障，意外当天就有。
每次扣款前告诉您金额；随时可以退出，不收费，已分摊的不退。
健康问题要如实回答。加入时不符合要求，生病后得不到互助金。"""
SUMMARY_EN = """This is help among members. It is not insurance and promises no payment.
Shares are due only when benefits are granted: twice a month, the same for everybody, capped a year.
Illness is covered after 90 days, accidents from the first day.
You are told every sum before it is debited. You may leave at any time, free; shares are not repaid.
Answer the health questions truthfully: who did not meet them on joining gets no benefit later."""


class Band(NamedTuple):
    """Whole years on the day of first diagnosis, and what is granted, in fen."""

    from_age: int
    to_age: int
    benefit_fen: int
    severity: str = "severe"


@transaction.atomic
def ensure_plan(
    *,
    code: str = MAIN,
    demo: bool = False,
    shares_from: date | None = None,
    bands: Iterable[tuple[Any, ...]] = BANDS,
    steps: Iterable[tuple[int, int, int]] = (),
    name_zh: str = "大病互助计划",
    name_en: str = "Critical Illness Plan",
    intro_zh: str = "",
    intro_en: str = "",
    **overrides: Any,
) -> Plan:
    """The plan with its first rules, published. Idempotent: a plan that is there is returned as it
    is. `overrides` are fields of Rules; demo=True takes what a small community needs (no cap a
    case, no dissolution threshold). `shares_from`: the day of the first roster. `bands`: (from age,
    to age, fen, severity); `steps`: (from days of cover, numerator, denominator)."""
    words = {"name_zh": name_zh, "name_en": name_en, "intro_zh": intro_zh, "intro_en": intro_en}
    plan, made = Plan.objects.get_or_create(
        code=code, defaults={"opened_on": BEGAN, "shares_from": shares_from, **words}
    )
    if made:
        _write_rules(plan, bands, steps, (SMALL if demo else {}) | overrides)
    return plan


def _write_rules(
    plan: Plan,
    bands: Iterable[tuple[Any, ...]],
    steps: Iterable[tuple[int, int, int]],
    changes: dict[str, Any],
) -> None:
    fields: dict[str, Any] = {
        "version": VERSION,
        "effective_on": BEGAN,
        "summary_zh": SUMMARY_ZH,
        "summary_en": SUMMARY_EN,
    }
    if "question_set" not in changes:
        fields["question_set"] = ensure_questions()
    rules = Rules.objects.create(plan=plan, **(fields | changes))
    BenefitBand.objects.bulk_create(
        BenefitBand(rules=rules, **Band(*band)._asdict()) for band in bands
    )
    TenureStep.objects.bulk_create(
        TenureStep(rules=rules, from_days=days, numerator=part, denominator=whole)
        for days, part, whole in steps
    )
    rules.published_at = clock.now()
    rules.save(update_fields=["published_at"])


def ensure_paper_questions() -> QuestionSet:
    """The one question behind a declaration made on paper. Idempotent."""
    questions, made = QuestionSet.objects.get_or_create(code=PAPER_VERSION)
    if made:
        HealthQuestion.objects.create(question_set=questions, place=1, **PAPER._asdict())
    return questions


def ensure_questions() -> QuestionSet:
    """The six health questions of this version. Idempotent."""
    questions, made = QuestionSet.objects.get_or_create(code=QUESTIONS_VERSION)
    if made:
        HealthQuestion.objects.bulk_create(
            HealthQuestion(question_set=questions, place=place, **question._asdict())
            for place, question in enumerate(QUESTIONS, start=1)
        )
    return questions
