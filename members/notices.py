"""The texts of notices: a code names a title and a text, facts fill it in the reader's language.

A fact whose name ends in `_fen` is whole fen and is shown as yuan; one ending in `_on` is an ISO
date and one ending in `_at` an ISO instant, shown in words in Asia/Shanghai. Each room adds its
codes to CODES.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment

Text = str | Promise

# code: (title, text). The words of a code may change; its facts may only grow.
CODES: dict[str, tuple[Text, Text]] = {
    "joined": (
        _("%(name)s has joined"),
        _(
            "Membership %(number)s. Accidents are covered from %(joined_on)s, illness from"
            " %(covered_on)s. We tell you every share before it is debited."
        ),
    ),
    "left": (
        _("%(name)s has left"),
        _(
            "Membership %(number)s ended on %(ended_on)s. A period whose members were counted"
            " before that day is still shared; nothing after it."
        ),
    ),
    "aged_out": (
        _("%(name)s has passed the highest age"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the plan covers people up to"
            " %(age)s years. What was first diagnosed before that day can still be asked for."
        ),
    ),
    "membership_ended_arrears": (
        _("The membership of %(name)s has ended"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because a share was not paid in time."
            " You can call us about coming back."
        ),
    ),
    "membership_ended_helped": (
        _("The membership of %(name)s is complete"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the benefit was granted. Nothing"
            " more is debited for it."
        ),
    ),
}


def render(code: str, facts: Mapping[str, object]) -> tuple[str, str]:
    """Title and text in the active language. Raises KeyError for a code or a fact not known."""
    title, text = CODES[code]
    shown = {name: _shown(name, value) for name, value in facts.items()}
    return str(title) % shown, str(text) % shown


def _shown(name: str, value: object) -> object:
    if name.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    if name.endswith("_on") and isinstance(value, str):
        return day(date.fromisoformat(value))
    if name.endswith("_at") and isinstance(value, str):
        return moment(datetime.fromisoformat(value))
    return value
