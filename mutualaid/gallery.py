"""Samples for the list of components: one of each, in both languages, about people who are not."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import get_language

from mutualaid.charts import Point, bars, columns
from mutualaid.clock import SHANGHAI
from mutualaid.forms import DateInput, with_hint
from mutualaid.templatetags.look import ICONS


def say(zh: str, en: str) -> str:
    """The sample in the reader's language. Samples are data, not texts of the product."""
    return zh if (get_language() or "").startswith("zh") else en


class SampleForm(forms.Form):
    """One of each kind of field. Built per request, so the labels need not be lazy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        answers = [
            ("no", say("没有", "No")),
            ("yes", with_hint(say("有", "Yes"), say("下一页问是什么药", "Next: which medicine"))),
        ]
        self.fields = {
            "phone": forms.CharField(
                label=say("手机号", "Mobile number"),
                help_text=say("用来收扣款通知", "For notices of what is debited"),
                error_messages={"required": say("请填 11 位手机号", "Enter 11 digits")},
            ),
            "medicine": forms.ChoiceField(
                label=say("连续吃药超过 30 天吗？", "Medicine for more than 30 days?"),
                choices=answers,
                widget=forms.RadioSelect,
                error_messages={"required": say("请选一个答案", "Choose an answer")},
            ),
            "told": forms.MultipleChoiceField(
                label=say("怎样通知您", "How we tell you"),
                choices=[("sms", say("短信", "Text message")), ("mail", say("邮件", "E-mail"))],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            ),
            "relation": forms.ChoiceField(
                label=say("和您的关系", "Relation to you"),
                choices=[("self", say("本人", "Myself")), ("parent", say("父母", "Parent"))],
            ),
            "found_on": forms.DateField(
                label=say("确诊日期", "Date of diagnosis"),
                help_text=say("看病理报告上的日期", "It stands on the pathology report"),
                widget=DateInput(),
                required=False,
            ),
            "words": forms.CharField(
                label=say("说明", "In your words"),
                widget=forms.Textarea(attrs={"rows": 3}),
                required=False,
            ),
            "paper": forms.FileField(
                label=say("上传出院小结", "Upload the discharge summary"),
                help_text=say("不超过 20 MB", "At most 20 MB"),
                required=False,
            ),
            "agree": forms.BooleanField(
                label=say("我如实回答了上面的问题", "I have answered truthfully"),
                error_messages={"required": say("请先勾选同意", "Please tick the box")},
            ),
        }


def _lists() -> dict[str, Any]:
    return {
        "tasks": [
            {
                "title": say("看懂规则", "Understand the rules"),
                "hint": say("五句话，一张图", "Five sentences and a picture"),
                "url": "#t1",
                "kind": "ok",
                "state": say("已看完", "Read"),
            },
            {
                "title": say("健康告知", "Health questions"),
                "hint": say("6 个问题", "6 questions"),
                "url": "#t2",
                "kind": "do",
                "state": say("可以开始", "You can start"),
            },
            {"title": say("核对并加入", "Check and join"), "state": say("还不能开始", "Not yet")},
        ],
        "summary": [
            {"label": say("姓名", "Name"), "value": say("林**", "Lin **"), "url": "#name"},
            {"label": say("可申请", "Benefit (yuan)"), "value": "100,000.00"},
        ],
        "steps": [
            {"title": say("报案", "Reported"), "status": "done", "on": date(2021, 11, 12)},
            {
                "title": say("调查", "Investigation"),
                "status": "now",
                "icon": "search",
                "on": date(2021, 12, 20),
                "when": say("吴*，不晚于 12 月 20 日", "Wu *, by 20 December"),
                "tag_kind": "wait",
                "tag": say("正在办", "Under way"),
            },
            {"title": say("审核", "Decision"), "status": "later", "on": date(2021, 12, 28)},
        ],
        "criteria": [
            {
                "text": say("典型症状，例如胸痛", "Typical symptoms"),
                "answer": "met",
                "evidence": "A1",
            },
            {"text": say("心电图改变", "New ECG changes"), "answer": "not_met", "evidence": "A2"},
            {"text": say("心肌酶升高", "Raised enzymes"), "answer": "not_shown", "evidence": "—"},
            {
                "text": say("左心室功能降低", "Reduced function"),
                "answer": "not_yet",
                "from_day": date(2021, 12, 20),
                "evidence": "—",
            },
        ],
    }


def _sum() -> list[dict[str, Any]]:
    return [
        {"label": say("互助金", "Benefits"), "hint": say("186 位成员", "186 members"),
         "value": "26,300,000.00"},
        {"op": "＋", "label": say("管理费", "Fee"), "hint": "8%", "value": "2,104,000.00"},
        {"op": "－", "label": say("上期结余", "Surplus carried in"), "value": "11,246.73"},
        {"op": "＝", "label": say("大家要分摊的", "To be shared"), "value": "28,392,753.27",
         "line": True},
        {"op": "÷", "label": say("分摊人数", "Sharing members"), "value": "4,218,306"},
        {"op": "＝", "label": say("每人", "Each"), "value": say("6.74 元", "6.74 yuan"),
         "total": True},
    ]  # fmt: skip


_SHARES = (454, 467, 491, 482, 511, 493, 499, 515, 518, 529, 573, 575, 567, 566, 554, 602, 596,
           551, 600, 589, 599, 621, 638, 674)  # fmt: skip


def _charts() -> dict[str, Any]:
    points = [
        Point(
            f"{2020 + (23 + n) // 24}.{(23 + n) % 24 // 2 + 1:02}",
            fen,
            f"{fen // 100}.{fen % 100:02}",
        )
        for n, fen in enumerate(_SHARES)
    ]
    rest = say("其余疾病", "All others")
    found = [
        (say("乳腺癌", "Breast"), 31), (say("肺癌", "Lung"), 29), (say("甲状腺癌", "Thyroid"), 18),
        (rest, 46),
    ]  # fmt: skip
    return {
        "shares": columns(points),
        "share_caption": say("近 24 期每人分摊金（元）", "Share of the last 24 periods (yuan)"),
        "share_desc": say("从 4.54 元逐步升到 6.74 元。", "It rises from 4.54 to 6.74 yuan."),
        "share_heads": (say("期", "Period"), say("每人（元）", "Each (yuan)")),
        "found": bars(found, rest=rest),
        "found_caption": say("得的是什么病（人）", "Which illness (people)"),
        "found_desc": say("最多的是乳腺癌 31 人。", "Most often breast cancer: 31."),
        "found_heads": (say("疾病", "Illness"), say("人数", "People")),
    }


def context() -> dict[str, Any]:
    """What components/gallery.html shows."""
    return {
        "icons": sorted(ICONS),
        "at": datetime(2021, 12, 9, 14, 11, tzinfo=SHANGHAI),
        "sample": SampleForm({"phone": ""}, prefix="s"),
        "question": SampleForm(prefix="q")["medicine"],
        "sum": _sum(),
        "mother": say("妈妈", "your mother"),
        "text": say("扣款前 2 天，我们告诉您金额。", "We tell you the sum 2 days before."),
        "title": say("还剩 5 天可以提异议", "5 days left to object"),
        "word": say("示例", "Sample"),
        "hint": say("不用先交钱", "Nothing to pay now"),
        "eyebrow": say("健康告知，第 2 题，共 6 题", "Health questions, 2 of 6"),
        **_lists(),
        **_charts(),
    }
