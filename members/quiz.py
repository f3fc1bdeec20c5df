"""The short quiz before joining: five questions on shares and claims, each answer explained.

Pure: no tables. 蔡师傅's wish: whoever joins knows what they join (domain.md §6). The words are
ours and hold for every plan; numbers that differ by plan stand on the page before the quiz.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import get_language


class Text(NamedTuple):
    """The same sentence in both languages; Chinese binds."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.en if (get_language() or "").startswith("en") else self.zh


class Question(NamedTuple):
    """`choices`: code to text; `why` explains the right one."""

    code: str
    text: Text
    choices: dict[str, Text]
    right: str
    why: Text


QUESTIONS = (
    Question(
        "nature",
        Text("加入以后，得了病一定能拿到钱吗？", "After joining, is the benefit certain?"),
        {
            "promised": Text("一定，和买保险一样", "Yes, as with an insurance"),
            "rules": Text(
                "不一定：符合规则、经过审核和公示才有",
                "No: only by the rules, after review and disclosure",
            ),
            "asked": Text("谁申请谁就有", "Yes, for whoever asks"),
        },
        "rules",
        Text(
            "这是大家互相帮助，不是保险，不承诺一定给付。每一份申请都按公开的条件审核，再向所有人公示。",
            "This is help among members, not insurance, and promises no payment. Each claim is"
            " judged by published conditions and then laid open to everybody.",
        ),
    ),
    Question(
        "when",
        Text("什么时候要出钱？", "When do you pay?"),
        {
            "first": Text("加入的时候先交一笔", "A sum when you join"),
            "month": Text("每月固定交一样多", "The same sum every month"),
            "helped": Text("有人得到帮助时，大家平摊", "When somebody is helped, everybody shares"),
        },
        "helped",
        Text(
            "加入时不用交钱。一个月两期：有人得到互助金，才由全体成员平摊，扣款前会告诉您多少。",
            "Joining costs nothing. Twice a month the benefits that were granted are shared by all"
            " members, and you are told the sum before it is debited.",
        ),
    ),
    Question(
        "amount",
        Text("每期分摊的钱会变吗？", "Does the share change?"),
        {
            "never": Text("不变", "No, never"),
            "rises": Text(
                "会变：得病的人多、参加的人少，就会涨",
                "Yes: more cases or fewer members, and it rises",
            ),
            "falls": Text("只会越来越少", "It only falls"),
        },
        "rises",
        Text(
            "分摊金＝这期的互助金和管理费÷人数。等待期过后得病的人会多起来，所以一般先低后高。规则里写了一年的上限。",
            "A share is the period's benefits and fee divided by the members. After the waiting"
            " periods more people fall ill, so shares usually begin low and rise. The rules name"
            " the most for a year.",
        ),
    ),
    Question(
        "honest",
        Text(
            "健康问题没有如实回答，会怎样？",
            "What if a health question is not answered truthfully?",
        ),
        {
            "nothing": Text("没人查，没关系", "Nothing: nobody checks"),
            "later": Text(
                "生病申请时会查，不符合就得不到", "It is checked at a claim, and nothing is granted"
            ),
            "older": Text("过两年就不算了", "After two years it no longer counts"),
        },
        "later",
        Text(
            "申请时会核对加入那天的情况。不确定的，现在就选“不确定”：有专人书面答复，答复算数。",
            "At a claim the state on the day of joining is looked into. If you are not sure, say so"
            " now: a reviewer answers in writing, and the answer binds.",
        ),
    ),
    Question(
        "leave",
        Text("不想参加了怎么办？", "What if you no longer want to take part?"),
        {
            "fee": Text("要交违约金", "There is a fee for leaving"),
            "year": Text("满一年才能退", "Only after a year"),
            "any": Text(
                "随时可以退，已经分摊的不退还", "Leave at any time; shares paid are not repaid"
            ),
        },
        "any",
        Text(
            "在“我的”里点两下就能退，不收钱。已经公示的那一期还要分摊；以后再加入，要重新过等待期。",
            "Two taps on your page, and free. A period that is already disclosed is still shared;"
            " who joins again later waits again.",
        ),
    ),
)


def wrong(answers: Mapping[str, str]) -> list[str]:
    """The codes of the questions that are not answered rightly, in order; empty: passed."""
    return [question.code for question in QUESTIONS if answers.get(question.code) != question.right]
