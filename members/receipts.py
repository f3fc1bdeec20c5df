"""What stands on the receipt of joining, on the page and on paper alike. Reads only.

Everything is of the day of joining: what happens later changes no receipt. No ID number, no birth
date, no answer: the name is masked, and the declaration is named by its digest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from members import rulebook
from members.actions.ends import undo_until
from members.models import Mandate, Membership
from members.rules import mask_name
from mutualaid.clock import day as day_of
from mutualaid.templatetags.look import day, moment


class Line(NamedTuple):
    """A line of the receipt. `code`: letters and digits to be compared one by one."""

    label: str
    value: str
    code: str = ""


class Part(NamedTuple):
    """Lines under a heading."""

    title: str
    rows: list[Line]


def parts(membership: Membership) -> list[Part]:
    """The receipt in the active language."""
    return [
        Part(_("The membership"), _membership(membership)),
        Part(_("What was agreed to"), _agreed(membership)),
        Part(_("The way out"), _way_out(membership)),
    ]


def paper(membership: Membership) -> dict[str, Any]:
    """Context of members/pdf/receipt.html."""
    return {
        "membership": membership,
        "parts": parts(membership),
        "summary": membership.rules.summary.splitlines(),
        "site": settings.SITE_NAME or settings.SITE_TITLE,
        "site_url": settings.SITE_URL,
        "language": "zh-Hans" if (get_language() or "").startswith("zh") else "en",
    }


def _membership(membership: Membership) -> list[Line]:
    joined = membership.joined_at
    return [
        Line(_("Membership number"), membership.number),
        Line(_("Member"), mask_name(membership.member.name)),
        Line(_("Plan"), membership.plan.name),
        Line(_("Joined on"), moment(joined)),
        Line(_("Cover for accidents"), _("Covered from %(day)s") % {"day": day(day_of(joined))}),
        Line(
            _("Cover for illness"),
            _("Covered from %(day)s") % {"day": day(membership.covered_from)},
        ),
    ]


def _agreed(membership: Membership) -> list[Line]:
    rules, declaration = membership.rules, membership.declaration
    version = _("version %(version)s, in force from %(day)s") % {
        "version": rules.version,
        "day": day(rules.effective_on),
    }
    questions = _("questions of version %(code)s, answered on %(at)s") % {
        "code": declaration.question_set.code,
        "at": moment(declaration.declared_at),
    }
    return [
        Line(_("Rules"), version),
        Line(_("Fingerprint of the rules (SHA-256)"), "", rulebook.digest(rules)),
        Line(_("Health declaration"), questions),
        Line(_("Digest of the declaration"), "", bytes(declaration.digest).hex()),
        Line(_("Payment agreement"), _payment(membership)),
    ]


def _payment(membership: Membership) -> str:
    """The agreement to debits that held on joining."""
    found = Mandate.objects.filter(
        account=membership.payer_id, given_at__lte=membership.joined_at
    ).exclude(revoked_at__lte=membership.joined_at)
    mandate = found.order_by("given_at").last()
    if mandate is None:
        return _("none was given on joining")
    return _("given on %(given)s, until %(until)s; it can be revoked at any time") % {
        "given": day(day_of(mandate.given_at)),
        "until": day(mandate.expires_on),
    }


def _way_out(membership: Membership) -> list[Line]:
    undo = _("without a reason until %(until)s, on the page of the membership")
    leave = _("at any time and free, on your page under Leave, or by a call; %(days)s days to undo")
    return [
        Line(_("Undo joining"), undo % {"until": moment(undo_until(membership))}),
        Line(_("Leave"), leave % {"days": membership.rules.leave_undo_days}),
        Line(_("Help by phone"), settings.HELP_PHONE),
    ]
